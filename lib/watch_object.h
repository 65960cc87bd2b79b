/*
 * Verbs that wait on one object: a composite that watches it by its name, and tells
 * each state of it, until the verb's deadline.
 *
 * It begins with a list, not a get: an object's own resourceVersion may long have
 * left the server's watch cache, and then no watch from it ever begins; the
 * list's never has.
 */
#ifndef KSHIM__WATCH_OBJECT_H
#define KSHIM__WATCH_OBJECT_H

#include "composite.h"

struct kshim__object_watch;

/* The object as it is now, borrowed; NULL: it is not there, or not any more. The
 * same state may be told twice. It may end the composite; what is watched may be
 * deleted and created anew under one name: uids tell. */
typedef void kshim__object_state_fn(struct kshim__object_watch *watch, kshim_object *object);

struct kshim__object_watch {
	struct kshim__composite composite;
	kshim__object_state_fn *state;
	void (*release)(struct kshim__object_watch *watch); /* of what the verb's state holds; or NULL */
	kshim_object *object; /* reference: what the verb was called on */
	kshim_object *listed; /* reference, between an item and its list's end */
	bool in_list;
	bool began; /* a list succeeded */
};

/* A verb's state of `size` bytes, zero but for this head, and its call, begun.
 * NULL, with the client's error set, as kshim__composite_new(), and for an object
 * without a name. */
void *kshim__object_watch_new(kshim_object *object, size_t size, kshim__object_state_fn *state,
			      void (*release)(struct kshim__object_watch *watch), const kshim_options *options,
			      kshim_done_fn *done, void *user);

/* Begins to list and watch; at once, or after other steps. */
void kshim__object_watch_begin(struct kshim__object_watch *watch);

/* Ends the verb well: what it was called on takes the object's text, and is the
 * result. NULL: no object. */
void kshim__object_watch_finish(struct kshim__object_watch *watch, kshim_object *object);

#endif
