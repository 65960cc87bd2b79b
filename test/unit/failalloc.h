/*
 * Failing the library's allocations one by one. Link with ("LINK:", see test.mk)
 *   -Wl,--wrap=kshim__malloc,--wrap=kshim__calloc,--wrap=kshim__realloc
 *   -Wl,--wrap=kshim__memdup,--wrap=kshim__strdup
 * (alloc.c calls itself, which --wrap does not see: hence the last two).
 * Without these flags failalloc_works() is false and the tests skip themselves.
 */
#ifndef FAILALLOC_H
#define FAILALLOC_H

#include <stdbool.h>
#include <stddef.h>

void *__real_kshim__malloc(size_t size) __attribute__((weak));
void *__real_kshim__calloc(size_t count, size_t size) __attribute__((weak));
void *__real_kshim__realloc(void *p, size_t size) __attribute__((weak));
char *__real_kshim__memdup(const char *s, size_t len) __attribute__((weak));
char *__real_kshim__strdup(const char *s) __attribute__((weak));
void *__wrap_kshim__malloc(size_t size);
void *__wrap_kshim__calloc(size_t count, size_t size);
void *__wrap_kshim__realloc(void *p, size_t size);
char *__wrap_kshim__memdup(const char *s, size_t len);
char *__wrap_kshim__strdup(const char *s);

static long failalloc_at = -1; /* the allocation that fails; -1: none */
static bool failalloc_rest;    /* all behind it too */
static long failalloc_count;
static bool (*failalloc_decides)(void); /* whether this one fails, in place of the above; or NULL */

static inline bool failalloc_works(void)
{
	return __real_kshim__malloc;
}

/* From now on the i-th allocation fails. */
static inline void failalloc_arm(long i, bool rest)
{
	failalloc_at = i;
	failalloc_rest = rest;
	failalloc_count = 0;
}

/* No more; true if one did fail. */
static inline bool failalloc_disarm(void)
{
	bool failed = failalloc_at >= 0 && failalloc_count > failalloc_at;

	failalloc_at = -1;
	return failed;
}

static bool failalloc_now(void)
{
	long i;

	if (failalloc_decides)
		return failalloc_decides();
	i = failalloc_count++;
	return failalloc_at >= 0 && (i == failalloc_at || (failalloc_rest && i > failalloc_at));
}

void *__wrap_kshim__malloc(size_t size)
{
	return failalloc_now() ? NULL : __real_kshim__malloc(size);
}

void *__wrap_kshim__calloc(size_t count, size_t size)
{
	return failalloc_now() ? NULL : __real_kshim__calloc(count, size);
}

void *__wrap_kshim__realloc(void *p, size_t size)
{
	return failalloc_now() ? NULL : __real_kshim__realloc(p, size);
}

char *__wrap_kshim__memdup(const char *s, size_t len)
{
	return failalloc_now() ? NULL : __real_kshim__memdup(s, len);
}

char *__wrap_kshim__strdup(const char *s)
{
	return !s || failalloc_now() ? NULL : __real_kshim__strdup(s);
}

#endif
