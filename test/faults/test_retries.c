/* When a request goes out again, and when the answer is the last one. */
#include "../testutil.h"

static const char *const at_once[] = {"Retry-After: 0", NULL};
static const char *const in_a_minute[] = {"Retry-After: 60", NULL};
static const char *const on_a_date[] = {"Retry-After: Wed, 21 Oct 2099 07:28:00 GMT", NULL};

struct attempts {
	unsigned count;
	unsigned numbers[16];
	int statuses[16];
};

static void note_attempt(const kshim_request_info *info, void *user)
{
	struct attempts *attempts = user;

	if (attempts->count == COUNT(attempts->numbers))
		return;
	attempts->numbers[attempts->count] = kshim_request_info_attempt(info);
	attempts->statuses[attempts->count++] = kshim_request_info_status(info);
}

static void test_retry_after(void **state)
{
	static const int statuses[] = {429, 503, 500};
	size_t i;

	for (i = 0; i < COUNT(statuses); i++) {
		struct fakeapi_route routes[] = {
			{"GET", .nth = 1, .answer = {.status = statuses[i], .headers = at_once, .body = "{}"}},
			{"GET", .nth = 2, .answer = {.status = statuses[i], .headers = at_once, .body = "busy"}},
			{"POST", .nth = 1, .answer = {.status = statuses[i], .headers = at_once, .body = "{}"}},
			{.answer = {.body = POD("a")}},
		};
		struct attempts attempts = {0};
		struct seen get = {0}, create = {0};
		struct rig rig;

		rig_start(&rig, state, routes, COUNT(routes));
		kshim_client_on_request(rig.client, note_attempt, &attempts);
		get_pod(&rig, "a", &get);
		assert_ok(&get);
		assert_int_equal(get.status, 200);
		assert_int_equal(attempts.count, 3);
		assert_int_equal(attempts.numbers[0], 1);
		assert_int_equal(attempts.numbers[2], 3);
		assert_int_equal(attempts.statuses[1], statuses[i]);
		assert_int_equal(attempts.statuses[2], 200);
		/* a write too: the server says that it did nothing */
		start_to_create_pod(&rig, &create);
		rig_drive(&rig);
		assert_ok(&create);
		assert_int_equal(fakeapi_count(rig.api, "POST", NULL), 2);
		assert_string_equal(fakeapi_request(rig.api, 4)->body, fakeapi_request(rig.api, 3)->body);
		rig_stop(&rig);
	}
}

/* Without Retry-After, with a date, for an eviction that a budget refuses, and
 * for a 4xx nothing goes out twice. */
static void test_no_retry(void **state)
{
	static const struct fakeapi_answer answers[] = {
		{.status = 503, .body = "{}"},
		{.status = 429, .type = "text/plain", .body = "later"},
		{.status = 503, .headers = on_a_date, .body = "{}"},
		{.status = 409, .headers = at_once, .body = "{}"},
		{.status = 429, .body = "{\"kind\":\"Status\",\"details\":{\"retryAfterSeconds\":0}}"},
		{.status = 429, .headers = at_once,
		 .body = "{\"kind\":\"Status\",\"details\":{\"causes\":[{\"reason\":\"DisruptionBudget\"}]}}"},
	};
	size_t i;

	for (i = 0; i < COUNT(answers); i++) {
		struct seen seen = {0};

		get_one_answer(state, &answers[i], &seen, 1);
		assert_true(seen.has_error);
		assert_int_equal(seen.status, answers[i].status);
	}
}

static void test_retry_after_seconds_is_told(void **state)
{
	const struct fakeapi_answer answer = {
		.status = 429,
		.body = "{\"kind\":\"Status\",\"message\":\"m\",\"details\":{\"retryAfterSeconds\":7}}",
	};
	struct seen seen = {0};

	get_one_answer(state, &answer, &seen, 1);
	assert_failed(&seen, KSHIM_ETOOMANY);
	assert_int_equal(seen.retry_after, 7000);
	assert_true(seen.retryable);
}

static void test_max_retries(void **state)
{
	const struct fakeapi_route route = {.answer = {.status = 503, .headers = at_once, .body = "{}"}};
	unsigned most;

	for (most = 0; most < 3; most++) {
		struct seen seen = {0};
		struct rig rig;

		rig_start(&rig, state, &route, 1);
		kshim_client_set_max_retries(rig.client, most);
		get_pod(&rig, "a", &seen);
		assert_failed(&seen, KSHIM_ESERVER);
		assert_int_equal(seen.status, 503);
		assert_int_equal(fakeapi_request_count(rig.api), most + 1);
		rig_stop(&rig);
	}
}

/* No use in waiting: the 429 itself is the error, and comes at once. */
static void test_deadline_before_retry(void **state)
{
	const struct fakeapi_route route = {.answer = {.status = 429, .headers = in_a_minute, .body = "{}"}};
	struct seen seen = {0};
	struct rig rig;

	rig_start(&rig, state, &route, 1);
	kshim_query_set_timeout(rig.pods, 50000);
	get_pod(&rig, "a", &seen);
	assert_failed(&seen, KSHIM_ETOOMANY);
	assert_int_equal(seen.retry_after, 60000);
	assert_int_equal(fakeapi_request_count(rig.api), 1);
	rig_stop(&rig);
}

/* Tried until the next wait would be too long: the last answer is the error. */
static void test_deadline_ends_retries(void **state)
{
	const struct fakeapi_route route = {.answer = {.status = 503, .headers = at_once, .body = "{}"}};
	struct seen seen = {0};
	struct rig rig;

	rig_start(&rig, state, &route, 1);
	kshim_query_set_timeout(rig.pods, 4 * MISSED_MS);
	get_pod(&rig, "a", &seen);
	assert_failed(&seen, KSHIM_ESERVER);
	assert_in_range(fakeapi_request_count(rig.api), 2, 10);
	rig_stop(&rig);
}

/* A wait that is waited out, and by no less. */
static void test_retry_after_is_kept(void **state)
{
	static const char *const in_a_second[] = {"Retry-After: 1", NULL};
	struct fakeapi_route routes[] = {
		{.nth = 1, .answer = {.status = 503, .headers = in_a_second, .body = "{}"}},
		{.answer = {.body = POD("a")}},
	};
	struct seen seen = {0};
	struct rig rig;

	rig_start(&rig, state, routes, COUNT(routes));
	get_pod(&rig, "a", &seen);
	assert_ok(&seen);
	assert_true(fakeapi_request(rig.api, 1)->arrived_ns - fakeapi_request(rig.api, 0)->arrived_ns >= 1000000000u);
	rig_stop(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ALL_VARIANTS(test_retry_after),
		BOTH_HTTP(test_no_retry),
		BOTH_HTTP(test_retry_after_seconds_is_told),
		BOTH_HTTP(test_max_retries),
		BOTH_HTTP(test_deadline_before_retry),
		BOTH_HTTP(test_deadline_ends_retries),
		BOTH_HTTP(test_retry_after_is_kept),
	};

	test_begin();
	return cmocka_run_group_tests_name("faults/retries", tests, NULL, NULL);
}
