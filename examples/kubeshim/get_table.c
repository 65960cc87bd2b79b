/* The server's tables: collected while they come, printed when all are there. */
#include "cli.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

static const char *namespace_of(const json_t *row)
{
	return text_of(json_object_get(json_object_get(row, "object"), "metadata"), "namespace");
}

static bool shown(const struct app *app, const json_t *column)
{
	bool wide = app->settings.output && strcmp(app->settings.output, "wide") == 0;

	return wide || json_integer_value(json_object_get(column, "priority")) == 0;
}

static bool with_namespace(const struct app *app, const struct target *target)
{
	return app->settings.all_namespaces && kshim_kind_is_namespaced(target->kind);
}

/* The heading, in capitals; which column has the name is noted. */
static struct table *new_table(const struct app *app, const struct target *target, json_t *columns)
{
	size_t i, count = with_namespace(app, target), name = 0;
	const char *group = kshim_kind_group(target->kind), *at;
	char heading[256], prefix[512];
	struct table *table;
	json_t *column;

	json_array_foreach(columns, i, column) {
		if (!shown(app, column))
			continue;
		if (strcmp(text_of(column, "format"), "name") == 0)
			name = count;
		count++;
	}
	table = table_new(count ? count : 1);
	if (with_namespace(app, target))
		table_add(table, "NAMESPACE");
	json_array_foreach(columns, i, column) {
		if (!shown(app, column))
			continue;
		for (count = 0, at = text_of(column, "name"); *at && count < sizeof(heading) - 1; at++)
			heading[count++] = *at >= 'a' && *at <= 'z' ? *at - 'a' + 'A' : *at;
		heading[count] = '\0';
		table_add(table, heading);
	}
	snprintf(prefix, sizeof(prefix), "%s%s%s/", kshim_kind_name(target->kind), *group ? "." : "", group);
	for (count = 0; prefix[count]; count++)
		if (prefix[count] >= 'A' && prefix[count] <= 'Z')
			prefix[count] += 'a' - 'A';
	table_prefix(table, name, prefix);
	return table;
}

static void add_cell(struct table *table, json_t *cell)
{
	char *text;

	if (json_is_string(cell)) {
		table_add(table, json_string_value(cell));
		return;
	}
	text = cell && !json_is_null(cell) ? json_dumps(cell, JSON_ENCODE_ANY | JSON_COMPACT) : NULL;
	table_add(table, text ? text : "");
	free(text);
}

static void add_row(struct app *app, const struct target *target, struct table *table, json_t *columns, json_t *row)
{
	json_t *cells = json_object_get(row, "cells"), *column;
	size_t i;

	if (with_namespace(app, target))
		table_add(table, namespace_of(row));
	json_array_foreach(columns, i, column)
		if (shown(app, column))
			add_cell(table, json_array_get(cells, i));
}

/* 5s, 3m20s, 4h, 2d3h, 5y: k8s.io/apimachinery's HumanDuration. */
static void print_age(char *text, size_t size, const char *since)
{
	struct tm tm = {0};
	long s, m, h, d;

	if (!strptime(since, "%Y-%m-%dT%H:%M:%SZ", &tm)) {
		snprintf(text, size, "<unknown>");
		return;
	}
	s = (long)(time(NULL) - timegm(&tm));
	s = s < 0 ? 0 : s;
	m = s / 60, h = s / 3600, d = h / 24;
	if (s < 120)
		snprintf(text, size, "%lds", s);
	else if (m < 10 && s % 60)
		snprintf(text, size, "%ldm%lds", m, s % 60);
	else if (m < 180)
		snprintf(text, size, "%ldm", m);
	else if (h < 8 && m % 60)
		snprintf(text, size, "%ldh%ldm", h, m % 60);
	else if (h < 48)
		snprintf(text, size, "%ldh", h);
	else if (d < 8 && h % 24)
		snprintf(text, size, "%ldd%ldh", d, h % 24);
	else if (d < 730)
		snprintf(text, size, "%ldd", d);
	else if (d < 365 * 8 && d % 365)
		snprintf(text, size, "%ldy%ldd", d / 365, d % 365);
	else
		snprintf(text, size, "%ldy", d / 365);
}

/* A server that knows no tables sends the objects. */
static json_t *table_of_objects(json_t *page)
{
	json_t *items = json_object_get(page, "items"), *rows = json_array(), *item;
	char age[32];
	size_t i;

	items = json_is_array(items) ? json_incref(items) : json_pack("[O]", page);
	json_array_foreach(items, i, item) {
		json_t *metadata = json_object_get(item, "metadata");

		print_age(age, sizeof(age), text_of(metadata, "creationTimestamp"));
		json_array_append_new(rows, json_pack("{s:[s,s],s:O}", "cells", text_of(metadata, "name"), age, "object",
						      item));
	}
	json_decref(items);
	return json_pack("{s:[{s:s,s:s},{s:s}],s:o}", "columnDefinitions", "name", "Name", "format", "name", "name",
			 "Age", "rows", rows);
}

int tables_add_page(struct app *app, const struct target *target, const char *json, size_t len)
{
	json_t *page = json_loadb(json, len, JSON_ALLOW_NUL, NULL), *columns, *row, *made;
	struct table **last = &app->tables;
	size_t i;

	if (page && strcmp(text_of(page, "kind"), "Table") != 0) {
		made = table_of_objects(page);
		json_decref(page);
		page = made;
	}
	if (!page)
		return fail(app, "the server's table cannot be read");
	columns = json_object_get(page, "columnDefinitions");
	while (*last && *table_next(*last))
		last = table_next(*last);
	/* names of one kind, and further pages, which have no columns, go on in the same table */
	if (*last && app->table_kind != target->kind)
		last = table_next(*last);
	if (!*last) {
		*last = new_table(app, target, columns);
		app->table_kind = target->kind;
		json_decref(app->table_columns);
		app->table_columns = json_incref(columns);
	}
	json_array_foreach(json_object_get(page, "rows"), i, row) {
		add_row(app, target, *last, app->table_columns, row);
		app->found++;
	}
	json_decref(page);
	return 0;
}

void tables_print(struct app *app)
{
	bool header = !app->settings.no_headers, printed = false;
	bool many = app->tables && *table_next(app->tables);
	struct table *table, *next;

	for (table = app->tables; table; table = next) {
		next = *table_next(table);
		if (!many)
			table_prefix(table, 0, NULL);
		if (table_rows(table) > 1) {
			if (printed && header)
				putchar('\n');
			table_print(table, header);
			printed = true;
		}
		table_free(table);
	}
	app->tables = NULL;
	json_decref(app->table_columns);
	app->table_columns = NULL;
}
