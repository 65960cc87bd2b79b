/*
 * The loop from the inside: what the layers above put on it.
 *
 * Three kinds of work: descriptors (kshim__io), timers (kshim__timer) and tasks
 * (kshim__task: "run this soon"). All are structs inside their owners, so that
 * nothing is allocated to be scheduled, except the room of the timers' heap.
 */
#ifndef KSHIM__LOOP_H
#define KSHIM__LOOP_H

#include <kubeshim/loop.h>

#include <stdbool.h>
#include <stdint.h>

/* A doubly linked list; an empty one points at itself. */
struct kshim__link {
	struct kshim__link *prev;
	struct kshim__link *next;
};

void kshim__list_init(struct kshim__link *list);
bool kshim__list_empty(const struct kshim__link *list);
void kshim__list_append(struct kshim__link *list, struct kshim__link *link);
void kshim__list_remove(struct kshim__link *link); /* leaves it empty; twice is fine */
void kshim__list_splice(struct kshim__link *list, struct kshim__link *from); /* all of `from`, to the end */

#define KSHIM__OWNER(pointer, type, member) ((type *)(void *)((char *)(pointer) - offsetof(type, member)))

/* CLOCK_MONOTONIC in microseconds. */
int64_t kshim__now_us(void);

/* One of the loop's own descriptors, without what kshim_loop_fd() sets off. */
int kshim__loop_descriptor(const kshim_loop *loop);

/* A task runs once, in the next round of dispatch, unless it is removed. */
struct kshim__task {
	struct kshim__link link;
	void (*run)(struct kshim__task *task);
};

void kshim__task_init(struct kshim__task *task, void (*run)(struct kshim__task *task));
void kshim__task_queue(kshim_loop *loop, struct kshim__task *task); /* queued once, however often called */
void kshim__task_remove(struct kshim__task *task);

/* true when this pass has used up its time: what may wait should re-queue. */
bool kshim__loop_exhausted(kshim_loop *loop);

struct kshim__timer {
	int64_t due_us;
	size_t index; /* in the heap, from 1; 0: not set */
	void (*fire)(struct kshim__timer *timer);
};

void kshim__timer_init(struct kshim__timer *timer, void (*fire)(struct kshim__timer *timer));
/* Room for one timer more; called once for each timer that will ever be set at
 * a time, so that setting cannot fail. */
bool kshim__timer_reserve(kshim_loop *loop);
void kshim__timer_unreserve(kshim_loop *loop);
void kshim__timer_set(kshim_loop *loop, struct kshim__timer *timer, int64_t due_us);
void kshim__timer_stop(kshim_loop *loop, struct kshim__timer *timer);

/* A descriptor. Interest changes are collected and reach epoll once, before the
 * loop waits: a socket that is dropped and taken up again within a pass costs
 * no system call. */
struct kshim__io {
	struct kshim__link dirty;
	int fd;
	uint32_t wanted;     /* EPOLLIN | EPOLLOUT */
	uint32_t registered; /* what epoll has; 0: nothing */
	bool in_epoll;
	void (*ready)(struct kshim__io *io, uint32_t events);
};

void kshim__io_init(struct kshim__io *io, int fd, void (*ready)(struct kshim__io *io, uint32_t events));
void kshim__io_want(kshim_loop *loop, struct kshim__io *io, uint32_t events);
/* Before the descriptor is closed, or the io is freed. */
void kshim__io_remove(kshim_loop *loop, struct kshim__io *io);

/* Something is under way: kshim_loop_run() goes on while the count is above 0. */
void kshim__loop_hold(kshim_loop *loop);
void kshim__loop_release(kshim_loop *loop);

/* What must hear of the loop's end. */
struct kshim__guest {
	struct kshim__link link;
	void (*loop_ends)(struct kshim__guest *guest);   /* calls are cancelled here … */
	void (*loop_is_gone)(struct kshim__guest *guest); /* … and the last handle on the loop dropped */
};

/* kshim_loop_free() runs the last callbacks: no new guests. */
bool kshim__loop_is_ending(const kshim_loop *loop);
void kshim__loop_add_guest(kshim_loop *loop, struct kshim__guest *guest);

#endif
