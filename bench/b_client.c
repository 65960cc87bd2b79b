#include "b_client.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void indent(FILE *to, const char *pem)
{
	for (; *pem; pem++) {
		fputc(*pem, to);
		if (*pem == '\n' && pem[1])
			fputs("      ", to);
	}
}

static kshim_config *config_of(const struct bench_options *options)
{
	char *text = NULL;
	size_t len = 0;
	FILE *to = open_memstream(&text, &len);
	kshim_error *error = NULL;
	kshim_config *config;

	fprintf(to, "apiVersion: v1\nkind: Config\ncurrent-context: bench\n"
		    "contexts: [{name: bench, context: {cluster: bench, user: bench}}]\n"
		    "users: [{name: bench, user: {}}]\nclusters:\n- name: bench\n  cluster:\n    server: %s\n",
		options->url);
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
	kshim_error *error = NULL;
	kshim_client *client = kshim_client_open(loop, config_of(options), &error);

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
