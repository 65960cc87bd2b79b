/* bare_loop: the bare programs' loop, one multi on epoll, and what their handles have in common. */
#ifndef BARE_LOOP_H
#define BARE_LOOP_H

#include <stdint.h>
#include <curl/curl.h>

#include "bench.h"

struct bare_loop {
	CURLM *multi;
	int epoll;
	uint64_t due;			/* of curl's timer; 0: none */
	void (*finish)(struct bare_loop *loop, CURL *easy, CURLcode rc);
};

void bare_loop_init(struct bare_loop *loop, unsigned connections,
		    void (*finish)(struct bare_loop *loop, CURL *easy, CURLcode rc));
void bare_loop_free(struct bare_loop *loop);
/* One pass; waits at most so long (-1: for ever). */
void bare_loop_step(struct bare_loop *loop, int ms);

/* What every request has, the token of the options among it. New. */
struct curl_slist *bare_headers(const struct bench_options *o);
CURL *bare_handle(const struct bench_options *o, struct curl_slist *headers);

#endif
