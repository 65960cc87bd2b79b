/*
 * fakeapi: a scripted API server for tests and benches.
 *
 * It runs in a child process, so that its CPU and memory are not the client's.
 * What it answers is fixed before the start, as an array of routes; what it saw
 * is read through memory that both processes share.
 */
#ifndef FAKEAPI_H
#define FAKEAPI_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define FAKEAPI_ALL ((size_t)-1)	/* end_after: the whole body, but not its end */
#define FAKEAPI_LATER ((size_t)-1)	/* from .stream: nothing yet, fakeapi_more() tells */

struct fakeapi;
struct fakeapi_live;			/* an answer that is under way */

/* What is offered in ALPN; with .plain, FAKEAPI_H2 is HTTP/2 with prior knowledge. */
enum fakeapi_http {
	FAKEAPI_H2_AND_H1,
	FAKEAPI_H1,
	FAKEAPI_H2,
};

enum fakeapi_client_cert {
	FAKEAPI_CERT_IGNORED,
	FAKEAPI_CERT_ASKED,
	FAKEAPI_CERT_DEMANDED,
};

/* HTTP/1.1 only; HTTP/2 sends content-length for FAKEAPI_LENGTH and none otherwise. */
enum fakeapi_coding {
	FAKEAPI_LENGTH,
	FAKEAPI_CHUNKED,
	FAKEAPI_UNTIL_CLOSE,
};

/* Applied, as a real API server does, only if the request accepts gzip. */
enum fakeapi_gzip {
	FAKEAPI_IDENTITY,
	FAKEAPI_GZIP,
	FAKEAPI_GZIP_MEMBERS,		/* one gzip member for each line: traps.md 12 */
};

/* How an answer ends. */
enum fakeapi_end {
	FAKEAPI_END,			/* as it should */

	/* after end_after bytes of the body (0: after the head) */
	FAKEAPI_STALL,			/* no more bytes, the connection stays open */
	FAKEAPI_CUT,			/* close_notify and FIN */
	FAKEAPI_CUT_ABRUPT,		/* FIN alone; like CUT without TLS */
	FAKEAPI_CUT_RESET,		/* TCP RST */
	FAKEAPI_RESET_STREAM,		/* RST_STREAM with h2_error; HTTP/1.1: TCP RST */

	/* instead of an answer, the request having been read */
	FAKEAPI_MUTE,			/* nothing, for ever */
	FAKEAPI_HANG_UP,		/* close_notify and FIN */
	FAKEAPI_HANG_UP_RESET,		/* TCP RST */
	FAKEAPI_REFUSE_STREAM,		/* RST_STREAM REFUSED_STREAM; HTTP/1.1: HANG_UP */
	FAKEAPI_GOAWAY_REFUSE,		/* GOAWAY, last stream below this one; HTTP/1.1: HANG_UP */

	/* after a complete answer */
	FAKEAPI_CLOSE,			/* `Connection: close` and a close; HTTP/2: as GOAWAY */
	FAKEAPI_DROP,			/* a close that was not announced; HTTP/2: 20 ms later */
	FAKEAPI_STALE,			/* the next request on this connection hangs up */
	FAKEAPI_STALE_RESET,		/* likewise, with a TCP RST */
	/*
	 * GOAWAY between head and body, as kube-apiserver's goaway-chance does it, and a
	 * close 1 s after the last stream. HTTP/1.1: DROP.
	 */
	FAKEAPI_GOAWAY,
};

/* What became of a request. */
enum fakeapi_fate {
	FAKEAPI_OPEN,			/* not answered, or not yet in full */
	FAKEAPI_ANSWERED,		/* the last byte was given to the kernel */
	FAKEAPI_FAULTED,		/* ended by the script */
	FAKEAPI_CLIENT_LEFT,		/* the client closed or cancelled first */
};

struct fakeapi_header {
	const char *name, *value;
};

/* A request that was read in full, and what became of it since. */
struct fakeapi_request {
	const char *method;
	const char *path;		/* with its query */
	const struct fakeapi_header *headers;	/* HTTP/2: :authority is "host" */
	size_t header_count;
	const char *body;		/* ends with a NUL that is not counted */
	size_t body_len;
	unsigned connection;		/* 1, 2, ... as they were accepted */
	unsigned number;		/* 1, 2, ... on its connection */
	int http;			/* 11 or 20 */
	int route;			/* index of the route that answers, -1: none did */
	uint64_t arrived_ns;		/* CLOCK_MONOTONIC */
	const char *client_cn;		/* of the client's certificate, or NULL */
	const char *sni;		/* or NULL */
	atomic_int fate;		/* enum fakeapi_fate */
	atomic_size_t sent;		/* bytes of the body given to the connection */
};

struct fakeapi_answer {
	int status;			/* 0: 200 */
	const char *type;		/* Content-Type; NULL: application/json; "": none */
	const char *const *headers;	/* "Name: value", up to a NULL */
	const char *body;
	size_t body_len;		/* 0: strlen(body) */

	enum fakeapi_coding coding;
	enum fakeapi_gzip gzip;
	long length_error;		/* added to the Content-Length that is announced */

	/* Each part is a write, so a TLS record (and a chunk or a DATA frame), of its own. */
	size_t split_at;		/* [0,N), then the rest */
	size_t piece;			/* N bytes at a time */
	bool lines;			/* a line at a time */
	int part_delay_ms;		/* between parts; 0: 2 ms for split_at, none for the others */

	int head_delay_ms;
	int body_delay_ms;

	enum fakeapi_end end;
	size_t end_after;		/* counted after gzip */
	uint32_t h2_error;		/* of RESET_STREAM; 0: INTERNAL_ERROR */

	/* For generated answers (see fakeapi_route.generate). */
	void (*body_free)(void *body);	/* frees what generate put in .body */
	/*
	 * Instead of .body: writes up to max bytes, each time a chunk or a frame of its
	 * own; returns 0 at the end, which .end may make a fault, or FAKEAPI_LATER.
	 */
	size_t (*stream)(void *state, char *buf, size_t max);
	void (*stream_free)(void *state);
	void *stream_state;
	struct fakeapi_live *live;	/* set for generate, good until stream_free */
	/* The last byte was given to the kernel. */
	void (*sent)(void *ctx, const struct fakeapi_request *req);
};

struct fakeapi_route {
	const char *method;		/* NULL: any */
	/*
	 * '*' is any run of bytes, the rest is literal. Compared with the path and
	 * its query if the pattern has a '?', else with the path alone. NULL: any.
	 */
	const char *path;
	/* Only the nth request of this method and path (1, 2, ...); 0: all. */
	unsigned nth;
	struct fakeapi_answer answer;
	/*
	 * Called in the server process when a request is complete. *out begins as
	 * a copy of .answer.
	 */
	void (*generate)(void *ctx, const struct fakeapi_request *req,
			 struct fakeapi_answer *out);
	void *ctx;
};

struct fakeapi_options {
	const struct fakeapi_route *routes;	/* the first that fits answers; else a 404 Status */
	size_t route_count;
	bool plain;			/* http:// */
	enum fakeapi_http http;
	enum fakeapi_client_cert client_cert;
	unsigned max_streams;		/* HTTP/2; 0: 100 */
	unsigned drop_first;		/* this many connections are closed when accepted */
	unsigned mute_first;		/* this many (after those) are accepted and left alone */
	const char *san;		/* NULL: IP:127.0.0.1,DNS:localhost,DNS:kubeshim.test */
	bool expired;			/* the server certificate ended yesterday */
	int tls;			/* the only version, as TLS1_1_VERSION; 0: what OpenSSL offers */
	const struct fakeapi *like;	/* use its CA, certificates and keys */
	int port;			/* 0: any */
	size_t log_bytes;		/* 0: 32 MB */
	bool no_log;			/* only count */
	void (*tick)(void *ctx);	/* every tick_ms, in the server process; or NULL */
	void *tick_ctx;
	int tick_ms;
};

/*
 * For streams that last, in the server process: stream() is asked again; the answer
 * ends otherwise than .end said; or its whole connection neither reads nor writes, as
 * behind a dead path (what comes in meanwhile is lost).
 */
void fakeapi_more(struct fakeapi_live *live);
void fakeapi_set_end(struct fakeapi_live *live, enum fakeapi_end end);
void fakeapi_mute(struct fakeapi_live *live, bool on);

/* Returns NULL and says why on stderr. The options need to live only until it returns. */
struct fakeapi *fakeapi_start(const struct fakeapi_options *options);

/*
 * Ends the child, reaps it and frees. Returns 0 if the child ended well, so that
 * under valgrind --error-exitcode its errors are seen too.
 */
int fakeapi_stop(struct fakeapi *api);

/*
 * The same server in this process, until SIGTERM or SIGINT. ready() is called
 * when it listens, with the object that the accessors below take.
 */
int fakeapi_serve(const struct fakeapi_options *options,
		  void (*ready)(void *ctx, struct fakeapi *api), void *ctx);

const char *fakeapi_url(const struct fakeapi *api);	/* without a slash at its end */
int fakeapi_port(const struct fakeapi *api);
pid_t fakeapi_pid(const struct fakeapi *api);
const char *fakeapi_ca_pem(const struct fakeapi *api);	/* "" with .plain */
const char *fakeapi_client_cert_pem(const struct fakeapi *api);	/* CN kubeshim-client */
const char *fakeapi_client_key_pem(const struct fakeapi *api);
const char *fakeapi_other_cert_pem(const struct fakeapi *api);	/* CN kubeshim-other */
const char *fakeapi_other_key_pem(const struct fakeapi *api);

/* What the server has seen until now. None of these waits. */
unsigned fakeapi_connections(const struct fakeapi *api);	/* accepted */
unsigned fakeapi_open_connections(const struct fakeapi *api);	/* closed by neither side */
unsigned fakeapi_failed_handshakes(const struct fakeapi *api);
size_t fakeapi_request_count(const struct fakeapi *api);
/* In order of completion; NULL if there is none, or if the log was full. */
const struct fakeapi_request *fakeapi_request(const struct fakeapi *api, size_t i);
/* Requests whose method (NULL: any) and path (a pattern as in a route) fit. */
size_t fakeapi_count(const struct fakeapi *api, const char *method, const char *path);

/* The value of the first header of this name (any case), or NULL. */
const char *fakeapi_header(const struct fakeapi_request *req, const char *name);
size_t fakeapi_header_count(const struct fakeapi_request *req, const char *name);

#endif
