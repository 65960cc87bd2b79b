/*
 * kubeshim/metadata.h - labels, annotations, finalizers and owner references of an
 * object on the server, safe against others who change it at the same time.
 *
 * The callbacks follow the contract of common.h. A call is NULL, and
 * kshim_client_error() tells, for an object without a name, a key or value that the
 * server would refuse (KSHIM_EINVAL), or without memory. On success the object takes
 * the server's answer, and is the result's (not so with a dry run). KSHIM_ENOTFOUND:
 * it is not there. Options: the deadline, dry run and field manager.
 */
#ifndef KUBESHIM_METADATA_H
#define KUBESHIM_METADATA_H

#include <kubeshim/common.h>
#include <kubeshim/options.h>

KSHIM_BEGIN_DECLS

/* Sets one label or annotation, whatever it was; a NULL value removes it, and it is
 * fine if it is not there. One merge patch, which touches that key alone. A key is a
 * name of at most 63 letters, digits, '-', '_', '.', perhaps behind a DNS subdomain
 * and '/'; a label's value is such a name, or empty; an annotation's is any UTF-8
 * (Kubernetes documents, "Labels and Selectors", "Annotations"). */
KSHIM_API kshim_call *kshim_object_label(kshim_object *object, const char *key, const char *value,
					 const kshim_options *options, kshim_done_fn *done, void *user);
KSHIM_API kshim_call *kshim_object_annotate(kshim_object *object, const char *key, const char *value,
					    const kshim_options *options, kshim_done_fn *done, void *user);

/*
 * Lists have no keys: the object is read, and the new list sent on condition that
 * its resourceVersion is still that one; if it changed meanwhile this is done again,
 * a few times (then KSHIM_ECONFLICT). Where the list is as wanted already nothing is
 * sent: the object takes what was read.
 */

/* Adds or removes metadata.finalizers' "example.com/name". Removing what is not
 * there is fine. KSHIM_EREFUSED: added while the object is being deleted. */
KSHIM_API kshim_call *kshim_object_add_finalizer(kshim_object *object, const char *finalizer,
						 const kshim_options *options, kshim_done_fn *done, void *user);
KSHIM_API kshim_call *kshim_object_remove_finalizer(kshim_object *object, const char *finalizer,
						    const kshim_options *options, kshim_done_fn *done, void *user);

enum {
	KSHIM_OWNER_CONTROLLER = 1, /* the one that manages it; an object has at most one (KSHIM_EREFUSED) */
	KSHIM_OWNER_BLOCKS = 2      /* blockOwnerDeletion: a foreground delete of the owner waits for it */
};

/* Makes `owner`, which was read from the server (it holds apiVersion, kind, name and
 * uid: else KSHIM_EINVAL), an owner of the object, so that the garbage collector
 * deletes it with its owners; `flags` are those above or 0. One that is an owner
 * already gets these flags. An owner with a namespace owns in that one only
 * (Kubernetes documents, "Owners and Dependents"): KSHIM_EINVAL if the object says
 * that it is in another. */
KSHIM_API kshim_call *kshim_object_add_owner(kshim_object *object, kshim_object *owner, unsigned flags,
					     const kshim_options *options, kshim_done_fn *done, void *user);

/* Removes the owner by its uid; it is fine if it is none. */
KSHIM_API kshim_call *kshim_object_remove_owner(kshim_object *object, kshim_object *owner,
						const kshim_options *options, kshim_done_fn *done, void *user);

KSHIM_END_DECLS

#endif
