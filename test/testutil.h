/*
 * What the test programs share: a client of a fake API server, the two ways to
 * drive a loop, what a callback saw, and the process's descriptors.
 */
#ifndef TESTUTIL_H
#define TESTUTIL_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <kubeshim/kubeshim.h>

#include "faults/fakeapi.h"
#include "secrets.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define HANG_MS 60000 /* a wait that takes longer is a failure */

/* kshim_loop_run(), or poll(2) over kshim_loop_fd() and kshim_loop_process(). */
enum drive { ALONE, INSIDE };

struct variant {
	enum drive drive;
	kshim_http http;
};

/* For struct CMUnitTest: a test in every variant, over both protocols, in both
 * loops. Its state is a const struct variant. */
extern const struct variant variants[4];
#define VARIANT(test, name, index) {#test name, test, NULL, NULL, (void *)(uintptr_t)&variants[index]}
#define ALL_VARIANTS(test)                                                                                             \
	VARIANT(test, " (alone, h1)", 0), VARIANT(test, " (alone, h2)", 1), VARIANT(test, " (inside, h1)", 2),         \
		VARIANT(test, " (inside, h2)", 3)
#define BOTH_HTTP(test) VARIANT(test, " (h1)", 0), VARIANT(test, " (h2)", 1)
#define BOTH_DRIVES(test) VARIANT(test, " (alone)", 0), VARIANT(test, " (inside)", 2)
#define ONLY_H1(test) VARIANT(test, " (h1)", 0)
#define ONLY_H2(test) VARIANT(test, " (h2)", 1)

/* Until nothing is under way. */
void drive(kshim_loop *loop, enum drive how);
/* Until met() says so; it is asked again and again, at least every few ms. */
typedef bool met_fn(void *user);
void drive_until(kshim_loop *loop, enum drive how, met_fn *met, void *user);

/* A server, and a client of it. */
struct rig {
	struct fakeapi *api;
	kshim_loop *loop;
	kshim_client *client;
	kshim_query *pods; /* of the namespace "ns" */
	enum drive how;
	kshim_http http;
	int fds; /* open before anything was */
};

void rig_start(struct rig *rig, void **state, const struct fakeapi_route *routes, size_t count);
/* The same for more than routes; `cluster` and `user` are members of the
 * kubeconfig's cluster and user, as JSON without braces, or NULL. */
void rig_start_with(struct rig *rig, void **state, const struct fakeapi_options *options, const char *cluster,
		    const char *user);
/* Frees what there is, and finds no descriptor left. */
void rig_stop(struct rig *rig);
void rig_drive(struct rig *rig);
void rig_until(struct rig *rig, met_fn *met, void *user);
/* Until the server has read so many requests, or accepted so many connections. */
void rig_until_requests(struct rig *rig, size_t count);
void rig_until_connections(struct rig *rig, unsigned count);

/* Text that a user may see: fails if a secret is in it. NULL is none. */
void shown(const char *text);
/* The form of a secret that is in a text, or NULL. */
const char *secret_in(const char *text);
/* Hooks that look at all that a client tells; a rig's client has them. */
void watch_client(kshim_client *client);

/* The kubeconfig of a server; its CA stands in it unless `cluster` says
 * otherwise. */
kshim_config *config_of(const struct fakeapi *api, const char *cluster, const char *user);
/* The certificate-authority-data of `ca`, for config_of(); to free(3). */
char *base64_member(const char *key, const char *text);

/* What a call's callback saw. `user` of a call is a struct seen. */
struct seen {
	unsigned done;
	unsigned items;
	bool early; /* the callback ran before the function that wants it returned */
	bool returned;
	bool has_error;
	kshim_code code;
	int status;
	int curl_code;
	int retryable;
	int64_t retry_after;
	int found;
	int consistent;
	size_t item_count;
	bool has_client;
	bool has_object;
	char message[1024];
	char reason[64];
	char names[512]; /* of the items, each behind a space */
	char object[64]; /* the result's object's name */
	char body[512];
	size_t body_len;
	char content_type[64];
	char version[32];
	char token[64];
	char warnings[256];

	/* run inside the callbacks, if set */
	void (*on_item)(struct seen *seen, kshim_object *item);
	void (*on_done)(struct seen *seen, kshim_result *result);
	struct rig *rig;
	kshim_call *call;
	struct seen *other;
	void *data;
};

void seen_done(kshim_result *result, void *user);
void seen_item(kshim_object *item, void *user);
/* Stores the handle and notes that the function has returned. */
kshim_call *started(struct seen *seen, kshim_call *call);

/* Starts a list of pods, or a get of one, and drives until it is over. */
void list_pods(struct rig *rig, struct seen *seen);
void get_pod(struct rig *rig, const char *name, struct seen *seen);
/* Starts to create the Pod "a". */
kshim_call *start_to_create_pod(struct rig *rig, struct seen *seen);
/* Reads the Pod "a" from a rig of its own that has this answer, and how many requests it took. */
void get_one_answer(void **state, const struct fakeapi_answer *answer, struct seen *seen, size_t requests);

/* The server learns what became of a request a moment after the client. */
void assert_fate(const struct fakeapi *api, size_t i, enum fakeapi_fate fate);
void assert_open_connections(const struct fakeapi *api, unsigned count);

#define assert_ok(seen)                                                                                                \
	do {                                                                                                           \
		if ((seen)->done != 1 || (seen)->has_error)                                                            \
			print_error("callbacks: %u, error: %s\n", (seen)->done, (seen)->message);                      \
		assert_int_equal((seen)->done, 1);                                                                     \
		assert_false((seen)->has_error);                                                                       \
		assert_false((seen)->early);                                                                           \
	} while (0)
#define assert_failed(seen, expected)                                                                                  \
	do {                                                                                                           \
		if ((seen)->done != 1 || (seen)->code != (expected))                                                   \
			print_error("callbacks: %u, code %d: %s\n", (seen)->done, (int)(seen)->code, (seen)->message); \
		assert_int_equal((seen)->done, 1);                                                                     \
		assert_int_equal((seen)->code, (expected));                                                            \
		assert_false((seen)->early);                                                                           \
	} while (0)
#define assert_contains(text, part)                                                                                    \
	do {                                                                                                           \
		if (!strstr((text), (part)))                                                                           \
			print_error("\"%s\" does not hold \"%s\"\n", (text), (part));                                  \
		assert_non_null(strstr((text), (part)));                                                               \
	} while (0)

/* {"kind":"PodList",…} of pods named pod-0, pod-1, …, each with `padding` bytes
 * more; to free(3). */
char *pod_list(size_t count, size_t padding, const char *continue_token);
#define POD(name) "{\"kind\":\"Pod\",\"apiVersion\":\"v1\",\"metadata\":{\"name\":\"" name "\",\"namespace\":\"ns\"," \
		  "\"uid\":\"u-1\",\"resourceVersion\":\"7\"}}"
#define LIST_PATH "/api/v1/namespaces/ns/pods"

/* How many descriptors the process has; the first without FD_CLOEXEC behind
 * stderr, or -1. */
int open_fds(void);
int fd_without_cloexec(void);

/* Waits for the descriptors to be as many as before: what a child or a thread
 * closes is closed a moment later. */
void assert_fds(int before);

/* 1, or how much longer things may take under valgrind or a sanitizer. */
int slowness(void);
#define MISSED_MS (250 * slowness()) /* that a request is to miss */

/* For main(): an environment without proxies, a limit for a program that hangs,
 * and KSHIM_TEST to run some tests only. */
void test_begin(void);

#endif
