"""What a request left behind: a digest of every table that holds what
people made, and the audit beside it."""

# Tables that change by themselves while nodes and daemons live, and columns
# that say when somebody was last there.
ALIVE = {"audit", "audit_open", "audit_seals", "hubs", "node_state",
         "node_sessions", "tunnel_legs", "samples", "migrations",
         "versions", "events",
         "alarms", "minutes", "tens", "hours",
         "rollup_marks", "node_states"}
SEEN = ["last_used_at", "last_login_at", "reported_at", "last_seen_at"]


def digest(s):
    """table -> a hash of its rows."""
    tables = [t for t, in s.sql(
        "SELECT relname FROM pg_class WHERE relnamespace = 'mast'::regnamespace"
        " AND relkind IN ('r', 'p') AND NOT relispartition ORDER BY 1")
        if t not in ALIVE]
    parts = [
        "SELECT '%s', count(*), md5(coalesce(string_agg(x, ',' ORDER BY x), "
        "'')) FROM (SELECT (to_jsonb(t) - %%s::text[])::text AS x FROM "
        "mast.%s t) r" % (t, t) for t in tables]
    parts.append(
        "SELECT 'events', count(*), md5(coalesce(string_agg(x, ',' ORDER BY "
        "x), '')) FROM (SELECT to_jsonb(t)::text AS x FROM mast.events t "
        "WHERE acknowledged_at IS NOT NULL) r")
    rows = s.sql(" UNION ALL ".join(parts), *[SEEN] * len(tables))
    return {name: (n, text) for name, n, text in rows}


def changed(before, after):
    """The tables whose rows are not the same."""
    return sorted(t for t in set(before) | set(after)
                  if before.get(t) != after.get(t))


def audit(s):
    """The id of the last audit row."""
    return s.one("SELECT coalesce(max(id), 0) FROM mast.audit")


def audited(s, since):
    """What was audited after that row."""
    return [a for a, in s.sql("SELECT action FROM mast.audit WHERE id > %s "
                              "ORDER BY id", since)]
