#include "yaml_doc.h"

#include "alloc.h"
#include "error.h"
#include "json/tree.h"
#include "yaml_json.h"
#include "yaml_scalar.h"

#include <string.h>
#include <yaml.h>

struct anchor {
	json_t *value; /* NULL while its node is being read */
	uint64_t cost;
};

struct reader {
	yaml_parser_t parser;
	const char *text;
	size_t len;
	const char *source;
	unsigned base; /* lines before the text */
	kshim_code code;
	kshim_error **error;

	struct anchor *anchors; /* of this document */
	size_t anchor_count;
	size_t anchor_cap;
	json_t *anchor_index; /* name: index of the latest of that name */
	uint64_t expanded;    /* what aliases came to */
	int depth;
	struct kshim__yaml_lines lines;

	struct kshim__yaml_doc *docs;
	size_t count;
	size_t cap;
	int want_lines;
};

static void *no_memory(struct reader *reader)
{
	return kshim__fail(reader->error, KSHIM_ENOMEM, "%s: out of memory", reader->source);
}

static unsigned line_of(const struct reader *reader, yaml_mark_t mark)
{
	return reader->base + (unsigned)mark.line + 1;
}

static void *fail(struct reader *reader, yaml_mark_t mark, const char *what)
{
	return kshim__fail(reader->error, reader->code, "%s:%u: %s", reader->source, line_of(reader, mark), what);
}

/* Whether the text's line (from 0) is indented by a tab: the usual mistake. */
static bool tab_indents(const struct reader *reader, size_t line)
{
	const char *at = reader->text, *end = reader->text + reader->len;

	while (line-- && at) {
		at = memchr(at, '\n', (size_t)(end - at));
		if (at)
			at++;
	}
	for (; at && at < end && (*at == ' ' || *at == '\t'); at++)
		if (*at == '\t')
			return true;
	return false;
}

static void parser_failed(struct reader *reader)
{
	yaml_parser_t *parser = &reader->parser;
	const char *problem = parser->problem ? parser->problem : "not YAML";
	unsigned line = reader->base + 1;
	size_t i;

	if (parser->error == YAML_MEMORY_ERROR) {
		no_memory(reader);
	} else if (parser->error == YAML_READER_ERROR) {
		for (i = 0; i < parser->problem_offset && i < reader->len; i++)
			line += reader->text[i] == '\n';
		kshim__fail(reader->error, reader->code, "%s:%u: %s", reader->source, line, problem);
	} else if (parser->context && parser->context_mark.line != parser->problem_mark.line) {
		kshim__fail(reader->error, reader->code, "%s:%u: %s (%s that began on line %u)%s", reader->source,
			    line_of(reader, parser->problem_mark), problem, parser->context,
			    line_of(reader, parser->context_mark),
			    tab_indents(reader, parser->problem_mark.line) ? "; a tab cannot indent" : "");
	} else {
		kshim__fail(reader->error, reader->code, "%s:%u: %s%s", reader->source,
			    line_of(reader, parser->problem_mark), problem,
			    tab_indents(reader, parser->problem_mark.line) ? "; a tab cannot indent" : "");
	}
}

static bool next(struct reader *reader, yaml_event_t *event)
{
	if (yaml_parser_parse(&reader->parser, event))
		return true;
	parser_failed(reader);
	return false;
}

/* The index of a new anchor; 0 and up, or -1. */
static int64_t add_anchor(struct reader *reader, const char *name)
{
	struct anchor *anchors;
	json_t *index;
	size_t cap;

	if (reader->anchor_count == reader->anchor_cap) {
		cap = reader->anchor_cap ? reader->anchor_cap * 2 : 16;
		anchors = kshim__realloc(reader->anchors, cap * sizeof(*anchors));
		if (!anchors)
			goto fail;
		reader->anchors = anchors;
		reader->anchor_cap = cap;
	}
	if (!reader->anchor_index && !(reader->anchor_index = json_object()))
		goto fail;
	index = json_integer((json_int_t)reader->anchor_count);
	if (!index || json_object_set_new(reader->anchor_index, name, index) < 0)
		goto fail;
	memset(&reader->anchors[reader->anchor_count], 0, sizeof(*anchors));
	return (int64_t)reader->anchor_count++;
fail:
	no_memory(reader);
	return -1;
}

/* Later uses share the value instead of copying it. */
static void close_anchor(struct reader *reader, int64_t index, json_t *value, uint64_t cost)
{
	if (index < 0 || !value)
		return;
	reader->anchors[index].value = json_incref(value);
	reader->anchors[index].cost = cost;
}

static void drop_anchors(struct reader *reader)
{
	size_t i;

	for (i = 0; i < reader->anchor_count; i++)
		json_decref(reader->anchors[i].value);
	reader->anchor_count = 0;
	json_decref(reader->anchor_index);
	reader->anchor_index = NULL;
}

static json_t *read_node(struct reader *reader, yaml_event_t *event, uint64_t *cost);

static json_t *read_alias(struct reader *reader, const yaml_event_t *event, uint64_t *cost)
{
	const char *name = (const char *)event->data.alias.anchor;
	json_t *index = json_object_get(reader->anchor_index, name);
	struct anchor *anchor = index ? &reader->anchors[json_integer_value(index)] : NULL;

	if (!anchor)
		return fail(reader, event->start_mark, "an alias of an anchor that does not exist");
	if (!anchor->value)
		return fail(reader, event->start_mark, "an alias within its own anchor");
	reader->expanded += anchor->cost;
	if (reader->expanded > KSHIM__YAML_NODES)
		return fail(reader, event->start_mark, "the aliases expand to too much");
	*cost = anchor->cost;
	return json_incref(anchor->value);
}

static json_t *read_scalar(struct reader *reader, const yaml_event_t *event, uint64_t *cost)
{
	const char *problem;
	json_t *value = kshim__yaml_scalar_value((const char *)event->data.scalar.tag,
						 event->data.scalar.plain_implicit,
						 (const char *)event->data.scalar.value, event->data.scalar.length,
						 &problem);

	*cost = 1 + event->data.scalar.length / 64;
	if (!value && problem)
		return fail(reader, event->start_mark, problem);
	return value ? value : no_memory(reader);
}

static json_t *read_sequence(struct reader *reader, uint64_t *cost)
{
	json_t *array = json_array(), *value;
	yaml_event_t event;
	size_t before;
	uint64_t more;

	if (!array)
		return no_memory(reader);
	for (*cost = 1;; *cost += more) {
		if (!next(reader, &event))
			break;
		if (event.type == YAML_SEQUENCE_END_EVENT) {
			yaml_event_delete(&event);
			return array;
		}
		before = kshim__yaml_lines_index(&reader->lines, json_array_size(array),
						 line_of(reader, event.start_mark));
		value = read_node(reader, &event, &more);
		kshim__yaml_lines_up(&reader->lines, before);
		if (!value)
			break;
		if (kshim__json_tree_append(array, value) < 0) {
			no_memory(reader);
			break;
		}
	}
	kshim__json_drop_secret(array);
	return NULL;
}

/* A key as text: a scalar, or an alias to one. */
static char *read_key(struct reader *reader, yaml_event_t *event)
{
	const char *problem = NULL;
	yaml_mark_t mark = event->start_mark;
	char number[KSHIM__REAL_MAX];
	char *key = NULL;
	json_t *value;
	uint64_t cost;

	if (event->type == YAML_SCALAR_EVENT && !event->data.scalar.anchor) {
		key = kshim__yaml_scalar_key((const char *)event->data.scalar.tag, event->data.scalar.plain_implicit,
					     (const char *)event->data.scalar.value, event->data.scalar.length,
					     &problem);
		yaml_event_delete(event);
	} else {
		value = read_node(reader, event, &cost);
		if (!value)
			return NULL;
		if (json_is_real(value)) {
			kshim__yaml_real_text(json_real_value(value), 32, number);
			key = kshim__strdup(number);
		} else if (json_is_string(value) && strlen(json_string_value(value)) == json_string_length(value)) {
			key = kshim__strdup(json_string_value(value));
		} else if (json_is_integer(value) || json_is_boolean(value)) {
			snprintf(number, sizeof(number), "%lld", (long long)json_integer_value(value));
			key = kshim__strdup(json_is_integer(value) ? number : json_is_true(value) ? "true" : "false");
		} else {
			problem = "a key is not text";
		}
		json_decref(value);
	}
	if (!key && problem)
		fail(reader, mark, problem);
	else if (!key)
		no_memory(reader);
	return key;
}

static bool is_merge(const yaml_event_t *event)
{
	const char *tag;

	if (event->type != YAML_SCALAR_EVENT || event->data.scalar.length != 2 ||
	    memcmp(event->data.scalar.value, "<<", 2) != 0)
		return false;
	tag = (const char *)event->data.scalar.tag;
	return event->data.scalar.plain_implicit || (tag && !strcmp(tag, "tag:yaml.org,2002:merge"));
}

/* `<<`: go-yaml v2 merges where the key stands, over what came before it. */
static bool read_merge(struct reader *reader, json_t *object, uint64_t *cost)
{
	yaml_event_t event;
	yaml_mark_t mark;
	bool sequence, good = true;
	json_t *value;
	size_t i;

	if (!next(reader, &event))
		return false;
	mark = event.start_mark;
	sequence = event.type == YAML_SEQUENCE_START_EVENT;
	value = read_node(reader, &event, cost);
	if (!value)
		return false;
	for (i = json_array_size(value); good && sequence && i-- > 0;) {
		good = json_is_object(json_array_get(value, i));
		if (good && json_object_update(object, json_array_get(value, i)) < 0) {
			json_decref(value);
			return no_memory(reader);
		}
	}
	if (!sequence)
		good = json_is_object(value);
	if (!good)
		fail(reader, mark, "<< wants a mapping or a list of mappings");
	else if (!sequence && json_object_update(object, value) < 0)
		good = no_memory(reader);
	json_decref(value);
	return good;
}

static bool read_pair(struct reader *reader, json_t *object, yaml_event_t *event, uint64_t *cost)
{
	unsigned line = line_of(reader, event->start_mark);
	yaml_event_t at;
	size_t before;
	json_t *value;
	char *key;

	if (is_merge(event)) {
		yaml_event_delete(event);
		return read_merge(reader, object, cost);
	}
	key = read_key(reader, event);
	if (!key)
		return false;
	before = kshim__yaml_lines_key(&reader->lines, key, line);
	value = next(reader, &at) ? read_node(reader, &at, cost) : NULL;
	kshim__yaml_lines_up(&reader->lines, before);
	if (value && kshim__json_tree_put(object, key, value) < 0)
		value = no_memory(reader);
	*cost += strlen(key) / 64;
	kshim__free(key);
	return value;
}

static json_t *read_mapping(struct reader *reader, uint64_t *cost)
{
	json_t *object = json_object();
	yaml_event_t event;
	uint64_t more;

	if (!object)
		return no_memory(reader);
	for (*cost = 1;; *cost += 1 + more) {
		if (!next(reader, &event))
			break;
		if (event.type == YAML_MAPPING_END_EVENT) {
			yaml_event_delete(&event);
			return object;
		}
		if (!read_pair(reader, object, &event, &more))
			break;
	}
	kshim__json_drop_secret(object);
	return NULL;
}

/* The node that `event` begins; deletes the event. */
static json_t *read_node(struct reader *reader, yaml_event_t *event, uint64_t *cost)
{
	const yaml_char_t *name = NULL;
	yaml_event_type_t type = event->type;
	int64_t anchor = -1;
	json_t *value = NULL;

	*cost = 1;
	if (type == YAML_SCALAR_EVENT)
		name = event->data.scalar.anchor;
	else if (type == YAML_SEQUENCE_START_EVENT)
		name = event->data.sequence_start.anchor;
	else if (type == YAML_MAPPING_START_EVENT)
		name = event->data.mapping_start.anchor;
	if (name && (anchor = add_anchor(reader, (const char *)name)) < 0) {
		yaml_event_delete(event);
		return NULL;
	}
	if (type == YAML_ALIAS_EVENT)
		value = read_alias(reader, event, cost);
	else if (type == YAML_SCALAR_EVENT)
		value = read_scalar(reader, event, cost);
	else if (++reader->depth > KSHIM__YAML_DEPTH)
		fail(reader, event->start_mark, "nested too deep");
	yaml_event_delete(event);
	if (type == YAML_SEQUENCE_START_EVENT || type == YAML_MAPPING_START_EVENT) {
		if (reader->depth <= KSHIM__YAML_DEPTH)
			value = type == YAML_SEQUENCE_START_EVENT ? read_sequence(reader, cost) :
								    read_mapping(reader, cost);
		reader->depth--;
	}
	close_anchor(reader, anchor, value, *cost);
	return value;
}

/* Room for one more document; its lines are ready to be filled. */
static struct kshim__yaml_doc *new_doc(struct reader *reader)
{
	struct kshim__yaml_doc *docs, *doc;
	size_t cap;

	if (reader->count == reader->cap) {
		cap = reader->cap ? reader->cap * 2 : 4;
		docs = kshim__realloc(reader->docs, cap * sizeof(*docs));
		if (!docs)
			return no_memory(reader);
		reader->docs = docs;
		reader->cap = cap;
	}
	doc = &reader->docs[reader->count];
	memset(doc, 0, sizeof(*doc));
	if (reader->want_lines && !(doc->lines = json_object()))
		return no_memory(reader);
	return doc;
}

static bool read_document(struct reader *reader)
{
	struct kshim__yaml_doc *doc = new_doc(reader);
	yaml_event_t event;
	uint64_t cost;

	if (!doc)
		return false;
	reader->count++;
	if (!next(reader, &event))
		return false;
	doc->line = line_of(reader, event.start_mark);
	reader->lines.map = doc->lines;
	reader->lines.depth = reader->want_lines;
	doc->value = read_node(reader, &event, &cost);
	reader->lines.map = NULL;
	drop_anchors(reader);
	if (!doc->value)
		return false;
	if (reader->lines.failed)
		return no_memory(reader);
	if (!json_is_null(doc->value))
		return true;
	json_decref(doc->lines);
	reader->count--;
	return true;
}

static bool read_yaml(struct reader *reader)
{
	yaml_event_t event;
	yaml_event_type_t type;
	bool good;

	if (!yaml_parser_initialize(&reader->parser))
		return no_memory(reader);
	yaml_parser_set_input_string(&reader->parser, (const unsigned char *)reader->text, reader->len);
	do {
		good = next(reader, &event);
		type = good ? event.type : YAML_NO_EVENT;
		if (good)
			yaml_event_delete(&event);
		if (type == YAML_DOCUMENT_START_EVENT)
			good = read_document(reader);
	} while (good && type != YAML_STREAM_END_EVENT);
	yaml_parser_delete(&reader->parser);
	drop_anchors(reader);
	kshim__free(reader->anchors);
	reader->anchors = NULL;
	reader->anchor_cap = 0;
	kshim__buf_free(&reader->lines.pointer);
	return good;
}

/* What follows JSON that failed may be YAML flow style: as kubectl, try that,
 * and if it fails too tell what JSON said. */
static bool retry_as_yaml(struct reader *reader, kshim_error *failed)
{
	kshim_error **error = reader->error;
	kshim_error *ignored = NULL;
	size_t count = reader->count;
	bool good;

	reader->error = &ignored;
	good = read_yaml(reader);
	reader->error = error;
	kshim_error_free(ignored);
	if (good) {
		kshim_error_free(failed);
		return true;
	}
	while (reader->count > count) {
		kshim__json_drop_secret(reader->docs[--reader->count].value);
		json_decref(reader->docs[reader->count].lines);
	}
	if (error)
		*error = failed;
	else
		kshim_error_free(failed);
	return false;
}

/* JSON values one after another; anything else is YAML from there on. */
static bool read_stream(struct reader *reader)
{
	const char *end = reader->text + reader->len, *line_start = reader->text;
	kshim_error *failed;
	struct kshim__yaml_doc *doc;
	size_t used, i;

	for (;;) {
		const char *at = reader->text;

		for (; at < end && (*at == ' ' || *at == '\t' || *at == '\r' || *at == '\n'); at++) {
			if (*at != '\n')
				continue;
			reader->base++;
			line_start = at + 1;
			reader->text = line_start;
		}
		reader->len = (size_t)(end - reader->text);
		if (at == end)
			return true;
		if (*at != '{' && *at != '[')
			return read_yaml(reader);
		doc = new_doc(reader);
		if (!doc)
			return false;
		failed = NULL;
		if (kshim__yaml_json(at, (size_t)(end - at), reader->source, reader->base + 1,
				     (unsigned)(at - line_start) + 1, reader->code, reader->want_lines, doc, &used,
				     &failed) < 0) {
			kshim__json_drop_secret(doc->value);
			json_decref(doc->lines);
			if (reader->count <= 1 && kshim_error_code(failed) != KSHIM_ENOMEM)
				return retry_as_yaml(reader, failed);
			if (reader->error)
				*reader->error = failed;
			else
				kshim_error_free(failed);
			return false;
		}
		reader->count++;
		for (i = 0; i < used; i++) {
			if (at[i] != '\n')
				continue;
			reader->base++;
			line_start = at + i + 1;
		}
		reader->text = at + used;
	}
}

int kshim__yaml_read(const char *text, size_t len, const char *source, kshim_code code, int want_lines,
		     struct kshim__yaml_doc **docs, size_t *count, kshim_error **error)
{
	struct reader reader = {.text = text, .len = len, .source = source, .code = code, .error = error};
	size_t i;
	bool good;

	reader.want_lines = want_lines;
	if (len >= 3 && !memcmp(text, "\xEF\xBB\xBF", 3)) {
		reader.text += 3;
		reader.len -= 3;
	}
	for (i = 0; i < reader.len && memchr(" \t\r\n", reader.text[i], 4); i++)
		;
	if (i < reader.len && reader.text[i] == '{')
		good = read_stream(&reader);
	else
		good = read_yaml(&reader);
	if (!good) {
		for (i = 0; i < reader.count; i++)
			kshim__json_cleanse(reader.docs[i].value);
		kshim__yaml_free(reader.docs, reader.count);
		return -1;
	}
	*docs = reader.docs;
	*count = reader.count;
	return 0;
}

void kshim__yaml_free(struct kshim__yaml_doc *docs, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++) {
		json_decref(docs[i].value);
		json_decref(docs[i].lines);
	}
	kshim__free(docs);
}

unsigned kshim__yaml_line(const struct kshim__yaml_doc *doc, const char *pointer)
{
	char path[1024];
	size_t len = strlen(pointer);
	json_t *line;

	if (len >= sizeof(path))
		len = sizeof(path) - 1;
	memcpy(path, pointer, len);
	path[len] = '\0';
	while (len) {
		line = json_object_get(doc->lines, path);
		if (line)
			return (unsigned)json_integer_value(line);
		while (len && path[--len] != '/')
			;
		path[len] = '\0';
	}
	return doc->line;
}

void kshim__yaml_show(struct kshim__buf *buf, const char *pointer)
{
	size_t start = buf->len;

	while (*pointer) {
		size_t len = strcspn(pointer + 1, "/");

		if (len && strspn(pointer + 1, "0123456789") == len)
			kshim__buf_addf(buf, "[%.*s]", (int)len, pointer + 1);
		else
			kshim__buf_addf(buf, "%s%.*s", buf->len > start ? "." : "", (int)len, pointer + 1);
		pointer += len + 1;
	}
}
