/* Logs and eviction, of Pods that a real kubelet runs. Needs
 * KSHIM_TEST_NODE and KSHIM_TEST_IMAGE, a busybox that the node has. */
#include "cutter.h"
#include "live.h"

#include <unistd.h>

#define POD                                                                                                            \
	"{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"metadata\":{\"name\":\"%s\",\"namespace\":\"%s\",\"labels\":{\"app\":\"%s\"}}," \
	"\"spec\":{\"nodeName\":\"%s\",\"restartPolicy\":\"%s\",\"terminationGracePeriodSeconds\":0,%s}}"
#define SCRIPT(name, script)                                                                                           \
	"{\"name\":\"" name "\",\"image\":\"IMAGE\",\"imagePullPolicy\":\"Never\",\"command\":[\"sh\",\"-c\",\"" script \
	"\"]}"

static const char *node_name, *image;

/* IMAGE in the form becomes the image. */
static kshim_object *make_pod(const char *name, const char *policy, const char *containers)
{
	char text[5000], form[4096] = "";
	const char *at, *next;
	struct answer got = {0};
	kshim_object *pod;

	for (at = containers; (next = strstr(at, "IMAGE")); at = next + 5)
		snprintf(form + strlen(form), sizeof(form) - strlen(form), "%.*s%s", (int)(next - at), at, image);
	snprintf(form + strlen(form), sizeof(form) - strlen(form), "%s", at);
	snprintf(text, sizeof(text), POD, name, server->namespace_, name, node_name, policy, form);
	pod = kshim_object_from_text(server->client, text, strlen(text));
	assert_non_null(pod);
	ASK(server, &got, kshim_object_create(pod, NULL, live_done, &got));
	EXPECT(&got, KSHIM_OK);
	live_clear(&got);
	return pod;
}

static void wait_for(kshim_object *pod, const char *pointer, const char *wanted)
{
	struct answer got = {0};
	unsigned tries = 0;
	const char *is;

	do {
		ASK(server, &got, kshim_object_reload(pod, NULL, live_done, &got));
		EXPECT(&got, KSHIM_OK);
		is = kshim_object_get_string(pod, pointer);
	} while ((!is || strcmp(is, wanted) != 0) && live_again(server, &tries, wanted));
	live_clear(&got);
}

static void remove_pod(kshim_object *pod)
{
	struct answer got = {0};

	ASK(server, &got, kshim_object_delete(pod, NULL, live_done, &got));
	kshim_object_unref(pod);
	live_clear(&got);
}

/* What a log handed on. */
struct log {
	struct answer answer; /* first: live_done() fills it in */
	char text[65536];
	size_t len;
	unsigned chunks, others;
	char container[64];
	kshim_call *call;
	unsigned cancel_after; /* bytes */
};

static void on_data(const char *container, const char *data, size_t len, void *user)
{
	struct log *log = user;

	assert_int_equal(log->answer.calls, 0);
	assert_true(log->len + len < sizeof(log->text));
	memcpy(log->text + log->len, data, len);
	log->len += len;
	log->text[log->len] = '\0';
	log->chunks++;
	if (container && strcmp(log->container, container) != 0) {
		log->others++;
		snprintf(log->container, sizeof(log->container), "%s", container);
	}
	if (log->cancel_after && log->len >= log->cancel_after)
		kshim_call_cancel(log->call);
}

static void logs(kshim_object *pod, const kshim_log_options *options, struct log *log)
{
	unsigned cancel_after = log->cancel_after;

	live_clear(&log->answer);
	memset(log, 0, sizeof(*log));
	log->cancel_after = cancel_after;
	log->call = kshim_pod_logs(pod, options, on_data, live_done, log);
	live_wait(server, log->call, &log->answer, __FILE__, __LINE__);
}

/* Each option, as the kubelet understands it. */
static void options_of_logs(void **state)
{
	kshim_object *pod = make_pod("options", "Never", "\"containers\":[" SCRIPT("main", "printf 'one\\\\ntwo\\\\n'; sleep 2;"
											   " printf 'thr\\\\377e'") "]");
	kshim_log_options *options = kshim_log_options_new();
	struct answer got = {0};
	static struct log log;
	char time[64];

	(void)state;
	wait_for(pod, "/status/phase", "Succeeded");
	logs(pod, NULL, &log);
	EXPECT(&log.answer, KSHIM_OK);
	assert_string_equal(log.text, "one\ntwo\nthr\377e");
	assert_string_equal(log.container, "main");
	ASK(server, &got, kshim_pod_logs_text(pod, NULL, live_done, &got));
	EXPECT(&got, KSHIM_OK);
	assert_string_equal(got.body, "one\ntwo\nthr\377e");
	kshim_log_options_set_container(options, "main");
	kshim_log_options_set_tail_lines(options, 2);
	logs(pod, options, &log);
	assert_string_equal(log.text, "two\nthr\377e");
	kshim_log_options_set_tail_lines(options, 0);
	logs(pod, options, &log);
	EXPECT(&log.answer, KSHIM_OK);
	assert_int_equal(log.len, 0);
	kshim_log_options_set_tail_lines(options, -1);
	kshim_log_options_set_limit_bytes(options, 5);
	logs(pod, options, &log);
	assert_string_equal(log.text, "one\nt");
	kshim_log_options_set_limit_bytes(options, -1);
	kshim_log_options_set_timestamps(options, 1);
	kshim_log_options_set_insecure_backend(options, 1);
	kshim_log_options_set_pretty(options, 1);
	logs(pod, options, &log);
	EXPECT(&log.answer, KSHIM_OK);
	assert_int_equal(strcspn(log.text, " "), 30);
	snprintf(time, sizeof(time), "%.19sZ", strrchr(log.text, '\n') + 1);
	kshim_log_options_set_timestamps(options, 0);
	kshim_log_options_set_since_time(options, time);
	logs(pod, options, &log);
	assert_string_equal(log.text, "thr\377e");
	kshim_log_options_set_since_time(options, NULL);
	kshim_log_options_set_since_seconds(options, 3600);
	logs(pod, options, &log);
	assert_string_equal(log.text, "one\ntwo\nthr\377e");
	kshim_log_options_set_container(options, "none");
	logs(pod, options, &log);
	EXPECT(&log.answer, KSHIM_EBADREQUEST);
	kshim_log_options_set_follow(options, 1);
	logs(pod, options, &log);
	EXPECT(&log.answer, KSHIM_EBADREQUEST);
	kshim_log_options_set_container(options, "main");
	kshim_log_options_set_previous(options, 1);
	logs(pod, options, &log);
	EXPECT(&log.answer, KSHIM_EBADREQUEST);
	kshim_log_options_free(options);
	live_clear(&got);
	live_clear(&log.answer);
	remove_pod(pod);
}

/* From before it begins to behind its end: every line, and no more. */
static void follow(void **state)
{
	kshim_object *pod = make_pod("follow", "Never", "\"containers\":[" SCRIPT("main", "i=0; while [ $i -lt 300 ]; do echo line "
											  "$i; i=$((i+1)); [ $((i % 100)) = 0 ] && "
											  "sleep 1; done; printf end") "]");
	kshim_log_options *options = kshim_log_options_new();
	char expected[8192] = "";
	static struct log log;
	int i;

	(void)state;
	for (i = 0; i < 300; i++)
		sprintf(expected + strlen(expected), "line %d\n", i);
	strcat(expected, "end");
	kshim_log_options_set_follow(options, 1);
	logs(pod, options, &log);
	EXPECT(&log.answer, KSHIM_OK);
	assert_string_equal(log.text, expected);
	assert_int_equal(log.chunks, 301);
	/* once more, of the container that has ended */
	logs(pod, options, &log);
	EXPECT(&log.answer, KSHIM_OK);
	assert_string_equal(log.text, expected);
	kshim_log_options_free(options);
	live_clear(&log.answer);
	remove_pod(pod);
}

#define LINES 1500
#define ERRORS 120 /* lines of stderr, long before the long ones of stdout, of which the kubelet mixes up the parts */
#define CUTS 15
#define LONG_LINE 40000 /* above the 16 KiB of a part */

/* Of a log of two numbered sequences, how far each came. */
struct numbered {
	struct answer answer; /* first */
	unsigned out, err, ordered, last_order;
	bool timestamps, ended;
	struct cutter *cutter;
};

static unsigned number_of(const char *data, const char *word)
{
	assert_memory_equal(data, word, strlen(word));
	return (unsigned)strtoul(data + strlen(word), NULL, 10);
}

/* Each line once, in order, whole. Every sixty lines or so all connections are cut,
 * now or some bytes later, closed or reset. */
static void on_numbered(const char *container, const char *data, size_t len, void *user)
{
	static const size_t after[CUTS] = {0, 1, 1000, 17, 700, 0, 4000, 5, 1300, 6000, 0, 90, 450, 2000, 2};
	struct numbered *log = user;

	assert_string_equal(container, "main");
	assert_false(log->ended);
	if (log->timestamps) {
		size_t time = strcspn(data, " ") + 1;

		assert_int_equal(data[time - 2], 'Z');
		data += time;
		len -= time;
	}
	if (*data == 'e' && data[1] == 'n') {
		assert_int_equal(len, 3);
		assert_memory_equal(data, "end", 3);
		log->ended = true;
	} else if (*data == 'e') {
		assert_int_equal(number_of(data, "err "), log->err++);
		assert_int_equal(data[len - 1], '\n');
	} else {
		assert_int_equal(number_of(data, "out "), log->out++);
		assert_memory_equal(data + len - 2, "\377\n", 2);
		if (log->out >= 1000 && log->out % 200 == 0)
			assert_true(len > LONG_LINE);
		if (log->ordered < CUTS && log->out - log->last_order >= 60 && cutter_cuts(log->cutter) == log->ordered) {
			cutter_cut(log->cutter, after[log->ordered], log->ordered % 2);
			log->ordered++;
			log->last_order = log->out;
		}
	}
}

static unsigned count_asked(struct live *live, const char *what)
{
	unsigned i, count = 0;

	for (i = 0; i < live->requests && i < LIVE_PATHS; i++)
		count += strstr(live->paths[i], what) != NULL;
	return count;
}

/* The connections to the API server are cut again and again while a log is followed. */
static void follow_survives_cuts(void **state)
{
	static const char script[] = "\"containers\":[" SCRIPT("main", "i=0; while [ $i -lt 1500 ]; do if [ $i -ge 900 "
								 "-a $((i % 200)) = 199 ]; then printf 'out %d %040000d\\\\377\\\\n' $i 0; else printf "
								 "'out %d\\\\377\\\\n' $i; fi; [ $i -lt 600 -a $((i % 5)) = 0 ] && echo err "
								 "$((i / 5)) >&2; i=$((i + 1)); [ $((i % 50)) = 0 ] && sleep "
								 "0.3; done; sleep 1; printf end") "]";
	kshim_object *pod = make_pod("cut", "Never", script), *seen;
	kshim_log_options *options = kshim_log_options_new();
	struct numbered log = {.timestamps = *live_http == '2'};
	struct live *live;
	kshim_query *pods;

	(void)state;
	log.cutter = cutter_start(getenv("KSHIM_TEST_SERVER"));
	live = live_open_at("admin", server->loop, cutter_port(log.cutter));
	pods = kshim_query_new(live->client, KSHIM_POD, server->namespace_);
	seen = kshim_query_object(pods, "cut");
	kshim_log_options_set_follow(options, 1);
	kshim_log_options_set_timestamps(options, log.timestamps);
	ASK(live, &log.answer, kshim_pod_logs(seen, options, on_numbered, live_done, &log));
	EXPECT(&log.answer, KSHIM_OK);
	assert_int_equal(log.out, LINES);
	assert_int_equal(log.err, ERRORS);
	assert_true(log.ended);
	assert_int_equal(cutter_cuts(log.cutter), CUTS);
	assert_true(cutter_connections(log.cutter) >= CUTS);
	/* a cut may come before the one before it was noticed */
	assert_true(count_asked(live, "/log?sinceTime=") > CUTS / 2);
	live_clear(&log.answer);
	kshim_object_unref(seen);
	kshim_query_free(pods);
	live_close(live);
	kshim_log_options_free(options);
	cutter_stop(log.cutter);
	remove_pod(pod);
}

static void follow_is_cancelled_and_timed(void **state)
{
	kshim_object *pod = make_pod("long", "Never", "\"containers\":[" SCRIPT("main", "echo begun; sleep 1000") "]");
	kshim_log_options *options = kshim_log_options_new();
	static struct log log;

	(void)state;
	kshim_log_options_set_follow(options, 1);
	log.cancel_after = 1;
	logs(pod, options, &log);
	EXPECT(&log.answer, KSHIM_ECANCELED);
	assert_string_equal(log.text, "begun\n");
	log.cancel_after = 0;
	kshim_log_options_set_timeout(options, 500);
	logs(pod, options, &log);
	EXPECT(&log.answer, KSHIM_ETIMEDOUT);
	kshim_log_options_free(options);
	live_clear(&log.answer);
	remove_pod(pod);
}

static void all_containers(void **state)
{
	kshim_object *pod = make_pod("several", "Never",
				     "\"initContainers\":[" SCRIPT("i", "echo i1; sleep 1; echo i2") "],\"containers\":["
				     SCRIPT("a", "echo a1; sleep 4; echo a2") "," SCRIPT("b", "sleep 1; echo b1; sleep 4; echo b2")
				     "]");
	kshim_log_options *options = kshim_log_options_new();
	static struct log log;

	(void)state;
	kshim_log_options_set_all_containers(options, 1);
	kshim_log_options_set_follow(options, 1);
	logs(pod, options, &log);
	EXPECT(&log.answer, KSHIM_OK);
	/* each in order, and both at once; which of the two is heard first is the kubelet's affair */
	assert_int_equal(strlen(log.text), 18);
	assert_memory_equal(log.text, "i1\ni2\n", 6);
	assert_true(strstr(log.text, "a1") < strstr(log.text, "a2"));
	assert_true(strstr(log.text, "b1") < strstr(log.text, "b2"));
	assert_true(strstr(log.text, "b1") < strstr(log.text, "a2"));
	assert_in_range(log.others, 4, 5);
	kshim_log_options_set_follow(options, 0);
	logs(pod, options, &log);
	EXPECT(&log.answer, KSHIM_OK);
	assert_string_equal(log.text, "i1\ni2\na1\na2\nb1\nb2\n");
	kshim_log_options_set_all_containers(options, 0);
	logs(pod, options, &log);
	EXPECT(&log.answer, KSHIM_EBADREQUEST); /* which one? */
	kshim_log_options_free(options);
	live_clear(&log.answer);
	remove_pod(pod);
}

/* A container that is started again: its follow has ended; its log is the
 * previous one then. */
static void restarts(void **state)
{
	kshim_object *pod = make_pod("again", "Always", "\"containers\":[" SCRIPT("main", "echo run; sleep 3; echo over; exit 1")
							 "]");
	kshim_log_options *options = kshim_log_options_new();
	static struct log log;

	(void)state;
	kshim_log_options_set_follow(options, 1);
	logs(pod, options, &log);
	EXPECT(&log.answer, KSHIM_OK);
	assert_string_equal(log.text, "run\nover\n");
	wait_for(pod, "/status/containerStatuses/0/lastState/terminated/reason", "Error");
	kshim_log_options_set_follow(options, 0);
	kshim_log_options_set_previous(options, 1);
	logs(pod, options, &log);
	EXPECT(&log.answer, KSHIM_OK);
	assert_string_equal(log.text, "run\nover\n");
	kshim_log_options_set_follow(options, 1);
	logs(pod, options, &log);
	EXPECT(&log.answer, KSHIM_OK);
	assert_string_equal(log.text, "run\nover\n");
	kshim_log_options_free(options);
	live_clear(&log.answer);
	remove_pod(pod);
}

/* Evicted, and gone once the kubelet says so. */
static void evict(void **state)
{
	kshim_object *pod = make_pod("leaving", "Never", "\"containers\":[" SCRIPT("main", "sleep 1000") "]");
	struct answer got = {0};

	(void)state;
	wait_for(pod, "/status/phase", "Running");
	ASK(server, &got, kshim_pod_evict(pod, NULL, live_done, &got));
	EXPECT(&got, KSHIM_OK);
	ASK(server, &got, kshim_wait_deleted(pod, NULL, live_done, &got));
	EXPECT(&got, KSHIM_OK);
	ASK(server, &got, kshim_pod_evict(pod, NULL, live_done, &got));
	EXPECT(&got, KSHIM_ENOTFOUND);
	kshim_object_unref(pod);
	live_clear(&got);
}

/* Only where there is a kubelet, which puts that label there: a DaemonSet would count
 * on Nodes that are objects alone, too. */
#define SET                                                                                                            \
	"{\"apiVersion\":\"apps/v1\",\"kind\":\"%s\",\"metadata\":{\"name\":\"%s\",\"namespace\":\"%s\"},\"spec\":{%s"        \
	"\"selector\":{\"matchLabels\":{\"set\":\"%s\"}},\"template\":{\"metadata\":{\"labels\":{\"set\":\"%s\",\"app\":"     \
	"\"%s\"}},\"spec\":{\"nodeSelector\":{\"kubernetes.io/os\":\"linux\"},\"terminationGracePeriodSeconds\":0,"       \
	"\"containers\":[{\"name\":\"main\",\"image\":\"%s\",\"imagePullPolicy\":\"Never\",\"command\":[\"sleep\","     \
	"\"1000\"]}]}}}}"

/* No other run's. */
static const char *drained(void)
{
	static char app[64];

	snprintf(app, sizeof(app), "drained-%s", live_run());
	return app;
}

static void make_set(const char *kind, const char *name, const char *replicas)
{
	struct answer got = {0};
	unsigned tries = 0;
	kshim_object *set;
	char text[1000];

	snprintf(text, sizeof(text), SET, kind, name, server->namespace_, replicas, name, name, drained(), image);
	set = kshim_object_from_text(server->client, text, strlen(text));
	ASK(server, &got, kshim_object_create(set, NULL, live_done, &got));
	EXPECT(&got, KSHIM_OK);
	do {
		ASK(server, &got, kshim_object_reload(set, NULL, live_done, &got));
		EXPECT(&got, KSHIM_OK);
	} while (!kshim_object_is_ready(set) && live_again(server, &tries, "the set's Pods (is the Node cordoned?)"));
	kshim_object_unref(set);
	live_clear(&got);
}

/* Of the Pods that are to go, those that the Node has. */
struct on_node {
	struct answer answer; /* first */
	unsigned count, daemons;
};

static void on_left(kshim_object *pod, void *user)
{
	struct on_node *left = user;
	const char *set = kshim_object_get_label(pod, "set");

	left->count++;
	left->daemons += set && strcmp(set, "daemon") == 0;
}

static void look_at_node(struct on_node *left)
{
	kshim_query *query = kshim_query_new(server->client, KSHIM_POD, server->namespace_);

	memset(left, 0, sizeof(*left));
	assert_int_equal(kshim_query_add_field(query, "spec.nodeName", KSHIM_OP_EQUALS, &node_name, 1), 0);
	kshim_query_filter_label(query, "app", drained());
	ASK(server, &left->answer, kshim_query_list(query, on_left, live_done, left));
	EXPECT(&left->answer, KSHIM_OK);
	kshim_query_free(query);
	live_clear(&left->answer);
}

/* A drained Node is empty, but for what a DaemonSet put there; and takes Pods again
 * once it is uncordoned. */
static void drain(void **state)
{
	kshim_query *nodes = kshim_query_new(server->client, KSHIM_NODE, NULL);
	kshim_object *node = kshim_query_object(nodes, node_name);
	kshim_object *pod = make_pod(drained(), "Never", "\"containers\":[" SCRIPT("main", "sleep 1000") "]");
	kshim_drain_options *options = kshim_drain_options_new();
	struct answer got = {0};
	struct on_node left;
	unsigned tries = 0;
	char selector[80];

	(void)state;
	snprintf(selector, sizeof(selector), "app=%s", drained());
	make_set("ReplicaSet", "many", "\"replicas\":3,");
	make_set("DaemonSet", "daemon", "");
	wait_for(pod, "/status/phase", "Running");
	look_at_node(&left);
	assert_int_equal(left.count, 5);
	assert_int_equal(left.daemons, 1);
	kshim_drain_options_set_force(options, 1);
	kshim_drain_options_set_ignore_daemonsets(options, 1);
	kshim_drain_options_set_pod_selector(options, selector);
	kshim_drain_options_set_timeout(options, 60000);
	ASK(server, &got, kshim_node_drain(node, options, NULL, live_done, &got));
	EXPECT(&got, KSHIM_OK);
	assert_int_equal(got.count, 4);
	look_at_node(&left);
	assert_int_equal(left.count, 1);
	assert_int_equal(left.daemons, 1);
	ASK(server, &got, kshim_object_exists(pod, NULL, live_done, &got));
	assert_int_equal(got.found, 0);
	ASK(server, &got, kshim_node_uncordon(node, NULL, live_done, &got));
	EXPECT(&got, KSHIM_OK);
	assert_int_equal(got.found, 1);
	do {
		look_at_node(&left);
	} while (left.count != 4 && live_again(server, &tries, "the ReplicaSet's Pods"));
	kshim_drain_options_free(options);
	kshim_object_unref(pod);
	kshim_object_unref(node);
	kshim_query_free(nodes);
	live_clear(&got);
}

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(options_of_logs), cmocka_unit_test(follow),   cmocka_unit_test(follow_is_cancelled_and_timed),
		cmocka_unit_test(follow_survives_cuts),
		cmocka_unit_test(all_containers),  cmocka_unit_test(restarts), cmocka_unit_test(evict),
		cmocka_unit_test(drain),
	};

	if (!live_kubeconfig())
		return 0;
	node_name = getenv("KSHIM_TEST_NODE");
	image = getenv("KSHIM_TEST_IMAGE");
	if (!node_name || !*node_name || !image || !*image) {
		fprintf(stderr, "SKIPPED: KSHIM_TEST_NODE and KSHIM_TEST_IMAGE are not set, so no kubelet runs Pods\n");
		return 0;
	}
	return live_run_tests(argc, argv, "node", tests, sizeof(tests) / sizeof(tests[0]), live_set_up, live_tear_down);
}
