/* A configuration from the inside: what the client reads of it. */
#ifndef KSHIM__CONFIG_H
#define KSHIM__CONFIG_H

#include <kubeshim/config.h>

#include <stdbool.h>
#include <time.h>

/* Bytes that may be secret; cleansed when freed. */
struct kshim__blob {
	char *data;
	size_t len;
};

struct kshim__pair {
	char *key;
	char *value;
};

/* A file as it was last read. */
struct kshim__watched {
	char *path; /* NULL: the bytes did not come from a file */
	struct timespec changed;
	uint64_t inode;
	bool settled; /* what it holds was good, and is in use */
};

struct kshim__credential_spec;

/* What the current context comes to: everything a connection and a request
 * need, with files already read into memory. One exists for each context that
 * was resolved; a client holds a reference. */
struct kshim__access {
	unsigned refs;

	char *server;      /* without trailing slash */
	bool https;        /* else no credential is ever sent */
	char *tls_server_name;
	char *proxy_url;
	bool insecure;     /* insecure-skip-tls-verify */
	bool no_compression;
	struct kshim__blob ca;   /* PEM; empty: the system's bundle */
	struct kshim__watched ca_file;

	struct kshim__blob cert; /* PEM */
	struct kshim__blob key;  /* PEM */
	struct kshim__watched cert_file;
	struct kshim__watched key_file;
	unsigned rotations;      /* grows when ca, or cert and key, are others */
	int64_t rotate_at;       /* CLOCK_MONOTONIC ms: when the files are looked at again */
	char *token;             /* inline bearer token, the fallback of token_file */
	char *token_file;        /* re-read by kshim__access_token() */
	char *username;
	char *password;

	struct kshim__credential_spec *credential; /* to be fetched; or NULL */

	char *impersonate_user;
	char *impersonate_uid;
	char **impersonate_groups;
	size_t impersonate_group_count;
	struct kshim__pair *impersonate_extra; /* a key stands once for each value */
	size_t impersonate_extra_count;

	char *namespace_; /* never NULL */

	/* The state of token_file. */
	char *file_token;
	int64_t file_token_read_at; /* CLOCK_MONOTONIC ms; 0: never */
};

/* The current context, resolved: new reference, or NULL and *error (KSHIM_ECONFIG
 * also when no current context is set, or it names a user or an auth provider
 * that is not supported). */
struct kshim__access *kshim__config_access(kshim_config *config, kshim_error **error);
struct kshim__access *kshim__access_ref(struct kshim__access *access);
void kshim__access_unref(struct kshim__access *access);

/* The bearer token to send at `now` (CLOCK_MONOTONIC ms), borrowed until the
 * next call; NULL if none. Re-reads token_file when its reading is 60 s old;
 * keeps the old one when reading fails; trims white space. */
const char *kshim__access_token(struct kshim__access *access, int64_t now);

/* After a 401: the next kshim__access_token() reads the file again, and the
 * client certificate's files are looked at now. true if other credentials may
 * come of that. */
bool kshim__access_expire(struct kshim__access *access);

/* Reads the files of the CA, the client certificate and its key again when they
 * have changed, which is looked for at most once a second; what cannot be used
 * leaves the old in place. */
void kshim__access_rotate(struct kshim__access *access, int64_t now);

#endif
