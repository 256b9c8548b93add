#!/usr/bin/python3
"""The live socket in the contract's form: shape, cadence, slow readers."""
import json
import struct
import socket
import sys
import threading
import time

import mast
import tap
import ws

KEYS = {"node_id", "name", "device_type", "status", "stats", "health",
        "software_version", "protocol_version", "uptime_secs",
        "driver_metrics"}
EDGE = ["active_flows", "total_flows", "active_tunnels", "total_tunnels",
        "total_bitrate_bps", "uptime_secs"]


def update(sock, timeout=10):
    op, text = sock.recv(timeout * mast.PATIENCE)
    tap.equal(op, ws.TEXT, "opcode")
    return json.loads(text)


def of(doc, node):
    for n in doc["nodes"]:
        if n["node_id"] == node.id:
            return n
    return None


def until(sock, cond, what, timeout=10):
    """Reads updates until cond of one is true; that update."""
    end = time.monotonic() + timeout * mast.PATIENCE
    while time.monotonic() < end:
        doc = update(sock)
        if cond(doc):
            return doc
    raise AssertionError("no update with " + what)


def test_shape(s):
    """Every member of the contract, texts of the node verbatim"""
    n = s.node("shape \u00fc \"<b>\"", version="1.2.3")
    sock = s.admin().dashboard()
    payload = mast.sample("edge_stats_1udp_head")["payload"]
    health = mast.sample("edge_health_head")["payload"]
    n.stats(payload)
    doc = until(sock, lambda d: (of(d, n) or {}).get("stats"), "stats")
    tap.equal(doc["type"], "dashboard_update")
    tap.equal(doc["online_count"], len(doc["nodes"]))
    got = of(doc, n)
    assert KEYS <= set(got), KEYS - set(got)
    tap.equal(got["name"], "shape \u00fc \"<b>\"")
    tap.equal((got["device_type"], got["status"]), ("edge", "online"))
    tap.equal(got["stats"], payload)
    tap.equal(got["health"], health)
    tap.equal(got["protocol_version"], 4)
    assert 0 <= got["uptime_secs"] < 60, got["uptime_secs"]
    pairs = got["driver_metrics"]["metrics"]
    tap.equal([p[0] for p in pairs], EDGE, "metrics as pairs, in order")
    by = dict(pairs)
    tap.equal((by["active_flows"], by["total_flows"]), (1, 1))
    tap.equal(by["total_bitrate_bps"],
              payload["flows"][0]["input"]["bitrate_bps"])
    tap.equal(got["driver_metrics"]["items"],
              payload["flows"] + payload["tunnels"])
    sock.close()
    n.close()


def test_relay(s):
    """A relay's metrics and items are its own"""
    n = s.node("relay", "relay", protocol=None)
    sock = s.admin().dashboard()
    payload = mast.sample("relay_stats_1_head")["payload"]
    n.stats(payload)
    doc = until(sock, lambda d: (of(d, n) or {}).get("stats"), "stats")
    got = of(doc, n)
    tap.equal(got["protocol_version"], None)
    tap.equal(dict(got["driver_metrics"]["metrics"])["total_tunnels"],
              payload["total_tunnels"])
    tap.equal(got["driver_metrics"]["items"], payload["tunnels"])
    sock.close()
    n.close()


def test_before_stats(s):
    """A node without stats is there, with null"""
    n = s.node("silent")
    sock = s.admin().dashboard()
    doc = until(sock, lambda d: of(d, n), "the node")
    tap.equal(of(doc, n)["stats"], None)
    assert of(doc, n)["driver_metrics"] is not None
    sock.close()
    n.close()


def test_absence(s):
    """A node that leaves is absent from the next update"""
    n = s.node("comes and goes")
    sock = s.admin().dashboard()
    until(sock, lambda d: of(d, n), "the node")
    begin = time.monotonic()
    n.close()
    until(sock, lambda d: not of(d, n), "its absence")
    assert time.monotonic() - begin < 4 * mast.PATIENCE
    tap.equal(mast.Node(s, creds=(n.id, n.secret)).connect(), "auth_ok")
    until(sock, lambda d: of(d, n), "its return")
    s.nodes[-1].close()
    sock.close()


def test_cadence(s):
    """Coalesced to the broadcast interval; five seconds when nothing moves"""
    n = s.node("busy")
    sock = s.admin().dashboard()
    until(sock, lambda d: of(d, n), "the node")
    stop = threading.Event()

    def pour():
        while not stop.wait(0.05):
            n.stats()
    t = threading.Thread(target=pour)
    t.start()
    try:
        update(sock)
        times = []
        while len(times) < 5:
            update(sock)
            times.append(time.monotonic())
        gaps = [b - a for a, b in zip(times, times[1:])]
        # One that we read late comes close before the next.
        assert sum(gaps) > 0.6 * len(gaps), gaps
        assert max(gaps) < 3 * mast.PATIENCE, gaps
    finally:
        stop.set()
        t.join()
    n.close()
    until(sock, lambda d: not of(d, n), "its absence")
    begin = time.monotonic()
    update(sock)
    update(sock)
    took = time.monotonic() - begin
    assert 5 < took < 13 * mast.PATIENCE, took
    sock.close()


def test_interval_setting(s):
    """The broadcast interval is obeyed at once"""
    n = s.node("interval")
    sock = s.admin().dashboard()
    until(sock, lambda d: of(d, n), "the node")
    s.sql("UPDATE mast.settings SET value = 3000 "
          "WHERE key = 'stats_broadcast_interval_ms'")
    stop = threading.Event()

    def pour():
        while not stop.wait(0.2):
            n.stats()
    t = threading.Thread(target=pour)
    t.start()
    try:
        def slow():
            update(sock)
            a = time.monotonic()
            update(sock)
            return time.monotonic() - a > 2.5
        mast.wait_until(slow, 20, "the longer interval")
    finally:
        s.sql("UPDATE mast.settings SET value = 1000 "
              "WHERE key = 'stats_broadcast_interval_ms'")
        stop.set()
        t.join()
    sock.close()
    n.close()


def test_slow_reader(s):
    """A reader that stops gets the newest state and delays nobody"""
    n = s.node("wide")
    wide = mast.sample("edge_stats_1srt_head")["payload"]
    flow = wide["flows"][0]
    wide = dict(wide, flows=[dict(flow, flow_id="f%d" % i)
                             for i in range(120)])
    quick = s.admin().dashboard()
    until(quick, lambda d: of(d, n), "the node")
    slow = s.admin().dashboard()
    slow.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
    begin = time.monotonic()
    rounds = 0
    # More rounds than the sockets between can hold, however long they take.
    while time.monotonic() - begin < 8 or rounds < 16:
        rounds += 1
        n.stats(dict(wide, uptime_secs=rounds))
        doc = update(quick)
        last = of(doc, n)["stats"]
        time.sleep(0.2)
    assert last and last["uptime_secs"] > 1, "the quick one stays fresh"
    n.stats(dict(wide, uptime_secs=99999))
    until(quick, lambda d: of(d, n)["stats"]["uptime_secs"] == 99999, "last")
    count = 0
    while True:
        count += 1
        doc = update(slow)
        if (of(doc, n)["stats"] or {}).get("uptime_secs") == 99999:
            break
    assert count < rounds, "%d texts for %d rounds" % (count, rounds)
    for sock in (quick, slow):
        sock.close()
    n.close()


def test_frames_from_the_browser(s):
    """Broken frames end the socket, nobody else's"""
    other = s.admin().dashboard()
    update(other)
    sock = s.admin().dashboard()
    update(sock)
    sock.send(ws.PING, b"abc")
    sock.send(ws.PONG, b"")
    update(sock)
    sock.raw(ws.frame(ws.TEXT, b"plain", masked=False))
    try:
        while True:
            sock.recv(10)
    except ws.Closed as why:
        tap.equal(why.code, 1002, "unmasked frame")
    sock = s.admin().dashboard()
    sock.raw(struct.pack(">BBQ", 0x81, 0xff, 1 << 40) + b"\0\0\0\0")
    try:
        while True:
            sock.recv(10)
    except ws.Closed as why:
        assert why.code in (1009, 1002), why.code
    update(other)
    other.close()


def test_hub_restart(s):
    """While hubd is away nothing is claimed; then the picture comes back"""
    n = s.node("survivor")
    sock = s.admin().dashboard()
    until(sock, lambda d: of(d, n), "the node")
    s.kill("hubd")
    s.start("hubd")
    n.close()
    again = mast.Node(s, creds=(n.id, n.secret)).online()
    again.stats()
    doc = until(sock, lambda d: (of(d, n) or {}).get("stats"), "the node", 20)
    tap.equal(doc["hub_connected"], True)
    again.close()
    sock.close()


def test_apid_stops_in_order(s):
    """A stopping apid tells its sockets, and comes back"""
    sock = s.admin().dashboard()
    update(sock)
    s.restart("apid")
    try:
        while True:
            sock.recv(10)
    except ws.Closed as why:
        assert why.code in (1001, 1012), why.code
    again = s.admin().dashboard()
    update(again)
    again.close()


if __name__ == "__main__":
    mast.main(sys.modules[__name__])
