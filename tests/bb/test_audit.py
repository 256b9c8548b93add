#!/usr/bin/python3
"""The audit: seals that hold against whoever owns the database, the
commands, the read API, and that refusals and exports are in it."""
import contextlib
import csv
import io
import json
import os
import re
import signal
import subprocess
import sys
import threading
import urllib.parse

import mast
import tap


def conf_value(s, key):
    with open(s.conf) as f:
        return re.search(r"^%s\s*=\s*(.*)$" % key, f.read(), re.M).group(1)


def path(s, name):
    return os.path.join(conf_value(s, "state_dir"), name)


def verify(s, *args, want=0):
    return s.ctl("audit", "verify", *args, want=want, json_out=True)


def seal(s):
    return s.ctl("audit", "seal", json_out=True)


def writer(s):
    """A connection with the rights of apid."""
    c = s.connect_db()
    c.cursor().execute("SET ROLE _mast_apid")
    return c


def rows(s, n, action="test.row"):
    """n rows, each its own transaction."""
    c = writer(s)
    with c.cursor() as q:
        for i in range(n):
            q.execute("INSERT INTO mast.audit (actor_kind, actor_name, "
                      "action, target_type, target_id, details, address, "
                      "request_id) VALUES ('user', 'tester', %s, 'thing', "
                      "%s, '{\"a\": [1, \"\u00fc\\\"\"]}', '192.0.2.7', "
                      "'req')", (action, str(i)))
    c.close()


@contextlib.contextmanager
def tampered(s):
    """What is done to audit, seals and queue in here is undone."""
    tables = ("audit", "audit_seals", "audit_open")
    s.sql("SET session_replication_role = replica")
    for t in tables:
        s.sql("CREATE TEMP TABLE keep_%s AS TABLE mast.%s" % (t, t))
    try:
        yield
    finally:
        for t in tables:
            s.sql("DELETE FROM mast.%s" % t)
            s.sql("INSERT INTO mast.%s OVERRIDING SYSTEM VALUE "
                  "TABLE keep_%s" % (t, t))
            s.sql("DROP TABLE keep_%s" % t)
        s.sql("RESET session_replication_role")


def found(s, *statements, args=()):
    """The kinds of faults that verify finds after these statements."""
    with tampered(s):
        for st in statements:
            s.sql(st)
        doc = verify(s, *args, want=1)
        assert not doc["ok"]
        return sorted({f["kind"] for f in doc["faults"]})


def chain(s):
    """At least four seals, a few rows that wait."""
    while s.one("SELECT count(*) FROM mast.audit_seals") < 4:
        rows(s, 5)
        seal(s)
    rows(s, 2)


def test_untouched(s):
    """An untouched log verifies; later rows are not yet sealed"""
    rows(s, 3)
    made = seal(s)
    assert made["sealed_rows"] >= 3, made
    doc = verify(s)
    tap.equal((doc["ok"], doc["faults"], doc["not_yet_sealed"]),
              (True, [], 0))
    tap.equal(doc["head"], made["head"])
    tap.equal(doc["sealed_rows"], s.one("SELECT count(*) FROM mast.audit"))
    rows(s, 2)
    doc = verify(s)
    tap.equal((doc["ok"], doc["not_yet_sealed"]), (True, 2))
    text = s.ctl("audit", "verify")
    assert "2 rows not yet sealed" in text and "verified" in text, text
    tap.equal(seal(s)["sealed_rows"], 2)
    tap.equal(seal(s)["sealed_rows"], 0)
    with open(path(s, "audit.head")) as f:
        tap.equal(f.read().strip(), verify(s)["head"])


def test_late_rows(s):
    """A row that commits after its neighbours were sealed does not escape"""
    late = writer(s)
    late.autocommit = False
    q = late.cursor()
    q.execute("INSERT INTO mast.audit (actor_kind, action) "
              "VALUES ('system', 'test.late')")
    gone = writer(s)
    gone.autocommit = False
    gone.cursor().execute("INSERT INTO mast.audit (actor_kind, action) "
                          "VALUES ('system', 'test.undone')")
    rows(s, 3)
    seal(s)
    last = s.one("SELECT max(last_id) FROM mast.audit_seals")
    doc = verify(s)
    tap.equal((doc["ok"], doc["not_yet_sealed"]), (True, 0))
    late.commit()
    gone.rollback()
    late.close()
    gone.close()
    row = s.one("SELECT id FROM mast.audit WHERE action = 'test.late'")
    assert row < last, (row, last)
    doc = verify(s)
    tap.equal((doc["ok"], doc["not_yet_sealed"]), (True, 1))
    tap.equal(seal(s)["sealed_rows"], 1)
    assert verify(s)["ok"]
    tap.equal(s.sql("SELECT count(*), max(first_id) FROM mast.audit_seals "
                    "WHERE ids @> %s::bigint", row), [(1, row)])
    with tampered(s):
        s.sql("DELETE FROM mast.audit WHERE id = %s", row)
        tap.equal(verify(s, want=1)["faults"][0]["kind"], "removed")


def test_changed_rows(s):
    """A change of any column of a sealed row is found"""
    chain(s)
    row = s.one("SELECT id FROM mast.audit WHERE action = 'test.row' "
                "ORDER BY id LIMIT 1")
    changes = ["at = at + interval '1 microsecond'", "actor_kind = 'system'",
               "actor_user = gen_random_uuid()", "actor_name = 'Tester'",
               "actor_name = NULL", "action = 'test.rox'",
               "target_type = NULL", "target_id = '77'",
               "details = '{\"a\": [1, \"x\"]}'", "details = NULL",
               "address = '192.0.2.8'", "address = '192.0.2.7/24'",
               "request_id = 'reQ'", "request_id = 'null'"]
    for change in changes:
        tap.equal(found(s, "UPDATE mast.audit SET %s WHERE id = %d" % (
            change, row)), ["changed"], change)
    a, b = [r[0] for r in s.sql("SELECT id FROM mast.audit WHERE action = "
                                "'test.row' ORDER BY id LIMIT 2")]
    tap.equal(found(s, "UPDATE mast.audit SET target_id = CASE id WHEN %d "
                    "THEN '1' ELSE '0' END WHERE id IN (%d, %d)" % (
                        a, a, b)), ["changed"])
    assert verify(s)["ok"]


def test_removed_rows(s):
    """A row removed or put in is found, sealed or waiting"""
    chain(s)
    first = "(SELECT min(id) FROM mast.audit)"
    waits = "(SELECT max(id) FROM mast.audit_open)"
    tap.equal(found(s, "DELETE FROM mast.audit WHERE id = " + first),
              ["removed"])
    tap.equal(found(s, "DELETE FROM mast.audit WHERE id = " + waits),
              ["removed"])
    tap.equal(found(s, "DELETE FROM mast.audit_open WHERE id = " + waits),
              ["unsealed"])
    tap.equal(found(s, "INSERT INTO mast.audit (actor_kind, action) "
                    "VALUES ('user', 'x')"), ["unsealed"])
    tap.equal(found(
        s, "DELETE FROM mast.audit WHERE id = " + first,
        "INSERT INTO mast.audit (id, actor_kind, action) OVERRIDING SYSTEM "
        "VALUE SELECT min(id) - 1, 'user', 'x' FROM mast.audit"),
        ["changed"])
    assert verify(s)["ok"]


def test_seals(s):
    """A seal removed, moved, changed or signed by another is found"""
    chain(s)
    assert verify(s)["ok"]
    table = [
        (["DELETE FROM mast.audit_seals WHERE seq = 2"],
         ["seal", "unsealed"]),
        (["DELETE FROM mast.audit_seals WHERE seq = 1"],
         ["seal", "unsealed"]),
        (["DELETE FROM mast.audit_seals WHERE seq = 2",
          "UPDATE mast.audit_seals SET seq = seq - 1 WHERE seq > 2"],
         ["replaced", "seal", "truncated", "unsealed"]),
        (["UPDATE mast.audit_seals SET seq = 1000000 WHERE seq = 2",
          "UPDATE mast.audit_seals SET seq = 2 WHERE seq = 3",
          "UPDATE mast.audit_seals SET seq = 3 WHERE seq = 1000000"],
         ["seal"]),
        (["UPDATE mast.audit_seals SET sealed_at = sealed_at - "
          "interval '1 day' WHERE seq = 2"], ["seal"]),
        (["UPDATE mast.audit_seals SET content = sha256('x') "
          "WHERE seq = 2"], ["changed", "seal"]),
        (["UPDATE mast.audit_seals SET signature = set_byte(signature, 3, "
          "get_byte(signature, 3) # 1) WHERE seq = 2"], ["seal"]),
        (["UPDATE mast.audit_seals SET chain = sha256('x') "
          "WHERE seq = 2"], ["seal"]),
        (["UPDATE mast.audit_seals SET rows = rows + 1 WHERE seq = 2"],
         ["removed", "seal"]),
        (["UPDATE mast.audit_seals SET signer = sha256('x') "
          "WHERE seq = 2"], ["seal"]),
    ]
    for statements, kinds in table:
        got = found(s, *statements)
        assert set(got) <= set(kinds) and "seal" in got, (statements, got)
    assert verify(s)["ok"]


def test_truncated(s):
    """A tail cut off with its rows is found by the head that is kept"""
    chain(s)
    seal(s)
    head = verify(s)["head"]
    cut = ("DELETE FROM mast.audit a USING mast.audit_seals s WHERE s.seq = "
           "(SELECT max(seq) FROM mast.audit_seals) AND s.ids @> a.id",
           "DELETE FROM mast.audit_seals WHERE seq = "
           "(SELECT max(seq) FROM mast.audit_seals)")
    tap.equal(found(s, *cut), ["truncated"])
    tap.equal(found(s, "DELETE FROM mast.audit", "DELETE FROM "
                    "mast.audit_seals", "DELETE FROM mast.audit_open"),
              ["truncated"])
    # Without the file on this host, by a head that was written down.
    os.rename(path(s, "audit.head"), path(s, "audit.away"))
    try:
        tap.equal(found(s, *cut, args=("--anchor", head)), ["truncated"])
        with tampered(s):
            for st in cut:
                s.sql(st)
            doc = verify(s)     # nothing is known: said, and not claimed
            tap.equal((doc["ok"], doc["anchor"]), (True, None))
            os.unlink(path(s, "audit.head"))
    finally:
        os.rename(path(s, "audit.away"), path(s, "audit.head"))
    assert verify(s, "--anchor", head)["ok"]
    other = head.split(":")[0] + ":" + "0" * 64
    tap.equal(verify(s, "--anchor", other, want=1)["faults"][0]["kind"],
              "replaced")


def test_owner_cannot_forge(s):
    """The owner's own chain, signed with a key of his own, is not trusted"""
    chain(s)
    seal(s)
    keep = [path(s, n) for n in ("audit.key", "audit.pub", "audit.head")]
    for f in keep:
        os.rename(f, f + ".away")
    try:
        with tampered(s):
            s.sql("DELETE FROM mast.audit_seals")
            s.sql("UPDATE mast.audit SET actor_name = 'nobody' "
                  "WHERE action = 'test.row'")
            s.sql("INSERT INTO mast.audit_open SELECT id FROM mast.audit")
            s.ctl("setup", "--superuser-conninfo", s.conninfo +
                  " user=postgres")
            seal(s)
            assert verify(s)["ok"]      # by his own key
            for f in keep[1:]:
                os.rename(f, f + ".his")
                os.rename(f + ".away", f)
            kinds = {f["kind"] for f in verify(s, want=1)["faults"]}
            assert {"seal", "truncated"} & kinds, kinds
            # Nor does the holder of the key follow that chain.
            os.rename(keep[0] + ".away", keep[0])
            rows(s, 1)
            s.ctl("audit", "seal", want=5)
    finally:
        for f in keep:
            if os.path.exists(f + ".away"):
                os.rename(f + ".away", f)
    assert verify(s)["ok"]


@contextlib.contextmanager
def give_up(proc):
    """What it is waited for has an end, as all has."""
    timer = threading.Timer(60 * mast.PATIENCE, proc.kill)
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def test_many_sealers(s):
    """Sealers at once, rows meanwhile: each row in one seal, no gap"""
    rows(s, 20)
    with subprocess.Popen(
            [s.program("mastctl"), "-f", s.conf, "audit", "tail",
             "--follow", "--json"], stdout=subprocess.PIPE,
            text=True) as tail, give_up(tail):
        for _ in range(20):             # from here on it follows
            assert tail.stdout.readline()
        sealers = [subprocess.Popen(
            [s.program("mastctl"), "-f", s.conf, "audit", "seal"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            for _ in range(4)]
        rows(s, 30, action="test.many")
        codes = {p.wait(60 * mast.PATIENCE) for p in sealers}
        assert 0 in codes and codes <= {0, 6}, codes
        seen = 0
        for line in tail.stdout:
            seen += json.loads(line)["action"] == "test.many"
            if seen == 30:
                break
        tap.equal(seen, 30, "rows that the tail has shown")
        tail.terminate()
    seal(s)
    doc = verify(s)
    tap.equal((doc["ok"], doc["not_yet_sealed"]), (True, 0))
    tap.equal(s.one("SELECT count(*) FROM mast.audit a WHERE (SELECT "
                    "count(*) FROM mast.audit_seals s WHERE s.ids @> a.id) "
                    "<> 1"), 0)
    tap.equal(s.one("SELECT max(seq) - count(*) FROM mast.audit_seals"), 0)


def test_large_batch(s):
    """More rows than one seal holds"""
    s.sql("INSERT INTO mast.audit (actor_kind, action) SELECT 'system', "
          "'test.bulk' FROM generate_series(1, 11000)")
    before = s.one("SELECT max(seq) FROM mast.audit_seals")
    assert seal(s)["sealed_rows"] >= 11000
    tap.equal(s.one("SELECT max(seq) FROM mast.audit_seals") - before, 3)
    assert verify(s)["ok"]


def test_export(s):
    """The export verifies without the database, and every cut is found"""
    chain(s)
    text = s.ctl("audit", "export")
    tap.equal(s.sql("SELECT actor_kind, details ? 'os_user' FROM mast.audit "
                    "WHERE action = 'audit.export' ORDER BY id DESC LIMIT "
                    "1"), [("system", True)])
    lines = text.splitlines()
    tap.equal(sum('"seal"' not in x[:8] for x in lines),
              s.one("SELECT count(*) FROM mast.audit"))
    for line in lines:
        json.loads(line)
    name = os.path.join(s.dir, "export")

    def check(changed, want):
        with open(name, "w") as f:
            f.write("\n".join(changed) + "\n")
        return verify(s, "--file", name, want=want)
    doc = check(lines, 0)
    assert doc["ok"] and doc["not_yet_sealed"] >= 2, doc
    ends = [i for i, x in enumerate(lines) if x.startswith('{"seal"')]
    kinds = {f["kind"] for f in check(lines[:3] + lines[4:], 1)["faults"]}
    tap.equal(kinds, {"removed"})
    kinds = {f["kind"] for f in check(
        lines[:ends[-1]] + lines[ends[-1] + 1:], 1)["faults"]}
    tap.equal(kinds, {"truncated"})
    kinds = {f["kind"] for f in check(
        lines[:ends[0]] + lines[ends[0] + 1:], 1)["faults"]}
    assert "seal" in kinds, kinds
    swapped = [x.replace("tester", "Tester") for x in lines]
    kinds = {f["kind"] for f in check(swapped, 1)["faults"]}
    tap.equal(kinds, {"changed"})
    kinds = {f["kind"] for f in check(["{\"seal\":1}"] + lines,
                                      1)["faults"]}
    tap.equal(kinds, {"seal"})


API = "/api/v1/audit"
WITHOUT_AUDIT = {"key_done"}


def people(s):
    """An admin of all nodes, one of a single node, a viewer; two nodes."""
    if not hasattr(s, "audit_people"):
        a = s.admin().node_add("audit-a")[0]
        b = s.admin().node_add("audit-b")[0]
        s.user_add("audit-admin", "admin")
        s.user_add("audit-one", "admin", nodes=[a])
        s.user_add("audit-viewer", "viewer")
        s.audit_people = (a, b, s.session_for("audit-admin"),
                          s.session_for("audit-one"),
                          s.session_for("audit-viewer"))
    return s.audit_people


def listed(who, **query):
    return who.get(API + "?" + urllib.parse.urlencode(query)).want(200).json


def test_read(s):
    """Rows newest first, with every column and their seal"""
    admin = people(s)[2]
    rows(s, 2, action="test.read")
    got = listed(admin, action="test.read")
    tap.equal(len(got), 2)
    row = got[0]
    tap.equal({k: row[k] for k in row if k not in ("id", "at")}, {
        "actor_kind": "user", "actor_user": None, "actor_name": "tester",
        "action": "test.read", "target_type": "thing", "target_id": "1",
        "details": {"a": [1, '\u00fc"']}, "address": "192.0.2.7",
        "request_id": "req", "seal": None})
    assert got[0]["id"] > got[1]["id"]
    seal(s)
    row = listed(admin, action="test.read")[0]
    tap.equal(row["seal"], s.one("SELECT max(seq) FROM mast.audit_seals"))


def test_filters(s):
    """Every filter alone and together"""
    a, b, admin = people(s)[:3]
    s.sql("INSERT INTO mast.audit (actor_kind, actor_user, actor_name, "
          "action, target_type, target_id, details, request_id) VALUES "
          "('user', 'aaaaaaaa-0000-4000-8000-000000000001', 'fil-ann', "
          "'fil.one', 'node', %s, NULL, 'fil-1'), "
          "('user', 'aaaaaaaa-0000-4000-8000-000000000002', 'fil-bob', "
          "'fil.two', 'event', '7', jsonb_build_object('node_id', %s), "
          "'fil-2'), ('system', NULL, NULL, 'filter', NULL, NULL, NULL, "
          "NULL)", a, b)

    def actions(**query):
        return [r["action"] for r in listed(admin, **query)
                if r["action"].startswith("fil")]
    at = listed(admin, action="fil.one")[0]["at"]
    table = [
        (dict(actor="fil-ann"), ["fil.one"]),
        (dict(actor="AAAAAAAA-0000-4000-8000-000000000002"), ["fil.two"]),
        (dict(action="fil.two"), ["fil.two"]), (dict(action="fil."), []),
        (dict(action_prefix="fil."), ["fil.two", "fil.one"]),
        (dict(action_prefix="fil"), ["filter", "fil.two", "fil.one"]),
        (dict(action_prefix="FIL"), []), (dict(action_prefix="fil%"), []),
        (dict(target_type="event", target_id="7"), ["fil.two"]),
        (dict(target_id=a), ["fil.one"]),
        (dict(node=a), ["fil.one"]), (dict(node=b), ["fil.two"]),
        (dict(node=b.upper()), ["fil.two"]),
        (dict(request_id="fil-2"), ["fil.two"]),
        (dict(request_id="fil-2", actor="fil-ann"), []),
        ({"from": at, "to": at, "action": "fil.one"}, ["fil.one"]),
        ({"from": "2999-01-01T00:00:00Z"}, []),
        ({"to": "2000-01-01T00:00:00Z"}, []),
    ]
    for query, want in table:
        tap.equal(actions(**query), want, repr(query))
    for query in ("node=7", "from=x", "to=2026-01-01", "limit=0",
                  "limit=1001", "cursor=x", "actor=a&actor=b", "action=%00",
                  "request_id=" + "x" * 65, "target_id=" + "x" * 257):
        admin.get(API + "?" + query).problem(400)


def pages(who, kind, limit, **query):
    """Bodies of all pages."""
    at = API + "?" + urllib.parse.urlencode(dict(query, limit=limit))
    out = []
    while at:
        r = who.get(at, headers={"Accept": kind}).want(200)
        out.append(r)
        link = r.header("Link")
        at = link and re.match(r'<([^>]*)>; rel="next"', link).group(1)
    return out


def test_pages(s):
    """Pages cut without gap or repeat while rows are added"""
    admin = people(s)[2]
    rows(s, 7, action="test.page")
    first = admin.get(API + "?action=test.page&limit=3").want(200)
    rows(s, 3, action="test.page")
    at = re.match(r"<([^>]*)>", first.header("Link")).group(1)
    rest = admin.get(at).want(200)
    ids = [r["target_id"] for r in first.json + rest.json]
    tap.equal(ids, ["6", "5", "4", "3", "2", "1"])
    got = [r["id"] for p in pages(admin, "application/json", 4,
                                  action="test.page") for r in p.json]
    tap.equal(len(got), 10)
    tap.equal(got, sorted(set(got), reverse=True))


def exports(s):
    return s.sql("SELECT actor_name, details FROM mast.audit WHERE action = "
                 "'audit.export' AND actor_kind = 'user' ORDER BY id")


def test_lines(s):
    """JSON lines, page by page; the export is noted"""
    admin = people(s)[2]
    rows(s, 5, action="test.lines")
    before = len(exports(s))
    got = pages(admin, "application/x-ndjson", 2, action="test.lines")
    tap.equal(len(got), 3)
    tap.equal(got[0].header("Content-Type"), "application/x-ndjson")
    lines = b"".join(p.body for p in got).splitlines()
    tap.equal([json.loads(x)["target_id"] for x in lines],
              ["4", "3", "2", "1", "0"])
    noted = exports(s)[before:]
    tap.equal([(n, d["format"], d["rows"], d["action"]) for n, d in noted],
              [("audit-admin", "jsonl", n, "test.lines") for n in (2, 2, 1)])
    before = len(exports(s))
    listed(admin, action="test.lines")
    tap.equal(len(exports(s)), before, "looking is no export")


def test_csv(s):
    """CSV reads back; what a spreadsheet would run is quoted"""
    admin = people(s)[2]
    evil = ["=1+1", "+1", "-1", "@x", "\tx", "\rx", 'a"b,c\r\nd', "a=b"]
    for text in evil:
        s.sql("INSERT INTO mast.audit (actor_kind, actor_name, action, "
              "target_id) VALUES ('user', %s, 'test.csv', %s)", text, text)
    got = pages(admin, "text/csv", 3, action="test.csv")
    tap.equal([p.header("Content-Type") for p in got],
              ["text/csv; charset=utf-8; header=present"] +
              ["text/csv; charset=utf-8; header=absent"] * 2)
    text = b"".join(p.body for p in got).decode()
    assert text.endswith("\r\n")
    table = list(csv.DictReader(io.StringIO(text, newline=""),
                                strict=True))
    tap.equal(list(table[0]), [
        "id", "at", "actor_kind", "actor_user", "actor_name", "action",
        "target_type", "target_id", "details", "address", "request_id",
        "seal"])
    tap.equal([r["actor_name"] for r in reversed(table)],
              ["'" + x for x in evil[:6]] + evil[6:])
    empty = admin.get(API + "?action=none", headers={"Accept": "text/csv"})
    tap.equal(empty.want(200).body.count(b"\r\n"), 1)


def test_accept(s):
    """Which form is chosen, and 406"""
    admin = people(s)[2]
    table = [(None, "application/json"), ("*/*", "application/json"),
             ("text/html, */*;q=0.1", "application/json"),
             ("text/csv", "text/csv"), ("text/*", "text/csv"),
             ("Text/CSV; header=absent", "text/csv"),
             ("application/json;q=0, text/csv", "text/csv"),
             ("application/x-ndjson, application/json",
              "application/x-ndjson")]
    for accept, want in table:
        r = admin.get(API + "?action=none", headers=dict(
            {"Accept": accept} if accept else {})).want(200)
        tap.equal(r.header("Content-Type").split(";")[0], want, accept)
        assert "Accept" in r.header("Vary"), r.headers
    admin.get(API, headers={"Accept": "text/html"}).problem(406)


def test_rights(s):
    """Admins only, and not about nodes that are hidden from them"""
    a, b, admin, one, viewer = people(s)
    s.nobody().get(API).problem(401)
    viewer.get(API).problem(403)
    s.sql("INSERT INTO mast.audit (actor_kind, action, target_type, "
          "target_id, details) VALUES ('user', 'test.node', 'node', %s, "
          "NULL), ('user', 'test.node', 'node', %s, NULL), ('user', "
          "'test.node', 'event', '1', jsonb_build_object('node_id', %s)), "
          "('user', 'test.node', 'user', '1', NULL)", a, b, b)
    tap.equal([r["target_id"] for r in listed(one, action="test.node")],
              ["1", a])
    tap.equal(len(listed(admin, action="test.node")), 4)
    for kind in ("text/csv", "application/x-ndjson"):
        body = one.get(API + "?action=test.node",
                       headers={"Accept": kind}).want(200).body
        assert b.encode() not in body and a.encode() in body, body


def test_refusals(s):
    """A refused user is in the audit, a flood of refusals is not"""
    a, b, _, one, _ = people(s)
    s.user_add("audit-flood", "viewer")
    flood = s.session_for("audit-flood")

    def noted(name):
        return s.sql("SELECT details FROM mast.audit WHERE action = "
                     "'access.refused' AND actor_name = %s ORDER BY id",
                     name)
    one.get("/api/v1/nodes/" + b).problem(403)
    mast.wait_until(lambda: len(noted("audit-one")) == 1, 10, "one row")
    tap.equal(noted("audit-one")[0][0], {
        "why": "node_forbidden", "request": "GET /api/v1/nodes/" + b,
        "node_id": b})
    one.put("/api/v1/nodes/" + a, {"name": "x"}, csrf=False).problem(403)
    mast.wait_until(lambda: len(noted("audit-one")) == 2, 10, "and CSRF")
    tap.equal(noted("audit-one")[1][0]["why"], "csrf")
    for _ in range(30):
        flood.get(API).problem(403)
    mast.wait_until(lambda: len(noted("audit-flood")) == 20, 10, "20 rows")
    flood.get(API).problem(403)
    one.get("/api/v1/nodes/" + b).problem(403)
    mast.wait_until(lambda: len(noted("audit-one")) == 3, 10, "others are")
    got = [d for d, in noted("audit-flood")]
    tap.equal(len(got), 20)
    tap.equal(sum(d.get("more_are_not_noted", False) for d in got), 1)
    assert got[0]["why"].startswith("forbidden"), got[0]


def test_signin_limited(s):
    """Sign-ins over the limit of an address are noted once a minute"""
    who = mast.Session(s, source="127.9.9.9")
    codes = [who.signin("audit-nobody", "Wrong-1234").status
             for _ in range(9)]
    tap.equal(codes, [401] * 5 + [429] * 4)
    mast.wait_until(lambda: s.one(
        "SELECT count(*) FROM mast.audit WHERE action = 'auth.login_failed' "
        "AND address = '127.9.9.9'") == 6, 10, "six rows")
    tap.equal(s.sql("SELECT details->>'why', count(*) FROM mast.audit WHERE "
                    "address = '127.9.9.9' AND action = 'auth.login_failed' "
                    "GROUP BY 1 ORDER BY 2"),
              [("too many attempts", 1), ("unknown", 5)])


def test_every_write(s):
    """A statement of apid that writes has its audit row in it"""
    text = subprocess.run([s.program("mastkeeper-apid"), "--statements"],
                          check=True, capture_output=True, text=True).stdout
    writes = [x for x in text.splitlines()
              if re.search(r"INSERT INTO|UPDATE mast|DELETE FROM", x)]
    assert len(writes) > 20, len(writes)
    # The bookkeeping of a request that is audited itself.
    tap.equal([x.split("/")[0] for x in writes
               if "INSERT INTO mast.audit" not in x
               and x.split("/")[0] not in WITHOUT_AUDIT], [])


def test_doctor(s):
    """doctor says when rows wait for too long"""
    def state():
        return [x for x in s.ctl("doctor", json_out=True,
                                 want=None)["findings"]
                if x["check"] == "audit"][0]
    seal(s)
    tap.equal(state()["level"], "ok")
    rows(s, 1)
    tap.equal(state()["level"], "ok")
    with tampered(s):
        s.sql("UPDATE mast.audit SET at = at - interval '2 hours' WHERE id "
              "IN (SELECT id FROM mast.audit_open)")
        tap.equal(state()["level"], "warning")


def test_exit_codes(s):
    """Missing keys, bad heads, unknown files, bad numbers"""
    s.ctl("audit", "verify", "--keys", "/nonexistent", want=78)
    s.ctl("audit", "verify", "--keys", s.conf, want=78)
    s.ctl("audit", "verify", "--anchor", "7", want=64)
    s.ctl("audit", "verify", "--anchor", "x:" + "0" * 64, want=64)
    s.ctl("audit", "verify", "--file", "/nonexistent", want=4)
    for n in ("0", "1001", "x", ""):
        s.ctl("audit", "tail", "--lines", n, want=64)
    tap.equal(len(s.ctl("audit", "tail", "--lines", "3").splitlines()), 3)


def test_hub_seals(s):
    """hubd seals at its interval, and not over a chain that was cut"""
    chain(s)
    with open(s.conf) as f:
        text = f.read()
    with open(s.conf, "w") as f:
        f.write(re.sub(r"audit_seal_secs\s*=.*", "audit_seal_secs = 1",
                       text))
    s.restart("hubd")
    mast.wait_until(lambda: verify(s)["not_yet_sealed"] == 0, 30,
                    "hubd seals")
    rows(s, 3)
    mast.wait_until(lambda: verify(s)["not_yet_sealed"] == 0, 30,
                    "hubd seals again")
    assert re.search(r"audit: \d+ rows sealed, head \d+:[0-9a-f]{64}",
                     s.log("hubd")), s.log("hubd")[-2000:]
    s.kill("hubd", signal.SIGTERM)
    with tampered(s):
        s.sql("DELETE FROM mast.audit_seals WHERE seq = (SELECT max(seq) "
              "FROM mast.audit_seals)")
        rows(s, 1)
        s.start("hubd")
        mast.wait_until(lambda: "audit: nothing is sealed" in s.log("hubd"),
                        30, "hubd refuses")
        s.kill("hubd", signal.SIGTERM)
    with open(s.conf, "w") as f:
        f.write(text)
    s.start("hubd")
    assert verify(s)["ok"]


def test_without_key(s):
    """Without the key hubd runs, seals nothing and says so"""
    os.rename(path(s, "audit.key"), path(s, "audit.away"))
    try:
        s.restart("hubd")
        mast.wait_until(lambda: "there is no signing key" in s.log("hubd"),
                        30, "hubd says so")
        s.ctl("audit", "seal", want=78)
        assert verify(s)["ok"]
    finally:
        os.rename(path(s, "audit.away"), path(s, "audit.key"))
    with open(path(s, "audit.head"), "r+") as f:
        head = f.read()
        f.seek(0)
        f.write("x")
        f.flush()
        s.kill("hubd", signal.SIGTERM)
        r = subprocess.run([s.program("mastkeeper-hubd"), "-f", s.conf],
                           capture_output=True, text=True)
        tap.equal(r.returncode, 78)
        assert "is not the head of an audit chain" in r.stderr, r.stderr
        f.seek(0)
        f.write(head)
    s.start("hubd")


if __name__ == "__main__":
    mast.main(sys.modules[__name__],
              settings=("hubd.audit_seal_secs=3600",))
