/*
 * kubeshim/kind.h - kinds: a resource type is a row of data, the verbs exist
 * once. The built-in rows cover the kinds of the seed and their versions from
 * Kubernetes 1.24 on; any other kind is found by discovery or defined here.
 */
#ifndef KUBESHIM_KIND_H
#define KUBESHIM_KIND_H

#include <kubeshim/common.h>

KSHIM_BEGIN_DECLS

typedef enum kshim_builtin {
	KSHIM_KIND_CONFIG_MAP,
	KSHIM_KIND_CRON_JOB,
	KSHIM_KIND_DAEMON_SET,
	KSHIM_KIND_DEPLOYMENT,
	KSHIM_KIND_ENDPOINTS,
	KSHIM_KIND_EVENT,
	KSHIM_KIND_LIMIT_RANGE,
	KSHIM_KIND_RESOURCE_QUOTA,
	KSHIM_KIND_SERVICE_ACCOUNT,
	KSHIM_KIND_INGRESS,
	KSHIM_KIND_JOB,
	KSHIM_KIND_NAMESPACE,
	KSHIM_KIND_NODE,
	KSHIM_KIND_POD,
	KSHIM_KIND_REPLICATION_CONTROLLER,
	KSHIM_KIND_REPLICA_SET,
	KSHIM_KIND_SECRET,
	KSHIM_KIND_SERVICE,
	KSHIM_KIND_PERSISTENT_VOLUME,
	KSHIM_KIND_PERSISTENT_VOLUME_CLAIM,
	KSHIM_KIND_HORIZONTAL_POD_AUTOSCALER,
	KSHIM_KIND_STATEFUL_SET,
	KSHIM_KIND_ROLE,
	KSHIM_KIND_ROLE_BINDING,
	KSHIM_KIND_CLUSTER_ROLE,
	KSHIM_KIND_CLUSTER_ROLE_BINDING,
	KSHIM_KIND_POD_SECURITY_POLICY,
	KSHIM_KIND_POD_DISRUPTION_BUDGET,
	KSHIM_KIND_CUSTOM_RESOURCE_DEFINITION,
	KSHIM_KIND_DASK_CLUSTER,
	KSHIM_KIND_DASK_WORKER_GROUP,
	KSHIM_KIND_DASK_JOB,
	KSHIM_KIND_DASK_AUTOSCALER
} kshim_builtin;

#define KSHIM_CONFIG_MAP kshim_kind_builtin(KSHIM_KIND_CONFIG_MAP)
#define KSHIM_CRON_JOB kshim_kind_builtin(KSHIM_KIND_CRON_JOB)
#define KSHIM_DAEMON_SET kshim_kind_builtin(KSHIM_KIND_DAEMON_SET)
#define KSHIM_DEPLOYMENT kshim_kind_builtin(KSHIM_KIND_DEPLOYMENT)
#define KSHIM_ENDPOINTS kshim_kind_builtin(KSHIM_KIND_ENDPOINTS)
#define KSHIM_EVENT kshim_kind_builtin(KSHIM_KIND_EVENT)
#define KSHIM_LIMIT_RANGE kshim_kind_builtin(KSHIM_KIND_LIMIT_RANGE)
#define KSHIM_RESOURCE_QUOTA kshim_kind_builtin(KSHIM_KIND_RESOURCE_QUOTA)
#define KSHIM_SERVICE_ACCOUNT kshim_kind_builtin(KSHIM_KIND_SERVICE_ACCOUNT)
#define KSHIM_INGRESS kshim_kind_builtin(KSHIM_KIND_INGRESS)
#define KSHIM_JOB kshim_kind_builtin(KSHIM_KIND_JOB)
#define KSHIM_NAMESPACE kshim_kind_builtin(KSHIM_KIND_NAMESPACE)
#define KSHIM_NODE kshim_kind_builtin(KSHIM_KIND_NODE)
#define KSHIM_POD kshim_kind_builtin(KSHIM_KIND_POD)
#define KSHIM_REPLICATION_CONTROLLER kshim_kind_builtin(KSHIM_KIND_REPLICATION_CONTROLLER)
#define KSHIM_REPLICA_SET kshim_kind_builtin(KSHIM_KIND_REPLICA_SET)
#define KSHIM_SECRET kshim_kind_builtin(KSHIM_KIND_SECRET)
#define KSHIM_SERVICE kshim_kind_builtin(KSHIM_KIND_SERVICE)
#define KSHIM_PERSISTENT_VOLUME kshim_kind_builtin(KSHIM_KIND_PERSISTENT_VOLUME)
#define KSHIM_PERSISTENT_VOLUME_CLAIM kshim_kind_builtin(KSHIM_KIND_PERSISTENT_VOLUME_CLAIM)
#define KSHIM_HORIZONTAL_POD_AUTOSCALER kshim_kind_builtin(KSHIM_KIND_HORIZONTAL_POD_AUTOSCALER)
#define KSHIM_STATEFUL_SET kshim_kind_builtin(KSHIM_KIND_STATEFUL_SET)
#define KSHIM_ROLE kshim_kind_builtin(KSHIM_KIND_ROLE)
#define KSHIM_ROLE_BINDING kshim_kind_builtin(KSHIM_KIND_ROLE_BINDING)
#define KSHIM_CLUSTER_ROLE kshim_kind_builtin(KSHIM_KIND_CLUSTER_ROLE)
#define KSHIM_CLUSTER_ROLE_BINDING kshim_kind_builtin(KSHIM_KIND_CLUSTER_ROLE_BINDING)
#define KSHIM_POD_SECURITY_POLICY kshim_kind_builtin(KSHIM_KIND_POD_SECURITY_POLICY)
#define KSHIM_POD_DISRUPTION_BUDGET kshim_kind_builtin(KSHIM_KIND_POD_DISRUPTION_BUDGET)
#define KSHIM_CUSTOM_RESOURCE_DEFINITION kshim_kind_builtin(KSHIM_KIND_CUSTOM_RESOURCE_DEFINITION)
#define KSHIM_DASK_CLUSTER kshim_kind_builtin(KSHIM_KIND_DASK_CLUSTER)
#define KSHIM_DASK_WORKER_GROUP kshim_kind_builtin(KSHIM_KIND_DASK_WORKER_GROUP)
#define KSHIM_DASK_JOB kshim_kind_builtin(KSHIM_KIND_DASK_JOB)
#define KSHIM_DASK_AUTOSCALER kshim_kind_builtin(KSHIM_KIND_DASK_AUTOSCALER)

/* A built-in row; NULL outside the enumeration. Static: never released. */
KSHIM_API const kshim_kind *kshim_kind_builtin(kshim_builtin which);

/* How many built-in rows there are: kshim_kind_builtin(0 … count - 1). */
KSHIM_API size_t kshim_kind_builtin_count(void);

/* A built-in row by kind, plural, singular or short name, without regard to
 * case; "group/name" and "name.group" name the group too. "Endpoint" finds
 * Endpoints. NULL if there is none: kshim_client_find_kind() asks the server. */
KSHIM_API const kshim_kind *kshim_kind_find(const char *name);

/* A kind of one's own: "example.com", "v1", "widgets", "Widget". An empty group
 * is the core group. New reference; NULL without memory or if a part is empty or
 * no valid name (group: DNS subdomain; version, plural: DNS label). */
KSHIM_API kshim_kind *kshim_kind_new(const char *group, const char *version, const char *plural, const char *kind,
				     int namespaced);

/* On built-in rows these do nothing but return their argument. */
KSHIM_API const kshim_kind *kshim_kind_ref(const kshim_kind *kind);
KSHIM_API void kshim_kind_unref(const kshim_kind *kind);

/* Borrowed from the kind; a group is "" for the core group. The version is the
 * preferred one: what a server serves of them is found by discovery. These and the
 * readers below tell nothing of NULL: NULL, or 0. */
KSHIM_API const char *kshim_kind_group(const kshim_kind *kind);
KSHIM_API const char *kshim_kind_version(const kshim_kind *kind);
KSHIM_API const char *kshim_kind_plural(const kshim_kind *kind);
KSHIM_API const char *kshim_kind_singular(const kshim_kind *kind);
KSHIM_API const char *kshim_kind_name(const kshim_kind *kind); /* "Deployment" */
KSHIM_API int kshim_kind_is_namespaced(const kshim_kind *kind);

/* "apps/v1", "v1": group and preferred version as objects carry them. */
KSHIM_API const char *kshim_kind_api_version(const kshim_kind *kind);

/* By index, preferred first; NULL behind the last. */
KSHIM_API const char *kshim_kind_version_at(const kshim_kind *kind, size_t index);
KSHIM_API const char *kshim_kind_short_name(const kshim_kind *kind, size_t index);

/* What the server said can be done ("list", "patch"; and "scale", "status" as
 * subresources): 1 yes, 0 no. Of a kind that was not discovered: what its row
 * says. */
KSHIM_API int kshim_kind_has_verb(const kshim_kind *kind, const char *verb);
KSHIM_API int kshim_kind_has_subresource(const kshim_kind *kind, const char *subresource);

KSHIM_END_DECLS

#endif
