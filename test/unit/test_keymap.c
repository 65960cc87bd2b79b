/* Tables whose keys come from a server: the hash, and that its key is another in each. */
#include "../testutil.h"

#include "keymap.h"
#include "store.h"

/* As CPython 3.11 has it, whose hash of bytes is the same and has the key 0 with PYTHONHASHSEED=0. */
static void siphash(void **state)
{
	static const struct {
		const char *key;
		uint64_t hash;
	} cases[] = {
		{"a", 0x407448d2b89b1813u},
		{"default", 0x2e2bcd8739ae039u},
		{"12345678", 0x3489982430560a87u},
		{"kube-system", 0x541c1a20b8650cfeu},
		{"a-name-that-is-longer-than-two-words", 0x49c2b2bae15cfa1bu},
	};
	struct kshim__keymap map;
	size_t i;

	(void)state;
	kshim__keymap_init(&map);
	map.seed[0] = map.seed[1] = 0;
	for (i = 0; i < COUNT(cases); i++)
		assert_true(kshim__keymap_hash(&map, cases[i].key) == cases[i].hash);
	map.seed[1] = 1;
	for (i = 0; i < COUNT(cases); i++)
		assert_true(kshim__keymap_hash(&map, cases[i].key) != cases[i].hash);
	kshim__keymap_free(&map);
}

static void keys_are_secret(void **state)
{
	struct kshim__keymap one, two;
	struct kshim__store first, second;

	(void)state;
	kshim__keymap_init(&one);
	kshim__keymap_init(&two);
	assert_true(one.seed[0] != two.seed[0] && one.seed[1] != two.seed[1] && one.seed[0] != one.seed[1]);
	assert_true(kshim__keymap_hash(&one, "a") != kshim__keymap_hash(&two, "a"));
	kshim__keymap_free(&one);
	kshim__keymap_free(&two);
	kshim__store_init(&first);
	kshim__store_init(&second);
	assert_true(first.seed != second.seed);
	while (kshim__store_free_piece(&first))
		;
	while (kshim__store_free_piece(&second))
		;
}

/* Found, and not found, while it grows and shrinks. */
static void many(void **state)
{
	enum { COUNT_OF = 3000 };
	struct kshim__keyed *nodes = calloc(COUNT_OF, sizeof(*nodes));
	char(*keys)[16] = calloc(COUNT_OF, sizeof(*keys));
	struct kshim__keymap map;
	uint64_t position = 0;
	size_t i, left = 0;

	(void)state;
	assert_non_null(nodes);
	assert_non_null(keys);
	kshim__keymap_init(&map);
	assert_null(kshim__keymap_find(&map, "1"));
	for (i = 0; i < COUNT_OF; i++) {
		snprintf(keys[i], sizeof(keys[i]), "%zu", i);
		nodes[i].key = keys[i];
		assert_null(kshim__keymap_find(&map, keys[i]));
		kshim__keymap_add(&map, &nodes[i]);
	}
	for (i = 0; i < COUNT_OF; i++)
		assert_ptr_equal(kshim__keymap_find(&map, keys[i]), &nodes[i]);
	for (i = 0; i < COUNT_OF; i += 2)
		kshim__keymap_remove(&map, &nodes[i]);
	for (i = 0; i < COUNT_OF; i++)
		assert_ptr_equal(kshim__keymap_find(&map, keys[i]), i % 2 ? &nodes[i] : NULL);
	while (kshim__keymap_take(&map, &position))
		left++;
	assert_int_equal(left, COUNT_OF / 2);
	kshim__keymap_free(&map);
	free(nodes);
	free(keys);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(siphash),
		cmocka_unit_test(keys_are_secret),
		cmocka_unit_test(many),
	};

	return cmocka_run_group_tests_name("keymap", tests, NULL, NULL);
}
