/* Exec credential plugins for the tests: small shell scripts in a folder of the test's own. Whoever uses it links with
 * -Wl,--wrap=syscall. */
#ifndef PLUGIN_H
#define PLUGIN_H

#include "../testutil.h"

#include <sys/types.h>

#define V1 "client.authentication.k8s.io/v1"
#define V1BETA1 "client.authentication.k8s.io/v1beta1"

#define CREDENTIAL(version, status) \
	"echo '{\"kind\":\"ExecCredential\",\"apiVersion\":\"" version "\",\"spec\":{},\"status\":{" status "}}'"
#define TOKEN "\"token\":\"" SECRET "-1\""

#define EXEC_V1 "\"apiVersion\":\"" V1 "\",\"interactiveMode\":\"Never\""
#define EXEC_V1BETA1 "\"apiVersion\":\"" V1BETA1 "\""

extern char dir[];
extern bool no_pidfd; /* as if the kernel had none */

char *path_of(const char *name);
void put_file(const char *name, const char *text, mode_t mode);
void get_file(const char *name, char *text, size_t room);
/* The plugin: a script that notes its runs. */
void put_plugin(const char *body);
unsigned runs(void);
pid_t last_pid(void);
bool has_run(void *user);
/* A credential with PEM in it, for the script to print. */
void put_credential(const char *version, const char *token, const char *cert, const char *key);
void start(struct rig *rig, void **state, const char *accepted, enum fakeapi_client_cert client_cert,
		  const char *exec);
void get(struct rig *rig, struct seen *seen);
void all_get(struct rig *rig, struct seen *seen, size_t count);
double wall_ms(void);
int make_folder(void **state);
int remove_folder(void **state);

#endif
