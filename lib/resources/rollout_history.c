#include "resources/revisions.h"

struct history {
	struct kshim__revisions revisions;
	kshim_revision_fn *each;
	void *user;
};

static void hand_on(struct kshim__revisions *revisions)
{
	struct history *history = (struct history *)revisions;
	kshim_call *call = revisions->composite.call;
	kshim_object *now = kshim_object_ref(revisions->now);
	kshim_revision *list = revisions->list;
	size_t i, count = revisions->count;

	/* a callback may cancel the call: nothing of the state is there then */
	for (i = 0; i < count && call->state < KSHIM__CALL_FINISHED; i++) {
		call->result.items++;
		if (history->each)
			history->each(&list[i], history->user);
	}
	if (call->state < KSHIM__CALL_FINISHED)
		kshim__composite_finish(&revisions->composite, now);
	kshim_object_unref(now);
}

kshim_call *kshim_rollout_history(kshim_object *object, kshim_revision_fn *each, const kshim_options *options,
				  kshim_done_fn *done, void *user)
{
	struct history *history = kshim__revisions_new(object, sizeof(*history), hand_on, options, done, user);
	kshim_call *call;

	if (!history)
		return NULL;
	call = history->revisions.composite.call;
	history->each = each;
	history->user = user;
	kshim__revisions_begin(&history->revisions);
	return call;
}
