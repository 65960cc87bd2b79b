#include "live.h"

#include <time.h>
#include <unistd.h>

#define PAUSE_MS 50
#define PATIENCE 1200         /* pauses: a minute */
#define CONTROLLER_TRIES 200 /* pauses: a cluster that was just started */

struct live *server;
const char *live_http = "2";

static char dask_created[4][300];

const char *live_run(void)
{
	static char run[48];
	static struct timespec begun;

	if (!begun.tv_sec)
		clock_gettime(CLOCK_REALTIME, &begun);
	snprintf(run, sizeof(run), "r%llx%xh%c", (unsigned long long)begun.tv_sec, (unsigned)getpid(), *live_http);
	return run;
}

const char *live_kubeconfig(void)
{
	const char *path = getenv("KUBECONFIG");

	if (path && *path)
		return path;
	/* the second line is for test/run, which counts */
	print_message("SKIPPED: KUBECONFIG is not set, so there is no API server to test against\n"
		      "[  SKIPPED ] 1 test(s).\n");
	return NULL;
}

int live_run_tests(int argc, char **argv, const char *name, const struct CMUnitTest *tests, size_t count,
		   CMFixtureFunction set_up, CMFixtureFunction tear_down)
{
	static const char *const versions[] = {"1.1", "2"};
	char group[100];
	int failed = 0;
	size_t i;

	if (!live_kubeconfig())
		return 0;
	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	for (i = 0; i < 2; i++) {
		live_http = versions[i];
		snprintf(group, sizeof(group), "%s, HTTP/%s", name, versions[i]);
		failed += _cmocka_run_group_tests(group, tests, count, set_up, tear_down);
	}
	return failed || server; /* cmocka forgets a tear-down that failed */
}

static void on_request(const kshim_request_info *info, void *user)
{
	const char *version = kshim_request_info_http_version(info);
	struct live *live = user;

	if (strstr(kshim_request_info_path(info), "watch=true"))
		return; /* those have an HTTP version of their own */
	if (live->requests < LIVE_PATHS)
		snprintf(live->paths[live->requests], sizeof(live->paths[0]), "%s %s",
			 kshim_request_info_method(info), kshim_request_info_path(info));
	live->requests++;
	live->connections += kshim_request_info_new_connection(info) != 0;
	if (kshim_request_info_status(info) && (!version || strcmp(version, live_http) != 0))
		live->wrong_http = true;
}

static void on_warning(const char *text, void *user)
{
	struct live *live = user;

	live->warnings++;
	snprintf(live->warning, sizeof(live->warning), "%s", text);
}

static struct live *open_config(kshim_config *config, const char *context, kshim_loop *loop, kshim_error *error)
{
	struct live *live = calloc(1, sizeof(*live));

	assert_non_null(live);
	if (!config)
		fail_msg("%s", kshim_error_message(error));
	if (kshim_config_use_context(config, context, &error) < 0)
		fail_msg("%s", kshim_error_message(error));
	live->loop = loop ? loop : kshim_loop_new();
	live->own_loop = !loop;
	assert_non_null(live->loop);
	live->client = kshim_client_open(live->loop, config, &error);
	if (!live->client)
		fail_msg("%s", kshim_error_message(error));
	kshim_client_set_http_version(live->client, *live_http == '1' ? KSHIM_HTTP_1_1 : KSHIM_HTTP_2);
	kshim_client_on_request(live->client, on_request, live);
	kshim_client_on_warning(live->client, on_warning, live);
	return live;
}

struct live *live_open(const char *context, kshim_loop *loop)
{
	kshim_error *error = NULL;
	kshim_config *config = kshim_config_from_file(NULL, &error);

	return open_config(config, context, loop, error);
}

struct live *live_open_at(const char *context, kshim_loop *loop, unsigned port)
{
	FILE *in = fopen(live_kubeconfig(), "re"), *out;
	char *line = NULL, *text = NULL;
	const char *server_at;
	kshim_error *error = NULL;
	kshim_config *config;
	size_t len, cap = 0;
	struct live *live;

	assert_non_null(in);
	out = open_memstream(&text, &len);
	while (getline(&line, &cap, in) > 0) {
		server_at = strstr(line, "server: ");
		if (server_at)
			fprintf(out, "%.*sserver: https://127.0.0.1:%u\n", (int)(server_at - line), line, port);
		else
			fputs(line, out);
	}
	fclose(in);
	fclose(out);
	config = kshim_config_from_text(text, len, &error);
	live = open_config(config, context, loop, error);
	free(line);
	free(text);
	return live;
}

void live_close(struct live *live)
{
	if (!live)
		return;
	kshim_client_free(live->client);
	if (live->own_loop)
		kshim_loop_free(live->loop);
	free(live);
}

void live_reset(struct live *live)
{
	live->requests = live->connections = live->warnings = 0;
	live->warning[0] = '\0';
}

bool live_asked(const struct live *live, const char *begin)
{
	unsigned i;

	assert_in_range(live->requests, 0, LIVE_PATHS);
	for (i = 0; i < live->requests; i++)
		if (strncmp(live->paths[i], begin, strlen(begin)) == 0)
			return true;
	return false;
}

bool live_asked_for(const struct live *live, const char *request)
{
	unsigned i;

	for (i = 0; i < live->requests && i < LIVE_PATHS; i++)
		if (strcmp(live->paths[i], request) == 0)
			return true;
	return false;
}

static char *copy(const char *text)
{
	return text ? strdup(text) : NULL;
}

void live_done(kshim_result *result, void *user)
{
	const kshim_error *error = kshim_result_error(result);
	struct answer *answer = user;
	const char *body;

	answer->calls++;
	answer->code = kshim_error_code(error);
	answer->error = error ? kshim_error_copy(error) : NULL;
	answer->status = kshim_result_http_status(result);
	if (kshim_result_object(result))
		answer->object = kshim_object_ref(kshim_result_object(result));
	answer->kind = kshim_kind_ref(kshim_result_kind(result));
	answer->found = kshim_result_found(result);
	answer->count = kshim_result_item_count(result);
	answer->version = copy(kshim_result_resource_version(result));
	answer->next = copy(kshim_result_continue(result));
	answer->content_type = copy(kshim_result_content_type(result));
	answer->consistent = kshim_result_is_consistent(result);
	body = kshim_result_body(result, &answer->len);
	answer->body = body ? strndup(body, answer->len) : NULL;
}

void live_clear(struct answer *answer)
{
	kshim_error_free(answer->error);
	kshim_object_unref(answer->object);
	kshim_kind_unref(answer->kind);
	free(answer->version);
	free(answer->next);
	free(answer->body);
	free(answer->content_type);
	memset(answer, 0, sizeof(*answer));
}

void live_wait(struct live *live, kshim_call *call, struct answer *answer, const char *file, int line)
{
	const char *why = kshim_error_message(kshim_client_error(live->client));

	if (!call) {
		print_error("%s:%d: nothing was started: %s\n", file, line, why ? why : "no reason");
		_fail(file, line);
	}
	_assert_int_equal(answer->calls, 0, file, line);
	_assert_int_equal(kshim_loop_run(live->loop), 0, file, line);
	_assert_int_equal(answer->calls, 1, file, line);
	_assert_true(!live->wrong_http, "no request went over another HTTP version", file, line);
}

void live_expect(const struct answer *answer, kshim_code code, const char *what, const char *file, int line)
{
	if (answer->code == code)
		return;
	print_error("%s:%d: expected %s, got %s (%d): %s\n", file, line, what, kshim_code_name(answer->code),
		    answer->status, answer->error ? kshim_error_message(answer->error) : "");
	_fail(file, line);
}

json_t *live_get(struct live *live, const char *path)
{
	struct answer got = {0};
	json_t *tree;

	ASK(live, &got, kshim_client_request(live->client, "GET", path, NULL, NULL, 0, NULL, live_done, &got));
	EXPECT(&got, KSHIM_OK);
	tree = json_loadb(got.body, got.len, JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(tree);
	live_clear(&got);
	return tree;
}

static void tick(kshim_timer *timer, void *user)
{
	(void)timer;
	*(bool *)user = true;
}

void live_pause(struct live *live, unsigned ms)
{
	bool over = false;
	kshim_timer *timer = kshim_timer_new(live->loop, ms, tick, &over);

	assert_non_null(timer);
	assert_int_equal(kshim_loop_run(live->loop), 0);
	assert_true(over);
	kshim_timer_free(timer);
}

bool live_again(struct live *live, unsigned *tries, const char *what)
{
	if (++*tries > PATIENCE)
		fail_msg("waited long enough for %s", what);
	live_pause(live, PAUSE_MS);
	return true;
}

kshim_manifest *live_manifest(const char *file)
{
	kshim_error *error = NULL;
	kshim_manifest *manifest = kshim_manifest_from_file(file, &error);

	if (!manifest)
		fail_msg("%s", kshim_error_message(error));
	return manifest;
}

static bool is_there(struct live *live, const kshim_kind *kind, const char *namespace_, const char *name)
{
	kshim_query *query = kshim_query_new(live->client, kind, namespace_);
	kshim_object *object = kshim_query_object(query, name);
	struct answer got = {0};
	bool found;

	ASK(live, &got, kshim_object_exists(object, NULL, live_done, &got));
	EXPECT(&got, KSHIM_OK);
	found = got.found;
	kshim_object_unref(object);
	kshim_query_free(query);
	live_clear(&got);
	return found;
}

/* The controllers publish this in every namespace, nobody else does. */
bool live_has_controllers(struct live *live)
{
	static int known = -1;
	unsigned tries;

	if (known >= 0)
		return known;
	for (tries = 0; tries < CONTROLLER_TRIES; tries++) {
		known = is_there(live, KSHIM_CONFIG_MAP, "kube-system", "kube-root-ca.crt");
		if (known)
			return true;
		live_pause(live, PAUSE_MS);
	}
	print_message("SKIPPED: there is no controller manager, so nothing that its controllers do is tested\n");
	return false;
}

unsigned live_minor(struct live *live)
{
	static unsigned minor;
	json_t *version;

	if (minor)
		return minor;
	version = live_get(live, "/version");
	/* with a "+" behind it where the server was changed */
	minor = (unsigned)strtoul(json_string_value(json_object_get(version, "minor")), NULL, 10);
	assert_true(minor > 0);
	json_decref(version);
	return minor;
}

/* Pods are refused until the controllers made the account that they run as. */
void live_make_namespace(struct live *live)
{
	struct answer got = {0};
	kshim_object *object;
	unsigned tries = 0;
	char text[200];

	snprintf(live->namespace_, sizeof(live->namespace_), "kubeshim-%s", live_run());
	snprintf(text, sizeof(text), "{\"apiVersion\":\"v1\",\"kind\":\"Namespace\",\"metadata\":{\"name\":\"%s\"}}",
		 live->namespace_);
	object = kshim_object_from_text(live->client, text, strlen(text));
	ASK(live, &got, kshim_object_create(object, NULL, live_done, &got));
	EXPECT(&got, KSHIM_OK);
	kshim_object_unref(object);
	live_clear(&got);
	if (!live_has_controllers(live))
		return;
	while (!is_there(live, KSHIM_SERVICE_ACCOUNT, live->namespace_, "default"))
		live_again(live, &tries, "the ServiceAccount \"default\"");
}

void live_remove_namespace(struct live *live)
{
	kshim_query *namespaces = kshim_query_new(live->client, KSHIM_NAMESPACE, NULL);
	kshim_object *object = kshim_query_object(namespaces, live->namespace_);
	struct answer got = {0};

	ASK(live, &got, kshim_object_delete(object, NULL, live_done, &got));
	EXPECT(&got, KSHIM_OK);
	kshim_object_unref(object);
	kshim_query_free(namespaces);
	live_clear(&got);
}

int live_set_up(void **state)
{
	(void)state;
	assert_null(server);
	server = live_open("admin", NULL);
	live_make_namespace(server);
	return 0;
}

int live_tear_down(void **state)
{
	(void)state;
	live_remove_namespace(server);
	live_close(server);
	server = NULL;
	return 0;
}

/* A CRD is served some time after it was created. */
static void wait_for_dask(struct live *live)
{
	struct answer got = {0};
	unsigned tries = 0;
	int i;

	for (i = KSHIM_KIND_DASK_CLUSTER; i <= KSHIM_KIND_DASK_AUTOSCALER; i++) {
		kshim_query *query = kshim_query_new(live->client, kshim_kind_builtin((kshim_builtin)i), "default");

		do {
			ASK(live, &got, kshim_query_list(query, NULL, live_done, &got));
		} while (got.code != KSHIM_OK && live_again(live, &tries, "the Dask kinds"));
		kshim_query_free(query);
	}
	live_clear(&got);
}

void live_make_dask(struct live *live)
{
	kshim_manifest *crds = live_manifest("test/cluster/dask-crds.yaml");
	kshim_options *options = kshim_options_new();
	struct answer got = {0};
	size_t i;

	kshim_options_set_field_manager(options, "kubeshim-test");
	assert_int_equal(kshim_manifest_count(crds), 4);
	for (i = 0; i < 4; i++) {
		kshim_object *crd = kshim_manifest_object(crds, i, live->client);

		ASK(live, &got, kshim_object_apply(crd, options, live_done, &got));
		EXPECT(&got, KSHIM_OK);
		if (got.status == 201)
			snprintf(dask_created[i], sizeof(dask_created[i]), "%s", kshim_object_name(crd));
		kshim_object_unref(crd);
	}
	live_clear(&got);
	kshim_options_free(options);
	kshim_manifest_free(crds);
	wait_for_dask(live);
}

void live_remove_dask(struct live *live)
{
	kshim_query *crds = kshim_query_new(live->client, KSHIM_CUSTOM_RESOURCE_DEFINITION, NULL);
	struct answer got = {0};
	unsigned tries = 0;
	size_t i;

	for (i = 0; i < 4; i++) {
		kshim_object *crd;

		if (!*dask_created[i])
			continue;
		crd = kshim_query_object(crds, dask_created[i]);
		ASK(live, &got, kshim_object_delete(crd, NULL, live_done, &got));
		EXPECT(&got, KSHIM_OK);
		/* until it is gone nobody can create it again */
		do {
			ASK(live, &got, kshim_object_exists(crd, NULL, live_done, &got));
			EXPECT(&got, KSHIM_OK);
		} while (got.found && live_again(live, &tries, "a CRD to go"));
		kshim_object_unref(crd);
	}
	live_clear(&got);
	kshim_query_free(crds);
}
