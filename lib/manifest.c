#include <kubeshim/manifest.h>

#include "alloc.h"
#include "buf.h"
#include "config/files.h"
#include "error.h"
#include "yaml_doc.h"
#include "yaml_scalar.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define TEXT_MAX (64u << 20)
#define LINES_DEPTH 4 /* /items/0/metadata/name */

struct item {
	char *json;
	size_t len;
	unsigned line;
};

struct kshim_manifest {
	struct item *items;
	size_t count;
	size_t cap;
};

/* What is being read. */
struct reading {
	kshim_manifest *manifest;
	const char *source;
	const struct kshim__yaml_doc *doc;
	kshim_error **error;
};

static bool no_memory(const struct reading *reading)
{
	return kshim__fail(reading->error, KSHIM_ENOMEM, "%s: out of memory", reading->source);
}

/* `where` is the object's pointer, `field` what is wrong in it. */
static bool refuse(const struct reading *reading, const char *where, const char *field, const char *what)
{
	struct kshim__buf pointer, shown;

	kshim__buf_init(&pointer);
	kshim__buf_init(&shown);
	kshim__buf_addf(&pointer, "%s%s", where, field);
	if (!pointer.failed)
		kshim__yaml_show(&shown, pointer.data);
	if (pointer.failed || shown.failed)
		no_memory(reading);
	else
		kshim__fail(reading->error, KSHIM_EMANIFEST, "%s:%u: %s%s%s", reading->source,
			    kshim__yaml_line(reading->doc, pointer.data), shown.len ? shown.data : "the document",
			    shown.len ? ": " : " ", what);
	kshim__buf_free(&pointer);
	kshim__buf_free(&shown);
	return false;
}

/* Compact, keys in their order, numbers exact: jansson would write 0.1 as
 * 0.10000000000000001 and 1.0 so that no integer field takes it. */
static void write_json(struct kshim__buf *buf, const json_t *value)
{
	char number[KSHIM__REAL_MAX];
	const char *key;
	json_t *member;
	size_t i, n = 0;
	double real;

	switch (json_typeof(value)) {
	case JSON_OBJECT:
		kshim__buf_addc(buf, '{');
		json_object_foreach((json_t *)value, key, member) {
			if (n++)
				kshim__buf_addc(buf, ',');
			kshim__buf_add_json_string(buf, key, strlen(key));
			kshim__buf_addc(buf, ':');
			write_json(buf, member);
		}
		kshim__buf_addc(buf, '}');
		break;
	case JSON_ARRAY:
		kshim__buf_addc(buf, '[');
		json_array_foreach(value, i, member) {
			if (i)
				kshim__buf_addc(buf, ',');
			write_json(buf, member);
		}
		kshim__buf_addc(buf, ']');
		break;
	case JSON_STRING:
		kshim__buf_add_json_string(buf, json_string_value(value), json_string_length(value));
		break;
	case JSON_INTEGER:
		kshim__buf_addf(buf, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
		break;
	case JSON_REAL:
		real = json_real_value(value);
		if (real > -9e18 && real < 9e18 && real == (double)(json_int_t)real) {
			kshim__buf_addf(buf, "%" JSON_INTEGER_FORMAT, (json_int_t)real);
			break;
		}
		kshim__yaml_real_text(real, 64, number);
		kshim__buf_adds(buf, number);
		break;
	default:
		kshim__buf_adds(buf, json_is_true(value) ? "true" : json_is_false(value) ? "false" : "null");
	}
}

static bool add_item(const struct reading *reading, const json_t *object, const char *where)
{
	kshim_manifest *manifest = reading->manifest;
	struct kshim__buf buf;
	struct item *items, *item;
	size_t cap;

	if (manifest->count == manifest->cap) {
		cap = manifest->cap ? manifest->cap * 2 : 8;
		items = kshim__realloc(manifest->items, cap * sizeof(*items));
		if (!items)
			return no_memory(reading);
		manifest->items = items;
		manifest->cap = cap;
	}
	item = &manifest->items[manifest->count];
	kshim__buf_init(&buf);
	write_json(&buf, object);
	item->json = kshim__buf_take(&buf, &item->len);
	if (!item->json)
		return no_memory(reading);
	item->line = kshim__yaml_line(reading->doc, where);
	manifest->count++;
	return true;
}

static bool wants_text(const struct reading *reading, const json_t *value, const char *where, const char *field)
{
	const char *text = json_string_value(value);

	if (text && *text)
		return true;
	if (!value || json_is_null(value) || text)
		return refuse(reading, where, field, "is missing");
	return refuse(reading, where, field, "is no string; quote it");
}

static bool check_object(const struct reading *reading, const json_t *object, const char *where)
{
	const json_t *metadata = json_object_get(object, "metadata");
	const json_t *name = json_object_get(metadata, "name"), *generate = json_object_get(metadata, "generateName");

	if (metadata && !json_is_object(metadata) && !json_is_null(metadata))
		return refuse(reading, where, "/metadata", "is no mapping");
	if (json_is_string(generate) && json_string_length(generate) && (!name || json_is_null(name)))
		return true;
	return wants_text(reading, name, where, "/metadata/name");
}

/* Whether it is a list of objects: `kind: List`, or a kind's own (`PodList`). */
static bool is_list(const json_t *object, const char **of, size_t *len)
{
	*of = json_string_value(json_object_get(object, "kind"));
	*len = strlen(*of);
	if (*len < 4 || strcmp(*of + *len - 4, "List") != 0)
		return false;
	*len -= 4;
	return !*len || json_is_array(json_object_get(object, "items"));
}

static bool add_object(const struct reading *reading, const json_t *object, const char *where);

/* The items of a kind's own list need not say what they are. */
static bool add_member(const struct reading *reading, const json_t *list, json_t *member, const char *where,
		       const char *kind, size_t len)
{
	json_t *whole;
	bool good;

	if (!json_is_object(member) || !len ||
	    (json_object_get(member, "kind") && json_object_get(member, "apiVersion")))
		return add_object(reading, member, where);
	whole = json_object();
	good = whole &&
	       !json_object_set(whole, "apiVersion", json_object_get(list, "apiVersion")) &&
	       !json_object_set_new(whole, "kind", json_stringn(kind, len)) && !json_object_update(whole, member);
	good = good ? add_object(reading, whole, where) : no_memory(reading);
	json_decref(whole);
	return good;
}

static bool add_list(const struct reading *reading, const json_t *list, const char *where, const char *kind,
		     size_t len)
{
	json_t *items = json_object_get(list, "items"), *item;
	struct kshim__buf pointer;
	bool good = true;
	size_t i;

	if (!items || (!json_is_array(items) && !json_is_null(items)))
		return refuse(reading, where, "/items", items ? "is no list" : "is missing");
	kshim__buf_init(&pointer);
	json_array_foreach(items, i, item) {
		kshim__buf_clear(&pointer);
		kshim__buf_addf(&pointer, "%s/items/%zu", where, i);
		good = pointer.failed ? no_memory(reading)
				      : add_member(reading, list, item, pointer.data, kind, len);
		if (!good)
			break;
	}
	kshim__buf_free(&pointer);
	return good;
}

static bool add_object(const struct reading *reading, const json_t *object, const char *where)
{
	const char *kind;
	size_t len;

	if (!json_is_object(object))
		return refuse(reading, where, "", "is no mapping");
	if (!wants_text(reading, json_object_get(object, "apiVersion"), where, "/apiVersion") ||
	    !wants_text(reading, json_object_get(object, "kind"), where, "/kind"))
		return false;
	if (is_list(object, &kind, &len))
		return add_list(reading, object, where, kind, len);
	return check_object(reading, object, where) && add_item(reading, object, where);
}

kshim_manifest *kshim_manifest_from_text(const char *text, size_t len, const char *source, kshim_error **error)
{
	struct reading reading = {.source = source ? source : "manifest", .error = error};
	struct kshim__yaml_doc *docs;
	size_t count, i;
	bool good = true;

	if (!text)
		return kshim__fail(error, KSHIM_EINVAL, "%s: there is no text", reading.source);
	if (len > TEXT_MAX)
		return kshim__fail(error, KSHIM_EMANIFEST, "%s: longer than 64 MiB", reading.source);
	reading.manifest = kshim__calloc(1, sizeof(*reading.manifest));
	if (!reading.manifest) {
		no_memory(&reading);
		return NULL;
	}
	if (kshim__yaml_read(text, len, reading.source, KSHIM_EMANIFEST, LINES_DEPTH, &docs, &count, error) < 0) {
		kshim_manifest_free(reading.manifest);
		return NULL;
	}
	for (i = 0; good && i < count; i++) {
		reading.doc = &docs[i];
		good = add_object(&reading, docs[i].value, "");
	}
	kshim__yaml_free(docs, count);
	if (good)
		return reading.manifest;
	kshim_manifest_free(reading.manifest);
	return NULL;
}

kshim_manifest *kshim_manifest_from_file(const char *path, kshim_error **error)
{
	struct kshim__blob blob;
	kshim_manifest *manifest;
	int what;

	if (!path)
		return kshim__fail(error, KSHIM_EINVAL, "manifest: there is no path");
	what = strcmp(path, "-") ? kshim__file_read(path, TEXT_MAX, &blob) : kshim__fd_read(STDIN_FILENO, TEXT_MAX, &blob);
	if (what == ENOMEM)
		return kshim__fail(error, KSHIM_ENOMEM, "%s: out of memory", path);
	if (what)
		return kshim__fail(error, KSHIM_EIO, "%s: %s", path, strerror(what));
	manifest = kshim_manifest_from_text(blob.data, blob.len, path, error);
	kshim__blob_free(&blob);
	return manifest;
}

/* The texts may be Secrets. */
void kshim_manifest_free(kshim_manifest *manifest)
{
	size_t i;

	if (!manifest)
		return;
	for (i = 0; i < manifest->count; i++)
		kshim__free_secret(manifest->items[i].json, manifest->items[i].len);
	kshim__free(manifest->items);
	kshim__free(manifest);
}

size_t kshim_manifest_count(const kshim_manifest *manifest)
{
	return manifest ? manifest->count : 0;
}

const char *kshim_manifest_json(const kshim_manifest *manifest, size_t index, size_t *len)
{
	if (index >= kshim_manifest_count(manifest)) {
		if (len)
			*len = 0;
		return NULL;
	}
	if (len)
		*len = manifest->items[index].len;
	return manifest->items[index].json;
}

unsigned kshim_manifest_line(const kshim_manifest *manifest, size_t index)
{
	return index < kshim_manifest_count(manifest) ? manifest->items[index].line : 0;
}
