/*
 * Skipping JSON values at the speed of memory: the inner loop of the scanner
 * and of the list decoder. Works on any cut of the bytes, keeps its state in
 * between, and reads nothing but the bytes it is given.
 */
#ifndef KSHIM__JSON_SKIP_H
#define KSHIM__JSON_SKIP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Inside an array or object. */
struct kshim__skip {
	uint64_t in_string; /* all ones inside a string, else 0 */
	uint64_t escaped;   /* 1 when the next byte is escaped */
	uint32_t depth;     /* brackets open; 0 once the value is over */
};

/* Begins behind the value's opening bracket. */
void kshim__skip_begin(struct kshim__skip *skip);

/* Takes bytes up to and including the bracket that closes the value and says
 * how many; all of them when the value does not end here. A depth beyond
 * KSHIM__JSON_DEPTH means that it stopped for that. */
size_t kshim__skip_run(struct kshim__skip *skip, const char *data, size_t len);

/* The ways in which kshim__skip_run can be done, for tests to compare; those
 * that this processor lacks are left out. The last entry's run is NULL. */
struct kshim__skip_way {
	const char *name;
	size_t (*run)(struct kshim__skip *skip, const char *data, size_t len);
};
#define KSHIM__SKIP_WAYS 4
void kshim__skip_ways(struct kshim__skip_way ways[KSHIM__SKIP_WAYS]);

/* Inside a string. All zero behind its opening quote. */
struct kshim__skip_string {
	bool closed;  /* the closing quote was taken */
	bool escaped; /* the next byte is escaped */
	bool escapes; /* there were escapes */
};

/* Takes bytes up to and including the closing quote and says how many. */
size_t kshim__skip_string(struct kshim__skip_string *skip, const char *data, size_t len);

#endif
