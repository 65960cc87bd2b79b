/* Cutting one member out of JSON text, without building anything. */
#ifndef KSHIM__JSON_DROP_H
#define KSHIM__JSON_DROP_H

#include "json/scan.h"

#include <stdbool.h>

/* Finds a member of an object (or an element of an array) by an RFC 6901 pointer
 * and gives the two parts of the text that are left without it and its comma:
 * put together they are JSON again. One scan, up to the end of what is cut out;
 * what follows is not looked at. false, and `parts` as they were: nothing is
 * there, the pointer is "", or the bytes end before it is whole. */
bool kshim__json_drop(struct kshim__span text, const char *pointer, struct kshim__span parts[2]);

#endif
