/* fakeserver: the event loop of the fake API server: a listener, its connections, timers. */
#ifndef FAKESERVER_H
#define FAKESERVER_H

#include <openssl/ssl.h>

#include "fakeapi.h"
#include "fakelog.h"
#include "fakereply.h"

struct fakeconn;

struct faketimer {
	uint64_t due;		/* 0: not armed */
	void (*fire)(void *ctx);
	void *ctx;
	struct faketimer *prev, *next;
};

struct fakeserver {
	const struct fakeapi_options *options;
	struct fakescript script;
	struct fakelog *log;
	SSL_CTX *tls;		/* NULL: plain */
	int epoll, listener, signals;
	unsigned accepted;
	struct fakeconn *conns;
	struct faketimer *timers, tick;
};

/* Runs until SIGTERM or SIGINT. Takes the listener. Returns 0, or -1 if it could not start. */
int fakeserver_run(const struct fakeapi_options *options, SSL_CTX *tls, struct fakelog *log,
		   int listener);

/* The earlier of this and what was armed before. */
void fakeserver_arm(struct fakeserver *server, struct faketimer *timer, uint64_t due);
void fakeserver_disarm(struct fakeserver *server, struct faketimer *timer);

#endif
