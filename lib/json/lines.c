#include "json/lines.h"

#include <string.h>

#define KEPT (256u * 1024) /* the memory of a longer line is given back */

void kshim__lines_init(struct kshim__lines *lines, size_t most)
{
	kshim__buf_init(&lines->rest);
	lines->most = most;
	lines->handed_out = false;
}

void kshim__lines_free(struct kshim__lines *lines)
{
	kshim__buf_free(&lines->rest);
	lines->handed_out = false;
}

void kshim__lines_clear(struct kshim__lines *lines)
{
	if (lines->rest.cap > KEPT)
		kshim__buf_free(&lines->rest);
	else
		kshim__buf_clear(&lines->rest);
	lines->handed_out = false;
}

enum kshim__lines_state kshim__lines_next(struct kshim__lines *lines, const char **data, size_t *len,
					  struct kshim__span *line)
{
	const char *end = *len ? memchr(*data, '\n', *len) : NULL;
	size_t taken = end ? (size_t)(end - *data) : *len;

	if (lines->handed_out)
		kshim__lines_clear(lines);
	if (taken > lines->most - lines->rest.len)
		return KSHIM__LINES_TOO_LONG;
	line->at = *data;
	line->len = taken;
	if (lines->rest.len || !end) {
		if (taken && !kshim__buf_add(&lines->rest, *data, taken))
			return KSHIM__LINES_NOMEM;
		line->at = lines->rest.data;
		line->len = lines->rest.len;
		lines->handed_out = end != NULL;
	}
	if (end)
		taken++;
	*data += taken;
	*len -= taken;
	return end ? KSHIM__LINES_LINE : KSHIM__LINES_MORE;
}
