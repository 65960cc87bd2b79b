/* What the soaks of watches and of caches share. */
#ifndef SOAK_H
#define SOAK_H

#include "../testutil.h"

#include "matcher.h"
#include "modelapi.h"

#include <time.h>
#include <unistd.h>

#define ROOM (MODELAPI_NAMESPACES * 100)

/* An object as a user knows it; uid "": there is none. */
struct known {
	char uid[40];
	uint64_t version;
	unsigned revision;
};

static inline uint64_t soak_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static inline uint32_t soak_random(uint64_t *random, uint32_t below)
{
	*random = *random * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(*random >> 33) % below;
}

/* A number from the environment. */
static inline unsigned soak_setting(const char *name, unsigned otherwise)
{
	const char *text = getenv(name);

	return text && *text ? (unsigned)strtoul(text, NULL, 10) : otherwise;
}

static inline uint64_t soak_seed(void)
{
	return soak_setting("KSHIM_SOAK_SEED", (unsigned)getpid());
}

/* The soaks' own limit in place of test_begin()'s. */
static inline void soak_alarm(void)
{
	alarm(60 + soak_setting("KSHIM_SOAK_RUNS", 1) * (soak_setting("KSHIM_SOAK_SECONDS", 3) + 60) * 4);
}

static inline bool soak_selects(const char *ns, const char *name, const struct kshim__matcher *matcher,
				const struct modelapi_object *o)
{
	struct kshim__span labels = {o->labels, strlen(o->labels)};

	return *o->uid && (!ns || strcmp(ns, o->ns) == 0) && (!name || strcmp(name, o->name) == 0) &&
	       kshim__matcher_matches_labels(matcher, labels);
}

/* Where an object stands in the model. */
static inline size_t soak_slot(const struct modelapi *model, kshim_object *object)
{
	const char *ns = kshim_object_namespace(object), *name = kshim_object_name(object);
	size_t slot;

	assert_non_null(ns);
	assert_non_null(name);
	slot = strtoul(ns + 3, NULL, 10) * (modelapi_room(model) / MODELAPI_NAMESPACES) + strtoul(name + 5, NULL, 10);
	assert_true(slot < ROOM);
	return slot;
}

static inline struct known soak_read(kshim_object *object)
{
	const char *revision = kshim_object_get_string(object, "/data/revision");
	const char *version = kshim_object_resource_version(object);
	struct known known;

	assert_non_null(revision);
	assert_non_null(version);
	assert_string_equal(kshim_object_kind(object), "ConfigMap");
	memset(&known, 0, sizeof(known));
	snprintf(known.uid, sizeof(known.uid), "%s", kshim_object_uid(object));
	known.version = strtoull(version, NULL, 10);
	known.revision = (unsigned)strtoul(revision, NULL, 10);
	return known;
}

/* The change of this version, or NULL. */
static inline const struct modelapi_change *soak_change(const struct modelapi *model, uint64_t version)
{
	size_t low = 0, high = modelapi_change_count(model);

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (modelapi_change(model, middle)->object.version < version)
			low = middle + 1;
		else
			high = middle;
	}
	return modelapi_change(model, low) && modelapi_change(model, low)->object.version == version ?
		       modelapi_change(model, low) : NULL;
}

#endif
