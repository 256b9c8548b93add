#!/usr/bin/python3
"""Commands and configurations through the journal, the hub and a node."""
import json
import signal
import sys
import threading
import time
import uuid

import mast
import tap

START = {"type": "start_flow", "flow_id": "flow-001"}


class World:
    def __init__(self, s):
        self.edge = s.node("edge")
        self.relay = s.node("relay", "relay")
        s.user_add("cmd-oper", "operator")
        s.user_add("cmd-view", "viewer")
        self.oper = s.session_for("cmd-oper")
        self.view = s.session_for("cmd-view")


def world(s):
    if not hasattr(s, "world"):
        s.world = World(s)
    return s.world


def journal(s, command_id):
    return s.sql("SELECT state::text, error, error_code, actor_name, type "
                 "FROM mast.commands WHERE id = %s", command_id)[0]


def settled(s, command_id):
    """The journal's last word; hubd writes it in batches."""
    return mast.wait_until(lambda: (lambda r: r[0] not in (
        "queued", "sent") and r)(journal(s, command_id)), 10,
        "the final state of %s" % command_id)


def test_round_trip(s):
    """The node gets exactly the action; its ack is the answer"""
    w = world(s)
    action = dict(START, extra={"n": 1.50, "t": "\u00fc<&>"})
    w.edge.on_command = lambda i, a: {"data": {"state": "Running", "n": 1}}
    doc = w.oper.command(w.edge.id, action).want(200).json
    tap.equal(doc["success"], True)
    tap.equal(doc["data"], {"state": "Running", "n": 1})
    tap.equal(w.edge.commands[-1], (doc["command_id"], action))
    row = settled(s, doc["command_id"])
    tap.equal((row[0], row[3], row[4]), ("acked", "cmd-oper", "start_flow"))
    sealed = s.one("SELECT action FROM mast.commands WHERE id = %s",
                   doc["command_id"])
    assert b"flow-001" not in bytes(sealed), "the action is in the clear"
    audit = s.sql("SELECT actor_name, details FROM mast.audit WHERE action "
                  "= 'node.command' AND target_id = %s ORDER BY id DESC",
                  w.edge.id)[0]
    tap.equal(audit[0], "cmd-oper")
    tap.equal(audit[1], {"command_id": doc["command_id"],
                         "type": "start_flow"})
    w.edge.on_command = lambda i, a: {}
    doc = w.oper.command(w.edge.id, START).want(200).json
    tap.equal(set(doc), {"command_id", "success"}, "no data, no member")


def test_refused(s):
    """A refusal is 422 with the node's words, whatever words"""
    w = world(s)
    for text in ("no such flow", "edge is not connected, timed out"):
        w.edge.on_command = lambda i, a: {
            "success": False, "error": text, "error_code": "E7"}
        r = w.oper.command(w.edge.id, START).problem(422)
        tap.equal(r.json["detail"], text)
        tap.equal(r.json["error"], text)
        tap.equal(r.json["error_code"], "E7")
        tap.equal(r.json["success"], False)
        row = settled(s, r.json["command_id"])
        tap.equal(row[:3], ("failed", text, "E7"))
    w.edge.on_command = lambda i, a: {"success": None}
    assert w.oper.command(w.edge.id, START).status == 422


def test_get_config_completes(s):
    """get_config ends with the configuration as its data"""
    w = world(s)
    w.edge.on_command = lambda i, a: {}
    doc = w.oper.command(w.edge.id, {"type": "get_config"}).want(200).json
    tap.equal(doc["data"], w.edge.config)


def test_roles_and_fields(s):
    """The drivers' tables are enforced before anything is sent"""
    w = world(s)
    before = len(w.edge.commands) + len(w.relay.commands)
    rows = s.one("SELECT count(*) FROM mast.commands")
    w.view.command(w.edge.id, START).problem(403)
    w.oper.command(w.relay.id, {"type": "disconnect_edge",
                                "edge_id": "conn-0"}).problem(403)
    for action in ({}, {"type": 7}, {"type": "format_disk"},
                   {"type": "start_flow"}, {"type": "start_flow",
                                            "flow_id": 7},
                   {"type": "add_output", "flow_id": "f"},
                   {"type": "create_flow", "flow": []},
                   {"type": "close_tunnel", "tunnel_id": str(uuid.uuid4())}):
        r = w.oper.command(w.edge.id, action).problem(422)
        assert r.json["errors"][0]["pointer"].startswith("/action"), r
    s.admin().command(w.relay.id, {
        "type": "close_tunnel", "tunnel_id": "no uuid"}).problem(422)
    tap.equal(len(w.edge.commands) + len(w.relay.commands), before, "sent")
    tap.equal(s.one("SELECT count(*) FROM mast.commands"), rows, "journal")
    s.admin().command(w.relay.id, {"type": "disconnect_edge",
                                   "edge_id": "conn-0"}).want(200)
    w.oper.command(w.relay.id, {"type": "list_tunnels"}).want(200)


def test_bodies(s):
    """Bodies that are none, too large, or ask for more than there is"""
    w = world(s)
    path = "/api/v1/nodes/%s/command" % w.edge.id
    for body in ({}, {"action": None}, {"action": "x"}, {"action": []},
                 {"action": START, "now": True},
                 {"action": START, "queue": 1},
                 {"action": START, "ttl": 5},
                 {"action": START, "queue": True, "ttl": 0},
                 {"action": START, "queue": True, "ttl": 604801}):
        w.oper.post(path, body).problem(422)
    w.oper.request("POST", path, raw=b"{", headers={
        "Content-Type": "application/json"}).problem(400)
    w.oper.request("POST", path, raw=b"{}").problem(415)
    pad = 51200 - len('{"type":"start_flow","flow_id":"f","x":""}')
    fits = '{"action":{"type":"start_flow","flow_id":"f","x":"%s"}}'
    for n, status in ((pad, 200), (pad + 1, 413), (70000, 413)):
        r = w.oper.request("POST", path, raw=(fits % ("x" * n)).encode(),
                           headers={"Content-Type": "application/json"})
        tap.equal(r.status, status, "padding of %d" % n)
    s.admin().command(str(uuid.uuid4()), START).problem(404)


def test_offline(s):
    """A node that is away is 502 at once, and nothing waits for it"""
    i, _ = s.admin().node_add("never there")
    begin = time.monotonic()
    r = s.admin().command(i, START).problem(502)
    assert time.monotonic() - begin < 3 * mast.PATIENCE
    row = settled(s, r.json["command_id"])
    assert row[0] in ("failed", "expired"), row


def test_lost(s):
    """A node that leaves with the command in flight is 502, state unknown"""
    n = s.node("leaver")
    n.on_command = lambda i, a: n.ws.reset()
    begin = time.monotonic()
    r = s.admin().command(n.id, START).problem(502)
    assert time.monotonic() - begin < 5 * mast.PATIENCE
    tap.equal(settled(s, r.json["command_id"])[0], "unknown")


def test_timeout(s):
    """A node that is silent is 504 after ten seconds"""
    w = world(s)
    w.edge.on_command = lambda i, a: None
    begin = time.monotonic()
    r = w.oper.command(w.edge.id, START).problem(504)
    took = time.monotonic() - begin
    assert 9 < took < 13 * mast.PATIENCE, took
    assert settled(s, r.json["command_id"])[0] in ("unknown", "failed")
    w.edge.on_command = lambda i, a: {}
    w.oper.command(w.edge.id, START).want(200)


def test_out_of_order(s):
    """Acks find their request by id, and only from the node that has it"""
    w = world(s)
    held, answers = [], {}
    w.edge.on_command = lambda i, a: held.append((i, a))

    def ask(flow):
        answers[flow] = w.oper.command(w.edge.id, dict(START, flow_id=flow))
    threads = [threading.Thread(target=ask, args=(f,)) for f in "abc"]
    for t in threads:
        t.start()
    mast.wait_until(lambda: len(held) == 3, 8, "three commands")
    for i, a in held:       # a foreign node's ack ends nothing
        w.relay.ack(i, data="stolen")
    for i, a in reversed(held):
        w.edge.ack(i, data=a["flow_id"])
        w.edge.ack(i, data="twice")
    for t in threads:
        t.join()
    for flow, r in answers.items():
        tap.equal(r.want(200).json["data"], flow)
    w.edge.on_command = lambda i, a: {}


def config(session, node, **kw):
    return session.get("/api/v1/nodes/%s/config" % node, **kw)


def test_config(s):
    """The configuration comes from the node, with an ETag"""
    w = world(s)
    w.edge.config = {"version": 2, "flows": [{"id": "f1", "n": 1.5}]}
    w.oper.command(w.edge.id, START).want(200)      # marks it stale
    r = config(w.view, w.edge.id).want(200)
    tap.equal(r.json, w.edge.config)
    tap.equal(r.header("Config-Stale"), "false")
    tag = r.header("ETag")
    config(w.view, w.edge.id, headers={"If-None-Match": tag}).want(304)
    asked = len(w.edge.commands)
    config(w.view, w.edge.id).want(200)
    tap.equal(len(w.edge.commands), asked, "questions while it is fresh")
    w.edge.config = {"version": 2, "flows": []}
    w.oper.command(w.edge.id, START).want(200)
    r = config(w.view, w.edge.id).want(200)
    tap.equal(r.json, w.edge.config, "after a command that changes it")
    assert r.header("ETag") != tag


def test_config_offline(s):
    """An offline node's stored configuration is served and marked stale"""
    n = s.node("remembered")
    n.config = {"version": 2, "flows": [{"id": "kept",
                                         "passphrase": "hunter2hunter2"}]}
    tag = config(s.admin(), n.id).want(200).header("ETag")
    mast.wait_until(lambda: s.sql(
        "SELECT 1 FROM mast.node_configs WHERE node_id = %s AND reported IS "
        "NOT NULL", n.id), 10, "it is stored")
    for (sealed,) in s.sql("SELECT sealed FROM mast.config_blobs"):
        assert b"hunter2" not in bytes(sealed), "stored in the clear"
    n.close()
    mast.wait_until(lambda: s.admin().node(n.id)["status"] == "offline", 10,
                    "offline")
    r = config(s.admin(), n.id).want(200)
    tap.equal(r.json, n.config)
    tap.equal(r.header("Config-Stale"), "true")
    tap.equal(r.header("ETag"), tag, "same content, same tag")
    assert int(r.header("Age")) >= 0
    assert r.header("Config-Reported-At").endswith("Z")
    config(s.admin(), n.id, headers={"If-None-Match": tag}).want(304)


def test_config_none(s):
    """Nothing stored: 502 for an absent node, 404 for a silent one"""
    i, _ = s.admin().node_add("no config")
    config(s.admin(), i).problem(502)
    config(s.admin(), str(uuid.uuid4())).problem(404)
    n = mast.Node(s, token=s.admin().post(
        "/api/v1/nodes/%s/token" % i).json["registration_token"])
    n.config = None
    n.online()
    begin = time.monotonic()
    config(s.admin(), i).problem(404)
    assert 2 < time.monotonic() - begin < 8 * mast.PATIENCE
    n.close()


def test_hub_away(s):
    """Without hubd a command is 503 with Retry-After, at once"""
    w = world(s)
    mast.wait_until(lambda: s.sql(
        "SELECT 1 FROM mast.node_configs WHERE node_id = %s AND reported IS "
        "NOT NULL", w.edge.id), 10, "a stored configuration")
    s.kill("hubd")
    mast.wait_until(lambda: s.readyz() == 503, 10, "apid notices")
    begin = time.monotonic()
    rows = s.one("SELECT count(*) FROM mast.commands")
    r = w.oper.command(w.edge.id, START).problem(503)
    assert r.header("Retry-After") is not None
    r = config(w.oper, w.edge.id).want(200)
    tap.equal(r.header("Config-Stale"), "true")
    i, _ = s.admin().node_add("born without a hub")
    config(s.admin(), i).problem(503)
    assert time.monotonic() - begin < 5 * mast.PATIENCE
    tap.equal(s.one("SELECT count(*) FROM mast.commands"), rows, "journal")
    s.start("hubd")
    w.edge.close()
    tap.equal(w.edge.connect(), "auth_ok")
    w.oper.command(w.edge.id, START).want(200)


def test_hub_dies(s):
    """hubd killed with a command in flight: 503, and never sent again"""
    w = world(s)
    got = threading.Event()
    w.edge.on_command = lambda i, a: got.set()
    answer = []
    t = threading.Thread(target=lambda: answer.append(
        w.oper.command(w.edge.id, START)))
    t.start()
    assert got.wait(10), "the command reached the node"
    s.kill("hubd", signal.SIGKILL)
    t.join(10)
    r = answer[0].problem(503)
    s.start("hubd")
    w.edge.on_command = lambda i, a: {}
    w.edge.close()
    before = len(w.edge.commands)
    tap.equal(w.edge.connect(), "auth_ok")
    tap.equal(settled(s, r.json["command_id"])[0], "unknown")
    tap.equal(len(w.edge.commands), before, "commands after the restart")
    assert json.dumps(r.json)


if __name__ == "__main__":
    mast.main(sys.modules[__name__])
