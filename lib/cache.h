/* Caches from the inside: see kubeshim/cache.h. */
#ifndef KSHIM__CACHE_H
#define KSHIM__CACHE_H

#include "discard.h"
#include "matcher.h"
#include "store.h"
#include "watch.h"

#include <kubeshim/cache.h>

struct kshim_listener {
	struct kshim__link link;
	kshim_cache *cache; /* NULL: freed, and to be removed when nobody walks the list */
	char *namespace_;   /* NULL: all */
	struct kshim__matcher *matcher; /* NULL: all */
	uint64_t position;  /* in the store: what is before it was told */
	bool caught_up;
	bool synced; /* and it was told so */
	bool ended;  /* likewise */
	bool late;   /* likewise, and not yet the contrary */
	kshim_change_fn *fn;
	void *user;
};

struct kshim_cache {
	unsigned refs;
	unsigned busy; /* in its functions, from where it cannot go */
	kshim_client *client; /* reference */
	struct kshim__link shared; /* in the client's list, or empty */
	struct kshim__task task;
	bool holds; /* the loop, until the task has run */
	kshim_query *query;
	kshim_options *options; /* or NULL */
	kshim_watch *watch;     /* NULL: not begun, or ended */
	bool begun, ended;
	bool synced;
	bool late;
	bool settling; /* a whole state is being brought in line */
	bool keep_managed_fields;
	uint64_t position; /* of the settling */
	kshim_error *error; /* why it ended */
	kshim_transform_fn *transform;
	void *transform_user;
	struct kshim__store store;
	struct kshim__link listeners;
	struct kshim__bucket replay;
	kshim_object **lent; /* references: what was read of them is let go when the loop goes on */
	size_t lent_count, lent_cap;
	struct kshim__discard discard; /* once it is over */
};

#endif
