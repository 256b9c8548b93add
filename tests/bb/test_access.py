#!/usr/bin/python3
"""A user who is restricted to some nodes sees no other, anywhere, and every
change of rights acts within a second, sockets included."""
import json
import sys
import uuid

import psycopg2

import mast
import tap
import ws


class World:
    """Two nodes online; an operator who may see only the first."""

    def __init__(self, s):
        self.mine = s.node("mine")
        self.other = s.node("other")
        for n in (self.mine, self.other):
            n.stats()
            n.event("event of " + n.id, severity="critical")
        s.user_add("limited", "operator", nodes=[self.mine.id])
        s.user_add("nothing", "admin", nodes=[])
        self.user = s.session_for("limited")
        self.none = s.session_for("nothing")
        mast.wait_until(lambda: len(s.admin().events(
            search="event of")) == 2, 10, "both events")


def world(s):
    if not hasattr(s, "world"):
        s.world = World(s)
    return s.world


def update(sock, timeout=10):
    return json.loads(sock.recv(timeout)[1])


def ids(doc):
    return sorted(n["node_id"] for n in doc["nodes"])


def test_lists(s):
    """Lists hold the caller's nodes only"""
    w = world(s)
    tap.equal([n["id"] for n in w.user.get("/api/v1/nodes").json],
              [w.mine.id])
    tap.equal(w.none.get("/api/v1/nodes").want(200).json, [])
    events = w.user.events()
    tap.equal({e["node_id"] for e in events}, {w.mine.id})
    tap.equal(w.none.events(), [])
    tap.equal(w.user.events(node_id=w.other.id), [])
    tap.equal(w.user.events(search=w.other.id), [])
    total = s.admin().get("/api/v1/events/count").json["count"]
    mine = w.user.get("/api/v1/events/count").json["count"]
    assert 0 < mine < total, (mine, total)
    tap.equal(w.none.get("/api/v1/events/count").json["count"], 0)


def test_single(s):
    """A foreign node is 403 at every address of it"""
    w = world(s)
    path = "/api/v1/nodes/"
    w.user.get(path + w.mine.id).want(200)
    for method, tail, body in (
            ("GET", "", None), ("GET", "/config", None),
            ("POST", "/command", {"action": {"type": "start_flow",
                                             "flow_id": "f"}})):
        r = w.user.request(method, path + w.other.id + tail, body)
        r.problem(403, "node")
        assert w.other.id not in r.json.get("detail", ""), r
    for method, tail, body in (("PUT", "", {"name": "x"}),
                               ("DELETE", "", None), ("POST", "/token",
                                                      None)):
        w.none.request(method, path + w.other.id + tail,
                       body).problem(403)
    w.none.post("/api/v1/nodes", {"name": "unseen"}).problem(403)
    tap.equal(s.admin().node(w.other.id)["name"], "other")
    tap.equal(w.other.commands, [], "what the foreign node got")


def test_ack(s):
    """A foreign event cannot be acknowledged and looks like none"""
    w = world(s)
    event = s.admin().events(node_id=w.other.id,
                             search="event of")[0]["id"]
    w.user.post("/api/v1/events/%d/ack" % event).problem(404)
    assert s.one("SELECT acknowledged_at IS NULL FROM mast.events "
                 "WHERE id = %s", event)


def test_second_fence(s):
    """Without its WHERE clauses PostgreSQL itself hides foreign rows"""
    w = world(s)
    c = s.connect_db()
    q = c.cursor()
    q.execute("SET ROLE _mast_apid")
    c.autocommit = False

    def as_user(session, text, *args):
        try:
            q.execute("SELECT set_config('mast.actor', %s, true)",
                      (session.user["id"] if session else "",))
            q.execute(text, args)
            rows = q.fetchall() if q.description else q.rowcount
            c.rollback()
            return rows
        except psycopg2.Error as e:
            c.rollback()
            return e.pgcode
    tap.equal(as_user(w.user, "SELECT id::text FROM mast.nodes"),
              [(w.mine.id,)])
    tap.equal(as_user(None, "SELECT id FROM mast.nodes"), [])
    tap.equal(as_user(w.user, "SELECT DISTINCT node_id::text FROM "
                      "mast.events"), [(w.mine.id,)])
    tap.equal(as_user(w.user, "UPDATE mast.events SET acknowledged_at = "
                      "now() WHERE node_id = %s", w.other.id), 0)
    tap.equal(as_user(w.user, "DELETE FROM mast.nodes"), 0)
    tap.equal(as_user(s.admin(), "SELECT password_hash FROM mast.users"),
              "42501")
    c.close()


def test_socket(s):
    """The live feed holds the caller's nodes only"""
    w = world(s)
    whole, part, empty = (u.dashboard() for u in (s.admin(), w.user, w.none))
    w.other.stats()
    both = sorted((w.mine.id, w.other.id))
    mast.wait_until(lambda: ids(update(whole)) == both, 10, "both nodes")
    for _ in range(2):
        w.mine.stats()
        w.other.stats()
        doc = update(part)
        tap.equal(ids(doc), [w.mine.id])
        tap.equal(doc["online_count"], 1)
        assert w.other.id not in json.dumps(doc)
    doc = update(empty)
    tap.equal((doc["nodes"], doc["online_count"]), ([], 0))
    for sock in (whole, part, empty):
        sock.close()


def test_socket_follows(s):
    """An open socket follows a change of the user's nodes in two seconds"""
    w = world(s)
    sock = w.user.dashboard()
    tap.equal(ids(update(sock)), [w.mine.id])
    s.sql("INSERT INTO mast.user_nodes VALUES (%s, %s)",
          w.user.user["id"], w.other.id)
    both = sorted((w.mine.id, w.other.id))
    mast.wait_until(lambda: ids(update(sock)) == both, 4, "the node is in")
    s.sql("DELETE FROM mast.user_nodes WHERE user_id = %s AND node_id = %s",
          w.user.user["id"], w.other.id)
    mast.wait_until(lambda: ids(update(sock)) == [w.mine.id], 4,
                    "the node is out")
    w.user.get("/api/v1/nodes/" + w.other.id).problem(403)
    sock.close()


def ended(sock):
    """The close code, reading on until it comes."""
    try:
        while True:
            sock.recv(6)
    except ws.Closed as why:
        return why.code


def test_socket_ends(s):
    """Logout, disabling, expiry and revocation end the socket with 1008"""
    world(s)
    s.user_add("leaver", "viewer")
    ends = (
        ("logout", lambda u: u.post("/api/v1/auth/logout").want(200)),
        ("disabled", lambda u: s.sql(
            "UPDATE mast.users SET is_active = false WHERE id = %s",
            u.user["id"])),
        ("expired", lambda u: s.sql(
            "UPDATE mast.users SET is_active = true, expires_at = now() + "
            "interval '300 ms' WHERE id = %s", u.user["id"])),
        ("revoked", lambda u: s.sql(
            "UPDATE mast.sessions SET revoked_at = now() WHERE user_id = %s "
            "AND revoked_at IS NULL", u.user["id"])),
    )
    for what, act in ends:
        s.sql("UPDATE mast.users SET is_active = true, expires_at = NULL "
              "WHERE username = 'leaver'")
        u = s.session_for("leaver")
        sock = u.dashboard()
        update(sock)
        act(u)
        tap.equal(ended(sock), 1008, what)
        u.get("/api/v1/nodes").problem(401)
        sock.sock.close()


def test_demoted(s):
    """A lower role counts at once, without a new sign-in"""
    w = world(s)
    s.user_add("falling", "admin")
    u = s.session_for("falling")
    u.put("/api/v1/nodes/" + w.mine.id, {"name": "mine"}).want(200)
    s.sql("UPDATE mast.users SET role = 'viewer' WHERE username = 'falling'")
    mast.wait_until(lambda: u.put("/api/v1/nodes/" + w.mine.id,
                                  {"name": "mine"}).status == 403, 4,
                    "the lower role")


def test_no_socket_for_strangers(s):
    """No session, no socket; a foreign page's Origin neither"""
    world(s)
    for headers, status in (
            ([], 401), ([("Cookie", "session=" + "0" * 64)], 401),
            ([("Cookie", "session=%s" % s.admin().token),
              ("Origin", "https://evil.example")], 403)):
        try:
            ws.WebSocket("127.0.0.1", s.port, "/ws/dashboard",
                         headers=headers)
            raise AssertionError("let in: %r" % headers)
        except ws.Refused as why:
            tap.equal(why.status, status, repr(headers))
    s.admin().get("/ws/dashboard").problem(426)
    good = s.admin().dashboard(headers=[
        ("Origin", "http://127.0.0.1:%d" % s.port)])
    good.close()


def test_unknown_node(s):
    """An id that nobody has is 404 for who may see all"""
    w = world(s)
    s.admin().get("/api/v1/nodes/%s" % uuid.uuid4()).problem(404)
    r = w.user.get("/api/v1/nodes/%s" % uuid.uuid4())
    assert r.status in (403, 404), r


if __name__ == "__main__":
    mast.main(sys.modules[__name__])
