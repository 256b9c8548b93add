#!/usr/bin/python3
"""What a sysadmin reaches for when something is wrong: doctor with each
fault planted, report without a secret, backup and restore, config."""
import json
import os
import shutil
import subprocess
import sys
import threading

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import mast
import tap
from mast import PATIENCE, wait_until


class Other:
    """A second installation in the same PostgreSQL, without daemons."""

    def __init__(self, s, name, more=""):
        self.s = s
        self.name = name
        self.base = os.path.join(s.dir, name)
        os.mkdir(self.base)
        os.chmod(self.base, 0o755)
        self.lib = os.path.join(self.base, "lib")
        self.run = os.path.join(self.base, "run")
        self.conf = os.path.join(self.base, "m.conf")
        self.text = ("[suite]\nstate_dir = %s\nrun_dir = %s\n"
                     "database = host=%s/pg dbname=%s\n%s" % (
                         self.lib, self.run, s.state, name, more))
        self.write(self.text)

    def write(self, text):
        with open(self.conf, "w") as f:
            f.write(text)

    def ctl(self, *args, want=0, sql=None):
        r = subprocess.run(
            [self.s.program("mastctl"), "-f", self.conf, "--json", *args],
            capture_output=True, text=True, stdin=subprocess.DEVNULL,
            env=dict(os.environ, MAST_SQL_DIR=sql or os.path.join(
                mast.SRC, "sql")), timeout=60 * PATIENCE)
        if want is not None and r.returncode != want:
            raise AssertionError("%s: %d %s%s" % (
                args, r.returncode, r.stdout, r.stderr))
        return r

    def setup(self):
        return json.loads(self.ctl("setup", *superuser(self.s)).stdout)

    def path(self, name):
        return os.path.join(self.lib, name)

    def sql(self, text):
        subprocess.run(
            [os.path.join(self.s.pgbin, "psql"), "-Xq", "-v",
             "ON_ERROR_STOP=1", "-h", self.s.state + "/pg", "-U",
             "postgres", "-d", self.name, "-c", text], check=True,
            capture_output=True)

    def wrong(self, sql=None):
        r = self.ctl("doctor", want=None, sql=sql)
        doc = json.loads(r.stdout)
        return r.returncode, [f for f in doc["findings"]
                              if f["level"] != "ok"]


def superuser(s):
    return ("--superuser-conninfo", "host=%s/pg user=postgres" % s.state)


class Planted:
    """A file that is another for a while."""

    def __init__(self, path, data=None, mode=None):
        self.path, self.data, self.mode = path, data, mode

    def __enter__(self):
        st = os.stat(self.path)
        self.was = st.st_mode & 0o7777
        if self.data is not None or self.mode is None:
            with open(self.path, "rb") as f:
                self.old = f.read()
            os.unlink(self.path)
            if self.data is not None:
                with open(self.path, "wb") as f:
                    f.write(self.data)
                os.chmod(self.path, self.was)
        if self.mode is not None:
            os.chmod(self.path, self.mode)

    def __exit__(self, *why):
        if self.data is not None or self.mode is None:
            if os.path.exists(self.path):
                os.unlink(self.path)
            with open(self.path, "wb") as f:
                f.write(self.old)
        os.chmod(self.path, self.was)


class Sql:
    def __init__(self, o, plant, mend):
        self.o, self.plant, self.mend = o, plant, mend

    def __enter__(self):
        self.o.sql(self.plant)

    def __exit__(self, *why):
        self.o.sql(self.mend)


class Moved:
    def __init__(self, path):
        self.path = path

    def __enter__(self):
        os.rename(self.path, self.path + ".away")

    def __exit__(self, *why):
        os.rename(self.path + ".away", self.path)


class Conf:
    def __init__(self, o, text):
        self.o, self.text = o, text

    def __enter__(self):
        self.o.write(self.text)

    def __exit__(self, *why):
        self.o.write(self.o.text)


def certificate(s, days, name):
    """A pair in PEM, whose end may be in the past."""
    base = os.path.join(s.dir, name)
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
         "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=test", "-keyout",
         base + ".key", "-out", base + ".crt", "-days", str(days)],
        check=True, capture_output=True)
    with open(base + ".crt", "rb") as c, open(base + ".key", "rb") as k:
        return c.read(), k.read()


class Pair:
    def __init__(self, o, chain, key):
        self.a = Planted(o.path("tls.crt"), chain)
        self.b = Planted(o.path("tls.key"), key)

    def __enter__(self):
        self.a.__enter__()
        self.b.__enter__()

    def __exit__(self, *why):
        self.b.__exit__()
        self.a.__exit__()


def faults(s, o):
    """(what is planted, check that must fail, words of text or cure)"""
    soon = certificate(s, 5, "soon")
    other = certificate(s, 300, "other")
    yield Conf(o, o.text + "nonsense\n"), "configuration", "--config-keys"
    yield Conf(o, o.text + "log_level = loud\n"), "configuration", "log_level"
    yield Moved(o.conf), "configuration", "mastctl setup"
    yield Conf(o, o.text + "user_apid = nobody-here\n"), "account", \
        "useradd"
    yield Moved(o.lib), "state folder", "mastctl setup"
    yield Planted(o.lib, mode=0o777), "state folder", "chmod go-w"
    yield Moved(o.run), "socket folder", "mastctl setup"
    yield Planted(o.run, mode=0o777), "socket folder", "chmod go-w"
    for name, check in (("server.key", "server key"),
                        ("aid.key", "aid key"),
                        ("audit.key", "audit key")):
        yield Moved(o.path(name)), check, "mastctl setup"
        yield Planted(o.path(name), mode=0o444), check, "chmod 0400"
        yield Planted(o.path(name), b"short"), check, "backup"
    yield Planted(o.path("tls.key"), mode=0o444), "TLS key", "chmod 0400"
    yield Moved(o.path("tls.key")), "TLS key", "mastctl setup"
    yield Moved(o.path("tls.crt")), "certificate", "mastctl setup"
    yield Planted(o.path("tls.crt"), b"no pem"), "certificate", "pair"
    yield Planted(o.path("tls.key"), other[1]), "certificate", "one pair"
    yield Pair(o, *soon), "certificate", "renew"
    yield Conf(o, o.text.replace("dbname=", "dbname=no-such-")), \
        "database", "start PostgreSQL"
    yield Sql(o, "ALTER ROLE _mast_apid NOLOGIN",
              "ALTER ROLE _mast_apid LOGIN"), "roles", "mastctl setup"
    yield Sql(o, "ALTER ROLE _mast_hubd BYPASSRLS",
              "ALTER ROLE _mast_hubd NOBYPASSRLS"), "roles", "too much"
    yield Sql(o, "SET session_replication_role = replica; "
              "UPDATE mast.users SET is_active = false",
              "UPDATE mast.users SET is_active = true"), "administrator", \
        "user add"
    yield Sql(o, "ALTER ROLE _mast_ctl SET synchronous_commit = off",
              "ALTER ROLE _mast_ctl RESET synchronous_commit"), \
        "durability", "synchronous_commit"
    yield Sql(o, "UPDATE mast.migrations SET sha256 = repeat('0', 64) "
              "WHERE version = 2", "SELECT 1"), "schema", "SQL files"


def test_doctor_finds(s):
    """Each fault that is planted is named, with a cure."""
    o = Other(s, "ill")
    o.setup()
    o.sql("SELECT mast.ensure_partitions(3)")
    _, plain = o.wrong()
    usual = {f["check"] for f in plain}
    for daemon in mast.DAEMONS:         # none runs for this one
        if daemon not in usual:
            raise AssertionError("%s is not missed: %r" % (daemon, plain))
    found = 3
    for plant, check, words in faults(s, o):
        if check in usual and check != "account":
            raise AssertionError("%s is wrong before: %r" % (check, plain))
        with plant:
            code, wrong = o.wrong()
        said = [f for f in wrong if f["check"] == check]
        if not any(words in (f["fix"] or "") + f["text"] for f in said):
            if check == "account" and os.getuid() != 0:
                continue                # only root has them
            raise AssertionError("%s not found with %r: %r" % (
                check, words, wrong))
        if not all(f["fix"] for f in said):
            raise AssertionError("no cure: %r" % said)
        if any(f["level"] == "wrong" for f in said):
            tap.equal(code, 1, "exit code for " + check)
        found += 1
    if found < 20:
        raise AssertionError("only %d faults were planted" % found)
    print("# %d faults" % found)


def test_doctor_unready(s):
    """Daemons that answer and serve nobody are a finding"""
    with s.without_database():
        doc = s.ctl("doctor", json_out=True, want=1)
        said = [f for f in doc["findings"] if f["check"] == "requests"]
        tap.equal([f["level"] for f in said], ["wrong"])
        tap.contains(said[0]["text"], "are not served: ")
        tap.contains(said[0]["fix"], "log")
    s.wait_ready()


def test_without_aid(s):
    """A site without aid lacks nothing: neither doctor nor status minds"""
    alone = os.path.join(s.dir, "alone")
    os.mkdir(alone)
    program = shutil.copy(s.program("mastctl"), alone)

    def ctl(*args):
        r = subprocess.run([program, "-f", s.conf, "--json", *args],
                           capture_output=True, text=True,
                           timeout=60 * PATIENCE)
        return r.returncode, json.loads(r.stdout)
    s.kill("aid")
    tap.equal(s.ctl("status", json_out=True, want=2)["running"], 2)
    code, doc = ctl("status")
    tap.equal((code, doc["running"]), (0, 2))
    code, doc = ctl("doctor")
    said = [f for f in doc["findings"] if f["check"] == "aid"]
    tap.equal([(f["level"], f["text"]) for f in said],
              [("ok", "not installed: nothing here can call out")])
    tap.equal(code, 0, doc)
    s.start("aid")


def test_report(s):
    """A report says much, and nothing secret, no name, no address."""
    s.node("secret-node-name")
    s.user_add("secret-user-name", "viewer")
    text = s.ctl("report")
    for word in ("== versions", "== configuration", "== daemons",
                 "== database", "== findings", "schema version", "hubd:"):
        tap.contains(text, word)
    for bad in ("secret-node-name", "secret-user-name", s.dir, "127.0.0.1",
                s.info["admin"]["password"], s.nodes[-1].secret,
                s.nodes[-1].id, os.uname().nodename + " "):
        if bad in text:
            raise AssertionError("%r is in the report" % bad)


def test_backup_restore(s):
    """What was saved comes back in an empty database, whole, once."""
    a = Other(s, "olda")
    doc = a.setup()
    tap.equal(doc["ok"], True)
    a.ctl("node", "add", "kept-node")
    a.ctl("user", "add", "--generate", "kept-user")
    a.ctl("audit", "seal")
    folder = os.path.join(s.dir, "saved")
    a.ctl("backup", folder)
    tap.equal(os.stat(folder).st_mode & 0o777, 0o700, "mode of the folder")
    subprocess.run(["b2sum", "--quiet", "-c", "B2SUMS"], cwd=folder,
                   check=True)
    a.ctl("backup", folder, want=6)             # never over another one
    a.ctl("restore", folder, want=6)            # the database is not empty
    b = Other(s, "newb")
    b.ctl("restore", folder, "--dry-run", *superuser(s))
    with Planted(os.path.join(folder, "server.key"), b"x" * 32):
        b.ctl("restore", folder, *superuser(s), want=5)
    with Moved(os.path.join(folder, "B2SUMS")):
        b.ctl("restore", folder, *superuser(s), want=4)
    if os.path.exists(b.lib):
        raise AssertionError("a refusal left something behind")
    b.ctl("restore", folder, *superuser(s))
    steps = {x["step"]: x["state"] for x in b.setup()["steps"]}
    for step in ("server key", "aid key", "audit key", "certificate",
                 "schema", "administrator"):
        tap.equal(steps[step], "kept", step)
    nodes = json.loads(b.ctl("node", "list").stdout)
    tap.equal([n["name"] for n in nodes], ["kept-node"])
    users = json.loads(b.ctl("user", "list").stdout)
    tap.equal(sorted(u["username"] for u in users), ["admin", "kept-user"])
    b.ctl("db", "verify")
    b.ctl("audit", "verify")
    # onto a host that has seen a later head: it is kept aside
    a.ctl("node", "add", "after-the-backup")
    a.ctl("audit", "seal")
    a.sql("DROP SCHEMA mast CASCADE")
    a.ctl("restore", folder, *superuser(s))
    kept = [f for f in os.listdir(a.lib) if f.startswith(
        "audit.head.before-")]
    tap.equal(len(kept), 1, "heads put away")
    a.ctl("audit", "verify")
    tap.equal(len(json.loads(a.ctl("node", "list").stdout)), 1)


class Watching:
    """mastctl running on, and its lines."""

    def __init__(self, s, *args):
        self.lines = []
        self.proc = subprocess.Popen(
            [s.program("mastctl"), "-f", s.conf, "--json", *args],
            stdout=subprocess.PIPE, text=True, stdin=subprocess.DEVNULL)
        self.thread = threading.Thread(target=self._read, daemon=True)
        self.thread.start()

    def _read(self):
        for line in self.proc.stdout:
            self.lines.append(json.loads(line))

    def wait(self, cond, what):
        wait_until(lambda: any(cond(x) for x in self.lines), 20, what)

    def stop(self):
        self.proc.terminate()
        self.proc.wait()
        self.thread.join(5)
        self.proc.stdout.close()


def test_watch(s):
    """event tail and node watch show what happens, each thing once."""
    node = s.node("watched")
    other = s.node("unwatched")
    node.event("before")
    other.event("of another")
    wait_until(lambda: "before" in s.ctl("event", "tail"), 10, "the event")
    s.ctl("event", "tail", "--lines", "0", want=64)
    s.ctl("event", "tail", "--node", "nobody", want=4)
    tail = Watching(s, "event", "tail", "--follow", "--node", "watched")
    state = Watching(s, "node", "watch", "watched")
    tail.wait(lambda x: x["message"] == "before", "the old event")
    state.wait(lambda x: x["status"] == "online", "the state")
    for i in range(3):
        node.event("new %d" % i)
        other.event("of another")
    tail.wait(lambda x: x["message"] == "new 2", "the new events")
    node.close()
    state.wait(lambda x: x["status"] == "offline", "its end")
    tail.stop()
    state.stop()
    seen = [x["message"] for x in tail.lines]
    tap.equal([m for m in seen if m.startswith("new")],
              ["new 0", "new 1", "new 2"], "each once, in order")
    if "of another" in seen:
        raise AssertionError("events of another node: %r" % seen)
    s.ctl("node", "watch", "nobody", want=4)


def test_config(s):
    """config show prints the file; config check asks every program."""
    with open(s.conf) as f:
        tap.equal(s.ctl("config", "show"), f.read())
    out = s.ctl("config", "check", json_out=True)
    tap.equal(out, {"mastctl": "ok", "apid": "ok", "hubd": "ok",
                    "aid": "ok"})
    o = Other(s, "conf", "[hubd]\nhandshakes = 0\n")
    r = o.ctl("config", "check", want=78)
    tap.equal(json.loads(r.stdout)["hubd"], "wrong")
    tap.contains(r.stderr, "handshakes")


def test_completion(s):
    """Every command and option is completed; other shells are refused."""
    text = s.ctl("completion", "fish")
    for line in s.ctl("--help").splitlines():
        if line.startswith("  ") and not line.startswith("  -"):
            for word in line.split()[:1]:
                tap.contains(text, "-a " + word)
    s.ctl("completion", "tcsh", want=64)


def test_no_manager(s):
    """start, stop and reload say that nothing manages these daemons."""
    for verb in ("start", "stop", "reload"):
        s.ctl(verb, want=69)


if __name__ == "__main__":
    mast.main(sys.modules[__name__], nodes=0)
