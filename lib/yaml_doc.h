/*
 * YAML to JSON, through libyaml, with scalars typed as Kubernetes' own reader
 * (sigs.k8s.io/yaml) types them.
 *
 * (Not yaml.h: with -Ilib that would hide libyaml's own.)
 */
#ifndef KSHIM__YAML_DOC_H
#define KSHIM__YAML_DOC_H

#include "buf.h"

#include <kubeshim/error.h>

#include <jansson.h>

#define KSHIM__YAML_DEPTH 200
#define KSHIM__YAML_NODES 2000000 /* what aliases may expand to, in all */

/* One document of a stream. */
struct kshim__yaml_doc {
	json_t *value;  /* owned */
	unsigned line;  /* where it begins, from 1 */
	json_t *lines;  /* owned: {"/rfc6901/pointer": line, …} of keys and elements, or NULL if not asked for */
};

/* Every document of a text (which may be JSON as well: YAML holds it, but a
 * stream of JSON values one after another is accepted too). 0, or -1 and *error
 * ("source:line: what"; never a value, which may be a secret). `code` is that of
 * the errors; `want_lines` how deep lines are noted, 0 for none.
 *
 * Values may be shared (that is how aliases expand): do not change them. Of a
 * key that stands twice the last value counts, as kubectl has it. */
int kshim__yaml_read(const char *text, size_t len, const char *source, kshim_code code, int want_lines,
		     struct kshim__yaml_doc **docs, size_t *count, kshim_error **error);
void kshim__yaml_free(struct kshim__yaml_doc *docs, size_t count);

/* The line of a pointer, or of the nearest thing around it that has one. */
unsigned kshim__yaml_line(const struct kshim__yaml_doc *doc, const char *pointer);

/* Adds a pointer as people write it: "/users/2/user" is "users[2].user". */
void kshim__yaml_show(struct kshim__buf *buf, const char *pointer);

/* A value as YAML text, keys in their order, as kubectl prints it: new. */
char *kshim__yaml_format(const json_t *value);

#endif
