#include "fakereply.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <zlib.h>

#include "fakebuf.h"

#define MS 1000000ull

static bool cuts_body(enum fakeapi_end end)
{
	return end >= FAKEAPI_STALL && end <= FAKEAPI_RESET_STREAM;
}

bool fakereply_headless(const struct fakereply *r)
{
	return r->answer.end >= FAKEAPI_MUTE && r->answer.end <= FAKEAPI_GOAWAY_REFUSE;
}

static void add_member(struct fakebuf *out, const char *bytes, size_t n)
{
	z_stream z = { .next_in = (Bytef *)bytes, .avail_in = (uInt)n };
	size_t bound;

	/* 16 more than the largest window: a gzip header. */
	if (deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK)
		abort();
	bound = deflateBound(&z, (uLong)n);
	z.next_out = (Bytef *)fakebuf_room(out, bound);
	z.avail_out = (uInt)bound;
	if (deflate(&z, Z_FINISH) != Z_STREAM_END)
		abort();
	fakebuf_added(out, bound - z.avail_out);
	deflateEnd(&z);
}

static void zip(struct fakereply *r)
{
	const char *body = r->answer.body, *line;
	size_t left = r->body_len, n;
	struct fakebuf out = { 0 };

	do {
		n = left;
		if (r->answer.gzip == FAKEAPI_GZIP_MEMBERS && left) {
			line = memchr(body, '\n', left);
			n = line ? (size_t)(line - body) + 1 : left;
		}
		add_member(&out, body, n);
		body += n;
		left -= n;
	} while (left);
	r->body_len = fakebuf_used(&out);
	r->zipped = out.data;
}

static bool accepts_gzip(const struct fakeapi_request *req)
{
	const char *accept = fakeapi_header(req, "Accept-Encoding");

	return accept && strstr(accept, "gzip");
}

static void choose(struct fakereply *r, struct fakescript *script)
{
	static const char not_found[] =
		"{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"metadata\":{},\"status\":\"Failure\","
		"\"message\":\"the server could not find the requested resource\","
		"\"reason\":\"NotFound\",\"details\":{},\"code\":404}\n";
	const struct fakeapi_route *chosen = NULL;

	for (size_t i = 0; i < script->count; i++) {
		const struct fakeapi_route *route = &script->routes[i];

		if (!fakelog_match(r->req, route->method, route->path))
			continue;
		script->asked[i]++;
		if (chosen || (route->nth && route->nth != script->asked[i]))
			continue;
		chosen = route;
		r->req->route = (int)i;
	}
	if (!chosen) {
		r->answer.status = 404;
		r->answer.body = not_found;
		return;
	}
	r->answer = chosen->answer;
	r->ctx = chosen->ctx;
}

struct fakereply *fakereply_new(struct fakescript *script, struct fakelog *log,
				const struct fakeapi_request *req,
				const struct fakeapi_live *live)
{
	struct fakereply *r = fake_alloc(sizeof(*r));
	struct fakeapi_answer *a = &r->answer;

	r->live = *live;
	r->live.end = &a->end;
	r->req = fakelog_copy(req);
	r->req->route = -1;
	r->req->arrived_ns = fake_now();
	choose(r, script);
	r->logged = fakelog_add(log, r->req);
	a->live = &r->live;
	if (r->req->route >= 0 && script->routes[r->req->route].generate)
		script->routes[r->req->route].generate(r->ctx, r->req, a);
	if (!a->status)
		a->status = 200;
	r->body_len = a->body_len ? a->body_len : a->body ? strlen(a->body) : 0;
	r->no_body = !strcmp(req->method, "HEAD") || a->status == 204 || a->status == 304;
	if (a->gzip && !a->stream && !accepts_gzip(req))
		a->gzip = FAKEAPI_IDENTITY;
	if (a->gzip && !a->stream)
		zip(r);
	if (!a->part_delay_ms && a->split_at)
		a->part_delay_ms = 2;
	if (a->head_delay_ms)
		r->due = fake_now() + (uint64_t)a->head_delay_ms * MS;
	return r;
}

void fakereply_free(struct fakereply *r)
{
	if (!r)
		return;
	fakereply_over(r, FAKEAPI_CLIENT_LEFT);
	if (r->answer.stream_free)
		r->answer.stream_free(r->answer.stream_state);
	if (r->answer.body_free)
		r->answer.body_free((void *)r->answer.body);
	free(r->zipped);
	free(r->req);
	free(r);
}

static void sent(struct fakereply *r, size_t n)
{
	atomic_fetch_add(&r->req->sent, n);
	if (r->logged)
		atomic_fetch_add(&r->logged->sent, n);
}

/* How much of n bytes goes out as one write; sets what has to pass before the next. */
static size_t part(struct fakereply *r, const char *bytes, size_t n)
{
	const struct fakeapi_answer *a = &r->answer;
	const char *line;

	if (!a->piece && !a->lines && !a->split_at)
		return n;
	if (a->piece && n > a->piece)
		n = a->piece;
	if (a->split_at > r->off && n > a->split_at - r->off)
		n = a->split_at - r->off;
	if (a->lines) {
		line = memchr(bytes, '\n', n);
		if (line)
			n = (size_t)(line - bytes) + 1;
	}
	r->gate = true;
	if (a->part_delay_ms && r->off + n < r->body_len)
		r->due = fake_now() + (uint64_t)a->part_delay_ms * MS;
	return n;
}

enum fakestep fakereply_read(struct fakereply *r, char *buf, size_t max, size_t *n)
{
	const char *body = r->zipped ? r->zipped : r->answer.body;
	bool cut = cuts_body(r->answer.end);
	size_t stop = r->body_len;

	*n = 0;
	if (r->gate || (r->due && fake_now() < r->due))
		return FAKESTEP_WAIT;
	r->due = 0;
	if (r->no_body)
		return cut ? FAKESTEP_FAULT : FAKESTEP_END;
	if (r->answer.stream) {
		*n = r->answer.stream(r->answer.stream_state, buf, max);
		if (*n == FAKEAPI_LATER) {
			*n = 0;
			return FAKESTEP_WAIT;
		}
		sent(r, *n);
		return *n ? FAKESTEP_DATA : cuts_body(r->answer.end) ? FAKESTEP_FAULT : FAKESTEP_END;
	}
	if (cut && r->answer.end_after < stop)
		stop = r->answer.end_after;
	if (r->off >= stop)
		return cut ? FAKESTEP_FAULT : FAKESTEP_END;
	*n = stop - r->off < max ? stop - r->off : max;
	*n = part(r, body + r->off, *n);
	memcpy(buf, body + r->off, *n);
	r->off += *n;
	sent(r, *n);
	return FAKESTEP_DATA;
}

void fakereply_flushed(struct fakereply *r)
{
	r->gate = false;
}

long long fakereply_length(const struct fakereply *r)
{
	if (r->answer.coding != FAKEAPI_LENGTH || r->answer.stream)
		return -1;
	return (long long)r->body_len + r->answer.length_error;
}

const char *fakereply_type(const struct fakereply *r)
{
	const char *type = r->answer.type;

	if (!type)
		type = r->body_len || r->answer.stream ? "application/json" : "";
	return type;
}

void fakereply_over(struct fakereply *r, enum fakeapi_fate fate)
{
	if (r->over)
		return;
	r->over = true;
	atomic_store(&r->req->fate, fate);
	if (r->logged)
		atomic_store(&r->logged->fate, fate);
	if (fate == FAKEAPI_ANSWERED && r->answer.sent)
		r->answer.sent(r->ctx, r->req);
}

void fakeapi_more(struct fakeapi_live *live)
{
	live->more(live->conn);
}

void fakeapi_set_end(struct fakeapi_live *live, enum fakeapi_end end)
{
	*live->end = end;
}

void fakeapi_mute(struct fakeapi_live *live, bool on)
{
	live->mute(live->conn, on);
}
