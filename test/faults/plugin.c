#include "plugin.h"

#include <errno.h>
#include <jansson.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

char dir[] = "/tmp/kshim-exec-XXXXXX";

char *path_of(const char *name)
{
	static char path[4][256];
	static unsigned at;

	at = (at + 1) % 4;
	snprintf(path[at], sizeof(path[at]), "%s/%s", dir, name);
	return path[at];
}

void put_file(const char *name, const char *text, mode_t mode)
{
	FILE *file = fopen(path_of(name), "we");

	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(chmod(path_of(name), mode), 0);
}

void get_file(const char *name, char *text, size_t room)
{
	FILE *file = fopen(path_of(name), "re");

	assert_non_null(file);
	text[fread(text, 1, room - 1, file)] = '\0';
	fclose(file);
}

/* The plugin: a script that notes its runs. */
void put_plugin(const char *body)
{
	char *text;

	unlink(path_of("runs"));
	assert_true(asprintf(&text, "#!/bin/sh\ncd %s\necho $$ >>runs\n%s\n", dir, body) > 0);
	put_file("plugin", text, 0755);
	free(text);
}

unsigned runs(void)
{
	FILE *file = fopen(path_of("runs"), "re");
	unsigned count = 0;
	int c;

	while (file && (c = getc(file)) != EOF)
		count += c == '\n';
	if (file)
		fclose(file);
	return count;
}

pid_t last_pid(void)
{
	char text[4096] = "", *at;

	get_file("runs", text, sizeof(text));
	at = strrchr(text, '\n');
	assert_non_null(at);
	*at = '\0';
	at = strrchr(text, '\n');
	return (pid_t)atoi(at ? at + 1 : text);
}

bool has_run(void *user)
{
	(void)user;
	return runs() > 0;
}

/* A credential with PEM in it, for the script to print. */
void put_credential(const char *version, const char *token, const char *cert, const char *key)
{
	json_t *answer = json_pack("{s:s, s:s, s:{s:s*, s:s*, s:s*}}", "kind", "ExecCredential", "apiVersion", version,
				   "status", "token", token, "clientCertificateData", cert, "clientKeyData", key);
	char *text = json_dumps(answer, 0);

	assert_non_null(text);
	put_file("credential", text, 0600);
	free(text);
	json_decref(answer);
}

bool no_pidfd;

long __real_syscall(long number, ...);
long __wrap_syscall(long number, ...);

long __wrap_syscall(long number, ...)
{
	long argument[4];
	va_list ap;
	size_t i;

	if (no_pidfd && number == SYS_pidfd_open) {
		errno = ENOSYS;
		return -1;
	}
	va_start(ap, number);
	for (i = 0; i < COUNT(argument); i++)
		argument[i] = va_arg(ap, long);
	va_end(ap);
	return __real_syscall(number, argument[0], argument[1], argument[2], argument[3]);
}

/* The server. */

/* 401 but for the tokens that the test accepts, told by their number's end. */
static void guard(void *ctx, const struct fakeapi_request *request, struct fakeapi_answer *out)
{
	const char *accepted = ctx, *header = fakeapi_header(request, "authorization");
	size_t len = strlen("Bearer " SECRET "-");

	if (accepted && (!header || strncmp(header, "Bearer " SECRET "-", len) != 0 || strcmp(header + len, accepted) != 0)) {
		out->status = 401;
		out->body = "{\"kind\":\"Status\",\"message\":\"Unauthorized\",\"reason\":\"Unauthorized\",\"code\":401}";
	}
}

void start(struct rig *rig, void **state, const char *accepted, enum fakeapi_client_cert client_cert,
		  const char *exec)
{
	struct fakeapi_route route = {.answer = {.body = POD("a")}, .generate = guard, .ctx = (void *)(uintptr_t)accepted};
	struct fakeapi_options options = {.routes = &route, .route_count = 1, .client_cert = client_cert};
	char *user;

	assert_true(asprintf(&user, "\"exec\":{\"command\":\"%s\",%s}", path_of("plugin"), exec) > 0);
	rig_start_with(rig, state, &options, NULL, user);
	free(user);
}

void get(struct rig *rig, struct seen *seen)
{
	memset(seen, 0, sizeof(*seen));
	get_pod(rig, "a", seen);
}

void all_get(struct rig *rig, struct seen *seen, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++)
		assert_non_null(started(&seen[i], kshim_query_get_by_name(rig->pods, "a", seen_done, &seen[i])));
}

double wall_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

int make_folder(void **state)
{
	(void)state;
	return mkdtemp(dir) ? 0 : -1;
}

int remove_folder(void **state)
{
	char command[64];

	(void)state;
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	return system(command);
}
