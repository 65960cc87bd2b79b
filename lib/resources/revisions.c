#include "resources/revisions.h"

#include "alloc.h"
#include "error.h"
#include "json/tree.h"
#include "label_selector.h"
#include "options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define REVISION_ANNOTATION "deployment.kubernetes.io/revision"
#define CHANGE_CAUSE "kubernetes.io/change-cause"

const kshim_kind *kshim__rollout_kind(kshim_object *object)
{
	const kshim_kind *row;

	kshim__object_starved(object); /* of what was read before nothing is meant */
	row = kshim__object_row(object);
	if (row != KSHIM_DEPLOYMENT && row != KSHIM_DAEMON_SET && row != KSHIM_STATEFUL_SET)
		return kshim__object_refuse(object, "only a Deployment, a DaemonSet or a StatefulSet is rolled out");
	kshim_object_namespace(object); /* read once, it can be read again */
	if (!kshim_object_name(object) || object->starved)
		return kshim__object_refuse(object, "an object without metadata.name");
	return row;
}

static void release(struct kshim__composite *composite)
{
	struct kshim__revisions *revisions = (struct kshim__revisions *)composite;
	size_t i;

	for (i = 0; i < revisions->count; i++) {
		kshim_object_unref(revisions->list[i].object);
		kshim__free(revisions->list[i].text);
	}
	kshim__free(revisions->list);
	kshim_object_unref(revisions->object);
	kshim_object_unref(revisions->now);
	kshim_kind_unref(revisions->records);
	kshim_options_free(revisions->options);
}

/* Steps. */

static bool number_of(kshim_object *object, int64_t *number)
{
	const char *text;
	char *end;

	if (kshim_object_get_int(object, "/revision", number) == 0)
		return true;
	text = kshim_object_get_annotation(object, REVISION_ANNOTATION);
	if (!text || !*text)
		return false;
	*number = strtoll(text, &end, 10);
	return !*end;
}

static bool is_controlled_by(kshim_object *object, const char *uid)
{
	size_t i, count = kshim_object_get_size(object, "/metadata/ownerReferences");
	char pointer[80];
	int controller;

	for (i = 0; i < count; i++) {
		snprintf(pointer, sizeof(pointer), "/metadata/ownerReferences/%zu/controller", i);
		if (kshim_object_get_bool(object, pointer, &controller) < 0 || !controller)
			continue;
		snprintf(pointer, sizeof(pointer), "/metadata/ownerReferences/%zu/uid", i);
		return uid && kshim__object_is(object, pointer, uid);
	}
	return false;
}

static void on_record(kshim_object *item, void *user)
{
	struct kshim__step *step = user;
	struct kshim__revisions *revisions = step->argument;
	kshim_revision *list = revisions->list;
	int64_t number;

	if (!is_controlled_by(item, kshim_object_uid(revisions->now)))
		return;
	if (!number_of(item, &number)) {
		revisions->failed = revisions->failed || item->starved;
		return;
	}
	if (revisions->count == revisions->cap) {
		size_t cap = revisions->cap ? revisions->cap * 2 : 16;

		list = kshim__realloc(list, cap * sizeof(*list));
		if (!list) {
			revisions->failed = true;
			return;
		}
		revisions->list = list;
		revisions->cap = cap;
	}
	list += revisions->count++;
	list->number = number;
	list->object = kshim_object_ref(item);
	list->text = NULL;
}

static int ascending(const void *a, const void *b)
{
	const kshim_revision *left = a, *right = b;

	return left->number < right->number ? -1 : left->number > right->number;
}

static void listed(struct kshim__composite *composite, kshim_result *result, void *argument)
{
	struct kshim__revisions *revisions = argument;

	if (kshim__composite_failed(composite, result))
		return;
	if (revisions->failed) {
		kshim__composite_no_memory(composite);
		return;
	}
	if (revisions->count)
		qsort(revisions->list, revisions->count, sizeof(*revisions->list), ascending);
	revisions->ready(revisions);
}

/* Lists what the object's selector selects. */
static void list(struct kshim__revisions *revisions)
{
	struct kshim__composite *composite = &revisions->composite;
	const kshim_kind *kind = revisions->records ? revisions->records : KSHIM_REPLICA_SET;
	kshim_object *now = revisions->now;
	struct kshim__buf selector;
	kshim_error *error = NULL;
	struct kshim__span span;
	struct kshim__step *step;
	kshim_query *query;
	bool ok;

	kshim__buf_init(&selector);
	ok = kshim__json_pointer(now->text, now->len, &now->members, "/spec/selector", &span) &&
	     kshim__label_selector_add(&selector, span, &error) && selector.len;
	query = ok ? kshim_query_new(composite->client, kind, kshim_object_namespace(now)) : NULL;
	if (query && kshim_query_set_labels(query, selector.data) == 0) {
		kshim_query_set_timeout(query, 0);
		step = kshim__step_new(composite, listed, revisions);
		if (step)
			kshim__step_start(step, kshim_query_list(query, on_record, kshim__step_done, step));
	} else if (!ok) {
		kshim__composite_fail(composite, error ? error : kshim__error_new(KSHIM_EPROTOCOL, "\"%s\" has no "
										  "selector",
										  kshim_object_name(now)));
	} else {
		kshim__composite_no_memory(composite);
	}
	kshim_query_free(query);
	kshim__buf_free(&selector);
}

static void read_it(struct kshim__composite *composite, kshim_result *result, void *argument)
{
	struct kshim__revisions *revisions = argument;

	if (kshim__composite_failed(composite, result))
		return;
	revisions->now = kshim_object_ref(kshim_result_object(result));
	/* read once, they can be read again */
	kshim_object_uid(revisions->now);
	kshim_object_namespace(revisions->now);
	if (revisions->now->starved)
		kshim__composite_no_memory(composite);
	else
		list(revisions);
}

void *kshim__revisions_new(kshim_object *object, size_t size, void (*ready)(struct kshim__revisions *revisions),
			   const kshim_options *options, kshim_done_fn *done, void *user)
{
	const kshim_kind *kind = object ? kshim__rollout_kind(object) : NULL;
	struct kshim__revisions *revisions = NULL;
	kshim_options *copy;
	kshim_kind *records = NULL;

	if (!kind)
		return NULL;
	copy = kshim__options_copy(options);
	if (kind != KSHIM_DEPLOYMENT)
		records = kshim_kind_new("apps", "v1", "controllerrevisions", "ControllerRevision", 1);
	if (copy && (records || kind == KSHIM_DEPLOYMENT))
		revisions = kshim__composite_new(object->client, size, release, options, done, user);
	else
		kshim__client_fail(object->client, kshim__error_new(KSHIM_ENOMEM, "out of memory"));
	if (!revisions) {
		kshim_options_free(copy);
		kshim_kind_unref(records);
		return NULL;
	}
	kshim__composite_about(&revisions->composite, "rollout of", "%s \"%s\"", kind->kind, kshim_object_name(object));
	copy->timeout_ms = 0; /* of steps: the whole has one */
	revisions->object = kshim_object_ref(object);
	revisions->ready = ready;
	revisions->options = copy;
	revisions->records = records;
	return revisions;
}

void kshim__revisions_begin(struct kshim__revisions *revisions)
{
	kshim_object *object = revisions->object;
	struct kshim__step *step = kshim__step_new(&revisions->composite, read_it, revisions);
	kshim_query *query;

	if (!step)
		return;
	query = kshim_query_new(object->client, kshim__object_row(object), kshim_object_namespace(object));
	kshim_query_set_timeout(query, 0); /* of steps: the whole has one */
	kshim__step_start(step, kshim_query_get_by_name(query, kshim_object_name(object), kshim__step_done, step));
	kshim_query_free(query);
}

/* Templates. */

static json_t *tree_at(kshim_object *object, const char *pointer)
{
	struct kshim__span span;

	if (!kshim__json_pointer(object->text, object->len, kshim__object_members(object), pointer, &span))
		return NULL;
	return kshim__json_tree_parse(span.at, span.len, false, NULL);
}

json_t *kshim__template_tree(kshim_object *object)
{
	json_t *tree = tree_at(object, "/spec/template");

	json_object_del(json_object_get(json_object_get(tree, "metadata"), "labels"), "pod-template-hash");
	return tree;
}

json_t *kshim__revision_tree(const kshim_revision *revision)
{
	json_t *tree = tree_at(revision->object, "/data/spec/template");

	if (!tree)
		return kshim__template_tree(revision->object);
	json_object_del(tree, "$patch");
	return tree;
}

static bool is_nothing(const json_t *value)
{
	return !value || json_is_null(value);
}

/* What jansson read is nested JSON_PARSER_MAX_DEPTH deep at most. */
bool kshim__template_same(const json_t *a, const json_t *b)
{
	const char *key;
	json_t *value;
	size_t i;

	if (is_nothing(a) || is_nothing(b))
		return is_nothing(a) && is_nothing(b);
	if (json_is_object(a) && json_is_object(b)) {
		json_object_foreach((json_t *)a, key, value) {
			if (!kshim__template_same(value, json_object_get(b, key)))
				return false;
		}
		json_object_foreach((json_t *)b, key, value) {
			if (!json_object_get(a, key) && !is_nothing(value))
				return false;
		}
		return true;
	}
	if (json_is_array(a) && json_is_array(b)) {
		if (json_array_size(a) != json_array_size(b))
			return false;
		json_array_foreach(a, i, value) {
			if (!kshim__template_same(value, json_array_get(b, i)))
				return false;
		}
		return true;
	}
	return json_equal(a, b);
}

/* The public view. */

int64_t kshim_revision_number(const kshim_revision *revision)
{
	return revision ? revision->number : 0;
}

const char *kshim_revision_change_cause(const kshim_revision *revision)
{
	const char *cause = revision ? kshim_object_get_annotation(revision->object, CHANGE_CAUSE) : NULL;

	return cause && *cause ? cause : NULL;
}

const char *kshim_revision_template(kshim_revision *revision, size_t *len)
{
	json_t *tree;

	if (!revision)
		return NULL;
	if (!revision->text) {
		tree = kshim__revision_tree(revision);
		revision->text = kshim__json_tree_text(tree, NULL);
		json_decref(tree);
	}
	if (len)
		*len = revision->text ? strlen(revision->text) : 0;
	return revision->text;
}

kshim_object *kshim_revision_object(const kshim_revision *revision)
{
	return revision ? revision->object : NULL;
}
