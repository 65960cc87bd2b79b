/* Objects from the inside: see kubeshim/object.h. */
#ifndef KSHIM__OBJECT_H
#define KSHIM__OBJECT_H

#include "json/scan.h"
#include "kind.h"

#include <kubeshim/object.h>

#include <stdbool.h>

/* A string that was read out of the bytes, kept so that it can be borrowed. */
struct kshim__string {
	struct kshim__string *next;
	const char *at; /* where in the bytes it was read; NULL: of the tree or made up */
	char text[];
};

/* What few objects need, or only while they are read. */
struct kshim__extra {
	struct kshim__string *strings;
	json_t *tree;
	char *dump; /* the text that kshim_object_text() last made */
	size_t dump_len;
	char *kind_name; /* of a handle whose kind is yet to be found; or NULL */
};

struct kshim_object {
	unsigned refs;
	bool starved;   /* see kshim__object_starved() */
	bool cached : 1; /* a cache holds one of the references */
	bool common : 1; /* a cache held it, or told of it: others may have it, so no verb changes it */
	bool owns_text; /* `text` is an allocation of its own; else it is in here */
	bool bare;      /* nothing was noted of its bytes: there is no room for `members` */
	kshim_client *client;    /* reference, NULL after the client was freed */
	const kshim_kind *kind;  /* reference; NULL: only the text tells */
	const char *api_version; /* of `kind`, for bytes that do not say theirs; NULL: not known yet */
	const char *text; /* as it was last received; NULL: made from a tree or a name */
	size_t len;
	struct kshim__extra *extra; /* or NULL: see kshim__object_extra() */
	struct kshim__members members; /* the last: the bytes of a bare one begin here */
	char bytes[];
};

/* Never NULL: all of it empty, where there is none. */
const struct kshim__extra *kshim__object_extra(const kshim_object *object);
/* To change, made if there is none; NULL without memory. */
struct kshim__extra *kshim__object_make_extra(kshim_object *object);
/* NULL: none was made, the text is all there is. */
json_t *kshim__object_made_tree(const kshim_object *object);
/* What was noted of the text, NULL: nothing. */
const struct kshim__members *kshim__object_members(const kshim_object *object);

/* An item of a list: its bytes are the two spans. The kind is referenced. `members`
 * NULL: nothing was noted of them, the object is a bare one. */
kshim_object *kshim__object_from_item(kshim_client *client, const kshim_kind *kind, const char *api_version,
				      struct kshim__span head, struct kshim__span tail,
				      const struct kshim__members *members);

/* A bare one of a text without its managedFields: they never take up memory. *at, a
 * place in the text, becomes that in the object's; NULL: there is none. */
kshim_object *kshim__object_slim(kshim_client *client, const kshim_kind *kind, const char *api_version,
				 struct kshim__span text, size_t *at);

/* Takes over the text (from kshim__malloc), NUL-terminated; NULL and the text
 * freed without memory. `members` may be NULL. */
kshim_object *kshim__object_adopt(kshim_client *client, const kshim_kind *kind, const char *api_version, char *text,
				  size_t len, const struct kshim__members *members);

/* As kshim_object_from_text(), with the error for the caller. */
kshim_object *kshim__object_from_text(kshim_client *client, const char *text, size_t len, kshim_error **error);

/* A handle by name alone; one of kind and kind_name is NULL. */
kshim_object *kshim__object_named(kshim_client *client, const kshim_kind *kind, const char *kind_name,
				  const char *namespace_, const char *name);

/* The built-in row of what the object is; NULL if it is none, or only discovery
 * can tell. */
const kshim_kind *kshim__object_row(kshim_object *object);

/* A string that is there reads as NULL without memory. true if that happened since
 * this was last asked: what seemed to be missing then is no news of the object. */
bool kshim__object_starved(kshim_object *object);

/* Fails the client, for an argument that is no good, with KSHIM_EINVAL and the
 * text; or with KSHIM_ENOMEM, if it could not be read. NULL. */
void *kshim__object_refuse(kshim_object *object, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Finds a value in the bytes; false without bytes, or where there is none. */
bool kshim__object_read_at(kshim_object *object, const char *pointer, struct kshim__span *value);

/* true where the string is `text`; needs no memory. */
bool kshim__object_is(kshim_object *object, const char *pointer, const char *text);

/* Lets go of all that reading made: strings, text and tree that were borrowed are gone.
 * Only where nobody can have borrowed them; without bytes nothing happens. */
void kshim__object_shed(kshim_object *object);
/* There is something of that kind. */
bool kshim__object_was_read(const kshim_object *object);

/* Puts newly received text (taken over) into an object; drops its tree. */
void kshim__object_replace_text(kshim_object *object, char *text, size_t len);

/* The text to send, with apiVersion and kind, without the members named (NULL-
 * terminated pointers): new, to kshim__free; NULL and *error. */
char *kshim__object_body(kshim_object *object, const char *const *without, size_t *len, kshim_error **error);

/* The merge patch of what was changed since it was read: new; *empty tells that
 * nothing was. NULL and *error. */
char *kshim__object_diff(kshim_object *object, bool if_unchanged, size_t *len, bool *empty, kshim_error **error);

#endif
