/* Checking the URLs of a configuration. */
#ifndef KSHIM__CONFIG_URL_H
#define KSHIM__CONFIG_URL_H

#include <stdbool.h>

/* A server's URL without trailing slashes: new, to kshim__free; NULL and
 * *problem (static text; NULL when memory ran out). As in client-go, one without
 * a scheme is http, for which no credential is ever used. */
char *kshim__url_server(const char *text, bool *https, const char **problem);

/* NULL if good: http, https or socks5, with a host; else the problem. It never
 * quotes the URL, which may hold a password. */
const char *kshim__url_proxy_problem(const char *text);

/* The URL with its password, if any, replaced by REDACTED: new. */
char *kshim__url_redacted(const char *text);

#endif
