/* Which status is called ready, which condition counts, and which templates and
 * selectors are what. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "alloc.h"
#include "label_selector.h"
#include "resources/condition.h"
#include "resources/revisions.h"

#include <kubeshim/kubeshim.h>

#include <string.h>

static kshim_loop *loop;
static kshim_client *client;

static kshim_object *object(const char *text)
{
	kshim_object *made = kshim_object_from_text(client, text, strlen(text));

	assert_non_null(made);
	return made;
}

#define OF(version, kind, rest) "{\"apiVersion\":\"" version "\",\"kind\":\"" kind "\"," rest "}"
#define APPS(kind, replicas, status)                                                                                   \
	OF("apps/v1", kind, "\"metadata\":{\"generation\":2},\"spec\":{\"replicas\":" replicas "},\"status\":{" status "}")
#define CONDITION(type, status) "\"status\":{\"conditions\":[{\"type\":\"Other\",\"status\":\"True\"},{\"type\":\"" type \
	"\",\"status\":\"" status "\"}]}"

static void ready(void **state)
{
	static const struct {
		const char *text;
		int ready;
	} cases[] = {
		{APPS("Deployment", "2", "\"observedGeneration\":2,\"replicas\":2,\"updatedReplicas\":2,\"availableReplicas\":2"),
		 1},
		{APPS("Deployment", "2", "\"observedGeneration\":1,\"replicas\":2,\"updatedReplicas\":2,\"availableReplicas\":2"),
		 0},
		{APPS("Deployment", "2", "\"replicas\":2,\"updatedReplicas\":2,\"availableReplicas\":2"), 0},
		{APPS("Deployment", "2", "\"observedGeneration\":3,\"replicas\":3,\"updatedReplicas\":2,\"availableReplicas\":3"),
		 0},
		{APPS("Deployment", "2", "\"observedGeneration\":2,\"replicas\":2,\"updatedReplicas\":2,\"availableReplicas\":1"),
		 0},
		{APPS("Deployment", "2", "\"observedGeneration\":2,\"replicas\":1,\"updatedReplicas\":1,\"availableReplicas\":1"),
		 0},
		{APPS("Deployment", "0", "\"observedGeneration\":2"), 1},
		{APPS("Deployment", "0", ""), 0},
		{APPS("ReplicaSet", "2", "\"observedGeneration\":2,\"readyReplicas\":2"), 1},
		{APPS("ReplicaSet", "2", "\"observedGeneration\":2,\"readyReplicas\":1"), 0},
		{APPS("StatefulSet", "2", "\"observedGeneration\":2,\"readyReplicas\":2"), 1},
		{APPS("StatefulSet", "null", "\"observedGeneration\":2"), 0},
		{APPS("DaemonSet", "null",
		      "\"observedGeneration\":2,\"desiredNumberScheduled\":2,\"updatedNumberScheduled\":2,\"numberReady\":2"),
		 1},
		{APPS("DaemonSet", "null", "\"observedGeneration\":2,\"desiredNumberScheduled\":2,\"numberReady\":2"), 0},
		{APPS("DaemonSet", "null",
		      "\"observedGeneration\":2,\"desiredNumberScheduled\":2,\"updatedNumberScheduled\":2,\"numberReady\":1"),
		 0},
		{OF("v1", "ReplicationController",
		    "\"metadata\":{\"generation\":1},\"spec\":{\"replicas\":1},\"status\":{\"observedGeneration\":1,"
		    "\"readyReplicas\":1}"),
		 1},
		{OF("v1", "Pod", CONDITION("Ready", "True")), 1},
		{OF("v1", "Pod", CONDITION("Ready", "False")), 0},
		{OF("v1", "Pod", CONDITION("ContainersReady", "True")), 0},
		{OF("v1", "Pod", "\"spec\":{}"), 0},
		{OF("v1", "Node", CONDITION("Ready", "True")), 1},
		{OF("v1", "Node", CONDITION("Ready", "Unknown")), 0},
		{OF("batch/v1", "Job", CONDITION("Complete", "True")), 1},
		{OF("batch/v1", "Job", CONDITION("Failed", "True")), 0},
		{OF("kubernetes.dask.org/v1", "DaskCluster", "\"status\":{\"phase\":\"Running\"}"), 1},
		{OF("kubernetes.dask.org/v1", "DaskCluster", "\"status\":{\"phase\":\"Pending\"}"), 0},
		{OF("v1", "ConfigMap", CONDITION("Ready", "True")), 0},
		{OF("example.com/v1", "Pod", CONDITION("Ready", "True")), 0},
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		kshim_object *made = object(cases[i].text);

		if (kshim_object_is_ready(made) != cases[i].ready)
			fail_msg("%s", cases[i].text);
		/* and with a tree */
		assert_non_null(kshim_object_tree(made));
		assert_int_equal(kshim_object_is_ready(made), cases[i].ready);
		kshim_object_unref(made);
	}
	assert_int_equal(kshim_object_is_ready(NULL), 0);
}

static void conditions(void **state)
{
#define SEEN(generation, observed, condition)                                                                          \
	OF("example.com/v1", "Thing", "\"metadata\":{\"name\":\"a\"" generation "},\"status\":{\"conditions\":[7,{\"type\":"   \
				      "\"Ready\",\"status\":\"True\",\"reason\":\"Why\"" condition "}]" observed "}")
	static const struct {
		const char *text;
		bool counts;
	} cases[] = {
		{SEEN("", "", ""), true},
		{SEEN(",\"generation\":3", "", ""), true},
		{SEEN(",\"generation\":3", ",\"observedGeneration\":3", ""), true},
		{SEEN(",\"generation\":3", ",\"observedGeneration\":2", ""), false},
		{SEEN(",\"generation\":3", ",\"observedGeneration\":2", ",\"observedGeneration\":3"), true},
		{SEEN(",\"generation\":3", ",\"observedGeneration\":3", ",\"observedGeneration\":2"), false},
		{SEEN("", ",\"observedGeneration\":2", ""), true},
	};
	kshim_object *made;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		made = object(cases[i].text);
		if (kshim__condition_is(made, "ready", "TRUE") != cases[i].counts)
			fail_msg("%s", cases[i].text);
		assert_int_equal(kshim_object_has_condition(made, "Ready", NULL), cases[i].counts);
		assert_int_equal(kshim_object_has_condition(made, "Ready", "false"), 0);
		assert_int_equal(kshim_object_has_condition(made, NULL, NULL), 0);
		assert_false(kshim__condition_is(made, "Ready", "False"));
		assert_false(kshim__condition_is(made, "Read", "True"));
		assert_false(kshim__condition_is(made, "Ready", "Tru"));
		assert_string_equal(kshim__condition_string(made, "Ready", "reason"), "Why");
		assert_null(kshim__condition_string(made, "Ready", "message"));
		assert_null(kshim__condition_string(made, "Other", "reason"));
		kshim_object_unref(made);
	}
}

static void values(void **state)
{
	static const struct {
		const char *pointer, *value;
		int is;
	} cases[] = {
		{"/s", "a b", 1}, {"/s", " a b\n", 1}, {"/s", "a", 0}, {"/s", NULL, 1}, {"/s/x", NULL, 0}, {"/e", "", 1},
		{"/e", NULL, 1},  {"/n", "12", 1},	 {"/n", "1", 0}, {"/r", "1.5", 1}, {"/t", "true", 1}, {"/t", "True", 0},
		{"/z", NULL, 0},  {"/z", "null", 0},	 {"/l", "x", -1}, {"/l", NULL, 1}, {"/o", "x", -1},  {"/l/0", "x", 1},
		{"/none", "", 0}, {"/u", "\xc3\xa9", 1}, {NULL, "x", 0}, {NULL, NULL, 0},   {"/kind", "Thing", 1},
	};
	kshim_object *made = object(OF("v1", "Thing", "\"s\":\"  a b\",\"e\":\"\",\"n\":12,\"r\":1.5,\"t\":true,\"z\":null,"
						      "\"l\":[\"x\"],\"o\":{},\"u\":\"\\u00e9\""));
	size_t i, edited;

	(void)state;
	for (edited = 0; edited < 2; edited++) {
		for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
			if (kshim_object_has_value(made, cases[i].pointer, cases[i].value) != cases[i].is)
				fail_msg("%s %s %zu", cases[i].pointer, cases[i].value, edited);
		assert_int_equal(kshim_object_has_value(made, "/new", "x"), edited ? 1 : 0);
		assert_int_equal(kshim_object_set_string(made, "/new", "x"), 0);
	}
	assert_int_equal(kshim_object_has_value(NULL, "/s", "x"), 0);
	assert_int_equal(kshim_object_has_condition(NULL, "Ready", NULL), 0);
	kshim_object_unref(made);
}

static void templates(void **state)
{
	static const struct {
		const char *a, *b;
		bool same;
	} cases[] = {
		{"{\"a\":1,\"b\":[1,{\"c\":\"d\"}]}", "{\"b\":[1,{\"c\":\"d\"}],\"a\":1}", true},
		{"{\"a\":1}", "{\"a\":2}", false},
		{"{\"a\":1}", "{}", false},
		{"{}", "{\"a\":1}", false},
		{"{\"a\":null}", "{}", true},
		{"{\"a\":{\"b\":null}}", "{\"a\":{}}", true},
		{"{\"a\":{}}", "{}", false},
		{"{\"a\":[null]}", "{\"a\":[]}", false},
		{"{\"a\":[1,2]}", "{\"a\":[2,1]}", false},
		{"{\"a\":[1,2]}", "{\"a\":[1]}", false},
		{"{\"a\":[]}", "{\"a\":0}", false},
		{"{\"a\":\"\"}", "{}", false},
		{"{\"a\":{\"x\":1}}", "{\"a\":[1]}", false},
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		json_t *a = json_loads(cases[i].a, 0, NULL), *b = json_loads(cases[i].b, 0, NULL);

		if (kshim__template_same(a, b) != cases[i].same || kshim__template_same(b, a) != cases[i].same)
			fail_msg("%s %s", cases[i].a, cases[i].b);
		json_decref(a);
		json_decref(b);
	}
}

static void label_selectors(void **state)
{
	static const struct {
		const char *json, *text;
	} cases[] = {
		{"{}", ""},
		{"{\"matchLabels\":null,\"matchExpressions\":null}", ""},
		{"{\"matchLabels\":{\"app\":\"a\",\"example.com\\/x\":\"\"}}", "app=a,example.com/x="},
		{"{\"matchExpressions\":[{\"key\":\"a\",\"operator\":\"In\",\"values\":[\"z\",\"b\"]},{\"key\":\"c\",\"operator\":"
		 "\"NotIn\",\"values\":[\"d\"]},{\"key\":\"e\",\"operator\":\"Exists\"},{\"key\":\"f\",\"operator\":"
		 "\"DoesNotExist\",\"values\":[]}]}",
		 "a in (b,z),c notin (d),e,!f"},
		{"{\"matchLabels\":{\"a\":1}}", NULL},
		{"{\"matchLabels\":{\"a b\":\"c\"}}", NULL},
		{"{\"matchExpressions\":[{\"key\":\"a\",\"operator\":\"Gt\",\"values\":[\"1\"]}]}", NULL},
		{"{\"matchExpressions\":[{\"operator\":\"Exists\"}]}", NULL},
		{"{\"matchExpressions\":[{\"key\":\"a\",\"operator\":\"In\",\"values\":[]}]}", NULL},
		{"{\"matchExpressions\":[{\"key\":\"a\",\"operator\":\"In\",\"values\":[1]}]}", NULL},
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct kshim__span json = {cases[i].json, strlen(cases[i].json)};
		kshim_error *error = NULL;
		struct kshim__buf text;

		kshim__buf_init(&text);
		assert_int_equal(kshim__label_selector_add(&text, json, &error), cases[i].text != NULL);
		if (cases[i].text)
			assert_string_equal(text.len ? text.data : "", cases[i].text);
		else
			assert_int_equal(kshim_error_code(error), KSHIM_EINVAL);
		kshim_error_free(error);
		kshim__buf_free(&text);
	}
}

static int set_up(void **state)
{
	(void)state;
	loop = kshim_loop_new();
	client = kshim_client_new(loop, kshim_config_from_url("http://127.0.0.1:1", NULL));
	return client ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	kshim_client_free(client);
	kshim_loop_free(loop);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ready),
		cmocka_unit_test(conditions),
		cmocka_unit_test(values),
		cmocka_unit_test(templates),
		cmocka_unit_test(label_selectors),
	};

	return cmocka_run_group_tests_name("ready", tests, set_up, tear_down);
}
