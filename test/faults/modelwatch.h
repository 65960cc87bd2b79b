/* modelwatch: the watches of the model API server: what each is sent, and how it breaks. */
#ifndef MODELWATCH_H
#define MODELWATCH_H

#include "matcher.h"
#include "modelstate.h"

/* Which objects are meant. */
struct modelscope {
	char ns[64], name[64];			/* "": any */
	struct kshim__matcher *labels;		/* owned */
};

struct modelwatch_options {
	struct modelscope scope;		/* taken over */
	bool bookmarks;
	/* The state at `version` first, in any order; with a bookmark behind it. */
	bool state, end_mark;
	uint64_t version;			/* events after this one */
	long timeout;				/* seconds; 0: for ever */
	enum modelapi_fault fault;		/* MODELAPI_FAULTS: none */
};

bool modelscope_has(const struct modelscope *scope, const struct modelapi_object *object);

/* Makes an answer of it. */
void modelwatch_new(struct model *m, const struct modelwatch_options *o, struct fakeapi_answer *out);
void modelwatch_publish(struct model *m, const struct modelapi_change *change);
void modelwatch_tick(struct model *m);
/* No fault any more that was not begun. */
void modelwatch_settle(struct model *m);

/* A Status as JSON. `more` are members of it, each behind a comma, or "". */
void model_status(struct fakebuf *out, int code, const char *reason, const char *message, const char *more);

#endif
