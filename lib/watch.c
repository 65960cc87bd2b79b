#include "watch.h"

#include "alloc.h"
#include "error.h"
#include "options.h"
#include "query.h"
#include "random.h"

#include <stdio.h>
#include <string.h>

#define STREAM_SECONDS 300    /* to 600, as client-go's reflector has it */
#define STREAM_GRACE_MS 30000 /* for the server to end it itself */
#define LIST_MS 300000
#define BUFFER (1024u * 1024)
#define BACKOFF_FIRST_MS 200
#define BACKOFF_MAX_MS 30000
#define SPREAD_MS 300      /* streams that broke together do not come back together */
#define LATE_US 10000000
#define LIVED_US 5000000   /* a stream that was that old is no failure */
#define HOPELESS 3         /* failures in a row, after which the version itself is doubted */

static void begin(kshim_watch *watch);
static void finish(kshim_watch *watch, kshim_error *error);

static bool ended(const kshim_watch *watch)
{
	return watch->state == KSHIM__WATCH_ENDED;
}

static kshim_loop *loop_of(const kshim_watch *watch)
{
	return watch->client->loop;
}

static void run_task(kshim_watch *watch)
{
	kshim__task_queue(loop_of(watch), &watch->task);
}

static kshim_error *no_memory(void)
{
	return kshim__error_new(KSHIM_ENOMEM, "out of memory");
}

void kshim__watch_set_problem(kshim_watch *watch, kshim_error *problem)
{
	kshim_error_free(watch->problem);
	watch->problem = problem;
}

/* Handing on. */

static bool is_of_the_stream(unsigned event)
{
	return event == KSHIM_EVENT_LATE || event == KSHIM_EVENT_RESUMED;
}

static void deliver(kshim_watch *watch, kshim_event event, kshim_object *object)
{
	/* what was held back until it was over is no news */
	if ((event == KSHIM_EVENT_LATE && !watch->problem) || (event == KSHIM_EVENT_RESUMED && !watch->heard_late))
		return;
	if (is_of_the_stream(event))
		watch->heard_late = event == KSHIM_EVENT_LATE;
	if (event <= KSHIM_EVENT_DELETED)
		watch->counters[KSHIM_WATCH_EVENTS]++;
	if (watch->event)
		watch->event(watch, event, object, watch->user);
}

static bool has_waiting(const kshim_watch *watch)
{
	return watch->queue_at < watch->queue_end;
}

static void drop_queue(kshim_watch *watch)
{
	while (has_waiting(watch))
		kshim_object_unref(watch->queue[watch->queue_at++].object);
	kshim__free(watch->queue);
	watch->queue = NULL;
	watch->queue_at = watch->queue_end = watch->queue_cap = watch->queue_bytes = 0;
}

/* The room of what was handed on is taken again: a queue may never come to be empty. */
static bool make_room(kshim_watch *watch)
{
	size_t left = watch->queue_end - watch->queue_at, cap = watch->queue_cap ? watch->queue_cap * 2 : 8;
	struct kshim__waiting_event *queue;

	if (watch->queue_end < watch->queue_cap)
		return true;
	if (watch->queue_at > left) {
		memmove(watch->queue, watch->queue + watch->queue_at, left * sizeof(*queue));
		watch->queue_at = 0;
		watch->queue_end = left;
		return true;
	}
	queue = kshim__realloc(watch->queue, cap * sizeof(*queue));
	if (!queue)
		return false;
	watch->queue = queue;
	watch->queue_cap = cap;
	return true;
}

bool kshim__watch_enqueue(kshim_watch *watch, kshim_event event, kshim_object *object, size_t version_at,
			  size_t version_len)
{
	struct kshim__waiting_event *queue;

	/* of these the last one counts: a watch that is paused may see many */
	if (is_of_the_stream(event) && has_waiting(watch) && is_of_the_stream(watch->queue[watch->queue_end - 1].event)) {
		watch->queue[watch->queue_end - 1].event = (uint8_t)event;
		return true;
	}
	if (!make_room(watch)) {
		kshim_object_unref(object);
		return false;
	}
	queue = &watch->queue[watch->queue_end++];
	queue->object = object;
	queue->event = (uint8_t)event;
	queue->version_at = (uint32_t)version_at;
	queue->version_len = (uint16_t)version_len;
	if (object)
		watch->queue_bytes += object->len;
	run_task(watch);
	return true;
}

/* Of what comes from dispatch: at once if nothing is before it. */
static void tell(kshim_watch *watch, kshim_event event, kshim_object *object)
{
	if (!has_waiting(watch) && !watch->paused && !watch->delivering) {
		deliver(watch, event, object);
		return;
	}
	if (!kshim__watch_enqueue(watch, event, kshim_object_ref(object), 0, 0))
		finish(watch, no_memory());
}

static void note_delivered(kshim_watch *watch, const char *version, size_t len)
{
	kshim__buf_clear(&watch->delivered);
	if (!kshim__buf_add(&watch->delivered, version, len))
		finish(watch, no_memory());
}

/* false when the pass is used up, or the user paused, first. */
static bool hand_on(kshim_watch *watch)
{
	unsigned since_look = 0;

	while (has_waiting(watch) && !watch->paused) {
		struct kshim__waiting_event next = watch->queue[watch->queue_at++];

		if (next.object) {
			watch->queue_bytes -= next.object->len;
			if (next.version_len)
				note_delivered(watch, next.object->text + next.version_at, next.version_len);
		}
		watch->delivering = true;
		if (!ended(watch) && (next.event != KSHIM_EVENT_BOOKMARK || watch->bookmarks))
			deliver(watch, (kshim_event)next.event, next.event <= KSHIM_EVENT_DELETED ? next.object : NULL);
		watch->delivering = false;
		kshim_object_unref(next.object);
		if (ended(watch))
			return false;
		if (++since_look % 4 == 0 && has_waiting(watch) && kshim__loop_exhausted(loop_of(watch))) {
			run_task(watch);
			return false;
		}
	}
	if (has_waiting(watch))
		return false;
	drop_queue(watch); /* an idle watch keeps no room */
	return true;
}

/* Failing, and going on. */

/* What is held back is not made more by each attempt. */
static bool may_begin(const kshim_watch *watch)
{
	return watch->queue_bytes <= watch->buffer / 2;
}

static void try_again(struct kshim__timer *timer)
{
	kshim_watch *watch = KSHIM__OWNER(timer, kshim_watch, retry);

	if (watch->call)
		run_task(watch); /* a stream that did not end by itself */
	else if (may_begin(watch))
		begin(watch); /* else once there is room */
}

/* From now on it counts how long there is no stream. */
static void not_open(kshim_watch *watch)
{
	int64_t due = kshim__now_us() + LATE_US;

	watch->open = watch->opened = false;
	if (watch->told_late || (watch->late.index && watch->late.due_us <= due))
		return;
	if (watch->life_ends_us && watch->life_ends_us < due)
		due = watch->life_ends_us;
	kshim__timer_set(loop_of(watch), &watch->late, due);
}

static void wait_for(kshim_watch *watch, uint64_t ms)
{
	not_open(watch);
	watch->state = KSHIM__WATCH_WAITING;
	kshim__timer_set(loop_of(watch), &watch->retry, kshim__now_us() + (int64_t)ms * 1000);
}

/* What cannot pass by itself. */
static bool is_lasting(const kshim_error *error)
{
	switch (kshim_error_code(error)) {
	case KSHIM_EINVAL:
	case KSHIM_ETLS:
	case KSHIM_ECONFIG:
	case KSHIM_EIO:
	case KSHIM_ENOKIND:
	case KSHIM_EBADREQUEST:
	case KSHIM_EUNAUTHORIZED:
	case KSHIM_EFORBIDDEN:
	case KSHIM_ENOTFOUND:
	case KSHIM_EREFUSED:
		return true;
	default:
		return false;
	}
}

static bool is_too_new(const kshim_error *error)
{
	size_t i;

	for (i = 0; error && i < error->cause_count; i++)
		if (error->causes[i].reason && strcmp(error->causes[i].reason, "ResourceVersionTooLarge") == 0)
			return true;
	return false;
}

/* By the field that it finds fault with: that of servers before 1.27, and that of
 * those whose gate is off (apimachinery, meta/internalversion/validation). */
static bool refuses_streamed_state(const kshim_error *error)
{
	size_t i;

	for (i = 0; error && error->code == KSHIM_EREFUSED && i < error->cause_count; i++)
		if (error->causes[i].field && (strcmp(error->causes[i].field, "resourceVersionMatch") == 0 ||
					       strcmp(error->causes[i].field, "sendInitialEvents") == 0))
			return true;
	return false;
}

static void tell_late(kshim_watch *watch)
{
	watch->told_late = true;
	tell(watch, KSHIM_EVENT_LATE, NULL);
}

/* watch->problem tells why. */
static void failed(kshim_watch *watch)
{
	uint64_t wait = BACKOFF_MAX_MS, asked = 0;
	kshim_error *problem;

	watch->counters[KSHIM_WATCH_FAILURES]++;
	if (watch->problem && watch->problem->retry_after > 0)
		asked = (uint64_t)watch->problem->retry_after;
	if (!watch->begun && (is_lasting(watch->problem) || kshim_error_code(watch->problem) == KSHIM_ENOMEM)) {
		problem = watch->problem;
		watch->problem = NULL;
		finish(watch, problem);
		return;
	}
	watch->failures++;
	if (watch->failures == 1)
		wait = kshim__random_below(SPREAD_MS);
	else if (watch->failures < 9)
		wait = BACKOFF_FIRST_MS << (watch->failures - 2);
	if (watch->failures > 1)
		wait = wait / 2 + kshim__random_below(wait / 2);
	if (asked)
		wait = asked + kshim__random_below(SPREAD_MS);
	wait_for(watch, wait);
	if (watch->failures > 1 || watch->told_late || is_lasting(watch->problem))
		tell_late(watch);
}

/* What happened since watch->version is no longer to be had. */
static void gap(kshim_watch *watch)
{
	kshim_error *problem;

	if (watch->gap_is_error && has_waiting(watch))
		return; /* first what came before it */
	watch->counters[KSHIM_WATCH_GAPS]++;
	if (watch->gap_is_error) {
		problem = kshim_error_copy(watch->problem);
		if (kshim_error_code(problem) != KSHIM_ENOMEM)
			problem->code = KSHIM_EGONE; /* also where it is too new, or no version to this server */
		finish(watch, problem);
		return;
	}
	kshim__free(watch->floor);
	watch->floor = watch->version.len ? kshim__strdup(watch->version.data) : NULL;
	kshim__buf_clear(&watch->version);
	if (watch->news)
		begin(watch);
	else
		failed(watch); /* not a loop of lists without a pause */
}

static void late(struct kshim__timer *timer)
{
	kshim_watch *watch = KSHIM__OWNER(timer, kshim_watch, late);
	int64_t now = kshim__now_us();

	if (watch->life_ends_us && now >= watch->life_ends_us) {
		finish(watch, kshim__error_new(KSHIM_ETIMEDOUT, "the watch's time is up"));
		return;
	}
	if (watch->life_ends_us)
		kshim__timer_set(loop_of(watch), timer, watch->life_ends_us);
	if (watch->open || watch->opened || watch->told_late)
		return;
	if (!watch->problem)
		kshim__watch_set_problem(watch, kshim__error_new(KSHIM_ETIMEDOUT, "no answer within %d s; still trying",
								 LATE_US / 1000000));
	tell_late(watch);
}

/* The answer to a list or a stream begins. */
static void is_open(kshim_watch *watch)
{
	watch->opened = false;
	watch->open = true;
	if (watch->life_ends_us)
		kshim__timer_set(loop_of(watch), &watch->late, watch->life_ends_us);
	else
		kshim__timer_stop(loop_of(watch), &watch->late);
	if (watch->state == KSHIM__WATCH_LISTING)
		return;
	watch->counters[KSHIM_WATCH_STREAMS]++;
	if (!watch->initial)
		watch->begun = true;
	if (!watch->dropping)
		kshim__watch_set_problem(watch, NULL);
	if (watch->told_late) {
		watch->told_late = false;
		tell(watch, KSHIM_EVENT_RESUMED, NULL);
	}
}

/* Inside libcurl. */
static void headed(kshim_call *call)
{
	kshim_watch *watch = call->user;

	if (ended(watch))
		return;
	watch->opened = true;
	/* before anything that the stream brings */
	if (watch->told_late && watch->state == KSHIM__WATCH_STREAMING)
		watch->told_late = !kshim__watch_enqueue(watch, KSHIM_EVENT_RESUMED, NULL, 0, 0);
	run_task(watch);
}

/* The list. */

void kshim__watch_begin_state(kshim_watch *watch)
{
	watch->counters[KSHIM_WATCH_LISTS]++;
	watch->in_state = true;
}

static void on_item(kshim_object *item, void *user)
{
	kshim_watch *watch = user;

	if (ended(watch) || watch->from_now)
		return;
	/* of a list that failed while it was held: it comes again */
	if (watch->call && watch->call->state == KSHIM__CALL_FINISHED && watch->call->result.error)
		return;
	if (!watch->in_state) {
		kshim__watch_begin_state(watch);
		tell(watch, KSHIM_EVENT_BEGIN, NULL);
	}
	if (!ended(watch))
		tell(watch, KSHIM_EVENT_ADDED, item);
	if (!ended(watch) && watch->call && (watch->paused || watch->queue_bytes > watch->buffer))
		kshim__call_hold(watch->call, true);
}

bool kshim__watch_set_version(kshim_watch *watch, const char *version, size_t len)
{
	kshim__buf_clear(&watch->version);
	return kshim__buf_add(&watch->version, version, len);
}

/* What waits before it has versions of its own. */
static bool enqueue_end(kshim_watch *watch, const char *version)
{
	static const char before[] = "{\"metadata\":{\"resourceVersion\":\"", after[] = "\"}}";
	static const struct kshim__members unknown;
	char text[sizeof(before) + KSHIM__WATCH_VERSION_MAX + sizeof(after)];
	struct kshim__span nothing = {"", 0}, all = {text, 0};
	kshim_object *object;

	all.len = (size_t)snprintf(text, sizeof(text), "%s%s%s", before, version, after);
	object = kshim__object_from_item(watch->client, NULL, NULL, nothing, all, &unknown);
	return object && kshim__watch_enqueue(watch, KSHIM_EVENT_END, object, sizeof(before) - 1, strlen(version));
}

static void list_is_whole(kshim_watch *watch, const char *version)
{
	if (!version || strlen(version) > KSHIM__WATCH_VERSION_MAX) {
		kshim__watch_set_problem(watch, kshim__error_new(KSHIM_EPROTOCOL,
								 "a list without a resourceVersion cannot be watched"));
		failed(watch);
		return;
	}
	kshim__free(watch->floor);
	watch->floor = NULL;
	if (!kshim__watch_set_version(watch, version, strlen(version))) {
		finish(watch, no_memory());
		return;
	}
	watch->begun = true;
	if (!watch->from_now) {
		if (!watch->in_state) {
			kshim__watch_begin_state(watch);
			tell(watch, KSHIM_EVENT_BEGIN, NULL);
		}
		watch->in_state = false;
		if (!ended(watch) && !enqueue_end(watch, version))
			finish(watch, no_memory());
	} else {
		watch->from_now = false; /* what follows a gap is a whole state */
		note_delivered(watch, version, strlen(version));
	}
	if (!ended(watch))
		begin(watch);
}

static void call_is_over(kshim_watch *watch)
{
	watch->call = NULL;
	if (ended(watch))
		run_task(watch);
}

static void listed(kshim_result *result, void *user)
{
	kshim_watch *watch = user;
	const kshim_error *error = kshim_result_error(result);

	call_is_over(watch);
	if (ended(watch))
		return;
	if (!error) {
		list_is_whole(watch, kshim_result_resource_version(result));
		return;
	}
	watch->in_state = false; /* BEGIN comes again */
	/* the version that was asked for is too old, or newer than that server */
	if (watch->floor && (kshim_error_code(error) == KSHIM_EGONE || is_too_new(error) ||
			     kshim_error_http_status(error) / 100 == 4 || watch->failures >= HOPELESS)) {
		kshim__free(watch->floor);
		watch->floor = NULL;
	}
	kshim__watch_set_problem(watch, kshim_error_copy(error));
	failed(watch);
}

/* The stream. */

static void streamed(kshim_result *result, void *user)
{
	kshim_watch *watch = user;
	const kshim_error *error = kshim_result_error(result);

	if (watch->opened && !ended(watch))
		is_open(watch);
	call_is_over(watch);
	kshim__timer_stop(loop_of(watch), &watch->retry);
	if (ended(watch))
		return;
	if (!watch->dropping)
		kshim__watch_set_problem(watch, kshim_error_copy(error));
	kshim__lines_free(&watch->lines);
	watch->state = KSHIM__WATCH_OVER;
	run_task(watch);
}

/* The stream ended by itself, or brought what had to end it. */
static void stream_is_over(kshim_watch *watch)
{
	const kshim_error *problem = watch->problem;
	int64_t lived = kshim__now_us() - watch->began_us;
	bool unknown = watch->initial && refuses_streamed_state(problem), on_time, went_well;

	if (watch->dropped) {
		watch->counters[KSHIM_WATCH_DROPS]++;
		begin(watch);
		return;
	}
	if (watch->once && !unknown) {
		/* first what the stream brought */
		if (!has_waiting(watch))
			finish(watch, problem ? kshim_error_copy(problem) : NULL);
		return;
	}
	watch->in_state = false; /* BEGIN comes again */
	/* at its end, or, of a server that goes down, all of them at once before it */
	on_time = lived >= (int64_t)watch->stream_seconds * 900000;
	/* of a state that is not whole nothing stays */
	went_well = !watch->initial && (watch->news || lived > LIVED_US);
	if (!problem && (went_well || on_time)) {
		watch->failures = 0;
		if (on_time)
			begin(watch);
		else
			wait_for(watch, kshim__random_below(SPREAD_MS));
		return;
	}
	if (!problem)
		kshim__watch_set_problem(watch, kshim__error_new(KSHIM_EPROTOCOL, "the server ended the stream %s",
								 watch->initial ? "before its state was whole" : "at once"));
	problem = watch->problem;
	if (went_well)
		watch->failures = 0;
	if (unknown) {
		watch->client->no_streamed_state = true;
		begin(watch);
	} else if (kshim_error_code(problem) == KSHIM_EGONE ||
		   (watch->failures >= HOPELESS && (is_too_new(problem) || kshim_error_code(problem) == KSHIM_EREFUSED))) {
		gap(watch);
	} else {
		failed(watch);
	}
}

static void begin(kshim_watch *watch)
{
	struct kshim__stream stream = {.take = kshim__watch_take, .headed = headed};
	bool state = watch->streamed_state && !watch->from_now && !watch->client->no_streamed_state;

	not_open(watch);
	watch->news = watch->usual = watch->dropping = watch->dropped = watch->initial = false;
	if (!watch->version.len && !state) {
		watch->state = KSHIM__WATCH_LISTING;
		kshim_query_set_timeout(watch->query, LIST_MS);
		watch->call = kshim__query_state(watch->query, watch->floor, watch->from_now, headed, on_item, listed,
						 watch);
		if (watch->call)
			watch->call->slim = watch->slim;
	} else {
		watch->state = KSHIM__WATCH_STREAMING;
		watch->initial = !watch->version.len;
		watch->began_us = kshim__now_us();
		watch->stream_seconds = watch->seconds ? watch->seconds :
							 STREAM_SECONDS + (unsigned)kshim__random_below(STREAM_SECONDS);
		stream.state = watch->initial;
		stream.lane = watch->initial ? KSHIM__LANE_STREAMS : KSHIM__LANE_WATCHES;
		stream.version = watch->initial ? watch->floor : watch->version.data;
		stream.seconds = watch->stream_seconds;
		kshim_query_set_timeout(watch->query, (int64_t)stream.seconds * 1000 + STREAM_GRACE_MS);
		watch->call = kshim__query_stream(watch->query, &stream, streamed, watch);
	}
	if (watch->call)
		return;
	kshim__watch_set_problem(watch, kshim_error_copy(kshim_client_error(watch->client)));
	failed(watch);
}

void kshim__watch_make_slim(kshim_watch *watch)
{
	watch->slim = true;
	if (watch->call)
		watch->call->slim = true;
}

/* Ending. */

static void release(kshim_watch *watch)
{
	kshim_client *client = watch->client;

	kshim__timer_unreserve(client->loop);
	kshim__timer_unreserve(client->loop);
	drop_queue(watch);
	kshim__lines_free(&watch->lines);
	kshim__buf_free(&watch->version);
	kshim__buf_free(&watch->delivered);
	kshim__free(watch->floor);
	kshim_query_free(watch->query);
	kshim_error_free(watch->problem);
	kshim_error_free(watch->result.error);
	kshim__free(watch);
	kshim__client_unref(client);
}

static void report(kshim_watch *watch)
{
	kshim_loop *loop = loop_of(watch);

	watch->result.client = kshim__client_is_open(watch->client) ? watch->client : NULL;
	watch->result.resource_version = watch->delivered.len ? watch->delivered.data : NULL;
	if (watch->done)
		watch->done(&watch->result, watch->user);
	kshim__loop_release(loop);
	release(watch);
}

/* The error is taken over. */
static void finish(kshim_watch *watch, kshim_error *error)
{
	if (ended(watch)) {
		kshim_error_free(error);
		return;
	}
	watch->state = KSHIM__WATCH_ENDED;
	watch->result.error = error;
	watch->result.found = !error;
	kshim__list_remove(&watch->tenant.link);
	kshim__timer_stop(loop_of(watch), &watch->retry);
	kshim__timer_stop(loop_of(watch), &watch->late);
	if (watch->call)
		kshim_call_cancel(watch->call); /* its callback comes first */
	run_task(watch);
}

static void run(struct kshim__task *task)
{
	kshim_watch *watch = KSHIM__OWNER(task, kshim_watch, task);

	if (!ended(watch) && watch->opened)
		is_open(watch);
	if (!ended(watch) && hand_on(watch) && watch->call && watch->call->held)
		kshim__call_hold(watch->call, false);
	if (!ended(watch) && watch->call && watch->call->paused && kshim__watch_has_room(watch))
		kshim__task_queue(loop_of(watch), &watch->call->task);
	if (!ended(watch) && watch->dropping && watch->call && !watch->retry.index)
		kshim_call_cancel(watch->call);
	/* what a full buffer left behind is fetched when there is room again */
	if (watch->state == KSHIM__WATCH_OVER && may_begin(watch))
		stream_is_over(watch);
	else if (watch->state == KSHIM__WATCH_WAITING && !watch->retry.index && may_begin(watch))
		begin(watch);
	if (ended(watch) && !watch->call) {
		kshim__task_remove(&watch->task);
		report(watch);
	}
}

static void evicted(struct kshim__tenant *tenant)
{
	finish(KSHIM__OWNER(tenant, kshim_watch, tenant), kshim__error_new(KSHIM_ECANCELED, "the client was freed"));
}

/* Beginning. */

static void set_up(kshim_watch *watch, const kshim_options *options)
{
	watch->gap_is_error = options->watch_gap_error;
	watch->once = options->watch_once;
	watch->bookmarks = options->watch_bookmarks;
	watch->streamed_state = options->watch_streamed_state;
	watch->seconds = options->watch_seconds;
	watch->buffer = options->watch_buffer ? options->watch_buffer : BUFFER;
	if (options->timeout_ms > 0 && options->timeout_ms < INT64_MAX / 2000)
		watch->life_ends_us = kshim__now_us() + options->timeout_ms * 1000;
	kshim__lines_init(&watch->lines, KSHIM__ITEM_MAX);
	kshim__buf_init(&watch->version);
	kshim__buf_init(&watch->delivered);
	kshim__list_init(&watch->tenant.link);
	kshim__task_init(&watch->task, run);
	kshim__timer_init(&watch->retry, try_again);
	kshim__timer_init(&watch->late, late);
	watch->tenant.evict = evicted;
}

static void *refuse(kshim_client *client, kshim_watch *watch, kshim_query *query, kshim_error *error)
{
	kshim_query_free(query);
	kshim__free(watch);
	return kshim__client_fail(client, error);
}

/* Steals the query. */
static kshim_watch *watch_query(kshim_query *query, const kshim_options *options, kshim_event_fn *event,
				kshim_done_fn *done, void *user)
{
	kshim_client *client = kshim__query_client(query);
	const char *version = kshim__query_version(query);
	kshim_watch *watch;

	if (!kshim__client_is_open(client))
		return refuse(client, NULL, query, kshim__error_new(KSHIM_ECANCELED, "the client was freed"));
	if (version && strlen(version) > KSHIM__WATCH_VERSION_MAX)
		return refuse(client, NULL, query, kshim__error_new(KSHIM_EINVAL, "a resourceVersion of more than %d bytes",
								    KSHIM__WATCH_VERSION_MAX));
	watch = kshim__calloc(1, sizeof(*watch));
	if (!watch)
		return refuse(client, NULL, query, no_memory());
	set_up(watch, options ? options : &kshim__options_default);
	watch->from_now = !version && options && options->watch_now;
	if (version && !kshim__watch_set_version(watch, version, strlen(version)))
		return refuse(client, watch, query, no_memory());
	if (version)
		kshim__buf_adds(&watch->delivered, version);
	if (!kshim__timer_reserve(client->loop)) {
		kshim__buf_free(&watch->version);
		kshim__buf_free(&watch->delivered);
		return refuse(client, watch, query, no_memory());
	}
	if (!kshim__timer_reserve(client->loop)) {
		kshim__timer_unreserve(client->loop);
		kshim__buf_free(&watch->version);
		kshim__buf_free(&watch->delivered);
		return refuse(client, watch, query, no_memory());
	}
	watch->client = kshim__client_ref(client);
	watch->query = query;
	watch->event = event;
	watch->done = done;
	watch->user = user;
	kshim__client_add_tenant(client, &watch->tenant);
	kshim__loop_hold(client->loop);
	begin(watch);
	return watch;
}

kshim_watch *kshim_query_watch(kshim_query *query, const kshim_options *options, kshim_event_fn *event,
			       kshim_done_fn *done, void *user)
{
	kshim_query *copy = kshim_query_copy(query);

	return copy ? watch_query(copy, options, event, done, user) : NULL;
}

kshim_watch *kshim_object_watch(kshim_object *object, const kshim_options *options, kshim_event_fn *event,
				kshim_done_fn *done, void *user)
{
	kshim_query *query = object ? kshim__query_of_object(object) : NULL;

	return query ? watch_query(query, options, event, done, user) : NULL;
}

void kshim_watch_stop(kshim_watch *watch)
{
	if (watch)
		finish(watch, kshim__error_new(KSHIM_ECANCELED, "stopped"));
}

void kshim_watch_pause(kshim_watch *watch)
{
	if (!watch || ended(watch))
		return;
	watch->paused = true;
	if (watch->call && watch->call->paused)
		run_task(watch);
}

void kshim_watch_resume(kshim_watch *watch)
{
	if (!watch || !watch->paused)
		return;
	watch->paused = false;
	if (!ended(watch))
		run_task(watch);
}

const kshim_error *kshim_watch_error(const kshim_watch *watch)
{
	return watch ? watch->problem : NULL;
}

const char *kshim_watch_resource_version(const kshim_watch *watch)
{
	return watch && watch->delivered.len ? watch->delivered.data : NULL;
}

kshim_client *kshim_watch_client(const kshim_watch *watch)
{
	return watch && kshim__client_is_open(watch->client) ? watch->client : NULL;
}

uint64_t kshim_watch_count(const kshim_watch *watch, kshim_watch_counter counter)
{
	return watch && (unsigned)counter <= KSHIM_WATCH_DROPS ? watch->counters[counter] : 0;
}
