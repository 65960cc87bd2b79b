#include "json/scan.h"

#include "json/skip.h"
#include "json/walk.h"

#include <string.h>

static bool walk_digits(const char *json, size_t *at, size_t len)
{
	size_t from = *at;

	while (*at < len && json[*at] >= '0' && json[*at] <= '9')
		++*at;
	return *at > from;
}

static bool walk_number(const char *json, size_t *at, size_t len)
{
	if (json[*at] == '-')
		++*at;
	if (*at < len && json[*at] == '0')
		++*at;
	else if (!walk_digits(json, at, len))
		return false;
	if (*at < len && json[*at] == '.') {
		++*at;
		if (!walk_digits(json, at, len))
			return false;
	}
	if (*at < len && (json[*at] == 'e' || json[*at] == 'E')) {
		++*at;
		if (*at < len && (json[*at] == '+' || json[*at] == '-'))
			++*at;
		return walk_digits(json, at, len);
	}
	return true;
}

static bool walk_literal(const char *json, size_t *at, size_t len)
{
	static const char *const literals[] = {"true", "false", "null"};
	size_t i;

	for (i = 0; i < sizeof(literals) / sizeof(literals[0]); i++) {
		size_t n = strlen(literals[i]);

		if (len - *at >= n && memcmp(json + *at, literals[i], n) == 0) {
			*at += n;
			return true;
		}
	}
	return false;
}

/* What may stand behind a number or literal. */
static bool is_delimiter(char c)
{
	return c == ',' || c == '}' || c == ']' || kshim__walk_is_space(c);
}

static bool walk_string(const char *json, size_t *at, size_t len, bool *escapes)
{
	struct kshim__skip_string skip = {false, false, false};

	*at += 1 + kshim__skip_string(&skip, json + *at + 1, len - *at - 1);
	*escapes = skip.escapes;
	return skip.closed;
}

bool kshim__walk_value(const char *json, size_t *at, size_t len)
{
	struct kshim__skip skip;
	bool escapes;

	if (*at >= len)
		return false;
	switch (json[*at]) {
	case '"':
		return walk_string(json, at, len, &escapes);
	case '{':
	case '[':
		kshim__skip_begin(&skip);
		++*at;
		*at += kshim__skip_run(&skip, json + *at, len - *at);
		return skip.depth == 0;
	case 't':
	case 'f':
	case 'n':
		if (!walk_literal(json, at, len))
			return false;
		break;
	default:
		if (!walk_number(json, at, len))
			return false;
	}
	return *at == len || is_delimiter(json[*at]);
}

bool kshim__walk_key(const char *json, size_t *at, size_t len, struct kshim__walk_key *key)
{
	if (*at >= len || json[*at] != '"')
		return false;
	key->at = *at + 1;
	if (!walk_string(json, at, len, &key->escapes))
		return false;
	key->len = *at - 1 - key->at;
	*at = kshim__walk_space(json, *at, len);
	if (*at >= len || json[*at] != ':')
		return false;
	*at = kshim__walk_space(json, *at + 1, len);
	return *at < len;
}

bool kshim__walk_next(const char *json, size_t *at, size_t len, bool first, char close)
{
	*at = kshim__walk_space(json, *at, len);
	if (!first) {
		if (*at >= len || json[*at] != ',')
			return false;
		*at = kshim__walk_space(json, *at + 1, len);
	}
	return *at < len && json[*at] != close;
}

bool kshim__json_value(const char *at, size_t len, struct kshim__span *value)
{
	size_t from = kshim__walk_space(at, 0, len), to = from;

	if (!kshim__walk_value(at, &to, len))
		return false;
	value->at = at + from;
	value->len = to - from;
	return true;
}

size_t kshim__json_members(const char *json, size_t len, struct kshim__members *members)
{
	size_t brace = kshim__walk_space(json, 0, len), at = brace + 1;
	struct kshim__walk_key key;

	members->count = 0;
	members->complete = false;
	if (brace >= len || json[brace] != '{')
		return 0;
	while (kshim__walk_next(json, &at, len, members->count == 0, '}')) {
		if (members->count == KSHIM__MEMBERS || at - brace > UINT32_MAX)
			return 0;
		members->key[members->count] = (uint32_t)(at - brace);
		if (!kshim__walk_key(json, &at, len, &key) || !kshim__walk_value(json, &at, len))
			return 0;
		members->count++;
	}
	members->complete = at < len && json[at] == '}';
	return members->complete ? at + 1 : 0;
}

bool kshim__json_next(struct kshim__span container, size_t *cursor, struct kshim__span *key, struct kshim__span *value)
{
	const char *json = container.at;
	size_t len = container.len, at = *cursor, from;
	struct kshim__walk_key name = {0, 0, false};
	size_t bracket;
	bool object, first = at == 0;

	*cursor = len;
	bracket = kshim__walk_space(json, 0, len);
	if (bracket >= len || (json[bracket] != '{' && json[bracket] != '['))
		return false;
	object = json[bracket] == '{';
	if (first)
		at = bracket + 1;
	if (!kshim__walk_next(json, &at, len, first, object ? '}' : ']'))
		return false;
	if (object && !kshim__walk_key(json, &at, len, &name))
		return false;
	from = at;
	if (!kshim__walk_value(json, &at, len) || at == len)
		return false;
	if (key) {
		key->at = object ? json + name.at : NULL;
		key->len = name.len;
	}
	if (value) {
		value->at = json + from;
		value->len = at - from;
	}
	*cursor = at;
	return true;
}
