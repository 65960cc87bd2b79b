/* JSON text among YAML: one value at a time, with the lines of its keys. */
#ifndef KSHIM__YAML_JSON_H
#define KSHIM__YAML_JSON_H

#include "yaml_doc.h"

#include <stdbool.h>

/* Lines of keys and elements, by RFC 6901 pointer. */
struct kshim__yaml_lines {
	json_t *map;  /* NULL: not asked for */
	int depth;    /* of the pointers that are noted */
	int at;       /* the depth now */
	struct kshim__buf pointer;
	bool failed;  /* without memory */
};

/* Goes one step down, noting the line; the length to give to _up(). */
size_t kshim__yaml_lines_key(struct kshim__yaml_lines *lines, const char *key, unsigned line);
size_t kshim__yaml_lines_index(struct kshim__yaml_lines *lines, size_t index, unsigned line);
void kshim__yaml_lines_up(struct kshim__yaml_lines *lines, size_t length);

/* Reads one JSON value from the start of `text` (a brace or bracket), which is
 * on `line` at `column`, both from 1. `*used` gets its length. 0, or -1 and
 * *error; `doc->lines` NULL or an empty object to be filled to `depth`. */
int kshim__yaml_json(const char *text, size_t len, const char *source, unsigned line, unsigned column,
		     kshim_code code, int depth, struct kshim__yaml_doc *doc, size_t *used, kshim_error **error);

#endif
