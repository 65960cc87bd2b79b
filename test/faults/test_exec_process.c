/* Exec credential plugins as processes: those that hang, that outlive their client, and the program around them. */
/* LINK: -Wl,--wrap=syscall */
#include "plugin.h"

#include "client.h"
#include "config/credential.h"
#include "config/exec.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* What goes wrong. */

/* Whether one of the group is there that is not dead. (Who reaps orphans here may
 * be slow.) */
static bool group_lives(pid_t group)
{
	DIR *proc = opendir("/proc");
	struct dirent *entry;
	bool lives = false;

	assert_non_null(proc);
	while ((entry = readdir(proc))) {
		char path[300], state;
		int parent, its;
		FILE *stat;

		snprintf(path, sizeof(path), "/proc/%s/stat", entry->d_name);
		stat = *entry->d_name >= '1' && *entry->d_name <= '9' ? fopen(path, "re") : NULL;
		if (!stat)
			continue;
		if (fscanf(stat, "%*d (%*[^)]) %c %d %d", &state, &parent, &its) == 3 && its == group && state != 'Z')
			lives = true;
		fclose(stat);
	}
	closedir(proc);
	return lives;
}

/* No child of ours is left, not even a dead one. (But for the server.) */
static void assert_gone(pid_t pid)
{
	int turns;

	assert_int_equal(waitpid(pid, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
	for (turns = 0; turns < 200 && group_lives(pid); turns++)
		usleep(5000);
	assert_false(group_lives(pid));
}

static void test_hangs(void **state)
{
	struct seen seen;
	struct rig rig;

	put_plugin("echo thinking >&2; sleep 100 & sleep 100");
	start(&rig, state, NULL, FAKEAPI_CERT_IGNORED, EXEC_V1);
	kshim__exec_set_timeout(rig.client->access->credential->data, 1000);
	get(&rig, &seen);
	assert_failed(&seen, KSHIM_ECONFIG);
	assert_contains(seen.message, "did not end within 1 s: thinking");
	assert_gone(last_pid());
	rig_stop(&rig);
}

static void test_freed_meanwhile(void **state)
{
	struct seen seen[3] = {{0}};
	struct rig rig;
	double began;

	put_plugin("sleep 100 & sleep 100");
	start(&rig, state, NULL, FAKEAPI_CERT_IGNORED, EXEC_V1);
	all_get(&rig, seen, 3);
	rig_until(&rig, has_run, NULL);
	kshim_query_free(rig.pods);
	rig.pods = NULL;
	kshim_client_free(rig.client);
	rig.client = NULL;
	began = wall_ms();
	rig_drive(&rig);
	assert_true(wall_ms() - began < 3000); /* not the 100 s that it would take */
	assert_failed(&seen[2], KSHIM_ECANCELED);
	assert_gone(last_pid());
	rig_stop(&rig);

	put_plugin("sleep 100 & sleep 100");
	memset(seen, 0, sizeof(seen));
	start(&rig, state, NULL, FAKEAPI_CERT_IGNORED, EXEC_V1);
	all_get(&rig, seen, 3);
	rig_until(&rig, has_run, NULL);
	kshim_loop_free(rig.loop);
	rig.loop = NULL;
	assert_failed(&seen[0], KSHIM_ECANCELED);
	assert_gone(last_pid());
	rig_stop(&rig);
}

/* The plugin goes with its client, not with the last object that holds on to it. */
static void test_object_outlives(void **state)
{
	kshim_object *object;
	struct seen seen = {0};
	struct rig rig;

	put_plugin("sleep 100 & sleep 100");
	start(&rig, state, NULL, FAKEAPI_CERT_IGNORED, EXEC_V1);
	object = kshim_object_from_text(rig.client, POD("a"), strlen(POD("a")));
	assert_non_null(object);
	all_get(&rig, &seen, 1);
	rig_until(&rig, has_run, NULL);
	kshim_query_free(rig.pods);
	rig.pods = NULL;
	kshim_client_free(rig.client);
	rig.client = NULL;
	rig_drive(&rig);
	assert_failed(&seen, KSHIM_ECANCELED);
	assert_gone(last_pid());
	kshim_object_unref(object);
	rig_stop(&rig);
}

static void stay_too_long(kshim_timer *timer, void *user)
{
	(void)user;
	usleep(600000);
	kshim_timer_free(timer);
}

static void free_client(kshim_timer *timer, void *user)
{
	struct rig *rig = user;

	kshim_timer_free(timer);
	kshim_query_free(rig->pods);
	rig->pods = NULL;
	kshim_client_free(rig->client);
	rig->client = NULL;
}

/* Its time is over and the client goes in one pass: it is killed, and not dead yet. */
static void test_freed_as_it_dies(void **state)
{
	struct seen seen = {0};
	struct rig rig;
	pid_t pid;

	put_plugin("sleep 100 & sleep 100");
	start(&rig, state, NULL, FAKEAPI_CERT_IGNORED, EXEC_V1);
	kshim__exec_set_timeout(rig.client->access->credential->data, 1000);
	all_get(&rig, &seen, 1);
	assert_non_null(kshim_timer_new(rig.loop, 700, stay_too_long, NULL));
	assert_non_null(kshim_timer_new(rig.loop, 1100, free_client, &rig));
	rig_drive(&rig);
	assert_failed(&seen, KSHIM_ECANCELED);
	pid = last_pid();
	assert_gone(pid);
	rig_stop(&rig);
}

/* The calls that wait can end before the plugin; what it gives is kept. */
static void test_waiting_ends(void **state)
{
	struct seen seen[2] = {{0}};
	struct rig rig;

	put_plugin("sleep 1; " CREDENTIAL(V1, TOKEN));
	start(&rig, state, "1", FAKEAPI_CERT_IGNORED, EXEC_V1);
	all_get(&rig, seen, 1);
	rig_until(&rig, has_run, NULL);
	kshim_call_cancel(seen[0].call);
	rig_drive(&rig);
	assert_failed(&seen[0], KSHIM_ECANCELED);
	kshim_client_set_timeout(rig.client, 100);
	all_get(&rig, &seen[1], 1);
	rig_drive(&rig);
	assert_failed(&seen[1], KSHIM_ETIMEDOUT);
	assert_contains(seen[1].message, "credential");
	kshim_client_set_timeout(rig.client, 60000);
	get(&rig, &seen[0]);
	assert_ok(&seen[0]);
	assert_int_equal(runs(), 1);
	rig_stop(&rig);
}

/* The program around us. */

static volatile sig_atomic_t reaped;

static void reap_all(int number)
{
	int error = errno;

	(void)number;
	while (waitpid(-1, NULL, WNOHANG) > 0)
		reaped++;
	errno = error;
}

static void test_host_that_reaps(void **state)
{
	struct sigaction ours = {.sa_handler = reap_all, .sa_flags = SA_RESTART}, before, after;
	struct seen seen;
	struct rig rig;

	reaped = 0;
	put_plugin(CREDENTIAL(V1, TOKEN));
	start(&rig, state, "1", FAKEAPI_CERT_IGNORED, EXEC_V1);
	sigaction(SIGCHLD, &ours, &before);
	get(&rig, &seen);
	assert_ok(&seen);
	assert_int_equal(reaped, 1);
	sigaction(SIGCHLD, NULL, &after);
	assert_true(after.sa_handler == reap_all);
	sigaction(SIGCHLD, &before, NULL);
	rig_stop(&rig);

	/* how it ended is unknown, but there is no output */
	put_plugin("echo no >&2; exit 1");
	start(&rig, state, "1", FAKEAPI_CERT_IGNORED, EXEC_V1);
	ours.sa_handler = SIG_IGN;
	sigaction(SIGCHLD, &ours, &before);
	get(&rig, &seen);
	assert_failed(&seen, KSHIM_ECONFIG);
	assert_contains(seen.message, "taken by another part of the program: no");
	put_plugin("trap '' TERM; sleep 100 & " CREDENTIAL(V1, TOKEN) "; exit 1");
	get(&rig, &seen);
	assert_ok(&seen);
	sigaction(SIGCHLD, &before, NULL);
	rig_stop(&rig);
}

static void test_without_pidfd(void **state)
{
	no_pidfd = true;
	test_hangs(state);
	test_freed_meanwhile(state);
	test_host_that_reaps(state);
	no_pidfd = false;
}

/* The plugin gets fresh signals, whatever ours are. */
static void test_signals(void **state)
{
	struct sigaction ignore = {.sa_handler = SIG_IGN}, old;
	sigset_t set, before, after;
	struct seen seen;
	struct rig rig;
	unsigned long long blocked, ignored;
	char text[256];

	put_plugin("grep -E 'Sig(Blk|Ign)' /proc/self/status >signals; " CREDENTIAL(V1, TOKEN));
	start(&rig, state, "1", FAKEAPI_CERT_IGNORED, EXEC_V1);
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, &before);
	sigaction(SIGPIPE, &ignore, &old);
	get(&rig, &seen);
	assert_ok(&seen);
	get_file("signals", text, sizeof(text));
	assert_int_equal(sscanf(text, "SigBlk: %llx SigIgn: %llx", &blocked, &ignored), 2);
	assert_int_equal(blocked, 0);
	assert_int_equal(ignored & ~0x180000000ULL, 0); /* glibc's own 32 and 33 */
	sigprocmask(SIG_SETMASK, &before, &after);
	assert_true(sigismember(&after, SIGTERM) && sigismember(&after, SIGCHLD));
	sigaction(SIGPIPE, &old, NULL);
	rig_stop(&rig);
}

/* When no plugin is run. */

static void test_refused_configs(void **state)
{
	static const struct {
		const char *exec, *message;
	} cases[] = {
		{"\"command\":\"x\",\"apiVersion\":\"" V1 "\"", "interactiveMode is missing"},
		{"\"command\":\"x\",\"apiVersion\":\"" V1 "\",\"interactiveMode\":\"Always\"", "has no terminal"},
		{"\"command\":\"x\",\"apiVersion\":\"" V1BETA1 "\",\"interactiveMode\":\"Always\"", "has no terminal"},
		{"\"command\":\"x\",\"apiVersion\":\"" V1BETA1 "\",\"interactiveMode\":\"never\"", "is \"never\""},
		{"\"command\":\"x\",\"apiVersion\":\"client.authentication.k8s.io/v1alpha1\"", "apiVersion is"},
		{"\"command\":\"x\",\"interactiveMode\":\"Never\"", "apiVersion is \"\""},
		{"\"command\":\"\"," EXEC_V1, "command is missing"},
		{"\"command\":\"x\"," EXEC_V1 ",\"env\":[{\"name\":\"A\"},{\"value\":\"x\"}]", "env[1] has no name"},
	};
	kshim_loop *loop = kshim_loop_new();
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(cases); i++) {
		kshim_error *error = NULL;
		kshim_client *client;
		char *text;

		assert_true(asprintf(&text,
				     "{\"current-context\":\"x\",\"contexts\":[{\"name\":\"x\",\"context\":{\"cluster\":"
				     "\"c\",\"user\":\"u\"}}],\"clusters\":[{\"name\":\"c\",\"cluster\":{\"server\":"
				     "\"https://localhost\"}}],\"users\":[{\"name\":\"u\",\"user\":{\"exec\":{%s}}}]}",
				     cases[i].exec) > 0);
		client = kshim_client_open(loop, kshim_config_from_text(text, strlen(text), &error), &error);
		assert_null(client);
		assert_int_equal(kshim_error_code(error), KSHIM_ECONFIG);
		assert_contains(kshim_error_message(error), cases[i].message);
		kshim_error_free(error);
		free(text);
	}
	kshim_loop_free(loop);
}

static void test_interactive_if_available(void **state)
{
	struct seen seen;
	struct rig rig;

	put_plugin(CREDENTIAL(V1, TOKEN));
	start(&rig, state, "1", FAKEAPI_CERT_IGNORED, "\"apiVersion\":\"" V1 "\",\"interactiveMode\":\"IfAvailable\"");
	get(&rig, &seen);
	assert_ok(&seen);
	rig_stop(&rig);
}

static void test_not_run(void **state)
{
	struct fakeapi_route route = {.answer = {.body = POD("a")}};
	struct fakeapi_options options = {.routes = &route, .route_count = 1, .plain = true, .http = FAKEAPI_H1};
	static const char *const others[] = {"\"token\":\"" SECRET "\"", "\"username\":\"u\",\"password\":\"" SECRET "\""};
	struct seen seen;
	struct rig rig;
	char *user;
	size_t i;

	put_plugin(CREDENTIAL(V1, TOKEN));
	assert_true(asprintf(&user, "\"exec\":{\"command\":\"%s\",%s}", path_of("plugin"), EXEC_V1) > 0);
	rig_start_with(&rig, state, &options, NULL, user);
	get(&rig, &seen);
	assert_ok(&seen);
	assert_null(fakeapi_header(fakeapi_request(rig.api, 0), "authorization"));
	rig_stop(&rig);
	free(user);
	options.plain = false;
	for (i = 0; i < COUNT(others); i++) {
		assert_true(asprintf(&user, "\"exec\":{\"command\":\"%s\",%s},%s", path_of("plugin"), EXEC_V1, others[i]) > 0);
		rig_start_with(&rig, state, &options, NULL, user);
		get(&rig, &seen);
		assert_ok(&seen);
		assert_non_null(fakeapi_header(fakeapi_request(rig.api, 0), "authorization"));
		rig_stop(&rig);
		free(user);
	}
	assert_int_equal(runs(), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BOTH_DRIVES(test_hangs),
		BOTH_DRIVES(test_freed_meanwhile),
		BOTH_DRIVES(test_object_outlives),
		BOTH_DRIVES(test_freed_as_it_dies),
		BOTH_DRIVES(test_waiting_ends),
		BOTH_DRIVES(test_host_that_reaps),
		BOTH_DRIVES(test_without_pidfd),
		ONLY_H1(test_signals),
		ONLY_H1(test_refused_configs),
		ONLY_H1(test_interactive_if_available),
		ONLY_H1(test_not_run),
	};

	test_begin();
	return cmocka_run_group_tests_name("exec, processes", tests, make_folder, remove_folder);
}
