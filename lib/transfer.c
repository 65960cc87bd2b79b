#include "transfer.h"

#include "alloc.h"

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <string.h>
#include <strings.h>

#define CONNECT_TIMEOUT_MS 30000L
/* Below the 90 s after which an API server closes an idle connection, so that a
 * request does not meet the closing (traps.md 30). */
#define IDLE_MAX_S 60L
#define UNSENT_MAX 8

/* Headers. */

struct kshim__headers *kshim__headers_new(void)
{
	struct kshim__headers *headers = kshim__calloc(1, sizeof(*headers));

	if (headers)
		headers->refs = 1;
	return headers;
}

bool kshim__headers_add(struct kshim__headers *headers, const char *name, const char *value)
{
	struct curl_slist *list = NULL;
	struct kshim__buf line;

	kshim__buf_init(&line);
	/* libcurl's form for a header to be left out has nothing behind the colon, the
	 * one for an empty header a semicolon */
	if (value && !value[strspn(value, " ")])
		kshim__buf_addf(&line, "%s;", name);
	else
		kshim__buf_addf(&line, value ? "%s: %s" : "%s:", name, value);
	if (!line.failed)
		list = curl_slist_append(headers->list, line.data);
	kshim__buf_free_secret(&line);
	if (list)
		headers->list = list;
	return list != NULL;
}

struct kshim__headers *kshim__headers_ref(struct kshim__headers *headers)
{
	if (headers)
		headers->refs++;
	return headers;
}

void kshim__headers_unref(struct kshim__headers *headers)
{
	struct curl_slist *line;

	if (!headers || --headers->refs)
		return;
	for (line = headers->list; line; line = line->next)
		OPENSSL_cleanse(line->data, strlen(line->data));
	curl_slist_free_all(headers->list);
	kshim__free(headers);
}

/* The transport. */

/* What libcurl makes of a URL or a part of it. */
static bool url_ok(CURLUcode code, const char *what, const char *text, const char *problem, kshim_error **error)
{
	if (code == CURLUE_OUT_OF_MEMORY)
		kshim__fail(error, KSHIM_ENOMEM, "out of memory");
	else if (code != CURLUE_OK)
		kshim__fail(error, KSHIM_ECONFIG, "%s %s: %s", what, text, problem);
	return code == CURLUE_OK;
}

/* With tls-server-name the URL holds that name, for SNI and verification, while
 * the connection goes to, and the Host header names, the real server. */
static bool split_server(struct kshim__transport *transport, kshim_error **error)
{
	struct kshim__access *access = transport->access;
	CURLU *url = curl_url();
	char *host = NULL, *port = NULL, *full = NULL;
	struct kshim__buf buf;
	CURLUcode code;
	bool ok = false;

	kshim__buf_init(&buf);
	if (!url)
		goto out;
	code = curl_url_set(url, CURLUPART_URL, access->server, 0);
	if (!url_ok(code, "server", access->server, "not a URL that can be used", error))
		goto out;
	if (!access->tls_server_name || !access->https) {
		transport->base_url = kshim__strdup(access->server);
		ok = transport->base_url != NULL;
		goto out;
	}
	if ((code = curl_url_get(url, CURLUPART_HOST, &host, 0)) == CURLUE_OK &&
	    (code = curl_url_get(url, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT)) == CURLUE_OK &&
	    (code = curl_url_set(url, CURLUPART_HOST, access->tls_server_name, 0)) == CURLUE_OK)
		code = curl_url_get(url, CURLUPART_URL, &full, 0);
	if (!url_ok(code, "tls-server-name", access->tls_server_name, "not a host name", error))
		goto out;
	while (*full && full[strlen(full) - 1] == '/')
		full[strlen(full) - 1] = '\0';
	transport->base_url = kshim__strdup(full);
	kshim__buf_addf(&buf, "%s:%s:%s:%s", access->tls_server_name, port, host, port);
	if (!buf.failed)
		transport->connect_to = curl_slist_append(NULL, buf.data);
	kshim__buf_clear(&buf);
	kshim__buf_addf(&buf, "%s:%s", host, port);
	transport->host = kshim__buf_take(&buf, NULL);
	ok = transport->base_url && transport->connect_to && transport->host;
out:
	if (!ok && error && !*error)
		kshim__fail(error, KSHIM_ENOMEM, "out of memory");
	kshim__buf_free(&buf);
	curl_free(host);
	curl_free(port);
	curl_free(full);
	curl_url_cleanup(url);
	return ok;
}

/* OpenSSL loads its algorithms at the first handshake of a process, which takes
 * it a millisecond: better while a client is made than in a pass of the loop. */
static void warm_up_tls(void)
{
	SSL_CTX *context = SSL_CTX_new(TLS_client_method());
	SSL *ssl = context ? SSL_new(context) : NULL;
	BIO *in = BIO_new(BIO_s_mem()), *out = BIO_new(BIO_s_mem());

	if (ssl && in && out) {
		SSL_set_bio(ssl, in, out);
		SSL_set_connect_state(ssl);
		SSL_do_handshake(ssl); /* writes its hello, then wants to read */
	} else {
		BIO_free(in);
		BIO_free(out);
	}
	SSL_free(ssl);
	SSL_CTX_free(context);
	ERR_clear_error();
}

bool kshim__transport_init(struct kshim__transport *transport, kshim_loop *loop, struct kshim__access *access,
			   kshim_error **error)
{
	memset(transport, 0, sizeof(*transport));
	if (!kshim__multi_init(&transport->multi, loop)) {
		kshim__fail(error, KSHIM_ENOMEM, "out of memory");
		return false;
	}
	transport->access = kshim__access_ref(access);
	transport->cert = &access->cert;
	transport->key = &access->key;
	if (access->https)
		warm_up_tls();
	transport->share = curl_share_init();
	if (transport->share)
		curl_share_setopt(transport->share, CURLSHOPT_SHARE, CURL_LOCK_DATA_SSL_SESSION);
	if (split_server(transport, error))
		return true;
	kshim__transport_free(transport);
	return false;
}

bool kshim__transport_has_room(const struct kshim__transport *transport)
{
	bool alone = transport->http_version == (long)CURL_HTTP_VERSION_2TLS &&
		     !(transport->connected && transport->multi.connections);

	return transport->unsent < (alone || transport->one_by_one ? 1 : UNSENT_MAX);
}

/* Runs inside libcurl, too: what may start now does so later. */
static void one_is_out(struct kshim__transport *transport)
{
	transport->unsent--;
	if (transport->room)
		kshim__task_queue(transport->multi.loop, transport->room);
}

static void drop_idle(struct kshim__transport *transport)
{
	while (transport->idle_count)
		curl_easy_cleanup(transport->idle[--transport->idle_count]);
}

void kshim__transport_free(struct kshim__transport *transport)
{
	drop_idle(transport);
	kshim__multi_free(&transport->multi);
	curl_share_cleanup(transport->share);
	curl_slist_free_all(transport->connect_to);
	kshim__free(transport->base_url);
	kshim__free(transport->host);
	kshim__access_unref(transport->access);
}

static void new_generation(struct kshim__transport *transport)
{
	transport->generation++;
	drop_idle(transport);
}

void kshim__transport_set_http_version(struct kshim__transport *transport, long version)
{
	if (transport->http_version != version)
		kshim__multi_drop_connections(&transport->multi); /* they speak the other one */
	transport->http_version = version;
	kshim__multi_set_http2(&transport->multi, version == (long)CURL_HTTP_VERSION_2TLS);
	new_generation(transport);
}

void kshim__transport_set_identity(struct kshim__transport *transport, const struct kshim__blob *cert,
				   const struct kshim__blob *key)
{
	transport->cert = cert;
	transport->key = key;
	new_generation(transport);
}

/* Easy handles. */

static size_t on_write(char *data, size_t size, size_t count, void *user)
{
	struct kshim__transfer *transfer = user;
	size_t len = size * count;
	long status = 0;

	if (!transfer->began) {
		curl_easy_getinfo(transfer->exchange.easy, CURLINFO_RESPONSE_CODE, &status);
		transfer->status = (int)status;
		transfer->began = true;
	}
	switch (transfer->sink(transfer, data, len)) {
	case KSHIM__SINK_TOOK:
		transfer->received += len;
		transfer->transport->multi.progress++;
		return len;
	case KSHIM__SINK_PAUSE:
		kshim__multi_set_paused(&transfer->transport->multi, &transfer->exchange, true);
		return CURL_WRITEFUNC_PAUSE;
	default:
		return len + 1; /* an error, also when len is 0 */
	}
}

/* libcurl 7.88.1 takes HTTP/2's first frames for the first byte of an answer. */
static size_t on_header(char *line, size_t size, size_t count, void *user)
{
	struct kshim__transfer *transfer = user;
	size_t len = size * count;
	long status = 0;

	if (!transfer->first_us)
		transfer->first_us = kshim__now_us();
	if (transfer->head && (line[0] == '\r' || line[0] == '\n')) {
		curl_easy_getinfo(transfer->exchange.easy, CURLINFO_RESPONSE_CODE, &status);
		transfer->status = (int)status;
		if (status >= 200)
			transfer->head(transfer);
	}
	return len;
}

/* libcurl sends a request again on a fresh connection when a kept one turns out
 * to be dead. That is right for reads; a write may have been carried out, and is
 * refused here before its second sending. */
static int on_send(void *user, char *ip, char *local_ip, int port, int local_port)
{
	struct kshim__transfer *transfer = user;

	(void)ip;
	(void)local_ip;
	(void)port;
	(void)local_port;
	if (!transfer->sends) {
		transfer->transport->connected = true;
		one_is_out(transfer->transport);
	}
	return transfer->sends++ && !transfer->reads ? CURL_PREREQFUNC_ABORT : CURL_PREREQFUNC_OK;
}

static bool is_secret(const char *line, size_t len)
{
	static const char *const secret[] = {"authorization", "proxy-authorization", "cookie", "set-cookie"};
	size_t i;

	for (i = 0; i < sizeof(secret) / sizeof(secret[0]); i++) {
		size_t n = strlen(secret[i]);

		if (len > n && line[n] == ':' && strncasecmp(line, secret[i], n) == 0)
			return true;
	}
	return false;
}

static int on_debug(CURL *easy, curl_infotype type, char *data, size_t len, void *user)
{
	struct kshim__transfer *transfer = user;
	struct kshim__buf *trace = &transfer->trace;
	const char *end = data + len, *line = data, *stop;

	(void)easy;
	if (!transfer->tracing || (type != CURLINFO_HEADER_IN && type != CURLINFO_HEADER_OUT))
		return 0;
	for (; line < end; line = stop + 1) {
		stop = memchr(line, '\n', (size_t)(end - line));
		if (!stop)
			stop = end;
		len = (size_t)(stop - line);
		while (len && (line[len - 1] == '\r' || line[len - 1] == '\n'))
			len--;
		if (!len)
			continue;
		kshim__buf_addc(trace, type == CURLINFO_HEADER_IN ? '<' : '>');
		if (is_secret(line, len)) {
			kshim__buf_add(trace, line, (size_t)((const char *)memchr(line, ':', len) - line));
			kshim__buf_adds(trace, ": ***");
		} else {
			kshim__buf_add(trace, line, len);
		}
		kshim__buf_addc(trace, '\n');
	}
	return 0;
}

/* What comes of a file or a plugin is copied: another may come while a handle has it. */
static CURLcode set_blob(CURL *easy, CURLoption option, const struct kshim__blob *from, unsigned flags)
{
	struct curl_blob blob = {from->data, from->len, flags};

	return from->len ? curl_easy_setopt(easy, option, &blob) : CURLE_OK;
}

static bool set_up_tls(CURL *easy, const struct kshim__transport *transport)
{
	const struct kshim__access *access = transport->access;
	bool ok = true;

	curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	if (access->insecure) {
		curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 0L);
		curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 0L);
	}
	if (access->ca.len) {
		/* else Debian's bundle would be trusted as well */
		curl_easy_setopt(easy, CURLOPT_CAINFO, NULL);
		curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
	}
	ok = ok && set_blob(easy, CURLOPT_CAINFO_BLOB, &access->ca,
			    access->ca_file.path ? CURL_BLOB_COPY : CURL_BLOB_NOCOPY) == CURLE_OK;
	ok = ok && set_blob(easy, CURLOPT_SSLCERT_BLOB, transport->cert, CURL_BLOB_COPY) == CURLE_OK;
	ok = ok && set_blob(easy, CURLOPT_SSLKEY_BLOB, transport->key, CURL_BLOB_COPY) == CURLE_OK;
	return ok;
}

/* Go, whose meaning of the field counts, lets a SOCKS proxy resolve the names. */
static CURLcode set_up_proxy(CURL *easy, const char *url)
{
	if (!url)
		return CURLE_OK;
	if (strncasecmp(url, "socks5://", 9) == 0) {
		CURLcode code = curl_easy_setopt(easy, CURLOPT_PROXY, url + 9);

		return code ? code : curl_easy_setopt(easy, CURLOPT_PROXYTYPE, (long)CURLPROXY_SOCKS5_HOSTNAME);
	}
	return curl_easy_setopt(easy, CURLOPT_PROXY, url);
}

/* An easy handle with all that never changes from request to request. */
static CURL *new_handle(struct kshim__transport *transport)
{
	const struct kshim__access *access = transport->access;
	CURL *easy = curl_easy_init();

	if (!easy)
		return NULL;
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(easy, CURLOPT_HTTP_VERSION,
			 transport->http_version ? transport->http_version : (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(easy, CURLOPT_PIPEWAIT, 1L);
	curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_TIMEOUT_MS);
	curl_easy_setopt(easy, CURLOPT_MAXAGE_CONN, IDLE_MAX_S);
	curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, kshim__multi_open_socket);
	curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, &transport->multi);
	curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, kshim__multi_close_socket);
	curl_easy_setopt(easy, CURLOPT_CLOSESOCKETDATA, &transport->multi);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_write);
	curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L); /* a proxy's answer is none */
	curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, on_send);
	curl_easy_setopt(easy, CURLOPT_DEBUGFUNCTION, on_debug);
	if (transport->share)
		curl_easy_setopt(easy, CURLOPT_SHARE, transport->share);
	if (transport->connect_to)
		curl_easy_setopt(easy, CURLOPT_CONNECT_TO, transport->connect_to);
	if (set_up_proxy(easy, access->proxy_url) != CURLE_OK || !set_up_tls(easy, transport)) {
		curl_easy_cleanup(easy);
		return NULL;
	}
	return easy;
}

static CURLcode set_up_method(CURL *easy, const struct kshim__transfer *transfer)
{
	const char *method = transfer->method;
	CURLcode code;

	if (!transfer->body && strcmp(method, "GET") == 0) {
		code = curl_easy_setopt(easy, CURLOPT_HTTPGET, 1L);
		return code ? code : curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, NULL);
	}
	if (!transfer->body) {
		code = curl_easy_setopt(easy, CURLOPT_HTTPGET, 1L);
		if (!code && strcmp(method, "HEAD") == 0)
			code = curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
		return code ? code : curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, method);
	}
	code = curl_easy_setopt(easy, CURLOPT_POST, 1L);
	if (!code)
		code = curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)transfer->body_len);
	if (!code)
		code = curl_easy_setopt(easy, CURLOPT_POSTFIELDS, transfer->body);
	return code ? code : curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, strcmp(method, "POST") ? method : NULL);
}

/* Hands the easy handle back. One that was paused or cut off has state that is
 * better not kept. */
static void put_back(struct kshim__transfer *transfer, bool keep)
{
	struct kshim__transport *transport = transfer->transport;
	CURL *easy = transfer->exchange.easy;

	transfer->exchange.easy = NULL;
	if (!easy)
		return;
	transport->under_way--;
	if (!transfer->sends)
		one_is_out(transport);
	if (keep && transfer->generation == transport->generation && transport->idle_count < KSHIM__IDLE_HANDLES)
		transport->idle[transport->idle_count++] = easy;
	else
		curl_easy_cleanup(easy);
}

static void exchange_finished(struct kshim__exchange *exchange, CURLcode code)
{
	struct kshim__transfer *transfer = KSHIM__OWNER(exchange, struct kshim__transfer, exchange);
	long status = 0;

	transfer->code = code;
	transfer->ended_us = kshim__now_us();
	if (!transfer->began) {
		curl_easy_getinfo(exchange->easy, CURLINFO_RESPONSE_CODE, &status);
		transfer->status = (int)status;
	}
	transfer->finished(transfer);
}

bool kshim__transfer_start(struct kshim__transfer *transfer)
{
	struct kshim__transport *transport = transfer->transport;
	struct kshim__buf url;
	CURLcode code;
	CURL *easy;

	easy = transport->idle_count ? transport->idle[--transport->idle_count] : new_handle(transport);
	if (!easy)
		return false;
	transfer->exchange.easy = easy;
	transport->under_way++;
	transport->unsent++;
	transfer->generation = transport->generation;
	transfer->exchange.finished = exchange_finished;
	transfer->status = 0;
	transfer->code = CURLE_OK;
	transfer->problem[0] = '\0';
	transfer->sends = 0;
	transfer->reads = strcmp(transfer->method, "GET") == 0 || strcmp(transfer->method, "HEAD") == 0;
	transfer->received = 0;
	transfer->started_us = kshim__now_us();
	transfer->first_us = transfer->ended_us = 0;
	transfer->began = false;
	kshim__list_init(&transfer->exchange.link);
	kshim__buf_init(&transfer->trace);

	kshim__buf_init(&url);
	kshim__buf_adds(&url, transport->base_url);
	code = kshim__buf_adds(&url, transfer->path) ? curl_easy_setopt(easy, CURLOPT_URL, url.data) :
						       CURLE_OUT_OF_MEMORY;
	kshim__buf_free(&url);
	if (!code)
		code = set_up_method(easy, transfer);
	if (!code)
		code = curl_easy_setopt(easy, CURLOPT_ACCEPT_ENCODING,
					transport->access->no_compression || transfer->uncompressed ? NULL : "gzip");
	if (transport->buffer_size)
		curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, transport->under_way > KSHIM__CROWD ?
				 transport->crowd_buffer_size : transport->buffer_size);
	curl_easy_setopt(easy, CURLOPT_HTTPHEADER, transfer->headers->list);
	curl_easy_setopt(easy, CURLOPT_PRIVATE, &transfer->exchange);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, transfer);
	curl_easy_setopt(easy, CURLOPT_HEADERDATA, transfer);
	curl_easy_setopt(easy, CURLOPT_PREREQDATA, transfer);
	curl_easy_setopt(easy, CURLOPT_DEBUGDATA, transfer);
	curl_easy_setopt(easy, CURLOPT_VERBOSE, transfer->tracing ? 1L : 0L);
	curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, transfer->problem);
	if (!code && kshim__multi_add(&transport->multi, &transfer->exchange))
		return true;
	put_back(transfer, false);
	return false;
}

void kshim__transfer_abort(struct kshim__transfer *transfer)
{
	/* libcurl 7.88 tells an HTTP/2 server no sooner than with the connection's next
	 * request: where there is no other the connection is closed, as HTTP/1.1 does */
	curl_easy_setopt(transfer->exchange.easy, CURLOPT_FORBID_REUSE, 1L);
	kshim__multi_remove(&transfer->transport->multi, &transfer->exchange);
	put_back(transfer, false);
	kshim__buf_free(&transfer->trace);
}

void kshim__transfer_resume(struct kshim__transfer *transfer)
{
	kshim__multi_unpause(&transfer->transport->multi, &transfer->exchange);
}

const char *kshim__transfer_header(struct kshim__transfer *transfer, const char *name, size_t index)
{
	struct curl_header *header;

	if (curl_easy_header(transfer->exchange.easy, name, index, CURLH_HEADER, -1, &header) != CURLHE_OK)
		return NULL;
	return header->value;
}

bool kshim__transfer_headers(struct kshim__transfer *transfer, struct kshim__buf *text)
{
	struct curl_header *header = NULL;

	while ((header = curl_easy_nextheader(transfer->exchange.easy, CURLH_HEADER, -1, header))) {
		kshim__buf_add(text, header->name, strlen(header->name) + 1);
		kshim__buf_add(text, header->value, strlen(header->value) + 1);
	}
	return !text->failed;
}

const char *kshim__transfer_content_type(struct kshim__transfer *transfer)
{
	char *type = NULL;

	curl_easy_getinfo(transfer->exchange.easy, CURLINFO_CONTENT_TYPE, &type);
	return type;
}

int64_t kshim__transfer_content_length(struct kshim__transfer *transfer)
{
	curl_off_t len = -1;

	curl_easy_getinfo(transfer->exchange.easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &len);
	return (int64_t)len;
}

bool kshim__transfer_silent(const struct kshim__transfer *transfer)
{
	return !transfer->first_us && !transfer->began;
}

bool kshim__transfer_broke_in_handshake(const struct kshim__transfer *transfer)
{
	/* where TLS itself failed OpenSSL's error stands in the text */
	return transfer->code == CURLE_SSL_CONNECT_ERROR && transfer->problem[0] && !strstr(transfer->problem, "error:");
}

bool kshim__transfer_got_alert(const struct kshim__transfer *transfer)
{
	return strstr(transfer->problem, ":SSL routines:") && strstr(transfer->problem, " alert ");
}

bool kshim__transfer_proxy_refused(const struct kshim__transfer *transfer)
{
	long status = 0;

	curl_easy_getinfo(transfer->exchange.easy, CURLINFO_HTTP_CONNECTCODE, &status);
	return status >= 400 && status < 500;
}

int kshim__transfer_os_error(const struct kshim__transfer *transfer)
{
	long os_error = 0;

	if (transfer->code == CURLE_COULDNT_CONNECT)
		curl_easy_getinfo(transfer->exchange.easy, CURLINFO_OS_ERRNO, &os_error);
	return (int)os_error;
}

bool kshim__transfer_unverified(const struct kshim__transfer *transfer)
{
	const char *error = strstr(transfer->problem, "error:");

	return transfer->code == CURLE_SSL_CONNECT_ERROR && error && !strstr(error, ":SSL routines:") &&
	       !strstr(error, ":system library:");
}

void kshim__transfer_end(struct kshim__transfer *transfer)
{
	put_back(transfer, transfer->code == CURLE_OK);
	kshim__buf_free(&transfer->trace);
}

kshim_code kshim__transfer_error_code(CURLcode code)
{
	switch (code) {
	case CURLE_SSL_CONNECT_ERROR:
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_CERTPROBLEM:
	case CURLE_SSL_CIPHER:
	case CURLE_SSL_CACERT_BADFILE:
	case CURLE_SSL_ISSUER_ERROR:
	case CURLE_SSL_INVALIDCERTSTATUS:
	case CURLE_SSL_CLIENTCERT:
		return KSHIM_ETLS;
	case CURLE_PARTIAL_FILE:
	case CURLE_WEIRD_SERVER_REPLY:
	case CURLE_BAD_CONTENT_ENCODING:
	case CURLE_UNSUPPORTED_PROTOCOL:
		return KSHIM_EPROTOCOL;
	case CURLE_OUT_OF_MEMORY:
		return KSHIM_ENOMEM;
	default:
		return KSHIM_ECONNECT;
	}
}
