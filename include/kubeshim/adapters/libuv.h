/*
 * kubeshim/adapters/libuv.h - a kshim_loop inside a libuv loop.
 *
 * Header-only; the program itself links with libuv. See kubeshim_loops(7).
 */
#ifndef KUBESHIM_ADAPTERS_LIBUV_H
#define KUBESHIM_ADAPTERS_LIBUV_H

#include <kubeshim/loop.h>

#include <uv.h>

KSHIM_BEGIN_DECLS

/* The adapter's own: called by libuv when the descriptor is readable. That of a
 * broken kshim_loop would stay so, and is not watched any longer. */
static inline void kshim_uv_ready(uv_poll_t *poll, int status, int events)
{
	(void)events;
	if (status == 0 && kshim_loop_process((kshim_loop *)poll->data) < 0)
		uv_poll_stop(poll);
}

/* Lets `uv` drive `loop`: callbacks run from uv_run(). `poll` is the caller's
 * memory, until kshim_uv_detach() has called back; its `data` is the adapter's.
 * It keeps uv_run() going: uv_unref() it where it should not. 0, or a UV_E…
 * error, and then there is nothing to detach. */
static inline int kshim_uv_attach(uv_loop_t *uv, kshim_loop *loop, uv_poll_t *poll)
{
	int error = uv_poll_init(uv, poll, kshim_loop_fd(loop));

	if (error)
		return error;
	poll->data = loop;
	return uv_poll_start(poll, UV_READABLE, kshim_uv_ready);
}

/* Ends that; allowed in a callback of either loop. Afterwards the kshim_loop may
 * be freed; `poll` is the caller's again when uv_run() has called `closed`,
 * which may be NULL. */
static inline void kshim_uv_detach(uv_poll_t *poll, uv_close_cb closed)
{
	uv_close((uv_handle_t *)poll, closed);
}

KSHIM_END_DECLS

#endif
