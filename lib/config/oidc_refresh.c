#include "config/oidc_refresh.h"

#include "alloc.h"
#include "base64.h"
#include "config/files.h"
#include "config/url.h"
#include "error.h"
#include "json/tree.h"

#include <jansson.h>
#include <string.h>

#define ANSWER_MAX (1u << 20)
#define TIMEOUT_MS 30000 /* for all of it */

/* golang.org/x/oauth2 tries the client's secret in a header, and when that is
 * refused in the body. */
enum { DISCOVERY, GRANT_BASIC, GRANT_POST };

static void exchange_over(struct kshim__task *task);

static void close_transport(struct kshim__oidc_refresh *refresh)
{
	if (refresh->on_wire && kshim__list_empty(&refresh->over.link))
		kshim__transfer_abort(&refresh->transfer);
	else if (refresh->on_wire)
		kshim__transfer_end(&refresh->transfer);
	refresh->on_wire = false;
	kshim__task_remove(&refresh->over);
	if (refresh->open)
		kshim__transport_free(&refresh->transport);
	refresh->open = false;
	kshim__access_unref(refresh->access);
	refresh->access = NULL;
	kshim__headers_unref(refresh->headers);
	refresh->headers = NULL;
	kshim__free(refresh->path);
	refresh->path = NULL;
	kshim__buf_free_secret(&refresh->body);
	kshim__buf_free_secret(&refresh->answer);
}

void kshim__oidc_refresh_stop(struct kshim__oidc_refresh *refresh)
{
	if (!refresh->loop)
		return;
	close_transport(refresh);
	kshim__timer_stop(refresh->loop, &refresh->deadline);
	kshim__timer_unreserve(refresh->loop);
	kshim__free_secret_string(refresh->refresh_token);
	kshim__free(refresh->endpoint);
	refresh->loop = NULL;
}

static void fail(struct kshim__oidc_refresh *refresh, kshim_error *error)
{
	kshim__error_prefix(error, "the identity provider %s", refresh->client->issuer);
	refresh->done(refresh, NULL, NULL, error);
}

static enum kshim__sink take(struct kshim__transfer *transfer, const char *data, size_t len)
{
	struct kshim__oidc_refresh *refresh = KSHIM__OWNER(transfer, struct kshim__oidc_refresh, transfer);

	if (refresh->answer.len + len > ANSWER_MAX)
		return KSHIM__SINK_FAILED;
	return kshim__buf_add(&refresh->answer, data, len) ? KSHIM__SINK_TOOK : KSHIM__SINK_FAILED;
}

static void finished(struct kshim__transfer *transfer)
{
	struct kshim__oidc_refresh *refresh = KSHIM__OWNER(transfer, struct kshim__oidc_refresh, transfer);

	kshim__task_queue(refresh->loop, &refresh->over); /* libcurl is done with it by then */
}

/* What the transport needs to know of a server. */
static struct kshim__access *make_access(const struct kshim__oidc_client *client, const char *url, size_t len)
{
	struct kshim__access *access = kshim__calloc(1, sizeof(*access));

	if (!access)
		return NULL;
	access->refs = 1;
	access->https = true;
	access->server = kshim__memdup(url, len);
	access->ca.data = client->ca.len ? kshim__memdup(client->ca.data, client->ca.len) : NULL;
	access->ca.len = access->ca.data ? client->ca.len : 0;
	if (access->server && access->ca.len == client->ca.len)
		return access;
	kshim__access_unref(access);
	return NULL;
}

/* Splits an https URL behind its host; false and *error for one that is not. */
static bool open_transport(struct kshim__oidc_refresh *refresh, const char *url, const char *what, kshim_error **error)
{
	const char *path, *problem = NULL;
	char *checked;
	size_t len, host;
	bool https = false;

	len = strcspn(url, "?#");
	checked = kshim__memdup(url, len);
	if (!checked)
		return false;
	kshim__free(kshim__url_server(checked, &https, &problem));
	kshim__free(checked);
	if (!problem && !https)
		problem = "it is not https, and no credential is sent over anything else";
	if (problem)
		return kshim__fail(error, KSHIM_ECONFIG, "%s: %s", what, problem);
	host = (size_t)(strstr(url, "://") + 3 - url);
	host += strcspn(url + host, "/?#");
	path = url + host;
	len = strcspn(path, "#");
	refresh->path = *path == '/' ? kshim__memdup(path, len) : kshim__strdup("/");
	refresh->access = make_access(refresh->client, url, host);
	refresh->headers = kshim__headers_new();
	if (!refresh->path || !refresh->access || !refresh->headers ||
	    !kshim__headers_add(refresh->headers, "Accept", "application/json"))
		return false;
	refresh->open = kshim__transport_init(&refresh->transport, refresh->loop, refresh->access, error);
	return refresh->open;
}

static bool send_it(struct kshim__oidc_refresh *refresh, const char *method)
{
	struct kshim__transfer *transfer = &refresh->transfer;

	memset(transfer, 0, sizeof(*transfer));
	transfer->transport = &refresh->transport;
	transfer->method = method;
	transfer->path = refresh->path;
	transfer->headers = refresh->headers;
	transfer->body = refresh->body.data;
	transfer->body_len = refresh->body.len;
	transfer->sink = take;
	transfer->finished = finished;
	refresh->on_wire = kshim__transfer_start(transfer);
	return refresh->on_wire;
}

static bool discover(struct kshim__oidc_refresh *refresh, kshim_error **error)
{
	const char *issuer = refresh->client->issuer;
	size_t len = strlen(issuer);
	struct kshim__buf url;
	bool ok;

	kshim__buf_init(&url);
	len -= len && issuer[len - 1] == '/';
	kshim__buf_addf(&url, "%.*s/.well-known/openid-configuration", (int)len, issuer);
	ok = !url.failed && open_transport(refresh, url.data, "idp-issuer-url", error) && send_it(refresh, "GET");
	kshim__buf_free(&url);
	return ok;
}

/* As a form's values are written; the same stands in the Basic header (RFC 6749,
 * 2.3.1). */
static void add_form(struct kshim__buf *buf, const char *text)
{
	kshim__buf_add_encoded(buf, text, strlen(text));
}

static bool add_basic(struct kshim__oidc_refresh *refresh)
{
	struct kshim__buf pair;
	char *basic;
	bool ok;

	kshim__buf_init(&pair);
	add_form(&pair, refresh->client->id);
	kshim__buf_addc(&pair, ':');
	add_form(&pair, refresh->client->secret ? refresh->client->secret : "");
	basic = pair.failed ? NULL : kshim__base64(pair.data, pair.len);
	kshim__buf_clear(&pair);
	ok = basic && kshim__buf_addf(&pair, "Basic %s", basic) &&
	     kshim__headers_add(refresh->headers, "Authorization", pair.data);
	kshim__free_secret_string(basic);
	kshim__buf_free_secret(&pair);
	return ok;
}

static bool grant(struct kshim__oidc_refresh *refresh, kshim_error **error)
{
	struct kshim__buf *body = &refresh->body;

	close_transport(refresh);
	if (!open_transport(refresh, refresh->endpoint, "token_endpoint", error))
		return false;
	if (!kshim__headers_add(refresh->headers, "Content-Type", "application/x-www-form-urlencoded") ||
	    !kshim__headers_add(refresh->headers, "Expect", NULL))
		return false;
	/* room for all of it, so that no copy stays behind */
	kshim__buf_reserve(body, 64 + 3 * (strlen(refresh->refresh_token) + strlen(refresh->client->id) +
					   (refresh->client->secret ? strlen(refresh->client->secret) : 0) + 32));
	kshim__buf_adds(body, "grant_type=refresh_token&refresh_token=");
	add_form(body, refresh->refresh_token);
	if (refresh->step == GRANT_POST) {
		kshim__buf_adds(body, "&client_id=");
		add_form(body, refresh->client->id);
		if (refresh->client->secret) {
			kshim__buf_adds(body, "&client_secret=");
			add_form(body, refresh->client->secret);
		}
	} else if (!add_basic(refresh)) {
		return false;
	}
	return !body->failed && send_it(refresh, "POST");
}

static kshim_error *transfer_error(struct kshim__oidc_refresh *refresh)
{
	const struct kshim__transfer *transfer = &refresh->transfer;
	kshim_error *error;

	if (transfer->code == CURLE_WRITE_ERROR)
		return kshim__error_new(KSHIM_EPROTOCOL, "its answer is larger than %u bytes", ANSWER_MAX);
	error = kshim__error_new(kshim__transfer_error_code(transfer->code), "%s",
				 transfer->problem[0] ? transfer->problem : curl_easy_strerror(transfer->code));
	if (error->code != KSHIM_ENOMEM) {
		error->curl_code = (int)transfer->code;
		error->retryable = error->code == KSHIM_ECONNECT;
	}
	return error;
}

static bool repeats(const char *text, const char *secret)
{
	return text && secret && *secret && strstr(text, secret);
}

/* RFC 6749, 5.2. Nothing else of the answer is shown: it may echo what was sent. */
static kshim_error *refusal(struct kshim__oidc_refresh *refresh, const json_t *answer)
{
	const char *code = json_string_value(json_object_get(answer, "error"));
	const char *text = json_string_value(json_object_get(answer, "error_description"));
	kshim_error *error;

	if (refresh->step == DISCOVERY)
		return kshim__error_new(KSHIM_ECONFIG, "its discovery document was answered with status %d",
					refresh->transfer.status);
	if (repeats(text, refresh->refresh_token) || repeats(code, refresh->refresh_token) ||
	    repeats(text, refresh->client->secret) || repeats(code, refresh->client->secret))
		code = text = NULL;
	error = kshim__error_new(KSHIM_ECONFIG, "refused to renew the token: status %d%s%.100s%s%.300s",
				 refresh->transfer.status, code ? ", " : "", code ? code : "", text ? ": " : "",
				 text ? text : "");
	if (error->code != KSHIM_ENOMEM)
		error->http_status = refresh->transfer.status;
	return error;
}

/* false: it is over, by failure. */
static bool go_on(struct kshim__oidc_refresh *refresh, const json_t *answer)
{
	const char *endpoint = json_string_value(json_object_get(answer, "token_endpoint"));
	kshim_error *error = NULL;

	if (refresh->step == DISCOVERY) {
		if (!endpoint || !*endpoint) {
			fail(refresh, kshim__error_new(KSHIM_ECONFIG,
						       "its discovery document names no token_endpoint"));
			return false;
		}
		refresh->endpoint = kshim__strdup(endpoint);
	}
	refresh->step++;
	if (refresh->endpoint && grant(refresh, &error))
		return true;
	fail(refresh, error ? error : kshim__error_new(KSHIM_ENOMEM, "out of memory"));
	return false;
}

static void look_at(struct kshim__oidc_refresh *refresh, const json_t *answer)
{
	const char *id_token = json_string_value(json_object_get(answer, "id_token"));
	const char *refresh_token = json_string_value(json_object_get(answer, "refresh_token"));
	const char *code = json_string_value(json_object_get(answer, "error"));
	int status = refresh->transfer.status;

	if (status < 200 || status >= 300) {
		refresh->refused = refresh->step != DISCOVERY && status < 500;
		if (refresh->step == GRANT_BASIC && status < 500 && !(code && strcmp(code, "invalid_grant") == 0))
			go_on(refresh, answer);
		else
			fail(refresh, refusal(refresh, answer));
	} else if (refresh->step == DISCOVERY) {
		go_on(refresh, answer);
	} else if (!id_token || !*id_token) {
		fail(refresh, kshim__error_new(KSHIM_ECONFIG,
					       "renewed the token, but sent no id_token: perhaps the scope \"openid\" "
					       "was not asked for at login, or it never does"));
	} else {
		refresh->done(refresh, id_token, refresh_token && *refresh_token ? refresh_token : NULL, NULL);
	}
}

static void exchange_over(struct kshim__task *task)
{
	struct kshim__oidc_refresh *refresh = KSHIM__OWNER(task, struct kshim__oidc_refresh, over);
	json_t *answer;

	kshim__transfer_end(&refresh->transfer);
	refresh->on_wire = false;
	if (refresh->transfer.code != CURLE_OK) {
		fail(refresh, transfer_error(refresh));
		return;
	}
	answer = kshim__json_tree_parse(refresh->answer.data ? refresh->answer.data : "", refresh->answer.len, false,
					NULL);
	look_at(refresh, answer);
	/* `refresh` may be gone */
	kshim__json_cleanse(answer);
	json_decref(answer);
}

static void deadline_passed(struct kshim__timer *timer)
{
	struct kshim__oidc_refresh *refresh = KSHIM__OWNER(timer, struct kshim__oidc_refresh, deadline);
	kshim_error *error = kshim__error_new(KSHIM_ETIMEDOUT, "did not answer within %d s", TIMEOUT_MS / 1000);

	if (error->code != KSHIM_ENOMEM)
		error->retryable = true;
	fail(refresh, error);
}

bool kshim__oidc_refresh_start(struct kshim__oidc_refresh *refresh, kshim_loop *loop,
			       const struct kshim__oidc_client *client, const char *refresh_token,
			       void (*done)(struct kshim__oidc_refresh *refresh, const char *id_token,
					    const char *new_refresh_token, kshim_error *error),
			       kshim_error **error)
{
	memset(refresh, 0, sizeof(*refresh));
	if (!kshim__timer_reserve(loop))
		return false;
	refresh->loop = loop;
	refresh->client = client;
	refresh->done = done;
	refresh->step = DISCOVERY;
	kshim__task_init(&refresh->over, exchange_over);
	kshim__timer_init(&refresh->deadline, deadline_passed);
	refresh->refresh_token = kshim__strdup(refresh_token);
	if (refresh->refresh_token && discover(refresh, error)) {
		kshim__timer_set(loop, &refresh->deadline, kshim__now_us() + (int64_t)TIMEOUT_MS * 1000);
		return true;
	}
	kshim__oidc_refresh_stop(refresh);
	return false;
}
