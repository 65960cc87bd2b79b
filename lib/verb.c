#include "verb.h"

#include "alloc.h"
#include "discovery.h"
#include "path.h"

#include <string.h>

static void set_kind(struct kshim__target *target, const kshim_kind *kind)
{
	target->kind = kshim_kind_ref(kind);
}

/* What the kind is called in a message. */
static const char *name_of(const struct kshim__target *target)
{
	return target->kind_name ? target->kind_name : target->kind->kind;
}

static const kshim_kind *look_up(const struct kshim__kinds *kinds, const struct kshim__target *target)
{
	const char *version;
	size_t group_len;

	if (!kinds)
		return NULL;
	if (!target->api_version)
		return kshim__kinds_find(kinds, target->kind_name);
	kshim__split_api_version(target->api_version, &group_len, &version);
	return kshim__kinds_by_group_kind(kinds, target->api_version, group_len, target->kind_name);
}

static const kshim_kind *look_up_built_in(const struct kshim__target *target)
{
	const char *version;
	size_t group_len;

	if (!target->api_version)
		return kshim_kind_find(target->kind_name);
	kshim__split_api_version(target->api_version, &group_len, &version);
	return kshim__kind_by_group_kind(target->api_version, group_len, target->kind_name);
}

/* The version to use of a row: the first that the server serves. */
static const char *served_version(const kshim_kind *kind, const struct kshim__kinds *served)
{
	const kshim_kind *there = kshim__kinds_by_group_kind(served, kind->group, strlen(kind->group), kind->kind);
	size_t i, k;

	for (i = 0; there && kind->versions[i]; i++)
		for (k = 0; there->versions[k]; k++)
			if (strcmp(kind->versions[i], there->versions[k]) == 0)
				return kind->api_versions[i];
	return NULL;
}

/* The object's own version, as the kind's row has it if it does: that text
 * outlives the call. */
static const char *own_version(const struct kshim__target *target)
{
	size_t i;

	for (i = 0; target->kind->api_versions[i]; i++)
		if (strcmp(target->kind->api_versions[i], target->api_version) == 0)
			return target->kind->api_versions[i];
	return target->api_version;
}

/* true when the kind and its version are known. */
static bool try_without_server(kshim_call *call)
{
	struct kshim__target *target = &call->target;
	const kshim_kind *kind;

	if (!target->kind) {
		kind = look_up(kshim__discovery_added(call->client), target);
		if (!kind)
			kind = look_up_built_in(target);
		if (!kind)
			return false;
		set_kind(target, kind);
	}
	if (target->api_version)
		target->version = own_version(target);
	else if (!target->kind->versions[1])
		target->version = target->kind->api_versions[0];
	return target->version != NULL;
}

static void discovered(kshim_call *call)
{
	struct kshim__target *target = &call->target;
	kshim_error *error = NULL;
	const struct kshim__kinds *served = kshim__discovery_kinds(call->client, &error);
	const kshim_kind *kind;

	if (!served && target->kind) {
		/* a row is a good guess where discovery is refused */
		kshim_error_free(error);
		target->version = target->kind->api_versions[0];
		call->then(call);
		return;
	}
	if (!served) {
		kshim__call_fail(call, error);
		return;
	}
	if (!target->kind) {
		kind = look_up(served, target);
		if (kind)
			set_kind(target, kind);
	}
	if (target->kind)
		target->version = target->api_version ? own_version(target) : served_version(target->kind, served);
	if (target->kind && !target->version && served->missing)
		target->version = target->kind->api_versions[0];
	if (!target->version) {
		kshim__call_fail(call, kshim__error_new(KSHIM_ENOKIND, "the server doesn't have a resource type \"%s\"%s%s%s",
							name_of(target), served->missing ? " (not answering: " : "",
							served->missing ? served->missing : "",
							served->missing ? ")" : ""));
		return;
	}
	call->then(call);
}

static void resolve(kshim_call *call)
{
	if (try_without_server(call))
		call->then(call);
	else
		kshim__discovery_need(call, discovered);
}

void kshim__verb_resolve(kshim_call *call, void (*then)(kshim_call *call))
{
	call->then = then;
	if (call->target.version)
		then(call);
	else
		resolve(call);
}

/* The namespace that goes into the path; false when one is needed. */
static bool namespace_of_path(kshim_call *call, const char **namespace_)
{
	const char *own = call->namespace_;

	*namespace_ = NULL;
	if (!call->target.kind->namespaced)
		return true;
	if (own && !*own)
		return call->collection && strcmp(call->request.method, "POST") != 0;
	*namespace_ = own ? own : call->client->access->namespace_;
	return true;
}

void kshim__verb_send(kshim_call *call)
{
	const char *namespace_;
	struct kshim__buf path;
	bool ok, no_memory;

	if (!namespace_of_path(call, &namespace_)) {
		kshim__call_fail(call, kshim__error_new(KSHIM_EINVAL,
							"a %s is found in one namespace: all of them were asked for",
							call->target.kind->kind));
		return;
	}
	kshim__buf_init(&path);
	ok = kshim__path_resource(&path, call->target.version, call->target.kind->plural, namespace_,
				  call->collection ? NULL : call->name, call->subresource);
	if (ok && call->params)
		ok = kshim__buf_adds(&path, call->params);
	no_memory = path.failed;
	kshim__free(call->request.path);
	call->request.path = kshim__buf_take(&path, NULL);
	if (no_memory || (ok && !call->request.path)) {
		kshim__call_no_memory(call);
		return;
	}
	if (!ok) {
		kshim__call_fail(call, kshim__error_new(KSHIM_EINVAL, "%s %s: no valid name for a path",
							call->target.kind->kind, call->name ? call->name : ""));
		return;
	}
	kshim__call_send(call);
}

void kshim__verb_go(kshim_call *call)
{
	kshim__verb_resolve(call, kshim__verb_send);
}

bool kshim__verb_param(kshim_call *call, const char *key, const char *value)
{
	struct kshim__buf params;
	bool ok = true;

	kshim__buf_init(&params);
	if (call->params)
		ok = kshim__buf_adds(&params, call->params);
	ok = ok && kshim__path_param(&params, key, value);
	kshim__free(call->params);
	call->params = kshim__buf_take(&params, NULL);
	return ok && call->params;
}
