#include "host.h"

#include "../live/live.h"

#include <poll.h>
#include <unistd.h>

#define PODS 3
#define IN_A_ROW 12
#define STEPS 8 /* ticks that the host makes between two things, or after the last */

static const struct host *host;
static kshim_loop *loop;
static struct live *api;
static unsigned ticks;
static void (*on_tick)(void);

void tick(void)
{
	ticks++;
	on_tick();
}

static void begin(void (*each_tick)(void))
{
	loop = kshim_loop_new();
	api = live_open("admin", loop);
	ticks = 0;
	on_tick = each_tick;
	host->open(loop);
	assert_true(host->is_watching());
}

/* In the order that kubeshim_loops(7) tells. */
static void end(void)
{
	host->detach();
	live_close(api);
	kshim_loop_free(loop);
	host->close();
}

static kshim_query *pods_of(struct live *live)
{
	return kshim_query_new(live->client, KSHIM_POD, server->namespace_);
}

/* ---- all that is asked of a server at once */

static struct {
	kshim_query *pods;
	struct answer list, wait, watch, label;
	kshim_call *waiting;
	kshim_watch *watching;
	char names[100], events[200];
	bool is_labelled; /* as the watch saw it */
	bool timer_over;
	unsigned in_a_row, timer, woken, quiet;
} all;

static void on_pod(kshim_object *pod, void *user)
{
	(void)user;
	strcat(strcat(all.names, kshim_object_name(pod)), " ");
}

static void on_one(kshim_result *result, void *user)
{
	(void)user;
	assert_null(kshim_result_error(result));
	assert_string_equal(kshim_object_name(kshim_result_object(result)), "pod-1");
	if (++all.in_a_row < IN_A_ROW)
		assert_non_null(kshim_query_get_by_name(all.pods, "pod-1", on_one, NULL));
}

/* The state of a moment has no order. */
static void on_event(kshim_watch *watch, kshim_event event, kshim_object *pod, void *user)
{
	static const char *const names[] = {"added ", "modified ", "deleted ", "begin ", "end "};

	(void)user;
	assert_ptr_equal(watch, all.watching);
	assert_in_range(event, KSHIM_EVENT_ADDED, KSHIM_EVENT_END);
	if (strlen(all.events) + 10 < sizeof(all.events))
		strcat(all.events, names[event]);
	if (event == KSHIM_EVENT_END) {
		pod = kshim_query_object(all.pods, "pod-2");
		assert_non_null(kshim_object_label(pod, "seen", "yes", NULL, live_done, &all.label));
		kshim_object_unref(pod);
	} else if (event == KSHIM_EVENT_MODIFIED) {
		assert_string_equal(kshim_object_name(pod), "pod-2");
		all.is_labelled = true;
	}
}

static void on_timer(kshim_timer *timer, void *user)
{
	(void)user;
	all.timer++;
	/* until both timers were seen to run side by side */
	if (all.timer < 2 || ticks < 2)
		kshim_timer_set(timer, 4 * TICK_MS);
	else
		all.timer_over = true;
}

static void on_wake(kshim_loop *woken, void *user)
{
	assert_ptr_equal(woken, loop);
	++*(unsigned *)user;
}

static bool is_readable(void)
{
	struct pollfd fd = {.fd = kshim_loop_fd(loop), .events = POLLIN};

	return poll(&fd, 1, 0) != 0;
}

/* Everything here is asked for from outside kubeshim's own callbacks. */
static void all_tick(void)
{
	kshim_object *pod;

	switch (ticks) {
	case 1:
		assert_non_null(kshim_query_list(all.pods, on_pod, live_done, &all.list));
		pod = kshim_query_object(all.pods, "pod-0");
		all.waiting = kshim_wait_deleted(pod, NULL, live_done, &all.wait);
		assert_non_null(all.waiting);
		kshim_object_unref(pod);
		all.watching = kshim_query_watch(all.pods, NULL, on_event, live_done, &all.watch);
		assert_non_null(all.watching);
		assert_non_null(kshim_query_get_by_name(all.pods, "pod-1", on_one, NULL));
		return;
	case 2:
		kshim_loop_wake(loop);
		return;
	case STEPS:
		assert_int_equal(all.wait.calls, 0);
		kshim_call_cancel(all.waiting);
		assert_int_equal(all.wait.calls, 0);
		return;
	}
	if (all.watching && all.is_labelled && all.label.calls) {
		kshim_watch_stop(all.watching);
		all.watching = NULL;
		assert_int_equal(all.watch.calls, 0);
	}
	if (ticks < STEPS || !all.list.calls || !all.wait.calls || !all.watch.calls || all.in_a_row < IN_A_ROW ||
	    !all.timer_over || !all.woken)
		return;
	/* what spins would never be quiet for so long */
	all.quiet = is_readable() ? 0 : all.quiet + 1;
	if (all.quiet == STEPS)
		host->stop();
}

static void everything(void **state)
{
	kshim_timer *timer;

	(void)state;
	memset(&all, 0, sizeof(all));
	begin(all_tick);
	all.pods = pods_of(api);
	timer = kshim_timer_new(loop, 4 * TICK_MS, on_timer, NULL);
	assert_non_null(timer);
	kshim_loop_set_wake(loop, on_wake, &all.woken);
	host->run();
	EXPECT(&all.list, KSHIM_OK);
	assert_int_equal(all.list.calls, 1);
	assert_int_equal(all.list.count, PODS);
	assert_string_equal(all.names, "pod-0 pod-1 pod-2 ");
	EXPECT(&all.wait, KSHIM_ECANCELED);
	assert_int_equal(all.wait.calls, 1);
	EXPECT(&all.label, KSHIM_OK);
	EXPECT(&all.watch, KSHIM_ECANCELED);
	assert_int_equal(all.watch.calls, 1);
	assert_string_equal(all.events, "begin added added added end modified ");
	assert_int_equal(all.in_a_row, IN_A_ROW);
	assert_true(all.timer >= 2);
	assert_int_equal(all.woken, 1);
	kshim_timer_free(timer);
	kshim_query_free(all.pods);
	live_clear(&all.list);
	live_clear(&all.wait);
	live_clear(&all.watch);
	live_clear(&all.label);
	end();
}

/* ---- detached from inside a callback */

static unsigned stop_at;

static void detach_done(kshim_result *result, void *user)
{
	assert_null(kshim_result_error(result));
	stop_at = ticks + STEPS;
	host->detach();
	live_done(result, user);
}

static void detach_tick(void)
{
	if (stop_at && ticks >= stop_at)
		host->stop();
}

static void detached_in_a_callback(void **state)
{
	struct answer first = {0}, second = {0};
	kshim_query *pods;

	(void)state;
	stop_at = 0;
	begin(detach_tick);
	pods = pods_of(api);
	assert_non_null(kshim_query_get_by_name(pods, "pod-0", detach_done, &first));
	host->run();
	assert_int_equal(first.calls, 1);
	assert_false(host->is_watching());
	/* the loop goes on without the host */
	ASK(api, &second, kshim_query_get_by_name(pods, "pod-0", live_done, &second));
	EXPECT(&second, KSHIM_OK);
	live_clear(&first);
	live_clear(&second);
	kshim_query_free(pods);
	live_close(api);
	kshim_loop_free(loop);
	host->close();
}

/* ---- the end while a call is under way */

static void steps_tick(void)
{
	if (ticks == STEPS)
		host->stop();
}

static void ended_under_way(void **state)
{
	struct answer wait = {0};
	kshim_query *pods;
	kshim_object *pod;

	(void)state;
	begin(steps_tick);
	pods = pods_of(api);
	pod = kshim_query_object(pods, "pod-0");
	assert_non_null(kshim_wait_deleted(pod, NULL, live_done, &wait));
	host->run();
	assert_int_equal(wait.calls, 0);
	kshim_object_unref(pod);
	kshim_query_free(pods);
	end();
	assert_int_equal(wait.calls, 1);
	EXPECT(&wait, KSHIM_ECANCELED);
	live_clear(&wait);
}

/* ---- a loop that is broken, as by a program that closed its descriptor */

static void broken(void **state)
{
	int ends[2];

	(void)state;
	loop = kshim_loop_new();
	api = live_open("admin", loop);
	assert_int_equal(pipe(ends), 0);
	assert_int_equal(write(ends[1], "", 1), 1);
	assert_int_equal(dup2(ends[0], kshim_loop_fd(loop)), kshim_loop_fd(loop));
	ticks = 0;
	on_tick = steps_tick;
	host->open(loop);
	host->run();
	assert_int_equal(kshim_loop_process(loop), -1);
	assert_true(is_readable());
	assert_false(host->is_watching());
	close(ends[0]);
	close(ends[1]);
	end();
}

/* ---- running */

static int set_up(void **state)
{
	struct answer got = {0};
	kshim_object *pod;
	char text[300];
	int i;

	live_set_up(state);
	for (i = 0; i < PODS; i++) {
		snprintf(text, sizeof(text),
			 "{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"metadata\":{\"name\":\"pod-%d\",\"namespace\":\"%s\"},"
			 "\"spec\":{\"schedulerName\":\"nobody\",\"containers\":[{\"name\":\"c\",\"image\":\"none.invalid/none\"}]}}",
			 i, server->namespace_);
		pod = kshim_object_from_text(server->client, text, strlen(text));
		ASK(server, &got, kshim_object_create(pod, NULL, live_done, &got));
		EXPECT(&got, KSHIM_OK);
		kshim_object_unref(pod);
	}
	live_clear(&got);
	return 0;
}

int hosts_main(const struct host *tested, int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(everything),
		cmocka_unit_test(detached_in_a_callback),
		cmocka_unit_test(ended_under_way),
		cmocka_unit_test(broken),
	};

	if (!live_kubeconfig())
		return 0;
	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	host = tested;
	return cmocka_run_group_tests_name(tested->name, tests, set_up, live_tear_down) || server;
}

int host_is_missing(const char *module)
{
	/* the second line is for test/run, which counts */
	print_message("SKIPPED: the adapter is not tested, as pkg-config knew no %s when this was built\n"
		      "[  SKIPPED ] 1 test(s).\n", module);
	return 0;
}
