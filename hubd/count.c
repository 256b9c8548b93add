/* count: the table of counters and the status object made from it. */
#include "config.h"

#include <stddef.h>

#include "certs.h"
#include "db.h"
#include "json.h"
#include "proc.h"
#include "stream.h"
#include "tls_cert.h"
#include "xmalloc.h"

#include "alarm.h"
#include "cache.h"
#include "cmd.h"
#include "conn.h"
#include "count.h"
#include "enroll.h"
#include "history.h"
#include "hub.h"
#include "hubd.h"
#include "listen.h"
#include "node.h"
#include "push.h"
#include "serve.h"
#include "sink.h"

#define ROW(member) { #member, offsetof(struct hub_count, member) }

static const struct {
	const char	*name;
	size_t		 offset;
} counters[] = {
	ROW(accepted), ROW(refused_address), ROW(refused_full),
	ROW(refused_files), ROW(refused_memory), ROW(upgrades), ROW(upgrade_failed),
	ROW(deadline_missed),
	ROW(registered), ROW(token_reused), ROW(reconnected),
	ROW(auth_refused), ROW(auth_locked), ROW(auth_unavailable),
	ROW(replaced), ROW(reaped), ROW(expired), ROW(clones),
	ROW(quarantined),
	ROW(frames_stats), ROW(frames_health), ROW(frames_event),
	ROW(frames_config), ROW(frames_ack), ROW(frames_pong),
	ROW(frames_thumbnail), ROW(frames_unknown), ROW(frames_binary),
	ROW(frames_misplaced), ROW(frames_malformed),
	ROW(stats_bytes), ROW(glitches), ROW(violations), ROW(pings),
	ROW(over_bytes), ROW(over_messages), ROW(not_reading),
	ROW(events_received), ROW(events_stored), ROW(events_dropped),
	ROW(events_limited), ROW(events_dead), ROW(rows_dead),
	ROW(sink_retries), ROW(health_dropped), ROW(fenced),
	ROW(events_repeated), ROW(events_put_off), ROW(event_acks),
	ROW(alarms_raised), ROW(alarms_dropped),
	ROW(samples_stored), ROW(samples_dropped),
	ROW(commands_sent), ROW(commands_acked), ROW(commands_failed),
	ROW(commands_unknown), ROW(commands_late), ROW(acks_unmatched),
	ROW(commands_put_back), ROW(commands_again), ROW(config_joined),
	ROW(config_hits), ROW(config_asked), ROW(config_stored),
	ROW(config_same), ROW(drifts), ROW(pushes),
	ROW(published), ROW(publish_held),
	ROW(audit_seals), ROW(audit_rows), ROW(audit_refused),
};

_Static_assert(nitems(counters) * sizeof(uint64_t) ==
    sizeof(struct hub_count), "a counter has no name");

static void
count_u64(struct json_w *w, const char *name, uint64_t v)
{
	json_w_key(w, name);
	json_w_u64(w, v);
}

static void
count_gauges(struct json_w *w, struct hubd *h)
{
	const struct stream_stats *io = stream_io_stats(h->io);
	struct db_stats db;

	count_u64(w, "sessions", nodes_count(h->nodes));
	count_u64(w, "sockets", conns_open(h->conns));
	count_u64(w, "unauthenticated", conns_pending(h->conns));
	count_u64(w, "handshakes", listen_slots(h->listener));
	count_u64(w, "paused", conns_paused(h->conns));
	count_u64(w, "memory_short", h->memory_short);
	count_u64(w, "memory_full", h->memory_full);
	count_u64(w, "enrolling", enroll_waiting(h->enroll));
	count_u64(w, "events_waiting", sink_waiting(h->sink));
	count_u64(w, "rows_waiting", sink_rows(h->sink));
	count_u64(w, "alarms_waiting", alarm_rows(h->alarms));
	count_u64(w, "samples_waiting", history_rows(h->history));
	count_u64(w, "commands_in_flight", cmds_inflight(h->cmds));
	count_u64(w, "pushes_in_flight", pushes_inflight(h->pushes));
	count_u64(w, "config_cache_bytes", cache_bytes(h->cache));
	count_u64(w, "ipc_channels", serve_channels(h->serve));
	count_u64(w, "bytes_in", io->bytes_in);
	count_u64(w, "bytes_out", io->bytes_out);
	count_u64(w, "tls_failed", io->tls_failed);
	db_stats(h->db, &db);
	count_u64(w, "db_queries", db.queries);
	count_u64(w, "db_failed", db.failed);
	count_u64(w, "db_timeouts", db.timeouts);
	count_u64(w, "db_reconnects", db.reconnects);
	count_u64(w, "db_waiting", db.waiting);
	count_u64(w, "rss_bytes", proc_rss());
	if (h->certs == NULL)
		return;
	count_u64(w, "certificate_not_after_seconds",
	    (uint64_t)(certs_info(h->certs)->not_after / MONO_SEC));
	count_u64(w, "certificate_fault", certs_fault(h->certs) != NULL);
}

void
count_json(struct hubd *h, struct buf *out)
{
	char instance[ID_TEXT];
	struct json_w w;
	size_t i;

	id_text(&h->id, instance);
	json_w_init(&w, out);
	json_w_object(&w);
	json_w_key(&w, "daemon");
	json_w_str(&w, "hubd");
	json_w_key(&w, "version");
	json_w_str(&w, PACKAGE_VERSION);
	json_w_key(&w, "instance");
	json_w_str(&w, instance);
	json_w_key(&w, "name");
	json_w_str(&w, h->name);
	json_w_key(&w, "uptime_secs");
	json_w_i64(&w, (mono_now() - h->started) / MONO_SEC);
	json_w_key(&w, "database");
	json_w_bool(&w, hub_ready(h->hub));
	json_w_key(&w, "node_port");
	json_w_i64(&w, listen_port(h->listener));
	count_gauges(&w, h);
	for (i = 0; i < nitems(counters); i++)
		count_u64(&w, counters[i].name, *(const uint64_t *)
		    (const void *)((const char *)&h->count +
		    counters[i].offset));
	json_w_end_object(&w);
}
