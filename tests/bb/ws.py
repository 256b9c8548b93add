"""A WebSocket client with exact control over every byte it sends."""
import base64
import hashlib
import os
import select
import socket
import ssl
import struct
import threading
import time

from tap import PATIENCE

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
CONT, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10


class Closed(Exception):
    """The peer closed: code and reason of its close frame, 1006 without."""

    def __init__(self, code, reason=""):
        super().__init__("closed %s %s" % (code, reason))
        self.code = code
        self.reason = reason


class Refused(Exception):
    """The upgrade was not answered with 101."""

    def __init__(self, status, headers, body):
        super().__init__("upgrade refused: %s %r" % (status, body[:200]))
        self.status = status
        self.headers = headers
        self.body = body


def frame(op, payload, fin=True, masked=True, rsv=0, key=None):
    """One frame; nothing is checked, so that wrong ones can be made."""
    head = bytes([(0x80 if fin else 0) | rsv << 4 | op])
    n = len(payload)
    bit = 0x80 if masked else 0
    if n < 126:
        head += bytes([bit | n])
    elif n < 65536:
        head += bytes([bit | 126]) + struct.pack(">H", n)
    else:
        head += bytes([bit | 127]) + struct.pack(">Q", n)
    if not masked:
        return head + payload
    key = os.urandom(4) if key is None else key
    return head + key + mask(payload, key)


def mask(payload, key):
    n = len(payload)
    if n == 0:
        return b""
    stream = (key * (n // 4 + 1))[:n]
    return (int.from_bytes(payload, "big") ^
            int.from_bytes(stream, "big")).to_bytes(n, "big")


def tls_client():
    ctx = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    ctx.check_hostname = False
    ctx.verify_mode = ssl.CERT_NONE
    return ctx


class WebSocket:
    """Dials, upgrades, sends and receives; every wait has a deadline."""

    def __init__(self, host, port, path, tls=False, headers=(), source=None,
                 timeout=None, upgrade=True, unix=None):
        self.timeout = timeout = timeout or 10 * PATIENCE
        if unix:
            self.sock = socket.socket(socket.AF_UNIX)
            self.sock.settimeout(timeout)
            self.sock.connect(unix)
        else:
            self.sock = socket.create_connection(
                (host, port), timeout,
                (source, 0) if source else None)
            self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if tls:
            self.sock = tls_client().wrap_socket(self.sock)
        self.lock = threading.Lock()    # a reader thread, other senders
        self.data = b""
        self.eof = False
        self.parts = []
        if upgrade:
            self.upgrade("%s:%d" % (host, port), path, headers)

    def upgrade(self, host, path, headers):
        key = base64.b64encode(os.urandom(16))
        lines = ["GET %s HTTP/1.1" % path, "Host: " + host,
                 "Connection: Upgrade", "Upgrade: websocket",
                 "Sec-WebSocket-Version: 13",
                 "Sec-WebSocket-Key: " + key.decode()]
        lines += ["%s: %s" % h for h in headers]
        self.raw("\r\n".join(lines).encode() + b"\r\n\r\n")
        head = self._until(b"\r\n\r\n")
        status = int(head.split(b" ", 2)[1])
        fields = {}
        for line in head.decode("latin-1").split("\r\n")[1:]:
            if ":" in line:
                k, v = line.split(":", 1)
                fields[k.strip().lower()] = v.strip()
        if status != 101:
            n = int(fields.get("content-length", "0"))
            while len(self.data) < n and self._fill(time.monotonic() + 5):
                pass
            body = self.data
            self.sock.close()
            raise Refused(status, fields, body)
        want = base64.b64encode(hashlib.sha1(key + GUID).digest()).decode()
        if fields.get("sec-websocket-accept") != want:
            raise AssertionError("wrong Sec-WebSocket-Accept")
        self.headers = fields

    def raw(self, data):
        """Bytes as they are."""
        with self.lock:
            self.sock.settimeout(self.timeout)
            self.sock.sendall(data)

    def _readable(self, end):
        if isinstance(self.sock, ssl.SSLSocket) and self.sock.pending():
            return
        left = end - time.monotonic()
        p = select.poll()
        p.register(self.sock.fileno(), select.POLLIN)
        if left <= 0 or not p.poll(left * 1000):
            raise TimeoutError("nothing came in time")

    def _fill(self, end):
        while True:
            self._readable(end)
            with self.lock:
                self.sock.settimeout(0)
                try:
                    got = self.sock.recv(262144)
                except (ssl.SSLWantReadError, BlockingIOError):
                    continue
                except (ConnectionError, ssl.SSLError):
                    got = b""
            if not got:
                self.eof = True
            self.data += got
            return bool(got)

    def _until(self, mark):
        end = time.monotonic() + self.timeout
        while mark not in self.data:
            if not self._fill(end):
                raise Closed(1006, "end before the whole head")
        head, self.data = self.data.split(mark, 1)
        return head

    def _frame(self):
        """One whole frame out of the buffer, or None."""
        d = self.data
        if len(d) < 2:
            return None
        n, at = d[1] & 0x7f, 2
        if n == 126:
            if len(d) < 4:
                return None
            n, at = struct.unpack(">H", d[2:4])[0], 4
        elif n == 127:
            if len(d) < 10:
                return None
            n, at = struct.unpack(">Q", d[2:10])[0], 10
        if d[1] & 0x80:
            raise AssertionError("the server masked a frame")
        if len(d) < at + n:
            return None
        self.data = d[at + n:]
        return d[0] & 15, bool(d[0] & 0x80), d[at:at + n]

    def recv_frame(self, timeout=None):
        """(opcode, fin, payload) of the next frame, control ones too."""
        end = time.monotonic() + (timeout or self.timeout)
        while True:
            got = self._frame()
            if got is not None:
                return got
            if self.eof or not self._fill(end):
                raise Closed(1006)

    def recv(self, timeout=None, pong=True):
        """The next message as (opcode, bytes); answers pings."""
        end = time.monotonic() + (timeout or self.timeout)
        while True:
            op, fin, payload = self.recv_frame(
                max(end - time.monotonic(), 0.001))
            if op == CLOSE:
                code = struct.unpack(">H", payload[:2])[0] \
                    if len(payload) >= 2 else 1005
                raise Closed(code, payload[2:].decode("utf-8", "replace"))
            if op == PING:
                if pong:
                    self.send(PONG, payload)
                continue
            if op == PONG:
                continue
            self.parts.append((op, payload))
            if fin:
                whole = b"".join(p for _, p in self.parts)
                op = self.parts[0][0]
                self.parts = []
                return op, whole

    def send(self, op, payload):
        self.raw(frame(op, payload))

    def text(self, s):
        self.send(TEXT, s if isinstance(s, bytes) else s.encode())

    def close(self, code=1000):
        """In order: close frame, then the peer's, then the socket."""
        try:
            self.send(CLOSE, struct.pack(">H", code))
            while True:
                self.recv(2)
        except (Closed, OSError, TimeoutError):
            pass
        self.sock.close()

    def reset(self):
        """A TCP reset, as a pulled plug and a dead process make it."""
        raw = self.sock
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                       struct.pack("ii", 1, 0))
        if isinstance(raw, ssl.SSLSocket):
            raw = socket.socket(fileno=raw.detach())
        raw.close()
