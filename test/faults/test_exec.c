/* Exec credential plugins: small shell scripts in a folder of the test's own. */
/* LINK: -Wl,--wrap=syscall */
#include "plugin.h"

#include "client.h"
#include "config/credential.h"
#include "config/exec.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* What plugins give. */

static void test_token(void **state)
{
	struct seen seen;
	struct rig rig;

	put_plugin(CREDENTIAL(V1, TOKEN));
	start(&rig, state, "1", FAKEAPI_CERT_IGNORED, EXEC_V1);
	get(&rig, &seen);
	assert_ok(&seen);
	rig_stop(&rig);
	assert_int_equal(runs(), 1);

	put_plugin(CREDENTIAL(V1BETA1, TOKEN));
	start(&rig, state, "1", FAKEAPI_CERT_IGNORED, EXEC_V1BETA1);
	get(&rig, &seen);
	assert_ok(&seen);
	get(&rig, &seen);
	assert_ok(&seen);
	rig_stop(&rig);
	assert_int_equal(runs(), 1);
}

static void test_certificate(void **state)
{
	struct fakeapi *api;
	struct seen seen;
	struct rig rig;

	put_plugin("cat credential");
	start(&rig, state, NULL, FAKEAPI_CERT_DEMANDED, EXEC_V1);
	api = rig.api;
	put_credential(V1, NULL, fakeapi_client_cert_pem(api), fakeapi_client_key_pem(api));
	get(&rig, &seen);
	assert_ok(&seen);
	assert_string_equal(fakeapi_request(api, 0)->client_cn, "kubeshim-client");
	assert_null(fakeapi_header(fakeapi_request(api, 0), "authorization"));
	get(&rig, &seen);
	assert_ok(&seen);
	assert_int_equal(fakeapi_connections(api), 1);
	rig_stop(&rig);
	assert_int_equal(runs(), 1);
}

/* A 401 brings another certificate, then none, then a token instead. */
static void test_certificate_changes(void **state)
{
	struct fakeapi_route routes[] = {
		{.path = "*/b", .nth = 1, .answer = {.status = 401}},
		{.path = "*/b", .answer = {.body = POD("b")}},
		{.path = "*/c", .nth = 1, .answer = {.status = 401}},
		{.path = "*/c", .answer = {.body = POD("c")}},
		{.answer = {.body = POD("a")}},
	};
	struct fakeapi_options options = {.routes = routes, .route_count = COUNT(routes), .client_cert = FAKEAPI_CERT_ASKED};
	struct seen seen = {0}, b = {0}, c = {0};
	struct fakeapi *api;
	struct rig rig;
	char *user;

	put_plugin("cat credential");
	assert_true(asprintf(&user, "\"exec\":{\"command\":\"%s\",%s}", path_of("plugin"), EXEC_V1) > 0);
	rig_start_with(&rig, state, &options, NULL, user);
	free(user);
	api = rig.api;
	put_credential(V1, SECRET "-1", fakeapi_client_cert_pem(api), fakeapi_client_key_pem(api));
	get(&rig, &seen);
	assert_ok(&seen);
	assert_string_equal(fakeapi_request(api, 0)->client_cn, "kubeshim-client");
	assert_string_equal(fakeapi_header(fakeapi_request(api, 0), "authorization"), "Bearer " SECRET "-1");
	put_credential(V1, NULL, fakeapi_other_cert_pem(api), fakeapi_other_key_pem(api));
	get_pod(&rig, "b", &b);
	assert_ok(&b);
	assert_string_equal(fakeapi_request(api, 1)->client_cn, "kubeshim-client");
	assert_string_equal(fakeapi_request(api, 2)->client_cn, "kubeshim-other");
	assert_null(fakeapi_header(fakeapi_request(api, 2), "authorization"));
	assert_int_not_equal(fakeapi_request(api, 1)->connection, fakeapi_request(api, 2)->connection);
	put_credential(V1, SECRET "-2", NULL, NULL);
	get_pod(&rig, "c", &c);
	assert_ok(&c);
	assert_string_equal(fakeapi_request(api, 3)->client_cn, "kubeshim-other");
	assert_null(fakeapi_request(api, 4)->client_cn);
	assert_string_equal(fakeapi_header(fakeapi_request(api, 4), "authorization"), "Bearer " SECRET "-2");
	assert_int_equal(fakeapi_request_count(api), 5);
	rig_stop(&rig);
	assert_int_equal(runs(), 3);
}

/* How long it lasts. */

static void test_expired_at_once(void **state)
{
	static const char *const bodies[] = {
		CREDENTIAL(V1, TOKEN ",\"expirationTimestamp\":\"2001-02-03T04:05:06Z\""),
		CREDENTIAL(V1, TOKEN ",\"expirationTimestamp\":\"1970-01-01T00:00:00Z\""),
		CREDENTIAL(V1, TOKEN ",\"expirationTimestamp\":\"1960-01-01T00:00:00Z\""),
	};
	struct seen seen;
	struct rig rig;
	unsigned i;
	size_t n;

	for (n = 0; n < COUNT(bodies); n++) {
		put_plugin(bodies[n]);
		start(&rig, state, "1", FAKEAPI_CERT_IGNORED, EXEC_V1);
		for (i = 1; i <= 3; i++) {
			get(&rig, &seen);
			assert_ok(&seen);
			assert_int_equal(runs(), i);
		}
		assert_int_equal(fakeapi_request_count(rig.api), 3);
		rig_stop(&rig);
	}
}

static void test_lasting(void **state)
{
	static const char *const expiries[] = {
		"",
		",\"expirationTimestamp\":null",
		",\"expirationTimestamp\":\"2199-02-03T04:05:06.7+02:00\"",
		",\"expirationTimestamp\":\"0001-01-01T00:00:00Z\"", /* Go's zero time */
	};
	struct seen seen;
	struct rig rig;
	size_t i;
	int n;

	for (i = 0; i < COUNT(expiries); i++) {
		char body[512];

		snprintf(body, sizeof(body), "%s%s}}'", "echo '{\"kind\":\"ExecCredential\",\"apiVersion\":\"" V1
			 "\",\"status\":{" TOKEN, expiries[i]);
		put_plugin(body);
		start(&rig, state, "1", FAKEAPI_CERT_IGNORED, EXEC_V1);
		for (n = 0; n < 20; n++) {
			get(&rig, &seen);
			assert_ok(&seen);
		}
		rig_stop(&rig);
		assert_int_equal(runs(), 1);
	}
}

/* Each run prints another token. */
#define NUMBERED \
	"echo '{\"kind\":\"ExecCredential\",\"apiVersion\":\"" V1 "\",\"status\":{\"token\":\"" SECRET "-'$(wc -l <runs)'\"}}'"

static void test_refused(void **state)
{
	struct seen seen;
	struct rig rig;

	put_plugin(NUMBERED);
	start(&rig, state, "2", FAKEAPI_CERT_IGNORED, EXEC_V1);
	get(&rig, &seen);
	assert_ok(&seen);
	assert_int_equal(runs(), 2);
	assert_int_equal(fakeapi_request_count(rig.api), 2);
	rig_stop(&rig);

	put_plugin(NUMBERED);
	start(&rig, state, "none", FAKEAPI_CERT_IGNORED, EXEC_V1);
	get(&rig, &seen);
	assert_failed(&seen, KSHIM_EUNAUTHORIZED);
	assert_int_equal(runs(), 2);
	assert_int_equal(fakeapi_request_count(rig.api), 2);
	rig_stop(&rig);
}

/* A storm of 401 brings one renewal, not one for each. */
static void test_many_refused(void **state)
{
	enum { MANY = 200 };
	struct seen *seen = calloc(MANY, sizeof(*seen));
	struct rig rig;
	size_t i;

	assert_non_null(seen);
	put_plugin(NUMBERED);
	start(&rig, state, "2", FAKEAPI_CERT_IGNORED, EXEC_V1);
	all_get(&rig, seen, MANY);
	rig_drive(&rig);
	for (i = 0; i < MANY; i++)
		assert_ok(&seen[i]);
	assert_int_equal(runs(), 2);
	/* what was not on the wire yet when the first 401 came was not sent before the renewal */
	assert_true(fakeapi_request_count(rig.api) <= (rig.http == KSHIM_HTTP_2 ? 2 * MANY : MANY + 8));
	rig_stop(&rig);
	free(seen);
}

static double cpu_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static void test_single_flight(void **state)
{
	enum { MANY = 1000 };
	struct seen *seen = calloc(MANY, sizeof(*seen));
	double longest = 0, longest_wall = 0;
	struct pollfd poll_fd = {.events = POLLIN};
	struct rig rig;
	size_t i;
	int rc = 1;

	assert_non_null(seen);
	put_plugin("sleep 2; " CREDENTIAL(V1, TOKEN));
	start(&rig, state, "1", FAKEAPI_CERT_IGNORED, EXEC_V1);
	kshim_client_on_trace(rig.client, NULL, NULL);
	all_get(&rig, seen, MANY);
	poll_fd.fd = kshim_loop_fd(rig.loop);
	while (rc == 1) {
		double cpu = cpu_ms(), wall = wall_ms();

		rc = kshim_loop_process(rig.loop);
		cpu = cpu_ms() - cpu;
		wall = wall_ms() - wall;
		longest = cpu > longest ? cpu : longest;
		longest_wall = wall > longest_wall ? wall : longest_wall;
		if (rc == 1)
			assert_true(poll(&poll_fd, 1, HANG_MS) == 1 || errno == EINTR);
	}
	assert_int_equal(rc, 0);
	for (i = 0; i < MANY; i++)
		assert_ok(&seen[i]);
	assert_int_equal(runs(), 1);
	assert_int_equal(fakeapi_request_count(rig.api), MANY);
	print_message("[   info   ] the longest pass: %.2f ms of CPU, %.2f ms in all\n", longest, longest_wall);
	rig_stop(&rig);
	free(seen);
}

static void get_more(struct seen *seen, kshim_result *result)
{
	(void)result;
	all_get(seen->rig, seen->other, 1);
}

/* All that wait are told of the failure, and only those: what is asked for when
 * the first of them hears of it has the plugin run again. */
static void test_all_refused(void **state)
{
	enum { MANY = 1000 };
	struct seen *seen = calloc(MANY, sizeof(*seen)), more = {0};
	struct rig rig;
	size_t i;

	assert_non_null(seen);
	put_plugin("[ $(wc -l <runs) -gt 1 ] || { sleep 0.2; echo no luck >&2; exit 3; }\n" CREDENTIAL(V1, TOKEN));
	start(&rig, state, "1", FAKEAPI_CERT_IGNORED, EXEC_V1);
	seen[0].on_done = get_more;
	seen[0].rig = &rig;
	seen[0].other = &more;
	all_get(&rig, seen, MANY);
	rig_drive(&rig);
	for (i = 0; i < MANY; i++) {
		assert_failed(&seen[i], KSHIM_ECONFIG);
		assert_contains(seen[i].message, "ended with status 3: no luck");
	}
	assert_ok(&more);
	assert_int_equal(runs(), 2);
	assert_int_equal(fakeapi_request_count(rig.api), 1);
	rig_stop(&rig);
	free(seen);
}

/* What the plugin is told. */

static void test_cluster_info(void **state)
{
	struct fakeapi_route route = {.answer = {.body = POD("a")}};
	struct fakeapi_options options = {.routes = &route, .route_count = 1};
	struct rig rig;
	struct seen seen;
	json_t *info, *cluster;
	char *user, text[65536];

	put_plugin("printf %s \"$KUBERNETES_EXEC_INFO\" >info; " CREDENTIAL(V1, TOKEN));
	assert_true(asprintf(&user, "\"exec\":{\"command\":\"%s\",%s,\"provideClusterInfo\":true}", path_of("plugin"),
			     EXEC_V1) > 0);
	rig_start_with(&rig, state, &options,
		       "\"tls-server-name\":\"kubeshim.test\",\"extensions\":[{\"name\":\"other\",\"extension\":{}},"
		       "{\"name\":\"client.authentication.k8s.io/exec\",\"extension\":{\"audience\":\"me\"}}]", user);
	free(user);
	get(&rig, &seen);
	assert_ok(&seen);
	get_file("info", text, sizeof(text));
	info = json_loads(text, 0, NULL);
	cluster = json_object_get(json_object_get(info, "spec"), "cluster");
	assert_string_equal(json_string_value(json_object_get(info, "kind")), "ExecCredential");
	assert_string_equal(json_string_value(json_object_get(info, "apiVersion")), V1);
	assert_true(json_is_false(json_object_get(json_object_get(info, "spec"), "interactive")));
	assert_string_equal(json_string_value(json_object_get(cluster, "server")), fakeapi_url(rig.api));
	assert_string_equal(json_string_value(json_object_get(cluster, "tls-server-name")), "kubeshim.test");
	assert_true(json_string_length(json_object_get(cluster, "certificate-authority-data")) > 100);
	assert_string_equal(json_string_value(json_object_get(json_object_get(cluster, "config"), "audience")), "me");
	json_decref(info);
	rig_stop(&rig);

	start(&rig, state, "1", FAKEAPI_CERT_IGNORED, EXEC_V1);
	get(&rig, &seen);
	assert_ok(&seen);
	get_file("info", text, sizeof(text));
	assert_string_equal(text, "{\"kind\":\"ExecCredential\",\"apiVersion\":\"" V1 "\",\"spec\":{\"interactive\":false}}");
	rig_stop(&rig);
}

static void test_surroundings(void **state)
{
	struct seen seen;
	struct rig rig;
	char text[4096];

	setenv("KSHIM_TEST_KEPT", "kept", 1);
	setenv("KSHIM_TEST_CHANGED", "old", 1);
	setenv("KUBERNETES_EXEC_INFO", "somebody else's", 1);
	put_plugin("{ for a; do printf '[%s]' \"$a\"; done; echo; echo $KSHIM_TEST_KEPT $KSHIM_TEST_CHANGED $KSHIM_TEST_NEW;\n"
		   "cat; ls -1 /proc/self/fd | wc -l; tr '\\0' '\\n' </proc/$$/environ | grep -c ^KUBERNETES_EXEC_INFO; } >told\n"
		   "printf %s \"$KUBERNETES_EXEC_INFO\" >info\n" CREDENTIAL(V1, TOKEN));
	start(&rig, state, "1", FAKEAPI_CERT_IGNORED,
	      EXEC_V1 ",\"args\":[\"a b\",\"\",\"$HOME\"],\"env\":[{\"name\":\"KSHIM_TEST_CHANGED\",\"value\":\"new\"},"
		      "{\"name\":\"KSHIM_TEST_NEW\",\"value\":\"not this\"},"
		      "{\"name\":\"KUBERNETES_EXEC_INFO\",\"value\":\"nor this\"},"
		      "{\"name\":\"KSHIM_TEST_NEW\",\"value\":\"x=y\"}]");
	get(&rig, &seen);
	assert_ok(&seen);
	get_file("told", text, sizeof(text));
	/* in, out and err, and the folder that ls reads; an input that is empty */
	assert_string_equal(text, "[a b][][$HOME]\nkept new x=y\n4\n1\n");
	get_file("info", text, sizeof(text));
	assert_string_equal(text, "{\"kind\":\"ExecCredential\",\"apiVersion\":\"" V1 "\",\"spec\":{\"interactive\":false}}");
	rig_stop(&rig);
	unsetenv("KUBERNETES_EXEC_INFO");
}

static kshim_client *client_of_file(struct rig *rig, const char *command)
{
	kshim_error *error = NULL;
	kshim_client *client;
	char *text, *ca = base64_member("certificate-authority-data", fakeapi_ca_pem(rig->api));

	assert_true(asprintf(&text,
			     "{\"current-context\":\"x\",\"contexts\":[{\"name\":\"x\",\"context\":{\"cluster\":\"c\","
			     "\"user\":\"u\",\"namespace\":\"ns\"}}],\"clusters\":[{\"name\":\"c\",\"cluster\":{\"server\":"
			     "\"%s\",%s}}],\"users\":[{\"name\":\"u\",\"user\":{\"exec\":{\"command\":\"%s\",%s,"
			     "\"installHint\":\"get it\\u001b\\nat example.org\"}}}]}",
			     fakeapi_url(rig->api), ca, command, EXEC_V1) > 0);
	put_file("config", text, 0600);
	client = kshim_client_open(rig->loop, kshim_config_from_file(path_of("config"), &error), &error);
	if (!client)
		print_error("%s\n", kshim_error_message(error));
	assert_non_null(client);
	watch_client(client);
	free(text);
	free(ca);
	return client;
}

static void get_with(struct rig *rig, const char *command, struct seen *seen)
{
	kshim_client *client = client_of_file(rig, command);
	kshim_query *pods = kshim_query_new(client, KSHIM_POD, NULL);

	memset(seen, 0, sizeof(*seen));
	assert_non_null(started(seen, kshim_query_get_by_name(pods, "a", seen_done, seen)));
	rig_drive(rig);
	kshim_query_free(pods);
	kshim_client_free(client);
}

static void test_where_it_is(void **state)
{
	char *path = strdup(getenv("PATH")), *with;
	struct seen seen;
	struct rig rig;

	put_plugin(CREDENTIAL(V1, TOKEN));
	start(&rig, state, "1", FAKEAPI_CERT_IGNORED, EXEC_V1);
	mkdir(path_of("bin"), 0755);
	rename(path_of("plugin"), path_of("bin/plugin"));
	get_with(&rig, "bin/plugin", &seen);
	assert_ok(&seen);
	get_with(&rig, "./bin/plugin", &seen);
	assert_ok(&seen);
	assert_int_equal(runs(), 2);
	get_with(&rig, "plugin", &seen); /* not in PATH; the kubeconfig's folder is no place to look */
	assert_failed(&seen, KSHIM_ECONFIG);
	assert_contains(seen.message, "user \"u\": the plugin plugin ");
	assert_contains(seen.message, " (get it  at example.org)");
	if (slowness() < 20) /* valgrind's vfork() is a fork(), and posix_spawn() cannot tell */
		assert_contains(seen.message, "cannot be run (get it  at example.org): plugin: No such file");
	assert_true(asprintf(&with, "%s/bin:%s", dir, path) > 0);
	setenv("PATH", with, 1);
	get_with(&rig, "plugin", &seen);
	assert_ok(&seen);
	setenv("PATH", path, 1);
	get_with(&rig, "./plugin", &seen);
	assert_failed(&seen, KSHIM_ECONFIG);
	put_file("text", "no program", 0644);
	get_with(&rig, "./text", &seen);
	assert_failed(&seen, KSHIM_ECONFIG);
	if (slowness() < 20)
		assert_contains(seen.message, "Permission denied");
	assert_int_equal(fakeapi_request_count(rig.api), 3);
	rig_stop(&rig);
	free(with);
	free(path);
}

/* What goes wrong. */

static const struct {
	const char *body, *message, *other;
} failures[] = {
	{"echo \"who are\n  you? \" >&2; exit 3", "ended with status 3: who are   you?", "user \"u\": the plugin /"},
	{"exit 1", "ended with status 1", NULL},
	{"head -c 3000000 /dev/zero | tr '\\0' e >&2; exit 1", "ended with status 1: eeeee", NULL},
	{"kill -TERM $$; sleep 5", "was killed by signal 15", NULL},
	{"head -c 1500000 /dev/zero | tr '\\0' x; sleep 30", "printed more than 1048576 bytes", NULL},
	{"exec cat /dev/zero", "printed more than 1048576 bytes", NULL},
	{":", "no JSON or YAML document", NULL},
	{"echo '{\"token\": " SECRET "'", "no JSON or YAML document", NULL},
	{"echo " SECRET, "it is no ExecCredential", NULL},
	{"echo '[\"" SECRET "\"]'", "it is no ExecCredential", NULL},
	{"echo '{\"kind\":\"ExecCredential\",\"apiVersion\":\"" V1 "\",\"status\":{\"token\":[\"" SECRET "\"]}}'",
	 "neither a token nor a client certificate", NULL},
	{"echo '{\"kind\":\"" SECRET "\",\"apiVersion\":\"" V1 "\",\"status\":{" TOKEN "}}'", "it is no ExecCredential", NULL},
	{"echo '{\"kind\":\"ExecCredential\",\"apiVersion\":\"" V1 "\"}'", "it has no status", NULL},
	{CREDENTIAL(V1BETA1, TOKEN), "its apiVersion is not that of the kubeconfig", NULL},
	{CREDENTIAL("v1", TOKEN), "its apiVersion is not that of the kubeconfig", NULL},
	{CREDENTIAL(V1, "\"token\":\"\""), "neither a token nor a client certificate", NULL},
	{CREDENTIAL(V1, TOKEN ",\"clientKeyData\":\"" SECRET "\""), "only one of", NULL},
	{CREDENTIAL(V1, TOKEN ",\"clientCertificateData\":\"" SECRET "\""), "only one of", NULL},
	{CREDENTIAL(V1, "\"clientCertificateData\":\"" SECRET "\",\"clientKeyData\":\"" SECRET "\""),
	 "the certificate of the plugin /", "it holds no PEM certificate"},
	{CREDENTIAL(V1, "\"token\":\"" SECRET "\\r\\nX: y\""), "its token holds a space or a control character", NULL},
	{CREDENTIAL(V1, TOKEN ",\"expirationTimestamp\":\"tomorrow\""), "its expirationTimestamp is no time", NULL},
	{CREDENTIAL(V1, TOKEN ",\"expirationTimestamp\":\"\""), "its expirationTimestamp is no time", NULL},
	{CREDENTIAL(V1, TOKEN ",\"expirationTimestamp\":4102444800"), "its expirationTimestamp is no time", NULL},
};

static void test_failures(void **state)
{
	struct seen seen;
	struct rig rig;
	size_t i;

	for (i = 0; i < COUNT(failures); i++) {
		put_plugin(failures[i].body);
		start(&rig, state, NULL, FAKEAPI_CERT_IGNORED, EXEC_V1);
		get(&rig, &seen);
		assert_failed(&seen, KSHIM_ECONFIG);
		assert_contains(seen.message, failures[i].message);
		if (failures[i].other)
			assert_contains(seen.message, failures[i].other);
		assert_null(strpbrk(seen.message, "\r\n"));
		assert_true(strlen(seen.message) < 700);
		assert_int_equal(fakeapi_request_count(rig.api), 0);
		/* the next request tries again */
		put_plugin(CREDENTIAL(V1, TOKEN));
		get(&rig, &seen);
		assert_ok(&seen);
		rig_stop(&rig);
	}
}

static void test_other_outputs(void **state)
{
	static const char *const bodies[] = {
		"printf 'apiVersion: " V1 "\\nkind: ExecCredential\\nstatus:\\n  # yes\\n  token: " SECRET "-1\\n'",
		"echo '{\"kind\":\"ExecCredential\",'; sleep 0.05; echo '\"apiVersion\":\"" V1 "\",\"status\":{" TOKEN "}}'",
		/* a child that holds the output open, one that never stops writing into it */
		"sleep 20 & " CREDENTIAL(V1, TOKEN),
		"(sleep 0.3; while sleep 0.01; do echo; done) & " CREDENTIAL(V1, TOKEN),
		CREDENTIAL(V1, TOKEN) "; exec >&-; sleep 0.1",
	};
	double began;
	struct seen seen;
	struct rig rig;
	size_t i;

	for (i = 0; i < COUNT(bodies); i++) {
		put_plugin(bodies[i]);
		start(&rig, state, "1", FAKEAPI_CERT_IGNORED, EXEC_V1);
		began = wall_ms();
		get(&rig, &seen);
		assert_ok(&seen);
		assert_true(wall_ms() - began < 10000);
		rig_stop(&rig);
	}
}

/* A kernel, or a sandbox, without pidfd_open(). */
static void test_without_pidfd(void **state)
{
	no_pidfd = true;
	test_token(state);
	test_failures(state);
	test_other_outputs(state);
	no_pidfd = false;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ALL_VARIANTS(test_token),
		BOTH_HTTP(test_certificate),
		BOTH_HTTP(test_certificate_changes),
		BOTH_DRIVES(test_expired_at_once),
		BOTH_DRIVES(test_lasting),
		BOTH_DRIVES(test_refused),
		ALL_VARIANTS(test_many_refused),
		BOTH_HTTP(test_single_flight),
		ALL_VARIANTS(test_all_refused),
		ONLY_H1(test_cluster_info),
		ONLY_H1(test_surroundings),
		ONLY_H1(test_where_it_is),
		BOTH_DRIVES(test_failures),
		BOTH_DRIVES(test_other_outputs),
		BOTH_DRIVES(test_without_pidfd),
	};

	test_begin();
	return cmocka_run_group_tests_name("exec", tests, make_folder, remove_folder);
}
