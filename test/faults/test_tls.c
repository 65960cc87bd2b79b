/* Whom the client trusts, who it says it is, and to whom it does not. */
#include "../testutil.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

static const struct fakeapi_route whole = {.answer = {.body = POD("a")}};

static void get_with(void **state, const struct fakeapi_options *options, const char *cluster, const char *user,
		     struct rig *rig, struct seen *seen)
{
	struct fakeapi_options own = *options;

	if (!own.routes) {
		own.routes = &whole;
		own.route_count = 1;
	}
	rig_start_with(rig, state, &own, cluster, user);
	get_pod(rig, "a", seen);
}

/* Trust. */

static void assert_tls_failure(const struct rig *rig, const struct seen *seen, const char *says)
{
	assert_failed(seen, KSHIM_ETLS);
	assert_contains(seen->message, says);
	assert_false(seen->retryable);
	assert_int_not_equal(seen->curl_code, 0);
	assert_int_equal(fakeapi_request_count(rig->api), 0);
	assert_int_equal(fakeapi_connections(rig->api), 1);
}

static void test_wrong_ca(void **state)
{
	struct fakeapi_options options = {0};
	struct fakeapi_options other_options = {.routes = &whole, .route_count = 1};
	struct fakeapi *other = fakeapi_start(&other_options);
	char *member = base64_member("certificate-authority-data", fakeapi_ca_pem(other));
	struct seen seen = {0}, system = {0};
	struct rig rig;

	get_with(state, &options, member, NULL, &rig, &seen);
	assert_tls_failure(&rig, &seen, "could not be verified by the context's certificate-authority: ");
	assert_contains(seen.message, kshim_client_server(rig.client));
	rig_stop(&rig);
	free(member);
	assert_int_equal(fakeapi_stop(other), 0);
	/* no CA of one's own: the system's, which does not know it either */
	get_with(state, &options, "\"insecure-skip-tls-verify\":false", NULL, &rig, &system);
	assert_tls_failure(&rig, &system, "(the context has no certificate-authority): ");
	rig_stop(&rig);
}

static void test_wrong_name(void **state)
{
	struct fakeapi_options options = {.san = "DNS:other.test"};
	struct seen seen = {0};
	struct rig rig;

	get_with(state, &options, NULL, NULL, &rig, &seen);
	assert_tls_failure(&rig, &seen, "127.0.0.1");
	rig_stop(&rig);
}

static void test_expired(void **state)
{
	struct fakeapi_options options = {.expired = true};
	struct seen seen = {0};
	struct rig rig;

	get_with(state, &options, NULL, NULL, &rig, &seen);
	assert_tls_failure(&rig, &seen, "expired");
	rig_stop(&rig);
}

static void test_insecure(void **state)
{
	struct fakeapi_options options = {.expired = true, .san = "DNS:other.test"};
	struct seen seen = {0};
	struct rig rig;

	get_with(state, &options, "\"insecure-skip-tls-verify\":true", NULL, &rig, &seen);
	assert_ok(&seen);
	rig_stop(&rig);
}

static void test_server_name(void **state)
{
	struct fakeapi_options options = {.san = "DNS:other.test"};
	struct seen right = {0}, wrong = {0}, again = {0};
	const struct fakeapi_request *request;
	char host[32];
	struct rig rig;

	get_with(state, &options, "\"tls-server-name\":\"other.test\"", NULL, &rig, &right);
	assert_ok(&right);
	request = fakeapi_request(rig.api, 0);
	assert_string_equal(request->sni, "other.test");
	snprintf(host, sizeof(host), "127.0.0.1:%d", fakeapi_port(rig.api));
	assert_string_equal(fakeapi_header(request, "Host"), host);
	get_pod(&rig, "a", &again);
	assert_ok(&again);
	assert_int_equal(fakeapi_connections(rig.api), 1);
	rig_stop(&rig);
	get_with(state, &options, "\"tls-server-name\":\"wrong.test\"", NULL, &rig, &wrong);
	assert_tls_failure(&rig, &wrong, "wrong.test");
	rig_stop(&rig);
}

/* Client certificates. */

static struct fakeapi *authority;

static char *client_certificate(void)
{
	char *cert = base64_member("client-certificate-data", fakeapi_client_cert_pem(authority));
	char *key = base64_member("client-key-data", fakeapi_client_key_pem(authority)), *both;

	assert_true(asprintf(&both, "%s,%s", cert, key) > 0);
	free(cert);
	free(key);
	return both;
}

static void test_client_certificate(void **state)
{
	struct fakeapi_options options = {.client_cert = FAKEAPI_CERT_DEMANDED, .like = authority};
	char *user = client_certificate();
	struct seen seen = {0}, again = {0};
	struct rig rig;

	get_with(state, &options, NULL, user, &rig, &seen);
	assert_ok(&seen);
	assert_string_equal(fakeapi_request(rig.api, 0)->client_cn, "kubeshim-client");
	assert_null(fakeapi_header(fakeapi_request(rig.api, 0), "Authorization"));
	get_pod(&rig, "a", &again);
	assert_int_equal(fakeapi_connections(rig.api), 1);
	rig_stop(&rig);
	free(user);
}

/* The server tells so only after the handshake (TLS 1.3): it is no broken
 * connection for all that, and not tried again and again. */
static void test_client_certificate_missing(void **state)
{
	struct fakeapi_options options = {.client_cert = FAKEAPI_CERT_DEMANDED};
	struct seen seen = {0};
	struct rig rig;

	get_with(state, &options, NULL, NULL, &rig, &seen);
	assert_failed(&seen, KSHIM_ETLS);
	assert_contains(seen.message, "certificate required");
	assert_int_equal(fakeapi_request_count(rig.api), 0);
	assert_in_range(fakeapi_connections(rig.api), 1, 2);
	rig_stop(&rig);
}

/* Two identities on one loop. */
static void test_two_identities(void **state)
{
	struct fakeapi_options options = {.client_cert = FAKEAPI_CERT_ASKED, .like = authority};
	char *user = client_certificate();
	struct seen one = {0}, two = {0};
	const struct fakeapi_request *request;
	kshim_client *other;
	kshim_query *pods;
	struct rig rig;
	size_t i;

	options.routes = &whole;
	options.route_count = 1;
	rig_start_with(&rig, state, &options, NULL, user);
	other = kshim_client_new(rig.loop, config_of(rig.api, NULL, "\"token\":\"" SECRET "-other\""));
	kshim_client_set_http_version(other, rig.http);
	pods = kshim_query_new(other, KSHIM_POD, "ns");
	assert_non_null(started(&one, kshim_query_get_by_name(rig.pods, "one", seen_done, &one)));
	assert_non_null(started(&two, kshim_query_get_by_name(pods, "two", seen_done, &two)));
	rig_drive(&rig);
	assert_ok(&one);
	assert_ok(&two);
	for (i = 0; i < 2; i++) {
		request = fakeapi_request(rig.api, i);
		if (strstr(request->path, "/one")) {
			assert_string_equal(request->client_cn, "kubeshim-client");
			assert_null(fakeapi_header(request, "Authorization"));
		} else {
			assert_null(request->client_cn);
			assert_string_equal(fakeapi_header(request, "Authorization"), "Bearer " SECRET "-other");
		}
	}
	kshim_query_free(pods);
	kshim_client_free(other);
	rig_stop(&rig);
	free(user);
}

/* Headers. */

#define IMPERSONATE                                                                                                    \
	"\"as\":\"jane\",\"as-uid\":\"u-7\",\"as-groups\":[\"dev\",\"ops\"],"                                           \
	"\"as-user-extra\":{\"Scopes/X\":[\"a\",\"b\"]}"

static void test_credentials_are_sent(void **state)
{
	static const struct {
		const char *user, *authorization;
	} cases[] = {
		{"\"token\":\"" SECRET "-1\"", "Bearer " SECRET "-1"},
		{"\"username\":\"me\",\"password\":\"" SECRET ":w\"", "Basic bWU6Z2VoZWltOnc="},
		{"\"token\":\"" SECRET "-1\"," IMPERSONATE, "Bearer " SECRET "-1"},
	};
	struct fakeapi_options options = {0};
	const struct fakeapi_request *request;
	size_t i;

	for (i = 0; i < COUNT(cases); i++) {
		struct seen seen = {0};
		struct rig rig;

		get_with(state, &options, NULL, cases[i].user, &rig, &seen);
		assert_ok(&seen);
		request = fakeapi_request(rig.api, 0);
		assert_string_equal(fakeapi_header(request, "Authorization"), cases[i].authorization);
		assert_int_equal(fakeapi_header_count(request, "Authorization"), 1);
		assert_int_equal(fakeapi_header_count(request, "Impersonate-Group"), i == 2 ? 2 : 0);
		if (i == 2) {
			assert_string_equal(fakeapi_header(request, "Impersonate-User"), "jane");
			assert_string_equal(fakeapi_header(request, "Impersonate-Uid"), "u-7");
			assert_int_equal(fakeapi_header_count(request, "Impersonate-Extra-scopes%2Fx"), 2);
		} else {
			assert_null(fakeapi_header(request, "Impersonate-User"));
		}
		rig_stop(&rig);
	}
}

/* Where that may be the reason the message says so. */
static void test_http_is_named(void **state)
{
	static const struct {
		struct fakeapi_answer answer;
		bool named;
	} cases[] = {
		{{.status = 400, .type = "text/plain", .body = "Client sent an HTTP request to an HTTPS server.\n"}, true},
		{{.status = 401, .body = "{\"kind\":\"Status\",\"reason\":\"Unauthorized\",\"message\":\"no\",\"code\":401}"}, true},
		{{.status = 400, .body = "{\"kind\":\"Status\",\"reason\":\"BadRequest\",\"message\":\"no\",\"code\":400}"}, false},
	};
	size_t i;

	for (i = 0; i < COUNT(cases); i++) {
		const struct fakeapi_route route = {.answer = cases[i].answer};
		struct fakeapi_options options = {.plain = true, .http = FAKEAPI_H1, .routes = &route, .route_count = 1};
		struct seen seen = {0};
		struct rig rig;

		get_with(state, &options, NULL, "\"token\":\"" SECRET "-1\"", &rig, &seen);
		assert_int_equal(seen.status, cases[i].answer.status);
		assert_int_equal(strstr(seen.message, ", asked without TLS and so without credentials: ") != NULL, cases[i].named);
		assert_int_equal(strstr(seen.message, kshim_client_server(rig.client)) != NULL, cases[i].named);
		rig_stop(&rig);
	}
}

/* Never in clear, whatever it is. */
static void test_nothing_goes_to_http(void **state)
{
	static const char *const users[] = {"\"token\":\"" SECRET "-1\"", "\"username\":\"me\",\"password\":\"" SECRET "\"", IMPERSONATE};
	static const char *const headers[] = {"Authorization", "Impersonate-User", "Impersonate-Group", "Impersonate-Uid",
					      "Cookie"};
	struct fakeapi_options options = {.plain = true, .http = FAKEAPI_H1};
	size_t i, k;

	for (i = 0; i < COUNT(users); i++) {
		struct seen seen = {0};
		struct rig rig;

		get_with(state, &options, NULL, users[i], &rig, &seen);
		assert_ok(&seen);
		for (k = 0; k < COUNT(headers); k++)
			assert_null(fakeapi_header(fakeapi_request(rig.api, 0), headers[k]));
		rig_stop(&rig);
	}
}

static void test_common_headers(void **state)
{
	struct fakeapi_options options = {0};
	struct seen seen = {0}, named = {0};
	const struct fakeapi_request *request;
	struct rig rig;

	get_with(state, &options, NULL, NULL, &rig, &seen);
	request = fakeapi_request(rig.api, 0);
	assert_memory_equal(fakeapi_header(request, "User-Agent"), "kubeshim/0.1.0 (", 16);
	assert_string_equal(fakeapi_header(request, "Accept"), "application/json");
	assert_null(fakeapi_header(request, "Content-Type"));
	assert_null(fakeapi_header(request, "Authorization"));
	assert_int_equal(kshim_client_set_user_agent(rig.client, "squid/7"), 0);
	assert_int_equal(kshim_client_set_user_agent(rig.client, "a\r\nX: y"), -1);
	get_pod(&rig, "a", &named);
	assert_memory_equal(fakeapi_header(fakeapi_request(rig.api, 1), "User-Agent"), "squid/7 kubeshim/0.1.0 (", 24);
	rig_stop(&rig);
}

/* Token files. */

struct token_file {
	char path[64];
	char member[128];
};

static void put_token(const struct token_file *file, const char *token)
{
	FILE *out = fopen(file->path, "we");

	assert_non_null(out);
	fprintf(out, "%s\n", token);
	fclose(out);
}

static void token_file_open(struct token_file *file, const char *token)
{
	int fd;

	strcpy(file->path, "/tmp/kubeshim-token-XXXXXX");
	fd = mkstemp(file->path);
	assert_true(fd >= 0);
	close(fd);
	snprintf(file->member, sizeof(file->member), "\"tokenFile\":\"%s\"", file->path);
	put_token(file, token);
}

static void answer_new_token(void *ctx, const struct fakeapi_request *request, struct fakeapi_answer *out)
{
	const char *authorization = fakeapi_header(request, "Authorization");

	(void)ctx;
	if (authorization && strcmp(authorization, "Bearer " SECRET "-new") == 0)
		return;
	out->status = 401;
	out->body = "{\"kind\":\"Status\",\"reason\":\"Unauthorized\",\"message\":\"Unauthorized\"}";
}

static const struct fakeapi_route guarded = {.answer = {.body = POD("a")}, .generate = answer_new_token};

static void test_token_file_after_401(void **state)
{
	struct fakeapi_options options = {.routes = &guarded, .route_count = 1};
	struct seen stale = {0}, renewed = {0}, next = {0};
	struct token_file file;
	struct rig rig;

	token_file_open(&file, SECRET "-old");
	rig_start_with(&rig, state, &options, NULL, file.member);
	/* the file holds no other: one more attempt, then the 401 */
	get_pod(&rig, "a", &stale);
	assert_failed(&stale, KSHIM_EUNAUTHORIZED);
	assert_int_equal(fakeapi_request_count(rig.api), 2);
	put_token(&file, SECRET "-new");
	get_pod(&rig, "a", &renewed);
	assert_ok(&renewed);
	assert_in_range(fakeapi_request_count(rig.api), 3, 4);
	get_pod(&rig, "a", &next);
	assert_ok(&next);
	assert_string_equal(fakeapi_header(fakeapi_request(rig.api, fakeapi_request_count(rig.api) - 1),
					   "Authorization"), "Bearer " SECRET "-new");
	rig_stop(&rig);
	unlink(file.path);
}

/* A token that cannot be renewed is not sent twice. */
static void test_inline_token_after_401(void **state)
{
	struct fakeapi_options options = {.routes = &guarded, .route_count = 1};
	struct seen seen = {0};
	struct rig rig;

	rig_start_with(&rig, state, &options, NULL, "\"token\":\"" SECRET "-old\"");
	get_pod(&rig, "a", &seen);
	assert_failed(&seen, KSHIM_EUNAUTHORIZED);
	assert_int_equal(fakeapi_request_count(rig.api), 1);
	rig_stop(&rig);
}

/* A proxy: it sees CONNECT and a tunnel, and nothing of what goes through. */

struct proxy {
	int listener;
	int port;
	pthread_t thread;
	char head[2048];
	size_t tunnelled;
	bool refuses;
};

static void shuttle(struct proxy *proxy, int client, int server)
{
	struct pollfd fds[2] = {{.fd = client, .events = POLLIN}, {.fd = server, .events = POLLIN}};
	char buf[16384];
	ssize_t n;
	int i;

	for (;;) {
		if (poll(fds, 2, HANG_MS) <= 0)
			return;
		for (i = 0; i < 2; i++) {
			if (!fds[i].revents)
				continue;
			n = read(fds[i].fd, buf, sizeof(buf));
			if (n <= 0 || send(fds[1 - i].fd, buf, (size_t)n, MSG_NOSIGNAL) != n)
				return;
			proxy->tunnelled += (size_t)n;
		}
	}
}

static int connect_to(int port)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	return connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0 ? fd : -1;
}

static void *proxy_serve(void *user)
{
	struct proxy *proxy = user;
	int client = accept4(proxy->listener, NULL, NULL, SOCK_CLOEXEC), server = -1, port;
	const char *answer = "HTTP/1.1 200 OK\r\n\r\n";
	size_t len = 0;
	ssize_t n;

	while (!strstr(proxy->head, "\r\n\r\n") &&
	       (n = read(client, proxy->head + len, sizeof(proxy->head) - 1 - len)) > 0)
		len += (size_t)n;
	if (proxy->refuses || sscanf(proxy->head, "CONNECT 127.0.0.1:%d ", &port) != 1)
		answer = "HTTP/1.1 407 No\r\nProxy-Authenticate: Basic realm=\"x\"\r\nContent-Length: 0\r\n\r\n";
	else
		server = connect_to(port);
	if (send(client, answer, strlen(answer), MSG_NOSIGNAL) > 0 && server >= 0)
		shuttle(proxy, client, server);
	close(client);
	if (server >= 0)
		close(server);
	return NULL;
}

static void proxy_open(struct proxy *proxy)
{
	struct sockaddr_in at = {.sin_family = AF_INET};
	socklen_t len = sizeof(at);

	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	proxy->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(proxy->listener, (struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(listen(proxy->listener, 8), 0);
	getsockname(proxy->listener, (struct sockaddr *)&at, &len);
	proxy->port = ntohs(at.sin_port);
	assert_int_equal(pthread_create(&proxy->thread, NULL, proxy_serve, proxy), 0);
}

static void through_proxy(void **state, struct proxy *proxy, struct seen *seen, size_t requests)
{
	struct fakeapi_options options = {.routes = &whole, .route_count = 1};
	char member[64], connect[64];
	struct rig rig;

	proxy_open(proxy);
	snprintf(member, sizeof(member), "\"proxy-url\":\"http://127.0.0.1:%d\"", proxy->port);
	rig_start_with(&rig, state, &options, member, "\"token\":\"" SECRET "-1\"");
	get_pod(&rig, "a", seen);
	snprintf(connect, sizeof(connect), "CONNECT 127.0.0.1:%d HTTP/1.1\r\n", fakeapi_port(rig.api));
	assert_int_equal(fakeapi_request_count(rig.api), requests);
	/* the end of the client ends the tunnel, and the proxy with it */
	kshim_query_free(rig.pods);
	rig.pods = NULL;
	kshim_client_free(rig.client);
	rig.client = NULL;
	pthread_join(proxy->thread, NULL);
	assert_memory_equal(proxy->head, connect, strlen(connect));
	assert_null(strcasestr(proxy->head, "\r\nAuthorization:"));
	assert_null(strstr(proxy->head, SECRET));
	rig_stop(&rig);
	close(proxy->listener); /* it was open when the rig counted */
}

static void test_proxy(void **state)
{
	struct proxy open = {0}, refuses = {.refuses = true};
	struct seen through = {0}, refused = {0};

	through_proxy(state, &open, &through, 1);
	assert_ok(&through);
	assert_true(open.tunnelled > 1000);
	through_proxy(state, &refuses, &refused, 0);
	assert_failed(&refused, KSHIM_ECONNECT);
	assert_contains(refused.message, "407");
	assert_int_equal(refuses.tunnelled, 0);
}

static int authority_start(void **state)
{
	struct fakeapi_options options = {.routes = &whole, .route_count = 1};

	(void)state;
	authority = fakeapi_start(&options);
	return authority ? 0 : -1;
}

static int authority_stop(void **state)
{
	(void)state;
	return fakeapi_stop(authority);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ALL_VARIANTS(test_wrong_ca),
		BOTH_HTTP(test_wrong_name),
		BOTH_HTTP(test_expired),
		BOTH_HTTP(test_insecure),
		BOTH_HTTP(test_server_name),
		BOTH_HTTP(test_client_certificate),
		BOTH_HTTP(test_client_certificate_missing),
		ALL_VARIANTS(test_two_identities),
		BOTH_HTTP(test_credentials_are_sent),
		BOTH_HTTP(test_nothing_goes_to_http),
		BOTH_HTTP(test_http_is_named),
		BOTH_HTTP(test_common_headers),
		ALL_VARIANTS(test_token_file_after_401),
		BOTH_HTTP(test_inline_token_after_401),
		ALL_VARIANTS(test_proxy),
	};

	test_begin();
	return cmocka_run_group_tests_name("faults/tls", tests, authority_start, authority_stop);
}
