#!/usr/bin/python3
"""Bytes at every door, well-formed and not: HTTP and TLS ports, Unix sockets
between the daemons, browsers' and nodes' frames, directly and through apid.
A bad peer costs its own connection, with the right answer, and nobody
else's."""
import json
import os
import socket
import ssl
import struct
import subprocess
import sys
import time

import ipcraw
import mast
import tap
import ws
from hubkit import events_of, proxy_v2, read_all, state

N = ipcraw.numbers(os.path.join(mast.SRC, "common", "msg.h"))


def send(c, data):
    """As much of it as the other side wants."""
    try:
        c.sendall(data)
    except OSError:
        pass


def ending(c, timeout):
    """All that comes until the other side ends it."""
    out = b""
    end = time.monotonic() + timeout * mast.PATIENCE
    while True:
        left = end - time.monotonic()
        if left <= 0:
            raise AssertionError("still open after %g s, said %r" % (
                timeout, out[:200]))
        c.settimeout(left)
        try:
            got = c.recv(65536)
        except TimeoutError:
            continue
        except OSError:
            return out
        if not got:
            return out
        out += got


def client_hello():
    out = ssl.MemoryBIO()
    tls = ws.tls_client().wrap_bio(ssl.MemoryBIO(), out)
    try:
        tls.do_handshake()
    except ssl.SSLWantReadError:
        pass
    return out.read()


RANDOM = os.urandom(70000)
SOCKS = ("hubd.sock", "hubd.ctl", "apid.ctl", "aid.sock", "aid.ctl")


def test_half_said(s):
    """Who says half a thing, or nothing, is cut off at each door's deadline,
    and the others are served meanwhile"""
    n = s.node("bystander", auto=False)
    hello = client_hello()
    proxy = proxy_v2("192.0.2.9")
    ipc = ipcraw.pack(ipcraw.HELLO, ipcraw.hello(ipcraw.CTL))
    doors = [(("127.0.0.1", s.port), 5, (
        b"GET / HT", b"GET /\r\n", b"GET / HTTP/1.1\r\nHost: x\r\n", b"")),
        (("127.0.0.1", s.node_port), 10, (
            hello, hello[:-10] + b"\0" * 10, hello[:60], b"\x16", b"")),
        (os.path.join(s.run_dir, "node.sock"), 5, (
            proxy[:20], proxy[:3], proxy, proxy + b"GET /ws", b""))]
    doors += [(os.path.join(s.run_dir, x), 5, (ipc[:7], ipc[:20], b""))
              for x in SOCKS]
    open_ones = []
    begin = time.monotonic()
    for where, limit, texts in doors:
        for text in texts:
            c = socket.socket(socket.AF_INET if isinstance(where, tuple)
                              else socket.AF_UNIX)
            c.connect(where)
            send(c, text)
            open_ones.append((limit, c, where, text))
    n.event("1")
    mast.wait_until(lambda: events_of(s, n.id) == {1: 1}, 5, "stored")
    s.node("newcomer").close()
    s.admin().get("/api/v1/nodes").want(200)
    for limit, c, where, text in sorted(open_ones, key=lambda o: o[0]):
        got = ending(c, limit + 4)
        took = time.monotonic() - begin
        c.close()
        assert took > limit - 1, "%s: cut after %.1f s" % (where, took)
        assert not got or got.startswith((b"HTTP/1.1 408", b"\x16")), got
    n.close()


def test_http_door(s):
    """Bytes that are no HTTP at apid's port: 4xx or silence, then the end"""
    cases = [
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + RANDOM[:600],
         b"400"),
        (client_hello(), b"400"), (b"\0" * 200, b"400"),
        (RANDOM, b"4"), (b"A" * 70000, b"4"), (b"\r\n" * 40000, b"4"),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"505"),
        (b"GET / HTTP/9.9\r\nHost: x\r\n\r\n", b"505"),
        (b"GET / HTTP/1.1\r\n\r\n", b"400"),
        (b"GET / HTTP/1.1\nHost: x\n\n", b"400"),
        (b"GET / HTTP/1.1\r\nHost: x\r\n" +
         b"X: y\r\n" * 70 + b"\r\n", b"431"),
        (b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"y" * 20000, b"431"),
        (b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", b"414"),
        (b"POST /api/v1/auth/login HTTP/1.1\r\nHost: x\r\nContent-Length: 5"
         b"\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", b"400"),
        (b"POST /api/v1/auth/login HTTP/1.1\r\nHost: x\r\nContent-Type: "
         b"application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
         b"ffffffffffffffffff\r\n", b"400"),
        (b"POST /api/v1/auth/login HTTP/1.1\r\nHost: x\r\n"
         b"Content-Length: 99999999999999999999\r\n\r\n", b"4"),
        (proxy_v2("192.0.2.1") + b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n",
         b"400"),
    ]
    open_ones = []
    for data, want in cases:
        c = socket.create_connection(("127.0.0.1", s.port), 10)
        send(c, data)
        open_ones.append((c, data, want))
    for c, data, want in open_ones:
        got = ending(c, 5)
        c.close()
        assert got.startswith(b"HTTP/1.1 " + want), (data[:60], got[:200])
        tap.contains(got, b"application/problem+json")


def test_node_door(s):
    """Plain HTTP and garbage at hubd's TLS port"""
    hello = client_hello()
    n = s.node("bystander", auto=False)
    cases = [b"GET /ws/node HTTP/1.1\r\nHost: x\r\n\r\n", RANDOM,
             b"\x16\x03\x01\xff\xff" + RANDOM[:1000],
             b"\x80\x2e\x01\x00\x02" + b"\0" * 60,      # SSLv2
             hello[:5] + RANDOM[:len(hello) - 5],
             b"\x15\x03\x01\x00\x02\x02\x28",
             b"\x17\x03\x03\x00\x10" + RANDOM[:16],
             proxy_v2("192.0.2.1") + hello]
    open_ones = []
    for data in cases:
        c = socket.create_connection(("127.0.0.1", s.node_port), 10)
        send(c, data)
        open_ones.append(c)
    for c in open_ones:
        got = ending(c, 5)
        c.close()
        assert b"HTTP" not in got, got[:80]
    tap.equal(n.closed, None)
    n.close()


def test_unix_node_door(s):
    """node.sock wants its header first, and then HTTP"""
    good = proxy_v2("192.0.2.9")
    cases = [(b"GET /ws/node HTTP/1.1\r\nHost: x\r\n\r\n", b""),
             (b"PROXY TCP4 1.2.3.4 1.2.3.4 1 2\r\n", b""), (RANDOM, b""),
             (good[:12] + b"\x31" + good[13:], b""),    # version 3
             (good[:13] + b"\x99" + good[14:], b""),    # family
             (good[:14] + b"\xff\xff" + b"\0" * 5000, b""),
             (good + b"nonsense\r\n\r\n", b"400"),
             (good + good, b"400"), (good + client_hello(), b"400"),
             (good + b"GET /other HTTP/1.1\r\nHost: x\r\n\r\n", b"426|404"),
             (good + b"GET /ws/node HTTP/1.1\r\nHost: x\r\n\r\n", b"426")]
    open_ones = []
    for data, want in cases:
        c = socket.socket(socket.AF_UNIX)
        c.connect(os.path.join(s.run_dir, "node.sock"))
        send(c, data)
        open_ones.append((c, data, want))
    for c, data, want in open_ones:
        got = ending(c, 5)
        c.close()
        if want == b"":
            tap.equal(got, b"", data[:40])
        else:
            assert got[9:12] in want.split(b"|"), (data[:80], got[:100])


def test_control_doors(s):
    """Garbage on the sockets between the daemons costs the channel only"""
    root = os.getuid() == 0
    hello = ipcraw.pack(ipcraw.HELLO, ipcraw.hello(ipcraw.CTL))
    bad = (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", RANDOM,
           ipcraw.pack(ipcraw.HELLO, ipcraw.hello(ipcraw.CTL, version=9)),
           ipcraw.pack(ipcraw.HELLO, ipcraw.hello(ipcraw.CTL)[:-1]),
           ipcraw.pack(ipcraw.HELLO, ipcraw.hello(ipcraw.CTL) + b"x"),
           ipcraw.pack(ipcraw.HELLO, ipcraw.hello(3)),
           ipcraw.pack(ipcraw.HELLO, ipcraw.hello(
               ipcraw.APID if root else 99)),
           ipcraw.pack(ipcraw.STATUS), ipcraw.pack(65535),
           struct.pack("<IHHQ", 0xffffffff, ipcraw.HELLO, 0, 0),
           struct.pack("<IHHQ", 0xffffffff, ipcraw.STATUS, 0, 0),
           hello + hello, hello + ipcraw.pack(ipcraw.STATUS, b"x", ident=1),
           hello + ipcraw.pack(9999), hello + RANDOM[:4096],
           hello + ipcraw.pack(N["STATUS_REPLY"], ident=5))
    open_ones = []
    for sock in SOCKS:
        path = os.path.join(s.run_dir, sock)
        for data in bad:
            c = ipcraw.Raw(path)
            send(c.s, data)
            open_ones.append((c, data))
        if root:                # what a mere ctl may not say
            for kind in ("COMMAND", "WATCH", "CONFIG_GET", "NODE_CHANGED",
                         "NODE_STATE"):
                c = ipcraw.Raw(path)
                send(c.s, hello + ipcraw.pack(N[kind], b"\0" * 64, ident=3))
                open_ones.append((c, kind))
    for c, data in open_ones:
        ending(c.s, 5)
        c.close()
    for sock in SOCKS:
        c = ipcraw.Raw(os.path.join(s.run_dir, sock))
        tap.equal(c.greet(ipcraw.CTL)[0], ipcraw.HELLO_OK, sock)
        c.close()
    if root:
        stranger(s)


def stranger(s):
    """Another uid is nobody on each of them."""
    code = ("import sys; sys.path.insert(0, %r); import ipcraw\n"
            "for path in sys.argv[1:]:\n"
            "    for peer in (1, 2, 4, 8):\n"
            "        try: got = ipcraw.Raw(path).greet(peer)\n"
            "        except OSError: got = None\n"
            "        if got is not None: print(path, peer, got)" %
            os.path.join(mast.SRC, "tests", "bb"))
    out = subprocess.run(
        ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups",
         "/usr/bin/python3", "-B", "-c", code] + [
             os.path.join(s.run_dir, x) for x in SOCKS],
        cwd="/", capture_output=True, text=True)
    tap.equal((out.stdout, out.stderr), ("", ""))


TEXT = b'{"type":"pong","payload":null}'
LONG = 10 * 1024 * 1024
VIOLATIONS = (
    ("unmasked", ws.frame(ws.TEXT, TEXT, masked=False), 1002),
    ("reserved bit 1", ws.frame(ws.TEXT, TEXT, rsv=4), 1002),
    ("reserved bit 3", ws.frame(ws.TEXT, TEXT, rsv=1), 1002),
    ("reserved opcode", ws.frame(3, TEXT), 1002),
    ("reserved control", ws.frame(11, b""), 1002),
    ("continuation of nothing", ws.frame(ws.CONT, TEXT), 1002),
    ("text in a text", ws.frame(ws.TEXT, b"a", fin=False) +
     ws.frame(ws.TEXT, b"b"), 1002),
    ("long ping", ws.frame(ws.PING, b"x" * 126), 1002),
    ("fragmented ping", ws.frame(ws.PING, b"x", fin=False), 1002),
    ("close of one byte", ws.frame(ws.CLOSE, b"\x03"), 1002),
    ("close code 1005", ws.frame(ws.CLOSE, struct.pack(">H", 1005)), 1002),
    ("close code 2999", ws.frame(ws.CLOSE, struct.pack(">H", 2999)), 1002),
    ("close reason", ws.frame(ws.CLOSE, b"\x03\xe8\xff\xfe"), 1007),
    ("invalid UTF-8", ws.frame(ws.TEXT, b'{"a":"\xc3("}'), 1007),
    ("a surrogate", ws.frame(ws.TEXT, b'"\xed\xa0\x80"'), 1007),
    ("cut UTF-8", ws.frame(ws.TEXT, b'"\xe2\x82'), 1007),
    ("10 MB", ws.frame(ws.TEXT, b"x" * LONG), 1009),
    ("10 MB in parts", ws.frame(ws.TEXT, b"x" * (LONG // 2), fin=False) +
     ws.frame(ws.CONT, b"x" * (LONG // 2)), 1009),
    ("2^63 bytes", b"\x81\xff" + b"\xff" * 8 + b"\0\0\0\0", (1002, 1009)),
    ("not the shortest length", b"\x81\xfe\x00\x01\0\0\0\0x", 1002),
)


def violation(sock, data):
    """Close code after those bytes."""
    try:
        sock.raw(data)
    except OSError:
        pass
    try:
        while True:
            sock.recv(10 * mast.PATIENCE)
    except ws.Closed as why:
        return why.code
    finally:
        sock.sock.close()


def check_violations(what, opened, more=()):
    for name, data, want in VIOLATIONS + tuple(more):
        got = violation(opened(), data)
        assert got == want or isinstance(want, tuple) and got in want, \
            "%s, %s: closed with %s, want %s" % (what, name, got, want)


def test_dashboard_frames(s):
    """Broken frames of a browser close its socket with the right code and
    nobody else's"""
    other = s.admin().dashboard()
    check_violations("/ws/dashboard", s.admin().dashboard, (
        ("binary", ws.frame(ws.BINARY, b"x"), 1003),
        ("65 KB", ws.frame(ws.TEXT, b"x" * 65537), 1009)))
    sock = s.admin().dashboard()
    for text in (b"", b"{", b"[]", b"null", b"x" * 65536):
        sock.text(text)
    tap.equal(sock.recv(10)[0], ws.TEXT, "odd texts are borne")
    sock.close()
    tap.equal(other.recv(10)[0], ws.TEXT)
    other.close()
    for headers in ((), (("Cookie", "session=" + "0" * 64),)):
        try:
            s.nobody().dashboard(headers=headers)
            raise AssertionError("a browser without a session")
        except ws.Refused as why:
            tap.equal(why.status, 401)
    try:
        s.admin().dashboard(headers=[("Origin", "https://evil.example")])
        raise AssertionError("a browser of a foreign site")
    except ws.Refused as why:
        tap.equal(why.status, 403)


def relayed(s, node, source=None):
    """Its socket through apid's port, upgraded."""
    node.ws = ws.WebSocket("127.0.0.1", s.port, "/ws/node", source=source)
    return node


def relay_auth(node):
    node.ws.text(node.envelope("auth", node.auth_payload(), stamp=False))
    node.answer = json.loads(node.ws.recv(15 * mast.PATIENCE)[1])
    payload = node.answer["payload"]
    if node.answer["type"] == "register_ack":
        node.id, node.secret = payload["node_id"], payload["node_secret"]
    return node.answer["type"]


def test_relay(s):
    """A node registers through apid's port, and hubd sees its address"""
    node_id, token = s.admin().node_add("relayed")
    n = relayed(s, mast.Node(s, token=token, auto=False), "127.0.0.77")
    tap.equal(relay_auth(n), "register_ack")
    tap.equal(n.id, node_id)
    tap.equal(s.one("SELECT host(address) FROM mast.node_sessions WHERE "
                    "node_id = %s", n.id), "127.0.0.77")
    big = "x" * (1024 * 1024)
    for i in range(20):
        n.event(str(i), details={"pad": big[:200000]})
    read_all(n)
    mast.wait_until(lambda: events_of(s, n.id) ==
                    {i: 1 for i in range(20)}, 20, "stored")
    tap.equal(s.admin().node(n.id)["status"], "online")
    n.ws.send(ws.CLOSE, b"\x03\xe8")
    mast.wait_until(lambda: state(s, n.id) == "offline", 5, "offline")
    n.drop()
    tap.equal(relay_auth(relayed(s, n, "127.0.0.78")), "auth_ok")
    tap.equal(s.one("SELECT host(address) FROM mast.node_sessions WHERE "
                    "node_id = %s", n.id), "127.0.0.78")
    n.drop()                    # a reset goes through as well
    mast.wait_until(lambda: state(s, n.id) == "offline", 5, "offline")


def test_node_frames(s):
    """Broken frames of a node, before and after auth, directly and through
    apid, end its session with the right code"""
    bystander = s.node("untouched", auto=False)
    n = s.node("broken", auto=False)
    n.close()

    def direct():
        n.dial()
        return n.ws

    def direct_live():
        tap.equal(n.connect(health=False), "auth_ok")
        return n.ws

    def through():
        return relayed(s, n).ws

    def through_live():
        tap.equal(relay_auth(relayed(s, n)), "auth_ok")
        return n.ws
    before = (("17 KB", ws.frame(ws.TEXT, b"x" * 17000), 1009),)
    check_violations("before auth", direct, before)
    check_violations("after auth", direct_live)
    check_violations("relayed, before auth", through, before)
    check_violations("relayed, after auth", through_live)
    n.ws = None
    bystander.event("1")
    mast.wait_until(lambda: events_of(s, bystander.id) == {1: 1}, 10,
                    "others are served")
    bystander.close()


def test_still_there(s):
    """After all that the daemons are the same, ready, and serve"""
    s.wait_ready()
    n = s.node("last")
    s.admin().command(n.id, {"type": "get_config"}).want(200)
    for name in mast.DAEMONS:
        assert mast.alive(s.info["pids"][name]), name
    mast.wait_until(lambda: s.metrics().get("mast_hubd_unauthenticated") == 0,
                    15, "no socket is left half open")
    n.close()


if __name__ == "__main__":
    mast.main(sys.modules[__name__])
