/*
 * events: what a watch of Pods brings: MODIFIED, a line each of about 4 KB. They are
 * made beforehand, as a ring; of one that is sent only the resourceVersion is new.
 */
#ifndef EVENTS_H
#define EVENTS_H

#include "../test/faults/fakeapi.h"
#include "pods.h"
#include "protobuf.h"

struct events;

struct events *events_new(struct pods *pods);
void events_free(struct events *events);
/* Whoever asks for protobuf gets these from now on, which are borrowed: as many as there are Pods. */
void events_set_protobuf(struct events *events, struct record *record);

/*
 * The stream that this watch gets: of namespace "events-N" N events as
 * fast as they are taken, of "poked" one for each poke, of any other none.
 */
void events_watch(struct events *events, const struct fakeapi_request *req, struct fakeapi_answer *out);
unsigned events_poke(struct events *events);	/* how many streams that were */

#endif
