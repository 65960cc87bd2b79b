/*
 * kubeshim/cache.h - the objects that a query means, held here and kept up to date.
 *
 * A cache lists and watches; reads are answered from memory, changes are told to any
 * number of listeners. Objects are held as their bytes, without managedFields. While
 * a fresh state comes in after a gap the old one answers, until the new one is
 * whole; what is the same in both is held once.
 */
#ifndef KUBESHIM_CACHE_H
#define KUBESHIM_CACHE_H

#include <kubeshim/common.h>
#include <kubeshim/options.h>

KSHIM_BEGIN_DECLS

/* A new cache of what the query means, selectors included. It begins to list and
 * watch when the loop goes on: settings that are made before that hold for all of
 * it. As long as it watches, kshim_loop_run() does not return. A
 * resourceVersion of the query is not regarded. NULL, and kshim_client_error()
 * tells, as kshim_query_watch(). */
KSHIM_API kshim_cache *kshim_cache_new(kshim_query *query);

/* The client's common cache of the query's kind in its namespace (or in all), made
 * if there is none: a new reference. The query's selectors are not regarded, give
 * them to kshim_cache_listen() and kshim_cache_walk(): all who share it stand on one
 * watch. It lives until the last reference is released. */
KSHIM_API kshim_cache *kshim_cache_shared(kshim_query *query);

/* Releases it, also from a listener: no listener of it is called any more (they are
 * freed, unless others share it). Its objects' memory is given back while the loop
 * goes on, at the latest by kshim_loop_free(). */
KSHIM_API void kshim_cache_free(kshim_cache *cache);

/* Settings, before it begins: 0; -1 afterwards, or without memory. */

/* How it watches: see kubeshim/watch.h (seconds, streamed state, buffer). */
KSHIM_API int kshim_cache_set_options(kshim_cache *cache, const kshim_options *options);

/* Keep metadata.managedFields, which are a quarter of a Pod. */
KSHIM_API int kshim_cache_set_managed_fields(kshim_cache *cache, int keep);

/* What is done to each object before it is held: it may change it in place
 * (kshim_object_remove(object, "/spec"), …; name, namespace, uid and resourceVersion
 * stay); any return but 0 leaves it out of the cache. */
typedef int kshim_transform_fn(kshim_object *object, void *user);
KSHIM_API int kshim_cache_set_transform(kshim_cache *cache, kshim_transform_fn *transform, void *user);

/* A further way to find objects: `fn` tells the keys of an object, by
 * kshim_index_add() for each (copied; only inside `fn`). It runs from the loop and
 * must tell the same of the same object. */
typedef struct kshim_index_keys kshim_index_keys;
typedef void kshim_index_fn(kshim_object *object, kshim_index_keys *keys, void *user);
KSHIM_API int kshim_cache_add_index(kshim_cache *cache, const char *index, kshim_index_fn *fn, void *user);
KSHIM_API void kshim_index_add(kshim_index_keys *keys, const char *key);

/* Reads. An object that is read is the cache's own: borrowed until the loop goes on,
 * kshim_object_ref() keeps it. It is not to be changed; a verb that is called on it
 * leaves it as it is (kshim_result_object() is another). */

/* 1 once the first state is whole; later on it stays 1. */
KSHIM_API int kshim_cache_is_synced(const kshim_cache *cache);
/* How many objects are held. */
KSHIM_API size_t kshim_cache_count(const kshim_cache *cache);

/* The object of this name, NULL if there is none. `namespace_` NULL or "": of a kind
 * without namespaces; of others, the client's own. */
KSHIM_API kshim_object *kshim_cache_get(kshim_cache *cache, const char *namespace_, const char *name);

/* Each object in the namespace (NULL or "": all) that matches the label selector (NULL:
 * all), in no order. The number of them; -1 for a bad selector. The function may
 * do anything but let the loop go on; from a cache that is freed in it nothing more
 * comes. */
KSHIM_API int64_t kshim_cache_walk(kshim_cache *cache, const char *namespace_, const char *labels, kshim_item_fn *fn,
				   void *user);

/* Each object that has the key in the index, as by kshim_cache_walk(): the number of
 * them; -1 if there is no such index. */
KSHIM_API int64_t kshim_cache_find(kshim_cache *cache, const char *index, const char *key, kshim_item_fn *fn,
				   void *user);

/* Why no news come at present, or why it ended; NULL if all is well. Borrowed until
 * the loop goes on. */
KSHIM_API const kshim_error *kshim_cache_error(const kshim_cache *cache);

/* The watch it stands on, for its counters; NULL before it begins and after its end.
 * Not to be stopped or paused. */
KSHIM_API const kshim_watch *kshim_cache_watch(const kshim_cache *cache);
/* Whose it is; NULL once the client was freed. */
KSHIM_API kshim_client *kshim_cache_client(const kshim_cache *cache);

typedef enum kshim_change {
	KSHIM_CHANGE_ADDED,    /* is there; or came to match the listener's selector */
	KSHIM_CHANGE_MODIFIED, /* `before` is what it was */
	KSHIM_CHANGE_DELETED,  /* with its last state; or no longer matches */
	KSHIM_CHANGE_VANISHED, /* deleted while nobody looked: `object` is what was last known; another of its name
				* is ADDED then */
	KSHIM_CHANGE_SYNCED,   /* all that there is was told; after a gap again */
	KSHIM_CHANGE_LATE,     /* kshim_cache_error(): no news come at present, what is held grows old */
	KSHIM_CHANGE_RESUMED,  /* after LATE: they do again */
	KSHIM_CHANGE_ENDED     /* no more news will come: kshim_cache_error(); the last call */
} kshim_change;

/* Runs from the loop. Of each object a listener hears a history without a hole:
 * ADDED, then MODIFIED, then DELETED or VANISHED. `object` is NULL for the last
 * four, `before` but for MODIFIED (and for a DELETED that no longer matches); both
 * are borrowed until it returns, and not to be changed. Anything may be called. */
typedef void kshim_change_fn(kshim_cache *cache, kshim_change change, kshim_object *object, kshim_object *before,
			     void *user);

/* Tells of the objects there are (ADDED for each, then SYNCED) and from then on of
 * every change, in the namespace (NULL or "": all) and by the label selector (NULL: all).
 * New, kshim_listener_free() ends it; NULL without memory or for a bad selector
 * (kshim_client_error() tells). It is freed with its cache. */
KSHIM_API kshim_listener *kshim_cache_listen(kshim_cache *cache, const char *namespace_, const char *labels,
					     kshim_change_fn *fn, void *user);
KSHIM_API void kshim_listener_free(kshim_listener *listener);

KSHIM_END_DECLS

#endif
