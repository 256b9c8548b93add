#!/usr/bin/python3
"""Nodes over REST: register, read, edit, tokens, delete; statuses, bounds."""
import base64
import json
import re
import sys
import uuid

import mast
import tap

UUID = re.compile(r"^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-"
                  r"[0-9a-f]{12}$")
KEYS = {"id", "name", "description", "device_type", "status", "last_seen_at",
        "last_health", "software_version", "metadata", "expires_at",
        "created_at", "updated_at", "quarantine"}
FUTURE = "2039-05-06T07:08:09.5+02:00"


def audit(s, node_id):
    return [r[0] for r in s.sql(
        "SELECT action FROM mast.audit WHERE target_id = %s ORDER BY id",
        node_id)]


def test_create(s):
    """A node is created with a token that is stored only as a hash"""
    r = s.admin().post("/api/v1/nodes", {
        "name": "edge \u00fc <b>", "description": "two\nlines",
        "device_type": "edge", "expires_at": FUTURE, "colour": "ignored"})
    doc = r.want(201).json
    tap.equal(set(doc), KEYS | {"registration_token"}, "members")
    tap.equal(doc["name"], "edge \u00fc <b>")
    tap.equal(doc["status"], "pending")
    tap.equal(doc["expires_at"], "2039-05-06T05:08:09.500000Z")
    assert UUID.match(doc["id"]) and UUID.match(doc["registration_token"])
    tap.equal(r.header("Location"), "/api/v1/nodes/" + doc["id"])
    token = doc["registration_token"]
    rows = s.sql("SELECT token_hash, expires_at - created_at FROM "
                 "mast.node_tokens WHERE node_id = %s", doc["id"])
    tap.equal(len(rows), 1, "token rows")
    assert token.encode() not in bytes(rows[0][0])
    tap.equal(rows[0][1].total_seconds(), 86400.0, "life of the token")
    tap.equal(audit(s, doc["id"]), ["node.create"])
    text = json.dumps(s.sql("SELECT to_jsonb(a) FROM mast.audit a"),
                      default=str)
    assert token not in text, "the token is in the audit"
    got = s.admin().get("/api/v1/nodes/" + doc["id"]).want(200).json
    tap.equal(set(got), KEYS, "members without the token")


def test_create_defaults(s):
    """Only the name is needed; the type is edge"""
    doc = s.admin().post("/api/v1/nodes", {"name": "x" * 128}).want(201).json
    tap.equal(doc["device_type"], "edge")
    tap.equal(doc["description"], None)
    s.admin().post("/api/v1/nodes", {
        "name": "d", "description": None, "expires_at": None}).want(201)


def test_token_life(s):
    """The life of a token is a day, or as it is asked for"""
    def life(node_id):
        return s.one("SELECT extract(epoch FROM expires_at - created_at)::int"
                     " FROM mast.node_tokens WHERE node_id = %s AND "
                     "revoked_at IS NULL", node_id)
    doc = s.admin().post("/api/v1/nodes", {
        "name": "short", "token_ttl_secs": 60}).want(201).json
    tap.equal(life(doc["id"]), 60)
    path = "/api/v1/nodes/%s/token" % doc["id"]
    s.admin().post(path + "?ttl_secs=2592000").want(200)
    tap.equal(life(doc["id"]), 2592000)
    s.admin().post(path).want(200)
    tap.equal(life(doc["id"]), 86400)
    for bad in ("59", "2592001", "x", ""):
        s.admin().post(path + "?ttl_secs=" + bad).problem(400)


BAD = [
    ({"name": "a", "token_ttl_secs": 59}, "/token_ttl_secs"),
    ({"name": "a", "token_ttl_secs": 2592001}, "/token_ttl_secs"),
    ({"name": "a", "token_ttl_secs": "60"}, "/token_ttl_secs"),
    ({}, "/name"),
    ({"name": ""}, "/name"),
    ({"name": None}, "/name"),
    ({"name": 7}, "/name"),
    ({"name": "x" * 129}, "/name"),
    ({"name": "\u00fc" * 65}, "/name"),
    ({"name": "a\u0007b"}, "/name"),
    ({"name": "a", "description": "d" * 513}, "/description"),
    ({"name": "a", "description": "\u001b[1m"}, "/description"),
    ({"name": "a", "device_type": "toaster"}, "/device_type"),
    ({"name": "a", "expires_at": "2001-01-01T00:00:00Z"}, "/expires_at"),
    ({"name": "a", "expires_at": "tomorrow"}, "/expires_at"),
    ({"name": "a", "expires_at": 5}, "/expires_at"),
]


def test_create_refusals(s):
    """Every broken rule is named with its member"""
    before = s.one("SELECT count(*) FROM mast.nodes")
    for body, pointer in BAD:
        doc = s.admin().post("/api/v1/nodes", body).problem(422).json
        tap.contains([e["pointer"] for e in doc["errors"]], pointer,
                     repr(body))
    for raw in (b"", b"{", b"[]", b'{"name":"a","name":"b"}',
                b'{"name":"\xff"}', b'{"name":"\\ud800"}'):
        r = s.admin().request("POST", "/api/v1/nodes", raw=raw, headers={
            "Content-Type": "application/json"})
        assert r.status in (400, 422), (raw, r)
        r.problem(r.status)
    s.admin().request("POST", "/api/v1/nodes", raw=b"name=a", headers={
        "Content-Type": "application/x-www-form-urlencoded"}).problem(415)
    tap.equal(s.one("SELECT count(*) FROM mast.nodes"), before, "rows")


def test_list(s):
    """The list is in byte order of names and filtered by type"""
    for name, kind in (("b", "edge"), ("a", "relay"), ("B", "edge"),
                       ("\u00e4", "edge")):
        s.admin().node_add("list " + name, kind)
    nodes = s.admin().get("/api/v1/nodes").want(200).json
    names = [n["name"] for n in nodes]
    tap.equal(names, sorted(names, key=lambda n: n.encode()), "order")
    relays = s.admin().get("/api/v1/nodes?device_type=relay").want(200).json
    tap.equal([n["name"] for n in relays], ["list a"])
    tap.equal(s.admin().get("/api/v1/nodes?device_type=x").want(200).json,
              [])
    s.admin().get("/api/v1/nodes?device_type=a&device_type=b").problem(400)


def test_get(s):
    """A node that does not exist is 404, a malformed id too"""
    s.admin().get("/api/v1/nodes/%s" % uuid.uuid4()).problem(404)
    s.admin().get("/api/v1/nodes/nonsense").problem(404)
    s.nobody().get("/api/v1/nodes").problem(401)


def test_update(s):
    """Absent keeps, null clears, the version moves"""
    i, _ = s.admin().node_add("before", description="text",
                              expires_at=FUTURE)
    path = "/api/v1/nodes/" + i
    doc = s.admin().put(path, {"name": "after"}).want(200).json
    tap.equal(set(doc), KEYS, "members")
    tap.equal((doc["name"], doc["description"]), ("after", "text"))
    assert doc["expires_at"] is not None
    doc = s.admin().put(path, {"description": None,
                               "expires_at": None}).want(200).json
    tap.equal((doc["name"], doc["description"], doc["expires_at"]),
              ("after", None, None))
    doc = s.admin().put(path, {"description": ""}).want(200).json
    tap.equal(doc["description"], "")
    tap.equal(doc, s.admin().get(path).json, "as it is read again")
    s.admin().put(path, {"name": ""}).problem(422)
    s.admin().put(path, {"expires_at": "1999-01-01T00:00:00Z"}).problem(422)
    s.admin().put("/api/v1/nodes/%s" % uuid.uuid4(),
                  {"name": "x"}).problem(404)
    tap.equal(s.admin().put(path, {"name": None}).want(200).json["name"],
              "after", "a name is never cleared")
    rows = s.sql("SELECT details FROM mast.audit WHERE target_id = %s AND "
                 "action = 'node.update' ORDER BY id", i)
    tap.equal(len(rows), 4, "audit rows")
    tap.equal(rows[0][0]["before"]["name"], "before")
    tap.equal(rows[0][0]["after"]["name"], "after")


def test_if_match(s):
    """If-Match lets one of two editors win"""
    i, _ = s.admin().node_add("etag")
    path = "/api/v1/nodes/" + i
    tag = s.admin().get(path).header("ETag")
    r = s.admin().put(path, {"name": "etag 2"}, headers={"If-Match": tag})
    assert r.want(200).header("ETag") not in (None, tag)
    for stale in (tag, '"nonsense"', 'W/' + r.header("ETag")):
        s.admin().put(path, {"name": "lost"},
                      headers={"If-Match": stale}).problem(412)
        s.admin().delete(path, headers={"If-Match": stale}).problem(412)
    tap.equal(s.admin().node(i)["name"], "etag 2")
    s.admin().put(path, {"name": "any"}, headers={"If-Match": "*"}).want(200)
    tag = s.admin().get(path).header("ETag")
    s.admin().delete(path, headers={"If-Match": tag}).want(204)


def test_token(s):
    """A new token replaces the unused one before it"""
    i, first = s.admin().node_add("tokens")
    r = s.admin().post("/api/v1/nodes/%s/token" % i).want(200).json
    tap.equal(list(r), ["registration_token"])
    tap.equal(s.one("SELECT count(*) FROM mast.node_tokens WHERE node_id = "
                    "%s AND revoked_at IS NULL", i), 1, "valid tokens")
    n = mast.Node(s, token=first)
    tap.equal(n.connect(), "auth_error", "the replaced token")
    n.close()
    n = mast.Node(s, token=r["registration_token"]).online()
    tap.equal(n.id, i)
    n.close()
    tap.equal(audit(s, i)[:2], ["node.create", "node.token"])
    s.admin().post("/api/v1/nodes/%s/token" % uuid.uuid4()).problem(404)


def test_delete(s):
    """Delete closes the live session, keeps the events, and is 404 twice"""
    n = s.node("to go")
    n.event("before the end", severity="warning")
    mast.wait_until(lambda: s.admin().events(search="before the end"), 10,
                    "the event is stored")
    s.admin().delete("/api/v1/nodes/" + n.id).want(204)
    mast.wait_until(lambda: n.closed, 5, "the node's session ends")
    s.admin().delete("/api/v1/nodes/" + n.id).problem(404)
    s.admin().get("/api/v1/nodes/" + n.id).problem(404)
    events = s.admin().events(search="before the end")
    tap.equal(events[0]["node_name"], "to go", "last name of the node")
    tap.contains(audit(s, n.id), "node.delete")
    again = mast.Node(s, creds=(n.id, n.secret))
    tap.equal(again.connect(), "auth_error", "credentials of a deleted node")
    again.close()


def test_online(s):
    """A connected node shows online, its health and version, then offline"""
    n = s.node("online", version="9.8.7")
    def seen():
        doc = s.admin().node(n.id)
        return doc["status"] == "online" and doc["last_health"] and doc
    doc = mast.wait_until(seen, 10, "online with health")
    assert doc["last_seen_at"] is not None
    assert isinstance(doc["last_health"]["uptime_secs"], int)
    n.close()
    mast.wait_until(lambda: s.admin().node(n.id)["status"] == "offline", 10,
                    "offline after the close")


def test_rename_live(s):
    """A rename reaches the live picture without a reconnect"""
    n = s.node("old name")
    sock = s.admin().dashboard()
    s.admin().put("/api/v1/nodes/" + n.id, {"name": "new name"}).want(200)

    def named():
        doc = json.loads(sock.recv(10)[1])
        return any(x["name"] == "new name" for x in doc["nodes"])
    mast.wait_until(named, 15, "the new name in the dashboard")
    sock.close()
    n.close()


def test_roles(s):
    """Who may not, is refused and changes nothing"""
    s.user_add("nodes-view", "viewer")
    s.user_add("nodes-oper", "operator")
    i, _ = s.admin().node_add("roles")
    for name in ("nodes-view", "nodes-oper"):
        u = s.session_for(name)
        u.get("/api/v1/nodes").want(200)
        u.get("/api/v1/nodes/" + i).want(200)
        u.get("/api/v1/device-types").want(200)
        u.post("/api/v1/nodes", {"name": "no"}).problem(403)
        u.put("/api/v1/nodes/" + i, {"name": "no"}).problem(403)
        u.delete("/api/v1/nodes/" + i).problem(403)
        u.post("/api/v1/nodes/%s/token" % i).problem(403)
    r = s.admin().request("DELETE", "/api/v1/nodes/" + i, csrf=False)
    r.problem(403)
    tap.equal(s.admin().node(i)["name"], "roles")


def test_filters_and_pages(s):
    """Type, status and part of the name; pages by cursor, in order"""
    admin = s.admin()
    made = {}
    for name, kind in (("Page b_1", "edge"), ("page A%2", "relay"),
                       ("page b", "edge"), ("page b", "edge"),
                       ("page \u00fc", "edge")):
        made.setdefault(name, []).append(admin.node_add(name, kind)[0])
    names = ["Page b_1", "page A%2", "page b", "page b", "page \u00fc"]
    table = [
        ("search=PAGE", names),
        ("search=PAGE+b", [names[0], "page b", "page b"]),
        ("search=%25", ["page A%2"]),
        ("search=page&device_type=relay", ["page A%2"]),
        ("search=page&status=online", []),
        ("search=page&status=pending&device_type=edge",
         [n for n in names if n != "page A%2"]),
    ]
    for query, want in table:
        path = "/api/v1/nodes?" + query
        tap.equal([n["name"] for n in admin.get(path).want(200).json], want,
                  query)
        for limit in (1, 2, 1000):
            got, sizes = admin.walk("%s&limit=%d" % (path, limit))
            tap.equal([n["name"] for n in got], want, query)
            tap.equal(len({n["id"] for n in got}), len(want), query)
            assert all(n <= limit for n in sizes), sizes
    every = admin.get("/api/v1/nodes")
    tap.equal(every.next(), None, "the whole list needs no link")
    tap.equal(admin.walk("/api/v1/nodes?limit=1", 500)[0], every.json)
    # One that goes, one that comes: the rest is seen once.
    r = admin.get("/api/v1/nodes?search=page&limit=3")
    gone = r.json[2]["id"]
    admin.delete("/api/v1/nodes/" + gone).want(204)
    admin.node_add("Page 0 before")
    rest = admin.get(r.next()).want(200).json
    tap.equal(sorted(n["id"] for n in r.json + rest), sorted(
        i for ids in made.values() for i in ids))
    s.user_add("nodes-page", "viewer", nodes=[made["page b"][0],
                                              made["page A%2"][0]])
    got, _ = s.session_for("nodes-page").walk("/api/v1/nodes?limit=1")
    tap.equal(len(got), sum(n["id"] != gone for n in got), "own nodes")
    for query, name in (("status=on", "status"), ("status=", "status"),
                        ("search=" + "x" * 129, "search"),
                        ("limit=1001", "limit"), ("limit=0", "limit"),
                        ("cursor=x", "cursor"), ("search=%ff", "search")):
        r = admin.get("/api/v1/nodes?" + query).problem(400)
        tap.equal(r.json["errors"][0]["pointer"], name, query)
    tag = admin.get("/api/v1/nodes?limit=2").header("ETag")
    admin.get("/api/v1/nodes?limit=2",
              headers={"If-None-Match": tag}).want(304)


def test_thumbnail(s):
    """The newest picture of a flow and of an input, with its age; what is
    no JPEG or too large is none; it goes with the connection"""
    n = s.node("pictures")
    at = "/api/v1/nodes/%s/thumbnail?flow_id=" % n.id

    def sends(data, key="data", **more):
        n.send("thumbnail", dict({key: base64.b64encode(data).decode(),
                                  "flow_id": "f \u00e9"}, **more))

    def shows(data, query="f+%C3%A9"):
        def got():
            r = s.admin().get(at + query)
            return r.status == (200 if data else 204) and r.body == data
        mast.wait_until(got, 10, "the picture")
        return s.admin().get(at + query)

    shows(b"")
    one, two = (b"\xff\xd8\xff\xe0" + c * 9000 for c in (b"1", b"2"))
    sends(one)
    r = shows(one)
    tap.equal(r.header("Content-Type"), "image/jpeg")
    tap.equal(r.header("X-Content-Type-Options"), "nosniff")
    assert 0 <= int(r.header("Age")) < 60
    sends(two, "image_base64", input_id="in-1")
    shows(two, "f+%C3%A9&input_id=in-1")
    sends(b"<svg onload=alert(1)>")
    sends(b"\xff\xd8\xff" + bytes(97 * 1024))
    n.send("thumbnail", {"data": "not base64!", "flow_id": "f \u00e9"})
    n.send("thumbnail", {"flow_id": 7, "data": []})
    sends(two)
    shows(two)
    for i in range(70):
        sends(one, flow_id="many-%d" % i)
    shows(one, "many-69")
    shows(b"", "many-1")
    shows(b"")
    s.admin().get(at[:-9]).problem(400)
    s.admin().get(at + "x" * 300).problem(400)
    s.user_add("no-pictures", "viewer", nodes=[])
    s.session_for("no-pictures").get(at + "f").problem(403)
    s.nobody().get(at + "f").problem(401)
    n.close()
    mast.wait_until(lambda: s.admin().node(n.id)["status"] == "offline", 10,
                    "it is away")
    s.admin().get(at + "f").problem(502)


def test_device_types(s):
    """The two drivers with their commands and roles"""
    r = s.admin().get("/api/v1/device-types").want(200)
    types = {t["device_type"]: t for t in r.json["device_types"]}
    tap.equal(set(types), {"edge", "relay"})
    edge = [c["name"] for c in types["edge"]["supported_commands"]]
    tap.equal(edge, ["get_config", "update_config", "create_flow",
                     "update_flow", "delete_flow", "start_flow", "stop_flow",
                     "restart_flow", "add_output", "remove_output"])
    relay = {c["name"]: c["requires_role"]
             for c in types["relay"]["supported_commands"]}
    tap.equal(relay, {"get_config": "operator", "disconnect_edge": "admin",
                      "close_tunnel": "admin", "list_tunnels": "operator",
                      "list_edges": "operator", "authorize_tunnel": "admin",
                      "revoke_tunnel": "admin"})
    fields = {c["name"]: [f["name"] for f in c["fields"]]
              for c in types["edge"]["supported_commands"]}
    tap.equal(fields["add_output"], ["flow_id", "output"])
    assert "config" not in types["relay"]
    form = types["edge"]["config"]
    srt = next(t for t in form["output"]["types"] if t["type"] == "srt")
    members = {m["name"]: m for m in srt["members"]}
    tap.equal(members["mode"], {
        "name": "mode", "label": "Mode", "type": "text", "required": [1, 2],
        "options": ["caller", "listener", "rendezvous"]})
    tap.equal(members["aes_key_len"]["options"], [16, 24, 32])
    tap.equal(members["local_addr"]["required"], [1])
    assert members["passphrase"]["secret"]
    assert "latency_ms" in [m["name"]
                            for m in members["redundancy"]["members"]]
    tag = r.header("ETag")
    s.admin().get("/api/v1/device-types",
                  headers={"If-None-Match": tag}).want(304)


if __name__ == "__main__":
    mast.main(sys.modules[__name__])
