/* fakereply: the answer to one request: which route, how its body is paced, how it ends. */
#ifndef FAKEREPLY_H
#define FAKEREPLY_H

#include "fakeapi.h"
#include "fakelog.h"

/* The routes and how often each was asked for. */
struct fakescript {
	const struct fakeapi_route *routes;
	unsigned *asked;
	size_t count;
};

enum fakestep {
	FAKESTEP_DATA,
	FAKESTEP_WAIT,		/* until .due, and until fakereply_flushed() */
	FAKESTEP_END,
	FAKESTEP_FAULT,		/* .answer.end says which */
};

/* What a reply asks of its connection. */
struct fakeapi_live {
	void (*more)(void *conn);
	void (*mute)(void *conn, bool on);
	void *conn;
	enum fakeapi_end *end;
};

struct fakereply {
	struct fakeapi_live live;
	struct fakeapi_request *req;
	struct fakeapi_request *logged;
	struct fakeapi_answer answer;
	void *ctx;
	size_t off, body_len;
	char *zipped;
	bool no_body;		/* HEAD, 204, 304 */
	bool gate;		/* a part was taken and is not with the kernel yet */
	uint64_t due;		/* not before this time; 0: at once */
	bool over;
};

/* Logs the request and finds its answer. The request and `live` are copied. */
struct fakereply *fakereply_new(struct fakescript *script, struct fakelog *log,
				const struct fakeapi_request *req,
				const struct fakeapi_live *live);
void fakereply_free(struct fakereply *reply);

/* Body bytes, at most max of them; *n is 0 but for FAKESTEP_DATA. */
enum fakestep fakereply_read(struct fakereply *reply, char *buf, size_t max, size_t *n);
void fakereply_flushed(struct fakereply *reply);

/* There is no answer, only a fault. */
bool fakereply_headless(const struct fakereply *reply);
/* -1: not known before its end. */
long long fakereply_length(const struct fakereply *reply);
const char *fakereply_type(const struct fakereply *reply);

/* The first call counts; fate goes to the log. */
void fakereply_over(struct fakereply *reply, enum fakeapi_fate fate);

#endif
