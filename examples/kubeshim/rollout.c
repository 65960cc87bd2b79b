/* rollout: each object is read first, as kubectl does it, then its rollout is looked
 * at or changed. */
#include "cli.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LAST_APPLIED "kubectl.kubernetes.io/last-applied-configuration"
#define RESTARTED "/spec/template/metadata/annotations/kubectl.kubernetes.io~1restartedAt"
#define REVISION_KEY "deployment.kubernetes.io/revision"

/* One of its verbs. */
struct rollout {
	const char *name;
	unsigned takes;
	begin_fn *begin;
	/* what is said of a kind that has none, before its name or behind the object's */
	const char *none_for_kind, *none_for_object;
};

enum { TAKES_TO_REVISION = 1, TAKES_REVISION = 2, TAKES_WATCH = 4, TAKES_CHANGE = 8, TAKES_FORMAT = 16 };

static begin_fn undo, status, restart, history, set_pause;

static const struct rollout rollouts[] = {
	{"undo", TAKES_TO_REVISION | TAKES_CHANGE | TAKES_FORMAT, undo, "no rollbacker has been implemented for", NULL},
	{"status", TAKES_REVISION | TAKES_WATCH, status, "no status viewer has been implemented for", NULL},
	{"restart", TAKES_CHANGE | TAKES_FORMAT, restart, NULL, "restarting is not supported"},
	{"history", TAKES_REVISION | TAKES_FORMAT, history, "no history viewer has been implemented for", NULL},
	{"pause", TAKES_CHANGE | TAKES_FORMAT, set_pause, NULL, "pausing is not supported"},
	{"resume", TAKES_CHANGE | TAKES_FORMAT, set_pause, NULL, "resuming is not supported"},
};

#define ROLLOUTS (sizeof(rollouts) / sizeof(rollouts[0]))

/* What one of them takes is no option of the others. */
static int check_options(struct app *app)
{
	const struct settings *settings = &app->settings;
	const struct {
		bool given;
		unsigned takes;
		const char *name;
	} options[] = {
		{settings->to_revision != 0, TAKES_TO_REVISION, "to-revision"},
		{settings->revision != 0, TAKES_REVISION, "revision"},
		{settings->no_watch, TAKES_WATCH, "watch"},
		{settings->timeout != 0, TAKES_WATCH, "timeout"},
		{settings->dry_run != NULL, TAKES_CHANGE, "dry-run"},
		{settings->field_manager != NULL, TAKES_CHANGE, "field-manager"},
		{settings->output != NULL, TAKES_FORMAT, "output"},
	};
	size_t i;

	for (i = 0; i < sizeof(options) / sizeof(options[0]); i++)
		if (options[i].given && !(options[i].takes & app->rollout->takes))
			return usage_error(app, "unknown flag: --%s", options[i].name);
	if (settings->revision < 0)
		return fail(app, "revision must be a positive integer: %lld", (long long)settings->revision);
	if (settings->to_revision < 0)
		return fail(app, "unable to find specified revision %lld in history", (long long)settings->to_revision);
	return check_output(app);
}

int rollout_prepare(struct app *app)
{
	size_t i;

	if (!app->arg_count)
		return usage_error(app, "rollout needs one of: undo, status, restart, history, pause, resume");
	for (i = 0; i < ROLLOUTS && strcmp(rollouts[i].name, app->args[0]) != 0; i++)
		;
	if (i == ROLLOUTS)
		return usage_error(app, "unknown command \"%s\"", app->args[0]);
	app->rollout = &rollouts[i];
	app->arg_count--;
	memmove(app->args, app->args + 1, app->arg_count * sizeof(*app->args));
	if (check_options(app) < 0)
		return -1;
	if (!app->arg_count)
		return fail(app, "required resource not specified");
	return args_read(app, 0);
}

static const char *plural_with_group(const kshim_kind *kind, char text[256])
{
	snprintf(text, 256, "%s%s%s", kshim_kind_plural(kind), *kshim_kind_group(kind) ? "." : "", kshim_kind_group(kind));
	return text;
}

/* 'deployments.apps "web" is already paused' */
static void fail_object(struct app *app, const char *what)
{
	char kind[256];

	fail(app, "%s \"%s\" %s", plural_with_group(app->at->kind, kind), app->at->name, what);
}

static bool is_paused(kshim_object *object)
{
	int paused = 0;

	return kshim_object_get_bool(object, "/spec/paused", &paused) == 0 && paused;
}

static bool is_kind(const struct target *target, const char *kind)
{
	return strcmp(kshim_kind_name(target->kind), kind) == 0 && strcmp(kshim_kind_group(target->kind), "apps") == 0;
}

static bool has_rollouts(struct app *app)
{
	const struct target *target = app->at;
	const struct rollout *rollout = app->rollout;

	if (is_kind(target, "Deployment") ||
	    (rollout->begin != set_pause && (is_kind(target, "DaemonSet") || is_kind(target, "StatefulSet"))))
		return true;
	if (rollout->none_for_object)
		fail_object(app, rollout->none_for_object);
	else
		fail(app, "%s %s", rollout->none_for_kind, kshim_kind_name(target->kind));
	return false;
}

static void got(kshim_result *result, void *user)
{
	struct app *app = user;

	if (kshim_result_error(result))
		fail_error(app, app->at, NULL, kshim_result_error(result));
	else if (has_rollouts(app) && app->rollout->begin(app, app->at))
		return;
	app_next(app);
}

bool rollout_begin(struct app *app, struct target *target)
{
	kshim_object *object;

	if (!target->name)
		return target_expand(app, target);
	app->found++;
	object = target_object(app, target);
	return object && app_started(app, kshim_object_reload(object, NULL, got, app));
}

void rollout_finish(struct app *app)
{
	fflush(stdout);
	if (!app->found && !app->status)
		fprintf(stderr, "No resources found in %s namespace.\n", app_namespace(app));
}

/* What our own library says of an object, the server having refused nothing. */
static bool is_own(const kshim_error *error, kshim_code code)
{
	return kshim_error_code(error) == code && !kshim_error_http_status(error);
}

/* undo */

static void undone(kshim_result *result, void *user)
{
	struct app *app = user;
	const kshim_error *error = kshim_result_error(result);
	const char *skipped = error || kshim_result_found(result) ? NULL : kshim_result_warning(result, 0);

	if (is_own(error, KSHIM_ECONFLICT))
		fail(app, "you cannot rollback a paused deployment; resume it first with 'kubeshim rollout resume' and try again");
	else if (error)
		fail_error(app, app->at, NULL, error);
	else
		say_done(app, app->at->object, skipped ? skipped : "rolled back");
	app_next(app);
}

static bool undo(struct app *app, struct target *target)
{
	if (kshim_object_get_annotation(target->object, LAST_APPLIED)) {
		fflush(stdout);
		fprintf(stderr, "Warning: resource %s/%s was previously managed with 'kubectl apply'. Rolling back will not update "
				"the " LAST_APPLIED " annotation, which may cause unexpected behavior on future 'kubectl apply' "
				"operations. Consider using 'kubectl apply' with your previous configuration file instead.\n",
			kshim_kind_plural(target->kind), target->name);
	}
	return app_started(app, kshim_rollout_undo(target->object, app->settings.to_revision, app->options, undone, app));
}

/* restart */

static void restarted(kshim_result *result, void *user)
{
	struct app *app = user;
	const char *at = kshim_object_get_string(app->at->object, RESTARTED), *before = app->at->text;

	if (is_own(kshim_result_error(result), KSHIM_ECONFLICT))
		fail_object(app, "can't restart paused deployment (run rollout resume first)");
	else if (kshim_result_error(result))
		fail_error(app, app->at, NULL, kshim_result_error(result));
	else if (!app->settings.dry_run && at && before && strcmp(at, before) == 0)
		fail(app, "failed to create patch for %s: if restart has already been triggered within the past second, please "
			  "wait before attempting to trigger another", app->at->name);
	else
		say_done(app, app->at->object, "restarted");
	app_next(app);
}

static bool restart(struct app *app, struct target *target)
{
	target->text = copy_text(kshim_object_get_string(target->object, RESTARTED));
	return app_started(app, kshim_rollout_restart(target->object, app->options, restarted, app));
}

/* pause, resume */

static bool pauses(const struct app *app)
{
	return strcmp(app->rollout->name, "pause") == 0;
}

static void pause_set(kshim_result *result, void *user)
{
	struct app *app = user;

	if (kshim_result_error(result))
		fail_error(app, app->at, NULL, kshim_result_error(result));
	else
		say_done(app, app->at->object, pauses(app) ? "paused" : "resumed");
	app_next(app);
}

static bool set_pause(struct app *app, struct target *target)
{
	if (is_paused(target->object) == pauses(app)) {
		fail_object(app, pauses(app) ? "is already paused" : "is not paused");
		return false;
	}
	return app_started(app, pauses(app) ? kshim_rollout_pause(target->object, app->options, pause_set, app) :
					      kshim_rollout_resume(target->object, app->options, pause_set, app));
}

/* status */

/* 0: of this kind no revision is told. */
static int64_t revision_of(const struct target *target, kshim_object *state)
{
	const char *text = is_kind(target, "Deployment") ? kshim_object_get_annotation(state, REVISION_KEY) : NULL;

	return text ? strtoll(text, NULL, 10) : 0;
}

static void progress(const char *text, kshim_object *state, void *user)
{
	struct app *app = user;
	int64_t wanted = app->settings.revision, running = revision_of(app->at, state);

	if (wanted && running && running != wanted) {
		fail(app, "desired revision (%lld) is different from the running revision (%lld)", (long long)wanted,
		     (long long)running);
	} else {
		puts(text);
		output_check(app);
		if (!app->settings.no_watch)
			return;
	}
	app->at->waits = false;
	kshim_call_cancel(app->call);
}

static void status_done(kshim_result *result, void *user)
{
	struct app *app = user;
	const kshim_error *error = kshim_result_error(result);

	if (!error || !app->at->waits)
		;
	else if (kshim_error_code(error) == KSHIM_ETIMEDOUT && !kshim_error_reason(error))
		fail(app, "timed out waiting for the condition");
	else if (is_own(error, KSHIM_ETIMEDOUT) || is_own(error, KSHIM_EINVAL))
		fail(app, "%s", kshim_error_message(error));
	else if (is_own(error, KSHIM_ENOTFOUND))
		fail(app, "object has been deleted");
	else
		fail_error(app, app->at, NULL, error);
	app_next(app);
}

static bool status(struct app *app, struct target *target)
{
	target->waits = true;
	kshim_options_set_timeout(app->options, app->settings.timeout);
	app->call = kshim_rollout_status(target->object, progress, app->options, status_done, app);
	return app_started(app, app->call);
}

/* history */

/* Once an object: what stands above its revisions. */
static void print_heading(struct app *app)
{
	struct target *target = app->at;

	if (target->waits)
		return;
	target->waits = true;
	print_name(kshim_kind_name(target->kind), kshim_kind_group(target->kind), target->name);
	if (app->settings.revision)
		printf(" with revision #%lld\n", (long long)app->settings.revision);
	else
		puts(" \nREVISION  CHANGE-CAUSE");
}

/* Of a Deployment that of its ReplicaSet, whose cause stands beside it; kubectl shows both. */
static void print_template(struct app *app, kshim_revision *revision)
{
	bool of_replica_set = is_kind(app->at, "Deployment");
	size_t len;
	const char *text = of_replica_set ? NULL : kshim_revision_template(revision, &len);
	json_t *tree = text ? json_loadb(text, len, JSON_ALLOW_NUL, NULL) : NULL;

	if (of_replica_set)
		tree = json_incref(json_object_get(json_object_get(kshim_object_tree(kshim_revision_object(revision)), "spec"),
						   "template"));
	print_heading(app);
	if (tree)
		template_print(tree, of_replica_set ? kshim_revision_change_cause(revision) : NULL);
	else
		fail(app, "the Pod template cannot be read");
	json_decref(tree);
}

static void each_revision(kshim_revision *revision, void *user)
{
	struct app *app = user;
	const char *cause = kshim_revision_change_cause(revision);
	int64_t number = kshim_revision_number(revision), wanted = app->settings.revision;

	if (wanted && number != wanted)
		return;
	if (app->settings.output) {
		app->at->waits = true;
		say_done(app, kshim_revision_object(revision), "");
	} else if (wanted) {
		print_template(app, revision);
	} else {
		print_heading(app);
		printf("%-8lld  %s\n", (long long)number, cause && *cause ? cause : "<none>");
	}
}

static void history_done(kshim_result *result, void *user)
{
	struct app *app = user;
	struct target *target = app->at;

	if (kshim_result_error(result)) {
		fail_error(app, target, NULL, kshim_result_error(result));
	} else if (!target->waits && app->settings.revision) {
		fail(app, "unable to find the specified revision");
	} else if (!app->settings.output) {
		if (!target->waits) {
			print_name(kshim_kind_name(target->kind), kshim_kind_group(target->kind), target->name);
			puts(" \nNo rollout history found.");
		} else {
			putchar('\n');
		}
	}
	app_next(app);
}

static bool history(struct app *app, struct target *target)
{
	return app_started(app, kshim_rollout_history(target->object, each_revision, NULL, history_done, app));
}
