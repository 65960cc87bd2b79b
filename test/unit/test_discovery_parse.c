/* Discovery documents: both forms, real ones, broken ones, and without memory. */
/* LINK: -Wl,--wrap=kshim__malloc,--wrap=kshim__calloc,--wrap=kshim__realloc,--wrap=kshim__strdup,--wrap=json_loadb */
#include "alloc.h"
#include "discovery_parse.h"

#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#ifndef TEST_DATA
#define TEST_DATA "test/data"
#endif

/* ---- Allocations that fail: needs -Wl,--wrap for these functions, else the
 * test of failures is skipped. With --wrap=kshim__strdup and --wrap=json_loadb too,
 * these fail as well, loading as a whole: jansson 2.14 overlooks a failed allocation while it
 * reads a string, and goes on with a character less. */

void *__real_kshim__malloc(size_t size) __attribute__((weak));
void *__real_kshim__calloc(size_t count, size_t size) __attribute__((weak));
void *__real_kshim__realloc(void *p, size_t size) __attribute__((weak));
char *__real_kshim__strdup(const char *s) __attribute__((weak));
void *__wrap_kshim__malloc(size_t size);
void *__wrap_kshim__calloc(size_t count, size_t size);
void *__wrap_kshim__realloc(void *p, size_t size);
char *__wrap_kshim__strdup(const char *s);
json_t *__real_json_loadb(const char *text, size_t len, size_t flags, json_error_t *error) __attribute__((weak));
json_t *__wrap_json_loadb(const char *text, size_t len, size_t flags, json_error_t *error);

static long allocations, fail_at = -1;

static bool fails(void)
{
	return allocations++ == fail_at;
}

void *__wrap_kshim__malloc(size_t size)
{
	return fails() ? NULL : __real_kshim__malloc(size);
}

void *__wrap_kshim__calloc(size_t count, size_t size)
{
	return fails() ? NULL : __real_kshim__calloc(count, size);
}

void *__wrap_kshim__realloc(void *p, size_t size)
{
	return fails() ? NULL : __real_kshim__realloc(p, size);
}

/* --wrap does not reach the calls inside alloc.c */
char *__wrap_kshim__strdup(const char *s)
{
	return fails() ? NULL : __real_kshim__strdup(s);
}

static bool loading;

static void *jansson_malloc(size_t size)
{
	return !loading && fails() ? NULL : malloc(size);
}

json_t *__wrap_json_loadb(const char *text, size_t len, size_t flags, json_error_t *error)
{
	json_t *root;

	memset(error, 0, sizeof(*error));
	if (fails())
		return NULL;
	loading = true;
	root = __real_json_loadb(text, len, flags, error);
	loading = false;
	return root;
}

/* ---- Reading the files of test/data */

static char *read_file(const char *name, size_t *len)
{
	char path[200], *text;
	FILE *file;
	long size;

	snprintf(path, sizeof(path), "%s/discovery/%s", TEST_DATA, name);
	file = fopen(path, "r");
	if (!file)
		fail_msg("%s: cannot be read", path);
	fseek(file, 0, SEEK_END);
	size = ftell(file);
	rewind(file);
	text = malloc((size_t)size + 1);
	assert_non_null(text);
	*len = fread(text, 1, (size_t)size, file);
	assert_int_equal(*len, size);
	text[size] = '\0';
	fclose(file);
	return text;
}

static void read_aggregated(struct kshim__kinds *kinds)
{
	static const char *const names[] = {"aggregated-api.json", "aggregated-apis.json"};
	struct kshim__group_versions versions = {0};
	size_t i, len;

	for (i = 0; i < 2; i++) {
		char *text = read_file(names[i], &len);

		assert_int_equal(kshim__discovery_read_root(text, len, kinds, &versions), KSHIM__DISCOVERY_AGGREGATED);
		free(text);
	}
	assert_int_equal(versions.count, 0);
	assert_null(versions.entries);
}

static char *dump(json_t *documents, const char *path, size_t *len)
{
	char *text = json_dumps(json_object_get(documents, path), JSON_COMPACT | JSON_ENCODE_ANY);

	*len = text ? strlen(text) : 0;
	return text;
}

/* As a client does it: both roots, then each group/version in that order. */
static void read_legacy(const char *file, struct kshim__kinds *kinds, struct kshim__group_versions *versions)
{
	static const char *const roots[] = {"/api", "/apis"};
	size_t i, len;
	char *text = read_file(file, &len);
	json_t *documents = json_loads(text, 0, NULL);

	free(text);
	assert_non_null(documents);
	for (i = 0; i < 2; i++) {
		text = dump(documents, roots[i], &len);
		assert_int_equal(kshim__discovery_read_root(text, len, kinds, versions), KSHIM__DISCOVERY_LEGACY);
		free(text);
	}
	for (i = 0; i < versions->count; i++) {
		const struct kshim__group_version *of = &versions->entries[i];
		char path[200];

		snprintf(path, sizeof(path), "%s%s/%s", *of->group ? "/apis/" : "/api", of->group, of->version);
		text = dump(documents, path, &len);
		if (text)
			assert_true(kshim__discovery_read_resources(text, len, of, kinds));
		else
			kshim__kinds_missing(kinds, of->group, of->version);
		free(text);
	}
	assert_int_equal(kinds->count > 0, 1);
	json_decref(documents);
}

/* ---- Comparing kinds */

/* Every word of a's in b's. */
static bool words_in(const char *a, const kshim_kind *b)
{
	char copy[400], *save = NULL, *word;

	snprintf(copy, sizeof(copy), "%s", a ? a : "");
	for (word = strtok_r(copy, " ", &save); word; word = strtok_r(NULL, " ", &save))
		if (!kshim_kind_has_subresource(b, word))
			return false;
	return true;
}

static bool short_names_in(const kshim_kind *a, const kshim_kind *b)
{
	size_t i, k;

	for (i = 0; a->short_names[i]; i++) {
		for (k = 0; b->short_names[k] && strcmp(a->short_names[i], b->short_names[k]) != 0;)
			k++;
		if (!b->short_names[k])
			return false;
	}
	return true;
}

static void same_texts(const char *const *a, const char *const *b)
{
	size_t i;

	for (i = 0; a[i] && b[i]; i++)
		assert_string_equal(a[i], b[i]);
	assert_null(a[i]);
	assert_null(b[i]);
}

static void same_kind(const kshim_kind *a, const kshim_kind *b)
{
	assert_string_equal(a->group, b->group);
	assert_string_equal(a->kind, b->kind);
	assert_string_equal(a->plural, b->plural);
	assert_string_equal(a->singular, b->singular);
	same_texts(a->versions, b->versions);
	same_texts(a->api_versions, b->api_versions);
	same_texts(a->short_names, b->short_names);
	assert_true(words_in(a->subresources, b) && words_in(b->subresources, a));
	assert_int_equal(a->verbs, b->verbs);
	assert_int_equal(a->namespaced, b->namespaced);
	assert_true(!a->alias == !b->alias);
	assert_true(!a->scale_pointer == !b->scale_pointer);
	if (a->scale_pointer)
		assert_string_equal(a->scale_pointer, b->scale_pointer);
}

static void both_forms_agree(void **state)
{
	struct kshim__kinds aggregated = {0}, legacy = {0};
	struct kshim__group_versions versions = {0};
	size_t i;

	(void)state;
	read_aggregated(&aggregated);
	read_legacy("legacy.json", &legacy, &versions);
	assert_int_equal(aggregated.count, legacy.count);
	assert_true(legacy.count > 60);
	for (i = 0; i < legacy.count; i++) {
		kshim_kind *kind = kshim__kinds_by_group_kind(&aggregated, legacy.kinds[i]->group,
							      strlen(legacy.kinds[i]->group), legacy.kinds[i]->kind);

		assert_non_null(kind);
		same_kind(kind, legacy.kinds[i]);
	}
	assert_string_equal(aggregated.missing, "broken.example.com/v1");
	assert_string_equal(legacy.missing, "broken.example.com/v1");
	kshim__kinds_free(&aggregated);
	kshim__kinds_free(&legacy);
	kshim__group_versions_free(&versions);
	assert_null(versions.entries);
	assert_null(legacy.kinds);
}

/* ---- The built-in rows and what servers serve */

static bool version_in(const kshim_kind *kind, const char *version)
{
	size_t i;

	for (i = 0; kind->versions[i]; i++)
		if (strcmp(kind->versions[i], version) == 0)
			return true;
	return false;
}

/* What a server tells of a row: its versions in the row's order, all else equal.
 * Subresources may be fewer: some came later. */
static void check_row(const kshim_kind *row, const kshim_kind *served)
{
	size_t i, at = 0;

	assert_string_equal(row->plural, served->plural);
	assert_string_equal(row->singular, served->singular);
	assert_int_equal(row->namespaced, served->namespaced);
	assert_int_equal(row->verbs, served->verbs);
	assert_true(short_names_in(row, served) && short_names_in(served, row));
	assert_true(words_in(served->subresources, row));
	for (i = 0; served->versions[i]; i++) {
		if (!version_in(row, served->versions[i]))
			fail_msg("%s: %s is not in the row", row->kind, served->versions[i]);
		while (strcmp(row->versions[at], served->versions[i]) != 0)
			assert_non_null(row->versions[++at]);
	}
	assert_true(!row->scale_pointer == !served->scale_pointer);
	if (row->scale_pointer)
		assert_string_equal(row->scale_pointer, served->scale_pointer);
}

static void rows_agree_with_1_36(void **state)
{
	struct kshim__kinds kinds = {0};
	size_t i, found = 0;

	(void)state;
	read_aggregated(&kinds);
	for (i = 0; i < kshim_kind_builtin_count(); i++) {
		const kshim_kind *row = kshim_kind_builtin((kshim_builtin)i);
		const kshim_kind *served = kshim__kinds_by_group_kind(&kinds, row->group, strlen(row->group), row->kind);

		if (!served) {
			assert_ptr_equal(row, KSHIM_POD_SECURITY_POLICY);
			continue;
		}
		check_row(row, served);
		assert_true(words_in(row->subresources, served));
		/* what names the row names the same kind of the server's */
		assert_ptr_equal(kshim__kinds_find(&kinds, row->kind), served);
		assert_ptr_equal(kshim__kinds_find(&kinds, row->plural), served);
		if (row->short_names[0])
			assert_ptr_equal(kshim__kinds_find(&kinds, row->short_names[0]), served);
		found++;
	}
	assert_int_equal(found, kshim_kind_builtin_count() - 1);
	kshim__kinds_free(&kinds);
}

static void rows_agree_with_1_24(void **state)
{
	struct kshim__kinds kinds = {0};
	const char *path;
	json_t *documents, *document;
	size_t i, len, rows = 0;
	char *text = read_file("legacy-1.24.json", &len);

	(void)state;
	documents = json_loads(text, 0, NULL);
	free(text);
	assert_non_null(documents);
	json_object_foreach(documents, path, document) {
		const char *group_version = json_string_value(json_object_get(document, "groupVersion"));
		struct kshim__group_version of;
		const char *version;

		kshim__split_api_version(group_version, &len, &version);
		of.group = strndup(group_version, len);
		of.version = strdup(version);
		text = dump(documents, path, &len);
		assert_true(kshim__discovery_read_resources(text, len, &of, &kinds));
		free(of.group);
		free(of.version);
		free(text);
	}
	/* every version of every row was served */
	for (i = 0; i < kinds.count; i++) {
		const kshim_kind *row = kshim__kind_by_group_kind(kinds.kinds[i]->group, strlen(kinds.kinds[i]->group),
								  kinds.kinds[i]->kind);

		assert_non_null(row);
		check_row(row, kinds.kinds[i]);
		same_texts(row->versions, kinds.kinds[i]->versions);
		rows++;
	}
	assert_int_equal(rows, 29);
	json_decref(documents);
	kshim__kinds_free(&kinds);
}

/* ---- Small documents */

static enum kshim__discovery_form root(const char *json, struct kshim__kinds *kinds,
				       struct kshim__group_versions *versions)
{
	return kshim__discovery_read_root(json, strlen(json), kinds, versions);
}

#define LIST(items) "{\"kind\":\"APIGroupDiscoveryList\",\"apiVersion\":\"apidiscovery.k8s.io/v2\",\"items\":" items "}"

/* Groups with kinds whose names collide, in the order of a server. */
static const char collisions[] = LIST(
	"[{\"metadata\":{\"name\":\"serving.example.com\"},\"versions\":[{\"version\":\"v1\",\"resources\":["
	"{\"resource\":\"services\",\"responseKind\":{\"kind\":\"Service\"},\"scope\":\"Namespaced\",\"shortNames\":[\"gw\"]},"
	"{\"resource\":\"pods\",\"responseKind\":{\"kind\":\"Pod\"},\"scope\":\"Namespaced\"}]}]},"
	"{\"metadata\":{\"name\":\"a.example.com\"},\"versions\":[{\"version\":\"v1\",\"resources\":["
	"{\"resource\":\"events\",\"responseKind\":{\"kind\":\"Event\"},\"scope\":\"Namespaced\",\"shortNames\":[\"svc\"]},"
	"{\"resource\":\"gw\",\"responseKind\":{\"kind\":\"Gw\"},\"scope\":\"Namespaced\"}]}]},"
	"{\"metadata\":{\"name\":\"events.k8s.io\"},\"versions\":[{\"version\":\"v1\",\"resources\":["
	"{\"resource\":\"events\",\"responseKind\":{\"kind\":\"Event\"},\"scope\":\"Namespaced\",\"shortNames\":[\"ev\"]}]}]},"
	"{\"metadata\":{},\"versions\":[{\"version\":\"v1\",\"resources\":["
	"{\"resource\":\"services\",\"responseKind\":{\"kind\":\"Service\"},\"scope\":\"Namespaced\",\"shortNames\":[\"svc\"]},"
	"{\"resource\":\"endpoints\",\"responseKind\":{\"kind\":\"Endpoints\"},\"scope\":\"Namespaced\"}]}]}]");

static void precedence(void **state)
{
	static const struct {
		const char *name, *group, *kind;
	} cases[] = {
		{"services", "", "Service"},
		{"svc", "", "Service"},
		{"service.serving.example.com", "serving.example.com", "Service"},
		{"serving.example.com/services", "serving.example.com", "Service"},
		{"svc.a.example.com", "a.example.com", "Event"},
		{"events", "events.k8s.io", "Event"},
		{"pods", "serving.example.com", "Pod"},
		/* a name before another kind's short name */
		{"gw", "a.example.com", "Gw"},
		{"Endpoint", "", "Endpoints"},
		{"widgets", NULL, NULL},
		{"events.apps", NULL, NULL},
	};
	struct kshim__kinds kinds = {0};
	size_t i;

	(void)state;
	assert_int_equal(root(collisions, &kinds, NULL), KSHIM__DISCOVERY_AGGREGATED);
	assert_int_equal(kinds.count, 7);
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		kshim_kind *kind = kshim__kinds_find(&kinds, cases[i].name);

		if (!kind != !cases[i].kind)
			fail_msg("\"%s\"", cases[i].name);
		if (!kind)
			continue;
		assert_string_equal(kind->group, cases[i].group);
		assert_string_equal(kind->kind, cases[i].kind);
	}
	assert_null(kshim__kinds_by_group_kind(&kinds, "a.example.com/v1", 13, "Service"));
	assert_non_null(kshim__kinds_by_group_kind(&kinds, "a.example.com/v1", 13, "Gw"));
	kshim__kinds_free(&kinds);
	assert_null(kshim__kinds_find(&kinds, "services"));
}

/* The real server's: a CRD that calls itself "po" does not take pods away. */
static void real_names(void **state)
{
	struct kshim__kinds kinds = {0};
	kshim_kind *kind;

	(void)state;
	read_aggregated(&kinds);
	assert_string_equal(kshim__kinds_find(&kinds, "po")->kind, "Pod");
	assert_string_equal(kshim__kinds_find(&kinds, "events")->group, "");
	kind = kshim__kinds_find(&kinds, "po.example.com");
	assert_ptr_equal(kind, kshim__kinds_find(&kinds, "wd"));
	assert_string_equal(kind->kind, "Widget");
	assert_false(kind->namespaced);
	assert_string_equal(kind->versions[0], "v1");
	assert_string_equal(kind->versions[1], "v1beta2");
	assert_string_equal(kind->versions[2], "v1alpha1");
	assert_string_equal(kind->api_versions[2], "example.com/v1alpha1");
	assert_string_equal(kind->scale_pointer, "/spec/replicas");
	kind = kshim__kinds_find(&kinds, "dsk");
	assert_string_equal(kind->scale_pointer, "/spec/worker/replicas");
	assert_true(kshim_kind_has_subresource(kind, "scale"));
	kind = kshim__kinds_find(&kinds, "jobs");
	assert_string_equal(kind->scale_pointer, "/spec/parallelism");
	kshim__kinds_free(&kinds);
}

static void strange_aggregated(void **state)
{
	static const char *const empty[] = {
		LIST("[]"),
		LIST("null"),
		LIST("{}"),
		LIST("[null,1,[],{}]"),
		LIST("[{\"metadata\":{\"name\":\"..\"},\"versions\":[{\"version\":\"v1\",\"resources\":["
		     "{\"resource\":\"a\",\"responseKind\":{\"kind\":\"A\"}}]}]}]"),
		LIST("[{\"versions\":[{\"version\":\"v1/../..\",\"resources\":["
		     "{\"resource\":\"a\",\"responseKind\":{\"kind\":\"A\"}}]}]}]"),
		LIST("[{\"versions\":[{\"version\":\"v1\",\"resources\":[null,{},"
		     "{\"resource\":\"a\"},"
		     "{\"resource\":\"a\",\"responseKind\":null},"
		     "{\"resource\":\"a\",\"responseKind\":{\"kind\":\"\"},\"subresources\":[{\"subresource\":\"x\"}]},"
		     "{\"resource\":\"a/b\",\"responseKind\":{\"kind\":\"A\"}},"
		     "{\"resource\":\"\",\"responseKind\":{\"kind\":\"A\"}},"
		     "{\"resource\":7,\"responseKind\":{\"kind\":\"A\"}}]}]}]"),
	};
	static const char *const bad[] = {
		"", "{", "null", "[]", "7", "\"APIVersions\"", "{}", "{\"kind\":7}",
		"{\"kind\":\"Status\",\"apiVersion\":\"v1\"}",
		"{\"kind\":\"APIResourceList\"}",
		"{\"kind\":\"APIGroupDiscoveryList\",\"apiVersion\":\"apidiscovery.k8s.io/v3\",\"items\":[]}",
		"{\"kind\":\"APIVersions\"} x",
		"<html>",
	};
	struct kshim__group_versions versions = {0};
	struct kshim__kinds kinds = {0};
	kshim_kind *kind;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(empty) / sizeof(empty[0]); i++) {
		assert_int_equal(root(empty[i], &kinds, &versions), KSHIM__DISCOVERY_AGGREGATED);
		if (kinds.count)
			fail_msg("%s", empty[i]);
	}
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (root(bad[i], &kinds, &versions) != KSHIM__DISCOVERY_BAD)
			fail_msg("%s", bad[i]);
	assert_int_equal(versions.count, 0);
	assert_null(kinds.missing);

	/* a stale version: noted, and what is there used; of two, the first's verbs count */
	assert_int_equal(root(LIST("[{\"metadata\":{\"name\":\"x\"},\"versions\":["
				   "{\"version\":\"v1\",\"freshness\":\"Stale\",\"resources\":[{\"resource\":\"as\","
				   "\"responseKind\":{\"group\":\"other\",\"version\":\"v7\",\"kind\":\"A\"},"
				   "\"scope\":\"Cluster\",\"verbs\":[\"get\",\"fly\",3],\"shortNames\":[\"q\",5,\"\"],"
				   "\"singularResource\":\"Bad One\","
				   "\"subresources\":[{\"subresource\":\"status\"},{},7,{\"subresource\":\"a b\"}]}]},"
				   "{\"version\":\"v1beta1\",\"freshness\":\"Stale\"},"
				   "{\"version\":\"v2\",\"resources\":[{\"resource\":\"as\",\"responseKind\":"
				   "{\"kind\":\"A\"},\"scope\":\"Namespaced\",\"verbs\":[\"list\"]}]},"
				   "{\"version\":\"v2\",\"resources\":[{\"resource\":\"as\",\"responseKind\":"
				   "{\"kind\":\"A\"}}]}]}]"),
			      &kinds, &versions),
			 KSHIM__DISCOVERY_AGGREGATED);
	assert_int_equal(kinds.count, 1);
	assert_string_equal(kinds.missing, "x/v1beta1,x/v1");
	kind = kinds.kinds[0];
	assert_string_equal(kind->group, "x");
	assert_string_equal(kind->singular, "a");
	assert_string_equal(kind->versions[0], "v1");
	assert_string_equal(kind->versions[1], "v2");
	assert_null(kind->versions[2]);
	assert_int_equal(kind->verbs, KSHIM__VERB_GET);
	assert_false(kind->namespaced);
	assert_string_equal(kind->short_names[0], "q");
	assert_null(kind->short_names[1]);
	assert_string_equal(kind->subresources, " status ");
	kshim__kinds_free(&kinds);
}

static void legacy_roots(void **state)
{
	struct kshim__group_versions list = {0};
	struct kshim__kinds kinds = {0};

	(void)state;
	assert_int_equal(root("{\"kind\":\"APIVersions\",\"versions\":[\"v1\",7,\"../x\",\"\"]}", &kinds, &list),
			 KSHIM__DISCOVERY_LEGACY);
	assert_int_equal(list.count, 1);
	assert_string_equal(list.entries[0].group, "");
	assert_string_equal(list.entries[0].version, "v1");
	assert_int_equal(
		root("{\"kind\":\"APIGroupList\",\"groups\":[null,{\"name\":\"\",\"versions\":[{\"version\":\"v1\"}]},"
		     "{\"name\":\"a/b\",\"versions\":[{\"version\":\"v1\"}]},"
		     "{\"name\":\"x\",\"versions\":[{\"version\":\"v1beta1\"},{},{\"version\":\"v1\"},"
		     "{\"version\":\"v2alpha1\"}],\"preferredVersion\":{\"version\":\"v1\"}},"
		     "{\"name\":\"y\",\"versions\":[{\"version\":\"v1\"}]}]}",
		     &kinds, &list),
		KSHIM__DISCOVERY_LEGACY);
	assert_int_equal(list.count, 5);
	assert_string_equal(list.entries[1].group, "x");
	assert_string_equal(list.entries[1].version, "v1");
	assert_string_equal(list.entries[2].version, "v1beta1");
	assert_string_equal(list.entries[3].version, "v2alpha1");
	assert_string_equal(list.entries[4].group, "y");
	assert_int_equal(kinds.count, 0);
	kshim__group_versions_free(&list);
}

static int resources(const char *json, const struct kshim__group_version *of, struct kshim__kinds *kinds)
{
	return kshim__discovery_read_resources(json, strlen(json), of, kinds);
}

static void legacy_resources(void **state)
{
	struct kshim__group_version v1 = {(char *)"x", (char *)"v1"}, v2 = {(char *)"x", (char *)"v2"};
	struct kshim__kinds kinds = {0};
	kshim_kind *kind, *kept;

	(void)state;
	assert_false(resources("", &v1, &kinds));
	assert_false(resources("{}", &v1, &kinds));
	assert_false(resources("{\"kind\":\"Status\"}", &v1, &kinds));
	assert_true(resources("{\"kind\":\"APIResourceList\"}", &v1, &kinds));
	assert_true(resources("{\"kind\":\"APIResourceList\",\"resources\":[null,{},{\"name\":\"/x\",\"kind\":\"X\"},"
			      "{\"name\":\"as/\",\"kind\":\"A\"},{\"name\":\"bs/log\",\"kind\":\"B\"}]}",
			      &v1, &kinds));
	assert_int_equal(kinds.count, 0);
	/* a subresource before its resource, of another group and kind */
	assert_true(resources("{\"kind\":\"APIResourceList\",\"groupVersion\":\"x/v1\",\"resources\":["
			      "{\"name\":\"as/scale\",\"singularName\":\"\",\"namespaced\":false,\"group\":\"autoscaling\","
			      "\"version\":\"v1\",\"kind\":\"Scale\",\"verbs\":[\"patch\"]},"
			      "{\"name\":\"as/status\",\"kind\":\"A\",\"verbs\":[\"get\"]},"
			      "{\"name\":\"as\",\"singularName\":\"\",\"namespaced\":true,\"kind\":\"A\","
			      "\"group\":\"other\",\"version\":\"v9\",\"verbs\":[\"get\",\"list\"],"
			      "\"shortNames\":[\"q\"]},"
			      "{\"name\":\"as/a/b\",\"kind\":\"A\"}]}",
			      &v1, &kinds));
	assert_int_equal(kinds.count, 1);
	kept = kinds.kinds[0];
	kshim_kind_ref(kept);
	assert_true(resources("{\"kind\":\"APIResourceList\",\"resources\":[{\"name\":\"as\",\"namespaced\":false,"
			      "\"kind\":\"A\",\"verbs\":[\"watch\"]}]}",
			      &v2, &kinds));
	assert_int_equal(kinds.count, 1);
	kind = kinds.kinds[0];
	assert_string_equal(kind->group, "x");
	assert_string_equal(kind->api_versions[0], "x/v1");
	assert_string_equal(kind->api_versions[1], "x/v2");
	assert_null(kind->versions[2]);
	assert_string_equal(kind->singular, "a");
	assert_true(kind->namespaced);
	assert_int_equal(kind->verbs, KSHIM__VERB_GET | KSHIM__VERB_LIST);
	assert_true(kshim_kind_has_subresource(kind, "scale"));
	assert_true(kshim_kind_has_subresource(kind, "status"));
	assert_string_equal(kind->scale_pointer, "/spec/replicas");
	assert_string_equal(kind->short_names[0], "q");
	/* a kind that someone holds does not change */
	assert_null(kept->versions[1]);
	kshim_kind_unref(kept);
	kshim__kinds_free(&kinds);
}

static void missing(void **state)
{
	struct kshim__kinds kinds = {0};

	(void)state;
	kshim__kinds_missing(&kinds, "", "v1");
	kshim__kinds_missing(&kinds, "apps", "v1");
	kshim__kinds_missing(&kinds, "", "v1");
	kshim__kinds_missing(&kinds, "apps", "v1");
	kshim__kinds_missing(&kinds, "apps", NULL);
	kshim__kinds_missing(&kinds, "apps", "v1beta1");
	kshim__kinds_missing(&kinds, "apps", "v1beta");
	assert_string_equal(kinds.missing, "apps/v1beta,apps/v1beta1,apps,apps/v1,v1");
	kshim__kinds_free(&kinds);
}

/* More kinds, more versions than there is room for. */
static void bounds(void **state)
{
	struct kshim__group_version of = {(char *)"x", (char *)"v1"};
	struct kshim__kinds kinds = {0};
	struct kshim__group_versions list = {0};
	char *text = NULL, version[16];
	size_t len = 0;
	FILE *file = open_memstream(&text, &len);
	int i;

	(void)state;
	fputs("{\"kind\":\"APIResourceList\",\"resources\":[", file);
	for (i = 0; i < 10500; i++)
		fprintf(file, "%s{\"name\":\"k%d\",\"kind\":\"K%d\"}", i ? "," : "", i, i);
	fputs("]}", file);
	fclose(file);
	assert_true(kshim__discovery_read_resources(text, len, &of, &kinds));
	assert_int_equal(kinds.count, 10000);
	assert_string_equal(kinds.missing, "x/v1");
	free(text);
	kshim__kinds_free(&kinds);

	for (i = 1; i < 12; i++) {
		snprintf(version, sizeof(version), "v%d", i);
		of.version = version;
		assert_true(resources("{\"kind\":\"APIResourceList\",\"resources\":[{\"name\":\"as\",\"kind\":\"A\"}]}",
				      &of, &kinds));
	}
	assert_string_equal(kinds.kinds[0]->versions[KSHIM__VERSIONS - 1], "v8");
	assert_null(kinds.kinds[0]->versions[KSHIM__VERSIONS]);
	kshim__kinds_free(&kinds);

	file = open_memstream(&text, &len);
	fputs("{\"kind\":\"APIVersions\",\"versions\":[\"v0\"", file);
	for (i = 1; i < 10500; i++)
		fprintf(file, ",\"v%d\"", i);
	fputs("]}", file);
	fclose(file);
	assert_int_equal(root(text, &kinds, &list), KSHIM__DISCOVERY_LEGACY);
	assert_int_equal(list.count, 10000);
	free(text);
	kshim__group_versions_free(&list);
}

/* Every beginning of a document is refused, none is read past its end. */
static void cut_documents(void **state)
{
	struct kshim__group_versions list = {0};
	struct kshim__kinds kinds = {0};
	size_t len;

	(void)state;
	for (len = 0; len < sizeof(collisions) - 1; len++) {
		char *text = malloc(len ? len : 1);

		memcpy(text, collisions, len);
		assert_int_equal(kshim__discovery_read_root(text, len, &kinds, &list), KSHIM__DISCOVERY_BAD);
		free(text);
	}
	assert_int_equal(kinds.count, 0);
}

/* ---- Without memory */

static const char a_list[] = "{\"kind\":\"APIResourceList\",\"resources\":[{\"name\":\"as/scale\"},"
			     "{\"name\":\"as\",\"kind\":\"A\",\"shortNames\":[\"q\"],\"verbs\":[\"get\"]},"
			     "{\"name\":\"bs\",\"kind\":\"B\"},{\"name\":\"bs/status\"},{\"name\":\"bs/log\"}]}";
static const char a_group_list[] = "{\"kind\":\"APIGroupList\",\"groups\":[{\"name\":\"x\",\"versions\":["
				   "{\"version\":\"v1\"},{\"version\":\"v2\"},{\"version\":\"v3\"}],"
				   "\"preferredVersion\":{\"version\":\"v2\"}}]}";

/* All there is to read; true if all of it was read. */
static bool scenario(void)
{
	struct kshim__group_version v1 = {(char *)"x", (char *)"v1"}, v2 = {(char *)"x", (char *)"v2"};
	struct kshim__group_versions list = {0};
	struct kshim__kinds kinds = {0};
	enum kshim__discovery_form form;
	kshim_kind *kind;
	bool ok;

	form = root(collisions, &kinds, &list);
	assert_true(form == KSHIM__DISCOVERY_AGGREGATED || form == KSHIM__DISCOVERY_NOMEM);
	ok = form == KSHIM__DISCOVERY_AGGREGATED;
	form = root("{\"kind\":\"APIVersions\",\"versions\":[\"v1\"]}", &kinds, &list);
	assert_true(form == KSHIM__DISCOVERY_LEGACY || form == KSHIM__DISCOVERY_NOMEM);
	ok &= form == KSHIM__DISCOVERY_LEGACY && list.count == 1;
	form = root(a_group_list, &kinds, &list);
	assert_true(form == KSHIM__DISCOVERY_LEGACY || form == KSHIM__DISCOVERY_NOMEM);
	ok &= form == KSHIM__DISCOVERY_LEGACY && list.count == 4;
	ok &= resources(a_list, &v1, &kinds) != 0;
	ok &= resources(a_list, &v2, &kinds) != 0;
	kshim__kinds_missing(&kinds, "x", "v1");
	kshim__kinds_missing(&kinds, "y", "v1");
	ok &= kinds.missing && strcmp(kinds.missing, "y/v1,x/v1") == 0;
	kind = kshim_kind_new("example.com", "v1", "widgets", "Widget", 1);
	ok &= kind != NULL;
	kshim_kind_unref(kind);
	kind = ok ? kshim__kinds_find(&kinds, "bs") : NULL;
	ok &= kind && kind->versions[1] && kshim_kind_has_subresource(kind, "log");
	kshim__kinds_free(&kinds);
	kshim__group_versions_free(&list);
	return ok;
}

static void failing_allocations(void **state)
{
	json_malloc_t old_malloc;
	json_free_t old_free;
	long count, i;
	bool ok;

	(void)state;
	if (!__real_kshim__malloc)
		skip();
	json_get_alloc_funcs(&old_malloc, &old_free);
	if (__real_json_loadb)
		json_set_alloc_funcs(jansson_malloc, free);
	allocations = 0;
	fail_at = -1;
	assert_true(scenario());
	count = allocations;
	assert_true(count > 20);
	for (i = 0; i < count; i++) {
		allocations = 0;
		fail_at = i;
		ok = scenario();
		if (ok)
			break;
	}
	fail_at = -1;
	json_set_alloc_funcs(old_malloc, old_free);
	if (i < count)
		fail_msg("allocation %ld of %ld failed unnoticed", i, count);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_forms_agree),
		cmocka_unit_test(rows_agree_with_1_36),
		cmocka_unit_test(rows_agree_with_1_24),
		cmocka_unit_test(precedence),
		cmocka_unit_test(real_names),
		cmocka_unit_test(strange_aggregated),
		cmocka_unit_test(legacy_roots),
		cmocka_unit_test(legacy_resources),
		cmocka_unit_test(missing),
		cmocka_unit_test(bounds),
		cmocka_unit_test(cut_documents),
		cmocka_unit_test(failing_allocations),
	};

	return cmocka_run_group_tests_name("discovery_parse", tests, NULL, NULL);
}
