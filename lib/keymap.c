#include "keymap.h"

#include "alloc.h"
#include "random.h"

#include <string.h>

#define ROOM_FIRST 16

static uint64_t rotate(uint64_t x, unsigned bits)
{
	return (x << bits) | (x >> (64 - bits));
}

static void mix(uint64_t v[4])
{
	v[0] += v[1];
	v[1] = rotate(v[1], 13) ^ v[0];
	v[0] = rotate(v[0], 32);
	v[2] += v[3];
	v[3] = rotate(v[3], 16) ^ v[2];
	v[0] += v[3];
	v[3] = rotate(v[3], 21) ^ v[0];
	v[2] += v[1];
	v[1] = rotate(v[1], 17) ^ v[2];
	v[2] = rotate(v[2], 32);
}

/* Aumasson and Bernstein, "SipHash: a fast short-input PRF", 1 and 3 rounds. */
uint64_t kshim__keymap_hash(const struct kshim__keymap *map, const char *key)
{
	uint64_t v[4] = {map->seed[0] ^ 0x736f6d6570736575u, map->seed[1] ^ 0x646f72616e646f6du,
			 map->seed[0] ^ 0x6c7967656e657261u, map->seed[1] ^ 0x7465646279746573u};
	size_t len = strlen(key), left = len;
	uint64_t word;

	for (; left >= sizeof(word); left -= sizeof(word), key += sizeof(word)) {
		memcpy(&word, key, sizeof(word));
		v[3] ^= word;
		mix(v);
		v[0] ^= word;
	}
	word = 0;
	memcpy(&word, key, left);
	word ^= (uint64_t)len << 56;
	v[3] ^= word;
	mix(v);
	v[0] ^= word;
	v[2] ^= 0xff;
	mix(v);
	mix(v);
	mix(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

void kshim__keymap_init(struct kshim__keymap *map)
{
	memset(map, 0, sizeof(*map));
	map->seed[0] = kshim__random_below(UINT64_MAX);
	map->seed[1] = kshim__random_below(UINT64_MAX);
}

void kshim__keymap_free(struct kshim__keymap *map)
{
	kshim__free(map->slots);
	map->slots = NULL;
	map->room = map->count = 0;
}

static struct kshim__keyed **slot(const struct kshim__keymap *map, uint64_t of)
{
	return &map->slots[of & (map->room - 1)];
}

/* Without memory for more slots those that are there have to do. */
static bool grow(struct kshim__keymap *map)
{
	struct kshim__keymap old = *map;
	struct kshim__keyed *node, *next;
	size_t i;

	map->room = old.room ? old.room * 2 : ROOM_FIRST;
	map->slots = kshim__calloc(map->room, sizeof(*map->slots));
	if (!map->slots) {
		*map = old;
		return old.room > 0;
	}
	for (i = 0; i < old.room; i++) {
		for (node = old.slots[i]; node; node = next) {
			next = node->next;
			node->next = *slot(map, node->hash);
			*slot(map, node->hash) = node;
		}
	}
	kshim__free(old.slots);
	return true;
}

struct kshim__keyed *kshim__keymap_find(const struct kshim__keymap *map, const char *key)
{
	struct kshim__keyed *node;
	uint64_t of;

	if (!map->count)
		return NULL;
	of = kshim__keymap_hash(map, key);
	for (node = *slot(map, of); node; node = node->next)
		if (node->hash == of && strcmp(node->key, key) == 0)
			return node;
	return NULL;
}

bool kshim__keymap_add(struct kshim__keymap *map, struct kshim__keyed *node)
{
	if (map->count >= map->room && !grow(map))
		return false;
	node->hash = kshim__keymap_hash(map, node->key);
	node->next = *slot(map, node->hash);
	*slot(map, node->hash) = node;
	map->count++;
	return true;
}

void kshim__keymap_remove(struct kshim__keymap *map, struct kshim__keyed *node)
{
	struct kshim__keyed **at = slot(map, node->hash);

	while (*at != node)
		at = &(*at)->next;
	*at = node->next;
	map->count--;
}

struct kshim__keyed *kshim__keymap_take(struct kshim__keymap *map, size_t *cursor)
{
	struct kshim__keyed *node;

	for (; map->count && *cursor < map->room; ++*cursor) {
		node = map->slots[*cursor];
		if (!node)
			continue;
		map->slots[*cursor] = node->next;
		map->count--;
		return node;
	}
	return NULL;
}
