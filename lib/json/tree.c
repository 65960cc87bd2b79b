#include "json/tree.h"

#include "alloc.h"
#include "buf.h"
#include "json/valid.h"
#include "json/walk.h"

#include <openssl/crypto.h>
#include <string.h>

struct building {
	const char *json; /* valid */
	size_t at, len;
	bool unique;
	bool bad; /* else what failed is memory */
};

static json_t *build(struct building *building);

/* Values may be shared by aliases, hence wiped twice, which does no harm. */
void kshim__json_cleanse(json_t *tree)
{
	const char *key;
	json_t *member;
	size_t i;

	if (json_is_string(tree))
		OPENSSL_cleanse((char *)json_string_value(tree), json_string_length(tree));
	json_array_foreach(tree, i, member)
		kshim__json_cleanse(member);
	json_object_foreach(tree, key, member)
		kshim__json_cleanse(member);
}

void kshim__json_drop_secret(json_t *tree)
{
	kshim__json_cleanse(tree);
	json_decref(tree);
}

static int added(int rc, json_t *value)
{
	if (rc < 0)
		kshim__json_drop_secret(value);
	else
		json_decref(value);
	return rc;
}

int kshim__json_tree_append(json_t *array, json_t *value)
{
	return added(json_array_append(array, value), value);
}

int kshim__json_tree_put(json_t *object, const char *key, json_t *value)
{
	return added(json_object_set(object, key, value), value);
}

static json_t *build_string(struct building *building, struct kshim__span text)
{
	json_t *string;
	size_t len = 0;
	bool bad;
	char *s;

	if (!memchr(text.at, '\\', text.len))
		return json_stringn_nocheck(text.at + 1, text.len - 2);
	s = kshim__json_string(text, &len, &bad);
	building->bad = building->bad || (!s && bad);
	string = s ? json_stringn_nocheck(s, len) : NULL;
	kshim__free_secret(s, len);
	return string;
}

static json_t *build_number(struct building *building, struct kshim__span text)
{
	bool is_integer = !memchr(text.at, '.', text.len) && !memchr(text.at, 'e', text.len) &&
			  !memchr(text.at, 'E', text.len);
	int64_t integer;
	double real;

	if (is_integer && kshim__json_int(text, &integer))
		return json_integer(integer);
	if (!is_integer && kshim__json_double(text, &real))
		return json_real(real);
	building->bad = true;
	return NULL;
}

static json_t *build_array(struct building *building)
{
	json_t *array = json_array();
	bool first = true;

	for (building->at++; array && kshim__walk_next(building->json, &building->at, building->len, first, ']');
	     first = false) {
		if (kshim__json_tree_append(array, build(building)) < 0) {
			kshim__json_drop_secret(array);
			return NULL;
		}
	}
	building->at++;
	return array;
}

/* New, to kshim__free(). */
static char *key_at(struct building *building)
{
	struct kshim__walk_key key;
	struct kshim__span text;
	size_t len = 0;
	bool bad = true;
	char *name = NULL;

	if (kshim__walk_key(building->json, &building->at, building->len, &key)) {
		text.at = building->json + key.at - 1;
		text.len = key.len + 2;
		name = kshim__json_string(text, &len, &bad);
	}
	if (name && strlen(name) != len) {
		kshim__free(name);
		name = NULL;
		bad = true;
	}
	building->bad = building->bad || (!name && bad);
	return name;
}

static json_t *build_object(struct building *building)
{
	json_t *object = json_object();
	bool first = true, ok = true;

	for (building->at++; object && ok && kshim__walk_next(building->json, &building->at, building->len, first, '}');
	     first = false) {
		char *key = key_at(building);

		if (key && building->unique && json_object_get(object, key))
			building->bad = true;
		ok = key && !building->bad && kshim__json_tree_put(object, key, build(building)) == 0;
		kshim__free(key);
	}
	building->at++;
	if (!ok) {
		kshim__json_drop_secret(object);
		return NULL;
	}
	return object;
}

/* From a value's first byte to behind its last, unless it fails. */
static json_t *build(struct building *building)
{
	struct kshim__span text = {building->json + building->at, building->at};

	if (*text.at == '{')
		return build_object(building);
	if (*text.at == '[')
		return build_array(building);
	if (!kshim__walk_value(building->json, &building->at, building->len)) {
		building->bad = true;
		return NULL;
	}
	text.len = building->at - text.len;
	switch (*text.at) {
	case '"':
		return build_string(building, text);
	case 't':
		return json_true();
	case 'f':
		return json_false();
	case 'n':
		return json_null();
	default:
		return build_number(building, text);
	}
}

json_t *kshim__json_tree_parse(const char *text, size_t len, bool unique, bool *no_memory)
{
	struct building building = {.json = text, .len = len, .unique = unique};
	json_t *tree = NULL;
	size_t wrong;

	if (kshim__json_valid(text, len, &wrong)) {
		building.at = kshim__walk_space(text, 0, len);
		tree = build(&building);
	} else {
		building.bad = true;
	}
	if (no_memory)
		*no_memory = !tree && !building.bad;
	return tree;
}

static int add_text(const char *text, size_t len, void *buf)
{
	return kshim__buf_add(buf, text, len) ? 0 : -1;
}

char *kshim__json_tree_text(const json_t *tree, size_t *len)
{
	struct kshim__buf buf;

	kshim__buf_init(&buf);
	if (!tree || json_dump_callback(tree, add_text, &buf, JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(17)) < 0) {
		kshim__buf_free(&buf);
		return NULL;
	}
	return kshim__buf_take(&buf, len);
}
