#!/usr/bin/python3
"""Two hundred nodes of four kinds, and the traps that real ones lay. The
simulator keeps books of what it sent and what was acknowledged; here they
are compared with the database, through orderly stops and kills alike."""
import concurrent.futures
import datetime
import json
import signal
import sys
import time
import uuid

import mast
import tap
import ws
from hubkit import keyed_hash, kill_postgres, messages, status, wait_count

FLEET = 200
KINDS = ("edge-old", "edge", "relay", "gateway")


class Fleet:
    """Nodes of one simulator."""

    def __init__(self, s, name, n, *options, creds=None, kinds=("edge",)):
        self.s = s
        self.n = n
        self.ids = []
        if creds is None:
            creds = ""
            for i in range(n):
                kind = kinds[i % len(kinds)]
                node_id, token = s.admin().node_add(
                    "%s %03d" % (name, i),
                    "relay" if kind == "relay" else "edge")
                self.ids.append(node_id)
                creds += "token %s %s\n" % (token, kind)
        else:
            self.ids = [line.split()[1] for line in creds.splitlines()]
        self.kind = {node: kinds[i % len(kinds)]
                     for i, node in enumerate(self.ids)}
        self.sim = mast.Sim(s, *options, creds=creds)

    def report(self, name):
        return self.sim.report().get(name, 0)

    def wait(self, name, least, timeout=20):
        mast.wait_until(lambda: self.report(name) >= least, timeout,
                        "%s reaches %d" % (name, least), 0.1)
        return self.sim.report()

    def online(self, timeout=30):
        """All of them, in the simulator's view and then in ours."""
        mast.wait_until(lambda: self.report("online") == self.n, timeout,
                        "%d nodes are online" % self.n, 0.1)
        mast.wait_until(lambda: set(states(self).values()) == {"online"},
                        10, "REST shows all of them online", 0.2)
        return self

    def saved(self):
        """Credentials as the nodes keep them."""
        def whole():
            try:
                with open(self.sim.save_file) as f:
                    text = f.read()
            except FileNotFoundError:
                return None
            lines = [x for x in text.splitlines() if len(x.split()) == 3]
            return text if len(lines) == self.n else None
        return mast.wait_until(whole, 10, "credentials of all are saved")

    def lines(self, what):
        return [x.split()[1:] for x in self.sim.ledger()
                if x.startswith(what + " ")]

    def sent(self):
        """(node, number) -> when it was written, as unix time."""
        return {(node, int(seq)): int(us) / 1e6
                for node, seq, us in self.lines("event")}

    def stored(self):
        """(node, number) -> how often it is there."""
        return dict(((node, seq), n) for node, seq, n in self.s.sql(
            "SELECT node_id::text, (details->>'seq')::bigint, count(*) "
            "FROM mast.events WHERE category = 'sim' AND node_id = "
            "ANY(%s::uuid[]) GROUP BY 1, 2", self.ids))

    def stop(self):
        self.sim.stop()
        mast.wait_until(lambda: set(states(self).values()) == {"offline"},
                        10, "REST shows all of them offline", 0.2)


def states(fleet):
    """What REST says of each of its nodes."""
    listed = fleet.s.admin().get("/api/v1/nodes").want(200).json
    ours = set(fleet.ids)
    return {n["id"]: n["status"] for n in listed if n["id"] in ours}


def board(sock, cond, what, timeout=15):
    """The first update of a browser's socket with cond."""
    end = time.monotonic() + timeout * mast.PATIENCE
    while time.monotonic() < end:
        op, text = sock.recv(10 * mast.PATIENCE)
        tap.equal(op, ws.TEXT)
        doc = json.loads(text)
        if cond(doc):
            return doc
    raise AssertionError("no update with " + what)


def shared(s, name, make=None):
    """Fleets that live through several tests."""
    kept = s.__dict__.setdefault("fleets", {})
    if name not in kept:
        kept[name] = make()
    return kept[name]


def main_fleet(s):
    return shared(s, "main", lambda: Fleet(
        s, "main", FLEET, "--ack-ms", 300, "--shuffle", "--reconnect",
        "old", kinds=KINDS))


def test_registration(s):
    """200 nodes of four kinds register by tokens and are online in REST and
    on the dashboard"""
    before = status(s)
    fleet = main_fleet(s).online()
    tap.equal(fleet.report("registered"), FLEET)
    tap.equal(fleet.report("auth_error"), 0)
    tap.equal(status(s)["registered"] - before["registered"], FLEET)
    sock = s.admin().dashboard()

    def complete(doc):
        """Every node is there; those that send statistics have some."""
        seen = {n["node_id"]: n for n in doc["nodes"]}
        return all(i in seen and (fleet.kind[i] == "gateway" or
                                  seen[i]["stats"]) for i in fleet.ids)
    doc = board(sock, complete, "all nodes")
    tap.equal(doc["online_count"], len(doc["nodes"]))
    for n in doc["nodes"]:
        kind = fleet.kind[n["node_id"]]
        tap.equal(n["status"], "online")
        tap.equal(n["device_type"], "relay" if kind == "relay" else "edge")
        if kind == "gateway":
            tap.equal(n["stats"], None)
        else:
            assert n["health"], n["name"]
    sock.close()
    versions = {k: set() for k in KINDS}
    for node, version in s.sql("SELECT node_id::text, software_version FROM "
                               "mast.node_state WHERE node_id = "
                               "ANY(%s::uuid[])", fleet.ids):
        versions[fleet.kind[node]].add(version)
    assert all(len(v) == 1 for v in versions.values()), versions
    tap.equal(s.one("SELECT count(*) FROM mast.node_sessions WHERE node_id "
                    "= ANY(%s::uuid[])", fleet.ids), FLEET)


def test_commands(s):
    """Commands to all nodes, three at once to each, answered late and in
    shuffled order: each is acknowledged and was carried out once"""
    fleet = main_fleet(s).online()
    admin = s.admin()

    def command(node, i):
        if fleet.kind[node] == "relay":
            action = {"type": "close_tunnel", "tunnel_id":
                      str(uuid.uuid4())}
        else:
            action = {"type": "stop_flow", "flow_id": "f%d" % i}
        return admin.command(node, action).want(200).json["command_id"]
    with concurrent.futures.ThreadPoolExecutor(48) as pool:
        work = [(node, i) for node in fleet.ids for i in range(3)]
        ids = list(pool.map(lambda w: command(*w), work))
    tap.equal(len(set(ids)), 3 * FLEET)
    mast.wait_until(lambda: s.sql(
        "SELECT state::text, count(*) FROM mast.commands WHERE id = "
        "ANY(%s::uuid[]) GROUP BY 1", ids) == [("acked", 3 * FLEET)], 10,
        "all are acked in the journal")
    # The ledger is written out each second.
    mast.wait_until(lambda: len(fleet.lines("ack")) >= 3 * FLEET, 10,
                    "the ledger", 0.2)
    by_id = dict(zip(ids, (node for node, _ in work)))
    for what in ("command", "ack"):
        got = fleet.lines(what)
        tap.equal(len(got), 3 * FLEET, what + " lines")
        tap.equal({x[1]: x[0] for x in got}, by_id, what)
    tap.equal(s.one("SELECT count(*) FROM mast.audit WHERE action = "
                    "'node.command' AND request_id IS NOT NULL"), 3 * FLEET)


def epochs(fleet):
    return dict(fleet.s.sql(
        "SELECT node_id::text, epoch FROM mast.node_sessions WHERE node_id "
        "= ANY(%s::uuid[])", fleet.ids))


def test_reset_storm(s):
    """The whole fleet is cut off at once, twice, and comes back"""
    fleet = main_fleet(s).online()
    for times, cut in ((1, lambda: fleet.sim.proc.send_signal(
            signal.SIGUSR1)), (2, lambda: fleet.sim.say("reset"))):
        before = epochs(fleet)
        cut()
        fleet.wait("auth_ok", times * FLEET, 30)
        fleet.online()
        after = epochs(fleet)
        tap.equal(set(after), set(fleet.ids))
        assert all(after[i] > before[i] for i in fleet.ids), "epochs rise"
    tap.equal(fleet.report("auth_error") + fleet.report("auth_timeout"), 0)
    tap.equal(fleet.report("registered"), FLEET)


def test_books(s):
    """After orderly stops of nodes and of the hub every event is stored,
    once"""
    fleet = main_fleet(s).online()
    before = status(s)["events_received"]
    fleet.sim.say("events 1000")
    wait_count(s, "events_received", before + 1000)
    s.restart("hubd")           # in order, with the fleet connected
    tap.equal(len(fleet.stored()), 1000, "stored before the hub was gone")
    fleet.online()
    fleet.sim.say("events 500")
    fleet.wait("events", 1500)
    fleet.stop()                # says no more than a Close after them
    sent = fleet.sent()
    tap.equal(len(sent), 1500)
    mast.wait_until(lambda: len(fleet.stored()) >= 1500, 15,
                    "everything is stored", 0.2)
    tap.equal(fleet.stored(), dict.fromkeys(sent, 1))


# ---- kills

def windows(s):
    """[from, to] of each crash that a hub told of, as unix times."""
    return [tuple(datetime.datetime.fromisoformat(
        d[k].replace("Z", "+00:00")).timestamp() for k in ("from", "to"))
        for d, in s.sql("SELECT details FROM mast.events WHERE category = "
                        "'hub' AND details->>'error_code' = 'hub_crashed'")]


def growing(fleet, timeout=20):
    """Until events that are sent from now on are stored."""
    mark = len(fleet.sent()) + 1
    mast.wait_until(lambda: len(fleet.sent()) > mark + 20, timeout,
                    "nodes send", 0.2)
    have = len(fleet.stored())
    mast.wait_until(lambda: len(fleet.stored()) > have, timeout,
                    "events arrive", 0.2)


def test_kills(s):
    """hubd, apid, PostgreSQL are killed while nodes send: nothing stored is
    lost, nothing is there twice, and what is missing lies in the window
    that the hub names"""
    told = len(windows(s))
    fleet = Fleet(s, "kills", 60, "--events", 120, "--stats-ms", 1000,
                  kinds=KINDS).online()
    growing(fleet)

    def again(name):
        def run():
            s.kill(name)
            s.start(name)
        return run

    def database():
        kill_postgres(s)
        s.start_postgres()

    def both():
        kill_postgres(s)
        s.kill("hubd")
        s.start("hubd", wait=False)
        s.start_postgres()
    for crash in (again("hubd"), again("apid"), database, both):
        before = fleet.stored()
        crash()
        fleet.online()
        growing(fleet)
        after = fleet.stored()
        assert all(after.get(k) == n for k, n in before.items()), \
            "what was stored is lost or doubled"
    fleet.stop()
    sent = fleet.sent()
    crashes = windows(s)[told:]
    tap.equal(len(crashes), 2, "crashes told")

    def explained(at):
        # What a busy hub had not read yet when it died was sent before.
        return any(a - mast.PATIENCE <= at <= b for a, b in crashes)
    late = {k for k, at in sent.items() if not explained(at)}
    mast.wait_until(lambda: late <= set(fleet.stored()), 15,
                    "everything outside of the windows is stored", 0.2)
    got = fleet.stored()
    tap.equal(set(got.values()), {1}, "stored twice")
    tap.equal(set(got) - set(sent), set(), "never sent")
    print("# %d of %d events were lost, in windows of %s s" % (
        len(set(sent) - set(got)), len(sent),
        ", ".join("%.1f" % (b - a) for a, b in crashes)))
    assert sum(b - a for a, b in crashes) < 30 * mast.PATIENCE


# ---- traps

def test_spent_tokens(s):
    """hubd dies in the nodes' first session: they present spent tokens
    again and get in, with secrets that last"""
    before = status(s)
    fleet = Fleet(s, "spent", 20, "--trap", "spent-token",
                  kinds=KINDS).online()
    tap.equal(fleet.report("registered"), 20)
    s.kill("hubd")
    s.start("hubd")
    fleet.wait("registered", 40)
    fleet.online()
    tap.equal(status(s)["token_reused"], 20)
    assert before["token_reused"] == 0
    tap.equal(s.sql("SELECT DISTINCT t.reuses FROM mast.node_tokens t WHERE "
                    "t.node_id = ANY(%s::uuid[])", fleet.ids), [(1,)])
    tap.equal(s.one("SELECT count(*) FROM mast.audit WHERE action = "
                    "'node.token_reuse' AND target_id = ANY(%s)",
                    fleet.ids), 20)
    creds = fleet.saved()
    fleet.stop()
    again = Fleet(s, "spent", 20, creds=creds).online()
    tap.equal(again.report("auth_ok"), 20)
    again.stop()


def test_old_secrets(s):
    """After a rotation the old secrets serve until the new ones are used;
    then their holders are refused without end and without harm"""
    first = Fleet(s, "rotate", 10).online()
    old = first.saved()
    first.stop()
    new = ""
    for i, line in enumerate(old.splitlines()):
        kind, node, _ = line.split()
        secret = "%064x" % (0xabc000 + i)
        s.sql("INSERT INTO mast.node_secrets (node_id, secret_hash) VALUES "
              "(%s, %s)", node, keyed_hash(s, "node", secret))
        new += "%s %s %s\n" % (kind, node, secret)
    stale = Fleet(s, "rotate", 10, "--reconnect", "old", creds=old).online()
    before = status(s)
    fresh = Fleet(s, "rotate", 10, creds=new).online()
    stale.wait("auth_error", 10)
    tap.equal(fresh.report("online"), 10)
    got = status(s)
    assert got["auth_refused"] - before["auth_refused"] >= 10
    tap.equal(stale.report("online"), 0)
    tap.equal(set(states(fresh).values()), {"online"})
    tap.equal(fresh.report("connects"), 10, "no session was disturbed")
    stale.sim.stop()
    fresh.stop()


def test_duplicates(s):
    """Two holders of one identity: they replace each other at their own
    pace, one event for each node tells it, and the others are served"""
    first = Fleet(s, "twins", 3).online()
    creds = first.saved()
    first.stop()
    other = Fleet(s, "beside", 5).online()
    before = status(s)
    twins = Fleet(s, "twins", 3, "--trap", "duplicate", "--sources",
                  "127.0.0.2-127.0.0.3", "--reconnect", "old", creds=creds)
    begin = time.monotonic()
    wait_count(s, "clones", before["clones"] + 3, 30)
    took = time.monotonic() - begin
    replaced = status(s)["replaced"] - before["replaced"]
    assert replaced <= 3 * (took + 5), "%d in %.1f s" % (replaced, took)
    mast.wait_until(lambda: all(len(messages(s, i, "security")) == 1
                                for i in twins.ids), 10, "the events")
    wait_count(s, "replaced", before["replaced"] + replaced + 6, 20)
    for i in twins.ids:
        found = messages(s, i, "security")
        tap.equal(len(found), 1, "one event, not one for each turn")
        assert "127.0.0.2" in found[0] and "127.0.0.3" in found[0], found
        tap.equal(s.one("SELECT count(*) FROM mast.node_sessions WHERE "
                        "node_id = %s", i), 1)
    tap.equal(other.report("connects"), 5, "the others stay connected")
    twins.sim.stop()
    other.stop()


def test_glitches(s):
    """A frame between two timers of the edge, without its flows, does not
    blank them on the dashboard"""
    before = status(s)["glitches"]
    fleet = Fleet(s, "glitch", 8, "--trap", "glitch", "--flows", 3,
                  "--stats-ms", 300, kinds=("edge", "edge-old")).online()
    sock = s.admin().dashboard()

    def of(doc):
        return {n["node_id"]: n for n in doc["nodes"]
                if n["node_id"] in fleet.ids}
    board(sock, lambda d: len(of(d)) == 8 and all(
        n["stats"] for n in of(d).values()), "all with statistics")
    rounds = 0
    while rounds < 4 or status(s)["glitches"] < before + 20:
        rounds += 1
        doc = of(json.loads(sock.recv(10 * mast.PATIENCE)[1]))
        for n in doc.values():
            tap.equal(len(n["stats"]["flows"]), 3, "flows")
            m = dict(n["driver_metrics"]["metrics"])
            tap.equal(m["total_flows"], 3, "the number of flows")
            assert m["total_bitrate_bps"] > 0
            assert len(n["driver_metrics"]["items"]) >= 3
        assert rounds < 60, "no glitch came"
    sock.close()
    fleet.stop()


def test_garbage(s):
    """Nodes that send garbage are borne; the frames are counted"""
    before = status(s)["frames_malformed"]
    fleet = Fleet(s, "garbage", 10, "--trap", "garbage", "--events",
                  20).online()
    wait_count(s, "frames_malformed", before + 10)
    fleet.wait("events", 20)
    tap.equal(fleet.report("connects"), 10, "nobody was closed for it")
    fleet.stop()
    sent = fleet.sent()
    mast.wait_until(lambda: fleet.stored() == dict.fromkeys(sent, 1), 10,
                    "their events are stored, once")


def test_oversize(s):
    """Frames beyond the limit are closed with 1009 and cost nothing more"""
    before = status(s)
    fleet = Fleet(s, "oversize", 10, "--trap", "oversize", "--reconnect",
                  "none")
    fleet.wait("close_frames", 10)
    mast.wait_until(lambda: set(states(fleet).values()) == {"offline"}, 10,
                    "offline")
    for i in fleet.ids:
        found = messages(s, i, "connection")
        tap.equal(len(found), 2, found)
        tap.contains(found[1], "message too large")
    got = status(s)
    tap.equal(got["violations"] - before["violations"], 10)
    # 10 times 6 MiB were announced; none of it was reserved.
    if "rss_bytes" in got:
        assert got["rss_bytes"] - before["rss_bytes"] < 30 << 20, got
    fleet.sim.stop()


def test_slow_readers(s):
    """Nodes that do not read cost their callers a deadline; the others are
    served at once, and what the slow ones send is stored"""
    slow = Fleet(s, "slow", 4, "--trap", "slow-reader", "--events",
                 20).online()
    quick = Fleet(s, "quick", 4).online()
    admin = s.admin()
    action = {"type": "start_flow", "flow_id": "f", "pad": "x" * 40000}
    body = {"type": "stop_flow", "flow_id": "f"}
    with concurrent.futures.ThreadPoolExecutor(40) as pool:
        late = [pool.submit(admin.command, node, body)
                for node in slow.ids for _ in range(8)]
        late += [pool.submit(admin.command, node, action)
                 for node in slow.ids]
        for node in quick.ids:
            begin = time.monotonic()
            admin.command(node, body).want(200)
            assert time.monotonic() - begin < 3 * mast.PATIENCE
        answers = [f.result().status for f in late]
    assert set(answers) <= {504, 422}, answers
    assert answers.count(504) >= 32, answers
    tap.equal(slow.report("connects"), 4, "they stay connected")
    tap.equal(set(states(slow).values()), {"online"})
    quick.stop()
    slow.stop()
    sent = slow.sent()
    mast.wait_until(lambda: slow.stored() == dict.fromkeys(sent, 1), 10,
                    "their events are stored, once")


def test_afterwards(s):
    """The hub's own books add up"""
    got = status(s)
    for name in ("events_dropped", "events_dead", "rows_dead",
                 "events_limited", "sessions", "events_waiting"):
        tap.equal(got[name], 0, name)
    tap.equal(got["events_received"], got["events_stored"])
    tap.equal(s.one("SELECT count(*) FROM mast.node_sessions"), 0)


if __name__ == "__main__":
    mast.main(sys.modules[__name__])
