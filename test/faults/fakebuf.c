#include "fakebuf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

void *fake_alloc(size_t n)
{
	void *p = calloc(1, n ? n : 1);

	if (!p)
		abort();
	return p;
}

char *fake_strndup(const char *s, size_t n)
{
	char *copy = fake_alloc(n + 1);

	memcpy(copy, s, n);
	return copy;
}

uint64_t fake_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

char *fakebuf_room(struct fakebuf *b, size_t n)
{
	if (b->off == b->len)
		b->off = b->len = 0;
	if (b->cap - b->len < n && b->off) {
		memmove(b->data, b->data + b->off, b->len - b->off);
		b->len -= b->off;
		b->off = 0;
	}
	if (b->cap - b->len < n) {
		size_t cap = b->cap ? b->cap : 4096;

		while (cap - b->len < n)
			cap *= 2;
		b->data = realloc(b->data, cap);
		if (!b->data)
			abort();
		b->cap = cap;
	}
	return b->data + b->len;
}

void fakebuf_added(struct fakebuf *b, size_t n)
{
	b->len += n;
}

void fakebuf_add(struct fakebuf *b, const void *bytes, size_t n)
{
	if (!n)
		return;
	memcpy(fakebuf_room(b, n), bytes, n);
	b->len += n;
}

void fakebuf_printf(struct fakebuf *b, const char *format, ...)
{
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(NULL, 0, format, args);
	va_end(args);
	if (n < 0)
		abort();
	va_start(args, format);
	vsnprintf(fakebuf_room(b, (size_t)n + 1), (size_t)n + 1, format, args);
	va_end(args);
	b->len += (size_t)n;
}

void fakebuf_eat(struct fakebuf *b, size_t n)
{
	b->off += n;
	if (b->off == b->len)
		b->off = b->len = 0;
}

void fakebuf_free(struct fakebuf *b)
{
	free(b->data);
	memset(b, 0, sizeof(*b));
}
