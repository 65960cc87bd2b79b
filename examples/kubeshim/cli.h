/*
 * The command line: one loop, one client, and a row of targets that a verb is
 * carried out on, one after another. A new verb is a row in main.c: what
 * options it takes, how it reads its arguments, and how it begins on a target.
 */
#ifndef CLI_H
#define CLI_H

#include <kubeshim/kubeshim.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define VALUES_MAX 64

/* An option that may stand several times. */
struct values {
	const char *at[VALUES_MAX];
	size_t count;
};

/* What the options say. Texts are the program's arguments; a number that was
 * not given is -1. */
struct settings {
	const char *kubeconfig, *context, *namespace_;
	int64_t request_timeout;
	bool verbose, help, all_namespaces;
	const char *labels, *fields, *output;
	int64_t limit;
	bool no_headers, ignore_not_found, all;
	struct values files;
	const char *dry_run, *field_manager, *validate;
	bool force_conflicts;
	const char *patch, *type, *subresource;
	int64_t replicas;
	const char *cascade;
	int64_t grace_period;
	bool force, now, no_wait, wait, client_only, server_side;
	int64_t timeout;
	const char *container, *since_time;
	bool follow, all_containers, previous, timestamps, prefix;
	int64_t since, tail, limit_bytes, max_log_requests; /* tail: INT64_MIN if not given */
	struct values goals;
	int64_t goals_timeout;
	int64_t revision, to_revision;
	bool no_watch;
	bool ignore_daemonsets, delete_emptydir_data, disable_eviction;
	const char *pod_selector;
	int64_t skip_deleted;
	const char *method, *data, *port, *scheme;
	struct values headers;
	bool overwrite, list, local;
	const char *resource_version;
};

/* The groups of options that a verb may take. */
enum {
	TAKES_ALWAYS = 1,
	TAKES_NAMESPACES = 1 << 1,
	TAKES_SELECTOR = 1 << 2,
	TAKES_OUTPUT = 1 << 3,
	TAKES_LIST = 1 << 4,
	TAKES_FILES = 1 << 5,
	TAKES_DRY_RUN = 1 << 6,
	TAKES_FIELDS = 1 << 7, /* --field-manager, --validate */
	TAKES_APPLY = 1 << 8,
	TAKES_PATCH = 1 << 9,
	TAKES_SCALE = 1 << 10,
	TAKES_DELETE = 1 << 11,
	TAKES_MISSING = 1 << 12, /* --ignore-not-found */
	TAKES_VERSION = 1 << 13,
	TAKES_HEADERS = 1 << 14,
	TAKES_LOGS = 1 << 15,
	TAKES_WAIT = 1 << 16,
	TAKES_ROLLOUT = 1 << 17,
	TAKES_DRAIN = 1 << 18,
	TAKES_PROXY = 1 << 19,
	TAKES_METADATA = 1 << 20,
};

struct app;
struct target;

/* Begins on a target: true when a call is under way, whose callback calls
 * app_next(); false when there is nothing to wait for. */
typedef bool begin_fn(struct app *app, struct target *target);

struct verb {
	const char *name, *alias;
	const char *usage;   /* what stands behind the name */
	const char *summary; /* one line */
	unsigned takes;
	bool offline; /* needs no server */
	/* Reads the arguments: 0, or -1 after it said why not. */
	int (*prepare)(struct app *app);
	begin_fn *begin;
	/* After the last target; may start another round with app_restart(). */
	void (*finish)(struct app *app);
};

/* A kind, an object of it by name, or an object of a file. */
struct target {
	struct target *next;
	char *kind_name; /* as it was typed; NULL for an object of a file */
	const kshim_kind *kind;
	char *name; /* NULL: all that match */
	char *namespace_; /* NULL: the one of -n or of the context */
	kshim_object *object;
	const char *source; /* the file it came from */
	char *text; /* patch: the object before; delete: its uid; drain: why it failed;
	               proxy: the path; label: what was done */
	bool waits; /* delete: it was not gone at once */
	struct app *app; /* logs: for several at a time */
	bool cut;        /* logs: a line of it was ended for another */
};

struct table;
struct rollout;
struct drain;

struct app {
	struct settings settings;
	const struct verb *verb;
	const char **args; /* behind the verb */
	size_t arg_count;
	kshim_loop *loop;
	kshim_config *config;
	kshim_client *client;
	kshim_options *options;
	kshim_timer *timer;
	struct target *targets, **last, *at;
	begin_fn *begin, *then;
	bool aborted; /* what is left is not begun */
	bool unwritable;
	struct table *tables; /* get: what will be printed at the end */
	const kshim_kind *table_kind; /* of the last one */
	json_t *table_columns;
	struct values warned;
	size_t found; /* objects; auth: which version is asked for */
	struct target *torn; /* logs: what was printed last, if inside a line */
	struct target *selected; /* the last that a selector gave */
	int64_t pause_ms, waited_ms;
	const struct rollout *rollout; /* which one of its verbs */
	struct drain *drain;
	json_t *changes; /* label, annotate: values, and null of what goes */
	kshim_call *call;    /* rollout status */
	kshim_cache *cache;  /* watch */
	size_t goal;         /* wait: which one is next */
	int64_t deadline_ms; /* on the monotonic clock */
	int status;
};

/* options.c */
int options_parse(struct app *app, int argc, char **argv);
void options_print(unsigned takes);
int parse_duration(const char *text, int64_t *ms);
int usage_error(const struct app *app, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* main.c */
const struct verb *verb_find(const char *name);

/* run.c */
struct target *target_add(struct app *app, struct target *after);
void targets_free(struct app *app);
int app_run(struct app *app);
bool app_started(struct app *app, const kshim_call *call);
void app_next(struct app *app);
void app_restart(struct app *app, begin_fn *begin);
const char *app_namespace(const struct app *app);
kshim_query *target_query(struct app *app, const struct target *target);
kshim_object *target_object(struct app *app, struct target *target);
bool target_need_kind(struct app *app, struct target *target, begin_fn *then);
bool target_of_file(struct app *app, struct target *target, begin_fn *go);
bool target_settle_namespace(struct app *app, struct target *target);
bool target_list(struct app *app, struct target *target, kshim_done_fn *done);
begin_fn target_expand;

/* args.c, files.c: give the app its targets. 0, or -1 after an error. */
enum { ARGS_NEED_NAME = 1, ARGS_ONLY_NAMES = 2 };
int args_read(struct app *app, unsigned flags);
int files_read(struct app *app);

/* output.c */
void *need(void *memory); /* ends the program if there is none */
char *copy_text(const char *text);
int fail(struct app *app, const char *format, ...) __attribute__((format(printf, 2, 3)));
void fail_error(struct app *app, const struct target *target, const char *doing, const kshim_error *error);
void fail_client(struct app *app);
void say_done(struct app *app, kshim_object *object, const char *what);
void print_json(struct app *app, kshim_object *object);
void print_kind(const char *kind, const char *group);
void print_name(const char *kind, const char *group, const char *name);
void warn(const char *text, void *user);
void trace(char direction, const char *line, void *user);
void output_check(struct app *app);

/* table.c: columns of text. */
struct table *table_new(size_t columns);
void table_free(struct table *table);
void table_add(struct table *table, const char *cell); /* copied; rows fill from the left */
void table_prefix(struct table *table, size_t column, const char *prefix);
size_t table_rows(const struct table *table);
struct table **table_next(struct table *table);
void table_print(const struct table *table, bool header);

/* get_table.c: the server's tables. */
int tables_add_page(struct app *app, const struct target *target, const char *json, size_t len);
void tables_print(struct app *app);

/* template.c: a Pod template as text; `change_cause` or NULL stands among its annotations. */
void template_print(json_t *template, const char *change_cause);

/* The verbs: get.c, write.c, change.c, delete.c, about.c, logs.c, rollout.c, wait.c, node.c,
 * proxy.c, metadata.c, auth.c, watch.c */
int get_prepare(struct app *app);
begin_fn get_begin;
void get_finish(struct app *app);
int check_output(struct app *app);
int write_prepare(struct app *app);
begin_fn create_begin, replace_begin, apply_begin;
int patch_prepare(struct app *app);
begin_fn patch_begin;
int scale_prepare(struct app *app);
begin_fn scale_begin;
int delete_prepare(struct app *app);
begin_fn delete_begin;
void delete_finish(struct app *app);
int logs_prepare(struct app *app);
begin_fn logs_begin;
void logs_finish(struct app *app);
int rollout_prepare(struct app *app);
begin_fn rollout_begin;
void rollout_finish(struct app *app);
int wait_prepare(struct app *app);
begin_fn wait_begin;
void wait_finish(struct app *app);
int node_prepare(struct app *app);
begin_fn node_begin;
void node_finish(struct app *app);
int proxy_prepare(struct app *app);
begin_fn proxy_begin;
int metadata_prepare(struct app *app);
begin_fn metadata_begin;
int metadata_local(struct app *app);
int watch_prepare(struct app *app);
begin_fn watch_begin;
int auth_prepare(struct app *app);
begin_fn auth_begin;
int kinds_prepare(struct app *app);
begin_fn kinds_begin;
int version_prepare(struct app *app);
begin_fn version_begin;
int config_prepare(struct app *app);

#endif
