#include "selector.h"

#include "alloc.h"
#include "error.h"
#include "path.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define LABEL_MAX 63

static const struct {
	const char *name;
	size_t least, most; /* how many values */
} ops[] = {
	[KSHIM__OP_EQUALS] = {"eq", 1, 1},
	[KSHIM__OP_NOT_EQUALS] = {"neq", 1, 1},
	[KSHIM__OP_IN] = {"in", 1, (size_t)-1},
	[KSHIM__OP_NOT_IN] = {"notin", 1, (size_t)-1},
	[KSHIM__OP_EXISTS] = {"exists", 0, 0},
	[KSHIM__OP_NOT_EXISTS] = {"nexists", 0, 0},
	[KSHIM__OP_GREATER] = {"gt", 1, 1},
	[KSHIM__OP_LESS] = {"lt", 1, 1},
};

#define OP_COUNT (sizeof(ops) / sizeof(ops[0]))

static bool is_alnum(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

static bool has_control(const char *s)
{
	for (; *s; s++)
		if ((unsigned char)*s < 0x20 || *s == 0x7f)
			return true;
	return false;
}

/* What a label's value and the name in its key may be, but for the empty one. */
static bool label_text_ok(const char *s)
{
	size_t i, len = strlen(s);

	if (len == 0 || len > LABEL_MAX || !is_alnum(s[0]) || !is_alnum(s[len - 1]))
		return false;
	for (i = 0; i < len; i++)
		if (!is_alnum(s[i]) && !strchr("-_.", s[i]))
			return false;
	return true;
}

bool kshim__label_key_ok(const char *key)
{
	const char *slash = strchr(key, '/');

	if (slash && !kshim__path_subdomain_ok(key, (size_t)(slash - key)))
		return false;
	return label_text_ok(slash ? slash + 1 : key);
}

bool kshim__label_value_ok(const char *value)
{
	return !*value || label_text_ok(value);
}

static bool is_integer(const char *s)
{
	char *end;

	/* no sign: a label's value cannot begin with one */
	if (!*s || strspn(s, "0123456789") != strlen(s))
		return false;
	errno = 0;
	strtoll(s, &end, 10);
	return errno == 0 && !*end;
}

/* What holds for labels and fields alike; `text` the kind of selector. */
static bool check(const char *text, const char *key, enum kshim__op op, const char *const *values, size_t count,
		  kshim_error **error)
{
	size_t i;

	if (!key || !*key)
		return kshim__fail(error, KSHIM_EINVAL, "%s selector: empty key", text);
	if ((size_t)op >= OP_COUNT)
		return kshim__fail(error, KSHIM_EINVAL, "%s selector: unknown operator for \"%s\"", text, key);
	if (count < ops[op].least || count > ops[op].most)
		return kshim__fail(error, KSHIM_EINVAL, "%s selector: \"%s\" for \"%s\" takes %s, not %zu", text,
				   ops[op].name, key,
				   ops[op].most == 0   ? "no value"
				   : ops[op].most == 1 ? "one value"
						       : "one value or more",
				   count);
	for (i = 0; i < count; i++)
		if (!values[i])
			return kshim__fail(error, KSHIM_EINVAL, "%s selector: a value for \"%s\" is missing", text,
					   key);
	return true;
}

static int compare(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* "(a,b)", sorted. */
static bool add_set(struct kshim__buf *selector, const char *const *values, size_t count)
{
	const char **sorted = kshim__calloc(count, sizeof(*sorted));
	size_t i;

	if (!sorted)
		return false;
	memcpy(sorted, values, count * sizeof(*sorted));
	qsort(sorted, count, sizeof(*sorted), compare);
	kshim__buf_addc(selector, '(');
	for (i = 0; i < count; i++) {
		if (i)
			kshim__buf_addc(selector, ',');
		kshim__buf_adds(selector, sorted[i]);
	}
	kshim__free(sorted);
	return kshim__buf_addc(selector, ')');
}

static bool add_label(struct kshim__buf *selector, const char *key, enum kshim__op op, const char *const *values,
		      size_t count)
{
	static const char *const signs[] = {
		[KSHIM__OP_EQUALS] = "=",   [KSHIM__OP_NOT_EQUALS] = "!=", [KSHIM__OP_IN] = " in ",
		[KSHIM__OP_NOT_IN] = " notin ", [KSHIM__OP_EXISTS] = "",   [KSHIM__OP_NOT_EXISTS] = "",
		[KSHIM__OP_GREATER] = ">",  [KSHIM__OP_LESS] = "<",
	};

	if (selector->len)
		kshim__buf_addc(selector, ',');
	if (op == KSHIM__OP_NOT_EXISTS)
		kshim__buf_addc(selector, '!');
	kshim__buf_adds(selector, key);
	kshim__buf_adds(selector, signs[op]);
	if (op == KSHIM__OP_IN || op == KSHIM__OP_NOT_IN)
		return add_set(selector, values, count);
	if (count)
		kshim__buf_adds(selector, values[0]);
	return !selector->failed;
}

static bool out_of_memory(struct kshim__buf *selector, size_t len, kshim_error **error)
{
	selector->len = len;
	if (selector->data)
		selector->data[len] = '\0';
	return kshim__fail(error, KSHIM_ENOMEM, "out of memory");
}

bool kshim__selector_add_label(struct kshim__buf *selector, const char *key, enum kshim__op op,
			       const char *const *values, size_t count, kshim_error **error)
{
	size_t i, len = selector->len;

	if (!check("label", key, op, values, count, error))
		return false;
	if (!kshim__label_key_ok(key))
		return kshim__fail(error, KSHIM_EINVAL, "label selector: \"%s\" is no valid label key", key);
	for (i = 0; i < count; i++) {
		if (!kshim__label_value_ok(values[i]))
			return kshim__fail(error, KSHIM_EINVAL,
					   "label selector: \"%s\" is no valid label value (key \"%s\")", values[i],
					   key);
		if ((op == KSHIM__OP_GREATER || op == KSHIM__OP_LESS) && !is_integer(values[i]))
			return kshim__fail(error, KSHIM_EINVAL, "label selector: \"%s\" is no integer (key \"%s\")",
					   values[i], key);
	}
	return add_label(selector, key, op, values, count) || out_of_memory(selector, len, error);
}

static bool add_field(struct kshim__buf *selector, const char *key, const char *sign, const char *value)
{
	if (selector->len)
		kshim__buf_addc(selector, ',');
	kshim__buf_adds(selector, key);
	kshim__buf_adds(selector, sign);
	for (; *value; value++) {
		if (strchr("\\,=", *value))
			kshim__buf_addc(selector, '\\');
		kshim__buf_addc(selector, *value);
	}
	return !selector->failed;
}

bool kshim__selector_add_field(struct kshim__buf *selector, const char *key, enum kshim__op op,
			       const char *const *values, size_t count, kshim_error **error)
{
	bool equals = op == KSHIM__OP_EQUALS || op == KSHIM__OP_IN;
	size_t i, len = selector->len;

	if (!check("field", key, op, values, count, error))
		return false;
	/* the server knows no escaping in keys */
	if (has_control(key) || strpbrk(key, " ,=!\\"))
		return kshim__fail(error, KSHIM_EINVAL, "field selector: \"%s\" is no valid field", key);
	if (!equals && op != KSHIM__OP_NOT_EQUALS && op != KSHIM__OP_NOT_IN)
		return kshim__fail(error, KSHIM_EINVAL, "field selector: \"%s\" cannot be used with a field (\"%s\")",
				   ops[op].name, key);
	if (equals && count > 1)
		return kshim__fail(error, KSHIM_EINVAL,
				   "field selector: \"%s\" can be compared with one value only, not %zu", key, count);
	for (i = 0; i < count; i++)
		if (has_control(values[i]))
			return kshim__fail(error, KSHIM_EINVAL,
					   "field selector: control character in a value for \"%s\"", key);
	for (i = 0; i < count; i++)
		if (!add_field(selector, key, equals ? "=" : "!=", values[i]))
			return out_of_memory(selector, len, error);
	return true;
}

bool kshim__selector_split_key(const char *key, size_t *key_len, enum kshim__op *op, kshim_error **error)
{
	const char *split = strstr(key, "__");
	size_t i;

	*op = KSHIM__OP_EQUALS;
	*key_len = split ? (size_t)(split - key) : strlen(key);
	if (*key_len == 0)
		return kshim__fail(error, KSHIM_EINVAL, "selector: no key in \"%s\"", key);
	if (!split)
		return true;
	if (strstr(split + 2, "__"))
		return kshim__fail(error, KSHIM_EINVAL, "selector: too many \"__\" in \"%s\"", key);
	for (i = 0; i < OP_COUNT; i++) {
		if (strcmp(split + 2, ops[i].name) == 0) {
			*op = (enum kshim__op)i;
			return true;
		}
	}
	return kshim__fail(error, KSHIM_EINVAL, "selector: unknown operator \"%s\" in \"%s\"", split + 2, key);
}

bool kshim__selector_check_text(const char *text, kshim_error **error)
{
	size_t len = text ? strlen(text) : 0;

	if (!text)
		return kshim__fail(error, KSHIM_EINVAL, "selector: no text");
	if (len > KSHIM__SELECTOR_MAX)
		return kshim__fail(error, KSHIM_EINVAL, "selector: %zu bytes are too long (at most %u)", len,
				   KSHIM__SELECTOR_MAX);
	if (has_control(text))
		return kshim__fail(error, KSHIM_EINVAL, "selector: control character in its text");
	return true;
}
