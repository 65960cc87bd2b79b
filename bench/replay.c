/* replay: serves what the bench asks for, at as little cost as it can. See usage(). */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../test/faults/fakeapi.h"
#include "events.h"
#include "pods.h"

/* How a query names one Pod, up to its index. */
#define NAMED "fieldSelector=metadata.name%3Dweb-7d4b9c6f5-"
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

struct replay {
	struct pods *pods;
	struct events *events;
	const char *ca_file;
	const char *protobuf_file;	/* read when it is asked for */
	struct protobuf *protobuf;
	unsigned long version;		/* resourceVersion of what is created */
};

static const char api[] =
	"{\"kind\":\"APIVersions\",\"versions\":[\"v1\"],\"serverAddressByClientCIDRs\":"
	"[{\"clientCIDR\":\"0.0.0.0/0\",\"serverAddress\":\"127.0.0.1\"}]}\n";
static const char apis[] =
	"{\"kind\":\"APIGroupList\",\"apiVersion\":\"v1\",\"groups\":[{\"name\":\"apps\","
	"\"versions\":[{\"groupVersion\":\"apps/v1\",\"version\":\"v1\"}],"
	"\"preferredVersion\":{\"groupVersion\":\"apps/v1\",\"version\":\"v1\"}}]}\n";
static const char api_v1[] =
	"{\"kind\":\"APIResourceList\",\"groupVersion\":\"v1\",\"resources\":["
	"{\"name\":\"configmaps\",\"singularName\":\"configmap\",\"namespaced\":true,"
	"\"kind\":\"ConfigMap\",\"verbs\":[\"create\",\"delete\",\"get\",\"list\",\"patch\","
	"\"update\",\"watch\"],\"shortNames\":[\"cm\"]},"
	"{\"name\":\"pods\",\"singularName\":\"pod\",\"namespaced\":true,\"kind\":\"Pod\","
	"\"verbs\":[\"create\",\"delete\",\"get\",\"list\",\"patch\",\"update\",\"watch\"],"
	"\"shortNames\":[\"po\"]}]}\n";
static const char services[] =
	"{\"kind\":\"ServiceList\",\"apiVersion\":\"v1\",\"metadata\":{\"resourceVersion\":\"90000000\"},"
	"\"items\":[{\"metadata\":{\"name\":\"web\",\"namespace\":\"default\",\"uid\":"
	"\"9b7e5c8d-3f1c-4d2a-9b7e-000000000001\",\"resourceVersion\":\"1\"},\"spec\":{\"ports\":"
	"[{\"port\":80,\"targetPort\":80}],\"clusterIP\":\"10.0.0.9\",\"type\":\"ClusterIP\"}}]}\n";
static const char gone[] =
	"{\"type\":\"ERROR\",\"object\":{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"metadata\":{},"
	"\"status\":\"Failure\",\"message\":\"too old resource version\",\"reason\":\"Expired\","
	"\"code\":410}}\n";
static const char version[] =
	"{\"major\":\"1\",\"minor\":\"36\",\"gitVersion\":\"v1.36.3\",\"platform\":\"linux/amd64\"}\n";

static unsigned long query(const char *path, const char *name)
{
	const char *at = strchr(path, '?');
	size_t n = strlen(name);

	for (; at; at = strchr(at, '&')) {
		at++;
		if (!strncmp(at, name, n) && at[n] == '=')
			return strtoul(at + n + 1, NULL, 10);
	}
	return 0;
}

/* The records, if there are any and the client wants them. */
static struct protobuf *wants_protobuf(struct replay *replay, const struct fakeapi_request *req)
{
	const char *accept = fakeapi_header(req, "accept");

	if (!replay->protobuf_file || !accept || !strstr(accept, PROTOBUF_TYPE))
		return NULL;
	if (!replay->protobuf) {
		replay->protobuf = protobuf_read(replay->protobuf_file, pods_count(replay->pods));
		events_set_protobuf(replay->events, protobuf_events(replay->protobuf));
	}
	return replay->protobuf;
}

static void answer_record(struct fakeapi_answer *out, const struct record *record)
{
	out->type = PROTOBUF_TYPE;
	out->body = record->bytes;
	out->body_len = record->len;
}

static void list_pods(void *ctx, const struct fakeapi_request *req, struct fakeapi_answer *out)
{
	struct replay *replay = ctx;
	const char *name = strstr(req->path, NAMED);
	struct protobuf *protobuf = wants_protobuf(replay, req);

	if (protobuf) {
		answer_record(out, protobuf_list(protobuf));
		return;
	}
	out->stream = podlist_read;
	out->stream_free = podlist_free;
	if (name)
		out->stream_state = podlist_one(replay->pods, (unsigned)strtoul(name + strlen(NAMED), NULL, 10));
	else
		out->stream_state = podlist_new(replay->pods, (unsigned)query(req->path, "continue"),
						(unsigned)query(req->path, "limit"));
}

static void list_sent(void *ctx, const struct fakeapi_request *req)
{
	struct timespec ts;

	(void)ctx;
	(void)req;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	printf("last-byte %lld%09ld\n", (long long)ts.tv_sec, ts.tv_nsec);
	fflush(stdout);
}

static void watch_pods(void *ctx, const struct fakeapi_request *req, struct fakeapi_answer *out)
{
	struct replay *replay = ctx;

	wants_protobuf(replay, req);
	events_watch(replay->events, req, out);
}

static void poke(void *ctx, const struct fakeapi_request *req, struct fakeapi_answer *out)
{
	struct replay *replay = ctx;

	(void)req;
	out->status = events_poke(replay->events) ? 200 : 404;
}

static void get_pod(void *ctx, const struct fakeapi_request *req, struct fakeapi_answer *out)
{
	struct replay *replay = ctx;
	const char *digits = strrchr(req->path, '-');
	unsigned i = (unsigned)((digits ? strtoul(digits + 1, NULL, 10) : 0) % pods_count(replay->pods));
	struct protobuf *protobuf = wants_protobuf(replay, req);

	if (protobuf) {
		answer_record(out, protobuf_pod(protobuf, i));
		return;
	}
	out->body = pods_one(replay->pods, i);
	out->body_free = free;
}

static void create_configmap(void *ctx, const struct fakeapi_request *req,
			     struct fakeapi_answer *out)
{
	struct replay *replay = ctx;
	const char *name = strstr(req->body, "\"name\":"), *value = strstr(req->body, "\"key\":");
	char *body;

	name = name ? strchr(name + 7, '"') : NULL;
	name = name ? name + 1 : "bench";
	value = value ? strchr(value + 6, '"') : NULL;
	value = value ? value + 1 : "";
	if (asprintf(&body, "{\"kind\":\"ConfigMap\",\"apiVersion\":\"v1\",\"metadata\":{\"name\":"
		     "\"%.*s\",\"namespace\":\"default\",\"uid\":\"9b7e5c8d-3f1c-4d2a-9b7e-%012lu\","
		     "\"resourceVersion\":\"%lu\",\"creationTimestamp\":\"2025-03-14T09:26:53Z\","
		     "\"labels\":{\"app\":\"bench\"},\"managedFields\":[{\"manager\":\"bench\","
		     "\"operation\":\"Update\",\"apiVersion\":\"v1\",\"time\":\"2025-03-14T09:26:53Z\","
		     "\"fieldsType\":\"FieldsV1\",\"fieldsV1\":{\"f:data\":{\".\":{},\"f:key\":{}}}}]},"
		     "\"data\":{\"key\":\"%.*s\"}}\n", (int)strcspn(name, "\""), name,
		     replay->version, replay->version + 90000000, (int)strcspn(value, "\""), value) < 0)
		abort();
	replay->version++;
	out->body = body;
	out->body_free = free;
}

static void delete_configmap(void *ctx, const struct fakeapi_request *req,
			     struct fakeapi_answer *out)
{
	const char *name = strrchr(req->path, '/') + 1;
	char *body;

	(void)ctx;
	if (asprintf(&body, "{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"metadata\":{},"
		     "\"status\":\"Success\",\"details\":{\"name\":\"%.*s\",\"kind\":\"configmaps\","
		     "\"uid\":\"9b7e5c8d-3f1c-4d2a-9b7e-000000000000\"}}\n",
		     (int)strcspn(name, "?"), name) < 0)
		abort();
	out->body = body;
	out->body_free = free;
}

static void on_ready(void *ctx, struct fakeapi *server)
{
	struct replay *replay = ctx;
	FILE *f;

	if (replay->ca_file) {
		f = fopen(replay->ca_file, "we");
		if (!f || fputs(fakeapi_ca_pem(server), f) < 0 || fclose(f)) {
			perror(replay->ca_file);
			exit(1);
		}
	}
	printf("url %s\n", fakeapi_url(server));
	fflush(stdout);
}

static void usage(void)
{
	fprintf(stderr, "usage: replay [--ca FILE] [--pods N] [--http 1|2] [--port N] [--plain] [--gone MS]\n"
		"              [--protobuf FILE]\n"
		"Serves N Pods of 4 KB each, and ConfigMaps, over HTTP/2 and HTTP/1.1 or one of\n"
		"them; to watches what events.h tells, and a poke is a GET of /poke. Writes the CA\n"
		"that signed it to FILE. Prints `url URL`, and for each list `last-byte NS`\n"
		"(CLOCK_MONOTONIC) when its last byte was given to the kernel. --protobuf: what\n"
		"protobuf.h tells, for those who ask for it, read when somebody does.\n"
		"With --gone a watch of Pods ends with 410 after so long, and tells nothing else.\n");
	exit(2);
}

int main(int argc, char **argv)
{
	static const struct option known[] = {
		{ "ca", required_argument, NULL, 'a' },
		{ "pods", required_argument, NULL, 'n' },
		{ "http", required_argument, NULL, 'h' },
		{ "port", required_argument, NULL, 'p' },
		{ "plain", no_argument, NULL, 'P' },
		{ "gone", required_argument, NULL, 'g' },
		{ "protobuf", required_argument, NULL, 'b' },
		{ NULL, 0, NULL, 0 },
	};
	struct replay replay = { .version = 1 };
	const struct fakeapi_answer list = { .coding = FAKEAPI_CHUNKED, .sent = list_sent };
	const struct fakeapi_answer watch = { .coding = FAKEAPI_CHUNKED };
	const struct fakeapi_answer silent = { .coding = FAKEAPI_CHUNKED, .end = FAKEAPI_STALL };
	struct fakeapi_route routes[] = {
		{ "GET", "/api/v1/*pods?*watch=*", .answer = watch, .generate = watch_pods,
		  .ctx = &replay },
		{ "GET", "/poke", .answer = { .body = "{}" }, .generate = poke, .ctx = &replay },
		{ "GET", "/api/v1/pods", .answer = list, .generate = list_pods, .ctx = &replay },
		{ "GET", "/api/v1/namespaces/*/pods", .answer = list, .generate = list_pods,
		  .ctx = &replay },
		{ "GET", "/api/v1/namespaces/*/pods/*", .generate = get_pod, .ctx = &replay },
		{ "POST", "/api/v1/namespaces/*/configmaps", .answer = { .status = 201 },
		  .generate = create_configmap, .ctx = &replay },
		{ "DELETE", "/api/v1/namespaces/*/configmaps/*", .generate = delete_configmap,
		  .ctx = &replay },
		{ "GET", "/api/v1/services?*watch=*", .answer = silent },
		{ "GET", "/api/v1/services", .answer = { .body = services } },
		{ "GET", "/api", .answer = { .body = api } },
		{ "GET", "/apis", .answer = { .body = apis } },
		{ "GET", "/api/v1", .answer = { .body = api_v1 } },
		{ "GET", "/version*", .answer = { .body = version } },
	};
	struct fakeapi_options options = { .routes = routes, .route_count = COUNT(routes),
					   .no_log = true };
	unsigned long pods = 5000;
	int c, rc;

	while ((c = getopt_long(argc, argv, "", known, NULL)) != -1) {
		switch (c) {
		case 'a':
			replay.ca_file = optarg;
			break;
		case 'n':
			pods = strtoul(optarg, NULL, 10);
			break;
		case 'h':
			options.http = *optarg == '2' ? FAKEAPI_H2 : FAKEAPI_H1;
			break;
		case 'p':
			options.port = (int)strtol(optarg, NULL, 10);
			break;
		case 'P':
			options.plain = true;
			break;
		case 'g':
			routes[0].generate = NULL;
			routes[0].answer = (struct fakeapi_answer){
				.body = gone, .coding = FAKEAPI_CHUNKED,
				.body_delay_ms = (int)strtol(optarg, NULL, 10) };
			break;
		case 'b':
			replay.protobuf_file = optarg;
			break;
		default:
			usage();
		}
	}
	if (optind != argc || !pods || pods > 9999999)
		usage();
	replay.pods = pods_new((unsigned)pods);
	replay.events = events_new(replay.pods);
	rc = fakeapi_serve(&options, on_ready, &replay);
	events_free(replay.events);
	protobuf_free(replay.protobuf);
	pods_free(replay.pods);
	return rc ? 1 : 0;
}
