/* An HTTP service on libevent's evhttp: answers from caches of Services and Pods, which
 * are kept up to date beneath it in the same thread.
 *
 *   GET /pods/NAMESPACE/NAME    one Pod
 *   GET /pods?node=NODE         {"items": [the Pods on a node]}, by an index
 *   GET /services/NAMESPACE     {"items": [the Services of a namespace]}
 *
 * 404 for what is not there, 503 until both caches are whole. Listens at 127.0.0.1, at the
 * port that is its argument (0: any; it says which). Ends at SIGINT and SIGTERM. */
#include <kubeshim/adapters/libevent.h>
#include <kubeshim/kubeshim.h>

#include <event2/buffer.h>
#include <event2/http.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static kshim_cache *pods, *services;

static void by_node(kshim_object *pod, kshim_index_keys *keys, void *user)
{
	const char *node = kshim_object_get_string(pod, "/spec/nodeName");

	(void)user;
	kshim_index_add(keys, node ? node : "");
}

static int add_object(struct evbuffer *body, kshim_object *object)
{
	size_t len = 0;
	const char *text = kshim_object_text(object, &len);

	return text ? evbuffer_add(body, text, len) : -1;
}

static void add_item(kshim_object *object, void *body)
{
	if (evbuffer_get_length(body) > strlen("{\"items\":["))
		evbuffer_add(body, ",", 1);
	add_object(body, object);
}

static int answer(struct evbuffer *body, const char *path, const char *query)
{
	char namespace_[64], name[256];
	kshim_object *pod;

	if (!kshim_cache_is_synced(pods) || !kshim_cache_is_synced(services))
		return HTTP_SERVUNAVAIL;
	if (sscanf(path, "/pods/%63[^/]/%255[^/]", namespace_, name) == 2) {
		pod = kshim_cache_get(pods, namespace_, name);
		return pod && add_object(body, pod) == 0 ? HTTP_OK : HTTP_NOTFOUND;
	}
	evbuffer_add_printf(body, "{\"items\":[");
	if (strcmp(path, "/pods") == 0 && query && strncmp(query, "node=", 5) == 0) {
		kshim_cache_find(pods, "node", query + 5, add_item, body);
	} else if (sscanf(path, "/services/%63[^/]", namespace_) == 1) {
		kshim_cache_walk(services, namespace_, NULL, add_item, body);
	} else {
		return HTTP_NOTFOUND;
	}
	evbuffer_add_printf(body, "]}");
	return HTTP_OK;
}

static void on_request(struct evhttp_request *request, void *user)
{
	const struct evhttp_uri *uri = evhttp_request_get_evhttp_uri(request);
	const char *path = uri ? evhttp_uri_get_path(uri) : NULL;
	struct evbuffer *body = evbuffer_new();
	int status = HTTP_INTERNAL;

	(void)user;
	if (body)
		status = answer(body, path ? path : "/", uri ? evhttp_uri_get_query(uri) : NULL);
	evhttp_add_header(evhttp_request_get_output_headers(request), "Content-Type", "application/json");
	evhttp_send_reply(request, status, NULL, status == HTTP_OK ? body : NULL);
	if (body)
		evbuffer_free(body);
}

static void on_signal(evutil_socket_t number, short events, void *base)
{
	(void)number, (void)events;
	event_base_loopbreak(base);
}

static void on_change(kshim_cache *cache, kshim_change change, kshim_object *object, kshim_object *before, void *user)
{
	const char *what = cache == pods ? "Pods" : "Services";

	(void)object, (void)before, (void)user;
	if (change == KSHIM_CHANGE_SYNCED)
		fprintf(stderr, "http_service: %zu %s\n", kshim_cache_count(cache), what);
	if (change == KSHIM_CHANGE_LATE || change == KSHIM_CHANGE_ENDED)
		fprintf(stderr, "http_service: %s: %s\n", what, kshim_error_message(kshim_cache_error(cache)));
}

int main(int argc, char **argv)
{
	struct event_base *base = event_base_new();
	struct event *signals[2] = {evsignal_new(base, SIGINT, on_signal, base), evsignal_new(base, SIGTERM, on_signal, base)};
	struct evhttp *http = evhttp_new(base);
	struct evhttp_bound_socket *socket;
	struct kshim_libevent kubernetes = {0};
	kshim_loop *loop = kshim_loop_new();
	kshim_error *error = NULL;
	kshim_client *api = kshim_client_open(loop, kshim_config_from_env(&error), &error);
	kshim_query *all_pods = kshim_query_new(api, KSHIM_POD, KSHIM_ALL_NAMESPACES);
	kshim_query *all_services = kshim_query_new(api, KSHIM_SERVICE, KSHIM_ALL_NAMESPACES);
	struct sockaddr_in at;
	socklen_t at_len = sizeof(at);
	int status = 1;

	signal(SIGPIPE, SIG_IGN);
	pods = kshim_cache_new(all_pods);
	services = kshim_cache_new(all_services);
	socket = evhttp_bind_socket_with_handle(http, "127.0.0.1", (ev_uint16_t)(argc > 1 ? atoi(argv[1]) : 8080));
	if (!socket) {
		perror("http_service: cannot listen");
	} else if (kshim_cache_add_index(pods, "node", by_node, NULL) < 0 ||
		   !kshim_cache_listen(pods, NULL, NULL, on_change, NULL) ||
		   !kshim_cache_listen(services, NULL, NULL, on_change, NULL)) {
		fprintf(stderr, "http_service: %s\n", kshim_error_message(error ? error : kshim_client_error(api)));
	} else if (kshim_libevent_attach(base, loop, &kubernetes) == 0 && event_add(signals[0], NULL) == 0 &&
		   event_add(signals[1], NULL) == 0) {
		evhttp_set_gencb(http, on_request, NULL);
		getsockname(evhttp_bound_socket_get_fd(socket), (struct sockaddr *)&at, &at_len);
		printf("http://127.0.0.1:%u\n", ntohs(at.sin_port));
		fflush(stdout);
		status = event_base_dispatch(base) < 0;
	}
	kshim_libevent_detach(&kubernetes);
	kshim_cache_free(pods);
	kshim_cache_free(services);
	kshim_query_free(all_pods);
	kshim_query_free(all_services);
	kshim_client_free(api);
	kshim_loop_free(loop);
	kshim_error_free(error);
	evhttp_free(http);
	event_free(signals[0]);
	event_free(signals[1]);
	event_base_free(base);
	return status;
}
