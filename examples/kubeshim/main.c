/* kubeshim: kubectl's everyday verbs, built on the library of the same name. */
#include "cli.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct verb verbs[] = {
	{.name = "get", .usage = "KIND [NAME...] | KIND/NAME...", .summary = "show objects",
	 .takes = TAKES_NAMESPACES | TAKES_SELECTOR | TAKES_OUTPUT | TAKES_LIST | TAKES_HEADERS | TAKES_MISSING,
	 .prepare = get_prepare, .begin = get_begin, .finish = get_finish},
	{.name = "create", .usage = "-f FILE...", .summary = "create the objects of files",
	 .takes = TAKES_FILES | TAKES_DRY_RUN | TAKES_FIELDS | TAKES_OUTPUT, .prepare = write_prepare,
	 .begin = create_begin},
	{.name = "apply", .usage = "-f FILE...", .summary = "create or change the objects of files (server-side apply)",
	 .takes = TAKES_FILES | TAKES_DRY_RUN | TAKES_FIELDS | TAKES_APPLY | TAKES_OUTPUT, .prepare = write_prepare,
	 .begin = apply_begin},
	{.name = "replace", .usage = "-f FILE...", .summary = "replace whole objects by those of files",
	 .takes = TAKES_FILES | TAKES_DRY_RUN | TAKES_FIELDS | TAKES_OUTPUT, .prepare = write_prepare,
	 .begin = replace_begin},
	{.name = "patch", .usage = "KIND NAME -p JSON", .summary = "change some fields of an object",
	 .takes = TAKES_PATCH | TAKES_DRY_RUN | TAKES_FIELDS | TAKES_OUTPUT, .prepare = patch_prepare, .begin = patch_begin},
	{.name = "scale", .usage = "KIND NAME N", .summary = "set the number of replicas",
	 .takes = TAKES_SCALE | TAKES_DRY_RUN | TAKES_OUTPUT, .prepare = scale_prepare, .begin = scale_begin},
	{.name = "delete", .usage = "KIND NAME... | KIND -l SELECTOR | KIND --all | -f FILE...",
	 .summary = "delete objects and wait until they are gone",
	 .takes = TAKES_NAMESPACES | TAKES_SELECTOR | TAKES_FILES | TAKES_DRY_RUN | TAKES_DELETE | TAKES_MISSING |
		  TAKES_OUTPUT, .prepare = delete_prepare, .begin = delete_begin, .finish = delete_finish},
	{.name = "logs", .usage = "POD [CONTAINER] | pod/NAME | -l SELECTOR", .summary = "show what containers wrote",
	 .takes = TAKES_SELECTOR | TAKES_LOGS, .prepare = logs_prepare, .begin = logs_begin, .finish = logs_finish},
	{.name = "rollout", .usage = "(undo | status | restart | history | pause | resume) KIND NAME...",
	 .summary = "roll Deployments, DaemonSets and StatefulSets back, and more",
	 .takes = TAKES_SELECTOR | TAKES_OUTPUT | TAKES_DRY_RUN | TAKES_ROLLOUT,
	 .prepare = rollout_prepare, .begin = rollout_begin, .finish = rollout_finish},
	{.name = "watch", .usage = "KIND [NAME]", .summary = "show what becomes of objects, for ever: one JSON event a line",
	 .takes = TAKES_NAMESPACES | TAKES_SELECTOR, .prepare = watch_prepare, .begin = watch_begin},
	{.name = "wait", .usage = "(KIND NAME... | KIND -l SELECTOR | KIND --all) --for=GOAL",
	 .summary = "wait for what becomes of objects",
	 .takes = TAKES_NAMESPACES | TAKES_SELECTOR | TAKES_OUTPUT | TAKES_WAIT, .prepare = wait_prepare,
	 .begin = wait_begin, .finish = wait_finish},
	{.name = "cordon", .usage = "NODE... | -l SELECTOR", .summary = "let no new Pods onto Nodes",
	 .takes = TAKES_SELECTOR | TAKES_DRY_RUN, .prepare = node_prepare, .begin = node_begin, .finish = node_finish},
	{.name = "uncordon", .usage = "NODE... | -l SELECTOR", .summary = "let new Pods onto Nodes again",
	 .takes = TAKES_SELECTOR | TAKES_DRY_RUN, .prepare = node_prepare, .begin = node_begin, .finish = node_finish},
	{.name = "drain", .usage = "NODE... | -l SELECTOR", .summary = "cordon Nodes, and make their Pods go",
	 .takes = TAKES_SELECTOR | TAKES_DRY_RUN | TAKES_DRAIN, .prepare = node_prepare, .begin = node_begin,
	 .finish = node_finish},
	{.name = "proxy", .usage = "KIND/NAME PATH", .summary = "make a request to a Service, a Pod or a Node",
	 .takes = TAKES_PROXY, .prepare = proxy_prepare, .begin = proxy_begin},
	{.name = "label", .usage = "KIND NAME... KEY=VALUE... KEY-...", .summary = "set and remove labels of objects",
	 .takes = TAKES_NAMESPACES | TAKES_SELECTOR | TAKES_OUTPUT | TAKES_FILES | TAKES_DRY_RUN | TAKES_METADATA,
	 .prepare = metadata_prepare, .begin = metadata_begin},
	{.name = "annotate", .usage = "KIND NAME... KEY=VALUE... KEY-...", .summary = "set and remove annotations of objects",
	 .takes = TAKES_NAMESPACES | TAKES_SELECTOR | TAKES_OUTPUT | TAKES_FILES | TAKES_DRY_RUN | TAKES_METADATA,
	 .prepare = metadata_prepare, .begin = metadata_begin},
	{.name = "auth", .usage = "whoami", .summary = "who the server takes this user for", .takes = TAKES_OUTPUT,
	 .prepare = auth_prepare, .begin = auth_begin},
	{.name = "kinds", .alias = "api-resources", .usage = "", .summary = "the kinds that the server serves",
	 .takes = TAKES_OUTPUT | TAKES_HEADERS, .prepare = kinds_prepare, .begin = kinds_begin},
	{.name = "config", .usage = "view | get-contexts | current-context", .summary = "what the kubeconfig says",
	 .takes = TAKES_OUTPUT | TAKES_HEADERS, .offline = true, .prepare = config_prepare},
	{.name = "version", .usage = "", .summary = "the versions of this program and of the server",
	 .takes = TAKES_VERSION | TAKES_OUTPUT, .prepare = version_prepare, .begin = version_begin},
};

#define VERBS (sizeof(verbs) / sizeof(verbs[0]))

const struct verb *verb_find(const char *name)
{
	size_t i;

	for (i = 0; i < VERBS; i++)
		if (strcmp(verbs[i].name, name) == 0 || (verbs[i].alias && strcmp(verbs[i].alias, name) == 0))
			return &verbs[i];
	return NULL;
}

static int help(const struct verb *verb)
{
	size_t i;

	if (verb) {
		printf("Usage: kubeshim %s%s%s [OPTION...]\n\n%s: %s%s%s\n", verb->name, *verb->usage ? " " : "", verb->usage,
		       verb->name, verb->summary, verb->alias ? "; also called " : "", verb->alias ? verb->alias : "");
		if (verb->takes)
			puts("\nOptions:");
		options_print(verb->takes);
		puts("\nOptions of every verb:");
	} else {
		puts("Usage: kubeshim [OPTION...] VERB [ARGUMENT...]\n\nVerbs:");
		for (i = 0; i < VERBS; i++)
			printf("  %-10s %s\n", verbs[i].name, verbs[i].summary);
		puts("\n`kubeshim VERB --help` shows the options of a verb. Those of every verb:");
	}
	options_print(TAKES_ALWAYS);
	return 0;
}

/* What the options say of how verbs are carried out. */
static int set_options(struct app *app)
{
	static const struct {
		const char *name;
		kshim_validation validation;
	} modes[] = {
		{"strict", KSHIM_VALIDATION_STRICT}, {"true", KSHIM_VALIDATION_STRICT},  {"warn", KSHIM_VALIDATION_WARN},
		{"ignore", KSHIM_VALIDATION_IGNORE}, {"false", KSHIM_VALIDATION_IGNORE},
	};
	struct settings *settings = &app->settings;
	const char *validate = settings->validate ? settings->validate : "strict";
	size_t i;

	app->options = need(kshim_options_new());
	for (i = 0; i < 5 && strcmp(modes[i].name, validate) != 0; i++)
		;
	if (i == 5)
		return fail(app, "invalid - validate option \"%s\"; must be one of: strict (or true), warn, ignore (or false)",
			    validate);
	/* patches say so themselves when they want to be checked, as kubectl's do */
	if (app->verb->takes & TAKES_FILES || settings->validate)
		kshim_options_set_validation(app->options, modes[i].validation);
	if (settings->dry_run && strcmp(settings->dry_run, "none") == 0)
		settings->dry_run = NULL;
	if (settings->dry_run && strcmp(settings->dry_run, "server") != 0)
		return fail(app, "invalid dry-run value (%s). Must be \"none\" or \"server\"", settings->dry_run);
	kshim_options_set_dry_run(app->options, settings->dry_run != NULL);
	if (settings->field_manager && kshim_options_set_field_manager(app->options, settings->field_manager) < 0)
		return fail(app, "\"%s\" is no valid name of a field manager", settings->field_manager);
	return kshim_options_set_force(app->options, settings->force_conflicts);
}

static int fail_config(struct app *app, kshim_error *error)
{
	fail(app, "%s", error ? kshim_error_message(error) : "out of memory");
	kshim_error_free(error);
	return -1;
}

static int read_config(struct app *app)
{
	const char *path = app->settings.kubeconfig, *context = app->settings.context;
	kshim_error *error = NULL;

	if (app->settings.local) /* it is not asked */
		app->config = kshim_config_from_url("https://localhost", &error);
	else
		app->config = path ? kshim_config_from_file(path, &error) : kshim_config_from_env(&error);
	if (!app->config || (context && !app->settings.local && kshim_config_use_context(app->config, context, &error) < 0))
		return fail_config(app, error);
	return 0;
}

static int connect_client(struct app *app)
{
	kshim_error *error = NULL;

	app->loop = kshim_loop_new();
	if (!app->loop)
		return fail(app, "no loop: %s", strerror(errno));
	app->client = kshim_client_open(app->loop, kshim_config_ref(app->config), &error);
	if (!app->client)
		return fail_config(app, error);
	kshim_client_set_timeout(app->client, (uint64_t)app->settings.request_timeout);
	kshim_client_on_warning(app->client, warn, app);
	if (app->settings.verbose)
		kshim_client_on_trace(app->client, trace, app);
	return 0;
}

static int run(struct app *app, int argc, char **argv)
{
	if (options_parse(app, argc, argv) < 0)
		return -1;
	if (!app->verb && app->arg_count && strcmp(app->args[0], "help") == 0)
		return help(app->arg_count > 1 ? verb_find(app->args[1]) : NULL);
	if (app->settings.help || (!app->verb && !app->arg_count))
		return help(app->verb);
	if (!app->verb)
		return fail(app, "unknown command \"%s\" for \"kubeshim\"", app->args[0]);
	if (set_options(app) < 0 || read_config(app) < 0)
		return -1;
	if (app->verb->offline)
		return app->verb->prepare(app);
	if (connect_client(app) < 0 || app->verb->prepare(app) < 0)
		return -1;
	return app->settings.local ? metadata_local(app) : app_run(app);
}

/* Where a standard descriptor is closed the loop's would take its place. */
static void keep_standard_fds(void)
{
	int fd;

	for (fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDONLY) < 0)
			exit(1);
}

int main(int argc, char **argv)
{
	struct app app = {.last = &app.targets};
	size_t i;

	keep_standard_fds();
	if (run(&app, argc, argv) < 0)
		app.status = 1;
	kshim_timer_free(app.timer);
	kshim_cache_free(app.cache);
	kshim_options_free(app.options);
	kshim_client_free(app.client);
	/* where the output broke, the last callbacks run in here */
	kshim_loop_free(app.loop);
	app.loop = NULL;
	targets_free(&app);
	json_decref(app.changes);
	kshim_config_unref(app.config);
	for (i = 0; i < app.warned.count; i++)
		free((char *)app.warned.at[i]);
	free(app.args);
	output_check(&app);
	return app.status;
}
