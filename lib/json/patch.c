#include "json/patch.h"

#include "alloc.h"
#include "json/scan.h"

#include <stdbool.h>
#include <string.h>

/* Everything below and in jansson that follows a tree recurses. */
static bool shallow(const json_t *value, unsigned int depth)
{
	json_t *object = (json_t *)value, *child;
	const char *key;
	size_t i;

	if (depth > KSHIM__JSON_DEPTH)
		return false;
	json_object_foreach(object, key, child) {
		if (!shallow(child, depth + 1))
			return false;
	}
	json_array_foreach(value, i, child) {
		if (!shallow(child, depth + 1))
			return false;
	}
	return true;
}

/* A copy for a merge patch: objects without their nulls, lists as they are. */
static json_t *copy_set(const json_t *value)
{
	json_t *object = (json_t *)value, *child, *copy;
	const char *key;

	if (!json_is_object(value))
		return json_deep_copy(value);
	copy = json_object();
	if (!copy)
		return NULL;
	json_object_foreach(object, key, child) {
		if (json_is_null(child))
			continue;
		if (json_object_set_new_nocheck(copy, key, copy_set(child)) != 0) {
			json_decref(copy);
			return NULL;
		}
	}
	return copy;
}

static bool is_absent(const json_t *value)
{
	return !value || json_is_null(value);
}

static int diff_member(json_t *patch, const char *key, const json_t *before, const json_t *after);

/* Adds to the patch what makes one object of another. */
static int diff_objects(json_t *patch, const json_t *before, const json_t *after)
{
	json_t *old = (json_t *)before, *new = (json_t *)after, *child;
	const char *key;

	json_object_foreach(old, key, child) {
		if (!is_absent(child) && is_absent(json_object_get(after, key)) &&
		    json_object_set_new_nocheck(patch, key, json_null()) != 0)
			return -1;
	}
	json_object_foreach(new, key, child) {
		if (!json_is_null(child) && diff_member(patch, key, json_object_get(before, key), child) != 0)
			return -1;
	}
	return 0;
}

static int diff_member(json_t *patch, const char *key, const json_t *before, const json_t *after)
{
	json_t *inner;

	if (!json_is_object(before) || !json_is_object(after)) {
		if (json_equal(before, after))
			return 0;
		return json_object_set_new_nocheck(patch, key, copy_set(after));
	}
	inner = json_object();
	if (!inner || diff_objects(inner, before, after) != 0) {
		json_decref(inner);
		return -1;
	}
	if (json_object_size(inner) == 0) {
		json_decref(inner);
		return 0;
	}
	return json_object_set_new_nocheck(patch, key, inner);
}

json_t *kshim__json_merge_diff(const json_t *before, const json_t *after)
{
	json_t *patch;

	if (!after || !shallow(before, 1) || !shallow(after, 1))
		return NULL;
	if (!json_is_object(before) || !json_is_object(after))
		return copy_set(after);
	patch = json_object();
	if (patch && diff_objects(patch, before, after) != 0) {
		json_decref(patch);
		return NULL;
	}
	return patch;
}

static json_t *apply(const json_t *target, const json_t *patch)
{
	json_t *old = (json_t *)target, *changes = (json_t *)patch, *child, *result;
	const char *key;

	if (!json_is_object(patch))
		return json_deep_copy(patch);
	result = json_object();
	if (!result)
		return NULL;
	json_object_foreach(old, key, child) {
		const json_t *change = json_object_get(patch, key);

		if (json_is_null(change))
			continue;
		child = change ? apply(child, change) : json_deep_copy(child);
		if (json_object_set_new_nocheck(result, key, child) != 0)
			goto failed;
	}
	json_object_foreach(changes, key, child) {
		if (json_is_null(child) || json_object_get(target, key))
			continue;
		if (json_object_set_new_nocheck(result, key, apply(NULL, child)) != 0)
			goto failed;
	}
	return result;
failed:
	json_decref(result);
	return NULL;
}

json_t *kshim__json_merge_apply(const json_t *target, const json_t *patch)
{
	if (!patch || !shallow(target, 1) || !shallow(patch, 1))
		return NULL;
	return apply(target, patch);
}

/* A pointer cut into its tokens: `text` holds them unescaped, one NUL after
 * each. Only JSON_ALLOW_NUL could make a key that this cannot name. Pointers of
 * usual length need no memory, so that to read or remove cannot fail for lack of it. */
struct tokens {
	char *text;
	char usual[512];
	const char *next;
	size_t count;
};

static void tokens_free(struct tokens *tokens)
{
	if (tokens->text != tokens->usual)
		kshim__free(tokens->text);
}

static bool tokens_cut(struct tokens *tokens, const char *pointer)
{
	size_t size = strlen(pointer) + 1;
	char *to;

	tokens->count = 0;
	tokens->text = NULL;
	if (*pointer && *pointer != '/')
		return false;
	to = tokens->text = size <= sizeof(tokens->usual) ? tokens->usual : kshim__malloc(size);
	if (!to)
		return false;
	for (; *pointer; pointer++) {
		if (*pointer == '/') {
			/* the first slash leaves no text before it */
			if (tokens->count++)
				*to++ = '\0';
		} else if (*pointer != '~') {
			*to++ = *pointer;
		} else if (pointer[1] == '0' || pointer[1] == '1') {
			*to++ = *++pointer == '0' ? '~' : '/';
		} else {
			tokens_free(tokens);
			return false;
		}
	}
	*to = '\0';
	tokens->next = tokens->text;
	if (tokens->count <= KSHIM__JSON_DEPTH)
		return true;
	tokens_free(tokens);
	return false;
}

static const char *token_next(struct tokens *tokens)
{
	const char *token = tokens->next;

	tokens->next += strlen(token) + 1;
	tokens->count--;
	return token;
}

/* The index that a token names, up to and including the array's size; or -1. */
static long token_index(const char *token, const json_t *array)
{
	size_t index = 0, i;

	if (!*token || (token[0] == '0' && token[1]))
		return -1;
	for (i = 0; token[i]; i++) {
		if (i == 9 || token[i] < '0' || token[i] > '9')
			return -1;
		index = index * 10 + (size_t)(token[i] - '0');
	}
	return index <= json_array_size(array) ? (long)index : -1;
}

static json_t *child_of(const json_t *parent, const char *token)
{
	long index;

	if (json_is_object(parent))
		return json_object_get(parent, token);
	index = json_is_array(parent) ? token_index(token, parent) : -1;
	return index < 0 ? NULL : json_array_get(parent, (size_t)index);
}

json_t *kshim__json_tree_get(json_t *tree, const char *pointer)
{
	struct tokens tokens;

	if (!tokens_cut(&tokens, pointer))
		return NULL;
	while (tree && tokens.count)
		tree = child_of(tree, token_next(&tokens));
	tokens_free(&tokens);
	return tree;
}

/* Puts what is missing of the way around a value: an object for each token
 * left, an array for "-". Steals the value. */
static json_t *wrap(struct tokens *tokens, json_t *value)
{
	const char *token;
	json_t *outer;
	bool array;
	int rc;

	if (tokens->count == 0)
		return value;
	token = token_next(tokens);
	value = wrap(tokens, value);
	if (!value)
		return NULL;
	array = strcmp(token, "-") == 0;
	outer = array ? json_array() : json_object();
	rc = array ? json_array_append_new(outer, value) : json_object_set_new(outer, token, value);
	if (rc != 0) {
		json_decref(outer);
		return NULL;
	}
	return outer;
}

/* Puts a value (stolen) where a container has the token's place. */
static int put(json_t *parent, const char *token, json_t *value)
{
	long index;

	if (json_is_object(parent))
		return json_object_set_new(parent, token, value);
	index = strcmp(token, "-") == 0 ? (long)json_array_size(parent) : token_index(token, parent);
	if (json_is_array(parent) && index >= 0) {
		if ((size_t)index == json_array_size(parent))
			return json_array_append_new(parent, value);
		return json_array_set_new(parent, (size_t)index, value);
	}
	json_decref(value);
	return -1;
}

int kshim__json_tree_set(json_t *tree, const char *pointer, json_t *value)
{
	struct tokens tokens;
	const char *token;
	json_t *child;
	int rc = -1;

	if (!value || !tree || !tokens_cut(&tokens, pointer)) {
		json_decref(value);
		return -1;
	}
	while (tokens.count) {
		token = token_next(&tokens);
		child = child_of(tree, token);
		/* a null is what the server writes for an empty list or map */
		if (tokens.count && !is_absent(child)) {
			tree = child;
			continue;
		}
		rc = put(tree, token, wrap(&tokens, value));
		value = NULL;
		break;
	}
	json_decref(value);
	tokens_free(&tokens);
	return rc;
}

static int drop(json_t *parent, const char *token)
{
	long index;

	if (json_is_object(parent)) {
		json_object_del(parent, token);
		return 0;
	}
	if (!json_is_array(parent))
		return -1;
	index = token_index(token, parent);
	if (index >= 0)
		json_array_remove(parent, (size_t)index);
	return 0;
}

/* What is not there needs no removal: 0. */
int kshim__json_tree_remove(json_t *tree, const char *pointer)
{
	struct tokens tokens;
	const char *token;
	json_t *child;
	int rc = -1;

	if (!tokens_cut(&tokens, pointer))
		return -1;
	while (tokens.count) {
		token = token_next(&tokens);
		child = child_of(tree, token);
		if (tokens.count && !is_absent(child)) {
			tree = child;
			continue;
		}
		if (tokens.count == 0)
			rc = drop(tree, token);
		else
			rc = json_is_object(tree) || json_is_array(tree) ? 0 : -1;
		break;
	}
	tokens_free(&tokens);
	return rc;
}
