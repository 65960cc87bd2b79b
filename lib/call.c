#include "call.h"

#include "alloc.h"
#include "discard.h"
#include "error.h"
#include "judge.h"
#include "random.h"
#include "request_info.h"
#include "warnings.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ERROR_BODY_MAX (1024u * 1024)
#define READY_BYTES_MAX (32u * 1024) /* above this the transfer pauses, and the pass soon ends */
#define BACKOFF_FIRST_MS 100
#define BACKOFF_MAX_MS 10000

static void admitted(struct kshim__ticket *ticket);
static void refused(struct kshim__ticket *ticket, const kshim_error *error);
static void dispatch(struct kshim__task *task);
static void deadline_passed(struct kshim__timer *timer);
static void pause_over(struct kshim__timer *timer);
static void evicted(struct kshim__tenant *tenant);

kshim_call *kshim__call_new(kshim_client *client, kshim_done_fn *done, void *user)
{
	kshim_call *call;

	if (!kshim__client_is_open(client))
		return kshim__client_fail(client, kshim__error_new(KSHIM_ECANCELED, "the client was freed"));
	call = kshim__calloc(1, sizeof(*call));
	if (!call)
		return kshim__client_fail(client, kshim__error_new(KSHIM_ENOMEM, "out of memory"));
	if (!kshim__timer_reserve(client->loop)) {
		kshim__free(call);
		return kshim__client_fail(client, kshim__error_new(KSHIM_ENOMEM, "out of memory"));
	}
	if (!kshim__timer_reserve(client->loop)) {
		kshim__timer_unreserve(client->loop);
		kshim__free(call);
		return kshim__client_fail(client, kshim__error_new(KSHIM_ENOMEM, "out of memory"));
	}
	call->client = kshim__client_ref(client);
	call->result.client = client;
	call->tenant.evict = evicted;
	call->ticket.admit = admitted;
	call->ticket.refuse = refused;
	kshim__list_init(&call->tenant.link);
	kshim__list_init(&call->ticket.link);
	kshim__list_init(&call->waiting);
	kshim__task_init(&call->task, dispatch);
	kshim__timer_init(&call->deadline, deadline_passed);
	kshim__timer_init(&call->pause, pause_over);
	kshim__buf_init(&call->body);
	call->done = done;
	call->user = user;
	return call;
}

static void drop_ready(kshim_call *call)
{
	while (call->ready_at < call->ready_end)
		kshim_object_unref(call->ready[call->ready_at++]);
	call->ready_at = call->ready_end = 0;
	call->ready_bytes = 0;
}

static void free_result(kshim_loop *loop, kshim_result *result)
{
	size_t i;

	kshim_error_free(result->error);
	kshim_object_unref(result->object);
	kshim__discard_objects(loop, result->kept, result->kept ? result->items : 0);
	kshim__free(result->resource_version);
	kshim__free(result->continue_token);
	kshim__free(result->content_type);
	kshim__free(result->headers);
	kshim__free(result->body);
	for (i = 0; i < result->warning_count; i++)
		kshim__free(result->warnings[i]);
	kshim__free(result->warnings);
	if (result->kind)
		kshim_kind_unref(result->kind);
}

void kshim__request_clear(struct kshim__request *request)
{
	kshim__free(request->custom_method);
	kshim__free(request->path);
	kshim__free_secret(request->body, request->body_len);
	kshim__free(request->custom_content);
	kshim__free_secret(request->headers, request->headers_len);
	memset(request, 0, sizeof(*request));
}

static void free_call(kshim_call *call)
{
	kshim_client *client = call->client;

	kshim__list_remove(&call->tenant.link);
	kshim__list_remove(&call->waiting);
	kshim__task_remove(&call->task);
	kshim__timer_stop(client->loop, &call->deadline);
	kshim__timer_stop(client->loop, &call->pause);
	kshim__timer_unreserve(client->loop);
	kshim__timer_unreserve(client->loop);
	drop_ready(call);
	kshim__free(call->ready);
	kshim__items_free(call->items);
	kshim__buf_free(&call->body);
	kshim__headers_unref(call->headers);
	free_result(client->loop, &call->result);
	kshim__request_clear(&call->request);
	if (call->later)
		kshim__request_clear(call->later);
	kshim__free(call->later);
	if (call->target.kind)
		kshim_kind_unref(call->target.kind);
	kshim__free(call->target.kind_name);
	kshim__free(call->target.api_version);
	kshim__free(call->namespace_);
	kshim__free(call->name);
	kshim__free(call->subresource);
	kshim__free(call->params);
	kshim__free(call->selectors);
	kshim_object_unref(call->object);
	kshim_object_unref(call->first);
	kshim__free(call);
	kshim__client_unref(client);
}

void *kshim__call_drop(kshim_call *call, kshim_error *error)
{
	kshim__client_fail(call->client, error);
	free_call(call);
	return NULL;
}

kshim_call *kshim__call_begin(kshim_call *call, int64_t timeout_ms)
{
	call->begun_us = kshim__now_us();
	call->timeout_ms = timeout_ms < 0 ? (int64_t)call->client->timeout_ms : timeout_ms;
	if (call->timeout_ms > 0 && call->timeout_ms < INT64_MAX / 2000)
		kshim__timer_set(call->client->loop, &call->deadline, call->begun_us + call->timeout_ms * 1000);
	kshim__client_add_tenant(call->client, &call->tenant);
	if (!call->background)
		kshim__loop_hold(call->client->loop);
	return call;
}

/* Going. */

void kshim__call_send(kshim_call *call)
{
	kshim_error *error = NULL;

	call->state = KSHIM__CALL_QUEUED;
	call->queued_us = kshim__now_us();
	if (!kshim__client_enter(call->client, call->lane, &call->ticket, &error))
		kshim__call_fail(call, error);
}

static enum kshim__sink take_body(kshim_call *call, const char *data, size_t len)
{
	bool success = (call->transfer.status >= 200 && call->transfer.status < 300) || call->judge;
	size_t most = success ? KSHIM__BODY_MAX : ERROR_BODY_MAX;
	int64_t expected;

	if (!call->body.data) {
		expected = kshim__transfer_content_length(&call->transfer);
		if (expected > 0 && (uint64_t)expected < most)
			kshim__buf_reserve(&call->body, (size_t)expected);
	}
	if (call->body.len + len > most) {
		if (!success)
			return KSHIM__SINK_TOOK; /* its beginning tells enough */
		call->too_large = true;
		return KSHIM__SINK_FAILED;
	}
	return kshim__buf_add(&call->body, data, len) ? KSHIM__SINK_TOOK : KSHIM__SINK_FAILED;
}

/* What objects may refer to: a version that is the call's own would not outlive
 * it; such an answer says itself what it is. */
static const char *lasting_version(const kshim_call *call)
{
	return call->target.version == call->target.api_version ? NULL : call->target.version;
}

static kshim_object *slim_item(kshim_call *call, struct kshim__span head, struct kshim__span tail)
{
	struct kshim__span text = head.len ? head : tail;

	if (head.len && tail.len) {
		kshim__buf_clear(&call->body);
		if (!kshim__buf_add(&call->body, head.at, head.len) || !kshim__buf_add(&call->body, tail.at, tail.len))
			return NULL;
		text.at = call->body.data;
		text.len = call->body.len;
	}
	return kshim__object_slim(call->client, call->target.kind, lasting_version(call), text, NULL);
}

/* An item is complete: it waits for dispatch. */
static bool take_item(void *user, struct kshim__span head, struct kshim__span tail,
		      const struct kshim__members *members)
{
	kshim_call *call = user;
	kshim_object *object, **ready;
	size_t cap;

	if (call->ready_end == call->ready_cap) {
		cap = call->ready_cap ? call->ready_cap * 2 : 16;
		ready = kshim__realloc(call->ready, cap * sizeof(*ready));
		if (!ready)
			return false;
		call->ready = ready;
		call->ready_cap = cap;
	}
	object = call->slim ? slim_item(call, head, tail) :
			      kshim__object_from_item(call->client, call->target.kind, lasting_version(call), head, tail,
						      members);
	if (!object)
		return false;
	call->ready[call->ready_end++] = object;
	call->ready_bytes += object->len;
	return true;
}

/* Bytes for the user: they wait for dispatch, and the server waits with them when
 * there are too many. */
static enum kshim__sink take_stream(kshim_call *call, const char *data, size_t len)
{
	enum kshim__sink took;

	if (call->take) {
		call->delivered = true;
		took = call->take(call, data, len);
		call->paused = took == KSHIM__SINK_PAUSE;
		return took;
	}
	if (call->body.len > READY_BYTES_MAX) {
		call->paused = true;
		return KSHIM__SINK_PAUSE;
	}
	kshim__task_queue(call->client->loop, &call->task);
	return kshim__buf_add(&call->body, data, len) ? KSHIM__SINK_TOOK : KSHIM__SINK_FAILED;
}

static enum kshim__sink take(struct kshim__transfer *transfer, const char *data, size_t len)
{
	kshim_call *call = KSHIM__OWNER(transfer, kshim_call, transfer);
	enum kshim__items_state state;

	if (call->request.mode == KSHIM__MODE_BODY || transfer->status < 200 || transfer->status >= 300)
		return take_body(call, data, len);
	if (call->request.mode == KSHIM__MODE_STREAM)
		return take_stream(call, data, len);
	if (call->ready_bytes > READY_BYTES_MAX) {
		call->paused = true;
		return KSHIM__SINK_PAUSE;
	}
	if (!call->items) {
		call->items = kshim__items_new(take_item, call);
		if (!call->items)
			return KSHIM__SINK_FAILED;
	}
	state = kshim__items_feed(call->items, data, len);
	if (call->ready_at < call->ready_end)
		kshim__task_queue(call->client->loop, &call->task);
	return state == KSHIM__ITEMS_MORE || state == KSHIM__ITEMS_DONE ? KSHIM__SINK_TOOK : KSHIM__SINK_FAILED;
}

static void head_is_there(struct kshim__transfer *transfer)
{
	kshim_call *call = KSHIM__OWNER(transfer, kshim_call, transfer);

	if (transfer->status < 300)
		call->headed(call);
}

static void exchange_over(struct kshim__transfer *transfer)
{
	kshim_call *call = KSHIM__OWNER(transfer, kshim_call, transfer);

	call->state = KSHIM__CALL_ANSWERED;
	kshim__task_queue(call->client->loop, &call->task);
}

static void admitted(struct kshim__ticket *ticket)
{
	kshim_call *call = KSHIM__OWNER(ticket, kshim_call, ticket);
	struct kshim__transfer *transfer = &call->transfer;
	struct kshim__request *request = &call->request;

	/* only now, so that they carry the credentials of this moment */
	call->credential = kshim__client_credential(call->client);
	kshim__headers_unref(call->headers);
	call->headers = request->custom ? kshim__client_headers_custom(call->client, request->custom_content,
								       request->headers, request->headers_len) :
					  kshim__client_headers(call->client, request->accept, request->content);
	if (!call->headers) {
		kshim__call_no_memory(call);
		return;
	}
	transfer->transport = &ticket->lane->transport;
	transfer->method = call->request.method;
	transfer->path = call->request.path;
	transfer->headers = call->headers;
	transfer->body = call->request.body;
	transfer->body_len = call->request.body_len;
	transfer->tracing = call->client->on_trace != NULL;
	transfer->sink = take;
	transfer->finished = exchange_over;
	transfer->head = call->headed ? head_is_there : NULL;
	transfer->uncompressed = call->uncompressed;
	kshim__buf_clear(&call->body);
	call->paused = false;
	call->too_large = false;
	call->attempts++;
	call->reported = false;
	call->state = KSHIM__CALL_ON_WIRE;
	if (kshim__transfer_start(transfer))
		return;
	call->state = KSHIM__CALL_WAITING;
	kshim__call_no_memory(call);
}

static void refused(struct kshim__ticket *ticket, const kshim_error *error)
{
	kshim_call *call = KSHIM__OWNER(ticket, kshim_call, ticket);

	kshim__call_fail(call, kshim_error_copy(error));
}

/* Ending. */

/* What it brought for the hooks is kept until dispatch. */
static void cut_short(kshim_call *call)
{
	struct kshim__transfer *transfer = &call->transfer;
	struct kshim__buf trace = transfer->trace;

	if (!call->reported)
		kshim__request_note(call);
	kshim__buf_init(&transfer->trace);
	if (call->state == KSHIM__CALL_ON_WIRE)
		kshim__transfer_abort(transfer);
	else
		kshim__transfer_end(transfer);
	transfer->trace = trace;
}

static void stop_everything(kshim_call *call)
{
	kshim_loop *loop = call->client->loop;

	if (call->state == KSHIM__CALL_ON_WIRE || call->state == KSHIM__CALL_ANSWERED)
		cut_short(call);
	kshim__timer_stop(loop, &call->deadline);
	kshim__timer_stop(loop, &call->pause);
	kshim__list_remove(&call->waiting);
	/* a place that becomes free before the callback is not for this one */
	if (!call->ticket.admitted)
		kshim__list_remove(&call->ticket.link);
	call->state = KSHIM__CALL_FINISHED;
	kshim__task_queue(loop, &call->task);
	if (call->ended)
		call->ended(call);
}

void kshim__call_finish(kshim_call *call)
{
	if (call->state >= KSHIM__CALL_FINISHED)
		return;
	stop_everything(call);
}

void kshim__call_fail(kshim_call *call, kshim_error *error)
{
	if (call->state >= KSHIM__CALL_FINISHED) {
		kshim_error_free(error);
		return;
	}
	kshim_error_free(call->result.error);
	call->result.error = error;
	call->result.found = false;
	kshim_object_unref(call->result.object);
	call->result.object = NULL;
	stop_everything(call);
}

void kshim__call_no_memory(kshim_call *call)
{
	kshim__call_fail(call, kshim__error_new(KSHIM_ENOMEM, "out of memory"));
}

static const char *what_it_waited_for(const kshim_call *call)
{
	switch (call->state) {
	case KSHIM__CALL_WAITING:
		return "between two requests";
	case KSHIM__CALL_QUEUED:
		return call->ticket.admitted ? "starting" : "waiting for a free connection or a credential";
	case KSHIM__CALL_BACKOFF:
		return "waiting to try again";
	case KSHIM__CALL_ON_WIRE:
		if (call->transfer.began)
			return "while the answer came in";
		return call->transfer.sends ? "waiting for the server's answer" : "connecting to ";
	default:
		return "while its result was handed on";
	}
}

static void deadline_passed(struct kshim__timer *timer)
{
	kshim_call *call = KSHIM__OWNER(timer, kshim_call, deadline);
	struct kshim__waits waits = {.call = call};
	const kshim_call *at = call; /* what it waited for in the end */
	kshim_error *error;
	bool connecting;

	while (waits.call && at->composite && at->state == KSHIM__CALL_WAITING) {
		waits = (struct kshim__waits){0};
		at->composite_waits(at->composite, &waits);
		at = waits.call ? waits.call : at;
	}
	connecting = at->state == KSHIM__CALL_ON_WIRE && !at->transfer.began && !at->transfer.sends;

	error = kshim__error_new(KSHIM_ETIMEDOUT, "%s %s: not done within %lld ms (%s%s)",
				 call->request.method ? call->request.method : "",
				 call->request.path ? call->request.path :
				 call->composite    ? "" :
						      "discovery",
				 (long long)call->timeout_ms,
				 waits.watches ? "watching" : what_it_waited_for(at),
				 connecting ? call->client->access->server : "");
	/* what the last attempt met says more than that time ran out */
	if (at->state == KSHIM__CALL_BACKOFF && at->result.error)
		kshim__error_prefix(error, "%s", kshim_error_message(at->result.error));
	else if (waits.late)
		kshim__error_prefix(error, "%s", kshim_error_message(waits.late));
	if (error->code != KSHIM_ENOMEM)
		error->retryable = true;
	kshim__call_fail(call, error);
}

static void cancel(kshim_call *call, const char *why)
{
	if (call->state >= KSHIM__CALL_FINISHED)
		return;
	drop_ready(call);
	kshim__call_fail(call, kshim__error_new(KSHIM_ECANCELED, "%s", why));
}

void kshim_call_cancel(kshim_call *call)
{
	if (call)
		cancel(call, "cancelled");
}

static void evicted(struct kshim__tenant *tenant)
{
	cancel(KSHIM__OWNER(tenant, kshim_call, tenant), "the client was freed");
}

void kshim__call_sleep(kshim_call *call, int64_t ms, void (*resume)(kshim_call *call))
{
	call->state = KSHIM__CALL_WAITING;
	call->resume = resume;
	kshim__timer_set(call->client->loop, &call->pause, kshim__now_us() + ms * 1000);
}

static void pause_over(struct kshim__timer *timer)
{
	kshim_call *call = KSHIM__OWNER(timer, kshim_call, pause);

	if (call->state == KSHIM__CALL_BACKOFF)
		kshim__call_send(call);
	else
		call->resume(call);
}

/* The answer. */

/* What the result holds of a success beside its body; false without memory. */
static bool keep_content_type(kshim_call *call)
{
	const char *type = kshim__transfer_content_type(&call->transfer);

	kshim__free(call->result.content_type);
	call->result.content_type = kshim__strdup(type);
	return call->result.content_type || !type;
}

/* To the hooks; they may end the call. */
static void report(kshim_call *call, const kshim_error *error)
{
	struct kshim__buf trace = call->transfer.trace;
	char *line, *end;

	kshim__buf_init(&call->transfer.trace);
	if (call->client->on_request)
		kshim__request_report(call, error);
	for (line = trace.data; line && *line; line = end + 1) {
		end = strchr(line, '\n');
		if (!end)
			break;
		*end = '\0';
		if (call->client->on_trace)
			call->client->on_trace(line[0], line + 1, call->client->on_trace_user);
	}
	kshim__buf_free(&trace);
}

/* true when the same request may go out again: then `*wait` is for how long. */
static bool may_retry(kshim_call *call, const kshim_error *error, int64_t *wait)
{
	struct kshim__transfer *transfer = &call->transfer;
	int64_t backoff = BACKOFF_FIRST_MS;
	unsigned i;

	if (call->attempts > call->client->max_retries || call->delivered || call->once)
		return false;
	for (i = 1; i < call->attempts && backoff < BACKOFF_MAX_MS; i++)
		backoff *= 2;
	/* so that many clients of one server do not come back together */
	backoff += (int64_t)kshim__random_below((uint64_t)backoff / 2);
	if (transfer->code != CURLE_OK) {
		*wait = backoff;
		return transfer->reads && kshim__transfer_silent(transfer) && !kshim__transfer_got_alert(transfer) &&
		       !kshim__transfer_proxy_refused(transfer) &&
		       (transfer->code == CURLE_GOT_NOTHING || transfer->code == CURLE_RECV_ERROR ||
			transfer->code == CURLE_SEND_ERROR || transfer->code == CURLE_HTTP2 ||
			transfer->code == CURLE_HTTP2_STREAM || kshim__transfer_broke_in_handshake(transfer) ||
			/* an HTTP/2 connection that was closed while idle (7.88.1) */
			transfer->code == CURLE_PARTIAL_FILE);
	}
	/* the server asks for it, and has done nothing: client-go with_retry.go.
	 * An eviction that a PodDisruptionBudget refuses is an answer, though. */
	if (error->retry_after > 0 && (error->http_status == 429 || error->http_status >= 500)) {
		for (i = 0; i < error->cause_count; i++)
			if (error->causes[i].reason && strcmp(error->causes[i].reason, "DisruptionBudget") == 0)
				return false;
		*wait = error->retry_after > backoff ? error->retry_after : backoff;
		return kshim__transfer_header(transfer, "Retry-After", 0) != NULL;
	}
	return false;
}

/* The exchange is over and all that it brought was handed on. */
static void look_at_answer(kshim_call *call)
{
	void (*unserved)(kshim_call *call);
	kshim_error *error;
	int64_t wait = 0;
	bool again, whole = true;

	call->reported = true;
	error = kshim__judge(call);
	if (call->judge)
		error = call->judge(call, error);
	again = error && may_retry(call, error, &wait);
	if (error && error->code == KSHIM_EUNAUTHORIZED && !call->renewed &&
	    kshim__client_renew(call->client, call->credential)) {
		call->renewed = again = true;
		wait = 0;
	}
	/* no use in waiting for what the deadline forbids */
	if (again && call->deadline.index && kshim__now_us() + wait * 1000 >= call->deadline.due_us)
		again = false;
	call->result.http_status = call->transfer.status;
	if (!again && !error && call->request.mode == KSHIM__MODE_BODY)
		whole = keep_content_type(call);
	if (!again && call->transfer.code == CURLE_OK)
		whole = kshim__call_read_warnings(call) && whole;
	if (!again && !error && !whole)
		error = kshim__error_new(KSHIM_ENOMEM, "out of memory");
	report(call, error);
	if (call->state != KSHIM__CALL_ANSWERED) {
		kshim_error_free(error);
		return;
	}
	kshim_error_free(call->result.error);
	call->result.error = error;
	kshim__transfer_end(&call->transfer);
	call->state = KSHIM__CALL_WAITING;
	kshim__client_leave(call->client, &call->ticket);
	if (again) {
		kshim__items_free(call->items);
		call->items = NULL;
		call->state = KSHIM__CALL_BACKOFF;
		kshim__timer_set(call->client->loop, &call->pause, kshim__now_us() + wait * 1000);
		return;
	}
	call->attempts = 0;
	unserved = call->unserved;
	call->unserved = NULL;
	if (unserved && kshim_error_code(error) == KSHIM_ENOKIND)
		unserved(call);
	else
		call->answered(call);
}

/* The result's own reference to an item, which is counted when it is there. */
static bool keep_item(kshim_result *result, kshim_object *object)
{
	size_t cap = result->kept_cap ? result->kept_cap * 2 : 64;
	kshim_object **kept;

	if (result->items == result->kept_cap) {
		kept = kshim__realloc(result->kept, cap * sizeof(*kept));
		if (!kept)
			return false;
		result->kept = kept;
		result->kept_cap = cap;
	}
	result->kept[result->items] = kshim_object_ref(object);
	return true;
}

/* Hands items on; false when the pass is used up first. */
static bool hand_on_items(kshim_call *call)
{
	unsigned since_look = 0;

	while (call->ready_at < call->ready_end) {
		kshim_object *object;

		if (call->held && call->state < KSHIM__CALL_FINISHED)
			return true;
		object = call->ready[call->ready_at++];
		call->ready_bytes -= object->len;
		if (!call->keeps_items || keep_item(&call->result, object)) {
			call->result.items++;
		} else if (call->state != KSHIM__CALL_FINISHED) {
			kshim_object_unref(object);
			kshim__call_no_memory(call);
			continue;
		}
		call->delivered = true;
		if (call->wants_first && !call->first)
			call->first = kshim_object_ref(object);
		if (call->item)
			call->item(object, call->user);
		kshim_object_unref(object);
		if (++since_look % 4 == 0 && kshim__loop_exhausted(call->client->loop))
			return call->ready_at == call->ready_end;
	}
	call->ready_at = call->ready_end = 0;
	return true;
}

void kshim__call_hold(kshim_call *call, bool held)
{
	if (call->held == held)
		return;
	call->held = held;
	if (!held)
		kshim__task_queue(call->client->loop, &call->task);
}

/* Hands on what a stream brought. The buffer is out of the call meanwhile: the
 * callback may end it. */
static void hand_on_bytes(kshim_call *call)
{
	struct kshim__buf bytes = call->body;

	if (call->request.mode != KSHIM__MODE_STREAM || !bytes.len || call->transfer.status < 200 ||
	    call->transfer.status >= 300 || (call->state != KSHIM__CALL_ON_WIRE && call->state != KSHIM__CALL_ANSWERED))
		return;
	kshim__buf_init(&call->body);
	call->delivered = true;
	call->data(call, bytes.data, bytes.len);
	kshim__buf_clear(&bytes);
	if (call->body.data)
		kshim__buf_free(&bytes);
	else
		call->body = bytes;
}

static void dispatch(struct kshim__task *task)
{
	kshim_call *call = KSHIM__OWNER(task, kshim_call, task);
	kshim_client *client = call->client;

	hand_on_bytes(call);
	if (!hand_on_items(call)) {
		kshim__task_queue(client->loop, &call->task);
		return;
	}
	if (call->ready_at == call->ready_end)
		call->ready_at = call->ready_end = 0;
	if (call->state == KSHIM__CALL_ON_WIRE && call->paused && !call->held) {
		call->paused = false;
		kshim__transfer_resume(&call->transfer);
	}
	if (call->state == KSHIM__CALL_ANSWERED && call->ready_at == call->ready_end)
		look_at_answer(call);
	if (call->state != KSHIM__CALL_FINISHED || call->ready_at < call->ready_end)
		return;
	if (call->cut.due)
		report(call, call->result.error);
	/* the place on the wire may have been kept until here by a cancel */
	kshim__client_leave(client, &call->ticket);
	kshim__list_remove(&call->tenant.link);
	kshim__task_remove(&call->task);
	call->state = KSHIM__CALL_REPORTING;
	call->result.client = kshim__client_is_open(client) ? client : NULL;
	if (call->done)
		call->done(&call->result, call->user);
	if (!call->background)
		kshim__loop_release(client->loop);
	free_call(call);
}

struct kshim__span kshim__call_body(kshim_call *call)
{
	struct kshim__span body = {call->body.data ? call->body.data : "", call->body.len};

	return body;
}

bool kshim__call_take_object(kshim_call *call)
{
	struct kshim__span body = kshim__call_body(call), value = body;
	struct kshim__members members;
	kshim_object *object;
	bool noted;
	size_t len;
	char *text;

	/* nearly always one scan tells where it ends and what is in it */
	value.len = body.at[0] == '{' ? kshim__json_members(body.at, body.len, &members) : 0;
	noted = value.len > 0;
	if (!noted && (!kshim__json_value(body.at, body.len, &value) || value.at[0] != '{')) {
		kshim_error *error = kshim__error_from_answer("", call->result.http_status, call->result.content_type,
							      body.at, body.len, 0);

		if (error->code != KSHIM_ENOMEM)
			error->code = KSHIM_EPROTOCOL;
		kshim__error_prefix(error, "%s %s: the answer is no object", call->request.method, call->request.path);
		kshim__call_fail(call, error);
		return false;
	}
	len = value.len;
	text = value.at == body.at ? kshim__buf_take(&call->body, NULL) : kshim__memdup(value.at, len);
	if (text)
		text[len] = '\0';
	if (!text) {
		kshim__call_no_memory(call);
		return false;
	}
	if (call->object && !call->keep_object && !call->object->common) {
		kshim__object_replace_text(call->object, text, len);
		call->result.object = kshim_object_ref(call->object);
		return true;
	}
	object = kshim__object_adopt(call->client, call->target.kind, lasting_version(call), text, len,
				     noted ? &members : NULL);
	if (!object) {
		kshim__call_no_memory(call);
		return false;
	}
	kshim_object_unref(call->result.object);
	call->result.object = object;
	return true;
}

void kshim__call_answer_object(kshim_call *call)
{
	if (!call->result.error && kshim__call_take_object(call))
		call->result.found = true;
	kshim__call_finish(call);
}

void kshim__call_answer_body(kshim_call *call)
{
	if (!call->result.error) {
		kshim__free(call->result.body);
		call->result.body = kshim__buf_take(&call->body, &call->result.body_len);
		call->result.found = true;
		if (!call->result.body) {
			kshim__call_no_memory(call);
			return;
		}
	}
	kshim__call_finish(call);
}
