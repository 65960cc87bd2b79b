/* Labels, annotations, finalizers and owners, on a real API server. */
#include "live.h"

static kshim_object *create(const char *name)
{
	struct answer got = {0};
	kshim_object *object;
	char text[300];

	snprintf(text, sizeof(text), "{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{\"name\":\"%s\",\"namespace\":"
				     "\"%s\"}}", name, server->namespace_);
	object = kshim_object_from_text(server->client, text, strlen(text));
	ASK(server, &got, kshim_object_create(object, NULL, live_done, &got));
	EXPECT(&got, KSHIM_OK);
	live_clear(&got);
	return object;
}

static void refused(const void *nothing)
{
	assert_null(nothing);
	assert_int_equal(kshim_error_code(kshim_client_error(server->client)), KSHIM_EINVAL);
}

static void maps(void **state)
{
	static const char odd[] = "a \"quoted\"\n\tline, \xc3\xa4\xe2\x82\xac";
	kshim_object *object = create("maps");
	struct answer got = {0};

	(void)state;
	live_reset(server);
	ASK(server, &got, kshim_object_label(object, "example.com/tier", "front-1", NULL, live_done, &got));
	EXPECT(&got, KSHIM_OK);
	assert_ptr_equal(got.object, object);
	assert_string_equal(kshim_object_get_label(object, "example.com/tier"), "front-1");
	ASK(server, &got, kshim_object_label(object, "empty", "", NULL, live_done, &got));
	EXPECT(&got, KSHIM_OK);
	ASK(server, &got, kshim_object_annotate(object, "Example.COM/Note", odd, NULL, live_done, &got));
	EXPECT(&got, KSHIM_OK);
	assert_string_equal(kshim_object_get_annotation(object, "Example.COM/Note"), odd);
	assert_int_equal(server->requests, 3);
	assert_string_equal(kshim_object_get_label(object, "empty"), "");
	ASK(server, &got, kshim_object_label(object, "example.com/tier", NULL, NULL, live_done, &got));
	EXPECT(&got, KSHIM_OK);
	assert_null(kshim_object_get_label(object, "example.com/tier"));
	assert_string_equal(kshim_object_get_label(object, "empty"), "");
	ASK(server, &got, kshim_object_annotate(object, "never-there", NULL, NULL, live_done, &got));
	EXPECT(&got, KSHIM_OK);
	live_reset(server);
	refused(kshim_object_label(object, "", "x", NULL, live_done, &got));
	refused(kshim_object_label(object, NULL, "x", NULL, live_done, &got));
	refused(kshim_object_label(object, "a/b/c", "x", NULL, live_done, &got));
	refused(kshim_object_label(object, "Example.COM/x", "x", NULL, live_done, &got));
	refused(kshim_object_label(object, "x", "-x", NULL, live_done, &got));
	refused(kshim_object_label(object, "x", "a b", NULL, live_done, &got));
	refused(kshim_object_annotate(object, "a b", "x", NULL, live_done, &got));
	refused(kshim_object_annotate(object, "x", "\xff", NULL, live_done, &got));
	assert_int_equal(server->requests, 0);
	live_clear(&got);
	kshim_object_unref(object);
}

static void finalizers(void **state)
{
	kshim_object *object = create("finalizers"), *handle;
	kshim_query *query = kshim_query_new(server->client, KSHIM_CONFIG_MAP, server->namespace_);
	struct answer got = {0};

	(void)state;
	handle = kshim_query_object(query, "finalizers");
	ASK(server, &got, kshim_object_add_finalizer(handle, "example.com/one", NULL, live_done, &got));
	EXPECT(&got, KSHIM_OK);
	assert_ptr_equal(got.object, handle);
	/* the other handle has not heard of it */
	ASK(server, &got, kshim_object_add_finalizer(object, "example.com/two", NULL, live_done, &got));
	EXPECT(&got, KSHIM_OK);
	assert_int_equal(kshim_object_get_size(object, "/metadata/finalizers"), 2);
	live_reset(server);
	ASK(server, &got, kshim_object_add_finalizer(handle, "example.com/two", NULL, live_done, &got));
	EXPECT(&got, KSHIM_OK);
	assert_int_equal(server->requests, 1);
	assert_ptr_equal(got.object, handle);
	assert_int_equal(kshim_object_get_size(handle, "/metadata/finalizers"), 2);
	ASK(server, &got, kshim_object_remove_finalizer(object, "example.com/one", NULL, live_done, &got));
	EXPECT(&got, KSHIM_OK);
	assert_int_equal(kshim_object_get_size(object, "/metadata/finalizers"), 1);
	assert_string_equal(kshim_object_get_string(object, "/metadata/finalizers/0"), "example.com/two");
	ASK(server, &got, kshim_object_remove_finalizer(object, "example.com/one", NULL, live_done, &got));
	EXPECT(&got, KSHIM_OK);
	ASK(server, &got, kshim_object_delete(object, NULL, live_done, &got));
	EXPECT(&got, KSHIM_OK);
	ASK(server, &got, kshim_object_add_finalizer(object, "example.com/late", NULL, live_done, &got));
	EXPECT(&got, KSHIM_EREFUSED);
	ASK(server, &got, kshim_object_remove_finalizer(object, "example.com/two", NULL, live_done, &got));
	EXPECT(&got, KSHIM_OK);
	ASK(server, &got, kshim_object_remove_finalizer(object, "example.com/two", NULL, live_done, &got));
	EXPECT(&got, KSHIM_ENOTFOUND);
	refused(kshim_object_add_finalizer(object, "no name", NULL, live_done, &got));
	refused(kshim_object_add_finalizer(object, NULL, NULL, live_done, &got));
	live_clear(&got);
	kshim_object_unref(object);
	kshim_object_unref(handle);
	kshim_query_free(query);
}

/* Many at once, each by a list of its own: none is lost. */
static void contended(void **state)
{
	enum { MANY = 4 };
	kshim_object *object = create("contended"), *handles[MANY];
	kshim_query *query = kshim_query_new(server->client, KSHIM_CONFIG_MAP, server->namespace_);
	struct answer got[MANY] = {{0}};
	char name[40];
	size_t i;

	(void)state;
	for (i = 0; i < MANY; i++) {
		snprintf(name, sizeof(name), "example.com/n%zu", i);
		handles[i] = kshim_query_object(query, "contended");
		assert_non_null(kshim_object_add_finalizer(handles[i], name, NULL, live_done, &got[i]));
	}
	assert_int_equal(kshim_loop_run(server->loop), 0);
	for (i = 0; i < MANY; i++)
		EXPECT(&got[i], KSHIM_OK);
	for (i = 0; i < MANY; i++) {
		snprintf(name, sizeof(name), "example.com/n%zu", i);
		assert_non_null(kshim_object_remove_finalizer(handles[i], name, NULL, live_done, &got[i]));
		live_clear(&got[i]);
	}
	assert_int_equal(kshim_loop_run(server->loop), 0);
	for (i = 0; i < MANY; i++) {
		EXPECT(&got[i], KSHIM_OK);
		live_clear(&got[i]);
		kshim_object_unref(handles[i]);
	}
	ASK(server, &got[0], kshim_object_reload(object, NULL, live_done, &got[0]));
	assert_int_equal(kshim_object_get_size(object, "/metadata/finalizers"), 0);
	live_clear(&got[0]);
	kshim_object_unref(object);
	kshim_query_free(query);
}

static void owners(void **state)
{
	kshim_object *object = create("owned"), *one = create("owner-one"), *two = create("owner-two");
	struct answer got = {0};
	int truth = 0;

	(void)state;
	ASK(server, &got, kshim_object_add_owner(object, one, KSHIM_OWNER_CONTROLLER | KSHIM_OWNER_BLOCKS, NULL, live_done,
						 &got));
	EXPECT(&got, KSHIM_OK);
	assert_string_equal(kshim_object_get_string(object, "/metadata/ownerReferences/0/uid"), kshim_object_uid(one));
	assert_string_equal(kshim_object_get_string(object, "/metadata/ownerReferences/0/kind"), "ConfigMap");
	assert_int_equal(kshim_object_get_bool(object, "/metadata/ownerReferences/0/controller", &truth), 0);
	assert_true(truth);
	ASK(server, &got, kshim_object_add_owner(object, two, KSHIM_OWNER_CONTROLLER, NULL, live_done, &got));
	EXPECT(&got, KSHIM_EREFUSED);
	ASK(server, &got, kshim_object_add_owner(object, two, 0, NULL, live_done, &got));
	EXPECT(&got, KSHIM_OK);
	assert_int_equal(kshim_object_get_size(object, "/metadata/ownerReferences"), 2);
	/* other flags */
	ASK(server, &got, kshim_object_add_owner(object, one, 0, NULL, live_done, &got));
	EXPECT(&got, KSHIM_OK);
	assert_int_equal(kshim_object_get_size(object, "/metadata/ownerReferences"), 2);
	assert_false(kshim_object_has(object, "/metadata/ownerReferences/0/controller"));
	ASK(server, &got, kshim_object_remove_owner(object, one, NULL, live_done, &got));
	EXPECT(&got, KSHIM_OK);
	assert_int_equal(kshim_object_get_size(object, "/metadata/ownerReferences"), 1);
	assert_string_equal(kshim_object_get_string(object, "/metadata/ownerReferences/0/name"), "owner-two");
	ASK(server, &got, kshim_object_remove_owner(object, one, NULL, live_done, &got));
	EXPECT(&got, KSHIM_OK);
	refused(kshim_object_add_owner(object, NULL, 0, NULL, live_done, &got));
	refused(kshim_object_add_owner(object, one, 8, NULL, live_done, &got));
	refused(kshim_object_remove_owner(object, NULL, NULL, live_done, &got));
	if (live_has_controllers(server)) {
		/* the garbage collector takes it */
		ASK(server, &got, kshim_object_delete(two, NULL, live_done, &got));
		EXPECT(&got, KSHIM_OK);
		ASK(server, &got, kshim_wait_deleted(object, NULL, live_done, &got));
		EXPECT(&got, KSHIM_OK);
	}
	live_clear(&got);
	kshim_object_unref(object);
	kshim_object_unref(one);
	kshim_object_unref(two);
}

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(maps),
		cmocka_unit_test(finalizers),
		cmocka_unit_test(contended),
		cmocka_unit_test(owners),
	};

	return live_run_tests(argc, argv, "metadata", tests, sizeof(tests) / sizeof(tests[0]), live_set_up, live_tear_down);
}
