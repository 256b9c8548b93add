#!/usr/bin/python3
"""Figures of the suite, each beside a reference measured in the same run.

The primary result is server CPU per operation (it stays honest while the
load shares the machine); medians of three windows. Prints a table and
writes BENCH.json into the build folder.

usage: bench.py [frames] [memory] [sessions] [reconnect] [rest] [paging]
                [export] [scan] [dashboard] [command] [events] [changed]
                [history] [page] [ai] [--seconds N]     (all without names)
--seconds: how long page watches the browser's heap (600)
environment: BENCH_NODES (15000), BENCH_STORM (15000),
             BENCH_SESSIONS (19000), BENCH_SECS (6),
             BENCH_EVENTS (100000), BENCH_EVENT_RATE (1000),
             BENCH_LOAD_NODES (10000), BENCH_BROWSERS (500),
             BENCH_OVERVIEWS (20), BENCH_PAGE (100), BENCH_FLOOD (20000),
             BENCH_LIVE_SECS (20), BENCH_PAGE_NODES (1000),
             BENCH_SCROLL_NODES (5000), BENCH_AI_CALLS (300)
"""
import http.client
import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time

import aicall
import export
import live
import page
import paging

SRC = os.environ.get("MAST_SRC", ".")
BUILD = os.environ.get("MAST_BUILD", ".")
NODES = int(os.environ.get("BENCH_NODES", "15000"))
STORM = int(os.environ.get("BENCH_STORM", "15000"))
SESSIONS = int(os.environ.get("BENCH_SESSIONS", "19000"))
SECS = float(os.environ.get("BENCH_SECS", "6"))
HEAP_SECS = 600.0
SERVER_CPU, LOAD_CPU = {0}, {1}
SOURCES = "127.0.0.2-127.0.0.9"
rows = []


def say(text):
    print(text, file=sys.stderr, flush=True)


def record(name, value, unit, ref=None, goal=None):
    """One line of the table; ref is (name, value) of the same run."""
    row = {"name": name, "value": round(value, 3), "unit": unit}
    if ref:
        row["reference"] = ref[0]
        row["reference_value"] = round(ref[1], 3)
        row["ratio"] = round(value / ref[1], 3) if ref[1] else None
    if goal:
        row["goal"] = goal
    rows.append(row)
    say("  %-46s %10.2f %-8s %s" % (name, value, unit, (
        "%.2f x %s" % (row["ratio"], ref[0]) if ref and row["ratio"]
        else "") + ("   goal " + goal if goal else "")))


def cpu_us(pid):
    """CPU time of all threads of a process, microseconds."""
    total = 0
    for task in os.listdir("/proc/%d/task" % pid):
        with open("/proc/%d/task/%s/schedstat" % (pid, task)) as f:
            total += int(f.read().split()[0])
    return total / 1000


def rss_kb(pid):
    with open("/proc/%d/smaps_rollup" % pid) as f:
        for line in f:
            if line.startswith("Rss:"):
                return int(line.split()[1])


def pin(pid, cpus):
    for task in os.listdir("/proc/%d/task" % pid):
        try:
            os.sched_setaffinity(int(task), cpus)
        except (OSError, ProcessLookupError):
            pass


def wait_until(cond, timeout, what):
    end = time.monotonic() + timeout
    while time.monotonic() < end:
        value = cond()
        if value:
            return value
        time.sleep(0.05)
    raise SystemExit("bench: waited %d s in vain for %s" % (timeout, what))


class Suite:
    def __init__(self, settings=()):
        self.state = tempfile.mkdtemp(prefix="mkb", dir="/tmp")
        os.chmod(self.state, 0o755)
        self.proc = subprocess.Popen(
            [SRC + "/quickstart", "--json", "--build", BUILD, "--state",
             self.state + "/s", "--port", "0", "--node-port", "0",
             "--nodes", "0"] + [x for s in settings for x in ("--set", s)],
            stdout=subprocess.PIPE,
            stderr=open(self.state + "/quickstart.err", "w"))
        line = self.proc.stdout.readline()
        if not line:
            raise SystemExit(open(self.state + "/quickstart.err").read())
        self.info = json.loads(line)
        self.host, port = self.info["url"].split("//")[1].split(":")
        self.port = int(port.strip("/"))
        self.node = self.info["node_url"].split("//")[1].split("/")[0]
        self.hubd = self.info["pids"]["hubd"]
        self.apid = self.info["pids"]["apid"]
        self.started = []
        self.signin()

    def signin(self):
        conn = http.client.HTTPConnection(self.host, self.port)
        conn.request("POST", "/api/v1/auth/login", json.dumps(
            {"username": self.info["admin"]["username"],
             "password": self.info["admin"]["password"]}),
            {"Content-Type": "application/json"})
        r = conn.getresponse()
        body = json.loads(r.read())
        self.csrf = body["csrf_token"]
        for h, v in r.getheaders():
            if h.lower() == "set-cookie" and v.startswith("session="):
                self.token = v.split(";")[0].split("=", 1)[1]
        self.conn = conn

    def rest(self, method, path, body=None):
        self.conn.request(method, path, json.dumps(body) if body else None,
                          {"Authorization": "Bearer " + self.token,
                           "X-CSRF-Token": self.csrf,
                           "Content-Type": "application/json"})
        r = self.conn.getresponse()
        data = r.read()
        if r.status >= 300:
            raise SystemExit("bench: %s %s: %d %s" % (
                method, path, r.status, data[:300]))
        return json.loads(data) if data else None

    def counters(self):
        text = subprocess.run(
            [BUILD + "/mastctl", "-f", self.info["conf"], "--json",
             "status"], capture_output=True, text=True).stdout
        return json.loads(text)["daemons"]["hubd"]

    def restart_hubd(self, **keys):
        """Stops hubd in order, sets keys of [hubd], starts it again."""
        os.kill(self.hubd, signal.SIGTERM)
        wait_until(lambda: not alive(self.hubd), 15, "hubd to stop")
        text = open(self.info["conf"]).read()
        head, tail = text.split("[hubd]", 1)
        lines = tail.split("\n")
        for key, value in keys.items():
            lines = [x for x in lines if not x.startswith(key + " ")]
            lines.insert(1, "%s = %s" % (key, value))
        open(self.info["conf"], "w").write(head + "[hubd]" +
                                           "\n".join(lines))
        log = open(self.state + "/hubd.log", "a")
        env = dict(os.environ,             # as the unit has it
                   GLIBC_TUNABLES="glibc.malloc.hugetlb=1")
        p = subprocess.Popen([BUILD + "/mastkeeper-hubd", "-f",
                              self.info["conf"]], stdout=log, stderr=log,
                             env=env)
        self.started.append(p)
        self.hubd = p.pid
        wait_until(self.ready, 20, "/readyz after a restart of hubd")
        pin(self.hubd, SERVER_CPU)

    def ready(self):
        c = http.client.HTTPConnection(self.host, self.port, timeout=3)
        try:
            c.request("GET", "/readyz")
            return c.getresponse().status == 200
        except OSError:
            return False
        finally:
            c.close()

    def stop(self):
        for p in self.started:
            if p.poll() is None:
                p.terminate()
                p.wait(20)
        self.proc.send_signal(signal.SIGTERM)
        try:
            self.proc.wait(30)
        except subprocess.TimeoutExpired:
            self.proc.kill()
        shutil.rmtree(self.state, ignore_errors=True)


def alive(pid):
    try:
        with open("/proc/%d/stat" % pid) as f:
            return f.read().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


class Sim:
    running = []        # those that nobody stopped yet

    def __init__(self, to, creds, tmp, *args):
        self.report = tempfile.mktemp(prefix="sim", dir=tmp)
        self.p = subprocess.Popen(
            [BUILD + "/mast-nodesim", "--connect", to, "--creds", creds,
             "--sources", SOURCES, "--report", self.report,
             "--samples", SRC + "/tests/samples"] + list(args),
            stdin=subprocess.PIPE)
        Sim.running.append(self)
        pin(self.p.pid, LOAD_CPU)

    def read(self):
        try:
            with open(self.report) as f:
                return json.load(f)
        except (OSError, ValueError):
            return {"online": -1, "nodes": 0}

    def say(self, line):
        self.p.stdin.write(line + b"\n")
        self.p.stdin.flush()

    def fresh(self):
        """A report of now: the file is replaced when it is written."""
        before = os.stat(self.report).st_ino \
            if os.path.exists(self.report) else 0
        self.say(b"report")
        wait_until(lambda: os.path.exists(self.report) and
                   os.stat(self.report).st_ino != before, 20, "a report")
        return self.read()

    def all_online(self, timeout=120):
        wait_until(lambda: (lambda r: r["online"] == r["nodes"] > 0)(
            self.read()), timeout, "all nodes online: %r" % self.read())

    def reset(self):
        self.p.send_signal(signal.SIGUSR1)

    def stop(self):
        Sim.running.remove(self)
        self.p.terminate()
        self.p.wait(60)
        return self.read()


class Sink:
    def __init__(self, suite, tls):
        args = [BUILD + "/bench-sink", "0"]
        if tls:
            key = suite.state + "/bench.key"
            cert = suite.state + "/bench.crt"
            if not os.path.exists(key):
                subprocess.run(
                    ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                     "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                     "-subj", "/CN=localhost", "-keyout", key, "-out", cert],
                    check=True, capture_output=True)
            args += [cert, key]
        self.p = subprocess.Popen(args, stdout=subprocess.PIPE)
        self.to = "127.0.0.1:" + self.p.stdout.readline().split()[1].decode()
        self.pid = self.p.pid
        pin(self.pid, SERVER_CPU)

    def stop(self):
        self.p.kill()
        self.p.wait()


def make_nodes(suite, n):
    """n nodes that have registered; straight in the database, so that a
    large fleet does not cost minutes before anything is measured."""
    say("registering %d nodes" % n)
    suite.creds = live.register(suite, n)
    suite.first = suite.creds[0].split()[1]


def creds_of(suite, n, kind=1):
    """The first n nodes; kind 0 is an edge of the smaller, older wire."""
    name = suite.state + "/creds-%d-%d" % (n, kind)
    if not os.path.exists(name):
        with open(name, "w") as f:
            for line in suite.creds[:n]:
                f.write("%d %s" % (kind, line.split(" ", 1)[1]))
    return name


def frame_cost(pid, sim):
    """CPU per stats frame: the median of three windows. A window in which
    the generator itself was late (p99 over 5 ms) is not counted; after six
    such it is, and the printed lateness tells."""
    out, late, thrown = [], [], 0
    time.sleep(2)
    while len(out) < 3:
        sim.say(b"mark")
        a, ca = sim.fresh(), cpu_us(pid)
        time.sleep(SECS)
        b, cb = sim.fresh(), cpu_us(pid)
        if b["lateness_us"]["p99"] > 5000 and thrown < 6:
            thrown += 1
            continue
        out.append((cb - ca) / max(1, b["stats"] - a["stats"]))
        late.append(b["lateness_us"]["p99"] / 1000)
    return statistics.median(out), statistics.median(late), b["stats_bytes"]


def bench_frames(suite):
    say("server CPU per stats frame (1 Hz a node)")
    for tls in (False, True):
        suite.restart_hubd(tls="yes" if tls else "no")
        mode = "TLS" if tls else "plain"
        extra = [] if tls else ["--plain"]
        for size, n in ((1500, 4000), (5000, 4000), (30000, 1500)):
            n = min(n, NODES)
            kind = 0 if size < 2000 else 1
            args = ["--stats-bytes", str(size), "--kind",
                    ("edge-old", "edge")[kind]] + extra
            sink = Sink(suite, tls)
            sim = Sim(sink.to, creds_of(suite, n, kind), suite.state, *args)
            sim.all_online()
            ref, _late, _n = frame_cost(sink.pid, sim)
            sim.stop()
            sink.stop()
            sim = Sim(suite.node, creds_of(suite, n, kind), suite.state,
                      *args)
            sim.all_online()
            ours, late, length = frame_cost(suite.hubd, sim)
            sim.stop()
            record("frame %d B %s, %d nodes" % (length, mode, n), ours,
                   "us", ("sink", ref), "1.5 x")
            record("  generator lateness p99", late, "ms", goal="5")
    suite.restart_hubd(tls="yes")


def bench_memory(suite):
    say("memory of %d idle TLS sessions" % NODES)
    suite.restart_hubd(tls="yes")
    before = rss_kb(suite.hubd)
    sim = Sim(suite.node, creds_of(suite, NODES), suite.state,
              "--stats-share", "0")
    sim.all_online(300)
    time.sleep(3)
    record("resident per idle TLS session",
           (rss_kb(suite.hubd) - before) / NODES, "KB", goal="20")
    sim.stop()
    base = suite.counters()["frames_stats"]
    sim = Sim(suite.node, creds_of(suite, NODES, 0), suite.state,
              "--stats-share", "10")
    sim.all_online(300)
    a, ca, sa = suite.counters(), cpu_us(suite.hubd), sim.fresh()
    time.sleep(60)
    rep, cb = sim.fresh(), cpu_us(suite.hubd)
    time.sleep(1)
    b = suite.counters()
    record("sessions held for a minute", b["sessions"], "nodes",
           goal=str(NODES))
    record("sessions lost in it", rep["connects"] - sa["connects"], "nodes",
           goal="0")
    record("CPU share of a core meanwhile", (cb - ca) / 600000, "%")
    final = sim.stop()
    c = wait_until(lambda: (lambda x: x if x["sessions"] == 0 else None)(
        suite.counters()), 60, "all sessions to end")
    record("stats frames sent but not received", final["stats"] -
           (c["frames_stats"] - base), "frames", goal="0")


def health():
    """Bytes that a hub keeps of an edge's health."""
    with open(SRC + "/tests/samples/edge_health_head.json") as f:
        return len(json.dumps(json.load(f)["payload"],
                              separators=(",", ":")))


def bench_sessions(suite):
    """Every session sends its whole stats each second."""
    n = min(SESSIONS, len(suite.creds))
    say("%d TLS sessions at 1 Hz and 5 kB" % n)
    suite.restart_hubd(tls="yes")
    before = rss_kb(suite.hubd)
    sim = Sim(suite.node, creds_of(suite, n), suite.state,
              "--stats-bytes", "5000", "--kind", "edge")
    sim.all_online(300)
    time.sleep(5)
    shares, late, lost = [], [], sim.fresh()["connects"]
    for _ in range(3):
        sim.say(b"mark")
        a, begin = cpu_us(suite.hubd), time.monotonic()
        time.sleep(SECS * 2)
        shares.append((cpu_us(suite.hubd) - a) /
                      (time.monotonic() - begin) / 1e4)
        rep = sim.fresh()
        late.append(rep["lateness_us"]["p99"] / 1000)
    rss = (rss_kb(suite.hubd) - before) / n
    kept = (rep["stats_bytes"] * 9 / 8 + health()) / 1024
    held = suite.counters()["sessions"]
    sim.stop()
    record("%d sessions, 1 Hz, %d B: CPU share" % (n, rep["stats_bytes"]),
           statistics.median(shares), "%", goal="35")
    record("  resident per session", rss, "KB")
    record("  the same without the kept stats and health", rss - kept, "KB",
           goal="17")
    record("  sessions held", held, "nodes", goal=str(n))
    record("  sessions lost meanwhile", rep["connects"] - lost, "nodes",
           goal="0")
    record("  generator lateness p99", statistics.median(late), "ms",
           goal="5")


def probe_rest(suite, stop, out):
    """Open loop, 50 requests a second, latency from the scheduled time."""
    conn = http.client.HTTPConnection(suite.host, suite.port, timeout=30)
    due = time.monotonic()
    while not stop.is_set():
        due += 0.02
        time.sleep(max(0, due - time.monotonic()))
        conn.request("GET", "/api/v1/nodes/" + suite.first, headers={
            "Authorization": "Bearer " + suite.token})
        conn.getresponse().read()
        out.append((time.monotonic() - due) * 1000)


def storm(pid, sim, what):
    a = cpu_us(pid)
    before = sim.fresh()
    sim.reset()
    time.sleep(1)
    wait_until(lambda: sim.read()["online"] == sim.read()["nodes"], 120,
               "everybody back at " + what)
    time.sleep(0.5)
    rep = sim.fresh()
    return (cpu_us(pid) - a) / rep["nodes"], rep, (
        rep["auth_timeout"] - before["auth_timeout"])


def bench_reconnect(suite):
    n = min(STORM, len(suite.creds))
    say("%d nodes come back at once" % n)
    args = ["--stats-share", "0", "--health-ms", "60000"]
    sink = Sink(suite, True)
    sim = Sim(sink.to, creds_of(suite, n), suite.state, *args)
    sim.all_online()
    ref = statistics.median(storm(sink.pid, sim, "the sink")[0]
                            for _ in range(3))
    sim.stop()
    sink.stop()
    sim = Sim(suite.node, creds_of(suite, n), suite.state, *args)
    sim.all_online()
    ours, waits, timeouts, total, lat = [], [], 0, [], []
    stop = threading.Event()
    probe = threading.Thread(target=probe_rest, args=(suite, stop, lat))
    probe.start()
    for _ in range(3):
        cpu, rep, lost = storm(suite.hubd, sim, "hubd")
        ours.append(cpu)
        timeouts += lost
        waits.append(max(rep["handshake_us"]["p99"], rep["auth_us"]["p99"])
                     / 1000)
        total.append(rep["all_online_ms"])
    stop.set()
    probe.join()
    sim.stop()
    record("reconnect, accept to auth_ok", statistics.median(ours), "us",
           ("sink", ref), "1.3 x")
    record("  handshake or auth p99 (the worse)", statistics.median(waits),
           "ms", goal="250")
    record("  all %d online again after" % n, statistics.median(total),
           "ms")
    record("  auth timeouts", timeouts, "nodes", goal="0")
    lat.sort()
    record("  REST p99 meanwhile", lat[int(len(lat) * 0.99)] if lat else 0,
           "ms")


def wrk(url, token=None, conns=32):
    args = ["wrk", "-t1", "-c%d" % conns, "-d%ds" % int(SECS + 2)]
    if token:
        args += ["-H", "Authorization: Bearer " + token]
    p = subprocess.Popen(args + [url], stdout=subprocess.PIPE, text=True)
    pin(p.pid, LOAD_CPU)
    out = p.communicate()[0]
    done = rate = 0
    for line in out.split("\n"):
        if " requests in " in line:
            done = int(line.split()[0])
        if line.startswith("Requests/sec:"):
            rate = float(line.split()[1])
        if "Non-2xx" in line:
            raise SystemExit("bench: " + line)
    return done, rate


def nginx(suite):
    d = suite.state + "/nginx"
    os.makedirs(d, exist_ok=True)
    s = __import__("socket").socket()
    s.bind(("127.0.0.1", 0))
    port = s.getsockname()[1]
    s.close()
    with open(d + "/nginx.conf", "w") as f:
        f.write("daemon off; pid %s/pid; worker_processes 1; user root;\n"
                "error_log %s/err; events { worker_connections 1024; }\n"
                "http { access_log off; keepalive_requests 1000000000;\n"
                "server { listen 127.0.0.1:%d; location / { "
                "return 200 'ok'; } } }\n" % (d, d, port))
    p = subprocess.Popen(["nginx", "-c", d + "/nginx.conf"])
    kids = wait_until(lambda: subprocess.run(
        ["pgrep", "-P", str(p.pid)], capture_output=True,
        text=True).stdout.split(), 10, "nginx")
    return p, int(kids[0]), "http://127.0.0.1:%d/" % port


def pgbench(suite):
    sock = suite.info["state"] + "/pg"
    bindir = subprocess.run(["pg_config", "--bindir"], capture_output=True,
                            text=True).stdout.strip()
    if not os.path.exists(bindir + "/pgbench"):
        bindir = sorted(__import__("glob").glob(
            "/usr/lib/postgresql/*/bin"))[-1]
    for name in ("pg", "run", ""):
        sock = os.path.join(suite.info["state"], name)
        if [x for x in os.listdir(sock) if x.startswith(".s.PGSQL.")]:
            break
    pre = ["setpriv", "--reuid=postgres", "--regid=postgres",
           "--init-groups"] if os.getuid() == 0 else []
    env = dict(os.environ, PGHOST=sock)
    subprocess.run(pre + [bindir + "/createdb", "bench"], env=env)
    subprocess.run(pre + [bindir + "/pgbench", "-i", "-s", "10", "-q",
                          "bench"], env=env, check=True,
                   capture_output=True)
    out = []
    for _ in range(3):
        text = subprocess.run(
            pre + [bindir + "/pgbench", "-S", "-M", "prepared", "-c", "32",
                   "-j", "1", "-T", str(int(SECS)), "bench"], env=env,
            capture_output=True, text=True).stdout
        out += [float(x.split("=")[1].split()[0]) for x in text.split("\n")
                if x.startswith("tps")]
    return statistics.median(out)


SCANNED = (("edge", "edge_stats_1udp_v053"), ("edge", "edge_stats_1udp_head"),
           ("edge", "edge_stats_5x2_udp_2tun_head"),
           ("edge", "edge_stats_20x3_srt_v053"),
           ("relay", "relay_stats_50_head"))


def bench_scan(suite):
    say("validate and summarise a stats frame, one core")
    args = []
    for kind, name in SCANNED:
        args += [kind, "%s/tests/samples/%s.json" % (SRC, name)]
    out = subprocess.run(["taskset", "-c", "0", BUILD + "/bench-scan"] + args,
                         check=True, capture_output=True, text=True).stdout
    for line in out.splitlines():
        r = json.loads(line)
        record("scan %s" % r["file"], r["walk_gbs"], "GB/s",
               ("json-c", r["jsonc_gbs"]), "1.5, 15 x")


def bench_rest(suite):
    say("REST: GET /api/v1/nodes/{id}, 32 connections")
    url = "http://%s:%d/api/v1/nodes/%s" % (suite.host, suite.port,
                                            suite.first)
    p, worker, nurl = nginx(suite)
    pin(suite.apid, SERVER_CPU)
    pin(worker, SERVER_CPU)
    ours, refs, rates = [], [], []
    try:
        for _ in range(3):
            a = cpu_us(worker)
            n, _r = wrk(nurl)
            refs.append((cpu_us(worker) - a) / n)
            a = cpu_us(suite.apid)
            n, rate = wrk(url, suite.token)
            ours.append((cpu_us(suite.apid) - a) / n)
            rates.append(rate)
    finally:
        p.terminate()
        p.wait()
    pin(suite.apid, {0, 1})
    free = statistics.median(wrk(url, suite.token)[1] for _ in range(3))
    tps = pgbench(suite)
    record("apid CPU per GET node", statistics.median(ours), "us",
           ("nginx return 200", statistics.median(refs)), "2.5 x")
    record("GET node throughput", max(free, statistics.median(rates)),
           "1/s", ("pgbench -S -M prepared -c 32", tps), "0.25 x")


# What a bench calls beside our own programs: (program, Debian package).
TOOLS = {"rest": (("nginx", "nginx-light"), ("wrk", "wrk")),
         "page": (("chromium", "chromium"),)}


def missing(names):
    """Packages that must be installed first, as the README lists them."""
    return sorted({package for name in names for tool, package in
                   TOOLS.get(name, ()) if not shutil.which(
                       tool, path=os.environ["PATH"] + ":/usr/sbin")})


BENCHES = {"frames": bench_frames, "memory": bench_memory,
           "sessions": bench_sessions,
           "reconnect": bench_reconnect, "rest": bench_rest,
           "paging": lambda suite: paging.bench_paging(suite, record, say),
           "export": lambda suite: export.bench_export(suite, record, say),
           "scan": bench_scan,
           "dashboard": lambda suite: live.dashboard(suite, ME),
           "command": lambda suite: live.command(suite, ME),
           "events": lambda suite: live.events(suite, ME),
           "changed": lambda suite: live.changed(suite, ME),
           "history": lambda suite: live.history(suite, ME),
           "ai": lambda suite: aicall.bench_ai(suite, suite.provider, ME),
           "page": lambda suite: page.bench_page(suite, ME, HEAP_SECS)}
ME = sys.modules[__name__]
# Parts that need no fleet of registered nodes.
ALONE = {"scan", "ai"}


def main():
    global HEAP_SECS
    names = sys.argv[1:]
    if "--seconds" in names:
        at = names.index("--seconds")
        HEAP_SECS = float(names[at + 1])
        del names[at:at + 2]
    names = names or list(BENCHES)
    unknown = set(names) - set(BENCHES)
    if unknown:
        raise SystemExit("bench: no such part: " + " ".join(unknown))
    packages = missing(names)
    if packages:
        raise SystemExit("bench: first: apt-get install " +
                         " ".join(packages))
    provider = aicall.Provider() if "ai" in names else None
    suite = Suite(provider.settings() if provider else ())
    suite.provider = provider
    try:
        if set(names) - ALONE:
            make_nodes(suite, max(
                NODES if "memory" in names else min(NODES, 4000),
                STORM if "reconnect" in names else 0,
                SESSIONS if "sessions" in names else 0,
                live.LOAD if set(names) & {"dashboard", "command",
                                           "changed"} else 0,
                page.SCROLL if "page" in names else 0))
        for name in names:
            BENCHES[name](suite)
    finally:
        for sim in list(Sim.running):
            sim.stop()
        suite.stop()
        if provider:
            provider.stop()
    print("%-48s %10s %-7s %10s %8s  %s" % (
        "figure", "value", "unit", "reference", "ratio", "goal"))
    for r in rows:
        print("%-48s %10.2f %-7s %10s %8s  %s" % (
            r["name"], r["value"], r["unit"],
            r.get("reference_value", ""), r.get("ratio", ""),
            r.get("goal", "")))
    with open(BUILD + "/BENCH.json", "w") as f:
        json.dump(rows, f, indent=1)


if __name__ == "__main__":
    main()
