/* Creates a Pod. Usage: create_pod NAME */
#include <kubeshim/kubeshim.h>

#include <stdio.h>

static void on_created(kshim_result *result, void *user)
{
	int *status = user;

	if (kshim_result_error(result)) {
		fprintf(stderr, "create_pod: %s\n", kshim_error_message(kshim_result_error(result)));
		return;
	}
	printf("created pod %s, uid %s\n", kshim_object_name(kshim_result_object(result)),
	       kshim_object_uid(kshim_result_object(result)));
	*status = 0;
}

int main(int argc, char **argv)
{
	kshim_loop *loop = kshim_loop_new();
	kshim_error *error = NULL;
	kshim_client *api = kshim_client_open(loop, kshim_config_from_env(&error), &error);
	kshim_object *pod;
	int status = 1;

	pod = kshim_object_new(api, json_pack("{s:s, s:s, s:{s:s}, s:{s:[{s:s, s:s}]}}",
					      "apiVersion", "v1", "kind", "Pod",
					      "metadata", "name", argc > 1 ? argv[1] : "pause",
					      "spec", "containers", "name", "pause", "image", "registry.k8s.io/pause"));
	if (!kshim_object_create(pod, NULL, on_created, &status))
		fprintf(stderr, "create_pod: %s\n", kshim_error_message(error ? error : kshim_client_error(api)));
	kshim_loop_run(loop);
	kshim_object_unref(pod);
	kshim_client_free(api);
	kshim_loop_free(loop);
	kshim_error_free(error);
	return status;
}
