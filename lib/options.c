#include "options.h"

#include "alloc.h"
#include "path.h"

#include <kubeshim/watch.h>

#include <string.h>

#define FIELD_MANAGER_MAX 128 /* the server's limit */
#define WATCH_SECONDS_MAX 86400

const struct kshim_options kshim__options_default = {.timeout_ms = -1, .grace_period = -1};

kshim_options *kshim_options_new(void)
{
	kshim_options *options = kshim__malloc(sizeof(*options));

	if (options)
		*options = kshim__options_default;
	return options;
}

kshim_options *kshim__options_copy(const kshim_options *options)
{
	kshim_options *copy = kshim_options_new();

	if (!options || !copy)
		return copy;
	*copy = *options;
	copy->field_manager = kshim__strdup(options->field_manager);
	copy->subresource = kshim__strdup(options->subresource);
	copy->uid = kshim__strdup(options->uid);
	copy->version = kshim__strdup(options->version);
	if ((!options->field_manager || copy->field_manager) && (!options->subresource || copy->subresource) &&
	    (!options->uid || copy->uid) && (!options->version || copy->version))
		return copy;
	kshim_options_free(copy);
	return NULL;
}

void kshim_options_free(kshim_options *options)
{
	if (!options)
		return;
	kshim__free(options->field_manager);
	kshim__free(options->subresource);
	kshim__free(options->uid);
	kshim__free(options->version);
	kshim__free(options);
}

static int set_string(char **slot, const char *value)
{
	char *copy = kshim__strdup(value);

	if (value && !copy)
		return -1;
	kshim__free(*slot);
	*slot = copy;
	return 0;
}

int kshim_options_set_timeout(kshim_options *options, int64_t ms)
{
	if (!options || ms < -1)
		return -1;
	options->timeout_ms = ms;
	return 0;
}

int kshim_options_set_dry_run(kshim_options *options, int dry_run)
{
	if (!options)
		return -1;
	options->dry_run = dry_run != 0;
	return 0;
}

int kshim_options_set_field_manager(kshim_options *options, const char *manager)
{
	if (!options || (manager && (!*manager || strlen(manager) > FIELD_MANAGER_MAX)))
		return -1;
	return set_string(&options->field_manager, manager);
}

int kshim_options_set_force(kshim_options *options, int force)
{
	if (!options)
		return -1;
	options->force = force != 0;
	return 0;
}

int kshim_options_set_validation(kshim_options *options, kshim_validation validation)
{
	if (!options || (unsigned)validation > KSHIM_VALIDATION_IGNORE)
		return -1;
	options->validation = validation;
	return 0;
}

int kshim_options_set_subresource(kshim_options *options, const char *subresource)
{
	if (!options || (subresource && !kshim__path_name_ok(subresource)))
		return -1;
	return set_string(&options->subresource, subresource);
}

int kshim_options_set_propagation(kshim_options *options, kshim_propagation propagation)
{
	if (!options || (unsigned)propagation > KSHIM_PROPAGATION_ORPHAN)
		return -1;
	options->propagation = propagation;
	return 0;
}

int kshim_options_set_grace_period(kshim_options *options, int64_t seconds)
{
	if (!options || seconds < -1)
		return -1;
	options->grace_period = seconds;
	return 0;
}

int kshim_options_set_precondition_uid(kshim_options *options, const char *uid)
{
	return options ? set_string(&options->uid, uid) : -1;
}

int kshim_options_set_precondition_version(kshim_options *options, const char *resource_version)
{
	return options ? set_string(&options->version, resource_version) : -1;
}

int kshim_options_set_if_unchanged(kshim_options *options, int if_unchanged)
{
	if (!options)
		return -1;
	options->if_unchanged = if_unchanged != 0;
	return 0;
}

int kshim_options_set_wait_ready(kshim_options *options, int wait_ready)
{
	if (!options)
		return -1;
	options->wait_ready = wait_ready != 0;
	return 0;
}

/* Of watches: see kubeshim/watch.h. */

int kshim_options_set_watch_from(kshim_options *options, kshim_watch_from from)
{
	if (!options || (from != KSHIM_WATCH_FROM_STATE && from != KSHIM_WATCH_FROM_NOW))
		return -1;
	options->watch_now = from == KSHIM_WATCH_FROM_NOW;
	return 0;
}

int kshim_options_set_watch_gap(kshim_options *options, kshim_watch_gap gap)
{
	if (!options || (gap != KSHIM_WATCH_GAP_STATE && gap != KSHIM_WATCH_GAP_ERROR))
		return -1;
	options->watch_gap_error = gap == KSHIM_WATCH_GAP_ERROR;
	return 0;
}

int kshim_options_set_watch_once(kshim_options *options, int once)
{
	if (!options)
		return -1;
	options->watch_once = once != 0;
	return 0;
}

int kshim_options_set_watch_bookmarks(kshim_options *options, int bookmarks)
{
	if (!options)
		return -1;
	options->watch_bookmarks = bookmarks != 0;
	return 0;
}

int kshim_options_set_watch_streamed_state(kshim_options *options, int streamed)
{
	if (!options)
		return -1;
	options->watch_streamed_state = streamed != 0;
	return 0;
}

int kshim_options_set_watch_seconds(kshim_options *options, unsigned seconds)
{
	if (!options || seconds > WATCH_SECONDS_MAX)
		return -1;
	options->watch_seconds = seconds;
	return 0;
}

int kshim_options_set_watch_buffer(kshim_options *options, size_t bytes)
{
	if (!options)
		return -1;
	options->watch_buffer = bytes;
	return 0;
}
