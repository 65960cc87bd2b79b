/* Kinds that a CustomResourceDefinition defines, while definitions come, change and
 * go; on a real API server. */
#include "live.h"

#define TEXT 128 /* bytes of a name */

static char group[64], name[TEXT], v1[TEXT], v2[TEXT];

/* A version of it: scaled by spec.size. */
static json_t *version(const char *which, bool served, bool storage)
{
	json_t *made = json_pack("{s:s, s:b, s:b, s:{s:{s:s, s:b}}, s:{s:{}, s:{s:s, s:s}}}", "name", which, "served", served,
				 "storage", storage, "schema", "openAPIV3Schema", "type", "object",
				 "x-kubernetes-preserve-unknown-fields", 1, "subresources", "status", "scale",
				 "specReplicasPath", ".spec.size", "statusReplicasPath", ".status.size");

	assert_non_null(made);
	return made;
}

/* Short names are the run's own, so that runs side by side do not meet. */
static void short_name(char text[64], const char *which)
{
	snprintf(text, 64, "%s%s", which, live_run());
}

static kshim_object *definition(const char *short_, json_t *versions)
{
	char text[64];
	json_t *tree;

	short_name(text, short_);
	tree = json_pack("{s:s, s:s, s:{s:s}, s:{s:s, s:s, s:{s:s, s:s, s:[s]}, s:o}}", "apiVersion",
			 "apiextensions.k8s.io/v1", "kind", "CustomResourceDefinition", "metadata", "name", name, "spec",
			 "group", group, "scope", "Namespaced", "names", "kind", "Widget", "plural", "widgets",
			 "shortNames", text, "versions", versions);
	assert_non_null(tree);
	return kshim_object_new(server->client, tree);
}

/* By server-side apply, as a program would install it. */
static void apply(const char *short_, json_t *versions)
{
	kshim_object *crd = definition(short_, versions);
	kshim_options *options = kshim_options_new();
	struct answer got = {0};

	kshim_options_set_field_manager(options, "kubeshim-test");
	ASK(server, &got, kshim_object_apply(crd, options, live_done, &got));
	EXPECT(&got, KSHIM_OK);
	kshim_options_free(options);
	kshim_object_unref(crd);
	live_clear(&got);
}

/* New reference. */
static const kshim_kind *define(struct live *who)
{
	const kshim_kind *kind;
	struct answer got = {0};

	ASK(who, &got, kshim_crd_define(who->client, name, NULL, live_done, &got));
	EXPECT(&got, KSHIM_OK);
	assert_string_equal(kshim_object_name(got.object), name);
	assert_non_null(got.kind);
	assert_string_equal(kshim_kind_group(got.kind), group);
	assert_string_equal(kshim_kind_name(got.kind), "Widget");
	assert_string_equal(kshim_kind_singular(got.kind), "widget");
	kind = kshim_kind_ref(got.kind);
	live_clear(&got);
	return kind;
}

static kshim_object *create(const char *api_version, const char *which)
{
	struct answer got = {0};
	kshim_object *object;
	json_t *tree = json_pack("{s:s, s:s, s:{s:s, s:s}, s:{s:i}}", "apiVersion", api_version, "kind", "Widget", "metadata",
				 "name", which, "namespace", server->namespace_, "spec", "size", 1);

	assert_non_null(tree);
	object = kshim_object_new(server->client, tree);
	ASK(server, &got, kshim_object_create(object, NULL, live_done, &got));
	EXPECT(&got, KSHIM_OK);
	live_clear(&got);
	return object;
}

static bool discovery_was_asked(void)
{
	return live_asked_for(server, "GET /api") || live_asked_for(server, "GET /apis");
}

static void expect_list(struct live *who, kshim_query *query, kshim_code code, size_t count)
{
	struct answer got = {0};

	ASK(who, &got, kshim_query_list(query, NULL, live_done, &got));
	EXPECT(&got, code);
	assert_int_equal(got.count, count);
	live_clear(&got);
}

static kshim_query *query_short(struct live *who, const char *which)
{
	char text[64];

	short_name(text, which);
	return kshim_query_new_named(who->client, text, server->namespace_);
}

/* What discovery tells follows a change some time later. */
static void wait_until(struct live *who, kshim_query *query, kshim_code code, const char *what)
{
	struct answer got = {0};
	unsigned tries = 0;

	do {
		ASK(who, &got, kshim_query_list(query, NULL, live_done, &got));
	} while (got.code != code && live_again(who, &tries, what));
	live_clear(&got);
}

static void wait_until_gone(void)
{
	kshim_query *crds = kshim_query_new(server->client, KSHIM_CUSTOM_RESOURCE_DEFINITION, NULL);
	kshim_object *crd = kshim_query_object(crds, name);
	struct answer got = {0};

	ASK(server, &got, kshim_object_delete(crd, NULL, live_done, &got));
	EXPECT(&got, KSHIM_OK);
	ASK(server, &got, kshim_wait_deleted(crd, NULL, live_done, &got));
	EXPECT(&got, KSHIM_OK);
	kshim_object_unref(crd);
	kshim_query_free(crds);
	live_clear(&got);
}

static void not_there(void **state)
{
	struct answer got = {0};

	(void)state;
	ASK(server, &got, kshim_crd_define(server->client, name, NULL, live_done, &got));
	EXPECT(&got, KSHIM_ENOTFOUND);
	assert_null(got.kind);
	live_clear(&got);
}

/* A kind from its definition, used at once and without discovery. */
static void defined(void **state)
{
	struct answer got = {0};
	const kshim_kind *kind;
	kshim_object *object;
	kshim_query *query, *named;
	int64_t size;

	(void)state;
	kshim_client_forget_kinds(server->client);
	apply("a", json_pack("[o]", version("v1", true, true)));
	kind = define(server);
	assert_string_equal(kshim_kind_api_version(kind), v1);
	assert_null(kshim_kind_version_at(kind, 1));
	assert_int_equal(kshim_kind_is_namespaced(kind), 1);
	assert_int_equal(kshim_kind_has_subresource(kind, "scale"), 1);
	live_reset(server);
	object = create(v1, "one");
	query = kshim_query_new(server->client, kind, server->namespace_);
	expect_list(server, query, KSHIM_OK, 1);
	ASK(server, &got, kshim_object_scale(object, 5, NULL, live_done, &got));
	EXPECT(&got, KSHIM_OK);
	assert_int_equal(kshim_object_get_int(got.object, "/spec/size", &size), 0);
	assert_int_equal(size, 5);
	named = query_short(server, "a");
	expect_list(server, named, KSHIM_OK, 1);
	assert_false(discovery_was_asked());
	ASK(server, &got, kshim_object_delete(object, NULL, live_done, &got));
	EXPECT(&got, KSHIM_OK);
	kshim_query_free(named);
	kshim_query_free(query);
	kshim_object_unref(object);
	kshim_kind_unref(kind);
	live_clear(&got);
}

/* The version goes while handles, names and objects of it are held: by a client that
 * defined the kind, and by one that found it. */
static void version_goes(void **state)
{
	struct live *other = live_open("admin", server->loop);
	const kshim_kind *kind = define(server);
	kshim_kind *own = kshim_kind_new(group, "v1", "widgets", "Widget", 1);
	kshim_query *query = kshim_query_new(server->client, kind, server->namespace_);
	kshim_query *named = query_short(server, "a"), *foreign = kshim_query_new_named(other->client, name, server->namespace_);
	kshim_query *row = kshim_query_new(other->client, own, server->namespace_);
	kshim_object *object = create(v1, "two"), *third = create(v1, "three");
	struct answer got = {0};
	unsigned tries = 0;

	(void)state;
	assert_string_equal(kshim_kind_api_version(kind), v1);
	wait_until(other, foreign, KSHIM_OK, "a definition in discovery");
	wait_until(other, row, KSHIM_OK, "it");
	apply("a", json_pack("[o, o]", version("v1", false, false), version("v2", true, true)));
	/* what is no longer served may be answered for a moment still */
	wait_until(server, query, KSHIM_OK, "v2, by a kind of the definition");
	wait_until(other, row, KSHIM_OK, "v2, by a kind of one's own");
	do {
		ASK(server, &got, kshim_query_get_by_name(query, "two", live_done, &got));
		EXPECT(&got, KSHIM_OK);
	} while (strcmp(kshim_object_api_version(got.object), v2) != 0 && live_again(server, &tries, "v2 in an answer"));
	wait_until(other, foreign, KSHIM_OK, "v2, by a name");
	live_reset(server);
	expect_list(server, query, KSHIM_OK, 2);
	expect_list(server, named, KSHIM_OK, 2);
	assert_int_equal(server->requests, 2); /* it is known where */
	assert_false(discovery_was_asked());
	/* objects of v1: what has their text stays of v1, all else moves */
	assert_int_equal(kshim_object_set_string(object, "/spec/colour", "blue"), 0);
	ASK(server, &got, kshim_object_update(object, NULL, live_done, &got));
	EXPECT(&got, KSHIM_ENOKIND);
	ASK(server, &got, kshim_object_scale(object, 7, NULL, live_done, &got));
	EXPECT(&got, KSHIM_OK);
	assert_string_equal(kshim_object_api_version(object), v2);
	assert_int_equal(kshim_object_set_string(object, "/spec/colour", "blue"), 0);
	ASK(server, &got, kshim_object_update(object, NULL, live_done, &got));
	EXPECT(&got, KSHIM_OK);
	ASK(server, &got, kshim_object_delete(third, NULL, live_done, &got));
	EXPECT(&got, KSHIM_OK);
	expect_list(server, query, KSHIM_OK, 1);
	expect_list(other, foreign, KSHIM_OK, 1);
	expect_list(other, row, KSHIM_OK, 1);
	kshim_object_unref(third);
	kshim_object_unref(object);
	kshim_query_free(row);
	kshim_query_free(foreign);
	kshim_query_free(named);
	kshim_query_free(query);
	kshim_kind_unref(own);
	kshim_kind_unref(kind);
	live_clear(&got);
	live_close(other);
}

/* Another short name: it is found once the server has it. */
static void short_name_changes(void **state)
{
	kshim_query *old = query_short(server, "a"), *new = query_short(server, "b");
	struct live *other = live_open("admin", server->loop);
	kshim_query *foreign = query_short(other, "b");
	const kshim_kind *kind;
	char text[64];

	(void)state;
	expect_list(server, old, KSHIM_OK, 1);
	expect_list(other, foreign, KSHIM_ENOKIND, 0);
	apply("b", json_pack("[o, o]", version("v1", false, false), version("v2", true, true)));
	wait_until(server, new, KSHIM_OK, "a short name");
	wait_until(other, foreign, KSHIM_OK, "a short name");
	wait_until(server, old, KSHIM_ENOKIND, "an old short name to go");
	/* and by its definition */
	kind = define(server);
	short_name(text, "b");
	assert_string_equal(kshim_kind_short_name(kind, 0), text);
	assert_string_equal(kshim_kind_api_version(kind), v2);
	expect_list(server, new, KSHIM_OK, 1);
	kshim_kind_unref(kind);
	kshim_query_free(foreign);
	kshim_query_free(new);
	kshim_query_free(old);
	live_close(other);
}

/* Its names are another's. */
static void conflict(void **state)
{
	kshim_query *crds = kshim_query_new(server->client, KSHIM_CUSTOM_RESOURCE_DEFINITION, NULL);
	char second[TEXT], text[64];
	struct answer got = {0};
	kshim_object *crd;

	(void)state;
	snprintf(second, sizeof(second), "gadgets.%s", group);
	short_name(text, "b");
	crd = kshim_object_new(server->client, json_pack("{s:s, s:s, s:{s:s}, s:{s:s, s:s, s:{s:s, s:s, s:[s]}, s:[o]}}",
		"apiVersion", "apiextensions.k8s.io/v1", "kind", "CustomResourceDefinition", "metadata", "name", second, "spec",
		"group", group, "scope", "Namespaced", "names", "kind", "Gadget", "plural", "gadgets", "shortNames", text,
		"versions", version("v1", true, true)));
	assert_non_null(crd);
	ASK(server, &got, kshim_object_create(crd, NULL, live_done, &got));
	EXPECT(&got, KSHIM_OK);
	ASK(server, &got, kshim_crd_define(server->client, second, NULL, live_done, &got));
	EXPECT(&got, KSHIM_ECONFLICT);
	assert_non_null(strstr(kshim_error_message(got.error), "ShortNamesConflict"));
	assert_non_null(strstr(kshim_error_message(got.error), "already in use"));
	assert_null(got.kind);
	ASK(server, &got, kshim_object_delete(crd, NULL, live_done, &got));
	EXPECT(&got, KSHIM_OK);
	kshim_object_unref(crd);
	kshim_query_free(crds);
	live_clear(&got);
}

/* Deleted, it is a kind that nobody serves; created anew, in another scope, it is
 * there again for the same names. */
static void deleted_and_created(void **state)
{
	kshim_query *named = query_short(server, "b");
	const kshim_kind *kind = define(server), *anew;
	kshim_query *query = kshim_query_new(server->client, kind, server->namespace_);
	struct answer got = {0};
	kshim_object *crd;

	(void)state;
	expect_list(server, query, KSHIM_OK, 1);
	wait_until_gone();
	wait_until(server, query, KSHIM_ENOKIND, "a kind to go");
	wait_until(server, named, KSHIM_ENOKIND, "a name to go");
	ASK(server, &got, kshim_crd_define(server->client, name, NULL, live_done, &got));
	EXPECT(&got, KSHIM_ENOTFOUND);

	crd = definition("b", json_pack("[o]", version("v1", true, true)));
	assert_int_equal(kshim_object_set_string(crd, "/spec/scope", "Cluster"), 0);
	ASK(server, &got, kshim_object_create(crd, NULL, live_done, &got));
	EXPECT(&got, KSHIM_OK);
	wait_until(server, query, KSHIM_OK, "a kind to be there again");
	wait_until(server, named, KSHIM_OK, "a name to be there again");
	anew = define(server);
	assert_string_equal(kshim_kind_api_version(anew), v1);
	assert_int_equal(kshim_kind_is_namespaced(anew), 0);
	kshim_kind_unref(anew);
	wait_until_gone();
	wait_until(server, query, KSHIM_ENOKIND, "a kind to go");
	kshim_object_unref(crd);
	kshim_query_free(query);
	kshim_query_free(named);
	kshim_kind_unref(kind);
	live_clear(&got);
}

/* From a manifest: the definitions that dask-kubernetes installs. */
static void from_a_manifest(void **state)
{
	kshim_manifest *crds = live_manifest("test/cluster/dask-crds.yaml");
	size_t i;

	(void)state;
	assert_int_equal(kshim_manifest_count(crds), 4);
	for (i = 0; i < 4; i++) {
		kshim_object *crd = kshim_manifest_object(crds, i, server->client);
		kshim_kind *kind = kshim_crd_kind(crd);
		const kshim_kind *row = kind ? kshim_kind_find(kshim_kind_name(kind)) : NULL;
		size_t k;

		assert_non_null(row);
		assert_string_equal(kshim_kind_api_version(kind), kshim_kind_api_version(row));
		assert_string_equal(kshim_kind_plural(kind), kshim_kind_plural(row));
		assert_string_equal(kshim_kind_singular(kind), kshim_kind_singular(row));
		assert_int_equal(kshim_kind_is_namespaced(kind), kshim_kind_is_namespaced(row));
		assert_int_equal(kshim_kind_has_subresource(kind, "scale"), kshim_kind_has_subresource(row, "scale"));
		assert_int_equal(kshim_kind_has_subresource(kind, "status"), kshim_kind_has_subresource(row, "status"));
		for (k = 0; kshim_kind_short_name(row, k); k++)
			assert_string_equal(kshim_kind_short_name(kind, k), kshim_kind_short_name(row, k));
		assert_null(kshim_kind_short_name(kind, k));
		kshim_kind_unref(kind);
		kshim_object_unref(crd);
	}
	kshim_manifest_free(crds);
}

/* ---- running */

static int set_up(void **state)
{
	live_set_up(state);
	snprintf(group, sizeof(group), "%s.kubeshim.test", live_run());
	snprintf(name, sizeof(name), "widgets.%s", group);
	snprintf(v1, sizeof(v1), "%s/v1", group);
	snprintf(v2, sizeof(v2), "%s/v2", group);
	return 0;
}

static int tear_down(void **state)
{
	kshim_query *crds = kshim_query_new(server->client, KSHIM_CUSTOM_RESOURCE_DEFINITION, NULL);
	kshim_object *crd = kshim_query_object(crds, name);
	struct answer got = {0};

	/* a test that failed may have left it */
	ASK(server, &got, kshim_object_delete(crd, NULL, live_done, &got));
	assert_true(got.code == KSHIM_OK || got.code == KSHIM_ENOTFOUND);
	live_clear(&got);
	kshim_object_unref(crd);
	kshim_query_free(crds);
	return live_tear_down(state);
}

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(not_there),          cmocka_unit_test(defined),  cmocka_unit_test(version_goes),
		cmocka_unit_test(short_name_changes), cmocka_unit_test(conflict), cmocka_unit_test(deleted_and_created),
		cmocka_unit_test(from_a_manifest),
	};

	return live_run_tests(argc, argv, "CRDs", tests, sizeof(tests) / sizeof(tests[0]), set_up, tear_down);
}
