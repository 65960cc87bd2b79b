/* kubeshim/version.h - which version this is. */
#ifndef KUBESHIM_VERSION_H
#define KUBESHIM_VERSION_H

#include <kubeshim/common.h>

KSHIM_BEGIN_DECLS

#define KSHIM_VERSION_MAJOR 0
#define KSHIM_VERSION_MINOR 1
#define KSHIM_VERSION_PATCH 0
#define KSHIM_VERSION "0.1.0"

/* The version of the library that was linked or loaded: "0.1.0"; static. */
KSHIM_API const char *kshim_version(void);

KSHIM_END_DECLS

#endif
