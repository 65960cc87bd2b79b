/* Objects: the same is read over the bytes and over the tree, and nothing is lost. */
/* LINK: -Wl,--wrap=kshim__malloc,--wrap=kshim__calloc,--wrap=kshim__realloc,--wrap=kshim__memdup,--wrap=kshim__strdup */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
/* after those it needs */
#include <cmocka.h>

#include "alloc.h"
#include "failalloc.h"
#include "object.h"

#include <kubeshim/kubeshim.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define HEAD "{\"apiVersion\":\"v1\",\"kind\":\"Thing\""
#define OF(rest) HEAD "," rest "}"

static kshim_loop *loop;
static kshim_client *client;

static kshim_object *object(const char *text)
{
	kshim_object *made = kshim_object_from_text(client, text, strlen(text));

	if (!made)
		fail_msg("%s: %s", text, kshim_error_message(kshim_client_error(client)));
	return made;
}

/* What a server sent: nobody has looked at it but the scanner. */
static kshim_object *received(const kshim_kind *kind, const char *text)
{
	size_t len = strlen(text);
	kshim_object *made = kshim__object_adopt(client, kind, kind ? "v1" : NULL, kshim__memdup(text, len), len, NULL);

	assert_non_null(made);
	return made;
}

static void assert_string(const char *is, const char *should_be)
{
	if (should_be) {
		assert_non_null(is);
		assert_string_equal(is, should_be);
	} else {
		assert_null(is);
	}
}

static void assert_text(kshim_object *made, const char *should_be)
{
	size_t len = 0;
	const char *text = kshim_object_text(made, &len);

	assert_string(text, should_be);
	assert_int_equal(len, strlen(should_be));
	assert_string_equal(kshim_object_text(made, NULL), should_be);
}

#define SAMPLE                                                                                                         \
	OF("\"metadata\":{\"name\":\"a\",\"namespace\":\"\",\"labels\":{\"app\":\"x\",\"example.com/a~b\":\"y\"},"     \
	   "\"annotations\":{\"\":\"empty\",\"a/b/c\":\"\",\"q\\\"\":\"z\",\"n\":null}},\"s\":\"a\\n\\u20ac\\ud83d\\ude00\\\\\"," \
	   "\"nul\":\"ab\\u0000cd\",\"null\":null,\"t\":true,\"f\":false,\"i\":-9223372036854775808,"                  \
	   "\"max\":9223372036854775807,\"d\":2.5,\"e\":1e3,\"zero\":-0,\"list\":[1,[],{},\"x\",null],\"empty\":{},"  \
	   "\"none\":[],\"a/b\":{\"~\":{\"~1\":7}},\"\\u0061\\/\\u0062c\":8,\"words\":{\"a\":1,\"b\":2,\"c\":3}")

struct reading {
	const char *pointer, *string;
	int has;
	size_t size;
	int is_int, is_bool, is_double; /* the value is in `number` */
	double number;
};

static const struct reading readings[] = {
	{"", NULL, 1, 19, 0, 0, 0, 0},
	{"/kind", "Thing", 1, 0, 0, 0, 0, 0},
	{"/metadata/name", "a", 1, 0, 0, 0, 0, 0},
	{"/metadata/namespace", "", 1, 0, 0, 0, 0, 0},
	{"/metadata", NULL, 1, 4, 0, 0, 0, 0},
	{"/metadata/labels/example.com~1a~0b", "y", 1, 0, 0, 0, 0, 0},
	{"/metadata/annotations/", "empty", 1, 0, 0, 0, 0, 0},
	{"/metadata/annotations/q\"", "z", 1, 0, 0, 0, 0, 0},
	{"/metadata/annotations", NULL, 1, 4, 0, 0, 0, 0},
	{"/s", "a\n\xe2\x82\xac\xf0\x9f\x98\x80\\", 1, 0, 0, 0, 0, 0},
	{"/nul", "ab", 1, 0, 0, 0, 0, 0},
	{"/null", NULL, 0, 0, 0, 0, 0, 0},
	{"/t", NULL, 1, 0, 0, 1, 0, 1},
	{"/f", NULL, 1, 0, 0, 1, 0, 0},
	{"/i", NULL, 1, 0, 1, 0, 1, -9223372036854775808.0},
	{"/max", NULL, 1, 0, 1, 0, 1, 9223372036854775807.0},
	{"/d", NULL, 1, 0, 0, 0, 1, 2.5},
	{"/e", NULL, 1, 0, 0, 0, 1, 1000},
	{"/zero", NULL, 1, 0, 1, 0, 1, 0},
	{"/list", NULL, 1, 5, 0, 0, 0, 0},
	{"/list/0", NULL, 1, 0, 1, 0, 1, 1},
	{"/list/1", NULL, 1, 0, 0, 0, 0, 0},
	{"/list/3", "x", 1, 0, 0, 0, 0, 0},
	{"/list/4", NULL, 0, 0, 0, 0, 0, 0},
	{"/list/5", NULL, 0, 0, 0, 0, 0, 0},
	{"/list/-", NULL, 0, 0, 0, 0, 0, 0},
	{"/list/00", NULL, 0, 0, 0, 0, 0, 0},
	{"/list/x", NULL, 0, 0, 0, 0, 0, 0},
	{"/empty", NULL, 1, 0, 0, 0, 0, 0},
	{"/none", NULL, 1, 0, 0, 0, 0, 0},
	{"/words", NULL, 1, 3, 0, 0, 0, 0},
	{"/words/c", NULL, 1, 0, 1, 0, 1, 3},
	{"/a~1b/~0/~01", NULL, 1, 0, 1, 0, 1, 7},
	{"/a~1bc", NULL, 1, 0, 1, 0, 1, 8},
	{"/missing", NULL, 0, 0, 0, 0, 0, 0},
	{"/t/x", NULL, 0, 0, 0, 0, 0, 0},
	{"/metadata/name/x", NULL, 0, 0, 0, 0, 0, 0},
	{"/metadata/", NULL, 0, 0, 0, 0, 0, 0},
	{"kind", NULL, 0, 0, 0, 0, 0, 0},
	{"/a~2b", NULL, 0, 0, 0, 0, 0, 0},
	{"/a~", NULL, 0, 0, 0, 0, 0, 0},
};

static void assert_reading(kshim_object *made, const struct reading *reading)
{
	int64_t integer = 77;
	double real = 77;
	int truth = 77;

	assert_string(kshim_object_get_string(made, reading->pointer), reading->string);
	assert_int_equal(kshim_object_has(made, reading->pointer), reading->has);
	assert_int_equal(kshim_object_get_size(made, reading->pointer), reading->size);
	assert_int_equal(kshim_object_get_int(made, reading->pointer, &integer), reading->is_int ? 0 : -1);
	assert_int_equal(kshim_object_get_int(made, reading->pointer, NULL), reading->is_int ? 0 : -1);
	assert_true(reading->is_int ? (double)integer == reading->number : integer == 77);
	assert_int_equal(kshim_object_get_bool(made, reading->pointer, &truth), reading->is_bool ? 0 : -1);
	assert_int_equal(kshim_object_get_bool(made, reading->pointer, NULL), reading->is_bool ? 0 : -1);
	assert_true(truth == (reading->is_bool ? (int)reading->number : 77));
	assert_int_equal(kshim_object_get_double(made, reading->pointer, &real), reading->is_double ? 0 : -1);
	assert_int_equal(kshim_object_get_double(made, reading->pointer, NULL), reading->is_double ? 0 : -1);
	assert_true(real == (reading->is_double ? reading->number : 77));
}

static void reading(void **state)
{
	kshim_object *made = object(SAMPLE);
	int64_t number;
	size_t i, turn;

	(void)state;
	for (turn = 0; turn < 2; turn++) {
		for (i = 0; i < COUNT(readings); i++) {
			print_message("%s%s\n", turn ? "tree " : "", readings[i].pointer);
			assert_reading(made, &readings[i]);
		}
		assert_int_equal(kshim_object_get_int(made, "/i", &number), 0);
		assert_true(number == INT64_MIN);
		assert_int_equal(kshim_object_get_int(made, "/max", &number), 0);
		assert_true(number == INT64_MAX);
		/* the same string is borrowed twice, and stays */
		assert_ptr_equal(kshim_object_get_string(made, "/s"), kshim_object_get_string(made, "/s"));
		assert_non_null(kshim_object_tree(made));
	}
	kshim_object_unref(made);
}

static void borrowed_strings_stay(void **state)
{
	kshim_object *made = object(SAMPLE);
	const char *name = kshim_object_name(made), *s = kshim_object_get_string(made, "/s");
	const char *text = kshim_object_text(made, NULL);
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(readings); i++)
		kshim_object_get_string(made, readings[i].pointer);
	assert_non_null(kshim_object_tree(made));
	assert_string_equal(name, "a");
	assert_string_equal(s, "a\n\xe2\x82\xac\xf0\x9f\x98\x80\\");
	assert_string_equal(text, SAMPLE);
	kshim_object_unref(made);

	/* of an item too, whose text is made when it is asked for */
	made = received(KSHIM_POD, "{\"metadata\":{\"name\":\"p\"}}");
	text = kshim_object_text(made, NULL);
	assert_ptr_equal(kshim_object_text(made, NULL), text);
	assert_non_null(kshim_object_tree(made));
	assert_string_equal(text, "{\"kind\":\"Pod\",\"apiVersion\":\"v1\",\"metadata\":{\"name\":\"p\"}}");
	kshim_object_unref(made);
}

static void names(void **state)
{
	static const char pod[] = "{\"metadata\":{\"name\":\"p\",\"namespace\":\"ns\",\"uid\":\"u\",\"resourceVersion\":\"7\"}}";
	kshim_object *made = received(KSHIM_POD, pod);
	int turn;

	(void)state;
	for (turn = 0; turn < 2; turn++) {
		assert_string(kshim_object_name(made), "p");
		assert_string(kshim_object_namespace(made), "ns");
		assert_string(kshim_object_uid(made), "u");
		assert_string(kshim_object_resource_version(made), "7");
		assert_string(kshim_object_api_version(made), "v1");
		assert_string(kshim_object_kind(made), "Pod");
		assert_int_equal(kshim_object_has(made, "/kind"), 1);
		assert_non_null(kshim_object_tree(made));
	}
	assert_ptr_equal(kshim_object_client(made), client);
	kshim_object_unref(made);
	made = object(OF("\"metadata\":{\"name\":\"\",\"namespace\":null,\"uid\":7}"));
	for (turn = 0; turn < 2; turn++) {
		assert_null(kshim_object_name(made));
		assert_null(kshim_object_namespace(made));
		assert_null(kshim_object_uid(made));
		assert_null(kshim_object_resource_version(made));
		assert_non_null(kshim_object_tree(made));
	}
	kshim_object_unref(made);
	made = received(KSHIM_POD, "{}");
	assert_null(kshim_object_name(made));
	assert_text(made, "{\"kind\":\"Pod\",\"apiVersion\":\"v1\"}");
	kshim_object_unref(made);
	made = received(KSHIM_POD, "{ \"apiVersion\":\"v2\"}");
	assert_string(kshim_object_api_version(made), "v2");
	assert_text(made, "{\"kind\":\"Pod\", \"apiVersion\":\"v2\"}");
	kshim_object_unref(made);
}

static void labels(void **state)
{
	kshim_object *made = object(SAMPLE), *bare = object(HEAD "}");
	char long_key[5000];
	int turn;

	(void)state;
	memset(long_key, '/', sizeof(long_key));
	long_key[sizeof(long_key) - 1] = '\0';
	for (turn = 0; turn < 2; turn++) {
		assert_string(kshim_object_get_label(made, "app"), "x");
		assert_string(kshim_object_get_label(made, "example.com/a~b"), "y");
		assert_null(kshim_object_get_label(made, "example.com~1a~0b"));
		assert_null(kshim_object_get_label(made, "example.com"));
		assert_null(kshim_object_get_label(made, ""));
		assert_null(kshim_object_get_label(made, NULL));
		assert_null(kshim_object_get_label(made, long_key));
		assert_string(kshim_object_get_annotation(made, ""), "empty");
		assert_string(kshim_object_get_annotation(made, "a/b/c"), "");
		assert_string(kshim_object_get_annotation(made, "q\""), "z");
		assert_null(kshim_object_get_annotation(made, "n"));
		assert_null(kshim_object_get_annotation(made, "a"));
		assert_null(kshim_object_get_annotation(made, "app"));
		assert_null(kshim_object_get_label(bare, "app"));
		assert_null(kshim_object_get_annotation(bare, "app"));
		assert_non_null(kshim_object_tree(made));
		assert_non_null(kshim_object_tree(bare));
	}
	kshim_object_unref(made);
	kshim_object_unref(bare);
}

static void selectors(void **state)
{
	static const struct {
		const char *selector;
		int matches;
	} cases[] = {
		{NULL, 1},
		{"", 1},
		{"app=x", 1},
		{"app in (x,y),example.com/q!=z", 1},
		{"app notin (x)", 0},
		{"missing", 0},
		{"!missing", 1},
		{"app", 1},
		{"app=x,", -1},
		{"a pp", -1},
	};
	kshim_object *made = object(SAMPLE), *bare = object(HEAD "}");
	int with_tree;
	size_t i;

	(void)state;
	for (with_tree = 0; with_tree < 2; with_tree++) {
		for (i = 0; i < COUNT(cases); i++)
			assert_int_equal(kshim_object_matches(made, cases[i].selector), cases[i].matches);
		assert_int_equal(kshim_error_code(kshim_client_error(client)), KSHIM_EINVAL);
		assert_non_null(strstr(kshim_error_message(kshim_client_error(client)), "byte 3"));
		assert_int_equal(kshim_object_matches(bare, "app"), 0);
		assert_int_equal(kshim_object_matches(bare, "!app"), 1);
		assert_non_null(kshim_object_tree(made));
		assert_non_null(kshim_object_tree(bare));
	}
	assert_int_equal(kshim_object_set_string(made, "/metadata/labels/app", "\xc3\xa4\n\""), 0);
	assert_int_equal(kshim_object_matches(made, "app=x"), 0);
	assert_int_equal(kshim_object_set_string(made, "/metadata/labels/app", "y"), 0);
	assert_int_equal(kshim_object_matches(made, "app=y"), 1);
	assert_int_equal(kshim_object_matches(NULL, "app"), -1);
	kshim_object_unref(made);
	kshim_object_unref(bare);
}

static void editing(void **state)
{
	kshim_object *made = object(OF("\"list\":[1],\"null\":null,\"s\":\"x\",\"o\":{\"k\":1}"));

	(void)state;
	assert_int_equal(kshim_object_set_string(made, "/o/k", "v"), 0);
	assert_int_equal(kshim_object_set_int(made, "/o/n", INT64_MIN), 0);
	assert_int_equal(kshim_object_set(made, "/list/-", json_string("two")), 0);
	assert_int_equal(kshim_object_set(made, "/list/2", json_string("three")), 0);
	assert_int_equal(kshim_object_set(made, "/list/0", json_null()), 0);
	assert_int_equal(kshim_object_set_string(made, "/new/a~1b/~0", "deep"), 0);
	assert_int_equal(kshim_object_set_string(made, "/null/k", "was null"), 0);
	assert_int_equal(kshim_object_set_string(made, "/made/-", "first"), 0);
	assert_text(made, OF("\"list\":[null,\"two\",\"three\"],\"null\":{\"k\":\"was null\"},\"s\":\"x\",\"o\":{\"k\":\"v\","
			     "\"n\":-9223372036854775808},\"new\":{\"a/b\":{\"~\":\"deep\"}},\"made\":[\"first\"]"));
	assert_string(kshim_object_get_string(made, "/new/a~1b/~0"), "deep");

	assert_int_equal(kshim_object_remove(made, "/o/n"), 0);
	assert_int_equal(kshim_object_remove(made, "/o/never"), 0);
	assert_int_equal(kshim_object_remove(made, "/never/there"), 0);
	assert_int_equal(kshim_object_remove(made, "/list/0"), 0);
	assert_int_equal(kshim_object_remove(made, "/list/9"), 0);
	assert_int_equal(kshim_object_remove(made, "/new"), 0);
	assert_int_equal(kshim_object_remove(made, "/null"), 0);
	assert_int_equal(kshim_object_remove(made, "/made"), 0);
	assert_text(made, OF("\"list\":[\"two\",\"three\"],\"s\":\"x\",\"o\":{\"k\":\"v\"}"));

	/* refused, and nothing changed; each value is released (the leak check sees it) */
	assert_int_equal(kshim_object_set(made, "/s/x", json_string("past a string")), -1);
	assert_int_equal(kshim_object_set(made, "/s/x/y", json_string("past a string")), -1);
	assert_int_equal(kshim_object_set(made, "/list/7", json_string("past the end")), -1);
	assert_int_equal(kshim_object_set(made, "/list/x", json_string("no index")), -1);
	assert_int_equal(kshim_object_set(made, "/list/01", json_string("no index")), -1);
	assert_int_equal(kshim_object_set(made, "no slash", json_string("x")), -1);
	assert_int_equal(kshim_object_set(made, "/a~2", json_string("no escape")), -1);
	assert_int_equal(kshim_object_set(made, "", json_string("the whole")), -1);
	assert_int_equal(kshim_object_set(made, NULL, json_string("nowhere")), -1);
	assert_int_equal(kshim_object_set(made, "/a", NULL), -1);
	assert_int_equal(kshim_object_set_string(made, "/a", NULL), -1);
	assert_int_equal(kshim_object_set_string(made, "/a", "\xff"), -1);
	assert_int_equal(kshim_object_remove(made, "/s/x"), -1);
	assert_int_equal(kshim_object_remove(made, "s"), -1);
	assert_int_equal(kshim_object_remove(made, NULL), -1);
	assert_text(made, OF("\"list\":[\"two\",\"three\"],\"s\":\"x\",\"o\":{\"k\":\"v\"}"));
	kshim_object_unref(made);
}

/* What jansson's tree could not give back is not forced into one. */
static void nothing_is_lost(void **state)
{
	static const char *const no_trees[] = {
		OF("\"n\":123456789012345678901234567890"),
		OF("\"n\":-9223372036854775809,\"m\":[1e999]"),
		OF("\"a\":1,\"b\":2,\"a\":3"),
		OF("\"o\":{\"a\":1,\"a\":1}"),
		OF("\"key\\u0000\":1"),
	};
	kshim_object *made;
	int64_t number = 5;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(no_trees); i++) {
		made = object(no_trees[i]);
		assert_text(made, no_trees[i]);
		assert_int_equal(kshim_object_get_int(made, "/n", &number), -1);
		assert_int_equal(number, 5);
		assert_null(kshim_object_tree(made));
		assert_int_equal(kshim_object_set(made, "/x", json_true()), -1);
		assert_int_equal(kshim_object_remove(made, "/kind"), -1);
		assert_text(made, no_trees[i]);
		assert_string(kshim_object_kind(made), "Thing");
		kshim_object_unref(made);
	}
	/* of equal keys the first counts */
	made = object(no_trees[2]);
	assert_int_equal(kshim_object_get_int(made, "/a", &number), 0);
	assert_int_equal(number, 1);
	assert_int_equal(kshim_object_get_size(made, ""), 5);
	kshim_object_unref(made);
	made = object(no_trees[0]);
	assert_int_equal(kshim_object_has(made, "/n"), 1);
	kshim_object_unref(made);
}

/* Odd but harmless: it goes through a tree and comes out meaning the same. */
static void edits_keep_the_rest(void **state)
{
#define ODD "\"\\u0065\":\"a\\u0000b\",\"max\":9223372036854775807,\"tenth\":0.1,\"tiny\":4.9406564584124654e-324,"       \
	    "\"whole\":1.0,\"s\":\"\\/\\u00e9\\ud83d\\ude00\\u2028\\u007f\",\"deep\":[[[[{\"\":[]}]]]],\"n\":null"
	kshim_object *made = object(OF(ODD)), *again;
	const char *text;
	json_t *before;
	double real;
	size_t len;

	(void)state;
	before = json_loads(OF(ODD), JSON_ALLOW_NUL, NULL);
	assert_text(made, OF(ODD));
	assert_int_equal(kshim_object_set_string(made, "/added", "x"), 0);
	assert_int_equal(kshim_object_remove(made, "/added"), 0);
	text = kshim_object_text(made, &len);
	assert_int_equal(strlen(text), len);
	again = kshim_object_from_text(client, text, len);
	assert_true(json_equal(kshim_object_tree(again), before));
	assert_int_equal(kshim_object_get_double(again, "/tenth", &real), 0);
	assert_true(real == 0.1);
	assert_int_equal(json_string_length(json_object_get(kshim_object_tree(again), "e")), 3);
	assert_true(json_is_real(json_object_get(kshim_object_tree(again), "whole")));
	json_decref(before);
	kshim_object_unref(again);
	kshim_object_unref(made);
}

/* A server may send what is no UTF-8, or no JSON at all inside brackets that fit. */
static void received_as_it_is(void **state)
{
	static const char *const texts[] = {OF("\"s\":\"a\xff\""), OF("\"s\":\"a\xff\",\"n\":01"), OF("\"s\":\"a\xff\",\"n\":[1 2]")};
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(texts); i++) {
		kshim_object *made = received(NULL, texts[i]);

		assert_null(kshim_object_from_text(client, texts[i], strlen(texts[i])));
		assert_text(made, texts[i]);
		assert_string(kshim_object_get_string(made, "/s"), "a\xff");
		assert_int_equal(kshim_object_get_int(made, "/n", NULL), -1);
		assert_null(kshim_object_tree(made));
		assert_int_equal(kshim_object_set_string(made, "/s", "b"), -1);
		assert_text(made, texts[i]);
		kshim_object_unref(made);
	}
}

/* Members behind the first few are found as well, which are noted. */
static void many_members(void **state)
{
	kshim_object *made;
	char pointer[16], *text;
	size_t len, turn;
	int64_t number;
	FILE *out;
	int i;

	(void)state;
	out = open_memstream(&text, &len);
	fputs("{", out);
	for (i = 0; i < 100; i++)
		fprintf(out, "\"k%d\" : %d,\n", i, i);
	fputs("\"kind\":\"Thing\",\"apiVersion\":\"v1\"}", out);
	fclose(out);
	made = object(text);
	for (turn = 0; turn < 2; turn++) {
		for (i = 0; i < 100; i++) {
			snprintf(pointer, sizeof(pointer), "/k%d", i);
			assert_int_equal(kshim_object_get_int(made, pointer, &number), 0);
			assert_int_equal(number, i);
		}
		assert_string(kshim_object_kind(made), "Thing");
		assert_int_equal(kshim_object_get_size(made, ""), 102);
		assert_int_equal(kshim_object_has(made, "/k100"), 0);
		assert_non_null(kshim_object_tree(made));
	}
	kshim_object_unref(made);
	free(text);
}

static void bad_texts(void **state)
{
	static const struct {
		const char *text, *says;
	} cases[] = {
		{"", "too early"},
		{"   ", "too early"},
		{HEAD, "too early"},
		{HEAD "}}", "byte 35 (line 1)"},
		{HEAD "} x", "byte 36 (line 1)"},
		{"{\n\n\"a\":tru}", "line 3"},
		{HEAD ",\"a\":\"\xff\"}", "byte"},
		{HEAD ",\"a\":\"\n\"}", "byte"},
		{HEAD ",}", "byte"},
		{"[]", "not a JSON object"},
		{"\"x\"", "not a JSON object"},
		{"null", "not a JSON object"},
		{"{}", "/apiVersion"},
		{"{\"kind\":\"Pod\"}", "/apiVersion"},
		{"{\"apiVersion\":\"v1\"}", "/kind"},
		{"{\"apiVersion\":\"v1\",\"kind\":7}", "/kind"},
		{"{\"apiVersion\":\"\",\"kind\":\"Pod\"}", "/apiVersion"},
		{"{\"apiVersion\":null,\"kind\":\"Pod\"}", "/apiVersion"},
	};
	kshim_object *made;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(cases); i++) {
		made = kshim_object_from_text(client, cases[i].text, strlen(cases[i].text));
		if (made || kshim_error_code(kshim_client_error(client)) != KSHIM_EINVAL ||
		    !strstr(kshim_error_message(kshim_client_error(client)), cases[i].says))
			fail_msg("%s: %s", cases[i].text, kshim_error_message(kshim_client_error(client)));
	}
	assert_null(kshim_object_from_text(client, NULL, 0));
	assert_null(kshim_object_from_text(NULL, HEAD "}", strlen(HEAD "}")));
	/* no more than the length that was given; white space around it is no part of it */
	made = kshim_object_from_text(client, HEAD "}}}}", strlen(HEAD "}"));
	assert_text(made, HEAD "}");
	kshim_object_unref(made);
	made = object("\n " HEAD "}\r\n\t ");
	assert_text(made, HEAD "}");
	kshim_object_unref(made);
}

static void of_a_tree(void **state)
{
	kshim_object *made = kshim_object_new(client, json_pack("{s:s,s:s,s:[i,i]}", "apiVersion", "v1", "kind", "Thing",
								"list", 1, 2));

	(void)state;
	assert_string(kshim_object_kind(made), "Thing");
	assert_int_equal(kshim_object_get_size(made, "/list"), 2);
	assert_text(made, OF("\"list\":[1,2]"));
	assert_int_equal(json_array_append_new(json_object_get(kshim_object_tree(made), "list"), json_integer(3)), 0);
	assert_text(made, OF("\"list\":[1,2,3]"));
	kshim_object_unref(made);
	/* each is released, also where it is refused */
	assert_null(kshim_object_new(client, NULL));
	assert_null(kshim_object_new(client, json_pack("{s:s}", "kind", "Thing")));
	assert_int_equal(kshim_error_code(kshim_client_error(client)), KSHIM_EINVAL);
	assert_null(kshim_object_new(client, json_pack("{s:s,s:n}", "kind", "Thing", "apiVersion")));
	assert_null(kshim_object_new(client, json_pack("[s]", "kind")));
	assert_null(kshim_object_new(NULL, json_pack("{s:s,s:s}", "kind", "Thing", "apiVersion", "v1")));
}

/* The same of the text and of the tree; the object does not change by it, nor with it. */
static void values(void **state)
{
	static const struct {
		const char *pointer, *value;
	} cases[] = {
		{"/spec", "{\"a\": [1, {\"b\": \"c\\u0000\\n\"}], \"n\": null, \"/\": 1.5}"},
		{"/spec/a", "[1, {\"b\": \"c\\u0000\\n\"}]"},
		{"/spec/a/1/b", "\"c\\u0000\\n\""},
		{"/spec/a/0", "1"},
		{"/spec/n", "null"},
		{"/spec/~1", "1.5"},
		{"/kind", "\"Thing\""},
		{"/spec/none", NULL},
		{"/spec/a/2", NULL},
		{"spec", NULL},
	};
	const char *text = OF("\"spec\": {\"a\": [1, {\"b\": \"c\\u0000\\n\"}], \"n\": null, \"/\": 1.5} ");
	kshim_object *made = object(text);
	json_t *value, *wanted;
	size_t i;
	int turn;

	(void)state;
	for (turn = 0; turn < 2; turn++) {
		for (i = 0; i < COUNT(cases); i++) {
			value = kshim_object_get_json(made, cases[i].pointer);
			wanted = cases[i].value ? json_loads(cases[i].value, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL) : NULL;
			if (!value != !wanted)
				print_error("%s, tree %d\n", cases[i].pointer, turn);
			assert_int_equal(!value, !wanted);
			assert_true(!value || json_equal(value, wanted));
			json_decref(value);
			json_decref(wanted);
		}
		value = kshim_object_get_json(made, "/spec");
		assert_int_equal(json_object_clear(value), 0);
		json_decref(value);
		assert_int_equal(kshim_object_get_size(made, "/spec"), 3);
		value = kshim_object_get_json(made, "");
		assert_int_equal(json_object_size(value), 3);
		json_decref(value);
		if (turn == 0) {
			assert_null(kshim__object_made_tree(made));
			assert_string(kshim_object_text(made, NULL), text);
		}
		assert_non_null(kshim_object_tree(made));
	}
	kshim_object_unref(made);
}

static void nothing(void **state)
{
	int64_t integer = 5;
	size_t len;

	(void)state;
	assert_null(kshim_object_ref(NULL));
	kshim_object_unref(NULL);
	assert_null(kshim_object_client(NULL));
	assert_null(kshim_object_name(NULL));
	assert_null(kshim_object_get_string(NULL, "/kind"));
	assert_int_equal(kshim_object_get_int(NULL, "/kind", &integer), -1);
	assert_int_equal(kshim_object_get_bool(NULL, "/kind", NULL), -1);
	assert_int_equal(kshim_object_get_double(NULL, "/kind", NULL), -1);
	assert_int_equal(kshim_object_has(NULL, "/kind"), 0);
	assert_int_equal(kshim_object_get_size(NULL, ""), 0);
	assert_null(kshim_object_get_json(NULL, ""));
	assert_null(kshim_object_get_label(NULL, "app"));
	assert_null(kshim_object_text(NULL, &len));
	assert_null(kshim_object_tree(NULL));
	assert_int_equal(kshim_object_set(NULL, "/a", json_true()), -1);
	assert_int_equal(kshim_object_set_int(NULL, "/a", 1), -1);
	assert_int_equal(kshim_object_remove(NULL, "/a"), -1);
	assert_int_equal(integer, 5);
}

static void no_pointer(void **state)
{
	kshim_object *made = object(HEAD "}");
	int turn;

	(void)state;
	for (turn = 0; turn < 2; turn++) {
		assert_null(kshim_object_get_string(made, NULL));
		assert_int_equal(kshim_object_get_int(made, NULL, NULL), -1);
		assert_int_equal(kshim_object_get_bool(made, NULL, NULL), -1);
		assert_int_equal(kshim_object_get_double(made, NULL, NULL), -1);
		assert_int_equal(kshim_object_has(made, NULL), 0);
		assert_int_equal(kshim_object_get_size(made, NULL), 0);
		assert_null(kshim_object_get_json(made, NULL));
		assert_non_null(kshim_object_tree(made));
	}
	kshim_object_unref(made);
}

static void references(void **state)
{
	kshim_loop *own_loop = kshim_loop_new();
	kshim_client *own = kshim_client_new(own_loop, kshim_config_from_url("http://127.0.0.1:1", NULL));
	kshim_object *made = kshim_object_from_text(own, SAMPLE, strlen(SAMPLE));

	(void)state;
	assert_ptr_equal(kshim_object_ref(made), made);
	kshim_object_unref(made);
	kshim_client_free(own);
	assert_null(kshim_object_client(made));
	kshim_loop_free(own_loop);
	/* it outlives both, and is read as before */
	assert_string(kshim_object_name(made), "a");
	assert_int_equal(kshim_object_set_string(made, "/metadata/name", "b"), 0);
	assert_string(kshim_object_name(made), "b");
	kshim_object_unref(made);
}

static void no_memory(void **state)
{
	bool failed = true;
	long i;

	(void)state;
	if (!failalloc_works())
		skip();
	for (i = 0; failed; i++) {
		kshim_object *made;

		failalloc_arm(i, false);
		made = kshim_object_from_text(client, SAMPLE, strlen(SAMPLE));
		failed = failalloc_disarm();
		assert_true(failed == !made);
		if (failed)
			assert_int_equal(kshim_error_code(kshim_client_error(client)), KSHIM_ENOMEM);
		kshim_object_unref(made);
	}
	for (i = 0, failed = true; failed; i++) {
		kshim_object *made = received(KSHIM_POD, "{\"metadata\":{\"name\":\"p\\n\",\"labels\":{\"a/b\":\"c\"}}}");
		const char *name, *label, *text;

		failalloc_arm(i, false);
		name = kshim_object_name(made);
		label = kshim_object_get_label(made, "a/b");
		text = kshim_object_text(made, NULL);
		failed = failalloc_disarm();
		assert_true(failed == (!name || !label || !text));
		/* and what failed is no state that lasts */
		assert_string(kshim_object_name(made), "p\n");
		assert_string(kshim_object_get_label(made, "a/b"), "c");
		assert_non_null(kshim_object_text(made, NULL));
		assert_non_null(kshim_object_tree(made));
		kshim_object_unref(made);
	}
	assert_true(i > 4);
	for (i = 0, failed = true; failed; i++) {
		kshim_object *made = object(SAMPLE);
		json_t *value;

		if (i % 2)
			assert_non_null(kshim_object_tree(made));
		failalloc_arm(i / 2, false);
		value = kshim_object_get_json(made, "/metadata");
		failed = failalloc_disarm();
		assert_true(failed == !value);
		json_decref(value);
		failed = failed || i % 2 == 0; /* both ways */
		kshim_object_unref(made);
	}
}

static int set_up(void **state)
{
	(void)state;
	loop = kshim_loop_new();
	client = kshim_client_new(loop, kshim_config_from_url("http://127.0.0.1:1", NULL));
	return client ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	kshim_client_free(client);
	kshim_loop_free(loop);
	return 0;
}

/* Without managedFields, wherever they stand; a place in the text is found again. */
static void slim(void **state)
{
	static const struct {
		const char *text, *is;
	} cases[] = {
		{"{\"metadata\":{\"resourceVersion\":\"7\",\"managedFields\":[{\"manager\":\"m\"}]},\"a\":1}",
		 "{\"metadata\":{\"resourceVersion\":\"7\"},\"a\":1}"},
		{"{\"metadata\":{\"managedFields\":[{\"manager\":\"]}\\\"\"}], \"resourceVersion\":\"7\"},\"a\":1}",
		 "{\"metadata\":{\"resourceVersion\":\"7\"},\"a\":1}"},
		{"{\"a\":{\"managedFields\":[]},\"metadata\":{\"resourceVersion\":\"7\"}}",
		 "{\"a\":{\"managedFields\":[]},\"metadata\":{\"resourceVersion\":\"7\"}}"},
	};
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(cases); i++) {
		struct kshim__span text = {cases[i].text, strlen(cases[i].text)};
		size_t at = (size_t)(strstr(cases[i].text, "\"7\"") - cases[i].text);
		kshim_object *made = kshim__object_slim(client, KSHIM_POD, "v1", text, &at);

		assert_non_null(made);
		assert_int_equal(made->len, strlen(cases[i].is));
		assert_string_equal(made->text, cases[i].is);
		assert_memory_equal(made->text + at, "\"7\"", 3);
		assert_string_equal(kshim_object_resource_version(made), "7");
		kshim_object_unref(made);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reading),	       cmocka_unit_test(borrowed_strings_stay),
		cmocka_unit_test(names),	       cmocka_unit_test(labels),
		cmocka_unit_test(selectors),
		cmocka_unit_test(editing),	       cmocka_unit_test(nothing_is_lost),
		cmocka_unit_test(edits_keep_the_rest), cmocka_unit_test(received_as_it_is),
		cmocka_unit_test(many_members),	       cmocka_unit_test(bad_texts),
		cmocka_unit_test(of_a_tree),	       cmocka_unit_test(nothing),
		cmocka_unit_test(values),
		cmocka_unit_test(no_pointer),	       cmocka_unit_test(references),
		cmocka_unit_test(no_memory),	       cmocka_unit_test(slim),
	};

	return cmocka_run_group_tests_name("object", tests, set_up, tear_down);
}
