#include "alloc.h"
#include "error.h"
#include "resources/condition.h"
#include "resources/revisions.h"
#include "watch_object.h"

#include <stdio.h>
#include <string.h>

#define TEXT_MAX 512
#define DEADLINE_REASON "ProgressDeadlineExceeded"

struct status {
	struct kshim__object_watch watch;
	kshim_progress_fn *progress;
	void *user;
	const kshim_kind *kind; /* a static row */
	char text[TEXT_MAX];    /* what was told last */
	char *uid;              /* of the object that is waited for */
};

static void release(struct kshim__object_watch *watch)
{
	kshim__free(((struct status *)watch)->uid);
}

/* The words and the rules are kubectl's (rollout_status.go). Each gives true when
 * the rollout is over, and a text; or an error. */

static long long number(kshim_object *object, const char *pointer)
{
	return kshim__object_number(object, pointer);
}

static bool deployment(kshim_object *object, char text[TEXT_MAX], kshim_error **error)
{
	const char *name = kshim_object_name(object);
	const char *reason = kshim__condition_string(object, "Progressing", "reason");
	long long wanted = number(object, "/spec/replicas"), all = number(object, "/status/replicas");
	long long updated = number(object, "/status/updatedReplicas");
	long long available = number(object, "/status/availableReplicas");

	if (!kshim__object_observed(object))
		return snprintf(text, TEXT_MAX, "Waiting for deployment spec update to be observed...") < 0;
	if (reason && strcmp(reason, DEADLINE_REASON) == 0) {
		*error = kshim__error_new(KSHIM_ETIMEDOUT, "deployment \"%s\" exceeded its progress deadline", name);
		if ((*error)->code == KSHIM_ENOMEM || ((*error)->reason = kshim__strdup(reason)))
			return true;
		kshim_error_free(*error);
		*error = kshim__error_new(KSHIM_ENOMEM, "out of memory");
		return true;
	}
	if (updated < wanted)
		return snprintf(text, TEXT_MAX, "Waiting for deployment \"%s\" rollout to finish: %lld out of %lld new "
						"replicas have been updated...", name, updated, wanted) < 0;
	if (all > updated)
		return snprintf(text, TEXT_MAX, "Waiting for deployment \"%s\" rollout to finish: %lld old replicas are "
						"pending termination...", name, all - updated) < 0;
	if (available < updated)
		return snprintf(text, TEXT_MAX, "Waiting for deployment \"%s\" rollout to finish: %lld of %lld updated "
						"replicas are available...", name, available, updated) < 0;
	return snprintf(text, TEXT_MAX, "deployment \"%s\" successfully rolled out", name) >= 0;
}

/* false with an error where Pods are replaced only when somebody deletes them. */
static bool is_rolling(kshim_object *object, kshim_error **error)
{
	const char *type = kshim_object_get_string(object, "/spec/updateStrategy/type");

	if (type && strcmp(type, "RollingUpdate") == 0)
		return true;
	*error = kshim__error_new(KSHIM_EINVAL, "rollout status is only available for RollingUpdate strategy type");
	return false;
}

static bool daemon_set(kshim_object *object, char text[TEXT_MAX], kshim_error **error)
{
	const char *name = kshim_object_name(object);
	long long due = number(object, "/status/desiredNumberScheduled");
	long long updated = number(object, "/status/updatedNumberScheduled");
	long long available = number(object, "/status/numberAvailable");

	if (!is_rolling(object, error))
		return true;
	if (!kshim__object_observed(object))
		return snprintf(text, TEXT_MAX, "Waiting for daemon set spec update to be observed...") < 0;
	if (updated < due)
		return snprintf(text, TEXT_MAX, "Waiting for daemon set \"%s\" rollout to finish: %lld out of %lld new pods "
						"have been updated...", name, updated, due) < 0;
	if (available < due)
		return snprintf(text, TEXT_MAX, "Waiting for daemon set \"%s\" rollout to finish: %lld of %lld updated pods "
						"are available...", name, available, due) < 0;
	return snprintf(text, TEXT_MAX, "daemon set \"%s\" successfully rolled out", name) >= 0;
}

static bool stateful_set(kshim_object *object, char text[TEXT_MAX], kshim_error **error)
{
	const char *current = kshim_object_get_string(object, "/status/currentRevision");
	const char *update = kshim_object_get_string(object, "/status/updateRevision");
	long long wanted = number(object, "/spec/replicas"), ready = number(object, "/status/readyReplicas");
	long long updated = number(object, "/status/updatedReplicas");
	long long part = wanted - number(object, "/spec/updateStrategy/rollingUpdate/partition");

	if (!is_rolling(object, error))
		return true;
	if (!kshim__object_observed(object))
		return snprintf(text, TEXT_MAX, "Waiting for statefulset spec update to be observed...") < 0;
	if (ready < wanted)
		return snprintf(text, TEXT_MAX, "Waiting for %lld pods to be ready...", wanted - ready) < 0;
	if (kshim_object_has(object, "/spec/updateStrategy/rollingUpdate")) {
		if (kshim_object_has(object, "/spec/updateStrategy/rollingUpdate/partition") && updated < part)
			return snprintf(text, TEXT_MAX, "Waiting for partitioned roll out to finish: %lld out of %lld new "
							"pods have been updated...", updated, part) < 0;
		return snprintf(text, TEXT_MAX, "partitioned roll out complete: %lld new pods have been updated...",
				updated) >= 0;
	}
	current = current ? current : "";
	update = update ? update : "";
	if (strcmp(update, current) != 0)
		return snprintf(text, TEXT_MAX, "waiting for statefulset rolling update to complete %lld pods at revision "
						"%s...", updated, update) < 0;
	return snprintf(text, TEXT_MAX, "statefulset rolling update complete %lld pods at revision %s...",
			number(object, "/status/currentReplicas"), current) >= 0;
}

/* true when it is still the object that was seen first; else the call failed. */
static bool is_the_same(struct status *status, kshim_object *object)
{
	const char *uid = object ? kshim_object_uid(object) : NULL;
	kshim_object *meant = status->watch.object;

	if (object && object->starved) {
		kshim__composite_no_memory(&status->watch.composite);
		return false;
	}
	if (object && !status->uid) {
		status->uid = kshim__strdup(uid ? uid : "");
		if (status->uid)
			return true;
		kshim__composite_no_memory(&status->watch.composite);
		return false;
	}
	if (object && strcmp(uid ? uid : "", status->uid) == 0)
		return true;
	kshim__composite_fail(&status->watch.composite,
			      kshim__error_new(KSHIM_ENOTFOUND, "%s \"%s\" %s", status->kind->kind, kshim_object_name(meant),
					       status->uid ? "was deleted" : "not found"));
	return false;
}

static void look(struct kshim__object_watch *watch, kshim_object *object)
{
	struct status *status = (struct status *)watch;
	kshim_call *call = watch->composite.call;
	kshim_error *error = NULL;
	char text[TEXT_MAX] = "";
	bool over;

	if (!is_the_same(status, object))
		return;
	over = status->kind == KSHIM_DEPLOYMENT ? deployment(object, text, &error) :
	       status->kind == KSHIM_DAEMON_SET ? daemon_set(object, text, &error) :
						  stateful_set(object, text, &error);
	if (object->starved) {
		kshim_error_free(error);
		error = kshim__error_new(KSHIM_ENOMEM, "out of memory");
	}
	if (error) {
		kshim__composite_fail(&watch->composite, error);
		return;
	}
	if (strcmp(text, status->text) != 0) {
		memcpy(status->text, text, sizeof(text));
		if (status->progress)
			status->progress(text, object, status->user);
		if (call->state >= KSHIM__CALL_FINISHED)
			return; /* cancelled in there: the state may be gone */
	}
	if (over)
		kshim__object_watch_finish(watch, object);
}

kshim_call *kshim_rollout_status(kshim_object *object, kshim_progress_fn *progress, const kshim_options *options,
				 kshim_done_fn *done, void *user)
{
	const kshim_kind *kind = object ? kshim__rollout_kind(object) : NULL;
	struct status *status;
	kshim_call *call;

	if (!kind)
		return NULL;
	status = kshim__object_watch_new(object, sizeof(*status), look, release, options, done, user);
	if (!status)
		return NULL;
	call = status->watch.composite.call;
	status->progress = progress;
	status->user = user;
	status->kind = kind;
	kshim__composite_about(&status->watch.composite, "rollout status of", "%s \"%s\"", kind->kind,
			       kshim_object_name(object));
	kshim__object_watch_begin(&status->watch);
	return call;
}
