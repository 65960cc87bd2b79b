#include "resources/condition.h"

#include <kubeshim/wait.h>

#include <string.h>

/* The server's default where a text of one's own leaves it out. */
static int64_t wanted(kshim_object *object)
{
	int64_t replicas;

	return kshim_object_get_int(object, "/spec/replicas", &replicas) == 0 ? replicas : 1;
}

static bool deployment(kshim_object *object)
{
	int64_t updated = kshim__object_number(object, "/status/updatedReplicas");

	return kshim__object_observed(object) && updated >= wanted(object) &&
	       kshim__object_number(object, "/status/replicas") <= updated &&
	       kshim__object_number(object, "/status/availableReplicas") >= updated;
}

static bool replicas(kshim_object *object)
{
	return kshim__object_observed(object) && kshim__object_number(object, "/status/readyReplicas") >= wanted(object);
}

static bool daemon_set(kshim_object *object)
{
	int64_t due = kshim__object_number(object, "/status/desiredNumberScheduled");

	return kshim__object_observed(object) && kshim__object_number(object, "/status/updatedNumberScheduled") >= due &&
	       kshim__object_number(object, "/status/numberReady") >= due;
}

static bool condition_ready(kshim_object *object)
{
	return kshim__condition_is(object, "Ready", "True");
}

static bool complete(kshim_object *object)
{
	return kshim__condition_is(object, "Complete", "True");
}

static bool running(kshim_object *object)
{
	const char *phase = kshim_object_get_string(object, "/status/phase");

	return phase && strcmp(phase, "Running") == 0;
}

int kshim_object_is_ready(kshim_object *object)
{
	static const struct {
		kshim_builtin kind;
		bool (*ready)(kshim_object *object);
	} rules[] = {
		{KSHIM_KIND_DEPLOYMENT, deployment},
		{KSHIM_KIND_REPLICA_SET, replicas},
		{KSHIM_KIND_REPLICATION_CONTROLLER, replicas},
		{KSHIM_KIND_STATEFUL_SET, replicas},
		{KSHIM_KIND_DAEMON_SET, daemon_set},
		{KSHIM_KIND_POD, condition_ready},
		{KSHIM_KIND_NODE, condition_ready},
		{KSHIM_KIND_JOB, complete},
		{KSHIM_KIND_DASK_CLUSTER, running},
	};
	const kshim_kind *row = object ? kshim__object_row(object) : NULL;
	size_t i;

	for (i = 0; row && i < sizeof(rules) / sizeof(rules[0]); i++)
		if (row == kshim_kind_builtin(rules[i].kind))
			return rules[i].ready(object);
	return 0;
}
