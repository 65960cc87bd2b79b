/*
 * Caches and listeners that come and go inside each other's callbacks, on an API server
 * that changes and breaks all the time: under the sanitizers nothing is used once it is
 * freed, nothing is told to who was freed, and nothing is left in the end. KSHIM_SOAK_SEED,
 * _RUNS and _SECONDS as in test_soak.c.
 */
#include "soak.h"

#define CACHES 4
#define LISTENERS 6
#define WATCHES 3

/* Of transfers that are cut off at every stage libcurl 7.88.1 now and then loses a buffer of its own. */
__attribute__((visibility("default"))) const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
	return "leak:libcurl.so";
}

struct chaos;

struct ear {
	struct chaos *chaos;
	kshim_cache *cache;
	kshim_listener *handle;
	bool ended;
};

struct watcher {
	struct chaos *chaos;
	kshim_watch *watch;
};

struct chaos {
	struct modelapi *model;
	kshim_loop *loop;
	kshim_client *client;
	kshim_cache *caches[CACHES];
	bool shared[CACHES];
	struct ear ears[LISTENERS];
	struct watcher watchers[WATCHES];
	uint64_t random, until_ms;
	unsigned deep, told, deeds;
};

static void something(struct chaos *chaos);

static unsigned pick(struct chaos *chaos, unsigned below)
{
	return soak_random(&chaos->random, below);
}

static void on_change(kshim_cache *cache, kshim_change change, kshim_object *object, kshim_object *before, void *user)
{
	struct ear *ear = user;

	assert_non_null(ear->handle);
	assert_false(ear->ended);
	assert_ptr_equal(cache, ear->cache);
	ear->chaos->told++;
	ear->ended = change == KSHIM_CHANGE_ENDED;
	something(ear->chaos);
	if (object)
		assert_non_null(kshim_object_name(object));
	if (before)
		assert_non_null(kshim_object_name(before));
}

static void on_item(kshim_object *object, void *user)
{
	something(user);
	assert_non_null(kshim_object_name(object));
}

static int left_out(kshim_object *object, void *user)
{
	struct chaos *chaos = user;

	something(chaos);
	if (pick(chaos, 10) == 0)
		return 1;
	return kshim_object_remove(object, "/data/padding");
}

static void by_app(kshim_object *object, kshim_index_keys *keys, void *user)
{
	const char *app = kshim_object_get_label(object, "app");

	something(user);
	if (app)
		kshim_index_add(keys, app);
}

static void drop_cache(struct chaos *chaos, unsigned i)
{
	kshim_cache *cache = chaos->caches[i];
	bool still = false;
	unsigned k;

	for (k = 0; k < CACHES; k++)
		still |= k != i && chaos->caches[k] == cache;
	/* those of one that others hold would go on */
	for (k = 0; k < LISTENERS; k++) {
		struct ear *ear = &chaos->ears[k];

		if (!cache || ear->cache != cache || !ear->handle || still)
			continue;
		if (pick(chaos, 2))
			kshim_listener_free(ear->handle);
		ear->handle = NULL;
	}
	chaos->caches[i] = NULL;
	kshim_cache_free(cache);
}

static void make_cache(struct chaos *chaos, unsigned i)
{
	static const char *const namespaces[] = {"ns-0", "ns-1", "ns-2", KSHIM_ALL_NAMESPACES};
	kshim_query *query = kshim_query_new(chaos->client, KSHIM_CONFIG_MAP, namespaces[pick(chaos, 4)]);
	kshim_options *options = kshim_options_new();
	kshim_cache *cache;

	assert_non_null(query);
	assert_non_null(options);
	cache = pick(chaos, 2) ? kshim_cache_shared(query) : kshim_cache_new(query);
	assert_non_null(cache);
	kshim_options_set_watch_streamed_state(options, (int)pick(chaos, 2));
	kshim_cache_set_options(cache, options);
	if (pick(chaos, 2))
		kshim_cache_set_transform(cache, left_out, chaos);
	if (pick(chaos, 2))
		kshim_cache_add_index(cache, "app", by_app, chaos);
	chaos->caches[i] = cache;
	kshim_options_free(options);
	kshim_query_free(query);
}

static void on_event(kshim_watch *watch, kshim_event event, kshim_object *object, void *user)
{
	struct watcher *w = user;

	assert_ptr_equal(watch, w->watch);
	assert_int_equal(object != NULL, event <= KSHIM_EVENT_DELETED);
	if (event == KSHIM_EVENT_LATE)
		assert_non_null(kshim_watch_error(watch));
	something(w->chaos);
	if (object)
		assert_non_null(kshim_object_name(object));
}

static void on_done(kshim_result *result, void *user)
{
	struct watcher *w = user;

	(void)result;
	w->watch = NULL;
	something(w->chaos);
}

static void disturb_watch(struct chaos *chaos)
{
	struct watcher *w = &chaos->watchers[pick(chaos, WATCHES)];
	kshim_options *options;
	kshim_query *query;

	if (w->watch) {
		switch (pick(chaos, 3)) {
		case 0:
			kshim_watch_pause(w->watch);
			return;
		case 1:
			kshim_watch_resume(w->watch);
			return;
		default:
			kshim_watch_stop(w->watch);
			return;
		}
	}
	options = kshim_options_new();
	query = kshim_query_new(chaos->client, KSHIM_CONFIG_MAP, "ns-1");
	assert_non_null(options);
	assert_non_null(query);
	kshim_options_set_watch_once(options, (int)pick(chaos, 2));
	kshim_options_set_watch_streamed_state(options, (int)pick(chaos, 2));
	kshim_options_set_watch_gap(options, pick(chaos, 2) ? KSHIM_WATCH_GAP_ERROR : KSHIM_WATCH_GAP_STATE);
	kshim_options_set_watch_buffer(options, 1 + pick(chaos, 4000));
	kshim_options_set_watch_seconds(options, 1 + pick(chaos, 5));
	w->chaos = chaos;
	w->watch = kshim_query_watch(query, options, on_event, on_done, w);
	assert_non_null(w->watch);
	kshim_options_free(options);
	kshim_query_free(query);
}

static void something(struct chaos *chaos)
{
	struct ear *ear = &chaos->ears[pick(chaos, LISTENERS)];
	unsigned i = pick(chaos, CACHES);

	if (chaos->deep > 3 || !chaos->client || pick(chaos, 6))
		return;
	chaos->deep++;
	chaos->deeds++;
	switch (pick(chaos, 9)) {
	case 0:
		if (pick(chaos, 4) == 0)
			drop_cache(chaos, i);
		break;
	case 1:
		if (!chaos->caches[i])
			make_cache(chaos, i);
		break;
	case 2:
		kshim_listener_free(ear->handle);
		ear->handle = NULL;
		break;
	case 3:
	case 4:
		if (ear->handle || !chaos->caches[i])
			break;
		ear->chaos = chaos;
		ear->cache = chaos->caches[i];
		ear->ended = false;
		ear->handle = kshim_cache_listen(ear->cache, pick(chaos, 2) ? NULL : "ns-1", pick(chaos, 2) ? NULL : "app=a", on_change,
						 ear);
		assert_non_null(ear->handle);
		break;
	case 5:
		kshim_cache_walk(chaos->caches[i], NULL, pick(chaos, 2) ? NULL : "app", on_item, chaos);
		break;
	case 6:
		kshim_cache_find(chaos->caches[i], "app", "a", on_item, chaos);
		break;
	case 7:
		kshim_cache_get(chaos->caches[i], "ns-1", "item-01");
		break;
	default:
		disturb_watch(chaos);
	}
	chaos->deep--;
}

static void tick(kshim_timer *timer, void *user)
{
	struct chaos *chaos = user;
	unsigned i;

	for (i = 0; i < CACHES; i++)
		if (!chaos->caches[i])
			make_cache(chaos, i);
	for (i = 0; i < 20; i++)
		something(chaos);
	kshim_timer_set(timer, 3);
}

static bool time_is_up(void *user)
{
	struct chaos *chaos = user;

	return soak_ms() >= chaos->until_ms && chaos->told > 300 && chaos->deeds > 300;
}

static void test_chaos(void **state)
{
	static struct chaos chaos;
	const struct variant *variant = *state;
	unsigned runs = soak_setting("KSHIM_SOAK_RUNS", 1), ms = soak_setting("KSHIM_SOAK_SECONDS", 2) * 1000, run, i;
	uint64_t first = soak_seed();
	kshim_timer *timer;

	for (run = 0; run < runs; run++) {
		struct modelapi_options options = {.seed = first + run, .faults = MODELAPI_ALL, .percent = 30, .second_ms = 5,
						   .stall_ms = 100, .history = 60, .old = (first + run) % 4 == 0,
						   .http = variant->http == KSHIM_HTTP_2 ? FAKEAPI_H2_AND_H1 : FAKEAPI_H1};
		int fds = open_fds();

		memset(&chaos, 0, sizeof(chaos));
		chaos.random = first + run;
		print_message("seed %llu\n", (unsigned long long)(first + run));
		chaos.model = modelapi_start(&options);
		assert_non_null(chaos.model);
		chaos.loop = kshim_loop_new();
		chaos.client = kshim_client_new(chaos.loop, config_of(modelapi_api(chaos.model), NULL, NULL));
		assert_non_null(chaos.client);
		watch_client(chaos.client);
		kshim_client_set_http_version(chaos.client, variant->http);
		timer = kshim_timer_new(chaos.loop, 0, tick, &chaos);
		chaos.until_ms = soak_ms() + ms;
		drive_until(chaos.loop, variant->drive, time_is_up, &chaos);
		kshim_timer_free(timer);
		if (pick(&chaos, 2)) {
			kshim_client_free(chaos.client);
			chaos.client = NULL;
			drive(chaos.loop, variant->drive);
		}
		for (i = 0; i < CACHES; i++)
			drop_cache(&chaos, i);
		for (i = 0; i < WATCHES; i++)
			kshim_watch_stop(chaos.watchers[i].watch);
		kshim_client_free(chaos.client);
		chaos.client = NULL;
		if (pick(&chaos, 2))
			drive(chaos.loop, variant->drive);
		kshim_loop_free(chaos.loop);
		assert_int_equal(modelapi_stop(chaos.model), 0);
		assert_fds(fds);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {ALL_VARIANTS(test_chaos)};

	test_begin();
	soak_alarm();
	return cmocka_run_group_tests_name("faults/soak_inside", tests, NULL, NULL);
}
