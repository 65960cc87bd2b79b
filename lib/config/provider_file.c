#include "config/provider_file.h"

#include "alloc.h"
#include "config/files.h"
#include "json/tree.h"
#include "yaml_doc.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <yaml.h>

/* One change of the text: `len` bytes at `at` become `put`. */
struct edit {
	size_t at;
	size_t len;
	struct kshim__buf put;
};

struct token {
	const char *key;
	const char *value;
};

void kshim__provider_file_free(struct kshim__provider_file *file)
{
	kshim__free(file->path);
	kshim__free(file->user);
	kshim__free(file->issuer);
	kshim__free(file->client_id);
	memset(file, 0, sizeof(*file));
}

/* Reading. */

static bool is_text(const json_t *value, const char *text)
{
	return json_is_string(value) && strcmp(json_string_value(value), text) == 0;
}

static json_t *find_config(const json_t *root, const struct kshim__provider_file *file)
{
	json_t *users = json_object_get(root, "users"), *user, *config;
	size_t i;

	json_array_foreach(users, i, user) {
		if (!is_text(json_object_get(user, "name"), file->user))
			continue;
		config = json_object_get(json_object_get(json_object_get(user, "user"), "auth-provider"), "config");
		if (is_text(json_object_get(config, "idp-issuer-url"), file->issuer) &&
		    is_text(json_object_get(config, "client-id"), file->client_id))
			return config;
		return NULL;
	}
	return NULL;
}

/* The document of a text that is one, else NULL. */
static json_t *parse(const char *text, size_t len)
{
	struct kshim__yaml_doc *docs = NULL;
	json_t *value = NULL;
	size_t count = 0, i;

	if (kshim__yaml_read(text, len, "kubeconfig", KSHIM_ECONFIG, 0, &docs, &count, NULL) < 0)
		return NULL;
	if (count == 1)
		value = json_incref(docs[0].value);
	for (i = 1; i < count; i++)
		kshim__json_cleanse(docs[i].value);
	kshim__yaml_free(docs, count);
	return value;
}

static char *copy(const json_t *config, const char *key)
{
	const char *text = json_string_value(json_object_get(config, key));

	return text && *text ? kshim__strdup(text) : NULL;
}

void kshim__provider_file_read(const struct kshim__provider_file *file, char **id_token, char **refresh_token)
{
	struct kshim__blob text;
	json_t *root, *config;

	*id_token = *refresh_token = NULL;
	if (!file->path || kshim__file_read(file->path, KSHIM__KUBECONFIG_MAX, &text))
		return;
	root = parse(text.data, text.len);
	config = find_config(root, file);
	*id_token = copy(config, "id-token");
	*refresh_token = copy(config, "refresh-token");
	kshim__json_drop_secret(root);
	kshim__blob_free(&text);
}

/* Finding the places in the text. */

static yaml_node_t *member(yaml_document_t *doc, yaml_node_t *map, const char *key)
{
	yaml_node_pair_t *pair;

	if (!map || map->type != YAML_MAPPING_NODE)
		return NULL;
	for (pair = map->data.mapping.pairs.start; pair < map->data.mapping.pairs.top; pair++) {
		yaml_node_t *name = yaml_document_get_node(doc, pair->key);

		if (name && name->type == YAML_SCALAR_NODE && strcmp((char *)name->data.scalar.value, key) == 0)
			return yaml_document_get_node(doc, pair->value);
	}
	return NULL;
}

static bool is_scalar(const yaml_node_t *node, const char *text)
{
	return node && node->type == YAML_SCALAR_NODE && strcmp((char *)node->data.scalar.value, text) == 0;
}

static yaml_node_t *find_node(yaml_document_t *doc, const char *user)
{
	yaml_node_t *users = member(doc, yaml_document_get_root_node(doc), "users"), *item;
	yaml_node_item_t *at;

	if (!users || users->type != YAML_SEQUENCE_NODE)
		return NULL;
	for (at = users->data.sequence.items.start; at < users->data.sequence.items.top; at++) {
		item = yaml_document_get_node(doc, *at);
		if (is_scalar(member(doc, item, "name"), user))
			return member(doc, member(doc, member(doc, item, "user"), "auth-provider"), "config");
	}
	return NULL;
}

/* libyaml counts characters. */
static size_t byte_of(const struct kshim__blob *text, size_t index)
{
	size_t at = text->len >= 3 && memcmp(text->data, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;

	for (; at < text->len; at++)
		if (((unsigned char)text->data[at] & 0xc0) != 0x80 && !index--)
			break;
	return at;
}

static bool make_edit(const struct kshim__blob *text, yaml_document_t *doc, yaml_node_t *config,
		      const struct token *token, struct edit *edit)
{
	yaml_node_t *value = member(doc, config, token->key), *first;
	yaml_scalar_style_t style;
	size_t column;
	bool flow;

	if (value) {
		style = value->data.scalar.style;
		if (value->type != YAML_SCALAR_NODE || style == YAML_LITERAL_SCALAR_STYLE ||
		    style == YAML_FOLDED_SCALAR_STYLE)
			return false;
		edit->at = byte_of(text, value->start_mark.index);
		edit->len = byte_of(text, value->end_mark.index) - edit->at;
		return kshim__buf_add_json_string(&edit->put, token->value, strlen(token->value));
	}
	/* a new first member */
	if (config->data.mapping.pairs.start == config->data.mapping.pairs.top)
		return false;
	first = yaml_document_get_node(doc, config->data.mapping.pairs.start->key);
	edit->at = byte_of(text, first->start_mark.index);
	flow = config->data.mapping.style == YAML_FLOW_MAPPING_STYLE;
	kshim__buf_addf(&edit->put, flow ? "\"%s\": " : "%s: ", token->key);
	kshim__buf_add_json_string(&edit->put, token->value, strlen(token->value));
	if (flow)
		return kshim__buf_adds(&edit->put, ", ");
	kshim__buf_addc(&edit->put, '\n');
	for (column = first->start_mark.column; column; column--)
		kshim__buf_addc(&edit->put, ' ');
	return !edit->put.failed;
}

static bool find_edits(const struct kshim__blob *text, const char *user, const struct token tokens[2],
		       struct edit edits[2])
{
	yaml_parser_t parser;
	yaml_document_t doc;
	yaml_node_t *config;
	bool ok = false;

	if (!yaml_parser_initialize(&parser))
		return false;
	yaml_parser_set_input_string(&parser, (const unsigned char *)text->data, text->len);
	if (yaml_parser_load(&parser, &doc)) {
		config = find_node(&doc, user);
		ok = config && config->type == YAML_MAPPING_NODE &&
		     make_edit(text, &doc, config, &tokens[0], &edits[0]) &&
		     make_edit(text, &doc, config, &tokens[1], &edits[1]);
		yaml_document_delete(&doc);
	}
	yaml_parser_delete(&parser);
	return ok;
}

/* The text with both edits, the one behind first. */
static bool apply(const struct kshim__blob *text, struct edit edits[2], struct kshim__buf *out)
{
	const struct edit *a = &edits[0], *b = &edits[1];

	if (b->at < a->at) {
		a = &edits[1];
		b = &edits[0];
	}
	if (a->at + a->len > b->at || b->at + b->len > text->len)
		return false;
	/* at once, so that no copy of it stays behind */
	if (!kshim__buf_reserve(out, text->len + a->put.len + b->put.len))
		return false;
	kshim__buf_add(out, text->data, a->at);
	kshim__buf_add(out, a->put.data, a->put.len);
	kshim__buf_add(out, text->data + a->at + a->len, b->at - a->at - a->len);
	kshim__buf_add(out, b->put.data, b->put.len);
	kshim__buf_add(out, text->data + b->at + b->len, text->len - b->at - b->len);
	return !out->failed;
}

static bool put_token(json_t *config, const struct token *token)
{
	kshim__json_cleanse(json_object_get(config, token->key)); /* what it takes the place of */
	return json_object_set_new(config, token->key, json_string(token->value)) == 0;
}

/* What the new text must say: what the old one says, but for the two. Nothing
 * else is trusted: aliases, odd quotes, whatever a file may hold. */
static bool says_the_same(const struct kshim__blob *old_text, const struct kshim__buf *new_text,
			  const struct kshim__provider_file *file, const struct token tokens[2])
{
	json_t *read = parse(old_text->data, old_text->len), *new = parse(new_text->data, new_text->len);
	json_t *old = json_deep_copy(read), *config = find_config(old, file);
	bool ok = config && new && put_token(config, &tokens[0]) && put_token(config, &tokens[1]) && json_equal(old, new);

	kshim__json_drop_secret(read);
	kshim__json_drop_secret(old);
	kshim__json_drop_secret(new);
	return ok;
}

/* Writing. */

static int write_all(int fd, const char *text, size_t len)
{
	ssize_t done;

	for (; len; text += done, len -= (size_t)done) {
		done = write(fd, text, len);
		if (done < 0 && errno != EINTR)
			return errno;
		if (done < 0)
			done = 0;
	}
	return fsync(fd) == 0 ? 0 : errno;
}

static int like_the_old(int fd, const struct stat *st)
{
	if ((st->st_uid != geteuid() || st->st_gid != getegid()) && fchown(fd, st->st_uid, st->st_gid) != 0)
		return errno;
	return fchmod(fd, st->st_mode & 07777) == 0 ? 0 : errno;
}

/* Through a file beside it: at every moment one of both is there, whole. */
static int exchange(const char *path, const struct kshim__buf *text)
{
	char *real = realpath(path, NULL), *name; /* a link stays a link */
	struct kshim__buf temp;
	struct stat st;
	int fd, what;

	if (!real)
		return errno;
	kshim__buf_init(&temp);
	name = strrchr(real, '/') + 1;
	kshim__buf_addf(&temp, "%.*s.%s.XXXXXX", (int)(name - real), real, name);
	what = temp.failed ? ENOMEM : stat(real, &st) != 0 ? errno : 0;
	fd = what ? -1 : mkostemp(temp.data, O_CLOEXEC);
	if (fd >= 0) {
		what = like_the_old(fd, &st);
		if (!what)
			what = write_all(fd, text->data, text->len);
		close(fd);
		if (!what && rename(temp.data, real) != 0)
			what = errno;
		if (what)
			unlink(temp.data);
	} else if (!what) {
		what = errno;
	}
	kshim__buf_free(&temp);
	free(real);
	return what;
}

static int write_locked(const struct kshim__provider_file *file, const struct token tokens[2], struct kshim__buf *why)
{
	struct edit edits[2] = {{0}};
	struct kshim__buf out;
	struct kshim__blob text;
	int what = kshim__file_read(file->path, KSHIM__KUBECONFIG_MAX, &text);
	bool safe;

	if (what) {
		kshim__buf_adds(why, strerror(what));
		return -1;
	}
	kshim__buf_init(&out);
	safe = find_edits(&text, file->user, tokens, edits) && apply(&text, edits, &out) &&
	       says_the_same(&text, &out, file, tokens);
	if (!safe)
		kshim__buf_adds(why, "its text cannot be changed safely");
	else if ((what = exchange(file->path, &out)))
		kshim__buf_adds(why, strerror(what));
	kshim__buf_free_secret(&out);
	kshim__buf_free_secret(&edits[0].put);
	kshim__buf_free_secret(&edits[1].put);
	kshim__blob_free(&text);
	return safe && !what ? 1 : -1;
}

int kshim__provider_file_write(const struct kshim__provider_file *file, const char *id_token, const char *refresh_token,
			       struct kshim__buf *why)
{
	const struct token tokens[2] = {{"id-token", id_token}, {"refresh-token", refresh_token}};
	struct kshim__buf lock;
	int fd, result = -1;

	kshim__buf_init(&lock);
	if (!kshim__buf_addf(&lock, "%s.lock", file->path)) {
		kshim__buf_adds(why, "out of memory");
		return -1;
	}
	fd = open(lock.data, O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd >= 0) {
		close(fd);
		result = write_locked(file, tokens, why);
		unlink(lock.data);
	} else if (errno == EEXIST) {
		result = 0;
	} else {
		kshim__buf_addf(why, "%s: %s", lock.data, strerror(errno));
	}
	kshim__buf_free(&lock);
	return result;
}
