/* A Pod template as kubectl describes it (k8s.io/kubectl, pkg/describe, DescribePodTemplate). */
#include "cli.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LAST_APPLIED "kubectl.kubernetes.io/last-applied-configuration"
#define ANNOTATION_MAX 140

/* Text of the server must not talk to the terminal. */
static void put(const char *text)
{
	for (; *text; text++) {
		if (*text == '\033')
			fputs("^[", stdout);
		else if (*text == '\r')
			fputs("\\r", stdout);
		else
			putchar(*text);
	}
}

__attribute__((format(printf, 2, 3))) static void say(int level, const char *format, ...)
{
	va_list ap;
	char *text;

	va_start(ap, format);
	if (vasprintf(&text, format, ap) < 0)
		need(NULL);
	va_end(ap);
	printf("%*s", 2 * level, "");
	put(text);
	free(text);
}

static const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

static long long number_of(const json_t *object, const char *key)
{
	return (long long)json_integer_value(json_object_get(object, key));
}

static const char *truth_of(const json_t *object, const char *key)
{
	return json_is_true(json_object_get(object, key)) ? "true" : "false";
}

/* A string or a number, as a port is. */
static const char *int_or_text(const json_t *object, const char *key, char number[32])
{
	if (!json_is_integer(json_object_get(object, key)))
		return text_of(object, key);
	snprintf(number, 32, "%lld", number_of(object, key));
	return number;
}

/* What is sorted. */

static int by_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The keys of an object; free() them. */
static const char **sorted_keys(json_t *object, size_t *count)
{
	const char **keys = need(calloc(json_object_size(object) + 1, sizeof(*keys))), *key;
	json_t *value;

	*count = 0;
	json_object_foreach(object, key, value)
		if (strcmp(key, LAST_APPLIED) != 0)
			keys[(*count)++] = key;
	qsort(keys, *count, sizeof(*keys), by_text);
	return keys;
}

/* The members of a list by a string of theirs; new. */
static json_t *sorted_list(json_t *list, const char *by)
{
	json_t *sorted = need(json_array()), *item;
	size_t i, k;

	json_array_foreach(list, i, item) {
		for (k = 0; k < i && strcmp(text_of(json_array_get(sorted, k), by), text_of(item, by)) <= 0; k++)
			;
		if (json_array_insert(sorted, k, item) < 0)
			need(NULL);
	}
	return sorted;
}

/* The first line of a text, and where the next begins: NULL behind the last. */
static const char *line_of(const char *text, int *len)
{
	*len = (int)strcspn(text, "\n");
	return text[*len] ? text + *len + 1 : NULL;
}

static void say_lines(const char *title, json_t *list)
{
	const char *line, *next;
	json_t *item;
	size_t i;
	int len;

	if (json_array_size(list))
		say(2, "%s:\n", title);
	json_array_foreach(list, i, item) {
		for (line = json_string_value(item); line; line = next) {
			next = line_of(line, &len);
			say(3, "%.*s\n", len, line);
		}
	}
}

/* key=value, a line each. */
static void say_labels(const char *title, json_t *labels)
{
	const char **keys;
	size_t count, i;

	say(0, "%s:\t", title);
	if (!json_object_size(labels))
		say(0, "<none>\n");
	keys = sorted_keys(labels, &count);
	for (i = 0; i < count; i++)
		say(0, "%s%s=%s\n", i ? "\t" : "", keys[i], text_of(labels, keys[i]));
	free(keys);
}

static void say_long_annotation(const char *key, const char *value, size_t value_len)
{
	const char *line, *next, *end = value + value_len;
	int len, max = ANNOTATION_MAX - 2;

	say(0, "%s:\n", key);
	for (line = value; line && line <= end; line = next) {
		next = line_of(line, &len);
		say(0, "\t  %.*s%s\n", len > max ? max : len, line, len > max ? "..." : "");
		if (line + len >= end)
			break;
	}
}

static void say_annotations(json_t *annotations)
{
	const char **keys, *value;
	size_t count, i, len;

	if (!json_object_size(annotations))
		return;
	keys = sorted_keys(annotations, &count);
	say(0, "  Annotations:\t%s", count ? "" : "<none>\n");
	for (i = 0; i < count; i++) {
		value = text_of(annotations, keys[i]);
		len = strlen(value);
		len -= len && value[len - 1] == '\n';
		say(0, "%s", i ? "\t" : "");
		if (len + strlen(keys[i]) + 2 > ANNOTATION_MAX || memchr(value, '\n', len))
			say_long_annotation(keys[i], value, len);
		else
			say(0, "%s: %.*s\n", keys[i], (int)len, value);
	}
	free(keys);
}

/* Containers. */

static void say_ports(const char *title, const char *member, json_t *ports)
{
	size_t i, count = json_array_size(ports);
	json_t *port;

	say(2, "%s%s:\t%s", title, count > 1 ? "s" : "", count ? "" : "<none>");
	json_array_foreach(ports, i, port) {
		const char *name = text_of(port, "name"), *protocol = text_of(port, "protocol");

		say(0, "%s%lld/%s", i ? ", " : "", number_of(port, member), protocol);
		if (*name)
			say(0, " (%s)", name);
	}
	say(0, "\n");
}

static void say_resources(const char *title, json_t *quantities)
{
	const char **keys;
	size_t count, i;

	if (json_object_size(quantities))
		say(2, "%s:\n", title);
	keys = sorted_keys(quantities, &count);
	for (i = 0; i < count; i++)
		say(3, "%s:\t%s\n", keys[i], text_of(quantities, keys[i]));
	free(keys);
}

/* http-get's URL, escaped as Go does a path. */
static void say_http_get(const json_t *get)
{
	char scheme[16], number[32];
	const char *host = text_of(get, "host"), *path = text_of(get, "path");
	bool colons = strchr(host, ':') != NULL;
	size_t i;

	snprintf(scheme, sizeof(scheme), "%s", text_of(get, "scheme"));
	for (i = 0; scheme[i]; i++)
		scheme[i] = (char)tolower((unsigned char)scheme[i]);
	say(0, "http-get %s://%s%s%s:%s%s", scheme, colons ? "[" : "", host, colons ? "]" : "",
	    int_or_text(get, "port", number), *path && *path != '/' ? "/" : "");
	for (; *path; path++) {
		if (isalnum((unsigned char)*path) || strchr("-_.~$&+,/:;=@", *path))
			say(0, "%c", *path);
		else
			say(0, "%%%02X", (unsigned char)*path);
	}
}

static void say_probe(const char *title, const json_t *probe)
{
	const json_t *command = json_object_get(json_object_get(probe, "exec"), "command");
	const json_t *socket = json_object_get(probe, "tcpSocket"), *grpc = json_object_get(probe, "grpc");
	char number[32];
	size_t i;

	if (!probe)
		return;
	say(2, "%s:\t", title);
	if (json_object_get(probe, "exec")) {
		say(0, "exec [");
		for (i = 0; i < json_array_size(command); i++)
			say(0, "%s%s", i ? " " : "", json_string_value(json_array_get(command, i)));
		say(0, "]");
	} else if (json_object_get(probe, "httpGet")) {
		say_http_get(json_object_get(probe, "httpGet"));
	} else if (socket) {
		say(0, "tcp-socket %s:%s", text_of(socket, "host"), int_or_text(socket, "port", number));
	} else if (grpc) {
		say(0, "grpc <pod>:%lld %s", number_of(grpc, "port"), text_of(grpc, "service"));
	} else {
		say(0, "unknown");
	}
	say(0, " delay=%llds timeout=%llds period=%llds successThreshold=%lld failureThreshold=%lld\n",
	    number_of(probe, "initialDelaySeconds"), number_of(probe, "timeoutSeconds"),
	    number_of(probe, "periodSeconds"), number_of(probe, "successThreshold"),
	    number_of(probe, "failureThreshold"));
}

/* "100m", "1Gi" (apimachinery, pkg/api/resource). */
static double quantity(const char *text)
{
	static const char binary[] = "KMGTPE", decimal[] = "kMGTPE", small[] = "mun";
	char *end;
	double value = strtod(text, &end);
	const char *found;

	if (!*end)
		return value;
	if (end[1] == 'i' && (found = strchr(binary, *end)))
		for (; found >= binary; found--)
			value *= 1024;
	else if ((found = strchr(decimal, *end)))
		for (; found >= decimal; found--)
			value *= 1000;
	else if ((found = strchr(small, *end)))
		for (; found >= small; found--)
			value /= 1000;
	return value;
}

/* How many whole `by` it takes. */
static long long parts(double value, double by)
{
	double count = by > 0 ? value / by : value;
	long long whole = (long long)count;

	return whole + (count - (double)whole > 1e-9);
}

/* The value of a container's own limit or request. */
static void say_resource_field(const char *name, const json_t *ref, const json_t *container)
{
	const char *resource = text_of(ref, "resource"), *divisor = text_of(ref, "divisor"), *point;
	char part[16];
	const json_t *quantities;
	long long value;

	point = strchr(resource, '.');
	snprintf(part, sizeof(part), "%.*s", point ? (int)(point - resource) : 0, resource);
	quantities = json_object_get(json_object_get(container, "resources"), part);
	value = parts(quantity(text_of(quantities, point ? point + 1 : "")), quantity(divisor));
	if (value == 0 && (strcmp(resource, "limits.cpu") == 0 || strcmp(resource, "limits.memory") == 0))
		say(3, "%s:\tnode allocatable (%s)\n", name, resource);
	else
		say(3, "%s:\t%lld (%s)\n", name, value, resource);
}

static void say_variable(const json_t *variable, const json_t *container)
{
	const char *name = text_of(variable, "name"), *line, *next;
	const json_t *from = json_object_get(variable, "valueFrom"), *ref;
	int len;

	if (!from) {
		for (line = text_of(variable, "value"); line; line = next, name = NULL) {
			next = line_of(line, &len);
			say(3, "%s%s\t%.*s\n", name ? name : "", name ? ":" : "", len, line);
		}
	} else if ((ref = json_object_get(from, "fieldRef"))) {
		say(3, "%s:\t (%s:%s)\n", name, text_of(ref, "apiVersion"), text_of(ref, "fieldPath"));
	} else if ((ref = json_object_get(from, "resourceFieldRef"))) {
		say_resource_field(name, ref, container);
	} else if ((ref = json_object_get(from, "secretKeyRef"))) {
		say(3, "%s:\t<set to the key '%s' in secret '%s'>\tOptional: %s\n", name, text_of(ref, "key"),
		    text_of(ref, "name"), truth_of(ref, "optional"));
	} else if ((ref = json_object_get(from, "configMapKeyRef"))) {
		say(3, "%s:\t<set to the key '%s' of config map '%s'>\tOptional: %s\n", name, text_of(ref, "key"),
		    text_of(ref, "name"), truth_of(ref, "optional"));
	}
}

static void say_environment(const json_t *container)
{
	json_t *env = json_object_get(container, "env"), *from = json_object_get(container, "envFrom"), *item;
	size_t i;

	if (json_array_size(from))
		say(2, "Environment Variables from:\n");
	json_array_foreach(from, i, item) {
		const json_t *map = json_object_get(item, "configMapRef"), *secret = json_object_get(item, "secretRef");
		const json_t *ref = map ? map : secret;
		const char *prefix = text_of(item, "prefix");

		say(3, "%s\t%s", text_of(ref, "name"), map ? "ConfigMap" : secret ? "Secret" : "");
		if (*prefix)
			say(0, " with prefix '%s'", prefix);
		say(0, "\tOptional: %s\n", truth_of(ref, "optional"));
	}
	say(2, "Environment:%s\n", json_array_size(env) ? "" : "\t<none>");
	json_array_foreach(env, i, item)
		say_variable(item, container);
}

static void say_mounts(const json_t *container)
{
	json_t *mounts = sorted_list(json_object_get(container, "volumeMounts"), "mountPath"), *item;
	json_t *devices = sorted_list(json_object_get(container, "volumeDevices"), "devicePath");
	const char *none = json_array_size(mounts) ? "" : "\t<none>";
	size_t i;

	say(2, "Mounts:%s\n", none);
	json_array_foreach(mounts, i, item) {
		char *path = json_dumps(json_object_get(item, "subPath"), JSON_ENCODE_ANY);

		say(3, "%s from %s (%s", text_of(item, "mountPath"), text_of(item, "name"),
		    json_is_true(json_object_get(item, "readOnly")) ? "ro" : "rw");
		say(0, "%s%s)\n", path ? ",path=" : "", path ? path : "");
		free(path);
	}
	if (json_array_size(devices))
		say(2, "Devices:%s\n", none);
	json_array_foreach(devices, i, item)
		say(3, "%s from %s\n", text_of(item, "devicePath"), text_of(item, "name"));
	json_decref(mounts);
	json_decref(devices);
}

static void say_container(const json_t *container)
{
	json_t *ports = json_object_get(container, "ports"), *resources = json_object_get(container, "resources");
	json_t *profile = json_object_get(json_object_get(container, "securityContext"), "seccompProfile");

	say(1, " %s:\n", text_of(container, "name"));
	say(2, "Image:\t%s\n", text_of(container, "image"));
	say_ports("Port", "containerPort", ports);
	say_ports("Host Port", "hostPort", ports);
	if (profile)
		say(2, "SeccompProfile:\t%s\n", text_of(profile, "type"));
	if (strcmp(text_of(profile, "type"), "Localhost") == 0)
		say(3, "LocalhostProfile:\t%s\n", text_of(profile, "localhostProfile"));
	say_lines("Command", json_object_get(container, "command"));
	say_lines("Args", json_object_get(container, "args"));
	say_resources("Limits", json_object_get(resources, "limits"));
	say_resources("Requests", json_object_get(resources, "requests"));
	say_probe("Liveness", json_object_get(container, "livenessProbe"));
	say_probe("Readiness", json_object_get(container, "readinessProbe"));
	say_probe("Startup", json_object_get(container, "startupProbe"));
	say_environment(container);
	say_mounts(container);
}

static void say_containers(const char *title, json_t *containers)
{
	json_t *container;
	size_t i;

	say(0, "  %s:%s\n", title, json_array_size(containers) ? "" : " <none>");
	json_array_foreach(containers, i, container)
		say_container(container);
}

/* Volumes. */

enum field_type { END, TEXT, TRUTH, TEXT_OR_NONE, SIZE };

struct field {
	const char *title, *member;
	enum field_type type;
};

/* A type of volume, or a source of a projected one. */
struct source {
	const char *member, *about;
	struct field fields[4];
};

static const struct source volume_sources[] = {
	{"hostPath", "HostPath (bare host directory volume)",
	 {{"Path", "path", TEXT}, {"HostPathType", "type", TEXT_OR_NONE}}},
	{"emptyDir", "EmptyDir (a temporary directory that shares a pod's lifetime)",
	 {{"Medium", "medium", TEXT}, {"SizeLimit", "sizeLimit", SIZE}}},
	{"secret", "Secret (a volume populated by a Secret)",
	 {{"SecretName", "secretName", TEXT}, {"Optional", "optional", TRUTH}}},
	{"configMap", "ConfigMap (a volume populated by a ConfigMap)",
	 {{"Name", "name", TEXT}, {"Optional", "optional", TRUTH}}},
	{"nfs", "NFS (an NFS mount that lasts the lifetime of a pod)",
	 {{"Server", "server", TEXT}, {"Path", "path", TEXT}, {"ReadOnly", "readOnly", TRUTH}}},
	{"persistentVolumeClaim", "PersistentVolumeClaim (a reference to a PersistentVolumeClaim in the same namespace)",
	 {{"ClaimName", "claimName", TEXT}, {"ReadOnly", "readOnly", TRUTH}}},
	{"ephemeral",
	 "EphemeralVolume (an inline specification for a volume that gets created and deleted with the pod)", {{0}}},
	{"downwardAPI", "DownwardAPI (a volume populated by information about the pod)", {{0}}},
	{"projected", "Projected (a volume that contains injected data from multiple sources)", {{0}}},
	{"csi", "CSI (a Container Storage Interface (CSI) volume source)",
	 {{"Driver", "driver", TEXT}, {"FSType", "fsType", TEXT}, {"ReadOnly", "readOnly", TRUTH}}},
	{"image", "Image (a container image or OCI artifact)",
	 {{"Reference", "reference", TEXT}, {"PullPolicy", "pullPolicy", TEXT}}},
};

static const struct source projected_sources[] = {
	{"secret", NULL, {{"SecretName", "name", TEXT}, {"Optional", "optional", TRUTH}}},
	{"downwardAPI", NULL, {{0}}},
	{"configMap", NULL, {{"ConfigMapName", "name", TEXT}, {"Optional", "optional", TRUTH}}},
	{"serviceAccountToken", NULL, {{"TokenExpirationSeconds", "expirationSeconds", TEXT}}},
};

#define COUNT(list) (sizeof(list) / sizeof((list)[0]))

/* The one that the volume has; NULL: none of these. */
static const struct source *source_of(const json_t *volume, const struct source *sources, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++)
		if (json_object_get(volume, sources[i].member))
			return &sources[i];
	return NULL;
}

static void say_fields(const struct source *source, const json_t *from)
{
	const struct field *field;
	const char *text;
	char number[32];

	for (field = source->fields; field < source->fields + COUNT(source->fields) && field->type != END; field++) {
		text = int_or_text(from, field->member, number);
		if (field->type == TRUTH)
			text = truth_of(from, field->member);
		else if (field->type == TEXT_OR_NONE && !json_object_get(from, field->member))
			text = "<none>";
		else if (field->type == SIZE && quantity(text) <= 0)
			text = "<unset>";
		say(2, "%s:\t%s\n", field->title, text);
	}
}

static void say_downward(const json_t *from)
{
	json_t *items = json_object_get(from, "items"), *item;
	size_t i;

	say(2, "Items:\n");
	json_array_foreach(items, i, item) {
		const json_t *field = json_object_get(item, "fieldRef"), *resource = json_object_get(item, "resourceFieldRef");

		say(3, "%s -> %s\n", field ? text_of(field, "fieldPath") : text_of(resource, "resource"),
		    text_of(item, "path"));
	}
}

static void say_projected(const json_t *from)
{
	json_t *list = json_object_get(from, "sources"), *item;
	const struct source *source;
	size_t i;

	json_array_foreach(list, i, item) {
		source = source_of(item, projected_sources, COUNT(projected_sources));
		if (source && strcmp(source->member, "downwardAPI") == 0)
			say(2, "DownwardAPI:\ttrue\n");
		else if (source)
			say_fields(source, json_object_get(item, source->member));
	}
}

/* Indented as kubectl does it, which is to say once more for each part. */
static void say_attributes(json_t *attributes)
{
	const char **keys;
	size_t count, i;

	say(2, "VolumeAttributes:\t%s", json_object_size(attributes) ? "" : "<none>\n");
	keys = sorted_keys(attributes, &count);
	for (i = 0; i < count; i++)
		say(2, "%s%s=%s\n", i ? "    \t    " : "", keys[i], text_of(attributes, keys[i]));
	free(keys);
}

static void say_volume(const json_t *volume)
{
	const struct source *source = source_of(volume, volume_sources, COUNT(volume_sources));
	const json_t *from = source ? json_object_get(volume, source->member) : NULL;

	say(1, " %s:\n", text_of(volume, "name"));
	if (!source) {
		say(1, "<unknown>\n");
		return;
	}
	say(2, "Type:\t%s\n", source->about);
	say_fields(source, from);
	if (strcmp(source->member, "downwardAPI") == 0)
		say_downward(from);
	else if (strcmp(source->member, "projected") == 0)
		say_projected(from);
	else if (strcmp(source->member, "csi") == 0)
		say_attributes(json_object_get(from, "volumeAttributes"));
}

static void say_volumes(json_t *volumes)
{
	json_t *volume;
	size_t i;

	say(0, "  Volumes:%s\n", json_array_size(volumes) ? "" : "\t<none>");
	json_array_foreach(volumes, i, volume)
		say_volume(volume);
}

static void say_spread(json_t *constraints)
{
	json_t *sorted = sorted_list(constraints, "topologyKey"), *item;
	size_t i;

	if (json_array_size(sorted))
		say(0, "  Topology Spread Constraints:\t");
	json_array_foreach(sorted, i, item)
		say(0, "%s%s:%s when max skew %lld is exceeded\n", i ? "  \t" : "", text_of(item, "topologyKey"),
		    text_of(item, "whenUnsatisfiable"), number_of(item, "maxSkew"));
	json_decref(sorted);
}

static void say_tolerations(json_t *tolerations)
{
	json_t *sorted = sorted_list(tolerations, "key"), *item, *seconds;
	size_t i;

	say(0, "  Tolerations:\t%s", json_array_size(sorted) ? "" : "<none>\n");
	json_array_foreach(sorted, i, item) {
		const char *key = text_of(item, "key"), *value = text_of(item, "value"), *effect = text_of(item, "effect");

		say(0, "%s%s%s%s%s%s", i ? "\t" : "", key, *value ? "=" : "", value, *effect ? ":" : "", effect);
		if (strcmp(text_of(item, "operator"), "Exists") == 0 && !*value)
			say(0, "%sop=Exists", *key || *effect ? " " : "");
		seconds = json_object_get(item, "tolerationSeconds");
		if (seconds)
			say(0, " for %llds", (long long)json_integer_value(seconds));
		say(0, "\n");
	}
	json_decref(sorted);
}

void template_print(json_t *template, const char *change_cause)
{
	json_t *meta = json_object_get(template, "metadata"), *spec = json_object_get(template, "spec");
	json_t *annotations = need(json_object()), *initial = json_object_get(spec, "initContainers");
	const char *account = text_of(spec, "serviceAccountName"), *priority = text_of(spec, "priorityClassName");

	json_object_update(annotations, json_object_get(meta, "annotations"));
	if (change_cause && *change_cause)
		json_object_set_new(annotations, "kubernetes.io/change-cause", need(json_string(change_cause)));
	say(0, "Pod Template:\n");
	say_labels("  Labels", json_object_get(meta, "labels"));
	say_annotations(annotations);
	if (*account)
		say(1, "Service Account:\t%s\n", account);
	if (json_array_size(initial))
		say_containers("Init Containers", initial);
	say_containers("Containers", json_object_get(spec, "containers"));
	say_volumes(json_object_get(spec, "volumes"));
	say_spread(json_object_get(spec, "topologySpreadConstraints"));
	if (*priority)
		say(1, "Priority Class Name:\t%s\n", priority);
	say_labels("  Node-Selectors", json_object_get(spec, "nodeSelector"));
	say_tolerations(json_object_get(spec, "tolerations"));
	json_decref(annotations);
}
