/* YAML and JSON text to trees, and back. test/judge compares the rules with
 * Kubernetes' own reader; here stand the errors, the lines and the limits. */
/* LINK: -lm -Wl,--wrap=kshim__malloc,--wrap=kshim__calloc,--wrap=kshim__realloc,--wrap=kshim__memdup,--wrap=kshim__strdup,--wrap=strtod,--wrap=localeconv */
#include "yaml_doc.h"
#include "yaml_scalar.h"

#include <locale.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "failalloc.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* The documents as JSON, a line for each; or "ERROR message". */
static char *read_text(const char *text, size_t len, int lines)
{
	struct kshim__yaml_doc *docs;
	kshim_error *error = NULL;
	char *out = NULL;
	size_t count, i, size;
	FILE *file = open_memstream(&out, &size);

	if (kshim__yaml_read(text, len, "in", KSHIM_EMANIFEST, lines, &docs, &count, &error) < 0) {
		assert_non_null(error);
		fprintf(file, "ERROR %s", kshim_error_message(error));
		if (kshim_error_code(error) != KSHIM_EMANIFEST)
			fprintf(file, " (code %d)", kshim_error_code(error));
		kshim_error_free(error);
	} else {
		assert_null(error);
		for (i = 0; i < count; i++) {
			char *json = json_dumps(docs[i].value, JSON_COMPACT | JSON_ENCODE_ANY);

			fprintf(file, "%s%u:%s", i ? "\n" : "", docs[i].line, json);
			free(json);
			json = docs[i].lines ? json_dumps(docs[i].lines, JSON_COMPACT) : NULL;
			assert_true(!json == !lines);
			if (json)
				fprintf(file, " %s", json);
			free(json);
		}
		kshim__yaml_free(docs, count);
	}
	fclose(file);
	return out;
}

static void expect(const char *text, size_t len, int lines, const char *wanted)
{
	char *got = read_text(text, len, lines);

	if (strcmp(got, wanted) != 0)
		fail_msg("%.300s\n  gives  %s\n  wanted %s", text, got, wanted);
	free(got);
}

static void scalars(void **state)
{
	static const struct {
		const char *yaml, *json;
	} cases[] = {
		{"no", "false"}, {"NO", "false"}, {"nO", "\"nO\""}, {"off", "false"}, {"Off", "false"},
		{"n", "false"}, {"y", "true"}, {"yes", "true"}, {"on", "true"}, {"'no'", "\"no\""},
		{"True", "true"}, {"tRUE", "\"tRUE\""}, {"norway", "\"norway\""},
		{"[~]", "[null]"}, {"[null]", "[null]"}, {"[NULL]", "[null]"}, {"[nULL]", "[\"nULL\"]"}, {"''", "\"\""},
		{"0", "0"}, {"-0", "0"}, {"010", "8"}, {"0o10", "8"}, {"08", "8"}, {"0b101", "5"}, {"0x1F", "31"},
		{"-0x10", "-16"}, {"0x", "\"0x\""}, {"0b2", "\"0b2\""}, {"0o8", "\"0o8\""}, {"+5", "5"},
		{"1_000", "1000"}, {"_1", "\"_1\""}, {"1_", "1"}, {"--1", "\"--1\""}, {"1:30", "\"1:30\""},
		{"9223372036854775807", "9223372036854775807"}, {"-9223372036854775808", "-9223372036854775808"},
		{"9223372036854775808", NULL}, {"-9223372036854775809", NULL}, {"18446744073709551615", NULL},
		{"99999999999999999999999", NULL}, {"0xffffffffffffffff", NULL}, {"!!int 99999999999999999999", NULL},
		{"0x10000000000000000", "\"0x10000000000000000\""},
		{"1.0", "1"}, {"1e3", "1000"}, {".5", "0.5"}, {"1.", "1"}, {"-.5", "-0.5"}, {"+.5", "0.5"},
		{"1e400", "\"1e400\""}, {"1e-400", "0"}, {".", "\".\""}, {"1.2.3", "\"1.2.3\""}, {"1e", "\"1e\""},
		{"9223372036854775808.0", "9.2233720368547758e18"},
		{".inf", NULL}, {"-.INF", NULL}, {".NaN", NULL}, {"inf", "\"inf\""}, {"nan", "\"nan\""}, {"'.inf'", "\".inf\""},
		{"2001-12-14", "\"2001-12-14\""}, {"2001-12-14T21:59:43Z", "\"2001-12-14T21:59:43Z\""},
		{"!!str 1", "\"1\""}, {"!!int '3'", "3"}, {"!!int 3.5", NULL}, {"!!int x", NULL}, {"!!float 3", "3"},
		{"!!float .inf", NULL}, {"!!bool yes", "true"}, {"!!bool 1", NULL}, {"[!!null '']", "[null]"},
		{"!!null x", NULL}, {"! 12", "\"12\""}, {"!x 12", "\"12\""}, {"!!binary aGk=", "\"hi\""},
		{"!!binary 'aGk'", NULL}, {"!!binary /w==", NULL}, {"!!binary 'a*k='", NULL}, {"!!binary '='", NULL},
		{"!!binary 'aGk==='", NULL}, {"!!binary 'aGk=aGk='", NULL}, {"!!timestamp 2001-12-14", "\"2001-12-14\""},
		{"\"\\u00e9\\x41\\0\"", "\"\xc3\xa9" "A\\u0000\""},
	};
	char text[256], wanted[256], *got;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(cases); i++) {
		snprintf(text, sizeof(text), "%s\n", cases[i].yaml);
		snprintf(wanted, sizeof(wanted), "1:%s", cases[i].json ? cases[i].json : "");
		got = read_text(text, strlen(text), 0);
		if (cases[i].json ? strcmp(got, wanted) != 0 : strncmp(got, "ERROR in:1: ", 12) != 0)
			fail_msg("%s gives %s", cases[i].yaml, got);
		free(got);
	}
}

static void long_digits(void **state)
{
	char text[2000];

	(void)state;
	memset(text, '7', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	/* Beyond a double: text, as in Go. */
	assert_true(strlen(text) > 512);
	struct kshim__yaml_scalar scalar;
	kshim__yaml_classify(text, strlen(text), &scalar);
	assert_int_equal(scalar.type, KSHIM__YAML_STRING);
	kshim__yaml_classify(text, 400, &scalar);
	assert_int_equal(scalar.type, KSHIM__YAML_STRING);
	kshim__yaml_classify(text, 300, &scalar);
	assert_int_equal(scalar.type, KSHIM__YAML_TOO_BIG);
	kshim__yaml_classify("1\0", 2, &scalar);
	assert_int_equal(scalar.type, KSHIM__YAML_STRING);
}

static void documents(void **state)
{
	static const struct {
		const char *text, *wanted;
	} cases[] = {
		{"", ""}, {"\n\n", ""}, {"# c\n", ""}, {"---\n", ""}, {"---\n---\n# c\n---\n...\n", ""}, {"null\n", ""}, {"~", ""},
		{"a: 1", "1:{\"a\":1}"},
		{"\n# c\n---\n# d\na: 1\n---\n\nb: 2\n", "5:{\"a\":1}\n8:{\"b\":2}"},
		{"\xEF\xBB\xBF" "a: 1\n", "1:{\"a\":1}"},
		{"\xEF\xBB\xBF{\"a\": 1}", "1:{\"a\":1}"},
		{"a: 1\r\n---\r\nb: 2\r\n", "1:{\"a\":1}\n3:{\"b\":2}"},
		{"--- {a: 1}\n--- {b: 2}\n", "1:{\"a\":1}\n2:{\"b\":2}"},
		{"a: 1\n...\n---\nb: 2\n", "1:{\"a\":1}\n4:{\"b\":2}"},
		/* JSON, one value after another */
		{"{\"a\":1}{\"b\":2}\n\n [3]", "1:{\"a\":1}\n1:{\"b\":2}\n3:[3]"},
		{"{\"a\":1}\n---\n{\"b\":2}\n---\nc: 3\n", "1:{\"a\":1}\n3:{\"b\":2}\n5:{\"c\":3}"},
		{"{\n\"a\":\n1}\n{\"b\":2}{\"c\":3}\n---\nd: 4\n", "1:{\"a\":1}\n4:{\"b\":2}\n4:{\"c\":3}\n6:{\"d\":4}"},
		{"{\"u\":\"\\ud83d\\ude00\\/\"}", "1:{\"u\":\"\xf0\x9f\x98\x80/\"}"},
		{"{a: b}\n", "1:{\"a\":\"b\"}"}, {"{\"a\": 1,}", "1:{\"a\":1}"},
		{"[1, two]", "1:[1,\"two\"]"},
		/* the last of two wins */
		{"a: 1\nb: 2\na: 3\n", "1:{\"a\":3,\"b\":2}"}, {"{\"a\":1,\"a\":2}", "1:{\"a\":2}"},
		/* keys become text */
		{"1: a\n1.5: b\ntrue: c\n0x10: d\n1e6: e\n", "1:{\"1\":\"a\",\"1.5\":\"b\",\"true\":\"c\",\"16\":\"d\",\"1e+06\":\"e\"}"},
		{"a: &k 1.5\n*k : x\n", "1:{\"a\":1.5,\"1.5\":\"x\"}"},
		{"&k a: 1\n*k : 2\n? &n 7\n: 3\n? &t yes\n: 4\n", "1:{\"a\":2,\"7\":3,\"true\":4}"},
	};
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(cases); i++)
		expect(cases[i].text, strlen(cases[i].text), 0, cases[i].wanted);
}

static void anchors(void **state)
{
	static const struct {
		const char *text, *wanted;
	} cases[] = {
		{"a: &x {k: v}\nb: *x\nc: [*x, *x]", "1:{\"a\":{\"k\":\"v\"},\"b\":{\"k\":\"v\"},\"c\":[{\"k\":\"v\"},{\"k\":\"v\"}]}"},
		{"- &x 1\n- *x\n- &x 2\n- *x", "1:[1,1,2,2]"},
		{"a: &x {p: 1, q: 2}\nb: {<<: *x, q: 3}\nc: {q: 3, <<: *x}\n", "1:{\"a\":{\"p\":1,\"q\":2},\"b\":{\"p\":1,\"q\":3},\"c\":{\"q\":2,\"p\":1}}"},
		{"a: &x {p: 1}\nb: &y {p: 2, r: 3}\nc: {<<: [*x, *y]}\n", "1:{\"a\":{\"p\":1},\"b\":{\"p\":2,\"r\":3},\"c\":{\"p\":1,\"r\":3}}"},
		{"a: {'<<': {b: 1}}", "1:{\"a\":{\"<<\":{\"b\":1}}}"},
		{"a: {!!merge x: {b: 1}}", "1:{\"a\":{\"x\":{\"b\":1}}}"},
		{"a: <<", "1:{\"a\":\"<<\"}"},
		{"a: 1\nb: *x", "ERROR in:2: an alias of an anchor that does not exist"},
		{"a: &x 1\n---\nb: *x", "ERROR in:3: an alias of an anchor that does not exist"},
		{"a: &x [1, *x]", "ERROR in:1: an alias within its own anchor"},
		{"a: &x {b: *x}", "ERROR in:1: an alias within its own anchor"},
		{"a:\n  <<: 5", "ERROR in:2: << wants a mapping or a list of mappings"},
		{"a: &x 5\nb: {<<: *x}", "ERROR in:2: << wants a mapping or a list of mappings"},
		{"a: &x [{b: 1}]\nb: {<<: *x}", "ERROR in:2: << wants a mapping or a list of mappings"},
		{"a: {<<: [{b: 1}, 2]}", "ERROR in:1: << wants a mapping or a list of mappings"},
	};
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(cases); i++)
		expect(cases[i].text, strlen(cases[i].text), 0, cases[i].wanted);
}

/* Every message names the line; none quotes a value. */
static void errors(void **state)
{
	static const struct {
		const char *text, *wanted;
	} cases[] = {
		{"a: 1\nb: x\xffy\n", "ERROR in:2: invalid leading UTF-8 octet"},
		{"a: \xc0\xaf\n", "ERROR in:1: invalid length of a UTF-8 sequence"},
		{"a: 1\nb: x\x01y\n", "ERROR in:2: control characters are not allowed"},
		{"a:\n\tb: 1\n", "ERROR in:2: found character that cannot start any token; a tab cannot indent"},
		{"a: 1\nb: \"x\n\nc: 1\n", "ERROR in:5: found unexpected end of stream (while scanning a quoted scalar that began on line 2)"},
		{"a: 1\nb:\n  c: 1\n d: 2\n", "ERROR in:4: did not find expected key (while parsing a block mapping that began on line 1)"},
		{"a: b: c\n", "ERROR in:1: mapping values are not allowed in this context"},
		{"a: [1,\n2\nb: 3\n", "ERROR in:3: did not find expected ',' or ']' (while parsing a flow sequence that began on line 1)"},
		{"x: 1\n? {a: 1}\n: 2\n", "ERROR in:2: a key is not text"},
		{"x: 1\n~: 2\n", "ERROR in:2: a key is null"},
		{"\"a\\0b\": 2\n", "ERROR in:1: a key holds a NUL byte"},
		{"x: 1\n99999999999999999999: 2\n", "ERROR in:2: the integer does not fit in 64 bits; quote the value if it is meant as text"},
		{"x:\n- .inf\n", "ERROR in:2: JSON has no infinity and no NaN; quote the value if it is meant as text"},
		{"x:\n- !!int geheim\n", "ERROR in:2: the value does not fit its tag"},
		{"a: 1\n...\nb: 2\n", "ERROR in:3: did not find expected <document start>"},
		{"{\"a\": 1,\n \"b\": }}", "ERROR in:2: JSON, column 7: unexpected token"},
		{"{\"a\": 1}\n\n  {\"b\": \"geheim\" \"x\": 2 }}", "ERROR in:3: JSON, column 20: '}' expected"},
		{"{\"a\": 123456789012345678901}", "ERROR in:1: JSON, column 27: too big integer"},
		{"{\"a\": \"x\xffy\"}", "ERROR in:1: JSON, column 8: unable to decode byte 0xff"},
		{"{\"a\": 1}{\"b\": 2}{c: 3}", "ERROR in:1: JSON, column 18: string or '}' expected"},
	};
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(cases); i++)
		expect(cases[i].text, strlen(cases[i].text), 0, cases[i].wanted);
	expect("a: 1\0b: 2", 9, 0, "ERROR in:1: control characters are not allowed");
	assert_int_equal(kshim__yaml_read("a: [", 4, "in", KSHIM_ECONFIG, 0, &(struct kshim__yaml_doc *){0}, &i, NULL), -1);
	assert_int_equal(kshim__yaml_read("{\"a\": [", 7, "in", KSHIM_ECONFIG, 0, &(struct kshim__yaml_doc *){0}, &i, NULL), -1);
}

static void line_numbers(void **state)
{
	static const char yaml[] = "# c\na: 1\nb:\n  c/d:\n  - x\n  -\n    z: 2\n  e~: {f: 3,\n   g: 4}\n";
	static const char json[] = "\n{\"a\": 1,\n \"b\": {\"c/d\": [\"x\",\n {\"y\": \"\\\"{\"}],\n \"\\u0065~\": {}}}\n";
	struct kshim__yaml_doc *docs;
	size_t count;

	(void)state;
	expect(yaml, strlen(yaml), 10,
	       "2:{\"a\":1,\"b\":{\"c/d\":[\"x\",{\"z\":2}],\"e~\":{\"f\":3,\"g\":4}}} "
	       "{\"/a\":2,\"/b\":3,\"/b/c~1d\":4,\"/b/c~1d/0\":5,\"/b/c~1d/1\":7,\"/b/c~1d/1/z\":7,"
	       "\"/b/e~0\":8,\"/b/e~0/f\":8,\"/b/e~0/g\":9}");
	expect(json, strlen(json), 10,
	       "2:{\"a\":1,\"b\":{\"c/d\":[\"x\",{\"y\":\"\\\"{\"}],\"e~\":{}}} "
	       "{\"/a\":2,\"/b\":3,\"/b/c~1d\":3,\"/b/c~1d/0\":3,\"/b/c~1d/1\":4,\"/b/c~1d/1/y\":4,\"/b/e~0\":5}");
	expect(yaml, strlen(yaml), 1, "2:{\"a\":1,\"b\":{\"c/d\":[\"x\",{\"z\":2}],\"e~\":{\"f\":3,\"g\":4}}} {\"/a\":2,\"/b\":3}");
	assert_int_equal(kshim__yaml_read(yaml, strlen(yaml), "in", KSHIM_ECONFIG, 3, &docs, &count, NULL), 0);
	assert_int_equal(kshim__yaml_line(docs, ""), 2);
	assert_int_equal(kshim__yaml_line(docs, "/nothing"), 2);
	assert_int_equal(kshim__yaml_line(docs, "/b"), 3);
	assert_int_equal(kshim__yaml_line(docs, "/b/nothing/x"), 3);
	assert_int_equal(kshim__yaml_line(docs, "/b/c~1d/1/z"), 7);
	kshim__yaml_free(docs, count);
}

static char *repeat(const char *what, size_t times, const char *tail)
{
	size_t len = strlen(what), i;
	char *text = malloc(len * times + strlen(tail) + 1);

	for (i = 0; i < times; i++)
		memcpy(text + i * len, what, len);
	strcpy(text + len * times, tail);
	return text;
}

static void limits(void **state)
{
	struct kshim__yaml_doc *docs;
	char *text, *got, *tail;
	size_t count, len = 0;
	int i, j;

	(void)state;
	got = repeat("]", KSHIM__YAML_DEPTH, "");
	text = repeat("[", KSHIM__YAML_DEPTH, got);
	assert_int_equal(kshim__yaml_read(text, strlen(text), "in", KSHIM_EMANIFEST, 3, &docs, &count, NULL), 0);
	kshim__yaml_free(docs, count);
	free(text);
	text = repeat("[", KSHIM__YAML_DEPTH + 1, got);
	expect(text, strlen(text), 0, "ERROR in:1: nested too deep");
	free(got);
	free(text);
	tail = repeat("}", KSHIM__YAML_DEPTH, "");
	got = repeat("{\"a\":", KSHIM__YAML_DEPTH - 1, "{\"a\":{}");
	assert_true(asprintf(&text, "%s%s", got, tail) > 0);
	expect(text, strlen(text), 0, "ERROR in:1: nested deeper than 200 levels");
	free(tail);
	free(got);
	free(text);
	text = repeat("[", 100000, "");
	expect(text, strlen(text), 0, "ERROR in:1: nested too deep");
	free(text);

	/* a billion laughs */
	text = malloc(4096);
	len = (size_t)sprintf(text, "a0: &a0 [l, l, l, l, l, l, l, l, l, l]\n");
	for (i = 1; i < 9; i++) {
		len += (size_t)sprintf(text + len, "a%d: &a%d [", i, i);
		for (j = 0; j < 10; j++)
			len += (size_t)sprintf(text + len, "%s*a%d", j ? ", " : "", i - 1);
		len += (size_t)sprintf(text + len, "]\n");
	}
	expect(text, len, 0, "ERROR in:7: the aliases expand to too much");
	free(text);
	/* few aliases of much text */
	got = repeat("0123456789abcdef", 1 << 16, "");
	text = malloc(strlen(got) + 200 * 6 + 64);
	len = (size_t)sprintf(text, "- &a \"%s\"\n", got);
	for (i = 0; i < 200; i++)
		len += (size_t)sprintf(text + len, "- *a\n");
	free(got);
	expect(text, len, 0, "ERROR in:124: the aliases expand to too much");
	free(text);
}

static void formatting(void **state)
{
	static const struct {
		const char *json, *yaml;
	} cases[] = {
		{"{\"b\":1,\"a\":[1,2.5,true,null,\"x\"],\"c\":{},\"d\":[]}", "b: 1\na:\n- 1\n- 2.5\n- true\n- null\n- x\nc: {}\nd: []\n"},
		{"{\"a\":{\"b\":[{\"c\":1,\"d\":2},[1,[2]]]}}", "a:\n  b:\n  - c: 1\n    d: 2\n  - - 1\n    - - 2\n"},
		{"[\"no\",\"y\",\"1\",\"1.5\",\"\",\"~\",\"null\",\"0x1\",\"1:30\",\".inf\",\"<<\",\"-\",\"true\"]",
		 "- \"no\"\n- \"y\"\n- \"1\"\n- \"1.5\"\n- \"\"\n- \"~\"\n- \"null\"\n- \"0x1\"\n- \"1:30\"\n- \".inf\"\n- \"<<\"\n- '-'\n- \"true\"\n"},
		{"[\"a: b\",\"a #b\",\" a\",\"a \",\"#a\",\"a:b\",\"it's\",\"@x\",\"{a\",\"- a\",\"2001-12-14\"]",
		 "- 'a: b'\n- 'a #b'\n- ' a'\n- 'a '\n- '#a'\n- a:b\n- it's\n- '@x'\n- '{a'\n- '- a'\n- 2001-12-14\n"},
		{"{\"t\":\"one\\ntwo\\n\",\"u\":\"one\\ntwo\",\"v\":\"one\\n\\n\"}", "t: |\n  one\n  two\nu: |-\n  one\n  two\nv: |+\n  one\n\n"},
		{"[\"a\\rb\\n\",\"tab\\there\",\"\\u0001\",\"\\u00e9\"]", "- \"a\\rb\\n\"\n- \"tab\\there\"\n- \"\\x01\"\n- \xc3\xa9\n"},
		{"{\"1\":1,\"no\":2,\"a b\":3,\"\":4}", "\"1\": 1\n\"no\": 2\na b: 3\n\"\": 4\n"},
		{"[1e6,1e-7,0.1,123456.5,1234567.5,100000.0,1e21,-2.5e-5,5e-324,1.7976931348623157e308]",
		 "- 1e+06\n- 1e-07\n- 0.1\n- 123456.5\n- 1.2345675e+06\n- 100000\n- 1e+21\n- -2.5e-05\n- 5e-324\n- 1.7976931348623157e+308\n"},
	};
	json_t *value;
	size_t i;
	char *got;

	(void)state;
	for (i = 0; i < COUNT(cases); i++) {
		value = json_loads(cases[i].json, 0, NULL);
		assert_non_null(value);
		got = kshim__yaml_format(value);
		assert_string_equal(got, cases[i].yaml);
		free(got);
		json_decref(value);
	}
	assert_null(kshim__yaml_format(NULL));
}

static unsigned seed = 20240607;

static unsigned pick(unsigned below)
{
	seed = seed * 1103515245u + 12345u;
	return (seed >> 12) % below;
}

/* Bits that have bitten YAML writers. */
static json_t *random_string(void)
{
	static const char *const bits[] = {
		"a", "b", " ", "  ", "\n", "\n\n", "\t", ":", ": ", "#", " #", "-", "- ", "---", "...", "'", "\"", "\\", "{", "}",
		"[", "]", ",", "&", "*", "!", "|", ">", "%", "@", "`", "?", "? ", "=", "<<", "~", "null", "no", "y", "1", "0x",
		"1.5", "1e3", "_", "+", ".", ".inf", "\r", "\x01", "\x7f", "\xc3\xa9", "\xc2\x85", "\xe2\x80\xa8",
		"\xef\xbb\xbf", "\xf0\x9f\x98\x80", "1:30", "2001-12-14", "\xef\xbf\xbd", "\xc2\xa0",
	};
	char text[256] = "";
	unsigned n = pick(6);

	while (n--)
		strcat(text, bits[pick(COUNT(bits))]);
	return json_string(text);
}

static json_t *random_value(int depth)
{
	unsigned n = pick(4);
	json_t *value;

	switch (pick(depth > 5 ? 5 : 8)) {
	case 0:
		return json_null();
	case 1:
		return json_boolean(pick(2));
	case 2:
		return json_integer(pick(2) ? (json_int_t)pick(2000) - 1000 : (json_int_t)pick(1 << 19) * pick(1 << 19) * -7);
	case 3:
		return json_real((pick(100000) + 0.5) * pow(10, (int)pick(40) - 20) * (pick(2) ? 1 : -1));
	case 4:
		return random_string();
	case 5:
		value = json_array();
		while (n--)
			json_array_append_new(value, random_value(depth + 1));
		return value;
	default:
		value = json_object();
		while (n--) {
			json_t *key = random_string();

			json_object_set_new(value, json_string_value(key), random_value(depth + 1));
			json_decref(key);
		}
		return value;
	}
}

/* Integral reals come back as integers. */
static bool alike(const json_t *a, const json_t *b)
{
	const char *key;
	json_t *member;
	size_t i;

	if (json_is_number(a) && json_is_number(b))
		return json_number_value(a) == json_number_value(b);
	if (json_typeof(a) != json_typeof(b) || json_array_size(a) != json_array_size(b) ||
	    json_object_size(a) != json_object_size(b))
		return false;
	json_array_foreach(a, i, member)
		if (!alike(member, json_array_get(b, i)))
			return false;
	json_object_foreach((json_t *)a, key, member)
		if (!json_object_get(b, key) || !alike(member, json_object_get(b, key)))
			return false;
	return json_is_array(a) || json_is_object(a) || json_equal(a, b);
}

/* What is written reads back the same. */
static void round_trip(void **state)
{
	struct kshim__yaml_doc *docs;
	kshim_error *error = NULL;
	json_t *value;
	size_t count;
	char *text;
	int i;

	(void)state;
	for (i = 0; i < (getenv("KSHIM_VALGRIND") ? 500 : 20000); i++) {
		value = json_pack("[o]", random_value(0));
		text = kshim__yaml_format(value);
		assert_non_null(text);
		if (kshim__yaml_read(text, strlen(text), "in", KSHIM_EMANIFEST, 0, &docs, &count, &error) < 0)
			fail_msg("%s\n%s", text, kshim_error_message(error));
		if (count != 1 || !alike(value, docs[0].value))
			fail_msg("%s\n%s\n%s", json_dumps(value, 0), text, count ? json_dumps(docs[0].value, 0) : "nothing");
		kshim__yaml_free(docs, count);
		free(text);
		json_decref(value);
	}
}

/* Any bytes give an answer or an error, never anything else. */
static void mutated(void **state)
{
	static const char *const seeds[] = {
		"a: &x {k: [1, 'two', \"th\\u0072ee\"]}\nb: *x\nc:\n  <<: *x\n  d: |+\n    text\n\n  e: >-\n   f\n---\n- !!int 0x1F\n- ~\n",
		"{\"a\": [1, 2.5, true, null, \"x\\ud83d\\ude00\"], \"b\": {\"c\": {}}}\n{\"d\": 1}\n---\ne: 1\n",
	};
	struct kshim__yaml_doc *docs;
	kshim_error *error;
	char text[512];
	size_t count, len;
	int i, n;

	(void)state;
	for (i = 0; i < (getenv("KSHIM_VALGRIND") ? 1000 : 40000); i++) {
		const char *from = seeds[i % 2];

		len = strlen(from);
		memcpy(text, from, len);
		for (n = 1 + (int)pick(4); n; n--) {
			size_t at = pick((unsigned)len);

			if (pick(3) == 0)
				text[at] = (char)pick(256);
			else if (pick(2))
				text[at] = from[pick((unsigned)strlen(from))];
			else
				len = at + 1;
		}
		error = NULL;
		if (kshim__yaml_read(text, len, "in", KSHIM_EMANIFEST, i % 5, &docs, &count, &error) < 0) {
			assert_int_equal(kshim_error_code(error), KSHIM_EMANIFEST);
			assert_int_equal(strncmp(kshim_error_message(error), "in:", 3), 0);
			kshim_error_free(error);
		} else {
			kshim__yaml_free(docs, count);
		}
	}
}

/* A program whose locale writes 1,5: played here, as few machines have one. */
static bool german;

struct lconv *__real_localeconv(void);
struct lconv *__wrap_localeconv(void);
double __real_strtod(const char *text, char **end);
double __wrap_strtod(const char *text, char **end);

struct lconv *__wrap_localeconv(void)
{
	static char comma[] = ",";
	static struct lconv played;

	played = *__real_localeconv();
	if (german)
		played.decimal_point = comma;
	return &played;
}

double __wrap_strtod(const char *text, char **end)
{
	char copy[1024];
	char *at;

	if (!german)
		return __real_strtod(text, end);
	assert_null(end);
	snprintf(copy, sizeof(copy), "%s", text);
	at = strchr(copy, '.');
	if (at)
		*at = '\0';
	at = strchr(copy, ',');
	if (at)
		*at = '.';
	return __real_strtod(copy, NULL);
}

static void locales(void **state)
{
	static const char text[] = "[1.5, -0.25e1, 1_0.5, .5, 7]";
	struct kshim__yaml_doc *docs;
	size_t count;
	int got;

	(void)state;
	german = true;
	got = kshim__yaml_read(text, strlen(text), "in", KSHIM_EMANIFEST, 0, &docs, &count, NULL);
	german = false;
	assert_int_equal(got, 0);
	assert_true(json_real_value(json_array_get(docs[0].value, 0)) == 1.5);
	assert_true(json_real_value(json_array_get(docs[0].value, 1)) == -2.5);
	assert_true(json_real_value(json_array_get(docs[0].value, 2)) == 10.5);
	assert_true(json_real_value(json_array_get(docs[0].value, 3)) == 0.5);
	assert_int_equal(json_integer_value(json_array_get(docs[0].value, 4)), 7);
	kshim__yaml_free(docs, count);
}

static void reals(void **state)
{
	static const struct {
		double real;
		int bits;
		const char *text;
	} cases[] = {
		{0, 64, "0"}, {1, 64, "1"}, {-1.5, 64, "-1.5"}, {0.1, 64, "0.1"}, {0.1, 32, "0.1"}, {1.0 / 3, 64, "0.3333333333333333"},
		{1.0 / 3, 32, "0.33333334"}, {100000, 64, "100000"}, {999999, 64, "999999"}, {1000000, 64, "1e+06"}, {0.0001, 64, "0.0001"},
		{0.00012345, 64, "0.00012345"}, {0.00001, 64, "1e-05"}, {1e100, 64, "1e+100"}, {1e100, 32, ".inf"}, {-1e100, 32, "-.inf"},
		{120, 64, "120"}, {12.5, 64, "12.5"}, {2.2250738585072014e-308, 64, "2.2250738585072014e-308"},
	};
	char text[KSHIM__REAL_MAX];
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(cases); i++) {
		kshim__yaml_real_text(cases[i].real, cases[i].bits, text);
		assert_string_equal(text, cases[i].text);
	}
}

static void no_memory(void **state)
{
	static const char *const texts[] = {
		"a: &x {k: [1, 'two']}\n*x : 1\n", "a: &x {k: [1, 'two']}\nb: *x\nc: {<<: *x, 1.5: 2}\n---\n- !!binary aGk=\n- x\n",
		"{\"a\": [1, {\"b\": \"c\"}]}\n{\"d\": 1}\n---\ne: f\n",
	};
	struct kshim__yaml_doc *docs;
	kshim_error *error;
	size_t count, t;
	bool failed;
	char *text;
	long i;
	int mode, got;

	(void)state;
	if (!failalloc_works())
		skip();
	for (t = 1; t < COUNT(texts); t++) {
		for (mode = 0; mode < 2; mode++) {
			for (failed = true, i = 0; failed; i++) {
				error = NULL;
				text = NULL;
				failalloc_arm(i, mode);
				got = kshim__yaml_read(texts[t], strlen(texts[t]), "in", KSHIM_EMANIFEST, 9, &docs, &count, &error);
				if (!got)
					text = kshim__yaml_format(docs[0].value);
				failed = failalloc_disarm();
				if (got < 0)
					assert_int_equal(kshim_error_code(error), KSHIM_ENOMEM);
				if (!failed)
					assert_non_null(text);
				else if (!got)
					assert_null(text);
				kshim_error_free(error);
				free(text);
				if (!got)
					kshim__yaml_free(docs, count);
			}
			assert_true(i > 5);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(scalars),   cmocka_unit_test(long_digits), cmocka_unit_test(documents),
		cmocka_unit_test(anchors),   cmocka_unit_test(errors),      cmocka_unit_test(line_numbers),
		cmocka_unit_test(limits),    cmocka_unit_test(formatting),  cmocka_unit_test(round_trip),
		cmocka_unit_test(mutated),   cmocka_unit_test(locales),     cmocka_unit_test(reals),
		cmocka_unit_test(no_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
