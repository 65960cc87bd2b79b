/*
 * The client from the inside: what calls need of it. It holds the transport,
 * the headers that every request carries, and the admission to connections. It
 * knows nothing of the calls above it but that they are its tenants.
 */
#ifndef KSHIM__CLIENT_H
#define KSHIM__CLIENT_H

#include "config/config.h"
#include "loop.h"
#include "transfer.h"

#include <kubeshim/client.h>

enum kshim__accept { KSHIM__ACCEPT_JSON, KSHIM__ACCEPT_TABLE, KSHIM__ACCEPT_DISCOVERY, KSHIM__ACCEPT_ANY, KSHIM__ACCEPTS };

enum kshim__content {
	KSHIM__CONTENT_NONE,
	KSHIM__CONTENT_JSON,
	KSHIM__CONTENT_MERGE_PATCH,
	KSHIM__CONTENT_JSON_PATCH,
	KSHIM__CONTENT_STRATEGIC_PATCH,
	KSHIM__CONTENT_APPLY_PATCH,
	KSHIM__CONTENTS
};

/* Whatever must end when the client does. */
struct kshim__tenant {
	struct kshim__link link;
	void (*evict)(struct kshim__tenant *tenant);
};

/* Requests that are answered and done with, those that stay, and watches, which are
 * many and mostly silent, ride on connections of their own: a storm of one kind
 * never starves the other. */
enum kshim__lane_kind { KSHIM__LANE_CALLS, KSHIM__LANE_STREAMS, KSHIM__LANE_WATCHES, KSHIM__LANES };

struct kshim__lane {
	struct kshim__transport transport;
	bool open; /* of the streams' lane: made when first needed */
	struct kshim__link queue; /* tickets that wait */
	unsigned admitted;
};

/* A place among those that may be on the wire at the same time. */
struct kshim__ticket {
	struct kshim__link link; /* in the queue */
	struct kshim__lane *lane;
	bool admitted;
	unsigned fetches; /* of the credential, when it began to wait */
	void (*admit)(struct kshim__ticket *ticket);
	/* No credential could be had; the error is borrowed. */
	void (*refuse)(struct kshim__ticket *ticket, const kshim_error *error);
};

struct kshim__discovery;
struct kshim__credential;

struct kshim_client {
	unsigned refs;
	struct kshim__guest guest;
	kshim_loop *loop; /* NULL once the loop is gone */
	bool closed;
	struct kshim__access *access; /* reference */
	struct kshim__lane lanes[KSHIM__LANES];
	struct kshim__credential *credential; /* that has to be fetched, or NULL */
	unsigned certificates; /* of the credential's, what the lanes carry */
	unsigned rotations;    /* of the access's files, likewise */
	struct kshim__link refused; /* tickets that get no credential, and why */
	kshim_error *refusal;
	struct kshim__task admit_more;
	struct kshim__headers *headers[KSHIM__ACCEPTS][KSHIM__CONTENTS];
	char *sent_token; /* what the cached headers carry */
	char *user_agent;
	kshim_error *error;

	uint64_t timeout_ms;
	kshim_http http_version;
	kshim_http watch_http_version;
	unsigned watches_per_connection;
	bool no_streamed_state; /* the server does not know sendInitialEvents */
	unsigned max_connections;
	unsigned max_retries;
	bool dry_run;

	struct kshim__link tenants;
	struct kshim__link caches; /* cache.c's, that are shared */

	kshim_request_fn *on_request;
	void *on_request_user;
	kshim_warning_fn *on_warning;
	void *on_warning_user;
	kshim_trace_fn *on_trace;
	void *on_trace_user;

	struct kshim__discovery *discovery; /* discovery.c's */
	void (*discovery_free)(struct kshim__discovery *discovery);
};

kshim_client *kshim__client_ref(kshim_client *client);
void kshim__client_unref(kshim_client *client);
bool kshim__client_is_open(const kshim_client *client);

/* Keeps the error (taken over) for kshim_client_error(); returns NULL. */
void *kshim__client_fail(kshim_client *client, kshim_error *error);

/* The headers of a request: new reference; NULL without memory. */
struct kshim__headers *kshim__client_headers(kshim_client *client, enum kshim__accept accept,
					     enum kshim__content content);
/* The same with a Content-Type of the caller's (NULL: none), and `len` bytes of
 * further names and values, each with its NUL; an Accept among them counts. */
struct kshim__headers *kshim__client_headers_custom(kshim_client *client, const char *content_type,
						    const char *further, size_t len);
/* Which credential the requests carry that are made now; after a 401 for one of
 * them: true if another may be had. */
unsigned kshim__client_credential(const kshim_client *client);
bool kshim__client_renew(kshim_client *client, unsigned credential);

void kshim__client_add_tenant(kshim_client *client, struct kshim__tenant *tenant);

/* Admits the ticket now, through its admit(), or queues it. false and *error: the lane
 * cannot be opened. */
bool kshim__client_enter(kshim_client *client, enum kshim__lane_kind lane, struct kshim__ticket *ticket,
			 kshim_error **error);
/* Leaves, or the queue; others get its place. */
void kshim__client_leave(kshim_client *client, struct kshim__ticket *ticket);

#endif
