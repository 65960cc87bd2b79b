/* Configurations: kubeconfig files, their mistakes, their merging. test/judge
 * compares what they come to with client-go. */
/* LINK: -Wl,--wrap=kshim__malloc,--wrap=kshim__calloc,--wrap=kshim__realloc,--wrap=kshim__memdup,--wrap=kshim__strdup */
#include "config/config.h"

#include <kubeshim/error.h>

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "failalloc.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define DATA "test/data/kubeconfig/"

/* Whether the parts of `pattern` between its '*' stand in `text`, in order, the
 * first at its begin, the last at its end. */
static bool matches(const char *pattern, const char *text)
{
	size_t len = strcspn(pattern, "*");

	if (strncmp(pattern, text, len) != 0)
		return false;
	pattern += len;
	text += len;
	if (!*pattern)
		return !*text;
	for (pattern++;; text++) {
		if (matches(pattern, text))
			return true;
		if (!*text)
			return false;
	}
}

static void expect_error(kshim_error *error, kshim_code code, const char *pattern)
{
	assert_non_null(error);
	if (kshim_error_code(error) != code || !matches(pattern, kshim_error_message(error)))
		fail_msg("error %d \"%s\"\n  wanted %d \"%s\"", kshim_error_code(error), kshim_error_message(error), code,
			 pattern);
	kshim_error_free(error);
}

static struct kshim__access *access_of(const char *path)
{
	kshim_error *error = NULL;
	kshim_config *config = kshim_config_from_file(path, &error);
	struct kshim__access *access = config ? kshim__config_access(config, &error) : NULL;

	if (!access)
		fail_msg("%s", kshim_error_message(error));
	kshim_config_unref(config);
	return access;
}

/* When a mistake shows: when the file is read, or when the context is used. */
static const struct {
	const char *file;
	bool early;
	kshim_code code;
	const char *message; /* behind "file:" */
} mistakes[] = {
#define LOAD true, KSHIM_ECONFIG
#define USE false, KSHIM_ECONFIG
#define IO false, KSHIM_EIO
	{"as-extra-only", USE, "10: users[0].user.as-user-extra: impersonates nobody: the user \"u\" has no as"},
	{"as-extra-string", LOAD, "11: users[0].user.as-user-extra.a: wants a list"},
	{"as-groups-only", USE, "11: users[0].user.as-groups: impersonates nobody: the user \"u\" has no as"},
	{"as-groups-string", LOAD, "11: users[0].user.as-groups: wants a list"},
	{"as-newline", USE, "10: users[0].user.as: holds a line break or another control character"},
	{"as-uid-number", LOAD, "11: users[0].user.as-uid: is no string; quote it"},
	{"as-uid-only", USE, "10: users[0].user.as-uid: impersonates nobody: the user \"u\" has no as"},
	{"basic-token-file", USE, "10: users[0].user.username: the user \"u\" has tokenFile too; one of both must go"},
	{"basic-token", USE, "10: users[0].user.username: the user \"u\" has token too; one of both must go"},
	{"ca-broken", USE, "7: clusters[0].cluster.certificate-authority: */broken.crt: a certificate in it cannot be read"},
	{"ca-data-bad", LOAD, "7: clusters[0].cluster.certificate-authority-data: not base64"},
	{"ca-data-junk", USE, "7: clusters[0].cluster.certificate-authority-data: it holds no PEM certificate"},
	{"ca-data-number", LOAD, "7: clusters[0].cluster.certificate-authority-data: is no string; quote it"},
	{"ca-data-unpadded", LOAD, "7: clusters[0].cluster.certificate-authority-data: not base64"},
	{"ca-directory", IO, "7: clusters[0].cluster.certificate-authority: */pki: Is a directory"},
	{"ca-empty", USE, "7: clusters[0].cluster.certificate-authority: */empty.pem: the file is empty"},
	{"ca-half-broken", USE, "7: clusters[0].cluster.certificate-authority: */half-broken.crt: a certificate in it *"},
	{"ca-junk", USE, "7: clusters[0].cluster.certificate-authority: */junk.pem: it holds no PEM certificate"},
	{"ca-missing", IO, "7: clusters[0].cluster.certificate-authority: */nope.crt: No such file or directory"},
	{"cert-data-other-key", USE, "11: users[0].user.client-key-data: the private key is not that of the client certificate"},
	{"cert-junk", USE, "10: users[0].user.client-certificate: */junk.pem: it holds no PEM certificate"},
	{"cert-missing", IO, "10: users[0].user.client-certificate: */nope.crt: No such file or directory"},
	{"cert-no-key", USE, "10: users[0].user.client-certificate: the user \"u\" has neither client-key nor client-key-data"},
	{"cert-other-key", USE, "11: users[0].user.client-key: */other.key: the private key is not that of the client *"},
	{"cluster-empty", USE, "5: clusters[0].cluster.server: the cluster \"c\" has no server"},
	{"cluster-list", LOAD, "5: clusters[0].cluster: wants a mapping"},
	{"cluster-missing", USE, "14: contexts[0].context.cluster: there is no cluster \"nope\""},
	{"cluster-none", USE, "13: contexts[0].context.cluster: the context \"x\" names no cluster"},
	{"comment", USE, " no current context is set"},
	{"current-empty", USE, " no current context is set"},
	{"current-missing", USE, "16: current-context: there is no context \"nope\""},
	{"current-number", LOAD, "16: current-context: is no string; quote it"},
	{"duplicate-name", LOAD, "10: users[1]: the name \"u\" stands twice"},
	{"empty", USE, " no current context is set"},
	{"exec-provider", USE, "10: users[0].user.exec: the user \"u\" has auth-provider too; one of both must go"},
	{"exec-string", LOAD, "10: users[0].user.exec: wants a mapping"},
	{"insecure-ca", USE, "7: clusters[0].cluster.insecure-skip-tls-verify: contradicts certificate-authority, which *"},
	{"insecure-string", LOAD, "7: clusters[0].cluster.insecure-skip-tls-verify: wants true or false"},
	{"key-empty", USE, "11: users[0].user.client-key: */empty.pem: the file is empty"},
	{"key-encrypted", USE, "11: users[0].user.client-key: */encrypted.key: the private key is encrypted, and there is *"},
	{"key-junk", USE, "11: users[0].user.client-key: */junk.pem: it holds no PEM private key"},
	{"key-no-cert", USE, "10: users[0].user.client-key: the user \"u\" has neither client-certificate nor *"},
	{"kind-wrong", LOAD, "1: kind: a kubeconfig's kind is Config"},
	{"list-root", LOAD, "1: the document: wants a mapping"},
	{"name-number", LOAD, "8: users[0].name: is no string; quote it"},
	{"namespace-bad", USE, "16: contexts[0].context.namespace: \"../etc\" is no name of a namespace"},
	{"no-current", USE, " no current context is set"},
	{"nul-byte", LOAD, "10: users[0].user.token: the string holds a NUL byte"},
	{"other-user-bad", LOAD, "11: users[1].user.token: is no string; quote it"},
	{"password-token", USE, "10: users[0].user.password: the user \"u\" has token too; one of both must go"},
	{"preferences-list", LOAD, "17: preferences: wants a mapping"},
	{"provider", USE, "10: users[0].user.auth-provider: the auth provider oidc needs idp-issuer-url"},
	{"proxy-bare", USE, "7: clusters[0].cluster.proxy-url: a proxy's scheme is http, https or socks5"},
	{"proxy-socks4", USE, "7: clusters[0].cluster.proxy-url: a proxy's scheme is http, https or socks5"},
	{"root-extra-doc", LOAD, "18: a second document; a kubeconfig is one"},
	{"scalar", LOAD, "1: the document: wants a mapping"},
	{"server-control", USE, "6: clusters[0].cluster.server: a URL holds no spaces and no control characters"},
	{"server-empty", USE, "6: clusters[0].cluster.server: the cluster \"c\" has no server"},
	{"server-ftp", USE, "6: clusters[0].cluster.server: the URL's scheme is neither https nor http"},
	{"server-ipv6-bare", USE, "6: clusters[0].cluster.server: an IPv6 address wants brackets around it"},
	{"server-missing", USE, "5: clusters[0].cluster.server: the cluster \"c\" has no server"},
	{"server-number", LOAD, "6: clusters[0].cluster.server: is no string; quote it"},
	{"server-query", USE, "6: clusters[0].cluster.server: a server's URL has no query and no fragment"},
	{"server-userinfo", USE, "6: clusters[0].cluster.server: credentials in the URL are not used; give them in a user"},
	{"syntax", LOAD, "3: mapping values are not allowed in this context"},
	{"tab", LOAD, "2: found character that cannot start any token; a tab cannot indent"},
	{"token-bool", LOAD, "10: users[0].user.token: is no string; quote it"},
	{"token-file-empty", USE, "10: users[0].user.tokenFile: */token-empty: holds no token"},
	{"token-file-missing", IO, "10: users[0].user.tokenFile: */no-such: No such file or directory"},
	{"token-newline", USE, "10: users[0].user.token: holds a line break or another control character"},
	{"token-number", LOAD, "10: users[0].user.token: is no string; quote it"},
	{"user-missing", USE, "15: contexts[0].context.user: there is no user \"nobody\""},
	{"user-string", LOAD, "9: users[0].user: wants a mapping"},
	{"users-map", LOAD, "7: users: wants a list"},
	{"version-wrong", LOAD, "1: apiVersion: a kubeconfig's apiVersion is v1"},
};

static void each_mistake(void **state)
{
	char path[256], pattern[512];
	kshim_config *config;
	kshim_error *error;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(mistakes); i++) {
		snprintf(path, sizeof(path), DATA "%s.yaml", mistakes[i].file);
		snprintf(pattern, sizeof(pattern), "%s:%s", path, mistakes[i].message);
		error = NULL;
		config = kshim_config_from_file(path, &error);
		if (!config == !mistakes[i].early)
			fail_msg("%s: %s", path, config ? "loaded" : kshim_error_message(error));
		if (config)
			assert_null(kshim__config_access(config, &error));
		expect_error(error, mistakes[i].code, pattern);
		if (config)
			assert_null(kshim__config_access(config, NULL));
		kshim_config_unref(config);
	}
	error = NULL;
	assert_null(kshim_config_from_file(DATA "bad-type.json", &error));
	expect_error(error, KSHIM_ECONFIG, DATA "bad-type.json:5: clusters[0].cluster.server: is no string; quote it");
	error = NULL;
	assert_null(kshim_config_from_file(DATA "no-such.yaml", &error));
	expect_error(error, KSHIM_EIO, DATA "no-such.yaml: No such file or directory");
	error = NULL;
	assert_null(kshim_config_from_file("test", &error));
	expect_error(error, KSHIM_EIO, "test: Is a directory");
	error = NULL;
	assert_null(kshim_config_from_file("/dev/zero", &error));
	expect_error(error, KSHIM_EIO, "/dev/zero: File too large");
	assert_null(kshim_config_from_file("", NULL));
}

/* Of every file here: neither message nor view shows a secret. */
static void secrets(void **state)
{
	static const char *const words[] = {"geheim", "t0ken", "file-token", "inline", "shared", "BEGIN", "LS0tLS1"};
	DIR *dir = opendir(DATA);
	struct dirent *item;
	size_t seen = 0, i;

	(void)state;
	assert_non_null(dir);
	while ((item = readdir(dir))) {
		kshim_error *error = NULL;
		kshim_config *config;
		char path[512], *text;

		if (!strstr(item->d_name, ".yaml") && !strstr(item->d_name, ".json"))
			continue;
		snprintf(path, sizeof(path), DATA "%s", item->d_name);
		config = kshim_config_from_file(path, &error);
		if (config)
			kshim__access_unref(kshim__config_access(config, &error));
		text = config ? kshim_config_format(config) : NULL;
		assert_true(!text == !config);
		for (i = 0; i < COUNT(words); i++)
			if ((text && strstr(text, words[i])) || (error && strstr(kshim_error_message(error), words[i])))
				fail_msg("%s shows \"%s\"", path, words[i]);
		free(text);
		kshim_error_free(error);
		kshim_config_unref(config);
		seen++;
	}
	closedir(dir);
	assert_true(seen > 120);
}

static void whole(void **state)
{
	struct kshim__access *access = access_of(DATA "as.yaml");

	(void)state;
	assert_string_equal(access->server, "https://k.example:6443");
	assert_true(access->https);
	assert_string_equal(access->namespace_, "default");
	assert_string_equal(kshim__access_token(access, 5), "t");
	assert_false(kshim__access_expire(access));
	assert_string_equal(access->impersonate_user, "jane");
	assert_string_equal(access->impersonate_uid, "42");
	assert_int_equal(access->impersonate_group_count, 2);
	assert_string_equal(access->impersonate_groups[1], "ops team");
	assert_int_equal(access->impersonate_extra_count, 2);
	assert_string_equal(access->impersonate_extra[0].key, "reason");
	assert_string_equal(access->impersonate_extra[0].value, "debug");
	assert_string_equal(access->impersonate_extra[1].key, "reason");
	assert_string_equal(access->impersonate_extra[1].value, "test");
	kshim__access_unref(access);

	access = access_of(DATA "cert-files.yaml");
	assert_true(access->ca.len > 100 && access->cert.len > 100 && access->key.len > 100);
	assert_true(matches("/*/" DATA "pki/ca.crt", access->ca_file.path));
	assert_null(kshim__access_token(access, 5));
	kshim__access_unref(access);

	access = access_of(DATA "cert-both.yaml"); /* data wins */
	assert_true(access->cert.len > 100 && access->key.len > 100);
	kshim__access_unref(access);
	access = access_of(DATA "ca-both.yaml");
	assert_true(access->ca.len > 100 && !access->ca_file.path);
	kshim__access_unref(access);
	access = access_of(DATA "ca-data-pem.yaml");
	assert_int_equal(strncmp(access->ca.data, "-----BEGIN", 10), 0);
	kshim__access_unref(access);

	access = access_of(DATA "http.yaml");
	assert_false(access->https);
	assert_string_equal(access->server, "http://k.example:8080");
	kshim__access_unref(access);
	access = access_of(DATA "exec-http.yaml"); /* no credential is sent: none is needed */
	assert_false(access->https);
	kshim__access_unref(access);

	access = access_of(DATA "proxy-socks5.yaml");
	assert_string_equal(access->proxy_url, "socks5://u:geheim@proxy:1080");
	assert_ptr_equal(kshim__access_ref(access), access);
	kshim__access_unref(access);
	kshim__access_unref(access);
	kshim__access_unref(NULL);
	access = access_of(DATA "insecure-yes.yaml");
	assert_true(access->insecure);
	kshim__access_unref(access);
	access = access_of(DATA "server-name.yaml");
	assert_string_equal(access->tls_server_name, "other.example");
	kshim__access_unref(access);
	access = access_of(DATA "no-compression.yaml");
	assert_true(access->no_compression);
	kshim__access_unref(access);
	access = access_of(DATA "basic.yaml");
	assert_string_equal(access->username, "admin");
	assert_string_equal(access->password, "geheim");
	kshim__access_unref(access);
	access = access_of(DATA "token-both.yaml");
	assert_string_equal(kshim__access_token(access, 5), "file-token");
	kshim__access_unref(access);
	access = access_of(DATA "token-both-missing.yaml");
	assert_string_equal(kshim__access_token(access, 5), "inline");
	assert_true(kshim__access_expire(access));
	kshim__access_unref(access);
}

static void merging(void **state)
{
	kshim_error *error = NULL;
	kshim_config *config, *again;
	char *text;

	(void)state;
	setenv("KUBECONFIG", ":" DATA "m1.yaml::" DATA "no-such:" DATA "sub/m2.yaml:" DATA "m1.yaml:", 1);
	config = kshim_config_from_file(NULL, &error);
	assert_non_null(config);
	assert_int_equal(kshim_config_context_count(config), 2);
	assert_string_equal(kshim_config_context_name(config, 0), "b");
	assert_string_equal(kshim_config_context_name(config, 1), "a");
	assert_null(kshim_config_context_name(config, 2));
	assert_string_equal(kshim_config_current_context(config), "a");
	assert_string_equal(kshim_config_server(config), "https://d");
	assert_string_equal(kshim_config_cluster_name(config), "d");
	assert_string_equal(kshim_config_user_name(config), "v");
	assert_string_equal(kshim_config_namespace(config), "two");
	text = kshim_config_format(config);
	assert_non_null(strstr(text, "certificate: /"));
	assert_non_null(strstr(text, "/" DATA "sub/client.crt\n"));
	assert_non_null(strstr(text, "/" DATA "pki/client.key\n"));
	assert_non_null(strstr(text, "preferences:\n  colors: true\n  extensions:\n  - extension: 1\n    name: q\n"));
	free(text);
	again = kshim_config_ref(config);
	assert_ptr_equal(again, config);
	kshim_config_unref(again);

	assert_int_equal(kshim_config_use_context(config, "b", &error), 0);
	assert_string_equal(kshim_config_current_context(config), "b");
	assert_string_equal(kshim_config_server(config), "https://one");
	assert_string_equal(kshim_config_namespace(config), "default");
	assert_int_equal(kshim_config_use_context(config, "nope", &error), -1);
	expect_error(error, KSHIM_ECONFIG, DATA "m1.yaml: there is no context \"nope\"");
	assert_string_equal(kshim_config_current_context(config), "b");
	error = NULL;
	assert_int_equal(kshim_config_use_context(config, NULL, &error), -1);
	expect_error(error, KSHIM_EINVAL, "*");
	kshim_config_unref(config);

	setenv("KUBECONFIG", DATA "no-such:" DATA "nor-this", 1);
	error = NULL;
	assert_null(kshim_config_from_file(NULL, &error));
	expect_error(error, KSHIM_EIO, "KUBECONFIG: no such file: " DATA "no-such:" DATA "nor-this");
	setenv("KUBECONFIG", DATA "m1.yaml:" DATA "syntax.yaml", 1);
	error = NULL;
	assert_null(kshim_config_from_env(&error));
	expect_error(error, KSHIM_ECONFIG, DATA "syntax.yaml:3: *");
	unsetenv("KUBECONFIG");
}

/* A context that cannot be used leaves the one before, and its client, alone. */
static void contexts(void **state)
{
	static const char text[] =
		"{clusters: [{name: c, cluster: {server: https://k/}}, {name: d, cluster: {server: 'https://x:y:z'}}],\n"
		" users: [{name: u, user: {token: t}}, {name: e, user: {exec: {command: x, apiVersion: v2}}}],\n"
		" contexts: [{name: good, context: {cluster: c, user: u}},\n"
		"  {name: plain, context: {cluster: c}},\n"
		"  {name: bad, context: {cluster: d, user: u}},\n"
		"  {name: plug, context: {cluster: c, user: e}}],\n"
		" current-context: good}\n";
	kshim_error *error = NULL;
	kshim_config *config = kshim_config_from_text(text, strlen(text), &error);
	struct kshim__access *access, *same;

	(void)state;
	assert_non_null(config);
	access = kshim__config_access(config, &error);
	same = kshim__config_access(config, &error);
	assert_non_null(access);
	assert_ptr_equal(access, same);
	kshim__access_unref(same);
	assert_int_equal(kshim_config_use_context(config, "bad", &error), -1);
	expect_error(error, KSHIM_ECONFIG, "kubeconfig:1: clusters[1].cluster.server: *");
	error = NULL;
	assert_int_equal(kshim_config_use_context(config, "plug", &error), -1);
	expect_error(error, KSHIM_ECONFIG, "kubeconfig:2: users[1].user.exec: apiVersion is \"v2\"; *");
	assert_int_equal(kshim_config_use_context(config, "plug", NULL), -1);
	assert_string_equal(kshim_config_current_context(config), "good");
	assert_string_equal(kshim_config_server(config), "https://k");
	error = NULL;
	assert_int_equal(kshim_config_use_context(config, "plain", &error), 0);
	assert_null(kshim_config_user_name(config));
	assert_string_equal(access->token, "t");
	kshim__access_unref(access);
	access = kshim__config_access(config, &error);
	assert_null(access->token);
	kshim_config_unref(config);
	assert_string_equal(access->server, "https://k");
	kshim__access_unref(access);
}

static void texts(void **state)
{
	static const struct {
		const char *text, *message;
	} cases[] = {
		{"users:\n- name: u\n  user:\n    tokenFile: x/y\n", "kubeconfig:4: users[0].user.tokenFile: a relative path *"},
		{"clusters:\n- cluster: {certificate-authority: ca}\n", "kubeconfig:2: *.certificate-authority: a relative path *"},
		{"users:\n- user: {exec: {command: ./x}}\n", "kubeconfig:2: users[0].user.exec.command: a relative path *"},
		{"users: [{user: {as-user-extra: {a/b: [1]}}}]", "kubeconfig:1: *.as-user-extra.a~1b[0]: is no string; quote it"},
		{"a: b: c", "kubeconfig:1: mapping values are not allowed in this context"},
	};
	kshim_config *config;
	kshim_error *error;
	size_t i;
	char *big;

	(void)state;
	for (i = 0; i < COUNT(cases); i++) {
		error = NULL;
		assert_null(kshim_config_from_text(cases[i].text, strlen(cases[i].text), &error));
		expect_error(error, KSHIM_ECONFIG, cases[i].message);
		assert_null(kshim_config_from_text(cases[i].text, strlen(cases[i].text), NULL));
	}
	config = kshim_config_from_text("users: [{user: {exec: {command: x}, tokenFile: /x}}]", 52, &error);
	assert_non_null(config);
	assert_int_equal(kshim_config_context_count(config), 0);
	assert_null(kshim_config_current_context(config));
	assert_null(kshim_config_server(config));
	assert_null(kshim_config_cluster_name(config));
	assert_null(kshim_config_user_name(config));
	assert_string_equal(kshim_config_namespace(config), "default");
	kshim_config_unref(config);
	error = NULL;
	assert_null(kshim_config_from_text(NULL, 0, &error));
	expect_error(error, KSHIM_EINVAL, "*");
	big = calloc(1, (16 << 20) + 2);
	error = NULL;
	assert_null(kshim_config_from_text(big, (16 << 20) + 1, &error));
	expect_error(error, KSHIM_ECONFIG, "*too long");
	free(big);
	assert_int_equal(kshim_config_context_count(NULL), 0);
	assert_null(kshim_config_current_context(NULL));
	assert_null(kshim_config_format(NULL));
	kshim_config_unref(NULL);
	assert_null(kshim_config_ref(NULL));
}

static void urls(void **state)
{
	kshim_error *error = NULL;
	kshim_config *config = kshim_config_from_url("https://k.example:6443/p/", &error);
	struct kshim__access *access;

	(void)state;
	assert_non_null(config);
	assert_string_equal(kshim_config_server(config), "https://k.example:6443/p");
	assert_string_equal(kshim_config_current_context(config), "self");
	assert_string_equal(kshim_config_cluster_name(config), "self");
	assert_null(kshim_config_user_name(config));
	assert_string_equal(kshim_config_namespace(config), "default");
	access = kshim__config_access(config, &error);
	assert_string_equal(access->server, "https://k.example:6443/p");
	assert_int_equal(access->ca.len, 0);
	kshim__access_unref(access);
	kshim_config_unref(config);
	assert_null(kshim_config_from_url("https://u:geheim@x", &error));
	expect_error(error, KSHIM_ECONFIG, "the server's URL: credentials in the URL are not used; give them in a user");
	error = NULL;
	assert_null(kshim_config_from_url(NULL, &error));
	expect_error(error, KSHIM_EINVAL, "the server's URL: there is none");
	assert_null(kshim_config_from_url("ftp://x", NULL));
}

static char directory[] = "/tmp/kshim-test-XXXXXX";

static void write_file(const char *name, const char *text)
{
	char path[256];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	unlink(path);
	if (!text)
		return;
	file = fopen(path, "we");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static char *slurp(const char *path)
{
	static char text[8192];
	FILE *file = fopen(path, "re");

	assert_non_null(file);
	text[fread(text, 1, sizeof(text) - 1, file)] = '\0';
	fclose(file);
	return text;
}

static void service_account(void **state)
{
	kshim_error *error = NULL;
	kshim_config *config;
	struct kshim__access *access;
	char *text;

	(void)state;
	unsetenv("KUBERNETES_SERVICE_HOST");
	setenv("KUBERNETES_SERVICE_PORT", "443", 1);
	assert_null(kshim_config_from_service_account(directory, &error));
	expect_error(error, KSHIM_EIO, "/tmp/*/token: No such file or directory");
	write_file("token", " \n");
	error = NULL;
	assert_null(kshim_config_from_service_account(directory, &error));
	expect_error(error, KSHIM_ECONFIG, "/tmp/*/token: holds no token");
	write_file("token", "one\n");
	error = NULL;
	assert_null(kshim_config_from_service_account(directory, &error));
	expect_error(error, KSHIM_ECONFIG, "KUBERNETES_SERVICE_HOST is not set: this is no Pod");
	setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1", 1);
	unsetenv("KUBERNETES_SERVICE_PORT");
	error = NULL;
	assert_null(kshim_config_from_service_account(directory, &error));
	expect_error(error, KSHIM_ECONFIG, "KUBERNETES_SERVICE_PORT is not set: this is no Pod");
	setenv("KUBERNETES_SERVICE_PORT", "6443", 1);

	error = NULL;
	config = kshim_config_from_service_account(directory, &error);
	assert_non_null(config);
	assert_string_equal(kshim_config_server(config), "https://10.0.0.1:6443");
	assert_string_equal(kshim_config_namespace(config), "default");
	assert_string_equal(kshim_config_user_name(config), "self");
	access = kshim__config_access(config, &error);
	assert_int_equal(access->ca.len, 0);
	assert_string_equal(kshim__access_token(access, 1000), "one");
	kshim__access_unref(access);
	kshim_config_unref(config);

	write_file("namespace", "team\n");
	write_file("ca.crt", slurp(DATA "pki/ca.crt"));
	setenv("KUBERNETES_SERVICE_HOST", "fd00::1", 1);
	config = kshim_config_from_service_account(directory, &error);
	assert_non_null(config);
	assert_string_equal(kshim_config_server(config), "https://[fd00::1]:6443");
	assert_string_equal(kshim_config_namespace(config), "team");
	access = kshim__config_access(config, &error);
	assert_true(access->ca.len > 100);
	kshim__access_unref(access);
	text = kshim_config_format(config);
	assert_non_null(strstr(text, "    tokenFile: /tmp/"));
	free(text);
	kshim_config_unref(config);

	write_file("ca.crt", "junk");
	assert_null(kshim_config_from_service_account(directory, &error));
	expect_error(error, KSHIM_ECONFIG, "/tmp/*/ca.crt: it holds no PEM certificate");
	write_file("ca.crt", NULL);
	write_file("namespace", "../x");
	error = NULL;
	assert_null(kshim_config_from_service_account(directory, &error));
	expect_error(error, KSHIM_ECONFIG, "*\"../x\" is no name of a namespace");
	write_file("namespace", NULL);
	setenv("KUBERNETES_SERVICE_HOST", "a/b", 1);
	error = NULL;
	assert_null(kshim_config_from_service_account(directory, &error));
	expect_error(error, KSHIM_ECONFIG, "KUBERNETES_SERVICE_HOST and _PORT are no host and port");
	unsetenv("KUBERNETES_SERVICE_HOST");
	unsetenv("KUBERNETES_SERVICE_PORT");
}

static void token_files(void **state)
{
	struct kshim__access *access;
	kshim_error *error = NULL;
	kshim_config *config;
	char text[512], *long_token;

	(void)state;
	write_file("token", "\t one \r\n");
	snprintf(text, sizeof(text), "{clusters: [{name: c, cluster: {server: https://k}}], current-context: x,\n"
		 "users: [{name: u, user: {tokenFile: %s/token}}], contexts: [{name: x, context: {cluster: c, user: u}}]}", directory);
	config = kshim_config_from_text(text, strlen(text), &error);
	access = kshim__config_access(config, &error);
	assert_non_null(access);
	assert_string_equal(kshim__access_token(access, 1000), "one");
	write_file("token", "two");
	assert_string_equal(kshim__access_token(access, 60999), "one");
	assert_string_equal(kshim__access_token(access, 61000), "two");
	write_file("token", "three");
	assert_string_equal(kshim__access_token(access, 61001), "two");
	assert_true(kshim__access_expire(access)); /* after a 401 */
	assert_string_equal(kshim__access_token(access, 61002), "three");
	/* what cannot be read leaves the last token */
	write_file("token", NULL);
	assert_string_equal(kshim__access_token(access, 200000), "three");
	write_file("token", "  \n");
	assert_string_equal(kshim__access_token(access, 200001), "three");
	write_file("token", "x\ny: z");
	assert_string_equal(kshim__access_token(access, 200002), "three");
	long_token = malloc((1 << 20) + 2);
	memset(long_token, 'a', (1 << 20) + 1);
	long_token[(1 << 20) + 1] = '\0';
	write_file("token", long_token);
	assert_string_equal(kshim__access_token(access, 200003), "three");
	long_token[100000] = '\0';
	write_file("token", long_token);
	assert_string_equal(kshim__access_token(access, 200004), long_token);
	free(long_token);
	kshim__access_unref(access);
	kshim_config_unref(config);
	write_file("token", NULL);
}

static void environment(void **state)
{
	char path[300];
	kshim_error *error = NULL;
	kshim_config *config;
	char *home = strdup(getenv("HOME") ? getenv("HOME") : "/");

	(void)state;
	setenv("KUBECONFIG", "", 1);
	setenv("HOME", directory, 1);
	assert_null(kshim_config_from_env(&error));
	expect_error(error, KSHIM_EIO, "KUBECONFIG is not set, and there is no /tmp/*/.kube/config");
	snprintf(path, sizeof(path), "%s/.kube", directory);
	assert_int_equal(mkdir(path, 0700), 0);
	write_file(".kube/config", slurp(DATA "token.yaml"));
	error = NULL;
	config = kshim_config_from_env(&error);
	assert_non_null(config);
	assert_string_equal(kshim_config_server(config), "https://k.example:6443");
	kshim_config_unref(config);
	/* set, but there is no account: no Pod */
	setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1", 1);
	if (access("/var/run/secrets/kubernetes.io/serviceaccount/token", F_OK)) {
		config = kshim_config_from_env(&error);
		assert_non_null(config);
		kshim_config_unref(config);
	}
	unsetenv("KUBERNETES_SERVICE_HOST");
	setenv("KUBECONFIG", DATA "http.yaml", 1);
	config = kshim_config_from_env(&error);
	assert_string_equal(kshim_config_server(config), "http://k.example:8080");
	kshim_config_unref(config);
	unsetenv("KUBECONFIG");
	unsetenv("HOME");
	assert_null(kshim_config_from_file(NULL, &error));
	expect_error(error, KSHIM_ECONFIG, "neither KUBECONFIG nor HOME is set");
	write_file(".kube/config", NULL);
	rmdir(path);
	setenv("HOME", home, 1);
	free(home);
}

static void no_memory(void **state)
{
	static const char *const paths[] = {DATA "m1.yaml:" DATA "sub/m2.yaml", DATA "as.yaml", DATA "cert-data.yaml",
					    DATA "cert-files.yaml", DATA "extensions.yaml", DATA "proxy-socks5.yaml",
					    DATA "basic.yaml", NULL};
	struct kshim__access *access;
	kshim_config *config;
	kshim_error *error;
	bool failed;
	size_t p;
	char *text;
	int mode;
	long i;

	(void)state;
	if (!failalloc_works())
		skip();
	write_file("token", "t");
	setenv("KUBERNETES_SERVICE_HOST", "::1", 1);
	setenv("KUBERNETES_SERVICE_PORT", "1", 1);
	for (p = 0; p < COUNT(paths); p++) {
		setenv("KUBECONFIG", paths[p] ? paths[p] : "", 1);
		for (mode = 0; mode < 2; mode++) {
			for (failed = true, i = 0; failed; i++) {
				error = NULL;
				access = NULL;
				text = NULL;
				failalloc_arm(i, mode);
				config = paths[p] ? kshim_config_from_file(NULL, &error)
						  : kshim_config_from_service_account(directory, &error);
				if (config)
					access = kshim__config_access(config, &error);
				if (access && !kshim_config_use_context(config, kshim_config_current_context(config), &error))
					text = kshim_config_format(config);
				failed = failalloc_disarm();
				if (failed != !text)
					fail_msg("%s: allocation %ld: %d %s", paths[p], i, failed, text);
				if (error)
					assert_int_equal(kshim_error_code(error), KSHIM_ENOMEM);
				if (!failed)
					assert_null(error);
				kshim_error_free(error);
				kshim__access_unref(access);
				kshim_config_unref(config);
				free(text);
			}
			assert_true(i > 30);
		}
	}
	unsetenv("KUBECONFIG");
	unsetenv("KUBERNETES_SERVICE_HOST");
	unsetenv("KUBERNETES_SERVICE_PORT");
	write_file("token", NULL);
}

static int make_directory(void **state)
{
	(void)state;
	return mkdtemp(directory) ? 0 : -1;
}

static int remove_directory(void **state)
{
	(void)state;
	return rmdir(directory);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_mistake),    cmocka_unit_test(secrets),     cmocka_unit_test(whole),
		cmocka_unit_test(merging),         cmocka_unit_test(contexts),    cmocka_unit_test(texts),
		cmocka_unit_test(urls),            cmocka_unit_test(service_account),
		cmocka_unit_test(token_files),     cmocka_unit_test(environment), cmocka_unit_test(no_memory),
	};

	return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
