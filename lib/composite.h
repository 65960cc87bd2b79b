/*
 * Verbs that are carried out by other calls: a state machine of steps.
 *
 * A composite is a call of its own (deadline, cancel, exactly one callback) that
 * sends nothing itself: each of its steps is an ordinary call on the same
 * client, made with kshim__step_done and the step as its callback and user data.
 * When the composite ends, for whatever reason, steps that are still under way
 * are cancelled and their answers dropped.
 *
 *	struct kshim__step *step = kshim__step_new(composite, on_pods, NULL);
 *
 *	kshim__step_start(step, kshim_query_list(pods, on_pod, kshim__step_done, step));
 */
#ifndef KSHIM__COMPOSITE_H
#define KSHIM__COMPOSITE_H

#include "call.h"

/* The head of a verb's own state. */
struct kshim__composite {
	kshim_call *call; /* NULL once it ended */
	kshim_client *client; /* reference */
	struct kshim__link steps;
	unsigned holds;
	void (*release)(struct kshim__composite *composite); /* what the state holds, not the state itself */
};

/* What a message about the deadline says it was: "wait", "condition Ready of
 * pods/x". `verb` is static; a text that is lost for lack of memory is no error. */
void kshim__composite_about(struct kshim__composite *composite, const char *verb, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* `then` runs from the loop with the step's result; it starts a further step, or
 * ends the composite. */
typedef void kshim__step_fn(struct kshim__composite *composite, kshim_result *result, void *argument);

struct kshim__step {
	struct kshim__link link;
	struct kshim__composite *composite;
	kshim_call *call;
	kshim_watch *watch; /* instead of a call; whoever starts it sets this */
	kshim__step_fn *then;
	void *argument;
};

/* A verb's state of `size` bytes, all zero but its head, and its call, begun.
 * NULL, with the client's error set, without memory or for a closed client. */
void *kshim__composite_new(kshim_client *client, size_t size, void (*release)(struct kshim__composite *composite),
			   const kshim_options *options, kshim_done_fn *done, void *user);

/* NULL, and the composite failed and may be gone, without memory: then nothing of it
 * is to be touched, also not for the arguments of a call. */
struct kshim__step *kshim__step_new(struct kshim__composite *composite, kshim__step_fn *then, void *argument);
/* Takes what the function that starts the step's call returned: for NULL the
 * composite fails with the client's error. */
void kshim__step_start(struct kshim__step *step, kshim_call *call);
/* The callback of every step. */
void kshim__step_done(kshim_result *result, void *user);

/* Ends the composite well, with an object (borrowed here; NULL: none) as its
 * result; or with an error (taken over; a copy of a step's: kshim_error_copy).
 * The state may be gone afterwards. */
void kshim__composite_finish(struct kshim__composite *composite, kshim_object *object);
/* Ends it well: what the verb was called on takes the text of its newest state,
 * and is the result. */
void kshim__composite_finish_as(struct kshim__composite *composite, kshim_object *object, kshim_object *state);
void kshim__composite_fail(struct kshim__composite *composite, kshim_error *error);
void kshim__composite_no_memory(struct kshim__composite *composite);
/* true, and the composite failed, if the step's result is an error. */
bool kshim__composite_failed(struct kshim__composite *composite, const kshim_result *result);

/* Around what may end the composite (a user's callback, several steps that are
 * started): the state lives until the last release, which tells whether the
 * composite goes on. */
void kshim__composite_hold(struct kshim__composite *composite);
bool kshim__composite_release(struct kshim__composite *composite);

/* Goes on after a while. */
void kshim__composite_sleep(struct kshim__composite *composite, int64_t ms,
			    void (*resume)(struct kshim__composite *composite));

#endif
