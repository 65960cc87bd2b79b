/* Scales a Deployment. Usage: scale_deployment NAME REPLICAS */
#include <kubeshim/kubeshim.h>

#include <stdio.h>
#include <stdlib.h>

struct wish {
	int64_t replicas;
	int status;
};

static int failed(const kshim_error *error)
{
	if (error)
		fprintf(stderr, "scale_deployment: %s\n", kshim_error_message(error));
	return error != NULL;
}

static void on_scaled(kshim_result *result, void *user)
{
	struct wish *wish = user;

	if (failed(kshim_result_error(result)))
		return;
	printf("scaled %s to %lld\n", kshim_object_name(kshim_result_object(result)), (long long)wish->replicas);
	wish->status = 0;
}

static void on_deployment(kshim_result *result, void *user)
{
	struct wish *wish = user;

	if (!failed(kshim_result_error(result)) &&
	    !kshim_object_scale(kshim_result_object(result), wish->replicas, NULL, on_scaled, wish))
		failed(kshim_client_error(kshim_result_client(result)));
}

int main(int argc, char **argv)
{
	char *end = NULL;
	struct wish wish = {argc > 2 ? strtoll(argv[2], &end, 10) : 5, 1};
	kshim_loop *loop = kshim_loop_new();
	kshim_error *error = NULL;
	kshim_client *api = kshim_client_open(loop, kshim_config_from_env(&error), &error);
	kshim_query *deployments = kshim_query_new(api, KSHIM_DEPLOYMENT, NULL);

	if (end && *end)
		fprintf(stderr, "scale_deployment: \"%s\" is no number\n", argv[2]);
	else if (!kshim_query_get_by_name(deployments, argc > 1 ? argv[1] : "mydeployment", on_deployment, &wish))
		failed(error ? error : kshim_client_error(api));
	kshim_loop_run(loop);
	kshim_query_free(deployments);
	kshim_client_free(api);
	kshim_loop_free(loop);
	kshim_error_free(error);
	return wish.status;
}
