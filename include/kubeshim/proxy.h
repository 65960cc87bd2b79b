/*
 * kubeshim/proxy.h - HTTP requests to a Service, a Pod or a Node, through the API
 * server's proxy subresource. No port of the cluster's network needs to be
 * reachable, and no credentials of ours reach the one that answers.
 */
#ifndef KUBESHIM_PROXY_H
#define KUBESHIM_PROXY_H

#include <kubeshim/common.h>

KSHIM_BEGIN_DECLS

/* How a proxied request is made. */
typedef struct kshim_proxy_options kshim_proxy_options;

/* New, to kshim_proxy_options_free(); NULL without memory. The values are read
 * before kshim_proxy_request() returns. Setters return 0, or -1 when the value
 * is not valid or memory is short: nothing is changed then. */
KSHIM_API kshim_proxy_options *kshim_proxy_options_new(void);
KSHIM_API void kshim_proxy_options_free(kshim_proxy_options *options);

/* How the API server speaks to the target: "http", "https" (the certificate of a
 * Service or a Pod is not checked), or NULL (default): http, and https to the
 * kubelet of a Node. */
KSHIM_API int kshim_proxy_options_set_scheme(kshim_proxy_options *options, const char *scheme);

/* Adds a header to the request; of the same name several may be added, but for
 * Accept and Content-Type, of which the last one counts. -1 also for those that
 * belong to the connection or to the API server: Host, Authorization,
 * Impersonate-…, Connection, Content-Length, Transfer-Encoding, TE, Trailer,
 * Upgrade, Expect, Keep-Alive, Proxy-Authorization, Proxy-Connection,
 * Accept-Encoding (gzip is asked for and undone), User-Agent
 * (kshim_client_set_user_agent()). */
KSHIM_API int kshim_proxy_options_add_header(kshim_proxy_options *options, const char *name, const char *value);

/* The deadline in milliseconds, 0: none; -1 (default): the client's. */
KSHIM_API int kshim_proxy_options_set_timeout(kshim_proxy_options *options, int64_t ms);

/* Bytes of an answer's body, borrowed until it returns. Runs from the loop, any
 * number of times before the kshim_done_fn, never after. */
typedef void kshim_data_fn(const char *data, size_t len, void *user);

/*
 * Sends `method` (any, in capitals) to `path` of the target.
 *
 * `object` is a Service, a Pod or a Node; another kind is KSHIM_EINVAL. `port`
 * is a number or a Service port's name ("80", "http"; a Pod's and a Node's port is a
 * number). NULL: of a Service its first port, for which the Service is read if
 * the object does not hold it (KSHIM_EINVAL if it has none); of a Pod the first
 * port that its containers declare, else the scheme's; of a Node the kubelet's:
 * those two are the API server's choice.
 *
 * `path` is what the target sees ("/metrics?format=text"; a leading slash may be
 * left out; NULL: "/"). What has to be is percent-encoded here, "%2F" and the
 * like stay. A "." or ".." in it, encoded or not, is KSHIM_EINVAL: it would lead
 * out of the target. `body` is copied and may be NULL; its Content-Type is that
 * of the headers, else application/octet-stream.
 *
 * The answer, whatever its status, is a success: kshim_result_http_status(),
 * kshim_result_content_type(), kshim_proxy_header(), and the body in
 * kshim_result_body() (at most 64 MiB, else KSHIM_EPROTOCOL), or, with `data`,
 * handed on as it comes (of a status outside 200 to 299: once it is complete).
 * Redirections are not followed.
 *
 * An error is only what keeps the target from answering: those of any call, and
 * the API server's own answers, which are told by being a Status of apiVersion v1
 * with their HTTP status as its code: KSHIM_ENOTFOUND (no such object, or nobody
 * made endpoints for the Service), KSHIM_EFORBIDDEN (services/proxy is not
 * allowed), KSHIM_ESERVER (503: no endpoints, or the target cannot be reached),
 * KSHIM_EBADREQUEST (a Pod without an address). A target that answers in the very
 * form of a Status (an API server behind the proxy) is taken for ours;
 * kshim_error_http_status() and kshim_error_body() have it then. Without a body
 * (HEAD), or in another form than JSON (where a header Accept asks for one), the
 * API server's own answer is taken for the target's.
 * Requests are tried again only as other calls of their method are, and never for
 * what the target answered. A client that is for dry runs refuses methods other
 * than GET, HEAD and OPTIONS (KSHIM_EINVAL).
 *
 * NULL means that nothing was started: kshim_client_error() tells why. `user` is
 * given to both callbacks.
 */
KSHIM_API kshim_call *kshim_proxy_request(kshim_object *object, const char *port, const char *method, const char *path,
					  const char *body, size_t len, const kshim_proxy_options *options,
					  kshim_data_fn *data, kshim_done_fn *done, void *user);

/* A header of the answer to a kshim_proxy_request(), by name (in any case) and
 * index among those of that name; NULL behind the last, and for other calls.
 * Borrowed until the callback returns. */
KSHIM_API const char *kshim_proxy_header(const kshim_result *result, const char *name, size_t index);

KSHIM_END_DECLS

#endif
