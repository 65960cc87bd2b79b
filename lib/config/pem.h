/* Checking PEM text before libcurl meets it, whose messages say little. */
#ifndef KSHIM__CONFIG_PEM_H
#define KSHIM__CONFIG_PEM_H

#include "config/config.h"

/* Each gives NULL if good, else what is wrong (static text). */
const char *kshim__pem_ca_problem(const struct kshim__blob *ca);
const char *kshim__pem_pair_problem(const struct kshim__blob *cert, const struct kshim__blob *key, bool *of_key);

#endif
