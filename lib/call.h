/*
 * A call: one verb under way, from the function that started it to its callback.
 *
 * It sends one request at a time through its client and tries again where that
 * is safe; what the answer means is told by `answered`, which may send a further
 * request (the next page, the next step of a verb) or finish the call. User
 * callbacks run from its task alone.
 */
#ifndef KSHIM__CALL_H
#define KSHIM__CALL_H

#include "client.h"
#include "json/items.h"
#include "kind.h"
#include "object.h"

#include <kubeshim/query.h>
#include <kubeshim/result.h>

#define KSHIM__BODY_MAX (64u * 1024 * 1024) /* of an answer that is kept whole */

struct kshim__composite;

/* What a composite waits for, for a message about its deadline. */
struct kshim__waits {
	const kshim_call *call; /* NULL: no step that is a call */
	bool watches;
	const kshim_error *late; /* why its watch has no news */
};

enum kshim__mode {
	KSHIM__MODE_BODY,  /* the answer is kept whole */
	KSHIM__MODE_ITEMS, /* a List: cut into objects while it comes */
	KSHIM__MODE_STREAM, /* bytes, handed on as they come */
};

struct kshim_result {
	kshim_error *error;
	kshim_object *object; /* reference */
	bool found;
	bool inconsistent;
	size_t items;
	kshim_object **kept; /* references: of a collect, `items` of them */
	size_t kept_cap;
	int http_status;
	char *resource_version;
	char *continue_token;
	char *content_type;
	char *headers; /* of a proxied answer: names and values, each with its NUL */
	size_t headers_len;
	char *body;
	size_t body_len;
	char **warnings;
	size_t warning_count;
	const kshim_kind *kind; /* reference */
	kshim_client *client;   /* borrowed of the call */
};

/* What is sent. The strings are owned by the call. */
struct kshim__request {
	const char *method; /* static, or in custom_method */
	char *custom_method;
	char *path; /* with the query string */
	char *body;
	size_t body_len;
	enum kshim__accept accept;
	enum kshim__content content;
	char *custom_content; /* instead of content; NULL: none */
	bool custom;          /* kshim_client_request(): headers of their own */
	char *headers;        /* with custom, further ones: names and values, each with its NUL */
	size_t headers_len;
	enum kshim__mode mode;
};

enum kshim__call_state {
	KSHIM__CALL_NEW,
	KSHIM__CALL_WAITING,  /* for discovery, or a pause between two steps */
	KSHIM__CALL_QUEUED,   /* for a connection */
	KSHIM__CALL_ON_WIRE,
	KSHIM__CALL_ANSWERED, /* the exchange is over, dispatch has to look at it */
	KSHIM__CALL_BACKOFF,  /* before the next attempt */
	KSHIM__CALL_FINISHED, /* the result stands, the callback is to come */
	KSHIM__CALL_REPORTING /* in the callback */
};

struct kshim__target {
	const kshim_kind *kind; /* reference, or NULL: not known yet */
	char *kind_name;        /* to be looked up; or NULL */
	char *api_version;      /* the object's own; NULL: what is served */
	bool fixed;             /* no other version than that will do */
	const char *version;    /* resolved: points into kind or api_version */
};

struct kshim_call {
	kshim_client *client; /* reference */
	struct kshim__tenant tenant;
	struct kshim__ticket ticket;
	struct kshim__task task;
	struct kshim__timer deadline;
	struct kshim__timer pause; /* back-off, or between two steps */
	struct kshim__link waiting; /* in discovery's list */
	unsigned asked_at;          /* discovery's: how often it was asked before this call */
	bool needs_newer;
	enum kshim__call_state state;
	enum kshim__lane_kind lane;
	bool background; /* nobody's own: does not keep kshim_loop_run() from returning */
	bool once;       /* who made it tries again itself */
	bool held;       /* items are not handed on: see kshim__call_hold() */
	bool uncompressed;
	bool slim;       /* items come without managedFields: see kshim__object_slim() */
	int64_t timeout_ms;

	struct kshim__request request;
	struct kshim__request *later; /* proxy: what is sent once the object was read; or NULL */
	struct kshim__transfer transfer;
	struct kshim__headers *headers;
	unsigned attempts;
	bool renewed; /* credentials, after a 401 */
	bool reported; /* this attempt, to the hooks */
	/* An exchange that was cut short: the hooks hear of it from dispatch. */
	struct {
		bool due, new_connection;
		uint8_t http_version; /* CURL_HTTP_VERSION_… */
	} cut;
	unsigned credential; /* that it was sent with */
	int64_t begun_us;
	int64_t queued_us;

	/* The answer on its way in. */
	struct kshim__buf body; /* of a list: an item that came in two pieces, where it is to be slim */
	struct kshim__items *items;
	kshim_object **ready; /* items to hand on: ready[ready_at … ready_end) */
	size_t ready_at, ready_end, ready_cap;
	size_t ready_bytes;
	bool paused;
	bool delivered; /* something of this answer was handed on */
	bool too_large;

	/* What the verb is about. */
	struct kshim__target target;
	char *namespace_;
	char *name;
	char *subresource;
	char *params;    /* of the path: "?key=value&…", or NULL */
	char *selectors; /* those of them that every page carries */
	bool collection;
	kshim_object *object; /* reference: what a verb was called on */
	kshim_object *first;  /* get: the one that matched so far */
	bool wants_first;
	bool keeps_items;
	int64_t number;       /* scale: how many */
	const char *scheme;   /* proxy: static; NULL: none */
	int phase;            /* of a verb with several steps */
	unsigned limit;
	bool one_page;
	bool dry_run;
	bool none_is_fine;
	bool keep_object; /* the answer is not the object's new state */

	/* A step: the request is complete and was a success, or failed with
	 * result.error set. It sends again, waits, or finishes. */
	void (*answered)(kshim_call *call);
	/* Decides, while the answer's head is at hand, whether it is an error: gets what
	 * would be one (or NULL), taken over, and returns what is. NULL: it is. Set, an
	 * answer of any status has a body like a success's. */
	kshim_error *(*judge)(kshim_call *call, kshim_error *error);
	/* Discovery is there, or a pause is over. */
	void (*resume)(kshim_call *call);
	/* Of a stream: its bytes, from dispatch. */
	void (*data)(kshim_call *call, const char *data, size_t len);
	/* Instead: its bytes, inside libcurl, where they can only be stored. One that was
	 * paused goes on when call->task has run. */
	enum kshim__sink (*take)(kshim_call *call, const char *data, size_t len);
	/* The head of a success is there; inside libcurl, too. */
	void (*headed)(kshim_call *call);
	/* The target is resolved. */
	void (*then)(kshim_call *call);
	/* Of the first answer only: nobody serves this kind at this path. Sends again, or
	 * leaves the error to answered(). NULL: there is nothing to try. */
	void (*unserved)(kshim_call *call);

	/* Of a verb that is carried out by other calls: see composite.h. `ended` runs
	 * once the result stands, before the callback. */
	struct kshim__composite *composite;
	void (*composite_resume)(struct kshim__composite *composite);
	void (*composite_waits)(const struct kshim__composite *composite, struct kshim__waits *waits);
	void (*ended)(kshim_call *call);

	kshim_result result;
	kshim_done_fn *done;
	kshim_item_fn *item;
	kshim_page_fn *page;
	kshim_kind_fn *each_kind;
	void *user;
};

/* A new call of an open client, not yet sent; NULL, with the client's error
 * set, if it is closed or memory is short. */
kshim_call *kshim__call_new(kshim_client *client, kshim_done_fn *done, void *user);
/* Before it was begun: the function that wanted it returns NULL. */
void *kshim__call_drop(kshim_call *call, kshim_error *error);
/* From here on the callback comes. `timeout_ms`: 0 none, -1 the client's. */
kshim_call *kshim__call_begin(kshim_call *call, int64_t timeout_ms);

/* Frees what a request holds. */
void kshim__request_clear(struct kshim__request *request);

/* Sends call->request. */
void kshim__call_send(kshim_call *call);
/* Waits, then calls resume(). */
void kshim__call_sleep(kshim_call *call, int64_t ms, void (*resume)(kshim_call *call));

/* Keeps the items of a list back, and with them the server; lets them go. */
void kshim__call_hold(kshim_call *call, bool held);

/* Finishes; the error is taken over, and takes the place of an earlier one. */
void kshim__call_finish(kshim_call *call);
void kshim__call_fail(kshim_call *call, kshim_error *error);
void kshim__call_no_memory(kshim_call *call);

/* The whole body of the answer, for `answered`. */
struct kshim__span kshim__call_body(kshim_call *call);

/* Answers that are objects: makes result.object of the body. false: the call
 * failed. */
bool kshim__call_take_object(kshim_call *call);

/* The usual ends, for `answered`: the answer is the object; the body as it is. */
void kshim__call_answer_object(kshim_call *call);
void kshim__call_answer_body(kshim_call *call);

#endif
