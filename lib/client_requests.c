#include "alloc.h"
#include "call.h"
#include "discovery.h"
#include "http_text.h"
#include "options.h"
#include "warnings.h"

#include <kubeshim/version.h>

#include <string.h>

const char *kshim_version(void)
{
	return KSHIM_VERSION;
}

kshim_call *kshim_client_version(kshim_client *client, kshim_done_fn *done, void *user)
{
	kshim_call *call = client ? kshim__call_new(client, done, user) : NULL;

	if (!call)
		return NULL;
	call->request.method = "GET";
	call->request.path = kshim__strdup("/version");
	call->answered = kshim__call_answer_object;
	if (!call->request.path)
		return kshim__call_drop(call, kshim__error_new(KSHIM_ENOMEM, "out of memory"));
	kshim__call_begin(call, -1);
	kshim__call_send(call);
	return call;
}

static bool path_ok(const char *path)
{
	if (*path != '/')
		return false;
	for (; *path; path++)
		if ((unsigned char)*path <= ' ' || (unsigned char)*path >= 0x7f || *path == '#')
			return false;
	return true;
}

kshim_call *kshim_client_request(kshim_client *client, const char *method, const char *path, const char *content_type,
				 const char *body, size_t len, const kshim_options *options, kshim_done_fn *done,
				 void *user)
{
	kshim_call *call;

	if (!client)
		return NULL;
	if (body && method && strcmp(method, "HEAD") == 0)
		return kshim__client_fail(client, kshim__error_new(KSHIM_EINVAL, "a HEAD has no body"));
	if (!method || !kshim__http_method_ok(method) || !path || !path_ok(path) || (content_type && !kshim__http_value_ok(content_type)))
		return kshim__client_fail(client, kshim__error_new(KSHIM_EINVAL, "%.20s %.200s: no valid method, path or "
								   "content type", method ? method : "(none)",
								   path ? path : "(none)"));
	call = kshim__call_new(client, done, user);
	if (!call)
		return NULL;
	if (!options)
		options = &kshim__options_default;
	call->request.method = call->request.custom_method = kshim__strdup(method);
	call->request.path = kshim__malloc(strlen(path) + sizeof("?dryRun=All"));
	call->request.custom = true;
	if (body) {
		call->request.custom_content = kshim__strdup(content_type ? content_type : "application/json");
		call->request.body = kshim__memdup(body, len);
		call->request.body_len = len;
	}
	call->answered = kshim__call_answer_body;
	if (!call->request.method || !call->request.path ||
	    (body && (!call->request.body || !call->request.custom_content)))
		return kshim__call_drop(call, kshim__error_new(KSHIM_ENOMEM, "out of memory"));
	strcpy(call->request.path, path);
	if (!kshim__http_method_reads(method) && (options->dry_run || client->dry_run))
		strcat(strcat(call->request.path, strchr(path, '?') ? "&" : "?"), "dryRun=All");
	kshim__call_begin(call, options->timeout_ms);
	kshim__call_send(call);
	return call;
}

/* Kinds. Both wait for discovery from the loop, never inside the call. */

static const struct kshim__kinds *served(kshim_call *call)
{
	kshim_error *error = NULL;
	const struct kshim__kinds *kinds = kshim__discovery_kinds(call->client, &error);

	if (!kinds)
		kshim__call_fail(call, error);
	return kinds;
}

static void find_discovered(kshim_call *call)
{
	const struct kshim__kinds *added = kshim__discovery_added(call->client), *kinds;
	const kshim_kind *kind = added ? kshim__kinds_find(added, call->target.kind_name) : NULL;

	if (!kind) {
		kinds = served(call);
		if (!kinds)
			return;
		kind = kshim__kinds_find(kinds, call->target.kind_name);
	}
	if (!kind && kshim__discovery_is_older(call)) {
		kshim__discovery_need_newer(call, find_discovered);
		return;
	}
	if (!kind) {
		kshim__call_fail(call, kshim__error_new(KSHIM_ENOKIND, "the server doesn't have a resource type \"%s\"",
							call->target.kind_name));
		return;
	}
	call->result.kind = kshim_kind_ref(kind);
	call->result.found = true;
	kshim__call_finish(call);
}

static void list_discovered(kshim_call *call)
{
	const struct kshim__kinds *kinds = served(call);
	const kshim_kind **copy;
	size_t i, count;

	if (!kinds)
		return;
	/* what a callback starts may forget the kinds that are walked over */
	count = call->each_kind ? kinds->count : 0;
	copy = kshim__malloc((count + 1) * sizeof(*copy));
	if (!copy || (kinds->missing && !kshim__call_add_warning(call, kinds->missing))) {
		kshim__free(copy);
		kshim__call_no_memory(call);
		return;
	}
	for (i = 0; i < count; i++)
		copy[i] = kshim_kind_ref(kinds->kinds[i]);
	for (i = 0; i < count; i++) {
		if (call->state == KSHIM__CALL_WAITING)
			call->each_kind(copy[i], call->user);
		kshim_kind_unref(copy[i]);
	}
	kshim__free(copy);
	if (call->state != KSHIM__CALL_WAITING)
		return;
	call->result.found = true;
	kshim__call_finish(call);
}

static void find_waits(kshim_call *call)
{
	kshim__discovery_need(call, find_discovered);
}

static void list_waits(kshim_call *call)
{
	kshim__discovery_need(call, list_discovered);
}

kshim_call *kshim_client_find_kind(kshim_client *client, const char *name, kshim_done_fn *done, void *user)
{
	kshim_call *call;

	if (!client)
		return NULL;
	if (!name || !*name)
		return kshim__client_fail(client, kshim__error_new(KSHIM_EINVAL, "a kind's name is needed"));
	call = kshim__call_new(client, done, user);
	if (!call)
		return NULL;
	call->target.kind_name = kshim__strdup(name);
	if (!call->target.kind_name)
		return kshim__call_drop(call, kshim__error_new(KSHIM_ENOMEM, "out of memory"));
	kshim__discovery_asked(call);
	kshim__call_begin(call, -1);
	kshim__call_sleep(call, 0, find_waits);
	return call;
}

kshim_call *kshim_client_list_kinds(kshim_client *client, kshim_kind_fn *each, kshim_done_fn *done, void *user)
{
	kshim_call *call = client ? kshim__call_new(client, done, user) : NULL;

	if (!call)
		return NULL;
	call->each_kind = each;
	kshim__call_begin(call, -1);
	kshim__call_sleep(call, 0, list_waits);
	return call;
}
