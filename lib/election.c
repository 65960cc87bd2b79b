#include "alloc.h"
#include "composite.h"
#include "error.h"
#include "json/scan.h"
#include "options.h"
#include "path.h"
#include "random.h"
#include "timestamp.h"

#include <kubeshim/election.h>

#include <limits.h>
#include <string.h>
#include <unistd.h>

#define LEASE_MS 15000
#define RENEW_MS 10000
#define RETRY_MS 2000
#define JITTER_PERCENT 120
#define TIMES_MAX_MS (INT64_C(1000) * INT32_MAX)
#define RELEASE_TRIES 3
#define NO_DRY_RUN "a client that makes dry runs holds no lease"

/* The election while it runs: a call without an end of its own. */
struct standing {
	struct kshim__composite composite;
	kshim_election *election; /* NULL once that was told of the end */
};

struct kshim_election {
	kshim_client *client; /* reference */
	kshim_kind *kind;
	char *namespace_;
	char *name;
	char *identity;
	int64_t lease_ms, renew_ms, retry_ms;
	bool release, again;

	kshim_election_fn *on_leading;
	void *on_leading_user;
	kshim_election_ended_fn *on_lost;
	void *on_lost_user;
	kshim_election_leader_fn *on_leader;
	void *on_leader_user;
	kshim_election_ended_fn *on_error;
	void *on_error_user;
	kshim_election_ended_fn *ended;
	void *ended_user;

	struct standing *standing; /* NULL: it does not run, or is at its end */
	struct kshim__step *step;  /* under way */
	kshim_options *options;
	kshim_object *lease; /* as it was last read or written */
	char *spec;          /* its text, to see changes by */
	char *leader;        /* who holds it; NULL: nobody */
	bool told;           /* of that leader */
	int64_t observed_us; /* when it changed */
	int64_t written_us;  /* when the last write began */
	int64_t renewed_us;  /* … and the last one that succeeded */
	bool leading;
	bool may_hold; /* a write was sent that may have made us its holder */
	bool optimistic; /* the write was made without reading before */
	bool started, running, stopping, freed;
	unsigned release_tries;
	kshim_error *error;
};

static void attempt(struct kshim__composite *composite);
static void let_go_of_lease(struct kshim__composite *composite);
static void read_to_release(kshim_election *election);

static kshim_election *of(struct kshim__composite *composite)
{
	return ((struct standing *)composite)->election;
}

static struct kshim__composite *composite_of(kshim_election *election)
{
	return &election->standing->composite;
}

/* Making, settings. */

static void destroy(kshim_election *election)
{
	kshim_object_unref(election->lease);
	kshim_options_free(election->options);
	kshim_error_free(election->error);
	kshim__free(election->spec);
	kshim__free(election->leader);
	kshim__free(election->namespace_);
	kshim__free(election->name);
	kshim__free(election->identity);
	if (election->kind)
		kshim_kind_unref(election->kind);
	kshim__client_unref(election->client);
	kshim__free(election);
}

static char *own_identity(void)
{
	char host[256] = "";
	struct kshim__buf buf;

	if (gethostname(host, sizeof(host) - 1) < 0)
		host[0] = '\0';
	kshim__buf_init(&buf);
	kshim__buf_addf(&buf, "%s_%016llx", host, (unsigned long long)kshim__random_below(UINT64_MAX));
	return kshim__buf_take(&buf, NULL);
}

kshim_election *kshim_election_new(kshim_client *client, const char *namespace_, const char *name,
				   const char *identity)
{
	kshim_election *election;

	if (!client)
		return NULL;
	if (!kshim__client_is_open(client))
		return kshim__client_fail(client, kshim__error_new(KSHIM_ECANCELED, "the client was freed"));
	if (!namespace_)
		namespace_ = kshim_client_namespace(client);
	if (!name || !kshim__path_name_ok(name))
		return kshim__client_fail(client, kshim__error_new(KSHIM_EINVAL, "\"%.100s\" is no valid name of a Lease",
								   name ? name : ""));
	if (!namespace_ || !kshim__path_namespace_ok(namespace_))
		return kshim__client_fail(client, kshim__error_new(KSHIM_EINVAL, "\"%.100s\" is no valid name of a "
								   "namespace", namespace_ ? namespace_ : ""));
	if (identity && !*identity)
		return kshim__client_fail(client, kshim__error_new(KSHIM_EINVAL, "a candidate's identity is empty"));
	election = kshim__calloc(1, sizeof(*election));
	if (!election)
		return kshim__client_fail(client, kshim__error_new(KSHIM_ENOMEM, "out of memory"));
	election->client = kshim__client_ref(client);
	election->lease_ms = LEASE_MS;
	election->renew_ms = RENEW_MS;
	election->retry_ms = RETRY_MS;
	election->release = true;
	election->kind = kshim_kind_new("coordination.k8s.io", "v1", "leases", "Lease", 1);
	election->namespace_ = kshim__strdup(namespace_);
	election->name = kshim__strdup(name);
	election->identity = identity ? kshim__strdup(identity) : own_identity();
	election->options = kshim_options_new();
	if (election->kind && election->namespace_ && election->name && election->identity && election->options)
		return election;
	destroy(election);
	return kshim__client_fail(client, kshim__error_new(KSHIM_ENOMEM, "out of memory"));
}

int kshim_election_set_times(kshim_election *election, int64_t lease, int64_t renew, int64_t retry)
{
	const char *why = NULL;

	if (!election)
		return -1;
	if (election->started)
		why = "the election was started already";
	else if (retry <= 0 || lease > TIMES_MAX_MS)
		why = "a time is out of range";
	else if (renew >= lease)
		why = "the lease has to last longer than a leader tries to renew it";
	else if (retry > TIMES_MAX_MS / 2 || renew <= retry * JITTER_PERCENT / 100)
		why = "a leader has to try to renew its lease for longer than 1.2 pauses between two attempts";
	if (why) {
		kshim__client_fail(election->client, kshim__error_new(KSHIM_EINVAL, "%s", why));
		return -1;
	}
	election->lease_ms = lease;
	election->renew_ms = renew;
	election->retry_ms = retry;
	return 0;
}

void kshim_election_set_release(kshim_election *election, int release)
{
	if (election)
		election->release = release != 0;
}

void kshim_election_set_again(kshim_election *election, int again)
{
	if (election)
		election->again = again != 0;
}

void kshim_election_on_leading(kshim_election *election, kshim_election_fn *fn, void *user)
{
	if (!election)
		return;
	election->on_leading = fn;
	election->on_leading_user = user;
}

void kshim_election_on_lost(kshim_election *election, kshim_election_ended_fn *fn, void *user)
{
	if (!election)
		return;
	election->on_lost = fn;
	election->on_lost_user = user;
}

void kshim_election_on_leader(kshim_election *election, kshim_election_leader_fn *fn, void *user)
{
	if (!election)
		return;
	election->on_leader = fn;
	election->on_leader_user = user;
}

void kshim_election_on_error(kshim_election *election, kshim_election_ended_fn *fn, void *user)
{
	if (!election)
		return;
	election->on_error = fn;
	election->on_error_user = user;
}

static int64_t renewal_ends_us(const kshim_election *election)
{
	return election->renewed_us + election->renew_ms * 1000;
}

int kshim_election_is_leader(const kshim_election *election)
{
	return election && election->leading && !election->stopping && kshim__now_us() < renewal_ends_us(election);
}

const char *kshim_election_leader(const kshim_election *election)
{
	return election ? election->leader : NULL;
}

const char *kshim_election_identity(const kshim_election *election)
{
	return election ? election->identity : NULL;
}

const kshim_error *kshim_election_error(const kshim_election *election)
{
	return election ? election->error : NULL;
}

/* The Lease. */

static kshim_object *fresh_lease(kshim_election *election)
{
	struct kshim__buf buf;
	size_t len;
	char *text;

	kshim__buf_init(&buf);
	kshim__buf_adds(&buf, "{\"apiVersion\":\"coordination.k8s.io/v1\",\"kind\":\"Lease\",\"metadata\":{\"name\":");
	kshim__buf_add_json_string(&buf, election->name, strlen(election->name));
	kshim__buf_adds(&buf, ",\"namespace\":");
	kshim__buf_add_json_string(&buf, election->namespace_, strlen(election->namespace_));
	kshim__buf_adds(&buf, "}}");
	text = kshim__buf_take(&buf, &len);
	return text ? kshim__object_adopt(election->client, election->kind, NULL, text, len, NULL) : NULL;
}

/* What the Lease says as it came from the server; false without memory. */
static bool observe(kshim_election *election, int64_t when_us)
{
	kshim_object *lease = election->lease;
	struct kshim__span span = {"", 0};
	const char *holder;
	char *spec, *leader;

	kshim__json_pointer(lease->text, lease->len, &lease->members, "/spec", &span);
	if (election->spec && strlen(election->spec) == span.len && memcmp(election->spec, span.at, span.len) == 0)
		return true;
	kshim__object_starved(lease);
	holder = kshim_object_get_string(lease, "/spec/holderIdentity");
	if (kshim__object_starved(lease))
		return false;
	if (holder && !*holder)
		holder = NULL;
	spec = kshim__memdup(span.at, span.len);
	leader = kshim__strdup(holder);
	if (!spec || (holder && !leader)) {
		kshim__free(spec);
		kshim__free(leader);
		return false;
	}
	if (!leader || !election->leader || strcmp(leader, election->leader) != 0)
		election->told = false;
	kshim__free(election->spec);
	kshim__free(election->leader);
	election->spec = spec;
	election->leader = leader;
	election->observed_us = when_us;
	return true;
}

static bool is_ours(const kshim_election *election)
{
	return election->leader && strcmp(election->leader, election->identity) == 0;
}

/* Somebody has it, and may still renew it. */
static bool is_valid(kshim_election *election)
{
	int64_t seconds = 0;

	kshim_object_get_int(election->lease, "/spec/leaseDurationSeconds", &seconds);
	if (seconds < 0 || seconds > INT32_MAX)
		seconds = 0;
	return election->leader && election->observed_us + seconds * 1000000 > kshim__now_us();
}

static bool set_time(kshim_object *lease, const char *pointer)
{
	char now[KSHIM__TIMESTAMP_SIZE];

	kshim__timestamp_format_us(kshim__timestamp_now_us(), now);
	return kshim_object_set_string(lease, pointer, now) == 0;
}

/* Ours now; or, with an empty holder, nobody's. */
static bool set_spec(kshim_election *election, const char *holder, int64_t seconds, bool taken_over)
{
	kshim_object *lease = election->lease;
	int64_t transitions = 0;
	bool ok;

	ok = kshim_object_set_string(lease, "/spec/holderIdentity", holder) == 0 &&
	     kshim_object_set_int(lease, "/spec/leaseDurationSeconds", seconds) == 0 &&
	     set_time(lease, "/spec/renewTime");
	if (ok && (taken_over || !*holder || !kshim_object_has(lease, "/spec/acquireTime")))
		ok = set_time(lease, "/spec/acquireTime");
	if (ok && (kshim_object_get_int(lease, "/spec/leaseTransitions", &transitions) < 0 || taken_over))
		ok = kshim_object_set_int(lease, "/spec/leaseTransitions", transitions + (taken_over ? 1 : 0)) == 0;
	return ok;
}

/* Steps. */

enum verb { READ, CREATE, REPLACE };

static void go(kshim_election *election, enum verb verb, kshim__step_fn *then)
{
	int64_t most = election->renew_ms, left;
	struct kshim__step *step = kshim__step_new(composite_of(election), then, NULL);
	kshim_call *call;

	if (!step)
		return;
	if (election->leading) {
		/* one that stays without an answer leaves time for another */
		left = (renewal_ends_us(election) - kshim__now_us()) / 1000;
		most = left < most / 2 ? left : most / 2;
	}
	if (most < 1)
		most = 1;
	kshim_options_set_timeout(election->options, most);
	if (verb == READ)
		call = kshim_object_reload(election->lease, election->options, kshim__step_done, step);
	else if (verb == CREATE)
		call = kshim_object_create(election->lease, election->options, kshim__step_done, step);
	else
		call = kshim_object_replace(election->lease, election->options, kshim__step_done, step);
	election->step = call ? step : NULL;
	kshim__step_start(step, call);
}

/* What every step begins with: false if it was only cancelled to stop. */
static bool goes_on(kshim_election *election)
{
	election->step = NULL;
	if (!election->stopping)
		return true;
	let_go_of_lease(composite_of(election));
	return false;
}

static void keep_error(kshim_election *election, const kshim_error *error)
{
	kshim_error_free(election->error);
	election->error = error ? kshim_error_copy(error) : NULL;
}

static void pause_as_candidate(kshim_election *election)
{
	uint64_t jitter = kshim__random_below((uint64_t)election->retry_ms * JITTER_PERCENT / 100);

	kshim__composite_sleep(composite_of(election), election->retry_ms + (int64_t)jitter, attempt);
}

static void pause_as_leader(kshim_election *election)
{
	int64_t left = (renewal_ends_us(election) - kshim__now_us() + 999) / 1000;

	if (left > election->retry_ms)
		left = election->retry_ms;
	kshim__composite_sleep(composite_of(election), left > 0 ? left : 0, attempt);
}

/* Around a callback: false if nothing more is to be done after it. */
static bool after_callback(kshim_election *election, struct kshim__composite *composite)
{
	return kshim__composite_release(composite) && !election->stopping;
}

static bool tell_leader(kshim_election *election)
{
	struct kshim__composite *composite = composite_of(election);
	char *leader;

	if (election->told || !election->leader || !election->on_leader) {
		election->told = true;
		return true;
	}
	election->told = true;
	leader = kshim__strdup(election->leader);
	if (!leader) {
		kshim__composite_no_memory(composite);
		return false;
	}
	kshim__composite_hold(composite);
	election->on_leader(election, leader, election->on_leader_user);
	kshim__free(leader);
	return after_callback(election, composite);
}

/* `why` is taken over. */
static void lose(kshim_election *election, kshim_error *why)
{
	struct kshim__composite *composite = composite_of(election);

	election->leading = false;
	keep_error(election, why);
	if (election->on_lost) {
		kshim__composite_hold(composite);
		election->on_lost(election, why, election->on_lost_user);
		if (!after_callback(election, composite)) {
			kshim_error_free(why);
			return;
		}
	}
	if (!election->again) {
		kshim__composite_fail(composite, why);
		return;
	}
	kshim_error_free(why);
	if (tell_leader(election))
		pause_as_candidate(election);
}

static void failed(kshim_election *election, const kshim_error *error)
{
	struct kshim__composite *composite = composite_of(election);
	kshim_code code = kshim_error_code(error);

	keep_error(election, error);
	if (election->on_error && code != KSHIM_ECONFLICT && code != KSHIM_EEXISTS) {
		kshim__composite_hold(composite);
		election->on_error(election, error, election->on_error_user);
		if (!after_callback(election, composite))
			return;
	}
	if (election->leading)
		pause_as_leader(election);
	else
		pause_as_candidate(election);
}

static void written(struct kshim__composite *composite, kshim_result *result, void *unused);

static void write_lease(kshim_election *election, enum verb verb, bool taken_over)
{
	if (election->client->dry_run) {
		kshim__composite_fail(composite_of(election), kshim__error_new(KSHIM_EINVAL, NO_DRY_RUN));
		return;
	}
	election->written_us = kshim__now_us();
	/* others wait for whole seconds: never for less than we count on */
	if (!set_spec(election, election->identity, (election->lease_ms + 999) / 1000, taken_over)) {
		kshim__composite_no_memory(composite_of(election));
		return;
	}
	election->may_hold = true;
	go(election, verb, written);
}

static void got(struct kshim__composite *composite, kshim_result *result, void *unused)
{
	kshim_election *election = of(composite);
	const kshim_error *error = kshim_result_error(result);

	(void)unused;
	if (!goes_on(election))
		return;
	if (kshim_error_code(error) == KSHIM_ENOTFOUND) {
		kshim_object_unref(election->lease);
		election->lease = fresh_lease(election);
		if (election->lease)
			write_lease(election, CREATE, false);
		else
			kshim__composite_no_memory(composite);
		return;
	}
	if (error) {
		failed(election, error);
		return;
	}
	if (!observe(election, kshim__now_us())) {
		kshim__composite_no_memory(composite);
		return;
	}
	if (!is_ours(election))
		election->may_hold = false;
	if (election->leading && !is_ours(election)) {
		lose(election, kshim__error_new(KSHIM_ECONFLICT, "the lease \"%s\" is %s%s now", election->name,
						election->leader ? "held by " : "nobody's",
						election->leader ? election->leader : ""));
	} else if (is_valid(election) && !is_ours(election)) {
		keep_error(election, NULL);
		if (tell_leader(election))
			pause_as_candidate(election);
	} else {
		write_lease(election, REPLACE, !is_ours(election));
	}
}

static void written(struct kshim__composite *composite, kshim_result *result, void *unused)
{
	kshim_election *election = of(composite);
	const kshim_error *error = kshim_result_error(result);
	bool optimistic = election->optimistic;

	(void)unused;
	election->optimistic = false;
	if (!goes_on(election))
		return;
	if (error && optimistic && kshim__now_us() < renewal_ends_us(election)) {
		keep_error(election, error);
		go(election, READ, got);
		return;
	}
	if (error) {
		failed(election, error);
		return;
	}
	if (!observe(election, election->written_us)) {
		kshim__composite_no_memory(composite);
		return;
	}
	keep_error(election, NULL);
	election->renewed_us = election->written_us;
	if (!election->leading) {
		election->leading = true;
		if (election->on_leading) {
			kshim__composite_hold(composite);
			election->on_leading(election, election->on_leading_user);
			if (!after_callback(election, composite))
				return;
		}
	}
	if (tell_leader(election))
		pause_as_leader(election);
}

static void attempt(struct kshim__composite *composite)
{
	kshim_election *election = of(composite);
	const char *last;

	if (!election->leading) {
		go(election, READ, got);
	} else if (kshim__now_us() < renewal_ends_us(election)) {
		election->optimistic = true;
		write_lease(election, REPLACE, false);
	} else {
		last = kshim_error_message(election->error);
		lose(election, kshim__error_new(election->error ? kshim_error_code(election->error) : KSHIM_ETIMEDOUT,
						"the lease \"%s\" was not renewed within %lld ms%s%s", election->name,
						(long long)election->renew_ms, last ? ": " : "", last ? last : ""));
	}
}

/* Releasing. */

static void released(struct kshim__composite *composite, kshim_result *result, void *unused)
{
	kshim_election *election = of(composite);

	(void)unused;
	/* a write of ours that was given up may still have reached the server */
	if (kshim_error_code(kshim_result_error(result)) == KSHIM_ECONFLICT && ++election->release_tries < RELEASE_TRIES)
		read_to_release(election);
	else if (!kshim__composite_failed(composite, result))
		kshim__composite_finish(composite, NULL);
}

static void release_what_was_read(struct kshim__composite *composite, kshim_result *result, void *unused)
{
	kshim_election *election = of(composite);

	(void)unused;
	if (kshim_error_code(kshim_result_error(result)) == KSHIM_ENOTFOUND) {
		kshim__composite_finish(composite, NULL);
		return;
	}
	if (kshim__composite_failed(composite, result))
		return;
	if (!kshim__object_is(election->lease, "/spec/holderIdentity", election->identity)) {
		kshim__composite_finish(composite, NULL);
		return;
	}
	if (set_spec(election, "", 1, false))
		go(election, REPLACE, released);
	else
		kshim__composite_no_memory(composite);
}

static void read_to_release(kshim_election *election)
{
	go(election, READ, release_what_was_read);
}

static void let_go_of_lease(struct kshim__composite *composite)
{
	kshim_election *election = of(composite);
	bool was_leading = election->leading;

	election->leading = false;
	if (was_leading && election->on_lost) {
		kshim__composite_hold(composite);
		election->on_lost(election, NULL, election->on_lost_user);
		if (!kshim__composite_release(composite))
			return;
	}
	if (election->release && election->may_hold)
		read_to_release(election);
	else
		kshim__composite_finish(composite, NULL);
}

/* Beginning and end. */

static void let_go(struct kshim__composite *composite)
{
	kshim_election *election = of(composite);

	if (election)
		election->standing = NULL;
}

static void on_over(kshim_result *result, void *user)
{
	kshim_election *election = user;
	const kshim_error *why = kshim_result_error(result);
	bool was_leading = election->leading;

	if (election->standing) /* steps that were cancelled still refer to it */
		election->standing->election = NULL;
	election->standing = NULL;
	election->step = NULL;
	election->leading = false;
	if (was_leading && !election->freed && election->on_lost)
		election->on_lost(election, why, election->on_lost_user);
	if (!election->freed && election->ended)
		election->ended(election, why, election->ended_user);
	election->running = false;
	if (election->freed)
		destroy(election);
}

int kshim_election_start(kshim_election *election, kshim_election_ended_fn *ended, void *user)
{
	kshim_options options = kshim__options_default;
	kshim_object *lease;

	if (!election)
		return -1;
	if (election->started || election->client->dry_run) {
		kshim__client_fail(election->client,
				   kshim__error_new(KSHIM_EINVAL, "%s", election->started ?
						    "the election was started already" :
						    NO_DRY_RUN));
		return -1;
	}
	lease = fresh_lease(election);
	if (!lease) {
		kshim__client_fail(election->client, kshim__error_new(KSHIM_ENOMEM, "out of memory"));
		return -1;
	}
	options.timeout_ms = 0;
	election->standing = kshim__composite_new(election->client, sizeof(*election->standing), let_go, &options, on_over,
						  election);
	if (!election->standing) {
		kshim_object_unref(lease);
		return -1;
	}
	election->standing->election = election;
	election->lease = lease;
	election->ended = ended;
	election->ended_user = user;
	election->started = election->running = true;
	kshim__composite_about(composite_of(election), "lead by", "the lease \"%s\"", election->name);
	attempt(composite_of(election));
	return 0;
}

void kshim_election_stop(kshim_election *election)
{
	if (!election || !election->standing || !election->standing->composite.call || election->stopping)
		return;
	election->stopping = true;
	if (election->step)
		kshim_call_cancel(election->step->call);
	else
		kshim__composite_sleep(composite_of(election), 0, let_go_of_lease);
}

void kshim_election_free(kshim_election *election)
{
	if (!election || election->freed)
		return;
	if (!election->running) {
		destroy(election);
		return;
	}
	election->freed = true;
	election->leading = false;
	if (election->standing)
		kshim_call_cancel(election->standing->composite.call);
}
