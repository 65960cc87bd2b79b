#include "scale_ready.h"

#include "error.h"
#include "options.h"
#include "resources/condition.h"
#include "watch_object.h"

struct scale {
	struct kshim__object_watch watch;
	int64_t replicas;
	bool dry_run;
};

static bool counts_ready(kshim_object *object)
{
	static const kshim_builtin kinds[] = {KSHIM_KIND_DEPLOYMENT, KSHIM_KIND_REPLICA_SET,
					      KSHIM_KIND_REPLICATION_CONTROLLER, KSHIM_KIND_STATEFUL_SET};
	const kshim_kind *row = kshim__object_row(object);
	size_t i;

	for (i = 0; row && i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (row == kshim_kind_builtin(kinds[i]))
			return true;
	return false;
}

static void look(struct kshim__object_watch *watch, kshim_object *object)
{
	struct scale *scale = (struct scale *)watch;
	int64_t wanted;

	if (!object)
		kshim__composite_fail(&watch->composite, kshim__error_new(KSHIM_ENOTFOUND, "\"%s\" was deleted while its "
									  "replicas were waited for",
									  kshim_object_name(watch->object)));
	else if (kshim_object_get_int(object, "/spec/replicas", &wanted) == 0 && wanted != scale->replicas)
		/* else it might be waited for for ever */
		kshim__composite_fail(&watch->composite, kshim__error_new(KSHIM_ECONFLICT, "\"%s\" was scaled to %lld "
									  "meanwhile, by another",
									  kshim_object_name(watch->object),
									  (long long)wanted));
	else if (kshim__object_observed(object) &&
		 kshim__object_number(object, "/status/readyReplicas") == scale->replicas)
		kshim__object_watch_finish(watch, object);
}

static void scaled(struct kshim__composite *composite, kshim_result *result, void *argument)
{
	struct scale *scale = argument;

	if (kshim__composite_failed(composite, result))
		return;
	if (scale->dry_run)
		kshim__composite_finish(composite, kshim_result_object(result));
	else
		kshim__object_watch_begin(&scale->watch);
}

kshim_call *kshim__scale_and_wait(kshim_object *object, int64_t replicas, const kshim_options *options,
				  kshim_done_fn *done, void *user)
{
	kshim_options plain = *options;
	struct kshim__step *step;
	struct scale *scale;
	kshim_call *call;

	plain.wait_ready = false;
	plain.timeout_ms = 0; /* the whole has one */
	if (!counts_ready(object))
		return kshim__object_refuse(object, "of this kind it is not known how many replicas are ready");
	scale = kshim__object_watch_new(object, sizeof(*scale), look, NULL, options, done, user);
	if (!scale)
		return NULL;
	call = scale->watch.composite.call;
	scale->replicas = replicas;
	scale->dry_run = options->dry_run || object->client->dry_run;
	kshim__composite_about(&scale->watch.composite, "wait for", "%lld ready replicas of \"%s\"", (long long)replicas,
			       kshim_object_name(object));
	step = kshim__step_new(&scale->watch.composite, scaled, scale);
	if (step)
		kshim__step_start(step, kshim_object_scale(object, replicas, &plain, kshim__step_done, step));
	return call;
}
