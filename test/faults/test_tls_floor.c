/*
 * TLS before 1.2 is refused, also where OpenSSL's own configuration would allow it: this
 * program has one that does, and looks with libcurl alone whether it works.
 */
#include "../testutil.h"

#include <curl/curl.h>
#include <openssl/ssl.h>
#include <unistd.h>

static const struct fakeapi_route whole = {.answer = {.body = POD("a")}};

static size_t drop(char *data, size_t size, size_t count, void *user)
{
	(void)data;
	(void)user;
	return size * count;
}

/* What libcurl makes of the server, from this version on. */
static CURLcode by_libcurl(const struct fakeapi *api, long version)
{
	CURL *easy = curl_easy_init();
	CURLcode code;

	assert_non_null(easy);
	curl_easy_setopt(easy, CURLOPT_URL, fakeapi_url(api));
	curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 0L);
	curl_easy_setopt(easy, CURLOPT_SSLVERSION, version);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, drop);
	code = curl_easy_perform(easy);
	curl_easy_cleanup(easy);
	return code;
}

static void test_before_1_2(void **state)
{
	static const int versions[] = {TLS1_VERSION, TLS1_1_VERSION};
	size_t i;

	for (i = 0; i < COUNT(versions); i++) {
		struct fakeapi_options options = {.routes = &whole, .route_count = 1, .tls = versions[i]};
		struct seen seen = {0}, blind = {0};
		struct rig rig;

		rig_start_with(&rig, state, &options, NULL, NULL);
		assert_int_equal(by_libcurl(rig.api, CURL_SSLVERSION_TLSv1_0), CURLE_OK);
		get_pod(&rig, "a", &seen);
		assert_failed(&seen, KSHIM_ETLS);
		assert_false(seen.retryable);
		assert_int_equal(fakeapi_request_count(rig.api), 1);
		rig_stop(&rig);
		rig_start_with(&rig, state, &options, "\"insecure-skip-tls-verify\":true", NULL);
		get_pod(&rig, "a", &blind);
		assert_failed(&blind, KSHIM_ETLS);
		assert_int_equal(fakeapi_request_count(rig.api), 0);
		rig_stop(&rig);
	}
}

static void test_from_1_2_on(void **state)
{
	static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};
	size_t i;

	for (i = 0; i < COUNT(versions); i++) {
		struct fakeapi_options options = {.routes = &whole, .route_count = 1, .tls = versions[i]};
		struct seen seen = {0};
		struct rig rig;

		rig_start_with(&rig, state, &options, NULL, NULL);
		get_pod(&rig, "a", &seen);
		assert_ok(&seen);
		rig_stop(&rig);
	}
}

/* Read by OpenSSL when it is first used. */
static void allow_all(char *path)
{
	static const char text[] = "openssl_conf = all\n[all]\nssl_conf = ssl\n[ssl]\nsystem_default = lax\n"
				   "[lax]\nMinProtocol = TLSv1\nCipherString = ALL:@SECLEVEL=0\n";
	int fd = mkstemp(path);

	if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text) || close(fd) < 0)
		abort();
	setenv("OPENSSL_CONF", path, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BOTH_HTTP(test_before_1_2),
		BOTH_HTTP(test_from_1_2_on),
	};
	char path[] = "/tmp/kshim-openssl-XXXXXX";
	int failed;

	allow_all(path);
	test_begin();
	failed = cmocka_run_group_tests_name("faults/tls_floor", tests, NULL, NULL);
	unlink(path);
	return failed;
}
