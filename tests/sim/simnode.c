/*
 * simnode: what real nodes say and do. Sorted keys with "type" last, auth
 * without timestamp, two healths at start, stats each second, answers to
 * both kinds of ping, acks in any order, config_response without an id.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "frame.h"
#include "id.h"
#include "jscan.h"
#include "sim.h"
#include "str.h"
#include "xmalloc.h"

#define TS "2026-08-21T04:39:21.123456789+00:00"

static void
node_text(struct sim_node *nd, struct buf *b)
{
	io_send(nd, WS_TEXT, buf_head(b), buf_used(b));
	buf_free(b);
}

/* New at every start of the node, which is one of this program. */
static const char *
node_boot(struct sim_node *nd)
{
	struct id id;

	if (nd->boot[0] == '\0') {
		id_random(&id);
		id_text(&id, nd->boot);
	}
	return nd->boot;
}

/* An id+secret pair wins over a token when both are there. */
void
node_ready(struct sim_node *nd)
{
	static const char *const version[] = { "0.5.3", "0.106.0", "0.10.6",
	    "1.0.0" };
	static const int proto[] = { 1, 4, 1, 1 };
	struct sim *s = nd->sim;
	struct buf b = BUF_INIT;
	const char *secret = nd->secret;

	nd->phase = PH_AUTH;
	nd->t_auth = mono_now();
	if (s->o.trap == TRAP_OLD_SECRET && nd->old_secret[0] != '\0')
		secret = nd->old_secret;
	buf_puts(&b, "{\"payload\":{");
	if (nd->kind == KIND_GATEWAY)
		buf_puts(&b, "\"device_type\":\"edge\",");
	if (s->o.numbers)
		buf_printf(&b, "\"event_boot\":\"%s\",", node_boot(nd));
	if (s->o.dedupe)
		buf_puts(&b, "\"command_dedupe\":true,");
	if (nd->id[0] != '\0')
		buf_printf(&b, "\"node_id\":\"%s\",\"node_secret\":\"%s\",",
		    nd->id, secret);
	buf_printf(&b, "\"protocol_version\":%d,", proto[nd->kind]);
	if (nd->id[0] == '\0' && nd->token[0] != '\0')
		buf_printf(&b, "\"registration_token\":\"%s\",", nd->token);
	buf_printf(&b, "\"software_version\":\"%s\"},%s\"type\":\"auth\"}",
	    version[nd->kind],
	    nd->kind == KIND_GATEWAY ? "\"timestamp\":\"" TS "\"," : "");
	node_text(nd, &b);
	wheel_set(&s->wheel, &nd->t_limit, mono_now() + 10 * MONO_SEC);
}

static void
node_on_limit(void *arg)
{
	struct sim_node *nd = arg;

	if (nd->phase == PH_AUTH) {
		nd->sim->b.auth_timeout++;
		node_down(nd, "no auth answer in 10 s", true);
	}
}

/* Digits inside the masked frame are patched so that frames differ. */
static void
node_send_frame(struct sim_node *nd, struct sim_frame *f)
{
	static const uint8_t key[4] = { 0x37, 0xfa, 0x21, 0x3d };
	struct sim *s = nd->sim;
	uint64_t v = ++s->patch;
	size_t i, at;

	for (i = 0; i < f->digits; i++, v /= 10) {
		at = f->patch + f->digits - 1 - i;
		f->p[f->hdr + at] = (uint8_t)('0' + v % 10) ^ key[at & 3];
	}
	/* A leading zero would be bad JSON. */
	if (f->digits > 1)
		f->p[f->hdr + f->patch] = (uint8_t)'8' ^ key[f->patch & 3];
	io_send_raw(nd, f->p, f->n);
}

static void
node_on_stats(void *arg)
{
	struct sim_node *nd = arg;
	struct sim *s = nd->sim;
	mono_us now = mono_now();
	struct sim_frame *f = &s->stats[nd->kind];

	hist_add(&s->b.late, now - nd->stats_due);
	nd->frames++;
	if (s->o.trap == TRAP_GLITCH && nd->frames % 3 == 0 &&
	    s->glitch[nd->kind].p != NULL)
		f = &s->glitch[nd->kind];
	if (buf_used(&nd->out) > 4 * f->n)
		s->b.stalled++;
	else {
		s->b.stats++;
		node_send_frame(nd, f);
	}
	nd->stats_due += s->o.stats_ms * MONO_MS;
	wheel_set(&s->wheel, &nd->t_stats, nd->stats_due);
	io_settle(nd);
}

static void
node_send_health(struct sim_node *nd)
{
	nd->sim->b.health++;
	io_send(nd, WS_TEXT, nd->sim->health[nd->kind],
	    strlen(nd->sim->health[nd->kind]));
}

static void
node_on_health(void *arg)
{
	struct sim_node *nd = arg;

	node_send_health(nd);
	nd->health_due += nd->sim->o.health_ms * MONO_MS;
	wheel_set(&nd->sim->wheel, &nd->t_health, nd->health_due);
	io_settle(nd);
}

static void
node_send_event(struct sim_node *nd, uint64_t seq)
{
	struct buf b = BUF_INIT;

	buf_printf(&b, "{\"payload\":{\"category\":\"sim\",\"details\":"
	    "{\"seq\":%llu},\"message\":\"sim event %llu\",",
	    (unsigned long long)seq, (unsigned long long)seq);
	if (nd->sim->o.numbers)
		buf_printf(&b, "\"seq\":%llu,", (unsigned long long)seq);
	buf_printf(&b, "\"severity\":\"%s\"},\"timestamp\":\"" TS
	    "\",\"type\":\"event\"}", seq % 10 == 0 ? "warning" : "info");
	node_text(nd, &b);
}

/* All that this session has not sent yet, within what a socket holds. */
static void
node_send_events(struct sim_node *nd)
{
	while (nd->event_sent < nd->event_seq &&
	    buf_used(&nd->out) < 256 * 1024)
		node_send_event(nd, ++nd->event_sent);
}

void
node_event(struct sim_node *nd)
{
	struct sim *s = nd->sim;
	uint64_t seq;

	if (!s->o.numbers && nd->phase != PH_LIVE)
		return;		/* it would be lost, not sent */
	seq = ++nd->event_seq;
	s->b.events++;
	if (s->ledger != NULL)
		fprintf(s->ledger, "event %s %llu %lld\n", nd->id,
		    (unsigned long long)seq, (long long)wall_now());
	if (!s->o.numbers)
		node_send_event(nd, seq);
	else if (nd->phase == PH_LIVE)
		node_send_events(nd);
	io_settle(nd);
}

/* Go back to what is stored: what is sent behind it is sent again. */
static void
node_events_from(struct sim_node *nd, uint64_t stored)
{
	if (nd->event_sent > stored)
		nd->sim->b.events_again += nd->event_sent - stored;
	nd->event_sent = stored;
	node_send_events(nd);
}

static void
node_events_acked(struct sim_node *nd, struct slice payload)
{
	struct slice v;
	uint64_t seq;

	if (!json_find(payload, "seq", &v) || jscan_u64(v, &seq) == -1 ||
	    seq < nd->event_acked || seq > nd->event_seq) {
		nd->want_close = "an event_ack for what was never sent";
		return;
	}
	nd->sim->b.events_acked += seq - nd->event_acked;
	nd->event_acked = seq;
	if (json_find(payload, "resend", &v))
		node_events_from(nd, seq);
	else
		node_send_events(nd);
}

/* The answer to auth tells what of this boot is stored. */
static void
node_events_resume(struct sim_node *nd, struct slice payload)
{
	struct slice v;
	uint64_t seq;

	if (!nd->sim->o.numbers)
		return;
	if (!json_find(payload, "event_ack", &v) ||
	    jscan_u64(v, &seq) == -1 || seq < nd->event_acked ||
	    seq > nd->event_seq) {
		nd->want_close = "the hub forgot acknowledged events";
		return;
	}
	nd->sim->b.events_acked += seq - nd->event_acked;
	nd->event_acked = seq;
	node_events_from(nd, seq);
}

/* The ledger has when each session began and ended, too. */
static void
node_book(struct sim_node *nd, const char *what)
{
	FILE *f = nd->sim->ledger;

	if (f != NULL && nd->id[0] != '\0')
		fprintf(f, "%s %s %lld\n", what, nd->id,
		    (long long)wall_now());
}

static void
node_live(struct sim_node *nd)
{
	struct sim *s = nd->sim;
	mono_us now = mono_now();

	wheel_del(&nd->t_limit);
	nd->phase = PH_LIVE;
	node_book(nd, "up");
	nd->backoff = 1;
	hist_add(&s->b.wait, nd->t_first - nd->t_connect);
	hist_add(&s->b.handshake, nd->t_auth - nd->t_first);
	hist_add(&s->b.auth, now - nd->t_auth);
	hist_add(&s->b.total, now - nd->t_connect);
	if (++s->online > s->online_peak)
		s->online_peak = s->online;
	if (s->online == s->n && s->all_online == 0)
		s->all_online = now;
	/* Gateways say nothing until their first interval has passed. */
	if (nd->kind != KIND_GATEWAY) {
		node_send_health(nd);
		node_send_health(nd);
	}
	nd->health_due = now + s->o.health_ms * MONO_MS -
	    (nd->idx * 7919 % 1000) * MONO_MS * s->o.health_ms / 1000 / 2;
	wheel_set(&s->wheel, &nd->t_health, nd->health_due);
	if (nd->kind != KIND_GATEWAY && s->o.stats_ms > 0 &&
	    nd->idx % 100 < s->o.stats_share) {
		/* Phases are spread, as a fleet's are. */
		nd->stats_due = now + (nd->idx * 7919 % 1000) *
		    (int64_t)s->o.stats_ms * MONO_MS / 1000;
		wheel_set(&s->wheel, &nd->t_stats, nd->stats_due);
	}
	if (s->o.trap == TRAP_GARBAGE)
		io_send(nd, WS_TEXT, "{\"payload\":[}", 13);
	if (s->o.trap == TRAP_OVERSIZE) {
		/* Only the header of a frame over the limit. */
		static const uint8_t big[14] = { 0x81, 0xff, 0, 0, 0, 0, 0,
		    0x60, 0, 0, 1, 2, 3, 4 };
		io_send_raw(nd, big, sizeof(big));
	}
}

/* The loop calls it when something is new: never once a registration. */
void
node_save(struct sim *s)
{
	char tmp[600];
	FILE *f;
	int i;

	if (!s->unsaved || s->o.save == NULL)
		return;
	s->unsaved = false;
	snprintf(tmp, sizeof(tmp), "%s.new", s->o.save);
	if ((f = fopen(tmp, "we")) == NULL) {
		fprintf(stderr, "nodesim: %s: %s\n", tmp, strerror(errno));
		return;
	}
	for (i = 0; i < s->n; i++)
		fprintf(f, "%d %s %s\n", (int)s->nodes[i].kind,
		    s->nodes[i].id, s->nodes[i].secret);
	if (fclose(f) != 0 || rename(tmp, s->o.save) == -1)
		fprintf(stderr, "nodesim: %s: %s\n", s->o.save,
		    strerror(errno));
}

static void
node_registered(struct sim_node *nd, struct slice payload)
{
	struct slice id, secret;

	if (!json_find(payload, "node_id", &id) ||
	    !json_find(payload, "node_secret", &secret) ||
	    id.n >= sizeof(nd->id) || secret.n >= sizeof(nd->secret)) {
		nd->want_close = "register_ack without credentials";
		return;
	}
	memcpy(nd->id, id.p, id.n);
	nd->id[id.n] = '\0';
	memcpy(nd->secret, secret.p, secret.n);
	nd->secret[secret.n] = '\0';
	nd->registered_now = true;
	nd->sim->b.registered++;
	if (nd->sim->o.print)
		printf("registered %d %s\n", nd->idx, nd->id);
	nd->sim->unsaved = true;
	node_live(nd);
	node_events_resume(nd, payload);
}

static void
node_ack(struct sim_node *nd, struct sim_ack *a)
{
	const char *why = a->why != NULL ? a->why : "Flow 'x' not found";
	struct buf b = BUF_INIT;

	nd->sim->b.acks++;
	if (nd->sim->ledger != NULL)
		fprintf(nd->sim->ledger, "ack %s %s %s\n", nd->id, a->id,
		    a->ok ? "ok" : "refused");
	buf_printf(&b, "{\"payload\":{\"command_id\":\"%s\",", a->id);
	if (!a->ok)
		buf_printf(&b, "\"error\":\"%s\",%s", why,
		    nd->kind == KIND_EDGE && a->why == NULL ?
		    "\"error_code\":\"unknown_flow\"," : "");
	else if (nd->kind == KIND_EDGE_OLD)
		buf_puts(&b, "\"error\":null,");
	buf_printf(&b, "\"success\":%s},\"timestamp\":\"" TS "\","
	    "\"type\":\"command_ack\"}", a->ok ? "true" : "false");
	node_text(nd, &b);
}

static void
node_on_acks(void *arg)
{
	struct sim_node *nd = arg;
	size_t i;

	/* A current edge acks in any order: the last one first. */
	for (i = 0; i < nd->nacks; i++)
		node_ack(nd, &nd->acks[nd->sim->o.shuffle ?
		    nd->nacks - 1 - i : i]);
	nd->nacks = 0;
	io_settle(nd);
}

static void
node_rotate(struct sim_node *nd, struct slice action)
{
	struct slice v;

	/* Disk only: the secret in memory stays until a restart. */
	if (!json_find(action, "new_secret", &v) || v.n >= sizeof(nd->secret))
		return;
	memcpy(nd->old_secret, nd->secret, sizeof(nd->old_secret));
	memcpy(nd->secret, v.p, v.n);
	nd->secret[v.n] = '\0';
	nd->rotated = true;
	nd->sim->unsaved = true;
}

static struct sim_ack *
node_will_ack(struct sim_node *nd)
{
	struct sim *s = nd->sim;

	nd->acks = xreallocarray(nd->acks, nd->nacks + 1, sizeof(*nd->acks));
	if (nd->t_ack.pprev == NULL)
		wheel_set(&s->wheel, &nd->t_ack, mono_now() +
		    s->o.ack_ms * MONO_MS);
	return &nd->acks[nd->nacks++];
}

/* It was done before: its answer again, and nothing else. */
static bool
node_done_before(struct sim_node *nd, struct slice id)
{
	size_t i, n = nd->ndone < SIM_DONE ? nd->ndone : SIM_DONE;

	for (i = 0; i < n; i++)
		if (slice_eq(id, nd->done[i].id))
			break;
	if (i == n)
		return false;
	nd->sim->b.commands_again++;
	if (nd->sim->ledger != NULL)
		fprintf(nd->sim->ledger, "repeat %s %.*s\n", nd->id,
		    (int)id.n, id.p);
	*node_will_ack(nd) = nd->done[i];
	return true;
}

static void
node_remember(struct sim_node *nd, const struct sim_ack *a)
{
	if (nd->done == NULL)
		nd->done = xcalloc(SIM_DONE, sizeof(*nd->done));
	nd->done[nd->ndone++ % SIM_DONE] = *a;
}

static void
node_command(struct sim_node *nd, struct slice payload)
{
	struct sim *s = nd->sim;
	struct slice id, action, type;
	struct sim_ack *a;
	struct buf b = BUF_INIT;

	s->b.commands++;
	if (!json_find(payload, "command_id", &id) || id.n >= sizeof(a->id) ||
	    !json_find(payload, "action", &action) ||
	    !json_find(action, "type", &type)) {
		nd->want_close = "a command without id, action or type";
		return;
	}
	if (s->o.dedupe && node_done_before(nd, id))
		return;
	if (s->ledger != NULL)
		fprintf(s->ledger, "command %s %.*s %.*s\n", nd->id,
		    (int)id.n, id.p, (int)type.n, type.p);
	if (slice_eq(type, "get_config")) {
		s->b.configs++;
		buf_printf(&b, "{\"payload\":%s,\"timestamp\":\"" TS "\","
		    "\"type\":\"config_response\"}", s->config[nd->kind]);
		node_text(nd, &b);
		return;
	}
	if (slice_eq(type, "rotate_secret"))
		node_rotate(nd, action);
	if (!s->o.ack)
		return;
	a = node_will_ack(nd);
	memcpy(a->id, id.p, id.n);
	a->id[id.n] = '\0';
	a->ok = s->o.refuse == NULL || !slice_eq(type, s->o.refuse);
	a->why = a->ok ? tunnel_command(nd, type, action) : NULL;
	a->ok &= a->why == NULL;
	if (!a->ok)
		s->b.refused++;
	if (s->o.dedupe)
		node_remember(nd, a);
}

static void
node_auth_answer(struct sim_node *nd, const struct frame *f)
{
	struct sim *s = nd->sim;

	if (slice_eq(f->type, "auth_ok")) {
		s->b.auth_ok++;
		nd->registered_now = false;
		node_live(nd);
		node_events_resume(nd, f->payload);
	} else if (slice_eq(f->type, "register_ack")) {
		node_registered(nd, f->payload);
	} else {
		if (slice_eq(f->type, "auth_error"))
			s->b.auth_error++;
		nd->want_close = "auth refused";
		nd->clean = true;
	}
}

/* True: go on feeding. */
bool
node_message(struct sim_node *nd, enum ws_op op, const uint8_t *p, size_t n)
{
	struct sim *s = nd->sim;
	struct frame f;
	struct buf b = BUF_INIT;

	if (op == WS_CLOSE) {
		s->b.closed++;
		io_send(nd, WS_CLOSE, p, n > 2 ? 2 : n);
		nd->want_close = "close frame";
		nd->clean = true;
		return false;
	}
	/* The answer must be the very next message, and text. */
	if (nd->phase == PH_AUTH && op != WS_TEXT) {
		nd->want_close = "non-text before the auth answer";
		return false;
	}
	if (op == WS_PING) {
		s->b.ws_pings++;
		io_send(nd, WS_PONG, p, n);
		io_send(nd, WS_PONG, p, n);	/* two are possible */
		return nd->want_close == NULL;
	}
	if (op != WS_TEXT)
		return true;
	if (frame_parse((const char *)p, n, NULL, NULL, &f) == -1) {
		nd->want_close = "invalid JSON from the server";
		return false;
	}
	if (nd->phase == PH_AUTH)
		node_auth_answer(nd, &f);
	else if (slice_eq(f.type, "ping")) {
		s->b.pings++;
		buf_puts(&b, "{\"payload\":null,\"timestamp\":\"" TS
		    "\",\"type\":\"pong\"}");
		node_text(nd, &b);
	} else if (slice_eq(f.type, "command"))
		node_command(nd, f.payload);
	else if (slice_eq(f.type, "event_ack"))
		node_events_acked(nd, f.payload);
	return nd->want_close == NULL;
}

static void
node_on_retry(void *arg)
{
	node_start(arg);
}

void
node_start(struct sim_node *nd)
{
	struct sim *s = nd->sim;

	if (nd->t_stats.fn == NULL) {
		nd->t_stats.fn = node_on_stats;
		nd->t_health.fn = node_on_health;
		nd->t_retry.fn = node_on_retry;
		nd->t_ack.fn = node_on_acks;
		nd->t_limit.fn = node_on_limit;
		nd->t_stats.arg = nd->t_health.arg = nd->t_retry.arg =
		    nd->t_ack.arg = nd->t_limit.arg = nd;
		nd->backoff = 1;
		nd->fd = -1;
	}
	if (s->stop || nd->fd != -1)
		return;
	if (io_open(nd) == -1)
		wheel_set(&s->wheel, &nd->t_retry, mono_now() + MONO_SEC);
}

/*
 * The end of a session, seen from the client. Not clean (a read error) in a
 * session that registered: the credentials are on disk only, and the spent
 * token is presented again.
 */
void
node_down(struct sim_node *nd, const char *why, bool clean)
{
	struct sim *s = nd->sim;
	mono_us delay;

	if (s->o.print)
		printf("down %d %s\n", nd->idx, why);
	node_book(nd, "down");
	if (!clean)
		s->b.resets++;
	io_close(nd, false);
	wheel_del(&nd->t_stats);
	wheel_del(&nd->t_health);
	wheel_del(&nd->t_ack);
	wheel_del(&nd->t_limit);
	nd->nacks = 0;
	tunnel_down(nd);
	if (s->o.trap == TRAP_SPENT_TOKEN && nd->registered_now && !clean)
		nd->id[0] = '\0';
	if (!s->o.keep_going || s->stop)
		return;
	if (s->o.reconnect_old) {
		if (clean)
			nd->backoff = 1;
		delay = nd->backoff * MONO_SEC;
		nd->backoff = nd->backoff * 2 > 60 ? 60 : nd->backoff * 2;
	} else
		delay = 5 * MONO_SEC;
	wheel_set(&s->wheel, &nd->t_retry, mono_now() + delay);
}

/* Everyone is cut off at once and comes back 5 s later, without jitter. */
void
node_reset_all(struct sim *s)
{
	int i;

	s->all_online = 0;
	memset(&s->b.wait, 0, sizeof(s->b.wait));
	memset(&s->b.handshake, 0, sizeof(s->b.handshake));
	memset(&s->b.auth, 0, sizeof(s->b.auth));
	memset(&s->b.total, 0, sizeof(s->b.total));
	for (i = 0; i < s->n; i++) {
		struct sim_node *nd = &s->nodes[i];

		if (nd->fd == -1)
			continue;
		io_close(nd, true);
		node_down(nd, "told to reset", false);
	}
	s->start = mono_now() + (s->o.reconnect_old ? 1 : 5) * MONO_SEC;
}
