/*
 * kubeshim/workqueue.h - keys of what has to be looked at, handed to one handler.
 *
 * The semantics are those of client-go's util/workqueue. A key is any text,
 * typically "namespace/name". It waits once, however often it is added; while it
 * is being worked on it does not come again, but if it was added meanwhile it
 * does afterwards. So the handler sees each state in the end, and never two at a
 * time of the same key. Nothing here makes a request: a queue belongs to a loop.
 *
 * Times are in milliseconds. Queue and loop may be freed in any order.
 */
#ifndef KUBESHIM_WORKQUEUE_H
#define KUBESHIM_WORKQUEUE_H

#include <kubeshim/common.h>

KSHIM_BEGIN_DECLS

typedef struct kshim_workqueue kshim_workqueue;

/* Works on a key: from the loop, never inside the function that added it. It may
 * start calls and return; the work is over when kshim_workqueue_done() says so,
 * in the handler or later, and that has to be said for every key. `key` is
 * borrowed until then. Anything may be called inside, also
 * kshim_workqueue_free(). */
typedef void kshim_workqueue_fn(kshim_workqueue *queue, const char *key, void *user);

/* A new queue; NULL without a loop, handler or memory, or when the loop is being
 * freed. While it has keys (that wait, are delayed or worked on) it counts as
 * something under way for kshim_loop_run(); an empty one does not. */
KSHIM_API kshim_workqueue *kshim_workqueue_new(kshim_loop *loop, kshim_workqueue_fn *handler, void *user);

/* Forgets all keys and frees the queue: neither handler nor drain's callback run
 * any more. Not to be used in callbacks that are still to come of the handler's
 * own calls: free their client and the loop before it, or drain first. */
KSHIM_API void kshim_workqueue_free(kshim_workqueue *queue);

/* How many keys are worked on at once: starts as 1. 0, or -1 for a count of 0. */
KSHIM_API int kshim_workqueue_set_limit(kshim_workqueue *queue, unsigned count);

/* Adds a key, which is copied; first come, first served. 0, also where it waits
 * already; -1 without memory, for a NULL key, in a queue that drains, or when its
 * loop is gone. */
KSHIM_API int kshim_workqueue_add(kshim_workqueue *queue, const char *key);

/* The same once `ms` have passed (0 or less: now). A key has one delay: of two
 * the one that ends earlier counts. It does not keep the key from being added
 * before. */
KSHIM_API int kshim_workqueue_add_after(kshim_workqueue *queue, const char *key, int64_t ms);

/* Adds a key whose work failed, later and later: 5 ms after the first time,
 * doubled each time up to 1,000 s, with up to a quarter more at random; and all
 * retries of the queue together no faster than 10 a second once there were 100
 * (client-go's default limiter, but for the random part). kshim_workqueue_done()
 * has to be said of it as well. Returns as kshim_workqueue_add(). */
KSHIM_API int kshim_workqueue_retry(kshim_workqueue *queue, const char *key);

/* The work succeeded, or is given up: the next retry is a first one again. A key
 * that was retried takes memory until it is forgotten. */
KSHIM_API void kshim_workqueue_forget(kshim_workqueue *queue, const char *key);

/* How often it was retried since. */
KSHIM_API unsigned kshim_workqueue_retries(const kshim_workqueue *queue, const char *key);

/* The work on a key that the handler was given is over. `key` may be the handler's
 * own, which ends with this. Does nothing for other keys. */
KSHIM_API void kshim_workqueue_done(kshim_workqueue *queue, const char *key);

/* How many keys wait for the handler: without those that are delayed, and those
 * that are worked on. */
KSHIM_API size_t kshim_workqueue_len(const kshim_workqueue *queue);

/* Takes no more keys and drops the delayed ones; once those that wait were worked
 * on `drained` runs from the loop, once (NULL: nobody is told). 0, or -1 if it
 * drains already or its loop is gone. */
typedef void kshim_workqueue_drained_fn(kshim_workqueue *queue, void *user);
KSHIM_API int kshim_workqueue_drain(kshim_workqueue *queue, kshim_workqueue_drained_fn *drained, void *user);

KSHIM_END_DECLS

#endif
