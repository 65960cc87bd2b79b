/*
 * kubeshim/manifest.h - objects read from YAML or JSON text, as kubectl reads
 * them: many documents in a file, `kind: List` taken apart, scalars typed as
 * Kubernetes' own YAML reader types them.
 *
 * The whole text is read and found sound before anything is handed out: each
 * document must be a mapping with apiVersion, kind and metadata.name (or
 * generateName). A bad one gives NULL and *error (KSHIM_EMANIFEST; the message
 * names the source, the line and the field, as in "pod.yaml:7: …").
 */
#ifndef KUBESHIM_MANIFEST_H
#define KUBESHIM_MANIFEST_H

#include <kubeshim/common.h>

KSHIM_BEGIN_DECLS

/* `source` names the text in messages ("-", "pod.yaml"). New, to
 * kshim_manifest_free(); NULL and *error as above, or KSHIM_ENOMEM. */
KSHIM_API kshim_manifest *kshim_manifest_from_text(const char *text, size_t len, const char *source,
						   kshim_error **error);

/* Reads a file whole (at most 64 MiB), "-" is standard input. This blocks as
 * reading a file does. KSHIM_EIO if it cannot be read. */
KSHIM_API kshim_manifest *kshim_manifest_from_file(const char *path, kshim_error **error);

KSHIM_API void kshim_manifest_free(kshim_manifest *manifest);

/* The documents, in order. Empty ones do not count. */
KSHIM_API size_t kshim_manifest_count(const kshim_manifest *manifest);

/* A document's JSON text, NUL-terminated, borrowed; `*len` where not NULL. */
KSHIM_API const char *kshim_manifest_json(const kshim_manifest *manifest, size_t index, size_t *len);

/* The line of the source where it begins, from 1; 0 outside. */
KSHIM_API unsigned kshim_manifest_line(const kshim_manifest *manifest, size_t index);

/* A document as an object of `client`, ready for a verb: new reference; NULL
 * outside or without memory. */
KSHIM_API kshim_object *kshim_manifest_object(const kshim_manifest *manifest, size_t index, kshim_client *client);

KSHIM_END_DECLS

#endif
