#include "alloc.h"
#include "composite.h"
#include "error.h"
#include "json/lines.h"
#include "options.h"
#include "path.h"
#include "resources/log_options.h"
#include "resources/log_replay.h"
#include "resources/pod_status.h"
#include "verb.h"
#include "warnings.h"

#include <stdio.h>
#include <string.h>

#define LINE_MAX_BYTES (16u * 1024 * 1024)
#define TEXT_MAX (64u * 1024 * 1024)
#define LOOK_MS 1000      /* for a container that has not begun */
#define PAUSE_FIRST_MS 200 /* between streams that bring nothing */
#define PAUSE_MAX_MS 10000
#define LIVED_US 2000000   /* a stream that was that old is no failure */

struct logs;

/* The log of one container. */
struct stream {
	struct logs *logs;
	char *container; /* NULL: the only one, whatever its name */
	char *instance;  /* containerID of what is read; NULL: not known yet */
	kshim_call *call; /* under way, or NULL */
	struct kshim__lines lines;
	struct kshim__replay replay;
	int64_t left;    /* of limit_bytes; -1: no limit */
	int64_t asked_us; /* first; 0: not yet */
	int64_t begun_us; /* the stream that is under way */
	int64_t due_us;  /* when to look at the Pod again; 0: not waiting */
	unsigned failures; /* in a row */
	unsigned quiet;    /* streams in a row that brought no line */
	bool strange;    /* the Pod has no such container: the server shall say so */
	bool previous;
	bool ended;      /* known to, before it was asked for: this stream is the last */
	bool empty;      /* there was no line when it was asked for: all are wanted */
	bool over;       /* nothing more is wanted */
	bool began;      /* something was handed on */
	bool torn;       /* and its last byte was no '\n' */
};

struct logs {
	struct kshim__composite composite;
	kshim_object *pod; /* reference */
	kshim_log_options *options;
	char *uid; /* of the Pod that is followed */
	kshim_log_fn *data;
	void *user;
	bool collect; /* into `text` */
	struct kshim__buf text;
	struct stream *streams;
	size_t count, open;
	struct stream *torn;  /* the last container handed on, if inside a line */
	kshim_error *refusal; /* of a container that was left out */
};

static kshim__step_fn looked, stream_done;
static void schedule(struct logs *logs);

static void release(struct kshim__composite *composite)
{
	struct logs *logs = (struct logs *)composite;
	size_t i;

	for (i = 0; i < logs->count; i++) {
		kshim__free(logs->streams[i].container);
		kshim__free(logs->streams[i].instance);
		kshim__lines_free(&logs->streams[i].lines);
	}
	kshim__free(logs->streams);
	kshim__free(logs->uid);
	kshim__buf_free(&logs->text);
	kshim_error_free(logs->refusal);
	kshim_log_options_free(logs->options);
	kshim_object_unref(logs->pod);
}

/* Handing on. The user may end everything in there: logs->composite.call tells,
 * and its memory is held by whoever calls these. */

static void give(struct logs *logs, const char *container, const char *data, size_t len)
{
	if (logs->collect) {
		if (len > TEXT_MAX - logs->text.len)
			kshim__composite_fail(&logs->composite,
					      kshim__error_new(KSHIM_EPROTOCOL, "the log is larger than %u bytes", TEXT_MAX));
		else if (!kshim__buf_add(&logs->text, data, len))
			kshim__composite_no_memory(&logs->composite);
	} else if (logs->data) {
		logs->data(container, data, len, logs->user);
	}
}

static void hand_on(struct stream *stream, const char *data, size_t len)
{
	struct logs *logs = stream->logs;
	struct stream *torn = logs->torn;

	if (stream->left >= 0 && (uint64_t)stream->left <= len) {
		len = (size_t)stream->left;
		stream->over = true;
	}
	if (stream->left >= 0)
		stream->left -= (int64_t)len;
	if (!len)
		return;
	logs->torn = NULL;
	if (torn && torn != stream) {
		give(logs, torn->container, "\n", 1);
		if (!logs->composite.call)
			return;
	}
	stream->began = true;
	if (data[len - 1] != '\n')
		logs->torn = stream;
	give(logs, stream->container, data, len);
}

/* A line as it lies there, its end (if it has one) right behind it. */
static void take_line(struct stream *stream, struct kshim__span line, bool whole)
{
	struct kshim__timestamp at;
	struct kshim__span text;

	if (kshim__log_line_split(line, &at, &text)) {
		if (!kshim__replay_take(&stream->replay, &at, text))
			return;
	} else if (!kshim__replay_take_untimed(&stream->replay)) {
		return;
	}
	stream->failures = stream->quiet = 0;
	if (stream->logs->options->timestamps)
		text = line;
	hand_on(stream, text.at, text.len + whole);
}

static void take_lines(struct stream *stream, const char *data, size_t len)
{
	struct logs *logs = stream->logs;
	struct kshim__lines *lines = &stream->lines;
	struct kshim__span line;

	while (logs->composite.call && !stream->over) {
		switch (kshim__lines_next(lines, &data, &len, &line)) {
		case KSHIM__LINES_LINE:
			/* of a line that lay in several chunks the end was not kept */
			if (lines->handed_out)
				lines->rest.data[lines->rest.len] = '\n';
			take_line(stream, line, true);
			break;
		case KSHIM__LINES_MORE:
			return;
		case KSHIM__LINES_TOO_LONG:
			kshim__composite_fail(&logs->composite,
					      kshim__error_new(KSHIM_EPROTOCOL, "container %s: a line of more than %u bytes",
							       stream->container, LINE_MAX_BYTES));
			return;
		case KSHIM__LINES_NOMEM:
			kshim__composite_no_memory(&logs->composite);
			return;
		}
	}
}

static void bytes(kshim_call *call, const char *data, size_t len)
{
	struct kshim__step *step = call->user;
	struct stream *stream = step->argument;
	struct logs *logs = stream->logs;

	if (!logs->composite.call || stream->over)
		return;
	if (logs->options->follow)
		take_lines(stream, data, len);
	else
		hand_on(stream, data, len);
	if (stream->over)
		kshim_call_cancel(call);
}

/* Asking. Each of these returns false once the composite has failed. */

static bool number_param(kshim_call *call, const char *key, int64_t number)
{
	char text[24];

	snprintf(text, sizeof(text), "%lld", (long long)number);
	return kshim__verb_param(call, key, text);
}

/* Where the log is to begin. */
static bool begin_params(kshim_call *call, struct stream *stream)
{
	const kshim_log_options *options = stream->logs->options;
	/* since it was asked for the first time, rounded up */
	int64_t passed = stream->asked_us ? (kshim__now_us() - stream->asked_us) / 1000000 + 1 : 0;
	char time[KSHIM__TIMESTAMP_SIZE];
	bool ok = true;

	if (stream->replay.any) {
		kshim__timestamp_format(kshim__replay_begin(&stream->replay), time);
		return kshim__verb_param(call, "sinceTime", time);
	}
	if (passed && options->tail_lines == 0)
		return number_param(call, "sinceSeconds", passed);
	if (options->since_seconds)
		ok = number_param(call, "sinceSeconds", options->since_seconds > INT64_MAX - passed ?
								INT64_MAX : options->since_seconds + passed);
	if (options->since_time)
		ok = ok && kshim__verb_param(call, "sinceTime", options->since_time);
	if (options->tail_lines >= 0 && !stream->empty)
		ok = ok && number_param(call, "tailLines", options->tail_lines);
	return ok;
}

static bool params(kshim_call *call, struct stream *stream)
{
	const kshim_log_options *options = stream->logs->options;
	bool ok = begin_params(call, stream);

	if (stream->container)
		ok = ok && kshim__verb_param(call, "container", stream->container);
	if (options->follow)
		ok = ok && kshim__verb_param(call, "follow", "true");
	if (stream->previous)
		ok = ok && kshim__verb_param(call, "previous", "true");
	if (options->timestamps || options->follow)
		ok = ok && kshim__verb_param(call, "timestamps", "true");
	/* with follow it counts what is taken off again here, and is kept here */
	if (options->limit_bytes >= 0 && !options->follow)
		ok = ok && number_param(call, "limitBytes", options->limit_bytes);
	if (options->pretty)
		ok = ok && kshim__verb_param(call, "pretty", "true");
	if (options->insecure_backend)
		ok = ok && kshim__verb_param(call, "insecureSkipTLSVerifyBackend", "true");
	return ok;
}

static void answered(kshim_call *call)
{
	call->result.found = !call->result.error;
	kshim__call_finish(call);
}

static bool ask(struct stream *stream)
{
	struct logs *logs = stream->logs;
	struct kshim__step *step = kshim__step_new(&logs->composite, stream_done, stream);
	kshim_options options = kshim__options_default;
	kshim_call *call;

	if (!step)
		return false;
	options.subresource = (char *)"log";
	call = kshim__verb_on_object(logs->pod, "GET", &options, true, kshim__step_done, step);
	if (call && !params(call, stream))
		call = kshim__call_drop(call, kshim__error_new(KSHIM_ENOMEM, "out of memory"));
	if (call) {
		call->request.accept = KSHIM__ACCEPT_ANY;
		call->request.mode = KSHIM__MODE_STREAM;
		call->lane = logs->options->follow ? KSHIM__LANE_STREAMS : KSHIM__LANE_CALLS;
		call->data = bytes;
		call->answered = answered;
		kshim__lines_clear(&stream->lines);
		stream->begun_us = kshim__now_us();
		if (!stream->asked_us)
			stream->asked_us = stream->begun_us;
		stream->call = kshim__call_begin(call, 0);
		kshim__verb_go(call);
	}
	kshim__step_start(step, call);
	return call != NULL;
}

/* Reads the Pod: of a stream, or at the very beginning. The object of the user's
 * is left as it is. */
static bool look(struct logs *logs, struct stream *stream)
{
	struct kshim__step *step = kshim__step_new(&logs->composite, looked, stream);
	kshim_call *call;

	if (!step)
		return false;
	call = kshim__verb_on_object(logs->pod, "GET", &kshim__options_default, true, kshim__step_done, step);
	if (call) {
		call->keep_object = true;
		kshim__call_begin(call, -1);
		kshim__verb_go(call);
	}
	kshim__step_start(step, call);
	return call != NULL;
}

static void finish_all(struct logs *logs)
{
	kshim_result *result = &logs->composite.call->result;

	if (logs->collect) {
		if (!logs->text.data)
			kshim__buf_adds(&logs->text, "");
		result->body = kshim__buf_take(&logs->text, &result->body_len);
		result->content_type = kshim__strdup("text/plain");
		if (!result->body || !result->content_type) {
			kshim__composite_no_memory(&logs->composite);
			return;
		}
	}
	kshim__composite_finish(&logs->composite, NULL);
}

static void finish(struct stream *stream)
{
	struct logs *logs = stream->logs;

	stream->over = true;
	stream->due_us = 0;
	kshim__lines_free(&stream->lines);
	if (!--logs->open)
		finish_all(logs);
	else if (!logs->options->follow)
		ask(stream + 1); /* one after the other */
	else
		schedule(logs);
}

/* Looks again later. */

static void woke(struct kshim__composite *composite)
{
	struct logs *logs = (struct logs *)composite;
	int64_t now = kshim__now_us();
	bool ok = true;
	size_t i;

	kshim__composite_hold(composite);
	for (i = 0; ok && i < logs->count; i++) {
		struct stream *stream = &logs->streams[i];

		if (stream->due_us && stream->due_us <= now) {
			stream->due_us = 0;
			ok = look(logs, stream);
		}
	}
	if (ok)
		schedule(logs);
	kshim__composite_release(composite);
}

static void schedule(struct logs *logs)
{
	int64_t due = 0, now = kshim__now_us();
	size_t i;

	for (i = 0; i < logs->count; i++)
		if (logs->streams[i].due_us && (!due || logs->streams[i].due_us < due))
			due = logs->streams[i].due_us;
	if (due)
		kshim__composite_sleep(&logs->composite, due > now ? (due - now + 999) / 1000 : 0, woke);
}

static void look_in(struct stream *stream, int64_t ms)
{
	stream->due_us = kshim__now_us() + ms * 1000;
	schedule(stream->logs);
}

/* A stream ended, or could not be looked after: again in a while. */
static void look_again(struct stream *stream)
{
	unsigned doublings = stream->quiet > 7 ? 6 : stream->quiet - 1;
	int64_t ms = stream->quiet ? (int64_t)PAUSE_FIRST_MS << doublings : 0;

	stream->quiet++;
	look_in(stream, ms > PAUSE_MAX_MS ? PAUSE_MAX_MS : ms);
}

/* Takes up the container as it is now. */
static bool begin(struct stream *stream, kshim_object *pod, const struct kshim__container_status *status)
{
	if (stream->strange || stream->previous) {
		stream->ended = true;
		return ask(stream);
	}
	if (!status->begun) {
		if (kshim__pod_is_over(pod))
			finish(stream);
		else
			look_in(stream, LOOK_MS);
		return true;
	}
	stream->instance = kshim__strdup(status->instance);
	if (!stream->instance) {
		kshim__composite_no_memory(&stream->logs->composite);
		return false;
	}
	stream->ended = !status->running;
	return ask(stream);
}

/* The stream is not under way: goes on with it, or not. */
static bool go_on(struct stream *stream, kshim_object *pod)
{
	struct kshim__container_status status;

	kshim__container_status(pod, stream->container, &status);
	if (pod->starved) {
		kshim__composite_no_memory(&stream->logs->composite);
		return false;
	}
	if (!stream->instance)
		return begin(stream, pod, &status);
	if (strcmp(status.instance, stream->instance) == 0) {
		stream->ended = !status.running;
		return ask(stream);
	}
	/* it was started again: its own last words are still there */
	if (strcmp(status.previous, stream->instance) == 0) {
		stream->ended = stream->previous = true;
		return ask(stream);
	}
	finish(stream);
	return true;
}

/* The streams, of what the Pod has. */

static bool add_stream(struct logs *logs, const char *container)
{
	struct stream *stream = &logs->streams[logs->count];

	memset(stream, 0, sizeof(*stream));
	stream->container = kshim__strdup(container);
	if (container && !stream->container)
		return false;
	stream->logs = logs;
	stream->previous = logs->options->previous;
	stream->left = logs->options->follow ? logs->options->limit_bytes : -1;
	kshim__lines_init(&stream->lines, LINE_MAX_BYTES);
	logs->count++;
	logs->open++;
	return true;
}

/* The container that is meant, or all of them. */
static bool add_streams(struct logs *logs, kshim_object *pod)
{
	static const char *const lists[] = {"/spec/initContainers", "/spec/containers", "/spec/ephemeralContainers"};
	const char *wanted = logs->options->all_containers ? NULL : logs->options->container, *name;
	bool only = !wanted && !logs->options->all_containers, ok = true;
	size_t i, k, count, total = 1;
	char pointer[64];

	for (i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
		total += kshim_object_get_size(pod, lists[i]);
	logs->streams = kshim__calloc(total, sizeof(*logs->streams));
	if (!logs->streams)
		return false;
	for (i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		count = kshim_object_get_size(pod, lists[i]);
		if (only && (i != 1 || count != 1))
			continue;
		for (k = 0; ok && k < count; k++) {
			snprintf(pointer, sizeof(pointer), "%s/%zu/name", lists[i], k);
			name = kshim_object_get_string(pod, pointer);
			if (name && (!wanted || strcmp(wanted, name) == 0))
				ok = add_stream(logs, name);
		}
	}
	logs->uid = kshim__strdup(kshim_object_uid(pod));
	ok = ok && !pod->starved && (logs->uid || !kshim_object_uid(pod));
	if (ok && !logs->count) {
		ok = add_stream(logs, wanted);
		logs->streams[0].strange = ok;
	}
	return ok;
}

static void begin_all(struct logs *logs, kshim_object *pod)
{
	bool ok = true;
	size_t i;

	if (!add_streams(logs, pod)) {
		kshim__composite_no_memory(&logs->composite);
		return;
	}
	if (!logs->options->follow) {
		ask(logs->streams);
		return;
	}
	kshim__composite_hold(&logs->composite);
	for (i = 0; ok && logs->composite.call && i < logs->count; i++)
		ok = go_on(&logs->streams[i], pod);
	kshim__composite_release(&logs->composite);
}

/* Answers. */

/* true when the call may go on in spite of this: it counts. */
static bool may_fail(struct stream *stream, const kshim_error *error)
{
	switch (kshim_error_code(error)) {
	case KSHIM_ECONNECT:
	case KSHIM_EPROTOCOL:
	case KSHIM_ETIMEDOUT:
	case KSHIM_ETOOMANY:
	case KSHIM_ESERVER:
	case KSHIM_EBADREQUEST: /* the kubelet is not yet, or no more, where the Pod's status is */
	case KSHIM_ENOTFOUND:   /* or does not know the Pod, having just been started: the next look tells */
		return ++stream->failures <= stream->logs->composite.client->max_retries;
	default:
		return false;
	}
}

static void looked(struct kshim__composite *composite, kshim_result *result, void *argument)
{
	struct logs *logs = (struct logs *)composite;
	struct stream *stream = argument;
	const kshim_error *error = kshim_result_error(result);
	kshim_object *pod = kshim_result_object(result);
	const char *uid;

	composite->call->result.http_status = kshim_result_http_status(result);
	if (!stream) {
		if (!kshim__composite_failed(composite, result))
			begin_all(logs, pod);
		return;
	}
	uid = pod ? kshim_object_uid(pod) : NULL;
	if (kshim_error_code(error) == KSHIM_ENOTFOUND || (pod && logs->uid && uid && strcmp(uid, logs->uid) != 0))
		finish(stream);
	else if (error && may_fail(stream, error))
		look_again(stream);
	else if (!kshim__composite_failed(composite, result))
		go_on(stream, pod);
}

/* One container of several has no log to read: that is no failure of the others. */
static bool leave_out(struct stream *stream, const kshim_error *error)
{
	struct logs *logs = stream->logs;
	struct kshim__buf text;
	bool noted;

	if (!logs->options->all_containers || stream->began || kshim_error_code(error) != KSHIM_EBADREQUEST)
		return false;
	kshim__buf_init(&text);
	kshim__buf_addf(&text, "container %s: %s", stream->container, kshim_error_message(error));
	noted = !text.failed && kshim__call_add_warning(logs->composite.call, text.data);
	kshim__buf_free(&text);
	if (!noted)
		return false; /* and not told to have been left out */
	if (logs->open == 1 && logs->composite.call->result.warning_count == logs->count)
		return false; /* not one of them has */
	return true;
}

static void part_done(struct stream *stream, kshim_result *result)
{
	const kshim_error *error = kshim_result_error(result);

	if (error && !leave_out(stream, error))
		kshim__composite_failed(&stream->logs->composite, result);
	else
		finish(stream);
}

/* The container has ended and so has its log: what is left has no '\n'. */
static void last_words(struct stream *stream)
{
	struct kshim__span rest = {stream->lines.rest.data, stream->lines.rest.len};

	if (rest.len && !stream->lines.handed_out)
		take_line(stream, rest, false);
}

/* A stream that was answered, and lived, is no failure, whatever ended it. */
static void note_life(struct stream *stream, int status)
{
	if (status < 200 || status > 299 || kshim__now_us() - stream->begun_us < LIVED_US)
		return;
	stream->failures = stream->quiet = 0;
	stream->empty = !stream->replay.any;
}

static void stream_done(struct kshim__composite *composite, kshim_result *result, void *argument)
{
	struct stream *stream = argument;
	bool ours = !stream->strange && !stream->logs->options->previous; /* a Pod's status told of it */
	const kshim_error *error = kshim_result_error(result);

	stream->call = NULL;
	composite->call->result.http_status = kshim_result_http_status(result);
	note_life(stream, kshim_result_http_status(result));
	if (stream->over) {
		finish(stream);
	} else if (!stream->logs->options->follow) {
		part_done(stream, result);
	} else if (!error && stream->ended) {
		kshim__composite_hold(composite);
		last_words(stream);
		if (composite->call)
			finish(stream);
		kshim__composite_release(composite);
	} else if (!error) {
		look_again(stream);
	} else if (ours && may_fail(stream, error)) {
		look_again(stream);
	} else if (ours && stream->ended && kshim_error_code(error) == KSHIM_ENOTFOUND) {
		finish(stream); /* the kubelet has forgotten it */
	} else {
		kshim__composite_failed(composite, result);
	}
}

/* The verbs. */

/* Of a Pod that was read and has one container, its name. */
static const char *only_container(kshim_object *pod)
{
	return kshim_object_get_size(pod, "/spec/containers") == 1 ? kshim_object_get_string(pod, "/spec/containers/0/name") :
								     NULL;
}

static void *refuse(kshim_object *pod, const char *why)
{
	return kshim__object_refuse(pod, "%s", why);
}

static kshim_call *start(kshim_object *pod, const kshim_log_options *options, kshim_log_fn *data, bool collect,
			 kshim_done_fn *done, void *user)
{
	const kshim_kind *row = pod ? kshim__object_row(pod) : NULL;
	kshim_options timeout = kshim__options_default;
	const char *only;
	kshim_call *call;
	struct logs *logs;

	if (!pod)
		return NULL;
	kshim__object_starved(pod); /* of what was read before nothing is meant */
	only = only_container(pod);
	if ((row && row != KSHIM_POD) || !kshim__path_name_ok(kshim_object_name(pod)) || pod->starved)
		return refuse(pod, "logs are read of a Pod with a valid name");
	if (options && options->since_seconds && options->since_time)
		return refuse(pod, "since_seconds and since_time: at most one of them");
	if (options)
		timeout.timeout_ms = options->timeout_ms < 0 && options->follow ? 0 : options->timeout_ms;
	logs = kshim__composite_new(pod->client, sizeof(*logs), release, &timeout, done, user);
	if (!logs)
		return NULL;
	call = logs->composite.call;
	kshim__composite_about(&logs->composite, "logs", "of pods/%s", kshim_object_name(pod));
	logs->pod = kshim_object_ref(pod);
	logs->data = data;
	logs->user = user;
	logs->collect = collect;
	logs->options = kshim__log_options_copy(options);
	if (!logs->options) {
		kshim__composite_no_memory(&logs->composite);
		return call;
	}
	if (logs->options->follow || logs->options->all_containers) {
		look(logs, NULL);
		return call;
	}
	logs->streams = kshim__calloc(1, sizeof(*logs->streams));
	if (!logs->streams ||
	    !add_stream(logs, logs->options->container ? logs->options->container : only))
		kshim__composite_no_memory(&logs->composite);
	else
		ask(logs->streams);
	return call;
}

kshim_call *kshim_pod_logs(kshim_object *pod, const kshim_log_options *options, kshim_log_fn *data,
			   kshim_done_fn *done, void *user)
{
	return start(pod, options, data, false, done, user);
}

kshim_call *kshim_pod_logs_text(kshim_object *pod, const kshim_log_options *options, kshim_done_fn *done, void *user)
{
	return start(pod, options, NULL, true, done, user);
}
