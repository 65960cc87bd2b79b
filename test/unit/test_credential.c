/* When a credential is fetched, and what becomes of the one that is there: with a way
 * that answers when the test says so. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "alloc.h"
#include "config/credential.h"
#include "error.h"

#include <kubeshim/kubeshim.h>

#include <string.h>
#include <time.h>

static kshim_loop *loop;
static struct kshim__credential *credential;
static unsigned fetches, running, changes;
static char warning[200];

static void *fetch(struct kshim__credential *of, kshim_error **error)
{
	(void)of;
	(void)error;
	fetches++;
	running++;
	return &running;
}

static void stop(void *state)
{
	assert_ptr_equal(state, &running);
	running--;
}

static const struct kshim__credential_way way = {"test", fetch, stop, NULL, NULL};

static void changed(struct kshim__credential *of)
{
	changes++;
	if (of->warning)
		snprintf(warning, sizeof(warning), "%s", of->warning);
	kshim__free(of->warning);
	of->warning = NULL;
}

static void run(void)
{
	while (kshim_loop_process(loop) > 0)
		;
}

static int64_t now(void)
{
	return (int64_t)time(NULL);
}

static void got(const char *token, int64_t expires_at, int64_t renew_at)
{
	kshim__credential_got(credential, kshim__strdup(token), NULL, NULL, expires_at, renew_at);
	run();
}

static void failed(void)
{
	kshim__credential_failed(credential, kshim__error_new(KSHIM_ECONNECT, "nobody there"));
	run();
}

static int set_up(void **state)
{
	struct kshim__access *access = kshim__calloc(1, sizeof(*access));

	(void)state;
	loop = kshim_loop_new();
	if (!access || !loop)
		return -1;
	access->refs = 1;
	access->credential = kshim__calloc(1, sizeof(*access->credential));
	if (!access->credential)
		return -1;
	access->credential->way = &way;
	access->credential->source = kshim__strdup("a file:7");
	credential = kshim__credential_new(loop, access, changed, NULL);
	kshim__access_unref(access);
	fetches = changes = 0;
	warning[0] = '\0';
	return credential ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	kshim__credential_free(credential);
	kshim_loop_free(loop);
	return running ? -1 : 0;
}

static void once_until_it_expires(void **state)
{
	(void)state;
	assert_false(kshim__credential_ready(credential, false));
	assert_false(kshim__credential_ready(credential, false));
	assert_int_equal(fetches, 1);
	got("a", now() + 1000, 0);
	assert_int_equal(changes, 1);
	assert_int_equal(running, 0);
	assert_true(kshim__credential_ready(credential, false));
	assert_int_equal(fetches, 1);
	credential->expires_at = now() + 5; /* too soon for a way across */
	assert_true(kshim__credential_ready(credential, true));
	assert_false(kshim__credential_ready(credential, false));
	assert_int_equal(fetches, 2);
	failed();
	assert_non_null(credential->error);
	assert_int_equal(kshim_error_code(credential->error), KSHIM_ECONNECT);
	assert_string_equal(warning, "");
}

static void renewed_beside(void **state)
{
	(void)state;
	assert_false(kshim__credential_ready(credential, false));
	got("a", now() + 1000, now() + 500);
	assert_true(kshim__credential_ready(credential, false));
	assert_int_equal(fetches, 1);
	credential->renew_at = now(); /* so much for the time */
	assert_true(kshim__credential_ready(credential, false));
	assert_true(kshim__credential_ready(credential, false));
	assert_int_equal(fetches, 2);
	failed();
	assert_null(credential->error);
	assert_string_equal(credential->token, "a");
	assert_non_null(strstr(warning, "a file:7: nobody there; "));
	assert_in_range(credential->renew_at, now() + 1, now() + 30);
	assert_true(kshim__credential_ready(credential, false));
	assert_int_equal(fetches, 2); /* it is left in peace for a while */
	credential->renew_at = now();
	assert_true(kshim__credential_ready(credential, false));
	assert_int_equal(fetches, 3);
	got("b", now() + 1000, now() + 500);
	assert_string_equal(credential->token, "b");
	assert_int_equal(credential->fetches, 2);
}

/* One whose whole life is short is not renewed for each request. */
static void due_at_once(void **state)
{
	(void)state;
	assert_false(kshim__credential_ready(credential, false));
	got("a", now() + 1000, now() - 5);
	assert_true(kshim__credential_ready(credential, false));
	assert_int_equal(fetches, 1);
}

/* What the server refused is no comfort while it is renewed. */
static void refused_while_it_is_renewed(void **state)
{
	(void)state;
	assert_false(kshim__credential_ready(credential, false));
	got("a", now() + 1000, now() + 500);
	credential->renew_at = now();
	assert_true(kshim__credential_ready(credential, false));
	assert_true(kshim__credential_expire(credential, credential->fetches));
	assert_false(kshim__credential_ready(credential, false));
	assert_int_equal(fetches, 2);
	failed();
	assert_non_null(credential->error);
	assert_false(kshim__credential_ready(credential, false));
	assert_int_equal(fetches, 3);
}

/* It serves those that wait, and the fetch goes on. */
static void lent(void **state)
{
	(void)state;
	assert_false(kshim__credential_ready(credential, false));
	kshim__credential_lend(credential, kshim__strdup("old"), now() + 100);
	run();
	assert_int_equal(changes, 1);
	assert_int_equal(running, 1);
	assert_true(kshim__credential_ready(credential, true));
	assert_true(kshim__credential_ready(credential, false));
	assert_int_equal(fetches, 1);
	failed();
	assert_null(credential->error);
	assert_true(kshim__credential_ready(credential, false));
	assert_int_equal(fetches, 1);
	credential->expires_at = now() + 5;
	assert_false(kshim__credential_ready(credential, false));
	got("new", 0, 0);
	assert_string_equal(credential->token, "new");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(once_until_it_expires, set_up, tear_down),
		cmocka_unit_test_setup_teardown(renewed_beside, set_up, tear_down),
		cmocka_unit_test_setup_teardown(due_at_once, set_up, tear_down),
		cmocka_unit_test_setup_teardown(refused_while_it_is_renewed, set_up, tear_down),
		cmocka_unit_test_setup_teardown(lent, set_up, tear_down),
	};

	return cmocka_run_group_tests_name("credential", tests, NULL, NULL);
}
