/*
 * What a cache's listener was told, as one line of words: "+a4 +b3 SYNCED ~a6<4 -b7
 * ?c2": an object's name and version behind + (ADDED), ~ (MODIFIED, < and what it was),
 * - (DELETED) or ? (VANISHED). Each listener keeps a ledger: what it is told has to be
 * a history without a hole, and to lead to what reads see.
 */
#ifndef STORY_H
#define STORY_H

#include "tale.h"

#define ALL_PATH "/api/v1/pods"
#define ALL_WATCH(version) ALL_PATH "?*watch=true*resourceVersion=" version "*"
#define META(name, version, uid)                                                                                       \
	"\"kind\":\"Pod\",\"apiVersion\":\"v1\",\"metadata\":{\"name\":\"" name "\",\"namespace\":\"ns\",\"uid\":\"" uid "\"," \
	"\"resourceVersion\":\"" version "\""
#define THE(name, version) "{" META(name, version, "u-" name) "}}"
#define WITH_UID(name, version, uid) "{" META(name, version, uid) "}}"
#define LABELED(name, version, app) "{" META(name, version, "u-" name) ",\"labels\":{\"app\":\"" app "\"}}}"
#define MOST 8 /* objects in a ledger */

struct story;
typedef void hook_fn(struct story *story, kshim_change change, kshim_object *object);

struct story {
	struct rig *rig;
	kshim_cache *cache;
	kshim_listener *listener;
	const char *namespace_, *labels;
	hook_fn *hook;
	const char *hook_at; /* called when the text ends in this; NULL: always */
	void *data;

	char text[2048];
	struct {
		char name[16], version[16];
	} ledger[MOST];
	unsigned held;
	unsigned calls, late, ended;
	bool silent; /* nothing may come any more */
	kshim_code code;
};

static inline unsigned at_of(const struct story *story, const char *name)
{
	unsigned at;

	for (at = 0; at < story->held; at++)
		if (strcmp(story->ledger[at].name, name) == 0)
			break;
	return at;
}

static inline void note(struct story *story, unsigned at, kshim_object *object)
{
	assert_true(at < MOST);
	snprintf(story->ledger[at].name, sizeof(story->ledger[at].name), "%s", kshim_object_name(object));
	snprintf(story->ledger[at].version, sizeof(story->ledger[at].version), "%s", kshim_object_resource_version(object));
}

static inline void append(struct story *story, const char *word, kshim_object *object, kshim_object *before)
{
	size_t len = strlen(story->text), room = sizeof(story->text) - len;
	int n = snprintf(story->text + len, room, "%s%s%s%s%s%s", len ? " " : "", word,
			 object ? kshim_object_name(object) : "", object ? kshim_object_resource_version(object) : "",
			 before ? "<" : "", before ? kshim_object_resource_version(before) : "");

	assert_in_range(n, 1, room - 1);
}

static inline void check_ledger(struct story *story, kshim_change change, kshim_object *object, kshim_object *before)
{
	unsigned at = object ? at_of(story, kshim_object_name(object)) : 0;

	switch (change) {
	case KSHIM_CHANGE_ADDED:
		assert_int_equal(at, story->held);
		assert_null(before);
		note(story, at, object);
		story->held++;
		break;
	case KSHIM_CHANGE_MODIFIED:
		assert_true(at < story->held);
		assert_string_equal(story->ledger[at].version, kshim_object_resource_version(before));
		note(story, at, object);
		break;
	case KSHIM_CHANGE_DELETED:
	case KSHIM_CHANGE_VANISHED:
		assert_true(at < story->held);
		if (before || change == KSHIM_CHANGE_VANISHED)
			assert_string_equal(story->ledger[at].version,
					    kshim_object_resource_version(before ? before : object));
		story->ledger[at] = story->ledger[--story->held];
		break;
	default:
		assert_null(object);
		assert_null(before);
	}
}

static inline bool story_ends(const struct story *story, const char *text)
{
	size_t len = strlen(story->text), part = strlen(text);

	return len >= part && strcmp(story->text + len - part, text) == 0;
}

static inline void on_change(kshim_cache *cache, kshim_change change, kshim_object *object, kshim_object *before, void *user)
{
	static const char *const words[] = {"+", "~", "-", "?", "SYNCED", "LATE", "RESUMED", "ENDED"};
	struct story *story = user;

	assert_non_null(story->listener); /* not inside kshim_cache_listen() */
	assert_ptr_equal(cache, story->cache);
	assert_false(story->silent);
	assert_int_equal(story->ended, 0);
	story->calls++;
	append(story, words[change], object, before);
	check_ledger(story, change, object, before);
	if (change == KSHIM_CHANGE_LATE || change == KSHIM_CHANGE_ENDED) {
		assert_non_null(kshim_cache_error(cache));
		shown(kshim_error_message(kshim_cache_error(cache)));
		story->code = kshim_error_code(kshim_cache_error(cache));
	}
	story->late += change == KSHIM_CHANGE_LATE;
	story->ended += change == KSHIM_CHANGE_ENDED;
	if (change == KSHIM_CHANGE_RESUMED)
		assert_null(kshim_cache_error(cache));
	if (story->hook && (!story->hook_at || story_ends(story, story->hook_at)))
		story->hook(story, change, object);
}

static inline void listen(struct story *story, kshim_cache *cache)
{
	story->cache = cache;
	story->listener = NULL;
	story->listener = kshim_cache_listen(cache, story->namespace_, story->labels, on_change, story);
	assert_non_null(story->listener);
}

static inline void count_it(kshim_object *object, void *user)
{
	struct story *story = user;
	unsigned at = at_of(story, kshim_object_name(object));

	assert_true(at < story->held);
	assert_string_equal(story->ledger[at].version, kshim_object_resource_version(object));
}

/* The ledger is what reads see. */
static inline void check_reads(struct story *story)
{
	int64_t count = kshim_cache_walk(story->cache, story->namespace_, story->labels, count_it, story);

	assert_int_equal(count, story->held);
}

static inline void story_begin(struct rig *rig, struct story *story)
{
	story->rig = rig;
	listen(story, kshim_cache_new(rig->pods));
	assert_int_equal(story->calls, 0);
}

struct awaited_part {
	const struct story *story;
	const char *text;
};

static inline bool has_come(void *user)
{
	const struct awaited_part *awaited = user;

	return strstr(awaited->story->text, awaited->text) != NULL;
}

/* Until the text has this in it. */
static inline void until(struct story *story, const char *text)
{
	struct awaited_part awaited = {story, text};

	rig_until(story->rig, has_come, &awaited);
}

#define assert_story(story, expected)                                                                                  \
	do {                                                                                                           \
		if (strcmp((story)->text, (expected)) != 0)                                                            \
			print_error("told: %s\n", (story)->text);                                                      \
		assert_string_equal((story)->text, (expected));                                                        \
	} while (0)

/* To the end of a cache that lives: its listener hears no more. */
static inline void story_end(struct rig *rig, struct story *story)
{
	story->silent = true;
	kshim_cache_free(story->cache);
	rig_drive(rig);
	rig_stop(rig);
}

#endif
