/* Logs of Pods: what is asked for, handed on as it comes, and followed across
 * every break of the stream without losing or doubling a line. */
#include "../testutil.h"

#include <time.h>

/* The log that the scripted kubelet has: times and texts, as CRI files have them. */
struct line {
	const char *time, *text;
};

static const struct line lines[] = {
	{"2026-11-24T08:00:00.000000001Z", "first"},
	{"2026-11-24T08:00:00.900000000Z", "same"},
	{"2026-11-24T08:00:00.900000000Z", "same"}, /* equal in every way */
	{"2026-11-24T08:00:00.900000000Z", "other text, same time"},
	{"2026-11-24T08:00:01.000000100Z", ""},
	{"2026-11-24T08:00:00.999999999Z", "late, of the second before"}, /* stderr beside stdout */
	{"2026-11-24T08:00:01.500000000Z", "b\xff\xfe\x01 not UTF-8"},
	{"2026-11-24T08:00:01.500000000Z", "2026-11-24T08:00:09Z a time of its own"},
	{"2026-11-24T10:00:01.700000000+02:00", "another zone"},
	{"2026-11-24T08:00:07.000000000Z", "much later"},
	{"2026-11-24T08:00:07.000000000Z", "the end"},
};

#define POD_STATUS(uid, state, id)                                                                                     \
	"{\"kind\":\"Pod\",\"apiVersion\":\"v1\",\"metadata\":{\"name\":\"x\",\"namespace\":\"ns\",\"uid\":\"" uid      \
	"\"},\"spec\":{\"containers\":[{\"name\":\"main\"}]},\"status\":{\"phase\":\"Running\",\"containerStatuses\":[{" \
	"\"name\":\"main\",\"containerID\":\"" id "\",\"state\":{\"" state "\":{}}}]}}"
#define RUNNING POD_STATUS("u1", "running", "cri://1")
#define ENDED POD_STATUS("u1", "terminated", "cri://1")

/* The seconds of a line's time; all are within one minute. */
static int second_of(const char *time)
{
	return atoi(time + 17);
}

/* The whole log as kubelets send it; `since` in seconds of the minute. */
static char *whole_log(int since, bool timestamps)
{
	char *text = calloc(1, 4096);
	size_t i;

	for (i = 0; i < COUNT(lines); i++) {
		if (second_of(lines[i].time) < since)
			continue;
		if (timestamps)
			sprintf(text + strlen(text), "%s ", lines[i].time);
		sprintf(text + strlen(text), "%s%s", lines[i].text, i + 1 < COUNT(lines) ? "\n" : "");
	}
	return text;
}

static int since_of(const char *path)
{
	const char *since = strstr(path, "sinceTime=2026-11-24T08%3A00%3A");

	return since ? atoi(since + strlen("sinceTime=2026-11-24T08%3A00%3A")) : 0;
}

#define STATUS_404                                                                                                     \
	"{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"metadata\":{},\"status\":\"Failure\",\"message\":\"pods \\\"x\\\" " \
	"not found\",\"reason\":\"NotFound\",\"details\":{\"name\":\"x\",\"kind\":\"pods\"},\"code\":404}"
#define NO_POD(name) {"GET", LIST_PATH name, .answer = {.status = 404, .body = STATUS_404}}

/* What a call handed on. Begins as struct seen does. */
struct log {
	struct seen seen;
	char text[16384];
	size_t len;
	unsigned chunks;
	bool lines_only; /* so far each chunk was one line */
	char order[2048]; /* the containers' names, a line each */
	kshim_call *cancel; /* on the first chunk */
};

static void on_data(const char *container, const char *data, size_t len, void *user)
{
	struct log *log = user;
	const char *end = memchr(data, '\n', len);

	assert_int_equal(log->seen.done, 0);
	assert_true(len > 0 && log->len + len < sizeof(log->text));
	if (!log->chunks++)
		log->lines_only = true;
	if (end && end + 1 != data + len)
		log->lines_only = false;
	memcpy(log->text + log->len, data, len);
	log->len += len;
	if (container && strlen(log->order) + strlen(container) + 2 < sizeof(log->order))
		strcat(strcat(log->order, container), "\n");
	if (log->cancel)
		kshim_call_cancel(log->cancel);
}

static void follow(struct rig *rig, const char *name, kshim_log_options *options, struct log *log)
{
	kshim_object *pod = kshim_query_object(rig->pods, name);

	memset(log, 0, sizeof(*log));
	assert_non_null(started(&log->seen, kshim_pod_logs(pod, options, on_data, seen_done, log)));
	kshim_object_unref(pod);
	rig_drive(rig);
}

static kshim_log_options *following(void)
{
	kshim_log_options *options = kshim_log_options_new();

	assert_non_null(options);
	assert_int_equal(kshim_log_options_set_follow(options, 1), 0);
	return options;
}

static void assert_log(const struct log *log, const char *expected)
{
	assert_ok(&log->seen);
	if (log->len != strlen(expected) || memcmp(log->text, expected, log->len) != 0)
		print_error("---- handed on:\n%.*s\n---- expected:\n%s\n", (int)log->len, log->text, expected);
	assert_int_equal(log->len, strlen(expected));
	assert_memory_equal(log->text, expected, log->len);
}

/* ---- What is asked for. */

static void test_every_option_is_sent(void **state)
{
	struct fakeapi_route route = {"GET", LIST_PATH "/x/log", .answer = {.type = "text/plain", .body = "\xff\n"}};
	kshim_log_options *options = kshim_log_options_new();
	struct rig rig;
	struct log log;

	rig_start(&rig, state, &route, 1);
	assert_int_equal(kshim_log_options_set_container(options, "main"), 0);
	assert_int_equal(kshim_log_options_set_previous(options, 1), 0);
	assert_int_equal(kshim_log_options_set_since_seconds(options, 60), 0);
	assert_int_equal(kshim_log_options_set_timestamps(options, 1), 0);
	assert_int_equal(kshim_log_options_set_tail_lines(options, 5), 0);
	assert_int_equal(kshim_log_options_set_limit_bytes(options, 1000), 0);
	assert_int_equal(kshim_log_options_set_pretty(options, 1), 0);
	assert_int_equal(kshim_log_options_set_insecure_backend(options, 1), 0);
	follow(&rig, "x", options, &log);
	assert_log(&log, "\xff\n");
	assert_string_equal(log.order, "main\n");
	assert_string_equal(fakeapi_request(rig.api, 0)->path,
			    LIST_PATH "/x/log?sinceSeconds=60&tailLines=5&container=main&previous=true&timestamps=true"
				      "&limitBytes=1000&pretty=true&insecureSkipTLSVerifyBackend=true");
	assert_string_equal(fakeapi_header(fakeapi_request(rig.api, 0), "accept"), "*/*");

	assert_int_equal(kshim_log_options_set_since_time(options, "2026-11-24T08:00:00Z"), 0);
	assert_null(kshim_pod_logs(kshim_query_object(rig.pods, ""), options, on_data, seen_done, &log));
	kshim_log_options_free(options);
	follow(&rig, "x", NULL, &log);
	assert_log(&log, "\xff\n");
	assert_string_equal(fakeapi_request(rig.api, 1)->path, LIST_PATH "/x/log");
	rig_stop(&rig);
}

#define SERVICE "{\"apiVersion\":\"v1\",\"kind\":\"Service\",\"metadata\":{\"name\":\"x\"}}"

static void test_bad_options_are_refused(void **state)
{
	kshim_log_options *options = kshim_log_options_new();
	struct rig rig;
	kshim_object *pod, *service;
	struct log log;

	rig_start(&rig, state, NULL, 0);
	assert_int_equal(kshim_log_options_set_container(options, "a/b"), -1);
	assert_int_equal(kshim_log_options_set_container(options, ""), -1);
	assert_int_equal(kshim_log_options_set_since_seconds(options, -1), -1);
	assert_int_equal(kshim_log_options_set_since_time(options, "yesterday"), -1);
	assert_int_equal(kshim_log_options_set_tail_lines(options, -2), -1);
	assert_int_equal(kshim_log_options_set_limit_bytes(options, 0), -1);
	assert_int_equal(kshim_log_options_set_timeout(options, -2), -1);
	assert_int_equal(kshim_log_options_set_follow(NULL, 1), -1);
	assert_int_equal(kshim_log_options_set_since_seconds(options, 1), 0);
	assert_int_equal(kshim_log_options_set_since_time(options, "2026-11-24T08:00:00+02:00"), 0);
	pod = kshim_query_object(rig.pods, "x");
	assert_null(kshim_pod_logs(pod, options, on_data, seen_done, &log));
	assert_int_equal(kshim_error_code(kshim_client_error(rig.client)), KSHIM_EINVAL);
	service = kshim_object_from_text(rig.client, SERVICE, strlen(SERVICE));
	assert_non_null(service);
	assert_null(kshim_pod_logs(service, NULL, on_data, seen_done, &log));
	assert_null(kshim_pod_evict(service, NULL, seen_done, &log));
	assert_null(kshim_pod_logs(NULL, NULL, on_data, seen_done, &log));
	assert_null(kshim_pod_logs_text(NULL, NULL, seen_done, &log));
	assert_null(kshim_pod_evict(NULL, NULL, seen_done, &log));
	kshim_log_options_free(NULL);
	kshim_log_options_free(options);
	kshim_object_unref(service);
	kshim_object_unref(pod);
	rig_stop(&rig);
}

/* ---- Without follow. */

static void test_bytes_come_as_they_come(void **state)
{
	struct fakeapi_route routes[] = {
		{"GET", LIST_PATH "/x/log", .answer = {.type = "text/plain", .body = "ab\ncd", .coding = FAKEAPI_CHUNKED,
						       .piece = 2, .part_delay_ms = 40}},
		{"GET", LIST_PATH "/none/log", .answer = {.type = "text/plain", .body = "", .coding = FAKEAPI_CHUNKED}},
		{"GET", LIST_PATH "/cut/log", .answer = {.type = "text/plain", .body = "abcdef", .coding = FAKEAPI_CHUNKED,
							 .end = FAKEAPI_CUT, .end_after = 3}},
	};
	struct rig rig;
	struct log log;

	rig_start(&rig, state, routes, COUNT(routes));
	follow(&rig, "x", NULL, &log);
	assert_log(&log, "ab\ncd");
	assert_true(log.chunks >= 2);
	follow(&rig, "none", NULL, &log);
	assert_log(&log, "");
	follow(&rig, "cut", NULL, &log);
	assert_failed(&log.seen, KSHIM_EPROTOCOL);
	assert_memory_equal(log.text, "abc", 3);
	assert_int_equal(fakeapi_count(rig.api, NULL, LIST_PATH "/cut/log"), 1);
	rig_stop(&rig);
}

static void test_text(void **state)
{
	struct fakeapi_route routes[] = {
		{"GET", LIST_PATH "/x/log", .answer = {.type = "text/plain", .body = "a\nb\n", .coding = FAKEAPI_CHUNKED}},
		{"GET", LIST_PATH "/none/log", .answer = {.type = "text/plain", .body = ""}},
		NO_POD("/gone/log"),
	};
	struct seen seen = {0}, none = {0}, gone = {0};
	kshim_object *pod;
	struct rig rig;

	rig_start(&rig, state, routes, COUNT(routes));
	pod = kshim_query_object(rig.pods, "x");
	started(&seen, kshim_pod_logs_text(pod, NULL, seen_done, &seen));
	kshim_object_unref(pod);
	pod = kshim_query_object(rig.pods, "none");
	started(&none, kshim_pod_logs_text(pod, NULL, seen_done, &none));
	kshim_object_unref(pod);
	pod = kshim_query_object(rig.pods, "gone");
	started(&gone, kshim_pod_logs_text(pod, NULL, seen_done, &gone));
	kshim_object_unref(pod);
	rig_drive(&rig);
	assert_ok(&seen);
	assert_string_equal(seen.body, "a\nb\n");
	assert_int_equal(seen.body_len, 4);
	assert_int_equal(seen.status, 200);
	assert_ok(&none);
	assert_int_equal(none.body_len, 0);
	assert_failed(&gone, KSHIM_ENOTFOUND);
	rig_stop(&rig);
}

#define THREE                                                                                                          \
	"{\"kind\":\"Pod\",\"apiVersion\":\"v1\",\"metadata\":{\"name\":\"x\",\"namespace\":\"ns\",\"uid\":\"u\"},"     \
	"\"spec\":{\"initContainers\":[{\"name\":\"i\"}],\"containers\":[{\"name\":\"a\"},{\"name\":\"b\"}],"          \
	"\"ephemeralContainers\":[{\"name\":\"e\"}]},\"status\":{\"phase\":\"Running\",\"initContainerStatuses\":[{"   \
	"\"name\":\"i\",\"containerID\":\"1\",\"state\":{\"terminated\":{}}}],\"containerStatuses\":[{\"name\":\"a\"," \
	"\"containerID\":\"2\",\"state\":{\"terminated\":{}}},{\"name\":\"b\",\"containerID\":\"3\",\"state\":{"       \
	"\"terminated\":{}}}],\"ephemeralContainerStatuses\":[{\"name\":\"e\",\"containerID\":\"4\",\"state\":{"       \
	"\"terminated\":{}}}]}}"
#define STATUS_400                                                                                                     \
	"{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"metadata\":{},\"status\":\"Failure\",\"message\":\"container is "  \
	"waiting to start\",\"reason\":\"BadRequest\",\"code\":400}"

static void test_all_containers_one_after_the_other(void **state)
{
	struct fakeapi_route routes[] = {
		{"GET", LIST_PATH "/x", .answer = {.body = THREE}},
		{"GET", LIST_PATH "/none", .answer = {.body = THREE}},
		{"GET", LIST_PATH "/x/log?container=i", .answer = {.type = "text/plain", .body = "i1\ni2"}},
		{"GET", LIST_PATH "/x/log?container=a", .answer = {.status = 400, .body = STATUS_400}},
		{"GET", LIST_PATH "/x/log?container=b", .answer = {.type = "text/plain", .body = "b1\n"}},
		{"GET", LIST_PATH "/x/log?container=e", .answer = {.type = "text/plain", .body = "e1\n"}},
		{"GET", LIST_PATH "/none/log*", .answer = {.status = 400, .body = STATUS_400}},
	};
	kshim_log_options *options = kshim_log_options_new();
	struct rig rig;
	struct log log;

	rig_start(&rig, state, routes, COUNT(routes));
	kshim_log_options_set_all_containers(options, 1);
	follow(&rig, "x", options, &log);
	assert_log(&log, "i1\ni2\nb1\ne1\n");
	assert_string_equal(log.order, "i\ni\nb\ne\n");
	assert_contains(log.seen.warnings, "container a: ");
	assert_contains(log.seen.warnings, "waiting to start");
	follow(&rig, "none", options, &log);
	assert_failed(&log.seen, KSHIM_EBADREQUEST);
	kshim_log_options_free(options);
	rig_stop(&rig);
}

/* ---- Followed across breaks. */

/* Of Pods named "cut-N…": the stream breaks after N bytes; then it is complete,
 * and the container has ended. */
static unsigned asked[2048];

static void breaking_log(void *ctx, const struct fakeapi_request *req, struct fakeapi_answer *out)
{
	const char *name = strstr(req->path, "cut-");
	unsigned cut = (unsigned)atoi(name + 4);

	(void)ctx;
	out->type = "text/plain";
	out->coding = FAKEAPI_CHUNKED;
	out->body = whole_log(since_of(req->path), true);
	out->body_free = free;
	if (!strstr(req->path, "follow=true") || !strstr(req->path, "timestamps=true"))
		out->status = 500;
	if (asked[cut]++)
		return;
	out->end_after = cut;
	out->end = strstr(name, "reset") ? FAKEAPI_CUT_RESET : strstr(name, "well") ? FAKEAPI_END : FAKEAPI_CUT;
	if (strstr(name, "well"))
		((char *)out->body)[cut] = '\0'; /* as when the log is rotated */
}

static void breaking_pod(void *ctx, const struct fakeapi_request *req, struct fakeapi_answer *out)
{
	unsigned cut = (unsigned)atoi(strstr(req->path, "cut-") + 4);

	(void)ctx;
	out->body = asked[cut] < 2 ? RUNNING : ENDED;
}

static const struct fakeapi_route breaking[] = {
	{"GET", LIST_PATH "/cut-*/log", .generate = breaking_log},
	{"GET", LIST_PATH "/cut-*", .generate = breaking_pod},
};

/* At every byte, or every few. */
static void break_everywhere(void **state, const char *how, bool timestamps, size_t step)
{
	char *expected = whole_log(0, timestamps), *wire = whole_log(0, true), name[64];
	size_t len = strlen(wire), cut;
	kshim_log_options *options = following();
	struct rig rig;
	struct log log;

	kshim_log_options_set_timestamps(options, timestamps);
	rig_start(&rig, state, breaking, COUNT(breaking));
	if (slowness() > 1)
		step = 13;
	for (cut = 0; cut <= len; cut += step) {
		snprintf(name, sizeof(name), "cut-%zu-%s", cut, how);
		follow(&rig, name, options, &log);
		assert_log(&log, expected);
		assert_true(log.lines_only);
	}
	kshim_log_options_free(options);
	rig_stop(&rig);
	free(expected);
	free(wire);
}

static void test_cut_anywhere(void **state)
{
	break_everywhere(state, "cut", false, 1);
}

static void test_reset_anywhere(void **state)
{
	break_everywhere(state, "reset", true, 7);
}

static void test_ended_by_the_server_anywhere(void **state)
{
	break_everywhere(state, "well", false, 5);
}

/* The first request has the last lines alone: none of the others may come back. */
static void tail_log(void *ctx, const struct fakeapi_request *req, struct fakeapi_answer *out)
{
	char *text = whole_log(since_of(req->path), true), *at;

	(void)ctx;
	out->type = "text/plain";
	out->coding = FAKEAPI_CHUNKED;
	out->body_free = free;
	out->body = text;
	if (!strstr(req->path, "tailLines=5"))
		return;
	at = strstr(text, "2026-11-24T08:00:01.500");
	memmove(text, at, strlen(at) + 1);
	out->end = FAKEAPI_CUT;
	out->end_after = 90;
}

static void test_tail_is_followed(void **state)
{
	static const struct fakeapi_route routes[] = {
		{"GET", LIST_PATH "/x", .nth = 3, .answer = {.body = ENDED}},
		{"GET", LIST_PATH "/x", .answer = {.body = RUNNING}},
		{"GET", LIST_PATH "/x/log", .generate = tail_log},
	};
	kshim_log_options *options = following();
	char *whole = whole_log(0, false);
	struct rig rig;
	struct log log;

	rig_start(&rig, state, routes, COUNT(routes));
	kshim_log_options_set_tail_lines(options, 5);
	follow(&rig, "x", options, &log);
	assert_log(&log, strstr(whole, "b\xff"));
	assert_int_equal(fakeapi_count(rig.api, "GET", LIST_PATH "/x/log?*tailLines*"), 1);
	assert_int_equal(fakeapi_count(rig.api, "GET", LIST_PATH "/x/log?*sinceTime*"), 2);
	kshim_log_options_free(options);
	rig_stop(&rig);
	free(whole);
}

/* What a rotation took away does not hide what is new. */
static void test_rotated_away(void **state)
{
	static const struct fakeapi_route routes[] = {
		{"GET", LIST_PATH "/x", .nth = 3, .answer = {.body = ENDED}},
		{"GET", LIST_PATH "/x", .answer = {.body = RUNNING}},
		{"GET", LIST_PATH "/x/log", .nth = 1,
		 .answer = {.type = "text/plain", .coding = FAKEAPI_CHUNKED,
			    .body = "2026-11-24T08:00:00.1Z one\n2026-11-24T08:00:00.2Z two\n"}},
		{"GET", LIST_PATH "/x/log",
		 .answer = {.type = "text/plain", .coding = FAKEAPI_CHUNKED,
			    .body = "2026-11-24T08:00:00.3Z three\n2026-11-24T08:00:00.4Z four\n"}},
	};
	kshim_log_options *options = following();
	struct rig rig;
	struct log log;

	rig_start(&rig, state, routes, COUNT(routes));
	follow(&rig, "x", options, &log);
	assert_log(&log, "one\ntwo\nthree\nfour\n");
	kshim_log_options_free(options);
	rig_stop(&rig);
}

#define LOG(text) {.type = "text/plain", .coding = FAKEAPI_CHUNKED, .body = text}
#define ONE "2026-11-24T08:00:00.1Z one\n"
#define RESTARTED                                                                                                      \
	"{\"kind\":\"Pod\",\"apiVersion\":\"v1\",\"metadata\":{\"name\":\"x\",\"namespace\":\"ns\",\"uid\":\"u1\"},"     \
	"\"spec\":{\"containers\":[{\"name\":\"main\"}]},\"status\":{\"phase\":\"Running\",\"containerStatuses\":[{"    \
	"\"name\":\"main\",\"containerID\":\"cri://2\",\"state\":{\"running\":{}},\"lastState\":{\"terminated\":{"     \
	"\"containerID\":\"cri://1\"}}}]}}"

/* When a follow is over. */
static void test_ends_with_the_container(void **state)
{
	static const struct fakeapi_route routes[] = {
		/* it had ended before: one request has all */
		{"GET", LIST_PATH "/ended", .answer = {.body = ENDED}},
		{"GET", LIST_PATH "/ended/log", .answer = LOG(ONE)},
		/* started again: what the first one had still to say */
		{"GET", LIST_PATH "/again", .nth = 1, .answer = {.body = RUNNING}},
		{"GET", LIST_PATH "/again", .answer = {.body = RESTARTED}},
		{"GET", LIST_PATH "/again/log?*previous=true*", .answer = LOG(ONE "2026-11-24T08:00:00.2Z two")},
		{"GET", LIST_PATH "/again/log", .answer = LOG(ONE)},
		/* the Pod is gone, or another */
		{"GET", LIST_PATH "/gone", .nth = 1, .answer = {.body = RUNNING}},
		{"GET", LIST_PATH "/gone/log", .answer = LOG(ONE)},
		NO_POD("/gone"),
		NO_POD("/never-was"),
		{"GET", LIST_PATH "/other", .nth = 1, .answer = {.body = RUNNING}},
		{"GET", LIST_PATH "/other", .answer = {.body = POD_STATUS("u2", "running", "cri://1")}},
		{"GET", LIST_PATH "/other/log", .answer = LOG(ONE)},
	};
	static const struct {
		const char *pod, *text;
		size_t requests;
	} cases[] = {{"ended", "one\n", 1}, {"again", "one\ntwo", 2}, {"gone", "one\n", 1}, {"other", "one\n", 1}};
	kshim_log_options *options = following();
	char path[200];
	struct rig rig;
	struct log log;
	size_t i;

	rig_start(&rig, state, routes, COUNT(routes));
	for (i = 0; i < COUNT(cases); i++) {
		follow(&rig, cases[i].pod, options, &log);
		assert_log(&log, cases[i].text);
		snprintf(path, sizeof(path), LIST_PATH "/%s/log?*", cases[i].pod);
		assert_int_equal(fakeapi_count(rig.api, "GET", path), cases[i].requests);
	}
	follow(&rig, "never-was", options, &log);
	assert_failed(&log.seen, KSHIM_ENOTFOUND);
	kshim_log_options_free(options);
	rig_stop(&rig);
}

/* It is waited for until it begins; and given up when the Pod is over. */
static void test_waits_for_the_beginning(void **state)
{
	static const struct fakeapi_route routes[] = {
		{"GET", LIST_PATH "/x", .nth = 1, .answer = {.body = POD_STATUS("u1", "waiting", "")}},
		{"GET", LIST_PATH "/x", .answer = {.body = ENDED}},
		{"GET", LIST_PATH "/x/log", .answer = LOG(ONE)},
		{"GET", LIST_PATH "/never", .answer = {.body = POD_STATUS("u1", "waiting", "")}},
		{"GET", LIST_PATH "/mute", .answer = {.end = FAKEAPI_MUTE}},
	};
	kshim_log_options *options = following();
	struct rig rig;
	struct log log;

	rig_start(&rig, state, routes, COUNT(routes));
	follow(&rig, "x", options, &log);
	assert_log(&log, "one\n");
	kshim_log_options_set_timeout(options, 300);
	follow(&rig, "never", options, &log);
	assert_failed(&log.seen, KSHIM_ETIMEDOUT);
	assert_contains(log.seen.message, "logs of pods/never: not done within 300 ms (");
	kshim_log_options_set_timeout(options, 1000 * slowness());
	follow(&rig, "mute", options, &log);
	assert_failed(&log.seen, KSHIM_ETIMEDOUT);
	assert_contains(log.seen.message, " ms (waiting for the server's answer)");
	kshim_log_options_free(options);
	rig_stop(&rig);
}

static void test_failures_in_a_row_are_counted(void **state)
{
	static const struct fakeapi_route routes[] = {
		{"GET", LIST_PATH "/x", .answer = {.body = RUNNING}},
		{"GET", LIST_PATH "/x/log", .nth = 1, .answer = LOG(ONE)},
		{"GET", LIST_PATH "/x/log", .answer = {.status = 500, .body = "kubelet?"}},
		{"GET", LIST_PATH "/forbidden", .answer = {.body = RUNNING}},
		{"GET", LIST_PATH "/forbidden/log", .answer = {.status = 403, .body = "no"}},
	};
	kshim_log_options *options = following();
	struct rig rig;
	struct log log;

	rig_start(&rig, state, routes, COUNT(routes));
	kshim_client_set_max_retries(rig.client, 2);
	follow(&rig, "x", options, &log);
	assert_failed(&log.seen, KSHIM_ESERVER);
	assert_memory_equal(log.text, "one\n", 5);
	assert_int_equal(fakeapi_count(rig.api, "GET", LIST_PATH "/x/log"), 4);
	follow(&rig, "forbidden", options, &log);
	assert_failed(&log.seen, KSHIM_EFORBIDDEN);
	assert_int_equal(fakeapi_count(rig.api, "GET", LIST_PATH "/forbidden/log"), 1);
	kshim_log_options_free(options);
	rig_stop(&rig);
}

/* The kubelet was just started and does not know the Pod: it is there all the same. */
static void test_kubelet_forgot(void **state)
{
	static const struct fakeapi_route routes[] = {
		{"GET", LIST_PATH "/x", .nth = 4, .answer = {.body = ENDED}},
		{"GET", LIST_PATH "/x", .answer = {.body = RUNNING}},
		{"GET", LIST_PATH "/x/log", .nth = 1, .answer = LOG(ONE)},
		{"GET", LIST_PATH "/x/log", .nth = 2, .answer = {.status = 404, .body = STATUS_404}},
		{"GET", LIST_PATH "/x/log", .answer = LOG(ONE "2026-11-24T08:00:00.2Z two\n")},
		/* for good, and the container has ended: there is nothing more to be had */
		{"GET", LIST_PATH "/lost", .nth = 1, .answer = {.body = RUNNING}},
		{"GET", LIST_PATH "/lost", .answer = {.body = ENDED}},
		{"GET", LIST_PATH "/lost/log", .nth = 1, .answer = LOG(ONE)},
		{"GET", LIST_PATH "/lost/log", .answer = {.status = 404, .body = STATUS_404}},
	};
	kshim_log_options *options = following();
	struct rig rig;
	struct log log;

	rig_start(&rig, state, routes, COUNT(routes));
	kshim_client_set_max_retries(rig.client, 2);
	follow(&rig, "x", options, &log);
	assert_log(&log, "one\ntwo\n");
	follow(&rig, "lost", options, &log);
	assert_log(&log, "one\n");
	assert_int_equal(fakeapi_count(rig.api, "GET", LIST_PATH "/lost/log"), 4);
	kshim_log_options_free(options);
	rig_stop(&rig);
}

#define OLD_CUT(ms)                                                                                                    \
	{.type = "text/plain", .coding = FAKEAPI_CHUNKED, .body = "2", .body_delay_ms = ms, .end = FAKEAPI_CUT_RESET}

/* A log that is silent for long is cut again and again, as by a proxy that ends idle
 * connections: none of that is a failure, and what comes then is all new, however
 * little was asked for at first. */
static void test_silent_for_long(void **state)
{
	static const struct fakeapi_route routes[] = {
		{"GET", LIST_PATH "/x", .nth = 4, .answer = {.body = ENDED}},
		{"GET", LIST_PATH "/x", .answer = {.body = RUNNING}},
		{"GET", LIST_PATH "/x/log", .nth = 1, .answer = OLD_CUT(2200)},
		{"GET", LIST_PATH "/x/log", .nth = 2, .answer = OLD_CUT(2200)},
		{"GET", LIST_PATH "/x/log", .answer = LOG(ONE "2026-11-24T08:00:00.2Z two\n")},
	};
	kshim_log_options *options = following();
	const char *since;
	struct rig rig;
	struct log log;

	rig_start(&rig, state, routes, COUNT(routes));
	kshim_client_set_max_retries(rig.client, 1);
	kshim_log_options_set_tail_lines(options, 1);
	kshim_log_options_set_since_seconds(options, 60);
	follow(&rig, "x", options, &log);
	assert_log(&log, "one\ntwo\n");
	assert_contains(fakeapi_request(rig.api, 1)->path, "sinceSeconds=60&tailLines=1");
	/* the seconds that went by since the call began are wanted, too */
	assert_null(strstr(fakeapi_request(rig.api, 3)->path, "tailLines"));
	since = strstr(fakeapi_request(rig.api, 3)->path, "sinceSeconds=");
	assert_non_null(since);
	assert_true(atoi(since + strlen("sinceSeconds=")) >= 62);
	kshim_log_options_free(options);
	rig_stop(&rig);
}

/* The limit counts what is handed on, not the times that are asked for inside. */
static void test_limit_is_kept_here(void **state)
{
	static const struct fakeapi_route routes[] = {
		{"GET", LIST_PATH "/x", .answer = {.body = RUNNING}},
		{"GET", LIST_PATH "/x/log", .answer = {.type = "text/plain", .coding = FAKEAPI_CHUNKED, .body = ONE ONE ONE,
						       .end = FAKEAPI_STALL, .end_after = FAKEAPI_ALL}},
	};
	kshim_log_options *options = following();
	struct rig rig;
	struct log log;

	rig_start(&rig, state, routes, COUNT(routes));
	kshim_log_options_set_limit_bytes(options, 6);
	follow(&rig, "x", options, &log);
	assert_log(&log, "one\non");
	kshim_log_options_free(options);
	rig_stop(&rig);
}

static void test_cancel_inside_the_callback(void **state)
{
	static const struct fakeapi_route routes[] = {
		{"GET", LIST_PATH "/x", .answer = {.body = ENDED}},
		{"GET", LIST_PATH "/x/log", .answer = LOG(ONE ONE "2026-11-24T08:00:00.2Z two")},
		{"GET", LIST_PATH "/last", .answer = {.body = ENDED}},
		{"GET", LIST_PATH "/last/log", .answer = LOG("2026-11-24T08:00:00.2Z two")},
	};
	static const char *const pods[] = {"x", "last"};
	kshim_log_options *options = following();
	struct rig rig;
	struct log log;
	size_t i;

	rig_start(&rig, state, routes, COUNT(routes));
	for (i = 0; i < COUNT(pods); i++) {
		kshim_object *pod = kshim_query_object(rig.pods, pods[i]);

		memset(&log, 0, sizeof(log));
		log.cancel = started(&log.seen, kshim_pod_logs(pod, options, on_data, seen_done, &log));
		kshim_object_unref(pod);
		rig_drive(&rig);
		assert_failed(&log.seen, KSHIM_ECANCELED);
		assert_int_equal(log.chunks, 1);
	}
	kshim_log_options_free(options);
	rig_stop(&rig);
}

/* ---- All containers at once. */

/* 40 lines of a container, cut into writes of a few bytes. */
static void many_lines(void *ctx, const struct fakeapi_request *req, struct fakeapi_answer *out)
{
	const char *name = strstr(req->path, "container=") + strlen("container=");
	char *text = calloc(1, 8192);
	int i;

	(void)ctx;
	for (i = 0; i < 40; i++)
		sprintf(text + strlen(text), "2026-11-24T08:00:%02d.5Z %c says %d%s", i, *name, i, i < 39 ? "\n" : "");
	out->type = "text/plain";
	out->coding = FAKEAPI_CHUNKED;
	out->body = text;
	out->body_free = free;
	out->piece = 7;
	out->part_delay_ms = 1;
}

static void test_containers_are_never_mixed(void **state)
{
	static const struct fakeapi_route routes[] = {
		{"GET", LIST_PATH "/x", .answer = {.body = THREE}},
		{"GET", LIST_PATH "/x/log", .generate = many_lines},
	};
	kshim_log_options *options = following();
	unsigned next[128] = {0}, total = 0, changes = 0;
	char *line, *end, container, last = 0;
	struct rig rig;
	struct log log;

	rig_start(&rig, state, routes, COUNT(routes));
	kshim_log_options_set_all_containers(options, 1);
	follow(&rig, "x", options, &log);
	assert_ok(&log.seen);
	assert_true(log.lines_only);
	for (line = log.text; *line; line = end + 1) {
		unsigned number;

		end = strchrnul(line, '\n');
		assert_int_equal(sscanf(line, "%c says %u", &container, &number), 2);
		assert_int_equal(number, next[(unsigned char)container]++);
		changes += container != last;
		last = container;
		total++;
		if (!*end)
			break;
	}
	assert_int_equal(total, 4 * 40);
	assert_true(changes > 8); /* they came side by side */
	kshim_log_options_free(options);
	rig_stop(&rig);
}

/* ---- Eviction. */

#define DISRUPTION                                                                                                     \
	"{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"metadata\":{},\"status\":\"Failure\",\"message\":\"Cannot evict "   \
	"pod as it would violate the pod's disruption budget.\",\"reason\":\"TooManyRequests\",\"details\":{\"causes\":" \
	"[{\"reason\":\"DisruptionBudget\",\"message\":\"The disruption budget b needs 1 healthy pods\"}],"             \
	"\"retryAfterSeconds\":10},\"code\":429}"

static void see_cause(struct seen *seen, kshim_result *result)
{
	(void)seen;
	assert_string_equal(kshim_error_cause_reason(kshim_result_error(result), 0), "DisruptionBudget");
}

static void test_eviction(void **state)
{
	static const char *const after[] = {"Retry-After: 10", NULL};
	const struct fakeapi_route routes[] = {
		{"POST", LIST_PATH "/kept/eviction", .answer = {.status = 429, .headers = after, .body = DISRUPTION}},
		{"POST", LIST_PATH "/x/eviction", .answer = {.status = 201, .body = "{\"kind\":\"Status\",\"apiVersion\":"
										     "\"v1\",\"status\":\"Success\"}"}},
	};
	struct seen seen = {0}, kept = {.on_done = see_cause};
	kshim_options *options = kshim_options_new();
	kshim_object *pod;
	struct rig rig;

	rig_start(&rig, state, routes, COUNT(routes));
	kshim_options_set_grace_period(options, 3);
	kshim_options_set_dry_run(options, 1);
	pod = kshim_query_object(rig.pods, "x");
	started(&seen, kshim_pod_evict(pod, options, seen_done, &seen));
	kshim_object_unref(pod);
	rig_drive(&rig);
	assert_ok(&seen);
	assert_int_equal(seen.status, 201);
	assert_string_equal(fakeapi_request(rig.api, 0)->path, LIST_PATH "/x/eviction?dryRun=All");
	assert_string_equal(fakeapi_request(rig.api, 0)->body,
			    "{\"apiVersion\":\"policy/v1\",\"kind\":\"Eviction\",\"metadata\":{\"name\":\"x\"}"
			    ",\"deleteOptions\":{\"kind\":\"DeleteOptions\",\"apiVersion\":\"v1\","
			    "\"gracePeriodSeconds\":3,\"dryRun\":[\"All\"]}}");
	pod = kshim_query_object(rig.pods, "kept");
	started(&kept, kshim_pod_evict(pod, NULL, seen_done, &kept));
	kshim_object_unref(pod);
	rig_drive(&rig);
	assert_failed(&kept, KSHIM_ETOOMANY);
	assert_int_equal(fakeapi_count(rig.api, "POST", LIST_PATH "/kept/eviction"), 1);
	kshim_options_free(options);
	rig_stop(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BOTH_HTTP(test_every_option_is_sent),
		ONLY_H1(test_bad_options_are_refused),
		ALL_VARIANTS(test_bytes_come_as_they_come),
		BOTH_HTTP(test_text),
		BOTH_HTTP(test_all_containers_one_after_the_other),
		BOTH_HTTP(test_cut_anywhere),
		BOTH_HTTP(test_reset_anywhere),
		BOTH_HTTP(test_ended_by_the_server_anywhere),
		BOTH_HTTP(test_tail_is_followed),
		BOTH_HTTP(test_rotated_away),
		BOTH_HTTP(test_ends_with_the_container),
		ONLY_H1(test_waits_for_the_beginning),
		ONLY_H1(test_failures_in_a_row_are_counted),
		BOTH_HTTP(test_kubelet_forgot),
		ONLY_H1(test_silent_for_long),
		BOTH_HTTP(test_limit_is_kept_here),
		BOTH_HTTP(test_cancel_inside_the_callback),
		ALL_VARIANTS(test_containers_are_never_mixed),
		BOTH_HTTP(test_eviction),
	};

	test_begin();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
