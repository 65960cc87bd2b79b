/* Kinds that change while a client runs: what is known of them is asked anew, once,
 * and the call carried out where the kind is now. */
/* LINK: -Wl,--wrap=kshim__malloc,--wrap=kshim__calloc,--wrap=kshim__realloc,--wrap=kshim__memdup,--wrap=kshim__strdup */
#include "../testutil.h"
#include "../unit/failalloc.h"

#define V1 "/apis/example.com/v1/namespaces/ns/widgets"
#define V2 "/apis/example.com/v2/namespaces/ns/widgets"
#define NOBODY {.status = 404, .type = "text/plain; charset=utf-8", .body = "404 page not found\n"}
#define CORE                                                                                                           \
	"{\"kind\":\"APIGroupDiscoveryList\",\"apiVersion\":\"apidiscovery.k8s.io/v2\",\"items\":[]}"
#define RESOURCE(kind, plural, more)                                                                                   \
	"{\"resource\":\"" plural "\",\"responseKind\":{\"kind\":\"" kind "\"},\"scope\":\"Namespaced\",\"verbs\":[\"get\","  \
	"\"list\",\"patch\"]" more "}"
#define VERSION(version, resources) "{\"version\":\"" version "\",\"resources\":[" resources "]}"
#define GROUP(versions)                                                                                                \
	"{\"kind\":\"APIGroupDiscoveryList\",\"apiVersion\":\"apidiscovery.k8s.io/v2\",\"items\":[{\"metadata\":{\"name\":"   \
	"\"example.com\"},\"versions\":[" versions "]}]}"
#define SCALE ",\"subresources\":[{\"subresource\":\"scale\"}]"
#define ONLY(version) GROUP(VERSION(version, RESOURCE("Widget", "widgets", SCALE)))
#define WIDGET(version, more)                                                                                          \
	"{\"apiVersion\":\"example.com/" version "\",\"kind\":\"Widget\",\"metadata\":{\"name\":\"a\",\"namespace\":\"ns\""    \
	more "}}"
#define LIST(version, meta)                                                                                            \
	"{\"apiVersion\":\"example.com/" version "\",\"kind\":\"WidgetList\",\"metadata\":{" meta "},\"items\":[" WIDGET(     \
		version, ",\"uid\":\"u\"") "]}"

static kshim_query *widgets(struct rig *rig)
{
	kshim_kind *kind = kshim_kind_new("example.com", "v1", "widgets", "Widget", 1);
	kshim_query *query = kshim_query_new(rig->client, kind, "ns");

	kshim_kind_unref(kind);
	assert_non_null(query);
	return query;
}

static void list(struct rig *rig, kshim_query *query, struct seen *seen)
{
	memset(seen, 0, sizeof(*seen));
	seen->rig = rig;
	assert_non_null(started(seen, kshim_query_list(query, seen_item, seen_done, seen)));
	rig_drive(rig);
}

static void assert_asked(struct rig *rig, size_t discovery, size_t v1, size_t v2)
{
	assert_int_equal(fakeapi_count(rig->api, "GET", "/apis"), discovery);
	assert_int_equal(fakeapi_count(rig->api, "GET", "/api"), discovery);
	assert_int_equal(fakeapi_count(rig->api, NULL, V1 "*"), v1);
	assert_int_equal(fakeapi_count(rig->api, NULL, V2 "*"), v2);
}

/* A handle goes on in the version that is served; and straight there from then on. */
static void test_handle(void **state)
{
	const struct fakeapi_route routes[] = {
		{"GET", "/api", .answer = {.body = CORE}},
		{"GET", "/apis", .answer = {.body = ONLY("v2")}},
		{"GET", V1, .answer = NOBODY},
		{"GET", V2, .answer = {.body = LIST("v2", "")}},
	};
	kshim_query *query;
	struct seen seen;
	struct rig rig;
	size_t i;

	rig_start(&rig, state, routes, COUNT(routes));
	query = widgets(&rig);
	for (i = 0; i < 3; i++) {
		list(&rig, query, &seen);
		assert_ok(&seen);
		assert_int_equal(seen.items, 1);
		assert_int_equal(seen.status, 200);
		assert_asked(&rig, 1, 1, i + 1);
	}
	kshim_query_free(query);
	rig_stop(&rig);
}

/* Another plural and another scope are elsewhere, too. */
static void test_other_place(void **state)
{
	const struct fakeapi_route routes[] = {
		{"GET", "/api", .answer = {.body = CORE}},
		{"GET", "/apis", .answer = {.body = GROUP(VERSION("v1", "{\"resource\":\"wijets\",\"responseKind\":{\"kind\":"
						  "\"Widget\"},\"scope\":\"Cluster\",\"verbs\":[\"list\"]}"))}},
		{"GET", "/apis/example.com/v1/wijets", .answer = {.body = LIST("v1", "")}},
		{NULL, NULL, .answer = NOBODY},
	};
	kshim_query *query;
	struct seen seen;
	struct rig rig;

	rig_start(&rig, state, routes, COUNT(routes));
	query = widgets(&rig);
	list(&rig, query, &seen);
	assert_ok(&seen);
	list(&rig, query, &seen);
	assert_ok(&seen);
	assert_asked(&rig, 1, 1, 0);
	kshim_query_free(query);
	rig_stop(&rig);
}

/* Two that are served, and neither answers: each is asked once. */
static void test_never_loops(void **state)
{
	const struct fakeapi_route routes[] = {
		{"GET", "/api", .answer = {.body = CORE}},
		{"GET", "/apis", .answer = {.body = GROUP(VERSION("v1", RESOURCE("Widget", "widgets", "")) ","
						  VERSION("v2", RESOURCE("Widget", "widgets", "")))}},
		{NULL, NULL, .answer = NOBODY},
	};
	kshim_query *query;
	struct seen seen;
	struct rig rig;

	rig_start(&rig, state, routes, COUNT(routes));
	query = widgets(&rig);
	list(&rig, query, &seen);
	assert_failed(&seen, KSHIM_ENOKIND);
	assert_int_equal(seen.status, 404);
	assert_asked(&rig, 1, 1, 1);
	kshim_query_free(query);
	rig_stop(&rig);
}

/* Nothing is served elsewhere: the error is the first one. */
static void test_nowhere(void **state)
{
	static const char *const discoveries[] = {ONLY("v1"), GROUP(""), "{\"kind\":\"nonsense\"}"};
	struct seen seen;
	struct rig rig;
	size_t i;

	for (i = 0; i < COUNT(discoveries); i++) {
		const struct fakeapi_route routes[] = {
			{"GET", "/api", .answer = {.body = CORE}},
			{"GET", "/apis", .answer = {.body = discoveries[i]}},
			{NULL, NULL, .answer = NOBODY},
		};
		kshim_query *query;

		rig_start(&rig, state, routes, COUNT(routes));
		query = widgets(&rig);
		list(&rig, query, &seen);
		assert_failed(&seen, KSHIM_ENOKIND);
		assert_contains(seen.message, "GET " V1);
		assert_asked(&rig, 1, 1, 0);
		list(&rig, query, &seen); /* each call asks anew, once */
		assert_failed(&seen, KSHIM_ENOKIND);
		assert_asked(&rig, 2, 2, 0);
		kshim_query_free(query);
		rig_stop(&rig);
	}
}

/* Pages belong together: what follows the first is not looked for elsewhere. */
static void test_pages(void **state)
{
	const struct fakeapi_route routes[] = {
		{"GET", "/api*", .answer = {.body = ONLY("v2")}},
		{"GET", V1 "?*continue=more", .answer = NOBODY},
		{"GET", V1, .answer = {.body = LIST("v1", "\"continue\":\"more\"")}},
	};
	kshim_query *query;
	struct seen seen;
	struct rig rig;

	rig_start(&rig, state, (const struct fakeapi_route[]){routes[1], routes[2], routes[0]}, 3);
	query = widgets(&rig);
	kshim_query_set_limit(query, 1);
	list(&rig, query, &seen);
	assert_failed(&seen, KSHIM_ENOKIND);
	assert_int_equal(seen.items, 1);
	assert_asked(&rig, 0, 2, 0);
	kshim_query_free(query);
	rig_stop(&rig);
}

/* An object that was read in v1: what carries its text stays in v1, all else moves. */
static void test_objects(void **state)
{
	const struct fakeapi_route routes[] = {
		{"GET", "/api", .answer = {.body = CORE}},
		{"GET", "/apis", .answer = {.body = ONLY("v2")}},
		{"GET", V2 "/a", .answer = {.body = WIDGET("v2", ",\"uid\":\"u\"")}},
		{"DELETE", V2 "/a", .answer = {.body = WIDGET("v2", ",\"uid\":\"u\"")}},
		{NULL, NULL, .answer = NOBODY},
	};
	static const char text[] = WIDGET("v1", ",\"uid\":\"u\""), written[] = WIDGET("v1", "");
	kshim_object *object, *manifest;
	struct seen seen;
	struct rig rig;
	size_t i;

	rig_start(&rig, state, routes, COUNT(routes));
	{
		kshim_kind *kind = kshim_kind_new("example.com", "v1", "widgets", "Widget", 1);

		assert_int_equal(kshim_client_add_kind(rig.client, kind), 0);
		kshim_kind_unref(kind);
	}
	object = kshim_object_from_text(rig.client, text, strlen(text));
	manifest = kshim_object_from_text(rig.client, written, strlen(written));
	assert_int_equal(kshim_object_set_string(object, "/spec/x", "y"), 0);
	for (i = 0; i < 6; i++) {
		kshim_call *call = NULL;

		memset(&seen, 0, sizeof(seen));
		seen.rig = &rig;
		switch (i) {
		case 0: call = kshim_object_update(object, NULL, seen_done, &seen); break;
		case 1: call = kshim_object_replace(object, NULL, seen_done, &seen); break;
		case 2: call = kshim_object_apply(object, NULL, seen_done, &seen); break;
		case 3: call = kshim_object_patch(object, KSHIM_PATCH_MERGE, "{}", 2, NULL, seen_done, &seen); break;
		case 4: call = kshim_object_create(object, NULL, seen_done, &seen); break;
		case 5: call = kshim_object_reload(manifest, NULL, seen_done, &seen); break; /* the program's word */
		}
		assert_non_null(started(&seen, call));
		rig_drive(&rig);
		assert_failed(&seen, KSHIM_ENOKIND);
		assert_asked(&rig, 0, i + 1, 0);
	}
	memset(&seen, 0, sizeof(seen));
	assert_non_null(started(&seen, kshim_object_delete(object, NULL, seen_done, &seen)));
	rig_drive(&rig);
	assert_ok(&seen);
	assert_asked(&rig, 1, 7, 1);
	memset(&seen, 0, sizeof(seen));
	assert_non_null(started(&seen, kshim_object_reload(object, NULL, seen_done, &seen)));
	rig_drive(&rig);
	assert_ok(&seen);
	assert_string_equal(kshim_object_api_version(object), "example.com/v2");
	assert_asked(&rig, 1, 7, 2);
	kshim_object_unref(manifest);
	kshim_object_unref(object);
	rig_stop(&rig);
}

#define SCALED "{\"kind\":\"Scale\",\"apiVersion\":\"autoscaling/v1\",\"spec\":{\"replicas\":3}}"

/* scale is done by what the kind has where it is now. A subresource that is not
 * there is nothing that moved. */
static void test_scale(void **state)
{
	const struct fakeapi_route routes[] = {
		{"GET", "/api", .answer = {.body = CORE}},
		{"GET", "/apis", .nth = 1, .answer = {.body = ONLY("v2")}},
		{"GET", "/apis", .answer = {.body = GROUP(VERSION("v2", RESOURCE("Widget", "widgets", "")) ","
							  VERSION("v3", RESOURCE("Widget", "widgets", "")))}},
		{"PATCH", V2 "/a/scale", .nth = 1, .answer = {.body = SCALED}},
		{"GET", V2 "/a", .answer = {.body = WIDGET("v2", ",\"uid\":\"u\"")}},
		{NULL, NULL, .answer = NOBODY},
	};
	kshim_object *object;
	kshim_query *query;
	struct seen seen = {0};
	struct rig rig;

	rig_start(&rig, state, routes, COUNT(routes));
	query = widgets(&rig);
	object = kshim_query_object(query, "a");
	assert_non_null(started(&seen, kshim_object_scale(object, 3, NULL, seen_done, &seen)));
	rig_drive(&rig);
	assert_ok(&seen);
	assert_asked(&rig, 1, 1, 2);
	assert_string_equal(fakeapi_request(rig.api, 3)->body, "{\"spec\":{\"replicas\":3}}");
	memset(&seen, 0, sizeof(seen));
	assert_non_null(started(&seen, kshim_object_scale(object, 3, NULL, seen_done, &seen)));
	rig_drive(&rig);
	assert_failed(&seen, KSHIM_ENOKIND);
	assert_asked(&rig, 2, 1, 3);
	kshim_object_unref(object);
	kshim_query_free(query);
	rig_stop(&rig);
}

/* What a Pod answers says nothing of kinds. */
static void test_proxied(void **state)
{
	const struct fakeapi_route routes[] = {
		{"GET", "/api", .answer = {.body = CORE}},
		{"GET", "/apis", .answer = {.body = ONLY("v2")}},
		{NULL, NULL, .answer = {.status = 404, .body = "{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"status\":"
								"\"Failure\",\"reason\":\"NotFound\",\"code\":404}"}},
	};
	struct seen seen = {0};
	kshim_object *pod;
	struct rig rig;

	rig_start(&rig, state, routes, COUNT(routes));
	pod = kshim_query_object(rig.pods, "a");
	assert_non_null(started(&seen, kshim_proxy_request(pod, "80", "POST", "/x", NULL, 0, NULL, NULL, seen_done, &seen)));
	rig_drive(&rig);
	assert_failed(&seen, KSHIM_ENOKIND);
	assert_int_equal(fakeapi_request_count(rig.api), 1);
	kshim_object_unref(pod);
	rig_stop(&rig);
}

#define MANY 10

/* Those that fail together ask together. */
static void test_together(void **state)
{
	const struct fakeapi_route routes[] = {
		{"GET", "/api", .answer = {.body = CORE}},
		{"GET", "/apis", .answer = {.body = ONLY("v2")}},
		{"GET", V1, .answer = NOBODY},
		{"GET", V2, .answer = {.body = LIST("v2", "")}},
	};
	struct seen seen[MANY], finds[MANY];
	kshim_query *query;
	struct rig rig;
	size_t i;

	rig_start(&rig, state, routes, COUNT(routes));
	query = widgets(&rig);
	memset(seen, 0, sizeof(seen));
	memset(finds, 0, sizeof(finds));
	for (i = 0; i < MANY; i++)
		assert_non_null(started(&seen[i], kshim_query_list(query, seen_item, seen_done, &seen[i])));
	rig_drive(&rig);
	for (i = 0; i < MANY; i++)
		assert_ok(&seen[i]);
	assert_asked(&rig, 1, MANY, MANY);
	for (i = 0; i < MANY; i++)
		assert_non_null(started(&finds[i], kshim_client_find_kind(rig.client, "gadgets", seen_done, &finds[i])));
	rig_drive(&rig);
	for (i = 0; i < MANY; i++)
		assert_failed(&finds[i], KSHIM_ENOKIND);
	assert_asked(&rig, 2, MANY, MANY);
	kshim_query_free(query);
	rig_stop(&rig);
}

/* What was being asked when a call began may be too old for it: it waits for that,
 * and asks again. */
static void test_older_answer(void **state)
{
	const struct fakeapi_route routes[] = {
		{"GET", "/api", .answer = {.body = CORE}},
		{"GET", "/apis", .nth = 1, .answer = {.body = ONLY("v1"), .head_delay_ms = 200}},
		{"GET", "/apis", .answer = {.body = ONLY("v2")}},
		{"GET", V1, .answer = NOBODY},
		{"GET", V2, .answer = {.body = LIST("v2", "")}},
	};
	struct seen find = {0}, seen = {0};
	kshim_query *query, *named;
	struct rig rig;

	rig_start(&rig, state, routes, COUNT(routes));
	query = widgets(&rig);
	named = kshim_query_new_named(rig.client, "widgets", "ns");
	assert_non_null(started(&find, kshim_query_list(named, seen_item, seen_done, &find)));
	assert_non_null(started(&seen, kshim_query_list(query, seen_item, seen_done, &seen)));
	rig_drive(&rig);
	assert_ok(&seen);
	assert_ok(&find);
	assert_int_equal(fakeapi_count(rig.api, "GET", "/apis"), 2);
	kshim_query_free(named);
	kshim_query_free(query);
	rig_stop(&rig);
}

/* A name that is not known is asked for anew, unless the answer is of this call. */
static void test_names(void **state)
{
	const struct fakeapi_route routes[] = {
		{"GET", "/api", .answer = {.body = CORE}},
		{"GET", "/apis", .nth = 1, .answer = {.body = GROUP("")}},
		{"GET", "/apis", .nth = 3, .answer = {.status = 503, .body = "busy"}},
		{"GET", "/apis", .answer = {.body = ONLY("v1")}},
		{"GET", V1, .answer = {.body = LIST("v1", "")}},
	};
	struct seen seen = {0};
	kshim_query *query;
	struct rig rig;

	rig_start(&rig, state, routes, COUNT(routes));
	query = kshim_query_new_named(rig.client, "widgets", "ns");
	list(&rig, query, &seen);
	assert_failed(&seen, KSHIM_ENOKIND);
	assert_asked(&rig, 1, 0, 0);
	list(&rig, query, &seen);
	assert_ok(&seen);
	assert_asked(&rig, 2, 1, 0);
	list(&rig, query, &seen); /* it is known now */
	assert_ok(&seen);
	assert_asked(&rig, 2, 2, 0);
	memset(&seen, 0, sizeof(seen));
	assert_non_null(started(&seen, kshim_client_find_kind(rig.client, "gadgets", seen_done, &seen)));
	rig_drive(&rig);
	assert_failed(&seen, KSHIM_ESERVER); /* nobody can tell */
	assert_asked(&rig, 3, 2, 0);
	memset(&seen, 0, sizeof(seen));
	assert_non_null(started(&seen, kshim_client_find_kind(rig.client, "gadgets", seen_done, &seen)));
	rig_drive(&rig);
	assert_failed(&seen, KSHIM_ENOKIND);
	assert_asked(&rig, 4, 2, 0);
	kshim_query_free(query);
	rig_stop(&rig);
}

static void add(struct rig *rig, const char *version, const char *plural, const char *kind)
{
	kshim_kind *made = kshim_kind_new("example.com", version, plural, kind, 1);

	assert_int_equal(kshim_client_add_kind(rig->client, made), 0);
	kshim_kind_unref(made);
}

/* What the program makes known last counts, and what moved is forgotten. */
static void test_added(void **state)
{
	const struct fakeapi_route routes[] = {
		{"GET", "/api", .answer = {.body = CORE}},
		{"GET", "/apis", .answer = {.body = ONLY("v2")}},
		{"GET", V1, .nth = 1, .answer = {.body = LIST("v1", "")}},
		{"GET", V2, .answer = {.body = LIST("v2", "")}},
		{NULL, NULL, .answer = NOBODY},
	};
	kshim_query *query, *other;
	struct seen seen = {0};
	struct rig rig;

	rig_start(&rig, state, routes, COUNT(routes));
	add(&rig, "v0", "gadgets", "Gadget");
	add(&rig, "v0", "widgets", "Widget");
	add(&rig, "v1", "widgets", "Widget");
	query = kshim_query_new_named(rig.client, "widgets", "ns");
	other = kshim_query_new_named(rig.client, "gadget", "ns");
	list(&rig, query, &seen);
	assert_ok(&seen);
	assert_asked(&rig, 0, 1, 0);
	list(&rig, query, &seen);
	assert_ok(&seen);
	assert_asked(&rig, 1, 2, 1);
	list(&rig, query, &seen);
	assert_ok(&seen);
	assert_asked(&rig, 1, 2, 2);
	list(&rig, other, &seen); /* the program's word stays, though the server has none such */
	assert_failed(&seen, KSHIM_ENOKIND);
	list(&rig, other, &seen);
	assert_failed(&seen, KSHIM_ENOKIND);
	assert_int_equal(fakeapi_count(rig.api, "GET", "/apis/example.com/v0/namespaces/ns/gadgets"), 2);
	assert_int_equal(fakeapi_count(rig.api, "GET", "/apis/example.com/v0/namespaces/ns/widgets"), 0);
	kshim_query_free(other);
	kshim_query_free(query);
	rig_stop(&rig);
}

static bool asked_again(void *user)
{
	struct rig *rig = user;

	return fakeapi_count(rig->api, "GET", "/apis") > 0;
}

/* Cancelled, or the client freed, while it asks. */
static void test_cancelled(void **state)
{
	const struct fakeapi_route routes[] = {
		{"GET", "/api", .answer = {.body = CORE}},
		{"GET", "/apis", .answer = {.end = FAKEAPI_MUTE}},
		{NULL, NULL, .answer = NOBODY},
	};
	int turn;

	for (turn = 0; turn < 2; turn++) {
		struct seen seen = {0};
		kshim_query *query;
		struct rig rig;

		rig_start(&rig, state, routes, COUNT(routes));
		query = widgets(&rig);
		assert_non_null(started(&seen, kshim_query_list(query, seen_item, seen_done, &seen)));
		rig_until(&rig, asked_again, &rig);
		assert_int_equal(seen.done, 0);
		if (turn) {
			kshim_client_free(rig.client);
			rig.client = NULL;
		} else {
			kshim_call_cancel(seen.call);
		}
		rig_drive(&rig);
		assert_failed(&seen, KSHIM_ECANCELED);
		kshim_query_free(query);
		rig_stop(&rig);
	}
}

static void on_kind(const kshim_kind *kind, void *user)
{
	struct seen *seen = user, *other = seen->other;

	(void)kind;
	seen->items++;
	/* a name that nobody knows: what is known is asked anew */
	if (!other->returned)
		started(other, kshim_client_find_kind(seen->rig->client, "gadgets", seen_done, other));
	kshim_client_forget_kinds(seen->rig->client);
}

/* A walk over the kinds is of one moment. */
static void test_walk(void **state)
{
	const struct fakeapi_route routes[] = {
		{"GET", "/api", .answer = {.body = CORE}},
		{"GET", "/apis", .answer = {.body = GROUP(VERSION("v1", RESOURCE("Widget", "widgets", "") ","
						  RESOURCE("Gizmo", "gizmos", "") "," RESOURCE("Tool", "tools", "")))}},
	};
	struct seen seen = {0}, other = {0};
	struct rig rig;

	rig_start(&rig, state, routes, COUNT(routes));
	seen.rig = &rig;
	seen.other = &other;
	assert_non_null(started(&seen, kshim_client_list_kinds(rig.client, on_kind, seen_done, &seen)));
	rig_drive(&rig);
	assert_ok(&seen);
	assert_int_equal(seen.items, 3);
	assert_failed(&other, KSHIM_ENOKIND);
	rig_stop(&rig);
}

/* Every allocation fails once. */
static void test_no_memory(void **state)
{
	const struct fakeapi_route routes[] = {
		{"GET", "/api", .answer = {.body = CORE}},
		{"GET", "/apis", .answer = {.body = ONLY("v2")}},
		{"GET", V1, .answer = NOBODY},
		{"GET", V2, .answer = {.body = LIST("v2", "")}},
	};
	unsigned succeeded = 0, failed = 0;
	struct rig rig;
	long i;

	if (!failalloc_works())
		skip();
	rig_start(&rig, state, routes, COUNT(routes));
	for (i = 0; succeeded < 3 && i < 2000; i++) {
		kshim_query *query = widgets(&rig);
		struct seen seen = {.rig = &rig};
		kshim_call *call;
		bool was_failed;

		kshim_client_forget_kinds(rig.client);
		failalloc_arm(i, false);
		call = started(&seen, kshim_query_list(query, seen_item, seen_done, &seen));
		rig_drive(&rig);
		was_failed = failalloc_disarm();
		if (call && !seen.has_error) {
			assert_ok(&seen);
			succeeded += !was_failed;
		} else {
			assert_int_equal(seen.done, call ? 1 : 0);
			assert_true(was_failed);
			failed++;
		}
		kshim_query_free(query);
	}
	assert_true(failed > 20);
	assert_int_equal(succeeded, 3);
	rig_stop(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ALL_VARIANTS(test_handle),
		BOTH_HTTP(test_other_place),
		BOTH_HTTP(test_never_loops),
		ONLY_H1(test_nowhere),
		BOTH_HTTP(test_pages),
		BOTH_HTTP(test_objects),
		BOTH_HTTP(test_scale),
		ONLY_H1(test_proxied),
		BOTH_HTTP(test_together),
		BOTH_HTTP(test_older_answer),
		BOTH_HTTP(test_names),
		BOTH_HTTP(test_added),
		BOTH_HTTP(test_cancelled),
		BOTH_DRIVES(test_walk),
		ONLY_H1(test_no_memory),
	};

	test_begin();
	return cmocka_run_group_tests_name("faults/kinds", tests, NULL, NULL);
}
