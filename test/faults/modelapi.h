/*
 * modelapi: an API server that is alive, for soak tests of watches and caches.
 *
 * A fakeapi server in a child process that keeps ConfigMaps in three namespaces and
 * changes them at random, from a seed: creates, modifies, relabels, deletes, deletes
 * and creates again under the same name. It answers get, list (limit and continue,
 * labelSelector, resourceVersion and its match) and watch (from a version, or with
 * synthetic events first; sendInitialEvents; bookmarks; timeoutSeconds; labelSelector
 * with its transitions; fieldSelector for metadata.name and metadata.namespace) as
 * kube-apiserver does, under MODELAPI_PATH and MODELAPI_ALL_PATH. What is too old for
 * the history gets a 410, as the HTTP status or as an ERROR event. And it makes
 * mistakes: see enum modelapi_fault.
 *
 * Every change stands in a log that the test reads through shared memory, so that it
 * knows which events a watch must have seen. A run:
 *
 *	struct modelapi *model = modelapi_start(&(struct modelapi_options){
 *		.seed = seed, .faults = MODELAPI_ALL, .second_ms = 10 });
 *	... clients of modelapi_api(model), for some seconds ...
 *	modelapi_quiesce(model);
 *	... until each client has seen modelapi_version(model), or for a while ...
 *	for (i = 0; i < modelapi_room(model); i++)
 *		compare(modelapi_object(model, i));
 *	modelapi_stop(model);
 *
 * The same seed makes the same choices, but when requests come is not up to it.
 */
#ifndef MODELAPI_H
#define MODELAPI_H

#include "fakeapi.h"

#define MODELAPI_NAMESPACES 3		/* "ns-0", "ns-1", "ns-2" */
#define MODELAPI_ALL_PATH "/api/v1/configmaps"
#define MODELAPI_PATH(ns) "/api/v1/namespaces/" ns "/configmaps"

/* What is of a stream happens before, in or behind any of its events. */
enum modelapi_fault {
	MODELAPI_CUT,			/* a stream or a list: a FIN at any byte, with or without close_notify */
	MODELAPI_TORN,			/* a stream: an orderly end in the middle of a line, or before its '\n' */
	MODELAPI_STALL,			/* a stream or its whole connection: no more bytes, no FIN (see stall_ms) */
	MODELAPI_RESET,			/* a stream or a list: RST or RST_STREAM at any byte; or no answer at all */
	MODELAPI_GONE,			/* HTTP status 410 for a version or a token that was good */
	MODELAPI_GONE_EVENT,		/* a stream: the same as an ERROR event, at once or later */
	MODELAPI_ERROR_EVENT,		/* a stream: ERROR event 500, 504, or 429 with retryAfterSeconds */
	MODELAPI_TOO_MANY,		/* 429 text/plain with Retry-After (see retry_after) */
	MODELAPI_TOO_MANY_BARE,		/* 429 text/plain without */
	MODELAPI_SERVER_ERRORS,		/* 500 for every request in the next 50 to 250 ms */
	MODELAPI_UNAVAILABLE,		/* 503 text/plain */
	MODELAPI_TOO_LARGE,		/* 504 with the cause ResourceVersionTooLarge, where a version was given */
	MODELAPI_GOAWAY,		/* behind the head; HTTP/1.1: a close behind the answer */
	MODELAPI_SHORT,			/* a stream: it ends at once, in order */
	MODELAPI_BOOKMARKS_ONLY,	/* for 100 to 300 ms nothing changes here, while versions go on */
	MODELAPI_DUPLICATE_BOOKMARKS,	/* each two or three times */
	MODELAPI_STALE,			/* resourceVersion=0: a state that is some changes old */
	MODELAPI_COMPACT,		/* the history is forgotten */
	MODELAPI_BIG,			/* an object of 16 MB, for 200 ms, at most twice */
	MODELAPI_FAULTS
};

#define MODELAPI_BIT(fault) (1u << (fault))
#define MODELAPI_ALL (MODELAPI_BIT(MODELAPI_FAULTS) - 1)

struct modelapi_options {
	uint64_t seed;			/* printed by the test, not here */
	unsigned faults;		/* of MODELAPI_BIT() */
	unsigned percent;		/* of requests that get one; 0: 30 */
	enum fakeapi_http http;
	bool plain;
	unsigned max_streams;		/* as fakeapi's */
	unsigned objects;		/* names in each namespace; 0: 12; at most 100 */
	unsigned change_ms;		/* one change in so many ms, on average; 0: 4 */
	unsigned history;		/* changes that a watch can go back; 0: 200 */
	unsigned second_ms;		/* how long a second of timeoutSeconds is; 0: 1000 */
	unsigned retry_after;		/* what Retry-After and retryAfterSeconds say; 0: 1 */
	unsigned stall_ms;		/* what stalled is reset after so long; 0: never */
	bool old;			/* no sendInitialEvents: 422 */
};

/* An object as a client gets it. data.revision is `revision`, data.text something that is hard to scan. */
struct modelapi_object {
	char ns[8], name[12], uid[40];
	char labels[64];		/* JSON; "{}": it has none */
	uint64_t version;
	unsigned revision;		/* the number of the change: 1, 2, ... */
	size_t padding;			/* bytes of data.padding */
};

enum modelapi_type { MODELAPI_ADDED, MODELAPI_MODIFIED, MODELAPI_DELETED };

struct modelapi_change {
	enum modelapi_type type;
	size_t slot;			/* index of the object for modelapi_object() */
	/* Of MODELAPI_DELETED: the last state, but with the version of the deletion. */
	struct modelapi_object object;
	struct modelapi_object before;	/* uid "" if there was none */
};

struct modelapi;

/* NULL with the reason on stderr. Half of the objects are there from the start. */
struct modelapi *modelapi_start(const struct modelapi_options *options);
int modelapi_stop(struct modelapi *model);	/* as fakeapi_stop() */
struct fakeapi *modelapi_api(const struct modelapi *model);

/*
 * Ends changes and faults: what was decided and has not happened yet will not happen.
 * Waits for the server to say that it is so. Streams that stalled stay so.
 */
void modelapi_quiesce(struct modelapi *model);
void modelapi_resume(struct modelapi *model);

/* Which faults may happen from now on; whether sendInitialEvents is refused. */
void modelapi_set_faults(struct modelapi *model, unsigned faults);
void modelapi_set_old(struct modelapi *model, bool old);

/* How often it happened. */
unsigned modelapi_injected(const struct modelapi *model, enum modelapi_fault fault);
const char *modelapi_fault_name(enum modelapi_fault fault);
/* Watches that are open, as the server sees it. */
unsigned modelapi_watches(const struct modelapi *model);

/*
 * All changes from the beginning, in order of their versions; those below the count
 * never change. When the log is full (65536) changes end.
 */
size_t modelapi_change_count(const struct modelapi *model);
const struct modelapi_change *modelapi_change(const struct modelapi *model, size_t i);

/* The truth, once it is quiet; ordered by namespace and name. NULL: there is none at this place. */
size_t modelapi_room(const struct modelapi *model);
const struct modelapi_object *modelapi_object(const struct modelapi *model, size_t i);
uint64_t modelapi_version(const struct modelapi *model);

#endif
