#include "alloc.h"
#include "composite.h"
#include "error.h"
#include "json/tree.h"
#include "options.h"
#include "query.h"
#include "selector.h"

#include <kubeshim/metadata.h>

#include <stdio.h>
#include <string.h>

#define ATTEMPTS 5
#define ANNOTATION_KEY_MAX (253 + 1 + 63)

static void *fail(kshim_object *object, kshim_error *error)
{
	return kshim__client_fail(object->client, error);
}

static void *no_memory(kshim_object *object)
{
	return fail(object, kshim__error_new(KSHIM_ENOMEM, "out of memory"));
}

/* Maps: one member of a merge patch. */

static kshim_call *patch_map(kshim_object *object, const char *map, const char *key, const char *value,
			     const kshim_options *options, kshim_done_fn *done, void *user)
{
	struct kshim__buf patch;
	kshim_call *call;

	kshim__buf_init(&patch);
	kshim__buf_addf(&patch, "{\"metadata\":{\"%s\":{", map);
	kshim__buf_add_json_string(&patch, key, strlen(key));
	kshim__buf_addc(&patch, ':');
	if (value)
		kshim__buf_add_json_string(&patch, value, strlen(value));
	else
		kshim__buf_adds(&patch, "null");
	kshim__buf_adds(&patch, "}}}");
	call = patch.failed ? no_memory(object) :
			      kshim_object_patch(object, KSHIM_PATCH_MERGE, patch.data, patch.len, options, done, user);
	kshim__buf_free(&patch);
	return call;
}

kshim_call *kshim_object_label(kshim_object *object, const char *key, const char *value, const kshim_options *options,
			       kshim_done_fn *done, void *user)
{
	if (!object)
		return NULL;
	if (!key || !kshim__label_key_ok(key))
		return fail(object, kshim__error_new(KSHIM_EINVAL, "\"%.100s\" is no valid label key", key ? key : ""));
	if (value && !kshim__label_value_ok(value))
		return fail(object, kshim__error_new(KSHIM_EINVAL, "\"%.100s\" is no valid label value (key \"%s\")", value,
						     key));
	return patch_map(object, "labels", key, value, options, done, user);
}

/* As a label's, but for capitals in the part before the '/' (apimachinery
 * api/validation/objectmeta.go). */
static bool annotation_key_ok(const char *key)
{
	char lower[ANNOTATION_KEY_MAX + 1];
	size_t i;

	for (i = 0; key[i] && i < ANNOTATION_KEY_MAX; i++)
		lower[i] = key[i] >= 'A' && key[i] <= 'Z' ? (char)(key[i] - 'A' + 'a') : key[i];
	lower[i] = '\0';
	return !key[i] && kshim__label_key_ok(lower);
}

kshim_call *kshim_object_annotate(kshim_object *object, const char *key, const char *value,
				  const kshim_options *options, kshim_done_fn *done, void *user)
{
	if (!object)
		return NULL;
	if (!key || !annotation_key_ok(key))
		return fail(object, kshim__error_new(KSHIM_EINVAL, "\"%.100s\" is no valid annotation key", key ? key : ""));
	return patch_map(object, "annotations", key, value, options, done, user);
}

/* Lists: read, change, and send on condition that nobody else did. */

struct edit {
	struct kshim__composite composite;
	kshim_object *object; /* reference */
	kshim_query *query;   /* to read it without changing it */
	kshim_options *options;
	const char *list; /* "/metadata/finalizers" */
	json_t *entry;    /* what is to be there, or NULL: to go */
	char *id;         /* which entry is meant: a finalizer, or an owner's uid */
	unsigned attempts;
};

static void read_list(struct edit *edit);

static void release(struct kshim__composite *composite)
{
	struct edit *edit = (struct edit *)composite;

	kshim_object_unref(edit->object);
	kshim_query_free(edit->query);
	kshim_options_free(edit->options);
	json_decref(edit->entry);
	kshim__free(edit->id);
}

static const char *id_of(const json_t *entry)
{
	const char *id = json_is_string(entry) ? json_string_value(entry) : json_string_value(json_object_get(entry, "uid"));

	return id ? id : "";
}

/* Makes the list as it is wanted. 1: it was; 0: it is another now; -1: no memory. */
static int change(struct edit *edit, json_t *list)
{
	json_t *entry;
	size_t i;

	json_array_foreach(list, i, entry) {
		if (strcmp(id_of(entry), edit->id) != 0)
			continue;
		if (!edit->entry)
			return json_array_remove(list, i);
		return json_equal(entry, edit->entry) ? 1 : json_array_set(list, i, edit->entry);
	}
	return edit->entry ? json_array_append(list, edit->entry) : 1;
}

static void sent(struct kshim__composite *composite, kshim_result *result, void *argument)
{
	struct edit *edit = argument;

	if (kshim_error_code(kshim_result_error(result)) == KSHIM_ECONFLICT && edit->attempts < ATTEMPTS) {
		read_list(edit);
		return;
	}
	if (!kshim__composite_failed(composite, result))
		kshim__composite_finish(composite, kshim_result_object(result));
}

static void send_list(struct edit *edit, json_t *list, const char *version)
{
	bool finalizers = strcmp(edit->list, "/metadata/finalizers") == 0;
	struct kshim__step *step;
	json_t *patch;
	size_t len;
	char *text;

	patch = json_pack("{s:{s:s,s:O}}", "metadata", "resourceVersion", version,
			  finalizers ? "finalizers" : "ownerReferences", list);
	text = kshim__json_tree_text(patch, &len);
	json_decref(patch);
	if (!text) {
		kshim__composite_no_memory(&edit->composite);
		return;
	}
	edit->attempts++;
	step = kshim__step_new(&edit->composite, sent, edit);
	if (step)
		kshim__step_start(step, kshim_object_patch(edit->object, KSHIM_PATCH_MERGE, text, len, edit->options,
							   kshim__step_done, step));
	kshim__free(text);
}

static void change_list(struct kshim__composite *composite, kshim_result *result, void *argument)
{
	struct edit *edit = argument;
	kshim_object *now = kshim_result_object(result);
	struct kshim__span span;
	const char *version;
	json_t *list;
	int rc = -1;

	if (kshim__composite_failed(composite, result))
		return;
	version = kshim_object_resource_version(now);
	if (now->starved) {
		kshim__composite_no_memory(composite);
		return;
	}
	if (kshim__json_pointer(now->text, now->len, &now->members, edit->list, &span) && span.at[0] == '[')
		list = kshim__json_tree_parse(span.at, span.len, false, NULL);
	else
		list = json_array();
	if (list)
		rc = change(edit, list);
	if (rc < 0)
		kshim__composite_no_memory(composite);
	else if (rc > 0)
		kshim__composite_finish_as(composite, edit->object, now);
	else
		send_list(edit, list, version ? version : "");
	json_decref(list);
}

static void read_list(struct edit *edit)
{
	struct kshim__step *step = kshim__step_new(&edit->composite, change_list, edit);

	if (step)
		kshim__step_start(step, kshim_query_get_by_name(edit->query, kshim_object_name(edit->object),
								kshim__step_done, step));
}

/* `entry` is stolen. */
static kshim_call *edit_list(kshim_object *object, const char *list, json_t *entry, const char *id,
			     const kshim_options *options, kshim_done_fn *done, void *user)
{
	kshim_query *query = kshim__query_of_object(object);
	kshim_options *copy = kshim__options_copy(options);
	char *id_copy = kshim__strdup(id);
	struct edit *edit = NULL;
	kshim_call *call;

	if (query && copy && id_copy)
		edit = kshim__composite_new(object->client, sizeof(*edit), release, options, done, user);
	else if (query)
		no_memory(object);
	if (!edit) {
		kshim_query_free(query);
		kshim_options_free(copy);
		kshim__free(id_copy);
		json_decref(entry);
		return NULL;
	}
	call = edit->composite.call;
	kshim__composite_about(&edit->composite, "edit", "%s of \"%s\"", list, kshim_object_name(object));
	kshim_query_set_timeout(query, 0); /* of steps: the whole has one */
	copy->timeout_ms = 0;
	edit->object = kshim_object_ref(object);
	edit->query = query;
	edit->options = copy;
	edit->list = list;
	edit->entry = entry;
	edit->id = id_copy;
	read_list(edit);
	return call;
}

static kshim_call *edit_finalizer(kshim_object *object, const char *finalizer, bool add, const kshim_options *options,
				  kshim_done_fn *done, void *user)
{
	json_t *entry = NULL;

	if (!object)
		return NULL;
	if (!finalizer || !*finalizer || (add && !kshim__label_key_ok(finalizer)))
		return fail(object, kshim__error_new(KSHIM_EINVAL, "\"%.100s\" is no valid name of a finalizer",
						     finalizer ? finalizer : ""));
	if (add && !(entry = json_string(finalizer)))
		return no_memory(object);
	return edit_list(object, "/metadata/finalizers", entry, finalizer, options, done, user);
}

kshim_call *kshim_object_add_finalizer(kshim_object *object, const char *finalizer, const kshim_options *options,
				       kshim_done_fn *done, void *user)
{
	return edit_finalizer(object, finalizer, true, options, done, user);
}

kshim_call *kshim_object_remove_finalizer(kshim_object *object, const char *finalizer, const kshim_options *options,
					  kshim_done_fn *done, void *user)
{
	return edit_finalizer(object, finalizer, false, options, done, user);
}

kshim_call *kshim_object_add_owner(kshim_object *object, kshim_object *owner, unsigned flags,
				   const kshim_options *options, kshim_done_fn *done, void *user)
{
	const char *uid, *name, *kind, *version, *theirs, *ours;
	json_t *entry;

	if (!object)
		return NULL;
	kshim__object_starved(object); /* of what was read before nothing is meant */
	if (owner)
		kshim__object_starved(owner);
	uid = owner ? kshim_object_uid(owner) : NULL;
	name = owner ? kshim_object_name(owner) : NULL;
	kind = owner ? kshim_object_kind(owner) : NULL;
	version = owner ? kshim_object_api_version(owner) : NULL;
	theirs = owner ? kshim_object_namespace(owner) : NULL;
	ours = kshim_object_namespace(object);
	if (object->starved || (owner && kshim__object_starved(owner)))
		return no_memory(object);
	if (!uid || !name || !kind || !version || flags > (KSHIM_OWNER_CONTROLLER | KSHIM_OWNER_BLOCKS))
		return fail(object, kshim__error_new(KSHIM_EINVAL, "an owner needs apiVersion, kind, name and uid"));
	if (theirs && ours && strcmp(theirs, ours) != 0)
		return fail(object, kshim__error_new(KSHIM_EINVAL, "an owner in namespace %s cannot own in %s", theirs, ours));
	entry = json_pack("{s:s,s:s,s:s,s:s}", "apiVersion", version, "kind", kind, "name", name, "uid", uid);
	if (!entry || ((flags & KSHIM_OWNER_CONTROLLER) && json_object_set_new(entry, "controller", json_true()) != 0) ||
	    ((flags & KSHIM_OWNER_BLOCKS) && json_object_set_new(entry, "blockOwnerDeletion", json_true()) != 0)) {
		json_decref(entry);
		return no_memory(object);
	}
	return edit_list(object, "/metadata/ownerReferences", entry, uid, options, done, user);
}

kshim_call *kshim_object_remove_owner(kshim_object *object, kshim_object *owner, const kshim_options *options,
				      kshim_done_fn *done, void *user)
{
	const char *uid = owner ? kshim_object_uid(owner) : NULL;

	if (!object)
		return NULL;
	if (!uid && owner && kshim__object_starved(owner))
		return no_memory(object);
	if (!uid)
		return fail(object, kshim__error_new(KSHIM_EINVAL, "an owner needs a uid"));
	return edit_list(object, "/metadata/ownerReferences", NULL, uid, options, done, user);
}
