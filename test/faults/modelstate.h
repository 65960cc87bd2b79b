/* modelstate: what the model API server keeps: objects, their history, what to break next. */
#ifndef MODELSTATE_H
#define MODELSTATE_H

#include "fakebuf.h"
#include "modelapi.h"

#define MODEL_SLOTS (MODELAPI_NAMESPACES * 100)
#define MODEL_CHANGES 65536

/* Shared with the test; written by the server, but for the first three. */
struct modelshared {
	atomic_bool quiet, old;
	atomic_uint faults;
	atomic_bool settled;
	atomic_uint injected[MODELAPI_FAULTS];
	atomic_uint watches;
	_Atomic uint64_t version;
	atomic_size_t changes;
	struct modelapi_object objects[MODEL_SLOTS];	/* uid "": none */
	struct modelapi_change log[MODEL_CHANGES];
};

struct modelwatch;

struct model {
	struct modelapi_options o;
	struct modelshared *shared;
	size_t slots;
	uint64_t random;
	unsigned uids;
	/* Changes behind this version are known; the log from this index on. */
	uint64_t oldest;
	size_t oldest_change;
	uint64_t errors_until, pause_until, big_until;
	size_t big_slot;
	char retry_after[32];
	const char *retry_headers[2];
	unsigned bigs;
	struct modelwatch *watches;
};

/* Takes options and shared memory, and makes the first objects. */
void model_init(struct model *m, const struct modelapi_options *o, struct modelshared *shared);
uint32_t model_random(struct model *m, uint32_t below);
bool model_percent(struct model *m, unsigned percent);

/* Changes that are due, each given to publish(), and what breaks the whole. */
void model_tick(struct model *m, unsigned ms,
		void (*publish)(struct model *m, const struct modelapi_change *change));
void model_settle(struct model *m,
		  void (*publish)(struct model *m, const struct modelapi_change *change));

/* The objects as they were at a version that is not older than .oldest. */
void model_at(const struct model *m, uint64_t version, struct modelapi_object out[MODEL_SLOTS]);

/* Whether a fault may happen now. */
bool model_enabled(const struct model *m, enum modelapi_fault fault);
void model_injected(struct model *m, enum modelapi_fault fault);
/* One of the faults in the mask that may happen, or MODELAPI_FAULTS: none. */
enum modelapi_fault model_draw(struct model *m, unsigned mask);

/* An object's JSON; list items go without kind and apiVersion. */
void model_render(struct fakebuf *out, const struct modelapi_object *object, bool typed);

#endif
