#include "maps.h"

void make_map(const char *namespace_, const char *name, const char *labels)
{
	struct answer got = {0};
	kshim_object *object;
	char text[600];

	snprintf(text, sizeof(text), "{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{\"name\":\"%s\","
		 "\"namespace\":\"%s\",\"labels\":{\"" RUN_LABEL "\":\"%s\"%s%s}}}", name, namespace_, live_run(),
		 *labels ? "," : "", labels);
	object = kshim_object_from_text(server->client, text, strlen(text));
	ASK(server, &got, kshim_object_create(object, NULL, live_done, &got));
	EXPECT(&got, KSHIM_OK);
	kshim_object_unref(object);
	live_clear(&got);
}

kshim_query *maps_with(const char *namespace_, const char *key, const char *value)
{
	kshim_query *query = kshim_query_new(server->client, KSHIM_CONFIG_MAP, namespace_);

	assert_int_equal(kshim_query_add_label(query, key, KSHIM_OP_EQUALS, &value, 1), 0);
	return query;
}

void delete_all(kshim_query *query)
{
	struct answer got = {0};

	ASK(server, &got, kshim_query_delete_all(query, NULL, live_done, &got));
	EXPECT(&got, KSHIM_OK);
	live_clear(&got);
}

static void on_item(kshim_object *item, void *user)
{
	struct names *names = user;

	assert_int_equal(names->answer.calls, 0);
	strcat(strcat(names->text, kshim_object_name(item)), " ");
	assert_non_null(kshim_object_kind(item));
	assert_non_null(kshim_object_api_version(item));
}

void list(kshim_query *query, struct names *names)
{
	names->text[0] = '\0';
	ASK(server, &names->answer, kshim_query_list(query, on_item, live_done, names));
}

void list_is(kshim_query *query, const char *expected)
{
	struct names names = {.text = ""};

	list(query, &names);
	EXPECT(&names.answer, KSHIM_OK);
	assert_string_equal(names.text, expected);
	live_clear(&names.answer);
}

void refused(const void *nothing)
{
	assert_null(nothing);
	assert_int_equal(kshim_error_code(kshim_client_error(server->client)), KSHIM_EINVAL);
	assert_non_null(kshim_error_message(kshim_client_error(server->client)));
}

void refused_int(int rc)
{
	assert_int_equal(rc, -1);
	refused(NULL);
}
