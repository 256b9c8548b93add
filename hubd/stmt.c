/*
 * stmt: the SQL of hubd. Table order is that of enum stmt. Times travel as
 * microseconds since 1970; rows of a batch as one array per column.
 */
#include "buf.h"
#include "db.h"
#include "stmt.h"
#include "stmt_part.h"
#include "xmalloc.h"

#define AT(us) "'epoch'::timestamptz + " us " * interval '1 microsecond'"

/* How far events are stored. It only rises, but that a clock which was set
 * back leaves it in the future: then it begins anew. */
#define FLUSHED(us) \
    "flushed_at = greatest(least(now(), " AT(us) "),\n" \
    "    CASE WHEN flushed_at <= now() THEN flushed_at END)"

/*
 * $1 hub id, $2 name, $3 address. Takes over what earlier starts of the same
 * name left: their sessions end, their nodes are offline, what they had sent
 * is unknown, and a start that did not stop in order leaves one event that
 * names the window in which events may be missing. Safe to repeat.
 */
#define HUB_START \
    "WITH old AS (SELECT h.id, CASE WHEN h.flushed_at > now() THEN\n" \
    "    least(h.started_at, now()) ELSE h.flushed_at END AS flushed_at,\n" \
    "    h.stopped_at, h.seen_at, h.lost_at\n" \
    "    FROM mast.hubs h WHERE h.name = $2 AND h.id <> $1::uuid\n" \
    "    AND (h.stopped_at IS NULL OR EXISTS (SELECT\n" \
    "	FROM mast.node_sessions s WHERE s.hub_id = h.id)) FOR UPDATE),\n" \
    "gone AS (DELETE FROM mast.node_sessions s USING old\n" \
    "    WHERE s.hub_id = old.id RETURNING s.node_id, s.hub_id),\n" \
    "off AS (UPDATE mast.node_state t SET status = 'offline' FROM gone\n" \
    "    WHERE t.node_id = gone.node_id),\n" \
    "strip AS (INSERT INTO mast.node_states (node_id, at, state)\n" \
    "    SELECT gone.node_id, greatest(old.seen_at, (SELECT max(b.at)\n" \
    "    FROM mast.node_states b WHERE b.node_id = gone.node_id)\n" \
    "    + interval '1 us'), 'unknown' FROM gone JOIN old\n" \
    "    ON old.id = gone.hub_id AND old.lost_at IS NULL\n" \
    "    ON CONFLICT (node_id, at) DO NOTHING),\n" \
    "lost AS (UPDATE mast.commands c SET state = 'unknown',\n" \
    "    done_at = now(), error = 'the hub stopped before the answer'\n" \
    "    WHERE c.state = 'sent' AND c.hub_id IN (SELECT h.id\n" \
    "    FROM mast.hubs h WHERE h.name = $2 AND h.id <> $1::uuid)),\n" \
    "ended AS (UPDATE mast.hubs h SET stopped_at = now() FROM old\n" \
    "    WHERE h.id = old.id AND h.stopped_at IS NULL),\n" \
    "me AS (INSERT INTO mast.hubs (id, name, address)\n" \
    "    VALUES ($1::uuid, $2, $3)\n" \
    "    ON CONFLICT (id) DO UPDATE SET seen_at = now()),\n" \
    "told AS (INSERT INTO mast.events (created_at, node_id, node_name,\n" \
    "    severity, category, message, details, hub_id)\n" \
    "    SELECT now(), $1::uuid, $2, 'warning', 'hub', format(\n" \
    "    'The hub did not stop in order: events that nodes sent between '\n" \
    "    '%s and %s may be missing (%s nodes were connected)',\n" \
    "    mast.rfc3339(old.flushed_at), mast.rfc3339(now()), g.n),\n" \
    "    json_build_object('error_code', 'hub_crashed',\n" \
    "    'hub_id', old.id, 'from', mast.rfc3339(old.flushed_at),\n" \
    "    'to', mast.rfc3339(now()), 'nodes', g.n, 'node_ids', g.ids),\n" \
    "    $1::uuid FROM old CROSS JOIN LATERAL (SELECT count(*) AS n,\n" \
    "    coalesce(json_agg(x.node_id) FILTER (WHERE x.i <= 1000), '[]')\n" \
    "    AS ids FROM (SELECT gone.node_id, row_number() OVER () AS i\n" \
    "    FROM gone WHERE gone.hub_id = old.id) x) g\n" \
    "    WHERE old.stopped_at IS NULL)\n" \
    "SELECT (SELECT count(*) FROM old WHERE stopped_at IS NULL),\n" \
    "    (SELECT count(*) FROM gone)"

/* $1 hub, $2 all events received before this are stored. */
#define HUB_BEAT \
    "SELECT ended FROM mast.hub_beat($1::uuid, " AT("$2::bigint") ")"

#define HUB_STOP \
    "WITH gone AS (DELETE FROM mast.node_sessions s\n" \
    "    WHERE s.hub_id = $1::uuid RETURNING s.node_id),\n" \
    "off AS (UPDATE mast.node_state t SET status = 'offline' FROM gone\n" \
    "    WHERE t.node_id = gone.node_id),\n" \
    "lost AS (UPDATE mast.commands c SET state = 'unknown',\n" \
    "    done_at = now(), error = 'the hub stopped before the answer'\n" \
    "    WHERE c.state = 'sent' AND c.hub_id = $1::uuid),\n" \
    "told AS (INSERT INTO mast.events (created_at, node_id, node_name,\n" \
    "    severity, category, message, hub_id)\n" \
    "    SELECT now(), h.id, h.name, 'info', 'hub', format('The hub '\n" \
    "    'stopped in order; %s nodes were connected',\n" \
    "    (SELECT count(*) FROM gone)), h.id\n" \
    "    FROM mast.hubs h WHERE h.id = $1::uuid AND h.stopped_at IS NULL)\n" \
    "UPDATE mast.hubs SET seen_at = now(), stopped_at = now(),\n" \
    "    " FLUSHED("$2::bigint") "\n" \
    "WHERE id = $1::uuid"

/* $1 hub, $2 changed since. */
#define NODES_CHANGED \
    "SELECT n.id, n.name, n.device_type, mast.wall_us(n.expires_at),\n" \
    "    n.quarantined_at IS NOT NULL\n" \
    "FROM mast.nodes n JOIN mast.node_sessions s ON s.node_id = n.id\n" \
    "WHERE s.hub_id = $1::uuid AND n.updated_at >= " AT("$2::bigint")

#define NODE \
    "SELECT n.id, n.name, n.device_type, mast.wall_us(n.expires_at),\n" \
    "    n.quarantined_at IS NOT NULL\n" \
    "FROM mast.nodes n WHERE n.id = $1::uuid"

/*
 * $1 hub; arrays: $2 number in the batch, $3 node (NULL: by token), $4 hash
 * of token or secret, $5 hash of the secret to give, $6 address, $7
 * protocol, $8 boot of a node that numbers its events. A batch has each
 * token and each node at most once, but a token may belong to a node that
 * also comes by secret: the later one wins.
 *
 * A token is consumed in one UPDATE: unused, or spent by a node that has
 * never signed in with a secret of its own (grace: 24 hours, 1000 times).
 * Its first use makes every earlier secret void; a re-use keeps them. The
 * first use of a secret voids the older ones.
 *
 * Answers: number, 0 refused 1 registered 2 reconnected 3 expired 4 in
 * quarantine, re-used, and of the winners node, epoch, name, device type,
 * expiry, and up to where the boot's events are stored. No epoch: a later
 * one of the same batch won.
 */
#define ENROLL \
    "WITH q AS MATERIALIZED (SELECT * FROM unnest($2::int[], $3::uuid[],\n" \
    "    $4::bytea[], $5::bytea[], $6::inet[], $7::int[], $8::uuid[])\n" \
    "    AS u(i, node, hash, fresh, addr, proto, boot)),\n" \
    "used AS (UPDATE mast.node_tokens t\n" \
    "    SET used_at = coalesce(t.used_at, now()),\n" \
    "    reuses = t.reuses + (t.used_at IS NOT NULL)::int\n" \
    "    FROM q, mast.nodes n WHERE q.node IS NULL\n" \
    "    AND t.token_hash = q.hash AND n.id = t.node_id\n" \
    "    AND (n.expires_at IS NULL OR n.expires_at > now())\n" \
    "    AND n.quarantined_at IS NULL AND t.revoked_at IS NULL\n" \
    "    AND CASE WHEN t.used_at IS NULL THEN t.expires_at > now()\n" \
    "    ELSE t.used_at > now() - interval '24 hours' AND t.reuses < 1000\n" \
    "	AND NOT EXISTS (SELECT FROM mast.node_secrets s\n" \
    "	WHERE s.node_id = t.node_id AND s.first_used_at IS NOT NULL) END\n" \
    "    RETURNING q.i, t.node_id, t.reuses),\n" \
    "known AS (SELECT q.i, s.node_id, s.serial,\n" \
    "    s.first_used_at IS NULL AS first,\n" \
    "    n.quarantined_at IS NOT NULL AS held, n.quarantined_at IS NULL\n" \
    "    AND (n.expires_at IS NULL OR n.expires_at > now()) AS alive\n" \
    "    FROM q JOIN mast.node_secrets s ON s.node_id = q.node\n" \
    "    AND s.secret_hash = q.hash JOIN mast.nodes n ON n.id = s.node_id),\n" \
    "mark AS (UPDATE mast.node_secrets s SET first_used_at = now()\n" \
    "    FROM known k WHERE k.first AND k.alive AND s.node_id = k.node_id\n" \
    "    AND s.serial = k.serial),\n" \
    "void AS (DELETE FROM mast.node_secrets s USING (\n" \
    "    SELECT k.node_id, k.serial FROM known k WHERE k.first AND k.alive\n" \
    "    UNION ALL SELECT u.node_id, 9223372036854775807 FROM used u\n" \
    "    WHERE u.reuses = 0) o\n" \
    "    WHERE s.node_id = o.node_id AND s.serial < o.serial),\n" \
    "fresh AS (INSERT INTO mast.node_secrets (node_id, secret_hash)\n" \
    "    SELECT u.node_id, q.fresh FROM used u JOIN q ON q.i = u.i),\n" \
    "ok AS (SELECT u.i, u.node_id, 1 AS how, u.reuses FROM used u\n" \
    "    UNION ALL SELECT k.i, k.node_id, 2, 0 FROM known k WHERE k.alive),\n" \
    "win AS (SELECT DISTINCT ON (ok.node_id) ok.i, ok.node_id, ok.how,\n" \
    "    ok.reuses, q.addr, q.proto, q.boot, n.name, n.device_type, n.expires_at,\n" \
    "    st.protocol_version AS before\n" \
    "    FROM ok JOIN q ON q.i = ok.i JOIN mast.nodes n ON n.id =\n" \
    "    ok.node_id\n" \
    "    LEFT JOIN mast.node_state st ON st.node_id = ok.node_id\n" \
    "    ORDER BY ok.node_id, ok.i DESC),\n" \
    "ses AS (INSERT INTO mast.node_sessions AS s (node_id, hub_id, epoch,\n" \
    "    connected_at, address)\n" \
    "    SELECT w.node_id, $1::uuid, nextval('mast.epoch_seq'),\n" \
    "    now(), w.addr\n" \
    "    FROM win w ON CONFLICT (node_id) DO UPDATE SET\n" \
    "    hub_id = excluded.hub_id, epoch = excluded.epoch,\n" \
    "    connected_at = excluded.connected_at, address = excluded.address\n" \
    "    RETURNING s.node_id, s.epoch),\n" \
    "online AS (INSERT INTO mast.node_state AS t (node_id, status,\n" \
    "    last_seen_at, protocol_version)\n" \
    "    SELECT w.node_id, 'online', now(), w.proto FROM win w\n" \
    "    ON CONFLICT (node_id) DO UPDATE SET status = 'online',\n" \
    "    last_seen_at = now(), protocol_version =\n" \
    "    excluded.protocol_version),\n" \
    "told AS (INSERT INTO mast.events (created_at, node_id, node_name,\n" \
    "    severity, category, message, details, hub_id)\n" \
    "    SELECT now(), w.node_id, w.name, 'info'::mast.severity,\n" \
    "    'connection',\n" \
    "    CASE w.how WHEN 1 THEN 'Node registered and connected'\n" \
    "	ELSE 'Node connected' END,\n" \
    "    json_build_object('address', host(w.addr)), $1::uuid FROM win w\n" \
    "    UNION ALL SELECT now(), w.node_id, w.name,\n" \
    "    'warning'::mast.severity,\n" \
    "    'compatibility', format('The node speaks protocol version %s; '\n" \
    "    'this hub knows 1 to 4', w.proto),\n" \
    "    json_build_object('protocol_version', w.proto), $1::uuid\n" \
    "    FROM win w WHERE w.proto NOT BETWEEN 1 AND 4\n" \
    "    AND w.before IS DISTINCT FROM w.proto),\n" \
    "marks AS (INSERT INTO mast.event_marks AS m (node_id, boot)\n" \
    "    SELECT w.node_id, w.boot FROM win w WHERE w.boot IS NOT NULL\n" \
    "    ON CONFLICT (node_id, boot) DO UPDATE SET seq = m.seq\n" \
    "    RETURNING m.node_id, m.seq),\n" \
    "noted AS (INSERT INTO mast.audit (actor_kind, actor_name, action,\n" \
    "    target_type, target_id, details, address)\n" \
    "    SELECT 'node', w.name, 'node.token_reuse', 'node',\n" \
    "    w.node_id::text, jsonb_build_object('reuses', w.reuses), w.addr\n" \
    "    FROM win w WHERE w.how = 1 AND w.reuses > 0)\n" \
    "SELECT q.i, coalesce(ok.how, (SELECT CASE WHEN k.held THEN 4 ELSE 3\n" \
    "    END FROM known k WHERE k.i = q.i), (SELECT CASE\n" \
    "    WHEN n.quarantined_at IS NOT NULL THEN 4 ELSE 3 END\n" \
    "    FROM mast.node_tokens t JOIN mast.nodes n ON n.id = t.node_id\n" \
    "    WHERE q.node IS NULL AND t.token_hash = q.hash\n" \
    "    AND t.revoked_at IS NULL AND (n.expires_at <= now() OR\n" \
    "    n.quarantined_at IS NOT NULL AND t.used_at IS NULL\n" \
    "    AND t.expires_at > now())), 0),\n" \
    "    coalesce(ok.reuses, 0) > 0, ok.node_id, ses.epoch, w.name,\n" \
    "    w.device_type, mast.wall_us(w.expires_at), m.seq\n" \
    "FROM q LEFT JOIN ok ON ok.i = q.i LEFT JOIN win w ON w.i = q.i\n" \
    "LEFT JOIN ses ON ses.node_id = w.node_id\n" \
    "LEFT JOIN marks m ON m.node_id = w.node_id"

/* $1 hub; arrays: $2 node, $3 epoch, $4 seen, $5 health, $6 version.
 * Answers the rows whose session is not this hub's any more. */
#define SEEN \
    "WITH u AS MATERIALIZED (SELECT * FROM unnest($2::uuid[],\n" \
    "    $3::bigint[], $4::bigint[], $5::text[], $6::text[])\n" \
    "    AS u(node, epoch, seen, health, version)),\n" \
    "own AS MATERIALIZED (SELECT u.* FROM u JOIN mast.node_sessions s\n" \
    "    ON s.node_id = u.node AND s.epoch = u.epoch\n" \
    "    AND s.hub_id = $1::uuid),\n" \
    "kept AS (UPDATE mast.node_state t SET\n" \
    "    last_seen_at = " AT("o.seen") ",\n" \
    "    last_health = coalesce(o.health::json, t.last_health),\n" \
    "    software_version = coalesce(o.version, t.software_version)\n" \
    "    FROM own o WHERE t.node_id = o.node)\n" \
    "SELECT u.node, u.epoch FROM u\n" \
    "WHERE NOT EXISTS (SELECT FROM own o WHERE o.node = u.node)"

/* $1 hub, $2 number of the batch; arrays: $3 at (rising), $4 node, $5 name,
 * $6 severity, $7 as sent, $8 category, $9 message, $10 details, $11 flow,
 * $12 boot, $13 number under it; $14 all received before is stored with
 * these. The hub's watermark makes a batch that is
 * sent again a no-op; the node's mark drops a numbered event that is stored
 * already, perhaps by another hub, which it is locked against. */
#define EVENTS \
    "WITH mark AS (UPDATE mast.hubs SET event_seq = $2::bigint,\n" \
    "    " FLUSHED("$14::bigint") "\n" \
    "    WHERE id = $1::uuid AND event_seq = $2::bigint - 1 RETURNING id),\n" \
    "u AS MATERIALIZED (SELECT * FROM mark, unnest($3::bigint[],\n" \
    "    $4::uuid[], $5::text[], $6::text[], $7::text[], $8::text[],\n" \
    "    $9::text[], $10::text[], $11::text[], $12::uuid[], $13::bigint[])\n" \
    "    AS u(at, node, name, severity, raw, category, message, details,\n" \
    "    flow, boot, seq)),\n" \
    "have AS MATERIALIZED (SELECT m.node_id, m.boot, m.seq\n" \
    "    FROM mast.event_marks m WHERE (m.node_id, m.boot) IN (SELECT\n" \
    "    u.node, u.boot FROM u WHERE u.boot IS NOT NULL)\n" \
    "    ORDER BY m.node_id, m.boot FOR UPDATE),\n" \
    "old AS (SELECT u.* FROM u WHERE u.boot IS NULL),\n" \
    "fresh AS (SELECT DISTINCT ON (u.node, u.boot, u.seq) u.* FROM u\n" \
    "    LEFT JOIN have h ON h.node_id = u.node AND h.boot = u.boot\n" \
    "    WHERE u.boot IS NOT NULL AND u.seq > coalesce(h.seq, 0)\n" \
    "    ORDER BY u.node, u.boot, u.seq, u.at),\n" \
    "moved AS (UPDATE mast.event_marks m SET seq = f.seq\n" \
    "    FROM (SELECT node, boot, max(seq) AS seq FROM fresh\n" \
    "    GROUP BY node, boot) f\n" \
    "    WHERE m.node_id = f.node AND m.boot = f.boot),\n" \
    "stored AS (INSERT INTO mast.events (created_at, node_id, node_name,\n" \
    "    severity, severity_raw, category, message, details, flow_id,\n" \
    "    hub_id, boot, boot_seq)\n" \
    "    SELECT " AT("a.at") ", a.node, a.name,\n" \
    "    a.severity::mast.severity, a.raw, a.category, a.message,\n" \
    "    a.details::json, a.flow, a.id, a.boot, a.seq\n" \
    "    FROM (SELECT * FROM old UNION ALL SELECT * FROM fresh) a\n" \
    "    RETURNING 1)\n" \
    "SELECT (SELECT count(*) FROM stored), coalesce((SELECT $2::bigint\n" \
    "    FROM mark), (SELECT event_seq FROM mast.hubs WHERE id = $1::uuid)),\n" \
    "    EXISTS (SELECT FROM mark)"

/* Marks of runs that are long over; a node's newest stays. */
#define RETENTION \
    "WITH marks AS (DELETE FROM mast.event_marks m\n" \
    "    WHERE m.started_at < now() - interval '30 days' AND EXISTS (SELECT\n" \
    "    FROM mast.event_marks n WHERE n.node_id = m.node_id\n" \
    "    AND n.started_at > m.started_at)),\n" \
    "changes AS (DELETE FROM mast.event_changes c\n" \
    "    WHERE c.at < now() - interval '1 hour')\n" \
    "SELECT mast.drop_old_partitions(), mast.purge_expired(),\n" \
    "    mast.purge_commands()"

/* $1 hub; arrays: $2 node, $3 epoch, $4 at, $5 seen, $6 why. Only the
 * session that still has this epoch ends. */
#define ENDS \
    "WITH gone AS (DELETE FROM mast.node_sessions s USING unnest(\n" \
    "    $2::uuid[], $3::bigint[], $4::bigint[], $5::bigint[], $6::text[])\n" \
    "    AS u(node, epoch, at, seen, why)\n" \
    "    WHERE s.node_id = u.node AND s.epoch = u.epoch\n" \
    "    AND s.hub_id = $1::uuid RETURNING s.node_id, u.at, u.seen, u.why),\n" \
    "off AS (UPDATE mast.node_state t SET status = 'offline',\n" \
    "    last_seen_at = greatest(t.last_seen_at, " AT("g.seen") ")\n" \
    "    FROM gone g WHERE t.node_id = g.node_id),\n" \
    "told AS (INSERT INTO mast.events (created_at, node_id, node_name,\n" \
    "    severity, category, message, hub_id)\n" \
    "    SELECT " AT("g.at") ", g.node_id, n.name, 'critical',\n" \
    "    'connection',\n" \
    "    'Node disconnected: ' || g.why, $1::uuid\n" \
    "    FROM gone g JOIN mast.nodes n ON n.id = g.node_id)\n" \
    "SELECT count(*) FROM gone"

/* $1 hub; arrays: $2 command, $3 state, $4 at, $5 error, $6 code, $7 the
 * node's configuration may have changed, $8 steps or NULL. A late answer corrects "unknown". */
#define FINALS \
    "WITH u AS (SELECT DISTINCT ON (id) * FROM unnest($2::uuid[],\n" \
    "    $3::text[], $4::bigint[], $5::text[], $6::text[], $7::boolean[],\n" \
    "    $8::text[])\n" \
    "    WITH ORDINALITY AS u(id, state, at, error, code, stale, steps, n)\n" \
    "    ORDER BY id, n DESC),\n" \
    "done AS (UPDATE mast.commands c SET\n" \
    "    state = u.state::mast.command_state, done_at = " AT("u.at") ",\n" \
    "    error = u.error, error_code = u.code,\n" \
    "    steps = coalesce(u.steps::json, c.steps)\n" \
    "    FROM u WHERE c.id = u.id AND (c.state IN ('sent', 'unknown')\n" \
    "    AND c.hub_id = $1::uuid OR c.state = 'queued'\n" \
    "    AND u.state = 'failed') RETURNING c.node_id, u.stale)\n" \
    "UPDATE mast.node_state t SET config_stale = true FROM done\n" \
    "WHERE done.stale AND t.node_id = done.node_id"

/* $1 hub; arrays: $2 command, $3 node, $4 epoch (0: it is not here), $5
 * whether the node remembers commands. Marked as sent before a byte leaves.
 * Answers for each: command, the action if it is to go out now, and who has
 * the node: own, other, or NULL for nobody. */
#define CLAIM \
    "WITH u AS (SELECT * FROM unnest($2::uuid[], $3::uuid[], $4::bigint[],\n" \
    "    $5::boolean[]) AS u(id, node, epoch, remembers)),\n" \
    "sent AS (UPDATE mast.commands c SET state = 'sent', hub_id = $1::uuid,\n" \
    "    epoch = u.epoch, sent_at = now(), remembers = u.remembers\n" \
    "    FROM u JOIN mast.node_sessions s ON s.node_id = u.node\n" \
    "    AND s.epoch = u.epoch AND s.hub_id = $1::uuid\n" \
    "    WHERE c.id = u.id AND c.node_id = u.node AND c.state = 'queued'\n" \
    "    AND c.expires_at > now() RETURNING c.id, c.action)\n" \
    "SELECT u.id, t.action, CASE WHEN s.hub_id <> $1::uuid\n" \
    "    AND h.stopped_at IS NULL AND h.lost_at IS NULL THEN 'other'\n" \
    "    WHEN s.hub_id = $1::uuid AND s.epoch = u.epoch THEN 'own' END\n" \
    "FROM u LEFT JOIN sent t ON t.id = u.id\n" \
    "LEFT JOIN mast.node_sessions s ON s.node_id = u.node\n" \
    "LEFT JOIN mast.hubs h ON h.id = s.hub_id"

/* $1 hub: what the database takes for live sessions of this hub, but for
 * those that are just being made. */
#define SESSIONS \
    "SELECT s.node_id, s.epoch FROM mast.node_sessions s\n" \
    "WHERE s.hub_id = $1::uuid AND s.connected_at < now() - interval '15 s'"

/* $1 hub, $2 whether none of ours may be one that never left. Commands past
 * their time, those of hubs that are long gone, and the net: what the hub
 * could not keep the end of. */
#define SWEEP \
    "WITH late AS (UPDATE mast.commands c SET state = 'expired',\n" \
    "    done_at = now(), error = 'not sent within its time to live'\n" \
    "    WHERE c.state = 'queued' AND c.expires_at <= now() RETURNING 1),\n" \
    "lost AS (UPDATE mast.commands c SET state = 'unknown',\n" \
    "    done_at = now(), error = 'the hub stopped before the answer'\n" \
    "    FROM mast.hubs h WHERE c.state = 'sent' AND h.id = c.hub_id\n" \
    "    AND h.id <> $1::uuid AND h.seen_at < now() - interval '60 s'\n" \
    "    RETURNING 1),\n" \
    "unsure AS (UPDATE mast.commands c SET state = 'unknown',\n" \
    "    done_at = now(), error = 'whether it was sent is not known'\n" \
    "    WHERE $2::boolean AND c.state = 'sent' AND c.hub_id = $1::uuid\n" \
    "    AND c.sent_at < now() - interval '5 minutes')\n" \
    "SELECT (SELECT count(*) FROM late), (SELECT count(*) FROM lost)"

/* $1 hub, $2 node, $3 epoch, $4 hash, $5 sealed text, $6 size, $7 dialect,
 * $8 commands that change a configuration, $9 when it came: it may have been
 * read before an ack that is stored already, and says nothing then of what
 * that made. One that is the last one again only moves its last_seen. What
 * such a command of ours made of the ordered one is ordered too. Answers,
 * when it may have drifted: the ordered hash and text, and the fingerprints
 * of the drift that was told and that is ignored. */
#define CONFIG_STORE \
    "WITH own AS (SELECT s.node_id FROM mast.node_sessions s\n" \
    "    WHERE s.node_id = $2::uuid AND s.epoch = $3::bigint\n" \
    "    AND s.hub_id = $1::uuid),\n" \
    "last AS (SELECT v.id, v.hash FROM mast.config_versions v\n" \
    "    WHERE v.node_id = $2::uuid ORDER BY v.id DESC LIMIT 1),\n" \
    "blob AS (INSERT INTO mast.config_blobs (hash, sealed, size, dialect)\n" \
    "    SELECT $4::bytea, $5::bytea, $6::int, $7::int FROM own\n" \
    "    ON CONFLICT (hash) DO NOTHING),\n" \
    "again AS (UPDATE mast.config_versions v SET last_seen_at = now()\n" \
    "    FROM last, own WHERE v.id = last.id AND last.hash = $4::bytea),\n" \
    "fresh AS (INSERT INTO mast.config_versions (node_id, hash, source)\n" \
    "    SELECT own.node_id, $4::bytea, 'reported' FROM own\n" \
    "    WHERE NOT EXISTS (SELECT FROM last WHERE hash = $4::bytea)),\n" \
    "way AS MATERIALIZED (SELECT k.node_id, EXISTS (SELECT\n" \
    "    FROM mast.commands c WHERE c.node_id = k.node_id\n" \
    "    AND c.config_hash IS NULL AND c.type = ANY($8::text[])\n" \
    "    AND (c.state = 'sent' OR c.state = 'acked'\n" \
    "    AND c.done_at > k.desired_at\n" \
    "    AND c.done_at <= " AT("$9::bigint") ")) AS ours, EXISTS (SELECT\n" \
    "    FROM mast.commands c WHERE c.node_id = k.node_id\n" \
    "    AND c.state = 'sent' AND c.config_hash IS NOT NULL) AS pushing\n" \
    "    FROM own JOIN mast.node_configs k ON k.node_id = own.node_id\n" \
    "    WHERE k.desired IS NOT NULL),\n" \
    "told AS (INSERT INTO mast.node_configs AS k (node_id, reported,\n" \
    "    reported_at) SELECT own.node_id, $4::bytea, " AT("$9::bigint") "\n" \
    "    FROM own\n" \
    "    ON CONFLICT (node_id) DO UPDATE SET reported = excluded.reported,\n" \
    "    reported_at = excluded.reported_at, desired = CASE WHEN (SELECT\n" \
    "    ours FROM way) THEN excluded.reported ELSE k.desired END,\n" \
    "    desired_at = CASE WHEN (SELECT ours FROM way)\n" \
    "    THEN excluded.reported_at ELSE k.desired_at END),\n" \
    "heard AS (UPDATE mast.node_state t SET config_stale = false FROM own\n" \
    "    WHERE t.node_id = own.node_id)\n" \
    "SELECT b.hash, b.sealed, k.drift_told, k.drift_ignored\n" \
    "FROM way w JOIN mast.node_configs k ON k.node_id = w.node_id\n" \
    "JOIN mast.config_blobs b ON b.hash = CASE WHEN w.ours THEN $4::bytea\n" \
    "    ELSE k.desired END\n" \
    "WHERE NOT w.pushing AND (w.ours OR k.desired_at > now()\n" \
    "    OR k.desired_at <= " AT("$9::bigint") ")\n" \
    "    AND (b.hash <> $4::bytea OR k.drift_told IS NOT NULL)"

/* $1 hub, $2 nodes that have a new session: their legs are due again, at
 * once. What is to be absent and was confirmed stays so. */
#define PUSH_BACK \
    "UPDATE mast.tunnel_legs l SET told_turn = NULL, attempts = 0,\n" \
    "    next_try_at = NULL FROM mast.node_sessions s\n" \
    "WHERE s.node_id = l.node_id AND s.hub_id = $1::uuid\n" \
    "    AND l.node_id = ANY($2::uuid[])\n" \
    "    AND (l.told_turn IS DISTINCT FROM l.turn\n" \
    "    OR l.want = 'present' AND l.told_epoch IS DISTINCT FROM s.epoch)"

/*
 * $1 hub, $2 tunnels and $3 legs that are on their way, $4 at most. The
 * relay of a tunnel comes first, in the session that it has now; a node that
 * has something to remove does that before it makes anything, because the
 * port may be the same (unless the removal keeps failing). Marked as tried
 * before a byte leaves: 20 seconds are more than the wait for an answer.
 */
#define PUSH_CLAIM \
    "WITH open AS MATERIALIZED (SELECT l.tunnel_id, l.leg, l.node_id,\n" \
    "    l.want, l.updated_at, s.epoch\n" \
    "    FROM mast.tunnel_legs l JOIN mast.node_sessions s\n" \
    "    ON s.node_id = l.node_id AND s.hub_id = $1::uuid\n" \
    "    WHERE l.told_turn IS DISTINCT FROM l.turn\n" \
    "    AND (l.next_try_at IS NULL OR l.next_try_at <= now())),\n" \
    "late AS MATERIALIZED (SELECT DISTINCT o.tunnel_id FROM open o\n" \
    "    JOIN mast.tunnel_legs r ON r.tunnel_id = o.tunnel_id\n" \
    "    AND r.leg = 'relay' AND r.want = 'present'\n" \
    "    LEFT JOIN mast.node_sessions rs ON rs.node_id = r.node_id\n" \
    "    WHERE o.leg <> 'relay' AND (r.told_turn IS DISTINCT FROM r.turn\n" \
    "    OR r.told_epoch IS DISTINCT FROM rs.epoch)),\n" \
    "busy AS MATERIALIZED (SELECT DISTINCT x.node_id\n" \
    "    FROM mast.tunnel_legs x WHERE x.want = 'absent'\n" \
    "    AND x.told_turn IS DISTINCT FROM x.turn AND x.attempts < 3),\n" \
    "due AS (SELECT l.tunnel_id, l.leg, l.node_id, o.epoch\n" \
    "    FROM open o JOIN mast.tunnel_legs l USING (tunnel_id, leg,\n" \
    "    node_id)\n" \
    "    LEFT JOIN unnest($2::uuid[], $3::text[]) AS f(tunnel, leg)\n" \
    "    ON f.tunnel = o.tunnel_id AND f.leg = o.leg\n" \
    "    LEFT JOIN late ON late.tunnel_id = o.tunnel_id\n" \
    "    LEFT JOIN busy ON busy.node_id = o.node_id\n" \
    "    WHERE f.tunnel IS NULL AND (o.want = 'absent'\n" \
    "    OR busy.node_id IS NULL\n" \
    "    AND (o.leg = 'relay' OR late.tunnel_id IS NULL))\n" \
    "    ORDER BY o.updated_at LIMIT $4::integer\n" \
    "    FOR UPDATE OF l SKIP LOCKED)\n" \
    "UPDATE mast.tunnel_legs l SET attempts = l.attempts + 1, sent = true,\n" \
    "    next_try_at = now() + interval '20 seconds'\n" \
    "FROM due d LEFT JOIN mast.tunnels t ON t.id = d.tunnel_id\n" \
    "WHERE l.tunnel_id = d.tunnel_id AND l.leg = d.leg\n" \
    "    AND l.node_id = d.node_id\n" \
    "RETURNING l.tunnel_id, l.leg, l.node_id, l.turn, d.epoch,\n" \
    "    l.want = 'present' AND t.id IS NOT NULL, t.name, t.protocol,\n" \
    "    t.mode, t.ingress_listen_port, t.egress_forward_addr,\n" \
    "    t.egress_peer_addr, t.relay_addrs[1], t.relay_addrs[2], t.secrets"

static const struct db_stmt stmts[] = {
	[STMT_HUB_START] = { "hub_start", HUB_START, 3, 0 },
	[STMT_HUB_BEAT] = { "hub_beat", HUB_BEAT, 2, DB_READ },
	[STMT_HUB_STOP] = { "hub_stop", HUB_STOP, 2, 0 },
	[STMT_VERSIONS] = { "versions",
	    "SELECT name, value FROM mast.versions", 0, DB_READ },
	[STMT_SETTINGS] = { "settings",
	    "SELECT key, value FROM mast.settings", 0, DB_READ },
	[STMT_NODES_CHANGED] = { "nodes_changed", NODES_CHANGED, 2, DB_READ },
	[STMT_NODE] = { "node", NODE, 1, DB_READ },
	[STMT_ENROLL] = { "enroll", ENROLL, 8, 0 },
	[STMT_SEEN] = { "seen", SEEN, 6, DB_READ },
	[STMT_EVENTS] = { "events", EVENTS, 14, 0 },
	[STMT_ENDS] = { "ends", ENDS, 6, 0 },
	[STMT_FINALS] = { "finals", FINALS, 8, 0 },
	[STMT_CLAIM] = { "claim", CLAIM, 5, 0 },
	[STMT_SESSIONS] = { "sessions", SESSIONS, 1, DB_READ },
	[STMT_SWEEP] = { "sweep", SWEEP, 2, DB_READ },
	[STMT_CONFIG_STORE] = { "config_store", CONFIG_STORE, 9, 0 },
	[STMT_PARTITIONS] = { "partitions",
	    "SELECT mast.ensure_partitions(7)", 0, DB_BULK },
	[STMT_RETENTION] = { "retention", RETENTION, 0, DB_BULK },
	[STMT_SEALS] = { "seals",
	    "SELECT seq, rows, ids::text, content, chain, signature, signer,"
	    " to_char(sealed_at AT TIME ZONE 'UTC',"
	    " 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"') FROM mast.audit_seals"
	    " WHERE seq >= $1::bigint ORDER BY seq LIMIT $2::integer", 2,
	    DB_READ },
	[STMT_SEAL_NEXT] = { "seal_next",
	    "SELECT * FROM mast.audit_seal_next($1::integer,"
	    " make_interval(secs => $2::bigint / 1000.0))", 2, DB_READ },
	[STMT_SEAL_ADD] = { "seal_add",
	    "SELECT mast.audit_seal_add($1::bigint, $2, $3::bigint,"
	    " $4::bytea, $5, $6::bytea, $7::bytea, $8::bytea)", 8, 0 },
	[STMT_CERT_USE] = { "cert_use",
	    "SELECT u.current, c.chain_pem, c.key_sealed, u.kept"
	    " FROM mast.certificate_use u LEFT JOIN mast.certificates c"
	    " ON c.id = u.current", 0, DB_READ },
	[STMT_CERT_EXPIRY] = { "cert_expiry",
	    "SELECT mast.certificate_expiry($1, $2, $3::timestamptz,"
	    " $4::uuid, $5)", 5, 0 },
	[STMT_PUSH_BACK] = { "push_back", PUSH_BACK, 2, DB_READ },
	[STMT_PUSH_CLAIM] = { "push_claim", PUSH_CLAIM, 4, 0 },
	[STMT_PUSH_RESULTS] = { "push_results",
	    "SELECT mast.tunnel_results($1::uuid, $2::uuid[], $3::text[],\n"
	    "    $4::uuid[], $5::bigint[], $6::bigint[], $7::integer[],\n"
	    "    $8::text[])", 8, 0 },
};

_Static_assert(nitems(stmts) == STMT__MAX, "a statement has no text");

static const struct db_part parts[] = {
	{ stmts, nitems(stmts) },
	[DB_PART(STMT_QUEUE_CLAIM)] = { stmt_queue, DB_ROW(STMT_QUEUE__END) },
	[DB_PART(STMT_ALARMS)] = { stmt_record, DB_ROW(STMT_RECORD__END) },
};

const struct db_part *
stmt_parts(size_t *n_r)
{
	*n_r = nitems(parts);
	return parts;
}

static void
dump(struct buf *b, const struct db_stmt *st)
{
	const char *p;

	buf_printf(b, "%s\t%u\t", st->name, st->nparams);
	for (p = st->sql; *p != '\0'; p++)
		if (*p == '\n')
			buf_puts(b, "\\n");
		else
			buf_putc(b, *p == '\t' ? ' ' : *p);
	buf_putc(b, '\n');
}

void
stmt_dump(struct buf *b)
{
	unsigned n;
	size_t i;

	for (i = 0; i < nitems(parts); i++)
		for (n = 0; n < parts[i].n; n++)
			dump(b, &parts[i].rows[n]);
}
