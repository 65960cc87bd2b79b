#include "alloc.h"
#include "buf.h"
#include "yaml_doc.h"
#include "yaml_scalar.h"

#include <inttypes.h>
#include <string.h>
#include <yaml.h>

#define FORMAT_DEPTH 2048 /* jansson's own limit */

static int write_out(void *data, unsigned char *bytes, size_t len)
{
	return kshim__buf_add(data, bytes, len);
}

/* Base 60 ("1:30"), which YAML 1.1 readers other than ours take for a number. */
static bool is_base60(const char *text, size_t len)
{
	size_t i = *text == '-' || *text == '+', colons = 0;

	if (i >= len || text[i] < '0' || text[i] > '9')
		return false;
	for (; i < len; i++) {
		colons += text[i] == ':';
		if (!strchr("0123456789_:.", text[i]))
			return false;
	}
	return colons;
}

/* Only what a literal block gives back byte for byte. */
static bool literal_holds(const char *text, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++) {
		unsigned char c = (unsigned char)text[i];

		if ((c < 0x20 && c != '\n' && c != '\t') || c == 0x7f)
			return false;
		/* U+0085, U+2028 and U+2029 break lines, U+FEFF is lost */
		if ((c == 0xc2 && text[i + 1] == '\x85') || (c == 0xe2 && text[i + 1] == '\x80') || c == 0xef)
			return false;
	}
	return true;
}

static yaml_scalar_style_t style_of(const char *text, size_t len, bool key)
{
	struct kshim__yaml_scalar scalar;

	if (memchr(text, '\n', len))
		return !key && literal_holds(text, len) ? YAML_LITERAL_SCALAR_STYLE : YAML_DOUBLE_QUOTED_SCALAR_STYLE;
	kshim__yaml_classify(text, len, &scalar);
	if (scalar.type != KSHIM__YAML_STRING || is_base60(text, len) || (len == 2 && !memcmp(text, "<<", 2)))
		return YAML_DOUBLE_QUOTED_SCALAR_STYLE;
	return YAML_PLAIN_SCALAR_STYLE;
}

static bool put(yaml_emitter_t *emitter, yaml_event_t *event, int made)
{
	return made && yaml_emitter_emit(emitter, event);
}

static bool put_scalar(yaml_emitter_t *emitter, const char *text, size_t len, yaml_scalar_style_t style)
{
	yaml_event_t event;

	return put(emitter, &event,
		   yaml_scalar_event_initialize(&event, NULL, NULL, (const yaml_char_t *)text, (int)len, 1, 1, style));
}

static bool put_value(yaml_emitter_t *emitter, const json_t *value, int depth);

static bool put_object(yaml_emitter_t *emitter, const json_t *object, int depth)
{
	yaml_event_t event;
	json_t *value;
	const char *key;

	if (!put(emitter, &event,
		 yaml_mapping_start_event_initialize(&event, NULL, NULL, 1, YAML_BLOCK_MAPPING_STYLE)))
		return false;
	json_object_foreach((json_t *)object, key, value)
		if (!put_scalar(emitter, key, strlen(key), style_of(key, strlen(key), true)) ||
		    !put_value(emitter, value, depth + 1))
			return false;
	return put(emitter, &event, yaml_mapping_end_event_initialize(&event));
}

static bool put_array(yaml_emitter_t *emitter, const json_t *array, int depth)
{
	yaml_event_t event;
	json_t *value;
	size_t i;

	if (!put(emitter, &event,
		 yaml_sequence_start_event_initialize(&event, NULL, NULL, 1, YAML_BLOCK_SEQUENCE_STYLE)))
		return false;
	json_array_foreach(array, i, value)
		if (!put_value(emitter, value, depth + 1))
			return false;
	return put(emitter, &event, yaml_sequence_end_event_initialize(&event));
}

static bool put_value(yaml_emitter_t *emitter, const json_t *value, int depth)
{
	char number[KSHIM__REAL_MAX];
	size_t len;

	if (depth > FORMAT_DEPTH)
		return false;
	switch (json_typeof(value)) {
	case JSON_OBJECT:
		return put_object(emitter, value, depth);
	case JSON_ARRAY:
		return put_array(emitter, value, depth);
	case JSON_STRING:
		len = json_string_length(value);
		return len <= INT32_MAX &&
		       put_scalar(emitter, json_string_value(value), len,
				  style_of(json_string_value(value), len, false));
	case JSON_INTEGER:
		snprintf(number, sizeof(number), "%" JSON_INTEGER_FORMAT, json_integer_value(value));
		break;
	case JSON_REAL:
		kshim__yaml_real_text(json_real_value(value), 64, number);
		break;
	case JSON_TRUE:
	case JSON_FALSE:
		snprintf(number, sizeof(number), "%s", json_is_true(value) ? "true" : "false");
		break;
	default:
		snprintf(number, sizeof(number), "null");
	}
	return put_scalar(emitter, number, strlen(number), YAML_PLAIN_SCALAR_STYLE);
}

char *kshim__yaml_format(const json_t *value)
{
	struct kshim__buf buf;
	yaml_emitter_t emitter;
	yaml_event_t event;
	bool good;

	kshim__buf_init(&buf);
	if (!value || !yaml_emitter_initialize(&emitter))
		return NULL;
	yaml_emitter_set_output(&emitter, write_out, &buf);
	yaml_emitter_set_unicode(&emitter, 1);
	yaml_emitter_set_width(&emitter, -1);
	good = put(&emitter, &event, yaml_stream_start_event_initialize(&event, YAML_UTF8_ENCODING)) &&
	       put(&emitter, &event, yaml_document_start_event_initialize(&event, NULL, NULL, NULL, 1)) &&
	       put_value(&emitter, value, 0);
	emitter.open_ended = 0; /* else a block that keeps its line ends gets a "..." */
	good = good && put(&emitter, &event, yaml_document_end_event_initialize(&event, 1)) &&
	       put(&emitter, &event, yaml_stream_end_event_initialize(&event));
	yaml_emitter_delete(&emitter);
	if (!good) {
		kshim__buf_free_secret(&buf);
		return NULL;
	}
	return kshim__buf_take(&buf, NULL);
}
