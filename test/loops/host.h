/*
 * One scenario for every foreign loop: each program here is a struct host, and
 * hosts_main() runs the tests with it against the API server of KUBECONFIG. One
 * that was built without its loop's library says so instead.
 */
#ifndef HOST_H
#define HOST_H

#include <kubeshim/kubeshim.h>

#include <stdbool.h>

#define TICK_MS 5

/* A loop of somebody else, one at a time. */
struct host {
	const char *name;
	void (*open)(kshim_loop *loop); /* makes the loop, attaches, calls tick() every TICK_MS */
	void (*run)(void);		/* until stop() */
	void (*stop)(void);		/* from tick() only */
	bool (*is_watching)(void);	/* kubeshim's descriptor is still looked at */
	void (*detach)(void);		/* also from a callback of kubeshim's */
	void (*close)(void);		/* frees all; the kshim_loop may be gone by then */
};

/* What the host's own timer does. */
void tick(void);

int hosts_main(const struct host *host, int argc, char **argv);
int host_is_missing(const char *module);

#endif
