/* The account that Kubernetes mounts into a Pod. */
#ifndef KSHIM__CONFIG_SERVICE_ACCOUNT_H
#define KSHIM__CONFIG_SERVICE_ACCOUNT_H

#include <stdbool.h>

/* Whether this process runs in a Pod that has one. */
bool kshim__in_pod(void);

#endif
