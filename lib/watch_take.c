/* What a watch's stream brings: runs inside libcurl, and only stores. */
#include "watch.h"

#include "error.h"
#include "json/event.h"

#define BATCH (64u * 1024) /* above this the stream pauses until it was handed on: libcurl brings up to 1.6 MB at once */
#define LINGER_US 100000
#define QUOTED 40 /* bytes of a line that is none: more could be of a Secret */

static bool store(kshim_watch *watch, kshim_event event, const struct kshim__event *read)
{
	bool says_where = !watch->initial || event == KSHIM_EVENT_END;
	struct kshim__span nothing = {"", 0};
	size_t version_at = (size_t)(read->version.at - read->object.at);
	kshim_object *object;
	kshim_call *call = watch->call;
	const char *api_version = call->target.version == call->target.api_version ? NULL : call->target.version;

	object = watch->slim ?
			 kshim__object_slim(watch->client, call->target.kind, api_version, read->object, &version_at) :
			 kshim__object_from_item(watch->client, call->target.kind, api_version, nothing, read->object, NULL);
	return object && kshim__watch_enqueue(watch, event, object, version_at, says_where ? read->version.len : 0);
}

static void stop_taking(kshim_watch *watch)
{
	watch->dropping = true;
	kshim__task_queue(watch->client->loop, &watch->task);
}

/* {"type":"ERROR","object":{"kind":"Status",…}} */
static void take_error(kshim_watch *watch, const struct kshim__event *event)
{
	struct kshim__span code, reason;
	int64_t status = 0;

	if (kshim__json_pointer(event->object.at, event->object.len, NULL, "/code", &code))
		kshim__json_int(code, &status);
	if (!status && kshim__json_pointer(event->object.at, event->object.len, NULL, "/reason", &reason) &&
	    (kshim__json_equals(reason, "Expired") || kshim__json_equals(reason, "Gone")))
		status = 410;
	if (status < 400 || status >= 600)
		status = 500;
	kshim__watch_set_problem(watch, kshim__error_from_answer("watch", (int)status, "application/json",
								 event->object.at, event->object.len, 0));
	/* a server ends the stream behind it: whoever breaks it off has to connect anew */
	watch->dropping = true;
	kshim__timer_set(watch->client->loop, &watch->retry, kshim__now_us() + LINGER_US);
}

/* One that nobody wants, and nothing waits before: only where the watch stands. */
static bool skip_bookmark(kshim_watch *watch, const struct kshim__event *event)
{
	if (!kshim__buf_reserve(&watch->delivered, event->version.len + 1)) {
		watch->delivered.failed = false;
		return false;
	}
	kshim__buf_clear(&watch->delivered);
	return kshim__buf_add(&watch->delivered, event->version.at, event->version.len);
}

static bool take_change(kshim_watch *watch, const struct kshim__event *event)
{
	static const kshim_event names[] = {KSHIM_EVENT_ADDED, KSHIM_EVENT_MODIFIED, KSHIM_EVENT_DELETED,
					    KSHIM_EVENT_BOOKMARK};
	bool initial_end = watch->initial && kshim__event_is_initial_end(event), stored = true;

	watch->news = true;
	if (watch->initial && !watch->in_state) {
		kshim__watch_begin_state(watch);
		if (!kshim__watch_enqueue(watch, KSHIM_EVENT_BEGIN, NULL, 0, 0))
			return false;
	}
	if (watch->initial && event->type == KSHIM__EVENT_BOOKMARK && !initial_end)
		return true;
	if (!kshim__buf_reserve(&watch->version, event->version.len + 1)) {
		watch->version.failed = false; /* what is in it is still good */
		return false;
	}
	if (initial_end || event->type != KSHIM__EVENT_BOOKMARK || watch->bookmarks || watch->queue_at < watch->queue_end)
		stored = store(watch, initial_end ? KSHIM_EVENT_END : names[event->type], event);
	else
		stored = skip_bookmark(watch, event);
	/* only now: what was not stored is asked for again. In the state versions come in
	 * no order (traps.md 5) */
	if (stored && (!watch->initial || initial_end))
		kshim__watch_set_version(watch, event->version.at, event->version.len);
	if (stored && initial_end) {
		watch->initial = watch->in_state = false;
		watch->begun = true;
	}
	return stored;
}

/* false without memory. */
static bool take_line(kshim_watch *watch, kshim_call *call, struct kshim__span line)
{
	struct kshim__event event;

	if (kshim__event_read(line, &event, &watch->usual)) {
		if (event.type == KSHIM__EVENT_OTHER)
			return true;
		if (event.type == KSHIM__EVENT_ERROR) {
			take_error(watch, &event);
			return true;
		}
		if (event.version.len && event.version.len <= KSHIM__WATCH_VERSION_MAX)
			return take_change(watch, &event);
	}
	kshim__watch_set_problem(watch, kshim__error_new(KSHIM_EPROTOCOL, "%s: not an event of a watch: %.*s",
							 call->request.path, line.len > QUOTED ? QUOTED : (int)line.len,
							 line.at));
	stop_taking(watch);
	return true;
}

/* Of a state nothing can be dropped: it has no version to go on from. */
static bool may_drop(const kshim_watch *watch)
{
	return watch->call->lane == KSHIM__LANE_WATCHES;
}

/* Streams that share a connection stand still with one that is paused: that lasts
 * until the loop has handed on what there is. For a program that holds events back
 * more is taken, and then dropped. */
bool kshim__watch_has_room(const kshim_watch *watch)
{
	size_t most = watch->buffer;

	if (may_drop(watch) && watch->paused)
		return true;
	if (may_drop(watch) && most > BATCH)
		most = BATCH;
	return watch->queue_bytes <= most;
}

enum kshim__sink kshim__watch_take(kshim_call *call, const char *data, size_t len)
{
	kshim_watch *watch = call->user;
	enum kshim__lines_state state = KSHIM__LINES_MORE;
	struct kshim__span line;
	bool memory = true;

	if (watch->state == KSHIM__WATCH_ENDED || watch->dropping)
		return KSHIM__SINK_TOOK;
	if (!kshim__watch_has_room(watch))
		return KSHIM__SINK_PAUSE;
	while (memory && !watch->dropping &&
	       (state = kshim__lines_next(&watch->lines, &data, &len, &line)) == KSHIM__LINES_LINE)
		if (line.len)
			memory = take_line(watch, call, line);
	if (!memory || state == KSHIM__LINES_NOMEM) {
		kshim__watch_set_problem(watch, kshim__error_new(KSHIM_ENOMEM, "out of memory"));
		stop_taking(watch);
	} else if (state == KSHIM__LINES_TOO_LONG) {
		kshim__watch_set_problem(watch, kshim__error_new(KSHIM_EPROTOCOL, "%s: an event of more than %u bytes",
								 call->request.path, KSHIM__ITEM_MAX));
		stop_taking(watch);
	} else if (may_drop(watch) && watch->paused && watch->queue_bytes > watch->buffer) {
		watch->dropped = true;
		stop_taking(watch);
	}
	if (!watch->lines.rest.len || watch->lines.handed_out)
		kshim__lines_free(&watch->lines); /* an idle watch keeps no room */
	return KSHIM__SINK_TOOK;
}
