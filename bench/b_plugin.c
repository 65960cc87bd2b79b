/*
 * An exec plugin that takes its time, and GETs that wait for it.
 *
 * `b_plugin plugin …` and `b_plugin refused …` start all GETs at once, drive the
 * loop from outside and print the longest that one pass held the CPU, and how
 * often the plugin ran. `b_plugin run DIRECTORY …` is the plugin: it notes its
 * run, waits, and gives a token, or fails.
 */
#include "b_client.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TAKES_S 2
#define V1 "client.authentication.k8s.io/v1"

struct run {
	struct bench bench;
	struct bench_options options;
	bool refused;
	unsigned left;
	uint64_t first_ns, last_ns; /* answers */
};

static int be_plugin(const char *directory, bool gives)
{
	char path[256];
	int fd;

	snprintf(path, sizeof(path), "%s/run-XXXXXX", directory);
	fd = mkstemp(path);
	if (fd < 0)
		return 1;
	close(fd);
	sleep(TAKES_S);
	if (!gives)
		return 1;
	puts("{\"kind\":\"ExecCredential\",\"apiVersion\":\"" V1 "\",\"status\":{\"token\":\"bench\"}}");
	return 0;
}

/* How often it ran; cleans up. */
static unsigned count_runs(const char *directory)
{
	char command[300];
	unsigned runs = 0;
	FILE *from;

	snprintf(command, sizeof(command), "ls '%s' | wc -l; rm -r '%s'", directory, directory);
	from = popen(command, "re");
	if (!from || fscanf(from, "%u", &runs) != 1)
		runs = 0;
	if (from)
		pclose(from);
	return runs;
}

static void on_pod(kshim_result *result, void *user)
{
	struct run *run = user;
	bool failed = kshim_result_error(result) != NULL;

	run->left--;
	run->last_ns = bench_now();
	if (!run->first_ns)
		run->first_ns = run->last_ns;
	run->bench.requests++;
	if (failed == run->refused)
		return;
	run->bench.failed++;
	fprintf(stderr, "bench: %s\n", failed ? kshim_error_message(kshim_result_error(result)) : "not refused");
}

static kshim_client *new_client(kshim_loop *loop, const struct run *run, const char *directory)
{
	char self[256], user[1024];
	ssize_t len = readlink("/proc/self/exe", self, sizeof(self) - 1);

	if (len < 0) {
		perror("/proc/self/exe");
		exit(2);
	}
	self[len] = '\0';
	snprintf(user, sizeof(user),
		 "exec: {apiVersion: " V1 ", interactiveMode: Never, command: '%s', args: [run, '%s', '%s']}", self,
		 directory, run->refused ? "fails" : "gives");
	return b_client_new_as(loop, &run->options, user);
}

int main(int argc, char **argv)
{
	char directory[] = "/tmp/bench-plugin-XXXXXX", path[BENCH_PATH_MAX];
	struct b_passes passes = {0, 0};
	struct run run = {.left = 0};
	kshim_client *client;
	kshim_query *pods;
	kshim_loop *loop;
	unsigned i;

	if (argc == 4 && strcmp(argv[1], "run") == 0)
		return be_plugin(argv[2], strcmp(argv[3], "gives") == 0);
	if (argc < 2 || (strcmp(argv[1], "plugin") != 0 && strcmp(argv[1], "refused") != 0) || !mkdtemp(directory)) {
		fprintf(stderr, "usage: b_plugin plugin|refused --url URL ...\n");
		return 2;
	}
	run.refused = strcmp(argv[1], "refused") == 0;
	bench_options(&run.options, argc - 1, argv + 1);
	loop = kshim_loop_new();
	client = new_client(loop, &run, directory);
	pods = kshim_query_new(client, KSHIM_POD, "default");
	bench_begin(&run.bench, &run.options, "kubeshim", argv[1]);
	for (i = 0; i < run.options.count; i++) {
		bench_pod_path(path, &run.options, i);
		run.left += kshim_query_get_by_name(pods, strrchr(path, '/') + 1, on_pod, &run) != NULL;
	}
	while (run.left)
		b_pass(loop, &passes);
	bench_end(&run.bench);
	printf("{\"program\":\"kubeshim\",\"scenario\":\"%s\",\"http\":%d,\"requests\":%llu,\"failed\":%llu,"
	       "\"runs\":%u,\"passes\":%llu,\"longest_us\":%.1f,\"cpu_us\":%llu,\"wall_ns\":%llu,\"answers_ns\":%llu}\n",
	       argv[1], run.options.http, (unsigned long long)run.bench.requests, (unsigned long long)run.bench.failed,
	       count_runs(directory), (unsigned long long)passes.count, (double)passes.longest_ns / 1000,
	       (unsigned long long)(run.bench.user_us + run.bench.sys_us), (unsigned long long)run.bench.wall_ns,
	       (unsigned long long)(run.last_ns - run.first_ns));
	kshim_query_free(pods);
	kshim_client_free(client);
	kshim_loop_free(loop);
	bench_options_free(&run.options);
	return run.bench.failed || run.bench.requests != run.options.count || fflush(stdout) ? 1 : 0;
}
