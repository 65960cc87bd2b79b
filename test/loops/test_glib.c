/* PKG-CONFIG: glib-2.0 */
#include "host.h"

#include "../live/live.h"

#ifdef HAVE_HOST
#include <kubeshim/adapters/glib.h>

static GMainContext *context;
static GMainLoop *main_loop;
static GSource *watch, *timer;

static gboolean on_timer(gpointer user)
{
	(void)user;
	tick();
	return G_SOURCE_CONTINUE;
}

static void open_host(kshim_loop *loop)
{
	context = g_main_context_new();
	main_loop = g_main_loop_new(context, FALSE);
	watch = kshim_glib_attach(context, loop);
	timer = g_timeout_source_new(TICK_MS);
	g_source_set_callback(timer, on_timer, NULL, NULL);
	g_source_attach(timer, context);
}

static void run(void)
{
	g_main_loop_run(main_loop);
}

static void stop(void)
{
	g_main_loop_quit(main_loop);
}

static bool is_watching(void)
{
	return watch && !g_source_is_destroyed(watch);
}

static void detach(void)
{
	kshim_glib_detach(watch);
	watch = NULL;
}

static void close_host(void)
{
	g_source_destroy(timer);
	g_source_unref(timer);
	g_main_loop_unref(main_loop);
	g_main_context_unref(context);
}

int main(int argc, char **argv)
{
	static const struct host host = {"GLib", open_host, run, stop, is_watching, detach, close_host};

	return hosts_main(&host, argc, argv);
}
#else
int main(void)
{
	return host_is_missing("glib-2.0");
}
#endif
