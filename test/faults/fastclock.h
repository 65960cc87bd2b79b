/*
 * A clock that runs `speed` times as fast as the real one, and waits that are as much
 * shorter; only changed where no loop is. Link with ("LINK:", see test.mk)
 * -Wl,--wrap=clock_gettime,--wrap=epoll_wait.
 */
#ifndef FASTCLOCK_H
#define FASTCLOCK_H

#include <stdint.h>
#include <sys/epoll.h>
#include <time.h>

static unsigned speed = 1;

int __real_clock_gettime(clockid_t clock, struct timespec *now);
int __real_epoll_wait(int epoll, struct epoll_event *events, int room, int timeout);
int __wrap_clock_gettime(clockid_t clock, struct timespec *now);
int __wrap_epoll_wait(int epoll, struct epoll_event *events, int room, int timeout);

int __wrap_clock_gettime(clockid_t clock, struct timespec *now)
{
	int rc = __real_clock_gettime(clock, now);
	int64_t ns = (int64_t)now->tv_nsec * speed;

	if (rc == 0 && clock == CLOCK_MONOTONIC) {
		now->tv_sec = now->tv_sec * speed + ns / 1000000000;
		now->tv_nsec = ns % 1000000000;
	}
	return rc;
}

int __wrap_epoll_wait(int epoll, struct epoll_event *events, int room, int timeout)
{
	return __real_epoll_wait(epoll, events, room, timeout > 0 ? (timeout + (int)speed - 1) / (int)speed : timeout);
}

#endif
