/* No adapter: poll(2), which is all that a loop needs to have. */
#include "host.h"

#include "../live/live.h"

#include <poll.h>
#include <time.h>

static struct pollfd fd;
static kshim_loop *guest;
static bool stopped;

static void open_host(kshim_loop *loop)
{
	guest = loop;
	fd.fd = kshim_loop_fd(loop);
	fd.events = POLLIN;
}

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void run(void)
{
	int64_t next = now_ms() + TICK_MS, left;

	for (stopped = false; !stopped;) {
		left = next - now_ms();
		assert_true(poll(&fd, 1, left < 0 ? 0 : (int)left) >= 0);
		if (fd.fd >= 0 && fd.revents && kshim_loop_process(guest) < 0)
			fd.fd = -1;
		if (now_ms() >= next) {
			tick();
			next = now_ms() + TICK_MS;
		}
	}
}

static void stop(void)
{
	stopped = true;
}

static bool is_watching(void)
{
	return fd.fd >= 0;
}

static void detach(void)
{
	fd.fd = -1;
}

static void close_host(void)
{
	guest = NULL;
}

int main(int argc, char **argv)
{
	static const struct host host = {"poll(2)", open_host, run, stop, is_watching, detach, close_host};

	return hosts_main(&host, argc, argv);
}
