#include "buf.h"

#include "alloc.h"

#include <openssl/crypto.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void kshim__buf_init(struct kshim__buf *buf)
{
	memset(buf, 0, sizeof(*buf));
}

void kshim__buf_free(struct kshim__buf *buf)
{
	kshim__free(buf->data);
	kshim__buf_init(buf);
}

void kshim__buf_free_secret(struct kshim__buf *buf)
{
	kshim__free_secret(buf->data, buf->cap);
	kshim__buf_init(buf);
}

void kshim__buf_clear(struct kshim__buf *buf)
{
	buf->len = 0;
	buf->failed = false;
	if (buf->data)
		buf->data[0] = '\0';
}

bool kshim__buf_reserve(struct kshim__buf *buf, size_t more)
{
	size_t cap = buf->cap ? buf->cap : 64;
	char *data;

	if (buf->failed)
		return false;
	if (more >= (size_t)-1 / 2 - buf->len) {
		buf->failed = true;
		return false;
	}
	if (buf->len + more + 1 <= buf->cap)
		return true;
	while (cap < buf->len + more + 1)
		cap += cap / 2;
	data = kshim__realloc(buf->data, cap);
	if (!data) {
		buf->failed = true;
		return false;
	}
	buf->data = data;
	buf->cap = cap;
	return true;
}

bool kshim__buf_add(struct kshim__buf *buf, const void *data, size_t len)
{
	if (!kshim__buf_reserve(buf, len))
		return false;
	if (len)
		memcpy(buf->data + buf->len, data, len);
	buf->len += len;
	buf->data[buf->len] = '\0';
	return true;
}

bool kshim__buf_adds(struct kshim__buf *buf, const char *s)
{
	return kshim__buf_add(buf, s, strlen(s));
}

bool kshim__buf_addc(struct kshim__buf *buf, char c)
{
	return kshim__buf_add(buf, &c, 1);
}

bool kshim__buf_addf(struct kshim__buf *buf, const char *format, ...)
{
	va_list ap;
	int len;

	va_start(ap, format);
	len = vsnprintf(NULL, 0, format, ap);
	va_end(ap);
	if (len < 0 || !kshim__buf_reserve(buf, (size_t)len)) {
		buf->failed = true;
		return false;
	}
	va_start(ap, format);
	vsnprintf(buf->data + buf->len, (size_t)len + 1, format, ap);
	va_end(ap);
	buf->len += (size_t)len;
	return true;
}

bool kshim__buf_add_encoded(struct kshim__buf *buf, const char *s, size_t len)
{
	static const char hex[] = "0123456789ABCDEF";
	size_t i;

	if (!kshim__buf_reserve(buf, len))
		return false;
	for (i = 0; i < len; i++) {
		unsigned char c = (unsigned char)s[i];
		char escape[3] = {'%', hex[c >> 4], hex[c & 15]};

		if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
		    c == '.' || c == '_' || c == '~')
			kshim__buf_add(buf, &s[i], 1);
		else
			kshim__buf_add(buf, escape, 3);
	}
	return !buf->failed;
}

bool kshim__buf_add_json_string(struct kshim__buf *buf, const char *s, size_t len)
{
	size_t i, from = 0;

	kshim__buf_addc(buf, '"');
	for (i = 0; i < len; i++) {
		unsigned char c = (unsigned char)s[i];

		if (c >= 0x20 && c != '"' && c != '\\')
			continue;
		kshim__buf_add(buf, s + from, i - from);
		from = i + 1;
		if (c == '"' || c == '\\')
			kshim__buf_addf(buf, "\\%c", c);
		else if (c == '\n')
			kshim__buf_adds(buf, "\\n");
		else
			kshim__buf_addf(buf, "\\u%04x", c);
	}
	kshim__buf_add(buf, s + from, len - from);
	return kshim__buf_addc(buf, '"');
}

char *kshim__buf_take(struct kshim__buf *buf, size_t *len)
{
	char *data;

	if (buf->failed || !kshim__buf_reserve(buf, 0)) {
		kshim__buf_free(buf);
		return NULL;
	}
	buf->data[buf->len] = '\0';
	data = buf->data;
	if (len)
		*len = buf->len;
	kshim__buf_init(buf);
	return data;
}
