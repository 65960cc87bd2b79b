/*
 * kubeshim/loop.h - curl multi, epoll and timers behind one pollable descriptor.
 *
 * A program runs the loop alone (kshim_loop_run), or watches kshim_loop_fd()
 * for reading in the loop it has and calls kshim_loop_process() when it is
 * readable; adapters/ does that for libuv, libevent, GLib and sd-event. A loop and
 * all that lives on it belong to one thread; only kshim_loop_wake() may be called
 * from others.
 */
#ifndef KUBESHIM_LOOP_H
#define KUBESHIM_LOOP_H

#include <kubeshim/common.h>

KSHIM_BEGIN_DECLS

/* A new loop; NULL without memory or descriptors (errno tells). */
KSHIM_API kshim_loop *kshim_loop_new(void);

/* Ends the loop. Clients that are still alive are shut down: the callbacks of
 * their calls run now, with KSHIM_ECANCELED. Free the clients' handles before or
 * after, in any order. Not to be called from a callback. */
KSHIM_API void kshim_loop_free(kshim_loop *loop);

/* The descriptor to poll for reading (level-triggered; POLLIN, EPOLLIN). It is
 * readable whenever kshim_loop_process() has something to do, timers included.
 * Owned by the loop. */
KSHIM_API int kshim_loop_fd(kshim_loop *loop);

/* Does what is due, never waits, and does a bounded amount: where more is left
 * the descriptor stays readable. 1 while something is under way (a call or a
 * timer), 0 when nothing is, -1 with errno when the loop is broken. */
KSHIM_API int kshim_loop_process(kshim_loop *loop);

/* Processes and waits, until nothing is under way or kshim_loop_stop(). 0, or -1
 * with errno. A loop run from inside its own callback returns -1 with EBUSY. */
KSHIM_API int kshim_loop_run(kshim_loop *loop);

/* Lets kshim_loop_run() return after the pass that is running (further callbacks
 * that are due in it may come first); called outside of it, the next
 * kshim_loop_run() returns at once. */
KSHIM_API void kshim_loop_stop(kshim_loop *loop);

/* Makes the descriptor readable, and the wake function run from the loop: once,
 * however often it was called meanwhile. Safe from any thread and from a signal
 * handler, as long as the loop exists. */
KSHIM_API void kshim_loop_wake(kshim_loop *loop);

/* What a wake runs; replaces what was there, NULL: nothing. */
KSHIM_API void kshim_loop_set_wake(kshim_loop *loop, void (*wake)(kshim_loop *loop, void *user), void *user);

/* A one-shot timer: `fn` runs from the loop once `ms` have passed (0: in the
 * next pass; negative: not before kshim_timer_set()). New; NULL without memory.
 * It counts as something under way while it is set. */
typedef void kshim_timer_fn(kshim_timer *timer, void *user);
KSHIM_API kshim_timer *kshim_timer_new(kshim_loop *loop, int64_t ms, kshim_timer_fn *fn, void *user);

/* Sets the timer (also one that has run) to `ms` from now; -1 stops it. */
KSHIM_API void kshim_timer_set(kshim_timer *timer, int64_t ms);

/* Stops and frees it; also from inside its own function. A timer is freed
 * before its loop. */
KSHIM_API void kshim_timer_free(kshim_timer *timer);

KSHIM_END_DECLS

#endif
