/*
 * Trees from text and back. jansson's own parser leaves out bytes where memory for
 * them was short for a moment, and succeeds; its json_dumps() gives what is not for
 * kshim__free() where the program set allocators of its own.
 */
#ifndef KSHIM__JSON_TREE_H
#define KSHIM__JSON_TREE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

/* A new reference. Of a key that stands twice in an object the last value counts; with
 * `unique` there must be none. NULL without memory (*no_memory, which may be NULL, is
 * true then), or for what is no JSON, has an integer beyond int64_t or a number beyond
 * a double, or a key with a NUL. */
json_t *kshim__json_tree_parse(const char *text, size_t len, bool unique, bool *no_memory);

/* In one line: new, to kshim__free(). NULL without a tree or memory. */
char *kshim__json_tree_text(const json_t *tree, size_t *len);

/* Overwrites every string of a tree that may hold secrets, before it is freed. */
void kshim__json_cleanse(json_t *tree);
/* The same, and releases it. */
void kshim__json_drop_secret(json_t *tree);

/* Adds a value, which is stolen; where that fails (-1), as for NULL, it is dropped as a
 * secret. */
int kshim__json_tree_append(json_t *array, json_t *value);
int kshim__json_tree_put(json_t *object, const char *key, json_t *value);

#endif
