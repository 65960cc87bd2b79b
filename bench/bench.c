#include "bench.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <sys/resource.h>
#include <curl/curl.h>

/* As many as replay has names for. */
#define PODS 5000

static void usage(const char *program)
{
	fprintf(stderr, "usage: %s --url URL [--ca FILE] [--http 1|2] [--path PATH] [--count N]\n"
		"	[--inflight N] [--connections N]\n", program);
	exit(2);
}

static char *read_file(const char *path)
{
	FILE *f = fopen(path, "re");
	char *text = calloc(1, 65536);

	if (!f || !text || !fread(text, 1, 65535, f)) {
		perror(path);
		exit(2);
	}
	fclose(f);
	return text;
}

void bench_options(struct bench_options *o, int argc, char **argv)
{
	static const struct option known[] = {
		{ "url", required_argument, NULL, 'u' },
		{ "ca", required_argument, NULL, 'a' },
		{ "http", required_argument, NULL, 'h' },
		{ "path", required_argument, NULL, 'p' },
		{ "count", required_argument, NULL, 'n' },
		{ "inflight", required_argument, NULL, 'i' },
		{ "connections", required_argument, NULL, 'c' },
		{ NULL, 0, NULL, 0 },
	};
	int c;

	*o = (struct bench_options){
		.ca_file = "", .path = "/api/v1/pods", .http = 11, .count = 1, .inflight = 1,
		.connections = 10,
	};
	while ((c = getopt_long(argc, argv, "", known, NULL)) != -1) {
		switch (c) {
		case 'u':
			o->url = optarg;
			break;
		case 'a':
			o->ca_file = optarg;
			break;
		case 'h':
			o->http = !strcmp(optarg, "2") ? 20 : 11;
			break;
		case 'p':
			o->path = optarg;
			break;
		case 'n':
			o->count = (unsigned)strtoul(optarg, NULL, 10);
			break;
		case 'i':
			o->inflight = (unsigned)strtoul(optarg, NULL, 10);
			break;
		case 'c':
			o->connections = (unsigned)strtoul(optarg, NULL, 10);
			break;
		default:
			usage(argv[0]);
		}
	}
	if (!o->url || !o->count || !o->inflight || !o->connections || optind != argc)
		usage(argv[0]);
	if (*o->ca_file)
		o->ca_pem = read_file(o->ca_file);
}

void bench_options_free(struct bench_options *o)
{
	free(o->ca_pem);
	o->ca_pem = NULL;
}

uint64_t bench_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

static uint64_t micros(const struct timeval *tv)
{
	return (uint64_t)tv->tv_sec * 1000000 + (uint64_t)tv->tv_usec;
}

static long status_kb(const char *field)
{
	FILE *f = fopen("/proc/self/status", "re");
	size_t n = strlen(field);
	char line[256];
	long kb = -1;

	while (f && kb < 0 && fgets(line, sizeof(line), f))
		if (!strncmp(line, field, n) && line[n] == ':')
			kb = strtol(line + n + 1, NULL, 10);
	if (f)
		fclose(f);
	return kb;
}

void bench_begin(struct bench *b, const struct bench_options *o, const char *program,
		 const char *scenario)
{
	struct rusage ru;

	memset(b, 0, sizeof(*b));
	b->options = o;
	b->program = program;
	b->scenario = scenario;
	b->rss_start_kb = status_kb("VmRSS");
	getrusage(RUSAGE_SELF, &ru);
	b->user_us = micros(&ru.ru_utime);
	b->sys_us = micros(&ru.ru_stime);
	b->begin_ns = bench_now();
}

void bench_end(struct bench *b)
{
	struct rusage ru;

	b->wall_ns = bench_now() - b->begin_ns;
	getrusage(RUSAGE_SELF, &ru);
	b->user_us = micros(&ru.ru_utime) - b->user_us;
	b->sys_us = micros(&ru.ru_stime) - b->sys_us;
	b->hwm_kb = status_kb("VmHWM");
}

int bench_print(const struct bench *b)
{
	const struct bench_options *o = b->options;

	printf("{\"program\":\"%s\",\"scenario\":\"%s\",\"http\":%d,\"count\":%u,\"inflight\":%u,"
	       "\"max_connections\":%u,\"requests\":%llu,\"failed\":%llu,\"bytes\":%llu,"
	       "\"items\":%llu,\"connections\":%llu,\"cpu_us\":%llu,\"user_us\":%llu,"
	       "\"sys_us\":%llu,\"wall_ns\":%llu,\"begin_ns\":%llu,\"hwm_kb\":%ld,"
	       "\"rss_start_kb\":%ld,\"curl\":\"%s\"}\n",
	       b->program, b->scenario, o->http, o->count, o->inflight, o->connections,
	       (unsigned long long)b->requests, (unsigned long long)b->failed,
	       (unsigned long long)b->bytes, (unsigned long long)b->items,
	       (unsigned long long)b->connections,
	       (unsigned long long)(b->user_us + b->sys_us), (unsigned long long)b->user_us,
	       (unsigned long long)b->sys_us, (unsigned long long)b->wall_ns,
	       (unsigned long long)b->begin_ns, b->hwm_kb, b->rss_start_kb,
	       curl_version_info(CURLVERSION_NOW)->version);
	return b->failed || fflush(stdout) ? 1 : 0;
}

void bench_pod_path(char buf[BENCH_PATH_MAX], unsigned i)
{
	snprintf(buf, BENCH_PATH_MAX, "/api/v1/namespaces/default/pods/web-7d4b9c6f5-%07u",
		 i % PODS);
}

void bench_configmap_path(char buf[BENCH_PATH_MAX], unsigned i)
{
	snprintf(buf, BENCH_PATH_MAX, BENCH_CONFIGMAPS "/bench-%u", i);
}

int bench_configmap_body(char buf[BENCH_BODY_MAX], unsigned i)
{
	return snprintf(buf, BENCH_BODY_MAX,
			"{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":"
			"{\"name\":\"bench-%u\",\"namespace\":\"default\",\"labels\":"
			"{\"app\":\"bench\"}},\"data\":{\"key\":\"value %u\"}}", i, i);
}
