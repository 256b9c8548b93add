/*
 * hubd: puts the modules together: what is acquired before the drop, the
 * order of starting, and the orderly end.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <event2/event.h>

#include "db.h"
#include "log.h"
#include "proc.h"
#include "dbschema.h"
#include "sandbox.h"
#include "secret.h"
#include "stream.h"
#include "tls.h"
#include "ws.h"
#include "xmalloc.h"

#include "cache.h"
#include "cmd.h"
#include "conn.h"
#include "enroll.h"
#include "hub.h"
#include "hubd.h"
#include "listen.h"
#include "node.h"
#include "sealer.h"
#include "serve.h"
#include "sink.h"
#include "stmt.h"

#define PEM_MAX		(256 * 1024)
#define DB_DEPTH	64
#define DB_QUEUE	4096
#define STOP_TIME	(8 * MONO_SEC)
#define STOP_LOOK	(50 * MONO_MS)
#define STOP_MS		10000

/* ---- before the drop ---- */

static int
hubd_tls(struct hubd *h, struct buf *err_r)
{
	const struct conf_suite *c = &h->conf.suite;
	struct buf cert = BUF_INIT, key = BUF_INIT;

	if (h->conf.listen == NULL || !h->conf.tls)
		return 0;
	if (c->tls_cert == NULL || c->tls_key == NULL) {
		buf_puts(err_r, "[hubd] tls: needs [suite] tls_cert and "
		    "tls_key");
		return PROC_CONFIG;
	}
	buf_puts(err_r, "certificate: ");
	if (proc_read_file(c->tls_cert, PEM_MAX, &cert, err_r) == 0 &&
	    proc_read_file(c->tls_key, PEM_MAX, &key, err_r) == 0) {
		buf_printf(err_r, "%s: ", c->tls_cert);
		h->tls = tls_ctx_server(buf_cstr(&cert), buf_cstr(&key), 0,
		    err_r);
	}
	if (h->tls != NULL)
		buf_clear(err_r);
	if (key.data != NULL)
		secret_wipe(key.data, key.cap);
	buf_free(&key);
	buf_free(&cert);
	return h->tls == NULL ? PROC_CONFIG : 0;
}

static void
hubd_name(struct hubd *h)
{
	char host[129] = "hub";

	if (h->conf.name != NULL)
		(void)str_copy(host, sizeof(host), h->conf.name);
	else if (gethostname(host, sizeof(host) - 1) == -1)
		(void)str_copy(host, sizeof(host), "hub");
	free(h->name);
	h->name = xstrdup(host);
}

static int
hubd_secrets(struct hubd *h, bool anchor, struct buf *err_r)
{
	hubd_name(h);
	if (secret_init() == -1) {
		buf_puts(err_r, "libsodium cannot start");
		return PROC_OSERR;
	}
	if (h->conf.suite.server_key == NULL) {
		buf_puts(err_r, "[suite] server_key: must not be empty");
		return PROC_CONFIG;
	}
	h->key = secret_key_load(h->conf.suite.server_key, err_r);
	if (h->key == NULL)
		return PROC_CONFIG;
	h->sealer = sealer_new(h, anchor, err_r);
	if (h->sealer == NULL)
		return PROC_CONFIG;
	return hubd_tls(h, err_r);
}

int
hubd_check(struct hubd *h, struct buf *err_r)
{
	return hubd_secrets(h, false, err_r);
}

int
hubd_acquire(struct hubd *h, struct buf *err_r)
{
	int rc = hubd_secrets(h, true, err_r);

	if (rc != 0)
		return rc;
	if (listen_acquire(h, err_r) == -1 || serve_acquire(h, err_r) == -1)
		return PROC_UNAVAILABLE;
	return 0;
}

/* A database on a Unix socket needs no network; an address needs it. */
static bool
hubd_local_database(const char *conninfo)
{
	const char *p = conninfo == NULL ? NULL : strstr(conninfo, "host=");

	return p == NULL || p[5] == '/' || p[5] == '\'' || p[5] == '@';
}

/* The folder of "host=/folder ..." or the compiled-in one. */
static char *
hubd_database_folder(const char *conninfo)
{
	const char *p = conninfo == NULL ? NULL : strstr(conninfo, "host=/");

	return p == NULL ? xstrdup("/run/postgresql") :
	    xstrndup(p + 5, strcspn(p + 5, " '"));
}

int
hubd_fence(struct hubd *h, struct buf *err_r)
{
	char *folder = hubd_database_folder(h->conf.suite.database);
	const struct sandbox_path paths[] = {
		{ h->conf.suite.run_dir, true, true },
		{ folder, true, true },
		{ "/proc/self", false, true },	/* our own memory figures */
		{ "/dev/urandom", false, true },
		{ "/etc/localtime", false, true },
		{ "/etc/passwd", false, true },	/* libpq asks who we are */
		{ "/etc/nsswitch.conf", false, true },
	};
	bool local = hubd_local_database(h->conf.suite.database), dropped;
	const struct sandbox fence = {
		.profile = SANDBOX_SERVER, .paths = paths,
		.npaths = nitems(paths), .tcp_connect = !local,
		.inet = !local,
	};
	int rc = 0;

	if (sandbox_drop(h->conf.suite.user_hubd, &dropped, err_r) == -1)
		rc = PROC_CONFIG;
	else if (sandbox_limits(err_r) == -1 ||
	    sandbox_fence(&fence, err_r) == -1)
		rc = PROC_OSERR;
	free(folder);
	return rc;
}

/* ---- starting ---- */

static void
hubd_database(void *arg, bool up, const char *why)
{
	struct hubd *h = arg;
	const char *refusal = db_refusal(h->db);

	if (!up && !h->was_up && refusal != NULL)
		log_exit(PROC_CONFIG, "database: %s", refusal);
	h->was_up |= up;
	hub_database(h->hub, up);
	listen_wake(h->listener);
}

static void
hubd_connect(struct hubd *h)
{
	char *conninfo = xasprintf("%s user=%s",
	    h->conf.suite.database == NULL ? "" : h->conf.suite.database,
	    h->conf.suite.user_hubd);
	struct db_config c = {
		.base = h->base, .timers = h->timers, .conninfo = conninfo,
		.program = "mastkeeper-hubd",
		.conns = (unsigned)h->conf.connections, .depth = DB_DEPTH,
		.queue = DB_QUEUE, .schema_min = SCHEMA_MIN,
		.schema_max = SCHEMA_MAX, .state = hubd_database, .arg = h,
	};

	c.parts = stmt_parts(&c.nparts);
	h->db = db_new(&c);
	free(conninfo);
}

void
hubd_start(struct hubd *h)
{
	id_new(&h->id);
	h->started = mono_now();
	h->timers = timers_new(h->base);
	h->io = stream_io_new(h->base, h->timers, 0);
	h->nodes = nodes_new(h);
	h->conns = conns_new(h);
	h->enroll = enroll_new(h);
	h->cmds = cmds_new(h);
	h->cache = cache_new(h);
	h->sink = sink_new(h);
	h->hub = hub_new(h);
	hubd_connect(h);
	sealer_start(h->sealer);
	serve_start(h->serve);
	listen_start(h->listener);
}

/* ---- stopping ---- */

static void
hubd_end(void *arg)
{
	struct hubd *h = arg;

	(void)event_base_loopexit(h->base, NULL);
}

/* Waits for the sockets to close and the sink to be empty, a bounded time. */
static void
hubd_stop_look(void *arg)
{
	struct hubd *h = arg;
	bool late = mono_now() >= h->stop_at;

	sink_kick(h->sink);
	if (!late && (conns_open(h->conns) > 0 || sink_rows(h->sink) > 0)) {
		timer_set(h->timers, &h->stop, STOP_LOOK);
		return;
	}
	if (late)
		log_warn("stopping with %zu rows not stored and %zu sockets "
		    "open", sink_rows(h->sink), conns_open(h->conns));
	h->retiring = true;
	if (db_up(h->db))
		hub_retire(h->hub, hubd_end, h);
	else
		hubd_end(h);
}

void
hubd_stop(struct hubd *h)
{
	if (h->stopping)
		return;
	h->stopping = true;
	log_info("stopping: %zu sessions", nodes_count(h->nodes));
	proc_stopping(h->proc, STOP_MS);
	listen_stop(h->listener);
	conns_close_all(h->conns, WS_C_AWAY, "the hub is restarting");
	h->stop_at = mono_now() + STOP_TIME;
	timer_init(&h->stop, hubd_stop_look, h);
	timer_set(h->timers, &h->stop, STOP_LOOK);
}

/* The fence lets nothing be read again: key and certificate need a restart,
 * everything else comes from the database by itself. */
void
hubd_reload(struct hubd *h)
{
	log_info("reload: nothing to do; restart hubd after a change of its "
	    "configuration or certificate");
}

void
hubd_free(struct hubd *h)
{
	h->stopping = true;
	conns_free(h->conns);
	nodes_free(h->nodes);
	sealer_free(h->sealer);
	serve_free(h->serve);
	cmds_free(h->cmds);
	cache_free(h->cache);
	enroll_free(h->enroll);
	sink_free(h->sink);
	hub_free(h->hub);
	listen_free(h->listener);
	db_free(h->db);
	stream_io_free(h->io);
	tls_ctx_free(h->tls);
	secret_key_free(h->key);
	timers_free(h->timers);
	free(h->name);
}
