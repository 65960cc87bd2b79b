/* Trees: as jansson makes them, but with all bytes or none when memory is short. */
/* LINK: -Wl,--wrap=kshim__malloc,--wrap=kshim__calloc,--wrap=kshim__realloc,--wrap=kshim__memdup,--wrap=kshim__strdup -Wl,--export-dynamic-symbol=yaml_malloc,--export-dynamic-symbol=yaml_realloc,--export-dynamic-symbol=yaml_strdup */
#include "../testutil.h"
#include "failalloc.h"
#include "../faults/memory_sources.h"

#include "alloc.h"
#include "json/tree.h"

static const char *const sound[] = {
	"{}", "[]", " { } ", "[[],{},[[]]]", "{\"a\":1}", "{\"a\":{\"b\":[1,2,{\"c\":null}]},\"d\":[true,false]}",
	"[0,-0,-1,9223372036854775807,-9223372036854775808]", "[1.5,-0.25,1e3,1E-3,12345678.125,2.0]",
	"[\"\",\"a\",\"\\\"\\\\\\/\\b\\f\\n\\r\\t\",\"\\u0041\\u00e9\\u20ac\\ud83d\\ude00\",\"\xc3\xa9\xe2\x82\xac\",\"a\\u0000b\"]",
	"{\"a b\":1,\"\\u0041\":2,\"\":3,\"a/b\":4}", "{\"a\":1,\"b\":2,\"a\":3}", "\n[\t1 ,\r\n2 ]\n",
	"{\"apiVersion\":\"coordination.k8s.io/v1\",\"kind\":\"Lease\",\"metadata\":{\"name\":\"a-name-that-is-longer-than-any\"}}",
};

static const char *const unsound[] = {
	"", " ", "{", "[1", "[1,]", "{\"a\"}", "{\"a\":}", "{\"a\":1,}", "{a:1}", "[01]", "[1.]", "[.5]", "[1e]", "[+1]", "[nul]",
	"[\"]", "[\"\\x\"]", "[\"\\u12\"]", "[\"\xff\"]", "[\"\n\"]", "[1]]", "{} {}", "[9223372036854775808]",
	"[-9223372036854775809]", "[1e999]", "{\"a\\u0000b\":1}",
};

static json_t *parsed(const char *text, bool unique)
{
	bool no_memory = true;
	json_t *tree = kshim__json_tree_parse(text, strlen(text), unique, &no_memory);

	assert_false(no_memory);
	return tree;
}

static void as_jansson(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(sound); i++) {
		json_t *tree = parsed(sound[i], false), *theirs = json_loads(sound[i], JSON_ALLOW_NUL, NULL);
		size_t flags = JSON_COMPACT | JSON_REAL_PRECISION(17), len = 0;
		char *text = kshim__json_tree_text(tree, &len), *their_text;

		assert_non_null(theirs);
		if (!json_equal(tree, theirs))
			fail_msg("%s: not as jansson has it", sound[i]);
		/* the order of keys, too */
		their_text = json_dumps(theirs, flags);
		assert_string_equal(text, their_text);
		assert_int_equal(len, strlen(text));
		jansson_frees(their_text);
		kshim__free(text);
		json_decref(theirs);
		json_decref(tree);
	}
	for (i = 0; i < COUNT(unsound); i++)
		if (parsed(unsound[i], false))
			fail_msg("%s: taken for JSON", unsound[i]);
	assert_null(kshim__json_tree_text(NULL, NULL));
}

static void unique_keys(void **state)
{
	json_t *tree = parsed("{\"a\":{\"b\":1,\"c\":1},\"b\":[{\"a\":1}]}", true);

	(void)state;
	assert_non_null(tree);
	json_decref(tree);
	assert_null(parsed("{\"a\":1,\"b\":2,\"a\":3}", true));
	assert_null(parsed("[{\"a\":{\"b\":1,\"\\u0062\":2}}]", true));
}

/* As deep as may be, and deeper. */
static void depth(void **state)
{
	static char text[5000];
	json_t *tree;

	(void)state;
	memset(text, '[', 1000);
	memset(text + 1000, ']', 1000);
	tree = parsed(text, false);
	assert_non_null(tree);
	json_decref(tree);
	memset(text, '[', 2000);
	memset(text + 2000, ']', 2000);
	assert_null(parsed(text, false));
}

/* Each allocation fails once: no tree, or the same. */
static void no_memory(void **state)
{
	size_t i;
	long at;

	(void)state;
	if (!failalloc_works())
		skip();
	memory_source = OF_ALL;
	for (i = 0; i < COUNT(sound); i++) {
		json_t *should_be = parsed(sound[i], false);
		bool failed = true, starved;

		for (at = 0; failed; at++) {
			char *text = NULL;
			json_t *tree;

			failalloc_arm(at, false);
			tree = kshim__json_tree_parse(sound[i], strlen(sound[i]), false, &starved);
			if (tree)
				text = kshim__json_tree_text(tree, NULL);
			failed = failalloc_disarm();
			if (tree && !json_equal(tree, should_be))
				fail_msg("%s: not the same without allocation %ld", sound[i], at);
			assert_int_equal(starved, !tree);
			if (!failed)
				assert_non_null(text);
			kshim__free(text);
			json_decref(tree);
		}
		json_decref(should_be);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(as_jansson),
		cmocka_unit_test(unique_keys),
		cmocka_unit_test(depth),
		cmocka_unit_test(no_memory),
	};

	test_begin();
	if (memory_sources_begin() != 0)
		return 1;
	return cmocka_run_group_tests_name("json_tree", tests, NULL, NULL);
}
