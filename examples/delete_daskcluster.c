/* Deletes a DaskCluster. Usage: delete_daskcluster NAME */
#include <kubeshim/kubeshim.h>

#include <stdio.h>

static int failed(const kshim_error *error)
{
	if (error)
		fprintf(stderr, "delete_daskcluster: %s\n", kshim_error_message(error));
	return error != NULL;
}

static void on_deleted(kshim_result *result, void *user)
{
	int *status = user;

	if (failed(kshim_result_error(result)))
		return;
	puts("deleted");
	*status = 0;
}

static void on_cluster(kshim_result *result, void *user)
{
	if (!failed(kshim_result_error(result)) &&
	    !kshim_object_delete(kshim_result_object(result), NULL, on_deleted, user))
		failed(kshim_client_error(kshim_result_client(result)));
}

int main(int argc, char **argv)
{
	kshim_loop *loop = kshim_loop_new();
	kshim_error *error = NULL;
	kshim_client *api = kshim_client_open(loop, kshim_config_from_env(&error), &error);
	kshim_query *clusters = kshim_query_new(api, KSHIM_DASK_CLUSTER, NULL);
	int status = 1;

	if (!kshim_query_get_by_name(clusters, argc > 1 ? argv[1] : "mycluster", on_cluster, &status))
		failed(error ? error : kshim_client_error(api));
	kshim_loop_run(loop);
	kshim_query_free(clusters);
	kshim_client_free(api);
	kshim_loop_free(loop);
	kshim_error_free(error);
	return status;
}
