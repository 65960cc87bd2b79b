#include "error.h"

#include "alloc.h"
#include "buf.h"
#include "json/scan.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define BODY_KEPT (64u * 1024)
#define BODY_SHOWN 200
#define CAUSES_MAX 256
#define RETRY_AFTER_MAX_S 600

static const kshim_error no_memory = {.code = KSHIM_ENOMEM};

const char *kshim_code_name(kshim_code code)
{
	static const char *const names[] = {
		"OK",           "Invalid argument", "Out of memory", "Cancelled",    "Timed out",
		"No connection", "TLS failure",     "Bad answer",    "Bad configuration", "Bad manifest",
		"Unreadable file", "Unknown kind",  "More than one", "BadRequest",   "Unauthorized",
		"Forbidden",    "NotFound",         "Conflict",      "AlreadyExists", "Gone",
		"Invalid",      "TooManyRequests",  "InternalError", "HTTP error",
	};

	if ((size_t)code >= sizeof(names) / sizeof(names[0]))
		return "Unknown error";
	return names[code];
}

static kshim_error *new_error(kshim_code code, const char *format, va_list ap)
{
	kshim_error *error = kshim__calloc(1, sizeof(*error));
	va_list again;
	int len;

	if (!error)
		return (kshim_error *)&no_memory; /* never written to */
	va_copy(again, ap);
	len = vsnprintf(NULL, 0, format, again);
	va_end(again);
	error->code = code;
	error->message = len < 0 ? NULL : kshim__malloc((size_t)len + 1);
	if (!error->message) {
		kshim__free(error);
		return (kshim_error *)&no_memory;
	}
	vsnprintf(error->message, (size_t)len + 1, format, ap);
	return error;
}

kshim_error *kshim__error_new(kshim_code code, const char *format, ...)
{
	kshim_error *error;
	va_list ap;

	va_start(ap, format);
	error = new_error(code, format, ap);
	va_end(ap);
	return error;
}

void *kshim__fail(kshim_error **slot, kshim_code code, const char *format, ...)
{
	va_list ap;

	if (slot) {
		va_start(ap, format);
		*slot = new_error(code, format, ap);
		va_end(ap);
	}
	return NULL;
}

void kshim__error_prefix(kshim_error *error, const char *format, ...)
{
	struct kshim__buf buf;
	char *message;
	va_list ap;
	int len;

	if (!error || error == &no_memory)
		return;
	kshim__buf_init(&buf);
	va_start(ap, format);
	len = vsnprintf(NULL, 0, format, ap);
	va_end(ap);
	if (len < 0 || !kshim__buf_reserve(&buf, (size_t)len))
		return;
	va_start(ap, format);
	vsnprintf(buf.data, (size_t)len + 1, format, ap);
	va_end(ap);
	buf.len = (size_t)len;
	kshim__buf_adds(&buf, ": ");
	kshim__buf_adds(&buf, kshim_error_message(error));
	message = kshim__buf_take(&buf, NULL);
	if (!message)
		return;
	kshim__free(error->message);
	error->message = message;
}

static kshim_code code_of_status(int http_status, const char *reason)
{
	switch (http_status) {
	case 400:
		return KSHIM_EBADREQUEST;
	case 401:
		return KSHIM_EUNAUTHORIZED;
	case 403:
		return KSHIM_EFORBIDDEN;
	case 404:
		return KSHIM_ENOTFOUND;
	case 409:
		return reason && strcmp(reason, "AlreadyExists") == 0 ? KSHIM_EEXISTS : KSHIM_ECONFLICT;
	case 410:
		return KSHIM_EGONE;
	case 422:
		return KSHIM_EREFUSED;
	case 429:
		return KSHIM_ETOOMANY;
	}
	return http_status >= 500 ? KSHIM_ESERVER : KSHIM_EHTTP;
}

/* false without memory; *text is NULL where no string is. */
static bool text_at(struct kshim__span json, const char *pointer, char **text)
{
	struct kshim__span value;
	bool not_string;

	*text = NULL;
	if (!kshim__json_pointer(json.at, json.len, NULL, pointer, &value))
		return true;
	*text = kshim__json_string(value, NULL, &not_string);
	return *text || not_string;
}

static bool read_causes(kshim_error *error, struct kshim__span status)
{
	struct kshim__span causes, cause;
	size_t cursor = 0, count = 0;

	if (!kshim__json_pointer(status.at, status.len, NULL, "/details/causes", &causes))
		return true;
	while (count < CAUSES_MAX && kshim__json_next(causes, &cursor, NULL, &cause))
		count++;
	if (count == 0)
		return true;
	error->causes = kshim__calloc(count, sizeof(*error->causes));
	if (!error->causes)
		return false;
	for (cursor = 0; error->cause_count < count && kshim__json_next(causes, &cursor, NULL, &cause);) {
		struct kshim__cause *to = &error->causes[error->cause_count++];

		if (!text_at(cause, "/reason", &to->reason) || !text_at(cause, "/field", &to->field) ||
		    !text_at(cause, "/message", &to->message))
			return false;
	}
	return true;
}

int64_t kshim__retry_after_ms(int64_t seconds)
{
	return seconds > RETRY_AFTER_MAX_S ? RETRY_AFTER_MAX_S * 1000 : seconds * 1000;
}

/* What a Status says; false without memory. */
static bool read_status(kshim_error *error, struct kshim__span json)
{
	struct kshim__span seconds;
	int64_t wait;

	if (!error->retry_after &&
	    kshim__json_pointer(json.at, json.len, NULL, "/details/retryAfterSeconds", &seconds) &&
	    kshim__json_int(seconds, &wait) && wait > 0)
		error->retry_after = kshim__retry_after_ms(wait);
	return text_at(json, "/reason", &error->reason) && text_at(json, "/message", &error->message) &&
	       read_causes(error, json);
}

/* The first bytes of a body that is no Status, on one line and printable. */
static void show_body(struct kshim__buf *buf, const char *content_type, const char *body, size_t len)
{
	size_t i, shown = len < BODY_SHOWN ? len : BODY_SHOWN;
	bool space = true;

	if (len == 0) {
		kshim__buf_adds(buf, " with an empty body");
		return;
	}
	kshim__buf_addf(buf, " with a body of %s: ", content_type && *content_type ? content_type : "no content type");
	for (i = 0; i < shown; i++) {
		unsigned char c = (unsigned char)body[i];

		if (c <= ' ' || c == 0x7f) {
			if (!space)
				kshim__buf_addc(buf, ' ');
			space = true;
		} else {
			kshim__buf_addc(buf, (char)c);
			space = false;
		}
	}
	while (buf->len && buf->data && buf->data[buf->len - 1] == ' ')
		buf->data[--buf->len] = '\0';
	/* a character cut in half at the end is dropped, not shown as rubbish */
	if (shown < len) {
		size_t end = buf->len;

		while (end && buf->len - end < 4 && ((unsigned char)buf->data[end - 1] & 0xc0) == 0x80)
			end--;
		if (end && (unsigned char)buf->data[end - 1] >= 0xc0)
			buf->data[buf->len = end - 1] = '\0';
		kshim__buf_adds(buf, " ...");
	}
}

kshim_error *kshim__error_from_answer(const char *what, int http_status, const char *content_type, const char *body,
				      size_t len, int64_t retry_after)
{
	struct kshim__span json, kind;
	kshim_error *error = kshim__calloc(1, sizeof(*error));
	struct kshim__buf buf;
	bool whole = true;

	if (!error)
		return (kshim_error *)&no_memory;
	kshim__buf_init(&buf);
	error->http_status = http_status;
	error->retry_after = retry_after;
	if (kshim__json_value(body, len, &json) && kshim__json_pointer(json.at, json.len, NULL, "/kind", &kind) &&
	    kshim__json_equals(kind, "Status"))
		whole = read_status(error, json);
	error->code = code_of_status(http_status, error->reason);
	error->retryable = error->retry_after > 0 || http_status == 429 || http_status == 502 || http_status == 503 ||
			   http_status == 504;
	if (!error->message || !*error->message) {
		kshim__free(error->message);
		kshim__buf_addf(&buf, "%s: the server answered %d", what, http_status);
		show_body(&buf, content_type, body, len);
		error->message = kshim__buf_take(&buf, NULL);
	}
	if (len) {
		error->body_len = len < BODY_KEPT ? len : BODY_KEPT;
		error->body = kshim__memdup(body, error->body_len);
	}
	if (!whole || !error->message || (len && !error->body)) {
		kshim_error_free(error);
		return (kshim_error *)&no_memory;
	}
	return error;
}

kshim_code kshim_error_code(const kshim_error *error)
{
	return error ? error->code : KSHIM_OK;
}

const char *kshim_error_message(const kshim_error *error)
{
	if (!error)
		return NULL;
	return error->message ? error->message : kshim_code_name(error->code);
}

int kshim_error_http_status(const kshim_error *error)
{
	return error ? error->http_status : 0;
}

const char *kshim_error_reason(const kshim_error *error)
{
	return error ? error->reason : NULL;
}

int kshim_error_curl_code(const kshim_error *error)
{
	return error ? error->curl_code : 0;
}

int kshim_error_is_retryable(const kshim_error *error)
{
	return error && error->retryable;
}

int64_t kshim_error_retry_after(const kshim_error *error)
{
	return error ? error->retry_after : 0;
}

size_t kshim_error_cause_count(const kshim_error *error)
{
	return error ? error->cause_count : 0;
}

const char *kshim_error_cause_reason(const kshim_error *error, size_t index)
{
	return index < kshim_error_cause_count(error) ? error->causes[index].reason : NULL;
}

const char *kshim_error_cause_field(const kshim_error *error, size_t index)
{
	return index < kshim_error_cause_count(error) ? error->causes[index].field : NULL;
}

const char *kshim_error_cause_message(const kshim_error *error, size_t index)
{
	return index < kshim_error_cause_count(error) ? error->causes[index].message : NULL;
}

const char *kshim_error_body(const kshim_error *error, size_t *len)
{
	if (len)
		*len = error ? error->body_len : 0;
	return error ? error->body : NULL;
}

/* false without memory. */
static bool copy_text(char **to, const char *from)
{
	*to = kshim__strdup(from);
	return *to || !from;
}

static bool copy_causes(kshim_error *copy, const kshim_error *error)
{
	size_t i;

	if (error->cause_count == 0)
		return true;
	copy->causes = kshim__calloc(error->cause_count, sizeof(*copy->causes));
	if (!copy->causes)
		return false;
	for (i = 0; i < error->cause_count; i++) {
		copy->cause_count++;
		if (!copy_text(&copy->causes[i].reason, error->causes[i].reason) ||
		    !copy_text(&copy->causes[i].field, error->causes[i].field) ||
		    !copy_text(&copy->causes[i].message, error->causes[i].message))
			return false;
	}
	return true;
}

kshim_error *kshim_error_copy(const kshim_error *error)
{
	kshim_error *copy;

	if (!error || error == &no_memory)
		return (kshim_error *)error;
	copy = kshim__calloc(1, sizeof(*copy));
	if (!copy)
		return (kshim_error *)&no_memory; /* NULL would be no error */
	copy->code = error->code;
	copy->http_status = error->http_status;
	copy->curl_code = error->curl_code;
	copy->retryable = error->retryable;
	copy->retry_after = error->retry_after;
	copy->body_len = error->body_len;
	if (error->body)
		copy->body = kshim__memdup(error->body, error->body_len);
	if ((error->body && !copy->body) || !copy_text(&copy->message, error->message) ||
	    !copy_text(&copy->reason, error->reason) || !copy_causes(copy, error)) {
		kshim_error_free(copy);
		return (kshim_error *)&no_memory;
	}
	return copy;
}

void kshim_error_free(kshim_error *error)
{
	size_t i;

	if (!error || error == &no_memory)
		return;
	for (i = 0; i < error->cause_count; i++) {
		kshim__free(error->causes[i].reason);
		kshim__free(error->causes[i].field);
		kshim__free(error->causes[i].message);
	}
	kshim__free(error->causes);
	kshim__free(error->message);
	kshim__free(error->reason);
	kshim__free(error->body);
	kshim__free(error);
}
