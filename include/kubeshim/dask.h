/*
 * kubeshim/dask.h - what belongs to a Dask cluster (dask-kubernetes): the objects
 * that its operator makes, found by their labels.
 *
 * `cluster`, `group`, `autoscaler` and `job` are objects of the kinds
 * KSHIM_DASK_CLUSTER, KSHIM_DASK_WORKER_GROUP, KSHIM_DASK_AUTOSCALER and
 * KSHIM_DASK_JOB; names and namespaces are read of them as they are, without a
 * request. The rules are those of dask_kubernetes/operator/_objects.py.
 *
 * Functions that return a query give a new reference, to kshim_query_free(): list
 * it, get it, narrow it. Functions that return a kshim_call return a borrowed
 * one. NULL means that nothing was made or started, and no callback will come:
 * kshim_client_error() tells why (KSHIM_EINVAL for another kind, for an object
 * without a name, or a name that no label can hold; KSHIM_ENOMEM).
 */
#ifndef KUBESHIM_DASK_H
#define KUBESHIM_DASK_H

#include <kubeshim/common.h>
#include <kubeshim/options.h>

KSHIM_BEGIN_DECLS

/* The cluster's worker groups (label dask.org/cluster-name). */
KSHIM_API kshim_query *kshim_dask_worker_groups(kshim_object *cluster);

/* The scheduler's Pod, Deployment and Service (labels dask.org/cluster-name,
 * dask.org/component=scheduler): waits until there is one, looking once a second,
 * and brings it as kshim_result_object(). KSHIM_EMANY if there are several,
 * KSHIM_ETIMEDOUT at the deadline of the options, else those of any list. */
KSHIM_API kshim_call *kshim_dask_scheduler_pod(kshim_object *cluster, const kshim_options *options,
					       kshim_done_fn *done, void *user);
KSHIM_API kshim_call *kshim_dask_scheduler_deployment(kshim_object *cluster, const kshim_options *options,
						      kshim_done_fn *done, void *user);
KSHIM_API kshim_call *kshim_dask_scheduler_service(kshim_object *cluster, const kshim_options *options,
						   kshim_done_fn *done, void *user);

/* Reads the cluster again (the object takes the answer): kshim_result_found() is
 * 1 if its status.phase is Running, else 0. KSHIM_ENOTFOUND if it is gone. */
KSHIM_API kshim_call *kshim_dask_ready(kshim_object *cluster, const kshim_options *options, kshim_done_fn *done,
				       void *user);

/* A worker group's Pods and Deployments (labels dask.org/cluster-name,
 * dask.org/component=worker, dask.org/workergroup-name). The group must hold its
 * spec.cluster. */
KSHIM_API kshim_query *kshim_dask_worker_pods(kshim_object *group);
KSHIM_API kshim_query *kshim_dask_worker_deployments(kshim_object *group);

/* The cluster of a worker group or an autoscaler (their spec.cluster), or of a job
 * (which has its name): a new handle by name, to read with
 * kshim_object_reload(). */
KSHIM_API kshim_object *kshim_dask_cluster(kshim_object *owned);

/* The Pod that runs a job (labels dask.org/cluster-name,
 * dask.org/component=job-runner), as kshim_dask_scheduler_pod(). */
KSHIM_API kshim_call *kshim_dask_job_pod(kshim_object *job, const kshim_options *options, kshim_done_fn *done,
					 void *user);

/* Where a job is, as the object has it: "JobCreated", "ClusterCreated", "Running",
 * "Successful", "Failed"; NULL before the operator has said so. Borrowed until the
 * object changes. */
KSHIM_API const char *kshim_dask_job_status(kshim_object *job);

KSHIM_END_DECLS

#endif
