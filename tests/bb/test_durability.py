#!/usr/bin/python3
"""Nothing accepted is lost: PostgreSQL and the hub are killed with -9 while
nodes keep sending, and the books must balance.

Stock nodes send events without number or acknowledgement, so these carry a
number in the text. What a hub has read while the database is away is kept
and stored once. What a hub had read and not yet stored when it dies is lost;
an event of the next start names that window, and nothing outside it may be
missing."""
import datetime
import signal
import sys
import threading
import time

import mast
import tap
import ws
from hubkit import (events_of, kill_postgres, messages, read_all, state,
                    status, wait_count)

QUEUE = 3000            # hubd.queue_rows of this suite


class Sender(threading.Thread):
    """A node that sends numbered events for ever and comes back by itself;
    when: the time each was handed to the socket."""

    def __init__(self, s, name, pause=0.004):
        super().__init__(daemon=True)
        self.node = s.node(name, auto=False)
        self.pause = pause
        self.when = []
        self.enough = threading.Event()

    def again(self):
        while not self.enough.is_set():
            try:
                if self.node.connect(health=False) == "auth_ok":
                    return
            except (OSError, ws.Closed, AssertionError, TimeoutError):
                pass
            time.sleep(0.2)

    def run(self):
        while not self.enough.is_set():
            try:
                self.node.event(str(len(self.when)))
                self.when.append(time.time())
            except OSError:
                self.again()
            time.sleep(self.pause)

    def end(self):
        self.enough.set()
        self.join(20)
        try:
            read_all(self.node)
        except (OSError, ws.Closed, AttributeError):
            self.again_once()

    def again_once(self):
        self.enough.clear()
        self.again()
        read_all(self.node)


def stored(s, sender):
    return events_of(s, sender.node.id)


def exactly(s, sender, timeout=20):
    """Every number that was sent is there once."""
    want = {i: 1 for i in range(len(sender.when))}
    mast.wait_until(lambda: stored(s, sender) == want, timeout,
                    "all of %d events once" % len(want), 0.2)


def test_postgres_killed(s):
    """PostgreSQL dies under load: every event is there afterwards, once"""
    senders = [Sender(s, "pg %d" % i, 0.01) for i in range(3)]
    for t in senders:
        t.start()
    for _ in range(2):
        time.sleep(1)
        kill_postgres(s)
        time.sleep(1)
        s.start_postgres()
    time.sleep(1)
    for t in senders:
        t.end()
    for t in senders:
        exactly(s, t)
        t.node.close()
    got = status(s)
    tap.equal(got["events_dropped"], 0)
    tap.equal(got["events_dead"], 0)


def test_refused_row(s):
    """One event that the database does not take is given up, counted and
    told; the others of its batch are stored"""
    n = s.node("poison", auto=False)
    before = status(s)
    s.sql("ALTER TABLE mast.events ADD CONSTRAINT no_poison CHECK (message "
          "<> '17' OR node_id <> %s)", n.id)
    try:
        for i in range(40):
            n.event(str(i))
        read_all(n)
        mast.wait_until(lambda: len(events_of(s, n.id)) == 39, 10,
                        "all but one are stored")
        mast.wait_until(lambda: messages(s, n.id, "hub") ==
                        ["1 events were dropped"], 10, "it is told")
    finally:
        s.sql("ALTER TABLE mast.events DROP CONSTRAINT no_poison")
    tap.equal(set(range(40)) - set(events_of(s, n.id)), {17})
    tap.equal(set(events_of(s, n.id).values()), {1})
    got = status(s)
    tap.equal(got["events_dead"], before["events_dead"] + 1)
    tap.equal(got["events_dropped"], before["events_dropped"])
    tap.contains(s.log("hubd"), "a row of events was given up")
    n.close()


def test_sessions_outlive_postgres(s):
    """A node stays connected while the database is away; one that left
    meanwhile is offline afterwards"""
    stays = s.node("stays", auto=False)
    leaves = s.node("leaves", auto=False)
    kill_postgres(s)
    stays.event("1")
    leaves.close()
    time.sleep(1)
    read_all(stays)
    late = mast.Node(s, creds=(leaves.id, leaves.secret), auto=False)
    try:
        late.connect()
        raise AssertionError("let in without a database")
    except ws.Closed as why:
        tap.equal(why.code, 1013)
    s.start_postgres()
    mast.wait_until(lambda: events_of(s, stays.id) == {1: 1}, 20, "stored")
    mast.wait_until(lambda: state(s, leaves.id) == "offline", 20, "offline")
    tap.equal(state(s, stays.id), "online")
    stays.event("2")
    mast.wait_until(lambda: events_of(s, stays.id) == {1: 1, 2: 1}, 20,
                    "the same session goes on")
    stays.close()


def test_queue_is_bounded(s):
    """A long outage: the queue keeps what it promised, the rest is counted
    and told, and the books balance"""
    n = s.node("long", auto=False)
    before = status(s)
    kill_postgres(s)
    mast.wait_until(lambda: not status(s)["database"], 10, "noticed")
    for i in range(QUEUE + 500):
        n.event(str(i))
    read_all(n)
    got = wait_count(s, "events_received",
                     before["events_received"] + QUEUE + 500)
    dropped = got["events_dropped"] - before["events_dropped"]
    assert 500 <= dropped < 600, dropped
    s.start_postgres()
    mast.wait_until(lambda: len(events_of(s, n.id)) == QUEUE + 500 - dropped,
                    30, "what was kept is stored", 0.2)
    assert set(events_of(s, n.id).values()) == {1}
    mast.wait_until(lambda: messages(s, n.id, "hub") ==
                    ["%d events were dropped" % dropped], 20, "it is told")
    n.close()


def test_orderly_stop(s):
    """A hub that is stopped stores all it has read and says goodbye"""
    nodes = [s.node("orderly %d" % i, auto=False) for i in range(5)]
    for n in nodes:
        for i in range(200):
            n.event(str(i))
    for n in nodes:
        read_all(n)
    s.kill("hubd", signal.SIGTERM)
    for n in nodes:
        tap.equal(events_of(s, n.id), {i: 1 for i in range(200)})
        tap.equal(state(s, n.id), "offline")
        try:
            n.ws.recv(5)
            raise AssertionError("no Close frame")
        except ws.Closed as why:
            tap.equal(why.code, 1001)
        n.drop()
    tap.equal(s.one("SELECT count(*) FROM mast.hubs WHERE stopped_at IS "
                    "NULL"), 0)
    s.start("hubd")
    crashed = s.one("SELECT count(*) FROM mast.events WHERE message LIKE "
                    "'The hub did not stop in order%%'")
    tap.equal(crashed, 0, "an orderly stop leaves no window")


def windows(s):
    """[from, to] of every crash that was told, as unix times."""
    out = []
    for d, in s.sql("SELECT details FROM mast.events WHERE category = 'hub' "
                    "AND details->>'error_code' = 'hub_crashed' ORDER BY id"):
        out.append([datetime.datetime.fromisoformat(
            d[k].replace("Z", "+00:00")).timestamp() for k in ("from", "to")]
            + [d["nodes"]])
    return out


def test_hub_killed(s):
    """The hub dies under load: what was stored stays, nothing is twice, and
    what is missing lies in the window that the next start names"""
    senders = [Sender(s, "hub %d" % i) for i in range(3)]
    for t in senders:
        t.start()
    for i in range(2):
        time.sleep(1.5)
        before = [stored(s, t) for t in senders]
        s.kill("hubd")
        time.sleep(0.5)
        s.start("hubd")
        for t, old in zip(senders, before):
            new = stored(s, t)
            assert all(new.get(k) == v for k, v in old.items()), "lost"
        mast.wait_until(lambda: all(state(s, t.node.id) == "online"
                                    for t in senders), 20, "back online")
        time.sleep(1)
    for t in senders:
        t.end()
    told = windows(s)
    tap.equal([w[2] for w in told], [3, 3], "crashes told, nodes in them")
    time.sleep(1)
    lost = 0
    for t in senders:
        got = stored(s, t)
        assert set(got.values()) <= {1}, "stored twice"
        for i, at in enumerate(t.when):
            if i not in got:
                lost += 1
                # What a busy hub had not read yet when it died was sent
                # before.
                assert any(a - mast.PATIENCE <= at <= b for a, b, _ in told), \
                    "%d is missing outside of every window" % i
    print("# %d of %d events were lost with two hubs, all in %s" % (
        lost, sum(len(t.when) for t in senders),
        ["%.1f s" % (b - a) for a, b, _ in told]))
    for t in senders:
        t.node.close()


def insert_command(s, node_id, hub, state_name, age=0):
    return s.one("INSERT INTO mast.commands (id, node_id, node_name, type, "
                 "action, state, hub_id, expires_at) VALUES "
                 "(gen_random_uuid(), %s, 'n', 'start_flow', '\\x00', "
                 "%s::mast.command_state, %s, now() + %s * interval '1 s') "
                 "RETURNING id", node_id, state_name, hub, age)


def test_commands_after_a_crash(s):
    """A command that was sent when the hub died ends as unknown, one that
    was never sent as expired"""
    n = s.node("commands")
    hub = s.one("SELECT hub_id FROM mast.node_sessions WHERE node_id = %s",
                n.id)
    sent = insert_command(s, n.id, hub, "sent", 60)
    n.close()
    old = insert_command(s, n.id, None, "queued", 1)
    s.kill("hubd")
    s.start("hubd")
    for command, want in ((sent, "unknown"), (old, "expired")):
        mast.wait_until(lambda: s.one("SELECT state::text FROM mast.commands "
                        "WHERE id = %s", command) == want, 10, want)


def test_named_row(s):
    """A command that an answer names is in the journal and the audit, though
    hub and database die in that moment"""
    n = s.node("named")
    for text in ("ALTER SYSTEM SET wal_writer_delay = '10s'",
                 "SELECT pg_reload_conf()"):
        s.sql(text)
    answer = []
    t = threading.Thread(target=lambda: answer.append(s.admin().command(
        n.id, {"type": "start_flow", "flow_id": "f"})))
    s.kill("hubd", signal.SIGSTOP, wait=False)
    t.start()
    mast.wait_until(lambda: s.sql("SELECT 1 FROM mast.commands WHERE "
                                  "node_id = %s", n.id), 10, "its row")
    s.kill("hubd")
    t.join()
    kill_postgres(s)
    s.start_postgres(wait=False)
    s.start("hubd")
    command = answer[0].problem(503).json["command_id"]
    tap.equal(s.one("SELECT count(*) FROM mast.commands WHERE id = %s",
                    command), 1)
    tap.equal(s.one("SELECT count(*) FROM mast.audit WHERE action = "
                    "'node.command' AND details ->> 'command_id' = %s",
                    command), 1)
    for text in ("ALTER SYSTEM RESET wal_writer_delay",
                 "SELECT pg_reload_conf()"):
        s.sql(text)
    n.drop()


def test_both_killed(s):
    """Hub and database die together and come back in either order"""
    t = Sender(s, "both")
    t.start()
    time.sleep(1)
    before = stored(s, t)
    kill_postgres(s)
    s.kill("hubd")
    s.start("hubd", wait=False)         # waits for its database
    time.sleep(1)
    s.start_postgres()
    s.wait_ready()
    mast.wait_until(lambda: state(s, t.node.id) == "online", 20, "online")
    t.end()
    after = stored(s, t)
    assert all(after.get(k) == v for k, v in before.items())
    assert set(after.values()) == {1}
    t.node.close()


def test_drops_and_a_crash(s):
    """The hub dies before it has told what it dropped: the window that the
    next start names begins before that"""
    n = s.node("owes", auto=False)
    told = "SELECT count(*) FROM mast.events WHERE node_id = %s AND " \
        "details->>'error_code' = 'events_dropped'"
    kill_postgres(s)
    mast.wait_until(lambda: not status(s)["database"], 10, "noticed")
    for i in range(QUEUE + 100):
        n.event(str(i))
    read_all(n)
    dropped = time.time()
    s.start_postgres()
    mast.wait_until(lambda: len(events_of(s, n.id)) > QUEUE - 100, 20,
                    "what was kept is stored")
    n.event("9999")
    mast.wait_until(lambda: 9999 in events_of(s, n.id), 10, "and goes on")
    s.kill("hubd")
    s.start("hubd")
    begin, end, _ = windows(s)[-1]
    assert begin < end
    if s.one(told, n.id) == 0:
        assert begin < dropped, (begin, dropped)
    n.drop()


def test_clock_set_back(s):
    """A clock that was ahead leaves no window that ends before it begins"""
    ahead = "UPDATE mast.hubs SET flushed_at = now() + interval '1 hour' " \
        "WHERE stopped_at IS NULL"
    s.sql(ahead)
    mast.wait_until(lambda: s.one(
        "SELECT bool_and(flushed_at <= now()) FROM mast.hubs "
        "WHERE stopped_at IS NULL"), 10, "the hub's mark is right again")
    s.kill("hubd")
    s.sql(ahead)
    s.start("hubd")
    begin, end, _ = windows(s)[-1]
    assert begin <= end, (begin, end)


if __name__ == "__main__":
    mast.main(sys.modules[__name__], settings=(
        "hubd.queue_rows=%d" % QUEUE, "hubd.event_burst=100000",
        "hubd.event_rate=1000"))
