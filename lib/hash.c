#include "hash.h"

#include "alloc.h"

#include <string.h>

#define MOST_BITS 40
#define MOVES 8 /* buckets that follow a node that is added: growing is over long before the next time */

void kshim__hash_init(struct kshim__hash *table)
{
	memset(table, 0, sizeof(*table));
	table->buckets = table->first;
	table->bits = KSHIM__HASH_FIRST_BITS;
}

static void free_buckets(struct kshim__hash *table, struct kshim__hashed **buckets)
{
	if (buckets != table->first)
		kshim__free(buckets);
}

void kshim__hash_free(struct kshim__hash *table)
{
	free_buckets(table, table->buckets);
	free_buckets(table, table->former);
	kshim__hash_init(table);
}

static size_t index_of(unsigned bits, uint64_t hash)
{
	return (size_t)(hash >> (64 - bits));
}

/* Its bucket is still among the former ones. */
static bool is_behind(const struct kshim__hash *table, uint64_t hash)
{
	return table->former && index_of(table->bits - 1, hash) >= table->moved;
}

struct kshim__hashed **kshim__hash_bucket(const struct kshim__hash *table, uint64_t hash)
{
	if (is_behind(table, hash))
		return &table->former[index_of(table->bits - 1, hash)];
	return &table->buckets[index_of(table->bits, hash)];
}

uint64_t kshim__hash_after(const struct kshim__hash *table, uint64_t position)
{
	unsigned bits = is_behind(table, position) ? table->bits - 1 : table->bits;
	size_t next = index_of(bits, position) + 1;

	return next >> bits ? 0 : (uint64_t)next << (64 - bits);
}

/* The new buckets are not cleared: that would take long. Each is set when its turn comes. */
static void begin_to_grow(struct kshim__hash *table)
{
	struct kshim__hashed **buckets;

	if (table->bits >= MOST_BITS)
		return;
	buckets = kshim__malloc(sizeof(*buckets) << (table->bits + 1));
	if (!buckets)
		return;
	table->former = table->buckets;
	table->buckets = buckets;
	table->moved = 0;
	table->bits++;
}

static void move_bucket(struct kshim__hash *table)
{
	struct kshim__hashed **to = &table->buckets[table->moved * 2], *node = table->former[table->moved], *next;

	to[0] = to[1] = NULL;
	for (; node; node = next) {
		struct kshim__hashed **half = &to[index_of(table->bits, node->hash) & 1];

		next = node->next;
		node->next = *half;
		*half = node;
	}
	table->moved++;
}

static void grow(struct kshim__hash *table)
{
	unsigned moves;

	if (!table->former && table->count >> table->bits)
		begin_to_grow(table);
	for (moves = 0; table->former && moves < MOVES; moves++) {
		move_bucket(table);
		if (table->moved >> (table->bits - 1)) {
			free_buckets(table, table->former);
			table->former = NULL;
		}
	}
}

void kshim__hash_add(struct kshim__hash *table, struct kshim__hashed *node)
{
	struct kshim__hashed **bucket;

	grow(table);
	bucket = kshim__hash_bucket(table, node->hash);
	node->next = *bucket;
	*bucket = node;
	table->count++;
}

void kshim__hash_remove(struct kshim__hash *table, struct kshim__hashed *node)
{
	struct kshim__hashed **at = kshim__hash_bucket(table, node->hash);

	while (*at != node)
		at = &(*at)->next;
	*at = node->next;
	table->count--;
}

struct kshim__hashed *kshim__hash_take(struct kshim__hash *table, uint64_t *position)
{
	struct kshim__hashed **bucket, *node;

	while (table->count) {
		bucket = kshim__hash_bucket(table, *position);
		node = *bucket;
		if (node) {
			*bucket = node->next;
			table->count--;
			return node;
		}
		*position = kshim__hash_after(table, *position);
		if (!*position)
			break;
	}
	return NULL;
}
