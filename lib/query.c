#include "alloc.h"
#include "call.h"
#include "path.h"
#include "query.h"
#include "selector.h"
#include "verb.h"
#include "write.h"

#include <stdio.h>
#include <string.h>

struct kshim_query {
	kshim_client *client; /* reference */
	const kshim_kind *kind; /* reference, or NULL: kind_name */
	char *kind_name;
	char *api_version; /* an object's own; NULL: what is served */
	bool fixed;        /* that, and no other */
	char *namespace_; /* NULL: the client's; "": all */
	struct kshim__buf labels;
	struct kshim__buf fields;
	char *resource_version;
	kshim_match match;
	char *page; /* continue token */
	bool one_page;
	unsigned limit;
	int64_t timeout_ms;
};

static void *fail(const kshim_client *client, kshim_error *error)
{
	return kshim__client_fail((kshim_client *)client, error);
}

static void *no_memory(kshim_client *client)
{
	return fail(client, kshim__error_new(KSHIM_ENOMEM, "out of memory"));
}

static kshim_query *new_query(kshim_client *client, const kshim_kind *kind, const char *kind_name,
			      const char *namespace_)
{
	kshim_query *query;

	if (!client)
		return NULL;
	if (!kind && (!kind_name || !*kind_name))
		return fail(client, kshim__error_new(KSHIM_EINVAL, "a query needs a kind"));
	if (namespace_ && *namespace_ && !kshim__path_namespace_ok(namespace_))
		return fail(client, kshim__error_new(KSHIM_EINVAL, "\"%.100s\" is no valid name of a namespace",
						     namespace_));
	query = kshim__calloc(1, sizeof(*query));
	if (!query)
		return no_memory(client);
	query->client = kshim__client_ref(client);
	query->kind = kind ? kshim_kind_ref(kind) : NULL;
	query->kind_name = kshim__strdup(kind_name);
	query->namespace_ = kshim__strdup(namespace_);
	query->timeout_ms = -1;
	if ((kind_name && !query->kind_name) || (namespace_ && !query->namespace_)) {
		kshim_query_free(query);
		return no_memory(client);
	}
	return query;
}

kshim_query *kshim_query_new(kshim_client *client, const kshim_kind *kind, const char *namespace_)
{
	return new_query(client, kind, NULL, namespace_);
}

kshim_query *kshim_query_new_named(kshim_client *client, const char *kind, const char *namespace_)
{
	return new_query(client, NULL, kind, namespace_);
}

kshim_query *kshim_query_copy(const kshim_query *query)
{
	kshim_query *copy;

	if (!query)
		return NULL;
	copy = new_query(query->client, query->kind, query->kind_name, query->namespace_);
	if (!copy)
		return NULL;
	if (query->labels.len)
		kshim__buf_add(&copy->labels, query->labels.data, query->labels.len);
	if (query->fields.len)
		kshim__buf_add(&copy->fields, query->fields.data, query->fields.len);
	copy->api_version = kshim__strdup(query->api_version);
	copy->fixed = query->fixed;
	copy->resource_version = kshim__strdup(query->resource_version);
	copy->match = query->match;
	copy->page = kshim__strdup(query->page);
	copy->one_page = query->one_page;
	copy->limit = query->limit;
	copy->timeout_ms = query->timeout_ms;
	if (copy->labels.failed || copy->fields.failed || (query->page && !copy->page) ||
	    (query->api_version && !copy->api_version) ||
	    (query->resource_version && !copy->resource_version)) {
		kshim_query_free(copy);
		return no_memory(query->client);
	}
	return copy;
}

void kshim_query_free(kshim_query *query)
{
	if (!query)
		return;
	kshim__buf_free(&query->labels);
	kshim__buf_free(&query->fields);
	kshim__free(query->resource_version);
	kshim__free(query->page);
	kshim__free(query->kind_name);
	kshim__free(query->api_version);
	kshim__free(query->namespace_);
	if (query->kind)
		kshim_kind_unref(query->kind);
	kshim__client_unref(query->client);
	kshim__free(query);
}

/* Selectors. */

static int set_selector(kshim_query *query, struct kshim__buf *selector, const char *text)
{
	kshim_error *error = NULL;
	struct kshim__buf made;

	kshim__buf_init(&made);
	if (text && !kshim__selector_check_text(text, &error)) {
		fail(query->client, error);
		return -1;
	}
	if (text && *text && !kshim__buf_adds(&made, text)) {
		no_memory(query->client);
		return -1;
	}
	kshim__buf_free(selector);
	*selector = made;
	return 0;
}

int kshim_query_set_labels(kshim_query *query, const char *selector)
{
	return query ? set_selector(query, &query->labels, selector) : -1;
}

int kshim_query_set_fields(kshim_query *query, const char *selector)
{
	return query ? set_selector(query, &query->fields, selector) : -1;
}

typedef bool add_fn(struct kshim__buf *selector, const char *key, enum kshim__op op, const char *const *values,
		    size_t count, kshim_error **error);

static int add(kshim_query *query, struct kshim__buf *selector, add_fn *add_to, const char *key, kshim_operator op,
	       const char *const *values, size_t count)
{
	kshim_error *error = NULL;

	if (!key || (count && !values) || (unsigned)op > KSHIM_OP_LESS) {
		fail(query->client, kshim__error_new(KSHIM_EINVAL, "a requirement needs a key, an operator and values"));
		return -1;
	}
	if (add_to(selector, key, (enum kshim__op)op, values, count, &error))
		return 0;
	fail(query->client, error ? error : kshim__error_new(KSHIM_ENOMEM, "out of memory"));
	return -1;
}

int kshim_query_add_label(kshim_query *query, const char *key, kshim_operator op, const char *const *values,
			  size_t count)
{
	return query ? add(query, &query->labels, kshim__selector_add_label, key, op, values, count) : -1;
}

int kshim_query_add_field(kshim_query *query, const char *key, kshim_operator op, const char *const *values,
			  size_t count)
{
	return query ? add(query, &query->fields, kshim__selector_add_field, key, op, values, count) : -1;
}

#define FILTER_VALUES 256

/* "key__op" and a value, which `in` and `notin` split at its commas. */
static int filter(kshim_query *query, struct kshim__buf *selector, add_fn *add_to, const char *key_op,
		  const char *value)
{
	const char *values[FILTER_VALUES];
	char *key = NULL, *list = NULL, *at;
	kshim_error *error = NULL;
	size_t len, count = 0;
	enum kshim__op op;
	int rc = -1;

	if (!key_op || !kshim__selector_split_key(key_op, &len, &op, &error)) {
		fail(query->client, error ? error : kshim__error_new(KSHIM_EINVAL, "a requirement needs a key"));
		return -1;
	}
	key = kshim__memdup(key_op, len);
	list = kshim__strdup(value);
	if (!key || (value && !list)) {
		no_memory(query->client);
	} else {
		for (at = list; at && count < FILTER_VALUES; count++) {
			values[count] = at;
			at = op == KSHIM__OP_IN || op == KSHIM__OP_NOT_IN ? strchr(at, ',') : NULL;
			if (at)
				*at++ = '\0';
		}
		if (op == KSHIM__OP_EXISTS || op == KSHIM__OP_NOT_EXISTS)
			count = 0;
		rc = add(query, selector, add_to, key, (kshim_operator)op, values, count);
	}
	kshim__free(key);
	kshim__free(list);
	return rc;
}

int kshim_query_filter_label(kshim_query *query, const char *key_op, const char *value)
{
	return query ? filter(query, &query->labels, kshim__selector_add_label, key_op, value) : -1;
}

int kshim_query_filter_field(kshim_query *query, const char *key_op, const char *value)
{
	return query ? filter(query, &query->fields, kshim__selector_add_field, key_op, value) : -1;
}

const char *kshim_query_labels(const kshim_query *query)
{
	return query && query->labels.len ? query->labels.data : NULL;
}

const char *kshim_query_fields(const kshim_query *query)
{
	return query && query->fields.len ? query->fields.data : NULL;
}

/* Settings. */

void kshim_query_set_limit(kshim_query *query, unsigned limit)
{
	if (query)
		query->limit = limit;
}

static int set_string(kshim_query *query, char **slot, const char *value)
{
	char *copy = kshim__strdup(value);

	if (value && !copy) {
		no_memory(query->client);
		return -1;
	}
	kshim__free(*slot);
	*slot = copy;
	return 0;
}

int kshim_query_set_page(kshim_query *query, const char *continue_token)
{
	if (!query || set_string(query, &query->page, continue_token) < 0)
		return -1;
	query->one_page = true;
	return 0;
}

int kshim_query_set_resource_version(kshim_query *query, const char *resource_version, kshim_match match)
{
	if (!query)
		return -1;
	/* the server answers 422 to these (apimachinery internalversion/validation) */
	if ((unsigned)match > KSHIM_MATCH_EXACT || (match && !resource_version) ||
	    (match == KSHIM_MATCH_EXACT && strcmp(resource_version, "0") == 0)) {
		fail(query->client, kshim__error_new(KSHIM_EINVAL, "a match needs a resourceVersion; exact, one that is "
								   "not \"0\""));
		return -1;
	}
	if (set_string(query, &query->resource_version, resource_version) < 0)
		return -1;
	query->match = match;
	return 0;
}

void kshim_query_set_timeout(kshim_query *query, int64_t ms)
{
	if (query)
		query->timeout_ms = ms < -1 ? -1 : ms;
}

/* Calls. */

/* A call about what the query means, not yet begun. */
static kshim_call *new_call(kshim_query *query, const char *name, kshim_done_fn *done, void *user)
{
	kshim_call *call;
	bool ok = true;

	if (!query)
		return NULL;
	if (name && !kshim__path_name_ok(name))
		return fail(query->client, kshim__error_new(KSHIM_EINVAL, "\"%.100s\" is no valid name of an object", name));
	call = kshim__call_new(query->client, done, user);
	if (!call)
		return NULL;
	call->request.method = "GET";
	call->request.accept = KSHIM__ACCEPT_JSON;
	call->target.kind = query->kind ? kshim_kind_ref(query->kind) : NULL;
	call->target.kind_name = kshim__strdup(query->kind_name);
	call->target.api_version = kshim__strdup(query->api_version);
	call->target.fixed = query->fixed;
	call->namespace_ = kshim__strdup(query->namespace_);
	call->name = kshim__strdup(name);
	call->collection = !name;
	call->limit = query->limit;
	call->one_page = query->one_page;
	if (call->collection && query->labels.len)
		ok = kshim__verb_param(call, "labelSelector", query->labels.data);
	if (call->collection && query->fields.len)
		ok = ok && kshim__verb_param(call, "fieldSelector", query->fields.data);
	call->selectors = kshim__strdup(call->params);
	if (!ok || (query->kind_name && !call->target.kind_name) || (query->namespace_ && !call->namespace_) ||
	    (query->api_version && !call->target.api_version) ||
	    (name && !call->name) || (call->params && !call->selectors))
		return kshim__call_drop(call, kshim__error_new(KSHIM_ENOMEM, "out of memory"));
	return call;
}

static kshim_call *go(kshim_query *query, kshim_call *call)
{
	kshim__call_begin(call, query->timeout_ms);
	kshim__verb_go(call);
	return call;
}

/* The parameters of a page. Those that follow the first carry no
 * resourceVersion: their token has it (traps.md 6). */
static bool set_page(kshim_call *call, const char *token, const kshim_query *first)
{
	static const char *const matches[] = {NULL, "NotOlderThan", "Exact"};
	char limit[16];
	bool ok = true;

	kshim__free(call->params);
	call->params = kshim__strdup(call->selectors);
	if (call->selectors && !call->params)
		return false;
	if (call->limit) {
		snprintf(limit, sizeof(limit), "%u", call->limit);
		ok = kshim__verb_param(call, "limit", limit);
	}
	if (token && *token)
		return ok && kshim__verb_param(call, "continue", token);
	if (first && first->resource_version) {
		ok = ok && kshim__verb_param(call, "resourceVersion", first->resource_version);
		if (matches[first->match])
			ok = ok && kshim__verb_param(call, "resourceVersionMatch", matches[first->match]);
	}
	return ok;
}

/* Takes the place of what was there: a string that is not empty, or NULL. false,
 * and the call failed, without memory. */
static bool take_string(kshim_call *call, char **slot, struct kshim__span json, const char *pointer)
{
	struct kshim__span value;
	bool not_string = true;

	kshim__free(*slot);
	*slot = NULL;
	if (kshim__json_pointer(json.at, json.len, NULL, pointer, &value) && value.len > 2)
		*slot = kshim__json_string(value, NULL, &not_string);
	if (*slot || not_string)
		return true;
	kshim__call_no_memory(call);
	return false;
}

/* What a list's answer says beside its items; false, and the call failed, without
 * memory. */
static bool note_head(kshim_call *call, struct kshim__span head)
{
	if (!call->result.resource_version &&
	    !take_string(call, &call->result.resource_version, head, "/metadata/resourceVersion"))
		return false;
	return take_string(call, &call->result.continue_token, head, "/metadata/continue");
}

/* true when a further page is on its way. */
static bool next_page(kshim_call *call)
{
	if (!call->result.continue_token || call->one_page)
		return false;
	kshim__items_free(call->items);
	call->items = NULL;
	call->delivered = false; /* of this page: it may be tried again */
	if (!set_page(call, call->result.continue_token, NULL)) {
		kshim__call_no_memory(call);
		return true;
	}
	call->phase++;
	kshim__verb_send(call);
	return true;
}

/* The snapshot of the first pages expired: the server offers to go on with a
 * newer state from the same key (traps.md 6). */
static bool went_stale(kshim_call *call)
{
	const kshim_error *error = call->result.error;
	struct kshim__span body;

	if (!error || error->code != KSHIM_EGONE || call->phase == 0 || !error->body)
		return false;
	body.at = error->body;
	body.len = error->body_len;
	if (!take_string(call, &call->result.continue_token, body, "/metadata/continue"))
		return true;
	if (!call->result.continue_token)
		return false;
	kshim_error_free(call->result.error);
	call->result.error = NULL;
	call->result.inconsistent = true;
	return next_page(call);
}

static void list_answered(kshim_call *call)
{
	if (call->result.error) {
		if (!went_stale(call))
			kshim__call_finish(call);
		return;
	}
	if (!note_head(call, kshim__items_head(call->items)) || next_page(call))
		return;
	call->result.found = true;
	kshim__call_finish(call);
}

static kshim_call *list(kshim_query *query, kshim_item_fn *item, bool keep, kshim_done_fn *done, void *user)
{
	kshim_call *call = new_call(query, NULL, done, user);

	if (!call)
		return NULL;
	call->item = item;
	call->keeps_items = keep;
	call->request.mode = KSHIM__MODE_ITEMS;
	call->answered = list_answered;
	if (!set_page(call, query->page, query))
		return kshim__call_drop(call, kshim__error_new(KSHIM_ENOMEM, "out of memory"));
	return go(query, call);
}

kshim_call *kshim_query_list(kshim_query *query, kshim_item_fn *item, kshim_done_fn *done, void *user)
{
	return list(query, item, false, done, user);
}

kshim_call *kshim_query_collect(kshim_query *query, kshim_done_fn *done, void *user)
{
	return list(query, NULL, true, done, user);
}

static void table_answered(kshim_call *call)
{
	struct kshim__span body = kshim__call_body(call);

	if (call->result.error) {
		if (!went_stale(call))
			kshim__call_finish(call);
		return;
	}
	if (!note_head(call, body))
		return;
	if (call->page) {
		call->page(body.at, body.len, call->user);
		if (call->state == KSHIM__CALL_FINISHED)
			return; /* cancelled in there */
	}
	if (!next_page(call))
		kshim__call_answer_body(call);
}

kshim_call *kshim_query_table(kshim_query *query, const char *name, kshim_page_fn *page, kshim_done_fn *done,
			      void *user)
{
	kshim_call *call = new_call(query, name, done, user);

	if (!call)
		return NULL;
	call->page = page;
	call->request.accept = KSHIM__ACCEPT_TABLE;
	call->answered = table_answered;
	if (!name && !set_page(call, query->page, query))
		return kshim__call_drop(call, kshim__error_new(KSHIM_ENOMEM, "out of memory"));
	return go(query, call);
}

static bool nothing_there(kshim_call *call)
{
	if (!call->none_is_fine || kshim_error_code(call->result.error) != KSHIM_ENOTFOUND)
		return false;
	kshim_error_free(call->result.error);
	call->result.error = NULL;
	kshim__call_finish(call);
	return true;
}

static void get_answered(kshim_call *call)
{
	if (!nothing_there(call))
		kshim__call_answer_object(call);
}

kshim_call *kshim_query_get_by_name(kshim_query *query, const char *name, kshim_done_fn *done, void *user)
{
	kshim_call *call;

	if (query && !name)
		return fail(query->client, kshim__error_new(KSHIM_EINVAL, "a name is needed"));
	call = new_call(query, name, done, user);
	if (!call)
		return NULL;
	call->answered = get_answered;
	return go(query, call);
}

static void only_answered(kshim_call *call)
{
	const char *plural;

	if (call->result.error) {
		kshim__call_finish(call);
		return;
	}
	plural = call->target.kind->plural;
	note_head(call, kshim__items_head(call->items));
	if (call->result.items > 1 || call->result.continue_token) {
		kshim__call_fail(call, kshim__error_new(KSHIM_EMANY, "more than one of %s matches where one was expected",
							plural));
		return;
	}
	if (!call->first) {
		call->result.error = kshim__error_new(KSHIM_ENOTFOUND, "none of %s matches", plural);
		if (!nothing_there(call))
			kshim__call_finish(call);
		return;
	}
	call->result.object = call->first;
	call->first = NULL;
	call->result.found = true;
	kshim__call_finish(call);
}

static kshim_call *get_only(kshim_query *query, bool none_is_fine, kshim_done_fn *done, void *user)
{
	kshim_call *call = new_call(query, NULL, done, user);

	if (!call)
		return NULL;
	call->request.mode = KSHIM__MODE_ITEMS;
	call->wants_first = true;
	call->none_is_fine = none_is_fine;
	call->one_page = true;
	call->limit = 2; /* enough to tell one from many */
	call->answered = only_answered;
	if (!set_page(call, NULL, query))
		return kshim__call_drop(call, kshim__error_new(KSHIM_ENOMEM, "out of memory"));
	return go(query, call);
}

kshim_call *kshim_query_get(kshim_query *query, kshim_done_fn *done, void *user)
{
	return get_only(query, false, done, user);
}

kshim_call *kshim_query_get_or_none(kshim_query *query, const char *name, kshim_done_fn *done, void *user)
{
	kshim_call *call;

	if (!name)
		return get_only(query, true, done, user);
	call = new_call(query, name, done, user);
	if (!call)
		return NULL;
	call->none_is_fine = true;
	call->answered = get_answered;
	return go(query, call);
}

kshim_call *kshim_query_delete_all(kshim_query *query, const kshim_options *options, kshim_done_fn *done, void *user)
{
	kshim_call *call = new_call(query, NULL, done, user);

	if (!call)
		return NULL;
	if (!options)
		options = &kshim__options_default;
	call->request.method = "DELETE";
	call->answered = kshim__call_answer_body;
	if (!kshim__write_params(call, options, 0) || !kshim__write_delete_body(call, options))
		return kshim__call_drop(call, kshim__error_new(KSHIM_ENOMEM, "out of memory"));
	kshim__call_begin(call, options->timeout_ms >= 0 ? options->timeout_ms : query->timeout_ms);
	kshim__verb_go(call);
	return call;
}

kshim_object *kshim_query_object(kshim_query *query, const char *name)
{
	kshim_object *object;
	const char *namespace_;

	if (!query)
		return NULL;
	if (!name || !kshim__path_name_ok(name))
		return fail(query->client, kshim__error_new(KSHIM_EINVAL, "\"%.100s\" is no valid name of an object",
							    name ? name : ""));
	namespace_ = query->namespace_ && *query->namespace_ ? query->namespace_ : NULL;
	object = kshim__object_named(query->client, query->kind, query->kind_name, namespace_, name);
	return object ? object : no_memory(query->client);
}

/* For the library itself. */

kshim_query *kshim__query_of_object(kshim_object *object)
{
	const char *name, *namespace_, *api_version, *kind;
	kshim_query *query;

	kshim__object_starved(object); /* of what was read before nothing is meant */
	name = kshim_object_name(object);
	namespace_ = kshim_object_namespace(object);
	api_version = kshim__object_extra(object)->kind_name ? NULL : kshim_object_api_version(object);
	kind = kshim__object_extra(object)->kind_name ? kshim__object_extra(object)->kind_name : kshim_object_kind(object);
	if (!name || object->starved)
		return kshim__object_refuse(object, "an object without metadata.name");
	query = new_query(object->client, object->kind, object->kind ? NULL : kind, namespace_);
	if (!query)
		return NULL;
	query->api_version = kshim__strdup(api_version);
	query->fixed = api_version && !kshim_object_has(object, "/metadata/uid");
	if (api_version && !query->api_version)
		no_memory(object->client);
	else if (kshim_query_add_field(query, "metadata.name", KSHIM_OP_EQUALS, &name, 1) == 0)
		return query;
	kshim_query_free(query);
	return NULL;
}

kshim_call *kshim__query_stream(kshim_query *query, const struct kshim__stream *stream, kshim_done_fn *done,
				void *user)
{
	kshim_call *call = new_call(query, NULL, done, user);
	char text[16];
	bool ok;

	if (!call)
		return NULL;
	snprintf(text, sizeof(text), "%u", stream->seconds);
	call->request.mode = KSHIM__MODE_STREAM;
	call->lane = stream->lane;
	call->take = stream->take;
	call->headed = stream->headed;
	call->once = true;
	/* of a streamed state API servers from 1.37 on compress each flush by itself,
	 * which libcurl takes for an error behind the first (traps.md 12) */
	call->uncompressed = true;
	call->answered = kshim__call_finish;
	ok = kshim__verb_param(call, "watch", "true") && kshim__verb_param(call, "allowWatchBookmarks", "true") &&
	     kshim__verb_param(call, "timeoutSeconds", text);
	if (stream->version)
		ok = ok && kshim__verb_param(call, "resourceVersion", stream->version);
	if (stream->state)
		ok = ok && kshim__verb_param(call, "sendInitialEvents", "true") &&
		     kshim__verb_param(call, "resourceVersionMatch", "NotOlderThan");
	if (!ok)
		return kshim__call_drop(call, kshim__error_new(KSHIM_ENOMEM, "out of memory"));
	return go(query, call);
}

kshim_call *kshim__query_state(kshim_query *query, const char *at_least, bool first_only,
			       void (*headed)(kshim_call *call), kshim_item_fn *item, kshim_done_fn *done, void *user)
{
	kshim_call *call = new_call(query, NULL, done, user);
	const kshim_query as_of = {.resource_version = (char *)at_least,
				   .match = at_least ? KSHIM_MATCH_NOT_OLDER_THAN : KSHIM_MATCH_UNSET};

	if (!call)
		return NULL;
	call->item = item;
	call->request.mode = KSHIM__MODE_ITEMS;
	call->headed = headed;
	call->once = true;
	call->answered = list_answered;
	call->one_page = first_only;
	if (first_only)
		call->limit = 1;
	if (!set_page(call, NULL, &as_of))
		return kshim__call_drop(call, kshim__error_new(KSHIM_ENOMEM, "out of memory"));
	return go(query, call);
}

const char *kshim__query_version(const kshim_query *query)
{
	return query->resource_version;
}

kshim_client *kshim__query_client(const kshim_query *query)
{
	return query->client;
}

const char *kshim__query_namespace(const kshim_query *query)
{
	if (query->kind && !query->kind->namespaced)
		return "";
	if (query->namespace_)
		return query->namespace_;
	return kshim__client_is_open(query->client) ? query->client->access->namespace_ : "";
}

static bool same_text(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

bool kshim__query_same_scope(const kshim_query *a, const kshim_query *b)
{
	if (a->kind != b->kind && !(a->kind && b->kind && same_text(a->kind->group, b->kind->group) &&
				    same_text(a->kind->plural, b->kind->plural)))
		return false;
	return same_text(a->kind_name, b->kind_name) && same_text(a->api_version, b->api_version) &&
	       same_text(kshim__query_namespace(a), kshim__query_namespace(b));
}
