/* What a watch holds: paused, held back, slowly taken, and events of many megabytes. */
/* LINK: -Wl,--wrap=clock_gettime,--wrap=epoll_wait */
#include "fastclock.h"
#include "tale.h"
#include "watch.h"

#include <curl/curl.h>
#include <unistd.h>

/* Pausing. */

#define MANY 200

/* In the server: the events behind the version, 1 KB each. */
static void many_events(void *ctx, const struct fakeapi_request *request, struct fakeapi_answer *answer)
{
	uint64_t version = number_behind(request->path, "resourceVersion=");
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	(void)ctx;
	while (++version <= 5 + MANY)
		fprintf(out, "{\"type\":\"MODIFIED\",\"object\":{\"metadata\":{\"name\":\"a\",\"resourceVersion\":\"%d\"},\"x\":\"%0900d\"}}\n",
			(int)version, 0);
	fclose(out);
	answer->body = text;
	answer->body_len = len;
	answer->body_free = free;
	answer->coding = FAKEAPI_CHUNKED;
	answer->end = FAKEAPI_STALL;
	answer->end_after = FAKEAPI_ALL;
}

static void resume(kshim_timer *timer, void *user)
{
	struct tale *tale = user;

	(void)timer;
	tale->silent = false;
	kshim_watch_resume(tale->watch);
}

static void pause_often(struct tale *tale, kshim_event event)
{
	(void)event;
	if (tale->events % 25 != 1)
		return;
	kshim_watch_pause(tale->watch);
	tale->silent = true;
	kshim_timer_set(tale->data, 20);
}

static void test_pause(void **state)
{
	const struct fakeapi_route routes[] = {{"GET", WATCH_PATH, .generate = many_events}, PODS_5};
	struct tale tale = {.on_event = pause_often, .stop_at = "(205)"};
	kshim_options *options = kshim_options_new();
	char expected[8192] = TOLD_5;
	struct rig rig;
	int i;

	watch_rig(&rig, state, routes, COUNT(routes));
	tale.data = kshim_timer_new(rig.loop, 0, resume, &tale);
	assert_non_null(tale.data);
	kshim_timer_set(tale.data, -1);
	assert_int_equal(kshim_options_set_watch_buffer(options, 8192), 0);
	tale_run(&rig, &tale, options);
	for (i = 6; i <= 5 + MANY; i++)
		snprintf(expected + strlen(expected), 32, " ~a%d(%d)", i, i);
	assert_tale(&tale, expected);
	assert_true(tale.counts[KSHIM_WATCH_DROPS] >= 1);
	assert_int_equal(tale.counts[KSHIM_WATCH_STREAMS], tale.counts[KSHIM_WATCH_DROPS] + 1);
	assert_int_equal(tale.counts[KSHIM_WATCH_FAILURES], 0);
	assert_int_equal(tale.counts[KSHIM_WATCH_LISTS], 1);
	kshim_timer_free(tale.data);
	kshim_options_free(options);
	rig_stop(&rig);
}

static void pause_once(struct tale *tale, kshim_event event)
{
	(void)event;
	if (tale->events == 1)
		kshim_watch_pause(tale->watch);
	tale->silent = tale->events == 1;
	if (tale->silent)
		kshim_timer_set(tale->data, 50);
}

/* Inside a state: it waits, and its end has its version, whatever waited before it. */
static void test_pause_in_state(void **state)
{
	const struct fakeapi_route routes[] = {
		{"GET", WATCH_PATH "sendInitialEvents=true&*", .answer = OPEN(
			EVENT("ADDED", OBJECT("a", "4")) EVENT("ADDED", OBJECT("b", "3")) STATE_END("5") EVENT("ADDED", OBJECT("c", "6")))},
		{"GET", WATCH_PATH, .answer = OPEN(EVENT("ADDED", OBJECT("c", "6")))},
		PODS_5,
	};
	int streamed;

	for (streamed = 0; streamed < 2; streamed++) {
		struct tale tale = {.on_event = pause_once, .stop_at = "(6)"};
		kshim_options *options = kshim_options_new();
		struct rig rig;

		watch_rig(&rig, state, routes, COUNT(routes));
		kshim_options_set_watch_streamed_state(options, streamed);
		tale.data = kshim_timer_new(rig.loop, 0, resume, &tale);
		assert_non_null(tale.data);
		kshim_timer_set(tale.data, -1);
		tale_run(&rig, &tale, options);
		assert_tale(&tale, TOLD_5 " +c6(6)");
		kshim_timer_free(tale.data);
		kshim_options_free(options);
		rig_stop(&rig);
	}
}

#define FAILURES 6

/* A server that is away for long while the program holds events back: what it then hears
 * is how things stand, once. */
static void pause_at_end(struct tale *tale, kshim_event event)
{
	if (event == KSHIM_EVENT_END)
		kshim_watch_pause(tale->watch);
}

static bool is_back(void *user)
{
	return kshim_watch_count(((struct tale *)user)->watch, KSHIM_WATCH_STREAMS) == 1;
}

/* All but once. */
static bool has_failed_often(void *user)
{
	return kshim_watch_count(((struct tale *)user)->watch, KSHIM_WATCH_FAILURES) == FAILURES - 1;
}

static void away_while_paused(void **state, bool back)
{
	struct fakeapi_route routes[FAILURES + 2] = {{.method = NULL}};
	struct tale tale = {.on_event = pause_at_end, .stop_at = "(6)"};
	struct rig rig;
	unsigned i;

	for (i = 0; i < FAILURES; i++)
		routes[i] = (struct fakeapi_route){"GET", WATCH_PATH, .nth = i + 1, .answer = {.status = 500, .body = "{}"}};
	routes[i++] = (struct fakeapi_route){"GET", WATCH_PATH, .answer = OPEN(EVENT("ADDED", OBJECT("c", "6")))};
	routes[i] = (struct fakeapi_route)PODS_5;
	watch_rig(&rig, state, routes, COUNT(routes));
	speed = 10;
	tale_begin(&rig, &tale, NULL);
	rig_until(&rig, back ? is_back : has_failed_often, &tale);
	assert_tale(&tale, TOLD_5);
	assert_int_equal(kshim_watch_error(tale.watch) == NULL, back);
	kshim_watch_resume(tale.watch);
	rig_drive(&rig);
	speed = 1;
	assert_int_equal(tale.done, 1);
	assert_tale(&tale, back ? TOLD_5 " +c6(6)" : TOLD_5 " LATE LATE RESUMED +c6(6)");
	assert_int_equal(tale.counts[KSHIM_WATCH_FAILURES], FAILURES);
	rig_stop(&rig);
}

static void test_away_while_paused(void **state)
{
	away_while_paused(state, false);
}

static void test_back_while_paused(void **state)
{
	away_while_paused(state, true);
}

/* Held back in a state for longer than a list may take: what waits does not grow. */

struct held_back {
	kshim_watch *watch;
	kshim_timer *timer;
	size_t bytes, items;
};

static void let_go(kshim_timer *timer, void *user)
{
	struct held_back *held = user;

	(void)timer;
	held->bytes = held->watch->queue_bytes;
	kshim_watch_resume(held->watch);
}

static void on_held(kshim_watch *watch, kshim_event event, kshim_object *object, void *user)
{
	struct held_back *held = user;

	(void)object;
	if (event == KSHIM_EVENT_BEGIN)
		held->items = 0;
	if (event == KSHIM_EVENT_BEGIN && !held->watch) {
		held->watch = watch;
		kshim_watch_pause(watch);
		kshim_timer_set(held->timer, 1500000);
	}
	held->items += event == KSHIM_EVENT_ADDED;
	if (event == KSHIM_EVENT_END)
		kshim_watch_stop(watch);
}

static void test_held_in_state(void **state)
{
	enum { ITEMS = 400 };
	struct fakeapi_route routes[] = {{"GET", WATCH_PATH, .answer = OPEN("")}, {"GET", LIST_PATH, .answer = {.body = NULL}}};
	kshim_options *options = kshim_options_new();
	struct held_back held = {.watch = NULL};
	char *body = NULL;
	size_t len = 0;
	FILE *to = open_memstream(&body, &len);
	struct rig rig;
	int i;

	fprintf(to, "{\"metadata\":{\"resourceVersion\":\"5\"},\"items\":[");
	for (i = 0; i < ITEMS; i++)
		fprintf(to, "%s{\"metadata\":{\"name\":\"n%d\",\"resourceVersion\":\"4\",\"uid\":\"%04000d\"}}", i ? "," : "", i, 0);
	fprintf(to, "]}");
	fclose(to);
	routes[1].answer.body = body;
	speed = 500;
	watch_rig(&rig, state, routes, COUNT(routes));
	held.timer = kshim_timer_new(rig.loop, 0, let_go, &held);
	kshim_timer_set(held.timer, -1);
	kshim_options_set_watch_buffer(options, 8192);
	assert_non_null(kshim_query_watch(rig.pods, options, on_held, NULL, &held));
	rig_drive(&rig);
	print_message("[   info   ] %zu bytes waited, %zu lists\n", held.bytes, fakeapi_count(rig.api, "GET", LIST_PATH "*"));
	assert_int_equal(held.items, ITEMS);
	assert_true(held.bytes <= 16384); /* and what was on its way to it */
	kshim_timer_free(held.timer);
	kshim_options_free(options);
	rig_stop(&rig);
	speed = 1;
	free(body);
}

/* A program that is slow for long: what waits is never all handed on, and takes no more room for it. */

struct backlog {
	size_t most, left;
};

static void on_backlog(kshim_watch *watch, kshim_event event, kshim_object *object, void *user)
{
	struct backlog *backlog = user;

	(void)object;
	if (event != KSHIM_EVENT_MODIFIED)
		return;
	usleep(100);
	if (watch->queue_cap > backlog->most)
		backlog->most = watch->queue_cap;
	if (!--backlog->left)
		kshim_watch_stop(watch);
}

static void test_backlog(void **state)
{
	enum { EVENTS = 6000 };
	struct fakeapi_route routes[] = {{"GET", WATCH_PATH, .answer = OPEN("")}, PODS_5};
	struct backlog backlog = {.left = EVENTS};
	char *body = NULL;
	size_t len = 0;
	FILE *to = open_memstream(&body, &len);
	struct rig rig;
	int i;

	for (i = 0; i < EVENTS; i++)
		fprintf(to, EVENT("MODIFIED", "{\"metadata\":{\"name\":\"a\",\"resourceVersion\":\"%d\",\"uid\":\"%0100d\"}}"), i + 6, 0);
	fclose(to);
	routes[0].answer.body = body;
	watch_rig(&rig, state, routes, COUNT(routes));
	assert_non_null(kshim_query_watch(rig.pods, NULL, on_backlog, NULL, &backlog));
	rig_drive(&rig);
	assert_int_equal(backlog.left, 0);
	print_message("[   info   ] room for %zu of %d events\n", backlog.most, EVENTS);
	assert_true(backlog.most <= EVENTS / 3);
	rig_stop(&rig);
	free(body);
}

/* Large objects. */

static char *large_event(size_t padding)
{
	char *text = NULL, *fill = malloc(padding + 1);
	size_t len;
	FILE *out = open_memstream(&text, &len);

	memset(fill, 'x', padding);
	fill[padding] = '\0';
	fprintf(out, "{\"type\":\"ADDED\",\"object\":{\"metadata\":{\"name\":\"c\",\"resourceVersion\":\"6\"},\"x\":\"%s\"}}\n", fill);
	fclose(out);
	free(fill);
	return text;
}

static void test_large(void **state)
{
	char *large = large_event(16u * 1024 * 1024), *text = NULL;
	struct tale tale = {.stop_at = "(7)"};
	struct rig rig;

	assert_true(asprintf(&text, "%s%s", large, EVENT("MODIFIED", OBJECT("a", "7"))) > 0);
	free(large);
	{
		const struct fakeapi_route routes[] = {{"GET", WATCH_FROM("5"), .answer = OPEN(text)}, PODS_5};

		watch_rig(&rig, state, routes, COUNT(routes));
	}
	tale_run(&rig, &tale, NULL);
	assert_tale(&tale, TOLD_5 " +c6(6) ~a7(7)");
	assert_int_equal(tale.counts[KSHIM_WATCH_FAILURES], 0);
	assert_int_equal(tale.counts[KSHIM_WATCH_STREAMS], 1);
	rig_stop(&rig);
	free(text);
}

/* The end of a stream is seen, though it comes while the stream is paused. */
static void test_large_end(void **state)
{
	static const size_t sizes[] = {100, 1000, 16 * 1024};
	size_t i;

	for (i = 0; i < COUNT(sizes); i++) {
		char *text = large_event(sizes[i] * 1024);
		const struct fakeapi_route routes[] = {
			{"GET", WATCH_FROM("5"), .answer = ENDS(text)},
			{"GET", WATCH_FROM("6"), .answer = OPEN(EVENT("MODIFIED", OBJECT("a", "7")))},
			PODS_5,
		};
		struct tale tale = {.stop_at = "(7)"};
		struct rig rig;

		watch_rig(&rig, state, routes, COUNT(routes));
		tale_run(&rig, &tale, NULL);
		assert_tale(&tale, TOLD_5 " +c6(6) ~a7(7)");
		assert_int_equal(tale.counts[KSHIM_WATCH_FAILURES], 0);
		rig_stop(&rig);
		free(text);
	}
}

static void test_too_large(void **state)
{
	char *text = large_event(64u * 1024 * 1024);
	const struct fakeapi_route routes[] = {{"GET", WATCH_FROM("5"), .answer = OPEN(text)}, PODS_5};
	struct tale tale = {.stop_at = "LATE"};
	struct rig rig;

	watch_rig(&rig, state, routes, COUNT(routes));
	tale_run(&rig, &tale, NULL);
	assert_contains(tale.late, "an event of more than 67108864 bytes");
	assert_int_equal(tale.counts[KSHIM_WATCH_EVENTS], 2);
	rig_stop(&rig);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ALL_VARIANTS(test_pause),
		ALL_VARIANTS(test_pause_in_state),
		BOTH_HTTP(test_away_while_paused),
		BOTH_HTTP(test_back_while_paused),
		ONLY_H1(test_held_in_state),
		BOTH_HTTP(test_backlog),
		BOTH_HTTP(test_large),
		BOTH_HTTP(test_large_end),
		ONLY_H1(test_too_large),
	};

	test_begin();
	return cmocka_run_group_tests_name("faults/watch_held", tests, NULL, NULL);
}
