/* Every allocation on the way to a credential fails once. */
/* LINK: -Wl,--wrap=kshim__malloc,--wrap=kshim__calloc,--wrap=kshim__realloc,--wrap=kshim__memdup,--wrap=kshim__strdup */
#include "../testutil.h"
#include "../unit/failalloc.h"
#include "folder.h"
#include "issuer.h"

#include <unistd.h>

static const struct fakeapi_route routes[] = {
	{.path = "/.well-known/*", .generate = discover},
	{.path = "/token", .answer = {.body = "{\"id_token\":\"" VALID "\",\"refresh_token\":\"" SECRET "-new\"}"}},
	{.answer = {.body = POD("a")}},
};

/* true: the i-th allocation did fail. */
static bool one(const struct fakeapi *api, const char *user, long i)
{
	char *ca = base64_member("certificate-authority-data", fakeapi_ca_pem(api)), *text;
	kshim_loop *loop = kshim_loop_new();
	kshim_error *error = NULL;
	struct seen seen = {0};
	kshim_client *client;
	kshim_query *pods = NULL;
	bool failed, whole;

	assert_non_null(loop);
	assert_true(asprintf(&text,
			     "{\"current-context\":\"x\",\"contexts\":[{\"name\":\"x\",\"context\":{\"cluster\":\"c\","
			     "\"user\":\"u\",\"namespace\":\"ns\"}}],\"clusters\":[{\"name\":\"c\",\"cluster\":{\"server\":"
			     "\"%s\",%s}}],\"users\":[{\"name\":\"u\",\"user\":{%s}}]}", fakeapi_url(api), ca, user) > 0);
	put_file("config", text, 0600);
	failalloc_arm(i, false);
	client = kshim_client_open(loop, kshim_config_from_file(path_of("config"), &error), &error);
	shown(kshim_error_message(error));
	if (client)
		watch_client(client);
	if (client)
		pods = kshim_query_new(client, KSHIM_POD, NULL);
	if (pods && started(&seen, kshim_query_get_by_name(pods, "a", seen_done, &seen))) {
		assert_int_equal(kshim_loop_run(loop), 0);
		assert_int_equal(seen.done, 1);
	}
	failed = failalloc_disarm();
	assert_null(strstr(seen.message, "status 9"));
	if (!failed)
		assert_ok(&seen);
	/* whatever happened, the file is whole: the old one or the new one */
	kshim_query_free(pods);
	kshim_client_free(client);
	kshim_error_free(error);
	error = NULL;
	pods = NULL;
	client = kshim_client_open(loop, kshim_config_from_file(path_of("config"), &error), &error);
	whole = client != NULL;
	kshim_client_free(client);
	kshim_error_free(error);
	assert_true(whole);
	assert_int_equal(access(path_of("config.lock"), F_OK), -1);
	kshim_loop_free(loop);
	free(text);
	free(ca);
	return failed;
}

static void sweep(const char *user)
{
	struct fakeapi_options options = {.routes = routes, .route_count = COUNT(routes)};
	int fds = open_fds();
	struct fakeapi *api;
	long i, step = slowness() > 1 ? 3 : 1;

	if (!failalloc_works())
		skip();
	api = fakeapi_start(&options);
	assert_non_null(api);
	for (i = 0; one(api, user, i); i += step)
		;
	print_message("[   info   ] %ld allocations\n", i);
	assert_true(i > 40);
	assert_int_equal(fakeapi_stop(api), 0);
	assert_fds(fds);
}

static void test_exec(void **state)
{
	char *user, *text;

	(void)state;
	assert_true(asprintf(&text, "#!/bin/sh\ncase $KUBERNETES_EXEC_INFO in *authority-data*) ;; *) exit 9;; esac\n"
			     "echo '{\"kind\":\"ExecCredential\",\"apiVersion\":"
			     "\"client.authentication.k8s.io/v1\",\"status\":{\"token\":\"" SECRET "\"}}'\n") > 0);
	put_file("plugin", text, 0755);
	free(text);
	assert_true(asprintf(&user, "\"exec\":{\"command\":\"%s\",\"args\":[\"a\"],\"env\":[{\"name\":\"A\",\"value\":\"b\"}],"
			     "\"provideClusterInfo\":true,\"installHint\":\"h\",\"interactiveMode\":\"Never\","
			     "\"apiVersion\":\"client.authentication.k8s.io/v1\"}", path_of("plugin")) > 0);
	sweep(user);
	free(user);
}

static void test_oidc(void **state)
{
	struct fakeapi_options options = {.routes = routes, .route_count = COUNT(routes)};
	struct fakeapi *api = fakeapi_start(&options);
	long i, step = slowness() > 1 ? 3 : 1;
	char *user, *ca;

	(void)state;
	assert_non_null(api);
	ca = base64_member("idp-certificate-authority-data", fakeapi_ca_pem(api));
	assert_true(asprintf(&user, "\"auth-provider\":{\"name\":\"oidc\",\"config\":{\"client-id\":\"c\",\"client-secret\":"
			     "\"" SECRET "\",\"id-token\":\"e30.eyJleHAiOjF9." SECRET "\",\"refresh-token\":\"" SECRET "\",\"idp-issuer-url\":\"%s\",%s}}",
			     fakeapi_url(api), ca) > 0);
	for (i = 0; failalloc_works() && one(api, user, i); i += step)
		;
	print_message("[   info   ] %ld allocations\n", i);
	assert_int_equal(fakeapi_stop(api), 0);
	free(user);
	free(ca);
}

static void test_gcp(void **state)
{
	char *user;

	(void)state;
	put_file("command", "#!/bin/sh\necho access_token: " SECRET "\n", 0755);
	assert_true(asprintf(&user, "\"auth-provider\":{\"name\":\"gcp\",\"config\":{\"cmd-path\":\"%s\",\"cmd-args\":\"a b\"}}",
			     path_of("command")) > 0);
	sweep(user);
	free(user);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_exec),
		cmocka_unit_test(test_oidc),
		cmocka_unit_test(test_gcp),
	};

	test_begin();
	return cmocka_run_group_tests_name("credential_memory", tests, make_folder, remove_folder);
}
