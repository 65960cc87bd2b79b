#include "discovery_parse.h"

#include "alloc.h"
#include "buf.h"
#include "json/tree.h"
#include "path.h"
#include "resources/builtin.h"

#include <jansson.h>
#include <string.h>

#define KINDS_MAX 10000
#define GROUP_VERSIONS_MAX 10000
#define LABEL_MAX 63

/* One resource of either form. */
struct resource {
	const char *plural;
	const char *kind;
	const char *singular;
	json_t *short_names;
	json_t *verbs;
	json_t *subresources; /* of strings, or of objects that have "subresource" */
	bool namespaced;
};

static const char *text(const json_t *object, const char *key)
{
	const char *s = json_string_value(json_object_get(object, key));

	return s ? s : "";
}

static bool is_label(const char *s)
{
	return kshim__path_label_ok(s, strlen(s));
}

static bool group_ok(const char *group)
{
	return !*group || kshim__path_subdomain_ok(group, strlen(group));
}

static unsigned verbs_of(const json_t *verbs)
{
	unsigned bits = 0;
	json_t *verb;
	size_t i;

	json_array_foreach(verbs, i, verb)
		if (json_is_string(verb))
			bits |= kshim__verb_bit(json_string_value(verb));
	return bits;
}

static void short_names_of(const json_t *from, const char **names)
{
	size_t i, count = 0;
	json_t *name;

	json_array_foreach(from, i, name)
		if (json_is_string(name) && is_label(json_string_value(name)) && count < KSHIM__SHORT_NAMES)
			names[count++] = json_string_value(name);
	names[count] = NULL;
}

static bool subresources_of(const json_t *from, struct kshim__buf *names)
{
	json_t *entry;
	size_t i;

	json_array_foreach(from, i, entry) {
		const char *name = json_is_string(entry) ? json_string_value(entry) : text(entry, "subresource");

		if (!is_label(name))
			continue;
		if (names->len)
			kshim__buf_addc(names, ' ');
		kshim__buf_adds(names, name);
	}
	return !names->failed;
}

/* From the end: what is looked for is most often of the group being read. */
static kshim_kind **by_plural(const struct kshim__kinds *kinds, const char *group, const char *plural)
{
	size_t i;

	for (i = kinds->count; i-- > 0;)
		if (strcmp(kinds->kinds[i]->plural, plural) == 0 && strcmp(kinds->kinds[i]->group, group) == 0)
			return &kinds->kinds[i];
	return NULL;
}

/* A kind never changes once it is made: one with a version more takes its place. */
static bool add_version(kshim_kind **slot, const char *version)
{
	const char *versions[KSHIM__VERSIONS + 1] = {NULL};
	kshim_kind *old = *slot, *kind;
	struct kshim__kind_spec spec = {
		.group = old->group,
		.kind = old->kind,
		.plural = old->plural,
		.singular = old->singular,
		.versions = versions,
		.short_names = old->short_names,
		.subresources = old->subresources,
		.verbs = old->verbs,
		.namespaced = old->namespaced,
	};
	size_t i;

	for (i = 0; old->versions[i]; i++) {
		if (strcmp(old->versions[i], version) == 0)
			return true;
		versions[i] = old->versions[i];
	}
	if (i == KSHIM__VERSIONS)
		return true;
	versions[i] = version;
	kind = kshim__kind_from_spec(&spec);
	if (!kind)
		return false;
	kshim_kind_unref(old);
	*slot = kind;
	return true;
}

static bool grow(struct kshim__kinds *kinds)
{
	size_t cap = kinds->cap ? kinds->cap * 2 : 64;
	kshim_kind **more;

	if (kinds->count < kinds->cap)
		return true;
	more = kshim__realloc(kinds->kinds, cap * sizeof(*more));
	if (!more)
		return false;
	kinds->kinds = more;
	kinds->cap = cap;
	return true;
}

/* Adds what is new about a resource; one that makes no sense is skipped. false:
 * without memory. */
static bool add_resource(struct kshim__kinds *kinds, const char *group, const char *version,
			 const struct resource *resource)
{
	const char *versions[] = {version, NULL}, *short_names[KSHIM__SHORT_NAMES + 1];
	kshim_kind **there = by_plural(kinds, group, resource->plural), *kind = NULL;
	struct kshim__buf subresources;
	struct kshim__kind_spec spec = {
		.group = group,
		.kind = resource->kind,
		.plural = resource->plural,
		.singular = resource->singular,
		.versions = versions,
		.short_names = short_names,
		.verbs = verbs_of(resource->verbs),
		.namespaced = resource->namespaced,
	};

	if (!kshim__kind_spec_ok(&spec))
		return true;
	if (there)
		return add_version(there, version);
	if (kinds->count >= KINDS_MAX) {
		kshim__kinds_missing(kinds, group, version);
		return true;
	}
	short_names_of(resource->short_names, short_names);
	kshim__buf_init(&subresources);
	if (subresources_of(resource->subresources, &subresources) && grow(kinds)) {
		spec.subresources = subresources.data;
		kind = kshim__kind_from_spec(&spec);
	}
	kshim__buf_free(&subresources);
	if (kind)
		kinds->kinds[kinds->count++] = kind;
	return kind != NULL;
}

static bool read_group(const json_t *group, struct kshim__kinds *kinds)
{
	const char *name = text(json_object_get(group, "metadata"), "name");
	json_t *version, *entry;
	size_t i, k;

	if (!group_ok(name))
		return true;
	json_array_foreach(json_object_get(group, "versions"), i, version) {
		const char *number = text(version, "version");

		if (!is_label(number))
			continue;
		if (strcmp(text(version, "freshness"), "Stale") == 0)
			kshim__kinds_missing(kinds, name, number);
		json_array_foreach(json_object_get(version, "resources"), k, entry) {
			/* without a kind it only tells of its subresources */
			struct resource resource = {
				.plural = text(entry, "resource"),
				.kind = text(json_object_get(entry, "responseKind"), "kind"),
				.singular = text(entry, "singularResource"),
				.short_names = json_object_get(entry, "shortNames"),
				.verbs = json_object_get(entry, "verbs"),
				.subresources = json_object_get(entry, "subresources"),
				.namespaced = strcmp(text(entry, "scope"), "Namespaced") == 0,
			};

			if (!add_resource(kinds, name, number, &resource))
				return false;
		}
	}
	return true;
}

static bool add_group_version(struct kshim__group_versions *list, const char *group, const char *version)
{
	struct kshim__group_version *more, entry;

	if (!group_ok(group) || !is_label(version) || list->count >= GROUP_VERSIONS_MAX)
		return true;
	/* no `cap`: grows whenever the count is a power of two */
	if ((list->count & (list->count - 1)) == 0) {
		more = kshim__realloc(list->entries, (list->count ? list->count * 2 : 1) * sizeof(*more));
		if (!more)
			return false;
		list->entries = more;
	}
	entry.group = kshim__strdup(group);
	entry.version = kshim__strdup(version);
	if (!entry.group || !entry.version) {
		kshim__free(entry.group);
		kshim__free(entry.version);
		return false;
	}
	list->entries[list->count++] = entry;
	return true;
}

static bool read_group_list(const json_t *root, struct kshim__group_versions *list)
{
	json_t *group, *entry;
	size_t i, k;

	json_array_foreach(json_object_get(root, "groups"), i, group) {
		const char *name = text(group, "name");
		const char *preferred = text(json_object_get(group, "preferredVersion"), "version");

		/* a group without a name would be asked for as the core group */
		if (!*name)
			continue;
		if (*preferred && !add_group_version(list, name, preferred))
			return false;
		json_array_foreach(json_object_get(group, "versions"), k, entry)
			if (strcmp(text(entry, "version"), preferred) != 0 &&
			    !add_group_version(list, name, text(entry, "version")))
				return false;
	}
	return true;
}

static bool read_core_versions(const json_t *root, struct kshim__group_versions *list)
{
	json_t *version;
	size_t i;

	json_array_foreach(json_object_get(root, "versions"), i, version)
		if (json_is_string(version) && !add_group_version(list, "", json_string_value(version)))
			return false;
	return true;
}

static enum kshim__discovery_form read_root(const json_t *root, struct kshim__kinds *kinds,
					    struct kshim__group_versions *versions)
{
	const char *kind = text(root, "kind"), *api_version = text(root, "apiVersion");
	json_t *group;
	size_t i;

	if (strcmp(kind, "APIVersions") == 0)
		return read_core_versions(root, versions) ? KSHIM__DISCOVERY_LEGACY : KSHIM__DISCOVERY_NOMEM;
	if (strcmp(kind, "APIGroupList") == 0)
		return read_group_list(root, versions) ? KSHIM__DISCOVERY_LEGACY : KSHIM__DISCOVERY_NOMEM;
	if (strcmp(kind, "APIGroupDiscoveryList") != 0 || (strcmp(api_version, "apidiscovery.k8s.io/v2") != 0 &&
							   strcmp(api_version, "apidiscovery.k8s.io/v2beta1") != 0))
		return KSHIM__DISCOVERY_BAD;
	json_array_foreach(json_object_get(root, "items"), i, group)
		if (!read_group(group, kinds))
			return KSHIM__DISCOVERY_NOMEM;
	return KSHIM__DISCOVERY_AGGREGATED;
}

enum kshim__discovery_form kshim__discovery_read_root(const char *json, size_t len, struct kshim__kinds *kinds,
						      struct kshim__group_versions *versions)
{
	enum kshim__discovery_form form;
	bool no_memory;
	json_t *root = kshim__json_tree_parse(json, len, false, &no_memory);

	if (!root)
		return no_memory ? KSHIM__DISCOVERY_NOMEM : KSHIM__DISCOVERY_BAD;
	form = read_root(root, kinds, versions);
	json_decref(root);
	return form;
}

/* Gives each resource of an APIResourceList an array of the names behind "/":
 * "pods/log" may come before "pods". */
static bool gather_subresources(const json_t *entries, json_t *by_name)
{
	json_t *entry, *parent, *names;
	char plural[LABEL_MAX + 1];
	size_t i;

	json_array_foreach(entries, i, entry) {
		const char *name = text(entry, "name");

		if (is_label(name) && !json_object_get(by_name, name) && json_object_set(by_name, name, entry) < 0)
			return false;
	}
	json_array_foreach(entries, i, entry) {
		const char *name = text(entry, "name"), *slash = strchr(name, '/');

		if (!slash || (size_t)(slash - name) > LABEL_MAX)
			continue;
		*(char *)mempcpy(plural, name, (size_t)(slash - name)) = '\0';
		parent = json_object_get(by_name, plural);
		if (!parent)
			continue;
		names = json_object_get(parent, "subresources");
		if (!names) {
			names = json_array();
			if (json_object_set_new(parent, "subresources", names) < 0)
				return false;
		}
		if (json_is_array(names) && json_array_append_new(names, json_string(slash + 1)) < 0)
			return false;
	}
	return true;
}

static bool read_resources(const json_t *root, const struct kshim__group_version *of, struct kshim__kinds *kinds)
{
	json_t *entries = json_object_get(root, "resources"), *by_name = json_object(), *entry;
	bool ok = by_name && gather_subresources(entries, by_name);
	size_t i;

	if (ok) {
		json_array_foreach(entries, i, entry) {
			/* an entry's own "group" and "version" say what a body is of, not where
			 * it is served */
			struct resource resource = {
				.plural = text(entry, "name"),
				.kind = text(entry, "kind"),
				.singular = text(entry, "singularName"),
				.short_names = json_object_get(entry, "shortNames"),
				.verbs = json_object_get(entry, "verbs"),
				.subresources = json_object_get(entry, "subresources"),
				.namespaced = json_is_true(json_object_get(entry, "namespaced")),
			};

			ok = add_resource(kinds, of->group, of->version, &resource);
			if (!ok)
				break;
		}
	}
	json_decref(by_name);
	return ok;
}

int kshim__discovery_read_resources(const char *json, size_t len, const struct kshim__group_version *of,
				    struct kshim__kinds *kinds)
{
	bool no_memory, ok;
	json_t *root = kshim__json_tree_parse(json, len, false, &no_memory);

	ok = root && strcmp(text(root, "kind"), "APIResourceList") == 0 && read_resources(root, of, kinds);
	json_decref(root);
	return ok;
}

static bool listed(const char *list, const char *name, size_t len)
{
	while (list) {
		if (strncmp(list, name, len) == 0 && (list[len] == '\0' || list[len] == ','))
			return true;
		list = strchr(list, ',');
		if (list)
			list++;
	}
	return false;
}

void kshim__kinds_missing(struct kshim__kinds *kinds, const char *group, const char *version)
{
	const char *between = *group && version ? "/" : "";
	struct kshim__buf name;
	char *missing = NULL;

	kshim__buf_init(&name);
	kshim__buf_addf(&name, "%s%s%s", group, between, version ? version : "");
	if (!name.failed && !listed(kinds->missing, name.data, name.len)) {
		if (kinds->missing)
			kshim__buf_addf(&name, ",%s", kinds->missing);
		missing = kshim__buf_take(&name, NULL);
	}
	kshim__buf_free(&name);
	if (missing) {
		kshim__free(kinds->missing);
		kinds->missing = missing;
	}
}

kshim_kind *kshim__kinds_find(const struct kshim__kinds *kinds, const char *name)
{
	kshim_kind *best = NULL;
	int best_rank = 0;
	size_t i;

	for (i = 0; i < kinds->count; i++) {
		kshim_kind *kind = kinds->kinds[i];
		int rank = kshim__kind_match(kind, name);

		/* in the same sort of group, a short name yields to another kind's name */
		if (rank == 0)
			continue;
		if (!*kind->group)
			rank += 20;
		else if (kshim__builtin_group(kind->group))
			rank += 10;
		if (rank > best_rank) {
			best = kind;
			best_rank = rank;
		}
	}
	return best;
}

kshim_kind *kshim__kinds_by_group_kind(const struct kshim__kinds *kinds, const char *group, size_t group_len,
				       const char *kind)
{
	size_t i;

	for (i = 0; i < kinds->count; i++) {
		kshim_kind *candidate = kinds->kinds[i];

		if (strcmp(candidate->kind, kind) == 0 && strlen(candidate->group) == group_len &&
		    memcmp(candidate->group, group, group_len) == 0)
			return candidate;
	}
	return NULL;
}

void kshim__kinds_free(struct kshim__kinds *kinds)
{
	size_t i;

	for (i = 0; i < kinds->count; i++)
		kshim_kind_unref(kinds->kinds[i]);
	kshim__free(kinds->kinds);
	kshim__free(kinds->missing);
	memset(kinds, 0, sizeof(*kinds));
}

void kshim__group_versions_free(struct kshim__group_versions *versions)
{
	size_t i;

	for (i = 0; i < versions->count; i++) {
		kshim__free(versions->entries[i].group);
		kshim__free(versions->entries[i].version);
	}
	kshim__free(versions->entries);
	memset(versions, 0, sizeof(*versions));
}
