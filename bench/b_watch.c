/*
 * Watches. `b_watch watch …`: --count events of one watch. `sum`: the same, with the
 * sum of the objects that came, not to be timed. `idle`: see bench.h.
 */
#include "b_client.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct run {
	struct bench bench;
	struct bench_options options;
	kshim_loop *loop;
	kshim_client *client;
	kshim_watch **watches;
	unsigned begun, open, ended;
	bool summing, idle;
	uint64_t sum;
};

static void on_event(kshim_watch *watch, kshim_event event, kshim_object *pod, void *user)
{
	struct run *run = user;
	const char *text;
	size_t len;

	if (event == KSHIM_EVENT_LATE && run->bench.failed++ == 0)
		fprintf(stderr, "b_watch: late: %s\n", kshim_error_message(kshim_watch_error(watch)));
	if (event > KSHIM_EVENT_DELETED)
		return;
	text = kshim_object_text(pod, &len);
	run->bench.bytes += len;
	if (run->summing)
		run->sum = bench_sum(run->sum, text, len);
	if (++run->bench.items < run->options.count)
		return;
	if (run->idle) {
		kshim_loop_stop(run->loop);
		return;
	}
	bench_end(&run->bench);
	run->bench.requests = kshim_watch_count(watch, KSHIM_WATCH_STREAMS);
	kshim_watch_stop(watch);
}

static void on_done(kshim_result *result, void *user)
{
	struct run *run = user;

	run->ended++;
	if (kshim_error_code(kshim_result_error(result)) != KSHIM_ECANCELED)
		b_count(&run->bench, result);
}

static void begin(struct run *run, unsigned i, const char *namespace)
{
	kshim_options *options = kshim_options_new();
	kshim_query *pods = kshim_query_new(run->client, KSHIM_POD, namespace);

	kshim_options_set_watch_from(options, KSHIM_WATCH_FROM_NOW);
	kshim_options_set_watch_seconds(options, 3600);
	run->watches[i] = kshim_query_watch(pods, options, on_event, on_done, run);
	if (!run->watches[i]) {
		fprintf(stderr, "b_watch: %s\n", kshim_error_message(kshim_client_error(run->client)));
		exit(1);
	}
	run->begun++;
	kshim_query_free(pods);
	kshim_options_free(options);
}

static int watch_one(struct run *run, const char *scenario)
{
	char namespace[64];
	int rc;

	snprintf(namespace, sizeof(namespace), "events-%u", run->options.count);
	bench_begin(&run->bench, &run->options, "kubeshim", scenario);
	begin(run, 0, namespace);
	kshim_loop_run(run->loop);
	if (run->summing)
		printf("{\"sum\":\"%016llx\"}\n", (unsigned long long)run->sum);
	rc = bench_print(&run->bench);
	return rc;
}

static void step(struct run *run, int ms)
{
	struct pollfd fd = {.fd = kshim_loop_fd(run->loop), .events = POLLIN};

	poll(&fd, 1, ms);
	kshim_loop_process(run->loop);
}

/* Until no more than so many of those that were begun, the last ones, are without a stream. */
static void wait_for_most(struct run *run, unsigned but)
{
	while (run->begun - run->open > but && !run->ended) {
		while (run->open < run->begun && kshim_watch_count(run->watches[run->open], KSHIM_WATCH_STREAMS))
			run->open++;
		if (run->begun - run->open > but)
			step(run, -1);
	}
}

/* Until all have one, and a bit longer. */
static void wait_for_all(struct run *run)
{
	uint64_t until;

	wait_for_most(run, 0);
	for (until = bench_now() + BENCH_SETTLE_MS * 1000000ull; bench_now() < until;)
		step(run, BENCH_SETTLE_MS);
}

static int watch_many(struct run *run)
{
	struct bench_idle idle = {.program = "kubeshim"};
	char namespace[BENCH_PATH_MAX];
	uint64_t failures = 0;
	unsigned i;

	run->idle = true;
	for (i = 0; i < run->options.watches; i++) {
		bench_idle_namespace(namespace, &run->options, i);
		begin(run, i, namespace);
		wait_for_most(run, run->options.at_once);
		if (i)
			continue;
		wait_for_all(run);
		idle.rss_one_kb = bench_rss_kb();
	}
	wait_for_all(run);
	for (i = 0; i < run->options.watches && !run->ended; i++)
		failures += kshim_watch_count(run->watches[i], KSHIM_WATCH_FAILURES);
	bench_idle_open(&idle, &run->options);
	run->bench.items = 0;
	kshim_loop_run(run->loop);
	bench_idle_end(&idle, &run->options);
	if (failures)
		fprintf(stderr, "b_watch: %llu attempts failed\n", (unsigned long long)failures);
	return run->bench.failed || run->ended || failures ? 1 : 0;
}

int main(int argc, char **argv)
{
	struct run run = {.sum = BENCH_SUM_START};
	int rc;

	if (argc < 2 || (strcmp(argv[1], "watch") && strcmp(argv[1], "sum") && strcmp(argv[1], "idle"))) {
		fprintf(stderr, "usage: b_watch watch|sum|idle --url URL ...\n");
		return 2;
	}
	bench_options(&run.options, argc - 1, argv + 1);
	run.summing = strcmp(argv[1], "sum") == 0;
	run.loop = kshim_loop_new();
	run.client = b_client_new(run.loop, &run.options);
	kshim_client_set_watch_connections(run.client, run.options.http == 20 ? KSHIM_HTTP_2 : KSHIM_HTTP_1_1,
					   run.options.per);
	if (strcmp(argv[1], "idle") == 0)
		kshim_client_set_http_version(run.client, KSHIM_HTTP_1_1); /* the lists, as it is by default */
	run.watches = calloc(run.options.watches, sizeof(*run.watches));
	if (!run.watches)
		abort();
	rc = strcmp(argv[1], "idle") ? watch_one(&run, argv[1]) : watch_many(&run);
	kshim_client_free(run.client);
	kshim_loop_free(run.loop);
	free(run.watches);
	bench_options_free(&run.options);
	return rc;
}
