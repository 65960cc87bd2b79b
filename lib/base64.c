#include "base64.h"

#include "alloc.h"

#include <limits.h>
#include <openssl/evp.h>

#include <stdint.h>

static int sextet(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

char *kshim__base64_decode(const char *text, size_t len, size_t *out_len, bool *bad)
{
	size_t i, n = 0, pads = 0, sextets = 0;
	uint32_t bits = 0;
	char *out;

	*bad = false;
	out = kshim__malloc(len / 4 * 3 + 4);
	if (!out)
		return NULL;
	for (i = 0; i < len && !*bad; i++) {
		int value = sextet(text[i]);

		if (text[i] == ' ' || text[i] == '\t' || text[i] == '\r' || text[i] == '\n')
			continue;
		if (text[i] == '=') {
			pads++;
			continue;
		}
		*bad = value < 0 || pads;
		bits = bits << 6 | (uint32_t)(value & 63);
		if (++sextets % 4)
			continue;
		out[n++] = (char)(bits >> 16);
		out[n++] = (char)(bits >> 8);
		out[n++] = (char)bits;
	}
	if (pads > 2 || (sextets + pads) % 4)
		*bad = true;
	if (pads >= 1)
		out[n++] = (char)(bits >> (pads == 1 ? 10 : 4));
	if (pads == 1)
		out[n++] = (char)(bits >> 2);
	if (*bad) {
		kshim__free_secret(out, n);
		return NULL;
	}
	out[n] = '\0';
	*out_len = n;
	return out;
}

char *kshim__base64(const char *data, size_t len)
{
	char *text;

	if (len > INT_MAX / 2)
		return NULL;
	text = kshim__malloc((len + 2) / 3 * 4 + 1);
	if (text)
		EVP_EncodeBlock((unsigned char *)text, (const unsigned char *)data, (int)len);
	return text;
}
