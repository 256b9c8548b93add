#!/usr/bin/python3
"""Numbered events: a node that keeps its events until they are acknowledged
loses none and has none stored twice, whatever is killed."""
import json
import sys
import uuid

import mast
import tap
from hubkit import kill_postgres, status


def numbered(s, name, boot=None):
    """A node that reads for itself; the answer to auth told what is stored."""
    node_id, token = s.admin().node_add(name)
    n = mast.Node(s, token=token, auto=False)
    n.boot = boot or str(uuid.uuid4())
    tap.equal(n.connect(), "register_ack")
    tap.equal(n.answer["payload"]["event_ack"], 0)
    return n


def again(n):
    """Reconnects; what the hub says is stored."""
    n.drop()
    tap.equal(n.connect(), "auth_ok")
    return n.answer["payload"]["event_ack"]


def say(n, seq, **more):
    n.event("event %d" % seq, seq=seq, **more)


def acked(n, upto, timeout=10):
    """Reads until that number is acknowledged; the acknowledgements."""
    out = []
    while not out or out[-1]["seq"] < upto:
        _, text = n.ws.recv(timeout * mast.PATIENCE)
        doc = json.loads(text)
        if doc["type"] == "event_ack":
            out.append(doc["payload"])
    return out


def stored(s, n):
    return [r[0] for r in s.sql(
        "SELECT boot_seq FROM mast.events WHERE node_id = %s AND boot = %s "
        "ORDER BY boot_seq, id", n.id, n.boot)]


def test_acknowledged(s):
    """What is acknowledged is stored, in order, with its number"""
    n = numbered(s, "ack")
    for i in range(1, 51):
        say(n, i)
    acks = [a["seq"] for a in acked(n, 50)]
    tap.equal(acks, sorted(set(acks)), "cumulative")
    tap.equal(stored(s, n), list(range(1, 51)))
    tap.equal(again(n), 50)


def test_repeated(s):
    """A repetition is stored once: in the same session, after a reconnect,
    and when the first copy still waits"""
    n = numbered(s, "again")
    for i in (1, 2, 3):
        say(n, i)
    acked(n, 3)
    for i in (1, 2, 3, 4):
        say(n, i)
    acked(n, 4)
    say(n, 5)
    tap.equal(again(n) in (4, 5), True)
    for i in range(n.answer["payload"]["event_ack"] + 1, 8):
        say(n, i)
    acked(n, 7)
    tap.equal(stored(s, n), [1, 2, 3, 4, 5, 6, 7])


def test_gap(s):
    """Behind a gap nothing is taken; the node is asked to go back"""
    n = numbered(s, "gap")
    for i in (1, 2, 4, 5):
        say(n, i)
    acks = acked(n, 0)
    while "resend" not in acks[-1]:
        acks += acked(n, 0)
    assert acks[-1]["seq"] <= 2, acks
    for i in range(acks[-1]["seq"] + 1, 6):
        say(n, i)
    acked(n, 5)
    tap.equal(stored(s, n), [1, 2, 3, 4, 5])


def test_boots(s):
    """A new boot begins at one; one that is known goes on; events without a
    number are as ever"""
    n = numbered(s, "boots")
    first = n.boot
    say(n, 1)
    acked(n, 1)
    n.boot = str(uuid.uuid4())
    tap.equal(again(n), 0)
    say(n, 1)
    acked(n, 1)
    n.event("plain")
    mast.wait_until(lambda: s.one(
        "SELECT count(*) FROM mast.events WHERE node_id = %s AND "
        "message = 'plain' AND boot IS NULL", n.id) == 1, 5, "stored")
    n.boot = first
    tap.equal(again(n), 1)
    n.boot = None
    n.drop()
    tap.equal(n.connect(), "auth_ok")
    tap.equal(n.answer["payload"], {})
    n.drop()
    n.boot = "nonsense"
    tap.equal(n.connect(), "auth_error")
    tap.contains(n.answer["message"], "event_boot must be a UUID")


def test_odd_numbers(s):
    """Numbers that are none are events without one; a number far ahead is a
    gap"""
    n = numbered(s, "odd")
    for seq in (0, -1, 1.5, "1", None, [1]):
        n.event("odd", seq=seq)
    mast.wait_until(lambda: s.one(
        "SELECT count(*) FROM mast.events WHERE node_id = %s AND "
        "message = 'odd' AND boot IS NULL", n.id) == 6, 5, "stored plain")
    say(n, 2**63 - 1)
    tap.equal(acked(n, 0)[-1], {"seq": 0, "resend": True})
    say(n, 1)
    acked(n, 1)


def test_pressure(s):
    """More than the hub takes from one node: put off, never dropped"""
    n = numbered(s, "pressure")
    before = status(s)
    for i in range(1, 6001):
        say(n, i)
    done = 0
    while done < 6000:
        ack = acked(n, done, timeout=30)[-1]
        done = ack["seq"]
        if ack.get("resend"):
            for i in range(done + 1, 6001):
                say(n, i)
    tap.equal(stored(s, n), list(range(1, 6001)))
    after = status(s)
    tap.equal(after["events_dropped"], before["events_dropped"])


def fleet_books(s, sim):
    """(ids of nodes, events sent by each) from the simulator's ledger."""
    sent = {}
    for line in sim.ledger():
        what, node, seq = line.split()[:3]
        if what == "event":
            sent[node] = max(sent.get(node, 0), int(seq))
    return sent


def test_killed(s):
    """hubd and PostgreSQL are killed under a fleet that numbers its events:
    each event is in the database exactly once"""
    creds = ""
    for i in range(20):
        creds += "token %s edge\n" % s.admin().node_add("kept %d" % i)[1]
    sim = mast.Sim(s, "--number-events", "--events", 400, "--stats-ms", 0, "--reconnect",
                   "old", creds=creds)
    mast.wait_until(lambda: sim.report().get("online") == 20, 20, "online")
    for victim in ("hubd", "postgres", "hubd"):
        base = sim.report()["events_acked"]
        mast.wait_until(lambda: sim.report()["events_acked"] > base + 300,
                        30, "acknowledged")
        if victim == "hubd":
            s.kill("hubd")
            s.start("hubd")
        else:
            kill_postgres(s)
            s.start_postgres()
        mast.wait_until(lambda: sim.report().get("online") == 20, 60,
                        "online after %s" % victim)
    sim.say("pause")
    mast.wait_until(lambda: (lambda r: r["events_acked"] == r["events"])(
        sim.report()), 60, "all acknowledged")
    sent = fleet_books(s, sim)
    tap.equal(len(sent), 20, "nodes that sent")
    for node, upto in sent.items():
        rows = [r[0] for r in s.sql(
            "SELECT boot_seq FROM mast.events WHERE node_id = %s AND "
            "boot IS NOT NULL ORDER BY boot_seq", node)]
        tap.equal(rows, list(range(1, upto + 1)), node)
    assert sim.report()["events_again"] > 0, "nothing was ever sent twice"
    sim.stop()


if __name__ == "__main__":
    mast.main(sys.modules[__name__])
