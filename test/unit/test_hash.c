/* Tables that grow by and by: whatever is in one is found at each moment. */
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

#include "failalloc.h"
#include "keymap.h"
#include "loop.h"

#define MOST 3000

struct item {
	struct kshim__hashed hashed;
	bool in;
	unsigned seen;
};

struct all {
	struct kshim__hash table;
	struct item items[MOST];
};

static uint64_t random_state = 88172645463325252u;

static uint64_t rnd(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state * 0x9e3779b97f4a7c15u;
}

static struct all *begin(void)
{
	struct all *all = calloc(1, sizeof(*all));
	size_t i;

	assert_non_null(all);
	kshim__hash_init(&all->table);
	for (i = 0; i < MOST; i++)
		all->items[i].hashed.hash = rnd();
	return all;
}

static void end(struct all *all)
{
	kshim__hash_free(&all->table);
	assert_int_equal(all->table.count, 0);
	free(all);
}

static void add(struct all *all, size_t i)
{
	kshim__hash_add(&all->table, &all->items[i].hashed);
	all->items[i].in = true;
}

static void take_out(struct all *all, size_t i)
{
	kshim__hash_remove(&all->table, &all->items[i].hashed);
	all->items[i].in = false;
}

static unsigned times_found(const struct all *all, size_t i)
{
	const struct kshim__hashed *node = *kshim__hash_bucket(&all->table, all->items[i].hashed.hash);
	unsigned times = 0;

	for (; node; node = node->next)
		times += node == &all->items[i].hashed;
	return times;
}

/* All of it, and nothing else, by hash and by walking. */
static void check(struct all *all)
{
	size_t i, count = 0, walked = 0;
	uint64_t at = 0, next;

	for (i = 0; i < MOST; i++) {
		assert_int_equal(times_found(all, i), all->items[i].in);
		count += all->items[i].in;
	}
	assert_int_equal(all->table.count, count);
	do {
		const struct kshim__hashed *node = *kshim__hash_bucket(&all->table, at);

		next = kshim__hash_after(&all->table, at);
		assert_true(!next || next > at);
		for (; node; node = node->next, walked++)
			assert_true(node->hash >= at && (!next || node->hash < next));
		at = next;
	} while (at);
	assert_int_equal(walked, count);
}

/* At each moment of some doublings. */
static void test_grows(void **state)
{
	struct all *all = begin();
	unsigned growing = 0;
	size_t i;

	(void)state;
	check(all);
	for (i = 0; i < MOST; i++) {
		add(all, i);
		growing += all->table.former != NULL;
		if (i < 300 || all->table.former)
			check(all);
	}
	check(all);
	assert_true(growing > 100);
	assert_true(all->table.count <= (size_t)1 << all->table.bits);
	end(all);
}

/* One node that is added moves few others: never a table at once. */
static void test_few_at_once(void **state)
{
	struct all *all = begin();
	size_t i, moved, before;

	(void)state;
	for (i = 0; i < MOST; i++) {
		before = all->table.former ? all->table.moved : 0;
		add(all, i);
		moved = all->table.former ? all->table.moved : 0;
		assert_true(moved <= before + 8);
		if (before && !moved)
			assert_true(((size_t)1 << (all->table.bits - 1)) - before <= 8);
	}
	end(all);
}

/* While it grows nodes go, from both of its halves. */
static void test_removed_while_growing(void **state)
{
	struct all *all = begin();
	unsigned behind = 0, moved = 0;
	size_t i, other;

	(void)state;
	for (i = 0; i < MOST; i++) {
		add(all, i);
		other = rnd() % (i + 1);
		if (!all->table.former || !all->items[other].in)
			continue;
		if (all->items[other].hashed.hash >> (64 - all->table.bits + 1) >= all->table.moved)
			behind++;
		else
			moved++;
		take_out(all, other);
		check(all);
	}
	assert_true(behind > 10 && moved > 10);
	for (i = 0; i < MOST; i++)
		if (all->items[i].in)
			take_out(all, i);
	check(all);
	end(all);
}

/* Who walks while it grows meets each that was there all the time, once. */
static void test_walked_while_growing(void **state)
{
	unsigned start, grew = 0;

	(void)state;
	for (start = 10; start < 1200; start += 7) {
		struct all *all = begin();
		unsigned bits;
		size_t i, added = start;
		uint64_t at = 0;

		for (i = 0; i < start; i++)
			add(all, i);
		bits = all->table.bits;
		do {
			struct kshim__hashed *node = *kshim__hash_bucket(&all->table, at);

			for (; node; node = node->next)
				KSHIM__OWNER(node, struct item, hashed)->seen++;
			at = kshim__hash_after(&all->table, at);
			for (i = rnd() % 6; i && added < MOST; i--)
				add(all, added++);
		} while (at);
		grew += all->table.bits > bits;
		for (i = 0; i < MOST; i++)
			assert_in_range(all->items[i].seen, i < start ? 1 : 0, 1);
		end(all);
	}
	assert_true(grew > 50);
}

static void test_taken(void **state)
{
	unsigned count, former = 0;

	(void)state;
	for (count = 0; count < 600; count++) {
		struct all *all = begin();
		struct kshim__hashed *node;
		uint64_t at = 0;
		size_t i;

		for (i = 0; i < count; i++)
			add(all, i);
		former += all->table.former != NULL;
		while ((node = kshim__hash_take(&all->table, &at))) {
			KSHIM__OWNER(node, struct item, hashed)->in = false;
			if (count < 40)
				check(all);
		}
		check(all);
		assert_int_equal(all->table.count, 0);
		end(all);
	}
	assert_true(former > 20);
}

/* Then it grows later. */
static void test_without_memory(void **state)
{
	struct all *all = begin();
	unsigned failed = 0;
	size_t i;

	(void)state;
	if (!failalloc_works())
		skip();
	for (i = 0; i < MOST; i++) {
		if (i % 500 < 400)
			failalloc_arm(0, true);
		add(all, i);
		failed += failalloc_disarm();
		if (i % 20 == 0 || all->table.former)
			check(all);
	}
	assert_true(failed > 100);
	failalloc_arm(0, true);
	for (i = 0; i < MOST; i += 2)
		take_out(all, i);
	failalloc_disarm();
	check(all);
	assert_true(all->table.bits > KSHIM__HASH_FIRST_BITS);
	end(all);
}

/* By strings. */

struct name {
	struct kshim__keyed keyed;
	char text[16];
};

static void test_keymap(void **state)
{
	struct name *names = calloc(MOST, sizeof(*names));
	struct kshim__keymap map;
	struct kshim__keyed *node;
	uint64_t at = 0;
	size_t i, j, taken = 0;

	(void)state;
	assert_non_null(names);
	kshim__keymap_init(&map);
	for (i = 0; i < MOST; i++) {
		snprintf(names[i].text, sizeof(names[i].text), "n%zu", i);
		names[i].keyed.key = names[i].text;
		assert_null(kshim__keymap_find(&map, names[i].text));
		kshim__keymap_add(&map, &names[i].keyed);
		for (j = 0; j <= i; j += map.table.former ? 1 : 1 + i / 4)
			assert_ptr_equal(kshim__keymap_find(&map, names[j].text), &names[j].keyed);
	}
	for (i = 0; i < MOST; i += 3) {
		kshim__keymap_remove(&map, &names[i].keyed);
		assert_null(kshim__keymap_find(&map, names[i].text));
	}
	while ((node = kshim__keymap_take(&map, &at))) {
		assert_int_not_equal((KSHIM__OWNER(node, struct name, keyed) - names) % 3, 0);
		taken++;
	}
	assert_int_equal(taken, MOST - MOST / 3);
	kshim__keymap_free(&map);
	free(names);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_grows),
		cmocka_unit_test(test_few_at_once),
		cmocka_unit_test(test_removed_while_growing),
		cmocka_unit_test(test_walked_while_growing),
		cmocka_unit_test(test_taken),
		cmocka_unit_test(test_without_memory),
		cmocka_unit_test(test_keymap),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
