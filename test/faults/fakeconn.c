#include "fakeconn.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#define BLOCKED (-1)
#define GONE (-2)
#define RESET_DELAY 30000000ull		/* ns */

static void run_later(void *ctx)
{
	fakeconn_run(ctx);
}

void fakeconn_new(struct fakeserver *s, int fd)
{
	const struct fakeapi_options *o = s->options;
	struct epoll_event ev = { .events = EPOLLIN };
	struct fakeconn *c;

	atomic_fetch_add(&s->log->connections, 1);
	s->accepted++;
	if (s->accepted <= o->drop_first) {
		close(fd);
		return;
	}
	c = fake_alloc(sizeof(*c));
	c->server = s;
	c->fd = fd;
	c->number = s->accepted;
	c->interest = EPOLLIN;
	c->timer.fire = run_later;
	c->timer.ctx = c;
	c->mute = s->accepted <= o->drop_first + o->mute_first;
	c->next = s->conns;
	if (s->conns)
		s->conns->prev = c;
	s->conns = c;
	atomic_fetch_add(&s->log->open, 1);
	ev.data.ptr = c;
	if (epoll_ctl(s->epoll, EPOLL_CTL_ADD, fd, &ev))
		abort();
	if (s->tls) {
		c->ssl = SSL_new(s->tls);
		if (!c->ssl || !SSL_set_fd(c->ssl, fd))
			abort();
		SSL_set_accept_state(c->ssl);
		c->handshaking = true;
	} else {
		c->proto = o->http == FAKEAPI_H2 ? &fakeh2 : &fakeh1;
		c->proto->open(c);
	}
}

void fakeconn_free(struct fakeconn *c)
{
	struct fakeserver *s = c->server;

	if (c->proto)
		c->proto->free(c);
	fakeserver_disarm(s, &c->timer);
	SSL_free(c->ssl);
	close(c->fd);
	fakebuf_free(&c->out);
	free(c->client_cn);
	if (c->prev)
		c->prev->next = c->next;
	else
		s->conns = c->next;
	if (c->next)
		c->next->prev = c->prev;
	if (!c->lingering)
		atomic_fetch_sub(&s->log->open, 1);
	free(c);
}

void fakeconn_close(struct fakeconn *c, enum fakeclose how)
{
	if (how > c->closing)
		c->closing = how;
}

static void run_soon(void *conn)
{
	struct fakeconn *c = conn;

	fakeserver_arm(c->server, &c->timer, 1);
}

static void mute(void *conn, bool on)
{
	struct fakeconn *c = conn;

	c->mute = on;
}

struct fakereply *fakeconn_request(struct fakeconn *c, struct fakeapi_request *req)
{
	struct fakeapi_live live = { .more = run_soon, .mute = mute, .conn = c };

	req->connection = c->number;
	req->number = ++c->requests;
	req->client_cn = c->client_cn;
	req->sni = c->ssl ? SSL_get_servername(c->ssl, TLSEXT_NAMETYPE_host_name) : NULL;
	return fakereply_new(&c->server->script, c->server->log, req, &live);
}

bool fakeconn_end(struct fakeconn *c, const struct fakereply *r)
{
	switch (r->answer.end) {
	case FAKEAPI_CUT:
	case FAKEAPI_HANG_UP:
	case FAKEAPI_DROP:
		fakeconn_close(c, FAKECLOSE_ORDERLY);
		return true;
	case FAKEAPI_CUT_ABRUPT:
		fakeconn_close(c, FAKECLOSE_ABRUPT);
		return true;
	case FAKEAPI_CUT_RESET:
	case FAKEAPI_HANG_UP_RESET:
		fakeconn_close(c, FAKECLOSE_RESET);
		return true;
	case FAKEAPI_STALE:
		c->stale = FAKECLOSE_ORDERLY;
		return true;
	case FAKEAPI_STALE_RESET:
		c->stale = FAKECLOSE_RESET;
		return true;
	case FAKEAPI_END:
	case FAKEAPI_STALL:
	case FAKEAPI_MUTE:
		return true;
	default:
		return false;
	}
}

static int tls_result(struct fakeconn *c, int n)
{
	int why = SSL_get_error(c->ssl, n);

	ERR_clear_error();
	return why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE ? BLOCKED :
	       why == SSL_ERROR_ZERO_RETURN ? 0 : GONE;
}

/* Bytes, 0 at the peer's end, BLOCKED or GONE. */
static ssize_t read_some(struct fakeconn *c, char *buf, size_t max)
{
	ssize_t n;

	if (c->ssl && c->proto) {
		n = SSL_read(c->ssl, buf, (int)max);
		return n > 0 ? n : tls_result(c, (int)n);
	}
	n = recv(c->fd, buf, max, 0);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? BLOCKED : GONE;
	return n;
}

static ssize_t write_some(struct fakeconn *c, const char *buf, size_t n)
{
	ssize_t sent;

	if (c->ssl) {
		sent = SSL_write(c->ssl, buf, (int)n);
		return sent > 0 ? sent : tls_result(c, (int)sent);
	}
	sent = send(c->fd, buf, n, MSG_NOSIGNAL);
	if (sent < 0)
		return errno == EAGAIN || errno == EINTR ? BLOCKED : GONE;
	return sent;
}

static bool flush(struct fakeconn *c)
{
	while (fakebuf_used(&c->out)) {
		ssize_t n = write_some(c, fakebuf_bytes(&c->out), fakebuf_used(&c->out));

		if (n == GONE)
			fakeconn_close(c, FAKECLOSE_NOW);
		if (n < 0)
			return false;
		fakebuf_eat(&c->out, (size_t)n);
	}
	return true;
}

static void set_interest(struct fakeconn *c, uint32_t interest)
{
	struct epoll_event ev = { .events = interest, .data.ptr = c };

	if (interest != c->interest && !epoll_ctl(c->server->epoll, EPOLL_CTL_MOD, c->fd, &ev))
		c->interest = interest;
}

static void save_client_cn(struct fakeconn *c)
{
	X509 *cert = SSL_get1_peer_certificate(c->ssl);
	char cn[256];

	if (cert && X509_NAME_get_text_by_NID(X509_get_subject_name(cert), NID_commonName, cn,
					      sizeof(cn)) > 0)
		c->client_cn = fake_strndup(cn, strlen(cn));
	X509_free(cert);
}

static bool handshake(struct fakeconn *c)
{
	const unsigned char *alpn;
	unsigned alpn_len;
	int n = SSL_do_handshake(c->ssl);

	if (n != 1) {
		n = tls_result(c, n);
		if (n != BLOCKED) {
			atomic_fetch_add(&c->server->log->failed_handshakes, 1);
			/* the alert has to get there, whatever the client sends meanwhile */
			SSL_free(c->ssl);
			c->ssl = NULL;
			fakeconn_close(c, FAKECLOSE_ABRUPT);
		}
		/* A server that waits to write here would need a client that does not read. */
		return false;
	}
	c->handshaking = false;
	save_client_cn(c);
	SSL_get0_alpn_selected(c->ssl, &alpn, &alpn_len);
	c->proto = alpn_len == 2 && !memcmp(alpn, "h2", 2) ? &fakeh2 : &fakeh1;
	c->proto->open(c);
	return true;
}

static void take_input(struct fakeconn *c)
{
	char buf[16384];
	ssize_t n;

	for (int turns = 0; turns < 16 && !c->closing; turns++) {
		n = read_some(c, buf, sizeof(buf));
		if (n == BLOCKED)
			return;
		if (n <= 0)
			fakeconn_close(c, FAKECLOSE_NOW);
		else
			c->proto->input(c, buf, (size_t)n);
	}
	/* TLS may hold bytes that epoll does not know of. */
	if (!c->closing && c->ssl && SSL_pending(c->ssl))
		fakeserver_arm(c->server, &c->timer, 1);
}

/* Reads until the peer's FIN: an early close() would send an RST behind our last bytes. */
static bool linger(struct fakeconn *c)
{
	char buf[4096];
	ssize_t n;

	while ((n = read_some(c, buf, sizeof(buf))) > 0)
		;
	return n == BLOCKED;
}

/* Returns whether the connection is still there. */
static bool finish(struct fakeconn *c)
{
	static const struct linger at_once = { .l_onoff = 1 };

	switch (c->closing) {
	case FAKECLOSE_RESET:
		/* A reset may take from the client what it has not read yet: give it time. */
		if (!c->reset_due)
			c->reset_due = fake_now() + RESET_DELAY;
		if (fake_now() < c->reset_due) {
			set_interest(c, 0);
			fakeserver_arm(c->server, &c->timer, c->reset_due);
			return true;
		}
		setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
		break;
	case FAKECLOSE_ORDERLY:
		if (c->ssl)
			SSL_shutdown(c->ssl);
		/* fallthrough */
	case FAKECLOSE_ABRUPT:
		ERR_clear_error();
		shutdown(c->fd, SHUT_WR);
		if (c->proto)
			c->proto->free(c);
		c->proto = NULL;
		c->lingering = true;
		atomic_fetch_sub(&c->server->log->open, 1);
		set_interest(c, EPOLLIN);
		if (linger(c))
			return true;
		break;
	default:
		break;
	}
	fakeconn_free(c);
	return false;
}

void fakeconn_run(struct fakeconn *c)
{
	if (c->lingering || c->mute) {
		if (!linger(c))
			fakeconn_free(c);
		return;
	}
	if (c->reset_due) {
		finish(c);
		return;
	}
	if (!c->handshaking || handshake(c))
		take_input(c);
	if (c->closing == FAKECLOSE_NOW || (c->handshaking && c->closing)) {
		finish(c);
		return;
	}
	/* Bounded, so that one long answer does not starve the others. */
	for (int turns = 0; !c->handshaking && turns < 64; turns++) {
		if (!flush(c)) {
			if (c->closing == FAKECLOSE_NOW) {
				finish(c);
				return;
			}
			set_interest(c, EPOLLIN | EPOLLOUT);
			return;
		}
		if (!c->closing)
			c->proto->pump(c);
		if (!fakebuf_used(&c->out)) {
			if (c->closing)
				finish(c);
			else
				set_interest(c, EPOLLIN);
			return;
		}
	}
	if (!c->handshaking)
		set_interest(c, EPOLLIN | EPOLLOUT);
}
