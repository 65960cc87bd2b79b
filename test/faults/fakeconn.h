/* fakeconn: one connection: TLS, what is to be written, how it closes. */
#ifndef FAKECONN_H
#define FAKECONN_H

#include <sys/types.h>

#include "fakebuf.h"
#include "fakeserver.h"

struct fakeconn;

/* A protocol on a connection; .state is its own. */
struct fakeproto {
	void (*open)(struct fakeconn *conn);
	void (*input)(struct fakeconn *conn, const char *bytes, size_t n);
	/* Called when all output is with the kernel. Adds to it, if there is something to say. */
	void (*pump)(struct fakeconn *conn);
	void (*free)(struct fakeconn *conn);
};

extern const struct fakeproto fakeh1, fakeh2;

enum fakeclose {
	FAKECLOSE_NO,
	FAKECLOSE_ORDERLY,	/* close_notify, FIN */
	FAKECLOSE_ABRUPT,	/* FIN */
	FAKECLOSE_RESET,	/* RST */
	FAKECLOSE_NOW,		/* nobody is there */
};

struct fakeconn {
	struct fakeserver *server;
	int fd;
	unsigned number, requests;
	SSL *ssl;
	bool handshaking, mute;
	uint32_t interest;
	struct fakebuf out;
	const struct fakeproto *proto;
	void *state;
	enum fakeclose closing;		/* once the output is with the kernel */
	bool lingering;			/* closed our way, reads until the peer's FIN */
	uint64_t reset_due;
	enum fakeclose stale;		/* how the next request ends */
	struct faketimer timer;
	char *client_cn;
	struct fakeconn *prev, *next;
};

void fakeconn_new(struct fakeserver *server, int fd);
void fakeconn_free(struct fakeconn *conn);
void fakeconn_run(struct fakeconn *conn);

/* For protocols. */
void fakeconn_close(struct fakeconn *conn, enum fakeclose how);
struct fakereply *fakeconn_request(struct fakeconn *conn, struct fakeapi_request *req);
/* What a fault or an end does to the connection; false: it is the protocol's affair. */
bool fakeconn_end(struct fakeconn *conn, const struct fakereply *reply);

#endif
