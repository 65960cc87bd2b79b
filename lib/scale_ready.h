/* Scaling, and waiting for what was scaled: see kshim_options_set_wait_ready(). */
#ifndef KSHIM__SCALE_READY_H
#define KSHIM__SCALE_READY_H

#include <kubeshim/object.h>

kshim_call *kshim__scale_and_wait(kshim_object *object, int64_t replicas, const kshim_options *options,
				  kshim_done_fn *done, void *user);

#endif
