#!/usr/bin/python3
"""The command journal: the queue of a node that is away, its order and
bounds, rights at delivery, cancelling, and what is true after any daemon or
PostgreSQL was killed: each command has one end and ran at most once."""
import collections
import re
import signal
import sys
import threading
import time
import uuid

import mast
import tap
from hubkit import kill_postgres

FINAL = ("acked", "failed", "expired", "cancelled", "unknown")


class World:
    def __init__(self, s):
        self.edge = s.node("jr-edge")
        self.other = s.node("jr-other")
        s.user_add("jr-oper", "operator")
        s.user_add("jr-view", "viewer")
        s.user_add("jr-some", "operator", nodes=[self.other.id])
        self.oper = s.session_for("jr-oper")
        self.view = s.session_for("jr-view")
        self.some = s.session_for("jr-some")


def world(s):
    if not hasattr(s, "world"):
        s.world = World(s)
    return s.world


def action(flow="f", kind="start_flow"):
    return {"type": kind, "flow_id": flow}


def send(session, node, act, **more):
    return session.post("/api/v1/nodes/%s/command" % node, dict(
        action=act, **more))


def queue(session, node, act, **more):
    """A command that has to wait: 202, and its id."""
    r = send(session, node, act, queue=True, **more).want(202)
    tap.equal(r.json["accepted"], True)
    tap.equal(r.header("Location"), "/api/v1/nodes/%s/commands/%s" % (
        node, r.json["command_id"]))
    return r.json["command_id"]


def one(session, node, command):
    return session.get("/api/v1/nodes/%s/commands/%s" % (
        node, command)).want(200).json


def settled(session, node, command, timeout=20):
    def end():
        doc = one(session, node, command)
        return doc if doc["state"] in FINAL else None
    return mast.wait_until(end, timeout, "the end of %s" % command)


def away(s, name, device_type="edge"):
    """A node that has been here, and is offline."""
    n = s.node(name, device_type)
    n.close()
    mast.wait_until(lambda: s.admin().node(n.id)["status"] == "offline", 10,
                    "%s is offline" % name)
    return n


def flows(node):
    return [a["flow_id"] for _, a in node.commands]


# ---- the queue

def test_online(s):
    """For a node that is there the answer is its ack, at once"""
    w = world(s)
    w.edge.on_command = lambda i, a: {"data": {"n": 1}}
    r = send(w.oper, w.edge.id, action(), queue=True).want(200)
    tap.equal(r.json["data"], {"n": 1})
    tap.equal(w.edge.commands[-1], (r.json["command_id"], action()))
    w.edge.on_command = lambda i, a: {"success": False, "error": "no",
                                      "error_code": "E1"}
    r = send(w.oper, w.edge.id, action(), queue=True).problem(422)
    tap.equal(r.json["error_code"], "E1")
    doc = settled(w.oper, w.edge.id, r.json["command_id"])
    tap.equal((doc["state"], doc["error"], doc["error_code"]),
              ("failed", "no", "E1"))
    w.edge.on_command = lambda i, a: {}


def test_waits(s):
    """It waits for its node, goes out when that returns, in order"""
    w = world(s)
    n = away(s, "jr-waits")
    ids = [queue(w.oper, n.id, action("f%d" % i)) for i in range(5)]
    doc = one(w.view, n.id, ids[0])
    tap.equal((doc["state"], doc["queue"], doc["actor"], doc["type"]),
              ("queued", True, "jr-oper", "start_flow"))
    tap.equal((doc["sent_at"], doc["done_at"], doc["error"], doc["steps"]),
              (None, None, None, None))
    # One at a time: the next leaves when the last has its ack.
    most, now = [0], [0]

    def slow(i, a):
        now[0] += 1
        most[0] = max(most[0], now[0])

        def later():
            now[0] -= 1
            n.ack(i)
        threading.Timer(0.05, later).start()
    n.on_command = slow
    tap.equal(n.connect(), "auth_ok")
    for i in ids:
        doc = settled(w.oper, n.id, i)
        tap.equal(doc["state"], "acked")
        assert doc["sent_at"] <= doc["done_at"], doc
    tap.equal(flows(n), ["f%d" % i for i in range(5)])
    tap.equal(most[0], 1, "in flight at once")
    tap.equal([i for i, _ in n.commands], ids)
    n.close()


def test_not_head_of_line(s):
    """A silent node holds up its own queue only; a direct command passes"""
    w = world(s)
    a, b = away(s, "jr-hol-a"), away(s, "jr-hol-b")
    a.on_command = lambda i, act: None
    queue(w.oper, a.id, action("a1"))
    a2 = queue(w.oper, a.id, action("a2"))
    tap.equal(a.connect(), "auth_ok")
    mast.wait_until(lambda: a.commands, 10, "a has its first")
    ids = [queue(w.oper, b.id, action("b%d" % i)) for i in range(3)]
    tap.equal(b.connect(), "auth_ok")
    for i in ids:
        tap.equal(settled(w.oper, b.id, i)["state"], "acked")
    tap.equal(flows(a), ["a1"])
    tap.equal(one(w.oper, a.id, a2)["state"], "queued")
    a.on_command = lambda i, act: {}
    send(w.oper, a.id, action("direct")).want(200)
    tap.equal(flows(a), ["a1", "direct"])
    a.close()
    b.close()


def test_expires(s):
    """Past its time to live it is expired, and is never sent"""
    w = world(s)
    n = away(s, "jr-expires")
    i = queue(w.oper, n.id, action(), ttl=1)
    doc = settled(w.oper, n.id, i)
    tap.equal(doc["state"], "expired")
    keep = queue(w.oper, n.id, action("kept"), ttl=600)
    tap.equal(n.connect(), "auth_ok")
    tap.equal(settled(w.oper, n.id, keep)["state"], "acked")
    tap.equal(flows(n), ["kept"])
    n.close()


def test_bounds(s):
    """A hundred wait for one node, and not one more"""
    w = world(s)
    i, _ = s.admin().node_add("jr-full")
    for k in range(100):
        queue(w.oper, i, action("f%d" % k))
    send(w.oper, i, action(), queue=True).problem(409)
    tap.equal(s.one("SELECT count(*) FROM mast.commands WHERE node_id = %s",
                    i), 100)


def test_cancel(s):
    """Cancelled until it is sent; then 409; the others do not notice"""
    w = world(s)
    n = away(s, "jr-cancel")
    a = queue(w.oper, n.id, action("a"))
    b = queue(w.oper, n.id, action("b"))
    path = "/api/v1/nodes/%s/commands/" % n.id
    s.nobody().delete(path + a).problem(401)
    w.view.delete(path + a).problem(403)
    w.some.delete(path + a).problem(403)
    w.oper.delete(path + str(uuid.uuid4())).problem(404)
    w.oper.delete("/api/v1/nodes/%s/commands/%s" % (
        w.edge.id, a)).problem(404)
    w.oper.delete(path + a).want(204)
    w.oper.delete(path + a).problem(409)
    doc = one(w.oper, n.id, a)
    tap.equal((doc["state"], doc["error"]),
              ("cancelled", "cancelled by jr-oper"))
    tap.equal(s.one("SELECT details->>'command_id' FROM mast.audit WHERE "
                    "action = 'node.command.cancel' AND target_id = %s",
                    n.id), a)
    n.on_command = lambda i, act: None
    tap.equal(n.connect(), "auth_ok")
    mast.wait_until(lambda: flows(n) == ["b"], 10, "b is sent")
    w.oper.delete(path + b).problem(409)
    n.ack(b)
    tap.equal(settled(w.oper, n.id, b)["state"], "acked")
    n.close()


def test_cancel_race(s):
    """However cancelling and returning meet: cancelled or run, never both"""
    w = world(s)
    n = away(s, "jr-race")
    ids = [queue(w.oper, n.id, action("f%d" % i)) for i in range(40)]
    answers = {}

    def cancel(mine):
        for i in mine:
            answers[i] = w.oper.delete("/api/v1/nodes/%s/commands/%s" % (
                n.id, i)).status
    threads = [threading.Thread(target=cancel, args=(ids[k::2],))
               for k in range(2)]
    for t in threads:
        t.start()
    tap.equal(n.connect(), "auth_ok")
    for t in threads:
        t.join()
    ran = [i for i, _ in n.commands]
    for i in ids:
        state = settled(w.oper, n.id, i)["state"]
        ran = [c for c, _ in n.commands]
        tap.equal(state, "cancelled" if answers[i] == 204 else "acked")
        tap.equal(ran.count(i), 0 if answers[i] == 204 else 1)
    tap.equal(ran, [i for i in ids if i in ran], "in order")
    n.close()


# ---- rights

def test_rights(s):
    """Rights that went while it waited: cancelled with the reason"""
    n = away(s, "jr-rights", "relay")
    n.config = {"version": 1}
    act = {"type": "close_tunnel", "tunnel_id": str(uuid.uuid4())}
    ways = (
        ("disabled", "UPDATE mast.users SET is_active = false WHERE "
         "username = %s", "disabled"),
        ("expired", "UPDATE mast.users SET expires_at = now() WHERE "
         "username = %s", "expired"),
        ("demoted", "UPDATE mast.users SET role = 'operator' WHERE "
         "username = %s", "role"),
        ("narrowed", "UPDATE mast.users SET all_nodes = false WHERE "
         "username = %s", "access"),
        ("deleted", "DELETE FROM mast.users WHERE username = %s", "no user"))
    ids = []
    for name, sql, _ in ways:
        s.user_add("jr-" + name, "admin")
        ids.append(queue(s.session_for("jr-" + name), n.id, act))
    s.user_add("jr-token", "admin")
    owner = s.session_for("jr-token")
    doc = owner.post("/api/v1/tokens", {
        "name": "t", "max_role": "admin"}).want(201).json
    program = mast.Session(s, bearer=True)
    program.token = doc["token"]
    ids.append(queue(program, n.id, act))
    ways += (("token", "UPDATE mast.api_tokens t SET revoked_at = now() FROM "
              "mast.users u WHERE u.id = t.user_id AND u.username = %s",
              "API token"),)
    kept = queue(s.admin(), n.id, act)
    for name, sql, _ in ways:
        s.sql(sql, "jr-" + name)
    tap.equal(n.connect(), "auth_ok")
    tap.equal(settled(s.admin(), n.id, kept)["state"], "acked")
    for (name, _, word), i in zip(ways, ids):
        doc = settled(s.admin(), n.id, i)
        tap.equal(doc["state"], "cancelled", name)
        assert word in doc["error"], doc
        tap.equal(s.one("SELECT count(*) FROM mast.audit WHERE action = "
                        "'node.command.refused' AND details->>'command_id' "
                        "= %s", i), 1)
    tap.equal([i for i, _ in n.commands], [kept])
    n.close()


# ---- reading

def test_list(s):
    """The journal by pages and filters, for who may see the node"""
    w = world(s)
    n = away(s, "jr-list")
    ids = [queue(w.oper, n.id, action("f%d" % i, (
        "start_flow", "stop_flow")[i % 2])) for i in range(7)]
    for i in ids[:2]:
        w.oper.delete("/api/v1/nodes/%s/commands/%s" % (n.id, i)).want(204)
    path = "/api/v1/nodes/%s/commands" % n.id

    def listed(query=""):
        return [c["id"] for c in w.view.get(path + query).want(200).json]
    tap.equal(listed(), ids[::-1])
    tap.equal(listed("?state=cancelled"), ids[1::-1])
    tap.equal(listed("?type=stop_flow&state=queued"), [ids[5], ids[3]])
    tap.equal(listed("?type=nothing"), [])
    seen, url = [], path + "?limit=3&state=queued"
    while url:
        r = w.view.get(url).want(200)
        assert len(r.json) <= 3
        seen += [c["id"] for c in r.json]
        link = re.match(r'<([^>]*)>; rel="next"', r.header("Link") or "")
        url = link and link.group(1)
        if len(seen) == 3:      # what comes meanwhile shifts nothing
            queue(w.oper, n.id, action("new"))
    tap.equal(seen, ids[:1:-1])
    for query in ("?state=gone", "?limit=0", "?limit=201", "?cursor=x",
                  "?type=" + "x" * 65):
        w.view.get(path + query).problem(400)
    s.nobody().get(path).problem(401)
    w.some.get(path).problem(403)
    w.some.get(path + "/" + ids[0]).problem(403)
    s.admin().get("/api/v1/nodes/%s/commands" % uuid.uuid4()).problem(404)
    w.view.get(path + "/" + str(uuid.uuid4())).problem(404)
    w.view.get("/api/v1/nodes/%s/commands/%s" % (
        w.edge.id, ids[0])).problem(404)
    s.admin().delete("/api/v1/nodes/" + n.id).want(204)
    tap.equal(len(s.admin().get(path).want(200).json), 8,
              "the journal outlives the node")


# ---- many nodes

def bulk(session, **body):
    return session.post("/api/v1/commands", body)


def test_bulk(s):
    """A preview says what each driver says; then one row for each node"""
    w = world(s)
    a, b = s.node("jr-bulk-a"), s.node("jr-bulk-b")
    off = away(s, "jr-bulk-off")
    relay = s.node("jr-bulk-r", "relay")
    gone = str(uuid.uuid4())
    ids = [n.id for n in (a, b, off, relay)] + [gone, a.id]
    rows = s.one("SELECT count(*) FROM mast.commands")
    doc = bulk(w.oper, action=action(), node_ids=ids,
               dry_run=True).want(200).json
    tap.equal((doc["matched"], doc["ok"]), (5, 2))
    by = {r["node_id"]: r for r in doc["results"]}
    assert by[a.id]["ok"] and by[b.id]["ok"]
    for i, word in ((off.id, "not connected"), (relay.id, "/action/type"),
                    (gone, "no such")):
        assert not by[i]["ok"] and word in by[i]["error"], by[i]
    tap.equal(s.one("SELECT count(*) FROM mast.commands"), rows, "a preview")
    doc = bulk(w.oper, action=action("q"), node_ids=ids,
               queue=True).want(202).json
    by = {r["node_id"]: r for r in doc["results"]}
    tap.equal({i for i in by if "command_id" in by[i]},
              {a.id, b.id, off.id})
    for n in (a, b):
        i = by[n.id]["command_id"]
        tap.equal(settled(w.oper, n.id, i)["state"], "acked")
        tap.equal(n.commands, [(i, action("q"))])
    tap.equal(off.connect(), "auth_ok")
    tap.equal(settled(w.oper, off.id, by[off.id]["command_id"])["state"],
              "acked")
    tap.equal(s.one("SELECT count(*) FROM mast.audit WHERE action = "
                    "'node.command' AND details->>'bulk' = 'true'"), 3)
    doc = bulk(w.oper, action=action(), device_type="relay",
               dry_run=True).want(200).json
    assert relay.id in {r["node_id"] for r in doc["results"]}
    assert a.id not in {r["node_id"] for r in doc["results"]}
    for n in (a, b, off, relay):
        n.close()


def test_bulk_rights(s):
    """Rights are each node's; a foreign node is as one that is not there"""
    w = world(s)
    doc = bulk(w.some, action=action(), node_ids=[
        w.edge.id, w.other.id], dry_run=True).want(200).json
    by = {r["node_id"]: r for r in doc["results"]}
    tap.equal((by[w.other.id]["ok"], by[w.edge.id]["ok"]), (True, False))
    tap.equal(by[w.edge.id]["node_name"], None)
    doc = bulk(w.some, action=action(), device_type="edge",
               dry_run=True).want(200).json
    tap.equal([r["node_id"] for r in doc["results"]], [w.other.id])
    sent = len(w.edge.commands)
    bulk(w.some, action=action(), node_ids=[w.edge.id]).want(200)
    tap.equal(len(w.edge.commands), sent)
    s.nobody().post("/api/v1/commands", {}).problem(401)
    bulk(w.view, action=action(), node_ids=[w.edge.id]).problem(403)
    for body in ({}, {"action": action()},
                 {"action": action(), "node_ids": ["x"]},
                 {"action": action(), "node_ids": [], "device_type": "edge"},
                 {"action": action(), "node_ids": [], "status": "online"},
                 {"action": action(), "device_type": "edge", "ttl": 5},
                 {"action": action(), "device_type": "edge", "all": 1}):
        w.oper.post("/api/v1/commands", body).problem(422)
    bulk(w.oper, action=action(), node_ids=[
        str(uuid.uuid4()) for _ in range(201)]).problem(422)
    bulk(w.oper, action=action("x" * 16384), node_ids=[]).problem(413)


# ---- kills

class Books:
    """What was ordered, and what each node really got."""

    def __init__(self, s, name, nodes=4):
        self.s = s
        self.nodes = [s.node("%s-%d" % (name, i)) for i in range(nodes)]
        self.ordered = {}

    def order(self, session, node, act, **more):
        try:
            r = send(session, node.id, act, **more)
        except OSError:
            return None         # apid is being killed
        cid = (r.json if r.body else {}).get("command_id")
        if cid:
            self.ordered[cid] = node
        return r.status

    def check(self):
        """Every command of these nodes in the journal has one end and ran
        at most once; what the node acked is acked, in order."""
        s = self.s
        ids = [n.id for n in self.nodes]
        mast.wait_until(lambda: s.one(
            "SELECT count(*) FROM mast.commands WHERE node_id = ANY(%s::"
            "uuid[]) AND state IN ('queued', 'sent')", ids) == 0, 40,
            "an end for every command")
        rows = s.sql("SELECT id, state::text, sent_at IS NOT NULL, queue "
                     "FROM mast.commands WHERE node_id = ANY(%s::uuid[]) "
                     "ORDER BY seq", ids)
        ran = collections.Counter(i for n in self.nodes
                                  for i, a in n.commands)
        for i, state, sent, _ in rows:
            assert ran[i] <= 1, "%s ran %d times" % (i, ran[i])
            if state == "acked":
                tap.equal(ran[i], 1, "%s is acked and ran" % i)
            if state in ("expired", "cancelled"):
                tap.equal(ran[i], 0, "%s is %s and ran" % (i, state))
        known = {r[0] for r in rows}
        assert set(self.ordered) <= known, "answered, and not in the journal"
        assert set(ran) <= known, "ran, and not in the journal"
        for n in self.nodes:
            mine = [i for i, _ in n.commands]
            queued = [r[0] for r in rows if r[3] and r[0] in mine]
            tap.equal([i for i in mine if i in queued], queued, "the order")
        return collections.Counter(r[1] for r in rows)

    def close(self):
        for n in self.nodes:
            n.close()


def back(node):
    """Connected again, however often it takes."""
    def connect():
        try:
            return node.connect() == "auth_ok"
        except Exception:       # noqa: refused, reset, closed: all the same
            return False
    if node.closed is None and node.ws is not None:
        node.close()
    mast.wait_until(connect, 30, "a node is back", step=0.2)


def load(books, session, stop, **more):
    """Orders without a pause until told to stop."""
    def one_node(n):
        k = 0
        while not stop.is_set():
            status = books.order(session, n, action("k%d" % k), **more)
            if status is None or status >= 500 or status == 409:
                stop.wait(0.05)
            k += 1
    threads = [threading.Thread(target=one_node, args=(n,), daemon=True)
               for n in books.nodes]
    for t in threads:
        t.start()
    return threads


def test_apid_killed(s):
    """apid killed with commands queued and sent"""
    w = world(s)
    books = Books(s, "jr-ka")
    gone = books.nodes[3]
    gone.close()
    stop = threading.Event()
    threads = load(books, w.oper, stop, queue=True, ttl=60)
    mast.wait_until(lambda: sum(len(n.commands) for n in books.nodes) > 30,
                    20, "some work is done")
    s.kill("apid", signal.SIGKILL)
    stop.set()
    for t in threads:
        t.join()
    back(gone)                  # it gets what waits without any apid
    mast.wait_until(lambda: s.one(
        "SELECT count(*) FROM mast.commands WHERE node_id = %s AND state = "
        "'queued'", gone.id) == 0, 60, "its queue is empty")
    s.start("apid")
    states = books.check()
    assert states["acked"] > 30, states
    tap.equal(states["unknown"], 0, "the hub was there all the time")
    books.close()


def test_hubd_killed(s):
    """hubd killed with commands queued and sent: unknown, never again"""
    w = world(s)
    books = Books(s, "jr-kh")
    for n in books.nodes[:2]:
        n.on_command = lambda i, a: None        # stays in flight
    stop = threading.Event()
    threads = load(books, w.oper, stop, queue=True, ttl=60)
    mast.wait_until(lambda: books.nodes[0].commands and
                    books.nodes[1].commands and
                    len(books.nodes[2].commands) > 10, 20, "in flight")
    flight = [n.commands[-1][0] for n in books.nodes[:2]]
    s.kill("hubd", signal.SIGKILL)
    stop.set()
    for t in threads:
        t.join()
    for n in books.nodes:
        n.on_command = lambda i, a: {}
    s.start("hubd")
    for n in books.nodes:
        back(n)
    states = books.check()
    for i, n in zip(flight, books.nodes):
        tap.equal(one(w.oper, n.id, i)["state"], "unknown")
    assert states["acked"] > 10, states
    books.close()


def test_postgres_killed(s):
    """PostgreSQL killed with commands queued and sent: ends are kept"""
    w = world(s)
    books = Books(s, "jr-kp")
    held = {}
    books.nodes[0].on_command = lambda i, a: held.setdefault(i) and None
    stop = threading.Event()
    threads = load(books, w.oper, stop, queue=True, ttl=60)
    mast.wait_until(lambda: held and len(books.nodes[1].commands) > 10, 20,
                    "in flight")
    flight = list(held)[0]
    kill_postgres(s)
    books.nodes[0].ack(flight)  # its end comes while nobody can write it
    books.nodes[0].on_command = lambda i, a: {}
    s.start_postgres()
    stop.set()
    for t in threads:
        t.join()
    for n in books.nodes:
        if n.closed is not None:
            back(n)
    states = books.check()
    tap.equal(one(w.oper, books.nodes[0].id, flight)["state"], "acked")
    assert states["acked"] > 10, states
    books.close()


if __name__ == "__main__":
    mast.main(sys.modules[__name__])
