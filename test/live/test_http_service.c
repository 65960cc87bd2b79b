/* examples/http_service answers what the API server does, by curl: objects, an index, a
 * namespace, and after changes what they made. */
#include "live.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

static char program[500]; /* of the same build as this one */
static pid_t service;
static char url[64], node[64];

/* The body, NULL where there is none; *status is the HTTP status. */
static json_t *ask_service(const char *path, int *status)
{
	char command[500], *text = malloc(1 << 20), *last;
	json_t *tree;
	size_t len;
	FILE *out;

	assert_non_null(text);
	snprintf(command, sizeof(command), "curl -sS --noproxy '*' --max-time 60 -w '\\n%%{http_code}' '%s%s'", url, path);
	out = popen(command, "re");
	assert_non_null(out);
	len = fread(text, 1, (1 << 20) - 1, out);
	text[len] = '\0';
	assert_int_equal(pclose(out), 0);
	last = strrchr(text, '\n');
	assert_non_null(last);
	*last = '\0';
	*status = atoi(last + 1);
	tree = *text ? json_loads(text, JSON_REJECT_DUPLICATES, NULL) : NULL;
	assert_true(tree || !*text);
	free(text);
	return tree;
}

static int status_of(const char *path)
{
	int status;

	json_decref(ask_service(path, &status));
	return status;
}

/* An object as a cache without managedFields holds it; an item of a list gets its kind. */
static void trim(json_t *object, const char *kind)
{
	json_object_set_new(object, "kind", json_string(kind));
	json_object_set_new(object, "apiVersion", json_string("v1"));
	json_object_del(json_object_get(object, "metadata"), "managedFields");
}

/* The items by their names: new. */
static json_t *by_name(json_t *list, const char *kind)
{
	json_t *items = json_object_get(list, "items"), *item, *names = json_object();
	size_t i;

	assert_true(json_is_array(items));
	json_array_foreach(items, i, item) {
		trim(item, kind);
		json_object_set(names, json_string_value(json_object_get(json_object_get(item, "metadata"), "name")), item);
	}
	assert_int_equal(json_object_size(names), json_array_size(items));
	return names;
}

/* The service's answer gets to be the API server's, of `count` items (-1: one object). */
static void expect_same(const char *path, const char *api_path, const char *kind, int count)
{
	json_t *ours, *theirs;
	unsigned tries = 0;
	bool same;
	int status;

	do {
		ours = ask_service(path, &status);
		theirs = live_get(server, api_path);
		if (count < 0) {
			trim(theirs, kind);
			same = json_equal(ours, theirs);
		} else {
			json_t *a = status == 200 ? by_name(ours, kind) : json_null(), *b = by_name(theirs, kind);

			assert_int_equal(json_object_size(b), count);
			same = json_equal(a, b);
			json_decref(a);
			json_decref(b);
		}
		json_decref(ours);
		json_decref(theirs);
	} while (!same && live_again(server, &tries, path));
}

static void create(json_t *tree)
{
	kshim_object *object = kshim_object_new(server->client, tree);
	struct answer got = {0};

	ASK(server, &got, kshim_object_create(object, NULL, live_done, &got));
	EXPECT(&got, KSHIM_OK);
	live_clear(&got);
	kshim_object_unref(object);
}

static void create_pod(const char *name, const char *on)
{
	create(json_pack("{s:s, s:s, s:{s:s, s:s}, s:{s:s, s:[{s:s, s:s}]}}", "apiVersion", "v1", "kind", "Pod", "metadata",
			 "name", name, "namespace", server->namespace_, "spec", "nodeName", on, "containers", "name", "c",
			 "image", "kubeshim.test/none"));
}

static void create_service(const char *name)
{
	create(json_pack("{s:s, s:s, s:{s:s, s:s}, s:{s:[{s:i}]}}", "apiVersion", "v1", "kind", "Service", "metadata", "name",
			 name, "namespace", server->namespace_, "spec", "ports", "port", 80));
}

static void answers_like_the_server(void **state)
{
	char pod[200], pod_api[200], on_node[200], on_node_api[200], services[200], services_api[200];
	struct answer got = {0};
	kshim_object *object;
	kshim_query *pods = kshim_query_new(server->client, KSHIM_POD, server->namespace_);
	unsigned tries = 0;

	(void)state;
	snprintf(pod, sizeof(pod), "/pods/%s/a", server->namespace_);
	snprintf(pod_api, sizeof(pod_api), "/api/v1/namespaces/%s/pods/a", server->namespace_);
	snprintf(on_node, sizeof(on_node), "/pods?node=%s", node);
	snprintf(on_node_api, sizeof(on_node_api), "/api/v1/pods?fieldSelector=spec.nodeName%%3D%s", node);
	snprintf(services, sizeof(services), "/services/%s", server->namespace_);
	snprintf(services_api, sizeof(services_api), "/api/v1/namespaces/%s/services", server->namespace_);
	while (status_of(services) == 503 && live_again(server, &tries, "the caches to be whole"))
		;
	assert_int_equal(status_of(pod), 404);
	create_pod("a", node);
	create_pod("b", node);
	create_pod("c", "elsewhere");
	create_service("one");
	create_service("two");
	expect_same(pod, pod_api, "Pod", -1);
	expect_same(on_node, on_node_api, "Pod", 2);
	expect_same(services, services_api, "Service", 2);
	object = kshim_query_object(pods, "a");
	ASK(server, &got, kshim_object_label(object, "changed", "yes", NULL, live_done, &got));
	EXPECT(&got, KSHIM_OK);
	expect_same(pod, pod_api, "Pod", -1);
	ASK(server, &got, kshim_object_delete(object, NULL, live_done, &got));
	EXPECT(&got, KSHIM_OK);
	live_clear(&got);
	kshim_object_unref(object);
	kshim_query_free(pods);
}

static void deletes_are_seen(void **state)
{
	kshim_options *now = kshim_options_new();
	kshim_query *pods = kshim_query_new(server->client, KSHIM_POD, server->namespace_);
	kshim_object *b = kshim_query_object(pods, "b");
	struct answer got = {0};
	unsigned tries = 0;
	char path[200];

	(void)state;
	kshim_options_set_grace_period(now, 0);
	ASK(server, &got, kshim_object_delete(b, now, live_done, &got));
	EXPECT(&got, KSHIM_OK);
	snprintf(path, sizeof(path), "/pods/%s/b", server->namespace_);
	while (status_of(path) != 404 && live_again(server, &tries, "a deleted Pod to be gone"))
		;
	live_clear(&got);
	kshim_object_unref(b);
	kshim_query_free(pods);
	kshim_options_free(now);
}

static void what_is_not_there(void **state)
{
	json_t *none;
	int status;

	(void)state;
	assert_int_equal(status_of("/"), 404);
	assert_int_equal(status_of("/pods"), 404);
	assert_int_equal(status_of("/pods/default"), 404);
	none = ask_service("/pods?node=nobody", &status);
	assert_int_equal(status, 200);
	assert_int_equal(json_array_size(json_object_get(none, "items")), 0);
	assert_non_null(json_object_get(none, "items"));
	json_decref(none);
}

static void start_service(void)
{
	int fds[2];
	FILE *out;

	assert_int_equal(pipe(fds), 0);
	service = fork();
	if (service == 0) {
		dup2(fds[1], 1);
		close(fds[0]);
		close(fds[1]);
		execl(program, program, "0", NULL);
		_exit(127);
	}
	close(fds[1]);
	out = fdopen(fds[0], "r");
	assert_non_null(out);
	assert_non_null(fgets(url, sizeof(url), out));
	url[strcspn(url, "\n")] = '\0';
	fclose(out);
}

static void ends_when_told(void **state)
{
	int status;

	(void)state;
	kill(service, SIGTERM);
	assert_int_equal(waitpid(service, &status, 0), service);
	service = 0;
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

static int set_up(void **state)
{
	live_set_up(state);
	snprintf(node, sizeof(node), "node-%s", live_run());
	start_service();
	return 0;
}

static int tear_down(void **state)
{
	if (service)
		kill(service, SIGKILL);
	return live_tear_down(state);
}

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers_like_the_server),
		cmocka_unit_test(deletes_are_seen),
		cmocka_unit_test(what_is_not_there),
		cmocka_unit_test(ends_when_told),
	};
	const char *end = strstr(argv[0], "/test/live/");

	if (!live_kubeconfig())
		return 0;
	snprintf(program, sizeof(program), "%.*s/examples/http_service", end ? (int)(end - argv[0]) : 5,
		 end ? argv[0] : "build");
	if (access(program, X_OK) != 0 && system("pkg-config --exists libevent") != 0) {
		print_message("SKIPPED: there is no libevent to build examples/http_service.c with\n[  SKIPPED ] 1 test(s).\n");
		return 0;
	}
	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests(tests, set_up, tear_down) || server; /* cmocka forgets a tear-down that failed */
}
