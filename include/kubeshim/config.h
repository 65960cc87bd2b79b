/*
 * kubeshim/config.h - where the server is, and who we are: kubeconfig files,
 * the service account of a Pod, or a bare URL.
 *
 * Files are read when the config is made and, where Kubernetes says so (token
 * files), again while a client uses it. Rules are those of client-go's
 * clientcmd ("Organizing Cluster Access Using kubeconfig Files"); a field that
 * client-go honours is honoured here or refused aloud.
 *
 * Each constructor gives a new reference, or NULL and, where `error` is not
 * NULL, a new kshim_error in *error: KSHIM_EIO for a file that cannot be read,
 * KSHIM_ECONFIG for one that is wrong (the message names file, line and field),
 * KSHIM_ENOMEM.
 */
#ifndef KUBESHIM_CONFIG_H
#define KUBESHIM_CONFIG_H

#include <kubeshim/common.h>

KSHIM_BEGIN_DECLS

/* The files of KUBECONFIG if it is set; else the service account if this is a
 * Pod (KUBERNETES_SERVICE_HOST is set and its token file is there); else
 * ~/.kube/config. */
KSHIM_API kshim_config *kshim_config_from_env(kshim_error **error);

/* One kubeconfig file; NULL: the files of KUBECONFIG (a list as PATH is one,
 * merged: the first that sets a value wins, files that are missing are skipped),
 * or ~/.kube/config. */
KSHIM_API kshim_config *kshim_config_from_file(const char *path, kshim_error **error);

/* A kubeconfig document in memory. Relative paths in it are refused. */
KSHIM_API kshim_config *kshim_config_from_text(const char *text, size_t len, kshim_error **error);

/* A server without credentials, trusted by the system's CA bundle. Its one
 * context is named "self", its namespace "default". */
KSHIM_API kshim_config *kshim_config_from_url(const char *url, kshim_error **error);

/* The account that Kubernetes mounts into a Pod; `dir` NULL is
 * /var/run/secrets/kubernetes.io/serviceaccount. Host and port come from
 * KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT. The token is read anew
 * at most every 60 s, and at once after a 401 (bound tokens expire hourly). */
KSHIM_API kshim_config *kshim_config_from_service_account(const char *dir, kshim_error **error);

/* A further reference; each is released once, the last one frees it. */
KSHIM_API kshim_config *kshim_config_ref(kshim_config *config);
KSHIM_API void kshim_config_unref(kshim_config *config);

/* The contexts, in the order of the files; borrowed names, NULL outside. */
KSHIM_API size_t kshim_config_context_count(const kshim_config *config);
KSHIM_API const char *kshim_config_context_name(const kshim_config *config, size_t index);

/* The current context's name; NULL if none is set. */
KSHIM_API const char *kshim_config_current_context(const kshim_config *config);

/* Chooses a context. 0; -1 and *error when there is none of that name or its
 * cluster or user is missing or wrong. A client made before keeps what it had. */
KSHIM_API int kshim_config_use_context(kshim_config *config, const char *name, kshim_error **error);

/* Of the current context, borrowed: the server's URL, the names of cluster and
 * user (NULL if none), the namespace ("default" if the context names none). */
KSHIM_API const char *kshim_config_server(const kshim_config *config);
KSHIM_API const char *kshim_config_cluster_name(const kshim_config *config);
KSHIM_API const char *kshim_config_user_name(const kshim_config *config);
KSHIM_API const char *kshim_config_namespace(const kshim_config *config);

/* The merged kubeconfig as YAML, as `kubectl config view` prints it: secrets
 * read REDACTED or DATA+OMITTED. New, NUL-terminated, to free(3); NULL without
 * memory. */
KSHIM_API char *kshim_config_format(const kshim_config *config);

KSHIM_END_DECLS

#endif
