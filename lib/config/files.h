/* Files of a configuration: reading them whole, and where their paths lead. */
#ifndef KSHIM__CONFIG_FILES_H
#define KSHIM__CONFIG_FILES_H

#include "config/config.h"

#define KSHIM__KUBECONFIG_MAX (16u << 20)
#define KSHIM__CREDENTIAL_MAX (1u << 20)

/* Reads a file of at most `max` bytes; the blob is NUL-terminated. 0, or an
 * errno (EFBIG when it is larger). */
int kshim__file_read(const char *path, size_t max, struct kshim__blob *blob);
int kshim__fd_read(int fd, size_t max, struct kshim__blob *blob);
void kshim__blob_free(struct kshim__blob *blob);

/* The path without ".", ".." and doubled slashes; a relative one is taken from
 * `dir`, or from the working directory when that is NULL. New; NULL without
 * memory (or working directory). */
char *kshim__path_absolute(const char *dir, const char *path);

#endif
