/*
 * apid: the daemon that people and programs talk to. One struct, made in
 * main and passed down; every module hangs its own opaque state on it.
 */
#ifndef APID_APID_H
#define APID_APID_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "conf.h"
#include "id.h"
#include "mono.h"
#include "proc.h"

#define APID_VERSION "0.1.0"

struct ai;
struct auth;
struct budget;
struct certs;
struct db;
struct event_base;
struct feed;
struct http;
struct hub;
struct hubs;
struct ipc;
struct metrics;
struct proc;
struct pwhash;
struct relay;
struct secret_key;
struct settings;
struct stream_io;
struct timers;
struct tls_ctx;

struct apid_conf {
	struct conf_suite suite;	/* first: CONF_SUITE_ROWS' offsets */
	char	*listen;		/* "0.0.0.0:8443" */
	bool	 tls;
	char	*proxy_trust;		/* addresses whose forward is believed */
	char	*metrics_listen;	/* NULL: none */
	char	*public_host;		/* Origin that is ours besides Host */
	int64_t	 db_conns;
	int64_t	 max_connections;
	int64_t	 max_per_address;
	int64_t	 header_timeout;	/* seconds, all of them */
	int64_t	 body_timeout;
	int64_t	 idle_timeout;
	int64_t	 pwhash_threads;	/* 0: one per core */
	int64_t	 rate_per_sec;		/* budget.h */
	int64_t	 rate_burst;
	int64_t	 ai_calls;		/* of one user and day */
	int64_t	 ai_tokens;
	int64_t	 memory_mib;		/* ceiling; 0: none */
	bool	 hsts;
};

const struct conf_table *apid_conf_table(void);
/* A sentence about what the table alone cannot check, or NULL. */
const char *apid_conf_fault(const struct apid_conf *);

struct apid {
	struct apid_conf	 conf;
	struct proc_start	 start;
	struct id		 instance;	/* new at every start */
	mono_us			 started;
	struct event_base	*base;
	struct timers		*timers;
	struct stream_io	*io;
	struct proc		*proc;
	struct secret_key	*key;		/* the server key */
	struct certs		*certs;		/* NULL: plain */
	struct tls_ctx		*tls;		/* theirs, the one in use */
	bool			 self_signed;	/* the certificate in use */
	bool			 privileged;	/* was started as root */
	int			 port;		/* of the public door; -1: none */
	uid_t			 ctl_uid;	/* of [suite] user_ctl; -1: none */
	bool			 stopping;
	unsigned		 exports;	/* and imports, under way */
	bool			 db_was_up;	/* since the start */
	struct db		*db;
	struct settings		*settings;
	struct pwhash		*pwhash;
	struct auth		*auth;
	struct rate_map		*refusals;	/* noted, by user */
	struct rate_map		*limited;	/* the same, by address */
	struct budget		*budget;
	struct http		*http;
	struct relay		*relay;
	struct metrics		*metrics;	/* and the control socket */
	/*
	 * Siblings. Each module owns its struct ipc and channels:
	 *   hub.h  hub_new(struct apid *) hub_free hub_up(const struct hub *)
	 *          hub_status(const struct hub *): slice, the last
	 *          MSG_STATUS_REPLY (flat JSON object) or empty; asked each 5 s
	 *   ai.h   ai_new ai_free ai_up ai_status, the same shapes
	 *   feed.h feed_new feed_free; feed_browsers(const struct feed *)
	 */
	struct hub		*hub;
	struct hubs		*hubs;
	struct ai		*ai;
	struct feed		*feed;
};

#endif
