#include "resources/revisions.h"

struct history {
	struct kshim__revisions revisions;
	kshim_revision_fn *each;
	void *user;
};

static void hand_on(struct kshim__revisions *revisions)
{
	struct history *history = (struct history *)revisions;
	struct kshim__composite *composite = &revisions->composite;
	size_t i;

	/* a callback may cancel the call: the revision lives until it returns */
	kshim__composite_hold(composite);
	for (i = 0; composite->call && i < revisions->count; i++) {
		composite->call->result.items++;
		if (history->each)
			history->each(&revisions->list[i], history->user);
	}
	kshim__composite_finish(composite, revisions->now);
	kshim__composite_release(composite);
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
