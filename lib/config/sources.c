/* Where configurations come from. */
#include "config/config.h"

#include "alloc.h"
#include "buf.h"
#include "config/files.h"
#include "config/kubeconfig.h"
#include "config/service_account.h"
#include "config/url.h"
#include "error.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void *no_memory(kshim_error **error)
{
	return kshim__fail(error, KSHIM_ENOMEM, "kubeconfig: out of memory");
}

/* 0 when read, an errno (told in *error, except ENOENT when `optional`). */
static int add_file(kshim_config *config, const char *path, bool optional, kshim_error **error)
{
	struct kshim__blob blob;
	char *dir;
	int what = kshim__file_read(path, KSHIM__KUBECONFIG_MAX, &blob);

	if (what == ENOMEM)
		no_memory(error);
	else if (what && !(optional && what == ENOENT))
		kshim__fail(error, KSHIM_EIO, "%s: %s", path, strerror(what));
	if (what)
		return what;
	dir = kshim__path_absolute(NULL, path);
	if (!dir) {
		what = ENOMEM;
		no_memory(error);
	} else {
		*(strrchr(dir, '/') == dir ? dir + 1 : strrchr(dir, '/')) = '\0';
		what = kshim__kubeconfig_add(config, blob.data, blob.len, path, dir, error) < 0 ? EINVAL : 0;
	}
	kshim__free(dir);
	kshim__blob_free(&blob);
	return what;
}

/* Whether the first `len` bytes of `path` stand in the list before it. */
static bool stands_before(const char *list, const char *path, size_t len)
{
	while (list < path) {
		size_t n = strcspn(list, ":");

		if (n == len && !memcmp(list, path, len))
			return true;
		list += n + 1;
	}
	return false;
}

static bool add_list(kshim_config *config, const char *list, kshim_error **error)
{
	const char *at = list;
	size_t len;
	char *path;
	int what;

	for (; *at; at += len + (at[len] == ':')) {
		len = strcspn(at, ":");
		if (!len || stands_before(list, at, len))
			continue;
		path = kshim__memdup(at, len);
		if (!path)
			return no_memory(error);
		what = add_file(config, path, true, error);
		kshim__free(path);
		if (what && what != ENOENT)
			return false;
	}
	if (!config->file_count)
		return kshim__fail(error, KSHIM_EIO, "KUBECONFIG: no such file: %s", list);
	return true;
}

static bool add_home(kshim_config *config, kshim_error **error)
{
	const char *home = getenv("HOME");
	struct kshim__buf path;
	int what;

	if (!home || !*home)
		return kshim__fail(error, KSHIM_ECONFIG, "neither KUBECONFIG nor HOME is set");
	kshim__buf_init(&path);
	if (!kshim__buf_addf(&path, "%s/.kube/config", home))
		return no_memory(error);
	what = add_file(config, path.data, true, error);
	if (what == ENOENT)
		kshim__fail(error, KSHIM_EIO, "KUBECONFIG is not set, and there is no %s", path.data);
	kshim__buf_free(&path);
	return !what;
}

static kshim_config *finish(kshim_config *config, bool good, kshim_error **error)
{
	if (good && !kshim__kubeconfig_finish(config, error))
		return config;
	kshim_config_unref(config);
	return NULL;
}

kshim_config *kshim_config_from_file(const char *path, kshim_error **error)
{
	const char *list = getenv("KUBECONFIG");
	kshim_config *config = kshim__kubeconfig_new(error);
	bool good;

	if (!config)
		return NULL;
	if (path)
		good = !add_file(config, path, false, error);
	else if (list && *list)
		good = add_list(config, list, error);
	else
		good = add_home(config, error);
	return finish(config, good, error);
}

kshim_config *kshim_config_from_text(const char *text, size_t len, kshim_error **error)
{
	kshim_config *config;

	if (!text || len > KSHIM__KUBECONFIG_MAX)
		return kshim__fail(error, text ? KSHIM_ECONFIG : KSHIM_EINVAL, "kubeconfig: %s",
				   text ? "the text is too long" : "there is no text");
	config = kshim__kubeconfig_new(error);
	if (!config)
		return NULL;
	return finish(config, !kshim__kubeconfig_add(config, text, len, "kubeconfig", NULL, error), error);
}

kshim_config *kshim_config_from_env(kshim_error **error)
{
	const char *list = getenv("KUBECONFIG");

	if ((!list || !*list) && kshim__in_pod())
		return kshim_config_from_service_account(NULL, error);
	return kshim_config_from_file(NULL, error);
}

kshim_config *kshim_config_from_url(const char *url, kshim_error **error)
{
	const char *problem = "there is none";
	struct kshim__buf text;
	kshim_config *config;
	char *server = NULL;
	bool https;

	if (!url || !(server = kshim__url_server(url, &https, &problem))) {
		if (!problem)
			return no_memory(error);
		return kshim__fail(error, url ? KSHIM_ECONFIG : KSHIM_EINVAL, "the server's URL: %s", problem);
	}
	kshim__buf_init(&text);
	kshim__buf_adds(&text, "{\"clusters\":[{\"name\":\"self\",\"cluster\":{\"server\":");
	kshim__buf_add_json_string(&text, server, strlen(server));
	kshim__buf_adds(&text, "}}],\"contexts\":[{\"name\":\"self\",\"context\":{\"cluster\":\"self\"}}],"
			       "\"current-context\":\"self\"}");
	kshim__free(server);
	if (text.failed)
		return no_memory(error);
	config = kshim_config_from_text(text.data, text.len, error);
	kshim__buf_free(&text);
	return config;
}
