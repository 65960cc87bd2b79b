/* Queries from the inside: see kubeshim/query.h. */
#ifndef KSHIM__QUERY_H
#define KSHIM__QUERY_H

#include "call.h"

#include <kubeshim/query.h>

/* The one object, as the collection of its kind that holds it alone: lists of it
 * have a resourceVersion to watch from, whether it is there or not. New; NULL,
 * with the client's error set, for an object without a name or without memory. */
kshim_query *kshim__query_of_object(kshim_object *object);

/* A watch, as one request: its bytes go to data(call, …) as they come, call->user
 * being `user`; it ends when the server ends it, after `seconds` at the latest. */
kshim_call *kshim__query_stream(kshim_query *query, const char *resource_version, unsigned seconds,
				void (*data)(kshim_call *call, const char *data, size_t len), kshim_done_fn *done,
				void *user);

#endif
