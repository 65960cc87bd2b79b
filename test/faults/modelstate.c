#include "modelstate.h"

#include "../testutil.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define MS 1000000ull
#define BIG ((size_t)(16 << 20) - 4096)
#define BIGS 2

uint32_t model_random(struct model *m, uint32_t below)
{
	m->random ^= m->random << 13;
	m->random ^= m->random >> 7;
	m->random ^= m->random << 17;
	return (uint32_t)((m->random * 2685821657736338717ull) >> 33) % below;
}

bool model_percent(struct model *m, unsigned percent)
{
	return model_random(m, 100) < percent;
}

bool model_enabled(const struct model *m, enum modelapi_fault fault)
{
	return !atomic_load(&m->shared->quiet) &&
	       (atomic_load(&m->shared->faults) & MODELAPI_BIT(fault));
}

void model_injected(struct model *m, enum modelapi_fault fault)
{
	atomic_fetch_add(&m->shared->injected[fault], 1);
}

enum modelapi_fault model_draw(struct model *m, unsigned mask)
{
	enum modelapi_fault fault, chosen = MODELAPI_FAULTS;
	uint32_t n = 0;

	for (fault = 0; fault < MODELAPI_FAULTS; fault++)
		if ((mask & MODELAPI_BIT(fault)) && model_enabled(m, fault) &&
		    model_random(m, ++n) == 0)
			chosen = fault;
	return chosen;
}

static void next_version(struct model *m)
{
	/* Others write too. */
	atomic_fetch_add(&m->shared->version, 1 + (model_percent(m, 25) ? model_random(m, 6) : 0));
}

/* Logs what became of a slot. */
static void change(struct model *m, size_t slot, enum modelapi_type type,
		   const struct modelapi_object *object,
		   void (*publish)(struct model *m, const struct modelapi_change *change))
{
	size_t n = atomic_load(&m->shared->changes);
	struct modelapi_change *c = &m->shared->log[n];

	next_version(m);
	c->type = type;
	c->slot = slot;
	c->before = m->shared->objects[slot];
	c->object = *object;
	c->object.version = atomic_load(&m->shared->version);
	if (type != MODELAPI_DELETED)
		c->object.revision = (unsigned)n + 1;
	m->shared->objects[slot] = c->object;
	if (type == MODELAPI_DELETED)
		m->shared->objects[slot].uid[0] = '\0';
	atomic_store(&m->shared->changes, n + 1);
	while (n + 1 - m->oldest_change > (m->o.history ? m->o.history : 200))
		m->oldest = m->shared->log[m->oldest_change++].object.version;
	if (publish)
		publish(m, c);
}

static void relabel(struct model *m, struct modelapi_object *object)
{
	static const char *const apps[] = { "", "\"app\":\"a\"", "\"app\":\"b\"", "\"app\":\"c\"", "\"app\":\"\"" };
	static const char *const tiers[] = { "", "\"example.com/tier\":\"x\"", "\"example.com/tier\":\"y\"" };
	const char *app = apps[model_random(m, 5)], *tier = tiers[model_random(m, 3)];

	snprintf(object->labels, sizeof(object->labels), "{%s%s%s}", app, *app && *tier ? "," : "", tier);
}

static void create(struct model *m, size_t slot,
		   void (*publish)(struct model *m, const struct modelapi_change *change))
{
	struct modelapi_object object = { .padding = model_random(m, 600) };
	size_t each = m->slots / MODELAPI_NAMESPACES;

	snprintf(object.ns, sizeof(object.ns), "ns-%u", (unsigned)(slot / each) % 10);
	snprintf(object.name, sizeof(object.name), "item-%02u", (unsigned)(slot % each) % 100);
	snprintf(object.uid, sizeof(object.uid), "%08x-0000-4000-8000-%012x", ++m->uids,
		 model_random(m, 1u << 30));
	relabel(m, &object);
	change(m, slot, MODELAPI_ADDED, &object, publish);
}

/* One change, or two. */
static void step(struct model *m,
		 void (*publish)(struct model *m, const struct modelapi_change *change))
{
	size_t slot = model_random(m, (uint32_t)m->slots);
	struct modelapi_object object = m->shared->objects[slot];
	uint32_t what = model_random(m, 10);

	if (atomic_load(&m->shared->changes) + 4 > MODEL_CHANGES)
		return;
	if (!*object.uid) {
		create(m, slot, publish);
		return;
	}
	if (what >= 8 || m->shared->objects[slot].padding == BIG) {
		change(m, slot, MODELAPI_DELETED, &object, publish);
		if (what == 9)
			create(m, slot, publish);
		return;
	}
	if (what >= 5)
		relabel(m, &object);
	else
		object.padding = model_random(m, 600);
	change(m, slot, MODELAPI_MODIFIED, &object, publish);
}

/* Gives the big object its old size, if it is there. */
static void shrink(struct model *m,
		   void (*publish)(struct model *m, const struct modelapi_change *change))
{
	struct modelapi_object object = m->shared->objects[m->big_slot];

	m->big_until = 0;
	if (!*object.uid || object.padding != BIG)
		return;
	object.padding = 16;
	change(m, m->big_slot, MODELAPI_MODIFIED, &object, publish);
}

static void grow(struct model *m,
		 void (*publish)(struct model *m, const struct modelapi_change *change))
{
	size_t slot = model_random(m, (uint32_t)m->slots);
	struct modelapi_object object = m->shared->objects[slot];

	if (!*object.uid)
		return;
	object.padding = BIG;
	m->bigs++;
	m->big_slot = slot;
	m->big_until = fake_now() + 200 * (uint64_t)slowness() * MS;
	change(m, slot, MODELAPI_MODIFIED, &object, publish);
	model_injected(m, MODELAPI_BIG);
}

void model_tick(struct model *m, unsigned ms,
		void (*publish)(struct model *m, const struct modelapi_change *change))
{
	unsigned each = m->o.change_ms ? m->o.change_ms : 4, n;
	uint64_t now = fake_now();

	if (atomic_load(&m->shared->changes) + 16 > MODEL_CHANGES)
		return;
	if (now < m->pause_until) {
		next_version(m);
		return;
	}
	if (model_random(m, 100) == 0 && model_enabled(m, MODELAPI_BOOKMARKS_ONLY)) {
		m->pause_until = now + (100 + model_random(m, 200)) * MS;
		model_injected(m, MODELAPI_BOOKMARKS_ONLY);
	}
	if (model_random(m, 100) == 0 && model_enabled(m, MODELAPI_COMPACT)) {
		m->oldest = atomic_load(&m->shared->version);
		m->oldest_change = atomic_load(&m->shared->changes);
		model_injected(m, MODELAPI_COMPACT);
	}
	if (m->big_until && now >= m->big_until)
		shrink(m, publish);
	else if (m->bigs < BIGS && !m->big_until && model_random(m, 100) == 0 &&
		 model_enabled(m, MODELAPI_BIG))
		grow(m, publish);
	/* 0 to twice as many as there should be, on average. */
	for (n = model_random(m, 2 * ms * 16 / each + 1); n >= 16; n -= 16)
		step(m, publish);
	if (n && model_random(m, 16) < n)
		step(m, publish);
}

void model_settle(struct model *m,
		  void (*publish)(struct model *m, const struct modelapi_change *change))
{
	if (m->big_until)
		shrink(m, publish);
	m->errors_until = m->pause_until = 0;
}

void model_init(struct model *m, const struct modelapi_options *o, struct modelshared *shared)
{
	unsigned each = o->objects ? o->objects : 12;

	memset(m, 0, sizeof(*m));
	m->o = *o;
	m->shared = shared;
	m->slots = (each > 100 ? 100 : each) * MODELAPI_NAMESPACES;
	m->random = (o->seed + 1) * 0x9e3779b97f4a7c15ull | 1;
	atomic_store(&shared->version, 1000 + model_random(m, 100000));
	m->oldest = atomic_load(&shared->version);
	snprintf(m->retry_after, sizeof(m->retry_after), "Retry-After: %u", o->retry_after ? o->retry_after : 1);
	m->retry_headers[0] = m->retry_after;
	atomic_store(&shared->faults, o->faults);
	atomic_store(&shared->old, o->old);
	for (size_t i = 0; i < m->slots; i++)
		if (model_random(m, 2))
			create(m, i, NULL);
}

void model_at(const struct model *m, uint64_t version, struct modelapi_object out[MODEL_SLOTS])
{
	size_t i = atomic_load(&m->shared->changes);

	memcpy(out, m->shared->objects, sizeof(m->shared->objects));
	while (i-- > 0 && m->shared->log[i].object.version > version)
		out[m->shared->log[i].slot] = m->shared->log[i].before;
}

void model_render(struct fakebuf *out, const struct modelapi_object *o, bool typed)
{
	static const char hard[] = "\\\"}]{[\\\\\\n \xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80 \\u2028,\\\\\\\"";

	fakebuf_printf(out, "{%s\"metadata\":{\"name\":\"%s\",\"namespace\":\"%s\",\"uid\":\"%s\","
		       "\"resourceVersion\":\"%" PRIu64 "\",\"creationTimestamp\":\"2026-11-25T08:00:00Z\"",
		       typed ? "\"kind\":\"ConfigMap\",\"apiVersion\":\"v1\"," : "", o->name, o->ns, o->uid,
		       o->version);
	if (strcmp(o->labels, "{}") != 0)
		fakebuf_printf(out, ",\"labels\":%s", o->labels);
	fakebuf_printf(out, ",\"managedFields\":[{\"manager\":\"model\",\"operation\":\"Update\",\"apiVersion\":\"v1\","
		       "\"fieldsType\":\"FieldsV1\",\"fieldsV1\":{\"f:data\":{\".\":{},\"f:revision\":{}}}}]},"
		       "\"data\":{\"revision\":\"%u\",\"text\":\"%s\",\"padding\":\"", o->revision, hard);
	memset(fakebuf_room(out, o->padding), 'x', o->padding);
	fakebuf_added(out, o->padding);
	fakebuf_printf(out, "\"}}");
}
