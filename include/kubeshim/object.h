/*
 * kubeshim/object.h - one Kubernetes object.
 *
 * An object is its JSON text as the server sent it, reference-counted. Reading
 * goes through an RFC 6901 pointer ("/status/phase", "/metadata/labels/app~1x")
 * straight over the bytes. A jansson tree is made when somebody asks for it, to
 * walk or to edit; from then on reads and verbs see the tree. Nothing that the
 * server sent is lost on the way back.
 */
#ifndef KUBESHIM_OBJECT_H
#define KUBESHIM_OBJECT_H

#include <kubeshim/common.h>
#include <kubeshim/options.h>

#include <jansson.h>

KSHIM_BEGIN_DECLS

/* An object from JSON text, which is copied; it must hold apiVersion and kind.
 * New reference; NULL for a NULL client, and where kshim_client_error() tells:
 * KSHIM_EINVAL if it is no object, KSHIM_ENOMEM. */
KSHIM_API kshim_object *kshim_object_from_text(kshim_client *client, const char *text, size_t len);

/* The same of a jansson tree, which it steals, also when it fails. */
KSHIM_API kshim_object *kshim_object_new(kshim_client *client, json_t *tree);

/* A further reference; each is released once, the last one frees it. */
KSHIM_API kshim_object *kshim_object_ref(kshim_object *object);
KSHIM_API void kshim_object_unref(kshim_object *object);

/* Borrowed, NULL if absent. The namespace of an object that names none is NULL;
 * verbs use the client's. apiVersion and kind of list items, which built-in
 * kinds leave out, are filled in from the query. */
KSHIM_API const char *kshim_object_name(kshim_object *object);
KSHIM_API const char *kshim_object_namespace(kshim_object *object);
KSHIM_API const char *kshim_object_uid(kshim_object *object);
KSHIM_API const char *kshim_object_resource_version(kshim_object *object);
KSHIM_API const char *kshim_object_api_version(kshim_object *object);
KSHIM_API const char *kshim_object_kind(kshim_object *object);

/* Reads through a pointer. A string is borrowed until the object changes or is
 * released (an embedded NUL ends it); NULL, or -1, if nothing of that type is
 * there (of a string also without memory). kshim_object_has() is 1 for anything
 * but a missing value or null. */
KSHIM_API const char *kshim_object_get_string(kshim_object *object, const char *pointer);
KSHIM_API int kshim_object_get_int(kshim_object *object, const char *pointer, int64_t *value);
KSHIM_API int kshim_object_get_bool(kshim_object *object, const char *pointer, int *value);
KSHIM_API int kshim_object_get_double(kshim_object *object, const char *pointer, double *value);
KSHIM_API int kshim_object_has(kshim_object *object, const char *pointer);

/* The elements of an array, the members of an object; 0 for anything else. */
KSHIM_API size_t kshim_object_get_size(kshim_object *object, const char *pointer);

/* Any value as a tree of its own, to walk over, compare or put into another: new, for
 * json_decref(). Unlike kshim_object_tree() it takes only this value's memory, and
 * none once it is released. NULL where nothing is there, or without memory. */
KSHIM_API json_t *kshim_object_get_json(kshim_object *object, const char *pointer);

/* A label or an annotation by its key, borrowed likewise; NULL if absent. */
KSHIM_API const char *kshim_object_get_label(kshim_object *object, const char *key);
KSHIM_API const char *kshim_object_get_annotation(kshim_object *object, const char *key);

/* 1 if the labels match a selector as the server would evaluate it ("app=web,
 * tier in (a,b),!old"; NULL or "" matches everything), 0 if not; -1 for no
 * object, and where kshim_client_error() tells: KSHIM_EINVAL, which names the
 * byte of the selector that is wrong, KSHIM_ENOMEM. */
KSHIM_API int kshim_object_matches(kshim_object *object, const char *labels);

/* The whole object as JSON text, with apiVersion and kind: as it came, or, once
 * there is a tree, made of it. Borrowed until the object changes or is released,
 * NUL-terminated; NULL without memory or if it is no valid JSON. */
KSHIM_API const char *kshim_object_text(kshim_object *object, size_t *len);

/* The tree, borrowed, to read and to change in place; NULL without memory or
 * when the text is no JSON that jansson can hold. What is changed in it reaches
 * the server by kshim_object_update(), kshim_object_replace(), …. */
KSHIM_API json_t *kshim_object_tree(kshim_object *object);

/* Changes the tree through a pointer: sets (steals `value`; objects on the way
 * are made, "-" appends to an array), removes (nothing there is fine). 0 or -1. */
KSHIM_API int kshim_object_set(kshim_object *object, const char *pointer, json_t *value);
KSHIM_API int kshim_object_set_string(kshim_object *object, const char *pointer, const char *value);
KSHIM_API int kshim_object_set_int(kshim_object *object, const char *pointer, int64_t value);
KSHIM_API int kshim_object_remove(kshim_object *object, const char *pointer);

/* The client it belongs to; NULL once that was freed. */
KSHIM_API kshim_client *kshim_object_client(kshim_object *object);

/*
 * Verbs. Each returns a kshim_call: borrowed, for kshim_call_cancel(). NULL means
 * that nothing was started and no callback will come: kshim_client_error() tells why
 * (KSHIM_EINVAL, as for an object without a name; KSHIM_ENOMEM; KSHIM_ECANCELED once
 * the client was freed). The callbacks follow the contract of common.h.
 *
 * Each keeps the object alive until its callback has run. On success of
 * reload, create, replace, update, patch, apply and scale the object takes the
 * server's answer (but not with a dry run or another subresource than status),
 * and kshim_result_object() is that very object.
 */

/* 1 or 0 in kshim_result_found(); only failures other than 404 are errors. */
KSHIM_API kshim_call *kshim_object_exists(kshim_object *object, const kshim_options *options, kshim_done_fn *done,
					  void *user);

/* Reads it again. KSHIM_ENOTFOUND if it is gone. */
KSHIM_API kshim_call *kshim_object_reload(kshim_object *object, const kshim_options *options, kshim_done_fn *done,
					  void *user);

/* POST. metadata.resourceVersion and uid are left out. With generateName the
 * answer has the name. KSHIM_EEXISTS. */
KSHIM_API kshim_call *kshim_object_create(kshim_object *object, const kshim_options *options, kshim_done_fn *done,
					  void *user);

/* PUT: the whole object, as kubectl replace. With metadata.resourceVersion in it
 * the server refuses if it changed meanwhile (KSHIM_ECONFLICT); without, it
 * overwrites where the kind allows that. */
KSHIM_API kshim_call *kshim_object_replace(kshim_object *object, const kshim_options *options, kshim_done_fn *done,
					   void *user);

/* Sends what was changed in the tree since it was read, as a merge patch (RFC
 * 7386): a key that was removed is removed there, what others changed meanwhile
 * stays. Without a change nothing is sent and the call succeeds; KSHIM_EINVAL if
 * there is none and the object was never read (it has no uid). */
KSHIM_API kshim_call *kshim_object_update(kshim_object *object, const kshim_options *options, kshim_done_fn *done,
					  void *user);

typedef enum kshim_patch {
	KSHIM_PATCH_MERGE,    /* RFC 7386 */
	KSHIM_PATCH_JSON,     /* RFC 6902 */
	KSHIM_PATCH_STRATEGIC /* Kubernetes' own; not for custom resources */
} kshim_patch;

/* PATCH with `patch`, JSON text, which is copied. */
KSHIM_API kshim_call *kshim_object_patch(kshim_object *object, kshim_patch type, const char *patch, size_t len,
					 const kshim_options *options, kshim_done_fn *done, void *user);

/* Server-side apply of the whole object; metadata.managedFields is left out.
 * KSHIM_ECONFLICT with causes FieldManagerConflict: see kshim_options_set_force. */
KSHIM_API kshim_call *kshim_object_apply(kshim_object *object, const kshim_options *options, kshim_done_fn *done,
					 void *user);

/* DELETE. KSHIM_ENOTFOUND if it is gone already. The result holds the object
 * where the server answers with it (finalizers, a grace period). */
KSHIM_API kshim_call *kshim_object_delete(kshim_object *object, const kshim_options *options, kshim_done_fn *done,
					  void *user);

/* Sets the number of replicas (a Job's parallelism), then reads the object until
 * its spec says so, once a second; its pods are waited for only if
 * kshim_options_set_wait_ready() says so. */
KSHIM_API kshim_call *kshim_object_scale(kshim_object *object, int64_t replicas, const kshim_options *options,
					 kshim_done_fn *done, void *user);

KSHIM_END_DECLS

#endif
