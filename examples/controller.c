/* A controller: keeps a ConfigMap NAME-info for every DaskCluster, with its phase and
 * its scheduler's address. What is written by hand is put right again; with the
 * cluster the ConfigMap goes (its owner). Ends at SIGINT and SIGTERM. */
#include <kubeshim/kubeshim.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LABEL "example.kubeshim.dev/cluster"

static kshim_loop *loop;
static kshim_client *api;
static kshim_cache *clusters, *infos;
static kshim_workqueue *work;

static void wake(int signal_number)
{
	(void)signal_number;
	kshim_loop_wake(loop);
}

static void stop(kshim_loop *woken, void *user)
{
	(void)user;
	kshim_loop_stop(woken);
}

/* What a cluster's ConfigMap has to hold. */
static json_t *data_for(kshim_object *cluster)
{
	const char *phase = kshim_object_get_string(cluster, "/status/phase");

	return json_pack("{s:s, s:o}", "phase", phase ? phase : "Unknown", "scheduler",
			 json_sprintf("tcp://%s-scheduler.%s.svc:8786", kshim_object_name(cluster),
				      kshim_object_namespace(cluster)));
}

static int is_right(kshim_object *info, json_t *data)
{
	json_t *held = info ? json_object_get(kshim_object_tree(info), "data") : NULL;

	return held && json_equal(held, data) && kshim_object_has(info, "/metadata/ownerReferences/0");
}

static void applied(kshim_result *result, void *user)
{
	const char *key = user;

	if (kshim_result_error(result)) {
		fprintf(stderr, "controller: %s: %s\n", key, kshim_error_message(kshim_result_error(result)));
		kshim_workqueue_retry(work, key);
	} else {
		printf("%s: phase %s\n", key, kshim_object_get_string(kshim_result_object(result), "/data/phase"));
		kshim_workqueue_forget(work, key);
	}
	kshim_workqueue_done(work, key);
}

/* Brings one cluster's ConfigMap in line. */
static void look_at(kshim_workqueue *queue, const char *key, void *user)
{
	const char *slash = strchr(key, '/'), *name = slash + 1;
	kshim_options *options = user;
	kshim_object *cluster, *info;
	char namespace_[64], info_name[256];
	json_t *data;

	snprintf(namespace_, sizeof(namespace_), "%.*s", (int)(slash - key), key);
	snprintf(info_name, sizeof(info_name), "%s-info", name);
	cluster = kshim_cache_get(clusters, namespace_, name);
	data = cluster ? data_for(cluster) : NULL;
	if (!cluster || is_right(kshim_cache_get(infos, namespace_, info_name), data)) {
		json_decref(data);
		kshim_workqueue_forget(queue, key);
		kshim_workqueue_done(queue, key);
		return;
	}
	info = kshim_object_new(api, json_pack("{s:s, s:s, s:{s:s, s:s, s:{s:s}, s:[{s:s, s:s, s:s, s:s}]}, s:o}",
		"apiVersion", "v1", "kind", "ConfigMap", "metadata", "name", info_name, "namespace", namespace_,
		"labels", LABEL, name, "ownerReferences", "apiVersion", kshim_object_api_version(cluster), "kind",
		kshim_object_kind(cluster), "name", name, "uid", kshim_object_uid(cluster), "data", data));
	if (!kshim_object_apply(info, options, applied, (void *)key)) {
		fprintf(stderr, "controller: %s: %s\n", key, kshim_error_message(kshim_client_error(api)));
		kshim_workqueue_retry(queue, key);
		kshim_workqueue_done(queue, key);
	}
	kshim_object_unref(info);
}

/* Whatever happens to a cluster or its ConfigMap, the cluster is looked at. */
static void on_change(kshim_cache *cache, kshim_change change, kshim_object *object, kshim_object *before, void *user)
{
	const char *name;
	char key[512];

	(void)before;
	(void)user;
	if (change == KSHIM_CHANGE_LATE || change == KSHIM_CHANGE_ENDED)
		fprintf(stderr, "controller: %s\n", kshim_error_message(kshim_cache_error(cache)));
	if (change == KSHIM_CHANGE_ENDED)
		kshim_loop_stop(loop);
	name = !object ? NULL : cache == infos ? kshim_object_get_label(object, LABEL) : kshim_object_name(object);
	if (!name)
		return;
	snprintf(key, sizeof(key), "%s/%s", kshim_object_namespace(object), name);
	kshim_workqueue_add(work, key);
}

int main(void)
{
	kshim_options *options = kshim_options_new();
	kshim_error *error = NULL;
	kshim_query *all_clusters, *all_infos;

	setvbuf(stdout, NULL, _IOLBF, 0);
	loop = kshim_loop_new();
	api = kshim_client_open(loop, kshim_config_from_env(&error), &error);
	work = kshim_workqueue_new(loop, look_at, options);
	all_clusters = kshim_query_new(api, KSHIM_DASK_CLUSTER, KSHIM_ALL_NAMESPACES);
	all_infos = kshim_query_new(api, KSHIM_CONFIG_MAP, KSHIM_ALL_NAMESPACES);
	kshim_query_set_labels(all_infos, LABEL);
	kshim_options_set_field_manager(options, "kubeshim-controller");
	kshim_options_set_force(options, 1);
	clusters = kshim_cache_new(all_clusters);
	infos = kshim_cache_new(all_infos);
	if (kshim_cache_listen(clusters, NULL, NULL, on_change, NULL) &&
	    kshim_cache_listen(infos, NULL, NULL, on_change, NULL)) {
		kshim_loop_set_wake(loop, stop, NULL);
		signal(SIGINT, wake);
		signal(SIGTERM, wake);
		kshim_loop_run(loop);
	} else {
		fprintf(stderr, "controller: %s\n", kshim_error_message(error ? error : kshim_client_error(api)));
	}
	kshim_query_free(all_clusters);
	kshim_query_free(all_infos);
	kshim_cache_free(clusters);
	kshim_cache_free(infos);
	kshim_client_free(api);
	kshim_loop_free(loop); /* calls that were under way end here, and look into the queue */
	kshim_workqueue_free(work);
	kshim_options_free(options);
	kshim_error_free(error);
	return clusters && infos ? 0 : 1;
}
