#include "yaml_scalar.h"

#include "alloc.h"
#include "base64.h"

#include <inttypes.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NUMBER_MAX 512 /* longer digits are beyond a double, hence text */
#define TAG "tag:yaml.org,2002:"

struct word {
	const char *text;
	enum kshim__yaml_type type;
	bool truth;
};

static const struct word words[] = {
	{"y", KSHIM__YAML_BOOL, true},       {"Y", KSHIM__YAML_BOOL, true},
	{"yes", KSHIM__YAML_BOOL, true},     {"Yes", KSHIM__YAML_BOOL, true},
	{"YES", KSHIM__YAML_BOOL, true},     {"true", KSHIM__YAML_BOOL, true},
	{"True", KSHIM__YAML_BOOL, true},    {"TRUE", KSHIM__YAML_BOOL, true},
	{"on", KSHIM__YAML_BOOL, true},      {"On", KSHIM__YAML_BOOL, true},
	{"ON", KSHIM__YAML_BOOL, true},      {"n", KSHIM__YAML_BOOL, false},
	{"N", KSHIM__YAML_BOOL, false},      {"no", KSHIM__YAML_BOOL, false},
	{"No", KSHIM__YAML_BOOL, false},     {"NO", KSHIM__YAML_BOOL, false},
	{"false", KSHIM__YAML_BOOL, false},  {"False", KSHIM__YAML_BOOL, false},
	{"FALSE", KSHIM__YAML_BOOL, false},  {"off", KSHIM__YAML_BOOL, false},
	{"Off", KSHIM__YAML_BOOL, false},    {"OFF", KSHIM__YAML_BOOL, false},
	{"", KSHIM__YAML_NULL, false},       {"~", KSHIM__YAML_NULL, false},
	{"null", KSHIM__YAML_NULL, false},   {"Null", KSHIM__YAML_NULL, false},
	{"NULL", KSHIM__YAML_NULL, false},   {".nan", KSHIM__YAML_SPECIAL, false},
	{".NaN", KSHIM__YAML_SPECIAL, false},  {".NAN", KSHIM__YAML_SPECIAL, false},
	{".inf", KSHIM__YAML_SPECIAL, false},  {".Inf", KSHIM__YAML_SPECIAL, false},
	{".INF", KSHIM__YAML_SPECIAL, false},  {"+.inf", KSHIM__YAML_SPECIAL, false},
	{"+.Inf", KSHIM__YAML_SPECIAL, false}, {"+.INF", KSHIM__YAML_SPECIAL, false},
	{"-.inf", KSHIM__YAML_SPECIAL, false}, {"-.Inf", KSHIM__YAML_SPECIAL, false},
	{"-.INF", KSHIM__YAML_SPECIAL, false},
};

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static int digit_value(char c)
{
	if (is_digit(c))
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : 99;
}

/* The C library's number functions follow the host program's locale. */
static double to_double(const char *s)
{
	const char *point = localeconv()->decimal_point;
	const char *dot = strchr(s, '.');
	char text[NUMBER_MAX + 64];

	if (!dot || !strcmp(point, ".") || strlen(point) > 32)
		return strtod(s, NULL);
	snprintf(text, sizeof(text), "%.*s%s%s", (int)(dot - s), s, point, dot + 1);
	return strtod(text, NULL);
}

/* Go's strconv.ParseInt(s, 0, 64): 1 an integer, 0 none or far out of range, -1
 * one that only an unsigned 64-bit integer holds. */
static int parse_integer(const char *s, int64_t *integer)
{
	bool negative = *s == '-', bare = is_digit(*s), over = false;
	unsigned base = 10;
	uint64_t value = 0;

	if (!bare)
		s++;
	if (!*s)
		return 0;
	if (*s == '0' && s[1] && s[2] && strchr("bBoOxX", s[1])) {
		base = (s[1] | 0x20) == 'b' ? 2 : (s[1] | 0x20) == 'o' ? 8 : 16;
		s += 2;
	} else if (*s == '0') {
		base = 8;
		s++;
	}
	for (; *s; s++) {
		unsigned digit = (unsigned)digit_value(*s);

		if (digit >= base)
			return 0;
		over = over || value > (UINT64_MAX - digit) / base;
		if (!over)
			value = value * base + digit;
	}
	if (over || (negative && value > (uint64_t)INT64_MAX + 1))
		return 0;
	if (!negative && value > INT64_MAX)
		return bare ? -1 : 0;
	*integer = negative ? (int64_t)(0 - value) : (int64_t)value;
	return 1;
}

/* [-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)? */
static bool looks_real(const char *s, bool *whole)
{
	size_t digits = 0;

	*whole = true;
	if (*s == '-' || *s == '+')
		s++;
	for (; is_digit(*s); s++)
		digits++;
	if (*s == '.') {
		*whole = false;
		s++;
		if (!digits && !is_digit(*s))
			return false;
		for (; is_digit(*s); s++)
			digits++;
	}
	if (!digits)
		return false;
	if (*s == 'e' || *s == 'E') {
		*whole = false;
		s++;
		if (*s == '-' || *s == '+')
			s++;
		if (!is_digit(*s))
			return false;
		while (is_digit(*s))
			s++;
	}
	return !*s;
}

static void classify_number(const char *text, size_t len, struct kshim__yaml_scalar *scalar)
{
	char plain[NUMBER_MAX + 1];
	size_t i, n = 0;
	bool whole;
	int found;

	if (len > NUMBER_MAX)
		return;
	for (i = 0; i < len; i++)
		if (text[i] != '_' || *text == '.')
			plain[n++] = text[i];
	plain[n] = '\0';
	if (*text != '.') {
		found = parse_integer(plain, &scalar->integer);
		if (found)
			scalar->type = found > 0 ? KSHIM__YAML_INT : KSHIM__YAML_TOO_BIG;
		if (found)
			return;
	}
	if (!looks_real(plain, &whole))
		return;
	scalar->real = to_double(plain);
	if (!isfinite(scalar->real))
		return;
	scalar->type = whole && fabs(scalar->real) >= 9223372036854775808.0 ? KSHIM__YAML_TOO_BIG : KSHIM__YAML_REAL;
}

void kshim__yaml_classify(const char *text, size_t len, struct kshim__yaml_scalar *scalar)
{
	size_t i;

	memset(scalar, 0, sizeof(*scalar));
	if (memchr(text, '\0', len))
		return;
	if (len && !strchr("+-.0123456789yYnNtTfFoO~", *text))
		return;
	for (i = 0; len <= 5 && i < sizeof(words) / sizeof(words[0]); i++) {
		if (strlen(words[i].text) != len || memcmp(words[i].text, text, len) != 0)
			continue;
		scalar->type = words[i].type;
		scalar->truth = words[i].truth;
		return;
	}
	if (strchr("+-.0123456789", *text))
		classify_number(text, len, scalar);
}

/* The tags that go-yaml resolves; any other leaves the scalar a string. */
static bool typed_tag(const char *tag, enum kshim__yaml_type *type)
{
	if (!strcmp(tag, TAG "bool"))
		*type = KSHIM__YAML_BOOL;
	else if (!strcmp(tag, TAG "int"))
		*type = KSHIM__YAML_INT;
	else if (!strcmp(tag, TAG "float"))
		*type = KSHIM__YAML_REAL;
	else if (!strcmp(tag, TAG "null"))
		*type = KSHIM__YAML_NULL;
	else
		return false;
	return true;
}

static bool resolve(const char *tag, bool implicit, const char *text, size_t len, struct kshim__yaml_scalar *scalar,
		    const char **problem)
{
	enum kshim__yaml_type type;

	*problem = NULL;
	memset(scalar, 0, sizeof(*scalar));
	if (!tag || !*tag) {
		if (implicit)
			kshim__yaml_classify(text, len, scalar);
	} else if (typed_tag(tag, &type)) {
		kshim__yaml_classify(text, len, scalar);
		if (scalar->type == KSHIM__YAML_INT && type == KSHIM__YAML_REAL) {
			scalar->type = KSHIM__YAML_REAL;
			scalar->real = (double)scalar->integer;
		} else if (scalar->type != type && scalar->type != KSHIM__YAML_TOO_BIG &&
			   !(scalar->type == KSHIM__YAML_SPECIAL && type == KSHIM__YAML_REAL)) {
			*problem = "the value does not fit its tag";
			return false;
		}
	}
	if (scalar->type == KSHIM__YAML_SPECIAL)
		*problem = "JSON has no infinity and no NaN; quote the value if it is meant as text";
	else if (scalar->type == KSHIM__YAML_TOO_BIG)
		*problem = "the integer does not fit in 64 bits; quote the value if it is meant as text";
	return !*problem;
}

static json_t *binary_value(const char *text, size_t len, const char **problem)
{
	json_t *value = NULL;
	size_t got = 0;
	char *data;
	bool bad;

	data = kshim__base64_decode(text, len, &got, &bad);
	if (bad)
		*problem = "!!binary is not base64";
	else if (data && !(value = json_stringn(data, got)))
		*problem = "!!binary that is not UTF-8 text has no form in JSON";
	kshim__free_secret(data, got);
	return value;
}

json_t *kshim__yaml_scalar_value(const char *tag, bool implicit, const char *text, size_t len, const char **problem)
{
	struct kshim__yaml_scalar scalar;

	if (!resolve(tag, implicit, text, len, &scalar, problem))
		return NULL;
	switch (scalar.type) {
	case KSHIM__YAML_NULL:
		return json_null();
	case KSHIM__YAML_BOOL:
		return json_boolean(scalar.truth);
	case KSHIM__YAML_INT:
		return json_integer(scalar.integer);
	case KSHIM__YAML_REAL:
		/* As Go writes JSON: 1.0 and 1e3 are 1 and 1000, which a field of
		 * type integer takes. */
		if (fabs(scalar.real) < 9223372036854775808.0 && scalar.real == (double)(int64_t)scalar.real)
			return json_integer((json_int_t)scalar.real);
		return json_real(scalar.real);
	default:
		if (tag && !strcmp(tag, TAG "binary"))
			return binary_value(text, len, problem);
		return json_stringn(text, len);
	}
}

char *kshim__yaml_scalar_key(const char *tag, bool implicit, const char *text, size_t len, const char **problem)
{
	struct kshim__yaml_scalar scalar;
	char number[KSHIM__REAL_MAX];

	if (!resolve(tag, implicit, text, len, &scalar, problem))
		return NULL;
	switch (scalar.type) {
	case KSHIM__YAML_NULL:
		*problem = "a key is null";
		return NULL;
	case KSHIM__YAML_BOOL:
		return kshim__strdup(scalar.truth ? "true" : "false");
	case KSHIM__YAML_INT:
		snprintf(number, sizeof(number), "%" PRId64, scalar.integer);
		return kshim__strdup(number);
	case KSHIM__YAML_REAL:
		kshim__yaml_real_text(scalar.real, 32, number);
		return kshim__strdup(number);
	default:
		if (memchr(text, '\0', len)) {
			*problem = "a key holds a NUL byte";
			return NULL;
		}
		return kshim__memdup(text, len);
	}
}

void kshim__yaml_real_text(double real, int bits, char *out)
{
	char text[KSHIM__REAL_MAX], digits[24], *e;
	int precision, exponent = 0, n = 0, i;

	if (bits == 32)
		real = (float)real;
	for (precision = 0; precision < 17; precision++) {
		double again;

		snprintf(text, sizeof(text), "%.*e", precision, real);
		again = strtod(text, NULL);
		if (bits == 32 ? (float)again == (float)real : again == real)
			break;
	}
	e = strchr(text, 'e');
	if (!e) { /* inf, nan */
		snprintf(out, KSHIM__REAL_MAX, "%s", isnan(real) ? ".nan" : real < 0 ? "-.inf" : ".inf");
		return;
	}
	exponent = atoi(e + 1);
	for (i = 0; text + i < e; i++)
		if (is_digit(text[i]))
			digits[n++] = text[i];
	while (n > 1 && digits[n - 1] == '0')
		n--;
	digits[n] = '\0';
	if (*text == '-')
		*out++ = '-';
	if (exponent < -4 || exponent >= 6)
		snprintf(out, KSHIM__REAL_MAX - 1, "%c%s%se%c%02d", *digits, n > 1 ? "." : "", digits + 1,
			 exponent < 0 ? '-' : '+', abs(exponent));
	else if (exponent < 0)
		snprintf(out, KSHIM__REAL_MAX - 1, "0.%.*s%s", -exponent - 1, "0000", digits);
	else if (n > exponent + 1)
		snprintf(out, KSHIM__REAL_MAX - 1, "%.*s.%s", exponent + 1, digits, digits + exponent + 1);
	else
		snprintf(out, KSHIM__REAL_MAX - 1, "%s%.*s", digits, exponent + 1 - n, "000000");
}
