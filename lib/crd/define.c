#include <kubeshim/crd.h>

#include "crd/definition.h"
#include "error.h"
#include "path.h"
#include "resources/condition.h"
#include "watch_object.h"

static kshim_kind *kind_of(kshim_object *definition, kshim_error **error)
{
	size_t len;
	const char *text = kshim_object_text(definition, &len);

	if (text)
		return kshim__definition_kind(text, len, error);
	return kshim__fail(error, KSHIM_ENOMEM, "out of memory");
}

kshim_kind *kshim_crd_kind(kshim_object *definition)
{
	kshim_error *error = NULL;
	kshim_kind *kind = definition ? kind_of(definition, &error) : NULL;

	return kind || !definition ? kind : kshim__client_fail(definition->client, error);
}

/* A wait for what is to be defined. */
struct define {
	struct kshim__object_watch watch;
	bool was_there;
};

static const char *or_nothing(const char *text)
{
	return text ? text : "";
}

static void served(struct define *define, kshim_object *definition)
{
	kshim_call *call = define->watch.composite.call;
	kshim_client *client = define->watch.composite.client;
	kshim_error *error = NULL;
	kshim_kind *kind = kind_of(definition, &error);

	if (!kind) {
		kshim__composite_fail(&define->watch.composite, error);
		return;
	}
	if (kshim_client_add_kind(client, kind) < 0) {
		kshim__composite_no_memory(&define->watch.composite);
		kshim_kind_unref(kind);
		return;
	}
	kshim__object_watch_finish(&define->watch, definition); /* the state is gone, the call is not */
	if (call->result.error)
		kshim_kind_unref(kind);
	else
		call->result.kind = kind;
}

static void look(struct kshim__object_watch *watch, kshim_object *definition)
{
	struct define *define = (struct define *)watch;
	const char *name = or_nothing(kshim_object_name(watch->object));

	if (!definition) {
		kshim__composite_fail(&watch->composite,
				      kshim__error_new(KSHIM_ENOTFOUND, "CustomResourceDefinition \"%s\" %s", name,
						       define->was_there ? "was deleted" : "not found"));
		return;
	}
	define->was_there = true;
	if (kshim_object_has(definition, "/metadata/deletionTimestamp"))
		return; /* it is still established, but on its way */
	if (kshim__condition_is(definition, "NamesAccepted", "False")) {
		const char *reason = kshim__condition_string(definition, "NamesAccepted", "reason");
		const char *message = kshim__condition_string(definition, "NamesAccepted", "message");

		if (!definition->starved)
			kshim__composite_fail(&watch->composite,
					      kshim__error_new(KSHIM_ECONFLICT, "CustomResourceDefinition \"%s\": the "
							       "server did not accept its names: %s: %s", name,
							       or_nothing(reason), or_nothing(message)));
	} else if (kshim__condition_is(definition, "NamesAccepted", "True") &&
		   kshim__condition_is(definition, "Established", "True")) {
		served(define, definition);
		return; /* it may be gone */
	}
	if (definition->starved)
		kshim__composite_no_memory(&watch->composite);
}

kshim_call *kshim_crd_define(kshim_client *client, const char *name, const kshim_options *options,
			     kshim_done_fn *done, void *user)
{
	struct define *define;
	kshim_object *definition;
	kshim_call *call;

	if (!client)
		return NULL;
	if (!kshim__path_name_ok(name ? name : ""))
		return kshim__client_fail(client, kshim__error_new(KSHIM_EINVAL, "the name of a CustomResourceDefinition "
								   "is needed, as \"widgets.example.com\""));
	definition = kshim__object_named(client, KSHIM_CUSTOM_RESOURCE_DEFINITION, NULL, NULL, name);
	if (!definition)
		return kshim__client_fail(client, kshim__error_new(KSHIM_ENOMEM, "out of memory"));
	define = kshim__object_watch_new(definition, sizeof(*define), look, NULL, options, done, user);
	kshim_object_unref(definition);
	if (!define)
		return NULL;
	call = define->watch.composite.call;
	kshim__composite_about(&define->watch.composite, "define", "%s", name);
	kshim__object_watch_begin(&define->watch);
	return call;
}
