/* How verbs are carried out: dry runs, validation, managers, propagation, grace,
 * subresources, names that the server makes; against a real API server. */
#include "live.h"

static kshim_object *make(const char *file, const char *name)
{
	kshim_manifest *manifest;
	kshim_object *object;
	char path[200];

	snprintf(path, sizeof(path), "test/data/live/%s.yaml", file);
	manifest = live_manifest(path);
	object = kshim_manifest_object(manifest, 0, server->client);
	kshim_object_set_string(object, "/metadata/name", name);
	kshim_object_set_string(object, "/metadata/namespace", server->namespace_);
	kshim_manifest_free(manifest);
	return object;
}

static kshim_object *created(const char *file, const char *name)
{
	kshim_object *object = make(file, name);
	struct answer got = {0};

	ASK(server, &got, kshim_object_create(object, NULL, live_done, &got));
	EXPECT(&got, KSHIM_OK);
	live_clear(&got);
	return object;
}

static void removed(kshim_object *object)
{
	struct answer got = {0};

	ASK(server, &got, kshim_object_delete(object, NULL, live_done, &got));
	EXPECT(&got, KSHIM_OK);
	kshim_object_unref(object);
	live_clear(&got);
}

static bool is_there(kshim_object *object)
{
	struct answer got = {0};
	bool found;

	ASK(server, &got, kshim_object_exists(object, NULL, live_done, &got));
	EXPECT(&got, KSHIM_OK);
	found = got.found;
	live_clear(&got);
	return found;
}

/* ---- dry runs */

/* Every verb that writes, and what it leaves: nothing. */
static void write_everything(kshim_object *object, kshim_query *query, const kshim_options *options)
{
	static const char text[] = "{\"data\":{\"colour\":\"red\"}}";
	kshim_object *other = make("configmap", "dry-other"), *copy;
	struct answer got = {0};

	ASK(server, &got, kshim_object_create(other, options, live_done, &got));
	EXPECT(&got, KSHIM_OK);
	ASK(server, &got, kshim_object_apply(other, options, live_done, &got));
	EXPECT(&got, KSHIM_OK);
	assert_int_equal(got.status, 201);
	ASK(server, &got, kshim_object_patch(object, KSHIM_PATCH_MERGE, text, strlen(text), options, live_done, &got));
	EXPECT(&got, KSHIM_OK);
	assert_string_equal(kshim_object_get_string(got.object, "/data/colour"), "red");
	assert_string_equal(kshim_object_get_string(object, "/data/colour"), "blue");
	copy = kshim_object_from_text(server->client, kshim_object_text(object, NULL),
				      strlen(kshim_object_text(object, NULL)));
	kshim_object_set_string(copy, "/data/colour", "green");
	ASK(server, &got, kshim_object_update(copy, options, live_done, &got));
	EXPECT(&got, KSHIM_OK);
	assert_string_equal(kshim_object_get_string(got.object, "/data/colour"), "green");
	ASK(server, &got, kshim_object_replace(copy, options, live_done, &got));
	EXPECT(&got, KSHIM_OK);
	ASK(server, &got, kshim_object_delete(object, options, live_done, &got));
	EXPECT(&got, KSHIM_OK);
	ASK(server, &got, kshim_query_delete_all(query, options, live_done, &got));
	EXPECT(&got, KSHIM_OK);
	assert_false(is_there(other));
	ASK(server, &got, kshim_query_get_by_name(query, kshim_object_name(object), live_done, &got));
	EXPECT(&got, KSHIM_OK);
	assert_string_equal(kshim_object_resource_version(got.object), kshim_object_resource_version(object));
	kshim_object_unref(other);
	kshim_object_unref(copy);
	live_clear(&got);
}

static void dry_runs(void **state)
{
	kshim_object *object = created("configmap", "dry");
	kshim_query *query = kshim_query_new(server->client, KSHIM_CONFIG_MAP, server->namespace_);
	kshim_options *options = kshim_options_new();

	(void)state;
	kshim_options_set_dry_run(options, 1);
	write_everything(object, query, options);
	kshim_client_set_dry_run(server->client, 1);
	write_everything(object, query, NULL);
	kshim_client_set_dry_run(server->client, 0);
	removed(object);
	kshim_options_free(options);
	kshim_query_free(query);
}

static void dry_scale(void **state)
{
	kshim_object *object = created("deployment", "dry-scale");
	kshim_options *options = kshim_options_new();
	struct answer got = {0};
	int64_t number = -1;

	(void)state;
	kshim_options_set_dry_run(options, 1);
	ASK(server, &got, kshim_object_scale(object, 7, options, live_done, &got));
	EXPECT(&got, KSHIM_OK);
	ASK(server, &got, kshim_object_reload(object, NULL, live_done, &got));
	assert_int_equal(kshim_object_get_int(object, "/spec/replicas", &number), 0);
	assert_int_equal(number, 0);
	removed(object);
	kshim_options_free(options);
	live_clear(&got);
}

/* ---- validation and managers */

static void validation(void **state)
{
	static const struct {
		kshim_validation validation;
		kshim_code code;
		unsigned warnings;
	} cases[] = {
		{KSHIM_VALIDATION_STRICT, KSHIM_EBADREQUEST, 0},
		{KSHIM_VALIDATION_WARN, KSHIM_OK, 1},
		{KSHIM_VALIDATION_IGNORE, KSHIM_OK, 0},
	};
	kshim_options *options = kshim_options_new();
	/* older servers take no notice of the parameter */
	bool checked = live_minor(server) >= 25;
	struct answer got = {0};
	size_t i;

	(void)state;
	kshim_options_set_dry_run(options, 1);
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		kshim_object *object = make("configmap", "validated");

		kshim_object_set_string(object, "/dta", "oops");
		assert_int_equal(kshim_options_set_validation(options, cases[i].validation), 0);
		live_reset(server);
		ASK(server, &got, kshim_object_create(object, options, live_done, &got));
		EXPECT(&got, checked ? cases[i].code : KSHIM_OK);
		assert_int_equal(server->warnings, checked ? cases[i].warnings : 0);
		if (server->warnings)
			assert_non_null(strstr(server->warning, "unknown field \"dta\""));
		if (got.error)
			assert_non_null(strstr(kshim_error_message(got.error), "unknown field \"dta\""));
		kshim_object_unref(object);
	}
	assert_int_equal(kshim_options_set_validation(options, (kshim_validation)4), -1);
	kshim_options_free(options);
	live_clear(&got);
}

static void managers(void **state)
{
	kshim_object *object = make("configmap", "managed");
	kshim_options *options = kshim_options_new();
	struct answer got = {0};

	(void)state;
	kshim_options_set_field_manager(options, "a manager & co");
	ASK(server, &got, kshim_object_create(object, options, live_done, &got));
	EXPECT(&got, KSHIM_OK);
	assert_string_equal(kshim_object_get_string(object, "/metadata/managedFields/0/manager"), "a manager & co");
	assert_string_equal(kshim_object_get_string(object, "/metadata/managedFields/0/operation"), "Update");
	removed(object);
	object = make("configmap", "managed");
	ASK(server, &got, kshim_object_apply(object, NULL, live_done, &got));
	EXPECT(&got, KSHIM_OK);
	assert_string_equal(kshim_object_get_string(object, "/metadata/managedFields/0/manager"), "kubeshim");
	assert_string_equal(kshim_object_get_string(object, "/metadata/managedFields/0/operation"), "Apply");
	/* what was read, whole: managedFields stay at home */
	ASK(server, &got, kshim_object_apply(object, NULL, live_done, &got));
	EXPECT(&got, KSHIM_OK);
	removed(object);
	kshim_options_free(options);
	live_clear(&got);
}

/* ---- deleting */

static void delete_with(kshim_object *object, kshim_propagation propagation, int64_t grace)
{
	kshim_options *options = kshim_options_new();
	struct answer got = {0};

	assert_int_equal(kshim_options_set_propagation(options, propagation), 0);
	assert_int_equal(kshim_options_set_grace_period(options, grace), 0);
	ASK(server, &got, kshim_object_delete(object, options, live_done, &got));
	EXPECT(&got, KSHIM_OK);
	kshim_options_free(options);
	live_clear(&got);
}

/* Dependents go with their owner, or stay. */
static void owner_and_dependent(const char *name, kshim_propagation propagation, bool stays)
{
	kshim_object *owner = created("configmap", name), *dependent;
	struct answer got = {0};
	unsigned tries = 0;
	char text[200];

	snprintf(text, sizeof(text), "%s-dependent", name);
	dependent = make("secret", text);
	kshim_object_set(dependent, "/metadata/ownerReferences", json_pack(
		"[{s:s, s:s, s:s, s:s, s:b}]", "apiVersion", "v1", "kind", "ConfigMap", "name", name, "uid",
		kshim_object_uid(owner), "blockOwnerDeletion", 1));
	ASK(server, &got, kshim_object_create(dependent, NULL, live_done, &got));
	EXPECT(&got, KSHIM_OK);
	delete_with(owner, propagation, -1);
	while (is_there(owner))
		live_again(server, &tries, "an owner to go");
	if (propagation == KSHIM_PROPAGATION_FOREGROUND)
		assert_false(is_there(dependent)); /* it went first */
	if (stays) {
		ASK(server, &got, kshim_object_reload(dependent, NULL, live_done, &got));
		EXPECT(&got, KSHIM_OK);
		assert_false(kshim_object_has(dependent, "/metadata/ownerReferences"));
		removed(kshim_object_ref(dependent));
	}
	while (is_there(dependent))
		live_again(server, &tries, "a dependent to go");
	kshim_object_unref(owner);
	kshim_object_unref(dependent);
	live_clear(&got);
}

static void propagation(void **state)
{
	(void)state;
	if (!live_has_controllers(server))
		skip();
	owner_and_dependent("background", KSHIM_PROPAGATION_BACKGROUND, false);
	owner_and_dependent("foreground", KSHIM_PROPAGATION_FOREGROUND, false);
	owner_and_dependent("orphan", KSHIM_PROPAGATION_ORPHAN, true);
}

/* A Pod that was given to a node waits for its kubelet, which is none. */
static void grace_period(void **state)
{
	kshim_object *pod = make("pod", "graceful");
	struct answer got = {0};
	int64_t seconds = -1;

	(void)state;
	kshim_object_set_string(pod, "/spec/nodeName", "kubeshim-no-such-node");
	ASK(server, &got, kshim_object_create(pod, NULL, live_done, &got));
	EXPECT(&got, KSHIM_OK);
	delete_with(pod, KSHIM_PROPAGATION_DEFAULT, 123);
	ASK(server, &got, kshim_object_reload(pod, NULL, live_done, &got));
	EXPECT(&got, KSHIM_OK);
	assert_true(kshim_object_has(pod, "/metadata/deletionTimestamp"));
	kshim_object_get_int(pod, "/metadata/deletionGracePeriodSeconds", &seconds);
	assert_int_equal(seconds, 123);
	delete_with(pod, KSHIM_PROPAGATION_DEFAULT, 0);
	assert_false(is_there(pod));
	kshim_object_unref(pod);
	live_clear(&got);
}

/* ---- subresources */

static void subresource_of(kshim_object *object, const char *subresource, struct answer *got)
{
	kshim_options *options = kshim_options_new();

	assert_int_equal(kshim_options_set_subresource(options, subresource), 0);
	ASK(server, got, kshim_object_create(object, options, live_done, got));
	kshim_options_free(options);
}

/* What is posted is the subresource's own kind: a handle says of what. */
static void posted_subresources(void **state)
{
	kshim_query *pods = kshim_query_new(server->client, KSHIM_POD, server->namespace_);
	kshim_query *accounts = kshim_query_new(server->client, KSHIM_SERVICE_ACCOUNT, server->namespace_);
	kshim_object *pod = created("pod", "evicted"), *account = created("serviceaccount", "robot"), *handle;
	struct answer got = {0};

	(void)state;
	handle = kshim_query_object(accounts, "robot");
	kshim_object_set_int(handle, "/spec/expirationSeconds", 600);
	subresource_of(handle, "token", &got);
	EXPECT(&got, KSHIM_OK);
	assert_string_equal(kshim_object_kind(got.object), "TokenRequest");
	assert_true(strlen(kshim_object_get_string(got.object, "/status/token")) > 100);
	assert_false(kshim_object_has(handle, "/status")); /* the answer is no ServiceAccount */
	kshim_object_unref(handle);
	handle = kshim_query_object(pods, "evicted");
	subresource_of(handle, "eviction", &got);
	EXPECT(&got, KSHIM_OK);
	assert_false(is_there(pod));
	kshim_object_unref(handle);
	removed(account);
	kshim_object_unref(pod);
	kshim_query_free(pods);
	kshim_query_free(accounts);
	live_clear(&got);
}

static void read_subresource(void **state)
{
	kshim_object *object = created("deployment", "scaled");
	kshim_options *options = kshim_options_new();
	static const char text[] = "{\"spec\":{\"replicas\":2}}";
	struct answer got = {0};
	int64_t number = -1;

	(void)state;
	kshim_options_set_subresource(options, "scale");
	ASK(server, &got, kshim_object_reload(object, options, live_done, &got));
	EXPECT(&got, KSHIM_OK);
	assert_string_equal(kshim_object_kind(got.object), "Scale");
	assert_string_equal(kshim_object_api_version(got.object), "autoscaling/v1");
	assert_string_equal(kshim_object_kind(object), "Deployment");
	ASK(server, &got, kshim_object_patch(object, KSHIM_PATCH_MERGE, text, strlen(text), options, live_done, &got));
	EXPECT(&got, KSHIM_OK);
	assert_string_equal(kshim_object_kind(got.object), "Scale");
	ASK(server, &got, kshim_object_reload(object, NULL, live_done, &got));
	kshim_object_get_int(object, "/spec/replicas", &number);
	assert_int_equal(number, 2);
	removed(object);
	kshim_options_free(options);
	live_clear(&got);
}

/* ---- names and namespaces */

static void generated_name(void **state)
{
	kshim_object *object = make("configmap", "x");
	struct answer got = {0};

	(void)state;
	kshim_object_remove(object, "/metadata/name");
	kshim_object_set_string(object, "/metadata/generateName", "made-");
	ASK(server, &got, kshim_object_create(object, NULL, live_done, &got));
	EXPECT(&got, KSHIM_OK);
	assert_memory_equal(kshim_object_name(object), "made-", 5);
	assert_true(strlen(kshim_object_name(object)) > 5);
	assert_true(is_there(object));
	removed(object);
	live_clear(&got);
}

/* An object that names no namespace belongs to the context's. */
static void namespace_of_the_context(void **state)
{
	kshim_object *object = make("configmap", live_run());
	struct answer got = {0};

	(void)state;
	kshim_object_remove(object, "/metadata/namespace");
	assert_null(kshim_object_namespace(object));
	ASK(server, &got, kshim_object_create(object, NULL, live_done, &got));
	EXPECT(&got, KSHIM_OK);
	assert_string_equal(kshim_object_namespace(object), kshim_client_namespace(server->client));
	removed(object);
	live_clear(&got);
}

/* Verbs on a name alone, with the kind's name in place of the kind. */
static void handles(void **state)
{
	static const char text[] = "{\"data\":{\"colour\":\"red\"}}";
	kshim_query *query = kshim_query_new_named(server->client, "deploy", server->namespace_);
	kshim_query *maps = kshim_query_new_named(server->client, "cm", server->namespace_);
	kshim_object *deployment = created("deployment", "handled"), *map = created("configmap", "handled");
	kshim_object *handle = kshim_query_object(query, "handled");
	struct answer got = {0};
	int64_t number = -1;

	(void)state;
	ASK(server, &got, kshim_object_scale(handle, 2, NULL, live_done, &got));
	EXPECT(&got, KSHIM_OK);
	assert_ptr_equal(got.object, handle);
	kshim_object_get_int(handle, "/spec/replicas", &number);
	assert_int_equal(number, 2);
	kshim_object_unref(handle);
	handle = kshim_query_object(maps, "handled");
	ASK(server, &got, kshim_object_patch(handle, KSHIM_PATCH_MERGE, text, strlen(text), NULL, live_done, &got));
	EXPECT(&got, KSHIM_OK);
	assert_string_equal(kshim_object_uid(handle), kshim_object_uid(map));
	assert_string_equal(kshim_object_get_string(handle, "/data/colour"), "red");
	ASK(server, &got, kshim_object_delete(handle, NULL, live_done, &got));
	EXPECT(&got, KSHIM_OK);
	assert_false(is_there(map));
	kshim_object_unref(handle);
	handle = kshim_query_object(maps, "handled");
	kshim_object_set_string(handle, "/metadata/labels/a", "b"); /* no apiVersion, no kind */
	ASK(server, &got, kshim_object_create(handle, NULL, live_done, &got));
	EXPECT(&got, KSHIM_OK);
	assert_string_equal(kshim_object_kind(handle), "ConfigMap");
	removed(handle);
	removed(deployment);
	kshim_object_unref(map);
	kshim_query_free(query);
	kshim_query_free(maps);
	live_clear(&got);
}

/* ---- running */

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(dry_runs),
		cmocka_unit_test(dry_scale),
		cmocka_unit_test(validation),
		cmocka_unit_test(managers),
		cmocka_unit_test(propagation),
		cmocka_unit_test(grace_period),
		cmocka_unit_test(posted_subresources),
		cmocka_unit_test(read_subresource),
		cmocka_unit_test(generated_name),
		cmocka_unit_test(namespace_of_the_context),
		cmocka_unit_test(handles),
	};

	return live_run_tests(argc, argv, "options", tests, sizeof(tests) / sizeof(tests[0]), live_set_up, live_tear_down);
}
