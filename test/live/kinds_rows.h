/*
 * A row for each built-in kind: where the server has it, and what it lets one do
 * that differs from the others. Paths are written out here: they are what the
 * library's own are checked against.
 */
#ifndef KINDS_ROWS_H
#define KINDS_ROWS_H

#include "live.h"

enum {
	CLUSTER = 1 << 0,        /* no namespace */
	CUSTOM = 1 << 1,         /* of a CRD: no strategic merge patch (415), and a PUT
	                            without resourceVersion is refused (422) */
	NEEDS_VERSION = 1 << 2,  /* built in, but refuses such a PUT as well */
	NO_DELETE_ALL = 1 << 3,  /* the server has no deletecollection here (405) */
	STATUS_ON_MAIN = 1 << 4, /* no /status: status is written like the rest */
	MAY_BE_ABSENT = 1 << 5,  /* newer servers do not serve it */
	NOT_TWICE = 1 << 6,      /* what was read cannot be created again: it holds its own uid in
	                            its selector, or an address that is taken (422, before the
	                            server looks at the name) */
};

struct row {
	kshim_builtin which;
	const char *file; /* of test/data/live, and the test's name */
	const char *root;
	const char *plural;
	unsigned flags;
	const char *status;   /* merge patch that leaves a mark (%s); NULL: no status */
	const char *scale_at; /* where the number of replicas is; NULL: not scaled */
};

#define CONDITION                                                                                                      \
	"{\"status\":{\"conditions\":[{\"type\":\"%s\",\"status\":\"True\",\"reason\":\"Tested\",\"message\":\"\","    \
	"\"lastTransitionTime\":\"2024-02-29T23:59:59Z\"}]}}"
#define BALANCER "{\"status\":{\"loadBalancer\":{\"ingress\":[{\"hostname\":\"%s\"}]}}}"
#define MESSAGE "{\"status\":{\"phase\":\"Available\",\"message\":\"%s\"}}"
#define RBAC "/apis/rbac.authorization.k8s.io/v1"
#define DASK "/apis/kubernetes.dask.org/v1"
#define WORKERS "/spec/worker/replicas"

static const struct row rows[] = {
	{KSHIM_KIND_CONFIG_MAP, "configmap", "/api/v1", "configmaps", 0, NULL, NULL},
	{KSHIM_KIND_CRON_JOB, "cronjob", "/apis/batch/v1", "cronjobs", 0,
	 "{\"status\":{\"active\":[{\"kind\":\"Job\",\"name\":\"%s\"}]}}", NULL},
	{KSHIM_KIND_DAEMON_SET, "daemonset", "/apis/apps/v1", "daemonsets", 0, CONDITION, NULL},
	{KSHIM_KIND_DEPLOYMENT, "deployment", "/apis/apps/v1", "deployments", 0, CONDITION, "/spec/replicas"},
	{KSHIM_KIND_ENDPOINTS, "endpoints", "/api/v1", "endpoints", 0, NULL, NULL},
	{KSHIM_KIND_EVENT, "event", "/api/v1", "events", 0, NULL, NULL},
	{KSHIM_KIND_LIMIT_RANGE, "limitrange", "/api/v1", "limitranges", 0, NULL, NULL},
	{KSHIM_KIND_RESOURCE_QUOTA, "resourcequota", "/api/v1", "resourcequotas", 0,
	 "{\"status\":{\"used\":{\"count/%s.example.com\":\"1\"}}}", NULL},
	{KSHIM_KIND_SERVICE_ACCOUNT, "serviceaccount", "/api/v1", "serviceaccounts", 0, NULL, NULL},
	{KSHIM_KIND_INGRESS, "ingress", "/apis/networking.k8s.io/v1", "ingresses", 0, BALANCER, NULL},
	{KSHIM_KIND_JOB, "job", "/apis/batch/v1", "jobs", NOT_TWICE, CONDITION, "/spec/parallelism"},
	{KSHIM_KIND_NAMESPACE, "namespace", "/api/v1", "namespaces", CLUSTER | NO_DELETE_ALL, CONDITION, NULL},
	{KSHIM_KIND_NODE, "node", "/api/v1", "nodes", CLUSTER, CONDITION, NULL},
	{KSHIM_KIND_POD, "pod", "/api/v1", "pods", 0, CONDITION, NULL},
	{KSHIM_KIND_REPLICATION_CONTROLLER, "replicationcontroller", "/api/v1", "replicationcontrollers", 0,
	 CONDITION, "/spec/replicas"},
	{KSHIM_KIND_REPLICA_SET, "replicaset", "/apis/apps/v1", "replicasets", 0, CONDITION, "/spec/replicas"},
	{KSHIM_KIND_SECRET, "secret", "/api/v1", "secrets", 0, NULL, NULL},
	{KSHIM_KIND_SERVICE, "service", "/api/v1", "services", NOT_TWICE, CONDITION, NULL},
	{KSHIM_KIND_PERSISTENT_VOLUME, "persistentvolume", "/api/v1", "persistentvolumes", CLUSTER, MESSAGE, NULL},
	{KSHIM_KIND_PERSISTENT_VOLUME_CLAIM, "persistentvolumeclaim", "/api/v1", "persistentvolumeclaims", 0,
	 CONDITION, NULL},
	{KSHIM_KIND_HORIZONTAL_POD_AUTOSCALER, "horizontalpodautoscaler", "/apis/autoscaling/v2",
	 "horizontalpodautoscalers", 0, CONDITION, NULL},
	{KSHIM_KIND_STATEFUL_SET, "statefulset", "/apis/apps/v1", "statefulsets", 0, CONDITION, "/spec/replicas"},
	{KSHIM_KIND_ROLE, "role", RBAC, "roles", 0, NULL, NULL},
	{KSHIM_KIND_ROLE_BINDING, "rolebinding", RBAC, "rolebindings", 0, NULL, NULL},
	{KSHIM_KIND_CLUSTER_ROLE, "clusterrole", RBAC, "clusterroles", CLUSTER, NULL, NULL},
	{KSHIM_KIND_CLUSTER_ROLE_BINDING, "clusterrolebinding", RBAC, "clusterrolebindings", CLUSTER, NULL, NULL},
	/* until Kubernetes 1.24 */
	{KSHIM_KIND_POD_SECURITY_POLICY, "podsecuritypolicy", "/apis/policy/v1beta1", "podsecuritypolicies",
	 CLUSTER | MAY_BE_ABSENT, NULL, NULL},
	{KSHIM_KIND_POD_DISRUPTION_BUDGET, "poddisruptionbudget", "/apis/policy/v1", "poddisruptionbudgets", NEEDS_VERSION,
	 CONDITION, NULL},
	{KSHIM_KIND_CUSTOM_RESOURCE_DEFINITION, "customresourcedefinition", "/apis/apiextensions.k8s.io/v1",
	 "customresourcedefinitions", CLUSTER | NEEDS_VERSION, CONDITION, NULL},
	{KSHIM_KIND_DASK_CLUSTER, "daskcluster", DASK, "daskclusters", CUSTOM | STATUS_ON_MAIN,
	 "{\"status\":{\"phase\":\"%s\"}}", WORKERS},
	{KSHIM_KIND_DASK_WORKER_GROUP, "daskworkergroup", DASK, "daskworkergroups", CUSTOM, NULL, WORKERS},
	{KSHIM_KIND_DASK_JOB, "daskjob", DASK, "daskjobs", CUSTOM, "{\"status\":{\"jobStatus\":\"%s\"}}", NULL},
	{KSHIM_KIND_DASK_AUTOSCALER, "daskautoscaler", DASK, "daskautoscalers", CUSTOM, NULL, NULL},
};

#define ROW_COUNT (sizeof(rows) / sizeof(rows[0]))

#endif
