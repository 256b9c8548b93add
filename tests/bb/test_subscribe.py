#!/usr/bin/python3
"""The subscribing feed: snapshots, deltas, resumption, rights, refusals."""
import json
import os
import socket
import statistics
import sys
import time

import hubkit
import mast
import tap
import ws

ALL = ["status", "stats", "health", "events", "alarms", "commands"]


class Feed:
    """A browser that keeps the books the protocol lets it keep."""

    def __init__(self, session, **sub):
        self.session = session
        self.nodes, self.events, self.commands, self.alarms = {}, [], [], []
        self.epoch = self.seq = self.news = None
        self.online = self.hub = self.reason = None
        self.log = []
        self.sock = session.dashboard()
        if sub:
            self.say(type="subscribe", **sub)

    def say(self, **message):
        self.sock.text(json.dumps(message))

    def read(self, timeout=10):
        op, text = self.sock.recv(timeout * mast.PATIENCE)
        tap.equal(op, ws.TEXT, "opcode")
        doc = json.loads(text)
        doc["at"] = time.time()
        doc["bytes"] = len(text)
        self.log.append(doc)
        self.apply(doc)
        return doc

    def apply(self, doc):
        kind = doc["type"]
        if kind == "snapshot":
            self.nodes = {n["node_id"]: n for n in doc["nodes"]}
            self.reason, self.news = doc["reason"], doc["news"]
        elif kind == "delta":
            tap.equal(doc["since"], self.seq, "a delta follows the last one")
            for gone in doc["removed"]:
                self.nodes.pop(gone, None)
            for n in doc["nodes"]:
                self.nodes.setdefault(n["node_id"], {}).update(n)
        elif kind == "news":
            assert self.news is None or doc["news"] > self.news, doc["news"]
            self.news = doc["news"]
            for name in ("events", "commands", "alarms"):
                getattr(self, name).extend(doc.get(name, []))
        if kind in ("snapshot", "delta"):
            self.epoch, self.seq = doc["epoch"], doc["seq"]
            self.online, self.hub = doc["online_count"], doc["hub_connected"]

    def until(self, cond, what, timeout=10):
        end = time.monotonic() + timeout * mast.PATIENCE
        while time.monotonic() < end:
            value = cond(self)
            if value:
                return value
            self.read(timeout)
        raise AssertionError("never: " + what)

    def resume(self):
        return {"epoch": self.epoch, "seq": self.seq, "news": self.news}

    def close(self):
        self.sock.close()


def stats_of(n, node):
    return (n.nodes.get(node.id) or {}).get("stats")


def test_snapshot_and_deltas(s):
    """A snapshot first, then only what changed"""
    a, b = s.node("delta a"), s.node("delta b")
    a.stats()
    b.stats()
    f = Feed(s.admin(), topics=["status", "stats", "health"],
             nodes=[a.id, b.id])
    tap.equal(f.read()["type"], "snapshot", "the first word")
    tap.equal(f.reason, "subscribe")
    tap.equal(f.log[0]["topics"], ["status", "stats", "health"])
    f.until(lambda f: stats_of(f, a) and stats_of(f, b), "both stats")
    got = f.nodes[a.id]
    tap.equal((got["name"], got["status"], got["device_type"]),
              ("delta a", "online", "edge"))
    tap.equal(got["health"], mast.sample("edge_health_head")["payload"])
    tap.equal(got["metrics"]["active_flows"], 1)
    tap.equal(f.online, 2)
    payload = dict(mast.sample("edge_stats_1udp_head")["payload"],
                   uptime_secs=4711)
    mark = len(f.log)
    a.stats(payload)
    f.until(lambda f: (stats_of(f, a) or {}).get("uptime_secs") == 4711,
            "the new stats")
    changed = [n for doc in f.log[mark:] for n in doc["nodes"]
               if n["node_id"] == a.id]
    assert changed and all("name" not in n and "health" not in n
                           for n in changed), changed
    assert not any(n["node_id"] == b.id and "stats" in n
                   for doc in f.log[mark:] for n in doc["nodes"])
    b.close()
    f.until(lambda f: b.id not in f.nodes, "the removal")
    tap.equal(f.online, 1)
    f.close()
    a.close()


def test_idle(s):
    """Without a change a text every five seconds, and nothing in it"""
    n = s.node("idle")
    f = Feed(s.admin(), topics=["status"], nodes=[n.id])
    f.until(lambda f: n.id in f.nodes, "the node")
    doc = f.read(8)
    tap.equal((doc["type"], doc["nodes"], doc["removed"]), ("delta", [], []))
    f.close()
    n.close()


def test_topics_and_nodes(s):
    """Only the chosen nodes, and only the chosen members of them"""
    a, b = s.node("chosen"), s.node("not chosen")
    f = Feed(s.admin(), topics=["stats"], nodes=[a.id], stats="numbers")
    a.stats()
    b.stats()
    f.until(lambda f: f.nodes.get(a.id, {}).get("metrics"), "numbers")
    tap.equal(set(f.nodes), {a.id})
    tap.equal(set(f.nodes[a.id]), {"node_id", "metrics", "last_seen_at"})
    # Whole stats of one, numbers of all.
    f.say(type="subscribe", topics=["stats"], nodes="all", stats=[b.id])
    f.until(lambda f: stats_of(f, b), "the stats of b")
    assert f.nodes[a.id]["metrics"] and "stats" not in f.nodes[a.id]
    # An empty list is of no node.
    f.say(type="subscribe", topics=["stats"], nodes=[])
    f.until(lambda f: f.log[-1]["type"] == "snapshot" and not f.nodes,
            "a snapshot of nothing")
    f.say(type="unsubscribe")
    f.until(lambda f: f.log[-1]["type"] == "unsubscribed", "its answer")
    tap.equal(f.read()["type"], "dashboard_update", "the old form again")
    f.close()
    a.close()
    b.close()


def test_silent_browser(s):
    """Who says nothing gets the contract's form and nothing else"""
    n = s.node("contract")
    sock = s.admin().dashboard()
    for _ in range(3):
        n.stats()
        doc = json.loads(sock.recv(10 * mast.PATIENCE)[1])
        tap.equal(doc["type"], "dashboard_update")
    sock.close()
    n.close()


def test_resume(s):
    """After a reconnect the changes since, if they are still known"""
    a, b = s.node("resumed"), s.node("goes meanwhile")
    f = Feed(s.admin(), topics=ALL)
    f.until(lambda f: a.id in f.nodes and b.id in f.nodes, "both")
    f.until(lambda f: f.news is not None, "a place in the news")
    f.close()
    b.close()
    a.event("while away")
    a.stats(dict(mast.sample("edge_stats_1udp_head")["payload"],
                 uptime_secs=99))
    s_one = lambda: s.one("SELECT count(*) FROM mast.events WHERE "
                          "message = 'while away'")
    mast.wait_until(lambda: s_one() == 1, 10, "it is stored")
    back = Feed(s.admin(), topics=ALL, resume=f.resume())
    back.seq, back.news, back.nodes = f.seq, f.news, f.nodes
    back.until(lambda f: b.id not in f.nodes, "the removal")
    back.until(lambda f: (stats_of(f, a) or {}).get("uptime_secs") == 99,
               "the stats")
    back.until(lambda f: any(e["message"] == "while away"
                             for e in f.events), "the event")
    assert not any(d["type"] == "snapshot" for d in back.log), "a snapshot"
    back.close()
    for what, why in (
            (dict(f.resume(), epoch="0123456789abcdef"), "another epoch"),
            (dict(f.resume(), seq=2**53), "a number to come")):
        other = Feed(s.admin(), topics=ALL, resume=what)
        tap.equal(other.read()["type"], "snapshot", why)
        tap.equal(other.reason, "resume")
        other.close()
    # The same number under other wishes is no beginning of them.
    other = Feed(s.admin(), topics=["status"], resume=f.resume())
    tap.equal(other.read()["type"], "snapshot", "other topics")
    other.close()
    a.close()


def test_apid_restart(s):
    """Another run of the daemon: a snapshot, not a wrong delta"""
    n = s.node("over a restart")
    f = Feed(s.admin(), topics=["status"])
    f.until(lambda f: n.id in f.nodes, "the node")
    s.kill("apid")
    s.start("apid")
    back = Feed(s.admin(), topics=["status"], resume=f.resume())
    back.until(lambda f: n.id in f.nodes, "the node", 20)
    tap.equal(back.log[0]["type"], "snapshot")
    back.close()
    n.close()


def test_news(s):
    """Events and states of commands arrive at once, whole and once"""
    n = s.node("news")
    f = Feed(s.admin(), topics=["events", "commands"], nodes=[n.id])
    f.read()
    other = s.node("not in the news")
    wait = []
    for i in range(20):
        at = time.time()
        n.event("n%d" % i, details={"i": i})
        other.event("x%d" % i)
        f.until(lambda f: any(e["message"] == "n%d" % i for e in f.events),
                "event %d" % i)
        wait.append(f.log[-1]["at"] - at)
    ours = [e for e in f.events if e["category"] == "test"]
    tap.equal([e["message"] for e in ours],
              ["n%d" % i for i in range(20)], "each once, in order")
    rest = s.admin().get("/api/v1/events/%d" % ours[3]["id"]).want(200)
    tap.equal(ours[3], rest.json, "as REST shows it")
    assert statistics.median(wait) < 0.2 * mast.PATIENCE, wait
    s.admin().command(n.id, {"type": "restart_flow",
                             "flow_id": "f"}).want(200)
    f.until(lambda f: any(c["state"] == "acked" for c in f.commands),
            "the end of the command")
    states = [c["state"] for c in f.commands]
    assert states[-1] == "acked" and len({c["id"] for c in f.commands}) == 1
    assert not any(doc.get("nodes") for doc in f.log), "no topic of nodes"
    f.close()
    n.close()
    other.close()


def test_acknowledged(s):
    """An event that is acknowledged comes again, one by one or many at once,
    and only to who may see its node"""
    n, other = s.node("acked"), s.node("acked elsewhere")
    for i in range(3):
        n.event("a%d" % i, severity="warning")
    other.event("b", severity="warning")
    ids = mast.wait_until(lambda: (lambda r: [x[0] for x in r] if len(r) == 3
                                   else None)(s.sql(
        "SELECT id FROM mast.events WHERE node_id = %s AND category = 'test' "
        "ORDER BY id", n.id)), 10, "the events are stored")
    s.user_add("acked-user", "viewer", nodes=[other.id])
    f = Feed(s.admin(), topics=["events"])
    g = Feed(s.session_for("acked-user"), topics=["events"])
    f.read()
    g.read()
    s.admin().post("/api/v1/events/%d/ack" % ids[0],
                   {"note": "seen"}).want(200)
    f.until(lambda f: any(e["id"] == ids[0] and e["acknowledged"]
                          for e in f.events), "the acknowledgement", 5)
    rest = s.admin().get("/api/v1/events/%d" % ids[0]).want(200).json
    tap.equal([e for e in f.events if e["id"] == ids[0]][-1], rest,
              "as REST shows it")
    tap.equal(rest["note"], "seen")
    s.admin().post("/api/v1/events/ack", {"node_id": n.id}).want(200)
    f.until(lambda f: set(ids) <= {e["id"] for e in f.events
                                   if e["acknowledged"]}, "the others", 5)
    s.admin().post("/api/v1/events/ack", {"node_id": other.id}).want(200)
    g.until(lambda g: any(e["acknowledged"] for e in g.events), "its own", 5)
    tap.equal({e["node_id"] for e in g.events}, {other.id})
    f.close()
    g.close()
    n.close()
    other.close()


def test_too_many_at_once(s):
    """Of more rows than are read at once the newest come, and it is said
    that there were others"""
    n = s.node("flood")
    f = Feed(s.admin(), topics=["events"], nodes=[n.id])
    a = Feed(s.admin(), topics=["alarms"], nodes=[n.id])
    f.read()
    a.read()
    s.sql("INSERT INTO mast.events (created_at, node_id, node_name, severity,"
          " category, message) SELECT now(), %s, 'flood', 'info', 'many', i "
          "FROM generate_series(1, 900) i", n.id)
    f.until(lambda f: any(e["message"] == "900" for e in f.events),
            "the newest")
    assert any(d.get("missed") for d in f.log), "nothing was said"
    many = [e for e in f.events if e["category"] == "many"]
    assert len(many) < 900, len(many)
    n.event("after")
    f.until(lambda f: any(e["message"] == "after" for e in f.events), "it")
    assert f.log[-1]["missed"] is False
    assert not any(d.get("missed") for d in a.log), "not of alarms"
    f.close()
    a.close()
    n.close()


def test_alarms(s):
    """A node that goes is an alarm, one that returns closes it"""
    n = s.node("alarming")
    f = Feed(s.admin(), topics=["alarms"], nodes=[n.id])
    f.read()
    n.close()
    f.until(lambda f: any(a["code"] == "node_offline" and
                          a["closed_at"] is None for a in f.alarms),
            "the alarm")
    again = mast.Node(s, creds=(n.id, n.secret)).online()
    f.until(lambda f: any(a["code"] == "node_offline" and a["closed_at"]
                          for a in f.alarms), "its end")
    f.close()
    again.close()


def test_rights(s):
    """Nothing of other nodes, and at once when the rights change"""
    a, b = s.node("mine"), s.node("not mine")
    s.user_add("narrow", "viewer", nodes=[a.id])
    f = Feed(s.session_for("narrow"), topics=ALL)
    f.until(lambda f: a.id in f.nodes, "the own node")
    a.event("seen")
    b.event("hidden")
    a.stats()
    b.stats()
    ours = lambda f: [e["message"] for e in f.events
                      if e["category"] == "test"]
    f.until(lambda f: ours(f) and stats_of(f, a), "event and stats")
    tap.equal(f.online, 1)
    asked = Feed(s.session_for("narrow"), topics=["status"], nodes=[b.id])
    tap.equal(asked.read()["nodes"], [], "asking does not help")
    asked.close()
    user = s.one("SELECT id FROM mast.users WHERE username = 'narrow'")
    s.admin().put("/api/v1/users/%s" % user,
                  {"allowed_node_ids": [b.id]}).want(200)
    f.until(lambda f: set(f.nodes) == {b.id}, "the other node")
    tap.equal(f.reason, "rights")
    a.event("hidden now")
    b.event("seen now")
    f.until(lambda f: len(ours(f)) == 2, "the next event")
    tap.equal(ours(f), ["seen", "seen now"])
    for doc in f.log:
        text = json.dumps(doc)
        assert "hidden" not in text, text
    s.admin().put("/api/v1/users/%s" % user, {"is_active": False}).want(200)
    try:
        while True:
            f.read()
    except ws.Closed as why:
        tap.equal(why.code, 1008, "the session ended")
    a.close()
    b.close()


BAD = [
    ('{', ""),
    ('[]', ""),
    ('{"topics":["status"]}', "/type"),
    ('{"type":"nonsense"}', "/type"),
    ('{"type":"subscribe"}', "/topics"),
    ('{"type":"subscribe","topics":[]}', "/topics"),
    ('{"type":"subscribe","topics":"status"}', "/topics"),
    ('{"type":"subscribe","topics":["status","nodes"]}', "/topics/1"),
    ('{"type":"subscribe","topics":["status","status"]}', "/topics/1"),
    ('{"type":"subscribe","topics":[1]}', "/topics/0"),
    ('{"type":"subscribe","topics":["status"],"nodes":"some"}', "/nodes"),
    ('{"type":"subscribe","topics":["status"],"nodes":["x"]}', "/nodes/0"),
    ('{"type":"subscribe","topics":["status"],"nodes":null}', "/nodes"),
    ('{"type":"subscribe","topics":["status"],"stats":"full"}', "/stats"),
    ('{"type":"subscribe","topics":["stats"],"stats":"half"}', "/stats"),
    ('{"type":"subscribe","topics":["stats"],"extra":1}', "/extra"),
    ('{"type":"subscribe","topics":["stats"],"topics":["stats"]}', ""),
    ('{"type":"subscribe","topics":["status"],"resume":7}', "/resume"),
    ('{"type":"subscribe","topics":["status"],"resume":{"seq":1}}',
     "/resume/epoch"),
    ('{"type":"subscribe","topics":["status"],"resume":'
     '{"epoch":"0123456789abcdef","seq":-1}}', "/resume/seq"),
    ('{"type":"subscribe","topics":["status"],"resume":'
     '{"epoch":"short","seq":1}}', "/resume/epoch"),
    ('{"type":"unsubscribe","topics":["status"]}', ""),
    (json.dumps({"type": "subscribe", "topics": ["status"], "nodes":
                 ["%08x-0000-4000-8000-000000000000" % i
                  for i in range(1001)]}), "/nodes"),
]


def test_bad_messages(s):
    """Each is told where and why, and costs that socket only"""
    other = Feed(s.admin(), topics=["status"])
    other.read()
    for text, pointer in BAD:
        sock = s.admin().dashboard()
        sock.text(text)
        doc = json.loads(sock.recv(10 * mast.PATIENCE)[1])
        tap.equal((doc["type"], doc["pointer"]), ("error", pointer),
                  text[:80])
        assert doc["error"], doc
        try:
            while True:
                sock.recv(10 * mast.PATIENCE)
        except ws.Closed as why:
            tap.equal(why.code, 1008, text[:80])
    sock = s.admin().dashboard()
    for _ in range(40):
        sock.text('{"type":"subscribe","topics":["status"]}')
    try:
        while True:
            sock.recv(10 * mast.PATIENCE)
    except ws.Closed as why:
        tap.equal(why.code, 1008, "too many messages")
    tap.equal(other.read()["type"], "delta", "the other one lives")
    other.close()


def slow_reader(s):
    """A subscribed browser whose socket takes next to nothing."""
    f = Feed(s.admin())
    f.sock.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
    f.say(type="subscribe", topics=["stats"])
    return f


def test_slow_reader(s):
    """One that stops reading gets the newest, delays nobody, grows nothing"""
    n = s.node("wide feed")
    flow = mast.sample("edge_stats_1srt_head")["payload"]["flows"][0]
    wide = dict(mast.sample("edge_stats_1srt_head")["payload"],
                flows=[dict(flow, flow_id="f%d" % i) for i in range(400)])
    quick = Feed(s.admin(), topics=["stats"], nodes=[n.id])
    slow = slow_reader(s)
    rounds, begin = 0, time.monotonic()
    # More rounds than the sockets between can hold, however long they take.
    while time.monotonic() - begin < 10 or rounds < 12:
        rounds += 1
        n.stats(dict(wide, uptime_secs=rounds))
        quick.until(lambda f: (stats_of(f, n) or {}).get("uptime_secs") ==
                    rounds, "round %d" % rounds)
    took = time.monotonic() - begin
    assert took < 30 * mast.PATIENCE, "the quick one is served: %g s" % took
    n.stats(dict(wide, uptime_secs=99999))
    slow.until(lambda f: (stats_of(f, n) or {}).get("uptime_secs") == 99999,
               "the newest", 20)
    seen = [d for d in slow.log if any("stats" in x for x in d["nodes"])]
    assert len(seen) < rounds, "%d of %d" % (len(seen), rounds)
    quick.close()
    slow.close()
    n.close()


def test_more_than_a_channel_holds(s):
    """Somebody wants whole stats, more than go from hub to apid in a second
    at once: the numbers of all nodes are told to others all the same"""
    count, size = 90, 300000
    tokens = [s.admin().node_add("large %d" % i)[1] for i in range(count)]
    sim = mast.Sim(s, "--stats-bytes", size, creds="".join(
        "token %s edge\n" % t for t in tokens))
    mast.wait_until(lambda: sim.report().get("online") == count, 60,
                    "all online")
    greedy = s.admin().dashboard()
    greedy.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    greedy.text('{"type":"subscribe","topics":["status","stats"]}')
    f = Feed(s.admin(), topics=["stats"], stats="numbers")
    f.until(lambda f: len(f.nodes) >= count, "all nodes", 20)
    begin = len(f.log)
    seen = {n: doc["last_seen_at"] for n, doc in f.nodes.items()}
    f.until(lambda f: all(f.nodes[n]["last_seen_at"] != at
                          for n, at in seen.items() if n in f.nodes),
            "all of them again", 20)
    assert len(f.log) - begin <= 20 * mast.PATIENCE, len(f.log) - begin
    # Who wants whole stats and reads gets them.
    g = Feed(s.admin(), topics=["stats"], nodes=list(seen)[:5])
    g.until(lambda g: sum(1 for n in g.nodes.values() if n.get("stats") and
                          len(json.dumps(n["stats"])) > size / 2) == 5,
            "five whole stats", 20)
    g.close()
    f.close()
    greedy.sock.close()
    sim.stop()


def test_hub_away(s):
    """The loss of the hub is told; its return brings the nodes"""
    n = s.node("hub goes")
    f = Feed(s.admin(), topics=["status"])
    f.until(lambda f: n.id in f.nodes and f.hub, "the node")
    s.kill("hubd")
    f.until(lambda f: f.hub is False, "hub_connected false")
    s.start("hubd")
    n.close()
    again = mast.Node(s, creds=(n.id, n.secret)).online()
    f.until(lambda f: f.hub and n.id in f.nodes, "all well again", 20)
    f.close()
    again.close()


def test_one_read_for_all(s):
    """The database is asked per bell, however many watch"""
    n = s.node("bells")
    feeds = [Feed(s.admin(), topics=["events"]) for _ in range(20)]
    for f in feeds:
        f.read()
    reads = lambda: int(s.metrics()["mast_apid_feed_reads_total"])
    before, begin = reads(), time.monotonic()
    for i in range(10):
        n.event("bell %d" % i)
    for f in feeds:
        f.until(lambda f: len([e for e in f.events if
                               e["message"].startswith("bell")]) == 10,
                "ten events")
    asked = reads() - before
    assert asked < 20 + 25 * (time.monotonic() - begin), asked
    for f in feeds:
        f.close()
    n.close()


if __name__ == "__main__":
    mast.main(sys.modules[__name__])
