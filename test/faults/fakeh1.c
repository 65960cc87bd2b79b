/* HTTP/1.1: one request at a time, what is pipelined waits. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "fakeconn.h"

#define MAX_HEADERS 100
#define RECORD 16384		/* the largest TLS record: a chunk with its frame fills one */
#define RECORDS_A_TURN 4

enum phase {
	HEAD,
	BODY,
	TAIL,			/* all is said, and not yet with the kernel */
	FAULT,
	STUCK,			/* nothing more will be said */
};

struct h1 {
	struct fakebuf in;
	bool continued;		/* 100 Continue was sent for the request in .in */
	struct fakereply *reply;
	enum phase phase;
	bool chunked, close_after;
};

static void h1_open(struct fakeconn *c)
{
	c->state = fake_alloc(sizeof(struct h1));
}

static void h1_free(struct fakeconn *c)
{
	struct h1 *h = c->state;

	fakereply_free(h->reply);
	fakebuf_free(&h->in);
	free(h);
}

static void bad_request(struct fakeconn *c, const char *status)
{
	fakebuf_printf(&c->out, "HTTP/1.1 %s\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
		       status);
	fakeconn_close(c, FAKECLOSE_ORDERLY);
}

/* Splits head in place. Returns whether it is a request. */
static bool split_head(char *head, struct fakeapi_request *req, struct fakeapi_header *headers)
{
	char *line = head, *end, *colon;

	end = strstr(line, "\r\n");
	*end = '\0';
	req->method = line;
	req->path = strchr(line, ' ');
	if (!req->path)
		return false;
	*(char *)req->path++ = '\0';
	line = strchr(req->path, ' ');
	if (!line || strncmp(line, " HTTP/1.", 8))
		return false;
	*line = '\0';
	for (line = end + 2; *line; line = end + 2) {
		end = strstr(line, "\r\n");
		if (end == line)
			break;
		*end = '\0';
		colon = strchr(line, ':');
		if (!colon || req->header_count == MAX_HEADERS)
			return false;
		*colon++ = '\0';
		colon += strspn(colon, " \t");
		headers[req->header_count].name = line;
		headers[req->header_count++].value = colon;
	}
	return true;
}

static bool expects_continue(const struct fakeapi_request *req)
{
	const char *expect = fakeapi_header(req, "Expect");

	return expect && !strcasecmp(expect, "100-continue");
}

/* Makes a reply out of .in, if a whole request is there. */
static void next_request(struct fakeconn *c)
{
	struct fakeapi_header headers[MAX_HEADERS];
	struct fakeapi_request req = { .headers = headers, .http = 11 };
	struct h1 *h = c->state;
	const char *bytes = fakebuf_bytes(&h->in), *length;
	size_t used = fakebuf_used(&h->in), head_len;
	char *head, *end;

	if (h->reply || !used)
		return;
	end = memmem(bytes, used, "\r\n\r\n", 4);
	if (!end)
		return;
	head_len = (size_t)(end - bytes) + 4;
	/* Split in a copy: the body may not be there yet, and then all is read again. */
	head = fake_strndup(bytes, head_len);
	if (!split_head(head, &req, headers)) {
		bad_request(c, "400 Bad Request");
	} else if (fakeapi_header(&req, "Transfer-Encoding")) {
		bad_request(c, "411 Length Required");
	} else {
		length = fakeapi_header(&req, "Content-Length");
		req.body_len = length ? strtoul(length, NULL, 10) : 0;
		req.body = bytes + head_len;
		if (used - head_len >= req.body_len) {
			h->reply = fakeconn_request(c, &req);
			h->phase = HEAD;
			h->continued = false;
			fakebuf_eat(&h->in, head_len + req.body_len);
		} else if (expects_continue(&req) && !h->continued) {
			h->continued = true;
			fakebuf_printf(&c->out, "HTTP/1.1 100 Continue\r\n\r\n");
		}
	}
	free(head);
}

static void h1_input(struct fakeconn *c, const char *bytes, size_t n)
{
	struct h1 *h = c->state;

	fakebuf_add(&h->in, bytes, n);
	next_request(c);
}

static const char *reason(int status)
{
	static const struct { int status; const char *text; } known[] = {
		{ 200, "OK" }, { 201, "Created" }, { 202, "Accepted" }, { 204, "No Content" },
		{ 301, "Moved Permanently" }, { 302, "Found" }, { 304, "Not Modified" },
		{ 307, "Temporary Redirect" }, { 400, "Bad Request" }, { 401, "Unauthorized" },
		{ 403, "Forbidden" }, { 404, "Not Found" }, { 409, "Conflict" }, { 410, "Gone" },
		{ 422, "Unprocessable Entity" }, { 429, "Too Many Requests" },
		{ 500, "Internal Server Error" }, { 503, "Service Unavailable" },
		{ 504, "Gateway Timeout" },
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (known[i].status == status)
			return known[i].text;
	return "Whatever";
}

static void add_head(struct fakeconn *c, const struct fakereply *r)
{
	const struct fakeapi_answer *a = &r->answer;
	const char *type = fakereply_type(r);
	long long length = fakereply_length(r);
	struct h1 *h = c->state;

	h->chunked = length < 0 && a->coding != FAKEAPI_UNTIL_CLOSE && !r->no_body;
	h->close_after = a->coding == FAKEAPI_UNTIL_CLOSE || a->end == FAKEAPI_CLOSE;
	fakebuf_printf(&c->out, "HTTP/1.1 %d %s\r\n", a->status, reason(a->status));
	if (*type)
		fakebuf_printf(&c->out, "Content-Type: %s\r\n", type);
	if (r->zipped)
		fakebuf_printf(&c->out, "Content-Encoding: gzip\r\n");
	for (size_t i = 0; a->headers && a->headers[i]; i++)
		fakebuf_printf(&c->out, "%s\r\n", a->headers[i]);
	if (h->chunked)
		fakebuf_printf(&c->out, "Transfer-Encoding: chunked\r\n");
	else if (length >= 0 && a->status != 204 && a->status != 304)
		fakebuf_printf(&c->out, "Content-Length: %lld\r\n", length);
	if (h->close_after)
		fakebuf_printf(&c->out, "Connection: close\r\n");
	fakebuf_add(&c->out, "\r\n", 2);
}

/* One chunk, or as many bytes as fill a record. */
static enum fakestep add_body(struct fakeconn *c, struct fakereply *r)
{
	static const int frame = 6 + 2;		/* "3ff8\r\n" and "\r\n" */
	struct h1 *h = c->state;
	enum fakestep step;
	char *room, size[8];
	size_t n, lead;

	room = fakebuf_room(&c->out, RECORD);
	if (!h->chunked) {
		step = fakereply_read(r, room, RECORD, &n);
		fakebuf_added(&c->out, n);
		return step;
	}
	step = fakereply_read(r, room + 6, (size_t)(RECORD - frame), &n);
	if (step == FAKESTEP_DATA) {
		lead = (size_t)snprintf(size, sizeof(size), "%zx\r\n", n);
		if (lead != 6)
			memmove(room + lead, room + 6, n);
		memcpy(room, size, lead);
		memcpy(room + lead + n, "\r\n", 2);
		fakebuf_added(&c->out, lead + n + 2);
	}
	return step;
}

static void pump_body(struct fakeconn *c)
{
	struct h1 *h = c->state;
	struct fakereply *r = h->reply;

	while (fakebuf_used(&c->out) < (RECORDS_A_TURN - 1) * RECORD + 1) {
		switch (add_body(c, r)) {
		case FAKESTEP_DATA:
			break;
		case FAKESTEP_WAIT:
			if (r->due)
				fakeserver_arm(c->server, &c->timer, r->due);
			return;
		case FAKESTEP_FAULT:
			h->phase = FAULT;
			return;
		case FAKESTEP_END:
			if (h->chunked)
				fakebuf_add(&c->out, "0\r\n\r\n", 5);
			h->phase = TAIL;
			return;
		}
	}
}

/* Ends that another protocol has other words for. */
static void end_in_h1(struct fakeconn *c, const struct fakereply *r)
{
	fakeconn_close(c, r->answer.end == FAKEAPI_RESET_STREAM ? FAKECLOSE_RESET :
		       FAKECLOSE_ORDERLY);
}

static void pump_head(struct fakeconn *c)
{
	struct h1 *h = c->state;
	struct fakereply *r = h->reply;

	if (r->due && fake_now() < r->due) {
		fakeserver_arm(c->server, &c->timer, r->due);
		return;
	}
	r->due = 0;
	if (c->stale) {
		fakereply_over(r, FAKEAPI_FAULTED);
		fakeconn_close(c, c->stale);
		h->phase = STUCK;
		return;
	}
	if (fakereply_headless(r)) {
		h->phase = FAULT;
		return;
	}
	add_head(c, r);
	h->phase = BODY;
	if (r->answer.body_delay_ms)
		r->due = fake_now() + (uint64_t)r->answer.body_delay_ms * 1000000;
	/* A part goes out on its own, so also not with the head. */
	if (r->answer.piece || r->answer.split_at || r->answer.lines)
		r->gate = true;
}

static void finish_reply(struct fakeconn *c)
{
	struct h1 *h = c->state;
	struct fakereply *r = h->reply;
	bool fault = h->phase == FAULT;

	h->phase = STUCK;
	if (!fault)
		fakereply_over(r, FAKEAPI_ANSWERED);
	else if (r->answer.end != FAKEAPI_STALL && r->answer.end != FAKEAPI_MUTE)
		fakereply_over(r, FAKEAPI_FAULTED);
	if (!fakeconn_end(c, r))
		end_in_h1(c, r);
	if (fault)
		return;
	/* More was announced than came: only a close tells. */
	if (h->close_after || r->answer.length_error > 0)
		fakeconn_close(c, FAKECLOSE_ORDERLY);
	fakereply_free(r);
	h->reply = NULL;
	if (!c->closing)
		next_request(c);
}

static void h1_pump(struct fakeconn *c)
{
	struct h1 *h = c->state;

	if (h->reply)
		fakereply_flushed(h->reply);
	if (h->reply && (h->phase == TAIL || h->phase == FAULT))
		finish_reply(c);
	if (h->reply && !c->closing && h->phase == HEAD)
		pump_head(c);
	if (h->reply && !c->closing && h->phase == BODY)
		pump_body(c);
	/* An end that adds no bytes is still to be finished, and nothing else would call. */
	if (h->reply && !c->closing && !fakebuf_used(&c->out) &&
	    (h->phase == TAIL || h->phase == FAULT))
		finish_reply(c);
}

const struct fakeproto fakeh1 = { h1_open, h1_input, h1_pump, h1_free };
