/* The fields of a kubeconfig that client-go knows, and their types. Others are
 * ignored, as there. */
#include "config/kubeconfig.h"

#include "alloc.h"
#include "base64.h"
#include "buf.h"
#include "error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum type {
	T_ANY,
	T_STRING,
	T_PATH,        /* a string; relative to the file */
	T_COMMAND,     /* a path if there is a slash in it */
	T_BOOL,
	T_DATA,        /* base64, or PEM as some tools write it */
	T_STRINGS,     /* a list of strings */
	T_STRING_MAP,  /* a mapping to strings */
	T_STRINGS_MAP, /* a mapping to lists of strings */
	T_OBJECT,
	T_OBJECTS      /* a list of mappings */
};

struct field {
	const char *name;
	enum type type;
	const struct field *fields;
};

static const struct field extension[] = {{"name", T_STRING, NULL}, {"extension", T_ANY, NULL}, {0}};

static const struct field cluster[] = {
	{"server", T_STRING, NULL},
	{"tls-server-name", T_STRING, NULL},
	{"insecure-skip-tls-verify", T_BOOL, NULL},
	{"certificate-authority", T_PATH, NULL},
	{"certificate-authority-data", T_DATA, NULL},
	{"proxy-url", T_STRING, NULL},
	{"disable-compression", T_BOOL, NULL},
	{"extensions", T_OBJECTS, extension},
	{0},
};

static const struct field exec_env[] = {{"name", T_STRING, NULL}, {"value", T_STRING, NULL}, {0}};

static const struct field exec[] = {
	{"command", T_COMMAND, NULL},
	{"args", T_STRINGS, NULL},
	{"env", T_OBJECTS, exec_env},
	{"apiVersion", T_STRING, NULL},
	{"installHint", T_STRING, NULL},
	{"provideClusterInfo", T_BOOL, NULL},
	{"interactiveMode", T_STRING, NULL},
	{0},
};

static const struct field auth_provider[] = {{"name", T_STRING, NULL}, {"config", T_STRING_MAP, NULL}, {0}};

static const struct field user[] = {
	{"client-certificate", T_PATH, NULL},
	{"client-certificate-data", T_DATA, NULL},
	{"client-key", T_PATH, NULL},
	{"client-key-data", T_DATA, NULL},
	{"token", T_STRING, NULL},
	{"tokenFile", T_PATH, NULL},
	{"as", T_STRING, NULL},
	{"as-uid", T_STRING, NULL},
	{"as-groups", T_STRINGS, NULL},
	{"as-user-extra", T_STRINGS_MAP, NULL},
	{"username", T_STRING, NULL},
	{"password", T_STRING, NULL},
	{"auth-provider", T_OBJECT, auth_provider},
	{"exec", T_OBJECT, exec},
	{"extensions", T_OBJECTS, extension},
	{0},
};

static const struct field context[] = {
	{"cluster", T_STRING, NULL},
	{"user", T_STRING, NULL},
	{"namespace", T_STRING, NULL},
	{"extensions", T_OBJECTS, extension},
	{0},
};

static const struct field named_cluster[] = {{"name", T_STRING, NULL}, {"cluster", T_OBJECT, cluster}, {0}};
static const struct field named_user[] = {{"name", T_STRING, NULL}, {"user", T_OBJECT, user}, {0}};
static const struct field named_context[] = {{"name", T_STRING, NULL}, {"context", T_OBJECT, context}, {0}};
static const struct field preferences[] = {{"colors", T_BOOL, NULL}, {"extensions", T_OBJECTS, extension}, {0}};

static const struct field root[] = {
	{"kind", T_STRING, NULL},
	{"apiVersion", T_STRING, NULL},
	{"preferences", T_OBJECT, preferences},
	{"clusters", T_OBJECTS, named_cluster},
	{"users", T_OBJECTS, named_user},
	{"contexts", T_OBJECTS, named_context},
	{"current-context", T_STRING, NULL},
	{"extensions", T_OBJECTS, extension},
	{0},
};

struct check {
	const struct kshim__kubefile *file;
	struct kshim__buf pointer;
	kshim_error **error;
};

static void *fail_at(const struct kshim__kubefile *file, const char *pointer, kshim_code code, kshim_error **error,
		     const char *format, va_list ap)
{
	struct kshim__buf field, text;

	kshim__buf_init(&field);
	kshim__buf_init(&text);
	kshim__yaml_show(&field, pointer);
	if (kshim__buf_reserve(&text, 1024))
		vsnprintf(text.data, 1024, format, ap);
	if (field.failed || text.failed)
		kshim__fail(error, KSHIM_ENOMEM, "%s: out of memory", file->name);
	else
		kshim__fail(error, code, "%s:%u: %s: %s", file->name, kshim__yaml_line(&file->doc, pointer),
			    field.len ? field.data : "the document", text.data);
	kshim__buf_free(&field);
	kshim__buf_free(&text);
	return NULL;
}

void *kshim__kubefile_fail(const struct kshim__kubefile *file, const char *pointer, kshim_code code,
			   kshim_error **error, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	fail_at(file, pointer, code, error, format, ap);
	va_end(ap);
	return NULL;
}

void *kshim__entry_fail(const struct kshim__entry *entry, const char *field, kshim_code code, kshim_error **error,
			const char *format, ...)
{
	struct kshim__buf pointer;
	va_list ap;

	kshim__buf_init(&pointer);
	kshim__buf_addf(&pointer, "/%s/%zu", entry->list, entry->index);
	if (field)
		kshim__buf_addf(&pointer, "/%s/%s", entry->inner, field);
	va_start(ap, format);
	if (pointer.failed)
		kshim__fail(error, KSHIM_ENOMEM, "%s: out of memory", entry->file->name);
	else
		fail_at(entry->file, pointer.data, code, error, format, ap);
	va_end(ap);
	kshim__buf_free(&pointer);
	return NULL;
}

static bool wants(struct check *check, const char *what)
{
	if (check->pointer.failed)
		return kshim__fail(check->error, KSHIM_ENOMEM, "%s: out of memory", check->file->name);
	return kshim__kubefile_fail(check->file, check->pointer.data ? check->pointer.data : "", KSHIM_ECONFIG,
				    check->error, "%s", what);
}

static size_t down(struct check *check, const char *key, size_t index)
{
	size_t before = check->pointer.len;

	if (!key) {
		kshim__buf_addf(&check->pointer, "/%zu", index);
		return before;
	}
	kshim__buf_addc(&check->pointer, '/');
	for (; *key; key++)
		if (*key == '~' || *key == '/')
			kshim__buf_adds(&check->pointer, *key == '~' ? "~0" : "~1");
		else
			kshim__buf_addc(&check->pointer, *key);
	return before;
}

static void up(struct check *check, size_t len)
{
	check->pointer.len = len;
	if (check->pointer.data)
		check->pointer.data[len] = '\0';
}

static bool check_value(struct check *check, const json_t *value, enum type type, const struct field *fields);

/* The elements of a list or the members of a mapping, all of one type. */
static bool check_each(struct check *check, const json_t *container, enum type type, const struct field *fields)
{
	bool good = true;
	const char *key;
	json_t *value;
	size_t i, before;

	if (json_is_array(container)) {
		json_array_foreach(container, i, value) {
			before = down(check, NULL, i);
			good = good && check_value(check, value, type, fields);
			up(check, before);
		}
	} else {
		json_object_foreach((json_t *)container, key, value) {
			before = down(check, key, 0);
			good = good && check_value(check, value, type, fields);
			up(check, before);
		}
	}
	return good;
}

static bool check_data(struct check *check, const json_t *value)
{
	size_t len = json_string_length(value), got = 0;
	const char *text = json_string_value(value);
	char *data;
	bool bad;

	if (!strncmp(text + strspn(text, " \t\r\n"), "-----BEGIN", 10))
		return true;
	data = kshim__base64_decode(text, len, &got, &bad);
	kshim__free_secret(data, got);
	if (bad)
		return wants(check, "not base64");
	if (!data)
		return kshim__fail(check->error, KSHIM_ENOMEM, "%s: out of memory", check->file->name);
	return true;
}

static bool check_string(struct check *check, const json_t *value, enum type type)
{
	const char *text = json_string_value(value);

	if (json_is_number(value) || json_is_boolean(value))
		return wants(check, "is no string; quote it");
	if (!text)
		return wants(check, "wants a string");
	if (strlen(text) != json_string_length(value))
		return wants(check, "the string holds a NUL byte");
	if (type == T_DATA)
		return check_data(check, value);
	if (!check->file->dir && *text && *text != '/' && (type == T_PATH || (type == T_COMMAND && strchr(text, '/'))))
		return wants(check, "a relative path has no meaning in a kubeconfig that is no file");
	return true;
}

static bool check_value(struct check *check, const json_t *value, enum type type, const struct field *fields)
{
	bool good = true;
	size_t before;

	if (json_is_null(value) || type == T_ANY)
		return true;
	switch (type) {
	case T_BOOL:
		return json_is_boolean(value) || wants(check, "wants true or false");
	case T_STRINGS:
	case T_OBJECTS:
		return (json_is_array(value) || wants(check, "wants a list")) &&
		       check_each(check, value, type == T_STRINGS ? T_STRING : T_OBJECT, fields);
	case T_STRING_MAP:
	case T_STRINGS_MAP:
		return (json_is_object(value) || wants(check, "wants a mapping")) &&
		       check_each(check, value, type == T_STRING_MAP ? T_STRING : T_STRINGS, NULL);
	case T_OBJECT:
		if (!json_is_object(value))
			return wants(check, "wants a mapping");
		for (; fields->name && good; fields++) {
			const json_t *field = json_object_get(value, fields->name);

			before = down(check, fields->name, 0);
			good = !field || check_value(check, field, fields->type, fields->fields);
			up(check, before);
		}
		return good;
	default:
		return check_string(check, value, type);
	}
}

int kshim__kubefile_check(const struct kshim__kubefile *file, kshim_error **error)
{
	struct check check = {.file = file, .error = error};
	const char *kind = json_string_value(json_object_get(file->doc.value, "kind"));
	const char *version = json_string_value(json_object_get(file->doc.value, "apiVersion"));
	bool good = check_value(&check, file->doc.value, T_OBJECT, root);

	if (good && check.pointer.failed)
		good = kshim__fail(error, KSHIM_ENOMEM, "%s: out of memory", file->name);
	if (good && kind && *kind && strcmp(kind, "Config") != 0)
		good = kshim__kubefile_fail(file, "/kind", KSHIM_ECONFIG, error, "a kubeconfig's kind is Config");
	if (good && version && *version && strcmp(version, "v1") != 0)
		good = kshim__kubefile_fail(file, "/apiVersion", KSHIM_ECONFIG, error,
					    "a kubeconfig's apiVersion is v1");
	kshim__buf_free(&check.pointer);
	return good ? 0 : -1;
}
