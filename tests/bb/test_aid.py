#!/usr/bin/python3
"""aid from outside and, by its self-test, from inside its fence."""
import json
import os
import pwd
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import ipcraw
import tap
from mast import BUILD, SRC, alive, wait_until

ROOT = os.getuid() == 0
with open(os.path.join(BUILD, "config.h")) as config:
    SANITIZED = "#define MAST_SANITIZED 1" in config.read()
N = ipcraw.numbers(os.path.join(SRC, "common", "msg.h"))
ipcraw.__dict__.update({k: v for k, v in N.items() if k.isupper()})


class Dns(threading.Thread):
    """Answers A provider.test with 192.0.2.7, everything else NXDOMAIN."""

    def __init__(self):
        super().__init__(daemon=True)
        self.s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.s.bind(("127.0.0.1", 0))
        self.port = self.s.getsockname()[1]
        self.asked = 0
        self.start()

    def run(self):
        while True:
            q, who = self.s.recvfrom(512)
            end = q.index(b"\0", 12) + 5
            good = q[12:end - 4].lower() == b"\x08provider\x04test\0"
            self.asked += 1
            head = q[:2] + struct.pack(">HHHHH", 0x8180 if good else 0x8183,
                                       1, 1 if good else 0, 0, 0)
            answer = (b"\xc0\x0c" + struct.pack(">HHIH", 1, 1, 60, 4) +
                      bytes([192, 0, 2, 7])) if good else b""
            self.s.sendto(head + q[12:end] + answer, who)


class Aid:
    def __init__(self):
        self.dir = tempfile.mkdtemp(prefix="ma", dir="/tmp")
        os.chmod(self.dir, 0o755)
        self.run = self.dir + "/run"
        os.mkdir(self.run, 0o755)
        self.dns = Dns()
        self.key = self.dir + "/aid.key"
        self.write_key(os.urandom(32))
        self.conf = self.dir + "/mastkeeper.conf"
        with open(self.conf, "w") as f:
            f.write("[suite]\nstate_dir = %s\nrun_dir = %s\n[aid]\n"
                    "resolvers = 127.0.0.1:%d\nselftest_name = "
                    "provider.test\n" % (self.dir, self.run, self.dns.port))
        if ROOT:
            try:
                pwd.getpwnam("_mast_aid")
            except KeyError:
                subprocess.run(["useradd", "--system", "--no-create-home",
                                "--shell", "/usr/sbin/nologin", "_mast_aid"],
                               check=True)
        self.p = None

    def write_key(self, data, mode=0o400):
        if os.path.exists(self.key):
            os.unlink(self.key)
        with open(self.key, "wb") as f:
            f.write(data)
        os.chmod(self.key, mode)

    def launch(self, *args):
        return subprocess.Popen(
            [BUILD + "/mastkeeper-aid", "-f", self.conf] + list(args),
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def start(self):
        self.p = self.launch()
        wait_until(lambda: self.can_connect(), 10, "aid.sock")
        self.channel()[0].close()       # it answers: behind its fence now

    def can_connect(self):
        try:
            ipcraw.Raw(self.run + "/aid.sock").close()
            ipcraw.Raw(self.run + "/aid.ctl").close()
            return True
        except OSError:
            return False

    def channel(self, sock="aid.ctl"):
        c = ipcraw.Raw(self.run + "/" + sock)
        return c, c.greet(ipcraw.CTL)

    def status(self, field):
        with open("/proc/%d/status" % self.p.pid) as f:
            for line in f:
                if line.startswith(field + ":"):
                    return line.split(":")[1].split()


def refused_start(aid, part, code=78):
    p = aid.launch()
    _, err = p.communicate(timeout=20)
    tap.equal(p.returncode, code, "exit code: " + err)
    tap.contains(err, part, "message")


def test_no_key(aid):
    """Without its key aid refuses to start and says which file"""
    os.rename(aid.key, aid.key + ".away")
    refused_start(aid, aid.key)
    os.rename(aid.key + ".away", aid.key)


def test_open_key(aid):
    """A key that others may read is refused"""
    os.chmod(aid.key, 0o644)
    refused_start(aid, aid.key)
    os.chmod(aid.key, 0o400)


def test_short_key(aid):
    """A key of the wrong length is refused"""
    aid.write_key(b"x" * 31)
    refused_start(aid, aid.key)
    aid.write_key(os.urandom(32))


def test_bad_configuration(aid):
    """An unknown key is named with its line, exit 78"""
    text = open(aid.conf).read()
    with open(aid.conf, "a") as f:
        f.write("colour = blue\n")
    refused_start(aid, "colour")
    with open(aid.conf, "w") as f:
        f.write(text)


def test_no_libpq(aid):
    """aid does not link libpq: it can have no database"""
    out = subprocess.run(["ldd", BUILD + "/mastkeeper-aid"],
                         capture_output=True, text=True, check=True).stdout
    assert "libpq" not in out, out
    tap.contains(out, "libsodium")


def test_process(aid):
    """It runs as its own user, without capabilities, under seccomp"""
    aid.start()
    uid = pwd.getpwnam("_mast_aid").pw_uid if ROOT else os.getuid()
    tap.equal(aid.status("Uid"), [str(uid)] * 4, "uid")
    tap.equal(aid.status("CapEff"), ["0" * 16], "capabilities")
    tap.equal(aid.status("NoNewPrivs"), ["1"], "no_new_privs")
    tap.equal(aid.status("Seccomp"), ["2"], "seccomp filter")
    with open("/proc/%d/limits" % aid.p.pid) as f:
        core = [x for x in f if x.startswith("Max core file size")][0]
    tap.equal(core.split()[4:6], ["0", "0"], "core dumps")


def test_hello(aid):
    """The hello carries the public half of the key"""
    c, reply = aid.channel("aid.sock" if not ROOT else "aid.ctl")
    tap.equal(reply[0], ipcraw.HELLO_OK, "reply")
    payload = reply[3]
    at = 2 + 1 + 16
    n = struct.unpack_from("<I", payload, at)[0]
    at += 4 + n
    n = struct.unpack_from("<I", payload, at)[0]
    tap.equal(n, 32, "length of the public key")
    assert payload[at + 4:at + 36] != open(aid.key, "rb").read() \
        if os.access(aid.key, os.R_OK) else True
    c.close()


def test_selftest(aid):
    """From inside: files, exec, families, ports refused; DNS and 443 work"""
    c, _ = aid.channel()
    c.send(ipcraw.pack(ipcraw.SELFTEST, ident=7))
    kind, err, ident, payload = c.recv()
    tap.equal((kind, err, ident), (ipcraw.SELFTEST_REPLY, 0, 7), "reply")
    doc = json.loads(payload[4:])
    got = {x["name"]: x for x in doc["checks"]}
    for name in ("open a file outside the list", "create a file",
                 "start a program", "start a process", "a Unix socket",
                 "a netlink socket", "a raw socket", "listen",
                 "signal another process", "connect to port 80",
                 "connect to port 5432"):
        tap.equal(got[name]["want"], "refused", name)
        if name == "start a process" and SANITIZED:
            continue            # the leak checker forks, so it may
        assert got[name]["got"] != "worked", got[name]
    if doc["landlock_abi"] >= 4:
        for name in ("connect to port 80", "connect to port 5432"):
            tap.equal(got[name]["got"], "Permission denied", name)
    tap.equal(got["connect to port 443"]["got"], "worked", "port 443")
    tap.equal(got["look a name up"]["got"], "192.0.2.7", "DNS")
    assert aid.dns.asked >= 1
    bad = [x["name"] for x in doc["checks"] if not x["ok"]]
    tap.equal(bad, ["start a process"] if SANITIZED else [], "not as wanted")
    tap.equal(doc["ok"], not SANITIZED, "the whole")
    c.close()


def test_status(aid):
    """Status is flat, says what runs, and that there is no database"""
    c, _ = aid.channel()
    c.send(ipcraw.pack(ipcraw.STATUS, ident=1))
    doc = json.loads(c.recv()[3][4:])
    tap.equal(doc["daemon"], "aid")
    tap.equal(doc["database"], None)
    tap.equal(doc["selftests"], 1)
    c.close()


def test_bad_peers(aid):
    """Garbage, a wrong version and a forbidden message cost the channel"""
    bad = (b"GET / HTTP/1.1\r\n\r\n",
           ipcraw.pack(ipcraw.HELLO, ipcraw.hello(ipcraw.CTL, version=9)),
           ipcraw.pack(ipcraw.HELLO, ipcraw.hello(ipcraw.HUBD)[:-1]),
           ipcraw.pack(ipcraw.HELLO, ipcraw.hello(ipcraw.CTL) + b"x"),
           ipcraw.pack(ipcraw.SELFTEST),
           struct.pack("<IHHQ", 0xffffffff, ipcraw.HELLO, 0, 0),
           os.urandom(4096))
    for data in bad:
        c = ipcraw.Raw(aid.run + "/aid.sock")
        try:
            c.send(data)
        except OSError:
            pass
        assert c.ended(), data[:40]
        c.close()
    c, _ = aid.channel()
    c.send(ipcraw.pack(N["COMMAND"], b"\0" * 60, ident=3))
    assert c.ended(), "a command to aid must end the channel"
    assert alive(aid.p.pid)
    c, reply = aid.channel()
    tap.equal(reply[0], ipcraw.HELLO_OK, "aid still answers")


def test_wrong_uid(aid):
    """A stranger's uid is refused before any handler"""
    if not ROOT:
        raise tap.Skip("needs root to become another user")
    code = ("import sys; sys.path.insert(0, %r); import ipcraw\n"
            "c = ipcraw.Raw(%r)\n"
            "try: got = c.greet(8)\n"
            "except OSError: got = None\n"
            "print(got and got[0])" % (
                os.path.join(SRC, "tests", "bb"), aid.run + "/aid.sock"))
    out = subprocess.run(["setpriv", "--reuid=65534", "--regid=65534",
                          "--clear-groups", "/usr/bin/python3", "-B", "-c",
                          code], cwd="/", capture_output=True, text=True)
    assert out.stdout.strip() != str(ipcraw.HELLO_OK), out
    tap.equal(out.stdout.strip(), "None", out.stderr)


def test_secret_half(aid):
    """The secret half is in no log, no argument and no environment"""
    with open("/proc/%d/cmdline" % aid.p.pid, "rb") as f:
        cmdline = f.read()
    key = open(aid.key, "rb").read()
    assert key not in cmdline and key.hex().encode() not in cmdline


def test_stop(aid):
    """SIGTERM ends it in order; the key never reached the log"""
    aid.p.send_signal(signal.SIGTERM)
    _, err = aid.p.communicate(timeout=20)
    tap.equal(aid.p.returncode, 0, err)
    tap.contains(err, "stopped")
    key = open(aid.key, "rb").read()
    assert key.hex() not in err and "Sanitizer" not in err, err
    aid.p = None


def main():
    aid = Aid()
    try:
        return tap.run(tap.functions(sys.modules[__name__]), aid)
    finally:
        if aid.p is not None:
            aid.p.kill()
        shutil.rmtree(aid.dir, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
