/* cordon, uncordon, drain: every Node is read first, then each is cordoned, then each
 * is drained, as kubectl does it. */
#include "cli.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A Pod of the Node that is drained. */
struct pod {
	char *namespace_, *name;
	kshim_drain_event event; /* the last one */
	char *text;
};

struct drain {
	kshim_drain_options *options;
	struct pod *pods;
	size_t count, cap;
	bool warned;
};

static begin_fn set_begin, drain_begin;

static bool is_verb(const struct app *app, const char *name)
{
	return strcmp(app->verb->name, name) == 0;
}

/* Options and arguments. */

static int set_drain_options(struct app *app)
{
	const struct settings *settings = &app->settings;
	kshim_drain_options *options = need(kshim_drain_options_new());

	app->drain = need(calloc(1, sizeof(*app->drain)));
	app->drain->options = options;
	kshim_drain_options_set_ignore_daemonsets(options, settings->ignore_daemonsets);
	kshim_drain_options_set_delete_emptydir_data(options, settings->delete_emptydir_data);
	kshim_drain_options_set_force(options, settings->force);
	kshim_drain_options_set_disable_eviction(options, settings->disable_eviction);
	kshim_drain_options_set_dry_run(options, settings->dry_run != NULL);
	if (settings->pod_selector && kshim_drain_options_set_pod_selector(options, settings->pod_selector) < 0)
		return fail(app, "--pod-selector=<pod_selector> must be a valid label selector");
	if (kshim_drain_options_set_grace_period(options, settings->grace_period < 0 ? -1 : settings->grace_period) < 0)
		return fail(app, "the grace period of %lld seconds is too long", (long long)settings->grace_period);
	if (kshim_drain_options_set_timeout(options, settings->timeout) < 0)
		return fail(app, "--timeout must not be less than 0");
	kshim_drain_options_set_skip_deleted(options, settings->skip_deleted < 0 ? 0 : settings->skip_deleted);
	if (settings->limit >= 0)
		kshim_drain_options_set_limit(options, (unsigned)settings->limit);
	return 0;
}

static void drain_free(struct app *app)
{
	if (!app->drain)
		return;
	kshim_drain_options_free(app->drain->options);
	free(app->drain->pods);
	free(app->drain);
	app->drain = NULL;
}

/* NODE, node/NODE, or all that a selector selects. */
int node_prepare(struct app *app)
{
	const struct settings *settings = &app->settings;
	bool selects = settings->labels || settings->fields;
	size_t i;

	if (!app->arg_count && !selects)
		return usage_error(app, "USAGE: %s NODE [flags]", app->verb->name);
	if (app->arg_count && selects)
		return usage_error(app, "cannot specify both a node name and a --selector option");
	for (i = 0; i < app->arg_count || (selects && i == 0); i++) {
		const char *arg = selects ? NULL : app->args[i], *slash = arg ? strchr(arg, '/') : NULL;
		struct target *target = target_add(app, NULL);

		if (slash && (slash == arg || !slash[1] || strchr(slash + 1, '/')))
			return fail(app, "arguments in resource/name form must have a single resource and name");
		target->kind_name = slash ? need(strndup(arg, (size_t)(slash - arg))) : copy_text("nodes");
		target->name = copy_text(slash ? slash + 1 : arg);
	}
	return is_verb(app, "drain") ? set_drain_options(app) : 0;
}

/* First they are read: unless all are there nothing is done. So it is if the server
 * does not understand the selector of Pods. */

static void selector_tried(kshim_result *result, void *user)
{
	struct app *app = user;
	const kshim_error *error = kshim_result_error(result);

	if (kshim_error_code(error) == KSHIM_EBADREQUEST)
		fail(app, "--pod-selector=<pod_selector> must be a valid label selector");
	else if (error)
		fail_error(app, NULL, NULL, error);
	app->aborted = app->aborted || error;
	app_next(app);
}

/* Once, on Pods that there are none of. */
static bool try_selector(struct app *app, struct target *target)
{
	kshim_query *query;
	bool started;

	if (target != app->targets || !app->drain || !app->settings.pod_selector)
		return false;
	query = kshim_query_new(app->client, KSHIM_POD, "default");
	started = kshim_query_set_labels(query, app->settings.pod_selector) == 0 &&
		  kshim_query_set_fields(query, "metadata.name=0") == 0 &&
		  kshim_query_list(query, NULL, selector_tried, app) != NULL;
	if (!started) {
		fail_client(app);
		app->aborted = true;
	}
	kshim_query_free(query);
	return started;
}

static void looked(kshim_result *result, void *user)
{
	struct app *app = user;

	if (kshim_result_error(result)) {
		fail_error(app, app->at, NULL, kshim_result_error(result));
		app->aborted = true;
	}
	app_next(app);
}

bool node_begin(struct app *app, struct target *target)
{
	kshim_object *object;

	if (target->kind != KSHIM_NODE) {
		fail(app, "expected resource of type node, got \"%s\"", kshim_kind_plural(target->kind));
		app->aborted = true;
		return false;
	}
	if (!target->name)
		return target_expand(app, target);
	object = target_object(app, target);
	return object && app_started(app, kshim_object_reload(object, NULL, looked, app));
}

/* Then they are cordoned. */

static void was_set(kshim_result *result, void *user)
{
	struct app *app = user;
	const kshim_error *error = kshim_result_error(result);
	bool off = is_verb(app, "uncordon");

	if (!error)
		say_done(app, app->at->object, kshim_result_found(result) ? off ? "uncordoned" : "cordoned" :
									     off ? "already uncordoned" : "already cordoned");
	else if (!app->aborted)
		fail(app, "unable to %scordon node \"%s\": %s", off ? "un" : "", app->at->name, kshim_error_message(error));
	app_next(app);
}

static bool set_begin(struct app *app, struct target *target)
{
	if (!target->name)
		return false;
	return app_started(app, is_verb(app, "uncordon") ?
					kshim_node_uncordon(target->object, app->options, was_set, app) :
					kshim_node_cordon(target->object, app->options, was_set, app));
}

/* Then they are drained. */

static struct pod *pod_of(struct drain *drain, kshim_object *object)
{
	const char *namespace_ = kshim_object_namespace(object), *name = kshim_object_name(object);
	struct pod *pod;
	size_t i;

	for (i = 0; i < drain->count; i++)
		if (strcmp(drain->pods[i].name, name) == 0 && strcmp(drain->pods[i].namespace_, namespace_) == 0)
			return &drain->pods[i];
	if (drain->count == drain->cap) {
		drain->cap = drain->cap ? 2 * drain->cap : 32;
		drain->pods = need(realloc(drain->pods, drain->cap * sizeof(*drain->pods)));
	}
	pod = &drain->pods[drain->count++];
	memset(pod, 0, sizeof(*pod));
	pod->namespace_ = copy_text(namespace_);
	pod->name = copy_text(name);
	return pod;
}

/* Names the Pods from `first` on that have the same text as that one. */
static void name_pods(FILE *out, const struct drain *drain, size_t first)
{
	const char *text = drain->pods[first].text, *before = "";
	size_t i;

	fprintf(out, "%s: ", text);
	for (i = first; i < drain->count; i++) {
		const struct pod *pod = &drain->pods[i];

		if (!pod->text || strcmp(pod->text, text) != 0)
			continue;
		fprintf(out, "%s%s/%s", before, pod->namespace_, pod->name);
		before = ", ";
	}
}

/* All in one line, before the first Pod is asked to go. */
static void say_warnings(struct drain *drain)
{
	const char *before = "Warning: ";
	size_t i, k;

	if (drain->warned)
		return;
	drain->warned = true;
	fflush(stdout);
	for (i = 0; i < drain->count; i++) {
		for (k = 0; k < i && !(drain->pods[k].text && drain->pods[i].text &&
				       strcmp(drain->pods[k].text, drain->pods[i].text) == 0); k++)
			;
		if (k < i || !drain->pods[i].text)
			continue;
		fputs(before, stderr);
		name_pods(stderr, drain, i);
		before = "; ";
	}
	if (*before == ';')
		fputc('\n', stderr);
}

static void on_pod(kshim_object *object, kshim_drain_event event, const char *text, void *user)
{
	struct app *app = user;
	struct drain *drain = app->drain;
	const char *dry = app->settings.dry_run ? " (server dry run)" : "";
	bool evicts = !app->settings.disable_eviction;
	struct pod *pod;

	if (event != KSHIM_DRAIN_IGNORED && event != KSHIM_DRAIN_WARNED)
		say_warnings(drain);
	pod = pod_of(drain, object);
	free(pod->text);
	pod->text = copy_text(text);
	pod->event = event;
	if (event == KSHIM_DRAIN_STARTED && evicts) {
		printf("evicting pod %s/%s%s\n", pod->namespace_, pod->name, dry);
	} else if (event == KSHIM_DRAIN_GONE && !(evicts && *dry)) {
		say_done(app, object, evicts ? "evicted" : "deleted");
	} else if (event == KSHIM_DRAIN_SKIPPED) {
		printf("pod \"%s\" has DeletionTimestamp older than %lld seconds, skipping\n", pod->name,
		       (long long)app->settings.skip_deleted);
	} else if (event == KSHIM_DRAIN_DELAYED) {
		fflush(stdout);
		fprintf(stderr, "error when %s pods/\"%s\" -n \"%s\" (will retry after 5s): %s\n",
			evicts ? "evicting" : "deleting", pod->name, pod->namespace_, text);
	}
	output_check(app);
}

/* Why a drain failed, a reason a line. */

static void write_refusals(FILE *out, const kshim_error *error)
{
	size_t i, k, count = kshim_error_cause_count(error);

	for (i = 0; i < count; i++) {
		const char *message = kshim_error_cause_message(error, i), *before = ": ";

		for (k = 0; k < i && strcmp(kshim_error_cause_message(error, k), message) != 0; k++)
			;
		if (k < i)
			continue;
		fprintf(out, "cannot delete %s", message);
		for (; k < count; k++) {
			if (strcmp(kshim_error_cause_message(error, k), message) != 0)
				continue;
			fprintf(out, "%s%s", before, kshim_error_cause_field(error, k));
			before = ", ";
		}
		fputc('\n', out);
	}
}

static bool is_left(const struct pod *pod, bool timed_out)
{
	return pod->event == KSHIM_DRAIN_FAILED ||
	       (timed_out && (pod->event == KSHIM_DRAIN_STARTED || pod->event == KSHIM_DRAIN_DELAYED));
}

static const char *duration(int64_t ms, char text[40])
{
	long long seconds = ms / 1000;

	if (ms % 1000)
		snprintf(text, 40, "%.3gs", (double)ms / 1000);
	else if (seconds < 60)
		snprintf(text, 40, "%llds", seconds);
	else if (seconds < 3600)
		snprintf(text, 40, "%lldm%llds", seconds / 60, seconds % 60);
	else
		snprintf(text, 40, "%lldh%lldm%llds", seconds / 3600, seconds / 60 % 60, seconds % 60);
	return text;
}

/* How many Pods there are. */
static size_t write_left(const struct app *app, FILE *out, bool timed_out)
{
	const struct drain *drain = app->drain;
	const char *doing = app->settings.disable_eviction ? "deleting" : "evicting";
	char time[40];
	size_t i, left = 0;

	duration(app->settings.timeout, time);
	for (i = 0; i < drain->count; i++) {
		const struct pod *pod = &drain->pods[i];

		if (!is_left(pod, timed_out))
			continue;
		left++;
		if (pod->event == KSHIM_DRAIN_STARTED)
			fprintf(out, "error when waiting for pod \"%s\" in namespace \"%s\" to terminate: global timeout reached: %s\n",
				pod->name, pod->namespace_, time);
		else
			fprintf(out, "error when %s pods/\"%s\" -n \"%s\": %s%s\n", doing, pod->name, pod->namespace_,
				pod->event == KSHIM_DRAIN_FAILED ? pod->text : "global timeout reached: ",
				pod->event == KSHIM_DRAIN_FAILED ? "" : time);
	}
	return left;
}

/* "a", or "[a, b]" */
static void print_joined(const char *lines)
{
	bool several = strchr(lines, '\n')[1] != 0;

	if (several)
		fputc('[', stderr);
	for (; *lines; lines++) {
		if (*lines != '\n')
			fputc(*lines, stderr);
		else if (lines[1])
			fputs(", ", stderr);
	}
	if (several)
		fputc(']', stderr);
}

static void fail_drain(struct app *app, const kshim_error *error)
{
	const struct drain *drain = app->drain;
	bool timed_out = kshim_error_code(error) == KSHIM_ETIMEDOUT;
	bool refused = kshim_error_code(error) == KSHIM_EINVAL && kshim_error_cause_count(error);
	size_t i, len, left = 0;
	FILE *out = need(open_memstream(&app->at->text, &len));

	fflush(stdout);
	app->status = 1;
	if (refused)
		write_refusals(out, error);
	else
		left = write_left(app, out, timed_out);
	if (!refused && !left)
		fprintf(out, "%s\n", kshim_error_message(error));
	if (fclose(out) != 0)
		need(NULL);
	if (left) {
		fprintf(stderr, "There are pending pods in node \"%s\" when an error occurred: ", app->at->name);
		print_joined(app->at->text);
		fputc('\n', stderr);
	}
	for (i = 0; i < drain->count; i++)
		if (is_left(&drain->pods[i], timed_out))
			fprintf(stderr, "pod/%s\n", drain->pods[i].name);
	fprintf(stderr, "error: unable to drain node \"%s\" due to error: ", app->at->name);
	print_joined(app->at->text);
	fputs(", continuing command...\n", stderr);
}

static void drained(kshim_result *result, void *user)
{
	struct app *app = user;
	struct drain *drain = app->drain;
	const kshim_error *error = kshim_result_error(result);
	size_t i;

	say_warnings(drain);
	if (!error)
		say_done(app, app->at->object, "drained");
	else if (!app->aborted)
		fail_drain(app, error);
	for (i = 0; i < drain->count; i++) {
		free(drain->pods[i].namespace_);
		free(drain->pods[i].name);
		free(drain->pods[i].text);
	}
	drain->count = 0;
	drain->warned = false;
	app_next(app);
}

static bool drain_begin(struct app *app, struct target *target)
{
	if (!target->name)
		return false;
	return app_started(app, kshim_node_drain(target->object, app->drain->options, on_pod, drained, app));
}

static void say_what_is_left(const struct app *app)
{
	const struct target *target;

	fputs("There are pending nodes to be drained:\n", stderr);
	for (target = app->targets; target; target = target->next)
		if (target->text)
			fprintf(stderr, " %s\n", target->name);
	for (target = app->targets; target; target = target->next)
		if (target->text)
			fputs(target->text, stderr);
}

void node_finish(struct app *app)
{
	const struct target *target;

	if (!app->aborted && app->begin != drain_begin && !(app->begin == set_begin && !app->drain)) {
		app_restart(app, app->begin == node_begin ? try_selector : app->begin == try_selector ? set_begin : drain_begin);
		return;
	}
	for (target = app->targets; target && !target->text; target = target->next)
		;
	fflush(stdout);
	if (target)
		say_what_is_left(app);
	drain_free(app);
}
