/* Label selectors evaluated here. The tables of parsing and matching follow apimachinery's selector_test.go. */
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

#include "failalloc.h"
#include "matcher.h"
#include "selector.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define NAME_63 "123456789012345678901234567890123456789012345678901234567890123"

/* In a block of exactly this size, so that reads beyond it are seen. */
static char *exact(const char *s)
{
	size_t len = strlen(s);
	char *copy = malloc(len ? len : 1);

	assert_non_null(copy);
	memcpy(copy, s, len);
	return copy;
}

static bool matches(const char *selector, const char *labels)
{
	size_t len = strlen(labels) + 128;
	kshim_error *error = NULL;
	struct kshim__matcher *matcher = kshim__matcher_new(selector, &error);
	struct kshim__span span;
	char *text = malloc(len), *bytes;
	bool whole, alone;

	if (!matcher)
		fail_msg("%s: %s", selector, kshim_error_message(error));
	assert_non_null(text);
	snprintf(text, len, "{\"kind\":\"Pod\",\"metadata\":{\"name\":\"x\",\"labels\":%s,\"uid\":\"y\"},\"spec\":{}}",
		 labels);
	bytes = exact(text);
	span.at = bytes;
	span.len = strlen(text);
	whole = kshim__matcher_matches(matcher, span);
	free(bytes);
	span.at = bytes = exact(labels);
	span.len = strlen(labels);
	alone = kshim__matcher_matches_labels(matcher, span);
	free(bytes);
	free(text);
	kshim__matcher_free(matcher);
	assert_int_equal(whole, alone);
	return whole;
}

static void test_good(void **state)
{
	static const char *const good[] = {
		"x=a,y=b,z=c", "", " ", "x!=a,y=b", "x=", "x= ", "x=,z= ", "x= ,z= ", "!x", "! x", "x>1", "x>1,z<5",
		"\rx", "this-is-a-dns.domain.com/key-with-dash",
		"this-is-another-dns.domain.com/key-with-dash in (so,what)",
		"0.1.2.domain/99 notin (10.10.100.1, tick.tack.clock)", "foo  in\t (abc)", "x notin\n (abc)",
		"x  notin\t\t\t(abc,def)", "x in (abc,def)", "x in (abc,)", "x in (abc,abc)", "x in ()", "x in (a,,)",
		"x in (a,,,)", "x in (a,,,,,,)", "x in (a,,a,,a,,a,,)", "x notin (abc,,def),bar,z in (),w",
		"x,y in (a)", "x=a", "x==a", "x>1", "x<7", "x=a,y!=b", "x=a,y!=b,z in (h,i,j)", "x notin ( )",
		"x notin (, a)", "a ", "a in (x,y,notin, z,in)", "notin=in", "in", "notin", "!in", "in in (in)",
		"notin notin(notin)", "x in(a)", "x=in", "x != notin", "x>007", "x==", "x!=", "x=,y",
		"x<9223372036854775807", NAME_63 "=" NAME_63,
	};
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(good); i++) {
		kshim_error *error = NULL;
		struct kshim__matcher *matcher = kshim__matcher_new(good[i], &error);

		if (!matcher)
			fail_msg("\"%s\": %s", good[i], kshim_error_message(error));
		assert_null(error);
		kshim__matcher_free(matcher);
	}
	kshim__matcher_free(kshim__matcher_new(NULL, NULL));
	kshim__matcher_free(NULL);
}

static void test_bad(void **state)
{
	static const struct {
		const char *selector;
		unsigned byte;
		const char *says;
	} bad[] = {
		{"x=a||y=b", 3, "\"a||y\" at byte 3 is no valid label value"},
		{"x==a==b", 5, "\"==\" at byte 5 where \",\" or the end is expected"},
		{"!x=a", 3, "\",\" or the end"},
		{"!x in (a)", 4, "\",\" or the end"},
		{"x<a", 3, "\"a\" at byte 3 is no integer"},
		{"x>", 3, "ends at byte 3 where an integer is expected"},
		{"x>,y", 3, "integer"},
		{"x>9223372036854775808", 3, "integer"},
		{"x>1.5", 3, "integer"},
		{"x>-1", 3, "label value"},
		{"x,,y", 3, "\",\" at byte 3 where a key or \"!\" is expected"},
		{",x,y", 1, "a key or \"!\""},
		{"x nott in (y)", 3, "\"nott\" at byte 3 where an operator is expected"},
		{"x exists", 3, "operator"},
		{"x!", 2, "operator"},
		{"x!y", 2, "operator"},
		{"x =! a", 4, "value"},
		{"x===a", 4, "value"},
		{"x=(a)", 3, "value"},
		{"a in (xyz),", 12, "ends at byte 12 where a key or \"!\" is expected"},
		{"a in (xyz)b notin ()", 11, "\",\" or the end"},
		{"a in (xyz abc)", 11, "\"abc\" at byte 11 where \",\" or \")\" is expected"},
		{"a in (x", 8, "\",\" or \")\""},
		{"a in (x,", 9, "a value, \",\" or \")\""},
		{"a in (=)", 7, "a value"},
		{"a in ((x))", 7, "a value"},
		{"a in x", 6, "\"(\""},
		{"a in", 5, "\"(\""},
		{"a notin(", 9, "a value"},
		{"a (", 3, "operator"},
		{"(", 1, "a key"},
		{")", 1, "a key"},
		{"=a", 1, "a key"},
		{"!", 2, "ends at byte 2 where a key is expected"},
		{"!!x", 2, "where a key is expected"},
		{"x=a b", 5, "\",\" or the end"},
		{"x=-a", 3, "label value"},
		{"x=a.", 3, "label value"},
		{"x in (a,b_)", 9, "label value"},
		{"x=\xc3\xa4", 3, "label value"},
		{"x=a\vb", 3, "label value"},
		{"-x=a", 1, "label key"},
		{"X.y/z", 1, "label key"},
		{"a/b/c", 1, "label key"},
		{"/b", 1, "label key"},
		{"y,b/", 3, "label key"},
		{"x=a," NAME_63 "4", 5, "label key"},
		{"x=" NAME_63 "4", 3, "label value"},
	};
	char at[32];
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(bad); i++) {
		kshim_error *error = NULL;
		struct kshim__matcher *matcher = kshim__matcher_new(bad[i].selector, &error);

		if (matcher)
			fail_msg("\"%s\" was taken", bad[i].selector);
		assert_int_equal(kshim_error_code(error), KSHIM_EINVAL);
		snprintf(at, sizeof(at), "at byte %u ", bad[i].byte);
		if (!strstr(kshim_error_message(error), at) || !strstr(kshim_error_message(error), bad[i].says))
			fail_msg("\"%s\": %s", bad[i].selector, kshim_error_message(error));
		kshim_error_free(error);
		assert_null(kshim__matcher_new(bad[i].selector, NULL));
	}
}

static void test_too_long(void **state)
{
	char *selector = malloc(KSHIM__SELECTOR_MAX + 2);
	struct kshim__matcher *matcher;
	kshim_error *error = NULL;

	(void)state;
	assert_non_null(selector);
	memset(selector, ',', KSHIM__SELECTOR_MAX + 1);
	memcpy(selector, "a in (", 6);
	selector[KSHIM__SELECTOR_MAX - 1] = ')';
	selector[KSHIM__SELECTOR_MAX] = '\0';
	matcher = kshim__matcher_new(selector, NULL);
	assert_non_null(matcher);
	kshim__matcher_free(matcher);
	selector[KSHIM__SELECTOR_MAX] = ' ';
	selector[KSHIM__SELECTOR_MAX + 1] = '\0';
	assert_null(kshim__matcher_new(selector, &error));
	assert_int_equal(kshim_error_code(error), KSHIM_EINVAL);
	kshim_error_free(error);
	free(selector);
}

static void test_match(void **state)
{
	static const struct {
		const char *selector, *labels;
		bool match;
	} cases[] = {
		{"", "{\"x\":\"y\"}", true},
		{"x=y", "{\"x\":\"y\"}", true},
		{"x==y", "{\"x\":\"y\"}", true},
		{"x=y,z=w", "{\"x\":\"y\",\"z\":\"w\"}", true},
		{"x!=y,z!=w", "{\"x\":\"z\",\"z\":\"a\"}", true},
		{"notin=in", "{\"notin\":\"in\"}", true},
		{"x", "{\"x\":\"z\"}", true},
		{"!x", "{\"y\":\"z\"}", true},
		{"x>1", "{\"x\":\"2\"}", true},
		{"x<1", "{\"x\":\"0\"}", true},
		{"x=z", "{}", false},
		{"x=y", "{\"x\":\"z\"}", false},
		{"x=y,z=w", "{\"x\":\"w\",\"z\":\"w\"}", false},
		{"x!=y,z!=w", "{\"x\":\"z\",\"z\":\"w\"}", false},
		{"x", "{\"y\":\"z\"}", false},
		{"!x", "{\"x\":\"z\"}", false},
		{"x>1", "{\"x\":\"0\"}", false},
		{"x<1", "{\"x\":\"2\"}", false},
		{"foo=bar", "{\"foo\":\"bar\",\"baz\":\"blah\"}", true},
		{"baz=blah", "{\"foo\":\"bar\",\"baz\":\"blah\"}", true},
		{"foo=bar,baz=blah", "{\"foo\":\"bar\",\"baz\":\"blah\"}", true},
		{"foo=blah", "{\"foo\":\"bar\",\"baz\":\"blah\"}", false},
		{"baz=bar", "{\"foo\":\"bar\",\"baz\":\"blah\"}", false},
		{"foo=bar,foobar=bar,baz=blah", "{\"foo\":\"bar\",\"baz\":\"blah\"}", false},
		{"x in (foo),y notin (alpha)", "{\"x\":\"foo\",\"y\":\"baz\"}", true},
		{"x in (foo),y in (alpha)", "{\"x\":\"foo\",\"y\":\"baz\"}", false},
		{"x notin (),y", "{\"y\":\"\"}", true},
		{"!x,y", "{\"y\":\"\"}", true},
		{"x notin (),!y", "{\"y\":\"\"}", false},
		{"x in ()", "{\"y\":\"baz\"}", false},
		{"z>1", "{\"z\":\"2\"}", true},
		{"z>1", "{\"z\":\"v2\"}", false},
		/* our own */
		{"x=", "{\"x\":\"\"}", true},
		{"x=", "{\"x\":\"a\"}", false},
		{"x=", "{}", false},
		{"x!=", "{\"x\":\"\"}", false},
		{"x!=", "{\"x\":\"a\"}", true},
		{"x!=", "{}", true},
		{"x!=a", "{}", true},
		{"x in (a,,b)", "{\"x\":\"\"}", true},
		{"x in (a,,b)", "{\"x\":\"b\"}", true},
		{"x in (a,b)", "{\"x\":\"\"}", false},
		{"x in (a,b)", "{\"x\":\"ab\"}", false},
		{"x in (a,b),x in (b,c)", "{\"x\":\"b\"}", true},
		{"x in (a,b),x in (b,c)", "{\"x\":\"a\"}", false},
		{"x=a,x=b", "{\"x\":\"a\"}", false},
		{"x notin (a,b)", "{\"x\":\"b\"}", false},
		{"x notin (a,b)", "{\"x\":\"c\"}", true},
		{"x=a", "{\"X\":\"a\"}", false},
		{"x=a", "{\"x\":\"A\"}", false},
		{"x=ab", "{\"x\":\"a\"}", false},
		{"x", "{\"xy\":\"\",\"w\":\"x\"}", false},
		{"x>1", "{}", false},
		{"x<1", "{}", false},
		{"x>1", "{\"x\":\"1\"}", false},
		{"x<1", "{\"x\":\"1\"}", false},
		{"x>1", "{\"x\":\"+2\"}", true},
		{"x<1", "{\"x\":\"-9223372036854775808\"}", true},
		{"x<1", "{\"x\":\"-9223372036854775809\"}", false},
		{"x<1", "{\"x\":\"-0\"}", true},
		{"x>1", "{\"x\":\"9223372036854775807\"}", true},
		{"x>1", "{\"x\":\"9223372036854775808\"}", false},
		{"x>1", "{\"x\":\"18446744073709551620\"}", false},
		{"x>1", "{\"x\":\"\"}", false},
		{"x>1", "{\"x\":\"+\"}", false},
		{"x>1", "{\"x\":\"0002\"}", true},
		{"x>1", "{\"x\":\"2 \"}", false},
		{"x>1", "{\"x\":\"+-2\"}", false},
		{"x>1", "{\"x\":2}", false},
		/* escapes, white space, what is no string */
		{"x=a", "{\"\\u0078\":\"\\u0061\"}", true},
		{"x=a", "{\"\\u0078\":\"\\u0062\"}", false},
		{"a/b=c", "{\"a\\/b\":\"c\"}", true},
		{"a/b in (d,c)", "{\"a\\/b\":\"\\u0063\"}", true},
		{"x>1", "{\"x\":\"\\u0032\"}", true},
		{"x>1", "{\"x\":\"\\u002b2\"}", true},
		{"x", "{\"x\\u0000\":\"\"}", false},
		{"x=a", "{\"x\":\"a\\u0000\"}", false},
		{"x=a", "{\"x\":\"\\\"a\"}", false},
		{"x=a", "{ \"y\" : \"b\" , \"x\"\n:\t\"a\" }", true},
		{"x=a", "null", false},
		{"!x", "null", true},
		{"x!=a", "[\"x\"]", true},
		{"x", "\"x\"", false},
		{"x", "{\"x\":null}", false},
		{"!x", "{\"x\":null}", true},
		{"x", "{\"x\":1}", false},
		{"x", "{\"x\":{\"x\":\"a\"}}", false},
		{"x=a", "{\"x\":\"a\",\"x\":\"b\"}", true},
		{"x=b", "{\"x\":\"a\",\"x\":\"b\"}", false},
	};
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(cases); i++)
		if (matches(cases[i].selector, cases[i].labels) != cases[i].match)
			fail_msg("\"%s\" and %s", cases[i].selector, cases[i].labels);
}

static void test_objects(void **state)
{
	static const struct {
		const char *object;
		bool positive, negative; /* of x=a, and of !x */
	} cases[] = {
		{"{\"metadata\":{\"labels\":{\"x\":\"a\"}}}", true, false},
		{"{\"labels\":{\"x\":\"a\"}}", false, true},
		{"{\"metadata\":{\"annotations\":{\"x\":\"a\"}}}", false, true},
		{"{\"spec\":{\"labels\":{\"x\":\"a\"}},\"metadata\":{}}", false, true},
		{"{\"metadata\":null}", false, true},
		{"{}", false, true},
		{"", false, true},
		{"{\"metadata\":{\"labels\":{\"x\":\"a\"", false, true},
	};
	struct kshim__matcher *all = kshim__matcher_new("", NULL), *positive = kshim__matcher_new("x=a", NULL),
			      *negative = kshim__matcher_new("!x", NULL);
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(cases); i++) {
		char *bytes = exact(cases[i].object);
		struct kshim__span object = {bytes, strlen(cases[i].object)};

		assert_true(kshim__matcher_matches(all, object));
		assert_int_equal(kshim__matcher_matches(positive, object), cases[i].positive);
		assert_int_equal(kshim__matcher_matches(negative, object), cases[i].negative);
		free(bytes);
	}
	kshim__matcher_free(all);
	kshim__matcher_free(positive);
	kshim__matcher_free(negative);
}

static void test_without_memory(void **state)
{
	static const char object[] = "{\"metadata\":{\"labels\":{\"\\u0061\":\"\\u0062\",\"n\":\"\\u0031\"}}}";
	struct kshim__span span = {object, sizeof(object) - 1};
	struct kshim__matcher *matcher;
	kshim_error *error = NULL;

	(void)state;
	if (!failalloc_works())
		skip();
	failalloc_arm(0, false);
	assert_null(kshim__matcher_new("a=b,c in (d,e)", &error));
	assert_true(failalloc_disarm());
	assert_int_equal(kshim_error_code(error), KSHIM_ENOMEM);
	kshim_error_free(error);
	matcher = kshim__matcher_new("a=b,n>0,!z", NULL);
	failalloc_arm(0, true);
	assert_true(kshim__matcher_matches(matcher, span));
	assert_false(failalloc_disarm());
	assert_int_equal(failalloc_count, 0);
	kshim__matcher_free(matcher);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_bad),
		cmocka_unit_test(test_too_long),
		cmocka_unit_test(test_match),
		cmocka_unit_test(test_objects),
		cmocka_unit_test(test_without_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
