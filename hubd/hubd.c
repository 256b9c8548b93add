/*
 * hubd: puts the modules together: what is acquired before the drop, the
 * order of starting, and the orderly end.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <event2/event.h>

#include "certs.h"
#include "db.h"
#include "log.h"
#include "proc.h"
#include "dbschema.h"
#include "sandbox.h"
#include "secret.h"
#include "stream.h"
#include "ws.h"
#include "xmalloc.h"

#include "alarm.h"
#include "cache.h"
#include "compare.h"
#include "cmd.h"
#include "conn.h"
#include "enroll.h"
#include "history.h"
#include "hub.h"
#include "hubd.h"
#include "listen.h"
#include "node.h"
#include "publish.h"
#include "push.h"
#include "sealer.h"
#include "serve.h"
#include "sink.h"
#include "stmt.h"
#include "thumb.h"

#define DB_DEPTH	64
#define DB_QUEUE	4096
#define STOP_TIME	(8 * MONO_SEC)
#define STOP_LOOK	(50 * MONO_MS)
#define STOP_MS		10000

/* ---- before the drop ---- */

static void
hubd_certs(void *arg)
{
	struct hubd *h = arg;

	h->tls = certs_ctx(h->certs);
}

static const char *
hubd_tls_fault(const struct hubd_conf *c)
{
	return c->listen == NULL || !c->tls || (c->suite.tls_cert != NULL &&
	    c->suite.tls_key != NULL) ? NULL :
	    "[hubd] tls: needs [suite] tls_cert and tls_key";
}

static int
hubd_tls(struct hubd *h, struct buf *err_r)
{
	const struct conf_suite *c = &h->conf.suite;
	const char *fault = hubd_tls_fault(&h->conf);

	if (fault != NULL) {
		buf_puts(err_r, fault);
		return PROC_CONFIG;
	}
	if (h->conf.listen == NULL || !h->conf.tls)
		return 0;
	h->certs = certs_new(h->key, 0);
	if (certs_read_files(h->certs, c->tls_cert, c->tls_key, err_r) == -1)
		return PROC_CONFIG;
	hubd_certs(h);
	return 0;
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
	if ((rc = listen_acquire(h, err_r)) == 0 &&
	    (rc = serve_acquire(h, err_r)) == 0)
		rc = proc_listen_rest(err_r);
	return rc;
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

/* What a reload reads again: the folders, because a file that is replaced is
 * another file. */
#define RELOADED 3

static void
hubd_reloaded(const struct hubd *h, char *folders[RELOADED])
{
	const struct conf_suite *c = &h->conf.suite;

	folders[0] = sandbox_folder(h->start.file);
	folders[1] = sandbox_folder(h->certs != NULL ? c->tls_cert :
	    h->start.file);
	folders[2] = sandbox_folder(h->certs != NULL ? c->tls_key :
	    h->start.file);
}

int
hubd_fence(struct hubd *h, struct buf *err_r)
{
	char *folder = hubd_database_folder(h->conf.suite.database);
	char *again[RELOADED];

	hubd_reloaded(h, again);
	const struct sandbox_path paths[] = {
		{ h->conf.suite.run_dir, true, true },
		{ folder, true, true },
		{ again[0], false, true },
		{ again[1], false, true },
		{ again[2], false, true },
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
	size_t i;

	if (sandbox_drop(h->conf.suite.user_hubd, &dropped, err_r) == -1)
		rc = PROC_CONFIG;
	else if (sandbox_limits(err_r) == -1 ||
	    sandbox_fence(&fence, err_r) == -1)
		rc = PROC_OSERR;
	for (i = 0; i < RELOADED; i++)
		free(again[i]);
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

static void
hubd_warned(void *arg)
{
	struct hubd *h = arg;

	publish_events(h->publish, 1);
}

static void
hubd_follow(struct hubd *h)
{
	const struct certs_follow f = {
		.db = h->db, .timers = h->timers, .use = STMT_CERT_USE,
		.expiry = STMT_CERT_EXPIRY, .who = &h->id, .name = h->name,
		.changed = hubd_certs, .warned = hubd_warned, .arg = h,
	};

	if (h->certs != NULL)
		certs_follow(h->certs, &f);
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
	h->pushes = pushes_new(h);
	h->cache = cache_new(h);
	h->thumbs = thumbs_new(h);
	h->alarms = alarms_new(h);
	h->compares = compares_new(h);
	h->history = history_new(h);
	h->publish = publish_new(h);
	h->sink = sink_new(h);
	h->hub = hub_new(h);
	hubd_connect(h);
	sealer_start(h->sealer);
	hubd_follow(h);
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
	alarm_kick(h->alarms);
	history_kick(h->history);
	if (!late && (conns_open(h->conns) > 0 || sink_rows(h->sink) > 0 ||
	    alarm_rows(h->alarms) > 0 || history_rows(h->history) > 0)) {
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

/* Phase one: everything is read and judged; -1 with a sentence. */
static int
hubd_reload_read(struct hubd *h, struct hubd_conf *fresh, struct buf *why)
{
	const char *fault;

	if (conf_read_file(hubd_conf_table(), fresh, h->start.file, why) ==
	    -1)
		return -1;
	if ((fault = hubd_tls_fault(fresh)) != NULL)
		buf_puts(why, fault);
	else if (h->certs == NULL || certs_read_files(h->certs,
	    fresh->suite.tls_cert, fresh->suite.tls_key, why) == 0)
		return 0;
	conf_free(hubd_conf_table(), fresh);
	return -1;
}

void
hubd_reload(struct hubd *h)
{
	struct buf why = BUF_INIT;
	struct hubd_conf fresh;

	memset(&fresh, 0, sizeof(fresh));
	if (hubd_reload_read(h, &fresh, &why) == -1) {
		log_event(LOG_RELOAD_REFUSED, "reload: refused, all stays as it was: %s",
		    buf_cstr(&why));
	} else {
		proc_reload(&h->start, hubd_conf_table(), &h->conf, &fresh);
		listen_wake(h->listener);
		if (h->certs != NULL && certs_source(h->certs) ==
		    CERTS_UPLOADED)
			log_info("reload: the uploaded certificate stays in "
			    "use; the files are ready");
	}
	buf_free(&why);
}

void
hubd_free(struct hubd *h)
{
	h->stopping = true;
	conns_free(h->conns);
	thumbs_free(h->thumbs);
	nodes_free(h->nodes);
	sealer_free(h->sealer);
	serve_free(h->serve);
	publish_free(h->publish);
	cmds_free(h->cmds);
	pushes_free(h->pushes);
	cache_free(h->cache);
	enroll_free(h->enroll);
	sink_free(h->sink);
	alarms_free(h->alarms);
	compares_free(h->compares);
	history_free(h->history);
	hub_free(h->hub);
	listen_free(h->listener);
	certs_free(h->certs);
	db_free(h->db);
	stream_io_free(h->io);
	secret_key_free(h->key);
	timers_free(h->timers);
	free(h->name);
}
