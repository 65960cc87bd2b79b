#include "config/kubeconfig.h"

#include "alloc.h"
#include "base64.h"
#include "config/files.h"
#include "config/url.h"
#include "error.h"
#include "json/tree.h"

#include <string.h>

#define ENTRIES_MAX 10000 /* of clusters, users, contexts each */
#define LINES_DEPTH 8     /* /users/0/user/exec/env/0/name */

static void *no_memory(kshim_error **error)
{
	return kshim__fail(error, KSHIM_ENOMEM, "kubeconfig: out of memory");
}

kshim_config *kshim__kubeconfig_new(kshim_error **error)
{
	kshim_config *config = kshim__calloc(1, sizeof(*config));

	if (!config)
		return no_memory(error);
	config->refs = 1;
	return config;
}

static void file_free(struct kshim__kubefile *file)
{
	if (!file)
		return;
	kshim__json_cleanse(file->doc.value);
	json_decref(file->doc.value);
	json_decref(file->doc.lines);
	kshim__free(file->name);
	kshim__free(file->dir);
	kshim__free(file);
}

kshim_config *kshim_config_ref(kshim_config *config)
{
	if (config)
		config->refs++;
	return config;
}

void kshim_config_unref(kshim_config *config)
{
	size_t i;

	if (!config || --config->refs)
		return;
	kshim__access_unref(config->access);
	for (i = 0; i < config->file_count; i++)
		file_free(config->files[i]);
	kshim__free(config->files);
	kshim__free(config->clusters.items);
	kshim__free(config->users.items);
	kshim__free(config->contexts.items);
	kshim__free(config->current);
	kshim__free(config->server);
	kshim__free(config);
}

const struct kshim__entry *kshim__entries_find(const struct kshim__entries *entries, const char *name)
{
	size_t i;

	for (i = 0; name && i < entries->count; i++)
		if (!strcmp(entries->items[i].name, name))
			return &entries->items[i];
	return NULL;
}

static bool add_entry(struct kshim__entries *entries, const struct kshim__entry *entry, kshim_error **error)
{
	const struct kshim__entry *same = kshim__entries_find(entries, entry->name);
	struct kshim__entry *items;
	size_t cap;

	if (same && same->file != entry->file)
		return true; /* the first file's entry wins whole */
	if (same)
		return kshim__entry_fail(entry, NULL, KSHIM_ECONFIG, error, "the name \"%s\" stands twice", entry->name);
	if (entries->count >= ENTRIES_MAX)
		return kshim__entry_fail(entry, NULL, KSHIM_ECONFIG, error, "more than %d of them", ENTRIES_MAX);
	if (entries->count == entries->cap) {
		cap = entries->cap ? entries->cap * 2 : 8;
		items = kshim__realloc(entries->items, cap * sizeof(*items));
		if (!items)
			return no_memory(error);
		entries->items = items;
		entries->cap = cap;
	}
	entries->items[entries->count++] = *entry;
	return true;
}

static bool merge_list(struct kshim__entries *entries, const struct kshim__kubefile *file, const char *list,
		       const char *inner, kshim_error **error)
{
	json_t *items = json_object_get(file->doc.value, list), *item;
	size_t i;

	json_array_foreach(items, i, item) {
		struct kshim__entry entry = {.list = list, .inner = inner, .index = i, .file = file};

		entry.name = json_string_value(json_object_get(item, "name"));
		if (!entry.name)
			entry.name = "";
		entry.value = json_object_get(item, inner);
		if (!add_entry(entries, &entry, error))
			return false;
	}
	return true;
}

/* Takes the document out of the reader's hands; an empty text is no document. */
static int read_document(struct kshim__kubefile *file, const char *text, size_t len, kshim_error **error)
{
	struct kshim__yaml_doc *docs;
	size_t count, i;

	if (kshim__yaml_read(text, len, file->name, KSHIM_ECONFIG, LINES_DEPTH, &docs, &count, error) < 0)
		return -1;
	if (count > 1)
		kshim__fail(error, KSHIM_ECONFIG, "%s:%u: a second document; a kubeconfig is one", file->name,
			    docs[1].line);
	if (count == 1) {
		file->doc = docs[0];
		memset(&docs[0], 0, sizeof(docs[0]));
	}
	for (i = 0; i < count; i++)
		kshim__json_cleanse(docs[i].value);
	kshim__yaml_free(docs, count);
	return count > 1 ? -1 : 0;
}

static struct kshim__kubefile *file_new(const char *text, size_t len, const char *name, const char *dir,
					kshim_error **error)
{
	struct kshim__kubefile *file = kshim__calloc(1, sizeof(*file));

	if (!file)
		return no_memory(error);
	file->name = kshim__strdup(name);
	file->dir = kshim__strdup(dir);
	if (!file->name || (dir && !file->dir))
		no_memory(error);
	else if (!read_document(file, text, len, error) && (!file->doc.value || !kshim__kubefile_check(file, error)))
		return file;
	file_free(file);
	return NULL;
}

int kshim__kubeconfig_add(kshim_config *config, const char *text, size_t len, const char *name, const char *dir,
			  kshim_error **error)
{
	struct kshim__kubefile **files, *file = file_new(text, len, name, dir, error);

	if (!file)
		return -1;
	files = kshim__realloc(config->files, (config->file_count + 1) * sizeof(struct kshim__kubefile *));
	if (!files) {
		no_memory(error);
		file_free(file);
		return -1;
	}
	config->files = files;
	files[config->file_count++] = file;
	if (merge_list(&config->clusters, file, "clusters", "cluster", error) &&
	    merge_list(&config->users, file, "users", "user", error) &&
	    merge_list(&config->contexts, file, "contexts", "context", error))
		return 0;
	return -1;
}

int kshim__kubeconfig_choose(kshim_config *config, const char *name, kshim_error **error)
{
	const struct kshim__entry *context = kshim__entries_find(&config->contexts, name);
	const char *url, *problem = NULL;
	char *current = kshim__strdup(name), *server = NULL;
	bool https;

	if (name && !current) {
		no_memory(error);
		return -1;
	}
	url = kshim__entry_text(kshim__entries_find(&config->clusters, kshim__entry_text(context, "cluster")), "server");
	if (url && !(server = kshim__url_server(url, &https, &problem)) && !problem) {
		kshim__free(current);
		no_memory(error);
		return -1;
	}
	kshim__access_unref(config->access);
	config->access = NULL;
	kshim__free(config->current);
	kshim__free(config->server);
	config->current = current;
	config->server = server;
	return 0;
}

int kshim__kubeconfig_finish(kshim_config *config, kshim_error **error)
{
	const char *current = NULL;
	size_t i;

	for (i = 0; i < config->file_count && (!current || !*current); i++)
		current = json_string_value(json_object_get(config->files[i]->doc.value, "current-context"));
	return kshim__kubeconfig_choose(config, current && *current ? current : NULL, error);
}

const json_t *kshim__entry_get(const struct kshim__entry *entry, const char *field)
{
	const json_t *value = entry ? json_object_get(entry->value, field) : NULL;

	return json_is_null(value) ? NULL : value;
}

const char *kshim__entry_text(const struct kshim__entry *entry, const char *field)
{
	const char *text = json_string_value(kshim__entry_get(entry, field));

	return text && *text ? text : NULL;
}

bool kshim__entry_truth(const struct kshim__entry *entry, const char *field)
{
	return json_is_true(kshim__entry_get(entry, field));
}

char *kshim__entry_path(const struct kshim__entry *entry, const char *field, kshim_error **error)
{
	const char *text = kshim__entry_text(entry, field);
	char *path = text ? kshim__path_absolute(entry->file->dir, text) : NULL;

	if (text && !path)
		no_memory(error);
	return path;
}

int kshim__entry_data(const struct kshim__entry *entry, const char *field, struct kshim__blob *blob,
		      kshim_error **error)
{
	const char *text = kshim__entry_text(entry, field);
	bool bad = false;

	memset(blob, 0, sizeof(*blob));
	if (!text)
		return 0;
	if (!strncmp(text + strspn(text, " \t\r\n"), "-----BEGIN", 10)) {
		blob->len = strlen(text);
		blob->data = kshim__memdup(text, blob->len);
	} else {
		blob->data = kshim__base64_decode(text, strlen(text), &blob->len, &bad);
	}
	if (blob->data)
		return 0;
	blob->len = 0;
	if (bad)
		kshim__entry_fail(entry, field, KSHIM_ECONFIG, error, "not base64");
	else
		no_memory(error);
	return -1;
}

size_t kshim_config_context_count(const kshim_config *config)
{
	return config ? config->contexts.count : 0;
}

const char *kshim_config_context_name(const kshim_config *config, size_t index)
{
	return index < kshim_config_context_count(config) ? config->contexts.items[index].name : NULL;
}

const char *kshim_config_current_context(const kshim_config *config)
{
	return config ? config->current : NULL;
}

static const struct kshim__entry *current(const kshim_config *config)
{
	return config ? kshim__entries_find(&config->contexts, config->current) : NULL;
}

const char *kshim_config_server(const kshim_config *config)
{
	return config ? config->server : NULL;
}

const char *kshim_config_cluster_name(const kshim_config *config)
{
	return kshim__entry_text(current(config), "cluster");
}

const char *kshim_config_user_name(const kshim_config *config)
{
	return kshim__entry_text(current(config), "user");
}

const char *kshim_config_namespace(const kshim_config *config)
{
	const char *name = kshim__entry_text(current(config), "namespace");

	return name ? name : "default";
}
