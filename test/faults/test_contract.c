/* The callback contract of kubeshim/common.h, line by line: every scenario over
 * HTTP/1.1 and HTTP/2, in kshim_loop_run() and in a poll(2) loop. */
#include "contract.h"

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

/* New calls inside callbacks. */

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
		ALL_VARIANTS(test_everything_while_the_loop_ends),
	};

	test_begin();
	return cmocka_run_group_tests_name("contract", tests, NULL, NULL);
}
