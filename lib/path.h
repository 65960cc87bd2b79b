/* Names as Kubernetes allows them, and the URL paths made of them. */
#ifndef KSHIM__PATH_H
#define KSHIM__PATH_H

#include "buf.h"

#include <stdbool.h>
#include <stddef.h>

#define KSHIM__NAME_MAX 1024

/* What any object may be called: one path segment (client-go's
 * IsValidPathSegmentName) without control characters, e.g. "system:node". Most
 * kinds allow less (253 bytes, DNS); RBAC sets no limit, so this one is ours. */
bool kshim__path_name_ok(const char *name);

/* A DNS label (RFC 1123), as namespaces are. */
bool kshim__path_namespace_ok(const char *ns);

/* "a-z0-9-", at most 63; labels joined by dots, at most 253. */
bool kshim__path_label_ok(const char *s, size_t len);
bool kshim__path_subdomain_ok(const char *s, size_t len);

/* Appends "/apis/GROUP/VERSION/namespaces/NS/PLURAL/NAME/SUBRESOURCE", of "v1"
 * "/api/v1/…", percent-encoded. ns, name and subresource may be NULL; a
 * subresource may have several segments, and needs a name. false, with the path
 * as it was, when a part is no valid name (an empty name would mean the whole
 * collection) or without memory (path->failed). */
bool kshim__path_resource(struct kshim__buf *path, const char *api_version, const char *plural, const char *ns,
			  const char *name, const char *subresource);

/* Appends "?key=value", or "&key=value" if the path has parameters; encoded. */
bool kshim__path_param(struct kshim__buf *path, const char *key, const char *value);

#endif
