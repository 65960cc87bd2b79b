/* The event recorder on a real API server: what it takes, and what is found then. */
#include "live.h"

static kshim_recorder *recorder;

static kshim_object *create_map(const char *name)
{
	struct answer got = {0};
	kshim_object *map;
	char text[300];

	snprintf(text, sizeof(text), "{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{\"name\":\"%s\",\"namespace\":"
				     "\"%s\"}}", name, server->namespace_);
	map = kshim_object_from_text(server->client, text, strlen(text));
	ASK(server, &got, kshim_object_create(map, NULL, live_done, &got));
	EXPECT(&got, KSHIM_OK);
	live_clear(&got);
	return map;
}

/* Until all is sent. */
static void flush(void)
{
	assert_int_equal(kshim_loop_run(server->loop), 0);
	if (kshim_recorder_error(recorder))
		print_error("%s\n", kshim_error_message(kshim_recorder_error(recorder)));
	assert_int_equal(kshim_recorder_len(recorder), 0);
}

/* The events of an object by its uid, as kubectl describe finds them. */
static void collect(const char *namespace_, kshim_object *object, struct answer *got)
{
	kshim_query *events = kshim_query_new(server->client, KSHIM_EVENT, namespace_);

	assert_int_equal(kshim_query_filter_field(events, "involvedObject.uid", kshim_object_uid(object)), 0);
	ASK(server, got, kshim_query_list(events, NULL, live_done, got));
	EXPECT(got, KSHIM_OK);
	kshim_query_free(events);
}

static void the_only(const char *namespace_, kshim_object *object, struct answer *got)
{
	kshim_query *events = kshim_query_new(server->client, KSHIM_EVENT, namespace_);

	assert_int_equal(kshim_query_filter_field(events, "involvedObject.uid", kshim_object_uid(object)), 0);
	ASK(server, got, kshim_query_get(events, live_done, got));
	EXPECT(got, KSHIM_OK);
	kshim_query_free(events);
}

static void delete_it(struct answer *got)
{
	kshim_object *event = kshim_object_ref(got->object);

	ASK(server, got, kshim_object_delete(event, NULL, live_done, got));
	EXPECT(got, KSHIM_OK);
	kshim_object_unref(event);
}

static void assert_text(kshim_object *object, const char *pointer, const char *expected)
{
	assert_string_equal(kshim_object_get_string(object, pointer), expected);
}

static void assert_count(kshim_object *event, int64_t expected)
{
	int64_t count = 0;

	assert_int_equal(kshim_object_get_int(event, "/count", &count), 0);
	assert_int_equal(count, expected);
}

static void recorded(void **state)
{
	kshim_object *map = create_map("recorded");
	struct answer got = {0};

	(void)state;
	kshim_recorder_event(recorder, map, KSHIM_RECORDER_WARNING, "Failed", "it is \"broken\": \xc3\xa9 \xff");
	flush();
	the_only(server->namespace_, map, &got);
	assert_text(got.object, "/type", "Warning");
	assert_text(got.object, "/reason", "Failed");
	assert_text(got.object, "/message", "it is \"broken\": \xc3\xa9 ?");
	assert_text(got.object, "/involvedObject/kind", "ConfigMap");
	assert_text(got.object, "/involvedObject/name", "recorded");
	assert_text(got.object, "/involvedObject/namespace", server->namespace_);
	assert_text(got.object, "/source/component", "kubeshim.test/live");
	assert_text(got.object, "/reportingComponent", "kubeshim.test/live");
	assert_text(got.object, "/reportingInstance", "one");
	assert_count(got.object, 1);
	/* the same again is no further Event */
	kshim_recorder_event(recorder, map, KSHIM_RECORDER_WARNING, "Failed", "it is \"broken\": \xc3\xa9 \xff");
	kshim_recorder_event(recorder, map, KSHIM_RECORDER_WARNING, "Failed", "it is \"broken\": \xc3\xa9 \xff");
	flush();
	the_only(server->namespace_, map, &got);
	assert_count(got.object, 3);
	/* somebody deletes it: the next one is there again, and counts on */
	delete_it(&got);
	kshim_recorder_event(recorder, map, KSHIM_RECORDER_WARNING, "Failed", "it is \"broken\": \xc3\xa9 \xff");
	flush();
	the_only(server->namespace_, map, &got);
	assert_count(got.object, 4);
	assert_int_equal(kshim_recorder_dropped(recorder), 0);
	live_clear(&got);
	kshim_object_unref(map);
}

static void combined(void **state)
{
	kshim_object *map = create_map("combined");
	struct answer got = {0};
	char message[32];
	unsigned i;

	(void)state;
	for (i = 0; i < 14; i++) {
		snprintf(message, sizeof(message), "number %u", i);
		kshim_recorder_event(recorder, map, KSHIM_RECORDER_NORMAL, "Made", message);
	}
	flush();
	collect(server->namespace_, map, &got);
	assert_int_equal(got.count, 10);
	assert_int_equal(kshim_recorder_dropped(recorder), 0);
	/* too many of one object: 11 of these still went */
	for (i = 0; i < 30; i++)
		kshim_recorder_event(recorder, map, KSHIM_RECORDER_NORMAL, "Other", "the same");
	flush();
	collect(server->namespace_, map, &got);
	assert_int_equal(got.count, 11);
	assert_int_equal(kshim_recorder_dropped(recorder), 19);
	live_clear(&got);
	kshim_object_unref(map);
}

/* Of an object without a namespace, which has Events in "default". */
static void cluster_wide(void **state)
{
	kshim_query *namespaces = kshim_query_new(server->client, KSHIM_NAMESPACE, NULL);
	struct answer got = {0};
	kshim_object *namespace_;
	uint64_t dropped = kshim_recorder_dropped(recorder);

	(void)state;
	ASK(server, &got, kshim_query_get_by_name(namespaces, server->namespace_, live_done, &got));
	EXPECT(&got, KSHIM_OK);
	namespace_ = kshim_object_ref(got.object);
	kshim_recorder_event(recorder, namespace_, KSHIM_RECORDER_NORMAL, "Seen", "by a test");
	flush();
	assert_int_equal(kshim_recorder_dropped(recorder), dropped);
	the_only("default", namespace_, &got);
	delete_it(&got);
	live_clear(&got);
	kshim_object_unref(namespace_);
	kshim_query_free(namespaces);
}

/* An object's namespace that is not there: refused, counted, not tried again. */
static void refused(void **state)
{
	static const char text[] = "{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{\"name\":\"a\",\"namespace\":"
				   "\"no-such-namespace-is-there\"}}";
	kshim_object *map = kshim_object_from_text(server->client, text, strlen(text));
	uint64_t dropped = kshim_recorder_dropped(recorder);

	(void)state;
	kshim_recorder_event(recorder, map, KSHIM_RECORDER_NORMAL, "Seen", "nowhere");
	assert_int_equal(kshim_loop_run(server->loop), 0);
	assert_int_equal(kshim_recorder_len(recorder), 0);
	assert_int_equal(kshim_recorder_dropped(recorder), dropped + 1);
	assert_int_equal(kshim_error_code(kshim_recorder_error(recorder)), KSHIM_ENOTFOUND);
	kshim_object_unref(map);
}

static int set_up(void **state)
{
	live_set_up(state);
	recorder = kshim_recorder_new(server->client, "kubeshim.test/live", "one");
	return recorder ? 0 : -1;
}

static int tear_down(void **state)
{
	kshim_recorder_free(recorder);
	return live_tear_down(state);
}

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(recorded),
		cmocka_unit_test(combined),
		cmocka_unit_test(cluster_wide),
		cmocka_unit_test(refused),
	};

	return live_run_tests(argc, argv, "recorder", tests, sizeof(tests) / sizeof(tests[0]), set_up, tear_down);
}
