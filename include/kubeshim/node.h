/*
 * kubeshim/node.h - taking a Node out of service: cordon, drain, uncordon.
 *
 * The rules, and the words of refusals, are those of kubectl cordon, uncordon and
 * drain (k8s.io/kubectl, pkg/drain). Every function that starts something
 * returns a kshim_call: borrowed, for kshim_call_cancel(). NULL means that nothing
 * was started and no callback will come: kshim_client_error() tells why
 * (KSHIM_EINVAL for an object that is no Node or has no name, KSHIM_ENOMEM,
 * KSHIM_ECANCELED once the client was freed).
 */
#ifndef KUBESHIM_NODE_H
#define KUBESHIM_NODE_H

#include <kubeshim/common.h>
#include <kubeshim/options.h>

KSHIM_BEGIN_DECLS

/* 1 if the Node, as the object has it, takes no new Pods; 0 if it does, or NULL. */
KSHIM_API int kshim_node_is_cordoned(kshim_object *node);

/* Reads the Node, and patches spec.unschedulable unless it is as wanted:
 * kshim_result_found() is 1 if it was changed, 0 if it was so already. The object
 * takes the server's answer (not of a dry run) and is kshim_result_object(). Of
 * the options field manager, dry run and timeout count. KSHIM_ENOTFOUND if there
 * is no such Node. */
KSHIM_API kshim_call *kshim_node_cordon(kshim_object *node, const kshim_options *options, kshim_done_fn *done,
					void *user);
KSHIM_API kshim_call *kshim_node_uncordon(kshim_object *node, const kshim_options *options, kshim_done_fn *done,
					  void *user);

/* How a drain is carried out. */
typedef struct kshim_drain_options kshim_drain_options;

/* New, to kshim_drain_options_free(); NULL without memory. The values are read
 * before kshim_node_drain() returns. Setters return 0, or -1 when the value is
 * out of range or memory is short: nothing is changed then. */
KSHIM_API kshim_drain_options *kshim_drain_options_new(void);
KSHIM_API void kshim_drain_options_free(kshim_drain_options *options);

/* Pods of DaemonSets are left where they are, instead of refusing. */
KSHIM_API int kshim_drain_options_set_ignore_daemonsets(kshim_drain_options *options, int ignore);
/* Pods with emptyDir volumes go, and what is in those with them. */
KSHIM_API int kshim_drain_options_set_delete_emptydir_data(kshim_drain_options *options, int delete_data);
/* Pods that no controller would make again go, too; also those of a DaemonSet
 * that is gone. */
KSHIM_API int kshim_drain_options_set_force(kshim_drain_options *options, int force);
/* Seconds; -1 (default): each Pod's own. */
KSHIM_API int kshim_drain_options_set_grace_period(kshim_drain_options *options, int64_t seconds);
/* The whole drain's deadline in milliseconds; 0 (default): none. */
KSHIM_API int kshim_drain_options_set_timeout(kshim_drain_options *options, int64_t ms);
/* A Pod whose deletionTimestamp, by this machine's clock, is more than so many
 * seconds past is neither asked to go nor waited for; 0 (default): all are. */
KSHIM_API int kshim_drain_options_set_skip_deleted(kshim_drain_options *options, int64_t seconds);
/* How many Pods a page of the Node's list has (500); 0: all in one. */
KSHIM_API int kshim_drain_options_set_limit(kshim_drain_options *options, unsigned limit);
/* Only Pods that match this label selector; NULL: all. It goes to the server as it
 * is: -1 only if it is too long (16 KiB) or has control characters; what else the
 * server does not understand ends the drain with KSHIM_EBADREQUEST, the Node
 * cordoned. */
KSHIM_API int kshim_drain_options_set_pod_selector(kshim_drain_options *options, const char *selector);
/* Deletes, which no PodDisruptionBudget holds up, instead of evicting. */
KSHIM_API int kshim_drain_options_set_disable_eviction(kshim_drain_options *options, int disable);
/* Nothing is stored; the drain ends once the server would have evicted all. */
KSHIM_API int kshim_drain_options_set_dry_run(kshim_drain_options *options, int dry_run);

typedef enum kshim_drain_event {
	KSHIM_DRAIN_IGNORED, /* is left alone: of a DaemonSet */
	KSHIM_DRAIN_WARNED,  /* will go, although: local storage, no controller, no DaemonSet */
	KSHIM_DRAIN_STARTED, /* is asked to go */
	KSHIM_DRAIN_DELAYED, /* may not go now (429, a namespace being deleted): asked again in 5 s */
	KSHIM_DRAIN_FAILED,  /* will not go: the drain goes on with the others, then fails */
	KSHIM_DRAIN_GONE,    /* is gone; of a dry run: would go */
	KSHIM_DRAIN_SKIPPED  /* was asked to go, and is not waited for any more (skip_deleted) */
} kshim_drain_event;

/* What happens to a Pod. `text` says why, or is NULL. Both are borrowed until it
 * returns. Runs from the loop, before the kshim_done_fn. */
typedef void kshim_drain_fn(kshim_object *pod, kshim_drain_event event, const char *text, void *user);

/*
 * Cordons the Node, lists its Pods, sorts them, and makes those go that are to
 * go: at most 16 evictions at a time, one that a PodDisruptionBudget does not
 * allow (429) again every 5 s until the deadline; then waits until each Pod is
 * gone (its uid is not among the Node's Pods any more; looked once a second).
 *
 * Left alone are mirror Pods (annotation kubernetes.io/config.mirror), with
 * ignore_daemonsets those of DaemonSets, and what skip_deleted says. Pods that have
 * finished (Succeeded, Failed) always go.
 *
 * `node` is not changed; `options` and `progress` may be NULL; `user` is given to
 * both callbacks. kshim_result_item_count() is how many Pods went.
 *
 * Errors: KSHIM_EINVAL, before any Pod was asked to go, if some may not without a
 * further option: the message lists them all, in kubectl's words; each is a cause
 * too (reason "DaemonSet", "LocalStorage", "Unmanaged" or "Orphan"; field
 * "NAMESPACE/NAME"; message why). The Node stays cordoned, as kubectl leaves it.
 * KSHIM_ENOTFOUND if there is no such Node; KSHIM_ETIMEDOUT at the deadline; the
 * error of the first Pod that failed, its message naming all of those; those of
 * any call.
 */
KSHIM_API kshim_call *kshim_node_drain(kshim_object *node, const kshim_drain_options *options,
				       kshim_drain_fn *progress, kshim_done_fn *done, void *user);

KSHIM_END_DECLS

#endif
