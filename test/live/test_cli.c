/* What `kubeshim get -o json` prints of every built-in kind is what curl gets of the
 * same object: two programs that have nothing in common but the server. */
#include "kinds.h"

#include <sys/wait.h>
#include <unistd.h>

#define COMMAND_MAX 2000

static char directory[] = "/tmp/kubeshim-cli-XXXXXX"; /* with the credentials, as curl wants them */
static const char *program;

/* What a command of the shell prints; NULL if it fails, with its status. */
static char *run(const char *command, int *status)
{
	FILE *out = popen(command, "re");
	char *text = malloc(1 << 20);
	size_t len;
	int rc;

	assert_non_null(out);
	assert_non_null(text);
	len = fread(text, 1, (1 << 20) - 1, out);
	text[len] = '\0';
	assert_int_equal(strlen(text), len);
	rc = pclose(out);
	assert_true(WIFEXITED(rc));
	*status = WEXITSTATUS(rc);
	if (*status == 0)
		return text;
	free(text);
	return NULL;
}

static json_t *parse(const char *text)
{
	json_error_t error;
	json_t *tree = json_loads(text, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &error);

	if (!tree)
		fail_msg("%s: %s", error.text, text);
	return tree;
}

/* The command line: one object on one line. */
static json_t *by_program(const char *arguments)
{
	char command[COMMAND_MAX], *text;
	json_t *tree;
	int status;

	snprintf(command, sizeof(command), "%s --context admin -n %s get %s -o json", program, server->namespace_, arguments);
	text = run(command, &status);
	if (!text)
		fail_msg("%s: status %d", command, status);
	assert_true(*text && strchr(text, '\n') == text + strlen(text) - 1);
	tree = parse(text);
	free(text);
	return tree;
}

static json_t *by_curl(const char *path)
{
	char command[COMMAND_MAX], *text;
	json_t *tree;
	int status;

	snprintf(command, sizeof(command),
		 "curl -sS --fail-with-body --noproxy '*' --max-time 60 --cacert %s/ca --cert %s/cert --key %s/key '%s%s'", directory,
		 directory, directory, kshim_client_server(server->client), path);
	text = run(command, &status);
	if (!text)
		fail_msg("%s: status %d", command, status);
	tree = parse(text);
	free(text);
	return tree;
}

/* The one item, with what the server leaves out of a list's items. */
static json_t *item_by_curl(const struct subject *subject)
{
	json_t *list, *item;
	char path[700], kind[100];
	const char *of_list;

	snprintf(path, sizeof(path), "%s?labelSelector=%s%%3D%s", subject->collection, LABEL, subject->label);
	list = by_curl(path);
	assert_int_equal(json_array_size(json_object_get(list, "items")), 1);
	item = json_incref(json_array_get(json_object_get(list, "items"), 0));
	of_list = json_string_value(json_object_get(list, "kind"));
	assert_true(strlen(of_list) > 4 && strcmp(of_list + strlen(of_list) - 4, "List") == 0);
	snprintf(kind, sizeof(kind), "%.*s", (int)strlen(of_list) - 4, of_list);
	json_object_set_new(item, "kind", json_string(kind));
	json_object_set(item, "apiVersion", json_object_get(list, "apiVersion"));
	json_decref(list);
	return item;
}

/* Controllers may write meanwhile: what curl gets has to be the same before and
 * after. */
static void compare(const struct subject *subject, const char *arguments, bool listed)
{
	json_t *before, *ours, *after;
	unsigned tries = 0;
	bool stayed;

	do {
		before = listed ? item_by_curl(subject) : by_curl(subject->path);
		ours = by_program(arguments);
		after = listed ? item_by_curl(subject) : by_curl(subject->path);
		stayed = json_equal(before, after);
		if (stayed && !json_equal(before, ours))
			fail_msg("%s: %s\ncurl: %s", arguments, json_dumps(ours, JSON_SORT_KEYS), json_dumps(before, JSON_SORT_KEYS));
		json_decref(before);
		json_decref(ours);
		json_decref(after);
	} while (!stayed && live_again(server, &tries, "an object to stay as it is"));
}

static void expect_absent(const struct subject *subject)
{
	char command[COMMAND_MAX], wanted[200], *text;
	int status;

	snprintf(command, sizeof(command), "%s --context admin get %s 2>&1 || [ $? != 1 ] || echo failed", program,
		 subject->row->plural);
	text = run(command, &status);
	snprintf(wanted, sizeof(wanted), "error: the server doesn't have a resource type \"%s\"\nfailed\n", subject->row->plural);
	assert_string_equal(text, wanted);
	free(text);
}

static void same_as_curl(void **state)
{
	struct answer got = {0};
	struct subject subject;
	char arguments[300];

	open_subject(&subject, *state, "cli");
	if (absent(&subject)) {
		expect_absent(&subject);
		close_subject(&subject);
		return;
	}
	create(subject.object, &got, NULL);
	EXPECT(&got, KSHIM_OK);
	snprintf(arguments, sizeof(arguments), "%s %s", subject.row->plural, kshim_object_name(subject.object));
	compare(&subject, arguments, false);
	snprintf(arguments, sizeof(arguments), "%s/%s", subject.row->file, kshim_object_name(subject.object));
	compare(&subject, arguments, false);
	snprintf(arguments, sizeof(arguments), "%s -l %s=%s", subject.row->plural, LABEL, subject.label);
	compare(&subject, arguments, true);
	remove_object(subject.object);
	live_clear(&got);
	close_subject(&subject);
}

/* The comparison can fail. */
static void another_is_not_the_same(void **state)
{
	json_t *curl = by_curl("/api/v1/namespaces/default"), *same = by_program("ns default"), *other;
	char arguments[200];

	(void)state;
	snprintf(arguments, sizeof(arguments), "namespace %s", server->namespace_);
	other = by_program(arguments);
	assert_true(json_equal(curl, same));
	assert_false(json_equal(curl, other));
	json_decref(curl);
	json_decref(same);
	json_decref(other);
}

/* The first certificate and key of the kubeconfig, if it holds them. */
static bool write_credentials(void)
{
	static const char *const parts[][2] = {
		{"certificate-authority-data", "ca"}, {"client-certificate-data", "cert"}, {"client-key-data", "key"}};
	char command[COMMAND_MAX], *text;
	size_t i;
	int status;

	for (i = 0; i < 3; i++) {
		snprintf(command, sizeof(command),
			 "umask 077; sed -n 's/^ *%s: *//p' \"$KUBECONFIG\" | head -n 1 | openssl base64 -d -A >%s/%s && [ -s %s/%s ]",
			 parts[i][0], directory, parts[i][1], directory, parts[i][1]);
		text = run(command, &status);
		free(text);
		if (status != 0)
			return false;
	}
	return true;
}

static int skip_all(const char *why)
{
	print_message("SKIPPED: %s\n[  SKIPPED ] 1 test(s).\n", why);
	return 0;
}

int main(int argc, char **argv)
{
	static const struct step steps[] = {{"the same as curl", same_as_curl}};
	char command[100];
	int failed = 0, status;

	program = getenv("KUBESHIM") ? getenv("KUBESHIM") : "build/kubeshim";
	if (!live_kubeconfig())
		return 0;
	if (access(program, X_OK) != 0)
		return skip_all("there is no command line to compare with curl: KUBESHIM may name it");
	if (!mkdtemp(directory))
		return 1;
	if (write_credentials())
		failed = run_rows(argc, argv, another_is_not_the_same, steps, 1);
	else
		skip_all("the kubeconfig holds no certificates that curl could take");
	snprintf(command, sizeof(command), "rm -rf %s", directory);
	free(run(command, &status));
	return failed;
}
