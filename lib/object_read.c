/* Reading an object: through pointers, out of its bytes or its tree. */
#include "object.h"

#include "alloc.h"
#include "buf.h"
#include "client.h"
#include "error.h"
#include "json/patch.h"
#include "json/tree.h"
#include "matcher.h"

#include <string.h>

bool kshim__object_read_at(kshim_object *object, const char *pointer, struct kshim__span *value)
{
	return object->text &&
	       kshim__json_pointer(object->text, object->len, kshim__object_members(object), pointer, value);
}

/* Keeps a string so that it can be borrowed. `at` finds it again. */
static const char *keep(kshim_object *object, const char *at, const char *text, size_t len)
{
	struct kshim__string *string = kshim__malloc(sizeof(*string) + len + 1);

	if (!string || !kshim__object_make_extra(object)) {
		kshim__free(string);
		object->starved = true;
		return NULL;
	}
	string->at = at;
	memcpy(string->text, text, len);
	string->text[len] = '\0';
	string->next = object->extra->strings;
	object->extra->strings = string;
	return string->text;
}

static const char *string_at(kshim_object *object, struct kshim__span value)
{
	struct kshim__string *string;
	const char *kept;
	bool not_string;
	size_t len;
	char *text;

	if (!kshim__json_is_string(value))
		return NULL;
	for (string = kshim__object_extra(object)->strings; string; string = string->next)
		if (string->at == value.at)
			return string->text;
	if (!memchr(value.at, '\\', value.len))
		return keep(object, value.at, value.at + 1, value.len - 2);
	text = kshim__json_string(value, &len, &not_string);
	if (!text) {
		object->starved = object->starved || !not_string;
		return NULL;
	}
	kept = keep(object, value.at, text, len);
	kshim__free(text);
	return kept;
}

const char *kshim_object_get_string(kshim_object *object, const char *pointer)
{
	struct kshim__span value;
	const char *text = NULL;

	if (!object || !pointer)
		return NULL;
	if (kshim__object_made_tree(object))
		text = json_string_value(kshim__json_tree_get(kshim__object_made_tree(object), pointer));
	else if (kshim__object_read_at(object, pointer, &value))
		text = string_at(object, value);
	if (text)
		return text;
	if (object->kind && strcmp(pointer, "/kind") == 0)
		return object->kind->kind;
	if (object->kind && strcmp(pointer, "/apiVersion") == 0)
		return object->api_version;
	return NULL;
}

bool kshim__object_is(kshim_object *object, const char *pointer, const char *text)
{
	struct kshim__span value;
	const char *found;

	if (!kshim__object_made_tree(object))
		return kshim__object_read_at(object, pointer, &value) && kshim__json_equals(value, text);
	found = json_string_value(kshim__json_tree_get(kshim__object_made_tree(object), pointer));
	return found && strcmp(found, text) == 0;
}

int kshim_object_get_int(kshim_object *object, const char *pointer, int64_t *value)
{
	struct kshim__span span;
	json_t *node;
	int64_t number;

	if (!object || !pointer)
		return -1;
	if (kshim__object_made_tree(object)) {
		node = kshim__json_tree_get(kshim__object_made_tree(object), pointer);
		if (!json_is_integer(node))
			return -1;
		number = json_integer_value(node);
	} else if (!kshim__object_read_at(object, pointer, &span) || !kshim__json_int(span, &number)) {
		return -1;
	}
	if (value)
		*value = number;
	return 0;
}

int kshim_object_get_bool(kshim_object *object, const char *pointer, int *value)
{
	struct kshim__span span;
	json_t *node;
	bool truth;

	if (!object || !pointer)
		return -1;
	if (kshim__object_made_tree(object)) {
		node = kshim__json_tree_get(kshim__object_made_tree(object), pointer);
		if (!json_is_boolean(node))
			return -1;
		truth = json_is_true(node);
	} else if (!kshim__object_read_at(object, pointer, &span) || !kshim__json_bool(span, &truth)) {
		return -1;
	}
	if (value)
		*value = truth;
	return 0;
}

int kshim_object_get_double(kshim_object *object, const char *pointer, double *value)
{
	struct kshim__span span;
	json_t *node;
	double number;

	if (!object || !pointer)
		return -1;
	if (kshim__object_made_tree(object)) {
		node = kshim__json_tree_get(kshim__object_made_tree(object), pointer);
		if (!json_is_number(node))
			return -1;
		number = json_number_value(node);
	} else if (!kshim__object_read_at(object, pointer, &span) || !kshim__json_double(span, &number)) {
		return -1;
	}
	if (value)
		*value = number;
	return 0;
}

int kshim_object_has(kshim_object *object, const char *pointer)
{
	struct kshim__span span;
	json_t *node;

	if (!object || !pointer)
		return 0;
	if (kshim__object_made_tree(object)) {
		node = kshim__json_tree_get(kshim__object_made_tree(object), pointer);
		return node && !json_is_null(node);
	}
	if (kshim__object_read_at(object, pointer, &span))
		return span.at[0] != 'n';
	return kshim_object_get_string(object, pointer) != NULL;
}

size_t kshim_object_get_size(kshim_object *object, const char *pointer)
{
	struct kshim__span span;
	size_t cursor = 0, count = 0;
	json_t *node;

	if (!object || !pointer)
		return 0;
	if (kshim__object_made_tree(object)) {
		node = kshim__json_tree_get(kshim__object_made_tree(object), pointer);
		return json_is_array(node) ? json_array_size(node) : json_object_size(node);
	}
	if (!kshim__object_read_at(object, pointer, &span) || (span.at[0] != '[' && span.at[0] != '{'))
		return 0;
	while (kshim__json_next(span, &cursor, NULL, NULL))
		count++;
	return count;
}

json_t *kshim_object_get_json(kshim_object *object, const char *pointer)
{
	struct kshim__span span;
	json_t *tree;
	size_t len;
	char *text;

	if (!object || !pointer)
		return NULL;
	if (!kshim__object_made_tree(object)) {
		if (!kshim__object_read_at(object, pointer, &span))
			return NULL;
		return kshim__json_tree_parse(span.at, span.len, true, NULL);
	}
	/* not json_deep_copy(), which leaves out what it has no memory for */
	text = kshim__json_tree_text(kshim__json_tree_get(kshim__object_made_tree(object), pointer), &len);
	tree = text ? kshim__json_tree_parse(text, len, true, NULL) : NULL;
	kshim__free(text);
	return tree;
}

/* A key may hold '/' and '~', which a pointer escapes (RFC 6901, 3). */
static const char *get_in_map(kshim_object *object, const char *map, const char *key)
{
	const char *text = NULL;
	struct kshim__buf pointer;

	if (!object || !key)
		return NULL;
	kshim__buf_init(&pointer);
	kshim__buf_adds(&pointer, map);
	for (; *key; key++) {
		if (*key == '~')
			kshim__buf_adds(&pointer, "~0");
		else if (*key == '/')
			kshim__buf_adds(&pointer, "~1");
		else
			kshim__buf_addc(&pointer, *key);
	}
	if (!pointer.failed)
		text = kshim_object_get_string(object, pointer.data);
	else
		object->starved = true;
	kshim__buf_free(&pointer);
	return text;
}

const char *kshim_object_get_label(kshim_object *object, const char *key)
{
	return get_in_map(object, "/metadata/labels/", key);
}

const char *kshim_object_get_annotation(kshim_object *object, const char *key)
{
	return get_in_map(object, "/metadata/annotations/", key);
}

static bool matches(kshim_object *object, const struct kshim__matcher *matcher, bool *ok)
{
	struct kshim__span labels = {"", 0};
	json_t *tree;
	char *text;
	bool matched;

	*ok = true;
	if (!kshim__object_made_tree(object)) {
		if (!kshim__object_read_at(object, "/metadata/labels", &labels))
			labels.len = 0;
		return kshim__matcher_matches_labels(matcher, labels);
	}
	tree = kshim__json_tree_get(kshim__object_made_tree(object), "/metadata/labels");
	if (!json_is_object(tree))
		return kshim__matcher_matches_labels(matcher, labels);
	text = kshim__json_tree_text(tree, &labels.len);
	*ok = text != NULL;
	if (!text)
		return false;
	labels.at = text;
	matched = kshim__matcher_matches_labels(matcher, labels);
	kshim__free(text);
	return matched;
}

int kshim_object_matches(kshim_object *object, const char *labels)
{
	struct kshim__matcher *matcher;
	kshim_error *error = NULL;
	bool matched, ok;

	if (!object)
		return -1;
	matcher = kshim__matcher_new(labels, &error);
	if (!matcher) {
		kshim__client_fail(object->client, error);
		return -1;
	}
	matched = matches(object, matcher, &ok);
	kshim__matcher_free(matcher);
	if (!ok)
		kshim__client_fail(object->client, kshim__error_new(KSHIM_ENOMEM, "out of memory"));
	return ok ? matched : -1;
}

static const char *not_empty(const char *text)
{
	return text && *text ? text : NULL;
}

const char *kshim_object_name(kshim_object *object)
{
	return not_empty(kshim_object_get_string(object, "/metadata/name"));
}

const char *kshim_object_namespace(kshim_object *object)
{
	return not_empty(kshim_object_get_string(object, "/metadata/namespace"));
}

const char *kshim_object_uid(kshim_object *object)
{
	return not_empty(kshim_object_get_string(object, "/metadata/uid"));
}

const char *kshim_object_resource_version(kshim_object *object)
{
	return not_empty(kshim_object_get_string(object, "/metadata/resourceVersion"));
}

const char *kshim_object_api_version(kshim_object *object)
{
	return not_empty(kshim_object_get_string(object, "/apiVersion"));
}

const char *kshim_object_kind(kshim_object *object)
{
	return not_empty(kshim_object_get_string(object, "/kind"));
}
