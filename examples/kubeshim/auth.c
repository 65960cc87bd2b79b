/* auth whoami */
#include "cli.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PATH "/apis/authentication.k8s.io/%s/selfsubjectreviews"
#define REVIEW "{\"apiVersion\":\"authentication.k8s.io/%s\",\"kind\":\"SelfSubjectReview\"}"

/* Since Kubernetes 1.26, 1.27 and 1.28. The newest that the server serves is taken. */
static const char *const versions[] = {"v1", "v1beta1", "v1alpha1"};

int auth_prepare(struct app *app)
{
	if (!app->arg_count)
		return usage_error(app, "auth needs one of: whoami");
	if (strcmp(app->args[0], "whoami") != 0)
		return usage_error(app, "unknown command \"%s\"", app->args[0]);
	if (app->arg_count > 1)
		return usage_error(app, "unexpected arguments: [%s]", app->args[1]);
	if (check_output(app) < 0)
		return -1;
	target_add(app, NULL);
	return 0;
}

static void add_text(struct table *table, const char *name, const char *value)
{
	if (!value || !*value)
		return;
	table_add(table, name);
	table_add(table, value);
}

/* "[one two]" */
static void add_list(struct table *table, const char *name, const json_t *list)
{
	char *text = NULL;
	size_t len, i;
	json_t *item;
	FILE *out;

	if (!json_array_size(list))
		return;
	out = need(open_memstream(&text, &len));
	json_array_foreach(list, i, item)
		fprintf(out, "%s%s", i ? " " : "[", json_is_string(item) ? json_string_value(item) : "");
	fputc(']', out);
	if (fclose(out) != 0)
		need(NULL);
	add_text(table, name, text);
	free(text);
}

static int by_name(const void *one, const void *other)
{
	return strcmp(*(const char *const *)one, *(const char *const *)other);
}

static void add_extra(struct table *table, json_t *extra)
{
	const char **keys = need(calloc(json_object_size(extra) + 1, sizeof(*keys))), *key;
	char name[300];
	json_t *value;
	size_t i, count = 0;

	json_object_foreach(extra, key, value)
		keys[count++] = key;
	qsort(keys, count, sizeof(*keys), by_name);
	for (i = 0; i < count; i++) {
		snprintf(name, sizeof(name), "Extra: %s", keys[i]);
		add_list(table, name, json_object_get(extra, keys[i]));
	}
	free(keys);
}

static void print_user(const json_t *user)
{
	struct table *table = table_new(2);

	table_add(table, "ATTRIBUTE");
	table_add(table, "VALUE");
	add_text(table, "Username", json_string_value(json_object_get(user, "username")));
	add_text(table, "UID", json_string_value(json_object_get(user, "uid")));
	add_list(table, "Groups", json_object_get(user, "groups"));
	add_extra(table, json_object_get(user, "extra"));
	table_print(table, true);
	table_free(table);
}

static void print_review(struct app *app, const char *text, size_t len)
{
	kshim_object *review = kshim_object_from_text(app->client, text, len);
	json_t *tree = review ? kshim_object_tree(review) : NULL;

	if (!tree)
		fail(app, "the server's answer is no SelfSubjectReview");
	else if (!app->settings.output)
		print_user(json_object_get(json_object_get(tree, "status"), "userInfo"));
	else if (strcmp(app->settings.output, "json") == 0)
		print_json(app, review);
	else
		puts("selfsubjectreview.authentication.k8s.io/<unknown>");
	kshim_object_unref(review);
}

static void answered(kshim_result *result, void *user);

static bool ask(struct app *app)
{
	char path[100], review[200];

	snprintf(path, sizeof(path), PATH, versions[app->found]);
	snprintf(review, sizeof(review), REVIEW, versions[app->found]);
	return app_started(app, kshim_client_request(app->client, "POST", path, "application/json", review, strlen(review),
						     NULL, answered, app));
}

static void answered(kshim_result *result, void *user)
{
	static const char none[] = "the selfsubjectreviews API is not enabled in the cluster";
	struct app *app = user;
	const kshim_error *error = kshim_result_error(result);
	const char *text;
	size_t len;

	if (kshim_error_code(error) == KSHIM_ENOTFOUND && ++app->found < sizeof(versions) / sizeof(versions[0])) {
		if (ask(app))
			return;
	} else if (kshim_error_code(error) == KSHIM_ENOTFOUND) {
		fail(app, "%s", none);
	} else if (kshim_error_code(error) == KSHIM_EFORBIDDEN) {
		fail(app, "%s or you do not have permission to call it", none);
	} else if (error) {
		fail_error(app, NULL, NULL, error);
	} else {
		text = kshim_result_body(result, &len);
		print_review(app, text ? text : "", text ? len : 0);
	}
	app_next(app);
}

bool auth_begin(struct app *app, struct target *target)
{
	(void)target;
	return ask(app);
}
