#!/usr/bin/python3
"""API tokens: shown once, bounded by their owner and their scope at every
request, ended at once, and no way to anything that outlives them."""
import datetime
import re
import sys
import uuid

import mast
import tap
import ws

TOKENS = "/api/v1/tokens"
USERS = "/api/v1/users"
ME = "/api/v1/auth/me"
MEMBERS = sorted(["id", "name", "user_id", "max_role", "read_only",
                  "node_ids", "created_at", "expires_at", "last_used_at"])


def stamp(**delta):
    t = datetime.datetime.now(datetime.timezone.utc)
    return (t + datetime.timedelta(**delta)).strftime("%Y-%m-%dT%H:%M:%SZ")


def person(s, name, role="operator", nodes=None):
    if not s.sql("SELECT 1 FROM mast.users WHERE username = %s", name):
        s.user_add(name, role, nodes=nodes)
    return s.session_for(name)


def make(c, role="super_admin", name="t", **more):
    return c.post(TOKENS, dict(name=name, max_role=role, **more))


class Program(mast.Session):
    """What holds a token: Bearer, no cookie, no CSRF token."""

    def __init__(self, suite, token):
        super().__init__(suite, bearer=True)
        self.token = token


def program(s, c, role, **more):
    doc = make(c, role, **more).want(201).json
    p = Program(s, doc["token"])
    p.id = doc["id"]
    return p


def test_shape(s):
    """The token is shown once; a keyed hash is stored"""
    c = person(s, "maker")
    r = make(c, "operator", name="ci").want(201)
    doc = r.json
    token = doc.pop("token")
    assert re.fullmatch("mst_[0-9a-f]{64}", token), token
    tap.equal(sorted(doc), MEMBERS)
    tap.equal((doc["name"], doc["max_role"], doc["read_only"],
               doc["node_ids"], doc["last_used_at"], doc["user_id"]),
              ("ci", "operator", False, None, None, c.user["id"]))
    tap.equal(r.header("Location"), TOKENS + "/" + doc["id"])
    left = s.one("SELECT extract(day FROM expires_at - now()) FROM "
                 "mast.api_tokens WHERE id = %s", doc["id"])
    assert 89 <= left <= 90, left
    tap.equal(c.get(TOKENS).want(200).json, [doc])
    rows = s.sql("SELECT token_hash::text, (SELECT string_agg(a::text, '') "
                 "FROM mast.audit a) FROM mast.api_tokens")
    for row in rows:
        for text in row:
            assert token[4:] not in text and token not in text, row


def test_fields(s):
    """Every member that breaks its rule is named"""
    c = person(s, "maker")
    for member, value in (
            ("name", ""), ("name", "x" * 129), ("name", 1),
            ("max_role", "root"), ("read_only", "yes"),
            ("node_ids", ["x"]), ("node_ids", "x"),
            ("expires_at", stamp(seconds=-5)), ("expires_at", "soon"),
            ("expires_at", stamp(days=367)), ("readonly", True)):
        r = c.post(TOKENS, dict({"name": "x", "max_role": "viewer"},
                                **{member: value})).problem(422)
        tap.contains(r.json["errors"][0]["pointer"], "/" + member)
    r = c.post(TOKENS, {}).problem(422)
    tap.equal(sorted(e["pointer"] for e in r.json["errors"]),
              ["/max_role", "/name"])
    make(c, "viewer", expires_at=stamp(days=365)).want(201)


def test_scope_bound(s):
    """Nobody gives a token more than he has"""
    mine, other = str(uuid.uuid4()), str(uuid.uuid4())
    c = person(s, "bounded", nodes=[mine])
    make(c, "admin").problem(403)
    make(c, "operator", node_ids=[mine, other]).problem(403)
    make(c, "operator", node_ids=[mine]).want(201)
    make(c, "operator", node_ids=None).want(201)


def test_use(s):
    """Bearer only, no CSRF token; the scope's role bounds it"""
    c = person(s, "user", "admin")
    p = program(s, c, "operator")
    me = p.get(ME).want(200).json
    tap.equal((me["user"]["username"], me["csrf_token"], me["session"]),
              ("user", None, None))
    tap.equal(sorted(me["token"]), MEMBERS)
    tap.equal(me["token"]["id"], p.id)
    s.nobody().get(ME, headers={"Cookie": "session=" + p.token}).problem(401)
    for bad in (p.token[:-1], p.token + "0", p.token.upper(), p.token[4:],
                "mst_" + "0" * 64, "mst-" + p.token[4:]):
        Program(s, bad).get(ME).problem(401)
    p.get("/api/v1/nodes").want(200)
    p.post("/api/v1/nodes", {"name": "x"}).problem(403)
    p.get(USERS).problem(403)
    full = program(s, c, "admin")
    full.get(USERS).want(200)
    node = full.post("/api/v1/nodes", {"name": "by-token"}).want(201).json
    kind, actor, details = s.sql(
        "SELECT actor_kind, actor_name, details FROM mast.audit WHERE "
        "target_id = %s", node["id"])[0]
    tap.equal((kind, actor, details["token_id"]),
              ("token", "user", full.id))


def test_read_only(s):
    """One that only reads is refused every other method"""
    c = person(s, "user", "admin")
    p = program(s, c, "admin", read_only=True)
    p.get(USERS).want(200)
    p.get("/api/v1/nodes").want(200)
    p.post("/api/v1/nodes", {"name": "x"}).problem(403)
    node = c.node_add("kept")[0]
    for method in ("PUT", "DELETE"):
        p.request(method, "/api/v1/nodes/" + node,
                  {"name": "y"} if method == "PUT" else None).problem(403)
    tap.equal(c.node(node)["name"], "kept")


def test_nodes(s):
    """Only the nodes that owner and token both may see"""
    c = person(s, "keeper", "admin")
    one, two = (c.node_add(n)[0] for n in ("one", "two"))
    p = program(s, c, "admin", node_ids=[one])
    tap.equal([n["id"] for n in p.get("/api/v1/nodes").want(200).json],
              [one])
    p.get("/api/v1/nodes/" + one).want(200)
    p.get("/api/v1/nodes/" + two).problem(403)
    p.put("/api/v1/nodes/" + two, {"name": "x"}).problem(403)
    p.post("/api/v1/nodes", {"name": "unseen"}).problem(403)
    limited = person(s, "limited", "operator", nodes=[one, two])
    q = program(s, limited, "operator", node_ids=[two])
    s.sql("DELETE FROM mast.user_nodes WHERE user_id = %s AND node_id = %s",
          limited.user["id"], two)
    mast.wait_until(lambda: q.get("/api/v1/nodes").json == [], 3,
                    "the owner's list")


def test_owner_moves(s):
    """Demoted, disabled or deleted, the owner takes the token along"""
    s.user_add("mover", "admin")
    c = s.session_for("mover")
    p = program(s, c, "admin")
    path = USERS + "/" + c.user["id"]
    p.get(USERS).want(200)
    s.admin().put(path, {"role": "viewer"}).want(200)
    mast.wait_until(lambda: p.get(USERS).status == 403, 3, "the demotion")
    s.admin().put(path, {"is_active": False}).want(200)
    mast.wait_until(lambda: p.get(ME).status == 401, 3, "disabling")
    s.admin().put(path, {"is_active": True}).want(200)
    mast.wait_until(lambda: p.get(ME).status == 200, 3, "enabling")
    s.admin().delete(path).want(204)
    mast.wait_until(lambda: p.get(ME).status == 401, 3, "deleting")


def test_end(s):
    """Deleted or expired, a token is nobody's; its socket ends"""
    c = person(s, "ender")
    p = program(s, c, "operator")
    sock = ws.WebSocket("127.0.0.1", s.port, "/ws/dashboard",
                        headers=[("Authorization", "Bearer " + p.token)])
    c.delete(TOKENS + "/" + p.id).want(204)
    mast.wait_until(lambda: p.get(ME).status == 401, 3, "the end")
    try:
        while True:
            sock.recv(20)
    except ws.Closed as why:
        tap.equal(why.code, 1008)
    c.delete(TOKENS + "/" + p.id).problem(404)
    q = program(s, c, "operator")
    q.get(ME).want(200)
    s.sql("UPDATE mast.api_tokens SET expires_at = now() WHERE id = %s",
          q.id)
    mast.wait_until(lambda: q.get(ME).status == 401, 3, "the expiry")


def test_others(s):
    """A user sees and ends his own; an administrator those of users not
    above him"""
    c, other = person(s, "mine"), person(s, "not-mine")
    p = program(s, c, "viewer")
    other.delete(TOKENS + "/" + p.id).problem(404)
    other.get(TOKENS + "?user_id=" + c.user["id"]).problem(403)
    tap.equal(other.get(TOKENS).want(200).json, [])
    admin = person(s, "token-admin", "admin")
    got = admin.get(TOKENS + "?user_id=" + c.user["id"]).want(200).json
    tap.equal([t["id"] for t in got], [p.id])
    admin.get(TOKENS + "?user_id=x").problem(400)
    root = program(s, s.admin(), "viewer")
    admin.delete(TOKENS + "/" + root.id).problem(403)
    root.get(ME).want(200)
    admin.delete(TOKENS + "/" + p.id).want(204)
    s.admin().delete(TOKENS + "/" + root.id).want(204)


def test_no_outliving(s):
    """A token makes no token, no user and no password, and signs nobody
    out"""
    p = program(s, s.admin(), "super_admin")
    victim = person(s, "victim").user["id"]
    for method, path, body in (
            ("POST", TOKENS, {"name": "x", "max_role": "viewer"}),
            ("DELETE", TOKENS + "/" + p.id, None),
            ("POST", "/api/v1/auth/logout", None),
            ("POST", USERS, {"username": "x", "password": "Passw0rd-x",
                             "display_name": "x", "role": "viewer",
                             "is_temporary": False}),
            ("PUT", USERS + "/" + victim, {"password": "Passw0rd-y"}),
            ("DELETE", USERS + "/" + victim, None)):
        r = p.request(method, path, body).problem(403)
        tap.contains(r.json["error"], "token", path)
    s.session_for("victim")


def test_last_used(s):
    """The use is noted, to the minute and without dropping any cache"""
    c = person(s, "noter")
    p = program(s, c, "viewer")
    before = s.one("SELECT value FROM mast.versions WHERE name = 'auth'")
    p.get(ME).want(200)
    used = c.get(TOKENS).json[0]["last_used_at"]
    assert used is not None
    for _ in range(5):
        p.get(ME).want(200)
    tap.equal(c.get(TOKENS).json[0]["last_used_at"], used)
    tap.equal(s.one("SELECT value FROM mast.versions WHERE name = 'auth'"),
              before)


def test_many(s):
    """A user has at most a hundred"""
    c = person(s, "collector")
    s.sql("INSERT INTO mast.api_tokens (id, token_hash, user_id, name, "
          "max_role, expires_at) SELECT gen_random_uuid(), "
          "decode(md5(n::text), 'hex'), %s, 'n', 'viewer', now() FROM "
          "generate_series(1, 99) n", c.user["id"])
    make(c, "viewer").want(201)
    make(c, "viewer").problem(409)


def test_audit(s):
    """Making and ending have their rows"""
    c = person(s, "audited")
    p = program(s, c, "viewer", name="noted")
    c.delete(TOKENS + "/" + p.id).want(204)
    rows = s.sql("SELECT action, actor_kind, details->>'name' FROM "
                 "mast.audit WHERE target_id = %s ORDER BY id", p.id)
    tap.equal(rows, [("token.create", "user", "noted"),
                     ("token.delete", "user", "noted")])
    assert p.token not in s.log("apid"), "a token in the log"


if __name__ == "__main__":
    mast.main(sys.modules[__name__])
