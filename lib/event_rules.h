/*
 * Which Events are sent, and how: the rules of client-go's tools/record
 * (events_cache.go). The same event again becomes an update of the first one;
 * from the tenth that differ only in their message, within ten minutes of each
 * other, they are combined; of one object 25 are sent, then one in five minutes.
 * What is remembered is bounded: the least recently used is forgotten.
 */
#ifndef KSHIM__EVENT_RULES_H
#define KSHIM__EVENT_RULES_H

#include "keymap.h"
#include "loop.h"

#define KSHIM__EVENT_KEYS 4096

struct kshim__event_rules {
	struct kshim__keymap records;
	struct kshim__link recent; /* least recently used first */
};

/* Borrowed. */
struct kshim__event {
	const char *about; /* the object and the type */
	const char *reason;
	const char *message;
	const char *name;   /* that a new Event would get */
	int64_t now_us;     /* monotonic */
	int64_t at;         /* seconds since 1970 */
};

struct kshim__event_verdict {
	bool drop;     /* too many of this object */
	bool combined; /* the message has to say so */
	unsigned count; /* above 1: the Event of that name is there, and is updated */
	const char *name; /* borrowed until the next call */
	int64_t first_at;
};

void kshim__event_rules_init(struct kshim__event_rules *rules);
void kshim__event_rules_free(struct kshim__event_rules *rules);

/* false without memory: then nothing is known of the event. */
bool kshim__event_judge(struct kshim__event_rules *rules, const struct kshim__event *event,
			struct kshim__event_verdict *verdict);

#endif
