#include "call.h"

const kshim_error *kshim_result_error(const kshim_result *result)
{
	return result ? result->error : NULL;
}

kshim_object *kshim_result_object(const kshim_result *result)
{
	return result ? result->object : NULL;
}

int kshim_result_found(const kshim_result *result)
{
	return result && !result->error && result->found;
}

size_t kshim_result_item_count(const kshim_result *result)
{
	return result ? result->items : 0;
}

kshim_object *kshim_result_item(const kshim_result *result, size_t index)
{
	return result && result->kept && index < result->items ? result->kept[index] : NULL;
}

const char *kshim_result_resource_version(const kshim_result *result)
{
	return result ? result->resource_version : NULL;
}

const char *kshim_result_continue(const kshim_result *result)
{
	return result ? result->continue_token : NULL;
}

int kshim_result_is_consistent(const kshim_result *result)
{
	return result && !result->inconsistent;
}

const kshim_kind *kshim_result_kind(const kshim_result *result)
{
	return result ? result->kind : NULL;
}

int kshim_result_http_status(const kshim_result *result)
{
	return result ? result->http_status : 0;
}

const char *kshim_result_body(const kshim_result *result, size_t *len)
{
	if (len)
		*len = result ? result->body_len : 0;
	return result ? result->body : NULL;
}

const char *kshim_result_content_type(const kshim_result *result)
{
	return result ? result->content_type : NULL;
}

const char *kshim_result_warning(const kshim_result *result, size_t index)
{
	return result && index < result->warning_count ? result->warnings[index] : NULL;
}

kshim_client *kshim_result_client(const kshim_result *result)
{
	return result ? result->client : NULL;
}
