#include "config/pem.h"

#include <limits.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <string.h>

/* Without this OpenSSL would ask for a password on the terminal. */
static int no_password(char *buf, int size, int writing, void *asked)
{
	(void)buf;
	(void)size;
	(void)writing;
	*(bool *)asked = true;
	return -1;
}

static BIO *open_blob(const struct kshim__blob *blob)
{
	return blob->len && blob->len <= INT_MAX ? BIO_new_mem_buf(blob->data, (int)blob->len) : NULL;
}

static bool at_end(void)
{
	unsigned long code = ERR_peek_last_error();

	return ERR_GET_LIB(code) == ERR_LIB_PEM && ERR_GET_REASON(code) == PEM_R_NO_START_LINE;
}

static const char *read_certificates(const struct kshim__blob *blob, X509 **first)
{
	const char *problem = NULL;
	BIO *bio = open_blob(blob);
	bool asked;
	X509 *cert;
	int count = 0;

	while (bio && !problem) {
		cert = PEM_read_bio_X509(bio, NULL, no_password, &asked);
		if (!cert && !at_end())
			problem = "a certificate in it cannot be read";
		if (!cert)
			break;
		count++;
		if (first && !*first)
			*first = cert;
		else
			X509_free(cert);
	}
	BIO_free(bio);
	if (!problem && !count)
		problem = "it holds no PEM certificate";
	return problem;
}

const char *kshim__pem_ca_problem(const struct kshim__blob *ca)
{
	const char *problem;

	ERR_set_mark();
	problem = read_certificates(ca, NULL);
	ERR_pop_to_mark();
	return problem;
}

static const char *read_key(const struct kshim__blob *blob, EVP_PKEY **key)
{
	BIO *bio = open_blob(blob);
	bool asked = false;

	if (bio)
		*key = PEM_read_bio_PrivateKey(bio, NULL, no_password, &asked);
	BIO_free(bio);
	if (*key)
		return NULL;
	if (asked)
		return "the private key is encrypted, and there is no password";
	if (!memmem(blob->data, blob->len, "PRIVATE KEY-----", 16))
		return "it holds no PEM private key";
	return "the private key in it cannot be read";
}

const char *kshim__pem_pair_problem(const struct kshim__blob *cert, const struct kshim__blob *key, bool *of_key)
{
	X509 *x509 = NULL;
	EVP_PKEY *pkey = NULL;
	const char *problem;

	*of_key = false;
	ERR_set_mark();
	problem = read_certificates(cert, &x509);
	if (!problem) {
		*of_key = true;
		problem = read_key(key, &pkey);
	}
	if (!problem && X509_check_private_key(x509, pkey) != 1)
		problem = "the private key is not that of the client certificate";
	EVP_PKEY_free(pkey);
	X509_free(x509);
	ERR_pop_to_mark();
	return problem;
}
