/* stmt_history: samples, roll-ups, states. */
#include "db.h"
#include "stmt.h"
#include "stmt_sql.h"

/*
 * node, access, object, from, to, step, metric, names, units: what is wrong
 * and why, json. The finest table that still has the beginning and is no
 * finer than the step; points are of the step, from 1970 on.
 */
#define METRICS \
    "WITH RECURSIVE p AS (SELECT coalesce($4::timestamptz, e.t" \
    " - interval '1 hour') AS f, e.t FROM (SELECT" \
    " coalesce($5::timestamptz, now()) AS t) e)," \
    " w AS (SELECT p.f, p.t, coalesce($6::bigint, (SELECT min(s.s)" \
    " FROM unnest('{10,60,600,3600,21600,86400,604800}'::bigint[]) s(s)" \
    " WHERE extract(epoch FROM p.t - p.f) / s.s <= 720), 2678400) AS step," \
    " CASE WHEN p.f < now() - interval '90 days' THEN 3" \
    " WHEN p.f < now() - interval '14 days' THEN 2" \
    " WHEN p.f < now() - interval '2 days' THEN 1 ELSE 0 END AS least" \
    " FROM p)," \
    " q AS MATERIALIZED (SELECT w.f, w.t, l.level, greatest(w.step," \
    " ('{10,60,600,3600}'::bigint[])[l.level + 1]) AS step FROM w," \
    " LATERAL (SELECT greatest(w.least, CASE WHEN w.step >= 3600 THEN 3" \
    " WHEN w.step >= 600 THEN 2 WHEN w.step >= 60 THEN 1 ELSE 0 END)" \
    " AS level) l)," \
    " z AS (SELECT CASE WHEN q.f >= q.t THEN 'from'" \
    " WHEN extract(epoch FROM q.t - q.f) / q.step > 2000 THEN 'step' END" \
    " AS bad FROM q)," \
    " h AS MATERIALIZED (SELECT date_bin(make_interval(secs => q.step)," \
    " x.at, 'epoch') AS at, u.k, min(u.lo) AS lo, (sum(u.mean::float8" \
    " * coalesce(u.n, 1)) / nullif(sum(coalesce(u.n, 1)), 0))::real AS mean," \
    " max(u.hi) AS hi" \
    " FROM q JOIN z ON z.bad IS NULL, LATERAL (SELECT y.at, y.n, y.lo," \
    " y.mean, y.hi FROM mast.history y WHERE y.level = q.level" \
    " AND y.node_id = $1::uuid AND y.object = $3 AND y.at >= q.f" \
    " AND y.at < q.t OFFSET 0) x," \
    " unnest(x.n, x.lo, x.mean, x.hi) WITH ORDINALITY" \
    " AS u(n, lo, mean, hi, k) WHERE u.lo IS NOT NULL" \
    " AND ($7::text IS NULL OR ($8::text[])[u.k] = $7) GROUP BY 1, 2)," \
    " o AS ((SELECT s.object FROM mast.samples s" \
    " WHERE s.node_id = $1::uuid ORDER BY s.object LIMIT 1) UNION ALL" \
    " SELECT (SELECT s.object FROM mast.samples s WHERE s.node_id =" \
    " $1::uuid AND s.object > o.object ORDER BY s.object LIMIT 1)" \
    " FROM o WHERE o.object IS NOT NULL)," \
    " r AS ((SELECT s.object FROM mast.hours s" \
    " WHERE s.node_id = $1::uuid ORDER BY s.object LIMIT 1) UNION ALL" \
    " SELECT (SELECT s.object FROM mast.hours s WHERE s.node_id =" \
    " $1::uuid AND s.object > r.object ORDER BY s.object LIMIT 1)" \
    " FROM r WHERE r.object IS NOT NULL)" \
    " SELECT z.bad, CASE z.bad WHEN 'from' THEN 'must be before to'" \
    " ELSE 'must be so large that there are at most 2000 points' END," \
    " json_build_object('node_id', $1::uuid, 'object'," \
    " nullif($3, ''), 'from', mast.rfc3339(q.f), 'to', mast.rfc3339(q.t)," \
    " 'step', q.step, 'objects', (SELECT coalesce(json_agg(d.object" \
    " ORDER BY d.object), '[]'::json) FROM (SELECT o.object FROM" \
    " (SELECT object FROM o LIMIT 500) o WHERE o.object <> '' UNION SELECT" \
    " r.object FROM (SELECT object FROM r LIMIT 500) r" \
    " WHERE r.object <> '') d)," \
    " 'series', (SELECT coalesce(json_agg(json_build_object('metric'," \
    " m.name, 'unit', m.unit, 'points', c.points) ORDER BY m.k)," \
    " '[]'::json) FROM unnest($8::text[], $9::text[]) WITH ORDINALITY" \
    " AS m(name, unit, k) JOIN LATERAL (SELECT json_agg(json_build_array(" \
    "mast.rfc3339(h.at), h.lo, h.mean, h.hi) ORDER BY h.at) AS points" \
    " FROM h WHERE h.k = m.k) c ON c.points IS NOT NULL))" \
    " FROM q, z, mast.nodes a WHERE a.id = $1::uuid AND" \
    SEES("a.id", "2")

#define LENGTH(what) "round((SELECT coalesce(sum(extract(epoch" \
    " FROM upper(i) - lower(i))), 0) FROM unnest(" what ") i), 3)"

/*
 * node, access, range: json. Connected while an own critical alarm stands is
 * degraded. A node whose hub gives no sign of life is unknown since the last.
 */
#define STATES \
    "WITH k AS (SELECT CASE $3::text WHEN '24h' THEN interval '5 min'" \
    " WHEN '7d' THEN interval '1 hour' ELSE interval '4 hours' END AS cell," \
    " CASE $3::text WHEN '24h' THEN 288 WHEN '7d' THEN 168 ELSE 180 END" \
    " AS n, now() AS t)," \
    " p AS (SELECT k.cell, k.n, k.t, k.t - k.n * k.cell AS f FROM k)," \
    " c AS (SELECT s.at, s.state, lead(s.at, 1, greatest(p.t, s.at))" \
    " OVER (ORDER BY s.at) AS till FROM p, mast.node_states s" \
    " WHERE s.node_id = $1::uuid AND s.at <= p.t AND s.at >= coalesce(" \
    "(SELECT max(b.at) FROM mast.node_states b WHERE b.node_id = $1::uuid" \
    " AND b.at <= p.f), '-infinity'))," \
    " live AS (SELECT coalesce(range_agg(tstzrange(c.at, c.till))" \
    " FILTER (WHERE c.state = 'online'), '{}') - coalesce((SELECT" \
    " tstzmultirange(tstzrange(h.seen_at, NULL)) FROM mast.node_sessions s" \
    " JOIN mast.hubs h ON h.id = s.hub_id WHERE s.node_id = $1::uuid" \
    " AND h.seen_at < now() - interval '15 s'), '{}') AS up," \
    " coalesce(range_agg(tstzrange(c.at, c.till))" \
    " FILTER (WHERE c.state = 'offline'), '{}') AS off FROM c)," \
    " bad AS (SELECT coalesce(range_agg(tstzrange(a.first_at," \
    " a.closed_at)), '{}') AS r FROM mast.alarms a, p" \
    " WHERE a.node_id = $1::uuid AND a.severity = 'critical'" \
    " AND a.code <> 'node_offline' AND (a.closed_at IS NULL OR" \
    " a.closed_at > p.f))," \
    " s AS (SELECT g.i, tstzmultirange(tstzrange(p.f + g.i * p.cell," \
    " p.f + (g.i + 1) * p.cell)) AS r, p.f + g.i * p.cell AS at" \
    " FROM p, generate_series(0, p.n - 1) g(i))," \
    " l AS (SELECT s.i, s.at, " LENGTH("(s.r * live.up) - bad.r") \
    " AS online, " LENGTH("(s.r * live.up) * bad.r") " AS degraded, " \
    LENGTH("s.r * live.off") " AS offline, " \
    LENGTH("(s.r - live.up) - live.off") " AS unknown FROM s, live, bad)" \
    " SELECT json_build_object('node_id', $1::uuid, 'from'," \
    " mast.rfc3339(p.f), 'to', mast.rfc3339(p.t), 'cell_secs'," \
    " extract(epoch FROM p.cell)::integer, 'cells', (SELECT" \
    " json_agg(json_build_object('at', mast.rfc3339(l.at), 'state'," \
    " CASE WHEN l.offline > 0 THEN 'offline' WHEN l.degraded > 0" \
    " THEN 'degraded' WHEN l.online > 0 THEN 'online' ELSE 'unknown' END," \
    " 'online', l.online, 'degraded', l.degraded, 'offline', l.offline," \
    " 'unknown', l.unknown) ORDER BY l.i) FROM l))" \
    " FROM p, mast.nodes a WHERE a.id = $1::uuid AND" SEES("a.id", "2")

const struct db_stmt stmt_history[DB_ROW(STMT_HISTORY__END)] = {
	[DB_ROW(STMT_METRICS)] = { "metrics", METRICS, 9,
	    DB_READ | DB_ACTOR },
	[DB_ROW(STMT_STATES)] = { "states", STATES, 3, DB_READ | DB_ACTOR },
};
