/*
 * A list of Pods, the name and the phase of each one touched.
 *
 * `b_list list …` measures as its peers do. `b_list passes …` drives the loop
 * from outside and prints the longest that one pass held the CPU instead.
 */
#include "b_client.h"

#include <stdio.h>
#include <string.h>

struct run {
	struct bench bench;
	uint64_t first_ns;
	bool done;
};

static void on_pod(kshim_object *pod, void *user)
{
	struct run *run = user;
	const char *name = kshim_object_name(pod), *phase = kshim_object_get_string(pod, "/status/phase");

	if (!run->first_ns)
		run->first_ns = bench_now();
	if (name && phase)
		run->bench.bytes += strlen(name) + strlen(phase);
	run->bench.items++;
}

static void on_done(kshim_result *result, void *user)
{
	struct run *run = user;

	b_count(&run->bench, result);
	run->done = true;
}

static void print_passes(kshim_loop *loop, struct run *run)
{
	struct b_passes passes = {0, 0};

	while (!run->done)
		b_pass(loop, &passes);
	printf("{\"program\":\"kubeshim\",\"scenario\":\"passes\",\"items\":%llu,\"passes\":%llu,\"longest_us\":%.1f}\n",
	       (unsigned long long)run->bench.items, (unsigned long long)passes.count, (double)passes.longest_ns / 1000);
}

int main(int argc, char **argv)
{
	bool passes = argc > 1 && strcmp(argv[1], "passes") == 0;
	struct run run = {.first_ns = 0};
	struct bench_options options;
	kshim_client *client;
	kshim_query *pods;
	kshim_loop *loop;
	int rc = 0;

	if (argc < 2 || (!passes && strcmp(argv[1], "list") != 0)) {
		fprintf(stderr, "usage: b_list list|passes --url URL ...\n");
		return 2;
	}
	bench_options(&options, argc - 1, argv + 1);
	loop = kshim_loop_new();
	client = b_client_new(loop, &options);
	pods = kshim_query_new(client, KSHIM_POD, KSHIM_ALL_NAMESPACES);
	bench_begin(&run.bench, &options, "kubeshim", "list");
	kshim_query_list(pods, on_pod, on_done, &run);
	if (passes) {
		print_passes(loop, &run);
	} else {
		kshim_loop_run(loop);
		bench_end(&run.bench);
		rc = bench_print(&run.bench);
		printf("first-callback %llu\n", (unsigned long long)run.first_ns);
	}
	kshim_query_free(pods);
	kshim_client_free(client);
	kshim_loop_free(loop);
	bench_options_free(&options);
	return rc;
}
