/* Carries a verb out on one target after another: a state machine on callbacks. */
#include "cli.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A new target behind `after`, or behind the last. */
struct target *target_add(struct app *app, struct target *after)
{
	struct target *target = need(calloc(1, sizeof(*target)));
	struct target **link = after ? &after->next : app->last;

	target->next = *link;
	*link = target;
	if (!target->next)
		app->last = &target->next;
	return target;
}

void targets_free(struct app *app)
{
	struct target *target, *next;

	for (target = app->targets; target; target = next) {
		next = target->next;
		kshim_kind_unref(target->kind);
		kshim_object_unref(target->object);
		free(target->kind_name);
		free(target->name);
		free(target->namespace_);
		free(target->text);
		free(target);
	}
	app->targets = NULL;
	app->last = &app->targets;
}

/* Where objects are that do not say so themselves. */
const char *app_namespace(const struct app *app)
{
	if (app->settings.all_namespaces)
		return KSHIM_ALL_NAMESPACES;
	return app->settings.namespace_ ? app->settings.namespace_ : kshim_client_namespace(app->client);
}

kshim_query *target_query(struct app *app, const struct target *target)
{
	const struct settings *settings = &app->settings;
	const char *namespace_ = target->namespace_ ? target->namespace_ : app_namespace(app);
	kshim_query *query = kshim_query_new(app->client, target->kind, namespace_);

	kshim_query_set_limit(query, settings->limit < 0 ? 500 : (unsigned)settings->limit);
	if (query && kshim_query_set_labels(query, settings->labels) == 0 &&
	    kshim_query_set_fields(query, settings->fields) == 0)
		return query;
	fail_client(app);
	kshim_query_free(query);
	return NULL;
}

/* The object, or a handle on the one of that name; borrowed. */
kshim_object *target_object(struct app *app, struct target *target)
{
	kshim_query *query;

	if (target->object)
		return target->object;
	query = target_query(app, target);
	if (!query)
		return NULL;
	target->object = kshim_query_object(query, target->name);
	if (!target->object)
		fail_client(app);
	kshim_query_free(query);
	return target->object;
}

/* Kinds. */

/* "Deployment.apps" of what an object says that it is, or what was typed. */
static const char *name_of_kind(const struct target *target, char *name, size_t size)
{
	const char *api_version, *slash;

	if (target->kind_name)
		return target->kind_name;
	api_version = kshim_object_api_version(target->object);
	slash = strchr(api_version, '/');
	snprintf(name, size, "%s%s%.*s", kshim_object_kind(target->object), slash ? "." : "",
		 slash ? (int)(slash - api_version) : 0, api_version);
	return name;
}

/* The built-in row; of an object only if it is really this one. */
static const kshim_kind *built_in(const struct target *target, const char *name)
{
	const kshim_kind *kind = kshim_kind_find(name);
	const char *api_version;
	size_t len;

	if (!kind || target->kind_name)
		return kind;
	api_version = kshim_object_api_version(target->object);
	len = strchr(api_version, '/') ? strcspn(api_version, "/") : 0;
	if (strcmp(kshim_kind_name(kind), kshim_object_kind(target->object)) == 0 &&
	    strlen(kshim_kind_group(kind)) == len && strncmp(kshim_kind_group(kind), api_version, len) == 0)
		return kind;
	return NULL;
}

static void kind_found(kshim_result *result, void *user)
{
	struct app *app = user;

	if (kshim_result_error(result)) {
		fail_error(app, app->at, NULL, kshim_result_error(result));
		/* a kind that was typed wrong: nothing at all is done */
		app->aborted = app->at->kind_name != NULL;
		app_next(app);
		return;
	}
	app->at->kind = kshim_kind_ref(kshim_result_kind(result));
	if (!app->then(app, app->at))
		app_next(app);
}

/* Goes on with `then` once the target's kind is known. */
bool target_need_kind(struct app *app, struct target *target, begin_fn *then)
{
	char name[512];
	const char *kind_name = NULL;

	if (!target->kind) {
		kind_name = name_of_kind(target, name, sizeof(name));
		target->kind = built_in(target, kind_name);
	}
	if (target->kind)
		return then(app, target);
	app->then = then;
	return app_started(app, kshim_client_find_kind(app->client, kind_name, kind_found, app));
}

/* What -n says has to agree with what the object says. Changes the object that
 * says nothing. */
bool target_settle_namespace(struct app *app, struct target *target)
{
	const char *own = kshim_object_namespace(target->object), *wanted = app->settings.namespace_;

	if (!wanted || !kshim_kind_is_namespaced(target->kind))
		return true;
	if (!own && kshim_object_set_string(target->object, "/metadata/namespace", wanted) == 0)
		return true;
	if (!own)
		fail(app, "out of memory");
	else if (strcmp(own, wanted) != 0)
		fail(app, "the namespace from the provided object \"%s\" does not match the namespace \"%s\". You must pass "
			  "'--namespace=%s' to perform this operation.", own, wanted, own);
	return own && strcmp(own, wanted) == 0;
}

/* The kind is asked for only where its scope matters. */
bool target_of_file(struct app *app, struct target *target, begin_fn *go)
{
	return app->settings.namespace_ ? target_need_kind(app, target, go) : go(app, target);
}

static bool resolved(struct app *app, struct target *target)
{
	(void)app;
	(void)target;
	return false;
}

static bool resolve_begin(struct app *app, struct target *target)
{
	return target->kind_name ? target_need_kind(app, target, resolved) : false;
}

/* What a selector selects, each a target of its own behind it. */

static void on_item(kshim_object *item, void *user)
{
	struct app *app = user;
	struct target *target = target_add(app, app->selected ? app->selected : app->at);

	target->kind = kshim_kind_ref(app->at->kind);
	target->name = copy_text(kshim_object_name(item));
	target->namespace_ = copy_text(kshim_object_namespace(item));
	app->selected = target;
}

static void listed(kshim_result *result, void *user)
{
	struct app *app = user;

	if (kshim_result_error(result))
		fail_error(app, app->at, NULL, kshim_result_error(result));
	app_next(app);
}

/* Of a target without a name; app->selected is NULL in `done` if nothing matched. */
bool target_list(struct app *app, struct target *target, kshim_done_fn *done)
{
	kshim_query *query = target_query(app, target);
	bool started;

	app->selected = NULL;
	started = query && app_started(app, kshim_query_list(query, on_item, done, app));
	kshim_query_free(query);
	return started;
}

/* The same; then the round goes on with the new ones. */
bool target_expand(struct app *app, struct target *target)
{
	return target_list(app, target, listed);
}

/* The rounds: one to learn the kinds, then the verb's own. */

/* What a begin_fn returns of a call that it began. */
bool app_started(struct app *app, const kshim_call *call)
{
	if (!call)
		fail_client(app);
	return call != NULL;
}

static void step(struct app *app)
{
	begin_fn *round;

	do {
		for (; app->at && !app->aborted; app->at = app->at->next)
			if (app->begin(app, app->at))
				return;
		round = app->begin;
		if (round != resolve_begin && app->verb->finish)
			app->verb->finish(app);
		else if (round == resolve_begin && !app->aborted)
			app_restart(app, app->verb->begin);
	} while (app->begin != round);
	output_check(app);
}

void app_next(struct app *app)
{
	output_check(app);
	app->at = app->at->next;
	step(app);
}

/* Another round over the targets. */
void app_restart(struct app *app, begin_fn *begin)
{
	app->at = app->targets;
	app->begin = begin;
}

int app_run(struct app *app)
{
	app_restart(app, resolve_begin);
	step(app);
	if (kshim_loop_run(app->loop) < 0)
		return fail(app, "the loop broke: %s", strerror(errno));
	return 0;
}
