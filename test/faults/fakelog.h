/* fakelog: what the server saw, in memory that it shares with the test. */
#ifndef FAKELOG_H
#define FAKELOG_H

#include "fakeapi.h"

struct fakelog {
	atomic_uint connections, open, failed_handshakes;
	atomic_size_t requests;
	/* Written by the server only; the reader looks at count, then below it. */
	size_t size, used;
	bool counting_only;
	struct fakeapi_request *index[65536];
};

struct fakelog *fakelog_new(size_t bytes, bool counting_only);
void fakelog_free(struct fakelog *log);

/* Keeps a copy. Returns it, or NULL if the log is full or only counts. */
struct fakeapi_request *fakelog_add(struct fakelog *log, const struct fakeapi_request *req);

/* A copy in one block, for free(). */
struct fakeapi_request *fakelog_copy(const struct fakeapi_request *req);

/* Whether a pattern of a route fits. */
bool fakelog_match(const struct fakeapi_request *req, const char *method, const char *path);

#endif
