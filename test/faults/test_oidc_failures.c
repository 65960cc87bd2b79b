/* The auth provider oidc where no token is to be had: what lasts is used, and errors say why. */
#include "provider.h"

#include <unistd.h>

/* What goes wrong. */

static void test_failures(void **state)
{
	static const struct {
		struct provider provider;
		kshim_code code;
		const char *message;
	} cases[] = {
		{{.status = 400, .answer = "{\"error\":\"invalid_grant\",\"error_description\":\"session ended\"}"},
		 KSHIM_ECONFIG, "refused to renew the token: status 400, invalid_grant: session ended"},
		{{.status = 503, .answer = "<html>" SECRET}, KSHIM_ECONFIG, "refused to renew the token: status 503"},
		{{.status = 400, .answer = "{\"error\":\"bad\",\"error_description\":\"no " SECRET "/1\"}"}, KSHIM_ECONFIG,
		 "refused to renew the token: status 400"},
		{{.status = 401, .answer = "{\"error\":\"bad\",\"error_description\":\"no client " SECRET "+secret\"}"}, KSHIM_ECONFIG,
		 "refused to renew the token: status 401"},
		{{.status = 200, .answer = SECRET}, KSHIM_ECONFIG, "sent no id_token"},
		{{.nothing = true}, KSHIM_ECONFIG, "sent no id_token"},
		{{.status = 200, .answer = "{\"id_token\":\"" SECRET "\"}"}, KSHIM_ECONFIG, "an id_token that is no JWT"},
		{{.status = 200, .answer = "{\"id_token\":\"a.e30.\\n" SECRET "\"}"}, KSHIM_ECONFIG, "an id_token that is no JWT"},
		{{.plain = true}, KSHIM_ECONFIG, "token_endpoint: it is not https"},
		{{.discovery = "{}"}, KSHIM_ECONFIG, "names no token_endpoint"},
		{{.discovery = "[\"token_endpoint\"]"}, KSHIM_ECONFIG, "names no token_endpoint"},
		{{.discovery = "{\"token_endpoint\":\"https://\"}"}, KSHIM_ECONFIG, "token_endpoint: the URL has no host"},
		{{.discovery = "{\"token_endpoint\":\"https://localhost:1/x\"}"}, KSHIM_ECONNECT, "the identity provider https://"},
	};
	size_t i;

	for (i = 0; i < COUNT(cases); i++) {
		struct provider provider = cases[i].provider;
		struct rig rig;
		struct seen seen;
		kshim_client *client = begin(&rig, state, &provider, YAML, -10);
		char *before = get_file("config"), *after;

		get(&rig, client, "a", &seen);
		assert_failed(&seen, cases[i].code);
		assert_contains(seen.message, cases[i].message);
		assert_contains(seen.message, "user \"\xc3\xbc\": the identity provider https://");
		assert_int_equal(fakeapi_count(rig.api, NULL, "/api/*"), 0);
		after = get_file("config");
		assert_string_equal(before, after);
		kshim_client_free(client);
		rig_stop(&rig);
		free(before);
		free(after);
	}
}

static void test_no_way(void **state)
{
	static const struct {
		const char *config;
		kshim_code code;
		const char *message;
	} cases[] = {
		{FLOW(ME ISSUER "id-token: %1$s, x: '%2$s'"), KSHIM_ECONFIG, "is not valid any more, and there is no refresh-token"},
		{FLOW(ME ISSUER "x: %1$s%2$s"), KSHIM_ECONFIG, "is missing, and there is no refresh-token"},
		{FLOW(ME "idp-issuer-url: '%3$s/realm', id-token: %1$s, refresh-token: '%2$s'"), KSHIM_ETLS, "/realm: SSL"},
		{FLOW(ME "idp-issuer-url: 'http://localhost/realm', id-token: %1$s, refresh-token: '%2$s'"), KSHIM_ECONFIG,
		 "idp-issuer-url: it is not https"},
	};
	struct provider provider = {0};
	size_t i;

	for (i = 0; i < COUNT(cases); i++) {
		struct rig rig;
		struct seen seen;
		kshim_client *client = begin(&rig, state, &provider, cases[i].config, -10);

		get(&rig, client, "a", &seen);
		assert_failed(&seen, cases[i].code);
		assert_contains(seen.message, cases[i].message);
		assert_int_equal(fakeapi_request_count(rig.api), 0);
		kshim_client_free(client);
		rig_stop(&rig);
	}
}

/* It is time for another token, and the provider gives none: the one that is there is
 * used, and the provider left in peace for a while. */
static void test_still_lasts(void **state)
{
	static const struct provider providers[] = {
		{.status = 503, .answer = "{}"},
		{.status = 400, .answer = "{\"error\":\"invalid_grant\"}"},
		{.discovery = "{\"token_endpoint\":\"https://localhost:1/x\"}"},
	};
	size_t i;

	for (i = 0; i < COUNT(providers); i++) {
		struct provider provider = providers[i];
		struct rig rig;
		struct seen seen;
		kshim_client *client = begin(&rig, state, &provider, YAML, 200);
		char *before = get_file("config"), *after, *token;
		size_t asked;

		get(&rig, client, "a", &seen);
		assert_ok(&seen);
		token = sent_token(&rig);
		assert_contains(before, token);
		assert_int_equal(warnings, 1);
		assert_contains(warning, "user \"\xc3\xbc\": the identity provider https://");
		assert_contains(warning, "what is there is used for as long as it lasts");
		asked = fakeapi_count(rig.api, "GET", WELL_KNOWN);
		assert_true(asked > 0);
		get(&rig, client, "a", &seen);
		assert_ok(&seen);
		assert_int_equal(fakeapi_count(rig.api, "GET", WELL_KNOWN), asked);
		assert_int_equal(warnings, 1);
		/* the server does not take it: then nothing else is left */
		get(&rig, client, "never", &seen);
		assert_failed(&seen, i < 2 ? KSHIM_ECONFIG : KSHIM_ECONNECT);
		assert_true(fakeapi_count(rig.api, "GET", WELL_KNOWN) > asked);
		after = get_file("config");
		assert_string_equal(before, after);
		kshim_client_free(client);
		rig_stop(&rig);
		free(before);
		free(after);
		free(token);
	}
}

/* The provider is there, and does not answer. */
static void test_still_lasts_meanwhile(void **state)
{
	struct provider provider = {.delay_ms = 60000};
	struct rig rig;
	struct seen seen[2] = {{0}};
	kshim_client *client = begin(&rig, state, &provider, YAML, 200);

	start_get(client, "a", &seen[0]);
	start_get(client, "a", &seen[1]);
	rig_until_requests(&rig, 3);
	while (!seen[0].done || !seen[1].done)
		assert_true(kshim_loop_process(rig.loop) == 1);
	assert_ok(&seen[0]);
	assert_ok(&seen[1]);
	assert_int_equal(warnings, 0);
	kshim_client_free(client);
	rig_stop(&rig);
}

/* While a client is at work no request waits for the new token; and a program that
 * ends loses none. */
static void test_renewed_beside(void **state)
{
	struct provider provider = {.once = true, .delay_ms = 200};
	struct rig rig;
	struct seen seen;
	char *token = jwt(32, 300, 0), *text, *sent, *after; /* to be renewed in 2 s */
	kshim_client *client;

	start(&rig, state, &provider);
	text = fill(rig.api, YAML, token, SECRET "/1");
	put_file("config", text);
	client = client_of(&rig, "config");
	get(&rig, client, "a", &seen);
	assert_ok(&seen);
	assert_int_equal(fakeapi_request_count(rig.api), 1);
	sleep(3);
	get(&rig, client, "a", &seen);
	assert_ok(&seen);
	assert_int_equal(grants(&rig), 1);
	after = get_file("config");
	assert_string_not_equal(text, after);
	assert_contains(fakeapi_header(fakeapi_request(rig.api, 1), "authorization"), token); /* it did not wait */
	get(&rig, client, "a", &seen);
	assert_ok(&seen);
	sent = sent_token(&rig);
	assert_string_not_equal(sent, token);
	assert_contains(after, sent);
	assert_int_equal(grants(&rig), 1);
	assert_int_equal(warnings, 0);
	kshim_client_free(client);
	rig_stop(&rig);
	free(token);
	free(text);
	free(sent);
	free(after);
}

/* Where there is no refresh token, a 401 is what the caller gets. */
static void test_refused_for_good(void **state)
{
	struct provider provider = {0};
	struct rig rig;
	struct seen seen;
	char *token = jwt(3600, 3600, 0), *text;
	kshim_error *error = NULL;
	kshim_client *client;

	start(&rig, state, &provider);
	text = fill(rig.api, FLOW(ME ISSUER "id-token: %1$s"), token, "");
	client = open_client(&rig, kshim_config_from_text(text, strlen(text), &error), &error);
	get(&rig, client, "never", &seen);
	assert_failed(&seen, KSHIM_EUNAUTHORIZED);
	assert_int_equal(fakeapi_request_count(rig.api), 1);
	kshim_client_free(client);
	rig_stop(&rig);
	free(token);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BOTH_DRIVES(test_failures),
		ONLY_H1(test_no_way),
		BOTH_HTTP(test_still_lasts),
		ONLY_H1(test_still_lasts_meanwhile),
		BOTH_HTTP(test_renewed_beside),
		ONLY_H1(test_refused_for_good),
	};

	test_begin();
	return cmocka_run_group_tests_name("oidc, failures", tests, make_folder, remove_folder);
}
