/*
 * No memory that the library lets go of has a secret in it: of each kind of credential,
 * from the kubeconfig to the free of the client, also where memory runs out on the way.
 */
/* LINK: -Wl,--wrap=kshim__malloc,--wrap=kshim__calloc,--wrap=kshim__realloc,--wrap=kshim__memdup,--wrap=kshim__strdup,--wrap=free */
#include "folder.h"
#include "issuer.h"
#include "secretwatch.h"

#include <unistd.h>

/* {"exp":1} */
#define EXPIRED "e30.eyJleHAiOjF9." SECRET

static const struct fakeapi_route routes[] = {
	{.path = "/.well-known/*", .generate = discover},
	{.path = "/token", .answer = {.body = "{\"id_token\":\"" VALID "\",\"refresh_token\":\"" SECRET "-new\",\"more\":\"\\u0041"
			SECRET "\"}"}},
	{"GET", LIST_PATH "/a", .nth = 2, .answer = {.status = 401, .body = "{}"}},
	{.answer = {.body = POD("a")}},
};

/* In a file of its own, as JSON and as YAML, read by the way of kshim_config_from_file(). */
static void write_config(const struct fakeapi *api, const char *user, bool yaml)
{
	char *ca = base64_member("certificate-authority-data", fakeapi_ca_pem(api)), *text;

	assert_true(asprintf(&text,
			     "%s{\"current-context\":\"x\",\"contexts\":[{\"name\":\"x\",\"context\":{\"cluster\":\"c\","
			     "\"user\":\"u\",\"namespace\":\"ns\"}}],\"clusters\":[{\"name\":\"c\",\"cluster\":{\"server\":"
			     "\"%s\",%s}}],\"users\":[{\"name\":\"u\",\"user\":{%s}}]}", yaml ? "# yaml\n" : "", fakeapi_url(api), ca,
			     user) > 0);
	put_file("config", text, 0600);
	free(text);
	free(ca);
}

/* Three times, a 401 between. */
static void get_pods(kshim_loop *loop, kshim_client *client, bool well)
{
	kshim_query *pods = kshim_query_new(client, KSHIM_POD, NULL);
	unsigned i;

	for (i = 0; i < 3; i++) {
		struct seen seen = {0};
		kshim_call *call = started(&seen, kshim_query_get_by_name(pods, "a", seen_done, &seen));

		assert_true(call || !well);
		assert_int_equal(kshim_loop_run(loop), 0);
		assert_int_equal(seen.done, call != NULL);
		assert_true(i != 0 || !well || !seen.has_error);
	}
	kshim_query_free(pods);
}

static void use(bool well)
{
	kshim_loop *loop = kshim_loop_new();
	kshim_error *error = NULL;
	kshim_client *client = NULL;
	char path[256];

	snprintf(path, sizeof(path), "%s/config", dir);
	if (loop)
		client = kshim_client_open(loop, kshim_config_from_file(path, &error), &error);
	if (!client && well)
		fail_msg("no client: %s", kshim_error_message(error));
	if (client)
		get_pods(loop, client, well);
	kshim_client_free(client);
	kshim_error_free(error);
	kshim_loop_free(loop);
}

static void check(const char *how, long at)
{
	unsigned count = secrets_let_go;

	secrets_let_go = 0;
	if (count)
		fail_msg("%s, allocation %ld: %u times, first: %s", how, at, count, first_let_go);
}

/* In `user` %1$s is the server's URL, %2$s its authority as an OIDC provider's. */
static void nothing_let_go(const char *user)
{
	struct fakeapi_options options = {.routes = routes, .route_count = COUNT(routes)};
	static const char *const how[] = {"JSON", "YAML"};
	unsigned yaml;

	for (yaml = 0; yaml < 2; yaml++) {
		struct fakeapi *api = fakeapi_start(&options);
		char *whole, *ca;
		long count, at;

		assert_non_null(api);
		ca = base64_member("idp-certificate-authority-data", fakeapi_ca_pem(api));
		assert_true(asprintf(&whole, user, fakeapi_url(api), ca) > 0);
		free(ca);
		write_config(api, whole, yaml);
		allocations = secrets_let_go = 0;
		use(true);
		check(how[yaml], -1);
		for (at = yaml, count = allocations; at < count; at += 5 * slowness()) {
			write_config(api, whole, yaml);
			allocations = 0;
			failing = at;
			use(false);
			failing = -1;
			check(how[yaml], at);
		}
		free(whole);
		assert_int_equal(fakeapi_stop(api), 0);
	}
}

static void test_inline(void **state)
{
	(void)state;
	nothing_let_go("\"token\":\"" SECRET "\"");
	nothing_let_go("\"token\":\"" SECRET "-\\u0041-and-what-makes-it-longer-than-the-room-that-a-buffer-begins-with\"");
	nothing_let_go("\"username\":\"me\",\"password\":\"" SECRET "\"");
}

static void test_token_file(void **state)
{
	char *user;

	(void)state;
	put_file("token", SECRET "\n", 0600);
	assert_true(asprintf(&user, "\"tokenFile\":\"%s/token\"", dir) > 0);
	nothing_let_go(user);
	free(user);
}

static void test_certificate(void **state)
{
	struct fakeapi_options options = {.routes = routes, .route_count = COUNT(routes)};
	struct fakeapi *authority = fakeapi_start(&options);
	char *cert, *key, *user;

	(void)state;
	assert_non_null(authority);
	cert = base64_member("client-certificate-data", fakeapi_client_cert_pem(authority));
	key = base64_member("client-key-data", fakeapi_client_key_pem(authority));
	assert_true(asprintf(&user, "%s,%s", cert, key) > 0);
	nothing_let_go(user);
	free(user);
	put_file("cert", fakeapi_client_cert_pem(authority), 0600);
	put_file("key", fakeapi_client_key_pem(authority), 0600);
	assert_true(asprintf(&user, "\"client-certificate\":\"%s/cert\",\"client-key\":\"%s/key\"", dir, dir) > 0);
	nothing_let_go(user);
	free(user);
	free(cert);
	free(key);
	assert_int_equal(fakeapi_stop(authority), 0);
}

static void test_exec(void **state)
{
	char *user;

	(void)state;
	put_file("plugin", "#!/bin/sh\nsleep 0.01\nprintf '{\"kind\":\"ExecCredential\",\"apiVersion\":\"client.authentication.k8s.io/v1\","
		 "\"status\":{'\nsleep 0.01\necho '\"token\":\"" SECRET "\",\"unused\":\"" SECRET "\"}}'\necho " SECRET " >&2\n", 0755);
	assert_true(asprintf(&user, "\"exec\":{\"command\":\"%s/plugin\",\"interactiveMode\":\"Never\",\"env\":[{\"name\":\"A\",\"value\":\""
			     SECRET "\"}],\"args\":[\"" SECRET "\"],\"apiVersion\":\"client.authentication.k8s.io/v1\"}", dir) > 0);
	nothing_let_go(user);
	free(user);
}

static void test_oidc(void **state)
{
	(void)state;
	nothing_let_go("\"auth-provider\":{\"name\":\"oidc\",\"config\":{\"client-id\":\"c\",\"client-secret\":\"" SECRET
		       "\",\"id-token\":\"" VALID "\",\"refresh-token\":\"" SECRET "\",\"idp-issuer-url\":\"%1$s\",%2$s}}");
	nothing_let_go("\"auth-provider\":{\"name\":\"oidc\",\"config\":{\"client-id\":\"c\",\"client-secret\":\"" SECRET
		       "\",\"id-token\":\"" EXPIRED "\",\"refresh-token\":\"" SECRET "\",\"idp-issuer-url\":\"%1$s\",%2$s}}");
}

static void test_gcp(void **state)
{
	char *user;

	(void)state;
	put_file("command", "#!/bin/sh\necho access_token: " SECRET "\n", 0755);
	assert_true(asprintf(&user, "\"auth-provider\":{\"name\":\"gcp\",\"config\":{\"access-token\":\"" SECRET "\",\"cmd-path\":"
			     "\"%s/command\"}}", dir) > 0);
	nothing_let_go(user);
	free(user);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_inline), cmocka_unit_test(test_token_file), cmocka_unit_test(test_certificate),
		cmocka_unit_test(test_exec),   cmocka_unit_test(test_oidc),	     cmocka_unit_test(test_gcp),
	};

	test_begin();
	secretwatch_begin();
	return cmocka_run_group_tests_name("faults/cleansing", tests, make_folder, remove_folder);
}
