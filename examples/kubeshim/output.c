/* What the program says, in kubectl's words. */
#include "cli.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void *need(void *memory)
{
	if (memory)
		return memory;
	fputs("error: out of memory\n", stderr);
	exit(1);
}

char *copy_text(const char *text)
{
	return text ? need(strdup(text)) : NULL;
}

int fail(struct app *app, const char *format, ...)
{
	va_list ap;

	fflush(stdout);
	va_start(ap, format);
	fputs("error: ", stderr);
	vfprintf(stderr, format, ap);
	fputc('\n', stderr);
	va_end(ap);
	app->status = 1;
	return -1;
}

/* What could not be begun at all. */
void fail_client(struct app *app)
{
	const kshim_error *error = kshim_client_error(app->client);

	fail(app, "%s", error ? kshim_error_message(error) : "out of memory");
}

static bool is_said_before(const kshim_error *error, size_t i)
{
	size_t k;

	for (k = 0; k < i; k++)
		if (strcmp(kshim_error_cause_field(error, k), kshim_error_cause_field(error, i)) == 0 &&
		    strcmp(kshim_error_cause_message(error, k), kshim_error_cause_message(error, i)) == 0)
			return true;
	return false;
}

/* 422: the causes, one a line, each once. */
static void fail_invalid(const kshim_error *error)
{
	size_t len, i, several = 0, count = kshim_error_cause_count(error);
	const char *body = kshim_error_body(error, &len);
	json_t *status = body ? json_loadb(body, len, 0, NULL) : NULL, *details = json_object_get(status, "details");
	const char *kind = json_string_value(json_object_get(details, "kind"));
	const char *name = json_string_value(json_object_get(details, "name"));

	if (kind || name)
		fprintf(stderr, "The %s \"%s\" is invalid", kind ? kind : "", name ? name : "");
	else
		fprintf(stderr, "The request is invalid");
	if (!kind && !name && !count)
		fprintf(stderr, ": %s", kshim_error_message(error));
	for (i = 1; i < count; i++)
		several += !is_said_before(error, i);
	if (count)
		fputs(": ", stderr);
	for (i = 0; i < count; i++)
		if (!is_said_before(error, i))
			fprintf(stderr, "%s%s: %s", several ? "\n* " : "", kshim_error_cause_field(error, i),
				kshim_error_cause_message(error, i));
	fputc('\n', stderr);
	json_decref(status);
}

/* The kind is not served. */
static void fail_kind(const struct target *target, const kshim_error *error)
{
	if (target && target->kind_name)
		fprintf(stderr, "error: the server doesn't have a resource type \"%s\"\n", target->kind_name);
	else if (target && target->object)
		fprintf(stderr, "error: resource mapping not found for name: \"%s\" namespace: \"%s\" from \"%s\": no matches for "
				"kind \"%s\" in version \"%s\"\nensure CRDs are installed first\n",
			kshim_object_name(target->object) ? kshim_object_name(target->object) : "",
			kshim_object_namespace(target->object) ? kshim_object_namespace(target->object) : "",
			target->source, kshim_object_kind(target->object), kshim_object_api_version(target->object));
	else
		fprintf(stderr, "error: %s\n", kshim_error_message(error));
}

static bool is_kind_unknown(const struct target *target, const kshim_error *error)
{
	/* a path that the server has not is a 404 too, but no Status */
	return kshim_error_code(error) == KSHIM_ENOKIND ||
	       (target && kshim_error_http_status(error) == 404 && !kshim_error_reason(error));
}

/* What comes next would meet the same. */
static bool is_out_of_reach(const kshim_error *error)
{
	kshim_code code = kshim_error_code(error);

	return code == KSHIM_ECONNECT || code == KSHIM_ETLS || code == KSHIM_ETIMEDOUT;
}

/* `doing` ("creating") names the file that the target came from, too. */
void fail_error(struct app *app, const struct target *target, const char *doing, const kshim_error *error)
{
	const char *reason = kshim_error_reason(error), *message = kshim_error_message(error);
	char from[600] = "";

	if (app->aborted && kshim_error_code(error) == KSHIM_ECANCELED)
		return;
	fflush(stdout);
	app->status = 1;
	if (doing && target && target->source)
		snprintf(from, sizeof(from), "error when %s \"%s\": ", doing, target->source);
	if (!reason && app->settings.subresource && kshim_error_http_status(error) == 404)
		fprintf(stderr, "Error from server (NotFound): the server could not find the requested resource\n");
	else if (is_kind_unknown(target, error))
		fail_kind(target, error);
	else if (reason && strcmp(reason, "Invalid") == 0)
		fail_invalid(error);
	else if (reason && strcmp(reason, "Unauthorized") == 0)
		fprintf(stderr, "error: You must be logged in to the server (%s%s)\n", from, message);
	else if (kshim_error_http_status(error) >= 400)
		fprintf(stderr, "Error from server%s%s%s: %s%s\n", reason && *reason ? " (" : "", reason ? reason : "",
			reason && *reason ? ")" : "", from, message);
	else if (is_out_of_reach(error))
		fprintf(stderr, "Unable to connect to the server: %s\n", message);
	else
		fprintf(stderr, "error: %s%s\n", from, message);
	if (is_out_of_reach(error))
		app->aborted = true;
}

/* "pod", "deployment.apps" */
void print_kind(const char *kind, const char *group)
{
	for (; *kind; kind++)
		putchar(tolower((unsigned char)*kind));
	if (*group)
		printf(".%s", group);
}

void print_name(const char *kind, const char *group, const char *name)
{
	print_kind(kind, group);
	printf("/%s", name ? name : "");
}

/* "pod/x created", or what -o asks for. */
void say_done(struct app *app, kshim_object *object, const char *what)
{
	const char *api_version = kshim_object_api_version(object), *slash, *output = app->settings.output;
	char group[256] = "";

	if (output && strcmp(output, "json") == 0) {
		print_json(app, object);
		return;
	}
	slash = api_version ? strchr(api_version, '/') : NULL;
	if (slash)
		snprintf(group, sizeof(group), "%.*s", (int)(slash - api_version), api_version);
	print_name(kshim_object_kind(object) ? kshim_object_kind(object) : "", group, kshim_object_name(object));
	if (!output || strcmp(output, "name") != 0)
		printf(" %s%s", what, app->settings.dry_run ? " (server dry run)" : "");
	putchar('\n');
}

/* One object, one line. */
void print_json(struct app *app, kshim_object *object)
{
	size_t len = 0;
	const char *text = kshim_object_text(object, &len);
	json_t *tree;

	if (text && !memchr(text, '\n', len)) {
		fwrite(text, 1, len, stdout);
		putchar('\n');
		return;
	}
	tree = text ? json_loadb(text, len, JSON_ALLOW_NUL, NULL) : NULL;
	if (tree && json_dumpf(tree, stdout, JSON_COMPACT) == 0)
		putchar('\n');
	else
		fail(app, "an object cannot be written as JSON");
	json_decref(tree);
}

/* A warning is said once, however many answers bring it. */
void warn(const char *text, void *user)
{
	struct app *app = user;
	size_t i;

	for (i = 0; i < app->warned.count; i++)
		if (strcmp(app->warned.at[i], text) == 0)
			return;
	if (app->warned.count < VALUES_MAX)
		app->warned.at[app->warned.count++] = copy_text(text);
	fflush(stdout);
	fprintf(stderr, "Warning: %s\n", text);
}

void trace(char direction, const char *line, void *user)
{
	(void)user;
	fflush(stdout);
	fprintf(stderr, "%c %s\n", direction, line);
}

/* Where nobody can read what is written there is no use in going on. */
void output_check(struct app *app)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return;
	if (!app->unwritable)
		fail(app, "cannot write: %s", strerror(errno));
	app->unwritable = app->aborted = true;
	if (app->loop)
		kshim_loop_stop(app->loop);
}
