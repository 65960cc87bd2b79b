/* An issuer of OIDC tokens that is the API server itself. */
#ifndef ISSUER_H
#define ISSUER_H

#include "../testutil.h"

/* {"exp":4102444800} */
#define VALID "e30.eyJleHAiOjQxMDI0NDQ4MDB9." SECRET

/* Of a route for /.well-known/: names /token. */
static inline void discover(void *ctx, const struct fakeapi_request *request, struct fakeapi_answer *out)
{
	char *body;

	(void)ctx;
	if (asprintf(&body, "{\"token_endpoint\":\"https://%s/token\"}", fakeapi_header(request, "host")) < 0)
		abort();
	out->body = body;
	out->body_free = free;
}

#endif
