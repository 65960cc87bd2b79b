#include "random.h"

#include <sys/random.h>
#include <sys/types.h>
#include <time.h>

uint64_t kshim__random_below(uint64_t n)
{
	uint64_t bits;
	struct timespec now;

	/* before the kernel's pool is ready, at boot, the clock has to do */
	if (getrandom(&bits, sizeof(bits), GRND_NONBLOCK) != (ssize_t)sizeof(bits)) {
		clock_gettime(CLOCK_MONOTONIC, &now);
		bits = ((uint64_t)now.tv_nsec * 0x9e3779b97f4a7c15u) ^ (uint64_t)now.tv_sec;
	}
	/* the high half of a 128-bit product: no bias that matters, no division */
	return n ? (uint64_t)(((unsigned __int128)bits * n) >> 64) : 0;
}
