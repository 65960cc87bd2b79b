/* The line splitter: every cut of a text gives the same lines. */
/* LINK: -Wl,--wrap=kshim__malloc,--wrap=kshim__calloc,--wrap=kshim__realloc,--wrap=kshim__memdup,--wrap=kshim__strdup */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "failalloc.h"
#include "json/lines.h"

#include <stdlib.h>
#include <string.h>

#define LONG 1000

/* Feeds a chunk, copied so that reading past it is seen; what comes goes to
 * `out` with '|' behind each line. */
static enum kshim__lines_state feed(struct kshim__lines *lines, const char *data, size_t len, char *out)
{
	char *copy = malloc(len ? len : 1);
	const char *at = copy;
	enum kshim__lines_state state;
	struct kshim__span line;

	memcpy(copy, data, len);
	while ((state = kshim__lines_next(lines, &at, &len, &line)) == KSHIM__LINES_LINE) {
		if (line.len)
			strncat(out, line.at, line.len);
		strcat(out, "|");
	}
	if (state == KSHIM__LINES_MORE)
		assert_int_equal(len, 0);
	free(copy);
	return state;
}

static void every_cut(void **state)
{
	static const char text[] = "one\n\ntwo \r\n{\"three\":3}\n\n\ntorn";
	size_t len = sizeof(text) - 1, i, k;
	struct kshim__lines lines;
	char out[100];

	(void)state;
	kshim__lines_init(&lines, LONG);
	for (i = 0; i <= len; i++) {
		for (k = i; k <= len; k++) {
			*out = '\0';
			assert_int_equal(feed(&lines, text, i, out), KSHIM__LINES_MORE);
			assert_int_equal(feed(&lines, text + i, k - i, out), KSHIM__LINES_MORE);
			assert_int_equal(feed(&lines, text + k, len - k, out), KSHIM__LINES_MORE);
			assert_string_equal(out, "one||two \r|{\"three\":3}|||");
			kshim__lines_clear(&lines);
		}
	}
	kshim__lines_free(&lines);
}

static void within_a_chunk_nothing_is_copied(void **state)
{
	const char *text = "one\ntwo\n", *at = text;
	struct kshim__lines lines;
	struct kshim__span line;
	size_t len = strlen(text);

	(void)state;
	kshim__lines_init(&lines, LONG);
	assert_int_equal(kshim__lines_next(&lines, &at, &len, &line), KSHIM__LINES_LINE);
	assert_ptr_equal(line.at, text);
	assert_int_equal(line.len, 3);
	assert_int_equal(kshim__lines_next(&lines, &at, &len, &line), KSHIM__LINES_LINE);
	assert_ptr_equal(line.at, text + 4);
	assert_int_equal(kshim__lines_next(&lines, &at, &len, &line), KSHIM__LINES_MORE);
	kshim__lines_free(&lines);
}

static void too_long(void **state)
{
	struct kshim__lines lines;
	char out[100] = "";

	(void)state;
	kshim__lines_init(&lines, 5);
	assert_int_equal(feed(&lines, "12345\n123", 9, out), KSHIM__LINES_MORE);
	assert_int_equal(feed(&lines, "45", 2, out), KSHIM__LINES_MORE);
	assert_int_equal(feed(&lines, "\n", 1, out), KSHIM__LINES_MORE);
	assert_string_equal(out, "12345|12345|");
	assert_int_equal(feed(&lines, "123456\n", 7, out), KSHIM__LINES_TOO_LONG);
	kshim__lines_clear(&lines);
	assert_int_equal(feed(&lines, "12345", 5, out), KSHIM__LINES_MORE);
	assert_int_equal(feed(&lines, "6", 1, out), KSHIM__LINES_TOO_LONG);
	kshim__lines_free(&lines);
}

/* The memory of one long line is not kept for ever. */
static void long_lines(void **state)
{
	size_t len = 1024 * 1024, rest, count = 0;
	char *text = malloc(len);
	struct kshim__lines lines;
	struct kshim__span line;
	const char *at;

	(void)state;
	memset(text, 'x', len);
	kshim__lines_init(&lines, 2 * len);
	for (at = text, rest = len; rest;)
		assert_int_equal(kshim__lines_next(&lines, &at, &rest, &line), KSHIM__LINES_MORE);
	for (at = "y\nz", rest = 3; kshim__lines_next(&lines, &at, &rest, &line) == KSHIM__LINES_LINE; count++)
		assert_int_equal(line.len, len + 1);
	assert_int_equal(count, 1);
	assert_true(lines.rest.cap < len);
	kshim__lines_free(&lines);
	free(text);
}

static void no_memory(void **state)
{
	struct kshim__lines lines;
	char out[10] = "";

	(void)state;
	if (!failalloc_works())
		skip();
	kshim__lines_init(&lines, LONG);
	failalloc_arm(0, true);
	assert_int_equal(feed(&lines, "torn", 4, out), KSHIM__LINES_NOMEM);
	assert_true(failalloc_disarm());
	kshim__lines_free(&lines);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_cut), cmocka_unit_test(within_a_chunk_nothing_is_copied),
		cmocka_unit_test(too_long),  cmocka_unit_test(long_lines),
		cmocka_unit_test(no_memory),
	};

	return cmocka_run_group_tests_name("json/lines", tests, NULL, NULL);
}
