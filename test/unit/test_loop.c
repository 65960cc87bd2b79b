/* The loop: timers, wake, stop, and the descriptor in a poll(2) loop of the
 * program's own. */
#include "../testutil.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static int64_t now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static enum drive drive_of(void **state)
{
	return ((const struct variant *)*state)->drive;
}

static kshim_loop *new_loop(void)
{
	kshim_loop *loop = kshim_loop_new();

	assert_non_null(loop);
	return loop;
}

/* Timers. */

struct order {
	unsigned count;
	unsigned ids[1000];
};

struct tick {
	struct order *order;
	unsigned id;
	kshim_timer *timer;
	int64_t from_us, to_us; /* between these it is due */
	unsigned runs;
	int64_t ran_us;
	unsigned again;
	bool frees;
};

static void ticked(kshim_timer *timer, void *user)
{
	struct tick *tick = user;

	assert_ptr_equal(timer, tick->timer);
	tick->runs++;
	tick->ran_us = now_us();
	if (tick->order)
		tick->order->ids[tick->order->count++] = tick->id;
	if (tick->again) {
		tick->again--;
		kshim_timer_set(timer, 1);
	}
	if (tick->frees) {
		kshim_timer_free(timer);
		tick->timer = NULL;
	}
}

static void set(kshim_loop *loop, struct tick *tick, int64_t ms)
{
	tick->from_us = now_us() + ms * 1000;
	if (tick->timer)
		kshim_timer_set(tick->timer, ms);
	else
		tick->timer = kshim_timer_new(loop, ms, ticked, tick);
	tick->to_us = now_us() + ms * 1000;
	assert_non_null(tick->timer);
}

/* None ran early, and none before another that was due sooner. */
static void check_order(const struct tick *ticks, const struct order *order)
{
	int64_t latest = 0;
	unsigned i;

	for (i = 0; i < order->count; i++) {
		const struct tick *tick = &ticks[order->ids[i]];

		assert_true(tick->ran_us >= tick->from_us);
		assert_true(tick->to_us >= latest);
		if (tick->from_us > latest)
			latest = tick->from_us;
	}
}

static void test_timers_in_order(void **state)
{
	static const int64_t ms[] = {30, 10, 20, 0, 40, 10};
	kshim_loop *loop = new_loop();
	struct tick ticks[COUNT(ms)] = {0};
	struct order order = {0};
	size_t i;

	for (i = 0; i < COUNT(ms); i++) {
		ticks[i].order = &order;
		ticks[i].id = (unsigned)i;
		set(loop, &ticks[i], ms[i]);
	}
	drive(loop, drive_of(state));
	assert_int_equal(order.count, COUNT(ms));
	check_order(ticks, &order);
	for (i = 0; i < COUNT(ms); i++) {
		assert_int_equal(ticks[i].runs, 1);
		kshim_timer_free(ticks[i].timer);
	}
	kshim_loop_free(loop);
}

/* Never early, however the waits are rounded. */
static void test_timer_is_not_early(void **state)
{
	kshim_loop *loop = new_loop();
	unsigned i;

	for (i = 0; i < 20; i++) {
		struct tick tick = {0};
		int64_t began = now_us();

		set(loop, &tick, i % 5);
		drive(loop, drive_of(state));
		assert_int_equal(tick.runs, 1);
		assert_true(tick.ran_us - began >= (int64_t)(i % 5) * 1000);
		kshim_timer_free(tick.timer);
	}
	kshim_loop_free(loop);
}

static void test_timer_is_set_anew(void **state)
{
	kshim_loop *loop = new_loop();
	struct tick late = {0}, never = {0}, again = {.again = 3}, soon = {0};
	int64_t began = now_us();

	set(loop, &late, 1);
	set(loop, &never, 1);
	set(loop, &again, 0);
	set(loop, &soon, 1000000);
	kshim_timer_set(late.timer, 30);
	kshim_timer_set(never.timer, -1);
	kshim_timer_set(never.timer, -1);
	kshim_timer_set(soon.timer, 2);
	drive(loop, drive_of(state));
	assert_int_equal(late.runs, 1);
	assert_true(late.ran_us - began >= 30000);
	assert_int_equal(never.runs, 0);
	assert_int_equal(again.runs, 4);
	assert_int_equal(soon.runs, 1);
	/* one that has run, and one that was stopped */
	kshim_timer_set(late.timer, 0);
	kshim_timer_set(never.timer, 0);
	drive(loop, drive_of(state));
	assert_int_equal(late.runs, 2);
	assert_int_equal(never.runs, 1);
	kshim_timer_free(late.timer);
	kshim_timer_free(never.timer);
	kshim_timer_free(again.timer);
	kshim_timer_free(soon.timer);
	kshim_loop_free(loop);
}

static void free_other(kshim_timer *timer, void *user)
{
	struct tick *other = user;

	(void)timer;
	kshim_timer_free(other->timer);
	other->timer = NULL;
}

static void test_timers_freed_in_functions(void **state)
{
	kshim_loop *loop = new_loop();
	struct tick own = {.frees = true}, other = {0}, due = {0};
	kshim_timer *first;

	set(loop, &own, 0);
	drive(loop, drive_of(state));
	assert_int_equal(own.runs, 1);
	assert_null(own.timer);
	/* another one, due in the same pass, goes before it runs */
	first = kshim_timer_new(loop, 0, free_other, &other);
	assert_non_null(first);
	set(loop, &other, 1000000);
	set(loop, &due, 1);
	drive(loop, drive_of(state));
	assert_int_equal(other.runs, 0);
	assert_null(other.timer);
	assert_int_equal(due.runs, 1);
	kshim_timer_free(due.timer);
	kshim_timer_free(first);
	kshim_timer_free(NULL);
	kshim_timer_set(NULL, 1);
	kshim_loop_free(loop);
}

static uint32_t rnd(void)
{
	static uint32_t state = 2463534242u;

	state ^= state << 13;
	state ^= state >> 17;
	state ^= state << 5;
	return state;
}

/* Set, reset, stopped and freed at random: those left run once, in order. */
static void test_many_timers(void **state)
{
	static struct tick ticks[1000];
	static struct order order;
	kshim_loop *loop = new_loop();
	unsigned left = 0, i;

	memset(ticks, 0, sizeof(ticks));
	memset(&order, 0, sizeof(order));
	for (i = 0; i < COUNT(ticks); i++) {
		ticks[i].order = &order;
		ticks[i].id = i;
		set(loop, &ticks[i], 1000000 + rnd() % 100);
	}
	for (i = 0; i < COUNT(ticks); i++)
		set(loop, &ticks[i], rnd() % 100);
	for (i = 0; i < COUNT(ticks); i += 7)
		kshim_timer_set(ticks[i].timer, -1);
	for (i = 0; i < COUNT(ticks); i += 11) {
		kshim_timer_free(ticks[i].timer);
		ticks[i].timer = NULL;
	}
	drive(loop, drive_of(state));
	for (i = 0; i < COUNT(ticks); i++) {
		bool runs = i % 7 && i % 11;

		left += runs;
		assert_int_equal(ticks[i].runs, runs);
		kshim_timer_free(ticks[i].timer);
	}
	assert_int_equal(order.count, left);
	check_order(ticks, &order);
	kshim_loop_free(loop);
}

static void test_timer_without_end(void **state)
{
	kshim_loop *loop = new_loop();
	struct tick tick = {0};

	(void)state;
	tick.timer = kshim_timer_new(loop, INT64_MAX, ticked, &tick);
	assert_non_null(tick.timer);
	assert_int_equal(kshim_loop_process(loop), 1);
	kshim_timer_set(tick.timer, INT64_MAX);
	assert_int_equal(kshim_loop_process(loop), 1);
	kshim_timer_free(tick.timer);
	assert_int_equal(kshim_loop_process(loop), 0);
	tick.timer = kshim_timer_new(loop, -1, ticked, &tick);
	assert_non_null(tick.timer);
	assert_int_equal(kshim_loop_process(loop), 0);
	kshim_timer_set(tick.timer, INT64_MAX);
	assert_int_equal(kshim_loop_process(loop), 1);
	kshim_timer_free(tick.timer);
	assert_int_equal(kshim_loop_process(loop), 0);
	assert_null(kshim_timer_new(NULL, 1, ticked, NULL));
	assert_null(kshim_timer_new(loop, 1, NULL, NULL));
	assert_int_equal(tick.runs, 0);
	kshim_loop_free(loop);
}

/* Stop, and run inside of run. */

static void stops(kshim_timer *timer, void *user)
{
	(void)timer;
	kshim_loop_stop(user);
}

static void test_run_returns_when_idle(void **state)
{
	kshim_loop *loop = new_loop();

	(void)state;
	assert_int_equal(kshim_loop_run(loop), 0);
	assert_int_equal(kshim_loop_process(loop), 0);
	kshim_loop_free(loop);
	kshim_loop_free(NULL);
}

static void test_stop(void **state)
{
	kshim_loop *loop = new_loop();
	struct tick tick = {0};
	kshim_timer *stopper;

	(void)state;
	stopper = kshim_timer_new(loop, 0, stops, loop);
	set(loop, &tick, 20);
	assert_int_equal(kshim_loop_run(loop), 0);
	assert_int_equal(tick.runs, 0);
	/* outside: the next run returns at once, the one behind it goes on */
	kshim_loop_stop(loop);
	assert_int_equal(kshim_loop_run(loop), 0);
	assert_int_equal(tick.runs, 0);
	assert_int_equal(kshim_loop_run(loop), 0);
	assert_int_equal(tick.runs, 1);
	kshim_loop_stop(NULL);
	kshim_timer_free(stopper);
	kshim_timer_free(tick.timer);
	kshim_loop_free(loop);
}

struct inner {
	kshim_loop *loop;
	int run, run_errno, process, process_errno;
};

static void runs_again(kshim_timer *timer, void *user)
{
	struct inner *inner = user;

	(void)timer;
	errno = 0;
	inner->run = kshim_loop_run(inner->loop);
	inner->run_errno = errno;
	errno = 0;
	inner->process = kshim_loop_process(inner->loop);
	inner->process_errno = errno;
}

static void test_run_inside_itself(void **state)
{
	kshim_loop *loop = new_loop();
	struct inner inner = {.loop = loop};
	kshim_timer *timer = kshim_timer_new(loop, 0, runs_again, &inner);

	drive(loop, drive_of(state));
	assert_int_equal(inner.run, -1);
	assert_int_equal(inner.run_errno, EBUSY);
	assert_int_equal(inner.process, -1);
	assert_int_equal(inner.process_errno, EBUSY);
	errno = 0;
	assert_int_equal(kshim_loop_run(NULL), -1);
	assert_int_equal(errno, EINVAL);
	assert_int_equal(kshim_loop_process(NULL), -1);
	assert_int_equal(kshim_loop_fd(NULL), -1);
	kshim_timer_free(timer);
	kshim_loop_free(loop);
}

/* A loop inside another's callback is another matter. */
static void runs_other(kshim_timer *timer, void *user)
{
	struct tick tick = {0};
	kshim_loop *other = new_loop();

	(void)timer;
	set(other, &tick, 1);
	*(int *)user = kshim_loop_run(other);
	assert_int_equal(tick.runs, 1);
	kshim_timer_free(tick.timer);
	kshim_loop_free(other);
}

static void test_two_loops(void **state)
{
	kshim_loop *loop = new_loop();
	int rc = -1;
	kshim_timer *timer = kshim_timer_new(loop, 0, runs_other, &rc);

	drive(loop, drive_of(state));
	assert_int_equal(rc, 0);
	kshim_timer_free(timer);
	kshim_loop_free(loop);
}

/* Wake. */

struct woken {
	unsigned count;
	unsigned again;
	pthread_t thread;
};

static void on_wake(kshim_loop *loop, void *user)
{
	struct woken *woken = user;

	woken->count++;
	woken->thread = pthread_self();
	if (woken->again) {
		woken->again--;
		kshim_loop_wake(loop);
	}
}

static bool was_woken(void *user)
{
	return ((struct woken *)user)->count > 0;
}

static void *wakes(void *user)
{
	unsigned i;

	for (i = 0; i < 100; i++)
		kshim_loop_wake(user);
	return NULL;
}

static void test_wake_from_a_thread(void **state)
{
	kshim_loop *loop = new_loop();
	struct woken woken = {0};
	struct tick hold = {0};
	pthread_t thread;

	kshim_loop_set_wake(loop, on_wake, &woken);
	set(loop, &hold, 1000000); /* something under way, or run would return */
	assert_int_equal(pthread_create(&thread, NULL, wakes, loop), 0);
	drive_until(loop, drive_of(state), was_woken, &woken);
	assert_true(pthread_equal(woken.thread, pthread_self()));
	pthread_join(thread, NULL);
	kshim_timer_free(hold.timer);
	kshim_loop_free(loop);
}

static void test_wake_once(void **state)
{
	kshim_loop *loop = new_loop();
	struct woken woken = {0};
	int i;

	(void)state;
	kshim_loop_wake(loop); /* nobody listens yet */
	assert_int_equal(kshim_loop_process(loop), 0);
	kshim_loop_set_wake(loop, on_wake, &woken);
	for (i = 0; i < 50; i++)
		kshim_loop_wake(loop);
	assert_int_equal(woken.count, 0);
	for (i = 0; i < 5; i++)
		assert_int_equal(kshim_loop_process(loop), 0);
	assert_int_equal(woken.count, 1);
	/* from the function itself: once more, in a further pass */
	woken.again = 2;
	kshim_loop_wake(loop);
	assert_int_equal(kshim_loop_process(loop), 0);
	assert_int_equal(woken.count, 2);
	for (i = 0; i < 5; i++)
		assert_int_equal(kshim_loop_process(loop), 0);
	assert_int_equal(woken.count, 4);
	kshim_loop_set_wake(loop, NULL, NULL);
	kshim_loop_wake(loop);
	assert_int_equal(kshim_loop_process(loop), 0);
	assert_int_equal(woken.count, 4);
	kshim_loop_wake(NULL);
	kshim_loop_set_wake(NULL, NULL, NULL);
	kshim_loop_free(loop);
}

static kshim_loop *signalled;

static void on_signal(int number)
{
	(void)number;
	kshim_loop_wake(signalled);
}

static void stop_on_wake(kshim_loop *loop, void *user)
{
	++*(unsigned *)user;
	kshim_loop_stop(loop);
}

static void test_wake_from_a_signal_handler(void **state)
{
	struct sigaction action = {.sa_handler = on_signal}, before;
	struct itimerval interval = {.it_value = {.tv_usec = 5000}};
	kshim_loop *loop = new_loop();
	struct tick hold = {0};
	unsigned wakes_seen = 0;

	(void)state;
	signalled = loop;
	assert_int_equal(sigaction(SIGUSR1, &action, &before), 0);
	kshim_loop_set_wake(loop, stop_on_wake, &wakes_seen);
	set(loop, &hold, 1000000);
	errno = 4711;
	raise(SIGUSR1);
	assert_int_equal(errno, 4711);
	assert_int_equal(kshim_loop_run(loop), 0);
	assert_int_equal(wakes_seen, 1);
	/* one that interrupts the wait: EINTR is no failure */
	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &interval, NULL);
	assert_int_equal(kshim_loop_run(loop), 0);
	assert_int_equal(wakes_seen, 2);
	signal(SIGALRM, SIG_DFL);
	test_begin(); /* its alarm was used up here */
	sigaction(SIGUSR1, &before, NULL);
	kshim_timer_free(hold.timer);
	kshim_loop_free(loop);
}

/* The descriptor in a loop of one's own. */

static bool readable(int fd, int ms)
{
	struct pollfd poll_fd = {.fd = fd, .events = POLLIN};

	return poll(&poll_fd, 1, ms) == 1;
}

static void test_fd_tells_of_timers(void **state)
{
	kshim_loop *loop = new_loop();
	int fd = kshim_loop_fd(loop);
	struct tick first = {0}, second = {0};

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(kshim_loop_fd(loop), fd);
	assert_false(readable(fd, 0));
	set(loop, &first, 0);
	assert_true(readable(fd, HANG_MS));
	assert_int_equal(kshim_loop_process(loop), 0);
	assert_int_equal(first.runs, 1);
	assert_false(readable(fd, 0));
	/* set far away, then near; set near, then far away */
	set(loop, &second, 1000000);
	assert_false(readable(fd, 20));
	kshim_timer_set(second.timer, 5);
	kshim_timer_set(first.timer, 1);
	kshim_timer_set(first.timer, 1000000);
	assert_true(readable(fd, HANG_MS));
	assert_int_equal(kshim_loop_process(loop), 1);
	assert_int_equal(second.runs, 1);
	assert_false(readable(fd, 20));
	kshim_timer_free(first.timer);
	assert_int_equal(kshim_loop_process(loop), 0);
	/* stopped when due: at most one empty pass, then silence */
	kshim_timer_set(second.timer, 0);
	kshim_timer_set(second.timer, -1);
	assert_int_equal(kshim_loop_process(loop), 0);
	assert_false(readable(fd, 20));
	assert_int_equal(second.runs, 1);
	kshim_timer_free(second.timer);
	kshim_loop_wake(loop);
	assert_true(readable(fd, 0));
	assert_int_equal(kshim_loop_process(loop), 0);
	assert_false(readable(fd, 0));
	kshim_loop_free(loop);
}

/* The descriptor is asked for when timers are set already, and the loop is
 * processed without anybody having polled. */
static void test_fd_asked_for_late(void **state)
{
	kshim_loop *loop = new_loop();
	struct tick tick = {0};

	(void)state;
	set(loop, &tick, 1);
	assert_true(readable(kshim_loop_fd(loop), HANG_MS));
	assert_int_equal(kshim_loop_process(loop), 0);
	assert_int_equal(tick.runs, 1);
	kshim_timer_free(tick.timer);
	kshim_loop_free(loop);
}

/* The first pass that had something to do, then none for as long as there is
 * nothing: no spinning, whatever waits. */
static void test_no_busy_spin(void **state)
{
	kshim_loop *loop = new_loop();
	int fd = kshim_loop_fd(loop);
	struct tick far = {0}, near = {.again = 9};
	unsigned wakeups = 0;

	(void)state;
	set(loop, &far, 1000000);
	set(loop, &near, 5);
	while (near.runs < 10) {
		assert_true(readable(fd, HANG_MS));
		assert_int_equal(kshim_loop_process(loop), 1);
		wakeups++;
	}
	/* one for each time it was due; a timerfd may fire for what moved meanwhile */
	assert_in_range(wakeups, 10, 20);
	assert_false(readable(fd, 50));
	kshim_timer_free(far.timer);
	kshim_timer_free(near.timer);
	kshim_loop_free(loop);
}

/* A whole exchange over TLS with a slow server, counted. */
static void test_no_busy_spin_in_a_call(void **state)
{
	struct fakeapi_route route = {.answer = {.body = POD("a"), .head_delay_ms = 300}};
	struct seen seen = {0};
	unsigned wakeups = 0;
	struct rig rig;
	int fd;

	rig_start(&rig, state, &route, 1);
	fd = kshim_loop_fd(rig.loop);
	assert_non_null(started(&seen, kshim_query_get_by_name(rig.pods, "a", seen_done, &seen)));
	while (!seen.done) {
		assert_true(readable(fd, HANG_MS));
		kshim_loop_process(rig.loop);
		wakeups++;
	}
	assert_ok(&seen);
	/* connect, handshake, request, answer, and libcurl's own timers: 20 or so */
	assert_in_range(wakeups, 3, 120);
	/* the connection is kept, and is silent */
	for (wakeups = 0; readable(fd, 50) && wakeups < 20; wakeups++)
		kshim_loop_process(rig.loop);
	assert_in_range(wakeups, 0, 10);
	rig_stop(&rig);
}

/* kshim_loop_process() with timers and a silent connection returns at once: it
 * would hang here if it waited, for the timer is a day off. */
static void test_process_never_waits(void **state)
{
	struct fakeapi_route route = {.answer = {.end = FAKEAPI_MUTE}};
	struct seen seen = {0};
	struct tick far = {0};
	struct rig rig;
	int i;

	rig_start(&rig, state, &route, 1);
	kshim_query_set_timeout(rig.pods, 0);
	set(rig.loop, &far, 86400000);
	assert_non_null(started(&seen, kshim_query_get_by_name(rig.pods, "a", seen_done, &seen)));
	rig_until_requests(&rig, 1);
	for (i = 0; i < 100; i++)
		assert_int_equal(kshim_loop_process(rig.loop), 1);
	assert_int_equal(seen.done, 0);
	kshim_timer_free(far.timer);
	kshim_call_cancel(seen.call);
	rig_drive(&rig);
	assert_failed(&seen, KSHIM_ECANCELED);
	rig_stop(&rig);
}

static void pokes(kshim_timer *timer, void *user)
{
	(void)timer;
	assert_int_equal(write(*(int *)user, "x", 1), 1);
}

/* The host's own descriptor beside the loop's: neither starves. */
static void test_beside_other_descriptors(void **state)
{
	struct fakeapi_route route = {.answer = {.body = POD("a"), .part_delay_ms = 1, .piece = 10}};
	struct pollfd poll_fds[2];
	struct seen seen = {0};
	struct rig rig;
	kshim_timer *timer;
	int pipe_fds[2], got = 0;
	char byte;

	assert_int_equal(pipe2(pipe_fds, O_CLOEXEC), 0);
	rig_start(&rig, state, &route, 1);
	timer = kshim_timer_new(rig.loop, 1, pokes, &pipe_fds[1]);
	poll_fds[0] = (struct pollfd){.fd = kshim_loop_fd(rig.loop), .events = POLLIN};
	poll_fds[1] = (struct pollfd){.fd = pipe_fds[0], .events = POLLIN};
	assert_non_null(started(&seen, kshim_query_get_by_name(rig.pods, "a", seen_done, &seen)));
	while (!seen.done || !got) {
		assert_true(poll(poll_fds, 2, HANG_MS) > 0);
		if (poll_fds[0].revents)
			assert_true(kshim_loop_process(rig.loop) >= 0);
		if (poll_fds[1].revents)
			got += (int)read(pipe_fds[0], &byte, 1);
	}
	assert_ok(&seen);
	assert_int_equal(got, 1);
	kshim_timer_free(timer);
	rig_stop(&rig);
	close(pipe_fds[0]);
	close(pipe_fds[1]);
}

/* What a child that the host starts at the worst moment would inherit. */
struct leak {
	struct rig *rig;
	int fd;
	unsigned looked;
};

static void look_for_leak(const kshim_request_info *info, void *user)
{
	struct leak *leak = user;

	(void)info;
	leak->looked++;
	leak->fd = leak->fd >= 0 ? leak->fd : fd_without_cloexec();
}

static void test_close_on_exec(void **state)
{
	struct fakeapi_route route = {.answer = {.body = POD("a"), .head_delay_ms = 50}};
	struct leak leak = {.fd = -1};
	struct seen seen = {0};
	struct rig rig;
	int pass;

	assert_int_equal(fd_without_cloexec(), -1); /* test_begin() saw to it */
	rig_start(&rig, state, &route, 1);
	/* while it connects, shakes hands, waits and is answered */
	kshim_client_on_request(rig.client, look_for_leak, &leak);
	kshim_loop_fd(rig.loop);
	assert_non_null(started(&seen, kshim_query_get_by_name(rig.pods, "a", seen_done, &seen)));
	for (pass = 0; !seen.done; pass++) {
		assert_true(readable(kshim_loop_fd(rig.loop), HANG_MS));
		kshim_loop_process(rig.loop);
		assert_int_equal(fd_without_cloexec(), -1);
	}
	assert_ok(&seen);
	assert_int_equal(leak.looked, 1);
	assert_int_equal(leak.fd, -1);
	rig_stop(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BOTH_DRIVES(test_timers_in_order),
		BOTH_DRIVES(test_timer_is_not_early),
		BOTH_DRIVES(test_timer_is_set_anew),
		BOTH_DRIVES(test_timers_freed_in_functions),
		BOTH_DRIVES(test_many_timers),
		cmocka_unit_test(test_timer_without_end),
		cmocka_unit_test(test_run_returns_when_idle),
		cmocka_unit_test(test_stop),
		BOTH_DRIVES(test_run_inside_itself),
		BOTH_DRIVES(test_two_loops),
		BOTH_DRIVES(test_wake_from_a_thread),
		cmocka_unit_test(test_wake_once),
		cmocka_unit_test(test_wake_from_a_signal_handler),
		cmocka_unit_test(test_fd_tells_of_timers),
		cmocka_unit_test(test_fd_asked_for_late),
		cmocka_unit_test(test_no_busy_spin),
		BOTH_HTTP(test_no_busy_spin_in_a_call),
		BOTH_HTTP(test_process_never_waits),
		ALL_VARIANTS(test_beside_other_descriptors),
		BOTH_HTTP(test_close_on_exec),
	};

	test_begin();
	return cmocka_run_group_tests_name("unit/loop", tests, NULL, NULL);
}
