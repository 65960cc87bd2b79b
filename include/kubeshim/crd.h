/*
 * kubeshim/crd.h - kinds that a CustomResourceDefinition (apiextensions.k8s.io/v1)
 * defines, at run time.
 *
 * A kind need not be defined here to be used: kshim_query_new_named() and
 * kshim_client_find_kind() find it by discovery. A definition tells more (where in
 * the object scale is), and that the kind can be used already.
 */
#ifndef KUBESHIM_CRD_H
#define KUBESHIM_CRD_H

#include <kubeshim/common.h>
#include <kubeshim/options.h>

KSHIM_BEGIN_DECLS

/* The kind that a definition defines, as it was read from the server or from a
 * manifest: group, names, scope; the served versions in Kubernetes' order of
 * priority ("Version priority" in its documentation of CustomResourceDefinitions:
 * v2, v1, v1beta2, …), the first eight; the subresources of the first of them, and
 * where its spec has the number of replicas. No request is made, and the object
 * stays as it is. New reference, to kshim_kind_unref(). NULL, and
 * kshim_client_error() names the field, for what is no definition, defines no
 * served version, or has a name that cannot be (KSHIM_EINVAL); without memory. */
KSHIM_API kshim_kind *kshim_crd_kind(kshim_object *definition);

/* Reads the definition of that name ("widgets.example.com") and waits, on a watch,
 * until the server serves it: its conditions Established and NamesAccepted are
 * True. The client then knows the kind, as by kshim_client_add_kind(); it is
 * kshim_result_kind(), and the definition kshim_result_object(). Fails with
 * KSHIM_ENOTFOUND if there is no such definition or it is deleted meanwhile, with
 * KSHIM_ECONFLICT and the server's words if its names are another's, with
 * KSHIM_ETIMEDOUT at the deadline of the options. Takes list and watch of
 * CustomResourceDefinitions. */
KSHIM_API kshim_call *kshim_crd_define(kshim_client *client, const char *name, const kshim_options *options,
				       kshim_done_fn *done, void *user);

KSHIM_END_DECLS

#endif
