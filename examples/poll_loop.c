/* The same list of Pods inside a poll(2) loop of the program's own, with a timer of its own beside it. */
#include <kubeshim/kubeshim.h>

#include <poll.h>
#include <stdio.h>

static void on_pod(kshim_object *pod, void *user)
{
	(void)user;
	puts(kshim_object_name(pod));
}

static void on_done(kshim_result *result, void *user)
{
	int *status = user;

	*status = kshim_result_error(result) != NULL;
	if (*status)
		fprintf(stderr, "poll_loop: %s\n", kshim_error_message(kshim_result_error(result)));
}

int main(int argc, char **argv)
{
	kshim_loop *loop = kshim_loop_new();
	kshim_error *error = NULL;
	kshim_client *api = kshim_client_open(loop, kshim_config_from_env(&error), &error);
	kshim_query *pods = kshim_query_new(api, KSHIM_POD, argc > 1 ? argv[1] : "default");
	struct pollfd fd = {.fd = kshim_loop_fd(loop), .events = POLLIN};
	int status = -1, ticks = 0;

	if (!kshim_query_list(pods, on_pod, on_done, &status)) {
		fprintf(stderr, "poll_loop: %s\n", kshim_error_message(error ? error : kshim_client_error(api)));
		status = 1;
	}
	while (status < 0) {
		int ready = poll(&fd, 1, 100); /* the program's other descriptors stand here, too */

		if (ready == 0)
			ticks++; /* what the program does ten times a second */
		else if (kshim_loop_process(loop) < 0)
			status = 1;
	}
	printf("%d ticks meanwhile\n", ticks);
	kshim_query_free(pods);
	kshim_client_free(api);
	kshim_loop_free(loop);
	kshim_error_free(error);
	return status;
}
