#!/usr/bin/python3
"""The import: round trip between two installations, dry run, merge and
replace, files of the reference manager, and everything that a damaged or
hostile file may be: it changes nothing and the answer says where."""
import copy
import hashlib
import json
import os
import random
import socket
import sys
import time
import uuid

import mast
import tap
import test_export

PASS = test_export.PASS
TABLES = ("users", "nodes", "node_state", "user_nodes", "settings",
          "tunnels", "preferences", "positions", "events", "config_blobs",
          "config_versions", "node_configs", "node_secrets",
          "import_rows", "import_changes")


def digest(data):
    return hashlib.blake2b(data, digest_size=32).hexdigest()


def sealed(doc):
    """A file of version 2 with fitting checksums, from a document."""
    out = ['{"version":%s,"exported_at":%s,"exported_by":%s,"data":{' % (
        json.dumps(doc.get("version", 2)), json.dumps(doc["exported_at"]),
        json.dumps(doc["exported_by"]))]
    total = ("2\n%s\n%s\n" % (doc["exported_at"],
                              doc["exported_by"])).encode()
    sums, parts, rows = {}, [], 0
    order = test_export.PLAIN + ["config_templates", "events", "audit_log"]
    for name in sorted(doc["data"], key=lambda n: order.index(n)
                       if n in order else 99):
        texts = [x if isinstance(x, str) else json.dumps(x)
                 for x in doc["data"][name]]
        want = digest("".join(t + "\n" for t in texts).encode())
        sums[name] = {"rows": len(texts), "blake2b": want}
        total += name.encode() + b"\0" + bytes.fromhex(want)
        rows += len(texts)
        parts.append('"%s":[%s]' % (name, ",".join(texts)))
    sums["total"] = {"rows": rows, "blake2b": digest(total)}
    out.append(",".join(parts))
    out.append('},"checksums":%s}' % json.dumps(sums))
    return "".join(out).encode()


def document(**data):
    return {"exported_at": "2026-01-01T00:00:00Z", "exported_by": "test",
            "data": data}


def node(**more):
    return dict({"id": str(uuid.uuid4()), "name": "imported",
                 "device_type": "edge"}, **more)


def user(**more):
    return dict({"id": str(uuid.uuid4()), "username": "someone",
                 "display_name": "Some One", "role": "viewer"}, **more)


def send(s, raw, query="", who=None, **kw):
    return (who or s.admin()).request(
        "POST", "/api/v1/import" + query, raw=raw,
        headers={"Content-Type": "application/json"}, **kw)


def state(s):
    """A fingerprint of everything that an import could touch."""
    return {t: s.one("SELECT md5(coalesce(string_agg(x::text, '|' "
                     "ORDER BY x::text), '')) FROM mast.%s x" % t)
            for t in TABLES}


def day(days_ago=1):
    """A date that retention keeps."""
    return time.strftime("%Y-%m-%d", time.gmtime(
        time.time() - 86400 * days_ago))


def with_pass(raw, passphrase=PASS):
    return b'{"passphrase":%s,' % json.dumps(passphrase).encode() + raw[1:]


class Pair:
    """A rich installation's export, and an empty one to take it in."""

    def __init__(self, s):
        a = s.admin()
        self.n1 = s.node("round-one", version="1.2.3")
        self.n2, _ = a.node_add("round-two", description="x\ny",
                                expires_at="2100-01-01T00:00:00Z")
        self.n1.event("crit", severity="critical")
        s.user_add("anna", "operator", nodes=[self.n1.id])
        s.user_add("bert", "viewer", nodes=[])
        s.session_for("anna")
        a.get("/api/v1/nodes/%s/config" % self.n1.id).want(200)
        mast.wait_until(lambda: s.one(
            "SELECT count(*) FROM mast.config_versions"), 10, "a version")
        s.sql("INSERT INTO mast.preferences (user_id, key, value) SELECT "
              "id, 'flow_table_order', '[\"\u00fc\"]' FROM mast.users")
        s.sql("INSERT INTO mast.positions SELECT u.id, 'graph', n.id, 0.1, "
              "-2e300 FROM mast.users u, mast.nodes n")
        s.sql("UPDATE mast.settings SET value = 44 "
              "WHERE key = 'events_retention_days'")
        self.tunnel = a.post("/api/v1/tunnels", {
            "name": "through", "protocol": "udp", "mode": "direct",
            "ingress_node_id": self.n1.id, "ingress_listen_port": 7001,
            "egress_node_id": self.n2, "egress_forward_addr":
            "127.0.0.1:7002", "egress_peer_addr": "192.0.2.7:7003"}).json
        self.n1.close()
        mast.wait_until(lambda: a.node(self.n1.id)["status"] == "offline",
                        10, "offline")
        self.file = test_export.sealed_export(s, include_events=True)
        self.other = mast.Suite()
        self.other.user_add("importer", "super_admin")
        self.who = self.other.session_for("importer")


def pair(s):
    if not hasattr(s, "pair"):
        s.pair = Pair(s)
    return s.pair


def comparable(doc, skip=()):
    """Without what an import cannot keep: the audit of its own doing."""
    d = copy.deepcopy(doc["data"])
    d["users"] = [u for u in d["users"] if u["username"] not in skip]
    d["preferences"] = [p for p in d["preferences"]
                        if p["user_id"] in {u["id"] for u in d["users"]}]
    for u in d["users"]:
        del u["last_login_at"]
    for t in d["tunnels"]:
        del t["status"]                 # of legs that live sessions have
    return d


def test_round_trip(s):
    """Export, empty server, import, export: the same but for times"""
    p = pair(s)
    o = p.other
    raw = with_pass(p.file.body)
    before = state(o)
    dry = send(o, raw, "?mode=replace&dry_run=true", p.who).want(200).json
    tap.equal((dry["dry_run"], dry["applied"], dry["conflicts"]),
              (True, False, []))
    tap.equal(state(o), before, "a dry run changes nothing")
    r = send(o, raw, "?mode=replace", p.who).want(200).json
    tap.equal((r["applied"], r["nodes_need_tokens"], r["secrets_ignored"]),
              (True, True, False))
    tap.equal(r["sections"], dry["sections"])
    tap.equal((r["sections"]["users"]["create"],
               r["sections"]["nodes"]["delete"],
               r["sections"]["settings"]), (3, 1, {"update": 1}))
    back = p.who.post("/api/v1/export", {"passphrase": PASS,
                                         "include_events": True}).want(200)
    tap.equal(comparable(back.json, ["importer"]), comparable(p.file.json))
    # The secrets came along: people sign in, configurations open.
    admin = o.signin("admin", s.info["admin"]["password"],
                     source="127.0.9.9")
    o.session_for("anna")
    t = admin.get("/api/v1/tunnels/" + p.tunnel["id"]).want(200).json
    tap.equal((t["name"], t["ingress_listen_port"]), ("through", 7001))
    assert o.one("SELECT secrets FROM mast.tunnels").tobytes() != \
        s.one("SELECT secrets FROM mast.tunnels").tobytes()
    c = admin.get("/api/v1/nodes/%s/config" % p.n1.id).want(200)
    tap.equal(c.json, p.n1.config)
    tap.equal(c.header("Config-Stale"), "true")
    # Once more: nothing is left to do.
    again = send(o, raw, "?mode=replace", p.who).want(200).json
    tap.equal(again["sections"], {})


def test_without_secrets(s):
    """Without a passphrase: people inactive, sessions of ours unharmed"""
    p = pair(s)
    o = p.other
    plain = test_export.export(s).body
    u = json.loads(plain)["data"]["users"]
    o.sql("DELETE FROM mast.users WHERE username = 'bert'")
    r = send(o, plain, "", p.who).want(200).json
    tap.equal(r["sections"]["users"]["create"], 1)
    tap.equal(o.sql("SELECT is_active, password_hash FROM mast.users "
                    "WHERE username = 'bert'"), [(False, "!")])
    bert = [x["id"] for x in u if x["username"] == "bert"][0]
    change = [c for c in r["changes"] if c["id"] == bert][0]
    tap.contains(change["detail"], "inactive")
    # Whoever has a password here keeps it, and stays active.
    tap.equal(o.sql("SELECT is_active FROM mast.users WHERE username IN "
                    "('anna', 'admin')"), [(True,), (True,)])
    r = send(o, p.file.body, "", p.who).want(200).json
    tap.equal(r["secrets_ignored"], True)
    p.who.get("/api/v1/auth/me").want(200)


def test_passphrase(s):
    """Wrong, misplaced and missing ones; a changed plain part"""
    p = pair(s)
    o, raw = p.other, p.file.body
    before = state(o)

    def refused(body, pointer):
        r = send(o, body, "", p.who).problem(422)
        tap.contains(r.json["errors"][0]["pointer"], pointer)
    refused(with_pass(raw, "wrong wrong"), "/secrets/chunks/0")
    refused(with_pass(raw, "short"), "/passphrase")
    refused(b'{"passphrase":7,' + raw[1:], "/passphrase")
    at = raw.rindex(b',\n"checksums"')
    refused(raw[:at] + b',"passphrase":"' + PASS.encode() + b'"' + raw[at:],
            "/passphrase")
    # Another plain part with sums of its own is not what was encrypted.
    doc = json.loads(raw)
    doc["data"]["settings"][0][1] = "45"
    forged = sealed(doc)
    secrets = raw[raw.index(b'"secrets"'):at]
    cut = forged.rindex(b',"checksums"')
    refused(with_pass(forged[:cut] + b"," + secrets + forged[cut:]),
            "/data")
    for old, new in ((b'"memory_kib":65536', b'"memory_kib":4194304000'),
                     (b'"passes":3', b'"passes":1'),
                     (b'argon2id13', b'scrypt-aes'),
                     (b'"salt":"', b'"salt":"AAAA')):
        refused(with_pass(raw.replace(old, new)), "/secrets/")
    tap.equal(state(o), before)


def test_reference_file(s):
    """A file of the reference manager 0.4.4"""
    o = pair(s).other
    nid, uid = str(uuid.uuid4()), str(uuid.uuid4())
    doc = {"version": 1, "exported_at": "2026-03-29T11:48:35.1+00:00",
           "exported_by": "cli-export", "data": {
               "users": [user(id=uid, username="old", email=None,
                              role="admin", is_temporary=False,
                              expires_at=None, allowed_node_ids=None,
                              is_active=True, last_login_at=None)],
               "nodes": [{"id": nid, "name": "old-node",
                          "description": None, "device_type": "edge",
                          "status": "online", "software_version": "0.5.3",
                          "metadata": None}],
               "settings": [["events_retention_days", "31"],
                            ["something_else", "1"]],
               "config_templates": [{"id": "x"}],
               "events": [{"id": 17, "node_id": nid, "severity": "critical",
                           "category": "c", "message": "m",
                           "details": None, "flow_id": None,
                           "created_at": day() + "T11:48:35.1Z",
                           "acknowledged": False,
                           "acknowledged_by": None}],
               "audit_log": [{"id": 1, "user_id": None, "action": "x",
                              "target_type": "y", "target_id": None,
                              "details": None, "ip_address": None,
                              "created_at": "2026-03-29T11:48:35.1Z"}]}}
    raw = json.dumps(doc, indent=2).encode()
    r = send(o, raw, "", pair(s).who).want(200).json
    tap.equal(r["sections"], {
        "users": {"create": 1}, "nodes": {"create": 1},
        "settings": {"update": 1, "skip": 1}, "events": {"create": 1},
        "audit_log": {"skip": 1}})
    tap.equal(o.sql("SELECT status::text, software_version FROM "
                    "mast.node_state WHERE node_id = %s", nid),
              [("offline", "0.5.3")])
    tap.equal(o.sql("SELECT is_active, role::text FROM mast.users WHERE "
                    "id = %s", uid), [(False, "admin")])
    tap.equal(o.one("SELECT value FROM mast.settings WHERE key = "
                    "'events_retention_days'"), 31)
    r = send(o, raw, "", pair(s).who).want(200).json
    assert "create" not in str(r["sections"]), r["sections"]
    # Sections may be missing; then they are left alone, also by replace.
    r = send(o, json.dumps({"version": 1, "exported_at": "x",
                            "exported_by": None, "data": {}}).encode(),
             "?mode=replace", pair(s).who).want(200).json
    tap.equal(r["sections"], {})


def test_conflicts(s):
    """All of them are listed with their places; nothing is changed"""
    o, who = pair(s).other, pair(s).who
    taken = o.one("SELECT username FROM mast.users WHERE username = 'anna'")
    n = o.one("SELECT id::text FROM mast.nodes WHERE device_type = 'edge' "
              "LIMIT 1")
    same = str(uuid.uuid4())
    doc = document(settings=[["events_retention_days", "9999"]], users=[
        user(username=taken), user(username="twice"),
        user(username="twice")], nodes=[
        node(id=n, device_type="relay"), node(id=same), node(id=same)])
    before = state(o)
    dry = send(o, sealed(doc), "?dry_run=1", who).want(200).json
    want = {"/data/settings/0/1", "/data/users/0/username",
            "/data/users/2/username", "/data/nodes/0/device_type",
            "/data/nodes/2/id"}
    tap.equal({c["pointer"] for c in dry["conflicts"]} | want, want)
    r = send(o, sealed(doc), "", who).problem(409)
    tap.equal(r.json["errors"], dry["conflicts"])
    assert r.json["errors"]
    for part in ("users", "nodes", "settings"):
        one = document(**{part: doc["data"][part]})
        got = send(o, sealed(one), "", who).problem(409).json["errors"]
        tap.equal({e["pointer"] for e in got},
                  {w for w in want if "/%s/" % part in w})
    bad = document(tunnels=[{
        "id": str(uuid.uuid4()), "name": "t", "protocol": "udp",
        "mode": "relay", "ingress_node_id": n, "ingress_listen_port": 9,
        "egress_node_id": str(uuid.uuid4()),
        "egress_forward_addr": "a:1"}])
    r = send(o, sealed(bad), "", who).problem(409)
    tap.equal(r.json["errors"][0]["pointer"],
              "/data/tunnels/0/egress_node_id")
    tap.equal(state(o), before)


def test_self(s):
    """The importer stays what he is, whatever the file says"""
    o, who = pair(s).other, pair(s).who
    me = who.user["id"]
    table = [user(id=me, username="importer", role="viewer",
                  is_active=False),
             user(id=me, username="other-name"),
             user(username="importer", role="viewer")]
    for u in table:
        admin = user(id=o.one("SELECT id::text FROM mast.users WHERE "
                              "username = 'admin'"), username="admin",
                     role="super_admin")
        r = send(o, sealed(document(users=[u, admin])), "", who).want(200)
        tap.equal([c["op"] for c in r.json["changes"]
                   if c["detail"] == "is who imports"], ["skip"])
        tap.equal(o.sql("SELECT username, role::text, is_active FROM "
                        "mast.users WHERE id = %s", me),
                  [("importer", "super_admin", True)])
    send(o, sealed(document(users=[])), "?mode=replace&dry_run=true",
         who).want(200)
    who.get("/api/v1/auth/me").want(200)


def test_merge_names(s):
    """Names may change places between users of the file"""
    o, who = pair(s).other, pair(s).who
    a, b = user(username="left"), user(username="right")
    send(o, sealed(document(users=[a, b])), "", who).want(200)
    a["username"], b["username"] = "right", "left"
    r = send(o, sealed(document(users=[a, b])), "", who).want(200).json
    tap.equal(r["sections"]["users"], {"update": 2})
    tap.equal(o.sql("SELECT username FROM mast.users WHERE id IN (%s, %s) "
                    "ORDER BY id = %s", a["id"], b["id"], b["id"]),
              [("right",), ("left",)])
    send(o, sealed(document(users=[a, b])), "?mode=replace",
         who).want(200)
    tap.equal(o.sql("SELECT username FROM mast.users ORDER BY 1"),
              [("importer",), ("left",), ("right",)])


def test_event_ids(s):
    """An event whose number is taken gets another; the same one is known"""
    o, who = pair(s).other, pair(s).who
    n = node(name="numbers")
    e = {"id": 900000, "node_id": n["id"], "severity": "info",
         "category": "c", "message": "one",
         "created_at": day() + "T04:05:06.789Z"}
    f = dict(e, message="two", created_at=day() + "T04:05:07Z")
    send(o, sealed(document(nodes=[n], events=[e])), "", who).want(200)
    r = send(o, sealed(document(events=[e, f])), "", who).want(200).json
    tap.equal(r["sections"], {"events": {"create": 1}})
    rows = o.sql("SELECT id, message FROM mast.events WHERE node_id = %s "
                 "ORDER BY created_at", n["id"])
    tap.equal(rows, [(900000, "one"), (900001, "two")])
    assert o.one("SELECT nextval('mast.event_seq')") > 900001


def test_damaged(s):
    """Cut at any place and with any bit flipped: refused, nothing changed"""
    o, who = pair(s).other, pair(s).who
    raw = sealed(document(
        settings=[["events_retention_days", "33"]],
        nodes=[node(name="damaged"), node(name="d2", metadata={"a": 1})],
        users=[user(username="damaged")]))
    before = state(o)
    rnd = random.Random(7)
    for cut in sorted(rnd.sample(range(1, len(raw) - 1), 25)):
        r = send(o, raw[:cut], "", who)
        assert r.status in (400, 422), (cut, r)
        assert r.problem(r.status).json["errors"][0]["detail"]
    for _ in range(60):
        at, bit = rnd.randrange(len(raw)), 1 << rnd.randrange(8)
        bad = raw[:at] + bytes([raw[at] ^ bit]) + raw[at + 1:]
        if bad[at:at + 1].isspace() and raw[at:at + 1].isspace():
            continue
        r = send(o, bad, "", who)
        assert r.status in (400, 409, 422), (at, bit, r)
        r.problem(r.status)
    tap.equal(state(o), before)


def test_hostile(s):
    """Depth, duplicates, types, numbers, encodings, sizes: a place each"""
    o, who = pair(s).other, pair(s).who
    before = state(o)
    good = sealed(document(nodes=[node()]))
    nid = str(uuid.uuid4())

    def rows(section, *texts):
        return sealed(document(**{section: list(texts)}))
    base = '{"id":"%s","name":"n","device_type":"edge"' % nid
    ev = ('{"id":%s,"node_id":"' + nid + '","severity":"info","category":'
          '"c","message":"m","created_at":"%s"}')
    table = [
        (b"[]", ""), (b"null", ""), (b'"x"', ""), (b"{}", "/version"),
        (b'{"version":3,"data":{}}', "/version"),
        (b'{"version":2.0,"data":{}}', "/version"),
        (b'{"version":99999999999999999999,"data":{}}', "/version"),
        (b'{"version":"2","data":{}}', "/version"),
        (b'{"data":{}}', "/version"),
        (b'{"version":2}', "/data"), (b'{"version":2,"data":[]}', "/data"),
        (b'{"version":2,"data":{}}', "/checksums"),
        (b'{"version":2,"data":{},"checksums":[]}', "/checksums"),
        (b'{"version":2,"data":{},"checksums":{}}', "/checksums/total"),
        (b'{"version":1,"data":{},"checksums":{}}', "/checksums"),
        (b'{"version":1,"data":{},"secrets":{}}', "/secrets"),
        (b'{"version":1,"data":{},"more":1}', "/more"),
        (b'{"version":1,"data":{"nope":[]}}', "/data/nope"),
        (b'{"version":1,"data":{"users":{}}}', "/data/users"),
        (b'{"version":1,"version":1,"data":{}}', "/version"),
        (b'{"version":1,"data":{"users":[],"users":[]}}', "/data/users"),
        (b'{"version":1,"data":{}} {}', ""),
        (b'{"version":1,"data":{}}x', ""),
        (b'{"version":1,,"data":{}}', ""),
        (b'{"version" 1}', "/version"), (b"{1:2}", ""),
        (b'{"' + b"k" * 100 + b'":1}', ""),
        (b'{"version":1,"data":{"nodes":[' + b"[" * 200, "/data/nodes/0"),
        (rows("nodes", "[]"), "/data/nodes/0"),
        (rows("nodes", "7"), "/data/nodes/0"),
        (rows("nodes", base + ',"name":"m"}'), "/data/nodes/0"),
        (rows("nodes", base + ',"description":7}'),
         "/data/nodes/0/description"),
        (rows("nodes", base + ',"metadata":{"a":"\\u0000"}}'),
         "/data/nodes/0"),
        (rows("nodes", base + ',"metadata":' + "[" * 70 + "]" * 70 + "}"),
         "/data/nodes/0"),
        (rows("nodes", base + ',"expires_at":"soon"}'),
         "/data/nodes/0/expires_at"),
        (rows("nodes", '{"id":"7","name":"n","device_type":"edge"}'),
         "/data/nodes/0/id"),
        (rows("nodes", base.replace("edge", "toaster") + "}"),
         "/data/nodes/0/device_type"),
        (rows("users", json.dumps(user(role="root"))),
         "/data/users/0/role"),
        (rows("users", json.dumps(user(username="-x"))),
         "/data/users/0/username"),
        (rows("users", json.dumps(user(allowed_node_ids="all"))),
         "/data/users/0/allowed_node_ids"),
        (rows("users", json.dumps(user(allowed_node_ids=["x"]))),
         "/data/users/0/allowed_node_ids/0"),
        (rows("users", json.dumps(user()), '{"id":1}'),
         "/data/users/1"),
        (rows("settings", '["events_retention_days",30]'),
         "/data/settings/0/1"),
        (rows("settings", '["events_retention_days","1e9"]'),
         "/data/settings/0/1"),
        (rows("settings", '["events_retention_days"]'),
         "/data/settings/0/1"),
        (rows("settings", '{"a":1}'), "/data/settings/0/0"),
        (rows("events", ev % ("1e3", "2026-01-01T00:00:00Z")),
         "/data/events/0/id"),
        (rows("events", ev % ("9" * 30, "2026-01-01T00:00:00Z")),
         "/data/events/0/id"),
        (rows("events", ev % ("1", "2026-13-01T00:00:00Z")),
         "/data/events/0/created_at"),
        (rows("positions", '{"user_id":"%s","view":"graph","node_id":"%s",'
              '"x":1e999,"y":0}' % (nid, nid)), "/data/positions/0/x"),
        (rows("nodes", base + ',"metadata":1e999999}'), "/data"),
        (good.replace(b'"imported"', b'"impor\xffed"'), "/data/nodes/0"),
        (good.replace(b'"imported"', b'"impor\xed\xa0\x80"'),
         "/data/nodes/0"),
        (rows("nodes", base + ',"description":"' + "x" * 5000000 + '"}'),
         "/data/nodes/0"),
    ]
    for raw, pointer in table:
        r = send(o, raw, "", who)
        assert r.status in (400, 422), (raw[:100], r)
        got = r.problem(r.status).json["errors"][0]["pointer"]
        assert got.startswith(pointer), (raw[:100], got, pointer)
    tap.equal(state(o), before)
    send(o, good, "?dry_run=true", who).want(200)


def test_limits(s):
    """64 MiB and no more; a client that goes leaves nothing behind"""
    o, who = pair(s).other, pair(s).who
    before = state(o)
    head = ("POST /api/v1/import HTTP/1.1\r\nHost: x\r\nContent-Type: "
            "application/json\r\nCookie: session=%s\r\nX-CSRF-Token: %s\r\n"
            % (who.token, who.csrf))
    with socket.create_connection(("127.0.0.1", o.port)) as c:
        c.sendall((head + "Content-Length: 67108865\r\n\r\n").encode())
        assert c.recv(100).startswith(b"HTTP/1.1 413")
    start = b'{"version":1,"data":{"nodes":['
    part = b",".join(json.dumps(node()).encode() for _ in range(5000))
    with socket.create_connection(("127.0.0.1", o.port)) as c:
        c.sendall((head + "Content-Length: 60000000\r\n\r\n").encode() +
                  start + part)
        mast.wait_until(lambda: o.one(
            "SELECT count(*) FROM pg_stat_activity WHERE usename = "
            "'_mast_apid' AND query ~ 'import_stage'"), 10, "it stages")
        r = send(o, sealed(document(nodes=[])), "", who)
        r.problem(409)
    mast.wait_until(lambda: not o.one(
        "SELECT count(*) FROM pg_stat_activity WHERE usename = "
        "'_mast_apid' AND xact_start IS NOT NULL"), 10, "it is over")
    tap.equal(state(o), before)


def test_large(s):
    """60 MB pass through in little memory"""
    o, who = pair(s).other, pair(s).who
    fill = "x" * 1000
    nid = str(uuid.uuid4())
    raw = sealed(document(nodes=[node(id=nid, name="large")], events=[
        {"id": 2000000 + i, "node_id": nid, "severity": "info",
         "category": "large", "message": fill,
         "created_at": "%sT00:00:00.%06dZ" % (day(), i)}
        for i in range(52000)]))
    assert 55 << 20 < len(raw) < 64 << 20, len(raw)
    before = test_export.rss(o)
    r = send(o, raw, "", who, timeout=120).want(200).json
    tap.equal(r["sections"]["events"], {"create": 52000})
    grown = test_export.rss(o) - before
    assert grown < 32768, grown
    print("# apid grew by %d KiB" % grown)
    o.sql("DELETE FROM mast.events WHERE category = 'large'")


def test_refusals(s):
    """400, 401, 403, 415"""
    o, who = pair(s).other, pair(s).who
    good = sealed(document(nodes=[node()]))
    before = state(o)
    for query in ("?mode=all", "?dry_run=maybe", "?mode=merge&mode=merge"):
        send(o, good, query, who).problem(400)
    send(o, good, "", o.nobody()).problem(401)
    o.user_add("an-admin", "admin")
    before = state(o)
    send(o, good, "", o.session_for("an-admin")).problem(403)
    send(o, good, "", who, csrf=False).problem(403)
    who.request("POST", "/api/v1/import", raw=good).problem(415)
    after = state(o)
    before.pop("users"), after.pop("users")    # last_login_at
    tap.equal(after, before)
    tap.equal(o.one("SELECT count(*) FROM mast.audit WHERE action = "
                    "'import' AND actor_name = 'importer' AND details->>"
                    "'mode' = 'merge'") > 0, True)


def test_mastctl(s):
    """The same round trip by mastctl, into a server that has only what its
    setup made; its exit codes"""
    p = pair(s)
    o = p.other
    file, key = os.path.join(s.dir, "x.json"), os.path.join(s.dir, "pass")
    with open(key, "w") as f:
        f.write(PASS + "\n")
    s.ctl("export", "--events", "--passphrase-file", key, file)
    tap.equal(os.stat(file).st_mode & 0o777, 0o600)
    s.ctl("export", file, want=6)
    s.ctl("export", "--events-days", "0", file + "2", want=64)
    s.ctl("import", file + "3", want=4)
    before = state(o)
    text = o.ctl("import", "--dry-run", "--mode", "replace",
                 "--passphrase-file", key, file)
    tap.contains(text, "create users")
    tap.contains(text, "delete users")
    tap.equal(state(o), before)
    o.ctl("import", file, "--mode", "all", want=64)
    with open(key + "2", "w") as f:
        f.write("another one\n")
    o.ctl("import", "--passphrase-file", key + "2", file, want=5)
    # Nobody could sign in: no hash came along.
    o.ctl("import", "--mode", "replace", file, want=5)
    tap.equal(state(o), before)
    doc = o.ctl("import", "--mode", "replace", "--passphrase-file", key,
                file, json_out=True)
    tap.equal(doc["conflicts"], [])
    back = file + ".back"
    o.ctl("export", "--passphrase-file", key, back)
    with open(file) as f, open(back) as g:
        one, two = json.load(f), json.load(g)
    one["data"].pop("events")
    tap.equal(comparable(two), comparable(one))
    tap.equal(two["exported_by"], "mastctl")
    o.signin("admin", s.info["admin"]["password"], source="127.0.9.10")
    clash = os.path.join(s.dir, "clash.json")
    with open(clash, "wb") as f:
        f.write(sealed(document(users=[user(username="anna")])))
    o.ctl("import", clash, want=6)
    o.ctl("import", "--dry-run", clash, want=6)
    with open(clash, "wb") as f:
        f.write(sealed(document(users=[]))[:-9])
    o.ctl("import", clash, want=5)
    tap.equal(o.sql("SELECT actor_name, details->>'mode' FROM mast.audit "
                    "WHERE action = 'import' ORDER BY id DESC LIMIT 1"),
              [("mastctl", "replace")])


def test_other_ends(s):
    """The second installation ends as cleanly as the first"""
    tap.equal(pair(s).other.stop(), [])


if __name__ == "__main__":
    mast.main(sys.modules[__name__])
