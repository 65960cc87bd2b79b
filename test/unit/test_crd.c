/* CustomResourceDefinitions, read into kinds. */
/* LINK: -Wl,--wrap=kshim__malloc,--wrap=kshim__calloc,--wrap=kshim__realloc,--wrap=kshim__memdup,--wrap=kshim__strdup */
#include "alloc.h"
#include "crd/definition.h"

#include <kubeshim/kubeshim.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "failalloc.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define HEAD "{\"apiVersion\":\"apiextensions.k8s.io/v1\",\"kind\":\"CustomResourceDefinition\","
#define META "\"metadata\":{\"name\":\"widgets.example.com\"},"
#define GROUP "\"group\":\"example.com\","
#define NAMES "\"names\":{\"plural\":\"widgets\",\"kind\":\"Widget\"}"
#define SCOPE ",\"scope\":\"Namespaced\""
#define VERSIONS(list) ",\"versions\":[" list "]}}"
#define SERVED(name) "{\"name\":\"" name "\",\"served\":true}"
#define NOT_SERVED(name) "{\"name\":\"" name "\",\"served\":false}"
#define BEGIN HEAD META "\"spec\":{" GROUP

#define WHOLE                                                                                                          \
	BEGIN "\"names\":{\"plural\":\"widgets\",\"singular\":\"widget\",\"shortNames\":[\"wd\",\"wdg\"],"                \
	"\"kind\":\"Widget\",\"listKind\":\"WidgetList\"}" SCOPE                                                          \
	VERSIONS("{\"name\":\"v1beta1\",\"served\":true,\"subresources\":{\"status\":{}}},"                                \
		 "{\"name\":\"v1\",\"served\":true,\"storage\":true,\"schema\":{\"openAPIV3Schema\":{\"type\":\"object\"}},"   \
		 "\"subresources\":{\"status\":{},\"scale\":{\"specReplicasPath\":\".spec.pool.size\",\"statusReplicasPath\":"  \
		 "\".status.size\"}}}," NOT_SERVED("v2"))

static kshim_kind *read_kind(const char *text)
{
	kshim_error *error = NULL;
	kshim_kind *kind = kshim__definition_kind(text, strlen(text), &error);

	if (error)
		print_error("%s\n", kshim_error_message(error));
	assert_null(error);
	assert_non_null(kind);
	return kind;
}

static void whole(void **state)
{
	kshim_kind *kind = read_kind(WHOLE);

	(void)state;
	assert_string_equal(kshim_kind_group(kind), "example.com");
	assert_string_equal(kshim_kind_name(kind), "Widget");
	assert_string_equal(kshim_kind_plural(kind), "widgets");
	assert_string_equal(kshim_kind_singular(kind), "widget");
	assert_string_equal(kshim_kind_short_name(kind, 0), "wd");
	assert_string_equal(kshim_kind_short_name(kind, 1), "wdg");
	assert_null(kshim_kind_short_name(kind, 2));
	assert_string_equal(kshim_kind_api_version(kind), "example.com/v1");
	assert_string_equal(kshim_kind_version_at(kind, 1), "v1beta1");
	assert_null(kshim_kind_version_at(kind, 2)); /* v2 is not served */
	assert_int_equal(kshim_kind_is_namespaced(kind), 1);
	assert_int_equal(kshim_kind_has_subresource(kind, "status"), 1);
	assert_int_equal(kshim_kind_has_subresource(kind, "scale"), 1);
	assert_int_equal(kshim_kind_has_verb(kind, "deletecollection"), 1);
	assert_string_equal(kind->scale_pointer, "/spec/pool/size");
	assert_true(kind->defined);
	kshim_kind_unref(kind);
}

/* As little as there can be. */
static void least(void **state)
{
	kshim_kind *kind = read_kind(BEGIN NAMES ",\"scope\":\"Cluster\"" VERSIONS(SERVED("v1")));

	(void)state;
	assert_string_equal(kshim_kind_singular(kind), "widget");
	assert_null(kshim_kind_short_name(kind, 0));
	assert_int_equal(kshim_kind_is_namespaced(kind), 0);
	assert_int_equal(kshim_kind_has_subresource(kind, "status"), 0);
	assert_int_equal(kshim_kind_has_subresource(kind, "scale"), 0);
	assert_null(kind->scale_pointer);
	kshim_kind_unref(kind);
	/* null is nothing, as the server reads it */
	kind = read_kind(BEGIN "\"names\":{\"plural\":\"widgets\",\"kind\":\"Widget\",\"singular\":null,\"shortNames\":null}"
			 SCOPE VERSIONS("{\"name\":\"v1\",\"served\":true,\"subresources\":null}"));
	assert_null(kshim_kind_short_name(kind, 0));
	kshim_kind_unref(kind);
}

/* The subresources are those of the version that is used. */
static void subresources_of_the_first(void **state)
{
	kshim_kind *kind = read_kind(BEGIN NAMES SCOPE VERSIONS(
		"{\"name\":\"v1\",\"served\":true,\"subresources\":{\"scale\":{\"specReplicasPath\":\".spec.a\"}}},"
		"{\"name\":\"v2\",\"served\":true,\"subresources\":{\"status\":{}}}"));

	(void)state;
	assert_string_equal(kshim_kind_version(kind), "v2");
	assert_int_equal(kshim_kind_has_subresource(kind, "status"), 1);
	assert_int_equal(kshim_kind_has_subresource(kind, "scale"), 0);
	assert_null(kind->scale_pointer);
	kshim_kind_unref(kind);
	kind = read_kind(BEGIN NAMES SCOPE VERSIONS("{\"name\":\"v1\",\"served\":true,\"subresources\":{\"scale\":{"
						    "\"specReplicasPath\":\".spec.a/b~c\"}}}"));
	assert_string_equal(kind->scale_pointer, "/spec/a~1b~0c");
	kshim_kind_unref(kind);
}

/* The documentation's example, and what else there may be. */
static void priority(void **state)
{
	static const char *const order[] = {
		"v20240101120000", "v10", "v2", "v1", "v11beta2", "v10beta3", "v3beta1", "v12alpha1", "v11alpha2",
		/* no versions to it: by their letters */
		"foo1", "foo10", "v", "v1beta", "v1gamma1", "v99999999999999999999", "version1",
	};
	size_t i, k;

	(void)state;
	for (i = 0; i < COUNT(order); i++)
		for (k = 0; k < COUNT(order); k++) {
			int sign = kshim__version_order(order[i], order[k]);

			if (i == k ? sign != 0 : i < k ? sign >= 0 : sign <= 0)
				fail_msg("%s and %s: %d", order[i], order[k], sign);
		}
}

/* More than there is room for: the first eight by priority, whatever the order. */
static void many_versions(void **state)
{
	static const char *const expected[] = {"v3", "v2", "v1", "v2beta2", "v2beta1", "v1beta1", "v2alpha1", "v1alpha2"};
	kshim_kind *kind = read_kind(BEGIN NAMES SCOPE VERSIONS(
		SERVED("v1alpha1") "," SERVED("v1alpha2") "," SERVED("v2alpha1") "," SERVED("v1beta1") "," SERVED("v2beta1") ","
		SERVED("v2beta2") "," SERVED("old") "," SERVED("v1") "," SERVED("v2") "," SERVED("v2") "," SERVED("v3")));
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(expected); i++)
		assert_string_equal(kshim_kind_version_at(kind, i), expected[i]);
	assert_null(kshim_kind_version_at(kind, i));
	kshim_kind_unref(kind);
}

static void many_short_names(void **state)
{
	kshim_kind *kind = read_kind(BEGIN "\"names\":{\"plural\":\"widgets\",\"kind\":\"Widget\",\"shortNames\":"
				     "[\"a\",\"b\",\"c\",\"d\",\"e\",\"f\",\"g\"]}" SCOPE VERSIONS(SERVED("v1")));

	(void)state;
	assert_string_equal(kshim_kind_short_name(kind, 5), "f");
	assert_null(kshim_kind_short_name(kind, 6));
	kshim_kind_unref(kind);
}

static void bad_definitions(void **state)
{
	static const struct {
		const char *text, *field;
	} cases[] = {
		{"", "apiVersion"},
		{"{}", "apiVersion"},
		{"[]", "apiVersion"},
		{"{\"apiVersion\":\"v1\",\"kind\":\"Pod\"}", "apiVersion"},
		{"{\"apiVersion\":\"apiextensions.k8s.io/v1beta1\",\"kind\":\"CustomResourceDefinition\"}", "apiVersion"},
		{"{\"apiVersion\":\"apiextensions.k8s.io/v1\",\"kind\":\"ConversionReview\"}", "kind"},
		{HEAD META "\"spec\":{}}", "spec.group"},
		{HEAD META "\"spec\":{\"group\":7," NAMES SCOPE VERSIONS(SERVED("v1")), "spec.group"},
		{HEAD META "\"spec\":{\"group\":\"\"," NAMES SCOPE VERSIONS(SERVED("v1")), "spec.group"},
		{HEAD META "\"spec\":{\"group\":\"a/b\"," NAMES SCOPE VERSIONS(SERVED("v1")), "spec.group"},
		{HEAD META "\"spec\":{\"group\":\"example.com\\u0000\"," NAMES SCOPE VERSIONS(SERVED("v1")), "spec.group"},
		{HEAD META "\"spec\":{\"group\":\"example.org\"," NAMES SCOPE VERSIONS(SERVED("v1")), "metadata.name"},
		{HEAD "\"spec\":{" GROUP NAMES SCOPE VERSIONS(SERVED("v1")), "metadata.name"},
		{BEGIN "\"names\":{\"kind\":\"Widget\"}" SCOPE VERSIONS(SERVED("v1")), "spec.names.plural"},
		{BEGIN "\"names\":{\"plural\":\"Widgets\",\"kind\":\"Widget\"}" SCOPE VERSIONS(SERVED("v1")),
		 "spec.names.plural"},
		{BEGIN "\"names\":{\"plural\":\"../pods\",\"kind\":\"Widget\"}" SCOPE VERSIONS(SERVED("v1")),
		 "spec.names.plural"},
		{BEGIN "\"names\":{\"plural\":\"widgets\"}" SCOPE VERSIONS(SERVED("v1")), "spec.names.kind"},
		{BEGIN "\"names\":{\"plural\":\"widgets\",\"kind\":\"Wid get\"}" SCOPE VERSIONS(SERVED("v1")),
		 "spec.names.kind"},
		{BEGIN "\"names\":{\"plural\":\"widgets\",\"kind\":\"Widget\",\"singular\":\"a b\"}" SCOPE VERSIONS(SERVED("v1")),
		 "spec.names.singular"},
		{BEGIN "\"names\":{\"plural\":\"widgets\",\"kind\":\"Widget\",\"shortNames\":{}}" SCOPE VERSIONS(SERVED("v1")),
		 "spec.names.shortNames"},
		{BEGIN "\"names\":{\"plural\":\"widgets\",\"kind\":\"Widget\",\"shortNames\":[\"a\",\"B\"]}" SCOPE
		 VERSIONS(SERVED("v1")), "spec.names.shortNames[1]"},
		{BEGIN "\"names\":{\"plural\":\"widgets\",\"kind\":\"Widget\",\"shortNames\":[7]}" SCOPE
		 VERSIONS(SERVED("v1")), "spec.names.shortNames[0]"},
		{BEGIN NAMES VERSIONS(SERVED("v1")), "spec.scope"},
		{BEGIN NAMES ",\"scope\":\"Galaxy\"" VERSIONS(SERVED("v1")), "spec.scope"},
		{BEGIN NAMES SCOPE "}}", "spec.versions"},
		{BEGIN NAMES SCOPE ",\"version\":\"v1\"}}", "spec.versions"}, /* as v1beta1 had it */
		{BEGIN NAMES SCOPE VERSIONS(""), "spec.versions"},
		{BEGIN NAMES SCOPE VERSIONS(NOT_SERVED("v1")), "spec.versions"},
		{BEGIN NAMES SCOPE VERSIONS("{\"name\":\"v1\"}"), "spec.versions"},
		{BEGIN NAMES SCOPE VERSIONS(SERVED("v1") ",{\"served\":true}"), "spec.versions[1].name"},
		{BEGIN NAMES SCOPE VERSIONS(SERVED("v1") "," SERVED("v/2")), "spec.versions[1].name"},
		{BEGIN NAMES SCOPE VERSIONS("7"), "spec.versions[0].name"},
		{BEGIN NAMES SCOPE VERSIONS("{\"name\":\"v1\",\"served\":true,\"subresources\":{\"scale\":{}}}"),
		 "specReplicasPath"},
		{BEGIN NAMES SCOPE VERSIONS("{\"name\":\"v1\",\"served\":true,\"subresources\":{\"scale\":{"
					    "\"specReplicasPath\":\".status.a\"}}}"), "specReplicasPath"},
		{BEGIN NAMES SCOPE VERSIONS("{\"name\":\"v1\",\"served\":true,\"subresources\":{\"scale\":{"
					    "\"specReplicasPath\":\".spec.\"}}}"), "specReplicasPath"},
		{BEGIN NAMES SCOPE VERSIONS("{\"name\":\"v1\",\"served\":true,\"subresources\":{\"scale\":{"
					    "\"specReplicasPath\":\".spec..a\"}}}"), "specReplicasPath"},
	};
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(cases); i++) {
		kshim_error *error = NULL;
		kshim_kind *kind = kshim__definition_kind(cases[i].text, strlen(cases[i].text), &error);

		if (kind || !strstr(kshim_error_message(error), cases[i].field))
			fail_msg("%s: %s", cases[i].text, error ? kshim_error_message(error) : "no error");
		assert_int_equal(kshim_error_code(error), KSHIM_EINVAL);
		kshim_error_free(error);
	}
}

/* Cut anywhere it is no definition, and nothing is read behind its end. */
static void cut(void **state)
{
	size_t len, whole_len = strlen(WHOLE);

	(void)state;
	for (len = 0; len < whole_len - 3; len++) {
		char *text = malloc(len ? len : 1);
		kshim_error *error = NULL;

		assert_non_null(text);
		memcpy(text, WHOLE, len);
		assert_null(kshim__definition_kind(text, len, &error));
		assert_int_equal(kshim_error_code(error), KSHIM_EINVAL);
		kshim_error_free(error);
		free(text);
	}
}

/* Of an object, with the reason at its client; also one that was edited. */
static void of_an_object(void **state)
{
	kshim_error *error = NULL;
	kshim_loop *loop = kshim_loop_new();
	kshim_client *client = kshim_client_open(loop, kshim_config_from_url("http://127.0.0.1:1", &error), &error);
	kshim_object *object = kshim_object_from_text(client, WHOLE, strlen(WHOLE));
	kshim_kind *kind = kshim_crd_kind(object), *other;

	(void)state;
	assert_null(error);
	assert_non_null(kind);
	assert_int_equal(kshim_object_set_string(object, "/spec/names/shortNames/0", "wg"), 0);
	other = kshim_crd_kind(object);
	assert_non_null(other);
	assert_string_equal(kshim_kind_short_name(kind, 0), "wd");
	assert_string_equal(kshim_kind_short_name(other, 0), "wg");
	assert_int_equal(kshim_object_set_string(object, "/spec/scope", "None"), 0);
	assert_null(kshim_crd_kind(object));
	assert_int_equal(kshim_error_code(kshim_client_error(client)), KSHIM_EINVAL);
	assert_non_null(strstr(kshim_error_message(kshim_client_error(client)), "spec.scope"));
	assert_null(kshim_crd_kind(NULL));

	assert_null(kshim_crd_define(NULL, "widgets.example.com", NULL, NULL, NULL));
	assert_null(kshim_crd_define(client, NULL, NULL, NULL, NULL));
	assert_int_equal(kshim_error_code(kshim_client_error(client)), KSHIM_EINVAL);
	assert_null(kshim_crd_define(client, "a/b", NULL, NULL, NULL));
	kshim_kind_unref(other);
	kshim_kind_unref(kind);
	kshim_object_unref(object);
	kshim_client_free(client);
	kshim_loop_free(loop);
}

static void no_memory(void **state)
{
	bool failed = true;
	long i;

	(void)state;
	if (!failalloc_works())
		skip();
	for (i = 0; failed && i < 200; i++) {
		kshim_error *error = NULL;
		kshim_kind *kind;

		failalloc_arm(i, i % 2);
		kind = kshim__definition_kind(WHOLE, strlen(WHOLE), &error);
		failed = failalloc_disarm();
		assert_true(!kind == failed);
		assert_int_equal(kshim_error_code(error), failed ? KSHIM_ENOMEM : KSHIM_OK);
		kshim_error_free(error);
		kshim_kind_unref(kind);
	}
	assert_in_range(i, 10, 199);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(whole),
		cmocka_unit_test(least),
		cmocka_unit_test(subresources_of_the_first),
		cmocka_unit_test(priority),
		cmocka_unit_test(many_versions),
		cmocka_unit_test(many_short_names),
		cmocka_unit_test(bad_definitions),
		cmocka_unit_test(cut),
		cmocka_unit_test(of_an_object),
		cmocka_unit_test(no_memory),
	};

	return cmocka_run_group_tests_name("crd", tests, NULL, NULL);
}
