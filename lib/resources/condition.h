/* status.conditions, and whether a status is of the spec as it is now. */
#ifndef KSHIM__CONDITION_H
#define KSHIM__CONDITION_H

#include "object.h"

/* An integer, 0 where there is none: so the API leaves zeros out. */
int64_t kshim__object_number(kshim_object *object, const char *pointer);

/* true once status.observedGeneration is there and no less than
 * metadata.generation: before, the status tells of an earlier spec. */
bool kshim__object_observed(kshim_object *object);

/* A string member ("status", "reason") of the first condition of that type (ASCII
 * case does not matter: kubectl wait), borrowed as from kshim_object_get_string();
 * NULL if there is none. */
const char *kshim__condition_string(kshim_object *object, const char *type, const char *member);

/* true when the condition has that status, and tells of the spec as it is now: by
 * its own observedGeneration, else the status's, if either is there (kubectl wait,
 * condition.go). */
bool kshim__condition_is(kshim_object *object, const char *type, const char *status);

#endif
