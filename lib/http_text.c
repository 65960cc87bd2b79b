#include "http_text.h"

#include <string.h>

#define UPPER "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define LOWER "abcdefghijklmnopqrstuvwxyz"

/* RFC 9110, 9.1 and 5.6.2. */
bool kshim__http_method_ok(const char *method)
{
	size_t len = strspn(method, UPPER);

	return len > 0 && len < 32 && !method[len] && strcmp(method, "CONNECT") != 0;
}

bool kshim__http_method_reads(const char *method)
{
	return strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0 || strcmp(method, "OPTIONS") == 0;
}

bool kshim__http_name_ok(const char *name)
{
	size_t len = strspn(name, UPPER LOWER "0123456789!#$%&'*+-.^_`|~");

	return len > 0 && !name[len];
}

bool kshim__http_value_ok(const char *value)
{
	for (; *value; value++)
		if ((unsigned char)*value < ' ' || *value == 0x7f)
			return false;
	return true;
}
