/* Connections: how many, how they are kept, and what becomes of a request when
 * one breaks under it. */
#include "../testutil.h"

#include "client.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#define WHOLE {.answer = {.body = POD("a")}}

static bool is_h2(void **state)
{
	return ((const struct variant *)*state)->http == KSHIM_HTTP_2;
}

static void create_pod(struct rig *rig, struct seen *seen)
{
	kshim_object *object = kshim_object_from_text(rig->client, POD("a"), strlen(POD("a")));

	assert_non_null(object);
	assert_non_null(started(seen, kshim_object_create(object, NULL, seen_done, seen)));
	kshim_object_unref(object);
	rig_drive(rig);
}

static void test_keep_alive(void **state)
{
	struct fakeapi_route route = WHOLE;
	struct rig rig;
	unsigned i;

	rig_start(&rig, state, &route, 1);
	for (i = 0; i < 20; i++) {
		struct seen seen = {0};

		if (i % 3 == 2)
			create_pod(&rig, &seen);
		else
			get_pod(&rig, "a", &seen);
		assert_ok(&seen);
	}
	assert_int_equal(fakeapi_connections(rig.api), 1);
	assert_int_equal(fakeapi_request_count(rig.api), 20);
	rig_stop(&rig);
}

/* Many at once: no more connections than allowed, over HTTP/2 one. */
static void test_parallel(void **state)
{
	static const unsigned most[] = {8, 3, 1};
	struct fakeapi_route route = {.answer = {.body = POD("a"), .head_delay_ms = 10}};
	size_t n, i;

	for (n = 0; n < COUNT(most); n++) {
		struct seen seen[50] = {0};
		struct rig rig;

		rig_start(&rig, state, &route, 1);
		kshim_client_set_max_connections(rig.client, most[n]);
		for (i = 0; i < COUNT(seen); i++)
			assert_non_null(started(&seen[i], kshim_query_get_by_name(rig.pods, "a", seen_done, &seen[i])));
		rig_drive(&rig);
		for (i = 0; i < COUNT(seen); i++)
			assert_ok(&seen[i]);
		assert_int_equal(fakeapi_request_count(rig.api), 50);
		assert_int_equal(fakeapi_connections(rig.api), is_h2(state) ? 1 : most[n]);
		rig_stop(&rig);
	}
}

/* What libcurl would start all at once when it has a connection is let in by and
 * by, so that no pass of the loop gets long. */
static void test_let_in(void **state)
{
	static struct seen seen[300];
	struct fakeapi_route route = {.answer = {.body = POD("a"), .head_delay_ms = 10}};
	struct pollfd poll_fd = {.events = POLLIN};
	struct kshim__transport *transport;
	struct rig rig;
	size_t i, round;
	int rc;

	rig_start(&rig, state, &route, 1);
	transport = &rig.client->lanes[KSHIM__LANE_CALLS].transport;
	poll_fd.fd = kshim_loop_fd(rig.loop);
	for (round = 0; round < 2; round++) {
		memset(seen, 0, sizeof(seen));
		for (i = 0; i < COUNT(seen); i++)
			assert_non_null(started(&seen[i], kshim_query_get_by_name(rig.pods, "a", seen_done, &seen[i])));
		/* over HTTP/2 one alone looks for a connection */
		assert_int_equal(transport->unsent, is_h2(state) && round == 0 ? 1 : 8);
		while ((rc = kshim_loop_process(rig.loop)) == 1) {
			assert_true(transport->unsent <= 8);
			assert_true(poll(&poll_fd, 1, HANG_MS) == 1 || errno == EINTR);
		}
		assert_int_equal(rc, 0);
		for (i = 0; i < COUNT(seen); i++)
			assert_ok(&seen[i]);
		assert_int_equal(transport->unsent, 0);
		assert_int_equal(transport->multi.connections, fakeapi_open_connections(rig.api));
	}
	assert_int_equal(fakeapi_request_count(rig.api), 2 * COUNT(seen));
	rig_stop(&rig);
}

/* More than a connection has streams for, and than we put on one. */
static void test_many_streams(void **state)
{
	static struct seen seen[300];
	struct fakeapi_route route = {.answer = {.body = POD("a"), .head_delay_ms = 20}};
	struct fakeapi_options options = {.routes = &route, .route_count = 1, .max_streams = 20};
	struct rig rig;
	size_t i;

	memset(seen, 0, sizeof(seen));
	rig_start_with(&rig, state, &options, NULL, NULL);
	kshim_client_set_max_connections(rig.client, 4);
	for (i = 0; i < COUNT(seen); i++)
		assert_non_null(started(&seen[i], kshim_query_get_by_name(rig.pods, "a", seen_done, &seen[i])));
	rig_drive(&rig);
	for (i = 0; i < COUNT(seen); i++)
		assert_ok(&seen[i]);
	assert_int_equal(fakeapi_request_count(rig.api), COUNT(seen));
	/* at most 4 at a time; libcurl 7.88.1 closes one now and then to open it again */
	assert_in_range(fakeapi_connections(rig.api), 1, 16);
	rig_stop(&rig);
}

/* A server that does not speak HTTP/2. */
static void test_http2_declined(void **state)
{
	struct fakeapi_route route = WHOLE;
	struct fakeapi_options options = {.routes = &route, .route_count = 1, .http = FAKEAPI_H1};
	struct seen seen[12] = {0};
	struct rig rig;
	size_t i;

	rig_start_with(&rig, state, &options, NULL, NULL);
	for (i = 0; i < COUNT(seen); i++)
		assert_non_null(started(&seen[i], kshim_query_get_by_name(rig.pods, "a", seen_done, &seen[i])));
	rig_drive(&rig);
	for (i = 0; i < COUNT(seen); i++)
		assert_ok(&seen[i]);
	assert_int_equal(fakeapi_request(rig.api, 0)->http, 11);
	assert_in_range(fakeapi_connections(rig.api), 1, 8);
	rig_stop(&rig);
}

/* Changed under way: the next calls follow. */
static void test_http_version_is_changed(void **state)
{
	struct fakeapi_route route = WHOLE;
	struct seen one = {0}, two = {0};
	struct rig rig;

	rig_start(&rig, state, &route, 1);
	get_pod(&rig, "a", &one);
	kshim_client_set_http_version(rig.client, is_h2(state) ? KSHIM_HTTP_1_1 : KSHIM_HTTP_2);
	get_pod(&rig, "a", &two);
	assert_ok(&one);
	assert_ok(&two);
	assert_int_equal(fakeapi_request(rig.api, 0)->http, is_h2(state) ? 20 : 11);
	assert_int_equal(fakeapi_request(rig.api, 1)->http, is_h2(state) ? 11 : 20);
	rig_stop(&rig);
}

/* Ends that are told, and that are not, between two requests. */
static void test_closed_between_requests(void **state)
{
	static const enum fakeapi_end ends[] = {FAKEAPI_CLOSE, FAKEAPI_DROP, FAKEAPI_GOAWAY};
	size_t i, posts;

	for (i = 0; i < COUNT(ends); i++) {
		for (posts = 0; posts < 2; posts++) {
			struct fakeapi_route routes[] = {
				{"GET", .nth = 1, .answer = {.body = POD("a"), .end = ends[i]}},
				WHOLE,
			};
			struct seen one = {0}, two = {0};
			struct rig rig;

			rig_start(&rig, state, routes, COUNT(routes));
			get_pod(&rig, "a", &one);
			assert_ok(&one);
			if (ends[i] != FAKEAPI_GOAWAY || !is_h2(state))
				assert_open_connections(rig.api, 0);
			if (posts)
				create_pod(&rig, &two);
			else
				get_pod(&rig, "a", &two);
			assert_ok(&two);
			assert_int_equal(fakeapi_request_count(rig.api), 2);
			assert_int_equal(fakeapi_connections(rig.api), 2);
			rig_stop(&rig);
		}
	}
}

/* The kept connection dies with the next request on it (traps.md 29): a GET is
 * sent again, a POST is not. */
static void test_stale(void **state)
{
	static const enum fakeapi_end ends[] = {FAKEAPI_STALE, FAKEAPI_STALE_RESET};
	size_t i;

	for (i = 0; i < COUNT(ends); i++) {
		struct fakeapi_route routes[] = {
			{"GET", "*/stale", .answer = {.body = POD("stale"), .end = ends[i]}},
			WHOLE,
		};
		struct seen get[3] = {0}, post = {0};
		struct rig rig;

		rig_start(&rig, state, routes, COUNT(routes));
		get_pod(&rig, "stale", &get[0]);
		get_pod(&rig, "a", &get[1]);
		assert_ok(&get[0]);
		assert_ok(&get[1]);
		assert_int_equal(fakeapi_count(rig.api, "GET", "*/a"), 2);
		get_pod(&rig, "stale", &get[2]);
		assert_ok(&get[2]);
		create_pod(&rig, &post);
		assert_failed(&post, KSHIM_ECONNECT);
		assert_int_equal(fakeapi_count(rig.api, "POST", NULL), 1);
		assert_true(post.retryable);
		rig_stop(&rig);
	}
}

static void count_attempts(const kshim_request_info *info, void *user)
{
	unsigned *highest = user;

	if (kshim_request_info_attempt(info) > *highest)
		*highest = kshim_request_info_attempt(info);
}

/* A fresh connection that says nothing: reads go out again after a while, all
 * others do not, and after max_retries neither do reads. */
static void test_hang_up(void **state)
{
	static const enum fakeapi_end ends[] = {FAKEAPI_HANG_UP, FAKEAPI_HANG_UP_RESET};
	size_t i;

	for (i = 0; i < COUNT(ends); i++) {
		struct fakeapi_route routes[] = {
			{"GET", "*/a", .nth = 1, .answer = {.end = ends[i]}},
			{"GET", "*/a", .nth = 2, .answer = {.end = ends[i]}},
			{"GET", "*/a", .answer = {.body = POD("a")}},
			{.answer = {.end = ends[i]}},
		};
		struct seen get = {0}, post = {0}, never = {0};
		unsigned attempts = 0;
		struct rig rig;

		rig_start(&rig, state, routes, COUNT(routes));
		kshim_client_on_request(rig.client, count_attempts, &attempts);
		get_pod(&rig, "a", &get);
		assert_ok(&get);
		assert_int_equal(attempts, 3);
		assert_int_equal(fakeapi_count(rig.api, "GET", NULL), 3);
		create_pod(&rig, &post);
		assert_failed(&post, KSHIM_ECONNECT);
		assert_int_equal(fakeapi_count(rig.api, "POST", NULL), 1);
		kshim_client_set_max_retries(rig.client, 1);
		get_pod(&rig, "never", &never);
		assert_failed(&never, KSHIM_ECONNECT);
		assert_int_equal(never.status, 0);
		assert_true(never.retryable);
		/* over HTTP/2 libcurl may add one of its own */
		assert_in_range(fakeapi_count(rig.api, "GET", "*/never"), 2, is_h2(state) ? 4 : 2);
		rig_stop(&rig);
	}
}

static void patch_pod(struct rig *rig, struct seen *seen)
{
	kshim_object *object = kshim_query_object(rig->pods, "a");

	assert_non_null(started(seen, kshim_object_patch(object, KSHIM_PATCH_MERGE, "{}", 2, NULL, seen_done, seen)));
	kshim_object_unref(object);
	rig_drive(rig);
}

static void delete_pod(struct rig *rig, struct seen *seen)
{
	kshim_object *object = kshim_query_object(rig->pods, "a");

	assert_non_null(started(seen, kshim_object_delete(object, NULL, seen_done, seen)));
	kshim_object_unref(object);
	rig_drive(rig);
}

/* Every write, on a connection that dies: with a body and without. */
static void test_no_write_goes_out_twice(void **state)
{
	static void (*const writes[])(struct rig *rig, struct seen *seen) = {create_pod, patch_pod, delete_pod};
	struct fakeapi_route routes[] = {
		{"GET", NULL, .answer = {.body = POD("a"), .end = FAKEAPI_STALE}},
		{.answer = {.body = POD("a")}},
	};
	size_t i;

	for (i = 0; i < COUNT(writes); i++) {
		struct seen get = {0}, write = {0};
		struct rig rig;

		rig_start(&rig, state, routes, COUNT(routes));
		get_pod(&rig, "a", &get);
		assert_ok(&get);
		writes[i](&rig, &write);
		assert_failed(&write, KSHIM_ECONNECT);
		assert_int_equal(fakeapi_request_count(rig.api), 2);
		rig_stop(&rig);
	}
}

/* What an HTTP/2 server did not take up: the reads go on. */
static void test_refused(void **state)
{
	static const enum fakeapi_end ends[] = {FAKEAPI_REFUSE_STREAM, FAKEAPI_GOAWAY_REFUSE};
	size_t i;

	for (i = 0; i < COUNT(ends); i++) {
		struct fakeapi_route routes[] = {
			{"GET", "*/b", .nth = 1, .answer = {.end = ends[i]}},
			{"POST", .answer = {.end = ends[i]}},
			WHOLE,
		};
		struct seen one = {0}, two = {0}, three = {0}, post = {0};
		struct rig rig;

		rig_start(&rig, state, routes, COUNT(routes));
		get_pod(&rig, "a", &one);
		get_pod(&rig, "b", &two);
		get_pod(&rig, "c", &three);
		assert_ok(&one);
		assert_ok(&two);
		assert_ok(&three);
		assert_int_equal(fakeapi_count(rig.api, "GET", "*/b"), 2);
		create_pod(&rig, &post);
		assert_failed(&post, KSHIM_ECONNECT);
		assert_int_equal(fakeapi_count(rig.api, "POST", NULL), 1);
		rig_stop(&rig);
	}
}

/* A GOAWAY with others in flight: all are answered. */
static void test_goaway_among_many(void **state)
{
	struct fakeapi_route routes[] = {
		{"GET", "*/last", .answer = {.body = POD("last"), .head_delay_ms = 5, .end = FAKEAPI_GOAWAY}},
		{.answer = {.body = POD("a"), .head_delay_ms = 20}},
	};
	struct seen seen[30] = {0};
	struct rig rig;
	size_t i;

	rig_start(&rig, state, routes, COUNT(routes));
	for (i = 0; i < COUNT(seen); i++)
		assert_non_null(started(&seen[i], kshim_query_get_by_name(rig.pods, i == 10 ? "last" : "a", seen_done,
									  &seen[i])));
	rig_drive(&rig);
	for (i = 0; i < COUNT(seen); i++)
		assert_ok(&seen[i]);
	rig_stop(&rig);
}

/* One that is ended early must not harm those beside it, nor those behind. */
static void test_deadline_beside_others(void **state)
{
	struct fakeapi_route routes[] = {
		{"GET", "*/mute", .answer = {.end = FAKEAPI_MUTE}},
		{"GET", "*/stalls", .answer = {.body = POD("a"), .end = FAKEAPI_STALL, .end_after = 30}},
		{"GET", "*/slow", .answer = {.body = POD("slow"), .head_delay_ms = 400}},
		WHOLE,
	};
	struct seen mute = {0}, stalls = {0}, slow = {0}, next = {0};
	struct rig rig;

	rig_start(&rig, state, routes, COUNT(routes));
	assert_non_null(started(&slow, kshim_query_get_by_name(rig.pods, "slow", seen_done, &slow)));
	kshim_query_set_timeout(rig.pods, 200);
	assert_non_null(started(&mute, kshim_query_get_by_name(rig.pods, "mute", seen_done, &mute)));
	assert_non_null(started(&stalls, kshim_query_get_by_name(rig.pods, "stalls", seen_done, &stalls)));
	rig_drive(&rig);
	assert_failed(&mute, KSHIM_ETIMEDOUT);
	assert_failed(&stalls, KSHIM_ETIMEDOUT);
	assert_ok(&slow);
	assert_string_equal(slow.object, "slow");
	kshim_query_set_timeout(rig.pods, -1);
	get_pod(&rig, "a", &next);
	assert_ok(&next);
	assert_string_equal(next.object, "a");
	rig_stop(&rig);
}

/* The server goes, and another comes in its place. */
static void test_server_restarts(void **state)
{
	struct fakeapi_route route = WHOLE;
	struct fakeapi_options options = {.routes = &route, .route_count = 1};
	struct seen one = {0}, gone = {0}, again = {0};
	struct fakeapi *second;
	struct rig rig;

	rig_start(&rig, state, &route, 1);
	get_pod(&rig, "a", &one);
	assert_ok(&one);
	kill(fakeapi_pid(rig.api), SIGTERM);
	assert_open_connections(rig.api, 0);
	get_pod(&rig, "a", &gone);
	assert_failed(&gone, KSHIM_ECONNECT);
	assert_contains(gone.message, "no connection to ");
	assert_contains(gone.message, kshim_client_server(rig.client));
	assert_contains(gone.message, ": Connection refused");
	assert_true(gone.retryable);
	options.like = rig.api;
	options.port = fakeapi_port(rig.api);
	second = fakeapi_start(&options);
	assert_non_null(second);
	get_pod(&rig, "a", &again);
	assert_ok(&again);
	assert_int_equal(fakeapi_stop(second), 0);
	rig_stop(&rig);
}

/* Dropped while the handshake goes on. */
static void test_dropped_when_accepted(void **state)
{
	struct fakeapi_route route = WHOLE;
	struct fakeapi_options options = {.routes = &route, .route_count = 1, .drop_first = 1};
	struct seen seen = {0}, next = {0}, get = {0};
	struct rig rig;

	rig_start_with(&rig, state, &options, NULL, NULL);
	create_pod(&rig, &seen);
	assert_failed(&seen, KSHIM_ECONNECT);
	assert_true(seen.retryable);
	create_pod(&rig, &next);
	assert_ok(&next);
	assert_int_equal(fakeapi_request_count(rig.api), 1);
	rig_stop(&rig);
	/* a read just goes on */
	options.drop_first = 2;
	rig_start_with(&rig, state, &options, NULL, NULL);
	get_pod(&rig, "a", &get);
	assert_ok(&get);
	assert_int_equal(fakeapi_connections(rig.api), 3);
	rig_stop(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ALL_VARIANTS(test_keep_alive),
		ALL_VARIANTS(test_parallel),
		BOTH_HTTP(test_let_in),
		ONLY_H2(test_many_streams),
		ONLY_H2(test_http2_declined),
		BOTH_HTTP(test_http_version_is_changed),
		ALL_VARIANTS(test_closed_between_requests),
		ALL_VARIANTS(test_stale),
		BOTH_HTTP(test_hang_up),
		BOTH_HTTP(test_no_write_goes_out_twice),
		ONLY_H2(test_refused),
		BOTH_HTTP(test_goaway_among_many),
		ALL_VARIANTS(test_deadline_beside_others),
		BOTH_HTTP(test_server_restarts),
		BOTH_HTTP(test_dropped_when_accepted),
	};

	test_begin();
	return cmocka_run_group_tests_name("faults/connections", tests, NULL, NULL);
}
