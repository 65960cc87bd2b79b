#include "judge.h"

#include "buf.h"
#include "error.h"

#include <stdlib.h>
#include <string.h>

static int64_t retry_after(kshim_call *call)
{
	const char *value = kshim__transfer_header(&call->transfer, "Retry-After", 0);
	char *end;
	long seconds;

	if (!value)
		return 0;
	seconds = strtol(value, &end, 10);
	if (end == value || *end || seconds < 0)
		return 0; /* a date: Kubernetes sends none */
	return seconds == 0 ? 1 : kshim__retry_after_ms(seconds);
}

/* There is nothing to talk to, or it is not to be trusted: names the server. */
static kshim_error *connect_error(kshim_call *call, kshim_code code, const char *problem)
{
	const struct kshim__transfer *transfer = &call->transfer;
	const struct kshim__access *access = call->client->access;
	const char *method = call->request.method, *path = call->request.path;
	int os_error = kshim__transfer_os_error(transfer);

	if (transfer->code == CURLE_PEER_FAILED_VERIFICATION || kshim__transfer_unverified(transfer))
		return kshim__error_new(code, "%s %s: the certificate of %s could not be verified by %s: %s", method, path,
					access->server, access->ca.len ? "the context's certificate-authority" :
					"the system's authorities (the context has no certificate-authority)", problem);
	return kshim__error_new(code, "%s %s: no connection to %s: %s%s%s", method, path, access->server, problem,
				os_error ? ": " : "", os_error ? strerror(os_error) : "");
}

/* What an exchange that broke is called. */
static kshim_error *transport_error(kshim_call *call)
{
	struct kshim__transfer *transfer = &call->transfer;
	bool silent = kshim__transfer_silent(transfer);
	kshim_code code = kshim__transfer_error_code(transfer->code);
	const char *problem = transfer->problem[0] ? transfer->problem : curl_easy_strerror(transfer->code);
	const char *method = call->request.method, *path = call->request.path;
	kshim_error *error;

	if (kshim__transfer_got_alert(transfer))
		code = KSHIM_ETLS;
	else if (kshim__transfer_broke_in_handshake(transfer))
		code = KSHIM_ECONNECT;
	if (transfer->code == CURLE_ABORTED_BY_CALLBACK)
		error = kshim__error_new(KSHIM_ECONNECT,
					 "%s %s: the connection was closed before an answer came; the server may "
					 "have carried the request out", method, path);
	else if (transfer->code == CURLE_WRITE_ERROR && call->too_large)
		error = kshim__error_new(KSHIM_EPROTOCOL, "%s %s: the answer is larger than %u bytes", method, path,
					 KSHIM__BODY_MAX);
	else if (transfer->code == CURLE_WRITE_ERROR && call->items && kshim__items_problem(call->items))
		error = kshim__error_new(KSHIM_EPROTOCOL, "%s %s: the answer is no list: %s", method, path,
					 kshim__items_problem(call->items));
	else if (transfer->code == CURLE_WRITE_ERROR)
		error = kshim__error_new(KSHIM_ENOMEM, "%s %s: out of memory", method, path);
	else if (!silent && (code == KSHIM_ECONNECT || transfer->code == CURLE_PARTIAL_FILE))
		error = kshim__error_new(KSHIM_EPROTOCOL, "%s %s: the answer was cut after %llu bytes: %s", method, path,
					 (unsigned long long)transfer->received, problem);
	else if (transfer->code == CURLE_PEER_FAILED_VERIFICATION || transfer->code == CURLE_COULDNT_CONNECT ||
		 kshim__transfer_unverified(transfer))
		error = connect_error(call, code, problem);
	else
		error = kshim__error_new(silent && code == KSHIM_EPROTOCOL ? KSHIM_ECONNECT : code, "%s %s: %s", method, path,
					 problem);
	if (error->code == KSHIM_ENOMEM)
		return error; /* perhaps the static one */
	error->curl_code = (int)transfer->code;
	error->http_status = transfer->status;
	error->retryable = (code == KSHIM_ECONNECT || transfer->code == CURLE_PARTIAL_FILE) &&
			   !kshim__transfer_proxy_refused(transfer);
	return error;
}

static kshim_error *error_of_answer(kshim_call *call)
{
	struct kshim__span body = kshim__call_body(call), kind;
	struct kshim__buf what;
	kshim_error *error;

	kshim__buf_init(&what);
	kshim__buf_addf(&what, "%s %s", call->request.method, call->request.path);
	error = kshim__error_from_answer(what.data ? what.data : "", call->transfer.status,
					 kshim__transfer_content_type(&call->transfer), body.at, body.len,
					 retry_after(call));
	kshim__buf_free(&what);
	/* 400 with a text: as Go's server answers who should have spoken TLS */
	if (!call->client->access->https &&
	    (call->transfer.status == 401 || (call->transfer.status == 400 && !error->reason)))
		kshim__error_prefix(error, "%s, asked without TLS and so without credentials",
				    call->client->access->server);
	/* a path that nobody serves is answered with a text, or with a Status that names no kind */
	if (error->code == KSHIM_ENOTFOUND && call->target.kind &&
	    !kshim__json_pointer(body.at, body.len, NULL, "/details/kind", &kind))
		error->code = KSHIM_ENOKIND;
	return error;
}

static kshim_error *judge_list(kshim_call *call)
{
	const char *method = call->request.method, *path = call->request.path;

	if (!call->items || kshim__items_state(call->items) != KSHIM__ITEMS_DONE)
		return kshim__error_new(KSHIM_EPROTOCOL, "%s %s: the answer was cut after %llu bytes", method, path,
					(unsigned long long)call->transfer.received);
	if (!kshim__items_seen(call->items))
		return kshim__error_new(KSHIM_EPROTOCOL, "%s %s: the answer is no list: it has no items", method, path);
	return NULL;
}

kshim_error *kshim__judge(kshim_call *call)
{
	if (call->transfer.code != CURLE_OK)
		return transport_error(call);
	if (call->transfer.status < 200 || call->transfer.status >= 300)
		return error_of_answer(call);
	return call->request.mode == KSHIM__MODE_ITEMS ? judge_list(call) : NULL;
}
