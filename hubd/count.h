/*
 * count: the counters of the hub, one struct that every module adds to, and
 * one table that names them for MSG_STATUS and metrics.
 */
#ifndef MAST_COUNT_H
#define MAST_COUNT_H

#include <stdint.h>

struct buf;
struct hubd;

struct hub_count {
	/* doors */
	uint64_t accepted, refused_address, refused_full, refused_files;
	uint64_t refused_memory;
	uint64_t upgrades, upgrade_failed, deadline_missed;
	/* enrolment */
	uint64_t registered, token_reused, reconnected, auth_refused;
	uint64_t auth_locked, auth_unavailable, replaced, reaped, expired;
	uint64_t clones, quarantined;
	/* frames from nodes */
	uint64_t frames_stats, frames_health, frames_event, frames_config;
	uint64_t frames_ack, frames_pong, frames_thumbnail, frames_unknown;
	uint64_t frames_binary, frames_misplaced, frames_malformed;
	uint64_t stats_bytes, glitches, violations, pings;
	uint64_t over_bytes, over_messages;	/* reading paused for that */
	uint64_t not_reading;	/* closed: took no output */
	/* the sink */
	uint64_t events_received, events_stored, events_dropped;
	uint64_t events_limited, events_dead, rows_dead, sink_retries;
	uint64_t health_dropped, fenced;
	uint64_t events_repeated, events_put_off, event_acks;
	uint64_t alarms_raised, alarms_dropped;
	uint64_t samples_stored, samples_dropped;
	/* commands and configurations */
	uint64_t commands_sent, commands_acked, commands_failed;
	uint64_t commands_unknown, commands_late, acks_unmatched;
	uint64_t commands_put_back, commands_again, config_joined;
	uint64_t config_hits, config_asked, config_stored, config_same;
	uint64_t drifts;
	uint64_t pushes;	/* legs of tunnels told to nodes */
	/* publishing */
	uint64_t published, publish_held;
	/* sealing the audit */
	uint64_t audit_seals, audit_rows, audit_refused;
};

/* The MSG_STATUS_REPLY object: counters and gauges, flat. */
void count_json(struct hubd *, struct buf *out);

#endif
