/* The callback contract of kubeshim/common.h, line by line: every scenario over
 * HTTP/1.1 and HTTP/2, in kshim_loop_run() and in a poll(2) loop. */
#include "../testutil.h"

#include <errno.h>
#include <pthread.h>
#include <unistd.h>

/* Every function that takes a callback. */

struct verb {
	const char *name;
	kshim_call *(*start)(struct rig *rig, kshim_object *object, kshim_done_fn *done, void *user);
};

#define VERB(name, expression)                                                                                         \
	static kshim_call *start_##name(struct rig *rig, kshim_object *object, kshim_done_fn *done, void *user)        \
	{                                                                                                              \
		(void)rig;                                                                                             \
		(void)object;                                                                                          \
		return expression;                                                                                     \
	}

#define MERGE "{\"metadata\":{\"labels\":{\"a\":\"b\"}}}"

static void ignore_item(kshim_object *item, void *user)
{
	(void)item;
	(void)user;
}

static void ignore_page(const char *json, size_t len, void *user)
{
	(void)json;
	(void)len;
	(void)user;
}

static void ignore_kind(const kshim_kind *kind, void *user)
{
	(void)kind;
	(void)user;
}

static kshim_call *update_changed(kshim_object *object, kshim_done_fn *done, void *user)
{
	kshim_object_set_int(object, "/metadata/labels/n", 1);
	return kshim_object_update(object, NULL, done, user);
}

VERB(version, kshim_client_version(rig->client, done, user))
VERB(request, kshim_client_request(rig->client, "GET", "/healthz", NULL, NULL, 0, NULL, done, user))
VERB(find_kind, kshim_client_find_kind(rig->client, "po", done, user))
VERB(list_kinds, kshim_client_list_kinds(rig->client, ignore_kind, done, user))
VERB(list, kshim_query_list(rig->pods, ignore_item, done, user))
VERB(count, kshim_query_list(rig->pods, NULL, done, user))
VERB(table, kshim_query_table(rig->pods, NULL, ignore_page, done, user))
VERB(get_by_name, kshim_query_get_by_name(rig->pods, "pod-0", done, user))
VERB(get, kshim_query_get(rig->pods, done, user))
VERB(get_or_none, kshim_query_get_or_none(rig->pods, "pod-0", done, user))
VERB(only_or_none, kshim_query_get_or_none(rig->pods, NULL, done, user))
VERB(delete_all, kshim_query_delete_all(rig->pods, NULL, done, user))
VERB(exists, kshim_object_exists(object, NULL, done, user))
VERB(reload, kshim_object_reload(object, NULL, done, user))
VERB(create, kshim_object_create(object, NULL, done, user))
VERB(replace, kshim_object_replace(object, NULL, done, user))
VERB(update, update_changed(object, done, user))
VERB(patch, kshim_object_patch(object, KSHIM_PATCH_MERGE, MERGE, strlen(MERGE), NULL, done, user))
VERB(apply, kshim_object_apply(object, NULL, done, user))
VERB(delete, kshim_object_delete(object, NULL, done, user))
VERB(scale, kshim_object_scale(object, 0, NULL, done, user))

static const struct verb verbs[] = {
	{"version", start_version},
	{"request", start_request},
	{"find_kind", start_find_kind},
	{"list_kinds", start_list_kinds},
	{"list", start_list},
	{"count", start_count},
	{"table", start_table},
	{"get_by_name", start_get_by_name},
	{"get", start_get},
	{"get_or_none", start_get_or_none},
	{"only_or_none", start_only_or_none},
	{"delete_all", start_delete_all},
	{"exists", start_exists},
	{"reload", start_reload},
	{"create", start_create},
	{"replace", start_replace},
	{"update", start_update},
	{"patch", start_patch},
	{"apply", start_apply},
	{"delete", start_delete},
	{"scale", start_scale},
};

#define DEPLOYMENT                                                                                                     \
	"{\"apiVersion\":\"apps/v1\",\"kind\":\"Deployment\",\"metadata\":{\"name\":\"pod-0\",\"namespace\":\"ns\"},"  \
	"\"spec\":{\"replicas\":0}}"
#define ONE_POD "{\"kind\":\"PodList\",\"metadata\":{},\"items\":[{\"metadata\":{\"name\":\"pod-0\"}}]}"
#define DISCOVERY                                                                                                      \
	"{\"kind\":\"APIGroupDiscoveryList\",\"apiVersion\":\"apidiscovery.k8s.io/v2\",\"metadata\":{},\"items\":[{"   \
	"\"metadata\":{},\"versions\":[{\"version\":\"v1\",\"resources\":[{\"resource\":\"pods\",\"responseKind\":{"   \
	"\"group\":\"\",\"version\":\"v1\",\"kind\":\"Pod\"},\"scope\":\"Namespaced\",\"singularResource\":\"pod\","   \
	"\"verbs\":[\"get\",\"list\"],\"shortNames\":[\"po\"]}]}]}]}"
#define NO_GROUPS "{\"kind\":\"APIGroupDiscoveryList\",\"apiVersion\":\"apidiscovery.k8s.io/v2\",\"metadata\":{},\"items\":[]}"

static const struct fakeapi_route whole_api[] = {
	{"GET", "/version", .answer = {.body = "{\"gitVersion\":\"v1.36.3\"}"}},
	{"GET", "/healthz", .answer = {.body = "ok", .type = "text/plain"}},
	{"GET", "/api", .answer = {.body = DISCOVERY}},
	{"GET", "/apis", .answer = {.body = NO_GROUPS}},
	{"GET", LIST_PATH, .answer = {.body = ONE_POD}},
	{"DELETE", LIST_PATH, .answer = {.body = ONE_POD}},
	{"GET", LIST_PATH "/pod-0", .answer = {.body = POD("pod-0")}},
	{NULL, "/apis/apps/v1/namespaces/ns/deployments*", .answer = {.body = DEPLOYMENT}},
};

static const struct fakeapi_route mute[] = {{.answer = {.end = FAKEAPI_MUTE}}};

static kshim_object *deployment(struct rig *rig)
{
	kshim_object *object = kshim_object_from_text(rig->client, DEPLOYMENT, strlen(DEPLOYMENT));

	assert_non_null(object);
	return object;
}

/* Starts each verb on an object of its own, which goes at once. */
static void start_all(struct rig *rig, struct seen *seen)
{
	kshim_object *object;
	size_t i;

	for (i = 0; i < COUNT(verbs); i++) {
		object = deployment(rig);
		seen[i].rig = rig;
		if (!started(&seen[i], verbs[i].start(rig, object, seen_done, &seen[i])))
			print_error("%s: %s\n", verbs[i].name, kshim_error_message(kshim_client_error(rig->client)));
		assert_non_null(seen[i].call);
		kshim_object_unref(object);
	}
}

static void check_all(const struct seen *seen, kshim_code code)
{
	size_t i;

	for (i = 0; i < COUNT(verbs); i++) {
		if (seen[i].done != 1 || seen[i].code != code)
			print_error("%s: %u callbacks, code %d: %s\n", verbs[i].name, seen[i].done, (int)seen[i].code,
				    seen[i].message);
		assert_int_equal(seen[i].done, 1);
		assert_false(seen[i].early);
		assert_int_equal(seen[i].code, code);
	}
}

static void test_every_verb_succeeds(void **state)
{
	struct seen seen[COUNT(verbs)] = {0};
	struct rig rig;

	rig_start(&rig, state, whole_api, COUNT(whole_api));
	start_all(&rig, seen);
	rig_drive(&rig);
	check_all(seen, KSHIM_OK);
	rig_stop(&rig);
}

static void test_every_verb_is_cancelled(void **state)
{
	struct seen seen[COUNT(verbs)] = {0};
	struct rig rig;
	size_t i;

	rig_start(&rig, state, mute, 1);
	start_all(&rig, seen);
	for (i = 0; i < COUNT(verbs); i++) {
		kshim_call_cancel(seen[i].call);
		assert_int_equal(seen[i].done, 0);
	}
	rig_drive(&rig);
	check_all(seen, KSHIM_ECANCELED);
	rig_stop(&rig);
}

static void test_every_verb_and_the_client_is_freed(void **state)
{
	struct seen seen[COUNT(verbs)] = {0};
	struct rig rig;
	size_t i;

	rig_start(&rig, state, mute, 1);
	start_all(&rig, seen);
	rig_until_requests(&rig, 3);
	kshim_client_free(rig.client);
	rig.client = NULL;
	for (i = 0; i < COUNT(verbs); i++)
		assert_int_equal(seen[i].done, 0);
	rig_drive(&rig);
	check_all(seen, KSHIM_ECANCELED);
	for (i = 0; i < COUNT(verbs); i++)
		assert_false(seen[i].has_client);
	rig_stop(&rig);
}

/* At the very end, from kshim_loop_free() itself. */
static void test_every_verb_and_the_loop_is_freed(void **state)
{
	int driven;

	for (driven = 0; driven < 2; driven++) {
		struct seen seen[COUNT(verbs)] = {0};
		struct rig rig;

		rig_start(&rig, state, mute, 1);
		start_all(&rig, seen);
		if (driven)
			rig_until_requests(&rig, 3);
		kshim_loop_free(rig.loop);
		rig.loop = NULL;
		check_all(seen, KSHIM_ECANCELED);
		assert_null(kshim_client_loop(rig.client));
		assert_null(kshim_query_list(rig.pods, seen_item, seen_done, &seen[0]));
		assert_int_equal(kshim_error_code(kshim_client_error(rig.client)), KSHIM_ECANCELED);
		assert_int_equal(seen[0].done, 1);
		rig_stop(&rig);
	}
}

/* Where NULL is returned no callback comes: here the client was freed. */
static void test_no_callback_after_null(void **state)
{
	kshim_object *objects[COUNT(verbs)];
	struct seen seen[COUNT(verbs)] = {0};
	struct rig rig;
	size_t i;

	rig_start(&rig, state, whole_api, COUNT(whole_api));
	for (i = 0; i < COUNT(verbs); i++)
		objects[i] = deployment(&rig);
	kshim_client_free(rig.client);
	rig.client = NULL;
	for (i = 0; i < COUNT(verbs); i++) {
		assert_null(verbs[i].start(&rig, objects[i], seen_done, &seen[i]));
		assert_null(kshim_object_client(objects[i]));
		kshim_object_unref(objects[i]);
	}
	assert_int_equal(kshim_loop_process(rig.loop), 0);
	rig_drive(&rig);
	for (i = 0; i < COUNT(verbs); i++)
		assert_int_equal(seen[i].done, 0);
	assert_int_equal(fakeapi_request_count(rig.api), 0);
	rig_stop(&rig);
}

static void test_without_a_callback(void **state)
{
	kshim_object *object;
	struct rig rig;
	size_t i, asked;

	rig_start(&rig, state, whole_api, COUNT(whole_api));
	object = deployment(&rig);
	for (i = 0; i < COUNT(verbs); i++)
		assert_non_null(verbs[i].start(&rig, object, NULL, NULL));
	rig_drive(&rig);
	asked = fakeapi_request_count(rig.api);
	assert_in_range(asked, COUNT(verbs), COUNT(verbs) + 5);
	for (i = 0; i < COUNT(verbs); i++)
		kshim_call_cancel(verbs[i].start(&rig, object, NULL, NULL));
	rig_drive(&rig);
	kshim_object_unref(object);
	rig_stop(&rig);
}

/* Nothing has to be sent: the callback comes from the loop all the same. */

static void update_unchanged(struct seen *seen, kshim_result *result)
{
	struct seen *update = seen->other;
	kshim_object *object = kshim_result_object(result);

	kshim_object_tree(object);
	assert_non_null(started(update, kshim_object_update(object, NULL, seen_done, update)));
	assert_int_equal(update->done, 0);
}

static void test_update_without_a_change(void **state)
{
	struct seen update = {0}, seen = {.on_done = update_unchanged, .other = &update};
	struct rig rig;

	rig_start(&rig, state, whole_api, COUNT(whole_api));
	get_pod(&rig, "pod-0", &seen);
	assert_ok(&update);
	assert_string_equal(update.object, "pod-0");
	assert_int_equal(fakeapi_request_count(rig.api), 1);
	rig_stop(&rig);
}

static pthread_t ran_in;

static void note_thread(kshim_result *result, void *user)
{
	ran_in = pthread_self();
	seen_done(result, user);
}

static void test_in_the_driving_thread(void **state)
{
	struct seen seen = {0};
	struct rig rig;

	rig_start(&rig, state, whole_api, COUNT(whole_api));
	assert_non_null(started(&seen, kshim_query_get_by_name(rig.pods, "pod-0", note_thread, &seen)));
	rig_drive(&rig);
	assert_ok(&seen);
	assert_true(pthread_equal(ran_in, pthread_self()));
	rig_stop(&rig);
}

/* Cancel, in each state. */

/* Cancels, twice, and sees exactly one callback, not at once. */
static void cancel_and_check(struct rig *rig, struct seen *seen)
{
	assert_int_equal(seen->done, 0);
	kshim_call_cancel(seen->call);
	assert_int_equal(seen->done, 0);
	kshim_call_cancel(seen->call);
	rig_drive(rig);
	assert_failed(seen, KSHIM_ECANCELED);
	assert_false(seen->retryable);
	assert_true(seen->has_client);
	kshim_call_cancel(NULL);
}

/* The connection, or the place, is there for the next call. */
static void check_that_it_goes_on(struct rig *rig)
{
	struct seen seen = {0};

	seen.rig = rig;
	assert_non_null(started(&seen, kshim_client_version(rig->client, seen_done, &seen)));
	rig_drive(rig);
	assert_ok(&seen);
}

static void test_cancel_queued(void **state)
{
	static const struct fakeapi_route routes[] = {
		{"GET", "/version", .answer = {.body = "{}"}},
		{.answer = {.end = FAKEAPI_MUTE}},
	};
	struct seen seen[66] = {0};
	size_t places, i;
	struct rig rig;

	rig_start(&rig, state, routes, COUNT(routes));
	kshim_client_set_max_connections(rig.client, 1);
	places = rig.http == KSHIM_HTTP_2 ? 64 : 1;
	for (i = 0; i <= places; i++)
		assert_non_null(started(&seen[i], kshim_query_list(rig.pods, seen_item, seen_done, &seen[i])));
	rig_until_requests(&rig, places);
	kshim_call_cancel(seen[places].call);
	for (i = 0; i < places; i++)
		kshim_call_cancel(seen[i].call);
	rig_drive(&rig);
	for (i = 0; i <= places; i++)
		assert_failed(&seen[i], KSHIM_ECANCELED);
	assert_int_equal(fakeapi_request_count(rig.api), places);
	check_that_it_goes_on(&rig);
	assert_int_equal(fakeapi_request_count(rig.api), places + 1);
	rig_stop(&rig);
}

static void test_cancel_connecting(void **state)
{
	static const struct fakeapi_route route = {.answer = {.body = "{}"}};
	struct fakeapi_options options = {.routes = &route, .route_count = 1, .mute_first = 1};
	struct seen seen = {0};
	struct rig rig;

	rig_start_with(&rig, state, &options, NULL, NULL);
	assert_non_null(started(&seen, kshim_query_list(rig.pods, seen_item, seen_done, &seen)));
	rig_until_connections(&rig, 1);
	cancel_and_check(&rig, &seen);
	assert_int_equal(fakeapi_request_count(rig.api), 0);
	check_that_it_goes_on(&rig);
	rig_stop(&rig);
}

static const struct fakeapi_route mute_pods[] = {
	{"GET", "/version", .answer = {.body = "{}"}},
	{.answer = {.end = FAKEAPI_MUTE}},
};

static void test_cancel_waiting(void **state)
{
	struct seen seen = {0};
	struct rig rig;

	rig_start(&rig, state, mute_pods, COUNT(mute_pods));
	assert_non_null(started(&seen, kshim_query_list(rig.pods, seen_item, seen_done, &seen)));
	rig_until_requests(&rig, 1);
	cancel_and_check(&rig, &seen);
	check_that_it_goes_on(&rig);
	rig_stop(&rig);
}

static bool has_items(void *user)
{
	return ((struct seen *)user)->items >= 2;
}

static void stalling_list(struct fakeapi_route *route, char **body)
{
	*body = pod_list(4, 10, NULL);
	*route = (struct fakeapi_route){"GET", LIST_PATH, .answer = {.body = *body, .end = FAKEAPI_STALL}};
	route->answer.end_after = (size_t)(strstr(*body, "pod-2") - *body);
}

static void test_cancel_mid_body(void **state)
{
	struct fakeapi_route routes[2] = {{"GET", "/version", .answer = {.body = "{}"}}};
	struct seen seen = {0};
	struct rig rig;
	char *body;

	stalling_list(&routes[1], &body);
	rig_start(&rig, state, routes, COUNT(routes));
	assert_non_null(started(&seen, kshim_query_list(rig.pods, seen_item, seen_done, &seen)));
	rig_until(&rig, has_items, &seen);
	cancel_and_check(&rig, &seen);
	assert_int_equal(seen.items, 2);
	assert_int_equal(seen.item_count, 2);
	check_that_it_goes_on(&rig);
	rig_stop(&rig);
	free(body);
}

static void count_request(const kshim_request_info *info, void *user)
{
	(void)info;
	++*(unsigned *)user;
}

static bool counted(void *user)
{
	return *(unsigned *)user > 0;
}

static void test_cancel_in_back_off(void **state)
{
	static const char *const later[] = {"Retry-After: 50", NULL};
	struct fakeapi_route routes[] = {
		{"GET", "/version", .answer = {.body = "{}"}},
		{.answer = {.status = 503, .headers = later, .body = "{}"}},
	};
	struct seen seen = {0};
	unsigned requests = 0;
	struct rig rig;

	rig_start(&rig, state, routes, COUNT(routes));
	kshim_client_on_request(rig.client, count_request, &requests);
	assert_non_null(started(&seen, kshim_query_list(rig.pods, seen_item, seen_done, &seen)));
	rig_until(&rig, counted, &requests);
	cancel_and_check(&rig, &seen);
	check_that_it_goes_on(&rig);
	assert_int_equal(fakeapi_request_count(rig.api), 2);
	rig_stop(&rig);
}

static void test_cancel_during_discovery(void **state)
{
	static const struct fakeapi_route routes[] = {
		{"GET", "/version", .answer = {.body = "{}"}},
		{"GET", "/api", .answer = {.body = DISCOVERY, .head_delay_ms = 100}},
		{"GET", "/apis", .answer = {.body = NO_GROUPS, .head_delay_ms = 100}},
	};
	struct seen one = {0}, two = {0};
	struct rig rig;

	rig_start(&rig, state, routes, COUNT(routes));
	assert_non_null(started(&one, kshim_client_find_kind(rig.client, "po", seen_done, &one)));
	assert_non_null(started(&two, kshim_client_find_kind(rig.client, "pods", seen_done, &two)));
	rig_until_requests(&rig, 2);
	kshim_call_cancel(one.call);
	rig_drive(&rig);
	assert_failed(&one, KSHIM_ECANCELED);
	assert_ok(&two);
	check_that_it_goes_on(&rig);
	rig_stop(&rig);
}

/* Cancel inside callbacks. */

static void cancel_own(struct seen *seen, kshim_object *item)
{
	(void)item;
	if (seen->items == 2)
		kshim_call_cancel(seen->call);
}

static void test_cancel_in_item_callback(void **state)
{
	char *body = pod_list(50, 10, NULL);
	struct fakeapi_route routes[] = {
		{"GET", "/version", .answer = {.body = "{}"}},
		{.answer = {.body = body}},
	};
	struct seen seen = {.on_item = cancel_own};
	struct rig rig;

	rig_start(&rig, state, routes, COUNT(routes));
	list_pods(&rig, &seen);
	assert_failed(&seen, KSHIM_ECANCELED);
	assert_int_equal(seen.items, 2);
	check_that_it_goes_on(&rig);
	rig_stop(&rig);
	free(body);
}

static void cancel_in_done(struct seen *seen, kshim_result *result)
{
	(void)result;
	kshim_call_cancel(seen->call);
}

static void test_cancel_in_done_callback(void **state)
{
	struct seen seen = {.on_done = cancel_in_done};
	struct rig rig;

	rig_start(&rig, state, whole_api, COUNT(whole_api));
	get_pod(&rig, "pod-0", &seen);
	assert_ok(&seen);
	check_that_it_goes_on(&rig);
	rig_stop(&rig);
}

static void cancel_other(struct seen *seen, kshim_object *item)
{
	(void)item;
	if (seen->items == 1)
		kshim_call_cancel(seen->other->call);
}

static void cancel_other_in_done(struct seen *seen, kshim_result *result)
{
	(void)result;
	if (!seen->other->done)
		kshim_call_cancel(seen->other->call);
}

/* The other one waits for the very place that this one is about to leave. */
static void test_cancel_queued_in_item_callback(void **state)
{
	struct seen seen[66] = {0};
	size_t places, i;
	struct rig rig;

	rig_start(&rig, state, whole_api, COUNT(whole_api));
	kshim_client_set_max_connections(rig.client, 1);
	places = rig.http == KSHIM_HTTP_2 ? 64 : 1;
	seen[0].on_item = cancel_other;
	seen[0].other = &seen[places];
	for (i = 0; i <= places; i++)
		assert_non_null(started(&seen[i], kshim_query_list(rig.pods, seen_item, seen_done, &seen[i])));
	rig_drive(&rig);
	for (i = 0; i < places; i++)
		assert_ok(&seen[i]);
	assert_failed(&seen[places], KSHIM_ECANCELED);
	/* of 64 streams another may have ended, and given its place on, before that item */
	if (places == 1)
		assert_int_equal(fakeapi_request_count(rig.api), places);
	check_that_it_goes_on(&rig);
	rig_stop(&rig);
}

static void test_cancel_others_in_done_callback(void **state)
{
	struct seen first = {.on_done = cancel_other_in_done}, second = {0};
	struct rig rig;

	rig_start(&rig, state, mute_pods, COUNT(mute_pods));
	first.other = &second;
	assert_non_null(started(&second, kshim_query_list(rig.pods, seen_item, seen_done, &second)));
	assert_non_null(started(&first, kshim_client_version(rig.client, seen_done, &first)));
	rig_drive(&rig);
	assert_ok(&first);
	assert_failed(&second, KSHIM_ECANCELED);
	rig_stop(&rig);
}

/* Both answers are there already when the first callback runs: whichever comes
 * first ends the other, and both are called once. */
static void test_cancel_answered(void **state)
{
	static const struct fakeapi_route late = {.answer = {.body = "{}", .head_delay_ms = 50}};
	struct seen first = {.on_done = cancel_other_in_done}, second = {.on_done = cancel_other_in_done};
	struct rig rig;

	rig_start(&rig, state, &late, 1);
	first.other = &second;
	second.other = &first;
	assert_non_null(started(&first, kshim_client_version(rig.client, seen_done, &first)));
	assert_non_null(started(&second, kshim_client_version(rig.client, seen_done, &second)));
	rig_until_requests(&rig, 2);
	assert_fate(rig.api, 0, FAKEAPI_ANSWERED);
	assert_fate(rig.api, 1, FAKEAPI_ANSWERED);
	rig_drive(&rig);
	assert_int_equal(first.done, 1);
	assert_int_equal(second.done, 1);
	assert_int_equal(first.code + second.code, KSHIM_ECANCELED);
	check_that_it_goes_on(&rig);
	rig_stop(&rig);
}

static void cancel_page(const char *json, size_t len, void *user)
{
	struct seen *seen = user;

	assert_true(len > 0 && json[0] == '{');
	seen->items++;
	kshim_call_cancel(seen->call);
}

static void cancel_kind(const kshim_kind *kind, void *user)
{
	struct seen *seen = user;

	assert_string_equal(kshim_kind_name(kind), "Pod");
	seen->items++;
	kshim_client_forget_kinds(seen->rig->client);
	assert_string_equal(kshim_kind_name(kind), "Pod");
	kshim_call_cancel(seen->call);
}

static void test_cancel_in_page_and_kind_callbacks(void **state)
{
	struct seen page = {0}, kind = {0};
	struct rig rig;

	rig_start(&rig, state, whole_api, COUNT(whole_api));
	page.rig = kind.rig = &rig;
	assert_non_null(started(&page, kshim_query_table(rig.pods, NULL, cancel_page, seen_done, &page)));
	assert_non_null(started(&kind, kshim_client_list_kinds(rig.client, cancel_kind, seen_done, &kind)));
	rig_drive(&rig);
	assert_failed(&page, KSHIM_ECANCELED);
	assert_failed(&kind, KSHIM_ECANCELED);
	assert_int_equal(page.items, 1);
	assert_int_equal(kind.items, 1);
	check_that_it_goes_on(&rig);
	rig_stop(&rig);
}

/* Free inside callbacks. */

static void free_client(struct rig *rig)
{
	kshim_client_free(rig->client);
	rig->client = NULL;
}

static void free_client_in_done(struct seen *seen, kshim_result *result)
{
	(void)result;
	free_client(seen->rig);
	kshim_query_free(seen->rig->pods);
	seen->rig->pods = NULL;
}

static void free_client_in_item(struct seen *seen, kshim_object *item)
{
	(void)item;
	free_client(seen->rig);
}

static void test_client_freed_in_done_callback(void **state)
{
	struct seen seen = {.on_done = free_client_in_done}, other = {0}, queued[70] = {0};
	struct rig rig;
	size_t i;

	rig_start(&rig, state, mute_pods, COUNT(mute_pods));
	seen.rig = &rig;
	kshim_client_set_max_connections(rig.client, 2);
	assert_non_null(started(&other, kshim_query_list(rig.pods, seen_item, seen_done, &other)));
	assert_non_null(started(&seen, kshim_client_version(rig.client, seen_done, &seen)));
	for (i = 0; i < COUNT(queued); i++)
		assert_non_null(started(&queued[i], kshim_query_list(rig.pods, seen_item, seen_done, &queued[i])));
	rig_drive(&rig);
	assert_ok(&seen);
	assert_failed(&other, KSHIM_ECANCELED);
	for (i = 0; i < COUNT(queued); i++)
		assert_failed(&queued[i], KSHIM_ECANCELED);
	rig_stop(&rig);
}

static void test_client_freed_in_item_callback(void **state)
{
	struct fakeapi_route route;
	struct seen seen = {.on_item = free_client_in_item}, other = {0};
	struct rig rig;
	char *body;

	stalling_list(&route, &body);
	rig_start(&rig, state, &route, 1);
	seen.rig = &rig;
	assert_non_null(started(&seen, kshim_query_list(rig.pods, seen_item, seen_done, &seen)));
	assert_non_null(started(&other, kshim_query_list(rig.pods, NULL, seen_done, &other)));
	rig_drive(&rig);
	assert_failed(&seen, KSHIM_ECANCELED);
	assert_int_equal(seen.items, 1);
	assert_false(seen.has_client);
	assert_failed(&other, KSHIM_ECANCELED);
	rig_stop(&rig);
	free(body);
}

static void free_client_in_kind(const kshim_kind *kind, void *user)
{
	struct seen *seen = user;

	(void)kind;
	seen->items++;
	free_client(seen->rig);
}

static void test_client_freed_in_kind_callback(void **state)
{
	struct seen seen = {0}, other = {0};
	struct rig rig;

	rig_start(&rig, state, whole_api, COUNT(whole_api));
	seen.rig = &rig;
	assert_non_null(started(&seen, kshim_client_list_kinds(rig.client, free_client_in_kind, seen_done, &seen)));
	assert_non_null(started(&other, kshim_client_find_kind(rig.client, "po", seen_done, &other)));
	rig_drive(&rig);
	assert_failed(&seen, KSHIM_ECANCELED);
	assert_int_equal(seen.items, 1);
	assert_int_equal(other.done, 1);
	rig_stop(&rig);
}

/* The hooks. None runs once the client was freed. */

struct hooks {
	struct rig *rig;
	unsigned requests, warnings, lines;
	bool free_in_warning, free_in_trace;
};

static void on_request(const kshim_request_info *info, void *user)
{
	struct hooks *hooks = user;

	(void)info;
	hooks->requests++;
	assert_non_null(hooks->rig->client);
	if (!hooks->free_in_warning && !hooks->free_in_trace)
		free_client(hooks->rig);
}

static void on_warning(const char *text, void *user)
{
	struct hooks *hooks = user;

	(void)text;
	hooks->warnings++;
	assert_non_null(hooks->rig->client);
	if (hooks->free_in_warning)
		free_client(hooks->rig);
}

static void on_trace(char direction, const char *line, void *user)
{
	struct hooks *hooks = user;

	(void)direction;
	(void)line;
	hooks->lines++;
	assert_non_null(hooks->rig->client);
	if (hooks->free_in_trace)
		free_client(hooks->rig);
}

static void test_client_freed_in_hooks(void **state)
{
	static const char *const warnings[] = {"Warning: 299 - \"a\"", "Warning: 299 - \"b\"", NULL};
	static const struct fakeapi_route route = {.answer = {.body = POD("a"), .headers = warnings}};
	int where;

	for (where = 0; where < 3; where++) {
		struct hooks hooks = {.free_in_warning = where == 1, .free_in_trace = where == 2};
		struct seen seen = {0};
		struct rig rig;

		rig_start(&rig, state, &route, 1);
		hooks.rig = &rig;
		kshim_client_on_request(rig.client, on_request, &hooks);
		kshim_client_on_warning(rig.client, on_warning, &hooks);
		kshim_client_on_trace(rig.client, on_trace, &hooks);
		get_pod(&rig, "a", &seen);
		assert_failed(&seen, KSHIM_ECANCELED);
		assert_null(rig.client);
		assert_int_equal(hooks.warnings, where == 1 ? 1 : 2);
		assert_int_equal(hooks.requests, where == 1 ? 0 : 1);
		assert_int_equal(hooks.lines, where == 2 ? 1 : 0);
		rig_stop(&rig);
	}
}

struct cancelling {
	kshim_call *call;
};

static void cancel_in_hook(const kshim_request_info *info, void *user)
{
	struct cancelling *cancelling = user;

	assert_int_equal(kshim_request_info_status(info), 200);
	kshim_call_cancel(cancelling->call);
}

static void test_cancel_in_hook(void **state)
{
	struct cancelling cancelling;
	struct seen seen = {0};
	struct rig rig;

	rig_start(&rig, state, whole_api, COUNT(whole_api));
	kshim_client_on_request(rig.client, cancel_in_hook, &cancelling);
	cancelling.call = started(&seen, kshim_query_get_by_name(rig.pods, "pod-0", seen_done, &seen));
	rig_drive(&rig);
	assert_failed(&seen, KSHIM_ECANCELED);
	rig_stop(&rig);
}

/* New calls inside callbacks. */

struct chain {
	struct rig *rig;
	struct seen seen[6];
	unsigned at;
	bool early;
};

static void go_on(kshim_result *result, void *user)
{
	struct chain *chain = user;
	struct seen *seen = &chain->seen[chain->at++];

	seen->returned = true;
	seen_done(result, seen);
	if (chain->at == COUNT(chain->seen))
		return;
	assert_non_null(kshim_query_get_by_name(chain->rig->pods, "pod-0", go_on, chain));
	chain->early = chain->early || chain->seen[chain->at].done;
}

static void test_new_calls_in_done_callback(void **state)
{
	struct chain chain = {0};
	struct rig rig;
	size_t i;

	rig_start(&rig, state, whole_api, COUNT(whole_api));
	chain.rig = &rig;
	assert_non_null(kshim_query_get_by_name(rig.pods, "pod-0", go_on, &chain));
	rig_drive(&rig);
	assert_false(chain.early);
	for (i = 0; i < COUNT(chain.seen); i++)
		assert_ok(&chain.seen[i]);
	assert_int_equal(fakeapi_connections(rig.api), 1);
	rig_stop(&rig);
}

static void get_each(struct seen *seen, kshim_object *item)
{
	struct seen *each = (struct seen *)seen->data + seen->items - 1;

	assert_non_null(started(each, kshim_object_reload(item, NULL, seen_done, each)));
	assert_int_equal(each->done, 0);
}

static void test_new_calls_in_item_callback(void **state)
{
	char *body = pod_list(20, 10, NULL);
	struct fakeapi_route routes[] = {
		{"GET", LIST_PATH, .answer = {.body = body}},
		{"GET", LIST_PATH "/*", .answer = {.body = POD("x")}},
	};
	struct seen each[20] = {0}, seen = {.on_item = get_each, .data = each};
	struct rig rig;
	size_t i;

	rig_start(&rig, state, routes, COUNT(routes));
	list_pods(&rig, &seen);
	assert_ok(&seen);
	assert_int_equal(seen.items, 20);
	for (i = 0; i < COUNT(each); i++)
		assert_ok(&each[i]);
	rig_stop(&rig);
	free(body);
}

/* The loop ends, and its callbacks try everything again. */
static void try_everything(struct seen *seen, kshim_result *result)
{
	struct rig *rig = seen->rig;
	kshim_error *error = NULL;

	(void)result;
	assert_null(kshim_query_list(rig->pods, seen_item, seen_done, seen));
	assert_null(kshim_client_version(rig->client, seen_done, seen));
	errno = 0;
	assert_int_equal(kshim_loop_run(rig->loop), -1);
	assert_int_equal(errno, EBUSY);
	assert_int_equal(kshim_loop_process(rig->loop), -1);
	assert_null(kshim_client_open(rig->loop, config_of(rig->api, NULL, NULL), &error));
	assert_non_null(error);
	kshim_error_free(error);
	kshim_client_free(seen->data);
	seen->data = NULL;
}

static void test_everything_while_the_loop_ends(void **state)
{
	struct seen seen = {.on_done = try_everything};
	struct rig rig;

	rig_start(&rig, state, mute, 1);
	seen.rig = &rig;
	seen.data = kshim_client_new(rig.loop, config_of(rig.api, NULL, NULL)); /* another one, idle */
	assert_non_null(seen.data);
	assert_non_null(started(&seen, kshim_query_list(rig.pods, seen_item, seen_done, &seen)));
	rig_until_requests(&rig, 1);
	kshim_loop_free(rig.loop);
	rig.loop = NULL;
	assert_failed(&seen, KSHIM_ECANCELED);
	assert_null(seen.data);
	rig_stop(&rig);
}

/* What may go, and what may stay. */

static void test_query_freed_at_once(void **state)
{
	struct seen seen = {0};
	kshim_query *query;
	struct rig rig;

	rig_start(&rig, state, whole_api, COUNT(whole_api));
	query = kshim_query_new_named(rig.client, "po", "ns");
	assert_int_equal(kshim_query_set_labels(query, "app=x"), 0);
	assert_non_null(started(&seen, kshim_query_list(query, seen_item, seen_done, &seen)));
	kshim_query_set_labels(query, "app=y");
	kshim_query_free(query);
	rig_drive(&rig);
	assert_ok(&seen);
	assert_int_equal(seen.items, 1);
	assert_int_equal(fakeapi_count(rig.api, NULL, LIST_PATH "?labelSelector=app%3Dx"), 1);
	rig_stop(&rig);
}

static void keep_item(struct seen *seen, kshim_object *item)
{
	seen->data = kshim_object_ref(item);
}

static void keep_object(struct seen *seen, kshim_result *result)
{
	seen->data = kshim_object_ref(kshim_result_object(result));
}

static void check_orphan(kshim_object *object)
{
	size_t len;

	assert_string_equal(kshim_object_name(object), "pod-0");
	assert_string_equal(kshim_object_kind(object), "Pod");
	assert_string_equal(kshim_object_api_version(object), "v1");
	assert_contains(kshim_object_text(object, &len), "\"kind\":\"Pod\"");
	assert_int_equal(kshim_object_set_string(object, "/metadata/labels/a", "b"), 0);
	assert_string_equal(kshim_object_get_label(object, "a"), "b");
	assert_null(kshim_object_client(object));
	assert_null(kshim_object_reload(object, NULL, seen_done, NULL));
	assert_null(kshim_object_update(object, NULL, seen_done, NULL));
	kshim_object_unref(object);
}

/* Objects and queries outlive the client, and the loop, in any order. */
static void test_kept_beyond_everything(void **state)
{
	int order;

	for (order = 0; order < 2; order++) {
		struct seen list = {.on_item = keep_item}, get = {.on_done = keep_object};
		kshim_query *query;
		struct rig rig;

		rig_start(&rig, state, whole_api, COUNT(whole_api));
		list_pods(&rig, &list);
		get_pod(&rig, "pod-0", &get);
		assert_ok(&list);
		assert_ok(&get);
		query = rig.pods;
		rig.pods = NULL;
		if (order) {
			kshim_loop_free(rig.loop);
			rig.loop = NULL;
		}
		free_client(&rig);
		rig_stop(&rig);
		check_orphan(list.data);
		check_orphan(get.data);
		assert_null(kshim_query_get(query, seen_done, NULL));
		kshim_query_free(query);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ALL_VARIANTS(test_every_verb_succeeds),
		ALL_VARIANTS(test_every_verb_is_cancelled),
		ALL_VARIANTS(test_every_verb_and_the_client_is_freed),
		ALL_VARIANTS(test_every_verb_and_the_loop_is_freed),
		ALL_VARIANTS(test_no_callback_after_null),
		ALL_VARIANTS(test_without_a_callback),
		ALL_VARIANTS(test_update_without_a_change),
		ALL_VARIANTS(test_in_the_driving_thread),
		ALL_VARIANTS(test_cancel_queued),
		ALL_VARIANTS(test_cancel_connecting),
		ALL_VARIANTS(test_cancel_waiting),
		ALL_VARIANTS(test_cancel_mid_body),
		ALL_VARIANTS(test_cancel_in_back_off),
		ALL_VARIANTS(test_cancel_during_discovery),
		ALL_VARIANTS(test_cancel_in_item_callback),
		ALL_VARIANTS(test_cancel_in_done_callback),
		ALL_VARIANTS(test_cancel_queued_in_item_callback),
		ALL_VARIANTS(test_cancel_others_in_done_callback),
		ALL_VARIANTS(test_cancel_answered),
		ALL_VARIANTS(test_cancel_in_page_and_kind_callbacks),
		ALL_VARIANTS(test_client_freed_in_done_callback),
		ALL_VARIANTS(test_client_freed_in_item_callback),
		ALL_VARIANTS(test_client_freed_in_kind_callback),
		ALL_VARIANTS(test_client_freed_in_hooks),
		ALL_VARIANTS(test_cancel_in_hook),
		ALL_VARIANTS(test_new_calls_in_done_callback),
		ALL_VARIANTS(test_new_calls_in_item_callback),
		ALL_VARIANTS(test_everything_while_the_loop_ends),
		ALL_VARIANTS(test_query_freed_at_once),
		ALL_VARIANTS(test_kept_beyond_everything),
	};

	test_begin();
	return cmocka_run_group_tests_name("faults/contract", tests, NULL, NULL);
}
