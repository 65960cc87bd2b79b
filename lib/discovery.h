/*
 * What the server serves: asked when first needed, in the aggregated form or, of
 * servers before 1.27, the older one; kept by the client until a call finds that
 * it is of the past.
 */
#ifndef KSHIM__DISCOVERY_H
#define KSHIM__DISCOVERY_H

#include "call.h"
#include "discovery_parse.h"

/* Calls resume(call) once discovery is over, at once if it was before; the call
 * waits meanwhile. Whether it went well: kshim__discovery_kinds(). */
void kshim__discovery_need(kshim_call *call, void (*resume)(kshim_call *call));

/* Notes when the call asked: the moment that the next two go by. */
void kshim__discovery_asked(kshim_call *call);
/* true when what is known, if anything, may be older than the call. */
bool kshim__discovery_is_older(const kshim_call *call);
/* The same as kshim__discovery_need(), with what the server says after the call
 * asked; what is known is forgotten where it is older. */
void kshim__discovery_need_newer(kshim_call *call, void (*resume)(kshim_call *call));

/* What is served; NULL if discovery failed, then *error is a copy of why. */
const struct kshim__kinds *kshim__discovery_kinds(kshim_client *client, kshim_error **error);

/* What is served as far as it is known now, without asking: or NULL. */
const struct kshim__kinds *kshim__discovery_loaded(kshim_client *client);

/* Kinds that the program itself made known, or NULL. */
const struct kshim__kinds *kshim__discovery_added(kshim_client *client);

/* After discovery: the kind is served, but not where somebody knew it to be; or
 * not at all. What the program made known of it, or what a definition told, is
 * forgotten; and the first is remembered. */
void kshim__discovery_moved(kshim_client *client, const kshim_kind *kind);
void kshim__discovery_gone(kshim_client *client, const kshim_kind *kind);
bool kshim__discovery_has_moved(kshim_client *client);

#endif
