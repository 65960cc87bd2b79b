/* Files of a kubeconfig that are replaced while a client uses them. */
#include "folder.h"

#include "client.h"

#include <sys/stat.h>
#include <unistd.h>

/* As a careful program does. */
static void replace_file(const char *name, const char *text)
{
	put_file("new", text, 0644);
	assert_int_equal(rename(path_of("new"), path_of(name)), 0);
}

static const struct fakeapi_route all[] = {
	{.path = "*/refused", .nth = 1, .answer = {.status = 401}},
	{.path = "*/never", .answer = {.status = 401}},
	{.path = "/api/*", .answer = {.body = POD("a")}},
};

/* So that not every request is a look at the files, and the test need not wait. */
static void look_now(struct rig *rig)
{
	rig->client->access->rotate_at = 0;
}

static void connect_rig(struct rig *rig)
{
	char *user, *cluster;
	kshim_error *error = NULL;

	rig->loop = kshim_loop_new();
	assert_non_null(rig->loop);
	assert_true(asprintf(&user, "\"client-certificate\":\"%s\",\"client-key\":\"%s\"", path_of("cert"), path_of("key")) > 0);
	assert_true(asprintf(&cluster, "\"certificate-authority\":\"%s\"", path_of("ca")) > 0);
	rig->client = kshim_client_open(rig->loop, config_of(rig->api, cluster, user), &error);
	assert_non_null(rig->client);
	kshim_client_set_http_version(rig->client, rig->http);
	rig->pods = kshim_query_new(rig->client, KSHIM_POD, NULL);
	free(user);
	free(cluster);
}

static void start(struct rig *rig, void **state, enum fakeapi_client_cert client_cert)
{
	const struct variant *variant = *state ? *state : &variants[0];
	struct fakeapi_options options = {.routes = all, .route_count = COUNT(all), .client_cert = client_cert};

	memset(rig, 0, sizeof(*rig));
	rig->how = variant->drive;
	rig->http = variant->http;
	rig->fds = open_fds();
	rig->api = fakeapi_start(&options);
	assert_non_null(rig->api);
	replace_file("ca", fakeapi_ca_pem(rig->api));
	replace_file("cert", fakeapi_client_cert_pem(rig->api));
	replace_file("key", fakeapi_client_key_pem(rig->api));
	connect_rig(rig);
}

static void get(struct rig *rig, const char *name, struct seen *seen)
{
	memset(seen, 0, sizeof(*seen));
	get_pod(rig, name, seen);
}

static void assert_last_was(const struct rig *rig, const char *cn, unsigned connections)
{
	const struct fakeapi_request *request = fakeapi_request(rig->api, fakeapi_request_count(rig->api) - 1);

	assert_string_equal(request->client_cn, cn);
	assert_int_equal(fakeapi_connections(rig->api), connections);
}

static void test_certificate(void **state)
{
	struct seen seen;
	struct rig rig;
	int i;

	start(&rig, state, FAKEAPI_CERT_DEMANDED);
	for (i = 0; i < 3; i++) {
		look_now(&rig);
		get(&rig, "a", &seen);
		assert_ok(&seen);
	}
	assert_last_was(&rig, "kubeshim-client", 1);
	replace_file("cert", fakeapi_other_cert_pem(rig.api));
	look_now(&rig);
	get(&rig, "a", &seen); /* it does not fit the key: the old pair is used */
	assert_ok(&seen);
	assert_last_was(&rig, "kubeshim-client", 1);
	replace_file("key", "rubbish");
	look_now(&rig);
	get(&rig, "a", &seen);
	assert_ok(&seen);
	unlink(path_of("key"));
	look_now(&rig);
	get(&rig, "a", &seen);
	assert_ok(&seen);
	assert_last_was(&rig, "kubeshim-client", 1);
	replace_file("key", fakeapi_other_key_pem(rig.api));
	get(&rig, "a", &seen); /* not looked at yet */
	assert_ok(&seen);
	assert_last_was(&rig, "kubeshim-client", 1);
	look_now(&rig);
	for (i = 0; i < 3; i++) {
		get(&rig, "a", &seen);
		assert_ok(&seen);
		assert_last_was(&rig, "kubeshim-other", 2);
	}
	/* the same bytes in other files are no change */
	replace_file("cert", fakeapi_other_cert_pem(rig.api));
	replace_file("key", fakeapi_other_key_pem(rig.api));
	look_now(&rig);
	get(&rig, "a", &seen);
	assert_ok(&seen);
	assert_last_was(&rig, "kubeshim-other", 2);
	rig_stop(&rig);
}

/* In time, without help. */
static void test_within_seconds(void **state)
{
	struct seen seen;
	struct rig rig;
	int turns;

	start(&rig, state, FAKEAPI_CERT_DEMANDED);
	get(&rig, "a", &seen);
	assert_ok(&seen);
	replace_file("cert", fakeapi_other_cert_pem(rig.api));
	replace_file("key", fakeapi_other_key_pem(rig.api));
	for (turns = 0; turns < 30; turns++) {
		get(&rig, "a", &seen);
		assert_ok(&seen);
		if (fakeapi_connections(rig.api) == 2)
			break;
		usleep(100000);
	}
	assert_last_was(&rig, "kubeshim-other", 2);
	rig_stop(&rig);
}

/* A 401 is a reason to look, and to try again only if there is something new. */
static void test_refused(void **state)
{
	struct seen seen;
	struct rig rig;

	start(&rig, state, FAKEAPI_CERT_ASKED);
	get(&rig, "a", &seen);
	assert_ok(&seen);
	get(&rig, "never", &seen);
	assert_failed(&seen, KSHIM_EUNAUTHORIZED);
	assert_int_equal(fakeapi_request_count(rig.api), 2);
	replace_file("cert", fakeapi_other_cert_pem(rig.api));
	replace_file("key", fakeapi_other_key_pem(rig.api));
	get(&rig, "refused", &seen);
	assert_ok(&seen);
	assert_last_was(&rig, "kubeshim-other", 2);
	assert_int_equal(fakeapi_request_count(rig.api), 4);
	rig_stop(&rig);
}

/* What is on the wire stays there. */
static void test_in_flight(void **state)
{
	static const struct fakeapi_route slow = {.answer = {.body = POD("a"), .head_delay_ms = 300}};
	struct fakeapi_options options = {.routes = &slow, .route_count = 1, .client_cert = FAKEAPI_CERT_DEMANDED};
	const struct variant *variant = *state;
	struct seen first = {0}, second = {0};
	struct rig rig = {.how = variant->drive, .http = variant->http};

	rig.fds = open_fds();
	rig.api = fakeapi_start(&options);
	assert_non_null(rig.api);
	replace_file("ca", fakeapi_ca_pem(rig.api));
	replace_file("cert", fakeapi_client_cert_pem(rig.api));
	replace_file("key", fakeapi_client_key_pem(rig.api));
	connect_rig(&rig);
	assert_non_null(started(&first, kshim_query_get_by_name(rig.pods, "a", seen_done, &first)));
	rig_until_requests(&rig, 1);
	replace_file("cert", fakeapi_other_cert_pem(rig.api));
	replace_file("key", fakeapi_other_key_pem(rig.api));
	look_now(&rig);
	assert_non_null(started(&second, kshim_query_get_by_name(rig.pods, "a", seen_done, &second)));
	rig_drive(&rig);
	assert_ok(&first);
	assert_ok(&second);
	assert_last_was(&rig, "kubeshim-other", 2);
	rig_stop(&rig);
}

/* The server comes back with another CA; the file follows. */
static void test_ca(void **state)
{
	struct fakeapi_options options = {.routes = all, .route_count = COUNT(all)};
	struct fakeapi *old;
	struct seen seen;
	struct rig rig;

	start(&rig, state, FAKEAPI_CERT_IGNORED);
	get(&rig, "a", &seen);
	assert_ok(&seen);
	old = rig.api;
	options.port = fakeapi_port(old);
	assert_int_equal(fakeapi_stop(old), 0);
	rig.api = fakeapi_start(&options);
	assert_non_null(rig.api);
	look_now(&rig);
	get(&rig, "a", &seen);
	assert_failed(&seen, KSHIM_ETLS);
	replace_file("ca", "-----BEGIN CERTIFICATE-----\nno\n-----END CERTIFICATE-----\n");
	look_now(&rig);
	get(&rig, "a", &seen);
	assert_failed(&seen, KSHIM_ETLS);
	assert_non_null(strstr(rig.client->access->ca.data, "BEGIN CERTIFICATE"));
	replace_file("ca", fakeapi_ca_pem(rig.api));
	look_now(&rig);
	get(&rig, "a", &seen);
	assert_ok(&seen);
	assert_int_equal(fakeapi_connections(rig.api), 3);
	rig_stop(&rig);
}

/* A trust that was withdrawn does not live on in open connections. */
static void test_ca_withdrawn(void **state)
{
	struct fakeapi_options options = {.routes = all, .route_count = COUNT(all)};
	struct fakeapi *other;
	struct seen seen;
	struct rig rig;

	start(&rig, state, FAKEAPI_CERT_IGNORED);
	get(&rig, "a", &seen);
	assert_ok(&seen);
	other = fakeapi_start(&options);
	assert_non_null(other);
	replace_file("ca", fakeapi_ca_pem(other));
	assert_int_equal(fakeapi_stop(other), 0);
	look_now(&rig);
	get(&rig, "a", &seen);
	assert_failed(&seen, KSHIM_ETLS);
	rig_stop(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ALL_VARIANTS(test_certificate),
		BOTH_HTTP(test_within_seconds),
		BOTH_HTTP(test_refused),
		BOTH_HTTP(test_in_flight),
		BOTH_HTTP(test_ca),
		BOTH_HTTP(test_ca_withdrawn),
	};

	test_begin();
	return cmocka_run_group_tests_name("rotation", tests, make_folder, remove_folder);
}
