#include <kubeshim/node.h>

#include "alloc.h"
#include "composite.h"
#include "error.h"
#include "options.h"
#include "path.h"

#include <string.h>

#define UNSCHEDULABLE "/spec/unschedulable"

struct cordon {
	struct kshim__composite composite;
	kshim_object *node; /* reference */
	kshim_options *options;
	bool wanted;
};

int kshim_node_is_cordoned(kshim_object *node)
{
	int truth;

	return kshim_object_get_bool(node, UNSCHEDULABLE, &truth) == 0 && truth;
}

static void release(struct kshim__composite *composite)
{
	struct cordon *cordon = (struct cordon *)composite;

	kshim_options_free(cordon->options);
	kshim_object_unref(cordon->node);
}

static void end(struct cordon *cordon, kshim_object *node, bool changed)
{
	kshim_call *call = cordon->composite.call;

	kshim__composite_finish(&cordon->composite, node);
	call->result.found = changed;
}

static void patched(struct kshim__composite *composite, kshim_result *result, void *argument)
{
	(void)argument;
	composite->call->result.http_status = kshim_result_http_status(result);
	if (!kshim__composite_failed(composite, result))
		end((struct cordon *)composite, kshim_result_object(result), true);
}

static void was_read(struct kshim__composite *composite, kshim_result *result, void *argument)
{
	struct cordon *cordon = (struct cordon *)composite;
	const char *patch = cordon->wanted ? "{\"spec\":{\"unschedulable\":true}}" : "{\"spec\":{\"unschedulable\":null}}";
	struct kshim__step *step;

	(void)argument;
	composite->call->result.http_status = kshim_result_http_status(result);
	if (kshim__composite_failed(composite, result))
		return;
	if (kshim_node_is_cordoned(cordon->node) == cordon->wanted) {
		end(cordon, cordon->node, false);
		return;
	}
	step = kshim__step_new(composite, patched, NULL);
	if (step)
		kshim__step_start(step, kshim_object_patch(cordon->node, KSHIM_PATCH_MERGE, patch, strlen(patch),
							   cordon->options, kshim__step_done, step));
}

static kshim_call *set(kshim_object *node, bool wanted, const kshim_options *options, kshim_done_fn *done, void *user)
{
	struct kshim__step *step;
	struct cordon *cordon;
	kshim_call *call;

	if (!node)
		return NULL;
	if (kshim__object_row(node) != KSHIM_NODE || !kshim__path_name_ok(kshim_object_name(node)))
		return kshim__object_refuse(node, "only a Node with a valid name can be %scordoned", wanted ? "" : "un");
	cordon = kshim__composite_new(node->client, sizeof(*cordon), release, options, done, user);
	if (!cordon)
		return NULL;
	call = cordon->composite.call;
	kshim__composite_about(&cordon->composite, wanted ? "cordon" : "uncordon", "nodes/%s", kshim_object_name(node));
	cordon->node = kshim_object_ref(node);
	cordon->wanted = wanted;
	cordon->options = kshim__options_copy(options);
	if (!cordon->options) {
		kshim__composite_no_memory(&cordon->composite);
		return call;
	}
	kshim__free(cordon->options->subresource);
	cordon->options->subresource = NULL;
	cordon->options->timeout_ms = 0; /* of steps: the whole has one */
	step = kshim__step_new(&cordon->composite, was_read, NULL);
	if (step)
		kshim__step_start(step, kshim_object_reload(node, cordon->options, kshim__step_done, step));
	return call;
}

kshim_call *kshim_node_cordon(kshim_object *node, const kshim_options *options, kshim_done_fn *done, void *user)
{
	return set(node, true, options, done, user);
}

kshim_call *kshim_node_uncordon(kshim_object *node, const kshim_options *options, kshim_done_fn *done, void *user)
{
	return set(node, false, options, done, user);
}
