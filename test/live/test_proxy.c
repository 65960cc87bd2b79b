/* Requests through the API server's proxy, to what runs on a real node: that
 * needs KSHIM_TEST_NODE and KSHIM_TEST_IMAGE, a busybox that the node has. What
 * the API server itself refuses needs none. */
#include "live.h"

#include <strings.h>

enum { WEB, BESIDE, WEB_SERVICE, BESIDE_SERVICE, NOBODY, COUNT }; /* in proxied.yaml */

static kshim_object *objects[COUNT], *node;
static kshim_query *services;
static const char *node_name, *image; /* NULL: there is no node */
static char kubelet[24];              /* its port */

/* What a request brought. */
struct reply {
	struct answer answer; /* first: live_done() fills it in */
	char header[200];     /* of the name asked for */
	const char *name;
	char *data; /* handed on while it came */
	size_t len;
	unsigned chunks;
	kshim_call *call;
	bool cancel, ask_for_more;
	struct answer more;
};

static void on_done(kshim_result *result, void *user)
{
	struct reply *reply = user;
	const char *value = reply->name ? kshim_proxy_header(result, reply->name, 0) : NULL;

	snprintf(reply->header, sizeof(reply->header), "%s", value ? value : "");
	live_done(result, &reply->answer);
}

static void clear(struct reply *reply)
{
	live_clear(&reply->answer);
	live_clear(&reply->more);
	free(reply->data);
	reply->data = NULL;
	reply->len = 0;
	reply->chunks = 0;
}

static void request(struct reply *reply, kshim_object *object, const char *port, const char *method, const char *path,
		    const char *body, const kshim_proxy_options *options)
{
	clear(reply);
	live_wait(server,
		  kshim_proxy_request(object, port, method, path, body, body ? strlen(body) : 0, options, NULL, on_done,
				      reply),
		  &reply->answer, __FILE__, __LINE__);
}

static void get(struct reply *reply, kshim_object *object, const char *port, const char *path)
{
	request(reply, object, port, "GET", path, NULL, NULL);
}

static void expect_body(const struct reply *reply, int status, const char *body)
{
	EXPECT(&reply->answer, KSHIM_OK);
	assert_int_equal(reply->answer.status, status);
	assert_string_equal(reply->answer.body, body);
}

static void to_pods(void **state)
{
	kshim_query *pods = kshim_query_new(server->client, KSHIM_POD, server->namespace_);
	kshim_object *gone = kshim_query_object(pods, "gone");
	kshim_proxy_options *options = kshim_proxy_options_new();
	struct reply reply = {0};

	(void)state;
	get(&reply, objects[WEB], NULL, "a b/c"); /* the first port that it declares */
	expect_body(&reply, 200, "hello\n");
	get(&reply, objects[WEB], "8080", "/a%20b/c?x=y");
	expect_body(&reply, 200, "hello\n");
	get(&reply, objects[WEB], "8080", "/none");
	EXPECT(&reply.answer, KSHIM_OK);
	assert_int_equal(reply.answer.status, 404);
	assert_string_equal(reply.answer.content_type, "text/html");
	reply.name = "location";
	get(&reply, objects[WEB], "8080", "/a b");
	EXPECT(&reply.answer, KSHIM_OK);
	assert_int_equal(reply.answer.status, 302); /* and not followed */
	assert_non_null(strstr(reply.header, "/proxy/a%20b/")); /* as the API server rewrites it */
	reply.name = "Content-Length";
	request(&reply, objects[WEB], "8080", "HEAD", "/a b/c", NULL, NULL);
	expect_body(&reply, 200, "");
	assert_string_equal(reply.header, "6");
	get(&reply, objects[WEB], "9", "/");
	EXPECT(&reply.answer, KSHIM_ESERVER);
	assert_int_equal(reply.answer.status, 503);
	get(&reply, gone, "8080", "/");
	EXPECT(&reply.answer, KSHIM_ENOTFOUND);
	/* without a Status of JSON nothing tells whose answer it is */
	request(&reply, gone, "8080", "HEAD", "/", NULL, NULL);
	expect_body(&reply, 404, "");
	kshim_proxy_options_add_header(options, "Accept", "application/yaml");
	request(&reply, gone, "8080", "GET", "/", NULL, options);
	EXPECT(&reply.answer, KSHIM_OK);
	assert_int_equal(reply.answer.status, 404);
	assert_string_equal(reply.answer.content_type, "application/yaml");
	clear(&reply);
	kshim_proxy_options_free(options);
	kshim_object_unref(gone);
	kshim_query_free(pods);
}

static void to_services(void **state)
{
	static const char *const ports[] = {NULL, "80", "http"};
	static const char *const none[] = {"82", "none"};
	kshim_object *by_name = kshim_query_object(services, "web");
	struct reply reply = {0};
	size_t i;

	(void)state;
	for (i = 0; i < 3; i++) {
		get(&reply, objects[WEB_SERVICE], ports[i], "/a b/c");
		expect_body(&reply, 200, "hello\n");
		get(&reply, by_name, ports[i], "a%20b/c"); /* NULL: it is read first */
		expect_body(&reply, 200, "hello\n");
	}
	for (i = 0; i < 2; i++) {
		get(&reply, by_name, i ? "echo" : "81", "/x");
		EXPECT(&reply.answer, KSHIM_OK);
		assert_int_equal(strncmp(reply.answer.body, "GET /x HTTP/1.1\r\n", 17), 0);
		get(&reply, by_name, none[i], "/");
		EXPECT(&reply.answer, KSHIM_ESERVER);
	}
	get(&reply, objects[NOBODY], NULL, "/"); /* its endpoints are there, and none */
	EXPECT(&reply.answer, KSHIM_ESERVER);
	assert_int_equal(reply.answer.status, 503);
	clear(&reply);
	kshim_object_unref(by_name);
}

/* The request's first line, as the target sees it. */
static void paths(void **state)
{
	static const struct {
		const char *path, *seen;
	} cases[] = {
		{NULL, "/"},
		{"", "/"},
		{"/", "/"},
		{"a/b/", "/a/b/"},
		{"/a b/\xc3\xa4", "/a%20b/%C3%A4"},
		{"/a?b=c d&e=%2F&f=?#", "/a?b=c%20d&e=%2F&f=?%23"},
		{"/50%", "/50%25"},
		{"/a%20b", "/a%20b"},
		{"/a;v=1,2@x:y", "/a;v=1,2@x:y"},
		{"/a%2Fb", "/a/b"}, /* the API server decodes it, and encodes anew what needs it */
		{"/a%3Fb", "/a%3Fb"},
		{"/%252F", "/%252F"},
		{"/..a/.b", "/..a/.b"},
	};
	struct reply reply = {0};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char expected[200];

		get(&reply, objects[WEB], "8081", cases[i].path);
		EXPECT(&reply.answer, KSHIM_OK);
		*strchr(reply.answer.body, '\r') = '\0';
		snprintf(expected, sizeof(expected), "GET %s HTTP/1.1", cases[i].seen);
		assert_string_equal(reply.answer.body, expected);
	}
	clear(&reply);
}

/* How many header lines of a request begin so, in any case. */
static unsigned lines(const char *request, const char *begin)
{
	unsigned found = 0;

	for (; request; request = strchr(request, '\n'))
		found += strncasecmp(request += *request == '\n', begin, strlen(begin)) == 0;
	return found;
}

static void methods_headers_bodies(void **state)
{
	static const char *const methods[] = {"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"};
	static const char bytes[] = "a\0b\r\n\xff";
	kshim_proxy_options *options = kshim_proxy_options_new();
	struct reply reply = {0};
	size_t i;

	(void)state;
	kshim_proxy_options_add_header(options, "X-Twice", "one");
	kshim_proxy_options_add_header(options, "X-Twice", "two");
	kshim_proxy_options_add_header(options, "X-Empty", "");
	kshim_proxy_options_add_header(options, "Cookie", "a=b");
	kshim_proxy_options_add_header(options, "Accept", "text/x-this");
	kshim_proxy_options_add_header(options, "Content-Type", "text/x-that");
	for (i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
		char expected[40];
		const char *body;

		clear(&reply);
		live_wait(server,
			  kshim_proxy_request(objects[WEB], "8081", methods[i], "/m", i ? bytes : NULL, i ? 6 : 0, options,
					      NULL, on_done, &reply),
			  &reply.answer, __FILE__, __LINE__);
		EXPECT(&reply.answer, KSHIM_OK);
		snprintf(expected, sizeof(expected), "%s /m HTTP/1.1\r\n", methods[i]);
		assert_int_equal(strncmp(reply.answer.body, expected, strlen(expected)), 0);
		assert_int_equal(lines(reply.answer.body, "X-Twice: one\r"), 1);
		assert_int_equal(lines(reply.answer.body, "X-Twice: two\r"), 1);
		assert_int_equal(lines(reply.answer.body, "X-Empty:"), 1);
		assert_int_equal(lines(reply.answer.body, "Cookie: a=b\r"), 1);
		assert_int_equal(lines(reply.answer.body, "Accept: text/x-this\r"), 1);
		assert_int_equal(lines(reply.answer.body, "Accept:"), 1);
		assert_int_equal(lines(reply.answer.body, "Content-Type: text/x-that\r"), i ? 1 : 0);
		assert_int_equal(lines(reply.answer.body, "Authorization:"), 0);
		body = strstr(reply.answer.body, "\n\n");
		assert_non_null(body);
		assert_string_equal(body + 2, i ? "a" : ""); /* up to its NUL */
		assert_int_equal(reply.answer.len, (size_t)(body + 2 - reply.answer.body) + (i ? 6 : 0));
	}
	/* those that the proxy subresource has not are the API server's to refuse */
	request(&reply, objects[WEB], "8081", "PROPFIND", "/m", NULL, NULL);
	assert_int_equal(reply.answer.status, 405);
	kshim_proxy_options_free(options);
	clear(&reply);
}

static void cgi(void **state)
{
	kshim_proxy_options *options = kshim_proxy_options_new();
	struct reply reply = {.name = "x-of"};
	char *large = malloc(1000001);

	(void)state;
	kshim_proxy_options_add_header(options, "Content-Type", "text/x-question");
	request(&reply, objects[WEB_SERVICE], "http", "POST", "/cgi-bin/post?a=b%26", "to be or not", options);
	expect_body(&reply, 200, "POST text/x-question 12 a=b%26\nto be or not");
	assert_string_equal(reply.answer.content_type, "text/x-answer");
	assert_string_equal(reply.header, "cgi");
	request(&reply, objects[WEB_SERVICE], "80", "PUT", "/cgi-bin/post", "", NULL);
	EXPECT(&reply.answer, KSHIM_OK);
	assert_int_equal(strncmp(reply.answer.body, "PUT application/octet-stream ", 29), 0);
	memset(large, 'x', 1000000);
	large[1000000] = '\0';
	request(&reply, objects[WEB_SERVICE], NULL, "POST", "/cgi-bin/size", large, NULL);
	expect_body(&reply, 200, "1000000\n");
	get(&reply, objects[WEB_SERVICE], NULL, "/cgi-bin/large");
	EXPECT(&reply.answer, KSHIM_OK);
	assert_int_equal(reply.answer.len, 3000000);
	get(&reply, objects[WEB], NULL, "/cgi-bin/page");
	EXPECT(&reply.answer, KSHIM_OK);
	assert_non_null(strstr(reply.answer.body, "/proxy/elsewhere\"")); /* the API server rewrites links */
	free(large);
	kshim_proxy_options_free(options);
	clear(&reply);
}

static void on_data(const char *data, size_t len, void *user)
{
	struct reply *reply = user;

	assert_int_equal(reply->answer.calls, 0);
	reply->data = realloc(reply->data, reply->len + len + 1);
	memcpy(reply->data + reply->len, data, len);
	reply->len += len;
	reply->data[reply->len] = '\0';
	reply->chunks++;
	if (reply->cancel)
		kshim_call_cancel(reply->call);
	if (!reply->ask_for_more || strcmp(reply->data, "first\n") != 0)
		return;
	/* only now: an answer that is handed on when it is complete never is */
	reply->ask_for_more = false;
	assert_non_null(kshim_proxy_request(objects[WEB], NULL, "POST", live_http[0] == '1' ? "/cgi-bin/go?1" : "/cgi-bin/go?2",
					    "", 0, NULL, NULL, live_done, &reply->more));
}

static void stream(struct reply *reply, const char *path)
{
	clear(reply);
	reply->call = kshim_proxy_request(objects[WEB], NULL, "GET", path, NULL, 0, NULL, on_data, on_done, reply);
	live_wait(server, reply->call, &reply->answer, __FILE__, __LINE__);
}

static void streamed(void **state)
{
	struct reply reply = {.ask_for_more = true, .name = "content-type"};

	(void)state;
	stream(&reply, live_http[0] == '1' ? "/cgi-bin/halves?1" : "/cgi-bin/halves?2");
	EXPECT(&reply.answer, KSHIM_OK);
	assert_string_equal(reply.data, "first\nsecond\n");
	assert_int_equal(reply.answer.len, 0);
	assert_string_equal(reply.header, "text/plain");
	EXPECT(&reply.more, KSHIM_OK);
	stream(&reply, "/cgi-bin/large");
	EXPECT(&reply.answer, KSHIM_OK);
	assert_int_equal(reply.len, 3000000);
	assert_true(reply.chunks > 1);
	stream(&reply, "/none");
	EXPECT(&reply.answer, KSHIM_OK);
	assert_int_equal(reply.answer.status, 404);
	assert_int_equal(reply.chunks, 1);
	reply.cancel = true;
	stream(&reply, "/cgi-bin/large");
	EXPECT(&reply.answer, KSHIM_ECANCELED);
	assert_int_equal(reply.chunks, 1);
	assert_true(reply.len < 3000000);
	get(&reply, objects[WEB], NULL, "/a b/c");
	expect_body(&reply, 200, "hello\n");
	clear(&reply);
}

/* The kubelet, as a Node's, a Pod's and a Service's: it lets the API server in,
 * but not who comes through a Pod or a Service. */
static void over_tls(void **state)
{
	kshim_proxy_options *https = kshim_proxy_options_new(), *http = kshim_proxy_options_new();
	struct reply reply = {0};

	(void)state;
	kshim_proxy_options_set_scheme(https, "https");
	kshim_proxy_options_set_scheme(http, "http");
	get(&reply, node, NULL, "/healthz");
	expect_body(&reply, 200, "ok");
	request(&reply, node, kubelet, "GET", "/healthz", NULL, https);
	expect_body(&reply, 200, "ok");
	request(&reply, objects[BESIDE], kubelet, "GET", "/healthz", NULL, https);
	expect_body(&reply, 401, "Unauthorized");
	request(&reply, objects[BESIDE], kubelet, "GET", "/healthz", NULL, http);
	expect_body(&reply, 400, "Client sent an HTTP request to an HTTPS server.\n");
	request(&reply, objects[BESIDE_SERVICE], "tls", "GET", "/healthz", NULL, https);
	expect_body(&reply, 401, "Unauthorized");
	request(&reply, objects[BESIDE_SERVICE], "443", "POST", "/healthz", "x", https);
	expect_body(&reply, 401, "Unauthorized");
	request(&reply, objects[BESIDE_SERVICE], NULL, "GET", "/healthz", NULL, NULL);
	assert_int_equal(reply.answer.status, 400);
	kshim_proxy_options_free(http);
	kshim_proxy_options_free(https);
	clear(&reply);
}

/* Endpoints follow Pods with a delay. */
static void wait_for_endpoints(kshim_object *service)
{
	struct reply reply = {0};
	unsigned tries = 0;

	do {
		get(&reply, service, NULL, "/");
	} while ((reply.answer.code == KSHIM_ENOTFOUND || (reply.answer.code == KSHIM_ESERVER && service != objects[NOBODY])) &&
		 live_again(server, &tries, "the Service's endpoints"));
	clear(&reply);
}

static void make_objects(void)
{
	kshim_manifest *manifest = live_manifest("test/data/live/proxied.yaml");
	struct answer got = {0};
	int64_t port;
	size_t i;

	ASK(server, &got, kshim_object_reload(node, NULL, live_done, &got));
	EXPECT(&got, KSHIM_OK);
	assert_int_equal(kshim_object_get_int(node, "/status/daemonEndpoints/kubeletEndpoint/Port", &port), 0);
	snprintf(kubelet, sizeof(kubelet), "%lld", (long long)port);
	assert_int_equal(kshim_manifest_count(manifest), COUNT);
	for (i = 0; i < COUNT; i++) {
		kshim_object *object = objects[i] = kshim_manifest_object(manifest, i, server->client);

		assert_non_null(object);
		assert_int_equal(kshim_object_set_string(object, "/metadata/namespace", server->namespace_), 0);
		if (i == WEB || i == BESIDE) {
			assert_int_equal(kshim_object_set_string(object, "/spec/nodeName", kshim_object_name(node)), 0);
			assert_int_equal(kshim_object_set_string(object, "/spec/containers/0/image", image), 0);
		}
		if (i == WEB)
			assert_int_equal(kshim_object_set_string(object, "/spec/containers/1/image", image), 0);
		if (i == BESIDE_SERVICE)
			assert_int_equal(kshim_object_set(object, "/spec/ports/0/targetPort", json_integer(port)), 0);
		ASK(server, &got, kshim_object_create(object, NULL, live_done, &got));
		EXPECT(&got, KSHIM_OK);
	}
	for (i = WEB; i <= BESIDE; i++) {
		ASK(server, &got, kshim_wait_condition(objects[i], "Ready", NULL, NULL, live_done, &got));
		EXPECT(&got, KSHIM_OK);
	}
	wait_for_endpoints(objects[NOBODY]);
	wait_for_endpoints(objects[WEB_SERVICE]);
	wait_for_endpoints(objects[BESIDE_SERVICE]);
	live_clear(&got);
	kshim_manifest_free(manifest);
}

/* ---- Without a node. */

static kshim_object *make(const char *text)
{
	kshim_object *object = kshim_object_from_text(server->client, text, strlen(text));
	struct answer got = {0};

	assert_non_null(object);
	assert_int_equal(kshim_object_set_string(object, "/metadata/namespace", server->namespace_), 0);
	ASK(server, &got, kshim_object_create(object, NULL, live_done, &got));
	EXPECT(&got, KSHIM_OK);
	live_clear(&got);
	return object;
}

static void refused_by_the_server(void **state)
{
	static const struct {
		const char *text;
		kshim_code code;
		int status;
	} cases[] = {
		/* nobody makes its endpoints; no ports; no address */
		{"{\"apiVersion\":\"v1\",\"kind\":\"Service\",\"metadata\":{\"name\":\"empty\"},\"spec\":{\"ports\":[{\"name\":"
		 "\"p\",\"port\":80}]}}", KSHIM_ENOTFOUND, 404},
		{"{\"apiVersion\":\"v1\",\"kind\":\"Service\",\"metadata\":{\"name\":\"portless\"},\"spec\":{\"clusterIP\":"
		 "\"None\"}}", KSHIM_EINVAL, 200},
		{"{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"metadata\":{\"name\":\"nowhere\"},\"spec\":{\"schedulerName\":"
		 "\"none\",\"containers\":[{\"name\":\"c\",\"image\":\"none.invalid/none\"}]}}", KSHIM_EBADREQUEST, 400},
	};
	kshim_object *gone = kshim_query_object(services, "gone"), *object;
	struct reply reply = {0};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		object = make(cases[i].text);
		get(&reply, object, NULL, "/");
		assert_int_equal(reply.answer.code, cases[i].code);
		assert_int_equal(reply.answer.status, cases[i].status);
		kshim_object_unref(object);
	}
	get(&reply, gone, NULL, "/"); /* it is read first */
	EXPECT(&reply.answer, KSHIM_ENOTFOUND);
	get(&reply, gone, "http", "/");
	EXPECT(&reply.answer, KSHIM_ENOTFOUND);
	clear(&reply);
	kshim_object_unref(gone);
}

static void without_the_right(void **state)
{
	struct live *admin = server, *nobody = live_open("nobody", NULL);
	kshim_query *query = kshim_query_new(nobody->client, KSHIM_SERVICE, admin->namespace_);
	kshim_object *service = kshim_query_object(query, "any");
	struct reply reply = {0};

	(void)state;
	server = nobody;
	get(&reply, service, "80", "/");
	EXPECT(&reply.answer, KSHIM_EFORBIDDEN);
	assert_int_equal(reply.answer.status, 403);
	assert_non_null(strstr(kshim_error_message(reply.answer.error), "services/proxy"));
	server = admin;
	clear(&reply);
	kshim_object_unref(service);
	kshim_query_free(query);
	live_close(nobody);
}

static int set_up(void **state)
{
	kshim_query *nodes;

	live_set_up(state);
	services = kshim_query_new(server->client, KSHIM_SERVICE, server->namespace_);
	if (!node_name)
		return 0;
	nodes = kshim_query_new(server->client, KSHIM_NODE, NULL);
	node = kshim_query_object(nodes, node_name);
	kshim_query_free(nodes);
	make_objects();
	return 0;
}

static int tear_down(void **state)
{
	size_t i;

	for (i = 0; i < COUNT; i++) {
		kshim_object_unref(objects[i]);
		objects[i] = NULL;
	}
	kshim_object_unref(node);
	node = NULL;
	kshim_query_free(services);
	return live_tear_down(state);
}

int main(int argc, char **argv)
{
	static const struct CMUnitTest without_node[] = {
		cmocka_unit_test(refused_by_the_server),
		cmocka_unit_test(without_the_right),
	};
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(refused_by_the_server),  cmocka_unit_test(without_the_right), cmocka_unit_test(to_pods),
		cmocka_unit_test(to_services),            cmocka_unit_test(paths),             cmocka_unit_test(cgi),
		cmocka_unit_test(methods_headers_bodies), cmocka_unit_test(streamed),          cmocka_unit_test(over_tls),
	};

	if (!live_kubeconfig())
		return 0;
	node_name = getenv("KSHIM_TEST_NODE");
	image = getenv("KSHIM_TEST_IMAGE");
	if (!node_name || !*node_name || !image || !*image) {
		fprintf(stderr, "SKIPPED: KSHIM_TEST_NODE and KSHIM_TEST_IMAGE are not set, so no kubelet runs Pods\n");
		node_name = NULL;
	}
	return live_run_tests(argc, argv, node_name ? "proxy" : "proxy, no node", node_name ? tests : without_node,
			      node_name ? sizeof(tests) / sizeof(tests[0]) : sizeof(without_node) / sizeof(without_node[0]), set_up,
			      tear_down);
}
