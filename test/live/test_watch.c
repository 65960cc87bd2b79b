/* Watches on a real API server. One client changes, another, on a loop of its own, watches. */
#include "../testutil.h"
#include "cutter.h"
#include "live.h"
#include "maps.h"

#define MANY 120
#define SLOW 20000 /* times that a condition is asked for: once a millisecond */

static struct live *watcher;
static const char *told_kind = "ConfigMap";

/* What it told: "BEGIN +a END ~a -a". */
struct told {
	kshim_watch *watch;
	const char *wanted;
	char text[4000];
	kshim_code code;
	unsigned done, asked;
	uint64_t counts[KSHIM_WATCH_DROPS + 1];
	char version[64];
};

static void on_event(kshim_watch *watch, kshim_event event, kshim_object *object, void *user)
{
	static const char *const words[] = {"+", "~", "-", "BEGIN", "END", "BOOKMARK", "LATE", "RESUMED"};
	struct told *told = user;
	size_t len = strlen(told->text);

	if (event == KSHIM_EVENT_LATE || event == KSHIM_EVENT_RESUMED) {
		if (kshim_watch_error(watch))
			print_message("late: %s\n", kshim_error_message(kshim_watch_error(watch)));
		return;
	}
	if (object)
		assert_string_equal(kshim_object_kind(object), told_kind);
	snprintf(told->text + len, sizeof(told->text) - len, "%s%s%s", len ? " " : "", words[event],
		 object ? kshim_object_name(object) : "");
	if (kshim_watch_resource_version(watch))
		snprintf(told->version, sizeof(told->version), "%s", kshim_watch_resource_version(watch));
}

static void on_end(kshim_result *result, void *user)
{
	struct told *told = user;
	unsigned i;

	told->done++;
	told->code = kshim_error_code(kshim_result_error(result));
	for (i = 0; i <= KSHIM_WATCH_DROPS; i++)
		told->counts[i] = kshim_watch_count(told->watch, (kshim_watch_counter)i);
}

/* Says, once, what a test that is about to fail has waited for. */
static void wait_for(struct told *told)
{
	if (++told->asked != SLOW)
		return;
	print_message("waited for \"%s\", told \"%s\" up to version %s; streams %llu, failures %llu, gaps %llu: %s\n",
		      told->wanted ? told->wanted : "the end", told->text, told->version,
		      (unsigned long long)kshim_watch_count(told->watch, KSHIM_WATCH_STREAMS),
		      (unsigned long long)kshim_watch_count(told->watch, KSHIM_WATCH_FAILURES),
		      (unsigned long long)kshim_watch_count(told->watch, KSHIM_WATCH_GAPS),
		      kshim_watch_error(told->watch) ? kshim_error_message(kshim_watch_error(told->watch)) : "no error");
}

static bool has_told(void *user)
{
	struct told *told = user;

	if (told->done)
		return true;
	wait_for(told);
	return strlen(told->text) >= strlen(told->wanted);
}

static bool is_over(void *user)
{
	struct told *told = user;

	if (told->done)
		return true;
	wait_for(told);
	return false;
}

static bool is_open(void *user)
{
	return kshim_watch_count(((const struct told *)user)->watch, KSHIM_WATCH_STREAMS) > 0;
}

static void told_is(struct told *told, const char *wanted)
{
	told->wanted = wanted;
	told->asked = 0;
	drive_until(watcher->loop, ALONE, has_told, told);
	assert_string_equal(told->text, wanted);
}

static void stop(struct told *told)
{
	kshim_watch_stop(told->watch);
	drive_until(watcher->loop, ALONE, is_over, told);
	assert_int_equal(told->done, 1);
	assert_int_equal(told->code, KSHIM_ECANCELED);
}

/* The ConfigMaps of a tier, as the watcher sees them. */
static kshim_query *tier(struct live *live, const char *value)
{
	kshim_query *query = kshim_query_new(live->client, KSHIM_CONFIG_MAP, server->namespace_);

	assert_int_equal(kshim_query_add_label(query, "tier", KSHIM_OP_EQUALS, &value, 1), 0);
	return query;
}

static void begin(struct told *told, kshim_query *query, const kshim_options *options)
{
	memset(told, 0, sizeof(*told));
	told->watch = kshim_query_watch(query, options, on_event, on_end, told);
	assert_non_null(told->watch);
}

static kshim_object *map(const char *name)
{
	kshim_query *query = kshim_query_new(server->client, KSHIM_CONFIG_MAP, server->namespace_);
	kshim_object *object = kshim_query_object(query, name);

	assert_non_null(object);
	kshim_query_free(query);
	return object;
}

static void set_tier(const char *name, const char *value)
{
	kshim_object *object = map(name);
	struct answer got = {0};

	ASK(server, &got, kshim_object_label(object, "tier", value, NULL, live_done, &got));
	EXPECT(&got, KSHIM_OK);
	live_clear(&got);
	kshim_object_unref(object);
}

static void touch(const char *name)
{
	static unsigned number;
	kshim_object *object = map(name);
	struct answer got = {0};
	char text[32];

	snprintf(text, sizeof(text), "%u", ++number);
	ASK(server, &got, kshim_object_annotate(object, "touched", text, NULL, live_done, &got));
	EXPECT(&got, KSHIM_OK);
	live_clear(&got);
	kshim_object_unref(object);
}

static void delete(const char *name)
{
	kshim_object *object = map(name);
	struct answer got = {0};

	ASK(server, &got, kshim_object_delete(object, NULL, live_done, &got));
	EXPECT(&got, KSHIM_OK);
	live_clear(&got);
	kshim_object_unref(object);
}

static void make(const char *name, const char *value)
{
	char labels[64];

	snprintf(labels, sizeof(labels), "\"tier\":\"%s\"", value);
	make_map(server->namespace_, name, labels);
}

static void state_and_changes(void **state)
{
	kshim_query *query = tier(watcher, "front");
	struct told told, later;
	char version[64];

	(void)state;
	make("a", "front");
	begin(&told, query, NULL);
	told_is(&told, "BEGIN +a END");
	make("b", "front");
	make("z", "back"); /* does not match */
	told_is(&told, "BEGIN +a END +b");
	snprintf(version, sizeof(version), "%s", told.version);
	set_tier("z", "front"); /* comes to match, and no longer does */
	touch("a");
	set_tier("z", "back");
	touch("z");
	delete("b");
	told_is(&told, "BEGIN +a END +b +z ~a -z -b");
	stop(&told);
	assert_int_equal(told.counts[KSHIM_WATCH_STREAMS], 1);
	assert_int_equal(told.counts[KSHIM_WATCH_FAILURES], 0);

	/* the same from a version, without the state before */
	assert_int_equal(kshim_query_set_resource_version(query, version, KSHIM_MATCH_UNSET), 0);
	begin(&later, query, NULL);
	told_is(&later, "+z ~a -z -b");
	stop(&later);
	assert_int_equal(later.counts[KSHIM_WATCH_LISTS], 0);
	kshim_query_free(query);
	delete("a");
	delete("z");
}

static void from_now(void **state)
{
	kshim_query *query = tier(watcher, "now");
	kshim_options *options = kshim_options_new();
	struct told told;

	(void)state;
	make("old", "now");
	kshim_options_set_watch_from(options, KSHIM_WATCH_FROM_NOW);
	begin(&told, query, options);
	drive_until(watcher->loop, ALONE, is_open, &told);
	make("new", "now");
	told_is(&told, "+new");
	stop(&told);
	kshim_options_free(options);
	kshim_query_free(query);
}

/* Before it is there, while it is, and anew under the same name. */
static void one_object(void **state)
{
	kshim_query *query = kshim_query_new(watcher->client, KSHIM_CONFIG_MAP, server->namespace_);
	kshim_object *object = kshim_query_object(query, "one");
	struct told told = {0};

	(void)state;
	told.watch = kshim_object_watch(object, NULL, on_event, on_end, &told);
	assert_non_null(told.watch);
	kshim_object_unref(object);
	told_is(&told, "BEGIN END");
	make("other", "x");
	make("one", "x");
	touch("one");
	delete("one");
	make("one", "x");
	told_is(&told, "BEGIN END +one ~one -one +one");
	stop(&told);
	kshim_query_free(query);
}

/* A version that the server has no longer. */
static void gone(void **state)
{
	static const char text[] = "{\"apiVersion\":\"kubernetes.dask.org/v1\",\"kind\":\"DaskAutoscaler\",\"metadata\":{\"name\":"
				   "\"g\"},\"spec\":{\"cluster\":\"c\",\"minimum\":1,\"maximum\":2}}";
	kshim_object *object = kshim_object_from_text(server->client, text, sizeof(text) - 1);
	kshim_query *query = kshim_query_new(watcher->client, KSHIM_DASK_AUTOSCALER, server->namespace_);
	kshim_options *options = kshim_options_new();
	struct answer got = {0};
	struct told told;

	(void)state;
	/* of a kind that was defined later than that: of others a server may remember all, if it is young */
	live_make_dask(server);
	kshim_object_set_string(object, "/metadata/namespace", server->namespace_);
	ASK(server, &got, kshim_object_create(object, NULL, live_done, &got));
	EXPECT(&got, KSHIM_OK);
	told_kind = "DaskAutoscaler";
	assert_int_equal(kshim_query_set_resource_version(query, "1", KSHIM_MATCH_UNSET), 0);
	begin(&told, query, NULL);
	told_is(&told, "BEGIN +g END");
	ASK(server, &got, kshim_object_annotate(object, "touched", "yes", NULL, live_done, &got));
	EXPECT(&got, KSHIM_OK);
	told_is(&told, "BEGIN +g END ~g");
	stop(&told);
	assert_int_equal(told.counts[KSHIM_WATCH_GAPS], 1);
	kshim_options_set_watch_gap(options, KSHIM_WATCH_GAP_ERROR);
	begin(&told, query, options);
	drive_until(watcher->loop, ALONE, is_over, &told);
	assert_int_equal(told.code, KSHIM_EGONE);
	assert_string_equal(told.text, "");
	told_kind = "ConfigMap";
	kshim_options_free(options);
	kshim_query_free(query);
	ASK(server, &got, kshim_object_delete(object, NULL, live_done, &got));
	EXPECT(&got, KSHIM_OK);
	kshim_object_unref(object);
	live_clear(&got);
	live_remove_dask(server);
}

static void count_requests(char direction, const char *line, void *user)
{
	unsigned *counts = user;

	if (direction != '>' || !strstr(line, "/configmaps?"))
		return;
	counts[0]++;
	counts[1] += strstr(line, "sendInitialEvents=true") != NULL;
}

/* The state as a stream, where the server knows how; else the client lists, and remembers.
 * A selector that it refuses is no such case. */
static void streamed_state(void **state)
{
	bool knows = live_minor(server) >= 34;
	kshim_query *query = tier(watcher, "stream"), *wrong = tier(watcher, "stream");
	kshim_options *options = kshim_options_new();
	struct told told;
	unsigned requests[2] = {0};
	int round;

	(void)state;
	make("s", "stream");
	kshim_options_set_watch_streamed_state(options, 1);
	assert_int_equal(kshim_query_set_fields(wrong, "spec.none=x"), 0);
	begin(&told, wrong, options);
	drive_until(watcher->loop, ALONE, is_over, &told);
	assert_string_equal(told.text, "");
	assert_int_equal(told.code, KSHIM_EBADREQUEST);
	kshim_query_free(wrong);
	kshim_client_on_trace(watcher->client, count_requests, requests);
	for (round = 0; round < 2; round++) {
		begin(&told, query, options);
		told_is(&told, "BEGIN +s END");
		touch("s");
		told_is(&told, "BEGIN +s END ~s");
		stop(&told);
	}
	kshim_client_on_trace(watcher->client, NULL, NULL);
	/* two streams; else a list and a stream, twice */
	assert_int_equal(requests[0], knows ? 2 : 4);
	assert_int_equal(requests[1], knows ? 2 : 0);
	kshim_options_free(options);
	kshim_query_free(query);
}

/* Streams that the server ends, by their time. */
static void short_streams(void **state)
{
	kshim_query *query = tier(watcher, "short");
	kshim_options *options = kshim_options_new();
	char wanted[200] = "BEGIN END";
	struct told told;
	unsigned i;

	(void)state;
	kshim_options_set_watch_seconds(options, 1);
	begin(&told, query, options);
	told_is(&told, "BEGIN END");
	make("t", "short");
	strcat(wanted, " +t");
	for (i = 0; i < 4; i++) {
		told_is(&told, wanted);
		live_pause(server, 600);
		touch("t");
		strcat(wanted, " ~t");
	}
	told_is(&told, wanted);
	stop(&told);
	assert_true(told.counts[KSHIM_WATCH_STREAMS] > 1);
	assert_int_equal(told.counts[KSHIM_WATCH_LISTS], 1);
	assert_int_equal(told.counts[KSHIM_WATCH_FAILURES], 0);
	kshim_options_free(options);
	kshim_query_free(query);
}

/* Connections that are cut inside an event: nothing is lost or told twice. */
static void cut_connections(void **state)
{
	struct cutter *cutter;
	struct live *outside = watcher;
	char wanted[1000] = "BEGIN END";
	kshim_query *query;
	struct told told;
	unsigned i;

	(void)state;
	if (!getenv("KSHIM_TEST_SERVER"))
		skip();
	cutter = cutter_start(getenv("KSHIM_TEST_SERVER"));
	watcher = live_open_at("admin", NULL, cutter_port(cutter));
	query = tier(watcher, "cut");
	begin(&told, query, NULL);
	told_is(&told, "BEGIN END");
	for (i = 0; i < 12; i++) {
		char name[10];

		snprintf(name, sizeof(name), "cut-%u", i % 100);
		make(name, "cut");
		snprintf(wanted + strlen(wanted), 16, " +%s", name);
		cutter_cut(cutter, 50 + i * 61, i % 2);
		touch(name);
		snprintf(wanted + strlen(wanted), 16, " ~%s", name);
		told_is(&told, wanted);
	}
	stop(&told);
	print_message("%u cuts, %u streams\n", cutter_cuts(cutter), (unsigned)told.counts[KSHIM_WATCH_STREAMS]);
	assert_true(told.counts[KSHIM_WATCH_STREAMS] > 3);
	assert_int_equal(told.counts[KSHIM_WATCH_LISTS], 1);
	kshim_query_free(query);
	live_close(watcher);
	watcher = outside;
	cutter_stop(cutter);
}

static bool all_open(void *user)
{
	const struct told *told = user;
	unsigned i;

	for (i = 0; i < MANY; i++)
		if (!kshim_watch_count(told[i].watch, KSHIM_WATCH_STREAMS))
			return false;
	return true;
}

/* Over HTTP/2 many watches share few connections; each gets its own events. */
static void many(void **state)
{
	static struct told told[MANY];
	int before, fds, per_connection = strcmp(live_http, "2") == 0 ? 25 : 1;
	kshim_query *query;
	char value[16];
	unsigned i;

	(void)state;
	query = tier(watcher, "many");
	begin(&told[0], query, NULL);
	drive_until(watcher->loop, ALONE, is_open, &told[0]);
	stop(&told[0]);
	kshim_query_free(query);
	before = open_fds();
	for (i = 0; i < MANY; i++) {
		snprintf(value, sizeof(value), "many-%u", i);
		query = tier(watcher, value);
		begin(&told[i], query, NULL);
		kshim_query_free(query);
	}
	drive_until(watcher->loop, ALONE, all_open, told);
	fds = open_fds() - before;
	print_message("%u watches: %d descriptors more\n", MANY, fds);
	assert_true(fds <= 8 + (MANY + per_connection - 1) / per_connection); /* 8 for the lists */
	assert_true(fds >= MANY / per_connection - 1);
	make("m", "many-77");
	set_tier("m", "many-3");
	told_is(&told[77], "BEGIN END +m -m");
	told_is(&told[3], "BEGIN END +m");
	assert_string_equal(told[78].text, "BEGIN END");
	for (i = 0; i < MANY; i++)
		stop(&told[i]);
}

static int set_up(void **state)
{
	live_set_up(state);
	watcher = live_open("admin", NULL);
	kshim_client_set_watch_connections(watcher->client,
					   strcmp(live_http, "2") == 0 ? KSHIM_HTTP_2 : KSHIM_HTTP_1_1, 0);
	return 0;
}

static int tear_down(void **state)
{
	live_close(watcher);
	return live_tear_down(state);
}

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(state_and_changes), cmocka_unit_test(from_now),       cmocka_unit_test(one_object),
		cmocka_unit_test(gone),		     cmocka_unit_test(streamed_state), cmocka_unit_test(short_streams),
		cmocka_unit_test(cut_connections),   cmocka_unit_test(many),
	};

	return live_run_tests(argc, argv, "watch", tests, sizeof(tests) / sizeof(tests[0]), set_up, tear_down);
}
