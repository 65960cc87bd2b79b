#include "matcher.h"

#include "alloc.h"
#include "error.h"
#include "json/walk.h"
#include "selector.h"

#include <string.h>

#define SHOWN 64 /* bytes of a selector in a message */

struct text {
	const char *at; /* NUL-terminated; never with a character that JSON escapes */
	size_t len;
};

struct requirement {
	enum kshim__op op;
	bool empty; /* "" is among the values, and not in `values` */
	struct text key;
	const struct text *values;
	size_t count;
	int64_t number;
};

struct kshim__matcher {
	size_t count;
	struct requirement list[];
};

enum token { END, WORD, COMMA, OPEN, CLOSE, NOT, EQUALS, NOT_EQUALS, GREATER, LESS };

struct parser {
	const char *selector;
	enum token token; /* the one that is next */
	size_t at, len;
	struct text *values; /* room for what is yet to come */
	char *texts;
	kshim_error **error;
};

static const char signs[] = "=!(),><";

static bool is_symbol(char c)
{
	return c != '\0' && strchr(signs, c);
}

static void next(struct parser *p)
{
	static const enum token symbols[] = {EQUALS, NOT, OPEN, CLOSE, COMMA, GREATER, LESS};
	const char *s = p->selector;
	size_t at = p->at + p->len;

	while (kshim__walk_is_space(s[at]))
		at++;
	p->at = at;
	p->len = 1;
	if (s[at] == '\0') {
		p->token = END;
		p->len = 0;
	} else if (is_symbol(s[at])) {
		p->token = symbols[strchr(signs, s[at]) - signs];
		if (s[at + 1] == '=' && (p->token == EQUALS || p->token == NOT)) {
			p->token = p->token == NOT ? NOT_EQUALS : EQUALS;
			p->len = 2;
		}
	} else {
		p->token = WORD;
		while (s[at + p->len] && !is_symbol(s[at + p->len]) && !kshim__walk_is_space(s[at + p->len]))
			p->len++;
	}
}

static int shown(const struct parser *p)
{
	return p->len < SHOWN ? (int)p->len : SHOWN;
}

static bool expected(struct parser *p, const char *what)
{
	if (p->token == END)
		return kshim__fail(p->error, KSHIM_EINVAL, "label selector: it ends at byte %zu where %s is expected",
				   p->at + 1, what);
	return kshim__fail(p->error, KSHIM_EINVAL, "label selector: \"%.*s\" at byte %zu where %s is expected", shown(p),
			   p->selector + p->at, p->at + 1, what);
}

static bool refuse(struct parser *p, const char *what)
{
	return kshim__fail(p->error, KSHIM_EINVAL, "label selector: \"%.*s\" at byte %zu is no %s", shown(p),
			   p->selector + p->at, p->at + 1, what);
}

/* A copy of the word that is next. */
static struct text word(struct parser *p)
{
	struct text text = {p->texts, p->len};

	memcpy(p->texts, p->selector + p->at, p->len);
	p->texts[p->len] = '\0';
	p->texts += p->len + 1;
	return text;
}

static bool add_value(struct parser *p, struct requirement *requirement)
{
	struct text text = word(p);

	if (!kshim__label_value_ok(text.at))
		return refuse(p, "valid label value");
	requirement->values = requirement->count ? requirement->values : p->values;
	requirement->count++;
	*p->values++ = text;
	return true;
}

/* As strconv.ParseInt() reads it; the text may have JSON's escapes. */
static bool integer(const char *text, size_t len, int64_t *number)
{
	uint64_t n = 0, limit = INT64_MAX;
	size_t at = 0, digits = 0;
	bool minus = false;
	char c[4];

	while (at < len) {
		bool first = at == 0;

		if (kshim__walk_char(text, &at, len, c) != 1)
			return false;
		if (first && (c[0] == '-' || c[0] == '+')) {
			minus = c[0] == '-';
			limit += minus;
			continue;
		}
		if (c[0] < '0' || c[0] > '9' || n > (limit - (uint64_t)(c[0] - '0')) / 10)
			return false;
		n = n * 10 + (uint64_t)(c[0] - '0');
		digits++;
	}
	*number = minus && n ? -(int64_t)(n - 1) - 1 : (int64_t)n;
	return digits > 0;
}

/* "(a,b,)": there may be nothing between the commas, which is the value "". */
static bool parse_set(struct parser *p, struct requirement *requirement)
{
	if (p->token != OPEN)
		return expected(p, "\"(\"");
	do {
		next(p);
		if (p->token == COMMA || p->token == CLOSE) {
			requirement->empty = true;
			continue;
		}
		if (p->token != WORD)
			return expected(p, "a value, \",\" or \")\"");
		if (!add_value(p, requirement))
			return false;
		next(p);
	} while (p->token == COMMA);
	if (p->token != CLOSE)
		return expected(p, "\",\" or \")\"");
	next(p);
	return true;
}

static bool parse_exact(struct parser *p, struct requirement *requirement)
{
	bool ordered = requirement->op == KSHIM__OP_GREATER || requirement->op == KSHIM__OP_LESS;

	if (!ordered && (p->token == END || p->token == COMMA)) {
		requirement->empty = true;
		return true;
	}
	if (p->token != WORD)
		return expected(p, ordered ? "an integer" : "a value");
	if (!add_value(p, requirement))
		return false;
	if (ordered && !integer(requirement->values->at, requirement->values->len, &requirement->number))
		return refuse(p, "integer");
	next(p);
	return true;
}

static bool is_word(const struct parser *p, const char *text)
{
	return p->token == WORD && p->len == strlen(text) && memcmp(p->selector + p->at, text, p->len) == 0;
}

/* What follows a key. */
static bool parse_operator(struct parser *p, struct requirement *requirement)
{
	if (p->token == END || p->token == COMMA) {
		requirement->op = KSHIM__OP_EXISTS;
		return true;
	}
	if (is_word(p, "in"))
		requirement->op = KSHIM__OP_IN;
	else if (is_word(p, "notin"))
		requirement->op = KSHIM__OP_NOT_IN;
	else if (p->token == EQUALS)
		requirement->op = KSHIM__OP_EQUALS;
	else if (p->token == NOT_EQUALS)
		requirement->op = KSHIM__OP_NOT_EQUALS;
	else if (p->token == GREATER)
		requirement->op = KSHIM__OP_GREATER;
	else if (p->token == LESS)
		requirement->op = KSHIM__OP_LESS;
	else
		return expected(p, "an operator");
	next(p);
	if (requirement->op == KSHIM__OP_IN || requirement->op == KSHIM__OP_NOT_IN)
		return parse_set(p, requirement);
	return parse_exact(p, requirement);
}

static bool parse_requirement(struct parser *p, struct requirement *requirement)
{
	bool not = p->token == NOT;

	if (not)
		next(p);
	if (p->token != WORD)
		return expected(p, not ? "a key" : "a key or \"!\"");
	requirement->key = word(p);
	if (!kshim__label_key_ok(requirement->key.at))
		return refuse(p, "valid label key");
	next(p);
	if (!not)
		return parse_operator(p, requirement);
	requirement->op = KSHIM__OP_NOT_EXISTS;
	return true;
}

static bool parse(struct parser *p, struct kshim__matcher *matcher)
{
	next(p);
	if (p->token == END)
		return true;
	for (;;) {
		if (!parse_requirement(p, &matcher->list[matcher->count++]))
			return false;
		if (p->token == END)
			return true;
		if (p->token != COMMA)
			return expected(p, "\",\" or the end");
		next(p);
	}
}

/* A selector has at most one requirement for each comma outside of brackets and
 * one more, and as many values as commas and one more. */
static void count(const char *selector, size_t *requirements, size_t *values)
{
	bool inside = false;

	*requirements = *values = 1;
	for (; *selector; selector++) {
		if (*selector == '(' || *selector == ')')
			inside = *selector == '(';
		if (*selector == ',') {
			*requirements += !inside;
			++*values;
		}
	}
}

struct kshim__matcher *kshim__matcher_new(const char *selector, kshim_error **error)
{
	size_t len = selector ? strlen(selector) : 0, requirements, values, size;
	struct parser p = {.selector = selector ? selector : "", .error = error};
	struct kshim__matcher *matcher;

	if (len > KSHIM__SELECTOR_MAX)
		return kshim__fail(error, KSHIM_EINVAL, "label selector: %zu bytes are too long (at most %u)", len,
				   KSHIM__SELECTOR_MAX);
	count(p.selector, &requirements, &values);
	size = sizeof(*matcher) + requirements * sizeof(matcher->list[0]) + values * sizeof(struct text);
	matcher = kshim__calloc(1, size + len + 1); /* words have something between them, where a NUL goes */
	if (!matcher)
		return kshim__fail(error, KSHIM_ENOMEM, "out of memory");
	p.values = (struct text *)(void *)(matcher->list + requirements);
	p.texts = (char *)matcher + size;
	if (!parse(&p, matcher)) {
		kshim__free(matcher);
		return NULL;
	}
	return matcher;
}

void kshim__matcher_free(struct kshim__matcher *matcher)
{
	kshim__free(matcher);
}

/* Matching. */

static bool equals(struct kshim__span string, const struct text *text)
{
	if (string.len == text->len + 2 && memcmp(string.at + 1, text->at, text->len) == 0)
		return true;
	return memchr(string.at, '\\', string.len) && kshim__json_equals(string, text->at);
}

static bool find(struct kshim__span labels, const struct text *key, struct kshim__span *value)
{
	struct kshim__span name;
	size_t cursor = 0;

	if (labels.len == 0 || labels.at[0] != '{')
		return false;
	while (kshim__json_next(labels, &cursor, &name, value)) {
		struct kshim__span quoted = {name.at - 1, name.len + 2};

		if (equals(quoted, key))
			return kshim__json_is_string(*value);
	}
	return false;
}

static bool has_value(const struct requirement *requirement, struct kshim__span value)
{
	size_t i;

	if (value.len == 2)
		return requirement->empty;
	for (i = 0; i < requirement->count; i++)
		if (equals(value, &requirement->values[i]))
			return true;
	return false;
}

static bool matches(const struct requirement *requirement, struct kshim__span labels)
{
	struct kshim__span value;
	bool found = find(labels, &requirement->key, &value);
	int64_t number;

	switch (requirement->op) {
	case KSHIM__OP_EQUALS:
	case KSHIM__OP_IN:
		return found && has_value(requirement, value);
	case KSHIM__OP_NOT_EQUALS:
	case KSHIM__OP_NOT_IN:
		return !found || !has_value(requirement, value);
	case KSHIM__OP_EXISTS:
		return found;
	case KSHIM__OP_NOT_EXISTS:
		return !found;
	case KSHIM__OP_GREATER:
	case KSHIM__OP_LESS:
		if (!found || !integer(value.at + 1, value.len - 2, &number))
			return false;
		return requirement->op == KSHIM__OP_GREATER ? number > requirement->number :
							      number < requirement->number;
	}
	return false;
}

bool kshim__matcher_matches_labels(const struct kshim__matcher *matcher, struct kshim__span labels)
{
	size_t i;

	for (i = 0; i < matcher->count; i++)
		if (!matches(&matcher->list[i], labels))
			return false;
	return true;
}

bool kshim__matcher_matches(const struct kshim__matcher *matcher, struct kshim__span object)
{
	struct kshim__span labels = {"", 0};

	if (matcher->count == 0)
		return true;
	if (!kshim__json_pointer(object.at, object.len, NULL, "/metadata/labels", &labels))
		labels.len = 0;
	return kshim__matcher_matches_labels(matcher, labels);
}
