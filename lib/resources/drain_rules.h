/* Which Pods of a Node may be made to go: kubectl's rules (pkg/drain/filters.go). */
#ifndef KSHIM__DRAIN_RULES_H
#define KSHIM__DRAIN_RULES_H

#include <kubeshim/error.h>
#include <kubeshim/node.h>
#include <kubeshim/object.h>

#include <stdbool.h>

struct kshim_drain_options {
	int64_t grace_period;
	int64_t timeout_ms;
	int64_t skip_deleted_s; /* 0: every Pod is waited for */
	unsigned page;
	char *pod_selector;
	bool ignore_daemonsets;
	bool delete_emptydir_data;
	bool force;
	bool disable_eviction;
	bool dry_run;
};

/* New; of NULL the default. NULL without memory. */
kshim_drain_options *kshim__drain_options_copy(const kshim_drain_options *options);

enum kshim__drain_reason {
	KSHIM__DRAIN_NO_REASON,
	KSHIM__DRAIN_DAEMON_SET,
	KSHIM__DRAIN_ORPHAN, /* its DaemonSet is gone */
	KSHIM__DRAIN_LOCAL_STORAGE,
	KSHIM__DRAIN_UNMANAGED,
	KSHIM__DRAIN_REASONS
};

enum kshim__drain_verdict {
	KSHIM__DRAIN_GO,
	KSHIM__DRAIN_STAY,
	KSHIM__DRAIN_REFUSED
};

/* The DaemonSet that has to be looked for, for the rules to be applied: its name,
 * borrowed; NULL if none has to be. */
const char *kshim__drain_daemon_set(kshim_object *pod);

/* true when it is being deleted for longer than the options let a drain wait. */
bool kshim__drain_is_overdue(const kshim_drain_options *options, kshim_object *pod);

/* Reads what the rules and a drain read of a Pod, so that it can be read again
 * without memory; false if there is none now. */
bool kshim__drain_read(kshim_object *pod);

/* What is to become of a Pod. *reason tells why it stays or is refused; of a Pod
 * that goes, what there is to warn of. */
enum kshim__drain_verdict kshim__drain_judge(const kshim_drain_options *options, kshim_object *pod,
					     bool daemon_set_exists, enum kshim__drain_reason *reason);

/* "Pods with local storage (use … to override)"; as a warning, "deleting …". */
const char *kshim__drain_refusal(enum kshim__drain_reason reason);
const char *kshim__drain_warning(enum kshim__drain_reason reason);

/* The one error that lists the refused Pods, in the order of the reasons. */
struct kshim__refused {
	kshim_object *pod; /* borrowed */
	enum kshim__drain_reason reason;
};
kshim_error *kshim__drain_error(const struct kshim__refused *refused, size_t count);

#endif
