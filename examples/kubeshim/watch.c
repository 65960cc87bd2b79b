/* watch: on a cache, so that what is deleted while nobody can look is told, too. */
#include "cli.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

static kshim_loop *volatile woken; /* for the handler */
static volatile sig_atomic_t caught;

/* The line that is being written comes to its end; a second signal waits for nothing. */
static void on_signal(int number)
{
	caught = number;
	kshim_loop_wake(woken);
}

static void interrupted(kshim_loop *loop, void *user)
{
	struct app *app = user;

	app->status = 128 + caught;
	app->aborted = true;
	kshim_loop_stop(loop);
}

/* Unless it is ignored, as that of the keyboard is in the background. */
static void catch(int number)
{
	struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART | (int)SA_RESETHAND}, old;

	if (sigaction(number, NULL, &old) == 0 && old.sa_handler != SIG_IGN)
		sigaction(number, &action, NULL);
}

int watch_prepare(struct app *app)
{
	if (args_read(app, 0) < 0)
		return -1;
	if (app->targets->next)
		return usage_error(app, "one kind, or one object, can be watched at a time");
	woken = app->loop;
	kshim_loop_set_wake(app->loop, interrupted, app);
	catch(SIGINT);
	catch(SIGTERM);
	return 0;
}

static void print_event(struct app *app, const char *type, kshim_object *object)
{
	size_t len = 0;
	const char *text = kshim_object_text(object, &len);

	/* API servers send objects without line ends */
	if (text)
		printf("{\"type\":\"%s\",\"object\":%.*s}\n", type, (int)len, text);
	else
		fail(app, "out of memory");
}

static void on_change(kshim_cache *cache, kshim_change change, kshim_object *object, kshim_object *before, void *user)
{
	static const char *const types[] = {[KSHIM_CHANGE_ADDED] = "ADDED", [KSHIM_CHANGE_MODIFIED] = "MODIFIED",
					    [KSHIM_CHANGE_DELETED] = "DELETED", [KSHIM_CHANGE_VANISHED] = "DELETED"};
	struct app *app = user;

	(void)before;
	switch (change) {
	case KSHIM_CHANGE_LATE:
		fprintf(stderr, "late: %s\n", kshim_error_message(kshim_cache_error(cache)));
		break;
	case KSHIM_CHANGE_RESUMED:
		fputs("resumed\n", stderr);
		break;
	case KSHIM_CHANGE_ENDED:
		fail_error(app, app->at, NULL, kshim_cache_error(cache));
		app_next(app);
		break;
	case KSHIM_CHANGE_SYNCED:
		break;
	default:
		print_event(app, types[change], object);
		output_check(app);
	}
}

bool watch_begin(struct app *app, struct target *target)
{
	kshim_query *query = target_query(app, target);
	const char *name = target->name;

	if (!query)
		return false;
	if (!name || kshim_query_add_field(query, "metadata.name", KSHIM_OP_EQUALS, &name, 1) == 0)
		app->cache = kshim_cache_new(query);
	kshim_query_free(query);
	kshim_cache_set_managed_fields(app->cache, 1);
	if (kshim_cache_listen(app->cache, NULL, NULL, on_change, app))
		return true;
	fail_client(app);
	return false;
}
