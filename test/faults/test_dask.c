/* What belongs to a Dask cluster: waits that end early, and memory that runs out. */
/* LINK: -Wl,--wrap=kshim__malloc,--wrap=kshim__calloc,--wrap=kshim__realloc,--wrap=kshim__memdup,--wrap=kshim__strdup */
#include "../testutil.h"
#include "../unit/failalloc.h"

#define CLUSTERS "/apis/kubernetes.dask.org/v1/namespaces/ns/daskclusters"
#define CLUSTER                                                                                                        \
	"{\"kind\":\"DaskCluster\",\"apiVersion\":\"kubernetes.dask.org/v1\",\"metadata\":{\"name\":\"c\",\"namespace\":"       \
	"\"ns\"},\"spec\":{},\"status\":{\"phase\":\"Running\"}}"
#define PODS(items) "{\"kind\":\"PodList\",\"apiVersion\":\"v1\",\"metadata\":{},\"items\":[" items "]}"
#define POD_OF "{\"metadata\":{\"name\":\"c-scheduler\",\"namespace\":\"ns\"}}"

typedef kshim_call *verb_fn(kshim_object *cluster, const kshim_options *options, kshim_done_fn *done, void *user);
static verb_fn *const verbs[] = {kshim_dask_ready, kshim_dask_scheduler_pod};

static const struct fakeapi_route routes[] = {
	{"GET", CLUSTERS "/c", .answer = {.body = CLUSTER}},
	{"GET", LIST_PATH "?*", .answer = {.body = PODS(POD_OF)}},
};

static kshim_object *cluster_of(struct rig *rig, const char *name)
{
	kshim_query *query = kshim_query_new(rig->client, KSHIM_DASK_CLUSTER, "ns");
	kshim_object *cluster = kshim_query_object(query, name);

	kshim_query_free(query);
	assert_non_null(cluster);
	return cluster;
}

/* The labels that are asked for; nothing is asked where one cannot be. */
static void test_labels(void **state)
{
	struct seen seen = {0};
	kshim_object *cluster;
	char name[80] = "";
	struct rig rig;

	rig_start(&rig, state, routes, COUNT(routes));
	cluster = cluster_of(&rig, "c");
	started(&seen, kshim_dask_scheduler_pod(cluster, NULL, seen_done, &seen));
	kshim_object_unref(cluster);
	rig_drive(&rig);
	assert_ok(&seen);
	assert_string_equal(seen.object, "c-scheduler");
	assert_non_null(strstr(fakeapi_request(rig.api, 0)->path, "labelSelector=dask.org%2Fcluster-name%3Dc%2C"
								  "dask.org%2Fcomponent%3Dscheduler"));
	memset(name, 'x', 64); /* a name, but no label's value */
	cluster = cluster_of(&rig, name);
	assert_null(kshim_dask_scheduler_pod(cluster, NULL, seen_done, &seen));
	assert_int_equal(kshim_error_code(kshim_client_error(rig.client)), KSHIM_EINVAL);
	assert_null(kshim_dask_worker_groups(cluster));
	assert_int_equal(kshim_error_code(kshim_client_error(rig.client)), KSHIM_EINVAL);
	kshim_object_unref(cluster);
	assert_int_equal(seen.done, 1);
	rig_stop(&rig);
}

/* The deadline that counts is that of the options, also above the client's. */
static void test_own_deadline(void **state)
{
	const struct fakeapi_route slow[] = {
		{"GET", CLUSTERS "/c", .answer = {.body = CLUSTER, .head_delay_ms = 150}},
		{"GET", LIST_PATH "?*", .answer = {.body = PODS(POD_OF), .head_delay_ms = 150}},
	};
	size_t i, over;

	for (i = 0; i < COUNT(verbs); i++)
		for (over = 0; over < 2; over++) {
			kshim_options *options = kshim_options_new();
			struct seen seen = {0};
			kshim_object *cluster;
			struct rig rig;

			rig_start(&rig, state, slow, COUNT(slow));
			kshim_client_set_timeout(rig.client, over ? HANG_MS : 20);
			kshim_options_set_timeout(options, over ? 20 : HANG_MS);
			cluster = cluster_of(&rig, "c");
			started(&seen, verbs[i](cluster, options, seen_done, &seen));
			kshim_object_unref(cluster);
			kshim_options_free(options);
			rig_drive(&rig);
			if (over)
				assert_failed(&seen, KSHIM_ETIMEDOUT);
			else
				assert_ok(&seen);
			if (over)
				assert_non_null(strstr(seen.message, i ? "scheduler pods of c" : "read c"));
			rig_stop(&rig);
		}
}

/* While a step is under way, and in the pause between two. */
static void test_ended_early(void **state)
{
	const struct fakeapi_route none[] = {{"GET", LIST_PATH "?*", .answer = {.body = PODS("")}}};
	const struct fakeapi_route mute[] = {{.answer = {.end = FAKEAPI_MUTE}}};
	int i;

	for (i = 0; i < 4; i++) {
		struct seen seen = {0};
		kshim_object *cluster;
		struct rig rig;

		rig_start(&rig, state, i < 2 ? none : mute, 1);
		cluster = cluster_of(&rig, "c");
		started(&seen, kshim_dask_scheduler_pod(cluster, NULL, seen_done, &seen));
		kshim_object_unref(cluster);
		rig_until_requests(&rig, i < 2 ? 2 : 1);
		if (i % 2) {
			kshim_client_free(rig.client);
			rig.client = NULL;
		} else {
			kshim_call_cancel(seen.call);
		}
		rig_drive(&rig);
		assert_failed(&seen, KSHIM_ECANCELED);
		rig_stop(&rig);
	}
}

/* Every allocation fails once: refused, failed, or done all the same. */
static void test_no_memory(void **state)
{
	struct rig rig;
	size_t v;
	long i;

	if (!failalloc_works())
		skip();
	rig_start(&rig, state, routes, COUNT(routes));
	for (v = 0; v < COUNT(verbs); v++) {
		unsigned succeeded = 0, failed = 0, refused = 0;

		for (i = 0; succeeded < 3 && i < 2000; i++) {
			kshim_object *cluster = cluster_of(&rig, "c");
			struct seen seen = {0};
			bool was_failed;

			failalloc_arm(i, false);
			started(&seen, verbs[v](cluster, NULL, seen_done, &seen));
			rig_drive(&rig);
			was_failed = failalloc_disarm();
			kshim_object_unref(cluster);
			refused += !seen.call;
			failed += seen.has_error;
			succeeded += !was_failed;
			assert_int_equal(seen.done, seen.call != NULL);
			assert_true(was_failed || (seen.call && !seen.has_error));
			if (seen.has_error)
				assert_true(seen.code == KSHIM_ENOMEM || seen.code == KSHIM_ECONNECT); /* of a socket */
			else if (seen.done)
				assert_int_equal(seen.found, 1);
		}
		assert_true(refused > 1);
		assert_true(failed > 5);
		assert_int_equal(succeeded, 3);
	}
	rig_stop(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BOTH_HTTP(test_labels),       BOTH_HTTP(test_own_deadline), BOTH_HTTP(test_ended_early),
		BOTH_HTTP(test_no_memory),
	};

	test_begin();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
