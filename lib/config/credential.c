#include "config/credential.h"

#include "alloc.h"
#include "buf.h"
#include "config/files.h"
#include "error.h"
#include "timestamp.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

/* So that what is about to expire does not do so on its way (client-go's exec
 * plugin waits for the very moment, and then repeats the request). */
#define EXPIRY_LEEWAY_S 10
#define RENEW_AGAIN_S 30 /* what could not be renewed, but lasts */

void kshim__credential_spec_free(struct kshim__credential_spec *spec)
{
	if (!spec)
		return;
	if (spec->data)
		spec->way->free(spec->data);
	kshim__free(spec->source);
	kshim__free(spec);
}

static void tell(struct kshim__task *task)
{
	struct kshim__credential *credential = KSHIM__OWNER(task, struct kshim__credential, tell);

	credential->changed(credential);
}

struct kshim__credential *kshim__credential_new(kshim_loop *loop, struct kshim__access *access,
						void (*changed)(struct kshim__credential *credential), void *owner)
{
	struct kshim__credential *credential = kshim__calloc(1, sizeof(*credential));

	if (!credential)
		return NULL;
	credential->loop = loop;
	credential->access = kshim__access_ref(access);
	credential->changed = changed;
	credential->owner = owner;
	kshim__task_init(&credential->tell, tell);
	return credential;
}

static void drop(struct kshim__credential *credential)
{
	kshim__free_secret_string(credential->token);
	credential->token = NULL;
	kshim__blob_free(&credential->cert);
	kshim__blob_free(&credential->key);
	credential->got = false;
}

static void stop(struct kshim__credential *credential)
{
	void *state = credential->state;

	credential->state = NULL;
	if (state)
		credential->access->credential->way->stop(state);
}

void kshim__credential_free(struct kshim__credential *credential)
{
	if (!credential)
		return;
	stop(credential);
	kshim__task_remove(&credential->tell);
	drop(credential);
	kshim_error_free(credential->error);
	kshim__free(credential->warning);
	kshim__access_unref(credential->access);
	kshim__free(credential);
}

static void fetch(struct kshim__credential *credential)
{
	kshim_error *error = NULL;

	if (credential->state || !kshim__list_empty(&credential->tell.link))
		return;
	credential->state = credential->access->credential->way->fetch(credential, &error);
	if (!credential->state)
		kshim__credential_failed(credential, error ? error : kshim__error_new(KSHIM_ENOMEM, "out of memory"));
}

bool kshim__credential_lasts(int64_t expires_at)
{
	return !expires_at || (int64_t)time(NULL) < expires_at - EXPIRY_LEEWAY_S;
}

bool kshim__credential_ready(struct kshim__credential *credential, bool waited)
{
	bool ready = credential->got && (waited || kshim__credential_lasts(credential->expires_at));

	if (!ready || (credential->renew_at && (int64_t)time(NULL) >= credential->renew_at))
		fetch(credential);
	return ready;
}

bool kshim__credential_expire(struct kshim__credential *credential, unsigned fetch)
{
	const struct kshim__credential_spec *spec = credential->access->credential;

	if (fetch != credential->fetches)
		return true; /* it was fetched anew meanwhile */
	if (spec->way->renewable && !spec->way->renewable(spec->data))
		return false;
	credential->got = false;
	return true;
}

static bool same(const struct kshim__blob *a, const struct kshim__blob *b)
{
	return a->len == b->len && (!a->len || memcmp(a->data, b->data, a->len) == 0);
}

static void take(struct kshim__credential *credential, char *token, struct kshim__blob *cert, struct kshim__blob *key)
{
	const struct kshim__blob none = {NULL, 0};

	if (!same(cert ? cert : &none, &credential->cert) || !same(key ? key : &none, &credential->key))
		credential->certificates++;
	drop(credential);
	credential->got = true;
	credential->fetches++;
	credential->token = token;
	if (cert) {
		credential->cert = *cert;
		credential->key = *key;
		memset(cert, 0, sizeof(*cert));
		memset(key, 0, sizeof(*key));
	}
	kshim_error_free(credential->error);
	credential->error = NULL;
	kshim__task_queue(credential->loop, &credential->tell);
}

void kshim__credential_got(struct kshim__credential *credential, char *token, struct kshim__blob *cert,
			   struct kshim__blob *key, int64_t expires_at, int64_t renew_at)
{
	int64_t now = (int64_t)time(NULL);

	take(credential, token, cert, key);
	credential->expires_at = expires_at;
	/* one whose whole life is short is not renewed for each request */
	credential->renew_at = renew_at && renew_at <= now ? now + RENEW_AGAIN_S : renew_at;
	stop(credential);
}

void kshim__credential_lend(struct kshim__credential *credential, char *token, int64_t expires_at)
{
	take(credential, token, NULL, NULL);
	credential->expires_at = expires_at;
	credential->renew_at = expires_at;
}

void kshim__credential_failed(struct kshim__credential *credential, kshim_error *error)
{
	struct kshim__buf warning;

	kshim__error_prefix(error, "%s", credential->access->credential->source);
	if (credential->got && credential->renew_at && kshim__credential_lasts(credential->expires_at)) {
		credential->renew_at = (int64_t)time(NULL) + RENEW_AGAIN_S;
		kshim__buf_init(&warning);
		kshim__buf_addf(&warning, "%s; what is there is used for as long as it lasts", kshim_error_message(error));
		kshim__free(credential->warning);
		credential->warning = kshim__buf_take(&warning, NULL);
		kshim_error_free(error);
	} else {
		kshim_error_free(credential->error);
		credential->error = error;
		credential->got = false;
	}
	stop(credential);
	kshim__task_queue(credential->loop, &credential->tell);
}

int64_t kshim__parse_time(const char *text)
{
	struct kshim__timestamp at;

	return text && kshim__timestamp_parse(text, strlen(text), &at) ? at.seconds : -1;
}
