#include "alloc.h"
#include "error.h"
#include "resources/condition.h"
#include "watch_object.h"

#include <kubeshim/wait.h>

#include <string.h>

struct wait {
	struct kshim__object_watch watch;
	char *what;  /* a condition's type, or a pointer */
	char *value; /* its status, or the value; NULL: any */
	char *uid;   /* of what shall go */
	bool was_there;
};

static void release(struct kshim__object_watch *watch)
{
	struct wait *wait = (struct wait *)watch;

	kshim__free(wait->what);
	kshim__free(wait->value);
	kshim__free(wait->uid);
}

static const char *kind_of(kshim_object *object)
{
	const char *kind = kshim_object_kind(object);

	return kind ? kind : kshim__object_extra(object)->kind_name ? kshim__object_extra(object)->kind_name : "object";
}

static void *invalid(kshim_object *object, const char *why)
{
	return object ? kshim__client_fail(object->client, kshim__error_new(KSHIM_EINVAL, "%s", why)) : NULL;
}

/* Begins; `value` and `what` are copied. */
static kshim_call *begin(kshim_object *object, kshim__object_state_fn *state, const char *what, const char *value,
			 const kshim_options *options, kshim_done_fn *done, void *user)
{
	struct wait *wait = kshim__object_watch_new(object, sizeof(*wait), state, release, options, done, user);
	kshim_call *call;

	if (!wait)
		return NULL;
	call = wait->watch.composite.call;
	wait->what = kshim__strdup(what);
	wait->value = kshim__strdup(value);
	if (!what)
		wait->uid = kshim__strdup(kshim_object_uid(object));
	if (what)
		kshim__composite_about(&wait->watch.composite, "wait for", "%s=%s of %s \"%s\"", what,
				       value ? value : "(any)", kind_of(object), kshim_object_name(object));
	else
		kshim__composite_about(&wait->watch.composite, "wait for", "the end of %s \"%s\"", kind_of(object),
				       kshim_object_name(object));
	if ((what && !wait->what) || (value && !wait->value) ||
	    (!what && kshim_object_has(object, "/metadata/uid") && !wait->uid))
		kshim__composite_no_memory(&wait->watch.composite);
	else
		kshim__object_watch_begin(&wait->watch);
	return call;
}

/* true, and the wait failed, when the object is not there. */
static bool is_missing(struct wait *wait, kshim_object *object)
{
	kshim_object *meant = wait->watch.object;

	if (object) {
		wait->was_there = true;
		return false;
	}
	kshim__composite_fail(&wait->watch.composite,
			      kshim__error_new(KSHIM_ENOTFOUND, "%s \"%s\" %s", kind_of(meant), kshim_object_name(meant),
					       wait->was_there ? "was deleted" : "not found"));
	return true;
}

static void look_at_condition(struct kshim__object_watch *watch, kshim_object *object)
{
	struct wait *wait = (struct wait *)watch;

	if (is_missing(wait, object))
		return;
	if (kshim__condition_is(object, wait->what, wait->value))
		kshim__object_watch_finish(watch, object);
	else if (object->starved)
		kshim__composite_no_memory(&watch->composite);
}

kshim_call *kshim_wait_condition(kshim_object *object, const char *type, const char *status,
				 const kshim_options *options, kshim_done_fn *done, void *user)
{
	if (!type || !*type)
		return invalid(object, "a condition's type is needed");
	return begin(object, look_at_condition, type, status ? status : "True", options, done, user);
}

int kshim_object_has_condition(kshim_object *object, const char *type, const char *status)
{
	return object && type && kshim__condition_is(object, type, status ? status : "True");
}

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static struct kshim__span trim(const char *text, size_t len)
{
	struct kshim__span span = {text, len};

	while (span.len && is_space(*span.at)) {
		span.at++;
		span.len--;
	}
	while (span.len && is_space(span.at[span.len - 1]))
		span.len--;
	return span;
}

static bool same(struct kshim__span a, struct kshim__span b)
{
	return a.len == b.len && memcmp(a.at, b.at, a.len) == 0;
}

/* 1: it is that value; -1: it is a list or an object; 0 also without memory, when
 * the object starves. */
static int is_value(kshim_object *object, struct kshim__span found, const char *wanted)
{
	struct kshim__span value = trim(wanted, strlen(wanted));
	bool not_string, met;
	size_t len;
	char *text;

	if (found.at[0] == '{' || found.at[0] == '[')
		return -1;
	text = kshim__json_string(found, &len, &not_string);
	if (!text && !not_string)
		object->starved = true;
	met = (text || not_string) && same(value, text ? trim(text, len) : found);
	kshim__free(text);
	return met;
}

int kshim_object_has_value(kshim_object *object, const char *pointer, const char *value)
{
	struct kshim__span found;
	const char *text;
	size_t len;

	if (!value || !kshim_object_has(object, pointer))
		return kshim_object_has(object, pointer);
	text = kshim_object_text(object, &len);
	if (!text || !kshim__json_pointer(text, len, NULL, pointer, &found))
		return 0;
	return is_value(object, found, value);
}

static void look_at_value(struct kshim__object_watch *watch, kshim_object *object)
{
	struct wait *wait = (struct wait *)watch;
	struct kshim__span found;
	int is = 1;

	if (is_missing(wait, object) || !kshim_object_has(object, wait->what))
		return;
	if (wait->value) {
		if (!kshim__json_pointer(object->text, object->len, kshim__object_members(object), wait->what, &found))
			return;
		is = is_value(object, found, wait->value);
	}
	if (is < 0)
		kshim__composite_fail(&watch->composite, kshim__error_new(KSHIM_EINVAL, "%s is no value, but %s", wait->what,
									  found.at[0] == '{' ? "an object" : "a list"));
	else if (object->starved)
		kshim__composite_no_memory(&watch->composite);
	else if (is)
		kshim__object_watch_finish(watch, object);
}

kshim_call *kshim_wait_value(kshim_object *object, const char *pointer, const char *value,
			     const kshim_options *options, kshim_done_fn *done, void *user)
{
	if (!pointer || *pointer != '/')
		return invalid(object, "a pointer begins with \"/\", as \"/status/phase\"");
	return begin(object, look_at_value, pointer, value, options, done, user);
}

static void look_for_end(struct kshim__object_watch *watch, kshim_object *object)
{
	struct wait *wait = (struct wait *)watch;
	const char *uid = object ? kshim_object_uid(object) : NULL;

	if (object && object->starved) {
		kshim__composite_no_memory(&watch->composite);
		return;
	}
	if (object && uid && !wait->uid) {
		wait->uid = kshim__strdup(uid);
		if (!wait->uid)
			kshim__composite_no_memory(&watch->composite);
		return;
	}
	if (!object || (uid && strcmp(uid, wait->uid) != 0))
		kshim__object_watch_finish(watch, NULL);
}

kshim_call *kshim_wait_deleted(kshim_object *object, const kshim_options *options, kshim_done_fn *done, void *user)
{
	return begin(object, look_for_end, NULL, NULL, options, done, user);
}
