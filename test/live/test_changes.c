/* Changing every built-in kind, with every verb that does, against a real API server. */
#include "kinds.h"

static const char *annotation(struct answer *got, const char *name)
{
	char key[100];

	snprintf(key, sizeof(key), "kubeshim.test/%s", name);
	return kshim_object_get_annotation(got->object, key);
}

/* A tree is edited; what changed reaches the server, and no more than that. */
static void update(struct subject *subject)
{
	kshim_object *object = subject->object;
	struct answer got = {0};
	kshim_object *other;

	live_reset(server);
	ASK(server, &got, kshim_object_update(object, NULL, live_done, &got));
	EXPECT(&got, KSHIM_OK);
	assert_int_equal(server->requests, 0);
	look_by_name(subject, &got);
	EXPECT(&got, KSHIM_OK);
	other = kshim_object_ref(got.object);
	kshim_object_set_string(object, "/metadata/labels/" KEY "added", "yes");
	ASK(server, &got, kshim_object_update(object, NULL, live_done, &got));
	EXPECT(&got, KSHIM_OK);
	assert_ptr_equal(got.object, object);
	look_by_name(subject, &got);
	assert_string_equal(kshim_object_get_label(got.object, "kubeshim.test/added"), "yes");
	/* one that was read before does not take the label away */
	kshim_object_set_string(other, "/metadata/annotations/" KEY "other", "yes");
	ASK(server, &got, kshim_object_update(other, NULL, live_done, &got));
	EXPECT(&got, KSHIM_OK);
	assert_string_equal(kshim_object_get_label(other, "kubeshim.test/added"), "yes");
	assert_int_equal(kshim_object_remove(object, "/metadata/labels/" KEY "added"), 0);
	ASK(server, &got, kshim_object_update(object, NULL, live_done, &got));
	EXPECT(&got, KSHIM_OK);
	look_by_name(subject, &got);
	assert_null(kshim_object_get_label(got.object, "kubeshim.test/added"));
	assert_string_equal(kshim_object_get_label(got.object, LABEL), subject->label);
	assert_string_equal(annotation(&got, "other"), "yes");
	kshim_object_unref(other);
	live_clear(&got);
}

static void update_if_unchanged(struct subject *subject)
{
	kshim_options *options = kshim_options_new();
	struct answer got = {0};
	kshim_object *stale;

	look_by_name(subject, &got);
	stale = kshim_object_ref(got.object);
	kshim_object_set_string(subject->object, "/metadata/annotations/" KEY "meanwhile", "yes");
	ASK(server, &got, kshim_object_update(subject->object, NULL, live_done, &got));
	EXPECT(&got, KSHIM_OK);
	kshim_options_set_if_unchanged(options, 1);
	kshim_object_set_string(stale, "/metadata/annotations/" KEY "stale", "yes");
	ASK(server, &got, kshim_object_update(stale, options, live_done, &got));
	EXPECT(&got, KSHIM_ECONFLICT);
	assert_string_equal(kshim_error_reason(got.error), "Conflict");
	look_by_name(subject, &got);
	assert_null(annotation(&got, "stale"));
	kshim_object_unref(stale);
	kshim_options_free(options);
	live_clear(&got);
}

static void patches(struct subject *subject)
{
	struct answer got = {0};

	patch(subject, KSHIM_PATCH_MERGE, "{\"metadata\":{\"annotations\":{\"kubeshim.test/merge\":\"yes\"}}}", NULL,
	      &got);
	EXPECT(&got, KSHIM_OK);
	assert_string_equal(annotation(&got, "merge"), "yes");
	assert_string_equal(annotation(&got, "kept"), "yes");
	patch(subject, KSHIM_PATCH_JSON,
	      "[{\"op\":\"test\",\"path\":\"/metadata/annotations/" KEY "merge\",\"value\":\"yes\"},"
	      "{\"op\":\"move\",\"from\":\"/metadata/annotations/" KEY "merge\",\"path\":\"/metadata/annotations/" KEY
	      "json\"}]", NULL, &got);
	EXPECT(&got, KSHIM_OK);
	assert_string_equal(annotation(&got, "json"), "yes");
	assert_null(annotation(&got, "merge"));
	/* $patch is a word of the strategic merge patch's own */
	patch(subject, KSHIM_PATCH_STRATEGIC,
	      "{\"metadata\":{\"annotations\":{\"$patch\":\"replace\",\"kubeshim.test/strategic\":\"yes\"}}}", NULL,
	      &got);
	if (subject->row->flags & CUSTOM) {
		EXPECT(&got, KSHIM_EHTTP);
		assert_int_equal(got.status, 415);
		assert_string_equal(kshim_error_reason(got.error), "UnsupportedMediaType");
	} else {
		EXPECT(&got, KSHIM_OK);
		assert_string_equal(annotation(&got, "strategic"), "yes");
		assert_null(annotation(&got, "json"));
		assert_null(annotation(&got, "kept"));
	}
	live_clear(&got);
	same_as_server(subject, look_reload);
}

static void replace(struct subject *subject)
{
	struct answer got = {0};
	kshim_object *stale;
	unsigned tries = 0;

	look_by_name(subject, &got);
	stale = kshim_object_ref(got.object);
	patch(subject, KSHIM_PATCH_MERGE, "{\"metadata\":{\"annotations\":{\"kubeshim.test/newer\":\"yes\"}}}", NULL,
	      &got);
	EXPECT(&got, KSHIM_OK);
	kshim_object_set_string(stale, "/metadata/annotations/" KEY "stale", "yes");
	ASK(server, &got, kshim_object_replace(stale, NULL, live_done, &got));
	EXPECT(&got, KSHIM_ECONFLICT);
	do { /* a controller may have written meanwhile */
		look_by_name(subject, &got);
		kshim_object_unref(stale);
		stale = kshim_object_ref(got.object);
		kshim_object_remove(stale, "/metadata/annotations/" KEY "newer");
		ASK(server, &got, kshim_object_replace(stale, NULL, live_done, &got));
	} while (got.code == KSHIM_ECONFLICT && live_again(server, &tries, "a replace without a conflict"));
	EXPECT(&got, KSHIM_OK);
	assert_ptr_equal(got.object, stale);
	assert_null(annotation(&got, "newer"));
	/* without resourceVersion: whatever was there */
	kshim_object_remove(stale, "/metadata/resourceVersion");
	kshim_object_set_string(stale, "/metadata/annotations/" KEY "replaced", "yes");
	ASK(server, &got, kshim_object_replace(stale, NULL, live_done, &got));
	if (subject->row->flags & (CUSTOM | NEEDS_VERSION)) {
		EXPECT(&got, KSHIM_EREFUSED);
		assert_string_equal(kshim_error_cause_field(got.error, 0), "metadata.resourceVersion");
	} else {
		EXPECT(&got, KSHIM_OK);
		assert_string_equal(annotation(&got, "replaced"), "yes");
	}
	kshim_object_unref(stale);
	live_clear(&got);
}

static void mark_status(struct subject *subject, const char *mark, const char *subresource, struct answer *got)
{
	kshim_options *options = kshim_options_new();
	char text[500];

	snprintf(text, sizeof(text), subject->row->status ? subject->row->status : CONDITION, mark);
	assert_int_equal(kshim_options_set_subresource(options, subresource), 0);
	patch(subject, KSHIM_PATCH_MERGE, text, options, got);
	kshim_options_free(options);
}

/* Where there is a /status, status is written there and nowhere else. */
static void status(struct subject *subject)
{
	bool has = subject->row->status && !(subject->row->flags & STATUS_ON_MAIN);
	struct answer got = {0};

	assert_int_equal(kshim_kind_has_subresource(kshim_kind_builtin(subject->row->which), "status"), has);
	mark_status(subject, "mark-status", "status", &got);
	if (has) {
		EXPECT(&got, KSHIM_OK);
		assert_ptr_equal(got.object, subject->object);
		assert_non_null(strstr(kshim_object_text(subject->object, NULL), "mark-status"));
	} else {
		/* of a custom resource the server says that the object is not there */
		assert_int_equal(got.status, 404);
		if (subject->row->flags & CUSTOM)
			EXPECT(&got, KSHIM_ENOTFOUND);
		else
			EXPECT(&got, KSHIM_ENOKIND);
	}
	if (subject->row->status) {
		mark_status(subject, "mark-main", NULL, &got);
		EXPECT(&got, KSHIM_OK);
		assert_int_equal(strstr(kshim_object_text(subject->object, NULL), "mark-main") != NULL, !has);
	}
	live_clear(&got);
}

static void scale(struct subject *subject)
{
	const char *pointer = subject->row->scale_at;
	struct answer got = {0};
	int64_t number = -1;

	live_reset(server);
	ASK(server, &got, kshim_object_scale(subject->object, 3, NULL, live_done, &got));
	if (!pointer) {
		EXPECT(&got, KSHIM_EINVAL);
		assert_int_equal(server->requests, 0);
		live_clear(&got);
		return;
	}
	EXPECT(&got, KSHIM_OK);
	assert_ptr_equal(got.object, subject->object);
	assert_int_equal(kshim_object_get_int(subject->object, pointer, &number), 0);
	assert_int_equal(number, 3);
	look_by_name(subject, &got);
	assert_int_equal(kshim_object_get_int(got.object, pointer, &number), 0);
	assert_int_equal(number, 3);
	ASK(server, &got, kshim_object_scale(subject->object, 0, NULL, live_done, &got));
	EXPECT(&got, KSHIM_OK);
	look_by_name(subject, &got);
	assert_int_equal(kshim_object_get_int(got.object, pointer, &number), 0);
	assert_int_equal(number, 0);
	live_clear(&got);
}

static void apply(kshim_object *object, const char *manager, int force, struct answer *got)
{
	kshim_options *options = kshim_options_new();

	kshim_options_set_field_manager(options, manager);
	kshim_options_set_force(options, force);
	ASK(server, got, kshim_object_apply(object, options, live_done, got));
	kshim_options_free(options);
}

/* Makes the subject by applying it. */
static void apply_and_conflict(struct subject *subject)
{
	kshim_object *second = make_object(subject, 'a');
	struct answer got = {0};
	char field[100];

	apply(subject->object, "kubeshim-one", 0, &got);
	EXPECT(&got, KSHIM_OK);
	assert_int_equal(got.status, 201);
	assert_ptr_equal(got.object, subject->object);
	assert_non_null(strstr(kshim_object_text(subject->object, NULL), "kubeshim-one"));
	kshim_object_set_string(second, "/metadata/annotations/" KEY "kept", "changed");
	apply(second, "kubeshim-two", 0, &got);
	EXPECT(&got, KSHIM_ECONFLICT);
	assert_int_equal(kshim_error_cause_count(got.error), 1);
	assert_string_equal(kshim_error_cause_reason(got.error, 0), "FieldManagerConflict");
	snprintf(field, sizeof(field), ".metadata.annotations.kubeshim.test/kept");
	assert_string_equal(kshim_error_cause_field(got.error, 0), field);
	assert_non_null(strstr(kshim_error_message(got.error), "kubeshim-one"));
	apply(second, "kubeshim-two", 1, &got);
	EXPECT(&got, KSHIM_OK);
	assert_int_equal(got.status, 200);
	assert_string_equal(annotation(&got, "kept"), "changed");
	/* read from the server, with managedFields: the second manager's own again */
	kshim_object_remove(second, "/metadata/resourceVersion");
	kshim_object_set_string(second, "/metadata/annotations/" KEY "kept", "yes");
	apply(second, "kubeshim-two", 1, &got);
	EXPECT(&got, KSHIM_OK);
	assert_string_equal(annotation(&got, "kept"), "yes");
	kshim_object_unref(second);
	live_clear(&got);
	same_as_server(subject, look_reload);
}

static void change(void **state)
{
	struct subject subject;

	open_subject(&subject, *state, "change");
	if (!absent(&subject)) {
		apply_and_conflict(&subject);
		update(&subject);
		update_if_unchanged(&subject);
		patches(&subject);
		replace(&subject);
		status(&subject);
		scale(&subject);
		remove_object(subject.object);
		wait_until_gone(subject.object);
	}
	close_subject(&subject);
}

int main(int argc, char **argv)
{
	static const struct step steps[] = {{"change", change}};

	return run_rows(argc, argv, NULL, steps, 1);
}
