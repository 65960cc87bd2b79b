#include "resources/log_options.h"

#include "alloc.h"
#include "path.h"
#include "timestamp.h"

#include <string.h>

kshim_log_options *kshim_log_options_new(void)
{
	kshim_log_options *options = kshim__calloc(1, sizeof(*options));

	if (options)
		options->tail_lines = options->limit_bytes = options->timeout_ms = -1;
	return options;
}

void kshim_log_options_free(kshim_log_options *options)
{
	if (!options)
		return;
	kshim__free(options->container);
	kshim__free(options->since_time);
	kshim__free(options);
}

kshim_log_options *kshim__log_options_copy(const kshim_log_options *options)
{
	kshim_log_options *copy = kshim_log_options_new();

	if (!options || !copy)
		return copy;
	*copy = *options;
	copy->container = kshim__strdup(options->container);
	copy->since_time = kshim__strdup(options->since_time);
	if ((!options->container || copy->container) && (!options->since_time || copy->since_time))
		return copy;
	kshim_log_options_free(copy);
	return NULL;
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

static int set_flag(bool *slot, int value)
{
	*slot = value != 0;
	return 0;
}

static int set_number(int64_t *slot, int64_t value, int64_t least, int64_t none)
{
	if (value < least && value != none)
		return -1;
	*slot = value;
	return 0;
}

int kshim_log_options_set_container(kshim_log_options *options, const char *container)
{
	if (!options || (container && !kshim__path_label_ok(container, strlen(container))))
		return -1;
	return set_string(&options->container, container);
}

int kshim_log_options_set_all_containers(kshim_log_options *options, int all)
{
	return options ? set_flag(&options->all_containers, all) : -1;
}

int kshim_log_options_set_follow(kshim_log_options *options, int follow)
{
	return options ? set_flag(&options->follow, follow) : -1;
}

int kshim_log_options_set_previous(kshim_log_options *options, int previous)
{
	return options ? set_flag(&options->previous, previous) : -1;
}

int kshim_log_options_set_since_seconds(kshim_log_options *options, int64_t seconds)
{
	return options ? set_number(&options->since_seconds, seconds, 1, 0) : -1;
}

int kshim_log_options_set_since_time(kshim_log_options *options, const char *time)
{
	struct kshim__timestamp at;

	if (!options || (time && !kshim__timestamp_parse(time, strlen(time), &at)))
		return -1;
	return set_string(&options->since_time, time);
}

int kshim_log_options_set_timestamps(kshim_log_options *options, int timestamps)
{
	return options ? set_flag(&options->timestamps, timestamps) : -1;
}

int kshim_log_options_set_tail_lines(kshim_log_options *options, int64_t lines)
{
	return options ? set_number(&options->tail_lines, lines, 0, -1) : -1;
}

int kshim_log_options_set_limit_bytes(kshim_log_options *options, int64_t bytes)
{
	return options ? set_number(&options->limit_bytes, bytes, 1, -1) : -1;
}

int kshim_log_options_set_pretty(kshim_log_options *options, int pretty)
{
	return options ? set_flag(&options->pretty, pretty) : -1;
}

int kshim_log_options_set_insecure_backend(kshim_log_options *options, int insecure)
{
	return options ? set_flag(&options->insecure_backend, insecure) : -1;
}

int kshim_log_options_set_timeout(kshim_log_options *options, int64_t ms)
{
	return options ? set_number(&options->timeout_ms, ms, 0, -1) : -1;
}
