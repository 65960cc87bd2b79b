/*
 * Cuts a Kubernetes List into its items while it downloads.
 *
 * Fed with chunks cut anywhere. Each item is handed on the moment its last
 * byte is there, as one or two pieces: what was kept of earlier chunks, and
 * what lies in this one. Memory is one item, whatever the list's length.
 */
#ifndef KSHIM__JSON_ITEMS_H
#define KSHIM__JSON_ITEMS_H

#include "json/scan.h"

#include <stdbool.h>
#include <stddef.h>

#define KSHIM__ITEM_MAX (64u * 1024 * 1024) /* a larger item is refused */
#define KSHIM__HEAD_MAX (1024u * 1024)      /* of all that is not items */

struct kshim__items;

/* One item's bytes are head followed by tail; `members` is what the scan noted
 * of it. Returning false stops the decoder (out of memory). */
typedef bool kshim__item_sink(void *user, struct kshim__span head, struct kshim__span tail,
			      const struct kshim__members *members);

enum kshim__items_state {
	KSHIM__ITEMS_MORE,      /* the list is not complete yet */
	KSHIM__ITEMS_DONE,      /* the closing brace came; only white space may follow */
	KSHIM__ITEMS_MALFORMED, /* not a JSON object, "items" no array of objects, or too large */
	KSHIM__ITEMS_NOMEM
};

struct kshim__items *kshim__items_new(kshim__item_sink *sink, void *user);
void kshim__items_free(struct kshim__items *items);

/* Takes the next chunk. After MALFORMED or NOMEM nothing more is accepted. */
enum kshim__items_state kshim__items_feed(struct kshim__items *items, const char *data, size_t len);
enum kshim__items_state kshim__items_state(const struct kshim__items *items);

/* Everything but the items: the top-level object's text with `"items":[]` in
 * their place (so that kind, metadata.continue, metadata.resourceVersion read
 * through kshim__json_pointer). Empty before the opening brace, then an object at
 * any time: it grows as members complete and is whole once DONE. Valid until
 * the next feed. */
struct kshim__span kshim__items_head(const struct kshim__items *items);

/* true once an "items" member was seen, be it null. */
bool kshim__items_seen(const struct kshim__items *items);

/* A sentence about what is malformed and at which byte of the stream, static
 * storage of the decoder; NULL if nothing is. */
const char *kshim__items_problem(const struct kshim__items *items);

#endif
