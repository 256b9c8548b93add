#!/usr/bin/python3
"""Alarms: what opens and closes them, symptoms, storms, the list and the
acknowledgement."""
import copy
import sys

import hubkit
import mast
import tap

TUNNEL = "3b241101-e2bb-4255-8caf-4136c566a000"


def alarms(s, node_id, user=None, **query):
    query.setdefault("state", "all")
    text = "&".join("%s=%s" % kv for kv in query.items())
    return (user or s.admin()).get("/api/v1/alarms?node_id=%s&%s" % (
        node_id, text)).want(200).json


def wait(s, node_id, want, timeout=15, **query):
    """Until the node's alarms are {(object, code): open or not}."""
    got = {}

    def look():
        got.clear()
        for a in alarms(s, node_id, **query):
            got[a["object"], a["code"]] = a["closed_at"] is None
        return got == want
    try:
        mast.wait_until(look, timeout, "alarms %r" % want)
    except AssertionError:
        raise AssertionError("alarms are %r, not %r" % (got, want))
    return alarms(s, node_id, **query)


def trouble(n, code, severity="warning", flow="flow-001", **more):
    n.event(code.replace("_", " "), severity=severity, category="srt",
            flow_id=flow, details=dict(error_code=code), **more)


def test_events(s):
    """An error_code opens, its opposite closes, the rest leaves alone"""
    n = s.node("alarm-events")
    n.event("all is well", details={"error_code": "srt_odd"})
    n.event("no code", severity="critical")
    n.event("no text", severity="critical", details={"error_code": 7})
    n.event("no object", severity="critical", details=[1])
    trouble(n, "node_offline", "critical", flow=None)
    trouble(n, "srt_disconnected")
    trouble(n, "srt_disconnected", "critical")
    trouble(n, "srt_disconnected", flow="flow-002")
    trouble(n, "disk_full", flow=None)
    got = wait(s, n.id, {
        ("flow-001", "srt_disconnected"): True,
        ("flow-002", "srt_disconnected"): True,
        (None, "disk_full"): True})
    a = [x for x in got if x["object"] == "flow-001"][0]
    tap.equal((a["severity"], a["count"], a["source"], a["message"]),
              ("critical", 2, "event", "srt disconnected"))
    tap.equal((a["node_name"], a["closed_why"], a["symptom_of"]),
              ("alarm-events", None, None))
    trouble(n, "srt_connected", "info")
    trouble(n, "disk_full", "info", flow=None)
    got = wait(s, n.id, {
        ("flow-001", "srt_disconnected"): False,
        ("flow-002", "srt_disconnected"): True,
        (None, "disk_full"): False})
    a = [x for x in got if x["object"] == "flow-001"][0]
    tap.equal((a["count"], a["closed_why"]), (2, "cleared"))
    n.close()


def test_again(s):
    """What comes again within minutes is the same alarm, seen by nobody"""
    n = s.node("alarm-again")
    for i in range(3):
        trouble(n, "link_down", flow=None)
        a, = wait(s, n.id, {(None, "link_down"): True})
        tap.equal(a["count"], i + 1)
        tap.equal(a["acknowledged"], False)
        r = s.admin().post("/api/v1/alarms/%s/ack" % a["id"])
        tap.equal(r.want(200).json["acknowledged"], True)
        trouble(n, "link_up", "info", flow=None)
        wait(s, n.id, {(None, "link_down"): False})
    s.sql("UPDATE mast.alarms SET closed_at = closed_at - interval '1 h', "
          "last_at = last_at - interval '1 h' WHERE node_id = %s", n.id)
    trouble(n, "link_down", flow=None)
    mast.wait_until(lambda: len(alarms(s, n.id)) == 2, 10, "a new one")
    tap.equal([a["count"] for a in alarms(s, n.id)], [1, 3])
    # Up and down within one tick is not lost either.
    trouble(n, "fan_failed", flow="fan-1")
    trouble(n, "fan_ok", "info", flow="fan-1")
    mast.wait_until(lambda: [a for a in alarms(s, n.id, state="closed")
                             if a["code"] == "fan_failed"], 10, "the blip")
    n.close()


def test_stats(s):
    """Flows and tunnels that are not well, until they are or are gone"""
    n = s.node("alarm-stats")
    doc = copy.deepcopy(mast.sample("edge_stats_tunnel_only_head")["payload"])
    flow = copy.deepcopy(
        mast.sample("edge_stats_1udp_head")["payload"]["flows"][0])
    flow["health"] = "Error"
    flow["health_reasons"] = [
        {"code": "input_lost", "severity": "critical", "detail": "No \u00fcnput"},
        {"code": "pcr_jitter", "severity": "warning", "detail": "902 us"},
        {"severity": "critical"}, 7]
    other = dict(flow, flow_id="flow-002", health="Warning")
    del other["health_reasons"]
    doc["flows"] = [flow, other]
    doc["active_flows"] = 2
    doc["tunnels"][0].update(id=TUNNEL, state="down")
    n.stats(doc)
    got = wait(s, n.id, {
        ("flow-001", "input_lost"): True, ("flow-001", "pcr_jitter"): True,
        ("flow-002", "flow_health"): True, (TUNNEL, "tunnel_down"): True})
    a = {x["code"]: x for x in got}
    tap.equal((a["input_lost"]["severity"], a["input_lost"]["message"]),
              ("critical", "No \u00fcnput"))
    tap.equal((a["flow_health"]["severity"], a["flow_health"]["source"]),
              ("warning", "stats"))
    flow["health_reasons"] = flow["health_reasons"][1:2]
    doc["flows"] = [flow]
    doc["tunnels"][0]["state"] = "ready"

    def sent():
        n.stats(doc)
        return not [x for x in alarms(s, n.id, state="open")
                    if x["code"] != "pcr_jitter"]
    mast.wait_until(sent, 25, "what is over is closed", step=1)
    tap.equal([x["code"] for x in alarms(s, n.id, state="open")],
              ["pcr_jitter"])
    n.close()
    # The first stats of the next session say all that stands.
    n.connect()
    n.stats(mast.sample("edge_stats_idle_head")["payload"])
    wait(s, n.id, {}, state="open")
    n.close()


def test_offline(s):
    """A node that is away is the cause; what it had are symptoms"""
    n, far = s.node("alarm-away"), s.node("alarm-far")
    trouble(n, "srt_disconnected")
    tunnel = s.admin().post("/api/v1/tunnels", {
        "name": "t", "protocol": "udp", "mode": "direct",
        "ingress_node_id": n.id, "ingress_listen_port": 7001,
        "egress_node_id": far.id, "egress_forward_addr": "127.0.0.1:5004",
        "egress_peer_addr": "192.0.2.1:7001"}).want(200).json["id"]
    doc = copy.deepcopy(mast.sample("edge_stats_tunnel_only_head")["payload"])
    doc["tunnels"][0].update(id=tunnel, state="failed")
    far.stats(doc)
    wait(s, far.id, {(tunnel, "tunnel_down"): True})
    wait(s, n.id, {("flow-001", "srt_disconnected"): True})
    n.drop()
    got = wait(s, n.id, {("flow-001", "srt_disconnected"): True,
                         (None, "node_offline"): True})
    a = {x["code"]: x for x in got}
    cause = a["node_offline"]
    tap.equal((cause["source"], cause["severity"], cause["symptom_of"]),
              ("liveness", "critical", None))
    tap.equal(a["srt_disconnected"]["symptom_of"], cause["id"])
    tap.equal(alarms(s, far.id)[0]["symptom_of"], cause["id"])
    tap.equal([x["code"] for x in alarms(s, n.id, symptoms="false")],
              ["node_offline"])
    tap.equal([x["code"] for x in alarms(s, n.id, symptoms="true")],
              ["srt_disconnected"])
    # Who does not see the cause is not told of it.
    s.user_add("alarm-user", "viewer", nodes=[far.id])
    user = s.session_for("alarm-user")
    tap.equal([x["symptom_of"] for x in alarms(s, far.id, user)], [None])
    tap.equal(alarms(s, n.id, user), [])
    n.connect()
    wait(s, n.id, {("flow-001", "srt_disconnected"): True,
                   (None, "node_offline"): False})
    tap.equal(alarms(s, far.id)[0]["symptom_of"], None)
    n.close()
    got = wait(s, n.id, {("flow-001", "srt_disconnected"): True,
                         (None, "node_offline"): True})
    tap.equal({x["code"]: x["count"] for x in got}["node_offline"], 2)
    far.close()


def test_storm(s):
    """Thousands of events are a few rows, and no row is without a bound"""
    n = s.node("alarm-storm")
    read = hubkit.status(s)["events_received"] + 4000
    for i in range(4000):
        trouble(n, "code_%d" % (i % 5), flow="flow-%d" % (i % 3))
    hubkit.wait_count(s, "events_received", read, timeout=30)
    mast.wait_until(lambda: hubkit.status(s)["alarms_waiting"] == 0, 20,
                    "all of it is stored")
    got = wait(s, n.id, {("flow-%d" % f, "code_%d" % c): True
                         for f in range(3) for c in range(5)} |
               ({(None, "events_dropped"): True} if hubkit.status(s)
                ["events_dropped"] else {}), timeout=30)
    total = sum(a["count"] for a in got if a["code"] != "events_dropped")
    st = hubkit.status(s)
    tap.equal(total, 4000 - st["events_dropped"])
    tap.equal(st["alarms_dropped"], 0)
    for i in range(600):
        trouble(n, "wild_%d" % i)
    read = st["events_received"] + 601
    n.event("the last")
    hubkit.wait_count(s, "events_received", read)
    mast.wait_until(lambda: hubkit.status(s)["alarms_waiting"] == 0, 20,
                    "all of it is stored")
    # Every one is a row or counted, in some tick of at most 128 entries.
    st, lost = hubkit.status(s), st["events_dropped"]
    tap.equal(s.one("SELECT count(*) FROM mast.alarms WHERE node_id = %s "
                    "AND code LIKE 'wild%%'", n.id), 600 -
              st["alarms_dropped"] - st["events_dropped"] + lost)
    assert st["alarms_dropped"] > 0, st
    n.close()


def test_database_away(s):
    """What happens while PostgreSQL is away is not forgotten"""
    n = s.node("alarm-db")
    trouble(n, "before_failed", flow=None)
    wait(s, n.id, {(None, "before_failed"): True})
    hubkit.kill_postgres(s)
    raised = hubkit.status(s)["alarms_raised"]
    for _ in range(7):
        trouble(n, "away_failed", flow=None)
    trouble(n, "before_recovered", "info", flow=None)
    hubkit.wait_count(s, "alarms_raised", raised + 7)
    s.start_postgres()
    s.wait_ready()
    got = wait(s, n.id, {(None, "before_failed"): False,
                         (None, "away_failed"): True}, timeout=40)
    tap.equal({a["code"]: a["count"] for a in got},
              {"before_failed": 1, "away_failed": 7})
    n.close()


def test_sweep(s):
    """What nobody repeats is stale, what is old and closed is deleted"""
    n = s.node("alarm-sweep")
    trouble(n, "old_failed", flow=None)
    trouble(n, "new_failed", flow=None)
    wait(s, n.id, {(None, "old_failed"): True, (None, "new_failed"): True})
    s.sql("UPDATE mast.alarms SET last_at = now() - interval '25 h' WHERE "
          "node_id = %s AND code = 'old_failed'", n.id)
    s.sql("INSERT INTO mast.alarms (node_id, code, severity, message, "
          "closed_at, closed_why) VALUES (%s, 'ancient', 'info', 'x', "
          "now() - interval '400 days', 'stale')", n.id)
    s.sql("SELECT mast.alarms_sweep()")
    got = wait(s, n.id, {(None, "old_failed"): False,
                         (None, "new_failed"): True})
    tap.equal({a["code"]: a["closed_why"] for a in got},
              {"old_failed": "stale", "new_failed": None})
    n.close()


def test_list(s):
    """Filters, pages, and what is refused"""
    n = s.node("alarm-list")
    s.sql("INSERT INTO mast.alarms (node_id, object, code, severity, message,"
          " first_at) SELECT %s, 'o' || i, 'c', (ARRAY['info','warning',"
          "'critical'])[1 + i %% 3]::mast.severity, 'm', now() - i * "
          "interval '1 s' FROM generate_series(1, 9) i", n.id)
    path = "/api/v1/alarms?node_id=%s" % n.id
    got, sizes = s.admin().walk(path + "&limit=4")
    tap.equal([a["object"] for a in got], ["o%d" % i for i in range(1, 10)])
    tap.equal(sizes, [4, 4, 1])
    got = alarms(s, n.id, severity="critical")
    tap.equal([a["object"] for a in got], ["o2", "o5", "o8"])
    r = s.admin().post("/api/v1/alarms/%s/ack" % got[0]["id"],
                       {"note": "seen"}).want(200).json
    tap.equal((r["note"], r["acknowledged_by_name"]), ("seen", "admin"))
    tap.equal(r, alarms(s, n.id, acknowledged="true")[0])
    tap.equal(len(alarms(s, n.id, acknowledged="false")), 8)
    tap.equal(s.one("SELECT details->>'note' FROM mast.audit WHERE action = "
                    "'alarm.ack' AND target_id = %s", got[0]["id"]), "seen")
    for query, pointer in (("state=maybe", "state"), ("severity=bad",
                           "severity"), ("acknowledged=1", "acknowledged"),
                           ("symptoms=x", "symptoms"), ("limit=0", "limit"),
                           ("limit=501", "limit"), ("cursor=x", "cursor"),
                           ("node_id=x", "node_id")):
        r = s.admin().get("/api/v1/alarms?" + query).problem(400)
        tap.contains(str(r), pointer)
    n.close()


def test_ack_refused(s):
    """404 for what is not there or not the caller's, 403, 422"""
    n = s.node("alarm-ack")
    trouble(n, "x_failed")
    a, = wait(s, n.id, {("flow-001", "x_failed"): True})
    path = "/api/v1/alarms/%s/ack" % a["id"]
    s.user_add("alarm-viewer", "viewer")
    s.session_for("alarm-viewer").post(path).problem(403)
    s.user_add("alarm-other", "operator", nodes=[])
    s.session_for("alarm-other").post(path).problem(404)
    s.admin().post("/api/v1/alarms/%s/ack" % n.id).problem(404)
    s.admin().post("/api/v1/alarms/7/ack").problem(404)
    s.admin().post(path, {"note": 7}).problem(422)
    s.admin().post(path, {"note": "x" * 513}).problem(422)
    s.nobody().post(path).problem(401)
    tap.equal(alarms(s, n.id)[0]["acknowledged"], False)
    n.close()


if __name__ == "__main__":
    mast.main(sys.modules[__name__])
