/* config_now: see config_now.h. */
#include <string.h>

#include "apid.h"
#include "arena.h"
#include "config_now.h"
#include "db.h"
#include "hub.h"
#include "json.h"
#include "log.h"
#include "req.h"

void
config_now_stored(struct req *req, struct config_now *c,
    const struct db_result *res, int col)
{
	long got;

	memset(c, 0, sizeof(*c));
	if (db_isnull(res, 0, col))
		return;
	c->n = db_get(res, 0, col).n / 2 + 1;
	c->sealed = arena_alloc(req->arena, c->n);
	got = db_bytea(res, 0, col, c->sealed, c->n);
	c->n = got > 0 ? (size_t)got : 0;
	if (db_bytea(res, 0, col + 1, c->hash, sizeof(c->hash)) !=
	    sizeof(c->hash))
		c->n = 0;
}

static void
set_text(struct req *req, struct config_now *c, struct slice text)
{
	c->text = (struct slice){ arena_strndup(req->arena, text.p, text.n),
	    text.n };
	c->known = true;
}

static void
use_stored(struct req *req, struct config_now *c)
{
	const struct slice ad = { (const char *)c->hash, sizeof(c->hash) };
	struct buf text = BUF_INIT;

	if (c->n > 0 && secret_open(req->apid->key, "config", c->sealed, c->n,
	    ad, &text) == 0)
		set_text(req, c, buf_slice(&text));
	else if (c->n > 0)
		log_error("%s: a stored configuration cannot be opened with "
		    "the server key", req->id);
	secret_buf_free(&text);
	c->fn(req, c);
}


static void
from_hub(void *arg, enum err err, struct ipc_msg *msg)
{
	struct req *req = arg;
	struct config_now *c = req->config_now;
	struct msg_config config;
	struct buf canonical = BUF_INIT;

	req->ipc = NULL;
	if (err == ERR_OK && msg->type == MSG_CONFIG &&
	    msg_get_config(&msg->in, &config) && json_canonical(
	    config.text.p, config.text.n, &canonical) == 0) {
		secret_digest(buf_head(&canonical), buf_used(&canonical),
		    c->hash);
		set_text(req, c, config.text);
		secret_buf_free(&canonical);
		c->fn(req, c);
		return;
	}
	buf_free(&canonical);
	use_stored(req, c);
}

void
config_now(struct req *req, struct config_now *c, const struct id *node,
    void (*fn)(struct req *, struct config_now *))
{
	c->fn = fn;
	req->config_now = c;
	if (hub_up(req->apid->hub))
		hub_config(req, node, from_hub);
	else
		use_stored(req, c);
}
