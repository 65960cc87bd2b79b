/* What looks for secrets in the tests finds them, and kshim_config_format() shows none. */
#include "../testutil.h"

static void test_finds(void **state)
{
	(void)state;
	assert_null(secret_in(NULL));
	assert_null(secret_in(""));
	assert_null(secret_in("-----BEGIN PUBLIC KEY-----\nnothing"));
	assert_non_null(secret_in("x " SECRET "-1"));
	assert_non_null(secret_in("Basic bWU6Z2VoZWltOnc=")); /* me:geheim:w */
	assert_non_null(secret_in("Basic dTpnZWhlaW0="));     /* u:geheim */
	assert_non_null(secret_in("Basic dTEwOmdlaGVpbQ==")); /* u10:geheim, from its second byte */
	assert_non_null(secret_in("-----BEGIN EC PRIVATE KEY-----"));
	assert_non_null(secret_in("LS0tLS1CRUdJTiBQUklWQVRFIEtFWS0tLS0tCg==")); /* of a PEM file */
	assert_non_null(secret_in("LS0tLS1CRUdJTiBFQyBQUklWQVRFIEtFWS0tLS0tCg=="));
	assert_non_null(secret_in("LS0tLS1CRUdJTiBSU0EgUFJJVkFURSBLRVktLS0tLQo="));
}

/* Of an auth provider what is not known to be open is hidden, whatever it is called. */
static void test_format(void **state)
{
	static const char text[] =
		"current-context: x\ncontexts: [{name: x, context: {cluster: c, user: u}}]\n"
		"clusters: [{name: c, cluster: {server: 'https://localhost', proxy-url: 'http://me:" SECRET "@proxy'}}]\n"
		"users: [{name: u, user: {token: " SECRET ", password: " SECRET ", client-key-data: Z2VoZWlt, auth-provider: {\n"
		"  name: oidc, config: {idp-issuer-url: https://idp, client-id: me, client-secret: " SECRET ",\n"
		"  id-token: " SECRET ", refresh-token: " SECRET ", access-token: " SECRET ", else: " SECRET "}}}}]\n";
	kshim_error *error = NULL;
	kshim_config *config = kshim_config_from_text(text, strlen(text), &error);
	char *shows;

	(void)state;
	if (!config)
		print_error("%s\n", kshim_error_message(error));
	assert_non_null(config);
	shows = kshim_config_format(config);
	assert_non_null(shows);
	shown(shows);
	assert_contains(shows, "client-id: me");
	assert_contains(shows, "idp-issuer-url: https://idp");
	assert_contains(shows, "else: REDACTED");
	free(shows);
	kshim_config_unref(config);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_finds),
		cmocka_unit_test(test_format),
	};

	test_begin();
	return cmocka_run_group_tests_name("secrets", tests, NULL, NULL);
}
