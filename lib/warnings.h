/* What a server warns of: the result keeps it, and the client's hook hears it. */
#ifndef KSHIM__WARNINGS_H
#define KSHIM__WARNINGS_H

#include "call.h"

/* All that the head of the answer says; false if some was lost for want of memory. */
bool kshim__call_read_warnings(kshim_call *call);

/* One of our own, or of a step's; false without memory. */
bool kshim__call_add_warning(kshim_call *call, const char *text);

#endif
