#!/usr/bin/python3
"""What every route keeps: idempotency keys, budgets, problems, headers."""
import http.client
import json
import re
import sys
import threading
import uuid

import mast
import tap
from hubkit import kill_postgres

KEY = "Idempotency-Key"


def keyed(user, path, body, key, **kw):
    return user.post(path, body, headers={KEY: key}, **kw)


def rows(s, key):
    return s.sql("SELECT status, answer, request_id FROM "
                 "mast.idempotency_keys WHERE key = %s", key)


def audited(s, action, name):
    return s.one("SELECT count(*) FROM mast.audit WHERE action = %s AND "
                 "details->>'name' = %s", action, name)


def test_key_replays(s):
    """The same key and request: one change, one audit row, one answer"""
    body = {"name": "idem-1"}
    first = keyed(s.admin(), "/api/v1/nodes", body, "key-1").want(201)
    tap.equal(first.header("Idempotency-Replayed"), None)
    for key in ("key-1", '"key-1"'):
        again = keyed(s.admin(), "/api/v1/nodes", body, key).want(201)
        tap.equal(again.header("Idempotency-Replayed"), "true")
        tap.equal(again.body, first.body, "token and all")
        for name in ("Location", "ETag", "Content-Type"):
            tap.equal(again.header(name), first.header(name), name)
        assert again.header("X-Request-Id") != first.header("X-Request-Id")
    tap.equal(s.one("SELECT count(*) FROM mast.nodes WHERE name = 'idem-1'"),
              1)
    tap.equal(audited(s, "node.create", "idem-1"), 1)
    # At rest the answer is sealed: it has a token in it.
    (status, answer, request), = rows(s, "key-1")
    tap.equal((status, request), (201, first.header("X-Request-Id")))
    assert first.json["registration_token"].encode() not in bytes(answer)
    assert b"idem-1" not in bytes(answer)
    # The token works, so it was the first one that was replayed.
    n = mast.Node(s, token=again.json["registration_token"]).online()
    tap.equal(n.id, first.json["id"])
    n.close()


def test_key_of_another(s):
    """Another body, path or query is 422; another user's key is his own"""
    keyed(s.admin(), "/api/v1/nodes", {"name": "idem-2"}, "key-2").want(201)
    i, _ = s.admin().node_add("idem-2b")
    for path, body in (("/api/v1/nodes", {"name": "idem-3"}),
                       ("/api/v1/nodes?x=1", {"name": "idem-2"}),
                       ("/api/v1/nodes/%s/token" % i, None)):
        r = keyed(s.admin(), path, body, "key-2").problem(422,
                                                          "key-reused")
        tap.equal(r.json["errors"][0]["pointer"], KEY)
    s.user_add("idem-admin", "admin")
    other = s.session_for("idem-admin")
    r = keyed(other, "/api/v1/nodes", {"name": "idem-2"}, "key-2").want(201)
    tap.equal(r.header("Idempotency-Replayed"), None)
    tap.equal(s.one("SELECT count(*) FROM mast.nodes WHERE name = 'idem-2'"),
              2)


def test_key_refusals(s):
    """What changed nothing claims nothing; authority is asked every time"""
    admin = s.admin()
    for body, status in (({"name": ""}, 422), ({}, 422)):
        keyed(admin, "/api/v1/nodes", body, "key-4").problem(status)
    tap.equal(rows(s, "key-4"), [])
    keyed(admin, "/api/v1/nodes", {"name": "idem-4"}, "key-4").want(201)
    s.user_add("idem-view", "viewer")
    keyed(s.session_for("idem-view"), "/api/v1/nodes", {"name": "x"},
          "key-5").problem(403)
    for bad in ("", " ", "x" * 256, "a b", "\u00fc", 'a"b', '"', "a\\b"):
        r = admin.post("/api/v1/nodes", {"name": "no"},
                       headers={KEY: bad.encode("latin-1")}).problem(400)
        tap.equal(r.json["errors"][0]["pointer"], KEY, bad)
    keyed(admin, "/api/v1/nodes", {"name": "idem-255"}, "x" * 255).want(201)
    # Without meaning on methods that are idempotent anyway.
    admin.get("/api/v1/nodes", headers={KEY: "a b"}).want(200)
    tap.equal(s.one("SELECT count(*) FROM mast.nodes WHERE name = 'no'"), 0)


def test_key_twice_at_once(s):
    """Of many at once with one key one is done; the others say so"""
    results = []

    def go():
        results.append(keyed(s.admin(), "/api/v1/nodes", {"name": "idem-6"},
                             "key-6"))
    threads = [threading.Thread(target=go) for _ in range(12)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    done = [r for r in results if r.status == 201]
    assert len(done) >= 1, results
    tap.equal(len({r.body for r in done}), 1)
    tap.equal(sum(r.header("Idempotency-Replayed") is None for r in done), 1)
    for r in results:
        if r.status != 201:
            r.problem(409, "in-progress")
            tap.equal(r.header("Retry-After"), "1")
    tap.equal(s.one("SELECT count(*) FROM mast.nodes WHERE name = 'idem-6'"),
              1)


def test_key_expires(s):
    """After 24 hours a key is free; too many are refused"""
    keyed(s.admin(), "/api/v1/nodes", {"name": "idem-7"}, "key-7").want(201)
    s.sql("UPDATE mast.idempotency_keys SET created_at = now() - "
          "interval '24 hours' WHERE key = 'key-7'")
    r = keyed(s.admin(), "/api/v1/nodes", {"name": "idem-7b"}, "key-7")
    r.want(201)
    tap.equal(r.header("Idempotency-Replayed"), None)
    s.user_add("idem-many", "admin")
    many = s.session_for("idem-many")
    s.sql("INSERT INTO mast.idempotency_keys (principal, key, request_hash, "
          "request_id) SELECT %s, 'k' || n, '', 'r' FROM "
          "generate_series(1, 10000) n", many.user["id"])
    r = keyed(many, "/api/v1/nodes", {"name": "idem-8"}, "one-more")
    r.problem(429)
    tap.equal(s.one("SELECT count(*) FROM mast.nodes WHERE name = 'idem-8'"),
              0)
    keyed(many, "/api/v1/nodes", {"name": "idem-8"}, "k7").problem(422)
    s.sql("DELETE FROM mast.idempotency_keys WHERE principal = %s",
          many.user["id"])


def test_key_of_command(s):
    """A command runs once: repeated while it runs, after it, after a
    refusal by the node"""
    n = s.node("idem node")
    path = "/api/v1/nodes/%s/command" % n.id
    body = {"action": {"type": "stop_flow", "flow_id": "a"}}
    n.on_command = lambda command_id, action: None
    got = []
    t = threading.Thread(target=lambda: got.append(
        keyed(s.admin(), path, body, "cmd-1")))
    t.start()
    mast.wait_until(lambda: n.commands, 10, "the command is at the node")
    r = keyed(s.admin(), path, body, "cmd-1").problem(409, "in-progress")
    n.ack(n.commands[0][0], data={"k": [1, 2]})
    t.join()
    got[0].want(200)
    r = keyed(s.admin(), path, body, "cmd-1").want(200)
    tap.equal(r.body, got[0].body)
    tap.equal(r.header("Idempotency-Replayed"), "true")
    tap.equal(len(n.commands), 1)
    n.on_command = lambda command_id, action: {"success": False,
                                               "error": "no such flow"}
    first = keyed(s.admin(), path, body, "cmd-2").problem(422)
    again = keyed(s.admin(), path, body, "cmd-2").problem(422)
    tap.equal(again.body, first.body)
    tap.equal(len(n.commands), 2)
    n.close()


def test_key_survives_death(s):
    """apid dies, PostgreSQL dies: the command is not run again, and within
    a minute the key says what happened"""
    n = s.node("idem death")
    path = "/api/v1/nodes/%s/command" % n.id
    body = {"action": {"type": "stop_flow", "flow_id": "a"}}
    n.on_command = lambda command_id, action: None

    def ask(key):
        try:
            keyed(s.admin(), path, body, key)
        except (OSError, http.client.HTTPException):
            pass            # nobody is left to answer
    for key, kill, start in (
            ("die-1", lambda: s.kill("apid"), lambda: s.start("apid")),
            ("die-2", lambda: kill_postgres(s), s.start_postgres)):
        had = len(n.commands)
        t = threading.Thread(target=ask, args=(key,))
        t.start()
        mast.wait_until(lambda: len(n.commands) > had, 10, "it was sent")
        kill()
        if key == "die-2":
            n.ack(n.commands[-1][0])
        t.join()
        start()
        (status, answer, request), = rows(s, key)
        tap.equal((status, answer), (None, None))
        keyed(s.admin(), path, body, key).problem(409, "in-progress")
        s.sql("UPDATE mast.idempotency_keys SET created_at = created_at - "
              "interval '1 minute' WHERE key = %s", key)
        r = keyed(s.admin(), path, body, key).problem(409, "answer-lost")
        tap.equal(r.json["original_request_id"], request)
        tap.equal(s.one("SELECT count(*) FROM mast.commands WHERE "
                        "request_id = %s", request), 1, "the journal has it")
        tap.equal(len(n.commands), had + 1, "and the node saw it once")
    n.close()


def test_key_when_database_fails_before(s):
    """A change that was never made leaves its key free"""
    key = "free-" + uuid.uuid4().hex
    kill_postgres(s)
    keyed(s.admin(), "/api/v1/nodes", {"name": "idem-9"}, key).problem(503)
    s.start_postgres()
    tap.equal(rows(s, key), [])
    r = keyed(s.admin(), "/api/v1/nodes", {"name": "idem-9"}, key).want(201)
    tap.equal(json.loads(r.body)["name"], "idem-9")
    tap.equal(s.one("SELECT count(*) FROM mast.nodes WHERE name = 'idem-9'"),
              1)


FIELDS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), "
                          "payment=(), usb=()",
}


def every_refusal(s):
    """(what, status, answer) of a request for each class of refusal."""
    admin, nobody = s.admin(), s.nobody()
    nodes = "/api/v1/nodes"
    typed = {"Content-Type": "application/json"}
    i, _ = admin.node_add("refusals")
    yield 400, admin.request("POST", nodes, raw=b"{", headers=typed)
    yield 401, nobody.get(nodes)
    yield 403, admin.request("POST", nodes, {"name": "x"}, csrf=False)
    yield 404, admin.get("/api/v1/nowhere")
    yield 405, admin.delete(nodes)
    yield 406, admin.get(nodes, headers={"Accept": "text/html"})
    yield 409, admin.post("/api/v1/users", {
        "username": s.info["admin"]["username"], "display_name": "x",
        "password": "Passw0rd-x", "role": "viewer", "is_temporary": False})
    yield 412, admin.put(nodes + "/" + i, {"name": "x"},
                         headers={"If-Match": '"v9"'})
    yield 413, admin.request("POST", nodes, raw=b"x" * 70000, headers=typed)
    yield 415, admin.request("POST", nodes, raw=b"x", headers={
        "Content-Type": "text/plain"})
    yield 422, admin.post(nodes, {"name": 5})
    yield 426, nobody.get("/ws/node")
    yield 431, admin.get(nodes, headers={"X-Long": "x" * 17000})
    yield 501, admin.request("BREW", nodes)


def test_refusals(s):
    """Each is a problem with all its members, security fields, no-store and
    a request id, and its type leads to a page"""
    for status, r in every_refusal(s):
        r.problem(status)
        doc = r.json
        for member in ("type", "title", "status", "detail", "request_id",
                       "error"):
            assert doc.get(member), (status, member, doc)
        tap.equal(doc["request_id"], r.header("X-Request-Id"), status)
        if status not in (431, 501):    # the head was not read to its end
            assert doc["instance"].startswith("/"), doc
        for name, value in FIELDS.items():
            tap.equal(r.header(name), value, "%s of %d" % (name, status))
        tap.equal(r.header("Content-Security-Policy"),
                  "default-src 'none'; frame-ancestors 'none'", status)
        tap.equal(r.header("Cache-Control"), "no-store", status)
        if status == 405:
            tap.equal(r.header("Allow"), "GET, HEAD, POST")
        if status in (400, 422):
            for fault in doc["errors"]:
                assert fault["detail"] and "pointer" in fault, doc
        page = s.nobody().get(doc["type"]).want(200)
        tap.equal(page.header("Content-Type"), "text/html; charset=utf-8")
        tap.contains(page.body.decode(), doc["title"])


def test_problem_pages(s):
    """The list leads to every page; what is none is 404"""
    text = s.nobody().get("/problems").want(200).body.decode()
    links = re.findall(r'href="(/problems/[a-z-]+)">', text)
    assert len(links) > 35 and len(set(links)) == len(links), links
    for link in links:
        page = s.nobody().get(link).want(200).body.decode()
        tap.contains(page, "<code>%s</code>" % link)
    for bad in ("/problems/none", "/problems/ok", "/problems/%3Cb%3E"):
        s.nobody().get(bad).problem(404)


def test_accept(s):
    """406 for what rules JSON out, and only on the API"""
    for accept, status in (
            ("application/json", 200), ("*/*", 200), ("", 200),
            ("application/*;q=0.2", 200), ("text/html,*/*;q=0.1", 200),
            ("application/problem+json", 200), ("text/html", 406),
            ("application/json;q=0", 406), ("image/png, text/*", 406)):
        for user, path in ((s.admin(), "/api/v1/nodes"),
                           (s.nobody(), "/api/v1/openapi.json")):
            r = user.get(path, headers={"Accept": accept})
            tap.equal(r.status, status, accept)
        for path in ("/", "/health"):
            s.nobody().get(path, headers={"Accept": accept}).want(200)
    s.admin().get("/api/v1/audit", headers={"Accept": "text/csv"}).want(200)


if __name__ == "__main__":
    mast.main(sys.modules[__name__])
