/* CustomResourceDefinitions, read into kinds. */
#ifndef KSHIM__DEFINITION_H
#define KSHIM__DEFINITION_H

#include "kind.h"

#include <kubeshim/error.h>

/* The kind that the definition's text defines: see kshim_crd_kind(). New; NULL,
 * with *error. */
kshim_kind *kshim__definition_kind(const char *text, size_t len, kshim_error **error);

/* Kubernetes' order of versions: less than 0 if `a` goes before `b`. Stable before
 * beta before alpha, higher numbers first; what is no such version comes behind
 * them, in the order of its letters (apimachinery's version helpers). */
int kshim__version_order(const char *a, const char *b);

#endif
