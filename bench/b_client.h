/* What the programs that measure kubeshim have in common: a client of the bench's server. */
#ifndef B_CLIENT_H
#define B_CLIENT_H

#include "bench.h"

#include <kubeshim/kubeshim.h>

/* Ends the program with a message if it cannot be had. */
kshim_client *b_client_new(kshim_loop *loop, const struct bench_options *options);

/* Counts a finished call into the bench. */
void b_count(struct bench *bench, const kshim_result *result);

#endif
