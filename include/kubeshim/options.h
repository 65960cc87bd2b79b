/*
 * kubeshim/options.h - how a verb is carried out.
 *
 * Wherever a function takes `const kshim_options *options`, NULL is the
 * default. The values are read before the function returns: one kshim_options
 * may serve any number of calls. What a verb has no use for is ignored.
 * Setters return 0, or -1 when the value is out of range or memory is short
 * (the option is then unchanged).
 */
#ifndef KUBESHIM_OPTIONS_H
#define KUBESHIM_OPTIONS_H

#include <kubeshim/common.h>

KSHIM_BEGIN_DECLS

typedef enum kshim_propagation {
	KSHIM_PROPAGATION_DEFAULT, /* what the server does for the kind */
	KSHIM_PROPAGATION_BACKGROUND,
	KSHIM_PROPAGATION_FOREGROUND,
	KSHIM_PROPAGATION_ORPHAN
} kshim_propagation;

typedef enum kshim_validation {
	KSHIM_VALIDATION_DEFAULT,
	KSHIM_VALIDATION_STRICT, /* unknown or doubled fields are an error */
	KSHIM_VALIDATION_WARN,
	KSHIM_VALIDATION_IGNORE
} kshim_validation;

/* New, with the defaults, to kshim_options_free(); NULL without memory. */
KSHIM_API kshim_options *kshim_options_new(void);
KSHIM_API void kshim_options_free(kshim_options *options);

/* The whole call's deadline, retries and waiting included, in milliseconds; 0:
 * none; -1 (default): the client's. */
KSHIM_API int kshim_options_set_timeout(kshim_options *options, int64_t ms);

/* The server does everything but store (dryRun=All). */
KSHIM_API int kshim_options_set_dry_run(kshim_options *options, int dry_run);

/* Who manages the fields that are written (fieldManager; at most 128 bytes).
 * Apply needs one: its default is "kubeshim". */
KSHIM_API int kshim_options_set_field_manager(kshim_options *options, const char *manager);

/* Apply: take fields over from other managers instead of a conflict. */
KSHIM_API int kshim_options_set_force(kshim_options *options, int force);

/* Writes: what the server does about fields that the kind does not have
 * (fieldValidation; Kubernetes API concepts, "Validation for unrecognized or
 * duplicate fields"). DEFAULT is the server's choice, which is to warn; before
 * Kubernetes 1.25 it may do nothing. */
KSHIM_API int kshim_options_set_validation(kshim_options *options, kshim_validation validation);

/* "status", "scale", "eviction", …: the verb goes to this subresource. */
KSHIM_API int kshim_options_set_subresource(kshim_options *options, const char *subresource);

/* Delete: what becomes of dependents; the grace period in seconds (-1: the
 * object's own; 0: at once); only if uid or resourceVersion are still these. */
KSHIM_API int kshim_options_set_propagation(kshim_options *options, kshim_propagation propagation);
KSHIM_API int kshim_options_set_grace_period(kshim_options *options, int64_t seconds);
KSHIM_API int kshim_options_set_precondition_uid(kshim_options *options, const char *uid);
KSHIM_API int kshim_options_set_precondition_version(kshim_options *options, const char *resource_version);

/* Update: send the resourceVersion that was read, so that the server answers
 * KSHIM_ECONFLICT if the object changed meanwhile. */
KSHIM_API int kshim_options_set_if_unchanged(kshim_options *options, int if_unchanged);

/* Scale: wait, on a watch, until as many replicas are ready, too. Of Deployments,
 * ReplicaSets, ReplicationControllers and StatefulSets; of other kinds scale then
 * fails with KSHIM_EINVAL before it sends anything. KSHIM_ECONFLICT if another
 * scales it meanwhile. */
KSHIM_API int kshim_options_set_wait_ready(kshim_options *options, int wait_ready);

KSHIM_END_DECLS

#endif
