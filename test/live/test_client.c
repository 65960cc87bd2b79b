/* What a server serves and whom it lets: discovery, kinds of one's own, errors,
 * warnings, the version; against a real API server. */
#include "live.h"

#include <strings.h>

static void refused(const void *nothing)
{
	assert_null(nothing);
	assert_int_equal(kshim_error_code(kshim_client_error(server->client)), KSHIM_EINVAL);
}

/* ---- discovery */

static void find_kind(const char *name, struct answer *got)
{
	ASK(server, got, kshim_client_find_kind(server->client, name, live_done, got));
}

static void find_by_every_name(void **state)
{
	static const struct {
		const char *name, *group, *plural;
	} cases[] = {
		{"po", "", "pods"},
		{"pods", "", "pods"},
		{"Pod", "", "pods"},
		{"pod", "", "pods"},
		{"PODS", "", "pods"},
		{"deployments.apps", "apps", "deployments"},
		{"deploy.apps", "apps", "deployments"},
		{"apps/deployments", "apps", "deployments"},
		{"apps/Deployment", "apps", "deployments"},
		{"hpa", "autoscaling", "horizontalpodautoscalers"},
		{"Endpoint", "", "endpoints"},
		{"ep", "", "endpoints"},
		{"events", "", "events"},
		{"events.events.k8s.io", "events.k8s.io", "events"},
		{"ing", "networking.k8s.io", "ingresses"},
		{"crd", "apiextensions.k8s.io", "customresourcedefinitions"},
		{"customresourcedefinitions.apiextensions.k8s.io", "apiextensions.k8s.io", "customresourcedefinitions"},
		/* in no built-in row */
		{"sc", "storage.k8s.io", "storageclasses"},
		{"Lease", "coordination.k8s.io", "leases"},
		{"validatingwebhookconfiguration", "admissionregistration.k8s.io", "validatingwebhookconfigurations"},
	};
	static const char *const unknown[] = {"nosuchthing", "pods.apps", "apps/pods", "pods/status", ".", "/",
					      "deployments.", "psps"};
	struct answer got = {0};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		find_kind(cases[i].name, &got);
		EXPECT(&got, KSHIM_OK);
		assert_string_equal(kshim_kind_group(got.kind), cases[i].group);
		assert_string_equal(kshim_kind_plural(got.kind), cases[i].plural);
		assert_int_equal(kshim_kind_has_verb(got.kind, "list"), 1);
	}
	for (i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++) {
		find_kind(unknown[i], &got);
		EXPECT(&got, KSHIM_ENOKIND);
		assert_null(got.kind);
		assert_non_null(strstr(kshim_error_message(got.error), unknown[i]));
	}
	refused(kshim_client_find_kind(server->client, "", live_done, &got));
	refused(kshim_client_find_kind(server->client, NULL, live_done, &got));
	live_clear(&got);
}

/* Discovery is asked once, and once more for a name that it does not have. */
static void asked_once(void **state)
{
	struct answer got = {0};
	bool aggregated = live_minor(server) >= 27; /* asks the server, too */
	unsigned requests;

	(void)state;
	kshim_client_forget_kinds(server->client);
	live_reset(server);
	find_kind("sc", &got);
	EXPECT(&got, KSHIM_OK);
	requests = server->requests;
	/* the older form takes one for each group and version, too */
	assert_int_equal(requests == 2, aggregated);
	assert_true(live_asked_for(server, "GET /api"));
	assert_true(live_asked_for(server, "GET /apis"));
	find_kind("cm", &got);
	EXPECT(&got, KSHIM_OK);
	assert_int_equal(server->requests, requests);
	find_kind("nosuchthing", &got);
	EXPECT(&got, KSHIM_ENOKIND);
	assert_int_equal(server->requests, 2 * requests);
	live_clear(&got);
}

struct served {
	struct answer answer;
	unsigned kinds, wrong;
	json_t *left; /* "group/plural": {"kind":…, "namespaced":…} */
};

/* Of a test: such a group comes and goes. */
static bool passing(const char *group)
{
	const char *end = strstr(group, ".test");

	return end && !end[5];
}

/* Before 1.27 no server told that of the kinds of its own. */
static bool same_singular(json_t *entry, const kshim_kind *kind)
{
	const char *singular = json_string_value(json_object_get(entry, "singularName"));

	return strcasecmp(*singular ? singular : kshim_kind_name(kind), kshim_kind_singular(kind)) == 0;
}

static void on_kind(const kshim_kind *kind, void *user)
{
	struct served *served = user;
	char name[300];
	json_t *entry;

	if (passing(kshim_kind_group(kind)))
		return;
	snprintf(name, sizeof(name), "%s/%s", kshim_kind_group(kind), kshim_kind_plural(kind));
	entry = json_object_get(served->left, name);
	if (!entry || strcmp(json_string_value(json_object_get(entry, "kind")), kshim_kind_name(kind)) != 0 ||
	    json_is_true(json_object_get(entry, "namespaced")) != kshim_kind_is_namespaced(kind) ||
	    !same_singular(entry, kind))
		served->wrong++;
	json_object_del(served->left, name);
	served->kinds++;
}

/* The older form of discovery, which the library does not ask here. */
static void add_resources(struct served *served, const char *group, const char *path)
{
	json_t *list = live_get(server, path), *entry;
	size_t i;

	json_array_foreach(json_object_get(list, "resources"), i, entry) {
		const char *plural = json_string_value(json_object_get(entry, "name"));
		char name[300];

		if (strchr(plural, '/'))
			continue;
		snprintf(name, sizeof(name), "%s/%s", group, plural);
		if (!json_object_get(served->left, name))
			json_object_set(served->left, name, entry);
	}
	json_decref(list);
}

static void every_kind_is_listed(void **state)
{
	json_t *groups = live_get(server, "/apis"), *group, *version;
	struct served served = {.left = json_object()};
	size_t i, k;

	(void)state;
	add_resources(&served, "", "/api/v1");
	json_array_foreach(json_object_get(groups, "groups"), i, group) {
		if (passing(json_string_value(json_object_get(group, "name"))))
			continue;
		json_array_foreach(json_object_get(group, "versions"), k, version) {
			char path[300];

			snprintf(path, sizeof(path), "/apis/%s",
				 json_string_value(json_object_get(version, "groupVersion")));
			add_resources(&served, json_string_value(json_object_get(group, "name")), path);
		}
	}
	assert_true(json_object_size(served.left) > 50);
	kshim_client_forget_kinds(server->client);
	ASK(server, &served.answer, kshim_client_list_kinds(server->client, on_kind, live_done, &served));
	EXPECT(&served.answer, KSHIM_OK);
	assert_true(served.kinds > 50);
	assert_int_equal(served.wrong, 0);
	assert_int_equal(json_object_size(served.left), 0);
	json_decref(served.left);
	json_decref(groups);
	live_clear(&served.answer);
}

/* ---- a kind of one's own */

static char group[100];

static kshim_object *make_crd(void)
{
	char name[200];
	json_t *tree;

	snprintf(group, sizeof(group), "%s.kubeshim.test", live_run());
	snprintf(name, sizeof(name), "gadgets.%s", group);
	tree = json_pack("{s:s, s:s, s:{s:s}, s:{s:s, s:s, s:{s:s, s:s, s:s, s:[s]},"
			 " s:[{s:s, s:b, s:b, s:{s:{s:s, s:b}}, s:{s:{s:s, s:s}}}]}}",
			 "apiVersion", "apiextensions.k8s.io/v1", "kind", "CustomResourceDefinition", "metadata",
			 "name", name, "spec", "group", group, "scope", "Namespaced", "names", "kind", "Gadget",
			 "plural", "gadgets", "singular", "gadget", "shortNames", live_run(), "versions", "name", "v1", "served",
			 1, "storage", 1, "schema", "openAPIV3Schema", "type", "object",
			 "x-kubernetes-preserve-unknown-fields", 1, "subresources", "scale", "specReplicasPath", ".spec.size",
			 "statusReplicasPath", ".status.size");
	assert_non_null(tree);
	return kshim_object_new(server->client, tree);
}

static kshim_object *make_gadget(struct live *who, const char *name)
{
	char text[300];

	snprintf(text, sizeof(text), "{\"apiVersion\":\"%s/v1\",\"kind\":\"Gadget\",\"metadata\":{\"name\":\"%s\","
		 "\"namespace\":\"%s\"},\"spec\":{\"size\":1}}", group, name, server->namespace_);
	return kshim_object_from_text(who->client, text, strlen(text));
}

static void wait_until_served(const char *name)
{
	struct answer got = {0};
	unsigned tries = 0;

	do {
		find_kind(name, &got); /* asks anew */
	} while (got.code == KSHIM_ENOKIND && live_again(server, &tries, "a CRD to be served"));
	EXPECT(&got, KSHIM_OK);
	assert_string_equal(kshim_kind_group(got.kind), group);
	assert_string_equal(kshim_kind_api_version(got.kind) + strlen(group), "/v1");
	assert_string_equal(kshim_kind_name(got.kind), "Gadget");
	assert_string_equal(kshim_kind_short_name(got.kind, 0), live_run());
	assert_int_equal(kshim_kind_is_namespaced(got.kind), 1);
	assert_int_equal(kshim_kind_has_subresource(got.kind, "status"), 0);
	live_clear(&got);
}

/* The names find it without a question to the server. */
static void use_without_discovery(void)
{
	struct live *other = live_open("admin", server->loop);
	kshim_kind *kind = kshim_kind_new(group, "v1", "gadgets", "Gadget", 1);
	kshim_object *gadget = make_gadget(other, "registered");
	struct answer got = {0};
	kshim_query *query;
	unsigned i;

	assert_int_equal(kshim_client_add_kind(other->client, kind), 0);
	kshim_kind_unref(kind);
	ASK(other, &got, kshim_object_create(gadget, NULL, live_done, &got));
	EXPECT(&got, KSHIM_OK);
	query = kshim_query_new_named(other->client, "gadgets", server->namespace_);
	ASK(other, &got, kshim_query_get(query, live_done, &got));
	EXPECT(&got, KSHIM_OK);
	assert_string_equal(kshim_object_uid(got.object), kshim_object_uid(gadget));
	ASK(other, &got, kshim_object_delete(gadget, NULL, live_done, &got));
	EXPECT(&got, KSHIM_OK);
	assert_int_equal(other->requests, 3);
	for (i = 0; i < 3; i++)
		assert_non_null(strstr(other->paths[i], group)); /* and none was discovery's */
	kshim_query_free(query);
	kshim_object_unref(gadget);
	live_clear(&got);
	live_close(other);
}

static void kind_of_ones_own(void **state)
{
	kshim_object *crd = make_crd(), *gadget;
	struct answer got = {0};
	kshim_query *query;
	int64_t size = 0;
	char name[200];

	(void)state;
	snprintf(name, sizeof(name), "gadgets.%s", group);
	find_kind(name, &got);
	EXPECT(&got, KSHIM_ENOKIND);
	gadget = make_gadget(server, "found");
	ASK(server, &got, kshim_object_create(gadget, NULL, live_done, &got));
	EXPECT(&got, KSHIM_ENOKIND);
	ASK(server, &got, kshim_object_create(crd, NULL, live_done, &got));
	EXPECT(&got, KSHIM_OK);
	wait_until_served(name);
	ASK(server, &got, kshim_object_create(gadget, NULL, live_done, &got));
	EXPECT(&got, KSHIM_OK);
	query = kshim_query_new_named(server->client, live_run(), server->namespace_); /* the short name */
	ASK(server, &got, kshim_query_get_by_name(query, "found", live_done, &got));
	EXPECT(&got, KSHIM_OK);
	assert_string_equal(kshim_object_kind(got.object), "Gadget");
	ASK(server, &got, kshim_object_scale(gadget, 4, NULL, live_done, &got));
	EXPECT(&got, KSHIM_OK);
	assert_ptr_equal(got.object, gadget);
	assert_int_equal(kshim_object_get_int(gadget, "/spec/size", &size), 0);
	assert_int_equal(size, 4);
	ASK(server, &got, kshim_object_delete(gadget, NULL, live_done, &got));
	EXPECT(&got, KSHIM_OK);
	use_without_discovery();
	kshim_query_free(query);
	kshim_object_unref(gadget);
	ASK(server, &got, kshim_object_delete(crd, NULL, live_done, &got));
	EXPECT(&got, KSHIM_OK);
	kshim_object_unref(crd);
	live_clear(&got);
}

/* A row of several versions: the first that is served, or the object's own. */
static void several_versions(void **state)
{
	static const char text[] = "{\"apiVersion\":\"autoscaling/v1\",\"kind\":\"HorizontalPodAutoscaler\","
				   "\"metadata\":{\"name\":\"old\"},\"spec\":{\"maxReplicas\":3,\"scaleTargetRef\":{"
				   "\"kind\":\"Deployment\",\"name\":\"none\",\"apiVersion\":\"apps/v1\"},"
				   "\"targetCPUUtilizationPercentage\":50}}";
	kshim_object *object = kshim_object_from_text(server->client, text, strlen(text));
	kshim_query *query = kshim_query_new(server->client, KSHIM_HORIZONTAL_POD_AUTOSCALER, server->namespace_);
	struct answer got = {0};

	(void)state;
	kshim_object_set_string(object, "/metadata/namespace", server->namespace_);
	ASK(server, &got, kshim_object_create(object, NULL, live_done, &got));
	EXPECT(&got, KSHIM_OK);
	assert_string_equal(kshim_object_api_version(object), "autoscaling/v1");
	assert_true(kshim_object_has(object, "/spec/targetCPUUtilizationPercentage"));
	ASK(server, &got, kshim_query_get_by_name(query, "old", live_done, &got));
	EXPECT(&got, KSHIM_OK);
	assert_string_equal(kshim_object_api_version(got.object), "autoscaling/v2");
	assert_true(kshim_object_has(got.object, "/spec/metrics/0"));
	ASK(server, &got, kshim_object_delete(object, NULL, live_done, &got));
	EXPECT(&got, KSHIM_OK);
	kshim_object_unref(object);
	kshim_query_free(query);
	live_clear(&got);
}

/* A version that the server does not serve, of a kind that it does. */
static void version_that_is_not_served(void **state)
{
	static const char text[] = "{\"apiVersion\":\"apps/v1beta1\",\"kind\":\"Deployment\","
				   "\"metadata\":{\"name\":\"x\"}}";
	kshim_object *object = kshim_object_from_text(server->client, text, strlen(text));
	kshim_kind *kind = kshim_kind_new("", "v1", "nosuchthings", "NoSuchThing", 1);
	kshim_query *query = kshim_query_new(server->client, kind, "default");
	struct answer got = {0};

	(void)state;
	ASK(server, &got, kshim_object_create(object, NULL, live_done, &got));
	EXPECT(&got, KSHIM_ENOKIND);
	ASK(server, &got, kshim_object_exists(object, NULL, live_done, &got));
	EXPECT(&got, KSHIM_ENOKIND);
	ASK(server, &got, kshim_query_get_or_none(query, "x", live_done, &got));
	EXPECT(&got, KSHIM_ENOKIND);
	ASK(server, &got, kshim_query_list(query, NULL, live_done, &got));
	EXPECT(&got, KSHIM_ENOKIND);
	kshim_query_free(query);
	kshim_kind_unref(kind);
	kshim_object_unref(object);
	live_clear(&got);
}

/* ---- who may */

static void forbidden(void **state)
{
	struct live *nobody = live_open("nobody", server->loop);
	kshim_query *query = kshim_query_new(nobody->client, KSHIM_POD, "default");
	kshim_object *pod = kshim_query_object(query, "x");
	struct answer got = {0};

	(void)state;
	ASK(nobody, &got, kshim_query_list(query, NULL, live_done, &got));
	EXPECT(&got, KSHIM_EFORBIDDEN);
	assert_int_equal(got.status, 403);
	assert_int_equal(kshim_error_http_status(got.error), 403);
	assert_string_equal(kshim_error_reason(got.error), "Forbidden");
	assert_non_null(strstr(kshim_error_message(got.error), "cannot list resource \"pods\" in API group \"\" in the "
							       "namespace \"default\""));
	assert_int_equal(kshim_error_is_retryable(got.error), 0);
	assert_int_equal(got.count, 0);
	ASK(nobody, &got, kshim_object_exists(pod, NULL, live_done, &got)); /* no "no" */
	EXPECT(&got, KSHIM_EFORBIDDEN);
	ASK(nobody, &got, kshim_query_get_or_none(query, "x", live_done, &got));
	EXPECT(&got, KSHIM_EFORBIDDEN);
	ASK(nobody, &got, kshim_object_delete(pod, NULL, live_done, &got));
	EXPECT(&got, KSHIM_EFORBIDDEN);
	ASK(nobody, &got, kshim_query_delete_all(query, NULL, live_done, &got));
	EXPECT(&got, KSHIM_EFORBIDDEN);
	assert_int_equal(nobody->requests, 5); /* each was tried once */
	kshim_object_unref(pod);
	kshim_query_free(query);
	live_clear(&got);
	live_close(nobody);
}

/* ---- the rest */

static void version(void **state)
{
	json_t *told = live_get(server, "/version");
	struct answer got = {0};

	(void)state;
	ASK(server, &got, kshim_client_version(server->client, live_done, &got));
	EXPECT(&got, KSHIM_OK);
	assert_int_equal(kshim_object_get_string(got.object, "/gitVersion")[0], 'v');
	assert_true(json_equal(kshim_object_tree(got.object), told));
	json_decref(told);
	live_clear(&got);
}

static void raw(const char *method, const char *path, struct answer *got)
{
	ASK(server, got, kshim_client_request(server->client, method, path, NULL, NULL, 0, NULL, live_done, got));
}

static void raw_requests(void **state)
{
	struct answer got = {0};

	(void)state;
	raw("GET", "/healthz", &got);
	EXPECT(&got, KSHIM_OK);
	assert_string_equal(got.body, "ok");
	assert_memory_equal(got.content_type, "text/plain", 10);
	raw("GET", "/no/such/path", &got);
	EXPECT(&got, KSHIM_ENOTFOUND);
	raw("HEAD", "/healthz", &got);
	EXPECT(&got, KSHIM_OK);
	assert_int_equal(got.len, 0);
	refused(kshim_client_request(server->client, "GET", "healthz", NULL, NULL, 0, NULL, live_done, &got));
	refused(kshim_client_request(server->client, "GET", "/a b", NULL, NULL, 0, NULL, live_done, &got));
	refused(kshim_client_request(server->client, "GET\r\nX: y", "/", NULL, NULL, 0, NULL, live_done, &got));
	live_clear(&got);
}

static void on_list(kshim_result *result, void *user)
{
	const char *warning = kshim_result_warning(result, 0);

	if (warning)
		snprintf((char *)user, 300, "%s", warning);
	assert_null(kshim_result_error(result));
}

/* Endpoints are deprecated since Kubernetes 1.33. */
static void warnings(void **state)
{
	kshim_query *query = kshim_query_new(server->client, KSHIM_ENDPOINTS, server->namespace_);
	json_t *told = live_get(server, "/version");
	int minor = atoi(json_string_value(json_object_get(told, "minor")));
	char text[300] = "";

	(void)state;
	json_decref(told);
	live_reset(server);
	assert_non_null(kshim_query_list(query, NULL, on_list, text));
	kshim_loop_run(server->loop);
	kshim_query_free(query);
	if (minor < 33) {
		print_message("SKIPPED: a server of version 1.%d warns of nothing that is built in\n", minor);
		skip();
	}
	assert_non_null(strstr(text, "v1 Endpoints is deprecated"));
	assert_string_equal(server->warning, text);
	assert_int_equal(server->warnings, 1);
}

/* ---- running */

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(find_by_every_name),
		cmocka_unit_test(asked_once),
		cmocka_unit_test(every_kind_is_listed),
		cmocka_unit_test(kind_of_ones_own),
		cmocka_unit_test(several_versions),
		cmocka_unit_test(version_that_is_not_served),
		cmocka_unit_test(forbidden),
		cmocka_unit_test(version),
		cmocka_unit_test(raw_requests),
		cmocka_unit_test(warnings),
	};

	return live_run_tests(argc, argv, "client", tests, sizeof(tests) / sizeof(tests[0]), live_set_up, live_tear_down);
}
