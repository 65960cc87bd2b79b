/* Columns of text, padded as kubectl pads them. */
#include "cli.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PADDING 3
#define WIDTH_MIN 6 /* with its padding */

struct table {
	struct table *next;
	size_t columns, count, cap;
	size_t prefixed;
	char *prefix;
	char **cells;
};

struct table *table_new(size_t columns)
{
	struct table *table = need(calloc(1, sizeof(*table)));

	table->columns = columns;
	return table;
}

void table_free(struct table *table)
{
	size_t i;

	for (i = 0; i < table->count; i++)
		free(table->cells[i]);
	free(table->cells);
	free(table->prefix);
	free(table);
}

struct table **table_next(struct table *table)
{
	return &table->next;
}

/* Up to the first line's end, and nothing that a terminal would obey. */
static char *clean(const char *cell)
{
	size_t len = strcspn(cell, "\f\n\r"), i, at = 0;
	char *text = need(malloc(2 * len + sizeof("...")));

	for (i = 0; i < len; i++) {
		if (cell[i] == '\033') {
			text[at++] = '^';
			text[at++] = '[';
		} else {
			text[at++] = cell[i] == '\t' ? ' ' : cell[i];
		}
	}
	strcpy(text + at, cell[len] ? "..." : "");
	return text;
}

void table_add(struct table *table, const char *cell)
{
	if (table->count == table->cap) {
		table->cap = table->cap ? table->cap * 2 : 64;
		table->cells = need(realloc(table->cells, table->cap * sizeof(*table->cells)));
	}
	table->cells[table->count++] = clean(cell);
}

/* What stands before each cell of a column, but for its heading. */
void table_prefix(struct table *table, size_t column, const char *prefix)
{
	free(table->prefix);
	table->prefix = copy_text(prefix);
	table->prefixed = column;
}

/* The heading counts. */
size_t table_rows(const struct table *table)
{
	return table->count / table->columns;
}

/* Characters of UTF-8. */
static size_t width_of(const char *text)
{
	size_t width = 0;

	for (; *text; text++)
		width += ((unsigned char)*text & 0xc0) != 0x80;
	return width;
}

static const char *prefix_of(const struct table *table, size_t index)
{
	bool has = table->prefix && index >= table->columns && index % table->columns == table->prefixed;

	return has ? table->prefix : "";
}

void table_print(const struct table *table, bool header)
{
	size_t *widths = need(calloc(table->columns, sizeof(*widths)));
	size_t i, begin = header ? 0 : table->columns, column, width;

	for (i = begin; i < table->count; i++) {
		column = i % table->columns;
		width = width_of(prefix_of(table, i)) + width_of(table->cells[i]) + PADDING;
		if (width > widths[column])
			widths[column] = width;
	}
	for (i = begin; i < table->count; i++) {
		column = i % table->columns;
		width = widths[column] > WIDTH_MIN ? widths[column] : WIDTH_MIN;
		printf("%s%s", prefix_of(table, i), table->cells[i]);
		if (column + 1 == table->columns)
			putchar('\n');
		else
			printf("%*s", (int)(width - width_of(prefix_of(table, i)) - width_of(table->cells[i])), "");
	}
	free(widths);
}
