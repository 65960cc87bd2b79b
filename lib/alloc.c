#include "alloc.h"

#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

void *kshim__malloc(size_t size)
{
	return malloc(size ? size : 1);
}

void *kshim__calloc(size_t count, size_t size)
{
	return calloc(count ? count : 1, size ? size : 1);
}

void *kshim__realloc(void *p, size_t size)
{
	return realloc(p, size ? size : 1);
}

char *kshim__strdup(const char *s)
{
	return s ? kshim__memdup(s, strlen(s)) : NULL;
}

char *kshim__memdup(const char *s, size_t len)
{
	char *copy = kshim__malloc(len + 1);

	if (!copy)
		return NULL;
	if (len)
		memcpy(copy, s, len);
	copy[len] = '\0';
	return copy;
}

void kshim__free(void *p)
{
	free(p);
}

/* What is too large for the bins of small pieces has them joined first. */
void kshim__free_settle(void)
{
	void *volatile large = kshim__malloc(4096); /* the compiler would leave out both calls */

	kshim__free(large);
}

void kshim__free_secret(void *p, size_t len)
{
	if (p && len)
		OPENSSL_cleanse(p, len);
	kshim__free(p);
}

void kshim__free_secret_string(char *s)
{
	kshim__free_secret(s, s ? strlen(s) : 0);
}
