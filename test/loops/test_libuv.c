/* PKG-CONFIG: libuv */
#include "host.h"

#include "../live/live.h"

#ifdef HAVE_HOST
#include <kubeshim/adapters/libuv.h>

static uv_loop_t uv;
static uv_poll_t watch;
static uv_timer_t timer;
static unsigned closed;

static void on_timer(uv_timer_t *ticking)
{
	assert_ptr_equal(ticking, &timer);
	tick();
}

static void on_closed(uv_handle_t *handle)
{
	assert_ptr_equal(handle, &watch);
	closed++;
}

static void open_host(kshim_loop *loop)
{
	closed = 0;
	assert_int_equal(uv_loop_init(&uv), 0);
	assert_int_equal(kshim_uv_attach(&uv, loop, &watch), 0);
	assert_int_equal(uv_timer_init(&uv, &timer), 0);
	assert_int_equal(uv_timer_start(&timer, on_timer, TICK_MS, TICK_MS), 0);
}

static void run(void)
{
	uv_run(&uv, UV_RUN_DEFAULT);
}

static void stop(void)
{
	uv_stop(&uv);
}

static bool is_watching(void)
{
	return uv_is_active((uv_handle_t *)&watch);
}

static void detach(void)
{
	kshim_uv_detach(&watch, on_closed);
}

static void close_host(void)
{
	uv_close((uv_handle_t *)&timer, NULL);
	assert_int_equal(uv_run(&uv, UV_RUN_DEFAULT), 0);
	assert_int_equal(closed, 1);
	assert_int_equal(uv_loop_close(&uv), 0);
}

int main(int argc, char **argv)
{
	static const struct host host = {"libuv", open_host, run, stop, is_watching, detach, close_host};

	return hosts_main(&host, argc, argv);
}
#else
int main(void)
{
	return host_is_missing("libuv");
}
#endif
