/*
 * Memory. Every allocation of the library goes through these functions, each
 * may fail and each result is checked, so that a test can fail them one by one.
 */
#ifndef KSHIM__ALLOC_H
#define KSHIM__ALLOC_H

#include <stddef.h>

void *kshim__malloc(size_t size);
void *kshim__calloc(size_t count, size_t size);
void *kshim__realloc(void *p, size_t size);
char *kshim__strdup(const char *s);             /* NULL gives NULL */
char *kshim__memdup(const char *s, size_t len); /* NUL-terminated copy */
void kshim__free(void *p);

/* Called now and then by what frees much in small pieces. glibc joins those with what
 * is free beside them only later, all of them at once: this makes it soon, and few. */
void kshim__free_settle(void);

/* Overwrites a secret in a way the compiler does not remove, then frees it. */
void kshim__free_secret(void *p, size_t len);
void kshim__free_secret_string(char *s);

#endif
