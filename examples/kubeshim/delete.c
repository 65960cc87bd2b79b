/* delete: one request after another, then wait until all of them are gone. */
#include "cli.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define POLL_FIRST_MS 50
#define POLL_MAX_MS 1000

static int set_cascade(struct app *app)
{
	static const struct {
		const char *name;
		kshim_propagation propagation;
	} cascades[] = {
		{"background", KSHIM_PROPAGATION_BACKGROUND},
		{"foreground", KSHIM_PROPAGATION_FOREGROUND},
		{"orphan", KSHIM_PROPAGATION_ORPHAN},
	};
	const char *cascade = app->settings.cascade ? app->settings.cascade : "background";
	size_t i;

	for (i = 0; i < 3; i++)
		if (strcmp(cascades[i].name, cascade) == 0)
			return kshim_options_set_propagation(app->options, cascades[i].propagation);
	return fail(app, "invalid cascade value (%s). Must be \"background\", \"foreground\", or \"orphan\"", cascade);
}

/* As kubectl reads them: 0 alone is not meant that hard. */
static int set_grace(struct app *app)
{
	struct settings *settings = &app->settings;

	if (settings->now && settings->grace_period >= 0)
		return fail(app, "--now and --grace-period cannot be specified together");
	if (settings->force && (settings->now || settings->grace_period > 0))
		return fail(app, "--force and --grace-period greater than 0 cannot be specified together");
	if (settings->now || (settings->grace_period == 0 && !settings->force))
		settings->grace_period = 1;
	if (settings->force) {
		settings->grace_period = 0;
		warn("Immediate deletion does not wait for confirmation that the running resource has been terminated. The "
		     "resource may continue to run on the cluster indefinitely.", app);
	}
	return kshim_options_set_grace_period(app->options, settings->grace_period);
}

int delete_prepare(struct app *app)
{
	struct settings *settings = &app->settings;

	if (settings->output && strcmp(settings->output, "name") != 0)
		return fail(app, "unexpected -o output mode: %s. We only support '-o name'", settings->output);
	if (settings->all && (settings->labels || settings->fields))
		return fail(app, "setting 'all' parameter but found a non empty selector");
	if (set_cascade(app) < 0 || set_grace(app) < 0)
		return -1;
	if (settings->all || settings->labels || settings->fields)
		settings->ignore_not_found = true;
	if (settings->files.count == 0)
		return args_read(app, ARGS_NEED_NAME);
	if (settings->labels || settings->fields || settings->all)
		return fail(app, "when -f is given there can be no selector and no --all");
	return files_read(app);
}

static const char *namespace_of(const struct app *app, const struct target *target)
{
	const char *own = target->object ? kshim_object_namespace(target->object) : NULL;

	if (!own)
		own = target->namespace_;
	if (!own)
		own = app->settings.namespace_ ? app->settings.namespace_ : kshim_client_namespace(app->client);
	return own;
}

static void say_deleted(struct app *app, struct target *target)
{
	const char *kind = kshim_kind_name(target->kind), *group = kshim_kind_group(target->kind);

	if (app->settings.output) {
		print_name(kind, group, kshim_object_name(target->object));
		putchar('\n');
		return;
	}
	print_kind(kind, group);
	printf(" \"%s\" %sdeleted", kshim_object_name(target->object), app->settings.grace_period == 0 ? "force " : "");
	if (kshim_kind_is_namespaced(target->kind))
		printf(" from %s namespace", namespace_of(app, target));
	printf("%s\n", app->settings.dry_run ? " (server dry run)" : "");
}

static void deleted(kshim_result *result, void *user)
{
	struct app *app = user;
	const kshim_error *error = kshim_result_error(result);
	kshim_object *left = kshim_result_object(result);
	struct target *target = app->at;

	if (!error) {
		say_deleted(app, target);
		/* answered by the object, it may be there still; else it is gone */
		target->waits = left != NULL;
		target->text = copy_text(kshim_object_uid(left));
	} else if (!(app->settings.ignore_not_found && kshim_error_code(error) == KSHIM_ENOTFOUND &&
		     kshim_error_reason(error))) {
		fail_error(app, target, "deleting", error);
	}
	app_next(app);
}

static bool delete_object(struct app *app, struct target *target)
{
	kshim_object *object = target_object(app, target);
	const char *own, *wanted = app->settings.namespace_;

	if (!object)
		return false;
	app->found++;
	own = kshim_object_namespace(object);
	if (wanted && !app->settings.all_namespaces && !kshim_kind_is_namespaced(target->kind))
		warn("deleting cluster-scoped resources, not scoped to the provided namespace", app);
	if (target->source && wanted && kshim_kind_is_namespaced(target->kind)) {
		if (own && strcmp(own, wanted) != 0) {
			fail(app, "the namespace from the provided object \"%s\" does not match the namespace \"%s\". You must "
				  "pass '--namespace=%s' to perform this operation.", own, wanted, own);
			return false;
		}
		if (!own && kshim_object_set_string(object, "/metadata/namespace", wanted) < 0) {
			fail(app, "out of memory");
			return false;
		}
	}
	return app_started(app, kshim_object_delete(object, app->options, deleted, app));
}

bool delete_begin(struct app *app, struct target *target)
{
	if (target->object || target->name)
		return target_need_kind(app, target, delete_object);
	return target_expand(app, target);
}

/* Waiting. */

static void looked(kshim_result *result, void *user);

static void look(kshim_timer *timer, void *user)
{
	struct app *app = user;

	(void)timer;
	if (!app_started(app, kshim_object_reload(app->at->object, NULL, looked, app)))
		app_next(app);
}

static void looked(kshim_result *result, void *user)
{
	struct app *app = user;
	const kshim_error *error = kshim_result_error(result);
	const char *uid = error ? NULL : kshim_object_uid(kshim_result_object(result));
	int64_t timeout = app->settings.timeout;

	/* as kubectl: who may not look does not wait */
	if (error && kshim_error_code(error) != KSHIM_ENOTFOUND && kshim_error_code(error) != KSHIM_EFORBIDDEN &&
	    kshim_error_http_status(error) != 405)
		fail_error(app, app->at, NULL, error);
	if (error || !uid || !app->at->text || strcmp(uid, app->at->text) != 0) {
		app_next(app);
		return;
	}
	if (timeout && app->waited_ms >= timeout) {
		fail(app, "timed out waiting for the condition on %s/%s", kshim_kind_plural(app->at->kind),
		     kshim_object_name(app->at->object));
		app_next(app);
		return;
	}
	if (timeout && app->pause_ms > timeout - app->waited_ms)
		app->pause_ms = timeout - app->waited_ms;
	app->waited_ms += app->pause_ms;
	kshim_timer_set(app->timer, app->pause_ms);
	app->pause_ms = app->pause_ms * 2 < POLL_MAX_MS ? app->pause_ms * 2 : POLL_MAX_MS;
}

static bool gone_begin(struct app *app, struct target *target)
{
	if (!target->waits)
		return false;
	app->pause_ms = POLL_FIRST_MS;
	return app_started(app, kshim_object_reload(target->object, NULL, looked, app));
}

void delete_finish(struct app *app)
{
	if (app->begin == gone_begin)
		return;
	if (app->found == 0 && app->status == 0) {
		puts("No resources found");
		return;
	}
	if (app->settings.no_wait || app->settings.dry_run)
		return;
	if (!app->timer) {
		app->timer = need(kshim_timer_new(app->loop, 0, look, app));
		kshim_timer_set(app->timer, -1);
	}
	app_restart(app, gone_begin);
}
