/* Answers of one meaning in several forms, as servers have them. */
#include "../testutil.h"

#define GONE_BUT "{\"kind\":\"Pod\",\"apiVersion\":\"v1\",\"metadata\":{\"name\":\"a\",\"namespace\":\"ns\",\"uid\":\"u-1\"," \
		 "\"resourceVersion\":\"9\",\"deletionTimestamp\":\"2026-11-24T08:00:00Z\",\"finalizers\":[\"foregroundDeletion\"]}}"
#define SUCCESS "{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"metadata\":{},\"status\":\"Success\",\"details\":{\"name\":\"a\"," \
		"\"kind\":\"pods\",\"uid\":\"u-1\"}}"

/* A delete: done or to be done, with the object that goes or with a Status. */
static void test_delete(void **state)
{
	static const struct {
		int status;
		const char *body;
		bool is_object;
	} cases[] = {
		{200, SUCCESS, false}, {202, SUCCESS, false}, {200, POD("a"), true}, {202, POD("a"), true}, {200, GONE_BUT, true},
	};
	size_t i;

	for (i = 0; i < COUNT(cases); i++) {
		const struct fakeapi_route route = {"DELETE", LIST_PATH "/a", .answer = {.status = cases[i].status,
										       .body = cases[i].body}};
		struct seen seen = {0};
		kshim_object *object;
		struct rig rig;

		rig_start(&rig, state, &route, 1);
		object = kshim_query_object(rig.pods, "a");
		assert_non_null(started(&seen, kshim_object_delete(object, NULL, seen_done, &seen)));
		rig_drive(&rig);
		assert_ok(&seen);
		assert_int_equal(seen.status, cases[i].status);
		assert_int_equal(seen.has_object, cases[i].is_object);
		assert_string_equal(seen.object, cases[i].is_object ? "a" : "");
		if (!cases[i].is_object)
			assert_string_equal(seen.body, cases[i].body);
		assert_null(kshim_object_uid(object)); /* the handle is as it was */
		kshim_object_unref(object);
		rig_stop(&rig);
	}
}

/* A create: the object, with 200, 201, or 202 where it takes time. */
static void test_create(void **state)
{
	static const int statuses[] = {200, 201, 202};
	size_t i;

	for (i = 0; i < COUNT(statuses); i++) {
		const struct fakeapi_route route = {"POST", LIST_PATH, .answer = {.status = statuses[i], .body = POD("a")}};
		struct seen seen = {0};
		struct rig rig;

		rig_start(&rig, state, &route, 1);
		start_to_create_pod(&rig, &seen);
		rig_drive(&rig);
		assert_ok(&seen);
		assert_int_equal(seen.status, statuses[i]);
		assert_string_equal(seen.object, "a");
		rig_stop(&rig);
	}
}

/* The last page: without a token in every form, and with no items in two. */
static void test_no_more_pages(void **state)
{
	static const struct {
		const char *body, *names;
	} cases[] = {
		{"{\"kind\":\"PodList\",\"metadata\":{\"resourceVersion\":\"1\"},\"items\":[" POD("a") "]}", " a"},
		{"{\"kind\":\"PodList\",\"metadata\":{\"resourceVersion\":\"1\",\"continue\":\"\"},\"items\":[" POD("a") "]}", " a"},
		{"{\"kind\":\"PodList\",\"metadata\":{\"continue\":null},\"items\":[" POD("a") "]}", " a"},
		{"{\"kind\":\"PodList\",\"metadata\":{},\"items\":[" POD("a") "]}", " a"},
		{"{\"kind\":\"PodList\",\"metadata\":null,\"items\":[" POD("a") "]}", " a"},
		{"{\"kind\":\"PodList\",\"items\":[" POD("a") "]}", " a"},
		{"{\"kind\":\"PodList\",\"items\":null,\"metadata\":{\"continue\":null}}", ""},
		{"{\"kind\":\"PodList\",\"items\":[],\"metadata\":{\"continue\":\"\"}}", ""},
	};
	size_t i;

	for (i = 0; i < COUNT(cases); i++) {
		const struct fakeapi_route route = {.answer = {.body = cases[i].body}};
		struct seen seen = {0};
		struct rig rig;

		rig_start(&rig, state, &route, 1);
		kshim_query_set_limit(rig.pods, 5);
		list_pods(&rig, &seen);
		assert_ok(&seen);
		assert_string_equal(seen.names, cases[i].names);
		assert_string_equal(seen.token, "");
		assert_int_equal(fakeapi_request_count(rig.api), 1);
		rig_stop(&rig);
	}
}

static void on_page(const char *json, size_t len, void *user)
{
	struct seen *seen = user;

	snprintf(seen->names, sizeof(seen->names), "%.*s", (int)len, json);
}

/* A Table is asked for, and JSON behind it: an aggregated server that has none answers with a List. */
static void test_table(void **state)
{
	static const char list[] = "{\"kind\":\"PodList\",\"apiVersion\":\"v1\",\"metadata\":{\"resourceVersion\":\"1\"},\"items\":[]}";
	const struct fakeapi_route route = {.answer = {.body = list}};
	const char *accept;
	kshim_error *error = NULL;
	struct seen seen = {0};
	struct rig rig;

	rig_start(&rig, state, &route, 1);
	assert_non_null(started(&seen, kshim_query_table(rig.pods, NULL, on_page, seen_done, &seen)));
	rig_drive(&rig);
	assert_ok(&seen);
	assert_string_equal(seen.names, list);
	accept = fakeapi_header(fakeapi_request(rig.api, 0), "Accept");
	assert_string_equal(accept, "application/json;as=Table;v=v1;g=meta.k8s.io,application/json");
	assert_null(kshim_table_new(list, strlen(list), &error));
	assert_int_equal(kshim_error_code(error), KSHIM_EPROTOCOL);
	kshim_error_free(error);
	rig_stop(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BOTH_HTTP(test_delete),
		BOTH_HTTP(test_create),
		ONLY_H1(test_no_more_pages),
		BOTH_HTTP(test_table),
	};

	test_begin();
	return cmocka_run_group_tests_name("faults/answers", tests, NULL, NULL);
}
