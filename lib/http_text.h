/* What may stand in a request (RFC 9110): checks of what a caller gives. */
#ifndef KSHIM__HTTP_TEXT_H
#define KSHIM__HTTP_TEXT_H

#include <stdbool.h>

/* A method: letters are enough for every one there is. CONNECT is none of ours. */
bool kshim__http_method_ok(const char *method);
/* One that changes nothing, and may be sent twice. */
bool kshim__http_method_reads(const char *method);

/* A header's name (a token), and its value: no control characters. */
bool kshim__http_name_ok(const char *name);
bool kshim__http_value_ok(const char *value);

#endif
