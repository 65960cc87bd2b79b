/* Members cut out of JSON text: against a table, and against jansson. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
/* after those it needs */
#include <cmocka.h>

#include "json/drop.h"
#include "json/patch.h"

#include <jansson.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* What is left, new; NULL if nothing was there. The text lies in a block of
 * exactly its size, so that reads beyond it are seen. */
static char *drop(const char *json, size_t len, const char *pointer)
{
	char *bytes = malloc(len ? len : 1), *left = NULL;
	struct kshim__span text = {bytes, len}, parts[2] = {{NULL, 1}, {NULL, 2}};

	assert_non_null(bytes);
	memcpy(bytes, json, len);
	if (kshim__json_drop(text, pointer, parts)) {
		assert_ptr_equal(parts[0].at, bytes);
		assert_ptr_equal(parts[1].at + parts[1].len, bytes + len);
		assert_true(parts[0].at + parts[0].len < parts[1].at);
		left = malloc(parts[0].len + parts[1].len + 1);
		assert_non_null(left);
		memcpy(left, parts[0].at, parts[0].len);
		memcpy(left + parts[0].len, parts[1].at, parts[1].len);
		left[parts[0].len + parts[1].len] = '\0';
	} else {
		assert_null(parts[0].at);
		assert_null(parts[1].at);
	}
	free(bytes);
	return left;
}

static void test_positions(void **state)
{
	static const struct {
		const char *text, *pointer, *left;
	} cases[] = {
		{"{\"a\":1,\"b\":2,\"c\":3}", "/a", "{\"b\":2,\"c\":3}"},
		{"{\"a\":1,\"b\":2,\"c\":3}", "/b", "{\"a\":1,\"c\":3}"},
		{"{\"a\":1,\"b\":2,\"c\":3}", "/c", "{\"a\":1,\"b\":2}"},
		{"{\"a\":1}", "/a", "{}"},
		{" { \"a\" : 1 , \"b\" : 2 } ", "/a", " { \"b\" : 2 } "},
		{" { \"a\" : 1 , \"b\" : 2 } ", "/b", " { \"a\" : 1 } "},
		{" { \"a\" : 1 } ", "/a", " {  } "},
		{"{\n\t\"a\": [1],\n\t\"b\": {},\n\t\"c\": \"\"\n}\n", "/b", "{\n\t\"a\": [1],\n\t\"c\": \"\"\n}\n"},
		{"{\"m\":{\"a\":{\"x\":[1,2]},\"b\":2},\"s\":{\"a\":3}}", "/m/a", "{\"m\":{\"b\":2},\"s\":{\"a\":3}}"},
		{"{\"m\":{\"a\":\"},{\",\"b\":2}}", "/m/a", "{\"m\":{\"b\":2}}"},
		{"{\"m\":{\"a\":1}}", "/m/a", "{\"m\":{}}"},
		{"{\"m\":{\"a\":1}}", "/m", "{}"},
		{"{\"s\":{\"a\":1},\"m\":{\"b\":1,\"a\":null}}", "/m/a", "{\"s\":{\"a\":1},\"m\":{\"b\":1}}"},
		{"{\"a/b\":1,\"c~d\":2,\"\":3}", "/a~1b", "{\"c~d\":2,\"\":3}"},
		{"{\"a/b\":1,\"c~d\":2,\"\":3}", "/c~0d", "{\"a/b\":1,\"\":3}"},
		{"{\"a/b\":1,\"c~d\":2,\"\":3}", "/", "{\"a/b\":1,\"c~d\":2}"},
		{"{\"\\u0061\\\"\":1,\"b\":2}", "/a\"", "{\"b\":2}"},
		{"{\"a\":1,\"a\":2}", "/a", "{\"a\":2}"},
		{"[1,2,3]", "/0", "[2,3]"},
		{"[1,2,3]", "/1", "[1,3]"},
		{"[1,2,3]", "/2", "[1,2]"},
		{"[[1]]", "/0/0", "[[]]"},
		{"{\"a\":[{\"x\":1},{\"x\":2,\"y\":3}]}", "/a/1/x", "{\"a\":[{\"x\":1},{\"y\":3}]}"},
		/* nothing there */
		{"{\"a\":1}", "", NULL},
		{"{\"a\":1}", "a", NULL},
		{"{\"a\":1}", "/b", NULL},
		{"{\"a\":1}", "/a/b", NULL},
		{"{\"a\":1}", "/~2", NULL},
		{"{}", "/a", NULL},
		{"{}", "/", NULL},
		{"[]", "/0", NULL},
		{"[1]", "/1", NULL},
		{"[1]", "/-", NULL},
		{"[1]", "/00", NULL},
		{"1", "/a", NULL},
		{"\"a\"", "/a", NULL},
		{"", "/a", NULL},
		{" ", "/a", NULL},
		/* cut, or no JSON */
		{"{\"a\":1", "/a", NULL},
		{"{\"a\":1 ", "/a", NULL},
		{"{\"a\":tru}", "/a", NULL},
		{"{\"a\" 1}", "/a", NULL},
		{"{\"b\":1 \"a\":2}", "/a", NULL},
		{"{,\"a\":2}", "/a", NULL},
		{"{\"b\":[1,\"a\":2}", "/a", NULL},
	};
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(cases); i++) {
		char *left = drop(cases[i].text, strlen(cases[i].text), cases[i].pointer);

		if (cases[i].left ? !left || strcmp(left, cases[i].left) != 0 : left != NULL)
			fail_msg("%s without %s: %s", cases[i].text, cases[i].pointer, left ? left : "(nothing)");
		free(left);
	}
}

static void test_cut_anywhere(void **state)
{
	static const char text[] = "{\"kind\": \"Pod\", \"metadata\": {\"name\": \"x\", \"managedFields\": [{\"f:a\": {}}],"
				   " \"uid\": \"y\"}, \"spec\": {}}";
	size_t end = (size_t)(strstr(text, ", \"uid\"") - text), len;

	(void)state;
	for (len = 0; len < sizeof(text); len++) {
		char *left = drop(text, len, "/metadata/managedFields");

		assert_int_equal(left != NULL, len > end);
		free(left);
	}
}

static uint32_t rnd(uint32_t below)
{
	static uint64_t state = 88172645463325252u;

	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (uint32_t)(state >> 20) % below;
}

static json_t *random_value(unsigned depth)
{
	static const char *const keys[] = {"a", "b", "c/d", "e~f", "", "\"", "\xc3\xa4\n"};
	json_t *value;
	uint32_t i;

	switch (rnd(depth ? 5 : 3)) {
	case 0:
		return json_integer(rnd(100));
	case 1:
		return json_string(keys[rnd(COUNT(keys))]);
	case 2:
		return rnd(2) ? json_null() : json_true();
	case 3:
		value = json_array();
		for (i = rnd(4); i > 0; i--)
			json_array_append_new(value, random_value(depth - 1));
		return value;
	default:
		value = json_object();
		for (i = rnd(5); i > 0; i--)
			json_object_set_new(value, keys[rnd(COUNT(keys))], random_value(depth - 1));
		return value;
	}
}

/* Everything that is in a random value is dropped once; jansson does the same. */
static void test_as_jansson(void **state)
{
	static const char *const tokens[] = {"/a", "/b", "/c~1d", "/e~0f", "/", "/\"", "/\xc3\xa4\n", "/0", "/1", "/2"};
	static const size_t flags[] = {JSON_COMPACT, 0, JSON_INDENT(2), JSON_INDENT(1) | JSON_ENSURE_ASCII,
				       JSON_COMPACT | JSON_ESCAPE_SLASH};
	unsigned round, i, dropped = 0;

	(void)state;
	for (round = 0; round < 3000; round++) {
		json_t *value = random_value(4);
		char *text = json_dumps(value, flags[rnd(COUNT(flags))] | JSON_ENCODE_ANY);

		for (i = 0; i < 20; i++) {
			char pointer[64] = "", *left;
			uint32_t n;

			for (n = 1 + rnd(3); n > 0; n--)
				strcat(pointer, tokens[rnd(COUNT(tokens))]);
			left = drop(text, strlen(text), pointer);
			assert_int_equal(left != NULL, kshim__json_tree_get(value, pointer) != NULL);
			if (left) {
				json_t *is = json_loads(left, JSON_DECODE_ANY, NULL), *copy = json_deep_copy(value);

				assert_int_equal(kshim__json_tree_remove(copy, pointer), 0);
				if (!is || !json_equal(is, copy))
					fail_msg("%s without %s: %s", text, pointer, left);
				json_decref(is);
				json_decref(copy);
				dropped++;
			}
			free(left);
		}
		free(text);
		json_decref(value);
	}
	assert_true(dropped > 1000);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_positions),
		cmocka_unit_test(test_cut_anywhere),
		cmocka_unit_test(test_as_jansson),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
