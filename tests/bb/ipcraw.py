"""The wire between the daemons, byte by byte: u32 payload length, u16 type,
u16 err, u64 id, little-endian. For tests that must send wrong ones too."""
import os
import socket
import struct

from tap import PATIENCE

HELLO, HELLO_OK, STATUS, STATUS_REPLY = 1, 2, 3, 4
SELFTEST, SELFTEST_REPLY = 16, 17
APID, HUBD, AID, CTL = 1, 2, 4, 8


def numbers(header):
    """The enum of msg.h, so that a test never repeats its values."""
    text = open(header).read().split("enum msg_type {", 1)[1].split("}")[0]
    names = [x.split("=")[0].strip() for x in
             __import__("re").sub(r"/\*.*?\*/", "", text, flags=16).split(",")]
    return {n[4:]: i for i, n in enumerate(x for x in names if x)}


def pack(kind, payload=b"", err=0, ident=0):
    return struct.pack("<IHHQ", len(payload), kind, err, ident) + payload


def text(b):
    return struct.pack("<I", len(b)) + b


def hello(peer, version=1, name=b"test"):
    return (struct.pack("<HB", version, peer) + os.urandom(16) + text(name) +
            text(b""))


class Raw:
    def __init__(self, path, timeout=None):
        self.s = socket.socket(socket.AF_UNIX)
        self.s.settimeout(timeout or 10 * PATIENCE)
        self.s.connect(path)

    def send(self, data):
        self.s.sendall(data)

    def exactly(self, n):
        out = b""
        while len(out) < n:
            part = self.s.recv(n - len(out))
            if not part:
                return None
            out += part
        return out

    def recv(self):
        """(type, err, id, payload), or None at the end of the channel."""
        try:
            head = self.exactly(16)
        except ConnectionResetError:
            return None
        if head is None:
            return None
        n, kind, err, ident = struct.unpack("<IHHQ", head)
        return kind, err, ident, self.exactly(n)

    def greet(self, peer, **kw):
        self.send(pack(HELLO, hello(peer, **kw)))
        return self.recv()

    def ended(self):
        """True when the other side closes (after anything it still says)."""
        try:
            while True:
                if not self.s.recv(65536):
                    return True
        except ConnectionResetError:
            return True
        except TimeoutError:
            return False

    def close(self):
        self.s.close()
