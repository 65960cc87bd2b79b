/*
 * Where a cache holds its objects: a table by namespace and name, and indexes.
 *
 * A state that is being read stands aside until it is whole: what is new in it waits
 * in `pending`, and from one moment on (kshim__store_end_state()) it is what reads
 * see, and what the state did not have is no longer seen. The entries follow, bucket
 * by bucket, as there is time (kshim__store_settle()).
 *
 * A position in it is a hash, as in every kshim__hash.
 */
#ifndef KSHIM__STORE_H
#define KSHIM__STORE_H

#include "keymap.h"
#include "loop.h"
#include "object.h"

#include <kubeshim/cache.h>

struct kshim__entry;

/* Of an index: tells the keys of an object. */
struct kshim__index {
	struct kshim__index *next;
	char *name;
	kshim_index_fn *fn;
	void *user;
	struct kshim__keymap keys;
};

struct kshim__store {
	struct kshim__hash table;
	size_t count; /* of the objects that reads see */
	uint64_t seed;
	uint32_t state; /* the number of the state that is being read, or was last */
	uint32_t whole; /* of the last whole one; 0: none yet */
	size_t state_count;
	bool in_state;
	struct kshim__index *indexes;
	unsigned gone;  /* entries that states did not have */
	uint64_t freed; /* up to here, once that has begun */
};

/* What an object says of itself, as it stands in its bytes. */
struct kshim__facts {
	struct kshim__span name, namespace_, uid, version; /* without quotes; empty: not there */
};

void kshim__store_init(struct kshim__store *store);
/* Of one entry; false: nothing is left. To be called until then, and nothing else any more. */
bool kshim__store_free_piece(struct kshim__store *store);
/* While it is empty. */
bool kshim__store_add_index(struct kshim__store *store, const char *name, kshim_index_fn *fn, void *user);

/* false: no name. Of a name with escapes, *decoded is set to the text that
 * facts->name is in, to kshim__free. */
bool kshim__facts_read(kshim_object *object, struct kshim__facts *facts, char **decoded);
/* That failed for want of memory. */
bool kshim__facts_starved(const struct kshim__facts *facts, const char *decoded);

/* The object of this name that reads see, or NULL. */
kshim_object *kshim__store_get(const struct kshim__store *store, const char *namespace_, const char *name);

void kshim__store_begin_state(struct kshim__store *store);
void kshim__store_end_state(struct kshim__store *store);

enum kshim__put {
	KSHIM__PUT_SAME,  /* it was there already, and is what it was */
	KSHIM__PUT_ASIDE, /* until the state is whole */
	KSHIM__PUT_DONE,  /* seen from now on: *before is what was, a reference, or NULL */
	KSHIM__PUT_NOMEM
};

/* What is known already needs no copy: so first it is looked up, by the facts of an
 * object, and what is held if it is not the same (a reference is taken) follows. */
bool kshim__store_has(struct kshim__store *store, const struct kshim__facts *facts);
enum kshim__put kshim__store_put(struct kshim__store *store, const struct kshim__facts *facts, kshim_object *object,
				 uint64_t *hash, kshim_object **before);
/* What it was, a reference; NULL: it was not there. */
kshim_object *kshim__store_remove(struct kshim__store *store, const struct kshim__facts *facts, uint64_t *hash);

/* Brings the entries of one bucket, at a position, in line with what reads see, and
 * tells what changed; object NULL: it is gone. The next position; 0: that was all. */
typedef void kshim__settled_fn(void *user, uint64_t hash, kshim_object *object, kshim_object *before);
uint64_t kshim__store_settle(struct kshim__store *store, uint64_t position, kshim__settled_fn *fn, void *user);

/* Gives references on what reads see of one bucket: *objects grows as needed. false
 * without memory. */
struct kshim__found {
	kshim_object *object;
	uint64_t hash;
};
struct kshim__bucket {
	struct kshim__found *found;
	size_t count, cap;
};
bool kshim__store_read(const struct kshim__store *store, uint64_t position, struct kshim__bucket *bucket,
		       uint64_t *next);
bool kshim__store_find(const struct kshim__store *store, const char *index, const char *key,
		       struct kshim__bucket *bucket, bool *no_index);
void kshim__bucket_clear(struct kshim__bucket *bucket);
void kshim__bucket_free(struct kshim__bucket *bucket);

#endif
