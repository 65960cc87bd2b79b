#include "kinds.h"

#define STEPS_MAX 2

#define BALANCER "{\"status\":{\"loadBalancer\":{\"ingress\":[{\"hostname\":\"%s\"}]}}}"
#define MESSAGE "{\"status\":{\"phase\":\"Available\",\"message\":\"%s\"}}"
#define RBAC "/apis/rbac.authorization.k8s.io/v1"
#define DASK "/apis/kubernetes.dask.org/v1"
#define WORKERS "/spec/worker/replicas"

const struct row rows[] = {
	{KSHIM_KIND_CONFIG_MAP, "configmap", "/api/v1", "configmaps", 0, NULL, NULL},
	{KSHIM_KIND_CRON_JOB, "cronjob", "/apis/batch/v1", "cronjobs", 0,
	 "{\"status\":{\"active\":[{\"kind\":\"Job\",\"name\":\"%s\"}]}}", NULL},
	{KSHIM_KIND_DAEMON_SET, "daemonset", "/apis/apps/v1", "daemonsets", 0, CONDITION, NULL},
	{KSHIM_KIND_DEPLOYMENT, "deployment", "/apis/apps/v1", "deployments", 0, CONDITION, "/spec/replicas"},
	{KSHIM_KIND_ENDPOINTS, "endpoints", "/api/v1", "endpoints", 0, NULL, NULL},
	{KSHIM_KIND_EVENT, "event", "/api/v1", "events", 0, NULL, NULL},
	{KSHIM_KIND_LIMIT_RANGE, "limitrange", "/api/v1", "limitranges", 0, NULL, NULL},
	{KSHIM_KIND_RESOURCE_QUOTA, "resourcequota", "/api/v1", "resourcequotas", 0,
	 "{\"status\":{\"used\":{\"count/%s.example.com\":\"1\"}}}", NULL},
	{KSHIM_KIND_SERVICE_ACCOUNT, "serviceaccount", "/api/v1", "serviceaccounts", 0, NULL, NULL},
	{KSHIM_KIND_INGRESS, "ingress", "/apis/networking.k8s.io/v1", "ingresses", 0, BALANCER, NULL},
	{KSHIM_KIND_JOB, "job", "/apis/batch/v1", "jobs", NOT_TWICE, CONDITION, "/spec/parallelism"},
	{KSHIM_KIND_NAMESPACE, "namespace", "/api/v1", "namespaces", CLUSTER | NO_DELETE_ALL, CONDITION, NULL},
	{KSHIM_KIND_NODE, "node", "/api/v1", "nodes", CLUSTER, CONDITION, NULL},
	{KSHIM_KIND_POD, "pod", "/api/v1", "pods", 0, CONDITION, NULL},
	{KSHIM_KIND_REPLICATION_CONTROLLER, "replicationcontroller", "/api/v1", "replicationcontrollers", 0,
	 CONDITION, "/spec/replicas"},
	{KSHIM_KIND_REPLICA_SET, "replicaset", "/apis/apps/v1", "replicasets", 0, CONDITION, "/spec/replicas"},
	{KSHIM_KIND_SECRET, "secret", "/api/v1", "secrets", 0, NULL, NULL},
	{KSHIM_KIND_SERVICE, "service", "/api/v1", "services", NOT_TWICE, CONDITION, NULL},
	{KSHIM_KIND_PERSISTENT_VOLUME, "persistentvolume", "/api/v1", "persistentvolumes", CLUSTER, MESSAGE, NULL},
	{KSHIM_KIND_PERSISTENT_VOLUME_CLAIM, "persistentvolumeclaim", "/api/v1", "persistentvolumeclaims", 0,
	 CONDITION, NULL},
	{KSHIM_KIND_HORIZONTAL_POD_AUTOSCALER, "horizontalpodautoscaler", "/apis/autoscaling/v2",
	 "horizontalpodautoscalers", 0, CONDITION, NULL},
	{KSHIM_KIND_STATEFUL_SET, "statefulset", "/apis/apps/v1", "statefulsets", 0, CONDITION, "/spec/replicas"},
	{KSHIM_KIND_ROLE, "role", RBAC, "roles", 0, NULL, NULL},
	{KSHIM_KIND_ROLE_BINDING, "rolebinding", RBAC, "rolebindings", 0, NULL, NULL},
	{KSHIM_KIND_CLUSTER_ROLE, "clusterrole", RBAC, "clusterroles", CLUSTER, NULL, NULL},
	{KSHIM_KIND_CLUSTER_ROLE_BINDING, "clusterrolebinding", RBAC, "clusterrolebindings", CLUSTER, NULL, NULL},
	/* until Kubernetes 1.24 */
	{KSHIM_KIND_POD_SECURITY_POLICY, "podsecuritypolicy", "/apis/policy/v1beta1", "podsecuritypolicies",
	 CLUSTER | MAY_BE_ABSENT, NULL, NULL},
	{KSHIM_KIND_POD_DISRUPTION_BUDGET, "poddisruptionbudget", "/apis/policy/v1", "poddisruptionbudgets",
	 NEEDS_VERSION, CONDITION, NULL},
	{KSHIM_KIND_CUSTOM_RESOURCE_DEFINITION, "customresourcedefinition", "/apis/apiextensions.k8s.io/v1",
	 "customresourcedefinitions", CLUSTER | NEEDS_VERSION, CONDITION, NULL},
	{KSHIM_KIND_DASK_CLUSTER, "daskcluster", DASK, "daskclusters", CUSTOM | STATUS_ON_MAIN,
	 "{\"status\":{\"phase\":\"%s\"}}", WORKERS},
	{KSHIM_KIND_DASK_WORKER_GROUP, "daskworkergroup", DASK, "daskworkergroups", CUSTOM, NULL, WORKERS},
	{KSHIM_KIND_DASK_JOB, "daskjob", DASK, "daskjobs", CUSTOM, "{\"status\":{\"jobStatus\":\"%s\"}}", NULL},
	{KSHIM_KIND_DASK_AUTOSCALER, "daskautoscaler", DASK, "daskautoscalers", CUSTOM, NULL, NULL},
};

/* ---- making and removing */

static void set_names(struct subject *subject, kshim_object *object, const char *name)
{
	char text[300];

	assert_int_equal(kshim_object_set_string(object, "/metadata/name", name), 0);
	assert_int_equal(kshim_object_set_string(object, "/metadata/labels/" KEY "subject", subject->label), 0);
	if (!(subject->row->flags & CLUSTER))
		assert_int_equal(kshim_object_set_string(object, "/metadata/namespace", server->namespace_), 0);
	if (subject->row->which == KSHIM_KIND_EVENT)
		kshim_object_set_string(object, "/involvedObject/namespace", server->namespace_);
	if (subject->row->which == KSHIM_KIND_CUSTOM_RESOURCE_DEFINITION) {
		snprintf(text, sizeof(text), "%s.kubeshim.test", name);
		kshim_object_set_string(object, "/spec/group", text);
		snprintf(text, sizeof(text), "widgets.%s.kubeshim.test", name);
		kshim_object_set_string(object, "/metadata/name", text);
	}
}

kshim_object *make_object(struct subject *subject, char which)
{
	kshim_manifest *manifest;
	kshim_object *object;
	char text[200];

	snprintf(text, sizeof(text), "test/data/live/%s.yaml", subject->row->file);
	manifest = live_manifest(text);
	assert_int_equal(kshim_manifest_count(manifest), 1);
	object = kshim_manifest_object(manifest, 0, server->client);
	assert_non_null(object);
	kshim_manifest_free(manifest);
	snprintf(text, sizeof(text), "%s%c", subject->label, which);
	set_names(subject, object, text);
	return object;
}

void begin_anew(struct subject *subject, char which)
{
	kshim_object_unref(subject->object);
	subject->object = make_object(subject, which);
}

void open_subject(struct subject *subject, const struct row *row, const char *what)
{
	char selector[200];

	memset(subject, 0, sizeof(*subject));
	subject->row = row;
	snprintf(subject->label, sizeof(subject->label), "%s-%s", live_run(), what);
	if (row->flags & CLUSTER)
		snprintf(subject->collection, sizeof(subject->collection), "%s/%s", row->root, row->plural);
	else
		snprintf(subject->collection, sizeof(subject->collection), "%s/namespaces/%s/%s", row->root,
			 server->namespace_, row->plural);
	subject->object = make_object(subject, 'a');
	snprintf(subject->path, sizeof(subject->path), "%s/%s", subject->collection,
		 kshim_object_name(subject->object));
	subject->query = kshim_query_new(server->client, kshim_kind_builtin(row->which), server->namespace_);
	assert_non_null(subject->query);
	snprintf(selector, sizeof(selector), "%s=%s", LABEL, subject->label);
	assert_int_equal(kshim_query_set_labels(subject->query, selector), 0);
}

void close_subject(struct subject *subject)
{
	kshim_query_free(subject->query);
	kshim_object_unref(subject->object);
}

bool wait_until_gone(kshim_object *object)
{
	struct answer got = {0};
	unsigned tries = 0;
	bool gone;

	do {
		ASK(server, &got, kshim_object_reload(object, NULL, live_done, &got));
		gone = got.code == KSHIM_ENOTFOUND;
		if (gone)
			break;
		EXPECT(&got, KSHIM_OK);
		/* a Namespace has them elsewhere */
		if (!live_has_controllers(server) && (kshim_object_has(object, "/metadata/finalizers/0") ||
						      kshim_object_has(object, "/spec/finalizers/0")))
			break;
	} while (live_again(server, &tries, "an object to go"));
	live_clear(&got);
	return gone;
}

void remove_object(kshim_object *object)
{
	struct answer got = {0};

	ASK(server, &got, kshim_object_delete(object, NULL, live_done, &got));
	EXPECT(&got, KSHIM_OK);
	live_clear(&got);
}

void create(kshim_object *object, struct answer *got, const kshim_options *options)
{
	ASK(server, got, kshim_object_create(object, options, live_done, got));
}

void patch(struct subject *subject, kshim_patch type, const char *text, const kshim_options *options,
		  struct answer *got)
{
	ASK(server, got, kshim_object_patch(subject->object, type, text, strlen(text), options, live_done, got));
}

/* ---- what is the same as on the server */

void look_by_name(struct subject *subject, struct answer *got)
{
	ASK(server, got, kshim_query_get_by_name(subject->query, kshim_object_name(subject->object), live_done, got));
}

void look_only(struct subject *subject, struct answer *got)
{
	ASK(server, got, kshim_query_get(subject->query, live_done, got));
}

void look_or_none(struct subject *subject, struct answer *got)
{
	ASK(server, got, kshim_query_get_or_none(subject->query, NULL, live_done, got));
}

void look_or_none_by_name(struct subject *subject, struct answer *got)
{
	ASK(server, got, kshim_query_get_or_none(subject->query, kshim_object_name(subject->object), live_done, got));
}

void look_reload(struct subject *subject, struct answer *got)
{
	ASK(server, got, kshim_object_reload(subject->object, NULL, live_done, got));
	assert_ptr_equal(got->object, subject->object);
}

static void keep_item(kshim_object *item, void *user)
{
	struct answer *got = user;

	assert_null(got->object);
	got->object = kshim_object_ref(item);
}

void look_list(struct subject *subject, struct answer *got)
{
	ASK(server, got, kshim_query_list(subject->query, keep_item, live_done, got));
	assert_int_equal(got->count, 1);
	assert_non_null(got->version);
	assert_null(got->next);
	assert_int_equal(got->consistent, 1);
}

/* Controllers may write between the two: then it is looked again. */
void same_as_server(struct subject *subject, look_fn *look)
{
	const kshim_kind *kind = kshim_kind_builtin(subject->row->which);
	struct answer got = {0};
	const char *version;
	unsigned tries = 0;
	bool same_version;
	json_t *raw;

	do {
		look(subject, &got);
		EXPECT(&got, KSHIM_OK);
		assert_int_equal(got.status, 200);
		assert_int_equal(got.found, 1);
		assert_non_null(got.object);
		raw = live_get(server, subject->path);
		version = json_string_value(json_object_get(json_object_get(raw, "metadata"), "resourceVersion"));
		assert_non_null(version);
		same_version = strcmp(version, kshim_object_resource_version(got.object)) == 0;
		if (same_version)
			assert_true(json_equal(raw, kshim_object_tree(got.object)));
		json_decref(raw);
	} while (!same_version && live_again(server, &tries, "an object to stay as it is"));
	assert_string_equal(kshim_object_name(got.object), kshim_object_name(subject->object));
	assert_string_equal(kshim_object_kind(got.object), kshim_kind_name(kind));
	assert_string_equal(kshim_object_api_version(got.object), kshim_kind_api_version(kind));
	live_clear(&got);
}

bool absent(struct subject *subject)
{
	struct answer got = {0};
	bool absent;

	if (!(subject->row->flags & MAY_BE_ABSENT))
		return false;
	ASK(server, &got, kshim_client_request(server->client, "GET", subject->row->root, NULL, NULL, 0, NULL,
					       live_done, &got));
	absent = got.status == 404;
	if (absent) {
		create(subject->object, &got, NULL);
		EXPECT(&got, KSHIM_ENOKIND);
		ASK(server, &got, kshim_query_list(subject->query, NULL, live_done, &got));
		EXPECT(&got, KSHIM_ENOKIND);
		ASK(server, &got, kshim_query_get(subject->query, live_done, &got));
		EXPECT(&got, KSHIM_ENOKIND);
		look_by_name(subject, &got);
		EXPECT(&got, KSHIM_ENOKIND);
		ASK(server, &got, kshim_object_reload(subject->object, NULL, live_done, &got));
		EXPECT(&got, KSHIM_ENOKIND);
		ASK(server, &got, kshim_object_delete(subject->object, NULL, live_done, &got));
		EXPECT(&got, KSHIM_ENOKIND);
	}
	live_clear(&got);
	return absent;
}

/* ---- running */

/* A test for each step of each row; names server as long as the program. */
static int run_with(const char *http, CMUnitTestFunction first, const struct step *steps, size_t count)
{
	static char names[ROW_COUNT * STEPS_MAX][100];
	struct CMUnitTest tests[ROW_COUNT * STEPS_MAX + 1] = {{.name = "every row", .test_func = first}};
	size_t i, k, n = first ? 1 : 0;

	assert_in_range(count, 1, STEPS_MAX);
	live_http = http;
	for (i = 0; i < ROW_COUNT; i++) {
		for (k = 0; k < count; k++, n++) {
			char *name = names[i * count + k];

			snprintf(name, sizeof(names[0]), "%s: %s", rows[i].file, steps[k].name);
			tests[n] = (struct CMUnitTest){.name = name, .test_func = steps[k].run,
						       .initial_state = (void *)&rows[i]};
		}
	}
	return _cmocka_run_group_tests(*http == '1' ? "HTTP/1.1" : "HTTP/2", tests, n, live_set_up, live_tear_down);
}

int run_rows(int argc, char **argv, CMUnitTestFunction first, const struct step *steps, size_t count)
{
	struct live *dask;
	int failed;

	if (!live_kubeconfig())
		return 0;
	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	dask = live_open("admin", NULL);
	live_make_dask(dask);
	failed = run_with("1.1", first, steps, count);
	failed += run_with("2", first, steps, count);
	live_remove_dask(dask);
	live_close(dask);
	return failed || server; /* cmocka forgets a tear-down that failed */
}
