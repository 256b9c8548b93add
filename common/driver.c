/*
 * driver: the table of node kinds and what works alike for all of them.
 * The kinds themselves are in driver_<kind>.c.
 */
#include <string.h>

#include "driver.h"
#include "xmalloc.h"

/* The order of GET /device-types. */
static const struct driver *const drivers[] = { &driver_edge, &driver_relay };

const struct driver *
driver_at(size_t i)
{
	return i < nitems(drivers) ? drivers[i] : NULL;
}

const struct driver *
driver_find(struct slice device_type)
{
	size_t i;

	for (i = 0; i < nitems(drivers); i++)
		if (slice_eq(device_type, drivers[i]->device_type))
			return drivers[i];
	return NULL;
}

const struct driver_command *
driver_command(const struct driver *d, struct slice name)
{
	size_t i;

	for (i = 0; i < d->ncommands; i++)
		if (slice_eq(name, d->commands[i].name))
			return &d->commands[i];
	return NULL;
}

/* ---- checking an action ---- */

#define DRIVER_FIELDS	8	/* of one command, and its type */
#define DRIVER_TEXT_MAX	256

struct action {
	struct json_state	unused;	/* so that no state is at offset 0 */
	struct json_state	state[DRIVER_FIELDS];
	union {
		struct slice	text;
		int64_t		number;
		bool		flag;
	}			value[DRIVER_FIELDS];
};

static enum json_type
json_type_of(enum driver_type t)
{
	switch (t) {
	case DRIVER_UUID:
		return JSON_UUID;
	case DRIVER_OBJECT:
		return JSON_OBJECT;
	case DRIVER_BOOL:
		return JSON_BOOL;
	case DRIVER_INT:
		return JSON_INT;
	case DRIVER__UNSET:
	case DRIVER_TEXT:
	case DRIVER_NUMBER:	/* not in commands */
	case DRIVER_ADDRESS:
	case DRIVER_TEXTS:
	case DRIVER_INTS:
	case DRIVER_GROUP:
		break;
	}
	return JSON_STRING;
}

static void
set_field(struct json_field *f, size_t i, const char *name,
    enum json_type type, bool required)
{
	*f = (struct json_field){ .name = name, .type = type,
	    .flags = required ? JSON_REQUIRED : 0,
	    .offset = offsetof(struct action, value) +
	    i * sizeof(((struct action *)0)->value[0]),
	    .state = offsetof(struct action, state) +
	    i * sizeof(struct json_state),
	    .min = INT64_MIN, .max = INT64_MAX };
}

static void
fault(struct json_faults *faults, const char *pointer, const char *detail)
{
	if (faults->n < JSON_FAULTS)
		faults->v[faults->n++] = (struct json_fault){ pointer,
		    detail };
}

/* Moves what json_decode() found under the prefix. */
static void
take_faults(struct arena *a, const char *prefix, const struct json_faults *in,
    struct json_faults *faults)
{
	size_t i;

	for (i = 0; i < in->n; i++)
		fault(faults, arena_printf(a, "%s%s", prefix,
		    in->v[i].pointer), in->v[i].detail);
}

/* Lengths of texts, which the schema cannot know. */
static void
check_lengths(struct arena *a, const struct driver_command *cmd,
    const struct action *act, const char *prefix, struct json_faults *faults)
{
	size_t i, max;

	for (i = 0; i < cmd->nfields; i++) {
		const struct driver_field *f = &cmd->fields[i];

		if (f->type != DRIVER_TEXT || !act->state[i].present)
			continue;
		max = f->max != 0 ? f->max : DRIVER_TEXT_MAX;
		if (act->value[i].text.n >= 1 && act->value[i].text.n <= max)
			continue;
		fault(faults, arena_printf(a, "%s/%s", prefix, f->name),
		    arena_printf(a, "must be 1 to %zu bytes", max));
	}
}

static enum err
check_fields(const struct driver_command *cmd, struct arena *a,
    struct slice text, const char *prefix, struct json_faults *faults)
{
	struct json_field fields[DRIVER_FIELDS];
	struct json_schema schema = { fields, cmd->nfields, true };
	struct json_faults found = { .n = 0 };
	struct action act;
	enum err err;
	size_t i;

	for (i = 0; i < cmd->nfields; i++)
		set_field(&fields[i], i, cmd->fields[i].name,
		    json_type_of(cmd->fields[i].type),
		    cmd->fields[i].required);
	memset(&act, 0, sizeof(act));
	err = json_decode(a, &schema, text.p, text.n, &act, &found);
	take_faults(a, prefix, &found, faults);
	check_lengths(a, cmd, &act, prefix, faults);
	return err == ERR_OK && faults->n > 0 ? ERR_INVALID : err;
}

enum err
driver_check(const struct driver *d, struct arena *a, struct slice text,
    enum role role, const char *prefix, struct json_faults *faults,
    const struct driver_command **cmd_r)
{
	struct json_field type;
	struct json_schema schema = { &type, 1, true };
	struct json_faults found = { .n = 0 };
	const struct driver_command *cmd;
	struct action act;
	enum err err;

	*cmd_r = NULL;
	faults->n = 0;
	set_field(&type, 0, "type", JSON_STRING, true);
	memset(&act, 0, sizeof(act));
	err = json_decode(a, &schema, text.p, text.n, &act, &found);
	if (err != ERR_OK) {
		take_faults(a, prefix, &found, faults);
		return err;
	}
	cmd = driver_command(d, act.value[0].text);
	if (cmd == NULL || cmd->internal) {
		fault(faults, arena_printf(a, "%s/type", prefix),
		    "is not a command of this device type");
		return ERR_INVALID;
	}
	if (role < cmd->role)
		return ERR_FORBIDDEN;
	*cmd_r = cmd;
	return check_fields(cmd, a, text, prefix, faults);
}

/* ---- parts of summarize ---- */

int
driver_u64(struct jscan *js, uint64_t *v_r)
{
	struct slice raw;

	if (jscan_skip(js, &raw) != 0)
		return -1;
	if (jscan_u64(raw, v_r) != 0)
		*v_r = 0;
	return 0;
}

int
driver_array(struct jscan *js, struct slice *text_r, uint64_t *count_r,
    int (*element)(struct jscan *, void *), void *arg)
{
	unsigned depth = js->depth;
	enum jscan_tok t = jscan_next(js);
	const char *start = js->text.p;
	uint64_t n;

	if (t != JSCAN_ARRAY)
		return t == JSCAN_BAD ? -1 : jscan_leave(js, depth);
	for (n = 0; (t = jscan_next(js)) != JSCAN_ARRAY_END; n++) {
		if (t == JSCAN_BAD)
			return -1;
		if (t == JSCAN_OBJECT && element(js, arg) != 0)
			return -1;
		if (t == JSCAN_ARRAY && jscan_leave(js, depth + 1) != 0)
			return -1;
	}
	*text_r = (struct slice){ start, (size_t)(js->p - start) };
	*count_r = n;
	return 0;
}

/* ---- what clients are shown ---- */

/* What stands between an array's brackets. */
static struct slice
inside(struct slice array)
{
	if (array.n < 2)
		return (struct slice){ NULL, 0 };
	array.p++;
	array.n -= 2;
	while (array.n > 0 && (unsigned char)array.p[0] <= ' ') {
		array.p++;
		array.n--;
	}
	return array;
}

void
driver_metrics_json(const struct driver *d, const uint64_t *metrics,
    const struct slice items[2], struct buf *out)
{
	struct slice part;
	struct json_w w;
	size_t i;

	json_w_init(&w, out);
	json_w_object(&w);
	json_w_key(&w, "metrics");
	json_w_array(&w);
	for (i = 0; i < d->nmetrics; i++) {
		json_w_array(&w);
		json_w_str(&w, d->metrics[i]);
		json_w_u64(&w, metrics[i]);
		json_w_end_array(&w);
	}
	json_w_end_array(&w);
	json_w_key(&w, "items");
	json_w_array(&w);
	for (i = 0; i < 2; i++) {
		/* Elements and their commas, as one piece. */
		part = inside(items[i]);
		if (part.n > 0)
			json_w_raw(&w, part);
	}
	json_w_end_array(&w);
	json_w_end_object(&w);
}

int
driver_items(const struct driver *d, struct slice stats,
    struct slice items_r[2])
{
	struct driver_summary sum;
	struct jscan js;

	items_r[0] = items_r[1] = (struct slice){ NULL, 0 };
	if (stats.p == NULL)
		return -1;
	jscan_init(&js, stats.p, stats.n);
	if (d->summarize(&js, &sum) != 0)
		return -1;
	memcpy(items_r, sum.items, sizeof(sum.items));
	return 0;
}

void
driver_types_json(struct buf *out)
{
	const struct driver_command *cmd;
	struct json_w w;
	size_t i, k;

	json_w_init(&w, out);
	json_w_object(&w);
	json_w_key(&w, "device_types");
	json_w_array(&w);
	for (i = 0; i < nitems(drivers); i++) {
		json_w_object(&w);
		json_w_key(&w, "device_type");
		json_w_str(&w, drivers[i]->device_type);
		json_w_key(&w, "display_name");
		json_w_str(&w, drivers[i]->display_name);
		json_w_key(&w, "supported_commands");
		json_w_array(&w);
		for (k = 0; k < drivers[i]->ncommands; k++) {
			cmd = &drivers[i]->commands[k];
			if (!cmd->listed)
				continue;
			json_w_object(&w);
			json_w_key(&w, "name");
			json_w_str(&w, cmd->name);
			json_w_key(&w, "description");
			json_w_str(&w, cmd->description);
			json_w_key(&w, "requires_role");
			json_w_str(&w, role_name(cmd->role));
			json_w_key(&w, "fields");
			driver_fields_json(cmd, &w);
			json_w_end_object(&w);
		}
		json_w_end_array(&w);
		if (drivers[i]->form != NULL) {
			json_w_key(&w, "config");
			driver_form_json(drivers[i]->form, &w);
		}
		json_w_end_object(&w);
	}
	json_w_end_array(&w);
	json_w_end_object(&w);
}
