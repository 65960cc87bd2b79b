/* Jitter: in range, and spread over it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "random.h"

static void test_range(void **state)
{
	unsigned seen[10] = {0}, i;

	(void)state;
	assert_int_equal(kshim__random_below(0), 0);
	assert_int_equal(kshim__random_below(1), 0);
	for (i = 0; i < 10000; i++) {
		uint64_t n = kshim__random_below(10);

		assert_true(n < 10);
		seen[n]++;
	}
	/* 1000 expected, standard deviation 30 */
	for (i = 0; i < 10; i++)
		assert_in_range(seen[i], 700, 1300);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_range)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
