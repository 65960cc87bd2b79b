#include "crd/dask.h"

/* As the CRDs of dask-kubernetes define them. The number of workers is not where
 * Scale has it; only DaskJob writes its status through /status. */

#define ROW(which) [KSHIM_KIND_DASK_##which - KSHIM_KIND_DASK_CLUSTER]
#define DASK                                                                                                           \
	.group = "kubernetes.dask.org", .versions = {"v1"}, .api_versions = {"kubernetes.dask.org/v1"},                \
	.verbs = KSHIM__VERBS_ALL, .namespaced = true
#define WORKERS .subresources = " scale ", .scale_pointer = "/spec/worker/replicas"

const kshim_kind kshim__dask_kinds[KSHIM__DASK_KINDS] = {
	ROW(CLUSTER) = {DASK, .kind = "DaskCluster", .plural = "daskclusters", .singular = "daskcluster",
			.short_names = {"daskcluster", "dsk"}, WORKERS},
	ROW(WORKER_GROUP) = {DASK, .kind = "DaskWorkerGroup", .plural = "daskworkergroups",
			     .singular = "daskworkergroup", .short_names = {"daskworkers"}, WORKERS},
	ROW(JOB) = {DASK, .kind = "DaskJob", .plural = "daskjobs", .singular = "daskjob", .short_names = {"djb"},
		    .subresources = " status "},
	ROW(AUTOSCALER) = {DASK, .kind = "DaskAutoscaler", .plural = "daskautoscalers", .singular = "daskautoscaler"},
};
