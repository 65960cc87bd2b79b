/* RFC 6901 pointers over JSON bytes. */
#include "json/scan.h"

#include "json/walk.h"

#include <string.h>

bool kshim__walk_token(const char **pointer, struct kshim__walk_token *token)
{
	const char *p = *pointer;

	if (*p++ != '/')
		return false;
	token->at = p;
	token->tilde = false;
	for (; *p && *p != '/'; p++) {
		if (*p != '~')
			continue;
		if (p[1] != '0' && p[1] != '1')
			return false;
		token->tilde = true;
	}
	token->len = (size_t)(p - token->at);
	*pointer = p;
	return true;
}

/* Both sides decoded as far as they agree. */
static bool match_decoded(const char *text, size_t len, const struct kshim__walk_token *token)
{
	size_t at = 0, i = 0, n, j;
	char out[4];

	while (at < len) {
		n = kshim__walk_char(text, &at, len, out);
		if (n == 0)
			return false;
		for (j = 0; j < n; j++, i++) {
			char c;

			if (i >= token->len)
				return false;
			c = token->at[i];
			if (c == '~')
				c = token->at[++i] == '0' ? '~' : '/';
			if (c != out[j])
				return false;
		}
	}
	return i == token->len;
}

static bool match(const char *json, const struct kshim__walk_key *key, const struct kshim__walk_token *token)
{
	if (key->escapes || token->tilde)
		return match_decoded(json + key->at, key->len, token);
	return key->len == token->len && memcmp(json + key->at, token->at, token->len) == 0;
}

/* Goes from behind an object's opening brace (or, unless `first`, from behind
 * one of its members) to the first byte of the value that the token names. */
static bool find_member(const char *json, size_t *at, size_t len, bool first, const struct kshim__walk_token *token,
			struct kshim__walk_place *place)
{
	struct kshim__walk_key key;

	for (; place->behind = *at, kshim__walk_next(json, at, len, first, '}'); first = false) {
		place->first = first;
		place->at = *at;
		if (!kshim__walk_key(json, at, len, &key))
			return false;
		if (match(json, &key, token))
			return true;
		if (!kshim__walk_value(json, at, len))
			return false;
	}
	return false;
}

/* The same by what was noted of the object; *at stands at its brace. */
static bool find_noted(const char *json, size_t *at, size_t len, const struct kshim__members *members,
		       const struct kshim__walk_token *token)
{
	size_t brace = *at;
	struct kshim__walk_place place;
	struct kshim__walk_key key;
	unsigned int i;

	if (members->count == 0 && !members->complete) {
		++*at;
		return find_member(json, at, len, true, token, &place);
	}
	for (i = 0; i < members->count && i < KSHIM__MEMBERS; i++) {
		*at = brace + members->key[i];
		if (!kshim__walk_key(json, at, len, &key))
			return false;
		if (match(json, &key, token))
			return true;
	}
	if (members->complete || !kshim__walk_value(json, at, len))
		return false;
	return find_member(json, at, len, false, token, &place);
}

static bool find_element(const char *json, size_t *at, size_t len, const struct kshim__walk_token *token,
			 struct kshim__walk_place *place)
{
	size_t i, index = 0;

	if (token->len == 0 || token->len > 9 || (token->at[0] == '0' && token->len > 1))
		return false;
	for (i = 0; i < token->len; i++) {
		if (token->at[i] < '0' || token->at[i] > '9')
			return false;
		index = index * 10 + (size_t)(token->at[i] - '0');
	}
	for (i = 0; place->behind = *at, kshim__walk_next(json, at, len, i == 0, ']'); i++) {
		place->first = i == 0;
		place->at = *at;
		if (i == index)
			return true;
		if (!kshim__walk_value(json, at, len))
			return false;
	}
	return false;
}

bool kshim__walk_child(const char *json, size_t *at, size_t len, const struct kshim__walk_token *token,
		       struct kshim__walk_place *place)
{
	if (*at >= len || (json[*at] != '{' && json[*at] != '['))
		return false;
	if (json[(*at)++] == '{')
		return find_member(json, at, len, true, token, place);
	return find_element(json, at, len, token, place);
}

bool kshim__json_pointer(const char *json, size_t len, const struct kshim__members *members, const char *pointer,
			 struct kshim__span *value)
{
	size_t at = kshim__walk_space(json, 0, len), from;
	bool found, inside = *pointer != '\0';
	struct kshim__walk_place place;
	struct kshim__walk_token token;

	while (*pointer) {
		if (at >= len || !kshim__walk_token(&pointer, &token))
			return false;
		found = members && json[at] == '{' ? find_noted(json, &at, len, members, &token) :
						     kshim__walk_child(json, &at, len, &token, &place);
		if (!found)
			return false;
		members = NULL;
	}
	from = at;
	/* a number at the end of a cut container may go on */
	if (!kshim__walk_value(json, &at, len) || (inside && at == len))
		return false;
	value->at = json + from;
	value->len = at - from;
	return true;
}
