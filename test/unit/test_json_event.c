/* One line of a watch, in every form that a server may write it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "json/event.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define END_MARK "{\"metadata\":{\"resourceVersion\":\"9\",\"annotations\":{\"k8s.io/initial-events-end\":\"true\"}}}"

/* Out of bytes of its own, so that reading past them is seen. */
struct reading {
	char *bytes;
	struct kshim__event event;
	bool is_event;
};

static struct reading read_bytes(const char *text, size_t len)
{
	struct reading reading = {.bytes = malloc(len ? len : 1)};
	struct kshim__span line = {reading.bytes, len};
	bool usual = false;

	assert_non_null(reading.bytes);
	memcpy(reading.bytes, text, len);
	memset(&reading.event, 0x5a, sizeof(reading.event));
	reading.is_event = kshim__event_read(line, &reading.event, &usual);
	return reading;
}

static void assert_span(struct kshim__span span, const char *text)
{
	assert_int_equal(span.len, strlen(text));
	if (span.len)
		assert_memory_equal(span.at, text, span.len);
}

static void check(const char *line, enum kshim__event_type type, const char *object, const char *version)
{
	struct reading reading = read_bytes(line, strlen(line));

	if (!reading.is_event)
		print_error("no event: %s\n", line);
	assert_true(reading.is_event);
	assert_int_equal(reading.event.type, type);
	assert_span(reading.event.object, object);
	assert_span(reading.event.version, version);
	assert_true(reading.event.object.at > reading.bytes &&
		    reading.event.object.at + reading.event.object.len <= reading.bytes + strlen(line));
	free(reading.bytes);
}

static void types(void **state)
{
	(void)state;
	check("{\"type\":\"ADDED\",\"object\":{\"metadata\":{\"resourceVersion\":\"1\"}}}", KSHIM__EVENT_ADDED,
	      "{\"metadata\":{\"resourceVersion\":\"1\"}}", "1");
	check("{\"type\":\"MODIFIED\",\"object\":{\"metadata\":{\"resourceVersion\":\"12\"}}}", KSHIM__EVENT_MODIFIED,
	      "{\"metadata\":{\"resourceVersion\":\"12\"}}", "12");
	check("{\"type\":\"DELETED\",\"object\":{\"metadata\":{\"resourceVersion\":\"3\"}}}", KSHIM__EVENT_DELETED,
	      "{\"metadata\":{\"resourceVersion\":\"3\"}}", "3");
	check("{\"type\":\"BOOKMARK\",\"object\":{\"metadata\":{\"resourceVersion\":\"4\"}}}", KSHIM__EVENT_BOOKMARK,
	      "{\"metadata\":{\"resourceVersion\":\"4\"}}", "4");
}

/* The first line decides how closely further ones are looked at; those that look otherwise are read in any case. */
static void behind_a_usual_one(void **state)
{
#define TEXT(type, rest) "{\"type\":\"" type "\",\"object\":{\"metadata\":{\"resourceVersion\":\"5\"}}" rest "}"
	static const struct {
		const char *text;
		bool usual;
	} lines[] = {
		{TEXT("ADDED", ",\"new\":{}"), false}, {TEXT("ADDED", ",\"new\":1"), false}, {TEXT("ADDED", ""), true},
		{TEXT("MODIFIED", ",\"new\":1"), true}, {TEXT("ADDED", " "), true}, {TEXT("DELETED", ""), true},
	};
	struct kshim__event event;
	bool usual = false;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(lines); i++) {
		struct kshim__span line = {lines[i].text, strlen(lines[i].text)};

		assert_true(kshim__event_read(line, &event, &usual));
		assert_int_equal(usual, lines[i].usual);
		assert_span(event.object, "{\"metadata\":{\"resourceVersion\":\"5\"}}");
		assert_span(event.version, "5");
	}
#undef TEXT
}

/* What is not known is still an event, which its reader may pass over; close to a known word is not known. */
static void unknown_types(void **state)
{
	static const char *const words[] = {"",	      "ADD",	"ADDED2", "added",     "ADDED ",
					    "SYNCED", "ERROR2", "\\u0041DDED", "BOOKMARKS",
					    "A_TYPE_WITH_MORE_BYTES_THAN_ANY_OF_THOSE_THAT_ARE_KNOWN"};
	char line[200];
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(words); i++) {
		snprintf(line, sizeof(line), "{\"type\":\"%s\",\"object\":{\"a\":1}}", words[i]);
		check(line, KSHIM__EVENT_OTHER, "{\"a\":1}", "");
		snprintf(line, sizeof(line), "{\"object\":{\"a\":1},\"type\":\"%s\"}", words[i]);
		check(line, KSHIM__EVENT_OTHER, "{\"a\":1}", "");
	}
}

/* The order of members, white space, members that nobody knows: the same event. */
static void forms(void **state)
{
	static const char object[] = "{\"metadata\":{\"name\":\"a\",\"resourceVersion\":\"7\"}}";
	static const char *const lines[] = {
		"{\"type\":\"MODIFIED\",\"object\":%s}",
		"{\"object\":%s,\"type\":\"MODIFIED\"}",
		"{\"type\": \"MODIFIED\", \"object\": %s}",
		" {\"type\":\"MODIFIED\",\"object\":%s}",
		"{\"type\":\"MODIFIED\",\"object\":%s} ",
		"{\"type\":\"MODIFIED\",\"object\":%s}\r",
		"{\"type\":\"MODIFIED\",\"object\":%s }",
		"{\t\"type\"\t:\t\"MODIFIED\"\t,\t\"object\"\t:\t%s\t}\t",
		"{\"type\":\"MODIFIED\",\"object\":%s,\"new\":1}",
		"{\"type\":\"MODIFIED\",\"object\":%s,\"new\":{}}",
		"{\"type\":\"MODIFIED\",\"object\":%s,\"new\":{\"x\":[{\"y\":{}}]}}",
		"{\"object\":%s,\"type\":\"MODIFIED\",\"new\":{\"x\":[{}]}}",
		"{\"type\":\"MODIFIED\",\"new\":{\"object\":{}},\"object\":%s}",
		"{\"new\":{\"type\":\"ADDED\"},\"type\":\"MODIFIED\",\"object\":%s}",
		"{\"object\":%s,\"new\":\"}}\",\"type\":\"MODIFIED\"}",
	};
	char line[300];
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(lines); i++) {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
		snprintf(line, sizeof(line), lines[i], object);
#pragma GCC diagnostic pop
		check(line, KSHIM__EVENT_MODIFIED, object, "7");
	}
}

static void versions(void **state)
{
	static const struct {
		const char *object, *version;
	} cases[] = {
		{"{}", ""},
		{"{\"metadata\":{}}", ""},
		{"{\"metadata\":null}", ""},
		{"{\"metadata\":[]}", ""},
		{"{\"resourceVersion\":\"1\"}", ""},
		{"{\"spec\":{\"metadata\":{\"resourceVersion\":\"1\"}},\"metadata\":{\"resourceVersion\":\"2\"}}", "2"},
		{"{\"metadata\":{\"annotations\":{\"resourceVersion\":\"1\"},\"resourceVersion\":\"2\"}}", "2"},
		{"{\"metadata\":{\"name\":\"a\\\"}}\",\"resourceVersion\":\"2\"}}", "2"},
		{"{\"metadata\":{\"name\":\"\xc3\xa4\xf0\x9f\x98\x80\",\"resourceVersion\":\"2\"}}", "2"},
		{"{\"spec\":\"{\\\"metadata\\\":{\\\"resourceVersion\\\":\\\"1\\\"}}\",\"metadata\":{\"resourceVersion\":\"2\"}}", "2"},
		{"{\"metadata\":{\"resourceVersion\":\"abc-1.2/x\"}}", "abc-1.2/x"}, /* opaque */
		{"{\"metadata\":{\"resourceVersion\":\"\"}}", ""},
		{"{\"metadata\":{\"resourceVersion\":12}}", ""},
		{"{\"metadata\":{\"resourceVersion\":null}}", ""},
		{"{\"metadata\":{\"resourceVersion\":\"1\\u0032\"}}", ""},
	};
	char line[300];
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(cases); i++) {
		snprintf(line, sizeof(line), "{\"type\":\"ADDED\",\"object\":%s}", cases[i].object);
		check(line, KSHIM__EVENT_ADDED, cases[i].object, cases[i].version);
		snprintf(line, sizeof(line), "{\"object\":%s, \"type\":\"ADDED\"}", cases[i].object);
		check(line, KSHIM__EVENT_ADDED, cases[i].object, cases[i].version);
	}
}

/* Of an error the version is not one to go on from. */
static void errors(void **state)
{
	static const char status[] = "{\"kind\":\"Status\",\"metadata\":{\"resourceVersion\":\"3\"},\"code\":410,"
				     "\"reason\":\"Expired\",\"message\":\"too old \\\"}}\"}";
	char line[300];

	(void)state;
	snprintf(line, sizeof(line), "{\"type\":\"ERROR\",\"object\":%s}", status);
	check(line, KSHIM__EVENT_ERROR, status, "");
	snprintf(line, sizeof(line), "{\"object\":%s,\"type\":\"ERROR\"}", status);
	check(line, KSHIM__EVENT_ERROR, status, "");
}

static void no_events(void **state)
{
	static const char *const lines[] = {
		"",
		" ",
		"null",
		"[]",
		"{}",
		"\"ADDED\"",
		"{\"type\":\"ADDED\"}",
		"{\"object\":{}}",
		"{\"type\":\"ADDED\",\"object\":null}",
		"{\"type\":\"ADDED\",\"object\":[]}",
		"{\"type\":\"ADDED\",\"object\":\"{}\"}",
		"{\"type\":\"ADDED\",\"object\":1}",
		"{\"type\":null,\"object\":{}}",
		"{\"type\":1,\"object\":{}}",
		"{\"type\":{},\"object\":{}}",
		"{\"kind\":\"Status\",\"code\":410}",
		"[{\"type\":\"ADDED\",\"object\":{}}]",
		"<html>",
		"{\"type\":\"ADDED\",\"object\":}}",
	};
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(lines); i++) {
		struct reading reading = read_bytes(lines[i], strlen(lines[i]));

		if (reading.is_event)
			print_error("an event: %s\n", lines[i]);
		assert_false(reading.is_event);
		free(reading.bytes);
	}
}

/* Cut anywhere it is none, also where the cut looks like the end of a usual line. */
static void every_cut(void **state)
{
	static const char *const lines[] = {
		"{\"type\":\"ADDED\",\"object\":{\"metadata\":{\"name\":\"\xc3\xa4\\\"\",\"resourceVersion\":\"7\"},\"a\":[{\"b\":{}}]}}",
		"{\"object\":{\"metadata\":{\"resourceVersion\":\"7\"}, \"a\":{\"b\":{}}} , \"type\":\"DELETED\"}",
		"{\"type\":\"ERROR\",\"object\":{\"kind\":\"Status\",\"details\":{\"causes\":[{}]},\"code\":410}}",
	};
	size_t i, len, look_whole = 0;

	(void)state;
	for (i = 0; i < COUNT(lines); i++)
		for (len = 0; len < strlen(lines[i]); len++) {
			struct reading reading = read_bytes(lines[i], len);

			if (reading.is_event)
				print_error("an event: %.*s\n", (int)len, lines[i]);
			assert_false(reading.is_event);
			look_whole += i != 1 && len > 2 && memcmp(lines[i] + len - 2, "}}", 2) == 0;
			free(reading.bytes);
		}
	assert_int_equal(look_whole, 1);
}

/* Any byte changed to any other: never past the end, and the spans stay inside. */
static void every_byte(void **state)
{
	static const char line[] = "{\"type\":\"ADDED\",\"object\":{\"metadata\":{\"resourceVersion\":\"7\"}}}";
	char changed[sizeof(line)];
	size_t i, len = sizeof(line) - 1;
	unsigned byte;

	(void)state;
	for (i = 0; i < len; i++)
		for (byte = 0; byte < 256; byte++) {
			struct reading reading;

			memcpy(changed, line, sizeof(line));
			changed[i] = (char)byte;
			reading = read_bytes(changed, len);
			if (reading.is_event) {
				assert_true(reading.event.object.at >= reading.bytes);
				assert_true(reading.event.object.at + reading.event.object.len <= reading.bytes + len);
				assert_true(!reading.event.version.len ||
					    (reading.event.version.at > reading.event.object.at &&
					     reading.event.version.at + reading.event.version.len <
						     reading.event.object.at + reading.event.object.len));
			}
			free(reading.bytes);
		}
}

static bool is_end(const char *type, const char *object)
{
	struct reading reading;
	char line[300];
	bool end;

	snprintf(line, sizeof(line), "{\"type\":\"%s\",\"object\":%s}", type, object);
	reading = read_bytes(line, strlen(line));
	assert_true(reading.is_event);
	end = kshim__event_is_initial_end(&reading.event);
	free(reading.bytes);
	return end;
}

static void initial_end(void **state)
{
	(void)state;
	assert_true(is_end("BOOKMARK", END_MARK));
	assert_true(is_end("BOOKMARK", "{ \"metadata\" : { \"annotations\" : { \"a\":\"b\", "
				       "\"k8s.io/initial-events-end\" : \"true\" } } }"));
	assert_false(is_end("ADDED", END_MARK));
	assert_false(is_end("DELETED", END_MARK));
	assert_false(is_end("ERROR", END_MARK));
	assert_false(is_end("BOOKMARK", "{}"));
	assert_false(is_end("BOOKMARK", "{\"metadata\":{\"resourceVersion\":\"9\",\"annotations\":{}}}"));
	assert_false(is_end("BOOKMARK", "{\"metadata\":{\"annotations\":{\"k8s.io/initial-events-end\":\"false\"}}}"));
	assert_false(is_end("BOOKMARK", "{\"metadata\":{\"annotations\":{\"k8s.io/initial-events-end\":true}}}"));
	assert_false(is_end("BOOKMARK", "{\"metadata\":{\"labels\":{\"k8s.io/initial-events-end\":\"true\"}}}"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(types), cmocka_unit_test(unknown_types), cmocka_unit_test(behind_a_usual_one),
		cmocka_unit_test(forms),
		cmocka_unit_test(versions),   cmocka_unit_test(errors),	       cmocka_unit_test(no_events),
		cmocka_unit_test(every_cut),  cmocka_unit_test(every_byte),    cmocka_unit_test(initial_end),
	};

	return cmocka_run_group_tests_name("unit/json_event", tests, NULL, NULL);
}
