/* What the programs that measure kubeshim have in common: a client of the bench's server. */
#ifndef B_CLIENT_H
#define B_CLIENT_H

#include "bench.h"

#include <kubeshim/kubeshim.h>

/* With the token of the options. Ends the program with a message if it cannot be had. */
kshim_client *b_client_new(kshim_loop *loop, const struct bench_options *options);
/* The same as a user of the kubeconfig, whose members (YAML, flow style) are given. */
kshim_client *b_client_new_as(kshim_loop *loop, const struct bench_options *options, const char *user);

/* Passes of the loop, driven from outside, and the CPU that the longest one held. */
struct b_passes {
	uint64_t count, longest_ns;
};

/* One pass, after waiting until there is something to do. */
void b_pass(kshim_loop *loop, struct b_passes *passes);

/* Counts a finished call into the bench. */
void b_count(struct bench *bench, const kshim_result *result);

#endif
