/*
 * Connections as sockets: a dead peer is noticed, small writes do not wait, none is
 * inherited, and one that was idle for a minute is not used again.
 */
/* LINK: -Wl,--export-dynamic-symbol=clock_gettime */
#include "tale.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static const struct fakeapi_route routes[] = {
	{"GET", "*/mute", .answer = {.end = FAKEAPI_MUTE}},
	{"GET", WATCH_PATH, .answer = OPEN("")},
	{"GET", LIST_PATH, .answer = {.body = LIST("5", "")}},
	{.answer = {.body = POD("a")}},
};

/* libcurl's clock as well: in place of the C library's, and set ahead. */
static long ahead_s;

__attribute__((visibility("default"))) int clock_gettime(clockid_t clock, struct timespec *now)
{
	int rc = (int)syscall(SYS_clock_gettime, clock, now);

	if (rc == 0 && (clock == CLOCK_MONOTONIC || clock == CLOCK_MONOTONIC_RAW))
		now->tv_sec += ahead_s;
	return rc;
}

static int option(int fd, int level, int name)
{
	int value = -1;
	socklen_t len = sizeof(value);

	assert_int_equal(getsockopt(fd, level, name, &value, &len), 0);
	return value;
}

/* The descriptors that are connected to this port. */
static unsigned look_at_sockets(int port)
{
	struct sockaddr_in peer;
	unsigned found = 0;
	socklen_t len;
	int fd;

	for (fd = 3; fd < 256; fd++) {
		len = sizeof(peer);
		if (getpeername(fd, (struct sockaddr *)&peer, &len) < 0 || peer.sin_family != AF_INET ||
		    ntohs(peer.sin_port) != port)
			continue;
		found++;
		assert_true(option(fd, SOL_SOCKET, SO_KEEPALIVE));
		assert_in_range(option(fd, IPPROTO_TCP, TCP_KEEPIDLE), 1, 30);
		assert_in_range(option(fd, IPPROTO_TCP, TCP_KEEPINTVL) * option(fd, IPPROTO_TCP, TCP_KEEPCNT), 1, 30);
		assert_in_range(option(fd, IPPROTO_TCP, TCP_USER_TIMEOUT), 1000, 60000);
		assert_true(option(fd, IPPROTO_TCP, TCP_NODELAY));
		assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
		assert_true(fcntl(fd, F_GETFL) & O_NONBLOCK);
	}
	return found;
}

static void on_event(kshim_watch *watch, kshim_event event, kshim_object *object, void *user)
{
	(void)watch, (void)event, (void)object, (void)user;
}

/* A call's and a watch's. */
static void test_options(void **state)
{
	struct seen get = {0}, mute = {0}, watched = {0};
	kshim_watch *watch;
	struct rig rig;

	rig_start(&rig, state, routes, COUNT(routes));
	kshim_client_set_watch_connections(rig.client, rig.http, 0);
	get_pod(&rig, "a", &get);
	assert_ok(&get);
	assert_non_null(started(&mute, kshim_query_get_by_name(rig.pods, "mute", seen_done, &mute)));
	watched.returned = true;
	watch = kshim_query_watch(rig.pods, NULL, on_event, seen_done, &watched);
	assert_non_null(watch);
	rig_until_requests(&rig, 4);
	assert_in_range(look_at_sockets(fakeapi_port(rig.api)), 2, 3);
	kshim_call_cancel(mute.call);
	kshim_watch_stop(watch);
	rig_drive(&rig);
	rig_stop(&rig);
}

/* An API server closes what was idle for 90 s. */
static void test_idle(void **state)
{
	struct seen seen[3] = {0};
	struct rig rig;

	ahead_s = 0;
	rig_start(&rig, state, routes, COUNT(routes));
	get_pod(&rig, "a", &seen[0]);
	ahead_s += 45;
	get_pod(&rig, "a", &seen[1]);
	assert_ok(&seen[1]);
	assert_int_equal(fakeapi_connections(rig.api), 1);
	ahead_s += 75;
	get_pod(&rig, "a", &seen[2]);
	assert_ok(&seen[2]);
	assert_int_equal(fakeapi_connections(rig.api), 2);
	rig_stop(&rig);
	ahead_s = 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BOTH_HTTP(test_options),
		BOTH_HTTP(test_idle),
	};

	test_begin();
	return cmocka_run_group_tests_name("faults/sockets", tests, NULL, NULL);
}
