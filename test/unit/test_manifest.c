/* Manifests: documents to the JSON texts that are sent. */
/* LINK: -Wl,--wrap=kshim__malloc,--wrap=kshim__calloc,--wrap=kshim__realloc,--wrap=kshim__memdup,--wrap=kshim__strdup */
#include <kubeshim/error.h>
#include <kubeshim/manifest.h>

#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "failalloc.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define HEAD "apiVersion: v1\nkind: ConfigMap\n"

static kshim_manifest *read_text(const char *text)
{
	kshim_error *error = NULL;
	kshim_manifest *manifest = kshim_manifest_from_text(text, strlen(text), "in", &error);

	if (!manifest)
		fail_msg("%s\n%s", text, kshim_error_message(error));
	assert_null(error);
	return manifest;
}

static void documents(void **state)
{
	static const struct {
		const char *text;
		const char *json[4];
		unsigned line[4];
	} cases[] = {
		{"", {NULL}, {0}},
		{"# nothing\n---\n---\n", {NULL}, {0}},
		{HEAD "metadata:\n  name: a\ndata:\n  x: \"1\"\n  m: 010\n  e: no\n",
		 {"{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{\"name\":\"a\"},\"data\":{\"x\":\"1\",\"m\":8,\"e\":false}}"}, {1}},
		{"# c\n---\n# d\n" HEAD "metadata: {generateName: a-}\n---\n" HEAD "metadata: {name: b}\n",
		 {"{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{\"generateName\":\"a-\"}}",
		  "{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{\"name\":\"b\"}}"}, {4, 8}},
		{"{\"apiVersion\": \"v1\", \"kind\": \"X\", \"metadata\": {\"name\": \"a\"}, \"n\": [1.0, 1e3, 0.1, -0.5, 1e300, 12345678901234567890.0]}\n\n"
		 "{\"kind\": \"Y\", \"apiVersion\": \"v1\", \"metadata\": {\"name\": \"\\u00e9\\ud83d\\ude00\\u0001\"}}",
		 {"{\"apiVersion\":\"v1\",\"kind\":\"X\",\"metadata\":{\"name\":\"a\"},\"n\":[1,1000,0.1,-0.5,1e+300,1.2345678901234567e+19]}",
		  "{\"kind\":\"Y\",\"apiVersion\":\"v1\",\"metadata\":{\"name\":\"\xc3\xa9\xf0\x9f\x98\x80\\u0001\"}}"}, {1, 3}},
		/* lists are taken apart */
		{"apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: A\n  metadata: {name: a}\n- {apiVersion: v1, kind: B, metadata: {name: b}}\n",
		 {"{\"apiVersion\":\"v1\",\"kind\":\"A\",\"metadata\":{\"name\":\"a\"}}",
		  "{\"apiVersion\":\"v1\",\"kind\":\"B\",\"metadata\":{\"name\":\"b\"}}"}, {4, 7}},
		{"apiVersion: v1\nkind: List\nitems: []\n", {NULL}, {0}},
		{"apiVersion: v1\nkind: List\nitems:\n", {NULL}, {0}},
		{"apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: List\n  items:\n  - {apiVersion: v1, kind: A, metadata: {name: a}}\n",
		 {"{\"apiVersion\":\"v1\",\"kind\":\"A\",\"metadata\":{\"name\":\"a\"}}"}, {7}},
		{"apiVersion: apps/v1\nkind: DeploymentList\nitems:\n- metadata: {name: a}\n- {kind: D, apiVersion: x/v1, metadata: {name: b}}\n",
		 {"{\"apiVersion\":\"apps/v1\",\"kind\":\"Deployment\",\"metadata\":{\"name\":\"a\"}}",
		  "{\"kind\":\"D\",\"apiVersion\":\"x/v1\",\"metadata\":{\"name\":\"b\"}}"}, {4, 5}},
		{"apiVersion: x/v1\nkind: AllowList\nmetadata: {name: a}\nspec: {}\n",
		 {"{\"apiVersion\":\"x/v1\",\"kind\":\"AllowList\",\"metadata\":{\"name\":\"a\"},\"spec\":{}}"}, {1}},
		{"x: &m {name: a}\napiVersion: v1\nkind: A\nmetadata: {<<: *m, labels: *m}\n",
		 {"{\"x\":{\"name\":\"a\"},\"apiVersion\":\"v1\",\"kind\":\"A\",\"metadata\":{\"name\":\"a\",\"labels\":{\"name\":\"a\"}}}"}, {1}},
	};
	kshim_manifest *manifest;
	size_t i, j, len;

	(void)state;
	for (i = 0; i < COUNT(cases); i++) {
		manifest = read_text(cases[i].text);
		for (j = 0; cases[i].json[j]; j++) {
			assert_non_null(kshim_manifest_json(manifest, j, &len));
			assert_string_equal(kshim_manifest_json(manifest, j, NULL), cases[i].json[j]);
			assert_int_equal(len, strlen(cases[i].json[j]));
			assert_int_equal(kshim_manifest_line(manifest, j), cases[i].line[j]);
		}
		assert_int_equal(kshim_manifest_count(manifest), j);
		assert_null(kshim_manifest_json(manifest, j, &len));
		assert_int_equal(len, 0);
		assert_int_equal(kshim_manifest_line(manifest, j), 0);
		kshim_manifest_free(manifest);
	}
	assert_int_equal(kshim_manifest_count(NULL), 0);
	assert_null(kshim_manifest_json(NULL, 0, NULL));
	kshim_manifest_free(NULL);
}

/* One byte too many, none of which is read. */
static void too_long(void **state)
{
	size_t len = 64u * 1024 * 1024 + 1;
	char *text = calloc(1, len);
	kshim_error *error = NULL;

	(void)state;
	assert_non_null(text);
	assert_null(kshim_manifest_from_text(text, len, "in", &error));
	assert_int_equal(kshim_error_code(error), KSHIM_EMANIFEST);
	assert_string_equal(kshim_error_message(error), "in: longer than 64 MiB");
	kshim_error_free(error);
	free(text);
}

static void mistakes(void **state)
{
	static const struct {
		const char *text, *message;
	} cases[] = {
		{"just text\n", "in:1: the document is no mapping"},
		{"\n- a\n", "in:2: the document is no mapping"},
		{"kind: A\nmetadata: {name: a}\n", "in:1: apiVersion: is missing"},
		{"a: 1\n---\n\nkind: A\n", "in:1: apiVersion: is missing"},
		{"kind: A\napiVersion: 1\n", "in:2: apiVersion: is no string; quote it"},
		{"apiVersion: v1\nkind:\nmetadata: {name: a}\n", "in:2: kind: is missing"},
		{"apiVersion: v1\nkind: ''\n", "in:2: kind: is missing"},
		{"apiVersion: v1\nkind: [A]\n", "in:2: kind: is no string; quote it"},
		{"apiVersion: v1\nkind: A\nmetadata:\n  labels: {}\n", "in:3: metadata.name: is missing"},
		{"apiVersion: v1\nkind: A\n", "in:1: metadata.name: is missing"},
		{"apiVersion: v1\nkind: A\nmetadata: x\n", "in:3: metadata: is no mapping"},
		{"apiVersion: v1\nkind: A\nmetadata:\n  name: 12\n", "in:4: metadata.name: is no string; quote it"},
		{"apiVersion: v1\nkind: A\nmetadata:\n  name: ''\n  generateName: x\n", "in:4: metadata.name: is missing"},
		{"apiVersion: v1\nkind: A\nmetadata:\n  generateName: ''\n", "in:3: metadata.name: is missing"},
		{HEAD "metadata: {name: a}\n---\n" HEAD "metadata:\n  name: no\n", "in:8: metadata.name: is no string; quote it"},
		{"apiVersion: v1\nkind: List\n", "in:1: items: is missing"},
		{"apiVersion: v1\nkind: List\nitems: {}\n", "in:3: items: is no list"},
		{"apiVersion: v1\nkind: List\nitems:\n- kind: A\n  apiVersion: v1\n  metadata: {name: a}\n-\n  kind: B\n",
		 "in:8: items[1].apiVersion: is missing"},
		{"apiVersion: v1\nkind: List\nitems:\n- 1\n", "in:4: items[0]: is no mapping"},
		{"apiVersion: v1\nkind: PodList\nitems:\n- metadata:\n    name: 7\n", "in:5: items[0].metadata.name: is no string; quote it"},
		{"apiVersion: v1\nkind: PodList\nitems:\n- null\n", "in:4: items[0]: is no mapping"},
		{"a: [\n", "in:2: did not find expected node content"},
		{"{\"apiVersion\": \"v1\",\n \"kind\": \"A\",\n \"metadata\":\n {\"name\": 5}}", "in:4: metadata.name: is no string; quote it"},
		{"{\"apiVersion\": \"v1\",\n \"kind\": \"A\"\n \"x\": 1}", "in:3: JSON, column 4: '}' expected"},
		{HEAD "metadata: {name: a}\nspec: {uid: 18446744073709551615}\n",
		 "in:4: the integer does not fit in 64 bits; quote the value if it is meant as text"},
	};
	kshim_error *error;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(cases); i++) {
		error = NULL;
		if (kshim_manifest_from_text(cases[i].text, strlen(cases[i].text), "in", &error))
			fail_msg("%s", cases[i].text);
		assert_int_equal(kshim_error_code(error), KSHIM_EMANIFEST);
		if (strcmp(kshim_error_message(error), cases[i].message))
			fail_msg("%s\n  gives  %s\n  wanted %s", cases[i].text, kshim_error_message(error), cases[i].message);
		kshim_error_free(error);
		assert_null(kshim_manifest_from_text(cases[i].text, strlen(cases[i].text), "in", NULL));
	}
	error = NULL;
	assert_null(kshim_manifest_from_text(NULL, 0, NULL, &error));
	assert_int_equal(kshim_error_code(error), KSHIM_EINVAL);
	kshim_error_free(error);
	assert_null(kshim_manifest_from_text("x", (64u << 20) + 1, "in", NULL));
}

static void files(void **state)
{
	char name[] = "/tmp/kshim-test-XXXXXX", wanted[128];
	kshim_error *error = NULL;
	kshim_manifest *manifest;
	FILE *file = fdopen(mkstemp(name), "w");
	int saved, ends[2];

	(void)state;
	fputs("\xEF\xBB\xBF" "apiVersion: v1\r\nkind: A\r\nmetadata:\r\n  name: a\r\n", file);
	fclose(file);
	manifest = kshim_manifest_from_file(name, &error);
	assert_non_null(manifest);
	assert_string_equal(kshim_manifest_json(manifest, 0, NULL), "{\"apiVersion\":\"v1\",\"kind\":\"A\",\"metadata\":{\"name\":\"a\"}}");
	kshim_manifest_free(manifest);
	unlink(name);
	assert_null(kshim_manifest_from_file(name, &error));
	assert_int_equal(kshim_error_code(error), KSHIM_EIO);
	snprintf(wanted, sizeof(wanted), "%s: No such file or directory", name);
	assert_string_equal(kshim_error_message(error), wanted);
	kshim_error_free(error);
	error = NULL;
	assert_null(kshim_manifest_from_file("/tmp", &error));
	assert_string_equal(kshim_error_message(error), "/tmp: Is a directory");
	kshim_error_free(error);
	error = NULL;
	assert_null(kshim_manifest_from_file(NULL, &error));
	assert_int_equal(kshim_error_code(error), KSHIM_EINVAL);
	kshim_error_free(error);

	/* standard input */
	saved = dup(STDIN_FILENO);
	assert_int_equal(pipe(ends), 0);
	assert_true(write(ends[1], "apiVersion: v1\nkind: 5\n", 23) == 23);
	close(ends[1]);
	dup2(ends[0], STDIN_FILENO);
	close(ends[0]);
	error = NULL;
	assert_null(kshim_manifest_from_file("-", &error));
	assert_string_equal(kshim_error_message(error), "-:2: kind: is no string; quote it");
	kshim_error_free(error);
	dup2(saved, STDIN_FILENO);
	close(saved);
}

/* What comes out is read by jansson as what went in. */
static void sound_json(void **state)
{
	kshim_error *error = NULL;
	kshim_manifest *manifest = kshim_manifest_from_file("test/data/yaml/pod.yaml", &error);
	json_t *pod;

	(void)state;
	assert_non_null(manifest);
	assert_int_equal(kshim_manifest_count(manifest), 1);
	pod = json_loads(kshim_manifest_json(manifest, 0, NULL), JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(pod);
	assert_string_equal(json_string_value(json_object_get(json_object_get(json_object_get(pod, "metadata"), "labels"), "version")), "1.0");
	assert_string_equal(json_string_value(json_object_get(json_object_get(json_object_get(pod, "metadata"), "annotations"), "note")), "first\nsecond\n");
	json_decref(pod);
	kshim_manifest_free(manifest);
}

static void no_memory(void **state)
{
	static const char text[] =
		"apiVersion: v1\nkind: PodList\nitems:\n- metadata: {name: a, x: &x [1, 2.5, long long text]}\n- metadata: {name: b, y: *x}\n"
		"---\napiVersion: v1\nkind: A\nmetadata: {name: c}\n";
	kshim_manifest *manifest;
	kshim_error *error;
	bool failed;
	int mode;
	long i;

	(void)state;
	if (!failalloc_works())
		skip();
	for (mode = 0; mode < 2; mode++) {
		for (failed = true, i = 0; failed; i++) {
			error = NULL;
			failalloc_arm(i, mode);
			manifest = kshim_manifest_from_text(text, strlen(text), "in", &error);
			failed = failalloc_disarm();
			if (failed != !manifest)
				fail_msg("allocation %ld", i);
			if (failed)
				assert_int_equal(kshim_error_code(error), KSHIM_ENOMEM);
			else
				assert_int_equal(kshim_manifest_count(manifest), 3);
			kshim_error_free(error);
			kshim_manifest_free(manifest);
		}
		assert_true(i > 20);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(documents),  cmocka_unit_test(mistakes),  cmocka_unit_test(files),
		cmocka_unit_test(sound_json), cmocka_unit_test(too_long),  cmocka_unit_test(no_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
