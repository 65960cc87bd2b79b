#include "store.h"

#include "alloc.h"
#include "random.h"

#include <string.h>

/* A key of an index: is there while an object has it. */
struct key {
	struct kshim__keyed keyed;
	struct kshim__index *index;
	struct kshim__link nodes;
	char text[];
};

/* That one object has it. */
struct node {
	struct kshim__link link; /* in the key's */
	struct node *next;       /* of the same object */
	struct key *key;
	struct kshim__entry *entry;
	kshim_object *object; /* borrowed */
};

/* What few entries have. */
struct aside {
	kshim_object *pending; /* reference, of a state that is not whole, or not settled; or NULL */
	struct node *nodes, *pending_nodes;
	char *name; /* of one whose bytes have it with escapes */
};

/* Its key is not held twice: it stands in the bytes of its object. */
struct kshim__entry {
	struct kshim__hashed hashed;
	kshim_object *object; /* reference; NULL: only pending */
	struct aside *aside;  /* or NULL */
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

/* The entries. */

void kshim__store_init(struct kshim__store *store)
{
	memset(store, 0, sizeof(*store));
	kshim__hash_init(&store->table);
	store->seed = kshim__random_below(UINT64_MAX);
}

static struct kshim__entry *entry_of(struct kshim__hashed *hashed)
{
	return hashed ? KSHIM__OWNER(hashed, struct kshim__entry, hashed) : NULL;
}

static struct kshim__entry *first_at(const struct kshim__store *store, uint64_t position)
{
	return entry_of(*kshim__hash_bucket(&store->table, position));
}

static struct kshim__entry *next_of(const struct kshim__entry *entry)
{
	return entry_of(entry->hashed.next);
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
	struct kshim__entry *entry = first_at(store, hash);

	while (entry && (entry->hashed.hash != hash || !has_key(entry, namespace_, name)))
		entry = next_of(entry);
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

static struct key *find_key(const struct kshim__index *index, const char *text)
{
	struct kshim__keyed *keyed = kshim__keymap_find(&index->keys, text);

	return keyed ? KSHIM__OWNER(keyed, struct key, keyed) : NULL;
}

static struct key *make_key(struct kshim__index *index, const char *text)
{
	size_t size = strlen(text) + 1;
	struct key *key = kshim__malloc(sizeof(*key) + size);

	if (!key)
		return NULL;
	memcpy(key->text, text, size);
	key->keyed.key = key->text;
	key->index = index;
	kshim__list_init(&key->nodes);
	kshim__keymap_add(&index->keys, &key->keyed);
	return key;
}

static void drop_unused_key(struct key *key)
{
	if (!kshim__list_empty(&key->nodes))
		return;
	kshim__keymap_remove(&key->index->keys, &key->keyed);
	kshim__free(key);
}

void kshim_index_add(kshim_index_keys *keys, const char *key)
{
	struct node *node, *other;
	struct key *of;

	if (!keys || !key || keys->failed)
		return;
	of = find_key(keys->index, key);
	for (other = *keys->nodes; of && other; other = other->next)
		if (other->key == of)
			return;
	node = kshim__malloc(sizeof(*node));
	if (!of && node)
		of = make_key(keys->index, key);
	keys->failed = !node || !of;
	if (keys->failed) {
		kshim__free(node);
		return;
	}
	node->key = of;
	node->entry = keys->entry;
	node->object = keys->object;
	node->next = *keys->nodes;
	*keys->nodes = node;
	kshim__list_append(&of->nodes, &node->link);
}

static void drop_nodes(struct node **nodes)
{
	while (*nodes) {
		struct node *node = *nodes;

		*nodes = node->next;
		kshim__list_remove(&node->link);
		drop_unused_key(node->key);
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

	if (!index)
		return false;
	index->fn = fn;
	index->user = user;
	kshim__keymap_init(&index->keys);
	index->name = kshim__strdup(name);
	if (!index->name) {
		kshim__free(index);
		return false;
	}
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

bool kshim__store_free_piece(struct kshim__store *store)
{
	struct kshim__hashed *hashed = kshim__hash_take(&store->table, &store->freed);
	struct kshim__index *index;

	if (hashed) {
		free_entry(entry_of(hashed));
		return true;
	}
	kshim__hash_free(&store->table);
	while ((index = store->indexes)) {
		store->indexes = index->next;
		kshim__keymap_free(&index->keys); /* no object has a key any more */
		kshim__free(index->name);
		kshim__free(index);
	}
	return false;
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
		entry->hashed.hash = hash;
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
		kshim__hash_add(&store->table, &made->hashed);
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
	kshim__hash_remove(&store->table, &entry->hashed);
	object = let_go(entry->object);
	entry->object = NULL;
	if (object)
		store->count--;
	if (store->in_state && entry->seen == store->state)
		store->state_count--;
	free_entry(entry);
	return object;
}

uint64_t kshim__store_settle(struct kshim__store *store, uint64_t position, kshim__settled_fn *fn, void *user)
{
	struct kshim__entry *entry, *next;
	struct kshim__hashed *gone = NULL;

	/* first the entries, then the telling: whoever is told may do anything */
	for (entry = first_at(store, position); entry; entry = next) {
		next = next_of(entry);
		if (entry->seen >= store->whole)
			continue;
		kshim__hash_remove(&store->table, &entry->hashed);
		entry->hashed.next = gone;
		gone = &entry->hashed;
	}
	for (entry = first_at(store, position); entry; entry = next_of(entry)) {
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
		fn(user, entry->hashed.hash, now, before);
		kshim_object_unref(before);
	}
	while (gone) {
		entry = entry_of(gone);
		gone = gone->next;
		if (entry->object)
			fn(user, entry->hashed.hash, NULL, entry->object);
		free_entry(entry);
		if (++store->gone % 32 == 0)
			kshim__free_settle();
	}
	return kshim__hash_after(&store->table, position);
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
	const struct kshim__entry *entry;

	kshim__bucket_clear(bucket);
	*next = kshim__hash_after(&store->table, position);
	for (entry = first_at(store, position); entry; entry = next_of(entry))
		if (current(store, entry) && !note(bucket, current(store, entry), entry->hashed.hash))
			return false;
	return true;
}

bool kshim__store_find(const struct kshim__store *store, const char *index, const char *key,
		       struct kshim__bucket *bucket, bool *no_index)
{
	const struct kshim__index *in = store->indexes;
	const struct kshim__link *link;
	const struct key *of;

	while (in && strcmp(in->name, index) != 0)
		in = in->next;
	*no_index = !in;
	if (!in)
		return true;
	of = find_key(in, key);
	for (link = of ? of->nodes.next : NULL; of && link != &of->nodes; link = link->next) {
		const struct node *node = KSHIM__OWNER(link, struct node, link);

		if (current(store, node->entry) == node->object && !note(bucket, node->object, node->entry->hashed.hash))
			return false;
	}
	return true;
}
