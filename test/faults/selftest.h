/* The client side of selftest.c: a libcurl handle, and what it saw. */
#ifndef SELFTEST_H
#define SELFTEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>
#include <curl/curl.h>

#include "fakeapi.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* The answer as the client saw it. */
struct seen {
	CURLcode rc;
	long status, os_errno;
	char body[4096], head[4096];
	size_t body_len, head_len;
	size_t writes;			/* calls of the write callback */
	size_t sizes[64];
	long connects, http;
	double seconds;
};

/* One client: a handle with its connection cache. */
struct client {
	CURL *easy;
	const struct fakeapi *api;
	long http;			/* CURL_HTTP_VERSION_* */
	long timeout_ms;
	struct curl_slist *headers;
	const char *method, *post;
	size_t post_len;
};

static size_t on_body(char *bytes, size_t size, size_t n, void *user)
{
	struct seen *s = user;

	n *= size;
	if (s->writes < COUNT(s->sizes))
		s->sizes[s->writes] = n;
	s->writes++;
	if (s->body_len + n < sizeof(s->body)) {
		memcpy(s->body + s->body_len, bytes, n);
		s->body[s->body_len + n] = '\0';
	}
	s->body_len += n;
	return n;
}

static size_t on_head(char *bytes, size_t size, size_t n, void *user)
{
	struct seen *s = user;

	n *= size;
	if (s->head_len + n < sizeof(s->head)) {
		memcpy(s->head + s->head_len, bytes, n);
		s->head_len += n;
		s->head[s->head_len] = '\0';
	}
	return n;
}

static struct client *client_new(const struct fakeapi *api, long http)
{
	struct client *c = calloc(1, sizeof(*c));

	assert_non_null(c);
	c->easy = curl_easy_init();
	assert_non_null(c->easy);
	c->api = api;
	c->http = http;
	c->timeout_ms = 20000;
	return c;
}

static void client_free(struct client *c)
{
	curl_slist_free_all(c->headers);
	curl_easy_cleanup(c->easy);
	free(c);
}

/* What is set once for a handle is set anew: a reset keeps the connections. */
static void request(struct client *c, const char *path, struct seen *s)
{
	const char *ca = fakeapi_ca_pem(c->api);
	struct curl_blob blob = { (void *)ca, strlen(ca), CURL_BLOB_COPY };
	struct timespec begin, end;
	char url[512];

	memset(s, 0, sizeof(*s));
	snprintf(url, sizeof(url), "%s%s", fakeapi_url(c->api), path);
	curl_easy_reset(c->easy);
	curl_easy_setopt(c->easy, CURLOPT_URL, url);
	curl_easy_setopt(c->easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(c->easy, CURLOPT_NOPROXY, "*");
	curl_easy_setopt(c->easy, CURLOPT_HTTP_VERSION, c->http);
	curl_easy_setopt(c->easy, CURLOPT_TIMEOUT_MS, c->timeout_ms);
	curl_easy_setopt(c->easy, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(c->easy, CURLOPT_WRITEDATA, s);
	curl_easy_setopt(c->easy, CURLOPT_HEADERFUNCTION, on_head);
	curl_easy_setopt(c->easy, CURLOPT_HEADERDATA, s);
	curl_easy_setopt(c->easy, CURLOPT_HTTPHEADER, c->headers);
	if (*ca)
		curl_easy_setopt(c->easy, CURLOPT_CAINFO_BLOB, &blob);
	if (c->post) {
		curl_easy_setopt(c->easy, CURLOPT_POSTFIELDS, c->post);
		curl_easy_setopt(c->easy, CURLOPT_POSTFIELDSIZE, (long)c->post_len);
	}
	if (c->method)
		curl_easy_setopt(c->easy, CURLOPT_CUSTOMREQUEST, c->method);
	clock_gettime(CLOCK_MONOTONIC, &begin);
	s->rc = curl_easy_perform(c->easy);
	clock_gettime(CLOCK_MONOTONIC, &end);
	s->seconds = (double)(end.tv_sec - begin.tv_sec) + (double)(end.tv_nsec - begin.tv_nsec) / 1e9;
	curl_easy_getinfo(c->easy, CURLINFO_RESPONSE_CODE, &s->status);
	curl_easy_getinfo(c->easy, CURLINFO_OS_ERRNO, &s->os_errno);
	curl_easy_getinfo(c->easy, CURLINFO_NUM_CONNECTS, &s->connects);
	curl_easy_getinfo(c->easy, CURLINFO_HTTP_VERSION, &s->http);
}

static struct fakeapi *start(const struct fakeapi_route *routes, size_t n)
{
	struct fakeapi_options o = { .routes = routes, .route_count = n };
	struct fakeapi *api = fakeapi_start(&o);

	assert_non_null(api);
	return api;
}

static void stop(struct fakeapi *api)
{
	assert_int_equal(fakeapi_stop(api), 0);
}

/* The server says what became of a request a moment after the client knows. */
static void assert_fate(const struct fakeapi *api, size_t i, enum fakeapi_fate fate)
{
	const struct fakeapi_request *req = fakeapi_request(api, i);

	assert_non_null(req);
	for (int turns = 0; turns < 1000 && (int)atomic_load(&req->fate) != (int)fate; turns++)
		usleep(5000);
	assert_int_equal(atomic_load(&req->fate), fate);
}

static void assert_open_connections(const struct fakeapi *api, unsigned n)
{
	for (int turns = 0; turns < 1000 && fakeapi_open_connections(api) != n; turns++)
		usleep(5000);
	assert_int_equal(fakeapi_open_connections(api), n);
}

#endif
