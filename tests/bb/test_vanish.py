#!/usr/bin/python3
"""Peers that vanish: no FIN, no RST, and nothing is acknowledged any more, as
when a cable is pulled or a NAT forgets. They are gone in bounded time, and a
node that comes from elsewhere does not wait for that."""
import ctypes
import socket
import struct
import sys
import threading
import time

import hubkit
import mast
import tap

SO_ATTACH_FILTER = 26
START = {"type": "start_flow", "flow_id": "f"}


def vanish(sock):
    """The kernel drops each packet for that socket before TCP sees it: no
    byte arrives, none is acknowledged, and no close either."""
    code = ctypes.create_string_buffer(struct.pack("HBBI", 6, 0, 0, 0))
    sock.sock.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, struct.pack(
        "HL", 1, ctypes.addressof(code)))


def setting(s, **values):
    s.admin().put("/api/v1/settings", {"settings": values}).want(200)


def connection_events(s, n):
    return hubkit.messages(s, n.id, "connection")


def gone(s, n, timeout):
    """Until it is offline, for everybody; how long that took."""
    begin = time.monotonic()
    mast.wait_until(lambda: hubkit.state(s, n.id) == "offline", timeout,
                    "%s is offline" % n.id)
    took = time.monotonic() - begin
    tap.equal(s.admin().node(n.id)["status"], "offline")
    tap.equal(s.sql("SELECT 1 FROM mast.node_sessions WHERE node_id = %s",
                    n.id), [])
    return took


def test_silence(s):
    """Asked by ping and silent: offline within the threshold"""
    setting(s, ws_keepalive_interval_secs=5, node_offline_threshold_secs=12)
    n, stays = s.node("silent"), s.node("stays")
    before = hubkit.status(s)
    vanish(n.ws)
    took = gone(s, n, 12 + 20)
    assert took > 5, took
    tap.equal(connection_events(s, n)[-1],
              "Node disconnected: no sign of life")
    after = hubkit.status(s)
    assert after["pings"] > before["pings"], "it was asked"
    tap.equal(after["reaped"], before["reaped"] + 1)
    # What the close frame waits for does not hold the descriptor.
    mast.wait_until(lambda: hubkit.status(s)["sockets"] ==
                    before["sockets"] - 1, 10, "its socket is closed")
    tap.equal((hubkit.state(s, stays.id), stays.closed), ("online", None))
    n.drop()
    stays.close()


def test_comes_from_elsewhere(s):
    """Back at once from another address: the newest is the node, its
    commands go there, and nothing tells of an outage or a clone"""
    setting(s, ws_keepalive_interval_secs=300,
            node_offline_threshold_secs=3600)
    n = s.node("roams")
    before = hubkit.status(s)
    vanish(n.ws)
    m = mast.Node(s, creds=(n.id, n.secret))
    begin = time.monotonic()
    tap.equal(m.connect(source="127.0.0.9"), "auth_ok")
    took = time.monotonic() - begin
    assert took < 5 * mast.PATIENCE, took
    s.admin().command(n.id, START).want(200)
    tap.equal([a for _, a in m.commands if a["type"] == "start_flow"],
              [START])
    tap.equal(s.one("SELECT host(address) FROM mast.node_sessions WHERE "
                    "node_id = %s", n.id), "127.0.0.9")
    mast.wait_until(lambda: hubkit.status(s)["sockets"] ==
                    before["sockets"], 10, "the older socket is closed")
    after = hubkit.status(s)
    tap.equal(after["sessions"], before["sessions"])
    tap.equal(after["clones"], before["clones"])
    tap.equal(hubkit.state(s, n.id), "online")
    assert not [x for x in connection_events(s, n) if "disconnected" in x]
    tap.equal([a for _, a in n.commands if a["type"] == "start_flow"], [])
    m.close()
    n.drop()


def test_unacknowledged(s):
    """What is sent and never acknowledged ends the connection, though the
    hub would still wait for a word: the node's, and a dashboard's"""
    setting(s, ws_keepalive_interval_secs=300,
            node_offline_threshold_secs=3600)
    n = s.node("unacknowledged")
    answer = []
    mast.wait_until(lambda: s.admin().node(n.id)["status"] == "online", 10,
                    "online")
    sock = s.admin().dashboard()
    sock.recv(10 * mast.PATIENCE)
    browsers = s.metrics()["mast_apid_browsers"]
    vanish(sock)
    vanish(n.ws)
    begin = time.monotonic()
    t = threading.Thread(target=lambda: answer.append(
        s.admin().command(n.id, START)))
    t.start()
    took = gone(s, n, 30 + 20)
    assert took > 20, took
    tap.equal(connection_events(s, n)[-1],
              "Node disconnected: connection timed out")
    t.join()
    command = answer[0].problem(504).json["command_id"]
    tap.equal(s.one("SELECT state FROM mast.commands WHERE id = %s",
                    command), "unknown", "it may have arrived")
    mast.wait_until(lambda: s.metrics()["mast_apid_browsers"] < browsers,
                    60, "the dashboard is closed")
    assert time.monotonic() - begin < 75 * mast.PATIENCE
    n.drop()
    sock.sock.close()


if __name__ == "__main__":
    mast.main(sys.modules[__name__])
