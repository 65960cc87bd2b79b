#include "fakelog.h"

#include <string.h>
#include <sys/mman.h>

#include "fakebuf.h"

struct fakelog *fakelog_new(size_t bytes, bool counting_only)
{
	size_t size = sizeof(struct fakelog) + (counting_only ? 0 : bytes);
	struct fakelog *log;

	/* Mapped before the fork: the address, and so each pointer in it, holds in both. */
	log = mmap(NULL, size, PROT_READ | PROT_WRITE,
		   MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (log == MAP_FAILED)
		return NULL;
	log->size = size;
	log->used = sizeof(*log);
	log->counting_only = counting_only;
	return log;
}

void fakelog_free(struct fakelog *log)
{
	if (log)
		munmap(log, log->size);
}

static size_t text_size(const char *s)
{
	return s ? strlen(s) + 1 : 0;
}

static size_t packed_size(const struct fakeapi_request *req)
{
	size_t n = sizeof(*req) + req->header_count * sizeof(*req->headers);

	n += text_size(req->method) + text_size(req->path);
	n += text_size(req->client_cn) + text_size(req->sni);
	for (size_t i = 0; i < req->header_count; i++)
		n += text_size(req->headers[i].name) + text_size(req->headers[i].value);
	return n + req->body_len + 1;
}

static const char *put(char **at, const char *s)
{
	size_t n = text_size(s);
	char *copy = *at;

	if (!s)
		return NULL;
	memcpy(copy, s, n);
	*at += n;
	return copy;
}

static struct fakeapi_request *pack(void *memory, const struct fakeapi_request *req)
{
	struct fakeapi_request *copy = memory;
	struct fakeapi_header *headers = (struct fakeapi_header *)(copy + 1);
	char *at = (char *)(headers + req->header_count);

	memcpy(copy, req, sizeof(*copy));
	copy->headers = headers;
	copy->method = put(&at, req->method);
	copy->path = put(&at, req->path);
	copy->client_cn = put(&at, req->client_cn);
	copy->sni = put(&at, req->sni);
	for (size_t i = 0; i < req->header_count; i++) {
		headers[i].name = put(&at, req->headers[i].name);
		headers[i].value = put(&at, req->headers[i].value);
	}
	copy->body = at;
	if (req->body_len)
		memcpy(at, req->body, req->body_len);
	at[req->body_len] = '\0';
	return copy;
}

struct fakeapi_request *fakelog_copy(const struct fakeapi_request *req)
{
	return pack(fake_alloc(packed_size(req)), req);
}

struct fakeapi_request *fakelog_add(struct fakelog *log, const struct fakeapi_request *req)
{
	size_t i = atomic_load(&log->requests);
	struct fakeapi_request *copy = NULL;
	size_t n;

	if (!log->counting_only && i < sizeof(log->index) / sizeof(log->index[0])) {
		n = (packed_size(req) + 15) & ~(size_t)15;
		if (log->size - log->used >= n) {
			copy = pack((char *)log + log->used, req);
			log->used += n;
			log->index[i] = copy;
		}
	}
	atomic_store(&log->requests, i + 1);
	return copy;
}

static bool fits(const char *pattern, const char *s, size_t n)
{
	const char *star = NULL, *end = s + n, *retry = NULL;

	while (s < end) {
		if (*pattern == '*') {
			star = ++pattern;
			retry = s;
		} else if (*pattern == *s) {
			pattern++;
			s++;
		} else if (star) {
			pattern = star;
			s = ++retry;
		} else {
			return false;
		}
	}
	while (*pattern == '*')
		pattern++;
	return !*pattern;
}

bool fakelog_match(const struct fakeapi_request *req, const char *method, const char *path)
{
	if (method && strcmp(method, req->method))
		return false;
	if (!path)
		return true;
	return fits(path, req->path, strchr(path, '?') ? strlen(req->path) :
		    strcspn(req->path, "?"));
}
