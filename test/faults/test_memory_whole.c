/*
 * A program that uses most of the library, with memory that runs out: a client of a
 * kubeconfig, discovery, a list in pages, get, create, an edit of a tree, patch, delete,
 * a watch that is broken off and goes on, a cache with an index and a listener, a work
 * queue, a recorder, an election. Each n-th allocation fails, of the library, and of
 * libcurl, jansson and libyaml in its service; then many in a row. Whatever fails: each
 * callback comes exactly once or its function returned NULL, the program comes to its
 * end, and the client goes on to work. What is lost in memory the sanitizers see.
 *
 * The clock runs faster than the real one: pauses cost little.
 */
/* LINK: -Wl,--wrap=kshim__malloc,--wrap=kshim__calloc,--wrap=kshim__realloc,--wrap=kshim__memdup,--wrap=kshim__strdup,--wrap=clock_gettime,--wrap=epoll_wait -Wl,--export-dynamic-symbol=yaml_malloc,--export-dynamic-symbol=yaml_realloc,--export-dynamic-symbol=yaml_strdup */
#include "tale.h"
#include "../unit/failalloc.h"
#include "fastclock.h"
#include "memory_sources.h"

#define LEASES "/apis/coordination.k8s.io/v1/namespaces/ns/leases"
#define EVENTS "/api/v1/namespaces/ns/events"
#define MAPS "/api/v1/namespaces/ns/configmaps"
#define MAP "{\"kind\":\"ConfigMap\",\"apiVersion\":\"v1\",\"metadata\":{\"name\":\"m\",\"namespace\":\"ns\"," \
	    "\"uid\":\"u-m\",\"resourceVersion\":\"3\"},\"data\":{\"k\":\"v\"}}"
#define GROUPS(items)                                                                                                  \
	"{\"kind\":\"APIGroupDiscoveryList\",\"apiVersion\":\"apidiscovery.k8s.io/v2\",\"metadata\":{},\"items\":[" items "]}"
#define WIDGETS                                                                                                        \
	"{\"metadata\":{\"name\":\"example.com\"},\"versions\":[{\"version\":\"v1\",\"resources\":[{\"resource\":\"widgets\"," \
	"\"responseKind\":{\"group\":\"example.com\",\"version\":\"v1\",\"kind\":\"Widget\"},\"scope\":\"Namespaced\","      \
	"\"singularResource\":\"widget\",\"verbs\":[\"get\",\"list\"],\"shortNames\":[\"wd\"]}]}]}"
#define LEASE                                                                                                          \
	"{\"kind\":\"Lease\",\"apiVersion\":\"coordination.k8s.io/v1\",\"metadata\":{\"name\":\"lock\",\"namespace\":\"ns\"," \
	"\"resourceVersion\":\"7\"},\"spec\":{\"holderIdentity\":\"me\",\"leaseDurationSeconds\":1}}"
#define LAST "8" /* the version that the watches end at */
#define GIVEN_UP_MS 300000 /* less than a watch's stream may last, so none is waited for */

static void echo(void *ctx, const struct fakeapi_request *req, struct fakeapi_answer *out)
{
	static char body[4096];

	(void)ctx;
	snprintf(body, sizeof(body), "%s", req->body);
	out->body = body;
}

/* No more is to be sent than these take: what else comes is a 404, and a failure. */
static const struct fakeapi_route routes[] = {
	{"GET", "/api", .answer = {.body = GROUPS("")}},
	{"GET", "/apis", .answer = {.body = GROUPS(WIDGETS)}},
	{"GET", LIST_PATH "?limit=1", .answer = {.body = "{\"kind\":\"PodList\",\"apiVersion\":\"v1\",\"metadata\":{\"continue\":"
			"\"t\",\"resourceVersion\":\"5\"},\"items\":[" OBJECT("a", "4") "]}"}},
	{"GET", LIST_PATH "?limit=1&continue=t", .answer = {.body = LIST("5", OBJECT("b", "3"))}},
	{"GET", WATCH_FROM("5"), .answer = {.coding = FAKEAPI_CHUNKED, .body = EVENT("MODIFIED", OBJECT("a", "6")) "{\"ty"}},
	{"GET", WATCH_FROM("6"), .answer = ENDS(BOOKMARK("7"))},
	{"GET", WATCH_FROM("7"), .answer = OPEN(EVENT("ADDED", OBJECT("c", LAST)))},
	{"GET", WATCH_FROM("8"), .answer = OPEN("")},
	{"GET", LIST_PATH "?*", .answer = {.body = LIST("5", OBJECT("a", "4"))}},
	{"GET", LIST_PATH, .answer = {.body = LIST("5", OBJECT("a", "4"))}},
	{"GET", LIST_PATH "/a", .answer = {.body = POD("a")}},
	{"POST", MAPS, .answer = {.status = 201, .body = MAP}},
	{NULL, MAPS "/m", .answer = {.body = MAP}},
	{"POST", EVENTS, .generate = echo, .answer = {.status = 201}},
	{"PATCH", EVENTS "/*", .answer = {.body = "{\"kind\":\"Event\",\"apiVersion\":\"v1\",\"metadata\":{\"name\":\"e\"}}"}},
	{"GET", LEASES "/lock", .answer = {.status = 404, .body = "{\"kind\":\"Status\",\"reason\":\"NotFound\",\"details\":"
			"{\"name\":\"lock\",\"kind\":\"leases\"},\"code\":404}"}},
	{"POST", LEASES, .answer = {.status = 201, .body = LEASE}},
	{"PUT", LEASES "/lock", .answer = {.body = LEASE}},
};

/* The parts of the program. */
enum part { FIND, LIST_PAGES, GET, CREATE, UPDATE, PATCH, DELETE, WATCH, ELECTION, CACHE, QUEUE, PARTS };

static const char *const part_names[PARTS] = {"find kind", "list", "get", "create", "update", "patch", "delete", "watch",
					      "election", "cache", "queue"};

struct whole;

struct end {
	struct whole *whole;
	unsigned done;
	kshim_code code;
	bool begun, early, well;
};

struct whole {
	kshim_loop *loop;
	kshim_client *client;
	kshim_query *pods;
	kshim_object *map, *edited;
	kshim_watch *watch;
	kshim_cache *cache;
	kshim_workqueue *queue;
	kshim_recorder *recorder;
	kshim_election *election;
	kshim_timer *limit;
	kshim_call *calls[PARTS];
	struct end ends[PARTS];
	unsigned items, worked;
	bool gave_up, starting;
};

/* What the program does for itself does not count. */
static long spared_at;
static bool spared;

static void spare(void)
{
	assert_false(spared);
	spared = true;
	spared_at = failalloc_at;
	failalloc_at = -1;
}

static void spare_no_more(void)
{
	failalloc_at = spared_at;
	spared = false;
}

/* One part is over; the last one lets the loop come to its end. */
static void over(struct end *end, const kshim_error *error, bool well)
{
	struct whole *whole = end->whole;
	size_t i;

	end->done++;
	end->early |= whole->starting;
	end->code = kshim_error_code(error);
	end->well = well && !error;
	shown(kshim_error_message(error));
	for (i = 0; i < PARTS; i++)
		if (whole->ends[i].begun && !whole->ends[i].done)
			return;
	kshim_timer_free(whole->limit);
	whole->limit = NULL;
}

static void on_done(kshim_result *result, void *user)
{
	spare();
	over(user, kshim_result_error(result), true);
	spare_no_more();
}

static void on_item(kshim_object *item, void *user)
{
	struct end *end = user;

	spare();
	assert_int_equal(end->done, 0);
	assert_non_null(kshim_object_name(item));
	end->whole->items++;
	spare_no_more();
}

static void on_list_done(kshim_result *result, void *user)
{
	struct end *end = user;

	spare();
	over(end, kshim_result_error(result), end->whole->items == 2);
	spare_no_more();
}

static bool is_last(kshim_object *object)
{
	bool last;

	spare();
	last = object && strcmp(kshim_object_resource_version(object), LAST) == 0;
	spare_no_more();
	return last;
}

static void on_event(kshim_watch *watch, kshim_event event, kshim_object *object, void *user)
{
	struct end *end = user;

	(void)event;
	assert_int_equal(end->done, 0);
	if (is_last(object)) {
		end->well = true;
		kshim_watch_stop(watch);
	}
}

static void on_watch_done(kshim_result *result, void *user)
{
	struct end *end = user;
	const kshim_error *error = kshim_result_error(result);

	spare();
	end->whole->watch = NULL;
	over(end, end->well ? NULL : error, end->well);
	spare_no_more();
}

static void index_name(kshim_object *object, kshim_index_keys *keys, void *user)
{
	const char *name;

	(void)user;
	spare();
	name = kshim_object_name(object);
	spare_no_more();
	kshim_index_add(keys, name);
}

static void drained(kshim_workqueue *queue, void *user)
{
	struct end *end = user;

	(void)queue;
	spare();
	over(end, NULL, end->whole->worked > 0);
	spare_no_more();
}

static void drain(struct whole *whole)
{
	if (whole->queue && !whole->ends[QUEUE].begun) {
		whole->ends[QUEUE].begun = true;
		if (kshim_workqueue_drain(whole->queue, drained, &whole->ends[QUEUE]) < 0)
			over(&whole->ends[QUEUE], NULL, false);
	}
}

static void work(kshim_workqueue *queue, const char *key, void *user)
{
	struct whole *whole = user;

	assert_string_equal(key, "c");
	whole->worked++;
	kshim_recorder_event(whole->recorder, whole->map, KSHIM_RECORDER_NORMAL, "Seen", key);
	kshim_recorder_event(whole->recorder, whole->map, KSHIM_RECORDER_NORMAL, "Seen", key);
	if (whole->worked == 1)
		kshim_workqueue_retry(queue, key);
	kshim_workqueue_done(queue, key);
}

static void on_change(kshim_cache *cache, kshim_change change, kshim_object *object, kshim_object *before, void *user)
{
	struct end *end = user;
	struct whole *whole = end->whole;
	bool seen = is_last(object);

	(void)before;
	assert_int_equal(end->done, 0);
	if (!seen && change != KSHIM_CHANGE_ENDED)
		return;
	if (seen) {
		spare();
		assert_non_null(kshim_cache_get(cache, "ns", "a"));
		assert_int_equal(kshim_cache_find(cache, "name", "c", NULL, NULL), 1);
		spare_no_more();
		if (whole->queue && kshim_workqueue_add(whole->queue, "c") < 0)
			seen = false; /* no memory for it */
	}
	drain(whole);
	spare();
	over(end, kshim_cache_error(cache), seen);
	spare_no_more();
	kshim_cache_free(cache);
	whole->cache = NULL;
}

static void on_leading(kshim_election *election, void *user)
{
	((struct end *)user)->well = true;
	kshim_election_stop(election);
}

static void on_ended(kshim_election *election, const kshim_error *why, void *user)
{
	struct end *end = user;

	(void)election;
	spare();
	over(end, why, end->well);
	spare_no_more();
}

/* Too long: with memory that stays short a watch tries for ever. */
static void give_up(kshim_timer *timer, void *user)
{
	struct whole *whole = user;
	size_t i;

	(void)timer;
	spare();
	whole->gave_up = true;
	for (i = 0; getenv("KSHIM_TEST_SHOW") && i < PARTS; i++)
		if (whole->ends[i].begun && !whole->ends[i].done)
			print_message("allocation %ld: gave up %s\n", spared_at, part_names[i]);
	spare_no_more();
	for (i = 0; i < WATCH; i++)
		if (whole->calls[i] && !whole->ends[i].done)
			kshim_call_cancel(whole->calls[i]);
	kshim_watch_stop(whole->watch);
	kshim_election_stop(whole->election);
	if (whole->cache) {
		kshim_cache_free(whole->cache);
		whole->cache = NULL;
		drain(whole);
		over(&whole->ends[CACHE], NULL, false);
	}
}

/* YAML, for the parser's sake. */
static char *config_text(const struct fakeapi *api)
{
	char *ca = base64_member("certificate-authority-data", fakeapi_ca_pem(api)), *text;

	assert_true(asprintf(&text,
			     "apiVersion: v1\nkind: Config\ncurrent-context: x\ncontexts:\n- name: x\n  context: {cluster: c, user: u,"
			     " namespace: ns}\nclusters:\n- name: c\n  cluster: {server: '%s', %s}\nusers:\n- name: u\n"
			     "  user:\n    token: >-\n      " SECRET "\n", fakeapi_url(api), ca) > 0);
	free(ca);
	return text;
}

static kshim_call *begin(struct whole *whole, enum part part, kshim_call *call)
{
	whole->calls[part] = call;
	whole->ends[part].begun = call != NULL;
	return call;
}

static void begin_writes(struct whole *whole)
{
	static const char patch[] = "{\"data\":{\"k\":null}}";

	whole->map = kshim_object_from_text(whole->client, MAP, strlen(MAP));
	whole->edited = kshim_object_from_text(whole->client, MAP, strlen(MAP));
	begin(whole, CREATE, kshim_object_create(whole->map, NULL, on_done, &whole->ends[CREATE]));
	if (kshim_object_set_string(whole->edited, "/metadata/labels/x~1y", "z") == 0)
		begin(whole, UPDATE, kshim_object_update(whole->edited, NULL, on_done, &whole->ends[UPDATE]));
	begin(whole, PATCH, kshim_object_patch(whole->map, KSHIM_PATCH_MERGE, patch, strlen(patch), NULL, on_done,
					       &whole->ends[PATCH]));
	begin(whole, DELETE, kshim_object_delete(whole->map, NULL, on_done, &whole->ends[DELETE]));
}

static void begin_cache(struct whole *whole)
{
	whole->queue = kshim_workqueue_new(whole->loop, work, whole);
	whole->cache = kshim_cache_new(whole->pods);
	if (whole->cache && kshim_cache_add_index(whole->cache, "name", index_name, NULL) == 0 &&
	    kshim_cache_listen(whole->cache, "ns", "!absent", on_change, &whole->ends[CACHE])) {
		whole->ends[CACHE].begun = true;
		return;
	}
	kshim_cache_free(whole->cache);
	whole->cache = NULL;
}

static void begin_election(struct whole *whole)
{
	struct end *end = &whole->ends[ELECTION];

	whole->election = kshim_election_new(whole->client, NULL, "lock", "me");
	kshim_election_on_leading(whole->election, on_leading, end);
	end->begun = kshim_election_start(whole->election, on_ended, end) == 0;
}

static void open_client(struct whole *whole, const char *text, kshim_http http)
{
	kshim_error *error = NULL;

	whole->loop = kshim_loop_new();
	if (whole->loop)
		whole->client = kshim_client_open(whole->loop, kshim_config_from_text(text, strlen(text), &error), &error);
	spare();
	if (whole->loop && !whole->client && kshim_error_code(error) != KSHIM_ENOMEM)
		fail_msg("no client: %s", kshim_error_message(error));
	spare_no_more();
	kshim_error_free(error);
	kshim_client_set_http_version(whole->client, http);
	kshim_client_set_watch_connections(whole->client, http, 0);
	whole->pods = kshim_query_new(whole->client, KSHIM_POD, NULL);
}

static void start(struct whole *whole, const char *text, kshim_http http)
{
	size_t i;

	for (i = 0; i < PARTS; i++)
		whole->ends[i].whole = whole;
	whole->starting = true;
	open_client(whole, text, http);
	spare();
	if (whole->loop)
		whole->limit = kshim_timer_new(whole->loop, GIVEN_UP_MS, give_up, whole);
	spare_no_more();
	whole->recorder = kshim_recorder_new(whole->client, "me", "here");
	begin(whole, FIND, kshim_client_find_kind(whole->client, "wd", on_done, &whole->ends[FIND]));
	begin(whole, GET, kshim_query_get_by_name(whole->pods, "a", on_done, &whole->ends[GET]));
	begin_writes(whole);
	whole->watch = kshim_query_watch(whole->pods, NULL, on_event, on_watch_done, &whole->ends[WATCH]);
	whole->ends[WATCH].begun = whole->watch != NULL;
	begin_election(whole);
	begin_cache(whole);
	kshim_query_set_limit(whole->pods, 1);
	begin(whole, LIST_PAGES, kshim_query_list(whole->pods, on_item, on_list_done, &whole->ends[LIST_PAGES]));
	whole->starting = false;
	if (!whole->ends[CACHE].begun)
		drain(whole);
}

static bool any_left(const struct whole *whole)
{
	size_t i;

	for (i = 0; i < PARTS; i++)
		if (whole->ends[i].begun && !whole->ends[i].done)
			return true;
	return false;
}

static void finish(struct whole *whole)
{
	kshim_recorder_free(whole->recorder);
	kshim_election_free(whole->election);
	kshim_cache_free(whole->cache);
	kshim_workqueue_free(whole->queue);
	kshim_object_unref(whole->map);
	kshim_object_unref(whole->edited);
	kshim_query_free(whole->pods);
	kshim_client_free(whole->client);
	kshim_timer_free(whole->limit);
	kshim_loop_free(whole->loop);
}

/* Nothing was sent that is not sent with memory. */
static void check_wire(const struct fakeapi *api, size_t from, long at)
{
	const struct fakeapi_request *request;

	while ((request = fakeapi_request(api, from++)))
		if (request->route < 0)
			fail_msg("allocation %ld: sent %s %s %s", at, request->method, request->path, request->body);
}

/* The client goes on to work. */
static void check_get(struct whole *whole)
{
	struct seen seen = {0};

	if (!whole->client)
		return;
	kshim_query_free(whole->pods);
	whole->pods = kshim_query_new(whole->client, KSHIM_POD, NULL);
	assert_non_null(started(&seen, kshim_query_get_by_name(whole->pods, "a", seen_done, &seen)));
	assert_int_equal(kshim_loop_run(whole->loop), 0);
	/* libcurl 8.14.1 may wait for ever for an HTTP/2 connection that it had no memory for */
	if (memory_source == OF_LIBCURL && curl_version_info(CURLVERSION_NOW)->version_num >= 0x080000 && seen.has_error)
		assert_failed(&seen, KSHIM_ETIMEDOUT);
	else
		assert_ok(&seen);
}

struct tally {
	unsigned refused, failed, well, gave_up;
};

static bool turn(const struct fakeapi *api, long at, kshim_http http, struct tally *tally)
{
	char *text = config_text(api);
	size_t i, from = fakeapi_request_count(api);
	struct whole whole = {0};
	bool failed;

	failalloc_arm(at, false);
	start(&whole, text, http);
	if (any_left(&whole))
		assert_int_equal(kshim_loop_run(whole.loop), 0);
	failed = failalloc_disarm();
	free(text);
	for (i = 0; i < PARTS; i++) {
		const struct end *end = &whole.ends[i];

		if (end->done != end->begun || end->early || (!failed && !end->well))
			fail_msg("allocation %ld: %s: %u callbacks%s, code %d", at, part_names[i], end->done,
				 end->early ? ", early" : "", (int)end->code);
		tally->refused += !end->begun;
		tally->well += end->well;
		tally->failed += end->done && !end->well;
	}
	tally->gave_up += whole.gave_up;
	if (!kshim_recorder_error(whole.recorder)) /* else it waits for its next attempt */
		assert_int_equal(kshim_recorder_len(whole.recorder), 0);
	check_get(&whole);
	check_wire(api, from, at);
	finish(&whole);
	memory_sources_let_go();
	return failed;
}

struct sweep {
	enum memory_source source;
	kshim_http http;
	bool many;   /* each of so many, not one */
	long stride; /* where it shall not take minutes: KSHIM_TEST_ALL */
};

static void sweep(void **state)
{
	const struct sweep *sweep = *state;
	struct fakeapi_options server = {.routes = routes, .route_count = COUNT(routes)};
	struct fakeapi *api = fakeapi_start(&server);
	struct tally tally = {0};
	int fds = open_fds();
	long i, stride = getenv("KSHIM_TEST_ALL") ? 1 : sweep->stride * slowness();
	bool failed = true;

	if (!failalloc_works())
		skip();
	assert_non_null(api);
	memory_source = sweep->source;
	for (i = 0; failed; i += sweep->many ? i / 3 + 1 : stride) {
		memory_every = sweep->many ? i + 1 : 0;
		failed = turn(api, i, sweep->http, &tally);
	}
	memory_every = 0;
	print_message("[   info   ] %ld allocations: %u parts refused, %u failed, %u well, given up %u times, freed twice by libcurl "
		      "%u\n", i, tally.refused, tally.failed, tally.well, tally.gave_up, freed_twice);
	assert_true(tally.refused + tally.failed > 0);
	assert_fds(fds);
	assert_int_equal(fakeapi_stop(api), 0);
}

int main(void)
{
	static const struct sweep sweeps[] = {
		{OF_KUBESHIM, KSHIM_HTTP_1_1, false, 2},
		{OF_JANSSON, KSHIM_HTTP_1_1, false, 2},
		{OF_LIBYAML, KSHIM_HTTP_1_1, false, 1},
		{OF_LIBCURL, KSHIM_HTTP_1_1, false, 7},
		{OF_LIBCURL, KSHIM_HTTP_2, false, 7},
		{OF_ALL, KSHIM_HTTP_1_1, true, 1},
	};
	const struct CMUnitTest tests[] = {
		{"of kubeshim", sweep, NULL, NULL, (void *)(uintptr_t)&sweeps[0]},
		{"of jansson", sweep, NULL, NULL, (void *)(uintptr_t)&sweeps[1]},
		{"of libyaml", sweep, NULL, NULL, (void *)(uintptr_t)&sweeps[2]},
		{"of libcurl (h1)", sweep, NULL, NULL, (void *)(uintptr_t)&sweeps[3]},
		{"of libcurl (h2)", sweep, NULL, NULL, (void *)(uintptr_t)&sweeps[4]},
		{"of all, many", sweep, NULL, NULL, (void *)(uintptr_t)&sweeps[5]},
	};

	speed = 50;
	test_begin();
	if (memory_sources_begin() != 0)
		return 1;
	return cmocka_run_group_tests_name("faults/memory_whole", tests, NULL, NULL);
}
