/* Requests to Services, Pods and Nodes through the API server's proxy. */
/* LINK: -Wl,--wrap=kshim__malloc,--wrap=kshim__calloc,--wrap=kshim__realloc,--wrap=kshim__memdup,--wrap=kshim__strdup */
#include "../testutil.h"
#include "../unit/failalloc.h"

#define SVC "/api/v1/namespaces/ns/services"
#define SERVICE(name, ports)                                                                                           \
	"{\"kind\":\"Service\",\"apiVersion\":\"v1\",\"metadata\":{\"name\":\"" name "\",\"namespace\":\"ns\"},"          \
	"\"spec\":{\"ports\":[" ports "]}}"
#define PORTS "{\"name\":\"web\",\"port\":8080},{\"name\":\"tls\",\"port\":8443}"
#define STATUS(status, reason)                                                                                         \
	"{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"metadata\":{},\"status\":\"Failure\",\"message\":\"said so\","      \
	"\"reason\":\"" reason "\",\"details\":{\"kind\":\"services\"},\"code\":" #status "}"

static kshim_object *object(struct rig *rig, const kshim_kind *kind, const char *name)
{
	kshim_query *query = kshim_query_new(rig->client, kind, "ns");
	kshim_object *found = kshim_query_object(query, name);

	assert_non_null(found);
	kshim_query_free(query);
	return found;
}

static kshim_object *service(struct rig *rig, const char *text)
{
	kshim_object *made = kshim_object_from_text(rig->client, text, strlen(text));

	assert_non_null(made);
	return made;
}

/* GET path of the Service's port 80. */
static void get(struct rig *rig, const char *path, struct seen *seen)
{
	kshim_object *target = object(rig, KSHIM_SERVICE, "s");

	started(seen, kshim_proxy_request(target, "80", "GET", path, NULL, 0, NULL, NULL, seen_done, seen));
	kshim_object_unref(target);
	rig_drive(rig);
}

static const char *last_path(struct rig *rig)
{
	return fakeapi_request(rig->api, fakeapi_request_count(rig->api) - 1)->path;
}

/* ---- Where it goes. */

static void test_targets(void **state)
{
	const struct fakeapi_route routes[] = {
		{"GET", SVC "/s", .answer = {.body = SERVICE("s", PORTS)}},
		{"GET", SVC "/none", .answer = {.body = SERVICE("none", "")}},
		{NULL, NULL, .answer = {.type = "text/plain", .body = "hello"}},
	};
	struct {
		const char *scheme, *port, *path;
		const kshim_kind *kind;
	} cases[] = {
		{NULL, "80", SVC "/x%3A80/proxy/a", KSHIM_SERVICE},
		{NULL, "web", SVC "/x%3Aweb/proxy/a", KSHIM_SERVICE},
		{"https", "443", SVC "/https%3Ax%3A443/proxy/a", KSHIM_SERVICE},
		{NULL, NULL, LIST_PATH "/x/proxy/a", KSHIM_POD},
		{NULL, "8080", LIST_PATH "/x%3A8080/proxy/a", KSHIM_POD},
		{"http", NULL, LIST_PATH "/http%3Ax%3A/proxy/a", KSHIM_POD},
		{NULL, NULL, "/api/v1/nodes/x/proxy/a", KSHIM_NODE},
		{"https", "10250", "/api/v1/nodes/https%3Ax%3A10250/proxy/a", KSHIM_NODE},
	};
	kshim_proxy_options *options = kshim_proxy_options_new();
	kshim_object *target;
	struct rig rig;
	size_t i;

	rig_start(&rig, state, routes, COUNT(routes));
	for (i = 0; i < COUNT(cases); i++) {
		struct seen seen = {0};

		assert_int_equal(kshim_proxy_options_set_scheme(options, cases[i].scheme), 0);
		target = object(&rig, cases[i].kind, "x");
		started(&seen, kshim_proxy_request(target, cases[i].port, "GET", "/a", NULL, 0, options, NULL, seen_done,
						   &seen));
		kshim_object_unref(target);
		rig_drive(&rig);
		assert_ok(&seen);
		assert_string_equal(seen.body, "hello");
		assert_string_equal(last_path(&rig), cases[i].path);
	}
	kshim_proxy_options_free(options);
	/* the first port: of the object, or of the Service as it is read */
	for (i = 0; i < 3; i++) {
		struct seen seen = {0};

		target = i == 0 ? service(&rig, SERVICE("s", PORTS)) : object(&rig, KSHIM_SERVICE, i == 1 ? "s" : "none");
		started(&seen, kshim_proxy_request(target, NULL, "POST", "a", "xyz", 3, NULL, NULL, seen_done, &seen));
		kshim_object_unref(target);
		rig_drive(&rig);
		if (i == 2) {
			assert_failed(&seen, KSHIM_EINVAL);
			assert_string_equal(last_path(&rig), SVC "/none");
			continue;
		}
		assert_ok(&seen);
		assert_string_equal(last_path(&rig), SVC "/s%3A8080/proxy/a");
		assert_int_equal(fakeapi_count(rig.api, "GET", SVC "/s"), i);
		assert_int_equal(fakeapi_request(rig.api, fakeapi_request_count(rig.api) - 1)->body_len, 3);
	}
	rig_stop(&rig);
}

/* ---- Paths. */

static void test_paths(void **state)
{
	static const char *const cases[][2] = {
		{NULL, "/"},
		{"", "/"},
		{"/", "/"},
		{"a/b", "/a/b"},
		{"//a//b/", "//a//b/"},
		{"/a b", "/a%20b"},
		{"/50%", "/50%25"},
		{"/50%zz", "/50%25zz"},
		{"/a%2Fb%20", "/a%2Fb%20"},
		{"/\xc3\xa4", "/%C3%A4"},
		{"/a#b", "/a%23b"},
		{"/a?b=c d&e=#", "/a?b=c%20d&e=%23"},
		{"/a?b?c=../..", "/a?b?c=../.."},
		{"?x=1", "/?x=1"},
		{"/a;v=1,2@x:y", "/a;v=1,2@x:y"},
		{"/..a/a../...", "/..a/a../..."},
		{"/\"<>^`{|}\\", "/%22%3C%3E%5E%60%7B%7C%7D%5C"},
	};
	static const char *const refused[] = {
		"..", "/..", "/../x", "/a/..", "/a/../b", "/./a", "/a/.", "/%2e%2e/x", "/.%2E", "/a%2F..%2Fb", "/a%2f%2e%2e",
		"/..?x", "/a\\..\\b", "%2e", "/%/..", "/a%x/../b", "/50%/../x", "/%2/..", "/%%/../x",
	};
	const struct fakeapi_route routes[] = {{"GET", NULL, .answer = {.type = "text/plain", .body = "x"}}};
	kshim_object *target;
	struct rig rig;
	size_t i;

	rig_start(&rig, state, routes, COUNT(routes));
	for (i = 0; i < COUNT(cases); i++) {
		struct seen seen = {0};
		char expected[200];

		get(&rig, cases[i][0], &seen);
		assert_ok(&seen);
		snprintf(expected, sizeof(expected), SVC "/s%%3A80/proxy%s", cases[i][1]);
		assert_string_equal(last_path(&rig), expected);
	}
	target = object(&rig, KSHIM_SERVICE, "s");
	for (i = 0; i < COUNT(refused); i++) {
		assert_null(kshim_proxy_request(target, "80", "GET", refused[i], NULL, 0, NULL, NULL, seen_done, NULL));
		assert_int_equal(kshim_error_code(kshim_client_error(rig.client)), KSHIM_EINVAL);
	}
	kshim_object_unref(target);
	assert_int_equal(fakeapi_request_count(rig.api), COUNT(cases));
	rig_stop(&rig);
}

/* ---- What is refused before anything is sent. */

static void test_bad_arguments(void **state)
{
	static const char *const ports[] = {"", "0", "65536", "80x:", "a/b", "-1", " 80", "08"};
	static const char *const methods[] = {"", "get", "G T", "CONNECT", "GET\r\nX: y"};
	static const char *const names[][2] = {
		{"Host", "x"},      {"authorization", "Bearer x"}, {"Content-Length", "3"}, {"Transfer-Encoding", "chunked"},
		{"Connection", "x"}, {"Impersonate-User", "x"},     {"User-Agent", "x"},     {"Upgrade", "websocket"},
		{"", "x"},           {"a b", "x"},                  {"a:", "x"},             {"a", "x\r\nb: c"},
		{NULL, "x"},         {"a", NULL},                   {"proxy-authorization", "x"},
	};
	kshim_proxy_options *options = kshim_proxy_options_new();
	kshim_object *target, *pod, *map;
	struct rig rig;
	size_t i;

	rig_start(&rig, state, NULL, 0);
	target = object(&rig, KSHIM_SERVICE, "s");
	pod = object(&rig, KSHIM_POD, "p");
	map = object(&rig, KSHIM_CONFIG_MAP, "m");
	for (i = 0; i < COUNT(ports); i++)
		assert_null(kshim_proxy_request(target, ports[i], "GET", "/", NULL, 0, NULL, NULL, NULL, NULL));
	assert_null(kshim_proxy_request(pod, "http", "GET", "/", NULL, 0, NULL, NULL, NULL, NULL));
	for (i = 0; i < COUNT(methods); i++)
		assert_null(kshim_proxy_request(target, "80", methods[i], "/", NULL, 0, NULL, NULL, NULL, NULL));
	assert_null(kshim_proxy_request(target, "80", "HEAD", "/", "x", 1, NULL, NULL, NULL, NULL));
	assert_null(kshim_proxy_request(target, "80", NULL, "/", NULL, 0, NULL, NULL, NULL, NULL));
	assert_null(kshim_proxy_request(NULL, "80", "GET", "/", NULL, 0, NULL, NULL, NULL, NULL));
	assert_null(kshim_proxy_request(map, "80", "GET", "/", NULL, 0, NULL, NULL, NULL, NULL));
	for (i = 0; i < COUNT(names); i++)
		assert_int_equal(kshim_proxy_options_add_header(options, names[i][0], names[i][1]), -1);
	assert_int_equal(kshim_proxy_options_set_scheme(options, "ftp"), -1);
	assert_int_equal(kshim_proxy_options_set_timeout(options, -2), -1);
	assert_int_equal(kshim_proxy_options_set_scheme(NULL, "http"), -1);
	kshim_client_set_dry_run(rig.client, 1);
	assert_null(kshim_proxy_request(target, "80", "POST", "/", NULL, 0, NULL, NULL, NULL, NULL));
	assert_int_equal(kshim_error_code(kshim_client_error(rig.client)), KSHIM_EINVAL);
	assert_null(kshim_proxy_header(NULL, "a", 0));
	kshim_object_unref(map);
	kshim_object_unref(pod);
	kshim_object_unref(target);
	kshim_proxy_options_free(options);
	kshim_proxy_options_free(NULL);
	rig_stop(&rig);
}

/* ---- What is sent, and what came. */

static void see_headers(struct seen *seen, kshim_result *result)
{
	(void)seen;
	assert_string_equal(kshim_proxy_header(result, "x-thing", 0), "one");
	assert_string_equal(kshim_proxy_header(result, "X-Thing", 1), "two");
	assert_null(kshim_proxy_header(result, "X-Thing", 2));
	assert_null(kshim_proxy_header(result, "X-None", 0));
	assert_string_equal(kshim_proxy_header(result, "Location", 0), "/else");
}

static void test_headers_and_body(void **state)
{
	static const char *const headers[] = {"X-Thing: one", "X-Thing: two", "Location: /else", NULL};
	const struct fakeapi_route routes[] = {
		{"PROPFIND", NULL, .answer = {.status = 302, .type = "text/x; charset=y", .headers = headers, .body = "moved"}},
	};
	struct seen seen = {.on_done = see_headers};
	kshim_proxy_options *options = kshim_proxy_options_new();
	const struct fakeapi_request *req;
	kshim_object *target;
	struct rig rig;

	rig_start(&rig, state, routes, COUNT(routes));
	assert_int_equal(kshim_proxy_options_add_header(options, "X-A", "1"), 0);
	assert_int_equal(kshim_proxy_options_add_header(options, "X-A", "2"), 0);
	assert_int_equal(kshim_proxy_options_add_header(options, "X-Empty", ""), 0);
	assert_int_equal(kshim_proxy_options_add_header(options, "content-type", "text/first"), 0);
	assert_int_equal(kshim_proxy_options_add_header(options, "Content-Type", "text/x"), 0);
	assert_int_equal(kshim_proxy_options_add_header(options, "Accept", "text/y"), 0);
	target = object(&rig, KSHIM_SERVICE, "s");
	started(&seen, kshim_proxy_request(target, "80", "PROPFIND", "/", "a\0b", 3, options, NULL, seen_done, &seen));
	kshim_proxy_options_free(options);
	kshim_object_unref(target);
	rig_drive(&rig);
	assert_ok(&seen);
	assert_int_equal(seen.status, 302);
	assert_int_equal(seen.found, 1);
	assert_string_equal(seen.body, "moved");
	assert_string_equal(seen.content_type, "text/x; charset=y");
	req = fakeapi_request(rig.api, 0);
	assert_int_equal(fakeapi_header_count(req, "x-a"), 2);
	assert_int_equal(fakeapi_header_count(req, "x-empty"), 1);
	assert_string_equal(fakeapi_header(req, "x-empty"), "");
	assert_int_equal(fakeapi_header_count(req, "accept"), 1);
	assert_string_equal(fakeapi_header(req, "accept"), "text/y");
	assert_int_equal(fakeapi_header_count(req, "content-type"), 1);
	assert_string_equal(fakeapi_header(req, "content-type"), "text/x");
	assert_int_equal(req->body_len, 3);
	assert_memory_equal(req->body, "a\0b", 3);
	assert_int_equal(fakeapi_request_count(rig.api), 1); /* not followed */
	rig_stop(&rig);
}

/* ---- Whose answer it is. */

static void test_whose_error_it_is(void **state)
{
	static const char *const after[] = {"Retry-After: 1", NULL};
	const struct fakeapi_route routes[] = {
		{"GET", "*/teapot", .answer = {.status = 418, .type = "text/plain", .body = "short and stout"}},
		{"GET", "*/busy", .answer = {.status = 503, .type = "text/html", .headers = after, .body = "<busy>"}},
		{"GET", "*/login", .answer = {.status = 401, .type = "text/plain", .body = "who?"}},
		{"GET", "*/empty", .answer = {.status = 500, .type = ""}},
		/* of the target: another apiVersion, another code, no JSON */
		{"GET", "*/like1", .answer = {.status = 404, .body = "{\"kind\":\"Status\",\"apiVersion\":\"v2\",\"code\":404}"}},
		{"GET", "*/like2", .answer = {.status = 500, .body = STATUS(404, "NotFound")}},
		{"GET", "*/like3", .answer = {.status = 404, .type = "text/plain", .body = STATUS(404, "NotFound")}},
		/* of the API server */
		{"GET", "*/gone", .answer = {.status = 404, .body = STATUS(404, "NotFound")}},
		{"GET", "*/dead", .answer = {.status = 503, .body = STATUS(503, "ServiceUnavailable")}},
		{"GET", "*/secret", .answer = {.status = 403, .body = STATUS(403, "Forbidden")}},
	};
	static const struct {
		const char *path;
		kshim_code code;
		int status;
	} cases[] = {
		{"teapot", KSHIM_OK, 418}, {"busy", KSHIM_OK, 503},   {"login", KSHIM_OK, 401},
		{"empty", KSHIM_OK, 500},  {"like1", KSHIM_OK, 404},  {"like2", KSHIM_OK, 500},
		{"like3", KSHIM_OK, 404},  {"gone", KSHIM_ENOTFOUND, 404}, {"dead", KSHIM_ESERVER, 503},
		{"secret", KSHIM_EFORBIDDEN, 403},
	};
	struct rig rig;
	size_t i;

	rig_start(&rig, state, routes, COUNT(routes));
	for (i = 0; i < COUNT(cases); i++) {
		struct seen seen = {0};

		get(&rig, cases[i].path, &seen);
		assert_int_equal(seen.done, 1);
		assert_int_equal(seen.code, cases[i].code);
		assert_int_equal(seen.status, cases[i].status);
	}
	assert_int_equal(fakeapi_request_count(rig.api), COUNT(cases)); /* none was tried again */
	rig_stop(&rig);
}

/* ---- Streams. */

struct streamed {
	struct seen seen;
	char text[256];
	unsigned chunks;
	bool cancel;
};

static void on_data(const char *data, size_t len, void *user)
{
	struct streamed *streamed = user;

	assert_int_equal(streamed->seen.done, 0);
	strncat(streamed->text, data, len);
	streamed->chunks++;
	if (streamed->cancel)
		kshim_call_cancel(streamed->seen.call);
}

static void test_streamed(void **state)
{
	const struct fakeapi_route routes[] = {
		{"GET", "*/x", .answer = {.type = "text/plain", .body = "abcdef", .coding = FAKEAPI_CHUNKED, .piece = 2,
					  .part_delay_ms = 40}},
		{"GET", "*/bad", .answer = {.status = 500, .type = "text/plain", .body = "abcdef", .coding = FAKEAPI_CHUNKED,
					    .piece = 2, .part_delay_ms = 5}},
		{"GET", "*/cut", .answer = {.type = "text/plain", .body = "abcdef", .coding = FAKEAPI_CHUNKED,
					    .end = FAKEAPI_CUT, .end_after = 3}},
		{"GET", "*/gone", .answer = {.status = 404, .body = STATUS(404, "NotFound")}},
	};
	static const char *const paths[] = {"x", "bad", "cut", "gone", "x", "bad"};
	kshim_object *target;
	struct rig rig;
	size_t i;

	rig_start(&rig, state, routes, COUNT(routes));
	target = object(&rig, KSHIM_SERVICE, "s");
	for (i = 0; i < COUNT(paths); i++) {
		struct streamed streamed = {.cancel = i > 3};

		started(&streamed.seen, kshim_proxy_request(target, "80", "GET", paths[i], NULL, 0, NULL, on_data, seen_done,
							    &streamed));
		rig_drive(&rig);
		if (streamed.cancel) {
			assert_failed(&streamed.seen, KSHIM_ECANCELED);
			assert_int_equal(streamed.chunks, 1);
		} else if (i < 2) {
			assert_ok(&streamed.seen);
			assert_string_equal(streamed.text, "abcdef");
			assert_true(i == 1 ? streamed.chunks == 1 : streamed.chunks > 1);
			assert_string_equal(streamed.seen.content_type, "text/plain");
			assert_int_equal(streamed.seen.body_len, 0);
		} else {
			assert_failed(&streamed.seen, i == 2 ? KSHIM_EPROTOCOL : KSHIM_ENOTFOUND);
			assert_string_equal(streamed.text, i == 2 ? "abc" : "");
		}
	}
	kshim_object_unref(target);
	rig_stop(&rig);
}

/* More than is kept of an error's body. */
static void test_large_body_of_any_status(void **state)
{
	size_t len = 3 << 20;
	char *body = malloc(len + 1);
	struct fakeapi_route routes[] = {{"GET", NULL, .answer = {.status = 404, .type = "text/plain"}}};
	struct seen seen = {0};
	struct rig rig;

	memset(body, 'x', len);
	body[len] = '\0';
	routes[0].answer.body = body;
	rig_start(&rig, state, routes, COUNT(routes));
	get(&rig, "/", &seen);
	assert_ok(&seen);
	assert_int_equal(seen.body_len, len);
	rig_stop(&rig);
	free(body);
}

/* ---- Ended in the middle, and without memory. */

static void free_client(const char *data, size_t len, void *user)
{
	struct streamed *streamed = user;

	on_data(data, len, user);
	kshim_client_free(streamed->seen.rig->client);
	streamed->seen.rig->client = NULL;
}

static void test_client_freed_in_data(void **state)
{
	const struct fakeapi_route routes[] = {
		{"GET", "*/x", .answer = {.type = "text/plain", .body = "abcdef", .coding = FAKEAPI_CHUNKED, .piece = 2}},
		{"GET", "*/bad", .answer = {.status = 500, .type = "text/plain", .body = "abcdef"}},
	};
	int i;

	for (i = 0; i < 2; i++) {
		struct streamed streamed = {.cancel = false};
		kshim_object *target;
		struct rig rig;

		rig_start(&rig, state, routes, COUNT(routes));
		streamed.seen.rig = &rig;
		target = object(&rig, KSHIM_SERVICE, "s");
		started(&streamed.seen, kshim_proxy_request(target, "80", "GET", i ? "bad" : "x", NULL, 0, NULL, free_client,
							    seen_done, &streamed));
		kshim_object_unref(target);
		rig_drive(&rig);
		assert_failed(&streamed.seen, KSHIM_ECANCELED);
		assert_int_equal(streamed.chunks, 1);
		rig_stop(&rig);
	}
}

/* While the Service is read, which the request then never follows. */
static void test_cancelled_before_it_is_sent(void **state)
{
	const struct fakeapi_route routes[] = {{"GET", SVC "/s", .answer = {.end = FAKEAPI_MUTE}}};
	struct seen seen = {0};
	kshim_object *target;
	struct rig rig;

	rig_start(&rig, state, routes, COUNT(routes));
	target = object(&rig, KSHIM_SERVICE, "s");
	started(&seen, kshim_proxy_request(target, NULL, "POST", "/", "x", 1, NULL, NULL, seen_done, &seen));
	kshim_object_unref(target);
	rig_until_requests(&rig, 1);
	kshim_call_cancel(seen.call);
	rig_drive(&rig);
	assert_failed(&seen, KSHIM_ECANCELED);
	assert_int_equal(fakeapi_request_count(rig.api), 1);
	rig_stop(&rig);
}

/* Every allocation fails once: refused, failed, or done all the same. */
static void test_no_memory(void **state)
{
	static const char *const headers[] = {"X-Thing: one", NULL};
	const struct fakeapi_route routes[] = {
		{"GET", SVC "/s", .answer = {.body = SERVICE("s", PORTS)}},
		{"POST", NULL, .answer = {.type = "text/plain", .headers = headers, .body = "abcdef"}},
	};
	unsigned refused = 0, failed = 0, succeeded = 0;
	struct rig rig;
	long i;

	if (!failalloc_works())
		skip();
	rig_start(&rig, state, routes, COUNT(routes));
	for (i = 0; succeeded < 6 && i < 2000; i++) {
		struct streamed streamed = {.cancel = false};
		struct seen *seen = &streamed.seen;
		kshim_object *target = object(&rig, KSHIM_SERVICE, "s");
		kshim_proxy_options *options;
		bool was_failed, asked = false;

		failalloc_arm(i / 2, false);
		options = kshim_proxy_options_new();
		if (kshim_proxy_options_add_header(options, "X-A", "1") == 0 &&
		    kshim_proxy_options_add_header(options, "Content-Type", "text/x") == 0) {
			asked = true;
			started(seen, kshim_proxy_request(target, NULL, "POST", "/a b", "xyz", 3, options, i % 2 ? on_data : NULL,
							  seen_done, seen));
		}
		rig_drive(&rig);
		was_failed = failalloc_disarm();
		kshim_proxy_options_free(options);
		kshim_object_unref(target);
		refused += asked && !seen->call;
		failed += seen->has_error;
		succeeded += !was_failed;
		assert_int_equal(seen->done, asked && seen->call);
		assert_true(was_failed || (asked && seen->call && !seen->has_error));
		if (seen->has_error)
			assert_true(seen->code == KSHIM_ENOMEM || seen->code == KSHIM_ECONNECT); /* of a socket */
		else if (seen->done)
			assert_string_equal(i % 2 ? streamed.text : seen->body, "abcdef");
	}
	assert_true(refused > 5);
	assert_true(failed > 5);
	assert_int_equal(succeeded, 6);
	rig_stop(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BOTH_HTTP(test_targets),
		BOTH_HTTP(test_paths),
		ONLY_H1(test_bad_arguments),
		BOTH_HTTP(test_headers_and_body),
		BOTH_HTTP(test_whose_error_it_is),
		ALL_VARIANTS(test_streamed),
		BOTH_HTTP(test_large_body_of_any_status),
		ALL_VARIANTS(test_client_freed_in_data),
		BOTH_HTTP(test_cancelled_before_it_is_sent),
		BOTH_HTTP(test_no_memory),
	};

	test_begin();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
