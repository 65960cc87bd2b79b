/*
 * What the environment would allow and the library does not: TLS before 1.2 by OpenSSL's
 * configuration, an authority in the system's bundle where the context names another, a
 * password in ~/.netrc. Each is shown to work with libcurl alone.
 */
/* LINK: -Wl,--wrap=curl_easy_init */
#include "../testutil.h"

#include <curl/curl.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <unistd.h>

static const struct fakeapi_route whole = {.answer = {.body = POD("a")}};

static char dir[] = "/tmp/kshim-trust-XXXXXX";
static const char *bundle; /* what libcurl takes for the system's; NULL: its own */

CURL *__real_curl_easy_init(void);
CURL *__wrap_curl_easy_init(void);

CURL *__wrap_curl_easy_init(void)
{
	CURL *easy = __real_curl_easy_init();

	if (easy && bundle) {
		curl_easy_setopt(easy, CURLOPT_CAINFO, bundle);
		curl_easy_setopt(easy, CURLOPT_CAPATH, dir);
	}
	return easy;
}

static const char *put_file(const char *name, const char *text)
{
	static char path[128];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	file = fopen(path, "we");
	if (!file || fputs(text, file) < 0 || fclose(file) != 0)
		abort();
	return path;
}

/* As a bundle, and in the folder under the name by which OpenSSL looks for it. */
static void put_authority(const struct fakeapi *api)
{
	const char *pem = fakeapi_ca_pem(api);
	BIO *in = BIO_new_mem_buf(pem, -1);
	X509 *ca = PEM_read_bio_X509(in, NULL, NULL, NULL);
	char name[32];

	assert_non_null(ca);
	snprintf(name, sizeof(name), "%08lx.0", X509_subject_name_hash(ca));
	put_file(name, pem);
	bundle = put_file("bundle", pem);
	X509_free(ca);
	BIO_free(in);
}

static size_t drop(char *data, size_t size, size_t count, void *user)
{
	(void)data;
	(void)user;
	return size * count;
}

/* What libcurl makes of the server, from this version on, or as it is set up here. */
static CURLcode by_libcurl(const struct fakeapi *api, CURLoption option, long value)
{
	CURL *easy = curl_easy_init();
	CURLcode code;

	assert_non_null(easy);
	curl_easy_setopt(easy, CURLOPT_URL, fakeapi_url(api));
	if (!bundle)
		curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 0L);
	curl_easy_setopt(easy, option, value);
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
		assert_int_equal(by_libcurl(rig.api, CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_0), CURLE_OK);
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

/* The server's authority is in the system's bundle: trusted if the context names none. */
static void test_no_other_authority(void **state)
{
	struct fakeapi_options options = {.routes = &whole, .route_count = 1};
	struct fakeapi *other = fakeapi_start(&options);
	char *member = base64_member("certificate-authority-data", fakeapi_ca_pem(other));
	struct seen named = {0}, none = {0};
	struct rig rig;

	rig_start_with(&rig, state, &options, member, NULL);
	put_authority(rig.api);
	assert_int_equal(by_libcurl(rig.api, CURLOPT_SSL_VERIFYPEER, 1), CURLE_OK);
	get_pod(&rig, "a", &named);
	assert_failed(&named, KSHIM_ETLS);
	assert_contains(named.message, "certificate");
	assert_int_equal(fakeapi_request_count(rig.api), 1);
	rig_stop(&rig);
	free(member);
	rig_start_with(&rig, state, &options, "\"insecure-skip-tls-verify\":false", NULL);
	put_authority(rig.api);
	get_pod(&rig, "a", &none);
	assert_ok(&none);
	rig_stop(&rig);
	bundle = NULL;
	assert_int_equal(fakeapi_stop(other), 0);
}

static void test_netrc(void **state)
{
	struct fakeapi_options options = {.routes = &whole, .route_count = 1};
	struct seen seen = {0};
	struct rig rig;

	setenv("HOME", dir, 1);
	put_file(".netrc", "machine 127.0.0.1 login me password " SECRET "\n");
	rig_start_with(&rig, state, &options, NULL, NULL);
	assert_int_equal(by_libcurl(rig.api, CURLOPT_NETRC, CURL_NETRC_OPTIONAL), CURLE_OK);
	assert_non_null(fakeapi_header(fakeapi_request(rig.api, 0), "Authorization"));
	get_pod(&rig, "a", &seen);
	assert_ok(&seen);
	assert_null(fakeapi_header(fakeapi_request(rig.api, 1), "Authorization"));
	rig_stop(&rig);
}

/* Read by OpenSSL when it is first used. */
static void allow_all(void)
{
	setenv("OPENSSL_CONF",
	       put_file("openssl.cnf", "openssl_conf = all\n[all]\nssl_conf = ssl\n[ssl]\nsystem_default = lax\n"
				       "[lax]\nMinProtocol = TLSv1\nCipherString = ALL:@SECLEVEL=0\n"), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BOTH_HTTP(test_before_1_2),
		BOTH_HTTP(test_from_1_2_on),
		BOTH_HTTP(test_no_other_authority),
		BOTH_HTTP(test_netrc),
	};
	char command[64];
	int failed;

	if (!mkdtemp(dir))
		return 1;
	allow_all();
	test_begin();
	failed = cmocka_run_group_tests_name("faults/trust", tests, NULL, NULL);
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	return system(command) ? 1 : failed;
}
