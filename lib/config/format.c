/* The merged kubeconfig as `kubectl config view` shows it: what client-go knows,
 * sorted, without secrets. */
#include "config/config.h"

#include "alloc.h"
#include "config/kubeconfig.h"
#include "config/url.h"

#include <stdlib.h>
#include <string.h>

#define OMITTED "DATA+OMITTED"
#define REDACTED "REDACTED"

/* Adds and takes `value`; a NULL one is a failure, kept by emptying `into`. */
static bool put(json_t *into, const char *key, json_t *value)
{
	return !json_object_set_new(into, key, value);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* A copy with the keys of every mapping sorted. */
static json_t *sorted(const json_t *value)
{
	json_t *copy, *member;
	const char **keys, *key;
	size_t count = 0, i;
	bool good = true;

	if (json_is_array(value)) {
		copy = json_array();
		json_array_foreach(value, i, member)
			good = good && copy && !json_array_append_new(copy, sorted(member));
	} else if (json_is_object(value)) {
		copy = json_object();
		keys = kshim__calloc(json_object_size(value), sizeof(*keys));
		good = copy && keys;
		if (good)
			json_object_foreach((json_t *)value, key, member)
				keys[count++] = key;
		if (count)
			qsort(keys, count, sizeof(*keys), by_name);
		for (i = 0; good && i < count; i++)
			good = put(copy, keys[i], sorted(json_object_get(value, keys[i])));
		kshim__free(keys);
	} else {
		return value ? json_copy((json_t *)value) : json_null();
	}
	if (good)
		return copy;
	json_decref(copy);
	return NULL;
}

static bool put_text(json_t *into, const struct kshim__entry *entry, const char *field)
{
	const char *text = kshim__entry_text(entry, field);

	return !text || put(into, field, json_string(text));
}

static bool put_truth(json_t *into, const struct kshim__entry *entry, const char *field)
{
	return !kshim__entry_truth(entry, field) || put(into, field, json_true());
}

static bool put_hidden(json_t *into, const struct kshim__entry *entry, const char *field, const char *shown)
{
	return !kshim__entry_text(entry, field) || put(into, field, json_string(shown));
}

static bool put_path(json_t *into, const struct kshim__entry *entry, const char *field)
{
	char *path = kshim__entry_path(entry, field, NULL);
	bool good = path ? put(into, field, json_string(path)) : !kshim__entry_text(entry, field);

	kshim__free(path);
	return good;
}

/* kubectl shows a URL's password; here it counts as the secret that it is. */
static bool put_url(json_t *into, const struct kshim__entry *entry, const char *field)
{
	const char *text = kshim__entry_text(entry, field);
	char *shown = text ? kshim__url_redacted(text) : NULL;
	bool good = shown ? put(into, field, json_string(shown)) : !text;

	kshim__free(shown);
	return good;
}

/* A list or a mapping, if it is not empty. */
static bool put_some(json_t *into, const json_t *value, const char *field)
{
	if (!json_array_size(value) && !json_object_size(value))
		return true;
	return put(into, field, sorted(value));
}

/* Named extensions, by name; of two with one name the first. */
static bool put_extensions(json_t *into, const json_t *list)
{
	json_t *by = json_object(), *all = json_array(), *item, *order;
	const char *name;
	bool good = by && all;
	size_t i;

	json_array_foreach(list, i, item) {
		name = json_string_value(json_object_get(item, "name"));
		if (good && !json_object_get(by, name ? name : ""))
			good = put(by, name ? name : "", sorted(json_object_get(item, "extension")));
	}
	order = good ? sorted(by) : NULL;
	good = good && order;
	json_object_foreach(order, name, item) {
		json_t *shown = json_object();

		good = good && shown && put(shown, "extension", json_incref(item)) &&
		       put(shown, "name", json_string(name)) && !json_array_append(all, shown);
		json_decref(shown);
	}
	if (good && json_array_size(all))
		good = put(into, "extensions", json_incref(all));
	json_decref(order);
	json_decref(by);
	json_decref(all);
	return good;
}

static json_t *show_cluster(const struct kshim__entry *entry)
{
	json_t *shown = json_object();

	if (shown && put_path(shown, entry, "certificate-authority") &&
	    put_hidden(shown, entry, "certificate-authority-data", OMITTED) &&
	    put_truth(shown, entry, "disable-compression") &&
	    put_extensions(shown, kshim__entry_get(entry, "extensions")) &&
	    put_truth(shown, entry, "insecure-skip-tls-verify") && put_url(shown, entry, "proxy-url") &&
	    (kshim__entry_text(entry, "server") ? put_url(shown, entry, "server")
						: put(shown, "server", json_string(""))) &&
	    put_text(shown, entry, "tls-server-name"))
		return shown;
	json_decref(shown);
	return NULL;
}

static json_t *show_context(const struct kshim__entry *entry)
{
	const char *cluster = kshim__entry_text(entry, "cluster"), *user = kshim__entry_text(entry, "user");
	json_t *shown = json_object();

	if (shown && put(shown, "cluster", json_string(cluster ? cluster : "")) &&
	    put_extensions(shown, kshim__entry_get(entry, "extensions")) && put_text(shown, entry, "namespace") &&
	    put(shown, "user", json_string(user ? user : "")))
		return shown;
	json_decref(shown);
	return NULL;
}

static bool put_exec(json_t *into, const struct kshim__entry *user)
{
	const json_t *value = kshim__entry_get(user, "exec");
	struct kshim__entry exec = {.value = value, .file = user->file};
	const char *command = kshim__entry_text(&exec, "command"), *version = kshim__entry_text(&exec, "apiVersion");
	bool old = version && (!strcmp(version, "client.authentication.k8s.io/v1beta1") ||
			       !strcmp(version, "client.authentication.k8s.io/v1alpha1"));
	json_t *shown;

	if (!value)
		return true;
	shown = json_object();
	if (shown && put_text(shown, &exec, "apiVersion") &&
	    put(shown, "args", sorted(kshim__entry_get(&exec, "args"))) &&
	    (command && strchr(command, '/') ? put_path(shown, &exec, "command")
					     : put(shown, "command", json_string(command ? command : ""))) &&
	    put(shown, "env", sorted(kshim__entry_get(&exec, "env"))) && put_text(shown, &exec, "installHint") &&
	    (old && !kshim__entry_text(&exec, "interactiveMode")
		     ? put(shown, "interactiveMode", json_string("IfAvailable"))
		     : put_text(shown, &exec, "interactiveMode")) &&
	    put(shown, "provideClusterInfo", json_boolean(kshim__entry_truth(&exec, "provideClusterInfo"))))
		return put(into, "exec", shown);
	json_decref(shown);
	return false;
}

/* Whether a member of an auth provider's configuration is known to be no secret. */
static bool is_open(const char *key)
{
	static const char *const open[] = {
		"apiserver-id", "client-id", "cmd-args", "cmd-path", "config-mode", "environment", "expires-in",
		"expires-on", "expiry", "expiry-key", "extra-scopes", "idp-certificate-authority",
		"idp-certificate-authority-data", "idp-issuer-url", "scopes", "tenant-id", "token-key",
	};
	size_t i;

	for (i = 0; i < sizeof(open) / sizeof(open[0]); i++)
		if (strcmp(key, open[i]) == 0)
			return true;
	return false;
}

/* kubectl shows its tokens; here they count as the secrets that they are, as does
 * what is not known. */
static bool put_provider(json_t *into, const struct kshim__entry *user)
{
	const json_t *value = kshim__entry_get(user, "auth-provider");
	const char *name = json_string_value(json_object_get(value, "name")), *key;
	json_t *config, *shown, *from = json_object_get(value, "config"), *member;
	bool good;

	if (!value)
		return true;
	shown = json_object();
	config = sorted(from);
	good = shown && config;
	json_object_foreach(from, key, member)
		good = good && (is_open(key) || put(config, key, json_string(REDACTED)));
	good = good && put(shown, "config", json_incref(config)) && put(shown, "name", json_string(name ? name : "")) &&
	       put(into, "auth-provider", json_incref(shown));
	json_decref(config);
	json_decref(shown);
	return good;
}

static json_t *show_user(const struct kshim__entry *entry)
{
	json_t *shown = json_object();

	if (shown && put_text(shown, entry, "as") &&
	    put_some(shown, kshim__entry_get(entry, "as-groups"), "as-groups") && put_text(shown, entry, "as-uid") &&
	    put_some(shown, kshim__entry_get(entry, "as-user-extra"), "as-user-extra") &&
	    put_provider(shown, entry) && put_path(shown, entry, "client-certificate") &&
	    put_hidden(shown, entry, "client-certificate-data", OMITTED) && put_path(shown, entry, "client-key") &&
	    put_hidden(shown, entry, "client-key-data", OMITTED) && put_exec(shown, entry) &&
	    put_extensions(shown, kshim__entry_get(entry, "extensions")) &&
	    put_hidden(shown, entry, "password", REDACTED) && put_hidden(shown, entry, "token", REDACTED) &&
	    put_path(shown, entry, "tokenFile") && put_text(shown, entry, "username"))
		return shown;
	json_decref(shown);
	return NULL;
}

static int by_entry(const void *a, const void *b)
{
	return strcmp((*(const struct kshim__entry *const *)a)->name, (*(const struct kshim__entry *const *)b)->name);
}

/* [{name, inner}, …] by name; null when there is none, as kubectl has it. */
static json_t *show_list(const struct kshim__entries *entries, json_t *(*show)(const struct kshim__entry *))
{
	const struct kshim__entry **order = kshim__calloc(entries->count, sizeof(struct kshim__entry *));
	json_t *list = entries->count ? json_array() : json_null();
	bool good = order && list;
	size_t i;

	for (i = 0; good && i < entries->count; i++)
		order[i] = &entries->items[i];
	if (good && entries->count)
		qsort(order, entries->count, sizeof(*order), by_entry);
	for (i = 0; good && i < entries->count; i++) {
		json_t *shown = json_object();
		/* "cluster" and "context" come before "name", "user" behind it */
		bool first = strcmp(order[i]->inner, "name") < 0;

		good = shown && (!first || put(shown, order[i]->inner, show(order[i]))) &&
		       put(shown, "name", json_string(order[i]->name)) &&
		       (first || put(shown, order[i]->inner, show(order[i]))) && !json_array_append(list, shown);
		json_decref(shown);
	}
	kshim__free(order);
	if (good)
		return list;
	json_decref(list);
	return NULL;
}

/* The extensions at one place of every file, one after another. */
static json_t *gather(const kshim_config *config, const char *within)
{
	json_t *all = json_array(), *at;
	size_t i;

	for (i = 0; all && i < config->file_count; i++) {
		at = config->files[i]->doc.value;
		if (within)
			at = json_object_get(at, within);
		at = json_object_get(at, "extensions");
		if (json_is_array(at) && json_array_extend(all, at) < 0) {
			json_decref(all);
			return NULL;
		}
	}
	return all;
}

static bool put_preferences(json_t *into, const kshim_config *config)
{
	json_t *extensions = gather(config, "preferences"), *shown = json_object();
	bool good = extensions && shown, colors = false;
	size_t i;

	for (i = 0; i < config->file_count; i++)
		colors = colors || json_is_true(json_object_get(json_object_get(config->files[i]->doc.value,
										"preferences"), "colors"));
	if (good && colors)
		good = put(shown, "colors", json_true());
	good = good && put_extensions(shown, extensions) &&
	       (!json_object_size(shown) || put(into, "preferences", json_incref(shown)));
	json_decref(extensions);
	json_decref(shown);
	return good;
}

char *kshim_config_format(const kshim_config *config)
{
	json_t *shown, *extensions;
	char *text = NULL;

	if (!config)
		return NULL;
	shown = json_object();
	extensions = gather(config, NULL);
	if (shown && extensions && put(shown, "apiVersion", json_string("v1")) &&
	    put(shown, "clusters", show_list(&config->clusters, show_cluster)) &&
	    put(shown, "contexts", show_list(&config->contexts, show_context)) &&
	    put(shown, "current-context", json_string(config->current ? config->current : "")) &&
	    put_extensions(shown, extensions) && put(shown, "kind", json_string("Config")) &&
	    put_preferences(shown, config) && put(shown, "users", show_list(&config->users, show_user)))
		text = kshim__yaml_format(shown);
	json_decref(extensions);
	json_decref(shown);
	return text;
}
