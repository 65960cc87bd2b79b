/* Answers of every kind. */
#include "../testutil.h"

#include <curl/curl.h>
#include <unistd.h>

static bool is_h2(void **state)
{
	return ((const struct variant *)*state)->http == KSHIM_HTTP_2;
}

/* Errors that the server sends. */

#define STATUS_422                                                                                                     \
	"{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"metadata\":{},\"status\":\"Failure\",\"message\":\"Pod \\\"a\\\" is "    \
	"invalid\",\"reason\":\"Invalid\",\"details\":{\"name\":\"a\",\"kind\":\"Pod\",\"causes\":[{\"reason\":"       \
	"\"FieldValueRequired\",\"message\":\"Required value\",\"field\":\"spec.containers\"},{\"reason\":"            \
	"\"FieldValueInvalid\"}]},\"code\":422}"

static void check_causes(struct seen *seen, kshim_result *result)
{
	const kshim_error *error = kshim_result_error(result);
	kshim_error *copy = kshim_error_copy(error);
	size_t len;

	(void)seen;
	assert_non_null(copy);
	assert_int_equal(kshim_error_cause_count(copy), 2);
	assert_string_equal(kshim_error_cause_reason(copy, 0), "FieldValueRequired");
	assert_string_equal(kshim_error_cause_field(copy, 0), "spec.containers");
	assert_string_equal(kshim_error_cause_message(copy, 0), "Required value");
	assert_string_equal(kshim_error_cause_reason(copy, 1), "FieldValueInvalid");
	assert_null(kshim_error_cause_field(copy, 1));
	assert_null(kshim_error_cause_reason(copy, 2));
	assert_string_equal(kshim_error_body(copy, &len), STATUS_422);
	assert_int_equal(len, strlen(STATUS_422));
	kshim_error_free(copy);
}

static void test_status_with_causes(void **state)
{
	const struct fakeapi_answer answer = {.status = 422, .body = STATUS_422};
	struct seen seen = {.on_done = check_causes};

	get_one_answer(state, &answer, &seen, 1);
	assert_failed(&seen, KSHIM_EREFUSED);
	assert_int_equal(seen.status, 422);
	assert_string_equal(seen.reason, "Invalid");
	assert_string_equal(seen.message, "Pod \"a\" is invalid");
	assert_false(seen.retryable);
	assert_int_equal(seen.curl_code, 0);
}

static void test_codes(void **state)
{
	static const struct {
		int status;
		const char *reason;
		kshim_code code;
		bool retryable;
	} cases[] = {
		{400, "BadRequest", KSHIM_EBADREQUEST, false},
		{401, "Unauthorized", KSHIM_EUNAUTHORIZED, false},
		{403, "Forbidden", KSHIM_EFORBIDDEN, false},
		{404, "NotFound", KSHIM_ENOTFOUND, false},
		{405, "MethodNotAllowed", KSHIM_EHTTP, false},
		{409, "Conflict", KSHIM_ECONFLICT, false},
		{409, "AlreadyExists", KSHIM_EEXISTS, false},
		{410, "Expired", KSHIM_EGONE, false},
		{413, "RequestEntityTooLarge", KSHIM_EHTTP, false},
		{422, "Invalid", KSHIM_EREFUSED, false},
		{429, "TooManyRequests", KSHIM_ETOOMANY, true},
		{500, "InternalError", KSHIM_ESERVER, false},
		{503, "ServiceUnavailable", KSHIM_ESERVER, true},
		{504, "Timeout", KSHIM_ESERVER, true},
	};
	char body[256];
	size_t i;

	for (i = 0; i < COUNT(cases); i++) {
		struct fakeapi_answer answer = {.status = cases[i].status, .body = body};
		struct seen seen = {0};

		snprintf(body, sizeof(body),
			 "{\"kind\":\"Status\",\"message\":\"m\",\"reason\":\"%s\",\"details\":{\"kind\":\"pods\"}}",
			 cases[i].reason);
		get_one_answer(state, &answer, &seen, 1);
		assert_failed(&seen, cases[i].code);
		assert_int_equal(seen.status, cases[i].status);
		assert_string_equal(seen.reason, cases[i].reason);
		assert_int_equal(seen.retryable, cases[i].retryable);
	}
}

/* Bodies that are no Status: of a proxy, of API Priority and Fairness. */
static void test_other_error_bodies(void **state)
{
	static const struct {
		struct fakeapi_answer answer;
		kshim_code code;
		const char *shown;
		bool retryable;
	} cases[] = {
		{{.status = 502, .type = "text/html; charset=utf-8",
		  .body = "<html>\r\n<head><title>502 Bad Gateway</title></head>\n\x01\x7f</html>"},
		 KSHIM_ESERVER, "a body of text/html; charset=utf-8: <html> <head><title>502 Bad Gateway", true},
		{{.status = 429, .type = "text/plain; charset=utf-8", .body = "Too many requests, please try again later.\n"},
		 KSHIM_ETOOMANY, "Too many requests, please try again later.", true},
		{{.status = 500, .type = ""}, KSHIM_ESERVER, "the server answered 500 with an empty body", false},
		{{.status = 400, .body = "{\"kind\":\"Status\""}, KSHIM_EBADREQUEST, "{\"kind\":\"Status\"", false},
		{{.status = 500, .body = "null"}, KSHIM_ESERVER, "null", false},
	};
	size_t i;

	for (i = 0; i < COUNT(cases); i++) {
		struct seen seen = {0};

		get_one_answer(state, &cases[i].answer, &seen, 1);
		assert_failed(&seen, cases[i].code);
		assert_contains(seen.message, cases[i].shown);
		assert_contains(seen.message, "GET " LIST_PATH "/a");
		assert_null(strpbrk(seen.message, "\r\n\x01\x7f"));
		assert_int_equal(seen.retryable, cases[i].retryable);
		assert_string_equal(seen.reason, "");
	}
}

static size_t endless(void *state, char *buf, size_t max)
{
	size_t *left = state, n = *left < max ? *left : max;

	memset(buf, 'y', n);
	*left -= n;
	return n;
}

static void generate_endless(void *ctx, const struct fakeapi_request *request, struct fakeapi_answer *out)
{
	size_t *left = malloc(sizeof(*left));

	(void)request;
	if (!left)
		abort();
	*left = *(size_t *)ctx;
	out->stream = endless;
	out->stream_state = left;
	out->stream_free = free;
}

static void check_kept_body(struct seen *seen, kshim_result *result)
{
	size_t len;
	const char *body = kshim_error_body(kshim_result_error(result), &len);

	(void)seen;
	assert_int_equal(len, 65536);
	assert_int_equal(body[len - 1], 'y');
}

static void test_too_large(void **state)
{
	size_t huge = 80u << 20, big = 3u << 20;
	struct fakeapi_route routes[] = {
		{.path = "*/a", .generate = generate_endless, .ctx = &huge},
		{.answer = {.status = 500, .type = "text/plain"}, .generate = generate_endless, .ctx = &big},
	};
	struct seen a = {0}, b = {.on_done = check_kept_body};
	struct rig rig;

	rig_start(&rig, state, routes, COUNT(routes));
	get_pod(&rig, "a", &a);
	assert_failed(&a, KSHIM_EPROTOCOL);
	assert_contains(a.message, "larger than 67108864 bytes");
	get_pod(&rig, "b", &b);
	assert_failed(&b, KSHIM_ESERVER);
	assert_int_equal(b.status, 500);
	rig_stop(&rig);
}

/* Answers that are no answers. */

static void test_cut(void **state)
{
	static const enum fakeapi_end ends[] = {FAKEAPI_CUT, FAKEAPI_CUT_ABRUPT, FAKEAPI_CUT_RESET, FAKEAPI_RESET_STREAM};
	size_t i, chunked;

	for (i = 0; i < COUNT(ends); i++) {
		for (chunked = 0; chunked < 2; chunked++) {
			struct fakeapi_answer answer = {.body = POD("a"), .end = ends[i], .end_after = 20};
			struct seen seen = {0};

			answer.coding = chunked ? FAKEAPI_CHUNKED : FAKEAPI_LENGTH;
			get_one_answer(state, &answer, &seen, 1);
			assert_failed(&seen, KSHIM_EPROTOCOL);
			assert_contains(seen.message, "cut after 20 bytes");
			assert_int_not_equal(seen.curl_code, 0);
			assert_int_equal(seen.status, 200);
			assert_true(seen.retryable);
			assert_false(seen.has_object);
		}
	}
}

/* Without a length, an end is an end: what is there is no object. */
static void test_cut_without_length(void **state)
{
	const struct fakeapi_answer answer = {.body = POD("a"), .coding = FAKEAPI_UNTIL_CLOSE, .end = FAKEAPI_CUT,
					      .end_after = 20};
	struct seen seen = {0};

	get_one_answer(state, &answer, &seen, 1);
	assert_failed(&seen, KSHIM_EPROTOCOL);
	assert_contains(seen.message, "no object");
	assert_contains(seen.message, "{\"kind\":\"Pod\"");
}

static void test_wrong_length(void **state)
{
	const struct fakeapi_route routes[] = {
		{.path = "*/more", .answer = {.body = POD("a"), .length_error = 5}},
		{.path = "*/less", .answer = {.body = POD("a"), .length_error = -5}},
	};
	struct seen more = {0}, less = {0};
	struct rig rig;

	rig_start(&rig, state, routes, COUNT(routes));
	/* nghttp2 resets the stream; libcurl before 8.1 does not tell of the head, then */
	kshim_client_set_max_retries(rig.client, 0);
	get_pod(&rig, "more", &more);
	get_pod(&rig, "less", &less);
	if (is_h2(state) && curl_version_info(CURLVERSION_NOW)->version_num < 0x080100) {
		assert_failed(&more, KSHIM_ECONNECT);
		assert_failed(&less, KSHIM_ECONNECT);
	} else {
		assert_failed(&more, KSHIM_EPROTOCOL);
		assert_failed(&less, KSHIM_EPROTOCOL);
	}
	assert_int_equal(fakeapi_request_count(rig.api), 2);
	rig_stop(&rig);
}

static void test_no_object(void **state)
{
	static const char *const bodies[] = {"", " ", "[]", "\"x\"", "<html>", "{\"kind\":\"Pod\"", "nul"};
	size_t i;

	for (i = 0; i < COUNT(bodies); i++) {
		const struct fakeapi_answer answer = {.body = bodies[i]};
		struct seen seen = {0};

		get_one_answer(state, &answer, &seen, 1);
		assert_failed(&seen, KSHIM_EPROTOCOL);
		assert_int_equal(seen.status, 200);
		assert_contains(seen.message, "GET " LIST_PATH "/a");
	}
}

/* White space around an object is no fault. */
static void test_white_space(void **state)
{
	const struct fakeapi_answer answer = {.body = "\n  " POD("a") " \n\n"};
	struct seen seen = {0};

	get_one_answer(state, &answer, &seen, 1);
	assert_ok(&seen);
	assert_string_equal(seen.object, "a");
}

/* Deadlines, and where they met the call. */

static void deadline_meets(void **state, const struct fakeapi_options *options, const char *where)
{
	struct seen seen = {0};
	struct rig rig;

	rig_start_with(&rig, state, options, NULL, NULL);
	kshim_query_set_timeout(rig.pods, MISSED_MS);
	get_pod(&rig, "a", &seen);
	assert_failed(&seen, KSHIM_ETIMEDOUT);
	assert_contains(seen.message, where);
	assert_contains(seen.message, "GET " LIST_PATH "/a: ");
	assert_true(seen.retryable);
	rig_stop(&rig);
}

static void test_deadline_tells_where(void **state)
{
	struct fakeapi_route route = {.answer = {.end = FAKEAPI_MUTE}};
	struct fakeapi_options options = {.routes = &route, .route_count = 1, .mute_first = 100};

	deadline_meets(state, &options, "(connecting to https://127.0.0.1:");
	options.mute_first = 0;
	deadline_meets(state, &options, "(waiting for the server's answer)");
	route.answer = (struct fakeapi_answer){.body = POD("a"), .end = FAKEAPI_STALL, .end_after = 20};
	deadline_meets(state, &options, "(while the answer came in)");
}

static void test_deadline_in_queue(void **state)
{
	const struct fakeapi_route route = {.answer = {.end = FAKEAPI_MUTE}};
	struct seen seen[66] = {0};
	struct rig rig;
	size_t places, i;

	rig_start(&rig, state, &route, 1);
	kshim_client_set_max_connections(rig.client, 1);
	places = is_h2(state) ? 64 : 1;
	kshim_query_set_timeout(rig.pods, 0);
	for (i = 0; i < places; i++)
		assert_non_null(started(&seen[i], kshim_query_get_by_name(rig.pods, "a", seen_done, &seen[i])));
	kshim_query_set_timeout(rig.pods, 50);
	assert_non_null(started(&seen[places], kshim_query_get_by_name(rig.pods, "b", seen_done, &seen[places])));
	while (!seen[places].done)
		rig_until_requests(&rig, places);
	assert_failed(&seen[places], KSHIM_ETIMEDOUT);
	assert_contains(seen[places].message, "waiting for a free connection");
	for (i = 0; i < places; i++)
		kshim_call_cancel(seen[i].call);
	rig_drive(&rig);
	assert_int_equal(fakeapi_count(rig.api, NULL, "*/b"), 0);
	rig_stop(&rig);
}

/* The client's deadline, the call's own, and none. */
static void test_whose_deadline(void **state)
{
	const struct fakeapi_route routes[] = {
		{.path = "*/slow", .answer = {.body = POD("a"), .head_delay_ms = 400}},
		{.answer = {.end = FAKEAPI_MUTE}},
	};
	kshim_options *options = kshim_options_new();
	struct seen of_client = {0}, of_call = {0}, none = {0};
	kshim_object *object;
	struct rig rig;

	rig_start(&rig, state, routes, COUNT(routes));
	kshim_client_set_timeout(rig.client, 100);
	get_pod(&rig, "a", &of_client);
	assert_failed(&of_client, KSHIM_ETIMEDOUT);
	kshim_options_set_timeout(options, 0);
	object = kshim_query_object(rig.pods, "slow");
	assert_non_null(started(&none, kshim_object_reload(object, options, seen_done, &none)));
	rig_drive(&rig);
	assert_ok(&none);
	kshim_client_set_timeout(rig.client, 0);
	kshim_options_set_timeout(options, 50);
	assert_non_null(started(&of_call, kshim_object_reload(object, options, seen_done, &of_call)));
	rig_drive(&rig);
	assert_failed(&of_call, KSHIM_ETIMEDOUT);
	kshim_object_unref(object);
	kshim_options_free(options);
	rig_stop(&rig);
}

/* Redirects, gzip, warnings. */

static void test_redirects_are_not_followed(void **state)
{
	static const int codes[] = {301, 302, 303, 307, 308};
	static const char *const where[] = {"Location: /api/v1/elsewhere", NULL};
	size_t i;

	for (i = 0; i < COUNT(codes); i++) {
		const struct fakeapi_answer answer = {.status = codes[i], .headers = where, .body = "{}"};
		struct seen seen = {0};

		get_one_answer(state, &answer, &seen, 1);
		assert_failed(&seen, KSHIM_EHTTP);
		assert_int_equal(seen.status, codes[i]);
	}
}

static void test_gzip(void **state)
{
	struct fakeapi_route route = {.answer = {.body = POD("a"), .gzip = FAKEAPI_GZIP, .piece = 1}};
	struct fakeapi_options options = {.routes = &route, .route_count = 1};
	int refused;

	for (refused = 0; refused < 2; refused++) {
		struct seen seen = {0};
		struct rig rig;
		const char *accepts;

		rig_start_with(&rig, state, &options, refused ? "\"disable-compression\":true" : NULL, NULL);
		get_pod(&rig, "a", &seen);
		assert_ok(&seen);
		assert_string_equal(seen.object, "a");
		accepts = fakeapi_header(fakeapi_request(rig.api, 0), "Accept-Encoding");
		if (refused)
			assert_null(accepts);
		else
			assert_string_equal(accepts, "gzip");
		assert_int_equal(fakeapi_header_count(fakeapi_request(rig.api, 0), "Accept"), 1);
		rig_stop(&rig);
	}
}

static void test_broken_gzip(void **state)
{
	static const char *const coded[] = {"Content-Encoding: gzip", NULL};
	const struct fakeapi_answer rubbish = {.body = POD("a"), .headers = coded};
	const struct fakeapi_answer cut = {.body = POD("a"), .gzip = FAKEAPI_GZIP, .end = FAKEAPI_CUT, .end_after = 40};
	struct seen one = {0}, two = {0};

	get_one_answer(state, &rubbish, &one, 1);
	assert_failed(&one, KSHIM_EPROTOCOL);
	get_one_answer(state, &cut, &two, 1);
	assert_failed(&two, KSHIM_EPROTOCOL);
}

static void on_warning(const char *text, void *user)
{
	strcat(strcat(user, "|"), text);
}

static void test_warnings(void **state)
{
	static const char *const headers[] = {
		"Warning: 299 - \"v1 ComponentStatus is deprecated\"",
		"Warning: 299 - \"unknown field \\\"spec.x\\\"\" \"Tue, 15 Nov 1994 08:12:31 GMT\"",
		"Warning: 199 - \"not for us\"",
		"Warning: 299 -",
		NULL,
	};
	const struct fakeapi_route route = {.answer = {.body = POD("a"), .headers = headers}};
	struct seen seen = {0};
	char told[256] = "";
	struct rig rig;

	rig_start(&rig, state, &route, 1);
	kshim_client_on_warning(rig.client, on_warning, told);
	get_pod(&rig, "a", &seen);
	assert_ok(&seen);
	assert_string_equal(told, "|v1 ComponentStatus is deprecated|unknown field \"spec.x\"");
	assert_string_equal(seen.warnings, " v1 ComponentStatus is deprecated unknown field \"spec.x\"");
	rig_stop(&rig);
}

/* What the hook and the trace are told. */

struct info {
	unsigned count;
	char method[8], path[128], http[8];
	int status, fresh;
	kshim_code code;
	uint64_t sent, received;
	int64_t wait, first, total;
};

static void note_info(const kshim_request_info *from, void *user)
{
	struct info *info = user;

	info->count++;
	snprintf(info->method, sizeof(info->method), "%s", kshim_request_info_method(from));
	snprintf(info->path, sizeof(info->path), "%s", kshim_request_info_path(from));
	snprintf(info->http, sizeof(info->http), "%s", kshim_request_info_http_version(from));
	info->status = kshim_request_info_status(from);
	info->code = kshim_request_info_code(from);
	info->sent = kshim_request_info_sent(from);
	info->received = kshim_request_info_received(from);
	info->wait = kshim_request_info_wait_us(from);
	info->first = kshim_request_info_first_us(from);
	info->total = kshim_request_info_total_us(from);
	info->fresh = kshim_request_info_new_connection(from);
}

static void test_request_hook(void **state)
{
	struct fakeapi_route routes[] = {
		{"POST", NULL, .answer = {.status = 201, .body = POD("a"), .head_delay_ms = 20}},
		{"GET", "*/gone", .answer = {.status = 410, .body = "{}"}},
		{"GET", "*/mute", .answer = {.end = FAKEAPI_MUTE}},
	};
	struct seen create = {0}, gone = {0}, mute = {0};
	struct info info = {0};
	struct rig rig;

	rig_start(&rig, state, routes, COUNT(routes));
	kshim_client_on_request(rig.client, note_info, &info);
	start_to_create_pod(&rig, &create);
	rig_drive(&rig);
	assert_ok(&create);
	assert_int_equal(info.count, 1);
	assert_string_equal(info.method, "POST");
	assert_string_equal(info.path, LIST_PATH);
	assert_string_equal(info.http, is_h2(state) ? "2" : "1.1");
	assert_int_equal(info.status, 201);
	assert_int_equal(info.code, KSHIM_OK);
	assert_int_equal(info.sent, fakeapi_request(rig.api, 0)->body_len);
	assert_int_equal(info.received, strlen(POD("a")));
	assert_true(info.first >= 20000);
	assert_true(info.total >= info.first);
	assert_true(info.wait >= 0);
	assert_int_equal(info.fresh, 1);
	get_pod(&rig, "gone", &gone);
	assert_int_equal(info.status, 410);
	assert_int_equal(info.code, KSHIM_EGONE);
	assert_int_equal(info.sent, 0);
	assert_int_equal(info.fresh, 0);
	/* an attempt that the deadline ended is told too */
	kshim_query_set_timeout(rig.pods, 50);
	get_pod(&rig, "mute", &mute);
	assert_int_equal(info.count, 3);
	assert_int_equal(info.status, 0);
	assert_int_equal(info.first, 0);
	assert_true(info.total >= 40000);
	assert_int_equal(info.code, KSHIM_ETIMEDOUT);
	rig_stop(&rig);
}

static void note_trace(char direction, const char *line, void *user)
{
	char *trace = user;
	size_t len = strlen(trace);

	snprintf(trace + len, 8192 - len, "%c%s\n", direction, line);
}

static void test_trace_without_secrets(void **state)
{
	static const char *const headers[] = {"Set-Cookie: session=" SECRET, "X-Open: yes", NULL};
	const struct fakeapi_route route = {.answer = {.body = POD("a"), .headers = headers}};
	struct fakeapi_options options = {.routes = &route, .route_count = 1};
	static char trace[8192];
	struct seen seen = {0};
	struct rig rig;

	trace[0] = '\0';
	rig_start_with(&rig, state, &options, NULL, "\"token\":\"" SECRET "-1\"");
	kshim_client_on_trace(rig.client, note_trace, trace);
	get_pod(&rig, "a", &seen);
	assert_ok(&seen);
	assert_string_equal(fakeapi_header(fakeapi_request(rig.api, 0), "Authorization"), "Bearer " SECRET "-1");
	assert_contains(trace, ">GET " LIST_PATH "/a HTTP/");
	assert_contains(trace, "uthorization: ***\n");
	assert_contains(trace, is_h2(state) ? "<HTTP/2 200" : "<HTTP/1.1 200");
	assert_non_null(strcasestr(trace, "<X-Open: yes\n"));
	assert_non_null(strcasestr(trace, "<Set-Cookie: ***\n"));
	shown(trace);
	assert_null(strchr(trace, '\r'));
	rig_stop(&rig);
}

/* What is cut short is told too: once, and never inside the function that ended it. */

static void stop_at_event(kshim_watch *watch, kshim_event event, kshim_object *object, void *user)
{
	const struct info *info = user;

	(void)object;
	if (event != KSHIM_EVENT_ADDED)
		return;
	kshim_watch_stop(watch);
	assert_int_equal(info->count, 0);
}

static void test_hooks_of_what_is_cut_short(void **state)
{
	static const char event[] = "{\"type\":\"ADDED\",\"object\":" POD("a") "}\n";
	struct fakeapi_route routes[] = {
		{"GET", LIST_PATH "?*watch=true*", .answer = {.body = event, .coding = FAKEAPI_CHUNKED, .end = FAKEAPI_STALL,
						   .end_after = FAKEAPI_ALL}},
		{"GET", "*/head", .answer = {.body = POD("a"), .end = FAKEAPI_STALL}},
		{"GET", "*/mute", .answer = {.end = FAKEAPI_MUTE}},
	};
	static const char *const names[] = {"head", "mute"};
	static char trace[8192];
	struct info info;
	struct rig rig;
	size_t i;

	rig_start(&rig, state, routes, COUNT(routes));
	kshim_client_set_watch_connections(rig.client, rig.http, 0);
	kshim_client_on_request(rig.client, note_info, &info);
	kshim_client_on_trace(rig.client, note_trace, trace);
	assert_int_equal(kshim_query_set_resource_version(rig.pods, "5", KSHIM_MATCH_UNSET), 0);
	info = (struct info){0};
	assert_non_null(kshim_query_watch(rig.pods, NULL, stop_at_event, NULL, &info));
	rig_drive(&rig);
	assert_int_equal(info.count, 1);
	assert_contains(info.path, "watch=true");
	assert_string_equal(info.http, is_h2(state) ? "2" : "1.1");
	assert_int_equal(info.status, 200);
	assert_int_equal(info.code, KSHIM_ECANCELED);
	assert_int_equal(info.received, strlen(event));
	assert_true(info.first > 0 && info.total >= info.first);
	assert_int_equal(info.fresh, 1);
	assert_contains(trace, "watch=true");
	assert_contains(trace, is_h2(state) ? "<HTTP/2 200" : "<HTTP/1.1 200");
	assert_int_equal(kshim_query_set_resource_version(rig.pods, NULL, KSHIM_MATCH_UNSET), 0);
	for (i = 0; i < COUNT(names); i++) {
		struct seen seen = {0};

		trace[0] = '\0';
		info = (struct info){0};
		assert_non_null(started(&seen, kshim_query_get_by_name(rig.pods, names[i], seen_done, &seen)));
		rig_until_requests(&rig, 2 + i);
		kshim_call_cancel(seen.call);
		assert_int_equal(info.count, 0);
		rig_drive(&rig);
		assert_failed(&seen, KSHIM_ECANCELED);
		assert_int_equal(info.count, 1);
		assert_string_equal(info.path + strlen(info.path) - 4, names[i]);
		assert_int_equal(info.code, KSHIM_ECANCELED);
		assert_true(i == 0 || info.status == 0);
		assert_contains(trace, i == 0 ? "/head " : "/mute ");
	}
	rig_stop(&rig);
}

/* No hook runs once the client was freed; what was asked for is told before, or not at all. */
static void test_hooks_of_a_freed_client(void **state)
{
	static const struct fakeapi_route route = {.answer = {.end = FAKEAPI_MUTE}};
	struct info info = {0};
	struct seen seen = {0};
	struct rig rig;

	rig_start(&rig, state, &route, 1);
	kshim_client_on_request(rig.client, note_info, &info);
	assert_non_null(started(&seen, kshim_query_get_by_name(rig.pods, "a", seen_done, &seen)));
	rig_until_requests(&rig, 1);
	kshim_client_free(rig.client);
	rig.client = NULL;
	rig_drive(&rig);
	assert_failed(&seen, KSHIM_ECANCELED);
	assert_int_equal(info.count, 0);
	rig_stop(&rig);
}

/* The bare request. */
static void test_client_request(void **state)
{
	struct fakeapi_route routes[] = {
		{"GET", "/healthz", .answer = {.body = "ok", .type = "text/plain"}},
		{"HEAD", "/healthz", .answer = {.body = "ok", .type = "text/plain"}},
		{"PUT", "/x", .answer = {.status = 204, .type = ""}},
	};
	struct seen get = {0}, head = {0}, put = {0}, again = {0};
	const struct fakeapi_request *request;
	struct rig rig;

	rig_start(&rig, state, routes, COUNT(routes));
	started(&get, kshim_client_request(rig.client, "GET", "/healthz?verbose", NULL, NULL, 0, NULL, seen_done, &get));
	rig_drive(&rig);
	started(&head, kshim_client_request(rig.client, "HEAD", "/healthz", NULL, NULL, 0, NULL, seen_done, &head));
	rig_drive(&rig);
	started(&put, kshim_client_request(rig.client, "PUT", "/x", "text/plain", "a\0b", 3, NULL, seen_done, &put));
	rig_drive(&rig);
	started(&again, kshim_client_request(rig.client, "GET", "/healthz", NULL, NULL, 0, NULL, seen_done, &again));
	rig_drive(&rig);
	assert_ok(&get);
	assert_string_equal(get.body, "ok");
	assert_string_equal(get.content_type, "text/plain");
	assert_ok(&head);
	assert_int_equal(head.body_len, 0);
	assert_ok(&put);
	assert_int_equal(put.status, 204);
	assert_ok(&again);
	assert_string_equal(again.body, "ok");
	request = fakeapi_request(rig.api, 2);
	assert_memory_equal(request->body, "a\0b", 3);
	assert_string_equal(fakeapi_header(request, "Content-Type"), "text/plain");
	assert_int_equal(fakeapi_header_count(request, "Content-Type"), 1);
	assert_null(fakeapi_header(request, "Expect"));
	assert_null(kshim_client_request(rig.client, "GET", "healthz", NULL, NULL, 0, NULL, seen_done, &get));
	assert_null(kshim_client_request(rig.client, "GET", "/a b", NULL, NULL, 0, NULL, seen_done, &get));
	assert_null(kshim_client_request(rig.client, "HEAD", "/", NULL, "", 0, NULL, seen_done, &get));
	assert_null(kshim_client_request(rig.client, "GE T", "/", NULL, NULL, 0, NULL, seen_done, &get));
	assert_null(kshim_client_request(rig.client, "PUT", "/", "a\r\nX: y", "", 0, NULL, seen_done, &get));
	assert_int_equal(kshim_error_code(kshim_client_error(rig.client)), KSHIM_EINVAL);
	rig_stop(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BOTH_HTTP(test_status_with_causes),
		BOTH_HTTP(test_codes),
		BOTH_HTTP(test_other_error_bodies),
		ONLY_H1(test_too_large),
		BOTH_HTTP(test_cut),
		ONLY_H1(test_cut_without_length),
		BOTH_HTTP(test_wrong_length),
		BOTH_HTTP(test_no_object),
		BOTH_HTTP(test_white_space),
		ALL_VARIANTS(test_deadline_tells_where),
		BOTH_HTTP(test_deadline_in_queue),
		ALL_VARIANTS(test_whose_deadline),
		BOTH_HTTP(test_redirects_are_not_followed),
		BOTH_HTTP(test_gzip),
		BOTH_HTTP(test_broken_gzip),
		BOTH_HTTP(test_warnings),
		BOTH_HTTP(test_request_hook),
		BOTH_HTTP(test_hooks_of_what_is_cut_short),
		BOTH_HTTP(test_hooks_of_a_freed_client),
		BOTH_HTTP(test_trace_without_secrets),
		BOTH_HTTP(test_client_request),
	};

	test_begin();
	return cmocka_run_group_tests_name("faults/http", tests, NULL, NULL);
}
