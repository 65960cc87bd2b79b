/* What configurations are made of: URLs, paths, base64, files. */
#include "alloc.h"
#include "base64.h"
#include "config/files.h"
#include "config/url.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void servers(void **state)
{
	static const struct {
		const char *text, *url; /* NULL: refused */
	} cases[] = {
		{"https://k.example", "https://k.example"},
		{"https://k.example/", "https://k.example"},
		{"https://k.example:6443///", "https://k.example:6443"},
		{"https://r.example/k8s/clusters/x/", "https://r.example/k8s/clusters/x"},
		{"HTTPS://K.example/P", "https://K.example/P"},
		{"http://[::1]:8080/", "http://[::1]:8080"},
		{"https://[fe80::1%25eth0]:6443", "https://[fe80::1%25eth0]:6443"},
		{"https://k.example/a%20b", "https://k.example/a%20b"},
		{"https://k.example/\xc3\xa9", "https://k.example/%C3%A9"},
		{"https://k.example/a@b:c", "https://k.example/a@b:c"},
		{"k.example:6443", "http://k.example:6443"},
		{"k.example", "http://k.example"},
		{"k.example/", "http://k.example"},
		{"localhost:8080", "http://localhost:8080"},
		{"k.example/p", NULL},
		{"k.example/http://x", NULL},
		{"", NULL},
		{"https://", NULL},
		{"https:///p", NULL},
		{"https://:6443", NULL},
		{"https://k:", NULL},
		{"https://k:0", NULL},
		{"https://k:65536", NULL},
		{"https://k:99999999999999999999", NULL},
		{"https://k:6443x", NULL},
		{"https://::1:6443", NULL},
		{"https://[::1", NULL},
		{"https://[]:1", NULL},
		{"https://[::1]x", NULL},
		{"https://a]b", NULL},
		{"https://a%2fb", NULL},
		{"https://u:p@k.example", NULL},
		{"https://u@k.example", NULL},
		{"u:p@k.example", NULL},
		{"https://k.example?x=y", NULL},
		{"https://k.example/#f", NULL},
		{"https://k.example/a b", NULL},
		{"https://k.example\n", NULL},
		{" https://k.example", NULL},
		{"https://k\x7f", NULL},
		{"https://k\\x", NULL},
		{"ftp://k.example", NULL},
		{"unix:///run/x", NULL},
		{"httpss://x", NULL},
		{"://x", NULL},
	};
	const char *problem;
	bool https;
	size_t i;
	char *url;

	(void)state;
	for (i = 0; i < COUNT(cases); i++) {
		url = kshim__url_server(cases[i].text, &https, &problem);
		if (!url != !cases[i].url || (url && strcmp(url, cases[i].url)))
			fail_msg("%s gives %s", cases[i].text, url);
		assert_true(!url == (problem != NULL));
		if (url)
			assert_int_equal(https, !strncmp(url, "https:", 6));
		kshim__free(url);
	}
}

static void proxies(void **state)
{
	static const struct {
		const char *text;
		bool good;
	} cases[] = {
		{"http://p", true}, {"https://p:1/", true}, {"socks5://u:p@q:1080", true}, {"SOCKS5://q", true},
		{"http://u:a@b@p", true}, {"http://[::1]:3128", true}, {"socks4://p", false}, {"socks5h://p", false},
		{"p:3128", false}, {"http://", false}, {"http://u:p@", false}, {"http://p:x", false}, {"http://a b", false},
		{"", false},
	};
	size_t i;
	char *shown;

	(void)state;
	for (i = 0; i < COUNT(cases); i++)
		if (!kshim__url_proxy_problem(cases[i].text) != cases[i].good)
			fail_msg("%s", cases[i].text);
	shown = kshim__url_redacted("http://u:a@b:geheim@p:1/x");
	assert_string_equal(shown, "http://u:REDACTED@p:1/x");
	kshim__free(shown);
	shown = kshim__url_redacted("http://u@p:1/x:y@z");
	assert_string_equal(shown, "http://u@p:1/x:y@z");
	kshim__free(shown);
}

static void paths(void **state)
{
	static const struct {
		const char *dir, *path, *wanted;
	} cases[] = {
		{"/a/b", "c", "/a/b/c"}, {"/a/b", "/c", "/c"}, {"/a/b", "../c", "/a/c"}, {"/a/b", "./c/./d", "/a/b/c/d"},
		{"/a", "../../../c", "/c"}, {"/", "c", "/c"}, {"/a", "..", "/"}, {"/a//b/", "c//d/", "/a/b/c/d"},
		{"/a", ".", "/a"}, {"/a", "...", "/a/..."}, {"/a", "~/x", "/a/~/x"}, {NULL, "/x/../y", "/y"},
	};
	char here[4096], *path;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(cases); i++) {
		path = kshim__path_absolute(cases[i].dir, cases[i].path);
		assert_string_equal(path, cases[i].wanted);
		kshim__free(path);
	}
	assert_non_null(getcwd(here, sizeof(here) - 2));
	path = kshim__path_absolute(NULL, "x");
	strcat(here, "/x");
	assert_string_equal(path, here);
	kshim__free(path);
}

static void base64(void **state)
{
	static const struct {
		const char *text, *wanted;
	} cases[] = {
		{"", ""}, {"aA==", "h"}, {"aGk=", "hi"}, {"aGkh", "hi!"}, {"aGkhaA==", "hi!h"}, {" a\nG\r\nk =\t", "hi"},
		{"+/+/", "\xfb\xff\xbf"}, {"aGk", NULL}, {"aGkha", NULL}, {"a", NULL}, {"====", NULL}, {"=aGk", NULL},
		{"aG=k", NULL}, {"aGk==", NULL}, {"aGk=aGk=", NULL}, {"a-_=", NULL}, {"a*==", NULL}, {"aA===", NULL}, {"a===", NULL},
	};
	size_t i, len;
	char *got;
	bool bad;

	(void)state;
	for (i = 0; i < COUNT(cases); i++) {
		got = kshim__base64_decode(cases[i].text, strlen(cases[i].text), &len, &bad);
		if (!got != !cases[i].wanted || bad != !got)
			fail_msg("\"%s\"", cases[i].text);
		if (got) {
			assert_int_equal(len, strlen(cases[i].wanted));
			assert_string_equal(got, cases[i].wanted);
		}
		kshim__free_secret(got, got ? len : 0);
	}
}

static void files(void **state)
{
	char name[] = "/tmp/kshim-test-XXXXXX", chunk[4096];
	int fd = mkstemp(name), ends[2], i;
	struct kshim__blob blob;

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(kshim__file_read(name, 10, &blob), 0);
	assert_int_equal(blob.len, 0);
	assert_string_equal(blob.data, "");
	kshim__blob_free(&blob);
	memset(chunk, 'x', sizeof(chunk));
	for (i = 0; i < 3; i++)
		assert_int_equal(write(fd, chunk, sizeof(chunk)), sizeof(chunk));
	assert_int_equal(kshim__file_read(name, 3 * sizeof(chunk), &blob), 0);
	assert_int_equal(blob.len, 3 * sizeof(chunk));
	kshim__blob_free(&blob);
	assert_int_equal(kshim__file_read(name, 3 * sizeof(chunk) - 1, &blob), EFBIG);
	assert_null(blob.data);
	close(fd);
	unlink(name);
	assert_int_equal(kshim__file_read(name, 10, &blob), ENOENT);
	assert_int_equal(kshim__file_read("/", 10, &blob), EISDIR);
	assert_int_equal(kshim__file_read("/dev/zero", 10000, &blob), EFBIG);

	/* a pipe has no size */
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	for (i = 0; i < 5; i++)
		assert_int_equal(write(ends[1], chunk, sizeof(chunk)), sizeof(chunk));
	close(ends[1]);
	assert_int_equal(kshim__fd_read(ends[0], 1 << 20, &blob), 0);
	assert_int_equal(blob.len, 5 * sizeof(chunk));
	kshim__blob_free(&blob);
	close(ends[0]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(servers), cmocka_unit_test(proxies), cmocka_unit_test(paths),
		cmocka_unit_test(base64),  cmocka_unit_test(files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
