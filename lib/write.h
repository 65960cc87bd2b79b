/* What options come to in a request. */
#ifndef KSHIM__WRITE_H
#define KSHIM__WRITE_H

#include "call.h"
#include "options.h"

enum kshim__write_flags {
	KSHIM__WRITE_FIELDS = 1, /* the verb takes fieldManager and fieldValidation */
	KSHIM__WRITE_APPLY = 2   /* and force; a field manager is a must */
};

/* Adds the parameters of a write; false without memory. */
bool kshim__write_params(kshim_call *call, const kshim_options *options, unsigned flags);

/* Makes call->request.body a DeleteOptions, if there is anything to say; false
 * without memory. */
bool kshim__write_delete_body(kshim_call *call, const kshim_options *options);

#endif
