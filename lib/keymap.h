/*
 * A table of structs that are found by a string: the node is a member of them. The
 * hash is SipHash-1-3 under a key of each map's own, since keys are names that
 * others choose.
 */
#ifndef KSHIM__KEYMAP_H
#define KSHIM__KEYMAP_H

#include "hash.h"

struct kshim__keyed {
	struct kshim__hashed hashed;
	const char *key; /* NUL-terminated, the owner's, unchanged while it is in a map */
};

struct kshim__keymap {
	struct kshim__hash table;
	uint64_t seed[2];
};

void kshim__keymap_init(struct kshim__keymap *map);
void kshim__keymap_free(struct kshim__keymap *map); /* not what is in it */

/* Of any text; under this map's key. */
uint64_t kshim__keymap_hash(const struct kshim__keymap *map, const char *key);

struct kshim__keyed *kshim__keymap_find(const struct kshim__keymap *map, const char *key);
/* node->key is set, and in the map no other like it. */
void kshim__keymap_add(struct kshim__keymap *map, struct kshim__keyed *node);
void kshim__keymap_remove(struct kshim__keymap *map, struct kshim__keyed *node);

/* As kshim__hash_take(). */
struct kshim__keyed *kshim__keymap_take(struct kshim__keymap *map, uint64_t *position);

#endif
