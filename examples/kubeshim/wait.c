/* wait: each object is read, then brought to one goal after another, all before one
 * deadline. */
#include "cli.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#define CREATED_POLL_MS 500
#define WEEK_MS (7 * 24 * INT64_C(3600000))

enum goal_type { CONDITION, VALUE, CREATED, DELETED };

struct goal {
	enum goal_type type;
	char *what;  /* a condition's type, or a pointer */
	char *value; /* NULL: any */
};

static void goal_free(struct goal *goal)
{
	free(goal->what);
	free(goal->value);
}

/* JSONPath. */

/* A member's name becomes a part of a pointer (RFC 6901). */
static size_t add_escaped(char *pointer, size_t at, char c)
{
	if (c == '~' || c == '/')
		pointer[at++] = '~';
	pointer[at++] = c == '~' ? '0' : c == '/' ? '1' : c;
	return at;
}

/* ['name'], ["name"] or [0]; returns what stands behind it, NULL if it is another. */
static const char *read_bracket(const char *path, char *pointer, size_t *at)
{
	char quote = path[1] == '\'' || path[1] == '"' ? path[1] : 0;
	const char *c = path + 1 + (quote != 0);

	pointer[(*at)++] = '/';
	for (; *c && (quote ? *c != quote : *c >= '0' && *c <= '9'); c++)
		*at = add_escaped(pointer, *at, *c);
	if (c == path + 1 + (quote != 0) || (quote && *c++ != quote) || *c != ']')
		return NULL;
	return c + 1;
}

/* The pointer of a plain path: .a.b, .a['b'], .a[0], .a.b\.c; NULL for any other. */
static char *pointer_of(const char *path)
{
	char *pointer = need(malloc(2 * strlen(path) + 2));
	size_t at = 0;

	while (path && *path) {
		if (*path == '[') {
			path = read_bracket(path, pointer, &at);
			continue;
		}
		path += *path == '.';
		if (strchr(".[*", *path)) { /* or the end */
			path = NULL;
			break;
		}
		pointer[at++] = '/';
		for (; *path && *path != '.' && *path != '['; path++) {
			path += path[0] == '\\' && path[1];
			at = add_escaped(pointer, at, *path);
		}
	}
	pointer[at] = 0;
	if (path && at)
		return pointer;
	free(pointer);
	return NULL;
}

/* The one '=' that is no part of '=='; NULL if there is none. */
static char *find_equals(char *text)
{
	for (; *text; text++) {
		if (*text != '=')
			continue;
		if (text[1] != '=')
			return text;
		text++;
	}
	return NULL;
}

/* PATH or PATH=VALUE, which is cut apart. */
static int read_path(struct app *app, char *text, struct goal *goal)
{
	char *equals = find_equals(text), *value = equals ? equals + 1 : NULL, *path = text;
	size_t len;

	if (value && find_equals(value))
		return fail(app, "jsonpath wait format must be --for=jsonpath='{.status.readyReplicas}'=3 or "
				 "--for=jsonpath='{.status.readyReplicas}'");
	if (equals)
		*equals = 0;
	len = strlen(path);
	if (len == 0)
		return fail(app, "jsonpath expression cannot be empty");
	if ((path[0] == '{') != (path[len - 1] == '}'))
		return fail(app, "unexpected path string, expected a 'name1.name2' or '.name1.name2' or '{name1.name2}' or "
				 "'{.name1.name2}'");
	if (path[0] == '{') {
		path[len - 1] = 0;
		path++;
	}
	goal->what = pointer_of(path + (*path == '$'));
	if (!goal->what)
		return fail(app, "a plain path is needed, like '{.status.phase}' or '{.spec.containers[0].name}', not \"%s\"",
			    path);
	if (!value)
		return 0;
	value += strspn(value, "'\"");
	for (len = strlen(value); len && strchr("'\"", value[len - 1]); len--)
		;
	if (!len)
		return fail(app, "jsonpath wait has to have a value after equal sign, like "
				 "--for=jsonpath='{.status.readyReplicas}'=3");
	goal->value = need(strndup(value, len));
	return 0;
}

/* The goal that a --for names; to be freed also if it is wrong. */
static int read_goal(struct app *app, const char *text, struct goal *goal)
{
	char *copy, *equals;
	int rc;

	memset(goal, 0, sizeof(*goal));
	if (strcasecmp(text, "delete") == 0 || strcasecmp(text, "create") == 0) {
		goal->type = strcasecmp(text, "delete") == 0 ? DELETED : CREATED;
		return 0;
	}
	if (strncmp(text, "jsonpath=", 9) == 0) {
		goal->type = VALUE;
		copy = copy_text(text + 9);
		rc = read_path(app, copy, goal);
		free(copy);
		return rc;
	}
	if (strncmp(text, "condition=", 10) != 0 || strchr("=", text[10]))
		return fail(app, "unrecognized condition: \"%s\"", text);
	goal->type = CONDITION;
	goal->what = copy_text(text + 10);
	equals = strchr(goal->what, '=');
	goal->value = copy_text(equals ? equals + 1 : "true");
	if (equals)
		*equals = 0;
	return 0;
}

static bool has_goal(const struct app *app, const char *name)
{
	size_t i;

	for (i = 0; i < app->settings.goals.count; i++)
		if (strcasecmp(app->settings.goals.at[i], name) == 0)
			return true;
	return false;
}

/* Time. */

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int64_t left_ms(const struct app *app)
{
	return app->deadline_ms - now_ms();
}

static bool looks_once(const struct app *app)
{
	return app->settings.goals_timeout == 0;
}

int wait_prepare(struct app *app)
{
	const struct values *goals = &app->settings.goals;
	int64_t timeout = app->settings.goals_timeout;
	struct goal goal;
	size_t i;
	int rc = 0;

	if (!goals->count)
		return fail(app, "unrecognized condition: \"\"");
	for (i = 0; i < goals->count && rc == 0; i++) {
		rc = read_goal(app, goals->at[i], &goal);
		goal_free(&goal);
	}
	if (rc < 0 || check_output(app) < 0)
		return -1;
	app->deadline_ms = now_ms() + (timeout < 0 ? WEEK_MS : timeout);
	return args_read(app, ARGS_NEED_NAME);
}

/* Goals. */

/* What shall be made has no name before. */
static void fail_timeout(struct app *app)
{
	const struct target *target = app->at;

	if (has_goal(app, "create") && !(target->object && kshim_object_uid(target->object)))
		fail(app, "timed out waiting for the condition");
	else
		fail(app, "timed out waiting for the condition on %s/%s", kshim_kind_plural(target->kind), target->name);
}

static bool next_goal(struct app *app);

static void come(kshim_result *result, void *user)
{
	struct app *app = user;
	const kshim_error *error = kshim_result_error(result);

	if (!error) {
		say_done(app, app->at->object, "condition met");
		app->goal++;
		if (next_goal(app))
			return;
	} else if (kshim_error_code(error) == KSHIM_ETIMEDOUT) {
		fail_timeout(app);
	} else if (kshim_error_code(error) == KSHIM_EINVAL) {
		fail(app, "jsonpath leads to a nested object or list which is not supported");
	} else {
		fail_error(app, app->at, NULL, error);
	}
	app_next(app);
}

/* Without waiting. */
static bool is_met(struct app *app, const struct goal *goal)
{
	kshim_object *object = app->at->object;
	int met = goal->type == CREATED;

	if (goal->type == CONDITION)
		met = kshim_object_has_condition(object, goal->what, goal->value);
	else if (goal->type == VALUE)
		met = kshim_object_has_value(object, goal->what, goal->value);

	if (met < 0)
		fail(app, "jsonpath leads to a nested object or list which is not supported");
	else if (met == 0)
		fail(app, "condition not met for %s/%s", kshim_kind_plural(app->at->kind), app->at->name);
	else
		say_done(app, object, "condition met");
	return met > 0;
}

static bool begin_goal(struct app *app, const struct goal *goal)
{
	kshim_object *object = app->at->object;

	kshim_options_set_timeout(app->options, left_ms(app));
	switch (goal->type) {
	case CONDITION:
		return app_started(app, kshim_wait_condition(object, goal->what, goal->value, app->options, come, app));
	case VALUE:
		return app_started(app, kshim_wait_value(object, goal->what, goal->value, app->options, come, app));
	default:
		return app_started(app, kshim_wait_deleted(object, app->options, come, app));
	}
}

/* true when a call is under way. */
static bool next_goal(struct app *app)
{
	const struct values *goals = &app->settings.goals;
	bool met = true, started = false;
	struct goal goal;

	for (; met && app->goal < goals->count; app->goal += met) {
		if (read_goal(app, goals->at[app->goal], &goal) < 0) {
			met = false;
		} else if (looks_once(app) || goal.type == CREATED) {
			met = is_met(app, &goal);
		} else {
			met = false;
			if (left_ms(app) > 0)
				started = begin_goal(app, &goal);
			else
				fail_timeout(app);
		}
		goal_free(&goal);
	}
	return started;
}

/* Objects. */

static void looked(kshim_result *result, void *user);
static void listed(kshim_result *result, void *user);

/* What is not there: true if it is looked for again. */
static bool look_again(struct app *app)
{
	int64_t left = left_ms(app);

	if (!has_goal(app, "create"))
		return false;
	if (left <= 0 || looks_once(app)) {
		fail_timeout(app);
		return false;
	}
	kshim_timer_set(app->timer, left < CREATED_POLL_MS ? left : CREATED_POLL_MS);
	return true;
}

static bool look(struct app *app, struct target *target)
{
	int64_t left = left_ms(app);
	kshim_object *object;

	if (!target->name)
		return target_list(app, target, listed);
	if (!looks_once(app) && left <= 0) {
		fail_timeout(app);
		return false;
	}
	object = target_object(app, target);
	app->goal = 0;
	kshim_options_set_timeout(app->options, looks_once(app) ? -1 : left);
	return object && app_started(app, kshim_object_reload(object, app->options, looked, app));
}

static void time_to_look(kshim_timer *timer, void *user)
{
	struct app *app = user;

	(void)timer;
	if (left_ms(app) <= 0)
		fail_timeout(app);
	else if (look(app, app->at))
		return;
	app_next(app);
}

static void looked(kshim_result *result, void *user)
{
	struct app *app = user;
	const kshim_error *error = kshim_result_error(result);
	bool missing = kshim_error_code(error) == KSHIM_ENOTFOUND && kshim_error_reason(error);

	if (missing && has_goal(app, "create")) {
		if (look_again(app))
			return;
	} else if (error && kshim_error_code(error) == KSHIM_ETIMEDOUT && !looks_once(app)) {
		fail_timeout(app);
	} else if (error && !(missing && has_goal(app, "delete"))) {
		fail_error(app, app->at, NULL, error);
	} else if (!error && next_goal(app)) {
		return;
	}
	app_next(app);
}

static void listed(kshim_result *result, void *user)
{
	struct app *app = user;

	if (kshim_result_error(result))
		fail_error(app, app->at, NULL, kshim_result_error(result));
	else if (!app->selected && look_again(app))
		return;
	app_next(app);
}

bool wait_begin(struct app *app, struct target *target)
{
	if (!app->timer) {
		app->timer = need(kshim_timer_new(app->loop, 0, time_to_look, app));
		kshim_timer_set(app->timer, -1);
	}
	app->found += target->name != NULL;
	return look(app, target);
}

void wait_finish(struct app *app)
{
	if (!app->found && !app->status && !has_goal(app, "delete"))
		fail(app, "no matching resources found");
}
