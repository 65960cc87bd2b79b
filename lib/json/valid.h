/* Is this JSON text (RFC 8259), one value and nothing else? Without building it. */
#ifndef KSHIM__JSON_VALID_H
#define KSHIM__JSON_VALID_H

#include <stdbool.h>
#include <stddef.h>

/* false: *at is the offset of the first byte that is wrong, len if the text
 * ends too early. Nesting is bounded by KSHIM__JSON_DEPTH; text is UTF-8. */
bool kshim__json_valid(const char *json, size_t len, size_t *at);

#endif
