/*
 * kubeshim/wait.h - waiting for what becomes of an object, and whether it is
 * so already.
 *
 * Nothing is polled: the object is listed once by its name, then watched; broken
 * connections and expired versions are met in here. It takes the verbs list and
 * watch. Each wait ends with the call's deadline (kshim_options_set_timeout(), by
 * default the client's minute; 0: never) and then fails with KSHIM_ETIMEDOUT.
 *
 * The callbacks follow the contract of common.h. A call is NULL, and
 * kshim_client_error() tells, for an object without a name, a missing argument
 * (KSHIM_EINVAL) or without memory. Once something was read, a broken connection
 * (KSHIM_ECONNECT, KSHIM_EPROTOCOL, KSHIM_ESERVER) is no failure until the deadline;
 * what cannot pass by itself (KSHIM_EFORBIDDEN, KSHIM_ENOKIND, …) is one at once.
 *
 * On success of kshim_wait_condition() and kshim_wait_value() the object takes the
 * state that was waited for, as by kshim_object_reload(), and is the result's.
 */
#ifndef KUBESHIM_WAIT_H
#define KUBESHIM_WAIT_H

#include <kubeshim/common.h>
#include <kubeshim/options.h>

KSHIM_BEGIN_DECLS

/* Until status.conditions has `type` with `status` (NULL: "True"), in whatever case
 * of letters. A condition counts only if it tells of the spec as it is: its
 * observedGeneration, or else the status's, is no less than metadata.generation
 * (kubectl wait, condition.go). KSHIM_ENOTFOUND if the object is not there, or is
 * deleted meanwhile. */
KSHIM_API kshim_call *kshim_wait_condition(kshim_object *object, const char *type, const char *status,
					   const kshim_options *options, kshim_done_fn *done, void *user);

/* Until what an RFC 6901 pointer ("/status/phase") finds is `value`: a string, or a
 * number or boolean as JSON writes it; white space around it does not count. NULL:
 * until anything but null is there. KSHIM_EINVAL if it is a list or an object that
 * shall be a value (kubectl wait, json.go); KSHIM_ENOTFOUND as above. */
KSHIM_API kshim_call *kshim_wait_value(kshim_object *object, const char *pointer, const char *value,
				       const kshim_options *options, kshim_done_fn *done, void *user);

/* Until the object is gone; at once if it is not there. What was meant is told by
 * the object's uid or, if it holds none, by that of the first state that is seen:
 * another object of the same name counts as gone. The result has no object. */
KSHIM_API kshim_call *kshim_wait_deleted(kshim_object *object, const kshim_options *options, kshim_done_fn *done,
					 void *user);

/* 1 if the object, as it is here, has what kshim_wait_condition() or
 * kshim_wait_value() with the same arguments would wait for; else 0, also for
 * arguments that are missing. -1: a value is asked for where a list or an object
 * stands. No request is made. */
KSHIM_API int kshim_object_has_condition(kshim_object *object, const char *type, const char *status);
KSHIM_API int kshim_object_has_value(kshim_object *object, const char *pointer, const char *value);

/* 1 if the object, as it was last read, is ready; else 0, also for kinds that have
 * no readiness. No request is made. For all with a spec.replicas the status must be
 * of the spec as it is (status.observedGeneration).
 *  - Deployment: rolled out, as kubectl rollout status has it: all replicas are
 *    updated, no older ones are left, all of them are available;
 *  - ReplicaSet, ReplicationController, StatefulSet: readyReplicas is no less than
 *    spec.replicas (a StatefulSet's update need not be over);
 *  - DaemonSet: every Pod that is due is updated and ready;
 *  - Pod, Node: condition Ready is True; Job: condition Complete is True;
 *  - DaskCluster: status.phase is Running. */
KSHIM_API int kshim_object_is_ready(kshim_object *object);

KSHIM_END_DECLS

#endif
