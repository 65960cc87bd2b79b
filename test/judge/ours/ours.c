/*
 * Prints what our readers make of a file, as the judge (main.go) prints what
 * Kubernetes' own make of it.
 *   ours yaml FILE       one line of JSON for each document, or "error"
 *   ours view            the files of KUBECONFIG, merged, as `kubectl config
 *                        view` shows them
 *   ours access          what the current context comes to, or "error"
 *   ours match           of each line of standard input (a label selector, a
 *                        tab, labels as JSON): 1, 0, or "error"
 */
#include "config/config.h"

#include "matcher.h"
#include "yaml_doc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int complain(kshim_error *error)
{
	fprintf(stderr, "%s\n", kshim_error_message(error));
	kshim_error_free(error);
	puts("error");
	return 0;
}

static int yaml(const char *path)
{
	struct kshim__yaml_doc *docs;
	kshim_error *error = NULL;
	static char text[1 << 20];
	size_t count, len, i;
	FILE *file = fopen(path, "rb");

	if (!file)
		return 1;
	len = fread(text, 1, sizeof(text), file);
	fclose(file);
	if (kshim__yaml_read(text, len, path, KSHIM_EMANIFEST, 0, &docs, &count, &error) < 0)
		return complain(error);
	for (i = 0; i < count; i++) {
		char *json = json_dumps(docs[i].value, JSON_COMPACT | JSON_ENCODE_ANY | JSON_SORT_KEYS);

		puts(json);
		free(json);
	}
	kshim__yaml_free(docs, count);
	return 0;
}

static int view(void)
{
	kshim_error *error = NULL;
	kshim_config *config = kshim_config_from_file(NULL, &error);
	char *text;

	if (!config)
		return complain(error);
	text = kshim_config_format(config);
	fputs(text, stdout);
	free(text);
	kshim_config_unref(config);
	return 0;
}

static void put(json_t *into, const char *key, const char *text, size_t len)
{
	json_object_set_new(into, key, json_stringn(text ? text : "", len));
}

static int access_of(void)
{
	kshim_error *error = NULL;
	kshim_config *config = kshim_config_from_file(NULL, &error);
	struct kshim__access *access = config ? kshim__config_access(config, &error) : NULL;
	const char *token, *texts[][2] = {{"server", NULL}, {"server-name", NULL}, {"token", NULL}, {"username", NULL},
					  {"password", NULL}, {"as", NULL}, {"as-uid", NULL}, {"namespace", NULL}};
	json_t *shown, *groups;
	size_t i;
	char *text;

	if (!access) {
		kshim_config_unref(config);
		return complain(error);
	}
	token = kshim__access_token(access, 1);
	texts[0][1] = access->server;
	texts[1][1] = access->https ? access->tls_server_name : NULL;
	texts[2][1] = access->https ? token : NULL;
	texts[3][1] = access->https ? access->username : NULL;
	texts[4][1] = access->https ? access->password : NULL;
	texts[5][1] = access->impersonate_user;
	texts[6][1] = access->impersonate_uid;
	texts[7][1] = access->namespace_;
	shown = json_object();
	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		put(shown, texts[i][0], texts[i][1], texts[i][1] ? strlen(texts[i][1]) : 0);
	put(shown, "ca", access->ca.data, access->ca.len);
	put(shown, "cert", access->cert.data, access->cert.len);
	put(shown, "key", access->key.data, access->key.len);
	json_object_set_new(shown, "https", json_boolean(access->https));
	json_object_set_new(shown, "insecure", json_boolean(access->https && access->insecure));
	json_object_set_new(shown, "no-gzip", json_boolean(access->no_compression));
	groups = json_array();
	for (i = 0; i < access->impersonate_group_count; i++)
		json_array_append_new(groups, json_string(access->impersonate_groups[i]));
	json_object_set_new(shown, "as-groups", groups);
	text = json_dumps(shown, JSON_COMPACT);
	puts(text);
	free(text);
	json_decref(shown);
	kshim__access_unref(access);
	kshim_config_unref(config);
	return 0;
}

static int match(void)
{
	struct kshim__matcher *matcher;
	struct kshim__span labels;
	char *line = NULL;
	size_t room = 0;
	ssize_t len;

	while ((len = getline(&line, &room, stdin)) > 0) {
		char *tab = strchr(line, '\t');

		if (!tab || line[len - 1] != '\n')
			return 1;
		line[len - 1] = '\0';
		*tab = '\0';
		matcher = kshim__matcher_new(line, NULL);
		labels.at = tab + 1;
		labels.len = strlen(labels.at);
		fputs(!matcher ? "error" : kshim__matcher_matches_labels(matcher, labels) ? "1" : "0", stdout);
		printf("\t%s\t%s\n", line, labels.at);
		kshim__matcher_free(matcher);
	}
	free(line);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 3 && !strcmp(argv[1], "yaml"))
		return yaml(argv[2]);
	if (argc == 2 && !strcmp(argv[1], "view"))
		return view();
	if (argc == 2 && !strcmp(argv[1], "access"))
		return access_of();
	if (argc == 2 && !strcmp(argv[1], "match"))
		return match();
	fprintf(stderr, "usage: ours yaml FILE | view | access | match\n");
	return 2;
}
