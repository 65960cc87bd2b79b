/*
 * Memory of a cache of all Pods: RSS once it is synced, and the peak until then. The
 * first cache is measured from before the first request on, so that connections and
 * libraries are in it; a second one of the same Pods beside it, which shares nothing
 * with the first but those, is what a Pod costs.
 */
#include "b_client.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct run {
	kshim_loop *loop;
	bool synced;
};

/* A line of /proc/self/status, in KB of 1024 bytes. */
static long status_kb(const char *name)
{
	FILE *file = fopen("/proc/self/status", "r");
	char line[256];
	long kb = 0;

	while (file && fgets(line, sizeof(line), file))
		if (strncmp(line, name, strlen(name)) == 0)
			kb = strtol(line + strlen(name), NULL, 10);
	if (file)
		fclose(file);
	return kb;
}

static void on_change(kshim_cache *cache, kshim_change change, kshim_object *object, kshim_object *before, void *user)
{
	struct run *run = user;

	(void)object;
	(void)before;
	if (change == KSHIM_CHANGE_ENDED) {
		fprintf(stderr, "b_cache: %s\n", kshim_error_message(kshim_cache_error(cache)));
		exit(1);
	}
	run->synced = run->synced || change == KSHIM_CHANGE_SYNCED;
}

/* Until it is synced and its watch is open. */
static kshim_cache *fill(struct run *run, kshim_query *query)
{
	kshim_cache *cache = kshim_cache_new(query);

	run->synced = false;
	if (!cache || !kshim_cache_listen(cache, NULL, NULL, on_change, run))
		exit(1);
	while (!run->synced || !kshim_watch_count(kshim_cache_watch(cache), KSHIM_WATCH_STREAMS))
		b_pass(run->loop, &(struct b_passes){0, 0});
	return cache;
}

int main(int argc, char **argv)
{
	struct bench_options options;
	kshim_cache *first, *second;
	kshim_client *client;
	kshim_query *query;
	struct run run;
	long start, base, after;
	double count;

	bench_options(&options, argc - 1, argv + 1);
	run.loop = kshim_loop_new();
	client = b_client_new(run.loop, &options);
	query = kshim_query_new(client, KSHIM_POD, KSHIM_ALL_NAMESPACES);
	start = status_kb("VmRSS:");
	first = fill(&run, query);
	base = status_kb("VmRSS:");
	second = fill(&run, query);
	after = status_kb("VmRSS:");
	count = (double)kshim_cache_count(second);
	printf("{\"program\":\"kubeshim\",\"scenario\":\"cache\",\"items\":%.0f,\"start_kb\":%ld,\"first_kb\":%ld,\"rss_kb\":%ld,"
	       "\"hwm_kb\":%ld,\"first_each_kb\":%.3f,\"each_kb\":%.3f,\"peak_each_kb\":%.3f}\n", count, start, base, after,
	       status_kb("VmHWM:"), (double)(base - start) / count, (double)(after - base) / count,
	       (double)(status_kb("VmHWM:") - base) / count);
	kshim_cache_free(second);
	kshim_cache_free(first);
	kshim_query_free(query);
	kshim_client_free(client);
	kshim_loop_free(run.loop);
	bench_options_free(&options);
	return 0;
}
