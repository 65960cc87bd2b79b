/* What JSON's scalars say: strings, numbers, booleans. */
#include "json/scan.h"

#include "alloc.h"
#include "json/walk.h"

#include <locale.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define NUMBER_SHORT 64
#define NUMBER_MAX 4096

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* The code unit of the \uXXXX at `at`, or -1. */
static int32_t code_unit(const char *text, size_t at, size_t len)
{
	int32_t unit = 0;
	size_t i;

	if (len < 6 || at > len - 6 || text[at] != '\\' || text[at + 1] != 'u')
		return -1;
	for (i = 2; i < 6; i++) {
		int digit = hex_digit(text[at + i]);

		if (digit < 0)
			return -1;
		unit = unit << 4 | digit;
	}
	return unit;
}

static size_t encode(uint32_t c, char out[4])
{
	size_t n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4, i;

	if (n == 1) {
		out[0] = (char)c;
		return 1;
	}
	for (i = n - 1; i > 0; i--, c >>= 6)
		out[i] = (char)(0x80 | (c & 0x3f));
	out[0] = (char)((0xf00u >> n & 0xf0) | c);
	return n;
}

static size_t unicode_escape(const char *text, size_t *at, size_t len, char out[4])
{
	int32_t unit = code_unit(text, *at, len), low;
	uint32_t c;

	if (unit < 0)
		return 0;
	*at += 6;
	c = (uint32_t)unit;
	if (c >= 0xd800 && c < 0xe000) {
		low = c < 0xdc00 ? code_unit(text, *at, len) : -1;
		if (low >= 0xdc00 && low < 0xe000) {
			c = 0x10000 + ((c - 0xd800) << 10) + ((uint32_t)low - 0xdc00);
			*at += 6;
		} else {
			c = 0xfffd;
		}
	}
	return encode(c, out);
}

size_t kshim__walk_char(const char *text, size_t *at, size_t len, char out[4])
{
	static const char escapes[] = "\"\\/bfnrt", means[] = "\"\\/\b\f\n\r\t";
	const char *escape;

	if (*at >= len || text[*at] == '"')
		return 0;
	if (text[*at] != '\\') {
		out[0] = text[*at];
		++*at;
		return 1;
	}
	if (len - *at < 2)
		return 0;
	if (text[*at + 1] == 'u')
		return unicode_escape(text, at, len, out);
	escape = text[*at + 1] ? strchr(escapes, text[*at + 1]) : NULL;
	if (!escape)
		return 0;
	out[0] = means[escape - escapes];
	*at += 2;
	return 1;
}

bool kshim__json_is_string(struct kshim__span value)
{
	return value.len >= 2 && value.at[0] == '"' && value.at[value.len - 1] == '"';
}

char *kshim__json_string(struct kshim__span value, size_t *len, bool *not_string)
{
	size_t text_len, at = 0, to = 0, n;
	const char *text;
	char *s;

	*not_string = !kshim__json_is_string(value);
	if (*not_string)
		return NULL;
	text = value.at + 1;
	text_len = value.len - 2;
	s = kshim__malloc(text_len + 1); /* no escape is shorter than what it means */
	if (!s)
		return NULL;
	while (at < text_len) {
		char out[4];

		n = kshim__walk_char(text, &at, text_len, out);
		if (n == 0) {
			kshim__free(s);
			*not_string = true;
			return NULL;
		}
		memcpy(s + to, out, n);
		to += n;
	}
	s[to] = '\0';
	if (len)
		*len = to;
	return s;
}

bool kshim__json_equals(struct kshim__span value, const char *s)
{
	size_t len, s_len = strlen(s), at = 0, to = 0, n;
	const char *text;
	char out[4];

	if (!kshim__json_is_string(value))
		return false;
	text = value.at + 1;
	len = value.len - 2;
	if (len == s_len && memcmp(text, s, len) == 0)
		return !memchr(s, '\\', len) && !memchr(s, '"', len);
	while (at < len) {
		n = kshim__walk_char(text, &at, len, out);
		if (n == 0 || n > s_len - to || memcmp(s + to, out, n) != 0)
			return false;
		to += n;
	}
	return to == s_len;
}

bool kshim__json_int(struct kshim__span value, int64_t *number)
{
	bool minus = value.len && value.at[0] == '-';
	size_t at = minus ? 1 : 0;
	uint64_t n = 0, limit = (uint64_t)INT64_MAX + (minus ? 1 : 0);

	if (at >= value.len || (value.at[at] == '0' && value.len > at + 1))
		return false;
	for (; at < value.len; at++) {
		uint64_t digit = (uint64_t)(value.at[at] - '0');

		if (value.at[at] < '0' || value.at[at] > '9' || n > (limit - digit) / 10)
			return false;
		n = n * 10 + digit;
	}
	if (minus)
		*number = n ? -(int64_t)(n - 1) - 1 : 0;
	else
		*number = (int64_t)n;
	return true;
}

bool kshim__json_bool(struct kshim__span value, bool *truth)
{
	bool is_true = value.len == 4 && memcmp(value.at, "true", 4) == 0;

	if (!is_true && !(value.len == 5 && memcmp(value.at, "false", 5) == 0))
		return false;
	*truth = is_true;
	return true;
}

bool kshim__json_double(struct kshim__span value, double *number)
{
	char short_text[NUMBER_SHORT], *text = short_text;
	size_t end = 0;
	locale_t c_locale;
	double n = HUGE_VAL;

	if (value.len == 0 || value.len > NUMBER_MAX)
		return false;
	if (value.at[0] != '-' && (value.at[0] < '0' || value.at[0] > '9'))
		return false;
	if (!kshim__walk_value(value.at, &end, value.len) || end != value.len)
		return false;
	if (value.len >= sizeof(short_text))
		text = kshim__malloc(value.len + 1);
	if (!text)
		return false;
	memcpy(text, value.at, value.len);
	text[value.len] = '\0';
	/* the host's locale may have a comma; "C" costs glibc and musl no memory */
	c_locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
	if (c_locale) {
		n = strtod_l(text, NULL, c_locale);
		freelocale(c_locale);
	}
	if (text != short_text)
		kshim__free(text);
	if (n == HUGE_VAL || n == -HUGE_VAL)
		return false;
	*number = n;
	return true;
}
