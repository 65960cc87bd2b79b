/* Patches made from two states of an object. */
#ifndef KSHIM__JSON_PATCH_H
#define KSHIM__JSON_PATCH_H

#include <jansson.h>

/* The RFC 7386 merge patch that makes `after` of `before`: keys gone become
 * null, lists are sent whole, an empty object when nothing differs. A null in
 * `after` counts as absent (so the API server reads it), but lists are sent as
 * they are. New reference; NULL without memory or beyond KSHIM__JSON_DEPTH. */
json_t *kshim__json_merge_diff(const json_t *before, const json_t *after);

/* Applies an RFC 7386 merge patch: new reference, arguments unchanged. */
json_t *kshim__json_merge_apply(const json_t *target, const json_t *patch);

/* Reads, sets (steals value; makes missing objects on the way; "-" appends to
 * an array, and makes a missing one; what is null counts as missing) and removes
 * (0 if it was not there) through an RFC 6901 pointer in a tree.
 * 0, or -1 when the pointer is malformed or leads through a scalar or past an
 * array's end. */
json_t *kshim__json_tree_get(json_t *tree, const char *pointer); /* borrowed */
int kshim__json_tree_set(json_t *tree, const char *pointer, json_t *value);
int kshim__json_tree_remove(json_t *tree, const char *pointer);

#endif
