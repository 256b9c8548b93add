"""The harness of the black-box suites.

A Suite is one private installation: PostgreSQL, the three daemons, a state
folder, made by ./quickstart --json from the programs of $MAST_BUILD. It has
a REST client, a database connection as superuser, control over each single
process, simulated nodes (the C simulator, or Node, which gives a test every
byte), and a check at the end that nothing was left or broken.

Waits are on conditions with a deadline, never sleeps of a guessed length.
"""
import contextlib
import http.client
import json
import os
import re
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse

import psycopg2

import describe
import tap
import ws

SRC = os.path.abspath(os.environ.get("MAST_SRC", "."))
BUILD = os.path.abspath(os.environ.get("MAST_BUILD", "."))
SAMPLES = os.path.join(SRC, "tests", "samples")
DAEMONS = ("apid", "hubd", "aid")
SANITIZED = re.compile(r"AddressSanitizer|runtime error:|LeakSanitizer|"
                       r"ThreadSanitizer|UndefinedBehaviorSanitizer")
PATIENCE = tap.PATIENCE

# aid and its kin cannot be traced from inside their fence.
# What is freed goes back soon, or memory that was measured would lie.
os.environ.setdefault("ASAN_OPTIONS", "detect_leaks=0:quarantine_size_mb=4")


def wait_until(cond, timeout, what, step=0.02):
    """The first true value of cond(), within timeout seconds."""
    end = time.monotonic() + timeout * PATIENCE
    while True:
        value = cond()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError("not within %g s: %s" % (timeout, what))
        time.sleep(step)


def sample(name):
    """A captured message of a real node, decoded."""
    with open(os.path.join(SAMPLES, name + ".json")) as f:
        return json.load(f)


def alive(pid):
    """Is there such a process, other than as a zombie? One whose other
    threads still end has its descriptors, ports included."""
    try:
        with open("/proc/%d/stat" % pid) as f:
            if f.read().rsplit(")", 1)[1].split()[0] != "Z":
                return True
        return len(os.listdir("/proc/%d/task" % pid)) > 1
    except (FileNotFoundError, ProcessLookupError):
        return False


class Response:
    def __init__(self, status, headers, body):
        self.status = status
        self.headers = headers          # list of pairs, as they came
        self.body = body

    def header(self, name, default=None):
        for k, v in self.headers:
            if k.lower() == name.lower():
                return v
        return default

    @property
    def json(self):
        return json.loads(self.body)

    def next(self):
        """Path and query of Link rel="next", or None."""
        link = self.header("Link")
        if link is None:
            return None
        m = re.fullmatch(r'<(/[!#-;=?-~]*)>; rel="next"', link)
        if m is None:
            raise AssertionError("not a link: %r" % link)
        return m.group(1)

    def __repr__(self):
        return "%d %r" % (self.status, self.body[:500])

    def want(self, status):
        """Itself, if the status is that."""
        if self.status != status:
            raise AssertionError("status %d, want %d: %r" % (
                self.status, status, self.body[:500]))
        return self

    def problem(self, status, slug=None):
        """Itself, if it is a problem document with that status."""
        self.want(status)
        kind = self.header("Content-Type", "")
        if not kind.startswith("application/problem+json"):
            raise AssertionError("not a problem: %r %r" % (kind, self.body))
        doc = self.json
        for member in ("type", "title", "status", "error"):
            if member not in doc:
                raise AssertionError("problem without %s" % member)
        tap.equal(doc["status"], status, "status in the problem")
        if slug:
            tap.contains(doc["type"], slug, "type")
        return self


class Session:
    """A signed-in user (or nobody): REST with cookie or Bearer and CSRF.
    Every answer is held against the API's description."""

    def __init__(self, suite, bearer=False, source=None):
        self.suite = suite
        self.bearer = bearer
        self.source = source            # address to connect from
        self.token = self.csrf = self.user = None

    def request(self, method, path, body=None, headers=None, raw=None,
                timeout=30, csrf=True):
        h = {}
        if raw is None and body is not None:
            raw = json.dumps(body).encode()
            h["Content-Type"] = "application/json"
        if self.token and self.bearer:
            h["Authorization"] = "Bearer " + self.token
        elif self.token:
            h["Cookie"] = "session=%s; csrf_token=%s" % (
                self.token, self.csrf)
        if csrf and self.csrf and method not in ("GET", "HEAD"):
            h["X-CSRF-Token"] = self.csrf
        h.update(headers or {})
        c = self.suite.connection(timeout=timeout * PATIENCE,
                                  source_address=self.source and
                                  (self.source, 0))
        try:
            c.request(method, path, raw, h)
            r = c.getresponse()
            answer = Response(r.status, r.getheaders(), r.read())
        finally:
            c.close()
        self.judge(method, path, raw, answer)
        return answer

    def judge(self, method, path, raw, answer):
        """Fails for an answer that is not described."""
        description = describe.of_build(self.suite.build)
        if description is not None:
            description.check(method, path, raw, answer)

    def get(self, path, **kw):
        return self.request("GET", path, **kw)

    def post(self, path, body=None, **kw):
        return self.request("POST", path, body, **kw)

    def put(self, path, body=None, **kw):
        return self.request("PUT", path, body, **kw)

    def delete(self, path, **kw):
        return self.request("DELETE", path, **kw)

    def signin(self, username, password):
        r = self.post("/api/v1/auth/login",
                      {"username": username, "password": password})
        if r.status == 200:
            for k, v in r.headers:
                if k.lower() == "set-cookie" and v.startswith("session="):
                    self.token = v.split(";")[0].split("=", 1)[1]
            self.csrf = r.json["csrf_token"]
            self.user = r.json["user"]
        return r

    def walk(self, path, most=50):
        """Every object of a list, by following Link; and how many were in
        each answer."""
        rows, sizes = [], []
        while path:
            if len(sizes) == most:
                raise AssertionError("the list has no end: %s" % path)
            r = self.get(path).want(200)
            rows += r.json
            sizes.append(len(r.json))
            path = r.next()
        return rows, sizes

    def node_add(self, name, device_type="edge", **more):
        """(id, registration token) of a new node."""
        doc = dict(name=name, device_type=device_type, **more)
        r = self.post("/api/v1/nodes", doc).want(201).json
        return r["id"], r["registration_token"]

    def node(self, node_id):
        return self.get("/api/v1/nodes/" + node_id).want(200).json

    def command(self, node_id, action, **kw):
        return self.post("/api/v1/nodes/%s/command" % node_id,
                         {"action": action}, **kw)

    def events(self, **query):
        return self.get("/api/v1/events?" + urllib.parse.urlencode(
            query)).want(200).json

    def dashboard(self, headers=(), **kw):
        """An open browser socket of this user."""
        h = list(headers)
        if self.token:
            h.append(("Cookie", "session=" + self.token))
        try:
            return ws.WebSocket("127.0.0.1", self.suite.port,
                                "/ws/dashboard", headers=h,
                                tls=self.suite.tls, **kw)
        except ws.Refused as why:
            self.judge("GET", "/ws/dashboard", None, Response(
                why.status, list(why.headers.items()), why.body))
            raise


class Node:
    """One node on the exact wire. A thread reads and answers, unless auto is
    off: then the test reads itself from .ws."""

    def __init__(self, suite, token=None, creds=None, protocol=4,
                 version="0.106.0", auto=True, device_type=None):
        self.suite = suite
        self.token = token
        self.id, self.secret = creds or (None, None)
        self.protocol = protocol
        self.version = version
        self.device_type = device_type
        self.boot = None                # numbers its events under this
        self.dedupe = False             # remembers what it was told
        self.memory = {}                # command_id -> members of the ack
        self.repeats = []               # ids that came again
        self.auto = auto
        self.ws = None
        self.answer = None              # of the handshake
        self.seen = []                  # every message from the server
        self.closed = None              # ws.Closed, when it came
        self.commands = []              # (command_id, action)
        # (command_id, action) -> members of the ack, or None for silence
        self.on_command = lambda command_id, action: {"success": True}
        self.config = {"version": 2, "flows": [], "inputs": [],
                       "outputs": []}
        self.tunnels = {}               # of an edge, by id: it keeps them
        self.authorized = {}            # of a relay: only in memory
        self.thread = None
        suite.nodes.append(self)

    # ---- sending

    @staticmethod
    def stamp():
        now = time.time_ns()
        return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(
            now // 10**9)) + ".%09d+00:00" % (now % 10**9)

    @classmethod
    def envelope(cls, kind, payload, stamp=True):
        """As serde writes it: sorted keys, so that type comes last."""
        doc = {"payload": payload, "type": kind}
        if stamp:
            doc["timestamp"] = cls.stamp()
        return json.dumps(doc, sort_keys=True, separators=(",", ":"))

    def send(self, kind, payload):
        self.ws.text(self.envelope(kind, payload))

    def stats(self, payload=None, name="edge_stats_1udp_head"):
        self.send("stats", payload or sample(name)["payload"])

    def health(self, payload=None, name="edge_health_head"):
        self.send("health", payload or sample(name)["payload"])

    def event(self, message, severity="info", category="test", **more):
        self.send("event", dict(severity=severity, category=category,
                                message=message, **more))

    def ack(self, command_id, **members):
        self.send("command_ack", dict({"command_id": command_id,
                                       "success": True}, **members))

    # ---- the session

    def auth_payload(self):
        p = {"software_version": self.version}
        if self.protocol is not None:
            p["protocol_version"] = self.protocol
        if self.device_type:
            p["device_type"] = self.device_type
        if self.boot:
            p["event_boot"] = self.boot
        if self.dedupe:
            p["command_dedupe"] = True
        if self.secret:
            p.update(node_id=self.id, node_secret=self.secret)
        elif self.token:
            p["registration_token"] = self.token
        return p

    def dial(self, **kw):
        """Only the upgrade, without a word after it."""
        self.ws = ws.WebSocket("127.0.0.1", self.suite.node_port,
                               "/ws/node", tls=True, **kw)
        return self

    def connect(self, health=True, **kw):
        """Upgrade and handshake; the type of the server's answer. The
        credentials of a registration are kept for the next time."""
        self.closed = None
        self.authorized = {}
        self.dial(**kw)
        self.ws.text(self.envelope("auth", self.auth_payload(),
                                   stamp=False))
        op, text = self.ws.recv(timeout=15 * PATIENCE)
        tap.equal(op, ws.TEXT, "opcode of the answer to auth")
        self.answer = json.loads(text)
        kind = self.answer["type"]
        if kind == "register_ack":
            self.id = self.answer["payload"]["node_id"]
            self.secret = self.answer["payload"]["node_secret"]
        if kind in ("register_ack", "auth_ok"):
            if health:
                self.health()
                self.health()
            if self.auto:
                self.thread = threading.Thread(target=self._pump,
                                               args=(self.ws,), daemon=True)
                self.thread.start()
        return kind

    def online(self):
        """connect(), which must succeed; itself."""
        kind = self.connect()
        if kind not in ("register_ack", "auth_ok"):
            raise AssertionError("not let in: %r" % self.answer)
        return self

    def _pump(self, sock):
        while True:
            try:
                op, data = sock.recv(timeout=3600)
            except ws.Closed as why:
                self.closed = why
                return
            except (OSError, TimeoutError, ValueError):
                self.closed = ws.Closed(1006)
                return
            if op != ws.TEXT:
                continue
            doc = json.loads(data)
            self.seen.append(doc)
            try:
                self._answer(doc)
            except OSError:
                pass

    def _answer(self, doc):
        if doc["type"] == "ping":
            self.ws.text(self.envelope("pong", None))
        elif doc["type"] == "command":
            cid = doc["payload"]["command_id"]
            action = doc["payload"]["action"]
            if self.dedupe and cid in self.memory:
                self.repeats.append(cid)
                self.ack(cid, **self.memory[cid])
                return
            self.commands.append((cid, action))
            if action.get("type") == "get_config":
                if self.config is not None:
                    self.send("config_response", self.config)
                return
            members = self.on_command(cid, action)
            if self.dedupe:
                self.memory[cid] = members or {}
            if members is not None:
                if members.get("success"):
                    self._tunnel(action)
                self.ack(cid, **members)

    def _tunnel(self, action):
        """What edges and relays do with tunnels."""
        kind, which = action.get("type"), action.get("tunnel_id")
        if kind == "create_tunnel":
            self.tunnels[action["tunnel"]["id"]] = action["tunnel"]
        elif kind == "delete_tunnel":
            self.tunnels.pop(which, None)
        elif kind == "authorize_tunnel":
            self.authorized[which] = (action["ingress_token"],
                                      action["egress_token"])
        elif kind == "revoke_tunnel":
            self.authorized.pop(which, None)

    def close(self):
        if self.ws is not None:
            if self.thread is None:
                self.ws.close()
            else:
                try:
                    self.ws.send(ws.CLOSE, b"\x03\xe8")
                    self.thread.join(3)
                except OSError:
                    pass
                self.ws.sock.close()
        self.ws = self.thread = None

    def drop(self):
        """As if the plug was pulled."""
        if self.ws is not None:
            self.ws.reset()
        self.ws = None


class Sim:
    """mast-nodesim: many nodes in one process, with a ledger and a report."""

    def __init__(self, suite, *options, creds=None):
        self.suite = suite
        self.dir = tempfile.mkdtemp(prefix="sim", dir=suite.dir)
        self.report_file = os.path.join(self.dir, "report")
        self.ledger_file = os.path.join(self.dir, "ledger")
        self.save_file = os.path.join(self.dir, "saved")
        args = [suite.program("mast-nodesim"), "--connect",
                "127.0.0.1:%d" % suite.node_port, "--samples", SAMPLES,
                "--report", self.report_file, "--ledger", self.ledger_file,
                "--save", self.save_file]
        if creds:
            path = os.path.join(self.dir, "creds")
            with open(path, "w") as f:
                f.write(creds)
            args += ["--creds", path]
        self.log = open(os.path.join(self.dir, "log"), "w")
        self.proc = subprocess.Popen(
            args + [str(o) for o in options], stdin=subprocess.PIPE,
            stdout=self.log, stderr=subprocess.STDOUT, text=True)
        suite.sims.append(self)

    def say(self, line):
        self.proc.stdin.write(line + "\n")
        self.proc.stdin.flush()

    def report(self):
        try:
            with open(self.report_file) as f:
                return json.load(f)
        except (FileNotFoundError, ValueError):
            return {}

    def written(self):
        """Waits until the ledger has all that was before the call: for a
        report that was begun since, which is the second one that comes."""
        def stamp():
            try:
                st = os.stat(self.report_file)
            except FileNotFoundError:
                return None
            return st.st_ino, st.st_mtime_ns
        for _ in range(2):
            was = stamp()
            self.say("report")
            wait_until(lambda: stamp() != was, 20, "a report of the fleet")

    def ledger(self):
        """Whole lines: the last one may still be on its way."""
        with open(self.ledger_file) as f:
            return f.read().split("\n")[:-1]

    def stop(self):
        """Ends it in order; its last report."""
        if self.proc.poll() is None:
            self.proc.terminate()
            try:
                code = self.proc.wait(30 * PATIENCE)
            except subprocess.TimeoutExpired:
                self.proc.kill()
                code = self.proc.wait()
            self.proc.stdin.close()
            self.log.close()
            if code != 0:
                raise AssertionError("nodesim ended with %d: %s" % (
                    code, open(self.log.name).read()[-2000:]))
        return self.report()


# Members of a configuration that hold a credential.
CREDENTIAL = re.compile(r"pass|secret|psk|private|_key$|_token$")


def credentials(doc, name=""):
    """Every credential of a configuration that could be told from others."""
    if isinstance(doc, dict):
        for k, v in doc.items():
            yield from credentials(v, k)
    elif isinstance(doc, list):
        for v in doc:
            yield from credentials(v, name)
    elif isinstance(doc, str) and len(doc) >= 8 and "*" not in doc and \
            CREDENTIAL.search(name):
        yield doc


class Suite:
    def __init__(self, nodes=0, settings=(), build=BUILD):
        """settings: lines "section.key=value" for the configuration."""
        self.build = build
        self.dir = tempfile.mkdtemp(prefix="mt", dir="/tmp")
        os.chmod(self.dir, 0o755)
        self.state = os.path.join(self.dir, "s")
        self.nodes = []
        self.sims = []
        self.mine = {}          # daemons that we started ourselves
        self.down = set()       # those that a test left dead on purpose
        self.faults = []
        self.outbound = []      # functions: what left for AI providers
        self.never = set()      # what must not have been in it
        self.addresses = 0
        self.tls = False        # apid's port; a test may turn it on
        self._db = None
        self._super = None
        self._launch(nodes, settings)

    # ---- the installation

    def _launch(self, nodes, settings):
        args = [os.path.join(SRC, "quickstart"), "--json", "--build",
                self.build, "--state", self.state, "--port", "0",
                "--node-port", "0", "--nodes", str(nodes)]
        for s in settings:
            args += ["--set", s]
        self.err = open(os.path.join(self.dir, "quickstart.err"), "w+")
        self.quick = subprocess.Popen(args, stdin=subprocess.DEVNULL,
                                      stdout=subprocess.PIPE,
                                      stderr=self.err, text=True)
        line = self._first_line(120 * PATIENCE)
        if not line:
            self.err.seek(0)
            text = self.err.read() + self.logs(20)
            self.quick.terminate()
            self.quick.wait(60 * PATIENCE)
            shutil.rmtree(self.dir, ignore_errors=True)
            tap.bail("the suite does not start: " +
                     text.strip().replace("\n", "\nBail out! "))
        self.info = info = json.loads(line)
        self.url = info["url"]
        self.port = urllib.parse.urlsplit(info["url"]).port
        self.node_port = urllib.parse.urlsplit(info["node_url"]).port
        self.metrics_url = info["metrics_url"]
        self.conf = info["conf"]
        self.pids = dict(info["pids"])
        self.run_dir = os.path.join(self.state, "run")
        self.conninfo = "host=%s/pg dbname=mastkeeper" % self.state
        self.pgbin = self._pgbin()

    def _first_line(self, timeout):
        end = time.monotonic() + timeout
        while time.monotonic() < end:
            if select.select([self.quick.stdout], [], [], 0.2)[0]:
                return self.quick.stdout.readline()
            if self.quick.poll() is not None:
                return self.quick.stdout.readline()
        return ""

    @staticmethod
    def _pgbin():
        found = [os.path.join("/usr/lib/postgresql", v, "bin")
                 for v in sorted(os.listdir("/usr/lib/postgresql"), key=int)]
        return found[-1]

    def program(self, name):
        for path in (os.path.join(self.build, name),
                     os.path.join(self.build, "tests", "sim", name)):
            if os.access(path, os.X_OK):
                return path
        raise AssertionError("%s is not built" % name)

    def log(self, name):
        try:
            with open(os.path.join(self.state, "log", name + ".log"),
                      errors="replace") as f:
                return f.read()
        except FileNotFoundError:
            return ""

    def logs(self, lines):
        return "".join("\n--- %s\n%s" % (n, "\n".join(
            self.log(n).splitlines()[-lines:])) for n in DAEMONS)

    # ---- clients

    def connection(self, **kw):
        """An HTTP connection to apid's port."""
        if self.tls:
            return http.client.HTTPSConnection(
                "127.0.0.1", self.port, context=ws.tls_client(), **kw)
        return http.client.HTTPConnection("127.0.0.1", self.port, **kw)

    def fresh_conf(self, name, more=""):
        """The configuration of an installation that does not run, with a
        database of its own in the same PostgreSQL."""
        base = os.path.join(self.dir, name)
        os.mkdir(base)
        os.chmod(base, 0o755)
        conf = os.path.join(base, "m.conf")
        with open(conf, "w") as f:
            f.write("[suite]\nstate_dir = %s/lib\nrun_dir = %s/run\n"
                    "database = host=%s/pg dbname=%s\n%s" %
                    (base, base, self.state, name, more))
        return conf

    @contextlib.contextmanager
    def without_database(self):
        """apid lost its connections and gets none."""
        self.sql("ALTER ROLE _mast_apid CONNECTION LIMIT 0")
        try:
            self.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                     "WHERE usename = '_mast_apid'")
            wait_until(lambda: self.nobody().get("/readyz").status == 503,
                       20, "apid misses the database")
            yield
        finally:
            self.sql("ALTER ROLE _mast_apid CONNECTION LIMIT -1")

    def nobody(self):
        return Session(self)

    def admin(self, **kw):
        """The first administrator, signed in once and shared."""
        if self._super is None:
            self._super = self.signin(self.info["admin"]["username"],
                                      self.info["admin"]["password"])
        if not kw:
            return self._super
        other = Session(self, **kw)
        other.token, other.csrf = self._super.token, self._super.csrf
        other.user = self._super.user
        return other

    def signin(self, username, password, **kw):
        s = Session(self, **kw)
        s.signin(username, password).want(200)
        return s

    def user_add(self, name, role, password="Passw0rd-x", nodes=None):
        """A user straight in the database (the sign-in limit stays whole
        for tests that are about it); nodes: ids, or None for all."""
        self.ctl("user", "add", "--role", role, name,
                 stdin=password + "\n")
        if nodes is not None:
            self.sql("UPDATE mast.users SET all_nodes = false "
                     "WHERE username = %s", name)
            for n in nodes:
                self.sql("INSERT INTO mast.user_nodes SELECT id, %s "
                         "FROM mast.users WHERE username = %s", n, name)
        return password

    def session_for(self, name, password="Passw0rd-x", **kw):
        """Signed in from a loopback address of its own, so that the limit
        of sign-ins per address is not met."""
        self.addresses += 1
        return self.signin(name, password, source="127.0.%d.%d" % (
            1 + self.addresses // 250, 1 + self.addresses % 250), **kw)

    def connect_db(self, user="postgres"):
        c = psycopg2.connect("%s user=%s" % (self.conninfo, user))
        c.autocommit = True
        return c

    def sql(self, text, *args):
        """Rows of a statement run as superuser."""
        for attempt in (0, 1):
            try:
                if self._db is None or self._db.closed:
                    self._db = self.connect_db()
                with self._db.cursor() as c:
                    c.execute(text, args or None)
                    return c.fetchall() if c.description else []
            except psycopg2.OperationalError:
                self._db = None         # the server was restarted
                if attempt:
                    raise

    def one(self, text, *args):
        """The one value of a statement."""
        return self.sql(text, *args)[0][0]

    def ctl(self, *args, stdin="", want=0, json_out=False):
        """mastctl: its output; the exit code must be want (None: any)."""
        cmd = [self.program("mastctl"), "-f", self.conf]
        if json_out:
            cmd.append("--json")
        r = subprocess.run(cmd + list(args), input=stdin, text=True,
                           capture_output=True, timeout=60 * PATIENCE)
        if want is not None and r.returncode != want:
            raise AssertionError("mastctl %s: exit %d, want %d: %s%s" % (
                " ".join(args), r.returncode, want, r.stdout, r.stderr))
        return json.loads(r.stdout) if json_out else r.stdout

    def metrics(self):
        """name{labels} -> number, of /metrics."""
        u = urllib.parse.urlsplit(self.metrics_url)
        c = http.client.HTTPConnection(u.hostname, u.port,
                                       timeout=10 * PATIENCE)
        c.request("GET", u.path)
        text = c.getresponse().read().decode()
        c.close()
        out = {}
        for line in text.splitlines():
            if line and not line.startswith("#"):
                k, v = line.rsplit(" ", 1)
                out[k] = float(v)
        return out

    def node(self, name="node", device_type="edge", **kw):
        """A new node, registered and online."""
        node_id, token = self.admin().node_add(name, device_type)
        n = Node(self, token=token, **kw).online()
        tap.equal(n.id, node_id, "id in register_ack")
        return n

    # ---- single processes

    def readyz(self):
        try:
            return self.nobody().get("/readyz", timeout=5).status
        except OSError:
            return 0

    def wait_ready(self, timeout=30):
        wait_until(lambda: self.readyz() == 200, timeout, "/readyz is 200")

    def kill(self, name, sig=signal.SIGKILL, wait=True):
        """Signals a daemon; with wait, until it is gone. Its exit code, if
        it was ours to wait for."""
        pid = self.pids[name]
        os.kill(pid, sig)
        self.down.add(name)
        if not wait:
            return None
        proc = self.mine.pop(name, None)
        if proc is not None:
            return proc.wait(30 * PATIENCE)
        wait_until(lambda: not alive(pid), 30, "%s has ended" % name)
        return None

    def start(self, name, wait=True, args=()):
        """A daemon again, as its unit would start it."""
        log = open(os.path.join(self.state, "log", name + ".log"), "a")
        proc = subprocess.Popen(
            [self.program("mastkeeper-" + name), "-f", self.conf] +
            list(args), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            start_new_session=True)
        log.close()
        self.mine[name] = proc
        self.pids[name] = proc.pid
        self.down.discard(name)
        if wait:
            self.wait_ready()
        return proc

    def restart(self, name, sig=signal.SIGTERM):
        code = self.kill(name, sig)
        self.start(name)
        return code

    def _postgres(self, *args):
        cmd = [os.path.join(self.pgbin, "pg_ctl"), "-D",
               os.path.join(self.state, "db"), "-w", "-t", "60"]
        if os.getuid() == 0:
            cmd = ["setpriv", "--reuid=postgres", "--regid=postgres",
                   "--init-groups"] + cmd
        subprocess.run(cmd + list(args), check=True, cwd="/",
                       stdin=subprocess.DEVNULL,
                       stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL)

    def kill_postgres(self, sig=signal.SIGKILL):
        """The postmaster and, with it, all its children."""
        with open(os.path.join(self.state, "db", "postmaster.pid")) as f:
            pid = int(f.readline())
        kids = [int(p) for p in os.listdir("/proc") if p.isdigit() and
                self._parent(int(p)) == pid]
        os.kill(pid, sig)
        if sig == signal.SIGKILL:
            for k in kids:
                try:
                    os.kill(k, signal.SIGKILL)
                except ProcessLookupError:
                    pass
        wait_until(lambda: not alive(pid) and
                   not any(alive(k) for k in kids), 30,
                   "PostgreSQL has ended")

    @staticmethod
    def _parent(pid):
        try:
            with open("/proc/%d/stat" % pid) as f:
                return int(f.read().rsplit(")", 1)[1].split()[1])
        except (FileNotFoundError, ProcessLookupError):
            return 0

    def start_postgres(self, wait=True):
        self._postgres("-l", os.path.join(self.state, "log",
                                          "postgres.log"), "start")
        if wait:
            self.wait_ready()

    # ---- the end

    def _check_daemons(self):
        for name in DAEMONS:
            if name not in self.down and not alive(self.pids[name]):
                self.faults.append("%s has died" % name)
        for name in list(self.mine):
            if name in self.down:
                continue
            code = self.kill(name, signal.SIGTERM)
            if code != 0:
                self.faults.append("%s ended with %s" % (name, code))

    def _check_logs(self):
        for name in DAEMONS:
            text = self.log(name)
            found = SANITIZED.search(text)
            if found:
                at = found.start()
                self.faults.append("%s: %s" % (
                    name, text[max(at - 200, 0):at + 3000]))
        for n in self.nodes:
            if n.secret and any(n.secret in self.log(d) for d in DAEMONS):
                self.faults.append("a node's secret is in a log")
        password = self.info["admin"]["password"]
        if any(password in self.log(d) for d in DAEMONS):
            self.faults.append("the administrator's password is in a log")

    def _check_outbound(self):
        """Nothing that left for a provider, in all the tests, has a secret of
        a node, or what a test said must not be in it."""
        left = [data for source in self.outbound for data in source()]
        never = set(self.never)
        for n in self.nodes:
            never.update(x for x in (n.secret, n.token) if x)
            never.update(credentials([n.config, n.tunnels]))
        for x in never:
            for data in left:
                at = data.find(x.encode())
                if at != -1:
                    self.faults.append("%r left for a provider: %r" % (
                        x, data[max(at - 100, 0):at + 100]))
                    break
        if self.outbound:
            print("# %d requests left for AI providers, %d texts were looked "
                  "for in each" % (len(left), len(never)))

    def stop(self):
        """Ends everything; the list of what was wrong."""
        self._check_outbound()
        for n in self.nodes:
            try:
                n.close()
            except Exception as why:            # noqa: it only ends
                print("# closing a node: %s" % why)
        for s in self.sims:
            if s.proc.poll() is None:
                try:
                    s.stop()
                except AssertionError as why:
                    self.faults.append(str(why))
        if self._db is not None:
            self._db.close()
        self._check_daemons()
        self.quick.terminate()
        try:
            code = self.quick.wait(60 * PATIENCE)
        except subprocess.TimeoutExpired:
            self.quick.kill()
            code = self.quick.wait()
            self.faults.append("quickstart does not stop")
        self.err.seek(0)
        text = self.err.read()
        if code != 0 and not self.down:
            self.faults.append("quickstart ended with %d: %s" % (code, text))
        for line in text.splitlines():
            if " ended with " in line and "137" not in line:
                self.faults.append(line)
        self._check_logs()
        left = [p for p in self.pids.values() if p and alive(p)]
        if left:
            self.faults.append("still running: %s" % left)
        if self.faults:
            print("# logs are in %s" % self.dir)
        else:
            shutil.rmtree(self.dir, ignore_errors=True)
        return self.faults


def main(module, **kw):
    """Runs a module's tests against one suite of its own and then, as the
    last test point, the check that nothing was left or broken."""
    suite = Suite(**kw)

    def leftovers(suite):
        """Nothing is left running, no sanitizer report, no secret in a log"""
        faults = suite.stop()
        if faults:
            raise AssertionError("\n".join(faults) + suite.logs(15))
    tests = tap.functions(module)
    names = sys.argv[1:] or os.environ.get("MAST_ONLY", "").split()
    if names:
        tests = [t for t in tests if t.__name__ in names]
    sys.exit(tap.run(tests + [leftovers], suite, only=[
        t.__name__ for t in tests + [leftovers]]))
