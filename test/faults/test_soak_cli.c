/*
 * `kubeshim watch` beside an API server that changes all the time and breaks at random (modelapi.h), for more than an hour
 * of its time, in which a second takes 2 ms. Its lines make a history: what is added was not there, what is modified or
 * deleted was, versions only grow. In the end they add up to what the server has.
 *
 * KSHIM_SOAK_SEED begins with that seed, KSHIM_SOAK_RUNS and KSHIM_SOAK_SECONDS say how many runs and how long each is.
 */
#include "soak.h"

#include "alloc.h"
#include "json/event.h"
#include "object.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#define SECONDS 3 /* of ours: 25 minutes of the server's */
#define PATIENCE_MS 60000

struct soak {
	struct modelapi *model;
	kshim_loop *loop;
	kshim_client *client; /* its loop never runs: objects are read with it */
	struct known known[ROOM];
	char *text;
	size_t len, room;
	unsigned lines;
};

static char program[500]; /* of the same build as this one */

static pid_t start(const struct modelapi *model, const char *config, const char *errors, int *from)
{
	char *ca = base64_member("certificate-authority-data", fakeapi_ca_pem(modelapi_api(model)));
	FILE *file = fopen(config, "w");
	int ends[2];
	pid_t pid;

	assert_non_null(file);
	fprintf(file, "{\"clusters\":[{\"name\":\"a\",\"cluster\":{\"server\":\"%s\",%s}}],\"users\":[{\"name\":\"a\",\"user\":{}}],"
		      "\"contexts\":[{\"name\":\"a\",\"context\":{\"cluster\":\"a\",\"user\":\"a\"}}],\"current-context\":\"a\"}",
		fakeapi_url(modelapi_api(model)), ca);
	assert_int_equal(fclose(file), 0);
	kshim__free(ca);
	assert_int_equal(pipe(ends), 0);
	pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGTERM);
		setenv("KUBECONFIG", config, 1);
		if (dup2(ends[1], STDOUT_FILENO) >= 0 && freopen(errors, "w", stderr))
			execl(program, program, "-A", "watch", "configmaps", NULL);
		_exit(127);
	}
	assert_true(pid > 0);
	close(ends[1]);
	*from = ends[0];
	return pid;
}

static void take_line(struct soak *soak, const char *line, size_t len)
{
	struct kshim__span nothing = {"", 0}, text = {line, len};
	struct kshim__event event;
	bool usual = false;
	struct known now, *known;
	kshim_object *object;

	soak->lines++;
	if (!kshim__event_read(text, &event, &usual))
		fail_msg("line %u: %.*s", soak->lines, (int)(len < 200 ? len : 200), line);
	object = kshim__object_from_item(soak->client, KSHIM_CONFIG_MAP, NULL, nothing, event.object, NULL);
	assert_non_null(object);
	known = &soak->known[soak_slot(soak->model, object)];
	now = soak_read(object);
	switch (event.type) {
	case KSHIM__EVENT_ADDED:
		assert_string_equal(known->uid, "");
		break;
	case KSHIM__EVENT_MODIFIED:
		assert_string_equal(known->uid, now.uid);
		assert_true(now.version > known->version);
		break;
	case KSHIM__EVENT_DELETED:
		assert_string_equal(known->uid, now.uid);
		assert_true(now.version >= known->version);
		now.uid[0] = '\0';
		break;
	default:
		fail_msg("line %u: a type that was not promised", soak->lines);
	}
	*known = now;
	kshim_object_unref(object);
}

/* Reads what comes until then. */
static void read_lines(struct soak *soak, int from, uint64_t until_ms)
{
	struct pollfd fd = {.fd = from, .events = POLLIN};
	size_t begin = 0;
	ssize_t got;
	char *end;
	uint64_t now;

	while ((now = soak_ms()) < until_ms) {
		if (poll(&fd, 1, (int)(until_ms - now)) <= 0)
			continue;
		if (soak->room - soak->len < 65536) {
			soak->room = soak->room * 2 + 65536;
			soak->text = realloc(soak->text, soak->room);
			assert_non_null(soak->text);
		}
		got = read(from, soak->text + soak->len, soak->room - soak->len);
		if (got < 0 && errno == EINTR)
			continue;
		assert_true(got > 0); /* it goes on for ever */
		for (begin = 0, end = soak->text + soak->len, soak->len += (size_t)got;
		     (end = memchr(end, '\n', (size_t)(soak->text + soak->len - end))); begin = (size_t)(++end - soak->text))
			take_line(soak, soak->text + begin, (size_t)(end - soak->text) - begin);
		memmove(soak->text, soak->text + begin, soak->len -= begin);
	}
}

static bool adds_up(const struct soak *soak)
{
	size_t i;

	for (i = 0; i < modelapi_room(soak->model); i++) {
		const struct modelapi_object *o = modelapi_object(soak->model, i);

		if (strcmp(soak->known[i].uid, o ? o->uid : "") != 0 || (o && soak->known[i].version != o->version))
			return false;
	}
	return true;
}

static void one_run(enum fakeapi_http http, uint64_t seed)
{
	struct modelapi_options options = {.seed = seed, .faults = MODELAPI_ALL, .percent = 20, .second_ms = 2, .stall_ms = 300,
					   .history = 60, .old = seed % 4 == 0, .http = http};
	char config[] = "/tmp/kubeshim-soak-XXXXXX", errors[sizeof(config) + 4];
	int fd = mkstemp(config), from, status;
	struct soak soak = {.model = modelapi_start(&options), .loop = kshim_loop_new()};
	uint64_t end_ms;
	pid_t pid;

	print_message("seed %llu\n", (unsigned long long)seed);
	assert_true(fd >= 0);
	close(fd);
	assert_non_null(soak.model);
	snprintf(errors, sizeof(errors), "%s.err", config);
	soak.client = kshim_client_new(soak.loop, config_of(modelapi_api(soak.model), NULL, NULL));
	assert_non_null(soak.client);
	pid = start(soak.model, config, errors, &from);
	read_lines(&soak, from, soak_ms() + soak_setting("KSHIM_SOAK_SECONDS", SECONDS) * 1000);
	modelapi_quiesce(soak.model);
	for (end_ms = soak_ms() + PATIENCE_MS; !adds_up(&soak); read_lines(&soak, from, soak_ms() + 20))
		if (soak_ms() > end_ms)
			fail_msg("after %u lines they do not add up to what the server has; it told %s", soak.lines, errors);
	kill(pid, SIGTERM);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 128 + SIGTERM);
	assert_true(soak.lines > modelapi_room(soak.model));
	close(from);
	free(soak.text);
	kshim_client_free(soak.client);
	kshim_loop_free(soak.loop);
	assert_int_equal(modelapi_stop(soak.model), 0);
	unlink(errors);
	unlink(config);
}

static void runs(enum fakeapi_http http)
{
	unsigned count = soak_setting("KSHIM_SOAK_RUNS", 1), run;
	uint64_t first = soak_seed();

	for (run = 0; run < count; run++)
		one_run(http, first + run);
}

static void over_h1(void **state)
{
	(void)state;
	runs(FAKEAPI_H1);
}

static void over_h2(void **state)
{
	(void)state;
	runs(FAKEAPI_H2_AND_H1);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(over_h1), cmocka_unit_test(over_h2)};
	const char *test = strstr(argv[0], "test/faults/");

	(void)argc;
	snprintf(program, sizeof(program), "%.*skubeshim", test ? (int)(test - argv[0]) : 0, argv[0]);
	test_begin();
	soak_alarm();
	return cmocka_run_group_tests_name("faults/soak_cli", tests, NULL, NULL);
}
