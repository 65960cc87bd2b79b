/* Log options from the inside: see kubeshim/pod.h. */
#ifndef KSHIM__LOG_OPTIONS_H
#define KSHIM__LOG_OPTIONS_H

#include <kubeshim/pod.h>

#include <stdbool.h>

struct kshim_log_options {
	char *container;
	char *since_time;
	int64_t since_seconds; /* 0: not set */
	int64_t tail_lines;    /* -1: not set */
	int64_t limit_bytes;   /* -1: not set */
	int64_t timeout_ms;
	bool all_containers;
	bool follow;
	bool previous;
	bool timestamps;
	bool pretty;
	bool insecure_backend;
};

/* New; of NULL the default. NULL without memory. */
kshim_log_options *kshim__log_options_copy(const kshim_log_options *options);

#endif
