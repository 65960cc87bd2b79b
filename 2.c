#include <kubeshim/kubeshim.h>
#include <stdio.h>
#include <string.h>

#define BY "example.kubeshim.dev/by"

static kshim_client *api;
static kshim_cache *spaces, *maps;
static kshim_workqueue *work;

static void on_applied(kshim_result *result, void *user)
{
	const char *key = user; /* lives until kshim_workqueue_done() */

	if (kshim_result_error(result)) {
		fprintf(stderr, "%s: %s\n", key, kshim_error_message(kshim_result_error(result)));
		kshim_workqueue_retry(work, key);
	} else {
		printf("%s: written\n", key);
		kshim_workqueue_forget(work, key);
	}
	kshim_workqueue_done(work, key);
}

/* Brings one Namespace in line. */
static void look_at(kshim_workqueue *queue, const char *key, void *user)
{
	kshim_options *options = user;
	const char *team = kshim_object_get_label(kshim_cache_get(spaces, NULL, key), "team");
	const char *held = kshim_object_get_string(kshim_cache_get(maps, key, "team"), "/data/team");
	kshim_object *map;

	if (!team || (held && strcmp(held, team) == 0)) {
		kshim_workqueue_forget(queue, key);
		kshim_workqueue_done(queue, key);
		return;
	}
	map = kshim_object_new(api, json_pack("{s:s, s:s, s:{s:s, s:s, s:{s:s}}, s:{s:s}}", "apiVersion", "v1",
					      "kind", "ConfigMap", "metadata", "name", "team", "namespace", key,
					      "labels", BY, "teams", "data", "team", team));
	if (!kshim_object_apply(map, options, on_applied, (void *)key)) {
		kshim_workqueue_retry(queue, key);
		kshim_workqueue_done(queue, key);
	}
	kshim_object_unref(map);
}

/* Whatever changed, the Namespace is looked at. */
static void on_change(kshim_cache *cache, kshim_change change, kshim_object *object, kshim_object *before, void *user)
{
	(void)before, (void)user;
	if (object)
		kshim_workqueue_add(work, cache == maps ? kshim_object_namespace(object) : kshim_object_name(object));
	if (change == KSHIM_CHANGE_LATE || change == KSHIM_CHANGE_ENDED)
		fprintf(stderr, "%s\n", kshim_error_message(kshim_cache_error(cache)));
}

int main(void)
{
	kshim_loop *loop = kshim_loop_new();
	kshim_options *options = kshim_options_new();
	kshim_query *all_spaces, *our_maps;

	setvbuf(stdout, NULL, _IOLBF, 0);
	api = kshim_client_new(loop, kshim_config_from_env(NULL));
	work = kshim_workqueue_new(loop, look_at, options);
	kshim_options_set_field_manager(options, "teams");
	kshim_options_set_force(options, 1); /* it is ours, whoever wrote it */
	all_spaces = kshim_query_new(api, KSHIM_NAMESPACE, NULL);
	our_maps = kshim_query_new(api, KSHIM_CONFIG_MAP, KSHIM_ALL_NAMESPACES);
	kshim_query_set_labels(our_maps, BY "=teams");
	spaces = kshim_cache_new(all_spaces);
	maps = kshim_cache_new(our_maps);
	if (kshim_cache_listen(spaces, NULL, NULL, on_change, NULL) &&
	    kshim_cache_listen(maps, NULL, NULL, on_change, NULL))
		kshim_loop_run(loop);
	kshim_query_free(all_spaces);
	kshim_query_free(our_maps);
	kshim_cache_free(spaces);
	kshim_cache_free(maps);
	kshim_workqueue_free(work);
	kshim_client_free(api);
	kshim_options_free(options);
	kshim_loop_free(loop);
	return 1;
}
