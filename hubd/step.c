/* step: see step.h. Owns struct steps, whose memory is wiped at the end. */
#include <stdlib.h>

#include "arena.h"
#include "driver.h"
#include "json.h"
#include "secret.h"
#include "xmalloc.h"

#include "cache.h"
#include "cmd_int.h"
#include "conn.h"
#include "hubd.h"
#include "node.h"
#include "step.h"

#define CONFIG_WAIT	(5 * MONO_SEC)

struct steps {
	struct arena		*arena;
	struct slice		 action;
	struct driver_plan	 plan;
	size_t			 at;
	bool			 waits;		/* for the configuration */
};

static bool
step_frame(struct cmd *c, struct slice action)
{
	struct hubd *h = c->cmds->hub;
	struct buf frame = BUF_INIT;
	bool sent;

	frame_put_command(&frame, wall_now(), &c->wire, action);
	c->node->turn++;
	sent = conn_send(c->node->conn, buf_head(&frame), buf_used(&frame));
	secret_buf_free(&frame);
	if (sent) {
		h->count.commands_sent++;
		timer_set(h->timers, &c->timer, c->wait_ms * MONO_MS);
	}
	return sent;
}

bool
step_turns(const struct cmd *c, struct slice action)
{
	const struct driver *d = c->node->driver;

	return d != NULL && d->turns != NULL && d->turns(action);
}

bool
step_begin(struct cmd *c, struct slice action)
{
	struct slice config;
	struct steps *s;

	if (!step_turns(c, action))
		return false;
	s = c->steps = xcalloc(1, sizeof(*s));
	s->arena = arena_new(0);
	s->action.p = arena_strndup(s->arena, action.p, action.n);
	s->action.n = action.n;
	s->waits = true;
	timer_set(c->cmds->hub->timers, &c->timer, CONFIG_WAIT);
	if (cache_fresh(c->node, &config))
		step_config(c, config);
	else
		cache_want(c->cmds->hub->cache, c->node);
	return true;
}

void
step_config(struct cmd *c, struct slice config)
{
	struct steps *s = c->steps;

	if (s == NULL || !s->waits)
		return;
	timer_del(&c->timer);
	if (c->node->driver == NULL || c->node->driver->turn(s->arena,
	    s->action, config, &s->plan) != ERR_OK)
		cmd_end(c, ERR_INVALID, "failed", s->plan.why == NULL ?
		    "the node has become of another kind" : s->plan.why);
	else if (!step_frame(c, s->plan.n == 0 ? s->action :
	    s->plan.v[0].action))
		cmd_unsent(c);
	else
		s->waits = false;
}

bool
step_waits(const struct cmd *c)
{
	return c->steps != NULL && c->steps->waits;
}

bool
step_next(struct cmd *c)
{
	struct steps *s = c->steps;

	if (s == NULL || s->at + 1 >= s->plan.n)
		return false;
	if (c->state == CMD_LATE) {
		cmd_free(c);	/* it is "unknown", and goes no further */
		return true;
	}
	s->at++;
	id_new(&c->wire);
	if (!step_frame(c, s->plan.v[s->at].action))
		cmd_end(c, ERR_NODE_LOST, "failed",
		    "the node left between two steps");
	return true;
}

void
step_prefix(const struct cmd *c, struct buf *b)
{
	const struct steps *s = c->steps;
	const struct driver_step *step;

	if (s == NULL || s->plan.n == 0)
		return;
	step = &s->plan.v[s->at];
	buf_printf(b, "step %zu of %zu, %s %.*s, the ones before are done: ",
	    s->at + 1, s->plan.n, step->type, (int)step->id.n - 2,
	    step->id.p + 1);
}

void
step_json(const struct cmd *c, const char *state, struct buf *b)
{
	const struct steps *s = c->steps;
	struct json_w w;
	size_t i;

	if (s == NULL || s->plan.n == 0)
		return;
	json_w_init(&w, b);
	json_w_array(&w);
	for (i = 0; i < s->plan.n; i++) {
		json_w_object(&w);
		json_w_key(&w, "type");
		json_w_str(&w, s->plan.v[i].type);
		json_w_key(&w, "id");
		json_w_raw(&w, s->plan.v[i].id);
		json_w_key(&w, "state");
		json_w_str(&w, i < s->at ? "acked" : i == s->at ? state :
		    "waiting");
		json_w_end_object(&w);
	}
	json_w_end_array(&w);
}

static void
step_wipe(struct slice text)
{
	secret_wipe((void *)(uintptr_t)text.p, text.n);
}

void
step_free(struct cmd *c)
{
	struct steps *s = c->steps;
	size_t i;

	if (s == NULL)
		return;
	step_wipe(s->action);
	for (i = 0; i < s->plan.n; i++)
		step_wipe(s->plan.v[i].action);
	arena_free(s->arena);
	free(s);
	c->steps = NULL;
}
