/* Randomness for jitter and back-off, not for secrets. */
#ifndef KSHIM__RANDOM_H
#define KSHIM__RANDOM_H

#include <stdint.h>

/* A number below n, evenly distributed; 0 for n 0. */
uint64_t kshim__random_below(uint64_t n);

#endif
