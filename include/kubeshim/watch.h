/*
 * kubeshim/watch.h - what becomes of objects, as it happens.
 *
 * A watch hands on every change of the objects that a query means, in the server's
 * order, for as long as it lives. Streams that the server ends, connections that
 * break, versions that expire and servers that are away are met in here: the watch
 * goes on from the last change that it saw, so that none is lost and none comes
 * twice. It takes the verbs list and watch.
 *
 * What it cannot bridge it tells: after a gap (the server no longer has what
 * happened since) a fresh state comes, framed by KSHIM_EVENT_BEGIN and
 * KSHIM_EVENT_END, or the watch ends with KSHIM_EGONE, as chosen. When it is cut off
 * for longer it says KSHIM_EVENT_LATE.
 */
#ifndef KUBESHIM_WATCH_H
#define KUBESHIM_WATCH_H

#include <kubeshim/common.h>
#include <kubeshim/options.h>

KSHIM_BEGIN_DECLS

typedef enum kshim_event {
	KSHIM_EVENT_ADDED,    /* created, or came to match the query's selectors; between BEGIN and END: is there */
	KSHIM_EVENT_MODIFIED,
	KSHIM_EVENT_DELETED,  /* with its last state, or it no longer matches */
	KSHIM_EVENT_BEGIN,    /* a whole state follows, in no order; what was known before is to be
	                       * forgotten if it has not come by END. Again before END: from the start */
	KSHIM_EVENT_END,      /* that state is whole */
	KSHIM_EVENT_BOOKMARK, /* kshim_watch_resource_version() went on without a change; only if asked for */
	KSHIM_EVENT_LATE,     /* no news can come at present: kshim_watch_error() says why. At every further
	                       * failure again; the watch goes on trying */
	KSHIM_EVENT_RESUMED   /* after LATE: a stream is open again, nothing was missed */
} kshim_event;

/* Runs from the loop, never inside the function that made the watch. `object` is
 * NULL but for ADDED, MODIFIED and DELETED, and borrowed until it returns:
 * kshim_object_ref() keeps it. The watch may be stopped and anything freed in it. */
typedef void kshim_event_fn(kshim_watch *watch, kshim_event event, kshim_object *object, void *user);

/* Watches what the query means. `options` (NULL: defaults) are those below and the
 * timeout, which is the watch's whole life and has no default. If the query has a
 * resourceVersion the watch starts behind it, without a state before; see
 * kshim_options_set_watch_from() for the rest.
 *
 * The handle is borrowed: valid until `done` returns. `done` follows the contract of
 * common.h. The watch ends with KSHIM_ECANCELED when it is stopped; with
 * KSHIM_EGONE where that was chosen; with the server's word if it refuses at the
 * start what cannot pass by itself (KSHIM_EFORBIDDEN, KSHIM_EUNAUTHORIZED,
 * KSHIM_ENOKIND, KSHIM_EINVAL, KSHIM_ETLS); never because of trouble later on, which
 * is LATE. Without an error it ends for kshim_options_set_watch_once() alone;
 * kshim_result_resource_version() tells where it had come to.
 *
 * NULL, and kshim_client_error() tells, for bad arguments or without memory. */
KSHIM_API kshim_watch *kshim_query_watch(kshim_query *query, const kshim_options *options, kshim_event_fn *event,
					 kshim_done_fn *done, void *user);

/* The same of the one object, by its name: also when it is created later or anew. */
KSHIM_API kshim_watch *kshim_object_watch(kshim_object *object, const kshim_options *options, kshim_event_fn *event,
					  kshim_done_fn *done, void *user);

/* Ends it: no further event, `done` runs from the loop. NULL does nothing. */
KSHIM_API void kshim_watch_stop(kshim_watch *watch);

/* Holds events back, and lets them go. Meanwhile they are kept, up to the bytes of
 * kshim_options_set_watch_buffer(); what is beyond is left to the server, and fetched
 * from where the watch stands once it is resumed (a gap, if that took too long). Of
 * LATE and RESUMED what is over by then is not told. */
KSHIM_API void kshim_watch_pause(kshim_watch *watch);
KSHIM_API void kshim_watch_resume(kshim_watch *watch);

/* What the last failure was; NULL once a stream is open. Borrowed until the loop goes
 * on. */
KSHIM_API const kshim_error *kshim_watch_error(const kshim_watch *watch);

/* The version of the last event that was handed on, or of a bookmark behind it, to
 * watch from another time; NULL before there is one. Borrowed until the loop goes on. */
KSHIM_API const char *kshim_watch_resource_version(const kshim_watch *watch);

/* Whose it is; NULL once the client was freed. */
KSHIM_API kshim_client *kshim_watch_client(const kshim_watch *watch);

typedef enum kshim_watch_counter {
	KSHIM_WATCH_EVENTS,   /* ADDED, MODIFIED and DELETED that were handed on */
	KSHIM_WATCH_STREAMS,  /* requests for a stream that were answered: 1 more than it was resumed */
	KSHIM_WATCH_LISTS,    /* states that were read, or begun */
	KSHIM_WATCH_FAILURES, /* attempts that failed, and streams that broke */
	KSHIM_WATCH_GAPS,     /* versions that the server had no longer */
	KSHIM_WATCH_DROPS     /* streams that were dropped because the buffer was full */
} kshim_watch_counter;

/* How often that happened; 0 for NULL. */
KSHIM_API uint64_t kshim_watch_count(const kshim_watch *watch, kshim_watch_counter counter);

typedef enum kshim_watch_from {
	KSHIM_WATCH_FROM_STATE, /* BEGIN, ADDED for each object there is, END; then the changes */
	KSHIM_WATCH_FROM_NOW    /* the changes from now on alone */
} kshim_watch_from;

/* What comes first, where the query has no resourceVersion. Default: FROM_STATE. */
KSHIM_API int kshim_options_set_watch_from(kshim_options *options, kshim_watch_from from);

typedef enum kshim_watch_gap {
	KSHIM_WATCH_GAP_STATE, /* BEGIN, the fresh state, END */
	KSHIM_WATCH_GAP_ERROR  /* the watch ends with KSHIM_EGONE */
} kshim_watch_gap;

/* What becomes of a gap. Default: GAP_STATE. */
KSHIM_API int kshim_options_set_watch_gap(kshim_options *options, kshim_watch_gap gap);

/* One stream only: the watch ends when the server has ended it and what it brought
 * was handed on. */
KSHIM_API int kshim_options_set_watch_once(kshim_options *options, int once);

/* Hand on BOOKMARK events, too (Kubernetes API concepts, "Watch bookmarks"). */
KSHIM_API int kshim_options_set_watch_bookmarks(kshim_options *options, int bookmarks);

/* Let the server stream the state (sendInitialEvents, "Streaming lists") in place of
 * a list; where it does not know how, the client remembers and lists. It spares the
 * server memory; a list spares both a connection. Default: 0. */
KSHIM_API int kshim_options_set_watch_streamed_state(kshim_options *options, int streamed);

/* How long the server keeps a stream (timeoutSeconds), 1 to 86400; 0 (default): 5 to
 * 10 minutes, at random. A stream that is silent for 30 s more is given up. */
KSHIM_API int kshim_options_set_watch_seconds(kshim_options *options, unsigned seconds);

/* Bytes of events that may wait while the program holds them back; 0 (default): 1 MiB.
 * For one that is merely slow the stream is read no faster than it is handed on. */
KSHIM_API int kshim_options_set_watch_buffer(kshim_options *options, size_t bytes);

KSHIM_END_DECLS

#endif
