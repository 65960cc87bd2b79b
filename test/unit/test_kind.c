/* Kinds: the built-in rows, and kinds of one's own. */
#include "crd/dask.h"
#include "kind.h"
#include "path.h"
#include "resources/builtin.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* Every row is whole, and its texts fit each other. */
static void rows(void **state)
{
	size_t i, k;

	(void)state;
	assert_int_equal(KSHIM__BUILTIN_KINDS, 29);
	assert_int_equal(kshim_kind_builtin_count(), 33);
	for (i = 0; i < kshim_kind_builtin_count(); i++) {
		const kshim_kind *kind = kshim_kind_builtin((kshim_builtin)i);
		const char *s;

		assert_non_null(kind);
		assert_int_equal(kind->refs, 0);
		assert_null(kind->storage);
		assert_true(!*kind->group || kshim__path_subdomain_ok(kind->group, strlen(kind->group)));
		assert_non_null(kind->versions[0]);
		for (k = 0; k <= KSHIM__VERSIONS; k++) {
			char api_version[100];

			assert_true(!kind->versions[k] == !kind->api_versions[k]);
			if (!kind->versions[k])
				continue;
			snprintf(api_version, sizeof(api_version), "%s%s%s", kind->group, *kind->group ? "/" : "",
				 kind->versions[k]);
			assert_string_equal(kind->api_versions[k], api_version);
		}
		/* the singular is the kind in lower case, of all of them */
		assert_int_equal(strlen(kind->kind), strlen(kind->singular));
		assert_ptr_equal(kshim_kind_find(kind->singular), kind);
		for (s = kind->singular; *s; s++)
			assert_true(*s >= 'a' && *s <= 'z');
		assert_true(kshim__path_label_ok(kind->plural, strlen(kind->plural)));
		if (kind->subresources) {
			assert_int_equal(kind->subresources[0], ' ');
			assert_int_equal(kind->subresources[strlen(kind->subresources) - 1], ' ');
		}
		if (kshim_kind_has_subresource(kind, "scale"))
			assert_non_null(kind->scale_pointer);
		assert_true(kshim_kind_has_verb(kind, "list"));
	}
	assert_null(kshim_kind_builtin((kshim_builtin)i));
	assert_null(kshim_kind_builtin((kshim_builtin)-1));
}

/* No name of a row means another one. */
static void names_are_unique(void **state)
{
	size_t i, k, count = kshim_kind_builtin_count();

	(void)state;
	for (i = 0; i < count; i++) {
		const kshim_kind *kind = kshim_kind_builtin((kshim_builtin)i);

		for (k = 0; k < count; k++) {
			const kshim_kind *other = kshim_kind_builtin((kshim_builtin)k);
			const char *name;
			size_t n;

			if (i == k)
				continue;
			assert_false(kshim__kind_matches(other, kind->kind));
			assert_false(kshim__kind_matches(other, kind->plural));
			assert_false(kshim__kind_matches(other, kind->singular));
			for (n = 0; (name = kshim_kind_short_name(kind, n)); n++)
				assert_false(kshim__kind_matches(other, name));
		}
	}
}

static void find(void **state)
{
	static const struct {
		const char *name;
		int which; /* -1: none */
	} cases[] = {
		{"Pod", KSHIM_KIND_POD},
		{"pods", KSHIM_KIND_POD},
		{"po", KSHIM_KIND_POD},
		{"PO", KSHIM_KIND_POD},
		{"pOdS", KSHIM_KIND_POD},
		{"Endpoints", KSHIM_KIND_ENDPOINTS},
		{"Endpoint", KSHIM_KIND_ENDPOINTS},
		{"endpoint", KSHIM_KIND_ENDPOINTS},
		{"ep", KSHIM_KIND_ENDPOINTS},
		{"deploy", KSHIM_KIND_DEPLOYMENT},
		{"deployments.apps", KSHIM_KIND_DEPLOYMENT},
		{"Deployment.apps", KSHIM_KIND_DEPLOYMENT},
		{"deploy.APPS", KSHIM_KIND_DEPLOYMENT},
		{"apps/Deployment", KSHIM_KIND_DEPLOYMENT},
		{"apps/deploy", KSHIM_KIND_DEPLOYMENT},
		{"roles.rbac.authorization.k8s.io", KSHIM_KIND_ROLE},
		{"rbac.authorization.k8s.io/role", KSHIM_KIND_ROLE},
		{"crd", KSHIM_KIND_CUSTOM_RESOURCE_DEFINITION},
		{"crds", KSHIM_KIND_CUSTOM_RESOURCE_DEFINITION},
		{"hpa", KSHIM_KIND_HORIZONTAL_POD_AUTOSCALER},
		{"psp", KSHIM_KIND_POD_SECURITY_POLICY},
		{"ingress", KSHIM_KIND_INGRESS},
		{"INGRESSES", KSHIM_KIND_INGRESS},
		{"dsk", KSHIM_KIND_DASK_CLUSTER},
		{"daskworkers", KSHIM_KIND_DASK_WORKER_GROUP},
		{"djb.kubernetes.dask.org", KSHIM_KIND_DASK_JOB},
		{"DaskAutoscaler", KSHIM_KIND_DASK_AUTOSCALER},
		{"", -1},
		{".", -1},
		{"/", -1},
		{".apps", -1},
		{"apps/", -1},
		{"pod ", -1},
		{"pods.apps", -1},
		{"apps/Pod", -1},
		{"apps/v1/Deployment", -1},
		{"deployments.v1.apps", -1},
		{"events.events.k8s.io", -1},
		{"Widget", -1},
		{"pods/log", -1},
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const kshim_kind *kind = kshim_kind_find(cases[i].name);
		const kshim_kind *expected = cases[i].which < 0 ? NULL : kshim_kind_builtin((kshim_builtin)cases[i].which);

		if (kind != expected)
			fail_msg("\"%s\" found %s", cases[i].name, kind ? kind->kind : "nothing");
	}
	assert_null(kshim_kind_find(NULL));
}

static void versions(void **state)
{
	static const struct {
		kshim_builtin which;
		const char *versions;
		const char *scale;
	} cases[] = {
		{KSHIM_KIND_CONFIG_MAP, "v1 ", NULL},
		{KSHIM_KIND_CRON_JOB, "batch/v1 batch/v1beta1 ", NULL},
		{KSHIM_KIND_DAEMON_SET, "apps/v1 ", NULL},
		{KSHIM_KIND_DEPLOYMENT, "apps/v1 ", "/spec/replicas"},
		{KSHIM_KIND_EVENT, "v1 ", NULL},
		{KSHIM_KIND_INGRESS, "networking.k8s.io/v1 ", NULL},
		{KSHIM_KIND_JOB, "batch/v1 ", "/spec/parallelism"},
		{KSHIM_KIND_REPLICATION_CONTROLLER, "v1 ", "/spec/replicas"},
		{KSHIM_KIND_REPLICA_SET, "apps/v1 ", "/spec/replicas"},
		{KSHIM_KIND_STATEFUL_SET, "apps/v1 ", "/spec/replicas"},
		{KSHIM_KIND_HORIZONTAL_POD_AUTOSCALER,
		 "autoscaling/v2 autoscaling/v1 autoscaling/v2beta2 autoscaling/v2beta1 ", NULL},
		{KSHIM_KIND_POD_SECURITY_POLICY, "policy/v1beta1 ", NULL},
		{KSHIM_KIND_POD_DISRUPTION_BUDGET, "policy/v1 policy/v1beta1 ", NULL},
		{KSHIM_KIND_CUSTOM_RESOURCE_DEFINITION, "apiextensions.k8s.io/v1 ", NULL},
		{KSHIM_KIND_DASK_CLUSTER, "kubernetes.dask.org/v1 ", "/spec/worker/replicas"},
		{KSHIM_KIND_DASK_WORKER_GROUP, "kubernetes.dask.org/v1 ", "/spec/worker/replicas"},
		{KSHIM_KIND_DASK_JOB, "kubernetes.dask.org/v1 ", NULL},
		{KSHIM_KIND_DASK_AUTOSCALER, "kubernetes.dask.org/v1 ", NULL},
	};
	size_t i, k;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const kshim_kind *kind = kshim_kind_builtin(cases[i].which);
		char all[200] = "";

		for (k = 0; kshim_kind_version_at(kind, k); k++) {
			strcat(all, kind->api_versions[k]);
			strcat(all, " ");
		}
		assert_string_equal(all, cases[i].versions);
		assert_true(!kind->scale_pointer == !cases[i].scale);
		if (cases[i].scale)
			assert_string_equal(kind->scale_pointer, cases[i].scale);
	}
}

static void accessors(void **state)
{
	const kshim_kind *kind = KSHIM_DEPLOYMENT;

	(void)state;
	assert_string_equal(kshim_kind_group(kind), "apps");
	assert_string_equal(kshim_kind_version(kind), "v1");
	assert_string_equal(kshim_kind_plural(kind), "deployments");
	assert_string_equal(kshim_kind_singular(kind), "deployment");
	assert_string_equal(kshim_kind_name(kind), "Deployment");
	assert_string_equal(kshim_kind_api_version(kind), "apps/v1");
	assert_string_equal(kshim_kind_api_version(KSHIM_POD), "v1");
	assert_int_equal(kshim_kind_is_namespaced(kind), 1);
	assert_int_equal(kshim_kind_is_namespaced(KSHIM_NODE), 0);
	assert_null(kshim_kind_version_at(kind, 1));
	assert_null(kshim_kind_version_at(kind, 1000));
	assert_string_equal(kshim_kind_short_name(kind, 0), "deploy");
	assert_null(kshim_kind_short_name(kind, 1));
	assert_null(kshim_kind_short_name(kind, 1000));
	assert_int_equal(kshim_kind_has_verb(kind, "deletecollection"), 1);
	assert_int_equal(kshim_kind_has_verb(KSHIM_NAMESPACE, "deletecollection"), 0);
	assert_int_equal(kshim_kind_has_verb(KSHIM_NAMESPACE, "delete"), 1);
	assert_int_equal(kshim_kind_has_verb(kind, "use"), 0);
	assert_int_equal(kshim_kind_has_verb(kind, ""), 0);
	assert_int_equal(kshim_kind_has_subresource(kind, "scale"), 1);
	assert_int_equal(kshim_kind_has_subresource(kind, "status"), 1);
	assert_int_equal(kshim_kind_has_subresource(kind, "stat"), 0);
	assert_int_equal(kshim_kind_has_subresource(kind, "cale"), 0);
	assert_int_equal(kshim_kind_has_subresource(kind, "scale status"), 0);
	assert_int_equal(kshim_kind_has_subresource(kind, ""), 0);
	assert_int_equal(kshim_kind_has_subresource(kind, " "), 0);
	assert_int_equal(kshim_kind_has_subresource(KSHIM_POD, "proxy"), 1);
	assert_int_equal(kshim_kind_has_subresource(KSHIM_SECRET, "status"), 0);
	assert_ptr_equal(kshim_kind_ref(kind), kind);
	kshim_kind_unref(kind);
	kshim_kind_unref(NULL);
	assert_null(kshim_kind_ref(NULL));
	assert_ptr_equal(kshim__kind_by_group_kind("apps/v1", 4, "Deployment"), kind);
	assert_null(kshim__kind_by_group_kind("apps/v1", 3, "Deployment"));
	assert_null(kshim__kind_by_group_kind("apps/v1", 4, "deployment"));
	assert_ptr_equal(kshim__kind_by_group_kind("", 0, "Pod"), KSHIM_POD);
	assert_ptr_equal(kshim__kind_by_group_kind(NULL, 0, "Pod"), KSHIM_POD);
}

static void split(void **state)
{
	const char *version;
	size_t len;

	(void)state;
	kshim__split_api_version("apps/v1", &len, &version);
	assert_int_equal(len, 4);
	assert_string_equal(version, "v1");
	kshim__split_api_version("v1", &len, &version);
	assert_int_equal(len, 0);
	assert_string_equal(version, "v1");
}

static void own_kind(void **state)
{
	kshim_kind *kind = kshim_kind_new("example.com", "v1", "widgets", "Widget", 1);

	(void)state;
	assert_non_null(kind);
	assert_string_equal(kshim_kind_group(kind), "example.com");
	assert_string_equal(kshim_kind_api_version(kind), "example.com/v1");
	assert_string_equal(kshim_kind_singular(kind), "widget");
	assert_int_equal(kshim_kind_is_namespaced(kind), 1);
	assert_int_equal(kshim_kind_has_verb(kind, "watch"), 1);
	assert_int_equal(kshim_kind_has_subresource(kind, "status"), 1);
	assert_string_equal(kind->scale_pointer, "/spec/replicas");
	assert_true(kshim__kind_matches(kind, "WIDGET.example.com"));
	assert_ptr_equal(kshim_kind_ref(kind), kind);
	kshim_kind_unref(kind);
	assert_string_equal(kshim_kind_name(kind), "Widget");
	kshim_kind_unref(kind);

	kind = kshim_kind_new("", "v1", "gadgets", "Gadget", 0);
	assert_string_equal(kshim_kind_api_version(kind), "v1");
	assert_int_equal(kshim_kind_is_namespaced(kind), 0);
	kshim_kind_unref(kind);

	/* what is known of a row is known of another one for the same kind */
	kind = kshim_kind_new("kubernetes.dask.org", "v2", "daskclusters", "DaskCluster", 1);
	assert_string_equal(kind->scale_pointer, "/spec/worker/replicas");
	kshim_kind_unref(kind);
}

static void bad_names(void **state)
{
	static const struct {
		const char *group, *version, *plural, *kind;
	} cases[] = {
		{NULL, "v1", "widgets", "Widget"},
		{"x", NULL, "widgets", "Widget"},
		{"x", "v1", NULL, "Widget"},
		{"x", "v1", "widgets", NULL},
		{"x", "", "widgets", "Widget"},
		{"x", "v1", "", "Widget"},
		{"x", "v1", "widgets", ""},
		{"X", "v1", "widgets", "Widget"},
		{"x/y", "v1", "widgets", "Widget"},
		{"..", "v1", "widgets", "Widget"},
		{"x", "v1/x", "widgets", "Widget"},
		{"x", "..", "widgets", "Widget"},
		{"x", "v1", "widgets/status", "Widget"},
		{"x", "v1", "Widgets", "Widget"},
		{"x", "v1", "widgets", "Wid get"},
		{"x", "v1", "widgets", "Wid\"get"},
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_null(kshim_kind_new(cases[i].group, cases[i].version, cases[i].plural, cases[i].kind, 1));
}

static void spec(void **state)
{
	static const char *const many_versions[] = {"v9", "v8", "v7", "v6", "v5", "v4", "v3", "v2", "v1", NULL};
	static const char *const many_names[] = {"a", "B", "b b", "c", "d", "e", "f", "g", "h", NULL};
	struct kshim__kind_spec spec = {
		.group = "example.com",
		.kind = "Widget",
		.plural = "widgets",
		.singular = "",
		.versions = many_versions,
		.short_names = many_names,
		.subresources = "status",
		.verbs = KSHIM__VERB_GET,
	};
	kshim_kind *kind = kshim__kind_from_spec(&spec);

	(void)state;
	assert_non_null(kind);
	assert_string_equal(kshim_kind_version_at(kind, KSHIM__VERSIONS - 1), "v2");
	assert_null(kind->versions[KSHIM__VERSIONS]);
	assert_string_equal(kshim_kind_short_name(kind, 1), "c");
	assert_string_equal(kshim_kind_short_name(kind, KSHIM__SHORT_NAMES - 1), "g");
	assert_null(kind->short_names[KSHIM__SHORT_NAMES]);
	assert_string_equal(kind->singular, "widget");
	assert_null(kind->scale_pointer);
	assert_true(kshim_kind_has_subresource(kind, "status"));
	assert_false(kshim_kind_has_verb(kind, "list"));
	kshim_kind_unref(kind);

	spec.subresources = " scale  status ";
	kind = kshim__kind_from_spec(&spec);
	assert_true(kshim_kind_has_subresource(kind, "scale"));
	assert_string_equal(kind->scale_pointer, "/spec/replicas");
	kshim_kind_unref(kind);

	spec.subresources = "";
	kind = kshim__kind_from_spec(&spec);
	assert_false(kshim_kind_has_subresource(kind, "scale"));
	kshim_kind_unref(kind);

	spec.subresources = "scale ../x";
	assert_null(kshim__kind_from_spec(&spec));
	spec.subresources = NULL;
	spec.versions = NULL;
	assert_null(kshim__kind_from_spec(&spec));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows),      cmocka_unit_test(names_are_unique), cmocka_unit_test(find),
		cmocka_unit_test(versions),  cmocka_unit_test(accessors),        cmocka_unit_test(split),
		cmocka_unit_test(own_kind),  cmocka_unit_test(bad_names),        cmocka_unit_test(spec),
	};

	return cmocka_run_group_tests_name("kind", tests, NULL, NULL);
}
