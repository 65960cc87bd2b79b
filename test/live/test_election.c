/* Leader election on a Lease of a real API server: two candidates, one of which
 * is stopped, dies, or loses its way to the server. */
#include "live.h"
#include "cutter.h"

#define LEASE_MS 3000
#define RENEW_MS 2400
#define RETRY_MS 300

struct candidate {
	kshim_election *election;
	unsigned leads, lost, ended;
	kshim_code why;
	char leader[64];
};

static struct candidate one, two;

/* Never two at a time. */
static void on_leading(kshim_election *election, void *user)
{
	struct candidate *candidate = user;
	const struct candidate *other = candidate == &one ? &two : &one;

	candidate->leads++;
	assert_true(kshim_election_is_leader(election));
	assert_false(kshim_election_is_leader(other->election));
}

static void on_lost(kshim_election *election, const kshim_error *why, void *user)
{
	struct candidate *candidate = user;

	(void)election;
	candidate->lost++;
	candidate->why = kshim_error_code(why);
}

static void on_leader(kshim_election *election, const char *identity, void *user)
{
	(void)election;
	snprintf(((struct candidate *)user)->leader, sizeof(one.leader), "%s", identity);
}

static void on_ended(kshim_election *election, const kshim_error *why, void *user)
{
	struct candidate *candidate = user;

	(void)election;
	if (why && kshim_error_code(why) != candidate->why)
		print_error("%s\n", kshim_error_message(why));
	candidate->ended++;
}

static void stand(struct candidate *candidate, kshim_client *client, const char *lease, const char *identity)
{
	memset(candidate, 0, sizeof(*candidate));
	candidate->election = kshim_election_new(client, server->namespace_, lease, identity);
	assert_non_null(candidate->election);
	assert_int_equal(kshim_election_set_times(candidate->election, LEASE_MS, RENEW_MS, RETRY_MS), 0);
	kshim_election_on_leading(candidate->election, on_leading, candidate);
	kshim_election_on_lost(candidate->election, on_lost, candidate);
	kshim_election_on_leader(candidate->election, on_leader, candidate);
	assert_int_equal(kshim_election_start(candidate->election, on_ended, candidate), 0);
}

/* live_pause() waits for all that is under way, and an election always is. */
static void stop_loop(kshim_timer *timer, void *user)
{
	(void)timer;
	kshim_loop_stop(user);
}

static void pause_ms(unsigned ms)
{
	kshim_timer *timer = kshim_timer_new(server->loop, ms, stop_loop, server->loop);

	assert_int_equal(kshim_loop_run(server->loop), 0);
	kshim_timer_free(timer);
}

static void until(const unsigned *count, unsigned wanted, const char *what)
{
	unsigned tries = 0;

	while (*count < wanted) {
		if (++tries > 1200)
			fail_msg("waited long enough for %s", what);
		pause_ms(25);
	}
}

static json_t *read_spec(const char *lease)
{
	char path[200];
	json_t *tree, *spec;

	snprintf(path, sizeof(path), "/apis/coordination.k8s.io/v1/namespaces/%s/leases/%s", server->namespace_, lease);
	tree = live_get(server, path);
	spec = json_incref(json_object_get(tree, "spec"));
	json_decref(tree);
	return spec;
}

static void assert_spec(const char *lease, const char *holder, int transitions)
{
	json_t *spec = read_spec(lease);

	assert_string_equal(json_string_value(json_object_get(spec, "holderIdentity")), holder);
	assert_int_equal(json_integer_value(json_object_get(spec, "leaseTransitions")), transitions);
	json_decref(spec);
}

static void stop(struct candidate *candidate)
{
	kshim_election_stop(candidate->election);
	until(&candidate->ended, 1, "the end of an election");
	kshim_election_free(candidate->election);
	candidate->election = NULL;
}

/* The first one leads and renews; the second one follows when it is stopped. */
static void released(void **state)
{
	(void)state;
	memset(&two, 0, sizeof(two));
	stand(&one, server->client, "released", "one");
	until(&one.leads, 1, "a leader");
	stand(&two, server->client, "released", "two");
	pause_ms(LEASE_MS + 500);
	assert_true(kshim_election_is_leader(one.election));
	assert_int_equal(two.leads, 0);
	assert_string_equal(two.leader, "one");
	stop(&one);
	assert_int_equal(one.lost, 1);
	assert_int_equal(one.why, KSHIM_OK);
	until(&two.leads, 1, "the next leader");
	stop(&two);
	assert_spec("released", "", 1);
}

/* It dies without a word: the second one waits for the end of its lease. */
static void died(void **state)
{
	(void)state;
	memset(&two, 0, sizeof(two));
	stand(&one, server->client, "died", "one");
	until(&one.leads, 1, "a leader");
	stand(&two, server->client, "died", "two");
	pause_ms(100);
	kshim_election_free(one.election);
	one.election = NULL;
	until(&two.leads, 1, "the next leader");
	assert_int_equal(one.lost + one.ended, 0);
	assert_string_equal(two.leader, "two");
	kshim_election_set_release(two.election, 0);
	stop(&two);
	assert_spec("died", "two", 1);
}

/* Connections are cut, and it leads on; the way to the server is gone, and it knows
 * of its end before the second one begins. */
static void cut_off(void **state)
{
	struct cutter *cutter = cutter_start(kshim_client_server(server->client));
	struct live *far = live_open_at("admin", server->loop, cutter_port(cutter));
	unsigned i;

	(void)state;
	memset(&two, 0, sizeof(two));
	stand(&one, far->client, "cut", "one");
	until(&one.leads, 1, "a leader");
	stand(&two, server->client, "cut", "two");
	for (i = 0; i < 4; i++) {
		cutter_cut(cutter, i * 300, i % 2);
		pause_ms(RETRY_MS * 2);
	}
	assert_true(cutter_cuts(cutter) > 0);
	assert_true(kshim_election_is_leader(one.election));
	assert_int_equal(one.lost, 0);
	cutter_stop(cutter);
	until(&one.lost, 1, "the loss of a lease");
	assert_int_equal(two.leads, 0);
	assert_int_not_equal(one.why, KSHIM_OK);
	until(&one.ended, 1, "the end of an election");
	until(&two.leads, 1, "the next leader");
	kshim_election_free(one.election);
	one.election = NULL;
	stop(&two);
	assert_spec("cut", "", 1);
	live_close(far);
}

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(released),
		cmocka_unit_test(died),
		cmocka_unit_test(cut_off),
	};

	return live_run_tests(argc, argv, "election", tests, sizeof(tests) / sizeof(tests[0]), live_set_up, live_tear_down);
}
