/* The rows of the kinds that are part of Kubernetes. */
#ifndef KSHIM__BUILTIN_H
#define KSHIM__BUILTIN_H

#include "kind.h"

#define KSHIM__BUILTIN_KINDS (KSHIM_KIND_CUSTOM_RESOURCE_DEFINITION + 1)

extern const kshim_kind kshim__builtin_kinds[KSHIM__BUILTIN_KINDS];

/* true for the groups that Kubernetes' own API server serves. */
bool kshim__builtin_group(const char *group);

#endif
