/* The auth provider oidc: the fake server is API server and identity provider. */
#include "../testutil.h"

#include "alloc.h"
#include "base64.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define GRANTS "/realm/token"
#define WELL_KNOWN "/realm/.well-known/openid-configuration"

static char dir[] = "/tmp/kshim-oidc-XXXXXX";

static char *path_of(const char *name)
{
	static char path[4][256];
	static unsigned at;

	at = (at + 1) % 4;
	snprintf(path[at], sizeof(path[at]), "%s/%s", dir, name);
	return path[at];
}

static void put_file(const char *name, const char *text)
{
	FILE *file = fopen(path_of(name), "we");

	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

static char *get_file(const char *name)
{
	FILE *file = fopen(path_of(name), "re");
	char *text = calloc(1, 65536);

	assert_non_null(file);
	assert_non_null(text);
	assert_true(fread(text, 1, 65535, file) > 0);
	fclose(file);
	return text;
}

/* A token that says when it ends, and its number. Its payload has all that makes
 * base64url another thing than base64; its signature is the secret. */
static char *jwt(int64_t lasts, int64_t life, int number)
{
	char claims[256], *payload, *at, *token;

	snprintf(claims, sizeof(claims), "{\"sub\":\"\xc3\xbf\xc3\xbf~~~?" "?" "?>>>\",\"exp\":%lld,\"iat\":%lld.5,\"n\":%d}",
		 (long long)(time(NULL) + lasts), (long long)(time(NULL) + lasts - life), number);
	payload = kshim__base64(claims, strlen(claims));
	for (at = payload; at && *at; at++)
		*at = *at == '+' ? '-' : *at == '/' ? '_' : *at == '=' ? '\0' : *at;
	if (!payload || asprintf(&token, "eyJhbGciOiJub25lIn0.%s." SECRET, payload) < 0)
		abort();
	kshim__free(payload);
	return token;
}

/* The identity provider. It lives in the server's process. */

struct provider {
	int64_t lasts; /* of the tokens that it gives */
	bool post;	/* wants the client's secret in the body */
	bool keeps;	/* sends no new refresh token */
	bool once;	/* a refresh token is good for one use */
	bool nothing;	/* sends no id_token */
	bool plain;	/* its token_endpoint is http:// */
	bool refuses;	/* 401 of the API for the first new token */
	const char *answer; /* of the grant, with this status */
	int status;
	const char *discovery;
	int delay_ms;
};

static void discover(void *ctx, const struct fakeapi_request *request, struct fakeapi_answer *out)
{
	const struct provider *provider = ctx;
	char *body;

	out->head_delay_ms = provider->delay_ms;
	if (provider->discovery) {
		out->body = provider->discovery;
		return;
	}
	if (asprintf(&body, "{\"issuer\":\"x\",\"token_endpoint\":\"%s://%s" GRANTS "?tenant=1\"}",
		     provider->plain ? "http" : "https", fakeapi_header(request, "host")) < 0)
		abort();
	out->body = body;
	out->body_free = free;
}

static bool authorized(const struct provider *provider, const struct fakeapi_request *request)
{
	const char *header = fakeapi_header(request, "authorization");
	char *basic = kshim__base64("me%3Aor%20you:" SECRET "%2Bsecret", strlen("me%3Aor%20you:" SECRET "%2Bsecret"));
	bool good = header && basic && strncmp(header, "Basic ", 6) == 0 && strcmp(header + 6, basic) == 0;

	kshim__free(basic);
	if (provider->post)
		return strstr(request->body, "&client_id=me%3Aor%20you&client_secret=" SECRET "%2Bsecret") && !header;
	return good && !strstr(request->body, "client_");
}

static void refuse(struct fakeapi_answer *out, int status, const char *body)
{
	out->status = status;
	out->body = body;
}

static void give(void *ctx, const struct fakeapi_request *request, struct fakeapi_answer *out)
{
	const struct provider *provider = ctx;
	static int number = 1;
	char expected[128], *token, *body, rotated[64] = "";

	out->head_delay_ms = provider->delay_ms;
	if (provider->answer) {
		refuse(out, provider->status, provider->answer);
		return;
	}
	if (!authorized(provider, request)) {
		refuse(out, 401, "{\"error\":\"invalid_client\",\"error_description\":\"who?\"}");
		return;
	}
	snprintf(expected, sizeof(expected), "grant_type=refresh_token&refresh_token=" SECRET "%%2F%d",
		 provider->once ? number : 1);
	if (strncmp(request->body, expected, strlen(expected)) != 0 ||
	    (request->body[strlen(expected)] != '&' && request->body[strlen(expected)])) {
		refuse(out, 400, "{\"error\":\"invalid_grant\",\"error_description\":\"used before\"}");
		return;
	}
	number++;
	if (!provider->keeps)
		snprintf(rotated, sizeof(rotated), ",\"refresh_token\":\"" SECRET "/%d\"", provider->once ? number : 1);
	token = jwt(provider->lasts ? provider->lasts : 3600, provider->lasts ? provider->lasts : 3600, number);
	if (asprintf(&body, "{\"access_token\":\"" SECRET "\",\"token_type\":\"Bearer\"%s%s%s%s}", rotated,
		     provider->nothing ? "" : ",\"id_token\":\"", provider->nothing ? "" : token,
		     provider->nothing ? "" : "\"") < 0)
		abort();
	free(token);
	out->body = body;
	out->body_free = free;
}

/* The rig. */

static unsigned warnings;
static char warning[512];

static void warned(const char *text, void *user)
{
	(void)user;
	warnings++;
	snprintf(warning, sizeof(warning), "%s", text);
	shown(text);
}

/* A kubeconfig: %1$s id-token, %2$s refresh-token, %3$s the API's and the provider's URL,
 * %4$s their CA's base64. */
#define YAML                                                                                                           \
	"# caf\xc3\xa9 \xe2\x82\xac: my clusters\n"                                                                   \
	"apiVersion: v1\nkind: Config\n"                                                                               \
	"current-context: x   # the usual one\n"                                                                       \
	"contexts:\n- {name: x, context: {cluster: c, user: \xc3\xbc, namespace: ns}}\n"                             \
	"clusters:\n- name: c\n  cluster:\n    server: %3$s\n    certificate-authority-data: %4$s\n"                     \
	"users:\n"                                                                                                     \
	"- name: other\n  user:\n    auth-provider: {name: oidc, config: {idp-issuer-url: x, client-id: b, id-token: z}}\n" \
	"- name: \xc3\xbc\n"                                                                                          \
	"  user:\n"                                                                                                    \
	"    auth-provider:\n"                                                                                         \
	"      config:   # how we log in\n"                                                                            \
	"        client-id: 'me:or you'\n"                                                                             \
	"        client-secret: " SECRET "+secret\n"                                                                   \
	"        # do not share\n"                                                                                     \
	"        id-token: %1$s  # renewed\n"                                                                          \
	"        idp-certificate-authority-data: %4$s\n"                                                               \
	"        idp-issuer-url: %3$s/realm/\n"                                                                        \
	"        refresh-token: \"%2$s\"\n"                                                                              \
	"      name: oidc\n"                                                                                           \
	"# the end\n"

static char *fill(const struct fakeapi *api, const char *format, const char *id, const char *refresh)
{
	char *ca = kshim__base64(fakeapi_ca_pem(api), strlen(fakeapi_ca_pem(api))), *text;

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	assert_true(asprintf(&text, format, id, refresh, fakeapi_url(api), ca) > 0);
#pragma GCC diagnostic pop
	kshim__free(ca);
	return text;
}

static void start(struct rig *rig, void **state, struct provider *provider)
{
	static struct fakeapi_route routes[5];
	const struct variant *variant = *state ? *state : &variants[0];
	struct fakeapi_options options = {.routes = routes, .route_count = COUNT(routes)};

	routes[0] = (struct fakeapi_route){.method = "GET", .path = WELL_KNOWN, .generate = discover, .ctx = provider};
	routes[1] = (struct fakeapi_route){.method = "POST", .path = GRANTS "?tenant=1", .generate = give, .ctx = provider};
	routes[2] = (struct fakeapi_route){.path = "*/refused", .nth = 1, .answer = {.status = 401}};
	routes[3] = (struct fakeapi_route){.path = "*/never", .answer = {.status = 401}};
	routes[4] = (struct fakeapi_route){.path = "/api/*", .answer = {.body = POD("a")}};
	memset(rig, 0, sizeof(*rig));
	rig->how = variant->drive;
	rig->http = variant->http;
	rig->fds = open_fds();
	rig->api = fakeapi_start(&options);
	assert_non_null(rig->api);
	rig->loop = kshim_loop_new();
	assert_non_null(rig->loop);
	warnings = 0;
	warning[0] = '\0';
}

static kshim_client *open_client(struct rig *rig, kshim_config *config, kshim_error **error)
{
	char *text = kshim_config_format(config);
	kshim_client *client = kshim_client_open(rig->loop, config, error);

	if (!client)
		print_error("%s\n", kshim_error_message(*error));
	assert_non_null(client);
	shown(text);
	free(text);
	kshim_client_set_http_version(client, rig->http);
	watch_client(client);
	kshim_client_on_warning(client, warned, NULL);
	return client;
}

static kshim_client *client_of(struct rig *rig, const char *name)
{
	kshim_error *error = NULL;

	return open_client(rig, kshim_config_from_file(path_of(name), &error), &error);
}

static kshim_call *start_get(kshim_client *client, const char *pod, struct seen *seen)
{
	kshim_query *pods = kshim_query_new(client, KSHIM_POD, NULL);
	kshim_call *call = kshim_query_get_by_name(pods, pod, seen_done, seen);

	assert_non_null(started(seen, call));
	kshim_query_free(pods);
	return call;
}

static void get(struct rig *rig, kshim_client *client, const char *pod, struct seen *seen)
{
	memset(seen, 0, sizeof(*seen));
	start_get(client, pod, seen);
	rig_drive(rig);
}

static size_t grants(const struct rig *rig)
{
	return fakeapi_count(rig->api, "POST", GRANTS);
}

/* The ID token that the last request carried. */
static char *sent_token(const struct rig *rig)
{
	const struct fakeapi_request *request = fakeapi_request(rig->api, fakeapi_request_count(rig->api) - 1);
	const char *header = fakeapi_header(request, "authorization");

	assert_true(strncmp(request->path, "/api/", 5) == 0);
	assert_non_null(header);
	assert_true(strncmp(header, "Bearer ", 7) == 0);
	return strdup(header + 7);
}

static void assert_left_nothing(void)
{
	char command[128];

	assert_int_equal(access(path_of("config.lock"), F_OK), -1);
	snprintf(command, sizeof(command), "ls -A %s | grep -q '[.]config[.]'", dir);
	assert_int_not_equal(system(command), 0);
}

/* Starts with `format`, filled with an ID token that lasts so long. */
static kshim_client *begin(struct rig *rig, void **state, struct provider *provider, const char *format, int64_t lasts)
{
	char *token = jwt(lasts, 3600, 0), *text;

	start(rig, state, provider);
	text = fill(rig->api, format, token, SECRET "/1");
	put_file("config", text);
	free(text);
	free(token);
	return client_of(rig, "config");
}

static void test_valid(void **state)
{
	struct provider provider = {0};
	struct rig rig;
	struct seen seen;
	kshim_client *client = begin(&rig, state, &provider, YAML, 400);
	char *before = get_file("config"), *after;

	get(&rig, client, "a", &seen);
	assert_ok(&seen);
	assert_int_equal(fakeapi_request_count(rig.api), 1);
	after = get_file("config");
	assert_string_equal(before, after);
	kshim_client_free(client);
	rig_stop(&rig);
	free(before);
	free(after);
}

static void test_renewed(void **state)
{
	static const int64_t lasts[] = {-10, 200};
	size_t i;

	for (i = 0; i < COUNT(lasts); i++) {
		struct provider provider = {.once = true};
		struct rig rig;
		struct seen seen;
		kshim_client *client = begin(&rig, state, &provider, YAML, lasts[i]);
		char *token, *quoted, *expected, *after;
		struct stat st;

		assert_int_equal(chmod(path_of("config"), 0640), 0);
		if (geteuid() == 0)
			assert_int_equal(chown(path_of("config"), 12345, 23456), 0);
		get(&rig, client, "a", &seen);
		assert_ok(&seen);
		get(&rig, client, "a", &seen);
		assert_ok(&seen);
		assert_int_equal(grants(&rig), 1);
		assert_int_equal(fakeapi_request_count(rig.api), 4);
		token = sent_token(&rig);
		assert_true(asprintf(&quoted, "\"%s\"", token) > 0);
		expected = fill(rig.api, YAML, quoted, SECRET "/2");
		after = get_file("config");
		assert_string_equal(after, expected);
		assert_int_equal(stat(path_of("config"), &st), 0);
		assert_int_equal(st.st_mode & 07777, 0640);
		if (geteuid() == 0)
			assert_true(st.st_uid == 12345 && st.st_gid == 23456);
		assert_left_nothing();
		kshim_client_free(client);
		/* another program takes it up there */
		client = client_of(&rig, "config");
		get(&rig, client, "a", &seen);
		assert_ok(&seen);
		assert_int_equal(grants(&rig), 1);
		kshim_client_free(client);
		assert_int_equal(warnings, 0);
		rig_stop(&rig);
		free(token);
		free(quoted);
		free(expected);
		free(after);
	}
}

/* A token whose whole life is shorter than five minutes is not renewed for every
 * request. */
static void test_short_life(void **state)
{
	struct provider provider = {.lasts = 250, .keeps = true};
	struct rig rig;
	struct seen seen;
	kshim_client *client = begin(&rig, state, &provider, YAML, -10);
	char *after;
	int i;

	for (i = 0; i < 5; i++) {
		get(&rig, client, "a", &seen);
		assert_ok(&seen);
	}
	assert_int_equal(grants(&rig), 1);
	after = get_file("config");
	assert_non_null(strstr(after, "refresh-token: \"" SECRET "/1\"")); /* none came: the old one is kept */
	free(after);
	kshim_client_free(client);
	rig_stop(&rig);
}

static void test_secret_in_body(void **state)
{
	struct provider provider = {.post = true};
	struct rig rig;
	struct seen seen;
	kshim_client *client = begin(&rig, state, &provider, YAML, -10);

	get(&rig, client, "a", &seen);
	assert_ok(&seen);
	assert_int_equal(grants(&rig), 2);
	kshim_client_free(client);
	rig_stop(&rig);
}

static void test_refused(void **state)
{
	struct provider provider = {.once = true};
	struct rig rig;
	struct seen seen;
	kshim_client *client = begin(&rig, state, &provider, YAML, 3600);

	get(&rig, client, "refused", &seen);
	assert_ok(&seen);
	assert_int_equal(grants(&rig), 1);
	get(&rig, client, "never", &seen);
	assert_failed(&seen, KSHIM_EUNAUTHORIZED);
	assert_int_equal(grants(&rig), 2);
	assert_int_equal(fakeapi_count(rig.api, "GET", "*/never"), 2);
	kshim_client_free(client);
	rig_stop(&rig);
}

/* What goes wrong. */

static void test_failures(void **state)
{
	static const struct {
		struct provider provider;
		kshim_code code;
		const char *message;
	} cases[] = {
		{{.status = 400, .answer = "{\"error\":\"invalid_grant\",\"error_description\":\"session ended\"}"},
		 KSHIM_ECONFIG, "refused to renew the token: status 400, invalid_grant: session ended"},
		{{.status = 503, .answer = "<html>" SECRET}, KSHIM_ECONFIG, "refused to renew the token: status 503"},
		{{.status = 400, .answer = "{\"error\":\"bad\",\"error_description\":\"no " SECRET "/1\"}"}, KSHIM_ECONFIG,
		 "refused to renew the token: status 400"},
		{{.status = 401, .answer = "{\"error\":\"bad\",\"error_description\":\"no client " SECRET "+secret\"}"}, KSHIM_ECONFIG,
		 "refused to renew the token: status 401"},
		{{.status = 200, .answer = SECRET}, KSHIM_ECONFIG, "sent no id_token"},
		{{.nothing = true}, KSHIM_ECONFIG, "sent no id_token"},
		{{.status = 200, .answer = "{\"id_token\":\"" SECRET "\"}"}, KSHIM_ECONFIG, "an id_token that is no JWT"},
		{{.status = 200, .answer = "{\"id_token\":\"a.e30.\\n" SECRET "\"}"}, KSHIM_ECONFIG, "an id_token that is no JWT"},
		{{.plain = true}, KSHIM_ECONFIG, "token_endpoint: it is not https"},
		{{.discovery = "{}"}, KSHIM_ECONFIG, "names no token_endpoint"},
		{{.discovery = "[\"token_endpoint\"]"}, KSHIM_ECONFIG, "names no token_endpoint"},
		{{.discovery = "{\"token_endpoint\":\"https://\"}"}, KSHIM_ECONFIG, "token_endpoint: the URL has no host"},
		{{.discovery = "{\"token_endpoint\":\"https://localhost:1/x\"}"}, KSHIM_ECONNECT, "the identity provider https://"},
	};
	size_t i;

	for (i = 0; i < COUNT(cases); i++) {
		struct provider provider = cases[i].provider;
		struct rig rig;
		struct seen seen;
		kshim_client *client = begin(&rig, state, &provider, YAML, -10);
		char *before = get_file("config"), *after;

		get(&rig, client, "a", &seen);
		assert_failed(&seen, cases[i].code);
		assert_contains(seen.message, cases[i].message);
		assert_contains(seen.message, "user \"\xc3\xbc\": the identity provider https://");
		assert_int_equal(fakeapi_count(rig.api, NULL, "/api/*"), 0);
		after = get_file("config");
		assert_string_equal(before, after);
		kshim_client_free(client);
		rig_stop(&rig);
		free(before);
		free(after);
	}
}

#define FLOW(member) \
	"{current-context: x, contexts: [{name: x, context: {cluster: c, user: u, namespace: ns}}],\n"                 \
	" clusters: [{name: c, cluster: {server: '%3$s', certificate-authority-data: %4$s}}],\n"                       \
	" users: [{name: u, user: {auth-provider: {name: oidc, config: {" member "}}}}]}\n"
#define ME "client-id: 'me:or you', client-secret: " SECRET "+secret, "
#define ISSUER "idp-issuer-url: '%3$s/realm', idp-certificate-authority-data: %4$s, "

static void test_no_way(void **state)
{
	static const struct {
		const char *config;
		kshim_code code;
		const char *message;
	} cases[] = {
		{FLOW(ME ISSUER "id-token: %1$s, x: '%2$s'"), KSHIM_ECONFIG, "is not valid any more, and there is no refresh-token"},
		{FLOW(ME ISSUER "x: %1$s%2$s"), KSHIM_ECONFIG, "is missing, and there is no refresh-token"},
		{FLOW(ME "idp-issuer-url: '%3$s/realm', id-token: %1$s, refresh-token: '%2$s'"), KSHIM_ETLS, "/realm: SSL"},
		{FLOW(ME "idp-issuer-url: 'http://localhost/realm', id-token: %1$s, refresh-token: '%2$s'"), KSHIM_ECONFIG,
		 "idp-issuer-url: it is not https"},
	};
	struct provider provider = {0};
	size_t i;

	for (i = 0; i < COUNT(cases); i++) {
		struct rig rig;
		struct seen seen;
		kshim_client *client = begin(&rig, state, &provider, cases[i].config, -10);

		get(&rig, client, "a", &seen);
		assert_failed(&seen, cases[i].code);
		assert_contains(seen.message, cases[i].message);
		assert_int_equal(fakeapi_request_count(rig.api), 0);
		kshim_client_free(client);
		rig_stop(&rig);
	}
}

/* It is time for another token, and the provider gives none: the one that is there is
 * used, and the provider left in peace for a while. */
static void test_still_lasts(void **state)
{
	static const struct provider providers[] = {
		{.status = 503, .answer = "{}"},
		{.status = 400, .answer = "{\"error\":\"invalid_grant\"}"},
		{.discovery = "{\"token_endpoint\":\"https://localhost:1/x\"}"},
	};
	size_t i;

	for (i = 0; i < COUNT(providers); i++) {
		struct provider provider = providers[i];
		struct rig rig;
		struct seen seen;
		kshim_client *client = begin(&rig, state, &provider, YAML, 200);
		char *before = get_file("config"), *after, *token;
		size_t asked;

		get(&rig, client, "a", &seen);
		assert_ok(&seen);
		token = sent_token(&rig);
		assert_contains(before, token);
		assert_int_equal(warnings, 1);
		assert_contains(warning, "user \"\xc3\xbc\": the identity provider https://");
		assert_contains(warning, "what is there is used for as long as it lasts");
		asked = fakeapi_count(rig.api, "GET", WELL_KNOWN);
		assert_true(asked > 0);
		get(&rig, client, "a", &seen);
		assert_ok(&seen);
		assert_int_equal(fakeapi_count(rig.api, "GET", WELL_KNOWN), asked);
		assert_int_equal(warnings, 1);
		/* the server does not take it: then nothing else is left */
		get(&rig, client, "never", &seen);
		assert_failed(&seen, i < 2 ? KSHIM_ECONFIG : KSHIM_ECONNECT);
		assert_true(fakeapi_count(rig.api, "GET", WELL_KNOWN) > asked);
		after = get_file("config");
		assert_string_equal(before, after);
		kshim_client_free(client);
		rig_stop(&rig);
		free(before);
		free(after);
		free(token);
	}
}

/* The provider is there, and does not answer. */
static void test_still_lasts_meanwhile(void **state)
{
	struct provider provider = {.delay_ms = 60000};
	struct rig rig;
	struct seen seen[2] = {{0}};
	kshim_client *client = begin(&rig, state, &provider, YAML, 200);

	start_get(client, "a", &seen[0]);
	start_get(client, "a", &seen[1]);
	rig_until_requests(&rig, 3);
	while (!seen[0].done || !seen[1].done)
		assert_true(kshim_loop_process(rig.loop) == 1);
	assert_ok(&seen[0]);
	assert_ok(&seen[1]);
	assert_int_equal(warnings, 0);
	kshim_client_free(client);
	rig_stop(&rig);
}

/* While a client is at work no request waits for the new token; and a program that
 * ends loses none. */
static void test_renewed_beside(void **state)
{
	struct provider provider = {.once = true, .delay_ms = 200};
	struct rig rig;
	struct seen seen;
	char *token = jwt(32, 300, 0), *text, *sent, *after; /* to be renewed in 2 s */
	kshim_client *client;

	start(&rig, state, &provider);
	text = fill(rig.api, YAML, token, SECRET "/1");
	put_file("config", text);
	client = client_of(&rig, "config");
	get(&rig, client, "a", &seen);
	assert_ok(&seen);
	assert_int_equal(fakeapi_request_count(rig.api), 1);
	sleep(3);
	get(&rig, client, "a", &seen);
	assert_ok(&seen);
	assert_int_equal(grants(&rig), 1);
	after = get_file("config");
	assert_string_not_equal(text, after);
	assert_contains(fakeapi_header(fakeapi_request(rig.api, 1), "authorization"), token); /* it did not wait */
	get(&rig, client, "a", &seen);
	assert_ok(&seen);
	sent = sent_token(&rig);
	assert_string_not_equal(sent, token);
	assert_contains(after, sent);
	assert_int_equal(grants(&rig), 1);
	assert_int_equal(warnings, 0);
	kshim_client_free(client);
	rig_stop(&rig);
	free(token);
	free(text);
	free(sent);
	free(after);
}

/* Where there is no refresh token, a 401 is what the caller gets. */
static void test_refused_for_good(void **state)
{
	struct provider provider = {0};
	struct rig rig;
	struct seen seen;
	char *token = jwt(3600, 3600, 0), *text;
	kshim_error *error = NULL;
	kshim_client *client;

	start(&rig, state, &provider);
	text = fill(rig.api, FLOW(ME ISSUER "id-token: %1$s"), token, "");
	client = open_client(&rig, kshim_config_from_text(text, strlen(text), &error), &error);
	get(&rig, client, "never", &seen);
	assert_failed(&seen, KSHIM_EUNAUTHORIZED);
	assert_int_equal(fakeapi_request_count(rig.api), 1);
	kshim_client_free(client);
	rig_stop(&rig);
	free(token);
	free(text);
}

/* The file. */

static void test_forms(void **state)
{
	static const char *const formats[] = {
		FLOW(ME ISSUER "id-token: '%1$s', refresh-token: %2$s"),
		FLOW(ME ISSUER "refresh-token: \"%2$s\""), /* the id-token is put in */
		"{\"current-context\":\"x\",\"contexts\":[{\"name\":\"x\",\"context\":{\"cluster\":\"c\",\"user\":\"u\","
		"\"namespace\":\"ns\"}}],\"clusters\":[{\"name\":\"c\",\"cluster\":{\"server\":\"%3$s\","
		"\"certificate-authority-data\":\"%4$s\"}}],\"users\":[{\"name\":\"u\",\"user\":{\"auth-provider\":{\"name\":"
		"\"oidc\",\"config\":{\"client-id\":\"me:or you\",\"client-secret\":\"" SECRET "+secret\",\"idp-issuer-url\":"
		"\"%3$s/realm\",\"idp-certificate-authority-data\":\"%4$s\",\"id-token\":\"%1$s\",\"refresh-token\":\"%2$s\"}}}}]}",
		"current-context: x\ncontexts: [{name: x, context: {cluster: c, user: u, namespace: ns}}]\n"
		"clusters: [{name: c, cluster: {server: '%3$s', certificate-authority-data: %4$s}}]\n"
		"users:\n- user:\n    auth-provider:\n      name: oidc\n      config:\n        # ours\n"
		"        client-id: me:or you\n        client-secret: " SECRET "+secret\n"
		"        idp-issuer-url: %3$s/realm\n        idp-certificate-authority-data: %4$s\n"
		"        refresh-token: >-\n            %2$s\n        id-token: %1$s\n  name: u\n",
	};
	size_t i;

	for (i = 0; i < COUNT(formats); i++) {
		struct provider provider = {.once = true};
		struct rig rig;
		struct seen seen;
		kshim_client *client = begin(&rig, state, &provider, formats[i], -10);
		char *token, *before = get_file("config"), *after;
		bool safe = !strstr(formats[i], ">-");

		get(&rig, client, "a", &seen);
		assert_ok(&seen);
		token = sent_token(&rig);
		after = get_file("config");
		assert_int_equal(warnings, !safe);
		if (safe) {
			assert_non_null(strstr(after, token));
			assert_non_null(strstr(after, SECRET "/2"));
		} else {
			assert_string_equal(before, after);
			assert_contains(warning, "config: the renewed tokens could not be kept in it: its text cannot be changed");
		}
		/* the next renewal goes on from there, in the file or in memory */
		get(&rig, client, "refused", &seen);
		assert_ok(&seen);
		assert_int_equal(grants(&rig), 2);
		assert_left_nothing();
		kshim_client_free(client);
		rig_stop(&rig);
		free(before);
		free(after);
		free(token);
	}
}

static void unlock(kshim_timer *timer, void *user)
{
	(void)user;
	unlink(path_of("config.lock"));
	kshim_timer_free(timer);
}

static void test_locked(void **state)
{
	struct provider provider = {0};
	struct rig rig;
	struct seen seen;
	kshim_client *client = begin(&rig, state, &provider, YAML, -10);
	char *before, *after;

	put_file("config.lock", "");
	before = get_file("config");
	get(&rig, client, "a", &seen); /* for ever */
	assert_ok(&seen);
	assert_int_equal(warnings, 1);
	assert_contains(warning, "somebody else has locked it");
	after = get_file("config");
	assert_string_equal(before, after);
	assert_int_equal(access(path_of("config.lock"), F_OK), 0);
	free(after);
	kshim_client_free(client);

	client = client_of(&rig, "config");
	assert_non_null(kshim_timer_new(rig.loop, 200, unlock, NULL));
	get(&rig, client, "a", &seen); /* for a moment */
	assert_ok(&seen);
	assert_int_equal(warnings, 1);
	after = get_file("config");
	assert_string_not_equal(before, after);
	kshim_client_free(client);
	rig_stop(&rig);
	free(before);
	free(after);
}

/* It is not the current-context's file that is written, but the user's; behind a
 * link it is what that leads to. */
static void test_which_file(void **state)
{
	struct provider provider = {0};
	struct rig rig;
	struct seen seen;
	char *token = jwt(-10, 3600, 0), *text, *list, *after;
	kshim_error *error = NULL;
	kshim_client *client;
	struct stat st;

	start(&rig, state, &provider);
	text = fill(rig.api, YAML, token, SECRET "/1");
	put_file("real", text);
	unlink(path_of("config"));
	assert_int_equal(symlink("real", path_of("config")), 0);
	put_file("first", "current-context: x\nusers: [{name: nobody}]\n");
	assert_true(asprintf(&list, "%s:%s", path_of("first"), path_of("config")) > 0);
	setenv("KUBECONFIG", list, 1);
	client = open_client(&rig, kshim_config_from_env(&error), &error);
	unsetenv("KUBECONFIG");
	get(&rig, client, "a", &seen);
	assert_ok(&seen);
	assert_int_equal(warnings, 0);
	after = get_file("real");
	assert_string_not_equal(after, text);
	free(after);
	after = get_file("first");
	assert_string_equal(after, "current-context: x\nusers: [{name: nobody}]\n");
	assert_int_equal(lstat(path_of("config"), &st), 0);
	assert_true(S_ISLNK(st.st_mode));
	kshim_client_free(client);
	rig_stop(&rig);
	unlink(path_of("config"));
	free(after);
	free(text);
	free(token);
	free(list);
}

/* Several at once. */

static void test_two_clients(void **state)
{
	struct provider provider = {.once = true, .delay_ms = 200};
	struct seen seen[20] = {{0}};
	kshim_error *error = NULL;
	kshim_client *client[2];
	kshim_config *config;
	struct rig rig;
	char *token = jwt(-10, 3600, 0), *text;
	size_t i, round;

	for (round = 0; round < 2; round++) {
		start(&rig, state, &provider);
		text = fill(rig.api, YAML, token, SECRET "/1");
		put_file("config", text);
		free(text);
		config = kshim_config_from_file(path_of("config"), &error);
		client[0] = open_client(&rig, kshim_config_ref(config), &error);
		client[1] = open_client(&rig, config, &error);
		memset(seen, 0, sizeof(seen));
		for (i = 0; i < COUNT(seen); i++)
			start_get(client[i % 2], "a", &seen[i]);
		if (round == 1) {
			/* the one that renews for both goes: the other one begins anew */
			rig_until_requests(&rig, 1);
			kshim_client_free(client[0]);
		}
		rig_drive(&rig);
		for (i = 0; i < COUNT(seen); i++) {
			if (round == 1 && i % 2 == 0)
				assert_failed(&seen[i], KSHIM_ECANCELED);
			else
				assert_ok(&seen[i]);
		}
		assert_int_equal(grants(&rig), 1);
		if (round == 0)
			kshim_client_free(client[0]);
		kshim_client_free(client[1]);
		rig_stop(&rig);
	}
	free(token);
}

static int other_process(void)
{
	kshim_error *error = NULL;
	kshim_loop *loop = kshim_loop_new();
	kshim_client *client = kshim_client_open(loop, kshim_config_from_file(path_of("config"), &error), &error);
	kshim_query *pods = kshim_query_new(client, KSHIM_POD, NULL);
	struct seen seen = {.returned = true};

	kshim_query_get_by_name(pods, "a", seen_done, &seen);
	if (kshim_loop_run(loop) != 0 || seen.done != 1 || seen.has_error) {
		fprintf(stderr, "the other process: %s\n", seen.message);
		return 1;
	}
	kshim_query_free(pods);
	kshim_client_free(client);
	kshim_loop_free(loop);
	return 0;
}

/* Two programs find the token expired at the same moment, and the refresh token is
 * good for one of them: the other finds the new ones in the file. */
static void test_two_processes(void **state)
{
	int round, status;

	for (round = 0; round < 5; round++) {
		struct provider provider = {.once = true};
		struct rig rig;
		struct seen seen;
		kshim_client *client = begin(&rig, state, &provider, YAML, -10);
		pid_t child[3];
		size_t i;

		for (i = 0; i < COUNT(child); i++) {
			child[i] = fork();
			assert_true(child[i] >= 0);
			if (!child[i])
				_exit(other_process());
		}
		get(&rig, client, "a", &seen);
		for (i = 0; i < COUNT(child); i++) {
			assert_int_equal(waitpid(child[i], &status, 0), child[i]);
			assert_true(WIFEXITED(status));
			assert_int_equal(WEXITSTATUS(status), 0);
		}
		assert_ok(&seen);
		assert_left_nothing();
		kshim_client_free(client);
		rig_stop(&rig);
	}
}

static void test_freed_meanwhile(void **state)
{
	struct provider provider = {.delay_ms = 300};
	struct rig rig;
	struct seen seen = {0};
	kshim_client *client = begin(&rig, state, &provider, YAML, -10);

	start_get(client, "a", &seen);
	rig_until_requests(&rig, 2);
	kshim_client_free(client);
	rig_drive(&rig);
	assert_failed(&seen, KSHIM_ECANCELED);
	client = client_of(&rig, "config");
	memset(&seen, 0, sizeof(seen));
	start_get(client, "a", &seen);
	rig_until_requests(&rig, 4);
	kshim_loop_free(rig.loop);
	rig.loop = NULL;
	assert_failed(&seen, KSHIM_ECANCELED);
	kshim_client_free(client);
	rig_stop(&rig);
}

static void test_refused_configs(void **state)
{
	static const struct {
		const char *provider, *message;
	} cases[] = {
		{"name: oidc, config: {client-id: x}", "the auth provider oidc needs idp-issuer-url"},
		{"name: oidc", "the auth provider oidc needs idp-issuer-url"},
		{"name: oidc, config: {idp-issuer-url: x}", "the auth provider oidc needs client-id"},
		{"name: oidc, config: {idp-issuer-url: x, client-id: x, idp-certificate-authority: /no}", "/no: No such file"},
		{"name: oidc, config: {idp-issuer-url: x, client-id: x, idp-certificate-authority-data: '%'}", "it is not base64"},
		{"name: oidc, config: {idp-issuer-url: x, client-id: x, idp-certificate-authority-data: eA==}", "no PEM"},
		{"name: azure", "the auth provider \"azure\" (user \"u\") is not supported; oidc and gcp are"},
		{"config: {}", "the auth provider \"\""},
	};
	kshim_loop *loop = kshim_loop_new();
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(cases); i++) {
		kshim_error *error = NULL;
		char *text;

		assert_true(asprintf(&text, "current-context: x\ncontexts: [{name: x, context: {cluster: c, user: u}}]\n"
				     "clusters: [{name: c, cluster: {server: 'https://localhost'}}]\n"
				     "users: [{name: u, user: {auth-provider: {%s}}}]\n", cases[i].provider) > 0);
		assert_null(kshim_client_open(loop, kshim_config_from_text(text, strlen(text), &error), &error));
		assert_contains(kshim_error_message(error), "kubeconfig:4: users[0].user.auth-provider: ");
		assert_contains(kshim_error_message(error), cases[i].message);
		kshim_error_free(error);
		free(text);
	}
	kshim_loop_free(loop);
}

static int make_folder(void **state)
{
	(void)state;
	return mkdtemp(dir) ? 0 : -1;
}

static int remove_folder(void **state)
{
	char command[64];

	(void)state;
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	return system(command);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BOTH_DRIVES(test_valid),
		BOTH_DRIVES(test_renewed),
		BOTH_HTTP(test_short_life),
		ONLY_H1(test_secret_in_body),
		ALL_VARIANTS(test_refused),
		BOTH_DRIVES(test_failures),
		ONLY_H1(test_no_way),
		BOTH_HTTP(test_still_lasts),
		ONLY_H1(test_still_lasts_meanwhile),
		BOTH_HTTP(test_renewed_beside),
		ONLY_H1(test_refused_for_good),
		ONLY_H1(test_forms),
		BOTH_DRIVES(test_locked),
		ONLY_H1(test_which_file),
		BOTH_DRIVES(test_two_clients),
		ONLY_H1(test_two_processes),
		BOTH_DRIVES(test_freed_meanwhile),
		ONLY_H1(test_refused_configs),
	};

	test_begin();
	return cmocka_run_group_tests_name("oidc", tests, make_folder, remove_folder);
}
