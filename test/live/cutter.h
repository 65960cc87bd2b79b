/*
 * A forwarder between a client and a server, both at 127.0.0.1, that cuts its
 * connections when it is told to. It runs in a child process: start it before there
 * is a client. Where something fails, so does the test.
 */
#ifndef CUTTER_H
#define CUTTER_H

#include <stdbool.h>
#include <stddef.h>

struct cutter;

/* To the server of a URL ("https://127.0.0.1:6443"). */
struct cutter *cutter_start(const char *url);
void cutter_stop(struct cutter *cutter);

/* Where it listens. */
unsigned cutter_port(const struct cutter *cutter);

/* All connections are cut once so many bytes more came from the server: in the
 * middle of a record, or of a line. With an RST, or as if the peer had closed. */
void cutter_cut(struct cutter *cutter, size_t after, bool reset);

/* How many connections were cut while they were open, and how often. */
unsigned cutter_connections(const struct cutter *cutter);
unsigned cutter_cuts(const struct cutter *cutter);

#endif
