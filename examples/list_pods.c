/* Iterates over the Pods of a namespace: each one is handed on while the answer still downloads. */
#include <kubeshim/kubeshim.h>

#include <stdio.h>

static void on_pod(kshim_object *pod, void *user)
{
	const char *phase = kshim_object_get_string(pod, "/status/phase");

	(void)user;
	printf("%-40s %s\n", kshim_object_name(pod), phase ? phase : "");
}

static void on_done(kshim_result *result, void *user)
{
	int *status = user;

	if (kshim_result_error(result)) {
		fprintf(stderr, "list_pods: %s\n", kshim_error_message(kshim_result_error(result)));
		*status = 1;
	} else {
		printf("%zu pods\n", kshim_result_item_count(result));
	}
}

int main(int argc, char **argv)
{
	kshim_loop *loop = kshim_loop_new();
	kshim_error *error = NULL;
	kshim_client *api = kshim_client_open(loop, kshim_config_from_env(&error), &error);
	kshim_query *pods = kshim_query_new(api, KSHIM_POD, argc > 1 ? argv[1] : "default");
	int status = 0;

	if (!kshim_query_list(pods, on_pod, on_done, &status)) {
		fprintf(stderr, "list_pods: %s\n", kshim_error_message(error ? error : kshim_client_error(api)));
		status = 1;
	}
	kshim_loop_run(loop); /* or give kshim_loop_fd() to the loop you have */
	kshim_query_free(pods);
	kshim_client_free(api);
	kshim_loop_free(loop);
	kshim_error_free(error);
	return status;
}
