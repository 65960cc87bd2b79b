/* The server's own tables, of all kinds, as data. */
#include "kinds.h"
#include "maps.h"

#define MAPS 25

struct pages {
	struct answer answer; /* first: live_done() fills it in */
	kshim_table *table;
	unsigned count;
	bool had_more; /* all but the last have a token */
};

static void on_page(const char *json, size_t len, void *user)
{
	struct pages *pages = user;
	kshim_error *error = NULL;

	if (pages->table) {
		pages->had_more = pages->had_more && kshim_table_continue(pages->table);
		assert_int_equal(kshim_table_add(pages->table, json, len, &error), 0);
	} else {
		pages->had_more = true;
		pages->table = kshim_table_new(json, len, &error);
	}
	if (error)
		fail_msg("%s", kshim_error_message(error));
	pages->count++;
}

static void read_table(kshim_query *query, const char *name, struct pages *pages)
{
	live_clear(&pages->answer);
	kshim_table_free(pages->table);
	memset(pages, 0, sizeof(*pages));
	live_wait(server, kshim_query_table(query, name, on_page, live_done, pages), &pages->answer, __FILE__, __LINE__);
}

static void clear(struct pages *pages)
{
	live_clear(&pages->answer);
	kshim_table_free(pages->table);
}

/* The object of a row is what the row says it is of. */
static void check_row(const kshim_table *table, size_t row, bool namespaced)
{
	const char *namespace_ = kshim_table_row_namespace(table, row), *text;
	json_t *object, *metadata;
	size_t len;

	text = kshim_table_row_object(table, row, &len);
	assert_non_null(text);
	assert_int_equal(strlen(text), len);
	object = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);
	assert_string_equal(json_string_value(json_object_get(object, "kind")), "PartialObjectMetadata");
	metadata = json_object_get(object, "metadata");
	assert_string_equal(json_string_value(json_object_get(metadata, "name")), kshim_table_row_name(table, row));
	assert_int_equal(namespace_ != NULL, namespaced);
	if (namespaced)
		assert_string_equal(json_string_value(json_object_get(metadata, "namespace")), namespace_);
	json_decref(object);
}

static void check_columns(const kshim_table *table)
{
	static const char *const types[] = {"string", "integer", "number", "boolean", "date"};
	size_t i, k, names = 0;

	for (i = 0; i < kshim_table_column_count(table); i++) {
		for (k = 0; strcmp(kshim_table_column_type(table, i), types[k]) != 0; k++)
			assert_in_range(k, 0, sizeof(types) / sizeof(types[0]) - 2);
		assert_true(*kshim_table_column_name(table, i) != '\0');
		assert_true(*kshim_table_column_description(table, i) != '\0');
		assert_in_range(kshim_table_column_priority(table, i), 0, 1);
		names += strcmp(kshim_table_column_format(table, i), "name") == 0;
	}
	assert_int_equal(names, 1);
}

/* Whatever of them the server has: nothing but what is true of each. */
static void every_kind(void **state)
{
	struct pages pages = {0};
	size_t i, row, seen = 0;

	(void)state;
	for (i = 0; i < ROW_COUNT; i++) {
		kshim_query *query = kshim_query_new(server->client, kshim_kind_builtin(rows[i].which), "");

		read_table(query, NULL, &pages);
		kshim_query_free(query);
		if (pages.answer.code == KSHIM_ENOKIND)
			continue; /* Dask's, or one that this server has no more */
		EXPECT(&pages.answer, KSHIM_OK);
		seen++;
		check_columns(pages.table);
		for (row = 0; row < kshim_table_row_count(pages.table); row++)
			check_row(pages.table, row, !(rows[i].flags & CLUSTER));
		assert_non_null(kshim_table_resource_version(pages.table));
		assert_null(kshim_table_continue(pages.table));
	}
	assert_true(seen > 25);
	clear(&pages);
}

static size_t column_of(const kshim_table *table, const char *name)
{
	size_t i;

	for (i = 0; i < kshim_table_column_count(table); i++)
		if (strcmp(kshim_table_column_name(table, i), name) == 0)
			return i;
	fail_msg("there is no column %s", name);
	return 0;
}

static void pages_of_one(void **state)
{
	kshim_query *query = maps_with(server->namespace_, "set", "tables");
	struct pages pages = {0};
	size_t i, data;
	int64_t number;
	char name[40];

	(void)state;
	for (i = 0; i < MAPS; i++) {
		snprintf(name, sizeof(name), "table-%02zu", i);
		make_map(server->namespace_, name, "\"set\":\"tables\"");
	}
	kshim_query_set_limit(query, 10);
	read_table(query, NULL, &pages);
	EXPECT(&pages.answer, KSHIM_OK);
	assert_int_equal(pages.count, 3);
	assert_true(pages.had_more);
	assert_null(kshim_table_continue(pages.table));
	assert_int_equal(kshim_table_row_count(pages.table), MAPS);
	data = column_of(pages.table, "Data");
	assert_string_equal(kshim_table_column_type(pages.table, data), "string"); /* and yet: */
	for (i = 0; i < MAPS; i++) {
		snprintf(name, sizeof(name), "table-%02zu", i);
		assert_string_equal(kshim_table_cell(pages.table, i, column_of(pages.table, "Name")), name);
		assert_string_equal(kshim_table_row_name(pages.table, i), name);
		assert_string_equal(kshim_table_row_namespace(pages.table, i), server->namespace_);
		assert_int_equal(kshim_table_cell_int(pages.table, i, data, &number), 0);
		assert_in_range(number, 0, 1);
		assert_int_equal(kshim_table_cell_int(pages.table, i, column_of(pages.table, "Name"), &number), -1);
	}
	read_table(query, "table-07", &pages);
	EXPECT(&pages.answer, KSHIM_OK);
	assert_int_equal(kshim_table_row_count(pages.table), 1);
	assert_string_equal(kshim_table_row_name(pages.table, 0), "table-07");
	clear(&pages);
	kshim_query_free(query);
}

/* Columns that only a wide output shows, and cells that are no strings. */
static void of_a_service(void **state)
{
	static const char text[] = "{\"apiVersion\":\"v1\",\"kind\":\"Service\",\"metadata\":{\"name\":\"web\"},\"spec\":{\"ports\":["
				   "{\"name\":\"a\",\"port\":80},{\"name\":\"b\",\"port\":81}],\"selector\":{\"app\":\"web\"}}}";
	kshim_object *service = kshim_object_from_text(server->client, text, strlen(text));
	kshim_query *query = kshim_query_new(server->client, KSHIM_SERVICE, server->namespace_);
	struct pages pages = {0};
	size_t selector;

	(void)state;
	assert_int_equal(kshim_object_set_string(service, "/metadata/namespace", server->namespace_), 0);
	ASK(server, &pages.answer, kshim_object_create(service, NULL, live_done, &pages.answer));
	EXPECT(&pages.answer, KSHIM_OK);
	read_table(query, "web", &pages);
	EXPECT(&pages.answer, KSHIM_OK);
	selector = column_of(pages.table, "Selector");
	assert_int_equal(kshim_table_column_priority(pages.table, selector), 1);
	assert_string_equal(kshim_table_cell(pages.table, 0, selector), "app=web");
	assert_string_equal(kshim_table_cell(pages.table, 0, column_of(pages.table, "Port(s)")), "80/TCP,81/TCP");
	assert_string_equal(kshim_table_cell(pages.table, 0, column_of(pages.table, "Cluster-IP")),
			    kshim_object_get_string(service, "/spec/clusterIP"));
	clear(&pages);
	kshim_object_unref(service);
	kshim_query_free(query);
}

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_kind),
		cmocka_unit_test(pages_of_one),
		cmocka_unit_test(of_a_service),
	};

	return live_run_tests(argc, argv, "tables", tests, sizeof(tests) / sizeof(tests[0]), live_set_up, live_tear_down);
}
