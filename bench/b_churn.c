/* ConfigMaps created and deleted, a number of them in flight. */
#include "b_client.h"

#include <stdio.h>
#include <string.h>

struct run {
	struct bench bench;
	struct bench_options options;
	kshim_client *client;
	unsigned next;
};

static void go_on(struct run *run);

static void on_deleted(kshim_result *result, void *user)
{
	struct run *run = user;

	b_count(&run->bench, result);
	go_on(run);
}

static void on_created(kshim_result *result, void *user)
{
	struct run *run = user;

	b_count(&run->bench, result);
	if (!kshim_result_error(result))
		kshim_object_delete(kshim_result_object(result), NULL, on_deleted, run);
}

static void go_on(struct run *run)
{
	char body[BENCH_BODY_MAX];
	kshim_object *map;
	int len;

	if (run->next >= run->options.count)
		return;
	len = bench_configmap_body(body, &run->options, run->next++);
	map = kshim_object_from_text(run->client, body, (size_t)len);
	kshim_object_create(map, NULL, on_created, run);
	kshim_object_unref(map);
}

int main(int argc, char **argv)
{
	struct run run = {.next = 0};
	kshim_loop *loop;
	int rc;

	bench_options(&run.options, argc - 1, argv + 1);
	loop = kshim_loop_new();
	run.client = b_client_new(loop, &run.options);
	bench_begin(&run.bench, &run.options, "kubeshim", "churn");
	for (unsigned i = 0; i < run.options.inflight; i++)
		go_on(&run);
	kshim_loop_run(loop);
	bench_end(&run.bench);
	rc = bench_print(&run.bench);
	kshim_client_free(run.client);
	kshim_loop_free(loop);
	bench_options_free(&run.options);
	return rc;
}
