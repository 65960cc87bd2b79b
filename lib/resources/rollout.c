#include "alloc.h"
#include "error.h"
#include "json/tree.h"
#include "options.h"
#include "resources/revisions.h"
#include "warnings.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

/* Undo. */

struct undo {
	struct kshim__revisions revisions;
	int64_t wanted; /* 0: the last but one */
};

/* What a rollback leaves as the Deployment has it (kubectl rollback.go,
 * annotationsToSkip). */
static bool is_kept(const char *annotation)
{
	static const char *const kept[] = {
		"kubectl.kubernetes.io/last-applied-configuration",
		"deployment.kubernetes.io/revision",
		"deployment.kubernetes.io/revision-history",
		"deployment.kubernetes.io/desired-replicas",
		"deployment.kubernetes.io/max-replicas",
		"deprecated.deployment.rollback.to",
	};
	size_t i;

	for (i = 0; i < sizeof(kept) / sizeof(kept[0]); i++)
		if (strcmp(annotation, kept[i]) == 0)
			return true;
	return false;
}

/* Adds those annotations of an object that are kept, or the others. */
static bool add_annotations(json_t *to, kshim_object *object, bool kept)
{
	json_t *tree, *value;
	struct kshim__span span;
	const char *key;
	bool ok = true;

	if (!kshim__json_pointer(object->text, object->len, kshim__object_members(object), "/metadata/annotations", &span))
		return true;
	tree = kshim__json_tree_parse(span.at, span.len, false, NULL);
	json_object_foreach(tree, key, value) {
		if (is_kept(key) == kept && json_object_set(to, key, value) != 0)
			ok = false;
	}
	ok = ok && tree;
	json_decref(tree);
	return ok;
}

/* The JSON patch that makes a Deployment what a ReplicaSet was made of. "add", for
 * there may be no annotations yet. New, to free; NULL without memory. */
static char *deployment_patch(kshim_object *now, kshim_object *record, json_t *template_)
{
	json_t *annotations = json_object(), *patch = NULL;
	char *text;

	if (annotations && add_annotations(annotations, now, true) && add_annotations(annotations, record, false))
		patch = json_pack("[{s:s,s:s,s:O},{s:s,s:s,s:O}]", "op", "replace", "path", "/spec/template", "value",
				  template_, "op", "add", "path", "/metadata/annotations", "value", annotations);
	text = kshim__json_tree_text(patch, NULL);
	json_decref(patch);
	json_decref(annotations);
	return text;
}

static void *fail(struct undo *undo, kshim_error *error)
{
	kshim__composite_fail(&undo->revisions.composite, error);
	return NULL;
}

/* Where to go back to; NULL, and the call failed, if there is no such. */
static const kshim_revision *choose(struct undo *undo)
{
	struct kshim__revisions *revisions = &undo->revisions;
	size_t i;

	if (undo->wanted == 0 && revisions->count > 1)
		return &revisions->list[revisions->count - 2];
	if (undo->wanted == 0 && !revisions->records)
		return fail(undo, kshim__error_new(KSHIM_ENOTFOUND, "no rollout history found for deployment \"%s\"",
						   kshim_object_name(revisions->object)));
	if (undo->wanted == 0)
		return fail(undo, kshim__error_new(KSHIM_ENOTFOUND, "no last revision to roll back to"));
	for (i = 0; i < revisions->count; i++)
		if (revisions->list[i].number == undo->wanted)
			return &revisions->list[i];
	return fail(undo, kshim__error_new(KSHIM_ENOTFOUND, "unable to find specified revision %lld in history",
					   (long long)undo->wanted));
}

static void restored(struct kshim__composite *composite, kshim_result *result, void *argument)
{
	kshim_error *error = kshim_error_copy(kshim_result_error(result));
	const kshim_revision *revision = argument;

	if (!kshim_result_error(result)) {
		kshim__composite_finish(composite, kshim_result_object(result));
		return;
	}
	kshim__error_prefix(error, "failed restoring revision %lld", (long long)revision->number);
	kshim__composite_fail(composite, error);
}

static void restore(struct undo *undo, const kshim_revision *revision, json_t *template_)
{
	struct kshim__revisions *revisions = &undo->revisions;
	kshim_object *object = revisions->object, *record = revision->object;
	struct kshim__span data = {NULL, 0};
	struct kshim__step *step;
	char *patch = NULL;

	if (!revisions->records)
		patch = deployment_patch(revisions->now, record, template_);
	else if (kshim__json_pointer(record->text, record->len, &record->members, "/data", &data))
		patch = kshim__memdup(data.at, data.len);
	if (!patch) {
		kshim__composite_no_memory(&revisions->composite);
		return;
	}
	step = kshim__step_new(&revisions->composite, restored, (void *)revision);
	if (step)
		kshim__step_start(step, kshim_object_patch(object, data.at ? KSHIM_PATCH_STRATEGIC : KSHIM_PATCH_JSON, patch,
							   strlen(patch), revisions->options, kshim__step_done, step));
	kshim__free(patch);
}

/* Nothing to do, which is no failure; kubectl's words. */
static void skip(struct undo *undo, const kshim_revision *revision)
{
	kshim_call *call = undo->revisions.composite.call;
	char text[128];

	snprintf(text, sizeof(text), "skipped rollback (current template already matches revision %lld)",
		 (long long)revision->number);
	if (!kshim__call_add_warning(call, text)) {
		kshim__composite_no_memory(&undo->revisions.composite);
		return;
	}
	kshim__composite_finish(&undo->revisions.composite, undo->revisions.object);
	call->result.found = false;
}

static void go_back(struct kshim__revisions *revisions)
{
	struct undo *undo = (struct undo *)revisions;
	const kshim_revision *revision = choose(undo);
	json_t *now, *then;
	int paused = 0;

	if (!revision)
		return;
	kshim_object_get_bool(revisions->now, "/spec/paused", &paused);
	if (paused && !revisions->records) {
		fail(undo, kshim__error_new(KSHIM_ECONFLICT, "a paused deployment cannot be rolled back: resume it first"));
		return;
	}
	now = kshim__template_tree(revisions->now);
	then = kshim__revision_tree(revision);
	if (!now || !then)
		kshim__composite_no_memory(&revisions->composite);
	else if (kshim__template_same(now, then))
		skip(undo, revision);
	else
		restore(undo, revision, then);
	json_decref(now);
	json_decref(then);
}

kshim_call *kshim_rollout_undo(kshim_object *object, int64_t revision, const kshim_options *options,
			       kshim_done_fn *done, void *user)
{
	struct undo *undo;
	kshim_call *call;

	if (object && revision < 0)
		return kshim__client_fail(object->client, kshim__error_new(KSHIM_EINVAL, "unable to find specified revision "
									   "%lld in history", (long long)revision));
	undo = kshim__revisions_new(object, sizeof(*undo), go_back, options, done, user);
	if (!undo)
		return NULL;
	call = undo->revisions.composite.call;
	undo->wanted = revision;
	kshim__revisions_begin(&undo->revisions);
	return call;
}

/* Restart. */

struct restart {
	struct kshim__composite composite;
	kshim_object *object; /* reference */
	kshim_options *options;
};

static void release_restart(struct kshim__composite *composite)
{
	struct restart *restart = (struct restart *)composite;

	kshim_object_unref(restart->object);
	kshim_options_free(restart->options);
}

static kshim_call *patch_restarted(kshim_object *object, const kshim_options *options, kshim_done_fn *done, void *user)
{
	char patch[200], at[32];
	time_t now = time(NULL);
	struct tm utc;
	int len;

	strftime(at, sizeof(at), "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&now, &utc));
	len = snprintf(patch, sizeof(patch), "{\"spec\":{\"template\":{\"metadata\":{\"annotations\":"
					     "{\"kubectl.kubernetes.io/restartedAt\":\"%s\"}}}}}", at);
	return kshim_object_patch(object, KSHIM_PATCH_MERGE, patch, (size_t)len, options, done, user);
}

static void restarted(struct kshim__composite *composite, kshim_result *result, void *argument)
{
	(void)argument;
	if (!kshim__composite_failed(composite, result))
		kshim__composite_finish(composite, kshim_result_object(result));
}

static void restart_unless_paused(struct kshim__composite *composite, kshim_result *result, void *argument)
{
	struct restart *restart = argument;
	struct kshim__step *step;
	int paused = 0;

	if (kshim__composite_failed(composite, result))
		return;
	kshim_object_get_bool(kshim_result_object(result), "/spec/paused", &paused);
	if (paused) {
		kshim__composite_fail(composite, kshim__error_new(KSHIM_ECONFLICT, "a paused deployment cannot be restarted: "
								  "resume it first"));
		return;
	}
	step = kshim__step_new(composite, restarted, NULL);
	if (step)
		kshim__step_start(step, patch_restarted(restart->object, restart->options, kshim__step_done, step));
}

/* Of a Deployment: one that is paused would restart when it is resumed. */
static kshim_call *restart_deployment(kshim_object *object, const kshim_options *options, kshim_done_fn *done,
				      void *user)
{
	kshim_query *query = kshim_query_new(object->client, KSHIM_DEPLOYMENT, kshim_object_namespace(object));
	kshim_options *copy = query ? kshim__options_copy(options) : NULL;
	struct restart *restart = NULL;
	kshim_call *call = NULL;
	struct kshim__step *step;

	if (query && !copy)
		kshim__client_fail(object->client, kshim__error_new(KSHIM_ENOMEM, "out of memory"));
	if (copy)
		restart = kshim__composite_new(object->client, sizeof(*restart), release_restart, options, done, user);
	if (restart) {
		call = restart->composite.call;
		kshim__composite_about(&restart->composite, "restart", "%s", kshim_object_name(object));
		copy->timeout_ms = 0; /* of steps: the whole has one */
		kshim_query_set_timeout(query, 0);
		restart->object = kshim_object_ref(object);
		restart->options = copy;
		step = kshim__step_new(&restart->composite, restart_unless_paused, restart);
		if (step)
			kshim__step_start(step, kshim_query_get_by_name(query, kshim_object_name(object),
									kshim__step_done, step));
	} else {
		kshim_options_free(copy);
	}
	kshim_query_free(query);
	return call;
}

kshim_call *kshim_rollout_restart(kshim_object *object, const kshim_options *options, kshim_done_fn *done, void *user)
{
	const kshim_kind *kind = object ? kshim__rollout_kind(object) : NULL;

	if (!kind)
		return NULL;
	return kind == KSHIM_DEPLOYMENT ? restart_deployment(object, options, done, user) :
					  patch_restarted(object, options, done, user);
}

/* Pause. */

static kshim_call *set_paused(kshim_object *object, const char *patch, const kshim_options *options,
			      kshim_done_fn *done, void *user)
{
	if (!object)
		return NULL;
	if (kshim__object_row(object) != KSHIM_DEPLOYMENT)
		return kshim__object_refuse(object, "only a Deployment can be paused");
	return kshim_object_patch(object, KSHIM_PATCH_MERGE, patch, strlen(patch), options, done, user);
}

kshim_call *kshim_rollout_pause(kshim_object *object, const kshim_options *options, kshim_done_fn *done, void *user)
{
	return set_paused(object, "{\"spec\":{\"paused\":true}}", options, done, user);
}

kshim_call *kshim_rollout_resume(kshim_object *object, const kshim_options *options, kshim_done_fn *done, void *user)
{
	return set_paused(object, "{\"spec\":{\"paused\":null}}", options, done, user);
}
