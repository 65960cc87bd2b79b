#include <kubeshim/pod.h>

#include "alloc.h"
#include "error.h"
#include "options.h"
#include "verb.h"
#include "write.h"

#include <string.h>

/* {"apiVersion":"policy/v1","kind":"Eviction",…} around the DeleteOptions that the
 * call's body holds. */
static bool write_eviction(kshim_call *call)
{
	struct kshim__buf body;

	kshim__buf_init(&body);
	kshim__buf_adds(&body, "{\"apiVersion\":\"policy/v1\",\"kind\":\"Eviction\",\"metadata\":{\"name\":");
	kshim__buf_add_json_string(&body, call->name, strlen(call->name));
	if (call->namespace_) {
		kshim__buf_adds(&body, ",\"namespace\":");
		kshim__buf_add_json_string(&body, call->namespace_, strlen(call->namespace_));
	}
	kshim__buf_addc(&body, '}');
	if (call->request.body) {
		kshim__buf_adds(&body, ",\"deleteOptions\":");
		kshim__buf_add(&body, call->request.body, call->request.body_len);
	}
	kshim__buf_addc(&body, '}');
	kshim__free(call->request.body);
	call->request.body = kshim__buf_take(&body, &call->request.body_len);
	call->request.content = KSHIM__CONTENT_JSON;
	return call->request.body != NULL;
}

kshim_call *kshim_pod_evict(kshim_object *pod, const kshim_options *options, kshim_done_fn *done, void *user)
{
	kshim_options own = options ? *options : kshim__options_default;
	const kshim_kind *row = pod ? kshim__object_row(pod) : NULL;
	kshim_call *call;

	if (row && row != KSHIM_POD)
		return kshim__object_refuse(pod, "a %s cannot be evicted", row->kind);
	own.subresource = (char *)"eviction";
	call = kshim__verb_on_object(pod, "POST", &own, true, done, user);
	if (!call)
		return NULL;
	call->answered = kshim__call_answer_body;
	if (!kshim__write_params(call, &own, KSHIM__WRITE_FIELDS) || !kshim__write_delete_body(call, &own) ||
	    !write_eviction(call))
		return kshim__call_drop(call, kshim__error_new(KSHIM_ENOMEM, "out of memory"));
	kshim__call_begin(call, own.timeout_ms);
	kshim__verb_go(call);
	return call;
}
