/* examples/controller is ended while the server has yet to answer it. */
#include "../testutil.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#define CLUSTERS "/apis/kubernetes.dask.org/v1/daskclusters"
#define MAPS "/api/v1/configmaps"
#define INFO "/api/v1/namespaces/a-namespace/configmaps/one-info"
#define OPEN {.body = "", .coding = FAKEAPI_CHUNKED, .end = FAKEAPI_STALL, .end_after = FAKEAPI_ALL}
#define LIST(items) "{\"metadata\":{\"resourceVersion\":\"5\"},\"items\":[" items "]}"

static char program[500]; /* of the same build as this one */

static const struct fakeapi_route routes[] = {
	{"GET", CLUSTERS "?*watch=true*", .answer = OPEN},
	{"GET", CLUSTERS, .answer = {.body = LIST("{\"metadata\":{\"name\":\"one\",\"namespace\":\"a-namespace\","
						  "\"uid\":\"u\",\"resourceVersion\":\"4\"}}")}},
	{"GET", MAPS "?*watch=true*", .answer = OPEN},
	{"GET", MAPS, .answer = {.body = LIST("")}},
	{"PATCH", INFO, .answer = {.end = FAKEAPI_MUTE}},
};

static pid_t start(const char *config, const char *errors)
{
	pid_t pid = fork();

	if (pid == 0) {
		setenv("KUBECONFIG", config, 1);
		setenv("MALLOC_PERTURB_", "85", 1); /* what is freed does not look as it was: mallopt(3) */
		if (freopen(errors, "w", stderr))
			execl(program, program, NULL);
		_exit(127);
	}
	assert_true(pid > 0);
	return pid;
}

static void ends_with_work_under_way(void **state)
{
	const struct fakeapi_options options = {.routes = routes, .route_count = sizeof(routes) / sizeof(routes[0]), .plain = true};
	struct fakeapi *api = fakeapi_start(&options);
	char config[] = "/tmp/kubeshim-controller-XXXXXX", errors[sizeof(config) + 4], text[4096];
	int fd = mkstemp(config), status;
	size_t len;
	pid_t pid;
	FILE *file;

	(void)state;
	assert_non_null(api);
	assert_true(fd >= 0);
	snprintf(errors, sizeof(errors), "%s.err", config);
	dprintf(fd, "clusters: [{name: a, cluster: {server: '%s'}}]\nusers: [{name: a, user: {}}]\n"
		    "contexts: [{name: a, context: {cluster: a, user: a}}]\ncurrent-context: a\n", fakeapi_url(api));
	close(fd);
	pid = start(config, errors);
	while (fakeapi_count(api, "PATCH", INFO) == 0 && waitpid(pid, &status, WNOHANG) == 0)
		usleep(5000);
	kill(pid, SIGTERM);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	file = fopen(errors, "r");
	assert_non_null(file);
	len = fread(text, 1, sizeof(text) - 1, file);
	text[len] = '\0';
	fclose(file);
	unlink(errors);
	unlink(config);
	assert_string_equal(text, "controller: a-namespace/one: the client was freed\n");
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	assert_int_equal(fakeapi_stop(api), 0);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(ends_with_work_under_way)};
	const char *test = strstr(argv[0], "test/faults/");

	(void)argc;
	snprintf(program, sizeof(program), "%.*sexamples/controller", test ? (int)(test - argv[0]) : 0, argv[0]);
	test_begin();
	return cmocka_run_group_tests_name("faults/controller", tests, NULL, NULL);
}
