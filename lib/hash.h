/*
 * A hash table that grows by and by. A table of twice the size is filled from the one
 * before it, some buckets at each node that is added; until that is done both are used.
 * So no single call takes long, however much is in it.
 *
 * A bucket is the first bits of the hash. So the order of the buckets stays what it is
 * while the table grows, and a position among them is a hash: what was walked up to a
 * position stays walked. The nodes are members of the structs that are held.
 */
#ifndef KSHIM__HASH_H
#define KSHIM__HASH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define KSHIM__HASH_FIRST_BITS 4

struct kshim__hashed {
	struct kshim__hashed *next; /* in the bucket */
	uint64_t hash;              /* of the owner's making; unchanged while it is in a table */
};

struct kshim__hash {
	struct kshim__hashed **buckets; /* 1 << bits of them */
	struct kshim__hashed **former;  /* half as many; NULL: it does not grow just now */
	size_t moved;                   /* so many of the former ones are in `buckets` */
	size_t count;
	unsigned bits;
	struct kshim__hashed *first[1 << KSHIM__HASH_FIRST_BITS]; /* so that adding never fails */
};

/* It is not moved after that. */
void kshim__hash_init(struct kshim__hash *table);
void kshim__hash_free(struct kshim__hash *table); /* not what is in it; it is empty then */

/* Where a hash or a position belongs: the list of its bucket. Until something is added. */
struct kshim__hashed **kshim__hash_bucket(const struct kshim__hash *table, uint64_t hash);
/* The position of the bucket behind; 0: there is none. */
uint64_t kshim__hash_after(const struct kshim__hash *table, uint64_t position);

/* Without memory to grow it gets slower. */
void kshim__hash_add(struct kshim__hash *table, struct kshim__hashed *node);
void kshim__hash_remove(struct kshim__hash *table, struct kshim__hashed *node);

/* Takes nodes out, one by one, from a position on, which starts at 0; NULL once there
 * are none. What is added in between may be left in. */
struct kshim__hashed *kshim__hash_take(struct kshim__hash *table, uint64_t *position);

#endif
