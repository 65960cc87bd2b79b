/*
 * kubeshim/recorder.h - records Events about objects: what `kubectl get events` and
 * `kubectl describe` show.
 *
 * A recorder never fails and never delays its user: an event is queued, and what
 * cannot be sent is counted. The rules by which events are combined are those of
 * client-go's tools/record. The account needs create and patch of events.
 */
#ifndef KUBESHIM_RECORDER_H
#define KUBESHIM_RECORDER_H

#include <kubeshim/common.h>

KSHIM_BEGIN_DECLS

typedef struct kshim_recorder kshim_recorder;

typedef enum kshim_recorder_type {
	KSHIM_RECORDER_NORMAL, /* all is well */
	KSHIM_RECORDER_WARNING
} kshim_recorder_type;

/* A recorder for what `component` ("example.com/my-controller") does; `instance`
 * tells several processes of it apart (NULL: the host's name). Both are copied. New;
 * NULL, and kshim_client_error() tells, without a component (KSHIM_EINVAL) or
 * memory, or for a client that was freed. */
KSHIM_API kshim_recorder *kshim_recorder_new(kshim_client *client, const char *component, const char *instance);

/* Releases the recorder. Events that are queued are still sent, each tried once,
 * as long as client and loop go on. */
KSHIM_API void kshim_recorder_free(kshim_recorder *recorder);

/* Records an event about an object that has a name and a kind, in its namespace
 * (that of objects without one is "default"). It should have been read: an Event
 * about a handle of kshim_query_object() has no uid, by which `kubectl describe`
 * looks for it, and if its kind is not known yet, there is none. `reason` is a word for programs
 * ("ScaledUp"; at most 128 bytes), `message` a sentence for people; what exceeds
 * 1,024 bytes of it is cut off. The object is read before this returns. */
KSHIM_API void kshim_recorder_event(kshim_recorder *recorder, kshim_object *object, kshim_recorder_type type,
				    const char *reason, const char *message);

/* How many events are queued, the one that is being sent included. */
KSHIM_API size_t kshim_recorder_len(const kshim_recorder *recorder);

/* How many were not recorded: wrong arguments, more than 1,000 in the queue, no
 * memory, an object with too many events, or the server refused them or was out of
 * reach for too long. */
KSHIM_API uint64_t kshim_recorder_dropped(const kshim_recorder *recorder);

/* Why the last attempt to send one failed, NULL if it did not; borrowed until the
 * loop runs. */
KSHIM_API const kshim_error *kshim_recorder_error(const kshim_recorder *recorder);

KSHIM_END_DECLS

#endif
