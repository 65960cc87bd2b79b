#include "config/exec.h"

#include "alloc.h"
#include "base64.h"
#include "config/files.h"
#include "config/pem.h"
#include "error.h"
#include "json/tree.h"
#include "process.h"
#include "timestamp.h"
#include "yaml_doc.h"

#include <string.h>
#include <unistd.h>

#define V1 "client.authentication.k8s.io/v1"
#define V1BETA1 "client.authentication.k8s.io/v1beta1"
#define EXTENSION "client.authentication.k8s.io/exec"
#define INFO "KUBERNETES_EXEC_INFO="
#define OUTPUT_MAX (1u << 20)
#define TIMEOUT_MS 60000
#define GO_ZERO_TIME (-62135596800) /* 0001-01-01T00:00:00Z */

struct kshim__exec {
	char *api_version;
	char *what; /* "the plugin …", for messages */
	char **argv; /* NULL-terminated */
	char **env;  /* "NAME=value", NULL-terminated; KUBERNETES_EXEC_INFO is the last */
	char *hint;  /* installHint, or NULL: where to get what cannot be run */
	int64_t timeout_ms;
};

/* A plugin that runs. */
struct run {
	struct kshim__process process;
	struct kshim__credential *credential;
	char **environment;
};

static void free_strings(char **strings)
{
	char **at;

	for (at = strings; at && *at; at++)
		kshim__free_secret_string(*at);
	kshim__free(strings);
}

static void free_exec(void *data)
{
	struct kshim__exec *exec = data;

	if (!exec)
		return;
	kshim__free(exec->api_version);
	kshim__free(exec->what);
	free_strings(exec->argv);
	free_strings(exec->env);
	kshim__free(exec->hint);
	kshim__free(exec);
}

/* What the plugin is told of the cluster (the Cluster of its API). */
static json_t *cluster_info(const struct kshim__entry *cluster, const struct kshim__access *access)
{
	const json_t *extensions = kshim__entry_get(cluster, "extensions");
	json_t *info = json_pack("{s:s, s:s*, s:s*}", "server", access->server, "tls-server-name",
				 access->tls_server_name, "proxy-url", access->proxy_url);
	char *ca = access->ca.len ? kshim__base64(access->ca.data, access->ca.len) : NULL;
	bool ok = info && (ca || !access->ca.len);
	json_t *extension;
	size_t i;

	if (access->insecure)
		ok = ok && !json_object_set_new(info, "insecure-skip-tls-verify", json_true());
	if (access->no_compression)
		ok = ok && !json_object_set_new(info, "disable-compression", json_true());
	if (ca)
		ok = ok && !json_object_set_new(info, "certificate-authority-data", json_string(ca));
	kshim__free(ca);
	json_array_foreach((json_t *)extensions, i, extension)
	{
		const char *name = json_string_value(json_object_get(extension, "name"));
		json_t *config = json_object_get(extension, "extension");

		if (name && strcmp(name, EXTENSION) == 0 && config)
			ok = ok && !json_object_set(info, "config", config);
	}
	if (ok)
		return info;
	json_decref(info);
	return NULL;
}

/* KUBERNETES_EXEC_INFO: never interactive, for a library has no terminal. */
static char *exec_info(const struct kshim__exec *exec, json_t *cluster)
{
	json_t *info = json_pack("{s:s, s:s, s:{s:b, s:O*}}", "kind", "ExecCredential", "apiVersion", exec->api_version,
				 "spec", "interactive", 0, "cluster", cluster);
	char *text = kshim__json_tree_text(info, NULL), *variable = NULL;

	if (text) {
		variable = kshim__malloc(strlen(text) + sizeof(INFO));
		if (variable)
			strcat(strcpy(variable, INFO), text);
	}
	kshim__free(text);
	json_decref(info);
	return variable;
}

/* A command with a slash is found from the kubeconfig's folder, one without in
 * PATH (clientcmd's ResolveLocalPaths). */
static char *resolve_command(const struct kshim__entry *user, const char *command)
{
	if (*command == '/' || !strchr(command, '/') || !user->file->dir)
		return kshim__strdup(command);
	return kshim__path_absolute(user->file->dir, command);
}

static bool parse_argv(struct kshim__exec *exec, const struct kshim__entry *user, const json_t *value)
{
	const json_t *args = json_object_get(value, "args");
	size_t i, count = json_array_size(args);
	struct kshim__buf what;

	exec->argv = kshim__calloc(count + 2, sizeof(*exec->argv));
	if (!exec->argv)
		return false;
	exec->argv[0] = resolve_command(user, json_string_value(json_object_get(value, "command")));
	kshim__buf_init(&what);
	kshim__buf_addf(&what, "the plugin %s", exec->argv[0] ? exec->argv[0] : "");
	exec->what = kshim__buf_take(&what, NULL);
	if (!exec->argv[0] || !exec->what)
		return false;
	for (i = 0; i < count; i++) {
		exec->argv[i + 1] = kshim__strdup(json_string_value(json_array_get(args, i)));
		if (!exec->argv[i + 1])
			return false;
	}
	return true;
}

static bool parse_env(struct kshim__exec *exec, const json_t *value, json_t *cluster)
{
	const json_t *env = json_object_get(value, "env");
	size_t i, count = json_array_size(env), used = 0;

	exec->env = kshim__calloc(count + 2, sizeof(*exec->env));
	if (!exec->env)
		return false;
	for (i = 0; i < count; i++) {
		const char *name = json_string_value(json_object_get(json_array_get(env, i), "name"));
		const char *text = json_string_value(json_object_get(json_array_get(env, i), "value"));
		struct kshim__buf variable;

		kshim__buf_init(&variable);
		kshim__buf_addf(&variable, "%s=%s", name, text ? text : "");
		exec->env[used] = kshim__buf_take(&variable, NULL);
		if (!exec->env[used++])
			return false;
	}
	exec->env[used] = exec_info(exec, cluster);
	return exec->env[used] != NULL;
}

/* It is shown to a user, and must not talk to the terminal (client-go's
 * cleanANSIEscapeCodes()). false: no memory. */
static bool parse_hint(struct kshim__exec *exec, const json_t *value)
{
	const char *text = json_string_value(json_object_get(value, "installHint"));
	char *at;

	exec->hint = kshim__strdup(text);
	for (at = exec->hint; at && *at; at++)
		if ((unsigned char)*at < ' ' || *at == 0x7f)
			*at = ' ';
	return exec->hint || !text;
}

/* What client-go's validateAuthInfo() refuses, and what needs a terminal. */
static bool check(const struct kshim__entry *user, const json_t *value, kshim_error **error)
{
	const char *command = json_string_value(json_object_get(value, "command"));
	const char *version = json_string_value(json_object_get(value, "apiVersion"));
	const char *mode = json_string_value(json_object_get(value, "interactiveMode"));
	const json_t *env = json_object_get(value, "env"), *variable;
	size_t i;

	if (!command || !*command)
		return kshim__entry_fail(user, "exec", KSHIM_ECONFIG, error, "command is missing");
	if (!version || (strcmp(version, V1) != 0 && strcmp(version, V1BETA1) != 0))
		return kshim__entry_fail(user, "exec", KSHIM_ECONFIG, error, "apiVersion is \"%s\"; \"%s\" and \"%s\" can be",
					 version ? version : "", V1, V1BETA1);
	json_array_foreach((json_t *)env, i, variable)
	{
		const char *name = json_string_value(json_object_get(variable, "name"));

		if (!name || !*name || strchr(name, '='))
			return kshim__entry_fail(user, "exec", KSHIM_ECONFIG, error,
						 "env[%zu] has no name, or one with a \"=\"", i);
	}
	if (!mode || !*mode) {
		if (strcmp(version, V1BETA1) == 0)
			return true;
		return kshim__entry_fail(user, "exec", KSHIM_ECONFIG, error, "interactiveMode is missing, which %s demands",
					 V1);
	}
	if (strcmp(mode, "Always") == 0)
		return kshim__entry_fail(user, "exec", KSHIM_ECONFIG, error,
					 "interactiveMode is Always, but a library has no terminal to offer");
	if (strcmp(mode, "Never") != 0 && strcmp(mode, "IfAvailable") != 0)
		return kshim__entry_fail(user, "exec", KSHIM_ECONFIG, error,
					 "interactiveMode is \"%s\"; Never, IfAvailable and Always can be", mode);
	return true;
}

void *kshim__exec_parse(const struct kshim__entry *user, const struct kshim__entry *cluster,
			const struct kshim__access *access, kshim_error **error)
{
	const json_t *value = kshim__entry_get(user, "exec");
	struct kshim__exec *exec;
	json_t *info = NULL;
	bool ok;

	if (!check(user, value, error))
		return NULL;
	exec = kshim__calloc(1, sizeof(*exec));
	if (!exec)
		return kshim__fail(error, KSHIM_ENOMEM, "out of memory");
	exec->timeout_ms = TIMEOUT_MS;
	exec->api_version = kshim__strdup(json_string_value(json_object_get(value, "apiVersion")));
	ok = exec->api_version && parse_hint(exec, value);
	if (ok && json_is_true(json_object_get(value, "provideClusterInfo"))) {
		info = cluster_info(cluster, access);
		ok = info != NULL;
	}
	ok = ok && parse_argv(exec, user, value) && parse_env(exec, value, info);
	json_decref(info);
	if (ok)
		return exec;
	free_exec(exec);
	return kshim__fail(error, KSHIM_ENOMEM, "out of memory");
}

void kshim__exec_set_timeout(void *exec, int64_t ms)
{
	((struct kshim__exec *)exec)->timeout_ms = ms;
}

/* Running. */

static bool names_same(const char *variable, const char *other)
{
	size_t len = strcspn(variable, "=");

	return strncmp(variable, other, len) == 0 && other[len] == '=';
}

/* Whether one of these follows that has the same name: the last one counts, as in
 * Go, where getenv(3) would find the first. */
static bool is_replaced(const char *variable, char *const *later)
{
	while (*later && !names_same(*later, variable))
		later++;
	return *later != NULL;
}

/* The process's own environment, with the plugin's in the place of its like. */
static char **merge_environment(char *const *own)
{
	size_t count = 0, used = 0, extra = 0, i;
	char **merged;

	while (environ && environ[count])
		count++;
	while (own[extra])
		extra++;
	merged = kshim__calloc(count + extra + 1, sizeof(*merged));
	if (!merged)
		return NULL;
	for (i = 0; i < count; i++)
		if (!is_replaced(environ[i], own))
			merged[used++] = environ[i];
	for (i = 0; i < extra; i++)
		if (!is_replaced(own[i], own + i + 1))
			merged[used++] = own[i];
	return merged;
}

static void stop(void *state)
{
	struct run *run = state;

	kshim__process_stop(&run->process);
	kshim__free(run->environment);
	kshim__free(run);
}

static const char *text_of(const json_t *status, const char *key)
{
	const char *text = json_string_value(json_object_get(status, key));

	return text && *text ? text : NULL;
}

static bool take_pair(const json_t *status, struct kshim__blob *cert, struct kshim__blob *key)
{
	const char *cert_text = text_of(status, "clientCertificateData"), *key_text = text_of(status, "clientKeyData");

	if (!cert_text)
		return true;
	cert->data = kshim__strdup(cert_text);
	key->data = kshim__strdup(key_text);
	cert->len = strlen(cert_text);
	key->len = strlen(key_text);
	return cert->data && key->data;
}

/* In CLOCK_REALTIME seconds; 0: it does not tell, or holds Go's zero time, which
 * means the same to client-go. false: it is no time. */
static bool read_expiry(const json_t *status, int64_t *at)
{
	const json_t *value = json_object_get(status, "expirationTimestamp");
	const char *text = json_string_value(value);
	struct kshim__timestamp when;

	*at = 0;
	if (!value || json_is_null(value))
		return true;
	if (!text || !kshim__timestamp_parse(text, strlen(text), &when))
		return false;
	if (when.seconds != GO_ZERO_TIME)
		*at = when.seconds > 0 ? when.seconds : 1;
	return true;
}

/* What is wrong with an ExecCredential; NULL if nothing is. */
static const char *problem_of(const json_t *answer, const char *api_version)
{
	const json_t *status = json_object_get(answer, "status");
	const char *version = json_string_value(json_object_get(answer, "apiVersion"));
	const char *kind = json_string_value(json_object_get(answer, "kind"));
	const char *at;
	int64_t expiry;

	if (!kind || strcmp(kind, "ExecCredential") != 0)
		return "it is no ExecCredential";
	if (!version || strcmp(version, api_version) != 0)
		return "its apiVersion is not that of the kubeconfig";
	if (!status)
		return "it has no status";
	if (!text_of(status, "clientCertificateData") != !text_of(status, "clientKeyData"))
		return "it has only one of clientCertificateData and clientKeyData";
	if (!text_of(status, "token") && !text_of(status, "clientCertificateData"))
		return "it has neither a token nor a client certificate";
	for (at = text_of(status, "token"); at && *at; at++)
		if ((unsigned char)*at <= ' ' || *at == 0x7f)
			return "its token holds a space or a control character";
	if (!read_expiry(status, &expiry))
		return "its expirationTimestamp is no time";
	return NULL;
}

static void take_answer(struct kshim__credential *credential, const json_t *answer)
{
	const json_t *status = json_object_get(answer, "status");
	const struct kshim__exec *exec = credential->access->credential->data;
	const char *problem = problem_of(answer, exec->api_version);
	struct kshim__blob cert = {NULL, 0}, key = {NULL, 0};
	char *token = NULL;
	bool of_key, ok;

	if (problem) {
		kshim__credential_failed(credential,
					 kshim__error_new(KSHIM_ECONFIG, "what %s printed: %s", exec->what, problem));
		return;
	}
	ok = take_pair(status, &cert, &key);
	if (ok && cert.len)
		problem = kshim__pem_pair_problem(&cert, &key, &of_key);
	if (ok && text_of(status, "token"))
		ok = (token = kshim__strdup(text_of(status, "token"))) != NULL;
	if (ok && !problem) {
		int64_t expiry;

		read_expiry(status, &expiry);
		kshim__credential_got(credential, token, &cert, &key, expiry, 0);
		return;
	}
	kshim__blob_free(&cert);
	kshim__blob_free(&key);
	kshim__free_secret_string(token);
	kshim__credential_failed(credential,
				 ok ? kshim__error_new(KSHIM_ECONFIG, "the certificate of %s: %s", exec->what, problem) :
				      kshim__error_new(KSHIM_ENOMEM, "out of memory"));
}

static void ended(struct kshim__process *process)
{
	struct run *run = KSHIM__OWNER(process, struct run, process);
	struct kshim__credential *credential = run->credential;
	const struct kshim__exec *exec = credential->access->credential->data;
	struct kshim__yaml_doc *docs = NULL;
	kshim_error *error;
	size_t count = 0, i;

	error = kshim__process_problem(process, exec->what);
	if (error) {
		kshim__credential_failed(credential, error);
		return;
	}
	/* some print YAML */
	if (kshim__yaml_read(process->out.data ? process->out.data : "", process->out.len, "the plugin's output",
			     KSHIM_ECONFIG, 0, &docs, &count, &error) < 0 ||
	    count != 1) {
		/* the error of the reader may quote what must stay secret */
		kshim_error_free(error);
		kshim__credential_failed(credential, kshim__error_new(KSHIM_ECONFIG,
								      "what %s printed is no JSON or YAML document",
								      exec->what));
	} else {
		take_answer(credential, docs[0].value);
	}
	for (i = 0; i < count; i++)
		kshim__json_cleanse(docs[i].value);
	kshim__yaml_free(docs, count);
}

static void *fetch(struct kshim__credential *credential, kshim_error **error)
{
	struct kshim__exec *exec = credential->access->credential->data;
	struct run *run = kshim__calloc(1, sizeof(*run));

	if (!run)
		return NULL;
	run->credential = credential;
	run->environment = merge_environment(exec->env);
	if (run->environment && kshim__process_start(&run->process, credential->loop, exec->argv, run->environment,
						     OUTPUT_MAX, exec->timeout_ms, ended, error))
		return run;
	if (*error)
		kshim__error_prefix(*error, "%s cannot be run%s%s%s", exec->what, exec->hint ? " (" : "",
				    exec->hint ? exec->hint : "", exec->hint ? ")" : "");
	kshim__free(run->environment);
	kshim__free(run);
	return NULL;
}

const struct kshim__credential_way kshim__exec_way = {"exec", fetch, stop, free_exec, NULL};
