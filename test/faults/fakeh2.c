/* HTTP/2, framed by nghttp2. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <nghttp2/nghttp2.h>

#include "fakeconn.h"

#define MAX_HEADERS 100
#define RECORD 16384			/* the largest TLS record: a DATA frame fills one */
#define TURN (4 * RECORD)
#define MS 1000000ull
/*
 * Go's server gives a client this long to close after a GOAWAY. And curl 7.88.1,
 * seeing a close right behind END_STREAM, may call a complete answer partial.
 */
#define GOAWAY_GRACE (1000 * MS)
#define DROP_GRACE (20 * MS)

enum phase {
	REQUEST,		/* is being read */
	HEAD,			/* is to be sent, perhaps later */
	BODY,
	TAIL,			/* all is said, and not yet with the kernel */
	FAULT,
	STUCK,			/* nothing more will be said */
};

struct stream {
	int32_t id;
	enum phase phase;
	struct fakereply *reply;
	struct fakeapi_header headers[MAX_HEADERS];	/* own their strings */
	size_t header_count;
	char *method, *path;
	struct fakebuf body;
	bool deferred;		/* nghttp2 waits to be told that there is more */
	bool closed;		/* nghttp2 knows it no more */
	struct stream *prev, *next;
};

struct h2 {
	nghttp2_session *session;
	struct stream *streams;
	bool leaving;		/* GOAWAY was sent: close after the last stream */
	uint64_t close_due;
};

static void stream_free(struct h2 *h, struct stream *s)
{
	for (size_t i = 0; i < s->header_count; i++) {
		free((char *)s->headers[i].name);
		free((char *)s->headers[i].value);
	}
	free(s->method);
	free(s->path);
	fakebuf_free(&s->body);
	fakereply_free(s->reply);
	if (s->prev)
		s->prev->next = s->next;
	else
		h->streams = s->next;
	if (s->next)
		s->next->prev = s->prev;
	free(s);
}

static int on_begin(nghttp2_session *session, const nghttp2_frame *frame, void *user)
{
	struct fakeconn *c = user;
	struct h2 *h = c->state;
	struct stream *s;

	if (frame->hd.type != NGHTTP2_HEADERS || frame->headers.cat != NGHTTP2_HCAT_REQUEST)
		return 0;
	s = fake_alloc(sizeof(*s));
	s->id = frame->hd.stream_id;
	s->next = h->streams;
	if (h->streams)
		h->streams->prev = s;
	h->streams = s;
	nghttp2_session_set_stream_user_data(session, s->id, s);
	return 0;
}

static int on_header(nghttp2_session *session, const nghttp2_frame *frame,
		     const uint8_t *name, size_t name_len, const uint8_t *value, size_t value_len,
		     uint8_t flags, void *user)
{
	struct stream *s = nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);
	const char *n = (const char *)name;
	char *v;

	(void)flags;
	(void)user;
	if (!s)
		return 0;
	v = fake_strndup((const char *)value, value_len);
	if (!strcmp(n, ":method") && !s->method)
		s->method = v;
	else if (!strcmp(n, ":path") && !s->path)
		s->path = v;
	else if (s->header_count == MAX_HEADERS || !strcmp(n, ":scheme"))
		free(v);
	else {
		if (!strcmp(n, ":authority")) {
			n = "host";
			name_len = 4;
		}
		s->headers[s->header_count].name = fake_strndup(n, name_len);
		s->headers[s->header_count++].value = v;
	}
	return 0;
}

static int on_data(nghttp2_session *session, uint8_t flags, int32_t id, const uint8_t *bytes,
		   size_t n, void *user)
{
	struct stream *s = nghttp2_session_get_stream_user_data(session, id);

	(void)flags;
	(void)user;
	if (s)
		fakebuf_add(&s->body, bytes, n);
	return 0;
}

static int on_frame(nghttp2_session *session, const nghttp2_frame *frame, void *user)
{
	struct fakeapi_request req = { .http = 20 };
	struct fakeconn *c = user;
	struct stream *s;

	if ((frame->hd.type != NGHTTP2_HEADERS && frame->hd.type != NGHTTP2_DATA) ||
	    !(frame->hd.flags & NGHTTP2_FLAG_END_STREAM))
		return 0;
	s = nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);
	if (!s || s->reply)
		return 0;
	req.method = s->method ? s->method : "";
	req.path = s->path ? s->path : "";
	req.headers = s->headers;
	req.header_count = s->header_count;
	req.body = fakebuf_bytes(&s->body);
	req.body_len = fakebuf_used(&s->body);
	s->reply = fakeconn_request(c, &req);
	fakebuf_free(&s->body);
	s->phase = HEAD;
	return 0;
}

static int on_close(nghttp2_session *session, int32_t id, uint32_t error, void *user)
{
	struct stream *s = nghttp2_session_get_stream_user_data(session, id);
	struct fakeconn *c = user;

	(void)error;
	if (!s)
		return 0;
	/* Its last frame may still be on the way to the kernel: then finish() frees it. */
	s->closed = true;
	if (s->phase != TAIL)
		stream_free(c->state, s);
	return 0;
}

static ssize_t read_body(nghttp2_session *session, int32_t id, uint8_t *buf, size_t max,
			 uint32_t *flags, nghttp2_data_source *source, void *user)
{
	struct stream *s = source->ptr;
	struct fakereply *r = s->reply;
	enum fakestep step;
	size_t n, more;

	(void)session;
	(void)id;
	(void)user;
	/* With its header, the frame fills a record. */
	if (max > RECORD - 9)
		max = RECORD - 9;
	step = fakereply_read(r, (char *)buf, max, &n);
	/* The end goes with the last bytes, unless they are a part of their own. */
	if (step == FAKESTEP_DATA && !r->gate && n < max)
		step = fakereply_read(r, (char *)buf + n, max - n, &more), n += more;
	switch (step) {
	case FAKESTEP_DATA:
		return (ssize_t)n;
	case FAKESTEP_END:
		*flags |= NGHTTP2_DATA_FLAG_EOF;
		s->phase = TAIL;
		return (ssize_t)n;
	case FAKESTEP_FAULT:
		s->phase = FAULT;
		break;
	case FAKESTEP_WAIT:
		break;
	}
	if (n)
		return (ssize_t)n;
	s->deferred = true;
	return NGHTTP2_ERR_DEFERRED;
}

static nghttp2_nv make_nv(const char *name, size_t name_len, const char *value)
{
	return (nghttp2_nv){ (uint8_t *)name, (uint8_t *)value, name_len, strlen(value),
			     NGHTTP2_NV_FLAG_NONE };
}

static void leave(struct h2 *h, int32_t last)
{
	nghttp2_submit_goaway(h->session, NGHTTP2_FLAG_NONE, last, NGHTTP2_NO_ERROR, NULL, 0);
	h->leaving = true;
}

static void submit_head(struct fakeconn *c, struct stream *s)
{
	const struct fakeapi_answer *a = &s->reply->answer;
	nghttp2_data_provider provider = { .source.ptr = s, .read_callback = read_body };
	long long length = fakereply_length(s->reply);
	char status[16], length_text[32], *lowered[MAX_HEADERS];
	struct h2 *h = c->state;
	nghttp2_nv nv[MAX_HEADERS + 4];
	size_t n = 0, extra = 0;
	const char *type = fakereply_type(s->reply), *colon;

	snprintf(status, sizeof(status), "%d", a->status);
	nv[n++] = make_nv(":status", 7, status);
	if (*type)
		nv[n++] = make_nv("content-type", 12, type);
	if (s->reply->zipped)
		nv[n++] = make_nv("content-encoding", 16, "gzip");
	if (length >= 0 && a->status != 204 && a->status != 304) {
		snprintf(length_text, sizeof(length_text), "%lld", length);
		nv[n++] = make_nv("content-length", 14, length_text);
	}
	for (; a->headers && a->headers[extra] && extra < MAX_HEADERS; extra++) {
		colon = strchr(a->headers[extra], ':');
		if (!colon)
			abort();
		lowered[extra] = fake_strndup(a->headers[extra],
					      (size_t)(colon - a->headers[extra]));
		for (char *p = lowered[extra]; *p; p++)
			if (*p >= 'A' && *p <= 'Z')
				*p = (char)(*p - 'A' + 'a');
		colon += 1 + strspn(colon + 1, " ");
		nv[n++] = make_nv(lowered[extra], strlen(lowered[extra]), colon);
	}
	s->phase = s->reply->no_body ? TAIL : BODY;
	nghttp2_submit_response(h->session, s->id, nv, n, s->reply->no_body ? NULL : &provider);
	while (extra)
		free(lowered[--extra]);
	/* Between head and body, as kube-apiserver's goaway-chance does it. */
	if (a->end == FAKEAPI_GOAWAY || a->end == FAKEAPI_CLOSE)
		leave(h, nghttp2_session_get_last_proc_stream_id(h->session));
}

/* The answer or what stands for it is with the kernel. */
static void finish(struct fakeconn *c, struct stream *s)
{
	const struct fakeapi_answer *a = &s->reply->answer;
	struct h2 *h = c->state;
	bool fault = s->phase == FAULT;

	s->phase = STUCK;
	if (!fault)
		fakereply_over(s->reply, FAKEAPI_ANSWERED);
	else if (a->end != FAKEAPI_STALL && a->end != FAKEAPI_MUTE)
		fakereply_over(s->reply, FAKEAPI_FAULTED);
	if (a->end == FAKEAPI_DROP)
		h->close_due = fake_now() + DROP_GRACE;
	else if (fakeconn_end(c, s->reply))
		;
	else if (a->end == FAKEAPI_RESET_STREAM)
		nghttp2_submit_rst_stream(h->session, NGHTTP2_FLAG_NONE, s->id,
					  a->h2_error ? a->h2_error : NGHTTP2_INTERNAL_ERROR);
	else if (a->end == FAKEAPI_REFUSE_STREAM)
		nghttp2_submit_rst_stream(h->session, NGHTTP2_FLAG_NONE, s->id,
					  NGHTTP2_REFUSED_STREAM);
	else if (a->end == FAKEAPI_GOAWAY_REFUSE)
		leave(h, s->id > 1 ? s->id - 2 : 0);
	if (s->closed)
		stream_free(h, s);
}

/* What is due for a stream; frames are then in nghttp2. */
static void advance(struct fakeconn *c, struct stream *s)
{
	struct fakereply *r = s->reply;
	struct h2 *h = c->state;

	fakereply_flushed(r);
	if (s->phase == HEAD && c->stale) {
		s->phase = STUCK;
		fakereply_over(r, FAKEAPI_FAULTED);
		fakeconn_close(c, c->stale);
		return;
	}
	if (s->phase == TAIL || s->phase == FAULT) {
		finish(c, s);
		return;
	}
	if (r->due && fake_now() < r->due) {
		fakeserver_arm(c->server, &c->timer, r->due);
		return;
	}
	if (s->phase == HEAD && fakereply_headless(r)) {
		s->phase = FAULT;
		finish(c, s);
	} else if (s->phase == HEAD) {
		r->due = 0;
		if (r->answer.body_delay_ms)
			r->due = fake_now() + (uint64_t)r->answer.body_delay_ms * MS;
		if (r->due)
			fakeserver_arm(c->server, &c->timer, r->due);
		/* A part goes out on its own, so also not with the head. */
		if (r->answer.piece || r->answer.split_at || r->answer.lines)
			r->gate = true;
		submit_head(c, s);
	} else if (s->deferred) {
		s->deferred = false;
		nghttp2_session_resume_data(h->session, s->id);
	}
}

static void h2_pump(struct fakeconn *c)
{
	struct h2 *h = c->state;
	struct stream *s, *next;
	const uint8_t *bytes;
	bool waiting = false;
	ssize_t n;

	for (s = h->streams; s && !c->closing; s = next) {
		next = s->next;
		if (s->reply && s->phase != STUCK)
			advance(c, s);
	}
	if (c->closing)
		return;
	while (fakebuf_used(&c->out) < TURN - RECORD + 1) {
		n = nghttp2_session_mem_send(h->session, &bytes);
		if (n < 0)
			fakeconn_close(c, FAKECLOSE_ORDERLY);
		if (n <= 0)
			break;
		fakebuf_add(&c->out, bytes, (size_t)n);
	}
	if (fakebuf_used(&c->out) || c->closing)
		return;
	/* Nothing to write, so nothing would call us: faults found by read_body() are due now. */
	for (s = h->streams; s; s = next) {
		next = s->next;
		if (s->phase == FAULT) {
			finish(c, s);
			waiting = true;
		} else if (s->deferred && s->reply->due) {
			fakeserver_arm(c->server, &c->timer, s->reply->due);
		}
	}
	if (waiting && !c->closing)
		fakeserver_arm(c->server, &c->timer, 1);
	if (h->leaving && !h->streams && !h->close_due)
		h->close_due = fake_now() + GOAWAY_GRACE;
	if (h->close_due && fake_now() >= h->close_due)
		fakeconn_close(c, FAKECLOSE_ORDERLY);
	else if (h->close_due)
		fakeserver_arm(c->server, &c->timer, h->close_due);
}

static void h2_input(struct fakeconn *c, const char *bytes, size_t n)
{
	struct h2 *h = c->state;

	if (nghttp2_session_mem_recv(h->session, (const uint8_t *)bytes, n) < 0)
		fakeconn_close(c, FAKECLOSE_ORDERLY);
}

static void h2_open(struct fakeconn *c)
{
	unsigned max = c->server->options->max_streams;
	nghttp2_settings_entry settings[] = {
		{ NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, max ? max : 100 },
		/* As kube-apiserver's. */
		{ NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 256 * 1024 },
	};
	struct h2 *h = fake_alloc(sizeof(*h));
	nghttp2_session_callbacks *calls;

	c->state = h;
	if (nghttp2_session_callbacks_new(&calls))
		abort();
	nghttp2_session_callbacks_set_on_begin_headers_callback(calls, on_begin);
	nghttp2_session_callbacks_set_on_header_callback(calls, on_header);
	nghttp2_session_callbacks_set_on_data_chunk_recv_callback(calls, on_data);
	nghttp2_session_callbacks_set_on_frame_recv_callback(calls, on_frame);
	nghttp2_session_callbacks_set_on_stream_close_callback(calls, on_close);
	if (nghttp2_session_server_new(&h->session, calls, c))
		abort();
	nghttp2_session_callbacks_del(calls);
	nghttp2_submit_settings(h->session, NGHTTP2_FLAG_NONE, settings,
				sizeof(settings) / sizeof(settings[0]));
}

static void h2_free(struct fakeconn *c)
{
	struct h2 *h = c->state;

	while (h->streams)
		stream_free(h, h->streams);
	/* Streams are gone: no callback may look for them. */
	nghttp2_session_del(h->session);
	free(h);
}

const struct fakeproto fakeh2 = { h2_open, h2_input, h2_pump, h2_free };
