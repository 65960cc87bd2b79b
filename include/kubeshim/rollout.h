/*
 * kubeshim/rollout.h - rollouts of Deployments, DaemonSets and StatefulSets: going
 * back to an earlier Pod template, restarting, pausing, waiting, and what was
 * before. As kubectl rollout does it (kubectl pkg/polymorphichelpers, 1.36), for
 * apps/v1.
 *
 * The callbacks follow the contract of common.h. A call is NULL, and
 * kshim_client_error() tells, for any other kind or an object without a name
 * (KSHIM_EINVAL) or without memory. The object is needed for its kind, namespace
 * and name only: its state is read anew. Options: the deadline, dry run and field
 * manager.
 */
#ifndef KUBESHIM_ROLLOUT_H
#define KUBESHIM_ROLLOUT_H

#include <kubeshim/common.h>
#include <kubeshim/options.h>

KSHIM_BEGIN_DECLS

/* Puts an earlier revision's Pod template back; `revision` 0: the last but one. A
 * Deployment's revisions are its ReplicaSets, whose annotations it takes over, too;
 * of the others they are ControllerRevisions. On success the object takes the
 * server's answer, as by kshim_object_patch(), and is the result's.
 *
 * Where the template is that one already nothing is sent: the call succeeds,
 * kshim_result_found() is 0, and kshim_result_warning() 0 is kubectl's "skipped
 * rollback (current template already matches revision N)".
 *
 * KSHIM_ENOTFOUND: the object, or such a revision, or any earlier one is not there;
 * KSHIM_ECONFLICT: the Deployment is paused; KSHIM_EINVAL: a negative revision (NULL
 * is returned). */
KSHIM_API kshim_call *kshim_rollout_undo(kshim_object *object, int64_t revision, const kshim_options *options,
					 kshim_done_fn *done, void *user);

/* Replaces every Pod, in the way the object's strategy says: sets the Pod
 * template's annotation kubectl.kubernetes.io/restartedAt to the time (UTC, whole
 * seconds: a second restart within the same second changes nothing). The object
 * takes the answer. KSHIM_ECONFLICT: the Deployment is paused. */
KSHIM_API kshim_call *kshim_rollout_restart(kshim_object *object, const kshim_options *options, kshim_done_fn *done,
					    void *user);

/* Sets a Deployment's spec.paused; one that is so already is left as it is. The
 * object takes the answer. KSHIM_EINVAL, and NULL, for other kinds. */
KSHIM_API kshim_call *kshim_rollout_pause(kshim_object *object, const kshim_options *options, kshim_done_fn *done,
					  void *user);
KSHIM_API kshim_call *kshim_rollout_resume(kshim_object *object, const kshim_options *options, kshim_done_fn *done,
					   void *user);

/* How far a rollout is: kubectl's sentence, without its newline, whenever it is
 * another one; the last one says that it is over. Both borrowed until it returns. */
typedef void kshim_progress_fn(const char *text, kshim_object *state, void *user);

/* Waits, on a watch, until the rollout is over: see wait.h for the deadline, and for
 * what is no failure before it. `progress` may be NULL. The object takes the last
 * state and is the result's.
 *
 * KSHIM_ETIMEDOUT with kshim_error_reason() "ProgressDeadlineExceeded": the
 * Deployment's own deadline passed (one whose reason is NULL was the call's);
 * KSHIM_ENOTFOUND: not there, deleted meanwhile, or created anew; KSHIM_EINVAL: a
 * DaemonSet or StatefulSet whose updateStrategy is not RollingUpdate. */
KSHIM_API kshim_call *kshim_rollout_status(kshim_object *object, kshim_progress_fn *progress,
					   const kshim_options *options, kshim_done_fn *done, void *user);

/* One revision. All that is borrowed of it lives until the callback returns. */
typedef struct kshim_revision kshim_revision;
/* As kshim_rollout_undo() takes it. */
KSHIM_API int64_t kshim_revision_number(const kshim_revision *revision);
/* The annotation kubernetes.io/change-cause; NULL if there is none. */
KSHIM_API const char *kshim_revision_change_cause(const kshim_revision *revision);
/* The Pod template as undo would put it back: JSON text, NUL-terminated (no label
 * pod-template-hash, no "$patch"); NULL without memory. */
KSHIM_API const char *kshim_revision_template(kshim_revision *revision, size_t *len);
/* Its ReplicaSet or ControllerRevision: kshim_object_ref() keeps it. */
KSHIM_API kshim_object *kshim_revision_object(const kshim_revision *revision);

/* For each revision, ascending, before the kshim_done_fn. */
typedef void kshim_revision_fn(kshim_revision *revision, void *user);

/* What was rolled out before, and now. kshim_result_item_count() is the number of
 * revisions; none is no error. The result's object is the state that was read; the
 * object itself stays as it is. KSHIM_ENOTFOUND: the object is not there. */
KSHIM_API kshim_call *kshim_rollout_history(kshim_object *object, kshim_revision_fn *each,
					    const kshim_options *options, kshim_done_fn *done, void *user);

KSHIM_END_DECLS

#endif
