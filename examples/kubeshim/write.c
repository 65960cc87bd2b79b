/* create, replace, apply: the objects of files. */
#include "cli.h"

#include <stdio.h>
#include <string.h>

/* -o, where what was done to an object is shown. */
int check_output(struct app *app)
{
	const char *output = app->settings.output;

	if (output && strcmp(output, "name") != 0 && strcmp(output, "json") != 0)
		return fail(app, "unable to match a printer suitable for the output format \"%s\", allowed formats are: "
				 "json,name", output);
	return 0;
}

int write_prepare(struct app *app)
{
	if (app->settings.files.count == 0)
		return fail(app, "must specify -f");
	if (check_output(app) < 0 || files_read(app) < 0)
		return -1;
	if (!app->targets)
		return fail(app, "no objects passed to %s", app->verb->name);
	return 0;
}

static void done(struct app *app, kshim_result *result, const char *doing, const char *what)
{
	if (kshim_result_error(result))
		fail_error(app, app->at, doing, kshim_result_error(result));
	else
		say_done(app, kshim_result_object(result), what);
	app_next(app);
}

static void created(kshim_result *result, void *user)
{
	done(user, result, "creating", "created");
}

static bool create(struct app *app, struct target *target)
{
	return (!target->kind || target_settle_namespace(app, target)) &&
	       app_started(app, kshim_object_create(target->object, app->options, created, app));
}

bool create_begin(struct app *app, struct target *target)
{
	return target_of_file(app, target, create);
}

static void replaced(kshim_result *result, void *user)
{
	done(user, result, "replacing", "replaced");
}

static bool replace(struct app *app, struct target *target)
{
	return (!target->kind || target_settle_namespace(app, target)) &&
	       app_started(app, kshim_object_replace(target->object, app->options, replaced, app));
}

bool replace_begin(struct app *app, struct target *target)
{
	return target_of_file(app, target, replace);
}

static bool is_conflict(const kshim_error *error)
{
	const char *reason = kshim_error_cause_reason(error, 0);

	return kshim_error_code(error) == KSHIM_ECONFLICT && reason && strcmp(reason, "FieldManagerConflict") == 0;
}

static void applied(kshim_result *result, void *user)
{
	struct app *app = user;
	const kshim_error *error = kshim_result_error(result);

	if (!is_conflict(error)) {
		done(app, result, NULL, "serverside-applied");
		return;
	}
	fail(app, "%s\n"
		  "Please review the fields above--they currently have other managers. Here\n"
		  "are the ways you can resolve this warning:\n"
		  "* If you intend to manage all of these fields, please re-run the apply\n"
		  "  command with the `--force-conflicts` flag.\n"
		  "* If you do not intend to manage all of the fields, please edit your\n"
		  "  manifest to remove references to the fields that should keep their\n"
		  "  current managers.\n"
		  "* You may co-own fields by updating your manifest to match the existing\n"
		  "  value; in this case, you'll become the manager if the other manager(s)\n"
		  "  stop managing the field (remove it from their configuration).\n"
		  "See https://kubernetes.io/docs/reference/using-api/server-side-apply/#conflicts",
	     kshim_error_message(error));
	app_next(app);
}

static bool apply(struct app *app, struct target *target)
{
	if (!kshim_object_name(target->object)) {
		fail(app, "from %s: cannot use generate name with apply",
		     kshim_object_get_string(target->object, "/metadata/generateName"));
		return false;
	}
	return (!target->kind || target_settle_namespace(app, target)) &&
	       app_started(app, kshim_object_apply(target->object, app->options, applied, app));
}

bool apply_begin(struct app *app, struct target *target)
{
	return target_of_file(app, target, apply);
}
