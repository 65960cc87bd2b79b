/*
 * kubeshim/adapters/sd_event.h - a kshim_loop inside an sd-event loop.
 *
 * Header-only; the program itself links with libsystemd. See kubeshim_loops(7).
 */
#ifndef KUBESHIM_ADAPTERS_SD_EVENT_H
#define KUBESHIM_ADAPTERS_SD_EVENT_H

#include <kubeshim/loop.h>

#include <sys/epoll.h>
#include <systemd/sd-event.h>

KSHIM_BEGIN_DECLS

/* The adapter's own: called by sd-event when the descriptor is readable. That of
 * a broken kshim_loop would stay so, and is not watched any longer. */
static inline int kshim_sd_event_ready(sd_event_source *source, int fd, uint32_t events, void *loop)
{
	(void)fd;
	(void)events;
	if (kshim_loop_process((kshim_loop *)loop) < 0)
		return sd_event_source_set_enabled(source, SD_EVENT_OFF);
	return 0;
}

/* Lets `event` drive `loop`: callbacks run from sd_event_loop(). `*source` is
 * new, for kshim_sd_event_detach(). 0 or more, or a negative errno, and then
 * `*source` is NULL. */
static inline int kshim_sd_event_attach(sd_event *event, kshim_loop *loop, sd_event_source **source)
{
	*source = NULL;
	return sd_event_add_io(event, source, kshim_loop_fd(loop), EPOLLIN, kshim_sd_event_ready, loop);
}

/* Ends that; allowed in a callback of either loop. Afterwards the kshim_loop may
 * be freed. NULL does nothing. */
static inline void kshim_sd_event_detach(sd_event_source *source)
{
	if (source)
		sd_event_source_set_enabled(source, SD_EVENT_OFF);
	sd_event_source_unref(source);
}

KSHIM_END_DECLS

#endif
