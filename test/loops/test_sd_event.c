/* PKG-CONFIG: libsystemd */
#include "host.h"

#include "../live/live.h"

#ifdef HAVE_HOST
#include <kubeshim/adapters/sd_event.h>

static sd_event *event;
static sd_event_source *watch, *timer;

static int on_timer(sd_event_source *source, uint64_t usec, void *user)
{
	(void)usec;
	(void)user;
	tick();
	assert_true(sd_event_source_set_time_relative(source, TICK_MS * 1000) >= 0);
	return sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
}

static void open_host(kshim_loop *loop)
{
	assert_true(sd_event_new(&event) >= 0);
	assert_true(kshim_sd_event_attach(event, loop, &watch) >= 0);
	assert_true(sd_event_add_time_relative(event, &timer, CLOCK_MONOTONIC, TICK_MS * 1000, 1, on_timer, NULL) >= 0);
}

static void run(void)
{
	assert_int_equal(sd_event_loop(event), 0);
}

static void stop(void)
{
	assert_true(sd_event_exit(event, 0) >= 0);
}

static bool is_watching(void)
{
	int enabled;

	return watch && sd_event_source_get_enabled(watch, &enabled) >= 0 && enabled != SD_EVENT_OFF;
}

static void detach(void)
{
	kshim_sd_event_detach(watch);
	watch = NULL;
}

static void close_host(void)
{
	sd_event_source_unref(timer);
	sd_event_unref(event);
}

int main(int argc, char **argv)
{
	static const struct host host = {"sd-event", open_host, run, stop, is_watching, detach, close_host};

	return hosts_main(&host, argc, argv);
}
#else
int main(void)
{
	return host_is_missing("libsystemd");
}
#endif
