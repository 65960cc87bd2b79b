#include "modelapi.h"

#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "modelstate.h"
#include "modelwatch.h"

#define MS 1000000ull
#define TICK_MS 5
#define SETTLE_MS 20000
#define TEXT_MAX 4096

struct modelapi {
	struct model model;
	struct modelshared *shared;
	struct fakeapi *api;
};

/* A request's path and parameters. */
struct asked {
	struct modelscope scope;
	bool one;			/* scope.name is in the path */
	bool watch, bookmarks;
	char version[32], match[32], labels[TEXT_MAX], token[64];
	int initial;			/* sendInitialEvents: -1 if not given */
	long limit, timeout;
	const char *wrong;		/* what is no good, or NULL */
};

static const char *const fault_names[MODELAPI_FAULTS] = {
	[MODELAPI_CUT] = "cut", [MODELAPI_TORN] = "torn line", [MODELAPI_STALL] = "stall",
	[MODELAPI_RESET] = "reset", [MODELAPI_GONE] = "410", [MODELAPI_GONE_EVENT] = "410 event",
	[MODELAPI_ERROR_EVENT] = "error event", [MODELAPI_TOO_MANY] = "429",
	[MODELAPI_TOO_MANY_BARE] = "429 without Retry-After", [MODELAPI_SERVER_ERRORS] = "500s",
	[MODELAPI_UNAVAILABLE] = "503", [MODELAPI_TOO_LARGE] = "504 too large", [MODELAPI_GOAWAY] = "goaway",
	[MODELAPI_SHORT] = "short watch", [MODELAPI_BOOKMARKS_ONLY] = "bookmarks only",
	[MODELAPI_DUPLICATE_BOOKMARKS] = "duplicate bookmarks", [MODELAPI_STALE] = "stale",
	[MODELAPI_COMPACT] = "compacted", [MODELAPI_BIG] = "big object",
};

static int hex(char c)
{
	const char *digits = "0123456789abcdef", *at = c ? strchr(digits, c | 0x20) : NULL;

	return at ? (int)(at - digits) : -1;
}

/* The next part of text up to one of `ends`, percent-decoded; what has no room is lost. */
static const char *decode(const char *text, const char *ends, char *to, size_t room)
{
	size_t n = 0;

	for (; *text && !strchr(ends, *text); text++) {
		char c = *text == '+' ? ' ' : *text;

		if (c == '%' && hex(text[1]) >= 0 && hex(text[2]) >= 0) {
			c = (char)(hex(text[1]) << 4 | hex(text[2]));
			text += 2;
		}
		if (n + 1 < room)
			to[n++] = c;
	}
	to[n] = '\0';
	return text;
}

/* metadata.name=x,metadata.namespace=y */
static void read_fields(struct asked *a, const char *value)
{
	while (*value) {
		char key[64], *to = a->scope.name;

		value = decode(value, "=,", key, sizeof(key));
		if (!strcmp(key, "metadata.namespace") && *value == '=' && !a->one)
			to = *a->scope.ns ? key : a->scope.ns;
		else if (strcmp(key, "metadata.name") != 0 || *value != '=')
			a->wrong = "field label not supported";
		value += strspn(value, "=");
		value = decode(value, ",", to, sizeof(a->scope.name));
		value += *value == ',';
	}
}

/* What has no room is no value that we know. */
static void keep(char *to, size_t room, const char *value)
{
	size_t n = strlen(value);

	memcpy(to, value, n < room ? n + 1 : room);
	to[room - 1] = '\0';
}

static bool is_true(const char *value)
{
	return !strcmp(value, "true") || !strcmp(value, "1");
}

static void read_query(struct asked *a, const char *query)
{
	char key[64], value[TEXT_MAX];

	while (*query) {
		query = decode(query, "=&", key, sizeof(key));
		query += *query == '=';
		query = decode(query, "&", value, sizeof(value));
		query += *query == '&';
		if (!strcmp(key, "watch"))
			a->watch = is_true(value);
		else if (!strcmp(key, "allowWatchBookmarks"))
			a->bookmarks = is_true(value);
		else if (!strcmp(key, "sendInitialEvents"))
			a->initial = is_true(value);
		else if (!strcmp(key, "resourceVersion"))
			keep(a->version, sizeof(a->version), value);
		else if (!strcmp(key, "resourceVersionMatch"))
			keep(a->match, sizeof(a->match), value);
		else if (!strcmp(key, "continue"))
			keep(a->token, sizeof(a->token), value);
		else if (!strcmp(key, "labelSelector"))
			keep(a->labels, sizeof(a->labels), value);
		else if (!strcmp(key, "limit"))
			a->limit = strtol(value, NULL, 10);
		else if (!strcmp(key, "timeoutSeconds"))
			a->timeout = strtol(value, NULL, 10);
		else if (!strcmp(key, "fieldSelector"))
			read_fields(a, value);
	}
}

/* Whether the path is one of ours. */
static bool read_request(struct asked *a, const char *path)
{
	static const char all[] = MODELAPI_ALL_PATH, prefix[] = "/api/v1/namespaces/";
	char plural[32];

	memset(a, 0, sizeof(*a));
	a->initial = -1;
	if (!strncmp(path, prefix, sizeof(prefix) - 1)) {
		path = decode(path + sizeof(prefix) - 1, "/?", a->scope.ns, sizeof(a->scope.ns));
		if (*path++ != '/' || !*a->scope.ns)
			return false;
		path = decode(path, "/?", plural, sizeof(plural));
		if (strcmp(plural, "configmaps") != 0)
			return false;
		if (*path == '/') {
			a->one = true;
			path = decode(path + 1, "/?", a->scope.name, sizeof(a->scope.name));
		}
	} else if (!strncmp(path, all, sizeof(all) - 1)) {
		path += sizeof(all) - 1;
	}
	if (*path && *path != '?')
		return false;
	read_query(a, *path ? path + 1 : "");
	a->scope.labels = kshim__matcher_new(a->labels, NULL);
	if (!a->scope.labels)
		a->wrong = "unable to parse the label selector";
	if (strspn(a->version, "0123456789") != strlen(a->version))
		a->wrong = "invalid resource version";
	return true;
}

static void give(struct fakeapi_answer *out, struct fakebuf *body)
{
	out->body = fakebuf_bytes(body);
	out->body_len = fakebuf_used(body);
	out->body_free = free;
}

static void refuse(struct fakeapi_answer *out, int code, const char *reason, const char *message,
		   const char *more)
{
	struct fakebuf body = { 0 };

	model_status(&body, code, reason, message, more);
	out->status = code;
	give(out, &body);
}

static void too_large(struct fakeapi_answer *out)
{
	refuse(out, 504, "Timeout", "Too large resource version",
	       ",\"details\":{\"causes\":[{\"reason\":\"ResourceVersionTooLarge\",\"message\":"
	       "\"Too large resource version\"}],\"retryAfterSeconds\":1}");
}

static void gone(struct fakeapi_answer *out)
{
	refuse(out, 410, "Expired", "The resourceVersion for the provided watch is too old.", "");
}

/* An answer that is plain text, as the filters in front of the API give it. */
static void busy(struct model *m, int code, bool retry_after, struct fakeapi_answer *out)
{
	out->status = code;
	out->type = "text/plain; charset=utf-8";
	out->body = code == 429 ? "Too many requests, please try again later.\n" : "apiserver is shutting down\n";
	if (retry_after)
		out->headers = m->retry_headers;
}

/* Faults in place of an answer. Returns whether there was one. */
static bool break_request(struct model *m, enum modelapi_fault fault, const struct asked *a,
			  struct fakeapi_answer *out)
{
	static const enum fakeapi_end silent[] = {
		FAKEAPI_HANG_UP, FAKEAPI_HANG_UP_RESET, FAKEAPI_REFUSE_STREAM, FAKEAPI_GOAWAY_REFUSE
	};

	switch (fault) {
	case MODELAPI_GONE:
		gone(out);
		break;
	case MODELAPI_TOO_LARGE:
		too_large(out);
		break;
	case MODELAPI_TOO_MANY:
	case MODELAPI_TOO_MANY_BARE:
		busy(m, 429, fault == MODELAPI_TOO_MANY, out);
		break;
	case MODELAPI_UNAVAILABLE:
		busy(m, 503, model_random(m, 2), out);
		break;
	case MODELAPI_SERVER_ERRORS:
		m->errors_until = fake_now() + (50 + model_random(m, 200)) * MS;
		refuse(out, 500, "InternalError", "something broke", "");
		break;
	case MODELAPI_RESET:
		if (a->watch || model_random(m, 2))
			return false;
		out->end = silent[model_random(m, 4)];
		break;
	case MODELAPI_GOAWAY:
		out->end = FAKEAPI_GOAWAY;
		model_injected(m, fault);
		return false;
	default:
		return false;
	}
	model_injected(m, fault);
	return true;
}

/* Cuts an answer that has its whole body. */
static void break_body(struct model *m, enum modelapi_fault fault, struct fakeapi_answer *out)
{
	static const enum fakeapi_end cuts[] = { FAKEAPI_CUT, FAKEAPI_CUT_ABRUPT };

	if ((fault != MODELAPI_CUT && fault != MODELAPI_RESET) || out->end)
		return;
	out->end = fault == MODELAPI_CUT ? cuts[model_random(m, 2)] : FAKEAPI_CUT_RESET;
	out->end_after = model_random(m, (uint32_t)out->body_len);
	model_injected(m, fault);
}

/* The version of resourceVersion=0: any that is not too old. */
static uint64_t any_version(struct model *m)
{
	uint64_t now = atomic_load(&m->shared->version), version = now;
	size_t changes = atomic_load(&m->shared->changes), back = 1 + model_random(m, 20);

	if (!model_enabled(m, MODELAPI_STALE) || model_random(m, 2) || changes < m->oldest_change + back)
		return now;
	version = m->shared->log[changes - back].object.version - 1;
	if (version < m->oldest)
		return now;
	model_injected(m, MODELAPI_STALE);
	return version;
}

static const char *check_list(const struct asked *a)
{
	if (a->wrong)
		return a->wrong;
	if (a->initial >= 0)
		return "sendInitialEvents is forbidden for list";
	if (*a->match && (!*a->version || *a->token))
		return "resourceVersionMatch is forbidden unless resourceVersion is provided";
	if (*a->match && strcmp(a->match, "Exact") != 0 && strcmp(a->match, "NotOlderThan") != 0)
		return "resourceVersionMatch: supported values: Exact, NotOlderThan";
	if (!strcmp(a->match, "Exact") && !strcmp(a->version, "0"))
		return "resourceVersionMatch Exact is forbidden for resourceVersion 0";
	if (*a->token && *a->version && strcmp(a->version, "0") != 0)
		return "resourceVersion is forbidden when continue is provided";
	return NULL;
}

/* The state and the first object of a page; false: refused. */
static bool find_page(struct model *m, const struct asked *a, uint64_t *version, size_t *first,
		      struct fakeapi_answer *out)
{
	uint64_t now = atomic_load(&m->shared->version), asked = strtoull(a->version, NULL, 10);
	struct fakebuf body = { 0 };

	*first = 0;
	*version = now;
	if (*a->token) {
		if (sscanf(a->token, "v1.%" SCNu64 ".%zu", version, first) != 2) {
			refuse(out, 400, "BadRequest", "continue key is not valid", "");
			return false;
		}
		if (*version && *version < m->oldest) {
			fakebuf_printf(&body, "{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"metadata\":{\"continue\":\"v1.0.%zu\"},"
				       "\"status\":\"Failure\",\"message\":\"The provided continue parameter is too old\","
				       "\"reason\":\"Expired\",\"code\":410}", *first);
			out->status = 410;
			give(out, &body);
			return false;
		}
		if (!*version)
			*version = now;
	} else if (asked > now) {
		too_large(out);
		return false;
	} else if (!strcmp(a->match, "Exact")) {
		*version = asked;
		if (asked < m->oldest) {
			gone(out);
			return false;
		}
	} else if (!strcmp(a->version, "0")) {
		*version = any_version(m);
	}
	return true;
}

static void list(struct model *m, const struct asked *a, struct fakeapi_answer *out)
{
	struct modelapi_object *state;
	long limit = strcmp(a->version, "0") == 0 ? 0 : a->limit, n = 0;
	struct fakebuf items = { 0 }, body = { 0 };
	uint64_t version;
	size_t i;

	if (!find_page(m, a, &version, &i, out))
		return;
	state = fake_alloc(MODEL_SLOTS * sizeof(*state));
	model_at(m, version, state);
	for (; i < m->slots && (!limit || n < limit); i++) {
		if (!modelscope_has(&a->scope, &state[i]))
			continue;
		if (n++)
			fakebuf_add(&items, ",", 1);
		model_render(&items, &state[i], false);
	}
	while (i < m->slots && !modelscope_has(&a->scope, &state[i]))
		i++;
	fakebuf_printf(&body, "{\"kind\":\"ConfigMapList\",\"apiVersion\":\"v1\",\"metadata\":{\"resourceVersion\":\"%" PRIu64 "\"",
		       version);
	if (i < m->slots)
		fakebuf_printf(&body, ",\"continue\":\"v1.%" PRIu64 ".%zu\"", version, i);
	if (!n && model_random(m, 2)) {
		fakebuf_printf(&body, "},\"items\":null}");
	} else {
		fakebuf_printf(&body, "},\"items\":[");
		fakebuf_add(&body, fakebuf_bytes(&items), fakebuf_used(&items));
		fakebuf_printf(&body, "]}\n");
	}
	fakebuf_free(&items);
	free(state);
	give(out, &body);
	if (model_random(m, 2))
		out->coding = FAKEAPI_CHUNKED;
	else if (model_random(m, 2))
		out->gzip = FAKEAPI_GZIP;
}

static const char no_watch_list[] = "sendInitialEvents is forbidden for watch unless the WatchList feature gate is enabled";

static const char *check_watch(const struct model *m, const struct asked *a)
{
	if (a->wrong)
		return a->wrong;
	if (a->initial >= 0 && atomic_load(&m->shared->old))
		return no_watch_list;
	if (a->initial >= 0 && strcmp(a->match, "NotOlderThan") != 0)
		return "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan";
	if (a->initial < 0 && *a->match)
		return "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided";
	if (*a->token)
		return "continue is forbidden for watch";
	return NULL;
}

/* Takes a->scope's selector. */
static void watch(struct model *m, struct asked *a, enum modelapi_fault fault, struct fakeapi_answer *out)
{
	uint64_t now = atomic_load(&m->shared->version), asked = strtoull(a->version, NULL, 10);
	struct modelwatch_options o = {
		.bookmarks = a->bookmarks, .timeout = a->timeout, .version = asked, .fault = fault,
	};

	if (asked > now) {
		too_large(out);
		return;
	}
	o.state = a->initial == 1 || (a->initial < 0 && !asked);
	o.end_mark = a->initial == 1 && a->bookmarks;
	if (o.state)
		o.version = *a->version && !asked ? any_version(m) : now;
	else if (!asked)
		o.version = now;
	if (o.version < m->oldest) {
		if (model_random(m, 2)) {
			gone(out);
			return;
		}
		out->body = "{\"type\":\"ERROR\",\"object\":{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"metadata\":{},"
			    "\"status\":\"Failure\",\"message\":\"too old resource version\",\"reason\":\"Expired\","
			    "\"code\":410}}\n";
		out->coding = FAKEAPI_CHUNKED;
		return;
	}
	o.scope = a->scope;
	a->scope.labels = NULL;
	modelwatch_new(m, &o, out);
}

static void get(struct model *m, const struct asked *a, struct fakeapi_answer *out)
{
	struct fakebuf body = { 0 };

	for (size_t i = 0; i < m->slots; i++) {
		if (!modelscope_has(&a->scope, &m->shared->objects[i]))
			continue;
		model_render(&body, &m->shared->objects[i], true);
		give(out, &body);
		return;
	}
	refuse(out, 404, "NotFound", "configmaps not found", "");
}

/* What may be wrong with such a request. */
static unsigned faults_of(const struct asked *a)
{
	unsigned mask = MODELAPI_BIT(MODELAPI_TOO_MANY) | MODELAPI_BIT(MODELAPI_TOO_MANY_BARE) |
			MODELAPI_BIT(MODELAPI_SERVER_ERRORS) | MODELAPI_BIT(MODELAPI_UNAVAILABLE) |
			MODELAPI_BIT(MODELAPI_GOAWAY) | MODELAPI_BIT(MODELAPI_CUT) | MODELAPI_BIT(MODELAPI_RESET);
	bool exact = *a->version && strcmp(a->version, "0") != 0;

	if (a->watch && !a->one)
		mask |= MODELAPI_BIT(MODELAPI_TORN) | MODELAPI_BIT(MODELAPI_STALL) | MODELAPI_BIT(MODELAPI_GONE_EVENT) |
			MODELAPI_BIT(MODELAPI_ERROR_EVENT) | MODELAPI_BIT(MODELAPI_SHORT);
	if (exact && !a->one)
		mask |= MODELAPI_BIT(MODELAPI_TOO_LARGE);
	if (!a->one && (a->watch ? exact : *a->token || !strcmp(a->match, "Exact")))
		mask |= MODELAPI_BIT(MODELAPI_GONE);
	return mask;
}

static void answer(void *ctx, const struct fakeapi_request *req, struct fakeapi_answer *out)
{
	struct model *m = ctx;
	enum modelapi_fault fault = MODELAPI_FAULTS;
	const char *wrong;
	struct asked a;

	if (!read_request(&a, req->path) || strcmp(req->method, "GET") != 0) {
		refuse(out, 404, "NotFound", "the server could not find the requested resource", "");
		kshim__matcher_free(a.scope.labels);
		return;
	}
	wrong = a.one ? a.wrong : a.watch ? check_watch(m, &a) : check_list(&a);
	if (model_percent(m, m->o.percent ? m->o.percent : 30))
		fault = model_draw(m, faults_of(&a));
	if (fake_now() < m->errors_until) {
		refuse(out, 500, "InternalError", "something broke", "");
	} else if (wrong) {
		refuse(out, 422, "Invalid", wrong, wrong != no_watch_list ? "" :
		       ",\"details\":{\"causes\":[{\"reason\":\"FieldValueForbidden\",\"field\":\"sendInitialEvents\"}]}");
	} else if (!break_request(m, fault, &a, out)) {
		if (a.one)
			get(m, &a, out);
		else if (a.watch)
			watch(m, &a, fault, out);
		else
			list(m, &a, out);
		if (!out->stream && out->body_free)
			break_body(m, fault, out);
	}
	kshim__matcher_free(a.scope.labels);
}

static void tick(void *ctx)
{
	struct model *m = ctx;
	bool quiet = atomic_load(&m->shared->quiet);

	if (quiet && !atomic_load(&m->shared->settled)) {
		model_settle(m, modelwatch_publish);
		modelwatch_settle(m);
	}
	atomic_store(&m->shared->settled, quiet);
	if (!quiet)
		model_tick(m, TICK_MS, modelwatch_publish);
	modelwatch_tick(m);
}

struct modelapi *modelapi_start(const struct modelapi_options *o)
{
	struct modelapi *model = fake_alloc(sizeof(*model));
	struct fakeapi_route route = { NULL, NULL, .generate = answer, .ctx = &model->model };
	struct fakeapi_options options = {
		.routes = &route, .route_count = 1, .http = o->http, .plain = o->plain,
		.max_streams = o->max_streams, .tick = tick, .tick_ctx = &model->model, .tick_ms = TICK_MS,
	};

	model->shared = mmap(NULL, sizeof(*model->shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (model->shared == MAP_FAILED) {
		perror("modelapi");
		free(model);
		return NULL;
	}
	model_init(&model->model, o, model->shared);
	model->api = fakeapi_start(&options);
	if (!model->api) {
		munmap(model->shared, sizeof(*model->shared));
		free(model);
		return NULL;
	}
	return model;
}

int modelapi_stop(struct modelapi *model)
{
	int rc;

	if (!model)
		return 0;
	rc = fakeapi_stop(model->api);
	munmap(model->shared, sizeof(*model->shared));
	free(model);
	return rc;
}

struct fakeapi *modelapi_api(const struct modelapi *model)
{
	return model->api;
}

static void set_quiet(struct modelapi *model, bool quiet)
{
	uint64_t end = fake_now() + SETTLE_MS * MS;

	atomic_store(&model->shared->quiet, quiet);
	while (atomic_load(&model->shared->settled) != quiet) {
		if (fake_now() > end) {
			fprintf(stderr, "modelapi: the server does not answer\n");
			abort();
		}
		poll(NULL, 0, 1);
	}
}

void modelapi_quiesce(struct modelapi *model)
{
	set_quiet(model, true);
}

void modelapi_resume(struct modelapi *model)
{
	set_quiet(model, false);
}

void modelapi_set_faults(struct modelapi *model, unsigned faults)
{
	atomic_store(&model->shared->faults, faults);
}

void modelapi_set_old(struct modelapi *model, bool old)
{
	atomic_store(&model->shared->old, old);
}

unsigned modelapi_injected(const struct modelapi *model, enum modelapi_fault fault)
{
	return fault < MODELAPI_FAULTS ? atomic_load(&model->shared->injected[fault]) : 0;
}

const char *modelapi_fault_name(enum modelapi_fault fault)
{
	return fault < MODELAPI_FAULTS ? fault_names[fault] : "none";
}

unsigned modelapi_watches(const struct modelapi *model)
{
	return atomic_load(&model->shared->watches);
}

size_t modelapi_change_count(const struct modelapi *model)
{
	return atomic_load(&model->shared->changes);
}

const struct modelapi_change *modelapi_change(const struct modelapi *model, size_t i)
{
	return i < atomic_load(&model->shared->changes) ? &model->shared->log[i] : NULL;
}

size_t modelapi_room(const struct modelapi *model)
{
	return model->model.slots;
}

const struct modelapi_object *modelapi_object(const struct modelapi *model, size_t i)
{
	const struct modelapi_object *object = &model->shared->objects[i];

	return i < model->model.slots && *object->uid ? object : NULL;
}

uint64_t modelapi_version(const struct modelapi *model)
{
	return atomic_load(&model->shared->version);
}
