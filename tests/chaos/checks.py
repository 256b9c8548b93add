"""The invariants: each compares books with the database (or the machine) and
returns what does not agree, which must be nothing."""
import collections
import datetime
import glob
import json
import os
import time

import mast
import tap
from books import ACKED, REFUSED, UNKNOWN
from hubkit import status

CHECKS = []


def invariant(title):
    def add(fn):
        CHECKS.append((fn.__name__, title, fn))
        return fn
    return add


def entries(run, *what):
    return [e for c in run.clients for e in c.entries if e.what in what]


def column(s, text, *args):
    return [r[0] for r in s.sql(text, *args)]


def patient(rows, seconds):
    """What rows() still finds after so long, asked until it is nothing."""
    end = time.monotonic() + seconds * mast.PATIENCE
    while True:
        found = rows()
        if not found or time.monotonic() > end:
            return found
        time.sleep(0.1)


@invariant("the fleet is back, and everything it sent is read")
def settled(run):
    return run.unsettled


# ---- clients

@invariant("every acknowledged id is stored, every refused one is not")
def acknowledged_stored(run):
    bad = []
    for what, sql in (("node", "SELECT name, id::text FROM mast.nodes"),
                      ("user", "SELECT username, id::text FROM mast.users")):
        rows = collections.defaultdict(list)
        for name, i in run.s.sql(sql):
            rows[name].append(i)
        for e in entries(run, what):
            have = [i for i in rows[e.data["name"]]] + [
                i for i in run.renamed if e.json.get("id") == i] + [
                i for i in run.removed if e.json.get("id") == i]
            have = set(have)
            if e.outcome == ACKED and not have:
                bad.append("%s %s: answered %d, not stored" % (
                    what, e.data["name"], e.status))
            if e.outcome == ACKED and "id" in e.json and \
                    e.json["id"] not in have:
                bad.append("%s %s: another id than the answer's" % (
                    what, e.data["name"]))
            if len(rows[e.data["name"]]) > 1:
                bad.append("%s %s: stored twice for one key" % (
                    what, e.data["name"]))
            if not e.maybe and have:
                bad.append("%s %s: refused, and stored" % (
                    what, e.data["name"]))
    return bad


@invariant("the last acknowledged change of each thing is what is stored")
def last_write_stored(run):
    """One whose outcome is not known may come later than the next one: its
    request can still wait for the database."""
    bad = []
    names = dict(run.s.sql("SELECT id::text, name FROM mast.nodes"))
    for c in run.clients:
        last, maybe = {}, collections.defaultdict(set)
        for e in c.entries:
            if e.what == "rename" and e.outcome == ACKED:
                last[e.data["id"]] = e.data["name"]
            elif e.what == "rename" and e.outcome == UNKNOWN:
                maybe[e.data["id"]].add(e.data["name"])
            elif e.what == "remove" and e.outcome != REFUSED:
                if e.outcome == ACKED and e.data["id"] in names:
                    bad.append("node %s: removed, and there" % e.data["id"])
                last.pop(e.data["id"], None)
        bad += ["node %s: named %r, not %r" % (i, names.get(i), n)
                for i, n in last.items()
                if names.get(i) not in maybe[i] | {n}]
    last, maybe = None, set()
    for e in entries(run, "settings"):
        if e.outcome == ACKED:
            last = e.data["value"]
        elif e.outcome == UNKNOWN:
            maybe.add(e.data["value"])
    have = run.s.one("SELECT value FROM mast.settings WHERE key = "
                     "'events_retention_days'")
    if last is not None and have not in maybe | {last}:
        bad.append("settings: %s, not %s" % (have, last))
    return bad


@invariant("every acknowledgement of an event is stored")
def event_acks_stored(run):
    have = set(column(run.s, "SELECT id FROM mast.events "
                      "WHERE acknowledged_at IS NOT NULL"))
    return ["event %d" % e.data["id"] for e in entries(run, "ack")
            if e.outcome == ACKED and e.data["id"] not in have]


@invariant("every write that was answered 2xx has its audit row")
def audited(run):
    want = {e.request: e for c in run.clients for e in c.entries
            if e.outcome == ACKED and not e.replayed}
    have = set(column(run.s, "SELECT request_id FROM mast.audit WHERE "
                      "request_id = ANY(%s)", list(want)))
    bad = ["%s %s, request %s" % (e.method, e.path, r)
           for r, e in want.items() if r not in have]
    # What was replayed has it under the request that made the change.
    keys = [e.key for c in run.clients for e in c.entries
            if e.outcome == ACKED and e.replayed]
    return bad + ["key %s" % k for k in column(
        run.s, "SELECT k.key FROM mast.idempotency_keys k WHERE k.key = "
        "ANY(%s) AND NOT EXISTS (SELECT FROM mast.audit a "
        "WHERE a.request_id = k.request_id)", keys)]


@invariant("a request with an Idempotency-Key ran at most once")
def ran_once(run):
    bad = ["node %s" % n for n in column(
        run.s, "SELECT details->>'name' FROM mast.audit WHERE action = "
        "'node.create' AND details->>'name' LIKE 'chaos-node-%%' "
        "GROUP BY 1 HAVING count(*) > 1")]
    flows = collections.Counter(a.get("flow_id") for w in run.witnesses
                                for _, a in w.commands)
    return bad + ["flow %s: %d times" % (f, n)
                  for f, n in flows.items() if n > 1]


@invariant("every answer is as the API describes it")
def described(run):
    return [w for c in run.clients for w in c.wrong]


# ---- commands

def received(run):
    """id: how often nodes got it; id: what they answered."""
    got, acks = collections.Counter(), {}
    for book in run.ledgers:
        got.update(book.commands)
        acks.update(book.acks)
    for w in run.witnesses:
        got.update(i for i, _ in w.commands)
        acks.update((i, "ok") for i, _ in w.commands)
    return got, acks


@invariant("every command of an answer is in the journal, with one end")
def commands_end(run):
    open_ones = patient(lambda: column(
        run.s, "SELECT id FROM mast.commands WHERE state IN ('queued', "
        "'sent')"), 60)
    have = set(column(run.s, "SELECT id::text FROM mast.commands"))
    return ["%s has no end" % i for i in open_ones] + [
        "%s was answered %d and is not there" % (e.json["command_id"],
                                                 e.status)
        for e in entries(run, "command", "queue")
        if e.json.get("command_id") and e.json["command_id"] not in have]


@invariant("every command was executed at most once")
def commands_once(run):
    return ["%s: %d times" % (i, n) for i, n in received(run)[0].items()
            if n > 1]


@invariant("the end of every command is what really happened")
def commands_true(run):
    got, acks = received(run)
    bad, known = [], set()
    for i, state, error in run.s.sql(
            "SELECT id::text, state::text, error FROM mast.commands"):
        known.add(i)
        if state == "acked" and acks.get(i) != "ok":
            bad.append("%s: acked, the node said %s" % (i, acks.get(i)))
        if state in ("expired", "cancelled") and got[i]:
            bad.append("%s: %s, and executed" % (i, state))
        if state == "failed" and got[i] and acks.get(i) != "refused":
            bad.append("%s: failed (%s), and executed" % (i, error))
    bad += ["%s: executed, and not in the journal" % i
            for i in got if i not in known]
    return bad + ["%s: cancelled with 204, and executed" % e.data["id"]
                  for e in entries(run, "cancel")
                  if e.outcome == ACKED and got[e.data["id"]]]


# ---- events

@invariant("events of nodes that number them are stored exactly once")
def numbered_events(run):
    def rows():
        bad = []
        for node, sent in run.books[run.numbered].sent.items():
            have = collections.Counter(column(
                run.s, "SELECT boot_seq FROM mast.events WHERE node_id = %s "
                "AND boot IS NOT NULL", node))
            missing = [n for n in sent if n not in have]
            if missing:
                bad.append("%s: %d of %d missing, first %d" % (
                    node, len(missing), len(sent), min(missing)))
            if len(have) > len(sent):
                bad.append("%s: more than it sent" % node)
        return bad
    return patient(rows, 20)


@invariant("no (node, boot, sequence) is stored twice")
def no_event_twice(run):
    return ["%s %s" % r for r in run.s.sql(
        "SELECT node_id, boot_seq FROM mast.events WHERE boot IS NOT NULL "
        "GROUP BY node_id, boot, boot_seq HAVING count(*) > 1")] + [
        "%s %s (stock)" % r for r in run.s.sql(
            "SELECT node_id, message FROM mast.events WHERE boot IS NULL "
            "AND category = 'sim' GROUP BY 1, 2 HAVING count(*) > 1")]


def windows(s):
    """(from, to, ids of nodes) of each crash that was told."""
    return [(unix(d["from"]), unix(d["to"]), set(d["node_ids"]))
            for d in column(s, "SELECT details FROM mast.events WHERE "
                            "details->>'error_code' = 'hub_crashed'")]


def unix(text):
    return datetime.datetime.fromisoformat(
        text.replace("Z", "+00:00")).timestamp()


@invariant("events of stock nodes are stored, counted as dropped, or in the "
           "window of a crash that was told")
def stock_events(run):
    def rows():
        # What a hub had not read yet when it died was sent before.
        told = [(a - mast.PATIENCE, b, who) for a, b, who in windows(run.s)]
        drops = dict(run.s.sql(
            "SELECT node_id::text, sum((details->>'dropped')::bigint) FROM "
            "mast.events WHERE details->>'error_code' = 'events_dropped' "
            "GROUP BY 1"))
        bad = []
        for node, sent in run.books[run.stock].sent.items():
            have = set(column(
                run.s, "SELECT (details->>'seq')::bigint FROM mast.events "
                "WHERE node_id = %s AND category = 'sim'", node))
            missing = [n for n in sent if n not in have]
            outside = [n for n in missing if not any(
                a <= sent[n] <= b and node in who for a, b, who in told)]
            dropped = int(drops.get(node, 0))
            if not len(outside) <= dropped <= len(missing):
                bad.append("%s: %d of %d missing, %d outside of every "
                           "window, %d counted as dropped; first %s" % (
                               node, len(missing), len(sent), len(outside),
                               dropped, min(outside, default=None)))
        return bad
    return patient(rows, 15)


# ---- the audit

@invariant("the audit verifies, has no gap, and all of it is sealed")
def audit_chain(run):
    run.s.ctl("audit", "seal")
    bad = column(run.s, "SELECT 'open: ' || id FROM mast.audit_open")
    out = run.s.ctl("audit", "verify", want=None)
    if "verified" not in out:
        bad.append(out)
    return bad + ["row %s is in %s seals" % r for r in run.s.sql(
        "SELECT a.id, count(s.seq) FROM mast.audit a LEFT JOIN "
        "mast.audit_seals s ON a.id <@ s.ids GROUP BY a.id "
        "HAVING count(s.seq) <> 1")]


# ---- the fleet

@invariant("sessions in the database = open sockets = the fleet")
def sessions_true(run):
    def rows():
        fleet = {n for b in run.ledgers for n, up in b.nodes.items() if up}
        fleet |= {w.id for w in run.witnesses}
        held = set(column(run.s, "SELECT node_id::text FROM "
                          "mast.node_sessions"))
        online = set(column(run.s, "SELECT node_id::text FROM "
                            "mast.node_state WHERE status = 'online'"))
        open_ones = sockets(run.s.node_port)
        bad = ["%s: a session and no node" % i for i in held - fleet]
        bad += ["%s: here and no session" % i for i in fleet - held]
        bad += ["%s: online or session, not both" % i
                for i in online ^ held]
        if not len(held) == open_ones == status(run.s)["sessions"]:
            bad.append("%d sessions stored, %d sockets, %d in the hub" % (
                len(held), open_ones, status(run.s)["sessions"]))
        return bad
    return patient(rows, 30)


def sockets(port):
    """Established TCP connections of a local server's port."""
    with open("/proc/net/tcp") as f:
        rows = [line.split() for line in f.readlines()[1:]]
    return sum(r[3] == "01" and int(r[1].split(":")[1], 16) == port
               for r in rows)


@invariant("a cached configuration is the one that was last reported")
def config_cached(run):
    bad = []
    for w in run.witnesses:
        r = run.s.admin().command(w.id, {"type": "get_config"})
        if r.status != 200:
            bad.append("%s: get_config: %r" % (w.id, r))
            continue
        found = patient(lambda: [] if run.s.admin().get(
            "/api/v1/nodes/%s/config" % w.id).json == w.reported
            else ["%s: not what it reported" % w.id], 5)
        bad += found
    return bad


@invariant("a dashboard equals the hub within two seconds")
def dashboard_true(run):
    want = set(column(run.s, "SELECT node_id::text FROM mast.node_sessions"))
    sock, seen = run.s.admin().dashboard(), set()
    end = time.monotonic() + 2 * mast.PATIENCE
    try:
        while seen != want and time.monotonic() < end:
            seen = {n["node_id"] for n in json.loads(sock.recv(
                10 * mast.PATIENCE)[1]).get("nodes", ())}
    finally:
        sock.close()
    return ["%s: on one side only" % i for i in seen ^ want]


# ---- the machine

def resident(pid):
    with open("/proc/%d/status" % pid) as f:
        for line in f:
            if line.startswith("VmRSS:"):
                return int(line.split()[1])
    return 0


def usage(s):
    """name: descriptors, memory and database connections."""
    out = {}
    for name in mast.DAEMONS:
        pid = s.pids[name]
        out[name + " descriptors"] = len(os.listdir("/proc/%d/fd" % pid))
        out[name + " KiB"] = resident(pid)
    for role, n in s.sql("SELECT usename, count(*) FROM pg_stat_activity "
                         "WHERE usename LIKE '\\_mast%%' GROUP BY 1"):
        out[role + " connections"] = n
    return out


@invariant("descriptors, memory and database connections are back")
def nothing_leaks(run):
    def rows():
        bad = []
        for name, now in usage(run.s).items():
            was = run.baseline.get(name, 0)
            limit = was * 3 // 2 + 32768 if "KiB" in name else was + 3
            if now > limit:
                bad.append("%s: %d, was %d" % (name, now, was))
        return bad
    return patient(rows, 20)


@invariant("no daemon ended by itself, none left a core")
def nobody_died(run):
    return run.died + glob.glob(os.path.join(
        run.s.state, "**", "core*"), recursive=True) + glob.glob(
            os.path.join(mast.BUILD, "core*"))


@invariant("no secret is in a log")
def no_secret_logged(run):
    secrets = {run.s.info["admin"]["password"], mast_password()}
    for c in run.clients:
        secrets |= {c.session.token, c.session.csrf}
        secrets |= {e.body["password"] for e in c.entries
                    if e.what == "user"}
        secrets |= {e.json["registration_token"] for e in c.entries
                    if "registration_token" in e.json}
    secrets |= {w.secret for w in run.witnesses} | set(run.tokens)
    for sim in run.sims:
        with open(sim.save_file) as f:
            secrets |= {line.split()[2] for line in f}
    bad = []
    for path in glob.glob(os.path.join(run.s.state, "log", "*")):
        with open(path, errors="replace") as f:
            text = f.read()
        bad += ["%s: one of %d characters" % (path, len(x))
                for x in secrets if x and x in text]
    return bad


def mast_password():
    return "Passw0rd-x"


def judge(run):
    """(name, title, what is wrong) of every invariant."""
    out = []
    for name, title, fn in CHECKS:
        try:
            rows = fn(run)
        except Exception as why:        # noqa: not to be checked is wrong
            rows = ["%s: %s" % (type(why).__name__, why)]
        out.append((name, title, rows))
    return out


def show(name, title, rows):
    tap._comment("%s: %s\n%s" % (name, title, "\n".join(
        "  " + str(r) for r in rows[:20])))
    if len(rows) > 20:
        tap._comment("  and %d more" % (len(rows) - 20))
