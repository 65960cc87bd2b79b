/* The rows of Dask's kinds: custom resources, nothing of Kubernetes' own. */
#ifndef KSHIM__DASK_H
#define KSHIM__DASK_H

#include "kind.h"

#define KSHIM__DASK_KINDS (KSHIM_KIND_DASK_AUTOSCALER - KSHIM_KIND_DASK_CLUSTER + 1)

extern const kshim_kind kshim__dask_kinds[KSHIM__DASK_KINDS];

#endif
