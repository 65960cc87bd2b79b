#include "alloc.h"
#include "call.h"
#include "json/valid.h"
#include "path.h"
#include "scale_ready.h"
#include "verb.h"
#include "write.h"

#include <stdio.h>
#include <string.h>

#define SCALE_POLL_MS 1000

static const char *const not_created[] = {"/metadata/resourceVersion", "/metadata/uid", "/metadata/managedFields",
					  NULL};
static const char *const not_applied[] = {"/metadata/managedFields", NULL};

/* The object's kind: its own apiVersion and kind decide, else what it is a
 * handle of. */
static bool set_target(kshim_call *call, kshim_object *object)
{
	struct kshim__target *target = &call->target;
	const char *api_version = kshim_object_api_version(object), *kind = kshim_object_kind(object);

	if (object->kind)
		target->kind = kshim_kind_ref(object->kind);
	else
		target->kind_name = kshim__strdup(kshim__object_extra(object)->kind_name ? kshim__object_extra(object)->kind_name : kind);
	if (!kshim__object_extra(object)->kind_name && api_version) {
		target->api_version = kshim__strdup(api_version);
		if (!target->api_version)
			return false;
		/* what the server gave may have moved; what the program wrote is its word */
		target->fixed = !kshim_object_has(object, "/metadata/uid");
	}
	return target->kind || target->kind_name;
}

kshim_call *kshim__verb_on_object(kshim_object *object, const char *method, const kshim_options *options,
				  bool needs_name, kshim_done_fn *done, void *user)
{
	const char *name, *namespace_, *subresource = options->subresource;
	kshim_call *call;

	if (!object)
		return NULL;
	kshim__object_starved(object); /* of what was read before nothing is meant */
	name = kshim_object_name(object);
	namespace_ = kshim_object_namespace(object);
	if (object->starved || (needs_name && !name))
		return kshim__object_refuse(object, "an object without metadata.name");
	if (name && !kshim__path_name_ok(name))
		return kshim__object_refuse(object, "\"%.100s\" is no valid name of an object", name);
	if (namespace_ && !kshim__path_namespace_ok(namespace_))
		return kshim__client_fail(object->client, kshim__error_new(KSHIM_EINVAL,
									"\"%.100s\" is no valid name of a namespace",
									namespace_));
	call = kshim__call_new(object->client, done, user);
	if (!call)
		return NULL;
	call->request.method = method;
	call->request.accept = KSHIM__ACCEPT_JSON;
	call->object = kshim_object_ref(object);
	call->collection = !needs_name;
	call->name = kshim__strdup(name);
	call->namespace_ = kshim__strdup(namespace_);
	call->subresource = kshim__strdup(subresource);
	call->answered = kshim__call_answer_object;
	if (!set_target(call, object) || object->starved || (name && !call->name) || (namespace_ && !call->namespace_) ||
	    (subresource && !call->subresource))
		return kshim__call_drop(call, kshim__error_new(KSHIM_ENOMEM, "out of memory"));
	/* what comes back is not this object, or was never stored */
	call->keep_object = (subresource && strcmp(subresource, "status") != 0) || options->dry_run ||
			    object->client->dry_run;
	return call;
}

static const kshim_options *or_default(const kshim_options *options)
{
	return options ? options : &kshim__options_default;
}

static kshim_call *go(kshim_call *call, const kshim_options *options)
{
	kshim__call_begin(call, options->timeout_ms);
	kshim__verb_go(call);
	return call;
}

/* Gives the call its body (taken over; NULL with *error) and parameters. */
static kshim_call *write_body(kshim_call *call, char *body, size_t len, enum kshim__content content,
			      const kshim_options *options, kshim_error *error)
{
	unsigned flags = KSHIM__WRITE_FIELDS;

	if (!body)
		return kshim__call_drop(call, error ? error : kshim__error_new(KSHIM_ENOMEM, "out of memory"));
	if (content == KSHIM__CONTENT_APPLY_PATCH)
		flags |= KSHIM__WRITE_APPLY;
	call->request.body = body;
	call->request.body_len = len;
	call->request.content = content;
	/* the body is of the version that the object is of */
	call->target.fixed = kshim_object_has(call->object, "/apiVersion");
	if (!kshim__write_params(call, options, flags))
		return kshim__call_drop(call, kshim__error_new(KSHIM_ENOMEM, "out of memory"));
	return go(call, options);
}

static void exists_answered(kshim_call *call)
{
	call->result.found = !call->result.error;
	if (kshim_error_code(call->result.error) == KSHIM_ENOTFOUND) {
		kshim_error_free(call->result.error);
		call->result.error = NULL;
	}
	kshim__call_finish(call);
}

kshim_call *kshim_object_exists(kshim_object *object, const kshim_options *options, kshim_done_fn *done, void *user)
{
	kshim_call *call = kshim__verb_on_object(object, "GET", or_default(options), true, done, user);

	if (!call)
		return NULL;
	call->answered = exists_answered;
	return go(call, or_default(options));
}

kshim_call *kshim_object_reload(kshim_object *object, const kshim_options *options, kshim_done_fn *done, void *user)
{
	kshim_call *call = kshim__verb_on_object(object, "GET", or_default(options), true, done, user);

	if (!call)
		return NULL;
	call->keep_object = call->subresource && strcmp(call->subresource, "status") != 0;
	return go(call, or_default(options));
}

/* Sends the object whole, but for some members. */
static kshim_call *send_whole(kshim_object *object, const char *method, bool needs_name, const char *const *without,
			      enum kshim__content content, const kshim_options *options, kshim_done_fn *done, void *user)
{
	kshim_call *call = kshim__verb_on_object(object, method, options, needs_name, done, user);
	kshim_error *error = NULL;
	size_t len = 0;
	char *body;

	if (!call)
		return NULL;
	body = kshim__object_body(object, without, &len, &error);
	return write_body(call, body, len, content, options, error);
}

kshim_call *kshim_object_create(kshim_object *object, const kshim_options *options, kshim_done_fn *done, void *user)
{
	options = or_default(options);
	return send_whole(object, "POST", options->subresource != NULL, not_created, KSHIM__CONTENT_JSON, options, done,
			  user);
}

kshim_call *kshim_object_replace(kshim_object *object, const kshim_options *options, kshim_done_fn *done, void *user)
{
	return send_whole(object, "PUT", true, NULL, KSHIM__CONTENT_JSON, or_default(options), done, user);
}

kshim_call *kshim_object_apply(kshim_object *object, const kshim_options *options, kshim_done_fn *done, void *user)
{
	return send_whole(object, "PATCH", true, not_applied, KSHIM__CONTENT_APPLY_PATCH, or_default(options), done, user);
}

/* Nothing to send: the callback still has to come from the loop. */
static kshim_call *succeed(kshim_call *call, const kshim_options *options)
{
	kshim__call_begin(call, options->timeout_ms);
	call->result.object = kshim_object_ref(call->object);
	call->result.found = true;
	kshim__call_finish(call);
	return call;
}

kshim_call *kshim_object_update(kshim_object *object, const kshim_options *options, kshim_done_fn *done, void *user)
{
	kshim_error *error = NULL;
	kshim_call *call;
	bool unchanged;
	size_t len = 0;
	char *body;

	options = or_default(options);
	call = kshim__verb_on_object(object, "PATCH", options, true, done, user);
	if (!call)
		return NULL;
	body = kshim__object_diff(object, options->if_unchanged, &len, &unchanged, &error);
	if (unchanged && !error) {
		kshim__free(body);
		if (!kshim_object_has(object, "/metadata/uid"))
			return kshim__call_drop(call, kshim__error_new(KSHIM_EINVAL, "nothing was changed in the object, "
										     "and it was never read"));
		return succeed(call, options);
	}
	return write_body(call, body, len, KSHIM__CONTENT_MERGE_PATCH, options, error);
}

kshim_call *kshim_object_patch(kshim_object *object, kshim_patch type, const char *patch, size_t len,
			       const kshim_options *options, kshim_done_fn *done, void *user)
{
	static const enum kshim__content contents[] = {
		KSHIM__CONTENT_MERGE_PATCH,
		KSHIM__CONTENT_JSON_PATCH,
		KSHIM__CONTENT_STRATEGIC_PATCH,
	};
	char first = type == KSHIM_PATCH_JSON ? '[' : '{';
	struct kshim__span value;
	kshim_call *call;
	size_t at;

	if (!object)
		return NULL;
	if (!patch || (unsigned)type > KSHIM_PATCH_STRATEGIC || !kshim__json_valid(patch, len, &at) ||
	    !kshim__json_value(patch, len, &value) || value.at[0] != first)
		return kshim__client_fail(object->client,
					  kshim__error_new(KSHIM_EINVAL, "a patch of this type is a JSON %s",
							   first == '[' ? "array of operations" : "object"));
	options = or_default(options);
	call = kshim__verb_on_object(object, "PATCH", options, true, done, user);
	if (!call)
		return NULL;
	return write_body(call, kshim__memdup(patch, len), len, contents[type], options, NULL);
}

/* A delete is answered by the object that goes, or by a Status. */
static void delete_answered(kshim_call *call)
{
	struct kshim__span body = kshim__call_body(call), kind;

	if (!call->result.error && kshim__json_pointer(body.at, body.len, NULL, "/kind", &kind) &&
	    !kshim__json_equals(kind, "Status"))
		kshim__call_answer_object(call);
	else
		kshim__call_answer_body(call);
}

kshim_call *kshim_object_delete(kshim_object *object, const kshim_options *options, kshim_done_fn *done, void *user)
{
	kshim_call *call;

	options = or_default(options);
	call = kshim__verb_on_object(object, "DELETE", options, true, done, user);
	if (!call)
		return NULL;
	call->keep_object = true;
	call->answered = delete_answered;
	if (!kshim__write_params(call, options, 0) || !kshim__write_delete_body(call, options))
		return kshim__call_drop(call, kshim__error_new(KSHIM_ENOMEM, "out of memory"));
	return go(call, options);
}

/* scale: patch, then read until the spec says so. */

enum { SCALE_PATCH, SCALE_READ };

static void scale_read(kshim_call *call)
{
	call->phase = SCALE_READ;
	call->request.method = "GET";
	kshim__free(call->request.body);
	call->request.body = NULL;
	call->request.body_len = 0;
	call->request.content = KSHIM__CONTENT_NONE;
	kshim__free(call->subresource);
	call->subresource = NULL;
	kshim__free(call->params);
	call->params = NULL;
	kshim__verb_send(call);
}

/* Where in the object the number stands is known of built-in and of defined kinds;
 * of others the server's answer to the patch has to do. */
static const char *known_pointer(const kshim_kind *kind)
{
	const kshim_kind *row = kshim__kind_by_group_kind(kind->group, strlen(kind->group), kind->kind);

	return kind->defined ? kind->scale_pointer : row ? row->scale_pointer : NULL;
}

static void scale_answered(kshim_call *call)
{
	const char *pointer;
	int64_t now;

	if (call->result.error) {
		kshim__call_finish(call);
		return;
	}
	if (call->phase == SCALE_PATCH) {
		scale_read(call);
		return;
	}
	if (!kshim__call_take_object(call))
		return;
	pointer = known_pointer(call->target.kind);
	if (pointer && !call->dry_run &&
	    (kshim_object_get_int(call->result.object, pointer, &now) < 0 || now != call->number)) {
		kshim_object_unref(call->result.object);
		call->result.object = NULL;
		kshim__call_sleep(call, SCALE_POLL_MS, scale_read);
		return;
	}
	call->result.found = true;
	kshim__call_finish(call);
}

/* {"spec":{"worker":{"replicas":3}}} of "/spec/worker/replicas". */
static bool nest(struct kshim__buf *buf, const char *pointer, int64_t number)
{
	const char *end;
	size_t depth = 0;

	for (; *pointer == '/'; pointer = end, depth++) {
		end = strchrnul(pointer + 1, '/');
		kshim__buf_addc(buf, '{');
		kshim__buf_add_json_string(buf, pointer + 1, (size_t)(end - pointer - 1));
		kshim__buf_addc(buf, ':');
	}
	kshim__buf_addf(buf, "%lld", (long long)number);
	while (depth--)
		kshim__buf_addc(buf, '}');
	return !buf->failed;
}

static void scale_patch(kshim_call *call)
{
	const kshim_kind *kind = call->target.kind;
	bool by_subresource = kshim_kind_has_subresource(kind, "scale");
	struct kshim__buf body;

	if (!by_subresource && !kind->scale_pointer) {
		kshim__call_fail(call, kshim__error_new(KSHIM_EINVAL, "a %s cannot be scaled", kind->kind));
		return;
	}
	kshim__free(call->request.body); /* of a kind that was elsewhere */
	kshim__buf_init(&body);
	nest(&body, by_subresource ? "/spec/replicas" : kind->scale_pointer, call->number);
	call->request.body = kshim__buf_take(&body, &call->request.body_len);
	kshim__free(call->subresource);
	call->subresource = by_subresource ? kshim__strdup("scale") : NULL;
	if (!call->request.body || (by_subresource && !call->subresource)) {
		kshim__call_no_memory(call);
		return;
	}
	kshim__verb_send(call);
}

kshim_call *kshim_object_scale(kshim_object *object, int64_t replicas, const kshim_options *options,
			       kshim_done_fn *done, void *user)
{
	kshim_call *call;

	if (!object)
		return NULL;
	if (replicas < 0 || replicas > INT32_MAX)
		return kshim__client_fail(object->client, kshim__error_new(KSHIM_EINVAL, "%lld replicas cannot be",
									   (long long)replicas));
	options = or_default(options);
	if (options->wait_ready)
		return kshim__scale_and_wait(object, replicas, options, done, user);
	call = kshim__verb_on_object(object, "PATCH", options, true, done, user);
	if (!call)
		return NULL;
	call->number = replicas;
	call->answered = scale_answered;
	call->request.content = KSHIM__CONTENT_MERGE_PATCH;
	if (!kshim__write_params(call, options, KSHIM__WRITE_FIELDS))
		return kshim__call_drop(call, kshim__error_new(KSHIM_ENOMEM, "out of memory"));
	kshim__call_begin(call, options->timeout_ms);
	kshim__verb_resolve(call, scale_patch);
	return call;
}
