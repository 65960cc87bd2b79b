/* The JSON scanner: against RFC 6901, against jansson, and against itself. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "alloc.h"
#include "buf.h"
#include "json/scan.h"
#include "json/skip.h"

#include <jansson.h>
#include <locale.h>
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

/* In a block of exactly this size, so that reads beyond it are seen. */
static char *exact(const char *s, size_t len)
{
	char *copy = malloc(len ? len : 1);

	assert_non_null(copy);
	memcpy(copy, s, len);
	return copy;
}

static void expect_span(struct kshim__span span, const char *want)
{
	if (span.len != strlen(want) || memcmp(span.at, want, span.len) != 0)
		fail_msg("'%.*s' instead of '%s'", (int)span.len, span.at, want);
}

static const char rfc6901[] = "{\"foo\": [\"bar\", \"baz\"], \"\": 0, \"a/b\": 1, \"c%d\": 2, \"e^f\": 3, \"g|h\": 4,"
			      " \"i\\\\j\": 5, \"k\\\"l\": 6, \" \": 7, \"m~n\": 8}";

static void test_rfc6901_examples(void **state)
{
	static const char *const table[][2] = {
		{"", rfc6901},       {"/foo", "[\"bar\", \"baz\"]"},
		{"/foo/0", "\"bar\""}, {"/foo/1", "\"baz\""},
		{"/", "0"},          {"/a~1b", "1"},
		{"/c%d", "2"},       {"/e^f", "3"},
		{"/g|h", "4"},       {"/i\\j", "5"},
		{"/k\"l", "6"},      {"/ ", "7"},
		{"/m~0n", "8"},
	};
	static const char *const nothing[] = {"/foo/2", "/foo/-", "/foo/01", "/foo/00", "/foo/+1", "/foo/",
					      "/foo/0/x", "/a/b", "/m~n", "/m~2n", "/m~", "foo", "/foo//0",
					      "/f", "/fooo", "/foo/4294967296", "/foo/99999999999999999999"};
	struct kshim__members members;
	struct kshim__span value;
	size_t i;

	(void)state;
	kshim__json_members(rfc6901, sizeof(rfc6901) - 1, &members);
	assert_int_equal(members.count, KSHIM__MEMBERS);
	assert_false(members.complete);
	for (i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		assert_true(kshim__json_pointer(rfc6901, sizeof(rfc6901) - 1, NULL, table[i][0], &value));
		expect_span(value, table[i][1]);
		assert_true(kshim__json_pointer(rfc6901, sizeof(rfc6901) - 1, &members, table[i][0], &value));
		expect_span(value, table[i][1]);
	}
	for (i = 0; i < sizeof(nothing) / sizeof(nothing[0]); i++) {
		assert_false(kshim__json_pointer(rfc6901, sizeof(rfc6901) - 1, NULL, nothing[i], &value));
		assert_false(kshim__json_pointer(rfc6901, sizeof(rfc6901) - 1, &members, nothing[i], &value));
	}
}

static void test_value_ends(void **state)
{
	static const char *const table[][2] = {
		{"{}", "{}"},
		{" \t\r\n{\"a\":1} x", "{\"a\":1}"},
		{"[1,[2,{\"x\":[]}]],3", "[1,[2,{\"x\":[]}]]"},
		{"\"a\\\"b\"c", "\"a\\\"b\""},
		{"\"}]\"", "\"}]\""},
		{"{\"a\":\"}\"}}", "{\"a\":\"}\"}"},
		{"true", "true"},
		{"false,", "false"},
		{"null]", "null"},
		{"-0.5e+10}", "-0.5e+10"},
		{"0", "0"},
		{"1E9 ", "1E9"},
		{"", NULL},
		{" ", NULL},
		{"tru", NULL},
		{"truex", NULL},
		{"nul", NULL},
		{"-", NULL},
		{"01", NULL},
		{"1.", NULL},
		{"1e", NULL},
		{"+1", NULL},
		{".5", NULL},
		{"\"abc", NULL},
		{"\"abc\\\"", NULL},
		{"{\"a\":1", NULL},
		{"[[]", NULL},
		{"<html>", NULL},
		{"}", NULL},
		{":", NULL},
		{"1\"x\"", NULL},
	};
	struct kshim__span value;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		size_t len = strlen(table[i][0]);
		char *text = exact(table[i][0], len);
		bool ok = kshim__json_value(text, len, &value);

		if (ok != (table[i][1] != NULL))
			fail_msg("wrong about '%s'", table[i][0]);
		if (ok)
			expect_span(value, table[i][1]);
		free(text);
	}
}

/* What kshim__skip_run does, byte by byte. */
static size_t naive_run(struct kshim__skip *skip, const char *data, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++) {
		char c = data[i];

		if (skip->escaped)
			skip->escaped = 0;
		else if (c == '\\')
			skip->escaped = 1;
		else if (c == '"')
			skip->in_string = ~skip->in_string;
		if (skip->in_string || c == '"')
			continue;
		if (c == '{' || c == '[')
			skip->depth++;
		else if (c == '}' || c == ']')
			skip->depth--;
		if (skip->depth == 0 || skip->depth > KSHIM__JSON_DEPTH)
			return i + 1;
	}
	return len;
}

static size_t run_in_pieces(const struct kshim__skip_way *way, struct kshim__skip *skip, const char *text, size_t len,
			    size_t piece)
{
	size_t at = 0, n, took;

	kshim__skip_begin(skip);
	while (at < len) {
		char *copy;

		n = piece ? piece : 1 + rnd(200);
		if (n > len - at)
			n = len - at;
		copy = exact(text + at, n);
		took = way->run(skip, copy, n);
		free(copy);
		at += took;
		if (took < n || skip->depth == 0 || skip->depth > KSHIM__JSON_DEPTH)
			break;
	}
	return at;
}

static void compare_ways(const char *text, size_t len, const size_t *pieces, size_t piece_count)
{
	struct kshim__skip_way ways[KSHIM__SKIP_WAYS];
	struct kshim__skip want, got;
	size_t end, i, j;

	kshim__skip_ways(ways);
	kshim__skip_begin(&want);
	end = naive_run(&want, text, len);
	for (i = 0; ways[i].run; i++) {
		for (j = 0; j < piece_count; j++) {
			size_t at = run_in_pieces(&ways[i], &got, text, len, pieces[j]);
			bool over = want.depth == 0 || want.depth > KSHIM__JSON_DEPTH;

			if (at != end || got.depth != want.depth ||
			    (!over && (got.in_string != want.in_string || got.escaped != want.escaped)))
				fail_msg("%s in pieces of %zu: end %zu not %zu, depth %u not %u of: %.*s", ways[i].name,
					 pieces[j], at, end, got.depth, want.depth, (int)len, text);
		}
	}
}

static void test_ways_agree_on_random_bytes(void **state)
{
	static const char alphabet[] = "\"\"\"\\\\\\{}[]{}[]abc ,:\n\x80\xff\xdb\xdd;|";
	static const size_t pieces[] = {100000, 1, 0, 64, 63, 65};
	char text[700];
	int round;

	(void)state;
	for (round = 0; round < 4000; round++) {
		size_t len = rnd(sizeof(text)), i;
		uint32_t kinds = 1 + rnd(sizeof(alphabet) - 1), bias = rnd(4);

		for (i = 0; i < len; i++) {
			text[i] = rnd(4) < bias ? 'x' : alphabet[rnd(kinds)];
			if (rnd(50) == 0)
				text[i] = (char)rnd(256);
		}
		/* openers, for the end not to come at once */
		memset(text, '[', len < 5 ? len : rnd(6));
		compare_ways(text, len, pieces, sizeof(pieces) / sizeof(pieces[0]));
	}
}

static void test_backslash_runs_across_blocks(void **state)
{
	static const size_t pieces[] = {100000, 0, 64};
	struct kshim__span value;
	char text[300];
	size_t offset, backslashes;

	(void)state;
	for (offset = 0; offset <= 70; offset++) {
		for (backslashes = 0; backslashes <= 130; backslashes++) {
			char *copy, *p = text;
			size_t len, key_end;

			*p++ = '{';
			*p++ = '"';
			memset(p, 'p', offset);
			p += offset;
			memset(p, '\\', backslashes);
			p += backslashes;
			if (backslashes % 2)
				p += sprintf(p, "\"}{[");
			key_end = (size_t)(p - text);
			p += sprintf(p, "\":{\"x\":[\"}\"]}}");
			len = (size_t)(p - text);
			compare_ways(text + 1, len - 1, pieces, sizeof(pieces) / sizeof(pieces[0]));
			copy = exact(text, len);
			assert_true(kshim__json_value(copy, len, &value));
			assert_int_equal(value.len, len);
			assert_true(kshim__json_value(copy + 1, len - 1, &value));
			assert_int_equal(value.len, key_end);
			free(copy);
		}
	}
}

static void test_truncated_values_have_no_end(void **state)
{
	static const char text[] = "{\"metadata\":{\"name\":\"a\\\\\",\"labels\":{\"x}y\":\"\\u00e9{\"}},\"n\":["
				   "1,2.5e3,true,null,\"\\\"\"],\"long\":\"0123456789012345678901234567890123456789\"}";
	struct kshim__members members;
	struct kshim__span value, key;
	size_t len, cursor;

	(void)state;
	for (len = 0; len < sizeof(text) - 1; len++) {
		char *copy = exact(text, len);

		assert_false(kshim__json_value(copy, len, &value));
		kshim__json_members(copy, len, &members);
		assert_false(members.complete);
		assert_false(kshim__json_pointer(copy, len, NULL, "/none", &value));
		assert_false(kshim__json_pointer(copy, len, &members, "/none", &value));
		assert_false(kshim__json_pointer(copy, len, NULL, "/long", &value) && len < sizeof(text) - 2);
		if (kshim__json_pointer(copy, len, NULL, "/n/0", &value))
			expect_span(value, "1");
		if (kshim__json_pointer(copy, len, NULL, "/n/1", &value))
			expect_span(value, "2.5e3");
		for (cursor = 0; kshim__json_next((struct kshim__span){copy, len}, &cursor, &key, &value);)
			;
		free(copy);
	}
}

static void test_depth_is_bounded(void **state)
{
	struct kshim__span value;
	size_t depth;

	(void)state;
	for (depth = KSHIM__JSON_DEPTH - 2; depth < KSHIM__JSON_DEPTH + 3; depth++) {
		char *text = malloc(2 * depth);

		memset(text, '[', depth);
		memset(text + depth, ']', depth);
		assert_int_equal(kshim__json_value(text, 2 * depth, &value), depth <= KSHIM__JSON_DEPTH);
		compare_ways(text + 1, 2 * depth - 1, (const size_t[]){100000, 1, 0}, 3);
		free(text);
	}
}

static void test_next_walks(void **state)
{
	static const char object[] = " { \"a\" : 1 , \"b\\\"\" : [ ] ,\"c\":{\"d\":2}} ";
	static const char *const malformed[] = {"[1,]", "[1 2]", "{\"a\" 1}", "{a:1}", "{\"a\":}", "[,]", "{,}",
						"{\"a\":1,}", "{\"a\":1;\"b\":2}", "\"x\"", "1", "", " "};
	struct kshim__span span = {object, sizeof(object) - 1}, key, value;
	size_t cursor = 0, i;

	(void)state;
	assert_true(kshim__json_next(span, &cursor, &key, &value));
	expect_span(key, "a");
	expect_span(value, "1");
	assert_true(kshim__json_next(span, &cursor, &key, &value));
	expect_span(key, "b\\\"");
	expect_span(value, "[ ]");
	assert_true(kshim__json_next(span, &cursor, NULL, &value));
	expect_span(value, "{\"d\":2}");
	assert_false(kshim__json_next(span, &cursor, &key, &value));
	assert_false(kshim__json_next(span, &cursor, &key, &value));

	span.at = "[ \"x\",{} , null]";
	span.len = strlen(span.at);
	cursor = 0;
	assert_true(kshim__json_next(span, &cursor, &key, &value));
	assert_null(key.at);
	expect_span(value, "\"x\"");
	assert_true(kshim__json_next(span, &cursor, &key, &value));
	expect_span(value, "{}");
	assert_true(kshim__json_next(span, &cursor, &key, &value));
	expect_span(value, "null");
	assert_false(kshim__json_next(span, &cursor, &key, &value));

	for (i = 0; i < sizeof(malformed) / sizeof(malformed[0]); i++) {
		size_t count = 0;

		span.len = strlen(malformed[i]);
		span.at = exact(malformed[i], span.len);
		for (cursor = 0; kshim__json_next(span, &cursor, &key, &value); count++)
			;
		assert_true(count <= 1);
		assert_false(kshim__json_next(span, &cursor, &key, &value));
		free((char *)span.at);
	}
}

static void test_members_are_noted(void **state)
{
	static const char text[] = " {\"metadata\":{\"a\":1}, \"\\u0073pec\" : 2}";
	struct kshim__members members;
	struct kshim__span value;

	(void)state;
	kshim__json_members(text, sizeof(text) - 1, &members);
	assert_int_equal(members.count, 2);
	assert_true(members.complete);
	assert_int_equal(members.key[0], 1);
	assert_int_equal(members.key[1], 21);
	assert_true(kshim__json_pointer(text, sizeof(text) - 1, &members, "/spec", &value));
	expect_span(value, "2");
	assert_true(kshim__json_pointer(text, sizeof(text) - 1, &members, "/metadata/a", &value));
	expect_span(value, "1");
	assert_false(kshim__json_pointer(text, sizeof(text) - 1, &members, "/spe", &value));

	kshim__json_members("{}", 2, &members);
	assert_int_equal(members.count, 0);
	assert_true(members.complete);
	kshim__json_members("[]", 2, &members);
	assert_false(members.complete);
	/* offsets that are not of these bytes do no harm */
	members.count = 3;
	members.key[0] = 1;
	members.key[1] = 0;
	members.key[2] = UINT32_MAX;
	assert_false(kshim__json_pointer("{}", 2, &members, "/a", &value));
}

static void string_reads(const char *json, const char *want, size_t want_len)
{
	struct kshim__span value = {exact(json, strlen(json)), strlen(json)};
	bool not_string;
	size_t len;
	char *s = kshim__json_string(value, &len, &not_string);

	assert_false(not_string);
	assert_non_null(s);
	assert_int_equal(len, want_len);
	assert_memory_equal(s, want, len + 1);
	assert_int_equal(kshim__json_equals(value, want), strlen(want) == want_len);
	assert_false(kshim__json_equals(value, "something else"));
	kshim__free(s);
	free((char *)value.at);
}

static void test_strings(void **state)
{
	static const char *const none[] = {"", "\"", "1", "null", "\"a", "a\"", "\"\\x\"", "\"\\u12\"", "\"\\u12g4\"",
					   "\"\\\"", "\"\\u123\"", "\"a\"b\""};
	bool not_string;
	size_t i;

	(void)state;
	string_reads("\"\"", "", 0);
	string_reads("\"plain\"", "plain", 5);
	string_reads("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\/\b\f\n\r\t", 8);
	string_reads("\"\\u0041\\u00e9\\u20AC\"", "A\xc3\xa9\xe2\x82\xac", 6);
	string_reads("\"\\ud83d\\ude00\"", "\xf0\x9f\x98\x80", 4);
	string_reads("\"\\uDBFF\\uDFFF\"", "\xf4\x8f\xbf\xbf", 4);
	string_reads("\"\\ud83d\"", "\xef\xbf\xbd", 3);
	string_reads("\"\\ud83dx\"", "\xef\xbf\xbdx", 4);
	string_reads("\"\\ud83d\\u0041\"", "\xef\xbf\xbd" "A", 4);
	string_reads("\"\\ud83d\\ud83d\\ude00\"", "\xef\xbf\xbd\xf0\x9f\x98\x80", 7);
	string_reads("\"\\ude00\"", "\xef\xbf\xbd", 3);
	string_reads("\"a\\u0000b\"", "a\0b", 3);
	for (i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
		struct kshim__span value = {exact(none[i], strlen(none[i])), strlen(none[i])};

		assert_null(kshim__json_string(value, NULL, &not_string));
		assert_true(not_string);
		assert_false(kshim__json_equals(value, ""));
		assert_false(kshim__json_equals(value, "a\"b"));
		free((char *)value.at);
	}
	assert_false(kshim__json_equals((struct kshim__span){"\"abc\"", 5}, "ab"));
	assert_false(kshim__json_equals((struct kshim__span){"\"ab\"", 4}, "abc"));
	assert_false(kshim__json_equals((struct kshim__span){"\"\\n\"", 4}, "\\n"));
	assert_true(kshim__json_is_string((struct kshim__span){"\"x\"", 3}));
	assert_false(kshim__json_is_string((struct kshim__span){"x", 1}));
	assert_false(kshim__json_is_string((struct kshim__span){NULL, 0}));
}

static bool int_of(const char *s, int64_t *number)
{
	size_t len = strlen(s);
	char *copy = exact(s, len);
	bool ok = kshim__json_int((struct kshim__span){copy, len}, number);

	free(copy);
	return ok;
}

static void test_integers(void **state)
{
	static const char *const none[] = {"", "-", "01", "-01", "1.0", "1e3", "+1", "\"1\"", "9223372036854775808",
					   "-9223372036854775809", "99999999999999999999999", "0x1", " 1", "null"};
	int64_t n;
	size_t i;

	(void)state;
	assert_true(int_of("0", &n) && n == 0);
	assert_true(int_of("-0", &n) && n == 0);
	assert_true(int_of("42", &n) && n == 42);
	assert_true(int_of("-42", &n) && n == -42);
	assert_true(int_of("9223372036854775807", &n) && n == INT64_MAX);
	assert_true(int_of("-9223372036854775808", &n) && n == INT64_MIN);
	for (i = 0; i < sizeof(none) / sizeof(none[0]); i++)
		assert_false(int_of(none[i], &n));
}

static bool double_of(const char *s, double *number)
{
	size_t len = strlen(s);
	char *copy = exact(s, len);
	bool ok = kshim__json_double((struct kshim__span){copy, len}, number);

	free(copy);
	return ok;
}

static void test_doubles_and_booleans(void **state)
{
	char digits[200];
	bool truth;
	double n;

	(void)state;
	/* a locale with a decimal comma, where there is one */
	setlocale(LC_ALL, "de_DE.UTF-8");
	assert_true(double_of("1.5", &n) && n == 1.5);
	assert_true(double_of("-2.5e-1", &n) && n == -0.25);
	assert_true(double_of("3", &n) && n == 3);
	memset(digits, '3', sizeof(digits));
	digits[1] = '.';
	digits[sizeof(digits) - 1] = '\0';
	assert_true(double_of(digits, &n) && n > 3.3 && n < 3.4);
	setlocale(LC_ALL, "C");
	assert_false(double_of("1e999", &n));
	assert_false(double_of("-1e999", &n));
	assert_true(double_of("1e-999", &n) && n == 0);
	assert_false(double_of("inf", &n));
	assert_false(double_of("nan", &n));
	assert_false(double_of("1,5", &n));
	assert_false(double_of("true", &n));
	assert_false(double_of("\"1\"", &n));
	assert_false(double_of("", &n));
	assert_true(kshim__json_bool((struct kshim__span){"true", 4}, &truth) && truth);
	assert_true(kshim__json_bool((struct kshim__span){"false", 5}, &truth) && !truth);
	assert_false(kshim__json_bool((struct kshim__span){"null", 4}, &truth));
	assert_false(kshim__json_bool((struct kshim__span){"tru", 3}, &truth));
}

/* Every value of a tree is found by its pointer, and is the one jansson has. */
static void check_tree(const char *text, size_t len, const struct kshim__members *members, const json_t *tree,
		       char *pointer, size_t pointer_len)
{
	struct kshim__span value;
	const char *key, *c;
	json_t *child, *found;
	size_t i;

	pointer[pointer_len] = '\0';
	if (!kshim__json_pointer(text, len, members, pointer, &value))
		fail_msg("nothing at %s", pointer);
	found = json_loadb(value.at, value.len, JSON_DECODE_ANY, NULL);
	assert_non_null(found);
	assert_true(json_equal(found, (json_t *)tree));
	json_decref(found);
	json_object_foreach((json_t *)tree, key, child) {
		size_t to = pointer_len;

		pointer[to++] = '/';
		for (c = key; *c; c++) {
			if (*c == '~' || *c == '/') {
				pointer[to++] = '~';
				pointer[to++] = *c == '~' ? '0' : '1';
			} else {
				pointer[to++] = *c;
			}
		}
		check_tree(text, len, members, child, pointer, to);
	}
	json_array_foreach(tree, i, child) {
		int n = sprintf(pointer + pointer_len, "/%zu", i);

		check_tree(text, len, members, child, pointer, pointer_len + (size_t)n);
	}
}

static json_t *random_tree(int depth)
{
	static const char *const keys[] = {"a", "metadata", "app.kubernetes.io/name", "", "~", "q\"\\q", "caf\xc3\xa9",
					   "items", "a long key that is longer than two vectors of bytes", "\n"};
	static const char *const strings[] = {"", "x", "}\"{", "\\", "\\\\\"", "\xe2\x82\xac", "]]]]", "a\tb\n",
					      "0123456789012345678901234567890123456789012345678901234567890123456789"};
	uint32_t kind = rnd(depth > 0 ? 8 : 4), i;
	json_t *tree;

	switch (kind) {
	case 0:
		return json_string(strings[rnd(sizeof(strings) / sizeof(strings[0]))]);
	case 1:
		return json_integer((json_int_t)rnd(1000) - 500);
	case 2:
		return json_real(rnd(1000) / 8.0);
	case 3:
		return rnd(2) ? json_boolean(rnd(2)) : json_null();
	}
	tree = kind < 7 ? json_object() : json_array();
	for (i = rnd(8); i > 0; i--) {
		if (kind < 7)
			json_object_set_new(tree, keys[rnd(sizeof(keys) / sizeof(keys[0]))], random_tree(depth - 1));
		else
			json_array_append_new(tree, random_tree(depth - 1));
	}
	return tree;
}

static void test_pointers_agree_with_jansson(void **state)
{
	static const size_t flags[] = {JSON_COMPACT, JSON_INDENT(4), JSON_ENSURE_ASCII | JSON_ESCAPE_SLASH};
	char pointer[4096];
	int round;

	(void)state;
	for (round = 0; round < 600; round++) {
		json_t *tree = random_tree(5);
		char *text = json_dumps(tree, JSON_ENCODE_ANY | flags[round % 3]), *copy;
		struct kshim__members members;
		size_t len = strlen(text);

		copy = exact(text, len);
		kshim__json_members(copy, len, &members);
		check_tree(copy, len, NULL, tree, pointer, 0);
		check_tree(copy, len, &members, tree, pointer, 0);
		free(copy);
		free(text);
		json_decref(tree);
	}
}

static void test_garbage_does_no_harm(void **state)
{
	static const char alphabet[] = "{}[]\",:\\/~ab01-e.tn u\n";
	static const char *const pointers[] = {"", "/a", "/a/0", "/0/a", "/b/a~1/1"};
	struct kshim__span value, key;
	struct kshim__members members;
	char text[120];
	int round;

	(void)state;
	for (round = 0; round < 30000; round++) {
		size_t len = 1 + rnd(sizeof(text)), i, cursor = 0, steps = 0;
		bool not_string;
		char *copy;

		for (i = 0; i < len; i++)
			text[i] = alphabet[rnd(sizeof(alphabet) - 1)];
		text[0] = "{[\""[rnd(3)];
		copy = exact(text, len);
		kshim__json_members(copy, len, &members);
		for (i = 0; i < sizeof(pointers) / sizeof(pointers[0]); i++) {
			struct kshim__span again;
			bool found = kshim__json_pointer(copy, len, NULL, pointers[i], &value);

			if (found) {
				assert_true(value.at >= copy && value.at + value.len <= copy + len);
				assert_true(kshim__json_pointer(copy, len, &members, pointers[i], &again));
				assert_ptr_equal(value.at, again.at);
			}
		}
		while (kshim__json_next((struct kshim__span){copy, len}, &cursor, &key, &value))
			assert_true(++steps < sizeof(text));
		if (kshim__json_value(copy, len, &value))
			kshim__free(kshim__json_string(value, NULL, &not_string));
		kshim__free(kshim__json_string((struct kshim__span){copy, len}, NULL, &not_string));
		free(copy);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rfc6901_examples),
		cmocka_unit_test(test_value_ends),
		cmocka_unit_test(test_ways_agree_on_random_bytes),
		cmocka_unit_test(test_backslash_runs_across_blocks),
		cmocka_unit_test(test_truncated_values_have_no_end),
		cmocka_unit_test(test_depth_is_bounded),
		cmocka_unit_test(test_next_walks),
		cmocka_unit_test(test_members_are_noted),
		cmocka_unit_test(test_strings),
		cmocka_unit_test(test_integers),
		cmocka_unit_test(test_doubles_and_booleans),
		cmocka_unit_test(test_pointers_agree_with_jansson),
		cmocka_unit_test(test_garbage_does_no_harm),
	};

	if (getenv("KSHIM_TEST_SEED"))
		random_state = strtoull(getenv("KSHIM_TEST_SEED"), NULL, 0) | 1;
	else
		random_state ^= (uint64_t)getpid() << 32;
	print_message("KSHIM_TEST_SEED=%llu\n", (unsigned long long)random_state);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
