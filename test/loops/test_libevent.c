/* PKG-CONFIG: libevent */
#include "host.h"

#include "../live/live.h"

#ifdef HAVE_HOST
#include <kubeshim/adapters/libevent.h>

static struct event_base *base;
static struct event *timer;
static struct kshim_libevent watch;

static void on_timer(evutil_socket_t fd, short events, void *user)
{
	(void)fd;
	(void)events;
	(void)user;
	tick();
}

static void open_host(kshim_loop *loop)
{
	static const struct timeval every = {0, TICK_MS * 1000};

	base = event_base_new();
	assert_non_null(base);
	assert_int_equal(kshim_libevent_attach(base, loop, &watch), 0);
	timer = event_new(base, -1, EV_PERSIST, on_timer, NULL);
	assert_int_equal(event_add(timer, &every), 0);
}

static void run(void)
{
	assert_int_equal(event_base_dispatch(base), 0);
}

static void stop(void)
{
	event_base_loopbreak(base);
}

static bool is_watching(void)
{
	return watch.event && event_pending(watch.event, EV_READ, NULL);
}

static void detach(void)
{
	kshim_libevent_detach(&watch);
}

static void close_host(void)
{
	event_free(timer);
	event_base_free(base);
}

int main(int argc, char **argv)
{
	static const struct host host = {"libevent", open_host, run, stop, is_watching, detach, close_host};

	return hosts_main(&host, argc, argv);
}
#else
int main(void)
{
	return host_is_missing("libevent");
}
#endif
