#include <kubeshim/dask.h>

#include "composite.h"
#include "error.h"
#include "json/scan.h"
#include "options.h"
#include "path.h"

#define LOOK_MS 1000
#define CLUSTER_NAME "dask.org/cluster-name"
#define GROUP_NAME "dask.org/workergroup-name"
#define COMPONENT "dask.org/component"

/* A wait for the one object that a query finds. */
struct search {
	struct kshim__composite composite;
	kshim_query *query;
};

static void *refuse(kshim_object *object, const char *what)
{
	return kshim__object_refuse(object, "%s", what);
}

static bool is(kshim_object *object, const kshim_kind *kind)
{
	if (!object)
		return false;
	kshim__object_starved(object); /* of what was read before nothing is meant */
	kshim_object_namespace(object); /* read once, it can be read again */
	if (kshim__object_row(object) == kind && kshim__path_name_ok(kshim_object_name(object)) && !object->starved)
		return true;
	refuse(object, "an object of another kind, or without a valid name");
	return false;
}

static bool require(kshim_query *query, const char *label, const char *value)
{
	return kshim_query_add_label(query, label, KSHIM_OP_EQUALS, &value, 1) == 0;
}

/* What has a cluster's label, of a component and a group where those are given;
 * in the namespace of `object`. */
static kshim_query *labelled(kshim_object *object, const kshim_kind *kind, const char *cluster, const char *component,
			     const char *group)
{
	kshim_query *query = kshim_query_new(object->client, kind, kshim_object_namespace(object));

	if (query && require(query, CLUSTER_NAME, cluster) && (!component || require(query, COMPONENT, component)) &&
	    (!group || require(query, GROUP_NAME, group)))
		return query;
	kshim_query_free(query);
	return NULL;
}

/* Queries. */

kshim_query *kshim_dask_worker_groups(kshim_object *cluster)
{
	if (!is(cluster, KSHIM_DASK_CLUSTER))
		return NULL;
	return labelled(cluster, KSHIM_DASK_WORKER_GROUP, kshim_object_name(cluster), NULL, NULL);
}

static kshim_query *workers(kshim_object *group, const kshim_kind *kind)
{
	const char *cluster;

	if (!is(group, KSHIM_DASK_WORKER_GROUP))
		return NULL;
	cluster = kshim_object_get_string(group, "/spec/cluster");
	if (!cluster)
		return refuse(group, "a worker group without spec.cluster");
	return labelled(group, kind, cluster, "worker", kshim_object_name(group));
}

kshim_query *kshim_dask_worker_pods(kshim_object *group)
{
	return workers(group, KSHIM_POD);
}

kshim_query *kshim_dask_worker_deployments(kshim_object *group)
{
	return workers(group, KSHIM_DEPLOYMENT);
}

kshim_object *kshim_dask_cluster(kshim_object *owned)
{
	const char *name = NULL, *namespace_;
	const kshim_kind *kind;
	kshim_object *cluster;

	if (!owned)
		return NULL;
	kshim__object_starved(owned); /* of what was read before nothing is meant */
	kind = kshim__object_row(owned);
	namespace_ = kshim_object_namespace(owned);
	if (kind == KSHIM_DASK_JOB)
		name = kshim_object_name(owned);
	else if (kind == KSHIM_DASK_WORKER_GROUP || kind == KSHIM_DASK_AUTOSCALER)
		name = kshim_object_get_string(owned, "/spec/cluster");
	if (!kshim__path_name_ok(name) || owned->starved)
		return refuse(owned, "a worker group or an autoscaler with spec.cluster, or a job, is needed");
	cluster = kshim__object_named(owned->client, KSHIM_DASK_CLUSTER, NULL, namespace_, name);
	return cluster ? cluster :
			 kshim__client_fail(owned->client, kshim__error_new(KSHIM_ENOMEM, "out of memory"));
}

const char *kshim_dask_job_status(kshim_object *job)
{
	return kshim_object_get_string(job, "/status/jobStatus");
}

/* The only one of its labels, once there is one. */

static void release(struct kshim__composite *composite)
{
	kshim_query_free(((struct search *)composite)->query);
}

static void look(struct kshim__composite *composite);

static void looked(struct kshim__composite *composite, kshim_result *result, void *argument)
{
	(void)argument;
	composite->call->result.http_status = kshim_result_http_status(result);
	if (kshim__composite_failed(composite, result))
		return;
	if (kshim_result_object(result))
		kshim__composite_finish(composite, kshim_result_object(result));
	else
		kshim__composite_sleep(composite, LOOK_MS, look);
}

static void look(struct kshim__composite *composite)
{
	struct kshim__step *step = kshim__step_new(composite, looked, NULL);

	if (step)
		kshim__step_start(step, kshim_query_get_or_none(((struct search *)composite)->query, NULL,
								kshim__step_done, step));
}

static kshim_call *find(kshim_object *object, const kshim_kind *of, const kshim_kind *kind, const char *component,
			const kshim_options *options, kshim_done_fn *done, void *user)
{
	struct search *search;
	kshim_query *query;
	kshim_call *call;

	if (!is(object, of))
		return NULL;
	query = labelled(object, kind, kshim_object_name(object), component, NULL);
	search = query ? kshim__composite_new(object->client, sizeof(*search), release, options, done, user) : NULL;
	if (!search) {
		kshim_query_free(query);
		return NULL;
	}
	search->query = query;
	kshim_query_set_timeout(query, 0); /* of steps: the whole has one */
	call = search->composite.call;
	kshim__composite_about(&search->composite, "find", "%s %s of %s", component, kshim_kind_plural(kind),
			       kshim_object_name(object));
	look(&search->composite);
	return call;
}

kshim_call *kshim_dask_scheduler_pod(kshim_object *cluster, const kshim_options *options, kshim_done_fn *done,
				     void *user)
{
	return find(cluster, KSHIM_DASK_CLUSTER, KSHIM_POD, "scheduler", options, done, user);
}

kshim_call *kshim_dask_scheduler_deployment(kshim_object *cluster, const kshim_options *options, kshim_done_fn *done,
					    void *user)
{
	return find(cluster, KSHIM_DASK_CLUSTER, KSHIM_DEPLOYMENT, "scheduler", options, done, user);
}

kshim_call *kshim_dask_scheduler_service(kshim_object *cluster, const kshim_options *options, kshim_done_fn *done,
					 void *user)
{
	return find(cluster, KSHIM_DASK_CLUSTER, KSHIM_SERVICE, "scheduler", options, done, user);
}

kshim_call *kshim_dask_job_pod(kshim_object *job, const kshim_options *options, kshim_done_fn *done, void *user)
{
	return find(job, KSHIM_DASK_JOB, KSHIM_POD, "job-runner", options, done, user);
}

/* Ready. */

static void reloaded(struct kshim__composite *composite, kshim_result *result, void *argument)
{
	kshim_call *call = composite->call;
	struct kshim__span phase;
	const char *text;
	bool running;
	size_t len;

	(void)argument;
	call->result.http_status = kshim_result_http_status(result);
	if (kshim__composite_failed(composite, result))
		return;
	/* over the bytes: what needs no memory cannot be wrong for lack of it */
	text = kshim_object_text(kshim_result_object(result), &len);
	running = text && kshim__json_pointer(text, len, NULL, "/status/phase", &phase) &&
		  kshim__json_equals(phase, "Running");
	kshim__composite_finish(composite, kshim_result_object(result)); /* the state is gone, the call is not */
	call->result.found = running;
}

static void nothing(struct kshim__composite *composite)
{
	(void)composite;
}

kshim_call *kshim_dask_ready(kshim_object *cluster, const kshim_options *options, kshim_done_fn *done, void *user)
{
	struct kshim_options plain = kshim__options_default;
	struct kshim__composite *composite;
	struct kshim__step *step;
	kshim_call *call;

	if (!is(cluster, KSHIM_DASK_CLUSTER))
		return NULL;
	composite = kshim__composite_new(cluster->client, sizeof(*composite), nothing, options, done, user);
	if (!composite)
		return NULL;
	plain.timeout_ms = 0; /* the whole has one */
	kshim__composite_about(composite, "read", "%s", kshim_object_name(cluster));
	call = composite->call;
	step = kshim__step_new(composite, reloaded, NULL);
	if (step)
		kshim__step_start(step, kshim_object_reload(cluster, &plain, kshim__step_done, step));
	return call;
}
