#include "discovery.h"

#include "alloc.h"
#include "path.h"

#include <string.h>

struct kshim__discovery {
	kshim_client *client; /* whose it is */
	bool loaded;
	bool forgotten; /* while it was loading: what comes is of no use */
	bool moved;     /* a kind was found elsewhere than those who asked knew */
	unsigned begun; /* loads, the one under way included */
	unsigned pending;
	struct step *steps; /* of the older form, in the server's order; last first */
	struct kshim__kinds kinds;
	struct kshim__kinds added;
	struct kshim__link waiting; /* kshim_call.waiting */
	kshim_error *error;         /* of the last attempt */
};

/* One request of discovery's own. In the older form there is one for each
 * group/version; their answers are kept and read in the server's order of
 * preference, in whatever order they come. */
struct step {
	struct kshim__discovery *discovery;
	struct step *previous;
	struct kshim__group_version of; /* version NULL: /api or /apis */
	char *body;
	size_t len;
};

static void free_discovery(struct kshim__discovery *discovery)
{
	kshim__kinds_free(&discovery->kinds);
	kshim__kinds_free(&discovery->added);
	kshim_error_free(discovery->error);
	kshim__free(discovery);
}

static struct kshim__discovery *discovery_of(kshim_client *client)
{
	struct kshim__discovery *discovery = client->discovery;

	if (discovery)
		return discovery;
	discovery = kshim__calloc(1, sizeof(*discovery));
	if (!discovery)
		return NULL;
	discovery->client = client;
	kshim__list_init(&discovery->waiting);
	client->discovery = discovery;
	client->discovery_free = free_discovery;
	return discovery;
}

static void free_step(struct step *step)
{
	kshim__free(step->of.group);
	kshim__free(step->of.version);
	kshim__free(step->body);
	kshim__free(step);
}

/* Every answer of the older form is there. One broken aggregated API must not
 * hide the others (traps.md 56). */
static void read_steps(struct kshim__discovery *discovery)
{
	struct step *ordered = NULL, *step;

	while ((step = discovery->steps)) {
		discovery->steps = step->previous;
		step->previous = ordered;
		ordered = step;
	}
	while ((step = ordered)) {
		ordered = step->previous;
		if (!step->body || !kshim__discovery_read_resources(step->body, step->len, &step->of, &discovery->kinds))
			kshim__kinds_missing(&discovery->kinds, step->of.group, step->of.version);
		free_step(step);
	}
}

static bool ask(struct kshim__discovery *discovery, const char *group, const char *version, const char *root);

static void fail(struct kshim__discovery *discovery, kshim_error *error)
{
	kshim_error_free(discovery->error);
	discovery->error = error;
}

static void move_all(struct kshim__link *from, struct kshim__link *to)
{
	while (!kshim__list_empty(from)) {
		struct kshim__link *link = from->next;

		kshim__list_remove(link);
		kshim__list_append(to, link);
	}
}

static kshim_call *take_first(struct kshim__link *list)
{
	kshim_call *call = KSHIM__OWNER(list->next, kshim_call, waiting);

	kshim__list_remove(&call->waiting);
	return call;
}

/* Everything was answered: those who wait go on; and wait again if one of them
 * asked anew meanwhile, or if what came is not as new as they need it. */
static void finish(struct kshim__discovery *discovery)
{
	bool failed = discovery->error != NULL;
	struct kshim__link waiting, unsatisfied;

	read_steps(discovery);
	discovery->loaded = !failed;
	if (failed)
		kshim__kinds_free(&discovery->kinds);
	kshim__list_init(&waiting);
	kshim__list_init(&unsatisfied);
	move_all(&discovery->waiting, &waiting);
	while (!kshim__list_empty(&waiting)) {
		kshim_call *call = take_first(&waiting);

		if (call->needs_newer && call->asked_at >= discovery->begun)
			kshim__list_append(&unsatisfied, &call->waiting);
		else if (failed)
			call->resume(call);
		else
			kshim__discovery_need(call, call->resume);
	}
	if (discovery->forgotten) {
		discovery->forgotten = false;
		kshim_client_forget_kinds(discovery->client);
	}
	while (!kshim__list_empty(&unsatisfied)) {
		kshim_call *call = take_first(&unsatisfied);

		kshim__discovery_need_newer(call, call->resume);
	}
}

/* /api or /apis. */
static void read_root(struct kshim__discovery *discovery, const char *body, size_t len)
{
	struct kshim__group_versions versions;
	size_t i;

	memset(&versions, 0, sizeof(versions));
	switch (kshim__discovery_read_root(body, len, &discovery->kinds, &versions)) {
	case KSHIM__DISCOVERY_AGGREGATED:
		break;
	case KSHIM__DISCOVERY_LEGACY:
		for (i = 0; i < versions.count; i++)
			if (!ask(discovery, versions.entries[i].group, versions.entries[i].version, NULL))
				fail(discovery, kshim__error_new(KSHIM_ENOMEM, "out of memory"));
		break;
	case KSHIM__DISCOVERY_BAD:
		fail(discovery, kshim__error_new(KSHIM_EPROTOCOL, "discovery: the answer is none of its forms"));
		break;
	case KSHIM__DISCOVERY_NOMEM:
		fail(discovery, kshim__error_new(KSHIM_ENOMEM, "out of memory"));
		break;
	}
	kshim__group_versions_free(&versions);
}

static void on_answer(kshim_result *result, void *user)
{
	struct step *step = user;
	struct kshim__discovery *discovery = step->discovery;
	const kshim_error *error = kshim_result_error(result);
	size_t len;
	const char *body = kshim_result_body(result, &len);

	if (step->of.version) {
		step->body = error ? NULL : kshim__memdup(body, len);
		step->len = len;
	} else {
		if (error)
			fail(discovery, kshim_error_copy(error));
		else
			read_root(discovery, body, len);
		free_step(step);
	}
	if (--discovery->pending == 0)
		finish(discovery);
}

/* Of a group/version, or of a root ("/api"). */
static bool ask(struct kshim__discovery *discovery, const char *group, const char *version, const char *root)
{
	struct step *step = kshim__calloc(1, sizeof(*step));
	struct kshim__buf path;
	kshim_call *call = NULL;

	kshim__buf_init(&path);
	if (step) {
		step->discovery = discovery;
		step->of.group = kshim__strdup(group);
		step->of.version = kshim__strdup(version);
		if (root) {
			kshim__buf_adds(&path, root);
		} else {
			kshim__buf_adds(&path, *group ? "/apis/" : "/api/");
			kshim__buf_add_encoded(&path, group, strlen(group));
			kshim__buf_adds(&path, *group ? "/" : "");
			kshim__buf_add_encoded(&path, version, strlen(version));
		}
	}
	if (step && !path.failed && (!version || step->of.version) && (!group || step->of.group))
		call = kshim__call_new(discovery->client, on_answer, step);
	if (!call) {
		kshim__buf_free(&path);
		if (step)
			free_step(step);
		return false;
	}
	call->request.method = "GET";
	call->request.path = kshim__buf_take(&path, NULL);
	call->request.accept = root ? KSHIM__ACCEPT_DISCOVERY : KSHIM__ACCEPT_JSON;
	call->answered = kshim__call_answer_body;
	call->background = true; /* those who wait for it are not */
	if (version) {
		step->previous = discovery->steps;
		discovery->steps = step;
	}
	discovery->pending++;
	kshim__call_begin(call, -1);
	kshim__call_send(call);
	return true;
}

static void drop(struct kshim__discovery *discovery)
{
	if (!discovery || discovery->pending)
		return;
	kshim__kinds_free(&discovery->kinds);
	discovery->loaded = false;
}

void kshim__discovery_need(kshim_call *call, void (*resume)(kshim_call *call))
{
	struct kshim__discovery *discovery = discovery_of(call->client);

	if (!discovery) {
		kshim__call_no_memory(call);
		return;
	}
	if (discovery->loaded) {
		resume(call);
		return;
	}
	call->state = KSHIM__CALL_WAITING;
	call->resume = resume;
	kshim__list_append(&discovery->waiting, &call->waiting);
	if (discovery->pending)
		return;
	fail(discovery, NULL);
	discovery->begun++;
	/* both at once; pending is held up so that the first answer is not the last */
	discovery->pending++;
	if (!ask(discovery, NULL, NULL, "/api") || !ask(discovery, NULL, NULL, "/apis"))
		fail(discovery, kshim__error_new(KSHIM_ENOMEM, "out of memory"));
	if (--discovery->pending == 0)
		finish(discovery);
}

void kshim__discovery_asked(kshim_call *call)
{
	struct kshim__discovery *discovery = call->client->discovery;

	call->asked_at = discovery ? discovery->begun : 0;
}

bool kshim__discovery_is_older(const kshim_call *call)
{
	return !call->client->discovery || call->client->discovery->begun <= call->asked_at;
}

void kshim__discovery_need_newer(kshim_call *call, void (*resume)(kshim_call *call))
{
	if (kshim__discovery_is_older(call))
		drop(call->client->discovery);
	call->needs_newer = true;
	kshim__discovery_need(call, resume);
}

const struct kshim__kinds *kshim__discovery_loaded(kshim_client *client)
{
	return client->discovery && client->discovery->loaded ? &client->discovery->kinds : NULL;
}

const struct kshim__kinds *kshim__discovery_kinds(kshim_client *client, kshim_error **error)
{
	struct kshim__discovery *discovery = client->discovery;

	if (discovery && discovery->loaded)
		return &discovery->kinds;
	*error = discovery && discovery->error ? kshim_error_copy(discovery->error) : NULL;
	if (!*error)
		*error = kshim__error_new(KSHIM_ENOMEM, "out of memory");
	return NULL;
}

const struct kshim__kinds *kshim__discovery_added(kshim_client *client)
{
	return client->discovery ? &client->discovery->added : NULL;
}

void kshim_client_forget_kinds(kshim_client *client)
{
	struct kshim__discovery *discovery = client ? client->discovery : NULL;

	if (discovery && discovery->pending)
		discovery->forgotten = true;
	else
		drop(discovery);
}

/* Kinds of which there can be but one in a server. */
static bool excludes(const kshim_kind *kind, const kshim_kind *other)
{
	return strcmp(kind->group, other->group) == 0 &&
	       (strcmp(kind->kind, other->kind) == 0 || strcmp(kind->plural, other->plural) == 0);
}

static void take_out(struct kshim__kinds *kinds, size_t index)
{
	kshim_kind_unref(kinds->kinds[index]);
	memmove(&kinds->kinds[index], &kinds->kinds[index + 1], (--kinds->count - index) * sizeof(*kinds->kinds));
}

int kshim_client_add_kind(kshim_client *client, const kshim_kind *kind)
{
	struct kshim__discovery *discovery = client && kind ? discovery_of(client) : NULL;
	struct kshim__kinds *added;
	kshim_kind **kinds;
	size_t i;

	if (!discovery)
		return -1;
	if (!kind->refs)
		return 0; /* built in: known already */
	added = &discovery->added;
	kinds = kshim__realloc(added->kinds, (added->count + 1) * sizeof(*kinds));
	if (!kinds)
		return -1;
	added->kinds = kinds;
	added->cap = added->count + 1;
	kshim_kind_ref(kind);
	for (i = added->count; i-- > 0;)
		if (excludes(added->kinds[i], kind))
			take_out(added, i);
	kinds[added->count++] = (kshim_kind *)kind;
	return 0;
}

void kshim__discovery_moved(kshim_client *client, const kshim_kind *kind)
{
	struct kshim__kinds *added = &client->discovery->added;
	size_t i;

	client->discovery->moved = true;
	for (i = added->count; i-- > 0;)
		if (excludes(added->kinds[i], kind))
			take_out(added, i); /* found by discovery from now on */
}

void kshim__discovery_gone(kshim_client *client, const kshim_kind *kind)
{
	struct kshim__kinds *added = &client->discovery->added;
	size_t i;

	for (i = added->count; i-- > 0;)
		if (added->kinds[i]->defined && excludes(added->kinds[i], kind))
			take_out(added, i);
}

bool kshim__discovery_has_moved(kshim_client *client)
{
	return client->discovery && client->discovery->moved;
}
