#include "config/oidc.h"

#include "alloc.h"
#include "base64.h"
#include "config/files.h"
#include "config/oidc_refresh.h"
#include "config/pem.h"
#include "config/provider_file.h"
#include "error.h"
#include "json/tree.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#define LEEWAY_S 300       /* an ID token is renewed so long before it expires … */
#define LEEWAY_PART 10     /* … or at this part of its life, where that is shorter */
#define PATIENCE_MS 1000 /* so long a request waits for another token while one lasts */
#define LOCK_TRIES 20
#define LOCK_WAIT_MS 50
#define LOOKS 20 /* for what another program got, after a refusal */
#define LOOK_WAIT_MS 50

/* The tokens belong to the configuration, not to one client of it: refresh tokens
 * are good for one use with many providers. Hence one renews for all. */
struct oidc {
	struct kshim__oidc_client client;
	struct kshim__provider_file file;
	char *id_token;      /* or NULL */
	char *refresh_token; /* or NULL */
	char *file_token;    /* the refresh token that the file held when last looked at */
	struct fetch *leader;
	struct kshim__link followers;
};

struct fetch {
	struct kshim__link link; /* among the followers */
	struct kshim__credential *credential;
	struct oidc *oidc;
	struct kshim__task begin;
	struct kshim__oidc_refresh refresh;
	struct kshim__timer lock; /* the file is somebody else's for the moment */
	unsigned lock_tries;
	struct kshim__timer look; /* at the file again: what was refused may be renewed by another */
	struct kshim__timer patience;
	unsigned looks;
	bool holds; /* the loop: a renewal that is cut off may cost the refresh token */
	bool again; /* the file held another refresh token than the one that was refused */
	kshim_error *error; /* the refusal */
};

/* The tokens. */

/* The claims of a JWT; NULL when it is none. */
static json_t *claims_of(const char *token)
{
	const char *begin = strchr(token, '.'), *end = begin ? strchr(begin + 1, '.') : NULL;
	size_t len, out_len = 0, i;
	char *text, *decoded;
	json_t *claims;
	bool bad;

	if (!end || strchr(end + 1, '.'))
		return NULL;
	len = (size_t)(end - begin - 1);
	text = kshim__malloc(len + 4);
	if (!text)
		return NULL;
	memcpy(text, begin + 1, len);
	for (i = 0; i < len; i++)
		text[i] = text[i] == '-' ? '+' : text[i] == '_' ? '/' : text[i];
	while (len % 4)
		text[len++] = '=';
	decoded = kshim__base64_decode(text, len, &out_len, &bad);
	claims = decoded ? kshim__json_tree_parse(decoded, out_len, false, NULL) : NULL;
	kshim__free_secret(decoded, out_len);
	kshim__free_secret(text, len);
	return claims;
}

/* In CLOCK_REALTIME seconds; both are 0 for one that does not expire. */
struct life {
	int64_t renew_at, expires_at;
};

/* false for what is no token. */
static bool read_life(const char *token, struct life *life)
{
	json_t *claims = token ? claims_of(token) : NULL;
	double exp = json_number_value(json_object_get(claims, "exp"));
	double iat = json_number_value(json_object_get(claims, "iat"));
	bool is_token = json_is_object(claims);
	double leeway = LEEWAY_S;

	memset(life, 0, sizeof(*life));
	json_decref(claims);
	for (; is_token && *token; token++)
		is_token = (unsigned char)*token > ' ' && *token != 0x7f;
	if (!is_token || exp <= 0 || exp > 1e15)
		return is_token;
	if (iat > 0 && iat < exp && (exp - iat) / LEEWAY_PART < leeway)
		leeway = (exp - iat) / LEEWAY_PART;
	life->expires_at = exp < 1 ? 1 : (int64_t)exp;
	life->renew_at = exp - leeway < 1 ? 1 : (int64_t)(exp - leeway);
	return true;
}

static bool is_good(const char *token)
{
	struct life life;

	return read_life(token, &life) && (!life.renew_at || life.renew_at > (int64_t)time(NULL));
}

/* false: no memory. */
static bool keep(char **to, const char *text)
{
	char *copy;

	if (!text || (*to && strcmp(*to, text) == 0))
		return true;
	copy = kshim__strdup(text);
	if (!copy)
		return false;
	kshim__free_secret_string(*to);
	*to = copy;
	return true;
}

/* Another program may have renewed them. true: the refresh token is another now. */
static bool adopt(struct oidc *oidc)
{
	char *id_token, *refresh_token;
	bool other;

	kshim__provider_file_read(&oidc->file, &id_token, &refresh_token);
	/* what is only in memory, for the file could not be written, stays */
	other = refresh_token && (!oidc->file_token || strcmp(refresh_token, oidc->file_token) != 0);
	if (id_token && (other || is_good(id_token)))
		keep(&oidc->id_token, id_token);
	if (other)
		other = keep(&oidc->refresh_token, refresh_token) && keep(&oidc->file_token, refresh_token);
	kshim__free_secret_string(id_token);
	kshim__free_secret_string(refresh_token);
	return other;
}

/* Reading the kubeconfig. */

static void free_oidc(void *data)
{
	struct oidc *oidc = data;

	if (!oidc)
		return;
	kshim__free(oidc->client.issuer);
	kshim__free(oidc->client.id);
	kshim__free_secret_string(oidc->client.secret);
	kshim__blob_free(&oidc->client.ca);
	kshim__provider_file_free(&oidc->file);
	kshim__free_secret_string(oidc->id_token);
	kshim__free_secret_string(oidc->refresh_token);
	kshim__free_secret_string(oidc->file_token);
	kshim__free(oidc);
}

static const char *text_of(const json_t *config, const char *key)
{
	const char *text = json_string_value(json_object_get(config, key));

	return text && *text ? text : NULL;
}

static bool parse_ca(struct oidc *oidc, const struct kshim__entry *user, const json_t *config, kshim_error **error)
{
	const char *data = text_of(config, "idp-certificate-authority-data");
	const char *path = text_of(config, "idp-certificate-authority"), *problem = NULL;
	struct kshim__blob *ca = &oidc->client.ca;
	bool bad = false;
	int what = 0;

	if (data) {
		ca->data = kshim__base64_decode(data, strlen(data), &ca->len, &bad);
		if (!ca->data)
			ca->len = 0;
		problem = bad ? "it is not base64" : NULL;
	} else if (path) {
		what = kshim__file_read(path, KSHIM__CREDENTIAL_MAX, ca);
		problem = what && what != ENOMEM ? strerror(what) : NULL;
	} else {
		return true;
	}
	if (ca->data && !problem)
		problem = kshim__pem_ca_problem(ca);
	if (problem)
		return kshim__entry_fail(user, "auth-provider", what ? KSHIM_EIO : KSHIM_ECONFIG, error, "%s%s%s: %s",
					 data ? "idp-certificate-authority-data" : "idp-certificate-authority",
					 data ? "" : ": ", data ? "" : path, problem);
	return ca->data != NULL;
}

static bool parse_file(struct oidc *oidc, const struct kshim__entry *user)
{
	const char *name = strrchr(user->file->name, '/');

	oidc->file.user = kshim__strdup(user->name);
	oidc->file.issuer = kshim__strdup(oidc->client.issuer);
	oidc->file.client_id = kshim__strdup(oidc->client.id);
	if (user->file->dir)
		oidc->file.path = kshim__path_absolute(user->file->dir, name ? name + 1 : user->file->name);
	return oidc->file.user && oidc->file.issuer && oidc->file.client_id && (!user->file->dir || oidc->file.path);
}

void *kshim__oidc_parse(const struct kshim__entry *user, kshim_error **error)
{
	const json_t *config = json_object_get(kshim__entry_get(user, "auth-provider"), "config");
	const char *issuer = text_of(config, "idp-issuer-url"), *id = text_of(config, "client-id");
	kshim_error *why = NULL;
	struct oidc *oidc;

	if (!issuer || !id)
		return kshim__entry_fail(user, "auth-provider", KSHIM_ECONFIG, error, "the auth provider oidc needs %s",
					 issuer ? "client-id" : "idp-issuer-url");
	oidc = kshim__calloc(1, sizeof(*oidc));
	if (!oidc)
		return kshim__fail(error, KSHIM_ENOMEM, "out of memory");
	kshim__list_init(&oidc->followers);
	oidc->client.issuer = kshim__strdup(issuer);
	oidc->client.id = kshim__strdup(id);
	if (oidc->client.issuer && oidc->client.id && keep(&oidc->client.secret, text_of(config, "client-secret")) &&
	    keep(&oidc->id_token, text_of(config, "id-token")) &&
	    keep(&oidc->refresh_token, text_of(config, "refresh-token")) &&
	    keep(&oidc->file_token, oidc->refresh_token) && parse_file(oidc, user) &&
	    parse_ca(oidc, user, config, &why))
		return oidc;
	free_oidc(oidc);
	if (why && error)
		*error = why;
	else
		kshim_error_free(why);
	return why ? NULL : kshim__fail(error, KSHIM_ENOMEM, "out of memory");
}

/* Fetching. */

/* Whether there is a token that is another than the credential's, for that may have
 * been refused. */
static bool has_unused(const struct fetch *fetch)
{
	const char *used = fetch->credential->token, *token = fetch->oidc->id_token;

	return token && !(used && strcmp(used, token) == 0);
}

/* While it is time for another token, the one that is there may serve. */
static void lend(struct fetch *fetch)
{
	struct life life;
	char *token;

	if (fetch->credential->got || !has_unused(fetch) || !read_life(fetch->oidc->id_token, &life) ||
	    !kshim__credential_lasts(life.expires_at))
		return;
	token = kshim__strdup(fetch->oidc->id_token);
	if (token)
		kshim__credential_lend(fetch->credential, token, life.expires_at);
}

static void be_patient_no_more(struct kshim__timer *timer)
{
	lend(KSHIM__OWNER(timer, struct fetch, patience));
}

/* Tells one that waits; it is gone then. The error is copied. */
static void tell(struct fetch *fetch, const kshim_error *error)
{
	struct kshim__credential *credential = fetch->credential;
	kshim_error *own = error ? kshim_error_copy(error) : NULL;
	const struct oidc *oidc = fetch->oidc;
	char *token = error ? NULL : kshim__strdup(oidc->id_token);
	struct life life;

	if (error)
		lend(fetch);
	if (token && read_life(token, &life)) {
		kshim__credential_got(credential, token, NULL, NULL, life.expires_at, life.renew_at);
		return;
	}
	kshim__free_secret_string(token);
	kshim__credential_failed(credential, own ? own : kshim__error_new(KSHIM_ENOMEM, "out of memory"));
}

/* The leader is done, well or not. Takes the error over. */
static void finish(struct fetch *leader, kshim_error *error)
{
	struct oidc *oidc = leader->oidc;

	oidc->leader = NULL;
	while (!kshim__list_empty(&oidc->followers)) {
		struct fetch *fetch = KSHIM__OWNER(oidc->followers.next, struct fetch, link);

		kshim__list_remove(&fetch->link);
		tell(fetch, error);
	}
	tell(leader, error);
	kshim_error_free(error);
}

static void start_refresh(struct fetch *fetch);

static void persist(struct fetch *fetch)
{
	struct oidc *oidc = fetch->oidc;
	struct kshim__buf why, warning;
	int rc = 1;

	kshim__buf_init(&why);
	if (oidc->file.path)
		rc = kshim__provider_file_write(&oidc->file, oidc->id_token, oidc->refresh_token, &why);
	if (rc == 0 && ++fetch->lock_tries < LOCK_TRIES) {
		kshim__timer_set(fetch->credential->loop, &fetch->lock, kshim__now_us() + LOCK_WAIT_MS * 1000);
		return;
	}
	if (rc == 1) {
		keep(&oidc->file_token, oidc->refresh_token);
	} else {
		/* they are good nevertheless, for as long as this process lives */
		kshim__buf_init(&warning);
		kshim__buf_addf(&warning, "%s: the renewed tokens could not be kept in it: %s", oidc->file.path,
				rc == 0 ? "somebody else has locked it" : why.data ? why.data : "out of memory");
		kshim__free(fetch->credential->warning);
		fetch->credential->warning = kshim__buf_take(&warning, NULL);
	}
	kshim__buf_free(&why);
	finish(fetch, NULL);
}

static void lock_again(struct kshim__timer *timer)
{
	persist(KSHIM__OWNER(timer, struct fetch, lock));
}

/* Perhaps another program was faster, and the refresh token good for one use. What
 * it got comes into the file a moment later. */
static void look_again(struct kshim__timer *timer)
{
	struct fetch *fetch = KSHIM__OWNER(timer, struct fetch, look);
	kshim_error *error = fetch->error;

	if (!adopt(fetch->oidc) && ++fetch->looks < LOOKS) {
		kshim__timer_set(fetch->credential->loop, timer, kshim__now_us() + LOOK_WAIT_MS * 1000);
		return;
	}
	fetch->error = NULL;
	if (fetch->looks == LOOKS) {
		finish(fetch, error);
		return;
	}
	kshim_error_free(error);
	fetch->again = true;
	if (is_good(fetch->oidc->id_token))
		finish(fetch, NULL);
	else
		start_refresh(fetch);
}

static void refreshed(struct kshim__oidc_refresh *refresh, const char *id_token, const char *refresh_token,
		      kshim_error *error)
{
	struct fetch *fetch = KSHIM__OWNER(refresh, struct fetch, refresh);
	struct oidc *oidc = fetch->oidc;
	bool refused = refresh->refused, kept;
	struct life life;

	if (error) {
		kshim__oidc_refresh_stop(refresh);
		if (refused && !fetch->again && oidc->file.path) {
			fetch->error = error;
			look_again(&fetch->look);
		} else {
			finish(fetch, error);
		}
		return;
	}
	if (!read_life(id_token, &life)) {
		kshim__oidc_refresh_stop(refresh);
		finish(fetch, kshim__error_new(KSHIM_ECONFIG,
					       "the identity provider %s sent an id_token that is no JWT",
					       oidc->client.issuer));
		return;
	}
	kept = keep(&oidc->id_token, id_token) && keep(&oidc->refresh_token, refresh_token);
	kshim__oidc_refresh_stop(refresh);
	if (kept)
		persist(fetch);
	else
		finish(fetch, kshim__error_new(KSHIM_ENOMEM, "out of memory"));
}

static void start_refresh(struct fetch *fetch)
{
	struct oidc *oidc = fetch->oidc;
	kshim_error *error = NULL;

	if (!oidc->refresh_token) {
		finish(fetch, kshim__error_new(KSHIM_ECONFIG,
					       "the id-token of the auth provider oidc %s, and there is no "
					       "refresh-token to get another with",
					       oidc->id_token ? "is not valid any more" : "is missing"));
		return;
	}
	if (!kshim__oidc_refresh_start(&fetch->refresh, fetch->credential->loop, &oidc->client, oidc->refresh_token,
				       refreshed, &error)) {
		finish(fetch, error ? error : kshim__error_new(KSHIM_ENOMEM, "out of memory"));
		return;
	}
	if (!fetch->holds)
		kshim__loop_hold(fetch->credential->loop);
	fetch->holds = true;
}

static bool has_another(const struct fetch *fetch)
{
	return has_unused(fetch) && is_good(fetch->oidc->id_token);
}

static void begin(struct kshim__task *task)
{
	struct fetch *fetch = KSHIM__OWNER(task, struct fetch, begin);
	struct oidc *oidc = fetch->oidc;

	kshim__timer_set(fetch->credential->loop, &fetch->patience, kshim__now_us() + PATIENCE_MS * 1000);
	if (has_another(fetch)) {
		tell(fetch, NULL);
	} else if (oidc->leader) {
		kshim__list_append(&oidc->followers, &fetch->link);
	} else {
		oidc->leader = fetch;
		adopt(oidc);
		if (has_another(fetch))
			finish(fetch, NULL);
		else
			start_refresh(fetch);
	}
}

/* lock and look are never set both. */
static bool reserve_timers(kshim_loop *loop)
{
	if (!kshim__timer_reserve(loop))
		return false;
	if (kshim__timer_reserve(loop))
		return true;
	kshim__timer_unreserve(loop);
	return false;
}

static void *fetch(struct kshim__credential *credential, kshim_error **error)
{
	struct fetch *state = kshim__calloc(1, sizeof(*state));

	(void)error;
	if (!state || !reserve_timers(credential->loop)) {
		kshim__free(state);
		return NULL;
	}
	kshim__list_init(&state->link);
	state->credential = credential;
	state->oidc = credential->access->credential->data;
	kshim__task_init(&state->begin, begin);
	kshim__timer_init(&state->lock, lock_again);
	kshim__timer_init(&state->look, look_again);
	kshim__timer_init(&state->patience, be_patient_no_more);
	kshim__task_queue(credential->loop, &state->begin);
	return state;
}

static void stop(void *data)
{
	struct fetch *state = data;
	struct oidc *oidc = state->oidc;

	if (state->holds)
		kshim__loop_release(state->credential->loop);
	kshim__oidc_refresh_stop(&state->refresh);
	kshim__timer_stop(state->credential->loop, &state->lock);
	kshim__timer_stop(state->credential->loop, &state->look);
	kshim__timer_stop(state->credential->loop, &state->patience);
	kshim__timer_unreserve(state->credential->loop);
	kshim__timer_unreserve(state->credential->loop);
	kshim__task_remove(&state->begin);
	kshim__list_remove(&state->link);
	kshim_error_free(state->error);
	if (oidc->leader == state) {
		/* its client goes, while others still wait */
		oidc->leader = NULL;
		while (!kshim__list_empty(&oidc->followers)) {
			struct fetch *next = KSHIM__OWNER(oidc->followers.next, struct fetch, link);

			kshim__list_remove(&next->link);
			kshim__task_queue(next->credential->loop, &next->begin);
		}
	}
	kshim__free(state);
}

static bool renewable(const void *data)
{
	const struct oidc *oidc = data;

	return oidc->refresh_token || oidc->file.path;
}

const struct kshim__credential_way kshim__oidc_way = {"oidc", fetch, stop, free_oidc, renewable};
