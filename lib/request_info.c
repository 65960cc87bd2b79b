#include "request_info.h"

struct kshim_request_info {
	const kshim_call *call;
	kshim_code code;
	int64_t wait_us;
	int64_t first_us;
	int64_t total_us;
	long new_connections;
	long http_version;
};

static void ask_libcurl(const kshim_call *call, long *new_connections, long *http_version)
{
	CURL *easy = call->transfer.exchange.easy;

	curl_easy_getinfo(easy, CURLINFO_NUM_CONNECTS, new_connections);
	curl_easy_getinfo(easy, CURLINFO_HTTP_VERSION, http_version);
}

void kshim__request_note(kshim_call *call)
{
	long new_connections = 0, http_version = 0, status = call->transfer.status;

	if (!status) /* the head alone came */
		curl_easy_getinfo(call->transfer.exchange.easy, CURLINFO_RESPONSE_CODE, &status);
	call->transfer.status = (int)status;
	ask_libcurl(call, &new_connections, &http_version);
	call->cut.due = true;
	call->cut.new_connection = new_connections > 0;
	call->cut.http_version = (uint8_t)http_version;
	if (!call->transfer.ended_us)
		call->transfer.ended_us = kshim__now_us();
}

void kshim__request_report(kshim_call *call, const kshim_error *error)
{
	struct kshim_request_info info = {.call = call, .code = kshim_error_code(error)};
	const struct kshim__transfer *transfer = &call->transfer;

	if (call->cut.due) {
		info.new_connections = call->cut.new_connection;
		info.http_version = call->cut.http_version;
	} else {
		ask_libcurl(call, &info.new_connections, &info.http_version);
	}
	info.wait_us = transfer->started_us - call->queued_us;
	info.first_us = transfer->first_us ? transfer->first_us - transfer->started_us : 0;
	info.total_us = transfer->ended_us - transfer->started_us;
	call->client->on_request(&info, call->client->on_request_user);
}

const char *kshim_request_info_method(const kshim_request_info *info)
{
	return info->call->request.method;
}

const char *kshim_request_info_path(const kshim_request_info *info)
{
	return info->call->request.path;
}

int kshim_request_info_status(const kshim_request_info *info)
{
	return info->call->transfer.status;
}

kshim_code kshim_request_info_code(const kshim_request_info *info)
{
	return info->code;
}

unsigned kshim_request_info_attempt(const kshim_request_info *info)
{
	return info->call->attempts;
}

uint64_t kshim_request_info_sent(const kshim_request_info *info)
{
	return info->call->request.body_len;
}

uint64_t kshim_request_info_received(const kshim_request_info *info)
{
	return info->call->transfer.received;
}

int64_t kshim_request_info_wait_us(const kshim_request_info *info)
{
	return info->wait_us;
}

int64_t kshim_request_info_first_us(const kshim_request_info *info)
{
	return info->first_us;
}

int64_t kshim_request_info_total_us(const kshim_request_info *info)
{
	return info->total_us;
}

int kshim_request_info_new_connection(const kshim_request_info *info)
{
	return info->new_connections > 0;
}

const char *kshim_request_info_http_version(const kshim_request_info *info)
{
	switch (info->http_version) {
	case CURL_HTTP_VERSION_1_0:
		return "1.0";
	case CURL_HTTP_VERSION_1_1:
		return "1.1";
	case CURL_HTTP_VERSION_2_0:
		return "2";
	}
	return "";
}
