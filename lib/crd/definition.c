#include "crd/definition.h"

#include "alloc.h"
#include "buf.h"
#include "error.h"
#include "json/scan.h"
#include "path.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define API_VERSION "apiextensions.k8s.io/v1"
#define FIELD_MAX 128 /* of a field's name in a message */

/* What was read of a definition; strings are new. */
struct definition {
	struct kshim__span json;
	kshim_error *error;
	char *group, *kind, *plural, *singular, *scale_pointer;
	char *versions[KSHIM__VERSIONS + 1]; /* by priority */
	struct kshim__span version_of[KSHIM__VERSIONS]; /* what the definition has of each */
	size_t version_count;
	char *short_names[KSHIM__SHORT_NAMES + 1];
	char subresources[sizeof("scale status")];
	bool namespaced;
};

/* The order of versions. */

struct version {
	int stage; /* 3: stable, 2: beta, 1: alpha; 0: none of these */
	int64_t major;
	int64_t minor;
};

/* Digits; false if there are none, or too many. */
static bool number(const char **at, int64_t *value)
{
	const char *s = *at;

	for (*value = 0; *s >= '0' && *s <= '9'; s++) {
		if (*value > (INT64_MAX - (*s - '0')) / 10)
			return false;
		*value = *value * 10 + (*s - '0');
	}
	if (s == *at)
		return false;
	*at = s;
	return true;
}

/* "v2", "v1beta3", "v1alpha1". */
static struct version parse_version(const char *text)
{
	const struct version other = {0, 0, 0};
	struct version version = {3, 0, 0};

	if (*text++ != 'v' || !number(&text, &version.major))
		return other;
	if (!*text)
		return version;
	if (strncmp(text, "beta", 4) == 0)
		version.stage = 2;
	else if (strncmp(text, "alpha", 5) == 0)
		version.stage = 1;
	else
		return other;
	text += version.stage == 2 ? 4 : 5;
	return number(&text, &version.minor) && !*text ? version : other;
}

int kshim__version_order(const char *a, const char *b)
{
	struct version va = parse_version(a), vb = parse_version(b);

	if (va.stage != vb.stage)
		return vb.stage - va.stage;
	if (va.stage == 0)
		return strcmp(a, b);
	if (va.major != vb.major)
		return va.major > vb.major ? -1 : 1;
	return va.minor == vb.minor ? 0 : va.minor > vb.minor ? -1 : 1;
}

/* Reading. Each returns false once there is an error. */

static bool no_memory(struct definition *definition)
{
	if (!definition->error)
		definition->error = kshim__error_new(KSHIM_ENOMEM, "out of memory");
	return false;
}

static bool wrong(struct definition *definition, const char *field, const char *problem)
{
	if (!definition->error)
		definition->error = kshim__error_new(KSHIM_EINVAL, "CustomResourceDefinition: %s: %s", field, problem);
	return false;
}

/* A string; `optional`: may be missing, then *text is NULL. */
static bool read_string(struct definition *definition, struct kshim__span in, const char *pointer, const char *field,
			bool optional, char **text)
{
	struct kshim__span value;
	bool not_string;
	size_t len;

	*text = NULL;
	if (!kshim__json_pointer(in.at, in.len, NULL, pointer, &value) || value.at[0] == 'n')
		return optional || wrong(definition, field, "is missing");
	*text = kshim__json_string(value, &len, &not_string);
	if (*text && strlen(*text) == len)
		return true;
	return *text || not_string ? wrong(definition, field, "is no text") : no_memory(definition);
}

static bool read_label(struct definition *definition, struct kshim__span in, const char *pointer, const char *field,
		       bool optional, char **text)
{
	if (!read_string(definition, in, pointer, field, optional, text))
		return false;
	return !*text || kshim__path_label_ok(*text, strlen(*text)) || wrong(definition, field, "is no DNS label");
}

/* The text is exactly this. */
static bool expect(struct definition *definition, const char *pointer, const char *field, const char *text)
{
	struct kshim__span value;
	char problem[400];

	if (kshim__json_pointer(definition->json.at, definition->json.len, NULL, pointer, &value) &&
	    kshim__json_equals(value, text))
		return true;
	snprintf(problem, sizeof(problem), "is not \"%s\"", text);
	return wrong(definition, field, problem);
}

static bool read_names(struct definition *definition)
{
	struct kshim__span json = definition->json, scope;

	if (!expect(definition, "/apiVersion", "apiVersion", API_VERSION) ||
	    !expect(definition, "/kind", "kind", "CustomResourceDefinition") ||
	    !read_string(definition, json, "/spec/group", "spec.group", false, &definition->group) ||
	    !read_string(definition, json, "/spec/names/kind", "spec.names.kind", false, &definition->kind) ||
	    !read_label(definition, json, "/spec/names/plural", "spec.names.plural", false, &definition->plural) ||
	    !read_string(definition, json, "/spec/names/singular", "spec.names.singular", true, &definition->singular))
		return false;
	if (!kshim__path_subdomain_ok(definition->group, strlen(definition->group)))
		return wrong(definition, "spec.group", "is no DNS subdomain");
	if (definition->singular && *definition->singular &&
	    !kshim__path_label_ok(definition->singular, strlen(definition->singular)))
		return wrong(definition, "spec.names.singular", "is no DNS label");
	if (!kshim__json_pointer(json.at, json.len, NULL, "/spec/scope", &scope))
		return wrong(definition, "spec.scope", "is missing");
	definition->namespaced = kshim__json_equals(scope, "Namespaced");
	return definition->namespaced || kshim__json_equals(scope, "Cluster") ||
	       wrong(definition, "spec.scope", "is neither \"Namespaced\" nor \"Cluster\"");
}

/* Of any server's objects it is so: the kind is found by this name. */
static bool check_name(struct definition *definition)
{
	struct kshim__buf name;
	bool ok;

	kshim__buf_init(&name);
	kshim__buf_addf(&name, "%s.%s", definition->plural, definition->group);
	ok = name.failed ? no_memory(definition) : expect(definition, "/metadata/name", "metadata.name", name.data);
	kshim__buf_free(&name);
	return ok;
}

static bool read_short_names(struct definition *definition)
{
	struct kshim__span list, name;
	char field[FIELD_MAX];
	size_t cursor = 0, count = 0;

	if (!kshim__json_pointer(definition->json.at, definition->json.len, NULL, "/spec/names/shortNames", &list))
		return true;
	if (list.at[0] != '[')
		return list.at[0] == 'n' || wrong(definition, "spec.names.shortNames", "is no list");
	while (count < KSHIM__SHORT_NAMES && kshim__json_next(list, &cursor, NULL, &name)) {
		snprintf(field, sizeof(field), "spec.names.shortNames[%zu]", count);
		if (!read_label(definition, name, "", field, false, &definition->short_names[count]))
			return false;
		count++;
	}
	return true;
}

/* Puts a version where its priority is; the lowest goes where there is no room. */
static void insert_version(struct definition *definition, char *name, struct kshim__span of)
{
	size_t i, at = 0;

	while (at < definition->version_count && kshim__version_order(definition->versions[at], name) < 0)
		at++;
	if (at < definition->version_count && strcmp(definition->versions[at], name) == 0)
		at = KSHIM__VERSIONS; /* there already */
	if (at == KSHIM__VERSIONS) {
		kshim__free(name);
		return;
	}
	if (definition->version_count == KSHIM__VERSIONS)
		kshim__free(definition->versions[--definition->version_count]);
	for (i = definition->version_count++; i > at; i--) {
		definition->versions[i] = definition->versions[i - 1];
		definition->version_of[i] = definition->version_of[i - 1];
	}
	definition->versions[at] = name;
	definition->version_of[at] = of;
}

static bool read_versions(struct definition *definition)
{
	struct kshim__span list, version, value;
	char field[FIELD_MAX], *name;
	size_t cursor = 0, i;
	bool served;

	if (!kshim__json_pointer(definition->json.at, definition->json.len, NULL, "/spec/versions", &list) ||
	    list.at[0] != '[')
		return wrong(definition, "spec.versions", "is no list");
	for (i = 0; kshim__json_next(list, &cursor, NULL, &version); i++) {
		snprintf(field, sizeof(field), "spec.versions[%zu].name", i);
		if (!read_label(definition, version, "/name", field, false, &name)) {
			kshim__free(name);
			return false;
		}
		if (kshim__json_pointer(version.at, version.len, NULL, "/served", &value) &&
		    kshim__json_bool(value, &served) && served)
			insert_version(definition, name, version);
		else
			kshim__free(name);
	}
	return definition->version_count || wrong(definition, "spec.versions", "none is served");
}

/* ".spec.size" as "/spec/size". */
static bool read_replicas_path(struct definition *definition)
{
	char field[FIELD_MAX], *path, *at;
	struct kshim__buf pointer;

	snprintf(field, sizeof(field), "spec.versions (%s): subresources.scale.specReplicasPath", definition->versions[0]);
	if (!read_string(definition, definition->version_of[0], "/subresources/scale/specReplicasPath", field, false,
			 &path)) {
		kshim__free(path);
		return false;
	}
	kshim__buf_init(&pointer);
	for (at = path; *at == '.' && at[1] && at[1] != '.';) {
		kshim__buf_addc(&pointer, '/');
		for (at++; *at && *at != '.'; at++) {
			if (*at == '~' || *at == '/')
				kshim__buf_adds(&pointer, *at == '~' ? "~0" : "~1");
			else
				kshim__buf_addc(&pointer, *at);
		}
	}
	if (*at || strncmp(path, ".spec.", 6) != 0)
		wrong(definition, field, "is no path below \".spec\"");
	else if (!(definition->scale_pointer = kshim__buf_take(&pointer, NULL)))
		no_memory(definition);
	kshim__buf_free(&pointer);
	kshim__free(path);
	return !definition->error;
}

static bool read_subresources(struct definition *definition)
{
	struct kshim__span version = definition->version_of[0], value;
	bool status = kshim__json_pointer(version.at, version.len, NULL, "/subresources/status", &value) &&
		      value.at[0] == '{';
	bool scale = kshim__json_pointer(version.at, version.len, NULL, "/subresources/scale", &value) &&
		     value.at[0] == '{';

	snprintf(definition->subresources, sizeof(definition->subresources), "%s%s%s", scale ? "scale" : "",
		 scale && status ? " " : "", status ? "status" : "");
	return !scale || read_replicas_path(definition);
}

static kshim_kind *make_kind(struct definition *definition)
{
	struct kshim__kind_spec spec = {
		.group = definition->group,
		.kind = definition->kind,
		.plural = definition->plural,
		.singular = definition->singular,
		.versions = (const char *const *)definition->versions,
		.short_names = (const char *const *)definition->short_names,
		.subresources = definition->subresources,
		.scale_pointer = definition->scale_pointer,
		.verbs = KSHIM__VERBS_ALL,
		.namespaced = definition->namespaced,
		.defined = true,
	};
	kshim_kind *kind;

	/* all other names were looked at */
	if (!kshim__kind_spec_ok(&spec)) {
		wrong(definition, "spec.names.kind", "is no name of a kind");
		return NULL;
	}
	kind = kshim__kind_from_spec(&spec);
	if (!kind)
		no_memory(definition);
	return kind;
}

static void clear(struct definition *definition)
{
	size_t i;

	kshim__free(definition->group);
	kshim__free(definition->kind);
	kshim__free(definition->plural);
	kshim__free(definition->singular);
	kshim__free(definition->scale_pointer);
	for (i = 0; i < KSHIM__VERSIONS; i++)
		kshim__free(definition->versions[i]);
	for (i = 0; i < KSHIM__SHORT_NAMES; i++)
		kshim__free(definition->short_names[i]);
}

kshim_kind *kshim__definition_kind(const char *text, size_t len, kshim_error **error)
{
	struct definition definition;
	kshim_kind *kind = NULL;

	memset(&definition, 0, sizeof(definition));
	definition.json.at = text;
	definition.json.len = len;
	if (read_names(&definition) && check_name(&definition) && read_short_names(&definition) &&
	    read_versions(&definition) && read_subresources(&definition))
		kind = make_kind(&definition);
	clear(&definition);
	*error = definition.error;
	return kind;
}
