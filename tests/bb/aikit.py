"""aid as apid sees it: the daemon with a resolver that knows the imitated
providers, and a channel that packs jobs byte by byte."""
import ctypes
import os
import pwd
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "fakeai"))
import fakeai
import ipcraw
from mast import BUILD, SRC, wait_until

ROOT = os.getuid() == 0
N = ipcraw.numbers(os.path.join(SRC, "common", "msg.h"))
ERRORS = ("none", "bad_key", "key_not_readable", "quota", "rate_limited",
          "overloaded", "timeout", "unreachable", "bad_certificate",
          "refused_by_policy", "bad_request", "bad_answer", "too_large",
          "cancelled", "no_such_provider")
FINISH = ("none", "ok", "refusal", "length", "tool")
USER, ASSISTANT, DATA = 1, 2, 3
with open(os.path.join(BUILD, "config.h")) as config:
    SANITIZED = "#define MAST_SANITIZED 1" in config.read()
sodium = ctypes.CDLL("libsodium.so.23")


def public_half(secret):
    out = ctypes.create_string_buffer(32)
    sodium.crypto_scalarmult_base(out, secret)
    return out.raw


def seal(pub, data):
    out = ctypes.create_string_buffer(len(data) + 48)
    sodium.crypto_box_seal(out, data, ctypes.c_ulonglong(len(data)), pub)
    return out.raw


class Dns(threading.Thread):
    """Answers A for known names, everything else NXDOMAIN."""

    def __init__(self, names):
        super().__init__(daemon=True)
        self.names = names
        self.s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.s.bind(("127.0.0.1", 0))
        self.port = self.s.getsockname()[1]
        self.asked = []
        self.start()

    def run(self):
        while True:
            q, who = self.s.recvfrom(512)
            end = q.index(b"\0", 12) + 5
            labels, at = [], 12
            while q[at]:
                labels.append(q[at + 1:at + 1 + q[at]].decode().lower())
                at += 1 + q[at]
            name = ".".join(labels)
            self.asked.append(name)
            ip = self.names.get(name)
            head = q[:2] + struct.pack(">HHHHH", 0x8180 if ip else 0x8183,
                                       1, 1 if ip else 0, 0, 0)
            answer = (b"\xc0\x0c" + struct.pack(">HHIH", 1, 1, 60, 4) +
                      socket.inet_aton(ip)) if ip else b""
            self.s.sendto(head + q[12:end] + answer, who)


def account(name):
    try:
        return pwd.getpwnam(name).pw_uid
    except KeyError:
        subprocess.run(["useradd", "--system", "--no-create-home",
                        "--shell", "/usr/sbin/nologin", name], check=True)
        return pwd.getpwnam(name).pw_uid


class Aid:
    """One mastkeeper-aid with its own folder; conf adds lines to [aid]."""

    def __init__(self, conf, names=None):
        self.dir = tempfile.mkdtemp(prefix="mj", dir="/tmp")
        os.chmod(self.dir, 0o755)
        self.run = self.dir + "/run"
        os.mkdir(self.run, 0o755)
        self.dns = Dns(names if names is not None else
                       {n: "127.0.0.1" for n in fakeai.NAMES.values()})
        self.secret = os.urandom(32)
        self.pub = public_half(self.secret)
        self.write("aid.key", self.secret, 0o400)
        self.conf = self.dir + "/mastkeeper.conf"
        self.log = self.dir + "/log"
        self.configure(conf)
        if ROOT:
            account("_mast_aid")
            self.apid_uid = account("_mast_apid")
        self.p = None

    def write(self, name, data, mode=0o644):
        path = os.path.join(self.dir, name)
        if os.path.exists(path):
            os.unlink(path)
        with open(path, "wb") as f:
            f.write(data)
        os.chmod(path, mode)
        return path

    def configure(self, conf):
        with open(self.conf, "w") as f:
            f.write("[suite]\nstate_dir = %s\nrun_dir = %s\nlog_level = "
                    "debug\n[aid]\nresolvers = 127.0.0.1:%d\n%s\n" % (
                        self.dir, self.run, self.dns.port, conf))

    def test(self):
        return subprocess.run([BUILD + "/mastkeeper-aid", "-f", self.conf,
                               "--test"], capture_output=True, text=True)

    def start(self):
        with open(self.log, "ab") as log:
            self.p = subprocess.Popen([BUILD + "/mastkeeper-aid", "-f",
                                       self.conf], stdout=log, stderr=log)
        wait_until(lambda: self.up(), 10, "aid.sock")
        return self

    def up(self):
        try:
            Chan(self).close()
            return True
        except OSError:
            return False

    def text(self):
        if not os.path.exists(self.log):
            return ""           # it was never started
        with open(self.log) as f:
            return f.read()

    def stop(self):
        if self.p is not None:
            self.p.terminate()
            code = self.p.wait(20)
            self.p = None
            return code
        return None

    def clear(self):
        if self.p is not None:
            self.p.kill()
            self.p.wait()
        shutil.rmtree(self.dir, ignore_errors=True)


class Chan:
    """A channel of apid's, or, on aid's control socket, of mastctl's.
    Replies that nobody asked for yet are kept."""

    def __init__(self, aid, timeout=40, door="aid.sock"):
        apid = door == "aid.sock"
        if ROOT and apid:
            os.seteuid(aid.apid_uid)
        try:
            self.c = ipcraw.Raw(aid.run + "/" + door, timeout)
        finally:
            if ROOT:
                os.seteuid(0)
        self.aid = aid
        hello = self.c.greet(ipcraw.APID if apid else ipcraw.CTL)
        if hello is None or hello[0] != ipcraw.HELLO_OK:
            raise OSError("no hello: %r" % (hello,))
        self.last = 0
        self.done, self.chunks = {}, {}

    def close(self):
        self.c.close()

    def key(self, provider):
        return seal(self.aid.pub, fakeai.KEYS[provider].encode())

    def send(self, provider, messages=None, sealed=None, model="m-1",
             system="Be brief.", schema="", stream=False, max_tokens=500,
             deadline=20000, job=None, request="req-1"):
        """Returns (id of the request, id of the job)."""
        job = job or os.urandom(16)
        if messages is None:
            messages = [(USER, "How is it?")]
        if sealed is None:
            sealed = self.key(provider)
        t = ipcraw.text
        b = job + struct.pack("<I", deadline)
        b += t(request.encode()) + t(provider.encode()) + t(model.encode())
        b += t(sealed) + struct.pack("<BI", int(stream), max_tokens)
        b += t(system.encode()) + t(schema.encode())
        b += struct.pack("<B", len(messages))
        for role, words in messages:
            b += struct.pack("<B", role) + t(words.encode())
        self.last += 1
        self.c.send(ipcraw.pack(N["AI_JOB"], b, ident=self.last))
        return self.last, job

    def test(self, provider, sealed=None, model="m-1", deadline=10000):
        t = ipcraw.text
        if sealed is None:
            sealed = self.key(provider)
        b = os.urandom(16) + struct.pack("<I", deadline) + t(b"req-2") + \
            t(provider.encode()) + t(model.encode()) + t(sealed)
        self.last += 1
        self.c.send(ipcraw.pack(N["AI_TEST"], b, ident=self.last))
        return self.wait(self.last)

    def cancel(self, job):
        self.c.send(ipcraw.pack(N["AI_CANCEL"], job))

    def reseal(self, sealed):
        self.last += 1
        self.c.send(ipcraw.pack(N["AI_RESEAL"], ipcraw.text(sealed),
                                ident=self.last))
        return self.take(self.wait(self.last)["raw"])[0]

    def forget(self):
        """The pairs beside the present one: the public half that is left."""
        return self.info("AI_FORGET")[0]

    def info(self, kind="AI_INFO"):
        self.last += 1
        self.c.send(ipcraw.pack(N[kind], ident=self.last))
        b = self.wait(self.last)["raw"]
        pub, b = self.take(b)
        out = []
        for _ in range(b[0]):
            b = b[1:] if not out else b
            name, b = self.take(b)
            title, b = self.take(b)
            model, b = self.take(b)
            out.append((name.decode(), title.decode(), model.decode(), b[0]))
            b = b[1:]
        return pub, out

    @staticmethod
    def take(b):
        n = struct.unpack_from("<I", b)[0]
        return b[4:4 + n], b[4 + n:]

    def receive(self):
        m = self.c.recv()
        assert m is not None, "aid closed the channel"
        kind, err, ident, p = m
        if kind == N["AI_CHUNK"]:
            words, rest = self.take(p[16:])
            assert not rest, rest
            self.chunks.setdefault(p[:16], []).append(words.decode())
            return
        assert ident not in self.done, "two replies to one request"
        got = {"kind": kind, "err": err, "raw": p}
        if kind == N["AI_DONE"]:
            f = struct.unpack_from("<BBHHIIQQ", p, 16)
            model, rest = self.take(p[16 + 30:])
            detail, rest = self.take(rest)
            words, rest = self.take(rest)
            assert not rest, rest
            got.update(job=p[:16], finish=FINISH[f[0]], error=ERRORS[f[1]],
                       status=f[2], calls=f[3], after=f[4], took=f[5],
                       tokens=(f[6], f[7]), model=model.decode(),
                       detail=detail.decode(), text=words.decode(),
                       chunks=self.chunks.pop(p[:16], []))
        self.done[ident] = got

    def wait(self, ident):
        while ident not in self.done:
            self.receive()
        return self.done.pop(ident)

    def ask(self, provider, **kw):
        return self.wait(self.send(provider, **kw)[0])

    def quiet(self, seconds=0.3):
        """Nothing more comes."""
        self.c.s.settimeout(seconds)
        try:
            self.receive()
            return False
        except (TimeoutError, socket.timeout):
            return True
        finally:
            self.c.s.settimeout(40)


def conf_for(fake, **more):
    lines = ["%s_url = %s" % (p, fake.url(p)) for p in fakeai.KEYS]
    lines += ["compatible_model = local-1", "ca_file = " + fake.ca]
    base = {"allow_private": "yes", "first_byte_ms": 1500, "idle_ms": 800,
            "connect_ms": 3000, "attempts_max": 3}
    base.update(more)
    return "\n".join(lines + ["%s = %s" % kv for kv in base.items()])


def elapsed(fn):
    since = time.monotonic()
    got = fn()
    return got, time.monotonic() - since
