#!/usr/bin/python3
"""A command to many nodes: sent at once, each node's end in the answer, the
selection by filters; and keys that keep queued commands from going twice."""
import signal
import sys
import threading
import time
import uuid

import mast
import tap
from test_flows import path
from test_journal import action, away, settled


def bulk(session, key=None, **body):
    return session.post("/api/v1/commands", body, headers={
        "Idempotency-Key": key} if key else {})


def by_node(r):
    return {x["node_id"]: x for x in r.json["results"]}


def test_at_once(s):
    """Connected nodes do not wait until the hub looks by itself"""
    nodes = [s.node("bk-now-%d" % i) for i in range(3)]
    ids = [n.id for n in nodes]
    took = []
    for k in range(8):
        start = time.monotonic()
        r = bulk(s.admin(), action=action("f%d" % k), node_ids=ids,
                 queue=True).want(202)
        assert all("state" not in x for x in r.json["results"])
        mast.wait_until(lambda: [len(n.commands) for n in nodes] ==
                        [k + 1] * 3, 10, "round %d arrives" % k)
        took.append(time.monotonic() - start)
    # It looks every two seconds. A busy machine delays some, not most.
    assert sorted(took)[3] < 1, "not at once: %r" % took
    for n in nodes:
        n.close()


def test_wait(s):
    """With wait each node's own end is in the answer"""
    good, bad, mute, left = [s.node("bk-" + x) for x in (
        "good", "bad", "mute", "left")]
    off = away(s, "bk-off")
    bad.on_command = lambda i, a: {"success": False, "error": "no \"x\"",
                                   "error_code": "E7"}
    mute.on_command = lambda i, a: None
    left.on_command = lambda i, a: left.ws.send(8, b"\x03\xe8") and None
    start = time.monotonic()
    r = bulk(s.admin(), action=action(), wait=True, queue=True, node_ids=[
        n.id for n in (good, bad, mute, left, off)]).want(200)
    assert time.monotonic() - start < 14 * mast.PATIENCE
    got = by_node(r)
    tap.equal({n.id: got[n.id]["state"] for n in (
        good, bad, mute, left, off)}, {
            good.id: "acked", bad.id: "failed", mute.id: "timeout",
            left.id: "unknown", off.id: "offline"})
    tap.equal((got[bad.id]["error"], got[bad.id]["error_code"]),
              ('no "x"', "E7"))
    tap.equal((r.json["matched"], r.json["ok"]), (5, 5))
    for n in (good, bad, mute, left, off):
        tap.equal(s.one("SELECT request_id FROM mast.commands WHERE id = %s",
                        got[n.id]["command_id"]), r.header("X-Request-Id"))
    tap.equal(off.connect(), "auth_ok")
    tap.equal(settled(s.admin(), off.id, got[off.id]["command_id"])["state"],
              "acked")
    mute.ack(got[mute.id]["command_id"])
    tap.equal(settled(s.admin(), mute.id, got[mute.id]["command_id"])[
        "state"], "acked")
    start = time.monotonic()
    r = bulk(s.admin(), action=action(), wait=True,
             node_ids=[good.id, off.id]).want(200)
    tap.equal([x["state"] for x in r.json["results"]], ["acked"] * 2)
    assert time.monotonic() - start < 5 * mast.PATIENCE, "no longer than that"
    r = bulk(s.admin(), action=action(), wait=True,
             node_ids=[str(uuid.uuid4())]).want(200)
    assert "state" not in r.json["results"][0], r
    for n in (good, bad, mute, off):
        n.close()


def test_filters(s):
    """By a part of the name, by status, by kind, and all of them at once"""
    a, b = s.node("bk-F_x one"), s.node("bk-fax two", "relay")
    off = away(s, "bk-f_X three")

    def chosen(**body):
        return {x["node_id"] for x in bulk(
            s.admin(), action=action(), dry_run=True, **body).want(
                200).json["results"]}
    tap.equal(chosen(name="F_X"), {a.id, off.id}, "no pattern")
    tap.equal(chosen(name="bk-f", status="online"), {a.id, b.id})
    tap.equal(chosen(name="bk-f", device_type="relay"), {b.id})
    tap.equal(chosen(name="%"), set())
    assert {off.id} <= chosen(status="offline")
    for body in ({"name": ""}, {"name": "x" * 129}, {"name": 1},
                 {"name": "x", "node_ids": [a.id]}, {},
                 {"name": "x", "wait": True, "dry_run": True},
                 {"name": "x", "wait": 1}):
        bulk(s.admin(), action=action(), **body).problem(422)
    for n in (a, b):
        n.close()


# ---- keys

def ran(nodes):
    return [[i for i, _ in n.commands] for n in nodes]


def test_key_queued(s):
    """A repeated key: one row, one answer, for one node and for many"""
    n = away(s, "bk-key")
    other = s.node("bk-key-2")

    def post():
        return s.admin().post(path(n, "command"), {
            "action": action(), "queue": True, "ttl": 600}, headers={
                "Idempotency-Key": "bk-one"}).want(202)
    first = post()
    again = [post() for _ in range(3)]
    tap.equal({r.body for r in again}, {first.body})
    tap.equal({r.header("Location") for r in again},
              {first.header("Location")})
    tap.equal(again[0].header("Idempotency-Replayed"), "true")
    ids = [n.id, other.id]
    first = bulk(s.admin(), "bk-many", action=action("m"), node_ids=ids,
                 queue=True).want(202)
    again = bulk(s.admin(), "bk-many", action=action("m"), node_ids=ids,
                 queue=True).want(202)
    tap.equal(again.body, first.body)
    wait = [bulk(s.admin(), "bk-wait", action=action("w"), wait=True,
                 node_ids=[other.id]).want(200) for _ in range(2)]
    tap.equal(wait[0].body, wait[1].body)
    tap.equal(wait[0].json["results"][0]["state"], "acked")
    bulk(s.admin(), "bk-many", action=action("x"), node_ids=ids,
         queue=True).problem(422)
    tap.equal(n.connect(), "auth_ok")
    mast.wait_until(lambda: [len(x) for x in ran([n, other])] == [2, 2], 10,
                    "both have theirs")
    tap.equal(s.one("SELECT count(*) FROM mast.commands WHERE node_id = "
                    "ANY(%s::uuid[])", ids), 4)
    for node in (n, other):
        node.close()


def test_key_killed(s):
    """apid killed in between: the repeated request orders nothing again"""
    nodes = [s.node("bk-kill-%d" % i) for i in range(2)]
    off = away(s, "bk-kill-off")
    for n in nodes:
        n.on_command = lambda i, a: None
    ids = [n.id for n in nodes] + [off.id]

    def many():
        return bulk(s.admin(), "bk-kill-many", action=action(), node_ids=ids,
                    queue=True, ttl=600, wait=True)

    def single():
        return s.admin().post(path(nodes[0], "command"), {
            "action": action("one"), "queue": True, "ttl": 600}, headers={
                "Idempotency-Key": "bk-kill-one"})

    def lost(fn):
        try:
            fn()
        except OSError:
            pass                # apid is killed meanwhile
    threads = [threading.Thread(target=lost, args=(fn,), daemon=True)
               for fn in (many, single)]
    for k, t in enumerate(threads):
        t.start()
        mast.wait_until(lambda: s.one(
            "SELECT count(*) FROM mast.commands WHERE node_id = ANY(%s::"
            "uuid[])", ids) == (3, 4)[k], 10, "they are ordered")
    mast.wait_until(lambda: all(n.commands for n in nodes), 10, "in flight")
    s.kill("apid", signal.SIGKILL)
    for t in threads:
        t.join()
    s.start("apid")
    for fn in (many, single):
        r = fn().problem(409)
        assert r.header("Retry-After"), "in progress"
    s.sql("UPDATE mast.idempotency_keys SET created_at = created_at - "
          "interval '2 minutes' WHERE key LIKE 'bk-kill%%' AND %s", True)
    for fn, rows in ((many, 3), (single, 1)):
        doc = fn().problem(409).json
        tap.equal(s.one("SELECT count(*) FROM mast.commands WHERE request_id "
                        "= %s", doc["original_request_id"]), rows)
    for n in nodes:
        n.on_command = lambda i, a: {}
        for i, _ in list(n.commands):
            n.ack(i)
    tap.equal(off.connect(), "auth_ok")
    mast.wait_until(lambda: s.one(
        "SELECT count(*) FROM mast.commands WHERE node_id = ANY(%s::uuid[]) "
        "AND state = 'acked'", ids) == 4, 20, "all are acked")
    tap.equal([len(x) for x in ran(nodes + [off])], [2, 1, 1], "once each")
    for n in nodes + [off]:
        n.close()


def test_stopped_while_waiting(s):
    """apid told to stop while nodes are waited for: it ends in order"""
    n = s.node("bk-stop")
    n.on_command = lambda i, a: None

    def post():
        try:
            bulk(s.admin(), action=action(), node_ids=[n.id], wait=True)
        except OSError:
            pass
    t = threading.Thread(target=post, daemon=True)
    t.start()
    mast.wait_until(lambda: n.commands, 10, "it is in flight")
    tap.equal(s.kill("apid", signal.SIGTERM), 0)
    t.join()
    s.start("apid")
    n.ack(n.commands[0][0])
    tap.equal(settled(s.admin(), n.id, n.commands[0][0])["state"], "acked")
    n.close()


if __name__ == "__main__":
    mast.main(sys.modules[__name__])
