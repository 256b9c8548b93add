#!/usr/bin/python3
"""The node door and the messages of nodes, good and bad."""
import json
import os
import socket
import sys
import time

import mast
import tap
import ws
from hubkit import (closed, messages, proxy_v2, read_all, refused, state,
                    status, wait_count)


def raw(s, text, wait=8):
    """Bytes to the TLS door; what comes back until its end."""
    c = ws.tls_client().wrap_socket(socket.create_connection(
        ("127.0.0.1", s.node_port), 10))
    c.settimeout(wait)
    c.sendall(text)
    out = b""
    try:
        while True:
            got = c.recv(65536)
            if not got:
                break
            out += got
    except (ConnectionError, OSError):
        pass
    c.close()
    return out


def upgrade(path="/ws/node", more=""):
    return ("GET %s HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\n"
            "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n%s\r\n"
            % (path, more)).encode()


def test_upgrade(s):
    """101 carries the accept key and no subprotocol, no extension"""
    n = mast.Node(s, auto=False).dial(headers=[
        ("Sec-WebSocket-Protocol", "chat"),
        ("Sec-WebSocket-Extensions", "permessage-deflate")])
    tap.equal(set(n.ws.headers), {"upgrade", "connection",
                                  "sec-websocket-accept"})
    n.drop()


def test_http_errors(s):
    """What is no upgrade for nodes is a small problem document"""
    for head, want in (
            (upgrade("/other"), 404),
            (b"GET /ws/node HTTP/1.1\r\nHost: x\r\n\r\n", 426),
            (b"GET /ws/node HTTP/1.1\r\n\r\n", 400),
            (upgrade(more="Host: y\r\n"), 400),
            (upgrade(more="X: " + "y" * 20000 + "\r\n"), 431),
            (b"\x16\x03\x01\x02\x00garbage\r\n\r\n", 400)):
        got = raw(s, head)
        tap.equal(got.split(b" ")[1], str(want).encode())
        body = json.loads(got.split(b"\r\n\r\n", 1)[1])
        tap.equal(body["status"], want)
        assert body["error"] and body["title"]


def test_slow_head(s):
    """A head that does not come in five seconds ends the connection"""
    begin = time.monotonic()
    tap.equal(raw(s, b"GET /ws/node HTTP/1.1\r\n", 20), b"")
    took = time.monotonic() - begin
    assert 3 < took < 9 * mast.PATIENCE, took


def test_first_frame(s):
    """Whatever is not auth is answered and closed"""
    for op, text, want in (
            (ws.TEXT, b"{", None), (ws.TEXT, b"[]", None),
            (ws.TEXT, b'{"type":"stats","payload":{}}', "must be auth"),
            (ws.BINARY, b"\0\1", "must be auth"),
            (ws.TEXT, b'{"type":"auth"}', "payload"),
            (ws.TEXT, b'{"type":"auth","payload":{"registration_token":"' +
             b"x" * 300 + b'"}}', None)):
        n = mast.Node(s, auto=False).dial()
        n.ws.send(op, text)
        doc = json.loads(n.ws.recv(10)[1])
        tap.equal(doc["type"], "auth_error")
        if want:
            tap.contains(doc["message"], want)
        tap.equal(closed(n)[0], 1008)
        n.drop()


def test_silence(s):
    """No auth within ten seconds is an auth_error"""
    n = mast.Node(s, auto=False).dial()
    doc = json.loads(n.ws.recv(14 * mast.PATIENCE)[1])
    tap.equal(doc["type"], "auth_error")
    tap.contains(doc["message"], "10 seconds")
    n.drop()


def test_large_before_auth(s):
    """Before auth a frame has 16 KiB at most, and nothing is allocated"""
    n = mast.Node(s, auto=False).dial()
    n.ws.raw(b"\x81\xff" + (1 << 40).to_bytes(8, "big") + b"\0\0\0\0")
    tap.equal(closed(n)[0], 1009)
    n.drop()


def test_large(s):
    """Five MiB are served, more is closed with 1009"""
    n = s.node("large", auto=False)
    pad = "x" * (5 * 1024 * 1024 - 4000)
    n.send("stats", dict(mast.sample("edge_stats_idle_head")["payload"],
                         pad=pad))
    read_all(n)
    n.ws.raw(b"\x81\xff" + (6 << 20).to_bytes(8, "big") + b"\0\0\0\0")
    tap.equal(closed(n)[0], 1009)
    mast.wait_until(lambda: state(s, n.id) == "offline", 5, "offline")
    found = messages(s, n.id, "connection")
    tap.contains(found[-1], "Node disconnected: message too large")


def test_violations(s):
    """A broken protocol costs the session, with the right code"""
    n = s.node("wrong", auto=False)
    text = mast.Node.envelope("pong", None).encode()
    for data, code in (
            (ws.frame(ws.TEXT, text, masked=False), 1002),
            (ws.frame(ws.TEXT, text, rsv=4), 1002),
            (ws.frame(3, text), 1002),
            (ws.frame(ws.CONT, text), 1002),
            (ws.frame(ws.PING, b"x" * 200), 1002),
            (ws.frame(ws.TEXT, b"\xc3("), 1007)):
        n.ws.raw(data)
        tap.equal(closed(n)[0], code)
        n.drop()
        tap.equal(n.connect(), "auth_ok")
    n.close()


def test_malformed(s):
    """Frames that are no messages of ours are dropped; a hundred are borne,
    then the session ends"""
    n = s.node("noise", auto=False)
    before = status(s)["frames_malformed"]
    bad = [b"", b"{", b"nonsense", b'{"type":7,"payload":{}}',
           b'{"payload":{}}', b'{"type":"stats","payload":[]}',
           b'{"type":"event","payload":3}', b'{"a":1}{"b":2}',
           b'{"type":"stats","payload":{"a":"\\ud800"}}',
           b'{"type":"event","payload":{"message":"\\u0000"}}']
    for i in range(100):
        n.ws.send(ws.TEXT, bad[i % len(bad)])
    n.event("after the noise")
    read_all(n)
    tap.equal(status(s)["frames_malformed"], before + 100)
    n.ws.send(ws.TEXT, b"{")
    tap.equal(closed(n)[0], 1008)
    mast.wait_until(lambda: "after the noise" in messages(s, n.id), 5,
                    "the event is stored")


def test_tolerated(s):
    """Unknown types, binary frames, both pongs and odd envelopes are borne"""
    n = s.node("odd things", auto=False)
    before = status(s)
    n.send("some_new_type", {"x": [1, {"y": None}]})
    n.ws.send(ws.BINARY, b"\xbc\x01")
    n.ws.send(ws.PONG, b"unasked")
    n.send("pong", None)
    n.send("thumbnail", {"data": "AAAA", "flow_id": "f"})
    n.send("auth", {"node_id": n.id})
    n.ws.text('{"payload":{"category":"test","message":"no timestamp",'
              '"severity":"info"},"type":"event"}')
    n.ws.text('{"type":"event","payload":{"category":"test","message":'
              '"type first","severity":"info"}}')
    read_all(n)
    after = status(s)
    for name in ("frames_unknown", "frames_binary", "frames_pong",
                 "frames_thumbnail", "frames_misplaced"):
        tap.equal(after[name], before[name] + 1, name)
    mast.wait_until(lambda: messages(s, n.id, "test") ==
                    ["no timestamp", "type first"], 5, "both events")
    n.close()


def test_fragments(s):
    """A message in many frames with a ping between them is one message"""
    n = s.node("parts", auto=False)
    text = mast.Node.envelope("event", {
        "category": "test", "message": "f\u00fcnf " * 30,
        "severity": "info"}).encode()
    cuts = list(range(0, len(text), 7)) + [len(text)]
    for i in range(len(cuts) - 1):
        n.ws.raw(ws.frame(ws.TEXT if i == 0 else ws.CONT,
                          text[cuts[i]:cuts[i + 1]],
                          fin=i == len(cuts) - 2))
        if i == 3:
            n.ws.send(ws.PING, b"between")
    read_all(n)
    mast.wait_until(lambda: messages(s, n.id, "test") == ["f\u00fcnf " * 30],
                    5, "stored")
    n.close()


def test_health(s):
    """Health is stored as it was sent, with the version"""
    n = s.node("health", auto=False)
    payload = mast.sample("edge_health_head")["payload"]
    n.health(dict(payload, version="9.8.7"))
    row = mast.wait_until(lambda: s.sql(
        "SELECT last_health, software_version, last_seen_at > now() - "
        "interval '10 s' FROM mast.node_state WHERE node_id = %s AND "
        "software_version = '9.8.7'", n.id), 5, "stored")[0]
    tap.equal(row[0], dict(payload, version="9.8.7"))
    tap.equal(row[2], True)
    n.close()


def test_events(s):
    """Severities, limits and odd texts of events"""
    n = s.node("events", auto=False)
    n.event("a", "major", "x" * 300, details={"b": [1.50]}, flow_id="f1")
    n.event("\u20ac" * 5000, "minor", "test")
    n.event("c", "strange", "test", details=None)
    n.send("event", {})
    read_all(n)
    rows = mast.wait_until(lambda: (lambda r: len(r) == 4 and r)(s.sql(
        "SELECT severity::text, severity_raw, category, message, details, "
        "flow_id, node_name FROM mast.events WHERE node_id = %s AND "
        "category <> 'connection' ORDER BY id", n.id)), 5, "four rows")
    tap.equal(rows[0], ("critical", "major", "x" * 256, "a", {"b": [1.5]},
                        "f1", "events"))
    tap.equal(rows[1][:3], ("warning", "minor", "test"))
    tap.equal(rows[1][3], "\u20ac" * 3333, "cut between characters")
    tap.equal(rows[2][:2], ("info", "strange"))
    tap.equal(rows[2][4], None)
    tap.equal(rows[3][0::2][:2], ("info", "unknown"))
    n.close()


def test_event_flood(s):
    """What a node pours out beyond its measure is counted and told"""
    n = s.node("flood", auto=False)
    before = status(s)
    text = [mast.Node.envelope("event", {"category": "flood", "message":
            str(i), "severity": "info"}).encode() for i in range(3000)]
    n.ws.raw(b"".join(ws.frame(ws.TEXT, t) for t in text))
    read_all(n)
    after = wait_count(s, "events_received", before["events_received"] + 3000)
    dropped = after["events_limited"] - before["events_limited"]
    assert 1000 < dropped <= 2000, dropped
    found = mast.wait_until(lambda: messages(s, n.id, "hub"), 15, "the event")
    tap.equal(found, ["%d events were dropped" % dropped])
    tap.equal(len(messages(s, n.id, "flood")), 3000 - dropped)
    n.close()


def test_unix_door(s):
    """The Unix door takes the address from the PROXY header"""
    node_id, token = s.admin().node_add("door")
    n = mast.Node(s, token=token, auto=False)
    n.ws = ws.WebSocket("x", 1, "/ws/node", unix=os.path.join(
        s.run_dir, "node.sock"), upgrade=False)
    n.ws.raw(proxy_v2("192.0.2.77"))
    n.ws.upgrade("x", "/ws/node", [])
    n.ws.text(n.envelope("auth", n.auth_payload(), stamp=False))
    tap.equal(json.loads(n.ws.recv(10)[1])["type"], "register_ack")
    tap.equal(s.one("SELECT host(address) FROM mast.node_sessions WHERE "
                    "node_id = %s", node_id), "192.0.2.77")
    n.close()
    bad = ws.WebSocket("x", 1, "/ws/node", unix=os.path.join(
        s.run_dir, "node.sock"), upgrade=False)
    bad.raw(upgrade())
    try:
        bad.recv(5)
        raise AssertionError("served without a header")
    except ws.Closed:
        pass


def test_address_cap(s):
    """One address cannot hold all places before auth"""
    idle = []
    before = status(s)["refused_address"]
    end = time.monotonic() + 30
    while status(s)["refused_address"] < before + 5 and \
            time.monotonic() < end:
        c = socket.create_connection(("127.0.0.1", s.node_port), 10,
                                     ("127.0.0.5", 0))
        idle.append(c)
        time.sleep(0.005)
    got = status(s)
    assert got["refused_address"] >= before + 5, got
    assert got["unauthenticated"] <= 64, got
    n = s.node("from elsewhere")        # 127.0.0.1 is served meanwhile
    for c in idle:
        c.close()
    n.close()
    mast.wait_until(lambda: status(s)["unauthenticated"] == 0, 5, "all gone")


def test_liveness(s):
    """Silence is asked about by ping; who answers stays, who does not is
    closed and offline"""
    s.sql("UPDATE mast.settings SET value = 10 WHERE key = "
          "'ws_keepalive_interval_secs'")
    s.sql("UPDATE mast.settings SET value = 20 WHERE key = "
          "'node_offline_threshold_secs'")
    time.sleep(2)                       # the hub polls the version
    begin = time.monotonic()            # no later than the silence
    dead = s.node("dead", auto=False)
    live = s.node("live")
    op, text = dead.ws.recv(14 * mast.PATIENCE)
    tap.equal(json.loads(text)["type"], "ping")
    assert 8 < time.monotonic() - begin < 13 * mast.PATIENCE
    tap.equal(closed(dead, 15 * mast.PATIENCE), (1008, "no sign of life"))
    mast.wait_until(lambda: state(s, dead.id) == "offline", 5, "offline")
    assert any(d["type"] == "ping" for d in live.seen), live.seen
    tap.equal(state(s, live.id), "online")
    tap.equal(live.closed, None)


def test_status(s):
    """The figures add up at the end"""
    got = status(s)
    tap.equal(got["daemon"], "hubd")
    tap.equal(got["database"], True)
    tap.equal(got["handshakes"], 0)
    tap.equal(got["sessions"], s.one("SELECT count(*) FROM "
                                     "mast.node_sessions"))
    tap.equal(got["events_received"],
              got["events_stored"] + got["events_waiting"] +
              got["events_dropped"] + got["events_dead"])
    tap.equal(refused(mast.Node(s)) != "", True)


if __name__ == "__main__":
    mast.main(sys.modules[__name__], settings=(
        "hubd.event_burst=1000", "hubd.event_rate=20"))
