#include <kubeshim/proxy.h>

#include "alloc.h"
#include "error.h"
#include "http_text.h"
#include "options.h"
#include "path.h"
#include "resources/proxy_path.h"
#include "verb.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct kshim_proxy_options {
	const char *scheme; /* static, or NULL */
	char *content_type;
	struct kshim__buf headers; /* names and values, each with its NUL */
	int64_t timeout_ms;
};

/* Options. */

kshim_proxy_options *kshim_proxy_options_new(void)
{
	kshim_proxy_options *options = kshim__calloc(1, sizeof(*options));

	if (options)
		options->timeout_ms = -1;
	return options;
}

void kshim_proxy_options_free(kshim_proxy_options *options)
{
	if (!options)
		return;
	kshim__free(options->content_type);
	kshim__buf_free_secret(&options->headers);
	kshim__free(options);
}

static bool known_scheme(const char *scheme, const char **known)
{
	*known = NULL;
	if (scheme && strcmp(scheme, "http") == 0)
		*known = "http";
	else if (scheme && strcmp(scheme, "https") == 0)
		*known = "https";
	return !scheme || *known;
}

int kshim_proxy_options_set_scheme(kshim_proxy_options *options, const char *scheme)
{
	const char *known;

	if (!options || !known_scheme(scheme, &known))
		return -1;
	options->scheme = known;
	return 0;
}

static bool not_the_callers(const char *name)
{
	static const char *const names[] = {
		"Accept-Encoding",  "Authorization", "Connection", "Content-Length",
		"Expect",           "Host",          "Keep-Alive", "Proxy-Authorization",
		"Proxy-Connection", "TE",            "Trailer",    "Transfer-Encoding",
		"Upgrade",          "User-Agent",
	};
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcasecmp(name, names[i]) == 0)
			return true;
	return strncasecmp(name, "Impersonate-", 12) == 0;
}

int kshim_proxy_options_add_header(kshim_proxy_options *options, const char *name, const char *value)
{
	struct kshim__buf *headers;
	char *copy;

	if (!options || !name || !value || !kshim__http_name_ok(name) || !kshim__http_value_ok(value) ||
	    not_the_callers(name))
		return -1;
	if (strcasecmp(name, "Content-Type") == 0) {
		copy = kshim__strdup(value);
		if (!copy)
			return -1;
		kshim__free(options->content_type);
		options->content_type = copy;
		return 0;
	}
	headers = &options->headers;
	if (!kshim__buf_reserve(headers, strlen(name) + strlen(value) + 2)) {
		headers->failed = false; /* what is in it stands */
		return -1;
	}
	kshim__buf_add(headers, name, strlen(name) + 1);
	kshim__buf_add(headers, value, strlen(value) + 1);
	return 0;
}

int kshim_proxy_options_set_timeout(kshim_proxy_options *options, int64_t ms)
{
	if (!options || ms < -1)
		return -1;
	options->timeout_ms = ms;
	return 0;
}

/* The answer. */

/* Only the API server's own errors have this form: apimachinery's Status. */
static bool is_status(kshim_call *call)
{
	const char *type = kshim__transfer_content_type(&call->transfer);
	struct kshim__span body = kshim__call_body(call), kind, version, code;
	int64_t number;

	return type && strncasecmp(type, "application/json", 16) == 0 &&
	       kshim__json_pointer(body.at, body.len, NULL, "/kind", &kind) && kshim__json_equals(kind, "Status") &&
	       kshim__json_pointer(body.at, body.len, NULL, "/apiVersion", &version) &&
	       kshim__json_equals(version, "v1") && kshim__json_pointer(body.at, body.len, NULL, "/code", &code) &&
	       kshim__json_int(code, &number) && number == call->transfer.status;
}

static kshim_error *judge(kshim_call *call, kshim_error *error)
{
	kshim_result *result = &call->result;
	const char *type;
	struct kshim__buf headers;

	/* of the Service that was read, or of an earlier attempt */
	kshim__free(result->headers);
	kshim__free(result->content_type);
	result->headers = result->content_type = NULL;
	result->headers_len = 0;
	if (call->transfer.code != CURLE_OK)
		return error;
	type = kshim__transfer_content_type(&call->transfer);
	kshim__buf_init(&headers);
	kshim__transfer_headers(&call->transfer, &headers);
	result->content_type = kshim__strdup(type);
	result->headers = kshim__buf_take(&headers, &result->headers_len);
	if (!result->headers || (type && !result->content_type)) {
		kshim_error_free(error);
		return kshim__error_new(KSHIM_ENOMEM, "out of memory");
	}
	if (!error || is_status(call))
		return error;
	kshim_error_free(error);
	return NULL;
}

static void answered(kshim_call *call)
{
	struct kshim__span body = kshim__call_body(call);

	if (call->result.error || !call->page) {
		kshim__call_answer_body(call);
		return;
	}
	if (body.len) {
		/* of a status that is no success: kept until it was known whose it is */
		call->page(body.at, body.len, call->user);
		if (call->state == KSHIM__CALL_FINISHED)
			return; /* cancelled in there */
	}
	call->result.found = true;
	kshim__call_finish(call);
}

static void stream(kshim_call *call, const char *data, size_t len)
{
	call->page(data, len, call->user);
}

const char *kshim_proxy_header(const kshim_result *result, const char *name, size_t index)
{
	const char *at, *end, *value;

	if (!result || !name || !result->headers)
		return NULL;
	end = result->headers + result->headers_len;
	for (at = result->headers; at < end; at = value + strlen(value) + 1) {
		value = at + strlen(at) + 1;
		if (strcasecmp(at, name) == 0 && !index--)
			return value;
	}
	return NULL;
}

/* The request. */

/* "https:name:port": what the proxy subresource is asked of. */
static bool set_name(kshim_call *call, const char *port)
{
	struct kshim__buf name;

	if (!call->scheme && !port)
		return true;
	kshim__buf_init(&name);
	if (call->scheme)
		kshim__buf_addf(&name, "%s:", call->scheme);
	kshim__buf_addf(&name, "%s:%s", call->name, port ? port : "");
	kshim__free(call->name);
	call->name = kshim__buf_take(&name, NULL);
	return call->name != NULL;
}

/* The first port of a Service; false if the object has none. */
static bool first_port(kshim_object *service, char port[24])
{
	int64_t number;

	if (kshim_object_get_int(service, "/spec/ports/0/port", &number) < 0)
		return false;
	snprintf(port, 24, "%lld", (long long)number);
	return true;
}

/* From reading the Service, or from the beginning, to the request itself. */
static bool set_request(kshim_call *call, const char *port)
{
	kshim__request_clear(&call->request);
	call->request = *call->later;
	kshim__free(call->later);
	call->later = NULL;
	call->params = call->request.path;
	call->request.path = NULL;
	call->subresource = kshim__strdup("proxy");
	call->judge = judge;
	call->answered = answered;
	return call->subresource && set_name(call, port);
}

static void service_read(kshim_call *call)
{
	char port[24];

	if (call->result.error) {
		kshim__call_finish(call);
		return;
	}
	if (!kshim__call_take_object(call))
		return;
	if (!first_port(call->result.object, port)) {
		kshim__call_fail(call, kshim__error_new(KSHIM_EINVAL, "Service %s has no port", call->name));
		return;
	}
	kshim_object_unref(call->result.object);
	call->result.object = NULL;
	if (set_request(call, port))
		kshim__verb_send(call);
	else
		kshim__call_no_memory(call);
}

/* What is sent; its path is what goes behind ".../proxy". */
static struct kshim__request *make_request(const char *method, const char *path, const char *body, size_t len,
					   const kshim_proxy_options *options, bool streamed)
{
	struct kshim__request *request = kshim__calloc(1, sizeof(*request));
	const char *type = options && options->content_type ? options->content_type : NULL;
	bool ok = request != NULL;

	if (!ok)
		return NULL;
	request->method = request->custom_method = kshim__strdup(method);
	request->path = kshim__strdup(path);
	request->custom = true;
	request->mode = streamed ? KSHIM__MODE_STREAM : KSHIM__MODE_BODY;
	if (body) {
		request->body = kshim__memdup(body, len);
		request->body_len = len;
		request->custom_content = kshim__strdup(type ? type : "application/octet-stream");
		ok = request->body && request->custom_content;
	}
	if (options && options->headers.len) {
		request->headers = kshim__memdup(options->headers.data, options->headers.len);
		request->headers_len = options->headers.len;
		ok = ok && request->headers;
	}
	if (ok && request->method && request->path)
		return request;
	kshim__request_clear(request);
	kshim__free(request);
	return NULL;
}

/* Why such a request cannot be; NULL if it can. */
static const char *problem(kshim_object *object, const char *port, const char *method, bool body)
{
	const kshim_kind *row = kshim__object_row(object);
	char *end;
	long number;

	if (row != KSHIM_SERVICE && row != KSHIM_POD && row != KSHIM_NODE)
		return "only to a Service, a Pod or a Node";
	if (!method || !kshim__http_method_ok(method))
		return "no valid method";
	if (body && strcmp(method, "HEAD") == 0)
		return "a HEAD has no body";
	if (object->client->dry_run && !kshim__http_method_reads(method))
		return "it cannot be a dry run";
	if (!port)
		return NULL;
	number = strtol(port, &end, 10);
	if (!*end && number > 0 && number < 65536 && port[0] >= '1' && port[0] <= '9')
		return NULL;
	return row == KSHIM_SERVICE && kshim__path_label_ok(port, strlen(port)) && *end ? NULL : "no valid port";
}

static kshim_call *refuse(kshim_object *object, const char *what)
{
	return kshim__object_refuse(object, "a proxied request: %s", what);
}

kshim_call *kshim_proxy_request(kshim_object *object, const char *port, const char *method, const char *path,
				const char *body, size_t len, const kshim_proxy_options *options, kshim_data_fn *data,
				kshim_done_fn *done, void *user)
{
	const char *wrong = object ? problem(object, port, method, body != NULL) : NULL;
	char first[24];
	struct kshim__buf text;
	kshim_call *call;

	if (!object)
		return NULL;
	if (wrong)
		return refuse(object, wrong);
	kshim__buf_init(&text);
	if (!kshim__proxy_path(&text, path) && !text.failed)
		return refuse(object, "a path with \".\" or \"..\" in it");
	call = kshim__verb_on_object(object, "GET", &kshim__options_default, true, done, user);
	if (!call) {
		kshim__buf_free(&text);
		return NULL;
	}
	call->keep_object = true;
	call->page = data;
	call->data = stream;
	call->scheme = options ? options->scheme : NULL;
	call->answered = service_read;
	if (!text.failed)
		call->later = make_request(method, text.data, body, len, options, data != NULL);
	kshim__buf_free(&text);
	if (!port && first_port(object, first))
		port = first;
	if (!call->later || ((port || kshim__object_row(object) != KSHIM_SERVICE) && !set_request(call, port)))
		return kshim__call_drop(call, kshim__error_new(KSHIM_ENOMEM, "out of memory"));
	kshim__call_begin(call, options ? options->timeout_ms : -1);
	kshim__verb_go(call);
	return call;
}
