/*
 * The floor of watches: the streams and nothing on top of libcurl, whose lines are
 * counted, and not even put together.
 *
 * `bare_watch watch …`: --count events of one stream. `sum`: the same, with the sum
 * of the objects that came, not to be timed. `idle`: see bench.h.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bare_loop.h"

struct run;

struct stream {
	struct run *run;
	CURL *easy;
	bool open;
};

struct run {
	struct bare_loop loop;		/* first */
	struct bench bench;
	struct bench_options options;
	struct curl_slist *headers;
	struct stream *streams;
	unsigned opened;
	bool summing;
	char *line;			/* summing: what came of it */
	size_t line_len;
	uint64_t sum;
};

static const char before[] = "{\"type\":\"MODIFIED\",\"object\":", after[] = "}\n";

static void sum_up(struct run *run, const char *bytes, size_t len)
{
	run->line = realloc(run->line, run->line_len + len);
	if (!run->line)
		abort();
	memcpy(run->line + run->line_len, bytes, len);
	run->line_len += len;
	if (run->line[run->line_len - 1] != '\n')
		return;
	if (run->line_len > strlen(before) && !memcmp(run->line, before, strlen(before)))
		run->sum = bench_sum(run->sum, run->line + strlen(before),
				     run->line_len - strlen(before) - strlen(after));
	run->line_len = 0;
}

static size_t on_body(char *bytes, size_t size, size_t n, void *user)
{
	struct stream *stream = user;
	struct run *run = stream->run;
	const char *at = bytes, *end = bytes + size * n, *newline;

	run->bench.bytes += size * n;
	while ((newline = memchr(at, '\n', (size_t)(end - at)))) {
		if (run->summing)
			sum_up(run, at, (size_t)(newline + 1 - at));
		at = newline + 1;
		run->bench.items++;
	}
	if (run->summing && at < end)
		sum_up(run, at, (size_t)(end - at));
	return size * n;
}

static size_t on_header(char *line, size_t size, size_t n, void *user)
{
	struct stream *stream = user;

	if (!stream->open && n > 12 && !strncmp(line, "HTTP/", 5)) {
		stream->open = true;
		stream->run->opened++;
		if (!strstr(line, " 200"))
			stream->run->bench.failed++;
	}
	return size * n;
}

static void finish(struct bare_loop *loop, CURL *easy, CURLcode rc)
{
	struct run *run = (struct run *)loop;

	fprintf(stderr, "bare_watch: a stream ended: %s\n", curl_easy_strerror(rc));
	curl_multi_remove_handle(run->loop.multi, easy);
	exit(1);
}

static void begin(struct run *run, unsigned i, const char *namespace)
{
	struct stream *stream = &run->streams[i];
	char url[1024];

	snprintf(url, sizeof(url), "%s/api/v1/namespaces/%s/pods?watch=1&allowWatchBookmarks=true&"
		 "timeoutSeconds=3600%s%s", run->options.url, namespace,
		 run->options.since ? "&resourceVersion=" : "", run->options.since ? run->options.since : "");
	stream->run = run;
	stream->easy = bare_handle(&run->options, run->headers);
	curl_easy_setopt(stream->easy, CURLOPT_URL, url);
	curl_easy_setopt(stream->easy, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(stream->easy, CURLOPT_WRITEDATA, stream);
	curl_easy_setopt(stream->easy, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(stream->easy, CURLOPT_HEADERDATA, stream);
	if (curl_multi_add_handle(run->loop.multi, stream->easy))
		abort();
}

static int watch_one(struct run *run, const char *scenario)
{
	uint64_t lines;
	char namespace[64];

	snprintf(namespace, sizeof(namespace), "events-%u", run->options.count);
	bench_begin(&run->bench, &run->options, "bare", scenario);
	begin(run, 0, run->options.since ? run->options.namespace : namespace);
	while (run->bench.items < run->options.count)
		bare_loop_step(&run->loop, -1);
	bench_end(&run->bench);
	run->bench.requests = 1;
	lines = run->bench.items;
	run->bench.bytes -= lines * (strlen(before) + strlen(after));
	if (run->summing)
		printf("{\"sum\":\"%016llx\"}\n", (unsigned long long)run->sum);
	return bench_print(&run->bench);
}

static void settle(struct run *run)
{
	uint64_t until = bench_now() + BENCH_SETTLE_MS * 1000000ull;

	while (bench_now() < until)
		bare_loop_step(&run->loop, BENCH_SETTLE_MS);
}

static int watch_many(struct run *run)
{
	struct bench_idle idle = { .program = "bare" };
	char namespace[BENCH_PATH_MAX];

	for (unsigned i = 0; i < run->options.watches; i++) {
		bench_idle_namespace(namespace, &run->options, i);
		begin(run, i, namespace);
		while ((!i && !run->opened) || i + 1 - run->opened > run->options.at_once)
			bare_loop_step(&run->loop, -1);
		if (i)
			continue;
		settle(run);
		idle.rss_one_kb = bench_rss_kb();
	}
	while (run->opened < run->options.watches)
		bare_loop_step(&run->loop, -1);
	settle(run);
	bench_idle_open(&idle, &run->options);
	run->bench.items = 0;
	while (run->bench.items < run->options.count)
		bare_loop_step(&run->loop, -1);
	bench_idle_end(&idle, &run->options);
	return run->bench.failed ? 1 : 0;
}

static void prepare(struct run *run)
{
	struct bench_options *o = &run->options;
	unsigned per = o->http == 20 ? o->per : 1;

	bare_loop_init(&run->loop, (o->watches + per - 1) / per, finish);
	curl_multi_setopt(run->loop.multi, CURLMOPT_MAX_CONCURRENT_STREAMS, (long)per);
	run->headers = bare_headers(o);
	run->streams = calloc(o->watches, sizeof(*run->streams));
	if (!run->streams)
		abort();
	run->sum = BENCH_SUM_START;
}

int main(int argc, char **argv)
{
	struct run run = { .opened = 0 };
	int rc;

	if (argc < 2 || (strcmp(argv[1], "watch") && strcmp(argv[1], "sum") &&
			 strcmp(argv[1], "idle"))) {
		fprintf(stderr, "usage: bare_watch watch|sum|idle --url URL ...\n");
		return 2;
	}
	bench_options(&run.options, argc - 1, argv + 1);
	run.summing = !strcmp(argv[1], "sum");
	curl_global_init(CURL_GLOBAL_DEFAULT);
	prepare(&run);
	rc = strcmp(argv[1], "idle") ? watch_one(&run, argv[1]) : watch_many(&run);
	for (unsigned i = 0; i < run.options.watches; i++) {
		curl_multi_remove_handle(run.loop.multi, run.streams[i].easy);
		curl_easy_cleanup(run.streams[i].easy);
	}
	bare_loop_free(&run.loop);
	curl_slist_free_all(run.headers);
	free(run.streams);
	free(run.line);
	bench_options_free(&run.options);
	curl_global_cleanup();
	return rc;
}
