/*
 * kubeshim/result.h - what came of a call, and the handle of one under way.
 *
 * Everything borrowed from a result lives until the callback returns.
 */
#ifndef KUBESHIM_RESULT_H
#define KUBESHIM_RESULT_H

#include <kubeshim/common.h>

KSHIM_BEGIN_DECLS

/* NULL if the call succeeded. Borrowed: kshim_error_copy() keeps it. */
KSHIM_API const kshim_error *kshim_result_error(const kshim_result *result);

/* The object of a get, create, patch, …; of a delete the object if the server
 * sent one. NULL where there is none: an error, a list, get_or_none without a
 * match, exists. Borrowed: kshim_object_ref() keeps it. */
KSHIM_API kshim_object *kshim_result_object(const kshim_result *result);

/* exists, get_or_none: 1 if it was there; rollout_undo: 0 if there was nothing to
 * do. Other verbs: 1 on success. */
KSHIM_API int kshim_result_found(const kshim_result *result);

/* list: how many items were handed on, also when it failed later on. */
KSHIM_API size_t kshim_result_item_count(const kshim_result *result);

/* collect: the items in the server's order; NULL behind the last, and of other
 * verbs. Borrowed: kshim_object_ref() keeps it. */
KSHIM_API kshim_object *kshim_result_item(const kshim_result *result, size_t index);

/* list: the resourceVersion a watch may start from; NULL if none came. */
KSHIM_API const char *kshim_result_resource_version(const kshim_result *result);

/* list with a limit of one page: the token for the next; NULL at the end. */
KSHIM_API const char *kshim_result_continue(const kshim_result *result);

/* list: 0 if the snapshot expired between two pages, so that the later pages
 * are of a newer state; else 1. */
KSHIM_API int kshim_result_is_consistent(const kshim_result *result);

/* find_kind, crd_define: the kind, borrowed: kshim_kind_ref() keeps it. */
KSHIM_API const kshim_kind *kshim_result_kind(const kshim_result *result);

/* The HTTP status of the last answer, 0 if there was none. */
KSHIM_API int kshim_result_http_status(const kshim_result *result);

/* The answer's body, where it was not an object or a list (kshim_client_request,
 * a table, the Status of a delete): its bytes and its Content-Type, NULL where
 * there is none. `*len` gets their number where `len` is not NULL. */
KSHIM_API const char *kshim_result_body(const kshim_result *result, size_t *len);
KSHIM_API const char *kshim_result_content_type(const kshim_result *result);

/* The server's warnings (RFC 7234 `Warning: 299`), text only, by index; NULL
 * behind the last. */
KSHIM_API const char *kshim_result_warning(const kshim_result *result, size_t index);

/* The client that carried the call out; NULL once it was freed. */
KSHIM_API kshim_client *kshim_result_client(const kshim_result *result);

/* Ends a call early: its callback runs from the loop with KSHIM_ECANCELED. The
 * connection is dropped if it has to be; a write may or may not have taken
 * place. A call's handle is borrowed: valid from the function that returned it
 * until its callback returns. A second cancel, or NULL, does nothing. */
KSHIM_API void kshim_call_cancel(kshim_call *call);

KSHIM_END_DECLS

#endif
