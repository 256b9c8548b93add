#!/usr/bin/python3
"""Endpoints, a new configuration, and flows as commands of their own."""
import json
import sys
import time
import urllib.parse
import uuid

import mast
import tap


class World:
    def __init__(self, s):
        self.edge = s.node("flow-edge")
        self.old = s.node("flow-old", version="0.5.3", protocol=1)
        self.old.config = mast.sample("edge_v053_config_response_1")[
            "payload"]
        self.relay = s.node("flow-relay", "relay")
        s.user_add("flow-oper", "operator")
        s.user_add("flow-view", "viewer")
        s.user_add("flow-some", "operator", nodes=[self.old.id])
        self.oper = s.session_for("flow-oper")
        self.view = s.session_for("flow-view")
        self.some = s.session_for("flow-some")


def world(s):
    if not hasattr(s, "world"):
        s.world = World(s)
    return s.world


def path(node, tail):
    return "/api/v1/nodes/%s/%s" % (getattr(node, "id", node), tail)


def report(s, node, config=None):
    """Makes the node report a configuration (the same one would not be
    stored again) and waits until it is stored."""
    node.config = dict(config or node.config, test=time.time())
    before = s.one("SELECT coalesce(max(reported_at), '-infinity') FROM "
                   "mast.node_configs WHERE node_id = %s", node.id)
    node.send("config_response", node.config)
    mast.wait_until(lambda: s.sql(
        "SELECT 1 FROM mast.node_configs WHERE node_id = %s AND "
        "reported_at > %s", node.id, before), 10, "a stored configuration")


def told(node):
    """What it was told by somebody: one that has an ordered configuration is
    asked for its own by the hub, of its own accord, after any change."""
    return [(i, a) for i, a in node.commands if a["type"] != "get_config"]


def sent(w):
    return told(w.edge) + told(w.relay)


def endpoints(session):
    return session.get("/api/v1/nodes/endpoints").want(200).json


# ---- endpoints

V2 = {"version": 2, "flows": [
    {"id": "f1", "name": "One", "input_ids": ["i0", "i1"],
     "output_ids": ["o2", "o1", "gone"]},
    {"id": "f2", "name": "Two", "enabled": False, "input_ids": [],
     "output_ids": []}],
    "inputs": [
        {"id": "i0", "name": "A", "type": "udp", "active": False,
         "bind_addr": "0.0.0.0:1"},
        {"id": "i1", "name": "B", "type": "srt", "active": True,
         "mode": "listener", "local_addr": "0.0.0.0:9000",
         "passphrase": "not for everybody", "listen_addr": 7}],
    "outputs": [
        {"id": "o1", "name": "RTP", "type": "rtp",
         "dest_addr": "239.1.1.1:5004", "dscp": 46},
        {"id": "o2", "name": "S\u00fcd", "type": "srt", "mode": "caller",
         "local_addr": "0.0.0.0:0", "remote_addr": "192.0.2.1:7000"}]}


def test_endpoints(s):
    """Both dialects give the contract's shape, and nothing but it"""
    w = world(s)
    report(s, w.edge, V2)
    report(s, w.old)
    report(s, w.relay, {"flows": [{"id": "x"}], "version": 1})
    silent = s.node("flow-silent")
    doc = {n["node_name"]: n for n in endpoints(w.view)}
    assert "flow-relay" not in doc and "flow-silent" not in doc, doc
    tap.equal(doc["flow-edge"], {
        "node_id": w.edge.id, "node_name": "flow-edge", "flows": [
            {"flow_id": "f1", "flow_name": "One", "enabled": True,
             "input": {"type": "srt", "mode": "listener",
                       "local_addr": "0.0.0.0:9000"},
             "outputs": [
                 {"type": "srt", "id": "o2", "name": "S\u00fcd",
                  "mode": "caller", "local_addr": "0.0.0.0:0",
                  "remote_addr": "192.0.2.1:7000"},
                 {"type": "rtp", "id": "o1", "name": "RTP",
                  "dest_addr": "239.1.1.1:5004"}]},
            {"flow_id": "f2", "flow_name": "Two", "enabled": False,
             "outputs": []}]})
    flow = doc["flow-old"]["flows"][0]
    tap.equal(flow["input"], {"type": "udp", "bind_addr": "0.0.0.0:5000"})
    tap.equal(flow["outputs"][0], {
        "type": "srt", "id": "out-000-0", "name": "Output 0/0",
        "mode": "caller", "local_addr": "0.0.0.0:0",
        "remote_addr": "203.0.113.1:7000"})
    tap.equal(len(flow["outputs"]), 3)
    assert "not for everybody" not in json.dumps(doc)
    silent.close()


def test_endpoints_access(s):
    """A user's own nodes, online ones only, and nobody else's"""
    w = world(s)
    report(s, w.old)
    tap.equal([n["node_id"] for n in endpoints(w.some)], [w.old.id])
    s.nobody().get("/api/v1/nodes/endpoints").problem(401)
    r = w.some.get("/api/v1/nodes/endpoints")
    w.some.get("/api/v1/nodes/endpoints", headers={
        "If-None-Match": r.header("ETag")}).want(304)
    w.old.close()
    mast.wait_until(lambda: endpoints(w.some) == [], 10, "it is offline")
    tap.equal(w.old.connect(), "auth_ok")
    mast.wait_until(lambda: endpoints(w.some) != [], 10, "it is back")


def test_endpoints_pages(s):
    """More nodes than one page of the database holds are all there"""
    w = world(s)
    report(s, w.edge, V2)
    names = s.sql("""
WITH n AS (INSERT INTO mast.nodes (id, name, device_type)
    SELECT gen_random_uuid(), 'many ' || (i %% 50), 'edge'
    FROM generate_series(1, 450) i RETURNING id, name),
 t AS (INSERT INTO mast.node_sessions (node_id, hub_id, epoch)
    SELECT n.id, (SELECT hub_id FROM mast.node_sessions LIMIT 1), 0 FROM n),
 c AS (INSERT INTO mast.node_configs (node_id, reported) SELECT n.id,
    (SELECT reported FROM mast.node_configs WHERE node_id = %s) FROM n)
SELECT id, name FROM n""", w.edge.id)
    s.sql("UPDATE mast.node_state SET status = 'online' WHERE node_id IN "
          "(SELECT id FROM mast.nodes WHERE name LIKE 'many %%' AND %s)",
          True)
    doc = endpoints(w.view)
    tap.equal({n["node_id"] for n in doc if n["node_name"].startswith(
        "many")}, {r[0] for r in names})
    tap.equal(len(doc), len({n["node_id"] for n in doc}), "no repeats")
    order = [(n["node_name"].encode(), n["node_id"]) for n in doc]
    tap.equal(order, sorted(order))
    s.sql("DELETE FROM mast.nodes WHERE name LIKE 'many %%' AND %s", True)


# ---- a new configuration

NEW = {"version": 2, "server": {"listen_addr": "0.0.0.0", "listen_port": 1},
       "inputs": [], "outputs": [], "flows": [
           {"id": "fn", "name": "n", "input_ids": [], "output_ids": []}],
       "hint": {"passphrase": "hunter2hunter2", "n": 1.50}}


def stored(s, node):
    return s.sql("SELECT encode(attempted, 'hex'), encode(desired, 'hex'), "
                 "attempt_error FROM mast.node_configs WHERE node_id = %s",
                 node.id)[0]


def test_put_config(s):
    """The node gets exactly the body; it is attempted, then desired"""
    w = world(s)
    w.edge.on_command = lambda i, a: {"data": {"applied": 1}}
    doc = w.oper.put(path(w.edge, "config"), NEW).want(200).json
    tap.equal(doc["success"], True)
    tap.equal(doc["data"], {"applied": 1})
    tap.equal(told(w.edge)[-1], (doc["command_id"], {
        "type": "update_config", "config": NEW}))
    mast.wait_until(lambda: stored(s, w.edge)[1] is not None, 10, "desired")
    attempted, desired, error = stored(s, w.edge)
    tap.equal(attempted, desired)
    tap.equal(error, None)
    rows = s.sql("SELECT source, u.username FROM mast.config_versions v "
                 "JOIN mast.users u ON u.id = v.actor_user WHERE node_id = "
                 "%s AND encode(hash, 'hex') = %s", w.edge.id, desired)
    tap.equal(rows, [("pushed", "flow-oper")])
    for (sealed,) in s.sql("SELECT sealed FROM mast.config_blobs UNION ALL "
                           "SELECT action FROM mast.commands"):
        assert b"hunter2" not in bytes(sealed), "stored in the clear"
    audit = s.sql("SELECT actor_name, details FROM mast.audit WHERE action "
                  "= 'node.config.update' AND target_id = %s", w.edge.id)
    tap.equal(audit[-1][0], "flow-oper")
    tap.equal(audit[-1][1], {"command_id": doc["command_id"],
                             "sha256": desired})
    # The same again, in another order of keys: one version.
    w.oper.put(path(w.edge, "config"), dict(reversed(NEW.items()))).want(200)
    tap.equal(s.one("SELECT count(*) FROM mast.config_versions WHERE "
                    "encode(hash, 'hex') = %s", desired), 1)


def test_put_config_refused(s):
    """A refusal keeps the desired one and says why the attempt failed"""
    w = world(s)
    w.edge.on_command = lambda i, a: {}
    w.oper.put(path(w.edge, "config"), NEW).want(200)
    mast.wait_until(lambda: stored(s, w.edge)[1] == stored(s, w.edge)[0], 10,
                    "desired")
    good = stored(s, w.edge)[1]
    w.edge.on_command = lambda i, a: {
        "success": False, "error": "Invalid config: port in use",
        "error_code": "port_conflict"}
    r = w.oper.put(path(w.edge, "config"), dict(NEW, x=1)).problem(422)
    tap.equal(r.json["error_code"], "port_conflict")
    tap.equal(r.json["detail"], "Invalid config: port in use")
    mast.wait_until(lambda: stored(s, w.edge)[2], 10, "the attempt's error")
    attempted, desired, error = stored(s, w.edge)
    tap.equal(desired, good)
    assert attempted != good
    tap.equal(error, "failed: Invalid config: port in use")
    w.edge.on_command = lambda i, a: {}


def test_put_config_faults(s):
    """Every refusal has its status, and nothing reaches a node"""
    w = world(s)
    before = sent(w)
    rows = s.one("SELECT count(*) FROM mast.commands")
    p = path(w.edge, "config")
    json_type = {"Content-Type": "application/json"}
    s.nobody().put(p, NEW).problem(401)
    w.view.put(p, NEW).problem(403)
    w.some.put(p, NEW).problem(403)
    s.admin().put(path(uuid.uuid4(), "config"), NEW).problem(404)
    w.oper.put(path(w.relay, "config"), NEW).problem(422)
    for raw in (b"[]", b"7", b"null"):
        w.oper.request("PUT", p, raw=raw, headers=json_type).problem(422)
    for raw in (b"{", b"", b'{"a":1,"a":2}', b'{"a":"\xff"}',
                b'{"a":' * 70 + b"1" + b"}" * 70):
        w.oper.request("PUT", p, raw=raw, headers=json_type).problem(400)
    w.oper.request("PUT", p, raw=b"{}").problem(415)
    tap.equal(sent(w), before, "sent")
    tap.equal(s.one("SELECT count(*) FROM mast.commands"), rows, "journal")
    body = b'{"x":"%s"}'
    for n, status in ((102400, 200), (102401, 413)):
        raw = body % (b"y" * (n - len(body) + 2))
        tap.equal(w.oper.request("PUT", p, raw=raw, headers=json_type).status,
                  status, "%d bytes" % n)


def test_put_config_if_match(s):
    """If-Match: the configuration that was read, or 412 and nothing sent"""
    w = world(s)
    n = s.node("flow-match")
    n.config = dict(NEW, mark=1)
    url = path(n, "config")
    tag = w.oper.get(url).want(200).header("ETag")
    n.on_command = lambda i, a: {}

    def put(tag, doc=NEW):
        n.commands.clear()
        return w.oper.put(url, doc, headers={"If-Match": tag})
    put(tag).want(200)
    tap.equal(n.commands[0][1]["type"], "update_config")
    put("*").want(200)
    put('"other", ' + tag).want(200)
    n.config = dict(NEW, mark=2)
    n.send("config_response", n.config)
    mast.wait_until(lambda: w.oper.get(url).header("ETag") != tag, 10,
                    "the hub has the new one")
    for bad in (tag, '"v1"', "W/" + tag, "x"):
        put(bad).problem(412)
        tap.equal([a for _, a in n.commands if a["type"] != "get_config"],
                  [], "nothing is sent")
    put(w.oper.get(url).header("ETag")).want(200)
    rows = s.one("SELECT count(*) FROM mast.commands WHERE node_id = %s",
                 n.id)
    tap.equal(rows, 4)
    n.config = None
    put(tag).problem(504)
    n.close()
    mast.wait_until(lambda: s.admin().node(n.id)["status"] == "offline", 10,
                    "it is away")
    put(tag).problem(502)
    tap.equal(s.one("SELECT count(*) FROM mast.commands WHERE node_id = %s",
                    n.id), rows)


def test_put_config_away(s):
    """Offline is 502, lost is 502, silent is 504; each attempt says so"""
    w = world(s)
    n = s.node("flow-away")
    n.on_command = lambda i, a: n.ws.reset()
    w.oper.put(path(n, "config"), NEW).problem(502)
    mast.wait_until(lambda: stored(s, n)[2], 10, "the error")
    assert stored(s, n)[2].startswith("unknown: "), stored(s, n)
    mast.wait_until(lambda: s.admin().node(n.id)["status"] == "offline", 10,
                    "offline")
    w.oper.put(path(n, "config"), dict(NEW, y=2)).problem(502)
    mast.wait_until(lambda: (stored(s, n)[2] or "").startswith("failed: "),
                    10, "the error of the second attempt")
    tap.equal(stored(s, n)[1], None, "nothing is desired")
    tap.equal(n.connect(), "auth_ok")
    n.on_command = lambda i, a: None
    begin = time.monotonic()
    w.oper.put(path(n, "config"), NEW).problem(504)
    took = time.monotonic() - begin
    assert 14 < took < 19 * mast.PATIENCE, took
    n.close()


# ---- flows

FLOW = {"id": "f9", "name": "Nine", "input_ids": [], "output_ids": []}


def test_flows(s):
    """Create and delete are the node's commands, with its answers"""
    w = world(s)
    w.edge.on_command = lambda i, a: {}
    doc = w.oper.post(path(w.edge, "flows"), FLOW).want(200).json
    tap.equal(told(w.edge)[-1], (doc["command_id"], {
        "type": "create_flow", "flow": FLOW}))
    tap.equal(s.one("SELECT type FROM mast.commands WHERE id = %s",
                    doc["command_id"]), "create_flow")
    odd = 'a/b "\u00fc\\ %'
    doc = w.oper.delete(path(w.edge, "flows/" + urllib.parse.quote(
        odd, safe=""))).want(200).json
    tap.equal(told(w.edge)[-1], (doc["command_id"], {
        "type": "delete_flow", "flow_id": odd}))
    w.edge.on_command = lambda i, a: {
        "success": False, "error": "no", "error_code": "unknown_flow"}
    for r in (w.oper.post(path(w.edge, "flows"), FLOW),
              w.oper.delete(path(w.edge, "flows/f9"))):
        tap.equal(r.problem(422).json["error_code"], "unknown_flow")
    w.edge.on_command = lambda i, a: {}


def test_flows_faults(s):
    """Roles, foreign nodes, kinds without flows, bodies that are none"""
    w = world(s)
    before = sent(w)
    for session, node, status in (
            (s.nobody(), w.edge, 401), (w.view, w.edge, 403),
            (w.some, w.edge, 403), (s.admin(), uuid.uuid4(), 404),
            (s.admin(), w.relay, 422)):
        session.post(path(node, "flows"), FLOW).problem(status)
        session.delete(path(node, "flows/f")).problem(status)
    for raw, status in ((b"[]", 422), (b"{", 400), (b"", 400)):
        w.oper.request("POST", path(w.edge, "flows"), raw=raw, headers={
            "Content-Type": "application/json"}).problem(status)
    w.oper.post(path(w.edge, "flows"), {"x": "y" * 51200}).problem(413)
    w.oper.delete(path(w.edge, "flows/" + "x" * 257)).problem(400)
    tap.equal(sent(w), before, "sent")
    offline, _ = s.admin().node_add("flow never there")
    w.oper.post(path(offline, "flows"), FLOW).problem(502)
    w.oper.delete(path(offline, "flows/f")).problem(502)


# ---- the dialects

INLINE = {"id": "g1", "name": "Gee", "enabled": True, "media_analysis": False,
          "input": {"type": "udp", "bind_addr": "0.0.0.0:5000"},
          "outputs": [
              {"type": "udp", "id": "g-a", "name": "A",
               "dest_addr": "192.0.2.1:1"},
              {"type": "rtp", "id": "g-b", "name": "B \u00fc",
               "dest_addr": "192.0.2.1:2"}]}
EMPTY = {"version": 2, "flows": [], "inputs": [], "outputs": []}


def done(s, command_id):
    return mast.wait_until(lambda: (lambda r: r[0] not in (
        "queued", "sent") and r)(s.sql(
            "SELECT state::text, error, steps FROM mast.commands WHERE id = "
            "%s", command_id)[0]), 10, "the end")


def test_inline_to_ids(s):
    """An inline flow for an edge of version 2: input, outputs, then flow"""
    w = world(s)
    n = s.node("dialect-2")
    n.config = EMPTY
    doc = w.oper.post(path(n, "flows"), INLINE).want(200).json
    sent = [a for _, a in n.commands if a["type"] != "get_config"]
    tap.equal(sent, [
        {"type": "create_input", "input": {
            "id": "g1-in", "name": "Gee", "type": "udp",
            "bind_addr": "0.0.0.0:5000"}},
        {"type": "create_output", "output": INLINE["outputs"][0]},
        {"type": "create_output", "output": INLINE["outputs"][1]},
        {"type": "create_flow", "flow": {
            "id": "g1", "name": "Gee", "enabled": True,
            "media_analysis": False, "input_ids": ["g1-in"],
            "output_ids": ["g-a", "g-b"]}}])
    ids = [i for i, a in n.commands if a["type"] != "get_config"]
    tap.equal(len(set(ids)), 4, "an id for each step")
    tap.equal(ids[0], doc["command_id"])
    state, _, steps = done(s, doc["command_id"])
    tap.equal(state, "acked")
    tap.equal([(p["type"], p["id"], p["state"]) for p in steps], [
        ("create_input", "g1-in", "acked"), ("create_output", "g-a", "acked"),
        ("create_output", "g-b", "acked"), ("create_flow", "g1", "acked")])
    tap.equal(w.oper.get(path(n, "commands/" + doc["command_id"])).want(
        200).json["steps"], steps)
    # One that speaks by ids already goes as it is.
    n.commands.clear()
    w.oper.post(path(n, "flows"), FLOW).want(200)
    tap.equal([a["type"] for _, a in n.commands], ["create_flow"])
    n.close()


def test_inline_to_inline(s):
    """An edge of version 1 gets the inline flow as it is"""
    w = world(s)
    n = s.node("dialect-1", version="0.5.3", protocol=1)
    n.config = mast.sample("edge_v053_config_response_1")["payload"]
    doc = w.oper.post(path(n, "flows"), INLINE).want(200).json
    tap.equal(told(n)[-1], (doc["command_id"], {
        "type": "create_flow", "flow": INLINE}))
    tap.equal(done(s, doc["command_id"])[2], None)
    n.close()


def test_inline_partial(s):
    """A refused step ends it, tells what is done, and a retry heals"""
    w = world(s)
    n = s.node("dialect-partial")
    n.config = EMPTY
    n.on_command = lambda i, a: {} if a.get("output", {}).get(
        "id") != "g-b" else {"success": False, "error": "no \"port\"",
                             "error_code": "port_conflict"}
    r = w.oper.post(path(n, "flows"), INLINE).problem(422)
    tap.equal(r.json["error_code"], "port_conflict")
    tap.equal(r.json["detail"], 'step 3 of 4, create_output g-b, the ones '
              'before are done: no "port"')
    state, error, steps = done(s, r.json["command_id"])
    tap.equal((state, error), ("failed", r.json["detail"]))
    tap.equal([p["state"] for p in steps],
              ["acked", "acked", "failed", "waiting"])
    assert "create_flow" not in [a["type"] for _, a in n.commands]
    n.config = {"version": 2, "flows": [], "inputs": [{
        "id": "g1-in", "type": "udp"}], "outputs": [{"id": "g-a"}]}
    n.on_command = lambda i, a: {}
    n.commands.clear()
    w.oper.post(path(n, "flows"), INLINE).want(200)
    tap.equal([(a["type"], a.get("input_id"), a.get("output_id"))
               for _, a in n.commands if a["type"] != "get_config"],
              [("update_input", "g1-in", None),
               ("update_output", None, "g-a"), ("create_output", None, None),
               ("create_flow", None, None)])
    n.close()


def test_inline_refused(s):
    """What cannot be turned is 422 with the reason, and nothing is sent"""
    w = world(s)
    n = s.node("dialect-refused")
    n.config = {"version": 2, "inputs": [{"id": "g1-in"}], "outputs": [
        {"id": "g-a"}], "flows": [{"id": "x", "input_ids": [],
                                   "output_ids": ["g-a"]}]}
    for flow, word in ((INLINE, "another flow"),
                       (dict(INLINE, input_ids=["i"]), "by id"),
                       ({"input": {"type": "udp"}}, "no id"),
                       (dict(INLINE, outputs=[{"type": "udp"}]), "no id")):
        r = w.oper.post(path(n, "flows"), flow).problem(422)
        assert word in r.json["detail"], r
        tap.equal(done(s, r.json["command_id"])[0], "failed")
    tap.equal({a["type"] for _, a in n.commands}, {"get_config"})
    n.config = None             # it does not tell its dialect
    n.close()
    tap.equal(n.connect(), "auth_ok")
    n.commands.clear()
    r = w.oper.post(path(n, "flows"), INLINE).problem(504)
    tap.equal(done(s, r.json["command_id"])[0], "failed")
    tap.equal({a["type"] for _, a in n.commands}, {"get_config"})
    n.close()


if __name__ == "__main__":
    mast.main(sys.modules[__name__])
