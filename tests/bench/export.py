"""An export of 10,000 nodes and 1,000,000 events: what apid's memory grows
by while it streams, and how fast."""
import http.client
import os
import re
import time

from paging import connect

NODES = int(os.environ.get("BENCH_EXPORT_NODES", "10000"))
EVENTS = int(os.environ.get("BENCH_EXPORT_EVENTS", "1000000"))

FILL = """
INSERT INTO mast.nodes (id, name, device_type)
    SELECT gen_random_uuid(), 'export-' || g, 'edge'
    FROM generate_series(1, %d) g;
INSERT INTO mast.events (created_at, node_id, node_name, severity, category,
    message, details)
SELECT now() - g * interval '1 second', n.id, n.name, 'warning', 'flow',
    'bitrate of the input has fallen below the threshold',
    '{"flow":"f1","bps":1234567}'
FROM (SELECT id, name, row_number() OVER () r FROM mast.nodes
    WHERE name LIKE 'export-%%') n
JOIN generate_series(1, %d) g ON g %% %d + 1 = n.r;
"""
EMPTY = """
DELETE FROM mast.events WHERE node_name LIKE 'export-%';
DELETE FROM mast.nodes WHERE name LIKE 'export-%';
"""


def status_kb(pid, field):
    with open("/proc/%d/status" % pid) as f:
        return int(re.search(field + r":\s+(\d+)", f.read()).group(1))


def take(suite):
    """The whole file, thrown away; its bytes."""
    c = http.client.HTTPConnection("127.0.0.1", suite.port, timeout=600)
    c.request("GET", "/api/v1/export?include_events=true",
              headers={"Authorization": "Bearer " + suite.token})
    r = c.getresponse()
    if r.status != 200:
        raise SystemExit("bench: export: %d %r" % (r.status, r.read()))
    n = 0
    while True:
        part = r.read(1 << 20)
        if not part:
            break
        n += len(part)
    c.close()
    return n


def bench_export(suite, record, say):
    say("filling %d nodes and %d events" % (NODES, EVENTS))
    db = connect(suite)
    cursor = db.cursor()
    cursor.execute(FILL % (NODES, EVENTS, NODES))
    pid = suite.info["pids"]["apid"]
    with open("/proc/%d/clear_refs" % pid, "w") as f:
        f.write("5")                    # the high-water mark starts anew
    idle = status_kb(pid, "VmRSS")
    began = time.monotonic()
    size = take(suite)
    took = time.monotonic() - began
    grown = status_kb(pid, "VmHWM") - idle
    record("export: apid's memory above idle", grown / 1024, "MiB",
           goal="< 64")
    record("export: %d MB" % (size / 1e6), size / 1e6 / took, "MB/s")
    cursor.execute(EMPTY)
    db.close()
