/*
 * A hash table of structs that are found by a string: the node is a member of
 * them, as with kshim__link. The hash is SipHash-1-3 under a key of each map's
 * own, since keys are names that others choose.
 */
#ifndef KSHIM__KEYMAP_H
#define KSHIM__KEYMAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct kshim__keyed {
	struct kshim__keyed *next; /* in the same slot */
	uint64_t hash;
	const char *key; /* NUL-terminated, the owner's, unchanged while it is in a map */
};

struct kshim__keymap {
	struct kshim__keyed **slots;
	size_t room; /* slots: 0 or a power of two */
	size_t count;
	uint64_t seed[2];
};

void kshim__keymap_init(struct kshim__keymap *map);
void kshim__keymap_free(struct kshim__keymap *map); /* not what is in it */

/* Of any text; under this map's key. */
uint64_t kshim__keymap_hash(const struct kshim__keymap *map, const char *key);

struct kshim__keyed *kshim__keymap_find(const struct kshim__keymap *map, const char *key);
/* node->key is set, and in the map no other like it. false without memory. */
bool kshim__keymap_add(struct kshim__keymap *map, struct kshim__keyed *node);
void kshim__keymap_remove(struct kshim__keymap *map, struct kshim__keyed *node);

/* Empties the map, one by one, in no order: *cursor starts at 0; NULL once it is
 * empty. Nothing else is to be done with the map in between. */
struct kshim__keyed *kshim__keymap_take(struct kshim__keymap *map, size_t *cursor);

#endif
