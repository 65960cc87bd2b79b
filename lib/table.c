#include <kubeshim/table.h>

#include "alloc.h"
#include "error.h"
#include "json/scan.h"
#include "json/valid.h"

#include <limits.h>
#include <string.h>

struct column {
	char *name, *type, *format, *description;
	int priority;
};

struct cell {
	char *text; /* NULL: null, or not there */
	bool number;
};

struct row {
	struct cell *cells; /* no more than there are columns */
	size_t cell_count;
	char *name, *namespace_;
	char *object;
	size_t object_len;
};

struct kshim_table {
	struct column *columns;
	size_t column_count;
	struct row *rows;
	size_t row_count;
	char *resource_version;
	char *continue_token;
};

static void free_row(struct row *row)
{
	size_t i;

	for (i = 0; i < row->cell_count; i++)
		kshim__free(row->cells[i].text);
	kshim__free(row->cells);
	kshim__free(row->name);
	kshim__free(row->namespace_);
	kshim__free(row->object);
}

void kshim_table_free(kshim_table *table)
{
	size_t i;

	if (!table)
		return;
	for (i = 0; i < table->row_count; i++)
		free_row(&table->rows[i]);
	for (i = 0; i < table->column_count; i++) {
		kshim__free(table->columns[i].name);
		kshim__free(table->columns[i].type);
		kshim__free(table->columns[i].format);
		kshim__free(table->columns[i].description);
	}
	kshim__free(table->rows);
	kshim__free(table->columns);
	kshim__free(table->resource_version);
	kshim__free(table->continue_token);
	kshim__free(table);
}

/* Reading. Without memory *ok becomes false. */

static bool at(struct kshim__span value, const char *pointer, struct kshim__span *found)
{
	return kshim__json_pointer(value.at, value.len, NULL, pointer, found);
}

/* A string; NULL if there is none. */
static char *string_at(struct kshim__span value, const char *pointer, bool *ok)
{
	struct kshim__span found;
	bool not_string = true;
	char *text;

	if (!at(value, pointer, &found))
		return NULL;
	text = kshim__json_string(found, NULL, &not_string);
	if (!text && !not_string)
		*ok = false;
	return text;
}

/* The same, "" if there is none. */
static char *text_at(struct kshim__span value, const char *pointer, bool *ok)
{
	char *text = string_at(value, pointer, ok);

	if (!text)
		text = kshim__strdup("");
	if (!text)
		*ok = false;
	return text;
}

static size_t count_of(struct kshim__span array)
{
	size_t cursor = 0, count = 0;

	while (kshim__json_next(array, &cursor, NULL, NULL))
		count++;
	return count;
}

/* An array, or one without elements. */
static struct kshim__span array_at(struct kshim__span value, const char *pointer)
{
	struct kshim__span found, none = {"[]", 2};

	return at(value, pointer, &found) && found.at[0] == '[' ? found : none;
}

static bool read_columns(kshim_table *table, struct kshim__span page)
{
	struct kshim__span list = array_at(page, "/columnDefinitions"), one, priority;
	size_t cursor = 0, count = count_of(list);
	int64_t number;
	bool ok = true;

	table->columns = kshim__calloc(count + 1, sizeof(*table->columns));
	if (!table->columns)
		return false;
	while (ok && kshim__json_next(list, &cursor, NULL, &one)) {
		struct column *column = &table->columns[table->column_count++];

		column->name = text_at(one, "/name", &ok);
		column->type = text_at(one, "/type", &ok);
		column->format = text_at(one, "/format", &ok);
		column->description = text_at(one, "/description", &ok);
		if (at(one, "/priority", &priority) && kshim__json_int(priority, &number) && number >= 0 &&
		    number <= INT_MAX)
			column->priority = (int)number;
	}
	return ok;
}

static bool read_cell(struct cell *cell, struct kshim__span value)
{
	bool not_string;

	if (value.at[0] == 'n')
		return true;
	cell->number = value.at[0] == '-' || (value.at[0] >= '0' && value.at[0] <= '9');
	cell->text = kshim__json_is_string(value) ? kshim__json_string(value, NULL, &not_string) :
						    kshim__memdup(value.at, value.len);
	return cell->text != NULL;
}

static bool read_row(struct row *row, size_t columns, struct kshim__span value)
{
	struct kshim__span cells = array_at(value, "/cells"), one;
	size_t cursor = 0, count = count_of(cells);
	bool ok = true;

	if (count > columns)
		count = columns;
	row->cells = kshim__calloc(count + 1, sizeof(*row->cells));
	if (!row->cells)
		return false;
	while (ok && row->cell_count < count && kshim__json_next(cells, &cursor, NULL, &one))
		ok = read_cell(&row->cells[row->cell_count++], one);
	row->name = string_at(value, "/object/metadata/name", &ok);
	row->namespace_ = string_at(value, "/object/metadata/namespace", &ok);
	if (at(value, "/object", &one) && one.at[0] == '{') {
		row->object = kshim__memdup(one.at, one.len);
		row->object_len = one.len;
		ok = ok && row->object;
	}
	return ok;
}

/* The rows of a page, behind those that are there. */
static bool read_rows(kshim_table *table, struct kshim__span page)
{
	struct kshim__span list = array_at(page, "/rows"), one;
	size_t cursor = 0, had = table->row_count, count = count_of(list);
	bool ok = true;
	struct row *rows;

	rows = kshim__realloc(table->rows, (had + count + 1) * sizeof(*rows));
	if (!rows)
		return false;
	table->rows = rows;
	memset(rows + had, 0, (count + 1) * sizeof(*rows));
	while (ok && kshim__json_next(list, &cursor, NULL, &one))
		ok = read_row(&rows[table->row_count++], table->column_count, one);
	while (!ok && table->row_count > had)
		free_row(&rows[--table->row_count]);
	return ok;
}

static bool is_table(const char *json, size_t len, struct kshim__span *page)
{
	struct kshim__span kind;
	size_t wrong;

	return json && kshim__json_valid(json, len, &wrong) && kshim__json_value(json, len, page) && page->at[0] == '{' &&
	       at(*page, "/kind", &kind) && kshim__json_equals(kind, "Table");
}

static int add(kshim_table *table, struct kshim__span page)
{
	bool ok = true;
	char *version = string_at(page, "/metadata/resourceVersion", &ok);
	char *token = string_at(page, "/metadata/continue", &ok);

	if (!ok || !read_rows(table, page)) {
		kshim__free(version);
		kshim__free(token);
		return -1;
	}
	if (token && !*token) {
		kshim__free(token);
		token = NULL;
	}
	kshim__free(table->resource_version);
	kshim__free(table->continue_token);
	table->resource_version = version;
	table->continue_token = token;
	return 0;
}

kshim_table *kshim_table_new(const char *json, size_t len, kshim_error **error)
{
	struct kshim__span page;
	kshim_table *table;

	if (!is_table(json, len, &page))
		return kshim__fail(error, KSHIM_EPROTOCOL, "the text is no Table");
	table = kshim__calloc(1, sizeof(*table));
	if (table && read_columns(table, page) && add(table, page) == 0)
		return table;
	kshim_table_free(table);
	return kshim__fail(error, KSHIM_ENOMEM, "out of memory");
}

int kshim_table_add(kshim_table *table, const char *json, size_t len, kshim_error **error)
{
	struct kshim__span page;

	if (!table || !is_table(json, len, &page)) {
		kshim__fail(error, table ? KSHIM_EPROTOCOL : KSHIM_EINVAL, table ? "the text is no Table" : "there is no table");
		return -1;
	}
	if (count_of(array_at(page, "/columnDefinitions")) != table->column_count) {
		kshim__fail(error, KSHIM_EPROTOCOL, "the page has other columns than the table");
		return -1;
	}
	if (add(table, page) < 0) {
		kshim__fail(error, KSHIM_ENOMEM, "out of memory");
		return -1;
	}
	return 0;
}

/* What there is. */

size_t kshim_table_column_count(const kshim_table *table)
{
	return table ? table->column_count : 0;
}

static const struct column *column_at(const kshim_table *table, size_t column)
{
	return table && column < table->column_count ? &table->columns[column] : NULL;
}

const char *kshim_table_column_name(const kshim_table *table, size_t column)
{
	const struct column *found = column_at(table, column);

	return found ? found->name : NULL;
}

const char *kshim_table_column_type(const kshim_table *table, size_t column)
{
	const struct column *found = column_at(table, column);

	return found ? found->type : NULL;
}

const char *kshim_table_column_format(const kshim_table *table, size_t column)
{
	const struct column *found = column_at(table, column);

	return found ? found->format : NULL;
}

const char *kshim_table_column_description(const kshim_table *table, size_t column)
{
	const struct column *found = column_at(table, column);

	return found ? found->description : NULL;
}

int kshim_table_column_priority(const kshim_table *table, size_t column)
{
	const struct column *found = column_at(table, column);

	return found ? found->priority : -1;
}

size_t kshim_table_row_count(const kshim_table *table)
{
	return table ? table->row_count : 0;
}

static const struct row *row_at(const kshim_table *table, size_t row)
{
	return table && row < table->row_count ? &table->rows[row] : NULL;
}

static const struct cell *cell_at(const kshim_table *table, size_t row, size_t column)
{
	const struct row *found = row_at(table, row);

	return found && column < found->cell_count ? &found->cells[column] : NULL;
}

const char *kshim_table_cell(const kshim_table *table, size_t row, size_t column)
{
	const struct cell *cell = cell_at(table, row, column);

	return cell ? cell->text : NULL;
}

/* A cell's number, as the JSON that it was. */
static bool number_at(const kshim_table *table, size_t row, size_t column, struct kshim__span *number)
{
	const struct cell *cell = cell_at(table, row, column);

	if (!cell || !cell->number)
		return false;
	number->at = cell->text;
	number->len = strlen(cell->text);
	return true;
}

int kshim_table_cell_int(const kshim_table *table, size_t row, size_t column, int64_t *value)
{
	struct kshim__span number;
	int64_t found;

	if (!number_at(table, row, column, &number) || !kshim__json_int(number, &found))
		return -1;
	if (value)
		*value = found;
	return 0;
}

int kshim_table_cell_double(const kshim_table *table, size_t row, size_t column, double *value)
{
	struct kshim__span number;
	double found;

	if (!number_at(table, row, column, &number) || !kshim__json_double(number, &found))
		return -1;
	if (value)
		*value = found;
	return 0;
}

const char *kshim_table_row_name(const kshim_table *table, size_t row)
{
	const struct row *found = row_at(table, row);

	return found ? found->name : NULL;
}

const char *kshim_table_row_namespace(const kshim_table *table, size_t row)
{
	const struct row *found = row_at(table, row);

	return found ? found->namespace_ : NULL;
}

const char *kshim_table_row_object(const kshim_table *table, size_t row, size_t *len)
{
	const struct row *found = row_at(table, row);

	if (len)
		*len = found ? found->object_len : 0;
	return found ? found->object : NULL;
}

const char *kshim_table_resource_version(const kshim_table *table)
{
	return table ? table->resource_version : NULL;
}

const char *kshim_table_continue(const kshim_table *table)
{
	return table ? table->continue_token : NULL;
}
