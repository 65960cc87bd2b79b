/*
 * Caches on a real API server: after changes from outside they hold what a list says,
 * and every listener's ledger leads there. The caches are on a loop of their own.
 */
#include "../faults/story.h"
#include "cutter.h"
#include "live.h"
#include "maps.h"

#define CUTS 8

static struct live *reader;

/* What a list says: of another client, on the changes' loop. */
struct truth {
	struct answer answer; /* first: items get it as their user */
	char names[MOST][96];  /* namespace/name */
	char versions[MOST][16];
	size_t count;
	struct story *story;
};

static void on_item(kshim_object *item, void *user)
{
	struct truth *truth = user;

	assert_in_range(truth->count, 0, MOST - 1);
	snprintf(truth->names[truth->count], sizeof(truth->names[0]), "%s", kshim_object_name(item));
	snprintf(truth->versions[truth->count++], sizeof(truth->versions[0]), "%s", kshim_object_resource_version(item));
}

static bool is_true(void *user)
{
	struct truth *truth = user;
	kshim_cache *cache = truth->story->cache;
	size_t i;

	assert_int_equal(truth->story->ended, 0);
	if (!kshim_cache_is_synced(cache) || kshim_cache_count(cache) != truth->count)
		return false;
	for (i = 0; i < truth->count; i++) {
		kshim_object *object = kshim_cache_get(cache, server->namespace_, truth->names[i]);

		if (!object || strcmp(kshim_object_resource_version(object), truth->versions[i]) != 0)
			return false;
	}
	return true;
}

/* `query` is what the cache is of, for the other client. */
static void same_as_list(struct story *story, kshim_query *query)
{
	struct truth truth = {.story = story};

	ASK(server, &truth.answer, kshim_query_list(query, on_item, live_done, &truth));
	EXPECT(&truth.answer, KSHIM_OK);
	live_clear(&truth.answer);
	drive_until(reader->loop, ALONE, is_true, &truth);
	check_reads(story);
}

static kshim_query *maps(struct live *live, const char *namespace_, const char *tier)
{
	kshim_query *query = kshim_query_new(live->client, KSHIM_CONFIG_MAP, namespace_);
	const char *run = live_run();

	assert_int_equal(kshim_query_add_label(query, RUN_LABEL, KSHIM_OP_EQUALS, &run, 1), 0);
	if (tier)
		assert_int_equal(kshim_query_add_label(query, "tier", KSHIM_OP_EQUALS, &tier, 1), 0);
	return query;
}

static void make(const char *name, const char *tier)
{
	char labels[64];

	snprintf(labels, sizeof(labels), "\"tier\":\"%s\"", tier);
	make_map(server->namespace_, name, labels);
}

static kshim_object *named(const char *kind, const char *name)
{
	kshim_query *query = kshim_query_new_named(server->client, kind, server->namespace_);
	kshim_object *object = kshim_query_object(query, name);

	assert_non_null(object);
	kshim_query_free(query);
	return object;
}

static void set_tier(const char *name, const char *tier)
{
	kshim_object *object = named("configmaps", name);
	struct answer got = {0};

	ASK(server, &got, kshim_object_label(object, "tier", tier, NULL, live_done, &got));
	EXPECT(&got, KSHIM_OK);
	live_clear(&got);
	kshim_object_unref(object);
}

static void remove_it(const char *kind, const char *name)
{
	kshim_object *object = named(kind, name);
	struct answer got = {0};

	ASK(server, &got, kshim_object_delete(object, NULL, live_done, &got));
	EXPECT(&got, KSHIM_OK);
	live_clear(&got);
	kshim_object_unref(object);
}

static void end(struct story *story)
{
	story->silent = true;
	kshim_cache_free(story->cache);
}

/* Each kind of change, with a selector of the cache's own and one of a listener. */
static void changes(void **state)
{
	kshim_query *query = maps(reader, server->namespace_, NULL), *same = maps(server, server->namespace_, NULL);
	struct story all = {0}, front = {.labels = "tier=front"}, late = {0};
	char uid[64];

	(void)state;
	make("a", "front");
	make("b", "back");
	listen(&all, kshim_cache_new(query));
	listen(&front, all.cache);
	same_as_list(&all, same);
	snprintf(uid, sizeof(uid), "%s", kshim_object_get_string(kshim_cache_get(all.cache, server->namespace_, "a"), "/metadata/uid"));
	assert_null(strstr(kshim_object_text(kshim_cache_get(all.cache, server->namespace_, "a"), NULL), "managedFields"));
	make("c", "front");
	set_tier("b", "front");
	set_tier("c", "back");
	same_as_list(&all, same);
	listen(&late, all.cache);
	remove_it("configmaps", "b");
	remove_it("configmaps", "a");
	make("a", "back");
	make("d", "front");
	same_as_list(&all, same);
	check_reads(&front);
	check_reads(&late);
	assert_int_equal(front.held, 1);
	assert_string_not_equal(uid, kshim_object_get_string(kshim_cache_get(all.cache, server->namespace_, "a"), "/metadata/uid"));
	assert_int_equal(kshim_watch_count(kshim_cache_watch(all.cache), KSHIM_WATCH_LISTS), 1);
	late.silent = front.silent = true;
	end(&all);
	delete_all(same);
	kshim_query_free(query);
	kshim_query_free(same);
}

/* All namespaces, with a listener for one; a state that the server streams, if it can. */
static void all_namespaces(void **state)
{
	kshim_query *query = maps(reader, KSHIM_ALL_NAMESPACES, NULL), *same = maps(server, KSHIM_ALL_NAMESPACES, NULL);
	struct story all = {0}, here = {.namespace_ = server->namespace_}, elsewhere = {.namespace_ = "kube-system"};
	kshim_options *options = kshim_options_new();

	(void)state;
	kshim_options_set_watch_streamed_state(options, 1);
	make("one", "x");
	listen(&all, kshim_cache_new(query));
	assert_int_equal(kshim_cache_set_options(all.cache, options), 0);
	listen(&here, all.cache);
	listen(&elsewhere, all.cache);
	same_as_list(&all, same);
	make("two", "x");
	remove_it("configmaps", "one");
	same_as_list(&all, same);
	check_reads(&here);
	assert_int_equal(here.held, 1);
	assert_story(&elsewhere, "SYNCED");
	here.silent = elsewhere.silent = true;
	end(&all);
	remove_it("configmaps", "two");
	kshim_options_free(options);
	kshim_query_free(query);
	kshim_query_free(same);
}

/* A kind that the server defines, by its name; shared by two. */
static void custom_kind(void **state)
{
	static const char *const names[] = {"one", "two"};
	kshim_query *query, *same;
	struct story story = {0}, other = {0};
	struct answer got = {0};
	char text[400];
	size_t i;

	(void)state;
	live_make_dask(server);
	query = kshim_query_new_named(reader->client, "daskautoscalers.kubernetes.dask.org", server->namespace_);
	same = kshim_query_new_named(server->client, "daskautoscalers.kubernetes.dask.org", server->namespace_);
	listen(&story, kshim_cache_shared(query));
	listen(&other, kshim_cache_shared(query));
	assert_ptr_equal(story.cache, other.cache);
	for (i = 0; i < COUNT(names); i++) {
		kshim_object *object;

		same_as_list(&story, same);
		snprintf(text, sizeof(text), "{\"apiVersion\":\"kubernetes.dask.org/v1\",\"kind\":\"DaskAutoscaler\",\"metadata\":{"
			 "\"name\":\"%s\",\"namespace\":\"%s\"},\"spec\":{\"cluster\":\"c\",\"minimum\":1,\"maximum\":2}}", names[i],
			 server->namespace_);
		object = kshim_object_from_text(server->client, text, strlen(text));
		ASK(server, &got, kshim_object_create(object, NULL, live_done, &got));
		EXPECT(&got, KSHIM_OK);
		live_clear(&got);
		kshim_object_unref(object);
	}
	same_as_list(&story, same);
	assert_int_equal(story.held, 2);
	assert_string_equal(kshim_object_kind(kshim_cache_get(story.cache, server->namespace_, "two")), "DaskAutoscaler");
	remove_it("daskautoscalers.kubernetes.dask.org", "one");
	same_as_list(&story, same);
	check_reads(&other);
	other.silent = true;
	kshim_cache_free(other.cache);
	end(&story);
	delete_all(same);
	kshim_query_free(query);
	kshim_query_free(same);
	live_remove_dask(server);
}

/* Connections that are cut within an event, and changes while there is none. */
static void cut_connections(void **state)
{
	struct cutter *cutter = cutter_start(kshim_client_server(server->client));
	struct live *inside = reader;
	kshim_query *query, *same = maps(server, server->namespace_, NULL);
	struct story story = {0};
	char name[16];
	unsigned i;

	(void)state;
	reader = live_open_at("admin", NULL, cutter_port(cutter));
	query = maps(reader, server->namespace_, NULL);
	listen(&story, kshim_cache_new(query));
	same_as_list(&story, same);
	for (i = 0; i < CUTS; i++) {
		snprintf(name, sizeof(name), "cut-%u", i % 100);
		cutter_cut(cutter, 50 + i * 131, i % 2);
		make(name, "x");
		set_tier(name, "y");
		if (i % 3 == 2) {
			remove_it("configmaps", name);
			make(name, "again");
		}
		same_as_list(&story, same);
	}
	print_message("%u cuts, %u streams\n", cutter_cuts(cutter),
		      (unsigned)kshim_watch_count(kshim_cache_watch(story.cache), KSHIM_WATCH_STREAMS));
	assert_true(cutter_cuts(cutter) > 1);
	assert_int_equal(story.held, CUTS);
	end(&story);
	delete_all(same);
	kshim_query_free(query);
	kshim_query_free(same);
	live_close(reader);
	reader = inside;
	cutter_stop(cutter);
}

static int set_up(void **state)
{
	live_set_up(state);
	reader = live_open("admin", NULL);
	kshim_client_set_watch_connections(reader->client,
					   strcmp(live_http, "2") == 0 ? KSHIM_HTTP_2 : KSHIM_HTTP_1_1, 0);
	return 0;
}

static int tear_down(void **state)
{
	live_close(reader);
	return live_tear_down(state);
}

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(changes),
		cmocka_unit_test(all_namespaces),
		cmocka_unit_test(custom_kind),
		cmocka_unit_test(cut_connections),
	};

	return live_run_tests(argc, argv, "cache", tests, sizeof(tests) / sizeof(tests[0]), set_up, tear_down);
}
