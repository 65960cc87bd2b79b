/* The event recorder: what is sent, combined, counted up, held back, tried again. */
/* LINK: -Wl,--wrap=kshim__malloc,--wrap=kshim__calloc,--wrap=kshim__realloc,--wrap=kshim__memdup,--wrap=kshim__strdup -Wl,--wrap=kshim__now_us,--wrap=kshim__random_below */
#include "../testutil.h"
#include "../unit/failalloc.h"

#include "event_rules.h"

#define EVENTS "/api/v1/namespaces/ns/events"
#define STATUS(code, reason) "{\"kind\":\"Status\",\"status\":\"Failure\",\"reason\":\"" reason "\",\"code\":" #code "}"
#define MISSING                                                                                                        \
	"{\"kind\":\"Status\",\"status\":\"Failure\",\"reason\":\"NotFound\",\"details\":{\"kind\":\"events\"},\"code\":404}"

/* The recorder's clock may be set ahead; its pauses are none. */

static int64_t ahead_us;
static bool at_once;

int64_t __real_kshim__now_us(void);
int64_t __wrap_kshim__now_us(void);
uint64_t __real_kshim__random_below(uint64_t n);
uint64_t __wrap_kshim__random_below(uint64_t n);

int64_t __wrap_kshim__now_us(void)
{
	return __real_kshim__now_us() + ahead_us;
}

uint64_t __wrap_kshim__random_below(uint64_t n)
{
	return at_once ? 0 : __real_kshim__random_below(n);
}

/* In the server's process: what it is sent comes back. */
static void echo(void *ctx, const struct fakeapi_request *req, struct fakeapi_answer *out)
{
	static char body[4096];

	(void)ctx;
	snprintf(body, sizeof(body), "%s", req->body);
	if (req->method[1] == 'O')
		out->status = 201;
	else /* a patch */
		snprintf(body, sizeof(body), "{\"kind\":\"Event\",\"apiVersion\":\"v1\",\"metadata\":{\"name\":\"e\"}}");
	out->body = body;
}

#define ECHOES {"POST", EVENTS, .generate = echo}, {"PATCH", EVENTS "/*", .generate = echo}

static kshim_object *pod(struct rig *rig, const char *name)
{
	char text[300];

	snprintf(text, sizeof(text), "{\"kind\":\"Pod\",\"apiVersion\":\"v1\",\"metadata\":{\"name\":\"%s\",\"namespace\":\"ns\","
				     "\"uid\":\"u-%s\",\"resourceVersion\":\"7\"}}", name, name);
	return kshim_object_from_text(rig->client, text, strlen(text));
}

struct set {
	struct rig rig;
	kshim_recorder *recorder;
	kshim_object *pod;
};

static void start(struct set *set, void **state, const struct fakeapi_route *routes, size_t count)
{
	rig_start(&set->rig, state, routes, count);
	ahead_us = 0;
	at_once = false;
	set->recorder = kshim_recorder_new(set->rig.client, "example.com/me", "me-0");
	assert_non_null(set->recorder);
	set->pod = pod(&set->rig, "a");
}

static void stop(struct set *set)
{
	kshim_recorder_free(set->recorder);
	kshim_object_unref(set->pod);
	ahead_us = 0;
	rig_stop(&set->rig);
}

static void record(struct set *set, const char *reason, const char *message)
{
	size_t asked = fakeapi_request_count(set->rig.api);

	kshim_recorder_event(set->recorder, set->pod, KSHIM_RECORDER_NORMAL, reason, message);
	/* nothing is waited for */
	assert_in_range(fakeapi_request_count(set->rig.api), asked, asked + 1);
}

static json_t *sent(struct set *set, size_t i, const char *method)
{
	const struct fakeapi_request *request = fakeapi_request(set->rig.api, i);
	json_t *tree;

	assert_non_null(request);
	assert_string_equal(request->method, method);
	tree = json_loads(request->body, JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(tree);
	return tree;
}

static const char *text_at(json_t *tree, const char *a, const char *b)
{
	json_t *value = json_object_get(tree, a);

	return json_string_value(b ? json_object_get(value, b) : value);
}

static void test_event(void **state)
{
	const struct fakeapi_route routes[] = {ECHOES};
	struct set set;
	json_t *event;

	start(&set, state, routes, COUNT(routes));
	kshim_recorder_event(set.recorder, set.pod, KSHIM_RECORDER_WARNING, "Failed", "it \"failed\"\n\xff\xc3\xa9\xe2\x82");
	assert_int_equal(kshim_recorder_len(set.recorder), 1);
	rig_drive(&set.rig);
	assert_int_equal(kshim_recorder_len(set.recorder), 0);
	assert_int_equal(kshim_recorder_dropped(set.recorder), 0);
	assert_null(kshim_recorder_error(set.recorder));
	assert_int_equal(fakeapi_request_count(set.rig.api), 1);
	event = sent(&set, 0, "POST");
	assert_string_equal(text_at(event, "kind", NULL), "Event");
	assert_string_equal(text_at(event, "apiVersion", NULL), "v1");
	assert_string_equal(text_at(event, "metadata", "namespace"), "ns");
	assert_memory_equal(text_at(event, "metadata", "name"), "a.", 2);
	assert_string_equal(text_at(event, "involvedObject", "kind"), "Pod");
	assert_string_equal(text_at(event, "involvedObject", "apiVersion"), "v1");
	assert_string_equal(text_at(event, "involvedObject", "name"), "a");
	assert_string_equal(text_at(event, "involvedObject", "namespace"), "ns");
	assert_string_equal(text_at(event, "involvedObject", "uid"), "u-a");
	assert_string_equal(text_at(event, "involvedObject", "resourceVersion"), "7");
	assert_string_equal(text_at(event, "type", NULL), "Warning");
	assert_string_equal(text_at(event, "reason", NULL), "Failed");
	assert_string_equal(text_at(event, "message", NULL), "it \"failed\"\n?\xc3\xa9??");
	assert_string_equal(text_at(event, "source", "component"), "example.com/me");
	assert_string_equal(text_at(event, "reportingComponent", NULL), "example.com/me");
	assert_string_equal(text_at(event, "reportingInstance", NULL), "me-0");
	assert_int_equal(json_integer_value(json_object_get(event, "count")), 1);
	assert_string_equal(text_at(event, "firstTimestamp", NULL), text_at(event, "lastTimestamp", NULL));
	assert_int_equal(strlen(text_at(event, "firstTimestamp", NULL)), 20);
	json_decref(event);
	stop(&set);
}

/* The same again counts up; when it was forgotten there, it is made anew. */
static void test_counts_up(void **state)
{
	const struct fakeapi_route routes[] = {
		{"PATCH", EVENTS "/*", .nth = 2, .answer = {.status = 404, .body = MISSING}}, ECHOES,
	};
	json_t *first, *patch, *again;
	const char *name;
	struct set set;

	start(&set, state, routes, COUNT(routes));
	record(&set, "Made", "one");
	record(&set, "Made", "one");
	record(&set, "Made", "two");
	record(&set, "Made", "one");
	assert_int_equal(kshim_recorder_len(set.recorder), 4);
	rig_drive(&set.rig);
	assert_int_equal(fakeapi_request_count(set.rig.api), 5);
	first = sent(&set, 0, "POST");
	name = text_at(first, "metadata", "name");
	patch = sent(&set, 1, "PATCH");
	assert_contains(fakeapi_request(set.rig.api, 1)->path, name);
	assert_string_equal(fakeapi_header(fakeapi_request(set.rig.api, 1), "content-type"), "application/merge-patch+json");
	assert_int_equal(json_integer_value(json_object_get(patch, "count")), 2);
	assert_non_null(text_at(patch, "lastTimestamp", NULL));
	json_decref(patch);
	json_decref(sent(&set, 2, "POST"));
	json_decref(sent(&set, 3, "PATCH"));
	again = sent(&set, 4, "POST");
	assert_string_equal(text_at(again, "metadata", "name"), name);
	assert_string_equal(text_at(again, "firstTimestamp", NULL), text_at(first, "firstTimestamp", NULL));
	assert_int_equal(json_integer_value(json_object_get(again, "count")), 3);
	assert_int_equal(kshim_recorder_dropped(set.recorder), 0);
	json_decref(first);
	json_decref(again);
	stop(&set);
}

/* The tenth that differs is the first of the combined one. */
static void test_combined(void **state)
{
	const struct fakeapi_route routes[] = {ECHOES};
	char message[32];
	struct set set;
	json_t *event;
	unsigned i;

	start(&set, state, routes, COUNT(routes));
	for (i = 0; i < 12; i++) {
		snprintf(message, sizeof(message), "number %u", i);
		record(&set, "Made", message);
	}
	record(&set, "Other", "number 12");
	rig_drive(&set.rig);
	assert_int_equal(fakeapi_request_count(set.rig.api), 13);
	event = sent(&set, 8, "POST");
	assert_string_equal(text_at(event, "message", NULL), "number 8");
	json_decref(event);
	event = sent(&set, 9, "POST");
	assert_string_equal(text_at(event, "message", NULL), "(combined from similar events): number 9");
	assert_int_equal(json_integer_value(json_object_get(event, "count")), 1);
	json_decref(event);
	event = sent(&set, 11, "PATCH");
	assert_string_equal(text_at(event, "message", NULL), "(combined from similar events): number 11");
	assert_int_equal(json_integer_value(json_object_get(event, "count")), 3);
	json_decref(event);
	event = sent(&set, 12, "POST");
	assert_string_equal(text_at(event, "message", NULL), "number 12");
	json_decref(event);
	/* after ten minutes without any they are single ones again */
	ahead_us = INT64_C(600000000);
	record(&set, "Made", "later");
	rig_drive(&set.rig);
	event = sent(&set, 13, "POST");
	assert_string_equal(text_at(event, "message", NULL), "later");
	json_decref(event);
	stop(&set);
}

static void test_too_many(void **state)
{
	const struct fakeapi_route routes[] = {ECHOES};
	kshim_object *other;
	struct set set;
	unsigned i;

	start(&set, state, routes, COUNT(routes));
	for (i = 0; i < 40; i++)
		record(&set, "Made", "one");
	rig_drive(&set.rig);
	assert_int_equal(fakeapi_request_count(set.rig.api), 25);
	assert_int_equal(kshim_recorder_dropped(set.recorder), 15);
	/* others are not hurt: of another object, of another type */
	other = pod(&set.rig, "b");
	kshim_recorder_event(set.recorder, other, KSHIM_RECORDER_NORMAL, "Made", "one");
	kshim_object_unref(other);
	kshim_recorder_event(set.recorder, set.pod, KSHIM_RECORDER_WARNING, "Made", "one");
	rig_drive(&set.rig);
	assert_int_equal(fakeapi_request_count(set.rig.api), 27);
	/* one in five minutes; held back ones were counted */
	ahead_us = INT64_C(301000000);
	record(&set, "Made", "one");
	record(&set, "Made", "one");
	rig_drive(&set.rig);
	assert_int_equal(fakeapi_request_count(set.rig.api), 28);
	assert_int_equal(kshim_recorder_dropped(set.recorder), 16);
	stop(&set);
}

/* What may pass is tried again, what was refused is not. */
static void test_failures(void **state)
{
	const struct fakeapi_route routes[] = {
		{"POST", EVENTS, .nth = 1, .answer = {.status = 403, .body = STATUS(403, "Forbidden")}},
		{"POST", EVENTS, .nth = 2, .answer = {.end = FAKEAPI_HANG_UP}}, ECHOES,
	};
	struct set set;

	start(&set, state, routes, COUNT(routes));
	record(&set, "Made", "refused");
	rig_drive(&set.rig);
	assert_int_equal(kshim_recorder_dropped(set.recorder), 1);
	assert_int_equal(kshim_error_code(kshim_recorder_error(set.recorder)), KSHIM_EFORBIDDEN);
	at_once = true;
	record(&set, "Made", "broken");
	record(&set, "Made", "behind it");
	rig_until_requests(&set.rig, 4);
	rig_drive(&set.rig);
	assert_int_equal(fakeapi_request_count(set.rig.api), 4);
	assert_int_equal(kshim_recorder_dropped(set.recorder), 1);
	assert_contains(fakeapi_request(set.rig.api, 2)->body, "broken");
	assert_contains(fakeapi_request(set.rig.api, 3)->body, "behind it");
	assert_null(kshim_recorder_error(set.recorder));
	stop(&set);
}

/* It was recorded, and the answer lost: then the next attempt finds it there. One that is
 * there at the first is another's. */
static void test_answer_lost(void **state)
{
	const struct fakeapi_route routes[] = {
		{"POST", EVENTS, .nth = 1, .answer = {.end = FAKEAPI_HANG_UP}},
		{"POST", EVENTS, .nth = 2, .answer = {.status = 409, .body = STATUS(409, "AlreadyExists")}},
		{"POST", EVENTS, .nth = 3, .answer = {.status = 409, .body = STATUS(409, "AlreadyExists")}}, ECHOES,
	};
	struct set set;

	start(&set, state, routes, COUNT(routes));
	at_once = true;
	record(&set, "Made", "answer lost");
	rig_until_requests(&set.rig, 2);
	rig_drive(&set.rig);
	assert_int_equal(kshim_recorder_len(set.recorder), 0);
	assert_int_equal(kshim_recorder_dropped(set.recorder), 0);
	assert_null(kshim_recorder_error(set.recorder));
	record(&set, "Made", "another's");
	rig_drive(&set.rig);
	assert_int_equal(kshim_recorder_dropped(set.recorder), 1);
	assert_int_equal(kshim_error_code(kshim_recorder_error(set.recorder)), KSHIM_EEXISTS);
	stop(&set);
}

static void test_queue_is_bounded(void **state)
{
	const struct fakeapi_route routes[] = {{"POST", EVENTS, .answer = {.end = FAKEAPI_HANG_UP}}, ECHOES};
	struct set set;
	unsigned i;

	start(&set, state, routes, COUNT(routes));
	for (i = 0; i < 1010; i++)
		record(&set, "Made", "one");
	assert_int_equal(kshim_recorder_len(set.recorder), 1000);
	assert_int_equal(kshim_recorder_dropped(set.recorder), 10);
	/* what waits for its next attempt is nothing that is under way */
	rig_drive(&set.rig);
	assert_int_equal(fakeapi_request_count(set.rig.api), 1);
	assert_int_equal(kshim_recorder_len(set.recorder), 1000);
	/* each is tried once more; all but 24 of them are too many of one object */
	kshim_recorder_free(set.recorder);
	set.recorder = NULL;
	rig_drive(&set.rig);
	assert_int_equal(fakeapi_count(set.rig.api, "POST", EVENTS), 2);
	assert_int_equal(fakeapi_count(set.rig.api, "PATCH", NULL), 24);
	stop(&set);
}

/* Freed with events in the queue: they are sent. */
static void test_freed(void **state)
{
	const struct fakeapi_route routes[] = {ECHOES};
	struct set set;

	start(&set, state, routes, COUNT(routes));
	record(&set, "Made", "one");
	record(&set, "Made", "two");
	kshim_recorder_free(set.recorder);
	set.recorder = NULL;
	rig_drive(&set.rig);
	assert_int_equal(fakeapi_request_count(set.rig.api), 2);
	stop(&set);
}

/* The client goes before, with one under way, with one that waits, with none. */
static void test_client_freed(void **state)
{
	const struct fakeapi_route routes[] = {
		{"POST", EVENTS, .nth = 1, .answer = {.end = FAKEAPI_MUTE}},
		{"POST", EVENTS, .answer = {.end = FAKEAPI_HANG_UP}},
	};
	struct set set;
	int round;

	for (round = 0; round < 3; round++) {
		start(&set, state, routes + (round > 0), COUNT(routes) - (round > 0));
		if (round < 2) {
			record(&set, "Made", "one");
			record(&set, "Made", "two");
			rig_until_requests(&set.rig, 1);
		}
		if (round == 1)
			rig_drive(&set.rig);
		kshim_client_free(set.rig.client);
		set.rig.client = NULL;
		rig_drive(&set.rig);
		assert_int_equal(kshim_recorder_len(set.recorder), 0);
		assert_int_equal(kshim_recorder_dropped(set.recorder), round < 2 ? 2 : 0);
		record(&set, "Made", "three");
		assert_int_equal(kshim_recorder_dropped(set.recorder), round < 2 ? 3 : 1);
		stop(&set);
	}
}

static void test_loop_freed(void **state)
{
	const struct fakeapi_route routes[] = {{"POST", EVENTS, .answer = {.end = FAKEAPI_MUTE}}};
	struct set set;

	start(&set, state, routes, COUNT(routes));
	record(&set, "Made", "one");
	record(&set, "Made", "two");
	kshim_loop_free(set.rig.loop);
	set.rig.loop = NULL;
	assert_int_equal(kshim_recorder_dropped(set.recorder), 2);
	record(&set, "Made", "three");
	stop(&set);
	/* and of one that was released before */
	start(&set, state, routes, COUNT(routes));
	record(&set, "Made", "one");
	kshim_recorder_free(set.recorder);
	set.recorder = NULL;
	kshim_loop_free(set.rig.loop);
	set.rig.loop = NULL;
	stop(&set);
}

static void test_arguments(void **state)
{
	const struct fakeapi_route routes[] = {{NULL, NULL, .generate = echo}};
	kshim_object *nameless, *far, *odd, *unknown;
	kshim_query *leases;
	char *longest = malloc(3001);
	struct set set;
	json_t *event;

	start(&set, state, routes, COUNT(routes));
	assert_null(kshim_recorder_new(NULL, "me", NULL));
	assert_null(kshim_recorder_new(set.rig.client, "", NULL));
	assert_null(kshim_recorder_new(set.rig.client, NULL, NULL));
	assert_int_equal(kshim_error_code(kshim_client_error(set.rig.client)), KSHIM_EINVAL);
	nameless = kshim_object_from_text(set.rig.client, "{\"apiVersion\":\"v1\",\"kind\":\"Pod\"}", 33);
	leases = kshim_query_new_named(set.rig.client, "leases.coordination.k8s.io", "ns");
	unknown = kshim_query_object(leases, "a");
	assert_non_null(unknown);
	record(&set, NULL, "x");
	record(&set, "", "x");
	record(&set, "x", NULL);
	kshim_recorder_event(set.recorder, NULL, KSHIM_RECORDER_NORMAL, "x", "x");
	kshim_recorder_event(set.recorder, nameless, KSHIM_RECORDER_NORMAL, "x", "x");
	kshim_recorder_event(set.recorder, set.pod, (kshim_recorder_type)7, "x", "x");
	kshim_recorder_event(NULL, set.pod, KSHIM_RECORDER_NORMAL, "x", "x");
	assert_int_equal(kshim_recorder_dropped(set.recorder), 6);
	kshim_recorder_event(set.recorder, unknown, KSHIM_RECORDER_NORMAL, "x", "x");
	assert_int_equal(kshim_recorder_dropped(set.recorder), 7);
	assert_int_equal(kshim_recorder_len(set.recorder), 0);
	assert_int_equal(kshim_recorder_len(NULL) + kshim_recorder_dropped(NULL), 0);
	assert_null(kshim_recorder_error(NULL));
	/* no namespace; a name that an Event cannot have; too long a message */
	far = kshim_object_from_text(set.rig.client, "{\"apiVersion\":\"v1\",\"kind\":\"Node\",\"metadata\":{\"name\":\"n\"}}",
				     strlen("{\"apiVersion\":\"v1\",\"kind\":\"Node\",\"metadata\":{\"name\":\"n\"}}"));
	odd = pod(&set.rig, "system:odd");
	memset(longest, 'x', 3000);
	longest[3000] = '\0';
	kshim_recorder_event(set.recorder, far, KSHIM_RECORDER_NORMAL, "x", longest);
	kshim_recorder_event(set.recorder, odd, KSHIM_RECORDER_NORMAL, longest, "x");
	rig_drive(&set.rig);
	assert_int_equal(fakeapi_request_count(set.rig.api), 2);
	assert_string_equal(fakeapi_request(set.rig.api, 0)->path, "/api/v1/namespaces/default/events");
	event = sent(&set, 0, "POST");
	assert_null(text_at(event, "involvedObject", "namespace"));
	assert_int_equal(strlen(text_at(event, "message", NULL)), 1024);
	json_decref(event);
	event = sent(&set, 1, "POST");
	assert_null(strchr(text_at(event, "metadata", "name"), ':'));
	assert_string_equal(text_at(event, "involvedObject", "name"), "system:odd");
	assert_int_equal(strlen(text_at(event, "reason", NULL)), 128);
	json_decref(event);
	kshim_object_unref(nameless);
	kshim_object_unref(unknown);
	kshim_query_free(leases);
	kshim_object_unref(far);
	kshim_object_unref(odd);
	free(longest);
	stop(&set);
}

/* What is remembered has a limit, and what was used last is kept. */
static void test_memory_is_bounded(void **state)
{
	struct kshim__event event = {"kept", "r", "m", "first", 1, 1};
	struct kshim__event_verdict verdict;
	struct kshim__event_rules rules;
	char about[16];
	unsigned i;

	(void)state;
	kshim__event_rules_init(&rules);
	for (i = 0; i < 10000; i++) {
		event.about = "kept";
		assert_true(kshim__event_judge(&rules, &event, &verdict));
		assert_int_equal(verdict.count, i + 1);
		snprintf(about, sizeof(about), "%u", i);
		event.about = about;
		assert_true(kshim__event_judge(&rules, &event, &verdict));
		assert_int_equal(verdict.count, 1);
		assert_in_range(rules.records.table.count, 1, KSHIM__EVENT_KEYS);
	}
	assert_int_equal(rules.records.table.count, KSHIM__EVENT_KEYS);
	event.about = "0"; /* forgotten */
	assert_true(kshim__event_judge(&rules, &event, &verdict));
	assert_int_equal(verdict.count, 1);
	kshim__event_rules_free(&rules);
}

/* Each allocation fails once: sent or counted, and nothing else. */
static void test_no_memory(void **state)
{
	const struct fakeapi_route routes[] = {ECHOES};
	unsigned well = 0, refused = 0;
	uint64_t lost = 0;
	struct set set;
	long i;

	if (!failalloc_works())
		skip();
	start(&set, state, routes, COUNT(routes));
	kshim_recorder_free(set.recorder);
	for (i = 0; well < 3 && i < 2000; i++) {
		size_t asked = fakeapi_request_count(set.rig.api);
		uint64_t dropped;
		bool failed;

		failalloc_arm(i, false);
		set.recorder = kshim_recorder_new(set.rig.client, "me", NULL);
		if (set.recorder) {
			kshim_recorder_event(set.recorder, set.pod, KSHIM_RECORDER_NORMAL, "Made", "one");
			kshim_recorder_event(set.recorder, set.pod, KSHIM_RECORDER_NORMAL, "Made", "one");
			rig_drive(&set.rig);
		}
		failed = failalloc_disarm();
		dropped = kshim_recorder_dropped(set.recorder);
		lost += dropped;
		refused += !set.recorder;
		if (!failed) {
			assert_int_equal(dropped, 0);
			assert_int_equal(fakeapi_request_count(set.rig.api), asked + 2);
			well++;
		}
		assert_in_range(dropped, 0, 2);
		kshim_recorder_free(set.recorder);
	}
	set.recorder = NULL;
	assert_int_equal(well, 3);
	assert_true(refused > 2);
	assert_true(lost > 10);
	stop(&set);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ALL_VARIANTS(test_event),
		BOTH_HTTP(test_counts_up),
		BOTH_HTTP(test_combined),
		ONLY_H1(test_too_many),
		BOTH_DRIVES(test_failures),
		BOTH_HTTP(test_answer_lost),
		ONLY_H1(test_queue_is_bounded),
		ALL_VARIANTS(test_freed),
		BOTH_HTTP(test_client_freed),
		BOTH_HTTP(test_loop_freed),
		ONLY_H1(test_arguments),
		cmocka_unit_test(test_memory_is_bounded),
		ONLY_H1(test_no_memory),
	};

	test_begin();
	return cmocka_run_group_tests_name("faults/recorder", tests, NULL, NULL);
}
