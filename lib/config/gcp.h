/*
 * The auth provider "gcp" of old kubeconfigs: an access token that a command
 * prints.
 */
#ifndef KSHIM__GCP_H
#define KSHIM__GCP_H

#include "config/credential.h"
#include "config/kubeconfig.h"

/* Of a user that has this provider: the spec's data, or NULL and *error. */
void *kshim__gcp_parse(const struct kshim__entry *user, kshim_error **error);

extern const struct kshim__credential_way kshim__gcp_way;

#endif
