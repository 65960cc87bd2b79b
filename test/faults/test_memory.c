/*
 * Memory that runs out: each allocation of each verb fails once, alone and with
 * all that follow it. Whatever fails, the callback comes exactly once or the
 * function returned NULL, the reason is KSHIM_ENOMEM, nothing is sent that is not
 * sent with memory, a success is a whole one, and the client goes on to work.
 *
 * The clock runs faster than the real one, so that verbs which look once a second
 * can be gone through hundreds of times.
 */
/* LINK: -Wl,--wrap=kshim__malloc,--wrap=kshim__calloc,--wrap=kshim__realloc,--wrap=kshim__memdup,--wrap=kshim__strdup,--wrap=clock_gettime,--wrap=epoll_wait */
#include "../testutil.h"
#include "../unit/failalloc.h"
#include "fastclock.h"
#include "memory_server.h"

#include <ctype.h>

#define SPEED 50 /* times */
#define DEADLINE_MS (20 * 1000 * SPEED)

/* One turn: a client of its own, and a verb. */

struct turn {
	struct seen seen; /* first: what callbacks get */
	const struct fakeapi *api;
	kshim_loop *loop;
	kshim_client *client;
	kshim_query *query;
	kshim_object *object;
	kshim_table *table;
	void *options;
	void (*free_options)(void *options);
	char name[32];
	bool gave_up; /* before the verb: what it needs could not be made */
	bool lost;    /* in a callback, likewise: the program's own business */
	long requests; /* on_request's */
};

typedef kshim_call *start_fn(struct turn *turn);

/* What a program does in its callbacks does not count. */
struct spared {
	long at, count;
};

static struct spared spare(void)
{
	struct spared spared = {failalloc_at, failalloc_count};

	failalloc_at = -1;
	return spared;
}

static void spare_no_more(struct spared spared)
{
	failalloc_at = spared.at;
	failalloc_count = spared.count;
}

static void on_done(kshim_result *result, void *user)
{
	struct spared spared = spare();

	seen_done(result, user);
	spare_no_more(spared);
}

static void on_item(kshim_object *item, void *user)
{
	struct spared spared = spare();

	seen_item(item, user);
	spare_no_more(spared);
}

static void *handle_missing(struct turn *turn)
{
	turn->gave_up = true;
	return NULL;
}

static kshim_query *pods(struct turn *turn)
{
	return turn->query = kshim_query_new(turn->client, KSHIM_POD, "ns");
}

static kshim_object *named(struct turn *turn, const kshim_kind *kind, const char *name)
{
	turn->query = kshim_query_new(turn->client, kind, "ns");
	return turn->object = turn->query ? kshim_query_object(turn->query, name) : NULL;
}

static kshim_options *options(struct turn *turn)
{
	kshim_options *made = kshim_options_new();

	turn->options = made;
	turn->free_options = (void (*)(void *))kshim_options_free;
	return made;
}

static kshim_call *get(struct turn *turn)
{
	return pods(turn) ? kshim_query_get_by_name(turn->query, "a", on_done, turn) : NULL;
}

static kshim_call *list(struct turn *turn)
{
	kshim_query_set_limit(pods(turn), 2);
	return kshim_query_list(turn->query, on_item, on_done, turn);
}

static kshim_call *collect(struct turn *turn)
{
	kshim_query_set_limit(pods(turn), 2);
	return kshim_query_collect(turn->query, on_done, turn);
}

static kshim_call *get_only(struct turn *turn)
{
	static const char *const values[] = {"a"};

	if (!pods(turn) || kshim_query_add_field(turn->query, "metadata.name", KSHIM_OP_IN, values, 1) < 0)
		return NULL;
	return kshim_query_get(turn->query, on_done, turn);
}

static kshim_call *list_named(struct turn *turn)
{
	turn->query = kshim_query_new_named(turn->client, "wd", NULL);
	return kshim_query_list(turn->query, on_item, on_done, turn);
}

static kshim_call *create(struct turn *turn)
{
	static const char text[] = "{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{\"name\":\"made\",\"uid\":\"x\","
				   "\"resourceVersion\":\"1\"},\"data\":{\"k\":\"v\\n\"}}";

	turn->object = kshim_object_from_text(turn->client, text, strlen(text));
	return kshim_object_create(turn->object, NULL, on_done, turn);
}

/* What the server refuses is an answer like another. */
static kshim_call *create_refused(struct turn *turn)
{
	static const char text[] = "{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"metadata\":{\"name\":\"a\"}}";

	turn->object = kshim_object_from_text(turn->client, text, strlen(text));
	return kshim_object_create(turn->object, NULL, on_done, turn);
}

static kshim_call *patch(struct turn *turn)
{
	static const char text[] = "{\"metadata\":{\"labels\":{\"a\":\"b\"}}}";

	if (!options(turn) || kshim_options_set_field_manager(turn->options, "me") < 0)
		return handle_missing(turn);
	return kshim_object_patch(named(turn, KSHIM_POD, "a"), KSHIM_PATCH_MERGE, text, strlen(text), turn->options,
				  on_done, turn);
}

static kshim_object *edited(struct turn *turn)
{
	turn->object = kshim_object_from_text(turn->client, POD("a"), strlen(POD("a")));
	if (turn->object && kshim_object_set_string(turn->object, "/metadata/labels/x~1y", "z") < 0)
		return handle_missing(turn);
	return turn->object;
}

static kshim_call *update(struct turn *turn)
{
	if (!options(turn) || kshim_options_set_if_unchanged(turn->options, 1) < 0)
		return handle_missing(turn);
	return kshim_object_update(edited(turn), turn->options, on_done, turn);
}

static kshim_call *replace(struct turn *turn)
{
	return kshim_object_replace(edited(turn), NULL, on_done, turn);
}

static kshim_call *apply(struct turn *turn)
{
	return kshim_object_apply(edited(turn), NULL, on_done, turn);
}

static kshim_call *delete_it(struct turn *turn)
{
	if (!options(turn) || kshim_options_set_precondition_uid(turn->options, "u-1") < 0)
		return handle_missing(turn);
	return kshim_object_delete(named(turn, KSHIM_POD, "a"), turn->options, on_done, turn);
}

static kshim_call *label(struct turn *turn)
{
	return kshim_object_label(named(turn, KSHIM_POD, "a"), "example.com/k", "v", NULL, on_done, turn);
}

static kshim_call *finalizer(struct turn *turn)
{
	return kshim_object_add_finalizer(named(turn, KSHIM_POD, "a"), "example.com/f", NULL, on_done, turn);
}

static kshim_call *wait_condition(struct turn *turn)
{
	return kshim_wait_condition(named(turn, KSHIM_POD, "a"), "Ready", NULL, NULL, on_done, turn);
}

static void on_event(kshim_watch *watch, kshim_event event, kshim_object *object, void *user)
{
	(void)watch;
	(void)event;
	if (object)
		on_item(object, user);
}

/* A cache with an index and a transform, until the watch has brought the last version. */
static void index_name(kshim_object *object, kshim_index_keys *keys, void *user)
{
	struct spared spared = spare();
	const char *name = kshim_object_name(object);

	(void)user;
	spare_no_more(spared);
	kshim_index_add(keys, name);
}

static int without_status(kshim_object *object, void *user)
{
	struct spared spared = spare();

	(void)user;
	kshim_object_remove(object, "/status");
	spare_no_more(spared);
	return 0;
}

static void on_change(kshim_cache *cache, kshim_change change, kshim_object *object, kshim_object *before, void *user)
{
	struct spared spared = spare();
	struct turn *turn = user;

	(void)before;
	/* where all memory is gone it may be late for ever; on a slow machine this clock makes it late for other reasons */
	if (change == KSHIM_CHANGE_ENDED ||
	    (change == KSHIM_CHANGE_LATE && kshim_error_code(kshim_cache_error(cache)) == KSHIM_ENOMEM) ||
	    (object && strcmp(kshim_object_resource_version(object), "7") == 0)) {
		turn->seen.done++;
		turn->seen.early = !turn->seen.returned;
		if (kshim_cache_error(cache))
			turn->seen.code = kshim_error_code(kshim_cache_error(cache));
		else
			assert_int_equal(kshim_cache_find(cache, "name", "a", NULL, NULL), 1);
		kshim_cache_free(cache);
	}
	spare_no_more(spared);
}

static kshim_call *cached(struct turn *turn)
{
	kshim_cache *cache;

	if (!pods(turn) || kshim_query_set_fields(turn->query, "metadata.name=a") < 0)
		return NULL;
	cache = kshim_cache_new(turn->query);
	if (!cache)
		return NULL;
	if (kshim_cache_add_index(cache, "name", index_name, turn) < 0 ||
	    kshim_cache_set_transform(cache, without_status, turn) < 0) {
		kshim_cache_free(cache);
		return handle_missing(turn);
	}
	if (kshim_cache_listen(cache, "ns", "!absent", on_change, turn))
		return (kshim_call *)cache;
	kshim_cache_free(cache);
	return NULL;
}

static kshim_call *watch_once(struct turn *turn)
{
	kshim_options *made = kshim_options_new();

	turn->options = made;
	turn->free_options = (void (*)(void *))kshim_options_free;
	if (!made || kshim_options_set_watch_once(made, 1) < 0)
		return handle_missing(turn);
	/* only looked at for being there */
	return (kshim_call *)kshim_object_watch(named(turn, KSHIM_POD, "a"), made, on_event, on_done, turn);
}

static void on_log(const char *container, const char *data, size_t len, void *user)
{
	struct turn *turn = user;
	size_t at = strlen(turn->seen.names);

	(void)container;
	snprintf(turn->seen.names + at, sizeof(turn->seen.names) - at, "%.*s", (int)len, data);
}

static kshim_call *logs(struct turn *turn)
{
	kshim_log_options *made = kshim_log_options_new();

	turn->options = made;
	turn->free_options = (void (*)(void *))kshim_log_options_free;
	if (!made || kshim_log_options_set_follow(made, 1) < 0 || kshim_log_options_set_timeout(made, DEADLINE_MS) < 0)
		return handle_missing(turn);
	return kshim_pod_logs(named(turn, KSHIM_POD, turn->name), made, on_log, on_done, turn);
}

static kshim_call *undo(struct turn *turn)
{
	return kshim_rollout_undo(named(turn, KSHIM_DEPLOYMENT, "web"), 0, NULL, on_done, turn);
}

static void on_revision(kshim_revision *revision, void *user)
{
	struct turn *turn = user;
	size_t at = strlen(turn->seen.names);

	snprintf(turn->seen.names + at, sizeof(turn->seen.names) - at, " %d", (int)kshim_revision_number(revision));
}

static kshim_call *history(struct turn *turn)
{
	return kshim_rollout_history(named(turn, KSHIM_DEPLOYMENT, "web"), on_revision, NULL, on_done, turn);
}

static void on_progress(const char *text, kshim_object *state, void *user)
{
	struct turn *turn = user;

	(void)state;
	snprintf(turn->seen.names, sizeof(turn->seen.names), "%s", text);
}

static kshim_call *rollout_status(struct turn *turn)
{
	return kshim_rollout_status(named(turn, KSHIM_DEPLOYMENT, "web"), on_progress, NULL, on_done, turn);
}

static kshim_call *scale(struct turn *turn)
{
	if (!options(turn) || kshim_options_set_wait_ready(turn->options, 1) < 0)
		return handle_missing(turn);
	return kshim_object_scale(named(turn, KSHIM_DEPLOYMENT, "web"), 1, turn->options, on_done, turn);
}

static void on_drain(kshim_object *pod, kshim_drain_event event, const char *text, void *user)
{
	struct turn *turn = user;
	size_t at = strlen(turn->seen.names);
	struct spared spared = spare();

	(void)text;
	snprintf(turn->seen.names + at, sizeof(turn->seen.names) - at, " %s%d", kshim_object_name(pod), (int)event);
	spare_no_more(spared);
}

static kshim_call *drain(struct turn *turn)
{
	kshim_drain_options *made = kshim_drain_options_new();

	turn->options = made;
	turn->free_options = (void (*)(void *))kshim_drain_options_free;
	if (!made || kshim_drain_options_set_ignore_daemonsets(made, 1) < 0 ||
	    kshim_drain_options_set_delete_emptydir_data(made, 1) < 0 ||
	    kshim_drain_options_set_timeout(made, DEADLINE_MS) < 0)
		return handle_missing(turn);
	return kshim_node_drain(named(turn, KSHIM_NODE, turn->name), made, on_drain, on_done, turn);
}

/* Refused, with a cause for each Pod. */
static kshim_call *drain_refused(struct turn *turn)
{
	kshim_drain_options *made = kshim_drain_options_new();

	turn->options = made;
	turn->free_options = (void (*)(void *))kshim_drain_options_free;
	if (!made || kshim_drain_options_set_timeout(made, DEADLINE_MS) < 0)
		return handle_missing(turn);
	return kshim_node_drain(named(turn, KSHIM_NODE, turn->name), made, on_drain, on_done, turn);
}

static void on_proxy_data(const char *data, size_t len, void *user)
{
	on_log(NULL, data, len, user);
}

static void on_proxied(struct seen *seen, kshim_result *result)
{
	const char *header = kshim_proxy_header(result, "warning", 0);

	if (!kshim_result_error(result))
		snprintf(seen->token, sizeof(seen->token), "%s", header ? header : "");
}

static kshim_call *proxy(struct turn *turn)
{
	kshim_proxy_options *made = kshim_proxy_options_new();

	turn->options = made;
	turn->free_options = (void (*)(void *))kshim_proxy_options_free;
	turn->seen.on_done = on_proxied;
	if (!made || kshim_proxy_options_add_header(made, "X-Mine", "1") < 0)
		return handle_missing(turn);
	return kshim_proxy_request(named(turn, KSHIM_SERVICE, "s"), NULL, "POST", "/p?q=1", "body", 4, made, NULL, on_done,
				   turn);
}

static kshim_call *proxy_stream(struct turn *turn)
{
	return kshim_proxy_request(named(turn, KSHIM_SERVICE, "s"), "8080", "GET", "/x", NULL, 0, NULL, on_proxy_data,
				   on_done, turn);
}

static void on_page(const char *json, size_t len, void *user)
{
	struct turn *turn = user;
	kshim_error *error = NULL;
	bool ok;

	if (turn->table)
		ok = kshim_table_add(turn->table, json, len, &error) == 0;
	else
		ok = (turn->table = kshim_table_new(json, len, &error)) != NULL;
	if (!ok) {
		assert_int_equal(kshim_error_code(error), KSHIM_ENOMEM);
		turn->lost = true;
	}
	kshim_error_free(error);
}

static kshim_call *table(struct turn *turn)
{
	kshim_query_set_limit(pods(turn), 1);
	return kshim_query_table(turn->query, NULL, on_page, on_done, turn);
}

/* Through the cluster that a job tells of, in another namespace than the client's. */
static kshim_call *dask(struct turn *turn)
{
	static const char text[] = "{\"apiVersion\":\"kubernetes.dask.org/v1\",\"kind\":\"DaskJob\",\"metadata\":{\"name\":"
				   "\"dj\",\"namespace\":\"far\"}}";
	kshim_object *job = kshim_object_from_text(turn->client, text, strlen(text));

	turn->object = job ? kshim_dask_cluster(job) : NULL;
	kshim_object_unref(job);
	turn->query = turn->object ? kshim_dask_worker_groups(turn->object) : NULL;
	return turn->query ? kshim_dask_scheduler_pod(turn->object, NULL, on_done, turn) : NULL;
}

static kshim_call *version(struct turn *turn)
{
	return kshim_client_version(turn->client, on_done, turn);
}

static void on_request(const kshim_request_info *info, void *user)
{
	struct turn *turn = user;

	turn->requests++;
	assert_non_null(kshim_request_info_method(info));
	assert_non_null(kshim_request_info_path(info));
}

static void on_trace(char direction, const char *line, void *user)
{
	(void)user;
	assert_true(direction == '>' || direction == '<');
	shown(line);
}

static kshim_call *request_traced(struct turn *turn)
{
	kshim_client_on_request(turn->client, on_request, turn);
	kshim_client_on_trace(turn->client, on_trace, turn);
	return kshim_client_request(turn->client, "POST", SERVICES "s%3A8080/proxy/x", "text/x", "b", 1, NULL, on_done, turn);
}

static kshim_call *find_kind(struct turn *turn)
{
	return kshim_client_find_kind(turn->client, "widgets.example.com", on_done, turn);
}

static const char client_text[] =
	"{\"current-context\":\"x\",\"contexts\":[{\"name\":\"x\",\"context\":{\"cluster\":\"c\",\"user\":\"u\",\"namespace\":"
	"\"ns\"}}],\"clusters\":[{\"name\":\"c\",\"cluster\":{\"server\":\"%s\",%s}}],\"users\":[{\"name\":\"u\",\"user\":{"
	"\"token\":\"" SECRET "\",\"as\":\"me\",\"as-groups\":[\"g\"],%s,%s}}]}";

static char *config_text(const struct fakeapi *api)
{
	char *ca = base64_member("certificate-authority-data", fakeapi_ca_pem(api)), *text;
	char *cert = base64_member("client-certificate-data", fakeapi_client_cert_pem(api));
	char *key = base64_member("client-key-data", fakeapi_client_key_pem(api));

	assert_true(asprintf(&text, client_text, fakeapi_url(api), ca, cert, key) > 0);
	free(ca);
	free(cert);
	free(key);
	return text;
}

/* A loop, a configuration, a client. */
static void open_client(struct turn *turn, const char *text, kshim_http http)
{
	kshim_error *error = NULL;

	turn->loop = kshim_loop_new();
	if (turn->loop)
		turn->client = kshim_client_open(turn->loop, kshim_config_from_text(text, strlen(text), &error), &error);
	if (turn->loop && !turn->client)
		assert_int_equal(kshim_error_code(error), KSHIM_ENOMEM);
	kshim_error_free(error);
	kshim_client_set_http_version(turn->client, http);
	kshim_client_set_timeout(turn->client, DEADLINE_MS);
}

struct scenario {
	const char *name;
	start_fn *start;
	bool opens;      /* the client's own allocations fail, too */
	kshim_code code; /* how it ends with memory */
};

static const struct scenario scenarios[] = {
	{"open and get", get, true, KSHIM_OK},
	{"get", get, false, KSHIM_OK},
	{"list", list, false, KSHIM_OK},
	{"collect", collect, false, KSHIM_OK},
	{"get the only one", get_only, false, KSHIM_OK},
	{"list of a name", list_named, false, KSHIM_OK},
	{"find kind", find_kind, false, KSHIM_OK},
	{"create", create, false, KSHIM_OK},
	{"create what is there", create_refused, false, KSHIM_EEXISTS},
	{"patch", patch, false, KSHIM_OK},
	{"update", update, false, KSHIM_OK},
	{"replace", replace, false, KSHIM_OK},
	{"apply", apply, false, KSHIM_OK},
	{"delete", delete_it, false, KSHIM_OK},
	{"scale", scale, false, KSHIM_OK},
	{"label", label, false, KSHIM_OK},
	{"finalizer", finalizer, false, KSHIM_OK},
	{"wait for a condition", wait_condition, false, KSHIM_OK},
	{"watch", watch_once, false, KSHIM_OK},
	{"cache", cached, false, KSHIM_OK},
	{"follow a log", logs, false, KSHIM_OK},
	{"rollout undo", undo, false, KSHIM_OK},
	{"rollout history", history, false, KSHIM_OK},
	{"rollout status", rollout_status, false, KSHIM_OK},
	{"drain", drain, false, KSHIM_OK},
	{"drain, refused", drain_refused, false, KSHIM_EINVAL},
	{"proxy", proxy, false, KSHIM_OK},
	{"proxy, streamed", proxy_stream, false, KSHIM_OK},
	{"table", table, false, KSHIM_OK},
	{"dask", dask, false, KSHIM_OK},
	{"version", version, false, KSHIM_OK},
	{"request", request_traced, false, KSHIM_OK},
};

struct variety {
	const struct scenario *scenario;
	bool rest; /* all allocations behind the one fail as well */
	kshim_http http;
};

/* What went over the wire with memory enough. */
struct wire {
	char *requests[64];
	size_t count;
};

/* Times, the turn's number and how far a watch had come left out: it goes on from
 * there when memory was short for what came next. */
static char *normalized(const struct fakeapi_request *request)
{
	char *text, *at;

	assert_true(asprintf(&text, "%s %s %s", request->method, request->path, request->body) > 0);
	for (at = text; (at = strstr(at, "t0")); at += 2)
		memset(at + 2, 'N', strspn(at + 2, "0123456789"));
	for (at = text; (at = strstr(at, "timeoutSeconds=")); at++)
		memset(at + 15, 'N', strspn(at + 15, "0123456789"));
	at = strstr(text, "watch=true");
	if (at && (at = strstr(at, "resourceVersion=")))
		memset(at + 16, 'N', strspn(at + 16, "0123456789"));
	return text;
}

static bool is_known(const struct wire *wire, const char *text)
{
	size_t i;

	for (i = 0; i < wire->count; i++)
		if (strcmp(wire->requests[i], text) == 0)
			return true;
	return false;
}

/* Nothing but what is sent with memory, too. */
static void check_wire(struct wire *wire, const struct fakeapi *api, size_t from, bool learn)
{
	char *text;

	for (; from < fakeapi_request_count(api); from++) {
		text = normalized(fakeapi_request(api, from));
		if (is_known(wire, text)) {
			free(text);
		} else if (learn) {
			assert_true(wire->count < COUNT(wire->requests));
			wire->requests[wire->count++] = text;
		} else {
			fail_msg("sent: %s", text);
		}
	}
}

static void check_get(struct turn *turn)
{
	kshim_query *query = kshim_query_new(turn->client, KSHIM_POD, "ns");
	struct seen seen = {0};

	assert_non_null(query);
	assert_non_null(started(&seen, kshim_query_get_by_name(query, "a", seen_done, &seen)));
	assert_int_equal(kshim_loop_run(turn->loop), 0);
	assert_ok(&seen);
	assert_string_equal(seen.object, "a");
	kshim_query_free(query);
}

static void free_turn(struct turn *turn)
{
	if (turn->free_options)
		turn->free_options(turn->options);
	kshim_table_free(turn->table);
	kshim_object_unref(turn->object);
	kshim_query_free(turn->query);
	kshim_client_free(turn->client);
	kshim_loop_free(turn->loop);
}

static void run(struct turn *turn, const struct variety *variety, long at, bool *failed)
{
	const struct scenario *scenario = variety->scenario;
	char *text = config_text(turn->api);
	kshim_call *call = NULL;

	if (!scenario->opens)
		open_client(turn, text, variety->http);
	if (at >= 0)
		failalloc_arm(at, variety->rest);
	if (scenario->opens)
		open_client(turn, text, variety->http);
	if (turn->client)
		call = started(&turn->seen, scenario->start(turn));
	if (call)
		assert_int_equal(kshim_loop_run(turn->loop), 0);
	*failed = failalloc_disarm();
	free(text);
	if (!call) {
		assert_int_equal(turn->seen.done, 0);
		if (turn->client && !turn->gave_up)
			assert_int_equal(kshim_error_code(kshim_client_error(turn->client)), KSHIM_ENOMEM);
	} else {
		assert_int_equal(turn->seen.done, 1);
		assert_false(turn->seen.early);
	}
}

/* A success that was not disturbed, or could not be: it is a whole one. */
static void check_same(const struct turn *turn, const struct turn *reference)
{
	const struct seen *is = &turn->seen, *should_be = &reference->seen;

	assert_int_equal(is->status, should_be->status);
	assert_int_equal(is->found, should_be->found);
	assert_int_equal(is->items, should_be->items);
	assert_int_equal(is->item_count, should_be->item_count);
	assert_int_equal(is->has_object, should_be->has_object);
	assert_string_equal(is->object, should_be->object);
	assert_string_equal(is->names, should_be->names);
	assert_string_equal(is->body, should_be->body);
	assert_string_equal(is->content_type, should_be->content_type);
	assert_string_equal(is->version, should_be->version);
	assert_string_equal(is->token, should_be->token);
	assert_string_equal(is->warnings, should_be->warnings);
	assert_string_equal(is->reason, should_be->reason);
	assert_int_equal(kshim_table_row_count(turn->table), kshim_table_row_count(reference->table));
}

/* Under valgrind, where the server of each test alone takes a second to start. */
static bool is_slow(void)
{
	return slowness() > 3;
}

static void torture(void **state)
{
	const struct variety *variety = *state;
	struct fakeapi_options server = {.routes = routes, .route_count = COUNT(routes)};
	long i, stride = is_slow() ? 6 : 1, refused = 0, ended = 0, tolerated = 0;
	struct turn reference = {.name = "t0000000"};
	struct wire wire = {.count = 0};
	int fds = open_fds();
	bool failed = true;
	size_t from;

	if (!failalloc_works())
		skip();
	reference.api = fakeapi_start(&server);
	assert_non_null(reference.api);
	run(&reference, variety, -1, &failed);
	if (reference.seen.done != 1 || reference.seen.code != variety->scenario->code)
		fail_msg("with memory: %u callbacks, code %d: %s", reference.seen.done, (int)reference.seen.code,
			 reference.seen.message);
	check_get(&reference);
	check_wire(&wire, reference.api, 0, true);
	for (i = 0, failed = true; failed; i += i < 300 ? stride : stride * 3) {
		struct turn turn = {.api = reference.api};

		snprintf(turn.name, sizeof(turn.name), "t%07ld", i + 1);
		from = fakeapi_request_count(reference.api);
		if (getenv("KSHIM_TEST_SHOW"))
			print_message("%ld\n", i);
		run(&turn, variety, i, &failed);
		if (turn.seen.done && turn.seen.code != KSHIM_ENOMEM && turn.seen.code != variety->scenario->code)
			fail_msg("allocation %ld: code %d: %s", i, (int)turn.seen.code, turn.seen.message);
		if (turn.seen.done && turn.seen.code == variety->scenario->code && !turn.lost)
			check_same(&turn, &reference);
		assert_true(failed || (turn.seen.done && turn.seen.code == variety->scenario->code && !turn.lost));
		if (turn.client)
			check_get(&turn);
		check_wire(&wire, reference.api, from, false);
		refused += !turn.seen.done;
		ended += turn.seen.done && turn.seen.code == KSHIM_ENOMEM;
		tolerated += failed && turn.seen.done && turn.seen.code != KSHIM_ENOMEM;
		free_turn(&turn);
	}
	print_message("[   info   ] %ld allocations: %ld calls refused, %ld failed, %ld went well all the same\n", i, refused,
		      ended, tolerated);
	assert_true(refused && ended);
	free_turn(&reference);
	while (wire.count)
		free(wire.requests[--wire.count]);
	assert_int_equal(fakeapi_stop((struct fakeapi *)reference.api), 0);
	assert_fds(fds);
}

int main(void)
{
	static struct CMUnitTest tests[COUNT(scenarios) * 3];
	static struct variety varieties[COUNT(tests)];
	static char names[COUNT(tests)][64];
	size_t i, count = is_slow() ? COUNT(scenarios) : COUNT(tests);

	test_begin();
	speed = SPEED;
	for (i = 0; i < count; i++) {
		static const char *const how[] = {" (h1)", " (h1, all the rest)", " (h2)"};
		unsigned which = (unsigned)(i / COUNT(scenarios));

		varieties[i].scenario = &scenarios[i % COUNT(scenarios)];
		varieties[i].rest = which == 1;
		varieties[i].http = which == 2 ? KSHIM_HTTP_2 : KSHIM_HTTP_1_1;
		snprintf(names[i], sizeof(names[i]), "%s%s", varieties[i].scenario->name, how[which]);
		tests[i].name = names[i];
		tests[i].test_func = torture;
		tests[i].initial_state = &varieties[i];
	}
	return _cmocka_run_group_tests("memory", tests, count, NULL, NULL);
}
