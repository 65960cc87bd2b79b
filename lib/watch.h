/*
 * Watches from the inside: see kubeshim/watch.h.
 *
 * A state machine of calls: it lists, streams from the list's version, and waits
 * before it does either again. What comes in is cut into events inside libcurl and
 * queued; all is handed on from the watch's task.
 */
#ifndef KSHIM__WATCH_H
#define KSHIM__WATCH_H

#include "call.h"
#include "json/lines.h"

#include <kubeshim/watch.h>

#define KSHIM__WATCH_VERSION_MAX 255

enum kshim__watch_state {
	KSHIM__WATCH_LISTING,
	KSHIM__WATCH_STREAMING,
	KSHIM__WATCH_OVER,    /* the stream is; what it brought is yet to be handed on */
	KSHIM__WATCH_WAITING, /* before the next attempt */
	KSHIM__WATCH_ENDED
};

/* An event that waits. The version is where it stands in the object's text. */
struct kshim__waiting_event {
	kshim_object *object; /* reference, or NULL */
	uint32_t version_at;
	uint16_t version_len;
	uint8_t event; /* kshim_event */
};

struct kshim_watch {
	kshim_client *client; /* reference */
	struct kshim__tenant tenant;
	struct kshim__task task;
	struct kshim__timer retry; /* the next attempt; while an error is its last word, the end of a stream */
	struct kshim__timer late; /* of a stream that does not open; of the watch's life */
	int64_t life_ends_us;     /* 0: never */
	kshim_query *query;       /* our own */
	kshim_call *call;         /* the list or stream under way; borrowed */

	bool from_now, gap_is_error, once, bookmarks, streamed_state;
	bool slim; /* objects come without managedFields */
	unsigned seconds; /* 0: at random */
	size_t buffer;

	enum kshim__watch_state state;
	bool begun;       /* a state was read, or a stream opened */
	bool in_state;    /* BEGIN was told, END was not */
	bool initial;     /* the stream brings a state (sendInitialEvents) */
	bool opened;      /* the head of the answer came; the task has yet to look */
	bool open;
	bool news;        /* the stream brought something */
	bool usual;       /* in the usual form: see kshim__event_read() */
	bool paused;      /* by the user */
	bool delivering;
	bool dropping;    /* what the stream still brings is not taken */
	bool dropped;     /* because the buffer was full */
	bool told_late;
	bool heard_late;  /* it was handed on */
	unsigned failures; /* in a row */
	unsigned stream_seconds;
	int64_t began_us; /* the stream */

	struct kshim__buf version;   /* to go on from; empty: list */
	struct kshim__buf delivered; /* of the last event that was handed on */
	char *floor;                 /* no older state than this after a gap; or NULL */
	struct kshim__lines lines;
	struct kshim__waiting_event *queue;
	size_t queue_at, queue_end, queue_cap, queue_bytes;
	kshim_error *problem; /* the last */
	uint64_t counters[KSHIM_WATCH_DROPS + 1];

	kshim_result result;
	kshim_event_fn *event;
	kshim_done_fn *done;
	void *user;
};

/* Of a watch that was just begun: its objects are slim. */
void kshim__watch_make_slim(kshim_watch *watch);

/* Shared with watch_take.c. */

/* An event that is handed on from the watch's task. false without memory; the
 * object's reference is taken over in any case. */
bool kshim__watch_enqueue(kshim_watch *watch, kshim_event event, kshim_object *object, size_t version_at,
			  size_t version_len);
/* Where to go on from; false without memory, and there is none then. */
bool kshim__watch_set_version(kshim_watch *watch, const char *version, size_t len);
void kshim__watch_begin_state(kshim_watch *watch);
void kshim__watch_set_problem(kshim_watch *watch, kshim_error *problem); /* steals */

/* Whether the stream may go on. */
bool kshim__watch_has_room(const kshim_watch *watch);

/* The stream's bytes. */
enum kshim__sink kshim__watch_take(kshim_call *call, const char *data, size_t len);

#endif
