/* Caches on a scripted server: what is told, what reads see, and everything freed everywhere. */
#include "story.h"

#include <unistd.h>

static const struct fakeapi_route plain[] = {
	{"GET", WATCH_FROM("5"), .answer = OPEN(EVENT("ADDED", THE("c", "6")) EVENT("MODIFIED", THE("a", "8"))
						EVENT("DELETED", THE("b", "10")))},
	{"GET", LIST_PATH, .answer = {.body = LIST("5", THE("a", "4") "," THE("b", "3"))}},
};

/* State, changes, reads. */
static void test_changes(void **state)
{
	struct story story = {0};
	struct rig rig;

	watch_rig(&rig, state, plain, COUNT(plain));
	assert_int_equal(kshim_query_set_resource_version(rig.pods, "1", KSHIM_MATCH_UNSET), 0);
	story_begin(&rig, &story);
	assert_int_equal(kshim_cache_is_synced(story.cache), 0);
	assert_null(kshim_cache_watch(story.cache));
	until(&story, "-b10");
	assert_story(&story, "+a4 +b3 SYNCED +c6 ~a8<4 -b10");
	check_reads(&story);
	assert_int_equal(kshim_cache_is_synced(story.cache), 1);
	assert_int_equal(kshim_cache_count(story.cache), 2);
	assert_string_equal(kshim_object_resource_version(kshim_cache_get(story.cache, "ns", "a")), "8");
	assert_string_equal(kshim_object_name(kshim_cache_get(story.cache, NULL, "c")), "c"); /* the query's namespace */
	assert_null(kshim_cache_get(story.cache, "ns", "b"));
	assert_null(kshim_cache_get(story.cache, "other", "a"));
	assert_int_equal(kshim_cache_walk(story.cache, "other", NULL, NULL, NULL), 0);
	assert_int_equal(kshim_cache_walk(story.cache, KSHIM_ALL_NAMESPACES, NULL, NULL, NULL), 2);
	assert_int_equal(kshim_cache_walk(story.cache, NULL, "not a selector", NULL, NULL), -1);
	assert_int_equal(kshim_error_code(kshim_client_error(rig.client)), KSHIM_EINVAL);
	assert_null(kshim_cache_listen(story.cache, NULL, "not a selector", on_change, &story));
	assert_int_equal(kshim_cache_find(story.cache, "none", "x", NULL, NULL), -1);
	assert_int_equal(kshim_cache_set_managed_fields(story.cache, 1), -1);
	assert_int_equal(kshim_cache_set_transform(story.cache, NULL, NULL), -1);
	assert_int_equal(kshim_cache_set_options(story.cache, NULL), -1);
	assert_null(kshim_cache_error(story.cache));
	assert_int_equal(kshim_watch_count(kshim_cache_watch(story.cache), KSHIM_WATCH_EVENTS), 5);
	assert_ptr_equal(kshim_cache_client(story.cache), rig.client);
	assert_int_equal(fakeapi_request_count(rig.api), 2);
	story_end(&rig, &story);
}

/* By selector and namespace objects come and go. */
static void test_selectors(void **state)
{
	const struct fakeapi_route routes[] = {
		{"GET", ALL_WATCH("5"), .answer = OPEN(EVENT("MODIFIED", LABELED("a", "6", "db")) EVENT("MODIFIED", LABELED("a", "7", "db"))
			EVENT("MODIFIED", LABELED("a", "8", "web")) EVENT("ADDED", LABELED("c", "9", "web"))
			EVENT("MODIFIED", LABELED("a", "10", "web")) EVENT("DELETED", LABELED("a", "11", "web"))
			EVENT("DELETED", LABELED("b", "12", "db")))},
		{"GET", ALL_PATH, .answer = {.body = LIST("5", LABELED("a", "4", "web") "," LABELED("b", "3", "db"))}},
	};
	struct story web = {.labels = "app=web", .namespace_ = "ns"}, none = {.namespace_ = "other"},
		     db = {.labels = "app in (db)"}, all = {.namespace_ = KSHIM_ALL_NAMESPACES};
	kshim_query *query;
	struct rig rig;

	watch_rig(&rig, state, routes, COUNT(routes));
	query = kshim_query_new(rig.client, KSHIM_POD, KSHIM_ALL_NAMESPACES);
	all.rig = &rig;
	listen(&all, kshim_cache_new(query));
	kshim_query_free(query);
	listen(&web, all.cache);
	listen(&none, all.cache);
	listen(&db, all.cache);
	until(&all, "-b12");
	assert_story(&all, "+a4 +b3 SYNCED ~a6<4 ~a7<6 ~a8<7 +c9 ~a10<8 -a11 -b12");
	assert_story(&web, "+a4 SYNCED -a6<4 +a8 +c9 ~a10<8 -a11");
	assert_story(&db, "+b3 SYNCED +a6 ~a7<6 -a8<7 -b12");
	assert_story(&none, "SYNCED");
	check_reads(&all);
	check_reads(&web);
	check_reads(&db);
	story_end(&rig, &all);
}

/* A gap: what happened in it, and what reads see until the state is whole. */

struct gap {
	struct story story;
	bool during; /* it was looked while the list was under way */
};

static bool gap_over(void *user)
{
	struct gap *gap = user;
	kshim_cache *cache = gap->story.cache;
	bool b = kshim_cache_get(cache, "ns", "b"), c = kshim_cache_get(cache, "ns", "c");
	const struct fakeapi_request *list = fakeapi_request(gap->story.rig->api, 2);

	if (!gap->story.held || !kshim_cache_is_synced(cache))
		return false;
	assert_int_not_equal(b, c); /* old, or new */
	if (list && atomic_load(&list->sent) > 300 && b) {
		gap->during = true;
		assert_string_equal(kshim_object_resource_version(kshim_cache_get(cache, "ns", "a")), "6");
		assert_int_equal(kshim_cache_count(cache), 4);
	}
	return story_ends(&gap->story, "+f13");
}

static const struct fakeapi_route gap_routes[] = {
	{"GET", WATCH_FROM("5"), .answer = OPEN(EVENT("MODIFIED", THE("a", "6")) EVENT("ERROR", GONE))},
	{"GET", WATCH_FROM("12"), .answer = OPEN(EVENT("ADDED", THE("f", "13")))},
	{"GET", LIST_PATH, .nth = 1, .answer = {.body = LIST("5", THE("a", "4") "," THE("b", "3") "," THE("d", "2") "," WITH_UID("e", "1", "old"))}},
	{"GET", LIST_PATH "*", .answer = {.body = LIST("12", THE("c", "9") "," THE("a", "11") "," THE("d", "2") "," WITH_UID("e", "10", "new")),
					  .piece = 50, .part_delay_ms = 20}},
};

static void test_gap_states(void **state)
{
	struct gap gap = {.during = false};
	kshim_object *kept[2];
	struct rig rig;

	watch_rig(&rig, state, gap_routes, COUNT(gap_routes));
	story_begin(&rig, &gap.story);
	until(&gap.story, "~a6<4");
	kept[0] = kshim_object_ref(kshim_cache_get(gap.story.cache, "ns", "b"));
	kept[1] = kshim_object_ref(kshim_cache_get(gap.story.cache, "ns", "d"));
	rig_until(&rig, gap_over, &gap);
	assert_true(gap.during);
	assert_non_null(strstr(gap.story.text, "+a4 +b3 +d2 +e1 SYNCED ~a6<4 "));
	assert_contains(gap.story.text, " ?b3");
	assert_contains(gap.story.text, " ?e1 +e10");
	assert_contains(gap.story.text, " +c9");
	assert_contains(gap.story.text, " ~a11<6");
	assert_null(strstr(gap.story.text, "d2<"));
	assert_true(story_ends(&gap.story, " SYNCED +f13"));
	check_reads(&gap.story);
	assert_int_equal(kshim_cache_count(gap.story.cache), 5);
	assert_string_equal(kshim_object_get_string(kept[0], "/metadata/uid"), "u-b"); /* ours now */
	/* what is the same in both is the same object */
	assert_ptr_equal(kshim_cache_get(gap.story.cache, "ns", "d"), kept[1]);
	kshim_object_unref(kept[0]);
	kshim_object_unref(kept[1]);
	story_end(&rig, &gap.story);
}

/* Listeners that come late hear the same: at any point, from another's callback. */

struct late {
	struct story first, others[40];
	unsigned count;
};

static void one_more(struct story *story, kshim_change change, kshim_object *object)
{
	struct late *late = story->data;

	(void)change;
	(void)object;
	if (late->count < COUNT(late->others))
		listen(&late->others[late->count++], story->cache);
}

static bool all_told(void *user)
{
	struct late *late = user;
	unsigned i;

	for (i = 0; i < late->count; i++)
		if (!late->others[i].held || !strstr(late->others[i].text, "SYNCED"))
			return false;
	return story_ends(&late->first, "+f13");
}

static void test_late_listeners(void **state)
{
	struct late late = {.first = {.hook = one_more}};
	struct rig rig;
	unsigned i;

	watch_rig(&rig, state, gap_routes, COUNT(gap_routes));
	late.first.data = &late;
	story_begin(&rig, &late.first);
	rig_until(&rig, all_told, &late);
	assert_in_range(late.count, 10, COUNT(late.others));
	for (i = 0; i < late.count; i++) {
		assert_int_equal(late.others[i].held, 5);
		check_reads(&late.others[i]);
	}
	late.others[0].silent = true;
	story_end(&rig, &late.first);
}

/* Removed in its own and in another's callback. */

static void remove_all(struct story *story, kshim_change change, kshim_object *object)
{
	struct story *const *stories = story->data;

	(void)change;
	(void)object;
	for (; *stories; stories++) {
		kshim_listener_free((*stories)->listener);
		(*stories)->silent = true;
	}
}

static void test_removed(void **state)
{
	struct story a = {0}, b = {.hook = remove_all, .hook_at = "+a4"}, c = {0}, last = {0};
	struct story *both[] = {&b, &c, NULL}, *first[] = {&a, NULL};
	struct rig rig;

	watch_rig(&rig, state, plain, COUNT(plain));
	story_begin(&rig, &a);
	listen(&b, a.cache);
	listen(&c, a.cache);
	listen(&last, a.cache);
	b.data = both;
	last.rig = &rig;
	until(&last, "SYNCED");
	remove_all(&(struct story){.data = first}, KSHIM_CHANGE_SYNCED, NULL); /* outside of any */
	until(&last, "-b10");
	assert_int_equal(strncmp(a.text, "+a4 +b3 SYNCED", 14), 0);
	assert_story(&b, "+a4");
	assert_story(&c, "");
	assert_story(&last, "+a4 +b3 SYNCED +c6 ~a8<4 -b10");
	story_end(&rig, &last);
}

/* Everything is freed in every kind of callback. */

#define FREE_CACHE 1
#define FREE_CLIENT 2
#define FREE_LISTENER 4

static void free_now(struct story *story, unsigned what)
{
	if (what & FREE_LISTENER) {
		kshim_listener_free(story->listener);
		story->silent = true;
	}
	if (what & FREE_CLIENT) {
		kshim_query_free(story->rig->pods);
		kshim_client_free(story->rig->client);
		story->rig->client = NULL;
		story->rig->pods = NULL;
	}
	if (what & FREE_CACHE) {
		kshim_cache_free(story->cache);
		story->silent = true;
		story->cache = NULL;
	}
}

struct freeing {
	kshim_change at;
	unsigned what;
	bool done;
	kshim_cache *cache;
};

static void free_at(struct story *story, kshim_change change, kshim_object *object)
{
	struct freeing *freeing = story->data;

	if (change != freeing->at || freeing->done)
		return;
	freeing->done = true;
	free_now(story, freeing->what);
	if (object) /* still the callback's */
		assert_non_null(kshim_object_get_string(object, "/metadata/uid"));
}

static bool freed(void *user)
{
	return ((struct freeing *)user)->done;
}

static const struct fakeapi_route eventful[] = {
	{"GET", WATCH_FROM("5"), .answer = OPEN(EVENT("MODIFIED", THE("a", "6")) EVENT("DELETED", THE("d", "7")) EVENT("ERROR", GONE))},
	{"GET", WATCH_FROM("12"), .answer = ENDS(EVENT("ADDED", THE("f", "13")))},
	{"GET", WATCH_FROM("13"), .nth = 1, .answer = {.status = 500, .body = STATUS(500, "InternalError", "")}},
	{"GET", WATCH_FROM("13"), .nth = 2, .answer = {.status = 500, .body = STATUS(500, "InternalError", "")}},
	{"GET", WATCH_FROM("13"), .answer = OPEN(EVENT("DELETED", THE("f", "14")))},
	{"GET", LIST_PATH, .nth = 1, .answer = {.body = LIST("5", THE("a", "4") "," THE("b", "3") "," THE("d", "2"))}},
	{"GET", LIST_PATH "*", .answer = {.body = LIST("12", THE("a", "11"))}},
};

static void free_in(void **state, kshim_change at, unsigned what)
{
	struct freeing freeing = {.at = at, .what = what};
	struct story story = {.hook = free_at, .data = &freeing}, other = {0};
	kshim_cache *cache;
	struct rig rig;

	watch_rig(&rig, state, eventful, COUNT(eventful));
	story_begin(&rig, &story);
	listen(&other, story.cache);
	cache = story.cache;
	if (at == KSHIM_CHANGE_ENDED) {
		kshim_client_free(rig.client);
		rig.client = NULL;
		if (what & FREE_CLIENT)
			freeing.what &= ~(unsigned)FREE_CLIENT;
		kshim_query_free(rig.pods);
		rig.pods = NULL;
	}
	rig_until(&rig, freed, &freeing);
	if (what & FREE_CACHE) {
		other.silent = true;
	} else {
		if (!(what & FREE_CLIENT) && at != KSHIM_CHANGE_ENDED)
			kshim_client_free(rig.client);
		kshim_query_free(rig.pods);
		rig.client = NULL;
		rig.pods = NULL;
	}
	rig_drive(&rig);
	if (!(what & FREE_CACHE)) {
		assert_int_equal(other.ended, 1);
		assert_int_equal(other.code, KSHIM_ECANCELED);
		assert_int_equal(story.ended, what & FREE_LISTENER && at != KSHIM_CHANGE_ENDED ? 0 : 1);
		check_reads(&other); /* what is held can be read */
		assert_null(kshim_cache_client(cache));
		assert_null(kshim_cache_watch(cache));
		kshim_cache_free(cache);
	}
	rig_stop(&rig);
}

static void test_freed_inside(void **state)
{
	static const unsigned what[] = {FREE_CACHE, FREE_CLIENT, FREE_LISTENER, FREE_CACHE | FREE_CLIENT, FREE_LISTENER | FREE_CACHE};
	unsigned at, i;

	for (at = KSHIM_CHANGE_ADDED; at <= KSHIM_CHANGE_ENDED; at++)
		for (i = 0; i < COUNT(what); i++)
			free_in(state, (kshim_change)at, what[i]);
}

/* The loop goes first, and the cache at any time after it. */
static void test_loop_freed(void **state)
{
	static const char *const when[] = {"", "+a4", "SYNCED", "-b10"};
	struct rig rig;
	size_t i;

	for (i = 0; i < COUNT(when); i++) {
		struct story story = {0};

		watch_rig(&rig, state, plain, COUNT(plain));
		story_begin(&rig, &story);
		until(&story, when[i]);
		kshim_loop_free(rig.loop);
		rig.loop = NULL;
		kshim_cache_get(story.cache, "ns", "a");
		check_reads(&story);
		story.silent = true;
		if (i % 2) {
			kshim_query_free(rig.pods);
			kshim_client_free(rig.client);
			rig.pods = NULL;
			rig.client = NULL;
		}
		kshim_cache_free(story.cache);
		rig_stop(&rig);
	}
}

/* Refused at the start: it ends, and who comes then learns of it. */
static void test_refused(void **state)
{
	const struct fakeapi_route routes[] = {
		{"GET", LIST_PATH, .answer = {.status = 403, .body = STATUS(403, "Forbidden", "")}},
	};
	struct story story = {0}, late = {0};
	struct rig rig;

	watch_rig(&rig, state, routes, COUNT(routes));
	story_begin(&rig, &story);
	rig_drive(&rig);
	assert_story(&story, "ENDED");
	assert_int_equal(story.code, KSHIM_EFORBIDDEN);
	assert_int_equal(kshim_cache_is_synced(story.cache), 0);
	listen(&late, story.cache);
	rig_drive(&rig);
	assert_story(&late, "ENDED");
	story_end(&rig, &story);
}

/* Failures, told once there are two in a row. */
static void test_late(void **state)
{
	struct story story = {0};
	struct rig rig;

	watch_rig(&rig, state, eventful, COUNT(eventful));
	story_begin(&rig, &story);
	until(&story, "-f14");
	assert_contains(story.text, " +f13 LATE RESUMED -f14");
	check_reads(&story);
	story_end(&rig, &story);
}

/* Shared: one watch on the wire. */
static void test_shared(void **state)
{
	struct story a = {0}, b = {.labels = "app=web"}, again = {0};
	kshim_cache *first, *second, *third;
	kshim_query *narrow, *other;
	struct rig rig;

	watch_rig(&rig, state, plain, COUNT(plain));
	narrow = kshim_query_new(rig.client, KSHIM_POD, "ns");
	other = kshim_query_new(rig.client, KSHIM_POD, "other");
	kshim_query_set_labels(narrow, "app=web");
	kshim_query_set_fields(narrow, "metadata.name=a");
	first = kshim_cache_shared(narrow);
	second = kshim_cache_shared(rig.pods);
	third = kshim_cache_shared(other);
	assert_ptr_equal(first, second);
	assert_ptr_not_equal(first, third);
	kshim_cache_free(third);
	a.rig = &rig;
	listen(&a, first);
	listen(&b, second);
	until(&a, "-b10");
	assert_story(&a, "+a4 +b3 SYNCED +c6 ~a8<4 -b10");
	assert_story(&b, "SYNCED");
	assert_int_equal(fakeapi_request_count(rig.api), 2);
	assert_null(strstr(fakeapi_request(rig.api, 0)->path, "elector"));
	kshim_cache_free(first);
	assert_ptr_equal(kshim_cache_shared(rig.pods), second);
	kshim_cache_free(second);
	assert_int_equal(kshim_cache_count(second), 2);
	a.silent = b.silent = true;
	kshim_cache_free(second);
	rig_drive(&rig);
	/* the next one is another */
	again.rig = &rig;
	listen(&again, kshim_cache_shared(narrow));
	until(&again, "-b10");
	assert_int_equal(fakeapi_request_count(rig.api), 4);
	kshim_query_free(narrow);
	kshim_query_free(other);
	story_end(&rig, &again);
}

/* What is held. */

#define MANAGED(name, version, rest)                                                                                   \
	"{" META(name, version, "u-" name) ",\"managedFields\":[{\"manager\":\"m\",\"fieldsV1\":{\"f:metadata\":{}}}]},"        \
	"\"spec\":{\"nodeName\":\"n-" name "\"" rest "},\"status\":{\"phase\":\"Running\"}}"

static const struct fakeapi_route managed[] = {
	{"GET", WATCH_FROM("5"), .answer = OPEN(EVENT("MODIFIED", MANAGED("a", "6", ",\"x\":1")) EVENT("MODIFIED", MANAGED("b", "7", ",\"out\":1"))
						EVENT("MODIFIED", MANAGED("c", "8", "")) EVENT("MODIFIED", MANAGED("d", "9", "")))},
	{"GET", LIST_PATH, .answer = {.body = LIST("5", MANAGED("a", "4", "") "," MANAGED("b", "3", "") "," MANAGED("c", "2", ",\"out\":1"))}},
};

static int transform(kshim_object *object, void *user)
{
	assert_string_equal(user, "user");
	if (kshim_object_has(object, "/spec/out"))
		return 1;
	assert_int_equal(kshim_object_remove(object, "/status"), 0);
	return 0;
}

static void node_of(kshim_object *object, kshim_index_keys *keys, void *user)
{
	(void)user;
	kshim_index_add(keys, kshim_object_get_string(object, "/spec/nodeName"));
	kshim_index_add(keys, kshim_object_has(object, "/spec/x") ? "x" : "all");
}

static void test_transform(void **state)
{
	char user[] = "user";
	struct story story = {0};
	struct rig rig;

	watch_rig(&rig, state, managed, COUNT(managed));
	story_begin(&rig, &story);
	assert_int_equal(kshim_cache_set_transform(story.cache, transform, user), 0);
	assert_int_equal(kshim_cache_add_index(story.cache, "node", node_of, NULL), 0);
	until(&story, "+d9");
	assert_story(&story, "+a4 +b3 SYNCED ~a6<4 -b3 +c8 +d9");
	check_reads(&story);
	assert_int_equal(kshim_cache_find(story.cache, "node", "n-a", NULL, NULL), 1);
	assert_int_equal(kshim_cache_find(story.cache, "node", "n-b", NULL, NULL), 0);
	assert_int_equal(kshim_cache_find(story.cache, "node", "all", count_it, &story), 2);
	assert_int_equal(kshim_cache_find(story.cache, "node", "x", count_it, &story), 1);
	assert_null(kshim_object_get_string(kshim_cache_get(story.cache, "ns", "a"), "/status/phase"));
	assert_null(strstr(kshim_object_text(kshim_cache_get(story.cache, "ns", "a"), NULL), "managedFields"));
	story_end(&rig, &story);
}

/* Without a transform, with and without managedFields. */
static void test_managed_fields(void **state)
{
	int keep;

	for (keep = 0; keep < 2; keep++) {
		struct story story = {0};
		const char *text;
		struct rig rig;

		watch_rig(&rig, state, managed, COUNT(managed));
		story_begin(&rig, &story);
		assert_int_equal(kshim_cache_set_managed_fields(story.cache, keep), 0);
		until(&story, "+d9");
		text = kshim_object_text(kshim_cache_get(story.cache, "ns", "d"), NULL);
		assert_int_equal(strstr(text, "managedFields") != NULL, keep);
		assert_contains(text, "\"phase\":\"Running\"");
		assert_int_equal(kshim_object_has(kshim_cache_get(story.cache, "ns", "d"), "/spec/nodeName"), 1);
		story_end(&rig, &story);
	}
}

/* Strings and trees that were borrowed in a callback stay until the loop goes on, also
 * of what the cache has let go by then; what is referenced stays. */

struct borrowed {
	const char *a, *other, *lasting;
	kshim_object *kept, *held; /* the second stays in the cache, too */
};

static void borrow(struct story *story, kshim_change change, kshim_object *object)
{
	struct borrowed *borrowed = story->data;
	kshim_object *other = kshim_cache_get(story->cache, "ns", "b");

	if (change == KSHIM_CHANGE_ADDED && !borrowed->kept)
		borrowed->kept = kshim_object_ref(object);
	if (change != KSHIM_CHANGE_MODIFIED)
		return;
	borrowed->a = kshim_object_get_string(object, "/metadata/uid");
	borrowed->other = kshim_object_get_string(other, "/metadata/uid");
	borrowed->held = kshim_object_ref(object);
	borrowed->lasting = kshim_object_get_string(object, "/metadata/namespace");
	assert_ptr_equal(other, kshim_cache_get(story->cache, "ns", "b"));
	kshim_cache_walk(story->cache, NULL, NULL, count_it, story);
	assert_string_equal(borrowed->a, "u-a");
	assert_string_equal(borrowed->other, "u-b");
	assert_non_null(kshim_object_tree(other));
	assert_string_equal(borrowed->other, "u-b");
}

static void test_borrowed(void **state)
{
	struct borrowed borrowed = {.a = NULL};
	struct story story = {.hook = borrow, .data = &borrowed}, last = {0};
	kshim_object *a;
	const char *uid;
	struct rig rig;

	watch_rig(&rig, state, plain, COUNT(plain));
	story_begin(&rig, &story);
	last.rig = &rig;
	listen(&last, story.cache);
	until(&last, "-b10");
	assert_string_equal(kshim_object_resource_version(borrowed.kept), "4");
	a = kshim_cache_get(story.cache, "ns", "a");
	assert_ptr_equal(a, borrowed.held);
	assert_string_equal(borrowed.lasting, "ns"); /* with a reference it lasts */
	kshim_object_unref(borrowed.held);
	uid = kshim_object_get_string(a, "/metadata/uid");
	assert_int_equal(kshim_cache_walk(story.cache, NULL, NULL, count_it, &story), 2);
	assert_string_equal(uid, "u-a");
	story.silent = true;
	story_end(&rig, &last);
	assert_string_equal(kshim_object_get_string(borrowed.kept, "/metadata/uid"), "u-a");
	kshim_object_unref(borrowed.kept);
}

/* What was read or told is others' as well: a verb leaves it as it is, also once the
 * cache has let it go. */

struct shared {
	kshim_object *replaced, *deleted; /* references */
	unsigned done;
};

static void keep_both(struct story *story, kshim_change change, kshim_object *object)
{
	struct shared *shared = story->data;

	if (change == KSHIM_CHANGE_ADDED && !shared->replaced)
		shared->replaced = kshim_object_ref(object);
	if (change == KSHIM_CHANGE_DELETED)
		shared->deleted = kshim_object_ref(object);
}

static void on_reloaded(kshim_result *result, void *user)
{
	struct shared *shared = user;
	kshim_object *now = kshim_result_object(result);

	assert_null(kshim_result_error(result));
	assert_string_equal(kshim_object_resource_version(now), "20");
	assert_ptr_not_equal(now, shared->replaced);
	assert_ptr_not_equal(now, shared->deleted);
	shared->done++;
}

static void test_verb_on_what_was_told(void **state)
{
	const struct fakeapi_route routes[] = {
		{"GET", LIST_PATH "/a", .answer = {.body = THE("a", "20")}},
		{"GET", LIST_PATH "/b", .answer = {.body = THE("b", "20")}},
		plain[0],
		plain[1],
	};
	struct shared shared = {.done = 0};
	struct story story = {.hook = keep_both, .data = &shared};
	struct rig rig;

	watch_rig(&rig, state, routes, COUNT(routes));
	story_begin(&rig, &story);
	until(&story, "-b10");
	assert_non_null(kshim_object_reload(shared.replaced, NULL, on_reloaded, &shared));
	assert_non_null(kshim_object_reload(shared.deleted, NULL, on_reloaded, &shared));
	story.silent = true;
	story_end(&rig, &story);
	assert_int_equal(shared.done, 2);
	assert_string_equal(kshim_object_resource_version(shared.replaced), "4");
	assert_string_equal(kshim_object_resource_version(shared.deleted), "10");
	kshim_object_unref(shared.replaced);
	kshim_object_unref(shared.deleted);
}

/* Freed inside what a read calls, and inside the user's other functions. */

static void free_it(kshim_object *object, void *user)
{
	struct story *story = user;

	free_now(story, FREE_CACHE | FREE_CLIENT);
	assert_non_null(kshim_object_get_string(object, "/metadata/uid"));
}

static int free_in_transform(kshim_object *object, void *user)
{
	(void)object;
	free_now(user, FREE_CACHE);
	return 0;
}

static void free_in_index(kshim_object *object, kshim_index_keys *keys, void *user)
{
	(void)object;
	kshim_index_add(keys, "x");
	free_now(user, FREE_CACHE);
}

static void test_freed_in_reads(void **state)
{
	struct rig rig;
	unsigned i;

	for (i = 0; i < 4; i++) {
		struct story story = {0};

		watch_rig(&rig, state, managed, COUNT(managed));
		story_begin(&rig, &story);
		kshim_cache_add_index(story.cache, "node", i == 3 ? free_in_index : node_of, &story);
		if (i == 2)
			kshim_cache_set_transform(story.cache, free_in_transform, &story);
		if (i < 2)
			until(&story, "~a6<4");
		if (i == 0)
			assert_int_equal(kshim_cache_walk(story.cache, NULL, NULL, free_it, &story), 1);
		else if (i == 1)
			assert_int_equal(kshim_cache_find(story.cache, "node", "all", free_it, &story), 1);
		rig_drive(&rig);
		assert_true(story.silent);
		rig_stop(&rig);
	}
}

/* A big state: no pass takes it all, neither as it comes nor for one who comes late,
 * nor when a gap is brought in line. The callback takes its time, so that a pass has
 * to end before all is told; on a slow machine it ends sooner. */

#define BIG 5000
#define SPIN 20000

struct big {
	kshim_cache *cache;
	unsigned calls, most, total, synced, vanished;
	volatile unsigned spun;
};

static void on_big(kshim_cache *cache, kshim_change change, kshim_object *object, kshim_object *before, void *user)
{
	struct big *big = user;
	unsigned i;

	(void)cache;
	(void)object;
	(void)before;
	big->synced += change == KSHIM_CHANGE_SYNCED;
	big->vanished += change == KSHIM_CHANGE_VANISHED;
	if (big->synced < 2) /* what comes behind the state waits for it */
		assert_int_not_equal(change, KSHIM_CHANGE_MODIFIED);
	big->calls++;
	big->total++;
	for (i = 0; i < SPIN; i++)
		big->spun = i;
}

static void passes(struct rig *rig, struct big *big, unsigned synced)
{
	unsigned turns = 0;

	while (big->synced < synced) {
		big->calls = 0;
		kshim_loop_process(rig->loop);
		if (big->calls > big->most)
			big->most = big->calls;
		if (!big->calls)
			usleep(1000);
		assert_true(++turns < HANG_MS);
	}
}

static bool has_one(void *user)
{
	return kshim_cache_count(((struct big *)user)->cache) == 1;
}

static void test_big(void **state)
{
	char *list = pod_list(BIG, 100, NULL), *from;
	struct fakeapi_route routes[] = {
		{"GET", LIST_PATH "?*watch=true*", .nth = 1, .answer = ENDS(EVENT("ERROR", GONE))},
		{"GET", LIST_PATH "?*watch=true*", .answer = OPEN(EVENT("ADDED", THE("pod-4242", "11")))},
		{"GET", LIST_PATH, .nth = 1, .answer = {.body = list}},
		{"GET", LIST_PATH "*", .answer = {.body = LIST("9", "")}},
	};
	struct big big = {0}, late = {0};
	struct rig rig;

	assert_non_null(from = list);
	watch_rig(&rig, state, routes, COUNT(routes));
	big.cache = kshim_cache_new(rig.pods);
	assert_non_null(kshim_cache_listen(big.cache, NULL, NULL, on_big, &big));
	passes(&rig, &big, 1);
	assert_non_null(kshim_cache_listen(big.cache, NULL, NULL, on_big, &late));
	passes(&rig, &late, 1);
	passes(&rig, &big, 2);
	assert_true(big.total >= 2 * BIG);
	assert_int_equal(big.vanished, BIG);
	rig_until(&rig, has_one, &big);
	assert_int_equal(kshim_cache_walk(big.cache, "ns", NULL, NULL, NULL), 1);
	print_message("[   info   ] at most %u and %u of %d in one pass\n", big.most, late.most, BIG);
	assert_true(big.most < BIG / 2);
	assert_true(late.most < BIG / 2);
	kshim_cache_free(big.cache);
	rig_drive(&rig);
	rig_stop(&rig);
	free(list);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ALL_VARIANTS(test_changes),
		BOTH_HTTP(test_selectors),
		ALL_VARIANTS(test_gap_states),
		BOTH_DRIVES(test_late_listeners),
		BOTH_DRIVES(test_removed),
		BOTH_HTTP(test_freed_inside),
		BOTH_HTTP(test_loop_freed),
		BOTH_HTTP(test_refused),
		BOTH_HTTP(test_late),
		BOTH_HTTP(test_shared),
		ONLY_H1(test_transform),
		ONLY_H1(test_managed_fields),
		BOTH_DRIVES(test_borrowed),
		BOTH_HTTP(test_verb_on_what_was_told),
		BOTH_HTTP(test_freed_in_reads),
		BOTH_HTTP(test_big),
	};

	test_begin();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
