#include "multi.h"

#include "alloc.h"

#include <fcntl.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

/* A peer that is gone without a word is noticed after about a minute, as
 * client-go's HTTP/2 pings do (30 s idle, 15 s for the answer). */
#define KEEPALIVE_IDLE_S 30
#define KEEPALIVE_INTERVAL_S 10
#define KEEPALIVE_COUNT 3
#define USER_TIMEOUT_MS 60000
#define NUDGE_US 10000

struct kshim__socket {
	struct kshim__io io;
	struct kshim__multi *multi;
	bool ours; /* opened by us: we will hear of its closing */
	bool touched; /* libcurl read from it since the last nudge */
	unsigned round; /* of nudges, when it was ready */
};

static void action(struct kshim__multi *multi, curl_socket_t fd, int mask);

/* The server closed a connection that nothing runs on. libcurl asks the socket
 * before it takes such a one up again, and a TLS farewell that was not read yet
 * would make it look alive. */
static void closed_while_idle(struct kshim__socket *sock)
{
	char farewell[1024];

	/* of an answer that is paused the rest may lie there */
	while (!sock->multi->paused && recv(sock->io.fd, farewell, sizeof(farewell), MSG_DONTWAIT) > 0)
		;
	kshim__io_want(sock->multi->loop, &sock->io, 0);
}

static void socket_ready(struct kshim__io *io, uint32_t events)
{
	struct kshim__socket *sock = KSHIM__OWNER(io, struct kshim__socket, io);
	int mask = 0;

	if (io->wanted == EPOLLRDHUP) {
		/* bytes that were reported in this pass, before libcurl paused, are none of that */
		if (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR))
			closed_while_idle(sock);
		return;
	}
	if (events & EPOLLIN)
		mask |= CURL_CSELECT_IN;
	if (events & EPOLLOUT)
		mask |= CURL_CSELECT_OUT;
	if (events & (EPOLLERR | EPOLLHUP))
		mask |= CURL_CSELECT_ERR;
	if (!(io->wanted & EPOLLIN))
		mask &= ~CURL_CSELECT_IN;
	if (!(io->wanted & EPOLLOUT))
		mask &= ~CURL_CSELECT_OUT;
	if (mask)
		action(sock->multi, io->fd, mask);
}

/* The record of a descriptor, made when it is first seen. */
static struct kshim__socket *socket_of(struct kshim__multi *multi, curl_socket_t fd)
{
	size_t room = multi->socket_room ? multi->socket_room : 32;
	struct kshim__socket **sockets, *sock;

	if (fd < 0)
		return NULL;
	if ((size_t)fd >= multi->socket_room) {
		while (room <= (size_t)fd)
			room *= 2;
		sockets = kshim__realloc(multi->sockets, room * sizeof(*sockets));
		if (!sockets) {
			multi->no_memory = true;
			return NULL;
		}
		memset(sockets + multi->socket_room, 0, (room - multi->socket_room) * sizeof(*sockets));
		multi->sockets = sockets;
		multi->socket_room = room;
	}
	if (!multi->sockets[fd]) {
		sock = kshim__calloc(1, sizeof(*sock));
		if (!sock) {
			multi->no_memory = true;
			return NULL;
		}
		kshim__io_init(&sock->io, fd, socket_ready);
		sock->multi = multi;
		multi->sockets[fd] = sock;
	}
	return multi->sockets[fd];
}

static void forget_socket(struct kshim__multi *multi, curl_socket_t fd)
{
	struct kshim__socket *sock;

	if (fd < 0 || (size_t)fd >= multi->socket_room || !(sock = multi->sockets[fd]))
		return;
	kshim__io_remove(multi->loop, &sock->io);
	kshim__free(sock);
	multi->sockets[fd] = NULL;
}

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *user, void *unused)
{
	struct kshim__multi *multi = user;
	struct kshim__socket *sock;
	uint32_t events = 0;

	(void)easy;
	(void)unused;
	if (what == CURL_POLL_REMOVE) {
		sock = (size_t)fd < multi->socket_room ? multi->sockets[fd] : NULL;
		if (!sock)
			return 0;
		/* REMOVE is not a close: an idle connection comes back. Of the
		 * resolver's descriptors we never hear again. */
		if (sock->ours)
			kshim__io_want(multi->loop, &sock->io, EPOLLRDHUP);
		else
			forget_socket(multi, fd);
		return 0;
	}
	if (what & CURL_POLL_IN)
		events |= EPOLLIN;
	if (what & CURL_POLL_OUT)
		events |= EPOLLOUT;
	sock = socket_of(multi, fd);
	if (!sock)
		return -1;
	kshim__io_want(multi->loop, &sock->io, events);
	return 0;
}

/* libcurl before 8.4.0 rounds its milliseconds down: a millisecond more, or the
 * timer is early, does nothing, and is never told of again. */
static int on_timer(CURLM *curl, long ms, void *user)
{
	struct kshim__multi *multi = user;

	(void)curl;
	kshim__timer_stop(multi->loop, &multi->timer);
	if (ms == 0)
		kshim__task_queue(multi->loop, &multi->kick); /* where it is queued already it keeps its place */
	else
		kshim__task_remove(&multi->kick);
	if (ms > 0)
		kshim__timer_set(multi->loop, &multi->timer, kshim__now_us() + ((int64_t)ms + 1) * 1000);
	return 0;
}

/* libcurl tells of a timeout only when it changes; one that stands after its time
 * was up would be lost. */
static void timeout(struct kshim__multi *multi)
{
	long ms = -1;

	action(multi, CURL_SOCKET_TIMEOUT, 0);
	if (multi->curl && !multi->timer.index && kshim__list_empty(&multi->kick.link) &&
	    curl_multi_timeout(multi->curl, &ms) == CURLM_OK && ms >= 0)
		on_timer(multi->curl, ms, multi);
}

static void kicked(struct kshim__task *task)
{
	timeout(KSHIM__OWNER(task, struct kshim__multi, kick));
}

static void timer_fired(struct kshim__timer *timer)
{
	timeout(KSHIM__OWNER(timer, struct kshim__multi, timer));
}

static void close_curl(struct kshim__multi *multi)
{
	size_t fd;

	if (multi->curl)
		curl_multi_cleanup(multi->curl);
	multi->curl = NULL;
	multi->connections = 0;
	kshim__task_remove(&multi->kick);
	kshim__timer_stop(multi->loop, &multi->timer);
	kshim__timer_stop(multi->loop, &multi->nudge);
	for (fd = 0; fd < multi->socket_room; fd++)
		forget_socket(multi, (curl_socket_t)fd);
}

/* libcurl 7.88.1 makes the socket pair of curl_multi_wakeup() without
 * close-on-exec, and does not tell its numbers. They are the two that were free
 * before; it is them if a wake-up runs from the one to the other. */

static void two_free_fds(const struct kshim__multi *multi, int fds[2])
{
	int i, like = kshim__loop_descriptor(multi->loop);

	for (i = 0; i < 2; i++)
		fds[i] = fcntl(like, F_DUPFD_CLOEXEC, 0);
	for (i = 0; i < 2; i++)
		if (fds[i] >= 0)
			close(fds[i]);
}

static bool is_open_socket(int fd)
{
	int domain = 0;
	socklen_t len = sizeof(domain);

	return fd >= 0 && getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &len) == 0 && domain == AF_UNIX;
}

static bool bytes_on_their_way(int from, int to)
{
	struct pollfd poll_fd = {.fd = to, .events = POLLIN};
	int unread = 0;

	return ioctl(from, SIOCOUTQ, &unread) == 0 && unread > 0 && poll(&poll_fd, 1, 0) == 1;
}

static void close_wakeup_on_exec(CURLM *curl, const int fds[2])
{
	if (!is_open_socket(fds[0]) || !is_open_socket(fds[1]) || bytes_on_their_way(fds[1], fds[0]))
		return;
	curl_multi_wakeup(curl);
	if (bytes_on_their_way(fds[1], fds[0])) {
		fcntl(fds[0], F_SETFD, FD_CLOEXEC);
		fcntl(fds[1], F_SETFD, FD_CLOEXEC);
	}
	curl_multi_poll(curl, NULL, 0, 0, NULL); /* takes the wake-up back */
}

static bool open_curl(struct kshim__multi *multi)
{
	CURLM *curl;
	int fds[2];

	two_free_fds(multi, fds);
	curl = curl_multi_init();
	if (!curl)
		return false;
	close_wakeup_on_exec(curl, fds);
	multi->curl = curl;
	curl_multi_setopt(curl, CURLMOPT_SOCKETFUNCTION, on_socket);
	curl_multi_setopt(curl, CURLMOPT_SOCKETDATA, multi);
	curl_multi_setopt(curl, CURLMOPT_TIMERFUNCTION, on_timer);
	curl_multi_setopt(curl, CURLMOPT_TIMERDATA, multi);
	kshim__multi_set_limits(multi, multi->max_connections, multi->max_streams);
	return true;
}

static void leave(struct kshim__multi *multi, struct kshim__exchange *exchange)
{
	kshim__multi_set_paused(multi, exchange, false);
	kshim__list_remove(&exchange->link);
}

/* After an error of libcurl's the multi cannot be used again: every exchange in
 * it fails, the next one gets a new multi. */
static void broke(struct kshim__multi *multi)
{
	CURLcode code = multi->no_memory ? CURLE_OUT_OF_MEMORY : CURLE_FAILED_INIT;
	struct kshim__link failed;

	multi->no_memory = false;
	kshim__list_init(&failed);
	while (!kshim__list_empty(&multi->exchanges)) {
		struct kshim__link *link = multi->exchanges.next;

		curl_multi_remove_handle(multi->curl, KSHIM__OWNER(link, struct kshim__exchange, link)->easy);
		kshim__list_remove(link);
		kshim__list_append(&failed, link);
	}
	close_curl(multi);
	while (!kshim__list_empty(&failed)) {
		struct kshim__exchange *exchange = KSHIM__OWNER(failed.next, struct kshim__exchange, link);

		leave(multi, exchange);
		exchange->finished(exchange, code);
	}
}

static void reap(struct kshim__multi *multi)
{
	bool no_memory = multi->no_memory;
	struct kshim__exchange *exchange;
	CURLMsg *msg;
	int left;

	multi->no_memory = false;
	while (multi->curl && (msg = curl_multi_info_read(multi->curl, &left))) {
		CURLcode code = msg->data.result;
		CURL *easy = msg->easy_handle;
		char *private = NULL;

		if (msg->msg != CURLMSG_DONE)
			continue;
		if (code == CURLE_COULDNT_CONNECT && no_memory)
			code = CURLE_OUT_OF_MEMORY; /* for the record of its socket */
		curl_easy_getinfo(easy, CURLINFO_PRIVATE, &private);
		curl_multi_remove_handle(multi->curl, easy); /* msg is gone now */
		exchange = (struct kshim__exchange *)(void *)private;
		leave(multi, exchange);
		multi->changed = true;
		multi->progress++;
		exchange->finished(exchange, code);
	}
}

/* What libcurl may read from. A timeout goes on with transfers whose sockets were
 * ready a moment ago; one that is new to it can be on any. */
static void touch(struct kshim__multi *multi, curl_socket_t fd)
{
	size_t i;

	if (fd != CURL_SOCKET_TIMEOUT) {
		if ((size_t)fd < multi->socket_room && multi->sockets[fd]) {
			multi->sockets[fd]->touched = true;
			multi->sockets[fd]->round = multi->nudges;
		}
		return;
	}
	for (i = 0; i < multi->socket_room; i++)
		if (multi->sockets[i] && (multi->changed || multi->nudges - multi->sockets[i]->round < 2))
			multi->sockets[i]->touched = true;
}

static void action(struct kshim__multi *multi, curl_socket_t fd, int mask)
{
	CURLMcode code;
	int running;

	if (!multi->curl)
		return;
	if (multi->forgetful)
		touch(multi, fd);
	code = curl_multi_socket_action(multi->curl, fd, mask, &running);
	if (code != CURLM_OK && code != CURLM_BAD_SOCKET)
		broke(multi);
	else
		reap(multi);
	if (multi->forgetful && !kshim__list_empty(&multi->exchanges))
		kshim__timer_set(multi->loop, &multi->nudge, kshim__now_us() + NUDGE_US);
}

/* Where several HTTP/2 streams share a connection, libcurl 7.88.1 leaves the last
 * bytes of one lying in its buffers now and then, with no timeout and nothing
 * left on the socket: it has to be called once more when things went quiet. */
static void nudged(struct kshim__timer *timer)
{
	struct kshim__multi *multi = KSHIM__OWNER(timer, struct kshim__multi, nudge);
	uint64_t before = multi->progress;
	size_t fd;

	multi->nudges++;
	multi->changed = false;
	for (fd = 0; fd < multi->socket_room; fd++) {
		uint64_t then = multi->progress;
		unsigned round;

		if (!multi->sockets[fd] || !(multi->sockets[fd]->io.wanted & EPOLLIN) || !multi->sockets[fd]->touched)
			continue;
		round = multi->sockets[fd]->round;
		action(multi, (curl_socket_t)fd, CURL_CSELECT_IN);
		if (fd >= multi->socket_room || !multi->sockets[fd] || multi->progress != then)
			continue;
		multi->sockets[fd]->touched = false;
		multi->sockets[fd]->round = round;
	}
	if (multi->progress == before)
		kshim__timer_stop(multi->loop, &multi->nudge);
}

void kshim__multi_set_http2(struct kshim__multi *multi, bool http2)
{
	multi->forgetful = http2 && curl_version_info(CURLVERSION_NOW)->version_num < 0x080100;
}

bool kshim__multi_init(struct kshim__multi *multi, kshim_loop *loop)
{
	memset(multi, 0, sizeof(*multi));
	multi->loop = loop;
	multi->max_connections = 8;
	multi->max_streams = 100; /* libcurl's own, and what API servers allow */
	kshim__list_init(&multi->exchanges);
	kshim__timer_init(&multi->timer, timer_fired);
	kshim__timer_init(&multi->nudge, nudged);
	kshim__task_init(&multi->kick, kicked);
	if (!kshim__timer_reserve(loop))
		return false;
	if (kshim__timer_reserve(loop)) {
		if (open_curl(multi))
			return true;
		kshim__timer_unreserve(loop);
	}
	kshim__timer_unreserve(loop);
	return false;
}

void kshim__multi_free(struct kshim__multi *multi)
{
	close_curl(multi);
	kshim__timer_unreserve(multi->loop);
	kshim__timer_unreserve(multi->loop);
	kshim__free(multi->sockets);
}

void kshim__multi_drop_connections(struct kshim__multi *multi)
{
	if (kshim__list_empty(&multi->exchanges))
		close_curl(multi);
}

void kshim__multi_set_limits(struct kshim__multi *multi, long connections, long streams)
{
	multi->max_connections = connections;
	multi->max_streams = streams;
	if (!multi->curl)
		return;
	curl_multi_setopt(multi->curl, CURLMOPT_MAX_HOST_CONNECTIONS, connections);
	curl_multi_setopt(multi->curl, CURLMOPT_MAXCONNECTS, connections);
	curl_multi_setopt(multi->curl, CURLMOPT_MAX_CONCURRENT_STREAMS, streams);
}

bool kshim__multi_add(struct kshim__multi *multi, struct kshim__exchange *exchange)
{
	CURLMcode code;

	if (!multi->curl && !open_curl(multi))
		return false;
	code = curl_multi_add_handle(multi->curl, exchange->easy);
	if (code != CURLM_OK)
		return false;
	kshim__list_append(&multi->exchanges, &exchange->link);
	multi->changed = true;
	exchange->paused = false;
	return true;
}

void kshim__multi_set_paused(struct kshim__multi *multi, struct kshim__exchange *exchange, bool paused)
{
	if (exchange->paused && !paused)
		multi->paused--;
	if (!exchange->paused && paused)
		multi->paused++;
	exchange->paused = paused;
}

void kshim__multi_remove(struct kshim__multi *multi, struct kshim__exchange *exchange)
{
	leave(multi, exchange);
	multi->changed = true;
	/* a resolver thread that is still looking must not hold us up */
	curl_easy_setopt(exchange->easy, CURLOPT_QUICK_EXIT, 1L);
	curl_multi_remove_handle(multi->curl, exchange->easy);
	curl_easy_setopt(exchange->easy, CURLOPT_QUICK_EXIT, 0L);
}

void kshim__multi_unpause(struct kshim__multi *multi, struct kshim__exchange *exchange)
{
	kshim__multi_set_paused(multi, exchange, false);
	multi->changed = true;
	curl_easy_pause(exchange->easy, CURLPAUSE_CONT);
	reap(multi);
}

curl_socket_t kshim__multi_open_socket(void *user, curlsocktype purpose, struct curl_sockaddr *address)
{
	struct kshim__multi *multi = user;
	struct kshim__socket *sock;
	int one = 1, idle = KEEPALIVE_IDLE_S, interval = KEEPALIVE_INTERVAL_S, count = KEEPALIVE_COUNT;
	unsigned timeout = USER_TIMEOUT_MS;
	int fd;

	(void)purpose;
	fd = socket(address->family, address->socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, address->protocol);
	if (fd < 0)
		return CURL_SOCKET_BAD;
	setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof(one));
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof(idle));
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval, sizeof(interval));
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &count, sizeof(count));
	setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &timeout, sizeof(timeout));
	forget_socket(multi, fd);
	sock = socket_of(multi, fd);
	if (!sock) {
		close(fd);
		return CURL_SOCKET_BAD;
	}
	sock->ours = true;
	multi->connections++;
	return fd;
}

int kshim__multi_close_socket(void *user, curl_socket_t fd)
{
	struct kshim__multi *multi = user;

	multi->connections--;
	forget_socket(multi, fd);
	return close(fd);
}
