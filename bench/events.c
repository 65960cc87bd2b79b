#include "events.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DIGITS 8

struct ring {
	struct record *line;
	unsigned count;
	size_t version;			/* where it stands in every line */
};

struct stream {
	struct events *events;
	struct ring *ring;
	struct stream *next;
	struct fakeapi_live *live;
	unsigned long at, end;		/* events: the one under way; as many there are */
	size_t off;			/* of that one, sent */
	bool poked;
};

struct events {
	struct ring json, protobuf;	/* protobuf.line: borrowed, or NULL */
	struct stream *streams;
};

struct events *events_new(struct pods *pods)
{
	struct events *e = calloc(1, sizeof(*e));
	char *pod;
	int n;

	if (!e)
		abort();
	e->json.count = pods_count(pods) < 5000 ? pods_count(pods) : 5000;
	e->json.line = calloc(e->json.count, sizeof(*e->json.line));
	if (!e->json.line)
		abort();
	for (unsigned i = 0; i < e->json.count; i++) {
		pod = pods_one(pods, i);
		pod[strlen(pod) - 1] = '\0';	/* its newline */
		n = asprintf(&e->json.line[i].bytes, "{\"type\":\"MODIFIED\",\"object\":%s}\n", pod);
		if (n < 0)
			abort();
		e->json.line[i].len = (size_t)n;
		free(pod);
	}
	e->json.version = (size_t)(strstr(e->json.line[0].bytes, "\"resourceVersion\":\"") -
				   e->json.line[0].bytes) + strlen("\"resourceVersion\":\"");
	return e;
}

void events_free(struct events *e)
{
	if (!e)
		return;
	for (unsigned i = 0; i < e->json.count; i++)
		free(e->json.line[i].bytes);
	free(e->json.line);
	free(e);
}

void events_set_protobuf(struct events *e, struct record *record)
{
	const char *version = memmem(record->bytes, record->len, "80000000", DIGITS);

	if (!version) {
		fprintf(stderr, "replay: the events as protobuf are not of our Pods\n");
		exit(1);
	}
	e->protobuf = (struct ring){ record, e->json.count, (size_t)(version - record->bytes) };
}

/* The ring is everybody's: whoever goes on in a line writes his version there again. */
static const struct record *line_of(struct stream *s)
{
	struct record *line = &s->ring->line[s->at % s->ring->count];
	char digits[DIGITS + 1];

	snprintf(digits, sizeof(digits), "%0*lu", DIGITS, (90000001 + s->at) % 100000000);
	memcpy(line->bytes + s->ring->version, digits, DIGITS);
	return line;
}

static size_t stream_read(void *state, char *buf, size_t max)
{
	struct stream *s = state;
	const struct record *line = s->at < s->end ? line_of(s) : NULL;
	size_t done = 0, n;

	while (line && done < max) {
		n = line->len - s->off < max - done ? line->len - s->off : max - done;
		memcpy(buf + done, line->bytes + s->off, n);
		done += n;
		s->off += n;
		if (s->off == line->len) {
			s->off = 0;
			line = ++s->at < s->end ? line_of(s) : NULL;
		}
	}
	return done ? done : FAKEAPI_LATER;
}

static void stream_free(void *state)
{
	struct stream *s = state, **at = &s->events->streams;

	while (*at != s)
		at = &(*at)->next;
	*at = s->next;
	free(s);
}

void events_watch(struct events *e, const struct fakeapi_request *req, struct fakeapi_answer *out)
{
	const char *namespace = strstr(req->path, "/namespaces/"), *accept = fakeapi_header(req, "accept");
	struct stream *s = calloc(1, sizeof(*s));

	if (!s)
		abort();
	namespace = namespace ? namespace + strlen("/namespaces/") : "";
	s->events = e;
	s->ring = &e->json;
	if (e->protobuf.line && accept && strstr(accept, PROTOBUF_TYPE)) {
		s->ring = &e->protobuf;
		out->type = PROTOBUF_TYPE ";stream=watch";
	}
	s->next = e->streams;
	e->streams = s;
	s->live = out->live;
	s->poked = !strncmp(namespace, "poked/", 6);
	if (!strncmp(namespace, "events-", 7))
		s->end = strtoul(namespace + 7, NULL, 10);
	out->stream = stream_read;
	out->stream_free = stream_free;
	out->stream_state = s;
}

unsigned events_poke(struct events *e)
{
	unsigned count = 0;

	for (struct stream *s = e->streams; s; s = s->next) {
		if (!s->poked)
			continue;
		s->end++;
		count++;
		fakeapi_more(s->live);
	}
	return count;
}
