#!/usr/bin/python3
"""Configurations: versions, what differs, restore, drift."""
import copy
import json
import sys

import mast
import tap

BASE = {
    "version": 2,
    "flows": [{"id": "f1", "name": "One", "input_ids": ["i1"],
               "output_ids": ["o1"]}],
    "inputs": [{"id": "i1", "type": "srt", "passphrase": "first-secret"}],
    "outputs": [{"id": "o1", "type": "rtmp", "latency_ms": 120,
                 "url": "rtmp://user:pass-word@192.0.2.1/live"}],
}


def path(n, what):
    return "/api/v1/nodes/%s/config/%s" % (n.id, what)


class Edge:
    """A node that does what update_config says."""

    def __init__(self, s, name):
        self.n = n = s.node(name)
        self.apply = True

        def do(_, action):
            if action["type"] == "update_config" and self.apply:
                n.config = copy.deepcopy(action["config"])
            return {"success": True}
        n.on_command = do

    def put(self, s, config):
        s.admin().put("/api/v1/nodes/%s/config" % self.n.id, config).want(200)


def report(s, n, config):
    """The node says it, and it is stored."""
    n.config = copy.deepcopy(config)
    before = s.one("SELECT now()::text")
    n.send("config_response", n.config)
    mast.wait_until(lambda: s.one(
        "SELECT EXISTS (SELECT FROM mast.node_configs WHERE node_id = %s "
        "AND reported_at >= %s::timestamptz)", n.id, before), 10,
        "it is stored")


def versions(s, n, user=None):
    return (user or s.admin()).get(path(n, "versions")).want(200).json


def drift(s, n):
    return s.admin().get(path(n, "drift")).want(200).json


def told(s, n):
    return [m for m, in s.sql(
        "SELECT message FROM mast.events WHERE node_id = %s AND category = "
        "'config' ORDER BY id", n.id)]


def state(s, n, want, timeout=20):
    mast.wait_until(lambda: drift(s, n)["state"] == want, timeout,
                    "drift is %s" % want)
    return drift(s, n)


def other():
    doc = copy.deepcopy(BASE)
    doc["inputs"][0]["passphrase"] = "other-secret"
    doc["outputs"][0]["latency_ms"] = 200
    doc["flows"].append({"id": "f2", "name": "Two"})
    del doc["flows"][0]["name"]
    return doc


def test_versions(s):
    """Each content once while it lasts; order and number format are none"""
    n = s.node("config-versions")
    report(s, n, BASE)
    report(s, n, dict(reversed(list(BASE.items())), version=2.0))
    report(s, n, other())
    report(s, n, BASE)
    got = versions(s, n)
    tap.equal([v["source"] for v in got], ["reported"] * 3)
    tap.equal([v["reported"] for v in got], [True, False, True])
    tap.equal(got[0]["hash"], got[2]["hash"])
    assert got[0]["version"] > got[1]["version"] > got[2]["version"]
    tap.equal((got[0]["dialect"], got[0]["desired"]), (2, False))
    page, sizes = s.admin().walk(path(n, "versions") + "?limit=2")
    tap.equal(([v["version"] for v in page], sizes),
              ([v["version"] for v in got], [2, 1]))
    one = path(n, "versions/%d" % got[1]["version"])
    r = s.admin().get(one).want(200)
    tap.equal((r.json, r.header("Config-Masked")), (other(), "false"))
    s.user_add("config-viewer", "viewer")
    r = s.session_for("config-viewer").get(one).want(200)
    tap.equal(r.header("Config-Masked"), "true")
    assert b"other-secret" not in r.body and b"pass-word" not in r.body
    tap.equal(r.json["inputs"][0], {"id": "i1", "type": "srt",
                                    "passphrase": "***"})
    tap.equal(r.json["outputs"][0]["latency_ms"], 200)
    m = s.node("config-foreign")
    s.admin().get(path(m, "versions/%d" % got[1]["version"])).problem(404)
    tap.equal(versions(s, m), [])
    for x in (n, m):
        x.close()


def test_diff(s):
    """Member by member; a credential shows only that it changed"""
    n = s.node("config-diff")
    report(s, n, BASE)
    report(s, n, other())
    b, a = [v["version"] for v in versions(s, n)]
    r = s.admin().get(path(n, "diff?a=%d&b=%d" % (a, b))).want(200)
    for secret in (b"first-secret", b"other-secret", b"pass-word"):
        assert secret not in r.body, r.body
    doc = r.json
    tap.equal((doc["equal"], doc["truncated"]), (False, False))
    tap.equal([(c["kind"], c["path"], c["secret"]) for c in doc["changes"]],
              [("removed", "/flows/f1/name", False),
               ("added", "/flows/f2", False),
               ("changed", "/inputs/i1/passphrase", True),
               ("changed", "/outputs/o1/latency_ms", False)])
    c = doc["changes"]
    tap.equal((c[0]["a"], c[0]["b"]), ("One", None))
    tap.equal(c[1]["b"], {"id": "f2", "name": "Two"})
    tap.equal((c[3]["a"], c[3]["b"]), (120, 200))
    assert c[2]["a"]["masked"] != c[2]["b"]["masked"]
    r = s.admin().get(path(n, "diff?a=%d&b=reported" % b)).want(200).json
    tap.equal(r, {"changes": [], "equal": True, "truncated": False})
    for query, status in (("a=%d&b=desired" % a, 404), ("a=1&b=x", 400),
                          ("a=%d" % a, 400), ("a=0&b=1", 400), ("", 400),
                          ("a=%d&b=999999999999" % a, 404)):
        s.admin().get(path(n, "diff?" + query)).problem(status)
    n.close()


def test_masked(s):
    """A viewer reads it without its credentials, from the node and stored;
    what he read is never sent to a node in their place"""
    e = Edge(s, "config-masked")
    n, at = e.n, "/api/v1/nodes/%s/config" % e.n.id
    s.user_add("config-masked", "viewer")
    viewer = s.session_for("config-masked")
    report(s, n, BASE)
    mast.wait_until(lambda: s.admin().get(at).json == BASE, 10, "the hub")
    # A text that somebody wrote with a space before it is masked, too.
    s.admin().put(at, raw=b" \n" + json.dumps(BASE).encode(), headers={
        "Content-Type": "application/json"}).want(200)
    r = viewer.get(path(n, "versions/%d" % versions(s, n)[0]["version"])
                   ).want(200)
    assert b"first-secret" not in r.body, r.body
    r = viewer.get(path(n, "versions")).want(200)
    tap.equal({v["hash"] for v in r.json}, {None}, "their hashes")
    real = s.admin().get(at).want(200)
    tap.equal(real.header("Config-Masked"), "false")
    r = viewer.get(at).want(200)
    masked, tag = r.json, r.header("ETag")
    tap.equal(r.header("Config-Masked"), "true")
    tap.equal((masked["inputs"][0]["passphrase"], masked["outputs"][0]["url"],
               masked["outputs"][0]["latency_ms"]), ("***", "***", 120))
    # The tag is of what he sees: another passphrase does not move it, and
    # it is no way to find out whether a guess is right.
    assert tag != real.header("ETag"), tag
    viewer.get(at, headers={"If-None-Match": tag}).want(304)
    report(s, n, other())
    mast.wait_until(lambda: s.admin().get(at).json == other(), 10, "the hub")
    changed = copy.deepcopy(BASE)
    changed["inputs"][0]["passphrase"] = "other-secret"
    assert viewer.get(at).want(200).header("ETag") != tag
    report(s, n, changed)
    mast.wait_until(lambda: s.admin().get(at).json == changed, 10, "the hub")
    tap.equal(viewer.get(at).want(200).header("ETag"), tag)
    # What was masked goes to no node, by no way.
    done = len(n.commands)
    flow = {"id": "f9", "name": "x", "input": {
        "type": "srt", "passphrase": "***"}, "outputs": []}
    for r, pointer in (
            (s.admin().put(at, masked), "/inputs/0/passphrase"),
            (s.admin().put(at + "?dry_run=true", masked),
             "/inputs/0/passphrase"),
            (s.admin().put(at + "?dry_run=check", masked),
             "/inputs/0/passphrase"),
            (s.admin().post("/api/v1/nodes/%s/flows" % n.id, flow),
             "/input/passphrase"),
            (s.admin().command(n.id, {"type": "create_flow", "flow": flow}),
             "/action/flow/input/passphrase"),
            (s.admin().post("/api/v1/commands", {
                "action": {"type": "create_flow", "flow": flow},
                "node_ids": [n.id]}), "/action/flow/input/passphrase")):
        tap.equal(r.problem(422).json["errors"][0]["pointer"], pointer)
    s.admin().put(at, BASE, headers={"If-Match": tag}).problem(412)
    tap.equal(len(n.commands), done, "nothing was sent")
    n.close()
    mast.wait_until(lambda: s.admin().node(n.id)["status"] == "offline", 10,
                    "it is away")
    r = viewer.get(at).want(200)
    tap.equal((r.header("Config-Stale"), r.header("Config-Masked")),
              ("true", "true"))
    assert b"secret" not in r.body and b"pass-word" not in r.body, r.body
    tap.equal(r.header("ETag"), tag)
    tap.equal(s.admin().get(at).want(200).json, changed)


def test_restore(s):
    """A version goes to the node again; dry_run only tells"""
    e = Edge(s, "config-restore")
    n = e.n
    report(s, n, BASE)
    report(s, n, other())
    first = versions(s, n)[1]["version"]
    done = len(n.commands)
    r = s.admin().post(path(n, "restore"), {
        "version": first, "dry_run": True}).want(200).json
    tap.equal([c["path"] for c in r["changes"]],
              ["/flows/f1/name", "/flows/f2", "/inputs/i1/passphrase",
               "/outputs/o1/latency_ms"])
    tap.equal(len(n.commands), done, "nothing was sent")
    r = s.admin().post(path(n, "restore"), {"version": first})
    tap.equal(r.want(200).json["success"], True)
    tap.equal(n.config, BASE)
    tap.equal([(v["source"], v["actor_name"]) for v in versions(s, n)[:2]],
              [("pushed", s.info["admin"]["username"]), ("reported", None)])
    tap.equal(s.one("SELECT count(*) FROM mast.audit WHERE action = "
                    "'node.config.update' AND target_id = %s", n.id), 1)
    for body, status in (({}, 422), ({"version": 0}, 422),
                         ({"version": "x"}, 422),
                         ({"version": first, "dryrun": True}, 422),
                         ({"version": 99999999}, 404)):
        s.admin().post(path(n, "restore"), body).problem(status)
    s.user_add("config-viewer2", "viewer")
    tap.equal(versions(s, n, s.session_for("config-viewer2"))[0][
        "actor_name"], s.info["admin"]["username"])
    s.session_for("config-viewer2").post(
        path(n, "restore"), {"version": first}).problem(403)
    n.close()
    mast.wait_until(lambda: s.admin().node(n.id)["status"] == "offline", 10,
                    "it is away")
    s.admin().post(path(n, "restore"), {"version": first}).problem(502)


def test_drift(s):
    """Missing, extra, changed: told once, never corrected, and over"""
    e = Edge(s, "config-drift")
    n = e.n
    tap.equal(drift(s, n)["state"], "unknown")
    e.put(s, BASE)
    state(s, n, "none")
    away = copy.deepcopy(BASE)
    away["flows"][0]["name"] = "Changed"
    away["inputs"] = []
    away["outputs"].append({"id": "o2"})
    away["server"] = {"listen_port": 8080}          # a default
    del away["outputs"][0]["url"]                   # it strips that
    sent = len([c for c in n.commands if c[1]["type"] == "update_config"])
    report(s, n, away)
    r = state(s, n, "drift")
    tap.equal((r["missing"], r["extra"], r["changed"]),
              (["/inputs/i1"], ["/outputs/o2"], ["/flows/f1/name"]))
    mast.wait_until(lambda: len(told(s, n)) == 1, 10, "it is told")
    details = s.one("SELECT details FROM mast.events WHERE node_id = %s AND "
                    "category = 'config'", n.id)
    tap.equal((details["error_code"], details["missing"], details["changed"]),
              ("config_drift", ["/inputs/i1"], ["/flows/f1/name"]))
    report(s, n, dict(away, note=1))
    away["flows"][0]["name"] = "Again"
    report(s, n, away)
    mast.wait_until(lambda: len(told(s, n)) == 2, 10, "a new one is told")
    mast.wait_until(lambda: [a["code"] for a in s.admin().get(
        "/api/v1/alarms?node_id=" + n.id).want(200).json] ==
        ["config_drift"], 10, "an alarm")
    tap.equal(len([c for c in n.commands
                   if c[1]["type"] == "update_config"]), sent,
              "nothing was corrected")
    report(s, n, BASE)
    state(s, n, "none")
    mast.wait_until(lambda: len(told(s, n)) == 3, 10, "its end is told")
    mast.wait_until(lambda: not s.admin().get(
        "/api/v1/alarms?node_id=" + n.id).want(200).json, 10, "no alarm")
    n.close()


def test_reconnect(s):
    """A node that comes back is asked, and found out"""
    e = Edge(s, "config-back")
    n = e.n
    e.put(s, BASE)
    state(s, n, "none")
    n.close()
    n.config = dict(BASE, inputs=[])
    n.connect()
    tap.equal(state(s, n, "drift", 30)["missing"], ["/inputs/i1"])
    mast.wait_until(lambda: len(told(s, n)) == 1, 10, "it is told")
    n.close()


def test_commands(s):
    """What a command of ours changed is ordered, what a node does is not"""
    e = Edge(s, "config-commands")
    n = e.n
    e.put(s, BASE)
    state(s, n, "none")
    changed = copy.deepcopy(BASE)
    changed["flows"] = []
    n.on_command = lambda *_: (setattr(n, "config", changed),
                               {"success": True})[1]
    s.admin().command(n.id, {"type": "delete_flow", "flow_id": "f1"}).want(200)
    mast.wait_until(lambda: s.one(
        "SELECT desired = reported AND encode(reported, 'hex') LIKE %s "
        "FROM mast.node_configs WHERE node_id = %s",
        versions(s, n)[0]["hash"] + "%", n.id) and
        len(versions(s, n)) >= 2, 20, "it is what is ordered")
    tap.equal((drift(s, n)["state"], told(s, n)), ("none", []))
    # It said yes and did nothing.
    e.apply = False
    n.on_command = lambda *_: {"success": True}
    e.put(s, BASE)
    tap.equal(state(s, n, "drift")["missing"], ["/flows/f1"])
    n.close()


def act(s, n, action, user=None):
    return (user or s.admin()).post(path(n, "drift"), {"action": action})


def test_actions(s):
    """Adopt, push again, ignore; each audited, none without need"""
    e = Edge(s, "config-actions")
    n = e.n
    for action in ("adopt", "ignore", "repush"):
        act(s, n, action).problem(409)
    e.put(s, BASE)
    state(s, n, "none")
    act(s, n, "ignore").problem(409)
    act(s, n, "undo").problem(422)
    s.admin().post(path(n, "drift"), {}).problem(422)
    s.user_add("config-viewer3", "viewer")
    act(s, n, "adopt", s.session_for("config-viewer3")).problem(403)
    away = dict(BASE, inputs=[])
    report(s, n, away)
    state(s, n, "drift")
    mast.wait_until(lambda: len(told(s, n)) == 1, 10, "it is told")
    act(s, n, "ignore").want(204)
    tap.equal(drift(s, n)["state"], "ignored")
    mast.wait_until(lambda: len(told(s, n)) == 2, 20, "the alarm is closed")
    report(s, n, dict(away, outputs=[]))
    state(s, n, "drift")
    act(s, n, "repush").want(200)
    tap.equal(n.config, BASE)
    state(s, n, "none")
    report(s, n, away)
    state(s, n, "ignored")
    act(s, n, "adopt").want(204)
    tap.equal(drift(s, n)["state"], "none")
    v = versions(s, n)[0]
    tap.equal((v["source"], v["desired"], v["reported"]),
              ("adopted", True, True))
    tap.equal([a for a, in s.sql(
        "SELECT action FROM mast.audit WHERE target_id = %s AND action IN "
        "('node.config.adopt', 'node.config.ignore') ORDER BY id", n.id)],
        ["node.config.ignore", "node.config.adopt"])
    n.close()


def test_dry_run(s):
    """What a new one would change; what breaks the rules of the driver's
    tables has a pointer, what they do not know is let through"""
    n = s.node("config-dry")
    base = copy.deepcopy(BASE)
    base["inputs"][0]["mode"] = "listener"
    base["outputs"][0]["dest_url"] = "rtmp://192.0.2.1/live"
    report(s, n, base)
    where = "/api/v1/nodes/%s/config" % n.id
    doc = other()
    doc["inputs"][0]["mode"] = "listener"
    doc["outputs"][0]["dest_url"] = "rtmp://192.0.2.1/live"
    r = s.admin().put(where + "?dry_run=true", doc).want(200)
    for secret in (b"first-secret", b"other-secret"):
        assert secret not in r.body, r.body
    tap.equal([(c["kind"], c["path"]) for c in r.json["changes"]],
              [("removed", "/flows/f1/name"), ("added", "/flows/f2"),
               ("changed", "/inputs/i1/passphrase"),
               ("changed", "/outputs/o1/latency_ms")])
    tap.equal(s.admin().put(where + "?dry_run=true", base).json["equal"],
              True)
    tap.equal((n.commands, [v["source"] for v in versions(s, n)]),
              ([], ["reported"]), "nothing was done")
    bad = copy.deepcopy(base)
    bad["flows"][0]["enabled"] = "yes"
    bad["inputs"][0].update(mode="both", latency_ms=-1, unknown={"x": 1},
                            redundancy={"mode": "caller",
                                        "remote_addr": "192.0.2.1"})
    bad["outputs"] = [{"id": "o1", "type": "udp"},
                      {"id": "o2", "type": "udp", "dest_addr": "x:70000"},
                      {"id": "o3", "type": "sdi", "latency_ms": "as it is"},
                      {"type": "rtmp", "dest_url": "rtmp://192.0.2.1/x"}]
    p = s.admin().put(where + "?dry_run=check", bad).problem(422)
    tap.equal([e["pointer"] for e in p.json["errors"]], [
        "/flows/0/enabled", "/inputs/0/mode", "/inputs/0/latency_ms",
        "/inputs/0/redundancy/remote_addr", "/outputs/0/dest_addr",
        "/outputs/1/dest_addr", "/outputs/3/id"])
    first = {"version": 1, "flows": [
        {"id": "a", "input": {"type": "srt", "mode": "listener"},
         "outputs": [{"id": "b", "type": "udp", "dest_addr": 5}]},
        {"id": "c", "input": {"type": "udp", "bind_addr": "[::]:5000"},
         "outputs": 7}]}
    p = s.admin().put(where + "?dry_run=check", first).problem(422)
    tap.equal([e["pointer"] for e in p.json["errors"]], [
        "/flows/0/input/local_addr", "/flows/0/outputs/0/dest_addr",
        "/flows/1/outputs"])
    s.admin().put(where + "?dry_run=check", base).want(200)
    s.admin().put(where + "?dry_run=true", bad).want(200)
    s.admin().put(where + "?dry_run=yes", BASE).problem(400)
    s.admin().put(where.replace(
        n.id, "00000000-0000-7000-8000-000000000000") + "?dry_run=true",
        base).problem(404)
    s.user_add("config-viewer4", "viewer")
    s.session_for("config-viewer4").put(where + "?dry_run=true",
                                        base).problem(403)
    n.close()
    mast.wait_until(lambda: s.admin().node(n.id)["status"] == "offline", 10,
                    "it is away")
    tap.equal(s.admin().put(where + "?dry_run=true", base).want(
        200).json["equal"], True, "against what is stored")
    relay = s.node("config-dry-relay", "relay")
    s.admin().put("/api/v1/nodes/%s/config?dry_run=true" % relay.id,
                  {}).problem(422)
    relay.close()


def test_refused(s):
    """Foreign nodes, nobody, and nodes that are not there"""
    n = s.node("config-refused")
    s.user_add("config-none", "admin", nodes=[])
    none = s.session_for("config-none")
    for what in ("versions", "versions/1", "diff?a=1&b=2", "drift"):
        none.get(path(n, what)).problem(403)
        s.nobody().get(path(n, what)).problem(401)
        s.admin().get(path(n, what).replace(
            n.id, "00000000-0000-7000-8000-000000000000")).problem(404)
    none.post(path(n, "restore"), {"version": 1}).problem(403)
    act(s, n, "adopt", none).problem(403)
    s.admin().get(path(n, "versions/x")).problem(400)
    n.close()


def test_sealed(s):
    """No credential lies open in the database or a log"""
    for table in ("config_blobs", "config_versions", "node_configs", "events",
                  "alarms", "audit", "commands"):
        for row, in s.sql("SELECT to_jsonb(t)::text FROM mast.%s t" % table):
            for secret in ("first-secret", "other-secret", "pass-word"):
                assert secret not in row, table


if __name__ == "__main__":
    mast.main(sys.modules[__name__])
