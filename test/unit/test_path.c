/* Names and URL paths. */
#include "path.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const char *repeat(char c, size_t len)
{
	static char text[KSHIM__NAME_MAX + 2];

	memset(text, c, len);
	text[len] = '\0';
	return text;
}

static void names(void **state)
{
	static const struct {
		const char *name;
		bool any, ns;
	} cases[] = {
		{"a", true, true},
		{"my-pod-0", true, true},
		{"my.pod", true, false},
		{"system:node:a b", true, false},
		{"...", true, false},
		{".hidden", true, false},
		{"\xc3\xa4", true, false},
		{"A", true, false},
		{"-a", true, false},
		{"a-", true, false},
		{"a_b", true, false},
		{"", false, false},
		{".", false, false},
		{"..", false, false},
		{"a/b", false, false},
		{"../secrets/x", false, false},
		{"a%2fb", false, false},
		{"a\nb", false, false},
		{"a\x7f", false, false},
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		if (kshim__path_name_ok(cases[i].name) != cases[i].any ||
		    kshim__path_namespace_ok(cases[i].name) != cases[i].ns)
			fail_msg("\"%s\"", cases[i].name);
	}
	assert_false(kshim__path_name_ok(NULL));
	assert_false(kshim__path_namespace_ok(NULL));
	assert_true(kshim__path_name_ok(repeat('a', KSHIM__NAME_MAX)));
	assert_false(kshim__path_name_ok(repeat('a', KSHIM__NAME_MAX + 1)));
	assert_true(kshim__path_namespace_ok(repeat('a', 63)));
	assert_false(kshim__path_namespace_ok(repeat('a', 64)));
}

static void subdomains(void **state)
{
	static const struct {
		const char *name;
		bool ok;
	} cases[] = {
		{"apps", true},     {"example.com", true}, {"a.b-c.d", true},   {"1.2", true},       {"", false},
		{".a", false},      {"a.", false},         {"a..b", false},     {"a.-b", false},     {"a-.b", false},
		{"A.b", false},     {"a_b.c", false},      {"a/b", false},      {"a b", false},
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (kshim__path_subdomain_ok(cases[i].name, strlen(cases[i].name)) != cases[i].ok)
			fail_msg("\"%s\"", cases[i].name);
	assert_true(kshim__path_subdomain_ok(repeat('a', 253), 253));
	assert_false(kshim__path_subdomain_ok(repeat('a', 254), 254));
}

static void resources(void **state)
{
	static const struct {
		const char *api_version, *plural, *ns, *name, *subresource, *path;
	} cases[] = {
		{"v1", "pods", NULL, NULL, NULL, "/api/v1/pods"},
		{"v1", "pods", "default", NULL, NULL, "/api/v1/namespaces/default/pods"},
		{"v1", "pods", "default", "web-0", NULL, "/api/v1/namespaces/default/pods/web-0"},
		{"v1", "pods", "default", "web-0", "log", "/api/v1/namespaces/default/pods/web-0/log"},
		{"apps/v1", "deployments", "d", "x", "scale", "/apis/apps/v1/namespaces/d/deployments/x/scale"},
		{"v1", "nodes", NULL, "n", "proxy/metrics/cadvisor", "/api/v1/nodes/n/proxy/metrics/cadvisor"},
		{"rbac.authorization.k8s.io/v1", "clusterroles", NULL, "system:a b", NULL,
		 "/apis/rbac.authorization.k8s.io/v1/clusterroles/system%3Aa%20b"},
		{"v1", "services", "d", "web:80", "proxy", "/api/v1/namespaces/d/services/web%3A80/proxy"},
		{"v1", "pods", "d", "\xc3\xa4?#&+=", NULL, "/api/v1/namespaces/d/pods/%C3%A4%3F%23%26%2B%3D"},
		/* refused */
		{"", "pods", NULL, NULL, NULL, NULL},
		{"v1/", "pods", NULL, NULL, NULL, NULL},
		{"/v1", "pods", NULL, NULL, NULL, NULL},
		{"a/b/c", "pods", NULL, NULL, NULL, NULL},
		{"../v1", "pods", NULL, NULL, NULL, NULL},
		{"v1", "", NULL, NULL, NULL, NULL},
		{"v1", "pods/log", NULL, NULL, NULL, NULL},
		{"v1", "..", NULL, NULL, NULL, NULL},
		{"v1", "pods", "", NULL, NULL, NULL},
		{"v1", "pods", "..", NULL, NULL, NULL},
		{"v1", "pods", "a/b", NULL, NULL, NULL},
		{"v1", "pods", "Default", NULL, NULL, NULL},
		{"v1", "pods", "d", "", NULL, NULL},
		{"v1", "pods", "d", ".", NULL, NULL},
		{"v1", "pods", "d", "..", NULL, NULL},
		{"v1", "pods", "d", "../secrets/x", NULL, NULL},
		{"v1", "pods", "d", "%2e%2e", NULL, NULL},
		{"v1", "pods", "d", NULL, "log", NULL},
		{"v1", "pods", "d", "x", "", NULL},
		{"v1", "pods", "d", "x", "/log", NULL},
		{"v1", "pods", "d", "x", "log/", NULL},
		{"v1", "pods", "d", "x", "log/../exec", NULL},
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct kshim__buf path;
		bool ok;

		kshim__buf_init(&path);
		kshim__buf_adds(&path, "/prefix");
		ok = kshim__path_resource(&path, cases[i].api_version, cases[i].plural, cases[i].ns, cases[i].name,
					  cases[i].subresource);
		assert_int_equal(ok, cases[i].path != NULL);
		assert_memory_equal(path.data, "/prefix", 7);
		assert_string_equal(path.data + 7, ok ? cases[i].path : "");
		assert_int_equal(path.len, strlen(path.data));
		assert_false(path.failed);
		kshim__buf_free(&path);
	}
}

static void long_name(void **state)
{
	struct kshim__buf path;
	const char *name = repeat('x', 253);

	(void)state;
	kshim__buf_init(&path);
	assert_true(kshim__path_resource(&path, "v1", "configmaps", repeat('n', 63), NULL, NULL));
	kshim__buf_clear(&path);
	name = repeat('x', 253);
	assert_true(kshim__path_resource(&path, "v1", "configmaps", "d", name, NULL));
	assert_int_equal(path.len, strlen("/api/v1/namespaces/d/configmaps/") + 253);
	kshim__buf_free(&path);
}

static void failed_buffer(void **state)
{
	struct kshim__buf path;

	(void)state;
	kshim__buf_init(&path);
	path.failed = true;
	assert_false(kshim__path_resource(&path, "v1", "pods", "d", "x", "log"));
	assert_false(kshim__path_param(&path, "a", "b"));
	assert_int_equal(path.len, 0);
	kshim__buf_free(&path);
}

static void params(void **state)
{
	struct kshim__buf path;

	(void)state;
	kshim__buf_init(&path);
	kshim__buf_adds(&path, "/api/v1/pods");
	assert_true(kshim__path_param(&path, "labelSelector", "a in (b,c),d!=e+f"));
	assert_true(kshim__path_param(&path, "limit", "500"));
	assert_true(kshim__path_param(&path, "x", ""));
	assert_string_equal(path.data, "/api/v1/pods?labelSelector=a%20in%20%28b%2Cc%29%2Cd%21%3De%2Bf&limit=500&x=");
	kshim__buf_free(&path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names),     cmocka_unit_test(subdomains),    cmocka_unit_test(resources),
		cmocka_unit_test(long_name), cmocka_unit_test(failed_buffer), cmocka_unit_test(params),
	};

	return cmocka_run_group_tests_name("path", tests, NULL, NULL);
}
