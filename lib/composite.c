#include "composite.h"

#include "alloc.h"
#include "error.h"
#include "options.h"

#include <kubeshim/watch.h>

#include <stdarg.h>
#include <stdio.h>

/* The state goes when its call has ended and no step refers to it any more. */
static void free_if_over(struct kshim__composite *composite)
{
	if (composite->call || composite->holds || !kshim__list_empty(&composite->steps))
		return;
	composite->release(composite);
	kshim__client_unref(composite->client);
	kshim__free(composite);
}

static void ended(kshim_call *call)
{
	struct kshim__composite *composite = call->composite;
	struct kshim__link *link, *next;

	composite->call = NULL;
	call->composite = NULL;
	for (link = composite->steps.next; link != &composite->steps; link = next) {
		struct kshim__step *step = KSHIM__OWNER(link, struct kshim__step, link);

		next = link->next;
		kshim_call_cancel(step->call); /* its callback, later, drops the step */
		kshim_watch_stop(step->watch);
	}
	free_if_over(composite);
}

/* The step that is longest under way. */
static void waits_for(const struct kshim__composite *composite, struct kshim__waits *waits)
{
	const struct kshim__step *step;

	if (kshim__list_empty(&composite->steps))
		return;
	step = KSHIM__OWNER(composite->steps.next, struct kshim__step, link);
	waits->call = step->call;
	waits->watches = step->watch != NULL;
	waits->late = kshim_watch_error(step->watch);
}

void *kshim__composite_new(kshim_client *client, size_t size, void (*release)(struct kshim__composite *composite),
			   const kshim_options *options, kshim_done_fn *done, void *user)
{
	struct kshim__composite *composite;
	kshim_call *call;

	call = kshim__call_new(client, done, user);
	if (!call)
		return NULL;
	composite = kshim__calloc(1, size);
	if (!composite)
		return kshim__call_drop(call, kshim__error_new(KSHIM_ENOMEM, "out of memory"));
	composite->call = call;
	composite->client = kshim__client_ref(client);
	composite->release = release;
	kshim__list_init(&composite->steps);
	call->composite = composite;
	call->composite_waits = waits_for;
	call->ended = ended;
	call->state = KSHIM__CALL_WAITING;
	kshim__call_begin(call, options ? options->timeout_ms : -1);
	return composite;
}

void kshim__composite_about(struct kshim__composite *composite, const char *verb, const char *format, ...)
{
	struct kshim__request *request = &composite->call->request;
	char text[256];
	va_list values;

	va_start(values, format);
	vsnprintf(text, sizeof(text), format, values);
	va_end(values);
	kshim__free(request->path);
	request->method = verb;
	request->path = kshim__strdup(text);
}

struct kshim__step *kshim__step_new(struct kshim__composite *composite, kshim__step_fn *then, void *argument)
{
	struct kshim__step *step = kshim__calloc(1, sizeof(*step));

	if (!step) {
		kshim__composite_no_memory(composite);
		return NULL;
	}
	step->composite = composite;
	step->then = then;
	step->argument = argument;
	kshim__list_append(&composite->steps, &step->link);
	return step;
}

static void drop_step(struct kshim__step *step)
{
	kshim__list_remove(&step->link);
	kshim__free(step);
}

void kshim__step_start(struct kshim__step *step, kshim_call *call)
{
	struct kshim__composite *composite;
	kshim_error *error;

	step->call = call;
	if (call)
		return;
	composite = step->composite;
	drop_step(step);
	error = kshim_error_copy(kshim_client_error(composite->client));
	if (!error)
		error = kshim__error_new(KSHIM_ENOMEM, "out of memory");
	if (composite->call) {
		kshim__composite_fail(composite, error);
	} else {
		kshim_error_free(error);
		free_if_over(composite);
	}
}

void kshim__step_done(kshim_result *result, void *user)
{
	struct kshim__step *step = user;
	struct kshim__composite *composite;
	kshim__step_fn *then;
	void *argument;

	if (!step)
		return;
	composite = step->composite;
	then = step->then;
	argument = step->argument;
	drop_step(step);
	if (composite->call)
		then(composite, result, argument);
	else
		free_if_over(composite);
}

void kshim__composite_finish(struct kshim__composite *composite, kshim_object *object)
{
	kshim_call *call = composite->call;

	if (!call)
		return;
	call->result.object = kshim_object_ref(object);
	call->result.found = true;
	kshim__call_finish(call);
}

void kshim__composite_finish_as(struct kshim__composite *composite, kshim_object *object, kshim_object *state)
{
	size_t len = 0;
	const char *text;
	char *copy;

	if (object->common) {
		kshim__composite_finish(composite, state); /* what a cache told of stays as it is */
		return;
	}
	text = kshim_object_text(state, &len);
	copy = text ? kshim__memdup(text, len) : NULL;
	if (!copy) {
		kshim__composite_no_memory(composite);
		return;
	}
	if (composite->call)
		kshim__object_replace_text(object, copy, len);
	else
		kshim__free(copy);
	kshim__composite_finish(composite, object);
}

void kshim__composite_fail(struct kshim__composite *composite, kshim_error *error)
{
	if (composite->call)
		kshim__call_fail(composite->call, error);
	else
		kshim_error_free(error);
}

void kshim__composite_no_memory(struct kshim__composite *composite)
{
	kshim__composite_fail(composite, kshim__error_new(KSHIM_ENOMEM, "out of memory"));
}

bool kshim__composite_failed(struct kshim__composite *composite, const kshim_result *result)
{
	if (!kshim_result_error(result))
		return false;
	kshim__composite_fail(composite, kshim_error_copy(kshim_result_error(result)));
	return true;
}

void kshim__composite_hold(struct kshim__composite *composite)
{
	composite->holds++;
}

bool kshim__composite_release(struct kshim__composite *composite)
{
	bool goes_on = composite->call != NULL;

	composite->holds--;
	free_if_over(composite);
	return goes_on;
}

static void woke(kshim_call *call)
{
	call->composite_resume(call->composite);
}

void kshim__composite_sleep(struct kshim__composite *composite, int64_t ms,
			    void (*resume)(struct kshim__composite *composite))
{
	composite->call->composite_resume = resume;
	kshim__call_sleep(composite->call, ms, woke);
}
