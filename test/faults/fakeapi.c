#include "fakeapi.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "fakebuf.h"
#include "fakecert.h"
#include "fakelog.h"
#include "fakeserver.h"

#define STOP_MS 10000

struct fakeapi {
	struct fakecert *cert;		/* NULL: plain */
	struct fakelog *log;
	SSL_CTX *tls;
	char *url;
	int port, listener;
	pid_t pid;
};

static int choose_protocol(SSL *ssl, const unsigned char **out, unsigned char *out_len,
			   const unsigned char *in, unsigned in_len, void *arg)
{
	static const unsigned char both[] = "\x02h2\x08http/1.1";
	const struct fakeapi_options *o = arg;
	const unsigned char *ours = both;
	unsigned n = sizeof(both) - 1;

	(void)ssl;
	if (o->http == FAKEAPI_H1) {
		ours += 3;
		n -= 3;
	} else if (o->http == FAKEAPI_H2) {
		n = 3;
	}
	if (SSL_select_next_proto((unsigned char **)out, out_len, ours, n, in, in_len) !=
	    OPENSSL_NPN_NEGOTIATED)
		return SSL_TLSEXT_ERR_NOACK;
	return SSL_TLSEXT_ERR_OK;
}

static SSL_CTX *make_tls(const struct fakecert *cert, const struct fakeapi_options *o)
{
	SSL_CTX *tls = fakecert_context(cert);

	if (!tls)
		return NULL;
	SSL_CTX_set_mode(tls, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	SSL_CTX_set_alpn_select_cb(tls, choose_protocol, (void *)o);
	if (o->tls) { /* OpenSSL 3 has what is older than 1.2 at level 0 alone */
		SSL_CTX_set_security_level(tls, 0);
		SSL_CTX_set_cipher_list(tls, "ALL:@SECLEVEL=0");
		SSL_CTX_set_min_proto_version(tls, o->tls);
		SSL_CTX_set_max_proto_version(tls, o->tls);
	}
	SSL_CTX_set_session_id_context(tls, (const unsigned char *)"fakeapi", 7);
	if (o->client_cert == FAKEAPI_CERT_ASKED)
		SSL_CTX_set_verify(tls, SSL_VERIFY_PEER, NULL);
	else if (o->client_cert == FAKEAPI_CERT_DEMANDED)
		SSL_CTX_set_verify(tls, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
	return tls;
}

static int listen_on(struct fakeapi *api, int port)
{
	struct sockaddr_in addr = {
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
		.sin_port = htons((uint16_t)port),
	};
	socklen_t len = sizeof(addr);
	int one = 1;

	api->listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (api->listener < 0)
		return -1;
	setsockopt(api->listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(api->listener, (struct sockaddr *)&addr, sizeof(addr)) ||
	    listen(api->listener, 4096) ||
	    getsockname(api->listener, (struct sockaddr *)&addr, &len))
		return -1;
	api->port = ntohs(addr.sin_port);
	return 0;
}

static void api_free(struct fakeapi *api)
{
	if (!api)
		return;
	if (api->listener >= 0)
		close(api->listener);
	SSL_CTX_free(api->tls);
	fakecert_free(api->cert);
	fakelog_free(api->log);
	free(api->url);
	free(api);
}

static struct fakeapi *prepare(const struct fakeapi_options *o)
{
	struct fakeapi *api = fake_alloc(sizeof(*api));

	api->listener = -1;
	api->log = fakelog_new(o->log_bytes ? o->log_bytes : (size_t)32 << 20, o->no_log);
	if (!api->log || listen_on(api, o->port)) {
		fprintf(stderr, "fakeapi: %s\n", strerror(errno));
		goto failed;
	}
	if (!o->plain) {
		api->cert = fakecert_new(o->san, o->expired, o->like ? o->like->cert : NULL);
		if (api->cert)
			api->tls = make_tls(api->cert, o);
		if (!api->tls) {
			fprintf(stderr, "fakeapi: cannot make certificates\n");
			goto failed;
		}
	}
	if (asprintf(&api->url, "%s://127.0.0.1:%d", o->plain ? "http" : "https", api->port) < 0)
		goto failed;
	return api;
failed:
	api_free(api);
	return NULL;
}

/*
 * A copy of the test's own sockets, kept open here, would hide from other servers
 * that the test closed them.
 */
static int keep_only(int fd)
{
	if (fd != 3) {
		if (dup3(fd, 3, O_CLOEXEC) < 0)
			return -1;
	}
	syscall(SYS_close_range, 4, ~0u, 0);
	return 3;
}

static void run_child(struct fakeapi *api, const struct fakeapi_options *o, pid_t parent)
{
	int rc;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
	api->listener = keep_only(api->listener);
	rc = api->listener < 0 ? -1 : fakeserver_run(o, api->tls, api->log, api->listener);
	api->listener = -1;
	api_free(api);
	_exit(rc ? 1 : 0);
}

struct fakeapi *fakeapi_start(const struct fakeapi_options *o)
{
	struct fakeapi *api = prepare(o);
	pid_t parent = getpid();
	sigset_t term, before;

	if (!api)
		return NULL;
	fflush(NULL);
	/* A child that is stopped before it looks for signals must see it all the same. */
	sigemptyset(&term);
	sigaddset(&term, SIGTERM);
	sigprocmask(SIG_BLOCK, &term, &before);
	api->pid = fork();
	if (api->pid)
		sigprocmask(SIG_SETMASK, &before, NULL);
	if (api->pid < 0) {
		perror("fakeapi");
		api_free(api);
		return NULL;
	}
	if (!api->pid)
		run_child(api, o, parent);
	close(api->listener);
	api->listener = -1;
	return api;
}

/* Asks again and again: a pidfd would be nicer, but valgrind 3.19 has none. */
static int reap(pid_t pid)
{
	uint64_t end = fake_now() + STOP_MS * 1000000ull;
	int status, rc;

	kill(pid, SIGTERM);
	while ((rc = waitpid(pid, &status, WNOHANG)) == 0 || (rc < 0 && errno == EINTR)) {
		if (end && fake_now() > end) {
			fprintf(stderr, "fakeapi: killed, it did not end\n");
			kill(pid, SIGKILL);
			end = 0;
		}
		poll(NULL, 0, 1);
	}
	if (rc < 0)
		return -1;
	if (WIFSIGNALED(status))
		fprintf(stderr, "fakeapi: ended by signal %d\n", WTERMSIG(status));
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

int fakeapi_stop(struct fakeapi *api)
{
	int rc;

	if (!api)
		return 0;
	rc = reap(api->pid);
	api_free(api);
	return rc;
}

int fakeapi_serve(const struct fakeapi_options *o, void (*ready)(void *ctx, struct fakeapi *api),
		  void *ctx)
{
	struct fakeapi *api = prepare(o);
	int rc;

	if (!api)
		return -1;
	api->pid = getpid();
	if (ready)
		ready(ctx, api);
	rc = fakeserver_run(o, api->tls, api->log, api->listener);
	api->listener = -1;
	api_free(api);
	return rc;
}

const char *fakeapi_url(const struct fakeapi *api)
{
	return api->url;
}

int fakeapi_port(const struct fakeapi *api)
{
	return api->port;
}

pid_t fakeapi_pid(const struct fakeapi *api)
{
	return api->pid;
}

const char *fakeapi_ca_pem(const struct fakeapi *api)
{
	return api->cert ? api->cert->ca_pem : "";
}

const char *fakeapi_client_cert_pem(const struct fakeapi *api)
{
	return api->cert ? api->cert->client_pem : "";
}

const char *fakeapi_client_key_pem(const struct fakeapi *api)
{
	return api->cert ? api->cert->client_key_pem : "";
}

const char *fakeapi_other_cert_pem(const struct fakeapi *api)
{
	return api->cert ? api->cert->other_pem : "";
}

const char *fakeapi_other_key_pem(const struct fakeapi *api)
{
	return api->cert ? api->cert->other_key_pem : "";
}

unsigned fakeapi_connections(const struct fakeapi *api)
{
	return atomic_load(&api->log->connections);
}

unsigned fakeapi_open_connections(const struct fakeapi *api)
{
	return atomic_load(&api->log->open);
}

unsigned fakeapi_failed_handshakes(const struct fakeapi *api)
{
	return atomic_load(&api->log->failed_handshakes);
}

size_t fakeapi_request_count(const struct fakeapi *api)
{
	return atomic_load(&api->log->requests);
}

const struct fakeapi_request *fakeapi_request(const struct fakeapi *api, size_t i)
{
	if (i >= atomic_load(&api->log->requests) ||
	    i >= sizeof(api->log->index) / sizeof(api->log->index[0]))
		return NULL;
	return api->log->index[i];
}

size_t fakeapi_count(const struct fakeapi *api, const char *method, const char *path)
{
	const struct fakeapi_request *req;
	size_t n = 0;

	for (size_t i = 0; (req = fakeapi_request(api, i)); i++)
		n += fakelog_match(req, method, path);
	return n;
}

const char *fakeapi_header(const struct fakeapi_request *req, const char *name)
{
	for (size_t i = 0; i < req->header_count; i++)
		if (!strcasecmp(req->headers[i].name, name))
			return req->headers[i].value;
	return NULL;
}

size_t fakeapi_header_count(const struct fakeapi_request *req, const char *name)
{
	size_t n = 0;

	for (size_t i = 0; i < req->header_count; i++)
		n += !strcasecmp(req->headers[i].name, name);
	return n;
}
