#include "config/gcp.h"

#include "alloc.h"
#include "config/files.h"
#include "error.h"
#include "json/tree.h"
#include "process.h"
#include "yaml_doc.h"

#include <string.h>
#include <time.h>
#include <unistd.h>

#define OUTPUT_MAX (1u << 20)
#define TIMEOUT_MS 60000
#define ARGS_MAX 256
#define EXPIRY_LEEWAY_S 10

struct gcp {
	char **argv; /* NULL: there is no command */
	char *what;  /* "the command …", for messages */
	char *token_key;
	char *expiry_key;
	char *token; /* of the file, or NULL: the first that a client uses */
	int64_t expires_at;
};

struct run {
	struct kshim__process process;
	struct kshim__credential *credential;
	struct kshim__task begin; /* there is a token already */
	bool started;
};

static void free_gcp(void *data)
{
	struct gcp *gcp = data;
	char **arg;

	if (!gcp)
		return;
	for (arg = gcp->argv; arg && *arg; arg++)
		kshim__free_secret_string(*arg);
	kshim__free(gcp->argv);
	kshim__free(gcp->what);
	kshim__free(gcp->token_key);
	kshim__free(gcp->expiry_key);
	kshim__free_secret_string(gcp->token);
	kshim__free(gcp);
}

/* The next word as a shell takes it: quotes and backslashes, nothing else. 1, 0
 * at the end, -1 for a quote that does not end. */
static int next_word(const char **at, struct kshim__buf *word)
{
	char quote = '\0';
	const char *c = *at + strspn(*at, " \t\r\n");

	kshim__buf_clear(word);
	kshim__buf_adds(word, "");
	if (!*c)
		return 0;
	for (; *c && (quote || !strchr(" \t\r\n", *c)); c++) {
		if (quote && *c == quote) {
			quote = '\0';
		} else if (!quote && (*c == '"' || *c == '\'')) {
			quote = *c;
		} else {
			if (*c == '\\' && quote != '\'' && c[1] && (!quote || c[1] == '"' || c[1] == '\\'))
				c++;
			kshim__buf_addc(word, *c);
		}
	}
	*at = c;
	return quote ? -1 : 1;
}

/* false: no memory, or *problem. */
static bool add_words(struct gcp *gcp, size_t *count, const char *text, const char **problem)
{
	struct kshim__buf word;
	int rc = 1;

	kshim__buf_init(&word);
	while (!*problem && (rc = next_word(&text, &word)) > 0) {
		if (*count == ARGS_MAX)
			*problem = "too many arguments";
		else if (word.failed || !(gcp->argv[*count] = kshim__memdup(word.data, word.len)))
			break;
		else
			++*count;
	}
	if (rc < 0)
		*problem = "a quote does not end";
	kshim__buf_free(&word);
	return rc == 0;
}

static const char *text_of(const json_t *config, const char *key)
{
	const char *text = json_string_value(json_object_get(config, key));

	return text && *text ? text : NULL;
}

static bool parse_command(struct gcp *gcp, const struct kshim__entry *user, const json_t *config, kshim_error **error)
{
	const char *path = text_of(config, "cmd-path"), *args = text_of(config, "cmd-args"), *problem = NULL;
	struct kshim__buf what;
	size_t count = 0;
	bool ok;

	if (!path)
		return true;
	gcp->argv = kshim__calloc(ARGS_MAX + 1, sizeof(*gcp->argv));
	if (!gcp->argv)
		return false;
	/* without cmd-args, cmd-path holds them too (client-go's tokenSource()) */
	if (json_object_get(config, "cmd-args"))
		ok = (gcp->argv[count++] = kshim__strdup(path)) && (!args || add_words(gcp, &count, args, &problem));
	else
		ok = add_words(gcp, &count, path, &problem);
	if (problem || (ok && !count))
		return kshim__entry_fail(user, "auth-provider", KSHIM_ECONFIG, error, "cmd-path and cmd-args: %s",
					 problem ? problem : "there is no command");
	kshim__buf_init(&what);
	kshim__buf_addf(&what, "the command %s", ok ? gcp->argv[0] : "");
	gcp->what = kshim__buf_take(&what, NULL);
	return ok && gcp->what;
}

/* "{.credential.access_token}": names behind dots is all that is understood. */
static bool template_ok(const char *text)
{
	size_t len = strlen(text);

	return len > 3 && text[0] == '{' && text[1] == '.' && text[len - 1] == '}' &&
	       strcspn(text, "[]()*?@'\"\\ ") == len && !strstr(text, "..") && text[len - 2] != '.' &&
	       !strchr(text + 1, '{') && strchr(text, '}') == text + len - 1;
}

static bool parse_template(const struct kshim__entry *user, const json_t *config, const char *key, const char *usual,
			   char **to, kshim_error **error)
{
	const char *text = text_of(config, key);

	if (text && !template_ok(text))
		return kshim__entry_fail(user, "auth-provider", KSHIM_ECONFIG, error,
					 "%s is no template as \"{.a.b}\", the only kind that is supported", key);
	*to = kshim__strdup(text ? text : usual);
	return *to != NULL;
}

static bool header_safe(const char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text <= ' ' || *text == 0x7f)
			return false;
	return true;
}

void *kshim__gcp_parse(const struct kshim__entry *user, kshim_error **error)
{
	const json_t *config = json_object_get(kshim__entry_get(user, "auth-provider"), "config");
	const char *token = text_of(config, "access-token"), *expiry = text_of(config, "expiry");
	struct gcp *gcp = kshim__calloc(1, sizeof(*gcp));
	kshim_error *why = NULL;

	if (!gcp)
		return kshim__fail(error, KSHIM_ENOMEM, "out of memory");
	if (parse_command(gcp, user, config, &why) &&
	    parse_template(user, config, "token-key", "{.access_token}", &gcp->token_key, &why) &&
	    parse_template(user, config, "expiry-key", "{.token_expiry}", &gcp->expiry_key, &why)) {
		gcp->expires_at = expiry ? kshim__parse_time(expiry) : 0;
		/* one of no known age is used where no command gives another */
		if (gcp->expires_at <= 0)
			gcp->expires_at = gcp->argv ? 1 : 0;
		if (!token)
			return gcp;
		gcp->token = header_safe(token) ? kshim__strdup(token) : NULL;
		if (gcp->token)
			return gcp;
		if (!header_safe(token))
			kshim__entry_fail(user, "auth-provider", KSHIM_ECONFIG, &why,
					  "access-token holds a space or a control character");
	}
	free_gcp(gcp);
	if (why && error)
		*error = why;
	else
		kshim_error_free(why);
	return why ? NULL : kshim__fail(error, KSHIM_ENOMEM, "out of memory");
}

/* What a template leads to in the command's output; NULL if nothing, or no text. */
static const char *find(const json_t *from, const char *template)
{
	char name[256];

	template++;
	while (from && *template == '.') {
		size_t len = strcspn(++template, ".}");

		if (len >= sizeof(name))
			return NULL;
		memcpy(name, template, len);
		name[len] = '\0';
		from = json_object_get(from, name);
		template += len;
	}
	return json_string_value(from);
}

static void take_output(struct kshim__credential *credential, const struct gcp *gcp, const json_t *output)
{
	const char *token = find(output, gcp->token_key), *expiry = find(output, gcp->expiry_key), *problem = NULL;
	int64_t expires_at = expiry ? kshim__parse_time(expiry) : 0;
	char *copy;

	if (!token || !*token)
		problem = "holds nothing where token-key points";
	else if (!header_safe(token))
		problem = "holds a token with a space or a control character in it";
	if (problem) {
		kshim__credential_failed(credential,
					 kshim__error_new(KSHIM_ECONFIG, "what %s printed %s", gcp->what, problem));
		return;
	}
	copy = kshim__strdup(token);
	if (copy)
		kshim__credential_got(credential, copy, NULL, NULL, expires_at > 0 ? expires_at : 0, 0);
	else
		kshim__credential_failed(credential, kshim__error_new(KSHIM_ENOMEM, "out of memory"));
}

static void ended(struct kshim__process *process)
{
	struct run *run = KSHIM__OWNER(process, struct run, process);
	struct kshim__credential *credential = run->credential;
	const struct gcp *gcp = credential->access->credential->data;
	kshim_error *error = kshim__process_problem(process, gcp->what);
	struct kshim__yaml_doc *docs = NULL;
	size_t count = 0, i;

	if (error) {
		kshim__credential_failed(credential, error);
		return;
	}
	if (kshim__yaml_read(process->out.data ? process->out.data : "", process->out.len, "output", KSHIM_ECONFIG, 0,
			     &docs, &count, &error) < 0 || count != 1) {
		/* the error of the reader may quote what must stay secret */
		kshim_error_free(error);
		kshim__credential_failed(credential,
					 kshim__error_new(KSHIM_ECONFIG, "what %s printed is no JSON or YAML document",
							  gcp->what));
	} else {
		take_output(credential, gcp, docs[0].value);
	}
	for (i = 0; i < count; i++)
		kshim__json_cleanse(docs[i].value);
	kshim__yaml_free(docs, count);
}

static void use_token(struct kshim__task *task)
{
	struct run *run = KSHIM__OWNER(task, struct run, begin);
	const struct gcp *gcp = run->credential->access->credential->data;
	char *token = kshim__strdup(gcp->token);

	if (token)
		kshim__credential_got(run->credential, token, NULL, NULL, gcp->expires_at, 0);
	else
		kshim__credential_failed(run->credential, kshim__error_new(KSHIM_ENOMEM, "out of memory"));
}

static void *fetch(struct kshim__credential *credential, kshim_error **error)
{
	struct gcp *gcp = credential->access->credential->data;
	bool fresh = gcp->token && !credential->fetches &&
		     (!gcp->expires_at || time(NULL) < gcp->expires_at - EXPIRY_LEEWAY_S);
	struct run *run;

	if (!fresh && !gcp->argv)
		return kshim__fail(error, KSHIM_ECONFIG,
				   "the access-token of the auth provider gcp %s, and there is no cmd-path that gives "
				   "another; gke-gcloud-auth-plugin (an exec plugin) does",
				   gcp->token ? "has expired" : "is missing");
	run = kshim__calloc(1, sizeof(*run));
	if (!run)
		return NULL;
	run->credential = credential;
	kshim__task_init(&run->begin, use_token);
	if (fresh) {
		kshim__task_queue(credential->loop, &run->begin);
		return run;
	}
	run->started = kshim__process_start(&run->process, credential->loop, gcp->argv, environ, OUTPUT_MAX, TIMEOUT_MS,
					    ended, error);
	if (run->started)
		return run;
	if (*error)
		kshim__error_prefix(*error, "%s cannot be run", gcp->what);
	kshim__free(run);
	return NULL;
}

static void stop(void *state)
{
	struct run *run = state;

	kshim__task_remove(&run->begin);
	if (run->started)
		kshim__process_stop(&run->process);
	kshim__free(run);
}

static bool renewable(const void *data)
{
	return ((const struct gcp *)data)->argv != NULL;
}

const struct kshim__credential_way kshim__gcp_way = {"gcp", fetch, stop, free_gcp, renewable};
