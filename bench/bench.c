#include "bench.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <curl/curl.h>

/* As many as replay has names for. */
#define PODS 5000

static void usage(const char *program)
{
	fprintf(stderr, "usage: %s --url URL [--ca FILE] [--http 1|2] [--path PATH] [--count N]\n"
		"	[--inflight N] [--connections N] [--watches N] [--at-once N] [--per N]\n"
		"	[--namespace NAME] [--since VERSION] [--token-file FILE]\n", program);
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
		{ "watches", required_argument, NULL, 'w' },
		{ "at-once", required_argument, NULL, 'o' },
		{ "per", required_argument, NULL, 'P' },
		{ "namespace", required_argument, NULL, 'N' },
		{ "since", required_argument, NULL, 's' },
		{ "token-file", required_argument, NULL, 't' },
		{ NULL, 0, NULL, 0 },
	};
	char *token;
	int c;

	*o = (struct bench_options){
		.ca_file = "", .path = "/api/v1/pods", .http = 11, .count = 1, .inflight = 1,
		.connections = 10, .watches = 1, .at_once = UINT32_MAX, .per = 25, .namespace = "default",
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
		case 'w':
			o->watches = (unsigned)strtoul(optarg, NULL, 10);
			break;
		case 'o':
			o->at_once = (unsigned)strtoul(optarg, NULL, 10);
			break;
		case 'P':
			o->per = (unsigned)strtoul(optarg, NULL, 10);
			break;
		case 'N':
			o->namespace = optarg;
			break;
		case 's':
			o->since = optarg;
			break;
		case 't':
			o->token_file = optarg;
			break;
		default:
			usage(argv[0]);
		}
	}
	if (!o->url || !o->count || !o->inflight || !o->connections || !o->watches || !o->per || optind != argc)
		usage(argv[0]);
	if (*o->ca_file)
		o->ca_pem = read_file(o->ca_file);
	if (o->token_file) {
		token = read_file(o->token_file);
		snprintf(o->token, sizeof(o->token), "%.*s", (int)strcspn(token, "\n"), token);
		free(token);
	}
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

uint64_t bench_cpu_us(void)
{
	struct rusage ru;

	getrusage(RUSAGE_SELF, &ru);
	return micros(&ru.ru_utime) + micros(&ru.ru_stime);
}

long bench_rss_kb(void)
{
	return status_kb("VmRSS");
}

unsigned bench_connections(void)
{
	struct sockaddr_storage name;
	unsigned count = 0;
	socklen_t len;

	for (long fd = sysconf(_SC_OPEN_MAX); fd-- > 0;) {
		len = sizeof(name);
		if (!getpeername((int)fd, (struct sockaddr *)&name, &len) &&
		    (name.ss_family == AF_INET || name.ss_family == AF_INET6))
			count++;
	}
	return count;
}

uint64_t bench_sum(uint64_t sum, const char *bytes, size_t len)
{
	while (len--)
		sum = (sum ^ (unsigned char)*bytes++) * 1099511628211u;
	return sum;
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

void bench_idle_open(struct bench_idle *idle, const struct bench_options *o)
{
	uint64_t cpu = bench_cpu_us();
	long rss = bench_rss_kb();

	printf("{\"program\":\"%s\",\"scenario\":\"idle\",\"http\":%d,\"watches\":%u,\"per\":%u,"
	       "\"connections\":%u,\"open_us\":%llu,\"rss_kb\":%ld,\"each_kb\":%.2f}\n", idle->program,
	       o->http, o->watches, o->per, bench_connections(),
	       (unsigned long long)cpu, rss,
	       o->watches > 1 ? (double)(rss - idle->rss_one_kb) / (o->watches - 1) : 0);
	fflush(stdout);
	idle->cpu_us = bench_cpu_us();
}

void bench_idle_end(const struct bench_idle *idle, const struct bench_options *o)
{
	uint64_t cpu = bench_cpu_us() - idle->cpu_us;

	printf("{\"events\":%u,\"event_us\":%.2f}\n", o->count, (double)cpu / o->count);
	fflush(stdout);
}

void bench_idle_namespace(char buf[BENCH_PATH_MAX], const struct bench_options *o, unsigned i)
{
	if (i)
		snprintf(buf, BENCH_PATH_MAX, "idle-%u", i);
	else
		snprintf(buf, BENCH_PATH_MAX, "%s", o->namespace);
}

void bench_pod_path(char buf[BENCH_PATH_MAX], const struct bench_options *o, unsigned i)
{
	snprintf(buf, BENCH_PATH_MAX, "/api/v1/namespaces/%s/pods/web-7d4b9c6f5-%07u", o->namespace, i % PODS);
}

void bench_configmaps_path(char buf[BENCH_PATH_MAX], const struct bench_options *o)
{
	snprintf(buf, BENCH_PATH_MAX, "/api/v1/namespaces/%s/configmaps", o->namespace);
}

void bench_configmap_path(char buf[BENCH_PATH_MAX], const struct bench_options *o, unsigned i)
{
	snprintf(buf, BENCH_PATH_MAX, "/api/v1/namespaces/%s/configmaps/bench-%u", o->namespace, i);
}

int bench_configmap_body(char buf[BENCH_BODY_MAX], const struct bench_options *o, unsigned i)
{
	return snprintf(buf, BENCH_BODY_MAX,
			"{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":"
			"{\"name\":\"bench-%u\",\"namespace\":\"%s\",\"labels\":"
			"{\"app\":\"bench\"}},\"data\":{\"key\":\"value %u\"}}", i, o->namespace, i);
}
