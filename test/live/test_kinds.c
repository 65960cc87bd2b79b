/* Every verb on every built-in kind, against a real API server. */
#include "kinds_rows.h"

#define KEY "kubeshim.test~1"         /* of labels and annotations, in a pointer */
#define LABEL "kubeshim.test/subject" /* every test's objects have a value of their own */

static struct live *live;

/* What a test is about. */
struct subject {
	const struct row *row;
	kshim_query *query; /* its objects, by their label */
	kshim_object *object;
	char label[64];
	char collection[200]; /* paths */
	char path[500];
};

/* ---- making and removing */

static void set_names(struct subject *subject, kshim_object *object, const char *name)
{
	char text[300];

	assert_int_equal(kshim_object_set_string(object, "/metadata/name", name), 0);
	assert_int_equal(kshim_object_set_string(object, "/metadata/labels/" KEY "subject", subject->label), 0);
	if (!(subject->row->flags & CLUSTER))
		assert_int_equal(kshim_object_set_string(object, "/metadata/namespace", live->namespace_), 0);
	if (subject->row->which == KSHIM_KIND_EVENT)
		kshim_object_set_string(object, "/involvedObject/namespace", live->namespace_);
	if (subject->row->which == KSHIM_KIND_CUSTOM_RESOURCE_DEFINITION) {
		snprintf(text, sizeof(text), "%s.kubeshim.test", name);
		kshim_object_set_string(object, "/spec/group", text);
		snprintf(text, sizeof(text), "widgets.%s.kubeshim.test", name);
		kshim_object_set_string(object, "/metadata/name", text);
	}
}

/* A new object of the row's manifest. */
static kshim_object *make_object(struct subject *subject, char which)
{
	kshim_manifest *manifest;
	kshim_object *object;
	char text[200];

	snprintf(text, sizeof(text), "test/data/live/%s.yaml", subject->row->file);
	manifest = live_manifest(text);
	assert_int_equal(kshim_manifest_count(manifest), 1);
	object = kshim_manifest_object(manifest, 0, live->client);
	assert_non_null(object);
	kshim_manifest_free(manifest);
	snprintf(text, sizeof(text), "%s%c", subject->label, which);
	set_names(subject, object, text);
	return object;
}

static void begin_anew(struct subject *subject)
{
	kshim_object_unref(subject->object);
	subject->object = make_object(subject, 'a');
}

static void open_subject(struct subject *subject, const struct row *row, const char *what)
{
	char selector[200];

	memset(subject, 0, sizeof(*subject));
	subject->row = row;
	snprintf(subject->label, sizeof(subject->label), "%s-%s", live_run(), what);
	if (row->flags & CLUSTER)
		snprintf(subject->collection, sizeof(subject->collection), "%s/%s", row->root, row->plural);
	else
		snprintf(subject->collection, sizeof(subject->collection), "%s/namespaces/%s/%s", row->root,
			 live->namespace_, row->plural);
	subject->object = make_object(subject, 'a');
	snprintf(subject->path, sizeof(subject->path), "%s/%s", subject->collection,
		 kshim_object_name(subject->object));
	subject->query = kshim_query_new(live->client, kshim_kind_builtin(row->which), live->namespace_);
	assert_non_null(subject->query);
	snprintf(selector, sizeof(selector), "%s=%s", LABEL, subject->label);
	assert_int_equal(kshim_query_set_labels(subject->query, selector), 0);
}

static void close_subject(struct subject *subject)
{
	kshim_query_free(subject->query);
	kshim_object_unref(subject->object);
}

/* Controllers take finalizers away: that takes its time. */
static void wait_until_gone(kshim_object *object)
{
	struct answer got = {0};
	unsigned tries = 0;

	do {
		ASK(live, &got, kshim_object_exists(object, NULL, live_done, &got));
		EXPECT(&got, KSHIM_OK);
	} while (got.found && live_again(live, &tries, "an object to go"));
	live_clear(&got);
}

static void remove_object(kshim_object *object)
{
	struct answer got = {0};

	ASK(live, &got, kshim_object_delete(object, NULL, live_done, &got));
	EXPECT(&got, KSHIM_OK);
	live_clear(&got);
}

static void create(kshim_object *object, struct answer *got, const kshim_options *options)
{
	ASK(live, got, kshim_object_create(object, options, live_done, got));
}

/* ---- what is the same as on the server */

typedef void look_fn(struct subject *subject, struct answer *got);

static void look_by_name(struct subject *subject, struct answer *got)
{
	ASK(live, got, kshim_query_get_by_name(subject->query, kshim_object_name(subject->object), live_done, got));
}

static void look_only(struct subject *subject, struct answer *got)
{
	ASK(live, got, kshim_query_get(subject->query, live_done, got));
}

static void look_or_none(struct subject *subject, struct answer *got)
{
	ASK(live, got, kshim_query_get_or_none(subject->query, NULL, live_done, got));
}

static void look_or_none_by_name(struct subject *subject, struct answer *got)
{
	ASK(live, got, kshim_query_get_or_none(subject->query, kshim_object_name(subject->object), live_done, got));
}

static void look_reload(struct subject *subject, struct answer *got)
{
	ASK(live, got, kshim_object_reload(subject->object, NULL, live_done, got));
	assert_ptr_equal(got->object, subject->object);
}

static void keep_item(kshim_object *item, void *user)
{
	struct answer *got = user;

	assert_null(got->object);
	got->object = kshim_object_ref(item);
}

static void look_list(struct subject *subject, struct answer *got)
{
	ASK(live, got, kshim_query_list(subject->query, keep_item, live_done, got));
	assert_int_equal(got->count, 1);
	assert_non_null(got->version);
	assert_null(got->next);
	assert_int_equal(got->consistent, 1);
}

/* What the verb brought is what a raw GET brings. Controllers may write between
 * the two: then it is looked again. */
static void same_as_server(struct subject *subject, look_fn *look)
{
	const kshim_kind *kind = kshim_kind_builtin(subject->row->which);
	struct answer got = {0};
	const char *version;
	unsigned tries = 0;
	bool same_version;
	json_t *raw;

	do {
		look(subject, &got);
		EXPECT(&got, KSHIM_OK);
		assert_int_equal(got.status, 200);
		assert_int_equal(got.found, 1);
		assert_non_null(got.object);
		raw = live_get(live, subject->path);
		version = json_string_value(json_object_get(json_object_get(raw, "metadata"), "resourceVersion"));
		assert_non_null(version);
		same_version = strcmp(version, kshim_object_resource_version(got.object)) == 0;
		if (same_version)
			assert_true(json_equal(raw, kshim_object_tree(got.object)));
		json_decref(raw);
	} while (!same_version && live_again(live, &tries, "an object to stay as it is"));
	assert_string_equal(kshim_object_name(got.object), kshim_object_name(subject->object));
	assert_string_equal(kshim_object_kind(got.object), kshim_kind_name(kind));
	assert_string_equal(kshim_object_api_version(got.object), kshim_kind_api_version(kind));
	live_clear(&got);
}

static void there_is_none(struct subject *subject, const char *name)
{
	struct answer got = {0};

	ASK(live, &got, kshim_query_get_or_none(subject->query, name, live_done, &got));
	EXPECT(&got, KSHIM_OK);
	assert_int_equal(got.found, 0);
	assert_null(got.object);
	live_clear(&got);
}

/* ---- creating and reading */

static void dry_run_leaves_nothing(struct subject *subject)
{
	kshim_options *options = kshim_options_new();
	struct answer got = {0};

	kshim_options_set_dry_run(options, 1);
	create(subject->object, &got, options);
	EXPECT(&got, KSHIM_OK);
	assert_int_equal(got.status, 201);
	assert_non_null(kshim_object_uid(got.object)); /* the server made all but the entry */
	assert_null(kshim_object_uid(subject->object));
	ASK(live, &got, kshim_object_exists(subject->object, NULL, live_done, &got));
	EXPECT(&got, KSHIM_OK);
	assert_int_equal(got.found, 0);
	ASK(live, &got, kshim_query_get_by_name(subject->query, kshim_object_name(subject->object), live_done, &got));
	EXPECT(&got, KSHIM_ENOTFOUND);
	ASK(live, &got, kshim_query_get(subject->query, live_done, &got));
	EXPECT(&got, KSHIM_ENOTFOUND);
	there_is_none(subject, NULL);
	there_is_none(subject, kshim_object_name(subject->object));
	live_clear(&got);
	kshim_options_free(options);
}

/* true if the server does not serve the kind: then every verb says so. */
static bool absent(struct subject *subject)
{
	struct answer got = {0};
	bool absent;

	if (!(subject->row->flags & MAY_BE_ABSENT))
		return false;
	ASK(live, &got, kshim_client_request(live->client, "GET", subject->row->root, NULL, NULL, 0, NULL, live_done,
					     &got));
	absent = got.status == 404;
	if (absent) {
		create(subject->object, &got, NULL);
		EXPECT(&got, KSHIM_ENOKIND);
		ASK(live, &got, kshim_query_list(subject->query, NULL, live_done, &got));
		EXPECT(&got, KSHIM_ENOKIND);
		ASK(live, &got, kshim_query_get(subject->query, live_done, &got));
		EXPECT(&got, KSHIM_ENOKIND);
		look_by_name(subject, &got);
		EXPECT(&got, KSHIM_ENOKIND);
		ASK(live, &got, kshim_object_reload(subject->object, NULL, live_done, &got));
		EXPECT(&got, KSHIM_ENOKIND);
		ASK(live, &got, kshim_object_delete(subject->object, NULL, live_done, &got));
		EXPECT(&got, KSHIM_ENOKIND);
	}
	live_clear(&got);
	return absent;
}

static void create_and_read(void **state)
{
	struct answer got = {0};
	struct subject subject;
	char *uid;

	open_subject(&subject, *state, "read");
	if (absent(&subject)) {
		close_subject(&subject);
		return;
	}
	dry_run_leaves_nothing(&subject);
	create(subject.object, &got, NULL);
	EXPECT(&got, KSHIM_OK);
	assert_int_equal(got.status, 201);
	assert_ptr_equal(got.object, subject.object);
	uid = strdup(kshim_object_uid(subject.object));
	if (subject.row->flags & NOT_TWICE)
		begin_anew(&subject);
	create(subject.object, &got, NULL);
	EXPECT(&got, KSHIM_EEXISTS);
	assert_string_equal(kshim_error_reason(got.error), "AlreadyExists");
	if (!(subject.row->flags & NOT_TWICE))
		assert_string_equal(kshim_object_uid(subject.object), uid); /* it stayed as it was */
	same_as_server(&subject, look_by_name);
	same_as_server(&subject, look_list);
	same_as_server(&subject, look_only);
	same_as_server(&subject, look_or_none);
	same_as_server(&subject, look_or_none_by_name);
	same_as_server(&subject, look_reload);
	ASK(live, &got, kshim_object_exists(subject.object, NULL, live_done, &got));
	EXPECT(&got, KSHIM_OK);
	assert_int_equal(got.found, 1);
	remove_object(subject.object);
	wait_until_gone(subject.object);
	free(uid);
	live_clear(&got);
	close_subject(&subject);
}

/* ---- changing */

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

	live_reset(live);
	ASK(live, &got, kshim_object_update(object, NULL, live_done, &got));
	EXPECT(&got, KSHIM_OK);
	assert_int_equal(live->requests, 0);
	look_by_name(subject, &got);
	EXPECT(&got, KSHIM_OK);
	other = kshim_object_ref(got.object);
	kshim_object_set_string(object, "/metadata/labels/" KEY "added", "yes");
	ASK(live, &got, kshim_object_update(object, NULL, live_done, &got));
	EXPECT(&got, KSHIM_OK);
	assert_ptr_equal(got.object, object);
	look_by_name(subject, &got);
	assert_string_equal(kshim_object_get_label(got.object, "kubeshim.test/added"), "yes");
	/* one that was read before does not take the label away */
	kshim_object_set_string(other, "/metadata/annotations/" KEY "other", "yes");
	ASK(live, &got, kshim_object_update(other, NULL, live_done, &got));
	EXPECT(&got, KSHIM_OK);
	assert_string_equal(kshim_object_get_label(other, "kubeshim.test/added"), "yes");
	assert_int_equal(kshim_object_remove(object, "/metadata/labels/" KEY "added"), 0);
	ASK(live, &got, kshim_object_update(object, NULL, live_done, &got));
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
	ASK(live, &got, kshim_object_update(subject->object, NULL, live_done, &got));
	EXPECT(&got, KSHIM_OK);
	kshim_options_set_if_unchanged(options, 1);
	kshim_object_set_string(stale, "/metadata/annotations/" KEY "stale", "yes");
	ASK(live, &got, kshim_object_update(stale, options, live_done, &got));
	EXPECT(&got, KSHIM_ECONFLICT);
	assert_string_equal(kshim_error_reason(got.error), "Conflict");
	look_by_name(subject, &got);
	assert_null(annotation(&got, "stale"));
	kshim_object_unref(stale);
	kshim_options_free(options);
	live_clear(&got);
}

static void patch(struct subject *subject, kshim_patch type, const char *text, const kshim_options *options,
		  struct answer *got)
{
	ASK(live, got, kshim_object_patch(subject->object, type, text, strlen(text), options, live_done, got));
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
	ASK(live, &got, kshim_object_replace(stale, NULL, live_done, &got));
	EXPECT(&got, KSHIM_ECONFLICT);
	do { /* a controller may have written meanwhile */
		look_by_name(subject, &got);
		kshim_object_unref(stale);
		stale = kshim_object_ref(got.object);
		kshim_object_remove(stale, "/metadata/annotations/" KEY "newer");
		ASK(live, &got, kshim_object_replace(stale, NULL, live_done, &got));
	} while (got.code == KSHIM_ECONFLICT && live_again(live, &tries, "a replace without a conflict"));
	EXPECT(&got, KSHIM_OK);
	assert_ptr_equal(got.object, stale);
	assert_null(annotation(&got, "newer"));
	/* without resourceVersion: whatever was there */
	kshim_object_remove(stale, "/metadata/resourceVersion");
	kshim_object_set_string(stale, "/metadata/annotations/" KEY "replaced", "yes");
	ASK(live, &got, kshim_object_replace(stale, NULL, live_done, &got));
	if (subject->row->flags & (CUSTOM | NEEDS_VERSION)) {
		EXPECT(&got, KSHIM_EINVALID);
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

	live_reset(live);
	ASK(live, &got, kshim_object_scale(subject->object, 3, NULL, live_done, &got));
	if (!pointer) {
		EXPECT(&got, KSHIM_EINVAL);
		assert_int_equal(live->requests, 0);
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
	ASK(live, &got, kshim_object_scale(subject->object, 0, NULL, live_done, &got));
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
	ASK(live, got, kshim_object_apply(object, options, live_done, got));
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

/* ---- deleting */

static void delete_if(struct subject *subject, const char *uid, const char *version, int dry_run, struct answer *got)
{
	kshim_options *options = kshim_options_new();

	kshim_options_set_precondition_uid(options, uid);
	kshim_options_set_precondition_version(options, version);
	kshim_options_set_dry_run(options, dry_run);
	ASK(live, got, kshim_object_delete(subject->object, options, live_done, got));
	kshim_options_free(options);
}

static void delete_one(struct subject *subject)
{
	static const char wrong[] = "00000000-0000-0000-0000-000000000000";
	struct answer got = {0};
	char *uid;

	create(subject->object, &got, NULL);
	EXPECT(&got, KSHIM_OK);
	uid = strdup(kshim_object_uid(subject->object));
	delete_if(subject, wrong, NULL, 0, &got);
	EXPECT(&got, KSHIM_ECONFLICT);
	delete_if(subject, uid, "1", 0, &got);
	EXPECT(&got, KSHIM_ECONFLICT);
	delete_if(subject, uid, NULL, 1, &got);
	EXPECT(&got, KSHIM_OK);
	look_by_name(subject, &got);
	EXPECT(&got, KSHIM_OK);
	assert_false(kshim_object_has(got.object, "/metadata/deletionTimestamp"));
	delete_if(subject, uid, NULL, 0, &got);
	EXPECT(&got, KSHIM_OK);
	/* the object that goes, or a Status */
	assert_true(got.object || got.body);
	if (got.object)
		assert_string_equal(kshim_object_uid(got.object), uid);
	look_by_name(subject, &got);
	if (got.code != KSHIM_ENOTFOUND) {
		EXPECT(&got, KSHIM_OK);
		assert_true(kshim_object_has(got.object, "/metadata/deletionTimestamp"));
	}
	wait_until_gone(subject->object);
	ASK(live, &got, kshim_object_delete(subject->object, NULL, live_done, &got));
	EXPECT(&got, KSHIM_ENOTFOUND);
	assert_string_equal(kshim_error_reason(got.error), "NotFound");
	ASK(live, &got, kshim_object_reload(subject->object, NULL, live_done, &got));
	EXPECT(&got, KSHIM_ENOTFOUND);
	patch(subject, KSHIM_PATCH_MERGE, "{}", NULL, &got);
	EXPECT(&got, KSHIM_ENOTFOUND);
	assert_string_equal(kshim_object_uid(subject->object), uid); /* its last state */
	free(uid);
	live_clear(&got);
}

/* Two that match go, one that does not stays. */
static void delete_all(struct subject *subject)
{
	kshim_object *second = make_object(subject, 'b'), *third = make_object(subject, 'c');
	struct answer got = {0};

	kshim_object_set_string(third, "/metadata/labels/" KEY "subject", "spared");
	create(subject->object, &got, NULL);
	EXPECT(&got, KSHIM_OK);
	create(second, &got, NULL);
	EXPECT(&got, KSHIM_OK);
	create(third, &got, NULL);
	EXPECT(&got, KSHIM_OK);
	ASK(live, &got, kshim_query_delete_all(subject->query, NULL, live_done, &got));
	if (subject->row->flags & NO_DELETE_ALL) {
		EXPECT(&got, KSHIM_EHTTP);
		assert_int_equal(got.status, 405);
		remove_object(subject->object);
		remove_object(second);
	} else {
		EXPECT(&got, KSHIM_OK);
	}
	wait_until_gone(subject->object);
	wait_until_gone(second);
	ASK(live, &got, kshim_object_reload(third, NULL, live_done, &got));
	EXPECT(&got, KSHIM_OK);
	assert_false(kshim_object_has(third, "/metadata/deletionTimestamp"));
	remove_object(third);
	kshim_object_unref(second);
	kshim_object_unref(third);
	live_clear(&got);
}

static void delete(void **state)
{
	struct subject subject;

	open_subject(&subject, *state, "delete");
	if (!absent(&subject)) {
		delete_one(&subject);
		begin_anew(&subject);
		delete_all(&subject);
	}
	close_subject(&subject);
}

/* ---- running */

/* No kind may be left out. */
static void every_kind_has_its_row(void **state)
{
	size_t i;

	(void)state;
	assert_int_equal(ROW_COUNT, kshim_kind_builtin_count());
	for (i = 0; i < ROW_COUNT; i++) {
		const kshim_kind *kind = kshim_kind_builtin((kshim_builtin)i);

		assert_int_equal(rows[i].which, i);
		assert_string_equal(rows[i].file, kshim_kind_singular(kind));
		assert_int_equal(kshim_kind_is_namespaced(kind), !(rows[i].flags & CLUSTER));
		assert_int_equal(kshim_kind_has_verb(kind, "deletecollection"), !(rows[i].flags & NO_DELETE_ALL));
	}
}

static int set_up(void **state)
{
	(void)state;
	live = live_open("admin", NULL);
	live_make_namespace(live);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	live_remove_namespace(live);
	live_close(live);
	return 0;
}

#define STEPS 3

static int run_with(const char *http)
{
	static const struct {
		const char *name;
		CMUnitTestFunction run;
	} steps[STEPS] = {{"create and read", create_and_read}, {"change", change}, {"delete", delete}};
	static char names[ROW_COUNT * STEPS][100];
	struct CMUnitTest tests[ROW_COUNT * STEPS + 1] = {cmocka_unit_test(every_kind_has_its_row)};
	size_t i, k, n = 1;

	live_http = http;
	for (i = 0; i < ROW_COUNT; i++) {
		for (k = 0; k < STEPS; k++, n++) {
			snprintf(names[n - 1], sizeof(names[0]), "%s: %s", rows[i].file, steps[k].name);
			tests[n].name = names[n - 1];
			tests[n].test_func = steps[k].run;
			tests[n].initial_state = (void *)&rows[i];
		}
	}
	return cmocka_run_group_tests_name(*http == '1' ? "kinds, HTTP/1.1" : "kinds, HTTP/2", tests, set_up,
					   tear_down);
}

int main(int argc, char **argv)
{
	struct live *dask;
	int failed;

	if (!live_kubeconfig())
		return LIVE_SKIPPED;
	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	dask = live_open("admin", NULL);
	live_make_dask(dask);
	failed = run_with("1.1");
	failed += run_with("2");
	live_remove_dask(dask);
	live_close(dask);
	return failed != 0;
}
