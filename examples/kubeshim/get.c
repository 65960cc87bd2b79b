/* get */
#include "cli.h"

#include <stdio.h>
#include <string.h>

int get_prepare(struct app *app)
{
	static const char *const formats[] = {"table", "wide", "json", "name"};
	const char *output = app->settings.output;
	size_t i;

	for (i = 0; output && i < 4 && strcmp(output, formats[i]) != 0; i++)
		;
	if (i == 4)
		return fail(app, "unable to match a printer suitable for the output format \"%s\", allowed formats are: "
				 "json,name,table,wide", output);
	if (app->arg_count == 0) {
		fputs("You must specify the type of resource to get. Use \"kubeshim kinds\" for a complete list of supported "
		      "resources.\n\n", stderr);
		return usage_error(app, "Required resource not specified.");
	}
	return args_read(app, 0);
}

static void got(kshim_result *result, void *user)
{
	struct app *app = user;
	const kshim_error *error = kshim_result_error(result);
	bool named = app->at->name != NULL;

	if (error && !(named && app->settings.ignore_not_found && kshim_error_code(error) == KSHIM_ENOTFOUND &&
		       kshim_error_reason(error)))
		fail_error(app, app->at, NULL, error);
	app_next(app);
}

static void on_page(const char *json, size_t len, void *user)
{
	struct app *app = user;

	tables_add_page(app, app->at, json, len);
}

static void on_item(kshim_object *item, void *user)
{
	struct app *app = user;
	const kshim_kind *kind = app->at->kind;

	if (strcmp(app->settings.output, "json") == 0) {
		print_json(app, item);
	} else {
		print_name(kshim_kind_name(kind), kshim_kind_group(kind), kshim_object_name(item));
		putchar('\n');
	}
	if (ferror(stdout))
		output_check(app);
}

static void got_object(kshim_result *result, void *user)
{
	if (!kshim_result_error(result))
		on_item(kshim_result_object(result), user);
	got(result, user);
}

bool get_begin(struct app *app, struct target *target)
{
	const char *output = app->settings.output;
	bool table = !output || strcmp(output, "table") == 0 || strcmp(output, "wide") == 0;
	kshim_query *query = target_query(app, target);
	kshim_call *call;
	bool started;

	if (!query)
		return false;
	if (table)
		call = kshim_query_table(query, target->name, on_page, got, app);
	else if (target->name)
		call = kshim_query_get_by_name(query, target->name, got_object, app);
	else
		call = kshim_query_list(query, on_item, got, app);
	started = app_started(app, call);
	kshim_query_free(query);
	return started;
}

void get_finish(struct app *app)
{
	const char *output = app->settings.output;
	bool namespaced = !app->settings.all_namespaces;
	const struct target *target;

	tables_print(app);
	if (app->found || app->status || app->settings.ignore_not_found ||
	    (output && strcmp(output, "table") != 0 && strcmp(output, "wide") != 0))
		return;
	for (target = app->targets; target; target = target->next)
		namespaced = namespaced && kshim_kind_is_namespaced(target->kind);
	fflush(stdout);
	if (namespaced)
		fprintf(stderr, "No resources found in %s namespace.\n", app_namespace(app));
	else
		fputs("No resources found\n", stderr);
}
