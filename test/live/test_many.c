/* Many calls at once, several identities at once, and a client that goes while
 * its calls run; against a real API server. */
#include "live.h"

#include <dirent.h>
#include <poll.h>

#define MAPS 200
#define AT_ONCE 64
#define CONNECTIONS 8 /* kshim_client_set_max_connections(): its default */
#define HANG_MS 60000

/* ---- 200 ConfigMaps */

struct many;

struct map {
	struct many *many;
	kshim_object *object;
	unsigned calls;
};

typedef kshim_call *start_fn(struct map *map);

struct many {
	kshim_query *query;
	start_fn *start; /* what is done to each map */
	size_t next;     /* to start */
	unsigned at_once, most, done;
	kshim_code code;
	char *problem;
	struct map maps[MAPS];
};

static void fill(struct many *many);

static void map_done(kshim_result *result, void *user)
{
	const kshim_error *error = kshim_result_error(result);
	struct map *map = user;
	struct many *many = map->many;

	map->calls++;
	many->at_once--;
	many->done++;
	if (error && !many->problem) {
		many->code = kshim_error_code(error);
		many->problem = strdup(kshim_error_message(error));
	}
	fill(many);
}

/* As many as may be at once; from the callbacks the next ones. */
static void fill(struct many *many)
{
	while (many->at_once < AT_ONCE && many->next < MAPS) {
		many->at_once++;
		if (many->at_once > many->most)
			many->most = many->at_once;
		if (!many->start(&many->maps[many->next++]))
			many->problem = strdup("a call did not start");
	}
}

static void for_each_map(struct many *many, start_fn *start)
{
	size_t i;

	many->start = start;
	many->next = many->done = many->most = 0;
	for (i = 0; i < MAPS; i++)
		many->maps[i].calls = 0;
	fill(many);
	assert_int_equal(many->done, 0); /* never before the function returned */
	assert_int_equal(kshim_loop_run(server->loop), 0);
	if (many->problem)
		fail_msg("%s: %s", kshim_code_name(many->code), many->problem);
	assert_int_equal(many->most, AT_ONCE);
	assert_int_equal(many->done, MAPS);
	for (i = 0; i < MAPS; i++)
		assert_int_equal(many->maps[i].calls, 1);
}

static kshim_call *start_create(struct map *map)
{
	return kshim_object_create(map->object, NULL, map_done, map);
}

/* What is read is the one that was asked for. */
static void map_read(kshim_result *result, void *user)
{
	struct map *map = user;
	kshim_object *object = kshim_result_object(result);

	if (object && (strcmp(kshim_object_uid(object), kshim_object_uid(map->object)) != 0 ||
		       strcmp(kshim_object_get_string(object, "/data/text"),
			      kshim_object_get_string(map->object, "/data/text")) != 0))
		map->many->problem = strdup("a get brought another call's object");
	map_done(result, map);
}

static kshim_call *start_read(struct map *map)
{
	return kshim_query_get_by_name(map->many->query, kshim_object_name(map->object), map_read, map);
}

static kshim_call *start_delete(struct map *map)
{
	return kshim_object_delete(map->object, NULL, map_done, map);
}

/* Each has a text of its own length, some of several TLS records. */
static void make_maps(struct many *many)
{
	char name[32], *text = malloc(40000);
	size_t i, len;

	memset(many, 0, sizeof(*many));
	many->query = kshim_query_new(server->client, KSHIM_CONFIG_MAP, server->namespace_);
	assert_int_equal(kshim_query_set_labels(many->query, "set=many"), 0);
	for (i = 0; i < MAPS; i++) {
		len = i % 10 == 0 ? 30000 + i : i;
		memset(text, 'a' + (int)(i % 26), len);
		text[len] = '\0';
		snprintf(name, sizeof(name), "many-%03zu", i);
		many->maps[i].many = many;
		many->maps[i].object = kshim_object_new(server->client, json_pack(
			"{s:s, s:s, s:{s:s, s:s, s:{s:s}}, s:{s:s}}", "apiVersion", "v1", "kind", "ConfigMap",
			"metadata", "name", name, "namespace", server->namespace_, "labels", "set", "many", "data",
			"text", text));
		assert_non_null(many->maps[i].object);
	}
	free(text);
}

static void count_is(struct many *many, size_t count)
{
	struct answer got = {0};

	ASK(server, &got, kshim_query_list(many->query, NULL, live_done, &got));
	EXPECT(&got, KSHIM_OK);
	assert_int_equal(got.count, count);
	live_clear(&got);
}

static void create_read_delete(unsigned connections)
{
	static struct many many;
	size_t i;

	make_maps(&many);
	live_reset(server);
	for_each_map(&many, start_create);
	count_is(&many, MAPS);
	for_each_map(&many, start_read);
	for_each_map(&many, start_delete);
	count_is(&many, 0);
	assert_int_equal(server->requests, 3 * MAPS + 2);
	assert_in_range(server->connections, 0, connections);
	for (i = 0; i < MAPS; i++)
		kshim_object_unref(many.maps[i].object);
	kshim_query_free(many.query);
}

static void two_hundred(void **state)
{
	(void)state;
	create_read_delete(CONNECTIONS);
}

/* All of them through one connection. */
static void through_one_connection(void **state)
{
	struct live *first = server;

	(void)state;
	server = live_open("token", first->loop);
	strcpy(server->namespace_, first->namespace_);
	kshim_client_set_max_connections(server->client, 1);
	create_read_delete(1);
	live_close(server);
	server = first;
}

/* ---- identities */

#define ROUNDS 40

static const char whoami[] = "{\"apiVersion\":\"authentication.k8s.io/v1\",\"kind\":\"SelfSubjectReview\"}";

struct person {
	struct live *live;
	const char *name; /* who the server says it is */
	unsigned calls, wrong;
	char problem[300];
};

static kshim_call *ask_who(struct live *live, kshim_done_fn *done, void *user)
{
	return kshim_client_request(live->client, "POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews", NULL,
				    whoami, strlen(whoami), NULL, done, user);
}

static void on_who(kshim_result *result, void *user)
{
	const char *body = kshim_result_body(result, NULL);
	struct person *person = user;
	json_t *tree = body ? json_loads(body, 0, NULL) : NULL;
	json_t *info = json_object_get(json_object_get(tree, "status"), "userInfo");
	const char *name = json_string_value(json_object_get(info, "username"));

	person->calls++;
	if (!name || strcmp(name, person->name) != 0) {
		person->wrong++;
		snprintf(person->problem, sizeof(person->problem), "%s was taken for %s", person->name,
			 name ? name : kshim_error_message(kshim_result_error(result)));
	}
	json_decref(tree);
}

static char *who_is(struct live *live)
{
	struct answer got = {0};
	json_t *tree;
	char *name;

	ASK(live, &got, ask_who(live, live_done, &got));
	EXPECT(&got, KSHIM_OK);
	tree = json_loads(got.body, 0, NULL);
	name = strdup(json_string_value(json_object_get(json_object_get(json_object_get(tree, "status"), "userInfo"),
							"username")));
	json_decref(tree);
	live_clear(&got);
	return name;
}

/* A connection of one is never used for another, certificate or token. */
static void identities_side_by_side(void **state)
{
	static const char *const contexts[] = {"admin", "token", "nobody"};
	struct person people[3] = {{0}};
	size_t i, k;

	(void)state;
	if (live_minor(server) < 28) {
		print_message("SKIPPED: the server does not tell who is asking (SelfSubjectReview, 1.28)\n");
		skip();
	}
	for (i = 0; i < 3; i++) {
		people[i].live = live_open(contexts[i], server->loop);
		people[i].name = who_is(people[i].live);
		for (k = 0; k < i; k++)
			assert_string_not_equal(people[i].name, people[k].name);
	}
	for (k = 0; k < ROUNDS; k++)
		for (i = 0; i < 3; i++)
			assert_non_null(ask_who(people[i].live, on_who, &people[i]));
	assert_int_equal(kshim_loop_run(server->loop), 0);
	for (i = 0; i < 3; i++) {
		if (people[i].wrong)
			fail_msg("%u times: %s", people[i].wrong, people[i].problem);
		assert_int_equal(people[i].calls, ROUNDS);
		assert_true(people[i].live->connections > 0);
		assert_false(people[i].live->wrong_http);
		free((char *)people[i].name);
		live_close(people[i].live);
	}
}

/* ---- a client that goes */

struct leaving {
	struct live *live;
	unsigned calls, done, cancelled, other;
	bool free_in_callback;
};

static void on_leaving(kshim_result *result, void *user)
{
	struct leaving *leaving = user;
	kshim_code code = kshim_error_code(kshim_result_error(result));

	leaving->calls++;
	if (code == KSHIM_OK)
		leaving->done++;
	else if (code == KSHIM_ECANCELED)
		leaving->cancelled++;
	else
		leaving->other++;
	if (leaving->live && !leaving->live->client && kshim_result_client(result))
		leaving->other++; /* it was freed */
	if (leaving->free_in_callback) {
		leaving->free_in_callback = false;
		kshim_client_free(leaving->live->client);
		leaving->live->client = NULL;
	}
}

/* 64 of all sorts. */
static void start_64(struct leaving *leaving, kshim_query *query, kshim_object *object)
{
	kshim_client *client = leaving->live->client;
	int i;

	for (i = 0; i < AT_ONCE; i += 4) {
		assert_non_null(kshim_query_list(query, NULL, on_leaving, leaving));
		assert_non_null(kshim_query_get_or_none(query, "x", on_leaving, leaving));
		assert_non_null(kshim_object_exists(object, NULL, on_leaving, leaving));
		assert_non_null(kshim_client_find_kind(client, "leases", on_leaving, leaving));
	}
}

/* One turn of a loop that is not ours. */
static void turn(kshim_loop *loop)
{
	struct pollfd waiting = {.fd = kshim_loop_fd(loop), .events = POLLIN};

	assert_int_equal(poll(&waiting, 1, HANG_MS), 1);
	assert_int_not_equal(kshim_loop_process(loop), -1);
}

enum { AT_ONCE_FREED, ON_THE_WIRE, IN_A_CALLBACK };

static void leave(int when)
{
	struct leaving leaving = {.live = live_open("token", server->loop)};
	kshim_query *query = kshim_query_new(leaving.live->client, KSHIM_CONFIG_MAP, server->namespace_);
	kshim_object *object = kshim_query_object(query, "x");

	start_64(&leaving, query, object);
	assert_int_equal(leaving.calls, 0);
	leaving.free_in_callback = when == IN_A_CALLBACK;
	if (when == ON_THE_WIRE)
		while (leaving.calls == 0)
			turn(server->loop);
	if (when != IN_A_CALLBACK) {
		kshim_client_free(leaving.live->client);
		leaving.live->client = NULL;
	}
	assert_int_equal(kshim_loop_run(server->loop), 0);
	assert_int_equal(leaving.calls, AT_ONCE);
	assert_int_equal(leaving.other, 0);
	assert_int_equal(leaving.done + leaving.cancelled, AT_ONCE);
	if (when == AT_ONCE_FREED)
		assert_int_equal(leaving.cancelled, AT_ONCE);
	else
		assert_true(leaving.done > 0);
	/* what is left of it starts nothing */
	assert_null(kshim_object_client(object));
	assert_null(kshim_query_list(query, NULL, on_leaving, &leaving));
	assert_null(kshim_object_delete(object, NULL, on_leaving, &leaving));
	kshim_object_unref(object);
	kshim_query_free(query);
	live_close(leaving.live);
}

static void freed_with_64_calls(void **state)
{
	(void)state;
	leave(AT_ONCE_FREED);
	leave(ON_THE_WIRE);
	leave(IN_A_CALLBACK);
}

/* The loop goes first: the callbacks come from its end. */
static void loop_freed_with_64_calls(void **state)
{
	struct leaving leaving = {.live = live_open("token", NULL)};
	kshim_query *query = kshim_query_new(leaving.live->client, KSHIM_CONFIG_MAP, server->namespace_);
	kshim_object *object = kshim_query_object(query, "x");

	(void)state;
	start_64(&leaving, query, object);
	while (leaving.calls == 0)
		turn(leaving.live->loop);
	kshim_loop_free(leaving.live->loop);
	leaving.live->own_loop = false;
	assert_int_equal(leaving.calls, AT_ONCE);
	assert_int_equal(leaving.other, 0);
	assert_true(leaving.done > 0);
	assert_null(kshim_query_list(query, NULL, on_leaving, &leaving));
	kshim_object_unref(object);
	kshim_query_free(query);
	live_close(leaving.live);
}

struct single {
	kshim_call *call;
	unsigned calls;
	kshim_code code;
	bool cancelled;
};

static void on_single(kshim_result *result, void *user)
{
	struct single *single = user;

	single->calls++;
	single->code = kshim_error_code(kshim_result_error(result));
}

static void cancel_every_second(struct single *singles, int from, int to)
{
	for (; from < to; from++) {
		if (from % 2 == 0 || singles[from].calls)
			continue;
		kshim_call_cancel(singles[from].call);
		kshim_call_cancel(singles[from].call); /* once more does nothing */
		singles[from].cancelled = true;
		assert_int_equal(singles[from].calls, 0); /* not from inside the cancel */
	}
}

/* Every second call is cancelled, some when they are on the wire: the others do
 * not notice. */
static void every_second_cancelled(void **state)
{
	kshim_query *query = kshim_query_new(server->client, KSHIM_SERVICE_ACCOUNT, server->namespace_);
	struct single singles[AT_ONCE] = {{0}};
	int i;

	(void)state;
	for (i = 0; i < AT_ONCE; i++)
		singles[i].call = kshim_query_list(query, NULL, on_single, &singles[i]);
	cancel_every_second(singles, AT_ONCE / 2, AT_ONCE);
	turn(server->loop);
	cancel_every_second(singles, 0, AT_ONCE / 2);
	assert_int_equal(kshim_loop_run(server->loop), 0);
	assert_true(singles[AT_ONCE - 1].cancelled);
	for (i = 0; i < AT_ONCE; i++) {
		assert_int_equal(singles[i].calls, 1);
		assert_int_equal(singles[i].code, singles[i].cancelled ? KSHIM_ECANCELED : KSHIM_OK);
	}
	kshim_query_free(query);
}

/* The same in a foreign loop, which polls the one descriptor. */
static void inside_another_loop(void **state)
{
	struct leaving leaving = {.live = server};
	kshim_query *query = kshim_query_new(server->client, KSHIM_CONFIG_MAP, server->namespace_);
	kshim_object *object = kshim_query_object(query, "x");

	(void)state;
	start_64(&leaving, query, object);
	while (leaving.calls < AT_ONCE)
		turn(server->loop);
	assert_int_equal(leaving.done, AT_ONCE);
	assert_int_equal(kshim_loop_process(server->loop), 0); /* nothing is under way */
	kshim_object_unref(object);
	kshim_query_free(query);
}

/* ---- what is left */

static int count_descriptors(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int count = 0;

	while (readdir(dir))
		count++;
	closedir(dir);
	return count;
}

/* A loop and a client take everything with them. */
static void nothing_is_left_open(void **state)
{
	int before = count_descriptors();
	struct leaving leaving = {.live = live_open("token", NULL)};
	kshim_query *query = kshim_query_new(leaving.live->client, KSHIM_CONFIG_MAP, server->namespace_);
	kshim_object *object = kshim_query_object(query, "x");

	(void)state;
	start_64(&leaving, query, object);
	assert_int_equal(kshim_loop_run(leaving.live->loop), 0);
	assert_int_equal(leaving.done, AT_ONCE);
	assert_true(count_descriptors() > before);
	kshim_object_unref(object);
	kshim_query_free(query);
	live_close(leaving.live);
	assert_int_equal(count_descriptors(), before);
}

/* ---- running */

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(two_hundred),
		cmocka_unit_test(through_one_connection),
		cmocka_unit_test(identities_side_by_side),
		cmocka_unit_test(freed_with_64_calls),
		cmocka_unit_test(loop_freed_with_64_calls),
		cmocka_unit_test(every_second_cancelled),
		cmocka_unit_test(inside_another_loop),
		cmocka_unit_test(nothing_is_left_open),
	};

	return live_run_tests(argc, argv, "many", tests, sizeof(tests) / sizeof(tests[0]), live_set_up, live_tear_down);
}
