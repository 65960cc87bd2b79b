#include "provider.h"

#include "alloc.h"
#include "base64.h"

#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

char dir[] = "/tmp/kshim-oidc-XXXXXX";

char *path_of(const char *name)
{
	static char path[4][256];
	static unsigned at;

	at = (at + 1) % 4;
	snprintf(path[at], sizeof(path[at]), "%s/%s", dir, name);
	return path[at];
}

void put_file(const char *name, const char *text)
{
	FILE *file = fopen(path_of(name), "we");

	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

char *get_file(const char *name)
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
char *jwt(int64_t lasts, int64_t life, int number)
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

unsigned warnings;
char warning[512];

static void warned(const char *text, void *user)
{
	(void)user;
	warnings++;
	snprintf(warning, sizeof(warning), "%s", text);
	shown(text);
}

char *fill(const struct fakeapi *api, const char *format, const char *id, const char *refresh)
{
	char *ca = kshim__base64(fakeapi_ca_pem(api), strlen(fakeapi_ca_pem(api))), *text;

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	assert_true(asprintf(&text, format, id, refresh, fakeapi_url(api), ca) > 0);
#pragma GCC diagnostic pop
	kshim__free(ca);
	return text;
}

void start(struct rig *rig, void **state, struct provider *provider)
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

kshim_client *open_client(struct rig *rig, kshim_config *config, kshim_error **error)
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

kshim_client *client_of(struct rig *rig, const char *name)
{
	kshim_error *error = NULL;

	return open_client(rig, kshim_config_from_file(path_of(name), &error), &error);
}

kshim_call *start_get(kshim_client *client, const char *pod, struct seen *seen)
{
	kshim_query *pods = kshim_query_new(client, KSHIM_POD, NULL);
	kshim_call *call = kshim_query_get_by_name(pods, pod, seen_done, seen);

	assert_non_null(started(seen, call));
	kshim_query_free(pods);
	return call;
}

void get(struct rig *rig, kshim_client *client, const char *pod, struct seen *seen)
{
	memset(seen, 0, sizeof(*seen));
	start_get(client, pod, seen);
	rig_drive(rig);
}

size_t grants(const struct rig *rig)
{
	return fakeapi_count(rig->api, "POST", GRANTS);
}

/* The ID token that the last request carried. */
char *sent_token(const struct rig *rig)
{
	const struct fakeapi_request *request = fakeapi_request(rig->api, fakeapi_request_count(rig->api) - 1);
	const char *header = fakeapi_header(request, "authorization");

	assert_true(strncmp(request->path, "/api/", 5) == 0);
	assert_non_null(header);
	assert_true(strncmp(header, "Bearer ", 7) == 0);
	return strdup(header + 7);
}

void assert_left_nothing(void)
{
	char command[128];

	assert_int_equal(access(path_of("config.lock"), F_OK), -1);
	snprintf(command, sizeof(command), "ls -A %s | grep -q '[.]config[.]'", dir);
	assert_int_not_equal(system(command), 0);
}

/* Starts with `format`, filled with an ID token that lasts so long. */
kshim_client *begin(struct rig *rig, void **state, struct provider *provider, const char *format, int64_t lasts)
{
	char *token = jwt(lasts, 3600, 0), *text;

	start(rig, state, provider);
	text = fill(rig->api, format, token, SECRET "/1");
	put_file("config", text);
	free(text);
	free(token);
	return client_of(rig, "config");
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
