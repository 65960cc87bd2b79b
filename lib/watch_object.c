#include "watch_object.h"

#include "alloc.h"
#include "error.h"
#include "query.h"
#include "random.h"

#include <string.h>

#define STREAM_SECONDS 300   /* to 600, as client-go's reflector has it */
#define STREAM_GRACE_MS 30000 /* for the server to end it itself */
#define BACKOFF_FIRST_MS 100
#define BACKOFF_MAX_MS 10000
#define LIVED_US 5000000 /* a stream that was that old is no failure */

static struct kshim__object_watch *of(struct kshim__composite *composite)
{
	return KSHIM__OWNER(composite, struct kshim__object_watch, composite);
}

static void release(struct kshim__composite *composite)
{
	struct kshim__object_watch *watch = of(composite);

	if (watch->release)
		watch->release(watch);
	kshim_object_unref(watch->object);
	kshim_object_unref(watch->listed);
	kshim_query_free(watch->query);
	kshim__lines_free(&watch->lines);
	kshim__free(watch->version);
}

void *kshim__object_watch_new(kshim_object *object, size_t size, kshim__object_state_fn *state,
			      void (*release_state)(struct kshim__object_watch *watch), const kshim_options *options,
			      kshim_done_fn *done, void *user)
{
	struct kshim__object_watch *watch;
	kshim_query *query;

	if (!object)
		return NULL;
	query = kshim__query_of_object(object);
	if (!query)
		return NULL;
	watch = kshim__composite_new(object->client, size, release, options, done, user);
	if (!watch) {
		kshim_query_free(query);
		return NULL;
	}
	watch->state = state;
	watch->release = release_state;
	watch->object = kshim_object_ref(object);
	watch->query = query;
	kshim__lines_init(&watch->lines, KSHIM__ITEM_MAX);
	return watch;
}

static bool over(const kshim_call *call)
{
	return call->state >= KSHIM__CALL_FINISHED;
}

/* Takes the place of what was there; false, and the verb failed, without memory. */
static bool set_version(struct kshim__object_watch *watch, const char *version)
{
	char *copy = kshim__strdup(version);

	if (version && !copy) {
		kshim__composite_no_memory(&watch->composite);
		return false;
	}
	kshim__free(watch->version);
	watch->version = copy;
	return true;
}

/* What may pass by itself. */
static bool is_transient(const kshim_error *error)
{
	switch (kshim_error_code(error)) {
	case KSHIM_OK:
	case KSHIM_ETIMEDOUT:
	case KSHIM_ECONNECT:
	case KSHIM_EPROTOCOL:
	case KSHIM_EGONE:
	case KSHIM_ETOOMANY:
	case KSHIM_ESERVER:
		return true;
	default:
		return false;
	}
}

static void resume(struct kshim__composite *composite)
{
	kshim__object_watch_begin(of(composite));
}

/* Goes on: at once the first time, then later and later. */
static void go_on(struct kshim__object_watch *watch)
{
	int64_t wait = 0;

	if (watch->failures) {
		wait = watch->failures > 7 ? BACKOFF_MAX_MS : BACKOFF_FIRST_MS << (watch->failures - 1);
		wait += (int64_t)kshim__random_below((uint64_t)wait / 2);
	}
	kshim__composite_sleep(&watch->composite, wait, resume);
}

/* The list. */

static void on_item(kshim_object *item, void *user)
{
	struct kshim__step *step = user;
	struct kshim__object_watch *watch = step->argument;

	if (!watch->listed)
		watch->listed = kshim_object_ref(item);
}

static void listed(struct kshim__composite *composite, kshim_result *result, void *argument)
{
	struct kshim__object_watch *watch = argument;
	const kshim_error *error = kshim_result_error(result);
	const char *version = kshim_result_resource_version(result);
	kshim_call *call = composite->call;
	kshim_object *object = watch->listed;

	watch->listed = NULL;
	if (error && watch->began && is_transient(error)) {
		kshim_object_unref(object);
		watch->failures++;
		go_on(watch);
		return;
	}
	if (!kshim__composite_failed(composite, result)) {
		watch->began = true;
		if (!version)
			kshim__composite_fail(composite, kshim__error_new(KSHIM_EPROTOCOL, "a list without a "
									  "resourceVersion cannot be watched"));
		else if (set_version(watch, version))
			watch->state(watch, object);
		if (!over(call))
			kshim__object_watch_begin(watch);
	}
	kshim_object_unref(object);
}

/* The stream. */

static char *version_of(struct kshim__span object, bool *missing)
{
	struct kshim__span value;

	*missing = true;
	if (!kshim__json_pointer(object.at, object.len, NULL, "/metadata/resourceVersion", &value))
		return NULL;
	return kshim__json_string(value, NULL, missing);
}

static void tell(struct kshim__object_watch *watch, const kshim_kind *kind, struct kshim__span text)
{
	char *copy = kshim__memdup(text.at, text.len);
	kshim_object *object = NULL;

	if (copy)
		object = kshim__object_adopt(watch->composite.client, kind, NULL, copy, text.len, NULL);
	if (object)
		watch->state(watch, object);
	else
		kshim__composite_no_memory(&watch->composite);
	kshim_object_unref(object);
}

/* {"type":"MODIFIED","object":{…}} */
static void on_event(struct kshim__object_watch *watch, kshim_call *stream, struct kshim__span line)
{
	struct kshim__span type, object;
	bool missing;
	char *version;

	if (!kshim__json_pointer(line.at, line.len, NULL, "/type", &type) ||
	    !kshim__json_pointer(line.at, line.len, NULL, "/object", &object) || object.at[0] != '{') {
		kshim__composite_fail(&watch->composite, kshim__error_new(KSHIM_EPROTOCOL, "%s: not the event of a watch: "
									  "%.*s", stream->request.path,
									  line.len > 200 ? 200 : (int)line.len,
									  line.at));
		return;
	}
	if (kshim__json_equals(type, "ERROR")) {
		/* 410, or what else keeps the server from going on: start anew */
		watch->expired = true;
		kshim_call_cancel(stream);
		return;
	}
	watch->news = true;
	version = version_of(object, &missing);
	if (!version && !missing) {
		kshim__composite_no_memory(&watch->composite);
		return;
	}
	if (!version) {
		kshim__composite_fail(&watch->composite, kshim__error_new(KSHIM_EPROTOCOL, "%s: an event without a "
									  "resourceVersion", stream->request.path));
		return;
	}
	kshim__free(watch->version);
	watch->version = version;
	if (kshim__json_equals(type, "DELETED"))
		watch->state(watch, NULL);
	else if (kshim__json_equals(type, "ADDED") || kshim__json_equals(type, "MODIFIED"))
		tell(watch, stream->target.kind, object);
}

static void on_bytes(kshim_call *stream, const char *data, size_t len)
{
	struct kshim__step *step = stream->user;
	struct kshim__object_watch *watch = step->argument;
	kshim_call *call = watch->composite.call;
	enum kshim__lines_state state;
	struct kshim__span line;

	while ((state = kshim__lines_next(&watch->lines, &data, &len, &line)) == KSHIM__LINES_LINE) {
		if (line.len)
			on_event(watch, stream, line);
		if (over(call) || over(stream))
			return;
	}
	if (state == KSHIM__LINES_TOO_LONG)
		kshim__composite_fail(&watch->composite, kshim__error_new(KSHIM_EPROTOCOL, "%s: an event of more than %u "
									  "bytes", stream->request.path,
									  KSHIM__ITEM_MAX));
	else if (state == KSHIM__LINES_NOMEM)
		kshim__composite_no_memory(&watch->composite);
}

static void streamed(struct kshim__composite *composite, kshim_result *result, void *argument)
{
	struct kshim__object_watch *watch = argument;
	const kshim_error *error = kshim_result_error(result);
	bool well = watch->news || (!error && kshim__now_us() - watch->stream_begun_us > LIVED_US);

	if (!watch->expired && !is_transient(error)) {
		kshim__composite_failed(composite, result);
		return;
	}
	if (watch->expired || kshim_error_code(error) == KSHIM_EGONE)
		set_version(watch, NULL);
	kshim__lines_clear(&watch->lines);
	watch->failures = well ? 0 : watch->failures + 1;
	watch->expired = watch->news = false;
	go_on(watch);
}

void kshim__object_watch_begin(struct kshim__object_watch *watch)
{
	unsigned seconds = STREAM_SECONDS + (unsigned)kshim__random_below(STREAM_SECONDS);
	struct kshim__step *step = kshim__step_new(&watch->composite, watch->version ? streamed : listed, watch);

	if (!step)
		return;
	if (!watch->version) {
		kshim_query_set_timeout(watch->query, -1);
		kshim__step_start(step, kshim_query_list(watch->query, on_item, kshim__step_done, step));
		return;
	}
	watch->stream_begun_us = kshim__now_us();
	kshim_query_set_timeout(watch->query, (int64_t)seconds * 1000 + STREAM_GRACE_MS);
	kshim__step_start(step, kshim__query_stream(watch->query, watch->version, seconds, on_bytes, kshim__step_done,
						    step));
}

void kshim__object_watch_finish(struct kshim__object_watch *watch, kshim_object *object)
{
	if (object)
		kshim__composite_finish_as(&watch->composite, watch->object, object);
	else
		kshim__composite_finish(&watch->composite, NULL);
}
