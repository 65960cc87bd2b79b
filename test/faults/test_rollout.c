/* Verbs of several steps: conflicts, cancels, and memory that runs out in between. */
/* LINK: -Wl,--wrap=kshim__malloc,--wrap=kshim__calloc,--wrap=kshim__realloc,--wrap=kshim__memdup,--wrap=kshim__strdup */
#include "../testutil.h"
#include "../unit/failalloc.h"

#define DEPLOYMENTS "/apis/apps/v1/namespaces/ns/deployments/web"
#define SETS "/apis/apps/v1/namespaces/ns/replicasets"
#define TEMPLATE(hash, image)                                                                                          \
	"\"template\":{\"metadata\":{\"creationTimestamp\":null,\"labels\":{\"app\":\"web\"" hash "}},\"spec\":{\"containers\":"  \
	"[{\"name\":\"main\",\"image\":\"" image "\"}]}}"
#define DEPLOYMENT                                                                                                     \
	"{\"kind\":\"Deployment\",\"apiVersion\":\"apps/v1\",\"metadata\":{\"name\":\"web\",\"namespace\":\"ns\",\"uid\":\"d-1\"," \
	"\"resourceVersion\":\"9\",\"annotations\":{\"deployment.kubernetes.io/revision\":\"3\",\"gone\":\"x\"}},\"spec\":"  \
	"{\"selector\":{\"matchLabels\":{\"app\":\"web\"}}," TEMPLATE("", "c") "}}"
#define SET(name, owner, revision, image)                                                                              \
	"{\"metadata\":{\"name\":\"" name "\",\"namespace\":\"ns\",\"annotations\":{\"deployment.kubernetes.io/revision\":\"" revision \
	"\",\"deployment.kubernetes.io/max-replicas\":\"2\",\"kept\":\"" image "\"},\"ownerReferences\":[{\"kind\":\"Other\","    \
	"\"uid\":\"d-1\"},{\"kind\":\"Deployment\",\"uid\":\"" owner "\",\"controller\":true}]},\"spec\":{"                 \
	TEMPLATE(",\"pod-template-hash\":\"1\"", image) "}}"
#define SET_LIST                                                                                                       \
	"{\"kind\":\"ReplicaSetList\",\"apiVersion\":\"apps/v1\",\"metadata\":{\"resourceVersion\":\"9\"},\"items\":["       \
	SET("web-3", "d-1", "3", "c") "," SET("web-1", "d-1", "1", "a") "," SET("theirs", "d-2", "7", "z") ","            \
	SET("odd", "d-1", "2x", "y") "," SET("web-2", "d-1", "2", "b") "]}"

static const struct fakeapi_route routes[] = {
	{"GET", SETS "?*", .answer = {.body = SET_LIST}},
	{"GET", DEPLOYMENTS, .answer = {.body = DEPLOYMENT}},
	{"PATCH", DEPLOYMENTS, .answer = {.body = DEPLOYMENT}},
};

static kshim_object *handle(struct rig *rig)
{
	kshim_query *query = kshim_query_new(rig->client, KSHIM_DEPLOYMENT, "ns");
	kshim_object *object = kshim_query_object(query, "web");

	kshim_query_free(query);
	return object;
}

typedef kshim_call *verb_fn(kshim_object *object, struct seen *seen);

static kshim_call *undo(kshim_object *object, struct seen *seen)
{
	return kshim_rollout_undo(object, 0, NULL, seen_done, seen);
}

static void on_revision(kshim_revision *revision, void *user)
{
	struct seen *seen = user;
	char text[40];

	snprintf(text, sizeof(text), " %d", (int)kshim_revision_number(revision));
	strcat(seen->names, text);
	if (!seen->data)
		return;
	/* what is borrowed of a revision outlives the end of its call */
	if (seen->data == seen->rig) {
		kshim_call_cancel(seen->call);
	} else {
		kshim_client_free(seen->rig->client);
		seen->rig->client = NULL;
	}
	assert_non_null(strstr(kshim_revision_template(revision, NULL), "\"image\":\"a\""));
	assert_string_equal(kshim_object_name(kshim_revision_object(revision)), "web-1");
}

static kshim_call *history(kshim_object *object, struct seen *seen)
{
	return kshim_rollout_history(object, on_revision, NULL, seen_done, seen);
}

static kshim_call *restart(kshim_object *object, struct seen *seen)
{
	return kshim_rollout_restart(object, NULL, seen_done, seen);
}

static kshim_call *add_finalizer(kshim_object *object, struct seen *seen)
{
	return kshim_object_add_finalizer(object, "example.com/x", NULL, seen_done, seen);
}

static void run(struct rig *rig, verb_fn *verb, struct seen *seen)
{
	kshim_object *object = handle(rig);

	seen->rig = rig;
	started(seen, verb(object, seen));
	kshim_object_unref(object);
	rig_drive(rig);
}

/* Exactly what is sent. */
static void test_undo(void **state)
{
	static const char patch[] =
		"[{\"op\":\"replace\",\"path\":\"/spec/template\",\"value\":{\"metadata\":{\"creationTimestamp\":null,\"labels\":"
		"{\"app\":\"web\"}},\"spec\":{\"containers\":[{\"name\":\"main\",\"image\":\"b\"}]}}},{\"op\":\"add\",\"path\":"
		"\"/metadata/annotations\",\"value\":{\"deployment.kubernetes.io/revision\":\"3\",\"kept\":\"b\"}}]";
	struct seen seen = {0};
	struct rig rig;

	rig_start(&rig, state, routes, COUNT(routes));
	run(&rig, undo, &seen);
	assert_ok(&seen);
	assert_int_equal(seen.found, 1);
	assert_int_equal(fakeapi_request_count(rig.api), 3);
	assert_contains(fakeapi_request(rig.api, 1)->path, "labelSelector=app%3Dweb");
	assert_string_equal(fakeapi_request(rig.api, 2)->body, patch);
	assert_string_equal(fakeapi_header(fakeapi_request(rig.api, 2), "content-type"), "application/json-patch+json");
	rig_stop(&rig);
}

static void test_history(void **state)
{
	struct seen seen = {0};
	struct rig rig;

	rig_start(&rig, state, routes, COUNT(routes));
	run(&rig, history, &seen);
	assert_ok(&seen);
	assert_string_equal(seen.names, " 1 2 3");
	assert_int_equal(seen.item_count, 3);
	/* cancelled at the first */
	memset(&seen, 0, sizeof(seen));
	seen.data = &rig;
	run(&rig, history, &seen);
	assert_failed(&seen, KSHIM_ECANCELED);
	assert_string_equal(seen.names, " 1");
	/* and with the whole client */
	memset(&seen, 0, sizeof(seen));
	seen.data = &seen;
	run(&rig, history, &seen);
	assert_failed(&seen, KSHIM_ECANCELED);
	assert_string_equal(seen.names, " 1");
	rig_stop(&rig);
}

static void test_conflicts(void **state)
{
	const struct fakeapi_route twice[] = {
		{"PATCH", DEPLOYMENTS, .nth = 1, .answer = {.status = 409, .body = "{}"}},
		{"PATCH", DEPLOYMENTS, .nth = 2, .answer = {.status = 409, .body = "{}"}},
		routes[1], routes[2],
	};
	const struct fakeapi_route always[] = {
		{"PATCH", DEPLOYMENTS, .answer = {.status = 409, .body = "{}"}},
		routes[1],
	};
	struct seen seen = {0};
	struct rig rig;

	rig_start(&rig, state, twice, COUNT(twice));
	run(&rig, add_finalizer, &seen);
	assert_ok(&seen);
	assert_int_equal(fakeapi_request_count(rig.api), 6);
	assert_string_equal(fakeapi_request(rig.api, 1)->body,
			    "{\"metadata\":{\"resourceVersion\":\"9\",\"finalizers\":[\"example.com/x\"]}}");
	rig_stop(&rig);
	memset(&seen, 0, sizeof(seen));
	rig_start(&rig, state, always, COUNT(always));
	run(&rig, add_finalizer, &seen);
	assert_failed(&seen, KSHIM_ECONFLICT);
	assert_int_equal(fakeapi_request_count(rig.api), 10);
	rig_stop(&rig);
}

/* Every allocation fails once: refused, failed, or done all the same. */
static void test_no_memory(void **state)
{
	static verb_fn *const verbs[] = {undo, history, restart, add_finalizer};
	struct rig rig;
	size_t v;
	long i;

	if (!failalloc_works())
		skip();
	rig_start(&rig, state, routes, COUNT(routes));
	for (v = 0; v < COUNT(verbs); v++) {
		unsigned succeeded = 0, failed = 0, refused = 0;

		for (i = 0; succeeded < 3 && i < 2000; i++) {
			kshim_object *object = handle(&rig);
			struct seen seen = {.rig = &rig};
			kshim_call *call;
			bool was_failed;

			failalloc_arm(i, false);
			call = started(&seen, verbs[v](object, &seen));
			rig_drive(&rig);
			was_failed = failalloc_disarm();
			kshim_object_unref(object);
			if (!call)
				refused++;
			else if (seen.has_error)
				failed++;
			assert_int_equal(seen.done, call != NULL);
			assert_true(was_failed || (call && !seen.has_error));
			succeeded += !was_failed;
		}
		assert_true(refused > 1);
		assert_true(failed > 5);
		assert_int_equal(succeeded, 3);
	}
	rig_stop(&rig);
}

#define SCALED(replicas)                                                                                               \
	"{\"kind\":\"Deployment\",\"apiVersion\":\"apps/v1\",\"metadata\":{\"name\":\"web\",\"namespace\":\"ns\"},\"spec\":{" \
	"\"replicas\":" replicas "}}"
#define SCALE "{\"kind\":\"Scale\",\"apiVersion\":\"autoscaling/v1\",\"spec\":{\"replicas\":3}}"

static void cancel_call(kshim_timer *timer, void *user)
{
	(void)timer;
	kshim_call_cancel(user);
}

/* It is over when the spec says so, at its deadline, or when it is cancelled. */
static void test_scale_waits_for_the_spec(void **state)
{
	const struct fakeapi_route late[] = {
		{"PATCH", DEPLOYMENTS "/scale", .answer = {.body = SCALE}},
		{"GET", DEPLOYMENTS, .nth = 1, .answer = {.body = SCALED("1")}},
		{"GET", DEPLOYMENTS, .answer = {.body = SCALED("3")}},
	};
	const struct fakeapi_route never[] = {
		late[0],
		{"GET", DEPLOYMENTS, .answer = {.body = SCALED("1")}},
	};
	struct seen seen = {0}, timed = {0}, cancelled = {0};
	kshim_options *options = kshim_options_new();
	kshim_object *object;
	kshim_timer *timer;
	int64_t replicas;
	struct rig rig;

	rig_start(&rig, state, late, COUNT(late));
	object = handle(&rig);
	started(&seen, kshim_object_scale(object, 3, NULL, seen_done, &seen));
	rig_drive(&rig);
	assert_ok(&seen);
	assert_int_equal(kshim_object_get_int(object, "/spec/replicas", &replicas), 0);
	assert_int_equal(replicas, 3);
	kshim_object_unref(object);
	assert_int_equal(fakeapi_request_count(rig.api), 3);
	assert_string_equal(fakeapi_request(rig.api, 0)->body, "{\"spec\":{\"replicas\":3}}");
	rig_stop(&rig);

	rig_start(&rig, state, never, COUNT(never));
	object = handle(&rig);
	kshim_options_set_timeout(options, 300);
	started(&timed, kshim_object_scale(object, 3, options, seen_done, &timed));
	started(&cancelled, kshim_object_scale(object, 3, NULL, seen_done, &cancelled));
	timer = kshim_timer_new(rig.loop, 1200, cancel_call, cancelled.call);
	rig_drive(&rig);
	assert_failed(&timed, KSHIM_ETIMEDOUT);
	assert_failed(&cancelled, KSHIM_ECANCELED);
	kshim_timer_free(timer);
	kshim_object_unref(object);
	kshim_options_free(options);
	rig_stop(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ALL_VARIANTS(test_undo),
		BOTH_HTTP(test_history),
		BOTH_HTTP(test_conflicts),
		BOTH_HTTP(test_scale_waits_for_the_spec),
		ONLY_H1(test_no_memory),
		ONLY_H2(test_no_memory),
	};

	test_begin();
	return cmocka_run_group_tests_name("faults/rollout", tests, NULL, NULL);
}
