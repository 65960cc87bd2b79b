/*
 * bare: the floor. What the same requests cost with nothing on top of libcurl:
 * one multi on epoll, handles that are used again, bodies that are only counted.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bare_loop.h"

struct run;

struct slot {
	struct run *run;
	CURL *easy;
	unsigned i;			/* the object it works on */
	bool deleting;
	char body[BENCH_BODY_MAX];
};

struct run {
	struct bare_loop loop;		/* first */
	struct bench bench;
	struct bench_options options;
	struct curl_slist *get_headers, *post_headers;
	struct slot *slots;
	unsigned slot_count, next, active;
	bool churn, list;
};

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
		bench_pod_path(path, &run->options, slot->i);
		set_url(slot, path);
	} else if (slot->deleting) {
		bench_configmap_path(path, &run->options, slot->i);
		set_url(slot, path);
		curl_easy_setopt(slot->easy, CURLOPT_HTTPGET, 1L);
		curl_easy_setopt(slot->easy, CURLOPT_CUSTOMREQUEST, "DELETE");
		curl_easy_setopt(slot->easy, CURLOPT_HTTPHEADER, run->get_headers);
	} else {
		n = bench_configmap_body(slot->body, &run->options, slot->i);
		bench_configmaps_path(path, &run->options);
		set_url(slot, path);
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
	curl_multi_add_handle(run->loop.multi, slot->easy);
}

static void finish(struct bare_loop *loop, CURL *easy, CURLcode rc)
{
	struct run *run = (struct run *)loop;
	struct slot *slot;
	long status = 0, connects = 0;

	curl_easy_getinfo(easy, CURLINFO_PRIVATE, (char **)&slot);
	curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
	curl_easy_getinfo(easy, CURLINFO_NUM_CONNECTS, &connects);
	curl_multi_remove_handle(run->loop.multi, easy);
	run->active--;
	run->bench.requests++;
	run->bench.connections += (uint64_t)connects;
	if (rc || status / 100 != 2) {
		run->bench.failed++;
		fprintf(stderr, "bare: %s, status %ld\n", curl_easy_strerror(rc), status);
	}
	go_on(slot);
}

static void make_slot(struct run *run, struct slot *slot)
{
	CURL *easy = bare_handle(&run->options, run->get_headers);

	slot->run = run;
	slot->easy = easy;
	slot->i = UINT32_MAX;
	curl_easy_setopt(easy, CURLOPT_PRIVATE, slot);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, slot);
}

static void prepare(struct run *run)
{
	struct bench_options *o = &run->options;

	bare_loop_init(&run->loop, o->connections, finish);
	run->get_headers = bare_headers(o);
	run->post_headers = curl_slist_append(bare_headers(o), "Content-Type: application/json");
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
	bare_loop_free(&run->loop);
	curl_slist_free_all(run->get_headers);
	curl_slist_free_all(run->post_headers);
	free(run->slots);
	bench_options_free(&run->options);
}

int main(int argc, char **argv)
{
	struct run run = { .next = 0 };
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
	while (run.active)
		bare_loop_step(&run.loop, -1);
	bench_end(&run.bench);
	rc = bench_print(&run.bench);
	clean_up(&run);
	curl_global_cleanup();
	return rc;
}
