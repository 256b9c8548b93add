#!/usr/bin/python3
"""Events over REST: filters and their bounds, pages, ack, count."""
import datetime
import re
import sys
import time
import urllib.parse

import mast
import tap

# Within the days that events are kept, and not today.
START = datetime.date.today() - datetime.timedelta(days=20)


def day(n):
    return (START + datetime.timedelta(days=n)).isoformat()


D1, D2 = day(1), day(2)
KEYS = {"id", "node_id", "severity", "category", "message", "details",
        "flow_id", "created_at", "acknowledged", "acknowledged_by"}


class Log:
    """Events put straight into the table, so that times are known."""

    def __init__(self, s):
        self.a, _ = s.admin().node_add("events-a")
        self.b, _ = s.admin().node_add("events-b")
        rows = [
            (self.a, "info", "start", "Flow one is up", "flow-1", 50),
            (self.a, "warning", "loss", "100% of it, a_b", "flow-1", 40),
            (self.b, "critical", "loss", "Nothing comes in", "flow-2", 30),
            (self.b, "critical", "power", "back\\slash", None, 20),
            (self.b, "info", "power", "axb", None, 10),
        ]
        for node, severity, category, message, flow, age in rows:
            s.sql("INSERT INTO mast.events (created_at, node_id, node_name, "
                  "severity, category, message, flow_id, details) VALUES "
                  "('" + D1 + "T03:04:05Z'::timestamptz - %s * interval "
                  "'1 minute', %s, 'n', %s, %s, %s, %s, "
                  "'{\"z\":1.50,\"a\":[true]}')",
                  age, node, severity, category, message, flow)


def log(s):
    if not hasattr(s, "log_of_events"):
        s.log_of_events = Log(s)
    return s.log_of_events


def found(s, **query):
    query.setdefault("to", D2 + "T00:00:00Z")
    return [e["message"] for e in s.admin().events(**query)]


ALL = ["axb", "back\\slash", "Nothing comes in", "100% of it, a_b",
       "Flow one is up"]


def test_shape(s):
    """A bare array, newest first, every member of the contract"""
    log(s)
    tap.equal(found(s), ALL)
    e = s.admin().events(to=D2 + "T00:00:00Z")[2]
    assert KEYS <= set(e), e
    tap.equal(e["details"], {"z": 1.5, "a": [True]})
    tap.equal(e["created_at"], D1 + "T02:34:05.000000Z")
    tap.equal((e["acknowledged"], e["acknowledged_by"]), (False, None))
    assert isinstance(e["id"], int)


def test_filters(s):
    """Every filter alone and together"""
    x = log(s)
    table = [
        (dict(node_id=x.a), ALL[3:]),
        (dict(severity="critical"), ALL[1:3]),
        (dict(severity="major"), ALL[1:3]),
        (dict(severity="warning"), ALL[3:4]),
        (dict(severity="minor"), ALL[3:4]),
        (dict(category="loss"), ALL[2:4]),
        (dict(flow_id="flow-1"), ALL[3:]),
        (dict(category="LOSS"), []),
        (dict(flow_id="flow-1", severity="info"), ALL[4:]),
        (dict(search="FLOW ONE"), ALL[4:]),
        (dict(search="power"), ALL[:2]),
        (dict(search="critical"), ALL[1:3]),
        (dict(search=x.a[:13]), ALL[3:]),
        (dict(search="%"), ALL[3:4]),
        (dict(search="a_b"), ALL[3:4]),
        (dict(search="\\"), ALL[1:2]),
        (dict(search="no such text"), []),
        ({"from": D1 + "T02:44:05Z"}, ALL[:2]),
        (dict(to=D1 + "T02:24:05Z"), ALL[3:]),
        (dict(to=D1 + "T03:24:05+01:00"), ALL[3:]),
        ({"from": D1 + "T02:34:05Z", "to": D1 + "T02:34:05Z"},
         ALL[2:3]),
    ]
    for query, want in table:
        tap.equal(found(s, **query), want, repr(query))


def test_pages(s):
    """page and per_page cut without gap or overlap"""
    log(s)
    tap.equal(found(s, per_page=2), ALL[:2])
    tap.equal(found(s, per_page=2, page=0), ALL[:2])
    tap.equal(found(s, per_page=2, page=2), ALL[2:4])
    tap.equal(found(s, per_page=2, page=3), ALL[4:])
    tap.equal(found(s, per_page=2, page=4), [])
    tap.equal(found(s, per_page=0), [])
    tap.equal(found(s, per_page=100000), ALL)
    tap.equal(found(s, page=1000000), [])


OLD = "/api/v1/events?to=" + D2 + "T00:00:00Z"


def test_cursor(s):
    """Following Link shows every event once, with the filters kept"""
    log(s)
    for limit, sizes in ((1, [1] * 5), (2, [2, 2, 1]), (5, [5]), (200, [5])):
        got, n = s.admin().walk(OLD + "&limit=%d" % limit)
        tap.equal([e["message"] for e in got], ALL, "limit %d" % limit)
        tap.equal(n, sizes, "limit %d" % limit)
    got, n = s.admin().walk(OLD + "&search=%22%3E%3C&&limit=1&flow_id=a")
    tap.equal((got, n), ([], [0]), "nothing found")
    got, n = s.admin().walk(OLD + "&category=loss&limit=1&flow%5fid=flow-1")
    tap.equal([e["message"] for e in got], ALL[3:4])
    got, n = s.admin().walk(OLD + "&category=loss&limit=1")
    tap.equal(([e["message"] for e in got], n), (ALL[2:4], [1, 1]))
    r = s.admin().get(OLD).want(200)
    tap.equal(r.next(), None, "all of it was there")
    r = s.admin().get(OLD + "&per_page=2").want(200)
    tap.equal(r.next(), None, "numbered pages have no cursor")
    path = s.admin().get(OLD + "&limit=1&other=a|b").next()
    tap.contains(path, "&other=a%7Cb&", "what would not stand in a link is escaped")


def test_cursor_while_inserting(s):
    """What comes or goes between two pages neither repeats nor skips"""
    x = log(s)

    def add(age, text):
        s.sql("INSERT INTO mast.events (created_at, node_id, node_name, "
              "severity, category, message) VALUES "
              "('" + day(0) + "T00:00:00Z'::timestamptz - %s * interval "
              "'1 second', %s, 'n', 'info', 'cursor', %s)", age, x.a, text)
    # Many of one microsecond: the id alone keeps them apart.
    for i in range(9):
        add(100, "t%d" % i)
    path, got = "/api/v1/events?category=cursor&limit=2", []
    while path:
        r = s.admin().get(path).want(200)
        got += [e["message"] for e in r.json]
        add(0, "new%d" % len(got))
        if len(got) == 4:
            s.sql("DELETE FROM mast.events WHERE message IN ('t5', 't7')")
        path = r.next()
    tap.equal(got, ["t%d" % i for i in range(8, -1, -1)])


def test_bad_cursors(s):
    """A forged, foreign or cut cursor is a 400 that points at it"""
    log(s)
    good = re.search(r"cursor=([^&]*)", s.admin().get(OLD + "&limit=1").next()).group(1)
    s.admin().node_add("cursor-a")
    s.admin().node_add("cursor-b")
    of_nodes = re.search(r"cursor=([^&]*)", s.admin().get(
        "/api/v1/nodes?limit=1").next()).group(1)
    flip = "B" if good[5] != "B" else "C"
    bad = ["", "x", good[:-1], good + "A", good[:5] + flip + good[6:],
           good + "=", good.lower(), of_nodes, "A" * 767, "A" * 768,
           "%00", "%ff", good + "&cursor=" + good]
    for text in bad:
        r = s.admin().get(OLD + "&limit=1&cursor=" + text).problem(400)
        tap.equal(r.json["errors"][0]["pointer"], "cursor", text)
    s.admin().get("/api/v1/nodes?cursor=" + good).problem(400)
    for query, name in (("limit=0", "limit"), ("limit=201", "limit"),
                        ("limit=x", "limit"), ("limit=", "limit"),
                        ("limit=1&limit=1", "limit"),
                        ("limit=5&page=1", "limit"),
                        ("cursor=%s&per_page=5" % good, "cursor")):
        r = s.admin().get(OLD + "&" + query).problem(400)
        tap.equal(r.json["errors"][0]["pointer"], name, query)
    # It says where, not what: it opens nothing to another user.
    s.user_add("ev-none", "viewer", nodes=[])
    tap.equal(s.session_for("ev-none").get(
        OLD + "&cursor=" + good).want(200).json, [])


def test_bad_queries(s):
    """What is no value of its kind is 400, not an empty list"""
    bad = ["page=abc", "page=-1", "page=1.5", "page=1000001", "page=",
           "page=99999999999999999999", "per_page=-1", "per_page=4294967296",
           "severity=worse", "severity=", "severity=INFO", "node_id=7", "from=yesterday",
           "to=2026-13-01T00:00:00Z", "from=2026-01-01", "search=%ff",
           "search=%00", "search=%zz", "search=a&search=b",
           "search=" + "x" * 257, "category=" + "x" * 257,
           "to=2026-01-01T00:00:00"]
    for query in bad:
        r = s.admin().get("/api/v1/events?" + query)
        tap.equal(r.status, 400, query)
        r.problem(400)
    s.admin().get("/api/v1/events?search=" + "x" * 256).want(200)
    s.admin().get("/api/v1/events?search=" +
                  urllib.parse.quote("\u00fc" * 128)).want(200)


def test_ack(s):
    """Ack says who and when, is audited, and 404 for what is not there"""
    log(s)
    s.user_add("ev-oper", "operator")
    s.user_add("ev-view", "viewer")
    count = s.admin().get("/api/v1/events/count").want(200).json
    tap.equal(list(count), ["count"])
    e = s.admin().events(search="Nothing comes in")[0]
    path = "/api/v1/events/%d/ack" % e["id"]
    s.session_for("ev-view").post(path).problem(403)
    oper = s.session_for("ev-oper")
    r = oper.post(path).want(200)
    tap.equal(r.body, b"", "empty body")
    e = s.admin().events(search="Nothing comes in")[0]
    tap.equal((e["acknowledged"], e["acknowledged_by"]),
              (True, oper.user["id"]))
    assert s.one("SELECT acknowledged_at > now() - interval '1 minute' FROM "
                 "mast.events WHERE id = %s", e["id"])
    tap.equal(s.admin().get("/api/v1/events/count").json["count"],
              count["count"] - 1)
    tap.equal(s.one("SELECT actor_name FROM mast.audit WHERE action = "
                    "'event.ack' AND target_id = %s", str(e["id"])),
              "ev-oper")
    oper.post("/api/v1/events/999999999/ack").problem(404)
    oper.post("/api/v1/events/x/ack").problem(400)
    oper.post("/api/v1/events/99999999999999999999/ack").problem(400)
    oper.request("POST", path, csrf=False).problem(403)


def one(s, search):
    return s.admin().events(search=search)[0]


def test_ack_note(s):
    """A note with who and when; the last one counts, whole"""
    log(s)
    s.user_add("note-one", "operator")
    s.user_add("note-two", "operator")
    first, second = s.session_for("note-one"), s.session_for("note-two")
    i = one(s, "Flow one is up")["id"]
    path = "/api/v1/events/%d/ack" % i
    first.post(path, {"note": "seen \u00fc\nand known", "other": 1}).want(200)
    e = one(s, "Flow one is up")
    tap.equal((e["note"], e["acknowledged_by"], e["acknowledged_by_name"]),
              ("seen \u00fc\nand known", first.user["id"], "note-one"))
    assert re.fullmatch(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z",
                        e["acknowledged_at"]), e
    for body in (None, {}, {"note": None}, {"note": ""}):
        second.post(path, body).want(200)
        e = one(s, "Flow one is up")
        tap.equal((e["note"], e["acknowledged_by_name"]), (None, "note-two"))
        first.post(path, {"note": "x" * 512}).want(200)
    tap.equal(one(s, "Flow one is up")["note"], "x" * 512)
    tap.equal(s.one("SELECT details->>'note' FROM mast.audit WHERE action = "
                    "'event.ack' AND target_id = %s ORDER BY id LIMIT 1",
                    str(i)), "seen \u00fc\nand known")
    for bad in ("x" * 513, "\u00fc" * 257, "a\u0001", 5, [], {}):
        r = first.post(path, {"note": bad}).problem(422)
        tap.equal(r.json["errors"][0]["pointer"], "/note", repr(bad))
    first.request("POST", path, raw=b"note", headers={
        "Content-Type": "application/json"}).problem(400)
    first.request("POST", path, raw=b"note=x", headers={
        "Content-Type": "text/plain"}).problem(415)
    first.request("POST", path, raw=b'{"note":"%s"}' % (b"x" * 20000),
                  headers={"Content-Type": "application/json"}).problem(413)
    tap.equal(one(s, "Flow one is up")["note"], "x" * 512)


def test_one_event(s):
    """One event by its number, as in the list, for who may see its node"""
    x = log(s)
    e = one(s, "Nothing comes in")
    path = "/api/v1/events/%d" % e["id"]
    r = s.admin().get(path).want(200)
    tap.equal(r.json, one(s, "Nothing comes in"))
    s.admin().get(path, headers={
        "If-None-Match": r.header("ETag")}).want(304)
    s.user_add("ev-of-a", "operator", nodes=[x.a])
    u = s.session_for("ev-of-a")
    u.get(path).problem(404)
    u.get("/api/v1/events/%d" % one(s, "Flow one is up")["id"]).want(200)
    s.admin().get("/api/v1/events/999999999").problem(404)
    s.admin().get("/api/v1/events/x").problem(400)
    s.admin().delete(path).problem(405)


BULK = "/api/v1/events/ack"


def test_ack_bulk(s):
    """Those that the filter selects and the caller sees, with one audit row;
    what was acknowledged before stays as it is"""
    a, _ = s.admin().node_add("bulk-a")
    b, _ = s.admin().node_add("bulk-b")
    for node in (a, b):
        for sev in ("info", "warning", "critical"):
            s.sql("INSERT INTO mast.events (created_at, node_id, node_name, "
                  "severity, category, message, flow_id) SELECT "
                  "'" + day(4) + "T00:00:00Z'::timestamptz + n * interval "
                  "'1 day', %s, 'bulk', %s, 'bulk', 'm%%' || n, 'f' || n "
                  "FROM generate_series(1, 4) n", node, sev)
    s.user_add("bulk-a", "operator", nodes=[a])
    s.user_add("bulk-view", "viewer")
    u = s.session_for("bulk-a")

    def open_ones():
        return s.one("SELECT count(*) FROM mast.events WHERE category = "
                     "'bulk' AND acknowledged_at IS NULL")

    def bulk(user, count, **body):
        before = open_ones()
        rows = s.one("SELECT count(*) FROM mast.audit "
                     "WHERE action = 'event.ack_bulk'")
        r = user.post(BULK, dict(body, category="bulk")).want(200)
        tap.equal(r.json, {"count": count, "more": False}, repr(body))
        tap.equal(open_ones(), before - count, repr(body))
        tap.equal(s.one("SELECT count(*) FROM mast.audit WHERE action = "
                        "'event.ack_bulk'"), rows + 1)
    s.session_for("bulk-view").post(BULK, {}).problem(403)
    bulk(u, 0, node_id=b)
    bulk(u, 2, to=day(6) + "T00:00:00Z", severity="minor", note="old")
    bulk(u, 1, flow_id="f3", severity="major")
    bulk(u, 1, search="M%4", severity="info")
    bulk(u, 0, search="m_4")
    bulk(s.admin(), 3, **{"from": day(8) + "T01:00:00+01:00",
                          "node_id": b, "note": "new"})
    bulk(u, 8)
    tap.equal(open_ones(), 9, "of the other node")
    e = s.admin().events(node_id=a, severity="warning")
    tap.equal({x["note"] for x in e}, {"old", None})
    tap.equal({x["acknowledged_by_name"] for x in e}, {"bulk-a"})
    tap.equal(s.one("SELECT details FROM mast.audit WHERE action = "
                    "'event.ack_bulk' AND details->>'note' = 'old'"),
              {"count": 2, "note": "old", "filter": {
                  "category": "bulk", "severity": "warning",
                  "to": day(6) + "T00:00:00+00:00"}})
    for body, pointer in (({"colour": "red"}, "/colour"),
                          ({"severity": "x"}, "/severity"),
                          ({"node_id": "x"}, "/node_id"),
                          ({"from": "now"}, "/from"), ({"to": 5}, "/to"),
                          ({"search": "x" * 257}, "/search"),
                          ({"note": "x" * 513}, "/note")):
        r = u.post(BULK, body).problem(422)
        tap.equal(r.json["errors"][0]["pointer"], pointer)
    u.post(BULK).problem(415)
    s.admin().get(BULK).problem(405)
    tap.equal(open_ones(), 9)


def test_ack_bulk_bound(s):
    """10,000 at once, the oldest first, and more says to ask again"""
    a, _ = s.admin().node_add("bulk-many")
    s.sql("INSERT INTO mast.events (created_at, node_id, node_name, severity,"
          " category, message) SELECT '" + day(10) + "T00:00:00Z'::timestamptz + "
          "n * interval '1 second', %s, 'n', 'critical', 'many', n::text "
          "FROM generate_series(1, 10003) n", a)
    r = s.admin().post(BULK, {"node_id": a}, timeout=60).want(200)
    tap.equal(r.json, {"count": 10000, "more": True})
    left = s.sql("SELECT message FROM mast.events WHERE node_id = %s AND "
                 "acknowledged_at IS NULL ORDER BY id", a)
    tap.equal([m for m, in left], ["10001", "10002", "10003"])
    r = s.admin().post(BULK, {"node_id": a}).want(200)
    tap.equal(r.json, {"count": 3, "more": False})
    s.sql("DELETE FROM mast.events WHERE node_id = %s", a)


def test_deleted_node(s):
    """The events of a deleted node stay, with its name"""
    n = s.node("before it was renamed")
    n.event("early", category="deleted")
    mast.wait_until(lambda: s.admin().events(node_id=n.id,
                                             category="deleted"), 10, "early")
    s.admin().put("/api/v1/nodes/" + n.id, {"name": "the last"}).want(200)

    def renamed():
        n.event("late", category="deleted")
        return s.admin().events(node_id=n.id, search="late")[:1] and \
            s.admin().events(node_id=n.id, search="late")[0]["node_name"] \
            == "the last"
    mast.wait_until(renamed, 10, "an event under the new name", step=0.1)
    s.admin().delete("/api/v1/nodes/" + n.id).want(204)
    got = s.admin().events(node_id=n.id, category="deleted")
    tap.equal((got[0]["node_name"], got[-1]["node_name"]),
              ("the last", "before it was renamed"))
    i = got[0]["id"]
    s.admin().get("/api/v1/events/%d" % i).want(200)
    s.admin().post("/api/v1/events/%d/ack" % i).want(200)
    n.close()


def test_from_nodes(s):
    """Events of a node arrive with the server's time and mapped severity"""
    n = s.node("event source")
    before = time.time()
    n.event("minor thing", severity="minor", category="c1",
            flow_id="f", details={"k": [1, "\u00e9"]})
    n.event("major thing", severity="major", category="c1")
    n.event("hostile \u202e <script>alert(1)</script> %s", severity="x")
    got = mast.wait_until(lambda: (lambda e: len(e) >= 2 and e)(
        s.admin().events(node_id=n.id, category="c1")), 10, "both events")
    by = {e["message"]: e for e in got}
    for e in got:
        assert e["severity"] in ("info", "warning", "critical"), e
    tap.equal(by["minor thing"]["details"], {"k": [1, "\u00e9"]})
    tap.equal(by["minor thing"]["flow_id"], "f")
    age = s.one("SELECT extract(epoch FROM created_at) FROM mast.events "
                "WHERE id = %s", by["minor thing"]["id"])
    assert abs(float(age) - before) < 30, age
    found_it = mast.wait_until(lambda: s.admin().events(
        search="<script>"), 10, "the hostile one")
    tap.contains(found_it[0]["message"], "<script>alert(1)</script> %s")
    n.close()


if __name__ == "__main__":
    mast.main(sys.modules[__name__])
