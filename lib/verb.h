/*
 * From what a verb is about (a kind, a namespace, a name) to a request: the kind
 * is looked up, its version chosen, the path made.
 */
#ifndef KSHIM__VERB_H
#define KSHIM__VERB_H

#include "call.h"

/* A call about an object, not yet begun, answered by an object. With needs_name
 * its name goes into the path. NULL, with the client's error set, for a NULL
 * object, one without a valid name, a closed client, or without memory. */
kshim_call *kshim__verb_on_object(kshim_object *object, const char *method, const kshim_options *options,
				  bool needs_name, kshim_done_fn *done, void *user);

/* Resolves call->target, makes call->request.path of it, namespace_, name,
 * subresource and params, and sends. */
void kshim__verb_go(kshim_call *call);

/* Resolves call->target only, then calls then(call). */
void kshim__verb_resolve(kshim_call *call, void (*then)(kshim_call *call));

/* Makes the path anew and sends: for a further step, or page. */
void kshim__verb_send(kshim_call *call);

/* Adds to call->params; false without memory. */
bool kshim__verb_param(kshim_call *call, const char *key, const char *value);

#endif
