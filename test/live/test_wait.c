/* Waiting for conditions, values, deletions and ready replicas, on a real API
 * server. No Pod has to run: their status is written by the tests. */
#include "live.h"

#define DELAY_MS 300

static kshim_object *create(const char *text)
{
	struct answer got = {0};
	kshim_object *object = kshim_object_from_text(server->client, text, strlen(text));

	assert_non_null(object);
	kshim_object_set_string(object, "/metadata/namespace", server->namespace_);
	ASK(server, &got, kshim_object_create(object, NULL, live_done, &got));
	EXPECT(&got, KSHIM_OK);
	live_clear(&got);
	return object;
}

static kshim_object *create_pod(const char *name)
{
	char text[400];

	snprintf(text, sizeof(text), "{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"metadata\":{\"name\":\"%s\"},\"spec\":"
				     "{\"nodeSelector\":{\"kubeshim.test/no-such\":\"node\"},\"containers\":[{\"name\":\"main\","
				     "\"image\":\"example.test/a\"}]}}", name);
	return create(text);
}

static kshim_object *create_map(const char *name, const char *more)
{
	char text[400];

	snprintf(text, sizeof(text), "{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{\"name\":\"%s\"%s},"
				     "\"data\":{\"number\":\" 3 \"}}", name, more);
	return create(text);
}

/* What happens while something is waited for. */
struct later {
	kshim_object *object;
	const char *patch;       /* NULL: a delete */
	const char *subresource;
	kshim_timer *timer;
	struct answer answer;
	bool over;
};

static void later_done(kshim_result *result, void *user)
{
	struct later *later = user;

	live_done(result, &later->answer);
	later->over = true;
}

static void on_time(kshim_timer *timer, void *user)
{
	struct later *later = user;
	kshim_options *options = kshim_options_new();
	kshim_call *call;

	(void)timer;
	kshim_options_set_subresource(options, later->subresource);
	call = later->patch ? kshim_object_patch(later->object, KSHIM_PATCH_MERGE, later->patch, strlen(later->patch),
						 options, later_done, later) :
			      kshim_object_delete(later->object, NULL, later_done, later);
	kshim_options_free(options);
	assert_non_null(call);
}

/* A handle of its own: the one that is waited on is left alone. */
static void start(struct later *later, kshim_object *object, const char *patch, const char *subresource)
{
	kshim_query *query = kshim_query_new_named(server->client, kshim_object_kind(object), server->namespace_);

	memset(later, 0, sizeof(*later));
	later->object = kshim_query_object(query, kshim_object_name(object));
	later->patch = patch;
	later->subresource = subresource;
	later->timer = kshim_timer_new(server->loop, DELAY_MS, on_time, later);
	kshim_query_free(query);
}

static void finish(struct later *later)
{
	EXPECT(&later->answer, KSHIM_OK);
	assert_true(later->over);
	kshim_timer_free(later->timer);
	kshim_object_unref(later->object);
	live_clear(&later->answer);
}

static void condition(void **state)
{
	kshim_object *pod = create_pod("condition");
	struct answer got = {0};
	struct later later;

	(void)state;
	start(&later, pod, "{\"status\":{\"phase\":\"Running\",\"conditions\":[{\"type\":\"Ready\",\"status\":\"True\"}]}}",
	      "status");
	assert_false(kshim_object_is_ready(pod));
	live_reset(server);
	ASK(server, &got, kshim_wait_condition(pod, "ready", "true", NULL, live_done, &got));
	EXPECT(&got, KSHIM_OK);
	assert_ptr_equal(got.object, pod);
	assert_int_equal(got.found, 1);
	assert_string_equal(kshim_object_get_string(pod, "/status/phase"), "Running");
	assert_true(kshim_object_is_ready(pod));
	/* a list and the patch: nothing is polled (streams do not count) */
	assert_int_equal(server->requests, 2);
	finish(&later);
	/* it is so already */
	live_reset(server);
	ASK(server, &got, kshim_wait_condition(pod, "Ready", NULL, NULL, live_done, &got));
	EXPECT(&got, KSHIM_OK);
	assert_int_equal(server->requests, 1);
	/* and another status of it */
	start(&later, pod, "{\"status\":{\"conditions\":[{\"type\":\"Ready\",\"status\":\"False\"}]}}", "status");
	ASK(server, &got, kshim_wait_condition(pod, "Ready", "False", NULL, live_done, &got));
	EXPECT(&got, KSHIM_OK);
	finish(&later);
	live_clear(&got);
	kshim_object_unref(pod);
}

static void value(void **state)
{
	kshim_object *pod = create_pod("value"), *map = create_map("value", "");
	kshim_options *brief = kshim_options_new();
	struct answer got = {0};
	struct later later;

	(void)state;
	start(&later, pod, "{\"status\":{\"phase\":\"Failed\"}}", "status");
	ASK(server, &got, kshim_wait_value(pod, "/status/phase", " Failed", NULL, live_done, &got));
	EXPECT(&got, KSHIM_OK);
	finish(&later);
	start(&later, map, "{\"metadata\":{\"labels\":{\"app.test/x\":\"yes\"}},\"immutable\":true}", NULL);
	ASK(server, &got, kshim_wait_value(map, "/metadata/labels/app.test~1x", NULL, NULL, live_done, &got));
	EXPECT(&got, KSHIM_OK);
	assert_ptr_equal(got.object, map);
	assert_string_equal(kshim_object_get_label(map, "app.test/x"), "yes");
	assert_string_equal(kshim_object_kind(map), "ConfigMap");
	finish(&later);
	ASK(server, &got, kshim_wait_value(map, "/immutable", "true", NULL, live_done, &got));
	EXPECT(&got, KSHIM_OK);
	ASK(server, &got, kshim_wait_value(map, "/data/number", "3", NULL, live_done, &got));
	EXPECT(&got, KSHIM_OK);
	ASK(server, &got, kshim_wait_value(map, "/data", NULL, NULL, live_done, &got));
	EXPECT(&got, KSHIM_OK);
	ASK(server, &got, kshim_wait_value(map, "/data", "3", NULL, live_done, &got));
	EXPECT(&got, KSHIM_EINVAL);
	kshim_options_set_timeout(brief, 500);
	ASK(server, &got, kshim_wait_value(map, "/data/number", "4", brief, live_done, &got));
	EXPECT(&got, KSHIM_ETIMEDOUT);
	assert_non_null(strstr(kshim_error_message(got.error), "/data/number=4 of ConfigMap \"value\""));
	assert_null(kshim_wait_value(map, "data", NULL, NULL, live_done, &got));
	assert_null(kshim_wait_value(NULL, "/data", NULL, NULL, live_done, &got));
	assert_null(kshim_wait_condition(map, "", NULL, NULL, live_done, &got));
	assert_int_equal(kshim_error_code(kshim_client_error(server->client)), KSHIM_EINVAL);
	live_clear(&got);
	kshim_options_free(brief);
	kshim_object_unref(pod);
	kshim_object_unref(map);
}

static void not_there(void **state)
{
	kshim_query *query = kshim_query_new_named(server->client, "cm", server->namespace_);
	kshim_object *none = kshim_query_object(query, "none"), *map = create_map("goes", "");
	struct answer got = {0};
	struct later later;

	(void)state;
	ASK(server, &got, kshim_wait_condition(none, "Ready", NULL, NULL, live_done, &got));
	EXPECT(&got, KSHIM_ENOTFOUND);
	assert_string_equal(kshim_error_message(got.error), "cm \"none\" not found");
	ASK(server, &got, kshim_wait_deleted(none, NULL, live_done, &got));
	EXPECT(&got, KSHIM_OK);
	assert_null(got.object);
	start(&later, map, NULL, NULL);
	ASK(server, &got, kshim_wait_value(map, "/data/other", NULL, NULL, live_done, &got));
	EXPECT(&got, KSHIM_ENOTFOUND);
	assert_string_equal(kshim_error_message(got.error), "ConfigMap \"goes\" was deleted");
	finish(&later);
	live_clear(&got);
	kshim_object_unref(none);
	kshim_object_unref(map);
	kshim_query_free(query);
}

static void deleted(void **state)
{
	kshim_object *map = create_map("held", ",\"finalizers\":[\"kubeshim.test/held\"]"), *again;
	kshim_query *query = kshim_query_new_named(server->client, "configmaps", server->namespace_);
	kshim_object *handle = kshim_query_object(query, "held");
	struct answer got = {0}, other = {0};
	struct later later;

	(void)state;
	ASK(server, &got, kshim_object_delete(map, NULL, live_done, &got));
	EXPECT(&got, KSHIM_OK);
	start(&later, map, "{\"metadata\":{\"finalizers\":null}}", NULL);
	/* by the uid that it holds, and by the one that is seen first */
	assert_non_null(kshim_wait_deleted(handle, NULL, live_done, &other));
	ASK(server, &got, kshim_wait_deleted(map, NULL, live_done, &got));
	EXPECT(&got, KSHIM_OK);
	EXPECT(&other, KSHIM_OK);
	assert_int_equal(got.found, 1);
	assert_null(got.object);
	finish(&later);
	/* another one of that name is not the one that was meant */
	again = create_map("held", "");
	live_reset(server);
	ASK(server, &got, kshim_wait_deleted(map, NULL, live_done, &got));
	EXPECT(&got, KSHIM_OK);
	assert_int_equal(server->requests, 1);
	start(&later, again, NULL, NULL);
	ASK(server, &got, kshim_wait_deleted(handle, NULL, live_done, &got));
	EXPECT(&got, KSHIM_OK);
	finish(&later);
	live_clear(&got);
	live_clear(&other);
	kshim_object_unref(map);
	kshim_object_unref(again);
	kshim_object_unref(handle);
	kshim_query_free(query);
}

/* More waits than short calls have connections: neither waits for the other. */
static void many_at_once(void **state)
{
	enum { MANY = 40 };
	kshim_object *map = create_map("many", "");
	struct answer got[MANY] = {{0}};
	struct later later;
	size_t i;

	(void)state;
	start(&later, map, "{\"data\":{\"late\":\"yes\"}}", NULL);
	for (i = 0; i < MANY; i++)
		assert_non_null(kshim_wait_value(map, "/data/late", "yes", NULL, live_done, &got[i]));
	assert_int_equal(kshim_loop_run(server->loop), 0);
	for (i = 0; i < MANY; i++) {
		EXPECT(&got[i], KSHIM_OK);
		live_clear(&got[i]);
	}
	finish(&later);
	kshim_object_unref(map);
}

static void cancelled(void **state)
{
	kshim_object *map = create_map("cancelled", "");
	struct answer got = {0};
	kshim_call *call = kshim_wait_value(map, "/data/never", NULL, NULL, live_done, &got);

	(void)state;
	assert_non_null(call);
	kshim_call_cancel(call);
	assert_int_equal(got.calls, 0);
	assert_int_equal(kshim_loop_run(server->loop), 0);
	EXPECT(&got, KSHIM_ECANCELED);
	assert_int_equal(got.calls, 1);
	live_clear(&got);
	kshim_object_unref(map);
}

/* Of a kind that is not built in, found by discovery and by its text. */
static void found_by_discovery(void **state)
{
	static const char text[] = "{\"apiVersion\":\"coordination.k8s.io/v1\",\"kind\":\"Lease\",\"metadata\":{\"name\":"
				   "\"lease\"},\"spec\":{\"holderIdentity\":\"a\"}}";
	kshim_object *lease = create(text), *handle;
	kshim_query *query = kshim_query_new_named(server->client, "leases", server->namespace_);
	struct answer got = {0};
	struct later later;

	(void)state;
	handle = kshim_query_object(query, "lease");
	start(&later, lease, "{\"spec\":{\"holderIdentity\":\"b\"}}", NULL);
	ASK(server, &got, kshim_wait_value(lease, "/spec/holderIdentity", "b", NULL, live_done, &got));
	EXPECT(&got, KSHIM_OK);
	finish(&later);
	ASK(server, &got, kshim_wait_value(handle, "/spec/holderIdentity", "b", NULL, live_done, &got));
	EXPECT(&got, KSHIM_OK);
	assert_string_equal(kshim_object_api_version(handle), "coordination.k8s.io/v1");
	live_clear(&got);
	kshim_object_unref(lease);
	kshim_object_unref(handle);
	kshim_query_free(query);
}

/* Scale that waits for its replicas; the controllers' words are written here. */
static void scale_and_wait(void **state)
{
	static const char text[] = "{\"apiVersion\":\"apps/v1\",\"kind\":\"ReplicaSet\",\"metadata\":{\"name\":\"scaled\"},"
				   "\"spec\":{\"replicas\":2,\"selector\":{\"matchLabels\":{\"app\":\"scaled\"}},\"template\":"
				   "{\"metadata\":{\"labels\":{\"app\":\"scaled\"}},\"spec\":{\"nodeSelector\":"
				   "{\"kubeshim.test/no-such\":\"node\"},\"containers\":[{\"name\":\"main\",\"image\":"
				   "\"example.test/a\"}]}}}}";
	kshim_object *set = create(text), *map = create_map("unscaled", "");
	kshim_options *options = kshim_options_new();
	struct answer got = {0};
	int64_t replicas = -1;
	struct later later;

	(void)state;
	kshim_options_set_wait_ready(options, 1);
	assert_null(kshim_object_scale(map, 1, options, live_done, &got));
	assert_int_equal(kshim_error_code(kshim_client_error(server->client)), KSHIM_EINVAL);
	kshim_options_set_timeout(options, 1000);
	ASK(server, &got, kshim_object_scale(set, 1, options, live_done, &got));
	EXPECT(&got, KSHIM_ETIMEDOUT);
	kshim_options_set_timeout(options, -1);
	kshim_options_set_dry_run(options, 1);
	ASK(server, &got, kshim_object_scale(set, 3, options, live_done, &got));
	EXPECT(&got, KSHIM_OK);
	kshim_options_set_dry_run(options, 0);
	ASK(server, &got, kshim_object_scale(set, 0, options, live_done, &got));
	EXPECT(&got, KSHIM_OK);
	assert_ptr_equal(got.object, set);
	assert_int_equal(kshim_object_get_int(set, "/spec/replicas", &replicas), 0);
	assert_int_equal(replicas, 0);
	assert_true(kshim_object_is_ready(set));
	/* somebody else wants another number: this one will never be there */
	kshim_options_set_timeout(options, 0);
	start(&later, set, "{\"spec\":{\"replicas\":0}}", NULL);
	ASK(server, &got, kshim_object_scale(set, 2, options, live_done, &got));
	EXPECT(&got, KSHIM_ECONFLICT);
	finish(&later);
	live_clear(&got);
	kshim_options_free(options);
	kshim_object_unref(set);
	kshim_object_unref(map);
}

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(condition),
		cmocka_unit_test(value),
		cmocka_unit_test(not_there),
		cmocka_unit_test(deleted),
		cmocka_unit_test(many_at_once),
		cmocka_unit_test(cancelled),
		cmocka_unit_test(found_by_discovery),
		cmocka_unit_test(scale_and_wait),
	};

	return live_run_tests(argc, argv, "wait", tests, sizeof(tests) / sizeof(tests[0]), live_set_up, live_tear_down);
}
