/* Merge patches and pointers in trees. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "json/patch.h"
#include "json/scan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static uint64_t random_state = 88172645463325252u;

static uint32_t rnd(uint32_t below)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (uint32_t)(random_state >> 20) % below;
}

static json_t *parse(const char *text)
{
	json_t *tree = json_loads(text, JSON_DECODE_ANY, NULL);

	if (!tree)
		fail_msg("no JSON: %s", text);
	return tree;
}

/* Takes the tree's reference. */
static void expect_tree(json_t *tree, const char *want_text)
{
	json_t *want = parse(want_text);

	if (!json_equal(tree, want)) {
		char *got = json_dumps(tree, JSON_ENCODE_ANY | JSON_COMPACT);

		fail_msg("%s instead of %s", got ? got : "nothing", want_text);
	}
	json_decref(want);
	json_decref(tree);
}

/* RFC 7386, appendix A: original, patch, result. */
static const char *const rfc7386[][3] = {
	{"{\"a\":\"b\"}", "{\"a\":\"c\"}", "{\"a\":\"c\"}"},
	{"{\"a\":\"b\"}", "{\"b\":\"c\"}", "{\"a\":\"b\",\"b\":\"c\"}"},
	{"{\"a\":\"b\"}", "{\"a\":null}", "{}"},
	{"{\"a\":\"b\",\"b\":\"c\"}", "{\"a\":null}", "{\"b\":\"c\"}"},
	{"{\"a\":[\"b\"]}", "{\"a\":\"c\"}", "{\"a\":\"c\"}"},
	{"{\"a\":\"c\"}", "{\"a\":[\"b\"]}", "{\"a\":[\"b\"]}"},
	{"{\"a\":{\"b\":\"c\"}}", "{\"a\":{\"b\":\"d\",\"c\":null}}", "{\"a\":{\"b\":\"d\"}}"},
	{"{\"a\":[{\"b\":\"c\"}]}", "{\"a\":[1]}", "{\"a\":[1]}"},
	{"[\"a\",\"b\"]", "[\"c\",\"d\"]", "[\"c\",\"d\"]"},
	{"{\"a\":\"b\"}", "[\"c\"]", "[\"c\"]"},
	{"{\"a\":\"foo\"}", "null", "null"},
	{"{\"a\":\"foo\"}", "\"bar\"", "\"bar\""},
	{"{\"e\":null}", "{\"a\":1}", "{\"e\":null,\"a\":1}"},
	{"[1,2]", "{\"a\":\"b\",\"c\":null}", "{\"a\":\"b\"}"},
	{"{}", "{\"a\":{\"bb\":{\"ccc\":null}}}", "{\"a\":{\"bb\":{}}}"},
};

static void test_apply_as_rfc7386(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rfc7386) / sizeof(rfc7386[0]); i++) {
		json_t *target = parse(rfc7386[i][0]), *patch = parse(rfc7386[i][1]);

		expect_tree(kshim__json_merge_apply(target, patch), rfc7386[i][2]);
		expect_tree(target, rfc7386[i][0]);
		expect_tree(patch, rfc7386[i][1]);
	}
	assert_null(kshim__json_merge_apply(NULL, NULL));
}

static void check_round_trip(json_t *before, json_t *after)
{
	json_t *patch = kshim__json_merge_diff(before, after), *result;
	char *text;

	assert_non_null(patch);
	result = kshim__json_merge_apply(before, patch);
	if (!json_equal(result, after)) {
		text = json_dumps(patch, JSON_ENCODE_ANY);
		fail_msg("the patch does not lead there: %s", text);
	}
	if (json_is_object(before) && json_equal(before, after))
		assert_int_equal(json_object_size(patch), 0);
	json_decref(patch);
	json_decref(result);
}

static void test_diff_leads_where_rfc7386_does(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rfc7386) / sizeof(rfc7386[0]); i++) {
		json_t *before = parse(rfc7386[i][0]), *after = parse(rfc7386[i][2]);

		if (!strstr(rfc7386[i][2], "null")) {
			check_round_trip(before, after);
			check_round_trip(after, after);
		}
		json_decref(before);
		json_decref(after);
	}
}

static void test_diff_is_small(void **state)
{
	static const char *const table[][3] = {
		{"{\"a\":1,\"b\":{\"c\":2,\"d\":3}}", "{\"a\":1,\"b\":{\"c\":2,\"d\":4}}", "{\"b\":{\"d\":4}}"},
		{"{\"a\":1,\"b\":2}", "{\"a\":1}", "{\"b\":null}"},
		{"{\"a\":[1,2,3]}", "{\"a\":[1,2]}", "{\"a\":[1,2]}"},
		{"{\"a\":{\"b\":1}}", "{\"a\":{}}", "{\"a\":{\"b\":null}}"},
		{"{\"a\":{\"b\":1}}", "{}", "{\"a\":null}"},
		{"{}", "{\"a\":{}}", "{\"a\":{}}"},
		{"{\"b\":2,\"a\":1}", "{\"a\":1,\"b\":2}", "{}"},
		/* null counts as absent */
		{"{\"a\":1}", "{\"a\":null}", "{\"a\":null}"},
		{"{}", "{\"a\":null}", "{}"},
		{"{\"a\":null}", "{}", "{}"},
		{"{\"a\":{\"b\":1}}", "{\"a\":{\"b\":1,\"c\":null}}", "{}"},
		{"{}", "{\"a\":{\"b\":null,\"c\":1}}", "{\"a\":{\"c\":1}}"},
		{"{\"a\":1}", "{\"a\":{\"b\":null}}", "{\"a\":{}}"},
		/* but a list is sent as it is */
		{"{}", "{\"a\":[{\"b\":null}]}", "{\"a\":[{\"b\":null}]}"},
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		json_t *before = parse(table[i][0]), *after = parse(table[i][1]);

		expect_tree(kshim__json_merge_diff(before, after), table[i][2]);
		expect_tree(before, table[i][0]);
		expect_tree(after, table[i][1]);
	}
}

static json_t *random_tree(int depth)
{
	uint32_t kind = rnd(depth > 0 ? 6 : 3), i;
	json_t *tree;
	char key[2] = "a";

	if (kind == 0)
		return json_integer(rnd(3));
	if (kind == 1)
		return json_string(rnd(2) ? "x" : "\xc3\xa9");
	if (kind == 2)
		return json_boolean(rnd(2));
	tree = kind < 5 ? json_object() : json_array();
	for (i = rnd(5); i > 0; i--) {
		key[0] = (char)('a' + rnd(4));
		if (kind < 5)
			json_object_set_new(tree, key, random_tree(depth - 1));
		else
			json_array_append_new(tree, random_tree(depth - 1));
	}
	return tree;
}

static void test_random_trees_round_trip(void **state)
{
	int round;

	(void)state;
	for (round = 0; round < 20000; round++) {
		json_t *before = random_tree(5), *after = random_tree(5), *copy;

		check_round_trip(before, after);
		copy = json_deep_copy(before);
		check_round_trip(before, copy);
		json_object_set_new(copy, "b", random_tree(3));
		check_round_trip(before, copy);
		json_decref(before);
		json_decref(after);
		json_decref(copy);
	}
}

static void test_trees_too_deep_are_refused(void **state)
{
	json_t *deep = json_object(), *at = deep;
	int i;

	(void)state;
	for (i = 0; i < KSHIM__JSON_DEPTH + 10; i++) {
		json_t *inner = i % 2 ? json_object() : json_array();

		if (json_is_object(at))
			json_object_set_new(at, "a", inner);
		else
			json_array_append_new(at, inner);
		at = inner;
	}
	at = json_object();
	assert_null(kshim__json_merge_diff(at, deep));
	assert_null(kshim__json_merge_diff(deep, at));
	assert_null(kshim__json_merge_apply(at, deep));
	assert_null(kshim__json_merge_apply(deep, at));
	json_decref(at);
	json_decref(deep);
}

static void test_tree_get(void **state)
{
	static const char *const nothing[] = {"/foo/2", "/foo/-", "/foo/00", "/foo/01", "x", "/m~n", "/m~2", "/foo/0/0",
					      "/nosuch/a", "/foo/99999999999999999999", "//"};
	json_t *tree = parse("{\"foo\":[\"bar\",\"baz\"],\"\":0,\"a/b\":1,\"m~n\":8,\"~1\":9,\"o\":{\"\":{\"p\":7}}}");
	size_t i;

	(void)state;
	assert_ptr_equal(kshim__json_tree_get(tree, ""), tree);
	assert_string_equal(json_string_value(kshim__json_tree_get(tree, "/foo/1")), "baz");
	assert_true(json_is_integer(kshim__json_tree_get(tree, "/")));
	assert_int_equal(json_integer_value(kshim__json_tree_get(tree, "/a~1b")), 1);
	assert_int_equal(json_integer_value(kshim__json_tree_get(tree, "/m~0n")), 8);
	assert_int_equal(json_integer_value(kshim__json_tree_get(tree, "/~01")), 9);
	assert_int_equal(json_integer_value(kshim__json_tree_get(tree, "/o//p")), 7);
	for (i = 0; i < sizeof(nothing) / sizeof(nothing[0]); i++)
		assert_null(kshim__json_tree_get(tree, nothing[i]));
	assert_null(kshim__json_tree_get(NULL, "/a"));
	json_decref(tree);
}

static void check_set(const char *before, const char *pointer, const char *after)
{
	json_t *tree = parse(before), *value = json_integer(1);
	int rc = kshim__json_tree_set(tree, pointer, json_incref(value));

	if ((rc == 0) != (after != NULL))
		fail_msg("set %s in %s: %d", pointer, before, rc);
	expect_tree(tree, after ? after : before);
	assert_int_equal(value->refcount, 1);
	json_decref(value);
}

static void test_tree_set(void **state)
{
	(void)state;
	check_set("{}", "/a", "{\"a\":1}");
	check_set("{\"a\":2}", "/a", "{\"a\":1}");
	check_set("{}", "/a/b/c", "{\"a\":{\"b\":{\"c\":1}}}");
	check_set("{\"a\":{\"x\":2}}", "/a/b~1c/~0", "{\"a\":{\"x\":2,\"b/c\":{\"~\":1}}}");
	check_set("{\"a\":null}", "/a/b", "{\"a\":{\"b\":1}}");
	check_set("{\"a\":[5,6]}", "/a/0", "{\"a\":[1,6]}");
	check_set("{\"a\":[5,6]}", "/a/-", "{\"a\":[5,6,1]}");
	check_set("{\"a\":[5,6]}", "/a/2", "{\"a\":[5,6,1]}");
	check_set("{\"a\":[{}]}", "/a/0/b", "{\"a\":[{\"b\":1}]}");
	check_set("{\"a\":[]}", "/a/-/b", "{\"a\":[{\"b\":1}]}");
	check_set("{}", "/a/-", "{\"a\":[1]}");
	check_set("{}", "/a/-/b", "{\"a\":[{\"b\":1}]}");
	check_set("{}", "/a/0", "{\"a\":{\"0\":1}}");
	check_set("{}", "/", "{\"\":1}");
	check_set("{}", "/-", "{\"-\":1}");
	check_set("[]", "/-", "[1]");
	check_set("{}", "", NULL);
	check_set("{}", "a", NULL);
	check_set("{}", "/a~", NULL);
	check_set("{}", "/a/b~3", NULL);
	check_set("{\"a\":5}", "/a/b", NULL);
	check_set("{\"a\":\"s\"}", "/a/-", NULL);
	check_set("{\"a\":[1]}", "/a/2", NULL);
	check_set("{\"a\":[1]}", "/a/01", NULL);
	check_set("{\"a\":[1]}", "/a/b", NULL);
	check_set("{\"a\":[1]}", "/a/b/c", NULL);
	check_set("5", "/a", NULL);
	assert_int_equal(kshim__json_tree_set(NULL, "/a", json_true()), -1);
}

static void check_remove(const char *before, const char *pointer, const char *after)
{
	json_t *tree = parse(before);
	int rc = kshim__json_tree_remove(tree, pointer);

	if ((rc == 0) != (after != NULL))
		fail_msg("remove %s from %s: %d", pointer, before, rc);
	expect_tree(tree, after ? after : before);
}

static void test_tree_remove(void **state)
{
	(void)state;
	check_remove("{\"a\":1,\"b\":2}", "/a", "{\"b\":2}");
	check_remove("{\"a\":{\"b~/\":1}}", "/a/b~0~1", "{\"a\":{}}");
	check_remove("{\"a\":[1,2,3]}", "/a/1", "{\"a\":[1,3]}");
	check_remove("{\"a\":[1,2,3]}", "/a/3", "{\"a\":[1,2,3]}");
	check_remove("{\"a\":[1,2,3]}", "/a/-", "{\"a\":[1,2,3]}");
	check_remove("{\"a\":1}", "/b", "{\"a\":1}");
	check_remove("{\"a\":1}", "/b/c/d", "{\"a\":1}");
	check_remove("{\"a\":null}", "/a/c/d", "{\"a\":null}");
	check_remove("{\"a\":1}", "/a/c", NULL);
	check_remove("{\"a\":1}", "/a/c/d", NULL);
	check_remove("{\"a\":1}", "", NULL);
	check_remove("{\"a\":1}", "a", NULL);
	check_remove("{\"a\":1}", "/~", NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_apply_as_rfc7386),
		cmocka_unit_test(test_diff_leads_where_rfc7386_does),
		cmocka_unit_test(test_diff_is_small),
		cmocka_unit_test(test_random_trees_round_trip),
		cmocka_unit_test(test_trees_too_deep_are_refused),
		cmocka_unit_test(test_tree_get),
		cmocka_unit_test(test_tree_set),
		cmocka_unit_test(test_tree_remove),
	};

	if (getenv("KSHIM_TEST_SEED"))
		random_state = strtoull(getenv("KSHIM_TEST_SEED"), NULL, 0) | 1;
	else
		random_state ^= (uint64_t)getpid() << 32;
	print_message("KSHIM_TEST_SEED=%llu\n", (unsigned long long)random_state);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
