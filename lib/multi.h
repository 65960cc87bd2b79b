/*
 * A curl multi on the loop. Its callbacks only store: an interest, a deadline,
 * a finished transfer; everything else happens after libcurl has returned.
 */
#ifndef KSHIM__MULTI_H
#define KSHIM__MULTI_H

#include "loop.h"

#include <curl/curl.h>
#include <stdbool.h>
#include <stddef.h>

struct kshim__socket;

struct kshim__multi {
	kshim_loop *loop;
	CURLM *curl; /* NULL after a failure, until the next transfer */
	long max_connections;
	long max_streams; /* of a connection, over HTTP/2 */
	struct kshim__timer timer;
	struct kshim__task kick; /* libcurl's timeout is 0: due in this pass */
	bool forgetful; /* libcurl may keep bytes and not say so: see nudged() */
	struct kshim__timer nudge;
	unsigned nudges; /* so many there were */
	bool changed; /* which transfers run, since the last one */
	uint64_t progress; /* counts what came out of libcurl */
	unsigned paused; /* exchanges that are */
	unsigned connections; /* that are open, or being opened */
	bool no_memory; /* for the record of a socket, since this was last looked at */
	struct kshim__link exchanges;
	struct kshim__socket **sockets; /* by descriptor */
	size_t socket_room;
};

/* One easy handle's run through a multi. */
struct kshim__exchange {
	struct kshim__link link;
	CURL *easy;
	bool paused;
	/* From the loop, never from inside libcurl; the exchange is out of the
	 * multi by then. */
	void (*finished)(struct kshim__exchange *exchange, CURLcode code);
};

bool kshim__multi_init(struct kshim__multi *multi, kshim_loop *loop);
void kshim__multi_free(struct kshim__multi *multi); /* no exchange is in it any more */
void kshim__multi_set_limits(struct kshim__multi *multi, long connections, long streams);
/* Closes the connections that are kept, unless some are in use. */
void kshim__multi_drop_connections(struct kshim__multi *multi);
void kshim__multi_set_http2(struct kshim__multi *multi, bool http2);

/* CURLOPT_PRIVATE of the easy handle must be the exchange. */
bool kshim__multi_add(struct kshim__multi *multi, struct kshim__exchange *exchange);
/* Takes an unfinished exchange out: its connection is dropped, or on HTTP/2 its
 * stream reset. */
void kshim__multi_remove(struct kshim__multi *multi, struct kshim__exchange *exchange);
/* What the exchange's write callback is about to answer. */
void kshim__multi_set_paused(struct kshim__multi *multi, struct kshim__exchange *exchange, bool paused);
/* Goes on with an exchange whose write callback paused it. */
void kshim__multi_unpause(struct kshim__multi *multi, struct kshim__exchange *exchange);

/* For CURLOPT_OPENSOCKETFUNCTION and CURLOPT_CLOSESOCKETFUNCTION, with the multi
 * as their data. */
curl_socket_t kshim__multi_open_socket(void *multi, curlsocktype purpose, struct curl_sockaddr *address);
int kshim__multi_close_socket(void *multi, curl_socket_t fd);

#endif
