#include "alloc.h"
#include "discard.h"
#include "keymap.h"
#include "random.h"

#include <kubeshim/workqueue.h>

#include <string.h>

#define RETRY_FIRST_US 5000
#define RETRY_MAX_US INT64_C(1000000000)
#define RETRIES_BURST 100
#define RETRIES_INTERVAL_US 100000 /* 10 a second */

/* A key, for as long as something is known of it. */
struct entry {
	struct kshim__keyed keyed;
	struct kshim__link link; /* in the queue's waiting */
	bool active; /* the handler has it */
	bool dirty;  /* was added since */
	size_t index; /* in the heap, from 1; 0: not delayed */
	int64_t due_us;
	unsigned retries;
	char key[];
};

struct kshim_workqueue {
	kshim_loop *loop; /* NULL once it is gone */
	struct kshim__guest guest;
	struct kshim__task task;
	struct kshim__timer timer;
	kshim_workqueue_fn *handler;
	void *user;
	unsigned limit;

	struct kshim__keymap entries;
	struct kshim__link waiting;
	size_t waiting_count;
	size_t active_count;
	struct entry **heap; /* heap[1 … heap_len], soonest first */
	size_t heap_len;
	size_t heap_cap;
	int64_t paid_until_us; /* by the retries so far, at their overall rate */

	bool ended; /* the loop ends: no callback any more */
	bool held;
	bool draining;
	bool running; /* inside the task */
	bool freed;   /* while it was */
	kshim_workqueue_drained_fn *drained;
	void *drained_user;
	struct kshim__discard discard; /* once it is freed … */
	uint64_t discarded;            /* … up to here */
};

static void run(struct kshim__task *task);
static void delay_over(struct kshim__timer *timer);
static void loop_ends(struct kshim__guest *guest);
static void loop_is_gone(struct kshim__guest *guest);

kshim_workqueue *kshim_workqueue_new(kshim_loop *loop, kshim_workqueue_fn *handler, void *user)
{
	kshim_workqueue *queue;

	if (!loop || !handler || kshim__loop_is_ending(loop) || !kshim__timer_reserve(loop))
		return NULL;
	queue = kshim__calloc(1, sizeof(*queue));
	if (!queue) {
		kshim__timer_unreserve(loop);
		return NULL;
	}
	queue->loop = loop;
	queue->guest.loop_ends = loop_ends;
	queue->guest.loop_is_gone = loop_is_gone;
	kshim__list_init(&queue->guest.link);
	kshim__loop_add_guest(loop, &queue->guest);
	kshim__task_init(&queue->task, run);
	kshim__timer_init(&queue->timer, delay_over);
	kshim__keymap_init(&queue->entries);
	kshim__list_init(&queue->waiting);
	queue->handler = handler;
	queue->user = user;
	queue->limit = 1;
	return queue;
}

/* Entries. */

static struct entry *find(const kshim_workqueue *queue, const char *key)
{
	struct kshim__keyed *node = key ? kshim__keymap_find(&queue->entries, key) : NULL;

	return node ? KSHIM__OWNER(node, struct entry, keyed) : NULL;
}

static struct entry *find_or_make(kshim_workqueue *queue, const char *key)
{
	struct entry *entry = find(queue, key);
	size_t size;

	if (entry)
		return entry;
	size = strlen(key) + 1;
	entry = kshim__calloc(1, sizeof(*entry) + size);
	if (!entry)
		return NULL;
	memcpy(entry->key, key, size);
	entry->keyed.key = entry->key;
	kshim__list_init(&entry->link);
	kshim__keymap_add(&queue->entries, &entry->keyed);
	return entry;
}

static bool is_waiting(const struct entry *entry)
{
	return !kshim__list_empty(&entry->link);
}

static void drop_if_idle(kshim_workqueue *queue, struct entry *entry)
{
	if (is_waiting(entry) || entry->active || entry->index || entry->retries)
		return;
	kshim__keymap_remove(&queue->entries, &entry->keyed);
	kshim__free(entry);
}

/* The delayed ones: a binary heap. */

static void heap_put(kshim_workqueue *queue, size_t index, struct entry *entry)
{
	queue->heap[index] = entry;
	entry->index = index;
}

static void heap_up(kshim_workqueue *queue, size_t index, struct entry *entry)
{
	while (index > 1 && queue->heap[index / 2]->due_us > entry->due_us) {
		heap_put(queue, index, queue->heap[index / 2]);
		index /= 2;
	}
	heap_put(queue, index, entry);
}

static void heap_down(kshim_workqueue *queue, size_t index, struct entry *entry)
{
	size_t child;

	while ((child = index * 2) <= queue->heap_len) {
		if (child < queue->heap_len && queue->heap[child + 1]->due_us < queue->heap[child]->due_us)
			child++;
		if (queue->heap[child]->due_us >= entry->due_us)
			break;
		heap_put(queue, index, queue->heap[child]);
		index = child;
	}
	heap_put(queue, index, entry);
}

static bool heap_reserve(kshim_workqueue *queue)
{
	size_t cap = queue->heap_cap ? queue->heap_cap * 2 : 16;
	void *heap;

	if (queue->heap_len + 1 < queue->heap_cap)
		return true;
	heap = kshim__realloc(queue->heap, cap * sizeof(struct entry *));
	if (!heap)
		return false;
	queue->heap = heap;
	queue->heap_cap = cap;
	return true;
}

static struct entry *heap_pop(kshim_workqueue *queue)
{
	struct entry *first = queue->heap[1], *last = queue->heap[queue->heap_len--];

	first->index = 0;
	if (last != first)
		heap_down(queue, 1, last);
	return first;
}

/* What the loop has to know after a change. */
static void settle(kshim_workqueue *queue)
{
	bool busy = queue->waiting_count || queue->active_count || queue->heap_len || queue->draining;

	if (queue->ended)
		return;
	if (busy != queue->held) {
		queue->held = busy;
		if (busy)
			kshim__loop_hold(queue->loop);
		else
			kshim__loop_release(queue->loop);
	}
	if ((queue->waiting_count && queue->active_count < queue->limit) ||
	    (queue->draining && !queue->waiting_count && !queue->active_count))
		kshim__task_queue(queue->loop, &queue->task);
	if (!queue->heap_len)
		kshim__timer_stop(queue->loop, &queue->timer);
	else if (!queue->timer.index || queue->timer.due_us != queue->heap[1]->due_us)
		kshim__timer_set(queue->loop, &queue->timer, queue->heap[1]->due_us);
}

static void mark(kshim_workqueue *queue, struct entry *entry)
{
	if (entry->active) {
		entry->dirty = true;
	} else if (!is_waiting(entry)) {
		kshim__list_append(&queue->waiting, &entry->link);
		queue->waiting_count++;
	}
}

static bool takes(const kshim_workqueue *queue, const char *key)
{
	return queue && key && !queue->ended && !queue->draining;
}

int kshim_workqueue_add(kshim_workqueue *queue, const char *key)
{
	struct entry *entry = takes(queue, key) ? find_or_make(queue, key) : NULL;

	if (!entry)
		return -1;
	mark(queue, entry);
	settle(queue);
	return 0;
}

static int add_at(kshim_workqueue *queue, struct entry *entry, int64_t due_us)
{
	if (!entry->index) {
		if (!heap_reserve(queue))
			return -1;
		entry->due_us = due_us;
		heap_up(queue, ++queue->heap_len, entry);
	} else if (entry->due_us > due_us) {
		entry->due_us = due_us;
		heap_up(queue, entry->index, entry);
	}
	settle(queue);
	return 0;
}

int kshim_workqueue_add_after(kshim_workqueue *queue, const char *key, int64_t ms)
{
	struct entry *entry;

	if (ms <= 0)
		return kshim_workqueue_add(queue, key);
	if (ms > INT64_MAX / 2000)
		ms = INT64_MAX / 2000;
	entry = takes(queue, key) ? find_or_make(queue, key) : NULL;
	if (!entry)
		return -1;
	if (add_at(queue, entry, kshim__now_us() + ms * 1000) == 0)
		return 0;
	drop_if_idle(queue, entry);
	return -1;
}

static int64_t backoff_us(unsigned retries)
{
	int64_t us = retries < 18 ? (int64_t)RETRY_FIRST_US << retries : RETRY_MAX_US;

	if (us > RETRY_MAX_US)
		us = RETRY_MAX_US;
	return us + (int64_t)kshim__random_below((uint64_t)us / 4);
}

int kshim_workqueue_retry(kshim_workqueue *queue, const char *key)
{
	struct entry *entry = takes(queue, key) ? find_or_make(queue, key) : NULL;
	int64_t now = kshim__now_us(), paid, due;

	if (!entry)
		return -1;
	/* a bucket of tokens, as the moment at which it will be full again */
	paid = queue->paid_until_us > now ? queue->paid_until_us : now;
	paid += RETRIES_INTERVAL_US;
	due = now + backoff_us(entry->retries);
	if (due < paid - (int64_t)RETRIES_BURST * RETRIES_INTERVAL_US)
		due = paid - (int64_t)RETRIES_BURST * RETRIES_INTERVAL_US;
	if (add_at(queue, entry, due) < 0) {
		drop_if_idle(queue, entry);
		return -1;
	}
	queue->paid_until_us = paid;
	entry->retries++;
	return 0;
}

void kshim_workqueue_forget(kshim_workqueue *queue, const char *key)
{
	struct entry *entry = queue ? find(queue, key) : NULL;

	if (!entry)
		return;
	entry->retries = 0;
	drop_if_idle(queue, entry);
}

unsigned kshim_workqueue_retries(const kshim_workqueue *queue, const char *key)
{
	const struct entry *entry = queue ? find(queue, key) : NULL;

	return entry ? entry->retries : 0;
}

size_t kshim_workqueue_len(const kshim_workqueue *queue)
{
	return queue ? queue->waiting_count : 0;
}

void kshim_workqueue_done(kshim_workqueue *queue, const char *key)
{
	struct entry *entry = queue ? find(queue, key) : NULL;

	if (!entry || !entry->active)
		return;
	entry->active = false;
	queue->active_count--;
	if (entry->dirty) {
		entry->dirty = false;
		mark(queue, entry);
	}
	drop_if_idle(queue, entry);
	settle(queue);
}

int kshim_workqueue_set_limit(kshim_workqueue *queue, unsigned count)
{
	if (!queue || !count)
		return -1;
	queue->limit = count;
	settle(queue);
	return 0;
}

/* From the loop. */

static void delay_over(struct kshim__timer *timer)
{
	kshim_workqueue *queue = KSHIM__OWNER(timer, kshim_workqueue, timer);
	int64_t now = kshim__now_us();

	while (queue->heap_len && queue->heap[1]->due_us <= now) {
		mark(queue, heap_pop(queue));
		if (kshim__loop_exhausted(queue->loop))
			break; /* settle() sets the timer for the rest */
	}
	settle(queue);
}

/* true unless the handler freed the queue. */
static bool handle_next(kshim_workqueue *queue)
{
	struct entry *entry = KSHIM__OWNER(queue->waiting.next, struct entry, link);

	kshim__list_remove(&entry->link);
	queue->waiting_count--;
	entry->active = true;
	queue->active_count++;
	queue->handler(queue, entry->key, queue->user);
	return !queue->freed;
}

static bool destroy_piece(struct kshim__discard *discard)
{
	kshim_workqueue *queue = KSHIM__OWNER(discard, kshim_workqueue, discard);
	struct kshim__keyed *node = kshim__keymap_take(&queue->entries, &queue->discarded);

	if (node) {
		kshim__free(KSHIM__OWNER(node, struct entry, keyed));
		return true;
	}
	kshim__keymap_free(&queue->entries);
	kshim__free(queue->heap);
	kshim__free(queue);
	return false;
}

static void run(struct kshim__task *task)
{
	kshim_workqueue *queue = KSHIM__OWNER(task, kshim_workqueue, task);
	kshim_loop *loop = queue->loop;
	kshim_workqueue_drained_fn *drained;
	bool alive = true;

	queue->running = true;
	while (alive && queue->waiting_count && queue->active_count < queue->limit) {
		alive = handle_next(queue);
		if (alive && kshim__loop_exhausted(queue->loop))
			break;
	}
	if (alive && queue->draining && !queue->waiting_count && !queue->active_count) {
		drained = queue->drained;
		queue->drained = NULL;
		kshim__task_remove(&queue->task);
		if (queue->held) {
			queue->held = false;
			kshim__loop_release(queue->loop);
		}
		queue->ended = true; /* nothing comes after this */
		if (drained)
			drained(queue, queue->drained_user);
		alive = !queue->freed;
	}
	queue->running = false;
	if (alive)
		settle(queue);
	else
		kshim__discard(loop, &queue->discard, destroy_piece);
}

int kshim_workqueue_drain(kshim_workqueue *queue, kshim_workqueue_drained_fn *drained, void *user)
{
	if (!queue || queue->ended || queue->draining)
		return -1;
	queue->draining = true;
	queue->drained = drained;
	queue->drained_user = user;
	while (queue->heap_len)
		drop_if_idle(queue, heap_pop(queue));
	settle(queue);
	return 0;
}

/* Ending. */

static void loop_ends(struct kshim__guest *guest)
{
	kshim_workqueue *queue = KSHIM__OWNER(guest, kshim_workqueue, guest);

	queue->ended = true;
	kshim__task_remove(&queue->task);
	kshim__timer_stop(queue->loop, &queue->timer);
}

static void let_go(kshim_workqueue *queue)
{
	if (!queue->loop)
		return;
	kshim__list_remove(&queue->guest.link);
	kshim__task_remove(&queue->task);
	kshim__timer_stop(queue->loop, &queue->timer);
	kshim__timer_unreserve(queue->loop);
	if (queue->held)
		kshim__loop_release(queue->loop);
	queue->held = false;
	queue->loop = NULL;
}

static void loop_is_gone(struct kshim__guest *guest)
{
	let_go(KSHIM__OWNER(guest, kshim_workqueue, guest));
}

void kshim_workqueue_free(kshim_workqueue *queue)
{
	kshim_loop *loop;

	if (!queue)
		return;
	loop = queue->loop;
	queue->ended = true;
	let_go(queue);
	if (queue->running)
		queue->freed = true;
	else
		kshim__discard(loop, &queue->discard, destroy_piece);
}
