/* The fake API server does what its header says, seen with libcurl. */
#include "selftest.h"

#define BODY "{\"kind\":\"Pod\",\"metadata\":{\"name\":\"a\"}}\n"
#define LINES "{\"n\":1}\n{\"n\":2}\n{\"n\":3}\n"

/* Each test of an answer runs over both protocols: state is the protocol's number. */
static long http_of(void **state)
{
	return *state ? CURL_HTTP_VERSION_2TLS : CURL_HTTP_VERSION_1_1;
}

static bool is_h2(void **state)
{
	return *state != NULL;
}

static long slowness = 1;

/* One answer to one request on a server of its own, which must end well. */
static void one(void **state, const struct fakeapi_answer *answer, struct seen *s,
		long timeout_ms, enum fakeapi_fate fate)
{
	struct fakeapi_route route = { .path = "/x", .answer = *answer };
	struct fakeapi *api = start(&route, 1);
	struct client *c = client_new(api, http_of(state));

	/* Enough for a handshake, also under valgrind. */
	if (timeout_ms)
		c->timeout_ms = timeout_ms * slowness;
	request(c, "/x", s);
	/* First, for curl 7.88.1 sends no RST_STREAM when it gives up. */
	client_free(c);
	assert_fate(api, 0, fate);
	stop(api);
}

static void test_answer_and_log(void **state)
{
	static const char *const extra[] = { "Warning: 299 - \"old\"", "Audit-Id: 7", NULL };
	struct fakeapi_route routes[] = {
		{ "GET", "/api/v1/pods", .answer = { .body = BODY, .headers = extra } },
		{ "POST", "/api/*/configmaps", .answer = { .status = 201, .body = "{}" } },
		{ NULL, "/q?*watch=1*", .answer = { .body = "watched" } },
		{ NULL, "/q", .answer = { .body = "plain" } },
		{ "HEAD", "/head", .answer = { .body = BODY } },
	};
	struct fakeapi *api = start(routes, COUNT(routes));
	struct client *c = client_new(api, http_of(state));
	const struct fakeapi_request *req;
	struct seen s;

	assert_int_equal(fakeapi_request_count(api), 0);
	c->headers = curl_slist_append(c->headers, "Authorization: Bearer abc");
	request(c, "/api/v1/pods?limit=5", &s);
	assert_int_equal(s.rc, CURLE_OK);
	assert_int_equal(s.status, 200);
	assert_string_equal(s.body, BODY);
	assert_int_equal(s.http, is_h2(state) ? CURL_HTTP_VERSION_2_0 : CURL_HTTP_VERSION_1_1);
	assert_non_null(strcasestr(s.head, "audit-id: 7\r\n"));
	assert_non_null(strcasestr(s.head, "warning: 299 - \"old\"\r\n"));
	assert_non_null(strcasestr(s.head, "content-type: application/json\r\n"));
	assert_non_null(strcasestr(s.head, "content-length: 39\r\n"));

	req = fakeapi_request(api, 0);
	assert_non_null(req);
	assert_string_equal(req->method, "GET");
	assert_string_equal(req->path, "/api/v1/pods?limit=5");
	assert_string_equal(fakeapi_header(req, "authorization"), "Bearer abc");
	assert_int_equal(fakeapi_header_count(req, "Authorization"), 1);
	assert_null(fakeapi_header(req, "X-None"));
	assert_memory_equal(fakeapi_header(req, "host"), "127.0.0.1:", 10);
	assert_int_equal(req->http, is_h2(state) ? 20 : 11);
	assert_int_equal(req->connection, 1);
	assert_int_equal(req->number, 1);
	assert_int_equal(req->route, 0);
	assert_true(req->arrived_ns > 0);
	assert_null(req->client_cn);
	assert_fate(api, 0, FAKEAPI_ANSWERED);
	assert_int_equal(atomic_load(&req->sent), strlen(BODY));

	c->post = "{\"kind\":\"ConfigMap\"}";
	c->post_len = strlen(c->post);
	request(c, "/api/v1/namespaces/a/configmaps", &s);
	assert_int_equal(s.status, 201);
	c->post = NULL;
	request(c, "/q?a=b&watch=1", &s);
	assert_string_equal(s.body, "watched");
	request(c, "/q?a=b", &s);
	assert_string_equal(s.body, "plain");
	request(c, "/nothing", &s);
	assert_int_equal(s.status, 404);
	assert_non_null(strstr(s.body, "\"reason\":\"NotFound\""));

	req = fakeapi_request(api, 1);
	assert_string_equal(req->method, "POST");
	assert_string_equal(req->body, "{\"kind\":\"ConfigMap\"}");
	assert_int_equal(req->body_len, 20);
	assert_int_equal(req->number, 2);
	assert_int_equal(fakeapi_request(api, 4)->route, -1);
	assert_null(fakeapi_request(api, 5));
	assert_int_equal(fakeapi_count(api, NULL, "/q"), 2);
	assert_int_equal(fakeapi_count(api, "GET", "/q?*watch*"), 1);
	assert_int_equal(fakeapi_count(api, "PUT", NULL), 0);
	assert_int_equal(fakeapi_request_count(api), 5);
	assert_int_equal(fakeapi_connections(api), 1);
	assert_open_connections(api, 1);
	client_free(c);
	assert_open_connections(api, 0);
	stop(api);
}

static void test_nth(void **state)
{
	static const char *const after[] = { "Retry-After: 1", NULL };
	struct fakeapi_route routes[] = {
		{ "GET", "/x", .nth = 1, .answer = { .status = 503, .headers = after, .body = "busy",
						       .type = "text/plain" } },
		{ "GET", "/x", .nth = 3, .answer = { .status = 429, .type = "" } },
		{ "GET", "/x", .answer = { .body = BODY } },
	};
	struct fakeapi *api = start(routes, COUNT(routes));
	struct client *c = client_new(api, http_of(state));
	static const long expected[] = { 503, 200, 429, 200 };
	struct seen s;

	for (size_t i = 0; i < COUNT(expected); i++) {
		request(c, "/x", &s);
		assert_int_equal(s.rc, CURLE_OK);
		assert_int_equal(s.status, expected[i]);
		if (i == 0) {
			assert_string_equal(s.body, "busy");
			assert_non_null(strcasestr(s.head, "retry-after: 1"));
			assert_non_null(strcasestr(s.head, "content-type: text/plain"));
		}
		if (i == 2)
			assert_null(strcasestr(s.head, "content-type"));
	}
	client_free(c);
	stop(api);
}

static void test_codings(void **state)
{
	static const enum fakeapi_coding codings[] = {
		FAKEAPI_LENGTH, FAKEAPI_CHUNKED, FAKEAPI_UNTIL_CLOSE
	};
	struct seen s;

	for (size_t i = 0; i < COUNT(codings); i++) {
		struct fakeapi_answer a = { .body = BODY, .coding = codings[i] };

		one(state, &a, &s, 0, FAKEAPI_ANSWERED);
		assert_int_equal(s.rc, CURLE_OK);
		assert_string_equal(s.body, BODY);
		assert_int_equal(strcasestr(s.head, "content-length:") != NULL,
				 codings[i] == FAKEAPI_LENGTH);
		if (!is_h2(state))
			assert_int_equal(strcasestr(s.head, "Transfer-Encoding: chunked") != NULL,
					 codings[i] == FAKEAPI_CHUNKED);
	}
}

static void test_split_at_each_offset(void **state)
{
	struct fakeapi_route routes[] = {
		{ NULL, "/*", .answer = { .body = BODY, .coding = FAKEAPI_CHUNKED } },
	};
	struct seen s;

	for (size_t at = 1; at < strlen(BODY); at++) {
		struct fakeapi *api;
		struct client *c;

		routes[0].answer.split_at = at;
		api = start(routes, 1);
		c = client_new(api, http_of(state));
		request(c, "/x", &s);
		assert_int_equal(s.rc, CURLE_OK);
		assert_string_equal(s.body, BODY);
		assert_int_equal(s.writes, 2);
		assert_int_equal(s.sizes[0], at);
		client_free(c);
		stop(api);
	}
}

static void test_pieces_and_lines(void **state)
{
	struct fakeapi_answer a = { .body = BODY, .piece = 1 };
	struct seen s;

	one(state, &a, &s, 0, FAKEAPI_ANSWERED);
	assert_int_equal(s.rc, CURLE_OK);
	assert_string_equal(s.body, BODY);
	assert_int_equal(s.writes, strlen(BODY));

	a = (struct fakeapi_answer){ .body = LINES, .lines = true, .coding = FAKEAPI_CHUNKED,
				     .part_delay_ms = 50 };
	one(state, &a, &s, 0, FAKEAPI_ANSWERED);
	assert_int_equal(s.rc, CURLE_OK);
	assert_string_equal(s.body, LINES);
	assert_int_equal(s.writes, 3);
	assert_int_equal(s.sizes[1], 8);
	assert_true(s.seconds >= 0.1);
}

static void test_delays(void **state)
{
	struct fakeapi_answer a = { .body = BODY, .head_delay_ms = 100 };
	struct seen s;

	one(state, &a, &s, 0, FAKEAPI_ANSWERED);
	assert_int_equal(s.rc, CURLE_OK);
	assert_true(s.seconds >= 0.1);
	a.head_delay_ms = 60000;
	one(state, &a, &s, 200, FAKEAPI_CLIENT_LEFT);
	assert_int_equal(s.rc, CURLE_OPERATION_TIMEDOUT);
	assert_int_equal(s.head_len, 0);

	a = (struct fakeapi_answer){ .body = BODY, .body_delay_ms = 200 };
	one(state, &a, &s, 0, FAKEAPI_ANSWERED);
	assert_int_equal(s.rc, CURLE_OK);
	assert_true(s.seconds >= 0.2);
	a.body_delay_ms = 60000;
	one(state, &a, &s, 200, FAKEAPI_CLIENT_LEFT);
	assert_int_equal(s.rc, CURLE_OPERATION_TIMEDOUT);
	assert_int_equal(s.status, 200);
	assert_int_equal(s.body_len, 0);
}

static void test_stall(void **state)
{
	struct fakeapi_answer a = { .body = BODY, .end = FAKEAPI_STALL, .end_after = 7 };
	struct seen s;

	one(state, &a, &s, 200, FAKEAPI_CLIENT_LEFT);
	assert_int_equal(s.rc, CURLE_OPERATION_TIMEDOUT);
	assert_int_equal(s.status, 200);
	assert_int_equal(s.body_len, 7);

	a.end_after = 0;
	one(state, &a, &s, 200, FAKEAPI_CLIENT_LEFT);
	assert_int_equal(s.rc, CURLE_OPERATION_TIMEDOUT);
	assert_int_equal(s.status, 200);
	assert_int_equal(s.body_len, 0);

	/* A watch: all lines come, the end does not. */
	a = (struct fakeapi_answer){ .body = LINES, .lines = true, .coding = FAKEAPI_CHUNKED,
				     .end = FAKEAPI_STALL, .end_after = FAKEAPI_ALL };
	one(state, &a, &s, 200, FAKEAPI_CLIENT_LEFT);
	assert_int_equal(s.rc, CURLE_OPERATION_TIMEDOUT);
	assert_string_equal(s.body, LINES);

	a = (struct fakeapi_answer){ .end = FAKEAPI_MUTE };
	one(state, &a, &s, 200, FAKEAPI_CLIENT_LEFT);
	assert_int_equal(s.rc, CURLE_OPERATION_TIMEDOUT);
	assert_int_equal(s.head_len, 0);
}

static void test_cut(void **state)
{
	struct fakeapi_answer a = { .body = BODY, .end_after = 9 };
	struct seen s;

	a.end = FAKEAPI_CUT;
	one(state, &a, &s, 0, FAKEAPI_FAULTED);
	if (is_h2(state))
		assert_in_range(s.rc, 1, CURL_LAST);
	else
		assert_int_equal(s.rc, CURLE_PARTIAL_FILE);
	assert_int_equal(s.status, 200);
	assert_int_equal(s.body_len, 9);

	a.end = FAKEAPI_CUT_ABRUPT;
	one(state, &a, &s, 0, FAKEAPI_FAULTED);
	/* 7.88.1 tells OpenSSL to take a FIN without close_notify for an end: PARTIAL_FILE. */
	assert_in_range(s.rc, 1, CURL_LAST);
	if (!is_h2(state))
		assert_true(s.rc == CURLE_PARTIAL_FILE || s.rc == CURLE_RECV_ERROR);
	assert_int_equal(s.body_len, 9);

	a.end = FAKEAPI_CUT_RESET;
	one(state, &a, &s, 0, FAKEAPI_FAULTED);
	assert_true(s.rc == CURLE_RECV_ERROR || s.rc == CURLE_SEND_ERROR);
	assert_int_equal(s.body_len, 9);

	a.end = FAKEAPI_RESET_STREAM;
	one(state, &a, &s, 0, FAKEAPI_FAULTED);
	assert_int_equal(s.rc, is_h2(state) ? CURLE_HTTP2_STREAM : CURLE_RECV_ERROR);
	assert_int_equal(s.body_len, 9);

	/* Chunked, so without the last chunk. */
	a = (struct fakeapi_answer){ .body = BODY, .coding = FAKEAPI_CHUNKED, .end = FAKEAPI_CUT,
				     .end_after = FAKEAPI_ALL };
	one(state, &a, &s, 0, FAKEAPI_FAULTED);
	assert_int_not_equal(s.rc, CURLE_OK);
	assert_string_equal(s.body, BODY);
}

static void test_hang_up(void **state)
{
	struct fakeapi_answer a = { .end = FAKEAPI_HANG_UP };
	struct seen s;

	one(state, &a, &s, 0, FAKEAPI_FAULTED);
	assert_int_not_equal(s.rc, CURLE_OK);
	if (!is_h2(state))
		assert_int_equal(s.rc, CURLE_GOT_NOTHING);
	assert_int_equal(s.head_len, 0);

	a.end = FAKEAPI_HANG_UP_RESET;
	one(state, &a, &s, 0, FAKEAPI_FAULTED);
	assert_true(s.rc == CURLE_RECV_ERROR || s.rc == CURLE_SEND_ERROR);
	assert_int_equal(s.head_len, 0);
}

/*
 * What the server did not process curl asks again on another connection, but
 * 7.88.1 fails with CURLE_HTTP2 when a GOAWAY tells.
 */
static void test_refused(void **state)
{
	struct fakeapi_route routes[] = {
		{ NULL, "/goaway", .nth = 2, .answer = { .end = FAKEAPI_GOAWAY_REFUSE } },
		{ NULL, "/stream", .nth = 2, .answer = { .end = FAKEAPI_REFUSE_STREAM } },
		{ .answer = { .body = BODY } },
	};
	static const char *const paths[] = { "/goaway", "/stream" };

	for (size_t i = 0; i < COUNT(paths); i++) {
		struct fakeapi *api = start(routes, COUNT(routes));
		struct client *c = client_new(api, http_of(state));
		struct seen s;

		request(c, paths[i], &s);
		assert_int_equal(s.rc, CURLE_OK);
		request(c, paths[i], &s);
		if (i == 0 && is_h2(state) && s.rc == CURLE_HTTP2)
			request(c, paths[i], &s);
		assert_int_equal(s.rc, CURLE_OK);
		assert_string_equal(s.body, BODY);
		assert_int_equal(fakeapi_count(api, "GET", paths[i]), 3);
		assert_int_equal(fakeapi_connections(api), 2);
		assert_int_equal(fakeapi_request(api, 1)->connection, 1);
		assert_int_equal(fakeapi_request(api, 2)->connection, 2);
		assert_fate(api, 1, FAKEAPI_FAULTED);
		client_free(c);
		stop(api);
	}
}

static void test_length_error(void **state)
{
	struct fakeapi_answer a = { .body = BODY, .length_error = 5 };
	struct seen s;

	one(state, &a, &s, 0, FAKEAPI_ANSWERED);
	assert_int_equal(s.rc, is_h2(state) ? CURLE_HTTP2_STREAM : CURLE_PARTIAL_FILE);
	if (is_h2(state))
		return;
	assert_int_equal(s.body_len, strlen(BODY));
	a.length_error = -5;
	one(state, &a, &s, 0, FAKEAPI_ANSWERED);
	assert_int_equal(s.rc, CURLE_OK);
	assert_int_equal(s.body_len, strlen(BODY) - 5);
}

static void test_gzip(void **state)
{
	struct fakeapi_route routes[] = {
		{ NULL, "/one", .answer = { .body = BODY, .gzip = FAKEAPI_GZIP } },
		{ NULL, "/many", .answer = { .body = LINES, .gzip = FAKEAPI_GZIP_MEMBERS,
					     .coding = FAKEAPI_CHUNKED } },
	};
	struct fakeapi *api = start(routes, COUNT(routes));
	struct client *c = client_new(api, http_of(state));
	struct seen s;

	request(c, "/one", &s);
	assert_null(strcasestr(s.head, "content-encoding"));
	assert_string_equal(s.body, BODY);
	c->headers = curl_slist_append(c->headers, "Accept-Encoding: gzip");
	request(c, "/one", &s);
	assert_non_null(strcasestr(s.head, "content-encoding: gzip"));
	assert_memory_equal(s.body, "\x1f\x8b", 2);
	request(c, "/many", &s);
	assert_memory_equal(s.body, "\x1f\x8b", 2);
	assert_non_null(memmem(s.body + 2, s.body_len - 2, "\x1f\x8b\x08", 3));
	client_free(c);
	stop(api);
}

static void test_redirect(void **state)
{
	static const char *const where[] = { "Location: https://localhost:1/", NULL };
	struct fakeapi_answer a = { .status = 302, .headers = where };
	struct seen s;

	one(state, &a, &s, 0, FAKEAPI_ANSWERED);
	assert_int_equal(s.rc, CURLE_OK);
	assert_int_equal(s.status, 302);
	assert_non_null(strcasestr(s.head, "location: https://localhost:1/\r\n"));
	assert_int_equal(s.body_len, 0);
}

static void test_announced_ends(void **state)
{
	struct fakeapi_route routes[] = {
		{ NULL, "/close", .answer = { .body = BODY, .end = FAKEAPI_CLOSE } },
		{ NULL, "/goaway", .answer = { .body = BODY, .end = FAKEAPI_GOAWAY } },
	};
	static const char *const paths[] = { "/close", "/goaway", "/close", "/close" };
	struct fakeapi *api = start(routes, COUNT(routes));
	struct client *c = client_new(api, http_of(state));
	struct seen s;

	for (size_t i = 0; i < COUNT(paths); i++) {
		request(c, paths[i], &s);
		assert_int_equal(s.rc, CURLE_OK);
		assert_string_equal(s.body, BODY);
		assert_int_equal(s.connects, 1);
		if (!is_h2(state))
			assert_int_equal(strstr(s.head, "Connection: close") != NULL, i != 1);
		assert_fate(api, i, FAKEAPI_ANSWERED);
		usleep(20000);
	}
	assert_int_equal(fakeapi_connections(api), COUNT(paths));
	assert_open_connections(api, 0);
	client_free(c);
	stop(api);
}

/*
 * A connection that is dead, or dies with the next request on it. Over HTTP/1.1
 * curl opens another by itself; over HTTP/2, 7.88.1 reports an error.
 */
static void test_silent_ends(void **state)
{
	static const enum fakeapi_end ends[] = { FAKEAPI_DROP, FAKEAPI_STALE, FAKEAPI_STALE_RESET };

	for (size_t i = 0; i < COUNT(ends); i++) {
		struct fakeapi_route routes[] = {
			{ NULL, "/x", .nth = 1, .answer = { .body = BODY, .end = ends[i] } },
			{ NULL, "/x", .answer = { .body = BODY } },
		};
		struct fakeapi *api = start(routes, COUNT(routes));
		struct client *c = client_new(api, http_of(state));
		struct seen s;

		request(c, "/x", &s);
		assert_int_equal(s.rc, CURLE_OK);
		assert_null(strstr(s.head, "Connection: close"));
		assert_fate(api, 0, FAKEAPI_ANSWERED);
		if (ends[i] == FAKEAPI_DROP)
			assert_open_connections(api, 0);
		request(c, "/x", &s);
		if (is_h2(state) && s.rc != CURLE_OK) {
			assert_int_equal(s.head_len, 0);
			request(c, "/x", &s);
		}
		assert_int_equal(s.rc, CURLE_OK);
		assert_string_equal(s.body, BODY);
		assert_int_equal(fakeapi_connections(api), 2);
		if (ends[i] == FAKEAPI_DROP) {
			assert_int_equal(fakeapi_request_count(api), 2);
		} else {
			assert_int_equal(fakeapi_request_count(api), 3);
			assert_int_equal(fakeapi_request(api, 1)->connection, 1);
			assert_fate(api, 1, FAKEAPI_FAULTED);
			assert_int_equal(fakeapi_request(api, 2)->connection, 2);
		}
		client_free(c);
		stop(api);
	}
}

static size_t count_down(void *state, char *buf, size_t max)
{
	size_t *left = state, n = *left < max ? *left : max;

	memset(buf, 'x', n);
	*left -= n;
	return n;
}

static void generate(void *ctx, const struct fakeapi_request *req, struct fakeapi_answer *out)
{
	size_t *left;
	char *body;

	if (!strcmp(req->path, "/stream")) {
		left = malloc(sizeof(*left));
		if (!left)
			abort();
		*left = 1000000;
		out->stream = count_down;
		out->stream_state = left;
		out->stream_free = free;
		return;
	}
	if (asprintf(&body, "%s %s %s", (char *)ctx, req->method, req->body) < 0)
		abort();
	out->body = body;
	out->body_free = free;
	out->status = 202;
}

static void test_generated(void **state)
{
	struct fakeapi_route route = { .generate = generate, .ctx = (char *)"echo:" };
	struct fakeapi *api = start(&route, 1);
	struct client *c = client_new(api, http_of(state));
	struct seen s;

	request(c, "/stream", &s);
	assert_int_equal(s.rc, CURLE_OK);
	assert_int_equal(s.body_len, 1000000);
	assert_fate(api, 0, FAKEAPI_ANSWERED);
	assert_int_equal(atomic_load(&fakeapi_request(api, 0)->sent), 1000000);
	c->method = "PATCH";
	c->post = "hello";
	c->post_len = 5;
	request(c, "/y", &s);
	assert_int_equal(s.status, 202);
	assert_string_equal(s.body, "echo: PATCH hello");
	client_free(c);
	stop(api);
}

static void test_big_bodies(void **state)
{
	size_t n = 3 << 20;
	char *big = malloc(n);
	struct fakeapi_route route = { .answer = { .body = big, .body_len = n } };
	const struct fakeapi_request *req;
	struct fakeapi *api;
	struct client *c;
	struct seen s;

	assert_non_null(big);
	for (size_t i = 0; i < n; i++)
		big[i] = (char)('a' + i % 26);
	api = start(&route, 1);
	c = client_new(api, http_of(state));
	c->post = big;
	c->post_len = n;
	request(c, "/up", &s);
	assert_int_equal(s.rc, CURLE_OK);
	assert_int_equal(s.body_len, n);
	req = fakeapi_request(api, 0);
	assert_int_equal(req->body_len, n);
	assert_memory_equal(req->body, big, n);
	/* curl 7.88 asks first, and waits a second if it gets no answer: traps.md 25. */
	if (!is_h2(state))
		assert_string_equal(fakeapi_header(req, "Expect"), "100-continue");
	if (slowness == 1)
		assert_true(s.seconds < 0.9);
	client_free(c);
	stop(api);
	free(big);
}

/* Connections and TLS, the same for both protocols. */

static void test_plain(void **state)
{
	struct fakeapi_route route = { .answer = { .body = BODY } };
	struct fakeapi_options o = { .routes = &route, .route_count = 1, .plain = true };
	struct seen s;

	(void)state;
	for (int h2 = 0; h2 < 2; h2++) {
		struct fakeapi *api;
		struct client *c;

		o.http = h2 ? FAKEAPI_H2 : FAKEAPI_H1;
		api = fakeapi_start(&o);
		assert_non_null(api);
		assert_memory_equal(fakeapi_url(api), "http://127.0.0.1:", 17);
		c = client_new(api, h2 ? CURL_HTTP_VERSION_2_PRIOR_KNOWLEDGE :
			       CURL_HTTP_VERSION_1_1);
		request(c, "/", &s);
		assert_int_equal(s.rc, CURLE_OK);
		assert_string_equal(s.body, BODY);
		assert_int_equal(fakeapi_request(api, 0)->http, h2 ? 20 : 11);
		client_free(c);
		stop(api);
	}
}

static void test_alpn(void **state)
{
	struct fakeapi_route route = { .answer = { .body = BODY } };
	struct fakeapi_options o = { .routes = &route, .route_count = 1, .http = FAKEAPI_H1 };
	struct fakeapi *api = fakeapi_start(&o);
	struct client *c = client_new(api, CURL_HTTP_VERSION_2TLS);
	struct seen s;

	(void)state;
	request(c, "/", &s);
	assert_int_equal(s.http, CURL_HTTP_VERSION_1_1);
	client_free(c);
	stop(api);
	o.http = FAKEAPI_H2_AND_H1;
	api = fakeapi_start(&o);
	c = client_new(api, CURL_HTTP_VERSION_2TLS);
	request(c, "/", &s);
	assert_int_equal(s.http, CURL_HTTP_VERSION_2_0);
	client_free(c);
	stop(api);
}

static void test_certificates(void **state)
{
	struct fakeapi_route route = { .answer = { .body = BODY } };
	struct fakeapi_options o = { .routes = &route, .route_count = 1 };
	struct fakeapi *first, *api;
	struct client *c;
	struct seen s;

	(void)state;
	first = fakeapi_start(&o);
	api = fakeapi_start(&o);
	c = client_new(api, CURL_HTTP_VERSION_1_1);
	request(c, "/", &s);
	assert_int_equal(s.rc, CURLE_OK);
	client_free(c);
	/* Another authority. */
	c = client_new(first, CURL_HTTP_VERSION_1_1);
	assert_string_not_equal(fakeapi_ca_pem(first), fakeapi_ca_pem(api));
	stop(api);

	o.like = first;
	api = fakeapi_start(&o);
	assert_string_equal(fakeapi_ca_pem(first), fakeapi_ca_pem(api));
	stop(api);
	o.expired = true;
	api = fakeapi_start(&o);
	c->api = api;
	request(c, "/", &s);
	assert_int_equal(s.rc, CURLE_PEER_FAILED_VERIFICATION);
	assert_true(fakeapi_failed_handshakes(api) <= 1);
	stop(api);
	o.expired = false;
	o.san = "DNS:other.test";
	api = fakeapi_start(&o);
	c->api = api;
	request(c, "/", &s);
	assert_int_equal(s.rc, CURLE_PEER_FAILED_VERIFICATION);
	stop(api);
	client_free(c);
	stop(first);
}

static void test_client_certificate(void **state)
{
	struct fakeapi_route route = { .answer = { .body = BODY } };
	struct fakeapi_options o = { .routes = &route, .route_count = 1,
				     .client_cert = FAKEAPI_CERT_DEMANDED };
	struct fakeapi *api = fakeapi_start(&o);
	struct client *c = client_new(api, CURL_HTTP_VERSION_1_1);
	const char *pem[2] = { fakeapi_client_cert_pem(api), fakeapi_client_key_pem(api) };
	struct curl_blob cert = { (void *)pem[0], strlen(pem[0]), CURL_BLOB_COPY };
	struct curl_blob key = { (void *)pem[1], strlen(pem[1]), CURL_BLOB_COPY };
	struct curl_blob ca = { (void *)fakeapi_ca_pem(api), strlen(fakeapi_ca_pem(api)),
				CURL_BLOB_COPY };
	struct seen s;
	CURL *easy;

	(void)state;
	request(c, "/", &s);
	assert_int_not_equal(s.rc, CURLE_OK);
	assert_int_equal(fakeapi_request_count(api), 0);
	client_free(c);

	memset(&s, 0, sizeof(s));
	easy = curl_easy_init();
	curl_easy_setopt(easy, CURLOPT_URL, fakeapi_url(api));
	curl_easy_setopt(easy, CURLOPT_NOPROXY, "*");
	curl_easy_setopt(easy, CURLOPT_CAINFO_BLOB, &ca);
	curl_easy_setopt(easy, CURLOPT_SSLCERT_BLOB, &cert);
	curl_easy_setopt(easy, CURLOPT_SSLKEY_BLOB, &key);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, &s);
	assert_int_equal(curl_easy_perform(easy), CURLE_OK);
	assert_string_equal(s.body, BODY);
	assert_string_equal(fakeapi_request(api, 0)->client_cn, "kubeshim-client");
	curl_easy_cleanup(easy);
	stop(api);
}

static void test_restart_on_the_same_port(void **state)
{
	struct fakeapi_route route = { .answer = { .body = BODY } };
	struct fakeapi_options o = { .routes = &route, .route_count = 1 };
	struct fakeapi *first = fakeapi_start(&o), *second;
	struct client *c = client_new(first, CURL_HTTP_VERSION_1_1);
	struct seen s;
	int port = fakeapi_port(first);

	(void)state;
	request(c, "/", &s);
	assert_int_equal(s.rc, CURLE_OK);
	/* Only its own sockets: the first must not keep the second's clients. */
	o.like = first;
	second = fakeapi_start(&o);
	assert_non_null(second);
	stop(second);
	kill(fakeapi_pid(first), SIGTERM);
	usleep(50000);
	request(c, "/", &s);
	assert_int_equal(s.rc, CURLE_COULDNT_CONNECT);
	o.port = port;
	second = fakeapi_start(&o);
	assert_non_null(second);
	assert_int_equal(fakeapi_port(second), port);
	request(c, "/", &s);
	assert_int_equal(s.rc, CURLE_OK);
	assert_int_equal(fakeapi_connections(second), 1);
	client_free(c);
	stop(second);
	stop(first);
}

static void test_first_connections(void **state)
{
	struct fakeapi_route route = { .answer = { .body = BODY } };
	struct fakeapi_options o = { .routes = &route, .route_count = 1, .drop_first = 1,
				     .mute_first = 1 };
	struct fakeapi *api = fakeapi_start(&o);
	struct client *c = client_new(api, CURL_HTTP_VERSION_1_1);
	struct seen s;

	(void)state;
	request(c, "/", &s);
	assert_int_not_equal(s.rc, CURLE_OK);
	c->timeout_ms = 200 * slowness;
	request(c, "/", &s);
	assert_int_equal(s.rc, CURLE_OPERATION_TIMEDOUT);
	assert_open_connections(api, 0);
	c->timeout_ms = 20000;
	request(c, "/", &s);
	assert_int_equal(s.rc, CURLE_OK);
	assert_int_equal(fakeapi_connections(api), 3);
	assert_int_equal(fakeapi_request(api, 0)->connection, 3);
	client_free(c);
	stop(api);
}

#define BOTH(test) \
	{ #test " h1", test, NULL, NULL, NULL }, { #test " h2", test, NULL, NULL, (void *)2 }

int main(void)
{
	const struct CMUnitTest tests[] = {
		BOTH(test_answer_and_log),
		BOTH(test_nth),
		BOTH(test_codings),
		BOTH(test_split_at_each_offset),
		BOTH(test_pieces_and_lines),
		BOTH(test_delays),
		BOTH(test_stall),
		BOTH(test_cut),
		BOTH(test_hang_up),
		BOTH(test_refused),
		BOTH(test_length_error),
		BOTH(test_gzip),
		BOTH(test_redirect),
		BOTH(test_announced_ends),
		BOTH(test_silent_ends),
		BOTH(test_generated),
		BOTH(test_big_bodies),
		cmocka_unit_test(test_plain),
		cmocka_unit_test(test_alpn),
		cmocka_unit_test(test_certificates),
		cmocka_unit_test(test_client_certificate),
		cmocka_unit_test(test_restart_on_the_same_port),
		cmocka_unit_test(test_first_connections),
	};
	int rc;

	curl_global_init(CURL_GLOBAL_DEFAULT);
	if (getenv("LD_PRELOAD") && strstr(getenv("LD_PRELOAD"), "vgpreload"))
		slowness = 8;
	if (getenv("SELFTEST_ONLY"))
		cmocka_set_test_filter(getenv("SELFTEST_ONLY"));
	rc = cmocka_run_group_tests_name("faults/selftest", tests, NULL, NULL);
	curl_global_cleanup();
	return rc;
}
