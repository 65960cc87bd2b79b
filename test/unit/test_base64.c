/* base64 as kubeconfigs hold it: in lines, and nothing that is not base64. */
#include "../testutil.h"

#include "alloc.h"
#include "base64.h"

static void decoded(void **state)
{
	static const struct {
		const char *text, *means;
	} cases[] = {
		{"", ""},		{"Zg==", "f"},		    {"Zm8=", "fo"},
		{"Zm9v", "foo"},	{"Zm9vYmFy", "foobar"},	    {"Zm9v\nYmFy\n", "foobar"},
		{" Zm9v\r\n\tYm\r\nFy", "foobar"}, {"Zm9vYg=\n=", "foob"}, {"+/+/", "\xfb\xff\xbf"},
	};
	static const char *const bad[] = {"Z", "Zg", "Zg=", "Zg===", "Z===", "====", "=", "Zm9v=", "Zg==Zg==", "Zm-v", "Zm_v", "Zm9v!",
					  "Zm9\x80", "Zm9v.", "-----BEGIN"};
	size_t i, len;
	bool wrong;
	char *out;

	(void)state;
	for (i = 0; i < COUNT(cases); i++) {
		wrong = true;
		out = kshim__base64_decode(cases[i].text, strlen(cases[i].text), &len, &wrong);
		assert_non_null(out);
		assert_false(wrong);
		assert_int_equal(len, strlen(cases[i].means));
		assert_string_equal(out, cases[i].means);
		kshim__free(out);
	}
	for (i = 0; i < COUNT(bad); i++) {
		wrong = false;
		out = kshim__base64_decode(bad[i], strlen(bad[i]), &len, &wrong);
		if (out || !wrong)
			fail_msg("\"%s\" is taken for base64", bad[i]);
	}
}

static void round_trip(void **state)
{
	char bytes[300], *text, *back;
	size_t len, i, back_len;
	bool wrong;

	(void)state;
	for (i = 0; i < sizeof(bytes); i++)
		bytes[i] = (char)(i * 37);
	for (len = 0; len <= sizeof(bytes); len++) {
		text = kshim__base64(bytes, len);
		assert_non_null(text);
		assert_int_equal(strlen(text), (len + 2) / 3 * 4);
		back = kshim__base64_decode(text, strlen(text), &back_len, &wrong);
		assert_non_null(back);
		assert_int_equal(back_len, len);
		assert_memory_equal(back, bytes, len);
		kshim__free(back);
		kshim__free(text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(decoded),
		cmocka_unit_test(round_trip),
	};

	return cmocka_run_group_tests_name("base64", tests, NULL, NULL);
}
