/* fakebuf: a growing byte buffer, eaten from the front. Ends the process without memory. */
#ifndef FAKEBUF_H
#define FAKEBUF_H

#include <stddef.h>
#include <stdint.h>

struct fakebuf {
	char *data;
	size_t off, len, cap;		/* live bytes: data[off] to data[len - 1] */
};

/* Room for n bytes at the end, to be counted with fakebuf_added(). */
char *fakebuf_room(struct fakebuf *b, size_t n);
void fakebuf_added(struct fakebuf *b, size_t n);
void fakebuf_add(struct fakebuf *b, const void *bytes, size_t n);
void fakebuf_printf(struct fakebuf *b, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
void fakebuf_eat(struct fakebuf *b, size_t n);
void fakebuf_free(struct fakebuf *b);

static inline char *fakebuf_bytes(const struct fakebuf *b)
{
	return b->data + b->off;
}

static inline size_t fakebuf_used(const struct fakebuf *b)
{
	return b->len - b->off;
}

void *fake_alloc(size_t n);		/* zeroed */
char *fake_strndup(const char *s, size_t n);
uint64_t fake_now(void);		/* CLOCK_MONOTONIC, ns */

#endif
