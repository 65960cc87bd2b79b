#include "resources/pod_status.h"

#include <stdio.h>
#include <string.h>

#define AT_SIZE 64

/* Where its status is: "/status/containerStatuses/1"; false if nowhere. */
static bool find(kshim_object *pod, const char *container, char at[AT_SIZE])
{
	static const char *const lists[] = {"init", "", "ephemeral"};
	char pointer[AT_SIZE + 8];
	size_t i, k, count;
	const char *name;

	for (i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		const char *list = lists[i], *noun = *list ? "ContainerStatuses" : "containerStatuses";

		snprintf(at, AT_SIZE, "/status/%s%s", list, noun);
		count = kshim_object_get_size(pod, at);
		for (k = 0; k < count; k++) {
			snprintf(at, AT_SIZE, "/status/%s%s/%zu", list, noun, k);
			snprintf(pointer, sizeof(pointer), "%s/name", at);
			name = kshim_object_get_string(pod, pointer);
			if (name && strcmp(name, container) == 0)
				return true;
		}
	}
	return false;
}

static const char *string_at(kshim_object *pod, const char *at, const char *member)
{
	char pointer[AT_SIZE + 48];
	const char *text;

	snprintf(pointer, sizeof(pointer), "%s/%s", at, member);
	text = kshim_object_get_string(pod, pointer);
	return text ? text : "";
}

static bool has(kshim_object *pod, const char *at, const char *member)
{
	char pointer[AT_SIZE + 48];

	snprintf(pointer, sizeof(pointer), "%s/%s", at, member);
	return kshim_object_has(pod, pointer);
}

void kshim__container_status(kshim_object *pod, const char *container, struct kshim__container_status *status)
{
	char at[AT_SIZE];

	memset(status, 0, sizeof(*status));
	status->instance = status->previous = "";
	if (!container || !find(pod, container, at))
		return;
	status->running = has(pod, at, "state/running");
	status->begun = status->running || has(pod, at, "state/terminated") || has(pod, at, "lastState/terminated");
	status->instance = string_at(pod, at, "containerID");
	status->previous = string_at(pod, at, "lastState/terminated/containerID");
}

bool kshim__pod_is_over(kshim_object *pod)
{
	const char *phase = kshim_object_get_string(pod, "/status/phase");

	return phase && (strcmp(phase, "Succeeded") == 0 || strcmp(phase, "Failed") == 0);
}
