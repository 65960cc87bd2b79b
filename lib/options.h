/* Options from the inside: see kubeshim/options.h. */
#ifndef KSHIM__OPTIONS_H
#define KSHIM__OPTIONS_H

#include <kubeshim/options.h>

#include <stdbool.h>

struct kshim_options {
	int64_t timeout_ms;
	bool dry_run;
	bool force;
	bool if_unchanged;
	bool wait_ready;
	bool watch_now;
	bool watch_gap_error;
	bool watch_once;
	bool watch_bookmarks;
	bool watch_streamed_state;
	unsigned watch_seconds;
	size_t watch_buffer;
	kshim_validation validation;
	kshim_propagation propagation;
	int64_t grace_period;
	char *field_manager;
	char *subresource;
	char *uid;
	char *version;
};

/* What NULL stands for. */
extern const struct kshim_options kshim__options_default;

/* New, for a verb that has further requests to make; of NULL the default. NULL
 * without memory. */
kshim_options *kshim__options_copy(const kshim_options *options);

#endif
