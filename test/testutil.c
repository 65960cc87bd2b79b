#include "testutil.h"

#include "alloc.h"
#include "base64.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <time.h>
#include <unistd.h>

const struct variant variants[4] = {
	{ALONE, KSHIM_HTTP_1_1},
	{ALONE, KSHIM_HTTP_2},
	{INSIDE, KSHIM_HTTP_1_1},
	{INSIDE, KSHIM_HTTP_2},
};

/* Driving. */

static void wait_readable(int fd)
{
	struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
	int rc;

	do {
		rc = poll(&poll_fd, 1, HANG_MS);
	} while (rc < 0 && errno == EINTR);
	assert_int_equal(rc, 1); /* else the descriptor would never have become readable */
}

static void drive_inside(kshim_loop *loop)
{
	int fd = kshim_loop_fd(loop), rc;

	while ((rc = kshim_loop_process(loop)) == 1)
		wait_readable(fd);
	assert_int_equal(rc, 0);
}

void drive(kshim_loop *loop, enum drive how)
{
	if (how == ALONE)
		assert_int_equal(kshim_loop_run(loop), 0);
	else
		drive_inside(loop);
}

struct condition {
	kshim_loop *loop;
	met_fn *met;
	void *user;
	int64_t until;
	bool true_now;
};

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void ask(kshim_timer *timer, void *user)
{
	struct condition *condition = user;

	condition->true_now = condition->met(condition->user);
	if (condition->true_now || now_ms() > condition->until)
		kshim_loop_stop(condition->loop);
	else
		kshim_timer_set(timer, 1);
}

void drive_until(kshim_loop *loop, enum drive how, met_fn *met, void *user)
{
	struct condition condition = {loop, met, user, now_ms() + HANG_MS, false};
	struct pollfd poll_fd = {.events = POLLIN};
	kshim_timer *timer;

	if (how == ALONE) {
		timer = kshim_timer_new(loop, 0, ask, &condition);
		assert_non_null(timer);
		assert_int_equal(kshim_loop_run(loop), 0);
		kshim_timer_free(timer);
		assert_true(condition.true_now);
		return;
	}
	poll_fd.fd = kshim_loop_fd(loop);
	while (!met(user)) {
		assert_true(now_ms() < condition.until);
		assert_true(poll(&poll_fd, 1, 1) >= 0 || errno == EINTR);
		assert_true(kshim_loop_process(loop) >= 0);
	}
}

/* Secrets. */

const char *secret_in(const char *text)
{
	static const char *const forms[] = {SECRET_FORMS};
	size_t i;

	for (i = 0; text && i < COUNT(forms); i++)
		if (strstr(text, forms[i]))
			return forms[i];
	return NULL;
}

void shown(const char *text)
{
	if (secret_in(text))
		print_error("a secret is shown: %s\n", text);
	assert_null(secret_in(text));
}

static void show_error(const kshim_error *error)
{
	size_t i;

	shown(kshim_error_message(error));
	shown(kshim_error_reason(error));
	shown(kshim_error_body(error, NULL));
	for (i = 0; i < kshim_error_cause_count(error); i++) {
		shown(kshim_error_cause_reason(error, i));
		shown(kshim_error_cause_field(error, i));
		shown(kshim_error_cause_message(error, i));
	}
}

static void show_trace(char direction, const char *line, void *unused)
{
	(void)direction;
	(void)unused;
	shown(line);
}

static void show_warning(const char *text, void *unused)
{
	(void)unused;
	shown(text);
}

static void show_request(const kshim_request_info *info, void *unused)
{
	(void)unused;
	shown(kshim_request_info_path(info));
}

void watch_client(kshim_client *client)
{
	kshim_client_on_trace(client, show_trace, NULL);
	kshim_client_on_warning(client, show_warning, NULL);
	kshim_client_on_request(client, show_request, NULL);
}

/* The rig. */

char *base64_member(const char *key, const char *text)
{
	char *data = kshim__base64(text, strlen(text)), *member;

	assert_non_null(data);
	assert_true(asprintf(&member, "\"%s\":\"%s\"", key, data) > 0);
	kshim__free(data);
	return member;
}

kshim_config *config_of(const struct fakeapi *api, const char *cluster, const char *user)
{
	const char *pem = fakeapi_ca_pem(api);
	bool own_ca = !*pem || (cluster && (strstr(cluster, "certificate-authority") ||
					     strstr(cluster, "insecure-skip-tls-verify")));
	char *ca = own_ca ? strdup("\"extensions\":[]") : base64_member("certificate-authority-data", pem), *text;
	kshim_error *error = NULL;
	kshim_config *config;

	assert_non_null(ca);
	assert_true(asprintf(&text,
			     "{\"apiVersion\":\"v1\",\"kind\":\"Config\",\"current-context\":\"test\","
			     "\"contexts\":[{\"name\":\"test\",\"context\":{\"cluster\":\"c\",\"user\":\"u\","
			     "\"namespace\":\"ns\"}}],\"users\":[{\"name\":\"u\",\"user\":{%s}}],"
			     "\"clusters\":[{\"name\":\"c\",\"cluster\":{\"server\":\"%s\",%s%s%s}}]}",
			     user ? user : "", fakeapi_url(api), ca, cluster ? "," : "", cluster ? cluster : "") > 0);
	config = kshim_config_from_text(text, strlen(text), &error);
	if (!config)
		print_error("%s\n", kshim_error_message(error));
	assert_non_null(config);
	free(text);
	free(ca);
	text = kshim_config_format(config);
	assert_non_null(text);
	shown(text);
	free(text);
	return config;
}

static void rig_connect(struct rig *rig, const char *cluster, const char *user)
{
	kshim_error *error = NULL;

	rig->loop = kshim_loop_new();
	assert_non_null(rig->loop);
	rig->client = kshim_client_open(rig->loop, config_of(rig->api, cluster, user), &error);
	if (!rig->client)
		print_error("%s\n", kshim_error_message(error));
	assert_non_null(rig->client);
	kshim_client_set_http_version(rig->client, rig->http);
	watch_client(rig->client);
	rig->pods = kshim_query_new(rig->client, KSHIM_POD, NULL);
	assert_non_null(rig->pods);
}

void rig_start_with(struct rig *rig, void **state, const struct fakeapi_options *options, const char *cluster,
		    const char *user)
{
	const struct variant *variant = *state ? *state : &variants[0];
	struct fakeapi_options own = *options;

	memset(rig, 0, sizeof(*rig));
	rig->how = variant->drive;
	rig->http = variant->http;
	rig->fds = open_fds();
	rig->api = fakeapi_start(&own);
	assert_non_null(rig->api);
	rig_connect(rig, cluster, user);
}

void rig_start(struct rig *rig, void **state, const struct fakeapi_route *routes, size_t count)
{
	struct fakeapi_options options = {.routes = routes, .route_count = count};

	rig_start_with(rig, state, &options, NULL, NULL);
}

void rig_stop(struct rig *rig)
{
	kshim_query_free(rig->pods);
	kshim_client_free(rig->client);
	kshim_loop_free(rig->loop);
	assert_int_equal(fakeapi_stop(rig->api), 0);
	assert_fds(rig->fds);
}

void rig_drive(struct rig *rig)
{
	drive(rig->loop, rig->how);
}

void rig_until(struct rig *rig, met_fn *met, void *user)
{
	drive_until(rig->loop, rig->how, met, user);
}

struct awaited {
	const struct fakeapi *api;
	size_t requests;
	unsigned connections;
};

static bool arrived(void *user)
{
	struct awaited *awaited = user;

	return fakeapi_request_count(awaited->api) >= awaited->requests &&
	       fakeapi_connections(awaited->api) >= awaited->connections;
}

void rig_until_requests(struct rig *rig, size_t count)
{
	struct awaited awaited = {rig->api, count, 0};

	rig_until(rig, arrived, &awaited);
}

void rig_until_connections(struct rig *rig, unsigned count)
{
	struct awaited awaited = {rig->api, 0, count};

	rig_until(rig, arrived, &awaited);
}

/* Callbacks. */

static void copy(char *to, size_t room, const char *from)
{
	snprintf(to, room, "%s", from ? from : "");
}

static void append(char *to, size_t room, const char *from)
{
	size_t len = strlen(to);

	snprintf(to + len, room - len, " %s", from ? from : "(null)");
}

static void note_error(struct seen *seen, const kshim_error *error)
{
	show_error(error);
	seen->has_error = error != NULL;
	seen->code = kshim_error_code(error);
	seen->curl_code = kshim_error_curl_code(error);
	seen->retryable = kshim_error_is_retryable(error);
	seen->retry_after = kshim_error_retry_after(error);
	copy(seen->message, sizeof(seen->message), kshim_error_message(error));
	copy(seen->reason, sizeof(seen->reason), kshim_error_reason(error));
}

void seen_done(kshim_result *result, void *user)
{
	struct seen *seen = user;
	const char *body = kshim_result_body(result, &seen->body_len);
	size_t i;

	seen->done++;
	seen->early = seen->early || !seen->returned;
	note_error(seen, kshim_result_error(result));
	seen->status = kshim_result_http_status(result);
	seen->found = kshim_result_found(result);
	seen->consistent = kshim_result_is_consistent(result);
	seen->item_count = kshim_result_item_count(result);
	seen->has_client = kshim_result_client(result) != NULL;
	seen->has_object = kshim_result_object(result) != NULL;
	copy(seen->object, sizeof(seen->object), kshim_object_name(kshim_result_object(result)));
	copy(seen->body, sizeof(seen->body), body);
	copy(seen->content_type, sizeof(seen->content_type), kshim_result_content_type(result));
	copy(seen->version, sizeof(seen->version), kshim_result_resource_version(result));
	copy(seen->token, sizeof(seen->token), kshim_result_continue(result));
	seen->warnings[0] = '\0';
	for (i = 0; kshim_result_warning(result, i); i++) {
		shown(kshim_result_warning(result, i));
		append(seen->warnings, sizeof(seen->warnings), kshim_result_warning(result, i));
	}
	if (seen->on_done)
		seen->on_done(seen, result);
}

void seen_item(kshim_object *item, void *user)
{
	struct seen *seen = user;

	seen->items++;
	seen->early = seen->early || !seen->returned || seen->done;
	append(seen->names, sizeof(seen->names), kshim_object_name(item));
	if (seen->on_item)
		seen->on_item(seen, item);
}

kshim_call *started(struct seen *seen, kshim_call *call)
{
	seen->returned = true;
	seen->call = call;
	return call;
}

void list_pods(struct rig *rig, struct seen *seen)
{
	seen->rig = rig;
	assert_non_null(started(seen, kshim_query_list(rig->pods, seen_item, seen_done, seen)));
	rig_drive(rig);
}

void get_pod(struct rig *rig, const char *name, struct seen *seen)
{
	seen->rig = rig;
	assert_non_null(started(seen, kshim_query_get_by_name(rig->pods, name, seen_done, seen)));
	rig_drive(rig);
}

void get_one_answer(void **state, const struct fakeapi_answer *answer, struct seen *seen, size_t requests)
{
	struct fakeapi_route route = {.answer = *answer};
	struct rig rig;

	rig_start(&rig, state, &route, 1);
	get_pod(&rig, "a", seen);
	assert_int_equal(seen->done, 1);
	assert_int_equal(fakeapi_request_count(rig.api), requests);
	rig_stop(&rig);
}

kshim_call *start_to_create_pod(struct rig *rig, struct seen *seen)
{
	kshim_object *object = kshim_object_from_text(rig->client, POD("a"), strlen(POD("a")));
	kshim_call *call;

	assert_non_null(object);
	call = started(seen, kshim_object_create(object, NULL, seen_done, seen));
	kshim_object_unref(object);
	assert_non_null(call);
	return call;
}

/* The server's side. */

void assert_fate(const struct fakeapi *api, size_t i, enum fakeapi_fate fate)
{
	const struct fakeapi_request *request = fakeapi_request(api, i);
	int turns;

	assert_non_null(request);
	for (turns = 0; turns < 2000 && (int)atomic_load(&request->fate) != (int)fate; turns++)
		usleep(5000);
	assert_int_equal(atomic_load(&request->fate), fate);
}

void assert_open_connections(const struct fakeapi *api, unsigned count)
{
	int turns;

	for (turns = 0; turns < 2000 && fakeapi_open_connections(api) != count; turns++)
		usleep(5000);
	assert_int_equal(fakeapi_open_connections(api), count);
}

/* Bodies. */

char *pod_list(size_t count, size_t padding, const char *continue_token)
{
	char *text = NULL, *fill = malloc(padding + 1);
	size_t len, i;
	FILE *out = open_memstream(&text, &len);

	assert_non_null(out);
	assert_non_null(fill);
	memset(fill, 'x', padding);
	fill[padding] = '\0';
	fprintf(out, "{\"kind\":\"PodList\",\"apiVersion\":\"v1\",\"metadata\":{\"resourceVersion\":\"100\"");
	if (continue_token)
		fprintf(out, ",\"continue\":\"%s\"", continue_token);
	fprintf(out, "},\"items\":[");
	for (i = 0; i < count; i++)
		fprintf(out, "%s{\"metadata\":{\"name\":\"pod-%zu\",\"namespace\":\"ns\"},\"spec\":{\"x\":\"%s\"}}",
			i ? "," : "", i, fill);
	fprintf(out, "]}\n");
	fclose(out);
	free(fill);
	return text;
}

/* Descriptors. */

static int each_fd(void (*visit)(int fd, int *user), int *user)
{
	DIR *dir = opendir("/proc/self/fd");
	struct dirent *entry;
	int count = 0, fd;

	assert_non_null(dir);
	while ((entry = readdir(dir))) {
		fd = atoi(entry->d_name);
		if (entry->d_name[0] == '.' || fd == dirfd(dir))
			continue;
		count++;
		visit(fd, user);
	}
	closedir(dir);
	return count;
}

static void only_count(int fd, int *unused)
{
	(void)fd;
	(void)unused;
}

static void find_inheritable(int fd, int *found)
{
	if (fd > 2 && *found < 0 && !(fcntl(fd, F_GETFD) & FD_CLOEXEC))
		*found = fd;
}

static void set_cloexec(int fd, int *unused)
{
	(void)unused;
	if (fd > 2)
		fcntl(fd, F_SETFD, FD_CLOEXEC);
}

int open_fds(void)
{
	return each_fd(only_count, NULL);
}

int fd_without_cloexec(void)
{
	int found = -1;

	each_fd(find_inheritable, &found);
	return found;
}

void assert_fds(int before)
{
	int turns;

	for (turns = 0; turns < 400 && open_fds() != before; turns++)
		usleep(5000);
	assert_int_equal(open_fds(), before);
}

int slowness(void)
{
	const char *preload = getenv("LD_PRELOAD");

#if defined(__SANITIZE_ADDRESS__)
	return 3;
#endif
	return preload && strstr(preload, "vgpreload") ? 20 : 1;
}

void test_begin(void)
{
	static const char *const proxies[] = {"http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY",
					      "no_proxy", "NO_PROXY"};
	size_t i;

	for (i = 0; i < COUNT(proxies); i++)
		unsetenv(proxies[i]);
	each_fd(set_cloexec, NULL); /* what make and the like handed down */
	if (getenv("KSHIM_TEST"))
		cmocka_set_test_filter(getenv("KSHIM_TEST"));
	alarm(580);
}
