/* logs: first each Pod is read, for its containers; then their logs, one Pod after
 * another, or all at once where they are followed. */
#include "cli.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FOLLOWED_MAX 5
#define SELECTED_TAIL 10
#define DEFAULT_CONTAINER "kubectl.kubernetes.io/default-container"

/* In the order in which kubectl names them. */
static const struct {
	const char *pointer, *mark;
} lists[] = {
	{"/spec/containers", ""}, {"/spec/ephemeralContainers", " (ephem)"}, {"/spec/initContainers", " (init)"},
};

#define LISTS (sizeof(lists) / sizeof(lists[0]))

static int check(struct app *app)
{
	struct settings *settings = &app->settings;

	if (settings->since_time && settings->since)
		return fail(app, "at most one of `sinceTime` or `sinceSeconds` may be specified");
	if (settings->all_containers && settings->container)
		return fail(app, "--all-containers=true should not be specified with container name %s", settings->container);
	if (settings->since < 0)
		return fail(app, "--since must be greater than 0");
	if (settings->limit_bytes < 0)
		return fail(app, "--limit-bytes must be greater than 0");
	if (settings->tail == INT64_MIN)
		settings->tail = settings->labels || settings->fields ? SELECTED_TAIL : -1;
	if (settings->tail < -1)
		return fail(app, "--tail must be greater than or equal to -1");
	return 0;
}

/* POD, TYPE/NAME, and a container behind it. */
int logs_prepare(struct app *app)
{
	struct settings *settings = &app->settings;
	bool selects = settings->labels || settings->fields;
	struct target *target;
	const char *slash;

	if (app->arg_count > 2 || (app->arg_count == 0 && !selects))
		return usage_error(app, "expected 'logs [-f] [-p] (POD | TYPE/NAME) [-c CONTAINER]'.\n"
					"POD or TYPE/NAME is a required argument for the logs command");
	if (app->arg_count && selects)
		return usage_error(app, "only a selector (-l) or a POD name is allowed");
	if (app->arg_count == 2 && settings->container)
		return fail(app, "only one of -c or an inline [CONTAINER] arg is allowed");
	if (app->arg_count == 2)
		settings->container = app->args[1];
	if (check(app) < 0)
		return -1;
	slash = app->arg_count ? strchr(app->args[0], '/') : NULL;
	if (slash && (slash == app->args[0] || !slash[1] || strchr(slash + 1, '/')))
		return fail(app, "arguments in resource/name form must have a single resource and name");
	target = target_add(app, NULL);
	target->kind_name = slash ? need(strndup(app->args[0], (size_t)(slash - app->args[0]))) : copy_text("pods");
	if (app->arg_count)
		target->name = copy_text(slash ? slash + 1 : app->args[0]);
	return 0;
}

/* The Pods. */

static const char *container_name(kshim_object *pod, size_t list, size_t index)
{
	char pointer[64];
	const char *name;

	snprintf(pointer, sizeof(pointer), "%s/%zu/name", lists[list].pointer, index);
	name = kshim_object_get_string(pod, pointer);
	return name ? name : "";
}

static size_t container_count(kshim_object *pod)
{
	size_t i, count = 0;

	for (i = 0; i < LISTS; i++)
		count += kshim_object_get_size(pod, lists[i].pointer);
	return count;
}

static bool has_container(kshim_object *pod, const char *name)
{
	size_t i, k, count;

	for (i = 0; i < LISTS; i++) {
		count = kshim_object_get_size(pod, lists[i].pointer);
		for (k = 0; k < count; k++)
			if (strcmp(container_name(pod, i, k), name) == 0)
				return true;
	}
	return false;
}

static void print_containers(kshim_object *pod)
{
	const char *comma = "";
	size_t i, k, count;

	for (i = 0; i < LISTS; i++) {
		count = kshim_object_get_size(pod, lists[i].pointer);
		for (k = 0; k < count; k++, comma = ", ")
			fprintf(stderr, "%s%s%s", comma, container_name(pod, i, k), lists[i].mark);
	}
	fputc('\n', stderr);
}

/* The container that is meant, kept in target->text. */
static bool choose(struct app *app, struct target *target)
{
	kshim_object *pod = target->object;
	const char *name = app->settings.container, *annotated;

	if (app->settings.all_containers)
		return true;
	annotated = name ? NULL : kshim_object_get_annotation(pod, DEFAULT_CONTAINER);
	if (annotated && *annotated && has_container(pod, annotated))
		name = annotated;
	else if (annotated && *annotated)
		fprintf(stderr, "Default container name \"%s\" not found in pod %s\n", annotated, kshim_object_name(pod));
	if (!name) {
		name = container_name(pod, 0, 0);
		if (container_count(pod) > 1) {
			fprintf(stderr, "Defaulted container \"%s\" out of: ", name);
			print_containers(pod);
		}
	}
	if (!has_container(pod, name)) {
		app->status = 1;
		fprintf(stderr, "error: container %s is not valid for pod %s out of: ", name, kshim_object_name(pod));
		print_containers(pod);
		return false;
	}
	target->text = copy_text(name);
	return true;
}

static void got_pod(kshim_result *result, void *user)
{
	struct app *app = user;
	const kshim_error *error = kshim_result_error(result);
	struct target *target = app->at;
	bool missing = kshim_error_code(error) == KSHIM_ENOTFOUND && kshim_error_reason(error);

	if (missing && !app->arg_count) { /* gone since it was selected */
		app_next(app);
		return;
	}
	if (missing)
		fail(app, "error from server (NotFound): %s in namespace \"%s\"", kshim_error_message(error),
		     app_namespace(app));
	else if (error)
		fail_error(app, target, NULL, error);
	else
		target->waits = choose(app, target);
	/* as kubectl: nothing is shown if one of them is wrong */
	app->aborted = app->aborted || !target->waits;
	app_next(app);
}

bool logs_begin(struct app *app, struct target *target)
{
	kshim_object *pod;

	if (strcmp(kshim_kind_name(target->kind), "Pod") != 0 || *kshim_kind_group(target->kind)) {
		fail(app, "logs are those of a Pod, not of a %s: name the Pod, or select its Pods with -l",
		     kshim_kind_name(target->kind));
		return false;
	}
	if (!target->name)
		return target_expand(app, target);
	pod = target_object(app, target);
	return pod && app_started(app, kshim_object_reload(pod, NULL, got_pod, app));
}

/* Their logs. */

/* A line that another Pod left without an end does not go on with this one's. */
static void print(const char *container, const char *data, size_t len, void *user)
{
	struct target *target = user;
	struct app *app = target->app;
	bool inside = app->torn == target;
	const char *end;
	size_t part;

	if (app->torn && !inside) {
		putchar('\n');
		app->torn->cut = true;
		app->torn = NULL;
	}
	if (target->cut && len && *data == '\n') { /* the end of a line that has one */
		data++;
		len--;
	}
	target->cut = false;
	for (; len; data += part, len -= part, inside = false) {
		end = app->settings.prefix ? memchr(data, '\n', len) : memrchr(data, '\n', len);
		part = end ? (size_t)(end - data) + 1 : len;
		if (app->settings.prefix && !inside)
			printf("[pod/%s/%s] ", kshim_object_name(target->object), container ? container : "");
		fwrite(data, 1, part, stdout);
		app->torn = end ? NULL : target;
	}
	output_check(app);
}

static void done(struct target *target, kshim_result *result)
{
	struct app *app = target->app;
	size_t i;

	for (i = 0; kshim_result_warning(result, i) && !kshim_result_error(result); i++)
		fail(app, "%s", kshim_result_warning(result, i));
	if (kshim_result_error(result))
		fail_error(app, target, NULL, kshim_result_error(result));
}

static void followed(kshim_result *result, void *user)
{
	done(user, result);
}

static void shown(kshim_result *result, void *user)
{
	struct target *target = user;

	done(target, result);
	app_next(target->app);
}

static kshim_log_options *options_of(const struct settings *settings, const struct target *target)
{
	kshim_log_options *options = need(kshim_log_options_new());
	int64_t since = (settings->since + 500) / 1000;
	int rc;

	rc = kshim_log_options_set_container(options, target->text);
	rc |= kshim_log_options_set_all_containers(options, settings->all_containers);
	rc |= kshim_log_options_set_follow(options, settings->follow);
	rc |= kshim_log_options_set_previous(options, settings->previous);
	rc |= kshim_log_options_set_timestamps(options, settings->timestamps);
	rc |= kshim_log_options_set_tail_lines(options, settings->tail);
	if (settings->since)
		rc |= kshim_log_options_set_since_seconds(options, since ? since : 1);
	if (settings->limit_bytes)
		rc |= kshim_log_options_set_limit_bytes(options, settings->limit_bytes);
	need(rc == 0 ? options : NULL);
	return options;
}

static bool show_begin(struct app *app, struct target *target)
{
	const struct settings *settings = &app->settings;
	kshim_log_options *options;
	bool started;

	if (!target->waits)
		return false;
	target->app = app;
	options = options_of(settings, target);
	if (kshim_log_options_set_since_time(options, settings->since_time) < 0) {
		fail(app, "parsing time \"%s\": a date like 2026-11-24T08:00:00Z is needed", settings->since_time);
		app->aborted = true;
		kshim_log_options_free(options);
		return false;
	}
	started = app_started(app, kshim_pod_logs(target->object, options, print, settings->follow ? followed : shown,
						  target));
	kshim_log_options_free(options);
	return started && !settings->follow;
}

void logs_finish(struct app *app)
{
	int64_t max = app->settings.max_log_requests < 0 ? FOLLOWED_MAX : app->settings.max_log_requests;
	const struct target *target;
	int64_t count = 0;
	size_t pods = 0;

	if (app->begin == show_begin || app->aborted)
		return;
	for (target = app->targets; target; target = target->next) {
		pods += target->name != NULL;
		if (target->waits)
			count += app->settings.all_containers ? (int64_t)container_count(target->object) : 1;
	}
	if (!pods && app->status == 0) {
		fprintf(stderr, "No resources found in %s namespace.\n", app_namespace(app));
		return;
	}
	if (app->settings.follow && count > 1 && count > max) {
		fail(app, "you are attempting to follow %lld log streams, but maximum allowed concurrency is %lld, use "
			  "--max-log-requests to increase the limit", (long long)count, (long long)max);
		return;
	}
	app_restart(app, show_begin);
}
