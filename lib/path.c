#include "path.h"

#include <string.h>

#define LABEL_MAX 63
#define SUBDOMAIN_MAX 253

static bool is_alnum(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

bool kshim__path_label_ok(const char *s, size_t len)
{
	size_t i;

	if (len == 0 || len > LABEL_MAX || !is_alnum(s[0]) || !is_alnum(s[len - 1]))
		return false;
	for (i = 0; i < len; i++)
		if (!is_alnum(s[i]) && s[i] != '-')
			return false;
	return true;
}

bool kshim__path_subdomain_ok(const char *s, size_t len)
{
	size_t i, from = 0;

	if (len == 0 || len > SUBDOMAIN_MAX || !is_alnum(s[0]) || !is_alnum(s[len - 1]))
		return false;
	/* unlike a label alone, a part of a subdomain may be longer than 63 */
	for (i = 0; i <= len; i++) {
		if (i < len && s[i] != '.') {
			if (!is_alnum(s[i]) && s[i] != '-')
				return false;
			continue;
		}
		if (i == from || !is_alnum(s[from]) || !is_alnum(s[i - 1]))
			return false;
		from = i + 1;
	}
	return true;
}

static bool segment_ok(const char *s, size_t len)
{
	size_t i;

	if (len == 0 || len > KSHIM__NAME_MAX)
		return false;
	if (s[0] == '.' && (len == 1 || (len == 2 && s[1] == '.')))
		return false;
	for (i = 0; i < len; i++) {
		unsigned char c = (unsigned char)s[i];

		if (c < 0x20 || c == 0x7f || c == '/' || c == '%')
			return false;
	}
	return true;
}

bool kshim__path_name_ok(const char *name)
{
	return name && segment_ok(name, strlen(name));
}

bool kshim__path_namespace_ok(const char *ns)
{
	return ns && kshim__path_label_ok(ns, strlen(ns));
}

/* Appends "/a/b" for "a/b", each segment checked. */
static bool add_segments(struct kshim__buf *path, const char *s)
{
	for (;;) {
		size_t len = strcspn(s, "/");

		if (!segment_ok(s, len))
			return false;
		kshim__buf_addc(path, '/');
		kshim__buf_add_encoded(path, s, len);
		if (!s[len])
			return true;
		s += len + 1;
	}
}

static bool add_resource(struct kshim__buf *path, const char *api_version, const char *plural, const char *ns,
			 const char *name, const char *subresource)
{
	const char *slash = strchr(api_version, '/');

	if (slash && strchr(slash + 1, '/'))
		return false;
	kshim__buf_adds(path, slash ? "/apis" : "/api");
	if (!add_segments(path, api_version))
		return false;
	if (ns) {
		if (!kshim__path_namespace_ok(ns))
			return false;
		kshim__buf_adds(path, "/namespaces/");
		kshim__buf_adds(path, ns);
	}
	if (strchr(plural, '/') || !add_segments(path, plural))
		return false;
	if (name && (strchr(name, '/') || !add_segments(path, name)))
		return false;
	return !subresource || (name && add_segments(path, subresource));
}

bool kshim__path_resource(struct kshim__buf *path, const char *api_version, const char *plural, const char *ns,
			  const char *name, const char *subresource)
{
	size_t len = path->len;

	if (add_resource(path, api_version, plural, ns, name, subresource) && !path->failed)
		return true;
	path->len = len;
	if (path->data)
		path->data[len] = '\0';
	return false;
}

bool kshim__path_param(struct kshim__buf *path, const char *key, const char *value)
{
	kshim__buf_addc(path, path->len && memchr(path->data, '?', path->len) ? '&' : '?');
	kshim__buf_add_encoded(path, key, strlen(key));
	kshim__buf_addc(path, '=');
	return kshim__buf_add_encoded(path, value, strlen(value));
}
