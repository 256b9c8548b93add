#!/usr/bin/python3
"""Two hubs side by side on one database: a node moves from one to the other,
epochs fence the older, a queued command goes to the owner; and what is told
of a hub that gives no sign of life, whoever is left to tell it."""
import os
import signal
import subprocess
import sys

import hubkit
import mast
import tap

START = {"type": "start_flow", "flow_id": "f"}


class Second:
    """Another hubd: its own name, door and sockets, the same database. To a
    mast.Node it is what a Suite is; the Suite ends it like a node of its."""

    secret = token = config = tunnels = None    # it has none

    def __init__(self, s, name):
        self.suite, self.nodes, self.name = s, s.nodes, name
        self.node_port = s.info["spare_port"]
        self.run_dir = os.path.join(s.state, "run-" + name)
        os.mkdir(self.run_dir)
        self.conf = os.path.join(s.state, name + ".conf")
        with open(s.conf) as f:
            text = f.read()
        text = text.replace("run_dir = " + s.run_dir,
                            "run_dir = " + self.run_dir)
        text = text.replace("listen = 127.0.0.1:%d" % s.node_port,
                            "listen = 127.0.0.1:%d\nname = %s" % (
                                self.node_port, name))
        with open(self.conf, "w") as f:
            f.write(text)
        self.start()
        s.nodes.append(self)

    def close(self):
        if self.proc.poll() is None:
            self.end()

    def rows(self):
        return {r[0] for r in self.suite.sql(
            "SELECT id FROM mast.hubs WHERE name = %s", self.name)}

    def start(self):
        before = self.rows()
        with open(os.path.join(self.suite.state, "log", self.name + ".log"),
                  "a") as log:
            self.proc = subprocess.Popen(
                [self.suite.program("mastkeeper-hubd"), "-f", self.conf],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True)
        self.id, = mast.wait_until(lambda: self.rows() - before, 20,
                                   "%s is registered" % self.name)

    def end(self, sig=signal.SIGTERM):
        self.proc.send_signal(sig)
        return self.proc.wait(30 * mast.PATIENCE)


def session(s, node_id):
    """Hub and epoch of the session that the database knows."""
    rows = s.sql("SELECT hub_id, epoch FROM mast.node_sessions "
                 "WHERE node_id = %s", node_id)
    return rows[0] if rows else (None, None)


def first_hub(s):
    return s.one("SELECT id FROM mast.hubs WHERE name <> 'second' AND "
                 "stopped_at IS NULL ORDER BY started_at DESC LIMIT 1")


def offline_alarm(s, node_id):
    """Whether it is open; None: there is none."""
    rows = s.sql("SELECT closed_at IS NULL FROM mast.alarms WHERE node_id = "
                 "%s AND code = 'node_offline' ORDER BY last_at DESC",
                 node_id)
    return rows[0][0] if rows else None


def told(s, hub):
    return s.one("SELECT count(*) FROM mast.events WHERE node_id = %s AND "
                 "details ->> 'error_code' = 'hub_lost'", hub)


def both(s):
    """The second hub, made by the first test that wants it."""
    if not hasattr(s, "second"):
        s.second = Second(s, "second")
    return s.second


def test_move(s):
    """A node that comes to the other hub is its; the older socket is closed
    and says nothing of the node any more"""
    b = both(s)
    n = s.node("mover")
    tap.equal(session(s, n.id)[0], first_hub(s))
    epoch = session(s, n.id)[1]
    m = mast.Node(b, creds=(n.id, n.secret)).online()
    hub, newer = session(s, n.id)
    tap.equal(hub, b.id)
    assert newer > epoch, (epoch, newer)
    code, why = hubkit.over(n)
    tap.equal(code, 1008)
    tap.contains(why, "connected elsewhere")
    mast.wait_until(lambda: hubkit.status(s)["sessions"] == 0, 10,
                    "the first hub lets it go")
    m.event("after", category="move")
    mast.wait_until(lambda: hubkit.messages(s, n.id, "move") == ["after"],
                    10, "the event is stored")
    tap.equal(session(s, n.id), (hub, newer))
    tap.equal(hubkit.state(s, n.id), "online")
    tap.equal(s.admin().node(n.id)["status"], "online")
    tap.equal(offline_alarm(s, n.id), None)
    assert not [x for x in hubkit.messages(s, n.id, "connection")
                if x.startswith("Node disconnected")]
    m.close()
    mast.wait_until(lambda: hubkit.state(s, n.id) == "offline", 10,
                    "the owner says that it is gone")


def test_silent(s):
    """A node that only answers pings is seen, too; and its older socket
    learns that it is over"""
    b = both(s)
    keep = "UPDATE mast.settings SET value = %s WHERE key = " \
        "'ws_keepalive_interval_secs'"
    seen = "SELECT last_seen_at FROM mast.node_state WHERE node_id = %s"
    was = s.one("SELECT value FROM mast.settings WHERE key = "
                "'ws_keepalive_interval_secs'")
    s.sql(keep, 1)
    try:
        n = s.node("silent")
        mast.wait_until(lambda: any(d["type"] == "ping" for d in n.seen), 20,
                        "a ping")
        for _ in range(2):
            first = s.one(seen, n.id)
            mast.wait_until(lambda: s.one(seen, n.id) > first, 20,
                            "it is seen again")
        m = mast.Node(b, creds=(n.id, n.secret)).online()
        code, why = hubkit.closed(n, 30)
        tap.equal(code, 1008)
        tap.contains(why, "connected elsewhere")
        m.close()
    finally:
        s.sql(keep, was)


def test_command_to_the_owner(s):
    """A queued command reaches the node where it is, once"""
    b = both(s)
    n = s.node("ordered")
    m = mast.Node(b, creds=(n.id, n.secret)).online()
    r = s.admin().post("/api/v1/nodes/%s/command" % n.id, {
        "action": {"type": "restart_flow", "flow_id": "f"}, "queue": True})
    r.want(202)
    command = r.json["command_id"]
    mast.wait_until(lambda: s.one(
        "SELECT state FROM mast.commands WHERE id = %s", command) == "acked",
        20, "it is acknowledged")
    tap.equal([c for c, a in m.commands if a["type"] == "restart_flow"],
              [command])
    tap.equal([c for c, a in n.commands if a["type"] == "restart_flow"], [])
    tap.equal(s.one("SELECT hub_id FROM mast.commands WHERE id = %s",
                    command), b.id)
    m.close()
    n.close()


def orders(*nodes):
    """Ids of the commands that those sockets got, but questions."""
    return [c for n in nodes for c, a in n.commands
            if a["type"] == "start_flow"]


def state(s, command):
    return s.one("SELECT state FROM mast.commands WHERE id = %s", command)


def queue(s, *nodes, **more):
    """Answers to a queued command for each of the nodes, by their ids."""
    r = s.admin().post("/api/v1/commands", dict({
        "action": START, "node_ids": [n.id for n in nodes],
        "queue": True}, **more))
    assert r.status in (200, 202), r
    return {x["node_id"]: x for x in r.json["results"]}


def test_direct_command(s):
    """A direct command for a node of the other hub is not sent, and nobody
    says that the node is offline"""
    b = both(s)
    n = s.node("direct")
    s.admin().command(n.id, START).want(200)
    m = mast.Node(b, creds=(n.id, n.secret)).online()
    for older in ("open", "closed"):
        # The first time the hub does not know yet that its socket is old.
        r = s.admin().command(n.id, START).problem(503, "hub-away")
        tap.contains(r.json["detail"], "another hub", older)
        command = r.json["command_id"]
        mast.wait_until(lambda: state(s, command) == "failed", 10,
                        "its end is in the journal")
        tap.equal(hubkit.closed(n, 10)[0], 1008)
    tap.equal(len(orders(n)), 1, "before the move")
    tap.equal(orders(m), [])
    tap.equal(s.admin().node(n.id)["status"], "online")
    tap.equal(hubkit.state(s, n.id), "online")
    m.close()
    mast.wait_until(lambda: hubkit.state(s, n.id) == "offline", 10, "gone")
    s.admin().command(n.id, START).problem(502, "node-offline")


def test_queued_for_both(s):
    """Commands for nodes of both hubs at once: each node gets its own, once;
    none of them is called offline"""
    b = both(s)
    here = s.node("queued here")
    there = mast.Node(b, creds=(lambda x: (x.id, x.secret))(
        s.node("queued there"))).online()
    got = queue(s, here, there, wait=True)
    tap.equal(got[here.id]["state"], "acked")
    assert got[there.id]["state"] in ("queued", "acked"), got
    mast.wait_until(lambda: state(s, got[there.id]["command_id"]) == "acked",
                    20, "the other hub's too")
    for n in (here, there):
        tap.equal(orders(n), [got[n.id]["command_id"]])
        n.close()


def test_commands_while_moving(s):
    """A node that goes to and fro: each queued command is executed once and
    acknowledged, each event is stored once"""
    b = both(s)
    n = s.node("restless")
    sockets, ids, newest = [n], [], {}
    for turn in range(8):
        for _ in range(5):
            ids.append(queue(s, n)[n.id]["command_id"])
            newest[ids[-1]] = turn
            sockets[-1].event("%d" % len(ids))
        sockets.append(mast.Node(s if turn % 2 else b,
                                 creds=(n.id, n.secret)).online())
    mast.wait_until(lambda: all(state(s, c) == "acked" for c in ids), 60,
                    "all are acknowledged")
    tap.equal(sorted(orders(*sockets)), sorted(ids), "each once")
    for i, x in enumerate(sockets):
        late = [c for c in orders(x) if newest[c] > i]
        tap.equal(late, [], "ordered later, by the socket %d" % i)
    mast.wait_until(lambda: len(hubkit.events_of(s, n.id)) == len(ids), 20,
                    "all events")
    tap.equal(set(hubkit.events_of(s, n.id).values()), {1}, "each once")
    tap.equal(session(s, n.id)[0], first_hub(s))
    tap.equal(hubkit.state(s, n.id), "online")
    for x in sockets:
        x.drop()


def test_numbered_events_move(s):
    """Numbered events that come again at the other hub are stored once"""
    b = both(s)
    n = s.node("counter", auto=False)
    n.close()
    boot = "5f0d7cb6-6b1d-4a8e-9f3e-0d6c5b1a2e01"
    n.boot, m = boot, mast.Node(b, creds=(n.id, n.secret), auto=False)
    m.boot = boot
    n.online()
    for i in range(1, 21):
        n.event(str(i), seq=i)
    mast.wait_until(lambda: len(hubkit.events_of(s, n.id)) == 20, 10,
                    "twenty are stored")
    m.online()
    for i in range(11, 31):
        m.event(str(i), seq=i)
    mast.wait_until(lambda: len(hubkit.events_of(s, n.id)) == 30, 10,
                    "thirty are stored")
    tap.equal(set(hubkit.events_of(s, n.id).values()), {1}, "each once")
    m.close()
    n.drop()


def test_one_is_frozen(s):
    """A hub stands still while its node goes to the other; when it goes on it
    stores what it is still to read, once, and disturbs nothing"""
    b = both(s)
    m = mast.Node(b, creds=(lambda x: (x.id, x.secret))(
        s.node("melts"))).online()
    for i in range(10):
        m.event("%d" % i)
    mast.wait_until(lambda: len(hubkit.events_of(s, m.id)) == 10, 10, "ten")
    b.proc.send_signal(signal.SIGSTOP)
    try:
        for i in range(10, 20):
            m.event("%d" % i)
        command = queue(s, m)[m.id]["command_id"]
        n = mast.Node(s, creds=(m.id, m.secret)).online()
        hub, epoch = session(s, m.id)
        tap.equal(hub, first_hub(s))
        mast.wait_until(lambda: state(s, command) == "acked", 20, "acked")
        for i in range(20, 30):
            n.event("%d" % i)
    finally:
        b.proc.send_signal(signal.SIGCONT)
    tap.equal(hubkit.closed(m, 30)[0], 1008)
    mast.wait_until(lambda: len(hubkit.events_of(s, m.id)) == 30, 20,
                    "all events")
    tap.equal(set(hubkit.events_of(s, m.id).values()), {1}, "each once")
    tap.equal((orders(m), orders(n)), ([], [command]))
    tap.equal(session(s, m.id), (hub, epoch))
    tap.equal(hubkit.state(s, m.id), "online")
    tap.equal(n.closed, None)
    n.close()


def test_one_is_killed(s):
    """Nobody starts it again: its nodes are offline with an alarm each, and
    one event names it. A node goes to the other hub and is well"""
    b = both(s)
    n = mast.Node(b, creds=(lambda x: (x.id, x.secret))(
        s.node("orphan"))).online()
    stays = s.node("stays")
    lost, epoch = session(s, n.id)
    tap.equal(lost, b.id)
    b.end(signal.SIGKILL)
    mast.wait_until(lambda: offline_alarm(s, n.id), 60, "the alarm")
    tap.equal(hubkit.state(s, n.id), "offline")
    tap.equal(s.admin().node(n.id)["status"], "offline")
    tap.equal(told(s, lost), 1)
    tap.equal(hubkit.state(s, stays.id), "online")
    tap.equal(offline_alarm(s, stays.id), None)
    strip = [r[0] for r in s.sql("SELECT state FROM mast.node_states WHERE "
                                 "node_id = %s ORDER BY at", n.id)]
    tap.equal(strip[-2:], ["unknown", "offline"], "what nobody saw")
    again = mast.Node(s, creds=(n.id, n.secret)).online()
    mast.wait_until(lambda: offline_alarm(s, n.id) is False, 10,
                    "the alarm is over")
    hub, newer = session(s, n.id)
    tap.equal(hub, first_hub(s))
    assert newer > epoch
    # The killed one starts again: what it left is not what is now.
    b.start()
    mast.wait_until(lambda: s.one("SELECT stopped_at IS NOT NULL FROM "
                                  "mast.hubs WHERE id = %s", lost), 10,
                    "its last start is over")
    tap.equal(session(s, n.id), (hub, newer))
    tap.equal(hubkit.state(s, n.id), "online")
    tap.equal(s.one("SELECT count(*) FROM mast.events WHERE details ->> "
                    "'hub_id' = %s AND details ->> 'error_code' = "
                    "'hub_crashed'", lost), 1)
    again.close()
    stays.close()


def test_only_hub_is_silent(s):
    """The only hub is stopped, not dead: its nodes are offline until it goes
    on, and then online in the same session"""
    if hasattr(s, "second"):
        tap.equal(s.second.end(), 0)
        del s.second
    n = s.node("frozen")
    hub, epoch = session(s, n.id)
    os.kill(s.pids["hubd"], signal.SIGSTOP)
    try:
        mast.wait_until(lambda: offline_alarm(s, n.id), 60, "the alarm")
        tap.equal(s.admin().node(n.id)["status"], "offline")
        tap.equal(told(s, hub), 1)
        tap.contains(s.log("apid"), "gives no sign of life")
    finally:
        os.kill(s.pids["hubd"], signal.SIGCONT)
    mast.wait_until(lambda: hubkit.state(s, n.id) == "online", 20,
                    "it is online again")
    tap.equal(session(s, n.id), (hub, epoch))
    tap.equal(offline_alarm(s, n.id), False)
    tap.equal(n.closed, None)
    tap.equal(s.one("SELECT lost_at FROM mast.hubs WHERE id = %s", hub), None)
    n.close()


def test_database_was_away(s):
    """A database that was away for longer is no reason to call a hub lost"""
    n = s.node("patient")
    hub, epoch = session(s, n.id)
    before = told(s, hub)
    # As if it had been away for long: no hub could write meanwhile.
    s.sql("UPDATE mast.hubs SET seen_at = now() - interval '60 seconds' "
          "WHERE id = %s", hub)
    hubkit.kill_postgres(s)
    s.start_postgres(wait=False)
    s.wait_ready()
    mast.wait_until(lambda: s.one(
        "SELECT seen_at > now() - interval '5 seconds' FROM mast.hubs "
        "WHERE id = %s", hub), 30, "the hub beats again")
    tap.equal(session(s, n.id), (hub, epoch))
    tap.equal(told(s, hub), before)
    tap.equal(offline_alarm(s, n.id), None)
    n.close()


if __name__ == "__main__":
    mast.main(sys.modules[__name__])
