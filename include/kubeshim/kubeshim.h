/*
 * kubeshim/kubeshim.h - all of kubeshim: an event-driven Kubernetes client.
 * See kubeshim(7).
 */
#ifndef KUBESHIM_KUBESHIM_H
#define KUBESHIM_KUBESHIM_H

#include <kubeshim/cache.h>
#include <kubeshim/client.h>
#include <kubeshim/common.h>
#include <kubeshim/config.h>
#include <kubeshim/crd.h>
#include <kubeshim/dask.h>
#include <kubeshim/election.h>
#include <kubeshim/error.h>
#include <kubeshim/kind.h>
#include <kubeshim/loop.h>
#include <kubeshim/manifest.h>
#include <kubeshim/metadata.h>
#include <kubeshim/node.h>
#include <kubeshim/object.h>
#include <kubeshim/options.h>
#include <kubeshim/pod.h>
#include <kubeshim/proxy.h>
#include <kubeshim/query.h>
#include <kubeshim/recorder.h>
#include <kubeshim/result.h>
#include <kubeshim/rollout.h>
#include <kubeshim/table.h>
#include <kubeshim/version.h>
#include <kubeshim/wait.h>
#include <kubeshim/watch.h>
#include <kubeshim/workqueue.h>

#endif
