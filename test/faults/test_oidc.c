/* The auth provider oidc: the fake server is API server and identity provider. */
#include "provider.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void test_valid(void **state)
{
	struct provider provider = {0};
	struct rig rig;
	struct seen seen;
	kshim_client *client = begin(&rig, state, &provider, YAML, 400);
	char *before = get_file("config"), *after;

	get(&rig, client, "a", &seen);
	assert_ok(&seen);
	assert_int_equal(fakeapi_request_count(rig.api), 1);
	after = get_file("config");
	assert_string_equal(before, after);
	kshim_client_free(client);
	rig_stop(&rig);
	free(before);
	free(after);
}

static void test_renewed(void **state)
{
	static const int64_t lasts[] = {-10, 200};
	size_t i;

	for (i = 0; i < COUNT(lasts); i++) {
		struct provider provider = {.once = true};
		struct rig rig;
		struct seen seen;
		kshim_client *client = begin(&rig, state, &provider, YAML, lasts[i]);
		char *token, *quoted, *expected, *after;
		struct stat st;

		assert_int_equal(chmod(path_of("config"), 0640), 0);
		if (geteuid() == 0)
			assert_int_equal(chown(path_of("config"), 12345, 23456), 0);
		get(&rig, client, "a", &seen);
		assert_ok(&seen);
		get(&rig, client, "a", &seen);
		assert_ok(&seen);
		assert_int_equal(grants(&rig), 1);
		assert_int_equal(fakeapi_request_count(rig.api), 4);
		token = sent_token(&rig);
		assert_true(asprintf(&quoted, "\"%s\"", token) > 0);
		expected = fill(rig.api, YAML, quoted, SECRET "/2");
		after = get_file("config");
		assert_string_equal(after, expected);
		assert_int_equal(stat(path_of("config"), &st), 0);
		assert_int_equal(st.st_mode & 07777, 0640);
		if (geteuid() == 0)
			assert_true(st.st_uid == 12345 && st.st_gid == 23456);
		assert_left_nothing();
		kshim_client_free(client);
		/* another program takes it up there */
		client = client_of(&rig, "config");
		get(&rig, client, "a", &seen);
		assert_ok(&seen);
		assert_int_equal(grants(&rig), 1);
		kshim_client_free(client);
		assert_int_equal(warnings, 0);
		rig_stop(&rig);
		free(token);
		free(quoted);
		free(expected);
		free(after);
	}
}

/* A token whose whole life is shorter than five minutes is not renewed for every
 * request. */
static void test_short_life(void **state)
{
	struct provider provider = {.lasts = 250, .keeps = true};
	struct rig rig;
	struct seen seen;
	kshim_client *client = begin(&rig, state, &provider, YAML, -10);
	char *after;
	int i;

	for (i = 0; i < 5; i++) {
		get(&rig, client, "a", &seen);
		assert_ok(&seen);
	}
	assert_int_equal(grants(&rig), 1);
	after = get_file("config");
	assert_non_null(strstr(after, "refresh-token: \"" SECRET "/1\"")); /* none came: the old one is kept */
	free(after);
	kshim_client_free(client);
	rig_stop(&rig);
}

static void test_secret_in_body(void **state)
{
	struct provider provider = {.post = true};
	struct rig rig;
	struct seen seen;
	kshim_client *client = begin(&rig, state, &provider, YAML, -10);

	get(&rig, client, "a", &seen);
	assert_ok(&seen);
	assert_int_equal(grants(&rig), 2);
	kshim_client_free(client);
	rig_stop(&rig);
}

static void test_refused(void **state)
{
	struct provider provider = {.once = true};
	struct rig rig;
	struct seen seen;
	kshim_client *client = begin(&rig, state, &provider, YAML, 3600);

	get(&rig, client, "refused", &seen);
	assert_ok(&seen);
	assert_int_equal(grants(&rig), 1);
	get(&rig, client, "never", &seen);
	assert_failed(&seen, KSHIM_EUNAUTHORIZED);
	assert_int_equal(grants(&rig), 2);
	assert_int_equal(fakeapi_count(rig.api, "GET", "*/never"), 2);
	kshim_client_free(client);
	rig_stop(&rig);
}

/* The file. */

static void test_forms(void **state)
{
	static const char *const formats[] = {
		FLOW(ME ISSUER "id-token: '%1$s', refresh-token: %2$s"),
		FLOW(ME ISSUER "refresh-token: \"%2$s\""), /* the id-token is put in */
		"{\"current-context\":\"x\",\"contexts\":[{\"name\":\"x\",\"context\":{\"cluster\":\"c\",\"user\":\"u\","
		"\"namespace\":\"ns\"}}],\"clusters\":[{\"name\":\"c\",\"cluster\":{\"server\":\"%3$s\","
		"\"certificate-authority-data\":\"%4$s\"}}],\"users\":[{\"name\":\"u\",\"user\":{\"auth-provider\":{\"name\":"
		"\"oidc\",\"config\":{\"client-id\":\"me:or you\",\"client-secret\":\"" SECRET "+secret\",\"idp-issuer-url\":"
		"\"%3$s/realm\",\"idp-certificate-authority-data\":\"%4$s\",\"id-token\":\"%1$s\",\"refresh-token\":\"%2$s\"}}}}]}",
		"current-context: x\ncontexts: [{name: x, context: {cluster: c, user: u, namespace: ns}}]\n"
		"clusters: [{name: c, cluster: {server: '%3$s', certificate-authority-data: %4$s}}]\n"
		"users:\n- user:\n    auth-provider:\n      name: oidc\n      config:\n        # ours\n"
		"        client-id: me:or you\n        client-secret: " SECRET "+secret\n"
		"        idp-issuer-url: %3$s/realm\n        idp-certificate-authority-data: %4$s\n"
		"        refresh-token: >-\n            %2$s\n        id-token: %1$s\n  name: u\n",
	};
	size_t i;

	for (i = 0; i < COUNT(formats); i++) {
		struct provider provider = {.once = true};
		struct rig rig;
		struct seen seen;
		kshim_client *client = begin(&rig, state, &provider, formats[i], -10);
		char *token, *before = get_file("config"), *after;
		bool safe = !strstr(formats[i], ">-");

		get(&rig, client, "a", &seen);
		assert_ok(&seen);
		token = sent_token(&rig);
		after = get_file("config");
		assert_int_equal(warnings, !safe);
		if (safe) {
			assert_non_null(strstr(after, token));
			assert_non_null(strstr(after, SECRET "/2"));
		} else {
			assert_string_equal(before, after);
			assert_contains(warning, "config: the renewed tokens could not be kept in it: its text cannot be changed");
		}
		/* the next renewal goes on from there, in the file or in memory */
		get(&rig, client, "refused", &seen);
		assert_ok(&seen);
		assert_int_equal(grants(&rig), 2);
		assert_left_nothing();
		kshim_client_free(client);
		rig_stop(&rig);
		free(before);
		free(after);
		free(token);
	}
}

static void unlock(kshim_timer *timer, void *user)
{
	(void)user;
	unlink(path_of("config.lock"));
	kshim_timer_free(timer);
}

static void test_locked(void **state)
{
	struct provider provider = {0};
	struct rig rig;
	struct seen seen;
	kshim_client *client = begin(&rig, state, &provider, YAML, -10);
	char *before, *after;

	put_file("config.lock", "");
	before = get_file("config");
	get(&rig, client, "a", &seen); /* for ever */
	assert_ok(&seen);
	assert_int_equal(warnings, 1);
	assert_contains(warning, "somebody else has locked it");
	after = get_file("config");
	assert_string_equal(before, after);
	assert_int_equal(access(path_of("config.lock"), F_OK), 0);
	free(after);
	kshim_client_free(client);

	client = client_of(&rig, "config");
	assert_non_null(kshim_timer_new(rig.loop, 200, unlock, NULL));
	get(&rig, client, "a", &seen); /* for a moment */
	assert_ok(&seen);
	assert_int_equal(warnings, 1);
	after = get_file("config");
	assert_string_not_equal(before, after);
	kshim_client_free(client);
	rig_stop(&rig);
	free(before);
	free(after);
}

/* It is not the current-context's file that is written, but the user's; behind a
 * link it is what that leads to. */
static void test_which_file(void **state)
{
	struct provider provider = {0};
	struct rig rig;
	struct seen seen;
	char *token = jwt(-10, 3600, 0), *text, *list, *after;
	kshim_error *error = NULL;
	kshim_client *client;
	struct stat st;

	start(&rig, state, &provider);
	text = fill(rig.api, YAML, token, SECRET "/1");
	put_file("real", text);
	unlink(path_of("config"));
	assert_int_equal(symlink("real", path_of("config")), 0);
	put_file("first", "current-context: x\nusers: [{name: nobody}]\n");
	assert_true(asprintf(&list, "%s:%s", path_of("first"), path_of("config")) > 0);
	setenv("KUBECONFIG", list, 1);
	client = open_client(&rig, kshim_config_from_env(&error), &error);
	unsetenv("KUBECONFIG");
	get(&rig, client, "a", &seen);
	assert_ok(&seen);
	assert_int_equal(warnings, 0);
	after = get_file("real");
	assert_string_not_equal(after, text);
	free(after);
	after = get_file("first");
	assert_string_equal(after, "current-context: x\nusers: [{name: nobody}]\n");
	assert_int_equal(lstat(path_of("config"), &st), 0);
	assert_true(S_ISLNK(st.st_mode));
	kshim_client_free(client);
	rig_stop(&rig);
	unlink(path_of("config"));
	free(after);
	free(text);
	free(token);
	free(list);
}

/* Several at once. */

static void test_two_clients(void **state)
{
	struct provider provider = {.once = true, .delay_ms = 200};
	struct seen seen[20] = {{0}};
	kshim_error *error = NULL;
	kshim_client *client[2];
	kshim_config *config;
	struct rig rig;
	char *token = jwt(-10, 3600, 0), *text;
	size_t i, round;

	for (round = 0; round < 2; round++) {
		start(&rig, state, &provider);
		text = fill(rig.api, YAML, token, SECRET "/1");
		put_file("config", text);
		free(text);
		config = kshim_config_from_file(path_of("config"), &error);
		client[0] = open_client(&rig, kshim_config_ref(config), &error);
		client[1] = open_client(&rig, config, &error);
		memset(seen, 0, sizeof(seen));
		for (i = 0; i < COUNT(seen); i++)
			start_get(client[i % 2], "a", &seen[i]);
		if (round == 1) {
			/* the one that renews for both goes: the other one begins anew */
			rig_until_requests(&rig, 1);
			kshim_client_free(client[0]);
		}
		rig_drive(&rig);
		for (i = 0; i < COUNT(seen); i++) {
			if (round == 1 && i % 2 == 0)
				assert_failed(&seen[i], KSHIM_ECANCELED);
			else
				assert_ok(&seen[i]);
		}
		assert_int_equal(grants(&rig), 1);
		if (round == 0)
			kshim_client_free(client[0]);
		kshim_client_free(client[1]);
		rig_stop(&rig);
	}
	free(token);
}

static int other_process(void)
{
	kshim_error *error = NULL;
	kshim_loop *loop = kshim_loop_new();
	kshim_client *client = kshim_client_open(loop, kshim_config_from_file(path_of("config"), &error), &error);
	kshim_query *pods = kshim_query_new(client, KSHIM_POD, NULL);
	struct seen seen = {.returned = true};

	kshim_query_get_by_name(pods, "a", seen_done, &seen);
	if (kshim_loop_run(loop) != 0 || seen.done != 1 || seen.has_error) {
		fprintf(stderr, "the other process: %s\n", seen.message);
		return 1;
	}
	kshim_query_free(pods);
	kshim_client_free(client);
	kshim_loop_free(loop);
	return 0;
}

/* Two programs find the token expired at the same moment, and the refresh token is
 * good for one of them: the other finds the new ones in the file. */
static void test_two_processes(void **state)
{
	int round, status;

	for (round = 0; round < 5; round++) {
		struct provider provider = {.once = true};
		struct rig rig;
		struct seen seen;
		kshim_client *client = begin(&rig, state, &provider, YAML, -10);
		pid_t child[3];
		size_t i;

		for (i = 0; i < COUNT(child); i++) {
			child[i] = fork();
			assert_true(child[i] >= 0);
			if (!child[i])
				_exit(other_process());
		}
		get(&rig, client, "a", &seen);
		for (i = 0; i < COUNT(child); i++) {
			assert_int_equal(waitpid(child[i], &status, 0), child[i]);
			assert_true(WIFEXITED(status));
			assert_int_equal(WEXITSTATUS(status), 0);
		}
		assert_ok(&seen);
		assert_left_nothing();
		kshim_client_free(client);
		rig_stop(&rig);
	}
}

static void test_freed_meanwhile(void **state)
{
	struct provider provider = {.delay_ms = 300};
	struct rig rig;
	struct seen seen = {0};
	kshim_client *client = begin(&rig, state, &provider, YAML, -10);

	start_get(client, "a", &seen);
	rig_until_requests(&rig, 2);
	kshim_client_free(client);
	rig_drive(&rig);
	assert_failed(&seen, KSHIM_ECANCELED);
	client = client_of(&rig, "config");
	memset(&seen, 0, sizeof(seen));
	start_get(client, "a", &seen);
	rig_until_requests(&rig, 4);
	kshim_loop_free(rig.loop);
	rig.loop = NULL;
	assert_failed(&seen, KSHIM_ECANCELED);
	kshim_client_free(client);
	rig_stop(&rig);
}

static void test_refused_configs(void **state)
{
	static const struct {
		const char *provider, *message;
	} cases[] = {
		{"name: oidc, config: {client-id: x}", "the auth provider oidc needs idp-issuer-url"},
		{"name: oidc", "the auth provider oidc needs idp-issuer-url"},
		{"name: oidc, config: {idp-issuer-url: x}", "the auth provider oidc needs client-id"},
		{"name: oidc, config: {idp-issuer-url: x, client-id: x, idp-certificate-authority: /no}", "/no: No such file"},
		{"name: oidc, config: {idp-issuer-url: x, client-id: x, idp-certificate-authority-data: '%'}", "it is not base64"},
		{"name: oidc, config: {idp-issuer-url: x, client-id: x, idp-certificate-authority-data: eA==}", "no PEM"},
		{"name: azure", "the auth provider \"azure\" (user \"u\") is not supported; oidc and gcp are"},
		{"config: {}", "the auth provider \"\""},
	};
	kshim_loop *loop = kshim_loop_new();
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(cases); i++) {
		kshim_error *error = NULL;
		char *text;

		assert_true(asprintf(&text, "current-context: x\ncontexts: [{name: x, context: {cluster: c, user: u}}]\n"
				     "clusters: [{name: c, cluster: {server: 'https://localhost'}}]\n"
				     "users: [{name: u, user: {auth-provider: {%s}}}]\n", cases[i].provider) > 0);
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
		BOTH_DRIVES(test_valid),
		BOTH_DRIVES(test_renewed),
		BOTH_HTTP(test_short_life),
		ONLY_H1(test_secret_in_body),
		ALL_VARIANTS(test_refused),
		ONLY_H1(test_forms),
		BOTH_DRIVES(test_locked),
		ONLY_H1(test_which_file),
		BOTH_DRIVES(test_two_clients),
		ONLY_H1(test_two_processes),
		BOTH_DRIVES(test_freed_meanwhile),
		ONLY_H1(test_refused_configs),
	};

	test_begin();
	return cmocka_run_group_tests_name("oidc", tests, make_folder, remove_folder);
}
