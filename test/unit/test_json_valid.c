/* kshim__json_valid() against jansson, which knows RFC 8259 well. */
#include "json/valid.h"

#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
/* after those it needs */
#include <cmocka.h>

static bool jansson_says(const char *text, size_t len)
{
	json_t *tree = json_loadb(text, len, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
	bool ok = tree != NULL;

	json_decref(tree);
	return ok;
}

static void check(const char *text, size_t len)
{
	char *exact = malloc(len ? len : 1); /* so that a read behind the end is seen */
	size_t at = 0;
	bool valid;

	memcpy(exact, text, len);
	valid = kshim__json_valid(exact, len, &at);
	if (valid != jansson_says(text, len))
		fail_msg("%s, jansson disagrees: %.*s", valid ? "valid" : "not valid", (int)len, text);
	assert_true(at <= len);
	free(exact);
}

static const char *const samples[] = {
	"{}", "[]", "null", "true", "false", "0", "-0", "-", "01", "1.", ".5", "1.5e3", "1e", "1E+2", "-1.25e-2", "tru",
	"truex", "\"\"", "\"a", "\"\\u00e9\"", "\"\\x\"", "\"\\u12g4\"", "\"\x01\"", "\"\xc3\xa9\"", "\"\xc3\"",
	"\"\xe0\x80\x80\"", "\"\xed\xa0\x80\"", "\"\xf4\x90\x80\x80\"", "\"\xf0\x9f\x98\x80\"", "\"\xff\"", "[1,2]",
	"[1,]", "[,]", "[1 2]", "{\"a\":1}", "{\"a\":1,}", "{\"a\"}", "{\"a\":}", "{a:1}", "{\"a\":1 \"b\":2}", "[1}",
	"{\"a\":[}", "[[[[]]]]", "[[[[]]]", " [ 1 , { \"a\" : [ ] } ] ", "{} {}", "", " ", "[\"\\\\\"]", "\"\\\\\\\"\"",
	"{\"a\":{\"b\":[1,2,{\"c\":null}]},\"d\":\"x\\ny\"}", "nul", "-a", "1e5x", "[1]]", "\"a\" ,",
};

static void samples_agree(void **state)
{
	size_t i, len;

	(void)state;
	for (i = 0; i < sizeof(samples) / sizeof(samples[0]); i++)
		for (len = 0; len <= strlen(samples[i]); len++)
			check(samples[i], len);
}

/* Every single-byte change of a document. */
static void changes_agree(void **state)
{
	static const char text[] = "{\"a\":[1,-2.5e3,true,null,\"x\\u00e9\\n\xc3\xa9\"],\"b\":{}}";
	char copy[sizeof(text)];
	size_t i;
	int c;

	(void)state;
	for (i = 0; i < sizeof(text) - 1; i++) {
		for (c = 0; c < 256; c++) {
			memcpy(copy, text, sizeof(text));
			copy[i] = (char)c;
			/* jansson wants surrogates in pairs; an API server's reader does not */
			if (strstr(copy, "\\ud") || strstr(copy, "\\uD"))
				continue;
			check(copy, sizeof(text) - 1);
		}
	}
}

static void depth_is_bounded(void **state)
{
	size_t depth, at;
	char *text;

	(void)state;
	for (depth = 999; depth <= 1001; depth++) {
		text = malloc(2 * depth);
		memset(text, '[', depth);
		memset(text + depth, ']', depth);
		assert_int_equal(kshim__json_valid(text, 2 * depth, &at), depth <= 1000);
		free(text);
	}
}

static void names_the_byte(void **state)
{
	size_t at;

	(void)state;
	assert_false(kshim__json_valid("{\"a\":1,}", 8, &at));
	assert_int_equal(at, 7);
	assert_false(kshim__json_valid("[1", 2, &at));
	assert_int_equal(at, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(samples_agree),
		cmocka_unit_test(changes_agree),
		cmocka_unit_test(depth_is_bounded),
		cmocka_unit_test(names_the_byte),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
