/*
 * The tokens of an auth provider in the kubeconfig file they came from: read
 * again, for another program may have renewed them, and written back.
 */
#ifndef KSHIM__CONFIG_PROVIDER_FILE_H
#define KSHIM__CONFIG_PROVIDER_FILE_H

#include "buf.h"

/* Where they stand: users[name].user.auth-provider.config of a file, which has
 * to be of this issuer and client. */
struct kshim__provider_file {
	char *path; /* NULL: there is no file */
	char *user;
	char *issuer;
	char *client_id;
};

void kshim__provider_file_free(struct kshim__provider_file *file);

/* New, to kshim__free_secret_string(); NULL where there is none. */
void kshim__provider_file_read(const struct kshim__provider_file *file, char **id_token, char **refresh_token);

/* Replaces them in the text and nothing else: comments and layout stay. The file
 * is exchanged whole, keeps its mode and owner, and is locked as kubectl locks
 * it. 1: done; 0: somebody else has the lock; -1: it stays as it is, `why` says
 * why. */
int kshim__provider_file_write(const struct kshim__provider_file *file, const char *id_token, const char *refresh_token,
			       struct kshim__buf *why);

#endif
