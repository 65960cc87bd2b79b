/*
 * kubeshim/common.h - the handles, and the words used on every page.
 *
 * Ownership is told in jansson's words. A function that returns a "new
 * reference" gives one that the caller releases (`_free` or `_unref`); a
 * "borrowed reference" belongs to the handle it came from and lives as long as
 * is said there; a function that "steals" an argument takes the caller's
 * reference, also when it fails. Every `_free` and `_unref` accepts NULL.
 *
 * Times are in milliseconds unless a name ends in `_us`.
 */
#ifndef KUBESHIM_COMMON_H
#define KUBESHIM_COMMON_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
#define KSHIM_BEGIN_DECLS extern "C" {
#define KSHIM_END_DECLS }
#else
#define KSHIM_BEGIN_DECLS
#define KSHIM_END_DECLS
#endif

#if defined(__GNUC__)
#define KSHIM_API __attribute__((visibility("default")))
#else
#define KSHIM_API
#endif

KSHIM_BEGIN_DECLS

typedef struct kshim_loop kshim_loop;         /* curl, epoll and timers behind one descriptor */
typedef struct kshim_timer kshim_timer;       /* a timer on a loop */
typedef struct kshim_config kshim_config;     /* where the server is, and who we are */
typedef struct kshim_client kshim_client;     /* connections to one server under one identity */
typedef struct kshim_kind kshim_kind;         /* a resource type: group, versions, plural, scope */
typedef struct kshim_object kshim_object;     /* one Kubernetes object: its JSON text */
typedef struct kshim_query kshim_query;       /* which objects of a kind are meant */
typedef struct kshim_options kshim_options;   /* how a verb is carried out */
typedef struct kshim_call kshim_call;         /* a verb under way */
typedef struct kshim_result kshim_result;     /* what came of it */
typedef struct kshim_watch kshim_watch;       /* changes, as they happen */
typedef struct kshim_cache kshim_cache;       /* objects held here and kept up to date */
typedef struct kshim_listener kshim_listener; /* who hears of a cache's changes */
typedef struct kshim_error kshim_error;       /* what went wrong */
typedef struct kshim_manifest kshim_manifest; /* objects read from YAML or JSON text */

/*
 * The callback contract, for every function that takes one:
 *  - it is not called if the function returned NULL;
 *  - otherwise it is called exactly once, at the end, also when the call is
 *    cancelled and when its client is freed;
 *  - never before the function returned: always from kshim_loop_process(),
 *    kshim_loop_run() or, at the very end, kshim_loop_free();
 *  - always in the thread that drives the loop;
 *  - anything may be called inside it: new calls, cancel, free of any handle
 *    but the loop itself;
 *  - `result` and all that is borrowed from it live until it returns.
 */
typedef void kshim_done_fn(kshim_result *result, void *user);

/* For each item of a list, in the server's order, before the kshim_done_fn.
 * `item` is borrowed until it returns: kshim_object_ref() keeps it. */
typedef void kshim_item_fn(kshim_object *item, void *user);

/* Names a kind: for walking over kinds. `kind` is borrowed until it returns. */
typedef void kshim_kind_fn(const kshim_kind *kind, void *user);

KSHIM_END_DECLS

#endif
