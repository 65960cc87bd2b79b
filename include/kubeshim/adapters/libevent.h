/*
 * kubeshim/adapters/libevent.h - a kshim_loop inside a libevent base.
 *
 * Header-only; the program itself links with libevent. See kubeshim_loops(7).
 */
#ifndef KUBESHIM_ADAPTERS_LIBEVENT_H
#define KUBESHIM_ADAPTERS_LIBEVENT_H

#include <kubeshim/loop.h>

#include <event2/event.h>

KSHIM_BEGIN_DECLS

/* A loop that is attached: the caller's memory, the adapter's fields. */
struct kshim_libevent {
	kshim_loop *loop;
	struct event *event;
};

/* The adapter's own: called by libevent when the descriptor is readable. That of
 * a broken kshim_loop would stay so, and is not watched any longer. */
static inline void kshim_libevent_ready(evutil_socket_t fd, short events, void *user)
{
	struct kshim_libevent *watch = (struct kshim_libevent *)user;

	(void)fd;
	(void)events;
	if (kshim_loop_process(watch->loop) < 0 && watch->event)
		event_del(watch->event);
}

/* Ends what kshim_libevent_attach() began, or does nothing where that failed;
 * allowed in a callback of either loop. Afterwards the kshim_loop may be freed. */
static inline void kshim_libevent_detach(struct kshim_libevent *watch)
{
	if (watch->event)
		event_free(watch->event);
	watch->event = NULL;
}

/* Lets `base` drive `loop`: callbacks run from event_base_dispatch(), which goes
 * on while it is attached. `watch` stays until kshim_libevent_detach(). 0, or -1. */
static inline int kshim_libevent_attach(struct event_base *base, kshim_loop *loop, struct kshim_libevent *watch)
{
	watch->loop = loop;
	watch->event = event_new(base, kshim_loop_fd(loop), EV_READ | EV_PERSIST, kshim_libevent_ready, watch);
	if (watch->event && event_add(watch->event, NULL) == 0)
		return 0;
	kshim_libevent_detach(watch);
	return -1;
}

KSHIM_END_DECLS

#endif
