/* Pages, tables and versions of lists, against a real API server. */
#include "maps.h"

/* ---- pages */

#define MAPS 25

static void make_maps(void)
{
	char name[32];
	int i;

	for (i = 0; i < MAPS; i++) {
		snprintf(name, sizeof(name), "page-%02d", i);
		make_map(server->namespace_, name, "\"set\":\"pages\"");
	}
}

static void all_of(char *text, int from, int to)
{
	for (*text = '\0'; from < to; from++)
		text += sprintf(text, "page-%02d ", from);
}

static void pages(void **state)
{
	kshim_query *query = maps_with(server->namespace_, "set", "pages");
	struct names names = {.text = ""};
	char expected[4000];

	(void)state;
	all_of(expected, 0, MAPS);
	live_reset(server);
	list(query, &names);
	assert_int_equal(server->requests, 1);
	assert_string_equal(names.text, expected);
	kshim_query_set_limit(query, 10);
	live_reset(server);
	list(query, &names);
	EXPECT(&names.answer, KSHIM_OK);
	assert_string_equal(names.text, expected);
	assert_int_equal(names.answer.count, MAPS);
	assert_int_equal(names.answer.consistent, 1);
	assert_null(names.answer.next);
	assert_non_null(names.answer.version);
	assert_int_equal(server->requests, 3);
	assert_null(strstr(server->paths[0], "continue="));
	assert_non_null(strstr(server->paths[1], "continue="));
	assert_non_null(strstr(server->paths[2], "limit=10"));
	/* the last page is full */
	kshim_query_set_limit(query, 5);
	live_reset(server);
	list(query, &names);
	assert_string_equal(names.text, expected);
	assert_int_equal(server->requests, 5);
	kshim_query_free(query);
	live_clear(&names.answer);
}

static void one_page(void **state)
{
	kshim_query *query = maps_with(server->namespace_, "set", "pages");
	struct names names = {.text = ""};
	char expected[4000];
	int from;

	(void)state;
	kshim_query_set_limit(query, 10);
	assert_int_equal(kshim_query_set_page(query, NULL), 0);
	live_reset(server);
	for (from = 0; from < MAPS; from += 10) {
		list(query, &names);
		EXPECT(&names.answer, KSHIM_OK);
		all_of(expected, from, from + 10 < MAPS ? from + 10 : MAPS);
		assert_string_equal(names.text, expected);
		assert_int_equal(names.answer.next != NULL, from + 10 < MAPS);
		assert_int_equal(kshim_query_set_page(query, names.answer.next), 0);
	}
	assert_int_equal(server->requests, 3);
	kshim_query_set_page(query, "no token at all");
	list(query, &names);
	EXPECT(&names.answer, KSHIM_EBADREQUEST);
	assert_non_null(strstr(kshim_error_message(names.answer.error), "continue key is not valid"));
	kshim_query_free(query);
	live_clear(&names.answer);
}

/* A token of a state that etcd has compacted away says 410, with a token that
 * goes on. A server that has just been started has nothing to refuse yet. */
static void expired_page(void **state)
{
	/* {"v":"meta.k8s.io/v1","rv":2,"start":"page-10\u0000"} */
	static const char token[] = "eyJ2IjoibWV0YS5rOHMuaW8vdjEiLCJydiI6Miwic3RhcnQiOiJwYWdlLTEwXHUwMDAwIn0";
	kshim_query *query = maps_with(server->namespace_, "set", "pages");
	struct names names = {.text = ""};
	json_t *status, *meta;

	(void)state;
	kshim_query_set_limit(query, 10);
	kshim_query_set_page(query, token);
	list(query, &names);
	if (names.answer.code == KSHIM_OK) {
		kshim_query_free(query);
		live_clear(&names.answer);
		print_message("SKIPPED: this API server is younger than its first compaction, so that no continue "
			      "token has expired\n");
		skip();
	}
	EXPECT(&names.answer, KSHIM_EGONE);
	assert_string_equal(kshim_error_reason(names.answer.error), "Expired");
	status = json_loads(kshim_error_body(names.answer.error, NULL), 0, NULL);
	meta = json_object_get(status, "metadata");
	kshim_query_set_page(query, json_string_value(json_object_get(meta, "continue")));
	json_decref(status);
	list(query, &names);
	EXPECT(&names.answer, KSHIM_OK);
	assert_memory_equal(names.text, "page-1", 6);
	kshim_query_free(query);
	live_clear(&names.answer);
}

static void count_page(const char *json, size_t len, void *user)
{
	struct names *names = user;
	json_t *table = json_loadb(json, len, 0, NULL), *rows = json_object_get(table, "rows");
	size_t i;

	assert_int_equal(json[len], '\0');
	assert_string_equal(json_string_value(json_object_get(table, "kind")), "Table");
	assert_true(json_array_size(json_object_get(table, "columnDefinitions")) > 0);
	for (i = 0; i < json_array_size(rows); i++) {
		json_t *cells = json_object_get(json_array_get(rows, i), "cells");

		strcat(strcat(names->text, json_string_value(json_array_get(cells, 0))), " ");
	}
	json_decref(table);
}

static void tables(void **state)
{
	kshim_query *query = maps_with(server->namespace_, "set", "pages");
	struct names names = {.text = ""};
	char expected[4000];
	json_t *table;

	(void)state;
	all_of(expected, 0, MAPS);
	kshim_query_set_limit(query, 10);
	live_reset(server);
	ASK(server, &names.answer, kshim_query_table(query, NULL, count_page, live_done, &names));
	EXPECT(&names.answer, KSHIM_OK);
	assert_string_equal(names.text, expected);
	assert_int_equal(server->requests, 3);
	names.text[0] = '\0';
	ASK(server, &names.answer, kshim_query_table(query, "page-07", count_page, live_done, &names));
	EXPECT(&names.answer, KSHIM_OK);
	assert_string_equal(names.text, "page-07 ");
	table = json_loadb(names.answer.body, names.answer.len, 0, NULL);
	assert_string_equal(json_string_value(json_object_get(table, "apiVersion")), "meta.k8s.io/v1");
	json_decref(table);
	ASK(server, &names.answer, kshim_query_table(query, "page-99", NULL, live_done, &names));
	EXPECT(&names.answer, KSHIM_ENOTFOUND);
	kshim_query_free(query);
	live_clear(&names.answer);
}

/* ---- a list that is kept */

struct kept {
	struct answer answer;
	kshim_object *first;
	char text[100];
};

static void on_kept(kshim_result *result, void *user)
{
	struct kept *kept = user;
	size_t i, count = kshim_result_item_count(result);

	for (i = 0; i < count; i++) {
		strcat(kept->text, kshim_object_name(kshim_result_item(result, i)));
		strcat(kept->text, " ");
	}
	assert_null(kshim_result_item(result, count));
	kept->first = kshim_object_ref(kshim_result_item(result, 0));
	live_done(result, &kept->answer);
}

static void collect(void **state)
{
	kshim_query *query = maps_with(server->namespace_, "set", "kept");
	struct kept kept = {.text = ""}, none = {.text = ""};

	(void)state;
	ASK(server, &none.answer, kshim_query_collect(query, on_kept, &none));
	EXPECT(&none.answer, KSHIM_OK);
	assert_null(none.first);
	make_map(server->namespace_, "k1", "\"set\":\"kept\"");
	make_map(server->namespace_, "k2", "\"set\":\"kept\"");
	make_map(server->namespace_, "k3", "\"set\":\"kept\"");
	kshim_query_set_limit(query, 2);
	ASK(server, &kept.answer, kshim_query_collect(query, on_kept, &kept));
	EXPECT(&kept.answer, KSHIM_OK);
	assert_string_equal(kept.text, "k1 k2 k3 ");
	assert_non_null(kept.answer.version);
	assert_string_equal(kshim_object_name(kept.first), "k1");
	kshim_object_unref(kept.first);
	kshim_query_free(query);
	live_clear(&none.answer);
	live_clear(&kept.answer);
}

/* ---- versions */

static void versions(void **state)
{
	kshim_query *query = maps_with(server->namespace_, "set", "versions");
	struct names names = {.text = ""};
	char *first;

	(void)state;
	make_map(server->namespace_, "v1", "\"set\":\"versions\"");
	list(query, &names);
	first = strdup(names.answer.version);
	make_map(server->namespace_, "v2", "\"set\":\"versions\"");
	list_is(query, "v1 v2 ");
	assert_int_equal(kshim_query_set_resource_version(query, first, KSHIM_MATCH_EXACT), 0);
	live_reset(server);
	list(query, &names);
	assert_string_equal(names.text, "v1 ");
	assert_string_equal(names.answer.version, first);
	assert_non_null(strstr(server->paths[0], "resourceVersionMatch=Exact"));
	/* of a snapshot in pages too: only the first names the version */
	kshim_query_set_limit(query, 1);
	list_is(query, "v1 ");
	kshim_query_set_limit(query, 0);
	kshim_query_set_resource_version(query, first, KSHIM_MATCH_NOT_OLDER_THAN);
	list(query, &names);
	EXPECT(&names.answer, KSHIM_OK);
	assert_non_null(strstr(names.text, "v1 ")); /* in no order before 1.27 or so */
	kshim_query_set_resource_version(query, first, KSHIM_MATCH_UNSET);
	list(query, &names);
	EXPECT(&names.answer, KSHIM_OK);
	kshim_query_set_resource_version(query, "0", KSHIM_MATCH_UNSET);
	list(query, &names);
	EXPECT(&names.answer, KSHIM_OK);
	kshim_query_set_resource_version(query, "0", KSHIM_MATCH_NOT_OLDER_THAN);
	list(query, &names);
	EXPECT(&names.answer, KSHIM_OK);
	live_reset(server);
	refused_int(kshim_query_set_resource_version(query, "0", KSHIM_MATCH_EXACT));
	refused_int(kshim_query_set_resource_version(query, NULL, KSHIM_MATCH_EXACT));
	refused_int(kshim_query_set_resource_version(query, NULL, KSHIM_MATCH_NOT_OLDER_THAN));
	refused_int(kshim_query_set_resource_version(query, first, (kshim_match)3));
	list(query, &names); /* as before */
	assert_non_null(strstr(server->paths[0], "resourceVersion=0&resourceVersionMatch=NotOlderThan"));
	kshim_query_set_resource_version(query, "no-number", KSHIM_MATCH_UNSET);
	list(query, &names);
	assert_int_not_equal(names.answer.code, KSHIM_OK);
	assert_in_range(names.answer.status, 400, live_minor(server) < 25 ? 500 : 422);
	assert_int_equal(kshim_query_set_resource_version(query, NULL, KSHIM_MATCH_UNSET), 0);
	list_is(query, "v1 v2 ");
	kshim_query_free(query);
	free(first);
	live_clear(&names.answer);
}

/* A state that is yet to come: the server waits three seconds, then gives up
 * with a Retry-After, which is left alone here. */
static void version_of_the_future(void **state)
{
	kshim_query *query = maps_with(server->namespace_, "set", "versions");
	struct names names = {.text = ""};

	(void)state;
	kshim_client_set_max_retries(server->client, 0);
	kshim_query_set_resource_version(query, "999999999999", KSHIM_MATCH_NOT_OLDER_THAN);
	list(query, &names);
	kshim_client_set_max_retries(server->client, 10);
	EXPECT(&names.answer, KSHIM_ESERVER);
	assert_int_equal(names.answer.status, 504);
	assert_string_equal(kshim_error_cause_reason(names.answer.error, 0), "ResourceVersionTooLarge");
	assert_int_equal(kshim_error_is_retryable(names.answer.error), 1);
	kshim_query_free(query);
	live_clear(&names.answer);
}

/* ---- running */

static int set_up(void **state)
{
	live_set_up(state);
	make_maps();
	return 0;
}

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(pages),
		cmocka_unit_test(one_page),
		cmocka_unit_test(expired_page),
		cmocka_unit_test(tables),
		cmocka_unit_test(collect),
		cmocka_unit_test(versions),
		cmocka_unit_test(version_of_the_future),
	};

	return live_run_tests(argc, argv, "list", tests, sizeof(tests) / sizeof(tests[0]), set_up, live_tear_down);
}
