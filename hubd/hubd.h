/*
 * hubd: the node hub. One event loop that owns every node session of this
 * process. struct hubd is made in main and passed down; each module's state
 * is opaque here and owned by the file of its name.
 */
#ifndef MAST_HUBD_H
#define MAST_HUBD_H

#include <stdbool.h>
#include <stdint.h>

#include "buf.h"
#include "conf.h"
#include "id.h"
#include "mono.h"
#include "proc.h"
#include "timer.h"

#include "count.h"

struct event_base;
struct certs;
struct stream_io;
struct tls_ctx;
struct secret_key;
struct db;

/* The [hubd] keys. */
struct hubd_conf {
	struct conf_suite suite;
	char	*name;		/* of this hub; empty: the host's name */
	char	*listen;	/* the node door; empty: only the Unix door */
	bool	 tls;		/* TLS on that door */
	int64_t	 handshakes;	/* in flight at once */
	int64_t	 accept_rate;	/* new connections per second */
	int64_t	 unauthenticated;	/* sockets at once */
	int64_t	 unauthenticated_per_address;
	int64_t	 node_kib;	/* budget of one node, per second */
	int64_t	 node_messages;
	int64_t	 memory_mib;	/* ceiling; 0: none */
	int64_t	 connections;	/* to PostgreSQL */
	int64_t	 queue_rows;	/* events kept while it is away */
	int64_t	 queue_mib;
	int64_t	 event_rate;	/* per node and second */
	int64_t	 event_burst;
	int64_t	 config_cache_mib;
	int64_t	 audit_seal_secs;
};

/* Settings of the database that this daemon follows. */
struct hub_settings {
	mono_us	 keepalive;		/* silence before a ping */
	mono_us	 offline;		/* silence until dead */
	int64_t	 retention;		/* days of events; 0: not read yet */
};

struct hubd {
	struct hubd_conf	 conf;
	struct proc_start	 start;
	struct id		 id;	/* of this start: hubs.id */
	char			*name;	/* the same at every start */
	struct event_base	*base;
	struct timers		*timers;
	struct stream_io	*io;
	struct proc		*proc;
	struct certs		*certs;	/* NULL: the node door is plain */
	struct tls_ctx		*tls;	/* theirs, the one in use */
	struct secret_key	*key;
	struct db		*db;
	struct hub		*hub;
	struct listener		*listener;
	struct conns		*conns;
	struct enroll		*enroll;
	struct nodes		*nodes;
	struct cmds		*cmds;
	struct pushes		*pushes;
	struct cache		*cache;
	struct thumbs		*thumbs;
	struct alarms		*alarms;
	struct compares		*compares;
	struct history		*history;
	struct sink		*sink;
	struct publish		*publish;
	struct serve		*serve;
	struct sealer		*sealer;
	struct hub_settings	 set;
	struct hub_count	 count;
	mono_us			 started;
	struct timer		 stop;
	mono_us			 stop_at;	/* give up then */
	bool			 was_up;	/* the database, ever */
	bool			 memory_short;	/* over the ceiling */
	bool			 memory_full;	/* new nodes are refused */
	bool			 retiring;
	bool			 stopping;
};

/* conf.c: the suite's rows and ours in one array, as conf wants them. */
const struct conf_table *hubd_conf_table(void);

/* What needs the rights the process was started with: key, certificate,
 * sockets. 0, or an exit code with a sentence in err_r. */
int  hubd_acquire(struct hubd *, struct buf *err_r);
/* As acquire without binding anything: --test. */
int  hubd_check(struct hubd *, struct buf *err_r);
/* Drops to the account and puts the fence up. */
int  hubd_fence(struct hubd *, struct buf *err_r);
void hubd_start(struct hubd *);
/* Orderly: Close to every node, everything stored, then the loop ends. */
void hubd_stop(struct hubd *);
void hubd_reload(struct hubd *);
void hubd_free(struct hubd *);

#endif
