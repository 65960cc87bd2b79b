/* What watches make of servers that end, break, forget, refuse and are away. */
#include "tale.h"

#include <unistd.h>

#include <curl/curl.h>

static void set_version(struct rig *rig, const char *version)
{
	assert_int_equal(kshim_query_set_resource_version(rig->pods, version, KSHIM_MATCH_UNSET), 0);
}

/* The state, then each kind of line, in pieces. */
static void test_state_and_changes(void **state)
{
	const struct fakeapi_route routes[] = {
		{"GET", WATCH_FROM("5"), .answer = {
			.body = EVENT("ADDED", OBJECT("c", "6")) "\n" EVENT("SYNCED", "{}") EVENT("MODIFIED", OBJECT("a", "8"))
				BOOKMARK("9") EVENT("DELETED", OBJECT("b", "10")) EVENT("ADDED", OBJECT("b", "11")),
			.coding = FAKEAPI_CHUNKED, .piece = 7, .end = FAKEAPI_STALL, .end_after = FAKEAPI_ALL}},
		PODS_5,
	};
	struct tale tale = {.stop_at = "+b11(11)"};
	const struct fakeapi_request *request;
	struct rig rig;

	watch_rig(&rig, state, routes, COUNT(routes));
	assert_int_equal(kshim_query_set_labels(rig.pods, "app=web"), 0);
	tale_run(&rig, &tale, NULL);
	assert_tale(&tale, TOLD_5 " +c6(6) ~a8(8) -b10(10) +b11(11)");
	assert_int_equal(tale.code, KSHIM_ECANCELED);
	assert_string_equal(tale.end_version, "11");
	assert_int_equal(tale.counts[KSHIM_WATCH_EVENTS], 6);
	assert_int_equal(tale.counts[KSHIM_WATCH_STREAMS], 1);
	assert_int_equal(tale.counts[KSHIM_WATCH_LISTS], 1);
	assert_int_equal(tale.counts[KSHIM_WATCH_FAILURES] + tale.counts[KSHIM_WATCH_GAPS] + tale.counts[KSHIM_WATCH_DROPS], 0);
	assert_int_equal(fakeapi_request_count(rig.api), 2);
	request = fakeapi_request(rig.api, 0);
	assert_contains(request->path, "labelSelector=app%3Dweb");
	assert_null(strstr(request->path, "esourceVersion"));
	request = fakeapi_request(rig.api, 1);
	assert_contains(request->path, "labelSelector=app%3Dweb");
	assert_contains(request->path, "allowWatchBookmarks=true");
	assert_contains(request->path, "timeoutSeconds=");
	assert_null(strstr(request->path, "resourceVersionMatch"));
	assert_null(strstr(request->path, "limit"));
	assert_null(fakeapi_header(request, "accept-encoding")); /* traps.md 12 */
	assert_int_equal(request->http, rig.http == KSHIM_HTTP_2 ? 20 : 11);
	assert_fate(rig.api, 1, FAKEAPI_CLIENT_LEFT);
	rig_stop(&rig);
}

/* Each stream ends in another way: the next one goes on behind what was seen, a
 * bookmark and a DELETED's version included. */
static void test_goes_on(void **state)
{
	static const char torn[] = EVENT("MODIFIED", OBJECT("a", "9")) "{\"type\":\"MODIFIED\",\"object\":" OBJECT("a", "10") "}";
	const struct fakeapi_route routes[] = {
		{"GET", WATCH_FROM("5"), .answer = ENDS(BOOKMARK("6"))},
		{"GET", WATCH_FROM("6"), .answer = ENDS(EVENT("DELETED", OBJECT("b", "7")))},
		{"GET", WATCH_FROM("7"), .answer = {.body = EVENT("ADDED", OBJECT("c", "8")), .coding = FAKEAPI_CHUNKED,
						    .end = FAKEAPI_GOAWAY}},
		{"GET", WATCH_FROM("8"), .answer = ENDS(torn)},
		{"GET", WATCH_FROM("9"), .answer = {.body = EVENT("MODIFIED", OBJECT("a", "10")) "{\"", .coding = FAKEAPI_CHUNKED,
						    .end = FAKEAPI_CUT_RESET, .end_after = FAKEAPI_ALL}},
		{"GET", WATCH_FROM("10"), .nth = 1, .answer = {.end = FAKEAPI_GOAWAY_REFUSE}},
		{"GET", WATCH_FROM("10"), .answer = {.body = EVENT("MODIFIED", OBJECT("a", "11")), .coding = FAKEAPI_CHUNKED,
						     .end = FAKEAPI_RESET_STREAM, .end_after = FAKEAPI_ALL}},
		{"GET", WATCH_FROM("11"), .answer = {.body = EVENT("MODIFIED", OBJECT("a", "12")), .coding = FAKEAPI_CHUNKED,
						     .end = FAKEAPI_DROP}},
		{"GET", WATCH_FROM("12"), .answer = OPEN(EVENT("MODIFIED", OBJECT("a", "13")))},
		PODS_5,
	};
	const struct variant *variant = *state;
	/* a stream that GOAWAY refused newer versions of libcurl (8.14.1 does) send again themselves */
	bool sent_again = variant->http == KSHIM_HTTP_2 && curl_version_info(CURLVERSION_NOW)->version_num >= 0x080100;
	struct tale tale = {.stop_at = "~a13(13)"};
	struct rig rig;

	watch_rig(&rig, state, routes, COUNT(routes));
	tale_run(&rig, &tale, NULL);
	assert_tale(&tale, sent_again ? TOLD_5 " -b7(7) +c8(8) ~a9(9) ~a10(10) ~a11(11) ~a12(12) ~a13(13)" :
			   TOLD_5 " -b7(7) +c8(8) ~a9(9) ~a10(10) LATE RESUMED ~a11(11) ~a12(12) ~a13(13)");
	assert_int_equal(tale.counts[KSHIM_WATCH_LISTS], 1);
	assert_int_equal(tale.counts[KSHIM_WATCH_GAPS], 0);
	assert_true(tale.counts[KSHIM_WATCH_STREAMS] >= 8);
	rig_stop(&rig);
}

static void test_bookmarks(void **state)
{
	const struct fakeapi_route routes[] = {
		{"GET", WATCH_FROM("5"), .answer = ENDS(BOOKMARK("6") BOOKMARK("7"))},
		{"GET", WATCH_FROM("7"), .answer = OPEN(BOOKMARK("8"))},
		PODS_5,
	};
	struct tale tale = {.stop_at = "(8)"};
	kshim_options *options = kshim_options_new();
	struct rig rig;

	watch_rig(&rig, state, routes, COUNT(routes));
	kshim_options_set_watch_bookmarks(options, 1);
	tale_run(&rig, &tale, options);
	assert_tale(&tale, TOLD_5 " BOOKMARK(6) BOOKMARK(7) BOOKMARK(8)");
	assert_int_equal(tale.counts[KSHIM_WATCH_EVENTS], 2);
	assert_string_equal(tale.end_version, "8");
	kshim_options_free(options);
	rig_stop(&rig);
}

/* 410, as the answer's status and as an event, with and without a number. */
static void test_gap(void **state)
{
	const struct fakeapi_route routes[] = {
		{"GET", WATCH_FROM("5"), .answer = ENDS(EVENT("MODIFIED", OBJECT("a", "6")) EVENT("ERROR", GONE)
							EVENT("MODIFIED", OBJECT("a", "99")))},
		{"GET", WATCH_FROM("12"), .answer = {.status = 410, .body = GONE}},
		{"GET", WATCH_FROM("14"), .answer = OPEN(EVENT("ERROR", "{\"kind\":\"Status\",\"reason\":\"Gone\"}"))},
		{"GET", WATCH_FROM("16"), .answer = OPEN(EVENT("ADDED", OBJECT("d", "17")))},
		{"GET", LIST_PATH "?*resourceVersion=6&*NotOlderThan", .answer = {.body = LIST("12", OBJECT("b", "3"))}},
		{"GET", LIST_PATH "?*resourceVersion=12&*NotOlderThan", .answer = {.body = LIST("14", "")}},
		{"GET", LIST_PATH "?*resourceVersion=14&*NotOlderThan", .answer = {.status = 410, .body = GONE}},
		{"GET", LIST_PATH, .nth = 1, .answer = {.body = LIST("5", OBJECT("a", "4") "," OBJECT("b", "3"))}},
		{"GET", LIST_PATH, .answer = {.body = LIST("16", "")}},
	};
	struct tale tale = {.stop_at = "+d17(17)"};
	struct rig rig;

	watch_rig(&rig, state, routes, COUNT(routes));
	tale_run(&rig, &tale, NULL);
	assert_non_null(strstr(tale.text, TOLD_5 " ~a6(6) BEGIN +b3 END(12)"));
	assert_contains(tale.text, " BEGIN END(14)");
	assert_contains(tale.text, " BEGIN END(16)");
	assert_null(strstr(tale.text, "a99"));
	assert_int_equal(tale.counts[KSHIM_WATCH_GAPS], 3);
	assert_int_equal(tale.counts[KSHIM_WATCH_LISTS], 4);
	rig_stop(&rig);
}

/* The server ends a stream behind its error: what follows needs no new connection. */
static void test_gap_keeps_connections(void **state)
{
	const struct fakeapi_route routes[] = {
		{"GET", WATCH_FROM("5"), .answer = ENDS(EVENT("ERROR", GONE))},
		{"GET", WATCH_FROM("6"), .answer = OPEN(EVENT("ADDED", OBJECT("d", "7")))},
		{"GET", LIST_PATH "?*resourceVersion=5&*NotOlderThan", .answer = {.body = LIST("6", "")}},
		{"GET", LIST_PATH, .answer = {.body = LIST("5", "")}},
	};
	struct tale tale = {.stop_at = "+d7(7)"};
	struct rig rig;

	watch_rig(&rig, state, routes, COUNT(routes));
	tale_run(&rig, &tale, NULL);
	assert_int_equal(tale.counts[KSHIM_WATCH_GAPS], 1);
	assert_int_equal(fakeapi_connections(rig.api), 2); /* of calls, and of watches */
	rig_stop(&rig);
}

/* Chosen: the gap ends the watch, and what is known by then can be gone on from. */
static void test_gap_is_error(void **state)
{
	static const struct fakeapi_answer gaps[] = {
		{.status = 410, .body = GONE},
		OPEN(EVENT("ERROR", GONE)),
		OPEN(EVENT("MODIFIED", OBJECT("a", "6")) EVENT("ERROR", "{\"reason\":\"Expired\"}")),
		{.status = 504, .body = TOO_NEW},
	};
	size_t i;

	for (i = 0; i < COUNT(gaps); i++) {
		const struct fakeapi_route routes[] = {{"GET", WATCH_PATH, .answer = gaps[i]}, PODS_5};
		kshim_options *options = kshim_options_new();
		struct tale tale = {0};
		struct rig rig;

		watch_rig(&rig, state, routes, COUNT(routes));
		kshim_options_set_watch_gap(options, KSHIM_WATCH_GAP_ERROR);
		tale_run(&rig, &tale, options);
		assert_int_equal(strncmp(tale.text, TOLD_5, strlen(TOLD_5)), 0);
		assert_int_equal(tale.code, KSHIM_EGONE);
		assert_string_equal(tale.end_version, i == 2 ? "6" : "5");
		assert_int_equal(tale.counts[KSHIM_WATCH_GAPS], 1);
		assert_int_equal(fakeapi_count(rig.api, "GET", LIST_PATH) - fakeapi_count(rig.api, "GET", WATCH_PATH), 1);
		kshim_options_free(options);
		rig_stop(&rig);
	}
}

/* Errors that are no gap: on from the same version. */
static void test_error_events(void **state)
{
	const struct fakeapi_route routes[] = {
		{"GET", WATCH_FROM("5"), .answer = OPEN(EVENT("ADDED", OBJECT("c", "6")) EVENT("ERROR", STATUS(500, "InternalError", "")))},
		{"GET", WATCH_FROM("6"), .answer = OPEN(EVENT("ADDED", OBJECT("d", "7")) EVENT("ERROR", STATUS(504, "Timeout", "")))},
		{"GET", WATCH_FROM("7"), .answer = OPEN(EVENT("ADDED", OBJECT("e", "8"))
							EVENT("ERROR", STATUS(429, "TooManyRequests", ",\"details\":{\"retryAfterSeconds\":1}")))},
		{"GET", WATCH_FROM("8"), .answer = OPEN(EVENT("ADDED", OBJECT("f", "9")) "no event\n" EVENT("ADDED", OBJECT("x", "99")))},
		{"GET", WATCH_FROM("9"), .answer = OPEN(EVENT("ADDED", OBJECT("g", "10")) EVENT("ADDED", "{\"metadata\":{}}")
							EVENT("ADDED", OBJECT("x", "99")))},
		{"GET", WATCH_FROM("10"), .answer = OPEN(EVENT("ADDED", OBJECT("h", "11")))},
		PODS_5,
	};
	struct tale tale = {.stop_at = "(11)"};
	struct rig rig;

	watch_rig(&rig, state, routes, COUNT(routes));
	tale_run(&rig, &tale, NULL);
	assert_tale(&tale, TOLD_5 " +c6(6) +d7(7) +e8(8) +f9(9) +g10(10) +h11(11)");
	assert_int_equal(tale.counts[KSHIM_WATCH_FAILURES], 5);
	assert_int_equal(tale.counts[KSHIM_WATCH_STREAMS], 6);
	assert_true(fakeapi_request(rig.api, 4)->arrived_ns - fakeapi_request(rig.api, 3)->arrived_ns > 1000000000u);
	rig_stop(&rig);
}

/* A server that is away: told from the second failure on, and when it is back. */
static void test_late(void **state)
{
	static const char *const retry_after[] = {"Retry-After: 1", NULL};
	const struct fakeapi_route routes[] = {
		{"GET", WATCH_FROM("5"), .nth = 1, .answer = {.status = 500, .body = "no Status"}},
		{"GET", WATCH_FROM("5"), .nth = 2, .answer = {.status = 503, .body = "{}"}},
		{"GET", WATCH_FROM("5"), .nth = 3, .answer = {.status = 502, .type = "text/html", .body = "<html>"}},
		{"GET", WATCH_FROM("5"), .nth = 4, .answer = {.status = 429, .type = "text/plain", .body = "Too many requests"}},
		{"GET", WATCH_FROM("5"), .nth = 5, .answer = {.status = 429, .type = "text/plain", .body = "Too many requests, 1",
							      .headers = retry_after}},
		{"GET", WATCH_FROM("5"), .answer = OPEN(EVENT("ADDED", OBJECT("c", "6")))},
		PODS_5,
	};
	struct tale tale = {.stop_at = "(6)"};
	struct rig rig;

	watch_rig(&rig, state, routes, COUNT(routes));
	tale_run(&rig, &tale, NULL);
	assert_tale(&tale, TOLD_5 " LATE LATE LATE LATE RESUMED +c6(6)");
	assert_contains(tale.late, "Too many requests, 1");
	assert_int_equal(tale.counts[KSHIM_WATCH_FAILURES], 5);
	assert_int_equal(tale.counts[KSHIM_WATCH_STREAMS], 1);
	assert_true(fakeapi_request(rig.api, 6)->arrived_ns - fakeapi_request(rig.api, 5)->arrived_ns > 1000000000u);
	rig_stop(&rig);
}

/* What cannot pass by itself ends a watch at its start, and is LATE at once later. */
static void test_refused(void **state)
{
	static const struct {
		struct fakeapi_answer answer;
		kshim_code code;
	} cases[] = {
		{{.status = 401, .body = "{}"}, KSHIM_EUNAUTHORIZED},
		{{.status = 403, .body = STATUS(403, "Forbidden", "")}, KSHIM_EFORBIDDEN},
		{{.status = 404, .type = "text/plain", .body = "404 page not found"}, KSHIM_ENOKIND},
		{{.status = 400, .body = STATUS(400, "BadRequest", "")}, KSHIM_EBADREQUEST},
	};
	size_t i;

	for (i = 0; i < COUNT(cases); i++) {
		const struct fakeapi_route routes[] = {
			{"GET", WATCH_PATH, .nth = 1, .answer = OPEN("")},
			{"GET", LIST_PATH, .answer = cases[i].answer},
			{"GET", "/api", .answer = {.body = "{\"kind\":\"APIVersions\",\"versions\":[\"v1\"]}"}},
			{"GET", "/apis", .answer = {.body = "{\"kind\":\"APIGroupList\",\"groups\":[]}"}},
			{"GET", "/api/v1", .answer = {.body = "{\"kind\":\"APIResourceList\",\"resources\":[]}"}},
		};
		struct tale tale = {0};
		struct rig rig;

		watch_rig(&rig, state, routes, COUNT(routes));
		tale_run(&rig, &tale, NULL);
		assert_tale(&tale, "");
		if (tale.code != cases[i].code)
			print_error("%zu: %d %s\n", i, (int)tale.code, tale.message);
		assert_int_equal(tale.code, cases[i].code);
		assert_string_equal(tale.end_version, "");
		rig_stop(&rig);
	}
}

static void test_refused_later(void **state)
{
	const struct fakeapi_route routes[] = {
		{"GET", WATCH_FROM("5"), .answer = ENDS(EVENT("ADDED", OBJECT("c", "6")))},
		{"GET", WATCH_FROM("6"), .nth = 1, .answer = {.status = 403, .body = STATUS(403, "Forbidden", "")}},
		{"GET", WATCH_FROM("6"), .answer = OPEN(EVENT("ADDED", OBJECT("d", "7")))},
		PODS_5,
	};
	struct tale tale = {.stop_at = "(7)"};
	struct rig rig;

	watch_rig(&rig, state, routes, COUNT(routes));
	tale_run(&rig, &tale, NULL);
	assert_tale(&tale, TOLD_5 " +c6(6) LATE RESUMED +d7(7)");
	assert_contains(tale.late, "what the server says");
	rig_stop(&rig);
}

/* A server that is not there at the start is waited for. */
static void test_away_at_the_start(void **state)
{
	const struct fakeapi_route routes[] = {
		{"GET", WATCH_FROM("5"), .answer = OPEN(EVENT("ADDED", OBJECT("c", "6")))},
		{"GET", LIST_PATH, .nth = 1, .answer = {.end = FAKEAPI_HANG_UP}},
		{"GET", LIST_PATH, .nth = 2, .answer = {.status = 500, .body = "{}"}},
		{"GET", LIST_PATH, .nth = 3, .answer = {.body = LIST("5", OBJECT("a", "4") "," OBJECT("b", "3")),
							.end = FAKEAPI_CUT, .end_after = sizeof(LIST("5", OBJECT("a", "4") ",")) + 10}},
		{"GET", LIST_PATH, .nth = 4, .answer = {.body = "{\"items\":[]}"}},
		PODS_5,
	};
	struct tale tale = {.stop_at = "(6)"};
	struct rig rig;

	watch_rig(&rig, state, routes, COUNT(routes));
	tale_run(&rig, &tale, NULL);
	assert_tale(&tale, "LATE BEGIN +a4 LATE LATE " TOLD_5 " RESUMED +c6(6)");
	assert_contains(tale.late, "resourceVersion");
	rig_stop(&rig);
}

static void test_from_now(void **state)
{
	const struct fakeapi_route routes[] = {
		{"GET", WATCH_FROM("5"), .answer = ENDS(EVENT("MODIFIED", OBJECT("a", "6")) EVENT("ERROR", GONE))},
		{"GET", WATCH_FROM("9"), .answer = OPEN(EVENT("MODIFIED", OBJECT("a", "10")))},
		{"GET", LIST_PATH "?limit=1", .answer = {
			.body = "{\"metadata\":{\"resourceVersion\":\"5\",\"continue\":\"more\"},\"items\":[" OBJECT("a", "4") "]}"}},
		{"GET", LIST_PATH "?resourceVersion=6&*", .answer = {.body = LIST("9", OBJECT("a", "7"))}},
	};
	struct tale tale = {.stop_at = "(10)"};
	kshim_options *options = kshim_options_new();
	struct rig rig;

	watch_rig(&rig, state, routes, COUNT(routes));
	kshim_options_set_watch_from(options, KSHIM_WATCH_FROM_NOW);
	tale_run(&rig, &tale, options);
	assert_tale(&tale, "~a6(6) BEGIN +a7 END(9) ~a10(10)");
	assert_int_equal(tale.counts[KSHIM_WATCH_LISTS], 1);
	kshim_options_free(options);
	rig_stop(&rig);
}

static void test_from_version(void **state)
{
	const struct fakeapi_route routes[] = {
		{"GET", WATCH_FROM("5"), .answer = ENDS(EVENT("MODIFIED", OBJECT("a", "6")))},
		{"GET", WATCH_FROM("6"), .answer = OPEN(EVENT("MODIFIED", OBJECT("a", "7")))},
	};
	struct tale tale = {.stop_at = "(7)"};
	struct rig rig;

	watch_rig(&rig, state, routes, COUNT(routes));
	set_version(&rig, "5");
	tale_run(&rig, &tale, NULL);
	assert_tale(&tale, "~a6(6) ~a7(7)");
	rig_stop(&rig);
}

/* One that the server does not have yet, and will not: after some failures the state
 * as it is, first no older than that, then any. */
static void test_version_too_new(void **state)
{
	const struct fakeapi_route routes[] = {
		{"GET", WATCH_FROM("900"), .answer = {.status = 504, .body = TOO_NEW}},
		{"GET", LIST_PATH "?resourceVersion=900&*", .answer = {.status = 504, .body = TOO_NEW}},
		{"GET", WATCH_FROM("5"), .answer = OPEN(EVENT("MODIFIED", OBJECT("a", "6")))},
		PODS_5,
	};
	struct tale tale = {.stop_at = "(6)"};
	struct rig rig;

	watch_rig(&rig, state, routes, COUNT(routes));
	set_version(&rig, "900");
	tale_run(&rig, &tale, NULL);
	assert_contains(tale.text, "LATE");
	assert_contains(tale.text, "BEGIN +a4 +b3 END(5) RESUMED ~a6(6)");
	assert_int_equal(tale.counts[KSHIM_WATCH_GAPS], 1);
	assert_int_equal(fakeapi_count(rig.api, "GET", LIST_PATH "?resourceVersion=900&*"), 1);
	rig_stop(&rig);
}

static void test_once(void **state)
{
	static const struct {
		struct fakeapi_answer answer;
		kshim_code code;
	} cases[] = {
		{ENDS(EVENT("MODIFIED", OBJECT("a", "6"))), KSHIM_OK},
		{ENDS(EVENT("MODIFIED", OBJECT("a", "6")) EVENT("ERROR", GONE)), KSHIM_EGONE},
		{ENDS(EVENT("MODIFIED", OBJECT("a", "6")) EVENT("ERROR", STATUS(500, "InternalError", ""))), KSHIM_ESERVER},
		{{.body = EVENT("MODIFIED", OBJECT("a", "6")), .coding = FAKEAPI_CHUNKED, .end = FAKEAPI_CUT_RESET,
		  .end_after = FAKEAPI_ALL},
		 KSHIM_EPROTOCOL},
	};
	size_t i;

	for (i = 0; i < COUNT(cases); i++) {
		const struct fakeapi_route routes[] = {{"GET", WATCH_PATH, .answer = cases[i].answer}, PODS_5};
		kshim_options *options = kshim_options_new();
		struct tale tale = {0};
		struct rig rig;

		watch_rig(&rig, state, routes, COUNT(routes));
		kshim_options_set_watch_once(options, 1);
		tale_run(&rig, &tale, options);
		assert_tale(&tale, TOLD_5 " ~a6(6)");
		if (tale.code != cases[i].code)
			print_error("%zu: %s\n", i, tale.message);
		assert_int_equal(tale.code, cases[i].code);
		assert_string_equal(tale.end_version, "6");
		assert_int_equal(fakeapi_request_count(rig.api), 2);
		kshim_options_free(options);
		rig_stop(&rig);
	}
}

/* sendInitialEvents: versions in no order, none of them to go on from before the end. */
static void test_streamed_state(void **state)
{
	const struct fakeapi_route routes[] = {
		{"GET", WATCH_PATH "sendInitialEvents=true&resourceVersionMatch=NotOlderThan*", .nth = 1,
		 .answer = ENDS(EVENT("ADDED", OBJECT("x", "9")) EVENT("ADDED", OBJECT("y", "3")))},
		{"GET", WATCH_PATH "sendInitialEvents=true&*", .nth = 2,
		 .answer = ENDS(EVENT("ADDED", OBJECT("x", "9")) BOOKMARK("4") EVENT("ADDED", OBJECT("a", "3")) STATE_END("10")
				EVENT("MODIFIED", OBJECT("a", "11")))},
		{"GET", WATCH_PATH "sendInitialEvents=true&*", .answer = {.status = 500, .body = "not again"}},
		{"GET", WATCH_FROM("11"), .answer = OPEN(BOOKMARK("12") EVENT("MODIFIED", OBJECT("a", "13")))},
	};
	struct tale tale = {.stop_at = "(13)"};
	kshim_options *options = kshim_options_new();
	struct rig rig;

	watch_rig(&rig, state, routes, COUNT(routes));
	kshim_options_set_watch_streamed_state(options, 1);
	tale_run(&rig, &tale, options);
	assert_tale(&tale, "BEGIN +x9 +y3 BEGIN +x9 +a3 END(10) ~a11(11) ~a13(13)");
	assert_int_equal(tale.counts[KSHIM_WATCH_LISTS], 2);
	assert_int_equal(tale.counts[KSHIM_WATCH_STREAMS], 3);
	assert_int_equal(fakeapi_request_count(rig.api), 3);
	assert_null(strstr(fakeapi_request(rig.api, 0)->path, "resourceVersion="));
	assert_null(fakeapi_header(fakeapi_request(rig.api, 0), "accept-encoding"));
	kshim_options_free(options);
	rig_stop(&rig);
}

#define FAULT(field, message) ",\"details\":{\"causes\":[{\"reason\":\"FieldValueForbidden\",\"message\":\"" message "\",\"field\":\"" field "\"}]}"

/* A server that does not know how: a list in its place, and the client remembers. */
static void test_streamed_state_unknown(void **state)
{
	static const char *const answers[] = {
		/* 1.24; one with its gate off */
		STATUS(422, "Invalid", FAULT("resourceVersionMatch", "Forbidden: resourceVersionMatch is forbidden for watch")),
		STATUS(422, "Invalid", FAULT("sendInitialEvents", "Forbidden: sendInitialEvents is forbidden for watch unless "
							      "the WatchList feature gate is enabled")),
	};
	size_t i;
	int round;

	for (i = 0; i < COUNT(answers); i++) {
		const struct fakeapi_route routes[] = {
			{"GET", WATCH_PATH "sendInitialEvents=true&*", .answer = {.status = 422, .body = answers[i]}},
			{"GET", WATCH_FROM("5"), .answer = OPEN(EVENT("MODIFIED", OBJECT("a", "6")))},
			PODS_5,
		};
		kshim_options *options = kshim_options_new();
		struct rig rig;

		watch_rig(&rig, state, routes, COUNT(routes));
		kshim_options_set_watch_streamed_state(options, 1);
		for (round = 0; round < 2; round++) {
			struct tale tale = {.stop_at = "(6)"};

			tale_run(&rig, &tale, options);
			assert_tale(&tale, TOLD_5 " ~a6(6)");
			assert_int_equal(fakeapi_count(rig.api, "GET", WATCH_PATH "sendInitialEvents*"), 1);
		}
		assert_int_equal(fakeapi_request_count(rig.api), 5);
		kshim_options_free(options);
		rig_stop(&rig);
	}
}

/* One that finds fault with something else: that is the watch's error, and the client asks again. */
static void test_streamed_state_refused(void **state)
{
	static const struct {
		struct fakeapi_answer answer;
		kshim_code code;
	} cases[] = {
		{{.status = 400, .body = STATUS(400, "BadRequest", "")}, KSHIM_EBADREQUEST}, /* a selector */
		{{.status = 422, .body = STATUS(422, "Invalid", "")}, KSHIM_EREFUSED},
		{{.status = 422, .body = STATUS(422, "Invalid", FAULT("fieldSelector", "Invalid value"))}, KSHIM_EREFUSED},
	};
	size_t i;
	unsigned round;

	for (i = 0; i < COUNT(cases); i++) {
		const struct fakeapi_route routes[] = {{"GET", WATCH_PATH, .answer = cases[i].answer}, PODS_5};
		kshim_options *options = kshim_options_new();
		struct rig rig;

		watch_rig(&rig, state, routes, COUNT(routes));
		kshim_options_set_watch_streamed_state(options, 1);
		for (round = 1; round <= 2; round++) {
			struct tale tale = {0};

			tale_run(&rig, &tale, options);
			assert_tale(&tale, "");
			assert_int_equal(tale.code, cases[i].code);
			assert_int_equal(fakeapi_count(rig.api, "GET", WATCH_PATH "sendInitialEvents*"), round);
			assert_int_equal(fakeapi_request_count(rig.api), round);
		}
		kshim_options_free(options);
		rig_stop(&rig);
	}
}

/* 410 in the middle of a streamed state, and behind it. */
static void test_streamed_state_gap(void **state)
{
	const struct fakeapi_route routes[] = {
		{"GET", WATCH_PATH "resourceVersion=11&sendInitialEvents=true&*", .nth = 1,
		 .answer = ENDS(EVENT("ADDED", OBJECT("x", "9")) EVENT("ERROR", GONE))},
		{"GET", WATCH_PATH "resourceVersion=11&sendInitialEvents=true&*",
		 .answer = ENDS(EVENT("ADDED", OBJECT("x", "9")) STATE_END("14"))},
		{"GET", WATCH_PATH "sendInitialEvents=true&*", .nth = 1,
		 .answer = ENDS(STATE_END("10") EVENT("MODIFIED", OBJECT("a", "11")))},
		{"GET", WATCH_PATH "sendInitialEvents=true&*", .answer = ENDS(EVENT("ADDED", OBJECT("x", "9")) STATE_END("14"))},
		{"GET", WATCH_FROM("11"), .answer = {.status = 410, .body = GONE}},
		{"GET", WATCH_FROM("14"), .answer = OPEN(EVENT("MODIFIED", OBJECT("a", "15")))},
	};
	struct tale tale = {.stop_at = "(15)"};
	kshim_options *options = kshim_options_new();
	struct rig rig;

	watch_rig(&rig, state, routes, COUNT(routes));
	kshim_options_set_watch_streamed_state(options, 1);
	tale_run(&rig, &tale, options);
	assert_tale(&tale, "BEGIN END(10) ~a11(11) BEGIN +x9 BEGIN +x9 END(14) ~a15(15)");
	assert_int_equal(fakeapi_count(rig.api, "GET", LIST_PATH), fakeapi_count(rig.api, "GET", WATCH_PATH));
	kshim_options_free(options);
	rig_stop(&rig);
}

/* A list of pages whose snapshot expires under it. */
static void test_pages(void **state)
{
	const struct fakeapi_route routes[] = {
		{"GET", WATCH_FROM("5"), .answer = OPEN(EVENT("DELETED", OBJECT("a", "6")) EVENT("MODIFIED", OBJECT("b", "7")))},
		{"GET", LIST_PATH "?*continue=second*", .answer = {.body = LIST("5", OBJECT("b", "3"))}},
		{"GET", LIST_PATH "?*limit=1*", .answer = {
			.body = "{\"metadata\":{\"resourceVersion\":\"5\",\"continue\":\"second\"},\"items\":[" OBJECT("a", "4") "]}"}},
	};
	struct tale tale = {.stop_at = "(7)"};
	struct rig rig;

	watch_rig(&rig, state, routes, COUNT(routes));
	kshim_query_set_limit(rig.pods, 1);
	tale_run(&rig, &tale, NULL);
	assert_tale(&tale, TOLD_5 " -a6(6) ~b7(7)");
	rig_stop(&rig);
}

static void nap_once(struct tale *tale, kshim_event event)
{
	if (event == KSHIM_EVENT_MODIFIED && !tale->data) {
		tale->data = tale;
		usleep(100000); /* meanwhile the rest is on its way */
	}
}

/* More at a time than the buffer holds: nothing is dropped for it. */
static void test_burst(void **state)
{
	enum { EVENTS = 500, PADDING = 5000 };
	char *body = NULL, *padding = calloc(1, PADDING + 1);
	struct fakeapi_route routes[] = {
		{"GET", WATCH_FROM("5"), .answer = OPEN("")},
		PODS_5,
	};
	struct tale tale = {.stop_at = "~a1504(1504)", .on_event = nap_once};
	size_t len = 0;
	FILE *to = open_memstream(&body, &len);
	struct rig rig;
	int i;

	memset(padding, 'x', PADDING);
	for (i = 0; i < EVENTS; i++)
		fprintf(to, EVENT("MODIFIED", "{\"kind\":\"Pod\",\"apiVersion\":\"v1\",\"metadata\":{\"name\":\"a\","
					      "\"namespace\":\"ns\",\"resourceVersion\":\"%d\",\"annotations\":{\"a\":\"%s\"}}}"),
			1005 + i, padding);
	fclose(to);
	routes[0].answer.body = body;
	watch_rig(&rig, state, routes, COUNT(routes));
	tale_run(&rig, &tale, NULL);
	assert_int_equal(tale.counts[KSHIM_WATCH_EVENTS], 2 + EVENTS);
	assert_int_equal(tale.counts[KSHIM_WATCH_STREAMS], 1);
	assert_int_equal(tale.counts[KSHIM_WATCH_DROPS], 0);
	rig_stop(&rig);
	free(padding);
	free(body);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ALL_VARIANTS(test_state_and_changes),
		BOTH_HTTP(test_goes_on),
		BOTH_HTTP(test_bookmarks),
		BOTH_HTTP(test_gap),
		BOTH_HTTP(test_gap_keeps_connections),
		BOTH_HTTP(test_gap_is_error),
		BOTH_HTTP(test_error_events),
		BOTH_HTTP(test_late),
		BOTH_HTTP(test_refused),
		BOTH_HTTP(test_refused_later),
		BOTH_HTTP(test_away_at_the_start),
		BOTH_HTTP(test_from_now),
		BOTH_HTTP(test_from_version),
		BOTH_HTTP(test_version_too_new),
		BOTH_HTTP(test_once),
		BOTH_HTTP(test_streamed_state),
		BOTH_HTTP(test_streamed_state_unknown),
		BOTH_HTTP(test_streamed_state_refused),
		BOTH_HTTP(test_streamed_state_gap),
		BOTH_HTTP(test_pages),
		BOTH_HTTP(test_burst),
	};

	test_begin();
	return cmocka_run_group_tests_name("faults/watch", tests, NULL, NULL);
}
