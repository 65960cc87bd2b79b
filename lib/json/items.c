#include "json/items.h"

#include "alloc.h"
#include "buf.h"
#include "json/skip.h"
#include "json/walk.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define KEPT_MAX (1024u * 1024) /* of memory held from one item to the next */
#define PROBLEM_MAX 160

/* Where in the grammar the next byte stands. OPEN to NEXT are of an object's
 * members, be it the list (in_item false) or one of its items. */
enum place {
	START,        /* the list's opening brace is wanted */
	OPEN,         /* behind an opening brace */
	KEY,          /* behind a comma */
	IN_KEY,       /* inside a key's quotes */
	COLON,        /* behind a key */
	VALUE,        /* behind a colon */
	IN_STRING,    /* inside a value, by its kind */
	IN_CONTAINER,
	IN_SCALAR,
	NEXT,         /* behind a value */
	LIST_VALUE,   /* behind "items": */
	LIST_NULL,    /* inside its null */
	LIST_OPEN,    /* behind its opening bracket */
	LIST_ITEM,    /* behind a comma between items */
	LIST_NEXT,    /* behind an item */
	END           /* behind the list's closing brace */
};

struct kshim__items {
	kshim__item_sink *sink;
	void *user;
	enum kshim__items_state state;
	enum place place;
	bool in_item;
	bool seen;
	struct kshim__skip skip;
	struct kshim__skip_string string;
	unsigned int null_len; /* how much of "null" came */

	/* the chunk in hand; `before` counts the bytes of earlier ones */
	const char *data;
	size_t at;
	size_t len;
	uint64_t before;

	size_t item_from;       /* where the item's bytes begin in the chunk */
	struct kshim__buf kept; /* the item's bytes in earlier chunks */
	struct kshim__members members;

	struct kshim__buf head;   /* a whole object at all times, once begun */
	struct kshim__buf member; /* the list's member that is coming in, or an item's scalar */
	size_t member_value;      /* where in it the value begins */
	char problem[PROBLEM_MAX];
};

struct kshim__items *kshim__items_new(kshim__item_sink *sink, void *user)
{
	struct kshim__items *items = kshim__calloc(1, sizeof(*items));

	if (!items)
		return NULL;
	items->sink = sink;
	items->user = user;
	items->state = KSHIM__ITEMS_MORE;
	items->place = START;
	kshim__buf_init(&items->kept);
	kshim__buf_init(&items->head);
	kshim__buf_init(&items->member);
	return items;
}

void kshim__items_free(struct kshim__items *items)
{
	if (!items)
		return;
	kshim__buf_free(&items->kept);
	kshim__buf_free(&items->head);
	kshim__buf_free(&items->member);
	kshim__free(items);
}

static void no_memory(struct kshim__items *items)
{
	items->state = KSHIM__ITEMS_NOMEM;
}

/* `what` ends a sentence that begins with the place. */
static void malformed(struct kshim__items *items, const char *what)
{
	snprintf(items->problem, sizeof(items->problem), "byte %" PRIu64 " of the list %s", items->before + items->at,
		 what);
	items->state = KSHIM__ITEMS_MALFORMED;
}

/* The byte in hand is not what was wanted. */
static void unexpected(struct kshim__items *items, const char *wanted)
{
	unsigned char c = (unsigned char)items->data[items->at];
	char what[PROBLEM_MAX / 2];

	if (c > ' ' && c < 0x7f)
		snprintf(what, sizeof(what), "is '%c' where %s should be", c, wanted);
	else
		snprintf(what, sizeof(what), "is 0x%02x where %s should be", c, wanted);
	malformed(items, what);
}

/* Goes `n` bytes on; they are kept if they belong to a member of the list, or
 * to a scalar that is checked when it is whole. */
static void take(struct kshim__items *items, size_t n)
{
	const char *from = items->data + items->at;

	items->at += n;
	if (items->in_item && items->place != IN_SCALAR)
		return;
	if (items->head.len + items->member.len + n > KSHIM__HEAD_MAX)
		malformed(items, "is beyond what a list may have outside its items");
	else if (!kshim__buf_add(&items->member, from, n))
		no_memory(items);
}

/* Puts the member that came in at the head's end. */
static void add_to_head(struct kshim__items *items)
{
	items->head.data[--items->head.len] = '\0';
	if (items->head.len > 1)
		kshim__buf_addc(&items->head, ',');
	kshim__buf_add(&items->head, items->member.data, items->member.len);
	if (!kshim__buf_addc(&items->head, '}'))
		no_memory(items);
	kshim__buf_clear(&items->member);
}

static void list_done(struct kshim__items *items)
{
	items->at++;
	items->place = NEXT;
	kshim__buf_clear(&items->member);
	if (!kshim__buf_adds(&items->member, "\"items\":[]"))
		no_memory(items);
	else
		add_to_head(items);
}

static void value_done(struct kshim__items *items)
{
	bool scalar = items->place == IN_SCALAR;
	struct kshim__span value;

	items->place = NEXT;
	if (scalar) {
		value.at = items->member.data + items->member_value;
		value.len = items->member.len - items->member_value;
		if (!kshim__json_value(value.at, value.len, &value)) {
			malformed(items, "ends a value that is no JSON");
			return;
		}
	}
	if (!items->in_item)
		add_to_head(items);
}

static void begin_item(struct kshim__items *items)
{
	items->in_item = true;
	items->item_from = items->at++;
	items->members.count = 0;
	items->members.complete = true;
	items->place = OPEN;
}

/* Refuses an item that grew too large, given its bytes in this chunk. */
static bool fits(struct kshim__items *items, size_t here)
{
	if (here <= KSHIM__ITEM_MAX && items->kept.len <= KSHIM__ITEM_MAX - here)
		return true;
	malformed(items, "is in an item larger than 64 MiB");
	return false;
}

static void item_done(struct kshim__items *items)
{
	struct kshim__span head = {items->kept.data, items->kept.len}, tail;

	items->at++;
	items->in_item = false;
	items->place = LIST_NEXT;
	tail.at = items->data + items->item_from;
	tail.len = items->at - items->item_from;
	if (!fits(items, tail.len))
		return;
	if (!items->sink(items->user, head, tail, &items->members))
		no_memory(items);
	if (items->kept.cap > KEPT_MAX)
		kshim__buf_free(&items->kept);
	else
		items->kept.len = 0;
}

static void begin_key(struct kshim__items *items)
{
	struct kshim__members *members = &items->members;

	memset(&items->string, 0, sizeof(items->string));
	items->place = IN_KEY;
	if (items->in_item) {
		if (members->count < KSHIM__MEMBERS)
			members->key[members->count++] = (uint32_t)(items->kept.len + items->at - items->item_from);
		else
			members->complete = false;
	}
	take(items, 1);
}

static void close_object(struct kshim__items *items)
{
	if (items->in_item) {
		item_done(items);
		return;
	}
	items->at++;
	items->place = END;
	items->state = KSHIM__ITEMS_DONE;
}

static void colon(struct kshim__items *items)
{
	struct kshim__span key = {items->member.data, items->member.len};

	items->place = VALUE;
	if (items->in_item || !kshim__json_equals(key, "items")) {
		take(items, 1);
		items->member_value = items->member.len;
		return;
	}
	if (items->seen) {
		malformed(items, "begins a second \"items\"");
		return;
	}
	items->at++;
	items->seen = true;
	items->place = LIST_VALUE;
}

static void begin_value(struct kshim__items *items, char c)
{
	if (c == '"') {
		memset(&items->string, 0, sizeof(items->string));
		items->place = IN_STRING;
	} else if (c == '{' || c == '[') {
		kshim__skip_begin(&items->skip);
		items->place = IN_CONTAINER;
	} else if (c == '-' || (c >= '0' && c <= '9') || c == 't' || c == 'f' || c == 'n') {
		items->place = IN_SCALAR;
		if (items->in_item) {
			kshim__buf_clear(&items->member);
			items->member_value = 0;
		}
	} else {
		unexpected(items, "a value");
		return;
	}
	take(items, 1);
}

static void begin_list(struct kshim__items *items, char c)
{
	if (c == '[') {
		items->at++;
		items->place = LIST_OPEN;
	} else if (c == 'n') {
		items->null_len = 0;
		items->place = LIST_NULL;
	} else {
		unexpected(items, "the array of items");
	}
}

static void in_null(struct kshim__items *items, char c)
{
	if (c != "null"[items->null_len])
		unexpected(items, "the rest of null");
	else if (++items->null_len == 4)
		list_done(items);
	else
		items->at++;
}

static void in_string(struct kshim__items *items)
{
	take(items, kshim__skip_string(&items->string, items->data + items->at, items->len - items->at));
	if (!items->string.closed || items->state != KSHIM__ITEMS_MORE)
		return;
	if (items->place == IN_KEY)
		items->place = COLON;
	else
		value_done(items);
}

static void in_container(struct kshim__items *items)
{
	take(items, kshim__skip_run(&items->skip, items->data + items->at, items->len - items->at));
	if (items->state != KSHIM__ITEMS_MORE)
		return;
	if (items->skip.depth > KSHIM__JSON_DEPTH)
		malformed(items, "is nested too deep");
	else if (items->skip.depth == 0)
		value_done(items);
}

static bool is_scalar(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || c == '.' || c == '-' || c == '+' || c == 'E';
}

static void in_scalar(struct kshim__items *items)
{
	size_t n = 0;

	while (items->at + n < items->len && is_scalar(items->data[items->at + n]))
		n++;
	take(items, n);
	if (items->at < items->len && items->state == KSHIM__ITEMS_MORE)
		value_done(items);
}

/* Between the values: one byte that is no white space. */
static void between(struct kshim__items *items, char c)
{
	static const struct {
		const char *wanted;
		char go_on;
		char close;
	} table[] = {
		[START] = {"the list's '{'", '{', 0},
		[OPEN] = {"a key or '}'", '"', '}'},
		[KEY] = {"a key", '"', 0},
		[COLON] = {"':'", ':', 0},
		[NEXT] = {"',' or '}'", ',', '}'},
		[LIST_OPEN] = {"an item or ']'", '{', ']'},
		[LIST_ITEM] = {"an item", '{', 0},
		[LIST_NEXT] = {"',' or ']'", ',', ']'},
		[END] = {"nothing", 0, 0},
	};
	enum place place = items->place;

	if (c == '\0' || (c != table[place].go_on && c != table[place].close)) {
		unexpected(items, table[place].wanted);
	} else if (c == '}') {
		close_object(items);
	} else if (c == ']') {
		list_done(items);
	} else if (c == '"') {
		begin_key(items);
	} else if (c == ':') {
		colon(items);
	} else if (c == ',') {
		items->at++;
		items->place = place == NEXT ? KEY : LIST_ITEM;
	} else if (place == START) {
		items->at++;
		items->place = OPEN;
		if (!kshim__buf_adds(&items->head, "{}"))
			no_memory(items);
	} else {
		begin_item(items);
	}
}

static void step(struct kshim__items *items)
{
	char c;

	switch (items->place) {
	case IN_KEY:
	case IN_STRING:
		in_string(items);
		return;
	case IN_CONTAINER:
		in_container(items);
		return;
	case IN_SCALAR:
		in_scalar(items);
		return;
	default:
		break;
	}
	c = items->data[items->at];
	if (items->place == LIST_NULL)
		in_null(items, c);
	else if (kshim__walk_is_space(c))
		items->at++;
	else if (items->place == VALUE)
		begin_value(items, c);
	else if (items->place == LIST_VALUE)
		begin_list(items, c);
	else
		between(items, c);
}

enum kshim__items_state kshim__items_feed(struct kshim__items *items, const char *data, size_t len)
{

	if (items->state > KSHIM__ITEMS_DONE || len == 0)
		return items->state;
	items->data = data;
	items->at = 0;
	items->len = len;
	items->item_from = 0;
	while (items->at < len && items->state <= KSHIM__ITEMS_DONE)
		step(items);
	if (items->in_item && items->state == KSHIM__ITEMS_MORE && fits(items, len - items->item_from) &&
	    !kshim__buf_add(&items->kept, data + items->item_from, len - items->item_from))
		no_memory(items);
	items->before += len;
	items->data = NULL;
	return items->state;
}

enum kshim__items_state kshim__items_state(const struct kshim__items *items)
{
	return items->state;
}

struct kshim__span kshim__items_head(const struct kshim__items *items)
{
	struct kshim__span head = {items->head.data, items->head.len};

	return head;
}

bool kshim__items_seen(const struct kshim__items *items)
{
	return items->seen;
}

const char *kshim__items_problem(const struct kshim__items *items)
{
	return items->state == KSHIM__ITEMS_MALFORMED ? items->problem : NULL;
}
