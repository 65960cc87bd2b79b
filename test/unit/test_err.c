/* What an error tells: codes, the server's Status, bodies that are none, copies. */
/* LINK: -Wl,--wrap=kshim__malloc,--wrap=kshim__calloc,--wrap=kshim__realloc,--wrap=kshim__memdup,--wrap=kshim__strdup */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
/* after those it needs */
#include <cmocka.h>

#include "error.h"
#include "failalloc.h"

#define STATUS(rest) "{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"status\":\"Failure\"" rest "}"
#define REFUSED                                                                                                        \
	STATUS(",\"message\":\"Deployment.apps \\\"a\\\" is invalid\",\"reason\":\"Invalid\",\"code\":422,"            \
	       "\"details\":{\"name\":\"a\",\"kind\":\"Deployment\",\"causes\":["                                      \
	       "{\"reason\":\"FieldValueInvalid\",\"message\":\"must be \\u003e 0\",\"field\":\"spec.replicas\"},"     \
	       "{\"field\":\"spec.selector\"},{\"message\":7}]}")

static kshim_error *answer(int status, const char *body)
{
	return kshim__error_from_answer("GET /api/v1/pods", status, "application/json", body, strlen(body), 0);
}

static void names(void **state)
{
	int code, other;

	(void)state;
	for (code = KSHIM_OK; code <= KSHIM_EHTTP; code++) {
		const char *name = kshim_code_name((kshim_code)code);

		assert_non_null(name);
		assert_true(strlen(name) > 1);
		assert_string_not_equal(name, "Unknown error");
		for (other = KSHIM_OK; other < code; other++)
			assert_string_not_equal(name, kshim_code_name((kshim_code)other));
	}
	assert_string_equal(kshim_code_name((kshim_code)(KSHIM_EHTTP + 1)), "Unknown error");
	assert_string_equal(kshim_code_name((kshim_code)-1), "Unknown error");
	/* one of each sort: a table that slipped by a line would be seen */
	assert_string_equal(kshim_code_name(KSHIM_OK), "OK");
	assert_string_equal(kshim_code_name(KSHIM_ENOMEM), "Out of memory");
	assert_string_equal(kshim_code_name(KSHIM_ENOKIND), "Unknown kind");
	assert_string_equal(kshim_code_name(KSHIM_ENOTFOUND), "NotFound");
	assert_string_equal(kshim_code_name(KSHIM_EREFUSED), "Invalid");
	assert_string_equal(kshim_code_name(KSHIM_EHTTP), "HTTP error");
}

static void no_error(void **state)
{
	size_t len = 7;

	(void)state;
	assert_int_equal(kshim_error_code(NULL), KSHIM_OK);
	assert_null(kshim_error_message(NULL));
	assert_null(kshim_error_reason(NULL));
	assert_int_equal(kshim_error_http_status(NULL), 0);
	assert_int_equal(kshim_error_curl_code(NULL), 0);
	assert_int_equal(kshim_error_is_retryable(NULL), 0);
	assert_int_equal(kshim_error_retry_after(NULL), 0);
	assert_int_equal(kshim_error_cause_count(NULL), 0);
	assert_null(kshim_error_cause_reason(NULL, 0));
	assert_null(kshim_error_cause_field(NULL, 0));
	assert_null(kshim_error_cause_message(NULL, 0));
	assert_null(kshim_error_body(NULL, &len));
	assert_int_equal(len, 0);
	assert_null(kshim_error_body(NULL, NULL));
	assert_null(kshim_error_copy(NULL));
	kshim_error_free(NULL);
}

static void made_here(void **state)
{
	kshim_error *error = kshim__error_new(KSHIM_ECONFIG, "%s:%d", "file", 3);

	(void)state;
	assert_int_equal(kshim_error_code(error), KSHIM_ECONFIG);
	assert_string_equal(kshim_error_message(error), "file:3");
	assert_null(kshim_error_reason(error));
	assert_null(kshim_error_body(error, NULL));
	kshim__error_prefix(error, "user \"%s\"", "u");
	assert_string_equal(kshim_error_message(error), "user \"u\": file:3");
	kshim_error_free(error);
	error = NULL;
	assert_null(kshim__fail(&error, KSHIM_EINVAL, "no %s", "name"));
	assert_string_equal(kshim_error_message(error), "no name");
	kshim_error_free(error);
	assert_null(kshim__fail(NULL, KSHIM_EINVAL, "nobody asks"));
}

static void codes_of_answers(void **state)
{
	static const struct {
		int status;
		const char *body;
		kshim_code code;
		int retryable;
	} cases[] = {
		{400, STATUS(",\"reason\":\"BadRequest\""), KSHIM_EBADREQUEST, 0},
		{401, STATUS(",\"reason\":\"Unauthorized\""), KSHIM_EUNAUTHORIZED, 0},
		{403, STATUS(",\"reason\":\"Forbidden\""), KSHIM_EFORBIDDEN, 0},
		{404, STATUS(",\"reason\":\"NotFound\""), KSHIM_ENOTFOUND, 0},
		{409, STATUS(",\"reason\":\"Conflict\""), KSHIM_ECONFLICT, 0},
		{409, STATUS(",\"reason\":\"AlreadyExists\""), KSHIM_EEXISTS, 0},
		{409, "AlreadyExists", KSHIM_ECONFLICT, 0},
		{410, STATUS(",\"reason\":\"Expired\""), KSHIM_EGONE, 0},
		{422, STATUS(",\"reason\":\"Invalid\""), KSHIM_EREFUSED, 0},
		{429, STATUS(",\"reason\":\"TooManyRequests\""), KSHIM_ETOOMANY, 1},
		{500, STATUS(",\"reason\":\"InternalError\""), KSHIM_ESERVER, 0},
		{500, STATUS(",\"details\":{\"retryAfterSeconds\":1}"), KSHIM_ESERVER, 1},
		{502, "", KSHIM_ESERVER, 1},
		{503, "", KSHIM_ESERVER, 1},
		{504, "", KSHIM_ESERVER, 1},
		{505, "", KSHIM_ESERVER, 0},
		{304, "", KSHIM_EHTTP, 0},
		{405, "", KSHIM_EHTTP, 0},
		{418, "", KSHIM_EHTTP, 0},
	};
	kshim_error *error;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		error = answer(cases[i].status, cases[i].body);
		if (kshim_error_code(error) != cases[i].code || kshim_error_is_retryable(error) != cases[i].retryable)
			fail_msg("%d %s: %s, %d", cases[i].status, cases[i].body, kshim_code_name(kshim_error_code(error)),
				 kshim_error_is_retryable(error));
		assert_int_equal(kshim_error_http_status(error), cases[i].status);
		kshim_error_free(error);
	}
}

static void assert_refused(const kshim_error *error)
{
	size_t len;

	assert_int_equal(kshim_error_code(error), KSHIM_EREFUSED);
	assert_int_equal(kshim_error_http_status(error), 422);
	assert_string_equal(kshim_error_message(error), "Deployment.apps \"a\" is invalid");
	assert_string_equal(kshim_error_reason(error), "Invalid");
	assert_int_equal(kshim_error_cause_count(error), 3);
	assert_string_equal(kshim_error_cause_reason(error, 0), "FieldValueInvalid");
	assert_string_equal(kshim_error_cause_field(error, 0), "spec.replicas");
	assert_string_equal(kshim_error_cause_message(error, 0), "must be > 0");
	assert_null(kshim_error_cause_reason(error, 1));
	assert_string_equal(kshim_error_cause_field(error, 1), "spec.selector");
	assert_null(kshim_error_cause_message(error, 1));
	assert_null(kshim_error_cause_message(error, 2));
	assert_null(kshim_error_cause_reason(error, 3));
	assert_null(kshim_error_cause_field(error, 3));
	assert_null(kshim_error_cause_message(error, (size_t)-1));
	assert_string_equal(kshim_error_body(error, &len), REFUSED);
	assert_int_equal(len, strlen(REFUSED));
}

static void causes(void **state)
{
	static const char *const none[] = {STATUS(""), STATUS(",\"details\":{}"), STATUS(",\"details\":{\"causes\":null}"),
					   STATUS(",\"details\":{\"causes\":[]}"), STATUS(",\"details\":{\"causes\":7}")};
	kshim_error *error = answer(422, REFUSED);
	size_t i, len;
	char *body;
	FILE *out;

	(void)state;
	assert_refused(error);
	kshim_error_free(error);
	for (i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
		error = answer(422, none[i]);
		assert_int_equal(kshim_error_cause_count(error), 0);
		assert_null(kshim_error_cause_reason(error, 0));
		kshim_error_free(error);
	}
	/* what a server that is none could send is bounded */
	out = open_memstream(&body, &len);
	fputs("{\"kind\":\"Status\",\"details\":{\"causes\":[{}", out);
	for (i = 0; i < 5000; i++)
		fputs(",{\"field\":\"f\"}", out);
	fputs("]}}", out);
	fclose(out);
	error = answer(422, body);
	assert_in_range(kshim_error_cause_count(error), 100, 1000);
	assert_string_equal(kshim_error_cause_field(error, 99), "f");
	kshim_error_free(error);
	free(body);
}

static void retry_after(void **state)
{
	static const struct {
		int64_t header;
		const char *details;
		int64_t is;
	} cases[] = {
		{0, STATUS(""), 0},
		{0, STATUS(",\"details\":{\"retryAfterSeconds\":10}"), 10000},
		{2000, STATUS(",\"details\":{\"retryAfterSeconds\":10}"), 2000},
		{2000, "busy", 2000},
		{0, STATUS(",\"details\":{\"retryAfterSeconds\":0}"), 0},
		{0, STATUS(",\"details\":{\"retryAfterSeconds\":-5}"), 0},
		{0, STATUS(",\"details\":{\"retryAfterSeconds\":\"10\"}"), 0},
		{0, STATUS(",\"details\":{\"retryAfterSeconds\":1.5}"), 0},
		{0, STATUS(",\"details\":{\"retryAfterSeconds\":100000}"), 600000},
		{0, STATUS(",\"details\":{\"retryAfterSeconds\":9223372036854775807}"), 600000},
		{0, "{\"kind\":\"Other\",\"details\":{\"retryAfterSeconds\":10}}", 0},
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		kshim_error *error = kshim__error_from_answer("GET /", 500, NULL, cases[i].details,
							      strlen(cases[i].details), cases[i].header);

		assert_int_equal(kshim_error_retry_after(error), cases[i].is);
		assert_int_equal(kshim_error_is_retryable(error), cases[i].is > 0);
		kshim_error_free(error);
	}
}

static void other_bodies(void **state)
{
#define SERVER "GET /api/v1/pods: the server answered 500"
	static const struct {
		const char *type, *body, *message;
	} cases[] = {
		{"text/plain", "", SERVER " with an empty body"},
		{"text/plain", "404 page not found\n", SERVER " with a body of text/plain: 404 page not found"},
		{NULL, "x", SERVER " with a body of no content type: x"},
		{"", "x", SERVER " with a body of no content type: x"},
		{"text/html", "<html>\r\n\t<b>\x01no\x7f</b>\n", SERVER " with a body of text/html: <html> <b> no </b>"},
		{"application/json", "{\"kind\":\"Pod\"}", SERVER " with a body of application/json: {\"kind\":\"Pod\"}"},
		{"application/json", "{\"kind\":\"Stat", SERVER " with a body of application/json: {\"kind\":\"Stat"},
		{"application/json", "[]", SERVER " with a body of application/json: []"},
		/* a Status without a message */
		{"application/json", "{\"kind\":\"Status\",\"message\":\"\"}",
		 SERVER " with a body of application/json: {\"kind\":\"Status\",\"message\":\"\"}"},
		{"application/json", "{\"kind\":\"Status\",\"message\":7}",
		 SERVER " with a body of application/json: {\"kind\":\"Status\",\"message\":7}"},
	};
	kshim_error *error;
	size_t i, len;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		error = kshim__error_from_answer("GET /api/v1/pods", 500, cases[i].type, cases[i].body,
						 strlen(cases[i].body), 0);
		assert_string_equal(kshim_error_message(error), cases[i].message);
		assert_null(kshim_error_reason(error));
		if (*cases[i].body)
			assert_string_equal(kshim_error_body(error, &len), cases[i].body);
		else
			assert_null(kshim_error_body(error, &len));
		assert_int_equal(len, strlen(cases[i].body));
		kshim_error_free(error);
	}
	error = kshim__error_from_answer("GET /", 500, NULL, NULL, 0, 0);
	assert_string_equal(kshim_error_message(error), "GET /: the server answered 500 with an empty body");
	kshim_error_free(error);
}

/* Only the first bytes are shown, and no character is cut in half. */
static void long_bodies(void **state)
{
	size_t size = 100000, i, len, at;
	char *body = malloc(size);
	const char *message;
	kshim_error *error;

	(void)state;
	for (at = 0; at < 4; at++) {
		memset(body, 'x', size);
		for (i = 190 + at; i + 3 <= 220; i += 3)
			memcpy(body + i, "\xe2\x82\xac", 3);
		error = kshim__error_from_answer("GET /", 500, "text/plain", body, size, 0);
		message = kshim_error_message(error);
		assert_true(strlen(message) < 300);
		assert_string_equal(message + strlen(message) - 4, " ...");
		assert_true((unsigned char)message[strlen(message) - 5] == 0xac);
		assert_int_equal(message[strlen(message) - 7], '\xe2');
		assert_memory_equal(kshim_error_body(error, &len), body, 64 * 1024);
		assert_int_equal(len, 64 * 1024);
		kshim_error_free(error);
	}
	free(body);
}

static void copies(void **state)
{
	static const char bytes[] = "a\0b";
	kshim_error *error = answer(422, REFUSED), *copy;
	size_t len;

	(void)state;
	error->curl_code = 56;
	error->retryable = true;
	error->retry_after = 1500;
	copy = kshim_error_copy(error);
	kshim_error_free(error);
	assert_refused(copy);
	assert_int_equal(kshim_error_curl_code(copy), 56);
	assert_int_equal(kshim_error_is_retryable(copy), 1);
	assert_int_equal(kshim_error_retry_after(copy), 1500);
	kshim_error_free(copy);

	error = kshim__error_from_answer("GET /", 500, NULL, bytes, 3, 0);
	copy = kshim_error_copy(error);
	kshim_error_free(error);
	assert_memory_equal(kshim_error_body(copy, &len), bytes, 4);
	assert_int_equal(len, 3);
	kshim_error_free(copy);
}

/* With less memory there is no less of an error: it is whole, or says ENOMEM. */
static void no_memory(void **state)
{
	kshim_error *error, *copy, *whole = answer(422, REFUSED);
	bool failed = true;
	long i;

	(void)state;
	if (!failalloc_works())
		skip();
	for (i = 0; failed; i++) {
		failalloc_arm(i, i % 2);
		error = answer(422, REFUSED);
		failed = failalloc_disarm();
		if (failed) {
			assert_int_equal(kshim_error_code(error), KSHIM_ENOMEM);
			assert_string_equal(kshim_error_message(error), "Out of memory");
			copy = kshim_error_copy(error);
			assert_int_equal(kshim_error_code(copy), KSHIM_ENOMEM);
			kshim_error_free(copy);
			kshim__error_prefix(error, "unchanged");
			assert_string_equal(kshim_error_message(error), "Out of memory");
		} else {
			assert_refused(error);
		}
		kshim_error_free(error);
	}
	assert_true(i > 8);
	for (i = 0, failed = true; failed; i++) {
		failalloc_arm(i, false);
		copy = kshim_error_copy(whole);
		failed = failalloc_disarm();
		if (failed)
			assert_int_equal(kshim_error_code(copy), KSHIM_ENOMEM);
		else
			assert_refused(copy);
		kshim_error_free(copy);
	}
	assert_true(i > 8);
	for (i = 0, failed = true; failed; i++) {
		failalloc_arm(i, false);
		error = kshim__error_new(KSHIM_EINVAL, "%d", 1);
		kshim__error_prefix(error, "x");
		failed = failalloc_disarm();
		assert_true(kshim_error_code(error) == (i < 2 ? KSHIM_ENOMEM : KSHIM_EINVAL));
		kshim_error_free(error);
	}
	kshim_error_free(whole);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names),	 cmocka_unit_test(no_error),	 cmocka_unit_test(made_here),
		cmocka_unit_test(codes_of_answers), cmocka_unit_test(causes),	 cmocka_unit_test(retry_after),
		cmocka_unit_test(other_bodies),	 cmocka_unit_test(long_bodies), cmocka_unit_test(copies),
		cmocka_unit_test(no_memory),
	};

	return cmocka_run_group_tests_name("error", tests, NULL, NULL);
}
