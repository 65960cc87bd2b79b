/*
 * kubeshim/client.h - the connections to one API server under one identity.
 *
 * Every function that starts something returns a kshim_call: borrowed, for
 * kshim_call_cancel(). NULL means that nothing was started and no callback will
 * come: kshim_client_error() tells why.
 */
#ifndef KUBESHIM_CLIENT_H
#define KUBESHIM_CLIENT_H

#include <kubeshim/common.h>
#include <kubeshim/error.h>

KSHIM_BEGIN_DECLS

typedef enum kshim_http {
	KSHIM_HTTP_DEFAULT, /* kubeshim's choice: see kubeshim(7) */
	KSHIM_HTTP_1_1,
	KSHIM_HTTP_2        /* offered by ALPN; HTTP/1.1 if the server declines */
} kshim_http;

/* A client of the config's current context. Steals `config`, also when it fails;
 * a NULL loop or config gives NULL, so that calls can be nested. NULL also
 * without memory or when the context is wrong: use kshim_client_open() to learn
 * why. */
KSHIM_API kshim_client *kshim_client_new(kshim_loop *loop, kshim_config *config);

/* The same, with the reason: *error, which must be NULL before, gets a new
 * kshim_error when NULL is returned and `error` is not NULL. With a NULL config
 * an error that is there stays, so that both can be made in one expression:
 * kshim_client_open(loop, kshim_config_from_env(&error), &error). */
KSHIM_API kshim_client *kshim_client_open(kshim_loop *loop, kshim_config *config, kshim_error **error);

/* Cancels every call: their callbacks run from the loop's next pass, with
 * KSHIM_ECANCELED. Queries and objects that are left refuse further calls. */
KSHIM_API void kshim_client_free(kshim_client *client);

/* Why the last function on this client, its queries or its objects returned
 * NULL; NULL if none did. Borrowed until the next one fails. Of a NULL client: an
 * error that says so. */
KSHIM_API const kshim_error *kshim_client_error(const kshim_client *client);

/* Settings, for calls that begin afterwards. */

/* The default deadline of a call, 0: none. It starts as 60,000 ms. */
KSHIM_API void kshim_client_set_timeout(kshim_client *client, uint64_t ms);

/* What calls speak; a server that is asked without TLS gets HTTP/1.1. Watches: see
 * kshim_client_set_watch_connections(). */
KSHIM_API void kshim_client_set_http_version(kshim_client *client, kshim_http version);

/* How many connections short calls may open, 1 to 64; further calls wait for
 * their turn. It starts as 8. */
KSHIM_API void kshim_client_set_max_connections(kshim_client *client, unsigned count);

/* How watches ride: the HTTP version (it starts as HTTP/2, whatever that of calls
 * is) and how many share a connection, 1 to 1000 (0: kubeshim's choice; the server
 * may allow fewer). Over HTTP/1.1 each has its own. Of watches that are open already
 * only the next stream follows. */
KSHIM_API void kshim_client_set_watch_connections(kshim_client *client, kshim_http version, unsigned watches);

/* How often a call is tried again where that is safe: after a 429 or 5xx with
 * Retry-After, and reads after a broken connection. It starts as 10; 0: never. */
KSHIM_API void kshim_client_set_max_retries(kshim_client *client, unsigned count);

/* Every write becomes a dry run (the seed's HTTPClient(dry_run=True)). */
KSHIM_API void kshim_client_set_dry_run(kshim_client *client, int dry_run);

/* Puts the program's own "name/version" before kubeshim's in User-Agent.
 * 0, or -1 if it has control characters or memory is short. */
KSHIM_API int kshim_client_set_user_agent(kshim_client *client, const char *product);

/* The namespace of the context ("default" if it names none), the server's URL, the
 * loop. Borrowed; NULL of a NULL client. */
KSHIM_API const char *kshim_client_namespace(const kshim_client *client);
KSHIM_API const char *kshim_client_server(const kshim_client *client);
KSHIM_API kshim_loop *kshim_client_loop(const kshim_client *client);

/* One HTTP request that is over, for a host's metrics and logs. Borrowed, with its
 * texts, until the function that gets it returns; never NULL. */
typedef struct kshim_request_info kshim_request_info;
KSHIM_API const char *kshim_request_info_method(const kshim_request_info *info);
KSHIM_API const char *kshim_request_info_path(const kshim_request_info *info); /* with the query string */
KSHIM_API int kshim_request_info_status(const kshim_request_info *info);       /* 0: no answer */
KSHIM_API kshim_code kshim_request_info_code(const kshim_request_info *info);   /* what it came to */
KSHIM_API unsigned kshim_request_info_attempt(const kshim_request_info *info); /* from 1 */
KSHIM_API uint64_t kshim_request_info_sent(const kshim_request_info *info);     /* body bytes */
KSHIM_API uint64_t kshim_request_info_received(const kshim_request_info *info); /* body bytes */
KSHIM_API int64_t kshim_request_info_wait_us(const kshim_request_info *info);   /* before it was sent */
KSHIM_API int64_t kshim_request_info_first_us(const kshim_request_info *info);  /* to the first byte */
KSHIM_API int64_t kshim_request_info_total_us(const kshim_request_info *info);  /* to its end */
KSHIM_API int kshim_request_info_new_connection(const kshim_request_info *info); /* 1: one was made for it */
KSHIM_API const char *kshim_request_info_http_version(const kshim_request_info *info); /* "1.1", "2"; "": no answer */

/* Runs from the loop once for each request that is over, before its call's callback;
 * also for attempts that are tried again, and for what was cut short: a stream that
 * was stopped (KSHIM_ECANCELED), a call that was cancelled or missed its deadline. Not
 * once the client was freed. NULL: none. */
typedef void kshim_request_fn(const kshim_request_info *info, void *user);
KSHIM_API void kshim_client_on_request(kshim_client *client, kshim_request_fn *fn, void *user);

/* Every `Warning: 299` of the server, as it comes; and that renewed tokens could
 * not be kept in their kubeconfig (kshim_config(3)). Runs from the loop; `text` is
 * borrowed until it returns. NULL: none. */
typedef void kshim_warning_fn(const char *text, void *user);
KSHIM_API void kshim_client_on_warning(kshim_client *client, kshim_warning_fn *fn, void *user);

/* Heads of requests and answers as lines without their ends, '>' sent, '<'
 * received; values of Authorization, Cookie and the like are blotted out. Runs
 * from the loop, when the exchange is over, behind the kshim_request_fn; `line` is
 * borrowed until it returns. NULL: none. */
typedef void kshim_trace_fn(char direction, const char *line, void *user);
KSHIM_API void kshim_client_on_trace(kshim_client *client, kshim_trace_fn *fn, void *user);

/* GET /version: the result's object holds /major, /minor, /gitVersion. Errors are
 * those of any read. */
KSHIM_API kshim_call *kshim_client_version(kshim_client *client, kshim_done_fn *done, void *user);

/* Any request to a path of the server ("/healthz", "/api/v1/…?x=y"; percent-
 * encoded by the caller). `body` is copied and may be NULL. The result holds the
 * body; a status that is no success (2xx) is an error. Of the options timeout and
 * dry run count. KSHIM_EINVAL, and NULL: no valid method, path or content type. */
KSHIM_API kshim_call *kshim_client_request(kshim_client *client, const char *method, const char *path,
					   const char *content_type, const char *body, size_t len,
					   const kshim_options *options, kshim_done_fn *done, void *user);

/* A kind by any of its names ("po", "Deployment", "apps/deployments",
 * "widgets.example.com"), as the server serves it: kshim_result_kind().
 * KSHIM_ENOKIND if it does not: a name that is not known is asked for anew. */
KSHIM_API kshim_call *kshim_client_find_kind(kshim_client *client, const char *name, kshim_done_fn *done,
					     void *user);

/* Every kind that the server serves. Parts of the API that did not answer are
 * left out; kshim_result_warning() names them. */
KSHIM_API kshim_call *kshim_client_list_kinds(kshim_client *client, kshim_kind_fn *each, kshim_done_fn *done,
					      void *user);

/* Discovery is asked when first needed; and again, once in a call, for a name that
 * it does not have, and for a kind whose path nobody serves (any more): that call
 * then goes to where the kind is served now (kubeshim(7), DISCOVERY). This forgets
 * it. */
KSHIM_API void kshim_client_forget_kinds(kshim_client *client);

/* Makes a kind of one's own known, so that its name and its objects' apiVersion
 * and kind find it without discovery; in the place of one with the same group and
 * kind, or group and plural. Forgotten when a call finds that it is served
 * elsewhere or, if it is of a definition, not at all. 0, or -1 without memory. */
KSHIM_API int kshim_client_add_kind(kshim_client *client, const kshim_kind *kind);

KSHIM_END_DECLS

#endif
