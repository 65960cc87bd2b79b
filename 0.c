#include <kubeshim/kubeshim.h>
#include <stdio.h>

static void on_change(kshim_cache *cache, kshim_change change, kshim_object *space, kshim_object *before, void *user)
{
	const char *team = kshim_object_get_label(space, "team");

	(void)before, (void)user;
	if (change == KSHIM_CHANGE_SYNCED)
		printf("these are all %zu\n", kshim_cache_count(cache));
	if (change == KSHIM_CHANGE_ADDED || change == KSHIM_CHANGE_MODIFIED)
		printf("%s: %s\n", kshim_object_name(space), team ? team : "no team");
	if (change == KSHIM_CHANGE_LATE || change == KSHIM_CHANGE_ENDED)
		fprintf(stderr, "%s\n", kshim_error_message(kshim_cache_error(cache)));
}

int main(void)
{
	kshim_loop *loop = kshim_loop_new();
	kshim_client *api = kshim_client_new(loop, kshim_config_from_env(NULL));
	kshim_query *query = kshim_query_new(api, KSHIM_NAMESPACE, NULL);
	kshim_cache *spaces = kshim_cache_new(query);

	setvbuf(stdout, NULL, _IOLBF, 0);
	kshim_query_free(query);
	if (kshim_cache_listen(spaces, NULL, NULL, on_change, NULL))
		kshim_loop_run(loop); /* until the program is stopped */
	else
		fprintf(stderr, "cannot start: kshim_client_open() would tell why\n");
	kshim_cache_free(spaces);
	kshim_client_free(api);
	kshim_loop_free(loop);
	return 1;
}
