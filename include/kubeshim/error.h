/*
 * kubeshim/error.h - what went wrong, whole: our code, the HTTP status, the
 * server's Status, libcurl's code, and whether trying again may help.
 */
#ifndef KUBESHIM_ERROR_H
#define KUBESHIM_ERROR_H

#include <kubeshim/common.h>

KSHIM_BEGIN_DECLS

/* Values never change; new ones are added at the end. */
typedef enum kshim_code {
	KSHIM_OK = 0,
	KSHIM_EINVAL = 1,        /* a bad argument: nothing was sent */
	KSHIM_ENOMEM = 2,        /* an allocation failed */
	KSHIM_ECANCELED = 3,     /* kshim_call_cancel(), or the client was freed */
	KSHIM_ETIMEDOUT = 4,     /* the call's deadline passed */
	KSHIM_ECONNECT = 5,      /* no connection, or it broke */
	KSHIM_ETLS = 6,          /* the TLS handshake failed: certificate, name, version */
	KSHIM_EPROTOCOL = 7,     /* the answer was cut, malformed, too large or not JSON */
	KSHIM_ECONFIG = 8,       /* a kubeconfig or a credential is missing or wrong */
	KSHIM_EMANIFEST = 9,     /* a YAML or JSON document is wrong */
	KSHIM_EIO = 10,          /* a file could not be read */
	KSHIM_ENOKIND = 11,      /* the server does not serve this kind */
	KSHIM_EMANY = 12,        /* one object was asked for and several matched */
	KSHIM_EBADREQUEST = 13,  /* 400 */
	KSHIM_EUNAUTHORIZED = 14,/* 401 */
	KSHIM_EFORBIDDEN = 15,   /* 403 */
	KSHIM_ENOTFOUND = 16,    /* 404, or nothing matched */
	KSHIM_ECONFLICT = 17,    /* 409: changed meanwhile, or another manager's field */
	KSHIM_EEXISTS = 18,      /* 409 with reason AlreadyExists */
	KSHIM_EGONE = 19,        /* 410: resourceVersion or continue token expired */
	KSHIM_EREFUSED = 20,     /* 422: the server's validation refused the object */
	KSHIM_ETOOMANY = 21,     /* 429 */
	KSHIM_ESERVER = 22,      /* 5xx */
	KSHIM_EHTTP = 23         /* any other status that is not a success */
} kshim_code;

/* "NotFound", "Invalid argument": a short name, never NULL; static. */
KSHIM_API const char *kshim_code_name(kshim_code code);

/*
 * Every accessor accepts NULL, which stands for no error: code KSHIM_OK,
 * numbers 0, texts NULL. Texts are borrowed and live as long as the error.
 */
KSHIM_API kshim_code kshim_error_code(const kshim_error *error);

/* One sentence for a person: what was tried, what came back. The server's own
 * message where it sent one; for other bodies their first bytes. Never holds a
 * credential. */
KSHIM_API const char *kshim_error_message(const kshim_error *error);

/* The HTTP status of the answer, 0 if there was none. */
KSHIM_API int kshim_error_http_status(const kshim_error *error);

/* The Status' reason ("NotFound", "AlreadyExists"; Kubernetes API conventions,
 * "Response Status Kind"), NULL if the answer was not a Status. */
KSHIM_API const char *kshim_error_reason(const kshim_error *error);

/* libcurl's CURLcode, 0 if the transfer itself went well. */
KSHIM_API int kshim_error_curl_code(const kshim_error *error);

/* 1 if the same call may succeed later (429, 5xx that say so, a broken
 * connection, a deadline that passed), 0 if not. Says nothing of whether a write
 * took place. */
KSHIM_API int kshim_error_is_retryable(const kshim_error *error);

/* Milliseconds that the server asked to wait (Retry-After, or the Status'
 * retryAfterSeconds), at most 600,000; 0 if it did not ask. */
KSHIM_API int64_t kshim_error_retry_after(const kshim_error *error);

/* The Status' details.causes, by index below the count; NULL outside. */
KSHIM_API size_t kshim_error_cause_count(const kshim_error *error);
KSHIM_API const char *kshim_error_cause_reason(const kshim_error *error, size_t index);
KSHIM_API const char *kshim_error_cause_field(const kshim_error *error, size_t index);
KSHIM_API const char *kshim_error_cause_message(const kshim_error *error, size_t index);

/* The answer's body as it came, at most its first 64 KiB; `*len` gets its
 * length where `len` is not NULL. NULL if there was none. */
KSHIM_API const char *kshim_error_body(const kshim_error *error, size_t *len);

/* A new copy of a borrowed error, to kshim_error_free(). NULL of NULL alone: without
 * memory it is an error of KSHIM_ENOMEM. */
KSHIM_API kshim_error *kshim_error_copy(const kshim_error *error);
KSHIM_API void kshim_error_free(kshim_error *error);

KSHIM_END_DECLS

#endif
