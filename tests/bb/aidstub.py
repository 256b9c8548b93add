"""An aid of the tests' own: speaks the channel that apid speaks, keeps every
job as it came, and answers what the test says. It opens no key."""
import json
import os
import socket
import struct
import threading

import ipcraw
from mast import SRC, wait_until

N = ipcraw.numbers(os.path.join(SRC, "common", "msg.h"))
ROLES = {1: "user", 2: "assistant", 3: "data"}
OK, REFUSAL, LENGTH, TOOL = 1, 2, 3, 4
KEY, SEALED, CANCELLED = 1, 2, 13
PROVIDERS = (("openai", "OpenAI", "gpt-x", 1),
             ("anthropic", "Anthropic", "claude-x", 1),
             ("gemini", "Gemini", "gemini-x", 1),
             ("local", "Local model", "llama-x", 0))


class Reader:
    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, fmt):
        v = struct.unpack_from("<" + fmt, self.data, self.at)
        self.at += struct.calcsize("<" + fmt)
        return v[0]

    def raw(self, n):
        self.at += n
        return self.data[self.at - n:self.at]

    def bytes(self):
        return self.raw(self.take("I"))

    def text(self):
        return self.bytes().decode()


class Job:
    def __init__(self, payload, ident):
        r = Reader(payload)
        self.ident = ident
        self.id = r.raw(16)
        self.deadline = r.take("I")
        self.request_id, self.provider = r.text(), r.text()
        self.model, self.sealed = r.text(), r.bytes()
        self.stream, self.max_tokens = r.take("B") & 1, r.take("I")
        self.system, self.schema = r.text(), r.text()
        self.messages = [(ROLES[r.take("B")], r.text())
                         for _ in range(r.take("B"))]
        assert r.at == len(payload), "trailing bytes"
        self.raw = payload

    def said(self, role):
        return [t for r, t in self.messages if r == role]

    @property
    def facts(self):
        return json.loads(self.said("data")[0])


class AidStub:
    def __init__(self, suite):
        self.suite = suite
        self.pub = os.urandom(32)
        self.path = os.path.join(suite.run_dir, "aid.sock")
        self.jobs, self.tests, self.cancelled = [], [], []
        self.answer = lambda job: {"text": "{}"}
        self.conn = self.listener = None
        self.lock = threading.Lock()
        suite.outbound.append(lambda: [j.raw for j in self.jobs] +
                              self.tests)
        suite.kill("aid")
        self.open()

    def open(self):
        if os.path.exists(self.path):
            os.unlink(self.path)
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(self.path)
        os.chmod(self.path, 0o666)
        self.listener.listen(4)
        threading.Thread(target=self._serve, args=(self.listener,),
                         daemon=True).start()
        self.ready(True)

    def ready(self, up):
        wait_until(lambda: self._up() == up, 20, "apid sees aid: %s" % up)

    def _up(self):
        doc = self.suite.nobody().get("/readyz").json
        return "aid is away" not in json.dumps(doc)

    def vanish(self):
        """As one that is killed: the channel breaks, nobody listens."""
        self.listener.close()
        os.unlink(self.path)
        if self.conn is not None:
            self.conn.shutdown(socket.SHUT_RDWR)

    def _serve(self, listener):
        while True:
            try:
                conn, _ = listener.accept()
            except OSError:
                return
            self.conn = conn
            try:
                self._talk(conn)
            except OSError:
                pass
            conn.close()

    def _exactly(self, conn, n):
        out = b""
        while len(out) < n:
            part = conn.recv(n - len(out))
            if not part:
                raise OSError("closed")
            out += part
        return out

    def send(self, kind, payload=b"", ident=0, err=0):
        with self.lock:
            self.conn.sendall(ipcraw.pack(kind, payload, err, ident))

    def _talk(self, conn):
        while True:
            n, kind, _, ident = struct.unpack("<IHHQ",
                                              self._exactly(conn, 16))
            payload = self._exactly(conn, n)
            if kind == N["HELLO"]:
                self.send(N["HELLO_OK"], struct.pack("<HB", 1, ipcraw.AID) +
                          os.urandom(16) + ipcraw.text(b"aid") +
                          ipcraw.text(self.pub), ident)
            elif kind == N["STATUS"]:
                self.send(N["STATUS_REPLY"], ipcraw.text(
                    b'{"daemon":"aid","database":null}'), ident)
            elif kind == N["AI_INFO"]:
                self.send(N["AI_INFO_REPLY"], ipcraw.text(self.pub) +
                          bytes([len(PROVIDERS)]) + b"".join(
                    ipcraw.text(a.encode()) + ipcraw.text(b.encode()) +
                    ipcraw.text(c.encode()) + bytes([d])
                    for a, b, c, d in PROVIDERS), ident)
            elif kind == N["AI_JOB"]:
                job = Job(payload, ident)
                self.jobs.append(job)
                self._answer(job)
            elif kind == N["AI_TEST"]:
                self.tests.append(payload)
                self._done(payload[:16], ident, self.answer(None))
            elif kind == N["AI_CANCEL"]:
                self.cancelled.append(payload)
                for job in self.jobs:
                    if job.id == payload:
                        self._done(job.id, job.ident,
                                   {"error": CANCELLED, "finish": 0})

    def _answer(self, job):
        doc = self.answer(job)
        if doc is None:
            return                      # never, or later by finish()
        if isinstance(doc, str):
            doc = {"text": doc}
        for piece in doc.get("chunks", ()):
            self.chunk(job, piece)
        self._done(job.id, job.ident, doc)

    def chunk(self, job, piece):
        self.send(N["AI_CHUNK"], job.id + ipcraw.text(piece.encode()))

    def finish(self, job, doc):
        self._done(job.id, job.ident, doc)

    def _done(self, job_id, ident, doc):
        error = doc.get("error", 0)
        self.send(N["AI_DONE"], job_id + struct.pack(
            "<BBHHIIQQ", doc.get("finish", 0 if error else OK), error,
            doc.get("status", 200), 1, doc.get("retry_after", 0), 12,
            doc.get("input", 100), doc.get("output", 20)) +
            ipcraw.text(doc.get("model", "").encode()) +
            ipcraw.text(doc.get("detail", "").encode()) +
            ipcraw.text(doc.get("text", "").encode()), ident)
