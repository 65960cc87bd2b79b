/*
 * Watches for some seconds on an API server that changes all the time and breaks at random (modelapi.h). Each event is
 * compared with the server's own log: none is lost, none comes twice, all are in order; each state that a watch begins
 * with is the one of its version; in the end all know the truth.
 *
 * KSHIM_SOAK_SEED begins with that seed, KSHIM_SOAK_RUNS and KSHIM_SOAK_SECONDS say how many runs and how long each is.
 */
#include "soak.h"

#define WATCHERS COUNT(plans)
#define NONE ((size_t)-1)

enum start { STATE, NOW, VERSION, OBJECT };

/* What a watcher is. */
static const struct plan {
	const char *ns, *labels;
	enum start start;
	bool streamed, bookmarks, once, gap_error, pauses;
	size_t buffer;
	unsigned seconds;
} plans[] = {
	{.ns = NULL},
	{.ns = "ns-0", .labels = "app=a"},
	{.ns = "ns-1", .labels = "example.com/tier in (x,y),app!=b", .streamed = true},
	{.ns = NULL, .streamed = true, .bookmarks = true},
	{.ns = "ns-2", .once = true, .seconds = 60},
	{.ns = NULL, .labels = "!app", .gap_error = true},
	{.ns = "ns-0", .start = NOW},
	{.ns = "ns-1", .start = VERSION, .bookmarks = true},
	{.ns = "ns-0", .start = OBJECT},
	{.ns = NULL, .pauses = true, .buffer = 4096},
	{.ns = NULL, .pauses = true, .streamed = true, .gap_error = true, .seconds = 30},
	{.ns = NULL, .labels = "app=nowhere", .bookmarks = true},
	{.ns = "ns-2", .labels = "app in (a,c)", .once = true, .streamed = true, .bookmarks = true, .pauses = true},
};

struct watcher {
	const struct plan *plan;
	struct soak *soak;
	struct kshim__matcher *matcher;
	const char *name; /* of the object, or NULL */
	kshim_watch *watch;
	char version[32];  /* to go on from, where a watch was over */
	size_t next;       /* the change of the log that is due; NONE: not known where it stands */
	bool in_state, whole, late, stopped;
	struct known state[ROOM], old[ROOM];
	int pause, again;  /* turns until it is let go, or started again */
	unsigned events, states, lates, restarts, bookmarks;
};

struct soak {
	struct modelapi *model;
	kshim_loop *loop;
	kshim_client *client;
	struct watcher watchers[COUNT(plans)];
	uint64_t until_ms;
	uint64_t random;
	unsigned seconds; /* of each stream, in place of the plan's; or 0 */
	uint64_t streams; /* that each has to have had, but for those that end or pause */
	bool stopping;
};

/* What a watcher is to see. */

static bool sees(const struct watcher *w, const struct modelapi_object *o)
{
	return soak_selects(w->plan->ns, w->name, w->matcher, o);
}

/* The event that a change is to this watcher; false: none. */
static bool event_of(const struct watcher *w, const struct modelapi_change *change, kshim_event *event,
		     struct modelapi_object *object)
{
	bool was = sees(w, &change->before);
	bool is = change->type != MODELAPI_DELETED && sees(w, &change->object);

	*object = is ? change->object : change->before;
	object->version = change->object.version;
	*event = !is ? KSHIM_EVENT_DELETED : was ? KSHIM_EVENT_MODIFIED : KSHIM_EVENT_ADDED;
	return was || is;
}

/* Goes to the next change that it has to be told; NULL if there is none yet. */
static const struct modelapi_change *due(struct watcher *w, kshim_event *event, struct modelapi_object *object)
{
	const struct modelapi_change *change;

	for (; (change = modelapi_change(w->soak->model, w->next)); w->next++)
		if (event_of(w, change, event, object))
			return change;
	return NULL;
}

static size_t change_behind(const struct watcher *w, uint64_t version)
{
	const struct modelapi_change *change;
	size_t i;

	for (i = 0; (change = modelapi_change(w->soak->model, i)) && change->object.version <= version; i++)
		;
	return i;
}

static const char *describe(const struct watcher *w)
{
	static char text[256];

	snprintf(text, sizeof(text), "watcher %zu (%s, %s), %u events, %u states, %u restarts",
		 (size_t)(w - w->soak->watchers), w->plan->ns ? w->plan->ns : "all", w->plan->labels ? w->plan->labels : "any",
		 w->events, w->states, w->restarts);
	return text;
}

/* What it is told. */

/* A state is whole: it is that of its version. */
static void state_is_whole(struct watcher *w)
{
	const char *version = kshim_watch_resource_version(w->watch);
	struct modelapi_object truth[ROOM];
	const struct modelapi_change *change;
	size_t i;

	if (!version)
		fail_msg("%s: a state without a version", describe(w));
	w->next = change_behind(w, strtoull(version, NULL, 10));
	memset(truth, 0, sizeof(truth));
	for (i = 0; i < w->next; i++) {
		change = modelapi_change(w->soak->model, i);
		truth[change->slot] = change->object;
		if (change->type == MODELAPI_DELETED)
			truth[change->slot].uid[0] = '\0';
	}
	for (i = 0; i < ROOM; i++) {
		const char *uid = sees(w, &truth[i]) ? truth[i].uid : "";

		if (strcmp(w->state[i].uid, uid) != 0 || (*uid && w->state[i].version != truth[i].version))
			fail_msg("%s: state %s: slot %zu: %s %llu instead of %s %llu", describe(w), version, i,
				 w->state[i].uid, (unsigned long long)w->state[i].version, uid,
				 (unsigned long long)truth[i].version);
		if (*uid)
			assert_int_equal(w->state[i].revision, truth[i].revision);
	}
	w->in_state = false;
	w->whole = true;
	w->states++;
}

static void change_is_told(struct watcher *w, kshim_event event, kshim_object *object)
{
	struct known known = soak_read(object);
	size_t slot = soak_slot(w->soak->model, object);
	struct modelapi_object expected;
	kshim_event expected_event;

	w->events++;
	if (w->in_state) {
		assert_int_equal(event, KSHIM_EVENT_ADDED);
		assert_string_equal(w->state[slot].uid, "");
		w->state[slot] = known;
		return;
	}
	if (w->next == NONE) /* the first from now on */
		w->next = change_behind(w, known.version - 1);
	if (!due(w, &expected_event, &expected))
		fail_msg("%s: an event %d of version %llu that was not due", describe(w), event,
			 (unsigned long long)known.version);
	if (event != expected_event || known.version != expected.version || strcmp(known.uid, expected.uid) != 0 ||
	    known.revision != expected.revision)
		fail_msg("%s: event %d of version %llu (%s) instead of %d of %llu (%s)", describe(w), event,
			 (unsigned long long)known.version, known.uid, expected_event,
			 (unsigned long long)expected.version, expected.uid);
	assert_int_equal(strtoull(kshim_watch_resource_version(w->watch), NULL, 10), known.version);
	w->next++;
	if (event == KSHIM_EVENT_DELETED)
		known.uid[0] = '\0';
	w->state[slot] = known;
}

/* What came before it was told. */
static void bookmark_is_told(struct watcher *w)
{
	struct modelapi_object object;
	kshim_event event;

	w->bookmarks++;
	assert_true(w->plan->bookmarks);
	assert_false(w->in_state);
	if (w->next != NONE && due(w, &event, &object) &&
	    object.version <= strtoull(kshim_watch_resource_version(w->watch), NULL, 10))
		fail_msg("%s: a bookmark of %s before the event of %llu", describe(w), kshim_watch_resource_version(w->watch),
			 (unsigned long long)object.version);
}

static void on_event(kshim_watch *watch, kshim_event event, kshim_object *object, void *user)
{
	struct watcher *w = user;

	assert_ptr_equal(watch, w->watch);
	assert_false(w->stopped);
	assert_int_equal(w->pause, 0);
	assert_int_equal(object != NULL, event <= KSHIM_EVENT_DELETED);
	switch (event) {
	case KSHIM_EVENT_ADDED:
	case KSHIM_EVENT_MODIFIED:
	case KSHIM_EVENT_DELETED:
		change_is_told(w, event, object);
		break;
	case KSHIM_EVENT_BEGIN:
		w->in_state = true;
		w->whole = false;
		memset(w->state, 0, sizeof(w->state));
		break;
	case KSHIM_EVENT_END:
		assert_true(w->in_state);
		state_is_whole(w);
		break;
	case KSHIM_EVENT_BOOKMARK:
		bookmark_is_told(w);
		break;
	case KSHIM_EVENT_LATE:
		assert_non_null(kshim_watch_error(watch));
		w->late = true;
		w->lates++;
		break;
	case KSHIM_EVENT_RESUMED:
		assert_true(w->late);
		w->late = false;
		break;
	}
	if (w->plan->pauses && !w->soak->stopping && soak_random(&w->soak->random, 40) == 0) {
		w->pause = 1 + (int)soak_random(&w->soak->random, 60);
		kshim_watch_pause(watch);
	}
}

/* Those that may end before they are stopped are started again where they were. */
static void on_done(kshim_result *result, void *user)
{
	struct watcher *w = user;
	const kshim_error *error = kshim_result_error(result);
	const char *version = kshim_result_resource_version(result);

	shown(kshim_error_message(error));
	w->watch = NULL;
	w->pause = 0;
	if (w->stopped) {
		assert_int_equal(kshim_error_code(error), KSHIM_ECANCELED);
		return;
	}
	if (!w->plan->once && !(w->plan->gap_error && kshim_error_code(error) == KSHIM_EGONE))
		fail_msg("%s: ended: %s", describe(w), kshim_error_message(error));
	w->restarts++;
	w->late = false;
	/* in a state it stands nowhere; and some forget where they were */
	w->version[0] = '\0';
	if (version && !w->in_state && w->whole && kshim_error_code(error) != KSHIM_EGONE && soak_random(&w->soak->random, 3))
		snprintf(w->version, sizeof(w->version), "%s", version);
	w->in_state = false;
	w->again = 1 + (int)soak_random(&w->soak->random, 20);
}

static void start(struct watcher *w)
{
	kshim_query *query = kshim_query_new(w->soak->client, KSHIM_CONFIG_MAP, w->plan->ns ? w->plan->ns : KSHIM_ALL_NAMESPACES);
	kshim_options *options = kshim_options_new();
	kshim_object *object;

	assert_non_null(query);
	assert_non_null(options);
	kshim_options_set_watch_streamed_state(options, w->plan->streamed);
	kshim_options_set_watch_bookmarks(options, w->plan->bookmarks);
	kshim_options_set_watch_once(options, w->plan->once);
	kshim_options_set_watch_seconds(options, w->soak->seconds ? w->soak->seconds : w->plan->seconds);
	kshim_options_set_watch_buffer(options, w->plan->buffer);
	kshim_options_set_watch_gap(options, w->plan->gap_error ? KSHIM_WATCH_GAP_ERROR : KSHIM_WATCH_GAP_STATE);
	if (w->plan->start == NOW)
		kshim_options_set_watch_from(options, KSHIM_WATCH_FROM_NOW);
	if (w->plan->labels)
		assert_int_equal(kshim_query_set_labels(query, w->plan->labels), 0);
	if (*w->version)
		assert_int_equal(kshim_query_set_resource_version(query, w->version, KSHIM_MATCH_NOT_OLDER_THAN), 0);
	if (w->plan->start == OBJECT) {
		object = kshim_query_object(query, w->name);
		assert_non_null(object);
		w->watch = kshim_object_watch(object, options, on_event, on_done, w);
		kshim_object_unref(object);
	} else {
		w->watch = kshim_query_watch(query, options, on_event, on_done, w);
	}
	if (!w->watch)
		fail_msg("%s: %s", describe(w), kshim_error_message(kshim_client_error(w->soak->client)));
	kshim_options_free(options);
	kshim_query_free(query);
}

/* Every turn of the loop's driver. */

static void let_go(struct soak *soak)
{
	struct watcher *w;

	for (w = soak->watchers; w < soak->watchers + WATCHERS; w++) {
		if (w->again && --w->again == 0)
			start(w);
		if (w->pause && --w->pause == 0)
			kshim_watch_resume(w->watch);
	}
}

static bool time_is_up(void *user)
{
	struct soak *soak = user;
	struct watcher *w;

	let_go(soak);
	for (w = soak->watchers; w < soak->watchers + WATCHERS; w++)
		if (!w->plan->once && !w->plan->pauses && kshim_watch_count(w->watch, KSHIM_WATCH_STREAMS) < soak->streams)
			return false;
	return soak_ms() >= soak->until_ms;
}

static bool all_know(void *user)
{
	struct soak *soak = user;
	struct modelapi_object object;
	struct watcher *w;
	kshim_event event;

	let_go(soak);
	for (w = soak->watchers; w < soak->watchers + WATCHERS; w++)
		if (!w->watch || w->in_state || (w->next == NONE && w->plan->start != NOW) ||
		    (w->next != NONE && due(w, &event, &object)))
			return false;
	return true;
}

static bool all_are_over(void *user)
{
	struct soak *soak = user;
	struct watcher *w;

	for (w = soak->watchers; w < soak->watchers + WATCHERS; w++)
		if (w->watch)
			return false;
	return true;
}

static void assert_truth(const struct watcher *w)
{
	size_t i;

	if (!w->whole)
		return; /* it was never told a state */
	for (i = 0; i < modelapi_room(w->soak->model); i++) {
		const struct modelapi_object *o = modelapi_object(w->soak->model, i);

		assert_string_equal(w->state[i].uid, o && sees(w, o) ? o->uid : "");
		if (*w->state[i].uid)
			assert_int_equal(w->state[i].revision, o->revision);
	}
}

static void begin(struct soak *soak, void **state, uint64_t seed, unsigned seconds, const struct modelapi_options *options)
{
	const struct variant *variant = *state;
	struct modelapi_options o = *options;
	struct watcher *w;

	memset(soak, 0, sizeof(*soak));
	soak->random = seed;
	soak->seconds = seconds;
	print_message("seed %llu\n", (unsigned long long)seed);
	o.seed = seed;
	o.http = variant->http == KSHIM_HTTP_2 ? FAKEAPI_H2_AND_H1 : FAKEAPI_H1;
	soak->model = modelapi_start(&o);
	assert_non_null(soak->model);
	soak->loop = kshim_loop_new();
	soak->client = kshim_client_new(soak->loop, config_of(modelapi_api(soak->model), NULL, NULL));
	assert_non_null(soak->client);
	watch_client(soak->client);
	kshim_client_set_http_version(soak->client, variant->http);
	for (w = soak->watchers; w < soak->watchers + WATCHERS; w++) {
		w->plan = &plans[w - soak->watchers];
		w->soak = soak;
		w->name = w->plan->start == OBJECT ? "item-03" : NULL;
		w->matcher = kshim__matcher_new(w->plan->labels, NULL);
		w->next = NONE;
		if (w->plan->start == VERSION) {
			w->next = modelapi_change_count(soak->model);
			snprintf(w->version, sizeof(w->version), "%llu",
				 (unsigned long long)modelapi_change(soak->model, w->next - 1)->object.version);
		}
		start(w);
	}
}

static void end(struct soak *soak, enum drive how)
{
	struct watcher *w;

	for (w = soak->watchers; w < soak->watchers + WATCHERS; w++) {
		w->stopped = true;
		kshim_watch_stop(w->watch);
	}
	drive_until(soak->loop, how, all_are_over, soak);
	kshim_client_free(soak->client);
	drive(soak->loop, how);
	kshim_loop_free(soak->loop);
	for (w = soak->watchers; w < soak->watchers + WATCHERS; w++)
		kshim__matcher_free(w->matcher);
	assert_int_equal(modelapi_stop(soak->model), 0);
}

/* So long, then until all know the truth. */
static void go(struct soak *soak, enum drive how, unsigned ms)
{
	struct watcher *w;

	soak->until_ms = soak_ms() + ms;
	drive_until(soak->loop, how, time_is_up, soak);
	modelapi_quiesce(soak->model);
	soak->stopping = true;
	drive_until(soak->loop, how, all_know, soak);
	for (w = soak->watchers; w < soak->watchers + WATCHERS; w++) {
		if (getenv("KSHIM_SOAK_TELL"))
			print_message("%s, %u lates, %u bookmarks\n", describe(w), w->lates, w->bookmarks);
		assert_truth(w);
	}
}

static struct soak soak;

static void test_soak(void **state)
{
	const struct variant *variant = *state;
	unsigned runs = soak_setting("KSHIM_SOAK_RUNS", 1), ms = soak_setting("KSHIM_SOAK_SECONDS", 3) * 1000, run, kinds = 0;
	uint64_t first = soak_seed(), seed;
	int fault;

	for (run = 0; run < runs; run++) {
		int fds = open_fds();

		seed = first + run;
		begin(&soak, state, seed, 0, &(struct modelapi_options){
			.faults = MODELAPI_ALL, .percent = 20, .second_ms = 2, .stall_ms = 300, .history = 100, .old = seed % 4 == 0});
		go(&soak, variant->drive, ms);
		for (fault = 0; fault < MODELAPI_FAULTS; fault++)
			kinds += modelapi_injected(soak.model, (enum modelapi_fault)fault) > 0;
		end(&soak, variant->drive);
		assert_fds(fds);
	}
	assert_true(kinds / runs > MODELAPI_FAULTS / 4); /* the slower the machine, the fewer requests */
}

/* Streams that end in time, and servers that say good-bye, are nothing that a user would know of. */
static void unnoticed(void **state, unsigned faults)
{
	const struct variant *variant = *state;
	struct watcher *w;

	begin(&soak, state, soak_seed(), 1, &(struct modelapi_options){
		.faults = faults, .percent = 60, .second_ms = 300, .history = 100000});
	soak.streams = 5;
	go(&soak, variant->drive, 0);
	for (w = soak.watchers; w < soak.watchers + WATCHERS; w++) {
		if (w->lates || (!w->plan->once && w->states != (w->plan->start == STATE || w->plan->start == OBJECT)))
			fail_msg("%s, %u lates", describe(w), w->lates);
		assert_int_equal(kshim_watch_count(w->watch, KSHIM_WATCH_GAPS), 0);
	}
	if (faults & MODELAPI_BIT(MODELAPI_GOAWAY))
		assert_true(modelapi_injected(soak.model, MODELAPI_GOAWAY) > WATCHERS / 2);
	end(&soak, variant->drive);
}

static void test_ends(void **state)
{
	unnoticed(state, 0);
}

static void test_good_byes(void **state)
{
	unnoticed(state, MODELAPI_BIT(MODELAPI_GOAWAY) | MODELAPI_BIT(MODELAPI_BOOKMARKS_ONLY) |
				 MODELAPI_BIT(MODELAPI_DUPLICATE_BOOKMARKS));
}

int main(void)
{
	const struct CMUnitTest tests[] = {ALL_VARIANTS(test_soak), BOTH_HTTP(test_ends), BOTH_HTTP(test_good_byes)};

	test_begin();
	soak_alarm();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
