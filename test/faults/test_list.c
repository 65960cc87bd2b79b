/* Lists: delivered while they download, in pages, and what becomes of the items
 * when the answer breaks off. */
#include "../testutil.h"

#include <curl/curl.h>
#include <malloc.h>
#include <unistd.h>

static bool is_h2(void **state)
{
	return ((const struct variant *)*state)->http == KSHIM_HTTP_2;
}

/* Every item of pod_list(count, …), in order, and what the list's head says. */
static void check_list(const struct seen *seen, size_t count)
{
	char expected[512] = "", *end = expected;
	size_t i;

	assert_ok(seen);
	assert_int_equal(seen->items, count);
	assert_int_equal(seen->item_count, count);
	for (i = 0; i < count && end < expected + 480; i++)
		end += sprintf(end, " pod-%zu", i);
	assert_memory_equal(seen->names, expected, strlen(expected));
	assert_string_equal(seen->version, "100");
	assert_string_equal(seen->token, "");
	assert_true(seen->consistent);
	assert_false(seen->has_object);
}


/* About 400 bytes with all that can be cut: escapes, UTF-8, nesting, white space. */
#define MIXED                                                                                                          \
	"{ \"kind\":\"PodList\",\"items\" : [ {\"metadata\":{\"name\":\"pod-0\",\"labels\":{\"a/b\":\"\\u00e9\\\\\\\"]}\"}}},\n"  \
	" {\"spec\":{\"x\":[[],{},[1,2.5e3,true,null]]},\"metadata\":{\"name\":\"pod-1\",\"uid\":\"\xc3\xbc\xe2\x82\xac\"}}"      \
	",{\"items\":[{\"metadata\":{\"name\":\"no\"}}],\"metadata\":{\"name\":\"pod-2\"}}\t],\"apiVersion\":\"v1\","           \
	"\"metadata\":{\"resourceVersion\":\"100\",\"selfLink\":\"\\/x\",\"remainingItemCount\":0} }\n"

static void check_mixed_item(struct seen *seen, kshim_object *item)
{
	assert_string_equal(kshim_object_kind(item), "Pod");
	assert_string_equal(kshim_object_api_version(item), "v1");
	if (seen->items == 1)
		assert_string_equal(kshim_object_get_label(item, "a/b"), "\xc3\xa9\\\"]}");
	if (seen->items == 2)
		assert_string_equal(kshim_object_uid(item), "\xc3\xbc\xe2\x82\xac");
	assert_non_null(kshim_object_tree(item));
}

static void generate_split(void *ctx, const struct fakeapi_request *request, struct fakeapi_answer *out)
{
	const char *at = strstr(request->path, "limit=");

	(void)ctx;
	out->split_at = at ? (size_t)atoi(at + 6) : 0;
	out->part_delay_ms = 1;
}

/* Cut in two at every byte, each part a TLS record of its own. The offset goes
 * to the server as the limit. */
static void test_cut_at_every_byte(void **state)
{
	struct fakeapi_route route = {.answer = {.body = MIXED, .coding = FAKEAPI_CHUNKED}, .generate = generate_split};
	struct rig rig;
	size_t at;

	rig_start(&rig, state, &route, 1);
	for (at = 1; at < strlen(MIXED); at++) {
		struct seen seen = {.on_item = check_mixed_item};

		kshim_query_set_limit(rig.pods, (unsigned)at);
		list_pods(&rig, &seen);
		check_list(&seen, 3);
	}
	assert_int_equal(fakeapi_connections(rig.api), 1);
	rig_stop(&rig);
}

static void test_byte_by_byte(void **state)
{
	static const struct fakeapi_answer answers[] = {
		{.body = MIXED, .piece = 1, .coding = FAKEAPI_CHUNKED},
		{.body = MIXED, .piece = 1},
		{.body = MIXED, .piece = 1, .gzip = FAKEAPI_GZIP},
		{.body = MIXED, .piece = 1, .gzip = FAKEAPI_GZIP, .coding = FAKEAPI_CHUNKED},
		{.body = MIXED, .piece = 1, .coding = FAKEAPI_UNTIL_CLOSE},
	};
	size_t i;

	for (i = 0; i < COUNT(answers); i++) {
		struct fakeapi_route route = {.answer = answers[i]};
		struct seen seen = {.on_item = check_mixed_item};
		struct rig rig;

		rig_start(&rig, state, &route, 1);
		list_pods(&rig, &seen);
		check_list(&seen, 3);
		rig_stop(&rig);
	}
}

static void test_empty_lists(void **state)
{
	static const char *const bodies[] = {
		"{\"kind\":\"PodList\",\"metadata\":{\"resourceVersion\":\"100\"},\"items\":[]}",
		"{\"items\":null,\"metadata\":{\"resourceVersion\":\"100\"}}",
	};
	size_t i;

	for (i = 0; i < COUNT(bodies); i++) {
		struct fakeapi_route route = {.answer = {.body = bodies[i]}};
		struct seen seen = {0};
		struct rig rig;

		rig_start(&rig, state, &route, 1);
		list_pods(&rig, &seen);
		check_list(&seen, 0);
		rig_stop(&rig);
	}
}

static void test_no_list(void **state)
{
	static const char *const bodies[] = {"",	 "null",	 "[]",	      "{}",	       "{\"items\":{}}",
					     "<html>", "{\"items\":[1]}", "{\"items\":[{}", "{\"items\":[]}}", "{\"items\":[{]}}"};
	size_t i;

	for (i = 0; i < COUNT(bodies); i++) {
		struct fakeapi_route route = {.answer = {.body = bodies[i]}};
		struct seen seen = {0};
		struct rig rig;

		rig_start(&rig, state, &route, 1);
		list_pods(&rig, &seen);
		assert_failed(&seen, KSHIM_EPROTOCOL);
		assert_int_equal(seen.status, 200);
		assert_contains(seen.message, "GET " LIST_PATH);
		rig_stop(&rig);
	}
}

/* What came before the break is delivered, then the error says what came. */
static void test_broken_in_an_item(void **state)
{
	static const enum fakeapi_end ends[] = {FAKEAPI_CUT, FAKEAPI_CUT_ABRUPT, FAKEAPI_CUT_RESET, FAKEAPI_RESET_STREAM};
	char *body = pod_list(5, 100, NULL), says[64];
	size_t at = (size_t)(strstr(body, "pod-3") - body), i;

	snprintf(says, sizeof(says), "cut after %zu bytes", at);
	for (i = 0; i < COUNT(ends) * 2; i++) {
		struct fakeapi_route route = {.answer = {.body = body, .end = ends[i / 2], .end_after = at}};
		struct seen seen = {0};
		struct rig rig;

		route.answer.coding = i % 2 ? FAKEAPI_CHUNKED : FAKEAPI_LENGTH;
		rig_start(&rig, state, &route, 1);
		list_pods(&rig, &seen);
		assert_failed(&seen, KSHIM_EPROTOCOL);
		assert_int_equal(seen.items, 3);
		assert_int_equal(seen.item_count, 3);
		assert_contains(seen.message, says);
		assert_true(seen.retryable);
		/* what was delivered once is not asked for again */
		assert_int_equal(fakeapi_request_count(rig.api), 1);
		rig_stop(&rig);
	}
	free(body);
}

static void test_stalls_in_an_item(void **state)
{
	char *body = pod_list(5, 100, NULL);
	struct fakeapi_route route = {.answer = {.body = body, .end = FAKEAPI_STALL}};
	struct seen seen = {0};
	struct rig rig;

	route.answer.end_after = (size_t)(strstr(body, "pod-3") - body);
	rig_start(&rig, state, &route, 1);
	kshim_query_set_timeout(rig.pods, 300 * slowness());
	list_pods(&rig, &seen);
	assert_failed(&seen, KSHIM_ETIMEDOUT);
	assert_int_equal(seen.items, 3);
	assert_contains(seen.message, "while the answer came in");
	rig_stop(&rig);
	free(body);
}

/* Without a length the end looks sound: the list knows better. */
static void test_ends_early(void **state)
{
	struct fakeapi_route route = {.answer = {.body = MIXED, .coding = FAKEAPI_UNTIL_CLOSE, .end = FAKEAPI_CUT}};
	struct seen seen = {0};
	struct rig rig;

	route.answer.end_after = strlen(MIXED) - 3;
	rig_start(&rig, state, &route, 1);
	list_pods(&rig, &seen);
	assert_failed(&seen, KSHIM_EPROTOCOL);
	assert_int_equal(seen.items, 3);
	assert_contains(seen.message, "cut after");
	rig_stop(&rig);
}

static void test_gzip_broken_off(void **state)
{
	char *body = pod_list(500, 50, NULL);
	struct fakeapi_route route = {
		.answer = {.body = body, .gzip = FAKEAPI_GZIP, .end = FAKEAPI_CUT, .end_after = 1500, .piece = 300}};
	struct seen seen = {0};
	struct rig rig;

	rig_start(&rig, state, &route, 1);
	list_pods(&rig, &seen);
	assert_failed(&seen, KSHIM_EPROTOCOL);
	assert_in_range(seen.items, 1, 499);
	rig_stop(&rig);
	free(body);
}

/* Pages. */

#define FIRST LIST_PATH "?labelSelector=app%3Dx&limit=2"

static void test_pages(void **state)
{
	char *one = pod_list(2, 1, "next/1"), *two = pod_list(2, 1, "next 2"), *three = pod_list(1, 1, NULL);
	struct fakeapi_route routes[] = {
		{"GET", FIRST "&continue=next%2F1", .answer = {.body = two}},
		{"GET", FIRST "&continue=next%202", .answer = {.body = three}},
		{"GET", FIRST "&resourceVersion=5&resourceVersionMatch=Exact", .answer = {.body = one}},
	};
	struct seen seen = {0}, page = {0}, last = {0};
	struct rig rig;

	rig_start(&rig, state, routes, COUNT(routes));
	kshim_query_set_labels(rig.pods, "app=x");
	kshim_query_set_limit(rig.pods, 2);
	kshim_query_set_resource_version(rig.pods, "5", KSHIM_MATCH_EXACT);
	list_pods(&rig, &seen);
	assert_ok(&seen);
	assert_string_equal(seen.names, " pod-0 pod-1 pod-0 pod-1 pod-0");
	assert_int_equal(seen.item_count, 5);
	assert_string_equal(seen.version, "100");
	assert_string_equal(seen.token, "");
	assert_true(seen.consistent);
	/* one page at a time */
	assert_int_equal(kshim_query_set_page(rig.pods, NULL), 0);
	list_pods(&rig, &page);
	assert_ok(&page);
	assert_int_equal(page.items, 2);
	assert_string_equal(page.token, "next/1");
	assert_int_equal(kshim_query_set_page(rig.pods, "next 2"), 0);
	list_pods(&rig, &last);
	assert_ok(&last);
	assert_int_equal(last.items, 1);
	assert_string_equal(last.token, "");
	assert_int_equal(fakeapi_request_count(rig.api), 5);
	rig_stop(&rig);
	free(one);
	free(two);
	free(three);
}

#define GONE(token)                                                                                                    \
	"{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"metadata\":{" token "},\"status\":\"Failure\",\"message\":\"The "  \
	"provided continue parameter is too old\",\"reason\":\"Expired\",\"code\":410}"

/* traps.md 6: the server offers to go on with a newer state. */
static void test_snapshot_expired(void **state)
{
	char *one = pod_list(2, 1, "old"), *two = pod_list(3, 1, NULL);
	struct fakeapi_route routes[] = {
		{"GET", "*continue=old", .answer = {.status = 410, .body = GONE("\"continue\":\"new\"")}},
		{"GET", "*continue=new", .answer = {.body = two}},
		{"GET", NULL, .answer = {.body = one}},
	};
	struct seen seen = {0}, refused = {0}, table = {0};
	struct rig rig;

	/* a pattern with a query is compared with the whole path */
	routes[0].path = LIST_PATH "?*continue=old";
	routes[1].path = LIST_PATH "?*continue=new";
	rig_start(&rig, state, routes, COUNT(routes));
	kshim_query_set_limit(rig.pods, 2);
	list_pods(&rig, &seen);
	assert_ok(&seen);
	assert_int_equal(seen.items, 5);
	assert_false(seen.consistent);
	started(&table, kshim_query_table(rig.pods, NULL, NULL, seen_done, &table));
	rig_drive(&rig);
	assert_ok(&table);
	assert_false(table.consistent);
	/* a page of one's own choice that is gone is an error */
	kshim_query_set_page(rig.pods, "old");
	list_pods(&rig, &refused);
	assert_failed(&refused, KSHIM_EGONE);
	assert_string_equal(refused.reason, "Expired");
	rig_stop(&rig);
	free(one);
	free(two);
}

static void test_snapshot_expired_for_good(void **state)
{
	char *one = pod_list(2, 1, "old");
	struct fakeapi_route routes[] = {
		{"GET", LIST_PATH "?*continue=old", .answer = {.status = 410, .body = GONE("")}},
		{"GET", NULL, .answer = {.body = one}},
	};
	struct seen seen = {0};
	struct rig rig;

	rig_start(&rig, state, routes, COUNT(routes));
	kshim_query_set_limit(rig.pods, 2);
	list_pods(&rig, &seen);
	assert_failed(&seen, KSHIM_EGONE);
	assert_int_equal(seen.items, 2);
	assert_int_equal(seen.item_count, 2);
	rig_stop(&rig);
	free(one);
}

/* A later page is tried again like the first: nothing of it was delivered. */
static void test_retry_on_a_later_page(void **state)
{
	static const char *const at_once[] = {"Retry-After: 0", NULL};
	char *one = pod_list(2, 1, "more"), *two = pod_list(3, 1, NULL);
	struct fakeapi_route routes[] = {
		{"GET", LIST_PATH "?*continue=more", .nth = 1,
		 .answer = {.status = 429, .headers = at_once, .body = "later", .type = "text/plain"}},
		{"GET", LIST_PATH "?*continue=more", .nth = 2, .answer = {.end = FAKEAPI_HANG_UP}},
		{"GET", LIST_PATH "?*continue=more", .answer = {.body = two}},
		{"GET", NULL, .answer = {.body = one}},
	};
	struct seen seen = {0};
	struct rig rig;

	rig_start(&rig, state, routes, COUNT(routes));
	kshim_query_set_limit(rig.pods, 2);
	list_pods(&rig, &seen);
	assert_ok(&seen);
	assert_string_equal(seen.names, " pod-0 pod-1 pod-0 pod-1 pod-2");
	assert_int_equal(fakeapi_request_count(rig.api), 4);
	rig_stop(&rig);
	free(one);
	free(two);
}

/* The only one that matches. */
static void test_get_the_only_one(void **state)
{
	char *none = pod_list(0, 0, NULL), *one = pod_list(1, 0, NULL), *two = pod_list(2, 0, NULL);
	struct fakeapi_route routes[] = {
		{"GET", LIST_PATH "?labelSelector=n%3D0*", .answer = {.body = none}},
		{"GET", LIST_PATH "?labelSelector=n%3D1*", .answer = {.body = one}},
		{"GET", LIST_PATH "?labelSelector=n%3D2*", .answer = {.body = two}},
	};
	static const char *const labels[] = {"n=0", "n=1", "n=2"};
	static const kshim_code codes[] = {KSHIM_ENOTFOUND, KSHIM_OK, KSHIM_EMANY};
	struct rig rig;
	size_t i;

	rig_start(&rig, state, routes, COUNT(routes));
	for (i = 0; i < COUNT(labels); i++) {
		struct seen get = {0}, or_none = {0};

		kshim_query_set_labels(rig.pods, labels[i]);
		started(&get, kshim_query_get(rig.pods, seen_done, &get));
		started(&or_none, kshim_query_get_or_none(rig.pods, NULL, seen_done, &or_none));
		rig_drive(&rig);
		assert_failed(&get, codes[i]);
		assert_failed(&or_none, i ? codes[i] : KSHIM_OK);
		assert_int_equal(get.has_object, i == 1);
		assert_int_equal(or_none.found, i == 1);
		assert_string_equal(or_none.object, i == 1 ? "pod-0" : "");
	}
	rig_stop(&rig);
	free(none);
	free(one);
	free(two);
}

/* Many items. */

struct slow {
	const struct fakeapi_request *request;
	size_t most_ahead; /* bytes that the server had sent when an item was handed on, less those handed on */
	size_t handed_on;
	size_t heap;
};

static void slow_item(struct seen *seen, kshim_object *item)
{
	struct slow *slow = seen->data;
	struct mallinfo2 heap = mallinfo2();
	size_t len, sent;

	kshim_object_text(item, &len);
	slow->handed_on += len;
	if (heap.uordblks > slow->heap)
		slow->heap = heap.uordblks;
	if (!slow->request)
		slow->request = fakeapi_request(seen->rig->api, 0);
	if (seen->items % 16)
		return;
	usleep(500);
	sent = atomic_load(&slow->request->sent);
	if (sent > slow->handed_on && sent - slow->handed_on > slow->most_ahead)
		slow->most_ahead = sent - slow->handed_on;
}

/* 25 MB through a slow callback: the server has to wait for it. What is ahead
 * lies in buffers that have limits: ours, libcurl's window, the kernel's. */
static void test_slow_item_callback(void **state)
{
	char *body = pod_list(5000, 5000, NULL);
	struct fakeapi_route route = {.answer = {.body = body}};
	struct slow slow = {0};
	struct seen seen = {.on_item = slow_item, .data = &slow};
	size_t before = mallinfo2().uordblks, len = strlen(body);
	struct rig rig;

	rig_start(&rig, state, &route, 1);
	list_pods(&rig, &seen);
	check_list(&seen, 5000);
	assert_true(slow.handed_on > 25000000);
	if (!is_h2(state)) { /* libcurl 7.88.1 opens a window of 32 MB for an HTTP/2 stream */
		assert_in_range(slow.most_ahead, 1, len / 2);
		assert_in_range(slow.heap, before, before + 4000000);
	}
	rig_stop(&rig);
	free(body);
}

/* Lists side by side: none waits for the others' items. */
static void test_lists_side_by_side(void **state)
{
	char *body = pod_list(2000, 500, NULL);
	struct fakeapi_route route = {.answer = {.body = body}};
	struct seen seen[6] = {0};
	struct rig rig;
	size_t i;

	rig_start(&rig, state, &route, 1);
	for (i = 0; i < COUNT(seen); i++)
		assert_non_null(started(&seen[i], kshim_query_list(rig.pods, seen_item, seen_done, &seen[i])));
	rig_drive(&rig);
	for (i = 0; i < COUNT(seen); i++)
		check_list(&seen[i], 2000);
	rig_stop(&rig);
	free(body);
}

/* Paused, and cancelled while it is. */
static void cancel_late(struct seen *seen, kshim_object *item)
{
	(void)item;
	if (seen->items == 300)
		kshim_call_cancel(seen->call);
}

static void test_cancelled_while_paused(void **state)
{
	char *body = pod_list(3000, 5000, NULL);
	struct fakeapi_route routes[] = {
		{"GET", "/version", .answer = {.body = "{}"}},
		{.answer = {.body = body}},
	};
	struct seen seen = {.on_item = cancel_late}, version = {0};
	struct rig rig;

	rig_start(&rig, state, routes, COUNT(routes));
	list_pods(&rig, &seen);
	assert_failed(&seen, KSHIM_ECANCELED);
	assert_int_equal(seen.items, 300);
	started(&version, kshim_client_version(rig.client, seen_done, &version));
	rig_drive(&rig);
	assert_ok(&version);
	rig_stop(&rig);
	free(body);
}

/* The server closes while the last bytes wait in the kernel for a slow callback. */
static void slow_to_the_end(struct seen *seen, kshim_object *item)
{
	(void)item;
	if (seen->items % 16 == 0)
		usleep(2000);
}

static void test_closed_while_paused(void **state)
{
	char *body = pod_list(1500, 1000, NULL);
	struct fakeapi_route routes[] = {
		{"GET", LIST_PATH, .nth = 1, .answer = {.body = body, .end = FAKEAPI_CLOSE}},
		{"GET", LIST_PATH, .nth = 2, .answer = {.body = body, .end = FAKEAPI_DROP}},
		{"GET", LIST_PATH, .nth = 3, .answer = {.body = body, .coding = FAKEAPI_UNTIL_CLOSE}},
	};
	struct rig rig;
	size_t i;

	rig_start(&rig, state, routes, COUNT(routes));
	for (i = 0; i < COUNT(routes); i++) {
		struct seen seen = {.on_item = slow_to_the_end};

		list_pods(&rig, &seen);
		check_list(&seen, 1500);
	}
	rig_stop(&rig);
	free(body);
}

/* Malformed behind where the transfer paused: the error comes all the same. */
static void test_malformed_behind_a_pause(void **state)
{
	char *body = pod_list(300, 5000, NULL);
	struct fakeapi_route route = {.answer = {.body = body}};
	struct seen seen = {0};
	struct rig rig;

	memcpy(strstr(body, "pod-290\"") + 8, "]]]]", 4);
	rig_start(&rig, state, &route, 1);
	list_pods(&rig, &seen);
	assert_failed(&seen, KSHIM_EPROTOCOL);
	assert_int_equal(seen.items, 290);
	assert_contains(seen.message, "the answer is no list: ");
	rig_stop(&rig);
	free(body);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BOTH_HTTP(test_cut_at_every_byte),
		ALL_VARIANTS(test_byte_by_byte),
		BOTH_HTTP(test_empty_lists),
		BOTH_HTTP(test_no_list),
		BOTH_HTTP(test_broken_in_an_item),
		ALL_VARIANTS(test_stalls_in_an_item),
		ONLY_H1(test_ends_early),
		BOTH_HTTP(test_gzip_broken_off),
		ALL_VARIANTS(test_pages),
		BOTH_HTTP(test_snapshot_expired),
		BOTH_HTTP(test_snapshot_expired_for_good),
		BOTH_HTTP(test_retry_on_a_later_page),
		BOTH_HTTP(test_get_the_only_one),
		ALL_VARIANTS(test_slow_item_callback),
		ALL_VARIANTS(test_lists_side_by_side),
		BOTH_HTTP(test_cancelled_while_paused),
		BOTH_HTTP(test_closed_while_paused),
		BOTH_HTTP(test_malformed_behind_a_pause),
	};

	test_begin();
	return cmocka_run_group_tests_name("faults/list", tests, NULL, NULL);
}
