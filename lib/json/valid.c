#include "json/valid.h"

#include "json/scan.h"

#include <stdint.h>
#include <string.h>

struct text {
	const unsigned char *at;
	const unsigned char *end;
};

static void skip_space(struct text *text)
{
	while (text->at < text->end &&
	       (*text->at == ' ' || *text->at == '\n' || *text->at == '\t' || *text->at == '\r'))
		text->at++;
}

static bool skip_digits(struct text *text)
{
	const unsigned char *from = text->at;

	while (text->at < text->end && *text->at >= '0' && *text->at <= '9')
		text->at++;
	return text->at > from;
}

static bool number(struct text *text)
{
	if (*text->at == '-')
		text->at++;
	if (text->at < text->end && *text->at == '0')
		text->at++;
	else if (!skip_digits(text))
		return false;
	if (text->at < text->end && *text->at == '.') {
		text->at++;
		if (!skip_digits(text))
			return false;
	}
	if (text->at < text->end && (*text->at | 0x20) == 'e') {
		text->at++;
		if (text->at < text->end && (*text->at == '+' || *text->at == '-'))
			text->at++;
		return skip_digits(text);
	}
	return true;
}

static bool literal(struct text *text, const char *word)
{
	for (; *word; word++, text->at++)
		if (text->at == text->end || *text->at != (unsigned char)*word)
			return false;
	return true;
}

static bool escape(struct text *text)
{
	int i;

	if (++text->at == text->end || !memchr("\"\\/bfnrtu", *text->at, 9))
		return false;
	if (*text->at++ != 'u')
		return true;
	for (i = 0; i < 4; i++, text->at++)
		if (text->at == text->end ||
		    !((*text->at >= '0' && *text->at <= '9') || ((*text->at | 0x20) >= 'a' && (*text->at | 0x20) <= 'f')))
			return false;
	return true;
}

/* One character beyond ASCII: well formed, shortest, no surrogate (RFC 3629). */
static bool utf8(struct text *text)
{
	unsigned char lead = *text->at, low = 0x80, high = 0xbf;
	int more = lead < 0xe0 ? 1 : lead < 0xf0 ? 2 : 3;

	if (lead < 0xc2 || lead > 0xf4)
		return false;
	if (lead == 0xe0)
		low = 0xa0;
	else if (lead == 0xed)
		high = 0x9f;
	else if (lead == 0xf0)
		low = 0x90;
	else if (lead == 0xf4)
		high = 0x8f;
	for (text->at++; more--; text->at++, low = 0x80, high = 0xbf)
		if (text->at == text->end || *text->at < low || *text->at > high)
			return false;
	return true;
}

static bool string(struct text *text)
{
	for (text->at++; text->at < text->end;) {
		if (*text->at == '"') {
			text->at++;
			return true;
		}
		if (*text->at == '\\') {
			if (!escape(text))
				return false;
		} else if (*text->at >= 0x80) {
			if (!utf8(text))
				return false;
		} else if (*text->at < 0x20) {
			return false;
		} else {
			text->at++;
		}
	}
	return false;
}

static bool scalar(struct text *text)
{
	switch (*text->at) {
	case '"':
		return string(text);
	case 't':
		return literal(text, "true");
	case 'f':
		return literal(text, "false");
	case 'n':
		return literal(text, "null");
	default:
		return number(text);
	}
}

static bool key(struct text *text)
{
	skip_space(text);
	if (text->at == text->end || *text->at != '"' || !string(text))
		return false;
	skip_space(text);
	return text->at < text->end && *text->at++ == ':';
}

/* What stands behind a value: closes what it ends; *more when another follows. */
static bool after_value(struct text *text, char *open, size_t *depth, bool *more)
{
	for (*more = false; *depth && !*more;) {
		skip_space(text);
		if (text->at == text->end)
			return false;
		if (*text->at == ',') {
			text->at++;
			*more = true;
			if (open[*depth - 1] == '{' && !key(text))
				return false;
		} else if (*text->at == (open[*depth - 1] == '{' ? '}' : ']')) {
			text->at++;
			--*depth;
		} else {
			return false;
		}
	}
	return true;
}

static bool value(struct text *text)
{
	char open[KSHIM__JSON_DEPTH];
	size_t depth = 0;
	bool more = true;

	while (more) {
		skip_space(text);
		if (text->at == text->end)
			return false;
		if (*text->at == '{' || *text->at == '[') {
			char close = *text->at == '{' ? '}' : ']';

			if (depth == KSHIM__JSON_DEPTH)
				return false;
			open[depth++] = (char)*text->at++;
			skip_space(text);
			if (text->at == text->end || *text->at != close) {
				if (close == '}' && !key(text))
					return false;
				continue;
			}
			text->at++;
			depth--;
		} else if (!scalar(text)) {
			return false;
		}
		if (!after_value(text, open, &depth, &more))
			return false;
	}
	return true;
}

bool kshim__json_valid(const char *json, size_t len, size_t *at)
{
	struct text text = {(const unsigned char *)json, (const unsigned char *)json + len};
	bool ok = value(&text);

	if (ok)
		skip_space(&text);
	*at = (size_t)(text.at - (const unsigned char *)json);
	return ok && text.at == text.end;
}
