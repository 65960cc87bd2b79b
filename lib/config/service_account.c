#include "config/service_account.h"

#include "alloc.h"
#include "buf.h"
#include "config/config.h"
#include "config/files.h"
#include "config/pem.h"
#include "error.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define MOUNT "/var/run/secrets/kubernetes.io/serviceaccount"

bool kshim__in_pod(void)
{
	const char *host = getenv("KUBERNETES_SERVICE_HOST");
	struct stat st;

	return host && *host && !stat(MOUNT "/token", &st) && !S_ISDIR(st.st_mode);
}

static void *no_memory(kshim_error **error)
{
	return kshim__fail(error, KSHIM_ENOMEM, "service account: out of memory");
}

/* Reads dir/name. 0, or an errno, told in *error; ENOENT only if it is needed. */
static int read_part(const char *dir, const char *name, bool needed, struct kshim__blob *blob, char **path,
		     kshim_error **error)
{
	int what;

	memset(blob, 0, sizeof(*blob));
	*path = kshim__path_absolute(dir, name);
	what = *path ? kshim__file_read(*path, KSHIM__CREDENTIAL_MAX, blob) : ENOMEM;
	if (what == ENOMEM)
		no_memory(error);
	else if (what && (needed || what != ENOENT))
		kshim__fail(error, KSHIM_EIO, "%s: %s", *path, strerror(what));
	return what;
}

/* The members of the cluster and user that name files, checked while here: the
 * messages then name the files and not a kubeconfig that nobody wrote. */
static bool add_token(struct kshim__buf *text, const char *dir, kshim_error **error)
{
	struct kshim__blob blob;
	char *path;
	bool good = !read_part(dir, "token", true, &blob, &path, error);

	if (good && strspn(blob.data, " \t\r\n") == strlen(blob.data))
		good = kshim__fail(error, KSHIM_ECONFIG, "%s: holds no token", path);
	if (good) {
		kshim__buf_adds(text, "\"users\":[{\"name\":\"self\",\"user\":{\"tokenFile\":");
		kshim__buf_add_json_string(text, path, strlen(path));
		kshim__buf_adds(text, "}}],");
	}
	kshim__blob_free(&blob);
	kshim__free(path);
	return good;
}

/* Without ca.crt the system's bundle counts, as in client-go. */
static bool add_ca(struct kshim__buf *text, const char *dir, kshim_error **error)
{
	const char *problem;
	struct kshim__blob blob;
	char *path;
	int what = read_part(dir, "ca.crt", false, &blob, &path, error);
	bool good = !what || what == ENOENT;

	problem = what ? NULL : kshim__pem_ca_problem(&blob);
	if (problem)
		good = kshim__fail(error, KSHIM_ECONFIG, "%s: %s", path, problem);
	if (good && !what) {
		kshim__buf_adds(text, ",\"certificate-authority\":");
		kshim__buf_add_json_string(text, path, strlen(path));
	}
	kshim__blob_free(&blob);
	kshim__free(path);
	return good;
}

static bool add_namespace(struct kshim__buf *text, const char *dir, kshim_error **error)
{
	struct kshim__blob blob;
	const char *name;
	char *path;
	int what = read_part(dir, "namespace", false, &blob, &path, error);

	if (!what) {
		name = blob.data + strspn(blob.data, " \t\r\n");
		kshim__buf_adds(text, ",\"namespace\":");
		kshim__buf_add_json_string(text, name, strcspn(name, " \t\r\n"));
	}
	kshim__blob_free(&blob);
	kshim__free(path);
	return !what || what == ENOENT;
}

static bool add_server(struct kshim__buf *text, kshim_error **error)
{
	const char *host = getenv("KUBERNETES_SERVICE_HOST"), *port = getenv("KUBERNETES_SERVICE_PORT");
	struct kshim__buf url;
	bool bare;

	if (!host || !*host || !port || !*port)
		return kshim__fail(error, KSHIM_ECONFIG, "%s is not set: this is no Pod",
				   !host || !*host ? "KUBERNETES_SERVICE_HOST" : "KUBERNETES_SERVICE_PORT");
	if (strpbrk(host, "/?#@") || strspn(port, "0123456789") != strlen(port))
		return kshim__fail(error, KSHIM_ECONFIG, "KUBERNETES_SERVICE_HOST and _PORT are no host and port");
	bare = strpbrk(host, ":%") && *host != '[';
	kshim__buf_init(&url);
	kshim__buf_addf(&url, bare ? "https://[%s]:%s" : "https://%s:%s", host, port);
	if (url.failed)
		return no_memory(error);
	kshim__buf_add_json_string(text, url.data, url.len);
	kshim__buf_free(&url);
	return true;
}

kshim_config *kshim_config_from_service_account(const char *dir, kshim_error **error)
{
	char *path = kshim__path_absolute(NULL, dir ? dir : MOUNT);
	kshim_config *config = NULL;
	struct kshim__access *access;
	struct kshim__buf text;
	bool good;

	if (!path)
		return no_memory(error);
	kshim__buf_init(&text);
	kshim__buf_adds(&text, "{\"current-context\":\"self\",");
	good = add_token(&text, path, error);
	kshim__buf_adds(&text, "\"clusters\":[{\"name\":\"self\",\"cluster\":{\"server\":");
	good = good && add_server(&text, error) && add_ca(&text, path, error);
	kshim__buf_adds(&text, "}}],\"contexts\":[{\"name\":\"self\",\"context\":"
			       "{\"cluster\":\"self\",\"user\":\"self\"");
	good = good && add_namespace(&text, path, error);
	kshim__buf_adds(&text, "}}]}");
	kshim__free(path);
	if (good && text.failed)
		no_memory(error);
	else if (good)
		config = kshim_config_from_text(text.data, text.len, error);
	kshim__buf_free(&text);
	if (!config)
		return NULL;
	access = kshim__config_access(config, error);
	kshim__access_unref(access);
	if (access)
		return config;
	kshim_config_unref(config);
	return NULL;
}
