/* The LabelSelector of an object (spec.selector) as a selector's text. */
#ifndef KSHIM__LABEL_SELECTOR_H
#define KSHIM__LABEL_SELECTOR_H

#include "json/scan.h"
#include "selector.h"

/* Appends its matchLabels and matchExpressions (apimachinery meta/v1,
 * LabelSelectorAsSelector). false with *error: KSHIM_EINVAL for what is none,
 * KSHIM_ENOMEM. */
bool kshim__label_selector_add(struct kshim__buf *selector, struct kshim__span json, kshim_error **error);

#endif
