/* Errors from the inside: see kubeshim/error.h. */
#ifndef KSHIM__ERROR_H
#define KSHIM__ERROR_H

#include <kubeshim/error.h>

#include <stdbool.h>
#include <stdint.h>

struct kshim__cause {
	char *reason;
	char *field;
	char *message;
};

struct kshim_error {
	kshim_code code;
	int http_status;
	int curl_code;
	bool retryable;
	int64_t retry_after; /* ms */
	char *message;
	char *reason;
	struct kshim__cause *causes;
	size_t cause_count;
	char *body;
	size_t body_len;
};

/* Never NULL: without memory a static error of KSHIM_ENOMEM, which
 * kshim_error_free() leaves alone. */
kshim_error *kshim__error_new(kshim_code code, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Stores a new error in *slot unless slot is NULL; always returns NULL, so that
 * a function can `return kshim__fail(error, KSHIM_ECONFIG, "…")`. */
void *kshim__fail(kshim_error **slot, kshim_code code, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Prepends "text: " to the message. */
void kshim__error_prefix(kshim_error *error, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The wait that a server asked for, in ms: one of more than ten minutes is of ten. */
int64_t kshim__retry_after_ms(int64_t seconds);

/* What an answer that is no success says: a Status, or whatever else it is.
 * `what` tells the request ("GET /api/v1/pods"); `retry_after` in ms or 0. */
kshim_error *kshim__error_from_answer(const char *what, int http_status, const char *content_type, const char *body,
				      size_t len, int64_t retry_after);

#endif
