#include "timestamp.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

/* Log lines are many: no sscanf here. */
static bool digits(const char **at, const char *end, unsigned count, int *number)
{
	int value = 0;

	if ((size_t)(end - *at) < count)
		return false;
	for (; count; count--, (*at)++) {
		if (**at < '0' || **at > '9')
			return false;
		value = value * 10 + (**at - '0');
	}
	*number = value;
	return true;
}

static bool one_of(const char **at, const char *end, const char *chars)
{
	return *at < end && **at && strchr(chars, *(*at)++);
}

static bool fraction(const char **at, const char *end, uint32_t *nanos)
{
	uint32_t unit = 100000000;
	const char *begin;

	*nanos = 0;
	if (*at == end || **at != '.')
		return true;
	for (begin = ++*at; *at < end && **at >= '0' && **at <= '9'; (*at)++, unit /= 10)
		*nanos += unit * (uint32_t)(**at - '0');
	return *at > begin;
}

/* How many seconds the clock is ahead of UTC. */
static bool offset(const char **at, const char *end, int *seconds)
{
	int hours, minutes;
	char sign;

	*seconds = 0;
	if (*at == end)
		return false;
	sign = *(*at)++;
	if (sign == 'Z' || sign == 'z')
		return true;
	if ((sign != '+' && sign != '-') || !digits(at, end, 2, &hours) || !one_of(at, end, ":") ||
	    !digits(at, end, 2, &minutes) || hours > 23 || minutes > 59)
		return false;
	*seconds = (hours * 60 + minutes) * 60;
	if (sign == '-')
		*seconds = -*seconds;
	return true;
}

bool kshim__timestamp_parse(const char *text, size_t len, struct kshim__timestamp *at)
{
	const char *end = text + len;
	struct tm tm;
	int ahead;

	memset(&tm, 0, sizeof(tm));
	if (!digits(&text, end, 4, &tm.tm_year) || !one_of(&text, end, "-") || !digits(&text, end, 2, &tm.tm_mon) ||
	    !one_of(&text, end, "-") || !digits(&text, end, 2, &tm.tm_mday) || !one_of(&text, end, "Tt ") ||
	    !digits(&text, end, 2, &tm.tm_hour) || !one_of(&text, end, ":") || !digits(&text, end, 2, &tm.tm_min) ||
	    !one_of(&text, end, ":") || !digits(&text, end, 2, &tm.tm_sec) || !fraction(&text, end, &at->nanos) ||
	    !offset(&text, end, &ahead) || text != end)
		return false;
	if (tm.tm_mon < 1 || tm.tm_mon > 12 || tm.tm_mday < 1 || tm.tm_mday > 31 || tm.tm_hour > 23 || tm.tm_min > 59 ||
	    tm.tm_sec > 60)
		return false;
	tm.tm_year -= 1900;
	tm.tm_mon--;
	at->seconds = (int64_t)timegm(&tm) - ahead;
	return true;
}

int kshim__timestamp_compare(const struct kshim__timestamp *a, const struct kshim__timestamp *b)
{
	if (a->seconds != b->seconds)
		return a->seconds < b->seconds ? -1 : 1;
	return a->nanos < b->nanos ? -1 : a->nanos > b->nanos;
}

void kshim__timestamp_format(int64_t seconds, char text[KSHIM__TIMESTAMP_SIZE])
{
	time_t when = (time_t)seconds;
	struct tm tm;

	text[0] = '\0';
	if (gmtime_r(&when, &tm))
		strftime(text, KSHIM__TIMESTAMP_SIZE, "%Y-%m-%dT%H:%M:%SZ", &tm);
}

void kshim__timestamp_format_us(int64_t us, char text[KSHIM__TIMESTAMP_SIZE])
{
	size_t len;

	kshim__timestamp_format(us / 1000000, text);
	len = strlen(text);
	if (len)
		snprintf(text + len - 1, KSHIM__TIMESTAMP_SIZE - len + 1, ".%06dZ", (int)(us % 1000000));
}

int64_t kshim__timestamp_now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}
