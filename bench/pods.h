/*
 * pods: a PodList as kube-apiserver writes it, of any length: compact JSON, keys in
 * the order of Go's structs, items without kind and apiVersion, about 4 KB each.
 * A ring of prebuilt Pods is sent again and again under other names.
 */
#ifndef PODS_H
#define PODS_H

#include <stddef.h>

struct pods;

struct pods *pods_new(unsigned count);
void pods_free(struct pods *pods);
unsigned pods_count(const struct pods *pods);

/* The i-th Pod as an answer of its own; for free(). */
char *pods_one(struct pods *pods, unsigned i);

/* A list from first on, limit long (0: all). */
struct podlist;

struct podlist *podlist_new(struct pods *pods, unsigned first, unsigned limit);
struct podlist *podlist_one(struct pods *pods, unsigned i);	/* as if a field selector had named it */
void podlist_free(void *list);
size_t podlist_read(void *list, char *buf, size_t max);	/* 0: the end */

#endif
