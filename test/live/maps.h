/* ConfigMaps to query, and what a list says of them. */
#ifndef MAPS_H
#define MAPS_H

#include "live.h"

#define RUN_LABEL "kubeshim.test/run"

/* Makes a ConfigMap of this run with further labels ("\"a\":\"b\"" or ""). */
void make_map(const char *namespace_, const char *name, const char *labels);

/* The ConfigMaps that carry a label. */
kshim_query *maps_with(const char *namespace_, const char *key, const char *value);
void delete_all(kshim_query *query);

/* The names of items, with a blank behind each, as they come. */
struct names {
	struct answer answer; /* first: items get it as their user */
	char text[4000];
};

void list(kshim_query *query, struct names *names);
void list_is(kshim_query *query, const char *expected);

/* What a function returned that started nothing; its client knows why. */
void refused(const void *nothing);
void refused_int(int rc);

#endif
