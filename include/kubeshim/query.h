/*
 * kubeshim/query.h - which objects of a kind are meant, and reading them.
 *
 * A query may be changed and freed while its calls run: each call keeps what it
 * needs. Setters return 0, or -1 (kshim_client_error() tells) and change nothing.
 *
 * Every function that starts something returns a kshim_call: borrowed, for
 * kshim_call_cancel(). NULL means that nothing was started and no callback will
 * come: kshim_client_error() tells why (KSHIM_EINVAL, KSHIM_ENOMEM, KSHIM_ECANCELED
 * once the client was freed). A kind that the server does not serve: KSHIM_ENOKIND.
 */
#ifndef KUBESHIM_QUERY_H
#define KUBESHIM_QUERY_H

#include <kubeshim/common.h>
#include <kubeshim/options.h>

KSHIM_BEGIN_DECLS

/* Instead of a namespace's name: all of them. */
#define KSHIM_ALL_NAMESPACES ""

typedef enum kshim_operator {
	KSHIM_OP_EQUALS,
	KSHIM_OP_NOT_EQUALS,
	KSHIM_OP_IN,
	KSHIM_OP_NOT_IN,
	KSHIM_OP_EXISTS,
	KSHIM_OP_NOT_EXISTS,
	KSHIM_OP_GREATER,
	KSHIM_OP_LESS
} kshim_operator;

/* How a list's resourceVersion is meant (Kubernetes API concepts, "Semantics
 * for get and list"). */
typedef enum kshim_match {
	KSHIM_MATCH_UNSET,
	KSHIM_MATCH_NOT_OLDER_THAN,
	KSHIM_MATCH_EXACT
} kshim_match;

/* The objects of `kind` in a namespace; NULL: the client's own namespace;
 * KSHIM_ALL_NAMESPACES: all. Kinds without namespaces ignore it. New; NULL
 * without memory, for a NULL client or kind, or for a bad namespace. */
KSHIM_API kshim_query *kshim_query_new(kshim_client *client, const kshim_kind *kind, const char *namespace_);

/* The same with the kind's name ("po", "deployments.apps"), found by discovery
 * when the first call needs it. */
KSHIM_API kshim_query *kshim_query_new_named(kshim_client *client, const char *kind, const char *namespace_);

/* A new copy, to narrow further; NULL of NULL, or without memory. */
KSHIM_API kshim_query *kshim_query_copy(const kshim_query *query);
KSHIM_API void kshim_query_free(kshim_query *query);

/* A label or field selector as text; replaces what was there; NULL removes it. */
KSHIM_API int kshim_query_set_labels(kshim_query *query, const char *selector);
KSHIM_API int kshim_query_set_fields(kshim_query *query, const char *selector);

/* Narrows by one requirement more: `values` are `count` texts (one for EQUALS,
 * NOT_EQUALS, GREATER, LESS; none for EXISTS, NOT_EXISTS). Field selectors know
 * EQUALS, NOT_EQUALS, NOT_IN and an IN of one value (Kubernetes documents,
 * "Field Selectors"). Values are escaped here. */
KSHIM_API int kshim_query_add_label(kshim_query *query, const char *key, kshim_operator op,
				    const char *const *values, size_t count);
KSHIM_API int kshim_query_add_field(kshim_query *query, const char *key, kshim_operator op,
				    const char *const *values, size_t count);

/* The seed's form: "app" or "app__eq", "app__neq", "app__in", "app__notin",
 * "app__exists", "app__nexists", "app__gt", "app__lt"; values of `in` and
 * `notin` are separated by commas. */
KSHIM_API int kshim_query_filter_label(kshim_query *query, const char *key_op, const char *value);
KSHIM_API int kshim_query_filter_field(kshim_query *query, const char *key_op, const char *value);

/* The selectors as they are sent; NULL if none. Borrowed until changed. */
KSHIM_API const char *kshim_query_labels(const kshim_query *query);
KSHIM_API const char *kshim_query_fields(const kshim_query *query);

/* A list's page size, 0: all in one answer (default). All pages are fetched. */
KSHIM_API void kshim_query_set_limit(kshim_query *query, unsigned limit);

/* One page only, from a kshim_result_continue() of before (NULL: the first). */
KSHIM_API int kshim_query_set_page(kshim_query *query, const char *continue_token);

/* The state to read: see kshim_match. NULL: the newest. */
KSHIM_API int kshim_query_set_resource_version(kshim_query *query, const char *resource_version, kshim_match match);

/* The deadline of the query's calls, as in kshim_options_set_timeout(). */
KSHIM_API void kshim_query_set_timeout(kshim_query *query, int64_t ms);

/* Every object: `item` runs for each one while the answer downloads, then
 * `done` once. `item` may be NULL: then they are only counted. */
KSHIM_API kshim_call *kshim_query_list(kshim_query *query, kshim_item_fn *item, kshim_done_fn *done, void *user);

/* Every object, kept until `done` returns: kshim_result_item_count() and
 * kshim_result_item(). What list keeps from being needed: all of them are in memory
 * at once. A failure keeps those that came before it. */
KSHIM_API kshim_call *kshim_query_collect(kshim_query *query, kshim_done_fn *done, void *user);

/* The server's own table of the one object named, or with a NULL name of all that
 * match: `page` runs for each page with its text (a meta.k8s.io/v1 Table, or a
 * List where the server knows no tables), then `done`, whose result has the last
 * page's text as its body. */
typedef void kshim_page_fn(const char *json, size_t len, void *user);
KSHIM_API kshim_call *kshim_query_table(kshim_query *query, const char *name, kshim_page_fn *page,
					kshim_done_fn *done, void *user);

/* The one object of this name, selectors not regarded. KSHIM_ENOTFOUND. */
KSHIM_API kshim_call *kshim_query_get_by_name(kshim_query *query, const char *name, kshim_done_fn *done,
					      void *user);

/* The only object that matches: KSHIM_ENOTFOUND for none, KSHIM_EMANY for more. */
KSHIM_API kshim_call *kshim_query_get(kshim_query *query, kshim_done_fn *done, void *user);

/* By name, or with NULL the only one that matches; no error if there is none:
 * kshim_result_object() is NULL then. KSHIM_EMANY for more. */
KSHIM_API kshim_call *kshim_query_get_or_none(kshim_query *query, const char *name, kshim_done_fn *done, void *user);

/* Deletes every object that matches, in one request. */
KSHIM_API kshim_call *kshim_query_delete_all(kshim_query *query, const kshim_options *options, kshim_done_fn *done,
					     void *user);

/* A handle on an object by its name alone, for verbs that need no more (delete,
 * patch, scale, reload): new reference; NULL without memory or for a bad name. */
KSHIM_API kshim_object *kshim_query_object(kshim_query *query, const char *name);

KSHIM_END_DECLS

#endif
