/*
 * Where a cache holds its objects, against a model: an array of what reads must see.
 * Random sequences of objects, states that break off, and settling, with all reads in
 * between. KSHIM_SEED runs one seed.
 */
/* LINK: -Wl,--wrap=kshim__malloc,--wrap=kshim__calloc,--wrap=kshim__realloc,--wrap=kshim__memdup,--wrap=kshim__strdup */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
/* after those it needs */
#include <cmocka.h>

#include "alloc.h"
#include "failalloc.h"
#include "store.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define MOST 400
#define KEYS 5

static uint64_t random_state;

static uint32_t rnd(uint32_t below)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (uint32_t)(random_state >> 20) % below;
}

/* Objects: a place and a version tell all of one. */

static const char *namespace_of(unsigned place)
{
	static const char *const namespaces[] = {"a", "ab", ""};

	return namespaces[place % COUNT(namespaces)];
}

/* So that "a" + "b1" and "ab" + "1" are two. */
static void name_of(unsigned place, char name[32])
{
	snprintf(name, 32, "%s%u", place % 3 == 0 ? "b" : "", place / 3);
}

/* Some names come with escapes; some now with, now without. */
static void text_of(unsigned place, unsigned version, char *text, size_t room)
{
	char name[32], in[48];

	name_of(place, name);
	if (*namespace_of(place))
		snprintf(in, sizeof(in), "\"namespace\":\"%s\",", namespace_of(place));
	else
		*in = '\0';
	if (place % 7 == 0 || (place % 7 == 1 && version % 2))
		snprintf(text, room, "{\"metadata\":{%s\"uid\":\"u-%u\",\"name\":\"\\u00%02x%s\",\"resourceVersion\":\"%u\"}}", in,
			 version % 3, (unsigned)*name, name + 1, version);
	else
		snprintf(text, room, "{\"metadata\":{\"name\":\"%s\",%s\"resourceVersion\":\"%u\",\"uid\":\"u-%u\"}}", name, in,
			 version, version % 3);
}

static kshim_object *object_from(const char *text)
{
	const struct kshim__span head = {text, strlen(text)}, tail = {"", 0};
	kshim_object *object;
	long at = failalloc_at;

	failalloc_at = -1; /* the objects are the test's own */
	object = kshim__object_from_item(NULL, KSHIM_POD, NULL, head, tail, NULL);
	failalloc_at = at;
	assert_non_null(object);
	return object;
}

static kshim_object *object_of(unsigned place, unsigned version)
{
	char text[256];

	text_of(place, version, text, sizeof(text));
	return object_from(text);
}

static void assert_object(const kshim_object *object, unsigned place, unsigned version)
{
	char text[256];

	if (!version) {
		assert_null(object);
		return;
	}
	text_of(place, version, text, sizeof(text));
	if (!object)
		print_error("missing: %s\n", text);
	assert_non_null(object);
	assert_string_equal(object->text, text);
}

/* The model. */

struct place {
	unsigned held, aside; /* versions; 0: none */
	unsigned was;         /* before the state that is being settled */
	bool told;
};

struct model {
	struct kshim__store store;
	struct place places[MOST];
	unsigned count; /* of the places */
	unsigned version;
	bool in_state, whole, settling;
	uint64_t position;
	uint64_t settled_hash; /* the bucket being settled begins here */
	bool failing;          /* some allocations fail */
	unsigned failed;
};

static char user_mark;

static void keys_of(kshim_object *object, kshim_index_keys *keys, void *user)
{
	const char *version = strstr(object->text, "resourceVersion\":\"") + 18;
	unsigned number = (unsigned)strtoul(version, NULL, 10);
	char key[32];

	assert_ptr_equal(user, &user_mark);
	if (number % KEYS == 0)
		return; /* has none */
	snprintf(key, sizeof(key), "rest %u", number % KEYS);
	kshim_index_add(keys, key);
	kshim_index_add(keys, NULL);
	kshim_index_add(NULL, key);
	kshim_index_add(keys, "all");
	kshim_index_add(keys, key); /* once is enough */
}

static void model_begin(struct model *model, uint64_t seed, unsigned count, bool failing)
{
	random_state = seed * 0x9e3779b97f4a7c15u + 88172645463325252u;
	memset(model, 0, sizeof(*model));
	model->count = count;
	model->failing = failing;
	kshim__store_init(&model->store);
	assert_true(kshim__store_add_index(&model->store, "rest", keys_of, &user_mark));
	assert_true(kshim__store_add_index(&model->store, "again", keys_of, &user_mark));
}

static void free_store(struct kshim__store *store)
{
	while (kshim__store_free_piece(store))
		;
}

static unsigned model_held(const struct model *model)
{
	unsigned i, held = 0;

	for (i = 0; i < model->count; i++)
		held += model->places[i].held != 0;
	return held;
}

static unsigned place_of(const struct model *model, const kshim_object *object)
{
	struct kshim__facts facts;
	char *decoded, name[32];
	long at = failalloc_at;
	unsigned i;

	failalloc_at = -1;
	assert_true(kshim__facts_read((kshim_object *)object, &facts, &decoded));
	for (i = 0; i < model->count; i++) {
		name_of(i, name);
		if (facts.name.len == strlen(name) && memcmp(facts.name.at, name, facts.name.len) == 0 &&
		    facts.namespace_.len == strlen(namespace_of(i)) &&
		    memcmp(facts.namespace_.at, namespace_of(i), facts.namespace_.len) == 0)
			break;
	}
	kshim__free(decoded);
	failalloc_at = at;
	assert_true(i < model->count);
	return i;
}

/* By names. */
static void check_names(struct model *model)
{
	unsigned i;

	for (i = 0; i < model->count; i++) {
		char name[32];

		name_of(i, name);
		assert_object(kshim__store_get(&model->store, namespace_of(i), name), i, model->places[i].held);
	}
	assert_null(kshim__store_get(&model->store, "a", "ab"));
	assert_int_equal(model->store.count, model_held(model));
}

/* By all buckets, each object once, in the order of their hashes. */
static void check_walk(struct model *model)
{
	struct kshim__bucket bucket = {0};
	unsigned seen = 0;
	uint64_t at = 0, next;
	size_t i;

	do {
		assert_true(kshim__store_read(&model->store, at, &bucket, &next));
		for (i = 0; i < bucket.count; i++) {
			unsigned place = place_of(model, bucket.found[i].object);

			assert_object(bucket.found[i].object, place, model->places[place].held);
			assert_true(bucket.found[i].hash >= at && (!next || bucket.found[i].hash < next));
			assert_true(bucket.found[i].object->cached);
			seen++;
		}
		assert_true(!next || next > at);
		at = next;
	} while (at);
	assert_int_equal(seen, model_held(model));
	kshim__bucket_free(&bucket);
}

static void check_index(struct model *model, const char *index)
{
	struct kshim__bucket bucket = {0};
	unsigned rest, i, all = 0;
	bool no_index;
	char key[32];

	for (rest = 0; rest < KEYS; rest++) {
		unsigned expected = 0;

		for (i = 0; i < model->count; i++)
			expected += model->places[i].held && model->places[i].held % KEYS == rest;
		snprintf(key, sizeof(key), "rest %u", rest);
		kshim__bucket_clear(&bucket);
		assert_true(kshim__store_find(&model->store, index, key, &bucket, &no_index));
		assert_false(no_index);
		assert_int_equal(bucket.count, rest ? expected : 0);
		all += rest ? expected : 0;
		for (i = 0; i < bucket.count; i++) {
			unsigned place = place_of(model, bucket.found[i].object);

			assert_object(bucket.found[i].object, place, model->places[place].held);
			assert_int_equal(model->places[place].held % KEYS, rest);
		}
	}
	kshim__bucket_clear(&bucket);
	assert_true(kshim__store_find(&model->store, index, "all", &bucket, &no_index));
	assert_int_equal(bucket.count, all);
	kshim__bucket_free(&bucket);
}

static void check(struct model *model)
{
	long at = failalloc_at;

	failalloc_at = -1;
	check_names(model);
	check_walk(model);
	check_index(model, "rest");
	check_index(model, "again");
	failalloc_at = at;
}

/* What is done to both. */

static void arm(struct model *model)
{
	if (model->failing && rnd(3) == 0)
		failalloc_arm(rnd(4), rnd(2));
}

static void disarm(struct model *model)
{
	model->failed += failalloc_disarm();
}

/* An object comes: false without memory. */
static bool come(struct model *model, unsigned place, unsigned version)
{
	struct place *it = &model->places[place];
	bool aside = model->in_state && model->whole, known;
	kshim_object *object = object_of(place, version), *before = NULL;
	struct kshim__facts facts;
	enum kshim__put put = KSHIM__PUT_SAME;
	char *decoded;
	uint64_t hash;
	bool ok;

	arm(model);
	ok = kshim__facts_read(object, &facts, &decoded);
	assert_int_equal(!ok, kshim__facts_starved(&facts, decoded));
	assert_true(ok || model->failing);
	known = ok && kshim__store_has(&model->store, &facts);
	if (ok) {
		assert_int_equal(known, version == it->held); /* nothing is unsettled here */
		if (!known)
			put = kshim__store_put(&model->store, &facts, object, &hash, &before);
		ok = put != KSHIM__PUT_NOMEM;
		assert_true(ok || model->failing);
	}
	disarm(model);
	kshim__free(decoded);
	if (ok && !known) {
		assert_int_equal(put, aside ? KSHIM__PUT_ASIDE : KSHIM__PUT_DONE);
		assert_object(before, place, aside ? 0 : it->held);
	} else {
		assert_null(before);
	}
	if (ok && model->in_state)
		it->aside = version;
	if (ok && !aside)
		it->held = version;
	assert_true(!before || !before->cached);
	kshim_object_unref(before);
	kshim_object_unref(object);
	return ok;
}

static void go(struct model *model, unsigned place)
{
	struct place *it = &model->places[place];
	kshim_object *object = object_of(place, model->version + 1), *before;
	struct kshim__facts facts;
	char *decoded;
	uint64_t hash;

	assert_true(kshim__facts_read(object, &facts, &decoded));
	before = kshim__store_remove(&model->store, &facts, &hash);
	kshim__free(decoded);
	assert_object(before, place, it->held);
	assert_true(!before || !before->cached);
	it->held = it->aside = 0;
	kshim_object_unref(before);
	kshim_object_unref(object);
}

static void begin_state(struct model *model)
{
	unsigned i;

	kshim__store_begin_state(&model->store);
	model->in_state = true;
	for (i = 0; i < model->count; i++)
		model->places[i].aside = 0;
}

static void end_state(struct model *model)
{
	unsigned i;

	kshim__store_end_state(&model->store);
	model->in_state = false;
	model->whole = model->settling = true;
	model->position = 0;
	for (i = 0; i < model->count; i++) {
		model->places[i].was = model->places[i].held;
		model->places[i].held = model->places[i].aside;
		model->places[i].told = false;
	}
}

static void on_settled(void *user, uint64_t hash, kshim_object *object, kshim_object *before)
{
	struct model *model = user;
	unsigned place = place_of(model, object ? object : before);
	struct place *it = &model->places[place];

	assert_true(hash >= model->settled_hash);
	assert_false(it->told);
	it->told = true;
	assert_true(it->was != it->held);
	assert_object(before, place, it->was);
	assert_object(object, place, it->held);
	if (rnd(10) == 0)
		check(model);
}

/* One bucket. */
static void settle(struct model *model)
{
	unsigned i;

	model->settled_hash = model->position;
	arm(model);
	model->position = kshim__store_settle(&model->store, model->position, on_settled, model);
	disarm(model);
	if (model->position)
		return;
	model->settling = false;
	for (i = 0; i < model->count; i++)
		assert_int_equal(model->places[i].told, model->places[i].was != model->places[i].held);
	assert_int_equal(model->store.table.count, model_held(model));
}

static void step(struct model *model)
{
	unsigned place = rnd(model->count), what = rnd(100);

	if (model->settling)
		settle(model);
	else if (what < 45)
		come(model, place, ++model->version);
	else if (what < 75 && model->places[place].held)
		come(model, place, model->places[place].held);
	else if (what < 85)
		go(model, place);
	else if (what < 87 || !model->whole)
		begin_state(model);
	else if (what < 89 && model->in_state)
		end_state(model);
}

static void run_model(uint64_t seed, unsigned count, bool failing, unsigned steps, unsigned check_each)
{
	struct model *model = malloc(sizeof(*model));
	unsigned i;

	assert_non_null(model);
	print_message("seed %llu, %u names%s\n", (unsigned long long)seed, count, failing ? ", without memory at times" : "");
	model_begin(model, seed, count, failing);
	begin_state(model);
	for (i = 0; i < steps; i++) {
		step(model);
		if (i % check_each == 0)
			check(model);
		/* the first state becomes whole early in some runs, late in others */
		if (!model->whole && rnd(count) == 0)
			end_state(model);
	}
	while (model->settling)
		settle(model);
	check(model);
	if (failing)
		assert_true(model->failed > 0);
	assert_true(model->whole);
	free_store(&model->store);
	free(model);
}

static uint64_t chosen_seed(void)
{
	const char *seed = getenv("KSHIM_SEED");

	return seed ? strtoull(seed, NULL, 10) : 0;
}

/* Few names: each of them goes through everything. */
static void test_few(void **state)
{
	uint64_t seed = chosen_seed(), last = seed ? seed : 12;

	(void)state;
	for (seed = seed ? seed : 1; seed <= last; seed++)
		run_model(seed, 3 + (unsigned)seed, false, 3000, 1);
}

/* More than the first buckets, so that the table grows. */
static void test_many(void **state)
{
	uint64_t seed = chosen_seed(), last = seed ? seed : 24;

	(void)state;
	for (seed = seed ? seed : 21; seed <= last; seed++)
		run_model(seed, MOST, false, 12000, 300);
}

static void test_without_memory(void **state)
{
	uint64_t seed = chosen_seed(), last = seed ? seed : 48;

	(void)state;
	if (!failalloc_works())
		skip();
	for (seed = seed ? seed : 41; seed <= last; seed++)
		run_model(seed, seed % 2 ? 9 : 200, true, 4000, 20);
}

/* Single lines of the contract. */

static bool put(struct kshim__store *store, const char *text)
{
	kshim_object *object = object_from(text), *before;
	struct kshim__facts facts;
	char *decoded;
	uint64_t hash;

	assert_true(kshim__facts_read(object, &facts, &decoded));
	assert_int_not_equal(kshim__store_put(store, &facts, object, &hash, &before), KSHIM__PUT_NOMEM);
	kshim__free(decoded);
	kshim_object_unref(before);
	kshim_object_unref(object);
	return before != NULL;
}

static bool has(struct kshim__store *store, const char *text)
{
	kshim_object *object = object_from(text);
	struct kshim__facts facts;
	char *decoded;
	bool known;

	assert_true(kshim__facts_read(object, &facts, &decoded));
	known = kshim__store_has(store, &facts);
	kshim__free(decoded);
	kshim_object_unref(object);
	return known;
}

#define META(rest) "{\"metadata\":{\"name\":\"x\"" rest "}}"

/* The same is what has the same uid and version, both told. */
static void test_same(void **state)
{
	struct kshim__store store;

	(void)state;
	kshim__store_init(&store);
	put(&store, META(",\"uid\":\"1\",\"resourceVersion\":\"12\""));
	assert_true(has(&store, META(",\"resourceVersion\":\"12\",\"uid\":\"1\"")));
	assert_false(has(&store, META(",\"uid\":\"2\",\"resourceVersion\":\"12\"")));
	assert_false(has(&store, META(",\"uid\":\"1\",\"resourceVersion\":\"13\"")));
	assert_false(has(&store, META(",\"uid\":\"11\",\"resourceVersion\":\"2\"")));
	assert_false(has(&store, META(",\"uid\":\"1\"")));
	assert_true(put(&store, META(",\"uid\":\"1\"")));
	assert_false(has(&store, META(",\"uid\":\"1\""))); /* nobody can tell */
	assert_int_equal(store.count, 1);
	free_store(&store);
}

static void test_facts(void **state)
{
	static const char *const nameless[] = {
		"{}", "{\"metadata\":[]}", "{\"metadata\":{}}", "{\"metadata\":{\"name\":\"\"}}", "{\"metadata\":{\"name\":3}}",
		"{\"metadata\":{\"labels\":{\"name\":\"x\"}}}", "{\"spec\":{\"name\":\"x\"}}", "{\"metadata\":null}",
	};
	struct kshim__facts facts;
	kshim_object *object;
	char *decoded;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(nameless); i++) {
		object = object_from(nameless[i]);
		if (kshim__facts_read(object, &facts, &decoded))
			print_error("%s has a name\n", nameless[i]);
		assert_false(kshim__facts_read(object, &facts, &decoded));
		assert_false(kshim__facts_starved(&facts, decoded));
		assert_null(decoded);
		kshim_object_unref(object);
	}
	object = object_from("{\"a\":1,\"metadata\":{\"uid\":3,\"labels\":{\"uid\":\"no\"},\"name\":\"\\u00e4\\\"b\",\"namespace\":\"n\"}}");
	assert_true(kshim__facts_read(object, &facts, &decoded));
	assert_int_equal(facts.name.len, 4);
	assert_memory_equal(facts.name.at, "\xc3\xa4\"b", 4);
	assert_memory_equal(facts.namespace_.at, "n", 1);
	assert_int_equal(facts.uid.len + facts.version.len, 0);
	kshim__free(decoded);
	kshim_object_unref(object);
}

/* A name longer than fits is no name. */
static void test_long_name(void **state)
{
	char *text = malloc(70000 + 64);
	struct kshim__facts facts;
	kshim_object *object;
	char *decoded;

	(void)state;
	assert_non_null(text);
	strcpy(text, "{\"metadata\":{\"name\":\"");
	memset(text + 21, 'x', 70000);
	strcpy(text + 21 + 70000, "\"}}");
	object = object_from(text);
	assert_false(kshim__facts_read(object, &facts, &decoded));
	assert_false(kshim__facts_starved(&facts, decoded));
	kshim_object_unref(object);
	strcpy(text + 21 + UINT16_MAX, "\"}}");
	object = object_from(text);
	assert_true(kshim__facts_read(object, &facts, &decoded));
	kshim_object_unref(object);
	free(text);
}

static void remember(void *user, uint64_t hash, kshim_object *object, kshim_object *before)
{
	char *told = user;

	(void)hash;
	strcat(told, object && before ? "~" : object ? "+" : "-");
}

/* While a state is read what is deleted is in neither. */
static void test_deleted_in_state(void **state)
{
	struct kshim__store store;
	struct kshim__facts facts;
	kshim_object *object = object_from(META(",\"resourceVersion\":\"9\"")), *before;
	char *decoded, told[16] = "";
	uint64_t hash, at = 0;

	(void)state;
	kshim__store_init(&store);
	kshim__store_begin_state(&store);
	put(&store, META(",\"resourceVersion\":\"1\""));
	kshim__store_end_state(&store);
	while ((at = kshim__store_settle(&store, at, remember, told)))
		;
	assert_string_equal(told, "");
	kshim__store_begin_state(&store);
	put(&store, META(",\"resourceVersion\":\"2\""));
	put(&store, "{\"metadata\":{\"name\":\"y\",\"resourceVersion\":\"3\"}}");
	assert_true(kshim__facts_read(object, &facts, &decoded));
	before = kshim__store_remove(&store, &facts, &hash);
	assert_non_null(before);
	kshim_object_unref(before);
	assert_null(kshim__store_remove(&store, &facts, &hash));
	assert_int_equal(store.count, 0);
	kshim__store_end_state(&store);
	assert_int_equal(store.count, 1);
	while ((at = kshim__store_settle(&store, at, remember, told)))
		;
	assert_string_equal(told, "+");
	kshim_object_unref(object);
	free_store(&store);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_few),
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_without_memory),
		cmocka_unit_test(test_same),
		cmocka_unit_test(test_facts),
		cmocka_unit_test(test_long_name),
		cmocka_unit_test(test_deleted_in_state),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
