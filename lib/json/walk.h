/* Steps through JSON bytes that lie in memory, shared by the scanner's files. */
#ifndef KSHIM__JSON_WALK_H
#define KSHIM__JSON_WALK_H

#include "json/scan.h"

#include <stdbool.h>
#include <stddef.h>

struct kshim__walk_key {
	size_t at;    /* behind the opening quote */
	size_t len;   /* without quotes */
	bool escapes; /* has a backslash */
};

/* One key or index of an RFC 6901 pointer. */
struct kshim__walk_token {
	const char *at;
	size_t len;
	bool tilde; /* has escapes */
};

/* Where a member or an element stands in its container. */
struct kshim__walk_place {
	size_t behind; /* the container's opening bracket, or the end of the value before it */
	size_t at;     /* its first byte: a member's is its key's quote */
	bool first;
};

static inline bool kshim__walk_is_space(char c)
{
	return c == ' ' || c == '\n' || c == '\t' || c == '\r';
}

/* The offset of the first byte from `at` that is not white space, or len. */
static inline size_t kshim__walk_space(const char *json, size_t at, size_t len)
{
	while (at < len && kshim__walk_is_space(json[at]))
		at++;
	return at;
}

/* Goes from a value's first byte to behind its last; false if it has no end
 * here or is no JSON. */
bool kshim__walk_value(const char *json, size_t *at, size_t len);

/* Goes from a key's opening quote to its value's first byte. */
bool kshim__walk_key(const char *json, size_t *at, size_t len, struct kshim__walk_key *key);

/* Goes from behind a container's opening bracket, or from behind an element, to
 * the next element's first byte; false at the end or at malformed bytes. */
bool kshim__walk_next(const char *json, size_t *at, size_t len, bool first, char close);

/* Takes the next token of *pointer, which stands at its '/'. */
bool kshim__walk_token(const char **pointer, struct kshim__walk_token *token);

/* Goes from a container's opening bracket to the first byte of the value in it
 * that the token names; false if there is none, or no container. */
bool kshim__walk_child(const char *json, size_t *at, size_t len, const struct kshim__walk_token *token,
		       struct kshim__walk_place *place);

/* Decodes one character of a string's text (between the quotes) and goes behind
 * it: 1 to 4 bytes of UTF-8; 0 at malformed bytes. */
size_t kshim__walk_char(const char *text, size_t *at, size_t len, char out[4]);

#endif
