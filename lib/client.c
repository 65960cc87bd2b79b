#include "client.h"

#include "alloc.h"
#include "base64.h"
#include "config/credential.h"

#include <kubeshim/version.h>

#include <curl/curl.h>
#include <limits.h>
#include <string.h>
#include <strings.h>
#include <sys/utsname.h>

#define TIMEOUT_MS 60000
#define MAX_CONNECTIONS 8
#define MAX_RETRIES 10
#define STREAM_CONNECTIONS 20000L
/* bench/REPORT.md: the choices, measured. Of many watches most are idle: with a small buffer each takes 3 to 4 KB
 * less, and a busy one a fifth more CPU. libcurl before 8.1 overlooks the end of an HTTP/2 stream that comes in the
 * last DATA frame, if of a TLS record more is for the stream than its buffer holds: only below 16 KB. */
#define WATCH_BUFFER 16384L
#define CROWD_WATCH_BUFFER 4096L
#define WATCHES_PER_CONNECTION 25
/* Below the 100 that API servers allow: what one connection brings at a time
 * libcurl takes in one call, and 100 answers of 4 KB keep it busy for more than a
 * millisecond. Streams that stay bring little. */
#define STREAMS_PER_CONNECTION 64
#define LASTING_STREAMS_PER_CONNECTION 100

static void loop_ends(struct kshim__guest *guest);
static void loop_is_gone(struct kshim__guest *guest);
static void credential_changed(struct kshim__credential *credential);
static void admit_more(struct kshim__task *task);

static char *default_user_agent(const char *product)
{
	struct kshim__buf buf;
	struct utsname name;

	kshim__buf_init(&buf);
	if (product)
		kshim__buf_addf(&buf, "%s ", product);
	kshim__buf_addf(&buf, "kubeshim/%s", KSHIM_VERSION);
	if (uname(&name) == 0)
		kshim__buf_addf(&buf, " (%s/%s)", name.sysname, name.machine);
	return kshim__buf_take(&buf, NULL);
}

static void settle_lane(kshim_client *client, struct kshim__lane *lane)
{
	bool watches = lane == &client->lanes[KSHIM__LANE_WATCHES];
	kshim_http wanted = watches ? client->watch_http_version : client->http_version;

	if (!lane->open)
		return;
	if (!client->access->https)
		wanted = KSHIM_HTTP_1_1; /* where libcurl would wait for what no head tells */
	kshim__transport_set_http_version(&lane->transport, wanted == KSHIM_HTTP_2 ? (long)CURL_HTTP_VERSION_2TLS :
										     (long)CURL_HTTP_VERSION_1_1);
	lane->transport.one_by_one = watches && wanted == KSHIM_HTTP_2;
	lane->transport.buffer_size = watches ? WATCH_BUFFER : 0;
	lane->transport.crowd_buffer_size = CROWD_WATCH_BUFFER;
	if (client->credential && client->credential->cert.len)
		kshim__transport_set_identity(&lane->transport, &client->credential->cert, &client->credential->key);
	lane->transport.room = &client->admit_more;
	if (lane == &client->lanes[KSHIM__LANE_CALLS])
		kshim__multi_set_limits(&lane->transport.multi, (long)client->max_connections, STREAMS_PER_CONNECTION);
	else
		kshim__multi_set_limits(&lane->transport.multi, STREAM_CONNECTIONS,
					watches ? (long)client->watches_per_connection : LASTING_STREAMS_PER_CONNECTION);
}

static bool open_lane(kshim_client *client, enum kshim__lane_kind which, kshim_error **error)
{
	struct kshim__lane *lane = &client->lanes[which];

	if (!lane->open)
		lane->open = kshim__transport_init(&lane->transport, client->loop, client->access, error);
	settle_lane(client, lane);
	return lane->open;
}

kshim_client *kshim_client_open(kshim_loop *loop, kshim_config *config, kshim_error **error)
{
	struct kshim__access *access = NULL;
	kshim_client *client = NULL;
	int i;

	/* what kept the configuration from being made says more */
	if (!config && error && *error)
		return NULL;
	if (error)
		*error = NULL;
	if (!loop || !config) {
		kshim_config_unref(config);
		return kshim__fail(error, KSHIM_EINVAL, "a client needs a loop and a configuration");
	}
	if (kshim__loop_is_ending(loop)) {
		kshim_config_unref(config);
		return kshim__fail(error, KSHIM_ECANCELED, "the loop is being freed");
	}
	access = kshim__config_access(config, error);
	kshim_config_unref(config);
	if (!access)
		return NULL;
	client = kshim__calloc(1, sizeof(*client));
	if (!client) {
		kshim__access_unref(access);
		return kshim__fail(error, KSHIM_ENOMEM, "out of memory");
	}
	client->refs = 1;
	client->loop = loop;
	client->timeout_ms = TIMEOUT_MS;
	client->max_connections = MAX_CONNECTIONS;
	client->max_retries = MAX_RETRIES;
	client->guest.loop_ends = loop_ends;
	client->guest.loop_is_gone = loop_is_gone;
	kshim__list_init(&client->guest.link);
	kshim__list_init(&client->tenants);
	kshim__list_init(&client->caches);
	kshim__list_init(&client->refused);
	kshim__task_init(&client->admit_more, admit_more);
	client->access = access;
	client->http_version = KSHIM_HTTP_1_1;
	client->watch_http_version = KSHIM_HTTP_2;
	client->watches_per_connection = WATCHES_PER_CONNECTION;
	for (i = 0; i < KSHIM__LANES; i++)
		kshim__list_init(&client->lanes[i].queue);
	if (access->credential)
		client->credential = kshim__credential_new(loop, access, credential_changed, client);
	client->user_agent = default_user_agent(NULL);
	if (!client->user_agent || (access->credential && !client->credential)) {
		kshim__fail(error, KSHIM_ENOMEM, "out of memory");
		kshim__client_unref(client);
		return NULL;
	}
	if (!open_lane(client, KSHIM__LANE_CALLS, error)) {
		kshim__client_unref(client);
		return NULL;
	}
	kshim__loop_add_guest(loop, &client->guest);
	return client;
}

kshim_client *kshim_client_new(kshim_loop *loop, kshim_config *config)
{
	return kshim_client_open(loop, config, NULL);
}

static void drop_headers(kshim_client *client)
{
	int accept, content;

	for (accept = 0; accept < KSHIM__ACCEPTS; accept++) {
		for (content = 0; content < KSHIM__CONTENTS; content++) {
			kshim__headers_unref(client->headers[accept][content]);
			client->headers[accept][content] = NULL;
		}
	}
	kshim__free_secret_string(client->sent_token);
	client->sent_token = NULL;
}

/* A plugin that runs ends with it. */
static void drop_credential(kshim_client *client)
{
	kshim__credential_free(client->credential);
	client->credential = NULL;
}

/* What needs the loop goes first; what is left may be referenced by objects for
 * as long as they live. */
static void let_go(kshim_client *client)
{
	int i;

	if (!client->loop)
		return;
	kshim__list_remove(&client->guest.link);
	kshim__task_remove(&client->admit_more);
	drop_credential(client); /* of one that was not opened to its end */
	for (i = 0; i < KSHIM__LANES; i++)
		if (client->lanes[i].open)
			kshim__transport_free(&client->lanes[i].transport);
	client->loop = NULL;
}

static void close_client(kshim_client *client)
{
	client->closed = true;
	client->on_request = NULL;
	client->on_warning = NULL;
	client->on_trace = NULL;
	while (!kshim__list_empty(&client->tenants)) {
		struct kshim__tenant *tenant = KSHIM__OWNER(client->tenants.next, struct kshim__tenant, link);

		kshim__list_remove(&tenant->link);
		tenant->evict(tenant);
	}
	drop_credential(client); /* whoever still holds an object of this client */
}

static void loop_ends(struct kshim__guest *guest)
{
	close_client(KSHIM__OWNER(guest, kshim_client, guest));
}

static void loop_is_gone(struct kshim__guest *guest)
{
	let_go(KSHIM__OWNER(guest, kshim_client, guest));
}

void kshim_client_free(kshim_client *client)
{
	if (!client)
		return;
	close_client(client);
	kshim__client_unref(client);
}

kshim_client *kshim__client_ref(kshim_client *client)
{
	if (client)
		client->refs++;
	return client;
}

void kshim__client_unref(kshim_client *client)
{
	if (!client || --client->refs)
		return;
	let_go(client);
	drop_headers(client);
	kshim__access_unref(client->access);
	if (client->discovery)
		client->discovery_free(client->discovery);
	kshim_error_free(client->error);
	kshim_error_free(client->refusal);
	kshim__free(client->user_agent);
	kshim__free(client);
}

bool kshim__client_is_open(const kshim_client *client)
{
	return client && !client->closed && client->loop;
}

void *kshim__client_fail(kshim_client *client, kshim_error *error)
{
	if (client) {
		kshim_error_free(client->error);
		client->error = error;
	} else {
		kshim_error_free(error);
	}
	return NULL;
}

const kshim_error *kshim_client_error(const kshim_client *client)
{
	static const kshim_error no_client = {.code = KSHIM_EINVAL, .message = (char *)"there is no client"};

	return client ? client->error : &no_client;
}

/* Settings. */

void kshim_client_set_timeout(kshim_client *client, uint64_t ms)
{
	if (client)
		client->timeout_ms = ms;
}

void kshim_client_set_http_version(kshim_client *client, kshim_http version)
{
	int i;

	if (!kshim__client_is_open(client))
		return;
	client->http_version = version == KSHIM_HTTP_2 ? KSHIM_HTTP_2 : KSHIM_HTTP_1_1;
	for (i = 0; i < KSHIM__LANES; i++)
		settle_lane(client, &client->lanes[i]);
}

void kshim_client_set_watch_connections(kshim_client *client, kshim_http version, unsigned watches)
{
	if (!kshim__client_is_open(client))
		return;
	client->watch_http_version = version == KSHIM_HTTP_1_1 ? KSHIM_HTTP_1_1 : KSHIM_HTTP_2;
	client->watches_per_connection = !watches ? WATCHES_PER_CONNECTION : watches > 1000 ? 1000 : watches;
	settle_lane(client, &client->lanes[KSHIM__LANE_WATCHES]);
}

void kshim_client_set_max_connections(kshim_client *client, unsigned count)
{
	if (!kshim__client_is_open(client))
		return;
	client->max_connections = count < 1 ? 1 : count > 64 ? 64 : count;
	settle_lane(client, &client->lanes[KSHIM__LANE_CALLS]);
}

void kshim_client_set_max_retries(kshim_client *client, unsigned count)
{
	if (client)
		client->max_retries = count;
}

void kshim_client_set_dry_run(kshim_client *client, int dry_run)
{
	if (client)
		client->dry_run = dry_run != 0;
}

int kshim_client_set_user_agent(kshim_client *client, const char *product)
{
	const char *at;
	char *agent;

	for (at = product; client && at && *at; at++)
		if ((unsigned char)*at < ' ' || *at == 0x7f)
			return -1;
	agent = client ? default_user_agent(product) : NULL;
	if (!agent)
		return -1;
	kshim__free(client->user_agent);
	client->user_agent = agent;
	drop_headers(client);
	return 0;
}

const char *kshim_client_namespace(const kshim_client *client)
{
	return kshim__client_is_open(client) ? client->access->namespace_ : NULL;
}

const char *kshim_client_server(const kshim_client *client)
{
	return kshim__client_is_open(client) ? client->access->server : NULL;
}

kshim_loop *kshim_client_loop(const kshim_client *client)
{
	return client ? client->loop : NULL;
}

void kshim_client_on_request(kshim_client *client, kshim_request_fn *fn, void *user)
{
	if (!client)
		return;
	client->on_request = fn;
	client->on_request_user = user;
}

void kshim_client_on_warning(kshim_client *client, kshim_warning_fn *fn, void *user)
{
	if (!client)
		return;
	client->on_warning = fn;
	client->on_warning_user = user;
}

void kshim_client_on_trace(kshim_client *client, kshim_trace_fn *fn, void *user)
{
	if (!client)
		return;
	client->on_trace = fn;
	client->on_trace_user = user;
}

/* Headers. */

static bool add_credentials(struct kshim__headers *headers, const struct kshim__access *access, const char *token)
{
	struct kshim__buf value;
	char *basic = NULL;
	bool ok = true;
	size_t i;

	if (!access->https)
		return true; /* never to a server that anybody may listen to */
	kshim__buf_init(&value);
	if (token) {
		ok = kshim__buf_addf(&value, "Bearer %s", token) &&
		     kshim__headers_add(headers, "Authorization", value.data);
	} else if (access->username) {
		kshim__buf_addf(&value, "%s:%s", access->username, access->password ? access->password : "");
		basic = value.failed ? NULL : kshim__base64(value.data, value.len);
		kshim__buf_clear(&value);
		ok = basic && kshim__buf_addf(&value, "Basic %s", basic) &&
		     kshim__headers_add(headers, "Authorization", value.data);
		kshim__free_secret_string(basic);
	}
	kshim__buf_free_secret(&value);
	if (access->impersonate_user)
		ok = ok && kshim__headers_add(headers, "Impersonate-User", access->impersonate_user);
	if (access->impersonate_uid)
		ok = ok && kshim__headers_add(headers, "Impersonate-Uid", access->impersonate_uid);
	for (i = 0; i < access->impersonate_group_count; i++)
		ok = ok && kshim__headers_add(headers, "Impersonate-Group", access->impersonate_groups[i]);
	for (i = 0; ok && i < access->impersonate_extra_count; i++) {
		const struct kshim__pair *extra = &access->impersonate_extra[i];

		kshim__buf_adds(&value, "Impersonate-Extra-");
		kshim__buf_add_encoded(&value, extra->key, strlen(extra->key));
		ok = !value.failed && kshim__headers_add(headers, value.data, extra->value);
		kshim__buf_free(&value);
	}
	return ok;
}

static struct kshim__headers *make_headers(kshim_client *client, const char *accept, const char *content_type,
					   const char *token)
{
	struct kshim__headers *headers = kshim__headers_new();
	bool ok = headers != NULL;

	if (client->lanes[KSHIM__LANE_CALLS].transport.host)
		ok = ok && kshim__headers_add(headers, "Host", client->lanes[KSHIM__LANE_CALLS].transport.host);
	ok = ok && kshim__headers_add(headers, "User-Agent", client->user_agent);
	ok = ok && kshim__headers_add(headers, "Accept", accept);
	ok = ok && add_credentials(headers, client->access, token);
	if (content_type) {
		ok = ok && kshim__headers_add(headers, "Content-Type", content_type);
		ok = ok && kshim__headers_add(headers, "Expect", NULL);
	}
	if (ok)
		return headers;
	kshim__headers_unref(headers);
	return NULL;
}

/* The token of this moment; when it is another one, no cached header is right
 * any more. */
static const char *current_token(kshim_client *client)
{
	const char *token = kshim__access_token(client->access, kshim__now_us() / 1000);

	if (!token && client->credential)
		token = client->credential->token;
	if (token ? !client->sent_token || strcmp(token, client->sent_token) != 0 : client->sent_token != NULL) {
		drop_headers(client);
		client->sent_token = kshim__strdup(token);
	}
	return token;
}

struct kshim__headers *kshim__client_headers(kshim_client *client, enum kshim__accept accept,
					     enum kshim__content content)
{
	static const char *const accepts[KSHIM__ACCEPTS] = {
		"application/json",
		"application/json;as=Table;v=v1;g=meta.k8s.io,application/json",
		("application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,"
		"application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,application/json"),
		"*/*",
	};
	static const char *const contents[KSHIM__CONTENTS] = {
		NULL,
		"application/json",
		"application/merge-patch+json",
		"application/json-patch+json",
		"application/strategic-merge-patch+json",
		"application/apply-patch+yaml",
	};
	const char *token = current_token(client);
	struct kshim__headers **cached = &client->headers[accept][content];

	if (!*cached)
		*cached = make_headers(client, accepts[accept], contents[content], token);
	return kshim__headers_ref(*cached);
}

struct kshim__headers *kshim__client_headers_custom(kshim_client *client, const char *content_type,
						    const char *further, size_t len)
{
	const char *accept = "*/*", *end = further ? further + len : NULL, *name, *value;
	struct kshim__headers *headers;
	bool ok = true;

	for (name = further; name < end; name = value + strlen(value) + 1) {
		value = name + strlen(name) + 1;
		if (strcasecmp(name, "Accept") == 0)
			accept = value;
	}
	headers = make_headers(client, accept, content_type, current_token(client));
	for (name = further; headers && ok && name < end; name = value + strlen(value) + 1) {
		value = name + strlen(name) + 1;
		if (strcasecmp(name, "Accept") != 0)
			ok = kshim__headers_add(headers, name, value);
	}
	if (ok)
		return headers;
	kshim__headers_unref(headers);
	return NULL;
}

unsigned kshim__client_credential(const kshim_client *client)
{
	return client->credential ? client->credential->fetches : 0;
}

bool kshim__client_renew(kshim_client *client, unsigned credential)
{
	bool rotated = kshim__access_expire(client->access);

	return client->credential ? kshim__credential_expire(client->credential, credential) : rotated;
}

/* Tenants and admission. */

void kshim__client_add_tenant(kshim_client *client, struct kshim__tenant *tenant)
{
	kshim__list_append(&client->tenants, &tenant->link);
}

static unsigned most_at_once(const kshim_client *client, const struct kshim__lane *lane)
{
	unsigned streams = client->http_version == KSHIM_HTTP_2 ? STREAMS_PER_CONNECTION : 1;

	return lane == &client->lanes[KSHIM__LANE_CALLS] ? client->max_connections * streams : UINT_MAX;
}

/* The connections that were made under another certificate, or that trusted
 * another authority, are not used again: libcurl tells them apart by that. */
static void take_identity(kshim_client *client)
{
	const struct kshim__credential *credential = client->credential;
	const struct kshim__access *access = client->access;
	bool of_plugin = credential && credential->certificates;
	int i;

	if (client->rotations == access->rotations && (!credential || client->certificates == credential->certificates))
		return;
	client->rotations = access->rotations;
	client->certificates = credential ? credential->certificates : 0;
	for (i = 0; i < KSHIM__LANES; i++)
		if (client->lanes[i].open)
			kshim__transport_set_identity(&client->lanes[i].transport,
						      of_plugin ? &credential->cert : &access->cert,
						      of_plugin ? &credential->key : &access->key);
}

/* A thousand that waited for one credential take more than one pass. */
static bool pass_is_over(kshim_client *client, unsigned *count)
{
	if (!(*count)++ || !kshim__loop_exhausted(client->loop))
		return false;
	kshim__task_queue(client->loop, &client->admit_more);
	return true;
}

static void admit_next(kshim_client *client, struct kshim__lane *lane)
{
	unsigned count = 0;

	while (lane->admitted < most_at_once(client, lane) && !kshim__list_empty(&lane->queue)) {
		struct kshim__ticket *ticket = KSHIM__OWNER(lane->queue.next, struct kshim__ticket, link);

		if (client->credential && !kshim__credential_ready(client->credential,
								   ticket->fetches != client->credential->fetches))
			return; /* credential_changed() goes on */
		/* the transport tells when it has some */
		if (!kshim__transport_has_room(&lane->transport) || pass_is_over(client, &count))
			return;
		kshim__access_rotate(client->access, kshim__now_us() / 1000);
		take_identity(client);
		kshim__list_remove(&ticket->link);
		ticket->admitted = true;
		lane->admitted++;
		ticket->admit(ticket);
	}
}

static void refuse_some(kshim_client *client)
{
	unsigned count = 0;

	while (!kshim__list_empty(&client->refused) && !pass_is_over(client, &count)) {
		struct kshim__ticket *ticket = KSHIM__OWNER(client->refused.next, struct kshim__ticket, link);

		kshim__list_remove(&ticket->link);
		ticket->refuse(ticket, client->refusal);
	}
}

static void admit_more(struct kshim__task *task)
{
	kshim_client *client = KSHIM__OWNER(task, kshim_client, admit_more);
	int i;

	refuse_some(client);
	for (i = 0; i < KSHIM__LANES && !client->closed; i++)
		admit_next(client, &client->lanes[i]);
}

bool kshim__client_enter(kshim_client *client, enum kshim__lane_kind which, struct kshim__ticket *ticket,
			 kshim_error **error)
{
	if (!client->lanes[which].open && !open_lane(client, which, error))
		return false;
	ticket->lane = &client->lanes[which];
	ticket->fetches = kshim__client_credential(client);
	kshim__list_append(&ticket->lane->queue, &ticket->link);
	admit_next(client, ticket->lane);
	return true;
}

void kshim__client_leave(kshim_client *client, struct kshim__ticket *ticket)
{
	kshim__list_remove(&ticket->link);
	if (!ticket->admitted)
		return;
	ticket->admitted = false;
	ticket->lane->admitted--;
	if (!client->closed)
		admit_next(client, ticket->lane);
}

/* A fetch is over: all that waited for it go on, or learn why they cannot. */
static void credential_changed(struct kshim__credential *credential)
{
	kshim_client *client = kshim__client_ref(credential->owner);
	char *warning = credential->warning;
	int i;

	credential->warning = NULL;
	if (credential->error) {
		kshim_error_free(client->refusal);
		client->refusal = kshim_error_copy(credential->error);
		for (i = 0; i < KSHIM__LANES; i++)
			kshim__list_splice(&client->refused, &client->lanes[i].queue);
	}
	admit_more(&client->admit_more);
	/* the callback may free the client, and the credential with it */
	if (warning && client->on_warning)
		client->on_warning(warning, client->on_warning_user);
	kshim__free(warning);
	kshim__client_unref(client);
}
