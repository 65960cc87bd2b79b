#include "yaml_json.h"

#include "alloc.h"
#include "error.h"
#include "json/scan.h"
#include "json/tree.h"

#include <limits.h>
#include <string.h>

#define POINTER_MAX 512

static void note(struct kshim__yaml_lines *lines, unsigned line)
{
	json_t *number;

	if (lines->pointer.len > POINTER_MAX)
		return; /* what is within is told by what is around it */
	if (lines->pointer.failed) {
		lines->failed = true;
		return;
	}
	number = json_integer(line);
	if (!number || json_object_set_new(lines->map, lines->pointer.data, number) < 0)
		lines->failed = true;
}

size_t kshim__yaml_lines_key(struct kshim__yaml_lines *lines, const char *key, unsigned line)
{
	size_t before = lines->pointer.len;

	if (!lines->map || lines->at++ >= lines->depth)
		return before;
	kshim__buf_addc(&lines->pointer, '/');
	for (; *key; key++) {
		if (*key == '~')
			kshim__buf_adds(&lines->pointer, "~0");
		else if (*key == '/')
			kshim__buf_adds(&lines->pointer, "~1");
		else
			kshim__buf_addc(&lines->pointer, *key);
	}
	note(lines, line);
	return before;
}

size_t kshim__yaml_lines_index(struct kshim__yaml_lines *lines, size_t index, unsigned line)
{
	size_t before = lines->pointer.len;

	if (!lines->map || lines->at++ >= lines->depth)
		return before;
	kshim__buf_addf(&lines->pointer, "/%zu", index);
	note(lines, line);
	return before;
}

void kshim__yaml_lines_up(struct kshim__yaml_lines *lines, size_t length)
{
	if (!lines->map)
		return;
	lines->at--;
	if (lines->pointer.data) {
		lines->pointer.len = length;
		lines->pointer.data[length] = '\0';
	}
}

/* Walks text that jansson found sound: for the lines and the depth only. */
struct walk {
	const char *at;
	const char *end;
	unsigned line;
	int depth;
	struct kshim__yaml_lines lines;
};

static void skip_space(struct walk *walk)
{
	for (; walk->at < walk->end && strchr(" \t\r\n", *walk->at) && *walk->at; walk->at++)
		if (*walk->at == '\n')
			walk->line++;
}

/* From the opening quote to behind the closing one. */
static void skip_string(struct walk *walk)
{
	for (walk->at++; walk->at < walk->end && *walk->at != '"'; walk->at++)
		if (*walk->at == '\\' && walk->at + 1 < walk->end)
			walk->at++;
	if (walk->at < walk->end)
		walk->at++;
}

static bool walk_value(struct walk *walk);

static bool walk_member(struct walk *walk, bool object, size_t index)
{
	unsigned line = walk->line;
	const char *from = walk->at;
	size_t before;
	bool good;

	if (object) {
		char *key = NULL;

		skip_string(walk);
		if (walk->lines.map && walk->lines.at < walk->lines.depth) {
			struct kshim__span name = {from, (size_t)(walk->at - from)};
			bool no_string;

			key = kshim__json_string(name, NULL, &no_string);
			if (!key)
				walk->lines.failed = true;
		}
		before = kshim__yaml_lines_key(&walk->lines, key ? key : "", line);
		kshim__free(key);
		skip_space(walk);
		if (walk->at < walk->end)
			walk->at++; /* the colon */
		skip_space(walk);
	} else {
		before = kshim__yaml_lines_index(&walk->lines, index, line);
	}
	good = walk_value(walk);
	kshim__yaml_lines_up(&walk->lines, before);
	return good;
}

static bool walk_value(struct walk *walk)
{
	char open = walk->at < walk->end ? *walk->at : '\0';
	size_t index = 0;

	if (open == '"') {
		skip_string(walk);
		return true;
	}
	if (open != '{' && open != '[') {
		while (walk->at < walk->end && !strchr(",]} \t\r\n", *walk->at))
			walk->at++;
		return true;
	}
	if (++walk->depth > KSHIM__YAML_DEPTH)
		return false;
	for (walk->at++;; index++) {
		skip_space(walk);
		if (walk->at < walk->end && *walk->at == ',')
			walk->at++;
		skip_space(walk);
		if (walk->at >= walk->end || *walk->at == '}' || *walk->at == ']')
			break;
		if (!walk_member(walk, open == '{', index))
			return false;
	}
	walk->at++;
	walk->depth--;
	return true;
}

/* jansson says what is wrong; it quotes the text around it, which may be a secret. */
static void *fail_at(kshim_error **error, kshim_code code, const char *source, unsigned line, unsigned column,
		     bool no_memory, const char *text, size_t len)
{
	json_error_t what;
	json_t *value = no_memory ? NULL : json_loadb(text, len, JSON_DISABLE_EOF_CHECK | JSON_ALLOW_NUL, &what);
	const char *near;
	int shown;

	json_decref(value);
	if (no_memory || (!value && json_error_code(&what) == json_error_out_of_memory))
		return kshim__fail(error, KSHIM_ENOMEM, "%s: out of memory", source);
	if (value)
		return kshim__fail(error, code, "%s:%u: JSON that cannot be kept", source, line);
	near = strstr(what.text, " near ");
	shown = near ? (int)(near - what.text) : (int)strlen(what.text);
	line += what.line > 0 ? (unsigned)what.line - 1 : 0;
	column = (what.line <= 1 ? column - 1 : 0) + (what.column > 0 ? (unsigned)what.column : 1);
	return kshim__fail(error, code, "%s:%u: JSON, column %u: %.*s", source, line, column, shown, what.text);
}

int kshim__yaml_json(const char *text, size_t len, const char *source, unsigned line, unsigned column,
		     kshim_code code, int depth, struct kshim__yaml_doc *doc, size_t *used, kshim_error **error)
{
	struct walk walk = {.at = text, .line = line};
	struct kshim__span value = {NULL, 0};
	bool good, no_memory = false;

	if (len > INT_MAX) {
		kshim__fail(error, code, "%s:%u: the text is too long", source, line);
		return -1;
	}
	if (kshim__json_value(text, len, &value) && (*value.at == '{' || *value.at == '['))
		doc->value = kshim__json_tree_parse(value.at, value.len, false, &no_memory);
	if (!doc->value) {
		fail_at(error, code, source, line, column, no_memory, text, len);
		return -1;
	}
	doc->line = line;
	*used = (size_t)(value.at - text) + value.len;
	walk.end = text + *used;
	walk.lines.map = doc->lines;
	walk.lines.depth = depth;
	good = walk_value(&walk);
	kshim__buf_free(&walk.lines.pointer);
	if (!good)
		kshim__fail(error, code, "%s:%u: nested deeper than %d levels", source, walk.line, KSHIM__YAML_DEPTH);
	else if (walk.lines.failed)
		kshim__fail(error, KSHIM_ENOMEM, "%s: out of memory", source);
	return good && !walk.lines.failed ? 0 : -1;
}
