#include "label_selector.h"

#include "alloc.h"
#include "error.h"

#include <string.h>

#define VALUES_MAX 256

/* A string's text, new; NULL with *error. */
static char *text_of(struct kshim__span value, kshim_error **error)
{
	bool not_string = false;
	char *text = kshim__json_string(value, NULL, &not_string);

	if (!text)
		return kshim__fail(error, not_string ? KSHIM_EINVAL : KSHIM_ENOMEM,
				   not_string ? "label selector: a string is expected" : "out of memory");
	return text;
}

static bool add_label(struct kshim__buf *selector, struct kshim__span key, struct kshim__span value,
		      kshim_error **error)
{
	struct kshim__span quoted = {key.at - 1, key.len + 2};
	char *name = text_of(quoted, error), *text = name ? text_of(value, error) : NULL;
	const char *values[1] = {text};
	bool ok = text && kshim__selector_add_label(selector, name, KSHIM__OP_EQUALS, values, 1, error);

	kshim__free(name);
	kshim__free(text);
	return ok;
}

static bool operator_of(struct kshim__span expression, enum kshim__op *op)
{
	static const struct {
		const char *name;
		enum kshim__op op;
	} known[] = {
		{"In", KSHIM__OP_IN},
		{"NotIn", KSHIM__OP_NOT_IN},
		{"Exists", KSHIM__OP_EXISTS},
		{"DoesNotExist", KSHIM__OP_NOT_EXISTS},
	};
	struct kshim__span value;
	size_t i;

	if (!kshim__json_pointer(expression.at, expression.len, NULL, "/operator", &value))
		return false;
	for (i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (kshim__json_equals(value, known[i].name)) {
			*op = known[i].op;
			return true;
		}
	}
	return false;
}

static bool add_expression(struct kshim__buf *selector, struct kshim__span expression, kshim_error **error)
{
	const char *values[VALUES_MAX];
	struct kshim__span key, list, value;
	size_t count = 0, cursor = 0;
	enum kshim__op op;
	bool ok = true;
	char *name;

	if (!operator_of(expression, &op) || !kshim__json_pointer(expression.at, expression.len, NULL, "/key", &key))
		return kshim__fail(error, KSHIM_EINVAL, "label selector: an expression without a key, or with an operator "
							"that is not known");
	name = text_of(key, error);
	if (!name)
		return false;
	if (kshim__json_pointer(expression.at, expression.len, NULL, "/values", &list) && list.at[0] == '[') {
		while (ok && kshim__json_next(list, &cursor, NULL, &value)) {
			ok = count < VALUES_MAX;
			if (!ok)
				kshim__fail(error, KSHIM_EINVAL, "label selector: more than %d values", VALUES_MAX);
			else if (!(values[count] = text_of(value, error)))
				ok = false;
			else
				count++;
		}
	}
	ok = ok && kshim__selector_add_label(selector, name, op, values, count, error);
	while (count)
		kshim__free((char *)values[--count]);
	kshim__free(name);
	return ok;
}

bool kshim__label_selector_add(struct kshim__buf *selector, struct kshim__span json, kshim_error **error)
{
	struct kshim__span part, key, value;
	size_t cursor = 0;

	if (kshim__json_pointer(json.at, json.len, NULL, "/matchLabels", &part) && part.at[0] == '{')
		while (kshim__json_next(part, &cursor, &key, &value))
			if (!add_label(selector, key, value, error))
				return false;
	cursor = 0;
	if (kshim__json_pointer(json.at, json.len, NULL, "/matchExpressions", &part) && part.at[0] == '[')
		while (kshim__json_next(part, &cursor, NULL, &value))
			if (!add_expression(selector, value, error))
				return false;
	return true;
}
