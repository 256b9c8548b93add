/*
 * sim: the simulated fleet. One process, one epoll loop, thousands of nodes
 * over TLS. It speaks exactly the wire that real nodes speak and keeps books
 * of what it sent and what was acknowledged, for tests to compare with the
 * database. Also the load generator: send times come from a schedule, never
 * from the last answer, and its own lateness is part of the report.
 */
#ifndef MAST_SIM_H
#define MAST_SIM_H

#include <netinet/in.h>
#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "buf.h"
#include "mono.h"
#include "str.h"
#include "ws.h"

enum sim_kind { KIND_EDGE_OLD, KIND_EDGE, KIND_RELAY, KIND_GATEWAY,
    KIND__MAX };

enum sim_trap {			/* the clients' traps, on demand */
	TRAP_NONE, TRAP_SPENT_TOKEN, TRAP_OLD_SECRET, TRAP_DUPLICATE,
	TRAP_GLITCH, TRAP_SLOW_READER, TRAP_GARBAGE, TRAP_OVERSIZE,
	TRAP__MAX
};

/* Logarithmic buckets: 1/8 octave from 1 us, to p99.9. */
#define HIST_BUCKETS 320
struct hist { uint64_t n, max, sum; uint32_t b[HIST_BUCKETS]; };
void hist_add(struct hist *, int64_t us);
int64_t hist_at(const struct hist *, double q);	/* microseconds */

/* Wheel of 1 ms slots. */
struct sim_timer {
	struct sim_timer *next, **pprev;
	mono_us	 due;
	void	(*fn)(void *);
	void	*arg;
};
struct sim_wheel { struct sim_timer *slot[4096]; uint64_t at; };
void wheel_init(struct sim_wheel *);
void wheel_set(struct sim_wheel *, struct sim_timer *, mono_us due);
void wheel_del(struct sim_timer *);
void wheel_run(struct sim_wheel *, mono_us now);

/* One prebuilt, pre-masked frame; the patch area is a run of digits. */
struct sim_frame { uint8_t *p; size_t n; size_t hdr, patch, digits; };

struct sim_opts {
	struct sockaddr_in to;
	bool	 plain, keep_going, ack, shuffle, print;
	bool	 numbers;		/* events, and keeps them */
	bool	 dedupe;		/* remembers commands */
	char	*path, *samples, *save, *ledger, *report, *host;
	enum sim_kind kind;
	enum sim_trap trap;
	int	 flows, reconnect_old;
	int	 stats_ms, health_ms, ack_ms;
	int	 stats_share;		/* percent of nodes that send stats */
	size_t	 stats_bytes;
	double	 events_per_sec, ramp;
	int	 duration;
	uint32_t src_first, src_count;	/* loopback addresses, host order */
	char	*refuse;		/* command type that is refused */
};

struct sim_ack { char id[40]; bool ok; const char *why; };
#define SIM_DONE 256	/* commands that a node remembers */
struct sim_tunnel { char id[37]; };

enum sim_phase { PH_IDLE, PH_CONNECT, PH_TLS, PH_UPGRADE, PH_AUTH, PH_LIVE };

struct sim;
struct sim_node {
	struct sim	*sim;
	int		 idx, fd;
	enum sim_kind	 kind;
	enum sim_phase	 phase;
	uint32_t	 events;	/* epoll interest now */
	SSL		*ssl;
	struct buf	 out, in;
	struct ws_rx	 rx;
	char		 token[80], id[40], secret[80], old_secret[80];
	bool		 rotated, registered_now, clean;
	const char	*want_close;	/* why, for io_settle */
	mono_us		 t_connect, t_first, t_auth, stats_due, health_due;
	struct sim_timer t_stats, t_health, t_retry, t_ack, t_limit;
	int		 backoff;
	uint64_t	 event_seq, frames;
	/* Of a node that numbers its events: acknowledged, and on the wire in
	 * this session. All between is made again from its number. */
	char		 boot[40];
	uint64_t	 event_acked, event_sent;
	struct sim_ack	*acks;
	size_t		 nacks;
	struct sim_ack	*done;		/* the last ones, in a ring */
	size_t		 ndone;
	struct sim_tunnel *tunnels;
	size_t		 ntunnels;
};

struct sim_books {
	uint64_t connects, upgrades, registered, auth_ok, auth_error,
	    auth_timeout, closed, resets, stats, health, events, commands,
	    acks, refused, configs, pings, ws_pings, stalled, bytes_out,
	    tls_failed, replaced, events_acked, events_again,
	    commands_again,
	    tunnels;			/* that nodes have now */
	struct hist wait, handshake, auth, late, total;
};

struct sim {
	struct sim_opts	 o;
	struct sim_wheel wheel;
	struct sim_node	*nodes;
	int		 n, ep, online, online_peak;
	SSL_CTX		*ctx;
	struct sim_books b;
	struct sim_frame stats[KIND__MAX], glitch[KIND__MAX];
	char		*health[KIND__MAX], *config[KIND__MAX];
	FILE		*ledger;
	mono_us		 start, all_online;
	struct sim_timer t_ramp, t_events;
	int		 ramped;
	double		 event_debt;
	mono_us		 events_at;	/* last turn of the events */
	bool		 stop, unsaved;
	uint64_t	 patch;
};

/* simio.c: bytes of one node */
int  io_open(struct sim_node *);
void io_close(struct sim_node *, bool reset);
void io_event(struct sim_node *, uint32_t events);
void io_flush(struct sim_node *);
void io_settle(struct sim_node *);
void io_send(struct sim_node *, enum ws_op, const void *, size_t);
void io_send_raw(struct sim_node *, const void *, size_t);

/* simnode.c: the protocol */
void node_ready(struct sim_node *);		/* upgrade answered */
bool node_message(struct sim_node *, enum ws_op, const uint8_t *, size_t);
void node_down(struct sim_node *, const char *why, bool clean);
void node_start(struct sim_node *);
void node_event(struct sim_node *);
void node_reset_all(struct sim *);
void node_save(struct sim *);

/* simtunnel.c: the tunnels of one node. A reason to refuse, or NULL. */
const char *tunnel_command(struct sim_node *, struct slice type,
    struct slice action);
void tunnel_down(struct sim_node *);

/* simframe.c: prebuilt messages from the sample files */
int  frames_load(struct sim *);
/* Member of an object, by its first level only; strings without quotes. */
bool json_find(struct slice object, const char *key, struct slice *v_r);

#endif
