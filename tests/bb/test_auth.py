#!/usr/bin/python3
"""Signing in and out: shapes, limits, equal refusals, CSRF, Bearer, and how
a session ends."""
import concurrent.futures
import json
import re
import signal
import sys
import time

import mast
import tap
import ws

LOGIN = "/api/v1/auth/login"
ME = "/api/v1/auth/me"
MEMBERS = ["csrf_token", "error", "success", "user"]
PASSWORD = "Passw0rd-x"


class Source:
    """Addresses of 127/8 that no limit has seen yet."""

    def __init__(self):
        self.n = 0

    def __call__(self):
        self.n += 1
        return "127.%d.%d.%d" % (40 + self.n // 62500, self.n // 250 % 250,
                                 1 + self.n % 250)


source = Source()


def login(s, name, password, address=None, **more):
    c = mast.Session(s, source=address or source())
    return c.post(LOGIN, dict(username=name, password=password, **more))


def cookies(r):
    return [v for k, v in r.headers if k.lower() == "set-cookie"]


def user(s, name, role="viewer"):
    """Made once per installation, signed in anew."""
    if not s.sql("SELECT 1 FROM mast.users WHERE username = %s", name):
        s.user_add(name, role, PASSWORD)
    c = mast.Session(s, source=source())
    c.signin(name, PASSWORD).want(200)
    return c


def test_success(s):
    """The contract's object and its two cookies, attribute by attribute"""
    user(s, "shape")
    r = login(s, "shape", PASSWORD, ignored=[1, {"a": None}]).want(200)
    doc = r.json
    tap.equal(sorted(doc), MEMBERS)
    tap.equal((doc["success"], doc["error"]), (True, None))
    tap.equal(sorted(doc["user"]), sorted([
        "id", "username", "display_name", "email", "role", "is_temporary",
        "expires_at", "allowed_node_ids", "is_active", "last_login_at"]))
    tap.equal(bool(re.fullmatch("[0-9a-f]{32}", doc["csrf_token"])), True)
    first, second = cookies(r)
    tap.equal(bool(re.fullmatch(
        "session=[0-9a-f]{64}; HttpOnly; Secure; SameSite=Lax; Path=/; "
        "Max-Age=86400", first)), True, first)
    tap.equal(second, "csrf_token=%s; Secure; SameSite=Lax; Path=/; "
              "Max-Age=86400" % doc["csrf_token"])
    # The time of the sign-in before this one.
    again = login(s, "shape", PASSWORD).want(200).json["user"]
    if not again["last_login_at"] > doc["user"]["last_login_at"]:
        raise AssertionError("last_login_at does not move")


def test_me(s):
    """Who am I, by cookie and by Bearer"""
    for bearer in (False, True):
        c = user(s, "myself", "operator")
        c.bearer = bearer
        doc = c.get(ME).want(200).json
        tap.equal(doc["user"]["username"], "myself")
        tap.equal(doc["csrf_token"], c.csrf)
        tap.equal(sorted(doc["session"]), ["expires_at", "id"])
    s.nobody().get(ME).problem(401)


def test_refusals_are_equal(s):
    """Unknown, wrong, disabled, expired: one text, one status, one time"""
    for name in ("right", "disabled", "expired"):
        user(s, name)
    s.sql("UPDATE mast.users SET is_active = false "
          "WHERE username = 'disabled'")
    s.sql("UPDATE mast.users SET expires_at = now() - interval '1 hour' "
          "WHERE username = 'expired'")
    cases = [("right", "wrong-Password1"), ("nobody-at-all", PASSWORD),
             ("disabled", PASSWORD), ("expired", PASSWORD),
             ("", ""), ("Right", PASSWORD), ("right", PASSWORD + " ")]
    seen = set()
    times = {}
    for _ in range(5):
        for name, password in cases:
            began = time.monotonic()
            r = login(s, name, password).problem(401)
            times.setdefault(name, []).append(time.monotonic() - began)
            doc = r.json
            tap.equal([doc[k] for k in ("success", "csrf_token", "user")],
                      [False, None, None])
            tap.equal(cookies(r), [])
            doc.pop("request_id")
            seen.add(json.dumps(doc, sort_keys=True))
    tap.equal(len(seen), 1, "different answers")
    # The least of each: what else the machine does only adds to it.
    least = {n: min(t) for n, t in times.items()}
    low, high = min(least.values()), max(least.values())
    if high > 3 * low + 0.01:
        raise AssertionError("times differ: %r" % least)


def test_oversized(s):
    """Too long is 400 before anything is counted or looked up"""
    address = source()
    for _ in range(12):
        for name, password in (("a" * 65, "x"), ("a", "x" * 129)):
            r = login(s, name, password, address).problem(400)
            for member in MEMBERS:
                if member not in r.json:
                    raise AssertionError("no %s" % member)
    tap.equal(login(s, "a" * 64, "x" * 128, address).status, 401)


def test_address_limit(s):
    """Five attempts a minute and address, good ones too"""
    user(s, "limited-one")
    address = source()
    for left in (4, 3, 2, 1, 0):
        r = login(s, "limited-one", PASSWORD, address).want(200)
        tap.equal((r.header("RateLimit-Policy"), r.header("RateLimit")),
                  ('"signin";q=5;w=60', '"signin";r=%d;t=60' % left))
    r = login(s, "limited-one", PASSWORD, address).problem(429)
    wait = int(r.header("Retry-After"))
    if not 1 <= wait <= 60:
        raise AssertionError("Retry-After %d" % wait)
    tap.equal([r.json[k] for k in ("success", "csrf_token", "user")],
              [False, None, None])
    # A header that anybody can send is no way around it.
    c = mast.Session(s, source=address)
    c.post(LOGIN, {"username": "limited-one", "password": PASSWORD},
           headers={"X-Forwarded-For": "192.0.2.9"}).problem(429)
    login(s, "limited-one", PASSWORD).want(200)


def test_limit_setting(s):
    """max_login_attempts acts within a second or so"""
    user(s, "limited-two")
    s.sql("UPDATE mast.settings SET value = 2 "
          "WHERE key = 'max_login_attempts'")
    try:
        def two():
            return login(s, "limited-two", PASSWORD).header(
                "RateLimit-Policy") == '"signin";q=2;w=60'
        mast.wait_until(two, 10, "the setting", step=0.3)
        address = source()
        codes = [login(s, "limited-two", PASSWORD, address).status
                 for _ in range(3)]
        tap.equal(codes, [200, 200, 429])
    finally:
        s.sql("UPDATE mast.settings SET value = 5 "
              "WHERE key = 'max_login_attempts'")


def test_account_limit(s):
    """Guessing one account from many addresses is stopped, unnoticeably"""
    user(s, "guessed")
    for _ in range(20):
        login(s, "guessed", "wrong-Password1").problem(401)
    r = login(s, "guessed", PASSWORD).problem(401)
    tap.equal(r.json["error"], "invalid username or password")
    user(s, "not-guessed")


def test_csrf(s):
    """Unsafe methods need the session's own token, Bearer too"""
    other = user(s, "csrf-other", "admin")
    for bearer in (False, True):
        c = user(s, "csrf", "admin")
        c.bearer = bearer
        node = {"name": "csrf"}
        c.post("/api/v1/nodes", node, csrf=False).problem(403)
        for bad in ("", "x", "0" * 32, other.csrf, c.csrf.upper(),
                    c.csrf + "0"):
            if bad == c.csrf:
                continue
            c.post("/api/v1/nodes", node, csrf=False,
                   headers={"X-CSRF-Token": bad}).problem(403)
        c.get("/api/v1/nodes", csrf=False).want(200)
        c.post("/api/v1/nodes", node).want(201)
    # Signing in needs none, whatever comes with it.
    login(s, "csrf", PASSWORD).want(200)


def test_order(s):
    """401 before 403 CSRF before the body before the role"""
    viewer = user(s, "order", "viewer")
    raw = dict(raw=b"{", headers={"Content-Type": "application/json"})
    s.nobody().request("POST", "/api/v1/nodes", **raw).problem(401)
    viewer.request("POST", "/api/v1/nodes", csrf=False, **raw).problem(
        403, "csrf")
    viewer.request("POST", "/api/v1/nodes", **raw).problem(400)
    viewer.post("/api/v1/nodes", {}).problem(422)
    viewer.request("POST", "/api/v1/nodes", raw=b"{}").problem(415)
    viewer.post("/api/v1/nodes", {"name": "x"}).problem(403)


def test_bearer_wins(s):
    """A stale cookie does not shadow a valid Bearer, nor the reverse"""
    c = user(s, "bearer")
    stale = {"Cookie": "session=" + "0" * 64}
    good = {"Authorization": "Bearer " + c.token}
    s.nobody().get(ME, headers=dict(stale, **good)).want(200)
    s.nobody().get(ME, headers={
        "Cookie": "session=" + c.token,
        "Authorization": "Bearer " + "0" * 64}).problem(401)
    for bad in ("bearer " + c.token, "Bearer  " + c.token,
                "Bearer " + c.token.upper(), "Bearer " + c.token + "0",
                "Bearer", "Basic " + c.token, c.token):
        s.nobody().get(ME, headers={"Authorization": bad}).problem(401)
    r = s.nobody().get(ME).problem(401)
    tap.contains(r.header("WWW-Authenticate"), "Bearer")


def test_logout(s):
    """After signing out the token is nobody's, in any form"""
    c = user(s, "leaver")
    twin = user(s, "leaver")
    c.post("/api/v1/auth/logout", csrf=False).problem(403)
    r = c.post("/api/v1/auth/logout").want(200)
    tap.equal(r.json, {"success": True})
    tap.equal(cookies(r), [
        "session=; HttpOnly; Secure; SameSite=Lax; Path=/; Max-Age=0",
        "csrf_token=; Secure; SameSite=Lax; Path=/; Max-Age=0"])
    c.get(ME).problem(401)
    c.bearer = True
    c.get(ME).problem(401)
    c.post("/api/v1/auth/logout").problem(401)
    twin.get(ME).want(200)


def gone(c):
    return lambda: c.get(ME).status == 401


def test_sessions_end(s):
    """Expiry, revocation, disabling and deleting act within a second or so"""
    ends = [
        "UPDATE mast.sessions SET expires_at = now() WHERE token_hash = "
        "(SELECT token_hash FROM mast.sessions s JOIN mast.users u ON "
        "u.id = s.user_id WHERE u.username = %s ORDER BY s.created_at "
        "DESC LIMIT 1)",
        "UPDATE mast.sessions SET revoked_at = now() WHERE user_id = "
        "(SELECT id FROM mast.users WHERE username = %s)",
        "UPDATE mast.users SET is_active = false WHERE username = %s",
        "UPDATE mast.users SET expires_at = now() WHERE username = %s",
        "DELETE FROM mast.users WHERE username = %s",
    ]
    for i, text in enumerate(ends):
        c = user(s, "ender-%d" % i)
        c.get(ME).want(200)
        c.get(ME).want(200)
        s.sql(text, "ender-%d" % i)
        mast.wait_until(gone(c), 3, text)


def test_role_moves(s):
    """A demotion acts on the next request, not at the next sign-in"""
    c = user(s, "demoted", "admin")
    c.post("/api/v1/nodes", {"name": "before"}).want(201)
    s.sql("UPDATE mast.users SET role = 'viewer' "
          "WHERE username = 'demoted'")
    mast.wait_until(lambda: c.post("/api/v1/nodes", {
        "name": "after"}).status == 403, 3, "the demotion")


def test_sockets_end(s):
    """A dashboard socket ends with its session"""
    c = user(s, "watcher")
    sock = c.dashboard()
    s.sql("UPDATE mast.sessions SET revoked_at = now() WHERE user_id = "
          "(SELECT id FROM mast.users WHERE username = 'watcher')")
    end = time.monotonic() + 10 * mast.PATIENCE
    try:
        while time.monotonic() < end:
            sock.recv(10)
        raise AssertionError("the socket lives on")
    except ws.Closed as why:
        tap.equal(why.code, 1008)


def test_socket_origin(s):
    """A page of another site opens no socket with our cookie"""
    c = user(s, "origin")
    for origin, status in (("https://evil.example", 403), ("null", 403),
                           ("http://127.0.0.1:%d" % s.port, None)):
        try:
            c.dashboard(headers=[("Origin", origin)]).close()
            tap.equal(None, status, origin)
        except ws.Refused as why:
            tap.equal(why.status, status, origin)
    try:
        s.nobody().dashboard()
        raise AssertionError("let in without a session")
    except ws.Refused as why:
        tap.equal(why.status, 401)
        tap.contains(why.body.decode(), "/problems/")


def test_guessing(s):
    """An address that tries unknown sessions is told to wait"""
    c = mast.Session(s, source=source())
    codes = set()
    for i in range(70):
        codes.add(c.get(ME, headers={
            "Authorization": "Bearer %064x" % i}).status)
    tap.equal(codes, {401, 429})


def test_crowd(s):
    """Many sign-ins at once: some wait, some are told to, nothing hangs"""
    user(s, "crowd")
    with concurrent.futures.ThreadPoolExecutor(80) as pool:
        jobs = [pool.submit(login, s, "crowd", PASSWORD, source())
                for _ in range(80)]
        began = time.monotonic()
        live = s.nobody().get("/livez", timeout=5).want(200)
        if time.monotonic() - began > 1 * mast.PATIENCE:
            raise AssertionError("the loop was held up")
        tap.equal(live.status, 200)
        answers = [j.result() for j in jobs]
    codes = {r.status for r in answers}
    if not codes <= {200, 503} or 200 not in codes:
        raise AssertionError("answers %r" % codes)
    for r in answers:
        if r.status == 503:
            r.problem(503)
            tap.equal(bool(r.header("Retry-After")), True)


def test_audit(s):
    """Every sign-in, refusal and sign-out has its row; no secret in any"""
    c = user(s, "audited")
    login(s, "audited", "wrong-Password1", "127.0.77.1").problem(401)
    login(s, "no-such-person", "x", "127.0.77.2").problem(401)
    c.post("/api/v1/auth/logout").want(200)
    rows = s.sql("SELECT action, actor_name, host(address), "
                 "details->>'why' FROM mast.audit WHERE actor_name IN "
                 "('audited', 'no-such-person') ORDER BY id")
    tap.equal([r[0] for r in rows][-4:], [
        "auth.login", "auth.login_failed", "auth.login_failed",
        "auth.logout"])
    tap.equal(rows[-3][1:], ("audited", "127.0.77.1", "password"))
    tap.equal(rows[-2][1:], ("no-such-person", "127.0.77.2", "unknown"))
    if s.sql("SELECT 1 FROM mast.sessions WHERE encode(token_hash, 'hex') "
             "= %s OR token_hash = convert_to(%s, 'UTF8')", c.token,
             c.token):
        raise AssertionError("the token itself is stored")
    for secret in (c.token, c.csrf, PASSWORD):
        if secret in s.log("apid"):
            raise AssertionError("a secret is in the log")


def test_database_away(s):
    """Without PostgreSQL nobody is let in, and it says so at once"""
    if not hasattr(s, "kill_postgres"):
        raise tap.Skip("no PostgreSQL of our own")
    c = user(s, "outage")
    c.get(ME).want(200)
    s.kill_postgres(signal.SIGQUIT)     # at once, and no stale lock file
    try:
        mast.wait_until(lambda: c.get(ME).status == 503, 10, "503")
        r = c.get(ME).problem(503)
        tap.equal(bool(r.header("Retry-After")), True)
        began = time.monotonic()
        login(s, "outage", PASSWORD).problem(503)
        if time.monotonic() - began > 2 * mast.PATIENCE:
            raise AssertionError("a sign-in waited for the database")
        doc = s.nobody().get("/readyz").problem(503).json
        tap.equal(doc["checks"]["database"]["ok"], False)
        s.nobody().get("/livez").want(200)
        s.nobody().get("/health").want(200)
    finally:
        s.start_postgres()
    mast.wait_until(lambda: c.get(ME).status == 200, 15, "back again")


if __name__ == "__main__":
    mast.main(sys.modules[__name__])
