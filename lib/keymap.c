#include "keymap.h"

#include "loop.h"
#include "random.h"

#include <string.h>

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
	kshim__hash_init(&map->table);
	map->seed[0] = kshim__random_below(UINT64_MAX);
	map->seed[1] = kshim__random_below(UINT64_MAX);
}

void kshim__keymap_free(struct kshim__keymap *map)
{
	kshim__hash_free(&map->table);
}

static struct kshim__keyed *keyed(struct kshim__hashed *node)
{
	return node ? KSHIM__OWNER(node, struct kshim__keyed, hashed) : NULL;
}

struct kshim__keyed *kshim__keymap_find(const struct kshim__keymap *map, const char *key)
{
	struct kshim__hashed *node;
	uint64_t hash;

	if (!map->table.count)
		return NULL;
	hash = kshim__keymap_hash(map, key);
	for (node = *kshim__hash_bucket(&map->table, hash); node; node = node->next)
		if (node->hash == hash && strcmp(keyed(node)->key, key) == 0)
			return keyed(node);
	return NULL;
}

void kshim__keymap_add(struct kshim__keymap *map, struct kshim__keyed *node)
{
	node->hashed.hash = kshim__keymap_hash(map, node->key);
	kshim__hash_add(&map->table, &node->hashed);
}

void kshim__keymap_remove(struct kshim__keymap *map, struct kshim__keyed *node)
{
	kshim__hash_remove(&map->table, &node->hashed);
}

struct kshim__keyed *kshim__keymap_take(struct kshim__keymap *map, uint64_t *position)
{
	return keyed(kshim__hash_take(&map->table, position));
}
