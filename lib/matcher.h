/*
 * Label selectors that are evaluated here: parsed once, then matched against
 * the bytes of objects. What is taken, what is refused and what matches are as
 * the server has them (apimachinery, pkg/labels).
 */
#ifndef KSHIM__MATCHER_H
#define KSHIM__MATCHER_H

#include "json/scan.h"

#include <kubeshim/error.h>

#include <stdbool.h>

struct kshim__matcher;

/* NULL and "" match everything. New; NULL with *error: KSHIM_EINVAL, which names
 * the byte (the first is 1), KSHIM_ENOMEM. */
struct kshim__matcher *kshim__matcher_new(const char *selector, kshim_error **error);
void kshim__matcher_free(struct kshim__matcher *matcher);

/* Reads metadata.labels of an object's bytes, without an allocation. A label
 * that is no string counts as absent; of equal keys the first counts. */
bool kshim__matcher_matches(const struct kshim__matcher *matcher, struct kshim__span object);

/* The same of the labels alone; anything but a JSON object is none. */
bool kshim__matcher_matches_labels(const struct kshim__matcher *matcher, struct kshim__span labels);

#endif
