/*
 * Exec credential plugins (client.authentication.k8s.io v1 and v1beta1;
 * Kubernetes documents, "client-go credential plugins"): a program that prints
 * an ExecCredential.
 */
#ifndef KSHIM__EXEC_H
#define KSHIM__EXEC_H

#include "config/credential.h"
#include "config/kubeconfig.h"

/* Of a user that has "exec": new, or NULL and *error. `cluster` is told to the
 * plugin where it asks for that. */
void *kshim__exec_parse(const struct kshim__entry *user, const struct kshim__entry *cluster,
			const struct kshim__access *access, kshim_error **error);

/* How long the plugin may run, where that is not the usual time. */
void kshim__exec_set_timeout(void *exec, int64_t ms);

extern const struct kshim__credential_way kshim__exec_way;

#endif
