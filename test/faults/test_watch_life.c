/* The life of a watch: cut at every byte, silent, stopped anywhere, without memory. */
/* LINK: -Wl,--wrap=kshim__malloc,--wrap=kshim__calloc,--wrap=kshim__realloc,--wrap=kshim__memdup,--wrap=kshim__strdup,--wrap=clock_gettime,--wrap=epoll_wait */
#include "../unit/failalloc.h"
#include "fastclock.h"
#include "tale.h"

#define AT_ONCE 48 /* watches */

/* Cut at every byte. */

static const char *const lines[] = {EVENT("ADDED", OBJECT("c", "6")), BOOKMARK("7"), EVENT("MODIFIED", OBJECT("a", "8"))};
static char whole[1024]; /* lines[] */

struct cutting {
	enum fakeapi_end end; /* FAKEAPI_END: in order */
	bool was_cut[sizeof(whole)];
};

/* In the server: the first stream of the label cut=N ends behind N bytes. */
static void cut_stream(void *ctx, const struct fakeapi_request *request, struct fakeapi_answer *answer)
{
	uint64_t cut = number_behind(request->path, "cut%3D"), version = number_behind(request->path, "resourceVersion=");
	struct cutting *cutting = ctx;
	size_t i;

	answer->coding = FAKEAPI_CHUNKED;
	answer->body = whole;
	for (i = 0; i + 5 < version && i < COUNT(lines); i++)
		answer->body += strlen(lines[i]);
	answer->end = FAKEAPI_STALL;
	answer->end_after = FAKEAPI_ALL;
	if (cutting->was_cut[cut])
		return;
	cutting->was_cut[cut] = true;
	answer->end = cutting->end;
	answer->end_after = cut;
	if (cutting->end == FAKEAPI_END) {
		answer->body = cut ? whole : "";
		answer->body_len = cut;
	}
}

static void cut_everywhere(void **state, enum fakeapi_end end)
{
	static struct cutting cutting;
	const struct fakeapi_route routes[] = {{"GET", WATCH_PATH, .generate = cut_stream, .ctx = &cutting}};
	size_t len, from, i, step = slowness() > 1 ? 7 : 1;
	static struct tale tales[AT_ONCE];
	struct rig rig;
	char label[32];

	memset(&cutting, 0, sizeof(cutting));
	cutting.end = end;
	snprintf(whole, sizeof(whole), "%s%s%s", lines[0], lines[1], lines[2]);
	len = strlen(whole);
	watch_rig(&rig, state, routes, COUNT(routes));
	kshim_client_set_watch_connections(rig.client, rig.http, 1);
	assert_int_equal(kshim_query_set_resource_version(rig.pods, "5", KSHIM_MATCH_UNSET), 0);
	for (from = 0; from <= len; from += AT_ONCE * step) {
		memset(tales, 0, sizeof(tales));
		for (i = 0; i < AT_ONCE && from + i * step <= len; i++) {
			snprintf(label, sizeof(label), "cut=%zu", from + i * step);
			assert_int_equal(kshim_query_set_labels(rig.pods, label), 0);
			tales[i].stop_at = "~a8(8)";
			tale_begin(&rig, &tales[i], NULL);
		}
		rig_drive(&rig);
		while (i--) {
			assert_int_equal(tales[i].done, 1);
			assert_tale(&tales[i], "+c6(6) ~a8(8)");
			assert_int_equal(tales[i].counts[KSHIM_WATCH_LISTS], 0);
			/* a reset may take the head of what was cut with it */
			assert_true(tales[i].counts[KSHIM_WATCH_STREAMS] == 2 || from + i * step == len ||
				    (end == FAKEAPI_CUT_RESET && tales[i].counts[KSHIM_WATCH_FAILURES]));
		}
	}
	rig_stop(&rig);
}

static void test_cut(void **state)
{
	cut_everywhere(state, FAKEAPI_CUT);
}

static void test_cut_reset(void **state)
{
	cut_everywhere(state, FAKEAPI_CUT_RESET);
}

static void test_cut_stream(void **state)
{
	cut_everywhere(state, FAKEAPI_RESET_STREAM);
}

static void test_torn(void **state)
{
	cut_everywhere(state, FAKEAPI_END);
}

/* Silence. */

/* The word, wherever it stands, and the version that was told with it. */
static void strike(char *text, const char *word)
{
	char *at, *end;

	while ((at = strstr(text, word))) {
		end = at + strlen(word);
		end += *end == '(' ? strcspn(end, " ") : 0;
		if (at > text)
			at--;
		else
			end += *end == ' ';
		memmove(at, end, strlen(end) + 1);
	}
}

/* No more bytes, and no FIN: given up behind the server's time and 30 s. */
static void test_stall(void **state)
{
	const struct fakeapi_route routes[] = {
		{"GET", WATCH_FROM("5"), .answer = OPEN(EVENT("MODIFIED", OBJECT("a", "6")) "{\"type\":\"MODI")},
		{"GET", WATCH_FROM("6"), .answer = OPEN(EVENT("MODIFIED", OBJECT("a", "7")))},
		PODS_5,
	};
	kshim_options *options = kshim_options_new();
	struct tale tale = {.stop_at = "(7)"};
	struct rig rig;

	speed = 50;
	watch_rig(&rig, state, routes, COUNT(routes));
	assert_int_equal(kshim_options_set_watch_seconds(options, 1), 0);
	tale_run(&rig, &tale, options);
	strike(tale.text, "LATE"); /* when this machine is slow */
	strike(tale.text, "RESUMED");
	assert_tale(&tale, TOLD_5 " ~a6(6) ~a7(7)");
	assert_contains(fakeapi_request(rig.api, 1)->path, "timeoutSeconds=1&");
	assert_true(tale.counts[KSHIM_WATCH_FAILURES] >= 1);
	assert_int_equal(tale.counts[KSHIM_WATCH_LISTS], 1);
	kshim_options_free(options);
	rig_stop(&rig);
	speed = 1;
}

/* No answer at all: told after ten seconds, though nothing has failed. */
static void test_mute(void **state)
{
	const struct fakeapi_route routes[] = {
		{"GET", WATCH_PATH, .answer = {.end = FAKEAPI_MUTE}},
		PODS_5,
	};
	struct tale tale = {.stop_at = "LATE"};
	struct rig rig;

	speed = 50;
	watch_rig(&rig, state, routes, COUNT(routes));
	tale_run(&rig, &tale, NULL);
	assert_contains(tale.text, "LATE");
	assert_contains(tale.late, "no answer within 10 s");
	assert_int_equal(tale.counts[KSHIM_WATCH_FAILURES], 0);
	rig_stop(&rig);
	speed = 1;
}

/* In the server: the next bookmark, a minute and a half of the fast clock later, and
 * the end of the stream; what happens at last once more than an hour has passed. */
static void next_bookmark(void *ctx, const struct fakeapi_request *request, struct fakeapi_answer *answer)
{
	unsigned long version = (unsigned long)number_behind(request->path, "resourceVersion=");
	static char text[256];

	(void)ctx;
	answer->coding = FAKEAPI_CHUNKED;
	answer->body_delay_ms = 90 * 1000; /* the server has the fast clock, too */
	snprintf(text, sizeof(text), BOOKMARK("%lu"), version + 1);
	if (version == 5 + 45)
		snprintf(text, sizeof(text), "%s", EVENT("MODIFIED", OBJECT("a", "999")));
	answer->body = text;
}

/* Nothing but bookmarks for an hour: nothing is told, and it goes on behind the last. */
static void test_quiet_hour(void **state)
{
	const struct fakeapi_route routes[] = {{"GET", WATCH_PATH, .generate = next_bookmark}, PODS_5};
	struct tale tale = {.stop_at = "(999)"};
	struct timespec from, to;
	struct rig rig;

	if (slowness() > 1)
		skip(); /* the clock would be too fast for it */
	speed = 600;
	watch_rig(&rig, state, routes, COUNT(routes));
	clock_gettime(CLOCK_MONOTONIC, &from);
	tale_run(&rig, &tale, NULL);
	clock_gettime(CLOCK_MONOTONIC, &to);
	assert_true(to.tv_sec - from.tv_sec >= 3600);
	strike(tale.text, "LATE"); /* when this machine is slow */
	strike(tale.text, "RESUMED");
	assert_tale(&tale, TOLD_5 " ~a999(999)");
	assert_int_equal(tale.counts[KSHIM_WATCH_LISTS], 1);
	assert_int_equal(tale.counts[KSHIM_WATCH_GAPS], 0);
	assert_true(tale.counts[KSHIM_WATCH_STREAMS] >= 46);
	rig_stop(&rig);
	speed = 1;
}

/* Streams that end at once and in order are not asked for again and again: it waits longer each time. */
static void test_short_streams(void **state)
{
	const struct fakeapi_route routes[] = {
		{"GET", WATCH_PATH, .nth = 6, .answer = OPEN(EVENT("MODIFIED", OBJECT("a", "6")))},
		{"GET", WATCH_PATH, .answer = ENDS("")},
		PODS_5,
	};
	struct tale tale = {.stop_at = "(6)"};
	uint64_t first, last;
	struct rig rig;

	watch_rig(&rig, state, routes, COUNT(routes));
	tale_run(&rig, &tale, NULL);
	strike(tale.text, "LATE");
	strike(tale.text, "RESUMED");
	assert_tale(&tale, TOLD_5 " ~a6(6)");
	assert_int_equal(fakeapi_request_count(rig.api), 7);
	assert_int_equal(tale.counts[KSHIM_WATCH_LISTS], 1);
	first = fakeapi_request(rig.api, 1)->arrived_ns;
	last = fakeapi_request(rig.api, 6)->arrived_ns;
	/* at least half of 0.2, 0.4, 0.8 and 1.6 s */
	assert_true(last - first >= 1500000000u);
	rig_stop(&rig);
}

static void test_timeout(void **state)
{
	static const struct fakeapi_answer answers[] = {{.end = FAKEAPI_MUTE}, OPEN(""), {.status = 500, .body = "{}"}};
	size_t i;

	for (i = 0; i < COUNT(answers); i++) {
		const struct fakeapi_route routes[] = {{"GET", WATCH_PATH, .answer = answers[i]}, PODS_5};
		kshim_options *options = kshim_options_new();
		struct tale tale = {0};
		struct rig rig;

		watch_rig(&rig, state, routes, COUNT(routes));
		kshim_options_set_timeout(options, 500 * slowness());
		tale_run(&rig, &tale, options);
		assert_int_equal(tale.code, KSHIM_ETIMEDOUT);
		assert_contains(tale.message, "the watch's time is up");
		assert_int_equal(strncmp(tale.text, TOLD_5, strlen(TOLD_5)), 0);
		kshim_options_free(options);
		rig_stop(&rig);
	}
}

/* Stopped and freed, inside every kind of event. */

enum act { STOP, FREE_CLIENT, FREE_ALL, PAUSE_AND_STOP, ACTS };

struct acting {
	enum act act;
	kshim_event event;
};

static void act_in(struct tale *tale, kshim_event event)
{
	struct acting *acting = tale->data;

	if (event != acting->event)
		return;
	tale->silent = true;
	switch (acting->act) {
	case PAUSE_AND_STOP:
		kshim_watch_pause(tale->watch);
		kshim_watch_stop(tale->watch);
		kshim_watch_resume(tale->watch);
		kshim_watch_stop(tale->watch);
		break;
	case FREE_ALL:
		kshim_query_free(tale->rig->pods);
		tale->rig->pods = NULL;
		/* fall through */
	case FREE_CLIENT:
		kshim_client_free(tale->rig->client);
		tale->rig->client = NULL;
		assert_null(kshim_watch_client(tale->watch));
		break;
	default:
		kshim_watch_stop(tale->watch);
	}
}

static void test_ends_in_every_event(void **state)
{
	const struct fakeapi_route routes[] = {
		{"GET", WATCH_FROM("5"), .answer = ENDS(EVENT("MODIFIED", OBJECT("a", "6")) BOOKMARK("7") EVENT("DELETED", OBJECT("b", "8")))},
		{"GET", WATCH_FROM("8"), .nth = 1, .answer = {.status = 403, .body = STATUS(403, "Forbidden", "")}},
		{"GET", WATCH_FROM("8"), .answer = OPEN("")},
		PODS_5,
	};
	kshim_options *options = kshim_options_new();
	struct acting acting;
	struct tale tale;
	struct rig rig;
	int event, act;

	kshim_options_set_watch_bookmarks(options, 1);
	for (event = KSHIM_EVENT_ADDED; event <= KSHIM_EVENT_RESUMED; event++)
		for (act = 0; act < ACTS; act++) {
			acting = (struct acting){(enum act)act, (kshim_event)event};
			tale = (struct tale){.on_event = act_in, .data = &acting};
			watch_rig(&rig, state, routes, COUNT(routes));
			tale_run(&rig, &tale, options);
			assert_int_equal(tale.code, KSHIM_ECANCELED);
			assert_true(tale.silent);
			rig_stop(&rig);
		}
	kshim_options_free(options);
}

/* The loop, or the client, goes in whatever state the watch is. */
static void test_freed_from_outside(void **state)
{
	const struct fakeapi_route routes[] = {{"GET", WATCH_PATH, .answer = OPEN("")}, PODS_5};
	struct tale tale;
	struct rig rig;
	int requests;

	for (requests = 0; requests <= 2; requests++) {
		tale = (struct tale){0};
		watch_rig(&rig, state, routes, COUNT(routes));
		tale_begin(&rig, &tale, NULL);
		if (requests)
			rig_until_requests(&rig, (size_t)requests);
		assert_int_equal(tale.done, 0);
		tale.silent = true;
		kshim_loop_free(rig.loop);
		rig.loop = NULL;
		assert_int_equal(tale.done, 1);
		assert_int_equal(tale.code, KSHIM_ECANCELED);
		rig_stop(&rig);

		tale = (struct tale){0};
		watch_rig(&rig, state, routes, COUNT(routes));
		tale_begin(&rig, &tale, NULL);
		if (requests)
			rig_until_requests(&rig, (size_t)requests);
		tale.silent = true;
		kshim_client_free(rig.client);
		rig.client = NULL;
		assert_int_equal(tale.done, 0); /* from the loop */
		rig_drive(&rig);
		assert_int_equal(tale.done, 1);
		assert_int_equal(tale.code, KSHIM_ECANCELED);
		rig_stop(&rig);
	}
}

static void test_starts_nothing(void **state)
{
	const struct fakeapi_route routes[] = {PODS_5};
	struct tale tale = {.rig = NULL};
	char version[300];
	struct rig rig;

	watch_rig(&rig, state, routes, COUNT(routes));
	memset(version, '1', sizeof(version) - 1);
	version[sizeof(version) - 1] = '\0';
	assert_null(kshim_query_watch(NULL, NULL, tale_event, tale_done, &tale));
	assert_null(kshim_object_watch(NULL, NULL, tale_event, tale_done, &tale));
	assert_int_equal(kshim_query_set_resource_version(rig.pods, version, KSHIM_MATCH_UNSET), 0);
	assert_null(kshim_query_watch(rig.pods, NULL, tale_event, tale_done, &tale));
	assert_int_equal(kshim_error_code(kshim_client_error(rig.client)), KSHIM_EINVAL);
	kshim_client_free(rig.client);
	rig.client = NULL;
	assert_null(kshim_query_watch(rig.pods, NULL, tale_event, tale_done, &tale));
	rig_drive(&rig);
	assert_int_equal(tale.done + tale.events, 0);
	assert_int_equal(fakeapi_request_count(rig.api), 0);
	kshim_watch_stop(NULL);
	kshim_watch_pause(NULL);
	kshim_watch_resume(NULL);
	assert_null(kshim_watch_error(NULL));
	assert_null(kshim_watch_resource_version(NULL));
	assert_null(kshim_watch_client(NULL));
	assert_int_equal(kshim_watch_count(NULL, KSHIM_WATCH_EVENTS), 0);
	rig_stop(&rig);
}

/* A hundred watches whose connections die in the same moment. */

#define HERD 100

struct herd {
	struct fakeapi_live *live[HERD];
	unsigned count;
	bool cut;
};

static size_t nothing_till_cut(void *state, char *buf, size_t max)
{
	const struct herd *herd = state;

	(void)buf;
	(void)max;
	return herd->cut ? 0 : FAKEAPI_LATER;
}

static void join_herd(void *ctx, const struct fakeapi_request *request, struct fakeapi_answer *answer)
{
	struct herd *herd = ctx;

	(void)request;
	answer->stream = nothing_till_cut;
	answer->stream_state = herd;
	answer->coding = FAKEAPI_CHUNKED;
	answer->end = FAKEAPI_CUT;
	answer->end_after = FAKEAPI_ALL;
	if (herd->count < HERD)
		herd->live[herd->count] = answer->live;
	herd->count++;
}

static void cut_herd(void *ctx)
{
	struct herd *herd = ctx;
	unsigned i;

	if (herd->cut || herd->count < HERD)
		return;
	herd->cut = true; /* those that come back, too: only their arrival counts */
	for (i = 0; i < HERD; i++)
		fakeapi_more(herd->live[i]);
}

static void test_herd(void **state)
{
	static struct herd herd;
	const struct fakeapi_route routes[] = {{"GET", WATCH_PATH, .generate = join_herd, .ctx = &herd}};
	const struct fakeapi_options options = {.routes = routes, .route_count = 1, .plain = true, .http = FAKEAPI_H1,
						.tick = cut_herd, .tick_ctx = &herd, .tick_ms = 20};
	static struct tale tales[HERD];
	uint64_t first = UINT64_MAX, last = 0;
	struct rig rig;
	unsigned i;

	memset(&herd, 0, sizeof(herd));
	memset(tales, 0, sizeof(tales));
	rig_start_with(&rig, state, &options, NULL, NULL);
	kshim_client_set_watch_connections(rig.client, KSHIM_HTTP_1_1, 0);
	assert_int_equal(kshim_query_set_resource_version(rig.pods, "5", KSHIM_MATCH_UNSET), 0);
	for (i = 0; i < HERD; i++)
		tale_begin(&rig, &tales[i], NULL);
	rig_until_requests(&rig, 2 * HERD);
	for (i = HERD; i < 2 * HERD; i++) {
		uint64_t arrived = fakeapi_request(rig.api, i)->arrived_ns;

		first = arrived < first ? arrived : first;
		last = arrived > last ? arrived : last;
	}
	print_message("[   info   ] they come back within %d ms\n", (int)((last - first) / 1000000));
	assert_true(last - first > 100000000);
	for (i = 0; i < HERD; i++)
		kshim_watch_stop(tales[i].watch);
	rig_drive(&rig);
	for (i = 0; i < HERD; i++)
		assert_int_equal(tales[i].done, 1);
	rig_stop(&rig);
}

/* What a program does in its callbacks does not count. */
static void spared_event(kshim_watch *watch, kshim_event event, kshim_object *object, void *user)
{
	long at = failalloc_at, count = failalloc_count;

	failalloc_at = -1;
	tale_event(watch, event, object, user);
	failalloc_at = at;
	failalloc_count = count;
}

/* Every allocation fails once: nothing is lost or told twice, or it says so. */
static void test_no_memory(void **state)
{
	const struct fakeapi_route routes[] = {
		{"GET", WATCH_FROM("5"), .answer = {.coding = FAKEAPI_CHUNKED, .piece = 50, .body =
						    EVENT("MODIFIED", OBJECT("a", "6")) BOOKMARK("7") EVENT("ADDED", OBJECT("c", "8"))}},
		{"GET", WATCH_FROM("6"), .answer = ENDS(BOOKMARK("7") EVENT("ADDED", OBJECT("c", "8")))},
		{"GET", WATCH_FROM("7"), .answer = ENDS(EVENT("ADDED", OBJECT("c", "8")))},
		{"GET", WATCH_FROM("8"), .answer = OPEN(EVENT("DELETED", OBJECT("a", "9")))},
		PODS_5,
	};
	unsigned whole_tales = 0, failed = 0, refused = 0;
	struct rig rig;
	long i;

	if (!failalloc_works())
		skip();
	watch_rig(&rig, state, routes, COUNT(routes));
	for (i = 0; whole_tales < 3 && i < 2000; i += slowness() > 3 ? 5 : 1) {
		struct tale tale = {.stop_at = "-a9(9)", .rig = &rig};
		bool was_failed;

		failalloc_arm(i, false);
		tale.watch = kshim_query_watch(rig.pods, NULL, spared_event, tale_done, &tale);
		if (tale.watch)
			rig_drive(&rig);
		was_failed = failalloc_disarm();
		assert_int_equal(tale.done, tale.watch != NULL);
		strike(tale.text, "LATE");
		strike(tale.text, "RESUMED");
		if (!tale.watch) {
			assert_int_equal(kshim_error_code(kshim_client_error(rig.client)), KSHIM_ENOMEM);
			refused++;
		} else if (tale.code == KSHIM_ENOMEM) {
			assert_true(was_failed);
			failed++;
		} else {
			assert_int_equal(tale.code, KSHIM_ECANCELED);
			if (!strstr(tale.text, TOLD_5 " ~a6(6) +c8(8) -a9(9)"))
				print_error("allocation %ld: %s\n", i, tale.text);
			assert_non_null(strstr(tale.text, TOLD_5 " ~a6(6) +c8(8) -a9(9)"));
			whole_tales += !was_failed;
		}
	}
	print_message("[   info   ] %ld allocations: %u refused, %u ended\n", i, refused, failed);
	assert_true(refused >= 1);
	assert_true(failed > 2);
	assert_int_equal(whole_tales, 3);
	rig_stop(&rig);
}

/* A watch that a gap, or the end of its stream, ends: with that error or for lack of
 * memory, never as if all were well. */
static void test_no_memory_at_the_end(void **state)
{
	const struct fakeapi_route routes[] = {
		{"GET", WATCH_FROM("5"), .answer = ENDS(EVENT("ERROR", GONE))},
		PODS_5,
	};
	kshim_options *gap = kshim_options_new(), *once = kshim_options_new();
	unsigned failed[2] = {0};
	struct rig rig;
	long i;

	if (!failalloc_works())
		skip();
	assert_int_equal(kshim_options_set_watch_gap(gap, KSHIM_WATCH_GAP_ERROR), 0);
	assert_int_equal(kshim_options_set_watch_once(once, 1), 0);
	watch_rig(&rig, state, routes, COUNT(routes));
	for (i = 0; i < 120; i++) {
		struct tale tale = {.rig = &rig};

		failalloc_arm(i / 2, false);
		tale.watch = kshim_query_watch(rig.pods, i % 2 ? once : gap, spared_event, tale_done, &tale);
		if (tale.watch)
			rig_drive(&rig);
		failalloc_disarm();
		assert_int_equal(tale.done, tale.watch != NULL);
		assert_true(!tale.watch || tale.code == KSHIM_EGONE || tale.code == KSHIM_ENOMEM);
		failed[i % 2] += tale.code == KSHIM_ENOMEM;
	}
	assert_true(failed[0] > 2 && failed[1] > 2);
	kshim_options_free(gap);
	kshim_options_free(once);
	rig_stop(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BOTH_HTTP(test_cut),
		BOTH_HTTP(test_cut_reset),
		ONLY_H2(test_cut_stream),
		BOTH_HTTP(test_torn),
		BOTH_HTTP(test_stall),
		BOTH_HTTP(test_mute),
		BOTH_HTTP(test_quiet_hour),
		BOTH_HTTP(test_short_streams),
		BOTH_HTTP(test_timeout),
		BOTH_HTTP(test_ends_in_every_event),
		BOTH_HTTP(test_freed_from_outside),
		ONLY_H1(test_starts_nothing),
		ONLY_H1(test_herd),
		ONLY_H1(test_no_memory),
		ONLY_H2(test_no_memory),
		ONLY_H1(test_no_memory_at_the_end),
	};

	test_begin();
	return cmocka_run_group_tests_name("faults/watch_life", tests, NULL, NULL);
}
