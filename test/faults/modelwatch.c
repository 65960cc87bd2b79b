#include "modelwatch.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MS 1000000ull
#define SLOW ((size_t)64 << 20)		/* who has not read so much is sent away */
#define KEEP ((size_t)1 << 20)
#define DRIBBLE 20000			/* what is more goes out in large pieces */

struct modelwatch {
	struct model *m;
	struct fakeapi_live *live;
	struct modelwatch_options o;
	struct fakebuf out;
	unsigned countdown;		/* events before the fault */
	bool over;			/* nothing is added any more */
	bool stalled, muted;
	bool dribble;			/* a few bytes at a time */
	uint64_t ends, bookmark_due, reset_due;
	struct modelwatch *prev, *next;
};

void model_status(struct fakebuf *out, int code, const char *reason, const char *message, const char *more)
{
	fakebuf_printf(out, "{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"metadata\":{},\"status\":\"Failure\","
		       "\"message\":\"%s\",\"reason\":\"%s\"%s,\"code\":%d}", message, reason, more, code);
}

bool modelscope_has(const struct modelscope *s, const struct modelapi_object *o)
{
	struct kshim__span labels = { o->labels, strlen(o->labels) };

	return *o->uid && (!*s->ns || !strcmp(s->ns, o->ns)) && (!*s->name || !strcmp(s->name, o->name)) &&
	       kshim__matcher_matches_labels(s->labels, labels);
}

/* Ends the stream behind what is in .out. */
static void end(struct modelwatch *w, enum fakeapi_end how)
{
	w->over = true;
	if (how != FAKEAPI_END)
		fakeapi_set_end(w->live, how);
}

/* Leaves a part of what was added behind `from`, at least `least` bytes of it and not the last `spare`. */
static void truncate_line(struct modelwatch *w, size_t from, size_t least, size_t spare)
{
	size_t n = fakebuf_used(&w->out) - from;

	w->out.len = w->out.off + from + least + model_random(w->m, (uint32_t)(n - spare - least + 1));
}

static void error_event(struct modelwatch *w)
{
	static const struct { int code; const char *reason; } errors[] = {
		{ 500, "InternalError" }, { 504, "Timeout" }, { 429, "TooManyRequests" },
	};
	size_t i = model_random(w->m, 3);
	char more[64] = "";

	if (errors[i].code == 429)
		snprintf(more, sizeof(more), ",\"details\":{\"retryAfterSeconds\":%u}",
			 w->m->o.retry_after ? w->m->o.retry_after : 1);
	fakebuf_printf(&w->out, "{\"type\":\"ERROR\",\"object\":");
	model_status(&w->out, errors[i].code, errors[i].reason, "the watch broke", more);
	fakebuf_printf(&w->out, "}\n");
}

static void gone_event(struct modelwatch *w)
{
	fakebuf_printf(&w->out, "{\"type\":\"ERROR\",\"object\":");
	model_status(&w->out, 410, model_random(w->m, 2) ? "Expired" : "Gone", "too old resource version", "");
	fakebuf_printf(&w->out, "}\n");
}

static void stall(struct modelwatch *w)
{
	w->over = w->stalled = true;
	w->muted = model_random(w->m, 2);
	if (w->m->o.stall_ms)
		w->reset_due = fake_now() + w->m->o.stall_ms * MS;
}

/* The fault that this watch has drawn; the event that it hits stands behind `from`. */
static void break_stream(struct modelwatch *w, size_t from)
{
	static const enum fakeapi_end cuts[] = { FAKEAPI_CUT, FAKEAPI_CUT_ABRUPT };
	struct model *m = w->m;
	enum modelapi_fault fault = w->o.fault;

	w->o.fault = MODELAPI_FAULTS;
	switch (fault) {
	case MODELAPI_CUT:
		truncate_line(w, from, 0, 0);
		end(w, cuts[model_random(m, 2)]);
		break;
	case MODELAPI_RESET:
		truncate_line(w, from, 0, 0);
		end(w, model_random(m, 2) ? FAKEAPI_CUT_RESET : FAKEAPI_RESET_STREAM);
		break;
	case MODELAPI_TORN:
		truncate_line(w, from, 1, 1);
		end(w, FAKEAPI_END);
		break;
	case MODELAPI_STALL:
		truncate_line(w, from, 0, 0);
		stall(w);
		break;
	case MODELAPI_GONE_EVENT:
		gone_event(w);
		end(w, FAKEAPI_END);
		break;
	case MODELAPI_ERROR_EVENT:
		error_event(w);
		end(w, FAKEAPI_END);
		break;
	default:
		return;
	}
	model_injected(m, fault);
}

static void added(struct modelwatch *w, size_t from)
{
	if (w->o.fault != MODELAPI_FAULTS && w->o.fault != MODELAPI_SHORT && w->countdown-- == 0)
		break_stream(w, from);
	if (fakebuf_used(&w->out) > SLOW)
		end(w, FAKEAPI_END);
	fakeapi_more(w->live);
}

static void event(struct modelwatch *w, const char *type, const struct modelapi_object *object)
{
	size_t from = fakebuf_used(&w->out);

	if (w->over)
		return;
	fakebuf_printf(&w->out, "{\"type\":\"%s\",\"object\":", type);
	model_render(&w->out, object, true);
	fakebuf_printf(&w->out, "}\n");
	added(w, from);
}

static void bookmark(struct modelwatch *w, bool end_mark)
{
	size_t from = fakebuf_used(&w->out);

	if (w->over)
		return;
	fakebuf_printf(&w->out, "{\"type\":\"BOOKMARK\",\"object\":{\"kind\":\"ConfigMap\",\"apiVersion\":\"v1\",\"metadata\":"
		       "{\"resourceVersion\":\"%" PRIu64 "\",\"creationTimestamp\":null%s}}}\n",
		       end_mark ? w->o.version : (uint64_t)atomic_load(&w->m->shared->version),
		       end_mark ? ",\"annotations\":{\"k8s.io/initial-events-end\":\"true\"}" : "");
	added(w, from);
}

static void publish_to(struct modelwatch *w, const struct modelapi_change *c)
{
	bool was = modelscope_has(&w->o.scope, &c->before);
	bool is = c->type != MODELAPI_DELETED && modelscope_has(&w->o.scope, &c->object);
	struct modelapi_object last = c->before;

	/* What leaves a selector is told with its last state that was in it. */
	last.version = c->object.version;
	if (is)
		event(w, was ? "MODIFIED" : "ADDED", &c->object);
	else if (was)
		event(w, "DELETED", &last);
}

void modelwatch_publish(struct model *m, const struct modelapi_change *change)
{
	for (struct modelwatch *w = m->watches; w; w = w->next)
		publish_to(w, change);
}

static void begin(struct modelwatch *w)
{
	struct modelapi_object *state = fake_alloc(MODEL_SLOTS * sizeof(*state)), other;
	size_t changes = atomic_load(&w->m->shared->changes);

	if (w->o.state) {
		model_at(w->m, w->o.version, state);
		for (size_t n = w->m->slots; n > 0; n--) {
			size_t i = model_random(w->m, (uint32_t)n);

			other = state[n - 1];
			state[n - 1] = state[i];
			state[i] = other;
			if (modelscope_has(&w->o.scope, &state[n - 1]))
				event(w, "ADDED", &state[n - 1]);
		}
		if (w->o.end_mark)
			bookmark(w, true);
	}
	free(state);
	for (size_t i = w->m->oldest_change; i < changes; i++)
		if (w->m->shared->log[i].object.version > w->o.version)
			publish_to(w, &w->m->shared->log[i]);
}

static size_t next_bytes(void *state, char *buf, size_t max)
{
	struct modelwatch *w = state;
	size_t n = fakebuf_used(&w->out);

	if (!n && w->stalled && w->muted)
		fakeapi_mute(w->live, true);
	if (!n)
		return w->over && !w->stalled ? 0 : FAKEAPI_LATER;
	if (w->dribble && n < DRIBBLE) {
		if (model_random(w->m, 8) == 0)
			return FAKEAPI_LATER;	/* until the next tick */
		max = 1 + model_random(w->m, max < 100 ? (uint32_t)max : 100);
	}
	if (n > max)
		n = max;
	memcpy(buf, fakebuf_bytes(&w->out), n);
	fakebuf_eat(&w->out, n);
	if (!fakebuf_used(&w->out) && w->out.cap > KEEP) {
		fakebuf_free(&w->out);
		w->out = (struct fakebuf){ 0 };
	}
	return n;
}

static void watch_free(void *state)
{
	struct modelwatch *w = state;

	if (w->prev)
		w->prev->next = w->next;
	else
		w->m->watches = w->next;
	if (w->next)
		w->next->prev = w->prev;
	atomic_fetch_sub(&w->m->shared->watches, 1);
	kshim__matcher_free(w->o.scope.labels);
	fakebuf_free(&w->out);
	free(w);
}

void modelwatch_new(struct model *m, const struct modelwatch_options *o, struct fakeapi_answer *out)
{
	struct modelwatch *w = fake_alloc(sizeof(*w));
	uint64_t now = fake_now();

	w->m = m;
	w->live = out->live;
	w->o = *o;
	w->countdown = model_random(m, 12);
	w->dribble = model_percent(m, 30);
	w->bookmark_due = now + model_random(m, 150) * MS;
	if (o->timeout)
		w->ends = now + (uint64_t)o->timeout * (m->o.second_ms ? m->o.second_ms : 1000) * MS;
	w->next = m->watches;
	if (w->next)
		w->next->prev = w;
	m->watches = w;
	atomic_fetch_add(&m->shared->watches, 1);
	out->stream = next_bytes;
	out->stream_free = watch_free;
	out->stream_state = w;
	out->coding = FAKEAPI_CHUNKED;
	if (o->fault == MODELAPI_SHORT) {
		end(w, FAKEAPI_END);
		model_injected(m, MODELAPI_SHORT);
	}
	begin(w);
}

void modelwatch_tick(struct model *m)
{
	uint64_t now = fake_now();

	for (struct modelwatch *w = m->watches; w; w = w->next) {
		if (w->o.bookmarks && now >= w->bookmark_due) {
			bool twice = model_percent(m, 30) && model_enabled(m, MODELAPI_DUPLICATE_BOOKMARKS);

			w->bookmark_due = now + (20 + model_random(m, 150)) * MS;
			bookmark(w, false);
			if (twice && !w->over) {
				bookmark(w, false);
				model_injected(m, MODELAPI_DUPLICATE_BOOKMARKS);
			}
			if (twice && model_random(m, 2))
				bookmark(w, false);
		}
		if (w->ends && now >= w->ends && !w->over) {
			if (w->o.bookmarks && model_random(m, 2))
				bookmark(w, false);
			end(w, FAKEAPI_END);
			fakeapi_more(w->live);
		}
		if (w->reset_due && now >= w->reset_due) {
			w->reset_due = 0;
			w->stalled = false;
			fakeapi_set_end(w->live, FAKEAPI_CUT_RESET);
			fakeapi_mute(w->live, false);
			fakeapi_more(w->live);
		}
		if (fakebuf_used(&w->out))
			fakeapi_more(w->live);
	}
}

void modelwatch_settle(struct model *m)
{
	for (struct modelwatch *w = m->watches; w; w = w->next)
		w->o.fault = MODELAPI_FAULTS;
}
