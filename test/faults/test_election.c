/* Leader election on a Lease that a fake API server keeps, with what goes wrong. */
/* LINK: -Wl,--wrap=kshim__malloc,--wrap=kshim__calloc,--wrap=kshim__realloc,--wrap=kshim__memdup,--wrap=kshim__strdup */
#include "../testutil.h"
#include "../unit/failalloc.h"

#include <unistd.h>

#define LEASES "/apis/coordination.k8s.io/v1/namespaces/ns/leases"
#define LEASE LEASES "/lock"
#define HELD_BY(who, seconds, renewed)                                                                                 \
	"{\"kind\":\"Lease\",\"apiVersion\":\"coordination.k8s.io/v1\",\"metadata\":{\"name\":\"lock\",\"namespace\":\"ns\"," \
	"\"resourceVersion\":\"7\",\"labels\":{\"kept\":\"yes\"}},\"spec\":{\"holderIdentity\":\"" who "\","              \
	"\"leaseDurationSeconds\":" seconds ",\"acquireTime\":\"2026-11-24T08:00:00.000000Z\",\"renewTime\":\"" renewed   \
	"\",\"leaseTransitions\":4,\"strategy\":\"kept\"}}"
#define OLD "2026-11-24T08:00:00.000000Z"
#define MISSING                                                                                                        \
	"{\"kind\":\"Status\",\"status\":\"Failure\",\"reason\":\"NotFound\",\"details\":{\"name\":\"lock\",\"group\":"        \
	"\"coordination.k8s.io\",\"kind\":\"leases\"},\"code\":404}"
#define CONFLICT "{\"kind\":\"Status\",\"status\":\"Failure\",\"message\":\"changed\",\"reason\":\"Conflict\",\"code\":409}"

/* A lease is that long. */
static int lease_seconds(void)
{
	return (900 * slowness() + 999) / 1000;
}

/* In the server's process: the Lease as it was last written; "" if there is none. */
static char kept[4096];

static void keep(void *ctx, const struct fakeapi_request *req, struct fakeapi_answer *out)
{
	(void)ctx;
	if (*req->method != 'G') {
		snprintf(kept, sizeof(kept), "%s", req->body);
		out->status = *req->method == 'P' && req->method[1] == 'O' ? 201 : 200;
	} else if (!*kept) {
		out->status = 404;
		out->body = MISSING;
		return;
	}
	out->body = kept;
}

#define KEEPS {"GET", LEASE, .generate = keep}, {"PUT", LEASE, .generate = keep}, {"POST", LEASES, .generate = keep}

/* What was told, in order. */
struct told {
	char log[512];
	kshim_election *election;
	struct rig *rig;
	const char *at;   /* what is done when this is told: */
	const char *what; /* "stop", "free", "client" */
	unsigned ended;
	bool starting;
};

static void tell(struct told *told, const char *format, const char *detail)
{
	char text[128];

	assert_false(told->starting);
	assert_int_equal(told->ended, 0);
	snprintf(text, sizeof(text), format, detail);
	snprintf(told->log + strlen(told->log), sizeof(told->log) - strlen(told->log), "%s%s", *told->log ? " " : "",
		 text);
	if (!told->at || strcmp(text, told->at) != 0)
		return;
	if (strcmp(told->what, "stop") == 0) {
		kshim_election_stop(told->election);
		kshim_election_stop(told->election);
		assert_false(kshim_election_is_leader(told->election));
	} else if (strcmp(told->what, "free") == 0) {
		kshim_election_free(told->election);
		told->election = NULL;
	} else {
		kshim_client_free(told->rig->client);
		told->rig->client = NULL;
	}
}

static void on_leading(kshim_election *election, void *user)
{
	struct told *told = user;

	assert_ptr_equal(election, told->election);
	assert_true(kshim_election_is_leader(election));
	assert_string_equal(kshim_election_leader(election), kshim_election_identity(election));
	tell(told, "leading", "");
}

static void on_lost(kshim_election *election, const kshim_error *why, void *user)
{
	assert_ptr_equal(election, ((struct told *)user)->election);
	assert_false(kshim_election_is_leader(election));
	tell(user, "lost(%s)", why ? kshim_code_name(kshim_error_code(why)) : "stopped");
}

static void on_leader(kshim_election *election, const char *identity, void *user)
{
	assert_ptr_equal(election, ((struct told *)user)->election);
	tell(user, "leader(%s)", identity);
}

static void on_error(kshim_election *election, const kshim_error *why, void *user)
{
	assert_ptr_equal(election, ((struct told *)user)->election);
	assert_non_null(why);
	assert_ptr_not_equal(why, kshim_election_error(election));
	assert_int_equal(kshim_error_code(kshim_election_error(election)), kshim_error_code(why));
	tell(user, "error(%s)", kshim_code_name(kshim_error_code(why)));
}

static void on_ended(kshim_election *election, const kshim_error *why, void *user)
{
	struct told *told = user;

	assert_ptr_equal(election, told->election);
	assert_false(kshim_election_is_leader(election));
	tell(told, "ended(%s)", why ? kshim_code_name(kshim_error_code(why)) : "stopped");
	told->ended++;
}

static bool try_stand(struct rig *rig, struct told *told)
{
	told->rig = rig;
	told->election = kshim_election_new(rig->client, "ns", "lock", "me");
	if (!told->election)
		return false;
	assert_int_equal(kshim_election_set_times(told->election, 900 * slowness(), 500 * slowness(), 30 * slowness()), 0);
	kshim_election_on_leading(told->election, on_leading, told);
	kshim_election_on_lost(told->election, on_lost, told);
	kshim_election_on_leader(told->election, on_leader, told);
	kshim_election_on_error(told->election, on_error, told);
	told->starting = true;
	if (kshim_election_start(told->election, on_ended, told) < 0)
		return false;
	told->starting = false;
	return true;
}

static void stand(struct rig *rig, struct told *told)
{
	assert_true(try_stand(rig, told));
}

static void finish(struct rig *rig, struct told *told)
{
	rig_drive(rig);
	kshim_election_free(told->election);
	rig_stop(rig);
}

/* The nth request was this one. */
static const struct fakeapi_request *asked(struct rig *rig, size_t i, const char *method)
{
	const struct fakeapi_request *request = fakeapi_request(rig->api, i);

	assert_non_null(request);
	assert_string_equal(request->method, method);
	return request;
}

/* "2026-11-24T08:00:00.123456Z" */
static void assert_time(json_t *spec, const char *member)
{
	const char *text = json_string_value(json_object_get(spec, member));
	size_t i;

	assert_non_null(text);
	assert_int_equal(strlen(text), 27);
	for (i = 0; i < 27; i++)
		assert_true("0000-00-00T00:00:00.000000Z"[i] == '0' ? text[i] >= '0' && text[i] <= '9' :
			    text[i] == "0000-00-00T00:00:00.000000Z"[i]);
	assert_true(strcmp(text, OLD) > 0);
}

static void assert_spec(const struct fakeapi_request *request, const char *holder, int seconds, int transitions)
{
	json_t *lease = json_loads(request->body, 0, NULL), *spec = json_object_get(lease, "spec");

	assert_non_null(spec);
	assert_string_equal(json_string_value(json_object_get(lease, "kind")), "Lease");
	assert_string_equal(json_string_value(json_object_get(lease, "apiVersion")), "coordination.k8s.io/v1");
	assert_string_equal(json_string_value(json_object_get(spec, "holderIdentity")), holder);
	assert_int_equal(json_integer_value(json_object_get(spec, "leaseDurationSeconds")), seconds);
	assert_int_equal(json_integer_value(json_object_get(spec, "leaseTransitions")), transitions);
	assert_time(spec, "renewTime");
	assert_time(spec, "acquireTime");
	json_decref(lease);
}

static void test_first(void **state)
{
	const struct fakeapi_route routes[] = {KEEPS};
	struct told told = {.at = "leading", .what = "stop"};
	struct rig rig;

	rig_start(&rig, state, routes, COUNT(routes));
	stand(&rig, &told);
	assert_int_equal(kshim_election_start(told.election, on_ended, &told), -1);
	assert_int_equal(kshim_error_code(kshim_client_error(rig.client)), KSHIM_EINVAL);
	assert_int_equal(kshim_election_set_times(told.election, 900, 500, 30), -1);
	rig_drive(&rig);
	assert_string_equal(told.log, "leading lost(stopped) ended(stopped)");
	assert_int_equal(fakeapi_request_count(rig.api), 4);
	asked(&rig, 0, "GET");
	assert_spec(asked(&rig, 1, "POST"), "me", lease_seconds(), 0);
	asked(&rig, 2, "GET");
	assert_spec(asked(&rig, 3, "PUT"), "", 1, 0);
	kshim_election_stop(told.election);
	finish(&rig, &told);
}

static bool has_renewed(void *user)
{
	return fakeapi_count(((struct told *)user)->rig->api, "PUT", LEASE) >= 3;
}

/* Renewals read nothing before they write. */
static void test_renews(void **state)
{
	const struct fakeapi_route routes[] = {KEEPS};
	struct told told = {0};
	struct rig rig;

	rig_start(&rig, state, routes, COUNT(routes));
	stand(&rig, &told);
	kshim_election_set_release(told.election, 0);
	rig_until(&rig, has_renewed, &told);
	assert_true(kshim_election_is_leader(told.election));
	assert_null(kshim_election_error(told.election));
	assert_int_equal(fakeapi_count(rig.api, "GET", LEASE), 1);
	assert_spec(asked(&rig, 4, "PUT"), "me", lease_seconds(), 0);
	kshim_election_stop(told.election);
	rig_drive(&rig);
	assert_string_equal(told.log, "leading leader(me) lost(stopped) ended(stopped)");
	assert_int_equal(fakeapi_count(rig.api, "GET", LEASE), 1);
	finish(&rig, &told);
}

/* Whoever held it is dead: taken over once it was seen for as long as it says. What
 * else is in the Lease stays. */
static void test_takes_over(void **state)
{
	const struct fakeapi_route routes[] = {
		{"GET", LEASE, .answer = {.body = HELD_BY("other", "1", OLD)}}, KEEPS,
	};
	struct told told = {.at = "leading", .what = "free"};
	const struct fakeapi_request *first, *write;
	struct rig rig;
	size_t i;

	rig_start(&rig, state, routes, COUNT(routes));
	stand(&rig, &told);
	rig_drive(&rig);
	assert_string_equal(told.log, "leader(other) leading");
	first = asked(&rig, 0, "GET");
	i = fakeapi_request_count(rig.api) - 1;
	assert_true(i > 2);
	write = asked(&rig, i, "PUT");
	assert_true(write->arrived_ns - first->arrived_ns >= 1000000000);
	assert_spec(write, "me", lease_seconds(), 5);
	assert_contains(write->body, "\"resourceVersion\":\"7\"");
	assert_contains(write->body, "\"kept\":\"yes\"");
	assert_contains(write->body, "\"strategy\":\"kept\"");
	finish(&rig, &told);
}

/* One that renews is never taken over, whatever its clock says. */
static void renewing(void *ctx, const struct fakeapi_request *req, struct fakeapi_answer *out)
{
	static unsigned count;
	static char body[1024];

	(void)ctx;
	(void)req;
	if (++count > 40) { /* released */
		out->body = HELD_BY("", "1", OLD);
		return;
	}
	snprintf(body, sizeof(body), HELD_BY("other", "1", "1999-01-01T00:00:%02u.000000Z"), count % 60);
	out->body = body;
}

static void test_clock_of_others(void **state)
{
	const struct fakeapi_route routes[] = {{"GET", LEASE, .generate = renewing}, KEEPS};
	struct told told = {.at = "leading", .what = "free"};
	struct rig rig;

	rig_start(&rig, state, routes, COUNT(routes));
	stand(&rig, &told);
	rig_drive(&rig);
	assert_string_equal(told.log, "leader(other) leading");
	assert_int_equal(fakeapi_count(rig.api, "GET", LEASE), 41);
	assert_int_equal(fakeapi_count(rig.api, "PUT", LEASE), 1);
	finish(&rig, &told);
}

/* Others were faster: with creating it, and with taking it over. */
static void test_conflicts(void **state)
{
	const struct fakeapi_route routes[] = {
		{"POST", LEASES, .answer = {.status = 409, .body = CONFLICT}},
		{"GET", LEASE, .nth = 1, .answer = {.status = 404, .body = MISSING}},
		{"GET", LEASE, .nth = 2, .answer = {.body = HELD_BY("", "1", OLD)}},
		{"PUT", LEASE, .nth = 1, .answer = {.status = 409, .body = CONFLICT}},
		{"GET", LEASE, .nth = 3, .answer = {.status = 403, .body = "{\"kind\":\"Status\",\"code\":403}"}},
		{"GET", LEASE, .answer = {.body = HELD_BY("", "1", OLD)}}, KEEPS,
	};
	struct told told = {.at = "leading", .what = "free"};
	struct rig rig;

	rig_start(&rig, state, routes, COUNT(routes));
	stand(&rig, &told);
	rig_drive(&rig);
	assert_string_equal(told.log, "error(Forbidden) leading");
	assert_int_equal(fakeapi_request_count(rig.api), 7);
	finish(&rig, &told);
}

/* Renewals fail for a while, in several ways: nobody is told. */
static void test_outage(void **state)
{
	const struct fakeapi_route routes[] = {
		{"PUT", LEASE, .nth = 2, .answer = {.end = FAKEAPI_HANG_UP}},
		{"PUT", LEASE, .nth = 3, .answer = {.status = 409, .body = CONFLICT}},
		{"PUT", LEASE, .nth = 4, .answer = {.status = 500, .body = "{\"kind\":\"Status\",\"code\":500}"}},
		{"GET", LEASE, .nth = 3, .answer = {.status = 500, .body = "{\"kind\":\"Status\",\"code\":500}"}},
		KEEPS,
	};
	struct told told = {0};
	struct rig rig;

	rig_start(&rig, state, routes, COUNT(routes));
	stand(&rig, &told);
	do {
		rig_until_requests(&rig, fakeapi_request_count(rig.api) + 1);
	} while (fakeapi_count(rig.api, "PUT", LEASE) < 8);
	assert_true(kshim_election_is_leader(told.election));
	kshim_election_stop(told.election);
	rig_drive(&rig);
	assert_string_equal(told.log, "leading leader(me) error(InternalError) lost(stopped) ended(stopped)");
	finish(&rig, &told);
}

/* What keeps a candidate from standing is told each time; not that another was
 * faster. And in that callback, too, all may be done. */
static void test_attempts_fail(void **state)
{
	static const struct {
		const char *at, *what, *log;
	} cases[] = {
		{"", "", "error(Forbidden) error(InternalError) leading leader(me) lost(stopped) ended(stopped)"},
		{"error(Forbidden)", "free", "error(Forbidden)"},
		{"error(Forbidden)", "client", "error(Forbidden) ended(Cancelled)"},
		{"error(Forbidden)", "stop", "error(Forbidden) ended(stopped)"},
	};
	const struct fakeapi_route routes[] = {
		{"GET", LEASE, .nth = 1, .answer = {.status = 403, .body = "{\"kind\":\"Status\",\"code\":403}"}},
		{"GET", LEASE, .nth = 2, .answer = {.status = 500, .body = "{\"kind\":\"Status\",\"code\":500}"}},
		{"POST", LEASES, .nth = 1, .answer = {.status = 409, .body = CONFLICT}},
		KEEPS,
	};
	struct rig rig;
	size_t i;

	for (i = 0; i < COUNT(cases); i++) {
		struct told told = {.at = cases[i].at, .what = cases[i].what};

		rig_start(&rig, state, routes, COUNT(routes));
		stand(&rig, &told);
		if (i == 0) {
			while (fakeapi_count(rig.api, "PUT", LEASE) < 1)
				rig_until_requests(&rig, fakeapi_request_count(rig.api) + 1);
			kshim_election_stop(told.election);
		}
		rig_drive(&rig);
		assert_string_equal(told.log, cases[i].log);
		finish(&rig, &told);
	}
}

/* The Lease is written, but the answer is never seen: there is time for another attempt. */
static void keep_silently(void *ctx, const struct fakeapi_request *req, struct fakeapi_answer *out)
{
	keep(ctx, req, out);
	out->end = FAKEAPI_MUTE;
}

static void test_answer_lost(void **state)
{
	const struct fakeapi_route routes[] = {{"PUT", LEASE, .nth = 2, .generate = keep_silently}, KEEPS};
	struct told told = {0};
	struct rig rig;

	rig_start(&rig, state, routes, COUNT(routes));
	stand(&rig, &told);
	do {
		rig_until_requests(&rig, fakeapi_request_count(rig.api) + 1);
	} while (fakeapi_count(rig.api, "PUT", LEASE) < 5);
	assert_string_equal(told.log, "leading leader(me)");
	assert_true(kshim_election_is_leader(told.election));
	kshim_election_stop(told.election);
	rig_drive(&rig);
	assert_string_equal(told.log, "leading leader(me) lost(stopped) ended(stopped)");
	finish(&rig, &told);
}

/* The program stood still while it took the Lease: what it learns is too old to lead by. */
static void test_stood_still(void **state)
{
	const struct fakeapi_route routes[] = {
		{"POST", LEASES, .nth = 1, .generate = keep, .answer = {.head_delay_ms = 20}}, KEEPS,
	};
	struct told told = {.at = "leading", .what = "stop"};
	struct rig rig;

	rig_start(&rig, state, routes, COUNT(routes));
	stand(&rig, &told);
	rig_until_requests(&rig, 2);
	usleep(600000 * slowness()); /* it was counted on for 500 */
	rig_drive(&rig);
	assert_string_equal(told.log, "error(Timed out) leading lost(stopped) ended(stopped)");
	assert_true(fakeapi_count(rig.api, "PUT", LEASE) >= 2);
	finish(&rig, &told);
}

/* Too long. It is told, and ends; or stands again. */
static void lost_by_time(void **state, bool again)
{
	const struct fakeapi_route routes[] = {
		{"PUT", LEASE, .answer = {.end = FAKEAPI_MUTE}},
		{"GET", LEASE, .nth = 1, .generate = keep},
		{"GET", LEASE, .nth = 2, .answer = {.end = FAKEAPI_MUTE}},
		{"GET", LEASE, .answer = {.status = 404, .body = MISSING}},
		KEEPS,
	};
	struct told told = {0};
	struct rig rig;

	rig_start(&rig, state, routes, COUNT(routes));
	stand(&rig, &told);
	kshim_election_set_again(told.election, again);
	if (!again) {
		rig_drive(&rig);
		assert_contains(told.log, "leading leader(me) ");
		assert_contains(told.log, " lost(");
		assert_contains(told.log, ") ended(");
		assert_int_equal(told.ended, 1);
		assert_non_null(kshim_election_error(told.election));
		assert_contains(kshim_error_message(kshim_election_error(told.election)), "was not renewed within ");
	} else {
		while (fakeapi_count(rig.api, "POST", LEASES) < 2)
			rig_until_requests(&rig, fakeapi_request_count(rig.api) + 1);
		assert_contains(told.log, "leading leader(me) ");
		assert_contains(told.log, " lost(");
		assert_null(strstr(told.log, "ended"));
		kshim_election_free(told.election);
		told.election = NULL;
	}
	assert_true(fakeapi_count(rig.api, "PUT", LEASE) >= 1);
	finish(&rig, &told);
}

static void test_lost_by_time(void **state)
{
	lost_by_time(state, false);
}

static void test_again(void **state)
{
	lost_by_time(state, true);
}

/* Somebody else has it: told at once. */
static void test_lost_to_another(void **state)
{
	const struct fakeapi_route routes[] = {
		{"PUT", LEASE, .nth = 2, .answer = {.status = 409, .body = CONFLICT}},
		{"GET", LEASE, .nth = 2, .answer = {.body = HELD_BY("other", "15", OLD)}}, KEEPS,
	};
	struct told told = {0};
	struct rig rig;

	rig_start(&rig, state, routes, COUNT(routes));
	stand(&rig, &told);
	rig_drive(&rig);
	assert_string_equal(told.log, "leading leader(me) lost(Conflict) ended(Conflict)");
	assert_int_equal(fakeapi_request_count(rig.api), 5);
	assert_string_equal(kshim_election_leader(told.election), "other");
	finish(&rig, &told);
}

/* The Lease that is released is another's by now; or the release fails. */
static void test_release_fails(void **state)
{
	const struct fakeapi_route mute[] = {
		{"GET", LEASE, .nth = 2, .answer = {.end = FAKEAPI_MUTE}}, KEEPS,
	};
	const struct fakeapi_route others[] = {
		{"GET", LEASE, .nth = 2, .answer = {.body = HELD_BY("other", "15", OLD)}}, KEEPS,
	};
	const struct fakeapi_route conflict[] = {
		{"PUT", LEASE, .answer = {.status = 409, .body = CONFLICT}}, KEEPS,
	};
	struct told told = {.at = "leading", .what = "stop"};
	struct rig rig;

	rig_start(&rig, state, mute, COUNT(mute));
	stand(&rig, &told);
	rig_drive(&rig);
	assert_string_equal(told.log, "leading lost(stopped) ended(Timed out)");
	finish(&rig, &told);

	told = (struct told){.at = "leading", .what = "stop"};
	rig_start(&rig, state, others, COUNT(others));
	stand(&rig, &told);
	rig_drive(&rig);
	assert_string_equal(told.log, "leading lost(stopped) ended(stopped)");
	assert_int_equal(fakeapi_count(rig.api, "PUT", LEASE), 0);
	finish(&rig, &told);

	told = (struct told){.at = "leading", .what = "stop"};
	rig_start(&rig, state, conflict, COUNT(conflict));
	stand(&rig, &told);
	rig_drive(&rig);
	assert_string_equal(told.log, "leading lost(stopped) ended(Conflict)");
	assert_int_equal(fakeapi_count(rig.api, "PUT", LEASE), 3);
	finish(&rig, &told);
}

/* Stopped while a write is under way that makes it the leader: released, too. */
static void test_stopped_meanwhile(void **state)
{
	const struct fakeapi_route routes[] = {
		{"POST", LEASES, .generate = keep, .answer = {.head_delay_ms = 200}}, KEEPS,
	};
	struct told told = {0};
	struct rig rig;

	rig_start(&rig, state, routes, COUNT(routes));
	stand(&rig, &told);
	rig_until_requests(&rig, 2);
	kshim_election_stop(told.election);
	rig_drive(&rig);
	assert_string_equal(told.log, "ended(stopped)");
	assert_spec(asked(&rig, 3, "PUT"), "", 1, 0);
	finish(&rig, &told);
	/* before the first answer */
	told = (struct told){0};
	rig_start(&rig, state, routes, COUNT(routes));
	stand(&rig, &told);
	kshim_election_stop(told.election);
	rig_drive(&rig);
	assert_string_equal(told.log, "ended(stopped)");
	assert_int_equal(fakeapi_count(rig.api, "P*", NULL), 0);
	finish(&rig, &told);
}

/* Each of these in each callback; then the loop before the rest. */
static void test_freed_in_callbacks(void **state)
{
	static const struct {
		const char *at, *what, *log;
	} cases[] = {
		{"leading", "free", "leading"},
		{"leader(me)", "free", "leading leader(me)"},
		{"lost(stopped)", "free", "leading leader(me) lost(stopped)"},
		{"ended(stopped)", "free", "leading leader(me) lost(stopped) ended(stopped)"},
		{"leading", "client", "leading lost(Cancelled) ended(Cancelled)"},
		{"leader(me)", "client", "leading leader(me) lost(Cancelled) ended(Cancelled)"},
		{"lost(stopped)", "client", "leading leader(me) lost(stopped) ended(Cancelled)"},
		{"ended(stopped)", "client", "leading leader(me) lost(stopped) ended(stopped)"},
		{"leader(me)", "stop", "leading leader(me) lost(stopped) ended(stopped)"},
	};
	const struct fakeapi_route routes[] = {KEEPS};
	struct rig rig;
	size_t i;

	for (i = 0; i < COUNT(cases); i++) {
		struct told told = {.at = cases[i].at, .what = cases[i].what};

		rig_start(&rig, state, routes, COUNT(routes));
		stand(&rig, &told);
		if (strstr(cases[i].at, "stopped")) {
			rig_until_requests(&rig, 3);
			kshim_election_stop(told.election);
		}
		rig_drive(&rig);
		if (strcmp(told.log, cases[i].log) != 0)
			print_error("case %zu: %s\n", i, told.log);
		assert_string_equal(told.log, cases[i].log);
		finish(&rig, &told);
	}
}

static void test_loop_freed(void **state)
{
	const struct fakeapi_route routes[] = {KEEPS};
	struct told told = {0};
	struct rig rig;

	rig_start(&rig, state, routes, COUNT(routes));
	stand(&rig, &told);
	rig_until_requests(&rig, 3);
	kshim_loop_free(rig.loop);
	rig.loop = NULL;
	assert_string_equal(told.log, "leading leader(me) lost(Cancelled) ended(Cancelled)");
	assert_int_equal(kshim_election_start(told.election, on_ended, &told), -1);
	kshim_election_stop(told.election);
	kshim_election_free(told.election);
	rig_stop(&rig);
}

static void test_refused(void **state)
{
	static const int64_t times[][3] = {{15000, 15000, 2000}, {15000, 2400, 2000}, {15000, 10000, 0}, {0, -1, -2},
					   {INT64_MAX, 10, 1}, {15000, 10000, INT64_MAX}};
	const struct fakeapi_route routes[] = {KEEPS};
	kshim_election *election;
	struct rig rig;
	size_t i;

	rig_start(&rig, state, routes, COUNT(routes));
	assert_null(kshim_election_new(NULL, "ns", "lock", "me"));
	assert_null(kshim_election_new(rig.client, "ns", "a/b", "me"));
	assert_null(kshim_election_new(rig.client, "ns", NULL, "me"));
	assert_null(kshim_election_new(rig.client, "n/s", "lock", "me"));
	assert_null(kshim_election_new(rig.client, "ns", "lock", ""));
	assert_int_equal(kshim_error_code(kshim_client_error(rig.client)), KSHIM_EINVAL);
	election = kshim_election_new(rig.client, NULL, "lock", NULL);
	assert_non_null(election);
	assert_true(strlen(kshim_election_identity(election)) > 17);
	for (i = 0; i < COUNT(times); i++)
		assert_int_equal(kshim_election_set_times(election, times[i][0], times[i][1], times[i][2]), -1);
	assert_int_equal(kshim_election_set_times(election, 15000, 2401, 2000), 0);
	assert_false(kshim_election_is_leader(election));
	assert_null(kshim_election_leader(election));
	kshim_election_stop(election);
	kshim_client_set_dry_run(rig.client, 1);
	assert_int_equal(kshim_election_start(election, NULL, NULL), -1);
	assert_contains(kshim_error_message(kshim_client_error(rig.client)), "dry runs");
	kshim_election_free(election);
	kshim_election_free(NULL);
	kshim_election_stop(NULL);
	assert_int_equal(kshim_election_start(NULL, NULL, NULL), -1);
	assert_int_equal(fakeapi_request_count(rig.api), 0);
	rig_stop(&rig);
}

/* Each allocation fails once: refused, ended, or it went well. */
static void test_no_memory(void **state)
{
	const struct fakeapi_route routes[] = {KEEPS};
	unsigned refused = 0, failed = 0, well = 0;
	struct rig rig;
	long i;

	if (!failalloc_works())
		skip();
	rig_start(&rig, state, routes, COUNT(routes));
	for (i = 0; well < 3 && i < 3000; i++) {
		struct told told = {.at = "leading", .what = "stop"};
		bool stood, did_fail;

		failalloc_arm(i, false);
		stood = try_stand(&rig, &told);
		if (stood)
			rig_drive(&rig);
		did_fail = failalloc_disarm();
		assert_int_equal(told.ended, stood);
		if (!stood)
			refused++;
		else if (strstr(told.log, "ended(stopped)"))
			well += !did_fail;
		else
			failed++;
		kshim_election_free(told.election);
	}
	assert_true(refused > 5);
	assert_true(failed > 5);
	assert_int_equal(well, 3);
	rig_stop(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ALL_VARIANTS(test_first),
		BOTH_HTTP(test_renews),
		ONLY_H1(test_takes_over),
		ONLY_H1(test_clock_of_others),
		BOTH_HTTP(test_conflicts),
		BOTH_HTTP(test_outage),
		BOTH_DRIVES(test_attempts_fail),
		BOTH_HTTP(test_answer_lost),
		BOTH_DRIVES(test_stood_still),
		BOTH_HTTP(test_lost_by_time),
		ONLY_H1(test_again),
		BOTH_DRIVES(test_lost_to_another),
		ONLY_H1(test_release_fails),
		BOTH_HTTP(test_stopped_meanwhile),
		BOTH_DRIVES(test_freed_in_callbacks),
		BOTH_HTTP(test_loop_freed),
		ONLY_H1(test_refused),
		ONLY_H1(test_no_memory),
	};

	test_begin();
	return cmocka_run_group_tests_name("faults/election", tests, NULL, NULL);
}
