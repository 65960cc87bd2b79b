/*
 * Cuts a stream of bytes into its lines, whatever its chunks are: the events of a
 * watch, a log. Every byte is looked at once; a line that lies within one chunk
 * is not copied.
 *
 *	while (kshim__lines_next(&lines, &data, &len, &line) == KSHIM__LINES_LINE)
 *		…
 */
#ifndef KSHIM__JSON_LINES_H
#define KSHIM__JSON_LINES_H

#include "buf.h"
#include "json/scan.h"

struct kshim__lines {
	struct kshim__buf rest; /* of earlier chunks: the beginning of a line */
	size_t most;            /* bytes in a line */
	bool handed_out;        /* `rest` is the line that was given last */
};

enum kshim__lines_state {
	KSHIM__LINES_LINE,
	KSHIM__LINES_MORE, /* the chunk is used up */
	KSHIM__LINES_TOO_LONG,
	KSHIM__LINES_NOMEM
};

void kshim__lines_init(struct kshim__lines *lines, size_t most);
void kshim__lines_free(struct kshim__lines *lines); /* leaves it empty and usable */

/* Drops the line that was begun: the stream starts anew. */
void kshim__lines_clear(struct kshim__lines *lines);

/* Takes bytes off the chunk until a line is complete: without its '\n', not
 * NUL-terminated, valid until the next call or the chunk's end. A line that is
 * never completed is never given. */
enum kshim__lines_state kshim__lines_next(struct kshim__lines *lines, const char **data, size_t *len,
					  struct kshim__span *line);

#endif
