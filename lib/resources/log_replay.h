/*
 * Which lines of a log were handed on, so that a stream that broke can be asked
 * for again without losing or doubling one (traps.md 63).
 *
 * A log is asked for by whole seconds only (the API server cuts sinceTime), and
 * lines of one file may be a little out of order, for stdout and stderr are
 * written by two hands. So it is asked for again from the second before the
 * latest line's, and as many lines are dropped as were handed on since then: the
 * server sends the same lines in the same order. Unless some of them are gone
 * meanwhile, by a rotation: whatever is later than all before is new.
 */
#ifndef KSHIM__LOG_REPLAY_H
#define KSHIM__LOG_REPLAY_H

#include "json/scan.h"
#include "timestamp.h"

struct kshim__replay {
	bool any; /* a line was handed on */
	struct kshim__timestamp first;
	uint64_t first_hash;
	struct kshim__timestamp latest;
	uint64_t in_second; /* lines handed on of latest's second, and of the one before */
	uint64_t in_second_before;

	bool seeking;     /* lines before the first one handed on are not meant: tail_lines */
	uint64_t to_drop; /* that are sent again */
};

/* The stream is asked for again, from this second on. Only if any. */
int64_t kshim__replay_begin(struct kshim__replay *replay);

/* A whole line: true if it is to be handed on. */
bool kshim__replay_take(struct kshim__replay *replay, const struct kshim__timestamp *at, struct kshim__span text);
/* The same for one without a time, such as a kubelet writes instead of a log. */
bool kshim__replay_take_untimed(const struct kshim__replay *replay);

/* Splits "TIME text"; false, and the text is all of it, if there is no time. */
bool kshim__log_line_split(struct kshim__span line, struct kshim__timestamp *at, struct kshim__span *text);

#endif
