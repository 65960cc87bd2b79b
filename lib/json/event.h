/*
 * One line of a watch: {"type":"MODIFIED","object":{…}}. What is needed to go on
 * is found without taking it apart.
 */
#ifndef KSHIM__JSON_EVENT_H
#define KSHIM__JSON_EVENT_H

#include "json/scan.h"

enum kshim__event_type {
	KSHIM__EVENT_ADDED,
	KSHIM__EVENT_MODIFIED,
	KSHIM__EVENT_DELETED,
	KSHIM__EVENT_BOOKMARK,
	KSHIM__EVENT_ERROR,
	KSHIM__EVENT_OTHER /* of a server that is newer than this */
};

struct kshim__event {
	enum kshim__event_type type;
	struct kshim__span object;
	struct kshim__span version; /* metadata.resourceVersion as it stands there, without quotes; empty: none */
};

/* false: that is no event. The spans point into the line. Of the object its end is
 * found, and its version: no more of it is checked. *usual, false before a stream's
 * first line, is set by one that is whole and as API servers write it, with nothing
 * behind the object: of further lines that begin and end like it that is taken for
 * granted. */
bool kshim__event_read(struct kshim__span line, struct kshim__event *event, bool *usual);

/* A bookmark that ends the state which sendInitialEvents asked for (Kubernetes API
 * concepts, "Streaming lists"). */
bool kshim__event_is_initial_end(const struct kshim__event *event);

#endif
