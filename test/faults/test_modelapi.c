/* The model API server itself, seen through libcurl: what it serves is what it logs, each fault is what it says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
/* after those it needs */
#include <cmocka.h>

#include <curl/curl.h>
#include <jansson.h>

#include "fakebuf.h"
#include "modelapi.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define NS0 MODELAPI_PATH("ns-0")

static long slowness = 1;

/* One request after the other, on connections that are kept. */
struct client {
	CURL *easy;
	struct modelapi *model;
	struct fakebuf body;
	CURLcode rc;
	long status, connects;
	char retry_after[16], type[64];
};

static bool is_h2(void **state)
{
	return *state != NULL;
}

static size_t on_body(char *bytes, size_t size, size_t n, void *user)
{
	struct client *c = user;

	fakebuf_add(&c->body, bytes, n * size);
	return n * size;
}

static size_t on_head(char *bytes, size_t size, size_t n, void *user)
{
	struct client *c = user;

	n *= size;
	if (n > 14 && !strncasecmp(bytes, "Retry-After: ", 13))
		snprintf(c->retry_after, sizeof(c->retry_after), "%.*s", (int)strcspn(bytes + 13, "\r\n"), bytes + 13);
	return n;
}

static void client_start(struct client *c, void **state, const struct modelapi_options *options)
{
	struct modelapi_options o = *options;

	memset(c, 0, sizeof(*c));
	o.http = is_h2(state) ? FAKEAPI_H2 : FAKEAPI_H1;
	c->model = modelapi_start(&o);
	assert_non_null(c->model);
	c->easy = curl_easy_init();
	assert_non_null(c->easy);
}

static void client_stop(struct client *c)
{
	curl_easy_cleanup(c->easy);
	fakebuf_free(&c->body);
	assert_int_equal(modelapi_stop(c->model), 0);
}

static void ask(struct client *c, const char *path, long timeout_ms)
{
	const char *ca = fakeapi_ca_pem(modelapi_api(c->model)), *type = NULL;
	struct curl_blob blob = { (void *)ca, strlen(ca), CURL_BLOB_COPY };
	char url[1024];

	snprintf(url, sizeof(url), "%s%s", fakeapi_url(modelapi_api(c->model)), path);
	curl_easy_reset(c->easy);
	curl_easy_setopt(c->easy, CURLOPT_URL, url);
	curl_easy_setopt(c->easy, CURLOPT_CAINFO_BLOB, &blob);
	curl_easy_setopt(c->easy, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(c->easy, CURLOPT_WRITEDATA, c);
	curl_easy_setopt(c->easy, CURLOPT_HEADERFUNCTION, on_head);
	curl_easy_setopt(c->easy, CURLOPT_HEADERDATA, c);
	curl_easy_setopt(c->easy, CURLOPT_TIMEOUT_MS, timeout_ms * slowness);
	curl_easy_setopt(c->easy, CURLOPT_NOPROXY, "*");
	curl_easy_setopt(c->easy, CURLOPT_ACCEPT_ENCODING, strstr(path, "watch") ? NULL : "gzip");
	fakebuf_free(&c->body);
	c->body = (struct fakebuf){ 0 };
	c->retry_after[0] = c->type[0] = '\0';
	c->rc = curl_easy_perform(c->easy);
	fakebuf_add(&c->body, "", 1);
	c->body.len--;
	curl_easy_getinfo(c->easy, CURLINFO_RESPONSE_CODE, &c->status);
	curl_easy_getinfo(c->easy, CURLINFO_NUM_CONNECTS, &c->connects);
	curl_easy_getinfo(c->easy, CURLINFO_CONTENT_TYPE, &type);
	if (type)
		snprintf(c->type, sizeof(c->type), "%s", type);
}

static json_t *ask_json(struct client *c, const char *path, long status)
{
	json_t *tree;

	ask(c, path, 20000);
	if (c->rc || c->status != status)
		fail_msg("%s: %s, status %ld: %s", path, curl_easy_strerror(c->rc), c->status, fakebuf_bytes(&c->body));
	tree = json_loads(fakebuf_bytes(&c->body), 0, NULL);
	assert_non_null(tree);
	return tree;
}

static const char *text_at(json_t *tree, const char *a, const char *b)
{
	const char *text = json_string_value(json_object_get(json_object_get(tree, a), b));

	return text ? text : "";
}

static uint64_t version_of(json_t *object)
{
	return strtoull(text_at(object, "metadata", "resourceVersion"), NULL, 10);
}

/* The object is what the log or the truth says. */
static void assert_object(json_t *is, const struct modelapi_object *o)
{
	json_t *labels = json_loads(o->labels, 0, NULL), *has = json_object_get(json_object_get(is, "metadata"), "labels");

	assert_string_equal(text_at(is, "metadata", "namespace"), o->ns);
	assert_string_equal(text_at(is, "metadata", "name"), o->name);
	assert_string_equal(text_at(is, "metadata", "uid"), o->uid);
	assert_int_equal(version_of(is), o->version);
	assert_int_equal(atoi(text_at(is, "data", "revision")), o->revision);
	assert_int_equal(strlen(text_at(is, "data", "padding")), o->padding);
	assert_true(json_object_size(labels) ? json_equal(has, labels) : !has);
	json_decref(labels);
}

/* The next line of a watch's answer, NULL at the end or where the last one has no '\n'. */
static json_t *next_event(const char **at)
{
	const char *end = strchr(*at, '\n');
	json_t *event;

	if (!end)
		return NULL;
	event = json_loadb(*at, (size_t)(end - *at), 0, NULL);
	if (!event)
		fail_msg("no event: %.*s", (int)(end - *at), *at);
	*at = end + 1;
	return event;
}

static const char *type_of(json_t *event)
{
	return json_string_value(json_object_get(event, "type"));
}

/* The truth that is served. */
static void assert_truth(struct client *c)
{
	json_t *list = ask_json(c, MODELAPI_ALL_PATH, 200), *items = json_object_get(list, "items");
	size_t n = 0;

	assert_int_equal(version_of(list), modelapi_version(c->model));
	for (size_t i = 0; i < modelapi_room(c->model); i++)
		if (modelapi_object(c->model, i))
			assert_object(json_array_get(items, n++), modelapi_object(c->model, i));
	assert_int_equal(n, json_array_size(items));
	assert_true(n > 3);
	json_decref(list);
}

static void test_quiet(void **state)
{
	struct client c;
	size_t changes;

	client_start(&c, state, &(struct modelapi_options){ .seed = 1 });
	while (modelapi_change_count(c.model) < 200)
		usleep(1000);
	modelapi_quiesce(c.model);
	changes = modelapi_change_count(c.model);
	assert_truth(&c);
	usleep(50000);
	assert_int_equal(modelapi_change_count(c.model), changes);
	for (size_t i = 1; i < changes; i++)
		assert_true(modelapi_change(c.model, i)->object.version > modelapi_change(c.model, i - 1)->object.version);
	assert_null(modelapi_change(c.model, changes));
	modelapi_resume(c.model);
	while (modelapi_change_count(c.model) < changes + 20)
		usleep(1000);
	client_stop(&c);
}

static void test_get_and_list(void **state)
{
	static const struct {
		const char *path;
		long status;
	} wrong[] = {
		{ "/api/v1/pods", 404 },
		{ NS0 "/none", 404 },
		{ NS0 "?labelSelector=a%20b", 422 },
		{ NS0 "?fieldSelector=spec.x%3D1", 422 },
		{ NS0 "?resourceVersion=x", 422 },
		{ NS0 "?resourceVersionMatch=Exact", 422 },
		{ NS0 "?resourceVersion=0&resourceVersionMatch=Exact", 422 },
		{ NS0 "?resourceVersion=1&resourceVersionMatch=Any", 422 },
		{ NS0 "?resourceVersion=1&resourceVersionMatch=Exact", 410 },
		{ NS0 "?resourceVersion=99999999999", 504 },
		{ NS0 "?continue=x", 400 },
		{ NS0 "?continue=v1.1.5", 410 },
		{ NS0 "?watch=1&resourceVersionMatch=NotOlderThan", 422 },
		{ NS0 "?watch=1&sendInitialEvents=true", 422 },
		{ NS0 "?watch=1&resourceVersion=99999999999", 504 },
	};
	struct client c;
	char path[256];
	json_t *tree;

	client_start(&c, state, &(struct modelapi_options){ .seed = 2 });
	modelapi_quiesce(c.model);
	for (size_t i = 0; i < COUNT(wrong); i++) {
		tree = ask_json(&c, wrong[i].path, wrong[i].status);
		assert_int_equal(json_integer_value(json_object_get(tree, "code")), wrong[i].status);
		if (strstr(wrong[i].path, "v1.1.5"))
			assert_string_equal(text_at(tree, "metadata", "continue"), "v1.0.5");
		json_decref(tree);
	}
	for (size_t i = 0; i < modelapi_room(c.model); i++) {
		const struct modelapi_object *o = modelapi_object(c.model, i);

		if (!o)
			continue;
		snprintf(path, sizeof(path), "/api/v1/namespaces/%s/configmaps/%s", o->ns, o->name);
		tree = ask_json(&c, path, 200);
		assert_object(tree, o);
		json_decref(tree);
	}
	tree = ask_json(&c, MODELAPI_ALL_PATH "?labelSelector=app+in+%28a%2Cb%29", 200);
	for (size_t i = 0; i < json_array_size(json_object_get(tree, "items")); i++) {
		json_t *labels = json_object_get(json_object_get(json_array_get(json_object_get(tree, "items"), i),
								 "metadata"), "labels");
		const char *app = json_string_value(json_object_get(labels, "app"));

		assert_true(app && (!strcmp(app, "a") || !strcmp(app, "b")));
	}
	assert_true(json_array_size(json_object_get(tree, "items")) > 1);
	json_decref(tree);
	client_stop(&c);
}

/* All pages of a list are of one state, while it changes. */
static void test_pages(void **state)
{
	char path[256] = NS0 "?limit=2";
	struct client c;
	uint64_t version = 0;
	size_t n = 0, change = 0, pages = 0;
	struct modelapi_object seen[100], now;
	bool there;

	client_start(&c, state, &(struct modelapi_options){ .seed = 3, .history = 10000 });
	do {
		json_t *list = ask_json(&c, path, 200), *item;
		size_t i;

		assert_true(!version || version_of(list) == version);
		version = version_of(list);
		json_array_foreach(json_object_get(list, "items"), i, item) {
			snprintf(seen[n].name, sizeof(seen[n].name), "%s", text_at(item, "metadata", "name"));
			seen[n++].version = version_of(item);
		}
		snprintf(path, sizeof(path), NS0 "?limit=2&continue=%s", text_at(list, "metadata", "continue"));
		json_decref(list);
		usleep(20000);
		pages++;
	} while (!strstr(path, "continue=") || path[strlen(path) - 1] != '=');
	assert_true(pages > 2);
	assert_true(modelapi_version(c.model) > version);
	for (size_t slot = 0; slot < modelapi_room(c.model) / MODELAPI_NAMESPACES; slot++) {
		const struct modelapi_change *last;

		there = false;
		for (change = 0; (last = modelapi_change(c.model, change)) && last->object.version <= version; change++) {
			if (last->slot != slot)
				continue;
			there = last->type != MODELAPI_DELETED;
			now = last->object;
		}
		if (!there)
			continue;
		assert_true(n > 0);
		assert_string_equal(seen[0].name, now.name);
		assert_int_equal(seen[0].version, now.version);
		memmove(seen, seen + 1, --n * sizeof(seen[0]));
	}
	assert_int_equal(n, 0);
	client_stop(&c);
}

static bool selected(const struct modelapi_object *o)
{
	return *o->uid && !strcmp(o->ns, "ns-0") && strstr(o->labels, "\"app\":\"a\"");
}

/* From a version on a watch is told the log, as its selector sees it. */
static void test_watch(void **state)
{
	struct client c;
	char path[256];
	const struct modelapi_change *change;
	json_t *tree, *event;
	const char *at;
	uint64_t version, until = 0;
	unsigned events = 0, bookmarks = 0;

	client_start(&c, state, &(struct modelapi_options){ .seed = 4, .second_ms = 100, .change_ms = 1, .objects = 4 });
	tree = ask_json(&c, NS0 "?labelSelector=app%3Da", 200);
	version = version_of(tree);
	json_decref(tree);
	snprintf(path, sizeof(path), NS0 "?watch=true&labelSelector=app%%3Da&timeoutSeconds=6&allowWatchBookmarks=true&"
		 "resourceVersion=%llu", (unsigned long long)version);
	ask(&c, path, 20000);
	assert_int_equal(c.rc, 0);
	assert_int_equal(c.status, 200);
	modelapi_quiesce(c.model);
	at = fakebuf_bytes(&c.body);
	event = next_event(&at);
	for (size_t i = 0; (change = modelapi_change(c.model, i)); i++) {
		bool was = selected(&change->before);
		bool is = change->type != MODELAPI_DELETED && selected(&change->object);
		struct modelapi_object last = change->before;

		if (change->object.version <= version || (!was && !is))
			continue;
		while (event && !strcmp(type_of(event), "BOOKMARK")) {
			until = version_of(json_object_get(event, "object"));
			bookmarks++;
			json_decref(event);
			event = next_event(&at);
		}
		if (!event)
			break;
		last.version = change->object.version;
		assert_true(change->object.version > until);
		assert_string_equal(type_of(event), !is ? "DELETED" : was ? "MODIFIED" : "ADDED");
		assert_object(json_object_get(event, "object"), is ? &change->object : &last);
		json_decref(event);
		event = next_event(&at);
		events++;
	}
	while (event && !strcmp(type_of(event), "BOOKMARK")) {
		json_decref(event);
		event = next_event(&at);
	}
	assert_null(event);
	assert_int_equal(*at, '\0');
	assert_true(events > 5);
	assert_true(bookmarks > 0);
	client_stop(&c);
}

/* The state first, in three ways, each once, and its mark where it was asked for. */
static void test_state_first(void **state)
{
	static const char *const ways[] = {
		"", "&resourceVersion=0",
		"&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true",
	};
	struct client c;
	char path[256];

	client_start(&c, state, &(struct modelapi_options){ .seed = 5, .second_ms = 100, .objects = 30 });
	modelapi_quiesce(c.model);
	for (size_t i = 0; i < COUNT(ways); i++) {
		bool seen[MODELAPI_NAMESPACES * 100] = { false }, sorted = true, marked = false;
		uint64_t last = 0;
		size_t there = 0, n = 0;
		const char *at;
		json_t *event, *mark;

		snprintf(path, sizeof(path), MODELAPI_ALL_PATH "?watch=1&timeoutSeconds=1%s", ways[i]);
		ask(&c, path, 20000);
		assert_int_equal(c.rc, 0);
		at = fakebuf_bytes(&c.body);
		while ((event = next_event(&at))) {
			json_t *object = json_object_get(event, "object");

			if (!strcmp(type_of(event), "BOOKMARK")) {
				mark = json_object_get(json_object_get(object, "metadata"), "annotations");
				marked = marked || !strcmp(json_string_value(json_object_get(mark, "k8s.io/initial-events-end")),
							   "true");
				assert_int_equal(version_of(object), modelapi_version(c.model));
			} else {
				assert_string_equal(type_of(event), "ADDED");
				assert_false(marked);
				for (size_t j = 0; j < modelapi_room(c.model); j++) {
					const struct modelapi_object *o = modelapi_object(c.model, j);

					if (!o || strcmp(o->uid, text_at(object, "metadata", "uid")) != 0)
						continue;
					assert_false(seen[j]);
					seen[j] = true;
					assert_object(object, o);
				}
				sorted = sorted && version_of(object) > last;
				last = version_of(object);
				n++;
			}
			json_decref(event);
			if (marked)
				break;
		}
		for (size_t j = 0; j < modelapi_room(c.model); j++)
			there += modelapi_object(c.model, j) != NULL;
		assert_int_equal(n, there);
		assert_false(sorted);
		assert_int_equal(marked, i == 2);
	}
	modelapi_set_old(c.model, true);
	json_decref(ask_json(&c, MODELAPI_ALL_PATH "?watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan", 422));
	client_stop(&c);
}

/* What is older than the history is gone, in both forms. */
static void test_too_old(void **state)
{
	bool as_status = false, as_event = false;
	struct client c;
	char path[256];

	client_start(&c, state, &(struct modelapi_options){ .seed = 6, .history = 20 });
	while (modelapi_change_count(c.model) < 60)
		usleep(1000);
	snprintf(path, sizeof(path), NS0 "?watch=1&timeoutSeconds=1&resourceVersion=%llu",
		 (unsigned long long)modelapi_change(c.model, 5)->object.version);
	for (int i = 0; i < 100 && !(as_status && as_event); i++) {
		json_t *tree;

		ask(&c, path, 20000);
		assert_int_equal(c.rc, 0);
		tree = json_loads(fakebuf_bytes(&c.body), 0, NULL);
		assert_non_null(tree);
		if (c.status == 200) {
			assert_string_equal(type_of(tree), "ERROR");
			assert_int_equal(json_integer_value(json_object_get(json_object_get(tree, "object"), "code")), 410);
			as_event = true;
		} else {
			assert_int_equal(c.status, 410);
			as_status = true;
		}
		json_decref(tree);
	}
	assert_true(as_status && as_event);
	client_stop(&c);
}

/* A client that does what a client has to, without haste: list, watch, resume, list again. */
struct follower {
	uint64_t version;		/* 0: list first */
	struct modelapi_object state[MODELAPI_NAMESPACES * 100];
	/* What it met. */
	unsigned torn, broken, timeouts, short_watches, reconnects, errors, gone_events, busy, bare, http[600];
	unsigned duplicates;
	size_t biggest;
	uint64_t last_bookmark;
};

static size_t slot_of(const struct modelapi *model, json_t *object)
{
	size_t each = modelapi_room(model) / MODELAPI_NAMESPACES;

	return (size_t)atoi(text_at(object, "metadata", "namespace") + 3) * each +
	       (size_t)atoi(text_at(object, "metadata", "name") + 5);
}

static void take(struct client *c, struct follower *f, json_t *object, bool deleted)
{
	struct modelapi_object *o = &f->state[slot_of(c->model, object)];
	size_t padding = strlen(text_at(object, "data", "padding"));

	if (!*text_at(object, "metadata", "uid"))
		fail_msg("an object without a uid");
	snprintf(o->uid, sizeof(o->uid), "%s", deleted ? "" : text_at(object, "metadata", "uid"));
	o->version = version_of(object);
	o->revision = (unsigned)atoi(text_at(object, "data", "revision"));
	if (padding > f->biggest)
		f->biggest = padding;
}

static void follow_event(struct client *c, struct follower *f, json_t *event)
{
	json_t *object = json_object_get(event, "object");
	const char *type = type_of(event);

	if (!strcmp(type, "ERROR")) {
		json_int_t code = json_integer_value(json_object_get(object, "code"));

		if (code == 410) {
			f->gone_events++;
			f->version = 0;
		} else {
			f->errors++;
		}
		return;
	}
	if (!strcmp(type, "BOOKMARK")) {
		f->duplicates += version_of(object) == f->last_bookmark;
		f->last_bookmark = version_of(object);
	} else {
		/* no event twice, none out of order */
		assert_true(version_of(object) > f->version);
		take(c, f, object, !strcmp(type, "DELETED"));
	}
	assert_true(version_of(object) >= f->version);
	f->version = version_of(object);
}

/* Whether there is an answer to read. */
static bool follow_status(struct client *c, struct follower *f, bool watch)
{
	f->reconnects += c->connects > 0;
	f->http[c->status < 600 ? c->status : 0]++;
	if (c->rc == CURLE_OPERATION_TIMEDOUT) {
		f->timeouts++;
		/* libcurl would send the next request into the same dead connection */
		curl_easy_cleanup(c->easy);
		c->easy = curl_easy_init();
		assert_non_null(c->easy);
	} else if (c->rc) {
		f->broken++;
	}
	if (c->status >= 400)
		usleep(10000);
	if (c->status == 429 && *c->retry_after)
		f->busy++;
	if (c->status == 429 && !*c->retry_after)
		f->bare++;
	if (c->status == 410 || c->status == 504)
		f->version = 0;
	return c->status == 200 && (watch || !c->rc);
}

static void follow(struct client *c, struct follower *f)
{
	const char *at;
	json_t *tree, *item;
	char path[256];
	size_t i;

	if (!f->version) {
		ask(c, MODELAPI_ALL_PATH "?resourceVersion=0", 20000);
		if (!follow_status(c, f, false))
			return;
		tree = json_loads(fakebuf_bytes(&c->body), 0, NULL);
		assert_non_null(tree);
		memset(f->state, 0, sizeof(f->state));
		json_array_foreach(json_object_get(tree, "items"), i, item)
			take(c, f, item, false);
		f->version = version_of(tree);
		json_decref(tree);
		return;
	}
	snprintf(path, sizeof(path), MODELAPI_ALL_PATH "?watch=1&allowWatchBookmarks=1&timeoutSeconds=10&resourceVersion=%llu",
		 (unsigned long long)f->version);
	ask(c, path, 400);
	if (!follow_status(c, f, true))
		return;
	at = fakebuf_bytes(&c->body);
	f->short_watches += !*at && !c->rc;
	while ((tree = next_event(&at))) {
		follow_event(c, f, tree);
		json_decref(tree);
	}
	f->torn += *at && !c->rc;
}

static void assert_followed(struct client *c, struct follower *f)
{
	modelapi_quiesce(c->model);
	for (int i = 0; i < 50 && f->version < modelapi_version(c->model); i++)
		follow(c, f);
	assert_int_equal(f->version, modelapi_version(c->model));
	for (size_t i = 0; i < modelapi_room(c->model); i++) {
		const struct modelapi_object *o = modelapi_object(c->model, i);

		assert_string_equal(f->state[i].uid, o ? o->uid : "");
		if (!o)
			continue;
		assert_int_equal(f->state[i].version, o->version);
		assert_int_equal(f->state[i].revision, o->revision);
	}
}

/* Whether the follower has met what this fault is. */
static bool met(const struct client *c, const struct follower *f, enum modelapi_fault fault)
{
	switch (fault) {
	case MODELAPI_CUT:
	case MODELAPI_RESET:
		return f->broken > 1;
	case MODELAPI_TORN:
		return f->torn > 1;
	case MODELAPI_STALL:
		return f->timeouts > 1;
	case MODELAPI_GONE:
		return f->http[410] > 1;
	case MODELAPI_GONE_EVENT:
		return f->gone_events > 1;
	case MODELAPI_ERROR_EVENT:
		return f->errors > 1;
	case MODELAPI_TOO_MANY:
		return f->busy > 1;
	case MODELAPI_TOO_MANY_BARE:
		return f->bare > 1;
	case MODELAPI_SERVER_ERRORS:
		return f->http[500] > 1;
	case MODELAPI_UNAVAILABLE:
		return f->http[503] > 1;
	case MODELAPI_TOO_LARGE:
		return f->http[504] > 1;
	case MODELAPI_GOAWAY:
		return f->reconnects > 2;
	case MODELAPI_SHORT:
		return f->short_watches > 1;
	case MODELAPI_DUPLICATE_BOOKMARKS:
		return f->duplicates > 1;
	case MODELAPI_BIG:
		return f->biggest > 16000000;
	default:
		return modelapi_injected(c->model, fault) > 0;
	}
}

static void test_each_fault(void **state)
{
	for (enum modelapi_fault fault = 0; fault < MODELAPI_FAULTS; fault++) {
		struct follower *f = fake_alloc(sizeof(*f));
		struct client c;
		int turns;

		client_start(&c, state, &(struct modelapi_options){
			.seed = 7 + fault, .faults = MODELAPI_BIT(fault), .percent = 60, .second_ms = 15 });
		for (turns = 0; turns < 400 && !met(&c, f, fault); turns++) {
			/* what may be stale is a list */
			if (fault == MODELAPI_STALE)
				f->version = 0;
			follow(&c, f);
		}
		if (!met(&c, f, fault))
			fail_msg("not met: %s, injected %u times", modelapi_fault_name(fault),
				 modelapi_injected(c.model, fault));
		for (enum modelapi_fault other = 0; other < MODELAPI_FAULTS; other++)
			assert_int_equal(modelapi_injected(c.model, other) > 0, other == fault);
		assert_followed(&c, f);
		client_stop(&c);
		free(f);
	}
}

static void test_all_faults(void **state)
{
	for (uint64_t seed = 100; seed < 102; seed++) {
		struct follower *f = fake_alloc(sizeof(*f));
		unsigned kinds = 0;
		struct client c;

		client_start(&c, state, &(struct modelapi_options){
			.seed = seed, .faults = MODELAPI_ALL, .percent = 50, .second_ms = 10, .stall_ms = 20 });
		for (int turns = 0; turns < 40; turns++)
			follow(&c, f);
		for (enum modelapi_fault fault = 0; fault < MODELAPI_FAULTS; fault++)
			kinds += modelapi_injected(c.model, fault) > 0;
		assert_true(kinds > 5);
		assert_followed(&c, f);
		client_stop(&c);
		free(f);
	}
}

#define BOTH(test) \
	{ #test " h1", test, NULL, NULL, NULL }, { #test " h2", test, NULL, NULL, (void *)2 }

int main(void)
{
	const struct CMUnitTest tests[] = {
		BOTH(test_quiet),
		BOTH(test_get_and_list),
		BOTH(test_pages),
		BOTH(test_watch),
		BOTH(test_state_first),
		BOTH(test_too_old),
		BOTH(test_each_fault),
		BOTH(test_all_faults),
	};
	int rc;

	curl_global_init(CURL_GLOBAL_DEFAULT);
	if (getenv("LD_PRELOAD") && strstr(getenv("LD_PRELOAD"), "vgpreload"))
		slowness = 8;
	if (getenv("KSHIM_TEST"))
		cmocka_set_test_filter(getenv("KSHIM_TEST"));
	alarm(300);
	rc = cmocka_run_group_tests_name("faults/modelapi", tests, NULL, NULL);
	curl_global_cleanup();
	return rc;
}
