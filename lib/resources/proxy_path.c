#include "resources/proxy_path.h"

#include <string.h>

static int hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* An encoded byte at `at`, or -1. */
static int encoded(const char *at)
{
	return at[0] == '%' && hex(at[1]) >= 0 && hex(at[2]) >= 0 ? hex(at[1]) << 4 | hex(at[2]) : -1;
}

/* No segment that is decoded, once, to "." or "..": the API server decodes the path. */
static bool stays_inside(const char *path)
{
	size_t dots = 0, others = 0, len;

	for (;; path += len) {
		int byte = encoded(path);
		bool end = *path == '?' || !*path;

		len = byte >= 0 ? 3 : 1; /* a '%' alone is no more than itself */
		if (byte < 0)
			byte = (unsigned char)*path;
		if (byte == '/' || byte == '\\' || end) {
			if (!others && (dots == 1 || dots == 2))
				return false;
			dots = others = 0;
			if (end)
				return true;
		} else if (byte == '.') {
			dots++;
		} else {
			others++;
		}
	}
}

bool kshim__proxy_path(struct kshim__buf *text, const char *path)
{
	/* RFC 3986, 3.3 and 3.4; the unreserved characters besides */
	static const char in_path[] = "!$&'()*+,;=:@/", in_query[] = "!$&'()*+,;=:@/?";
	const char *raw = in_path;

	if (!path)
		path = "";
	if (!stays_inside(path))
		return false;
	kshim__buf_addc(text, '/');
	for (path += *path == '/'; *path; path++) {
		if (*path == '?')
			raw = in_query;
		if (*path == '?' || strchr(raw, *path) || encoded(path) >= 0)
			kshim__buf_addc(text, *path);
		else
			kshim__buf_add_encoded(text, path, 1);
	}
	return !text->failed;
}
