"""The live feed, commands and events under load: how late a browser learns
of a frame, how late a node gets a command, what is stored of a flood of
events, and what a tick costs that few nodes change in."""
import argparse
import datetime
import json
import os
import random
import re
import secrets
import select
import socket
import statistics
import subprocess
import sys
import threading
import time
import uuid

import psycopg2

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "bb"))
import hubkit                                           # noqa: E402
import ws                                               # noqa: E402

BROWSERS = int(os.environ.get("BENCH_BROWSERS", "500"))
OVERVIEWS = int(os.environ.get("BENCH_OVERVIEWS", "20"))
PAGE = int(os.environ.get("BENCH_PAGE", "100"))
LOAD = int(os.environ.get("BENCH_LOAD_NODES", "10000"))
FLOOD = int(os.environ.get("BENCH_FLOOD", "20000"))
SECS = float(os.environ.get("BENCH_LIVE_SECS", "20"))
SEEN = re.compile(rb'"last_seen_at":"([^"]+)"')
MADE = re.compile(rb'"created_at" ?: ?"([^"]+)"')


def percentile(values, q):
    return sorted(values)[min(len(values) - 1, int(len(values) * q))]


def age(stamp, now):
    t = datetime.datetime.fromisoformat(
        stamp.decode().replace("Z", "+00:00")).timestamp()
    return (now - t) * 1000


class Browsers:
    """Many sockets in one loop. What they get is timed when its last byte
    is there; a few are looked into. Runs as a process of its own."""

    def __init__(self, host, port, token, nodes):
        self.poll = select.epoll()
        self.socks, self.data = {}, {}
        self.bytes = self.texts = 0
        self.stats, self.events, self.late = [], [], []
        random.seed(1)
        for i in range(BROWSERS):
            self.join(host, port, token, i, nodes)
        self.looked = set(list(self.socks)[::max(1, BROWSERS // 25)])

    def join(self, host, port, token, i, nodes):
        b = ws.WebSocket(host, port, "/ws/dashboard", headers=[
            ("Authorization", "Bearer " + token)])
        b.text(json.dumps({
            "type": "subscribe", "topics": ["status", "stats", "events"],
            "stats": "numbers", "nodes": "all" if i < OVERVIEWS else
            random.sample(nodes, min(PAGE, len(nodes)))}))
        b.sock.setblocking(False)
        self.socks[b.sock.fileno()] = b
        self.data[b.sock.fileno()] = bytearray(b.data)
        self.poll.register(b.sock.fileno(), select.EPOLLIN)

    def frames(self, fd):
        """Whole frames out of what is there."""
        d = self.data[fd]
        while len(d) >= 2:
            n, at = d[1] & 127, 2
            if n == 126:
                n, at = int.from_bytes(d[2:4], "big"), 4
            elif n == 127:
                n, at = int.from_bytes(d[2:10], "big"), 10
            if len(d) < at + n:
                return
            op, text = d[0] & 15, bytes(d[at:at + n])
            del d[:at + n]
            if op == ws.PING:
                self.socks[fd].sock.setblocking(True)
                self.socks[fd].send(ws.PONG, text)
                self.socks[fd].sock.setblocking(False)
            elif op == ws.TEXT:
                yield text
            else:
                raise SystemExit("bench: a browser was closed: %r" % text)

    def take(self, fd, measure):
        try:
            got = self.socks[fd].sock.recv(1 << 20)
        except BlockingIOError:
            return
        if not got:
            raise SystemExit("bench: a browser was cut off")
        self.data[fd] += got
        now = time.time()
        self.bytes += len(got)
        for text in self.frames(fd):
            self.texts += 1
            if not measure or text.startswith(b'{"type":"snapshot"'):
                continue
            if text.startswith(b'{"type":"news"'):
                self.events += [age(t, now) for t in MADE.findall(text)]
            elif fd in self.looked:
                self.stats += [age(t, now) for t in SEEN.findall(text)]

    def run(self, secs):
        begin = time.monotonic()
        while time.monotonic() < begin + 4 + secs:
            measure = time.monotonic() > begin + 4
            for fd, _ in self.poll.poll(0.5):
                self.take(fd, measure)
        return {"bytes": self.bytes, "texts": self.texts,
                "cpu": sum(os.times()[:2]),
                "stats": [percentile(self.stats or [-1], q)
                          for q in (0.5, 0.99)] + [len(self.stats)],
                "events": [percentile(self.events or [-1], q)
                           for q in (0.5, 0.99)] + [len(self.events)]}


def stalled(suite):
    """A browser that wants everything and reads nothing."""
    b = ws.WebSocket(suite.host, suite.port, "/ws/dashboard", headers=[
        ("Authorization", "Bearer " + suite.token)])
    b.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    b.text('{"type":"subscribe","topics":["status","stats","events"]}')
    return b


def ids_of(suite, n):
    return [x.split()[1] for x in suite.creds[:n]]


def dashboard(suite, bench):
    n = min(LOAD, len(suite.creds))
    bench.say("%d browsers on %d nodes at 1 Hz" % (BROWSERS, n))
    sim = bench.Sim(suite.node, bench.creds_of(suite, n), suite.state,
                    "--events", "20")
    sim.all_online(300)
    lazy = stalled(suite)
    a = bench.cpu_us(suite.apid), bench.cpu_us(suite.hubd)
    begin = time.monotonic()
    p = subprocess.run(
        [sys.executable, __file__, suite.host, str(suite.port)],
        input=json.dumps([suite.token, ids_of(suite, n)]).encode(),
        stdout=subprocess.PIPE, check=True)
    took = time.monotonic() - begin
    b = bench.cpu_us(suite.apid), bench.cpu_us(suite.hubd)
    got = json.loads(p.stdout)
    lateness = sim.fresh()["lateness_us"]["p99"] / 1000
    lazy.sock.close()
    sim.stop()
    what = "%d browsers (%d of all nodes, others of %d), %d nodes" % (
        BROWSERS, min(OVERVIEWS, BROWSERS), PAGE, n)
    bench.record(what, got["bytes"] / 1e6 / took, "MB/s")
    bench.record("  stats, frame to browser, p50", got["stats"][0], "ms")
    bench.record("  stats, frame to browser, p99", got["stats"][1], "ms",
                 goal="1200")
    bench.record("  events, frame to browser, p50", got["events"][0], "ms")
    bench.record("  events, frame to browser, p99", got["events"][1], "ms",
                 goal="200")
    bench.record("  samples (stats)", got["stats"][2], "")
    bench.record("  samples (events)", got["events"][2], "")
    bench.record("  apid CPU meanwhile", (b[0] - a[0]) / took / 1e4, "%")
    bench.record("  hubd CPU meanwhile", (b[1] - a[1]) / took / 1e4, "%")
    bench.record("  CPU of all browsers meanwhile", got["cpu"] / took * 100,
                 "%")
    bench.record("  generator lateness p99", lateness, "ms", goal="5")


class Obedient(threading.Thread):
    """One node that notes when each command reached its socket."""

    def __init__(self, suite, line):
        super().__init__(daemon=True)
        _, node, secret = line.split()
        host, port = suite.node.split(":")
        self.ws = ws.WebSocket(host, int(port), "/ws/node", tls=True)
        self.ws.text(json.dumps({"type": "auth", "payload": {
            "node_id": node, "node_secret": secret,
            "software_version": "1", "protocol_version": 4}}))
        if b"auth_ok" not in self.ws.recv(20)[1]:
            raise SystemExit("bench: the node was not let in")
        self.node, self.at = node, []

    def run(self):
        try:
            while True:
                doc = json.loads(self.ws.recv(3600)[1])
                now = time.monotonic()
                if doc["type"] == "command":
                    self.at.append(now)
                    self.ws.text(json.dumps({
                        "type": "command_ack", "payload": {"command_id":
                        doc["payload"]["command_id"], "success": True}}))
                elif doc["type"] == "ping":
                    self.ws.text('{"type":"pong","payload":null}')
        except (ws.Closed, OSError):
            pass


def command(suite, bench):
    n = min(LOAD, len(suite.creds))
    bench.say("commands with %d nodes loaded" % n)
    names = suite.state + "/creds-rest-%d" % n
    with open(names, "w") as f:
        f.writelines("1 " + x.split(" ", 1)[1] for x in suite.creds[1:n])
    sim = bench.Sim(suite.node, names, suite.state)
    sim.all_online(300)
    node = Obedient(suite, suite.creds[0])
    node.start()
    sent, due = [], time.monotonic()
    for _ in range(int(SECS * 20)):
        due += 0.05
        time.sleep(max(0, due - time.monotonic()))
        sent.append(time.monotonic())
        suite.rest("POST", "/api/v1/nodes/%s/command" % node.node,
                   {"action": {"type": "start_flow", "flow_id": "f"}})
    sim.stop()
    if len(node.at) != len(sent):
        raise SystemExit("bench: %d commands, %d frames" % (
            len(sent), len(node.at)))
    waits = [(b - a) * 1000 for a, b in zip(sent, node.at)]
    node.ws.close()
    bench.record("REST request to command on the socket, p50",
                 percentile(waits, 0.5), "ms")
    bench.record("REST request to command on the socket, p99",
                 percentile(waits, 0.99), "ms", goal="10")


def register(suite, n):
    """Lines of credentials of n new nodes."""
    where = argparse.Namespace(state=suite.info["state"])
    ids = [str(uuid.uuid4()) for _ in range(n)]
    words = [secrets.token_hex(32) for _ in range(n)]
    c = connect(suite).cursor()
    c.execute("INSERT INTO mast.nodes (id, name, device_type) SELECT u.id, "
              "format('bench-%%s', lpad(u.i::text, 5, '0')), 'edge' FROM "
              "unnest(%s::uuid[]) WITH ORDINALITY AS u(id, i)", (ids,))
    c.execute("INSERT INTO mast.node_secrets (node_id, secret_hash, "
              "first_used_at) SELECT u.id, u.h, now() FROM unnest("
              "%s::uuid[], %s::bytea[]) AS u(id, h)", (
                  ids, [hubkit.keyed_hash(where, "node", w)
                        for w in words]))
    c.execute("ANALYZE mast.nodes, mast.node_secrets, mast.node_state")
    return ["1 %s %s\n" % x for x in zip(ids, words)]


def connect(suite):
    c = psycopg2.connect("host=%s/pg dbname=mastkeeper user=postgres" %
                         suite.info["state"])
    c.autocommit = True
    return c


def bare_unnest(suite):
    """Rows a second of the same rows, 1000 a statement, one connection."""
    db = connect(suite)
    c = db.cursor()
    c.execute("SELECT node_id, node_name, severity::text, category, message,"
              " details::text FROM mast.events WHERE category <> "
              "'connection' ORDER BY id DESC LIMIT 1000")
    cols = [list(x) for x in zip(*c.fetchall())]
    rates = []
    for _ in range(3):
        begin = time.monotonic()
        for _ in range(20):
            c.execute(
                "INSERT INTO mast.events (created_at, node_id, node_name, "
                "severity, category, message, details) SELECT now(), x.* "
                "FROM (SELECT a, b, c::mast.severity, d, e, f::json FROM "
                "unnest(%s::uuid[], %s::text[], %s::text[], %s::text[], "
                "%s::text[], %s::text[]) AS u(a, b, c, d, e, f)) x", cols)
        rates.append(20 * len(cols[0]) / (time.monotonic() - begin))
    return statistics.median(rates)


def events(suite, bench):
    n = min(1000, len(suite.creds))
    bench.say("%d events a second from %d nodes" % (FLOOD, n))
    db = connect(suite)
    c = db.cursor()
    c.execute("ANALYZE mast.events")
    # Whoever looks must not be the load: no scan of all for each look.
    c.execute("SET enable_seqscan = off")
    c.execute("SET max_parallel_workers_per_gather = 0")
    before = suite.counters()
    newest = "SELECT coalesce(max(id), 0) FROM mast.events"
    c.execute(newest)
    first = c.fetchone()[0]
    sim = bench.Sim(suite.node, bench.creds_of(suite, n), suite.state,
                    "--stats-ms", "0", "--events", str(FLOOD))
    sim.all_online(120)
    time.sleep(2)
    # What came before the first look was visible before it.
    c.execute(newest)
    last = c.fetchone()[0]
    ages, begin = [], time.monotonic()
    while time.monotonic() < begin + SECS:
        c.execute("SELECT max(id), count(*), extract(epoch FROM "
                  "clock_timestamp() - min(created_at)) FROM mast.events "
                  "WHERE id > %s", (last,))
        top, count, oldest = c.fetchone()
        if count:
            ages.append((float(oldest) * 1000, count))
            last = top
        time.sleep(0.01)
    rate = sum(k for _, k in ages) / (time.monotonic() - begin)
    final = sim.stop()
    after = bench.wait_until(
        lambda: (lambda x: x if x["events_waiting"] == 0 and
                 x["sessions"] == 0 else None)(suite.counters()), 60,
        "everything stored")
    time.sleep(1)
    c.execute("SELECT count(*) FROM mast.events WHERE id > %s AND category "
              "NOT IN ('connection', 'hub')", (first,))
    stored = c.fetchone()[0]
    expanded = sorted(a for a, k in ages for _ in range(max(1, k // 50)))
    bare = bare_unnest(suite)
    bench.record("events sustained from %d nodes" % n, rate, "1/s",
                 ("bare UNNEST of 1000", bare), "20000")
    bench.record("  receipt to visible, p99 (upper bound)",
                 percentile(expanded, 0.99), "ms", goal="100")
    bench.record("  sent and not stored", final["events"] - stored,
                 "events", goal="0")
    bench.record("  counted as dropped", after["events_dropped"] -
                 before["events_dropped"], "events", goal="0")


def changed(suite, bench):
    n = min(LOAD, len(suite.creds))
    bench.say("cost of a second in which few of %d nodes change" % n)
    b = ws.WebSocket(suite.host, suite.port, "/ws/dashboard", headers=[
        ("Authorization", "Bearer " + suite.token)])
    b.text('{"type":"subscribe","topics":["status","stats"],'
           '"stats":"numbers"}')
    stop = threading.Event()

    def drink():
        while not stop.is_set():
            try:
                b.recv(1)
            except TimeoutError:
                pass
    t = threading.Thread(target=drink)
    t.start()
    try:
        for share in (1, 10, 100):
            sim = bench.Sim(suite.node, bench.creds_of(suite, n),
                            suite.state, "--stats-share", str(share),
                            "--health-ms", "600000")
            sim.all_online(300)
            time.sleep(3)
            x = bench.cpu_us(suite.hubd), bench.cpu_us(suite.apid)
            time.sleep(SECS)
            y = bench.cpu_us(suite.hubd), bench.cpu_us(suite.apid)
            sim.stop()
            bench.wait_until(lambda: suite.counters()["sessions"] == 0, 60,
                             "all sessions to end")
            bench.record("hubd CPU a second, %d %% of %d nodes" % (
                share, n), (y[0] - x[0]) / SECS / 1000, "ms")
            bench.record("apid CPU a second, %d %% of %d nodes" % (
                share, n), (y[1] - x[1]) / SECS / 1000, "ms")
    finally:
        stop.set()
        t.join()
        b.close()


def backends(c):
    """CPU of hubd's connections to PostgreSQL, microseconds."""
    c.execute("SELECT pid FROM pg_stat_activity WHERE usename = "
              "'_mast_hubd'")
    return sum(cpu_of(r[0]) for r in c.fetchall())


def cpu_of(pid):
    with open("/proc/%d/schedstat" % pid) as f:
        return int(f.read().split()[0]) / 1000


def history(suite, bench):
    """What the samples of a fleet cost, and their roll-ups."""
    n = min(1000, len(suite.creds))
    bench.say("history of %d nodes" % n)
    c = connect(suite).cursor()
    sim = bench.Sim(suite.node, bench.creds_of(suite, n), suite.state,
                    "--stats-bytes", "5000", "--kind", "edge")
    sim.all_online(120)
    time.sleep(12)
    a, before, begin = suite.counters(), backends(c), time.monotonic()
    time.sleep(SECS * 2)
    b, after = suite.counters(), backends(c)
    took = time.monotonic() - begin
    sim.stop()
    rows = b["samples_stored"] - a["samples_stored"]
    c.execute("SELECT sum(pg_total_relation_size(i.inhrelid)), "
              "(SELECT count(*) FROM mast.samples) FROM pg_inherits i "
              "WHERE i.inhparent = 'mast.samples'::regclass")
    size, stored = (float(x) for x in c.fetchone())
    bench.record("history of %d nodes: samples" % n, rows / took, "1/s")
    bench.record("  dropped", b["samples_dropped"] - a["samples_dropped"],
                 "samples", goal="0")
    bench.record("  in the database, a sample", size / stored, "B")
    bench.record("  CPU share of hubd's database connections",
                 (after - before) / took / 1e4, "%")
    bench.record("  a roll-up of ten minutes", rollup(c), "ms",
                 goal="5000")


def rollup(c):
    """Milliseconds for the minutes of ten minutes of what is there."""
    c.execute("INSERT INTO mast.samples (node_id, object, at, v) SELECT "
              "s.node_id, s.object, t, s.v FROM (SELECT DISTINCT ON (node_id,"
              " object) * FROM mast.samples) s, generate_series("
              "date_bin('10 min', now(), 'epoch') - interval '20 min', "
              "date_bin('10 min', now(), 'epoch') - interval '610 s', "
              "interval '10 s') t ON CONFLICT DO NOTHING")
    c.execute("UPDATE mast.rollup_marks SET until = date_bin('10 min', "
              "now(), 'epoch') - interval '20 min'")
    begin = time.monotonic()
    c.execute("SELECT mast.rollup(date_bin('10 min', now(), 'epoch') "
              "- interval '10 min')")
    return (time.monotonic() - begin) * 1000


if __name__ == "__main__":
    TOKEN, NODES = json.load(sys.stdin)
    print(json.dumps(Browsers(sys.argv[1], int(sys.argv[2]), TOKEN,
                              NODES).run(SECS)))
