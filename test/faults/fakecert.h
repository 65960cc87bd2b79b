/* fakecert: a certificate authority for one test, with a server and a client certificate. */
#ifndef FAKECERT_H
#define FAKECERT_H

#include <stdbool.h>
#include <openssl/ssl.h>

struct fakecert {
	char *ca_pem, *ca_key_pem;
	char *server_pem, *server_key_pem;
	char *client_pem, *client_key_pem;
	char *other_pem, *other_key_pem;	/* a second client */
};

/* san NULL: the usual names. like: take its CA and client. NULL on failure. */
struct fakecert *fakecert_new(const char *san, bool expired, const struct fakecert *like);
void fakecert_free(struct fakecert *cert);

/* A server context with this certificate; the CA is what client certificates are held against. */
SSL_CTX *fakecert_context(const struct fakecert *cert);

#endif
