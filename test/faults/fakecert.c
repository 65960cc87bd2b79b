#include "fakecert.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#include "fakebuf.h"

#define USUAL_SAN "IP:127.0.0.1,DNS:localhost,DNS:kubeshim.test"
#define DAY (24 * 3600)

static char *take_pem(BIO *bio, int ok)
{
	char *bytes, *pem = NULL;
	long n;

	if (bio && ok) {
		n = BIO_get_mem_data(bio, &bytes);
		pem = fake_strndup(bytes, (size_t)n);
	}
	BIO_free(bio);
	return pem;
}

static char *cert_pem(X509 *cert)
{
	BIO *bio = BIO_new(BIO_s_mem());

	return take_pem(bio, bio && PEM_write_bio_X509(bio, cert));
}

static char *key_pem(EVP_PKEY *key)
{
	BIO *bio = BIO_new(BIO_s_mem());

	return take_pem(bio, bio && PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL));
}

static X509 *read_cert(const char *pem)
{
	BIO *bio = BIO_new_mem_buf(pem, -1);
	X509 *cert = bio ? PEM_read_bio_X509(bio, NULL, NULL, NULL) : NULL;

	BIO_free(bio);
	return cert;
}

static EVP_PKEY *read_key(const char *pem)
{
	BIO *bio = BIO_new_mem_buf(pem, -1);
	EVP_PKEY *key = bio ? PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL) : NULL;

	BIO_free(bio);
	return key;
}

static int add_extension(X509 *cert, X509 *issuer, int nid, const char *value)
{
	X509_EXTENSION *ext;
	X509V3_CTX ctx;
	int ok;

	X509V3_set_ctx_nodb(&ctx);
	X509V3_set_ctx(&ctx, issuer, cert, NULL, NULL, 0);
	ext = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	ok = ext && X509_add_ext(cert, ext, -1);
	X509_EXTENSION_free(ext);
	return ok;
}

static int set_serial(X509 *cert)
{
	uint64_t serial;

	return RAND_bytes((unsigned char *)&serial, sizeof(serial)) == 1 &&
	       ASN1_INTEGER_set_uint64(X509_get_serialNumber(cert), serial >> 1);
}

/* issuer NULL: signs itself and is an authority. */
static X509 *make_cert(EVP_PKEY *key, X509 *issuer, EVP_PKEY *issuer_key, const char *cn,
		       const char *organisation, const char *san, const char *usage, bool expired)
{
	X509 *cert = X509_new();
	X509_NAME *name;
	int ok;

	if (!cert)
		return NULL;
	name = X509_get_subject_name(cert);
	ok = X509_set_version(cert, X509_VERSION_3) && set_serial(cert) &&
	     X509_gmtime_adj(X509_getm_notBefore(cert), -2 * DAY) &&
	     X509_gmtime_adj(X509_getm_notAfter(cert), expired ? -DAY : DAY) &&
	     (!organisation || X509_NAME_add_entry_by_txt(name, "O", MBSTRING_UTF8,
			(const unsigned char *)organisation, -1, -1, 0)) &&
	     X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8,
			(const unsigned char *)cn, -1, -1, 0) &&
	     X509_set_issuer_name(cert, issuer ? X509_get_subject_name(issuer) : name) &&
	     X509_set_pubkey(cert, key) &&
	     add_extension(cert, issuer ? issuer : cert, NID_subject_key_identifier, "hash") &&
	     add_extension(cert, issuer ? issuer : cert, NID_basic_constraints,
			   issuer ? "critical,CA:FALSE" : "critical,CA:TRUE") &&
	     add_extension(cert, issuer ? issuer : cert, NID_key_usage,
			   issuer ? "critical,digitalSignature" : "critical,keyCertSign,cRLSign") &&
	     (!usage || add_extension(cert, issuer, NID_ext_key_usage, usage)) &&
	     (!san || add_extension(cert, issuer, NID_subject_alt_name, san)) &&
	     X509_sign(cert, issuer_key ? issuer_key : key, EVP_sha256());
	if (!ok) {
		X509_free(cert);
		return NULL;
	}
	return cert;
}

static int make_leaf(X509 *ca, EVP_PKEY *ca_key, const char *cn, const char *organisation,
		     const char *san, const char *usage, bool expired, char **pem, char **pem_key)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *cert = key ? make_cert(key, ca, ca_key, cn, organisation, san, usage, expired) : NULL;

	if (cert) {
		*pem = cert_pem(cert);
		*pem_key = key_pem(key);
	}
	X509_free(cert);
	EVP_PKEY_free(key);
	return *pem && *pem_key;
}

struct fakecert *fakecert_new(const char *san, bool expired, const struct fakecert *like)
{
	struct fakecert *c = fake_alloc(sizeof(*c));
	EVP_PKEY *ca_key = like ? read_key(like->ca_key_pem) : EVP_EC_gen("P-256");
	unsigned number = 0;
	char name[32];
	X509 *ca = NULL;
	int ok = 0;

	/* authorities of one name are taken for each other, where there are several */
	RAND_bytes((unsigned char *)&number, sizeof(number));
	snprintf(name, sizeof(name), "fakeapi-ca-%08x", number);
	if (ca_key)
		ca = like ? read_cert(like->ca_pem) : make_cert(ca_key, NULL, NULL, name, NULL, NULL, NULL, false);
	if (!ca)
		goto out;
	c->ca_pem = cert_pem(ca);
	c->ca_key_pem = key_pem(ca_key);
	if (like && !san && !expired) {
		c->server_pem = strdup(like->server_pem);
		c->server_key_pem = strdup(like->server_key_pem);
		ok = c->server_pem && c->server_key_pem;
	} else {
		ok = make_leaf(ca, ca_key, "fakeapi", NULL, san ? san : USUAL_SAN, "serverAuth",
			       expired, &c->server_pem, &c->server_key_pem);
	}
	if (like) {
		c->client_pem = strdup(like->client_pem);
		c->client_key_pem = strdup(like->client_key_pem);
		c->other_pem = strdup(like->other_pem);
		c->other_key_pem = strdup(like->other_key_pem);
		ok = ok && c->client_pem && c->client_key_pem && c->other_pem && c->other_key_pem;
	} else {
		ok = ok && make_leaf(ca, ca_key, "kubeshim-client", "system:masters", NULL,
				     "clientAuth", false, &c->client_pem, &c->client_key_pem) &&
		     make_leaf(ca, ca_key, "kubeshim-other", "system:masters", NULL,
			       "clientAuth", false, &c->other_pem, &c->other_key_pem);
	}
	ok = ok && c->ca_pem && c->ca_key_pem;
out:
	X509_free(ca);
	EVP_PKEY_free(ca_key);
	if (!ok) {
		fakecert_free(c);
		return NULL;
	}
	return c;
}

void fakecert_free(struct fakecert *c)
{
	if (!c)
		return;
	free(c->ca_pem);
	free(c->ca_key_pem);
	free(c->server_pem);
	free(c->server_key_pem);
	free(c->client_pem);
	free(c->client_key_pem);
	free(c->other_pem);
	free(c->other_key_pem);
	free(c);
}

SSL_CTX *fakecert_context(const struct fakecert *c)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
	EVP_PKEY *key = read_key(c->server_key_pem);
	X509 *cert = read_cert(c->server_pem);
	X509 *ca = read_cert(c->ca_pem);
	int ok;

	ok = ctx && key && cert && ca && SSL_CTX_use_certificate(ctx, cert) == 1 &&
	     SSL_CTX_use_PrivateKey(ctx, key) == 1 &&
	     X509_STORE_add_cert(SSL_CTX_get_cert_store(ctx), ca) == 1 &&
	     SSL_CTX_add_client_CA(ctx, ca) == 1;
	X509_free(ca);
	X509_free(cert);
	EVP_PKEY_free(key);
	if (!ok) {
		SSL_CTX_free(ctx);
		return NULL;
	}
	return ctx;
}
