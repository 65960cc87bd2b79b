/*
 * The server of test_memory: an answer for each verb. What it tells of an object
 * with a number in its name depends on how often that was asked for: each turn has
 * names of its own.
 */
#ifndef MEMORY_SERVER_H
#define MEMORY_SERVER_H

#include "fakeapi.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NODES "/api/v1/nodes/"
#define DEPLOYMENTS "/apis/apps/v1/namespaces/ns/deployments/"
#define SETS "/apis/apps/v1/namespaces/ns/replicasets"
#define SERVICES "/api/v1/namespaces/ns/services/"
#define PAGE(token, items)                                                                                             \
	"{\"kind\":\"PodList\",\"apiVersion\":\"v1\",\"metadata\":{\"resourceVersion\":\"5\"" token "},\"items\":[" items "]}"
#define ITEM(name) "{\"metadata\":{\"name\":\"" name "\",\"namespace\":\"ns\",\"uid\":\"u-" name "\"}}"
#define READY_POD(version, ready)                                                                                      \
	"{\"kind\":\"Pod\",\"apiVersion\":\"v1\",\"metadata\":{\"name\":\"a\",\"namespace\":\"ns\",\"uid\":\"u-1\","      \
	"\"resourceVersion\":\"" version "\"},\"status\":{\"conditions\":[{\"type\":\"Ready\",\"status\":\"" ready "\"}]}}"
#define EVENT(type, object) "{\"type\":\"" type "\",\"object\":" object "}\n"
#define LOGGING(state)                                                                                                 \
	"{\"kind\":\"Pod\",\"apiVersion\":\"v1\",\"metadata\":{\"name\":\"x\",\"namespace\":\"ns\",\"uid\":\"u1\"},"      \
	"\"spec\":{\"containers\":[{\"name\":\"main\"}]},\"status\":{\"phase\":\"Running\",\"containerStatuses\":[{"      \
	"\"name\":\"main\",\"containerID\":\"cri://1\",\"state\":{\"" state "\":{}}}]}}"
#define NODE(unschedulable)                                                                                            \
	"{\"kind\":\"Node\",\"apiVersion\":\"v1\",\"metadata\":{\"name\":\"n\",\"resourceVersion\":\"3\"},\"spec\":{"      \
	"\"unschedulable\":" unschedulable "}}"
#define NODE_POD                                                                                                       \
	"{\"metadata\":{\"name\":\"p\",\"namespace\":\"ns\",\"uid\":\"u-p\",\"ownerReferences\":[{\"apiVersion\":"        \
	"\"apps/v1\",\"kind\":\"ReplicaSet\",\"name\":\"rs\",\"uid\":\"u-rs\",\"controller\":true}]},\"spec\":{"          \
	"\"volumes\":[{\"name\":\"v\",\"emptyDir\":{}}]},\"status\":{\"phase\":\"Running\"}}"
#define DAEMON_POD                                                                                                     \
	"{\"metadata\":{\"name\":\"d\",\"namespace\":\"ns\",\"uid\":\"u-d\",\"ownerReferences\":[{\"apiVersion\":"        \
	"\"apps/v1\",\"kind\":\"DaemonSet\",\"name\":\"ds\",\"uid\":\"u-ds\",\"controller\":true}]},\"status\":{}}"
#define MIRROR_POD                                                                                                     \
	"{\"metadata\":{\"name\":\"m\",\"namespace\":\"ns\",\"uid\":\"u-m\",\"annotations\":{\"kubernetes.io/config.mirror\":" \
	"\"x\"}},\"status\":{}}"
#define TEMPLATE(hash, image)                                                                                          \
	"\"template\":{\"metadata\":{\"labels\":{\"app\":\"web\"" hash "}},\"spec\":{\"containers\":[{\"name\":\"main\"," \
	"\"image\":\"" image "\"}]}}"
#define DEPLOYMENT                                                                                                     \
	"{\"kind\":\"Deployment\",\"apiVersion\":\"apps/v1\",\"metadata\":{\"name\":\"web\",\"namespace\":\"ns\",\"uid\":\"d-1\"," \
	"\"generation\":2,\"resourceVersion\":\"9\",\"annotations\":{\"deployment.kubernetes.io/revision\":\"2\"}},"      \
	"\"spec\":{\"replicas\":1,\"selector\":{\"matchLabels\":{\"app\":\"web\"}}," TEMPLATE("", "b") "},\"status\":{"   \
	"\"observedGeneration\":2,\"replicas\":1,\"updatedReplicas\":1,\"readyReplicas\":1,"                \
	"\"availableReplicas\":1}}"
#define SET(name, revision, image)                                                                                     \
	"{\"metadata\":{\"name\":\"" name "\",\"namespace\":\"ns\",\"annotations\":{\"deployment.kubernetes.io/revision\":\"" revision \
	"\",\"kept\":\"" image "\"},\"ownerReferences\":[{\"kind\":\"Deployment\",\"uid\":\"d-1\",\"controller\":true}]}," \
	"\"spec\":{" TEMPLATE(",\"pod-template-hash\":\"1\"", image) "}}"
#define SET_LIST                                                                                                       \
	"{\"kind\":\"ReplicaSetList\",\"apiVersion\":\"apps/v1\",\"metadata\":{\"resourceVersion\":\"9\"},\"items\":["       \
	SET("web-2", "2", "b") "," SET("web-1", "1", "a") "]}"
#define SERVICE                                                                                                        \
	"{\"kind\":\"Service\",\"apiVersion\":\"v1\",\"metadata\":{\"name\":\"s\",\"namespace\":\"ns\"},\"spec\":{\"ports\":[" \
	"{\"name\":\"web\",\"port\":8080}]}}"
#define TABLE(token, name)                                                                                             \
	"{\"kind\":\"Table\",\"apiVersion\":\"meta.k8s.io/v1\",\"metadata\":{\"resourceVersion\":\"7\"" token "},"         \
	"\"columnDefinitions\":[{\"name\":\"Name\",\"type\":\"string\",\"priority\":0}],\"rows\":[{\"cells\":[\"" name "\"]," \
	"\"object\":{\"kind\":\"PartialObjectMetadata\",\"metadata\":{\"name\":\"" name "\",\"namespace\":\"ns\"}}}]}"
#define CONFLICT                                                                                                       \
	"{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"status\":\"Failure\",\"message\":\"exists\",\"reason\":\"AlreadyExists\"," \
	"\"details\":{\"name\":\"a\",\"causes\":[{\"reason\":\"R\",\"field\":\"f\",\"message\":\"m\"}]},\"code\":409}"
#define GROUPS(items)                                                                                                  \
	"{\"kind\":\"APIGroupDiscoveryList\",\"apiVersion\":\"apidiscovery.k8s.io/v2\",\"metadata\":{},\"items\":[" items "]}"
#define WIDGET_GROUP                                                                                                   \
	"{\"metadata\":{\"name\":\"example.com\"},\"versions\":[{\"version\":\"v1\",\"resources\":[{\"resource\":\"widgets\"," \
	"\"responseKind\":{\"group\":\"example.com\",\"version\":\"v1\",\"kind\":\"Widget\"},\"scope\":\"Namespaced\","      \
	"\"singularResource\":\"widget\",\"verbs\":[\"get\",\"list\"],\"shortNames\":[\"wd\"]}]}]}"
#define SCALE(replicas)                                                                                                \
	"{\"kind\":\"Scale\",\"apiVersion\":\"autoscaling/v1\",\"metadata\":{\"name\":\"web\",\"namespace\":\"ns\"},"         \
	"\"spec\":{\"replicas\":" replicas "}}"

/* In the server's process: how often this turn has asked before. */
static unsigned times(const struct fakeapi_request *req, const char *mark)
{
	static char turn[16];
	static unsigned counts[128];
	const char *name = strstr(req->path, mark);

	if (!name)
		abort();
	name += strlen(mark) - 1;
	if (strncmp(name, turn, 8) != 0) {
		snprintf(turn, sizeof(turn), "%.8s", name);
		memset(counts, 0, sizeof(counts));
	}
	return counts[(unsigned char)*req->method + strlen(req->path) % 32]++;
}

static void log_pod(void *ctx, const struct fakeapi_request *req, struct fakeapi_answer *out)
{
	unsigned n = times(req, "/t0");

	(void)ctx;
	out->body = n == 0 ? LOGGING("waiting") : n < 3 ? LOGGING("running") : LOGGING("terminated");
}

/* Breaks in the second line, as long as it is asked for from the beginning. */
static void log_lines(void *ctx, const struct fakeapi_request *req, struct fakeapi_answer *out)
{
	(void)ctx;
	out->type = "text/plain";
	out->coding = FAKEAPI_CHUNKED;
	out->body = "2026-11-24T08:00:00.1Z one\n2026-11-24T08:00:00.2Z two\n2026-11-24T08:00:00.3Z three\n";
	if (strstr(req->path, "sinceTime"))
		return;
	out->end = FAKEAPI_CUT;
	out->end_after = 40;
}

/* The Pods of a Node: until one was asked to go, and for one look more. */
static unsigned evicted_looks;
static bool evicted;

static void node(void *ctx, const struct fakeapi_request *req, struct fakeapi_answer *out)
{
	(void)ctx;
	(void)req;
	evicted = false;
	evicted_looks = 0;
	out->body = NODE("false");
}

static void evict(void *ctx, const struct fakeapi_request *req, struct fakeapi_answer *out)
{
	(void)ctx;
	/* without this a Pod that came in its place might be hit */
	out->status = strstr(req->body, "\"uid\":\"u-p\"") ? 201 : 500;
	evicted = true;
	out->body = "{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"status\":\"Success\",\"code\":201}";
}

static void node_pods(void *ctx, const struct fakeapi_request *req, struct fakeapi_answer *out)
{
	(void)ctx;
	(void)req;
	if (evicted && evicted_looks++)
		out->body = PAGE("", DAEMON_POD "," MIRROR_POD);
	else
		out->body = PAGE("", NODE_POD "," DAEMON_POD "," MIRROR_POD);
}

static void scaled(void *ctx, const struct fakeapi_request *req, struct fakeapi_answer *out)
{
	(void)ctx;
	(void)req;
	out->body = DEPLOYMENT;
}

static const char *const warning[] = {"Warning: 299 - \"careful\"", NULL};

static const struct fakeapi_route routes[] = {
	{"GET", LIST_PATH "/a", .answer = {.body = POD("a"), .headers = warning}},
	{"GET", LIST_PATH "?limit=2&continue=t", .answer = {.body = PAGE("", ITEM("c"))}},
	{"GET", LIST_PATH "?limit=2", .answer = {.body = PAGE(",\"continue\":\"t\"", ITEM("a") "," ITEM("b")), .piece = 50}},
	{"GET", LIST_PATH "?limit=1&continue=t", .answer = {.body = TABLE("", "b")}},
	{"GET", LIST_PATH "?limit=1", .answer = {.body = TABLE(",\"continue\":\"t\"", "a")}},
	{"GET", LIST_PATH "?*watch=true*", .answer = {.body = EVENT("MODIFIED", READY_POD("6", "False"))
							      EVENT("MODIFIED", READY_POD("7", "True")),
						      .lines = true, .coding = FAKEAPI_CHUNKED}},
	{"GET", LIST_PATH "?fieldSelector=metadata.name%3Da*", .answer = {.body = PAGE("", READY_POD("5", "False"))}},
	{"POST", LIST_PATH "/p/eviction", .generate = evict},
	{"POST", LIST_PATH, .answer = {.status = 409, .body = CONFLICT}},
	{"POST", "/api/v1/namespaces/ns/configmaps", .answer = {.status = 201, .body = "{\"kind\":\"ConfigMap\",\"apiVersion\":\"v1\","
			"\"metadata\":{\"name\":\"made\",\"namespace\":\"ns\",\"uid\":\"u-2\",\"resourceVersion\":\"8\"}}"}},
	{"PATCH", LIST_PATH "/a*", .answer = {.body = POD("a")}},
	{"PUT", LIST_PATH "/a", .answer = {.body = POD("a")}},
	{"DELETE", LIST_PATH "/a", .answer = {.body = POD("a")}},
	{"GET", LIST_PATH "/t0*/log", .generate = log_lines},
	{"GET", LIST_PATH "/t0*", .generate = log_pod},
	{"GET", NODES "t0*", .generate = node},
	{"PATCH", NODES "n", .answer = {.body = NODE("true")}},
	{"GET", "/api/v1/pods?*", .generate = node_pods},
	{"GET", "/apis/apps/v1/namespaces/ns/daemonsets/ds", .answer = {.body = "{\"kind\":\"DaemonSet\",\"apiVersion\":\"apps/v1\","
			"\"metadata\":{\"name\":\"ds\",\"namespace\":\"ns\"}}"}},
	{"GET", SETS "?*", .answer = {.body = SET_LIST}},
	{NULL, DEPLOYMENTS "web/scale", .answer = {.body = SCALE("1")}},
	{NULL, DEPLOYMENTS "web", .generate = scaled},
	{"GET", "/apis/apps/v1/namespaces/ns/deployments?*watch=true*", .answer = {.body = "", .coding = FAKEAPI_CHUNKED}},
	{"GET", "/apis/apps/v1/namespaces/ns/deployments?*", .answer = {.body = "{\"kind\":\"DeploymentList\",\"apiVersion\":"
			"\"apps/v1\",\"metadata\":{\"resourceVersion\":\"9\"},\"items\":[" DEPLOYMENT "]}"}},
	{"GET", SERVICES "s", .answer = {.body = SERVICE}},
	{NULL, SERVICES "s%3A8080/proxy/*", .answer = {.type = "text/plain", .body = "hello", .headers = warning}},
	{"GET", "/api", .answer = {.body = GROUPS("")}},
	{"GET", "/apis", .answer = {.body = GROUPS(WIDGET_GROUP)}},
	{"GET", "/apis/example.com/v1/namespaces/ns/widgets", .answer = {.body = "{\"kind\":\"WidgetList\",\"apiVersion\":"
			"\"example.com/v1\",\"metadata\":{},\"items\":[{\"metadata\":{\"name\":\"w\"}}]}"}},
	{"GET", "/api/v1/namespaces/far/pods?*", .answer = {.body = PAGE("", ITEM("scheduler"))}},
	{"GET", "/version", .answer = {.body = "{\"gitVersion\":\"v1.36.3\"}"}},
};

#endif
