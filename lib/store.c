#include "store.h"

#include "alloc.h"
#include "random.h"

#include <string.h>

#define FIRST_BITS 6

/* One key of an object in an index. */
struct node {
	struct kshim__link link; /* in the index's bucket */
	struct node *next;       /* of the same object */
	struct kshim__index *index;
	struct kshim__entry *entry;
	kshim_object *object; /* borrowed: whose key it is */
	uint64_t hash;
	char key[];
};

/* What few entries have. */
struct aside {
	kshim_object *pending; /* reference, of a state that is not whole, or not settled; or NULL */
	struct node *nodes, *pending_nodes;
	char *name; /* of one whose bytes have it with escapes */
};

/* Its key is not held twice: it stands in the bytes of its object. */
struct kshim__entry {
	struct kshim__entry *next; /* in the bucket */
	kshim_object *object;      /* reference; NULL: only pending */
	struct aside *aside;       /* or NULL */
	uint64_t hash;
	uint64_t stamp; /* of uid and resourceVersion of `object` */
	uint32_t seen;  /* the state that last had it */
	uint32_t name_at, namespace_at;
	uint16_t name_len, namespace_len;
};

/* Hashing: two multiplications a word; the seed is secret, so that nobody chooses
 * names for one bucket. */
static uint64_t mix(uint64_t a, uint64_t b)
{
	unsigned __int128 product = (unsigned __int128)a * b;

	return (uint64_t)(product >> 64) ^ (uint64_t)product;
}

static uint64_t hash_bytes(uint64_t hash, const char *data, size_t len)
{
	uint64_t word;

	for (; len >= 8; data += 8, len -= 8) {
		memcpy(&word, data, 8);
		hash = mix(hash ^ word, 0x9e3779b97f4a7c15u);
	}
	word = 0;
	memcpy(&word, data, len);
	return mix(hash ^ word ^ ((uint64_t)len << 56), 0xd6e8feb86659fd93u);
}

static uint64_t hash_key(const struct kshim__store *store, struct kshim__span namespace_, struct kshim__span name)
{
	return hash_bytes(hash_bytes(store->seed, namespace_.at, namespace_.len), name.at, name.len);
}

static uint64_t stamp_of(const struct kshim__store *store, const struct kshim__facts *facts)
{
	return hash_bytes(hash_bytes(~store->seed, facts->uid.at, facts->uid.len), facts->version.at,
			  facts->version.len);
}

/* Facts. */

static void unquote(struct kshim__span *fact, struct kshim__span value)
{
	if (!kshim__json_is_string(value))
		return;
	fact->at = value.at + 1;
	fact->len = value.len - 2;
}

bool kshim__facts_read(kshim_object *object, struct kshim__facts *facts, char **decoded)
{
	struct kshim__span text = {object->text, object->len}, metadata, key, value, name = {NULL, 0};
	size_t cursor = 0, len;
	bool not_string;

	memset(facts, 0, sizeof(*facts));
	facts->name.at = facts->namespace_.at = facts->uid.at = facts->version.at = "";
	*decoded = NULL;
	if (!kshim__json_pointer(text.at, text.len, kshim__object_members(object), "/metadata", &metadata) || metadata.at[0] != '{')
		return false;
	while (kshim__json_next(metadata, &cursor, &key, &value)) {
		if (key.len == 4 && memcmp(key.at, "name", 4) == 0) {
			name = value;
			unquote(&facts->name, value);
		} else if (key.len == 9 && memcmp(key.at, "namespace", 9) == 0) {
			unquote(&facts->namespace_, value);
		} else if (key.len == 3 && memcmp(key.at, "uid", 3) == 0) {
			unquote(&facts->uid, value);
		} else if (key.len == 15 && memcmp(key.at, "resourceVersion", 15) == 0) {
			unquote(&facts->version, value);
		}
	}
	if (facts->name.len && memchr(facts->name.at, '\\', facts->name.len)) {
		*decoded = kshim__json_string(name, &len, &not_string);
		if (!*decoded)
			return false;
		facts->name.at = *decoded;
		facts->name.len = len;
	}
	return facts->name.len > 0 && facts->name.len <= UINT16_MAX && facts->namespace_.len <= UINT16_MAX;
}

bool kshim__facts_starved(const struct kshim__facts *facts, const char *decoded)
{
	return !decoded && facts->name.len && memchr(facts->name.at, '\\', facts->name.len);
}

/* The table. */

bool kshim__store_init(struct kshim__store *store)
{
	memset(store, 0, sizeof(*store));
	store->bits = FIRST_BITS;
	store->seed = kshim__random_below(UINT64_MAX);
	store->buckets = kshim__calloc((size_t)1 << FIRST_BITS, sizeof(struct kshim__entry *));
	return store->buckets != NULL;
}

static size_t bucket_of(unsigned bits, uint64_t hash)
{
	return (size_t)(hash >> (64 - bits));
}

/* Without memory it stays as it is, and gets slower. */
static void grow(struct kshim__store *store)
{
	size_t count = (size_t)1 << store->bits, i;
	struct kshim__entry **buckets, *entry, *next;

	if (store->entries < count || store->bits > 40)
		return;
	buckets = kshim__calloc(count * 2, sizeof(struct kshim__entry *));
	if (!buckets)
		return;
	for (i = 0; i < count; i++) {
		for (entry = store->buckets[i]; entry; entry = next) {
			size_t to = bucket_of(store->bits + 1, entry->hash);

			next = entry->next;
			entry->next = buckets[to];
			buckets[to] = entry;
		}
	}
	kshim__free(store->buckets);
	store->buckets = buckets;
	store->bits++;
}

/* The object that the key stands in. */
static kshim_object *owner_of(const struct kshim__entry *entry)
{
	return entry->object ? entry->object : entry->aside->pending;
}

static bool has_key(const struct kshim__entry *entry, struct kshim__span namespace_, struct kshim__span name)
{
	const char *text = owner_of(entry)->text;
	const char *own = entry->aside && entry->aside->name ? entry->aside->name : text + entry->name_at;

	return entry->namespace_len == namespace_.len && entry->name_len == name.len &&
	       memcmp(own, name.at, name.len) == 0 && memcmp(text + entry->namespace_at, namespace_.at, namespace_.len) == 0;
}

/* Notes where the key stands, once its owner is set. A name with escapes was noted before. */
static void note_key(struct kshim__entry *entry, const struct kshim__facts *facts)
{
	entry->namespace_len = (uint16_t)facts->namespace_.len;
	entry->namespace_at = facts->namespace_.len ? (uint32_t)(facts->namespace_.at - owner_of(entry)->text) : 0;
	if (entry->aside && entry->aside->name)
		return;
	entry->name_len = (uint16_t)facts->name.len;
	entry->name_at = (uint32_t)(facts->name.at - owner_of(entry)->text);
}

static struct aside *make_aside(struct kshim__entry *entry)
{
	if (!entry->aside)
		entry->aside = kshim__calloc(1, sizeof(*entry->aside));
	return entry->aside;
}

/* Nothing is left in it: most entries have none. */
static void drop_empty_aside(struct kshim__entry *entry)
{
	struct aside *aside = entry->aside;

	if (!aside || aside->pending || aside->nodes || aside->pending_nodes || aside->name)
		return;
	kshim__free(aside);
	entry->aside = NULL;
}

static struct kshim__entry *find(const struct kshim__store *store, uint64_t hash, struct kshim__span namespace_,
				 struct kshim__span name)
{
	struct kshim__entry *entry = store->buckets[bucket_of(store->bits, hash)];

	while (entry && (entry->hash != hash || !has_key(entry, namespace_, name)))
		entry = entry->next;
	return entry;
}

/* What reads see. */
static kshim_object *current(const struct kshim__store *store, const struct kshim__entry *entry)
{
	if (entry->seen < store->whole)
		return NULL;
	return entry->aside && entry->aside->pending && entry->seen == store->whole ? entry->aside->pending :
											  entry->object;
}

kshim_object *kshim__store_get(const struct kshim__store *store, const char *namespace_, const char *name)
{
	struct kshim__span in = {namespace_, strlen(namespace_)}, named = {name, strlen(name)};
	struct kshim__entry *entry = find(store, hash_key(store, in, named), in, named);

	return entry ? current(store, entry) : NULL;
}

/* Indexes. */

struct kshim_index_keys {
	struct kshim__store *store;
	struct kshim__index *index;
	struct kshim__entry *entry;
	kshim_object *object;
	struct node **nodes;
	bool failed;
};

static void add_node(struct kshim__index *index, struct node *node)
{
	size_t count = (size_t)1 << index->bits, i;
	struct kshim__link *buckets;

	if (index->count >= count && (buckets = kshim__malloc(count * 2 * sizeof(*buckets)))) {
		for (i = 0; i < count * 2; i++)
			kshim__list_init(&buckets[i]);
		for (i = 0; i < count; i++) {
			while (!kshim__list_empty(&index->buckets[i])) {
				struct node *moved = KSHIM__OWNER(index->buckets[i].next, struct node, link);

				kshim__list_remove(&moved->link);
				kshim__list_append(&buckets[bucket_of(index->bits + 1, moved->hash)], &moved->link);
			}
		}
		kshim__free(index->buckets);
		index->buckets = buckets;
		index->bits++;
	}
	kshim__list_append(&index->buckets[bucket_of(index->bits, node->hash)], &node->link);
	index->count++;
}

void kshim_index_add(kshim_index_keys *keys, const char *key)
{
	size_t len = key ? strlen(key) : 0;
	struct node *node, *other;

	if (!key || keys->failed)
		return;
	for (other = *keys->nodes; other; other = other->next)
		if (other->index == keys->index && strcmp(other->key, key) == 0)
			return;
	node = kshim__malloc(sizeof(*node) + len + 1);
	keys->failed = !node;
	if (!node)
		return;
	kshim__list_init(&node->link);
	node->index = keys->index;
	node->entry = keys->entry;
	node->object = keys->object;
	node->hash = hash_bytes(keys->store->seed, key, len);
	memcpy(node->key, key, len + 1);
	node->next = *keys->nodes;
	*keys->nodes = node;
	add_node(keys->index, node);
}

static void drop_nodes(struct node **nodes)
{
	while (*nodes) {
		struct node *node = *nodes;

		*nodes = node->next;
		kshim__list_remove(&node->link);
		node->index->count--;
		kshim__free(node);
	}
}

static bool make_nodes(struct kshim__store *store, struct kshim__entry *entry, kshim_object *object,
		       struct node **nodes)
{
	struct kshim_index_keys keys = {.store = store, .entry = entry, .object = object, .nodes = nodes};
	struct kshim__index *index;

	for (index = store->indexes; index && !keys.failed; index = index->next) {
		keys.index = index;
		index->fn(object, &keys, index->user);
	}
	if (keys.failed)
		drop_nodes(nodes);
	return !keys.failed;
}

bool kshim__store_add_index(struct kshim__store *store, const char *name, kshim_index_fn *fn, void *user)
{
	struct kshim__index *index = kshim__calloc(1, sizeof(*index)), **last = &store->indexes;
	size_t i;

	if (!index)
		return false;
	index->fn = fn;
	index->user = user;
	index->bits = FIRST_BITS;
	index->name = kshim__strdup(name);
	index->buckets = kshim__malloc(sizeof(*index->buckets) << FIRST_BITS);
	if (!index->name || !index->buckets) {
		kshim__free(index->name);
		kshim__free(index->buckets);
		kshim__free(index);
		return false;
	}
	for (i = 0; i < (size_t)1 << FIRST_BITS; i++)
		kshim__list_init(&index->buckets[i]);
	while (*last)
		last = &(*last)->next;
	*last = index;
	return true;
}

/* Changes. */

static kshim_object *hold(kshim_object *object)
{
	object->cached = object->common = true;
	return kshim_object_ref(object);
}

/* The reference goes to the caller. */
static kshim_object *let_go(kshim_object *object)
{
	if (object)
		object->cached = false;
	return object;
}

static void free_entry(struct kshim__entry *entry)
{
	if (entry->aside) {
		drop_nodes(&entry->aside->nodes);
		drop_nodes(&entry->aside->pending_nodes);
		kshim_object_unref(let_go(entry->aside->pending));
		kshim__free(entry->aside->name);
		kshim__free(entry->aside);
	}
	kshim_object_unref(let_go(entry->object));
	kshim__free(entry);
}

void kshim__store_free(struct kshim__store *store)
{
	struct kshim__index *index;
	size_t i;

	for (i = 0; store->buckets && i < (size_t)1 << store->bits; i++) {
		while (store->buckets[i]) {
			struct kshim__entry *entry = store->buckets[i];

			store->buckets[i] = entry->next;
			free_entry(entry);
		}
	}
	kshim__free(store->buckets);
	store->buckets = NULL;
	while ((index = store->indexes)) {
		store->indexes = index->next;
		kshim__free(index->name);
		kshim__free(index->buckets);
		kshim__free(index);
	}
}

void kshim__store_begin_state(struct kshim__store *store)
{
	store->state++;
	store->state_count = 0;
	store->in_state = true;
}

void kshim__store_end_state(struct kshim__store *store)
{
	store->in_state = false;
	store->whole = store->state;
	store->count = store->state_count;
}

/* In no bucket yet. */
static struct kshim__entry *new_entry(uint64_t hash)
{
	struct kshim__entry *entry = kshim__calloc(1, sizeof(*entry));

	if (entry)
		entry->hash = hash;
	return entry;
}

/* Of a name whose bytes have it with escapes, here or in a later state. */
static bool keep_name(struct kshim__entry *entry, const struct kshim__facts *facts, const kshim_object *object)
{
	if (facts->name.at >= object->text && facts->name.at < object->text + object->len)
		return true;
	if (!make_aside(entry))
		return false;
	if (!entry->aside->name)
		entry->aside->name = kshim__memdup(facts->name.at, facts->name.len);
	entry->name_len = (uint16_t)facts->name.len;
	return entry->aside->name != NULL;
}

static void link_entry(struct kshim__store *store, struct kshim__entry *entry)
{
	struct kshim__entry **bucket;

	grow(store);
	bucket = &store->buckets[bucket_of(store->bits, entry->hash)];
	entry->next = *bucket;
	*bucket = entry;
	store->entries++;
}

static void unlink_entry(struct kshim__store *store, struct kshim__entry *entry)
{
	struct kshim__entry **at = &store->buckets[bucket_of(store->bits, entry->hash)];

	while (*at != entry)
		at = &(*at)->next;
	*at = entry->next;
	store->entries--;
}

static void drop_pending(struct kshim__entry *entry)
{
	if (!entry->aside)
		return;
	drop_nodes(&entry->aside->pending_nodes);
	kshim_object_unref(let_go(entry->aside->pending));
	entry->aside->pending = NULL;
	drop_empty_aside(entry);
}

/* The state has it. */
static void mark(struct kshim__store *store, struct kshim__entry *entry)
{
	if (store->in_state && entry->seen != store->state)
		store->state_count++;
	entry->seen = store->state;
}

bool kshim__store_has(struct kshim__store *store, const struct kshim__facts *facts)
{
	uint64_t hash = hash_key(store, facts->namespace_, facts->name);
	struct kshim__entry *entry = find(store, hash, facts->namespace_, facts->name);

	if (!entry || !entry->object || entry->stamp != stamp_of(store, facts) || !facts->version.len)
		return false;
	drop_pending(entry);
	mark(store, entry);
	return true;
}

/* The object and its index keys take the place of what was seen: a reference to that
 * is the caller's. */
static kshim_object *replace(struct kshim__store *store, struct kshim__entry *entry, kshim_object *object,
			     struct node *nodes, const struct kshim__facts *facts)
{
	kshim_object *before = let_go(entry->object);

	if (entry->aside) {
		drop_nodes(&entry->aside->nodes);
		entry->aside->nodes = nodes;
		drop_empty_aside(entry);
	}
	entry->object = object;
	entry->stamp = stamp_of(store, facts);
	note_key(entry, facts);
	return before;
}

enum kshim__put kshim__store_put(struct kshim__store *store, const struct kshim__facts *facts, kshim_object *object,
				 uint64_t *hash, kshim_object **before)
{
	bool aside = store->in_state && store->whole;
	struct kshim__entry *entry, *made = NULL;
	struct node *nodes = NULL;

	*before = NULL;
	*hash = hash_key(store, facts->namespace_, facts->name);
	entry = find(store, *hash, facts->namespace_, facts->name);
	if (!entry)
		entry = made = new_entry(*hash);
	if (!entry || !keep_name(entry, facts, object) || ((aside || store->indexes) && !make_aside(entry)) ||
	    !make_nodes(store, entry, object, &nodes)) {
		if (made)
			free_entry(made);
		else if (entry)
			drop_empty_aside(entry);
		return KSHIM__PUT_NOMEM;
	}
	if (entry->aside && entry->aside->pending) {
		drop_nodes(&entry->aside->pending_nodes);
		kshim_object_unref(let_go(entry->aside->pending));
		entry->aside->pending = NULL;
	}
	if (aside) {
		entry->aside->pending = hold(object);
		entry->aside->pending_nodes = nodes;
		if (!entry->object)
			note_key(entry, facts);
	} else {
		*before = replace(store, entry, hold(object), nodes, facts);
		if (!*before)
			store->count++;
	}
	mark(store, entry);
	if (made)
		link_entry(store, made);
	return aside ? KSHIM__PUT_ASIDE : KSHIM__PUT_DONE;
}

kshim_object *kshim__store_remove(struct kshim__store *store, const struct kshim__facts *facts, uint64_t *hash)
{
	struct kshim__entry *entry;
	kshim_object *object;

	*hash = hash_key(store, facts->namespace_, facts->name);
	entry = find(store, *hash, facts->namespace_, facts->name);
	if (!entry)
		return NULL;
	unlink_entry(store, entry);
	object = let_go(entry->object);
	entry->object = NULL;
	if (object)
		store->count--;
	if (store->in_state && entry->seen == store->state)
		store->state_count--;
	free_entry(entry);
	return object;
}

static uint64_t after(const struct kshim__store *store, size_t bucket)
{
	bucket++;
	return bucket == (size_t)1 << store->bits ? 0 : (uint64_t)bucket << (64 - store->bits);
}

uint64_t kshim__store_settle(struct kshim__store *store, uint64_t position, kshim__settled_fn *fn, void *user)
{
	size_t bucket = bucket_of(store->bits, position);
	struct kshim__entry **at = &store->buckets[bucket], *entry, *gone = NULL;
	uint64_t next = after(store, bucket);

	/* first the entries, then the telling: whoever is told may do anything */
	while ((entry = *at)) {
		if (entry->seen >= store->whole) {
			at = &entry->next;
			continue;
		}
		*at = entry->next;
		entry->next = gone;
		gone = entry;
		store->entries--;
	}
	for (entry = store->buckets[bucket]; entry; entry = entry->next) {
		struct kshim__facts facts;
		kshim_object *before, *now;
		struct node *nodes;
		char *decoded;

		if (!entry->aside || !entry->aside->pending || entry->seen != store->whole)
			continue;
		now = entry->aside->pending;
		nodes = entry->aside->pending_nodes;
		entry->aside->pending = NULL;
		entry->aside->pending_nodes = NULL;
		kshim__facts_read(now, &facts, &decoded);
		before = replace(store, entry, now, nodes, &facts);
		kshim__free(decoded);
		fn(user, entry->hash, now, before);
		kshim_object_unref(before);
	}
	while (gone) {
		entry = gone;
		gone = entry->next;
		if (entry->object)
			fn(user, entry->hash, NULL, entry->object);
		free_entry(entry);
	}
	return next;
}

/* Reading. */

static bool note(struct kshim__bucket *bucket, kshim_object *object, uint64_t hash)
{
	size_t cap = bucket->cap ? bucket->cap * 2 : 16;
	struct kshim__found *found;

	if (bucket->count == bucket->cap) {
		found = kshim__realloc(bucket->found, cap * sizeof(*found));
		if (!found)
			return false;
		bucket->found = found;
		bucket->cap = cap;
	}
	bucket->found[bucket->count].hash = hash;
	bucket->found[bucket->count++].object = kshim_object_ref(object);
	return true;
}

void kshim__bucket_clear(struct kshim__bucket *bucket)
{
	while (bucket->count)
		kshim_object_unref(bucket->found[--bucket->count].object);
}

void kshim__bucket_free(struct kshim__bucket *bucket)
{
	kshim__bucket_clear(bucket);
	kshim__free(bucket->found);
	bucket->found = NULL;
	bucket->cap = 0;
}

bool kshim__store_read(const struct kshim__store *store, uint64_t position, struct kshim__bucket *bucket,
		       uint64_t *next)
{
	size_t index = bucket_of(store->bits, position);
	const struct kshim__entry *entry;

	kshim__bucket_clear(bucket);
	*next = after(store, index);
	for (entry = store->buckets[index]; entry; entry = entry->next)
		if (current(store, entry) && !note(bucket, current(store, entry), entry->hash))
			return false;
	return true;
}

bool kshim__store_find(const struct kshim__store *store, const char *index, const char *key,
		       struct kshim__bucket *bucket, bool *no_index)
{
	uint64_t hash = hash_bytes(store->seed, key, strlen(key));
	const struct kshim__index *in = store->indexes;
	const struct kshim__link *link, *list;

	while (in && strcmp(in->name, index) != 0)
		in = in->next;
	*no_index = !in;
	if (!in)
		return true;
	list = &in->buckets[bucket_of(in->bits, hash)];
	for (link = list->next; link != list; link = link->next) {
		const struct node *node = KSHIM__OWNER(link, struct node, link);

		if (node->hash == hash && strcmp(node->key, key) == 0 && current(store, node->entry) == node->object &&
		    !note(bucket, node->object, node->entry->hash))
			return false;
	}
	return true;
}
