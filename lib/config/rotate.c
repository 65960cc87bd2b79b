/* Files that are replaced while a client runs: the CA, the client certificate. */
#include "config/config.h"

#include "config/files.h"
#include "config/pem.h"

#include <string.h>
#include <sys/stat.h>

#define LOOK_MS 1000

/* Whether it may hold something else than when it was last settled; the stamp is
 * noted before the file is read, so that a change meanwhile is seen next time. */
static bool changed(struct kshim__watched *file)
{
	struct stat st;
	bool same;

	if (!file->path || stat(file->path, &st) < 0)
		return false;
	same = file->settled && file->inode == st.st_ino && file->changed.tv_sec == st.st_ctim.tv_sec &&
	       file->changed.tv_nsec == st.st_ctim.tv_nsec;
	file->inode = st.st_ino;
	file->changed = st.st_ctim;
	return !same;
}

static bool same(const struct kshim__blob *a, const struct kshim__blob *b)
{
	return a->len == b->len && memcmp(a->data, b->data, a->len) == 0;
}

/* true when the new one was taken over; it is left empty either way. */
static bool replace(struct kshim__blob *old, struct kshim__blob *new)
{
	if (!new->data || same(old, new)) {
		kshim__blob_free(new);
		return false;
	}
	kshim__blob_free(old);
	*old = *new;
	memset(new, 0, sizeof(*new));
	return true;
}

static void rotate_ca(struct kshim__access *access)
{
	struct kshim__blob ca;

	if (!changed(&access->ca_file))
		return;
	access->ca_file.settled = !kshim__file_read(access->ca_file.path, KSHIM__CREDENTIAL_MAX, &ca) &&
				  !kshim__pem_ca_problem(&ca);
	if (access->ca_file.settled && replace(&access->ca, &ca))
		access->rotations++;
	else
		kshim__blob_free(&ca);
}

/* Both files are read when one has changed, and count only together: between the
 * replacing of one and of the other they do not fit. */
static void rotate_pair(struct kshim__access *access)
{
	struct kshim__blob cert = {NULL, 0}, key = {NULL, 0};
	bool cert_changed = changed(&access->cert_file), key_changed = changed(&access->key_file);
	bool good = true, of_key, other;

	if (!cert_changed && !key_changed)
		return;
	if (access->cert_file.path)
		good = !kshim__file_read(access->cert_file.path, KSHIM__CREDENTIAL_MAX, &cert);
	if (good && access->key_file.path)
		good = !kshim__file_read(access->key_file.path, KSHIM__CREDENTIAL_MAX, &key);
	good = good && !kshim__pem_pair_problem(cert.data ? &cert : &access->cert, key.data ? &key : &access->key,
						&of_key);
	access->cert_file.settled = access->key_file.settled = good;
	if (good) {
		other = replace(&access->cert, &cert);
		other = replace(&access->key, &key) || other;
		access->rotations += other;
	}
	kshim__blob_free(&cert);
	kshim__blob_free(&key);
}

void kshim__access_rotate(struct kshim__access *access, int64_t now)
{
	if (access->rotate_at && now < access->rotate_at)
		return;
	access->rotate_at = now + LOOK_MS;
	rotate_ca(access);
	rotate_pair(access);
}
