/*
 * Fuzzes lib/json: the scanner and the list decoder on any bytes in any cuts,
 * against jansson where jansson accepts them.
 *
 *   clang -fsanitize=fuzzer,address,undefined …   fuzzes
 *   cc -DKSHIM_FUZZ_REPLAY …                      replays the files in its arguments
 *
 * An input's first four bytes seed the cuts; its first line thereafter is a
 * pointer when it begins with '/'; the rest is the text.
 */
#include "alloc.h"
#include "buf.h"
#include "json/items.h"
#include "json/patch.h"
#include "json/scan.h"
#include "json/skip.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CHECK(condition)                                                                   \
	do {                                                                               \
		if (!(condition)) {                                                        \
			fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition); \
			abort();                                                           \
		}                                                                          \
	} while (0)

static char *exact(const char *s, size_t len)
{
	char *copy = malloc(len ? len : 1);

	CHECK(copy);
	if (len)
		memcpy(copy, s, len);
	return copy;
}

/* How deep brackets could go, read generously. */
static bool could_be_deep(const char *text, size_t len)
{
	size_t i, opens = 0;

	for (i = 0; i < len; i++)
		opens += text[i] == '{' || text[i] == '[';
	return opens >= KSHIM__JSON_DEPTH;
}

/* jansson's tree of a text that both can judge: not deeper than we go, and
 * without NUL bytes, which jansson 2.14 overlooks behind a literal. */
static json_t *parse(const char *text, size_t len, size_t flags)
{
	if (could_be_deep(text, len) || memchr(text, '\0', len))
		return NULL;
	return json_loadb(text, len, flags | JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL);
}

static void compare_string(struct kshim__span value, const json_t *tree)
{
	bool not_string;
	size_t len;
	char *s = kshim__json_string(value, &len, &not_string);

	CHECK(s && !not_string);
	CHECK(len == json_string_length(tree) && memcmp(s, json_string_value(tree), len) == 0);
	CHECK(kshim__json_equals(value, s) == (strlen(s) == len));
	kshim__free(s);
}

static void compare_key(struct kshim__span key, const char *want)
{
	struct kshim__span quoted = {key.at - 1, key.len + 2};

	CHECK(kshim__json_equals(quoted, want));
}

static void compare_value(struct kshim__span value, const json_t *tree)
{
	struct kshim__span key, inner;
	size_t cursor = 0, i;
	const char *name;
	json_t *child;
	int64_t integer;
	double real;
	bool truth;

	CHECK(kshim__json_is_string(value) == json_is_string(tree));
	CHECK(kshim__json_bool(value, &truth) == json_is_boolean(tree));
	CHECK(kshim__json_int(value, &integer) == json_is_integer(tree));
	CHECK(kshim__json_double(value, &real) == json_is_number(tree));
	if (json_is_string(tree))
		compare_string(value, tree);
	if (json_is_boolean(tree))
		CHECK(truth == json_is_true(tree));
	if (json_is_integer(tree))
		CHECK(integer == json_integer_value(tree));
	if (json_is_real(tree))
		CHECK(memcmp(&real, &(double){json_real_value(tree)}, sizeof(real)) == 0);
	json_object_foreach((json_t *)tree, name, child) {
		CHECK(kshim__json_next(value, &cursor, &key, &inner));
		compare_key(key, name);
		compare_value(inner, child);
	}
	json_array_foreach(tree, i, child) {
		CHECK(kshim__json_next(value, &cursor, &key, &inner));
		compare_value(inner, child);
	}
	CHECK(!kshim__json_next(value, &cursor, &key, &inner));
}

static void fuzz_pointer(const char *text, size_t len, const char *pointer, json_t *tree)
{
	struct kshim__members members;
	struct kshim__span value, again;
	bool found = kshim__json_pointer(text, len, NULL, pointer, &value);
	json_t *want = tree ? kshim__json_tree_get(tree, pointer) : NULL;

	kshim__json_members(text, len, &members);
	if (found) {
		CHECK(value.at >= text && value.len <= len && value.at + value.len <= text + len);
		CHECK(kshim__json_pointer(text, len, &members, pointer, &again));
		CHECK(again.at == value.at && again.len == value.len);
	}
	if (!tree)
		return;
	CHECK(found == (want != NULL));
	if (want)
		compare_value(value, want);
}

static void fuzz_scan(const char *text, size_t len, const char *pointer)
{
	json_t *tree = parse(text, len, JSON_DECODE_ANY);
	struct kshim__span value, key, whole = {text, len};
	size_t cursor = 0, steps = 0;
	bool not_string, ok;

	ok = kshim__json_value(text, len, &value);
	CHECK(ok || !tree);
	if (ok)
		CHECK(value.at >= text && value.at + value.len <= text + len);
	if (tree)
		compare_value(value, tree);
	fuzz_pointer(text, len, pointer, tree);
	while (kshim__json_next(whole, &cursor, &key, &value))
		CHECK(++steps <= len);
	kshim__free(kshim__json_string(whole, NULL, &not_string));
	json_decref(tree);
}

/* All ways, cut anywhere, end at the same byte. */
static void fuzz_skip(const char *text, size_t len, unsigned int seed)
{
	struct kshim__skip_way ways[KSHIM__SKIP_WAYS];
	struct kshim__skip first, skip;
	size_t end = 0, at, n, i;
	char *copy;

	kshim__skip_ways(ways);
	for (i = 0; ways[i].run; i++) {
		kshim__skip_begin(&skip);
		for (at = 0; at < len && skip.depth && skip.depth <= KSHIM__JSON_DEPTH;) {
			n = i ? 1 + (size_t)rand_r(&seed) % 150 : len;
			if (n > len - at)
				n = len - at;
			copy = exact(text + at, n);
			at += ways[i].run(&skip, copy, n);
			free(copy);
		}
		if (i == 0) {
			first = skip;
			end = at;
		}
		CHECK(at == end && skip.depth == first.depth);
	}
}

struct list {
	struct kshim__buf items;
	struct kshim__buf head;
	size_t count;
	enum kshim__items_state state;
	bool seen;
};

static bool sink(void *user, struct kshim__span head, struct kshim__span tail, const struct kshim__members *members)
{
	struct list *list = user;
	struct kshim__members again;
	size_t from = list->items.len;

	CHECK(kshim__buf_add(&list->items, head.at, head.len));
	CHECK(kshim__buf_add(&list->items, tail.at, tail.len));
	CHECK(kshim__buf_addc(&list->items, '\n'));
	list->count++;
	if (could_be_deep(list->items.data + from, list->items.len - from))
		return true;
	kshim__json_members(list->items.data + from, list->items.len - from, &again);
	CHECK(members->count == again.count && members->complete == again.complete);
	CHECK(memcmp(members->key, again.key, again.count * sizeof(again.key[0])) == 0);
	return true;
}

static void decode(struct list *list, const char *text, size_t len, unsigned int *seed)
{
	struct kshim__items *items = kshim__items_new(sink, list);
	struct kshim__span head;
	size_t at, n;
	char *copy;

	memset(list, 0, sizeof(*list));
	CHECK(items);
	for (at = 0; at < len; at += n) {
		n = seed ? 1 + (size_t)rand_r(seed) % (rand_r(seed) % 4 ? 20 : 200) : len;
		if (n > len - at)
			n = len - at;
		copy = exact(text + at, n);
		kshim__items_feed(items, copy, n);
		free(copy);
	}
	list->state = kshim__items_state(items);
	list->seen = kshim__items_seen(items);
	CHECK((list->state == KSHIM__ITEMS_MALFORMED) == (kshim__items_problem(items) != NULL));
	head = kshim__items_head(items);
	CHECK(kshim__buf_add(&list->head, head.at, head.len));
	kshim__items_free(items);
}

static bool is_list(const json_t *tree)
{
	json_t *items = json_object_get(tree, "items"), *item;
	size_t i;

	if (items && !json_is_array(items) && !json_is_null(items))
		return false;
	json_array_foreach(items, i, item) {
		if (!json_is_object(item))
			return false;
	}
	return json_is_object(tree);
}

static void compare_list(const struct list *list, json_t *tree)
{
	json_t *items = json_object_get(tree, "items"), *item;
	const char *at = list->items.data;
	size_t left = list->items.len, i;
	struct kshim__span value;

	CHECK(list->state == KSHIM__ITEMS_DONE);
	CHECK(list->seen == (items != NULL));
	CHECK(list->count == json_array_size(items));
	json_array_foreach(items, i, item) {
		CHECK(kshim__json_value(at, left, &value));
		compare_value(value, item);
		left -= (size_t)(value.at + value.len - at) + 1;
		at = value.at + value.len + 1;
	}
	if (items)
		json_object_set_new(tree, "items", json_array());
	CHECK(kshim__json_value(list->head.data, list->head.len, &value));
	compare_value(value, tree);
}

static void fuzz_items(const char *text, size_t len, unsigned int seed)
{
	json_t *tree = parse(text, len, 0);
	struct list whole, cut;

	decode(&whole, text, len, NULL);
	decode(&cut, text, len, &seed);
	CHECK(whole.state == cut.state && whole.count == cut.count && whole.seen == cut.seen);
	CHECK(whole.items.len == cut.items.len && whole.head.len == cut.head.len);
	if (whole.items.len)
		CHECK(memcmp(whole.items.data, cut.items.data, cut.items.len) == 0);
	CHECK(memcmp(whole.head.data, cut.head.data, cut.head.len) == 0);
	if (is_list(tree))
		compare_list(&whole, tree);
	else if (tree)
		CHECK(whole.state == KSHIM__ITEMS_MALFORMED);
	json_decref(tree);
	kshim__buf_free(&whole.items);
	kshim__buf_free(&whole.head);
	kshim__buf_free(&cut.items);
	kshim__buf_free(&cut.head);
}

/* From one element to the other, when the text is an array of two. */
static void fuzz_patch(const char *text, size_t len, const char *pointer)
{
	json_t *tree = parse(text, len, 0);
	json_t *before = json_array_get(tree, 0), *after = json_array_get(tree, 1), *patch, *result, *second;

	if (before && after) {
		patch = kshim__json_merge_diff(before, after);
		result = patch ? kshim__json_merge_apply(before, patch) : NULL;
		CHECK(result);
		/* with nulls, `after` itself may not be reached; but what is reached stays */
		second = kshim__json_merge_diff(result, after);
		CHECK(second && (!json_is_object(before) || !json_is_object(after) || json_object_size(second) == 0));
		json_decref(second);
		json_decref(result);
		json_decref(patch);
	}
	if (tree && kshim__json_tree_set(tree, pointer, json_integer(42)) == 0) {
		if (pointer[strlen(pointer) - 1] != '-')
			CHECK(json_integer_value(kshim__json_tree_get(tree, pointer)) == 42 || strstr(pointer, "/-"));
		CHECK(kshim__json_tree_remove(tree, pointer) == 0);
	}
	json_decref(tree);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text, *pointer = NULL, *line;
	unsigned int seed;

	if (size < sizeof(seed))
		return 0;
	memcpy(&seed, data, sizeof(seed));
	data += sizeof(seed);
	size -= sizeof(seed);
	line = size && *data == '/' ? memchr(data, '\n', size) : NULL;
	if (line) {
		size_t len = (size_t)(line - (const char *)data);

		pointer = kshim__memdup((const char *)data, len);
		data += len + 1;
		size -= len + 1;
	}
	text = exact((const char *)data, size);
	fuzz_scan(text, size, pointer ? pointer : "/items/0/metadata/name");
	fuzz_skip(text, size, seed);
	fuzz_items(text, size, seed);
	fuzz_patch(text, size, pointer ? pointer : "/0/metadata/labels/a~1b");
	free(text);
	kshim__free(pointer);
	return 0;
}

#ifdef KSHIM_FUZZ_REPLAY
int main(int argc, char **argv)
{
	int i;

	for (i = 1; i < argc; i++) {
		FILE *file = fopen(argv[i], "rb");
		struct kshim__buf buf;
		char chunk[4096];
		size_t n;

		if (!file) {
			perror(argv[i]);
			return 1;
		}
		kshim__buf_init(&buf);
		while ((n = fread(chunk, 1, sizeof(chunk), file)) > 0)
			kshim__buf_add(&buf, chunk, n);
		fclose(file);
		LLVMFuzzerTestOneInput((const uint8_t *)buf.data, buf.len);
		kshim__buf_free(&buf);
	}
	return 0;
}
#endif
