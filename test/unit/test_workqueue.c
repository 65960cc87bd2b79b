/* The work queue: once, one at a time, delayed, retried, drained. */
/* LINK: -Wl,--wrap=kshim__malloc,--wrap=kshim__calloc,--wrap=kshim__realloc,--wrap=kshim__memdup,--wrap=kshim__strdup -Wl,--wrap=kshim__now_us,--wrap=kshim__timer_set */
#include "../testutil.h"
#include "failalloc.h"

#include "loop.h"

#include <time.h>

#define MOST 16

/* A clock of the test's own: the queue's timer is then noted, and run by fire(). */

static int64_t fake_us; /* 0: none */
static struct kshim__timer *fake_timer;
static int64_t fake_due_us;

int64_t __real_kshim__now_us(void);
int64_t __wrap_kshim__now_us(void);
void __real_kshim__timer_set(kshim_loop *loop, struct kshim__timer *timer, int64_t due_us);
void __wrap_kshim__timer_set(kshim_loop *loop, struct kshim__timer *timer, int64_t due_us);

int64_t __wrap_kshim__now_us(void)
{
	return fake_us ? fake_us : __real_kshim__now_us();
}

void __wrap_kshim__timer_set(kshim_loop *loop, struct kshim__timer *timer, int64_t due_us)
{
	if (!fake_us) {
		__real_kshim__timer_set(loop, timer, due_us);
		return;
	}
	fake_timer = timer;
	fake_due_us = due_us;
}

/* What the handler saw. */
struct work {
	kshim_loop *loop;
	kshim_workqueue *queue;
	char keys[MOST][32];
	const char *held[MOST]; /* as given to the handler */
	unsigned count;
	unsigned active, most_active;
	bool adding;     /* inside a function of the queue */
	bool keeps;      /* is not done when it returns */
	bool frees;
	const char *adds; /* while it works */
	unsigned drained;
};

static void handle(kshim_workqueue *queue, const char *key, void *user)
{
	struct work *work = user;

	assert_ptr_equal(queue, work->queue);
	assert_false(work->adding);
	assert_in_range(work->count, 0, MOST - 1);
	snprintf(work->keys[work->count], sizeof(work->keys[0]), "%s", key);
	work->held[work->count++] = key;
	if (++work->active > work->most_active)
		work->most_active = work->active;
	if (work->adds)
		assert_int_equal(kshim_workqueue_add(queue, work->adds), 0);
	work->adds = NULL;
	if (work->frees)
		kshim_workqueue_free(queue);
	if (work->keeps || work->frees)
		return;
	work->active--;
	kshim_workqueue_done(queue, key);
}

static void on_drained(kshim_workqueue *queue, void *user)
{
	struct work *work = user;

	assert_ptr_equal(queue, work->queue);
	assert_int_equal(work->active, 0);
	work->drained++;
	if (work->frees)
		kshim_workqueue_free(queue);
}

static void start(struct work *work)
{
	memset(work, 0, sizeof(*work));
	work->loop = kshim_loop_new();
	work->queue = kshim_workqueue_new(work->loop, handle, work);
	assert_non_null(work->queue);
}

static void stop(struct work *work)
{
	kshim_workqueue_free(work->queue);
	assert_int_equal(kshim_loop_process(work->loop), 0);
	kshim_loop_free(work->loop);
}

static void add(struct work *work, const char *key)
{
	char copy[32];

	snprintf(copy, sizeof(copy), "%s", key);
	work->adding = true;
	assert_int_equal(kshim_workqueue_add(work->queue, copy), 0);
	work->adding = false;
	memset(copy, 'x', sizeof(copy)); /* it was copied */
}

static void assert_keys(const struct work *work, const char *expected)
{
	char text[MOST * 33] = "";
	unsigned i;

	for (i = 0; i < work->count; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%s", i ? " " : "", work->keys[i]);
	assert_string_equal(text, expected);
}

/* By the key that the handler was given. */
static void done(struct work *work, unsigned i)
{
	work->active--;
	kshim_workqueue_done(work->queue, work->held[i]);
}

static enum drive drive_of(void **state)
{
	return ((const struct variant *)*state)->drive;
}

static void test_once_and_in_order(void **state)
{
	struct work work;

	start(&work);
	add(&work, "ns/c");
	add(&work, "ns/a");
	add(&work, "ns/c");
	add(&work, "");
	add(&work, "ns/a");
	assert_int_equal(work.count, 0);
	assert_int_equal(kshim_workqueue_len(work.queue), 3);
	drive(work.loop, drive_of(state));
	assert_keys(&work, "ns/c ns/a ");
	assert_int_equal(kshim_workqueue_len(work.queue), 0);
	/* it can come again */
	add(&work, "ns/c");
	drive(work.loop, drive_of(state));
	assert_keys(&work, "ns/c ns/a  ns/c");
	assert_int_equal(work.most_active, 1);
	stop(&work);
}

static bool has_one(void *user)
{
	return ((struct work *)user)->count == 1;
}

/* Added while it is worked on, often: once more, afterwards. */
static void test_dirty(void **state)
{
	struct work work;

	start(&work);
	work.keeps = true;
	work.adds = "a";
	add(&work, "a");
	drive_until(work.loop, drive_of(state), has_one, &work);
	add(&work, "a");
	add(&work, "b");
	assert_int_equal(kshim_workqueue_len(work.queue), 1);
	assert_int_equal(kshim_loop_process(work.loop), 1);
	assert_keys(&work, "a");
	/* neither of these is worked on */
	kshim_workqueue_done(work.queue, "b");
	kshim_workqueue_done(work.queue, "no such");
	kshim_workqueue_done(work.queue, NULL);
	work.keeps = false;
	done(&work, 0);
	assert_int_equal(kshim_workqueue_len(work.queue), 2);
	drive(work.loop, drive_of(state));
	assert_keys(&work, "a b a");
	stop(&work);
}

static bool has_three(void *user)
{
	return ((struct work *)user)->count == 3;
}

static bool has_five(void *user)
{
	return ((struct work *)user)->count == 5;
}

static void test_limit(void **state)
{
	static const char *const keys[] = {"a", "b", "c", "d", "e"};
	struct work work;
	unsigned i;

	start(&work);
	work.keeps = true;
	assert_int_equal(kshim_workqueue_set_limit(work.queue, 0), -1);
	assert_int_equal(kshim_workqueue_set_limit(work.queue, 3), 0);
	for (i = 0; i < COUNT(keys); i++)
		add(&work, keys[i]);
	drive_until(work.loop, drive_of(state), has_three, &work);
	assert_int_equal(kshim_loop_process(work.loop), 1);
	assert_keys(&work, "a b c");
	add(&work, "b"); /* there is room, but not for this one */
	done(&work, 0);
	done(&work, 2);
	drive_until(work.loop, drive_of(state), has_five, &work);
	assert_keys(&work, "a b c d e");
	assert_int_equal(work.most_active, 3);
	work.keeps = false;
	for (i = 1; i < 5; i++)
		if (i != 2)
			done(&work, i);
	drive(work.loop, drive_of(state));
	assert_keys(&work, "a b c d e b");
	/* a higher limit lets those in that wait */
	stop(&work);
	start(&work);
	work.keeps = true;
	for (i = 0; i < COUNT(keys); i++)
		add(&work, keys[i]);
	drive_until(work.loop, drive_of(state), has_one, &work);
	assert_int_equal(kshim_workqueue_set_limit(work.queue, 100), 0);
	drive_until(work.loop, drive_of(state), has_five, &work);
	assert_int_equal(work.most_active, 5);
	stop(&work);
}

static void test_delayed(void **state)
{
	int64_t began = __real_kshim__now_us();
	struct work work;

	start(&work);
	assert_int_equal(kshim_workqueue_add_after(work.queue, "late", 30), 0);
	assert_int_equal(kshim_workqueue_add_after(work.queue, "early", INT64_MAX), 0);
	assert_int_equal(kshim_workqueue_add_after(work.queue, "early", 10), 0);
	assert_int_equal(kshim_workqueue_add_after(work.queue, "late", 1000000), 0);
	assert_int_equal(kshim_workqueue_add_after(work.queue, "now", 0), 0);
	assert_int_equal(kshim_workqueue_add_after(work.queue, "before", -5), 0);
	assert_int_equal(kshim_workqueue_len(work.queue), 2);
	assert_int_equal(kshim_loop_process(work.loop), 1);
	drive(work.loop, drive_of(state));
	assert_keys(&work, "now before early late");
	assert_true(__real_kshim__now_us() - began >= 30000);
	/* a delay does not keep it from coming before */
	assert_int_equal(kshim_workqueue_add_after(work.queue, "early", 5), 0);
	add(&work, "early");
	drive(work.loop, drive_of(state));
	assert_keys(&work, "now before early late early early");
	stop(&work);
}

/* The numbers of the limiter, by a clock that stands still. */

static void begin_fake(struct work *work)
{
	start(work);
	fake_us = INT64_C(1000000000000);
	fake_timer = NULL;
}

static void end_fake(struct work *work)
{
	fake_us = 0;
	stop(work);
}

static void fire(struct work *work)
{
	assert_non_null(fake_timer);
	fake_us = fake_due_us;
	fake_timer->fire(fake_timer);
	assert_true(kshim_loop_process(work->loop) >= 0);
}

static void test_backoff(void **state)
{
	struct work work;
	int64_t expected = 5000;
	unsigned i;

	(void)state;
	begin_fake(&work);
	for (i = 0; i < 100; i++) {
		int64_t began = fake_us;

		assert_int_equal(kshim_workqueue_retries(work.queue, "a"), i);
		assert_int_equal(kshim_workqueue_retry(work.queue, "a"), 0);
		assert_in_range(fake_due_us - began, expected, expected + expected / 4);
		work.count = 0;
		fire(&work);
		assert_keys(&work, "a");
		expected = expected * 2 > 1000000000 ? 1000000000 : expected * 2;
	}
	kshim_workqueue_forget(work.queue, "a");
	assert_int_equal(kshim_workqueue_retries(work.queue, "a"), 0);
	assert_int_equal(kshim_workqueue_retries(work.queue, "b"), 0);
	assert_int_equal(kshim_workqueue_retry(work.queue, "a"), 0);
	assert_in_range(fake_due_us - fake_us, 5000, 6250);
	/* what is forgotten stays in the queue */
	kshim_workqueue_forget(work.queue, "a");
	work.count = 0;
	fire(&work);
	assert_keys(&work, "a");
	end_fake(&work);
}

/* Tries one that never failed before again. */
static void retry_fresh(struct work *work)
{
	assert_int_equal(kshim_workqueue_retry(work->queue, "a"), 0);
	kshim_workqueue_forget(work->queue, "a");
}

/* 100 at once, then 10 a second, and what was not used is kept. */
static void test_bucket(void **state)
{
	struct work work;
	int64_t began;
	unsigned i;

	(void)state;
	begin_fake(&work);
	began = fake_us;
	for (i = 0; i < 100; i++) {
		retry_fresh(&work);
		assert_in_range(fake_due_us - fake_us, 5000, 6250);
	}
	fire(&work);
	for (i = 1; i <= 10; i++) {
		retry_fresh(&work);
		assert_int_equal(fake_due_us, began + (int64_t)i * 100000);
		fire(&work);
	}
	fake_us += 2000000;
	for (i = 0; i < 20; i++) {
		retry_fresh(&work);
		assert_in_range(fake_due_us - fake_us, 5000, 6250);
	}
	fire(&work);
	retry_fresh(&work);
	assert_in_range(fake_due_us - fake_us, 90000, 95000);
	fire(&work);
	assert_int_equal(work.count, 13);
	end_fake(&work);
}

/* Many, and a bounded number in a pass. */

#define MANY 20000

struct many {
	kshim_workqueue *queue;
	unsigned char seen[MANY];
	unsigned count;
	bool slow;
};

static void handle_many(kshim_workqueue *queue, const char *key, void *user)
{
	struct many *many = user;
	int64_t began = __real_kshim__now_us();

	many->seen[atoi(key)]++;
	many->count++;
	while (many->slow && __real_kshim__now_us() - began < 1000)
		;
	kshim_workqueue_done(queue, key);
}

static void test_many(void **state)
{
	struct many *many = calloc(1, sizeof(*many));
	kshim_loop *loop = kshim_loop_new();
	char key[16];
	unsigned i;

	assert_non_null(many);
	many->queue = kshim_workqueue_new(loop, handle_many, many);
	for (i = 0; i < MANY; i++) {
		snprintf(key, sizeof(key), "%u", i);
		if (i % 2)
			assert_int_equal(kshim_workqueue_add(many->queue, key), 0);
		else
			assert_int_equal(kshim_workqueue_add_after(many->queue, key, 1 + i % 20), 0);
	}
	drive(loop, drive_of(state));
	for (i = 0; i < MANY; i++)
		assert_int_equal(many->seen[i], 1);
	many->slow = true;
	for (i = 0; i < 5; i++) {
		snprintf(key, sizeof(key), "%u", i);
		kshim_workqueue_add(many->queue, key);
	}
	many->count = 0;
	for (i = 1; i <= 5; i++) {
		assert_int_equal(kshim_loop_process(loop), i < 5);
		assert_int_equal(many->count, i);
	}
	for (i = 0; i < MANY; i++) {
		snprintf(key, sizeof(key), "%u", i);
		kshim_workqueue_add(many->queue, key);
	}
	kshim_workqueue_free(many->queue);
	kshim_loop_free(loop);
	free(many);
}

/* Whatever happens in whatever order: never two at a time, and nobody's last
 * change is missed. */

#define KEYS 40

struct model {
	kshim_workqueue *queue;
	unsigned version[KEYS], handled[KEYS];
	const char *active[KEYS];
	unsigned count, steps, retries;
	bool finishing;
};

static uint32_t rnd(void)
{
	static uint32_t state = 2463534242u;

	state ^= state << 13;
	state ^= state >> 17;
	state ^= state << 5;
	return state;
}

static void finish_one(struct model *model, unsigned i)
{
	const char *key = model->active[i];

	if (!key)
		return;
	model->active[i] = NULL;
	model->count--;
	kshim_workqueue_done(model->queue, key);
}

static void handle_model(kshim_workqueue *queue, const char *key, void *user)
{
	struct model *model = user;
	unsigned i = (unsigned)atoi(key);

	(void)queue;
	assert_null(model->active[i]);
	model->active[i] = key;
	model->handled[i] = model->version[i];
	assert_in_range(++model->count, 1, 4);
	if (model->finishing)
		finish_one(model, i);
}

static void step(kshim_timer *timer, void *user)
{
	struct model *model = user;
	unsigned i, n;
	char key[16];

	for (n = 0; n < 20; n++) {
		i = rnd() % KEYS;
		snprintf(key, sizeof(key), "%u", i);
		switch (rnd() % 6) {
		case 0:
			model->version[i]++;
			assert_int_equal(kshim_workqueue_add(model->queue, key), 0);
			break;
		case 1:
			model->version[i]++;
			assert_int_equal(kshim_workqueue_add_after(model->queue, key, rnd() % 4), 0);
			break;
		case 2:
			/* no more than go at once */
			if (model->retries < 90 && !kshim_workqueue_retries(model->queue, key) && ++model->retries)
				assert_int_equal(kshim_workqueue_retry(model->queue, key), 0);
			break;
		case 3:
			kshim_workqueue_forget(model->queue, key);
			break;
		default:
			finish_one(model, i);
		}
	}
	if (--model->steps) {
		kshim_timer_set(timer, rnd() % 2);
		return;
	}
	model->finishing = true;
	for (i = 0; i < KEYS; i++)
		finish_one(model, i);
}

static void test_at_random(void **state)
{
	struct model model = {.steps = 300};
	kshim_loop *loop = kshim_loop_new();
	kshim_timer *timer;
	unsigned i;

	model.queue = kshim_workqueue_new(loop, handle_model, &model);
	kshim_workqueue_set_limit(model.queue, 4);
	timer = kshim_timer_new(loop, 0, step, &model);
	drive(loop, drive_of(state));
	for (i = 0; i < KEYS; i++) {
		assert_null(model.active[i]);
		assert_true(model.version[i] > 0);
		assert_int_equal(model.handled[i], model.version[i]);
	}
	assert_int_equal(kshim_workqueue_len(model.queue), 0);
	kshim_timer_free(timer);
	kshim_workqueue_free(model.queue);
	kshim_loop_free(loop);
}

/* What is under way. */
static void test_holds_the_loop(void **state)
{
	struct work work;

	(void)state;
	start(&work);
	assert_int_equal(kshim_loop_process(work.loop), 0);
	assert_int_equal(kshim_loop_run(work.loop), 0);
	kshim_workqueue_add_after(work.queue, "a", 1000000);
	assert_int_equal(kshim_loop_process(work.loop), 1);
	work.keeps = true;
	kshim_workqueue_add(work.queue, "b");
	assert_int_equal(kshim_loop_process(work.loop), 1);
	assert_keys(&work, "b");
	assert_int_equal(kshim_loop_process(work.loop), 1);
	kshim_workqueue_free(work.queue);
	assert_int_equal(kshim_loop_process(work.loop), 0);
	work.queue = NULL;
	stop(&work);
}

static void test_drain(void **state)
{
	struct work work;

	start(&work);
	work.keeps = true;
	work.adds = "a"; /* comes again, although the queue drains by then */
	add(&work, "a");
	add(&work, "b");
	assert_int_equal(kshim_workqueue_add_after(work.queue, "c", 1000000), 0);
	drive_until(work.loop, drive_of(state), has_one, &work);
	assert_int_equal(kshim_workqueue_drain(work.queue, on_drained, &work), 0);
	assert_int_equal(kshim_workqueue_drain(work.queue, on_drained, &work), -1);
	assert_int_equal(kshim_workqueue_add(work.queue, "e"), -1);
	assert_int_equal(kshim_workqueue_add(work.queue, "a"), -1);
	assert_int_equal(kshim_workqueue_add_after(work.queue, "e", 1), -1);
	assert_int_equal(kshim_workqueue_retry(work.queue, "e"), -1);
	assert_int_equal(kshim_loop_process(work.loop), 1);
	assert_int_equal(work.drained, 0);
	work.keeps = false;
	done(&work, 0);
	assert_int_equal(work.drained, 0);
	drive(work.loop, drive_of(state));
	assert_keys(&work, "a b a");
	assert_int_equal(work.drained, 1);
	assert_int_equal(kshim_workqueue_add(work.queue, "e"), -1);
	stop(&work);
	/* an empty one, which is freed there; and nobody who is told */
	start(&work);
	work.frees = true;
	assert_int_equal(kshim_workqueue_drain(work.queue, on_drained, &work), 0);
	assert_int_equal(work.drained, 0);
	drive(work.loop, drive_of(state));
	assert_int_equal(work.drained, 1);
	work.queue = kshim_workqueue_new(work.loop, handle, &work);
	assert_int_equal(kshim_workqueue_drain(work.queue, NULL, NULL), 0);
	drive(work.loop, drive_of(state));
	stop(&work);
}

/* Freed in the handler, with keys in every state; and behind its loop. */
static void test_ends(void **state)
{
	struct work work;

	start(&work);
	work.frees = true;
	work.adds = "a";
	add(&work, "a");
	add(&work, "b");
	kshim_workqueue_add_after(work.queue, "c", 1000000);
	drive(work.loop, drive_of(state));
	assert_keys(&work, "a");
	work.queue = NULL;
	stop(&work);

	start(&work);
	work.keeps = true;
	add(&work, "a");
	add(&work, "b");
	kshim_workqueue_add_after(work.queue, "c", 1000000);
	drive_until(work.loop, drive_of(state), has_one, &work);
	kshim_workqueue_drain(work.queue, on_drained, &work);
	kshim_loop_free(work.loop);
	assert_int_equal(kshim_workqueue_add(work.queue, "d"), -1);
	assert_int_equal(kshim_workqueue_add_after(work.queue, "d", 1), -1);
	assert_int_equal(kshim_workqueue_retry(work.queue, "d"), -1);
	assert_int_equal(kshim_workqueue_drain(work.queue, on_drained, &work), -1);
	done(&work, 0);
	kshim_workqueue_forget(work.queue, "a");
	kshim_workqueue_free(work.queue);
	assert_keys(&work, "a");
	assert_int_equal(work.drained, 0);
}

static void test_nothing(void **state)
{
	struct work work;

	(void)state;
	start(&work);
	assert_null(kshim_workqueue_new(NULL, handle, NULL));
	assert_null(kshim_workqueue_new(work.loop, NULL, NULL));
	assert_int_equal(kshim_workqueue_add(work.queue, NULL), -1);
	assert_int_equal(kshim_workqueue_add_after(work.queue, NULL, 1), -1);
	assert_int_equal(kshim_workqueue_retry(work.queue, NULL), -1);
	kshim_workqueue_forget(work.queue, NULL);
	assert_int_equal(kshim_workqueue_retries(work.queue, NULL), 0);
	assert_int_equal(kshim_workqueue_add(NULL, "a"), -1);
	assert_int_equal(kshim_workqueue_retry(NULL, "a"), -1);
	assert_int_equal(kshim_workqueue_set_limit(NULL, 1), -1);
	assert_int_equal(kshim_workqueue_drain(NULL, NULL, NULL), -1);
	assert_int_equal(kshim_workqueue_len(NULL), 0);
	kshim_workqueue_done(NULL, "a");
	kshim_workqueue_forget(NULL, "a");
	kshim_workqueue_free(NULL);
	stop(&work);
}

/* Each allocation fails once: what was refused is not there, all else is. */
static void test_no_memory(void **state)
{
	bool failed = true;
	long i;

	if (!failalloc_works())
		skip();
	for (i = 0; failed; i++) {
		struct work work = {.loop = kshim_loop_new()};
		unsigned taken = 0, n;
		char key[16];

		failalloc_arm(i, false);
		work.queue = kshim_workqueue_new(work.loop, handle, &work);
		for (n = 0; work.queue && n < MOST; n++) {
			snprintf(key, sizeof(key), "%u", n);
			taken += kshim_workqueue_add_after(work.queue, key, n % 3) == 0;
		}
		if (work.queue)
			drive(work.loop, drive_of(state));
		failed = failalloc_disarm();
		assert_int_equal(work.count, taken);
		assert_true(taken >= MOST - 1 || !work.queue);
		kshim_workqueue_free(work.queue);
		kshim_loop_free(work.loop);
	}
	assert_true(i > MOST);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BOTH_DRIVES(test_once_and_in_order),
		BOTH_DRIVES(test_dirty),
		BOTH_DRIVES(test_limit),
		BOTH_DRIVES(test_delayed),
		cmocka_unit_test(test_backoff),
		cmocka_unit_test(test_bucket),
		BOTH_DRIVES(test_many),
		BOTH_DRIVES(test_at_random),
		cmocka_unit_test(test_holds_the_loop),
		BOTH_DRIVES(test_drain),
		BOTH_DRIVES(test_ends),
		cmocka_unit_test(test_nothing),
		BOTH_DRIVES(test_no_memory),
	};

	test_begin();
	return cmocka_run_group_tests_name("unit/workqueue", tests, NULL, NULL);
}
