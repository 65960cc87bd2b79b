/* label, annotate: each object is read, then one merge patch changes what is to be
 * changed. */
#include "cli.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define VALUE_MAX 63
#define CHANGE_CAUSE "kubernetes.io/change-cause" /* is there to be written again */

static bool labels(const struct app *app)
{
	return strcmp(app->verb->name, "label") == 0;
}

static const char *word(const struct app *app)
{
	return labels(app) ? "label" : "annotation";
}

/* Arguments. */

/* KEY=VALUE or KEY- */
static bool is_pair(const char *arg)
{
	size_t len = strlen(arg);

	return (strchr(arg, '=') && arg[0] != '=') || (len > 1 && arg[len - 1] == '-');
}

static bool is_alnum(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* What is wrong with a label's value; NULL if nothing is. */
static const char *label_value_wrong(const char *value)
{
	size_t len = strlen(value);

	if (len > VALUE_MAX)
		return "must be no more than 63 bytes";
	if (len && (!is_alnum(value[0]) || !is_alnum(value[len - 1]) ||
		    strspn(value, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_.") != len))
		return "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must "
		       "start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used "
		       "for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";
	return NULL;
}

/* A value is added to `set`, a null to `unset`. */
static int read_pair(struct app *app, const char *pair, json_t *set, json_t *unset)
{
	const char *equals = strchr(pair, '='), *value = equals ? equals + 1 : NULL;
	const char *wrong = value && labels(app) ? label_value_wrong(value) : NULL;
	char *key;
	int rc;

	if (value && labels(app) && strchr(value, '='))
		return fail(app, "invalid label spec: %s", pair);
	if (wrong)
		return fail(app, "invalid label value: \"%s\": %s", pair, wrong);
	key = need(strndup(pair, equals ? (size_t)(equals - pair) : strlen(pair) - 1));
	rc = json_object_set_new(value ? set : unset, key, value ? json_string(value) : json_null());
	free(key);
	return rc < 0 ? fail(app, "invalid %s format: %s", word(app), pair) : 0;
}

static int check_both(struct app *app, json_t *set, json_t *unset)
{
	char both[1000] = "";
	const char *key;
	size_t used = 0;
	json_t *null;

	json_object_foreach(unset, key, null) {
		if (!json_object_get(set, key))
			continue;
		if (labels(app))
			return fail(app, "can not both modify and remove a label in the same command");
		if (used < sizeof(both))
			used += (size_t)snprintf(both + used, sizeof(both) - used, "%s%s", used ? ", " : "", key);
	}
	if (used)
		return fail(app, "can not both modify and remove the following annotation(s) in the same command: %s", both);
	return 0;
}

/* The arguments behind the objects. */
static int read_pairs(struct app *app, size_t first)
{
	json_t *unset = need(json_object());
	size_t i;
	int rc = 0;

	app->changes = need(json_object());
	for (i = first; i < app->arg_count && rc == 0; i++)
		rc = is_pair(app->args[i]) ? read_pair(app, app->args[i], app->changes, unset) :
					     fail(app, "all resources must be specified before %s changes: %s", word(app), app->args[i]);
	if (rc == 0)
		rc = check_both(app, app->changes, unset);
	if (rc == 0 && json_object_update(app->changes, unset) < 0)
		need(NULL);
	json_decref(unset);
	return rc;
}

/* Whether one object was named. */
static bool is_one(const struct app *app)
{
	return app->targets && !app->targets->next && (app->targets->name || app->targets->object);
}

/* The objects of files, or those that are named. */
static int read_objects(struct app *app)
{
	const struct settings *settings = &app->settings;

	if (settings->local && app->arg_count)
		return fail(app, "can only use local files by -f pod.yaml or --filename=pod.json when --local=true is set");
	if (settings->local && !settings->files.count)
		return fail(app, "one or more files must be specified as -f pod.yaml or --filename=pod.json");
	if (settings->local && settings->dry_run)
		return fail(app, "cannot specify --local and --dry-run=server - did you mean --dry-run=client?");
	if (!settings->files.count && !app->arg_count)
		return fail(app, "one or more resources must be specified as <resource> <name> or <resource>/<name>");
	if (settings->files.count && (settings->all || settings->labels || settings->fields))
		return fail(app, "when -f is given there can be no selector and no --all");
	if (settings->files.count && app->arg_count)
		return fail(app, "when paths or stdin is provided as input, you may not specify resource by arguments as well");
	return settings->files.count ? files_read(app) : args_read(app, ARGS_NEED_NAME);
}

int metadata_prepare(struct app *app)
{
	const struct settings *settings = &app->settings;
	size_t objects = 0;

	while (objects < app->arg_count && !is_pair(app->args[objects]))
		objects++;
	if (read_pairs(app, objects) < 0 || check_output(app) < 0)
		return -1;
	app->arg_count = objects;
	if (settings->list && settings->output)
		return fail(app, "--list and --output may not be specified together");
	if (settings->all && (settings->labels || settings->fields))
		return fail(app, "cannot set --all and --%s at the same time", settings->labels ? "selector" : "field-selector");
	if (!json_object_size(app->changes) && !settings->list)
		return fail(app, "at least one %s update is required", word(app));
	if (read_objects(app) < 0)
		return -1;
	if (settings->resource_version && !is_one(app))
		return fail(app, "--resource-version may only be used with a single resource");
	return 0;
}

/* What is there already. */

static json_t *map_of(const struct app *app, kshim_object *object)
{
	json_t *metadata = json_object_get(need(kshim_object_tree(object)), "metadata");

	return json_object_get(metadata, labels(app) ? "labels" : "annotations");
}

/* -1 if a value would be another one that may not. */
static int check_overwrites(struct app *app, const json_t *map)
{
	FILE *out;
	char *text = NULL;
	const char *key;
	json_t *value;
	size_t len, found = 0;

	if (app->settings.overwrite)
		return 0;
	out = need(open_memstream(&text, &len));
	json_object_foreach(app->changes, key, value) {
		const json_t *now = json_object_get(map, key);

		if (!now || json_is_null(value) || json_equal(now, value) || (!labels(app) && strcmp(key, CHANGE_CAUSE) == 0))
			continue;
		fprintf(out, "%s'%s' already has a value (%s)%s", found++ ? labels(app) ? ", " : "; " : "", key,
			json_string_value(now), labels(app) ? ", and --overwrite is false" : "");
	}
	if (fclose(out) != 0)
		need(NULL);
	if (found)
		fail(app, "%s%s", labels(app) ? "" : "--overwrite is false but found the following declared annotation(s): ", text);
	free(text);
	return found ? -1 : 0;
}

/* --list: with the changes, which are not made. */
static void print_list(struct app *app, json_t *map)
{
	const char *api_version = kshim_object_api_version(app->at->object), *slash = strchr(api_version, '/');
	json_t *all = need(map ? json_copy(map) : json_object()), *value;
	const char *key;

	json_object_foreach(app->changes, key, value) {
		if (json_is_null(value))
			json_object_del(all, key);
		else if (json_object_set(all, key, value) < 0)
			need(NULL);
	}
	if (!is_one(app))
		printf("Listing %ss for %s.%.*s/%s:\n", word(app), kshim_object_kind(app->at->object),
		       slash ? (int)(slash - api_version) : 0, api_version, kshim_object_name(app->at->object));
	json_object_foreach(all, key, value)
		printf("%s%s=%s\n", is_one(app) ? "" : " ", key, json_string_value(value));
	json_decref(all);
}

/* Changing it. */

static void changed(kshim_result *result, void *user)
{
	struct app *app = user;

	if (kshim_result_error(result))
		fail_error(app, app->at, NULL, kshim_result_error(result));
	else
		say_done(app, kshim_result_object(result), app->at->text);
	app_next(app);
}

/* The changes that are some, and in target->text what they are called. */
static json_t *find_changes(struct app *app, const json_t *map)
{
	static const char *const words[] = {"not labeled", "labeled", "unlabeled", "modified"};
	json_t *patch = need(json_object()), *value;
	const char *key;
	unsigned what = 0;

	json_object_foreach(app->changes, key, value) {
		const json_t *now = json_object_get(map, key);

		if (json_is_null(value) && !now && labels(app) && !app->settings.local)
			printf("label \"%s\" not found.\n", key);
		if (json_is_null(value) ? !now : now && json_equal(now, value))
			continue;
		what |= json_is_null(value) ? 2 : 1;
		if (json_object_set(patch, key, value) < 0)
			need(NULL);
	}
	app->at->text = copy_text(labels(app) ? words[what] : "annotated");
	return patch;
}

static bool send(struct app *app, json_t *changes)
{
	json_t *patch = need(json_pack("{s:{s:O}}", "metadata", labels(app) ? "labels" : "annotations", changes));
	const char *version = app->settings.resource_version;
	bool started;
	char *text;

	if (version && json_object_set_new(json_object_get(patch, "metadata"), "resourceVersion", json_string(version)) < 0)
		need(NULL);
	text = need(json_dumps(patch, JSON_COMPACT));
	started = app_started(app, kshim_object_patch(app->at->object, KSHIM_PATCH_MERGE, text, strlen(text), app->options,
						      changed, app));
	free(text);
	json_decref(patch);
	return started;
}

static void got(kshim_result *result, void *user)
{
	struct app *app = user;
	json_t *map, *changes;
	bool started = false;

	if (kshim_result_error(result)) {
		fail_error(app, app->at, NULL, kshim_result_error(result));
		app_next(app);
		return;
	}
	map = map_of(app, app->at->object);
	if (check_overwrites(app, map) == 0) {
		if (app->settings.list) {
			print_list(app, map);
		} else {
			changes = find_changes(app, map);
			/* annotate sends what changes nothing, too, as kubectl's does */
			if (labels(app) && !json_object_size(changes))
				say_done(app, app->at->object, app->at->text);
			else
				started = send(app, changes);
			json_decref(changes);
		}
	}
	if (!started)
		app_next(app);
}

static bool begin(struct app *app, struct target *target)
{
	kshim_object *object;

	if (target->source && target->kind && !target_settle_namespace(app, target))
		return false;
	object = target_object(app, target);
	return object && app_started(app, kshim_object_reload(object, NULL, got, app));
}

bool metadata_begin(struct app *app, struct target *target)
{
	if (target->source)
		return target_of_file(app, target, begin);
	return target->name ? begin(app, target) : target_expand(app, target);
}

/* --local: what the files say, changed. */
static void change_here(struct app *app, kshim_object *object)
{
	const char *map = labels(app) ? "/metadata/labels" : "/metadata/annotations", *key;
	json_t *now = map_of(app, object), *changes, *value;

	if (check_overwrites(app, now) < 0)
		return;
	if (app->settings.list) {
		print_list(app, now);
		return;
	}
	changes = find_changes(app, now);
	if (!now && json_object_size(changes) && kshim_object_set(object, map, now = need(json_object())) < 0)
		need(NULL);
	json_object_foreach(changes, key, value) {
		if (json_is_null(value))
			json_object_del(now, key);
		else if (json_object_set(now, key, value) < 0)
			need(NULL);
	}
	json_decref(changes);
	say_done(app, object, app->at->text);
}

int metadata_local(struct app *app)
{
	for (app->at = app->targets; app->at; app->at = app->at->next)
		change_here(app, app->at->object);
	return 0;
}
