/*
 * One renewal at an OpenID Connect provider: its discovery document, then a
 * refresh_token grant (RFC 6749, 6) at the endpoint that it names.
 */
#ifndef KSHIM__OIDC_REFRESH_H
#define KSHIM__OIDC_REFRESH_H

#include "buf.h"
#include "config/config.h"
#include "loop.h"
#include "transfer.h"

/* Who asks whom. */
struct kshim__oidc_client {
	char *issuer;
	char *id;
	char *secret; /* or NULL */
	struct kshim__blob ca; /* empty: the system's bundle */
};

struct kshim__oidc_refresh {
	kshim_loop *loop;
	const struct kshim__oidc_client *client;
	char *refresh_token;
	int step;
	bool refused; /* the provider said no, for itself: the refresh token is not good any more */
	char *endpoint;
	struct kshim__access *access; /* of the server that is being asked */
	struct kshim__transport transport;
	bool open;
	struct kshim__headers *headers;
	struct kshim__transfer transfer;
	bool on_wire;
	char *path;
	struct kshim__buf body;
	struct kshim__buf answer;
	struct kshim__task over; /* the exchange is */
	struct kshim__timer deadline;
	/* From the loop, once. The tokens are borrowed, new_refresh_token is NULL
	 * where the old one stays; or an error, to be taken over. */
	void (*done)(struct kshim__oidc_refresh *refresh, const char *id_token, const char *new_refresh_token,
		     kshim_error *error);
};

/* false: no memory, or *error. */
bool kshim__oidc_refresh_start(struct kshim__oidc_refresh *refresh, kshim_loop *loop,
			       const struct kshim__oidc_client *client, const char *refresh_token,
			       void (*done)(struct kshim__oidc_refresh *refresh, const char *id_token,
					    const char *new_refresh_token, kshim_error *error),
			       kshim_error **error);
void kshim__oidc_refresh_stop(struct kshim__oidc_refresh *refresh); /* NULL-safe for one never started */

#endif
