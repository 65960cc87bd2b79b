#include "discard.h"

#include "alloc.h"

#include <kubeshim/object.h>

#define AT_ONCE 16 /* objects that are not worth a task */

struct objects {
	struct kshim__discard discard;
	kshim_object **objects;
	size_t count;
};

static void run(struct kshim__task *task)
{
	struct kshim__discard *discard = KSHIM__OWNER(task, struct kshim__discard, task);
	kshim_loop *loop = discard->loop;
	unsigned pieces = 0;

	while (discard->piece(discard)) {
		if (++pieces % 32 == 0)
			kshim__free_settle();
		if (loop && pieces % 4 == 0 && kshim__loop_exhausted(loop)) {
			kshim__task_queue(loop, &discard->task);
			return;
		}
	}
	if (loop)
		kshim__loop_release(loop);
}

void kshim__discard(kshim_loop *loop, struct kshim__discard *discard, bool (*piece)(struct kshim__discard *discard))
{
	kshim__task_init(&discard->task, run);
	discard->loop = loop;
	discard->piece = piece;
	if (loop)
		kshim__loop_hold(loop);
	run(&discard->task);
}

static bool unref_one(struct kshim__discard *discard)
{
	struct objects *objects = KSHIM__OWNER(discard, struct objects, discard);

	if (objects->count) {
		kshim_object_unref(objects->objects[--objects->count]);
		return true;
	}
	kshim__free(objects->objects);
	kshim__free(objects);
	return false;
}

void kshim__discard_objects(kshim_loop *loop, kshim_object **objects, size_t count)
{
	struct objects *all = count > AT_ONCE && loop ? kshim__malloc(sizeof(*all)) : NULL;

	if (all) {
		all->objects = objects;
		all->count = count;
		kshim__discard(loop, &all->discard, unref_one);
		return;
	}
	while (count)
		kshim_object_unref(objects[--count]);
	kshim__free(objects);
}
