/* Label and field selectors, written in Kubernetes' syntax. */
#ifndef KSHIM__SELECTOR_H
#define KSHIM__SELECTOR_H

#include "buf.h"

#include <kubeshim/error.h>

#include <stdbool.h>
#include <stddef.h>

#define KSHIM__SELECTOR_MAX (16u * 1024)

enum kshim__op {
	KSHIM__OP_EQUALS,
	KSHIM__OP_NOT_EQUALS,
	KSHIM__OP_IN,
	KSHIM__OP_NOT_IN,
	KSHIM__OP_EXISTS,
	KSHIM__OP_NOT_EXISTS,
	KSHIM__OP_GREATER,
	KSHIM__OP_LESS
};

/* What may be the key of a label ("example.com/app"; IsQualifiedName in
 * apimachinery's validation) and its value. */
bool kshim__label_key_ok(const char *key);
bool kshim__label_value_ok(const char *value);

/* Each appends one requirement, behind "," if there are others: "k=v", "k!=v",
 * "k in (a,b)", "k notin (a,b)", "k", "!k", "k>1", "k<1". Keys and values are
 * checked as the server checks them. On failure the selector is as it was, and
 * *error says which key is wrong. */
bool kshim__selector_add_label(struct kshim__buf *selector, const char *key, enum kshim__op op,
			       const char *const *values, size_t count, kshim_error **error);

/* Fields know only equality: in of one value becomes "k=v", notin several
 * "k!=v"; anything else is refused. */
bool kshim__selector_add_field(struct kshim__buf *selector, const char *key, enum kshim__op op,
			       const char *const *values, size_t count, kshim_error **error);

/* "key__op" with op eq, neq, in, notin, exists, nexists, gt or lt; without "__"
 * it means equals. */
bool kshim__selector_split_key(const char *key, size_t *key_len, enum kshim__op *op, kshim_error **error);

/* A selector given as text goes to the server as it is: only its length and
 * control characters are looked at. */
bool kshim__selector_check_text(const char *text, kshim_error **error);

#endif
