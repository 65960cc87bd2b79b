/* Routes and helpers that the tests of the callback contract share. */
#ifndef CONTRACT_H
#define CONTRACT_H

#include "../testutil.h"

#define DEPLOYMENT                                                                                                     \
	"{\"apiVersion\":\"apps/v1\",\"kind\":\"Deployment\",\"metadata\":{\"name\":\"pod-0\",\"namespace\":\"ns\"},"  \
	"\"spec\":{\"replicas\":0}}"
#define ONE_POD "{\"kind\":\"PodList\",\"metadata\":{},\"items\":[{\"metadata\":{\"name\":\"pod-0\"}}]}"
#define DISCOVERY                                                                                                      \
	"{\"kind\":\"APIGroupDiscoveryList\",\"apiVersion\":\"apidiscovery.k8s.io/v2\",\"metadata\":{},\"items\":[{"   \
	"\"metadata\":{},\"versions\":[{\"version\":\"v1\",\"resources\":[{\"resource\":\"pods\",\"responseKind\":{"   \
	"\"group\":\"\",\"version\":\"v1\",\"kind\":\"Pod\"},\"scope\":\"Namespaced\",\"singularResource\":\"pod\","   \
	"\"verbs\":[\"get\",\"list\"],\"shortNames\":[\"po\"]}]}]}]}"
#define NO_GROUPS "{\"kind\":\"APIGroupDiscoveryList\",\"apiVersion\":\"apidiscovery.k8s.io/v2\",\"metadata\":{},\"items\":[]}"

static const struct fakeapi_route whole_api[] = {
	{"GET", "/version", .answer = {.body = "{\"gitVersion\":\"v1.36.3\"}"}},
	{"GET", "/healthz", .answer = {.body = "ok", .type = "text/plain"}},
	{"GET", "/api", .answer = {.body = DISCOVERY}},
	{"GET", "/apis", .answer = {.body = NO_GROUPS}},
	{"GET", LIST_PATH, .answer = {.body = ONE_POD}},
	{"DELETE", LIST_PATH, .answer = {.body = ONE_POD}},
	{"GET", LIST_PATH "/pod-0", .answer = {.body = POD("pod-0")}},
	{NULL, "/apis/apps/v1/namespaces/ns/deployments*", .answer = {.body = DEPLOYMENT}},
};

static const struct fakeapi_route mute_pods[] = {
	{"GET", "/version", .answer = {.body = "{}"}},
	{.answer = {.end = FAKEAPI_MUTE}},
};

/* The connection, or the place, is there for the next call. */
void check_that_it_goes_on(struct rig *rig);
void stalling_list(struct fakeapi_route *route, char **body);

#endif
