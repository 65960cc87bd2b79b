/* What a host's metrics hook is shown of an exchange that is over. */
#ifndef KSHIM__REQUEST_INFO_H
#define KSHIM__REQUEST_INFO_H

#include "call.h"

/* Calls the client's on_request; the exchange's easy handle is still there, or was
 * while kshim__request_note() was called. */
void kshim__request_report(kshim_call *call, const kshim_error *error);

/* The exchange is about to be cut short: keeps what the report needs of it. */
void kshim__request_note(kshim_call *call);

#endif
