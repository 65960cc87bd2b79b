/* What a Pod says of its containers. */
#ifndef KSHIM__POD_STATUS_H
#define KSHIM__POD_STATUS_H

#include <kubeshim/object.h>

#include <stdbool.h>

struct kshim__container_status {
	bool begun; /* it runs, or has run: there is a log */
	bool running;
	const char *instance; /* containerID, "": none; borrowed from the Pod */
	const char *previous; /* of the one before the last restart, likewise */
};

/* All zero and "" for a container of which the Pod does not say anything. */
void kshim__container_status(kshim_object *pod, const char *container, struct kshim__container_status *status);

/* Succeeded or Failed: no container of it will run any more. */
bool kshim__pod_is_over(kshim_object *pod);

#endif
