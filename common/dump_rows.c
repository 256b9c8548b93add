/* dump_rows: the rules of each member of a row, as field tables. */
#include <stddef.h>
#include <string.h>

#include "arena.h"
#include "driver.h"
#include "dump_int.h"
#include "json.h"
#include "jscan.h"
#include "valid.h"
#include "xmalloc.h"

/* Only looked at, never used: every value lands in the same places. */
struct row {
	struct slice		s;
	int64_t			i;
	double			d;
	bool			b;
};

static const char *const roles[] = { "viewer", "operator", "admin",
    "super_admin", NULL };
static const char *const statuses[] = { "pending", "online", "offline",
    "degraded", "error", NULL };
static const char *const severities[] = { "info", "warning", "critical",
    NULL };
static const char *const protocols[] = { "tcp", "udp", NULL };
static const char *const modes[] = { "relay", "direct", NULL };
static const char *const tunnel_statuses[] = { "pending", "active", "error",
    "disabled", NULL };
static const char *const views[] = { "graph", "flow", NULL };
static const char *const sources[] = { "reported", "pushed", "restored",
    "adopted", NULL };

static const char *
limited(struct slice s, size_t max, const char *rule)
{
	return s.n <= max && valid_utf8(s.p, s.n) ? NULL : rule;
}

static const char *
short_text(struct slice s)
{
	return limited(s, 256, "must be at most 256 bytes, none of them NUL");
}

static const char *
long_text(struct slice s)
{
	return limited(s, 51200,
	    "must be at most 51200 bytes, none of them NUL");
}

static const char *
event_text(struct slice s)
{
	return limited(s, 1048576,
	    "must be at most 1 MiB, none of it NUL");
}

static const char *
device_type(struct slice s)
{
	return driver_find(s) != NULL ? NULL :
	    "must be one of the types of /api/v1/device-types";
}

static const char *
hexadecimal(struct slice s)
{
	size_t i;

	for (i = 0; i < s.n; i++)
		if (!((s.p[i] >= '0' && s.p[i] <= '9') ||
		    (s.p[i] >= 'a' && s.p[i] <= 'f')))
			break;
	return i == s.n && s.n % 2 == 0 ? NULL : "must be hexadecimal";
}

static const char *
hash_text(struct slice s)
{
	return s.n == 2 * SECRET_HASH && hexadecimal(s) == NULL ? NULL :
	    "must be 64 hexadecimal digits";
}

static const char *
phc(struct slice s)
{
	return s.n < SECRET_PWHASH && valid_utf8(s.p, s.n) &&
	    (slice_eq(s, "!") || (s.n > 10 &&
	    memcmp(s.p, "$argon2id$", 10) == 0)) ? NULL :
	    "must be an Argon2id hash";
}

#define STR(n, fl, fn) { .name = n, .type = JSON_STRING, .flags = fl, \
	.offset = offsetof(struct row, s), .valid = fn }
#define UUID(n, fl) { .name = n, .type = JSON_UUID, .flags = fl, \
	.offset = offsetof(struct row, s) }
#define ONE(n, fl, l) { .name = n, .type = JSON_ENUM, .flags = fl, \
	.offset = offsetof(struct row, s), .names = l }
#define TIME(n, fl) { .name = n, .type = JSON_TIME, .flags = fl, \
	.offset = offsetof(struct row, i) }
#define INT(n, fl, lo, hi) { .name = n, .type = JSON_INT, .flags = fl, \
	.offset = offsetof(struct row, i), .min = lo, .max = hi }
#define BOOL(n, fl) { .name = n, .type = JSON_BOOL, .flags = fl, \
	.offset = offsetof(struct row, b) }
#define NUM(n, fl) { .name = n, .type = JSON_DOUBLE, .flags = fl, \
	.offset = offsetof(struct row, d) }
#define ANY(n, fl, t) { .name = n, .type = t, .flags = fl, \
	.offset = offsetof(struct row, s) }
#define MUST JSON_REQUIRED
#define NUL JSON_NULLABLE

static const struct json_field users[] = {
	UUID("id", MUST), STR("username", MUST, valid_username),
	STR("display_name", MUST, valid_name), STR("email", NUL, valid_email),
	ONE("role", MUST, roles), BOOL("is_temporary", 0),
	BOOL("is_active", 0), TIME("expires_at", NUL),
	TIME("created_at", NUL), TIME("last_login_at", NUL),
	ANY("allowed_node_ids", NUL, JSON_UUIDS),
};
static const struct json_field nodes[] = {
	UUID("id", MUST), STR("name", MUST, valid_name),
	STR("description", NUL, valid_description),
	STR("device_type", MUST, device_type), ONE("status", NUL, statuses),
	STR("software_version", NUL, short_text),
	ANY("metadata", NUL, JSON_ANY), TIME("expires_at", NUL),
	TIME("created_at", NUL), TIME("last_seen_at", NUL),
};
static const struct json_field tunnels[] = {
	UUID("id", MUST), STR("name", MUST, valid_name),
	ONE("protocol", MUST, protocols), ONE("mode", MUST, modes),
	UUID("ingress_node_id", MUST),
	INT("ingress_listen_port", MUST, 1, 65535),
	UUID("egress_node_id", MUST),
	STR("egress_forward_addr", MUST, short_text),
	STR("egress_peer_addr", NUL, short_text),
	STR("relay_addr", NUL, short_text), UUID("relay_node_id", NUL),
	ONE("status", NUL, tunnel_statuses), TIME("created_at", NUL),
};
static const struct json_field preferences[] = {
	UUID("user_id", MUST), STR("key", MUST, short_text),
	STR("value", MUST, long_text),
};
static const struct json_field positions[] = {
	UUID("user_id", MUST), ONE("view", MUST, views),
	UUID("node_id", MUST), NUM("x", MUST), NUM("y", MUST),
};
static const struct json_field config_versions[] = {
	UUID("node_id", MUST), STR("hash", MUST, hash_text),
	ONE("source", MUST, sources), UUID("actor_user", NUL),
	TIME("first_seen_at", MUST), TIME("last_seen_at", MUST),
};
static const struct json_field node_configs[] = {
	UUID("node_id", MUST), STR("reported", NUL, hash_text),
	TIME("reported_at", NUL), STR("desired", NUL, hash_text),
	TIME("desired_at", NUL), STR("drift_ignored", NUL, hexadecimal),
};
static const struct json_field events[] = {
	INT("id", MUST, 1, INT64_MAX / 2), UUID("node_id", MUST),
	STR("node_name", NUL, short_text),
	ONE("severity", MUST, severities),
	STR("severity_raw", NUL, short_text),
	STR("category", MUST, short_text), STR("message", MUST, event_text),
	ANY("details", NUL, JSON_ANY), STR("flow_id", NUL, short_text),
	TIME("created_at", MUST), BOOL("acknowledged", NUL),
	UUID("acknowledged_by", NUL), TIME("acknowledged_at", NUL),
	STR("ack_name", NUL, short_text), STR("ack_note", NUL, long_text),
};
static const struct json_field audit[] = {
	INT("id", MUST, 0, INT64_MAX), STR("action", MUST, short_text),
};
static const struct json_field x_users[] = {
	UUID("id", MUST), STR("password_hash", MUST, phc),
	STR("secret", NUL, hexadecimal),
	INT("totp_last_step", NUL, 0, INT64_MAX),
};
static const struct json_field x_node_secrets[] = {
	UUID("id", MUST), STR("secret_hash", MUST, hash_text),
};
static const struct json_field x_configs[] = {
	STR("hash", MUST, hash_text), STR("secret", MUST, hexadecimal),
	INT("size", MUST, 0, INT32_MAX), INT("dialect", NUL, 0, INT32_MAX),
};
static const struct json_field x_tunnels[] = {
	UUID("id", MUST), STR("secret", MUST, hexadecimal),
};
static const struct json_field x_provider_keys[] = {
	UUID("id", MUST), UUID("user_id", MUST),
	STR("provider", MUST, short_text), STR("box", MUST, hexadecimal),
	STR("sealed_for", MUST, hexadecimal), STR("hint", MUST, short_text),
	STR("model_preference", NUL, short_text),
};

/* Members that a later version adds are no fault. */
#define SCHEMA(f) { f, nitems(f), .open = true }
static const struct json_schema schemas[DUMP__ALL] = {
	[DUMP_USERS] = SCHEMA(users), [DUMP_NODES] = SCHEMA(nodes),
	[DUMP_TUNNELS] = SCHEMA(tunnels),
	[DUMP_PREFERENCES] = SCHEMA(preferences),
	[DUMP_POSITIONS] = SCHEMA(positions),
	[DUMP_CONFIG_VERSIONS] = SCHEMA(config_versions),
	[DUMP_NODE_CONFIGS] = SCHEMA(node_configs),
	[DUMP_TEMPLATES] = { NULL, 0, .open = true },
	[DUMP_EVENTS] = SCHEMA(events), [DUMP_AUDIT] = SCHEMA(audit),
	[DUMP_X_USERS] = SCHEMA(x_users),
	[DUMP_X_NODE_SECRETS] = SCHEMA(x_node_secrets),
	[DUMP_X_CONFIGS] = SCHEMA(x_configs),
	[DUMP_X_TUNNELS] = SCHEMA(x_tunnels),
	[DUMP_X_PROVIDER_KEYS] = SCHEMA(x_provider_keys),
};

static enum err
fault(struct json_faults *f, const char *pointer, const char *detail)
{
	f->v[f->n++] = (struct json_fault){ pointer, detail };
	return ERR_INVALID;
}

/* ["key","number"]: the values are strings, as the reference has them. */
static enum err
check_setting(struct slice row, struct json_faults *f)
{
	struct jscan js;
	int64_t v;

	jscan_init(&js, row.p, row.n);
	if (jscan_next(&js) != JSCAN_ARRAY ||
	    jscan_next(&js) != JSCAN_STRING || js.escaped ||
	    js.text.n > 64 || memchr(js.text.p, '\0', js.text.n) != NULL)
		return fault(f, "/0", "must be the name of a setting");
	if (jscan_next(&js) != JSCAN_STRING || js.escaped ||
	    slice_i64(js.text, -1000000000, 1000000000, &v) != 0)
		return fault(f, "/1", "must be a whole number as a string");
	if (jscan_next(&js) != JSCAN_ARRAY_END ||
	    jscan_next(&js) != JSCAN_END)
		return fault(f, "", "must be a pair of key and value");
	return ERR_OK;
}

/* NULL or an array of strings: a type that the tables do not have. */
static enum err
check_texts(struct slice row, const char *name, const char *pointer,
    struct json_faults *f)
{
	enum jscan_tok t;
	struct jscan js;
	struct slice v;

	if (!json_member(row.p, row.n, name, &v) ||
	    slice_eq(v, "null"))
		return ERR_OK;
	jscan_init(&js, v.p, v.n);
	t = jscan_next(&js);
	while (t == JSCAN_ARRAY || t == JSCAN_STRING) {
		t = jscan_next(&js);
		if (t == JSCAN_ARRAY_END)
			return ERR_OK;
		if (t == JSCAN_ARRAY)
			break;
	}
	return fault(f, pointer, "must be an array of strings");
}

/* What json allows and a text of PostgreSQL does not. */
static bool
has_nul(struct slice row)
{
	const char *p = row.p, *end = row.p + row.n;

	while ((p = memchr(p, '\\', (size_t)(end - p))) != NULL) {
		if (end - p >= 6 && memcmp(p, "\\u0000", 6) == 0)
			return true;
		p += 2;
		if (p >= end)
			break;
	}
	return false;
}

enum err
dump_check(struct arena *a, enum dump_section s, struct slice row,
    struct json_faults *f)
{
	struct row out;
	enum err err;

	memset(&out, 0, sizeof(out));
	if (s == DUMP_SETTINGS)
		return check_setting(row, f);
	if (s >= DUMP__ALL || (schemas[s].fields == NULL &&
	    s != DUMP_TEMPLATES))
		return fault(f, "", "is not known");
	/* A null byte in metadata or in a list has no column to go to. */
	if (s != DUMP_EVENTS && has_nul(row))
		return fault(f, "", "must not have a NUL character");
	err = json_decode(a, &schemas[s], row.p, row.n, &out, f);
	if (err != ERR_OK || s != DUMP_TUNNELS)
		return err;
	err = check_texts(row, "relay_addrs", "/relay_addrs", f);
	return err != ERR_OK ? err : check_texts(row, "associated_flow_ids",
	    "/associated_flow_ids", f);
}
