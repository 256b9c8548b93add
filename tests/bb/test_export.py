#!/usr/bin/python3
"""The export: what is in it, its checksums, its secrets, who may have it,
that it is one snapshot and that a slow client costs no memory."""
import base64
import hashlib
import json
import re
import socket
import sys

import mast
import tap

PLAIN = ["settings", "users", "nodes", "tunnels", "preferences", "positions",
         "config_versions", "node_configs"]
PASS = "correct horse battery"


def elements(raw, section):
    """The texts of a section's elements, as they stand in the file."""
    text = raw.decode()
    start = text.index('\n"%s":[' % section) + len(section) + 5
    dec, out = json.JSONDecoder(), []
    while True:
        start += len(re.match(r"[\s,]*", text[start:]).group(0))
        if text[start] == "]":
            return out
        _, end = dec.raw_decode(text, start)
        out.append(text[start:end])
        start = end


def digest(data):
    return hashlib.blake2b(data, digest_size=32).hexdigest()


def export(s, query=""):
    return s.admin().get("/api/v1/export" + query).want(200)


def sealed_export(s, **more):
    return s.admin().post("/api/v1/export",
                          dict(passphrase=PASS, **more)).want(200)


def test_shape(s):
    """Version, who and when, every section; no secret of any kind"""
    node_id, token = s.admin().node_add(
        "exported", description="d", expires_at="2100-01-01T00:00:00Z")
    s.sql("UPDATE mast.nodes SET metadata = '{\"a\":[1,null]}' "
          "WHERE id = %s", node_id)
    s.user_add("limited", "operator", nodes=[node_id])
    r = export(s)
    doc = r.json
    tap.equal(set(doc), {"version", "generator", "exported_at",
                         "exported_by", "data", "checksums"})
    tap.equal((doc["version"], doc["exported_by"]),
              (2, s.admin().user["id"]))
    tap.equal(list(doc["data"]), PLAIN)
    assert ["events_retention_days", "30"] in doc["data"]["settings"]
    n = [n for n in doc["data"]["nodes"] if n["id"] == node_id][0]
    tap.equal((n["expires_at"], n["metadata"]),
              ("2100-01-01T00:00:00.000000Z", {"a": [1, None]}))
    u = [u for u in doc["data"]["users"] if u["username"] == "limited"][0]
    tap.equal(u["allowed_node_ids"], [node_id])
    text = r.body.decode()
    for secret in ("argon2id", token, "token_hash", "password"):
        assert secret not in text, secret
    tap.contains(r.header("Content-Disposition"), "attachment")


def test_checksums(s):
    """Each is BLAKE2b of its elements, the total that of all"""
    r = export(s, "?include_events=true&include_audit=1")
    doc = r.json
    total = ("2\n%s\n%s\n" % (doc["exported_at"],
                              doc["exported_by"])).encode()
    sums = doc["checksums"]
    tap.equal(set(sums), set(doc["data"]) | {"total"})
    for name in doc["data"]:
        rows = elements(r.body, name)
        want = digest("".join(x + "\n" for x in rows).encode())
        tap.equal(sums[name], {"rows": len(rows), "blake2b": want}, name)
        total += name.encode() + b"\0" + bytes.fromhex(want)
    tap.equal(sums["total"]["blake2b"], digest(total))
    tap.equal(sums["total"]["rows"],
              sum(len(v) for v in doc["data"].values()))


def test_events(s):
    """More than one batch, in order, limited by days; not capped"""
    node_id, _ = s.admin().node_add("eventful")
    s.sql("INSERT INTO mast.events (created_at, node_id, node_name, "
          "severity, category, message, details) SELECT now() - g * interval "
          "'1 minute', %s, 'eventful', 'info', 'bulk', 'event ' || g, "
          "'{\"z\":1.50,\"a\":\"\\u0000\"}' "
          "FROM generate_series(1, 3000) g", node_id)
    doc = export(s, "?include_events=true").json
    mine = [e for e in doc["data"]["events"] if e["category"] == "bulk"]
    tap.equal([e["message"] for e in mine],
              ["event %d" % g for g in range(3000, 0, -1)])
    tap.equal(mine[0]["details"], {"z": 1.5, "a": "\0"})
    doc = export(s, "?include_events=true&events_days=1").json
    tap.equal(len([e for e in doc["data"]["events"]
                   if e["category"] == "bulk"]), 1439)
    assert "events" not in export(s).json["data"]


def test_audit(s):
    """The audit is in it when asked for, and the export in the audit"""
    export(s, "?include_audit=true&events_days=3")
    rows = export(s, "?include_audit=true").json["data"]["audit_log"]
    last = [a for a in rows if a["action"] == "export"][-2]
    tap.equal((last["user_id"], last["details"]), (
        s.admin().user["id"],
        {"events": False, "events_days": 3, "audit": True,
         "secrets": False}))
    tap.equal(last["ip_address"], "127.0.0.1")


def test_secrets(s):
    """With a passphrase: encrypted, and plain nowhere"""
    r = sealed_export(s)
    sec = r.json["secrets"]
    tap.equal((sec["kdf"], sec["memory_kib"], sec["passes"], sec["cipher"]),
              ("argon2id13", 65536, 3, "xchacha20poly1305"))
    tap.equal(len(base64.b64decode(sec["salt"])), 16)
    assert sec["chunks"] and "argon2id$" not in r.body.decode()
    again = sealed_export(s).json["secrets"]
    assert again["salt"] != sec["salt"]
    assert again["chunks"] != sec["chunks"]
    tap.equal(s.one("SELECT details->'secrets' FROM mast.audit WHERE "
                    "action = 'export' ORDER BY id DESC LIMIT 1"), True)


def test_refusals(s):
    """400, 401, 403, 415, 422 with their pointers"""
    a = s.admin()
    for query in ("include_events=yes", "events_days=0", "events_days=x",
                  "events_days=36501", "include_audit=2",
                  "include_events=true&include_events=true"):
        a.get("/api/v1/export?" + query).problem(400)
    s.nobody().get("/api/v1/export").problem(401)
    s.user_add("plain-admin", "admin")
    s.session_for("plain-admin").get("/api/v1/export").problem(403)
    s.user_add("narrow", "super_admin", nodes=[])
    narrow = s.session_for("narrow")
    narrow.get("/api/v1/export").problem(403)
    narrow.post("/api/v1/export", {"passphrase": PASS}).problem(403)
    a.post("/api/v1/export", {"passphrase": PASS}, csrf=False).problem(403)
    a.post("/api/v1/export", raw=b"x").problem(415)
    table = [({}, "/passphrase"), ({"passphrase": "short"}, "/passphrase"),
             ({"passphrase": "x" * 1025}, "/passphrase"),
             ({"passphrase": PASS, "events_days": 0}, "/events_days"),
             ({"passphrase": PASS, "include_event": True}, "/include_event")]
    for body, pointer in table:
        r = a.post("/api/v1/export", body).problem(422)
        tap.equal(r.json["errors"][0]["pointer"], pointer)


def test_head(s):
    """HEAD gives the head alone; HTTP/1.0 no chunks"""
    r = s.admin().request("HEAD", "/api/v1/export").want(200)
    tap.equal(r.body, b"")
    a = s.admin()
    with socket.create_connection(("127.0.0.1", s.port)) as c:
        c.sendall(("GET /api/v1/export HTTP/1.0\r\nHost: x\r\n"
                   "Cookie: session=%s\r\n\r\n" % a.token).encode())
        data = b""
        while True:
            got = c.recv(65536)
            if not got:
                break
            data += got
    head, body = data.split(b"\r\n\r\n", 1)
    assert b"Transfer-Encoding" not in head, head
    tap.equal(json.loads(body)["version"], 2)


def rss(s):
    with open("/proc/%d/status" % s.pids["apid"]) as f:
        return int(re.search(r"VmRSS:\s+(\d+)", f.read()).group(1))


def test_slow_client(s):
    """Who takes nothing stops the export; others go on; memory stays"""
    node_id, _ = s.admin().node_add("heavy")
    s.sql("INSERT INTO mast.events (created_at, node_id, node_name, "
          "severity, category, message) SELECT now() - g * interval '1 ms', "
          "%s, 'heavy', 'info', 'heavy', repeat('x', 2000) "
          "FROM generate_series(1, 30000) g", node_id)
    before = rss(s)
    a = s.admin()
    with socket.socket() as c:
        c.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        c.connect(("127.0.0.1", s.port))
        c.sendall(("GET /api/v1/export?include_events=true HTTP/1.1\r\n"
                   "Host: x\r\nCookie: session=%s\r\n\r\n" %
                   a.token).encode())
        assert c.recv(100).startswith(b"HTTP/1.1 200")
        mast.wait_until(lambda: s.one(
            "SELECT count(*) FROM pg_stat_activity WHERE usename = "
            "'_mast_apid' AND state = 'idle in transaction'") == 1, 10,
            "the export waits")
        a.get("/api/v1/nodes").want(200)
        assert rss(s) - before < 16384, (before, rss(s))
    mast.wait_until(lambda: s.one(
        "SELECT count(*) FROM pg_stat_activity WHERE usename = "
        "'_mast_apid' AND xact_start IS NOT NULL") == 0, 10,
        "its transaction has ended with its client")
    r = export(s, "?include_events=true")
    tap.equal(len([e for e in r.json["data"]["events"]
                   if e["category"] == "heavy"]), 30000)
    assert rss(s) - before < 32768, (before, rss(s))
    s.sql("DELETE FROM mast.events WHERE category = 'heavy'")


def test_snapshot(s):
    """What comes while it runs is not in it: one view of all tables"""
    node_id, _ = s.admin().node_add("first")
    s.sql("INSERT INTO mast.events (created_at, node_id, node_name, "
          "severity, category, message) SELECT now(), %s, 'n', 'info', "
          "'snap', repeat('x', 2000) FROM generate_series(1, 6000)",
          node_id)
    a = s.admin()
    with socket.create_connection(("127.0.0.1", s.port)) as c:
        c.settimeout(30)
        c.sendall(("GET /api/v1/export?include_events=true HTTP/1.1\r\n"
                   "Host: x\r\nConnection: close\r\n"
                   "Cookie: session=%s\r\n\r\n" % a.token).encode())
        data = c.recv(1000)
        s.sql("INSERT INTO mast.events (created_at, node_id, node_name, "
              "severity, category, message) VALUES (now(), %s, 'n', "
              "'info', 'late', 'late')", node_id)
        while True:
            got = c.recv(1 << 20)
            if not got:
                break
            data += got
    assert b'"snap"' in data and b'"late"' not in data
    assert data.endswith(b"0\r\n\r\n")


if __name__ == "__main__":
    mast.main(sys.modules[__name__])
