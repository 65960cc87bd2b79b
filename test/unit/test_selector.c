/* Label and field selectors. */
/* LINK: -Wl,--wrap=kshim__malloc,--wrap=kshim__calloc,--wrap=kshim__realloc */
#include "alloc.h"
#include "selector.h"

#include <kubeshim/error.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* Allocations that fail: needs -Wl,--wrap for these, else that test is skipped. */

void *__real_kshim__malloc(size_t size) __attribute__((weak));
void *__real_kshim__calloc(size_t count, size_t size) __attribute__((weak));
void *__real_kshim__realloc(void *p, size_t size) __attribute__((weak));
void *__wrap_kshim__malloc(size_t size);
void *__wrap_kshim__calloc(size_t count, size_t size);
void *__wrap_kshim__realloc(void *p, size_t size);

static long allocations, fail_at = -1;

void *__wrap_kshim__malloc(size_t size)
{
	return allocations++ == fail_at ? NULL : __real_kshim__malloc(size);
}

void *__wrap_kshim__calloc(size_t count, size_t size)
{
	return allocations++ == fail_at ? NULL : __real_kshim__calloc(count, size);
}

void *__wrap_kshim__realloc(void *p, size_t size)
{
	return allocations++ == fail_at ? NULL : __real_kshim__realloc(p, size);
}

#define NAME_63 "123456789012345678901234567890123456789012345678901234567890123"

enum {
	EQ = KSHIM__OP_EQUALS,
	NEQ = KSHIM__OP_NOT_EQUALS,
	IN = KSHIM__OP_IN,
	NOTIN = KSHIM__OP_NOT_IN,
	EXISTS = KSHIM__OP_EXISTS,
	NEXISTS = KSHIM__OP_NOT_EXISTS,
	GT = KSHIM__OP_GREATER,
	LT = KSHIM__OP_LESS
};

typedef bool add_fn(struct kshim__buf *, const char *, enum kshim__op, const char *const *, size_t, kshim_error **);

struct one {
	const char *key;
	int op;
	const char *values[4];
	const char *text; /* NULL: refused */
};

static void run(add_fn *add, const struct one *cases, size_t count)
{
	size_t i, values;

	for (i = 0; i < count; i++) {
		kshim_error *error = NULL;
		struct kshim__buf selector;
		bool ok;

		for (values = 0; values < 4 && cases[i].values[values];)
			values++;
		kshim__buf_init(&selector);
		ok = add(&selector, cases[i].key, (enum kshim__op)cases[i].op, cases[i].values, values, &error);
		if (ok != (cases[i].text != NULL))
			fail_msg("case %zu, key \"%s\": %s", i, cases[i].key,
				 ok ? selector.data : kshim_error_message(error));
		if (ok) {
			assert_string_equal(selector.data, cases[i].text);
			assert_null(error);
		} else {
			assert_int_equal(selector.len, 0);
			assert_int_equal(kshim_error_code(error), KSHIM_EINVAL);
			if (cases[i].key[0])
				assert_non_null(strstr(kshim_error_message(error), cases[i].key));
			assert_false(add(&selector, cases[i].key, (enum kshim__op)cases[i].op, cases[i].values, values,
					 NULL));
		}
		kshim_error_free(error);
		kshim__buf_free(&selector);
	}
}

static void labels(void **state)
{
	static const struct one cases[] = {
		{"app", EQ, {"web"}, "app=web"},
		{"app", EQ, {""}, "app="},
		{"app", NEQ, {"web"}, "app!=web"},
		{"app", IN, {"b", "a", "c"}, "app in (a,b,c)"},
		{"app", IN, {"a"}, "app in (a)"},
		{"app", IN, {"a", ""}, "app in (,a)"},
		{"app", NOTIN, {"b", "a"}, "app notin (a,b)"},
		{"app", EXISTS, {NULL}, "app"},
		{"app", NEXISTS, {NULL}, "!app"},
		{"n", GT, {"1"}, "n>1"},
		{"n", LT, {"9223372036854775807"}, "n<9223372036854775807"},
		{"app.kubernetes.io/name", EQ, {"A_b-c.9"}, "app.kubernetes.io/name=A_b-c.9"},
		{"x/" NAME_63, EQ, {NAME_63}, "x/" NAME_63 "=" NAME_63},
		{"in", EQ, {"notin"}, "in=notin"},
		/* keys */
		{"", EQ, {"a"}, NULL},
		{"-a", EQ, {"a"}, NULL},
		{"a-", EQ, {"a"}, NULL},
		{"a b", EQ, {"a"}, NULL},
		{"a=b", EQ, {"a"}, NULL},
		{"a,b", EXISTS, {NULL}, NULL},
		{"!a", EXISTS, {NULL}, NULL},
		{"/a", EQ, {"a"}, NULL},
		{"x/", EQ, {"a"}, NULL},
		{"x/y/z", EQ, {"a"}, NULL},
		{"X.y/a", EQ, {"a"}, NULL},
		{NAME_63 "4", EQ, {"a"}, NULL},
		{"\xc3\xa4", EQ, {"a"}, NULL},
		/* values */
		{"app", EQ, {"a b"}, NULL},
		{"app", EQ, {"a,b"}, NULL},
		{"app", EQ, {"a)"}, NULL},
		{"app", EQ, {"-a"}, NULL},
		{"app", EQ, {"a\n"}, NULL},
		{"app", EQ, {NAME_63 "4"}, NULL},
		{"app", IN, {"a", "b,c"}, NULL},
		{"n", GT, {"x"}, NULL},
		{"n", GT, {""}, NULL},
		{"n", GT, {"-1"}, NULL},
		{"n", LT, {"9223372036854775808"}, NULL},
		/* how many values */
		{"app", EQ, {NULL}, NULL},
		{"app", EQ, {"a", "b"}, NULL},
		{"app", NEQ, {NULL}, NULL},
		{"app", IN, {NULL}, NULL},
		{"app", NOTIN, {NULL}, NULL},
		{"app", EXISTS, {"a"}, NULL},
		{"app", NEXISTS, {"a"}, NULL},
		{"n", GT, {"1", "2"}, NULL},
		{"app", 99, {"a"}, NULL},
		{"app", -1, {"a"}, NULL},
	};

	(void)state;
	run(kshim__selector_add_label, cases, sizeof(cases) / sizeof(cases[0]));
}

static void fields(void **state)
{
	static const struct one cases[] = {
		{"status.phase", EQ, {"Running"}, "status.phase=Running"},
		{"status.phase", EQ, {""}, "status.phase="},
		{"status.phase", NEQ, {"Running"}, "status.phase!=Running"},
		{"status.phase", IN, {"Running"}, "status.phase=Running"},
		{"status.phase", NOTIN, {"Failed", "Succeeded"}, "status.phase!=Failed,status.phase!=Succeeded"},
		{"reason", EQ, {"a,b=c\\d e"}, "reason=a\\,b\\=c\\\\d e"},
		{"reason", EQ, {"==!"}, "reason=\\=\\=!"},
		{"reason", EQ, {"\xc3\xa4"}, "reason=\xc3\xa4"},
		{"status.phase", IN, {"a", "b"}, NULL},
		{"status.phase", EXISTS, {NULL}, NULL},
		{"status.phase", NEXISTS, {NULL}, NULL},
		{"status.phase", GT, {"1"}, NULL},
		{"status.phase", LT, {"1"}, NULL},
		{"status.phase", EQ, {NULL}, NULL},
		{"status.phase", IN, {NULL}, NULL},
		{"status.phase", NOTIN, {NULL}, NULL},
		{"", EQ, {"a"}, NULL},
		{"a b", EQ, {"a"}, NULL},
		{"a=b", EQ, {"a"}, NULL},
		{"a!", EQ, {"a"}, NULL},
		{"a,b", EQ, {"a"}, NULL},
		{"a\\", EQ, {"a"}, NULL},
		{"a\n", EQ, {"a"}, NULL},
		{"a", EQ, {"a\r\nb"}, NULL},
	};

	(void)state;
	run(kshim__selector_add_field, cases, sizeof(cases) / sizeof(cases[0]));
}

static void null_arguments(void **state)
{
	const char *const missing[] = {"a", NULL};
	struct kshim__buf selector;
	kshim_error *error = NULL;

	(void)state;
	kshim__buf_init(&selector);
	assert_false(kshim__selector_add_label(&selector, NULL, KSHIM__OP_EXISTS, NULL, 0, &error));
	kshim_error_free(error);
	error = NULL;
	assert_false(kshim__selector_add_label(&selector, "app", KSHIM__OP_IN, missing, 2, &error));
	assert_non_null(strstr(kshim_error_message(error), "app"));
	kshim_error_free(error);
	assert_false(kshim__selector_check_text(NULL, NULL));
	kshim__buf_free(&selector);
}

/* What was there stays when a requirement is refused. */
static void joined(void **state)
{
	const char *const ab[] = {"b", "a"}, *const bad[] = {"a,b"};
	struct kshim__buf selector;

	(void)state;
	kshim__buf_init(&selector);
	assert_true(kshim__selector_add_label(&selector, "app", KSHIM__OP_EQUALS, ab, 1, NULL));
	assert_false(kshim__selector_add_label(&selector, "x", KSHIM__OP_EQUALS, bad, 1, NULL));
	assert_true(kshim__selector_add_label(&selector, "tier", KSHIM__OP_NOT_IN, ab, 2, NULL));
	assert_true(kshim__selector_add_label(&selector, "old", KSHIM__OP_NOT_EXISTS, NULL, 0, NULL));
	assert_string_equal(selector.data, "app=b,tier notin (a,b),!old");
	kshim__buf_clear(&selector);
	assert_true(kshim__selector_add_field(&selector, "p", KSHIM__OP_NOT_IN, ab, 2, NULL));
	assert_true(kshim__selector_add_field(&selector, "q", KSHIM__OP_EQUALS, ab, 1, NULL));
	assert_string_equal(selector.data, "p!=b,p!=a,q=b");
	kshim__buf_free(&selector);
}

static void out_of_memory(void **state)
{
	const char *const values[] = {"a", "b"};
	struct kshim__buf selector;
	kshim_error *error = NULL;

	(void)state;
	kshim__buf_init(&selector);
	selector.failed = true;
	assert_false(kshim__selector_add_label(&selector, "app", KSHIM__OP_IN, values, 2, &error));
	assert_int_equal(kshim_error_code(error), KSHIM_ENOMEM);
	kshim_error_free(error);
	error = NULL;
	assert_false(kshim__selector_add_field(&selector, "a", KSHIM__OP_NOT_IN, values, 2, &error));
	assert_int_equal(kshim_error_code(error), KSHIM_ENOMEM);
	kshim_error_free(error);
	kshim__buf_free(&selector);
}

/* Every allocation in turn: told as an error, and the selector as it was. */
static void failing_allocations(void **state)
{
	static const char *const values[] = {"b" NAME_63, "a"};
	long count = 1, i;

	(void)state;
	if (!__real_kshim__malloc)
		skip();
	for (i = -1; i < count; i++) {
		struct kshim__buf selector;
		kshim_error *error = NULL;
		bool ok;

		kshim__buf_init(&selector);
		allocations = 0;
		fail_at = i;
		ok = kshim__selector_add_label(&selector, "app", KSHIM__OP_IN, values + 1, 1, &error) &&
		     kshim__selector_add_field(&selector, "reason", KSHIM__OP_NOT_IN, values, 2, &error);
		fail_at = -1;
		if (i < 0) {
			assert_true(ok);
			count = allocations;
			assert_true(count >= 3);
		} else {
			assert_false(ok);
			assert_int_equal(kshim_error_code(error), KSHIM_ENOMEM);
			assert_true(selector.len == 0 || strcmp(selector.data, "app in (a)") == 0);
		}
		kshim_error_free(error);
		kshim__buf_free(&selector);
	}
}

static void split_key(void **state)
{
	static const struct {
		const char *key;
		size_t len; /* 0: refused */
		int op;
	} cases[] = {
		{"app", 3, EQ},
		{"app__eq", 3, EQ},
		{"app__neq", 3, NEQ},
		{"app__in", 3, IN},
		{"app__notin", 3, NOTIN},
		{"app__exists", 3, EXISTS},
		{"app__nexists", 3, NEXISTS},
		{"app__gt", 3, GT},
		{"app__lt", 3, LT},
		{"a_b__in", 3, IN},
		{"example.com/a__in", 13, IN},
		{"app__", 0, 0},
		{"app__like", 0, 0},
		{"app__EQ", 0, 0},
		{"app___eq", 0, 0},
		{"a__b__eq", 0, 0},
		{"a__eq__", 0, 0},
		{"__eq", 0, 0},
		{"", 0, 0},
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		kshim_error *error = NULL;
		enum kshim__op op;
		size_t len;
		bool ok = kshim__selector_split_key(cases[i].key, &len, &op, &error);

		if (ok != (cases[i].len > 0))
			fail_msg("\"%s\"", cases[i].key);
		if (ok) {
			assert_int_equal(len, cases[i].len);
			assert_int_equal(op, cases[i].op);
		} else {
			assert_int_equal(kshim_error_code(error), KSHIM_EINVAL);
			assert_non_null(strstr(kshim_error_message(error), cases[i].key));
		}
		kshim_error_free(error);
	}
}

static void text(void **state)
{
	static char long_text[KSHIM__SELECTOR_MAX + 2];
	kshim_error *error = NULL;

	(void)state;
	assert_true(kshim__selector_check_text("", NULL));
	assert_true(kshim__selector_check_text("app in (a, b), !c, d != e", NULL));
	assert_true(kshim__selector_check_text("\xc3\xa4", NULL));
	assert_false(kshim__selector_check_text("a\nb", &error));
	assert_int_equal(kshim_error_code(error), KSHIM_EINVAL);
	kshim_error_free(error);
	memset(long_text, 'a', KSHIM__SELECTOR_MAX);
	assert_true(kshim__selector_check_text(long_text, NULL));
	long_text[KSHIM__SELECTOR_MAX] = 'a';
	assert_false(kshim__selector_check_text(long_text, NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(labels),         cmocka_unit_test(fields),        cmocka_unit_test(null_arguments),
		cmocka_unit_test(joined),         cmocka_unit_test(out_of_memory), cmocka_unit_test(split_key),
		cmocka_unit_test(text),           cmocka_unit_test(failing_allocations),
	};

	return cmocka_run_group_tests_name("selector", tests, NULL, NULL);
}
