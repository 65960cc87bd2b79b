/*
 * protobuf: the same Pods as protobuf, which we do not write ourselves: `client-go protobuf encode` gets them as JSON
 * and makes what an API server would have sent.
 *
 * A file of records, each behind its length in 4 bytes, the highest first: as many Pods as replay has, as many events
 * of them as frames of a watch, and the list.
 */
#ifndef PROTOBUF_H
#define PROTOBUF_H

#include <stddef.h>

#define PROTOBUF_TYPE "application/vnd.kubernetes.protobuf"

struct protobuf;

struct record {
	char *bytes;
	size_t len;
};

/* Ends the program with a message if that is not in the file. */
struct protobuf *protobuf_read(const char *path, unsigned pods);
void protobuf_free(struct protobuf *protobuf);

/* Borrowed. */
const struct record *protobuf_pod(const struct protobuf *protobuf, unsigned i);
struct record *protobuf_events(struct protobuf *protobuf);	/* as many as Pods */
const struct record *protobuf_list(const struct protobuf *protobuf);

#endif
