/* Base64 (RFC 4648, the standard alphabet with padding). */
#ifndef KSHIM__BASE64_H
#define KSHIM__BASE64_H

#include <stdbool.h>
#include <stddef.h>

/* Decodes; white space anywhere is left out. New, NUL-terminated, to
 * kshim__free_secret; NULL and *bad when it is not base64, NULL alone without
 * memory. */
char *kshim__base64_decode(const char *text, size_t len, size_t *out_len, bool *bad);

/* Encodes: new, NUL-terminated, to kshim__free_secret; NULL without memory. */
char *kshim__base64(const char *data, size_t len);

#endif
