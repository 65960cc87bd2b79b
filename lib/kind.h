/* Kinds from the inside: a kind is a row. */
#ifndef KSHIM__KIND_H
#define KSHIM__KIND_H

#include <kubeshim/kind.h>

#include <stdbool.h>

#define KSHIM__VERSIONS 8
#define KSHIM__SHORT_NAMES 6

enum kshim__verb {
	KSHIM__VERB_CREATE = 1 << 0,
	KSHIM__VERB_DELETE = 1 << 1,
	KSHIM__VERB_DELETE_COLLECTION = 1 << 2,
	KSHIM__VERB_GET = 1 << 3,
	KSHIM__VERB_LIST = 1 << 4,
	KSHIM__VERB_PATCH = 1 << 5,
	KSHIM__VERB_UPDATE = 1 << 6,
	KSHIM__VERB_WATCH = 1 << 7,
	KSHIM__VERBS_ALL = 0xff
};

struct kshim_kind {
	unsigned refs;     /* 0: a static row, never freed */
	const char *group; /* "" for the core group */
	const char *kind;
	const char *plural;
	const char *singular;
	const char *alias; /* another kind name that finds it, or NULL */
	const char *versions[KSHIM__VERSIONS + 1]; /* preferred first */
	const char *api_versions[KSHIM__VERSIONS + 1]; /* "group/version" of each */
	const char *short_names[KSHIM__SHORT_NAMES + 1];
	const char *subresources; /* " scale status " */
	const char *scale_pointer; /* what scale sets: "/spec/replicas"; NULL: cannot be scaled */
	unsigned verbs;
	bool namespaced;
	bool defined; /* of a definition: its versions are served, its scale_pointer is right */
	char *storage; /* what the strings of a kind that is not static point into */
};

/* What a new kind is made of; strings are copied. */
struct kshim__kind_spec {
	const char *group;
	const char *kind;
	const char *plural;
	const char *singular;    /* NULL or "": the kind in lower case */
	const char *const *versions; /* NULL-terminated, preferred first */
	const char *const *short_names; /* NULL-terminated or NULL */
	const char *subresources; /* " scale status " or NULL */
	const char *scale_pointer; /* NULL: not known */
	unsigned verbs;
	bool namespaced;
	bool defined;
};

/* true if group, kind, plural, versions and subresources are valid names. A bad
 * singular or short name is no error: it is left out. */
bool kshim__kind_spec_ok(const struct kshim__kind_spec *spec);

/* New reference; NULL without memory or when a part is no valid name. With a
 * "scale" subresource and no more known of it, scale_pointer is "/spec/replicas"
 * of the Scale. */
kshim_kind *kshim__kind_from_spec(const struct kshim__kind_spec *spec);

/* true if `name` (kind, plural, singular, short name, alias; perhaps with
 * "group/" before or ".group" behind it) means this kind. */
bool kshim__kind_matches(const kshim_kind *kind, const char *name);

/* The same, telling how: 2 by kind, plural or singular, 1 by a short name or
 * the alias, 0 not at all. */
int kshim__kind_match(const kshim_kind *kind, const char *name);

/* The built-in row of a group and kind, or NULL. */
const kshim_kind *kshim__kind_by_group_kind(const char *group, size_t group_len, const char *kind);

/* true when `word` is the first `len` bytes of `name`, without regard to the case
 * of ASCII letters and whatever the locale. */
bool kshim__same_word(const char *word, const char *name, size_t len);

/* The bit of "list", "patch", …; 0 for any other word. */
unsigned kshim__verb_bit(const char *verb);

/* Splits "apps/v1" or "v1": group_len is 0 for the core group. */
void kshim__split_api_version(const char *api_version, size_t *group_len, const char **version);

#endif
