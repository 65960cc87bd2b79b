/*
 * kubeshim/adapters/glib.h - a kshim_loop inside a GLib main context.
 *
 * Header-only; the program itself links with GLib (glib-2.0, 2.58 or later). See
 * kubeshim_loops(7).
 */
#ifndef KUBESHIM_ADAPTERS_GLIB_H
#define KUBESHIM_ADAPTERS_GLIB_H

#include <kubeshim/loop.h>

#include <glib-unix.h>

KSHIM_BEGIN_DECLS

/* The adapter's own: called by GLib when the descriptor is readable. That of a
 * broken kshim_loop would stay so, and its source is destroyed. */
static inline gboolean kshim_glib_ready(gint fd, GIOCondition condition, gpointer loop)
{
	(void)fd;
	(void)condition;
	return kshim_loop_process((kshim_loop *)loop) >= 0;
}

/* Lets a context (NULL: the default one) drive `loop`: callbacks run from
 * g_main_loop_run(), at G_PRIORITY_DEFAULT unless g_source_set_priority() says
 * otherwise. A main loop that is run inside one of these callbacks does not run
 * further ones. New, for kshim_glib_detach(). */
static inline GSource *kshim_glib_attach(GMainContext *context, kshim_loop *loop)
{
	GSource *source = g_unix_fd_source_new(kshim_loop_fd(loop), G_IO_IN);

	g_source_set_callback(source, G_SOURCE_FUNC(kshim_glib_ready), loop, NULL);
	g_source_attach(source, context);
	return source;
}

/* Ends that; allowed in a callback of either loop. Afterwards the kshim_loop may
 * be freed. NULL does nothing. */
static inline void kshim_glib_detach(GSource *source)
{
	if (!source)
		return;
	g_source_destroy(source);
	g_source_unref(source);
}

KSHIM_END_DECLS

#endif
