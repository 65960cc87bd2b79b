/*
 * Caches as test_soak_cache.c's, but with everything in motion: listeners come and go, caches are freed and made again,
 * and at any time reads agree with one another: what a walk gives, a get by name and an index.
 */
#include "soak.h"

#define CACHES 4
#define LISTENERS 12

struct soak;

/* What a listener was told adds up to. */
struct hearer {
	struct soak *soak;
	unsigned cache;
	const char *ns, *labels;
	struct kshim__matcher *matcher;
	kshim_listener *listener;
	struct known state[ROOM];
	uint64_t newest[ROOM]; /* version that was told of each name; deletions count as well */
	bool synced, late;
	unsigned events, vanished, syncs;
};

struct soak {
	struct modelapi *model;
	kshim_loop *loop;
	kshim_client *client;
	kshim_cache *caches[CACHES];
	struct hearer hearers[LISTENERS];
	uint64_t until_ms, random;
	unsigned reads;
	bool quiet;
};

static uint64_t version_of(kshim_object *object)
{
	const char *version = kshim_object_resource_version(object);

	assert_non_null(version);
	return strtoull(version, NULL, 10);
}

/* A listener's history: each step goes from what it knew. */

static void is_there(struct hearer *h, kshim_object *object, kshim_object *before, size_t slot)
{
	struct known *known = &h->state[slot];

	if (before) {
		assert_string_equal(kshim_object_uid(before), known->uid);
		assert_int_equal(version_of(before), known->version);
		assert_string_equal(kshim_object_uid(object), known->uid);
	} else {
		assert_string_equal(known->uid, "");
	}
	assert_true(version_of(object) > h->newest[slot]);
	assert_true(kshim_object_matches(object, h->labels));
	assert_true(!h->ns || strcmp(kshim_object_namespace(object), h->ns) == 0);
	assert_false(kshim_object_has(object, "/metadata/managedFields"));
	snprintf(known->uid, sizeof(known->uid), "%s", kshim_object_uid(object));
	known->version = h->newest[slot] = version_of(object);
}

static void is_gone(struct hearer *h, kshim_object *object, bool vanished, size_t slot)
{
	struct known *known = &h->state[slot];

	assert_string_equal(kshim_object_uid(object), known->uid);
	/* what was last known; or the state with which it went */
	if (vanished)
		assert_int_equal(version_of(object), known->version);
	else
		assert_true(version_of(object) > known->version);
	known->uid[0] = '\0';
	h->newest[slot] = version_of(object);
}

static void on_change(kshim_cache *cache, kshim_change change, kshim_object *object, kshim_object *before, void *user)
{
	struct hearer *h = user;

	assert_ptr_equal(cache, h->soak->caches[h->cache]);
	h->events++;
	switch (change) {
	case KSHIM_CHANGE_ADDED:
	case KSHIM_CHANGE_MODIFIED:
		assert_int_equal(before != NULL, change == KSHIM_CHANGE_MODIFIED);
		is_there(h, object, before, soak_slot(h->soak->model, object));
		break;
	case KSHIM_CHANGE_DELETED:
	case KSHIM_CHANGE_VANISHED:
		h->vanished += change == KSHIM_CHANGE_VANISHED;
		is_gone(h, object, change == KSHIM_CHANGE_VANISHED, soak_slot(h->soak->model, object));
		break;
	case KSHIM_CHANGE_SYNCED:
		h->synced = true;
		h->syncs++;
		break;
	case KSHIM_CHANGE_LATE:
		assert_non_null(kshim_cache_error(cache));
		h->late = true;
		break;
	case KSHIM_CHANGE_RESUMED:
		assert_true(h->late);
		h->late = false;
		break;
	case KSHIM_CHANGE_ENDED:
		fail_msg("ended: %s", kshim_error_message(kshim_cache_error(cache)));
	}
}

static void listen(struct hearer *h)
{
	memset(h->state, 0, sizeof(h->state));
	memset(h->newest, 0, sizeof(h->newest));
	h->synced = h->late = false;
	h->listener = kshim_cache_listen(h->soak->caches[h->cache], h->ns, h->labels, on_change, h);
	assert_non_null(h->listener);
}

/* The caches: streamed or listed states, small buffers, an index. */

static void keys_of(kshim_object *object, kshim_index_keys *keys, void *user)
{
	const char *revision = kshim_object_get_string(object, "/data/revision");

	(void)user;
	if (revision) {
		kshim_index_add(keys, revision);
		kshim_index_add(keys, strchr("02468", revision[strlen(revision) - 1]) ? "even" : "odd");
	}
}

static void open_cache(struct soak *soak, unsigned i)
{
	kshim_query *query = kshim_query_new(soak->client, KSHIM_CONFIG_MAP, i == 2 ? "ns-1" : KSHIM_ALL_NAMESPACES);
	kshim_options *options = kshim_options_new();

	kshim_options_set_watch_streamed_state(options, i == 1);
	kshim_options_set_watch_buffer(options, i == 1 ? 4096 : 0);
	if (i == 3) {
		assert_int_equal(kshim_query_set_labels(query, "app in (a,b)"), 0);
		kshim_query_set_limit(query, 5);
	}
	soak->caches[i] = i == 0 ? kshim_cache_shared(query) : kshim_cache_new(query);
	assert_non_null(soak->caches[i]);
	assert_int_equal(kshim_cache_set_options(soak->caches[i], options), 0);
	assert_int_equal(kshim_cache_add_index(soak->caches[i], "revision", keys_of, NULL), 0);
	kshim_options_free(options);
	kshim_query_free(query);
}

/* Reads agree. */

struct reading {
	struct soak *soak;
	kshim_cache *cache;
	size_t count, even;
};

static void on_read(kshim_object *object, void *user)
{
	struct reading *reading = user;
	kshim_object *again = kshim_cache_get(reading->cache, kshim_object_namespace(object), kshim_object_name(object));
	const char *revision = kshim_object_get_string(object, "/data/revision");

	assert_ptr_equal(again, object);
	reading->count++;
	reading->even += strchr("02468", revision[strlen(revision) - 1]) != NULL;
}

static void count_one(kshim_object *object, void *user)
{
	assert_non_null(kshim_object_name(object));
	++*(size_t *)user;
}

static void read_all(struct soak *soak, unsigned i)
{
	struct reading reading = {soak, soak->caches[i], 0, 0};
	int64_t walked = kshim_cache_walk(reading.cache, NULL, NULL, on_read, &reading), found;
	size_t even = 0;

	assert_int_equal(walked, reading.count);
	if (kshim_cache_is_synced(reading.cache))
		assert_int_equal(kshim_cache_count(reading.cache), reading.count);
	found = kshim_cache_find(reading.cache, "revision", "even", count_one, &even);
	assert_int_equal(found, even);
	assert_int_equal(even, reading.even);
	soak->reads++;
}

/* Every turn of the loop's driver. */
static void meddle(struct soak *soak)
{
	struct hearer *h = &soak->hearers[soak_random(&soak->random, LISTENERS)];
	unsigned i;

	if (soak_random(&soak->random, 4) == 0)
		read_all(soak, soak_random(&soak->random, CACHES));
	if (soak_random(&soak->random, 40) == 0) {
		kshim_listener_free(h->listener);
		listen(h);
	}
	if (soak_random(&soak->random, 600) == 0) {
		i = 1 + soak_random(&soak->random, CACHES - 1);
		kshim_cache_free(soak->caches[i]);
		open_cache(soak, i);
		for (h = soak->hearers; h < soak->hearers + LISTENERS; h++)
			if (h->cache == i)
				listen(h);
	}
}

static bool time_is_up(void *user)
{
	struct soak *soak = user;

	const struct hearer *h;
	unsigned vanished = 0;

	meddle(soak);
	for (h = soak->hearers; h < soak->hearers + LISTENERS; h++)
		vanished += h->vanished;
	return soak_ms() >= soak->until_ms && vanished; /* a gap that mattered has to be among it */
}

static bool knows_truth(const struct hearer *h)
{
	const struct modelapi_object *o;
	size_t i;

	for (i = 0; i < modelapi_room(h->soak->model); i++) {
		o = modelapi_object(h->soak->model, i);
		if (strcmp(h->state[i].uid, o && soak_selects(h->ns, NULL, h->matcher, o) ? o->uid : "") != 0 ||
		    (*h->state[i].uid && h->state[i].version != o->version))
			return false;
	}
	return h->synced;
}

static bool all_know(void *user)
{
	struct soak *soak = user;
	struct hearer *h;

	for (h = soak->hearers; h < soak->hearers + LISTENERS; h++)
		if (!knows_truth(h))
			return false;
	return true;
}

static void begin(struct soak *soak, void **state, uint64_t seed)
{
	static const struct {
		unsigned cache;
		const char *ns, *labels;
	} plans[LISTENERS] = {
		{0, NULL, NULL}, {0, "ns-1", NULL}, {0, NULL, "app=a"}, {0, "ns-2", "app!=a,!example.com/tier"},
		{1, NULL, NULL}, {1, "ns-0", "app in (a,c)"}, {1, NULL, "app=nowhere"},
		{2, NULL, NULL}, {2, "ns-1", "app"}, {2, "ns-0", NULL},
		{3, NULL, "app in (a,b)"}, {3, "ns-0", "app=b"},
	};
	const struct variant *variant = *state;
	unsigned i;

	memset(soak, 0, sizeof(*soak));
	soak->random = seed;
	print_message("seed %llu\n", (unsigned long long)seed);
	soak->model = modelapi_start(&(struct modelapi_options){
		.seed = seed, .faults = MODELAPI_ALL, .percent = 20, .second_ms = 2, .stall_ms = 300, .history = 40,
		.old = seed % 4 == 0, .http = variant->http == KSHIM_HTTP_2 ? FAKEAPI_H2_AND_H1 : FAKEAPI_H1});
	assert_non_null(soak->model);
	soak->loop = kshim_loop_new();
	soak->client = kshim_client_new(soak->loop, config_of(modelapi_api(soak->model), NULL, NULL));
	assert_non_null(soak->client);
	kshim_client_set_http_version(soak->client, variant->http);
	for (i = 0; i < CACHES; i++)
		open_cache(soak, i);
	for (i = 0; i < LISTENERS; i++) {
		soak->hearers[i].soak = soak;
		soak->hearers[i].cache = plans[i].cache;
		soak->hearers[i].ns = plans[i].ns;
		soak->hearers[i].labels = plans[i].labels;
		/* of a cache with a selector no more is known; of one namespace likewise */
		soak->hearers[i].matcher = kshim__matcher_new(plans[i].labels, NULL);
		if (plans[i].cache == 2 && !plans[i].ns)
			soak->hearers[i].ns = "ns-1";
		listen(&soak->hearers[i]);
	}
	/* nothing of ns-0 is in a cache of ns-1 */
	kshim__matcher_free(soak->hearers[9].matcher);
	soak->hearers[9].matcher = kshim__matcher_new("app=nowhere", NULL);
}

static void end(struct soak *soak, enum drive how)
{
	struct hearer *h;
	unsigned i;

	for (i = 0; i < CACHES; i++)
		kshim_cache_free(soak->caches[i]);
	drive(soak->loop, how);
	kshim_client_free(soak->client);
	kshim_loop_free(soak->loop);
	for (h = soak->hearers; h < soak->hearers + LISTENERS; h++)
		kshim__matcher_free(h->matcher);
	assert_int_equal(modelapi_stop(soak->model), 0);
}

static struct soak soak;

static void test_reads(void **state)
{
	const struct variant *variant = *state;
	unsigned runs = soak_setting("KSHIM_SOAK_RUNS", 1), ms = soak_setting("KSHIM_SOAK_SECONDS", 3) * 1000, run, i;
	uint64_t first = soak_seed();
	unsigned syncs = 0;

	for (run = 0; run < runs; run++) {
		int fds = open_fds();

		begin(&soak, state, first + run);
		soak.until_ms = soak_ms() + ms;
		drive_until(soak.loop, variant->drive, time_is_up, &soak);
		modelapi_quiesce(soak.model);
		drive_until(soak.loop, variant->drive, all_know, &soak);
		for (i = 0; i < CACHES; i++)
			read_all(&soak, i);
		for (i = 0; i < LISTENERS; i++) {
			if (getenv("KSHIM_SOAK_TELL"))
				print_message("listener %u: %u events, %u vanished, %u syncs\n", i, soak.hearers[i].events,
					      soak.hearers[i].vanished, soak.hearers[i].syncs);
			syncs += soak.hearers[i].syncs;
		}
		end(&soak, variant->drive);
		assert_fds(fds);
	}
	assert_true(syncs > runs * LISTENERS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {BOTH_HTTP(test_reads)};

	test_begin();
	soak_alarm();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
