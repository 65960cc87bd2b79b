#include "object.h"

#include "alloc.h"
#include "buf.h"
#include "client.h"
#include "error.h"
#include "json/drop.h"
#include "json/patch.h"
#include "json/tree.h"
#include "json/valid.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

const struct kshim__extra *kshim__object_extra(const kshim_object *object)
{
	static const struct kshim__extra none;

	return object->extra ? object->extra : &none;
}

struct kshim__extra *kshim__object_make_extra(kshim_object *object)
{
	if (!object->extra)
		object->extra = kshim__calloc(1, sizeof(*object->extra));
	return object->extra;
}

json_t *kshim__object_made_tree(const kshim_object *object)
{
	return kshim__object_extra(object)->tree;
}

const struct kshim__members *kshim__object_members(const kshim_object *object)
{
	return object->bare ? NULL : &object->members;
}

/* Room for the bytes; of a bare object they take that of the members, too. */
static kshim_object *new_object(kshim_client *client, const kshim_kind *kind, const char *api_version, size_t room,
				bool bare)
{
	kshim_object *object = kshim__malloc((bare ? offsetof(kshim_object, members) : sizeof(*object)) + room);

	if (!object)
		return NULL;
	memset(object, 0, bare ? offsetof(kshim_object, members) : sizeof(*object));
	object->refs = 1;
	object->bare = bare;
	object->client = kshim__client_ref(client);
	object->kind = kind ? kshim_kind_ref(kind) : NULL;
	object->api_version = api_version;
	return object;
}

kshim_object *kshim__object_from_item(kshim_client *client, const kshim_kind *kind, const char *api_version,
				      struct kshim__span head, struct kshim__span tail,
				      const struct kshim__members *members)
{
	kshim_object *object = new_object(client, kind, api_version, head.len + tail.len + 1, !members);
	char *bytes;

	if (!object)
		return NULL;
	bytes = members ? object->bytes : (char *)object + offsetof(kshim_object, members);
	if (head.len)
		memcpy(bytes, head.at, head.len);
	if (tail.len)
		memcpy(bytes + head.len, tail.at, tail.len);
	object->len = head.len + tail.len;
	bytes[object->len] = '\0';
	object->text = bytes;
	if (members)
		object->members = *members;
	return object;
}

kshim_object *kshim__object_slim(kshim_client *client, const kshim_kind *kind, const char *api_version,
				 struct kshim__span text, size_t *at)
{
	struct kshim__span parts[2] = {text, {"", 0}};

	if (kshim__json_drop(text, "/metadata/managedFields", parts) && at && *at >= parts[0].len)
		*at -= text.len - parts[0].len - parts[1].len;
	return kshim__object_from_item(client, kind, api_version, parts[0], parts[1], NULL);
}

kshim_object *kshim__object_adopt(kshim_client *client, const kshim_kind *kind, const char *api_version, char *text,
				  size_t len, const struct kshim__members *members)
{
	kshim_object *object = new_object(client, kind, api_version, 0, false);

	if (!object) {
		kshim__free(text);
		return NULL;
	}
	object->text = text;
	object->owns_text = true;
	object->len = len;
	if (members)
		object->members = *members;
	else
		kshim__json_members(text, len, &object->members);
	return object;
}

static unsigned line_of(const char *text, size_t at)
{
	unsigned line = 1;

	while (at--)
		line += text[at] == '\n';
	return line;
}

kshim_object *kshim__object_from_text(kshim_client *client, const char *text, size_t len, kshim_error **error)
{
	static const char *const needed[] = {"/apiVersion", "/kind"};
	struct kshim__span value, member;
	char *copy;
	size_t i;

	if (!kshim__json_valid(text, len, &i))
		return kshim__fail(error, KSHIM_EINVAL, "not JSON: byte %zu (line %u) is wrong%s", i + 1, line_of(text, i),
				   i == len ? ": the text ends too early" : "");
	if (!kshim__json_value(text, len, &value) || value.at[0] != '{')
		return kshim__fail(error, KSHIM_EINVAL, "not a JSON object");
	for (i = 0; i < 2; i++)
		if (!kshim__json_pointer(value.at, value.len, NULL, needed[i], &member) ||
		    !kshim__json_is_string(member) || member.len <= 2)
			return kshim__fail(error, KSHIM_EINVAL, "%s is missing or no string", needed[i]);
	copy = kshim__memdup(value.at, value.len);
	if (copy) {
		kshim_object *object = kshim__object_adopt(client, NULL, NULL, copy, value.len, NULL);

		if (object)
			return object;
	}
	return kshim__fail(error, KSHIM_ENOMEM, "out of memory");
}

kshim_object *kshim_object_from_text(kshim_client *client, const char *text, size_t len)
{
	kshim_error *error = NULL;
	kshim_object *object;

	if (!client || !text)
		return NULL;
	object = kshim__object_from_text(client, text, len, &error);
	if (!object)
		kshim__client_fail(client, error);
	return object;
}

kshim_object *kshim_object_new(kshim_client *client, json_t *tree)
{
	kshim_object *object;

	if (!client || !tree || !json_is_string(json_object_get(tree, "apiVersion")) ||
	    !json_is_string(json_object_get(tree, "kind"))) {
		if (client)
			kshim__client_fail(client, kshim__error_new(KSHIM_EINVAL, "an object needs the strings apiVersion "
										  "and kind"));
		json_decref(tree);
		return NULL;
	}
	object = new_object(client, NULL, NULL, 0, false);
	if (!object || !kshim__object_make_extra(object)) {
		kshim_object_unref(object);
		kshim__client_fail(client, kshim__error_new(KSHIM_ENOMEM, "out of memory"));
		json_decref(tree);
		return NULL;
	}
	object->extra->tree = tree;
	return object;
}

kshim_object *kshim__object_named(kshim_client *client, const kshim_kind *kind, const char *kind_name,
				  const char *namespace_, const char *name)
{
	kshim_object *object;
	struct kshim__buf buf;
	char *text;
	size_t len;

	kshim__buf_init(&buf);
	kshim__buf_adds(&buf, "{\"metadata\":{\"name\":");
	kshim__buf_add_json_string(&buf, name, strlen(name));
	if (namespace_) {
		kshim__buf_adds(&buf, ",\"namespace\":");
		kshim__buf_add_json_string(&buf, namespace_, strlen(namespace_));
	}
	kshim__buf_adds(&buf, "}}");
	text = kshim__buf_take(&buf, &len);
	object = text ? kshim__object_adopt(client, kind, NULL, text, len, NULL) : NULL;
	if (object && kind_name &&
	    (!kshim__object_make_extra(object) || !(object->extra->kind_name = kshim__strdup(kind_name)))) {
		kshim_object_unref(object);
		return NULL;
	}
	return object;
}

kshim_object *kshim_object_ref(kshim_object *object)
{
	if (object)
		object->refs++;
	return object;
}

/* What was read, and what was made of it. */
static void drop_read(struct kshim__extra *extra)
{
	while (extra->strings) {
		struct kshim__string *next = extra->strings->next;

		kshim__free(extra->strings);
		extra->strings = next;
	}
	json_decref(extra->tree);
	extra->tree = NULL;
	kshim__free(extra->dump);
	extra->dump = NULL;
}

static void drop_extra(kshim_object *object)
{
	if (!object->extra)
		return;
	drop_read(object->extra);
	kshim__free(object->extra->kind_name);
	kshim__free(object->extra);
	object->extra = NULL;
}

bool kshim__object_was_read(const kshim_object *object)
{
	return object->extra != NULL;
}

void kshim__object_shed(kshim_object *object)
{
	if (object->text && !kshim__object_extra(object)->kind_name)
		drop_extra(object);
}

void kshim_object_unref(kshim_object *object)
{
	if (!object || --object->refs)
		return;
	drop_extra(object);
	if (object->owns_text)
		kshim__free((char *)object->text);
	if (object->kind)
		kshim_kind_unref(object->kind);
	kshim__client_unref(object->client);
	kshim__free(object);
}

kshim_client *kshim_object_client(kshim_object *object)
{
	return object && kshim__client_is_open(object->client) ? object->client : NULL;
}

const kshim_kind *kshim__object_row(kshim_object *object)
{
	const char *api_version, *kind, *version;
	size_t group_len;

	if (object->kind)
		return kshim__kind_by_group_kind(object->kind->group, strlen(object->kind->group), object->kind->kind);
	if (kshim__object_extra(object)->kind_name)
		return kshim_kind_find(object->extra->kind_name);
	api_version = kshim_object_api_version(object);
	kind = kshim_object_kind(object);
	if (!api_version || !kind)
		return NULL;
	kshim__split_api_version(api_version, &group_len, &version);
	return kshim__kind_by_group_kind(api_version, group_len, kind);
}

bool kshim__object_starved(kshim_object *object)
{
	bool starved = object->starved;

	object->starved = false;
	return starved;
}

void *kshim__object_refuse(kshim_object *object, const char *format, ...)
{
	char text[256] = "out of memory";
	bool starved = kshim__object_starved(object);
	va_list values;

	va_start(values, format);
	if (!starved)
		vsnprintf(text, sizeof(text), format, values);
	va_end(values);
	return kshim__client_fail(object->client, kshim__error_new(starved ? KSHIM_ENOMEM : KSHIM_EINVAL, "%s", text));
}

/* Text and tree. */

/* The bytes as they came, with apiVersion and kind put in front where they are
 * missing. */
static char *complete_text(kshim_object *object, size_t *len)
{
	struct kshim__span value, key;
	struct kshim__buf buf;
	size_t cursor = 0;
	struct kshim__span whole = {object->text, object->len};
	bool empty = !kshim__json_next(whole, &cursor, &key, &value);

	kshim__buf_init(&buf);
	kshim__buf_reserve(&buf, object->len + 128);
	kshim__buf_addc(&buf, '{');
	if (!kshim__object_read_at(object, "/kind", &value)) {
		kshim__buf_adds(&buf, "\"kind\":");
		kshim__buf_add_json_string(&buf, object->kind->kind, strlen(object->kind->kind));
		kshim__buf_addc(&buf, ',');
	}
	if (!kshim__object_read_at(object, "/apiVersion", &value)) {
		kshim__buf_adds(&buf, "\"apiVersion\":");
		kshim__buf_add_json_string(&buf, object->api_version, strlen(object->api_version));
		kshim__buf_addc(&buf, ',');
	}
	if (empty && buf.len > 1)
		buf.len--;
	kshim__buf_add(&buf, object->text + 1, object->len - 1);
	return kshim__buf_take(&buf, len);
}

/* true where the bytes say themselves what they are, or nobody knows. */
static bool is_complete(kshim_object *object)
{
	struct kshim__span value;

	return !object->kind || !object->api_version ||
	       (kshim__object_read_at(object, "/kind", &value) && kshim__object_read_at(object, "/apiVersion", &value));
}

/* The whole text, made anew. */
static char *make_text(kshim_object *object, size_t *len)
{
	if (!kshim__object_made_tree(object) && is_complete(object)) {
		*len = object->len;
		return kshim__memdup(object->text, object->len);
	}
	if (!kshim__object_made_tree(object))
		return complete_text(object, len);
	return kshim__json_tree_text(kshim__object_made_tree(object), len);
}

const char *kshim_object_text(kshim_object *object, size_t *len)
{
	size_t size;
	char *dump;

	if (!object)
		return NULL;
	if (!kshim__object_made_tree(object) && is_complete(object)) {
		if (len)
			*len = object->len;
		return object->text;
	}
	/* bytes are completed once, so that the text can be borrowed */
	if (kshim__object_made_tree(object) || !kshim__object_extra(object)->dump) {
		dump = kshim__object_make_extra(object) ? make_text(object, &size) : NULL;
		if (!dump)
			return NULL;
		kshim__free(object->extra->dump);
		object->extra->dump = dump;
		object->extra->dump_len = size;
	}
	if (len)
		*len = object->extra->dump_len;
	return object->extra->dump;
}

json_t *kshim_object_tree(kshim_object *object)
{
	bool borrowed;
	const char *text;
	size_t len;

	if (!object || kshim__object_made_tree(object))
		return object ? kshim__object_made_tree(object) : NULL;
	if (!kshim__object_make_extra(object))
		return NULL;
	borrowed = object->extra->dump != NULL;
	text = kshim_object_text(object, &len);
	if (text)
		object->extra->tree = kshim__json_tree_parse(text, len, true, NULL);
	if (!borrowed) {
		kshim__free(object->extra->dump);
		object->extra->dump = NULL;
	}
	return object->extra->tree;
}

int kshim_object_set(kshim_object *object, const char *pointer, json_t *value)
{
	json_t *tree = kshim_object_tree(object);

	if (!tree || !pointer || !value) {
		json_decref(value);
		return -1;
	}
	return kshim__json_tree_set(tree, pointer, value);
}

int kshim_object_set_string(kshim_object *object, const char *pointer, const char *value)
{
	return kshim_object_set(object, pointer, value ? json_string(value) : NULL);
}

int kshim_object_set_int(kshim_object *object, const char *pointer, int64_t value)
{
	return kshim_object_set(object, pointer, json_integer(value));
}

int kshim_object_remove(kshim_object *object, const char *pointer)
{
	json_t *tree = kshim_object_tree(object);

	return tree && pointer ? kshim__json_tree_remove(tree, pointer) : -1;
}

/* What verbs send and receive. */

void kshim__object_replace_text(kshim_object *object, char *text, size_t len)
{
	if (object->extra)
		drop_read(object->extra);
	if (object->owns_text)
		kshim__free((char *)object->text);
	object->text = text;
	object->owns_text = true;
	object->len = len;
	if (!object->bare)
		kshim__json_members(text, len, &object->members);
}

static json_t *parse(const char *text, size_t len, kshim_error **error)
{
	bool no_memory;
	json_t *tree = kshim__json_tree_parse(text, len, false, &no_memory);

	if (!tree && no_memory)
		return kshim__fail(error, KSHIM_ENOMEM, "out of memory");
	return tree ? tree : kshim__fail(error, KSHIM_EINVAL, "no JSON, or it has a number that is too large to be kept");
}

char *kshim__object_body(kshim_object *object, const char *const *without, size_t *len, kshim_error **error)
{
	char *body = make_text(object, len);
	json_t *tree;
	bool drop = false;
	size_t i;

	if (!body)
		return kshim__fail(error, KSHIM_ENOMEM, "out of memory, or the object cannot be written as JSON");
	for (i = 0; without && without[i]; i++)
		drop = drop || kshim_object_has(object, without[i]);
	if (!drop)
		return body;
	tree = parse(body, *len, error);
	kshim__free(body);
	if (!tree)
		return NULL;
	for (i = 0; without[i]; i++)
		kshim__json_tree_remove(tree, without[i]);
	body = kshim__json_tree_text(tree, len);
	json_decref(tree);
	return body ? body : kshim__fail(error, KSHIM_ENOMEM, "out of memory");
}

char *kshim__object_diff(kshim_object *object, bool if_unchanged, size_t *len, bool *empty, kshim_error **error)
{
	const char *version;
	json_t *before, *patch;
	char *body, *whole = NULL;

	*empty = !kshim__object_made_tree(object);
	if (*empty)
		return NULL;
	if (!object->text) {
		before = json_object(); /* never read: all of it is news */
	} else if (is_complete(object)) {
		before = parse(object->text, object->len, error);
	} else {
		whole = complete_text(object, len);
		before = whole ? parse(whole, *len, error) : kshim__fail(error, KSHIM_ENOMEM, "out of memory");
		kshim__free(whole);
	}
	if (!before)
		return NULL;
	patch = kshim__json_merge_diff(before, kshim__object_made_tree(object));
	*empty = patch && json_object_size(patch) == 0;
	version = json_string_value(kshim__json_tree_get(before, "/metadata/resourceVersion"));
	if (patch && !*empty && if_unchanged && version)
		kshim__json_tree_set(patch, "/metadata/resourceVersion", json_string(version));
	json_decref(before);
	body = kshim__json_tree_text(patch, len);
	json_decref(patch);
	return body ? body : kshim__fail(error, KSHIM_ENOMEM, "out of memory");
}
