/* The callback contract: what callbacks may do, which is everything, and what outlives
 * them. */
#include "contract.h"

#include <errno.h>
#include <unistd.h>

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
	static const struct fakeapi_route late = {.answer = {.body = "{}", .head_delay_ms = 500}};
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
		ALL_VARIANTS(test_query_freed_at_once),
		ALL_VARIANTS(test_kept_beyond_everything),
	};

	test_begin();
	return cmocka_run_group_tests_name("contract, inside callbacks", tests, NULL, NULL);
}
