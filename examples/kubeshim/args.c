/* KIND NAME..., KIND/NAME... and KIND,KIND into targets; files into theirs. */
#include "cli.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static void add(struct app *app, const char *kind, size_t len, const char *name)
{
	struct target *target = target_add(app, NULL);

	target->kind_name = need(strndup(kind, len));
	target->name = copy_text(name);
}

/* KIND/NAME everywhere. */
static int read_pairs(struct app *app)
{
	size_t i;

	for (i = 0; i < app->arg_count; i++) {
		const char *arg = app->args[i], *slash = strchr(arg, '/');

		if (!slash)
			return fail(app, "there is no need to specify a resource type as a separate argument when passing "
					 "arguments in resource/name form (e.g. 'kubeshim get resource/<resource_name>' instead of "
					 "'kubeshim get resource resource/<resource_name>'");
		if (strchr(slash + 1, '/'))
			return fail(app, "arguments in resource/name form may not have more than one slash");
		if (slash == arg || !slash[1] || memchr(arg, ',', (size_t)(slash - arg)))
			return fail(app, "arguments in resource/name form must have a single resource and name");
		add(app, arg, (size_t)(slash - arg), slash + 1);
	}
	return 0;
}

/* KIND[,KIND...] [NAME...] */
static int read_kinds(struct app *app)
{
	const char *at = app->args[0], *end;
	size_t i;

	for (;; at = end + 1) {
		end = strchrnul(at, ',');
		if (end == at)
			return fail(app, "the server doesn't have a resource type \"\"");
		if (app->arg_count == 1)
			add(app, at, (size_t)(end - at), NULL);
		for (i = 1; i < app->arg_count; i++)
			add(app, at, (size_t)(end - at), app->args[i]);
		if (!*end)
			return 0;
	}
}

int args_read(struct app *app, unsigned flags)
{
	const struct settings *settings = &app->settings;
	bool selects = settings->labels || settings->fields || settings->all, pairs = false;
	const struct target *target;
	size_t i;

	for (i = 0; i < app->arg_count; i++)
		pairs = pairs || strchr(app->args[i], '/');
	if (app->arg_count == 0)
		return fail(app, "You must provide one or more resources by argument or filename.\nExample resource "
				 "specifications include:\n   '-f rsrc.yaml'\n   '--filename=rsrc.json'\n   '<resource> <name>'\n"
				 "   '<resource>'");
	if ((pairs ? read_pairs(app) : read_kinds(app)) < 0)
		return -1;
	for (target = app->targets; target; target = target->next) {
		if (target->name && selects)
			return fail(app, "name cannot be provided when a selector is specified");
		if (target->name && settings->all_namespaces)
			return fail(app, "a resource cannot be retrieved by name across all namespaces");
		if (!target->name && ((flags & ARGS_ONLY_NAMES) || ((flags & ARGS_NEED_NAME) && !selects)))
			return fail(app, "resource(s) were provided, but no name was specified");
	}
	return 0;
}

static int read_file(struct app *app, const char *path)
{
	bool from_stdin = strcmp(path, "-") == 0;
	kshim_error *error = NULL;
	kshim_manifest *manifest;
	struct stat st;
	size_t i;

	if (!from_stdin && stat(path, &st) < 0)
		return fail(app, "the path \"%s\" does not exist", path);
	manifest = kshim_manifest_from_file(path, &error);
	if (!manifest) {
		fail(app, "%s", error ? kshim_error_message(error) : "out of memory");
		kshim_error_free(error);
		return -1;
	}
	for (i = 0; i < kshim_manifest_count(manifest); i++) {
		struct target *target = target_add(app, NULL);

		target->object = need(kshim_manifest_object(manifest, i, app->client));
		target->source = from_stdin ? "STDIN" : path;
	}
	kshim_manifest_free(manifest);
	return 0;
}

/* All files are read and found sound before anything is sent. */
int files_read(struct app *app)
{
	const struct values *files = &app->settings.files;
	size_t i, stdins = 0;

	if (app->arg_count)
		return usage_error(app, "unexpected argument: %s", app->args[0]);
	for (i = 0; i < files->count; i++)
		stdins += strcmp(files->at[i], "-") == 0;
	if (stdins > 1)
		return fail(app, "standard input can be read only once");
	for (i = 0; i < files->count; i++)
		if (read_file(app, files->at[i]) < 0)
			return -1;
	return 0;
}
