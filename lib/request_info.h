/* What a host's metrics hook is shown of a finished exchange. */
#ifndef KSHIM__REQUEST_INFO_H
#define KSHIM__REQUEST_INFO_H

#include "call.h"

/* Calls the client's on_request; the exchange's easy handle is still there. */
void kshim__request_report(kshim_call *call, const kshim_error *error);

#endif
