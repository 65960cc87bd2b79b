/* Exec credential plugins: small shell scripts in a folder of the test's own. */
/* LINK: -Wl,--wrap=syscall */
#include "../testutil.h"

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

#define V1 "client.authentication.k8s.io/v1"
#define V1BETA1 "client.authentication.k8s.io/v1beta1"

static char dir[] = "/tmp/kshim-exec-XXXXXX";

static char *path_of(const char *name)
{
	static char path[4][256];
	static unsigned at;

	at = (at + 1) % 4;
	snprintf(path[at], sizeof(path[at]), "%s/%s", dir, name);
	return path[at];
}

static void put_file(const char *name, const char *text, mode_t mode)
{
	FILE *file = fopen(path_of(name), "we");

	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(chmod(path_of(name), mode), 0);
}

static void get_file(const char *name, char *text, size_t room)
{
	FILE *file = fopen(path_of(name), "re");

	assert_non_null(file);
	text[fread(text, 1, room - 1, file)] = '\0';
	fclose(file);
}

/* The plugin: a script that notes its runs. */
static void put_plugin(const char *body)
{
	char *text;

	unlink(path_of("runs"));
	assert_true(asprintf(&text, "#!/bin/sh\ncd %s\necho $$ >>runs\n%s\n", dir, body) > 0);
	put_file("plugin", text, 0755);
	free(text);
}

static unsigned runs(void)
{
	FILE *file = fopen(path_of("runs"), "re");
	unsigned count = 0;
	int c;

	while (file && (c = getc(file)) != EOF)
		count += c == '\n';
	if (file)
		fclose(file);
	return count;
}

static pid_t last_pid(void)
{
	char text[4096] = "", *at;

	get_file("runs", text, sizeof(text));
	at = strrchr(text, '\n');
	assert_non_null(at);
	*at = '\0';
	at = strrchr(text, '\n');
	return (pid_t)atoi(at ? at + 1 : text);
}

static bool has_run(void *user)
{
	(void)user;
	return runs() > 0;
}

#define CREDENTIAL(version, status) \
	"echo '{\"kind\":\"ExecCredential\",\"apiVersion\":\"" version "\",\"spec\":{},\"status\":{" status "}}'"
#define TOKEN "\"token\":\"" SECRET "-1\""

/* A credential with PEM in it, for the script to print. */
static void put_credential(const char *version, const char *token, const char *cert, const char *key)
{
	json_t *answer = json_pack("{s:s, s:s, s:{s:s*, s:s*, s:s*}}", "kind", "ExecCredential", "apiVersion", version,
				   "status", "token", token, "clientCertificateData", cert, "clientKeyData", key);
	char *text = json_dumps(answer, 0);

	assert_non_null(text);
	put_file("credential", text, 0600);
	free(text);
	json_decref(answer);
}

/* A kernel, or a sandbox, without pidfd_open(). */

static bool no_pidfd;

long __real_syscall(long number, ...);
long __wrap_syscall(long number, ...);

long __wrap_syscall(long number, ...)
{
	long argument[4];
	va_list ap;
	size_t i;

	if (no_pidfd && number == SYS_pidfd_open) {
		errno = ENOSYS;
		return -1;
	}
	va_start(ap, number);
	for (i = 0; i < COUNT(argument); i++)
		argument[i] = va_arg(ap, long);
	va_end(ap);
	return __real_syscall(number, argument[0], argument[1], argument[2], argument[3]);
}

/* The server. */

/* 401 but for the tokens that the test accepts, told by their number's end. */
static void guard(void *ctx, const struct fakeapi_request *request, struct fakeapi_answer *out)
{
	const char *accepted = ctx, *header = fakeapi_header(request, "authorization");
	size_t len = strlen("Bearer " SECRET "-");

	if (accepted && (!header || strncmp(header, "Bearer " SECRET "-", len) != 0 || strcmp(header + len, accepted) != 0)) {
		out->status = 401;
		out->body = "{\"kind\":\"Status\",\"message\":\"Unauthorized\",\"reason\":\"Unauthorized\",\"code\":401}";
	}
}

static void start(struct rig *rig, void **state, const char *accepted, enum fakeapi_client_cert client_cert,
		  const char *exec)
{
	struct fakeapi_route route = {.answer = {.body = POD("a")}, .generate = guard, .ctx = (void *)(uintptr_t)accepted};
	struct fakeapi_options options = {.routes = &route, .route_count = 1, .client_cert = client_cert};
	char *user;

	assert_true(asprintf(&user, "\"exec\":{\"command\":\"%s\",%s}", path_of("plugin"), exec) > 0);
	rig_start_with(rig, state, &options, NULL, user);
	free(user);
}

#define EXEC_V1 "\"apiVersion\":\"" V1 "\",\"interactiveMode\":\"Never\""
#define EXEC_V1BETA1 "\"apiVersion\":\"" V1BETA1 "\""

static void get(struct rig *rig, struct seen *seen)
{
	memset(seen, 0, sizeof(*seen));
	get_pod(rig, "a", seen);
}

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

static void all_get(struct rig *rig, struct seen *seen, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++)
		assert_non_null(started(&seen[i], kshim_query_get_by_name(rig->pods, "a", seen_done, &seen[i])));
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

static double wall_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
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

/* Whether one of the group is there that is not dead. (Who reaps orphans here may
 * be slow.) */
static bool group_lives(pid_t group)
{
	DIR *proc = opendir("/proc");
	struct dirent *entry;
	bool lives = false;

	assert_non_null(proc);
	while ((entry = readdir(proc))) {
		char path[300], state;
		int parent, its;
		FILE *stat;

		snprintf(path, sizeof(path), "/proc/%s/stat", entry->d_name);
		stat = *entry->d_name >= '1' && *entry->d_name <= '9' ? fopen(path, "re") : NULL;
		if (!stat)
			continue;
		if (fscanf(stat, "%*d (%*[^)]) %c %d %d", &state, &parent, &its) == 3 && its == group && state != 'Z')
			lives = true;
		fclose(stat);
	}
	closedir(proc);
	return lives;
}

/* No child of ours is left, not even a dead one. (But for the server.) */
static void assert_gone(pid_t pid)
{
	int turns;

	assert_int_equal(waitpid(pid, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
	for (turns = 0; turns < 200 && group_lives(pid); turns++)
		usleep(5000);
	assert_false(group_lives(pid));
}

static void test_hangs(void **state)
{
	struct seen seen;
	struct rig rig;

	put_plugin("echo thinking >&2; sleep 100 & sleep 100");
	start(&rig, state, NULL, FAKEAPI_CERT_IGNORED, EXEC_V1);
	kshim__exec_set_timeout(rig.client->access->credential->data, 1000);
	get(&rig, &seen);
	assert_failed(&seen, KSHIM_ECONFIG);
	assert_contains(seen.message, "did not end within 1 s: thinking");
	assert_gone(last_pid());
	rig_stop(&rig);
}

static void test_freed_meanwhile(void **state)
{
	struct seen seen[3] = {{0}};
	struct rig rig;
	double began;

	put_plugin("sleep 100 & sleep 100");
	start(&rig, state, NULL, FAKEAPI_CERT_IGNORED, EXEC_V1);
	all_get(&rig, seen, 3);
	rig_until(&rig, has_run, NULL);
	kshim_query_free(rig.pods);
	rig.pods = NULL;
	kshim_client_free(rig.client);
	rig.client = NULL;
	began = wall_ms();
	rig_drive(&rig);
	assert_true(wall_ms() - began < 3000); /* not the 100 s that it would take */
	assert_failed(&seen[2], KSHIM_ECANCELED);
	assert_gone(last_pid());
	rig_stop(&rig);

	put_plugin("sleep 100 & sleep 100");
	memset(seen, 0, sizeof(seen));
	start(&rig, state, NULL, FAKEAPI_CERT_IGNORED, EXEC_V1);
	all_get(&rig, seen, 3);
	rig_until(&rig, has_run, NULL);
	kshim_loop_free(rig.loop);
	rig.loop = NULL;
	assert_failed(&seen[0], KSHIM_ECANCELED);
	assert_gone(last_pid());
	rig_stop(&rig);
}

/* The plugin goes with its client, not with the last object that holds on to it. */
static void test_object_outlives(void **state)
{
	kshim_object *object;
	struct seen seen = {0};
	struct rig rig;

	put_plugin("sleep 100 & sleep 100");
	start(&rig, state, NULL, FAKEAPI_CERT_IGNORED, EXEC_V1);
	object = kshim_object_from_text(rig.client, POD("a"), strlen(POD("a")));
	assert_non_null(object);
	all_get(&rig, &seen, 1);
	rig_until(&rig, has_run, NULL);
	kshim_query_free(rig.pods);
	rig.pods = NULL;
	kshim_client_free(rig.client);
	rig.client = NULL;
	rig_drive(&rig);
	assert_failed(&seen, KSHIM_ECANCELED);
	assert_gone(last_pid());
	kshim_object_unref(object);
	rig_stop(&rig);
}

static void stay_too_long(kshim_timer *timer, void *user)
{
	(void)user;
	usleep(600000);
	kshim_timer_free(timer);
}

static void free_client(kshim_timer *timer, void *user)
{
	struct rig *rig = user;

	kshim_timer_free(timer);
	kshim_query_free(rig->pods);
	rig->pods = NULL;
	kshim_client_free(rig->client);
	rig->client = NULL;
}

/* Its time is over and the client goes in one pass: it is killed, and not dead yet. */
static void test_freed_as_it_dies(void **state)
{
	struct seen seen = {0};
	struct rig rig;
	pid_t pid;

	put_plugin("sleep 100 & sleep 100");
	start(&rig, state, NULL, FAKEAPI_CERT_IGNORED, EXEC_V1);
	kshim__exec_set_timeout(rig.client->access->credential->data, 1000);
	all_get(&rig, &seen, 1);
	assert_non_null(kshim_timer_new(rig.loop, 700, stay_too_long, NULL));
	assert_non_null(kshim_timer_new(rig.loop, 1100, free_client, &rig));
	rig_drive(&rig);
	assert_failed(&seen, KSHIM_ECANCELED);
	pid = last_pid();
	assert_gone(pid);
	rig_stop(&rig);
}

/* The calls that wait can end before the plugin; what it gives is kept. */
static void test_waiting_ends(void **state)
{
	struct seen seen[2] = {{0}};
	struct rig rig;

	put_plugin("sleep 1; " CREDENTIAL(V1, TOKEN));
	start(&rig, state, "1", FAKEAPI_CERT_IGNORED, EXEC_V1);
	all_get(&rig, seen, 1);
	rig_until(&rig, has_run, NULL);
	kshim_call_cancel(seen[0].call);
	rig_drive(&rig);
	assert_failed(&seen[0], KSHIM_ECANCELED);
	kshim_client_set_timeout(rig.client, 100);
	all_get(&rig, &seen[1], 1);
	rig_drive(&rig);
	assert_failed(&seen[1], KSHIM_ETIMEDOUT);
	assert_contains(seen[1].message, "credential");
	kshim_client_set_timeout(rig.client, 60000);
	get(&rig, &seen[0]);
	assert_ok(&seen[0]);
	assert_int_equal(runs(), 1);
	rig_stop(&rig);
}

/* The program around us. */

static volatile sig_atomic_t reaped;

static void reap_all(int number)
{
	int error = errno;

	(void)number;
	while (waitpid(-1, NULL, WNOHANG) > 0)
		reaped++;
	errno = error;
}

static void test_host_that_reaps(void **state)
{
	struct sigaction ours = {.sa_handler = reap_all, .sa_flags = SA_RESTART}, before, after;
	struct seen seen;
	struct rig rig;

	reaped = 0;
	put_plugin(CREDENTIAL(V1, TOKEN));
	start(&rig, state, "1", FAKEAPI_CERT_IGNORED, EXEC_V1);
	sigaction(SIGCHLD, &ours, &before);
	get(&rig, &seen);
	assert_ok(&seen);
	assert_int_equal(reaped, 1);
	sigaction(SIGCHLD, NULL, &after);
	assert_true(after.sa_handler == reap_all);
	sigaction(SIGCHLD, &before, NULL);
	rig_stop(&rig);

	/* how it ended is unknown, but there is no output */
	put_plugin("echo no >&2; exit 1");
	start(&rig, state, "1", FAKEAPI_CERT_IGNORED, EXEC_V1);
	ours.sa_handler = SIG_IGN;
	sigaction(SIGCHLD, &ours, &before);
	get(&rig, &seen);
	assert_failed(&seen, KSHIM_ECONFIG);
	assert_contains(seen.message, "taken by another part of the program: no");
	put_plugin("trap '' TERM; sleep 100 & " CREDENTIAL(V1, TOKEN) "; exit 1");
	get(&rig, &seen);
	assert_ok(&seen);
	sigaction(SIGCHLD, &before, NULL);
	rig_stop(&rig);
}

static void test_without_pidfd(void **state)
{
	no_pidfd = true;
	test_token(state);
	test_failures(state);
	test_other_outputs(state);
	test_hangs(state);
	test_freed_meanwhile(state);
	test_host_that_reaps(state);
	no_pidfd = false;
}

/* The plugin gets fresh signals, whatever ours are. */
static void test_signals(void **state)
{
	struct sigaction ignore = {.sa_handler = SIG_IGN}, old;
	sigset_t set, before, after;
	struct seen seen;
	struct rig rig;
	unsigned long long blocked, ignored;
	char text[256];

	put_plugin("grep -E 'Sig(Blk|Ign)' /proc/self/status >signals; " CREDENTIAL(V1, TOKEN));
	start(&rig, state, "1", FAKEAPI_CERT_IGNORED, EXEC_V1);
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, &before);
	sigaction(SIGPIPE, &ignore, &old);
	get(&rig, &seen);
	assert_ok(&seen);
	get_file("signals", text, sizeof(text));
	assert_int_equal(sscanf(text, "SigBlk: %llx SigIgn: %llx", &blocked, &ignored), 2);
	assert_int_equal(blocked, 0);
	assert_int_equal(ignored & ~0x180000000ULL, 0); /* glibc's own 32 and 33 */
	sigprocmask(SIG_SETMASK, &before, &after);
	assert_true(sigismember(&after, SIGTERM) && sigismember(&after, SIGCHLD));
	sigaction(SIGPIPE, &old, NULL);
	rig_stop(&rig);
}

/* When no plugin is run. */

static void test_refused_configs(void **state)
{
	static const struct {
		const char *exec, *message;
	} cases[] = {
		{"\"command\":\"x\",\"apiVersion\":\"" V1 "\"", "interactiveMode is missing"},
		{"\"command\":\"x\",\"apiVersion\":\"" V1 "\",\"interactiveMode\":\"Always\"", "has no terminal"},
		{"\"command\":\"x\",\"apiVersion\":\"" V1BETA1 "\",\"interactiveMode\":\"Always\"", "has no terminal"},
		{"\"command\":\"x\",\"apiVersion\":\"" V1BETA1 "\",\"interactiveMode\":\"never\"", "is \"never\""},
		{"\"command\":\"x\",\"apiVersion\":\"client.authentication.k8s.io/v1alpha1\"", "apiVersion is"},
		{"\"command\":\"x\",\"interactiveMode\":\"Never\"", "apiVersion is \"\""},
		{"\"command\":\"\"," EXEC_V1, "command is missing"},
		{"\"command\":\"x\"," EXEC_V1 ",\"env\":[{\"name\":\"A\"},{\"value\":\"x\"}]", "env[1] has no name"},
	};
	kshim_loop *loop = kshim_loop_new();
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(cases); i++) {
		kshim_error *error = NULL;
		kshim_client *client;
		char *text;

		assert_true(asprintf(&text,
				     "{\"current-context\":\"x\",\"contexts\":[{\"name\":\"x\",\"context\":{\"cluster\":"
				     "\"c\",\"user\":\"u\"}}],\"clusters\":[{\"name\":\"c\",\"cluster\":{\"server\":"
				     "\"https://localhost\"}}],\"users\":[{\"name\":\"u\",\"user\":{\"exec\":{%s}}}]}",
				     cases[i].exec) > 0);
		client = kshim_client_open(loop, kshim_config_from_text(text, strlen(text), &error), &error);
		assert_null(client);
		assert_int_equal(kshim_error_code(error), KSHIM_ECONFIG);
		assert_contains(kshim_error_message(error), cases[i].message);
		kshim_error_free(error);
		free(text);
	}
	kshim_loop_free(loop);
}

static void test_interactive_if_available(void **state)
{
	struct seen seen;
	struct rig rig;

	put_plugin(CREDENTIAL(V1, TOKEN));
	start(&rig, state, "1", FAKEAPI_CERT_IGNORED, "\"apiVersion\":\"" V1 "\",\"interactiveMode\":\"IfAvailable\"");
	get(&rig, &seen);
	assert_ok(&seen);
	rig_stop(&rig);
}

static void test_not_run(void **state)
{
	struct fakeapi_route route = {.answer = {.body = POD("a")}};
	struct fakeapi_options options = {.routes = &route, .route_count = 1, .plain = true, .http = FAKEAPI_H1};
	static const char *const others[] = {"\"token\":\"" SECRET "\"", "\"username\":\"u\",\"password\":\"" SECRET "\""};
	struct seen seen;
	struct rig rig;
	char *user;
	size_t i;

	put_plugin(CREDENTIAL(V1, TOKEN));
	assert_true(asprintf(&user, "\"exec\":{\"command\":\"%s\",%s}", path_of("plugin"), EXEC_V1) > 0);
	rig_start_with(&rig, state, &options, NULL, user);
	get(&rig, &seen);
	assert_ok(&seen);
	assert_null(fakeapi_header(fakeapi_request(rig.api, 0), "authorization"));
	rig_stop(&rig);
	free(user);
	options.plain = false;
	for (i = 0; i < COUNT(others); i++) {
		assert_true(asprintf(&user, "\"exec\":{\"command\":\"%s\",%s},%s", path_of("plugin"), EXEC_V1, others[i]) > 0);
		rig_start_with(&rig, state, &options, NULL, user);
		get(&rig, &seen);
		assert_ok(&seen);
		assert_non_null(fakeapi_header(fakeapi_request(rig.api, 0), "authorization"));
		rig_stop(&rig);
		free(user);
	}
	assert_int_equal(runs(), 0);
}

static int make_folder(void **state)
{
	(void)state;
	return mkdtemp(dir) ? 0 : -1;
}

static int remove_folder(void **state)
{
	char command[64];

	(void)state;
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	return system(command);
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
		BOTH_DRIVES(test_hangs),
		BOTH_DRIVES(test_freed_meanwhile),
		BOTH_DRIVES(test_object_outlives),
		BOTH_DRIVES(test_freed_as_it_dies),
		BOTH_DRIVES(test_waiting_ends),
		BOTH_DRIVES(test_host_that_reaps),
		BOTH_DRIVES(test_without_pidfd),
		ONLY_H1(test_signals),
		ONLY_H1(test_refused_configs),
		ONLY_H1(test_interactive_if_available),
		ONLY_H1(test_not_run),
	};

	test_begin();
	return cmocka_run_group_tests_name("exec", tests, make_folder, remove_folder);
}
