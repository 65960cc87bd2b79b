#include "event_rules.h"

#include "alloc.h"
#include "buf.h"

#include <string.h>

#define SIMILAR_MOST 10
#define SIMILAR_US INT64_C(600000000)
#define BURST 25
#define REFILL_US INT64_C(300000000)

/* The first letter of a key tells what is remembered under it. */
struct record {
	struct kshim__keyed keyed;
	struct kshim__link link;
	/* 's': of an object */
	int64_t paid_until_us;
	/* 'a': of events that differ in their message */
	uint64_t messages[SIMILAR_MOST];
	unsigned message_count;
	int64_t last_us;
	/* 'e': of an event that was sent */
	unsigned count;
	int64_t first_at;
	char *name;
	char key[];
};

void kshim__event_rules_init(struct kshim__event_rules *rules)
{
	kshim__keymap_init(&rules->records);
	kshim__list_init(&rules->recent);
}

static void forget(struct kshim__event_rules *rules, struct record *record)
{
	kshim__keymap_remove(&rules->records, &record->keyed);
	kshim__list_remove(&record->link);
	kshim__free(record->name);
	kshim__free(record);
}

void kshim__event_rules_free(struct kshim__event_rules *rules)
{
	while (!kshim__list_empty(&rules->recent))
		forget(rules, KSHIM__OWNER(rules->recent.next, struct record, link));
	kshim__keymap_free(&rules->records);
}

static struct record *make(struct kshim__event_rules *rules, const char *key, size_t len)
{
	struct record *record = kshim__calloc(1, sizeof(*record) + len + 1);

	if (!record)
		return NULL;
	memcpy(record->key, key, len + 1);
	record->keyed.key = record->key;
	kshim__keymap_add(&rules->records, &record->keyed);
	kshim__list_init(&record->link);
	return record;
}

/* What is remembered under a kind and up to three parts (NULL: no such part). */
static struct record *recall(struct kshim__event_rules *rules, char kind, const char *about, const char *reason,
			     const char *message)
{
	struct kshim__keyed *node;
	struct record *record;
	struct kshim__buf key;

	kshim__buf_init(&key);
	kshim__buf_addf(&key, "%c%s\n%s\n%s", kind, about, reason ? reason : "", message ? message : "");
	if (key.failed) {
		kshim__buf_free(&key);
		return NULL;
	}
	node = kshim__keymap_find(&rules->records, key.data);
	record = node ? KSHIM__OWNER(node, struct record, keyed) : make(rules, key.data, key.len);
	kshim__buf_free(&key);
	if (!record)
		return NULL;
	kshim__list_remove(&record->link);
	kshim__list_append(&rules->recent, &record->link);
	if (rules->records.table.count > KSHIM__EVENT_KEYS)
		forget(rules, KSHIM__OWNER(rules->recent.next, struct record, link));
	return record;
}

/* true once there are too many that differ. */
static bool is_similar(struct record *record, uint64_t message, int64_t now_us)
{
	unsigned i;

	if (record->message_count && now_us - record->last_us > SIMILAR_US)
		record->message_count = 0;
	record->last_us = now_us;
	for (i = 0; i < record->message_count && record->messages[i] != message; i++)
		;
	if (i == record->message_count)
		record->messages[record->message_count++] = message;
	if (record->message_count < SIMILAR_MOST)
		return false;
	/* room for the next one: the oldest goes */
	record->message_count--;
	memmove(record->messages, record->messages + 1, record->message_count * sizeof(record->messages[0]));
	return true;
}

/* A bucket of tokens, as the moment at which it will be full again. */
static bool is_spam(struct record *record, int64_t now_us)
{
	int64_t paid = record->paid_until_us > now_us ? record->paid_until_us : now_us;

	if (paid + REFILL_US - now_us > BURST * REFILL_US)
		return true;
	record->paid_until_us = paid + REFILL_US;
	return false;
}

bool kshim__event_judge(struct kshim__event_rules *rules, const struct kshim__event *event,
			struct kshim__event_verdict *verdict)
{
	struct record *similar, *logged, *object;

	similar = recall(rules, 'a', event->about, event->reason, NULL);
	if (!similar)
		return false;
	verdict->combined = is_similar(similar, kshim__keymap_hash(&rules->records, event->message), event->now_us);
	logged = recall(rules, 'e', event->about, event->reason, verdict->combined ? NULL : event->message);
	if (!logged)
		return false;
	if (!logged->name) {
		logged->name = kshim__strdup(event->name);
		if (!logged->name)
			return false;
		logged->first_at = event->at;
	}
	object = recall(rules, 's', event->about, NULL, NULL);
	if (!object)
		return false;
	verdict->count = ++logged->count;
	verdict->name = logged->name;
	verdict->first_at = logged->first_at;
	verdict->drop = is_spam(object, event->now_us);
	return true;
}
