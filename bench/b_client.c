#include "b_client.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static void indent(FILE *to, const char *pem)
{
	for (; *pem; pem++) {
		fputc(*pem, to);
		if (*pem == '\n' && pem[1])
			fputs("      ", to);
	}
}

static kshim_config *config_of(const struct bench_options *options, const char *user)
{
	char *text = NULL;
	size_t len = 0;
	FILE *to = open_memstream(&text, &len);
	kshim_error *error = NULL;
	kshim_config *config;

	fprintf(to, "apiVersion: v1\nkind: Config\ncurrent-context: bench\n"
		    "contexts: [{name: bench, context: {cluster: bench, user: bench}}]\n"
		    "users: [{name: bench, user: {%s}}]\nclusters:\n- name: bench\n  cluster:\n    server: %s\n",
		user, options->url);
	if (options->ca_pem) {
		fputs("    certificate-authority-data: |\n      ", to);
		indent(to, options->ca_pem);
	}
	fclose(to);
	config = kshim_config_from_text(text, len, &error);
	free(text);
	if (!config) {
		fprintf(stderr, "bench: %s\n", kshim_error_message(error));
		exit(2);
	}
	return config;
}

kshim_client *b_client_new(kshim_loop *loop, const struct bench_options *options)
{
	char user[300] = "";

	if (*options->token)
		snprintf(user, sizeof(user), "token: %s", options->token);
	return b_client_new_as(loop, options, user);
}

kshim_client *b_client_new_as(kshim_loop *loop, const struct bench_options *options, const char *user)
{
	kshim_error *error = NULL;
	kshim_client *client = kshim_client_open(loop, config_of(options, user), &error);

	if (!client) {
		fprintf(stderr, "bench: %s\n", kshim_error_message(error));
		exit(2);
	}
	kshim_client_set_http_version(client, options->http == 20 ? KSHIM_HTTP_2 : KSHIM_HTTP_1_1);
	kshim_client_set_max_connections(client, options->connections);
	kshim_client_set_timeout(client, 0);
	return client;
}

void b_count(struct bench *bench, const kshim_result *result)
{
	bench->requests++;
	if (!kshim_result_error(result))
		return;
	bench->failed++;
	fprintf(stderr, "bench: %s\n", kshim_error_message(kshim_result_error(result)));
}

static uint64_t cpu_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

void b_pass(kshim_loop *loop, struct b_passes *passes)
{
	struct pollfd fd = {.fd = kshim_loop_fd(loop), .events = POLLIN};
	uint64_t begin, took;

	poll(&fd, 1, -1);
	begin = cpu_ns();
	kshim_loop_process(loop);
	took = cpu_ns() - begin;
	passes->count++;
	if (took > passes->longest_ns)
		passes->longest_ns = took;
}
