#include "warnings.h"

#include "alloc.h"

#include <string.h>

bool kshim__call_add_warning(kshim_call *call, const char *text)
{
	kshim_result *result = &call->result;
	char **warnings = kshim__realloc(result->warnings, (result->warning_count + 1) * sizeof(*warnings));

	if (!warnings)
		return false;
	result->warnings = warnings;
	result->warnings[result->warning_count] = kshim__strdup(text);
	return result->warnings[result->warning_count] && ++result->warning_count;
}

/* `299 - "text"` (RFC 7234, 5.5; Kubernetes quotes as Go does). false without memory. */
static bool read_warning(kshim_call *call, const char *value)
{
	const char *at = strchr(value, '"');
	struct kshim__buf text;
	bool ok;

	if (strncmp(value, "299 ", 4) != 0 || !at)
		return true;
	kshim__buf_init(&text);
	for (at++; *at && *at != '"'; at++) {
		if (*at == '\\' && at[1])
			at++;
		kshim__buf_addc(&text, *at);
	}
	ok = !text.failed && (!text.data || kshim__call_add_warning(call, text.data));
	if (!text.failed && text.data && call->client->on_warning)
		call->client->on_warning(text.data, call->client->on_warning_user);
	kshim__buf_free(&text);
	return ok;
}

bool kshim__call_read_warnings(kshim_call *call)
{
	const char *value;
	bool ok = true;
	size_t i;

	for (i = 0; (value = kshim__transfer_header(&call->transfer, "Warning", i)); i++)
		ok = read_warning(call, value) && ok;
	return ok;
}
