/*
 * bench: what every program of the bench shares, so that their numbers compare:
 * the options they take, the clocks they read, the line they print.
 */
#ifndef BENCH_H
#define BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BENCH_PATH_MAX 128
#define BENCH_BODY_MAX 256

struct bench_options {
	const char *url;		/* --url, without a slash at its end */
	const char *ca_file;		/* --ca; "" for http:// */
	char *ca_pem;			/* its content */
	const char *path;		/* --path, of a list */
	int http;			/* --http 1 or 2: 11 or 20 */
	unsigned count;			/* --count: requests of get, objects of churn */
	unsigned inflight;		/* --inflight */
	unsigned connections;		/* --connections, at most */
	unsigned watches;		/* --watches */
	unsigned at_once;		/* --at-once: of them asked for before one of them has its answer */
	unsigned per;			/* --per: of them on a connection of HTTP/2 */
	const char *namespace;		/* --namespace, of get, of ConfigMaps, of what is watched and something happens in */
	const char *since;		/* --since: a resourceVersion that a watch starts behind; or NULL */
	const char *token_file;		/* --token-file, of a server that wants one; or NULL */
	char token[256];
};

/* The counters belong to the program, the rest to bench_begin() and bench_end(). */
struct bench {
	const struct bench_options *options;
	const char *program, *scenario;
	uint64_t requests, failed, bytes, items, connections;

	uint64_t begin_ns, wall_ns;
	uint64_t user_us, sys_us;
	long rss_start_kb, hwm_kb;
};

/* Fills in defaults. Ends the program with a usage line if the arguments are wrong. */
void bench_options(struct bench_options *options, int argc, char **argv);
void bench_options_free(struct bench_options *options);

/* Just before the first request, all else being ready; just after the last answer. */
void bench_begin(struct bench *bench, const struct bench_options *options, const char *program,
		 const char *scenario);
void bench_end(struct bench *bench);

/* One line of JSON on stdout. Returns the program's exit code. */
int bench_print(const struct bench *bench);

uint64_t bench_now(void);		/* CLOCK_MONOTONIC, ns */
uint64_t bench_cpu_us(void);		/* of this process until now */
long bench_rss_kb(void);
unsigned bench_connections(void);	/* TCP connections of this process */

/* Of all bytes that came, in their order. */
#define BENCH_SUM_START 14695981039346656037u
uint64_t bench_sum(uint64_t sum, const char *bytes, size_t len);	/* FNV-1a */

/*
 * The scenario of idle watches: one in options->namespace, the others where nothing
 * happens. Prints a line of JSON when all are open, one when `count` events came.
 */
struct bench_idle {
	const char *program;
	long rss_one_kb;		/* when the first was open */
	uint64_t cpu_us;		/* when all were */
};
void bench_idle_open(struct bench_idle *idle, const struct bench_options *options);
void bench_idle_end(const struct bench_idle *idle, const struct bench_options *options);
#define BENCH_SETTLE_MS 100		/* from the last answer until memory is read */
void bench_idle_namespace(char buf[BENCH_PATH_MAX], const struct bench_options *options, unsigned i);

/* What get and churn ask for: the i-th of count. buf is for the caller to reuse. */
void bench_pod_path(char buf[BENCH_PATH_MAX], const struct bench_options *options, unsigned i);
void bench_configmaps_path(char buf[BENCH_PATH_MAX], const struct bench_options *options);
void bench_configmap_path(char buf[BENCH_PATH_MAX], const struct bench_options *options, unsigned i); /* its name is bench-i */
int bench_configmap_body(char buf[BENCH_BODY_MAX], const struct bench_options *options, unsigned i); /* its length */

#endif
