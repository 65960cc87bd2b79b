/* patch, scale */
#include "cli.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
	const char *name;
	kshim_patch type;
} types[] = {
	{"json", KSHIM_PATCH_JSON},
	{"merge", KSHIM_PATCH_MERGE},
	{"strategic", KSHIM_PATCH_STRATEGIC},
};

/* 3: not one of these */
static size_t type_of(const struct settings *settings)
{
	size_t i;

	for (i = 0; i < 3 && strcmp(types[i].name, settings->type ? settings->type : "strategic") != 0; i++)
		;
	return i;
}

int patch_prepare(struct app *app)
{
	const struct settings *settings = &app->settings;

	if (!settings->patch || !*settings->patch)
		return fail(app, "must specify --patch containing the contents of the patch");
	if (type_of(settings) == 3)
		return fail(app, "--type must be one of [json merge strategic], not \"%s\"", settings->type);
	if (settings->subresource && kshim_options_set_subresource(app->options, settings->subresource) < 0)
		return fail(app, "\"%s\" is no valid name of a subresource", settings->subresource);
	return args_read(app, ARGS_ONLY_NAMES);
}

static void patched(kshim_result *result, void *user)
{
	struct app *app = user;
	kshim_object *object = kshim_result_object(result);
	const char *before = app->at->text, *after = kshim_object_text(object, NULL);
	bool same = before && after && strcmp(before, after) == 0;

	if (kshim_result_error(result))
		fail_error(app, app->at, NULL, kshim_result_error(result));
	else
		say_done(app, object, same ? "patched (no change)" : "patched");
	app_next(app);
}

/* As kubectl does it: what was there before tells whether anything changed. */
static void read_before(kshim_result *result, void *user)
{
	struct app *app = user;
	const struct settings *settings = &app->settings;
	kshim_object *object = app->at->object;

	if (kshim_result_error(result)) {
		fail_error(app, app->at, NULL, kshim_result_error(result));
		app_next(app);
		return;
	}
	app->at->text = copy_text(kshim_object_text(kshim_result_object(result), NULL));
	if (!app_started(app, kshim_object_patch(object, types[type_of(settings)].type, settings->patch,
						 strlen(settings->patch), app->options, patched, app)))
		app_next(app);
}

bool patch_begin(struct app *app, struct target *target)
{
	kshim_object *object = target_object(app, target);

	return object && app_started(app, kshim_object_reload(object, app->options, read_before, app));
}

/* KIND NAME... N, KIND/NAME... N, or with --replicas in its place. */
int scale_prepare(struct app *app)
{
	struct settings *settings = &app->settings;
	const char *last;
	char *end;

	if (settings->replicas < 0 && app->arg_count) {
		last = app->args[app->arg_count - 1];
		errno = 0;
		settings->replicas = strtoll(last, &end, 10);
		if (end == last || *end || errno)
			settings->replicas = -1;
		else if (settings->replicas < 0 || settings->replicas > INT32_MAX)
			return fail(app, "the number of replicas must be from 0 to %d, not %s", INT32_MAX, last);
		else
			app->arg_count--;
	}
	if (settings->replicas < 0)
		return fail(app, "the number of replicas is missing: scale KIND NAME N");
	return args_read(app, ARGS_ONLY_NAMES);
}

static void scaled(kshim_result *result, void *user)
{
	struct app *app = user;

	if (kshim_result_error(result))
		fail_error(app, app->at, NULL, kshim_result_error(result));
	else
		say_done(app, kshim_result_object(result), "scaled");
	app_next(app);
}

bool scale_begin(struct app *app, struct target *target)
{
	kshim_object *object = target_object(app, target);

	return object && app_started(app, kshim_object_scale(object, app->settings.replicas, app->options, scaled, app));
}
