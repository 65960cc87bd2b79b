/*
 * What the live tests share: a loop and a client for each identity, calls that
 * are waited for, and what they brought. Their programs run in the root of the
 * source; an argument is a filter of their tests ("deployment*").
 */
#ifndef LIVE_H
#define LIVE_H

#include <kubeshim/kubeshim.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* How many requests a client remembers the paths of. */
#define LIVE_PATHS 256

/* A client and what its requests were. */
struct live {
	kshim_loop *loop;
	bool own_loop;
	kshim_client *client;
	char namespace_[64]; /* of this run; "" until live_make_namespace() */
	unsigned requests; /* but those of watches */
	unsigned connections; /* that were opened for them */
	char paths[LIVE_PATHS][300]; /* "GET /api…", of the first requests */
	bool wrong_http; /* a request went over another version than live_http */
	unsigned warnings;
	char warning[300]; /* the last one */
};

/* The one that a program tests with. */
extern struct live *server;

/* What a call brought. */
struct answer {
	unsigned calls; /* of the callback: 1 in the end */
	kshim_code code;
	int status;
	kshim_error *error;
	kshim_object *object;
	const kshim_kind *kind;
	int found;
	size_t count;
	char *version, *next, *body, *content_type;
	size_t len;
	int consistent;
};

/* "1.1" or "2": what live_open() asks for and every request has to show. */
extern const char *live_http;

/* A name that no other run, and neither HTTP version, has: letters and digits. */
const char *live_run(void);

/* What a main() returns: the tests over HTTP/1.1, then over HTTP/2; an argument is a
 * filter of their names. Without KUBECONFIG that is said aloud, and no failure. */
int live_run_tests(int argc, char **argv, const char *name, const struct CMUnitTest *tests, size_t count,
		   CMFixtureFunction set_up, CMFixtureFunction tear_down);

/* KUBECONFIG; NULL, said aloud, when it is not set. */
const char *live_kubeconfig(void);

/* Of a context of KUBECONFIG; with loop NULL it gets a loop of its own. Fails
 * the test if it cannot be made. */
struct live *live_open(const char *context, kshim_loop *loop);
/* The same, but the server is at 127.0.0.1 and this port. */
struct live *live_open_at(const char *context, kshim_loop *loop, unsigned port);
void live_close(struct live *live);

/* Whether kube-controller-manager is at work: without it finalizers stay and
 * dependents too. Says aloud, once, when it is not. */
bool live_has_controllers(struct live *live);

/* The minor version of the server: 24 for v1.24.17. */
unsigned live_minor(struct live *live);

/* Makes a namespace of this run's own, ready for Pods; removes it. */
void live_make_namespace(struct live *live);
void live_remove_namespace(struct live *live);

/* For live_run_tests(), or to begin and end one's own with: `server`, the admin's,
 * with a namespace. */
int live_set_up(void **state);
int live_tear_down(void **state);

/* The callback that fills a struct answer in, and the wait for it: the loop runs
 * until nothing is under way. */
void live_done(kshim_result *result, void *user);
void live_wait(struct live *live, kshim_call *call, struct answer *answer, const char *file, int line);
void live_clear(struct answer *answer);

/* ASK(live, &got, kshim_query_list(q, NULL, live_done, &got)) */
#define ASK(live, answer, call) (live_clear(answer), live_wait(live, call, answer, __FILE__, __LINE__))

/* The answer's code, with the server's words where it is another. */
void live_expect(const struct answer *answer, kshim_code code, const char *what, const char *file, int line);
#define EXPECT(answer, code) live_expect(answer, code, #code, __FILE__, __LINE__)

/* A raw GET. */
json_t *live_get(struct live *live, const char *path);

/* Lets the loop run for a while, as a pause between two looks. */
void live_pause(struct live *live, unsigned ms);

/* true until the patience for a change is used up. Its message tells on what. */
bool live_again(struct live *live, unsigned *tries, const char *what);

/* Forgets what was counted. */
void live_reset(struct live *live);
/* true if a request began with it ("GET /apis"). */
bool live_asked(const struct live *live, const char *begin);
/* true if one was just this. */
bool live_asked_for(const struct live *live, const char *request);

/* Applies the CRDs of test/cluster/dask-crds.yaml, and waits until they are
 * served; removes those that were not there before. */
void live_make_dask(struct live *live);
void live_remove_dask(struct live *live);

/* A file of test/data/live, or elsewhere under test/. */
kshim_manifest *live_manifest(const char *file);

#endif
