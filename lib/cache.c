#include "cache.h"

#include "alloc.h"
#include "error.h"
#include "options.h"
#include "query.h"

#include <string.h>

#define LENT_KEPT 1024 /* objects that there stays room for */

static kshim_loop *loop_of(const kshim_cache *cache)
{
	return cache->client->loop;
}

/* kshim_loop_run() does not return before it has run. */
static void run_task(kshim_cache *cache)
{
	if (!loop_of(cache))
		return;
	if (!cache->holds)
		kshim__loop_hold(loop_of(cache));
	cache->holds = true;
	kshim__task_queue(loop_of(cache), &cache->task);
}

static void release(kshim_cache *cache)
{
	if (cache->holds && loop_of(cache))
		kshim__loop_release(loop_of(cache));
	cache->holds = false;
}

static bool is_free(const kshim_cache *cache)
{
	return !cache->refs;
}

/* Ending. */

/* false: the pass is used up first. */
static bool give_back(kshim_cache *cache)
{
	unsigned since_look = 0;

	while (cache->lent_count) {
		kshim_object *object = cache->lent[--cache->lent_count];

		/* ours and the store's: nobody else reads it */
		if (object->cached && object->refs == 2)
			kshim__object_shed(object);
		kshim_object_unref(object);
		if (++since_look % 4 == 0 && kshim__loop_exhausted(loop_of(cache)))
			return !cache->lent_count;
	}
	if (cache->lent_cap > LENT_KEPT) {
		kshim__free(cache->lent);
		cache->lent = NULL;
		cache->lent_cap = 0;
	}
	return true;
}

static void free_listener(kshim_listener *listener)
{
	kshim__list_remove(&listener->link);
	kshim__matcher_free(listener->matcher);
	kshim__free(listener->namespace_);
	kshim__free(listener);
}

static bool free_piece(struct kshim__discard *discard)
{
	kshim_cache *cache = KSHIM__OWNER(discard, kshim_cache, discard);
	kshim_client *client = cache->client;

	if (kshim__store_free_piece(&cache->store))
		return true;
	kshim__free(cache);
	kshim__client_unref(client);
	return false;
}

static void free_if_over(kshim_cache *cache)
{
	if (cache->refs || cache->busy || cache->watch)
		return;
	kshim__task_remove(&cache->task);
	release(cache);
	while (!kshim__list_empty(&cache->listeners))
		free_listener(KSHIM__OWNER(cache->listeners.next, kshim_listener, link));
	kshim__discard_objects(loop_of(cache), cache->lent, cache->lent_count);
	kshim__bucket_free(&cache->replay);
	kshim_query_free(cache->query);
	kshim_options_free(cache->options);
	kshim_error_free(cache->error);
	kshim__discard(loop_of(cache), &cache->discard, free_piece);
}

/* Around whatever runs the user's functions. */
static void enter(kshim_cache *cache)
{
	cache->busy++;
}

/* What was freed meanwhile goes now. */
static void leave(kshim_cache *cache)
{
	struct kshim__link *link, *next;

	if (--cache->busy)
		return;
	for (link = cache->listeners.next; link != &cache->listeners; link = next) {
		kshim_listener *listener = KSHIM__OWNER(link, kshim_listener, link);

		next = link->next;
		if (!listener->cache)
			free_listener(listener);
	}
	free_if_over(cache);
}

void kshim_cache_free(kshim_cache *cache)
{
	struct kshim__link *link;

	if (!cache || --cache->refs)
		return;
	kshim__list_remove(&cache->shared);
	enter(cache);
	for (link = cache->listeners.next; link != &cache->listeners; link = link->next)
		KSHIM__OWNER(link, kshim_listener, link)->cache = NULL;
	if (cache->watch)
		kshim_watch_stop(cache->watch);
	leave(cache);
}

/* Telling. */

static bool wants(const kshim_listener *listener, const kshim_object *object)
{
	struct kshim__span text = {object->text, object->len}, value;

	if (listener->namespace_ && *listener->namespace_ &&
	    !(kshim__json_pointer(text.at, text.len, kshim__object_members(object), "/metadata/namespace", &value) &&
	      kshim__json_equals(value, listener->namespace_)))
		return false;
	return !listener->matcher || kshim__matcher_matches(listener->matcher, text);
}

/* What reading makes of it does not stay for ever. */
static void lend(kshim_cache *cache, kshim_object *object)
{
	size_t cap = cache->lent_cap ? cache->lent_cap * 2 : 32;
	kshim_object **lent;

	if (cache->lent_count == cache->lent_cap) {
		lent = kshim__realloc(cache->lent, cap * sizeof(*lent));
		if (!lent)
			return;
		cache->lent = lent;
		cache->lent_cap = cap;
	}
	cache->lent[cache->lent_count++] = kshim_object_ref(object);
	run_task(cache);
}

static void call(kshim_listener *listener, kshim_change change, kshim_object *object, kshim_object *before)
{
	kshim_cache *cache = listener->cache;

	listener->fn(cache, change, object, before, listener->user);
	if (object && kshim__object_was_read(object))
		lend(cache, object);
}

/* What becomes of one object. */
struct change {
	uint64_t hash;
	kshim_object *before;
	kshim_object *now;  /* NULL: it is gone */
	kshim_object *last; /* its last state, if the server told */
	bool vanished; /* it happened while nobody looked */
};

/* By a listener's selector objects may come and go. */
static void tell_one(kshim_listener *listener, const struct change *change)
{
	kshim_object *now = change->now, *before = change->before;
	bool was = before && wants(listener, before), is = now && wants(listener, now);

	if (was && is)
		call(listener, KSHIM_CHANGE_MODIFIED, now, before);
	else if (is)
		call(listener, KSHIM_CHANGE_ADDED, now, NULL);
	else if (was && change->vanished)
		call(listener, KSHIM_CHANGE_VANISHED, before, NULL);
	else if (was && now)
		call(listener, KSHIM_CHANGE_DELETED, now, before);
	else if (was)
		call(listener, KSHIM_CHANGE_DELETED, change->last ? change->last : before, NULL);
}

static bool same_uid(kshim_object *a, kshim_object *b)
{
	struct kshim__span text_a = {a->text, a->len}, text_b = {b->text, b->len}, uid_a, uid_b;

	return !kshim__json_pointer(text_a.at, text_a.len, kshim__object_members(a), "/metadata/uid", &uid_a) ||
	       !kshim__json_pointer(text_b.at, text_b.len, kshim__object_members(b), "/metadata/uid", &uid_b) ||
	       (uid_a.len == uid_b.len && memcmp(uid_a.at, uid_b.at, uid_a.len) == 0);
}

/* The caller has entered. */
static void tell(kshim_cache *cache, const struct change *change)
{
	struct kshim__link *link;

	if (change->vanished && change->now && change->before && !same_uid(change->now, change->before)) {
		tell(cache, &(struct change){.hash = change->hash, .before = change->before, .vanished = true});
		tell(cache, &(struct change){.hash = change->hash, .now = change->now});
		return;
	}
	for (link = cache->listeners.next; link != &cache->listeners; link = link->next) {
		kshim_listener *listener = KSHIM__OWNER(link, kshim_listener, link);

		if (listener->cache && (listener->caught_up || change->hash < listener->position))
			tell_one(listener, change);
	}
}

static void tell_all(kshim_cache *cache, kshim_change change)
{
	struct kshim__link *link;

	enter(cache);
	for (link = cache->listeners.next; link != &cache->listeners; link = link->next) {
		kshim_listener *listener = KSHIM__OWNER(link, kshim_listener, link);

		if (!listener->cache || (change == KSHIM_CHANGE_SYNCED && !listener->caught_up) ||
		    (change == KSHIM_CHANGE_RESUMED && !listener->late))
			continue;
		if (change == KSHIM_CHANGE_SYNCED)
			listener->synced = true;
		if (change == KSHIM_CHANGE_LATE || change == KSHIM_CHANGE_RESUMED)
			listener->late = change == KSHIM_CHANGE_LATE;
		call(listener, change, NULL, NULL);
	}
	leave(cache);
}

/* Holding. */

static void fail(kshim_cache *cache, kshim_error *error)
{
	kshim_error_free(cache->error);
	cache->error = error;
	if (cache->watch)
		kshim_watch_stop(cache->watch);
}

static void no_memory(kshim_cache *cache)
{
	fail(cache, kshim__error_new(KSHIM_ENOMEM, "out of memory"));
}

static kshim_object *again_from_text(const kshim_object *object, struct kshim__span text)
{
	struct kshim__span nothing = {"", 0};

	return kshim__object_from_item(object->client, object->kind, object->api_version, nothing, text, NULL);
}

/* The object as it is held: a new reference; NULL and *left_out, or without memory. */
static kshim_object *trimmed(kshim_cache *cache, kshim_object *object, bool *left_out)
{
	struct kshim__span text = {object->text, object->len};
	kshim_object *kept, *changed;

	*left_out = false;
	if (!cache->transform)
		return kshim_object_ref(object);
	kept = again_from_text(object, text);
	if (!kept)
		return NULL;
	*left_out = cache->transform(kept, cache->transform_user) != 0;
	if (*left_out) {
		kshim_object_unref(kept);
		return NULL;
	}
	if (!kshim__object_extra(kept)->tree && !kept->owns_text)
		return kept;
	text.at = kshim_object_text(kept, &text.len);
	changed = text.at ? again_from_text(kept, text) : NULL;
	kshim_object_unref(kept);
	return changed;
}

static void remove_from(kshim_cache *cache, const struct kshim__facts *facts, kshim_object *last)
{
	struct change change = {0};
	bool left_out;

	change.before = kshim__store_remove(&cache->store, facts, &change.hash);
	if (!change.before)
		return;
	change.last = last ? trimmed(cache, last, &left_out) : NULL;
	if (change.last)
		change.last->common = true;
	tell(cache, &change);
	kshim_object_unref(change.last);
	kshim_object_unref(change.before);
}

static void hold(kshim_cache *cache, kshim_object *object)
{
	struct change change = {.now = object, .vanished = cache->store.in_state};
	struct kshim__facts facts;
	enum kshim__put put;
	char *decoded;

	/* of these bytes: what came had others */
	if (!kshim__facts_read(object, &facts, &decoded)) {
		if (kshim__facts_starved(&facts, decoded))
			no_memory(cache);
		kshim__free(decoded);
		return;
	}
	put = kshim__store_put(&cache->store, &facts, object, &change.hash, &change.before);
	kshim__free(decoded);
	if (kshim__object_was_read(object))
		lend(cache, object); /* by an index */
	if (put == KSHIM__PUT_DONE)
		tell(cache, &change);
	else if (put == KSHIM__PUT_NOMEM)
		no_memory(cache);
	kshim_object_unref(change.before);
}

static void take(kshim_cache *cache, kshim_object *object, bool deleted)
{
	struct kshim__facts facts;
	kshim_object *held;
	bool left_out;
	char *decoded;

	/* without a name it is no object */
	if (!kshim__facts_read(object, &facts, &decoded)) {
		if (kshim__facts_starved(&facts, decoded))
			no_memory(cache);
		kshim__free(decoded);
		return;
	}
	if (deleted) {
		remove_from(cache, &facts, object);
	} else if (!kshim__store_has(&cache->store, &facts)) {
		held = trimmed(cache, object, &left_out);
		if (held)
			hold(cache, held);
		else if (left_out)
			remove_from(cache, &facts, NULL);
		else
			no_memory(cache);
		kshim_object_unref(held);
	}
	kshim__free(decoded);
}

/* Settling, and telling new listeners. */

static void settled(void *user, uint64_t hash, kshim_object *object, kshim_object *before)
{
	const struct change change = {.hash = hash, .now = object, .before = before, .vanished = true};

	tell(user, &change);
}

static void in_sync(kshim_cache *cache)
{
	cache->settling = false;
	cache->synced = true;
	if (cache->watch)
		kshim_watch_resume(cache->watch);
	tell_all(cache, KSHIM_CHANGE_SYNCED);
}

/* false: the pass is used up first. */
static bool settle(kshim_cache *cache)
{
	unsigned since_look = 0;

	while (cache->settling && !is_free(cache)) {
		cache->position = kshim__store_settle(&cache->store, cache->position, settled, cache);
		if (!cache->position) {
			in_sync(cache);
			return true;
		}
		if (++since_look % 16 == 0 && kshim__loop_exhausted(loop_of(cache)))
			return false;
	}
	return true;
}

/* One bucket's objects that a listener was not told of yet. */
static void replay_bucket(kshim_cache *cache, kshim_listener *listener)
{
	struct kshim__bucket bucket = cache->replay;
	uint64_t next;
	size_t i;

	memset(&cache->replay, 0, sizeof(cache->replay));
	if (!kshim__store_read(&cache->store, listener->position, &bucket, &next)) {
		/* it has a hole in its history, so it hears of the end, not of more */
		kshim__bucket_free(&bucket);
		listener->caught_up = listener->synced = true;
		no_memory(cache);
		return;
	}
	listener->position = next;
	listener->caught_up = next == 0;
	for (i = 0; i < bucket.count && listener->cache; i++)
		if (wants(listener, bucket.found[i].object))
			call(listener, KSHIM_CHANGE_ADDED, bucket.found[i].object, NULL);
	kshim__bucket_clear(&bucket);
	kshim__bucket_free(&cache->replay);
	cache->replay = bucket;
}

/* false: the pass is used up first. */
static bool replay(kshim_cache *cache)
{
	struct kshim__link *link;
	unsigned since_look = 0;

	for (link = cache->listeners.next; link != &cache->listeners; link = link->next) {
		kshim_listener *listener = KSHIM__OWNER(link, kshim_listener, link);

		if (listener->cache && cache->late && !listener->late) {
			listener->late = true;
			call(listener, KSHIM_CHANGE_LATE, NULL, NULL);
		}
		while (listener->cache && !listener->caught_up) {
			replay_bucket(cache, listener);
			if (++since_look % 8 == 0 && kshim__loop_exhausted(loop_of(cache)))
				return false;
		}
		if (listener->cache && listener->caught_up && !listener->synced && cache->synced) {
			listener->synced = true;
			call(listener, KSHIM_CHANGE_SYNCED, NULL, NULL);
		}
		if (listener->cache && listener->caught_up && cache->ended && !listener->ended) {
			listener->ended = true;
			call(listener, KSHIM_CHANGE_ENDED, NULL, NULL);
		}
	}
	kshim__bucket_free(&cache->replay);
	return true;
}

/* The watch. */

static void on_event(kshim_watch *watch, kshim_event event, kshim_object *object, void *user)
{
	kshim_cache *cache = user;

	if (is_free(cache))
		return;
	enter(cache);
	switch (event) {
	case KSHIM_EVENT_ADDED:
	case KSHIM_EVENT_MODIFIED:
	case KSHIM_EVENT_DELETED:
		take(cache, object, event == KSHIM_EVENT_DELETED);
		break;
	case KSHIM_EVENT_BEGIN:
		kshim__store_begin_state(&cache->store);
		break;
	case KSHIM_EVENT_END:
		kshim__store_end_state(&cache->store);
		cache->settling = true;
		cache->position = 0;
		kshim_watch_pause(watch); /* changes come when what they change is in line */
		run_task(cache);
		break;
	case KSHIM_EVENT_LATE:
		cache->late = true;
		tell_all(cache, KSHIM_CHANGE_LATE);
		break;
	case KSHIM_EVENT_RESUMED:
		cache->late = false;
		tell_all(cache, KSHIM_CHANGE_RESUMED);
		break;
	default:
		break;
	}
	leave(cache);
}

static void ended(kshim_cache *cache, const kshim_error *error)
{
	cache->watch = NULL;
	cache->ended = true;
	if (!cache->error)
		cache->error = kshim_error_copy(error);
	run_task(cache); /* the listeners learn of it there */
}

static void on_done(kshim_result *result, void *user)
{
	kshim_cache *cache = user;

	enter(cache);
	ended(cache, kshim_result_error(result));
	leave(cache);
}

static void begin(kshim_cache *cache)
{
	cache->begun = true;
	cache->watch = kshim_query_watch(cache->query, cache->options, on_event, on_done, cache);
	if (!cache->watch)
		ended(cache, kshim_client_error(cache->client));
	else if (!cache->keep_managed_fields)
		kshim__watch_make_slim(cache->watch);
}

static void run(struct kshim__task *task)
{
	kshim_cache *cache = KSHIM__OWNER(task, kshim_cache, task);
	bool done;

	enter(cache);
	release(cache); /* the watch has its own hold */
	done = give_back(cache);
	if (!cache->begun && !is_free(cache))
		begin(cache);
	done = done && settle(cache) && (cache->settling || replay(cache));
	if (!done && !is_free(cache))
		run_task(cache);
	leave(cache);
}

/* Beginning. */

static kshim_cache *new_cache(kshim_query *query)
{
	kshim_client *client = kshim__query_client(query);
	kshim_cache *cache;

	if (!kshim__client_is_open(client))
		return kshim__client_fail(client, kshim__error_new(KSHIM_ECANCELED, "the client was freed"));
	cache = kshim__calloc(1, sizeof(*cache));
	if (cache && !(cache->query = kshim_query_copy(query))) {
		kshim__free(cache);
		cache = NULL;
	}
	if (!cache)
		return kshim__client_fail(client, kshim__error_new(KSHIM_ENOMEM, "out of memory"));
	kshim_query_set_resource_version(cache->query, NULL, KSHIM_MATCH_UNSET); /* it would know no state */
	kshim__store_init(&cache->store);
	cache->refs = 1;
	cache->client = kshim__client_ref(client);
	kshim__list_init(&cache->shared);
	kshim__list_init(&cache->listeners);
	kshim__task_init(&cache->task, run);
	run_task(cache);
	return cache;
}

kshim_cache *kshim_cache_new(kshim_query *query)
{
	return query ? new_cache(query) : NULL;
}

kshim_cache *kshim_cache_shared(kshim_query *query)
{
	kshim_client *client = query ? kshim__query_client(query) : NULL;
	struct kshim__link *link;
	kshim_cache *cache;

	if (!client)
		return NULL;
	for (link = client->caches.next; link != &client->caches; link = link->next) {
		cache = KSHIM__OWNER(link, kshim_cache, shared);
		if (!cache->ended && kshim__query_same_scope(cache->query, query)) {
			cache->refs++;
			return cache;
		}
	}
	cache = new_cache(query);
	if (!cache)
		return NULL;
	kshim_query_set_labels(cache->query, NULL);
	kshim_query_set_fields(cache->query, NULL);
	kshim__list_append(&client->caches, &cache->shared);
	return cache;
}

int kshim_cache_set_options(kshim_cache *cache, const kshim_options *options)
{
	kshim_options *copy;

	if (!cache || cache->begun)
		return -1;
	copy = kshim__options_copy(options);
	if (!copy)
		return -1;
	copy->watch_now = copy->watch_gap_error = copy->watch_once = copy->watch_bookmarks = false;
	copy->timeout_ms = -1;
	kshim_options_free(cache->options);
	cache->options = copy;
	return 0;
}

int kshim_cache_set_managed_fields(kshim_cache *cache, int keep)
{
	if (!cache || cache->begun)
		return -1;
	cache->keep_managed_fields = keep != 0;
	return 0;
}

int kshim_cache_set_transform(kshim_cache *cache, kshim_transform_fn *transform, void *user)
{
	if (!cache || cache->begun)
		return -1;
	cache->transform = transform;
	cache->transform_user = user;
	return 0;
}

int kshim_cache_add_index(kshim_cache *cache, const char *index, kshim_index_fn *fn, void *user)
{
	if (!cache || cache->begun || !index || !fn)
		return -1;
	return kshim__store_add_index(&cache->store, index, fn, user) ? 0 : -1;
}

/* Reading. */

int kshim_cache_is_synced(const kshim_cache *cache)
{
	return cache && cache->store.whole > 0;
}

size_t kshim_cache_count(const kshim_cache *cache)
{
	return cache ? cache->store.count : 0;
}

kshim_object *kshim_cache_get(kshim_cache *cache, const char *namespace_, const char *name)
{
	kshim_object *object;

	if (!cache || !name)
		return NULL;
	object = kshim__store_get(&cache->store, namespace_ ? namespace_ : "", name);
	if (!object && (!namespace_ || !*namespace_)) {
		namespace_ = kshim__query_namespace(cache->query);
		if (!*namespace_ && kshim__client_is_open(cache->client))
			namespace_ = cache->client->access->namespace_;
		object = kshim__store_get(&cache->store, namespace_, name);
	}
	if (object)
		lend(cache, object);
	return object;
}

/* Hands on what a bucket has; false if the cache was freed in it. */
static bool hand_on(kshim_cache *cache, struct kshim__bucket *bucket, const kshim_listener *narrow, kshim_item_fn *fn,
		    void *user, int64_t *count)
{
	size_t i;

	for (i = 0; i < bucket->count && !is_free(cache); i++) {
		kshim_object *object = bucket->found[i].object;

		if (!wants(narrow, object))
			continue;
		++*count;
		if (!fn)
			continue;
		fn(object, user);
		if (kshim__object_was_read(object))
			lend(cache, object);
	}
	return !is_free(cache);
}

int64_t kshim_cache_walk(kshim_cache *cache, const char *namespace_, const char *labels, kshim_item_fn *fn, void *user)
{
	kshim_listener narrow = {.namespace_ = (char *)namespace_};
	struct kshim__bucket bucket = {0};
	kshim_error *error = NULL;
	int64_t count = 0;
	uint64_t at = 0;

	if (!cache)
		return -1;
	if (labels && *labels && !(narrow.matcher = kshim__matcher_new(labels, &error))) {
		kshim__client_fail(cache->client, error);
		return -1;
	}
	enter(cache);
	do {
		if (!kshim__store_read(&cache->store, at, &bucket, &at)) {
			kshim__client_fail(cache->client, kshim__error_new(KSHIM_ENOMEM, "out of memory"));
			count = -1;
			break;
		}
	} while (hand_on(cache, &bucket, &narrow, fn, user, &count) && at);
	kshim__bucket_free(&bucket);
	kshim__matcher_free(narrow.matcher);
	leave(cache);
	return count;
}

int64_t kshim_cache_find(kshim_cache *cache, const char *index, const char *key, kshim_item_fn *fn, void *user)
{
	const kshim_listener all = {0};
	struct kshim__bucket bucket = {0};
	int64_t count = 0;
	bool no_index;

	if (!cache || !index || !key)
		return -1;
	enter(cache);
	if (!kshim__store_find(&cache->store, index, key, &bucket, &no_index)) {
		kshim__client_fail(cache->client, kshim__error_new(KSHIM_ENOMEM, "out of memory"));
		count = -1;
	} else if (no_index) {
		kshim__client_fail(cache->client, kshim__error_new(KSHIM_EINVAL, "the cache has no index \"%.100s\"", index));
		count = -1;
	} else {
		hand_on(cache, &bucket, &all, fn, user, &count);
	}
	kshim__bucket_free(&bucket);
	leave(cache);
	return count;
}

const kshim_error *kshim_cache_error(const kshim_cache *cache)
{
	if (!cache)
		return NULL;
	return cache->error ? cache->error : kshim_watch_error(cache->watch);
}

const kshim_watch *kshim_cache_watch(const kshim_cache *cache)
{
	return cache ? cache->watch : NULL;
}

kshim_client *kshim_cache_client(const kshim_cache *cache)
{
	return cache && kshim__client_is_open(cache->client) ? cache->client : NULL;
}

/* Listeners. */

kshim_listener *kshim_cache_listen(kshim_cache *cache, const char *namespace_, const char *labels, kshim_change_fn *fn,
				   void *user)
{
	kshim_listener *listener;
	kshim_error *error = NULL;

	if (!cache || !fn)
		return NULL;
	listener = kshim__calloc(1, sizeof(*listener));
	if (!listener)
		return kshim__client_fail(cache->client, kshim__error_new(KSHIM_ENOMEM, "out of memory"));
	kshim__list_init(&listener->link);
	listener->namespace_ = kshim__strdup(namespace_);
	if (namespace_ && !listener->namespace_)
		error = kshim__error_new(KSHIM_ENOMEM, "out of memory");
	else if (labels && *labels)
		listener->matcher = kshim__matcher_new(labels, &error);
	if (error) {
		free_listener(listener);
		return kshim__client_fail(cache->client, error);
	}
	listener->cache = cache;
	listener->fn = fn;
	listener->user = user;
	kshim__list_append(&cache->listeners, &listener->link);
	run_task(cache);
	return listener;
}

void kshim_listener_free(kshim_listener *listener)
{
	kshim_cache *cache = listener ? listener->cache : NULL;

	if (!cache)
		return;
	enter(cache);
	listener->cache = NULL;
	leave(cache);
}
