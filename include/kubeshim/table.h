/*
 * kubeshim/table.h - the server's own tables (meta.k8s.io/v1 Table) as data: what
 * `kubectl get` prints, from the pages of kshim_query_table().
 *
 * A table is read once and owns all its text: what is borrowed from it lives
 * until it is freed. It belongs to no client and no loop. Rows and columns are
 * counted from 0; beyond the last the functions return NULL, 0 or -1.
 */
#ifndef KUBESHIM_TABLE_H
#define KUBESHIM_TABLE_H

#include <kubeshim/common.h>

KSHIM_BEGIN_DECLS

typedef struct kshim_table kshim_table;

/* A table of one page's text: new reference, to kshim_table_free(); NULL and
 * *error (where `error` is not NULL): KSHIM_EPROTOCOL if the text is no Table (a
 * server that knows no tables answers with a List), KSHIM_ENOMEM. */
KSHIM_API kshim_table *kshim_table_new(const char *json, size_t len, kshim_error **error);

/* Adds the rows of a further page; it must have as many columns. 0; -1 and
 * *error, the table is then as it was. */
KSHIM_API int kshim_table_add(kshim_table *table, const char *json, size_t len, kshim_error **error);
KSHIM_API void kshim_table_free(kshim_table *table);

/* How many columns; below, how many rows. */
KSHIM_API size_t kshim_table_column_count(const kshim_table *table);

/* A column's name ("Name", "Ready"); its type and format as OpenAPI words them
 * ("string", "integer", "number", "boolean", "date"; "name", ""); what it means. */
KSHIM_API const char *kshim_table_column_name(const kshim_table *table, size_t column);
KSHIM_API const char *kshim_table_column_type(const kshim_table *table, size_t column);
KSHIM_API const char *kshim_table_column_format(const kshim_table *table, size_t column);
KSHIM_API const char *kshim_table_column_description(const kshim_table *table, size_t column);

/* 0 for the columns that are always shown, above for those of a wide output; -1
 * outside. */
KSHIM_API int kshim_table_column_priority(const kshim_table *table, size_t column);

KSHIM_API size_t kshim_table_row_count(const kshim_table *table);

/* A cell as text: a string's own, a number's digits as they came, "true" or
 * "false"; of an array or an object its JSON. NULL for null, and where a row is
 * short. Not cut, nor freed of control characters, for a terminal. */
KSHIM_API const char *kshim_table_cell(const kshim_table *table, size_t row, size_t column);

/* A cell that is a JSON number, as one: 0; -1 if it is none, or does not fit. */
KSHIM_API int kshim_table_cell_int(const kshim_table *table, size_t row, size_t column, int64_t *value);
KSHIM_API int kshim_table_cell_double(const kshim_table *table, size_t row, size_t column, double *value);

/* Of the row's object: name and namespace; NULL if it has none. */
KSHIM_API const char *kshim_table_row_name(const kshim_table *table, size_t row);
KSHIM_API const char *kshim_table_row_namespace(const kshim_table *table, size_t row);

/* The row's object as the server put it there (a PartialObjectMetadata, unless
 * includeObject said otherwise), JSON text, NUL-terminated; `*len` where `len` is
 * not NULL. NULL if it is left out. */
KSHIM_API const char *kshim_table_row_object(const kshim_table *table, size_t row, size_t *len);

/* The state that was listed, and the token for the next page, of the page that
 * was added last; NULL if there is none. */
KSHIM_API const char *kshim_table_resource_version(const kshim_table *table);
KSHIM_API const char *kshim_table_continue(const kshim_table *table);

KSHIM_END_DECLS

#endif
