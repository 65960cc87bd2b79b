/*
 * One HTTP exchange: a libcurl easy handle and where its answer's bytes go.
 *
 * A transport is what all exchanges of a client have in common: the server, the
 * trust and the certificate, the HTTP version, the multi, and easy handles kept
 * for reuse. A transfer knows nothing of Kubernetes.
 */
#ifndef KSHIM__TRANSFER_H
#define KSHIM__TRANSFER_H

#include "buf.h"
#include "config/config.h"
#include "error.h"
#include "multi.h"

#define KSHIM__IDLE_HANDLES 128
#define KSHIM__CROWD 10

struct kshim__transport {
	struct kshim__multi multi;
	struct kshim__access *access; /* reference */
	long http_version;            /* CURL_HTTP_VERSION_… */
	char *base_url;               /* before the path: scheme, host, port, prefix */
	char *host;                   /* Host header, where base_url holds tls-server-name; else NULL */
	struct curl_slist *connect_to;
	const struct kshim__blob *cert; /* borrowed of the access, or of who set an identity */
	const struct kshim__blob *key;
	unsigned generation; /* of the settings: a handle of an earlier one is not kept */
	unsigned unsent;     /* transfers whose request has not gone out yet */
	bool one_by_one;     /* see kshim__transport_has_room() */
	long buffer_size; /* of a handle's receive buffer; 0: libcurl's own choice */
	long crowd_buffer_size; /* the same, while more than KSHIM__CROWD are under way */
	unsigned under_way;
	bool connected;      /* a request did go out on a connection that may still be there */
	struct kshim__task *room; /* queued when another transfer may start, or NULL */
	CURLSH *share;                /* TLS sessions */
	CURL *idle[KSHIM__IDLE_HANDLES];
	unsigned idle_count;
};

/* NULL-safe; *error tells what failed (memory, or a server URL that libcurl
 * cannot read). */
bool kshim__transport_init(struct kshim__transport *transport, kshim_loop *loop, struct kshim__access *access,
			   kshim_error **error);
void kshim__transport_free(struct kshim__transport *transport); /* no transfer is under way any more */
void kshim__transport_set_http_version(struct kshim__transport *transport, long version);

/* Whether another transfer may start now. What waits inside libcurl for a
 * connection goes on all at once when there is one, in one call that takes as
 * long as that takes: so few are let in, and over HTTP/2 one alone until there is
 * a connection. With one_by_one it is always one: each that starts while the
 * connections there are have no room for it would open one of its own. */
bool kshim__transport_has_room(const struct kshim__transport *transport);

/* Another client certificate, for connections from now on; the blobs are borrowed
 * until the next one is set. */
void kshim__transport_set_identity(struct kshim__transport *transport, const struct kshim__blob *cert,
				   const struct kshim__blob *key);

/* Request headers: shared by the requests that look alike. */
struct kshim__headers {
	unsigned refs;
	struct curl_slist *list;
};
struct kshim__headers *kshim__headers_new(void);
bool kshim__headers_add(struct kshim__headers *headers, const char *name, const char *value);
struct kshim__headers *kshim__headers_ref(struct kshim__headers *headers);
void kshim__headers_unref(struct kshim__headers *headers); /* cleanses: Authorization is among them */

enum kshim__sink {
	KSHIM__SINK_TOOK,
	KSHIM__SINK_PAUSE, /* nothing was taken: kshim__transfer_resume() brings the same bytes again */
	KSHIM__SINK_FAILED /* the exchange ends with CURLE_WRITE_ERROR */
};

struct kshim__transfer {
	struct kshim__exchange exchange;
	struct kshim__transport *transport;

	/* The request. All borrowed until it is finished. */
	const char *method;
	const char *path; /* begins with '/', percent-encoded */
	struct kshim__headers *headers;
	const char *body; /* NULL: none */
	size_t body_len;

	/* The answer. `sink` runs inside libcurl: it only stores. `finished` runs
	 * from the loop. */
	enum kshim__sink (*sink)(struct kshim__transfer *transfer, const char *data, size_t len);
	void (*finished)(struct kshim__transfer *transfer);
	/* The head of the final answer is whole, `status` is set: inside libcurl, too.
	 * NULL: nobody wants to know. */
	void (*head)(struct kshim__transfer *transfer);
	bool uncompressed; /* no gzip is asked for */
	int status;  /* set before the first sink */
	CURLcode code;
	char problem[CURL_ERROR_SIZE];
	unsigned generation;
	bool reads; /* GET or HEAD: may go out twice */
	unsigned sends;
	uint64_t received;
	int64_t started_us;
	int64_t first_us; /* the head began to come in; 0: it did not */
	int64_t ended_us; /* 0: not yet */
	bool began; /* the first byte of the body came */
	bool tracing; /* heads are kept in `trace`, one line each, after '<' or '>' */
	struct kshim__buf trace;
};

/* Starts; false: no memory, nothing will be called. */
bool kshim__transfer_start(struct kshim__transfer *transfer);
/* Ends it early; `finished` is not called. */
void kshim__transfer_abort(struct kshim__transfer *transfer);
void kshim__transfer_resume(struct kshim__transfer *transfer);

/* In `finished` and until kshim__transfer_end(), which takes the easy handle
 * back and must follow once: */
const char *kshim__transfer_header(struct kshim__transfer *transfer, const char *name, size_t index);
/* Adds all of them to a text: names and values, each with its NUL. */
bool kshim__transfer_headers(struct kshim__transfer *transfer, struct kshim__buf *text);
const char *kshim__transfer_content_type(struct kshim__transfer *transfer);
int64_t kshim__transfer_content_length(struct kshim__transfer *transfer); /* also in sink; -1: unknown */
bool kshim__transfer_silent(const struct kshim__transfer *transfer); /* not one byte came back */
/* The connection was closed while TLS was still being agreed on. */
bool kshim__transfer_broke_in_handshake(const struct kshim__transfer *transfer);
/* The server ended TLS and said why, be it after the handshake, as with a client
 * certificate that it misses (TLS 1.3). */
bool kshim__transfer_got_alert(const struct kshim__transfer *transfer);
/* The errno that a connection could not be made for; 0: another reason. */
int kshim__transfer_os_error(const struct kshim__transfer *transfer);
/* The proxy does not let us through (4xx). */
bool kshim__transfer_proxy_refused(const struct kshim__transfer *transfer);
/* The server's proof of who it is made no sense, as with the certificate of
 * another authority of the same name: libcurl then passes on no more than the
 * first error of OpenSSL's, which is one of its mathematics. */
bool kshim__transfer_unverified(const struct kshim__transfer *transfer);
void kshim__transfer_end(struct kshim__transfer *transfer);

/* What a transfer's failure is called: KSHIM_ECONNECT, KSHIM_ETLS, KSHIM_EPROTOCOL. */
kshim_code kshim__transfer_error_code(CURLcode code);

#endif
