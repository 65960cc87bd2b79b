#include "pods.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RING 5000
#define DIGITS 7
#define MARKS 16

struct pod {
	char *text;
	size_t len;
};

struct pods {
	unsigned count, ring;
	struct pod *pod;
	/* Where the index of a Pod is written; the same for all. */
	size_t mark[MARKS];
	unsigned marks;
};

struct podlist {
	struct pods *pods;
	unsigned next, end;
	const char *span;		/* what is being sent, and where */
	size_t span_len, off;
	unsigned spans;			/* begun until now */
	bool ended;
	char head[256];
};

/* @N: the index in 7 digits, @n: a node, @a and @b: parts of addresses; all of one width. */
static const char template[] =
"{\"metadata\":{\"name\":\"web-7d4b9c6f5-@N\",\"generateName\":\"web-7d4b9c6f5-\","
"\"namespace\":\"default\",\"uid\":\"0@N-3f1c-4d2a-9b7e-5c8d1e6f2a34\","
"\"resourceVersion\":\"8@N\",\"generation\":1,\"creationTimestamp\":\"2025-03-14T09:26:53Z\","
"\"labels\":{\"app\":\"web\",\"app.kubernetes.io/component\":\"frontend\","
"\"app.kubernetes.io/managed-by\":\"Helm\",\"pod-template-hash\":\"7d4b9c6f5\"},"
"\"annotations\":{\"prometheus.io/port\":\"9090\",\"prometheus.io/scrape\":\"true\","
"\"checksum/config\":\"b0a1f6e0d1c95d0d8bbd2b1a3e6f7c9942c1f0ee8f5a7b6d3c2e1f0a9b8c7d6e\"},"
"\"ownerReferences\":[{\"apiVersion\":\"apps/v1\",\"kind\":\"ReplicaSet\","
"\"name\":\"web-7d4b9c6f5\",\"uid\":\"4a7d2c91-88e0-4c1b-b0a5-6f0e9d3c2b1a\","
"\"controller\":true,\"blockOwnerDeletion\":true}],"
"\"managedFields\":[{\"manager\":\"kube-controller-manager\",\"operation\":\"Update\","
"\"apiVersion\":\"v1\",\"time\":\"2025-03-14T09:26:53Z\",\"fieldsType\":\"FieldsV1\","
"\"fieldsV1\":{\"f:metadata\":{\"f:generateName\":{},\"f:labels\":{\".\":{},\"f:app\":{},"
"\"f:pod-template-hash\":{}},\"f:ownerReferences\":{\".\":{},"
"\"k:{\\\"uid\\\":\\\"4a7d2c91-88e0-4c1b-b0a5-6f0e9d3c2b1a\\\"}\":{}}},"
"\"f:spec\":{\"f:containers\":{\"k:{\\\"name\\\":\\\"web\\\"}\":{\".\":{},\"f:env\":{},"
"\"f:image\":{},\"f:imagePullPolicy\":{},\"f:name\":{},\"f:resources\":{}}}}}},"
"{\"manager\":\"kubelet\",\"operation\":\"Update\",\"apiVersion\":\"v1\","
"\"time\":\"2025-03-14T09:27:08Z\",\"fieldsType\":\"FieldsV1\",\"fieldsV1\":{\"f:status\":{"
"\"f:conditions\":{\"k:{\\\"type\\\":\\\"Ready\\\"}\":{\".\":{},\"f:lastTransitionTime\":{},"
"\"f:status\":{},\"f:type\":{}}},\"f:containerStatuses\":{},\"f:hostIP\":{},\"f:phase\":{},"
"\"f:podIP\":{},\"f:podIPs\":{\".\":{},\"k:{\\\"ip\\\":\\\"10.1.1@a.1@b\\\"}\":{\".\":{},\"f:ip\":{}}},"
"\"f:startTime\":{}}},"
"\"subresource\":\"status\"}]},"
"\"spec\":{\"volumes\":[{\"name\":\"config\",\"configMap\":{\"name\":\"web-config\","
"\"defaultMode\":420}},{\"name\":\"kube-api-access-x7k2p\",\"projected\":{\"sources\":["
"{\"serviceAccountToken\":{\"expirationSeconds\":3607,\"path\":\"token\"}},"
"{\"configMap\":{\"name\":\"kube-root-ca.crt\",\"items\":[{\"key\":\"ca.crt\","
"\"path\":\"ca.crt\"}]}}],\"defaultMode\":420}}],"
"\"containers\":[{\"name\":\"web\",\"image\":\"registry.example/web:1.27.4\","
"\"args\":[\"--listen=:8080\",\"--greeting=caf\xc3\xa9 \\u003cshop\\u003e\"],"
"\"ports\":[{\"name\":\"http\",\"containerPort\":8080,\"protocol\":\"TCP\"}],"
"\"env\":[{\"name\":\"POD_NAME\",\"valueFrom\":{\"fieldRef\":{\"apiVersion\":\"v1\","
"\"fieldPath\":\"metadata.name\"}}},{\"name\":\"LOG_LEVEL\",\"value\":\"info\"},"
"{\"name\":\"OPTIONS\",\"value\":\"{\\\"cache\\\":[1,2,3],\\\"path\\\":\\\"/a/b\\\"}\"}],"
"\"resources\":{\"limits\":{\"cpu\":\"500m\",\"memory\":\"256Mi\"},"
"\"requests\":{\"cpu\":\"100m\",\"memory\":\"128Mi\"}},"
"\"volumeMounts\":[{\"name\":\"config\",\"readOnly\":true,\"mountPath\":\"/etc/web\"},"
"{\"name\":\"kube-api-access-x7k2p\",\"readOnly\":true,"
"\"mountPath\":\"/var/run/secrets/kubernetes.io/serviceaccount\"}],"
"\"terminationMessagePath\":\"/dev/termination-log\",\"terminationMessagePolicy\":\"File\","
"\"imagePullPolicy\":\"IfNotPresent\"},"
"{\"name\":\"proxy\",\"image\":\"registry.example/proxy:2.4.1\",\"resources\":{},"
"\"terminationMessagePath\":\"/dev/termination-log\",\"terminationMessagePolicy\":\"File\","
"\"imagePullPolicy\":\"IfNotPresent\"}],"
"\"restartPolicy\":\"Always\",\"terminationGracePeriodSeconds\":30,"
"\"dnsPolicy\":\"ClusterFirst\",\"serviceAccountName\":\"web\",\"serviceAccount\":\"web\","
"\"nodeName\":\"node-@n\",\"securityContext\":{},\"schedulerName\":\"default-scheduler\","
"\"tolerations\":[{\"key\":\"node.kubernetes.io/not-ready\",\"operator\":\"Exists\","
"\"effect\":\"NoExecute\",\"tolerationSeconds\":300}],"
"\"priority\":0,\"enableServiceLinks\":true,\"preemptionPolicy\":\"PreemptLowerPriority\"},"
"\"status\":{\"phase\":\"Running\",\"conditions\":["
"{\"type\":\"Initialized\",\"status\":\"True\",\"lastProbeTime\":null,"
"\"lastTransitionTime\":\"2025-03-14T09:26:53Z\"},"
"{\"type\":\"Ready\",\"status\":\"True\",\"lastProbeTime\":null,"
"\"lastTransitionTime\":\"2025-03-14T09:27:08Z\"}],"
"\"hostIP\":\"192.168.7.1@n\",\"podIP\":\"10.1.1@a.1@b\",\"podIPs\":[{\"ip\":\"10.1.1@a.1@b\"}],"
"\"startTime\":\"2025-03-14T09:26:53Z\",\"containerStatuses\":[{\"name\":\"web\",\"state\":"
"{\"running\":{\"startedAt\":\"2025-03-14T09:27:01Z\"}},\"lastState\":{},\"ready\":true,"
"\"restartCount\":0,\"image\":\"registry.example/web:1.27.4\",\"imageID\":\"\",\"containerID\":"
"\"containerd://5f0e9d3c2b1a4a7d2c9188e04c1bb0a56f0e9d3c2b1a4a7d2c9188e0@N\","
"\"started\":true}],\"qosClass\":\"Burstable\"}}";

static size_t expand(struct pods *p, char *out, unsigned i)
{
	char *at = out;

	p->marks = 0;
	for (const char *t = template; *t; t++) {
		if (*t != '@') {
			*at++ = *t;
			continue;
		}
		switch (*++t) {
		case 'N':
			if (p->marks == MARKS)
				abort();
			p->mark[p->marks++] = (size_t)(at - out);
			at += sprintf(at, "%0*u", DIGITS, i);
			break;
		case 'n':
			at += sprintf(at, "%02u", i % 50);
			break;
		case 'a':
			at += sprintf(at, "%02u", i / 100 % 100);
			break;
		case 'b':
			at += sprintf(at, "%02u", i % 100);
			break;
		}
	}
	*at = '\0';
	return (size_t)(at - out);
}

struct pods *pods_new(unsigned count)
{
	struct pods *p = calloc(1, sizeof(*p));

	if (!p)
		abort();
	p->count = count;
	p->ring = count < RING ? count : RING;
	p->pod = calloc(p->ring, sizeof(*p->pod));
	if (!p->pod)
		abort();
	for (unsigned i = 0; i < p->ring; i++) {
		p->pod[i].text = malloc(sizeof(template) + MARKS * DIGITS);
		if (!p->pod[i].text)
			abort();
		p->pod[i].len = expand(p, p->pod[i].text, i);
	}
	return p;
}

void pods_free(struct pods *p)
{
	if (!p)
		return;
	for (unsigned i = 0; i < p->ring; i++)
		free(p->pod[i].text);
	free(p->pod);
	free(p);
}

unsigned pods_count(const struct pods *p)
{
	return p->count;
}

/* The i-th Pod, in its place in the ring: until another takes it. */
static const struct pod *pod_at(struct pods *p, unsigned i)
{
	struct pod *pod = &p->pod[i % p->ring];
	char digits[16];

	if (p->count == p->ring)
		return pod;
	snprintf(digits, sizeof(digits), "%0*u", DIGITS, i % 10000000);
	for (unsigned m = 0; m < p->marks; m++)
		memcpy(pod->text + p->mark[m], digits, DIGITS);
	return pod;
}

char *pods_one(struct pods *p, unsigned i)
{
	const struct pod *pod = pod_at(p, i);
	char *text;

	/* Without its first brace. */
	if (asprintf(&text, "{\"kind\":\"Pod\",\"apiVersion\":\"v1\",%s\n", pod->text + 1) < 0)
		abort();
	return text;
}

struct podlist *podlist_new(struct pods *p, unsigned first, unsigned limit)
{
	struct podlist *l = calloc(1, sizeof(*l));
	char next[96] = "";

	if (!l)
		abort();
	l->pods = p;
	l->next = first < p->count ? first : p->count;
	l->end = limit && limit < p->count - l->next ? l->next + limit : p->count;
	if (l->end < p->count)
		snprintf(next, sizeof(next), ",\"continue\":\"%u\",\"remainingItemCount\":%u",
			 l->end, p->count - l->end);
	l->span_len = (size_t)snprintf(l->head, sizeof(l->head),
		"{\"kind\":\"PodList\",\"apiVersion\":\"v1\",\"metadata\":"
		"{\"resourceVersion\":\"90000000\"%s},\"items\":[", next);
	l->span = l->head;
	return l;
}

struct podlist *podlist_one(struct pods *p, unsigned i)
{
	struct podlist *l = podlist_new(p, i % p->count, 0);

	l->end = l->next + 1;
	return l;
}

void podlist_free(void *list)
{
	free(list);
}

/* Spans: head, pod, comma, pod, ... tail. Returns whether there is one. */
static bool next_span(struct podlist *l)
{
	const struct pod *pod;

	l->spans++;
	if (l->spans % 2 == 1 && l->next < l->end) {
		pod = pod_at(l->pods, l->next++);
		l->span = pod->text;
		l->span_len = pod->len;
	} else if (l->next < l->end) {
		l->span = ",";
		l->span_len = 1;
	} else if (!l->ended) {
		l->ended = true;
		l->span = "]}\n";
		l->span_len = 3;
	} else {
		return false;
	}
	l->off = 0;
	return true;
}

size_t podlist_read(void *list, char *buf, size_t max)
{
	struct podlist *l = list;
	size_t done = 0, n;

	/* Another list may have renamed the Pod that we stopped in. */
	if (l->spans % 2 == 1 && l->off < l->span_len && *l->span == '{')
		pod_at(l->pods, l->next - 1);
	while (done < max) {
		if (l->off == l->span_len && !next_span(l))
			break;
		n = l->span_len - l->off < max - done ? l->span_len - l->off : max - done;
		memcpy(buf + done, l->span + l->off, n);
		l->off += n;
		done += n;
	}
	return done;
}
