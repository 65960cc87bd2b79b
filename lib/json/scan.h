/*
 * Finding where JSON values end, without building anything.
 *
 * The scanner trusts nothing: it never reads past the bytes it is given and
 * bounds the depth. It checks structure (strings, brackets), not every literal:
 * whoever builds a tree from the bytes has them checked in full by jansson.
 */
#ifndef KSHIM__JSON_SCAN_H
#define KSHIM__JSON_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define KSHIM__JSON_DEPTH 1000

struct kshim__span {
	const char *at;
	size_t len;
};

/* Where the members of an object's top level begin: offsets of their keys'
 * opening quotes, from the object's opening brace. Members beyond the room, or
 * beyond 4 GiB, are not noted (`complete` is then false). */
#define KSHIM__MEMBERS 6
struct kshim__members {
	uint32_t key[KSHIM__MEMBERS];
	uint8_t count;
	bool complete;
};

/* The end of the value that begins at `at` (after white space): its span, or
 * false when the bytes end first or are not JSON. */
bool kshim__json_value(const char *at, size_t len, struct kshim__span *value);

/* Reads through an RFC 6901 pointer over one value's bytes. `members` may be
 * NULL, or what was noted of these very bytes. "-" and leading zeros never
 * match; of equal keys the first counts. false: nothing there, or the bytes end
 * before it is whole. */
bool kshim__json_pointer(const char *json, size_t len, const struct kshim__members *members, const char *pointer,
			 struct kshim__span *value);

/* Notes the top-level members of an object's bytes. Returns where the object
 * ends, or 0 if that was not found: it is cut, no object, or has more members
 * than there is room to note. */
size_t kshim__json_members(const char *json, size_t len, struct kshim__members *members);

/* Walks an array or object: *cursor starts at 0; each call gives the next
 * element (and, of an object, its key without quotes, still escaped; either may
 * be NULL); false at the end or at malformed bytes. */
bool kshim__json_next(struct kshim__span container, size_t *cursor, struct kshim__span *key,
		      struct kshim__span *value);

/* true when the span is a JSON string. */
bool kshim__json_is_string(struct kshim__span value);

/* A string's text, unescaped (lone surrogates become U+FFFD, \u0000 stays a
 * NUL byte), new, NUL-terminated, to kshim__free; NULL if it is no string
 * (*not_string true) or without memory. */
char *kshim__json_string(struct kshim__span value, size_t *len, bool *not_string);

/* true when the value is the string `s`. */
bool kshim__json_equals(struct kshim__span value, const char *s);

/* An integer in range, a boolean, any number that a double can hold, whatever
 * the locale; false if the value is none. */
bool kshim__json_int(struct kshim__span value, int64_t *number);
bool kshim__json_bool(struct kshim__span value, bool *truth);
bool kshim__json_double(struct kshim__span value, double *number);

#endif
