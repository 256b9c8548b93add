/* stmt_queue: the SQL of commands that wait for their node. */
#include "db.h"
#include "stmt.h"
#include "stmt_part.h"

/*
 * $1 hub, $4 number of this claim; arrays: $2 node, $3 epoch, $5 whether it
 * remembers commands. Takes the head of each node's queue: marked as sent
 * before a byte leaves, if who ordered it may still have it done; root of the
 * host, by mastctl, may. A head that is locked (it is being cancelled) is
 * passed over with its node, so that nothing overtakes it. Answers: node,
 * command, epoch and the action, or why it was cancelled instead.
 */
#define QUEUE_CLAIM \
    "WITH own AS (SELECT u.* FROM unnest($2::uuid[], $3::bigint[],\n" \
    "    $5::boolean[]) AS u(node, epoch, remembers) JOIN mast.node_sessions s\n" \
    "    ON s.node_id = u.node AND s.epoch = u.epoch\n" \
    "    AND s.hub_id = $1::uuid),\n" \
    "head AS (SELECT c.id, c.node_id, own.epoch, own.remembers, c.actor_user,\n" \
    "    c.actor_token, c.min_role, c.by_tool\n" \
    "    FROM own CROSS JOIN LATERAL (SELECT q.id FROM mast.commands q\n" \
    "    WHERE q.node_id = own.node AND q.state = 'queued' AND q.queue\n" \
    "    AND q.expires_at > now() ORDER BY q.seq LIMIT 1) h\n" \
    "    JOIN mast.commands c ON c.id = h.id AND c.state = 'queued'\n" \
    "    FOR UPDATE OF c SKIP LOCKED),\n" \
    "ruled AS MATERIALIZED (SELECT head.*, CASE WHEN NOT head.by_tool\n" \
    "    THEN mast.command_refusal(head.actor_user, head.actor_token,\n" \
    "    head.node_id, head.min_role) END AS why FROM head),\n" \
    "sent AS (UPDATE mast.commands c SET state = 'sent',\n" \
    "    hub_id = $1::uuid, epoch = r.epoch, sent_at = now(),\n" \
    "    claim = $4::bigint, remembers = r.remembers\n" \
    "    FROM ruled r WHERE c.id = r.id AND r.why IS NULL\n" \
    "    RETURNING c.node_id, c.id, c.epoch, c.action),\n" \
    "refused AS (UPDATE mast.commands c SET state = 'cancelled',\n" \
    "    done_at = now(), error = r.why\n" \
    "    FROM ruled r WHERE c.id = r.id AND r.why IS NOT NULL\n" \
    "    RETURNING c.node_id, c.id, c.error, c.type, c.actor_name),\n" \
    "told AS (INSERT INTO mast.audit (actor_kind, actor_name, action,\n" \
    "    target_type, target_id, details)\n" \
    "    SELECT 'system', 'hubd', 'node.command.refused', 'node',\n" \
    "    r.node_id::text, jsonb_build_object('command_id', r.id,\n" \
    "    'type', r.type, 'ordered_by', r.actor_name, 'why', r.error)\n" \
    "    FROM refused r)\n" \
    "SELECT s.node_id, s.id, s.epoch, s.action, NULL FROM sent s\n" \
    "UNION ALL SELECT r.node_id, r.id, 0, NULL, r.error FROM refused r"

/* $1 hub: its nodes that something waits for. */
#define QUEUE_DUE \
    "SELECT DISTINCT c.node_id FROM mast.commands c\n" \
    "JOIN mast.node_sessions s ON s.node_id = c.node_id\n" \
    "    AND s.hub_id = $1::uuid\n" \
    "WHERE c.state = 'queued' AND c.queue AND c.expires_at > now()"

/* $1 hub; arrays: $2 claim, $3 a command of it, NULL: all. They were marked,
 * and nothing left. */
#define QUEUE_BACK \
    "UPDATE mast.commands c SET state = 'queued', hub_id = NULL,\n" \
    "    epoch = NULL, sent_at = NULL, claim = NULL, remembers = false\n" \
    "FROM unnest($2::bigint[], $3::uuid[]) AS u(claim, id)\n" \
    "WHERE c.state = 'sent' AND c.queue AND c.hub_id = $1::uuid\n" \
    "    AND c.claim = u.claim AND (u.id IS NULL OR c.id = u.id)\n" \
    "RETURNING c.node_id"

/*
 * $1 hub, $2 node, $3 epoch: its commands whose outcome is not known, of its
 * last few hundred, that went out while it remembered what it is told. Those
 * that an earlier try of this statement marked, whose answer got lost, have
 * claim 0. Sent again: the row says so before.
 */
#define AGAIN \
    "WITH own AS (SELECT s.node_id, s.epoch FROM mast.node_sessions s\n" \
    "    WHERE s.node_id = $2::uuid AND s.epoch = $3::bigint\n" \
    "    AND s.hub_id = $1::uuid),\n" \
    "q AS (SELECT x.* FROM own CROSS JOIN LATERAL (SELECT * FROM\n" \
    "    mast.commands c WHERE c.node_id = own.node_id\n" \
    "    ORDER BY c.seq DESC LIMIT 300) x\n" \
    "    WHERE x.remembers AND x.expires_at > now()\n" \
    "    AND x.sent_at > now() - interval '5 minutes'\n" \
    "    AND (x.state = 'unknown' OR x.state = 'sent'\n" \
    "    AND x.hub_id = $1::uuid AND (x.epoch < own.epoch OR x.claim = 0))\n" \
    "    AND mast.command_refusal(x.actor_user, x.actor_token, x.node_id,\n" \
    "    x.min_role) IS NULL ORDER BY x.seq DESC LIMIT 32),\n" \
    "again AS (UPDATE mast.commands c SET state = 'sent',\n" \
    "    hub_id = $1::uuid, epoch = $3::bigint, claim = 0,\n" \
    "    done_at = NULL, error = NULL, error_code = NULL\n" \
    "    FROM q WHERE c.id = q.id AND c.state = q.state\n" \
    "    RETURNING c.id, c.queue, c.action, c.seq)\n" \
    "SELECT a.id, a.queue, a.action FROM again a ORDER BY a.seq"

const struct db_stmt stmt_queue[DB_ROW(STMT_QUEUE__END)] = {
	[DB_ROW(STMT_QUEUE_CLAIM)] = { "queue_claim", QUEUE_CLAIM, 5, 0 },
	[DB_ROW(STMT_QUEUE_DUE)] = { "queue_due", QUEUE_DUE, 1, DB_READ },
	[DB_ROW(STMT_QUEUE_BACK)] = { "queue_back", QUEUE_BACK, 3, 0 },
	[DB_ROW(STMT_AGAIN)] = { "again", AGAIN, 3, 0 },
};
