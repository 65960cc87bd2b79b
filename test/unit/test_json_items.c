/* The list decoder: every sample cut everywhere, against jansson. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "buf.h"
#include "json/items.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifndef TEST_DATA
#define TEST_DATA "test/data/json/"
#endif

static uint64_t random_state = 88172645463325252u;

static uint32_t rnd(uint32_t below)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (uint32_t)(random_state >> 20) % below;
}

/* What came out of one list: the items' bytes with a NUL after each. */
struct result {
	struct kshim__buf items;
	struct kshim__buf head;
	size_t count;
	size_t stop_at; /* the sink fails at this item, if not 0 */
	size_t copied;  /* items that came in two pieces */
	enum kshim__items_state state;
	bool seen;
};

static bool sink(void *user, struct kshim__span head, struct kshim__span tail, const struct kshim__members *members)
{
	struct result *result = user;
	struct kshim__members again;
	char *item = malloc(head.len + tail.len);
	size_t i;

	if (head.len)
		memcpy(item, head.at, head.len);
	memcpy(item + head.len, tail.at, tail.len);
	kshim__json_members(item, head.len + tail.len, &again);
	assert_int_equal(members->count, again.count);
	assert_int_equal(members->complete, again.complete);
	for (i = 0; i < again.count; i++)
		assert_int_equal(members->key[i], again.key[i]);
	kshim__buf_add(&result->items, item, head.len + tail.len);
	kshim__buf_addc(&result->items, '\0');
	free(item);
	result->copied += head.len != 0;
	return ++result->count != result->stop_at;
}

static void result_free(struct result *result)
{
	kshim__buf_free(&result->items);
	kshim__buf_free(&result->head);
	memset(result, 0, sizeof(*result));
}

/* Feeds `n` bytes in a block of just this size. */
static enum kshim__items_state feed(struct kshim__items *items, const char *text, size_t n)
{
	char *copy = malloc(n ? n : 1);
	enum kshim__items_state state;

	memcpy(copy, text, n);
	state = kshim__items_feed(items, copy, n);
	free(copy);
	assert_int_equal(state, kshim__items_state(items));
	assert_int_equal(state == KSHIM__ITEMS_MALFORMED, kshim__items_problem(items) != NULL);
	return state;
}

/* Decodes a text of which the first `len` bytes come: `first` of them, then
 * pieces of `piece` bytes (0: random sizes). */
static void decode(struct result *result, const char *text, size_t len, size_t first, size_t piece)
{
	struct kshim__items *items = kshim__items_new(sink, result);
	struct kshim__span head;
	size_t at = 0, n = first;

	assert_non_null(items);
	result->state = KSHIM__ITEMS_MORE;
	while (at < len) {
		if (n > len - at)
			n = len - at;
		result->state = feed(items, text + at, n);
		at += n;
		n = piece ? piece : 1 + rnd(100);
	}
	head = kshim__items_head(items);
	kshim__buf_add(&result->head, head.at, head.len);
	result->seen = kshim__items_seen(items);
	kshim__items_free(items);
}

static void expect_same(const struct result *a, const struct result *b)
{
	assert_int_equal(a->state, b->state);
	assert_int_equal(a->count, b->count);
	assert_int_equal(a->seen, b->seen);
	assert_int_equal(a->items.len, b->items.len);
	assert_int_equal(a->head.len, b->head.len);
	if (a->items.len)
		assert_memory_equal(a->items.data, b->items.data, a->items.len);
	assert_memory_equal(a->head.data, b->head.data, a->head.len);
}

static void compare_with_jansson(const struct result *result, const char *text, size_t len)
{
	json_t *tree = json_loadb(text, len, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL), *list, *item, *head;
	const char *at = result->items.data;
	size_t i;

	assert_non_null(tree);
	list = json_object_get(tree, "items");
	assert_int_equal(result->seen, list != NULL);
	assert_int_equal(result->count, json_array_size(list));
	json_array_foreach(list, i, item) {
		json_t *got = json_loads(at, JSON_ALLOW_NUL, NULL);

		assert_true(json_equal(got, item));
		json_decref(got);
		at += strlen(at) + 1;
	}
	if (list)
		json_object_set_new(tree, "items", json_array());
	head = json_loadb(result->head.data, result->head.len, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL);
	if (!head || !json_equal(head, tree))
		fail_msg("the head is %s", result->head.data);
	json_decref(head);
	json_decref(tree);
}

static void check_list(const char *text, size_t len)
{
	static const size_t pieces[] = {1, 2, 3, 7, 63, 64, 65, 1000};
	struct result whole = {0}, part = {0};
	size_t i;

	decode(&whole, text, len, len, len);
	if (whole.state != KSHIM__ITEMS_DONE)
		fail_msg("not done: %.*s", (int)len, text);
	assert_int_equal(whole.copied, 0);
	compare_with_jansson(&whole, text, len);
	for (i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
		decode(&part, text, len, pieces[i], pieces[i]);
		expect_same(&whole, &part);
		result_free(&part);
	}
	for (i = 0; i < len; i++) {
		decode(&part, text, len, i, len);
		expect_same(&whole, &part);
		result_free(&part);
	}
	for (i = 0; i < 50; i++) {
		decode(&part, text, len, rnd(100), 0);
		expect_same(&whole, &part);
		result_free(&part);
	}
	/* cut off: never done, and the head is an object at any time */
	while (len && text[len - 1] != '}')
		len--;
	for (i = 0; i < len; i++) {
		json_t *head;

		decode(&part, text, i, rnd(100), i < 2000 ? 0 : i);
		assert_int_equal(part.state, KSHIM__ITEMS_MORE);
		assert_true(part.count <= whole.count);
		if (part.head.len && (i < 2000 || i % 61 == 0)) {
			head = json_loadb(part.head.data, part.head.len, JSON_ALLOW_NUL, NULL);
			assert_non_null(head);
			json_decref(head);
		}
		result_free(&part);
	}
	result_free(&whole);
}

static const char *const lists[] = {
	"{}",
	" {\n} \r\n\t",
	"{\"items\":[]}",
	"{\"items\":null}",
	"{\"kind\":\"PodList\",\"items\" : null , \"apiVersion\":\"v1\"}",
	"{\"kind\":\"PodList\",\"apiVersion\":\"v1\",\"metadata\":{\"resourceVersion\":\"123\"},\"items\":["
	"{\"metadata\":{\"name\":\"a\"},"
	"\"spec\":{},\"status\":{\"phase\":\"Running\"}},{\"metadata\":{\"name\":\"b\"}}]}\n",
	"{\"items\":[{\"metadata\":{\"name\":\"a\"}}],\"kind\":\"PodList\",\"metadata\":{\"continue\":\"abc\","
	"\"remainingItemCount\":5},\"n\":-12.5e3,\"t\":true,\"f\":false,\"z\":null,\"a\":[1,[2,{}]]}",
	"{\"metadata\":{\"items\":[{\"x\":1}]},\"items\":[{\"items\":[{\"items\":[]}]},{}],\"data\":{\"items\":null}}",
	"{\"\\u0069tems\":[{\"a\":1}],\"kind\":\"L\"}",
	"{\"i\\u0074em\\u0073\":null,\"Items\":[1],\"item\":2,\"itemss\":3,\"items\\\\\":4,\"\":5}",
	"{\"items\":[{}]}",
	"{\"items\":[ { } , {\t\"a\"\n:\r1 } ]\n}\n",
	"{\"items\":[{\"a\":\"}]\\\"\\\\\",\"b{\":\"[\",\"\\\"c\\\"\":{\"\\\\\":\"\\\\\\\\\"}}]}",
	"{\"items\":[{\"a\":1,\"b\":2,\"c\":3,\"d\":4,\"e\":5,\"f\":6}]}",
	"{\"items\":[{\"a\":1,\"b\":2,\"c\":3,\"d\":4,\"e\":5,\"f\":6,\"g\":7},{\"a\":{},\"b\":[],\"c\":\"\","
	"\"d\":null,\"e\":false,\"f\":true,\"g\":-0,\"h\":\"x\"}]}",
	"{\"items\":[{\"n\":1.5e-7},{\"n\":true}]}",
	"{\"items\":[{\"s\":\"caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80 \\ud83d\\ude00 \\u0000\"}]}",
	"{\"items\":[{\"deep\":[[[[[[[[[[{\"a\":[{\"b\":[]}]}]]]]]]]]]]}]}",
	"{\"items\":[{\"metadata\":{\"annotations\":{\"last\":\"{\\\"a\\\":{\\\"b\\\":[\\\"c\\\\\\\\\\\"]}}\\n\"}},"
	"\"spec\":{\"long\":\"0123456789012345678901234567890123456789012345678901234567890123456789\"}}]}",
};

static void test_lists_cut_anywhere(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
		check_list(lists[i], strlen(lists[i]));
}

static void check_file(const char *path)
{
	FILE *file = fopen(path, "rb");
	char *text = malloc(1u << 20);
	size_t len;

	if (!file)
		fail_msg("cannot open %s", path);
	len = fread(text, 1, 1u << 20, file);
	fclose(file);
	check_list(text, len);
	free(text);
}

static void test_files_cut_anywhere(void **state)
{
	(void)state;
	check_file(TEST_DATA "pods.json");
	check_file(TEST_DATA "pods-pretty.json");
}

/* `\"` behind runs of backslashes, at every place in a block. */
static void test_backslash_runs(void **state)
{
	char text[400];
	size_t offset, backslashes, nested;

	(void)state;
	for (nested = 0; nested < 2; nested++) {
		for (offset = 0; offset <= 70; offset++) {
			for (backslashes = 0; backslashes <= 130; backslashes++) {
				struct result whole = {0}, part = {0};
				char *p = text;
				size_t len;

				p += sprintf(p, nested ? "{\"items\":[{\"a\":{\"k\":\"" : "{\"items\":[{\"k\":\"");
				memset(p, 'p', offset);
				p += offset;
				memset(p, '\\', backslashes);
				p += backslashes;
				if (backslashes % 2)
					p += sprintf(p, "\"]}");
				p += sprintf(p, nested ? "\"}},{}]}" : "\"},{}]}");
				len = (size_t)(p - text);
				decode(&whole, text, len, len, len);
				assert_int_equal(whole.state, KSHIM__ITEMS_DONE);
				assert_int_equal(whole.count, 2);
				decode(&part, text, len, rnd(100), 0);
				expect_same(&whole, &part);
				result_free(&whole);
				result_free(&part);
			}
		}
	}
}

static void test_malformed_lists(void **state)
{
	static const struct {
		const char *text;
		int byte; /* where it is seen */
	} table[] = {
		{"<html><body>Bad gateway", 0},
		{"[]", 0},
		{"null", 0},
		{"\"items\"", 0},
		{" x", 1},
		{"\xef\xbb\xbf{}", 0},
		{"{\"a\"}", 4},
		{"{\"a\":}", 5},
		{"{\"a\":1,}", 7},
		{"{,}", 1},
		{"{a:1}", 1},
		{"{\"a\":1 2}", 7},
		{"{\"a\":x}", 5},
		{"{\"a\":tru}", 8},
		{"{\"a\":1e}", 7},
		{"{\"a\":01}", 7},
		{"{\"a\":nulll}", 10},
		{"{\"items\":{}}", 9},
		{"{\"items\":\"x\"}", 9},
		{"{\"items\":1}", 9},
		{"{\"items\":nil}", 10},
		{"{\"items\":nullx}", 13},
		{"{\"items\":[1]}", 10},
		{"{\"items\":[null]}", 10},
		{"{\"items\":[[]]}", 10},
		{"{\"items\":[\"a\"]}", 10},
		{"{\"items\":[{},]}", 13},
		{"{\"items\":[{},null]}", 13},
		{"{\"items\":[{} {}]}", 13},
		{"{\"items\":[{}}", 12},
		{"{\"items\":[{]}", 11},
		{"{\"items\":[{\"a\"}]}", 14},
		{"{\"items\":[{\"a\":}]}", 15},
		{"{\"items\":[{\"a\":1,}]}", 17},
		{"{\"items\":[{\"a\":1]}", 16},
		{"{\"items\":[{1}]}", 11},
		{"{\"items\":[{\"a\":nul}]}", 18},
		{"{\"items\":[{\"a\":1.,\"b\":2}]}", 17},
		{"{\"items\":[{\"a\":-]}", 16},
		{"{\"items\":[],\"items\":[]}", 19},
		{"{\"items\":null,\"\\u0069tems\":[]}", 26},
		{"{\"items\":[]]", 11},
		{"{} x", 3},
		{"{}{}", 2},
		{"{}\0", 2},
		{"{\"items\":[]}\n}", 13},
	};
	size_t i, piece;

	(void)state;
	for (i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		/* one NUL more, for the row that ends with one */
		size_t len = strlen(table[i].text) + (strcmp(table[i].text, "{}") == 0);

		for (piece = 1; piece <= len; piece++) {
			struct result result = {0};
			struct kshim__items *items = kshim__items_new(sink, &result);
			char want[64];
			size_t at;

			for (at = 0; at < len; at += piece)
				feed(items, table[i].text + at, piece < len - at ? piece : len - at);
			snprintf(want, sizeof(want), "byte %d of the list ", table[i].byte);
			if (kshim__items_state(items) != KSHIM__ITEMS_MALFORMED)
				fail_msg("taken: %s", table[i].text);
			if (strncmp(kshim__items_problem(items), want, strlen(want)) != 0)
				fail_msg("%s: %s", table[i].text, kshim__items_problem(items));
			/* nothing more is accepted */
			assert_int_equal(feed(items, "{}", 2), KSHIM__ITEMS_MALFORMED);
			kshim__items_free(items);
			result_free(&result);
		}
	}
}

static void test_problem_reads_well(void **state)
{
	struct result result = {0};
	struct kshim__items *items = kshim__items_new(sink, &result);

	(void)state;
	assert_null(kshim__items_problem(items));
	feed(items, "<html>", 6);
	assert_string_equal(kshim__items_problem(items), "byte 0 of the list is '<' where the list's '{' should be");
	kshim__items_free(items);
	items = kshim__items_new(sink, &result);
	feed(items, "{\"a\":\x01", 6);
	assert_string_equal(kshim__items_problem(items), "byte 5 of the list is 0x01 where a value should be");
	kshim__items_free(items);
}

static void test_sink_stops_the_decoder(void **state)
{
	struct result result = {.stop_at = 2};
	struct kshim__items *items = kshim__items_new(sink, &result);

	(void)state;
	assert_int_equal(feed(items, "{\"items\":[{},{},{}]}", 20), KSHIM__ITEMS_NOMEM);
	assert_int_equal(result.count, 2);
	assert_int_equal(feed(items, "{}", 2), KSHIM__ITEMS_NOMEM);
	assert_int_equal(result.count, 2);
	assert_null(kshim__items_problem(items));
	kshim__items_free(items);
	kshim__items_free(NULL);
	result_free(&result);
}

static void test_head_is_there_early(void **state)
{
	static const char text[] = "{\"kind\":\"PodList\",\"metadata\":{\"resourceVersion\":\"7\"},\"items\":[{}";
	struct result result = {0};
	struct kshim__items *items = kshim__items_new(sink, &result);
	struct kshim__span head, version;

	(void)state;
	assert_int_equal(kshim__items_head(items).len, 0);
	feed(items, text, sizeof(text) - 1);
	head = kshim__items_head(items);
	assert_true(kshim__json_pointer(head.at, head.len, NULL, "/metadata/resourceVersion", &version));
	assert_true(kshim__json_equals(version, "7"));
	assert_true(kshim__items_seen(items));
	kshim__items_free(items);
	result_free(&result);
}

/* Feeds `count` times the same chunk. */
static enum kshim__items_state feed_many(struct kshim__items *items, char c, size_t total)
{
	enum kshim__items_state state = KSHIM__ITEMS_MORE;
	static char chunk[65536];

	memset(chunk, c, sizeof(chunk));
	for (; total && state == KSHIM__ITEMS_MORE; total -= total < sizeof(chunk) ? total : sizeof(chunk))
		state = kshim__items_feed(items, chunk, total < sizeof(chunk) ? total : sizeof(chunk));
	return state;
}

static bool count_sink(void *user, struct kshim__span head, struct kshim__span tail,
		       const struct kshim__members *members)
{
	size_t *total = user;

	(void)members;
	*total += head.len + tail.len;
	return true;
}

static void test_sizes_are_bounded(void **state)
{
	static const char start[] = "{\"items\":[{\"a\":\"";
	struct kshim__items *items;
	size_t total = 0, over;

	(void)state;
	for (over = 0; over < 2; over++) {
		items = kshim__items_new(count_sink, &total);
		feed(items, start, sizeof(start) - 1);
		/* {"a":"…"} is eight bytes more */
		assert_int_equal(feed_many(items, 'x', KSHIM__ITEM_MAX - 8 + over), KSHIM__ITEMS_MORE);
		assert_int_equal(feed(items, "\"}", 2), over ? KSHIM__ITEMS_MALFORMED : KSHIM__ITEMS_MORE);
		if (!over)
			assert_int_equal(feed(items, ",{}]}", 5), KSHIM__ITEMS_DONE);
		else
			assert_non_null(strstr(kshim__items_problem(items), "larger than 64 MiB"));
		kshim__items_free(items);
	}
	assert_int_equal(total, KSHIM__ITEM_MAX + 2);

	items = kshim__items_new(count_sink, &total);
	feed(items, start, sizeof(start) - 1);
	assert_int_equal(feed_many(items, 'x', KSHIM__ITEM_MAX * (size_t)2), KSHIM__ITEMS_MALFORMED);
	kshim__items_free(items);

	items = kshim__items_new(count_sink, &total);
	feed(items, "{\"a\":\"", 6);
	assert_int_equal(feed_many(items, 'x', KSHIM__HEAD_MAX - 100), KSHIM__ITEMS_MORE);
	assert_int_equal(feed_many(items, 'x', 200), KSHIM__ITEMS_MALFORMED);
	kshim__items_free(items);

	/* white space between is free */
	items = kshim__items_new(count_sink, &total);
	feed(items, "{\"a\":1", 6);
	assert_int_equal(feed_many(items, '\n', KSHIM__HEAD_MAX * (size_t)3), KSHIM__ITEMS_MORE);
	assert_int_equal(feed(items, "}", 1), KSHIM__ITEMS_DONE);
	kshim__items_free(items);
}

static void test_depth_is_bounded(void **state)
{
	size_t depth;

	(void)state;
	for (depth = KSHIM__JSON_DEPTH - 1; depth < KSHIM__JSON_DEPTH + 2; depth++) {
		struct result result = {0};
		char *text = malloc(2 * depth + 64), *p = text;
		size_t len, piece;

		p += sprintf(p, "{\"items\":[{\"a\":");
		memset(p, '[', depth);
		memset(p + depth, ']', depth);
		p += 2 * depth;
		p += sprintf(p, "}]}");
		len = (size_t)(p - text);
		for (piece = 0; piece < 2; piece++) {
			decode(&result, text, len, len, piece ? 1 : len);
			assert_int_equal(result.state,
					 depth <= KSHIM__JSON_DEPTH ? KSHIM__ITEMS_DONE : KSHIM__ITEMS_MALFORMED);
			result_free(&result);
		}
		free(text);
	}
}

/* Lists damaged at one byte: any answer, but the same for every cut. */
static void test_damage_is_seen_alike(void **state)
{
	static const char alphabet[] = "{}[]\",:\\ x1n\n";
	int round;

	(void)state;
	for (round = 0; round < 40000; round++) {
		struct result whole = {0}, part = {0};
		const char *list = lists[rnd(sizeof(lists) / sizeof(lists[0]))];
		size_t len = strlen(list), damages = 1 + rnd(3);
		char text[600];

		memcpy(text, list, len);
		while (damages--)
			text[rnd((uint32_t)len)] = alphabet[rnd(sizeof(alphabet) - 1)];
		decode(&whole, text, len, len, len);
		decode(&part, text, len, rnd(60), 0);
		expect_same(&whole, &part);
		result_free(&whole);
		result_free(&part);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lists_cut_anywhere),
		cmocka_unit_test(test_files_cut_anywhere),
		cmocka_unit_test(test_backslash_runs),
		cmocka_unit_test(test_malformed_lists),
		cmocka_unit_test(test_problem_reads_well),
		cmocka_unit_test(test_sink_stops_the_decoder),
		cmocka_unit_test(test_head_is_there_early),
		cmocka_unit_test(test_sizes_are_bounded),
		cmocka_unit_test(test_depth_is_bounded),
		cmocka_unit_test(test_damage_is_seen_alike),
	};

	if (getenv("KSHIM_TEST_SEED"))
		random_state = strtoull(getenv("KSHIM_TEST_SEED"), NULL, 0) | 1;
	else
		random_state ^= (uint64_t)getpid() << 32;
	print_message("KSHIM_TEST_SEED=%llu\n", (unsigned long long)random_state);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
