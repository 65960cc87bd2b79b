/* Cordon, drain, uncordon of a Node that is an object alone: the test binds Pods
 * to it, and no kubelet has a say in when they go (grace period 0). */
#include "live.h"

#define TEMPLATE                                                                                                       \
	"\"selector\":{\"matchLabels\":{\"app\":\"%s\"}},\"template\":{\"metadata\":{\"labels\":{\"app\":\"%s\",\"drain\":" \
	"\"yes\"}},\"spec\":{\"schedulerName\":\"kubeshim.test\",\"containers\":[{\"name\":\"c\",\"image\":\"none.invalid/" \
	"none\"}]}}"
#define REPLICA_SET                                                                                                    \
	"{\"apiVersion\":\"apps/v1\",\"kind\":\"ReplicaSet\",\"metadata\":{\"name\":\"%s\"},\"spec\":{\"replicas\":2," TEMPLATE \
	"}}"
#define DAEMON_SET "{\"apiVersion\":\"apps/v1\",\"kind\":\"DaemonSet\",\"metadata\":{\"name\":\"%s\"},\"spec\":{" TEMPLATE "}}"
#define POD                                                                                                            \
	"{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"metadata\":{\"name\":\"%s\",\"labels\":{\"app\":\"%s\"}%s},\"spec\":{"   \
	"\"nodeName\":\"%s\",\"containers\":[{\"name\":\"c\",\"image\":\"none.invalid/none\"}]%s}}"

static kshim_object *node;
static char node_name[80];

static kshim_object *create_text(const char *text, bool namespaced)
{
	kshim_object *object = kshim_object_from_text(server->client, text, strlen(text));
	struct answer got = {0};

	assert_non_null(object);
	if (namespaced)
		kshim_object_set_string(object, "/metadata/namespace", server->namespace_);
	ASK(server, &got, kshim_object_create(object, NULL, live_done, &got));
	EXPECT(&got, KSHIM_OK);
	live_clear(&got);
	return object;
}

static void make_pod(const char *name, const char *metadata, const char *spec)
{
	char text[1024];

	snprintf(text, sizeof(text), POD, name, name, metadata, node_name, spec);
	kshim_object_unref(create_text(text, true));
}

/* Of `query`, the names, each behind a space, and how many are bound. */
struct found {
	struct answer answer; /* first: live_done() fills it in */
	char names[16][80];
	size_t count;
};

static void note(kshim_object *pod, void *user)
{
	struct found *found = user;

	if (found->count < 16)
		snprintf(found->names[found->count++], sizeof(found->names[0]), "%s", kshim_object_name(pod));
}

static void pods_of(const char *app, struct found *found)
{
	kshim_query *query = kshim_query_new(server->client, KSHIM_POD, server->namespace_);

	memset(found, 0, sizeof(*found));
	kshim_query_filter_label(query, "app", app);
	live_wait(server, kshim_query_list(query, note, live_done, found), &found->answer, __FILE__, __LINE__);
	EXPECT(&found->answer, KSHIM_OK);
	live_clear(&found->answer);
	kshim_query_free(query);
}

/* What a controller made is put on the Node, as a scheduler would. */
static void make_set(const char *form, const char *name, size_t count)
{
	struct answer got = {0};
	struct found found;
	unsigned tries = 0;
	char text[1024];
	size_t i;

	snprintf(text, sizeof(text), form, name, name, name);
	kshim_object_unref(create_text(text, true));
	do {
		pods_of(name, &found);
	} while (found.count < count && live_again(server, &tries, "the set's Pods"));
	for (i = 0; i < count; i++) {
		char path[300];

		snprintf(path, sizeof(path), "/api/v1/namespaces/%s/pods/%s/binding", server->namespace_, found.names[i]);
		snprintf(text, sizeof(text), "{\"apiVersion\":\"v1\",\"kind\":\"Binding\",\"metadata\":{\"name\":\"%s\"},"
					     "\"target\":{\"kind\":\"Node\",\"name\":\"%s\"}}", found.names[i], node_name);
		ASK(server, &got, kshim_client_request(server->client, "POST", path, NULL, text, strlen(text), NULL,
						       live_done, &got));
		EXPECT(&got, KSHIM_OK);
	}
	live_clear(&got);
}

/* What a drain told. */
struct drained {
	struct answer answer; /* first: live_done() fills it in */
	unsigned events[6];
	char texts[1000];
	void (*on_delay)(void);
};

static void progress(kshim_object *pod, kshim_drain_event event, const char *text, void *user)
{
	struct drained *drained = user;

	assert_non_null(kshim_object_name(pod));
	assert_true((unsigned)event < 6);
	assert_int_equal(drained->answer.calls, 0);
	drained->events[event]++;
	if (text)
		snprintf(drained->texts + strlen(drained->texts), sizeof(drained->texts) - strlen(drained->texts), "%s|", text);
	if (event == KSHIM_DRAIN_DELAYED && drained->on_delay)
		drained->on_delay();
}

static void drain(const kshim_drain_options *options, struct drained *drained)
{
	void (*on_delay)(void) = drained->on_delay;

	live_clear(&drained->answer);
	memset(drained, 0, sizeof(*drained));
	drained->on_delay = on_delay;
	live_wait(server, kshim_node_drain(node, options, progress, live_done, drained), &drained->answer, __FILE__,
		  __LINE__);
}

static kshim_drain_options *at_once(void)
{
	kshim_drain_options *options = kshim_drain_options_new();

	assert_non_null(options);
	assert_int_equal(kshim_drain_options_set_grace_period(options, 0), 0);
	return options;
}

static int is_cordoned(void)
{
	struct answer got = {0};
	int cordoned;
	kshim_query *query = kshim_query_new(server->client, KSHIM_NODE, NULL);

	ASK(server, &got, kshim_query_get_by_name(query, node_name, live_done, &got));
	EXPECT(&got, KSHIM_OK);
	cordoned = kshim_node_is_cordoned(got.object);
	kshim_query_free(query);
	live_clear(&got);
	return cordoned;
}

static void uncordon(void)
{
	struct answer got = {0};

	ASK(server, &got, kshim_node_uncordon(node, NULL, live_done, &got));
	EXPECT(&got, KSHIM_OK);
	live_clear(&got);
}

static void cordon_and_uncordon(void **state)
{
	kshim_query *query = kshim_query_new(server->client, KSHIM_NODE, NULL);
	kshim_object *gone = kshim_query_object(query, "no-such-node"), *pod = kshim_query_object(query, "x");
	kshim_options *options = kshim_options_new();
	struct answer got = {0};

	(void)state;
	kshim_options_set_dry_run(options, 1);
	ASK(server, &got, kshim_node_cordon(node, options, live_done, &got));
	EXPECT(&got, KSHIM_OK);
	assert_int_equal(got.found, 1);
	assert_int_equal(kshim_node_is_cordoned(got.object), 1);
	assert_int_equal(is_cordoned(), 0);
	ASK(server, &got, kshim_node_cordon(node, NULL, live_done, &got));
	EXPECT(&got, KSHIM_OK);
	assert_int_equal(got.found, 1);
	assert_ptr_equal(got.object, node);
	assert_int_equal(kshim_node_is_cordoned(node), 1);
	assert_int_equal(is_cordoned(), 1);
	live_reset(server);
	ASK(server, &got, kshim_node_cordon(node, NULL, live_done, &got));
	EXPECT(&got, KSHIM_OK);
	assert_int_equal(got.found, 0);
	assert_false(live_asked(server, "PATCH"));
	ASK(server, &got, kshim_node_uncordon(node, NULL, live_done, &got));
	EXPECT(&got, KSHIM_OK);
	assert_int_equal(got.found, 1);
	assert_int_equal(is_cordoned(), 0);
	assert_int_equal(kshim_object_has(node, "/spec/unschedulable"), 0);
	ASK(server, &got, kshim_node_uncordon(node, NULL, live_done, &got));
	assert_int_equal(got.found, 0);
	ASK(server, &got, kshim_node_cordon(gone, NULL, live_done, &got));
	EXPECT(&got, KSHIM_ENOTFOUND);
	ASK(server, &got, kshim_node_drain(gone, NULL, NULL, live_done, &got));
	EXPECT(&got, KSHIM_ENOTFOUND);
	assert_null(kshim_node_cordon(NULL, NULL, live_done, &got));
	assert_null(kshim_node_drain(NULL, NULL, NULL, live_done, &got));
	assert_int_equal(kshim_node_is_cordoned(NULL), 0);
	kshim_options_free(options);
	kshim_object_unref(pod);
	kshim_object_unref(gone);
	kshim_query_free(query);
	live_clear(&got);
}

static void options_out_of_range(void **state)
{
	kshim_drain_options *options = kshim_drain_options_new();

	(void)state;
	assert_int_equal(kshim_drain_options_set_grace_period(options, -2), -1);
	assert_int_equal(kshim_drain_options_set_timeout(options, -1), -1);
	assert_int_equal(kshim_drain_options_set_pod_selector(options, "a\nb"), -1);
	assert_int_equal(kshim_drain_options_set_pod_selector(options, NULL), 0);
	assert_int_equal(kshim_drain_options_set_force(NULL, 1), -1);
	kshim_drain_options_free(options);
	kshim_drain_options_free(NULL);
}

/* Every reason in one error, and nobody was asked to go. */
static void refusals(void **state)
{
	kshim_drain_options *options = at_once();
	struct drained drained = {0};
	const char *message;
	size_t i, reasons[3] = {0};

	(void)state;
	make_set(DAEMON_SET, "daemon", 1);
	make_set(REPLICA_SET, "managed", 2);
	make_pod("bare", "", "");
	make_pod("stored", "", ",\"volumes\":[{\"name\":\"v\",\"emptyDir\":{}}]");
	make_pod("mirror", ",\"annotations\":{\"kubernetes.io/config.mirror\":\"x\"}", "");
	live_reset(server);
	drain(options, &drained);
	EXPECT(&drained.answer, KSHIM_EINVAL);
	message = kshim_error_message(drained.answer.error);
	assert_non_null(strstr(message, "cannot delete DaemonSet-managed Pods (use --ignore-daemonsets to ignore): "));
	assert_non_null(strstr(message, "; cannot delete Pods with local storage (use --delete-emptydir-data to override): "));
	assert_non_null(strstr(message, "; cannot delete Pods that declare no controller (use --force to override): "));
	assert_null(strstr(message, "mirror"));
	assert_int_equal(kshim_error_cause_count(drained.answer.error), 3);
	for (i = 0; i < 3; i++) {
		const char *reason = kshim_error_cause_reason(drained.answer.error, i);

		reasons[0] += strcmp(reason, "DaemonSet") == 0;
		reasons[1] += strcmp(reason, "LocalStorage") == 0;
		reasons[2] += strcmp(reason, "Unmanaged") == 0;
		assert_non_null(strchr(kshim_error_cause_field(drained.answer.error, i), '/'));
	}
	assert_true(reasons[0] == 1 && reasons[1] == 1 && reasons[2] == 1);
	assert_false(live_asked(server, "POST"));
	assert_false(live_asked(server, "DELETE"));
	assert_int_equal(drained.events[KSHIM_DRAIN_STARTED], 0);
	assert_int_equal(is_cordoned(), 1);

	/* a selector leaves the others out of it; a dry run changes nothing */
	uncordon();
	kshim_drain_options_set_dry_run(options, 1);
	kshim_drain_options_set_pod_selector(options, "app=managed");
	drain(options, &drained);
	EXPECT(&drained.answer, KSHIM_OK);
	assert_int_equal(drained.answer.count, 2);
	assert_int_equal(drained.events[KSHIM_DRAIN_GONE], 2);
	assert_int_equal(is_cordoned(), 0);
	kshim_drain_options_free(options);
	live_clear(&drained.answer);
}

static void everything_goes_that_may(void **state)
{
	kshim_drain_options *options = at_once();
	struct drained drained = {0};
	struct found found;

	(void)state;
	kshim_drain_options_set_ignore_daemonsets(options, 1);
	kshim_drain_options_set_delete_emptydir_data(options, 1);
	kshim_drain_options_set_force(options, 1);
	drain(options, &drained);
	EXPECT(&drained.answer, KSHIM_OK);
	assert_int_equal(drained.answer.count, 4);
	assert_int_equal(drained.events[KSHIM_DRAIN_IGNORED], 1);
	assert_int_equal(drained.events[KSHIM_DRAIN_WARNED], 2);
	assert_int_equal(drained.events[KSHIM_DRAIN_STARTED], 4);
	assert_int_equal(drained.events[KSHIM_DRAIN_GONE], 4);
	assert_non_null(strstr(drained.texts, "ignoring DaemonSet-managed Pods|"));
	pods_of("bare", &found);
	assert_int_equal(found.count, 0);
	pods_of("mirror", &found);
	assert_int_equal(found.count, 1);
	pods_of("daemon", &found);
	assert_true(found.count > 0);
	assert_int_equal(is_cordoned(), 1);
	/* again: nothing is left to do */
	drain(options, &drained);
	EXPECT(&drained.answer, KSHIM_OK);
	assert_int_equal(drained.answer.count, 0);
	uncordon();
	kshim_drain_options_free(options);
	live_clear(&drained.answer);
}

static void remove_budget(void)
{
	kshim_query *query = kshim_query_new(server->client, KSHIM_POD_DISRUPTION_BUDGET, server->namespace_);
	kshim_object *budget = kshim_query_object(query, "budget");

	kshim_object_delete(budget, NULL, NULL, NULL);
	kshim_object_unref(budget);
	kshim_query_free(query);
}

/* A PodDisruptionBudget holds one up: until the deadline, or until it is gone; a
 * delete does not ask it. */
static void disruption_budget(void **state)
{
	static const char running[] = "{\"status\":{\"phase\":\"Running\"}}";
	kshim_query *query = kshim_query_new(server->client, KSHIM_POD, server->namespace_);
	kshim_object *pod, *budget;
	kshim_drain_options *options = at_once();
	kshim_options *status = kshim_options_new();
	struct drained drained = {0};
	struct answer got = {0};
	unsigned tries = 0;
	int round;

	(void)state;
	kshim_options_set_subresource(status, "status");
	kshim_drain_options_set_force(options, 1);
	kshim_drain_options_set_pod_selector(options, "app=kept");
	for (round = 0; round < 3; round++) {
		make_pod("kept", "", "");
		pod = kshim_query_object(query, "kept");
		ASK(server, &got, kshim_object_patch(pod, KSHIM_PATCH_MERGE, running, strlen(running), status, live_done,
						     &got));
		EXPECT(&got, KSHIM_OK);
		if (round == 0) {
			budget = create_text("{\"apiVersion\":\"policy/v1\",\"kind\":\"PodDisruptionBudget\",\"metadata\":{"
					     "\"name\":\"budget\"},\"spec\":{\"minAvailable\":1,\"selector\":{\"matchLabels\":"
					     "{\"app\":\"kept\"}}}}", true);
			do {
				ASK(server, &got, kshim_object_reload(budget, NULL, live_done, &got));
			} while (!kshim_object_has(budget, "/status/observedGeneration") &&
				 live_again(server, &tries, "the budget's status"));
			kshim_object_unref(budget);
			ASK(server, &got, kshim_pod_evict(pod, NULL, live_done, &got));
			EXPECT(&got, KSHIM_ETOOMANY);
			assert_string_equal(kshim_error_cause_reason(got.error, 0), "DisruptionBudget");
			kshim_drain_options_set_timeout(options, 1000);
			drain(options, &drained);
			EXPECT(&drained.answer, KSHIM_ETIMEDOUT);
			assert_int_equal(drained.events[KSHIM_DRAIN_DELAYED], 1);
			assert_non_null(strstr(drained.texts, "disruption budget"));
			kshim_drain_options_set_disable_eviction(options, 1);
		} else if (round == 1) {
			kshim_drain_options_set_disable_eviction(options, 0);
			drained.on_delay = remove_budget;
		}
		kshim_drain_options_set_timeout(options, 60000);
		drain(options, &drained);
		EXPECT(&drained.answer, KSHIM_OK);
		assert_int_equal(drained.answer.count, 1);
		assert_int_equal(drained.events[KSHIM_DRAIN_DELAYED], round == 1);
		kshim_object_unref(pod);
	}
	uncordon();
	kshim_options_free(status);
	kshim_drain_options_free(options);
	kshim_query_free(query);
	live_clear(&got);
	live_clear(&drained.answer);
}

static void orphan(void **state)
{
	kshim_query *query = kshim_query_new(server->client, KSHIM_DAEMON_SET, server->namespace_);
	kshim_object *set = kshim_query_object(query, "daemon");
	kshim_options *options = kshim_options_new();
	kshim_drain_options *how = at_once();
	struct drained drained = {0};
	struct answer got = {0};
	unsigned tries = 0;

	(void)state;
	/* not of a controller any more, so that nothing but force makes it go */
	kshim_options_set_propagation(options, KSHIM_PROPAGATION_ORPHAN);
	ASK(server, &got, kshim_object_delete(set, options, live_done, &got));
	EXPECT(&got, KSHIM_OK);
	do {
		ASK(server, &got, kshim_object_exists(set, NULL, live_done, &got));
		EXPECT(&got, KSHIM_OK);
	} while (got.found && live_again(server, &tries, "the DaemonSet's end"));
	kshim_drain_options_set_pod_selector(how, "app=daemon");
	drain(how, &drained);
	EXPECT(&drained.answer, KSHIM_EINVAL);
	kshim_drain_options_set_force(how, 1);
	drain(how, &drained);
	EXPECT(&drained.answer, KSHIM_OK);
	assert_int_equal(drained.answer.count, 1);
	uncordon();
	kshim_drain_options_free(how);
	kshim_options_free(options);
	kshim_object_unref(set);
	kshim_query_free(query);
	live_clear(&got);
	live_clear(&drained.answer);
}

static int set_up(void **state)
{
	char text[200];

	live_set_up(state);
	snprintf(node_name, sizeof(node_name), "kubeshim-%s", live_run());
	snprintf(text, sizeof(text), "{\"apiVersion\":\"v1\",\"kind\":\"Node\",\"metadata\":{\"name\":\"%s\"}}", node_name);
	node = create_text(text, false);
	return 0;
}

/* No kubelet says that a Pod is gone: they are taken away at once. */
static int tear_down(void **state)
{
	static const kshim_builtin kinds[] = {KSHIM_KIND_REPLICA_SET, KSHIM_KIND_DAEMON_SET, KSHIM_KIND_POD};
	kshim_options *options = kshim_options_new();
	struct answer got = {0};
	size_t i;

	for (i = 0; i < 3; i++) {
		kshim_query *query = kshim_query_new(server->client, kshim_kind_builtin(kinds[i]), server->namespace_);

		kshim_options_set_grace_period(options, 0);
		ASK(server, &got, kshim_query_delete_all(query, options, live_done, &got));
		EXPECT(&got, KSHIM_OK);
		kshim_query_free(query);
	}
	ASK(server, &got, kshim_object_delete(node, NULL, live_done, &got));
	EXPECT(&got, KSHIM_OK);
	kshim_options_free(options);
	kshim_object_unref(node);
	live_clear(&got);
	return live_tear_down(state);
}

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(cordon_and_uncordon), cmocka_unit_test(options_out_of_range),
		cmocka_unit_test(refusals),            cmocka_unit_test(everything_goes_that_may),
		cmocka_unit_test(disruption_budget),   cmocka_unit_test(orphan),
	};

	return live_run_tests(argc, argv, "drain", tests, sizeof(tests) / sizeof(tests[0]), set_up, tear_down);
}
