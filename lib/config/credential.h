/*
 * Credentials that have to be fetched before a request can carry them, and again
 * when they expire: exec plugins, and the auth providers of old.
 *
 * A spec is what the kubeconfig says: data. A credential is one at work on a
 * loop: single flight, cached until it expires. Nothing here blocks.
 */
#ifndef KSHIM__CREDENTIAL_H
#define KSHIM__CREDENTIAL_H

#include "config/config.h"
#include "loop.h"

struct kshim__credential;

/* One way to fetch. `fetch` starts; the answer comes, from the loop, by
 * kshim__credential_got() or kshim__credential_failed(), never before fetch has
 * returned. `stop` ends a fetch that is under way, or is over; `free` frees the
 * spec's own data. */
struct kshim__credential_way {
	const char *name; /* "exec", "oidc" */
	void *(*fetch)(struct kshim__credential *credential, kshim_error **error); /* its state, or NULL */
	void (*stop)(void *state);
	void (*free)(void *data);
	bool (*renewable)(const void *data); /* NULL: another fetch may always help */
};

struct kshim__credential_spec {
	const struct kshim__credential_way *way;
	char *source; /* "file:line: user "name"", for messages */
	void *data; /* the way's */
};

void kshim__credential_spec_free(struct kshim__credential_spec *spec);

struct kshim__credential {
	kshim_loop *loop;
	struct kshim__access *access; /* reference; access->credential is the spec */
	void *state; /* of the fetch under way, or NULL */
	kshim_error *error; /* of the last fetch */
	bool got;
	unsigned fetches; /* that succeeded */
	char *token; /* NULL: none */
	struct kshim__blob cert; /* both or neither */
	struct kshim__blob key;
	unsigned certificates; /* grows with each new client certificate */
	int64_t expires_at; /* CLOCK_REALTIME seconds; 0: until the server says 401 */
	int64_t renew_at;   /* from then on another is fetched beside its use; 0: not before it expires */
	char *warning; /* of the last fetch: what went wrong beside it, for the user */
	struct kshim__task tell;
	void (*changed)(struct kshim__credential *credential);
	void *owner;
};

/* NULL without memory. `changed` runs from the loop after each fetch. */
struct kshim__credential *kshim__credential_new(kshim_loop *loop, struct kshim__access *access,
						void (*changed)(struct kshim__credential *credential), void *owner);
void kshim__credential_free(struct kshim__credential *credential);

/* true when there is one to send; else a fetch is under way and changed() will
 * run. Who `waited` for the last fetch takes what it brought, also when that
 * expires at once: else it would be fetched for ever. */
bool kshim__credential_ready(struct kshim__credential *credential, bool waited);

/* After a 401 for what the fetch of that number (credential->fetches) brought:
 * true when another may help; the next kshim__credential_ready() sees to it. */
bool kshim__credential_expire(struct kshim__credential *credential, unsigned fetch);

/* true while a credential that expires then can be sent. */
bool kshim__credential_lasts(int64_t expires_at);

/* For the ways. What is got is taken over; token or cert and key may be NULL or
 * empty. The fetch's state must be gone, or going. A failure leaves in its place
 * what still lasts: it is renewed again later, and the user warned. */
void kshim__credential_got(struct kshim__credential *credential, char *token, struct kshim__blob *cert,
			   struct kshim__blob *key, int64_t expires_at, int64_t renew_at);
void kshim__credential_failed(struct kshim__credential *credential, kshim_error *error);

/* A token that still lasts, lent to those that wait while its fetch goes on. */
void kshim__credential_lend(struct kshim__credential *credential, char *token, int64_t expires_at);

/* RFC 3339 ("2026-11-24T08:00:00Z", "….5+02:00") to seconds; -1 if it is none. */
int64_t kshim__parse_time(const char *text);

#endif
