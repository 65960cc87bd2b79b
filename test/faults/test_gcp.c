/* The auth provider gcp: a command that prints an access token. */
#include "folder.h"

#include <sys/stat.h>
#include <unistd.h>

static void put_command(const char *body)
{
	FILE *file = fopen(path_of("command"), "we");

	assert_non_null(file);
	fprintf(file, "#!/bin/sh\ncd %s\n{ for a; do printf '[%%s]' \"$a\"; done; echo; } >>runs\n%s\n", dir, body);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(chmod(path_of("command"), 0755), 0);
	unlink(path_of("runs"));
}

static void get_runs(char *text, size_t room)
{
	FILE *file = fopen(path_of("runs"), "re");

	text[file ? fread(text, 1, room - 1, file) : 0] = '\0';
	if (file)
		fclose(file);
}

static void start(struct rig *rig, void **state, const char *config)
{
	static const struct fakeapi_route routes[] = {
		{.path = "*/refused", .nth = 1, .answer = {.status = 401}},
		{.path = "*/never", .answer = {.status = 401}},
		{.answer = {.body = POD("a")}},
	};
	struct fakeapi_options options = {.routes = routes, .route_count = COUNT(routes)};
	char *user;

	assert_true(asprintf(&user, "\"auth-provider\":{\"name\":\"gcp\",\"config\":{%s}}", config) > 0);
	rig_start_with(rig, state, &options, NULL, user);
	free(user);
}

static void get(struct rig *rig, const char *name, struct seen *seen)
{
	memset(seen, 0, sizeof(*seen));
	get_pod(rig, name, seen);
}

static void assert_sent(const struct rig *rig, size_t count, const char *token)
{
	char header[64];

	snprintf(header, sizeof(header), "Bearer %s", token);
	assert_int_equal(fakeapi_request_count(rig->api), count);
	assert_string_equal(fakeapi_header(fakeapi_request(rig->api, count - 1), "authorization"), header);
}

#define OLD "\"access-token\":\"" SECRET "-old\","
#define PAST "\"expiry\":\"2001-02-03T04:05:06Z\","
#define FUTURE "\"expiry\":\"2199-02-03 04:05:06.123456789+00:00\","
#define KEYS "\"token-key\":\"{.credential.access_token}\",\"expiry-key\":\"{.credential.token_expiry}\""

static void test_command(void **state)
{
	char config[512], told[256];
	struct seen seen;
	struct rig rig;
	int i;

	put_command("echo '{\"credential\":{\"access_token\":\"" SECRET "-'$(wc -l <runs)'\",\"token_expiry\":\"2199-01-01T00:00:00Z\"}}'");
	snprintf(config, sizeof(config), OLD PAST "\"cmd-path\":\"%s\",\"cmd-args\":\" a 'b c'  \\\"d'\\\"e \\\\\\\\f ''\"," KEYS,
		 path_of("command"));
	start(&rig, state, config);
	for (i = 0; i < 3; i++) {
		get(&rig, "a", &seen);
		assert_ok(&seen);
	}
	assert_sent(&rig, 3, SECRET "-1");
	get_runs(told, sizeof(told));
	assert_string_equal(told, "[a][b c][d'e][\\f][]\n");
	get(&rig, "refused", &seen);
	assert_ok(&seen);
	assert_sent(&rig, 5, SECRET "-2");
	rig_stop(&rig);
}

static void test_first_value(void **state)
{
	char config[512], told[256];
	struct seen seen;
	struct rig rig;

	/* the words of cmd-path alone, and the usual keys */
	put_command("echo 'access_token: " SECRET "-new'; echo 'token_expiry: 2001-01-01T00:00:00Z'");
	snprintf(config, sizeof(config), OLD FUTURE "\"cmd-path\":\"%s x y\"", path_of("command"));
	start(&rig, state, config);
	get(&rig, "a", &seen);
	assert_ok(&seen);
	assert_sent(&rig, 1, SECRET "-old");
	get(&rig, "refused", &seen);
	assert_ok(&seen);
	assert_sent(&rig, 3, SECRET "-new");
	get(&rig, "a", &seen); /* it expires at once */
	assert_ok(&seen);
	assert_sent(&rig, 4, SECRET "-new");
	get_runs(told, sizeof(told));
	assert_string_equal(told, "[x][y]\n[x][y]\n");
	rig_stop(&rig);
}

static void test_no_command(void **state)
{
	struct seen seen;
	struct rig rig;

	start(&rig, state, OLD FUTURE "\"x\":\"y\"");
	get(&rig, "a", &seen);
	assert_ok(&seen);
	assert_sent(&rig, 1, SECRET "-old");
	get(&rig, "never", &seen);
	assert_failed(&seen, KSHIM_EUNAUTHORIZED);
	rig_stop(&rig);

	start(&rig, state, OLD "\"x\":\"y\""); /* of no known age */
	get(&rig, "a", &seen);
	assert_ok(&seen);
	rig_stop(&rig);

	start(&rig, state, OLD PAST "\"x\":\"y\"");
	get(&rig, "a", &seen);
	assert_failed(&seen, KSHIM_ECONFIG);
	assert_contains(seen.message, "has expired, and there is no cmd-path");
	rig_stop(&rig);

	start(&rig, state, "\"x\":\"y\"");
	get(&rig, "a", &seen);
	assert_failed(&seen, KSHIM_ECONFIG);
	assert_contains(seen.message, "is missing, and there is no cmd-path");
	rig_stop(&rig);
}

static void test_failures(void **state)
{
	static const struct {
		const char *body, *message;
	} cases[] = {
		{"echo sorry >&2; exit 2", "ended with status 2: sorry"},
		{"echo '{" SECRET "'", "printed is no JSON or YAML document"},
		{"echo '{\"credential\":{\"access_token\":[\"" SECRET "\"]}}'", "holds nothing where token-key points"},
		{"echo '{\"credential\":\"" SECRET "\"}'", "holds nothing where token-key points"},
		{"echo '{\"credential\":{\"access_token\":\"" SECRET "\\n\"}}'", "a space or a control character"},
	};
	char config[512];
	struct seen seen;
	struct rig rig;
	size_t i;

	for (i = 0; i < COUNT(cases); i++) {
		put_command(cases[i].body);
		snprintf(config, sizeof(config), "\"cmd-path\":\"%s\",\"cmd-args\":\"\"," KEYS, path_of("command"));
		start(&rig, state, config);
		get(&rig, "a", &seen);
		assert_failed(&seen, KSHIM_ECONFIG);
		assert_contains(seen.message, "user \"u\": ");
		assert_contains(seen.message, cases[i].message);
		assert_int_equal(fakeapi_request_count(rig.api), 0);
		rig_stop(&rig);
	}
	start(&rig, state, "\"cmd-path\":\"/no/such\"");
	get(&rig, "a", &seen);
	assert_failed(&seen, KSHIM_ECONFIG);
	assert_contains(seen.message, "the command /no/such ");
	if (slowness() < 20) /* valgrind's vfork() is a fork(), and posix_spawn() cannot tell */
		assert_contains(seen.message, "the command /no/such cannot be run: ");
	rig_stop(&rig);
}

static void test_refused_configs(void **state)
{
	static const struct {
		const char *config, *message;
	} cases[] = {
		{"cmd-path: x, cmd-args: 'a \"b'", "a quote does not end"},
		{"cmd-path: ' '", "there is no command"},
		{"cmd-path: x, token-key: '{.a[0]}'", "token-key is no template"},
		{"cmd-path: x, token-key: 'access_token'", "token-key is no template"},
		{"cmd-path: x, expiry-key: '{..a}'", "expiry-key is no template"},
		{"access-token: \"a\\nb\"", "access-token holds a space"},
	};
	kshim_loop *loop = kshim_loop_new();
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(cases); i++) {
		kshim_error *error = NULL;
		char *text;

		assert_true(asprintf(&text, "current-context: x\ncontexts: [{name: x, context: {cluster: c, user: u}}]\n"
				     "clusters: [{name: c, cluster: {server: 'https://localhost'}}]\n"
				     "users: [{name: u, user: {auth-provider: {name: gcp, config: {%s}}}}]\n",
				     cases[i].config) > 0);
		assert_null(kshim_client_open(loop, kshim_config_from_text(text, strlen(text), &error), &error));
		assert_contains(kshim_error_message(error), "kubeconfig:4: users[0].user.auth-provider: ");
		assert_contains(kshim_error_message(error), cases[i].message);
		kshim_error_free(error);
		free(text);
	}
	kshim_loop_free(loop);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BOTH_DRIVES(test_command),
		BOTH_DRIVES(test_first_value),
		ONLY_H1(test_no_command),
		ONLY_H1(test_failures),
		ONLY_H1(test_refused_configs),
	};

	test_begin();
	return cmocka_run_group_tests_name("gcp", tests, make_folder, remove_folder);
}
