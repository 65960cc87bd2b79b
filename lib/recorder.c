#include "alloc.h"
#include "buf.h"
#include "call.h"
#include "error.h"
#include "event_rules.h"
#include "json/valid.h"
#include "options.h"
#include "path.h"
#include "random.h"
#include "timestamp.h"

#include <kubeshim/recorder.h>

#include <string.h>
#include <unistd.h>

#define QUEUE_MOST 1000
#define MESSAGE_MAX 1024
#define REASON_MAX 128
#define TRIES 12
#define RETRY_MS 10000
#define CALL_MS 30000
#define COMBINED "(combined from similar events): "

struct event {
	struct kshim__link link;
	char *involved; /* the reference to the object, as JSON */
	char *about;    /* the same, with the type, as a key */
	char *namespace_;
	char *name;
	char *reason;
	char *message;
	kshim_recorder_type type;
	int64_t at;
};

struct kshim_recorder {
	kshim_client *client; /* reference */
	struct kshim__tenant tenant;
	struct kshim__timer timer;
	char *component;
	char *instance;
	struct kshim__event_rules rules;
	struct kshim__link queue;
	size_t len;
	uint64_t dropped;
	kshim_error *error;

	/* The first in the queue, on its way. */
	bool judged;
	bool in_flight;
	unsigned tries;
	kshim_object *create; /* the whole Event */
	kshim_object *update; /* a handle on the one that is there, and its patch; or NULL */
	char *patch;

	bool ended; /* the client is gone */
	bool freed;
};

static void evicted(struct kshim__tenant *tenant);
static void try_again(struct kshim__timer *timer);
static void send_next(kshim_recorder *recorder);

static void destroy(kshim_recorder *recorder)
{
	kshim__list_remove(&recorder->tenant.link);
	if (!recorder->ended && recorder->client->loop) {
		kshim__timer_stop(recorder->client->loop, &recorder->timer);
		kshim__timer_unreserve(recorder->client->loop);
	}
	kshim__event_rules_free(&recorder->rules);
	kshim_error_free(recorder->error);
	kshim__free(recorder->component);
	kshim__free(recorder->instance);
	kshim__client_unref(recorder->client);
	kshim__free(recorder);
}

static char *host_name(void)
{
	char host[256] = "";

	if (gethostname(host, sizeof(host) - 1) < 0 || !*host)
		return kshim__strdup("localhost");
	return kshim__strdup(host);
}

kshim_recorder *kshim_recorder_new(kshim_client *client, const char *component, const char *instance)
{
	kshim_recorder *recorder;

	if (!client)
		return NULL;
	if (!kshim__client_is_open(client))
		return kshim__client_fail(client, kshim__error_new(KSHIM_ECANCELED, "the client was freed"));
	if (!component || !*component)
		return kshim__client_fail(client, kshim__error_new(KSHIM_EINVAL, "a recorder needs the name of a component"));
	recorder = kshim__calloc(1, sizeof(*recorder));
	if (!recorder || !kshim__timer_reserve(client->loop)) {
		kshim__free(recorder);
		return kshim__client_fail(client, kshim__error_new(KSHIM_ENOMEM, "out of memory"));
	}
	recorder->client = kshim__client_ref(client);
	recorder->tenant.evict = evicted;
	kshim__list_init(&recorder->tenant.link);
	kshim__client_add_tenant(client, &recorder->tenant);
	kshim__timer_init(&recorder->timer, try_again);
	kshim__list_init(&recorder->queue);
	kshim__event_rules_init(&recorder->rules);
	recorder->component = kshim__strdup(component);
	recorder->instance = instance ? kshim__strdup(instance) : host_name();
	if (recorder->component && recorder->instance)
		return recorder;
	destroy(recorder);
	return kshim__client_fail(client, kshim__error_new(KSHIM_ENOMEM, "out of memory"));
}

size_t kshim_recorder_len(const kshim_recorder *recorder)
{
	return recorder ? recorder->len : 0;
}

uint64_t kshim_recorder_dropped(const kshim_recorder *recorder)
{
	return recorder ? recorder->dropped : 0;
}

const kshim_error *kshim_recorder_error(const kshim_recorder *recorder)
{
	return recorder ? recorder->error : NULL;
}

/* What is written. */

static void add_string(struct kshim__buf *buf, const char *member, const char *text)
{
	if (!text)
		return;
	kshim__buf_adds(buf, member);
	kshim__buf_add_json_string(buf, text, strlen(text));
}

static void add_time(struct kshim__buf *buf, const char *member, int64_t at)
{
	char text[KSHIM__TIMESTAMP_SIZE];

	kshim__timestamp_format(at, text);
	add_string(buf, member, text);
}

/* At most so many bytes, and UTF-8 whatever it was: log lines may be anything. */
static char *clean_copy(const char *text, size_t most)
{
	char *copy = kshim__memdup(text, strnlen(text, most));
	struct kshim__buf quoted;
	size_t len, at, bad;

	if (!copy)
		return NULL;
	len = strlen(copy);
	kshim__buf_init(&quoted);
	for (at = 0; at < len; at++) {
		if ((unsigned char)copy[at] < 0x80)
			continue;
		kshim__buf_clear(&quoted);
		if (!kshim__buf_adds(&quoted, "\"") || !kshim__buf_add(&quoted, copy + at, 1))
			break;
		/* the character as long as its first byte says */
		bad = (unsigned char)copy[at] < 0xe0 ? 2 : (unsigned char)copy[at] < 0xf0 ? 3 : 4;
		if (at + bad <= len && kshim__buf_add(&quoted, copy + at + 1, bad - 1) && kshim__buf_addc(&quoted, '"') &&
		    kshim__json_valid(quoted.data, quoted.len, &(size_t){0}))
			at += bad - 1;
		else
			copy[at] = '?';
	}
	if (quoted.failed) {
		kshim__free(copy);
		copy = NULL;
	}
	kshim__buf_free(&quoted);
	return copy;
}

/* "NAME.TIME", as client-go names them; of names that no Event may have the time
 * alone. */
static char *event_name(const char *name)
{
	struct kshim__buf buf;
	unsigned long long unique = (unsigned long long)kshim__timestamp_now_us() * 1000 + kshim__random_below(1000);

	kshim__buf_init(&buf);
	if (kshim__path_subdomain_ok(name, strlen(name)) && strlen(name) <= 230)
		kshim__buf_addf(&buf, "%s.%llx", name, unique);
	else
		kshim__buf_addf(&buf, "event.%llx.%llx", unique, (unsigned long long)kshim__random_below(UINT64_MAX));
	return kshim__buf_take(&buf, NULL);
}

static char *involved_of(kshim_object *object)
{
	struct kshim__buf buf;

	kshim__buf_init(&buf);
	add_string(&buf, "{\"name\":", kshim_object_name(object));
	add_string(&buf, ",\"kind\":", kshim_object_kind(object));
	add_string(&buf, ",\"apiVersion\":", kshim_object_api_version(object));
	add_string(&buf, ",\"namespace\":", kshim_object_namespace(object));
	add_string(&buf, ",\"uid\":", kshim_object_uid(object));
	add_string(&buf, ",\"resourceVersion\":", kshim_object_resource_version(object));
	kshim__buf_addc(&buf, '}');
	return kshim__buf_take(&buf, NULL);
}

/* Which events are of the same object: not by its resourceVersion. */
static char *about_of(kshim_object *object, kshim_recorder_type type)
{
	const char *const parts[] = {kshim_object_kind(object), kshim_object_namespace(object), kshim_object_name(object),
				     kshim_object_uid(object), kshim_object_api_version(object)};
	struct kshim__buf buf;
	size_t i;

	kshim__buf_init(&buf);
	for (i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		kshim__buf_addf(&buf, "%s\n", parts[i] ? parts[i] : "");
	kshim__buf_addf(&buf, "%d", (int)type);
	return kshim__buf_take(&buf, NULL);
}

static const char *type_name(kshim_recorder_type type)
{
	return type == KSHIM_RECORDER_WARNING ? "Warning" : "Normal";
}

static char *event_text(const kshim_recorder *recorder, const struct event *event,
			const struct kshim__event_verdict *verdict, const char *message, size_t *len)
{
	struct kshim__buf buf;

	kshim__buf_init(&buf);
	add_string(&buf, "{\"apiVersion\":\"v1\",\"kind\":\"Event\",\"metadata\":{\"name\":", verdict->name);
	add_string(&buf, ",\"namespace\":", event->namespace_);
	kshim__buf_addf(&buf, "},\"involvedObject\":%s", event->involved);
	add_string(&buf, ",\"reason\":", event->reason);
	add_string(&buf, ",\"message\":", message);
	add_string(&buf, ",\"source\":{\"component\":", recorder->component);
	add_time(&buf, "},\"firstTimestamp\":", verdict->first_at);
	add_time(&buf, ",\"lastTimestamp\":", event->at);
	kshim__buf_addf(&buf, ",\"count\":%u,\"type\":\"%s\"", verdict->count, type_name(event->type));
	add_string(&buf, ",\"reportingComponent\":", recorder->component);
	add_string(&buf, ",\"reportingInstance\":", recorder->instance);
	kshim__buf_addc(&buf, '}');
	return kshim__buf_take(&buf, len);
}

static char *patch_text(const struct event *event, const struct kshim__event_verdict *verdict, const char *message)
{
	struct kshim__buf buf;

	kshim__buf_init(&buf);
	kshim__buf_addf(&buf, "{\"count\":%u", verdict->count);
	add_time(&buf, ",\"lastTimestamp\":", event->at);
	add_string(&buf, ",\"message\":", message);
	kshim__buf_addc(&buf, '}');
	return kshim__buf_take(&buf, NULL);
}

/* The queue. */

static void free_event(struct event *event)
{
	kshim__free(event->involved);
	kshim__free(event->about);
	kshim__free(event->namespace_);
	kshim__free(event->name);
	kshim__free(event->reason);
	kshim__free(event->message);
	kshim__free(event);
}

static struct event *make_event(kshim_object *object, kshim_recorder_type type, const char *reason, const char *message)
{
	struct event *event = kshim__calloc(1, sizeof(*event));
	const char *namespace_;

	if (!event)
		return NULL;
	kshim__object_starved(object);
	namespace_ = kshim_object_namespace(object);
	event->type = type;
	event->at = kshim__timestamp_now_us() / 1000000;
	event->involved = involved_of(object);
	event->about = about_of(object, type);
	event->namespace_ = kshim__strdup(namespace_ ? namespace_ : "default");
	event->name = event_name(kshim_object_name(object));
	event->reason = clean_copy(reason, REASON_MAX);
	event->message = clean_copy(message, MESSAGE_MAX);
	if (event->involved && event->about && event->namespace_ && event->name && event->reason && event->message &&
	    !kshim__object_starved(object))
		return event;
	free_event(event);
	return NULL;
}

void kshim_recorder_event(kshim_recorder *recorder, kshim_object *object, kshim_recorder_type type,
			  const char *reason, const char *message)
{
	struct event *event = NULL;

	if (!recorder)
		return;
	if (!recorder->ended && recorder->len < QUEUE_MOST && reason && *reason && message &&
	    (type == KSHIM_RECORDER_NORMAL || type == KSHIM_RECORDER_WARNING) && kshim_object_name(object) &&
	    kshim_object_kind(object))
		event = make_event(object, type, reason, message);
	if (!event) {
		recorder->dropped++;
		return;
	}
	kshim__list_append(&recorder->queue, &event->link);
	recorder->len++;
	if (recorder->len == 1)
		send_next(recorder);
}

static void drop_first(kshim_recorder *recorder)
{
	struct event *event = KSHIM__OWNER(recorder->queue.next, struct event, link);

	kshim__list_remove(&event->link);
	free_event(event);
	recorder->len--;
	recorder->judged = false;
	recorder->tries = 0;
	kshim_object_unref(recorder->create);
	kshim_object_unref(recorder->update);
	kshim__free(recorder->patch);
	recorder->create = recorder->update = NULL;
	recorder->patch = NULL;
}

/* Sending: one at a time, so that an update follows what it updates. */

/* Makes what is to be sent of it; false if that is nothing. */
static bool judge(kshim_recorder *recorder, struct event *event)
{
	struct kshim__event seen = {event->about, event->reason, event->message, event->name, kshim__now_us(), event->at};
	struct kshim__event_verdict verdict;
	struct kshim__buf message;
	char *text = NULL;
	size_t len = 0;

	if (!kshim__event_judge(&recorder->rules, &seen, &verdict) || verdict.drop)
		return false;
	kshim__buf_init(&message);
	kshim__buf_addf(&message, "%s%s", verdict.combined ? COMBINED : "", event->message);
	if (!message.failed)
		text = event_text(recorder, event, &verdict, message.data, &len);
	if (text)
		recorder->create = kshim__object_adopt(recorder->client, KSHIM_EVENT, NULL, text, len, NULL);
	if (recorder->create && verdict.count > 1) {
		recorder->update = kshim__object_named(recorder->client, KSHIM_EVENT, NULL, event->namespace_, verdict.name);
		recorder->patch = patch_text(event, &verdict, message.data);
	}
	kshim__buf_free(&message);
	recorder->judged = recorder->create && (verdict.count == 1 || (recorder->update && recorder->patch));
	return recorder->judged;
}

static bool may_pass(const kshim_error *error)
{
	switch (kshim_error_code(error)) {
	case KSHIM_ETIMEDOUT:
	case KSHIM_ECONNECT:
	case KSHIM_EPROTOCOL:
	case KSHIM_ETOOMANY:
	case KSHIM_ESERVER:
		return true;
	default:
		return false;
	}
}

static void on_done(kshim_result *result, void *user)
{
	kshim_recorder *recorder = user;
	const kshim_error *error = kshim_result_error(result);
	uint64_t wait = RETRY_MS;

	recorder->in_flight = false;
	if (recorder->tries && !recorder->update && kshim_error_code(error) == KSHIM_EEXISTS)
		error = NULL; /* by an attempt whose answer was lost */
	kshim_error_free(recorder->error);
	recorder->error = error ? kshim_error_copy(error) : NULL;
	if (recorder->update && kshim_error_code(error) == KSHIM_ENOTFOUND) {
		/* the server keeps them for an hour only */
		kshim_object_unref(recorder->update);
		recorder->update = NULL;
	} else if (error && may_pass(error) && ++recorder->tries < TRIES && !recorder->freed && !recorder->ended) {
		/* the first pause is random: many wait when a server comes back */
		if (recorder->tries == 1)
			wait = kshim__random_below(wait);
		kshim__timer_set(recorder->client->loop, &recorder->timer, kshim__now_us() + (int64_t)wait * 1000);
		return;
	} else {
		recorder->dropped += error != NULL;
		drop_first(recorder);
	}
	send_next(recorder);
}

static bool send_first(kshim_recorder *recorder)
{
	kshim_options options = kshim__options_default;
	kshim_call *call;

	options.timeout_ms = CALL_MS;
	if (!recorder->judged && !judge(recorder, KSHIM__OWNER(recorder->queue.next, struct event, link)))
		return false;
	if (recorder->update)
		call = kshim_object_patch(recorder->update, KSHIM_PATCH_MERGE, recorder->patch, strlen(recorder->patch),
					  &options, on_done, recorder);
	else
		call = kshim_object_create(recorder->create, &options, on_done, recorder);
	recorder->in_flight = call != NULL;
	return recorder->in_flight;
}

/* The recorder may be gone afterwards. */
static void send_next(kshim_recorder *recorder)
{
	while (recorder->len && !recorder->in_flight && (recorder->ended || !send_first(recorder))) {
		recorder->dropped++;
		drop_first(recorder);
	}
	if (recorder->freed && !recorder->len)
		destroy(recorder);
}

static void try_again(struct kshim__timer *timer)
{
	send_next(KSHIM__OWNER(timer, kshim_recorder, timer));
}

/* The client goes: the call that is under way ends by itself. */
static void evicted(struct kshim__tenant *tenant)
{
	kshim_recorder *recorder = KSHIM__OWNER(tenant, kshim_recorder, tenant);

	recorder->ended = true;
	kshim__timer_stop(recorder->client->loop, &recorder->timer);
	kshim__timer_unreserve(recorder->client->loop);
	if (!recorder->in_flight)
		send_next(recorder);
}

void kshim_recorder_free(kshim_recorder *recorder)
{
	if (!recorder || recorder->freed)
		return;
	recorder->freed = true;
	if (!recorder->ended)
		kshim__timer_stop(recorder->client->loop, &recorder->timer);
	if (!recorder->in_flight)
		send_next(recorder);
}
