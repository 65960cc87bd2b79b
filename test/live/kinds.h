/*
 * A row for each built-in kind: where the server has it, and what it lets one do
 * that differs from the others. Paths are written out: they are what the
 * library's own are checked against. And what a test of a row works on.
 */
#ifndef KINDS_H
#define KINDS_H

#include "live.h"

enum {
	CLUSTER = 1 << 0,        /* no namespace */
	CUSTOM = 1 << 1,         /* of a CRD: no strategic merge patch (415), and a PUT
	                            without resourceVersion is refused (422) */
	NEEDS_VERSION = 1 << 2,  /* built in, but refuses such a PUT as well */
	NO_DELETE_ALL = 1 << 3,  /* the server has no deletecollection here (405) */
	STATUS_ON_MAIN = 1 << 4, /* no /status: status is written like the rest */
	MAY_BE_ABSENT = 1 << 5,  /* newer servers do not serve it */
	NOT_TWICE = 1 << 6,      /* what was read cannot be created again: it holds its own uid in
	                            its selector, or an address that is taken (422, before the
	                            server looks at the name) */
};

struct row {
	kshim_builtin which;
	const char *file; /* of test/data/live, and the test's name */
	const char *root;
	const char *plural;
	unsigned flags;
	const char *status;   /* merge patch that leaves a mark (%s); NULL: no status */
	const char *scale_at; /* where the number of replicas is; NULL: not scaled */
};

/* One for each value of kshim_builtin, in its order. */
#define ROW_COUNT 33
extern const struct row rows[ROW_COUNT];

#define CONDITION                                                                                                      \
	"{\"status\":{\"conditions\":[{\"type\":\"%s\",\"status\":\"True\",\"reason\":\"Tested\",\"message\":\"\","    \
	"\"lastTransitionTime\":\"2024-02-29T23:59:59Z\"}]}}"
#define KEY "kubeshim.test~1"         /* of labels and annotations, in a pointer */
#define LABEL "kubeshim.test/subject" /* every test's objects have a value of their own */

/* What a test is about. */
struct subject {
	const struct row *row;
	kshim_query *query; /* its objects, by their label */
	kshim_object *object;
	char label[64];
	char collection[200]; /* paths */
	char path[500];
};

/* `what` makes the test's names different from the other tests'. */
void open_subject(struct subject *subject, const struct row *row, const char *what);
void close_subject(struct subject *subject);

/* A new object of the row's manifest; `which` ends its name. */
kshim_object *make_object(struct subject *subject, char which);
/* The same in the place of subject->object: nothing of the server's is in it. */
void begin_anew(struct subject *subject, char which);

void create(kshim_object *object, struct answer *got, const kshim_options *options);
void patch(struct subject *subject, kshim_patch type, const char *text, const kshim_options *options,
	   struct answer *got);
void remove_object(kshim_object *object);
/* Controllers take finalizers away: that takes its time. Without controllers
 * false of an object that has some. */
bool wait_until_gone(kshim_object *object);

/* Verbs that read the subject, for same_as_server(). */
typedef void look_fn(struct subject *subject, struct answer *got);
look_fn look_by_name, look_only, look_or_none, look_or_none_by_name, look_reload, look_list;

/* What the verb brought is what a raw GET brings. */
void same_as_server(struct subject *subject, look_fn *look);

/* true if the server does not serve the kind: then every verb says so. */
bool absent(struct subject *subject);

/* Runs `steps` on every row, with HTTP/1.1 and HTTP/2, and `first` before them:
 * the exit status. */
struct step {
	const char *name;
	CMUnitTestFunction run;
};
int run_rows(int argc, char **argv, CMUnitTestFunction first, const struct step *steps, size_t count);

#endif
