#include "resources/builtin.h"

#include <string.h>

/*
 * One row a kind. Versions are all that any Kubernetes from 1.24 to 1.36
 * serves, newest stable first; the rest is what its discovery tells (api/discovery
 * in k8s.io/kubernetes), subresources of any of these releases.
 */

#define CORE .group = "", .versions = {"v1"}, .api_versions = {"v1"}
#define ONE(g, a) .group = g, .versions = {a}, .api_versions = {g "/" a}
#define TWO(g, a, b) .group = g, .versions = {a, b}, .api_versions = {g "/" a, g "/" b}
#define FOUR(g, a, b, c, d)                                                                                            \
	.group = g, .versions = {a, b, c, d}, .api_versions = {g "/" a, g "/" b, g "/" c, g "/" d}
#define NAMES(k, p, s) .kind = k, .plural = p, .singular = s
#define SHORT(...) .short_names = {__VA_ARGS__}
#define SUB(s) .subresources = " " s " "
#define ANY_VERB .verbs = KSHIM__VERBS_ALL
#define NAMESPACED ANY_VERB, .namespaced = true
#define CLUSTER ANY_VERB, .namespaced = false
#define REPLICAS .scale_pointer = "/spec/replicas"

#define RBAC "rbac.authorization.k8s.io"

const kshim_kind kshim__builtin_kinds[KSHIM__BUILTIN_KINDS] = {
	[KSHIM_KIND_CONFIG_MAP] = {CORE, NAMES("ConfigMap", "configmaps", "configmap"), SHORT("cm"), NAMESPACED},
	[KSHIM_KIND_CRON_JOB] = {TWO("batch", "v1", "v1beta1"), NAMES("CronJob", "cronjobs", "cronjob"), SHORT("cj"),
				 SUB("status"), NAMESPACED},
	[KSHIM_KIND_DAEMON_SET] = {ONE("apps", "v1"), NAMES("DaemonSet", "daemonsets", "daemonset"), SHORT("ds"),
				   SUB("status"), NAMESPACED},
	[KSHIM_KIND_DEPLOYMENT] = {ONE("apps", "v1"), NAMES("Deployment", "deployments", "deployment"),
				   SHORT("deploy"), SUB("scale status"), REPLICAS, NAMESPACED},
	/* the seed calls this kind Endpoint */
	[KSHIM_KIND_ENDPOINTS] = {CORE, NAMES("Endpoints", "endpoints", "endpoints"), .alias = "Endpoint", SHORT("ep"),
				  NAMESPACED},
	[KSHIM_KIND_EVENT] = {CORE, NAMES("Event", "events", "event"), SHORT("ev"), NAMESPACED},
	[KSHIM_KIND_LIMIT_RANGE] = {CORE, NAMES("LimitRange", "limitranges", "limitrange"), SHORT("limits"),
				    NAMESPACED},
	[KSHIM_KIND_RESOURCE_QUOTA] = {CORE, NAMES("ResourceQuota", "resourcequotas", "resourcequota"), SHORT("quota"),
				       SUB("status"), NAMESPACED},
	[KSHIM_KIND_SERVICE_ACCOUNT] = {CORE, NAMES("ServiceAccount", "serviceaccounts", "serviceaccount"),
					SHORT("sa"), SUB("token"), NAMESPACED},
	[KSHIM_KIND_INGRESS] = {ONE("networking.k8s.io", "v1"), NAMES("Ingress", "ingresses", "ingress"), SHORT("ing"),
				SUB("status"), NAMESPACED},
	/* has no scale subresource: scaling a Job sets how many Pods run at once */
	[KSHIM_KIND_JOB] = {ONE("batch", "v1"), NAMES("Job", "jobs", "job"), SUB("status"),
			    .scale_pointer = "/spec/parallelism", NAMESPACED},
	[KSHIM_KIND_NAMESPACE] = {CORE, NAMES("Namespace", "namespaces", "namespace"), SHORT("ns"),
				  SUB("finalize status"), .verbs = KSHIM__VERBS_ALL & ~KSHIM__VERB_DELETE_COLLECTION},
	[KSHIM_KIND_NODE] = {CORE, NAMES("Node", "nodes", "node"), SHORT("no"), SUB("proxy status"), CLUSTER},
	[KSHIM_KIND_POD] = {CORE, NAMES("Pod", "pods", "pod"), SHORT("po"),
			    SUB("attach binding ephemeralcontainers eviction exec log portforward proxy resize status"),
			    NAMESPACED},
	[KSHIM_KIND_REPLICATION_CONTROLLER] = {CORE,
					       NAMES("ReplicationController", "replicationcontrollers",
						     "replicationcontroller"),
					       SHORT("rc"), SUB("scale status"), REPLICAS, NAMESPACED},
	[KSHIM_KIND_REPLICA_SET] = {ONE("apps", "v1"), NAMES("ReplicaSet", "replicasets", "replicaset"), SHORT("rs"),
				    SUB("scale status"), REPLICAS, NAMESPACED},
	[KSHIM_KIND_SECRET] = {CORE, NAMES("Secret", "secrets", "secret"), NAMESPACED},
	[KSHIM_KIND_SERVICE] = {CORE, NAMES("Service", "services", "service"), SHORT("svc"), SUB("proxy status"),
				NAMESPACED},
	[KSHIM_KIND_PERSISTENT_VOLUME] = {CORE, NAMES("PersistentVolume", "persistentvolumes", "persistentvolume"),
					  SHORT("pv"), SUB("status"), CLUSTER},
	[KSHIM_KIND_PERSISTENT_VOLUME_CLAIM] = {CORE,
						NAMES("PersistentVolumeClaim", "persistentvolumeclaims",
						      "persistentvolumeclaim"),
						SHORT("pvc"), SUB("status"), NAMESPACED},
	[KSHIM_KIND_HORIZONTAL_POD_AUTOSCALER] = {FOUR("autoscaling", "v2", "v1", "v2beta2", "v2beta1"),
						  NAMES("HorizontalPodAutoscaler", "horizontalpodautoscalers",
							"horizontalpodautoscaler"),
						  SHORT("hpa"), SUB("status"), NAMESPACED},
	[KSHIM_KIND_STATEFUL_SET] = {ONE("apps", "v1"), NAMES("StatefulSet", "statefulsets", "statefulset"),
				     SHORT("sts"), SUB("scale status"), REPLICAS, NAMESPACED},
	[KSHIM_KIND_ROLE] = {ONE(RBAC, "v1"), NAMES("Role", "roles", "role"), NAMESPACED},
	[KSHIM_KIND_ROLE_BINDING] = {ONE(RBAC, "v1"), NAMES("RoleBinding", "rolebindings", "rolebinding"), NAMESPACED},
	[KSHIM_KIND_CLUSTER_ROLE] = {ONE(RBAC, "v1"), NAMES("ClusterRole", "clusterroles", "clusterrole"), CLUSTER},
	[KSHIM_KIND_CLUSTER_ROLE_BINDING] = {ONE(RBAC, "v1"),
					     NAMES("ClusterRoleBinding", "clusterrolebindings", "clusterrolebinding"),
					     CLUSTER},
	/* until 1.24 */
	[KSHIM_KIND_POD_SECURITY_POLICY] = {ONE("policy", "v1beta1"),
					    NAMES("PodSecurityPolicy", "podsecuritypolicies", "podsecuritypolicy"),
					    SHORT("psp"), CLUSTER},
	[KSHIM_KIND_POD_DISRUPTION_BUDGET] = {TWO("policy", "v1", "v1beta1"),
					      NAMES("PodDisruptionBudget", "poddisruptionbudgets",
						    "poddisruptionbudget"),
					      SHORT("pdb"), SUB("status"), NAMESPACED},
	[KSHIM_KIND_CUSTOM_RESOURCE_DEFINITION] = {ONE("apiextensions.k8s.io", "v1"),
						   NAMES("CustomResourceDefinition", "customresourcedefinitions",
							 "customresourcedefinition"),
						   SHORT("crd", "crds"), SUB("status"), CLUSTER},
};

bool kshim__builtin_group(const char *group)
{
	static const char *const groups[] = {
		"",
		"admissionregistration.k8s.io",
		"apiextensions.k8s.io",
		"apiregistration.k8s.io",
		"apps",
		"authentication.k8s.io",
		"authorization.k8s.io",
		"autoscaling",
		"batch",
		"certificates.k8s.io",
		"coordination.k8s.io",
		"discovery.k8s.io",
		"events.k8s.io",
		"flowcontrol.apiserver.k8s.io",
		"internal.apiserver.k8s.io",
		"networking.k8s.io",
		"node.k8s.io",
		"policy",
		RBAC,
		"resource.k8s.io",
		"scheduling.k8s.io",
		"storage.k8s.io",
		"storagemigration.k8s.io",
	};
	size_t i;

	for (i = 0; i < sizeof(groups) / sizeof(groups[0]); i++)
		if (strcmp(group, groups[i]) == 0)
			return true;
	return false;
}
