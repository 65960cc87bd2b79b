/* proxy: one request to a Service, a Pod or a Node, through the API server. */
#include "cli.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DATA_MAX ((size_t)64 << 20)

/* KIND/NAME [PATH] or KIND NAME [PATH] */
int proxy_prepare(struct app *app)
{
	const char *slash = app->arg_count ? strchr(app->args[0], '/') : NULL;
	size_t named = slash ? 1 : 2;
	struct target *target;

	if (app->arg_count < named || app->arg_count > named + 1)
		return usage_error(app, "proxy makes one request (kubectl's listens): it needs KIND/NAME and PATH");
	if (slash && (slash == app->args[0] || !slash[1] || strchr(slash + 1, '/')))
		return fail(app, "arguments in resource/name form must have a single resource and name");
	target = target_add(app, NULL);
	target->kind_name = slash ? need(strndup(app->args[0], (size_t)(slash - app->args[0]))) : copy_text(app->args[0]);
	target->name = copy_text(slash ? slash + 1 : app->args[1]);
	target->text = copy_text(app->arg_count > named ? app->args[named] : "/");
	return 0;
}

/* "Name: value" */
static int add_header(struct app *app, kshim_proxy_options *options, const char *text)
{
	const char *colon = strchr(text, ':');
	char *name;
	int rc;

	if (!colon)
		return fail(app, "a header is given as 'Name: value', not \"%s\"", text);
	name = need(strndup(text, (size_t)(colon - text)));
	colon++;
	rc = kshim_proxy_options_add_header(options, name, colon + strspn(colon, " \t"));
	if (rc < 0)
		fail(app, "a header \"%s\" with that value cannot be sent", name);
	free(name);
	return rc;
}

static int set_options(struct app *app, kshim_proxy_options *options)
{
	const struct settings *settings = &app->settings;
	size_t i;

	if (settings->scheme && kshim_proxy_options_set_scheme(options, settings->scheme) < 0)
		return fail(app, "--scheme must be http or https, not \"%s\"", settings->scheme);
	for (i = 0; i < settings->headers.count; i++)
		if (add_header(app, options, settings->headers.at[i]) < 0)
			return -1;
	return 0;
}

static char *read_all(struct app *app, FILE *file, const char *path, size_t *len)
{
	char *data = NULL;
	size_t cap = 0;

	*len = 0;
	do {
		cap = cap ? 2 * cap : 1 << 16;
		data = need(realloc(data, cap));
		*len += fread(data + *len, 1, cap - *len, file);
	} while (*len == cap && cap <= DATA_MAX);
	if (!ferror(file) && *len <= DATA_MAX)
		return data;
	if (ferror(file))
		fail(app, "cannot read %s: %s", path, strerror(errno));
	else
		fail(app, "%s is larger than %zu bytes", path, DATA_MAX);
	free(data);
	return NULL;
}

/* What -d says: the text, @FILE or @-; NULL after an error. */
static char *read_data(struct app *app, const char *text, size_t *len)
{
	const char *path = text + 1;
	FILE *file;
	char *data;

	if (*text != '@') {
		*len = strlen(text);
		return copy_text(text);
	}
	if (strcmp(path, "-") == 0)
		return read_all(app, stdin, "standard input", len);
	file = fopen(path, "rbe");
	if (!file) {
		fail(app, "cannot read %s: %s", path, strerror(errno));
		return NULL;
	}
	data = read_all(app, file, path, len);
	fclose(file);
	return data;
}

static void on_data(const char *data, size_t len, void *user)
{
	struct app *app = user;

	fwrite(data, 1, len, stdout);
	output_check(app);
}

static void answered(kshim_result *result, void *user)
{
	struct app *app = user;

	if (kshim_result_error(result))
		fail_error(app, app->at, NULL, kshim_result_error(result));
	else if (kshim_result_http_status(result) >= 400)
		fail(app, "the status of the answer is %d", kshim_result_http_status(result));
	app_next(app);
}

bool proxy_begin(struct app *app, struct target *target)
{
	const struct settings *settings = &app->settings;
	kshim_proxy_options *options = need(kshim_proxy_options_new());
	kshim_object *object = target_object(app, target);
	const char *method = settings->method ? settings->method : settings->data ? "POST" : "GET";
	bool started = false;
	char *data = NULL;
	size_t len = 0;

	if (object && set_options(app, options) == 0) {
		if (settings->data)
			data = read_data(app, settings->data, &len);
		if (data || !settings->data)
			started = app_started(app, kshim_proxy_request(object, settings->port, method, target->text, data, len, options,
								       on_data, answered, app));
	}
	free(data);
	kshim_proxy_options_free(options);
	return started;
}
