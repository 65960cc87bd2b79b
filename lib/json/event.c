#include "json/event.h"

#include <string.h>

static const struct {
	const char *word;
	size_t len;
} types[] = {
	[KSHIM__EVENT_ADDED] = {"ADDED", 5},       [KSHIM__EVENT_MODIFIED] = {"MODIFIED", 8},
	[KSHIM__EVENT_DELETED] = {"DELETED", 7},   [KSHIM__EVENT_BOOKMARK] = {"BOOKMARK", 8},
	[KSHIM__EVENT_ERROR] = {"ERROR", 5},
};

static enum kshim__event_type type_of(const char *word, size_t len)
{
	int i;

	for (i = 0; i < KSHIM__EVENT_OTHER; i++)
		if (types[i].len == len && memcmp(types[i].word, word, len) == 0)
			return (enum kshim__event_type)i;
	return KSHIM__EVENT_OTHER;
}

/* As API servers write it: behind the object is the line's brace, and no further member. */
static bool read_usual(struct kshim__span line, struct kshim__event *event, bool *usual)
{
	static const char before[] = "{\"type\":\"", between[] = "\",\"object\":{";
	const char *at = line.at + sizeof(before) - 1, *end = line.at + line.len, *quote;

	if (line.len < sizeof(before) + sizeof(between) + 2 || memcmp(line.at, before, sizeof(before) - 1) != 0 ||
	    memcmp(end - 2, "}}", 2) != 0)
		return false;
	quote = memchr(at, '"', (size_t)(end - at) < 32 ? (size_t)(end - at) : 32);
	if (!quote || (size_t)(end - quote) < sizeof(between) || memcmp(quote, between, sizeof(between) - 1) != 0)
		return false;
	event->type = type_of(at, (size_t)(quote - at));
	at = quote + sizeof(between) - 2;
	if (!*usual)
		*usual = kshim__json_value(at, (size_t)(end - at), &event->object) &&
			 event->object.at + event->object.len == end - 1;
	event->object.at = at;
	event->object.len = (size_t)(end - 1 - at);
	return *usual;
}

static bool read_any(struct kshim__span line, struct kshim__event *event)
{
	struct kshim__span type;

	if (!kshim__json_pointer(line.at, line.len, NULL, "/type", &type) || !kshim__json_is_string(type) ||
	    !kshim__json_pointer(line.at, line.len, NULL, "/object", &event->object) || event->object.at[0] != '{')
		return false;
	event->type = type_of(type.at + 1, type.len - 2);
	return true;
}

bool kshim__event_read(struct kshim__span line, struct kshim__event *event, bool *usual)
{
	struct kshim__span version;

	if (!read_usual(line, event, usual) && !read_any(line, event))
		return false;
	event->version.at = NULL;
	event->version.len = 0;
	/* opaque, but never with anything that JSON escapes */
	if (event->type != KSHIM__EVENT_ERROR &&
	    kshim__json_pointer(event->object.at, event->object.len, NULL, "/metadata/resourceVersion", &version) &&
	    kshim__json_is_string(version) && !memchr(version.at, '\\', version.len)) {
		event->version.at = version.at + 1;
		event->version.len = version.len - 2;
	}
	return true;
}

bool kshim__event_is_initial_end(const struct kshim__event *event)
{
	struct kshim__span value;

	return event->type == KSHIM__EVENT_BOOKMARK &&
	       kshim__json_pointer(event->object.at, event->object.len, NULL,
				   "/metadata/annotations/k8s.io~1initial-events-end", &value) &&
	       kshim__json_equals(value, "true");
}
