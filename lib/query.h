/* Queries from the inside: see kubeshim/query.h. */
#ifndef KSHIM__QUERY_H
#define KSHIM__QUERY_H

#include "call.h"

#include <kubeshim/query.h>

/* The one object, as the collection of its kind that holds it alone: lists of it
 * have a resourceVersion to watch from, whether it is there or not. New; NULL,
 * with the client's error set, for an object without a name or without memory. */
kshim_query *kshim__query_of_object(kshim_object *object);

/* A watch, as one request. */
struct kshim__stream {
	const char *version; /* to go on from; NULL: none */
	bool state;          /* the state of now comes first (sendInitialEvents) */
	unsigned seconds;    /* after which the server ends it */
	enum kshim__lane_kind lane;
	enum kshim__sink (*take)(kshim_call *call, const char *data, size_t len); /* as call->take */
	void (*headed)(kshim_call *call);
};
kshim_call *kshim__query_stream(kshim_query *query, const struct kshim__stream *stream, kshim_done_fn *done,
				void *user);

/* As kshim_query_list(), for who tries again itself. `at_least`: no state older than
 * that will do; NULL: the newest. With `first_only` no more than one item comes. */
kshim_call *kshim__query_state(kshim_query *query, const char *at_least, bool first_only,
			       void (*headed)(kshim_call *call), kshim_item_fn *item, kshim_done_fn *done, void *user);

/* true if both mean the same kind in the same namespace, selectors not regarded. */
bool kshim__query_same_scope(const kshim_query *a, const kshim_query *b);

/* The namespace whose objects a name in it is of: that of the query, or "" where it
 * has none of its own or means all. */
const char *kshim__query_namespace(const kshim_query *query);

/* The resourceVersion of the query; borrowed, NULL if none. */
const char *kshim__query_version(const kshim_query *query);
kshim_client *kshim__query_client(const kshim_query *query);

#endif
