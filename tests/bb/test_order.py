#!/usr/bin/python3
"""mastctl node command and node config: through the journal, as root of the
host, with an exit code for every end."""
import json
import signal
import subprocess
import sys

import psycopg2

import mast
import tap
from test_config import BASE, report


def order(s, *args, stdin="", ok=0):
    r = subprocess.run([s.program("mastctl"), "-f", s.conf, "--json", "node",
                        "command"] + list(args), input=stdin, text=True,
                       capture_output=True, timeout=100 * mast.PATIENCE)
    tap.equal(r.returncode, ok, r.stdout + r.stderr)
    return json.loads(r.stdout or "{}")


def node(s):
    if not hasattr(s, "edge"):
        s.edge = s.node("order-edge")
    s.edge.on_command = lambda command_id, action: {"success": True}
    return s.edge


def test_done(s):
    """What a node has done ends with 0, once on the wire"""
    n = node(s)
    doc = order(s, "order-edge", "get_config")
    tap.equal((doc["type"], doc["state"], doc["error"]),
              ("get_config", "acked", None))
    doc = order(s, n.id, "-", stdin='{"type": "start_flow", "flow_id": "f1"}')
    tap.equal(doc["state"], "acked")
    sent = [a for i, a in n.commands if i == doc["command_id"]]
    tap.equal(sent, [{"type": "start_flow", "flow_id": "f1"}])
    row = s.sql("SELECT by_tool, queue, actor_user, actor_name, min_role, "
                "position('f1'::bytea IN action) FROM mast.commands "
                "WHERE id = %s", doc["command_id"])[0]
    tap.equal(row, (True, True, None, "mastctl", "operator", 0))
    a = s.sql("SELECT actor_kind, actor_name, target_id, details FROM "
              "mast.audit WHERE action = 'node.command' ORDER BY id DESC")[0]
    tap.equal(a[:3], ("system", "mastctl", n.id))
    tap.equal(a[3]["command_id"], doc["command_id"])
    assert a[3]["os_user"], a
    text = s.ctl("node", "command", n.id, "get_config")
    tap.contains(text, "acked")
    shown = s.admin().get("/api/v1/nodes/%s/commands/%s" % (
        n.id, doc["command_id"])).want(200).json
    tap.equal((shown["state"], shown["actor"]), ("acked", "mastctl"))


def test_refused(s):
    """A node that refuses: 5, with its own words and code"""
    n = node(s)
    n.on_command = lambda command_id, action: {
        "success": False, "error": "no such flow", "error_code": "flow_gone"}
    doc = order(s, n.id, "-", ok=5,
                stdin='{"type": "stop_flow", "flow_id": "f9"}')
    tap.equal((doc["state"], doc["error"], doc["error_code"]),
              ("failed", "no such flow", "flow_gone"))


def test_rules(s):
    """What breaks a rule is refused before anything is written"""
    n = node(s)
    before = s.one("SELECT count(*) FROM mast.commands")
    for given, stdin, code, part in (
            ("no_such_command", "", 5, "/type"),
            ("rotate_secret", "", 5, "/type"),
            ("start_flow", "", 5, "flow_id"),
            ("-", "", 5, ""), ("-", "[1]", 5, ""), ("-", '{"type":', 5, ""),
            ("-", '{"type": "start_flow", "flow_id": 7}', 5, "/flow_id")):
        doc = order(s, n.id, given, stdin=stdin, ok=code)
        tap.contains(doc["error"], part, given + stdin)
    order(s, "nobody", "get_config", ok=4)
    for wait in ("0", "x", "-1", "86401"):
        order(s, "--wait", wait, n.id, "get_config", ok=64)
    order(s, n.id, ok=64)
    tap.equal(s.one("SELECT count(*) FROM mast.commands"), before)


def test_away(s):
    """A node that does not come in time: 69, and it is never sent later"""
    n = node(s)
    n.close()
    mast.wait_until(lambda: s.admin().node(n.id)["status"] == "offline", 20,
                    "the node is away")
    doc = order(s, "--wait", "1", n.id, "get_config", ok=69)
    tap.equal(doc["state"], "expired")
    n.online()
    doc2 = order(s, n.id, "get_config")
    tap.equal([i for i, _ in n.commands if i == doc["command_id"]], [])
    tap.equal(doc2["state"], "acked")


def test_waits(s):
    """One that comes in time gets it"""
    n = node(s)
    n.close()
    mast.wait_until(lambda: s.admin().node(n.id)["status"] == "offline", 20,
                    "the node is away")
    p = subprocess.Popen([s.program("mastctl"), "-f", s.conf, "--json",
                          "node", "command", "--wait", "120", n.id,
                          "get_config"], stdout=subprocess.PIPE, text=True)
    mast.wait_until(lambda: s.one(
        "SELECT count(*) FROM mast.commands WHERE state = 'queued'") == 1,
        20, "it waits")
    n.online()
    out, _ = p.communicate(timeout=60 * mast.PATIENCE)
    tap.equal(p.returncode, 0, out)
    tap.equal(json.loads(out)["state"], "acked")


def test_unknown(s):
    """Sent, and the hub killed before the answer: 1, and not sent again"""
    n = node(s)
    n.on_command = lambda command_id, action: None
    p = subprocess.Popen([s.program("mastctl"), "-f", s.conf, "--json",
                          "node", "command", n.id, "-"], text=True,
                         stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    p.stdin.write('{"type": "start_flow", "flow_id": "f1"}')
    p.stdin.close()
    p.stdin = None
    mast.wait_until(lambda: any(a.get("flow_id") == "f1" and s.one(
        "SELECT count(*) FROM mast.commands WHERE id = %s AND state = 'sent'",
        i) == 1 for i, a in n.commands), 20, "the node has it")
    s.kill("hubd", signal.SIGKILL)
    s.start("hubd")
    out, _ = p.communicate(timeout=60 * mast.PATIENCE)
    doc = json.loads(out)
    tap.equal((p.returncode, doc["state"]), (1, "unknown"), out)
    n.online()
    order(s, n.id, "get_config")
    tap.equal(len([i for i, _ in n.commands if i == doc["command_id"]]), 1)


def test_fence(s):
    """apid cannot say that root ordered it, whatever it is made to do"""
    n = node(s)
    c = s.connect_db()
    cur = c.cursor()
    insert = ("INSERT INTO mast.commands (id, node_id, node_name, type, "
              "action, expires_at, by_tool) VALUES (gen_random_uuid(), %s, "
              "'x', 'get_config', '\\x00', now() + interval '1 hour', %s)")
    for by_tool, good in ((False, True), (True, False)):
        cur.execute("BEGIN")
        cur.execute("SET LOCAL ROLE _mast_apid")
        cur.execute("SELECT set_config('mast.actor', %s, true)",
                    (s.admin().user["id"],))
        try:
            cur.execute(insert, (n.id, by_tool))
            done = True
        except psycopg2.errors.InsufficientPrivilege:
            done = False
        cur.execute("ROLLBACK")
        tap.equal(done, good, "by_tool %s" % by_tool)
    c.close()


def test_no_user(s):
    """What a user ordered who is gone is not taken for root's"""
    n = node(s)
    n.close()
    mast.wait_until(lambda: s.admin().node(n.id)["status"] == "offline", 20,
                    "the node is away")
    s.user_add("order-gone", "operator")
    r = s.session_for("order-gone").post(
        "/api/v1/nodes/%s/command" % n.id,
        {"action": {"type": "get_config"}, "queue": True}).want(202).json
    s.sql("DELETE FROM mast.users WHERE username = 'order-gone'")
    n.online()
    mast.wait_until(lambda: s.one(
        "SELECT state FROM mast.commands WHERE id = %s",
        r["command_id"]) == "cancelled", 20, "it is cancelled")
    tap.equal([i for i, _ in n.commands if i == r["command_id"]], [])


def test_config(s):
    """node config prints what the node reported, and 4 when there is none"""
    n = node(s)
    s.admin().node_add("order-never")
    s.ctl("node", "config", "order-never", want=4)
    s.ctl("node", "config", "nobody", want=4)
    report(s, n, BASE)
    tap.equal(json.loads(s.ctl("node", "config", "order-edge")), BASE)
    doc = s.ctl("node", "config", n.id, json_out=True)
    tap.equal(doc["config"], BASE)
    assert doc["reported_at"].startswith("20"), doc


if __name__ == "__main__":
    mast.main(sys.modules[__name__])
