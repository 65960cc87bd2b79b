/* The path that a proxied request names, as it goes behind ".../proxy". */
#ifndef KSHIM__PROXY_PATH_H
#define KSHIM__PROXY_PATH_H

#include "buf.h"

#include <stdbool.h>

/* Appends "/a/b?c=d" for "a/b?c=d", percent-encoded where it has to be; NULL is
 * "/". false for one that could lead out of the proxy's prefix ("." and ".."
 * between slashes, encoded or not), or without memory (text->failed). */
bool kshim__proxy_path(struct kshim__buf *text, const char *path);

#endif
