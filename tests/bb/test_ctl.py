#!/usr/bin/python3
"""mastctl and quickstart, against a real installation."""
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import mast     # noqa: E402
import tap      # noqa: E402

PASSWORD = "Correct-Horse-7\n"


def audit(s, action):
    return s.sql("SELECT actor_kind, actor_name, target_id, details "
                 "FROM mast.audit WHERE action = %s ORDER BY id DESC",
                 action)


# ---- the frame

def test_version_and_help(s):
    """--version and --help print and end with 0"""
    tap.contains(s.ctl("--version"), "mastctl 0.")
    text = s.ctl("--help")
    for word in ("setup", "db migrate", "node token", "--json"):
        tap.contains(text, word)


def test_usage(s):
    """wrong usage ends with 64 and changes nothing"""
    for args in ((), ("nonsense",), ("db",), ("db", "nonsense"),
                 ("user", "add"), ("user", "add", "a", "b"),
                 ("--nonsense",), ("node", "add", "--nonsense", "x"),
                 ("node", "add", "--type", "toaster", "x"),
                 ("node", "add", "--token-hours", "0", "x"),
                 ("node", "add", "--token-hours", "-1", "x"),
                 ("node", "add", ""), ("node", "list", "--type", "x"),
                 ("user", "add", "--role", "root", "someone"),
                 ("user", "add", "-bad-", "--role", "viewer"),
                 ("user", "add", "--email", "nobody", "someone")):
        s.ctl(*args, want=64)
    tap.equal(s.one("SELECT count(*) FROM mast.users"), 1)


def test_configuration(s):
    """a bad or missing configuration ends with 78"""
    def run(text):
        path = os.path.join(s.dir, "bad.conf")
        with open(path, "w") as f:
            f.write(text)
        r = subprocess.run([s.program("mastctl"), "-f", path, "db",
                            "status"], capture_output=True, text=True)
        tap.equal(r.returncode, 78, text)
        return r.stderr
    tap.contains(run("[suite]\nnonsense = 1\n"), ":2:")
    tap.contains(run("[nonsense]\n"), ":1:")
    tap.contains(run("[ctl]\nsql_dir = relative\n"), "absolute")
    r = subprocess.run([s.program("mastctl"), "-f", "/nonexistent/x.conf",
                        "status"], capture_output=True, text=True)
    tap.equal(r.returncode, 78)
    tap.contains(r.stderr, "mastctl setup")


def test_json_error(s):
    """with --json a failure is an object with its exit code"""
    r = subprocess.run([s.program("mastctl"), "-f", s.conf, "--json", "node",
                        "show", "nobody"], capture_output=True, text=True)
    tap.equal(r.returncode, 4)
    tap.equal(json.loads(r.stdout)["exit"], 4)


# ---- setup

def test_setup_again(s):
    """setup keeps everything when it is run again"""
    before = {n: open(os.path.join(s.state, "lib", n), "rb").read()
              for n in ("server.key", "aid.key", "audit.key",
                        "audit.pub", "tls.crt", "tls.key")}
    doc = s.ctl("setup", "--superuser-conninfo",
                "host=%s/pg user=postgres" % s.state, json_out=True)
    tap.equal(doc["ok"], True)
    tap.equal(doc["admin"], None)
    tap.equal([x for x in doc["steps"] if x["state"] == "made"], [])
    for n, data in before.items():
        tap.equal(open(os.path.join(s.state, "lib", n), "rb").read(), data)
    tap.equal(s.one("SELECT count(*) FROM mast.users"), 1)


def test_setup_modes(s):
    """keys are readable by their owner only"""
    for n, mode in (("server.key", 0o400), ("aid.key", 0o400),
                    ("audit.key", 0o400), ("audit.pub", 0o444),
                    ("tls.key", 0o400), ("tls.crt", 0o444)):
        st = os.stat(os.path.join(s.state, "lib", n))
        tap.equal(oct(st.st_mode & 0o777), oct(mode), n)
        tap.equal(st.st_uid, os.getuid(), n)
    tap.equal(os.path.getsize(os.path.join(s.state, "lib", "server.key")),
              32)


def ctl(s, conf, *args, stdin="", sql=None):
    r = subprocess.run(
        [s.program("mastctl"), "-f", conf, "--json"] + list(args),
        input=stdin, capture_output=True, text=True,
        env=dict(os.environ, MAST_SQL_DIR=sql or
                 os.path.join(mast.SRC, "sql")))
    return r.returncode, (json.loads(r.stdout) if r.stdout else None)


def superuser(s):
    return ("--superuser-conninfo", "host=%s/pg user=postgres" % s.state)


def test_setup_from_nothing(s):
    """setup makes each thing, the password from standard input"""
    conf = s.fresh_conf("fromnothing")
    code, doc = ctl(s, conf, "setup", "--dry-run", *superuser(s))
    tap.equal(code, 0)
    states = {x["step"]: x["state"] for x in doc["steps"]}
    tap.equal(states["server key"], "missing")
    tap.equal(states["database"], "missing")
    tap.equal(os.path.exists(os.path.join(s.dir, "fromnothing", "lib")),
              False, "dry run")
    code, doc = ctl(s, conf, "setup", "--password-stdin", "--admin", "root1",
                    *superuser(s), stdin="weak\n")
    tap.equal(code, 5, "weak password")
    code, doc = ctl(s, conf, "setup", "--password-stdin", "--admin", "root1",
                    *superuser(s), stdin=PASSWORD)
    tap.equal(code, 0)
    tap.equal(doc["admin"], None, "a given password is not printed")
    states = {x["step"]: x["state"] for x in doc["steps"]}
    for step in ("server key", "aid key", "audit key",
                 "audit public", "certificate", "database",
                 "schema", "administrator", "state folder"):
        tap.equal(states[step], "made", step)
    code, doc = ctl(s, conf, "user", "list")
    tap.equal([(u["username"], u["role"]) for u in doc],
              [("root1", "super_admin")])


def test_setup_half_pair(s):
    """setup refuses a certificate without its key"""
    conf = s.fresh_conf("halfpair")
    lib = os.path.join(s.dir, "halfpair", "lib")
    os.mkdir(lib)
    open(os.path.join(lib, "tls.crt"), "w").close()
    code, doc = ctl(s, conf, "setup", *superuser(s))
    tap.equal(code, 78)
    tap.contains(doc["error"], "tls.key")


def test_setup_no_server(s):
    """setup without PostgreSQL ends with 69"""
    conf = s.fresh_conf("noserver")
    code, doc = ctl(s, conf, "setup", "--superuser-conninfo",
                    "host=/nonexistent user=postgres")
    tap.equal(code, 69)


# ---- the schema

def test_db_status(s):
    """db status and db verify agree with the database"""
    doc = s.ctl("db", "status", json_out=True)
    top = s.one("SELECT max(version) FROM mast.migrations")
    tap.equal((doc["version"], doc["newest"], doc["pending"]),
              (top, top, []))
    tap.equal(s.ctl("db", "verify", json_out=True)["state"], "verified")
    tap.equal(s.ctl("db", "migrate", json_out=True)["state"], "current")


def test_db_verify_drift(s):
    """db verify sees what somebody changed by hand"""
    for change, back in (
            ("ALTER TABLE mast.nodes ADD COLUMN extra text",
             "ALTER TABLE mast.nodes DROP COLUMN extra"),
            ("GRANT DELETE ON mast.audit TO _mast_apid",
             "REVOKE DELETE ON mast.audit FROM _mast_apid"),
            ("ALTER TABLE mast.nodes NO FORCE ROW LEVEL SECURITY",
             "ALTER TABLE mast.nodes FORCE ROW LEVEL SECURITY")):
        s.sql(change)
        try:
            s.ctl("db", "verify", want=1)
        finally:
            s.sql(back)
    s.ctl("db", "verify")


def copy_sql(s, name):
    path = os.path.join(s.dir, name)
    shutil.copytree(os.path.join(mast.SRC, "sql"), path)
    os.chmod(path, 0o755)
    for f in os.listdir(path):
        os.chmod(os.path.join(path, f), 0o644)
    return path


def remake_manifest(path):
    names = sorted(n for n in os.listdir(path)
                   if n[0].isdigit() and n.endswith(".sql"))
    out = subprocess.run(["sha256sum"] + names, cwd=path, check=True,
                         capture_output=True, text=True).stdout
    with open(os.path.join(path, "manifest"), "w") as f:
        f.write(out)


def test_db_changed_file(s):
    """a file that differs from the manifest, or was changed since it was
    applied, is refused"""
    path = copy_sql(s, "sqlchanged")
    with open(os.path.join(path, "0001_tables.sql"), "a") as f:
        f.write("-- later\n")
    code, doc = ctl(s, s.conf, "db", "status", sql=path)
    code, doc = ctl(s, s.conf, "db", "status", "--sql-dir", path)
    tap.equal(code, 5)
    tap.contains(doc["error"], "0001_tables.sql")
    remake_manifest(path)
    code, doc = ctl(s, s.conf, "db", "status", "--sql-dir", path)
    tap.equal(code, 5)
    tap.contains(doc["error"], "after it was applied")
    code, doc = ctl(s, s.conf, "db", "migrate", "--sql-dir", path)
    tap.equal(code, 5)


def test_db_missing_file(s):
    """an applied file that is missing, and a stray one, are refused"""
    path = copy_sql(s, "sqlmissing")
    os.unlink(os.path.join(path, "0002_functions.sql"))
    code, doc = ctl(s, s.conf, "db", "status", "--sql-dir", path)
    tap.equal(code, 5)
    remake_manifest(path)
    code, doc = ctl(s, s.conf, "db", "status", "--sql-dir", path)
    tap.equal(code, 5)
    path = copy_sql(s, "sqlstray")
    open(os.path.join(path, "0900_stray.sql"), "w").close()
    code, doc = ctl(s, s.conf, "db", "status", "--sql-dir", path)
    tap.equal(code, 5)
    tap.contains(doc["error"], "0900_stray.sql")


def test_db_migrate(s):
    """pending files are applied in order, a failing one leaves no trace,
    and -- no-transaction files may build indexes concurrently"""
    conf = s.fresh_conf("migr")
    code, _ = ctl(s, conf, "setup", *superuser(s))
    tap.equal(code, 0)
    path = copy_sql(s, "sqlnew")
    with open(os.path.join(path, "0900_more.sql"), "w") as f:
        f.write("CREATE TABLE mast.more (x integer);\n"
                "ALTER TABLE mast.more OWNER TO _mast_ctl;\n")
    with open(os.path.join(path, "0901_index.sql"), "w") as f:
        f.write("-- no-transaction\nCREATE INDEX CONCURRENTLY IF NOT EXISTS "
                "more_x\n    ON mast.more (x);\n")
    with open(os.path.join(path, "0902_broken.sql"), "w") as f:
        f.write("CREATE TABLE mast.never (x integer);\nSELECT 1/0;\n")
    remake_manifest(path)
    code, doc = ctl(s, conf, "db", "status", "--sql-dir", path)
    tap.equal(code, 0)
    tap.equal(len(doc["pending"]), 3)
    code, doc = ctl(s, conf, "db", "migrate", "--dry-run", "--sql-dir", path)
    tap.equal((code, len(doc["pending"])), (0, 3))
    code, doc = ctl(s, conf, "db", "verify", "--sql-dir", path)
    tap.equal(code, 1)
    code, doc = ctl(s, conf, "db", "migrate", "--sql-dir", path)
    tap.equal(code, 1)
    tap.contains(doc["error"], "zero")
    code, doc = ctl(s, conf, "db", "status", "--sql-dir", path)
    tap.equal(doc["version"], 901)
    tap.equal(doc["pending"], ["0902_broken.sql"])
    os.unlink(os.path.join(path, "0902_broken.sql"))
    remake_manifest(path)
    code, doc = ctl(s, conf, "db", "verify", "--sql-dir", path)
    tap.equal(code, 1, "schema.sql does not know the new table")
    tap.contains(doc["error"], "more")
    # And back to the older files, which this schema still serves.
    code, doc = ctl(s, conf, "db", "status")
    tap.equal((code, doc["state"], doc["pending"]), (0, "newer", []))


SERVES = ("CREATE OR REPLACE FUNCTION mast.schema_serves() RETURNS integer "
          "LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp "
          "AS $$ SELECT %d $$;\n")


def test_db_expand(s):
    """daemons and mastctl of before go on with a newer schema that only
    adds, and refuse one that breaks them, in a sentence"""
    def apply(name, text):
        with open(os.path.join(path, name), "w") as f:
            f.write(text)
        remake_manifest(path)
        code, _ = ctl(s, s.conf, "db", "migrate", "--sql-dir", path)
        tap.equal(code, 0)

    def cut():
        s.sql("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
              "WHERE usename IN ('_mast_apid', '_mast_hubd')")
    was = s.one("SELECT mast.schema_serves()")
    path = copy_sql(s, "sqlexpand")
    node = s.node("expand")
    try:
        apply("0950_adds.sql", "ALTER TABLE mast.nodes ADD COLUMN later text;"
              "\nCREATE TABLE mast.later (x integer);\n")
        cut()
        s.wait_ready()
        for name in ("hubd", "apid"):
            s.restart(name)
        node.online()
        mast.wait_until(lambda: s.admin().node(node.id)["status"] ==
                        "online", 20, "a node comes")
        code, doc = ctl(s, s.conf, "db", "migrate")
        tap.equal((code, doc["state"], doc["version"]), (0, "newer", 950))
        node.close()
        apply("0951_breaks.sql", SERVES % 951 +
              "ALTER TABLE mast.later ADD COLUMN y integer;\n")
        code, doc = ctl(s, s.conf, "db", "migrate")
        tap.equal(code, 5)
        tap.contains(doc["error"], "0950_adds.sql")
        cut()
        mast.wait_until(lambda: s.readyz() == 503, 20, "/readyz says so")
        s.kill("apid", signal.SIGTERM)
        r = subprocess.run([s.program("mastkeeper-apid"), "-f", s.conf],
                           capture_output=True, text=True, timeout=60)
        tap.equal(r.returncode, 78, r.stderr)
        tap.contains(r.stderr, "the schema has version 951, this program "
                     "knows only up to")
    finally:
        s.sql("DELETE FROM mast.migrations WHERE version >= 950; "
              "DROP TABLE IF EXISTS mast.later; "
              "ALTER TABLE mast.nodes DROP COLUMN IF EXISTS later; " +
              SERVES % was)
        if "apid" in s.down:
            s.start("apid")
        s.wait_ready()


# ---- users

def test_user_add(s):
    """user add: the password from standard input, audit row, no repeat"""
    s.ctl("user", "add", "--role", "operator", "--email", "kim@example.org",
          "kim", stdin=PASSWORD)
    row = [u for u in s.ctl("user", "list", json_out=True)
           if u["username"] == "kim"][0]
    tap.equal((row["role"], row["email"], row["is_active"]),
              ("operator", "kim@example.org", True))
    kind, name, target, details = audit(s, "user.create")[0]
    tap.equal((kind, name, target), ("system", "mastctl", row["id"]))
    tap.equal(details["username"], "kim")
    s.ctl("user", "add", "kim", stdin=PASSWORD, want=6)
    for bad in ("short1A\n", "nouppercase1\n", "NOLOWERCASE1\n",
                "NoDigitsHere\n", "x" * 129 + "A1\n"):
        s.ctl("user", "add", "lee", stdin=bad, want=5)
    s.ctl("user", "add", "lee", stdin="", want=64)
    s.session_for("kim", PASSWORD.strip())
    tap.equal(s.one("SELECT count(*) FROM mast.users WHERE password_hash "
                    "LIKE '%%Correct%%'"), 0)


def test_user_generate(s):
    """user add --generate prints a password that works, once"""
    doc = s.ctl("user", "add", "--generate", "max", json_out=True)
    session = s.session_for("max", doc["password"])
    tap.equal(session.user["role"], "viewer")


def test_user_passwd(s):
    """user passwd ends the sessions and leaves an audit row"""
    s.ctl("user", "add", "pat", stdin=PASSWORD)
    session = s.session_for("pat", PASSWORD.strip())
    session.get("/api/v1/nodes").want(200)
    s.ctl("user", "passwd", "pat", stdin="Another-Word-8\n")
    mast.wait_until(lambda: session.get("/api/v1/nodes").status == 401, 5,
                    "the old session is refused")
    s.session_for("pat", "Another-Word-8")
    tap.equal(audit(s, "user.password")[0][0], "system")
    s.ctl("user", "passwd", "nobody", stdin=PASSWORD, want=4)


# ---- nodes

def test_user_disable(s):
    """A disabled user is out at once, an enabled one signs in again"""
    s.user_add("switched", "viewer")
    c = s.session_for("switched")
    c.get("/api/v1/auth/me").want(200)
    doc = s.ctl("user", "disable", "switched", json_out=True)
    tap.equal((doc["username"], doc["is_active"], doc["ended"]),
              ("switched", False, 1))
    mast.wait_until(lambda: c.get("/api/v1/auth/me").status == 401, 3,
                    "the end of the session")
    tap.equal(mast.Session(s, source="127.5.0.1").signin(
        "switched", "Passw0rd-x").status, 401)
    tap.contains(s.ctl("user", "enable", "switched"), "switched")
    s.session_for("switched")
    s.ctl("user", "disable", "nobody-such", want=4)
    s.ctl("user", "enable", "nobody-such", want=4)
    name = s.info["admin"]["username"]
    others = s.sql("UPDATE mast.users SET is_active = false WHERE role = "
                   "'super_admin' AND username <> %s RETURNING id", name)
    s.ctl("user", "disable", name, want=5)
    for (who,) in others:
        s.sql("UPDATE mast.users SET is_active = true WHERE id = %s", who)
    s.admin().get("/api/v1/auth/me").want(200)
    tap.equal(s.sql("SELECT action, details->>'is_active' FROM mast.audit "
                    "WHERE actor_name = 'mastctl' AND details->>'username' "
                    "= 'switched' AND action = 'user.update' ORDER BY id"),
              [("user.update", "false"), ("user.update", "true")])


def test_user_sessions(s):
    """The open sessions of a user are listed and ended"""
    s.user_add("many-sessions", "viewer")
    both = [s.session_for("many-sessions") for _ in range(2)]
    rows = s.ctl("user", "sessions", "many-sessions", json_out=True)
    tap.equal([r["address"] for r in rows],
              [c.source for c in reversed(both)])
    tap.contains(s.ctl("user", "sessions", "many-sessions"), both[0].source)
    doc = s.ctl("user", "sessions", "--end", "many-sessions", json_out=True)
    tap.equal((doc["username"], doc["ended"]), ("many-sessions", 2))
    for c in both:
        mast.wait_until(lambda: c.get("/api/v1/auth/me").status == 401, 3,
                        "the end")
    tap.equal(s.ctl("user", "sessions", "many-sessions", json_out=True), [])
    s.ctl("user", "sessions", "nobody-such", want=4)
    s.ctl("user", "sessions", "--end", "nobody-such", want=4)
    s.ctl("user", "sessions", want=64)


def test_tokens(s):
    """API tokens are listed without their text and ended by their id"""
    s.user_add("token-owner", "operator")
    c = s.session_for("token-owner")
    made = c.post("/api/v1/tokens", {
        "name": "ci", "max_role": "viewer", "read_only": True,
        "node_ids": []}).want(201).json
    rows = s.ctl("token", "list", "--user", "token-owner", json_out=True)
    tap.equal(len(rows), 1)
    tap.equal([rows[0][k] for k in ("id", "username", "name", "max_role",
                                    "read_only", "node_ids", "valid",
                                    "last_used_at")],
              [made["id"], "token-owner", "ci", "viewer", True, [], True,
               None])
    text = s.ctl("token", "list")
    tap.contains(text, made["id"])
    assert made["token"][4:] not in text
    p = mast.Session(s, bearer=True)
    p.token = made["token"]
    p.get("/api/v1/auth/me").want(200)
    tap.equal(s.ctl("token", "revoke", made["id"], json_out=True),
              {"id": made["id"], "username": "token-owner", "name": "ci"})
    mast.wait_until(lambda: p.get("/api/v1/auth/me").status == 401, 3,
                    "the end of the token")
    s.ctl("token", "revoke", made["id"], want=4)
    s.ctl("token", "revoke", "x", want=4)
    s.ctl("token", "list", "--user", "nobody-such", want=4)
    tap.equal(s.sql("SELECT actor_kind, details->>'name' FROM mast.audit "
                    "WHERE action = 'token.delete' AND target_id = %s",
                    made["id"]), [("system", "ci")])


def test_node_add(s):
    """node add prints a token that registers a node; only a hash is kept"""
    doc = s.ctl("node", "add", "--type", "relay", "--description", "in Oslo",
                "relay-1", json_out=True)
    tap.equal((doc["name"], doc["device_type"]), ("relay-1", "relay"))
    token = doc["registration_token"]
    tap.equal(s.one("SELECT count(*) FROM mast.node_tokens WHERE "
                    "encode(token_hash, 'escape') LIKE '%%' || %s || '%%'",
                    token), 0)
    tap.equal(audit(s, "node.create")[0][2], doc["id"])
    n = mast.Node(s, token=token, protocol=1, version="0.2.3").online()
    tap.equal(n.id, doc["id"])
    mast.wait_until(lambda: s.ctl("node", "show", "relay-1", json_out=True)
                    ["status"] == "online", 5, "the node is online")
    n.close()


def test_node_token(s):
    """node token voids earlier tokens and works by name and by id"""
    first = s.ctl("node", "add", "again", json_out=True)
    second = s.ctl("node", "token", "again", json_out=True)
    third = s.ctl("node", "token", first["id"], json_out=True)
    tap.equal(first["id"], third["id"])
    for dead in (first, second):
        n = mast.Node(s, token=dead["registration_token"])
        tap.equal(n.connect(), "auth_error")
    n = mast.Node(s, token=third["registration_token"]).online()
    n.close()
    s.ctl("node", "token", "nobody", want=4)


def test_node_names(s):
    """two nodes of one name: the id is asked for"""
    a = s.ctl("node", "add", "twin", json_out=True)
    s.ctl("node", "add", "twin")
    s.ctl("node", "show", "twin", want=6)
    tap.equal(s.ctl("node", "show", a["id"], json_out=True)["id"], a["id"])
    tap.equal(s.ctl("node", "show", a["id"].upper(),
                    json_out=True)["id"], a["id"])


def test_node_list(s):
    """node list: sorted, by type, as table and as JSON"""
    rows = s.ctl("node", "list", json_out=True)
    names = [r["name"] for r in rows]
    tap.equal(names, sorted(names))
    relays = s.ctl("node", "list", "--type", "relay", json_out=True)
    tap.equal({r["device_type"] for r in relays}, {"relay"})
    tap.contains(s.ctl("node", "list"), "relay-1")


def test_node_delete(s):
    """node delete leaves an audit row and no node"""
    doc = s.ctl("node", "add", "goner", json_out=True)
    s.ctl("node", "delete", "goner")
    s.ctl("node", "show", doc["id"], want=4)
    s.ctl("node", "delete", "goner", want=4)
    tap.equal(audit(s, "node.delete")[0][2], doc["id"])


# ---- status and doctor

def test_status(s):
    """status: 0 with all daemons, 2 with some, 3 with none"""
    doc = s.ctl("status", json_out=True)
    tap.equal(doc["running"], 3)
    for name in mast.DAEMONS:
        tap.equal(doc["daemons"][name]["daemon"], name)
    tap.contains(s.ctl("status"), "running")
    s.kill("aid")
    r = s.ctl("status", want=2)
    tap.contains(r, "not running")
    s.start("aid")
    conf = s.fresh_conf("noone")
    tap.equal(ctl(s, conf, "status")[0], 3)


def test_status_hung(s):
    """a daemon that does not answer costs two seconds, no more"""
    os.kill(s.pids["hubd"], signal.SIGSTOP)
    try:
        doc = subprocess.run([s.program("mastctl"), "-f", s.conf, "--json",
                              "status"], capture_output=True, text=True,
                             timeout=10 * mast.PATIENCE)
        tap.equal(doc.returncode, 2)
        tap.equal(json.loads(doc.stdout)["daemons"]["hubd"], None)
    finally:
        os.kill(s.pids["hubd"], signal.SIGCONT)
    s.wait_ready()


def findings(s, conf, level="wrong"):
    code, doc = ctl(s, conf, "doctor")
    return code, {f["check"]: f for f in doc["findings"]
                  if f["level"] == level}


def test_doctor_well(s):
    """doctor finds nothing wrong here"""
    code, wrong = findings(s, s.conf)
    tap.equal(wrong, {})
    tap.equal(code, 0)


def test_doctor_ill(s):
    """doctor names each thing that is wrong, and a cure"""
    conf = s.fresh_conf("ill")
    code, _ = ctl(s, conf, "setup", *superuser(s))
    tap.equal(code, 0)
    lib = os.path.join(s.dir, "ill", "lib")
    os.chmod(os.path.join(lib, "server.key"), 0o644)
    shutil.copy(os.path.join(s.state, "lib", "tls.crt"),
                os.path.join(lib, "new.crt"))
    os.replace(os.path.join(lib, "new.crt"), os.path.join(lib, "tls.crt"))
    code, wrong = findings(s, conf)
    tap.equal(code, 1)
    for check in ("server key", "certificate", "apid", "hubd", "aid"):
        if check not in wrong:
            raise AssertionError("%s not found in %r" % (check, wrong))
        if not wrong[check]["fix"]:
            raise AssertionError("no cure for " + check)
    tap.contains(wrong["server key"]["fix"], "chmod")
    code, doc = ctl(s, "/nonexistent.conf", "doctor")
    tap.equal(code, 1)
    tap.equal(doc["findings"][0]["level"], "wrong")


def test_doctor_schema(s):
    """doctor sees a schema that is behind"""
    path = copy_sql(s, "sqlahead")
    with open(os.path.join(path, "0900_more.sql"), "w") as f:
        f.write("SELECT 1;\n")
    remake_manifest(path)
    code, doc = ctl(s, s.conf, "doctor", "--sql-dir", path)
    found = [f for f in doc["findings"] if f["check"] == "schema"][0]
    tap.equal(found["level"], "wrong")
    tap.equal(found["fix"], "mastctl db migrate")


# ---- quickstart

def test_quickstart_second(s):
    """a second quickstart on the same state is refused"""
    r = subprocess.run([os.path.join(mast.SRC, "quickstart"), "--json",
                        "--build", s.build, "--state", s.state, "--port",
                        "0", "--node-port", "0", "--nodes", "0"],
                       capture_output=True, text=True, timeout=60)
    tap.equal(r.returncode, 6)
    tap.contains(r.stderr, "already running")


def test_quickstart_refusals(s):
    """quickstart refuses long paths, foreign folders and taken ports"""
    def run(*args):
        return subprocess.run(
            [os.path.join(mast.SRC, "quickstart"), "--json", "--build",
             s.build] + list(args), capture_output=True, text=True,
            timeout=60)
    tap.equal(run("--state", "/tmp/" + "x" * 100).returncode, 64)
    tap.equal(run("--state", s.dir).returncode, 64)
    tap.equal(run("--nonsense").returncode, 64)
    tap.equal(run("--port", "x").returncode, 64)
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", 0))
        busy.listen()
        r = run("--state", os.path.join(s.dir, "q"), "--port",
                str(busy.getsockname()[1]))
        tap.equal(r.returncode, 69)
        tap.contains(r.stderr, "taken")


def test_quickstart_rerun(s):
    """quickstart after a kill -9 clears the leftovers and keeps the data;
    its end leaves nothing running"""
    base = tempfile.mkdtemp(prefix="mq", dir="/tmp")
    os.chmod(base, 0o755)
    state = os.path.join(base, "s")
    args = [os.path.join(mast.SRC, "quickstart"), "--json", "--build",
            s.build, "--state", state, "--port", "0", "--node-port", "0",
            "--nodes", "1"]

    def launch():
        with open(os.path.join(base, "err"), "a") as err:
            p = subprocess.Popen(args, stdout=subprocess.PIPE, text=True,
                                 stderr=err, start_new_session=True)
        line = p.stdout.readline()
        if not line:
            raise AssertionError(open(os.path.join(base, "err")).read())
        return p, json.loads(line)
    p, first = launch()
    p.kill()
    p.wait()
    pids = [v for v in first["pids"].values()]
    tap.equal([x for x in pids if not mast.alive(x)], [], "orphans")
    p, second = launch()
    tap.equal(second["admin"], first["admin"], "the same administrator")
    tap.equal([x for x in pids if mast.alive(x)], [], "stopped as stale")
    p.terminate()
    code = p.wait(60)
    tap.equal(code, 0, open(os.path.join(base, "err")).read())
    tap.equal([x for x in second["pids"].values() if mast.alive(x)], [])
    shutil.rmtree(base)


if __name__ == "__main__":
    mast.main(sys.modules[__name__])
