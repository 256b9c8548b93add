"""Events paged by cursor while others come in: nothing skipped, nothing
repeated, and what a page costs beside the bare SQL of the same rows."""
import http.client
import os
import re
import statistics
import threading
import time

import psycopg2

EVENTS = int(os.environ.get("BENCH_EVENTS", "100000"))
RATE = int(os.environ.get("BENCH_EVENT_RATE", "1000"))
LIMIT = 200
BATCH = 10

# What a page is at least: as superuser, so without any policy, and without
# JSON. The place is found by the same index.
BARE = """PREPARE page (timestamptz, bigint) AS
SELECT e.id, e.node_id, e.node_name, e.severity, e.category, e.message,
    e.details, e.flow_id, e.created_at, e.acknowledged_at, e.acknowledged_by
FROM mast.events e WHERE (e.created_at, e.id) < ($1, $2)
ORDER BY e.created_at DESC, e.id DESC LIMIT %d""" % LIMIT


def connect(suite):
    c = psycopg2.connect("host=%s/pg dbname=mastkeeper user=postgres" %
                         suite.info["state"])
    c.autocommit = True
    return c


class Inserter(threading.Thread):
    """So many a second, in small batches, with the time of now."""

    def __init__(self, suite, node):
        super().__init__(daemon=True)
        self.db, self.node = connect(suite), node
        self.done = threading.Event()
        self.count = 0

    def run(self):
        cursor = self.db.cursor()
        began = time.monotonic()
        while not self.done.is_set():
            cursor.execute(
                "INSERT INTO mast.events (created_at, node_id, node_name, "
                "severity, category, message) SELECT now(), %s, 'bench', "
                "'info', 'bench', 'one more' FROM generate_series(1, %s)",
                (self.node, BATCH))
            self.count += BATCH
            wait = began + self.count / RATE - time.monotonic()
            if wait > 0:
                self.done.wait(wait)
        self.rate = self.count / (time.monotonic() - began)


def fill(db, node):
    """EVENTS of them, over the last 20 hours; their ids."""
    cursor = db.cursor()
    cursor.execute(
        "INSERT INTO mast.events (created_at, node_id, node_name, severity, "
        "category, message, details) SELECT now() - n * interval '20 hours' "
        "/ %s, %s, 'bench', 'warning', 'flow', 'packets were lost on input '"
        " || n, '{\"lost\": 17, \"window\": [1, 2, 3]}' "
        "FROM generate_series(1, %s) n RETURNING id",
        (EVENTS, node, EVENTS))
    ids = {i for i, in cursor.fetchall()}
    cursor.execute("ANALYZE mast.events")
    return ids


def walk(suite):
    """Ids in the order in which the pages had them, and the seconds of each
    page."""
    conn = http.client.HTTPConnection(suite.host, suite.port)
    path, ids, times = "/api/v1/events?limit=%d" % LIMIT, [], []
    while path:
        began = time.perf_counter()
        conn.request("GET", path, headers={
            "Authorization": "Bearer " + suite.token})
        r = conn.getresponse()
        body = r.read()
        times.append(time.perf_counter() - began)
        if r.status != 200:
            raise SystemExit("bench: %s: %d %s" % (path, r.status, body))
        ids += [int(i) for i in re.findall(rb'"id" : (\d+), "node_id"', body)]
        link = re.match("<([^>]+)>", r.getheader("Link") or "")
        path = link and link.group(1)
    conn.close()
    return ids, times


def bare(db):
    """Seconds of each page of the same walk in SQL alone."""
    cursor = db.cursor()
    cursor.execute(BARE)
    at, last, times = "infinity", 2**62, []
    while True:
        began = time.perf_counter()
        cursor.execute("EXECUTE page (%s, %s)", (at, last))
        page = cursor.fetchall()
        times.append(time.perf_counter() - began)
        if len(page) < LIMIT:
            return times
        at, last = page[-1][8], page[-1][0]


def percentile(values, p):
    return sorted(values)[min(len(values) - 1, int(len(values) * p / 100))]


def bench_paging(suite, record, say):
    say("events: %d paged by %d while %d a second come in" % (
        EVENTS, LIMIT, RATE))
    db = connect(suite)
    node = suite.rest("POST", "/api/v1/nodes", {"name": "paging"})["id"]
    ids = fill(db, node)
    inserter = Inserter(suite, node)
    inserter.start()
    try:
        walk(suite)                     # warm
        got, times = walk(suite)
        sql = bare(db)
    finally:
        inserter.done.set()
        inserter.join()
    seen = set(got)
    if len(got) < len(ids):
        say("  %d events were listed" % len(got))
    record("events skipped by the cursor", len(ids - seen), "", goal="0")
    record("events repeated by the cursor", len(got) - len(seen), "",
           goal="0")
    record("events inserted meanwhile", inserter.rate, "1/s",
           goal="%d" % RATE)
    p50 = statistics.median(sql) * 1000
    record("page of %d events, p50" % LIMIT, statistics.median(times) * 1000,
           "ms", ("bare SQL p50", p50))
    record("page of %d events, p99" % LIMIT, percentile(times, 99) * 1000,
           "ms", ("bare SQL p50", p50), "20 x")
    db.close()
