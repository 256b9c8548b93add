#!/usr/bin/python3
"""The public door byte by byte: framing attacks, limits, deadlines, order of
answers, codings, conditional requests, and the shape of every error."""
import gzip
import json
import re
import select
import socket
import sys
import time

import describe
import mast
import tap
import ws

HOST = b"Host: m.example\r\n"
GET = b"GET /livez HTTP/1.1\r\n" + HOST
POST = b"POST /api/v1/auth/login HTTP/1.1\r\n" + HOST
JSON = b"Content-Type: application/json\r\n"
SMUGGLED = b"GET /health HTTP/1.1\r\nHost: smuggled\r\n\r\n"


class Raw:
    """A connection of bytes; responses are taken apart strictly."""

    def __init__(self, s, source=None, room=0):
        self.sock = socket.socket()
        if room:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, room)
        self.sock.settimeout(20)
        if source:
            self.sock.bind((source, 0))
        self.sock.connect(("127.0.0.1", s.port))
        self.data = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.sock.close()

    def send(self, data):
        self.sock.sendall(data)
        return self

    def _more(self, timeout):
        self.sock.settimeout(timeout)
        try:
            got = self.sock.recv(262144)
        except ConnectionError:
            got = b""
        self.data += got
        return bool(got)

    def response(self, head=False, timeout=20 * mast.PATIENCE):
        while b"\r\n\r\n" not in self.data:
            if not self._more(timeout):
                raise AssertionError("end without a response: %r" %
                                     self.data[:200])
        top, self.data = self.data.split(b"\r\n\r\n", 1)
        lines = top.decode("latin-1").split("\r\n")
        m = re.fullmatch(r"HTTP/1\.1 (\d{3}) [ -~]+", lines[0])
        if not m:
            raise AssertionError("status line %r" % lines[0])
        fields = [tuple(x.split(": ", 1)) for x in lines[1:]]
        r = mast.Response(int(m.group(1)), fields, b"")
        n = int(r.header("Content-Length", "0"))
        if r.status == 100:
            return r
        while not head and len(self.data) < n:
            if not self._more(timeout):
                raise AssertionError("short body")
        if not head:
            r.body, self.data = self.data[:n], self.data[n:]
            if r.status >= 400 and n > 0:
                describe.of_build(mast.BUILD).problem("raw", r, False)
        return r

    def closed(self, timeout=20 * mast.PATIENCE):
        """The server ends the connection, and says nothing more."""
        while self._more(timeout):
            pass
        tap.equal(self.data, b"", "bytes after the last answer")


def ask(s, data, head=False):
    """One request in a connection of its own; the response."""
    with Raw(s) as c:
        return c.send(data).response(head)


# What other parsers accept, and what it costs the sender here.
ATTACKS = [
    ("two Content-Length", 400, POST + JSON +
     b"Content-Length: 0\r\nContent-Length: 40\r\n\r\n" + SMUGGLED),
    ("equal Content-Length twice", 400, POST + JSON +
     b"Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}" + SMUGGLED),
    ("Content-Length list", 400, POST + b"Content-Length: 2, 2\r\n\r\n{}"),
    ("signed Content-Length", 400, POST + b"Content-Length: +0\r\n\r\n" +
     SMUGGLED),
    ("negative Content-Length", 400, POST + b"Content-Length: -1\r\n\r\n"),
    ("huge Content-Length", 400, POST +
     b"Content-Length: 18446744073709551616\r\n\r\n"),
    ("length and chunked", 400, POST + b"Content-Length: 5\r\n"
     b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + SMUGGLED),
    ("unknown coding", 501, POST +
     b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n" + SMUGGLED),
    ("chunked twice", 400, POST + b"Transfer-Encoding: chunked\r\n"
     b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + SMUGGLED),
    ("chunked not last", (400, 501), POST +
     b"Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n"),
    ("chunk size with 0x", 400, POST + JSON +
     b"Transfer-Encoding: chunked\r\n\r\n0x1\r\na\r\n0\r\n\r\n" + SMUGGLED),
    ("chunk size of 17 digits", 400, POST + JSON +
     b"Transfer-Encoding: chunked\r\n\r\n" + b"0" * 16 + b"1\r\na\r\n"
     b"0\r\n\r\n"),
    ("chunk without its end", 400, POST + JSON +
     b"Transfer-Encoding: chunked\r\n\r\n1\r\nab\r\n0\r\n\r\n"),
    ("chunked in HTTP/1.0", 400, b"POST /api/v1/auth/login HTTP/1.0\r\n" +
     HOST + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    ("no Host", 400, b"GET /livez HTTP/1.1\r\n\r\n" + SMUGGLED),
    ("two Host", 400, GET + HOST + b"\r\n" + SMUGGLED),
    ("bare LF", 400, b"GET /livez HTTP/1.1\nHost: a\n\n" + SMUGGLED),
    ("bare LF in a field", 400, GET + b"X: a\nY: b\r\n\r\n"),
    ("bare CR in a value", 400, GET + b"X: a\rb\r\n\r\n"),
    ("space before the colon", 400, b"GET /livez HTTP/1.1\r\nHost : a\r\n\r\n"),
    ("folded line", 400, GET + b"X: a\r\n b\r\n\r\n"),
    ("NUL in a value", 400, GET + b"X: a\0b\r\n\r\n"),
    ("space in a name", 400, GET + b"X Y: a\r\n\r\n"),
    ("empty name", 400, GET + b": a\r\n\r\n"),
    ("no colon", 400, GET + b"nonsense\r\n\r\n"),
    ("two spaces in the request line", 400,
     b"GET  /livez HTTP/1.1\r\n" + HOST + b"\r\n"),
    ("no version", 400, b"GET /livez\r\n\r\n"),
    ("HTTP/2.0", 505, b"GET /livez HTTP/2.0\r\n" + HOST + b"\r\n"),
    ("HTTP/1.10", 400, b"GET /livez HTTP/1.10\r\n" + HOST + b"\r\n"),
    ("unknown method", 501, b"BREW /livez HTTP/1.1\r\n" + HOST + b"\r\n"),
    ("control byte in the target", 400,
     b"GET /li\x01vez HTTP/1.1\r\n" + HOST + b"\r\n"),
    ("TLS where there is none", 400, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc"
     b"\x03\x03" + b"\r\n\r\n"),
    ("65 fields", 431, GET + b"".join(b"X-%d: 1\r\n" % i
                                      for i in range(65)) + b"\r\n"),
    ("one field of 20 KB", 431, GET + b"X: " + b"a" * 20000 + b"\r\n\r\n"),
    ("target of 5 KB", 414, b"GET /" + b"a" * 5000 + b" HTTP/1.1\r\n" +
     HOST + b"\r\n"),
]


def test_framing(s):
    """Ambiguous framing is one problem and the end of the connection"""
    for name, status, data in ATTACKS:
        with Raw(s) as c:
            try:
                r = c.send(data).response()
                if r.status not in (status if isinstance(status, tuple)
                                    else (status,)):
                    raise AssertionError("status %d" % r.status)
                r.problem(r.status)
                if r.status != 501 or b"BREW" not in data:
                    tap.equal(r.header("Connection"), "close", "Connection")
                    c.closed()
            except AssertionError as why:
                raise AssertionError("%s: %s" % (name, why))


def test_endless_head(s):
    """Twenty megabytes of fields are cut off early"""
    with Raw(s) as c:
        c.send(GET)
        try:
            for _ in range(5000):
                c.send(b"X-Filler: " + b"a" * 4086 + b"\r\n")
        except OSError:
            pass                # the end came before all was sent
        if c.data == b"":
            try:
                c.response().problem(431)
                c.closed()
            except AssertionError as why:
                if "without a response" not in str(why):
                    raise       # a reset may overtake the answer
    tap.equal(ask(s, GET + b"\r\n").status, 200, "afterwards")


def test_slow_head(s):
    """A head that drips is 408, and an idle connection ends in silence"""
    with Raw(s) as c, Raw(s) as idle:
        c.send(b"GET /livez HT")
        began = time.monotonic()
        while not select.select([c.sock], [], [], 0.25)[0]:
            c.send(b"T")
            if time.monotonic() - began > 15 * mast.PATIENCE:
                raise AssertionError("still read after 15 s")
        c.response().problem(408)
        c.closed()
        idle.closed()


def test_slow_body(s):
    """A body that stops is 408, whether counted or chunked"""
    for framing in (b"Content-Length: 50\r\n\r\n{",
                    b"Transfer-Encoding: chunked\r\n\r\n5\r\n{"):
        with Raw(s) as c:
            c.send(POST + JSON + framing)
            c.response().problem(408)
            c.closed()


def test_byte_by_byte(s):
    """A request that comes one byte at a time is still a request"""
    with Raw(s) as c:
        c.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        body = b'{"username":"","password":""}'
        for b in POST + JSON + b"Content-Length: %d\r\n\r\n" % len(
                body) + body:
            c.send(bytes([b]))
        c.response().problem(401)
        c.send(GET + b"\r\n").response().want(200)


def test_pipelining(s):
    """Pipelined requests are answered in order, slow and fast mixed"""
    admin = s.admin()
    auth = b"Authorization: Bearer " + admin.token.encode() + b"\r\n"
    paths = [b"/livez", b"/api/v1/auth/me", b"/nowhere", b"/api/v1/nodes",
             b"/health"]
    want = []
    data = b""
    for i in range(60):
        path = paths[i % len(paths)]
        data += b"GET " + path + b" HTTP/1.1\r\n" + HOST + auth + \
            b"X-Request-Id: id-%d\r\n\r\n" % i
        want.append(("id-%d" % i, 404 if path == b"/nowhere" else 200))
    with Raw(s) as c:
        c.send(data)
        for rid, status in want:
            r = c.response()
            tap.equal((r.header("X-Request-Id"), r.status), (rid, status))


def test_pipelined_flood(s):
    """A client that sends and does not read is held back, then served"""
    n = 10000
    req = b"GET /api/v1/device-types HTTP/1.1\r\n" + HOST + \
        b"Authorization: Bearer " + s.admin().token.encode() + \
        b"\r\nX-Pad: " + b"a" * 3000 + b"\r\n\r\n"
    with Raw(s, room=65536) as c:
        data = memoryview(req * n)
        at = got = 0
        c.sock.setblocking(False)
        while select.select([], [c.sock], [], 1.5)[1] and at < len(data):
            at += c.sock.send(data[at:at + 65536])
        if at == len(data):
            raise AssertionError("took all without an answer read")
        tail = b""
        while got < n:
            r, w, _ = select.select([c.sock], [c.sock] if at < len(data)
                                    else [], [], 20 * mast.PATIENCE)
            if not r and not w:
                raise AssertionError("stuck after %d answers" % got)
            if w:
                try:
                    at += c.sock.send(data[at:at + 65536])
                except BlockingIOError:
                    pass
            if r:
                more = tail + c.sock.recv(1 << 20)
                got += more.count(b"HTTP/1.1 200")
                tail = more[-11:]
        tap.equal(got, n, "answers")


def test_head(s):
    """HEAD is GET without the body, and the connection goes on"""
    with Raw(s) as c:
        get = c.send(GET + b"\r\n").response()
        head = c.send(GET.replace(b"GET", b"HEAD") + b"\r\n").response(True)
        tap.equal(head.status, 200)
        tap.equal(head.header("Content-Length"),
                  get.header("Content-Length"), "Content-Length")
        gone = c.send(b"HEAD /nowhere HTTP/1.1\r\n" + HOST +
                      b"\r\n").response(True)
        tap.equal(gone.status, 404)
        c.send(GET + b"\r\n").response().want(200)


def test_expect(s):
    """Expect: 100-continue is answered before the body, or refused"""
    body = b'{"username":"a","password":"b"}'
    expect = b"Expect: 100-continue\r\nContent-Length: %d\r\n\r\n" % len(body)
    with Raw(s) as c:
        c.send(POST + JSON + expect)
        tap.equal(c.response().status, 100)
        c.send(body)
        c.response().problem(401)
        c.send(GET + b"\r\n").response().want(200)
    with Raw(s) as c:           # refused before the body is wanted
        c.send(b"POST /api/v1/nodes HTTP/1.1\r\n" + HOST + JSON + expect)
        c.response().problem(401)
        c.closed()
    with Raw(s) as c:
        c.send(POST + JSON + b"Expect: 100-continue\r\n"
               b"Content-Length: 9000000\r\n\r\n")
        c.response().problem(413)
        c.closed()
    ask(s, GET + b"Expect: 200-ok\r\n\r\n").problem(417)


def test_chunked(s):
    """A chunked body is a body: extensions and trailers are skipped"""
    data = POST + JSON + b"Transfer-Encoding: chunked\r\n\r\n" \
        b'5;x=y\r\n{"use\r\n17\r\nrname":"a","password":"\r\n3\r\nb"}\r\n' \
        b"0\r\nX-Trailer: 1\r\n\r\n"
    with Raw(s) as c:
        c.send(data).response().problem(401)
        c.send(GET + b"\r\n").response().want(200)


def test_too_large(s):
    """A body over the row's limit is 413, declared or not"""
    with Raw(s) as c:
        c.send(POST + JSON + b"Content-Length: 10000\r\n\r\n" +
               b" " * 10000)
        c.response().problem(413)
    with Raw(s) as c:
        try:
            c.send(POST + JSON + b"Transfer-Encoding: chunked\r\n\r\n")
            for _ in range(64):
                c.send(b"1000\r\n" + b" " * 4096 + b"\r\n")
        except OSError:
            pass
        c.response().problem(413)
        c.closed()


def test_bodies(s):
    """Media type, syntax and members each have their own refusal"""
    login = "/api/v1/auth/login"
    who = s.nobody()
    who.request("POST", login, raw=b"{}").problem(415)
    who.request("POST", login, raw=b"a=b", headers={
        "Content-Type": "application/x-www-form-urlencoded"}).problem(415)
    j = {"Content-Type": "application/json; charset=utf-8"}
    for bad in (b"", b"{", b"[]x", b'{"a":1,}', b"{'a':1}", b'{"a":"\xff"}',
                b'{"a":1,"a":2}', b"[" * 100 + b"]" * 100):
        who.request("POST", login, raw=bad, headers=j).problem(400)
    r = who.request("POST", login, raw=b'{"username":1}', headers=j)
    r.problem(422)
    pointers = [e["pointer"] for e in r.json["errors"]]
    tap.equal(sorted(pointers), ["/password", "/username"], "pointers")


def test_no_such(s):
    """Unknown paths and methods are problems; 405 says what is allowed"""
    who = s.nobody()
    r = who.get("/nowhere?x=1").problem(404)
    tap.equal(r.json["instance"], "/nowhere")
    tap.equal(r.json["request_id"], r.header("X-Request-Id"))
    r = who.delete("/api/v1/nodes").problem(405)
    tap.equal(r.header("Allow"), "GET, HEAD, POST")
    r = who.request("OPTIONS", "/livez").problem(405)
    tap.equal(r.header("Allow"), "GET, HEAD")
    who.get("/api/v1/nodes/not-a-uuid").problem(404)
    s.admin().post("/api/v1/events/x/ack").problem(400)
    for path in ("/ws/node", "/ws/dashboard"):
        r = who.get(path).problem(426)
        tap.equal(r.header("Upgrade"), "websocket")


def test_fields(s):
    """Every answer has its security fields and a request id"""
    who = s.nobody()
    for r in (who.get("/livez"), who.get("/nowhere"),
              who.get("/api/v1/nodes"), who.get("/")):
        tap.equal(r.header("X-Content-Type-Options"), "nosniff")
        tap.equal(r.header("X-Frame-Options"), "DENY")
        tap.equal(r.header("Referrer-Policy"), "no-referrer")
        tap.equal(r.header("Cross-Origin-Opener-Policy"), "same-origin")
        tap.contains(r.header("Content-Security-Policy"),
                     "default-src 'none'")
        tap.equal(bool(re.fullmatch(r"[A-Za-z0-9_-]{1,64}",
                                    r.header("X-Request-Id"))), True)
        tap.equal(r.header("Server"), None)
    tap.equal(who.get("/livez").header("Cache-Control"), "no-store")
    given = {"X-Request-Id": "Given_id-1"}
    tap.equal(who.get("/livez", headers=given).header("X-Request-Id"),
              "Given_id-1")
    for bad in ("a b", "a" * 65, "x;y", "é"):
        r = who.get("/livez", headers={"X-Request-Id":
                                       bad.encode().decode("latin-1")})
        if r.header("X-Request-Id") == bad:
            raise AssertionError("took the id %r" % bad)


def test_gzip(s):
    """Bodies over 1 KiB are compressed for those who take it"""
    admin = s.admin()
    for i in range(6):
        admin.node_add("gzip-%d" % i)
    plain = admin.get("/api/v1/nodes").want(200)
    tap.equal(plain.header("Content-Encoding"), None)
    tap.equal(plain.header("Vary"), "Accept-Encoding")
    r = admin.get("/api/v1/nodes", headers={
        "Accept-Encoding": "br, gzip;q=0.8"}).want(200)
    tap.equal(r.header("Content-Encoding"), "gzip")
    tap.equal(gzip.decompress(r.body), plain.body, "the same bytes")
    r = admin.get("/api/v1/nodes", headers={
        "Accept-Encoding": "gzip;q=0, identity"}).want(200)
    tap.equal(r.header("Content-Encoding"), None)
    r = admin.get("/livez", headers={"Accept-Encoding": "gzip"})
    tap.equal(r.header("Content-Encoding"), None, "a small one")


def test_conditional(s):
    """An ETag given back is 304 without a body; a change is 200"""
    admin = s.admin()
    for path in ("/api/v1/device-types", "/api/v1/nodes"):
        for coding in ("identity", "gzip"):
            first = admin.get(path, headers={"Accept-Encoding": coding})
            tag = first.want(200).header("ETag")
            tap.equal(bool(re.fullmatch(r'"[!#-~]+"', tag)), True, "ETag")
            again = admin.get(path, headers={
                "If-None-Match": '"x", ' + tag, "Accept-Encoding": coding})
            again.want(304)
            tap.equal(again.body, b"")
            tap.equal(again.header("ETag").replace("-gz", ""),
                      tag.replace("-gz", ""))
        admin.get(path, headers={"If-None-Match": '"other"'}).want(200)
        admin.get(path, headers={"If-None-Match": "*"}).want(304)
    admin.node_add("a change")
    admin.get("/api/v1/nodes", headers={"If-None-Match": tag}).want(200)


def test_keep_alive(s):
    """HTTP/1.0 closes unless asked; close is honoured"""
    with Raw(s) as c:
        c.send(b"GET /livez HTTP/1.0\r\n" + HOST + b"\r\n")
        tap.equal(c.response().header("Connection"), "close")
        c.closed()
    with Raw(s) as c:
        c.send(GET + b"Connection: close\r\n\r\n").response().want(200)
        c.closed()
    with Raw(s) as c:
        for _ in range(100):
            c.send(GET + b"\r\n").response().want(200)


def test_refused_body_goes_by(s):
    """A refused body is read and thrown away; what follows is answered"""
    with Raw(s) as c:
        c.send(b"POST /api/v1/nodes HTTP/1.1\r\n" + HOST + JSON +
               b"Content-Length: 400\r\n\r\n" + b"{" * 400 + GET + b"\r\n")
        c.response().problem(401)
        c.response().want(200)


def test_per_address(s):
    """One address holds no more than its share; others are served"""
    cap = 120
    held = []
    try:
        for _ in range(cap + 10):
            held.append(Raw(s, "127.9.9.9"))
        over = [c.sock for c in held[cap:]]
        mast.wait_until(lambda: len(select.select(over, [], [], 0)[0]) == 10,
                        1, "ten are answered at once")
        r = held[-1].response().problem(503)
        tap.equal(r.header("Retry-After"), "5")
        with Raw(s, "127.9.9.8") as c:
            c.send(GET + b"\r\n").response().want(200)
    finally:
        for c in held:
            c.sock.close()


def test_gone_clients(s):
    """Clients that leave in the middle leave nothing behind"""
    admin = s.admin()
    auth = b"Cookie: session=" + admin.token.encode() + b"\r\n" + \
        b"X-CSRF-Token: " + admin.csrf.encode() + b"\r\n"
    mark = "gone-%d" % time.time_ns()
    for _ in range(50):
        with Raw(s) as c:
            c.send(b"GET /api/v1/nodes HTTP/1.1\r\n" + HOST + auth + b"\r\n")
        with Raw(s) as c:
            body = json.dumps({"name": mark}).encode()
            c.send(b"POST /api/v1/nodes HTTP/1.1\r\n" + HOST + auth + JSON +
                   b"Content-Length: %d\r\n\r\n" % len(body) + body)
    # What was asked for is done, whether or not somebody waited.
    mast.wait_until(lambda: len([n for n in admin.get("/api/v1/nodes").json
                                 if n["name"] == mark]) == 50,
                    10, "every node of a client that left")
    mast.wait_until(lambda: s.metrics()["mast_apid_connections"] <= 1, 10,
                    "no connection is left")


def test_log(s):
    """One line per request, and no query in it"""
    s.nobody().get("/nowhere?token=hunter2", headers={
        "X-Request-Id": "log-line-1"})
    line = mast.wait_until(lambda: [x for x in s.log("apid").splitlines()
                                    if "log-line-1" in x], 5, "the line")
    tap.equal(len(line), 1)
    tap.contains(line[0], "GET /nowhere 404")
    if "hunter2" in s.log("apid"):
        raise AssertionError("the query is in the log")


def test_forwarded(s):
    """X-Forwarded-For counts from a trusted proxy only, its last hop"""
    cases = [("127.0.88.1", "192.0.2.1, 203.0.113.9", "203.0.113.9"),
             ("127.0.88.1", "203.0.113.9, 127.0.88.1", "203.0.113.9"),
             ("127.0.88.1", "2001:db8::7", "2001:db8::7"),
             ("127.0.88.1", "nonsense", "127.0.88.1"),
             ("127.0.88.1", "192.0.2.1, evil\t", "127.0.88.1"),
             ("127.0.88.2", "203.0.113.9", "127.0.88.2")]
    for i, (peer, sent, want) in enumerate(cases):
        mast.Session(s, source=peer).get("/nowhere", headers={
            "X-Forwarded-For": sent, "X-Request-Id": "forward-%d" % i})
        line = mast.wait_until(
            lambda: [x for x in s.log("apid").splitlines()
                     if "forward-%d " % i in x], 5, "the line")[0]
        tap.contains(line, " %s GET" % want, sent)


class Relayed(mast.Node):
    """A node that dials the public door instead of hubd's own."""

    def dial(self, **kw):
        self.ws = ws.WebSocket("127.0.0.1", self.suite.port, "/ws/node",
                               **kw)
        return self


def test_relay(s):
    """A node on the public door: registered, live, with its own address"""
    node_id, token = s.admin().node_add("relayed")
    n = Relayed(s, token=token)
    tap.equal(n.connect(source="127.0.66.1"), "register_ack")
    mast.wait_until(lambda: s.admin().node(node_id)["status"] == "online",
                    10, "online")
    tap.equal(s.one("SELECT host(address) FROM mast.node_sessions "
                    "WHERE node_id = %s", node_id), "127.0.66.1")
    # More than one buffer, both ways, in order.
    n.config = {"version": 2, "flows": [], "pad": "x" * 3000000}
    doc = s.admin().get("/api/v1/nodes/%s/config" % node_id).want(200).json
    tap.equal(len(doc["pad"]), 3000000)
    r = s.admin().command(node_id, {"type": "get_config"}).want(200)
    tap.equal(r.json["success"], True)
    n.close()
    mast.wait_until(lambda: s.admin().node(node_id)["status"] == "offline",
                    10, "offline")


def test_relay_without_hub(s):
    """Without hubd a node is told 503, and what it held is ended"""
    node_id, token = s.admin().node_add("orphaned")
    n = Relayed(s, token=token).online()
    s.kill("hubd")
    try:
        mast.wait_until(lambda: n.closed is not None, 15, "the node's end")
        try:
            ws.WebSocket("127.0.0.1", s.port, "/ws/node")
            raise AssertionError("upgraded by nobody")
        except ws.Refused as why:
            tap.equal(why.status, 503)
            tap.contains(why.body.decode(), "/problems/")
            tap.equal("retry-after" in why.headers, True)
        s.nobody().get("/readyz").problem(503)
    finally:
        s.start("hubd")
    n.connect()


if __name__ == "__main__":
    mast.main(sys.modules[__name__], settings=[
        "apid.header_timeout=2", "apid.body_timeout=2",
        "apid.max_per_address=120",
        "apid.proxy_trust=127.0.88.1"])
