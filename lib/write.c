#include "write.h"

#include "verb.h"

#include <string.h>

#define FIELD_MANAGER "kubeshim"

bool kshim__write_params(kshim_call *call, const kshim_options *options, unsigned flags)
{
	static const char *const validations[] = {NULL, "Strict", "Warn", "Ignore"};
	const char *manager = options->field_manager;
	bool ok = true;

	call->dry_run = options->dry_run || call->client->dry_run;
	if (call->dry_run)
		ok = kshim__verb_param(call, "dryRun", "All");
	if (!manager && (flags & KSHIM__WRITE_APPLY))
		manager = FIELD_MANAGER;
	if (manager && flags)
		ok = ok && kshim__verb_param(call, "fieldManager", manager);
	if (validations[options->validation] && flags)
		ok = ok && kshim__verb_param(call, "fieldValidation", validations[options->validation]);
	if (options->force && (flags & KSHIM__WRITE_APPLY))
		ok = ok && kshim__verb_param(call, "force", "true");
	return ok;
}

static void add_precondition(struct kshim__buf *buf, const char *key, const char *value, bool *any)
{
	if (!value)
		return;
	kshim__buf_addf(buf, "%s\"%s\":", *any ? "," : "", key);
	kshim__buf_add_json_string(buf, value, strlen(value));
	*any = true;
}

bool kshim__write_delete_body(kshim_call *call, const kshim_options *options)
{
	static const char *const policies[] = {NULL, "Background", "Foreground", "Orphan"};
	struct kshim__buf buf;
	bool any = false;

	if (!options->propagation && options->grace_period < 0 && !options->uid && !options->version)
		return true; /* the server's defaults need no words */
	kshim__buf_init(&buf);
	kshim__buf_adds(&buf, "{\"kind\":\"DeleteOptions\",\"apiVersion\":\"v1\"");
	if (policies[options->propagation])
		kshim__buf_addf(&buf, ",\"propagationPolicy\":\"%s\"", policies[options->propagation]);
	if (options->grace_period >= 0)
		kshim__buf_addf(&buf, ",\"gracePeriodSeconds\":%lld", (long long)options->grace_period);
	/* the server reads no parameter where there is a body (apiserver endpoints/handlers/delete.go) */
	if (call->dry_run)
		kshim__buf_adds(&buf, ",\"dryRun\":[\"All\"]");
	if (options->uid || options->version) {
		kshim__buf_adds(&buf, ",\"preconditions\":{");
		add_precondition(&buf, "uid", options->uid, &any);
		add_precondition(&buf, "resourceVersion", options->version, &any);
		kshim__buf_addc(&buf, '}');
	}
	kshim__buf_addc(&buf, '}');
	call->request.body = kshim__buf_take(&buf, &call->request.body_len);
	call->request.content = KSHIM__CONTENT_JSON;
	return call->request.body != NULL;
}
