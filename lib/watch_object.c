#include "watch_object.h"

#include "alloc.h"
#include "error.h"

#include <kubeshim/watch.h>

static struct kshim__object_watch *of(struct kshim__composite *composite)
{
	return KSHIM__OWNER(composite, struct kshim__object_watch, composite);
}

static void release(struct kshim__composite *composite)
{
	struct kshim__object_watch *watch = of(composite);

	if (watch->release)
		watch->release(watch);
	kshim_object_unref(watch->object);
	kshim_object_unref(watch->listed);
}

void *kshim__object_watch_new(kshim_object *object, size_t size, kshim__object_state_fn *state,
			      void (*release_state)(struct kshim__object_watch *watch), const kshim_options *options,
			      kshim_done_fn *done, void *user)
{
	struct kshim__object_watch *watch;

	if (!object)
		return NULL;
	kshim__object_starved(object); /* of what was read before nothing is meant */
	if (!kshim_object_name(object))
		return kshim__object_refuse(object, "an object without metadata.name");
	watch = kshim__composite_new(object->client, size, release, options, done, user);
	if (!watch)
		return NULL;
	watch->state = state;
	watch->release = release_state;
	watch->object = kshim_object_ref(object);
	return watch;
}

/* What may pass by itself. That the first list takes long is no answer; of those only
 * what the server said to try again may. */
static bool may_pass(const struct kshim__object_watch *watch, const kshim_error *error)
{
	switch (kshim_error_code(error)) {
	case KSHIM_OK:
	case KSHIM_ETIMEDOUT:
		return true;
	case KSHIM_ECONNECT:
	case KSHIM_EPROTOCOL:
	case KSHIM_EGONE:
	case KSHIM_ETOOMANY:
	case KSHIM_ESERVER:
		return watch->began || (error && error->retry_after > 0);
	default:
		return false;
	}
}

static void fail_with(struct kshim__object_watch *watch, const kshim_error *error)
{
	kshim__composite_fail(&watch->composite, kshim_error_copy(error));
}

static void list_begins(struct kshim__object_watch *watch)
{
	kshim_object_unref(watch->listed);
	watch->listed = NULL;
	watch->in_list = true;
}

static void list_is_whole(struct kshim__object_watch *watch)
{
	kshim_object *object = watch->listed;

	watch->listed = NULL;
	watch->in_list = false;
	watch->began = true;
	watch->state(watch, object);
	kshim_object_unref(object);
}

static void on_event(kshim_watch *stream, kshim_event event, kshim_object *object, void *user)
{
	struct kshim__step *step = user;
	struct kshim__object_watch *watch = step->argument;

	if (!step->composite->call)
		return;
	kshim__composite_hold(step->composite);
	switch (event) {
	case KSHIM_EVENT_BEGIN:
		list_begins(watch);
		break;
	case KSHIM_EVENT_END:
		list_is_whole(watch);
		break;
	case KSHIM_EVENT_ADDED:
	case KSHIM_EVENT_MODIFIED:
		if (!watch->in_list)
			watch->state(watch, object);
		else if (!watch->listed)
			watch->listed = kshim_object_ref(object);
		break;
	case KSHIM_EVENT_DELETED:
		watch->state(watch, NULL);
		break;
	case KSHIM_EVENT_LATE:
		if (!may_pass(watch, kshim_watch_error(stream)))
			fail_with(watch, kshim_watch_error(stream));
		break;
	default:
		break;
	}
	kshim__composite_release(&watch->composite);
}

static void watch_ended(struct kshim__composite *composite, kshim_result *result, void *argument)
{
	(void)argument;
	kshim__composite_failed(composite, result);
}

void kshim__object_watch_begin(struct kshim__object_watch *watch)
{
	struct kshim__step *step = kshim__step_new(&watch->composite, watch_ended, watch);

	if (!step)
		return;
	step->watch = kshim_object_watch(watch->object, NULL, on_event, kshim__step_done, step);
	if (!step->watch)
		kshim__step_start(step, NULL); /* fails the verb */
}

void kshim__object_watch_finish(struct kshim__object_watch *watch, kshim_object *object)
{
	if (object)
		kshim__composite_finish_as(&watch->composite, watch->object, object);
	else
		kshim__composite_finish(&watch->composite, NULL);
}
