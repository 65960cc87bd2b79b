/* Namespaces, selectors and names, against a real API server. */
#include "maps.h"

/* ---- namespaces */

static void namespaces(void **state)
{
	const char *own = kshim_client_namespace(server->client);
	kshim_query *here, *there, *all;
	struct answer got = {0};
	char path[200], name[100];

	(void)state;
	assert_string_not_equal(own, server->namespace_);
	snprintf(name, sizeof(name), "kubeshim-%s", live_run());
	make_map(own, name, "\"which\":\"places\"");
	make_map(server->namespace_, "there", "\"which\":\"places\"");
	here = maps_with(NULL, "which", "places");
	there = maps_with(server->namespace_, "which", "places");
	all = maps_with(KSHIM_ALL_NAMESPACES, "which", "places");
	/* others may test on the same server */
	kshim_query_filter_label(here, RUN_LABEL, live_run());
	kshim_query_filter_label(all, RUN_LABEL, live_run());
	live_reset(server);
	strcat(name, " ");
	list_is(here, name);
	list_is(there, "there ");
	strcat(name, "there ");
	list_is(all, name); /* "default" sorts before "kubeshim-…" */
	snprintf(path, sizeof(path), "GET /api/v1/namespaces/%s/configmaps?", own);
	assert_memory_equal(server->paths[0], path, strlen(path));
	snprintf(path, sizeof(path), "GET /api/v1/namespaces/%s/configmaps?", server->namespace_);
	assert_memory_equal(server->paths[1], path, strlen(path));
	assert_memory_equal(server->paths[2], "GET /api/v1/configmaps?", strlen("GET /api/v1/configmaps?"));
	/* an object is in one namespace */
	live_reset(server);
	ASK(server, &got, kshim_query_get_by_name(all, "there", live_done, &got));
	EXPECT(&got, KSHIM_EINVAL);
	assert_int_equal(server->requests, 0);
	/* a write to all of them is one request as well, where the server has it: it has not */
	ASK(server, &got, kshim_query_delete_all(all, NULL, live_done, &got));
	EXPECT(&got, KSHIM_EHTTP);
	assert_int_equal(got.status, 405);
	delete_all(here);
	delete_all(there);
	list_is(all, "");
	kshim_query_free(here);
	kshim_query_free(there);
	kshim_query_free(all);
	live_clear(&got);
}

/* A kind without namespaces has its one place, whatever was said. */
static void cluster_kinds_have_none(void **state)
{
	static const char *const places[] = {NULL, "default", KSHIM_ALL_NAMESPACES};
	struct answer got = {0};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		kshim_query *query = kshim_query_new(server->client, KSHIM_NAMESPACE, places[i]);

		live_reset(server);
		ASK(server, &got, kshim_query_get_by_name(query, server->namespace_, live_done, &got));
		EXPECT(&got, KSHIM_OK);
		assert_string_equal(kshim_object_name(got.object), server->namespace_);
		assert_memory_equal(server->paths[0], "GET /api/v1/namespaces/kubeshim-", 32);
		kshim_query_free(query);
	}
	live_clear(&got);
}

/* ---- selectors */

#define LABELLED 5

/* a to e, and what their labels are. */
static void make_labelled(void)
{
	static const char *const labels[LABELLED] = {
		"\"set\":\"s\",\"app\":\"web\",\"x.test/tier\":\"front\",\"n\":\"5\"",
		"\"set\":\"s\",\"app\":\"web\",\"x.test/tier\":\"back\",\"n\":\"10\"",
		"\"set\":\"s\",\"app\":\"db\",\"x.test/tier\":\"back\"",
		"\"set\":\"s\",\"app\":\"\"",
		"\"set\":\"s\"",
	};
	size_t i;

	for (i = 0; i < LABELLED; i++) {
		char name[2] = {(char)('a' + i), '\0'};

		make_map(server->namespace_, name, labels[i]);
	}
}

static void labels_as_text(void **state)
{
	static const struct {
		const char *selector, *names;
	} cases[] = {
		{"set=s", "a b c d e "},
		{"set=s,app=web", "a b "},
		{"set=s, app == web", "a b "},
		{"set=s,app!=web", "c d e "},
		{"set=s,app in (web, db)", "a b c "},
		{"set=s,app in (,db)", "c d "},
		{"set=s,app notin (web)", "c d e "},
		{"set=s,app", "a b c d "},
		{"set=s,!app", "e "},
		{"set=s,n>5", "b "},
		{"set=s,n<10", "a "},
		{"set=s,app=", "d "},
		{"set=s,x.test/tier=back,app=web", "b "},
	};
	kshim_query *query = kshim_query_new(server->client, KSHIM_CONFIG_MAP, server->namespace_);
	struct answer got = {0};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(kshim_query_set_labels(query, cases[i].selector), 0);
		assert_string_equal(kshim_query_labels(query), cases[i].selector);
		list_is(query, cases[i].names);
	}
	/* what the library does not look into, the server does */
	kshim_query_set_labels(query, "app in web");
	ASK(server, &got, kshim_query_list(query, NULL, live_done, &got));
	EXPECT(&got, KSHIM_EBADREQUEST);
	assert_non_null(strstr(kshim_error_message(got.error), "unable to parse"));
	assert_int_equal(kshim_query_set_labels(query, NULL), 0);
	assert_null(kshim_query_labels(query));
	list_is(query, live_has_controllers(server) ? "a b c d e kube-root-ca.crt " : "a b c d e ");
	kshim_query_free(query);
	live_clear(&got);
}

static void labels_by_operator(void **state)
{
	static const struct {
		const char *key;
		kshim_operator op;
		const char *values[2];
		size_t count;
		const char *names;
	} cases[] = {
		{"app", KSHIM_OP_EQUALS, {"web"}, 1, "a b "},
		{"app", KSHIM_OP_EQUALS, {""}, 1, "d "},
		{"app", KSHIM_OP_NOT_EQUALS, {"web"}, 1, "c d e "},
		{"app", KSHIM_OP_IN, {"web", "db"}, 2, "a b c "},
		{"app", KSHIM_OP_IN, {"db", ""}, 2, "c d "},
		{"app", KSHIM_OP_NOT_IN, {"web", "db"}, 2, "d e "},
		{"app", KSHIM_OP_EXISTS, {NULL}, 0, "a b c d "},
		{"app", KSHIM_OP_NOT_EXISTS, {NULL}, 0, "e "},
		{"n", KSHIM_OP_GREATER, {"5"}, 1, "b "},
		{"n", KSHIM_OP_LESS, {"10"}, 1, "a "},
		{"x.test/tier", KSHIM_OP_IN, {"back"}, 1, "b c "},
	};
	static const char *const bad[] = {"a,b", "a b", "-a", "\xc3\xa9"};
	kshim_query *all = maps_with(server->namespace_, "set", "s");
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		kshim_query *query = kshim_query_copy(all);

		assert_int_equal(kshim_query_add_label(query, cases[i].key, cases[i].op, cases[i].values,
						       cases[i].count), 0);
		list_is(query, cases[i].names);
		kshim_query_free(query);
	}
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		refused_int(kshim_query_add_label(all, "app", KSHIM_OP_IN, &bad[i], 1));
	list_is(all, "a b c d e "); /* neither its copies nor what was refused changed it */
	kshim_query_free(all);
}

/* The seed's form. */
static void labels_by_filter(void **state)
{
	static const struct {
		const char *key, *value, *names;
	} cases[] = {
		{"app", "web", "a b "},
		{"app__eq", "web", "a b "},
		{"app__neq", "web", "c d e "},
		{"app__in", "web,db", "a b c "},
		{"app__notin", "web,db", "d e "},
		{"app__exists", NULL, "a b c d "},
		{"app__nexists", NULL, "e "},
		{"n__gt", "5", "b "},
		{"n__lt", "10", "a "},
		{"x.test/tier__in", "back", "b c "},
	};
	static const char *const bad[] = {"app__no", "app__in__eq", "__eq", "", "app__"};
	kshim_query *all = maps_with(server->namespace_, "set", "s"), *query;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		query = kshim_query_copy(all);
		assert_int_equal(kshim_query_filter_label(query, cases[i].key, cases[i].value), 0);
		list_is(query, cases[i].names);
		kshim_query_free(query);
	}
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		refused_int(kshim_query_filter_label(all, bad[i], "web"));
	refused_int(kshim_query_filter_label(all, "app", NULL));
	refused_int(kshim_query_filter_label(all, "n__gt", "five"));
	/* each one narrows further */
	kshim_query_filter_label(all, "app__in", "web,db");
	kshim_query_filter_label(all, "x.test/tier", "back");
	kshim_query_filter_label(all, "n__exists", NULL);
	list_is(all, "b ");
	kshim_query_free(all);
}

#define STRANGE "a,b=c\\d!e f&g%h+i=\xc3\xa9"

/* A reason of an Event may be any text, and is a field that can be selected. */
static void make_event(const char *name, const char *reason)
{
	struct answer got = {0};
	kshim_object *object;
	json_t *tree;

	tree = json_pack("{s:s, s:s, s:{s:s, s:s}, s:{s:s, s:s, s:s}, s:s, s:s}", "apiVersion", "v1", "kind", "Event",
			 "metadata", "name", name, "namespace", server->namespace_, "involvedObject", "kind",
			 "ConfigMap", "name", "selected", "namespace", server->namespace_, "reason", reason, "type",
			 "Normal");
	assert_non_null(tree);
	object = kshim_object_new(server->client, tree);
	ASK(server, &got, kshim_object_create(object, NULL, live_done, &got));
	EXPECT(&got, KSHIM_OK);
	kshim_object_unref(object);
	live_clear(&got);
}

static kshim_query *events(void)
{
	kshim_query *query = kshim_query_new(server->client, KSHIM_EVENT, server->namespace_);

	assert_int_equal(kshim_query_set_fields(query, "involvedObject.name=selected"), 0);
	return query;
}

static void fields(void **state)
{
	static const char *const strange[] = {STRANGE}, *const both[] = {STRANGE, "plain"};
	kshim_query *query;
	struct answer got = {0};

	(void)state;
	make_event("one", STRANGE);
	make_event("two", "a");
	make_event("three", "plain");
	list_is(query = events(), "one three two ");
	kshim_query_add_field(query, "reason", KSHIM_OP_EQUALS, strange, 1);
	list_is(query, "one ");
	kshim_query_free(query);
	kshim_query_add_field(query = events(), "reason", KSHIM_OP_IN, strange, 1);
	list_is(query, "one ");
	kshim_query_free(query);
	kshim_query_add_field(query = events(), "reason", KSHIM_OP_NOT_EQUALS, strange, 1);
	list_is(query, "three two ");
	kshim_query_free(query);
	kshim_query_add_field(query = events(), "reason", KSHIM_OP_NOT_IN, both, 2);
	list_is(query, "two ");
	kshim_query_free(query);
	kshim_query_filter_field(query = events(), "reason", STRANGE);
	list_is(query, "one ");
	kshim_query_free(query);
	kshim_query_filter_field(query = events(), "reason__notin", "plain,a");
	list_is(query, "one ");
	/* by hand, and what cannot be */
	kshim_query_set_fields(query, "reason=a\\,b\\=c\\\\d!e f&g%h+i\\=\xc3\xa9");
	list_is(query, "one ");
	refused_int(kshim_query_add_field(query, "reason", KSHIM_OP_IN, both, 2));
	refused_int(kshim_query_add_field(query, "reason", KSHIM_OP_EXISTS, NULL, 0));
	refused_int(kshim_query_filter_field(query, "reason__gt", "5"));
	kshim_query_set_fields(query, "no.such.field=x");
	ASK(server, &got, kshim_query_list(query, NULL, live_done, &got));
	EXPECT(&got, KSHIM_EBADREQUEST);
	assert_non_null(strstr(kshim_error_message(got.error), "no.such.field"));
	kshim_query_free(query);
	query = kshim_query_new(server->client, KSHIM_CONFIG_MAP, server->namespace_);
	kshim_query_filter_field(query, "metadata.name", "c");
	list_is(query, "c ");
	kshim_query_free(query);
	live_clear(&got);
}

/* ---- one of many */

static void only_one(void **state)
{
	kshim_query *many = maps_with(server->namespace_, "app", "web");
	kshim_query *one = maps_with(server->namespace_, "app", "db");
	struct answer got = {0};

	(void)state;
	live_reset(server);
	ASK(server, &got, kshim_query_get(many, live_done, &got));
	EXPECT(&got, KSHIM_EMANY);
	assert_null(got.object);
	ASK(server, &got, kshim_query_get_or_none(many, NULL, live_done, &got));
	EXPECT(&got, KSHIM_EMANY);
	ASK(server, &got, kshim_query_get(one, live_done, &got));
	EXPECT(&got, KSHIM_OK);
	assert_string_equal(kshim_object_name(got.object), "c");
	ASK(server, &got, kshim_query_get_or_none(one, "a", live_done, &got)); /* by name: no selector counts */
	EXPECT(&got, KSHIM_OK);
	assert_string_equal(kshim_object_name(got.object), "a");
	assert_int_equal(server->requests, 4);
	kshim_query_free(many);
	kshim_query_free(one);
	live_clear(&got);
}

/* ---- names */

/* A name is never more than one segment of the path. */
static void names_that_are_refused(void **state)
{
	static const char *const bad[] = {"../secrets/x", "a%2fb", "", ".", "..", "a/b", "/", "a\nb", "a\x7f"};
	static const char *const bad_places[] = {"../x", "a/b", "A", "a%2f", ".", "-a", "a_b"};
	kshim_query *query = kshim_query_new(server->client, KSHIM_CONFIG_MAP, server->namespace_);
	struct answer got = {0};
	size_t i;

	(void)state;
	live_reset(server);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		kshim_object *object;

		refused(kshim_query_get_by_name(query, bad[i], live_done, &got));
		refused(kshim_query_get_or_none(query, bad[i], live_done, &got));
		refused(kshim_query_table(query, bad[i], NULL, live_done, &got));
		refused(kshim_query_object(query, bad[i]));
		object = kshim_object_new(server->client, json_pack("{s:s, s:s, s:{s:s}}", "apiVersion", "v1", "kind",
								  "ConfigMap", "metadata", "name", bad[i]));
		refused(kshim_object_delete(object, NULL, live_done, &got));
		refused(kshim_object_exists(object, NULL, live_done, &got));
		refused(kshim_object_replace(object, NULL, live_done, &got));
		refused(kshim_object_apply(object, NULL, live_done, &got));
		kshim_object_unref(object);
	}
	refused(kshim_query_get_by_name(query, NULL, live_done, &got));
	for (i = 0; i < sizeof(bad_places) / sizeof(bad_places[0]); i++) {
		kshim_object *object;

		refused(kshim_query_new(server->client, KSHIM_CONFIG_MAP, bad_places[i]));
		object = kshim_object_new(server->client, json_pack("{s:s, s:s, s:{s:s, s:s}}", "apiVersion", "v1",
								  "kind", "ConfigMap", "metadata", "name", "a",
								  "namespace", bad_places[i]));
		refused(kshim_object_create(object, NULL, live_done, &got));
		refused(kshim_object_delete(object, NULL, live_done, &got));
		kshim_object_unref(object);
	}
	assert_int_equal(kshim_loop_run(server->loop), 0);
	assert_int_equal(server->requests, 0);
	assert_int_equal(got.calls, 0);
	kshim_query_free(query);
}

/* What RBAC calls a name may be any segment. */
static void names_that_are_escaped(void **state)
{
	static const char *const names[] = {"kubeshim:reader", "a b?c#d&e+f;g=h", "\xc3\xa9\xe2\x82\xac", "...",
					    "~a'\"\\"};
	kshim_query *query = kshim_query_new(server->client, KSHIM_ROLE, server->namespace_);
	struct answer got = {0};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		kshim_object *object = kshim_object_new(server->client, json_pack(
			"{s:s, s:s, s:{s:s, s:s}}", "apiVersion", "rbac.authorization.k8s.io/v1", "kind", "Role",
			"metadata", "name", names[i], "namespace", server->namespace_));

		ASK(server, &got, kshim_object_create(object, NULL, live_done, &got));
		EXPECT(&got, KSHIM_OK);
		ASK(server, &got, kshim_query_get_by_name(query, names[i], live_done, &got));
		EXPECT(&got, KSHIM_OK);
		assert_string_equal(kshim_object_name(got.object), names[i]);
		assert_string_equal(kshim_object_uid(got.object), kshim_object_uid(object));
		ASK(server, &got, kshim_object_delete(object, NULL, live_done, &got));
		EXPECT(&got, KSHIM_OK);
		ASK(server, &got, kshim_query_get_or_none(query, names[i], live_done, &got));
		assert_int_equal(got.found, 0);
		kshim_object_unref(object);
	}
	kshim_query_free(query);
	live_clear(&got);
}

/* ---- running */

static int set_up(void **state)
{
	live_set_up(state);
	make_labelled();
	return 0;
}

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(namespaces),
		cmocka_unit_test(cluster_kinds_have_none),
		cmocka_unit_test(labels_as_text),
		cmocka_unit_test(labels_by_operator),
		cmocka_unit_test(labels_by_filter),
		cmocka_unit_test(fields),
		cmocka_unit_test(only_one),
		cmocka_unit_test(names_that_are_refused),
		cmocka_unit_test(names_that_are_escaped),
	};

	return live_run_tests(argc, argv, "query", tests, sizeof(tests) / sizeof(tests[0]), set_up, live_tear_down);
}
