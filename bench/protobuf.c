#include "protobuf.h"

#include <stdio.h>
#include <stdlib.h>

struct protobuf {
	unsigned pods;
	struct record *records;
};

static size_t read_length(FILE *from)
{
	size_t len = 0;

	for (int i = 0; i < 4; i++)
		len = len << 8 | (unsigned char)fgetc(from);
	return feof(from) ? 0 : len;
}

static void read_record(FILE *from, struct record *record)
{
	record->len = read_length(from);
	record->bytes = record->len ? malloc(record->len) : NULL;
	if (!record->bytes || fread(record->bytes, 1, record->len, from) != record->len) {
		fprintf(stderr, "replay: not a file of as many Pods as protobuf\n");
		exit(1);
	}
}

struct protobuf *protobuf_read(const char *path, unsigned pods)
{
	struct protobuf *p = calloc(1, sizeof(*p));
	FILE *from = fopen(path, "re");

	if (!p || !from) {
		perror(path);
		exit(1);
	}
	p->pods = pods;
	p->records = calloc(2 * (size_t)pods + 1, sizeof(*p->records));
	if (!p->records)
		abort();
	for (size_t i = 0; i < 2 * (size_t)pods + 1; i++)
		read_record(from, &p->records[i]);
	fclose(from);
	return p;
}

void protobuf_free(struct protobuf *p)
{
	if (!p)
		return;
	for (size_t i = 0; i < 2 * (size_t)p->pods + 1; i++)
		free(p->records[i].bytes);
	free(p->records);
	free(p);
}

const struct record *protobuf_pod(const struct protobuf *p, unsigned i)
{
	return &p->records[i];
}

struct record *protobuf_events(struct protobuf *p)
{
	return &p->records[p->pods];
}

const struct record *protobuf_list(const struct protobuf *p)
{
	return &p->records[2 * (size_t)p->pods];
}
