/*
 * The auth provider "oidc" of old kubeconfigs: an ID token, renewed through its
 * issuer with a refresh token, and kept in the file where both stood.
 */
#ifndef KSHIM__OIDC_H
#define KSHIM__OIDC_H

#include "config/credential.h"
#include "config/kubeconfig.h"

/* Of a user that has this provider: the spec's data, or NULL and *error. */
void *kshim__oidc_parse(const struct kshim__entry *user, kshim_error **error);

extern const struct kshim__credential_way kshim__oidc_way;

#endif
