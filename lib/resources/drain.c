#include "alloc.h"
#include "composite.h"
#include "error.h"
#include "options.h"
#include "path.h"
#include "resources/drain_rules.h"

#include <kubeshim/pod.h>

#include <string.h>

#define AT_ONCE 16
#define TICK_MS 1000
#define RETRY_US (5 * 1000000)

enum state {
	STAYS,
	DUE,    /* to be asked to go, once due_us is reached */
	ASKED,   /* the request is under way */
	GOING,   /* until the server has it no more */
	GONE,
	FAILED
};

/* A Pod of the Node. */
struct target {
	kshim_object *pod; /* reference */
	int64_t due_us;
	enum state state;
	enum kshim__drain_reason reason;
	bool orphan; /* of a DaemonSet that is gone */
	bool seen;   /* in the list that comes in … */
	bool overdue; /* … and not waited for any more */
	bool began;
};

struct drain {
	struct kshim__composite composite;
	kshim_object *node; /* reference: a handle of our own */
	kshim_query *pods;  /* of the Node */
	kshim_drain_options *options;
	kshim_drain_fn *progress;
	void *user;
	struct target *targets;
	size_t count, cap;
	size_t open;    /* neither gone nor failed */
	size_t asked;   /* under way */
	size_t looking; /* DaemonSets that are looked for */
	bool listing;
	kshim_error *first; /* failure */
	struct kshim__buf failures;
};

static void go_on(struct drain *drain);

static void release(struct kshim__composite *composite)
{
	struct drain *drain = (struct drain *)composite;
	size_t i;

	for (i = 0; i < drain->count; i++)
		kshim_object_unref(drain->targets[i].pod);
	kshim__free(drain->targets);
	kshim_query_free(drain->pods);
	kshim_drain_options_free(drain->options);
	kshim_error_free(drain->first);
	kshim__buf_free(&drain->failures);
	kshim_object_unref(drain->node);
}

/* The user may end everything in there: whoever leads here holds the state. */
static void tell(struct drain *drain, const struct target *target, kshim_drain_event event, const char *text)
{
	if (drain->composite.call && drain->progress)
		drain->progress(target->pod, event, text, drain->user);
}

static void set_gone(struct drain *drain, struct target *target)
{
	target->state = GONE;
	drain->open--;
	drain->composite.call->result.items++;
	tell(drain, target, KSHIM_DRAIN_GONE, NULL);
}

static void set_skipped(struct drain *drain, struct target *target)
{
	target->state = STAYS;
	drain->open--;
	tell(drain, target, KSHIM_DRAIN_SKIPPED, "it is being deleted for too long to be waited for");
}

static void set_failed(struct drain *drain, struct target *target, const kshim_error *error)
{
	const char *namespace_ = kshim_object_namespace(target->pod), *name = kshim_object_name(target->pod);

	target->state = FAILED;
	drain->open--;
	if (!drain->first)
		drain->first = kshim_error_copy(error);
	kshim__buf_addf(&drain->failures, "%scannot %s pod %s/%s: %s", drain->failures.len ? "; " : "",
			drain->options->disable_eviction ? "delete" : "evict", namespace_ ? namespace_ : "", name ? name : "",
			kshim_error_message(error));
	tell(drain, target, KSHIM_DRAIN_FAILED, kshim_error_message(error));
}

static void end(struct drain *drain)
{
	kshim_error *error = drain->first;
	char *text;

	if (!error && !drain->failures.len && !drain->failures.failed) {
		kshim__composite_finish(&drain->composite, NULL);
		return;
	}
	drain->first = NULL;
	text = kshim__buf_take(&drain->failures, NULL);
	if (error && text && error->code != KSHIM_ENOMEM) {
		kshim__free(error->message);
		error->message = text;
	} else {
		kshim__free(text);
	}
	kshim__composite_fail(&drain->composite, error ? error : kshim__error_new(KSHIM_ENOMEM, "out of memory"));
}

/* Asking them to go. */

static bool has_cause(const kshim_error *error, const char *reason)
{
	size_t i;

	for (i = 0; i < kshim_error_cause_count(error); i++) {
		const char *cause = kshim_error_cause_reason(error, i);

		if (cause && strcmp(cause, reason) == 0)
			return true;
	}
	return false;
}

static void asked(struct kshim__composite *composite, kshim_result *result, void *argument)
{
	struct drain *drain = (struct drain *)composite;
	struct target *target = &drain->targets[(size_t)(uintptr_t)argument];
	const kshim_error *error = kshim_result_error(result);
	kshim_code code = kshim_error_code(error);
	/* in a namespace that is being deleted nothing is evicted: it is deleted anyhow */
	bool terminating = code == KSHIM_EFORBIDDEN && has_cause(error, "NamespaceTerminating");

	kshim__composite_hold(composite);
	drain->asked--;
	composite->call->result.http_status = kshim_result_http_status(result);
	if (code == KSHIM_OK && !drain->options->dry_run && !composite->client->dry_run) {
		target->state = GOING;
	} else if (code == KSHIM_OK || code == KSHIM_ENOTFOUND) {
		set_gone(drain, target);
	} else if (terminating && kshim_object_has(target->pod, "/metadata/deletionTimestamp")) {
		target->state = GOING;
	} else if (code == KSHIM_ECONFLICT) {
		/* another of its name is in its place, as the next look will tell; or nearly so */
		target->state = DUE;
		target->due_us = kshim__now_us() + TICK_MS * 1000 + 1;
	} else if (terminating || code == KSHIM_ETOOMANY) {
		target->state = DUE;
		target->due_us = kshim__now_us() + RETRY_US;
		tell(drain, target, KSHIM_DRAIN_DELAYED, kshim_error_message(error));
	} else {
		set_failed(drain, target, error);
	}
	if (composite->call)
		go_on(drain);
	kshim__composite_release(composite);
}

static bool ask(struct drain *drain, size_t index)
{
	struct target *target = &drain->targets[index];
	kshim_options options = kshim__options_default;
	struct kshim__step *step;
	kshim_call *call;

	target->state = ASKED;
	drain->asked++;
	if (!target->began)
		tell(drain, target, KSHIM_DRAIN_STARTED, NULL);
	target->began = true;
	if (!drain->composite.call)
		return false;
	step = kshim__step_new(&drain->composite, asked, (void *)(uintptr_t)index);
	if (!step)
		return false;
	options.grace_period = drain->options->grace_period;
	options.dry_run = drain->options->dry_run;
	options.uid = (char *)kshim_object_uid(target->pod);
	call = drain->options->disable_eviction ? kshim_object_delete(target->pod, &options, kshim__step_done, step) :
						  kshim_pod_evict(target->pod, &options, kshim__step_done, step);
	kshim__step_start(step, call);
	return call != NULL;
}

/* Looking who is left. */

static void seen(kshim_object *pod, void *user)
{
	struct kshim__step *step = user;
	struct drain *drain = (struct drain *)step->composite;
	const char *known;
	size_t i;

	for (i = 0; i < drain->count; i++) {
		struct target *target = &drain->targets[i];

		known = kshim_object_uid(target->pod);
		if (!known || !kshim__object_is(pod, "/metadata/uid", known))
			continue;
		target->seen = true;
		target->overdue = kshim__drain_is_overdue(drain->options, pod);
		if (target->state == DUE && kshim__drain_read(pod)) { /* for its deletionTimestamp */
			kshim_object_unref(target->pod);
			target->pod = kshim_object_ref(pod);
		}
		return;
	}
}

static void looked(struct kshim__composite *composite, kshim_result *result, void *argument)
{
	struct drain *drain = (struct drain *)composite;
	size_t i;

	(void)argument;
	drain->listing = false;
	if (kshim__composite_failed(composite, result))
		return;
	kshim__composite_hold(composite);
	for (i = 0; composite->call && i < drain->count; i++) {
		struct target *target = &drain->targets[i];

		if (!target->seen && (target->state == GOING || (target->state == DUE && target->began)))
			set_gone(drain, target);
		else if (target->seen && target->overdue && target->state == GOING)
			set_skipped(drain, target);
	}
	if (composite->call)
		go_on(drain);
	kshim__composite_release(composite);
}

static void tick(struct kshim__composite *composite)
{
	struct drain *drain = (struct drain *)composite;
	struct kshim__step *step;
	size_t i;

	if (drain->listing)
		return;
	for (i = 0; i < drain->count; i++)
		drain->targets[i].seen = false;
	step = kshim__step_new(composite, looked, NULL);
	if (!step)
		return;
	drain->listing = true;
	kshim__step_start(step, kshim_query_list(drain->pods, seen, kshim__step_done, step));
}

/* Asks those that are due, and waits for the others. */
static void go_on(struct drain *drain)
{
	int64_t now = kshim__now_us();
	bool ok = true;
	size_t i;

	if (!drain->open) {
		end(drain);
		return;
	}
	for (i = 0; ok && drain->asked < AT_ONCE && i < drain->count; i++)
		if (drain->targets[i].state == DUE && drain->targets[i].due_us <= now)
			ok = ask(drain, i);
	if (ok && !drain->listing && drain->composite.call->state == KSHIM__CALL_WAITING &&
	    !drain->composite.call->pause.index)
		kshim__composite_sleep(&drain->composite, TICK_MS, tick);
}

/* Sorting. */

static void refuse(struct drain *drain, size_t count)
{
	struct kshim__refused *refused = kshim__calloc(count, sizeof(*refused));
	size_t i, used = 0;

	if (!refused) {
		kshim__composite_no_memory(&drain->composite);
		return;
	}
	for (i = 0; i < drain->count; i++) {
		if (drain->targets[i].state != FAILED)
			continue;
		refused[used].pod = drain->targets[i].pod;
		refused[used++].reason = drain->targets[i].reason;
	}
	kshim__composite_fail(&drain->composite, kshim__drain_error(refused, used));
	kshim__free(refused);
}

/* Every DaemonSet was looked for. */
static void sort(struct drain *drain)
{
	static const enum state states[] = {
		[KSHIM__DRAIN_GO] = DUE,
		[KSHIM__DRAIN_STAY] = STAYS,
		[KSHIM__DRAIN_REFUSED] = FAILED,
	};
	size_t i, refused = 0;

	for (i = 0; i < drain->count; i++) {
		struct target *target = &drain->targets[i];

		target->state = states[kshim__drain_judge(drain->options, target->pod, !target->orphan, &target->reason)];
		refused += target->state == FAILED;
		drain->open += target->state == DUE;
	}
	kshim__composite_hold(&drain->composite);
	if (refused)
		refuse(drain, refused);
	for (i = 0; !refused && i < drain->count; i++)
		if (drain->targets[i].reason)
			tell(drain, &drain->targets[i],
			     drain->targets[i].state == STAYS ? KSHIM_DRAIN_IGNORED : KSHIM_DRAIN_WARNED,
			     kshim__drain_warning(drain->targets[i].reason));
	if (drain->composite.call)
		go_on(drain);
	kshim__composite_release(&drain->composite);
}

static void daemon_set_looked_for(struct kshim__composite *composite, kshim_result *result, void *argument)
{
	struct drain *drain = (struct drain *)composite;

	if (kshim__composite_failed(composite, result))
		return;
	drain->targets[(size_t)(uintptr_t)argument].orphan = !kshim_result_found(result);
	if (!--drain->looking)
		sort(drain);
}

static bool look_for_daemon_set(struct drain *drain, size_t index, const char *name)
{
	kshim_object *pod = drain->targets[index].pod;
	struct kshim__step *step = kshim__step_new(&drain->composite, daemon_set_looked_for, (void *)(uintptr_t)index);
	kshim_object *set;
	kshim_call *call;

	if (!step)
		return false;
	set = kshim__object_named(drain->composite.client, KSHIM_DAEMON_SET, NULL, kshim_object_namespace(pod), name);
	call = set ? kshim_object_exists(set, NULL, kshim__step_done, step) :
		     kshim__client_fail(drain->composite.client, kshim__error_new(KSHIM_ENOMEM, "out of memory"));
	kshim_object_unref(set);
	drain->looking++;
	kshim__step_start(step, call);
	return call != NULL;
}

static void take(kshim_object *pod, void *user)
{
	struct kshim__step *step = user;
	struct drain *drain = (struct drain *)step->composite;
	struct target *targets;
	size_t cap;

	if (!drain->composite.call)
		return;
	if (!kshim__drain_read(pod)) {
		kshim__composite_no_memory(&drain->composite);
		return;
	}
	if (drain->count == drain->cap) {
		cap = drain->cap ? drain->cap * 2 : 32;
		targets = kshim__realloc(drain->targets, cap * sizeof(*targets));
		if (!targets) {
			kshim__composite_no_memory(&drain->composite);
			return;
		}
		drain->targets = targets;
		drain->cap = cap;
	}
	memset(&drain->targets[drain->count], 0, sizeof(*drain->targets));
	drain->targets[drain->count++].pod = kshim_object_ref(pod);
}

static void listed(struct kshim__composite *composite, kshim_result *result, void *argument)
{
	struct drain *drain = (struct drain *)composite;
	const char *name;
	bool ok = true;
	size_t i;

	(void)argument;
	if (kshim__composite_failed(composite, result))
		return;
	/* labels may change; the Node of a Pod does not */
	kshim_query_set_labels(drain->pods, NULL);
	kshim__composite_hold(composite);
	for (i = 0; ok && i < drain->count; i++) {
		name = kshim__drain_daemon_set(drain->targets[i].pod);
		if (name)
			ok = look_for_daemon_set(drain, i, name);
	}
	if (ok && !drain->looking)
		sort(drain);
	kshim__composite_release(composite);
}

static void cordoned(struct kshim__composite *composite, kshim_result *result, void *argument)
{
	struct drain *drain = (struct drain *)composite;
	struct kshim__step *step;

	(void)argument;
	if (kshim__composite_failed(composite, result))
		return;
	step = kshim__step_new(composite, listed, NULL);
	if (step)
		kshim__step_start(step, kshim_query_list(drain->pods, take, kshim__step_done, step));
}

static bool set_up(struct drain *drain, kshim_object *node, const kshim_drain_options *options)
{
	const char *name = kshim_object_name(node);

	drain->options = kshim__drain_options_copy(options);
	drain->node = kshim__object_named(node->client, KSHIM_NODE, NULL, NULL, name);
	drain->pods = kshim_query_new(node->client, KSHIM_POD, KSHIM_ALL_NAMESPACES);
	if (!drain->options || !drain->node || !drain->pods ||
	    kshim_query_add_field(drain->pods, "spec.nodeName", KSHIM_OP_EQUALS, &name, 1) < 0 ||
	    kshim_query_set_labels(drain->pods, drain->options->pod_selector) < 0)
		return false;
	kshim_query_set_limit(drain->pods, drain->options->page);
	return true;
}

kshim_call *kshim_node_drain(kshim_object *node, const kshim_drain_options *options, kshim_drain_fn *progress,
			     kshim_done_fn *done, void *user)
{
	kshim_options general = kshim__options_default;
	struct kshim__step *step;
	struct drain *drain;
	kshim_call *call;

	if (!node)
		return NULL;
	if (kshim__object_row(node) != KSHIM_NODE || !kshim__path_name_ok(kshim_object_name(node)))
		return kshim__object_refuse(node, "only a Node with a valid name can be drained");
	general.timeout_ms = options ? options->timeout_ms : 0;
	drain = kshim__composite_new(node->client, sizeof(*drain), release, &general, done, user);
	if (!drain)
		return NULL;
	call = drain->composite.call;
	kshim__composite_about(&drain->composite, "drain", "nodes/%s", kshim_object_name(node));
	drain->progress = progress;
	drain->user = user;
	if (!set_up(drain, node, options)) {
		kshim__composite_no_memory(&drain->composite);
		return call;
	}
	general.timeout_ms = -1;
	general.dry_run = drain->options->dry_run;
	step = kshim__step_new(&drain->composite, cordoned, NULL);
	if (step)
		kshim__step_start(step, kshim_node_cordon(drain->node, &general, kshim__step_done, step));
	return call;
}
