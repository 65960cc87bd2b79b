/* Tables: what the server's pages say, as data. */
/* LINK: -Wl,--wrap=kshim__malloc,--wrap=kshim__calloc,--wrap=kshim__realloc,--wrap=kshim__memdup,--wrap=kshim__strdup */
#include <kubeshim/error.h>
#include <kubeshim/table.h>

#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "failalloc.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define COLUMNS                                                                                                        \
	"\"columnDefinitions\":[{\"name\":\"Name\",\"type\":\"string\",\"format\":\"name\",\"description\":\"what it is " \
	"called\",\"priority\":0},{\"name\":\"Restarts\",\"type\":\"integer\",\"priority\":0},{\"name\":\"IP\",\"type\":"  \
	"\"string\",\"format\":\"\",\"priority\":1}]"
#define TABLE(metadata, rows)                                                                                          \
	"{\"kind\":\"Table\",\"apiVersion\":\"meta.k8s.io/v1\",\"metadata\":" metadata "," COLUMNS ",\"rows\":[" rows "]}"
#define ROW(name, cells)                                                                                               \
	"{\"cells\":[" cells "],\"object\":{\"kind\":\"PartialObjectMetadata\",\"metadata\":{\"name\":\"" name           \
	"\",\"namespace\":\"ns\"}}}"

static const char first[] = TABLE("{\"resourceVersion\":\"7\",\"continue\":\"more\"}",
				  ROW("a", "\"a\",3,null") "," ROW("b", "\"b\\n\\u00e9\",-1.5,\"10.0.0.1\""));
static const char second[] =
	TABLE("{\"resourceVersion\":\"7\"}",
	      "{\"cells\":[true,12345678901234567890,[1, 2],\"beyond\"],\"object\":null},{\"cells\":[]},{}");

static kshim_table *read_table(const char *text)
{
	kshim_error *error = NULL;
	kshim_table *table = kshim_table_new(text, strlen(text), &error);

	if (!table)
		fail_msg("%s", kshim_error_message(error));
	assert_null(error);
	return table;
}

static void columns(void **state)
{
	kshim_table *table = read_table(first);

	(void)state;
	assert_int_equal(kshim_table_column_count(table), 3);
	assert_string_equal(kshim_table_column_name(table, 0), "Name");
	assert_string_equal(kshim_table_column_type(table, 0), "string");
	assert_string_equal(kshim_table_column_format(table, 0), "name");
	assert_string_equal(kshim_table_column_description(table, 0), "what it is called");
	assert_string_equal(kshim_table_column_type(table, 1), "integer");
	assert_string_equal(kshim_table_column_format(table, 1), "");
	assert_int_equal(kshim_table_column_priority(table, 0), 0);
	assert_int_equal(kshim_table_column_priority(table, 2), 1);
	assert_int_equal(kshim_table_column_priority(table, 3), -1);
	assert_null(kshim_table_column_name(table, 3));
	assert_null(kshim_table_column_type(table, 3));
	assert_null(kshim_table_column_format(table, 3));
	assert_null(kshim_table_column_description(table, 3));
	kshim_table_free(table);
}

static void rows(void **state)
{
	kshim_table *table = read_table(first);
	kshim_error *error = NULL;
	int64_t number;
	double real;
	size_t len;

	(void)state;
	assert_int_equal(kshim_table_row_count(table), 2);
	assert_string_equal(kshim_table_resource_version(table), "7");
	assert_string_equal(kshim_table_continue(table), "more");
	assert_string_equal(kshim_table_cell(table, 0, 0), "a");
	assert_string_equal(kshim_table_cell(table, 0, 1), "3");
	assert_null(kshim_table_cell(table, 0, 2));
	assert_string_equal(kshim_table_cell(table, 1, 0), "b\n\xc3\xa9");
	assert_string_equal(kshim_table_cell(table, 1, 1), "-1.5");
	assert_int_equal(kshim_table_cell_int(table, 0, 1, &number), 0);
	assert_int_equal(number, 3);
	assert_int_equal(kshim_table_cell_int(table, 0, 1, NULL), 0);
	assert_int_equal(kshim_table_cell_int(table, 0, 0, &number), -1);
	assert_int_equal(kshim_table_cell_int(table, 0, 2, &number), -1);
	assert_int_equal(kshim_table_cell_int(table, 1, 1, &number), -1);
	assert_int_equal(kshim_table_cell_double(table, 1, 1, &real), 0);
	assert_true(real < -1.4 && real > -1.6);
	assert_int_equal(kshim_table_cell_double(table, 1, 2, &real), -1); /* text */
	assert_string_equal(kshim_table_row_name(table, 1), "b");
	assert_string_equal(kshim_table_row_namespace(table, 1), "ns");
	assert_memory_equal(kshim_table_row_object(table, 0, &len), "{\"kind\":\"PartialObjectMetadata\"", 31);
	assert_int_equal(len, strlen(kshim_table_row_object(table, 0, NULL)));

	assert_int_equal(kshim_table_add(table, second, strlen(second), &error), 0);
	assert_null(error);
	assert_int_equal(kshim_table_row_count(table), 5);
	assert_null(kshim_table_continue(table));
	assert_string_equal(kshim_table_cell(table, 2, 0), "true");
	assert_string_equal(kshim_table_cell(table, 2, 1), "12345678901234567890");
	assert_int_equal(kshim_table_cell_int(table, 2, 1, &number), -1);
	assert_int_equal(kshim_table_cell_double(table, 2, 1, &real), 0);
	assert_string_equal(kshim_table_cell(table, 2, 2), "[1, 2]");
	assert_null(kshim_table_cell(table, 2, 3));
	assert_null(kshim_table_row_object(table, 2, &len));
	assert_int_equal(len, 0);
	assert_null(kshim_table_row_name(table, 2));
	assert_null(kshim_table_cell(table, 3, 0));
	assert_null(kshim_table_cell(table, 4, 0));
	assert_null(kshim_table_cell(table, 5, 0));
	assert_null(kshim_table_row_name(table, 5));
	assert_null(kshim_table_row_namespace(table, 5));
	kshim_table_free(table);
}

static void what_is_no_table(void **state)
{
	static const char *const cases[] = {
		"", "{}", "[]", "null", "{\"kind\":\"PodList\",\"items\":[]}", "{\"kind\":\"Table\"", "{\"kind\":\"Table\"} x",
		"{\"kind\":7}",
	};
	kshim_table *table = read_table(first);
	kshim_error *error = NULL;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(cases); i++) {
		assert_null(kshim_table_new(cases[i], strlen(cases[i]), &error));
		assert_int_equal(kshim_error_code(error), KSHIM_EPROTOCOL);
		kshim_error_free(error);
		error = NULL;
		assert_null(kshim_table_new(cases[i], strlen(cases[i]), NULL));
		assert_int_equal(kshim_table_add(table, cases[i], strlen(cases[i]), NULL), -1);
	}
	assert_null(kshim_table_new(NULL, 0, NULL));
	assert_int_equal(kshim_table_add(table, "{\"kind\":\"Table\",\"rows\":[{}]}", 28, &error), -1);
	assert_int_equal(kshim_error_code(error), KSHIM_EPROTOCOL);
	kshim_error_free(error);
	assert_int_equal(kshim_table_row_count(table), 2);
	assert_int_equal(kshim_table_add(NULL, first, strlen(first), NULL), -1);
	kshim_table_free(table);
	kshim_table_free(NULL);
	assert_int_equal(kshim_table_column_count(NULL), 0);
	assert_int_equal(kshim_table_row_count(NULL), 0);
	assert_null(kshim_table_cell(NULL, 0, 0));
	assert_null(kshim_table_continue(NULL));
	assert_null(kshim_table_resource_version(NULL));
}

static void nothing_in_it(void **state)
{
	static const char *const cases[] = {
		"{\"kind\":\"Table\"}",
		"{\"kind\":\"Table\",\"columnDefinitions\":null,\"rows\":null}",
		"{\"kind\":\"Table\",\"columnDefinitions\":{},\"rows\":7}",
	};
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(cases); i++) {
		kshim_table *table = read_table(cases[i]);

		assert_int_equal(kshim_table_column_count(table), 0);
		assert_int_equal(kshim_table_row_count(table), 0);
		assert_null(kshim_table_resource_version(table));
		kshim_table_free(table);
	}
}

/* A row takes the room of its own cells: columns times rows may be far more than
 * the text is. */
static void wide_and_long(void **state)
{
	const size_t many = 5000;
	char *text = malloc(many * 6 + 200), *at = text;
	struct mallinfo2 before, after;
	kshim_table *table;
	size_t i;

	(void)state;
	at += sprintf(at, "{\"kind\":\"Table\",\"columnDefinitions\":[{\"priority\":-1},{\"priority\":9999999999}");
	for (i = 2; i < many; i++)
		at += sprintf(at, ",{}");
	at += sprintf(at, "],\"rows\":[{\"cells\":[1,2,3]}");
	for (i = 1; i < many; i++)
		at += sprintf(at, ",{}");
	strcpy(at, "]}");
	before = mallinfo2();
	table = read_table(text);
	after = mallinfo2();
	assert_in_range(after.uordblks + after.hblkhd - before.uordblks - before.hblkhd, 0, 16 << 20);
	assert_int_equal(kshim_table_column_count(table), many);
	assert_int_equal(kshim_table_row_count(table), many);
	assert_string_equal(kshim_table_cell(table, 0, 2), "3");
	assert_null(kshim_table_cell(table, 0, 3));
	assert_null(kshim_table_cell(table, many - 1, 0));
	assert_int_equal(kshim_table_column_priority(table, 0), 0);
	assert_int_equal(kshim_table_column_priority(table, 1), 0);
	kshim_table_free(table);
	free(text);
}

static void without_memory(void **state)
{
	kshim_table *table;
	long i;

	(void)state;
	if (!failalloc_works())
		skip();
	for (i = 0;; i++) {
		int added = -1;

		failalloc_arm(i, false);
		table = kshim_table_new(first, strlen(first), NULL);
		if (table)
			added = kshim_table_add(table, second, strlen(second), NULL);
		if (!failalloc_disarm()) {
			assert_int_equal(added, 0);
			kshim_table_free(table);
			break;
		}
		assert_int_equal(added, -1);
		assert_int_equal(kshim_table_row_count(table), table ? 2 : 0);
		kshim_table_free(table);
	}
	assert_true(i > 20);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(columns),       cmocka_unit_test(rows),           cmocka_unit_test(what_is_no_table),
		cmocka_unit_test(nothing_in_it), cmocka_unit_test(wide_and_long),  cmocka_unit_test(without_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
