/* Waiting on an object while its stream is cut, ends and expires. */
/* LINK: -Wl,--wrap=kshim__malloc,--wrap=kshim__calloc,--wrap=kshim__realloc,--wrap=kshim__memdup,--wrap=kshim__strdup -Wl,--wrap=clock_gettime,--wrap=epoll_wait */
#include "../testutil.h"
#include "../unit/failalloc.h"
#include "fastclock.h"

#define SELECT "fieldSelector=metadata.name%3Da"
#define WATCH LIST_PATH "?*watch=true*"
#define POD_AT(version, phase)                                                                                         \
	"{\"kind\":\"Pod\",\"apiVersion\":\"v1\",\"metadata\":{\"name\":\"a\",\"namespace\":\"ns\",\"uid\":\"u-1\","      \
	"\"resourceVersion\":\"" version "\"},\"status\":{\"phase\":\"" phase "\"}}"
#define LIST(version, items)                                                                                           \
	"{\"kind\":\"PodList\",\"apiVersion\":\"v1\",\"metadata\":{\"resourceVersion\":\"" version "\"},\"items\":[" items "]}"
#define EVENT(type, object) "{\"type\":\"" type "\",\"object\":" object "}\n"
#define BOOKMARK(version) EVENT("BOOKMARK", "{\"kind\":\"Pod\",\"metadata\":{\"resourceVersion\":\"" version "\"}}")
#define GONE                                                                                                           \
	EVENT("ERROR", "{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"status\":\"Failure\",\"reason\":\"Expired\","       \
		       "\"message\":\"too old resource version: 5 (9)\",\"code\":410}")

static void wait_for(struct rig *rig, const char *phase, const char *timeout, struct seen *seen)
{
	kshim_object *pod = kshim_query_object(rig->pods, "a");
	kshim_options *options = kshim_options_new();

	if (timeout)
		kshim_options_set_timeout(options, atoi(timeout));
	seen->rig = rig;
	assert_non_null(started(seen, kshim_wait_value(pod, "/status/phase", phase, options, seen_done, seen)));
	kshim_object_unref(pod);
	kshim_options_free(options);
	rig_drive(rig);
}

/* The nth request was a watch from that version, or a list. */
static void assert_request(struct rig *rig, size_t i, const char *version)
{
	const struct fakeapi_request *request = fakeapi_request(rig->api, i);
	char text[40];

	assert_non_null(request);
	assert_contains(request->path, SELECT);
	if (!version) {
		assert_null(strstr(request->path, "watch="));
		return;
	}
	snprintf(text, sizeof(text), "resourceVersion=%s", version);
	assert_contains(request->path, text);
	assert_contains(request->path, "watch=true");
	assert_contains(request->path, "allowWatchBookmarks=true");
	assert_contains(request->path, "timeoutSeconds=");
}

/* A first answer that is late is waited for, as long as the deadline is not over: 15 s of a fast clock. */
static void test_late_list(void **state)
{
	const struct fakeapi_route routes[] = {
		{"GET", WATCH, .answer = {.body = "", .end = FAKEAPI_MUTE}},
		{"GET", LIST_PATH "?*", .answer = {.body = LIST("5", POD_AT("5", "Running")), .head_delay_ms = 15000}},
	};
	struct seen seen = {0};
	struct rig rig;

	speed = 50;
	rig_start(&rig, state, routes, COUNT(routes));
	wait_for(&rig, "Running", "1000000", &seen);
	assert_int_equal(seen.done, 1);
	assert_int_equal(seen.code, KSHIM_OK);
	rig_stop(&rig);
	speed = 1;
}

/* Events in pieces; the stream goes on behind what was waited for. */
static void test_events(void **state)
{
	const struct fakeapi_route routes[] = {
		{"GET", WATCH,
		 .answer = {.coding = FAKEAPI_CHUNKED, .piece = 7,
			    .body = EVENT("MODIFIED", POD_AT("6", "Pending")) "\n" BOOKMARK("7")
				    EVENT("MODIFIED", POD_AT("8", "Running")),
			    .end = FAKEAPI_STALL, .end_after = FAKEAPI_ALL}},
		{"GET", LIST_PATH, .answer = {.body = LIST("5", POD_AT("4", "Pending"))}},
	};
	struct seen seen = {0};
	struct rig rig;

	rig_start(&rig, state, routes, COUNT(routes));
	wait_for(&rig, "Running", NULL, &seen);
	assert_ok(&seen);
	assert_true(seen.has_object);
	assert_int_equal(fakeapi_request_count(rig.api), 2);
	assert_request(&rig, 0, NULL);
	assert_request(&rig, 1, "5");
	assert_fate(rig.api, 1, FAKEAPI_CLIENT_LEFT);
	rig_stop(&rig);
}

/* Each stream ends in another way: it goes on where it was. */
static void test_goes_on(void **state)
{
	static const char torn[] = EVENT("MODIFIED", POD_AT("7", "Pending")) "{\"type\":\"MODIFIED\",\"object\":{\"kind\":\"Pod\""
				   ",\"metadata\":{\"resourceVersion\":\"8";
	const struct fakeapi_route routes[] = {
		{"GET", WATCH, .nth = 1, .answer = {.body = BOOKMARK("6"), .coding = FAKEAPI_CHUNKED}},
		{"GET", WATCH, .nth = 2, .answer = {.body = torn, .coding = FAKEAPI_CHUNKED}},
		{"GET", WATCH, .nth = 3, .answer = {.body = torn, .coding = FAKEAPI_CHUNKED, .end = FAKEAPI_CUT_RESET,
						    .end_after = sizeof(torn) - 3}},
		{"GET", WATCH, .nth = 4, .answer = {.status = 503, .body = "busy"}},
		{"GET", WATCH, .nth = 5, .answer = {.end = FAKEAPI_HANG_UP}},
		{"GET", WATCH, .answer = {.body = EVENT("ADDED", POD_AT("9", "Running")), .coding = FAKEAPI_CHUNKED,
					  .end = FAKEAPI_STALL, .end_after = FAKEAPI_ALL}},
		{"GET", LIST_PATH, .answer = {.body = LIST("5", POD_AT("4", "Pending"))}},
	};
	struct seen seen = {0};
	struct rig rig;

	rig_start(&rig, state, routes, COUNT(routes));
	wait_for(&rig, "Running", NULL, &seen);
	assert_ok(&seen);
	assert_request(&rig, 0, NULL);
	assert_request(&rig, 1, "5");
	assert_request(&rig, 2, "6");
	assert_request(&rig, 3, "7");
	assert_request(&rig, 4, "7");
	assert_request(&rig, 5, "7");
	assert_int_equal(fakeapi_count(rig.api, "GET", LIST_PATH), fakeapi_request_count(rig.api));
	rig_stop(&rig);
}

/* 410, as an event and as a status: listed anew, no older than what was seen. */
static void test_expired(void **state)
{
	const struct fakeapi_route routes[] = {
		{"GET", WATCH, .nth = 1, .answer = {.body = GONE, .coding = FAKEAPI_CHUNKED, .end = FAKEAPI_STALL,
						    .end_after = FAKEAPI_ALL}},
		{"GET", WATCH, .answer = {.status = 410, .body = "{\"kind\":\"Status\",\"code\":410,\"reason\":\"Expired\"}"}},
		{"GET", LIST_PATH "?*resourceVersion=5&*NotOlderThan", .answer = {.body = LIST("6", POD_AT("4", "Pending"))}},
		{"GET", LIST_PATH "?*resourceVersion=6&*NotOlderThan", .answer = {.body = LIST("12", POD_AT("9", "Running"))}},
		{"GET", LIST_PATH, .answer = {.body = LIST("5", POD_AT("4", "Pending"))}},
	};
	struct seen seen = {0};
	struct rig rig;

	rig_start(&rig, state, routes, COUNT(routes));
	wait_for(&rig, "Running", NULL, &seen);
	assert_ok(&seen);
	assert_request(&rig, 0, NULL);
	assert_request(&rig, 1, "5");
	assert_request(&rig, 2, NULL);
	assert_contains(fakeapi_request(rig.api, 2)->path, "resourceVersion=5&resourceVersionMatch=NotOlderThan");
	assert_request(&rig, 3, "6");
	assert_request(&rig, 4, NULL);
	rig_stop(&rig);
}

static void test_deadline(void **state)
{
	const struct fakeapi_route routes[] = {
		{"GET", WATCH, .answer = {.coding = FAKEAPI_CHUNKED, .end = FAKEAPI_STALL}},
		{"GET", LIST_PATH, .answer = {.body = LIST("5", POD_AT("4", "Pending"))}},
	};
	const struct fakeapi_route busy[] = {
		{"GET", WATCH, .answer = {.status = 503, .body = "{\"kind\":\"Status\",\"code\":503,\"message\":\"too busy\"}"}},
		{"GET", LIST_PATH, .answer = {.body = LIST("5", POD_AT("4", "Pending"))}},
	};
	char ms[16], expected[130];
	struct seen seen = {0};
	struct rig rig;

	rig_start(&rig, state, routes, COUNT(routes));
	snprintf(ms, sizeof(ms), "%d", 300 * slowness());
	wait_for(&rig, "Running", ms, &seen);
	assert_failed(&seen, KSHIM_ETIMEDOUT);
	snprintf(expected, sizeof(expected), "wait for /status/phase=Running of Pod \"a\": not done within %s ms "
		 "(watching)", ms);
	assert_string_equal(seen.message, expected);
	assert_fate(rig.api, 1, FAKEAPI_CLIENT_LEFT);
	rig_stop(&rig);
	/* it tells what the watch met */
	seen = (struct seen){0};
	snprintf(ms, sizeof(ms), "%d", 1000 * slowness());
	rig_start(&rig, state, busy, COUNT(busy));
	wait_for(&rig, "Running", ms, &seen);
	assert_failed(&seen, KSHIM_ETIMEDOUT);
	assert_memory_equal(seen.message, "too busy: wait for ", 19);
	rig_stop(&rig);
}

/* What does not pass by itself. */
static void test_fails(void **state)
{
	static const struct {
		struct fakeapi_answer list, watch;
		kshim_code code;
	} cases[] = {
		{{.status = 403, .body = "{}"}, {0}, KSHIM_EFORBIDDEN},
		{{.status = 503, .body = "{}"}, {0}, KSHIM_ESERVER},
		{{.body = LIST("5", "")}, {0}, KSHIM_ENOTFOUND},
		{{.body = "{\"items\":[]}"}, {0}, KSHIM_EPROTOCOL},
		{{.body = LIST("5", POD_AT("4", "Pending"))}, {.status = 403, .body = "{}"}, KSHIM_EFORBIDDEN},
		{{.body = LIST("5", POD_AT("4", "Pending"))},
		 {.body = EVENT("DELETED", POD_AT("6", "Pending"))},
		 KSHIM_ENOTFOUND},
	};
	size_t i;

	for (i = 0; i < COUNT(cases); i++) {
		const struct fakeapi_route routes[] = {
			{"GET", WATCH, .answer = cases[i].watch},
			{"GET", LIST_PATH, .answer = cases[i].list},
		};
		struct seen seen = {0};
		struct rig rig;

		rig_start(&rig, state, routes, COUNT(routes));
		wait_for(&rig, "Running", NULL, &seen);
		assert_failed(&seen, cases[i].code);
		rig_stop(&rig);
	}
}

/* The client goes while it is waited: one callback, nothing left. */
static void test_client_freed(void **state)
{
	const struct fakeapi_route routes[] = {
		{"GET", WATCH, .answer = {.coding = FAKEAPI_CHUNKED, .end = FAKEAPI_STALL}},
		{"GET", LIST_PATH, .answer = {.body = LIST("5", POD_AT("4", "Pending"))}},
	};
	struct seen seen = {0};
	kshim_object *pod;
	struct rig rig;

	rig_start(&rig, state, routes, COUNT(routes));
	pod = kshim_query_object(rig.pods, "a");
	seen.rig = &rig;
	assert_non_null(started(&seen, kshim_wait_deleted(pod, NULL, seen_done, &seen)));
	rig_until_requests(&rig, 2);
	kshim_client_free(rig.client);
	rig.client = NULL;
	rig_drive(&rig);
	assert_failed(&seen, KSHIM_ECANCELED);
	kshim_object_unref(pod);
	rig_stop(&rig);
}

/* Every allocation fails once: the call is refused, or fails, or succeeds. */
static void test_no_memory(void **state)
{
	const struct fakeapi_route routes[] = {
		{"GET", WATCH, .answer = {.coding = FAKEAPI_CHUNKED, .piece = 50, .body =
					  EVENT("MODIFIED", POD_AT("6", "Pending")) EVENT("MODIFIED", POD_AT("8", "Running"))}},
		{"GET", LIST_PATH, .answer = {.body = LIST("5", POD_AT("4", "Pending"))}},
	};
	unsigned succeeded = 0, failed = 0, refused = 0;
	struct rig rig;
	long i;

	if (!failalloc_works())
		skip();
	rig_start(&rig, state, routes, COUNT(routes));
	for (i = 0; succeeded < 3 && i < 2000; i++) {
		kshim_object *pod = kshim_query_object(rig.pods, "a");
		struct seen seen = {.rig = &rig};
		kshim_call *call;
		bool was_failed;

		failalloc_arm(i, false);
		call = started(&seen, kshim_wait_value(pod, "/status/phase", "Running", NULL, seen_done, &seen));
		rig_drive(&rig);
		was_failed = failalloc_disarm();
		if (!call) {
			assert_int_equal(seen.done, 0);
			refused++;
		} else if (seen.has_error) {
			assert_int_equal(seen.done, 1);
			assert_true(was_failed);
			failed++;
		} else {
			assert_ok(&seen);
			succeeded += !was_failed;
		}
		kshim_object_unref(pod);
	}
	assert_true(refused > 2);
	assert_true(failed > 5);
	assert_int_equal(succeeded, 3);
	rig_stop(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BOTH_HTTP(test_late_list),
		ALL_VARIANTS(test_events),
		BOTH_HTTP(test_goes_on),
		BOTH_HTTP(test_expired),
		BOTH_HTTP(test_deadline),
		BOTH_HTTP(test_fails),
		ALL_VARIANTS(test_client_freed),
		ONLY_H1(test_no_memory),
		ONLY_H2(test_no_memory),
	};

	test_begin();
	return cmocka_run_group_tests_name("faults/wait", tests, NULL, NULL);
}
