/*
 * The revisions of a Deployment, DaemonSet or StatefulSet: a composite that reads
 * the object and what it rolled out, for the verbs that need both.
 */
#ifndef KSHIM__REVISIONS_H
#define KSHIM__REVISIONS_H

#include "composite.h"

#include <kubeshim/rollout.h>

struct kshim_revision {
	int64_t number;
	kshim_object *object; /* reference */
	char *text;           /* of the template, once asked for */
};

/* The head of such a verb's state. */
struct kshim__revisions {
	struct kshim__composite composite;
	kshim_object *object; /* reference: what the verb was called on */
	kshim_object *now;    /* reference: as it was read */
	kshim_kind *records;  /* what the revisions are; NULL: ReplicaSets */
	kshim_options *options;
	kshim_revision *list; /* ascending */
	size_t count, cap;
	bool failed; /* no memory for one of them */
	/* All of it is there. */
	void (*ready)(struct kshim__revisions *revisions);
};

/* The row of a kind that has rollouts; NULL and the client's error for others, and
 * for an object without a name. */
const kshim_kind *kshim__rollout_kind(kshim_object *object);

/* A verb's state of `size` bytes, zero but for this head, and its call, begun. NULL
 * as of kshim__composite_new() and kshim__rollout_kind(). */
void *kshim__revisions_new(kshim_object *object, size_t size, void (*ready)(struct kshim__revisions *revisions),
			   const kshim_options *options, kshim_done_fn *done, void *user);

/* Begins to read. The state may be gone afterwards. */
void kshim__revisions_begin(struct kshim__revisions *revisions);

/* A Pod template as undo would put it back, new; NULL without memory or one. Of a
 * revision, and of the object as it is now. */
json_t *kshim__revision_tree(const kshim_revision *revision);
json_t *kshim__template_tree(kshim_object *object);

/* true when both are the same, null being the same as nothing at all: revisions
 * that an older server stored have a "creationTimestamp":null. */
bool kshim__template_same(const json_t *a, const json_t *b);

#endif
