/* A Dask cluster's own, found by its labels; the test plays dask-kubernetes'
 * operator: it sets phases and makes what carries the labels. */
#include "live.h"

#define CLUSTER "\"dask.org/cluster-name\":\"%s\""
#define POD                                                                                                            \
	"{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"metadata\":{\"name\":\"%s\",\"labels\":{%s}},\"spec\":{\"containers\":[" \
	"{\"name\":\"c\",\"image\":\"none.invalid/none\"}]}}"
#define DEPLOYMENT                                                                                                     \
	"{\"apiVersion\":\"apps/v1\",\"kind\":\"Deployment\",\"metadata\":{\"name\":\"%s\",\"labels\":{%s}},\"spec\":{"     \
	"\"replicas\":0,\"selector\":{\"matchLabels\":{\"a\":\"b\"}},\"template\":{\"metadata\":{\"labels\":{\"a\":\"b\"}}," \
	"\"spec\":{\"containers\":[{\"name\":\"c\",\"image\":\"none.invalid/none\"}]}}}}"
#define SERVICE                                                                                                        \
	"{\"apiVersion\":\"v1\",\"kind\":\"Service\",\"metadata\":{\"name\":\"%s\",\"labels\":{%s}},\"spec\":{\"ports\":["  \
	"{\"port\":8786}]}}"
#define SCHEDULER CLUSTER ",\"dask.org/component\":\"scheduler\""
#define WORKER CLUSTER ",\"dask.org/component\":\"worker\",\"dask.org/workergroup-name\":\"%s\""
#define RUNNER CLUSTER ",\"dask.org/component\":\"job-runner\""

static kshim_object *cluster, *group, *autoscaler, *job;

static kshim_object *create_text(const char *text)
{
	kshim_object *object = kshim_object_from_text(server->client, text, strlen(text));
	struct answer got = {0};

	assert_non_null(object);
	assert_int_equal(kshim_object_set_string(object, "/metadata/namespace", server->namespace_), 0);
	ASK(server, &got, kshim_object_create(object, NULL, live_done, &got));
	EXPECT(&got, KSHIM_OK);
	live_clear(&got);
	return object;
}

/* An object of `form`, by name and labels. */
static void make(const char *form, const char *name, const char *labels, const char *value, const char *second)
{
	char text[1024], filled[256];

	snprintf(filled, sizeof(filled), labels, value, second);
	snprintf(text, sizeof(text), form, name, filled);
	kshim_object_unref(create_text(text));
}

static kshim_object *create_file(const char *file, const char *name)
{
	kshim_manifest *manifest = live_manifest(file);
	kshim_object *object = kshim_manifest_object(manifest, 0, server->client);
	struct answer got = {0};

	kshim_manifest_free(manifest);
	assert_non_null(object);
	kshim_object_set_string(object, "/metadata/name", name);
	kshim_object_set_string(object, "/metadata/namespace", server->namespace_);
	if (kshim_object_has(object, "/spec/cluster") && !kshim_object_has(object, "/spec/cluster/spec"))
		kshim_object_set_string(object, "/spec/cluster", "c1");
	if (strcmp(name, "c1-default") == 0) {
		kshim_object_set(object, "/metadata/labels", json_object());
		kshim_object_set_string(object, "/metadata/labels/dask.org~1cluster-name", "c1");
	}
	ASK(server, &got, kshim_object_create(object, NULL, live_done, &got));
	EXPECT(&got, KSHIM_OK);
	live_clear(&got);
	return object;
}

static void count(kshim_query *query, size_t expected)
{
	struct answer got = {0};

	assert_non_null(query);
	ASK(server, &got, kshim_query_list(query, NULL, live_done, &got));
	EXPECT(&got, KSHIM_OK);
	assert_int_equal(got.count, expected);
	kshim_query_free(query);
	live_clear(&got);
}

static void worker_groups(void **state)
{
	(void)state;
	count(kshim_dask_worker_groups(cluster), 1);
}

/* Not there yet, then there, then one too many. */
static void scheduler(void **state)
{
	typedef kshim_call *find_fn(kshim_object *, const kshim_options *, kshim_done_fn *, void *);
	static const struct {
		find_fn *find;
		const char *form;
	} cases[] = {
		{kshim_dask_scheduler_pod, POD},
		{kshim_dask_scheduler_deployment, DEPLOYMENT},
		{kshim_dask_scheduler_service, SERVICE},
	};
	kshim_options *options = kshim_options_new();
	struct answer got = {0}, later = {0};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		kshim_options_set_timeout(options, 300);
		ASK(server, &got, cases[i].find(cluster, options, live_done, &got));
		EXPECT(&got, KSHIM_ETIMEDOUT);
		/* of another cluster, and of another component */
		make(cases[i].form, "c2-scheduler", SCHEDULER, "c2", NULL);
		make(cases[i].form, "c1-worker", WORKER, "c1", "c1-default");
		kshim_options_set_timeout(options, 60000);
		assert_non_null(cases[i].find(cluster, options, live_done, &later));
		make(cases[i].form, "c1-scheduler", SCHEDULER, "c1", NULL); /* waits for both */
		assert_int_equal(later.calls, 1);
		EXPECT(&later, KSHIM_OK);
		assert_int_equal(later.found, 1);
		assert_string_equal(kshim_object_name(later.object), "c1-scheduler");
		live_clear(&later);
		make(cases[i].form, "c1-scheduler-2", SCHEDULER, "c1", NULL);
		ASK(server, &got, cases[i].find(cluster, options, live_done, &got));
		EXPECT(&got, KSHIM_EMANY);
	}
	kshim_options_free(options);
	live_clear(&got);
}

static void ready(void **state)
{
	static const struct {
		const char *phase;
		int found;
	} cases[] = {{NULL, 0}, {"Created", 0}, {"Pending", 0}, {"Running", 1}, {"Error", 0}};
	kshim_query *query = kshim_query_new(server->client, KSHIM_DASK_CLUSTER, server->namespace_);
	kshim_object *gone = kshim_query_object(query, "gone");
	struct answer got = {0};
	char patch[100];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		if (cases[i].phase) {
			snprintf(patch, sizeof(patch), "{\"status\":{\"phase\":\"%s\"}}", cases[i].phase);
			ASK(server, &got, kshim_object_patch(cluster, KSHIM_PATCH_MERGE, patch, strlen(patch), NULL, live_done,
							     &got));
			EXPECT(&got, KSHIM_OK);
		}
		ASK(server, &got, kshim_dask_ready(cluster, NULL, live_done, &got));
		EXPECT(&got, KSHIM_OK);
		assert_int_equal(got.found, cases[i].found);
		assert_ptr_equal(got.object, cluster);
	}
	ASK(server, &got, kshim_dask_ready(gone, NULL, live_done, &got));
	EXPECT(&got, KSHIM_ENOTFOUND);
	kshim_object_unref(gone);
	kshim_query_free(query);
	live_clear(&got);
}

static void workers(void **state)
{
	(void)state;
	make(POD, "c1-more", WORKER, "c1", "c1-more");
	count(kshim_dask_worker_pods(group), 1);
	count(kshim_dask_worker_deployments(group), 1);
}

static void owners(void **state)
{
	kshim_object *const owned[] = {group, autoscaler};
	struct answer got = {0};
	size_t i;

	(void)state;
	for (i = 0; i < 2; i++) {
		kshim_object *of = kshim_dask_cluster(owned[i]);

		assert_non_null(of);
		ASK(server, &got, kshim_object_reload(of, NULL, live_done, &got));
		EXPECT(&got, KSHIM_OK);
		assert_string_equal(kshim_object_uid(of), kshim_object_uid(cluster));
		kshim_object_unref(of);
	}
	live_clear(&got);
}

static void jobs(void **state)
{
	static const char patch[] = "{\"status\":{\"jobStatus\":\"Running\"}}";
	kshim_options *options = kshim_options_new();
	kshim_object *of = kshim_dask_cluster(job);
	struct answer got = {0};

	(void)state;
	assert_string_equal(kshim_object_name(of), "j1");
	kshim_object_unref(of);
	make(POD, "j1-runner", RUNNER, "j1", NULL);
	ASK(server, &got, kshim_dask_job_pod(job, NULL, live_done, &got));
	EXPECT(&got, KSHIM_OK);
	assert_string_equal(kshim_object_name(got.object), "j1-runner");
	assert_null(kshim_dask_job_status(job));
	kshim_options_set_subresource(options, "status");
	ASK(server, &got, kshim_object_patch(job, KSHIM_PATCH_MERGE, patch, strlen(patch), options, live_done, &got));
	EXPECT(&got, KSHIM_OK);
	assert_string_equal(kshim_dask_job_status(job), "Running");
	kshim_options_free(options);
	live_clear(&got);
}

static void refused(const void *nothing)
{
	assert_null(nothing);
	assert_int_equal(kshim_error_code(kshim_client_error(server->client)), KSHIM_EINVAL);
}

static void other_kinds(void **state)
{
	(void)state;
	refused(kshim_dask_worker_groups(job));
	refused(kshim_dask_worker_pods(cluster));
	refused(kshim_dask_worker_deployments(job));
	refused(kshim_dask_cluster(cluster));
	refused(kshim_dask_scheduler_pod(job, NULL, live_done, NULL));
	refused(kshim_dask_job_pod(cluster, NULL, live_done, NULL));
	refused(kshim_dask_ready(group, NULL, live_done, NULL));
	assert_null(kshim_dask_worker_groups(NULL));
	assert_null(kshim_dask_cluster(NULL));
	assert_null(kshim_dask_ready(NULL, NULL, live_done, NULL));
	assert_null(kshim_dask_job_status(NULL));
}

static int set_up(void **state)
{
	(void)state;
	assert_null(server);
	server = live_open("admin", NULL);
	live_make_namespace(server);
	live_make_dask(server);
	cluster = create_file("test/data/live/daskcluster.yaml", "c1");
	group = create_file("test/data/live/daskworkergroup.yaml", "c1-default");
	autoscaler = create_file("test/data/live/daskautoscaler.yaml", "c1");
	job = create_file("test/data/live/daskjob.yaml", "j1");
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	kshim_object_unref(job);
	kshim_object_unref(autoscaler);
	kshim_object_unref(group);
	kshim_object_unref(cluster);
	live_remove_namespace(server);
	live_remove_dask(server);
	live_close(server);
	server = NULL;
	return 0;
}

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(worker_groups), cmocka_unit_test(scheduler), cmocka_unit_test(ready),
		cmocka_unit_test(workers),       cmocka_unit_test(owners),    cmocka_unit_test(jobs),
		cmocka_unit_test(other_kinds),
	};
	int failed;

	if (!live_kubeconfig())
		return 0;
	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	live_http = "1.1";
	failed = cmocka_run_group_tests_name("Dask, HTTP/1.1", tests, set_up, tear_down);
	live_http = "2";
	failed += cmocka_run_group_tests_name("Dask, HTTP/2", tests, set_up, tear_down);
	return failed || server; /* cmocka forgets a tear-down that failed */
}
