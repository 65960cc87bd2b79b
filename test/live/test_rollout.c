/* Rollouts of Deployments, DaemonSets and StatefulSets, against the controllers of a
 * real cluster. No Pod is asked for unless it is never to be scheduled: the tests
 * need no node. */
#include "live.h"

#define POD_SPEC(image)                                                                                                \
	"{\"nodeSelector\":{\"kubeshim.test/no-such\":\"node\"},\"containers\":[{\"name\":\"main\",\"image\":\"" image "\"}]}"
#define SPEC(more)                                                                                                     \
	"\"spec\":{" more "\"selector\":{\"matchLabels\":{\"app\":\"%s\"},\"matchExpressions\":[{\"key\":\"tier\","      \
	"\"operator\":\"In\",\"values\":[\"a\",\"b\"]},{\"key\":\"absent\",\"operator\":\"DoesNotExist\"}]},"            \
	"\"template\":{\"metadata\":{\"labels\":{\"app\":\"%s\",\"tier\":\"a\"}},\"spec\":" POD_SPEC("example.test/a") "}}"
#define OBJECT(kind, more)                                                                                             \
	"{\"apiVersion\":\"apps/v1\",\"kind\":\"" kind "\",\"metadata\":{\"name\":\"%s\",\"namespace\":\"%s\","          \
	"\"annotations\":{\"kubernetes.io/change-cause\":\"first\",\"kubeshim.test/kept\":\"no\"}}," SPEC(more) "}"

struct subject {
	const char *kind, *name, *text;
};

static const struct subject subjects[] = {
	{"deployments", "deploy", OBJECT("Deployment", "\"replicas\":0,")},
	{"daemonsets", "daemon", OBJECT("DaemonSet", "")},
	{"statefulsets", "state", OBJECT("StatefulSet", "\"replicas\":0,\"serviceName\":\"state\",")},
};

/* The last result's warning; live_done() keeps none. */
static char warning[200];

static void done(kshim_result *result, void *user)
{
	const char *text = kshim_result_warning(result, 0);

	snprintf(warning, sizeof(warning), "%s", text ? text : "");
	live_done(result, user);
}

static kshim_object *create_named(const struct subject *subject, const char *name)
{
	struct answer got = {0};
	kshim_object *object;
	char text[2000];

	snprintf(text, sizeof(text), subject->text, name, server->namespace_, name, name);
	object = kshim_object_from_text(server->client, text, strlen(text));
	assert_non_null(object);
	ASK(server, &got, kshim_object_create(object, NULL, live_done, &got));
	EXPECT(&got, KSHIM_OK);
	live_clear(&got);
	return object;
}

static void patch(kshim_object *object, const char *text)
{
	struct answer got = {0};

	ASK(server, &got, kshim_object_patch(object, KSHIM_PATCH_STRATEGIC, text, strlen(text), NULL, live_done, &got));
	EXPECT(&got, KSHIM_OK);
	live_clear(&got);
}

static void settle(kshim_object *object)
{
	struct answer got = {0};

	ASK(server, &got, kshim_rollout_status(object, NULL, NULL, live_done, &got));
	EXPECT(&got, KSHIM_OK);
	assert_ptr_equal(got.object, object);
	live_clear(&got);
}

static void change(kshim_object *object, const char *image, const char *cause)
{
	char text[400];

	snprintf(text, sizeof(text), "{\"metadata\":{\"annotations\":{\"kubernetes.io/change-cause\":\"%s\"}},\"spec\":"
				     "{\"template\":{\"spec\":{\"containers\":[{\"name\":\"main\",\"image\":"
				     "\"example.test/%s\"}]}}}}", cause, image);
	patch(object, text);
	settle(object);
}

/* What the server holds, asked for past the object. */
static void expect_image(const struct subject *subject, kshim_object *object, const char *image)
{
	char path[300], expected[64];
	json_t *tree, *container, *labels;

	snprintf(path, sizeof(path), "/apis/apps/v1/namespaces/%s/%s/%s", server->namespace_, subject->kind,
		 kshim_object_name(object));
	tree = live_get(server, path);
	labels = json_object_get(json_object_get(json_object_get(json_object_get(tree, "spec"), "template"), "metadata"),
				 "labels");
	assert_null(json_object_get(labels, "pod-template-hash"));
	assert_int_equal(json_object_size(labels), 2);
	container = json_array_get(json_object_get(json_object_get(json_object_get(json_object_get(tree, "spec"),
										    "template"), "spec"),
						   "containers"), 0);
	snprintf(expected, sizeof(expected), "example.test/%s", image);
	assert_string_equal(json_string_value(json_object_get(container, "image")), expected);
	json_decref(tree);
}

struct history {
	struct answer answer;
	size_t count;
	int64_t numbers[16];
	char causes[16][32];
	char images[16][32];
};

static void on_revision(kshim_revision *revision, void *user)
{
	struct history *history = user;
	const char *cause = kshim_revision_change_cause(revision), *text, *image;
	size_t len;

	assert_in_range(history->count, 0, 15);
	text = kshim_revision_template(revision, &len);
	assert_non_null(text);
	assert_int_equal(len, strlen(text));
	assert_null(strstr(text, "$patch"));
	assert_null(strstr(text, "pod-template-hash"));
	image = strstr(text, "\"image\":\"example.test/");
	assert_non_null(image);
	snprintf(history->images[history->count], 32, "%.1s", image + strlen("\"image\":\"example.test/"));
	snprintf(history->causes[history->count], 32, "%s", cause ? cause : "");
	history->numbers[history->count++] = kshim_revision_number(revision);
	assert_non_null(kshim_object_uid(kshim_revision_object(revision)));
}

static void history_done(kshim_result *result, void *user)
{
	live_done(result, &((struct history *)user)->answer);
}

static void look_back(kshim_object *object, struct history *history)
{
	memset(history, 0, sizeof(*history));
	ASK(server, &history->answer, kshim_rollout_history(object, on_revision, NULL, history_done, history));
	EXPECT(&history->answer, KSHIM_OK);
	assert_int_equal(history->answer.count, history->count);
	assert_non_null(history->answer.object);
	assert_ptr_not_equal(history->answer.object, object);
	live_clear(&history->answer);
}

static void undo(kshim_object *object, int64_t revision, const kshim_options *options, struct answer *got)
{
	ASK(server, got, kshim_rollout_undo(object, revision, options, done, got));
}

static void undo_all(const struct subject *subject)
{
	kshim_object *object = create_named(subject, subject->name);
	kshim_options *dry = kshim_options_new();
	bool deployment = subject == &subjects[0];
	struct answer got = {0};
	struct history history;

	settle(object);
	undo(object, 0, NULL, &got);
	EXPECT(&got, KSHIM_ENOTFOUND);
	assert_non_null(strstr(kshim_error_message(got.error), deployment ? "no rollout history found" :
									    "no last revision"));
	change(object, "b", "second");
	change(object, "c", "third");
	look_back(object, &history);
	assert_int_equal(history.count, 3);
	assert_int_equal(history.numbers[0], 1);
	assert_int_equal(history.numbers[2], 3);
	assert_string_equal(history.causes[0], "first");
	assert_string_equal(history.causes[2], "third");
	assert_string_equal(history.images[0], "a");
	assert_string_equal(history.images[1], "b");
	/* not really */
	kshim_options_set_dry_run(dry, 1);
	undo(object, 0, dry, &got);
	EXPECT(&got, KSHIM_OK);
	assert_string_equal(kshim_object_get_string(got.object, "/spec/template/spec/containers/0/image"),
			    "example.test/b");
	expect_image(subject, object, "c");
	/* the last but one */
	undo(object, 0, NULL, &got);
	EXPECT(&got, KSHIM_OK);
	assert_int_equal(got.found, 1);
	assert_ptr_equal(got.object, object);
	assert_string_equal(warning, "");
	expect_image(subject, object, "b");
	assert_string_equal(kshim_object_get_annotation(object, "kubernetes.io/change-cause"),
			    deployment ? "second" : "third");
	settle(object);
	/* one by its number */
	undo(object, 1, NULL, &got);
	EXPECT(&got, KSHIM_OK);
	expect_image(subject, object, "a");
	settle(object);
	/* where it is: it has a new number */
	look_back(object, &history);
	assert_int_equal(history.count, 3);
	assert_int_equal(history.numbers[2], 5);
	assert_string_equal(history.images[2], "a");
	live_reset(server);
	undo(object, 5, NULL, &got);
	EXPECT(&got, KSHIM_OK);
	assert_int_equal(got.found, 0);
	assert_string_equal(warning, "skipped rollback (current template already matches revision 5)");
	assert_false(live_asked(server, "PATCH"));
	undo(object, 1, NULL, &got);
	EXPECT(&got, KSHIM_ENOTFOUND);
	assert_string_equal(kshim_error_message(got.error), "unable to find specified revision 1 in history");
	assert_null(kshim_rollout_undo(object, -1, NULL, live_done, &got));
	assert_int_equal(kshim_error_code(kshim_client_error(server->client)), KSHIM_EINVAL);
	kshim_options_free(dry);
	kshim_object_unref(object);
	live_clear(&got);
}

static void undo_deployment(void **state)
{
	(void)state;
	undo_all(&subjects[0]);
}

static void undo_daemon_set(void **state)
{
	(void)state;
	undo_all(&subjects[1]);
}

static void undo_stateful_set(void **state)
{
	(void)state;
	undo_all(&subjects[2]);
}

static void other_kinds_have_none(void **state)
{
	kshim_query *pods = kshim_query_new(server->client, KSHIM_POD, server->namespace_);
	kshim_query *deployments = kshim_query_new_named(server->client, "deploy", server->namespace_);
	kshim_object *pod = kshim_query_object(pods, "none"), *none = kshim_query_object(deployments, "none");
	struct answer got = {0};

	(void)state;
	assert_null(kshim_rollout_undo(pod, 0, NULL, live_done, &got));
	assert_null(kshim_rollout_status(pod, NULL, NULL, live_done, &got));
	assert_null(kshim_rollout_history(pod, NULL, NULL, live_done, &got));
	assert_null(kshim_rollout_restart(pod, NULL, live_done, &got));
	assert_null(kshim_rollout_pause(pod, NULL, live_done, &got));
	assert_int_equal(kshim_error_code(kshim_client_error(server->client)), KSHIM_EINVAL);
	undo(none, 0, NULL, &got);
	EXPECT(&got, KSHIM_ENOTFOUND);
	ASK(server, &got, kshim_rollout_status(none, NULL, NULL, live_done, &got));
	EXPECT(&got, KSHIM_ENOTFOUND);
	ASK(server, &got, kshim_rollout_history(none, NULL, NULL, live_done, &got));
	EXPECT(&got, KSHIM_ENOTFOUND);
	ASK(server, &got, kshim_rollout_restart(none, NULL, live_done, &got));
	EXPECT(&got, KSHIM_ENOTFOUND);
	live_clear(&got);
	kshim_object_unref(pod);
	kshim_object_unref(none);
	kshim_query_free(pods);
	kshim_query_free(deployments);
}

static void paused(void **state)
{
	kshim_object *object = create_named(&subjects[0], "paused");
	struct answer got = {0};
	int value = 0;

	(void)state;
	settle(object);
	change(object, "b", "second");
	ASK(server, &got, kshim_rollout_pause(object, NULL, live_done, &got));
	EXPECT(&got, KSHIM_OK);
	assert_int_equal(kshim_object_get_bool(object, "/spec/paused", &value), 0);
	assert_true(value);
	ASK(server, &got, kshim_rollout_pause(object, NULL, live_done, &got));
	EXPECT(&got, KSHIM_OK);
	undo(object, 0, NULL, &got);
	EXPECT(&got, KSHIM_ECONFLICT);
	ASK(server, &got, kshim_rollout_restart(object, NULL, live_done, &got));
	EXPECT(&got, KSHIM_ECONFLICT);
	expect_image(&subjects[0], object, "b");
	ASK(server, &got, kshim_rollout_resume(object, NULL, live_done, &got));
	EXPECT(&got, KSHIM_OK);
	assert_false(kshim_object_has(object, "/spec/paused"));
	undo(object, 0, NULL, &got);
	EXPECT(&got, KSHIM_OK);
	expect_image(&subjects[0], object, "a");
	kshim_object_unref(object);
	live_clear(&got);
}

static void restart(void **state)
{
	struct answer got = {0};
	size_t i;

	(void)state;
	for (i = 0; i < 3; i++) {
		kshim_object *object = create_named(&subjects[i], "restarted");
		const char *at;

		ASK(server, &got, kshim_rollout_restart(object, NULL, live_done, &got));
		EXPECT(&got, KSHIM_OK);
		assert_ptr_equal(got.object, object);
		at = kshim_object_get_string(object, "/spec/template/metadata/annotations/"
						     "kubectl.kubernetes.io~1restartedAt");
		assert_non_null(at);
		assert_int_equal(strlen(at), strlen("2026-01-01T00:00:00Z"));
		assert_int_equal(at[19], 'Z');
		settle(object);
		kshim_object_unref(object);
	}
	live_clear(&got);
}

/* Status. */

struct progress {
	struct answer answer;
	unsigned count;
	char first[200], last[200];
	kshim_call *cancel; /* in the callback */
	kshim_object *delete_; /* likewise */
	struct answer deleted;
};

static void on_progress(const char *text, kshim_object *object, void *user)
{
	struct progress *progress = user;

	assert_non_null(kshim_object_uid(object));
	assert_string_not_equal(progress->last, text);
	snprintf(progress->last, sizeof(progress->last), "%s", text);
	if (!progress->count++)
		snprintf(progress->first, sizeof(progress->first), "%s", text);
	kshim_call_cancel(progress->cancel);
	if (progress->delete_)
		assert_non_null(kshim_object_delete(progress->delete_, NULL, live_done, &progress->deleted));
	progress->delete_ = NULL;
}

static void progress_done(kshim_result *result, void *user)
{
	live_done(result, &((struct progress *)user)->answer);
}

static void status(kshim_object *object, const kshim_options *options, struct progress *progress)
{
	memset(progress, 0, sizeof(*progress));
	ASK(server, &progress->answer, kshim_rollout_status(object, on_progress, options, progress_done, progress));
}

static void status_says(void **state)
{
	kshim_object *object = create_named(&subjects[0], "status");
	struct progress progress;
	kshim_options *brief = kshim_options_new();

	(void)state;
	status(object, NULL, &progress);
	EXPECT(&progress.answer, KSHIM_OK);
	assert_string_equal(progress.last, "deployment \"status\" successfully rolled out");
	assert_true(kshim_object_is_ready(object));
	live_clear(&progress.answer);
	/* Pods that never come */
	patch(object, "{\"spec\":{\"replicas\":2}}");
	assert_false(kshim_object_is_ready(object));
	kshim_options_set_timeout(brief, 1500);
	status(object, brief, &progress);
	EXPECT(&progress.answer, KSHIM_ETIMEDOUT);
	assert_null(kshim_error_reason(progress.answer.error));
	assert_string_equal(progress.last, "Waiting for deployment \"status\" rollout to finish: 0 of 2 updated "
					   "replicas are available...");
	live_clear(&progress.answer);
	/* and whose time is up */
	patch(object, "{\"spec\":{\"minReadySeconds\":0,\"progressDeadlineSeconds\":2,\"template\":{\"metadata\":"
		      "{\"annotations\":{\"x\":\"y\"}}}}}");
	status(object, NULL, &progress);
	EXPECT(&progress.answer, KSHIM_ETIMEDOUT);
	assert_string_equal(kshim_error_reason(progress.answer.error), "ProgressDeadlineExceeded");
	assert_string_equal(kshim_error_message(progress.answer.error),
			    "deployment \"status\" exceeded its progress deadline");
	live_clear(&progress.answer);
	kshim_options_free(brief);
	kshim_object_unref(object);
}

static void status_of_others(void **state)
{
	kshim_object *daemon = create_named(&subjects[1], "status"), *set = create_named(&subjects[2], "status");
	struct progress progress;

	(void)state;
	status(daemon, NULL, &progress);
	EXPECT(&progress.answer, KSHIM_OK);
	assert_string_equal(progress.last, "daemon set \"status\" successfully rolled out");
	live_clear(&progress.answer);
	status(set, NULL, &progress);
	EXPECT(&progress.answer, KSHIM_OK);
	assert_string_equal(progress.last, "partitioned roll out complete: 0 new pods have been updated...");
	live_clear(&progress.answer);
	patch(set, "{\"spec\":{\"updateStrategy\":{\"type\":\"OnDelete\",\"rollingUpdate\":null}}}");
	status(set, NULL, &progress);
	EXPECT(&progress.answer, KSHIM_EINVAL);
	live_clear(&progress.answer);
	kshim_object_unref(daemon);
	kshim_object_unref(set);
}

static void cancelled_in_its_callback(void **state)
{
	kshim_object *object = create_named(&subjects[0], "cancelled");
	struct progress progress = {0};

	(void)state;
	progress.cancel = kshim_rollout_status(object, on_progress, NULL, progress_done, &progress);
	assert_non_null(progress.cancel);
	assert_int_equal(kshim_loop_run(server->loop), 0);
	EXPECT(&progress.answer, KSHIM_ECANCELED);
	assert_int_equal(progress.count, 1);
	live_clear(&progress.answer);
	kshim_object_unref(object);
}

static void deleted_meanwhile(void **state)
{
	kshim_object *object = create_named(&subjects[0], "deleted");
	struct progress progress = {0};

	(void)state;
	patch(object, "{\"spec\":{\"replicas\":1}}");
	progress.delete_ = object;
	assert_non_null(kshim_rollout_status(object, on_progress, NULL, progress_done, &progress));
	assert_int_equal(kshim_loop_run(server->loop), 0);
	EXPECT(&progress.deleted, KSHIM_OK);
	EXPECT(&progress.answer, KSHIM_ENOTFOUND);
	assert_non_null(strstr(kshim_error_message(progress.answer.error), "was deleted"));
	live_clear(&progress.answer);
	live_clear(&progress.deleted);
	kshim_object_unref(object);
}

struct running {
	struct answer answer; /* first */
	const char *seconds;
	unsigned count;
};

static void on_running(kshim_object *pod, void *user)
{
	struct running *running = user;

	if (kshim_object_has(pod, "/metadata/deletionTimestamp"))
		return;
	assert_true(kshim_object_is_ready(pod));
	assert_string_equal(kshim_object_get_string(pod, "/spec/containers/0/command/1"), running->seconds);
	running->count++;
}

/* What really runs: one Pod, of that template. */
static void expect_running(size_t which, const char *seconds)
{
	kshim_query *query = kshim_query_new(server->client, KSHIM_POD, server->namespace_);
	struct running running = {.seconds = seconds};
	char label[8];

	snprintf(label, sizeof(label), "%zu", which);
	kshim_query_filter_label(query, "real", label);
	ASK(server, &running.answer, kshim_query_list(query, on_running, live_done, &running));
	EXPECT(&running.answer, KSHIM_OK);
	assert_int_equal(running.count, 1);
	kshim_query_free(query);
	live_clear(&running.answer);
}

/* With a node: Pods that run, an update of them that is undone, and done again. */
static void pods_that_run(void **state)
{
	static const char *const kinds[] = {"Deployment", "DaemonSet", "StatefulSet"};
	const char *image = getenv("KSHIM_TEST_IMAGE");
	kshim_options *ready = kshim_options_new();
	struct progress progress;
	struct answer got = {0};
	size_t i;

	(void)state;
	if (!image || !*image) {
		print_message("SKIPPED: KSHIM_TEST_IMAGE is not set, so there is no node to run Pods on\n");
		kshim_options_free(ready);
		skip();
	}
	kshim_options_set_wait_ready(ready, 1);
	for (i = 0; i < 3; i++) {
		kshim_object *object;
		int64_t count = 0;
		char text[1000];

		snprintf(text, sizeof(text), "{\"apiVersion\":\"apps/v1\",\"kind\":\"%s\",\"metadata\":{\"name\":\"real\",\"namespace\":"
					     "\"%s\"},\"spec\":{%s\"selector\":{\"matchLabels\":{\"real\":\"%zu\"}},\"template\":"
					     "{\"metadata\":{\"labels\":{\"real\":\"%zu\"}},\"spec\":{\"nodeSelector\":"
					     "{\"kubernetes.io/os\":\"linux\"},"
					     "\"terminationGracePeriodSeconds\":0,\"containers\":[{\"name\":\"main\",\"image\":"
					     "\"%s\",\"imagePullPolicy\":\"Never\",\"command\":[\"sleep\",\"1000\"]}]}}}}",
			 kinds[i], server->namespace_, i == 1 ? "" : i == 0 ? "\"replicas\":1," :
									      "\"replicas\":1,\"serviceName\":\"real\",",
			 i, i, image);
		object = kshim_object_from_text(server->client, text, strlen(text));
		ASK(server, &got, kshim_object_create(object, NULL, live_done, &got));
		EXPECT(&got, KSHIM_OK);
		status(object, NULL, &progress);
		EXPECT(&progress.answer, KSHIM_OK);
		assert_true(progress.count > 1);
		assert_true(kshim_object_is_ready(object));
		live_clear(&progress.answer);
		expect_running(i, "1000");
		patch(object, "{\"spec\":{\"template\":{\"spec\":{\"containers\":[{\"name\":\"main\",\"command\":[\"sleep\","
			      "\"2000\"]}]}}}}");
		settle(object);
		expect_running(i, "2000");
		undo(object, 0, NULL, &got);
		EXPECT(&got, KSHIM_OK);
		assert_string_equal(kshim_object_get_string(object, "/spec/template/spec/containers/0/command/1"), "1000");
		settle(object);
		expect_running(i, "1000");
		undo(object, 0, NULL, &got);
		EXPECT(&got, KSHIM_OK);
		settle(object);
		expect_running(i, "2000");
		if (i != 1) {
			ASK(server, &got, kshim_object_scale(object, 2, ready, live_done, &got));
			EXPECT(&got, KSHIM_OK);
			assert_int_equal(kshim_object_get_int(object, "/status/readyReplicas", &count), 0);
			assert_int_equal(count, 2);
		}
		if (i == 0) {
			ASK(server, &got, kshim_wait_condition(object, "available", NULL, NULL, live_done, &got));
			EXPECT(&got, KSHIM_OK);
		}
		kshim_object_unref(object);
	}
	kshim_options_free(ready);
	live_clear(&got);
}

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(undo_deployment),
		cmocka_unit_test(undo_daemon_set),
		cmocka_unit_test(undo_stateful_set),
		cmocka_unit_test(other_kinds_have_none),
		cmocka_unit_test(paused),
		cmocka_unit_test(restart),
		cmocka_unit_test(status_says),
		cmocka_unit_test(status_of_others),
		cmocka_unit_test(cancelled_in_its_callback),
		cmocka_unit_test(deleted_meanwhile),
		cmocka_unit_test(pods_that_run),
	};

	return live_run_tests(argc, argv, "rollout", tests, sizeof(tests) / sizeof(tests[0]), live_set_up, live_tear_down);
}
