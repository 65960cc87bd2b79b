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

static bool lists(const kshim_kind *kind, const char *api_version)
{
	size_t i;

	for (i = 0; kind->api_versions[i]; i++)
		if (strcmp(kind->api_versions[i], api_version) == 0)
			return true;
	return false;
}

/* The same group, kind, names in a path, and scope. */
static bool same_place(const kshim_kind *kind, const kshim_kind *other)
{
	return strcmp(kind->plural, other->plural) == 0 && kind->namespaced == other->namespaced;
}

static const kshim_kind *served_as(const struct kshim__kinds *served, const kshim_kind *kind)
{
	return kshim__kinds_by_group_kind(served, kind->group, strlen(kind->group), kind->kind);
}

/* Which of what is served takes a row's place: the first version that the row
 * knows, in its order, else the server's first; `but` is left out unless NULL. */
static const char *served_version(const kshim_kind *kind, const kshim_kind *there, const char *but)
{
	const kshim_kind *orders[] = {kind, there};
	size_t i, k;

	for (k = 0; k < 2; k++)
		for (i = 0; orders[k]->api_versions[i]; i++) {
			const char *version = orders[k]->api_versions[i];

			if (lists(there, version) && (!but || strcmp(version, but) != 0))
				return version;
		}
	return NULL;
}

/* The kind is what the server serves now; `version` may be one of the row's. */
static void move(struct kshim__target *target, const kshim_kind *there, const char *version)
{
	size_t i;

	for (i = 0; strcmp(there->api_versions[i], version) != 0;)
		i++;
	target->version = there->api_versions[i];
	kshim__free(target->api_version);
	target->api_version = NULL;
	kshim_kind_ref(there);
	kshim_kind_unref(target->kind);
	target->kind = there;
}

/* What discovery says of a known kind: false if nothing is served of it. A row
 * stays a row where it has the version. */
static bool settle(struct kshim__target *target, const struct kshim__kinds *served)
{
	const kshim_kind *there = served_as(served, target->kind);
	const char *version = there ? served_version(target->kind, there, NULL) : NULL;

	if (!version)
		return false;
	if (lists(target->kind, version) && same_place(target->kind, there))
		target->version = version;
	else
		move(target, there, version);
	return true;
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

/* What discovery says goes before what handles know. */
static void follow(struct kshim__target *target, const struct kshim__kinds *served)
{
	const kshim_kind *there = served ? served_as(served, target->kind) : NULL;

	if (there && !target->fixed && !(lists(there, target->version) && same_place(target->kind, there)))
		move(target, there, served_version(target->kind, there, NULL));
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
	else if (!target->kind->versions[1] || target->kind->defined)
		target->version = target->kind->api_versions[0];
	/* nearly always it needs no look */
	if (target->version && kshim__discovery_has_moved(call->client))
		follow(target, kshim__discovery_loaded(call->client));
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
	if (target->kind && target->api_version) {
		target->version = own_version(target);
		follow(target, served);
	} else if (target->kind && !settle(target, served) && served->missing) {
		target->version = target->kind->api_versions[0];
	}
	if (target->version)
		call->then(call);
	else if (kshim__discovery_is_older(call))
		kshim__discovery_need_newer(call, discovered);
	else
		kshim__call_fail(call, kshim__error_new(KSHIM_ENOKIND, "the server doesn't have a resource type \"%s\"%s%s%s",
							name_of(target), served->missing ? " (not answering: " : "",
							served->missing ? served->missing : "",
							served->missing ? ")" : ""));
}

/* The kind is served in another version, under another name or in another scope:
 * the same once more there. Else the error stays. */
static void looked_again(kshim_call *call)
{
	struct kshim__target *target = &call->target;
	kshim_error *error = NULL;
	const struct kshim__kinds *served = kshim__discovery_kinds(call->client, &error);
	const kshim_kind *there = served ? served_as(served, target->kind) : NULL;
	const char *version = NULL;
	bool same;

	kshim_error_free(error);
	if (there) {
		same = same_place(target->kind, there);
		/* where it is as it was, there is but no such subresource */
		if (!same || !call->subresource || !lists(there, target->version))
			version = served_version(target->kind, there, same ? target->version : NULL);
	} else if (served && !served->missing) {
		kshim__discovery_gone(call->client, target->kind);
	}
	if (!version) {
		call->answered(call);
		return;
	}
	kshim__discovery_moved(call->client, there);
	move(target, there, version);
	kshim_error_free(call->result.error);
	call->result.error = NULL;
	call->then(call);
}

/* The server has done nothing, so any verb may be carried out again. */
static void look_again(kshim_call *call)
{
	kshim__discovery_need_newer(call, looked_again);
}

void kshim__verb_resolve(kshim_call *call, void (*then)(kshim_call *call))
{
	call->then = then;
	kshim__discovery_asked(call);
	if (!call->target.fixed && !call->judge)
		call->unserved = look_again;
	if (try_without_server(call))
		call->then(call);
	else
		kshim__discovery_need(call, discovered);
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
