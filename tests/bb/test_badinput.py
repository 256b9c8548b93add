#!/usr/bin/python3
"""Everything that can be wrong around a daemon: its files, its ports, its
database, its siblings, its descriptors, its clock. Each is answered by one
clear sentence and the right exit code, or by a problem in bounded time, and
nothing that was accepted is lost. (What peers send: test_doors.py.)"""
import http.client
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time

import ipcraw
import mast
import tap
import ws
from hubkit import events_of, kill_postgres, read_all, state

CONFIG, UNAVAILABLE = 78, 69


# ---- starts that are refused

class Rig:
    """Folders of its own and copies of the keys, for daemons that must not
    start: nothing here touches the running suite."""

    made = None

    def __init__(self, s):
        self.s = s
        self.dir = os.path.join(s.dir, "rig")
        self.lib = os.path.join(self.dir, "lib")
        self.run = os.path.join(self.dir, "run")
        self.conf = os.path.join(self.dir, "bad.conf")
        shutil.copytree(os.path.join(s.state, "lib"), self.lib)
        os.mkdir(self.run)

    @classmethod
    def of(cls, s):
        if cls.made is None:
            cls.made = cls(s)
        return cls.made

    def text(self, **sections):
        doc = {
            "suite": {"state_dir": self.lib, "run_dir": self.run,
                      "database": "host=%s/none dbname=x" % self.dir},
            "apid": {"listen": "127.0.0.1:0", "metrics_listen": ""},
            "hubd": {"listen": "127.0.0.1:0"},
            "aid": {},
        }
        for name, keys in sections.items():
            doc[name].update(keys)
        return "".join("[%s]\n%s" % (name, "".join(
            "%s = %s\n" % kv for kv in keys.items()))
            for name, keys in doc.items())

    def run_daemon(self, name, conf):
        p = subprocess.Popen([self.s.program("mastkeeper-" + name), "-f",
                              conf], stdin=subprocess.DEVNULL,
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                             text=True)
        try:
            out, err = p.communicate(timeout=20 * mast.PATIENCE)
        except subprocess.TimeoutExpired:
            p.kill()
            raise AssertionError("%s runs on: %s" % (
                name, p.communicate()[1]))
        tap.equal(out, "", "nothing on standard output")
        return p.returncode, err

    def refused(self, name, code, parts, text=None, conf=None, **sections):
        """It ends with that code and says each part, in one line."""
        if conf is None:
            conf = self.conf
            with open(conf, "wb") as f:
                f.write(text if text is not None else
                        self.text(**sections).encode())
        got, err = self.run_daemon(name, conf)
        tap.equal(got, code, "%s: %s" % (name, err))
        lines = [x for x in err.splitlines()
                 if not x.startswith("info %s: sandbox:" % name)]
        tap.equal(len(lines), 1, "lines of %r" % err)
        assert lines[0].startswith("error %s: " % name), lines
        assert "error:0" not in lines[0], "a library's code: " + lines[0]
        for part in parts:
            tap.contains(lines[0], part, name)


def test_configuration_files(s):
    """A bad configuration file is named with line and rule, exit 78"""
    rig = Rig.of(s)
    good = rig.text()
    for name in mast.DAEMONS:
        def bad(text, *parts):
            raw = text if isinstance(text, bytes) else text.encode()
            rig.refused(name, CONFIG, ("bad.conf",) + parts, text=raw)
        end = good.count("\n")
        own = good.split("[%s]\n" % name)[0].count("\n") + 2
        mine = good.replace("[%s]\n" % name, "[%s]\ncolour = blue\n" % name)
        rig.refused(name, CONFIG, ["/nowhere.conf: No such file"],
                    conf=rig.dir + "/nowhere.conf")
        rig.refused(name, CONFIG, ["Is a directory"], conf=rig.dir)
        bad(mine, ":%d: colour: unknown key" % own)
        bad("[suite]\ncolour = blue\n", ":2: colour: unknown key")
        bad("[suite]\nlog_level = loud\n", ":2: log_level: must be")
        bad("[suite]\nstate_dir = here\n", ":2: state_dir: must be")
        bad("[suite]\nrun_dir = /%s\n" % ("x" * 90), ":2: run_dir: must be")
        bad("[suite]\n\nlog_level = info\nlog_level = info\n",
            ":4: log_level: is set twice")
        bad(good + "[moon]\n", ":%d: [moon]: unknown section" % (end + 1))
        bad("state_dir = /x\n", ":1: state_dir: stands before")
        bad("[suite]\nnonsense\n", ":2: nonsense: a line is")
        bad(b"[suite]\n\xff\xfe = 1\n", ":2: is not UTF-8")
        bad(b"[suite]\nlog_level = in\0fo\n", ":2: is not UTF-8 text")
        bad(b"[suite]\nlog_level = in\x1bfo\n", ":2: holds a control")
        bad("#" * (1 << 20) + "\n#", "File too large")
    for name, key, value in (
            ("apid", "listen", "localhost:1"), ("apid", "tls", "perhaps"),
            ("apid", "listen", "127.0.0.1:65536"),
            ("apid", "max_connections", "-1"),
            ("apid", "max_connections", "99999999999999999999"),
            ("apid", "header_timeout", "5s"),
            ("hubd", "listen", "127.0.0.1"), ("hubd", "connections", "1"),
            ("hubd", "queue_rows", "0x1000"), ("aid", "key", "aid.key")):
        rig.refused(name, CONFIG, ["bad.conf:2: %s: must be" % key],
                    text=("[%s]\n%s = %s\n" % (name, key, value)).encode())
    rig.refused("aid", CONFIG, ["resolvers"],
                aid={"resolvers": "dns.example.org"})
    rig.refused("apid", CONFIG, ["proxy_trust"],
                apid={"proxy_trust": "everybody"})


def test_keys(s):
    """A server key that is missing, short or open to others: exit 78"""
    rig = Rig.of(s)
    key = os.path.join(rig.dir, "some.key")

    def write(n, mode):
        if os.path.exists(key):
            os.unlink(key)
        with open(key, "wb") as f:
            f.write(b"k" * n)
        os.chmod(key, mode)
    for name in mast.DAEMONS:
        def bad(part):
            more = {"aid": {"key": key}} if name == "aid" else \
                {"suite": {"server_key": key}}
            rig.refused(name, CONFIG, [key, part], **more)
        if os.path.exists(key):
            os.unlink(key)
        bad("No such file")
        for n, mode, part in ((0, 0o400, "32 bytes"), (31, 0o400, "32 bytes"),
                              (33, 0o400, "32 bytes"), (32, 0o404, "open to"),
                              (32, 0o644, "open to"), (32, 0o420, "open to")):
            write(n, mode)
            bad(part)
        os.unlink(key)
        os.mkdir(key)
        bad("not a regular file")
        os.rmdir(key)


def test_certificates(s):
    """A certificate that is missing, unreadable or foreign: exit 78"""
    rig = Rig.of(s)
    other = os.path.join(rig.dir, "other.key")
    empty = os.path.join(rig.dir, "empty.pem")
    none = os.path.join(rig.dir, "none.pem")
    subprocess.run(["openssl", "genpkey", "-algorithm", "EC", "-pkeyopt",
                    "ec_paramgen_curve:P-256", "-out", other], check=True,
                   stderr=subprocess.DEVNULL)
    open(empty, "w").close()
    key, crt = rig.lib + "/tls.key", rig.lib + "/tls.crt"
    for name in ("apid", "hubd"):
        for suite, parts in (
                ({"tls_cert": none}, ["certificate", none, "No such file"]),
                ({"tls_key": none}, ["certificate", none, "No such file"]),
                ({"tls_cert": rig.dir}, ["certificate", "Is a directory"]),
                ({"tls_cert": empty}, [empty, "has no certificate"]),
                ({"tls_cert": key}, [key, "has no certificate"]),
                ({"tls_key": empty}, ["certificate", "key"]),
                ({"tls_key": crt}, ["certificate", "key"]),
                ({"tls_key": other}, [crt, "does not belong"])):
            rig.refused(name, CONFIG, parts, suite=suite,
                        apid={"tls": "yes"})


def test_ports(s):
    """A port or socket that is taken, or not ours: exit 69, and who has it
    keeps it"""
    rig = Rig.of(s)
    taken = socket.create_server(("127.0.0.1", 0))
    here = "127.0.0.1:%d" % taken.getsockname()[1]
    used = [here, "Address already in use"]
    rig.refused("apid", UNAVAILABLE, used, apid={"listen": here,
                                                 "tls": "no"})
    rig.refused("apid", UNAVAILABLE, used, apid={"metrics_listen": here,
                                                 "tls": "no"})
    rig.refused("hubd", UNAVAILABLE, used, hubd={"listen": here})
    for name in ("apid", "hubd"):
        rig.refused(name, UNAVAILABLE, ["192.0.2.1:7", "Cannot assign"],
                    **{name: {"listen": "192.0.2.1:7"}})
    taken.close()
    for name, sock in (("apid", "apid.ctl"), ("hubd", "node.sock"),
                       ("aid", "aid.sock")):
        rig.refused(name, UNAVAILABLE,
                    [s.run_dir + "/" + sock, "Address already in use"],
                    suite={"run_dir": s.run_dir})
        gone = rig.dir + "/gone"
        rig.refused(name, UNAVAILABLE, [gone + "/" + sock, "No such file"],
                    suite={"run_dir": gone})
        file = rig.dir + "/files"
        os.makedirs(file, exist_ok=True)
        open(os.path.join(file, sock), "w").close()
        rig.refused(name, UNAVAILABLE, [file + "/" + sock, "File exists"],
                    suite={"run_dir": file})
    for sock in ("apid.ctl", "hubd.ctl", "aid.ctl"):
        c = ipcraw.Raw(os.path.join(s.run_dir, sock))
        tap.equal(c.greet(ipcraw.CTL)[0], ipcraw.HELLO_OK, sock)
        c.close()
    tap.equal(s.readyz(), 200)


def test_account(s):
    """An account that does not exist, or is root's: exit 78"""
    if os.getuid() != 0:
        raise tap.Skip("only root becomes another user")
    rig = Rig.of(s)
    for name in mast.DAEMONS:
        for user, part in (("_mast_nobody", "does not exist"),
                           ("root", "is root's")):
            rig.refused(name, CONFIG, [user, part], apid={"tls": "no"},
                        suite={"user_" + name: user})


# ---- the database

def ready(s):
    """(status, document) of /readyz."""
    r = s.nobody().get("/readyz", timeout=5)
    return r.status, r.json


def away(r):
    """A 503 problem that says when to come again."""
    r.problem(503)
    assert 0 < int(r.header("Retry-After")) <= 60, r.headers
    return r


def timed(limit, fn):
    begin = time.monotonic()
    out = fn()
    took = time.monotonic() - begin
    assert took < limit * mast.PATIENCE, "took %.1f s" % took
    return out


def schema_faults(s):
    """(change, way back, sentence): one too new and one too old."""
    with open(os.path.join(mast.SRC, "common/dbschema.h")) as f:
        low, high = (int(v) for v in re.findall(
            r"^#define SCHEMA_M\w+\s+(\d+)$", f.read(), re.M))
    serves = ("CREATE OR REPLACE FUNCTION mast.schema_serves() RETURNS integer "
              "LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp "
              "AS $$ SELECT %d $$")
    was = s.one("SELECT mast.schema_serves()")
    return (("INSERT INTO mast.migrations (version, name, sha256) "
             "VALUES (99, 'future', repeat('0', 64)); " + serves % 99,
             "DELETE FROM mast.migrations WHERE version = 99; " +
             serves % was,
             "the schema has version 99, this program knows only up to %d; "
             "install the newer one" % high),
            ("UPDATE mast.migrations SET version = -version "
             "WHERE version >= %d" % low,
             "UPDATE mast.migrations SET version = -version "
             "WHERE version < 0", "the schema has version %d, "
             "this program needs %d; run mastctl db migrate" % (
                 s.one("SELECT max(version) FROM mast.migrations "
                       "WHERE version < %s", low), low)))


def test_wrong_schema(s):
    """A start with the wrong database or schema is refused in one sentence,
    exit 78"""
    rig = Rig.of(s)
    here = "host=%s/pg dbname=mastkeeper" % s.state

    def bad(db, part):
        with open(rig.conf, "w") as f:
            f.write(rig.text(suite={"database": db}, apid={"tls": "no"}))
        for name in ("apid", "hubd"):
            code, err = rig.run_daemon(name, rig.conf)
            tap.equal(code, CONFIG, err)
            tap.contains(err, "error %s: database: " % name)
            tap.contains(err, part)
    bad("host=%s/pg dbname=postgres" % s.state,
        "there is no schema here; run mastctl")
    bad("host=%s/pg dbname=nonesuch" % s.state,
        "refuses the connection: database \"nonesuch\" does not exist")
    for change, back, part in schema_faults(s):
        s.sql(change)
        try:
            bad(here, part)
        finally:
            s.sql(back)
    tap.equal(s.readyz(), 200)


def test_schema_changes(s):
    """A schema that becomes wrong is told by /readyz; sessions stay, and
    all comes back by itself"""
    n = s.node("schema", auto=False)
    pids = dict(s.pids)
    for i, (change, back, part) in enumerate(schema_faults(s)):
        s.sql(change)
        try:
            kill_postgres(s)
            s.start_postgres(wait=False)
            doc = mast.wait_until(lambda: s.readyz() == 503 and (
                lambda a: not a[1]["checks"]["schema"]["ok"] and a[1])(
                    ready(s)), 15, "/readyz names the schema")
            tap.contains(doc["checks"]["schema"]["detail"], part)
            for name in ("apid", "hubd"):
                mast.wait_until(lambda: part in s.log(name), 10, name)
            s.nobody().get("/livez").want(200)
            away(s.nobody().post("/api/v1/auth/login", {
                "username": "admin", "password": "x"}))
            n.event(str(i))
            read_all(n)
        finally:
            s.sql(back)
        s.wait_ready()
    tap.equal(s.pids, pids)
    mast.wait_until(lambda: events_of(s, n.id) == {0: 1, 1: 1}, 15,
                    "the events of the outage")
    n.close()


def listens(port):
    try:
        socket.create_connection(("127.0.0.1", port), 5).close()
        return True
    except ConnectionRefusedError:
        return False


def test_database_away_at_start(s):
    """Without PostgreSQL the daemons start, say so, and come up by
    themselves"""
    s.admin()
    s.kill("apid", signal.SIGTERM)
    s.kill("hubd", signal.SIGTERM)
    kill_postgres(s)
    hubd = s.start("hubd", wait=False)
    apid = s.start("apid", wait=False)
    mast.wait_until(lambda: s.readyz() == 503, 15, "/readyz is 503")
    s.nobody().get("/livez").want(200)
    s.nobody().get("/health").want(200)
    r = away(s.nobody().get("/readyz"))
    tap.equal(r.json["ready"], False)
    tap.contains(r.json["checks"]["database"]["detail"], "PostgreSQL")
    away(s.admin().get("/api/v1/nodes"))
    for name in ("apid", "hubd"):
        tap.contains(s.log(name), "database: away")
    n = mast.Node(s, creds=("5d2f1c9e-0000-4000-8000-000000000000", "0" * 64))
    mast.wait_until(lambda: listens(s.node_port), 15, "hubd listens")
    try:
        n.connect()
        raise AssertionError("let in without a database")
    except ws.Closed as why:
        tap.equal(why.code, 1013)
    n.drop()
    s.start_postgres()          # waits for /readyz
    tap.equal((hubd.poll(), apid.poll()), (None, None), "the same processes")
    s.admin().get("/api/v1/nodes").want(200)


def test_database_away(s):
    """PostgreSQL goes: REST answers 503 at once, sessions stay, events wait
    and are stored once"""
    n = s.node("away", auto=False)
    admin = s.admin()
    kill_postgres(s)
    for i in range(50):
        n.event(str(i))
    read_all(n)
    for attempt in range(3):
        for method, path, body in (
                ("GET", "/api/v1/nodes", None),
                ("GET", "/api/v1/nodes/" + n.id, None),
                ("GET", "/api/v1/events", None),
                ("POST", "/api/v1/nodes", {"name": "x",
                                           "device_type": "edge"}),
                ("POST", "/api/v1/nodes/%s/command" % n.id,
                 {"action": {"type": "get_config"}}),
                ("DELETE", "/api/v1/nodes/" + n.id, None)):
            away(timed(5, lambda: admin.request(method, path, body)))
        away(timed(5, lambda: s.nobody().post("/api/v1/auth/login", {
            "username": "admin", "password": "nonsense"})))
        tap.equal(timed(5, lambda: s.readyz()), 503)
        tap.equal(timed(5, lambda: s.nobody().get("/livez").status), 200)
    s.start_postgres()
    mast.wait_until(lambda: events_of(s, n.id) ==
                    {i: 1 for i in range(50)}, 20, "each event once")
    tap.equal(admin.node(n.id)["status"], "online")
    n.event("50")
    mast.wait_until(lambda: events_of(s, n.id).get(50) == 1, 10,
                    "the same session goes on")
    n.close()


def freeze_postgres(s):
    """Stops all of it; the pids. The postmaster first: it makes no more."""
    with open(os.path.join(s.state, "db", "postmaster.pid")) as f:
        pids = [int(f.readline())]
    os.kill(pids[0], signal.SIGSTOP)
    pids += [int(p) for p in os.listdir("/proc") if p.isdigit() and
             s._parent(int(p)) == pids[0]]
    for pid in pids[1:]:
        os.kill(pid, signal.SIGSTOP)
    return pids


def test_database_hangs(s):
    """PostgreSQL neither answers nor goes: every request ends in bounded
    time, and afterwards the books balance"""
    n = s.node("hang", auto=False)
    admin = s.admin()
    path = "/api/v1/nodes/" + n.id
    answers = {}

    def ask(key, fn):
        begin = time.monotonic()
        r = fn()
        answers[key] = (r, time.monotonic() - begin)
    stopped = freeze_postgres(s)
    try:
        threads = [threading.Thread(target=ask, args=a) for a in (
            ("get", lambda: admin.get(path)),
            ("put", lambda: admin.put(path, {"description": "hangs"})),
            ("login", lambda: s.nobody().post("/api/v1/auth/login", {
                "username": "admin", "password": "nonsense"})))]
        for t in threads:
            t.start()
        for i in range(20):
            n.event(str(i))
        read_all(n)
        tap.equal(timed(2, lambda: s.nobody().get("/livez").status), 200)
        for t in threads:
            t.join(25 * mast.PATIENCE)
        tap.equal(set(answers), {"get", "put", "login"})
        for key, (r, took) in answers.items():
            away(r)
            assert took < 17 * mast.PATIENCE, (key, took)
        tap.contains(answers["put"][0].json["detail"], "may or may not")
        away(timed(2, lambda: admin.get(path)))
        tap.equal(s.readyz(), 503)
    finally:
        for pid in reversed(stopped):
            os.kill(pid, signal.SIGCONT)
    s.wait_ready()
    mast.wait_until(lambda: events_of(s, n.id) ==
                    {i: 1 for i in range(20)}, 30, "each event once")
    admin.get(path).want(200)
    n.event("20")
    mast.wait_until(lambda: events_of(s, n.id).get(20) == 1, 10,
                    "the same session goes on")
    n.close()


# ---- siblings

def test_hub_away(s):
    """Without hubd: 503 at once where it is needed, everything else works,
    and no node is called online after 15 s"""
    n = s.node("orphan")
    admin = s.admin()
    mast.wait_until(lambda: admin.node(n.id)["status"] == "online", 10,
                    "online")
    s.kill("hubd")
    begin = time.monotonic()
    mast.wait_until(lambda: ready(s)[0] == 503, 10, "/readyz is 503")
    tap.contains(ready(s)[1]["type"], "hub-away")
    for action in ({"type": "get_config"},
                   {"type": "stop_flow", "flow_id": "f"}):
        away(timed(2, lambda: admin.command(n.id, action)))
    r = timed(2, lambda: admin.get("/api/v1/nodes/%s/config" % n.id))
    away(r)
    try:
        timed(2, lambda: ws.WebSocket("127.0.0.1", s.port, "/ws/node"))
        raise AssertionError("a node was relayed to nowhere")
    except ws.Refused as why:
        tap.equal(why.status, 503)
        tap.contains(json.loads(why.body)["type"], "hub-away")
    listed = timed(2, lambda: admin.get("/api/v1/nodes")).want(200).json
    assert n.id in json.dumps(listed)
    admin.post("/api/v1/nodes", {"name": "meanwhile",
                                 "device_type": "edge"}).want(201)
    mast.wait_until(lambda: '"online"' not in json.dumps(
        admin.get("/api/v1/nodes").want(200).json), 20, "nobody is online",
        0.2)
    assert time.monotonic() - begin < 18 * mast.PATIENCE
    # A command that was refused is not sent when hubd is back.
    s.start("hubd")
    again = mast.Node(s, creds=(n.id, n.secret)).online()
    mast.wait_until(lambda: admin.node(n.id)["status"] == "online", 10,
                    "online again")
    admin.command(n.id, {"type": "stop_flow", "flow_id": "g"}).want(200)
    tap.equal([a["flow_id"] for _, a in again.commands], ["g"])
    again.close()
    n.drop()


def test_hub_frozen(s):
    """A hubd that is there but does nothing costs a request its deadline,
    not more"""
    n = s.node("frozen")
    admin = s.admin()
    os.kill(s.pids["hubd"], signal.SIGSTOP)
    try:
        out = {}
        t = threading.Thread(target=lambda: out.update(config=timed(
            8, lambda: admin.get("/api/v1/nodes/%s/config" % n.id))))
        t.start()
        timed(2, lambda: admin.get("/api/v1/nodes").want(200))
        r = timed(16, lambda: admin.command(n.id, {"type": "get_config"}))
        assert r.status in (503, 504), r
        r.problem(r.status)
        t.join(20 * mast.PATIENCE)
        assert out["config"].status in (404, 503, 504), out
    finally:
        os.kill(s.pids["hubd"], signal.SIGCONT)
    s.wait_ready()
    mast.wait_until(lambda: admin.command(
        n.id, {"type": "get_config"}).status == 200, 15, "commands again")
    n.close()


def test_aid_away(s):
    """Without aid the suite is ready, but says that it is degraded"""
    tap.equal((ready(s)[0], ready(s)[1]["degraded"]), (200, False))
    s.kill("aid")
    status, doc = mast.wait_until(lambda: (
        lambda a: a[1].get("degraded") and a)(ready(s)), 10, "degraded")
    tap.equal((status, doc["ready"]), (200, True))
    tap.contains(doc["checks"]["aid"]["detail"], "aid")
    s.admin().get("/api/v1/nodes").want(200)
    s.start("aid")
    mast.wait_until(lambda: ready(s)[1]["degraded"] is False, 10, "whole")


# ---- descriptors

class FewFiles:
    """A daemon that was started with room for only so many files; about
    half of them it needs for itself."""

    def __init__(self, s, name, limit=40):
        self.s = s
        self.name = name
        self.limit = limit

    def __enter__(self):
        s, name = self.s, self.name
        s.kill(name, signal.SIGTERM)
        with open(os.path.join(s.state, "log", name + ".log"), "a") as log:
            p = subprocess.Popen(
                ["prlimit", "--nofile=%d:%d" % (self.limit, self.limit),
                 s.program("mastkeeper-" + name), "-f", s.conf],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True)
        s.mine[name] = p
        s.pids[name] = p.pid
        s.down.discard(name)
        s.wait_ready()

    def __exit__(self, *why):
        tap.equal(self.s.restart(self.name), 0, "exit code")


def crowd(port, n):
    """Open and silent connections, from several addresses."""
    out = []
    for i in range(n):
        c = socket.socket()
        c.bind(("127.0.2.%d" % (1 + i % 20), 0))
        c.settimeout(5)
        try:
            c.connect(("127.0.0.1", port))
        except OSError:
            c.close()
            continue
        out.append(c)
    return out


def test_hub_out_of_files(s):
    """hubd without descriptors: who is connected is served, one line says
    it, and it recovers"""
    node_id, token = s.admin().node_add("late")
    before = s.log("hubd").count("out of file descriptors")
    with FewFiles(s, "hubd"):
        n = s.node("files")
        idle = crowd(s.node_port, 60)
        mast.wait_until(lambda: s.log("hubd").count(
            "out of file descriptors") > before, 10, "the log line")
        n.event("1")
        mast.wait_until(lambda: events_of(s, n.id) == {1: 1}, 10, "stored")
        s.admin().command(n.id, {"type": "stop_flow",
                                 "flow_id": "f"}).want(200)
        tap.equal(n.closed, None)
        for c in idle:
            c.close()
        late = mast.Node(s, token=token)

        def enters():
            try:
                return late.connect() == "register_ack"
            except (OSError, ws.Closed):
                return False
        mast.wait_until(enters, 15, "a new node gets in")
        told = s.log("hubd").count("out of file descriptors") - before
        assert told < 15, "%d lines" % told
        late.close()
        n.close()


def test_apid_out_of_files(s):
    """apid without descriptors: open connections are served, one line says
    it, and it recovers"""
    admin = s.admin()
    before = s.log("apid").count("out of file descriptors")
    with FewFiles(s, "apid"):
        kept = http.client.HTTPConnection("127.0.0.1", s.port, timeout=10)
        spare = socket.create_connection(("127.0.0.1", s.port), 10)
        board = admin.dashboard()

        def get():
            kept.request("GET", "/api/v1/nodes", headers={
                "Authorization": "Bearer " + admin.token})
            r = kept.getresponse()
            r.read()
            return r.status
        tap.equal(get(), 200)
        idle = crowd(s.port, 60)
        mast.wait_until(lambda: s.log("apid").count(
            "out of file descriptors") > before, 10, "the log line")
        tap.equal(get(), 200)
        tap.equal(board.recv(10)[0], ws.TEXT)
        # A relay needs a descriptor of its own: refused, not hung.
        spare.sendall(b"GET /ws/node HTTP/1.1\r\nHost: x\r\nConnection: "
                      b"Upgrade\r\nUpgrade: websocket\r\n"
                      b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: "
                      b"dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
        tap.contains(spare.recv(65536).decode(), "HTTP/1.1 503 ")
        for c in idle + [spare]:
            c.close()

        def served():
            try:
                return s.nobody().get("/health", timeout=5).status == 200
            except (OSError, http.client.HTTPException):
                return False
        mast.wait_until(served, 10, "new connections")
        tap.equal(get(), 200)
        told = s.log("apid").count("out of file descriptors") - before
        assert told < 15, "%d lines" % told
        kept.close()
        board.close()


# ---- clocks

def test_odd_times(s):
    """A node's clock decides nothing: the order is the server's"""
    n = s.node("clock", auto=False)
    stamps = ['"1970-01-01T00:00:00+00:00"', '"2999-12-31T23:59:59.9Z"',
              '"yesterday"', '12', 'null', '"0000-00-00T99:99:99Z"',
              '"2001-02-03T04:05:06.123456789+14:00"', '""']
    for i, stamp in enumerate(stamps):
        n.ws.text('{"payload":{"category":"test","message":"%d","severity":'
                  '"info"},"timestamp":%s,"type":"event"}' % (i, stamp))
    read_all(n)
    mast.wait_until(lambda: len(events_of(s, n.id)) == len(stamps), 10,
                    "all stored")
    doc = s.admin().events(node_id=n.id, category="test")
    tap.equal([e["message"] for e in doc],
              [str(i) for i in reversed(range(len(stamps)))], "newest first")
    tap.equal(s.one("SELECT bool_and(created_at BETWEEN now() - interval "
                    "'1 min' AND now()) FROM mast.events WHERE node_id = %s",
                    n.id), True)
    tap.equal(state(s, n.id), "online")
    n.close()


def test_odd_days(s):
    """A row of a day that has no partition is kept, found, and moves when
    the partition is made"""
    insert = ("INSERT INTO mast.events (created_at, node_id, node_name, "
              "severity, category, message) VALUES (now() + %s * interval "
              "'1 day', gen_random_uuid(), 'x', 'info', 'odd day', %s)")
    where = ("SELECT tableoid::regclass::text FROM mast.events WHERE "
             "category = 'odd day' AND message = %s")
    hub = s.connect_db("postgres")
    with hub.cursor() as c:
        c.execute("SET ROLE _mast_hubd")
        for days, text in ((-20000, "past"), (9, "soon"), (30000, "future")):
            c.execute(insert, (days, text))
    hub.close()
    for text in ("past", "soon", "future"):
        tap.equal(s.sql(where, text), [("mast.events_default",)], text)
    s.sql("SELECT mast.ensure_partitions(10)")
    moved = s.sql(where, "soon")
    assert len(moved) == 1 and moved[0][0] != "mast.events_default", moved
    s.sql("SELECT mast.drop_old_partitions()")
    tap.equal(s.sql(where, "past"), [])
    tap.equal(len(s.sql(where, "future")), 1)
    s.sql("DELETE FROM mast.events WHERE category = 'odd day'")


def test_still_there(s):
    """After all that the suite is ready and serves"""
    s.wait_ready()
    n = s.node("last")
    s.admin().command(n.id, {"type": "get_config"}).want(200)
    n.close()


if __name__ == "__main__":
    mast.main(sys.modules[__name__])
