/* Points in time as Kubernetes writes them: RFC 3339, to the nanosecond. */
#ifndef KSHIM__TIMESTAMP_H
#define KSHIM__TIMESTAMP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct kshim__timestamp {
	int64_t seconds; /* since 1970 */
	uint32_t nanos;
};

/* "2026-11-24T08:00:00Z", "2026-11-24T10:00:00.123456789+02:00": the whole text,
 * or false. Digits beyond the nanosecond are ignored. */
bool kshim__timestamp_parse(const char *text, size_t len, struct kshim__timestamp *at);

/* Below, equal to or above 0, as a is before, at or after b. */
int kshim__timestamp_compare(const struct kshim__timestamp *a, const struct kshim__timestamp *b);

/* The whole second, in UTC: "2026-11-24T08:00:00Z". */
#define KSHIM__TIMESTAMP_SIZE 40
void kshim__timestamp_format(int64_t seconds, char text[KSHIM__TIMESTAMP_SIZE]);
/* With its microseconds, always six digits: Kubernetes' MicroTime. */
void kshim__timestamp_format_us(int64_t us, char text[KSHIM__TIMESTAMP_SIZE]);

/* CLOCK_REALTIME in microseconds. */
int64_t kshim__timestamp_now_us(void);

#endif
