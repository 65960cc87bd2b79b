/*
 * bare: the floor. What the same requests cost with nothing on top of libcurl:
 * one multi on epoll, handles that are used again, bodies that are only counted.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/epoll.h>
#include <curl/curl.h>

#include "bench.h"

struct run;

struct slot {
	struct run *run;
	CURL *easy;
	unsigned i;			/* the object it works on */
	bool deleting;
	char body[BENCH_BODY_MAX];
};

struct run {
	struct bench bench;
	struct bench_options options;
	CURLM *multi;
	int epoll;
	uint64_t due;			/* of curl's timer; 0: none */
	struct curl_slist *get_headers, *post_headers;
	struct slot *slots;
	unsigned slot_count, next, active;
	bool churn, list;
};

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *user, void *known)
{
	struct epoll_event ev = { .data.fd = fd };
	struct run *run = user;

	(void)easy;
	if (what == CURL_POLL_REMOVE) {
		epoll_ctl(run->epoll, EPOLL_CTL_DEL, fd, NULL);
		return 0;
	}
	ev.events = (what & CURL_POLL_IN ? EPOLLIN : 0) | (what & CURL_POLL_OUT ? EPOLLOUT : 0);
	if (!known || epoll_ctl(run->epoll, EPOLL_CTL_MOD, fd, &ev)) {
		if (epoll_ctl(run->epoll, EPOLL_CTL_ADD, fd, &ev))
			epoll_ctl(run->epoll, EPOLL_CTL_MOD, fd, &ev);
		curl_multi_assign(run->multi, fd, run);
	}
	return 0;
}

static int on_timer(CURLM *multi, long ms, void *user)
{
	struct run *run = user;

	(void)multi;
	run->due = ms < 0 ? 0 : bench_now() + (uint64_t)ms * 1000000;
	return 0;
}

static size_t on_body(char *bytes, size_t size, size_t n, void *user)
{
	struct slot *slot = user;

	(void)bytes;
	slot->run->bench.bytes += size * n;
	return size * n;
}

static void set_url(struct slot *slot, const char *path)
{
	char url[1024];

	snprintf(url, sizeof(url), "%s%s", slot->run->options.url, path);
	curl_easy_setopt(slot->easy, CURLOPT_URL, url);
}

static void set_request(struct slot *slot)
{
	struct run *run = slot->run;
	char path[BENCH_PATH_MAX];
	int n;

	if (run->list) {
		set_url(slot, run->options.path);
	} else if (!run->churn) {
		bench_pod_path(path, slot->i);
		set_url(slot, path);
	} else if (slot->deleting) {
		bench_configmap_path(path, slot->i);
		set_url(slot, path);
		curl_easy_setopt(slot->easy, CURLOPT_HTTPGET, 1L);
		curl_easy_setopt(slot->easy, CURLOPT_CUSTOMREQUEST, "DELETE");
		curl_easy_setopt(slot->easy, CURLOPT_HTTPHEADER, run->get_headers);
	} else {
		n = bench_configmap_body(slot->body, slot->i);
		set_url(slot, BENCH_CONFIGMAPS);
		curl_easy_setopt(slot->easy, CURLOPT_CUSTOMREQUEST, NULL);
		curl_easy_setopt(slot->easy, CURLOPT_POSTFIELDSIZE, (long)n);
		curl_easy_setopt(slot->easy, CURLOPT_POSTFIELDS, slot->body);
		curl_easy_setopt(slot->easy, CURLOPT_HTTPHEADER, run->post_headers);
	}
}

/* Puts the slot to its next request, if there is one. */
static void go_on(struct slot *slot)
{
	struct run *run = slot->run;

	if (run->churn && !slot->deleting && slot->i != UINT32_MAX) {
		slot->deleting = true;
	} else if (run->next < run->options.count) {
		slot->i = run->next++;
		slot->deleting = false;
	} else {
		return;
	}
	set_request(slot);
	run->active++;
	curl_multi_add_handle(run->multi, slot->easy);
}

static void finish(struct run *run, CURL *easy, CURLcode rc)
{
	struct slot *slot;
	long status = 0, connects = 0;

	curl_easy_getinfo(easy, CURLINFO_PRIVATE, (char **)&slot);
	curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
	curl_easy_getinfo(easy, CURLINFO_NUM_CONNECTS, &connects);
	curl_multi_remove_handle(run->multi, easy);
	run->active--;
	run->bench.requests++;
	run->bench.connections += (uint64_t)connects;
	if (rc || status / 100 != 2) {
		run->bench.failed++;
		fprintf(stderr, "bare: %s, status %ld\n", curl_easy_strerror(rc), status);
	}
	go_on(slot);
}

static void take_results(struct run *run)
{
	CURLMsg *msg;
	int left;

	while ((msg = curl_multi_info_read(run->multi, &left)))
		if (msg->msg == CURLMSG_DONE)
			finish(run, msg->easy_handle, msg->data.result);
}

static int wait_ms(const struct run *run)
{
	uint64_t now;

	if (!run->due)
		return -1;
	now = bench_now();
	return now >= run->due ? 0 : (int)((run->due - now + 999999) / 1000000);
}

static void drive(struct run *run)
{
	struct epoll_event ev[64];
	int n, running;

	while (run->active) {
		n = epoll_wait(run->epoll, ev, 64, wait_ms(run));
		if (n < 0 && errno != EINTR)
			abort();
		for (int i = 0; i < n; i++)
			curl_multi_socket_action(run->multi, ev[i].data.fd,
				(ev[i].events & EPOLLIN ? CURL_CSELECT_IN : 0) |
				(ev[i].events & EPOLLOUT ? CURL_CSELECT_OUT : 0) |
				(ev[i].events & (EPOLLERR | EPOLLHUP) ? CURL_CSELECT_ERR : 0),
				&running);
		if (run->due && bench_now() >= run->due) {
			run->due = 0;
			curl_multi_socket_action(run->multi, CURL_SOCKET_TIMEOUT, 0, &running);
		}
		take_results(run);
	}
}

static void make_slot(struct run *run, struct slot *slot)
{
	struct bench_options *o = &run->options;
	CURL *easy = curl_easy_init();
	struct curl_blob ca = { o->ca_pem, o->ca_pem ? strlen(o->ca_pem) : 0, CURL_BLOB_NOCOPY };

	if (!easy)
		abort();
	slot->run = run;
	slot->easy = easy;
	slot->i = UINT32_MAX;
	curl_easy_setopt(easy, CURLOPT_PRIVATE, slot);
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_NOPROXY, "*");
	curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, o->http == 20 ? (long)CURL_HTTP_VERSION_2TLS :
			 (long)CURL_HTTP_VERSION_1_1);
	if (o->http == 20)
		curl_easy_setopt(easy, CURLOPT_PIPEWAIT, 1L);
	if (o->ca_pem)
		curl_easy_setopt(easy, CURLOPT_CAINFO_BLOB, &ca);
	curl_easy_setopt(easy, CURLOPT_HTTPHEADER, run->get_headers);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, slot);
}

static void prepare(struct run *run)
{
	struct bench_options *o = &run->options;

	run->epoll = epoll_create1(EPOLL_CLOEXEC);
	run->multi = curl_multi_init();
	if (run->epoll < 0 || !run->multi)
		abort();
	curl_multi_setopt(run->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
	curl_multi_setopt(run->multi, CURLMOPT_SOCKETDATA, run);
	curl_multi_setopt(run->multi, CURLMOPT_TIMERFUNCTION, on_timer);
	curl_multi_setopt(run->multi, CURLMOPT_TIMERDATA, run);
	curl_multi_setopt(run->multi, CURLMOPT_MAX_HOST_CONNECTIONS, (long)o->connections);
	curl_multi_setopt(run->multi, CURLMOPT_MAXCONNECTS, (long)o->connections);
	run->get_headers = curl_slist_append(NULL, "Accept: application/json");
	run->get_headers = curl_slist_append(run->get_headers, "User-Agent: kubeshim-bench/1");
	run->post_headers = curl_slist_append(NULL, "Accept: application/json");
	run->post_headers = curl_slist_append(run->post_headers, "User-Agent: kubeshim-bench/1");
	run->post_headers = curl_slist_append(run->post_headers, "Content-Type: application/json");
	/* A request that would wait inside libcurl for a connection waits here. */
	run->slot_count = o->inflight;
	if (o->http == 11 && run->slot_count > o->connections)
		run->slot_count = o->connections;
	run->slots = calloc(run->slot_count, sizeof(*run->slots));
	if (!run->slots)
		abort();
	for (unsigned i = 0; i < run->slot_count; i++)
		make_slot(run, &run->slots[i]);
}

static void clean_up(struct run *run)
{
	for (unsigned i = 0; i < run->slot_count; i++)
		curl_easy_cleanup(run->slots[i].easy);
	curl_multi_cleanup(run->multi);
	close(run->epoll);
	curl_slist_free_all(run->get_headers);
	curl_slist_free_all(run->post_headers);
	free(run->slots);
	bench_options_free(&run->options);
}

int main(int argc, char **argv)
{
	struct run run = { .epoll = -1 };
	int rc;

	if (argc < 2 || (strcmp(argv[1], "list") && strcmp(argv[1], "get") &&
			 strcmp(argv[1], "churn"))) {
		fprintf(stderr, "usage: bare list|get|churn --url URL ...\n");
		return 2;
	}
	bench_options(&run.options, argc - 1, argv + 1);
	run.list = !strcmp(argv[1], "list");
	run.churn = !strcmp(argv[1], "churn");
	curl_global_init(CURL_GLOBAL_DEFAULT);
	prepare(&run);
	bench_begin(&run.bench, &run.options, "bare", argv[1]);
	for (unsigned i = 0; i < run.slot_count; i++)
		go_on(&run.slots[i]);
	drive(&run);
	bench_end(&run.bench);
	rc = bench_print(&run.bench);
	clean_up(&run);
	curl_global_cleanup();
	return rc;
}
