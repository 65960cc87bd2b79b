#include "resources/drain_rules.h"

#include "alloc.h"
#include "buf.h"
#include "error.h"
#include "object.h"
#include "selector.h"
#include "timestamp.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define PAGE 500
#define MIRROR "/metadata/annotations/kubernetes.io~1config.mirror"

/* Options. */

kshim_drain_options *kshim_drain_options_new(void)
{
	kshim_drain_options *options = kshim__calloc(1, sizeof(*options));

	if (options) {
		options->grace_period = -1;
		options->page = PAGE;
	}
	return options;
}

void kshim_drain_options_free(kshim_drain_options *options)
{
	if (!options)
		return;
	kshim__free(options->pod_selector);
	kshim__free(options);
}

kshim_drain_options *kshim__drain_options_copy(const kshim_drain_options *options)
{
	kshim_drain_options *copy = kshim_drain_options_new();

	if (!options || !copy)
		return copy;
	*copy = *options;
	copy->pod_selector = kshim__strdup(options->pod_selector);
	if (!options->pod_selector || copy->pod_selector)
		return copy;
	kshim_drain_options_free(copy);
	return NULL;
}

static int set_flag(bool *slot, int value)
{
	*slot = value != 0;
	return 0;
}

int kshim_drain_options_set_ignore_daemonsets(kshim_drain_options *options, int ignore)
{
	return options ? set_flag(&options->ignore_daemonsets, ignore) : -1;
}

int kshim_drain_options_set_delete_emptydir_data(kshim_drain_options *options, int delete_data)
{
	return options ? set_flag(&options->delete_emptydir_data, delete_data) : -1;
}

int kshim_drain_options_set_force(kshim_drain_options *options, int force)
{
	return options ? set_flag(&options->force, force) : -1;
}

int kshim_drain_options_set_grace_period(kshim_drain_options *options, int64_t seconds)
{
	if (!options || seconds < -1)
		return -1;
	options->grace_period = seconds;
	return 0;
}

int kshim_drain_options_set_timeout(kshim_drain_options *options, int64_t ms)
{
	if (!options || ms < 0)
		return -1;
	options->timeout_ms = ms;
	return 0;
}

int kshim_drain_options_set_skip_deleted(kshim_drain_options *options, int64_t seconds)
{
	if (!options || seconds < 0)
		return -1;
	options->skip_deleted_s = seconds;
	return 0;
}

int kshim_drain_options_set_limit(kshim_drain_options *options, unsigned limit)
{
	if (!options)
		return -1;
	options->page = limit;
	return 0;
}

int kshim_drain_options_set_pod_selector(kshim_drain_options *options, const char *selector)
{
	char *copy;

	if (!options || (selector && !kshim__selector_check_text(selector, NULL)))
		return -1;
	copy = kshim__strdup(selector);
	if (selector && !copy)
		return -1;
	kshim__free(options->pod_selector);
	options->pod_selector = copy;
	return 0;
}

int kshim_drain_options_set_disable_eviction(kshim_drain_options *options, int disable)
{
	return options ? set_flag(&options->disable_eviction, disable) : -1;
}

int kshim_drain_options_set_dry_run(kshim_drain_options *options, int dry_run)
{
	return options ? set_flag(&options->dry_run, dry_run) : -1;
}

/* Rules. */

static bool is_finished(kshim_object *pod)
{
	return kshim__object_is(pod, "/status/phase", "Succeeded") || kshim__object_is(pod, "/status/phase", "Failed");
}

/* The owner that is its controller; false if it has none. */
static bool find_controller(kshim_object *pod, size_t *index)
{
	size_t i, count = kshim_object_get_size(pod, "/metadata/ownerReferences");
	char pointer[64];
	int truth;

	for (i = 0; i < count; i++) {
		snprintf(pointer, sizeof(pointer), "/metadata/ownerReferences/%zu/controller", i);
		if (kshim_object_get_bool(pod, pointer, &truth) == 0 && truth) {
			*index = i;
			return true;
		}
	}
	return false;
}

static const char *owner_string(kshim_object *pod, size_t index, const char *member)
{
	char pointer[64];
	const char *text;

	snprintf(pointer, sizeof(pointer), "/metadata/ownerReferences/%zu/%s", index, member);
	text = kshim_object_get_string(pod, pointer);
	return text ? text : "";
}

const char *kshim__drain_daemon_set(kshim_object *pod)
{
	size_t index;

	if (is_finished(pod) || !find_controller(pod, &index))
		return NULL;
	if (strcmp(owner_string(pod, index, "kind"), "DaemonSet") != 0 ||
	    strcmp(owner_string(pod, index, "apiVersion"), "apps/v1") != 0)
		return NULL;
	return owner_string(pod, index, "name");
}

bool kshim__drain_is_overdue(const kshim_drain_options *options, kshim_object *pod)
{
	const char *text = options->skip_deleted_s ? kshim_object_get_string(pod, "/metadata/deletionTimestamp") : NULL;
	struct kshim__timestamp at;

	return text && kshim__timestamp_parse(text, strlen(text), &at) &&
	       (int64_t)time(NULL) - at.seconds > options->skip_deleted_s;
}

bool kshim__drain_read(kshim_object *pod)
{
	kshim_object_get_string(pod, "/metadata/deletionTimestamp");
	kshim_object_name(pod);
	kshim_object_namespace(pod);
	kshim_object_uid(pod);
	kshim_object_api_version(pod);
	kshim_object_kind(pod);
	kshim__drain_daemon_set(pod);
	return !kshim__object_starved(pod);
}

static bool has_local_storage(kshim_object *pod)
{
	size_t i, count = kshim_object_get_size(pod, "/spec/volumes");
	char pointer[64];

	for (i = 0; i < count; i++) {
		snprintf(pointer, sizeof(pointer), "/spec/volumes/%zu/emptyDir", i);
		if (kshim_object_has(pod, pointer))
			return true;
	}
	return false;
}

enum kshim__drain_verdict kshim__drain_judge(const kshim_drain_options *options, kshim_object *pod,
					     bool daemon_set_exists, enum kshim__drain_reason *reason)
{
	size_t index;

	*reason = KSHIM__DRAIN_NO_REASON;
	if (kshim__drain_is_overdue(options, pod))
		return KSHIM__DRAIN_STAY;
	if (kshim__drain_daemon_set(pod)) {
		*reason = daemon_set_exists ? KSHIM__DRAIN_DAEMON_SET : KSHIM__DRAIN_ORPHAN;
		if (daemon_set_exists)
			return options->ignore_daemonsets ? KSHIM__DRAIN_STAY : KSHIM__DRAIN_REFUSED;
		if (!options->force)
			return KSHIM__DRAIN_REFUSED;
	}
	if (kshim_object_has(pod, MIRROR)) {
		*reason = KSHIM__DRAIN_NO_REASON;
		return KSHIM__DRAIN_STAY;
	}
	if (is_finished(pod))
		return KSHIM__DRAIN_GO;
	if (has_local_storage(pod)) {
		*reason = KSHIM__DRAIN_LOCAL_STORAGE;
		if (!options->delete_emptydir_data)
			return KSHIM__DRAIN_REFUSED;
	}
	if (!find_controller(pod, &index)) {
		*reason = KSHIM__DRAIN_UNMANAGED;
		if (!options->force)
			return KSHIM__DRAIN_REFUSED;
	}
	return KSHIM__DRAIN_GO;
}

/* Words. */

const char *kshim__drain_refusal(enum kshim__drain_reason reason)
{
	static const char *const words[KSHIM__DRAIN_REASONS] = {
		[KSHIM__DRAIN_DAEMON_SET] = "DaemonSet-managed Pods (use --ignore-daemonsets to ignore)",
		[KSHIM__DRAIN_ORPHAN] = "Pods whose DaemonSet is not found (use --force to override)",
		[KSHIM__DRAIN_LOCAL_STORAGE] = "Pods with local storage (use --delete-emptydir-data to override)",
		[KSHIM__DRAIN_UNMANAGED] = "Pods that declare no controller (use --force to override)",
	};

	return words[reason];
}

const char *kshim__drain_warning(enum kshim__drain_reason reason)
{
	static const char *const words[KSHIM__DRAIN_REASONS] = {
		[KSHIM__DRAIN_DAEMON_SET] = "ignoring DaemonSet-managed Pods",
		[KSHIM__DRAIN_ORPHAN] = "deleting Pods whose DaemonSet is not found",
		[KSHIM__DRAIN_LOCAL_STORAGE] = "deleting Pods with local storage",
		[KSHIM__DRAIN_UNMANAGED] = "deleting Pods that declare no controller",
	};

	return words[reason];
}

static const char *text_of(const char *text)
{
	return text ? text : "";
}

static bool set_cause(struct kshim__cause *cause, const struct kshim__refused *refused)
{
	static const char *const reasons[KSHIM__DRAIN_REASONS] = {
		[KSHIM__DRAIN_DAEMON_SET] = "DaemonSet",
		[KSHIM__DRAIN_ORPHAN] = "Orphan",
		[KSHIM__DRAIN_LOCAL_STORAGE] = "LocalStorage",
		[KSHIM__DRAIN_UNMANAGED] = "Unmanaged",
	};
	struct kshim__buf field;

	kshim__buf_init(&field);
	kshim__buf_addf(&field, "%s/%s", text_of(kshim_object_namespace(refused->pod)),
			text_of(kshim_object_name(refused->pod)));
	cause->reason = kshim__strdup(reasons[refused->reason]);
	cause->field = kshim__buf_take(&field, NULL);
	cause->message = kshim__strdup(kshim__drain_refusal(refused->reason));
	return cause->reason && cause->field && cause->message;
}

kshim_error *kshim__drain_error(const struct kshim__refused *refused, size_t count)
{
	struct kshim__cause *causes = kshim__calloc(count, sizeof(*causes));
	struct kshim__buf text;
	kshim_error *error;
	size_t i, used = 0;
	bool ok = causes != NULL;
	int reason;

	kshim__buf_init(&text);
	for (reason = 1; reason < KSHIM__DRAIN_REASONS; reason++) {
		const char *before = NULL;

		for (i = 0; ok && i < count; i++) {
			if ((int)refused[i].reason != reason)
				continue;
			ok = set_cause(&causes[used++], &refused[i]);
			if (!before)
				kshim__buf_addf(&text, "%scannot delete %s: ", text.len ? "; " : "",
						kshim__drain_refusal(refused[i].reason));
			kshim__buf_addf(&text, "%s%s", before ? ", " : "", text_of(causes[used - 1].field));
			before = ", ";
		}
	}
	error = kshim__error_new(ok && !text.failed ? KSHIM_EINVAL : KSHIM_ENOMEM, "%s",
				 ok && !text.failed ? text.data : "out of memory");
	kshim__buf_free(&text);
	if (error->code == KSHIM_EINVAL) {
		error->causes = causes;
		error->cause_count = used;
		return error;
	}
	for (i = 0; i < used; i++) {
		kshim__free(causes[i].reason);
		kshim__free(causes[i].field);
		kshim__free(causes[i].message);
	}
	kshim__free(causes);
	return error;
}
