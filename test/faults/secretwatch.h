/*
 * Whether the library lets go of memory with a secret in it. Link with ("LINK:", see
 * test.mk) -Wl,--wrap= of free, kshim__malloc, kshim__calloc, kshim__realloc,
 * kshim__memdup and kshim__strdup: blocks begin as zeros, so that what is in them is the
 * library's, and each is looked at when it is released or grows.
 */
#ifndef SECRETWATCH_H
#define SECRETWATCH_H

#include "../testutil.h"

#include <jansson.h>
#include <malloc.h>

void __real_free(void *data);
void __wrap_free(void *data);
void *__wrap_kshim__malloc(size_t size);
void *__wrap_kshim__calloc(size_t count, size_t size);
void *__wrap_kshim__realloc(void *data, size_t size);
char *__wrap_kshim__memdup(const char *text, size_t len);
char *__wrap_kshim__strdup(const char *text);

static unsigned secrets_let_go;
static long allocations, failing = -1; /* the one that fails; -1: none */
static char first_let_go[64]; /* what stood around it */

static void look_for_secrets(const void *data, size_t len)
{
	static const char *const forms[] = {SECRET_FORMS};
	const char *at;
	size_t i;

	for (i = 0; data && i < COUNT(forms); i++) {
		at = memmem(data, len, forms[i], strlen(forms[i]));
		if (at && !secrets_let_go++)
			snprintf(first_let_go, sizeof(first_let_go), "%.*s", (int)(len - (size_t)(at - (const char *)data)), at);
	}
}

/* The library's blocks, as a table with open addressing. */
#define LIBRARYS (1u << 16)
static const void *librarys[LIBRARYS];
static const char gone;

static size_t place_of(const void *data, const void *or_at)
{
	size_t i = ((uintptr_t)data >> 4) * 2654435761u % LIBRARYS;

	while (librarys[i] && librarys[i] != data && librarys[i] != or_at)
		i = (i + 1) % LIBRARYS;
	return i;
}

static void *watched(size_t size)
{
	void *data = malloc(size ? size : 1);

	if (!data)
		return NULL;
	memset(data, 0, malloc_usable_size(data));
	librarys[place_of(data, &gone)] = data;
	return data;
}

void *__wrap_kshim__malloc(size_t size)
{
	return allocations++ == failing ? NULL : watched(size);
}

/* Programs release some of the library's blocks, and have their own. */
void __wrap_free(void *data)
{
	size_t at = data ? place_of(data, data) : 0;

	if (data && librarys[at] == data) {
		look_for_secrets(data, malloc_usable_size(data));
		librarys[at] = &gone;
	}
	__real_free(data);
}

void *__wrap_kshim__calloc(size_t count, size_t size)
{
	return __wrap_kshim__malloc(count * size);
}

/* Always moves, as realloc(3) may. */
void *__wrap_kshim__realloc(void *data, size_t size)
{
	size_t before = data ? malloc_usable_size(data) : 0;
	void *moved = __wrap_kshim__malloc(size);

	if (moved && data) {
		memcpy(moved, data, before < size ? before : size);
		__wrap_free(data);
	}
	return moved;
}

char *__wrap_kshim__memdup(const char *text, size_t len)
{
	char *copy = __wrap_kshim__malloc(len + 1);

	if (copy && len)
		memcpy(copy, text, len);
	return copy;
}

char *__wrap_kshim__strdup(const char *text)
{
	return text ? __wrap_kshim__memdup(text, strlen(text)) : NULL;
}

/* jansson's trees are the library's, too; but what jansson does with half a string when
 * memory runs out is its own. */
static void *tree_gets(size_t size)
{
	return watched(size);
}

static void tree_frees(void *data)
{
	__wrap_free(data);
}

static inline void secretwatch_begin(void)
{
	json_set_alloc_funcs(tree_gets, tree_frees);
}

#endif
