#include "events.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DIGITS 8

struct line {
	char *text;
	size_t len;
};

struct stream {
	struct events *events;
	struct stream *next;
	struct fakeapi_live *live;
	unsigned long at, end;		/* events: the one under way; as many there are */
	size_t off;			/* of that one, sent */
	bool poked;
};

struct events {
	struct line *line;
	unsigned ring;
	size_t version;			/* where it stands in every line */
	struct stream *streams;
};

struct events *events_new(struct pods *pods)
{
	struct events *e = calloc(1, sizeof(*e));
	char *pod;
	int n;

	if (!e)
		abort();
	e->ring = pods_count(pods) < 5000 ? pods_count(pods) : 5000;
	e->line = calloc(e->ring, sizeof(*e->line));
	if (!e->line)
		abort();
	for (unsigned i = 0; i < e->ring; i++) {
		pod = pods_one(pods, i);
		pod[strlen(pod) - 1] = '\0';	/* its newline */
		n = asprintf(&e->line[i].text, "{\"type\":\"MODIFIED\",\"object\":%s}\n", pod);
		if (n < 0)
			abort();
		e->line[i].len = (size_t)n;
		free(pod);
	}
	e->version = (size_t)(strstr(e->line[0].text, "\"resourceVersion\":\"") -
			      e->line[0].text) + strlen("\"resourceVersion\":\"");
	return e;
}

void events_free(struct events *e)
{
	if (!e)
		return;
	for (unsigned i = 0; i < e->ring; i++)
		free(e->line[i].text);
	free(e->line);
	free(e);
}

/* The ring is everybody's: whoever goes on in a line writes his version there again. */
static const struct line *line_of(struct stream *s)
{
	struct line *line = &s->events->line[s->at % s->events->ring];
	char digits[DIGITS + 1];

	snprintf(digits, sizeof(digits), "%0*lu", DIGITS, (90000001 + s->at) % 100000000);
	memcpy(line->text + s->events->version, digits, DIGITS);
	return line;
}

static size_t stream_read(void *state, char *buf, size_t max)
{
	struct stream *s = state;
	const struct line *line = s->at < s->end ? line_of(s) : NULL;
	size_t done = 0, n;

	while (line && done < max) {
		n = line->len - s->off < max - done ? line->len - s->off : max - done;
		memcpy(buf + done, line->text + s->off, n);
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

void events_watch(struct events *e, const char *path, struct fakeapi_answer *out)
{
	const char *namespace = strstr(path, "/namespaces/");
	struct stream *s = calloc(1, sizeof(*s));

	if (!s)
		abort();
	namespace = namespace ? namespace + strlen("/namespaces/") : "";
	s->events = e;
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
