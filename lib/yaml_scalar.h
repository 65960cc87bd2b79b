/*
 * What a YAML scalar stands for: the rules of go-yaml v2 (YAML 1.1 as
 * Kubernetes reads it), which decide whether `no` is a boolean and `1:30` a
 * string.
 */
#ifndef KSHIM__YAML_SCALAR_H
#define KSHIM__YAML_SCALAR_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum kshim__yaml_type {
	KSHIM__YAML_STRING,
	KSHIM__YAML_NULL,
	KSHIM__YAML_BOOL,
	KSHIM__YAML_INT,
	KSHIM__YAML_REAL,
	KSHIM__YAML_SPECIAL, /* .inf, .nan: JSON cannot hold them */
	KSHIM__YAML_TOO_BIG  /* an integer that 64 bits cannot hold */
};

struct kshim__yaml_scalar {
	enum kshim__yaml_type type;
	bool truth;
	int64_t integer;
	double real;
};

/* What an untagged plain scalar is. */
void kshim__yaml_classify(const char *text, size_t len, struct kshim__yaml_scalar *scalar);

/* A scalar's value: new; NULL and *problem (static; NULL when memory ran out).
 * `tag` may be NULL; `implicit` is libyaml's plain_implicit. */
json_t *kshim__yaml_scalar_value(const char *tag, bool implicit, const char *text, size_t len, const char **problem);

/* The same for a mapping's key, which becomes text: new, to kshim__free. */
char *kshim__yaml_scalar_key(const char *tag, bool implicit, const char *text, size_t len, const char **problem);

/* The shortest text that reads back as this number, as Go writes it; `bits` is
 * 32 or 64, `out` holds KSHIM__REAL_MAX bytes. The same in every locale. */
#define KSHIM__REAL_MAX 40
void kshim__yaml_real_text(double real, int bits, char *out);

#endif
