#include "resources/log_replay.h"

#include <string.h>

/* FNV-1a */
static uint64_t hash_of(struct kshim__span text)
{
	uint64_t hash = 0xcbf29ce484222325;
	size_t i;

	for (i = 0; i < text.len; i++)
		hash = (hash ^ (unsigned char)text.at[i]) * 0x100000001b3;
	return hash;
}

static int64_t window(const struct kshim__replay *replay)
{
	return replay->latest.seconds - 1;
}

int64_t kshim__replay_begin(struct kshim__replay *replay)
{
	replay->to_drop = replay->in_second + replay->in_second_before;
	replay->seeking = replay->first.seconds >= window(replay);
	return window(replay);
}

static void note(struct kshim__replay *replay, const struct kshim__timestamp *at, struct kshim__span text)
{
	int64_t ahead = at->seconds - replay->latest.seconds;

	if (!replay->any) {
		replay->any = true;
		replay->first = replay->latest = *at;
		replay->first_hash = hash_of(text);
		ahead = 0;
	}
	if (ahead > 0) {
		replay->in_second_before = ahead == 1 ? replay->in_second : 0;
		replay->in_second = 1;
	} else if (ahead == 0) {
		replay->in_second++;
	} else if (ahead == -1) {
		replay->in_second_before++;
	}
	if (kshim__timestamp_compare(at, &replay->latest) > 0)
		replay->latest = *at;
}

bool kshim__replay_take(struct kshim__replay *replay, const struct kshim__timestamp *at, struct kshim__span text)
{
	if (replay->any && kshim__timestamp_compare(at, &replay->latest) > 0) {
		replay->seeking = false;
		replay->to_drop = 0;
	}
	if (replay->seeking) {
		if (kshim__timestamp_compare(at, &replay->first) != 0 || hash_of(text) != replay->first_hash)
			return false;
		replay->seeking = false;
	}
	if (replay->to_drop) {
		replay->to_drop--;
		return false;
	}
	note(replay, at, text);
	return true;
}

bool kshim__replay_take_untimed(const struct kshim__replay *replay)
{
	return !replay->seeking && !replay->to_drop;
}

bool kshim__log_line_split(struct kshim__span line, struct kshim__timestamp *at, struct kshim__span *text)
{
	const char *space = memchr(line.at, ' ', line.len < 40 ? line.len : 40);

	*text = line;
	if (!space || !kshim__timestamp_parse(line.at, (size_t)(space - line.at), at))
		return false;
	text->at = space + 1;
	text->len = line.len - (size_t)(space + 1 - line.at);
	return true;
}
