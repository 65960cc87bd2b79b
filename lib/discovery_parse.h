/*
 * The documents of the discovery API, read into kinds: the aggregated form
 * (apidiscovery.k8s.io/v2 and v2beta1 APIGroupDiscoveryList) and the older one
 * (APIVersions, APIGroupList, APIResourceList). Nothing here talks to anyone.
 */
#ifndef KSHIM__DISCOVERY_PARSE_H
#define KSHIM__DISCOVERY_PARSE_H

#include "kind.h"

#include <stddef.h>

/* A growing list of kinds, each reference owned. One entry is one group and
 * plural, with its served versions in the server's order of preference. */
struct kshim__kinds {
	kshim_kind **kinds;
	size_t count;
	size_t cap;
	/* What could not be learnt (a broken aggregated API, a stale group): the
	 * names of group/versions, comma separated, or NULL. */
	char *missing;
};

/* One group/version that the older form names: its resources are at
 * /api/<version> or /apis/<group>/<version>. */
struct kshim__group_version {
	char *group;
	char *version;
};
struct kshim__group_versions {
	struct kshim__group_version *entries;
	size_t count;
};

enum kshim__discovery_form {
	KSHIM__DISCOVERY_BAD,       /* none of these */
	KSHIM__DISCOVERY_AGGREGATED,/* kinds were added */
	KSHIM__DISCOVERY_LEGACY,    /* group/versions were added */
	KSHIM__DISCOVERY_NOMEM
};

/* Reads the answer to GET /api or /apis, whichever form the server chose. */
enum kshim__discovery_form kshim__discovery_read_root(const char *json, size_t len, struct kshim__kinds *kinds,
						      struct kshim__group_versions *versions);

/* Reads an APIResourceList: adds kinds, or versions and subresources to kinds
 * that are there. false when it is none, or without memory. */
int kshim__discovery_read_resources(const char *json, size_t len, const struct kshim__group_version *of,
				    struct kshim__kinds *kinds);

/* Notes a group/version as missing. */
void kshim__kinds_missing(struct kshim__kinds *kinds, const char *group, const char *version);

/* The first kind that `name` means (see kshim__kind_matches); core and then
 * built-in groups before others, as kubectl prefers them. */
kshim_kind *kshim__kinds_find(const struct kshim__kinds *kinds, const char *name);
kshim_kind *kshim__kinds_by_group_kind(const struct kshim__kinds *kinds, const char *group, size_t group_len,
				       const char *kind);

void kshim__kinds_free(struct kshim__kinds *kinds);
void kshim__group_versions_free(struct kshim__group_versions *versions);

#endif
