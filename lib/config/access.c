#include "config/config.h"

#include "alloc.h"
#include "buf.h"
#include "config/exec.h"
#include "config/files.h"
#include "config/gcp.h"
#include "config/kubeconfig.h"
#include "config/oidc.h"
#include "config/pem.h"
#include "config/url.h"
#include "error.h"
#include "path.h"

#include <errno.h>
#include <string.h>

#define TOKEN_AGE 60000 /* ms */

/* What a context is made of. */
struct chosen {
	const struct kshim__entry *context;
	const struct kshim__entry *cluster;
	const struct kshim__entry *user; /* NULL: none */
	struct kshim__access *access;
	kshim_error **error;
};

static bool no_memory(struct chosen *chosen)
{
	return kshim__fail(chosen->error, KSHIM_ENOMEM, "kubeconfig: out of memory");
}

/* true when the field is not there or was copied. */
static bool copy(struct chosen *chosen, const struct kshim__entry *entry, const char *field, char **to)
{
	const char *text = kshim__entry_text(entry, field);

	if (text && !(*to = kshim__strdup(text)))
		return no_memory(chosen);
	return true;
}

/* As copy(), of what goes into a header. */
static bool copy_header(struct chosen *chosen, const struct kshim__entry *entry, const char *field, char **to)
{
	const unsigned char *text = (const unsigned char *)kshim__entry_text(entry, field);

	for (; text && *text; text++)
		if ((*text < 0x20 && *text != '\t') || *text == 0x7f)
			return kshim__entry_fail(entry, field, KSHIM_ECONFIG, chosen->error,
						 "holds a line break or another control character");
	return copy(chosen, entry, field, to);
}

/* Data wins over the file. The path is kept where the caller wants it. */
static bool load(struct chosen *chosen, const struct kshim__entry *entry, const char *data_field,
		 const char *path_field, struct kshim__blob *blob, char **path_out)
{
	kshim_error *error = NULL;
	char *path;
	int what;

	if (kshim__entry_data(entry, data_field, blob, chosen->error) < 0)
		return false;
	if (blob->len)
		return true;
	kshim__blob_free(blob);
	path = kshim__entry_path(entry, path_field, &error);
	if (error && chosen->error)
		*chosen->error = error;
	else
		kshim_error_free(error);
	if (!path)
		return !error;
	what = kshim__file_read(path, KSHIM__CREDENTIAL_MAX, blob);
	if (what == ENOMEM)
		no_memory(chosen);
	else if (what)
		kshim__entry_fail(entry, path_field, KSHIM_EIO, chosen->error, "%s: %s", path, strerror(what));
	else if (!blob->len)
		kshim__entry_fail(entry, path_field, KSHIM_ECONFIG, chosen->error, "%s: the file is empty", path);
	if (path_out && blob->len)
		*path_out = path;
	else
		kshim__free(path);
	return blob->len;
}

static bool resolve_context(struct chosen *chosen)
{
	const char *name = kshim__entry_text(chosen->context, "namespace");

	if (name && !kshim__path_namespace_ok(name))
		return kshim__entry_fail(chosen->context, "namespace", KSHIM_ECONFIG, chosen->error,
					 "\"%s\" is no name of a namespace", name);
	chosen->access->namespace_ = kshim__strdup(name ? name : "default");
	return chosen->access->namespace_ || no_memory(chosen);
}

static bool resolve_ca(struct chosen *chosen)
{
	const struct kshim__entry *cluster = chosen->cluster;
	struct kshim__access *access = chosen->access;
	const char *problem, *field, *path;

	if (!access->https)
		return true;
	if (!load(chosen, cluster, "certificate-authority-data", "certificate-authority", &access->ca,
		  &access->ca_file.path))
		return false;
	if (!access->ca.len)
		return true;
	path = access->ca_file.path;
	field = path ? "certificate-authority" : "certificate-authority-data";
	if (access->insecure)
		return kshim__entry_fail(cluster, "insecure-skip-tls-verify", KSHIM_ECONFIG, chosen->error,
					 "contradicts %s, which stands too", field);
	problem = kshim__pem_ca_problem(&access->ca);
	if (problem)
		return kshim__entry_fail(cluster, field, KSHIM_ECONFIG, chosen->error, "%s%s%s",
					 path ? path : "", path ? ": " : "", problem);
	return true;
}

static bool resolve_cluster(struct chosen *chosen)
{
	const struct kshim__entry *cluster = chosen->cluster;
	struct kshim__access *access = chosen->access;
	const char *server = kshim__entry_text(cluster, "server"), *proxy, *problem, *name;

	if (!server)
		return kshim__entry_fail(cluster, "server", KSHIM_ECONFIG, chosen->error,
					 "the cluster \"%s\" has no server", cluster->name);
	access->server = kshim__url_server(server, &access->https, &problem);
	if (!access->server && !problem)
		return no_memory(chosen);
	if (!access->server)
		return kshim__entry_fail(cluster, "server", KSHIM_ECONFIG, chosen->error, "%s", problem);
	proxy = kshim__entry_text(cluster, "proxy-url");
	problem = proxy ? kshim__url_proxy_problem(proxy) : NULL;
	if (problem)
		return kshim__entry_fail(cluster, "proxy-url", KSHIM_ECONFIG, chosen->error, "%s", problem);
	name = kshim__entry_text(cluster, "tls-server-name");
	for (; name && *name; name++)
		if ((unsigned char)*name <= 0x20 || *name == '/' || *name == 0x7f)
			return kshim__entry_fail(cluster, "tls-server-name", KSHIM_ECONFIG, chosen->error,
						 "is no host name");
	access->insecure = kshim__entry_truth(cluster, "insecure-skip-tls-verify");
	access->no_compression = kshim__entry_truth(cluster, "disable-compression");
	return copy(chosen, cluster, "proxy-url", &access->proxy_url) &&
	       copy(chosen, cluster, "tls-server-name", &access->tls_server_name) && resolve_ca(chosen);
}

/* What client-go's validateAuthInfo() refuses. */
static bool check_methods(struct chosen *chosen)
{
	const struct kshim__entry *user = chosen->user;
	const char *token = kshim__entry_text(user, "token") ? "token" :
			    kshim__entry_text(user, "tokenFile") ? "tokenFile" : NULL;
	const char *basic = kshim__entry_text(user, "username") ? "username" :
			    kshim__entry_text(user, "password") ? "password" : NULL;

	if (token && basic)
		return kshim__entry_fail(user, basic, KSHIM_ECONFIG, chosen->error,
					 "the user \"%s\" has %s too; one of both must go", user->name, token);
	if (kshim__entry_get(user, "exec") && kshim__entry_get(user, "auth-provider"))
		return kshim__entry_fail(user, "exec", KSHIM_ECONFIG, chosen->error,
					 "the user \"%s\" has auth-provider too; one of both must go", user->name);
	return true;
}

/* What already is a credential, so that a plugin is left alone (client-go's
 * UpdateTransportConfig(), and its auth providers, which also leave a client
 * certificate be). */
static bool has_credential(const struct kshim__entry *user, bool is_exec)
{
	return kshim__entry_text(user, "token") || kshim__entry_text(user, "tokenFile") ||
	       kshim__entry_text(user, "username") || kshim__entry_text(user, "password") ||
	       (is_exec && (kshim__entry_text(user, "client-certificate") ||
			    kshim__entry_text(user, "client-certificate-data")));
}

static bool parse_provider(struct chosen *chosen, struct kshim__credential_spec *spec)
{
	const struct kshim__entry *user = chosen->user;
	const char *name = json_string_value(json_object_get(kshim__entry_get(user, "auth-provider"), "name"));

	if (name && strcmp(name, "oidc") == 0) {
		spec->way = &kshim__oidc_way;
		spec->data = kshim__oidc_parse(user, chosen->error);
	} else if (name && strcmp(name, "gcp") == 0) {
		spec->way = &kshim__gcp_way;
		spec->data = kshim__gcp_parse(user, chosen->error);
	} else {
		return kshim__entry_fail(user, "auth-provider", KSHIM_ECONFIG, chosen->error,
					 "the auth provider \"%s\" (user \"%s\") is not supported; oidc and gcp are",
					 name ? name : "", user->name);
	}
	return spec->data != NULL;
}

/* Credentials that a program or a provider gives, where nothing else does. */
static bool resolve_plugin(struct chosen *chosen)
{
	const struct kshim__entry *user = chosen->user;
	struct kshim__access *access = chosen->access;
	bool is_exec = kshim__entry_get(user, "exec") != NULL;
	struct kshim__credential_spec *spec;
	struct kshim__buf source;

	if (!access->https || (!is_exec && !kshim__entry_get(user, "auth-provider")))
		return true;
	spec = access->credential = kshim__calloc(1, sizeof(*spec));
	if (!spec)
		return no_memory(chosen);
	kshim__buf_init(&source);
	kshim__buf_addf(&source, "%s: user \"%s\"", user->file->name, user->name);
	spec->source = kshim__buf_take(&source, NULL);
	if (!spec->source)
		return no_memory(chosen);
	if (is_exec) {
		spec->way = &kshim__exec_way;
		spec->data = kshim__exec_parse(user, chosen->cluster, access, chosen->error);
		if (!spec->data)
			return false;
	} else if (!parse_provider(chosen, spec)) {
		return false;
	}
	if (has_credential(user, is_exec)) {
		kshim__credential_spec_free(spec);
		access->credential = NULL;
	}
	return true;
}

static bool resolve_certificate(struct chosen *chosen)
{
	const struct kshim__entry *user = chosen->user;
	struct kshim__access *access = chosen->access;
	const char *cert = kshim__entry_text(user, "client-certificate-data") ? "client-certificate-data" :
			   kshim__entry_text(user, "client-certificate") ? "client-certificate" : NULL;
	const char *key = kshim__entry_text(user, "client-key-data") ? "client-key-data" :
			  kshim__entry_text(user, "client-key") ? "client-key" : NULL;
	const char *problem = NULL, *path;
	bool of_key = false, good = false;

	if (cert && !key)
		return kshim__entry_fail(user, cert, KSHIM_ECONFIG, chosen->error,
					 "the user \"%s\" has neither client-key nor client-key-data", user->name);
	if (key && !cert)
		return kshim__entry_fail(user, key, KSHIM_ECONFIG, chosen->error,
					 "the user \"%s\" has neither client-certificate nor client-certificate-data",
					 user->name);
	if (!cert || !access->https)
		return true;
	if (load(chosen, user, "client-certificate-data", "client-certificate", &access->cert,
		 &access->cert_file.path) &&
	    load(chosen, user, "client-key-data", "client-key", &access->key, &access->key_file.path)) {
		problem = kshim__pem_pair_problem(&access->cert, &access->key, &of_key);
		good = !problem;
	}
	path = of_key ? access->key_file.path : access->cert_file.path;
	if (problem)
		kshim__entry_fail(user, of_key ? key : cert, KSHIM_ECONFIG, chosen->error, "%s%s%s", path ? path : "",
				  path ? ": " : "", problem);
	return good;
}

static bool header_safe(const char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < 0x20 || *text == 0x7f)
			return false;
	return true;
}

/* 0 and the trimmed token in access->file_token; else an errno, ENODATA for a
 * file without a token. The old token stays then. */
static int read_token(struct kshim__access *access)
{
	static const char space[] = " \t\r\n\v\f";
	struct kshim__blob blob;
	char *from, *token;
	size_t len;
	int what = kshim__file_read(access->token_file, KSHIM__CREDENTIAL_MAX, &blob);

	if (what)
		return what;
	from = blob.data + strspn(blob.data, space);
	len = strlen(from);
	while (len && strchr(space, from[len - 1]))
		len--;
	from[len] = '\0';
	token = len && header_safe(from) ? kshim__memdup(from, len) : NULL;
	what = token ? 0 : len && header_safe(from) ? ENOMEM : ENODATA;
	if (token) {
		kshim__free_secret_string(access->file_token);
		access->file_token = token;
	}
	kshim__blob_free(&blob);
	return what;
}

static bool resolve_token(struct chosen *chosen)
{
	const struct kshim__entry *user = chosen->user;
	struct kshim__access *access = chosen->access;
	int what;

	if (!copy_header(chosen, user, "token", &access->token))
		return false;
	if (!kshim__entry_text(user, "tokenFile"))
		return true;
	access->token_file = kshim__entry_path(user, "tokenFile", chosen->error);
	if (!access->token_file)
		return false;
	if (access->token || !access->https)
		return true;
	what = read_token(access);
	if (what == ENOMEM)
		return no_memory(chosen);
	if (what == ENODATA)
		return kshim__entry_fail(user, "tokenFile", KSHIM_ECONFIG, chosen->error, "%s: holds no token",
					 access->token_file);
	if (what)
		return kshim__entry_fail(user, "tokenFile", KSHIM_EIO, chosen->error, "%s: %s", access->token_file,
					 strerror(what));
	return true;
}

static bool copy_groups(struct chosen *chosen, const json_t *groups)
{
	struct kshim__access *access = chosen->access;
	json_t *group;
	size_t i;

	if (!json_array_size(groups))
		return true;
	access->impersonate_groups = kshim__calloc(json_array_size(groups), sizeof(char *));
	if (!access->impersonate_groups)
		return no_memory(chosen);
	json_array_foreach(groups, i, group) {
		const char *text = json_string_value(group);

		if (!text || !header_safe(text))
			return kshim__entry_fail(chosen->user, "as-groups", KSHIM_ECONFIG, chosen->error,
						 "holds a null or a control character");
		access->impersonate_groups[i] = kshim__strdup(text);
		if (!access->impersonate_groups[i])
			return no_memory(chosen);
		access->impersonate_group_count++;
	}
	return true;
}

static bool copy_extra(struct chosen *chosen, const json_t *extra)
{
	struct kshim__access *access = chosen->access;
	struct kshim__pair *pair;
	json_t *values, *value;
	const char *key;
	size_t i, count = 0;

	json_object_foreach((json_t *)extra, key, values)
		count += json_array_size(values);
	if (!count)
		return true;
	access->impersonate_extra = kshim__calloc(count, sizeof(*access->impersonate_extra));
	if (!access->impersonate_extra)
		return no_memory(chosen);
	json_object_foreach((json_t *)extra, key, values) {
		json_array_foreach(values, i, value) {
			const char *text = json_string_value(value);

			if (!*key || !text || !header_safe(text))
				return kshim__entry_fail(chosen->user, "as-user-extra", KSHIM_ECONFIG, chosen->error,
							 "holds an empty key, a null or a control character");
			pair = &access->impersonate_extra[access->impersonate_extra_count++];
			pair->key = kshim__strdup(key);
			pair->value = kshim__strdup(text);
			if (!pair->key || !pair->value)
				return no_memory(chosen);
		}
	}
	return true;
}

static bool resolve_impersonation(struct chosen *chosen)
{
	const struct kshim__entry *user = chosen->user;
	struct kshim__access *access = chosen->access;
	const json_t *groups = kshim__entry_get(user, "as-groups"), *extra = kshim__entry_get(user, "as-user-extra");
	const char *field = kshim__entry_text(user, "as-uid") ? "as-uid" :
			    json_array_size(groups) ? "as-groups" : json_object_size(extra) ? "as-user-extra" : NULL;

	if (field && !kshim__entry_text(user, "as"))
		return kshim__entry_fail(user, field, KSHIM_ECONFIG, chosen->error,
					 "impersonates nobody: the user \"%s\" has no as", user->name);
	return copy_header(chosen, user, "as", &access->impersonate_user) &&
	       copy_header(chosen, user, "as-uid", &access->impersonate_uid) && copy_groups(chosen, groups) &&
	       copy_extra(chosen, extra);
}

static bool resolve_user(struct chosen *chosen)
{
	if (!chosen->user)
		return true;
	return check_methods(chosen) && resolve_plugin(chosen) && resolve_certificate(chosen) &&
	       resolve_token(chosen) && copy(chosen, chosen->user, "username", &chosen->access->username) &&
	       copy(chosen, chosen->user, "password", &chosen->access->password) && resolve_impersonation(chosen);
}

static void *no_context(const kshim_config *config, const char *name, kshim_error **error)
{
	const struct kshim__kubefile *file = NULL;
	const char *current;
	size_t i;

	for (i = 0; name && i < config->file_count; i++) {
		file = config->files[i];
		current = json_string_value(json_object_get(file->doc.value, "current-context"));
		if (current && !strcmp(current, name))
			return kshim__kubefile_fail(file, "/current-context", KSHIM_ECONFIG, error,
						    "there is no context \"%s\"", name);
	}
	file = config->file_count ? config->files[0] : NULL;
	if (!name)
		return kshim__fail(error, KSHIM_ECONFIG, "%s: no current context is set",
				   file ? file->name : "kubeconfig");
	return kshim__fail(error, KSHIM_ECONFIG, "%s: there is no context \"%s\"", file ? file->name : "kubeconfig",
			   name);
}

static bool find_parts(const kshim_config *config, const char *name, struct chosen *chosen)
{
	const char *cluster, *user;

	chosen->context = kshim__entries_find(&config->contexts, name);
	if (!chosen->context)
		return no_context(config, name, chosen->error);
	cluster = kshim__entry_text(chosen->context, "cluster");
	user = kshim__entry_text(chosen->context, "user");
	chosen->cluster = kshim__entries_find(&config->clusters, cluster);
	chosen->user = kshim__entries_find(&config->users, user);
	if (!cluster)
		return kshim__entry_fail(chosen->context, "cluster", KSHIM_ECONFIG, chosen->error,
					 "the context \"%s\" names no cluster", name);
	if (!chosen->cluster)
		return kshim__entry_fail(chosen->context, "cluster", KSHIM_ECONFIG, chosen->error,
					 "there is no cluster \"%s\"", cluster);
	if (user && !chosen->user)
		return kshim__entry_fail(chosen->context, "user", KSHIM_ECONFIG, chosen->error,
					 "there is no user \"%s\"", user);
	return true;
}

static struct kshim__access *resolve(const kshim_config *config, const char *name, kshim_error **error)
{
	struct chosen chosen = {.error = error};

	if (!find_parts(config, name, &chosen))
		return NULL;
	chosen.access = kshim__calloc(1, sizeof(*chosen.access));
	if (!chosen.access) {
		no_memory(&chosen);
		return NULL;
	}
	chosen.access->refs = 1;
	if (resolve_context(&chosen) && resolve_cluster(&chosen) && resolve_user(&chosen))
		return chosen.access;
	kshim__access_unref(chosen.access);
	return NULL;
}

struct kshim__access *kshim__config_access(kshim_config *config, kshim_error **error)
{
	if (!config->access)
		config->access = resolve(config, config->current, error);
	return kshim__access_ref(config->access);
}

int kshim_config_use_context(kshim_config *config, const char *name, kshim_error **error)
{
	struct kshim__access *access;

	if (!config || !name) {
		kshim__fail(error, KSHIM_EINVAL, "a configuration and the name of a context are needed");
		return -1;
	}
	access = resolve(config, name, error);
	if (!access)
		return -1;
	if (kshim__kubeconfig_choose(config, name, error) < 0) {
		kshim__access_unref(access);
		return -1;
	}
	config->access = access;
	return 0;
}

struct kshim__access *kshim__access_ref(struct kshim__access *access)
{
	if (access)
		access->refs++;
	return access;
}

void kshim__access_unref(struct kshim__access *access)
{
	size_t i;

	if (!access || --access->refs)
		return;
	kshim__free(access->server);
	kshim__free(access->tls_server_name);
	kshim__free_secret_string(access->proxy_url);
	kshim__blob_free(&access->ca);
	kshim__free(access->ca_file.path);
	kshim__free(access->cert_file.path);
	kshim__free(access->key_file.path);
	kshim__blob_free(&access->cert);
	kshim__blob_free(&access->key);
	kshim__free_secret_string(access->token);
	kshim__free(access->token_file);
	kshim__free(access->username);
	kshim__free_secret_string(access->password);
	kshim__credential_spec_free(access->credential);
	kshim__free(access->impersonate_user);
	kshim__free(access->impersonate_uid);
	for (i = 0; i < access->impersonate_group_count; i++)
		kshim__free(access->impersonate_groups[i]);
	kshim__free(access->impersonate_groups);
	for (i = 0; i < access->impersonate_extra_count; i++) {
		kshim__free(access->impersonate_extra[i].key);
		kshim__free(access->impersonate_extra[i].value);
	}
	kshim__free(access->impersonate_extra);
	kshim__free(access->namespace_);
	kshim__free_secret_string(access->file_token);
	kshim__free(access);
}

const char *kshim__access_token(struct kshim__access *access, int64_t now)
{
	if (access->token_file && (!access->file_token_read_at || now - access->file_token_read_at >= TOKEN_AGE) &&
	    !read_token(access))
		access->file_token_read_at = now;
	return access->file_token ? access->file_token : access->token;
}

bool kshim__access_expire(struct kshim__access *access)
{
	int64_t rotate_at = access->rotate_at;
	unsigned before = access->rotations;

	access->file_token_read_at = 0;
	access->rotate_at = 0;
	kshim__access_rotate(access, 0);
	access->rotate_at = rotate_at;
	return access->token_file || access->rotations != before;
}
