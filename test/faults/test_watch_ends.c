/* What a watch makes of its ends: nothing that was received is lost, a gap is told
 * whatever the watch began with, and a state that never becomes whole is a failure. */
#include "tale.h"

#include <unistd.h>

#define TAIL 60

/* In the server: so many events behind version 5, and what `ctx` adds. */
static void tail(void *ctx, const struct fakeapi_request *request, struct fakeapi_answer *answer)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);
	int version;

	(void)request;
	for (version = 6; version < 6 + TAIL; version++)
		fprintf(out, EVENT("MODIFIED", OBJECT("a", "%d")), version);
	fputs(ctx, out);
	fclose(out);
	answer->body = text;
	answer->body_len = len;
	answer->body_free = free;
	answer->coding = FAKEAPI_CHUNKED;
}

static void go_on(kshim_timer *timer, void *user)
{
	struct tale *tale = user;

	(void)timer;
	kshim_watch_resume(tale->watch);
}

/* Slower than a pass of the loop lasts. */
static void nap(struct tale *tale, kshim_event event)
{
	(void)tale;
	if (event == KSHIM_EVENT_MODIFIED)
		usleep(500);
}

static void pause_at_first(struct tale *tale, kshim_event event)
{
	if (event != KSHIM_EVENT_MODIFIED || !tale_ends(tale, "(6)"))
		return;
	kshim_watch_pause(tale->watch);
	kshim_timer_set(tale->data, 50);
}

/* The stream is over before the program has seen what it brought. */
static void ends_behind_its_events(void **state, bool once, const char *last, kshim_code code,
				   void (*on_event)(struct tale *tale, kshim_event event))
{
	const struct fakeapi_route routes[] = {{"GET", WATCH_PATH, .generate = tail, .ctx = (void *)(uintptr_t)last}, PODS_5};
	struct tale tale = {.on_event = on_event};
	kshim_options *options = kshim_options_new();
	char expected[8192] = TOLD_5;
	struct rig rig;
	int i;

	watch_rig(&rig, state, routes, COUNT(routes));
	tale.data = kshim_timer_new(rig.loop, 0, go_on, &tale);
	assert_non_null(tale.data);
	kshim_timer_set(tale.data, -1);
	kshim_options_set_watch_once(options, once);
	kshim_options_set_watch_gap(options, KSHIM_WATCH_GAP_ERROR);
	tale_run(&rig, &tale, options);
	for (i = 6; i < 6 + TAIL; i++)
		snprintf(expected + strlen(expected), 32, " ~a%d(%d)", i, i);
	assert_tale(&tale, expected);
	assert_int_equal(tale.code, code);
	assert_string_equal(tale.end_version, "65");
	assert_int_equal(tale.counts[KSHIM_WATCH_GAPS], !once);
	assert_int_equal(fakeapi_request_count(rig.api), 2);
	kshim_timer_free(tale.data);
	kshim_options_free(options);
	rig_stop(&rig);
}

static void test_once_slow(void **state)
{
	ends_behind_its_events(state, true, "", KSHIM_OK, nap);
}

static void test_once_paused(void **state)
{
	ends_behind_its_events(state, true, "", KSHIM_OK, pause_at_first);
}

static void test_gap_slow(void **state)
{
	ends_behind_its_events(state, false, EVENT("ERROR", GONE), KSHIM_EGONE, nap);
}

static void test_gap_paused(void **state)
{
	ends_behind_its_events(state, false, EVENT("ERROR", GONE), KSHIM_EGONE, pause_at_first);
}

/* Stopped while its end waits: at once. */
static void stop_at_first(struct tale *tale, kshim_event event)
{
	if (event != KSHIM_EVENT_MODIFIED)
		return;
	kshim_watch_pause(tale->watch);
	kshim_timer_set(tale->data, 50);
}

static void stop(kshim_timer *timer, void *user)
{
	struct tale *tale = user;

	(void)timer;
	tale->silent = true;
	kshim_watch_stop(tale->watch);
}

static void test_once_stopped(void **state)
{
	const struct fakeapi_route routes[] = {{"GET", WATCH_PATH, .generate = tail, .ctx = (void *)(uintptr_t)""}, PODS_5};
	struct tale tale = {.on_event = stop_at_first};
	kshim_options *options = kshim_options_new();
	struct rig rig;

	watch_rig(&rig, state, routes, COUNT(routes));
	tale.data = kshim_timer_new(rig.loop, 0, stop, &tale);
	assert_non_null(tale.data);
	kshim_timer_set(tale.data, -1);
	kshim_options_set_watch_once(options, 1);
	tale_run(&rig, &tale, options);
	assert_tale(&tale, TOLD_5 " ~a6(6)");
	assert_int_equal(tale.code, KSHIM_ECANCELED);
	assert_string_equal(tale.end_version, "6");
	kshim_timer_free(tale.data);
	kshim_options_free(options);
	rig_stop(&rig);
}

/* A query with a version, and FROM_NOW, which is not meant for it. */
static void test_from_version_and_now(void **state)
{
	const struct fakeapi_route routes[] = {
		{"GET", WATCH_FROM("5"), .answer = ENDS(EVENT("MODIFIED", OBJECT("a", "6")) EVENT("ERROR", GONE))},
		{"GET", WATCH_FROM("9"), .answer = OPEN(EVENT("MODIFIED", OBJECT("a", "10")))},
		{"GET", LIST_PATH "?*", .answer = {.body = LIST("9", OBJECT("a", "7"))}},
		{"GET", LIST_PATH, .answer = {.body = LIST("9", OBJECT("a", "7"))}},
	};
	struct tale tale = {.stop_at = "(10)"};
	kshim_options *options = kshim_options_new();
	struct rig rig;

	watch_rig(&rig, state, routes, COUNT(routes));
	assert_int_equal(kshim_query_set_resource_version(rig.pods, "5", KSHIM_MATCH_UNSET), 0);
	kshim_options_set_watch_from(options, KSHIM_WATCH_FROM_NOW);
	tale_run(&rig, &tale, options);
	assert_tale(&tale, "~a6(6) BEGIN +a7 END(9) ~a10(10)");
	kshim_options_free(options);
	rig_stop(&rig);
}

#define NOT_ALLOWED                                                                                                    \
	STATUS(422, "Invalid", ",\"details\":{\"causes\":[{\"reason\":\"FieldValueForbidden\",\"field\":\"sendInitialEvents\"}]}")

/* The one stream is not the one that was refused for how it was asked for. */
static void test_once_streamed_state_unknown(void **state)
{
	const struct fakeapi_route routes[] = {
		{"GET", WATCH_PATH "sendInitialEvents=true&*", .answer = {.status = 422, .body = NOT_ALLOWED}},
		{"GET", WATCH_FROM("5"), .answer = ENDS(EVENT("MODIFIED", OBJECT("a", "6")))},
		PODS_5,
	};
	kshim_options *options = kshim_options_new();
	struct tale tale = {0};
	struct rig rig;

	watch_rig(&rig, state, routes, COUNT(routes));
	kshim_options_set_watch_streamed_state(options, 1);
	kshim_options_set_watch_once(options, 1);
	tale_run(&rig, &tale, options);
	assert_tale(&tale, TOLD_5 " ~a6(6)");
	assert_int_equal(tale.code, KSHIM_OK);
	kshim_options_free(options);
	rig_stop(&rig);
}

/* A streamed state that always ends before it is whole is a failure each time: the
 * pauses grow, and it is told. */
static void test_streamed_state_never_whole(void **state)
{
	static const struct fakeapi_answer broken[] = {
		ENDS(EVENT("ADDED", OBJECT("x", "9"))),
		{.body = EVENT("ADDED", OBJECT("x", "9")) EVENT("ADDED", "{\"metadata\":{}}"), .coding = FAKEAPI_CHUNKED,
		 .lines = true, .part_delay_ms = 20, .end = FAKEAPI_STALL, .end_after = FAKEAPI_ALL},
	};
	size_t i;

	for (i = 0; i < COUNT(broken); i++) {
		const struct fakeapi_route routes[] = {
			{"GET", WATCH_PATH "sendInitialEvents=true&*", .nth = 4,
			 .answer = OPEN(EVENT("ADDED", OBJECT("x", "9")) STATE_END("10"))},
			{"GET", WATCH_PATH "sendInitialEvents=true&*", .answer = broken[i]},
		};
		struct tale tale = {.stop_at = "END(10)"};
		kshim_options *options = kshim_options_new();
		struct rig rig;

		watch_rig(&rig, state, routes, COUNT(routes));
		kshim_options_set_watch_streamed_state(options, 1);
		tale_run(&rig, &tale, options);
		assert_tale(&tale, "BEGIN +x9 BEGIN +x9 LATE RESUMED BEGIN +x9 LATE RESUMED BEGIN +x9 END(10)");
		assert_int_equal(tale.counts[KSHIM_WATCH_FAILURES], 3);
		assert_int_equal(tale.counts[KSHIM_WATCH_STREAMS], 4);
		kshim_options_free(options);
		rig_stop(&rig);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BOTH_HTTP(test_once_slow),
		BOTH_HTTP(test_once_paused),
		BOTH_HTTP(test_gap_slow),
		BOTH_HTTP(test_gap_paused),
		ONLY_H1(test_once_stopped),
		BOTH_HTTP(test_from_version_and_now),
		BOTH_HTTP(test_once_streamed_state_unknown),
		BOTH_HTTP(test_streamed_state_never_whole),
	};

	test_begin();
	return cmocka_run_group_tests_name("faults/watch_ends", tests, NULL, NULL);
}
