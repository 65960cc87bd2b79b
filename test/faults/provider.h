/* The auth provider oidc for the tests: the fake server is API server and identity provider. */
#ifndef PROVIDER_H
#define PROVIDER_H

#include "../testutil.h"

#define GRANTS "/realm/token"
#define WELL_KNOWN "/realm/.well-known/openid-configuration"

struct provider {
	int64_t lasts; /* of the tokens that it gives */
	bool post;	/* wants the client's secret in the body */
	bool keeps;	/* sends no new refresh token */
	bool once;	/* a refresh token is good for one use */
	bool nothing;	/* sends no id_token */
	bool plain;	/* its token_endpoint is http:// */
	bool refuses;	/* 401 of the API for the first new token */
	const char *answer; /* of the grant, with this status */
	int status;
	const char *discovery;
	int delay_ms;
};

/* A kubeconfig: %1$s id-token, %2$s refresh-token, %3$s the API's and the provider's URL,
 * %4$s their CA's base64. */
#define YAML                                                                                                           \
	"# caf\xc3\xa9 \xe2\x82\xac: my clusters\n"                                                                   \
	"apiVersion: v1\nkind: Config\n"                                                                               \
	"current-context: x   # the usual one\n"                                                                       \
	"contexts:\n- {name: x, context: {cluster: c, user: \xc3\xbc, namespace: ns}}\n"                             \
	"clusters:\n- name: c\n  cluster:\n    server: %3$s\n    certificate-authority-data: %4$s\n"                     \
	"users:\n"                                                                                                     \
	"- name: other\n  user:\n    auth-provider: {name: oidc, config: {idp-issuer-url: x, client-id: b, id-token: z}}\n" \
	"- name: \xc3\xbc\n"                                                                                          \
	"  user:\n"                                                                                                    \
	"    auth-provider:\n"                                                                                         \
	"      config:   # how we log in\n"                                                                            \
	"        client-id: 'me:or you'\n"                                                                             \
	"        client-secret: " SECRET "+secret\n"                                                                   \
	"        # do not share\n"                                                                                     \
	"        id-token: %1$s  # renewed\n"                                                                          \
	"        idp-certificate-authority-data: %4$s\n"                                                               \
	"        idp-issuer-url: %3$s/realm/\n"                                                                        \
	"        refresh-token: \"%2$s\"\n"                                                                              \
	"      name: oidc\n"                                                                                           \
	"# the end\n"

#define FLOW(member) \
	"{current-context: x, contexts: [{name: x, context: {cluster: c, user: u, namespace: ns}}],\n"                 \
	" clusters: [{name: c, cluster: {server: '%3$s', certificate-authority-data: %4$s}}],\n"                       \
	" users: [{name: u, user: {auth-provider: {name: oidc, config: {" member "}}}}]}\n"
#define ME "client-id: 'me:or you', client-secret: " SECRET "+secret, "
#define ISSUER "idp-issuer-url: '%3$s/realm', idp-certificate-authority-data: %4$s, "

extern char dir[];
extern unsigned warnings;
extern char warning[512];

char *path_of(const char *name);
void put_file(const char *name, const char *text);
char *get_file(const char *name);
/* A token that says when it ends, and its number. Its payload has all that makes
 * base64url another thing than base64; its signature is the secret. */
char *jwt(int64_t lasts, int64_t life, int number);
char *fill(const struct fakeapi *api, const char *format, const char *id, const char *refresh);
void start(struct rig *rig, void **state, struct provider *provider);
kshim_client *open_client(struct rig *rig, kshim_config *config, kshim_error **error);
kshim_client *client_of(struct rig *rig, const char *name);
kshim_call *start_get(kshim_client *client, const char *pod, struct seen *seen);
void get(struct rig *rig, kshim_client *client, const char *pod, struct seen *seen);
size_t grants(const struct rig *rig);
/* The ID token that the last request carried. */
char *sent_token(const struct rig *rig);
void assert_left_nothing(void);
/* Starts with `format`, filled with an ID token that lasts so long. */
kshim_client *begin(struct rig *rig, void **state, struct provider *provider, const char *format, int64_t lasts);
int make_folder(void **state);
int remove_folder(void **state);

#endif
