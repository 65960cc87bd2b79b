/* Kubeconfig documents: read, checked for the types of their fields, merged. */
#ifndef KSHIM__CONFIG_KUBECONFIG_H
#define KSHIM__CONFIG_KUBECONFIG_H

#include "config/config.h"
#include "yaml_doc.h"

#include <stdbool.h>

/* One document. Values in it are borrowed from here by everyone. */
struct kshim__kubefile {
	char *name; /* for messages */
	char *dir;  /* absolute; NULL: it may hold no relative paths */
	struct kshim__yaml_doc doc;
};

/* A named cluster, user or context. */
struct kshim__entry {
	const char *name;
	const json_t *value; /* what stands under "cluster", "user" or "context"; NULL if nothing */
	const char *list;    /* "clusters" */
	const char *inner;   /* "cluster" */
	size_t index;        /* in its list */
	const struct kshim__kubefile *file;
};

struct kshim__entries {
	struct kshim__entry *items;
	size_t count;
	size_t cap;
};

struct kshim_config {
	unsigned refs;
	struct kshim__kubefile **files; /* the first wins */
	size_t file_count;
	struct kshim__entries clusters;
	struct kshim__entries users;
	struct kshim__entries contexts;
	char *current;                /* NULL: none */
	char *server;                 /* of the current context, NULL if none or wrong */
	struct kshim__access *access; /* of the current context, once it was asked for */
};

kshim_config *kshim__kubeconfig_new(kshim_error **error);

/* Merges one more document in, behind those before. `dir` may be NULL: relative
 * paths are refused. The text is not kept. 0, or -1 and *error. */
int kshim__kubeconfig_add(kshim_config *config, const char *text, size_t len, const char *name, const char *dir,
			  kshim_error **error);

/* After the last document: finds the current context. 0, or -1 and *error. */
int kshim__kubeconfig_finish(kshim_config *config, kshim_error **error);

/* Makes `name` (NULL: none) the current context, whatever it leads to. */
int kshim__kubeconfig_choose(kshim_config *config, const char *name, kshim_error **error);

const struct kshim__entry *kshim__entries_find(const struct kshim__entries *entries, const char *name);

/* A field's text; NULL if it is not there or empty. `entry` may be NULL. */
const char *kshim__entry_text(const struct kshim__entry *entry, const char *field);
bool kshim__entry_truth(const struct kshim__entry *entry, const char *field);
const json_t *kshim__entry_get(const struct kshim__entry *entry, const char *field);

/* A path field, absolute: new; NULL if it is not there (*error untouched), or
 * without memory. */
char *kshim__entry_path(const struct kshim__entry *entry, const char *field, kshim_error **error);

/* A *-data field, decoded; empty if it is not there. 0, or -1 and *error. */
int kshim__entry_data(const struct kshim__entry *entry, const char *field, struct kshim__blob *blob,
		      kshim_error **error);

/* Tells of a mistake in a field (NULL: in the entry): "file:line: field: …".
 * Always NULL. */
void *kshim__entry_fail(const struct kshim__entry *entry, const char *field, kshim_code code, kshim_error **error,
			const char *format, ...) __attribute__((format(printf, 5, 6)));

/* The types of a whole document's fields. 0, or -1 and *error. */
int kshim__kubefile_check(const struct kshim__kubefile *file, kshim_error **error);

/* As kshim__entry_fail, for any place of the document. */
void *kshim__kubefile_fail(const struct kshim__kubefile *file, const char *pointer, kshim_code code,
			   kshim_error **error, const char *format, ...) __attribute__((format(printf, 5, 6)));

#endif
