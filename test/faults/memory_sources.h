/*
 * Allocations that fail, of the library and of those below it: libcurl and jansson by
 * the allocators that a program may give them, libyaml by functions that take the place
 * of its own. Blocks of jansson and libcurl are none that free(3) takes, so that
 * what was released as another's is seen. Include behind failalloc.h, whose counter
 * and place it shares; memory_sources_begin() comes before all else of libcurl.
 */
#ifndef MEMORY_SOURCES_H
#define MEMORY_SOURCES_H

#include <curl/curl.h>
#include <jansson.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum memory_source { OF_KUBESHIM, OF_LIBCURL, OF_JANSSON, OF_LIBYAML, OF_ALL };

static enum memory_source memory_source;
static long memory_every; /* not only one fails, but each of so many; 0: one */

#define FOREIGN_MARK 0x6b73686du

#define FREED_MARK 0x66726565u

struct foreign {
	uint32_t mark, of;
	size_t size;
	struct foreign *next; /* of those that are freed */
	size_t unused;        /* a multiple of 16 bytes in all */
};

/*
 * libcurl itself frees the name of a TLS session twice when there is no memory for the
 * session (7.88.1, Curl_ssl_addsessionid()), so what it freed stays for a while.
 */
static struct foreign *freed_by_libcurl;
static unsigned freed_twice;

static inline void memory_sources_let_go(void)
{
	while (freed_by_libcurl) {
		struct foreign *block = freed_by_libcurl;

		freed_by_libcurl = block->next;
		free(block);
	}
}

/* Whether this one fails. */
static bool memory_fails(enum memory_source of)
{
	long i;

	if (failalloc_at < 0 || (memory_source != of && memory_source != OF_ALL))
		return false;
	i = failalloc_count++;
	return memory_every ? i % memory_every == failalloc_at % memory_every : i == failalloc_at;
}

static void *foreign_new(enum memory_source of, size_t size)
{
	struct foreign *block;

	if (memory_fails(of))
		return NULL;
	block = malloc(sizeof(*block) + size);
	if (!block)
		return NULL;
	block->mark = FOREIGN_MARK;
	block->of = of;
	block->size = size;
	return block + 1;
}

static void foreign_free(enum memory_source of, void *data)
{
	struct foreign *block = data;

	if (!data)
		return;
	block--;
	if (of == OF_LIBCURL && block->mark == FREED_MARK) {
		freed_twice++;
		return;
	}
	if (block->mark != FOREIGN_MARK || block->of != of)
		abort();
	block->mark = FREED_MARK;
	if (of != OF_LIBCURL) {
		free(block);
		return;
	}
	memset(data, 0xdd, block->size);
	block->next = freed_by_libcurl;
	freed_by_libcurl = block;
}

static void *curl_gets(size_t size)
{
	return foreign_new(OF_LIBCURL, size);
}

static void curl_frees(void *data)
{
	foreign_free(OF_LIBCURL, data);
}

static void *curl_regets(void *data, size_t size)
{
	const struct foreign *block = data;
	void *larger = curl_gets(size);

	if (!data || !larger)
		return larger;
	memcpy(larger, data, block[-1].size < size ? block[-1].size : size);
	curl_frees(data);
	return larger;
}

static char *curl_dups(const char *text)
{
	char *copy = curl_gets(strlen(text) + 1);

	return copy ? strcpy(copy, text) : NULL;
}

static void *curl_gets_zeros(size_t count, size_t size)
{
	void *data = curl_gets(count * size);

	return data ? memset(data, 0, count * size) : NULL;
}

static void *jansson_gets(size_t size)
{
	return foreign_new(OF_JANSSON, size);
}

static void jansson_frees(void *data)
{
	foreign_free(OF_JANSSON, data);
}

__attribute__((visibility("default"))) void *yaml_malloc(size_t size);
__attribute__((visibility("default"))) void *yaml_realloc(void *data, size_t size);
__attribute__((visibility("default"))) char *yaml_strdup(const char *text);

void *yaml_malloc(size_t size)
{
	return memory_fails(OF_LIBYAML) ? NULL : malloc(size ? size : 1);
}

void *yaml_realloc(void *data, size_t size)
{
	return memory_fails(OF_LIBYAML) ? NULL : realloc(data, size ? size : 1);
}

char *yaml_strdup(const char *text)
{
	return !text || memory_fails(OF_LIBYAML) ? NULL : strdup(text);
}

static bool kubeshim_fails(void)
{
	return memory_fails(OF_KUBESHIM);
}

static int memory_sources_begin(void)
{
	failalloc_decides = kubeshim_fails;
	json_set_alloc_funcs(jansson_gets, jansson_frees);
	return curl_global_init_mem(CURL_GLOBAL_DEFAULT, curl_gets, curl_frees, curl_regets, curl_dups, curl_gets_zeros);
}

#endif
