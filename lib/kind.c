#include "kind.h"

#include "alloc.h"
#include "crd/dask.h"
#include "path.h"
#include "resources/builtin.h"

#include <string.h>

#define KIND_MAX 253

/* ASCII only: what strcasecmp() makes of "I" depends on the locale. */
static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

bool kshim__same_word(const char *word, const char *name, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++)
		if (!word[i] || lower(word[i]) != lower(name[i]))
			return false;
	return !word[len];
}

const kshim_kind *kshim_kind_builtin(kshim_builtin which)
{
	size_t index = (size_t)which;

	if (index < KSHIM__BUILTIN_KINDS)
		return &kshim__builtin_kinds[index];
	index -= KSHIM__BUILTIN_KINDS;
	return index < KSHIM__DASK_KINDS ? &kshim__dask_kinds[index] : NULL;
}

size_t kshim_kind_builtin_count(void)
{
	return KSHIM__BUILTIN_KINDS + KSHIM__DASK_KINDS;
}

int kshim__kind_match(const kshim_kind *kind, const char *name)
{
	const char *slash = strrchr(name, '/');
	const char *group = NULL;
	size_t i, len, group_len = 0;

	if (slash) {
		group = name;
		group_len = (size_t)(slash - name);
		name = slash + 1;
		len = strlen(name);
	} else {
		len = strcspn(name, ".");
		if (name[len]) {
			group = name + len + 1;
			group_len = strlen(group);
		}
	}
	if (len == 0 || (group && !kshim__same_word(kind->group, group, group_len)))
		return 0;
	if (kshim__same_word(kind->kind, name, len) || kshim__same_word(kind->plural, name, len) ||
	    kshim__same_word(kind->singular, name, len))
		return 2;
	if (kind->alias && kshim__same_word(kind->alias, name, len))
		return 1;
	for (i = 0; kind->short_names[i]; i++)
		if (kshim__same_word(kind->short_names[i], name, len))
			return 1;
	return 0;
}

bool kshim__kind_matches(const kshim_kind *kind, const char *name)
{
	return kshim__kind_match(kind, name) > 0;
}

const kshim_kind *kshim_kind_find(const char *name)
{
	size_t i, count = kshim_kind_builtin_count();

	for (i = 0; name && i < count; i++) {
		const kshim_kind *kind = kshim_kind_builtin((kshim_builtin)i);

		if (kshim__kind_matches(kind, name))
			return kind;
	}
	return NULL;
}

const kshim_kind *kshim__kind_by_group_kind(const char *group, size_t group_len, const char *name)
{
	size_t i, count = kshim_kind_builtin_count();

	for (i = 0; i < count; i++) {
		const kshim_kind *kind = kshim_kind_builtin((kshim_builtin)i);

		if (strcmp(kind->kind, name) == 0 && strlen(kind->group) == group_len &&
		    (group_len == 0 || memcmp(kind->group, group, group_len) == 0))
			return kind;
	}
	return NULL;
}

void kshim__split_api_version(const char *api_version, size_t *group_len, const char **version)
{
	const char *slash = strchr(api_version, '/');

	*group_len = slash ? (size_t)(slash - api_version) : 0;
	*version = slash ? slash + 1 : api_version;
}

static bool kind_name_ok(const char *kind)
{
	size_t len = kind ? strlen(kind) : 0;

	return len && len <= KIND_MAX &&
	       strspn(kind, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") == len;
}

static bool subresources_ok(const char *s)
{
	size_t len;

	for (s += strspn(s, " "); *s; s += len + strspn(s + len, " ")) {
		len = strcspn(s, " ");
		if (!kshim__path_label_ok(s, len))
			return false;
	}
	return true;
}

static bool label_ok(const char *s)
{
	return s && kshim__path_label_ok(s, strlen(s));
}

/* Group, version, plural and subresources become parts of URLs, so they are
 * checked; a singular or short name is only ever compared: a bad one is left out. */
bool kshim__kind_spec_ok(const struct kshim__kind_spec *spec)
{
	size_t i;

	if (!spec->group || (*spec->group && !kshim__path_subdomain_ok(spec->group, strlen(spec->group))))
		return false;
	if (!kind_name_ok(spec->kind) || !label_ok(spec->plural) || !spec->versions || !spec->versions[0])
		return false;
	for (i = 0; spec->versions[i]; i++)
		if (!label_ok(spec->versions[i]))
			return false;
	return !spec->subresources || subresources_ok(spec->subresources);
}

static size_t storage_size(const struct kshim__kind_spec *spec, const char *singular)
{
	size_t i, size = strlen(spec->group) + strlen(spec->kind) + strlen(spec->plural) + strlen(singular) + 4;

	for (i = 0; i < KSHIM__VERSIONS && spec->versions[i]; i++)
		size += strlen(spec->group) + 2 * strlen(spec->versions[i]) + 3;
	for (i = 0; spec->short_names && spec->short_names[i]; i++)
		size += strlen(spec->short_names[i]) + 1;
	if (spec->subresources)
		size += strlen(spec->subresources) + 3;
	if (spec->scale_pointer)
		size += strlen(spec->scale_pointer) + 1;
	return size;
}

static const char *put(char **at, const char *s)
{
	size_t size = strlen(s) + 1;
	char *copy = memcpy(*at, s, size);

	*at += size;
	return copy;
}

static const char *put_joined(char **at, const char *a, const char *between, const char *b)
{
	char *copy = *at;

	*at = stpcpy(stpcpy(stpcpy(copy, a), between), b) + 1;
	return copy;
}

/* "a b" as " a b ", so that each word has a space on both sides. */
static const char *put_words(char **at, const char *s)
{
	char *copy = *at, *to = copy;
	size_t len;

	for (s += strspn(s, " "); *s; s += len + strspn(s + len, " ")) {
		len = strcspn(s, " ");
		*to++ = ' ';
		to = mempcpy(to, s, len);
	}
	*to++ = ' ';
	*to++ = '\0';
	*at = to;
	return copy;
}

static void fill(kshim_kind *kind, const struct kshim__kind_spec *spec, const char *singular)
{
	size_t i, count = 0;
	char *at = kind->storage, *c;

	kind->group = put(&at, spec->group);
	kind->kind = put(&at, spec->kind);
	kind->plural = put(&at, spec->plural);
	c = at;
	kind->singular = put(&at, singular);
	for (; *c; c++)
		*c = lower(*c);
	for (i = 0; i < KSHIM__VERSIONS && spec->versions[i]; i++) {
		kind->versions[i] = put(&at, spec->versions[i]);
		kind->api_versions[i] = put_joined(&at, kind->group, *kind->group ? "/" : "", kind->versions[i]);
	}
	for (i = 0; spec->short_names && spec->short_names[i] && count < KSHIM__SHORT_NAMES; i++)
		if (label_ok(spec->short_names[i]))
			kind->short_names[count++] = put(&at, spec->short_names[i]);
	if (spec->subresources && spec->subresources[strspn(spec->subresources, " ")])
		kind->subresources = put_words(&at, spec->subresources);
	if (spec->scale_pointer)
		kind->scale_pointer = put(&at, spec->scale_pointer);
	kind->verbs = spec->verbs;
	kind->namespaced = spec->namespaced;
	kind->defined = spec->defined;
}

kshim_kind *kshim__kind_from_spec(const struct kshim__kind_spec *spec)
{
	const kshim_kind *row;
	const char *singular;
	kshim_kind *kind;

	if (!kshim__kind_spec_ok(spec))
		return NULL;
	singular = label_ok(spec->singular) ? spec->singular : spec->kind;
	kind = kshim__calloc(1, sizeof(*kind));
	if (!kind)
		return NULL;
	kind->refs = 1;
	kind->storage = kshim__malloc(storage_size(spec, singular));
	if (!kind->storage) {
		kshim__free(kind);
		return NULL;
	}
	fill(kind, spec, singular);
	/* what discovery does not tell: where scale is in the object itself */
	row = kshim__kind_by_group_kind(kind->group, strlen(kind->group), kind->kind);
	if (!spec->defined && kshim_kind_has_subresource(kind, "scale"))
		kind->scale_pointer = "/spec/replicas";
	if (row) {
		if (!spec->defined && row->scale_pointer)
			kind->scale_pointer = row->scale_pointer;
		kind->alias = row->alias;
	}
	return kind;
}

kshim_kind *kshim_kind_new(const char *group, const char *version, const char *plural, const char *kind,
			   int namespaced)
{
	const char *versions[] = {version, NULL};
	/* nobody asked the server what it can do: it will say so itself */
	struct kshim__kind_spec spec = {
		.group = group,
		.kind = kind,
		.plural = plural,
		.versions = versions,
		.subresources = "scale status",
		.verbs = KSHIM__VERBS_ALL,
		.namespaced = namespaced != 0,
	};

	return kshim__kind_from_spec(&spec);
}

const kshim_kind *kshim_kind_ref(const kshim_kind *kind)
{
	if (kind && kind->refs)
		((kshim_kind *)kind)->refs++;
	return kind;
}

void kshim_kind_unref(const kshim_kind *kind)
{
	kshim_kind *owned = (kshim_kind *)kind;

	if (!kind || !kind->refs || --owned->refs)
		return;
	kshim__free(owned->storage);
	kshim__free(owned);
}

const char *kshim_kind_group(const kshim_kind *kind)
{
	return kind ? kind->group : NULL;
}

const char *kshim_kind_version(const kshim_kind *kind)
{
	return kind ? kind->versions[0] : NULL;
}

const char *kshim_kind_plural(const kshim_kind *kind)
{
	return kind ? kind->plural : NULL;
}

const char *kshim_kind_singular(const kshim_kind *kind)
{
	return kind ? kind->singular : NULL;
}

const char *kshim_kind_name(const kshim_kind *kind)
{
	return kind ? kind->kind : NULL;
}

int kshim_kind_is_namespaced(const kshim_kind *kind)
{
	return kind && kind->namespaced;
}

const char *kshim_kind_api_version(const kshim_kind *kind)
{
	return kind ? kind->api_versions[0] : NULL;
}

const char *kshim_kind_version_at(const kshim_kind *kind, size_t index)
{
	return kind && index < KSHIM__VERSIONS ? kind->versions[index] : NULL;
}

const char *kshim_kind_short_name(const kshim_kind *kind, size_t index)
{
	return kind && index < KSHIM__SHORT_NAMES ? kind->short_names[index] : NULL;
}

unsigned kshim__verb_bit(const char *verb)
{
	static const struct {
		const char *name;
		unsigned bit;
	} verbs[] = {
		{"create", KSHIM__VERB_CREATE},
		{"delete", KSHIM__VERB_DELETE},
		{"deletecollection", KSHIM__VERB_DELETE_COLLECTION},
		{"get", KSHIM__VERB_GET},
		{"list", KSHIM__VERB_LIST},
		{"patch", KSHIM__VERB_PATCH},
		{"update", KSHIM__VERB_UPDATE},
		{"watch", KSHIM__VERB_WATCH},
	};
	size_t i;

	for (i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
		if (strcmp(verbs[i].name, verb) == 0)
			return verbs[i].bit;
	return 0;
}

int kshim_kind_has_verb(const kshim_kind *kind, const char *verb)
{
	return kind && verb && (kind->verbs & kshim__verb_bit(verb)) != 0;
}

int kshim_kind_has_subresource(const kshim_kind *kind, const char *subresource)
{
	size_t len = subresource ? strlen(subresource) : 0;
	const char *at = kind ? kind->subresources : NULL;

	if (!at || len == 0 || strchr(subresource, ' '))
		return 0;
	while ((at = strstr(at, subresource))) {
		if (at[-1] == ' ' && at[len] == ' ')
			return 1;
		at++;
	}
	return 0;
}
