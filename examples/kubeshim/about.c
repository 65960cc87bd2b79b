/* kinds, version, config */
#include "cli.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* kinds */

struct kinds {
	const kshim_kind **at;
	size_t count, cap;
	struct app *app;
};

int kinds_prepare(struct app *app)
{
	const char *output = app->settings.output;

	if (app->arg_count)
		return usage_error(app, "unexpected arguments: [%s]", app->args[0]);
	if (output && strcmp(output, "table") != 0 && strcmp(output, "name") != 0)
		return fail(app, "--output %s is not available", output);
	target_add(app, NULL);
	return 0;
}

static void on_kind(const kshim_kind *kind, void *user)
{
	struct kinds *kinds = user;

	if (kinds->count == kinds->cap) {
		kinds->cap = kinds->cap ? kinds->cap * 2 : 64;
		kinds->at = need(realloc(kinds->at, kinds->cap * sizeof(*kinds->at)));
	}
	kinds->at[kinds->count++] = kshim_kind_ref(kind);
}

static int by_group(const void *one, const void *other)
{
	const kshim_kind *a = *(const kshim_kind *const *)one, *b = *(const kshim_kind *const *)other;
	int order = strcmp(kshim_kind_group(a), kshim_kind_group(b));

	return order ? order : strcmp(kshim_kind_plural(a), kshim_kind_plural(b));
}

static void add_kind(struct table *table, const kshim_kind *kind)
{
	char names[256] = "";
	const char *name;
	size_t i, len = 0;

	for (i = 0; (name = kshim_kind_short_name(kind, i)) && len < sizeof(names); i++)
		len += (size_t)snprintf(names + len, sizeof(names) - len, "%s%s", i ? "," : "", name);
	table_add(table, kshim_kind_plural(kind));
	table_add(table, names);
	table_add(table, kshim_kind_api_version(kind));
	table_add(table, kshim_kind_is_namespaced(kind) ? "true" : "false");
	table_add(table, kshim_kind_name(kind));
}

static void print_kinds(const struct app *app, const struct kinds *kinds)
{
	static const char *const headings[] = {"NAME", "SHORTNAMES", "APIVERSION", "NAMESPACED", "KIND"};
	bool names = app->settings.output && strcmp(app->settings.output, "name") == 0;
	struct table *table = table_new(5);
	size_t i;

	for (i = 0; i < 5; i++)
		table_add(table, headings[i]);
	for (i = 0; i < kinds->count; i++) {
		const char *group = kshim_kind_group(kinds->at[i]);

		if (names)
			printf("%s%s%s\n", kshim_kind_plural(kinds->at[i]), *group ? "." : "", group);
		else
			add_kind(table, kinds->at[i]);
	}
	if (!names && kinds->count)
		table_print(table, !app->settings.no_headers);
	table_free(table);
}

static void listed(kshim_result *result, void *user)
{
	struct kinds *kinds = user;
	struct app *app = kinds->app;
	size_t i;

	qsort(kinds->at, kinds->count, sizeof(*kinds->at), by_group);
	print_kinds(app, kinds);
	if (kshim_result_error(result))
		fail_error(app, app->at, NULL, kshim_result_error(result));
	else if (kshim_result_warning(result, 0))
		fail(app, "unable to retrieve the complete list of server APIs: %s", kshim_result_warning(result, 0));
	for (i = 0; i < kinds->count; i++)
		kshim_kind_unref(kinds->at[i]);
	free(kinds->at);
	free(kinds);
	app_next(app);
}

bool kinds_begin(struct app *app, struct target *target)
{
	struct kinds *kinds = need(calloc(1, sizeof(*kinds)));

	(void)target;
	kinds->app = app;
	if (app_started(app, kshim_client_list_kinds(app->client, on_kind, listed, kinds)))
		return true;
	free(kinds);
	return false;
}

/* version */

int version_prepare(struct app *app)
{
	const char *output = app->settings.output;

	if (app->arg_count)
		return usage_error(app, "unexpected arguments: [%s]", app->args[0]);
	if (output && strcmp(output, "json") != 0)
		return fail(app, "--output must be 'json'");
	if (!output)
		printf("Client Version: v%s\n", kshim_version());
	else if (app->settings.client_only)
		printf("{\"clientVersion\":{\"gitVersion\":\"v%s\"}}\n", kshim_version());
	if (!app->settings.client_only)
		target_add(app, NULL);
	return 0;
}

static void answered(kshim_result *result, void *user)
{
	struct app *app = user;
	kshim_object *object = kshim_result_object(result);
	const char *version = kshim_object_get_string(object, "/gitVersion");
	json_t *tree = app->settings.output ? kshim_object_tree(object) : NULL;
	char *text = tree ? json_dumps(tree, JSON_COMPACT) : NULL;

	if (app->settings.output)
		printf("{\"clientVersion\":{\"gitVersion\":\"v%s\"}%s%s}\n", kshim_version(), text ? ",\"serverVersion\":" : "",
		       text ? text : "");
	if (kshim_result_error(result))
		fail_error(app, NULL, NULL, kshim_result_error(result));
	else if (!app->settings.output)
		printf("Server Version: %s\n", version ? version : "unknown");
	free(text);
	app_next(app);
}

bool version_begin(struct app *app, struct target *target)
{
	(void)target;
	return app_started(app, kshim_client_version(app->client, answered, app));
}

/* config: nothing of the network */

static int view(struct app *app)
{
	char *text = kshim_config_format(app->config);

	if (!text)
		return fail(app, "out of memory");
	fputs(text, stdout);
	free(text);
	return 0;
}

static int current_context(struct app *app)
{
	if (!kshim_config_current_context(app->config))
		return fail(app, "current-context is not set");
	puts(kshim_config_current_context(app->config));
	return 0;
}

static int by_name(const void *one, const void *other)
{
	return strcmp(*(const char *const *)one, *(const char *const *)other);
}

/* What belongs to a context is known of the current one: each is chosen once. */
static void add_context(struct app *app, struct table *table, const char *name, bool current)
{
	bool usable = kshim_config_use_context(app->config, name, NULL) == 0;
	const char *cluster = usable ? kshim_config_cluster_name(app->config) : NULL;
	const char *user = usable ? kshim_config_user_name(app->config) : NULL;
	const char *namespace_ = usable ? kshim_config_namespace(app->config) : NULL;

	table_add(table, current ? "*" : "");
	table_add(table, name);
	table_add(table, cluster ? cluster : "");
	table_add(table, user ? user : "");
	table_add(table, namespace_ && strcmp(namespace_, "default") != 0 ? namespace_ : "");
}

static int get_contexts(struct app *app)
{
	static const char *const headings[] = {"CURRENT", "NAME", "CLUSTER", "AUTHINFO", "NAMESPACE"};
	size_t i, count = kshim_config_context_count(app->config);
	bool names = app->settings.output && strcmp(app->settings.output, "name") == 0;
	const char **contexts = need(calloc(count + 1, sizeof(*contexts)));
	char *current = copy_text(kshim_config_current_context(app->config));
	struct table *table = table_new(5);

	for (i = 0; i < count; i++)
		contexts[i] = kshim_config_context_name(app->config, i);
	qsort(contexts, count, sizeof(*contexts), by_name);
	for (i = 0; i < 5; i++)
		table_add(table, headings[i]);
	for (i = 0; i < count; i++) {
		if (names)
			puts(contexts[i]);
		else
			add_context(app, table, contexts[i], current && strcmp(current, contexts[i]) == 0);
	}
	if (!names)
		table_print(table, !app->settings.no_headers);
	table_free(table);
	free(contexts);
	free(current);
	return 0;
}

int config_prepare(struct app *app)
{
	static const struct {
		const char *name;
		int (*run)(struct app *app);
	} rows[] = {{"view", view}, {"get-contexts", get_contexts}, {"current-context", current_context}};
	size_t i;

	if (app->arg_count == 0)
		return usage_error(app, "config needs one of: view, get-contexts, current-context");
	if (app->arg_count > 1)
		return usage_error(app, "unexpected arguments: [%s]", app->args[1]);
	for (i = 0; i < 3; i++)
		if (strcmp(rows[i].name, app->args[0]) == 0)
			return rows[i].run(app);
	return usage_error(app, "unknown command \"%s\"", app->args[0]);
}
