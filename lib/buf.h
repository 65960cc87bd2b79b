/*
 * A growing byte buffer. Appending after a failed allocation does nothing and
 * keeps `failed` set, so that a caller builds a text and checks once at the end.
 */
#ifndef KSHIM__BUF_H
#define KSHIM__BUF_H

#include <stdbool.h>
#include <stddef.h>

struct kshim__buf {
	char *data; /* NUL-terminated when not NULL */
	size_t len;
	size_t cap;
	bool failed;
};

void kshim__buf_init(struct kshim__buf *buf);
void kshim__buf_free(struct kshim__buf *buf);        /* leaves it empty and usable */
void kshim__buf_free_secret(struct kshim__buf *buf); /* cleansed first */
void kshim__buf_clear(struct kshim__buf *buf);       /* keeps the memory */

/* Room for `more` bytes behind the text; false when there is no memory. */
bool kshim__buf_reserve(struct kshim__buf *buf, size_t more);
bool kshim__buf_add(struct kshim__buf *buf, const void *data, size_t len);
bool kshim__buf_adds(struct kshim__buf *buf, const char *s);
bool kshim__buf_addc(struct kshim__buf *buf, char c);
bool kshim__buf_addf(struct kshim__buf *buf, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Percent-encodes all but RFC 3986's unreserved characters. */
bool kshim__buf_add_encoded(struct kshim__buf *buf, const char *s, size_t len);

/* As a JSON string, with its quotes. */
bool kshim__buf_add_json_string(struct kshim__buf *buf, const char *s, size_t len);

/* Hands the text over (NUL-terminated, to kshim__free) and leaves the buffer
 * empty; NULL after a failure. */
char *kshim__buf_take(struct kshim__buf *buf, size_t *len);

#endif
