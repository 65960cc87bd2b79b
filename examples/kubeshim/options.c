/* Options: before or behind the verb, --name value, --name=value, -n value, -nvalue. */
#include "cli.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum type { FLAG, NOT_FLAG, TEXT, SEVERAL, NUMBER, INTEGER, DURATION };

struct option {
	const char *name;
	char letter;
	enum type type;
	size_t offset;
	unsigned takes;
	const char *value; /* what its value is called */
	const char *help;
};

#define AT(member) offsetof(struct settings, member)

static const struct option options[] = {
	{"kubeconfig", 0, TEXT, AT(kubeconfig), TAKES_ALWAYS, "FILE", "the kubeconfig file to use"},
	{"context", 0, TEXT, AT(context), TAKES_ALWAYS, "NAME", "the context of the kubeconfig to use"},
	{"namespace", 'n', TEXT, AT(namespace_), TAKES_ALWAYS, "NAME", "instead of the context's namespace"},
	{"request-timeout", 0, DURATION, AT(request_timeout), TAKES_ALWAYS, "TIME",
	 "give up on a request after 10s, 2m, 1h; 0: never (the default)"},
	{"verbose", 'v', FLAG, AT(verbose), TAKES_ALWAYS, NULL, "show the heads of requests and answers"},
	{"help", 'h', FLAG, AT(help), TAKES_ALWAYS, NULL, "show this help, or that of a verb"},
	{"all-namespaces", 'A', FLAG, AT(all_namespaces), TAKES_NAMESPACES, NULL, "in every namespace"},
	{"selector", 'l', TEXT, AT(labels), TAKES_SELECTOR, "SELECTOR", "only with these labels: app=web,tier!=db"},
	{"field-selector", 0, TEXT, AT(fields), TAKES_SELECTOR, "SELECTOR", "only with these fields"},
	{"output", 'o', TEXT, AT(output), TAKES_OUTPUT, "FORMAT", "table, wide, json or name, where the verb knows it"},
	{"limit", 0, NUMBER, AT(limit), TAKES_LIST, "N", "fetch pages of N objects (500); 0: all at once"},
	{"chunk-size", 0, NUMBER, AT(limit), TAKES_LIST, "N", "the same"},
	{"chunk-size", 0, NUMBER, AT(limit), TAKES_DRAIN, "N", "fetch pages of N Pods (500); 0: all at once"},
	{"no-headers", 0, FLAG, AT(no_headers), TAKES_HEADERS, NULL, "no heading above a table"},
	{"ignore-not-found", 0, FLAG, AT(ignore_not_found), TAKES_MISSING, NULL, "what is not there is no error"},
	{"filename", 'f', SEVERAL, AT(files), TAKES_FILES, "FILE", "a YAML or JSON file; -: standard input"},
	{"dry-run", 0, TEXT, AT(dry_run), TAKES_DRY_RUN, "server|none", "the server does everything but store"},
	{"field-manager", 0, TEXT, AT(field_manager), TAKES_FIELDS | TAKES_ROLLOUT | TAKES_METADATA, "NAME",
	 "who manages the fields that are written"},
	{"validate", 0, TEXT, AT(validate), TAKES_FIELDS, "strict|warn|ignore",
	 "what to do about unknown fields (strict)"},
	{"force-conflicts", 0, FLAG, AT(force_conflicts), TAKES_APPLY, NULL, "take fields over from other managers"},
	{"server-side", 0, FLAG, AT(server_side), TAKES_APPLY, NULL, "always so; for kubectl's sake"},
	{"patch", 'p', TEXT, AT(patch), TAKES_PATCH, "JSON", "the patch"},
	{"type", 0, TEXT, AT(type), TAKES_PATCH, "json|merge|strategic", "its type (strategic)"},
	{"subresource", 0, TEXT, AT(subresource), TAKES_PATCH, "NAME", "patch this subresource: status, scale"},
	{"replicas", 0, NUMBER, AT(replicas), TAKES_SCALE, "N", "the same as N behind the name"},
	{"all", 0, FLAG, AT(all), TAKES_DELETE | TAKES_WAIT | TAKES_METADATA, NULL, "every object of the kind"},
	{"cascade", 0, TEXT, AT(cascade), TAKES_DELETE, "background|foreground|orphan",
	 "what becomes of dependents (background)"},
	{"grace-period", 0, NUMBER, AT(grace_period), TAKES_DELETE, "N", "seconds; 0 needs --force, else it is 1"},
	{"force", 0, FLAG, AT(force), TAKES_DELETE, NULL, "at once, with --grace-period 0"},
	{"now", 0, FLAG, AT(now), TAKES_DELETE, NULL, "the same as --grace-period 1"},
	{"wait", 0, NOT_FLAG, AT(no_wait), TAKES_DELETE, NULL, "until the objects are gone (true)"},
	{"timeout", 0, DURATION, AT(timeout), TAKES_DELETE | TAKES_ROLLOUT | TAKES_DRAIN, "TIME",
	 "how long to wait at most; 0: for ever"},
	{"container", 'c', TEXT, AT(container), TAKES_LOGS, "NAME", "of this container instead of the default one"},
	{"all-containers", 0, FLAG, AT(all_containers), TAKES_LOGS, NULL, "of all containers of the Pod"},
	{"follow", 'f', FLAG, AT(follow), TAKES_LOGS, NULL, "go on until the containers have ended"},
	{"previous", 'p', FLAG, AT(previous), TAKES_LOGS, NULL, "of the container that ran before the last restart"},
	{"since", 0, DURATION, AT(since), TAKES_LOGS, "TIME", "only what was written in the last 10s, 2m, 1h"},
	{"since-time", 0, TEXT, AT(since_time), TAKES_LOGS, "DATE", "only what was written since 2026-11-24T08:00:00Z"},
	{"tail", 0, INTEGER, AT(tail), TAKES_LOGS, "N", "only the last N lines; -1: all (with -l: 10)"},
	{"limit-bytes", 0, INTEGER, AT(limit_bytes), TAKES_LOGS, "N", "at most N bytes of a container"},
	{"timestamps", 0, FLAG, AT(timestamps), TAKES_LOGS, NULL, "each line begins with its time"},
	{"prefix", 0, FLAG, AT(prefix), TAKES_LOGS, NULL, "each line begins with its Pod and container"},
	{"max-log-requests", 0, NUMBER, AT(max_log_requests), TAKES_LOGS, "N", "follow at most N containers at a time (5)"},
	{"to-revision", 0, INTEGER, AT(to_revision), TAKES_ROLLOUT, "N", "undo: to this one instead of the last but one"},
	{"revision", 0, INTEGER, AT(revision), TAKES_ROLLOUT, "N", "history: its Pod template; status: only of this one"},
	{"watch", 'w', NOT_FLAG, AT(no_watch), TAKES_ROLLOUT, NULL, "status: until the rollout is over (true)"},
	{"for", 0, SEVERAL, AT(goals), TAKES_WAIT, "GOAL",
	 "condition=TYPE[=STATUS], jsonpath=PATH[=VALUE], create, delete"},
	{"timeout", 0, DURATION, AT(goals_timeout), TAKES_WAIT, "TIME",
	 "for how long in all (30s); 0: look once; below: a week"},
	{"ignore-daemonsets", 0, FLAG, AT(ignore_daemonsets), TAKES_DRAIN, NULL, "leave the Pods of DaemonSets"},
	{"delete-emptydir-data", 0, FLAG, AT(delete_emptydir_data), TAKES_DRAIN, NULL,
	 "Pods with emptyDir volumes go, and their data is lost"},
	{"force", 0, FLAG, AT(force), TAKES_DRAIN, NULL, "Pods that nobody would make again go, too"},
	{"grace-period", 0, INTEGER, AT(grace_period), TAKES_DRAIN, "N", "seconds for each Pod; -1: its own"},
	{"pod-selector", 0, TEXT, AT(pod_selector), TAKES_DRAIN, "SELECTOR", "only Pods with these labels"},
	{"skip-wait-for-delete-timeout", 0, INTEGER, AT(skip_deleted), TAKES_DRAIN, "N",
	 "leave Pods that are being deleted for more than N seconds; 0: none"},
	{"disable-eviction", 0, FLAG, AT(disable_eviction), TAKES_DRAIN, NULL,
	 "delete, whatever PodDisruptionBudgets say"},
	{"request", 'X', TEXT, AT(method), TAKES_PROXY, "METHOD", "instead of GET, or with -d POST"},
	{"header", 'H', SEVERAL, AT(headers), TAKES_PROXY, "'NAME: VALUE'", "send this header, too"},
	{"data", 'd', TEXT, AT(data), TAKES_PROXY, "DATA|@FILE", "send this body; @-: standard input"},
	{"port", 0, TEXT, AT(port), TAKES_PROXY, "PORT", "its number, or a Service port's name"},
	{"scheme", 0, TEXT, AT(scheme), TAKES_PROXY, "http|https", "how the target is spoken to"},
	{"overwrite", 0, FLAG, AT(overwrite), TAKES_METADATA, NULL, "a key that has another value gets this one"},
	{"resource-version", 0, TEXT, AT(resource_version), TAKES_METADATA, "VERSION", "only if the object's is this one"},
	{"list", 0, FLAG, AT(list), TAKES_METADATA, NULL, "show them, and change nothing"},
	{"local", 0, FLAG, AT(local), TAKES_METADATA, NULL, "change what the files of -f say, and ask no server"},
	{"client", 0, FLAG, AT(client_only), TAKES_VERSION, NULL, "do not ask the server"},
};

#define OPTIONS (sizeof(options) / sizeof(options[0]))

int usage_error(const struct app *app, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	fputs("error: ", stderr);
	vfprintf(stderr, format, ap);
	va_end(ap);
	fprintf(stderr, "\nSee 'kubeshim %s%s--help' for usage.\n", app->verb ? app->verb->name : "",
		app->verb ? " " : "");
	return -1;
}

/* 500ms, 10s, 1m30s, 1h; a plain number is seconds. */
int parse_duration(const char *text, int64_t *ms)
{
	static const struct {
		const char *unit;
		double ms;
	} units[] = {{"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}};
	double total = 0, number;
	size_t i, len;
	char *end;

	if (!*text)
		return -1;
	while (*text) {
		if (!strchr("0123456789.", *text))
			return -1;
		number = strtod(text, &end);
		len = strspn(end, "hms");
		for (i = 0; i < 4 && (strlen(units[i].unit) != len || strncmp(units[i].unit, end, len)); i++)
			;
		if (end == text || (i == 4 && (*end || total > 0)))
			return -1;
		total += number * (i == 4 ? 1000 : units[i].ms);
		text = end + len;
	}
	if (total > 1e15)
		return -1;
	*ms = (int64_t)total;
	return 0;
}

static int set_flag(const struct app *app, const struct option *option, bool *slot, const char *value)
{
	/* kubectl's -v=6 is meant, too */
	bool number = value && *value && !value[strspn(value, "0123456789")];
	bool on = !value || strcmp(value, "true") == 0 || (number && value[strspn(value, "0")]);

	if (!on && !number && strcmp(value, "false") != 0)
		return usage_error(app, "invalid argument \"%s\" for \"--%s\" flag: true or false, please", value,
				   option->name);
	*slot = on == (option->type == FLAG);
	return 0;
}

static int set_number(const struct app *app, const struct option *option, int64_t *slot, const char *value)
{
	long long number;
	char *end;

	errno = 0;
	number = strtoll(value, &end, 10);
	if (end == value || *end || errno || number < 0 || number > INT32_MAX)
		return usage_error(app, "invalid argument \"%s\" for \"--%s\" flag: not a number from 0 to %d", value,
				   option->name, INT32_MAX);
	*slot = number;
	return 0;
}

static int set_integer(const struct app *app, const struct option *option, int64_t *slot, const char *value)
{
	long long number;
	char *end;

	errno = 0;
	number = strtoll(value, &end, 10);
	if (end == value || *end || errno)
		return usage_error(app, "invalid argument \"%s\" for \"--%s\" flag: not a number", value, option->name);
	*slot = number;
	return 0;
}

/* Less than nothing has a meaning to some verbs. */
static int set_duration(struct app *app, const struct option *option, int64_t *slot, const char *value)
{
	bool of_requests = slot == &app->settings.request_timeout;
	bool below = *value == '-' && !of_requests;

	if (parse_duration(value + below, slot) < 0) {
		if (of_requests)
			return fail(app, "Invalid timeout value. Timeout must be a single integer in seconds, or an integer "
					 "followed by a corresponding time unit (e.g. 1s | 2m | 3h)");
		return usage_error(app, "invalid argument \"%s\" for \"--%s\" flag: time: invalid duration \"%s\"", value,
				   option->name, value);
	}
	if (below)
		*slot = -*slot;
	return 0;
}

static int set(struct app *app, const struct option *option, const char *value)
{
	void *slot = (char *)&app->settings + option->offset;
	struct values *values = slot;

	switch (option->type) {
	case FLAG:
	case NOT_FLAG:
		return set_flag(app, option, slot, value);
	case NUMBER:
		return set_number(app, option, slot, value);
	case INTEGER:
		return set_integer(app, option, slot, value);
	case TEXT:
		*(const char **)slot = value;
		return 0;
	case SEVERAL:
		if (values->count == VALUES_MAX)
			return usage_error(app, "more than %d times --%s", VALUES_MAX, option->name);
		values->at[values->count++] = value;
		return 0;
	case DURATION:
		break;
	}
	return set_duration(app, option, slot, value);
}

static bool taken(const struct app *app, const struct option *option)
{
	return !app->verb || ((app->verb->takes | TAKES_ALWAYS) & option->takes);
}

static const struct option *find(const struct app *app, const char *name, size_t len, char letter)
{
	size_t i;

	for (i = 0; i < OPTIONS; i++)
		if (taken(app, &options[i]) && (letter ? options[i].letter == letter :
							 strlen(options[i].name) == len && strncmp(options[i].name, name, len) == 0))
			return &options[i];
	return NULL;
}

/* An argument that begins with "--". */
static int read_long(struct app *app, char **argv, int *i)
{
	const char *name = argv[*i] + 2, *equals = strchr(name, '=');
	size_t len = equals ? (size_t)(equals - name) : strlen(name);
	const struct option *option = find(app, name, len, 0);

	if (!option)
		return usage_error(app, "unknown flag: --%.*s", (int)len, name);
	if (equals)
		return set(app, option, equals + 1);
	if (!option->value)
		return set(app, option, NULL);
	if (!argv[*i + 1])
		return usage_error(app, "flag needs an argument: --%s", name);
	return set(app, option, argv[++*i]);
}

/* One that begins with "-": letters without values, the last one with its own. */
static int read_letters(struct app *app, char **argv, int *i)
{
	const char *at = argv[*i] + 1;

	for (; *at; at++) {
		const struct option *option = find(app, NULL, 0, *at);

		if (!option)
			return usage_error(app, "unknown shorthand flag: '%c' in %s", *at, argv[*i]);
		if (!option->value) {
			if (at[1] == '=')
				return set(app, option, at + 2);
			set(app, option, NULL);
			continue;
		}
		if (at[1])
			return set(app, option, at + (at[1] == '=' ? 2 : 1));
		if (!argv[*i + 1])
			return usage_error(app, "flag needs an argument: '%c' in %s", *at, argv[*i]);
		return set(app, option, argv[++*i]);
	}
	return 0;
}

static bool is_option(const char *arg)
{
	return arg[0] == '-' && arg[1];
}

/* The verb decides which options there are, so it is looked for first. */
static void find_verb(struct app *app, char **argv)
{
	const struct option *option;
	int i;

	for (i = 1; argv[i] && strcmp(argv[i], "--") != 0; i++) {
		if (!is_option(argv[i])) {
			app->verb = verb_find(argv[i]);
			return;
		}
		option = argv[i][1] == '-' ? find(app, argv[i] + 2, strlen(argv[i] + 2), 0) :
			 argv[i][2] ? NULL : find(app, NULL, 0, argv[i][1]);
		if (option && option->value && argv[i + 1])
			i++;
	}
}

int options_parse(struct app *app, int argc, char **argv)
{
	bool only_args = false, seen = false;
	int i, rc = 0;

	app->args = need(calloc((size_t)argc + 1, sizeof(*app->args)));
	app->settings.limit = app->settings.replicas = app->settings.grace_period = -1;
	app->settings.max_log_requests = -1;
	app->settings.tail = INT64_MIN;
	app->settings.goals_timeout = 30000;
	find_verb(app, argv);
	for (i = 1; i < argc && rc == 0; i++) {
		if (!only_args && strcmp(argv[i], "--") == 0)
			only_args = true;
		else if (only_args || !is_option(argv[i])) {
			if (app->verb && !seen)
				seen = true;
			else
				app->args[app->arg_count++] = argv[i];
		} else
			rc = argv[i][1] == '-' ? read_long(app, argv, &i) : read_letters(app, argv, &i);
	}
	return rc;
}

void options_print(unsigned takes)
{
	char left[64];
	size_t i;

	for (i = 0; i < OPTIONS; i++) {
		const struct option *option = &options[i];

		if (!(option->takes & takes))
			continue;
		snprintf(left, sizeof(left), "%c%c%c --%s%s%s", option->letter ? '-' : ' ',
			 option->letter ? option->letter : ' ', option->letter ? ',' : ' ', option->name,
			 option->value ? " " : "", option->value ? option->value : "");
		printf("  %-36s %s\n", left, option->help);
	}
}
