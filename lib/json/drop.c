#include "json/drop.h"

#include "json/walk.h"

bool kshim__json_drop(struct kshim__span text, const char *pointer, struct kshim__span parts[2])
{
	const char *json = text.at;
	size_t len = text.len, at = kshim__walk_space(json, 0, len), from, comma;
	struct kshim__walk_token token;
	struct kshim__walk_place place;

	if (*pointer == '\0')
		return false;
	while (*pointer)
		if (!kshim__walk_token(&pointer, &token) || !kshim__walk_child(json, &at, len, &token, &place))
			return false;
	if (!kshim__walk_value(json, &at, len))
		return false;
	comma = kshim__walk_space(json, at, len);
	if (comma == len)
		return false; /* a number may go on, and so may the list */
	from = place.first ? place.at : place.behind;
	if (place.first && json[comma] == ',')
		at = kshim__walk_space(json, comma + 1, len);
	parts[0].at = json;
	parts[0].len = from;
	parts[1].at = json + at;
	parts[1].len = len - at;
	return true;
}
