#include "config/files.h"

#include "alloc.h"
#include "buf.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Grows by copying, so that no secret is left behind in what realloc frees. */
static bool grow(struct kshim__blob *blob, size_t *cap, size_t wanted)
{
	char *data = kshim__malloc(wanted + 1);

	if (!data)
		return false;
	if (blob->len)
		memcpy(data, blob->data, blob->len);
	kshim__free_secret(blob->data, blob->len);
	blob->data = data;
	*cap = wanted;
	return true;
}

static int read_all(int fd, size_t max, struct kshim__blob *blob)
{
	struct stat st;
	size_t cap = 0, first = 4096;
	ssize_t got;

	if (fstat(fd, &st) < 0)
		return errno;
	if (S_ISREG(st.st_mode) && st.st_size > (off_t)max)
		return EFBIG;
	if (S_ISREG(st.st_mode) && st.st_size > 0)
		first = (size_t)st.st_size + 1;
	for (;;) {
		if (blob->len == cap && !grow(blob, &cap, cap ? cap * 2 : first))
			return ENOMEM;
		got = read(fd, blob->data + blob->len, cap - blob->len);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return errno;
		if (!got)
			break;
		blob->len += (size_t)got;
		if (blob->len > max)
			return EFBIG;
	}
	blob->data[blob->len] = '\0';
	return 0;
}

int kshim__fd_read(int fd, size_t max, struct kshim__blob *blob)
{
	int what;

	memset(blob, 0, sizeof(*blob));
	what = read_all(fd, max, blob);
	if (what)
		kshim__blob_free(blob);
	return what;
}

int kshim__file_read(const char *path, size_t max, struct kshim__blob *blob)
{
	int fd, what;

	memset(blob, 0, sizeof(*blob));
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		return errno;
	what = kshim__fd_read(fd, max, blob);
	close(fd);
	return what;
}

void kshim__blob_free(struct kshim__blob *blob)
{
	kshim__free_secret(blob->data, blob->len);
	memset(blob, 0, sizeof(*blob));
}

static void add_clean(struct kshim__buf *buf, const char *path)
{
	while (*path) {
		size_t len = strcspn(path, "/");

		if (len == 2 && path[0] == '.' && path[1] == '.') {
			while (buf->len && buf->data[--buf->len] != '/')
				;
		} else if (len && !(len == 1 && *path == '.')) {
			kshim__buf_addc(buf, '/');
			kshim__buf_add(buf, path, len);
		}
		path += len;
		path += *path == '/';
	}
}

char *kshim__path_absolute(const char *dir, const char *path)
{
	char here[PATH_MAX];
	struct kshim__buf buf;

	kshim__buf_init(&buf);
	if (*path != '/') {
		if (!dir)
			dir = getcwd(here, sizeof(here));
		if (!dir)
			return NULL;
		add_clean(&buf, dir);
	}
	add_clean(&buf, path);
	if (!buf.len)
		kshim__buf_addc(&buf, '/');
	return kshim__buf_take(&buf, NULL);
}
