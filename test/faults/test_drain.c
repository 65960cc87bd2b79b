/* A drain among refusals: what is asked again, what fails, what the user ends in the
 * middle. */
#include "../testutil.h"

#define NODE_PATH "/api/v1/nodes/n1"
#define PODS_PATH "/api/v1/pods"
#define NODE(more) "{\"kind\":\"Node\",\"apiVersion\":\"v1\",\"metadata\":{\"name\":\"n1\",\"uid\":\"n-1\"},\"spec\":{" more "}}"
#define OWNER(kind, name)                                                                                              \
	",\"ownerReferences\":[{\"apiVersion\":\"apps/v1\",\"kind\":\"" kind "\",\"name\":\"" name "\",\"uid\":\"o\","     \
	"\"controller\":true}]"
#define POD_OF(name, more)                                                                                             \
	"{\"metadata\":{\"name\":\"" name "\",\"namespace\":\"ns\",\"uid\":\"u-" name "\"" OWNER("ReplicaSet", "rs") more "}}"
#define DAEMON(name) "{\"metadata\":{\"name\":\"" name "\",\"namespace\":\"ns\",\"uid\":\"u-" name "\"" OWNER("DaemonSet", "ds") "}}"
#define PODS(items)                                                                                                    \
	"{\"kind\":\"PodList\",\"apiVersion\":\"v1\",\"metadata\":{\"resourceVersion\":\"9\"},\"items\":[" items "]}"
#define STATUS(code, reason, message, cause)                                                                           \
	"{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"metadata\":{},\"status\":\"Failure\",\"message\":\"" message "\","   \
	"\"reason\":\"" reason "\",\"details\":{\"causes\":[{\"reason\":\"" cause "\",\"message\":\"\"}]},\"code\":" #code "}"
#define NONE                                                                                                           \
	"{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"metadata\":{},\"status\":\"Failure\",\"message\":\"not found\","     \
	"\"reason\":\"NotFound\",\"details\":{\"kind\":\"pods\"},\"code\":404}"
#define OLD ",\"deletionTimestamp\":\"2001-01-01T08:00:00Z\""
#define FUTURE ",\"deletionTimestamp\":\"2999-01-01T08:00:00Z\""
#define EVICTION(name) LIST_PATH "/" name "/eviction"
#define EVICTED {.status = 201, .body = "{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"status\":\"Success\"}"}
#define BUDGET                                                                                                         \
	{.status = 429, .body = STATUS(429, "TooManyRequests", "Cannot evict pod as it would violate the pod's disruption " \
							       "budget.", "DisruptionBudget")}
#define TERMINATING                                                                                                    \
	{.status = 403, .body = STATUS(403, "Forbidden", "unable to create new content in namespace ns because it is being " \
							 "terminated", "NamespaceTerminating")}
#define CORDONED {"GET", NODE_PATH, .answer = {.body = NODE("\"unschedulable\":true")}}
#define CORDON                                                                                                         \
	{"GET", NODE_PATH, .answer = {.body = NODE("")}},                                                              \
	{                                                                                                              \
		"PATCH", NODE_PATH, .answer = {.body = NODE("\"unschedulable\":true")}                                 \
	}

/* What a drain told; begins as struct seen does. */
struct told {
	struct seen seen;
	unsigned count, events[7];
	char order[512];
	unsigned end_at; /* the event in which the user ends it; 0: none */
	bool free_client;
	int64_t skip_deleted;
};

static void on_event(kshim_object *pod, kshim_drain_event event, const char *text, void *user)
{
	static const char *const names[] = {"ignored", "warned", "started", "delayed", "failed", "gone", "skipped"};
	struct told *told = user;

	assert_int_equal(told->seen.done, 0);
	assert_in_range(event, 0, 6);
	told->count++;
	told->events[event]++;
	assert_true(event == KSHIM_DRAIN_STARTED || event == KSHIM_DRAIN_GONE || text);
	if (told->count == told->end_at) {
		if (told->free_client) {
			kshim_client_free(told->seen.rig->client);
			told->seen.rig->client = NULL;
		} else {
			kshim_call_cancel(told->seen.call);
		}
	}
	/* what is borrowed is still there */
	snprintf(told->order + strlen(told->order), sizeof(told->order) - strlen(told->order), "%s %s|",
		 kshim_object_name(pod), names[event]);
}

static kshim_object *node_of(struct rig *rig)
{
	kshim_query *query = kshim_query_new(rig->client, KSHIM_NODE, NULL);
	kshim_object *node = kshim_query_object(query, "n1");

	kshim_query_free(query);
	return node;
}

static void drain(struct rig *rig, struct told *told)
{
	kshim_drain_options *options = kshim_drain_options_new();
	kshim_object *node = node_of(rig);

	told->seen.rig = rig;
	kshim_drain_options_set_ignore_daemonsets(options, 1);
	assert_int_equal(kshim_drain_options_set_skip_deleted(options, told->skip_deleted), 0);
	assert_int_equal(kshim_drain_options_set_limit(options, 7), 0);
	started(&told->seen, kshim_node_drain(node, options, on_event, seen_done, told));
	kshim_drain_options_free(options);
	kshim_object_unref(node);
	rig_drive(rig);
}

/* One that may not go is asked again after a while, one that is gone is not, and one
 * whose place was taken by another is as good as gone. */
static void test_asked_again(void **state)
{
	static const struct fakeapi_route routes[] = {
		CORDONED,
		{"GET", PODS_PATH, .nth = 1, .answer = {.body = PODS(POD_OF("kept", "") "," POD_OF("left", "") ","
								     POD_OF("other", "") "," POD_OF("slow", ""))}},
		{"GET", PODS_PATH, .nth = 2, .answer = {.body = PODS(POD_OF("kept", "") "," POD_OF("slow", ""))}},
		{"GET", PODS_PATH, .answer = {.body = PODS(POD_OF("kept", ""))}},
		{"POST", EVICTION("kept"), .nth = 1, .answer = BUDGET},
		{"POST", EVICTION("kept"), .answer = {.status = 404, .body = NONE}},
		{"POST", EVICTION("left"), .answer = {.status = 404, .body = NONE}},
		{"POST", EVICTION("other"), .answer = {.status = 409, .body = STATUS(409, "Conflict", "uid", "")}},
		{"POST", EVICTION("slow"), .answer = EVICTED},
	};
	struct told told = {0};
	struct rig rig;

	rig_start(&rig, state, routes, COUNT(routes));
	drain(&rig, &told);
	assert_ok(&told.seen);
	assert_int_equal(told.seen.item_count, 4);
	assert_int_equal(told.events[KSHIM_DRAIN_STARTED], 4);
	assert_int_equal(told.events[KSHIM_DRAIN_DELAYED], 1);
	assert_int_equal(told.events[KSHIM_DRAIN_GONE], 4);
	assert_int_equal(fakeapi_count(rig.api, "POST", EVICTION("kept")), 2);
	assert_int_equal(fakeapi_count(rig.api, "POST", EVICTION("other")), 1);
	assert_int_equal(fakeapi_count(rig.api, "PATCH", NULL), 0);
	assert_contains(told.order, "kept gone|"); /* last */
	assert_string_equal(strstr(told.order, "kept gone|"), "kept gone|");
	rig_stop(&rig);
}

/* In a namespace that is being deleted no eviction is allowed: a Pod that is marked
 * is waited for, one that is not yet is asked again. */
static void test_namespace_terminating(void **state)
{
	static const char marked[] = PODS(POD_OF("x", ",\"deletionTimestamp\":\"2026-11-24T08:00:00Z\""));
	static const struct fakeapi_route routes[] = {
		CORDONED,
		{"GET", PODS_PATH, .nth = 1, .answer = {.body = PODS(POD_OF("x", ""))}},
		{"GET", PODS_PATH, .nth = 2, .answer = {.body = marked}},
		{"GET", PODS_PATH, .nth = 3, .answer = {.body = marked}},
		{"GET", PODS_PATH, .nth = 4, .answer = {.body = marked}},
		{"GET", PODS_PATH, .nth = 5, .answer = {.body = marked}},
		{"GET", PODS_PATH, .nth = 6, .answer = {.body = marked}},
		{"GET", PODS_PATH, .nth = 7, .answer = {.body = marked}},
		{"GET", PODS_PATH, .answer = {.body = PODS("")}},
		{"POST", EVICTION("x"), .answer = TERMINATING},
	};
	struct told told = {0};
	struct rig rig;

	rig_start(&rig, state, routes, COUNT(routes));
	drain(&rig, &told);
	assert_ok(&told.seen);
	assert_string_equal(told.order, "x started|x delayed|x gone|");
	assert_int_equal(fakeapi_count(rig.api, "POST", EVICTION("x")), 2);
	assert_true(fakeapi_count(rig.api, "GET", PODS_PATH) >= 8);
	rig_stop(&rig);
}

/* What is being deleted since long ago is left alone, at once or as soon as it is; what
 * has time left is waited for. */
static void test_deleted_for_long(void **state)
{
	static const struct fakeapi_route routes[] = {
		CORDONED,
		{"GET", PODS_PATH, .nth = 1, .answer = {.body = PODS(POD_OF("old", OLD) "," POD_OF("stuck", "") ","
								     POD_OF("soon", ""))}},
		{"GET", PODS_PATH, .nth = 2, .answer = {.body = PODS(POD_OF("old", OLD) "," POD_OF("stuck", OLD) ","
								     POD_OF("soon", FUTURE))}},
		{"GET", PODS_PATH, .answer = {.body = PODS(POD_OF("old", OLD) "," POD_OF("stuck", OLD))}},
		{"POST", EVICTION("stuck"), .answer = EVICTED},
		{"POST", EVICTION("soon"), .answer = EVICTED},
	};
	struct told told = {.skip_deleted = 60};
	struct rig rig;

	rig_start(&rig, state, routes, COUNT(routes));
	drain(&rig, &told);
	assert_ok(&told.seen);
	assert_string_equal(told.order, "stuck started|soon started|stuck skipped|soon gone|");
	assert_int_equal(told.seen.item_count, 1);
	assert_int_equal(fakeapi_count(rig.api, "POST", NULL), 2);
	assert_int_equal(fakeapi_count(rig.api, "GET", PODS_PATH "?*limit=7*"), fakeapi_count(rig.api, "GET", PODS_PATH));
	rig_stop(&rig);
}

/* What will not go does not hold up the others, and all of it is in the error. */
static void test_failures(void **state)
{
	static const struct fakeapi_route routes[] = {
		CORDONED,
		{"GET", PODS_PATH, .nth = 1, .answer = {.body = PODS(POD_OF("two", "") "," POD_OF("no", "") ","
								     POD_OF("goes", ""))}},
		{"GET", PODS_PATH, .answer = {.body = PODS(POD_OF("two", "") "," POD_OF("no", ""))}},
		{"POST", EVICTION("two"), .answer = {.status = 500, .body = STATUS(500, "InternalError",
										  "This pod has more than one "
										  "PodDisruptionBudget", "")}},
		{"POST", EVICTION("no"), .answer = {.status = 403, .body = STATUS(403, "Forbidden", "not you", "")}},
		{"POST", EVICTION("goes"), .answer = EVICTED},
	};
	struct told told = {0};
	struct rig rig;

	rig_start(&rig, state, routes, COUNT(routes));
	drain(&rig, &told);
	assert_int_equal(told.seen.done, 1);
	assert_true(told.seen.code == KSHIM_ESERVER || told.seen.code == KSHIM_EFORBIDDEN);
	assert_contains(told.seen.message, "cannot evict pod ns/two: ");
	assert_contains(told.seen.message, "more than one PodDisruptionBudget");
	assert_contains(told.seen.message, "cannot evict pod ns/no: ");
	assert_int_equal(told.events[KSHIM_DRAIN_FAILED], 2);
	assert_int_equal(told.events[KSHIM_DRAIN_GONE], 1);
	assert_int_equal(told.seen.item_count, 1);
	rig_stop(&rig);
}

/* Forty are asked sixteen at a time. */
static void many(void *ctx, const struct fakeapi_request *req, struct fakeapi_answer *out)
{
	char *text = calloc(1, 40 * 400);
	int i;

	(void)ctx;
	(void)req;
	strcat(text, "{\"kind\":\"PodList\",\"apiVersion\":\"v1\",\"metadata\":{\"resourceVersion\":\"9\"},\"items\":[");
	for (i = 0; i < 40; i++)
		sprintf(text + strlen(text), "%s{\"metadata\":{\"name\":\"p%d\",\"namespace\":\"ns\",\"uid\":\"u%d\""
						       OWNER("ReplicaSet", "rs") "}}", i ? "," : "", i, i);
	strcat(text, "]}");
	out->body = text;
	out->body_free = free;
}

struct at_once {
	struct told told; /* first */
	int under_way, most;
};

static void count_event(kshim_object *pod, kshim_drain_event event, const char *text, void *user)
{
	struct at_once *at_once = user;

	(void)pod;
	(void)text;
	at_once->under_way += event == KSHIM_DRAIN_STARTED ? 1 : -1;
	if (at_once->under_way > at_once->most)
		at_once->most = at_once->under_way;
}

static void test_sixteen_at_once(void **state)
{
	static const struct fakeapi_route routes[] = {
		CORDONED,
		{"GET", PODS_PATH, .generate = many},
		{"POST", LIST_PATH "/*/eviction", .answer = {.status = 404, .body = NONE}},
	};
	struct at_once at_once = {0};
	kshim_object *node;
	struct rig rig;

	rig_start(&rig, state, routes, COUNT(routes));
	node = node_of(&rig);
	started(&at_once.told.seen, kshim_node_drain(node, NULL, count_event, seen_done, &at_once));
	kshim_object_unref(node);
	rig_drive(&rig);
	assert_ok(&at_once.told.seen);
	assert_int_equal(at_once.told.seen.item_count, 40);
	assert_int_equal(at_once.under_way, 0);
	assert_int_equal(at_once.most, 16);
	rig_stop(&rig);
}

static const struct fakeapi_route mixed[] = {
	CORDON,
	{"GET", PODS_PATH, .nth = 1, .answer = {.body = PODS(DAEMON("d") "," POD_OF("a", "") "," POD_OF("b", "") ","
							     POD_OF("c", ""))}},
	{"GET", PODS_PATH, .answer = {.body = PODS(DAEMON("d"))}},
	{"GET", "/apis/apps/v1/namespaces/ns/daemonsets/ds",
	 .answer = {.body = "{\"kind\":\"DaemonSet\",\"apiVersion\":\"apps/v1\",\"metadata\":{\"name\":\"ds\",\"namespace\":\"ns\"}}"}},
	{"POST", EVICTION("a"), .answer = EVICTED},
	{"POST", EVICTION("b"), .answer = BUDGET},
	{"POST", EVICTION("c"), .answer = {.status = 500, .body = STATUS(500, "InternalError", "no", "")}},
};

/* The user ends it in each of its events, the call or the whole client. */
static void test_ended_in_an_event(void **state)
{
	unsigned total = 1, at, how;
	struct rig rig;

	for (how = 0; how < 2; how++) {
		for (at = 0; at <= total; at++) {
			struct told told = {.end_at = at, .free_client = how == 1};

			rig_start(&rig, state, mixed, COUNT(mixed));
			drain(&rig, &told);
			assert_int_equal(told.seen.done, 1);
			if (at) {
				assert_failed(&told.seen, KSHIM_ECANCELED);
				assert_int_equal(told.count, at);
			} else {
				assert_failed(&told.seen, KSHIM_ESERVER);
				total = told.count;
				assert_int_equal(total, 8); /* ignored, 3 started, delayed, failed, 2 gone */
			}
			rig_stop(&rig);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ONLY_H1(test_asked_again),
		ONLY_H1(test_namespace_terminating),
		ONLY_H1(test_deleted_for_long),
		BOTH_HTTP(test_failures),
		BOTH_HTTP(test_sixteen_at_once),
		BOTH_HTTP(test_ended_in_an_event),
	};

	test_begin();
	return cmocka_run_group_tests_name("faults/drain", tests, NULL, NULL);
}
