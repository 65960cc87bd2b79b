#include "config/url.h"

#include "alloc.h"
#include "buf.h"

#include <string.h>
#include <strings.h>

static const char *bad_characters(const char *text)
{
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;

		if (c <= 0x20 || c == 0x7f)
			return "a URL holds no spaces and no control characters";
		if (strchr("\"<>\\^`{|}", c))
			return "the URL holds a character that must be percent-encoded";
	}
	return NULL;
}

/* host, host:port, [v6], [v6]:port */
static const char *host_problem(const char *host, size_t len)
{
	const char *end = host + len, *port = NULL;
	unsigned number = 0;

	if (len && *host == '[') {
		const char *close = memchr(host, ']', len);

		if (!close || close == host + 1 || (close + 1 < end && close[1] != ':'))
			return "an IPv6 address wants brackets around it, and behind them only a port";
		if (close + 1 < end)
			port = close + 2;
	} else {
		const char *colon = memchr(host, ':', len);

		if (colon && memchr(colon + 1, ':', (size_t)(end - colon - 1)))
			return "an IPv6 address wants brackets around it";
		if (colon == host || !len)
			return "the URL has no host";
		if (memchr(host, '[', len) || memchr(host, ']', len) || memchr(host, '%', len))
			return "the URL's host is no name and no address";
		if (colon)
			port = colon + 1;
	}
	if (!port)
		return NULL;
	for (; port < end; port++) {
		if (*port < '0' || *port > '9' || (number = number * 10 + (unsigned)(*port - '0')) > 65535)
			return "the URL's port is no number below 65536";
	}
	return number ? NULL : "the URL's port is missing";
}

char *kshim__url_server(const char *text, bool *https, const char **problem)
{
	const char *host = strstr(text, "://"), *path, *end = text + strlen(text);
	bool schemeless = !host || strcspn(text, "/?#") < (size_t)(host - text);
	struct kshim__buf buf;

	*https = false;
	*problem = bad_characters(text);
	if (*problem)
		return NULL;
	if (!schemeless && strncasecmp(text, "https:", 6) && strncasecmp(text, "http:", 5))
		*problem = "the URL's scheme is neither https nor http";
	else if (text[strcspn(text, "?#")])
		*problem = "a server's URL has no query and no fragment";
	if (*problem)
		return NULL;
	*https = !schemeless && host - text == 5;
	host = schemeless ? text : host + 3;
	path = host + strcspn(host, "/");
	if (memchr(host, '@', (size_t)(path - host)))
		*problem = "credentials in the URL are not used; give them in a user";
	else if (schemeless && strspn(path, "/") != strlen(path))
		*problem = "a server without a scheme is host or host:port, without a path";
	else
		*problem = host_problem(host, (size_t)(path - host));
	if (*problem)
		return NULL;
	while (end > path && end[-1] == '/')
		end--;
	kshim__buf_init(&buf);
	kshim__buf_adds(&buf, *https ? "https://" : "http://");
	for (; host < end; host++) {
		if (host < path || (unsigned char)*host < 0x80)
			kshim__buf_addc(&buf, *host);
		else
			kshim__buf_addf(&buf, "%%%02X", (unsigned char)*host);
	}
	return kshim__buf_take(&buf, NULL);
}

const char *kshim__url_proxy_problem(const char *text)
{
	static const char *const schemes[] = {"http://", "https://", "socks5://"};
	const char *problem = bad_characters(text), *host = NULL, *at;
	size_t i, len;

	if (problem)
		return problem;
	for (i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++)
		if (!strncasecmp(text, schemes[i], strlen(schemes[i])))
			host = text + strlen(schemes[i]);
	if (!host)
		return "a proxy's scheme is http, https or socks5";
	len = strcspn(host, "/?#");
	at = memrchr(host, '@', len);
	if (at) {
		len -= (size_t)(at + 1 - host);
		host = at + 1;
	}
	return host_problem(host, len);
}

char *kshim__url_redacted(const char *text)
{
	const char *host = strstr(text, "://"), *at, *colon;
	struct kshim__buf buf;

	host = host ? host + 3 : text;
	at = memrchr(host, '@', strcspn(host, "/?#"));
	colon = at ? memchr(host, ':', (size_t)(at - host)) : NULL;
	kshim__buf_init(&buf);
	if (colon) {
		kshim__buf_add(&buf, text, (size_t)(colon + 1 - text));
		kshim__buf_adds(&buf, "REDACTED");
		kshim__buf_adds(&buf, at);
	} else {
		kshim__buf_adds(&buf, text);
	}
	return kshim__buf_take(&buf, NULL);
}
