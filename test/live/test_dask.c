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

/* The operator's part while somebody waits for it. */
static void patch_later(kshim_timer *timer, void *user)
{
	static const char patch[] = "{\"status\":{\"phase\":\"Running\"}}";

	(void)timer;
	assert_non_null(kshim_object_patch(cluster, KSHIM_PATCH_MERGE, patch, strlen(patch), NULL, live_done, user));
}

static void becomes_ready(void **state)
{
	kshim_query *query = kshim_query_new(server->client, KSHIM_DASK_CLUSTER, server->namespace_);
	kshim_object *waiting = kshim_query_object(query, "c1");
	struct answer got = {0}, patched = {0};
	kshim_timer *timer = kshim_timer_new(server->loop, 200, patch_later, &patched);

	(void)state;
	assert_non_null(timer);
	ASK(server, &got, kshim_wait_value(waiting, "/status/phase", "Running", NULL, live_done, &got));
	EXPECT(&got, KSHIM_OK);
	EXPECT(&patched, KSHIM_OK);
	assert_int_equal(kshim_object_is_ready(waiting), 1);
	kshim_timer_free(timer);
	kshim_object_unref(waiting);
	kshim_query_free(query);
	live_clear(&got);
	live_clear(&patched);
}

/* Their Scale's status says 0 for ever: only the spec tells. */
static void scaled(void **state)
{
	kshim_object *const objects[] = {cluster, group};
	struct answer got = {0};
	int64_t replicas;
	size_t i;

	(void)state;
	for (i = 0; i < 2; i++) {
		ASK(server, &got, kshim_object_scale(objects[i], 3, NULL, live_done, &got));
		EXPECT(&got, KSHIM_OK);
		ASK(server, &got, kshim_object_reload(objects[i], NULL, live_done, &got));
		EXPECT(&got, KSHIM_OK);
		assert_int_equal(kshim_object_get_int(objects[i], "/spec/worker/replicas", &replicas), 0);
		assert_int_equal(replicas, 3);
	}
	ASK(server, &got, kshim_object_scale(autoscaler, 3, NULL, live_done, &got));
	assert_int_not_equal(got.code, KSHIM_OK); /* it has no scale */
	live_clear(&got);
}

/* The printer columns of the definitions, filled from what was written before. */
static void tables(void **state)
{
	static const struct {
		kshim_builtin kind;
		const char *name, *columns, *cells; /* all but the age's */
	} cases[] = {
		{KSHIM_KIND_DASK_CLUSTER, "c1", "Name Workers Status Age ", "c1 3 Running "},
		{KSHIM_KIND_DASK_WORKER_GROUP, "c1-default", "Name Workers Age ", "c1-default 3 "},
		{KSHIM_KIND_DASK_AUTOSCALER, "c1", "Name Cluster Minimum Maximum Age ", "c1 c1 1 10 "},
		{KSHIM_KIND_DASK_JOB, "j1", "Name Status Number Of Workers Age ", "j1 Successful 1 "},
	};
	struct answer got = {0};
	size_t i, column;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		kshim_query *query = kshim_query_new(server->client, kshim_kind_builtin(cases[i].kind), server->namespace_);
		char columns[100] = "", cells[100] = "";
		kshim_table *table;

		ASK(server, &got, kshim_query_table(query, cases[i].name, NULL, live_done, &got));
		EXPECT(&got, KSHIM_OK);
		table = kshim_table_new(got.body, got.len, NULL);
		assert_int_equal(kshim_table_row_count(table), 1);
		for (column = 0; column < kshim_table_column_count(table); column++) {
			const char *name = kshim_table_column_name(table, column);

			strcat(strcat(columns, name), " ");
			if (strcmp(name, "Age") == 0)
				assert_string_equal(kshim_table_column_type(table, column), "date");
			else
				strcat(strcat(cells, kshim_table_cell(table, 0, column)), " ");
		}
		assert_string_equal(columns, cases[i].columns);
		assert_string_equal(cells, cases[i].cells);
		kshim_table_free(table);
		kshim_query_free(query);
	}
	live_clear(&got);
}

/* The cluster goes, and what it owns with it. */
static void deleted(void **state)
{
	struct answer got = {0};
	unsigned tries = 0;
	char patch[300];

	(void)state;
	snprintf(patch, sizeof(patch), "{\"metadata\":{\"ownerReferences\":[{\"apiVersion\":\"kubernetes.dask.org/v1\","
				       "\"kind\":\"DaskCluster\",\"name\":\"c1\",\"uid\":\"%s\"}]}}", kshim_object_uid(cluster));
	ASK(server, &got, kshim_object_patch(group, KSHIM_PATCH_MERGE, patch, strlen(patch), NULL, live_done, &got));
	EXPECT(&got, KSHIM_OK);
	ASK(server, &got, kshim_object_delete(cluster, NULL, live_done, &got));
	EXPECT(&got, KSHIM_OK);
	ASK(server, &got, kshim_dask_ready(cluster, NULL, live_done, &got));
	EXPECT(&got, KSHIM_ENOTFOUND);
	if (live_has_controllers(server))
		do {
			ASK(server, &got, kshim_object_exists(group, NULL, live_done, &got));
			EXPECT(&got, KSHIM_OK);
		} while (got.found && live_again(server, &tries, "the worker group's end"));
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
	static const char *const phases[] = {"JobCreated", "ClusterCreated", "Running", "Failed", "Successful"};
	kshim_options *options = kshim_options_new();
	kshim_object *of = kshim_dask_cluster(job);
	struct answer got = {0};
	char patch[100];
	size_t i;

	(void)state;
	assert_string_equal(kshim_object_name(of), "j1");
	kshim_object_unref(of);
	make(POD, "j1-runner", RUNNER, "j1", NULL);
	ASK(server, &got, kshim_dask_job_pod(job, NULL, live_done, &got));
	EXPECT(&got, KSHIM_OK);
	assert_string_equal(kshim_object_name(got.object), "j1-runner");
	assert_null(kshim_dask_job_status(job));
	kshim_options_set_subresource(options, "status");
	for (i = 0; i < sizeof(phases) / sizeof(phases[0]); i++) {
		const char *had = i ? phases[i - 1] : NULL;

		snprintf(patch, sizeof(patch), "{\"status\":{\"jobStatus\":\"%s\"}}", phases[i]);
		/* not through /status: dropped */
		ASK(server, &got, kshim_object_patch(job, KSHIM_PATCH_MERGE, patch, strlen(patch), NULL, live_done, &got));
		EXPECT(&got, KSHIM_OK);
		if (had)
			assert_string_equal(kshim_dask_job_status(job), had);
		else
			assert_null(kshim_dask_job_status(job));
		ASK(server, &got, kshim_object_patch(job, KSHIM_PATCH_MERGE, patch, strlen(patch), options, live_done,
						     &got));
		EXPECT(&got, KSHIM_OK);
		assert_string_equal(kshim_dask_job_status(job), phases[i]);
	}
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
	live_set_up(state);
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
		cmocka_unit_test(worker_groups), cmocka_unit_test(scheduler),     cmocka_unit_test(ready),
		cmocka_unit_test(becomes_ready), cmocka_unit_test(workers),       cmocka_unit_test(owners),
		cmocka_unit_test(jobs),          cmocka_unit_test(scaled),        cmocka_unit_test(tables),
		cmocka_unit_test(other_kinds),   cmocka_unit_test(deleted),
	};

	return live_run_tests(argc, argv, "Dask", tests, sizeof(tests) / sizeof(tests[0]), set_up, tear_down);
}
