/* Waiting for a CustomResourceDefinition, and using the kind that it defines. */
/* LINK: -Wl,--wrap=kshim__malloc,--wrap=kshim__calloc,--wrap=kshim__realloc,--wrap=kshim__memdup,--wrap=kshim__strdup */
#include "../testutil.h"
#include "../unit/failalloc.h"

#define WIDGETS "/apis/example.com/*/namespaces/ns/widgets"
#define V1 "/apis/example.com/v1/namespaces/ns/widgets"
#define V2 "/apis/example.com/v2/namespaces/ns/widgets"
#define EMPTY "{\"kind\":\"WidgetList\",\"apiVersion\":\"example.com/v1\",\"metadata\":{},\"items\":[]}"
#define NOTHING "{\"kind\":\"APIGroupDiscoveryList\",\"apiVersion\":\"apidiscovery.k8s.io/v2\",\"items\":[]}"
#define CRDS "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
#define CONDITION(type, status, reason)                                                                                \
	"{\"type\":\"" type "\",\"status\":\"" status "\",\"reason\":\"" reason "\",\"message\":\"because\"}"
#define CRD(version, meta, versions, conditions)                                                                       \
	"{\"apiVersion\":\"apiextensions.k8s.io/v1\",\"kind\":\"CustomResourceDefinition\",\"metadata\":{\"name\":"          \
	"\"widgets.example.com\",\"resourceVersion\":\"" version "\"" meta "},\"spec\":{\"group\":\"example.com\",\"scope\":"  \
	"\"Namespaced\",\"names\":{\"plural\":\"widgets\",\"kind\":\"Widget\",\"shortNames\":[\"wd\"]},\"versions\":["        \
	versions "]},\"status\":{\"conditions\":[" conditions "]}}"
#define SERVED(version) "{\"name\":\"" version "\",\"served\":true}"
#define CRD_LIST(items)                                                                                                \
	"{\"kind\":\"CustomResourceDefinitionList\",\"apiVersion\":\"apiextensions.k8s.io/v1\",\"metadata\":{"              \
	"\"resourceVersion\":\"5\"},\"items\":[" items "]}"
#define EVENT(type, object) "{\"type\":\"" type "\",\"object\":" object "}\n"
#define ACCEPTED CONDITION("NamesAccepted", "True", "NoConflicts")
#define ESTABLISHED CONDITION("Established", "True", "InitialNamesAccepted")

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
	assert_int_equal(fakeapi_count(rig->api, "GET", V1), v1);
	assert_int_equal(fakeapi_count(rig->api, "GET", V2), v2);
}

static void on_defined(struct seen *seen, kshim_result *result)
{
	const kshim_kind *kind = kshim_result_kind(result);

	if (kind)
		seen->data = (void *)kshim_kind_ref(kind);
}

static void define(struct rig *rig, const char *timeout, struct seen *seen)
{
	kshim_options *options = kshim_options_new();

	memset(seen, 0, sizeof(*seen));
	seen->rig = rig;
	seen->on_done = on_defined;
	kshim_options_set_timeout(options, timeout ? atoi(timeout) : 60000);
	assert_non_null(started(seen, kshim_crd_define(rig->client, "widgets.example.com", options, seen_done, seen)));
	kshim_options_free(options);
	rig_drive(rig);
}

/* It is not yet established, then it is; the names find it without discovery, and
 * its first version is used unasked. A later definition takes its place. */
static void test_define(void **state)
{
	const struct fakeapi_route routes[] = {
		{"GET", CRDS "?*watch=true*", .nth = 1, .answer = {.coding = FAKEAPI_CHUNKED, .piece = 100, .body =
			EVENT("MODIFIED", CRD("6", "", SERVED("v1") "," SERVED("v1beta1"), ACCEPTED))
			EVENT("MODIFIED", CRD("7", "", SERVED("v1") "," SERVED("v1beta1"), ACCEPTED ","
					      CONDITION("Established", "False", "Installing")))
			EVENT("MODIFIED", CRD("8", "", SERVED("v1") "," SERVED("v1beta1"), ACCEPTED "," ESTABLISHED)),
			.end = FAKEAPI_STALL, .end_after = FAKEAPI_ALL}},
		{"GET", CRDS, .nth = 1, .answer = {.body = CRD_LIST(CRD("5", "", SERVED("v1") "," SERVED("v1beta1"), ""))}},
		{"GET", CRDS, .answer = {.body = CRD_LIST(CRD("9", "", SERVED("v2"), ESTABLISHED "," ACCEPTED))}},
		{"GET", WIDGETS, .answer = {.body = EMPTY}},
	};
	kshim_query *query;
	struct seen seen;
	struct rig rig;

	rig_start(&rig, state, routes, COUNT(routes));
	define(&rig, NULL, &seen);
	assert_ok(&seen);
	assert_int_equal(seen.found, 1);
	assert_string_equal(seen.object, "widgets.example.com");
	assert_non_null(seen.data);
	assert_string_equal(kshim_kind_version_at(seen.data, 1), "v1beta1");
	assert_int_equal(fakeapi_request_count(rig.api), 2);
	kshim_kind_unref(seen.data);
	query = kshim_query_new_named(rig.client, "wd", "ns");
	list(&rig, query, &seen);
	assert_ok(&seen);
	assert_asked(&rig, 0, 1, 0);
	define(&rig, NULL, &seen);
	assert_ok(&seen);
	kshim_kind_unref(seen.data);
	list(&rig, query, &seen);
	assert_ok(&seen);
	assert_asked(&rig, 0, 1, 1);
	kshim_query_free(query);
	rig_stop(&rig);
}

/* What a definition told is no more: the name is free for what is served. */
static void test_defined_is_gone(void **state)
{
	const struct fakeapi_route routes[] = {
		{"GET", "/api", .answer = {.body = NOTHING}},
		{"GET", "/apis", .answer = {.body = NOTHING}},
		{"GET", CRDS, .answer = {.body = CRD_LIST(CRD("9", "", SERVED("v1"), ESTABLISHED "," ACCEPTED))}},
		{NULL, NULL, .answer = {.status = 404, .type = "text/plain", .body = "404 page not found\n"}},
	};
	kshim_query *query;
	struct seen seen;
	struct rig rig;

	rig_start(&rig, state, routes, COUNT(routes));
	define(&rig, NULL, &seen);
	assert_ok(&seen);
	kshim_kind_unref(seen.data);
	query = kshim_query_new_named(rig.client, "wd", "ns");
	list(&rig, query, &seen);
	assert_failed(&seen, KSHIM_ENOKIND);
	assert_asked(&rig, 1, 1, 0);
	list(&rig, query, &seen);
	assert_failed(&seen, KSHIM_ENOKIND);
	assert_asked(&rig, 2, 1, 0);
	kshim_query_free(query);
	rig_stop(&rig);
}

/* Why it cannot be; an error tells it, and no kind is given. */
static void test_define_fails(void **state)
{
	static const struct {
		const char *list, *event, *text;
		kshim_code code;
	} cases[] = {
		{CRD_LIST(""), NULL, "\"widgets.example.com\" not found", KSHIM_ENOTFOUND},
		{CRD_LIST(CRD("5", "", SERVED("v1"), "")), EVENT("DELETED", CRD("6", "", SERVED("v1"), "")), "was deleted",
		 KSHIM_ENOTFOUND},
		/* on its way, though still established */
		{CRD_LIST(CRD("5", ",\"deletionTimestamp\":\"2024-02-29T23:59:59Z\"", SERVED("v1"), ESTABLISHED "," ACCEPTED)),
		 EVENT("DELETED", CRD("6", "", SERVED("v1"), "")), "was deleted", KSHIM_ENOTFOUND},
		{CRD_LIST(CRD("5", "", SERVED("v1"), CONDITION("NamesAccepted", "False", "PluralConflict"))), NULL,
		 "did not accept its names: PluralConflict: because", KSHIM_ECONFLICT},
		{CRD_LIST(CRD("5", "", SERVED("v1"), ESTABLISHED "," CONDITION("NamesAccepted", "False", "ShortNamesConflict"))),
		 NULL, "ShortNamesConflict", KSHIM_ECONFLICT},
		{CRD_LIST(CRD("5", "", "", ESTABLISHED "," ACCEPTED)), NULL, "spec.versions: none is served", KSHIM_EINVAL},
		{"{\"kind\":\"Status\"}", NULL, "", KSHIM_EPROTOCOL},
	};
	struct seen seen;
	size_t i;

	for (i = 0; i < COUNT(cases); i++) {
		const struct fakeapi_route routes[] = {
			{"GET", CRDS "?*watch=true*", .answer = {.coding = FAKEAPI_CHUNKED, .body = cases[i].event ? cases[i].event : ""}},
			{"GET", CRDS, .answer = {.body = cases[i].list}},
		};
		struct rig rig;

		rig_start(&rig, state, routes, COUNT(routes));
		define(&rig, NULL, &seen);
		assert_failed(&seen, cases[i].code);
		assert_contains(seen.message, cases[i].text);
		assert_null(seen.data);
		assert_asked(&rig, 0, 0, 0);
		rig_stop(&rig);
	}
}

static void test_define_deadline(void **state)
{
	const struct fakeapi_route routes[] = {
		{"GET", CRDS "?*watch=true*", .answer = {.end = FAKEAPI_STALL}},
		{"GET", CRDS, .answer = {.body = CRD_LIST(CRD("5", "", SERVED("v1"), ACCEPTED))}},
	};
	struct seen seen;
	struct rig rig;

	rig_start(&rig, state, routes, COUNT(routes));
	define(&rig, "300", &seen);
	assert_failed(&seen, KSHIM_ETIMEDOUT);
	assert_contains(seen.message, "define widgets.example.com: not done within 300 ms");
	rig_stop(&rig);
}

static void test_define_no_memory(void **state)
{
	const struct fakeapi_route routes[] = {
		{"GET", CRDS, .answer = {.body = CRD_LIST(CRD("9", "", SERVED("v1"), ESTABLISHED "," ACCEPTED))}},
	};
	unsigned succeeded = 0, failed = 0;
	struct rig rig;
	long i;

	if (!failalloc_works())
		skip();
	rig_start(&rig, state, routes, COUNT(routes));
	/* without memory a condition is not seen, and waited for: the stream ends at once */
	for (i = 0; succeeded < 3 && i < 2000; i++) {
		struct seen seen = {.rig = &rig, .on_done = on_defined};
		kshim_call *call;
		bool was_failed;

		failalloc_arm(i, false);
		call = started(&seen, kshim_crd_define(rig.client, "widgets.example.com", NULL, seen_done, &seen));
		rig_drive(&rig);
		was_failed = failalloc_disarm();
		if (call && !seen.has_error) {
			assert_ok(&seen);
			assert_non_null(seen.data);
			succeeded += !was_failed;
		} else {
			assert_int_equal(seen.done, call ? 1 : 0);
			assert_null(seen.data);
			assert_true(was_failed);
			failed++;
		}
		kshim_kind_unref(seen.data);
	}
	assert_true(failed > 20);
	assert_int_equal(succeeded, 3);
	rig_stop(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ALL_VARIANTS(test_define),
		BOTH_HTTP(test_defined_is_gone),
		ONLY_H1(test_define_fails),
		BOTH_HTTP(test_define_deadline),
		ONLY_H1(test_define_no_memory),
	};

	test_begin();
	return cmocka_run_group_tests_name("faults/define", tests, NULL, NULL);
}
