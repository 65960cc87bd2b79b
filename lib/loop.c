#include "loop.h"

#include "alloc.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#define EVENTS_PER_PASS 64
#define ROUNDS_PER_PASS 8
#define PASS_BUDGET_US 300 /* of user callbacks and decoding; a pass should stay below 1 ms */

struct kshim_loop {
	int epoll_fd;
	int wake_fd;
	int timer_fd;
	bool embedded;     /* somebody polls epoll_fd: timers must make it readable */
	int64_t armed_us;  /* what timer_fd is set to; 0: nothing */

	struct kshim__timer **heap; /* heap[1 … heap_len], soonest first */
	size_t heap_len;
	size_t heap_cap;
	size_t heap_reserved;

	struct kshim__link tasks;
	struct kshim__link dirty; /* kshim__io whose interest changed */
	struct kshim__link guests;

	struct epoll_event batch[EVENTS_PER_PASS];
	int batch_len;
	int batch_at;

	unsigned held;
	int64_t pass_began_us;
	bool processing;
	bool stopping;
	bool ending;
	int failed; /* errno of what broke epoll */

	void (*wake)(kshim_loop *loop, void *user);
	void *wake_user;
};

struct kshim_timer {
	struct kshim__timer timer;
	kshim_loop *loop;
	kshim_timer_fn *fn;
	void *user;
};

void kshim__list_init(struct kshim__link *list)
{
	list->prev = list->next = list;
}

bool kshim__list_empty(const struct kshim__link *list)
{
	return list->next == list;
}

void kshim__list_append(struct kshim__link *list, struct kshim__link *link)
{
	link->prev = list->prev;
	link->next = list;
	list->prev->next = link;
	list->prev = link;
}

void kshim__list_remove(struct kshim__link *link)
{
	link->prev->next = link->next;
	link->next->prev = link->prev;
	kshim__list_init(link);
}

void kshim__list_splice(struct kshim__link *list, struct kshim__link *from)
{
	if (kshim__list_empty(from))
		return;
	from->next->prev = list->prev;
	list->prev->next = from->next;
	from->prev->next = list;
	list->prev = from->prev;
	kshim__list_init(from);
}

int64_t kshim__now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

/* Tasks. */

void kshim__task_init(struct kshim__task *task, void (*run)(struct kshim__task *task))
{
	kshim__list_init(&task->link);
	task->run = run;
}

void kshim__task_queue(kshim_loop *loop, struct kshim__task *task)
{
	if (kshim__list_empty(&task->link))
		kshim__list_append(&loop->tasks, &task->link);
	if (loop->embedded && !loop->processing)
		kshim__timer_set(loop, NULL, 0); /* arms the descriptor */
}

void kshim__task_remove(struct kshim__task *task)
{
	kshim__list_remove(&task->link);
}

bool kshim__loop_exhausted(kshim_loop *loop)
{
	return kshim__now_us() - loop->pass_began_us > PASS_BUDGET_US;
}

/* Timers: a binary heap. */

static void heap_put(kshim_loop *loop, size_t index, struct kshim__timer *timer)
{
	loop->heap[index] = timer;
	timer->index = index;
}

static void heap_up(kshim_loop *loop, size_t index, struct kshim__timer *timer)
{
	while (index > 1 && loop->heap[index / 2]->due_us > timer->due_us) {
		heap_put(loop, index, loop->heap[index / 2]);
		index /= 2;
	}
	heap_put(loop, index, timer);
}

static void heap_down(kshim_loop *loop, size_t index, struct kshim__timer *timer)
{
	size_t child;

	while ((child = index * 2) <= loop->heap_len) {
		if (child < loop->heap_len && loop->heap[child + 1]->due_us < loop->heap[child]->due_us)
			child++;
		if (loop->heap[child]->due_us >= timer->due_us)
			break;
		heap_put(loop, index, loop->heap[child]);
		index = child;
	}
	heap_put(loop, index, timer);
}

void kshim__timer_init(struct kshim__timer *timer, void (*fire)(struct kshim__timer *timer))
{
	timer->due_us = 0;
	timer->index = 0;
	timer->fire = fire;
}

bool kshim__timer_reserve(kshim_loop *loop)
{
	size_t cap = loop->heap_cap ? loop->heap_cap * 2 : 64;
	void *heap;

	if (loop->heap_reserved + 1 >= loop->heap_cap) {
		heap = kshim__realloc(loop->heap, cap * sizeof(*loop->heap));
		if (!heap)
			return false;
		loop->heap = heap;
		loop->heap_cap = cap;
	}
	loop->heap_reserved++;
	return true;
}

void kshim__timer_unreserve(kshim_loop *loop)
{
	loop->heap_reserved--;
}

void kshim__timer_stop(kshim_loop *loop, struct kshim__timer *timer)
{
	struct kshim__timer *last;
	size_t index = timer->index;

	if (!index)
		return;
	timer->index = 0;
	last = loop->heap[loop->heap_len--];
	if (last == timer)
		return;
	if (index > 1 && loop->heap[index / 2]->due_us > last->due_us)
		heap_up(loop, index, last);
	else
		heap_down(loop, index, last);
}

/* The moment the loop has to be up again: -1 never, 0 now. */
static int64_t next_due(kshim_loop *loop)
{
	if (!kshim__list_empty(&loop->tasks))
		return 0;
	return loop->heap_len ? loop->heap[1]->due_us : -1;
}

static void arm(kshim_loop *loop)
{
	struct itimerspec spec = {{0, 0}, {0, 0}};
	int64_t due = next_due(loop);

	if (due == 0)
		due = 1; /* long ago: fires at once */
	if (due < 0)
		due = 0; /* disarms */
	if (due == loop->armed_us)
		return;
	spec.it_value.tv_sec = due / 1000000;
	spec.it_value.tv_nsec = due % 1000000 * 1000;
	if (timerfd_settime(loop->timer_fd, TFD_TIMER_ABSTIME, &spec, NULL) == 0)
		loop->armed_us = due;
}

/* A NULL timer only arms the descriptor for what is queued. */
void kshim__timer_set(kshim_loop *loop, struct kshim__timer *timer, int64_t due_us)
{
	if (timer) {
		kshim__timer_stop(loop, timer);
		timer->due_us = due_us;
		heap_up(loop, ++loop->heap_len, timer);
	}
	if (loop->embedded && !loop->processing)
		arm(loop);
}

/* Descriptors. */

void kshim__io_init(struct kshim__io *io, int fd, void (*ready)(struct kshim__io *io, uint32_t events))
{
	memset(io, 0, sizeof(*io));
	kshim__list_init(&io->dirty);
	io->fd = fd;
	io->ready = ready;
}

static void flush_io(kshim_loop *loop, struct kshim__io *io)
{
	struct epoll_event event = {.events = io->wanted, .data.ptr = io};
	int op;

	kshim__list_remove(&io->dirty);
	if (io->wanted == io->registered && (io->in_epoll || !io->wanted))
		return;
	op = !io->wanted ? EPOLL_CTL_DEL : io->in_epoll ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;
	if (epoll_ctl(loop->epoll_fd, op, io->fd, &event) != 0) {
		/* closed and opened again behind our back, or the reverse */
		if (op == EPOLL_CTL_MOD && errno == ENOENT)
			epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, io->fd, &event);
		else if (op == EPOLL_CTL_ADD && errno == EEXIST)
			epoll_ctl(loop->epoll_fd, EPOLL_CTL_MOD, io->fd, &event);
	}
	io->in_epoll = io->wanted != 0;
	io->registered = io->wanted;
}

void kshim__io_want(kshim_loop *loop, struct kshim__io *io, uint32_t events)
{
	io->wanted = events;
	if (!loop->processing)
		flush_io(loop, io);
	else if (kshim__list_empty(&io->dirty))
		kshim__list_append(&loop->dirty, &io->dirty);
}

void kshim__io_remove(kshim_loop *loop, struct kshim__io *io)
{
	int i;

	kshim__list_remove(&io->dirty);
	if (io->in_epoll)
		epoll_ctl(loop->epoll_fd, EPOLL_CTL_DEL, io->fd, NULL);
	io->in_epoll = false;
	io->registered = io->wanted = 0;
	for (i = loop->batch_at; i < loop->batch_len; i++)
		if (loop->batch[i].data.ptr == io)
			loop->batch[i].data.ptr = NULL;
}

static void flush(kshim_loop *loop)
{
	while (!kshim__list_empty(&loop->dirty))
		flush_io(loop, KSHIM__OWNER(loop->dirty.next, struct kshim__io, dirty));
}

/* The loop itself. */

void kshim__loop_hold(kshim_loop *loop)
{
	loop->held++;
}

void kshim__loop_release(kshim_loop *loop)
{
	loop->held--;
}

bool kshim__loop_is_ending(const kshim_loop *loop)
{
	return loop->ending;
}

void kshim__loop_add_guest(kshim_loop *loop, struct kshim__guest *guest)
{
	kshim__list_append(&loop->guests, &guest->link);
}

static bool add_own(kshim_loop *loop, int fd, void *mark)
{
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = mark};

	return fd >= 0 && epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, fd, &event) == 0;
}

kshim_loop *kshim_loop_new(void)
{
	kshim_loop *loop = kshim__calloc(1, sizeof(*loop));

	if (!loop)
		return NULL;
	kshim__list_init(&loop->tasks);
	kshim__list_init(&loop->dirty);
	kshim__list_init(&loop->guests);
	loop->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	loop->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	loop->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (loop->epoll_fd < 0 || !add_own(loop, loop->wake_fd, &loop->wake_fd) ||
	    !add_own(loop, loop->timer_fd, &loop->timer_fd)) {
		int error = errno;

		kshim_loop_free(loop);
		errno = error;
		return NULL;
	}
	return loop;
}

static void close_fd(int fd)
{
	if (fd >= 0)
		close(fd);
}

void kshim_loop_free(kshim_loop *loop)
{
	struct kshim__link *link, *next;

	if (!loop)
		return;
	loop->ending = loop->processing = true; /* for what the callbacks try */
	for (link = loop->guests.next; link != &loop->guests; link = link->next)
		KSHIM__OWNER(link, struct kshim__guest, link)->loop_ends(KSHIM__OWNER(link, struct kshim__guest, link));
	while (!kshim__list_empty(&loop->tasks)) {
		struct kshim__task *task = KSHIM__OWNER(loop->tasks.next, struct kshim__task, link);

		loop->pass_began_us = INT64_MAX / 2; /* everything, without a budget */
		kshim__task_remove(task);
		task->run(task);
	}
	for (link = loop->guests.next; link != &loop->guests; link = next) {
		struct kshim__guest *guest = KSHIM__OWNER(link, struct kshim__guest, link);

		next = link->next;
		kshim__list_remove(link);
		guest->loop_is_gone(guest);
	}
	close_fd(loop->epoll_fd);
	close_fd(loop->wake_fd);
	close_fd(loop->timer_fd);
	kshim__free(loop->heap);
	kshim__free(loop);
}

int kshim_loop_fd(kshim_loop *loop)
{
	if (!loop)
		return -1;
	loop->embedded = true;
	arm(loop);
	return loop->epoll_fd;
}

int kshim__loop_descriptor(const kshim_loop *loop)
{
	return loop->epoll_fd;
}

static void woken(kshim_loop *loop)
{
	uint64_t count;

	if (read(loop->wake_fd, &count, sizeof(count)) == (ssize_t)sizeof(count) && loop->wake)
		loop->wake(loop, loop->wake_user);
}

static void dispatch_events(kshim_loop *loop)
{
	for (loop->batch_at = 0; loop->batch_at < loop->batch_len;) {
		struct epoll_event *event = &loop->batch[loop->batch_at++];
		uint64_t count;

		if (event->data.ptr == &loop->wake_fd) {
			woken(loop);
		} else if (event->data.ptr == &loop->timer_fd) {
			loop->armed_us = 0;
			if (read(loop->timer_fd, &count, sizeof(count)) < 0)
				continue;
		} else if (event->data.ptr) {
			struct kshim__io *io = event->data.ptr;

			io->ready(io, event->events);
		}
		/* the rest is reported again: epoll is level-triggered */
		if (kshim__loop_exhausted(loop))
			break;
	}
	loop->batch_len = loop->batch_at = 0;
}

static void dispatch_timers(kshim_loop *loop)
{
	int64_t now = kshim__now_us();
	size_t most = loop->heap_len;

	while (most-- && loop->heap_len && loop->heap[1]->due_us <= now) {
		struct kshim__timer *timer = loop->heap[1];

		kshim__timer_stop(loop, timer);
		timer->fire(timer);
		if (kshim__loop_exhausted(loop))
			return;
	}
}

/* Tasks queue further tasks: some rounds of that are run in one pass, so that a
 * callback's next request is on the wire before the loop waits. */
static void dispatch_tasks(kshim_loop *loop)
{
	struct kshim__link round;
	int rounds;

	for (rounds = 0; rounds < ROUNDS_PER_PASS && !kshim__list_empty(&loop->tasks); rounds++) {
		kshim__list_init(&round);
		kshim__list_splice(&round, &loop->tasks);
		while (!kshim__list_empty(&round)) {
			struct kshim__task *task = KSHIM__OWNER(round.next, struct kshim__task, link);

			kshim__task_remove(task);
			task->run(task);
			if (!kshim__list_empty(&round) && kshim__loop_exhausted(loop)) {
				/* what is left goes before what was queued since */
				kshim__list_splice(&round, &loop->tasks);
				kshim__list_splice(&loop->tasks, &round);
				return;
			}
		}
		if (loop->stopping || kshim__loop_exhausted(loop))
			return;
	}
}

static int wait_ms(kshim_loop *loop)
{
	int64_t due = next_due(loop), left;

	if (due <= 0)
		return (int)due;
	left = due - kshim__now_us();
	if (left <= 0)
		return 0;
	left = (left + 999) / 1000; /* rounded up: waking early would spin */
	return left > INT_MAX ? INT_MAX : (int)left;
}

static int pass(kshim_loop *loop, bool wait)
{
	int timeout = wait ? wait_ms(loop) : 0;

	if (loop->failed) {
		errno = loop->failed;
		return -1;
	}
	flush(loop);
	loop->batch_len = epoll_wait(loop->epoll_fd, loop->batch, EVENTS_PER_PASS, timeout);
	if (loop->batch_len < 0) {
		loop->batch_len = 0;
		if (errno != EINTR) {
			loop->failed = errno;
			return -1;
		}
	}
	loop->processing = true;
	loop->pass_began_us = kshim__now_us();
	dispatch_events(loop);
	dispatch_timers(loop);
	dispatch_tasks(loop);
	loop->processing = false;
	return 0;
}

int kshim_loop_process(kshim_loop *loop)
{
	if (!loop || loop->processing) {
		errno = loop ? EBUSY : EINVAL;
		return -1;
	}
	if (pass(loop, false) < 0)
		return -1;
	flush(loop);
	if (loop->embedded)
		arm(loop);
	return loop->held > 0;
}

int kshim_loop_run(kshim_loop *loop)
{
	int rc = 0;

	if (!loop || loop->processing) {
		errno = loop ? EBUSY : EINVAL;
		return -1;
	}
	while (!loop->stopping && loop->held > 0 && rc == 0)
		rc = pass(loop, true);
	loop->stopping = false;
	flush(loop);
	if (loop->embedded)
		arm(loop);
	return rc;
}

void kshim_loop_stop(kshim_loop *loop)
{
	if (loop)
		loop->stopping = true;
}

void kshim_loop_wake(kshim_loop *loop)
{
	uint64_t one = 1;
	int error = errno;

	/* EAGAIN: it is readable already */
	if (loop && write(loop->wake_fd, &one, sizeof(one)) < 0)
		errno = error;
}

void kshim_loop_set_wake(kshim_loop *loop, void (*wake)(kshim_loop *loop, void *user), void *user)
{
	if (!loop)
		return;
	loop->wake = wake;
	loop->wake_user = user;
}

/* The public timer. */

static void timer_fired(struct kshim__timer *inner)
{
	kshim_timer *timer = KSHIM__OWNER(inner, kshim_timer, timer);

	kshim__loop_release(timer->loop);
	timer->fn(timer, timer->user);
}

kshim_timer *kshim_timer_new(kshim_loop *loop, int64_t ms, kshim_timer_fn *fn, void *user)
{
	kshim_timer *timer;

	if (!loop || !fn || !kshim__timer_reserve(loop))
		return NULL;
	timer = kshim__calloc(1, sizeof(*timer));
	if (!timer) {
		kshim__timer_unreserve(loop);
		return NULL;
	}
	kshim__timer_init(&timer->timer, timer_fired);
	timer->loop = loop;
	timer->fn = fn;
	timer->user = user;
	kshim_timer_set(timer, ms);
	return timer;
}

void kshim_timer_set(kshim_timer *timer, int64_t ms)
{
	if (!timer)
		return;
	if (timer->timer.index)
		kshim__loop_release(timer->loop);
	kshim__timer_stop(timer->loop, &timer->timer);
	if (ms < 0)
		return;
	if (ms > INT64_MAX / 2000)
		ms = INT64_MAX / 2000;
	kshim__loop_hold(timer->loop);
	kshim__timer_set(timer->loop, &timer->timer, kshim__now_us() + ms * 1000);
}

void kshim_timer_free(kshim_timer *timer)
{
	if (!timer)
		return;
	kshim_timer_set(timer, -1);
	kshim__timer_unreserve(timer->loop);
	kshim__free(timer);
}
