/*
 * Freeing by and by: what holds much is taken apart piece by piece, in as many passes
 * of the loop as that takes.
 */
#ifndef KSHIM__DISCARD_H
#define KSHIM__DISCARD_H

#include "loop.h"

#include <kubeshim/common.h>

/* A member of what is freed. */
struct kshim__discard {
	struct kshim__task task;
	kshim_loop *loop;
	bool (*piece)(struct kshim__discard *discard);
};

/* `piece` frees one piece; false: that was the last, and the discard is no more. What
 * there is time for goes at once; without a loop, all of it. */
void kshim__discard(kshim_loop *loop, struct kshim__discard *discard, bool (*piece)(struct kshim__discard *discard));

/* Gives up references, and frees the array. */
void kshim__discard_objects(kshim_loop *loop, kshim_object **objects, size_t count);

#endif
