#include "fakeserver.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/socket.h>

#include "fakebuf.h"
#include "fakeconn.h"

void fakeserver_arm(struct fakeserver *s, struct faketimer *t, uint64_t due)
{
	if (t->due) {
		if (due < t->due)
			t->due = due;
		return;
	}
	t->due = due;
	t->prev = NULL;
	t->next = s->timers;
	if (s->timers)
		s->timers->prev = t;
	s->timers = t;
}

void fakeserver_disarm(struct fakeserver *s, struct faketimer *t)
{
	if (!t->due)
		return;
	t->due = 0;
	if (t->prev)
		t->prev->next = t->next;
	else
		s->timers = t->next;
	if (t->next)
		t->next->prev = t->prev;
}

static int timeout_ms(const struct fakeserver *s)
{
	uint64_t first = 0, now;

	for (const struct faketimer *t = s->timers; t; t = t->next)
		if (!first || t->due < first)
			first = t->due;
	if (!first)
		return -1;
	now = fake_now();
	return first <= now ? 0 : (int)((first - now + 999999) / 1000000);
}

static void fire_timers(struct fakeserver *s)
{
	uint64_t now = fake_now();
	struct faketimer *t;

	/* From the start each time: firing one may free others. */
	do {
		for (t = s->timers; t && t->due > now; t = t->next)
			;
		if (t) {
			fakeserver_disarm(s, t);
			t->fire(t->ctx);
		}
	} while (t);
}

static void accept_all(struct fakeserver *s)
{
	int fd, one = 1;

	while ((fd = accept4(s->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
		fakeconn_new(s, fd);
	}
}

static int watch_fd(struct fakeserver *s, int fd, void *ptr)
{
	struct epoll_event ev = { .events = EPOLLIN, .data.ptr = ptr };

	return epoll_ctl(s->epoll, EPOLL_CTL_ADD, fd, &ev);
}

static void tick(void *ctx)
{
	struct fakeserver *s = ctx;

	s->options->tick(s->options->tick_ctx);
	fakeserver_arm(s, &s->tick, fake_now() + (uint64_t)s->options->tick_ms * 1000000);
}

static bool is_there(const struct fakeserver *s, const struct fakeconn *conn)
{
	const struct fakeconn *c;

	for (c = s->conns; c && c != conn; c = c->next)
		;
	return c != NULL;
}

static int serve(struct fakeserver *s)
{
	struct epoll_event ev[1];
	int n;

	for (;;) {
		/* One event a turn: of a connection that was freed none comes, but for one whose
		 * descriptor another process got with a fork */
		n = epoll_wait(s->epoll, ev, 1, timeout_ms(s));
		if (n < 0 && errno != EINTR)
			return -1;
		if (n == 1 && ev[0].data.ptr == &s->signals)
			return 0;
		if (n == 1 && ev[0].data.ptr == &s->listener)
			accept_all(s);
		else if (n == 1 && is_there(s, ev[0].data.ptr))
			fakeconn_run(ev[0].data.ptr);
		fire_timers(s);
	}
}

int fakeserver_run(const struct fakeapi_options *options, SSL_CTX *tls, struct fakelog *log,
		   int listener)
{
	struct fakeserver s = {
		.options = options, .log = log, .tls = tls, .listener = listener,
		.script = { .routes = options->routes, .count = options->route_count },
	};
	sigset_t set;
	int rc = -1;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	s.tick = (struct faketimer){ .fire = tick, .ctx = &s };
	if (options->tick)
		fakeserver_arm(&s, &s.tick, 1);
	s.script.asked = fake_alloc(options->route_count * sizeof(unsigned));
	s.signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	s.epoll = epoll_create1(EPOLL_CLOEXEC);
	if (s.epoll >= 0 && s.signals >= 0 && !watch_fd(&s, s.signals, &s.signals) &&
	    !watch_fd(&s, listener, &s.listener))
		rc = serve(&s);
	if (rc)
		perror("fakeapi");
	while (s.conns)
		fakeconn_free(s.conns);
	free(s.script.asked);
	close(s.signals);
	close(s.epoll);
	close(listener);
	return rc;
}
