/* GETs of single Pods, a number of them in flight. */
#include "b_client.h"

#include <stdio.h>
#include <string.h>

struct run {
	struct bench bench;
	struct bench_options options;
	kshim_query *pods;
	unsigned next;
};

static void go_on(struct run *run);

static void on_pod(kshim_result *result, void *user)
{
	struct run *run = user;
	const char *name = kshim_object_name(kshim_result_object(result));

	b_count(&run->bench, result);
	if (name)
		run->bench.bytes += strlen(name);
	go_on(run);
}

static void go_on(struct run *run)
{
	char path[BENCH_PATH_MAX];

	if (run->next >= run->options.count)
		return;
	bench_pod_path(path, &run->options, run->next++);
	kshim_query_get_by_name(run->pods, strrchr(path, '/') + 1, on_pod, run);
}

int main(int argc, char **argv)
{
	struct run run = {.next = 0};
	kshim_client *client;
	kshim_loop *loop;
	int rc;

	bench_options(&run.options, argc - 1, argv + 1);
	loop = kshim_loop_new();
	client = b_client_new(loop, &run.options);
	run.pods = kshim_query_new(client, KSHIM_POD, "default");
	bench_begin(&run.bench, &run.options, "kubeshim", "get");
	for (unsigned i = 0; i < run.options.inflight; i++)
		go_on(&run);
	kshim_loop_run(loop);
	bench_end(&run.bench);
	rc = bench_print(&run.bench);
	kshim_query_free(run.pods);
	kshim_client_free(client);
	kshim_loop_free(loop);
	bench_options_free(&run.options);
	return rc;
}
