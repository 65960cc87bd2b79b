/*
 * What a watch told, as one line of words: "BEGIN +a4 END(5) ~a6(6) LATE RESUMED":
 * an object's name and version behind + (ADDED), ~ (MODIFIED) or - (DELETED), and in
 * parentheses the watch's version where it changed. Each line of its contract is
 * looked at on the way.
 */
#ifndef TALE_H
#define TALE_H

#include "../testutil.h"

#define WATCH_PATH LIST_PATH "?*watch=true*"
#define WATCH_FROM(version) LIST_PATH "?*watch=true*resourceVersion=" version "*"
#define OBJECT(name, version)                                                                                          \
	"{\"kind\":\"Pod\",\"apiVersion\":\"v1\",\"metadata\":{\"name\":\"" name "\",\"namespace\":\"ns\","              \
	"\"resourceVersion\":\"" version "\"}}"
#define LIST(version, items)                                                                                           \
	"{\"kind\":\"PodList\",\"apiVersion\":\"v1\",\"metadata\":{\"resourceVersion\":\"" version "\"},\"items\":[" items "]}"
#define EVENT(type, object) "{\"type\":\"" type "\",\"object\":" object "}\n"
#define BOOKMARK(version) EVENT("BOOKMARK", "{\"kind\":\"Pod\",\"metadata\":{\"resourceVersion\":\"" version "\"}}")
#define STATE_END(version)                                                                                             \
	EVENT("BOOKMARK", "{\"kind\":\"Pod\",\"metadata\":{\"resourceVersion\":\"" version                               \
			  "\",\"annotations\":{\"k8s.io/initial-events-end\":\"true\"}}}")
#define STATUS(code, reason, rest)                                                                                     \
	"{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"status\":\"Failure\",\"message\":\"what the server says\","        \
	"\"reason\":\"" reason "\",\"code\":" #code rest "}"
#define GONE STATUS(410, "Expired", "")
#define TOO_NEW STATUS(504, "Timeout", ",\"details\":{\"causes\":[{\"reason\":\"ResourceVersionTooLarge\"}]}")
/* The state that most of them begin with, and how it is told. */
#define PODS_5 {"GET", LIST_PATH, .answer = {.body = LIST("5", OBJECT("a", "4") "," OBJECT("b", "3"))}}
#define TOLD_5 "BEGIN +a4 +b3 END(5)"
/* The stream of events that goes on without an end. */
#define OPEN(text) {.body = text, .coding = FAKEAPI_CHUNKED, .end = FAKEAPI_STALL, .end_after = FAKEAPI_ALL}
/* One that the server ends. */
#define ENDS(text) {.body = text, .coding = FAKEAPI_CHUNKED}

struct tale {
	struct rig *rig;
	kshim_watch *watch;
	const char *stop_at; /* stopped when the text ends in this */
	void (*on_event)(struct tale *tale, kshim_event event);
	void *data;

	char text[8192];
	size_t len;
	char version[32];
	unsigned events, done;
	kshim_code code;
	int status;
	char message[512], late[512], end_version[32];
	uint64_t counts[KSHIM_WATCH_DROPS + 1];
	bool silent; /* nothing may come any more */
};

static inline void tell(struct tale *tale, const char *text)
{
	assert_true(tale->len + strlen(text) < sizeof(tale->text));
	strcpy(tale->text + tale->len, text);
	tale->len += strlen(text);
}

static inline bool tale_ends(const struct tale *tale, const char *text)
{
	return tale->len >= strlen(text) && strcmp(tale->text + tale->len - strlen(text), text) == 0;
}

static inline void tale_event(kshim_watch *watch, kshim_event event, kshim_object *object, void *user)
{
	static const char *const words[] = {"+", "~", "-", "BEGIN", "END", "BOOKMARK", "LATE", "RESUMED"};
	struct tale *tale = user;
	const char *version;
	char word[64];

	assert_non_null(tale->watch); /* not inside the function that made it */
	assert_ptr_equal(watch, tale->watch);
	assert_int_equal(tale->done, 0);
	assert_false(tale->silent);
	assert_int_equal(object != NULL, event <= KSHIM_EVENT_DELETED);
	tale->events++;
	snprintf(word, sizeof(word), "%s%s%.20s%.20s", tale->len ? " " : "", words[event],
		 object ? kshim_object_name(object) : "", object ? kshim_object_resource_version(object) : "");
	tell(tale, word);
	version = kshim_watch_resource_version(watch);
	if (version && strcmp(version, tale->version) != 0) {
		snprintf(tale->version, sizeof(tale->version), "%s", version);
		snprintf(word, sizeof(word), "(%.30s)", version);
		tell(tale, word);
	}
	if (object)
		assert_string_equal(kshim_object_kind(object), "Pod");
	if (event == KSHIM_EVENT_LATE) {
		assert_non_null(kshim_watch_error(watch));
		shown(kshim_error_message(kshim_watch_error(watch)));
		snprintf(tale->late, sizeof(tale->late), "%s", kshim_error_message(kshim_watch_error(watch)));
	}
	if (event == KSHIM_EVENT_RESUMED)
		assert_null(kshim_watch_error(watch));
	if (tale->stop_at && tale_ends(tale, tale->stop_at)) {
		tale->silent = true;
		kshim_watch_stop(watch);
	} else if (tale->on_event) {
		tale->on_event(tale, event);
	}
}

static inline void tale_done(kshim_result *result, void *user)
{
	const char *version = kshim_result_resource_version(result);
	const kshim_error *error = kshim_result_error(result);
	struct tale *tale = user;
	unsigned i;

	assert_non_null(tale->watch);
	tale->done++;
	tale->code = kshim_error_code(error);
	tale->status = kshim_error_http_status(error);
	shown(kshim_error_message(error));
	snprintf(tale->message, sizeof(tale->message), "%s", error ? kshim_error_message(error) : "");
	snprintf(tale->end_version, sizeof(tale->end_version), "%s", version ? version : "");
	for (i = 0; i <= KSHIM_WATCH_DROPS; i++)
		tale->counts[i] = kshim_watch_count(tale->watch, (kshim_watch_counter)i);
	kshim_watch_stop(tale->watch); /* does nothing any more */
}

/* The number behind a word, as "resourceVersion="; 0: none. */
static inline uint64_t number_behind(const char *path, const char *word)
{
	const char *at = strstr(path, word);

	return at ? strtoull(at + strlen(word), NULL, 10) : 0;
}

/* A rig whose watches speak what its calls speak. */
static inline void watch_rig(struct rig *rig, void **state, const struct fakeapi_route *routes, size_t count)
{
	rig_start(rig, state, routes, count);
	kshim_client_set_watch_connections(rig->client, rig->http, 0);
}

static inline void tale_begin(struct rig *rig, struct tale *tale, const kshim_options *options)
{
	tale->rig = rig;
	tale->watch = kshim_query_watch(rig->pods, options, tale_event, tale_done, tale);
	assert_non_null(tale->watch);
	assert_int_equal(tale->events + tale->done, 0);
}

/* Until the watch has ended. */
static inline void tale_run(struct rig *rig, struct tale *tale, const kshim_options *options)
{
	tale_begin(rig, tale, options);
	rig_drive(rig);
	assert_int_equal(tale->done, 1);
}

#define assert_tale(tale, expected)                                                                                    \
	do {                                                                                                           \
		if (strcmp((tale)->text, (expected)) != 0)                                                             \
			print_error("told: %s\nend: %d %s\n", (tale)->text, (int)(tale)->code, (tale)->message);       \
		assert_string_equal((tale)->text, (expected));                                                         \
	} while (0)

#endif
