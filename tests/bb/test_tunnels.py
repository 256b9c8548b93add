#!/usr/bin/python3
"""Tunnels: a stored plan over their legs, carried out by the hub whatever
happens meanwhile, and never half done without saying so."""
import hashlib
import hmac
import http.client
import itertools
import json
import sys
import threading
import uuid

import hubkit
import mast
import tap

PATH = "/api/v1/tunnels"
port = itertools.count(7000)


class Fleet:
    """Two edges and a relay, online."""

    def __init__(self, s):
        self.s = s
        self.a = s.node("edge-a")
        self.b = s.node("edge-b")
        self.r = s.node("relay-r", "relay")

    def body(self, **more):
        doc = {"name": "t", "protocol": "udp", "mode": "relay",
               "ingress_node_id": self.a.id,
               "ingress_listen_port": next(port),
               "egress_node_id": self.b.id,
               "egress_forward_addr": "127.0.0.1:5004",
               "relay_node_id": self.r.id, "relay_addr": "192.0.2.1:4433"}
        doc.update(more)
        return {k: v for k, v in doc.items() if v is not ...}

    def direct(self, **more):
        return self.body(mode="direct", relay_node_id=..., relay_addr=...,
                         **dict({"egress_peer_addr":
                                 "192.0.2.9:%d" % next(port)}, **more))

    def make(self, body=None, **more):
        return self.s.admin().post(PATH, body or self.body(
            **more)).want(200).json


def fleet(s):
    """The shared fleet, with everybody online and obedient."""
    if not hasattr(s, "fleet"):
        s.fleet = Fleet(s)
    f = s.fleet
    for n in (f.a, f.b, f.r):
        n.on_command = lambda cid, action: {"success": True}
        n.config = {"version": 2, "flows": [], "inputs": [], "outputs": []}
        if n.ws is None or n.closed:
            n.online()
    mast.wait_until(lambda: all(
        s.admin().node(n.id)["status"] == "online" for n in (f.a, f.b, f.r)),
        15, "the fleet is online")
    return f


def get(s, tid):
    return s.admin().get(PATH + "/" + tid).want(200).json


def legs(t):
    return [t[leg + "_push_status"] for leg in ("relay", "ingress", "egress")]


def until_legs(s, tid, want, timeout=20):
    mast.wait_until(lambda: legs(get(s, tid)) == want, timeout,
                    "legs are %r" % want)


def told(node, tid):
    """The tunnel actions that a node got, in order."""
    return [a["type"] for _, a in node.commands
            if a.get("tunnel_id") == tid or
            a.get("tunnel", {}).get("id") == tid]


def refusing(kind, error, **more):
    def answer(cid, action):
        if action["type"] == kind:
            return dict(success=False, error=error, **more)
        return {"success": True}
    return answer


def silent(kind):
    return lambda cid, action: (None if action["type"] == kind
                                else {"success": True})


def test_relay_mode(s):
    """POST pushes relay, then both ends, and answers with what is true"""
    f = fleet(s)
    order = []
    for n, name in ((f.r, "relay"), (f.a, "in"), (f.b, "out")):
        n.on_command = lambda cid, action, name=name: (
            order.append(name) or {"success": True})
    body = f.body(name="Über", associated_flow_ids=["f1", "f,2\""])
    r = s.admin().post(PATH, body).want(200)
    t = r.json
    tap.equal(t["status"], "active")
    tap.equal(legs(t), ["pushed"] * 3)
    assert "warnings" not in t, t
    for k in ("name", "protocol", "mode", "ingress_node_id",
              "ingress_listen_port", "egress_node_id", "egress_forward_addr",
              "relay_addr", "relay_node_id", "associated_flow_ids"):
        tap.equal(t[k], body[k], k)
    tap.equal(t["relay_addrs"], [body["relay_addr"]])
    tap.equal(order[0], "relay", "the relay comes first")
    tap.equal(sorted(order), ["in", "out", "relay"])
    one, two = f.a.tunnels[t["id"]], f.b.tunnels[t["id"]]
    secret = one["tunnel_bind_secret"]
    tap.equal(one, {
        "id": t["id"], "name": "Über", "enabled": True, "protocol": "udp",
        "mode": "relay", "direction": "egress",
        "local_addr": "0.0.0.0:%d" % body["ingress_listen_port"],
        "relay_addr": "192.0.2.1:4433", "relay_addrs": ["192.0.2.1:4433"],
        "tunnel_encryption_key": one["tunnel_encryption_key"],
        "tunnel_bind_secret": secret})
    tap.equal(two, dict(one, direction="ingress",
                        local_addr="127.0.0.1:5004"))
    for text in (secret, one["tunnel_encryption_key"]):
        assert len(bytes.fromhex(text)) == 32 and text == text.lower(), text
    tap.equal(f.r.authorized[t["id"]], tuple(
        hmac.new(secret.encode(), ("%s:%s" % (t["id"], end)).encode(),
                 hashlib.sha256).hexdigest() for end in ("ingress",
                                                         "egress")))
    assert secret not in json.dumps(f.r.commands), "the relay got the secret"
    again = s.admin().get(PATH + "/" + t["id"]).want(200)
    tap.equal(again.json, t)
    tap.equal(again.header("ETag"), r.header("ETag"))
    for keep in (secret, one["tunnel_encryption_key"]):
        for d in mast.DAEMONS:
            assert keep not in s.log(d), "a secret is in the log of " + d
        for table in ("audit", "tunnels", "tunnel_legs", "events",
                      "commands"):
            tap.equal(s.one("SELECT count(*) FROM mast.%s x WHERE "
                            "x::text LIKE %%s" % table,
                            "%" + keep + "%"), 0, table)


def test_direct_mode(s):
    """Direct mode: peer and listener, a PSK, no relay"""
    f = fleet(s)
    body = f.direct(protocol="tcp")
    t = f.make(body)
    tap.equal((t["status"], legs(t)), ("active", [None, "pushed", "pushed"]))
    one, two = f.a.tunnels[t["id"]], f.b.tunnels[t["id"]]
    tap.equal(one["peer_addr"], body["egress_peer_addr"])
    tap.equal(two["direct_listen_addr"], "0.0.0.0:" +
              body["egress_peer_addr"].split(":")[1])
    assert "direct_listen_addr" not in one and "peer_addr" not in two
    assert "relay_addr" not in one and "relay_addrs" not in one
    tap.equal(one["tunnel_psk"], two["tunnel_psk"])
    tap.equal(len({one[k] for k in ("tunnel_psk", "tunnel_bind_secret",
                                    "tunnel_encryption_key")}), 3)
    tap.equal(told(f.r, t["id"]), [])


def test_lists(s):
    """Lists are wrapped, newest first, with names; a node's own list"""
    f = fleet(s)
    t = f.make()
    rows = s.admin().get(PATH).want(200).json["tunnels"]
    tap.equal(rows[0]["id"], t["id"])
    tap.equal((rows[0]["ingress_node_name"], rows[0]["egress_node_name"]),
              ("edge-a", "edge-b"))
    assert "created_at" not in rows[0], rows[0]
    for n in (f.a, f.b, f.r):
        mine = s.admin().get("/api/v1/nodes/%s/tunnels" % n.id).want(200)
        assert t["id"] in [x["id"] for x in mine.json["tunnels"]]
    other = s.node("lonely")
    tap.equal(s.admin().get("/api/v1/nodes/%s/tunnels" % other.id).want(
        200).json, {"tunnels": []})
    s.admin().get("/api/v1/nodes/%s/tunnels" % uuid.uuid4()).problem(404)
    s.admin().get(PATH + "/%s" % uuid.uuid4()).problem(404)
    s.admin().get(PATH + "/x").problem(404)


def test_bad_members(s):
    """Every broken rule is a 422 that points at its member"""
    f = fleet(s)
    before = s.one("SELECT count(*) FROM mast.tunnels")
    for member, value in (
            ("name", ""), ("name", "x" * 129), ("name", "a\nb"),
            ("name", 1), ("name", ...), ("protocol", "sctp"),
            ("protocol", ...), ("mode", "bridge"), ("mode", None),
            ("ingress_node_id", "x"), ("ingress_node_id", ...),
            ("ingress_node_id", str(uuid.uuid4())),
            ("ingress_node_id", f.r.id), ("egress_node_id", f.r.id),
            ("egress_node_id", f.a.id), ("egress_node_id", ...),
            ("ingress_listen_port", 0), ("ingress_listen_port", 65536),
            ("ingress_listen_port", "7000"), ("ingress_listen_port", 1.5),
            ("ingress_listen_port", ...), ("egress_forward_addr", ...),
            ("egress_forward_addr", "127.0.0.1"),
            ("egress_forward_addr", ":5000"),
            ("egress_forward_addr", "h:0"), ("egress_forward_addr", "h:70000"),
            ("egress_forward_addr", "::1:5000"),
            ("egress_forward_addr", "a b:5000"),
            ("egress_forward_addr", "h" * 255 + ":1"),
            ("egress_peer_addr", "nope"), ("relay_addr", "nope"),
            ("relay_addr", ""), ("relay_addrs", []),
            ("relay_addrs", "h:1"), ("relay_addrs", ["h:1", "i"]),
            ("relay_addrs", ["a:1", "b:1", "c:1"]),
            ("relay_node_id", ...), ("relay_node_id", None),
            ("relay_node_id", f.a.id), ("relay_node_id", str(uuid.uuid4())),
            ("associated_flow_ids", "f"), ("associated_flow_ids", [1]),
            ("associated_flow_ids", ["f"] * 65),
            ("associated_flow_ids", [""])):
        r = s.admin().post(PATH, f.body(**{member: value})).problem(422)
        assert "/" + member in [e["pointer"] for e in r.json["errors"]], (
            member, value, r)
    r = s.admin().post(PATH, f.direct(egress_peer_addr=None)).problem(422)
    tap.equal(r.json["errors"][0]["pointer"], "/egress_peer_addr")
    r = s.admin().post(PATH, f.body(relay_addr=...)).problem(422)
    tap.equal(r.json["errors"][0]["pointer"], "/relay_addr")
    for member, value in (("status", "error"), ("status", "on"),
                          ("name", ""), ("relay_addrs", []),
                          ("ingress_listen_port", 0)):
        r = s.admin().put(PATH + "/%s" % uuid.uuid4(),
                          {member: value}).problem(422)
        tap.equal(r.json["errors"][0]["pointer"], "/" + member)
    s.admin().put(PATH + "/%s" % uuid.uuid4(), {"name": "x"}).problem(404)
    s.admin().delete(PATH + "/%s" % uuid.uuid4()).problem(404)
    tap.equal(s.one("SELECT count(*) FROM mast.tunnels"), before)


def test_relay_addr(s):
    """The relay's address: two of them, or what the relay tells itself"""
    f = fleet(s)
    t = f.make(relay_addr=..., relay_addrs=["[2001:db8::1]:4433", "h:4434"])
    tap.equal(t["relay_addr"], "[2001:db8::1]:4433")
    tap.equal(f.b.tunnels[t["id"]]["relay_addrs"],
              ["[2001:db8::1]:4433", "h:4434"])
    f.r.health({"status": "ok", "quic_addr": "0.0.0.0:4433",
                "public_quic_addr": "relay.example.net:4433"})
    mast.wait_until(lambda: (s.admin().node(f.r.id)["last_health"] or {}
                             ).get("public_quic_addr"), 10, "its health")
    t = f.make(relay_addr=...)
    tap.equal(t["relay_addrs"], ["relay.example.net:4433"])
    f.r.health({"status": "ok", "quic_addr": "0.0.0.0:4433"})


def test_roles(s):
    """Operators read, admins write"""
    f = fleet(s)
    t = f.make()
    for role, reads in (("viewer", False), ("operator", True)):
        s.user_add("tunnel-" + role, role)
        u = s.session_for("tunnel-" + role)
        for path in (PATH, PATH + "/" + t["id"],
                     "/api/v1/nodes/%s/tunnels" % f.a.id):
            u.get(path).want(200) if reads else u.get(path).problem(403)
        u.post(PATH, f.body()).problem(403)
        u.put(PATH + "/" + t["id"], {"name": "x"}).problem(403)
        u.delete(PATH + "/" + t["id"]).problem(403)
    s.nobody().get(PATH).problem(401)


def test_restricted(s):
    """Who sees no end sees nothing; who sees one end changes nothing"""
    f = fleet(s)
    t = f.make()
    s.user_add("tunnel-none", "admin", nodes=[])
    s.user_add("tunnel-one", "admin", nodes=[f.a.id])
    s.user_add("tunnel-ends", "admin", nodes=[f.a.id, f.b.id])
    none, one, ends = (s.session_for("tunnel-" + n)
                       for n in ("none", "one", "ends"))
    tap.equal(none.get(PATH).want(200).json, {"tunnels": []})
    none.get(PATH + "/" + t["id"]).problem(404)
    none.put(PATH + "/" + t["id"], {"name": "x"}).problem(404)
    none.delete(PATH + "/" + t["id"]).problem(404)
    none.get("/api/v1/nodes/%s/tunnels" % f.a.id).problem(403)
    r = none.post(PATH, f.body()).problem(422)
    tap.equal([e["pointer"] for e in r.json["errors"]],
              ["/ingress_node_id", "/egress_node_id", "/relay_node_id"])
    rows = {x["id"]: x for x in one.get(PATH).want(200).json["tunnels"]}
    tap.equal((rows[t["id"]]["ingress_node_name"],
               rows[t["id"]]["egress_node_name"]), ("edge-a", None))
    tap.equal(rows[t["id"]]["egress_push_status"], "pushed",
              "the state of the other end is known")
    one.put(PATH + "/" + t["id"], {"name": "x"}).problem(403)
    one.delete(PATH + "/" + t["id"]).problem(403)
    tap.equal(get(s, t["id"])["name"], "t")
    r = ends.post(PATH, f.body()).problem(422)
    tap.equal([e["pointer"] for e in r.json["errors"]], ["/relay_node_id"])
    tap.equal(ends.put(PATH + "/" + t["id"], {"name": "y"}).want(200).json[
        "name"], "y")
    ends.delete(PATH + "/" + t["id"]).want(200)


def test_port_of_tunnel(s):
    """A port of another tunnel is a 409 before anything is sent"""
    f = fleet(s)
    p, q = next(port), next(port)
    t = f.make(ingress_listen_port=p)
    d = f.make(f.direct(egress_peer_addr="h:%d" % q))
    f.a.commands.clear()
    for body, pointer in (
            (f.body(ingress_listen_port=p), "/ingress_listen_port"),
            (f.direct(egress_peer_addr="i:%d" % q), "/egress_peer_addr"),
            # the peer's door is UDP on the egress node
            (f.body(ingress_node_id=f.b.id, egress_node_id=f.a.id,
                    ingress_listen_port=q), "/ingress_listen_port"),
            (f.direct(ingress_node_id=f.b.id, egress_node_id=f.a.id,
                      egress_peer_addr="h:%d" % p), "/egress_peer_addr")):
        r = s.admin().post(PATH, body).problem(409)
        tap.equal(r.json["errors"][0]["pointer"], pointer)
    r = s.admin().put(PATH + "/" + d["id"], {"ingress_listen_port": p})
    tap.equal(r.problem(409).json["errors"][0]["pointer"],
              "/ingress_listen_port")
    tap.equal([a for _, a in f.a.commands if a["type"] != "get_config"], [])
    f.make(ingress_listen_port=p, protocol="tcp")
    s.admin().put(PATH + "/" + t["id"], {"ingress_listen_port": p}).want(200)


def test_port_of_config(s):
    """So is a port that the node's own configuration listens on"""
    f = fleet(s)
    p, q, x = next(port), next(port), next(port)
    f.a.config = {"version": 2, "server": {"listen_addr": "0.0.0.0",
                                           "listen_port": q},
                  "inputs": [{"id": "i1", "type": "udp", "name": "Camera",
                              "bind_addr": "0.0.0.0:%d" % p}],
                  "outputs": [], "flows": [
                      {"id": "f", "enabled": False, "input": {
                          "type": "srt", "mode": "listener",
                          "local_addr": "0.0.0.0:%d" % x}}]}
    f.a.commands.clear()
    for fresh in (False, True):
        if fresh:
            s.admin().get("/api/v1/nodes/%s/config" % f.a.id).want(200)
        r = s.admin().post(PATH, f.body(ingress_listen_port=p)).problem(409)
        tap.equal(r.json["errors"][0]["pointer"], "/ingress_listen_port")
        tap.contains(r.json["errors"][0]["detail"], "Camera")
    s.admin().post(PATH, f.body(ingress_listen_port=q,
                                protocol="tcp")).problem(409)
    tap.equal([a for _, a in f.a.commands if a["type"] != "get_config"], [])
    t = f.make(ingress_listen_port=x)
    s.admin().put(PATH + "/" + t["id"],
                  {"ingress_listen_port": p}).problem(409)
    f.make(ingress_listen_port=q)


def test_offline_legs(s):
    """A leg whose node is away is pending with a warning, and goes out when
    the node comes"""
    f = fleet(s)
    f.b.close()
    mast.wait_until(lambda: s.admin().node(f.b.id)["status"] == "offline",
                    10, "the egress is offline")
    t = f.make()
    tap.equal(t["status"], "pending")
    tap.equal(legs(t), ["pushed", "pushed", "pending"])
    tap.equal(t["warnings"], ["egress: the node is not connected"])
    tap.equal(t["egress_push_error"], "the node is not connected")
    f.b.commands.clear()
    f.b.online()
    until_legs(s, t["id"], ["pushed"] * 3)
    tap.equal(get(s, t["id"])["status"], "active")
    tap.equal(told(f.b, t["id"]), ["create_tunnel"])
    f.r.close()
    mast.wait_until(lambda: s.admin().node(f.r.id)["status"] == "offline",
                    10, "the relay is offline")
    t = f.make()
    tap.equal(legs(t), ["pending"] * 3)
    tap.equal(t["ingress_push_error"], "waits for the relay")
    tap.equal(told(f.a, t["id"]), [], "the relay comes first")
    f.r.online()
    until_legs(s, t["id"], ["pushed"] * 3)
    tap.equal(f.r.authorized[t["id"]] != (), True)


def test_reconnect(s):
    """A node that comes back is told again; until then its leg is pending"""
    f = fleet(s)
    t = f.make()
    f.r.close()
    mast.wait_until(lambda: legs(get(s, t["id"]))[0] == "pending", 10,
                    "the relay's leg is pending")
    tap.equal(get(s, t["id"])["status"], "active")
    f.r.online()
    tap.equal(f.r.authorized, {}, "a relay forgets")
    mast.wait_until(lambda: t["id"] in f.r.authorized, 10, "told again")
    f.a.close()
    mast.wait_until(lambda: legs(get(s, t["id"]))[1] == "pending", 10,
                    "the edge's leg is pending")
    f.a.commands.clear()
    f.a.online()
    until_legs(s, t["id"], ["pushed"] * 3)
    tap.equal(told(f.a, t["id"]), ["create_tunnel"])


def test_refused(s):
    """A refusal takes the whole tunnel back and says whose it was; PUT tries
    again"""
    f = fleet(s)
    f.b.on_command = refusing("create_tunnel", "no \"room\" here",
                              error_code="port_conflict")
    t = f.make()
    tap.equal(t["status"], "error")
    tap.equal(legs(t), ["failed"] * 3)
    tap.equal(t["egress_push_error"], "no \"room\" here")
    tap.equal(t["ingress_push_error"],
              "withdrawn: the egress node refused the tunnel")
    tap.equal(len(t["warnings"]), 3)
    mast.wait_until(lambda: told(f.r, t["id"])[-1] == "revoke_tunnel" and
                    told(f.a, t["id"])[-1] == "delete_tunnel" and
                    told(f.b, t["id"])[-1] == "delete_tunnel", 10,
                    "all is taken back")
    for n in (f.a, f.b):
        assert t["id"] not in n.tunnels
    assert t["id"] not in f.r.authorized
    mast.wait_until(lambda: s.admin().events(
        category="tunnel", node_id=f.b.id), 10, "an event tells of it")
    f.b.on_command = lambda cid, action: {"success": True}
    f.a.drop()
    f.a.online()
    tap.equal(get(s, t["id"])["status"], "error", "it stays so")
    t = s.admin().put(PATH + "/" + t["id"], {}).want(200).json
    mast.wait_until(lambda: get(s, t["id"])["status"] == "active", 10,
                    "active after all")
    assert t["id"] in f.a.tunnels and t["id"] in f.b.tunnels


def test_refused_by_relay(s):
    """When the relay refuses, no edge hears of the tunnel"""
    f = fleet(s)
    f.r.on_command = refusing("authorize_tunnel", "no")
    t = f.make()
    tap.equal((t["status"], t["relay_push_error"]), ("error", "no"))
    tap.equal([a for a in told(f.a, t["id"]) if a == "create_tunnel"], [])


def test_silence(s):
    """A node that does not answer: the wait is bounded, the leg is tried
    again"""
    f = fleet(s)
    f.b.on_command = silent("create_tunnel")
    t = f.make()
    tap.equal((t["status"], legs(t)[2]), ("pending", "pending"))
    tap.equal(t["warnings"], ["egress: not confirmed yet"])
    f.b.on_command = lambda cid, action: {"success": True}
    until_legs(s, t["id"], ["pushed"] * 3, 60)
    tap.equal(get(s, t["id"])["status"], "active")


def test_update(s):
    """PUT pushes the new values, keeps the secrets, honours If-Match"""
    f = fleet(s)
    r = s.admin().post(PATH, f.body(associated_flow_ids=["f"])).want(200)
    t, etag = r.json, r.header("ETag")
    before = dict(f.a.tunnels[t["id"]])
    p = next(port)
    r = s.admin().put(PATH + "/" + t["id"], {
        "name": "n", "ingress_listen_port": p, "relay_addr": "i:1",
        "egress_forward_addr": "j:2", "associated_flow_ids": None,
        "mode": "direct"}, headers={"If-Match": etag}).want(200)
    tap.equal((r.json["name"], r.json["mode"], r.json["relay_addr"],
               r.json["associated_flow_ids"], r.json["status"]),
              ("n", "relay", "i:1", None, "active"))
    tap.equal(f.a.tunnels[t["id"]], dict(
        before, name="n", local_addr="0.0.0.0:%d" % p, relay_addr="i:1",
        relay_addrs=["i:1"]))
    tap.equal(f.b.tunnels[t["id"]]["local_addr"], "j:2")
    s.admin().put(PATH + "/" + t["id"], {"name": "o"},
                  headers={"If-Match": etag}).problem(412)
    s.admin().delete(PATH + "/" + t["id"],
                     headers={"If-Match": etag}).problem(412)
    d = f.make(f.direct())
    r = s.admin().put(PATH + "/" + d["id"], {"egress_peer_addr": None})
    tap.equal(r.problem(422).json["errors"][0]["pointer"],
              "/egress_peer_addr")


def test_disabled(s):
    """disabled means disabled, also after a reconnect, until it is enabled"""
    f = fleet(s)
    t = f.make()
    path = PATH + "/" + t["id"]
    off = s.admin().put(path, {"status": "disabled"}).want(200).json
    tap.equal((off["status"], legs(off)), ("disabled", ["pushed"] * 3))
    assert t["id"] not in f.a.tunnels and t["id"] not in f.b.tunnels
    assert t["id"] not in f.r.authorized
    off = s.admin().put(path, {"name": "still"}).want(200).json
    tap.equal(off["status"], "disabled")
    other = f.make()
    for n in (f.a, f.b, f.r):
        n.commands.clear()
        n.close()
        n.online()
    until_legs(s, other["id"], ["pushed"] * 3)
    for n in (f.a, f.b, f.r):
        assert not {"create_tunnel", "authorize_tunnel"} & set(
            told(n, t["id"])), n.commands
    on = s.admin().put(path, {"status": "active"}).want(200).json
    tap.equal(on["status"], "active")
    assert t["id"] in f.a.tunnels and t["id"] in f.r.authorized


def test_delete(s):
    """DELETE cleans up every node, also one that is away, and what a node
    does not know is done"""
    f = fleet(s)
    p = next(port)
    t = f.make(ingress_listen_port=p)
    f.b.close()
    mast.wait_until(lambda: s.admin().node(f.b.id)["status"] == "offline",
                    10, "the egress is offline")
    f.a.on_command = refusing("delete_tunnel", "Tunnel 'x' not found")
    tap.equal(s.admin().delete(PATH + "/" + t["id"]).want(200).json,
              {"deleted": True})
    s.admin().get(PATH + "/" + t["id"]).problem(404)
    left = lambda: {n for n, in s.sql(          # noqa
        "SELECT node_id::text FROM mast.tunnel_legs WHERE tunnel_id = %s",
        t["id"])}
    mast.wait_until(lambda: left() == {f.b.id}, 10, "one node is left")
    assert t["id"] not in f.r.authorized and t["id"] in f.b.tunnels
    f.b.online()
    mast.wait_until(lambda: left() == set(), 10, "nothing is left")
    assert t["id"] not in f.b.tunnels
    f.a.on_command = lambda cid, action: {"success": True}
    f.make(ingress_listen_port=p)


def test_node_deleted(s):
    """A deleted node takes its tunnels along; the other nodes are told"""
    f = fleet(s)
    gone = s.node("short-lived")
    t = f.make(egress_node_id=gone.id)
    s.admin().delete("/api/v1/nodes/" + gone.id).want(204)
    s.admin().get(PATH + "/" + t["id"]).problem(404)
    mast.wait_until(lambda: t["id"] not in f.a.tunnels and
                    t["id"] not in f.r.authorized, 10, "both are told")
    mast.wait_until(lambda: s.one("SELECT count(*) FROM mast.tunnel_legs "
                                  "WHERE tunnel_id = %s", t["id"]) == 0, 10,
                    "no leg is left")
    relay = s.node("short-relay", "relay")
    t = f.make(relay_node_id=relay.id)
    s.admin().delete("/api/v1/nodes/" + relay.id).want(204)
    mast.wait_until(lambda: t["id"] not in f.a.tunnels and
                    t["id"] not in f.b.tunnels, 10, "both are told")
    now = get(s, t["id"])
    tap.equal((now["status"], now["relay_node_id"]), ("error", None))
    tap.contains(now["ingress_push_error"], "relay node was deleted")
    s.admin().put(PATH + "/" + t["id"], {}).problem(409)
    s.admin().delete(PATH + "/" + t["id"]).want(200)


def test_audit(s):
    """Every change has its audit row, without secrets"""
    f = fleet(s)
    t = f.make()
    secret = f.a.tunnels[t["id"]]["tunnel_bind_secret"]
    s.admin().put(PATH + "/" + t["id"], {"name": "b"}).want(200)
    s.admin().delete(PATH + "/" + t["id"]).want(200)
    rows = s.sql("SELECT action, actor_name, details::text FROM mast.audit "
                 "WHERE target_type = 'tunnel' AND target_id = %s "
                 "ORDER BY id", t["id"])
    tap.equal([r[0] for r in rows],
              ["tunnel.create", "tunnel.update", "tunnel.delete"])
    for row in rows:
        tap.equal(row[1], s.info["admin"]["username"])
        assert secret not in row[2] and "secrets" not in row[2], row


def test_hub_killed(s):
    """kill -9 of hubd in the middle of a plan: it ends all the same"""
    f = fleet(s)
    f.b.on_command = silent("create_tunnel")
    t = {}
    body = f.body(name="killed")
    post = threading.Thread(target=lambda: s.admin().post(PATH, body))
    f.b.commands.clear()
    post.start()
    mast.wait_until(lambda: any(a["type"] == "create_tunnel"
                                for _, a in f.b.commands), 10,
                    "the egress is asked")
    s.kill("hubd")
    post.join(60)
    f.b.on_command = lambda cid, action: {"success": True}
    s.start("hubd")
    for n in (f.a, f.b, f.r):
        n.close()
        n.online()
    t = [x for x in s.admin().get(PATH).json["tunnels"]
         if x["name"] == "killed"][0]
    until_legs(s, t["id"], ["pushed"] * 3, 30)
    tap.equal(get(s, t["id"])["status"], "active")


def test_apid_killed(s):
    """kill -9 of apid while it waits: the plan goes on without it"""
    f = fleet(s)
    held = []
    f.b.on_command = lambda cid, action: (
        held.append(cid) if action["type"] == "create_tunnel"
        else {"success": True})

    def make():
        try:
            s.admin().post(PATH, f.body(name="orphan"))
        except OSError:
            pass
        except Exception as why:        # noqa: the answer is cut off
            print("# %r" % why)
    post = threading.Thread(target=make)
    post.start()
    mast.wait_until(lambda: held, 10, "the egress is asked")
    s.kill("apid")
    post.join(60)
    f.b.ack(held[0])
    mast.wait_until(lambda: s.one(
        "SELECT status FROM mast.tunnels WHERE name = 'orphan'") == "active",
        10, "active without apid")
    s.start("apid")


def test_apid_stopped(s):
    """apid ends in order while a POST waits for a node"""
    f = fleet(s)
    s.restart("apid")               # ours from here on: its code is known
    f.b.commands.clear()
    f.b.on_command = silent("create_tunnel")

    def make():
        try:
            s.admin().post(PATH, f.body(name="waiting"))
        except (OSError, http.client.HTTPException) as why:
            print("# cut off: %r" % why)
    post = threading.Thread(target=make)
    post.start()
    mast.wait_until(lambda: any(a["type"] == "create_tunnel"
                                for _, a in f.b.commands), 10,
                    "the egress is asked")
    tap.equal(s.restart("apid"), 0, "the code of its end")
    post.join(60)
    s.sql("DELETE FROM mast.tunnels WHERE name = 'waiting'")


def test_database_away(s):
    """What the nodes answer while PostgreSQL is away is not lost"""
    f = fleet(s)
    held = []
    f.b.on_command = lambda cid, action: (
        held.append(cid) if action["type"] == "create_tunnel"
        else {"success": True})
    post = threading.Thread(
        target=lambda: s.admin().post(PATH, f.body(name="patient")))
    post.start()
    mast.wait_until(lambda: held, 10, "the egress is asked")
    hubkit.kill_postgres(s)
    f.b.ack(held[0])
    post.join(60)
    f.b.on_command = lambda cid, action: {"success": True}
    s.start_postgres()
    mast.wait_until(lambda: s.one(
        "SELECT status FROM mast.tunnels WHERE name = 'patient'") ==
        "active", 40, "active")


def test_many(s):
    """A node has 500 tunnels at most"""
    f = fleet(s)
    full, there = s.node("full"), s.node("there")
    for n in (full, there):         # offline: nothing is pushed
        n.close()
    s.sql("INSERT INTO mast.tunnels (id, name, protocol, mode, "
          "ingress_node_id, ingress_listen_port, egress_node_id, "
          "egress_forward_addr, relay_addr, relay_node_id, secrets) "
          "SELECT gen_random_uuid(), 'm', 'udp', 'relay', %s, g, %s, 'h:1', "
          "'h:2', %s, '' FROM generate_series(1000, 1498) g",
          full.id, there.id, f.r.id)
    s.sql("UPDATE mast.tunnel_legs SET next_try_at = 'infinity' "
          "WHERE node_id = %s AND tunnel_id IN (SELECT id FROM mast.tunnels "
          "WHERE name = 'm')", f.r.id)
    body = f.body(ingress_node_id=full.id, egress_node_id=there.id,
                  relay_node_id=...)
    body.update(mode="direct", egress_peer_addr="h:9")
    s.admin().post(PATH, body).want(200)
    body.update(egress_peer_addr="h:10", ingress_listen_port=next(port))
    tap.contains(s.admin().post(PATH, body).problem(409).json["detail"],
                 "500")
    s.sql("DELETE FROM mast.tunnels WHERE name = 'm'")


def test_fleet(s):
    """Forty simulated edges and two relays: every tunnel is there, again
    after all were cut off at once, and gone when it is deleted"""
    f, ids, creds = fleet(s), {"edge": [], "relay": []}, ""
    for i in range(42):
        kind = "relay" if i >= 40 else "edge" if i % 2 else "edge-old"
        node_id, token = s.admin().node_add(
            "sim %02d" % i, "relay" if kind == "relay" else "edge")
        ids["relay" if kind == "relay" else "edge"].append(node_id)
        creds += "token %s %s\n" % (token, kind)
    sim = mast.Sim(s, "--stats-ms", 0, creds=creds)
    there = lambda: sim.report().get("tunnels")     # noqa
    mast.wait_until(lambda: sim.report().get("online") == 42, 30,
                    "all are online", 0.1)
    made = []
    for i in range(40):
        body = f.body(name="sim", ingress_node_id=ids["edge"][i],
                      egress_node_id=ids["edge"][(i + 1) % 40],
                      relay_node_id=ids["relay"][i % 2])
        made.append(s.admin().post(PATH, body).want(200).json)
    tap.equal({t["status"] for t in made}, {"active"})
    mast.wait_until(lambda: there() == 120, 10, "120 legs", 0.1)
    sim.say("reset")
    mast.wait_until(lambda: there() == 80, 10, "relays forget", 0.05)
    mast.wait_until(lambda: there() == 120, 40, "they are told again", 0.1)
    mast.wait_until(lambda: {tuple(legs(t)) for t in s.admin().get(
        PATH).json["tunnels"] if t["name"] == "sim"} == {("pushed",) * 3},
        20, "all legs are pushed", 0.2)
    for t in made:
        s.admin().delete(PATH + "/" + t["id"]).want(200)
    mast.wait_until(lambda: there() == 0, 20, "nothing is left", 0.1)
    mast.wait_until(lambda: s.one(
        "SELECT count(*) FROM mast.tunnel_legs WHERE tunnel_id = "
        "ANY(%s::uuid[])", [t["id"] for t in made]) == 0, 20, "no leg")
    sim.stop()


if __name__ == "__main__":
    mast.main(sys.modules[__name__])
