#include "bare_loop.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/epoll.h>

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *user, void *known)
{
	struct epoll_event ev = { .data.fd = fd };
	struct bare_loop *loop = user;

	(void)easy;
	if (what == CURL_POLL_REMOVE) {
		epoll_ctl(loop->epoll, EPOLL_CTL_DEL, fd, NULL);
		return 0;
	}
	ev.events = (what & CURL_POLL_IN ? EPOLLIN : 0) | (what & CURL_POLL_OUT ? EPOLLOUT : 0);
	if (!known || epoll_ctl(loop->epoll, EPOLL_CTL_MOD, fd, &ev)) {
		if (epoll_ctl(loop->epoll, EPOLL_CTL_ADD, fd, &ev))
			epoll_ctl(loop->epoll, EPOLL_CTL_MOD, fd, &ev);
		curl_multi_assign(loop->multi, fd, loop);
	}
	return 0;
}

static int on_timer(CURLM *multi, long ms, void *user)
{
	struct bare_loop *loop = user;

	(void)multi;
	loop->due = ms < 0 ? 0 : bench_now() + (uint64_t)ms * 1000000;
	return 0;
}

static void take_results(struct bare_loop *loop)
{
	CURLMsg *msg;
	int left;

	while ((msg = curl_multi_info_read(loop->multi, &left)))
		if (msg->msg == CURLMSG_DONE)
			loop->finish(loop, msg->easy_handle, msg->data.result);
}

static int wait_ms(const struct bare_loop *loop, int ms)
{
	uint64_t now, left;

	if (!loop->due)
		return ms;
	now = bench_now();
	left = now >= loop->due ? 0 : (loop->due - now + 999999) / 1000000;
	return ms >= 0 && (uint64_t)ms < left ? ms : (int)left;
}

void bare_loop_step(struct bare_loop *loop, int ms)
{
	struct epoll_event ev[64];
	int n, running;

	n = epoll_wait(loop->epoll, ev, 64, wait_ms(loop, ms));
	if (n < 0 && errno != EINTR)
		abort();
	for (int i = 0; i < n; i++)
		curl_multi_socket_action(loop->multi, ev[i].data.fd,
			(ev[i].events & EPOLLIN ? CURL_CSELECT_IN : 0) |
			(ev[i].events & EPOLLOUT ? CURL_CSELECT_OUT : 0) |
			(ev[i].events & (EPOLLERR | EPOLLHUP) ? CURL_CSELECT_ERR : 0),
			&running);
	if (loop->due && bench_now() >= loop->due) {
		loop->due = 0;
		curl_multi_socket_action(loop->multi, CURL_SOCKET_TIMEOUT, 0, &running);
	}
	take_results(loop);
}

void bare_loop_init(struct bare_loop *loop, unsigned connections,
		    void (*finish)(struct bare_loop *loop, CURL *easy, CURLcode rc))
{
	loop->epoll = epoll_create1(EPOLL_CLOEXEC);
	loop->multi = curl_multi_init();
	if (loop->epoll < 0 || !loop->multi)
		abort();
	loop->due = 0;
	loop->finish = finish;
	curl_multi_setopt(loop->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
	curl_multi_setopt(loop->multi, CURLMOPT_SOCKETDATA, loop);
	curl_multi_setopt(loop->multi, CURLMOPT_TIMERFUNCTION, on_timer);
	curl_multi_setopt(loop->multi, CURLMOPT_TIMERDATA, loop);
	curl_multi_setopt(loop->multi, CURLMOPT_MAX_HOST_CONNECTIONS, (long)connections);
	curl_multi_setopt(loop->multi, CURLMOPT_MAXCONNECTS, (long)connections);
}

void bare_loop_free(struct bare_loop *loop)
{
	curl_multi_cleanup(loop->multi);
	close(loop->epoll);
}

struct curl_slist *bare_headers(const struct bench_options *o)
{
	struct curl_slist *headers = curl_slist_append(NULL, "Accept: application/json");
	char authorization[300];

	headers = curl_slist_append(headers, "User-Agent: kubeshim-bench/1");
	if (!*o->token)
		return headers;
	snprintf(authorization, sizeof(authorization), "Authorization: Bearer %s", o->token);
	return curl_slist_append(headers, authorization);
}

CURL *bare_handle(const struct bench_options *o, struct curl_slist *headers)
{
	struct curl_blob ca = { o->ca_pem, o->ca_pem ? strlen(o->ca_pem) : 0, CURL_BLOB_NOCOPY };
	CURL *easy = curl_easy_init();

	if (!easy)
		abort();
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_NOPROXY, "*");
	curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, o->http == 20 ? (long)CURL_HTTP_VERSION_2TLS :
			 (long)CURL_HTTP_VERSION_1_1);
	if (o->http == 20)
		curl_easy_setopt(easy, CURLOPT_PIPEWAIT, 1L);
	if (o->ca_pem)
		curl_easy_setopt(easy, CURLOPT_CAINFO_BLOB, &ca);
	curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
	return easy;
}
