/* Freeing by and by: no pass of the loop takes all of it, and nothing is left. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>
/* after those it needs */
#include <cmocka.h>

#include "alloc.h"
#include "discard.h"
#include "object.h"

#define PIECES 100

struct pile {
	struct kshim__discard discard;
	unsigned *left;
};

/* Slow enough that some use up a pass. */
static bool drop_piece(struct kshim__discard *discard)
{
	const struct timespec while_ = {0, 1000000};
	struct pile *pile = KSHIM__OWNER(discard, struct pile, discard);

	if (*pile->left) {
		nanosleep(&while_, NULL);
		--*pile->left;
		return true;
	}
	free(pile);
	return false;
}

static void discard(kshim_loop *loop, unsigned *left)
{
	struct pile *pile = calloc(1, sizeof(*pile));

	assert_non_null(pile);
	pile->left = left;
	*left = PIECES;
	kshim__discard(loop, &pile->discard, drop_piece);
}

static void test_by_and_by(void **state)
{
	kshim_loop *loop = kshim_loop_new();
	unsigned left, passes = 0, before;

	(void)state;
	discard(loop, &left);
	do {
		before = left;
		passes++;
	} while (kshim_loop_process(loop) && (assert_in_range(before - left, 0, PIECES / 2), true));
	assert_int_equal(left, 0);
	assert_true(passes > 2);
	assert_int_equal(kshim_loop_process(loop), 0);
	kshim_loop_free(loop);
}

static void test_run_waits_for_it(void **state)
{
	kshim_loop *loop = kshim_loop_new();
	unsigned left;

	(void)state;
	discard(loop, &left);
	assert_int_equal(kshim_loop_run(loop), 0);
	assert_int_equal(left, 0);
	kshim_loop_free(loop);
}

static void test_loop_ends(void **state)
{
	kshim_loop *loop = kshim_loop_new();
	unsigned left[2];

	(void)state;
	discard(loop, &left[0]);
	discard(loop, &left[1]);
	assert_true(left[0] && left[1]);
	kshim_loop_free(loop);
	assert_int_equal(left[0] + left[1], 0);
}

static void test_without_loop(void **state)
{
	unsigned left;

	(void)state;
	discard(NULL, &left);
	assert_int_equal(left, 0);
}

/* References are given up, whether few or many, and the array with them. */
static void test_objects(void **state)
{
	static const size_t counts[] = {0, 1, 16, 17, 5000};
	const struct kshim__span text = {"{}", 2}, nothing = {"", 0};
	kshim_loop *loop = kshim_loop_new();
	kshim_object *object = kshim__object_from_item(NULL, KSHIM_POD, NULL, text, nothing, NULL);
	size_t i, j;

	(void)state;
	for (i = 0; i < 2 * sizeof(counts) / sizeof(*counts); i++) {
		size_t count = counts[i / 2];
		kshim_object **objects = kshim__malloc(count * sizeof(*objects));

		assert_non_null(objects);
		for (j = 0; j < count; j++)
			objects[j] = kshim_object_ref(object);
		kshim__discard_objects(i % 2 ? loop : NULL, objects, count);
		assert_int_equal(kshim_loop_run(loop), 0);
		assert_int_equal(object->refs, 1);
	}
	kshim__discard_objects(loop, NULL, 0);
	kshim_object_unref(object);
	kshim_loop_free(loop);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_by_and_by),
		cmocka_unit_test(test_run_waits_for_it),
		cmocka_unit_test(test_loop_ends),
		cmocka_unit_test(test_without_loop),
		cmocka_unit_test(test_objects),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
