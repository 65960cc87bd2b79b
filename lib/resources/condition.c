#include "resources/condition.h"

#include <stdio.h>
#include <string.h>

#define POINTER_MAX 96

int64_t kshim__object_number(kshim_object *object, const char *pointer)
{
	int64_t number = 0;

	return kshim_object_get_int(object, pointer, &number) == 0 ? number : 0;
}

bool kshim__object_observed(kshim_object *object)
{
	int64_t observed;

	return kshim_object_get_int(object, "/status/observedGeneration", &observed) == 0 &&
	       observed >= kshim__object_number(object, "/metadata/generation");
}

static bool same(const char *a, const char *b)
{
	return kshim__same_word(a, b, strlen(b));
}

static const char *point(char pointer[POINTER_MAX], size_t index, const char *member)
{
	snprintf(pointer, POINTER_MAX, "/status/conditions/%zu/%s", index, member);
	return pointer;
}

/* Its index, or the number of conditions. */
static size_t find(kshim_object *object, const char *type, size_t count)
{
	char pointer[POINTER_MAX];
	const char *text;
	size_t i;

	for (i = 0; i < count; i++) {
		text = kshim_object_get_string(object, point(pointer, i, "type"));
		if (text && same(text, type))
			break;
	}
	return i;
}

const char *kshim__condition_string(kshim_object *object, const char *type, const char *member)
{
	size_t count = kshim_object_get_size(object, "/status/conditions"), i = find(object, type, count);
	char pointer[POINTER_MAX];

	return i < count ? kshim_object_get_string(object, point(pointer, i, member)) : NULL;
}

bool kshim__condition_is(kshim_object *object, const char *type, const char *status)
{
	size_t count = kshim_object_get_size(object, "/status/conditions"), i = find(object, type, count);
	char pointer[POINTER_MAX];
	int64_t generation, observed;
	const char *text;

	if (i == count)
		return false;
	text = kshim_object_get_string(object, point(pointer, i, "status"));
	if (!text || !same(text, status))
		return false;
	if (kshim_object_get_int(object, "/metadata/generation", &generation) < 0)
		return true;
	if (kshim_object_get_int(object, point(pointer, i, "observedGeneration"), &observed) < 0 &&
	    kshim_object_get_int(object, "/status/observedGeneration", &observed) < 0)
		return true;
	return observed >= generation;
}
