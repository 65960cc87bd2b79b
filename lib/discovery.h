/*
 * What the server serves: asked once per client, when first needed, in the
 * aggregated form or, of servers before 1.27, the older one.
 */
#ifndef KSHIM__DISCOVERY_H
#define KSHIM__DISCOVERY_H

#include "call.h"
#include "discovery_parse.h"

/* Calls resume(call) once discovery is over, at once if it was before; the call
 * waits meanwhile. Whether it went well: kshim__discovery_kinds(). */
void kshim__discovery_need(kshim_call *call, void (*resume)(kshim_call *call));

/* What is served; NULL if discovery failed, then *error is a copy of why. */
const struct kshim__kinds *kshim__discovery_kinds(kshim_client *client, kshim_error **error);

/* Kinds that the program itself made known, or NULL. */
const struct kshim__kinds *kshim__discovery_added(kshim_client *client);

#endif
