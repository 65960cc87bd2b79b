/*
 * kubeshim on the terms of the programs in peers/: name, phase and resourceVersion of each Pod are read and
 * summed up. `b_peer list|get|churn|watch|cache`, --count gets one after another, ConfigMaps created and deleted one
 * after another, or events of one watch.
 */
#include "b_client.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <curl/curl.h>

struct run {
	struct bench bench;
	struct bench_options options;
	kshim_loop *loop;
	kshim_client *client;
	kshim_query *pods;
	unsigned asked;
	uint64_t sum;
	long rss_kb;
};

static void saw(struct run *run, kshim_object *pod)
{
	const char *name = kshim_object_name(pod), *phase = kshim_object_get_string(pod, "/status/phase"),
		   *version = kshim_object_resource_version(pod);

	if (!name || !phase || !version) {
		fprintf(stderr, "b_peer: not what was sent\n");
		exit(1);
	}
	run->bench.items++;
	run->bench.bytes += strlen(name) + strlen(phase);
	run->sum += strtoull(version, NULL, 10);
}

static void on_listed(kshim_object *pod, void *user)
{
	saw(user, pod);
}

static void on_done(kshim_result *result, void *user)
{
	struct run *run = user;

	if (kshim_error_code(kshim_result_error(result)) != KSHIM_ECANCELED)
		b_count(&run->bench, result);
}

static void get_next(struct run *run);

static void on_got(kshim_result *result, void *user)
{
	struct run *run = user;

	b_count(&run->bench, result);
	if (!kshim_result_error(result))
		saw(run, kshim_result_object(result));
	get_next(run);
}

static void get_next(struct run *run)
{
	char path[BENCH_PATH_MAX];

	if (run->asked >= run->options.count)
		return;
	bench_pod_path(path, &run->options, run->asked++);
	kshim_query_get_by_name(run->pods, strrchr(path, '/') + 1, on_got, run);
}

static void churn_next(struct run *run);

static void on_deleted(kshim_result *result, void *user)
{
	struct run *run = user;

	b_count(&run->bench, result);
	churn_next(run);
}

static void on_created(kshim_result *result, void *user)
{
	kshim_object *map = kshim_result_object(result);
	const char *name = kshim_object_name(map), *value = kshim_object_get_string(map, "/data/key");
	struct run *run = user;

	b_count(&run->bench, result);
	if (!name || !value) {
		fprintf(stderr, "b_peer: not what was created\n");
		exit(1);
	}
	run->bench.items++;
	run->bench.bytes += strlen(name) + strlen(value);
	run->sum += strtoull(strrchr(name, '-') + 1, NULL, 10);
	kshim_object_delete(map, NULL, on_deleted, run);
}

static void churn_next(struct run *run)
{
	char body[BENCH_BODY_MAX];
	kshim_object *map;
	int len;

	if (run->asked >= run->options.count)
		return;
	len = bench_configmap_body(body, &run->options, run->asked++);
	map = kshim_object_from_text(run->client, body, (size_t)len);
	kshim_object_create(map, NULL, on_created, run);
	kshim_object_unref(map);
}

static void on_event(kshim_watch *watch, kshim_event event, kshim_object *pod, void *user)
{
	struct run *run = user;

	if (event == KSHIM_EVENT_LATE) {
		fprintf(stderr, "b_peer: late: %s\n", kshim_error_message(kshim_watch_error(watch)));
		run->bench.failed++;
	}
	if (event > KSHIM_EVENT_DELETED)
		return;
	saw(run, pod);
	if (run->bench.items == run->options.count)
		kshim_watch_stop(watch);
}

static void watch(struct run *run)
{
	kshim_options *options = kshim_options_new();

	if (run->options.since)
		kshim_query_set_resource_version(run->pods, run->options.since, KSHIM_MATCH_UNSET);
	kshim_options_set_watch_from(options, KSHIM_WATCH_FROM_NOW);
	kshim_options_set_watch_seconds(options, 3600);
	if (!kshim_query_watch(run->pods, options, on_event, on_done, run))
		exit(1);
	kshim_options_free(options);
	kshim_loop_run(run->loop);
}

static void on_change(kshim_cache *cache, kshim_change change, kshim_object *object, kshim_object *before, void *user)
{
	struct run *run = user;

	(void)object;
	(void)before;
	if (change == KSHIM_CHANGE_ENDED) {
		fprintf(stderr, "b_peer: %s\n", kshim_error_message(kshim_cache_error(cache)));
		exit(1);
	}
	if (change == KSHIM_CHANGE_SYNCED)
		kshim_loop_stop(run->loop);
}

static void on_cached(kshim_object *pod, void *user)
{
	saw(user, pod);
}

static void cache(struct run *run)
{
	kshim_cache *cache = kshim_cache_new(run->pods);

	if (!cache || !kshim_cache_listen(cache, NULL, NULL, on_change, run))
		exit(1);
	kshim_loop_run(run->loop);
	run->rss_kb = bench_rss_kb();
	kshim_cache_walk(cache, NULL, NULL, on_cached, run);
	kshim_cache_free(cache);
}

static void go(struct run *run, const char *scenario)
{
	run->pods = kshim_query_new(run->client, KSHIM_POD, run->options.namespace);
	bench_begin(&run->bench, &run->options, "kubeshim", scenario);
	if (!strcmp(scenario, "cache")) {
		cache(run);
	} else if (!strcmp(scenario, "watch")) {
		watch(run);
	} else {
		if (!strcmp(scenario, "get"))
			get_next(run);
		else if (!strcmp(scenario, "churn"))
			churn_next(run);
		else
			kshim_query_list(run->pods, on_listed, on_done, run);
		kshim_loop_run(run->loop);
	}
	bench_end(&run->bench);
}

int main(int argc, char **argv)
{
	struct run run = {.rss_kb = 0};

	if (argc < 2) {
		fprintf(stderr, "usage: b_peer list|get|churn|watch|cache --url URL ...\n");
		return 2;
	}
	bench_options(&run.options, argc - 1, argv + 1);
	run.loop = kshim_loop_new();
	run.client = b_client_new(run.loop, &run.options);
	go(&run, argv[1]);
	printf("{\"program\":\"kubeshim\",\"scenario\":\"%s\",\"version\":\"%s, libcurl %s\",\"items\":%llu,\"bytes\":%llu,\"sum\":%llu,"
	       "\"cpu_us\":%llu,\"wall_ns\":%llu,\"answered_ns\":%llu,\"rss_start_kb\":%ld,\"rss_kb\":%ld,\"hwm_kb\":%ld}\n",
	       argv[1], kshim_version(), curl_version_info(CURLVERSION_NOW)->version, (unsigned long long)run.bench.items,
	       (unsigned long long)run.bench.bytes, (unsigned long long)run.sum,
	       (unsigned long long)(run.bench.user_us + run.bench.sys_us), (unsigned long long)run.bench.wall_ns,
	       (unsigned long long)(run.bench.begin_ns + run.bench.wall_ns), run.bench.rss_start_kb,
	       run.rss_kb ? run.rss_kb : bench_rss_kb(), run.bench.hwm_kb);
	kshim_query_free(run.pods);
	kshim_client_free(run.client);
	kshim_loop_free(run.loop);
	bench_options_free(&run.options);
	return run.bench.failed ? 1 : 0;
}
