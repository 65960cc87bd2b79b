/* Whether what an exchange brought is an error, and which. */
#ifndef KSHIM__JUDGE_H
#define KSHIM__JUDGE_H

#include "call.h"

/* Of an exchange that is over, while its answer's head is at hand: new; NULL if it
 * was a success. */
kshim_error *kshim__judge(kshim_call *call);

#endif
