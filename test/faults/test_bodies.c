/* Bodies of requests: what they are said to be, large ones, and headers that are long. */
#include "../testutil.h"

#include <unistd.h>

static const struct fakeapi_route whole = {.answer = {.body = POD("a")}};

enum verb { CREATE, REPLACE, MERGE, JSON_PATCH, STRATEGIC, APPLY, DELETE, VERBS };

static kshim_call *start(enum verb verb, kshim_object *object, kshim_options *options, struct seen *seen)
{
	switch (verb) {
	case CREATE:
		return kshim_object_create(object, NULL, seen_done, seen);
	case REPLACE:
		return kshim_object_replace(object, NULL, seen_done, seen);
	case MERGE:
		return kshim_object_patch(object, KSHIM_PATCH_MERGE, "{}", 2, NULL, seen_done, seen);
	case JSON_PATCH:
		return kshim_object_patch(object, KSHIM_PATCH_JSON, "[]", 2, NULL, seen_done, seen);
	case STRATEGIC:
		return kshim_object_patch(object, KSHIM_PATCH_STRATEGIC, "{}", 2, NULL, seen_done, seen);
	case APPLY:
		return kshim_object_apply(object, options, seen_done, seen);
	default:
		return kshim_object_delete(object, options, seen_done, seen);
	}
}

/* libcurl has one of its own for every body: to be there once, and to be the right one. */
static void test_content_type(void **state)
{
	static const char *const types[VERBS] = {"application/json", "application/json", "application/merge-patch+json",
						 "application/json-patch+json", "application/strategic-merge-patch+json",
						 "application/apply-patch+yaml", "application/json"};
	unsigned verb;

	for (verb = 0; verb < VERBS; verb++) {
		kshim_options *options = kshim_options_new();
		const struct fakeapi_request *request;
		struct seen seen = {0};
		kshim_object *object;
		struct rig rig;

		rig_start(&rig, state, &whole, 1);
		object = kshim_object_from_text(rig.client, POD("a"), strlen(POD("a")));
		assert_int_equal(verb == APPLY ? kshim_options_set_field_manager(options, "me") :
						 kshim_options_set_precondition_uid(options, "u-1"), 0);
		assert_non_null(started(&seen, start(verb, object, options, &seen)));
		rig_drive(&rig);
		assert_ok(&seen);
		request = fakeapi_request(rig.api, 0);
		assert_true(request->body_len >= 2);
		assert_int_equal(fakeapi_header_count(request, "Content-Type"), 1);
		assert_string_equal(fakeapi_header(request, "Content-Type"), types[verb]);
		kshim_object_unref(object);
		kshim_options_free(options);
		rig_stop(&rig);
	}
}

/* libcurl asks leave for bodies of more than a megabyte, and waits a second for the answer. */
static void test_large(void **state)
{
	size_t len = 2500000;
	char *body = malloc(len);
	const struct fakeapi_request *request;
	struct seen seen = {0};
	struct rig rig;

	assert_non_null(body);
	memset(body, 'x', len);
	rig_start(&rig, state, &whole, 1);
	assert_non_null(started(&seen, kshim_client_request(rig.client, "POST", "/x", "text/plain", body, len, NULL, seen_done,
							    &seen)));
	rig_drive(&rig);
	assert_ok(&seen);
	request = fakeapi_request(rig.api, 0);
	assert_int_equal(request->body_len, len);
	assert_memory_equal(request->body, body, len);
	assert_null(fakeapi_header(request, "Expect"));
	free(body);
	rig_stop(&rig);
}

/* Tokens of some providers are longer than 4 KB; also in a file, where a line break ends them. */
static void test_long_token(void **state)
{
	struct fakeapi_options options = {.routes = &whole, .route_count = 1};
	char path[] = "/tmp/kshim-token-XXXXXX", *token = malloc(6001), *members[2], *expected;
	int fd = mkstemp(path);
	unsigned i;

	assert_non_null(token);
	memset(token, 'x', 6000);
	memcpy(token, SECRET, strlen(SECRET));
	token[6000] = '\0';
	assert_true(dprintf(fd, " %s\r\n\n", token) == 6004 && close(fd) == 0);
	assert_true(asprintf(&members[0], "\"token\":\"%s\"", token) > 0);
	assert_true(asprintf(&members[1], "\"tokenFile\":\"%s\"", path) > 0);
	assert_true(asprintf(&expected, "Bearer %s", token) > 0);
	for (i = 0; i < 2; i++) {
		struct seen seen = {0};
		struct rig rig;

		rig_start_with(&rig, state, &options, NULL, members[i]);
		get_pod(&rig, "a", &seen);
		assert_ok(&seen);
		assert_string_equal(fakeapi_header(fakeapi_request(rig.api, 0), "Authorization"), expected);
		rig_stop(&rig);
		free(members[i]);
	}
	unlink(path);
	free(expected);
	free(token);
}

/* 403 is an answer: no credential is read anew for it. */
static void test_forbidden(void **state)
{
	const struct fakeapi_route route = {.answer = {.status = 403, .body = "{\"kind\":\"Status\",\"reason\":\"Forbidden\",\"code\":403}"}};
	struct fakeapi_options options = {.routes = &route, .route_count = 1};
	char path[] = "/tmp/kshim-token-XXXXXX", *member;
	struct seen seen = {0};
	struct rig rig;
	int fd = mkstemp(path);

	assert_true(dprintf(fd, SECRET) > 0 && close(fd) == 0);
	assert_true(asprintf(&member, "\"tokenFile\":\"%s\"", path) > 0);
	rig_start_with(&rig, state, &options, NULL, member);
	get_pod(&rig, "a", &seen);
	assert_failed(&seen, KSHIM_EFORBIDDEN);
	assert_int_equal(fakeapi_request_count(rig.api), 1);
	rig_stop(&rig);
	unlink(path);
	free(member);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BOTH_HTTP(test_content_type),
		BOTH_HTTP(test_large),
		BOTH_HTTP(test_long_token),
		BOTH_HTTP(test_forbidden),
	};

	test_begin();
	return cmocka_run_group_tests_name("faults/bodies", tests, NULL, NULL);
}
