/*
 * Caches for some seconds on an API server that changes all the time and breaks at random (modelapi.h): every listener
 * hears a history without a hole, of states that the server had; whenever it is synced it knows what the cache holds; in
 * the end all hold the truth. KSHIM_SOAK_SEED, _RUNS and _SECONDS as in test_soak.c.
 */
#include "soak.h"

struct soak;

/* The caches, by who listens to what. */
static const struct cache_plan {
	const char *ns, *labels;
	bool shared, streamed, trimmed;
} cache_plans[] = {
	{.shared = true},
	{.ns = "ns-2", .labels = "app in (a,c)", .streamed = true},
	{.trimmed = true, .streamed = true},
	{.ns = "ns-1", .shared = true},
};

static const struct listener_plan {
	unsigned cache;
	const char *ns, *labels;
	bool late; /* listens when half of the time is over */
} listener_plans[] = {
	{0, NULL, NULL, false},   {0, "ns-0", "app=a", false}, {0, NULL, "!app", false},
	{0, NULL, "app", true},   {1, NULL, NULL, false},      {1, NULL, "app=a", true},
	{2, NULL, NULL, false},   {2, "ns-1", NULL, true},     {3, NULL, "example.com/tier in (x,y)", false},
	{3, "ns-1", NULL, false},
};

struct listener {
	const struct listener_plan *plan;
	struct soak *soak;
	struct kshim__matcher *matcher;
	kshim_listener *handle;
	struct known known[ROOM];
	bool synced, late, compared;
	unsigned told, syncs, vanished, lates;
};

struct soak {
	struct modelapi *model;
	kshim_loop *loop;
	kshim_client *client;
	kshim_cache *caches[COUNT(cache_plans)];
	struct kshim__matcher *matchers[COUNT(cache_plans)];
	struct listener listeners[COUNT(listener_plans)];
	uint64_t until_ms;
};

static const char *describe(const struct listener *l)
{
	static char text[256];

	snprintf(text, sizeof(text), "listener %zu of cache %u, told %u times, synced %u times, %u vanished, %u lates",
		 (size_t)(l - l->soak->listeners), l->plan->cache, l->told, l->syncs, l->vanished, l->lates);
	return text;
}

/* What a cache has. A trimmed one leaves item-00 out. */
static bool holds(const struct soak *soak, unsigned cache, const struct modelapi_object *o)
{
	const struct cache_plan *plan = &cache_plans[cache];

	return soak_selects(plan->ns, NULL, plan->shared ? soak->matchers[0] : soak->matchers[cache], o) &&
	       !(plan->trimmed && strcmp(o->name, "item-00") == 0);
}

static bool hears(const struct listener *l, const struct modelapi_object *o)
{
	return holds(l->soak, l->plan->cache, o) && soak_selects(l->plan->ns, NULL, l->matcher, o);
}

/* That it is as the server had it, and as it is held here. */
static struct known look_at(const struct soak *soak, unsigned cache, kshim_object *object)
{
	struct known known = soak_read(object);
	const struct modelapi_change *change = soak_change(soak->model, known.version);

	assert_int_equal(kshim_object_has(object, "/metadata/managedFields"), 0);
	assert_int_equal(kshim_object_has(object, "/data/padding"), !cache_plans[cache].trimmed);
	if (!change || change->slot != soak_slot(soak->model, object) || strcmp(change->object.uid, known.uid) != 0)
		fail_msg("the server never had version %llu of %s", (unsigned long long)known.version,
			 kshim_object_name(object));
	return known;
}

struct comparison {
	struct listener *l;
	size_t count;
};

static void compare(kshim_object *object, void *user)
{
	struct comparison *comparison = user;
	struct listener *l = comparison->l;
	struct known held = look_at(l->soak, l->plan->cache, object), *known = &l->known[soak_slot(l->soak->model, object)];

	if (strcmp(held.uid, known->uid) != 0 || held.version != known->version)
		fail_msg("%s: the cache holds %s %llu, it was told %s %llu", describe(l), held.uid,
			 (unsigned long long)held.version, known->uid, (unsigned long long)known->version);
	comparison->count++;
}

/* The listener knows what the cache holds. */
static void compare_with_cache(struct listener *l)
{
	struct comparison comparison = {l, 0};
	size_t i, count = 0;
	int64_t walked;

	walked = kshim_cache_walk(l->soak->caches[l->plan->cache], l->plan->ns, l->plan->labels, compare, &comparison);
	assert_int_equal(walked, comparison.count);
	for (i = 0; i < ROOM; i++)
		count += *l->known[i].uid != '\0';
	assert_int_equal(count, comparison.count);
}

static void change_is_told(struct listener *l, kshim_change change, kshim_object *object, kshim_object *before)
{
	struct known *known = &l->known[soak_slot(l->soak->model, object)], now;
	bool was = *known->uid != '\0';

	if (was != (change != KSHIM_CHANGE_ADDED))
		fail_msg("%s: change %d of %s, which it knew as %s", describe(l), change, kshim_object_name(object), known->uid);
	if (change == KSHIM_CHANGE_MODIFIED || before) {
		assert_non_null(before);
		assert_int_equal(look_at(l->soak, l->plan->cache, before).version, known->version);
	}
	if (change == KSHIM_CHANGE_ADDED || change == KSHIM_CHANGE_MODIFIED) {
		now = look_at(l->soak, l->plan->cache, object);
		assert_true(now.version > known->version);
		assert_true(!was || strcmp(now.uid, known->uid) == 0);
		*known = now;
		return;
	}
	assert_string_equal(kshim_object_uid(object), known->uid);
	if (change == KSHIM_CHANGE_VANISHED) {
		assert_int_equal(look_at(l->soak, l->plan->cache, object).version, known->version);
		l->vanished++;
	}
	known->uid[0] = '\0';
}

static void on_change(kshim_cache *cache, kshim_change change, kshim_object *object, kshim_object *before, void *user)
{
	struct listener *l = user;

	assert_ptr_equal(cache, l->soak->caches[l->plan->cache]);
	l->told++;
	switch (change) {
	case KSHIM_CHANGE_ADDED:
	case KSHIM_CHANGE_MODIFIED:
	case KSHIM_CHANGE_DELETED:
	case KSHIM_CHANGE_VANISHED:
		change_is_told(l, change, object, before);
		break;
	case KSHIM_CHANGE_SYNCED:
		assert_int_equal(kshim_cache_is_synced(cache), 1);
		l->synced = true;
		l->syncs++;
		compare_with_cache(l);
		break;
	case KSHIM_CHANGE_LATE:
		assert_non_null(kshim_cache_error(cache));
		l->late = true;
		l->lates++;
		break;
	case KSHIM_CHANGE_RESUMED:
		assert_true(l->late);
		l->late = false;
		break;
	case KSHIM_CHANGE_ENDED:
		fail_msg("%s: ended: %s", describe(l), kshim_error_message(kshim_cache_error(cache)));
	}
}

static int trim(kshim_object *object, void *user)
{
	(void)user;
	if (strcmp(kshim_object_name(object), "item-00") == 0)
		return 1;
	return kshim_object_remove(object, "/data/padding");
}

static void by_app(kshim_object *object, kshim_index_keys *keys, void *user)
{
	const char *app = kshim_object_get_label(object, "app");

	(void)user;
	if (app)
		kshim_index_add(keys, app);
}

static void listen_all(struct soak *soak, bool late)
{
	struct listener *l;

	for (l = soak->listeners; l < soak->listeners + COUNT(listener_plans); l++) {
		if (l->handle || (l->plan->late && !late))
			continue;
		l->handle = kshim_cache_listen(soak->caches[l->plan->cache], l->plan->ns, l->plan->labels, on_change, l);
		assert_non_null(l->handle);
	}
}

static void begin_cache(struct soak *soak, unsigned i)
{
	const struct cache_plan *plan = &cache_plans[i];
	kshim_query *query = kshim_query_new(soak->client, KSHIM_CONFIG_MAP, plan->ns ? plan->ns : KSHIM_ALL_NAMESPACES);
	kshim_options *options = kshim_options_new();
	kshim_cache *cache;

	assert_non_null(query);
	assert_non_null(options);
	if (plan->labels)
		assert_int_equal(kshim_query_set_labels(query, plan->labels), 0);
	cache = soak->caches[i] = plan->shared ? kshim_cache_shared(query) : kshim_cache_new(query);
	assert_non_null(cache);
	kshim_options_set_watch_streamed_state(options, plan->streamed);
	assert_int_equal(kshim_cache_set_options(cache, options), 0);
	assert_int_equal(kshim_cache_add_index(cache, "app", by_app, NULL), 0);
	if (plan->trimmed)
		assert_int_equal(kshim_cache_set_transform(cache, trim, NULL), 0);
	soak->matchers[i] = kshim__matcher_new(plan->labels, NULL);
	kshim_options_free(options);
	kshim_query_free(query);
}

static void begin(struct soak *soak, void **state, uint64_t seed)
{
	const struct variant *variant = *state;
	struct modelapi_options options = {.seed = seed, .faults = MODELAPI_ALL, .percent = 20, .second_ms = 2, .stall_ms = 300,
					   .history = 60, .old = seed % 4 == 0,
					   .http = variant->http == KSHIM_HTTP_2 ? FAKEAPI_H2_AND_H1 : FAKEAPI_H1};
	unsigned i;

	memset(soak, 0, sizeof(*soak));
	print_message("seed %llu\n", (unsigned long long)seed);
	soak->model = modelapi_start(&options);
	assert_non_null(soak->model);
	soak->loop = kshim_loop_new();
	soak->client = kshim_client_new(soak->loop, config_of(modelapi_api(soak->model), NULL, NULL));
	assert_non_null(soak->client);
	watch_client(soak->client);
	kshim_client_set_http_version(soak->client, variant->http);
	for (i = 0; i < COUNT(cache_plans); i++)
		begin_cache(soak, i);
	for (i = 0; i < COUNT(listener_plans); i++) {
		soak->listeners[i].plan = &listener_plans[i];
		soak->listeners[i].soak = soak;
		soak->listeners[i].matcher = kshim__matcher_new(listener_plans[i].labels, NULL);
	}
	listen_all(soak, false);
}

static bool time_is_up(void *user)
{
	struct soak *soak = user;

	return soak_ms() >= soak->until_ms;
}

/* Whether the listener knows what the server has. */
static bool knows(const struct listener *l)
{
	size_t i;

	for (i = 0; i < modelapi_room(l->soak->model); i++) {
		const struct modelapi_object *o = modelapi_object(l->soak->model, i);
		bool there = o && hears(l, o);

		if (strcmp(l->known[i].uid, there ? o->uid : "") != 0 || (there && l->known[i].version != o->version))
			return false;
	}
	return l->synced;
}

static bool all_know(void *user)
{
	struct soak *soak = user;
	struct listener *l;

	for (l = soak->listeners; l < soak->listeners + COUNT(listener_plans); l++)
		if (!knows(l))
			return false;
	return true;
}

static void count_one(kshim_object *object, void *user)
{
	(void)object;
	++*(size_t *)user;
}

/* Each way to read finds the truth. */
static void assert_truth(struct soak *soak, unsigned cache)
{
	size_t i, count = 0, in_index = 0, found = 0;

	for (i = 0; i < modelapi_room(soak->model); i++) {
		const struct modelapi_object *o = modelapi_object(soak->model, i);
		kshim_object *held = o ? kshim_cache_get(soak->caches[cache], o->ns, o->name) : NULL;
		bool there = o && holds(soak, cache, o);

		assert_int_equal(held != NULL, there);
		if (!there)
			continue;
		assert_int_equal(look_at(soak, cache, held).version, o->version);
		count++;
		in_index += strstr(o->labels, "\"app\":\"a\"") != NULL;
	}
	assert_int_equal(kshim_cache_count(soak->caches[cache]), count);
	assert_int_equal(kshim_cache_find(soak->caches[cache], "app", "a", count_one, &found), in_index);
	assert_int_equal(found, in_index);
	assert_int_equal(kshim_cache_find(soak->caches[cache], "none", "a", count_one, &found), -1);
}

static void end(struct soak *soak, enum drive how)
{
	unsigned i;

	for (i = 0; i < COUNT(listener_plans); i++) {
		if (i % 2)
			kshim_listener_free(soak->listeners[i].handle); /* the others go with their caches */
		kshim__matcher_free(soak->listeners[i].matcher);
	}
	for (i = 0; i < COUNT(cache_plans); i++) {
		kshim_cache_free(soak->caches[i]);
		kshim__matcher_free(soak->matchers[i]);
	}
	kshim_client_free(soak->client);
	drive(soak->loop, how);
	kshim_loop_free(soak->loop);
	assert_int_equal(modelapi_stop(soak->model), 0);
}

static void test_soak(void **state)
{
	static struct soak soak;
	const struct variant *variant = *state;
	unsigned runs = soak_setting("KSHIM_SOAK_RUNS", 1), ms = soak_setting("KSHIM_SOAK_SECONDS", 3) * 1000, run;
	uint64_t first = soak_seed();
	struct listener *l;
	unsigned i;

	for (run = 0; run < runs; run++) {
		int fds = open_fds();

		begin(&soak, state, first + run);
		soak.until_ms = soak_ms() + ms / 2;
		drive_until(soak.loop, variant->drive, time_is_up, &soak);
		listen_all(&soak, true);
		soak.until_ms = soak_ms() + ms / 2;
		drive_until(soak.loop, variant->drive, time_is_up, &soak);
		modelapi_quiesce(soak.model);
		drive_until(soak.loop, variant->drive, all_know, &soak);
		for (l = soak.listeners; l < soak.listeners + COUNT(listener_plans); l++) {
			if (getenv("KSHIM_SOAK_TELL"))
				print_message("%s\n", describe(l));
			compare_with_cache(l);
		}
		for (i = 0; i < COUNT(cache_plans); i++)
			assert_truth(&soak, i);
		end(&soak, variant->drive);
		assert_fds(fds);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {ALL_VARIANTS(test_soak)};

	test_begin();
	soak_alarm();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
