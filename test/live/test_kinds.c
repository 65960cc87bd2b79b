/* Creating, reading and deleting every built-in kind, against a real API server. */
#include "kinds.h"

static void there_is_none(struct subject *subject, const char *name)
{
	struct answer got = {0};

	ASK(server, &got, kshim_query_get_or_none(subject->query, name, live_done, &got));
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
	ASK(server, &got, kshim_object_exists(subject->object, NULL, live_done, &got));
	EXPECT(&got, KSHIM_OK);
	assert_int_equal(got.found, 0);
	ASK(server, &got, kshim_query_get_by_name(subject->query, kshim_object_name(subject->object), live_done, &got));
	EXPECT(&got, KSHIM_ENOTFOUND);
	ASK(server, &got, kshim_query_get(subject->query, live_done, &got));
	EXPECT(&got, KSHIM_ENOTFOUND);
	there_is_none(subject, NULL);
	there_is_none(subject, kshim_object_name(subject->object));
	live_clear(&got);
	kshim_options_free(options);
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
		begin_anew(&subject, 'a');
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
	ASK(server, &got, kshim_object_exists(subject.object, NULL, live_done, &got));
	EXPECT(&got, KSHIM_OK);
	assert_int_equal(got.found, 1);
	remove_object(subject.object);
	wait_until_gone(subject.object);
	free(uid);
	live_clear(&got);
	close_subject(&subject);
}

/* ---- deleting */

static void delete_if(struct subject *subject, const char *uid, const char *version, int dry_run, struct answer *got)
{
	kshim_options *options = kshim_options_new();

	kshim_options_set_precondition_uid(options, uid);
	kshim_options_set_precondition_version(options, version);
	kshim_options_set_dry_run(options, dry_run);
	ASK(server, got, kshim_object_delete(subject->object, options, live_done, got));
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
	if (!wait_until_gone(subject->object)) {
		free(uid);
		live_clear(&got);
		return;
	}
	ASK(server, &got, kshim_object_delete(subject->object, NULL, live_done, &got));
	EXPECT(&got, KSHIM_ENOTFOUND);
	assert_string_equal(kshim_error_reason(got.error), "NotFound");
	ASK(server, &got, kshim_object_reload(subject->object, NULL, live_done, &got));
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
	ASK(server, &got, kshim_query_delete_all(subject->query, NULL, live_done, &got));
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
	ASK(server, &got, kshim_object_reload(third, NULL, live_done, &got));
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
		begin_anew(&subject, 'd');
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

int main(int argc, char **argv)
{
	static const struct step steps[] = {{"create and read", create_and_read}, {"delete", delete}};

	return run_rows(argc, argv, every_kind_has_its_row, steps, 2);
}
