#!/usr/bin/python3
"""One's own account: profile, password, sessions; the sessions of others;
and the plain form to sign in with."""
import signal
import sys
import urllib.parse
import uuid

import mast
import tap

ME = "/api/v1/auth/me"
PASS = "/api/v1/auth/password"
SESSIONS = "/api/v1/auth/sessions"
FORM = "/api/v1/auth/login-form"
USERS = "/api/v1/users"
PASSWORD = "Passw0rd-x"
NEW = "N3w-password"


def person(s, name, role="viewer", password=PASSWORD):
    if not s.sql("SELECT 1 FROM mast.users WHERE username = %s", name):
        s.user_add(name, role)
    return s.session_for(name, password)


def ended(c):
    return lambda: c.get(ME).status == 401


def pointers(r):
    return sorted(e["pointer"] for e in r.json["errors"])


def test_profile(s):
    """Name and address are one's own; the rest is not to be had here"""
    c = person(s, "profile")
    doc = c.put(ME, {"display_name": "Ü Name", "email": "a@b.cd",
                     "role": "super_admin", "allowed_node_ids": [],
                     "is_active": False}).want(200).json
    tap.equal(doc, dict(c.user, display_name="Ü Name", email="a@b.cd",
                        last_login_at=doc["last_login_at"]))
    tap.equal(c.put(ME, {}).want(200).json, doc)
    tap.equal(c.put(ME, {"email": None}).want(200).json,
              dict(doc, email=None))
    tap.equal(c.get(ME).json["user"]["email"], None)
    for member, value in (("email", "x"), ("display_name", ""),
                          ("display_name", "a\nb")):
        tap.equal(pointers(c.put(ME, {member: value}).problem(422)),
                  ["/" + member])
    path = USERS + "/" + c.user["id"]
    tag = c.get(path).header("ETag")
    c.put(ME, {"email": "n@b.cd"}, headers={"If-Match": tag}).want(200)
    c.put(ME, {"email": "o@b.cd"}, headers={"If-Match": tag}).problem(412)
    tap.equal(c.get(path).json["email"], "n@b.cd")
    c.put(ME, {}, csrf=False).problem(403, "csrf")
    s.nobody().put(ME, {}).problem(401)
    limited = str(uuid.uuid4())
    s.user_add("profile-list", "viewer", nodes=[limited])
    c = s.session_for("profile-list")
    tap.equal(c.put(ME, {"email": "a@b.cd"}).want(200).json[
        "allowed_node_ids"], [limited])


def test_password(s):
    """The present one is needed; the other sessions end, this one stays"""
    c = person(s, "changer")
    twin = person(s, "changer")
    tap.equal(pointers(c.post(PASS, {}).problem(422)),
              ["/current_password", "/password"])
    r = c.post(PASS, {"current_password": PASSWORD, "password": "weak"})
    tap.equal(pointers(r.problem(422)), ["/password"])
    r = c.post(PASS, {"current_password": NEW, "password": NEW})
    tap.equal(pointers(r.problem(422)), ["/current_password"])
    twin.get(ME).want(200)
    c.post(PASS, {"current_password": PASSWORD, "password": NEW}).want(204)
    mast.wait_until(ended(twin), 3, "the other session")
    c.get(ME).want(200)
    person(s, "changer", password=NEW)
    tap.equal(mast.Session(s, source="127.8.0.1").signin(
        "changer", PASSWORD).status, 401)
    rows = s.sql("SELECT action FROM mast.audit WHERE actor_name = 'changer'"
                 " AND action <> 'auth.login' ORDER BY id")
    tap.equal(rows, [("auth.proof_failed",), ("user.password",),
                     ("auth.login_failed",)])
    for secret in (PASSWORD, NEW):
        assert secret not in s.log("apid")


def test_password_limits(s):
    """Guessing the present password is limited and locked like a sign-in"""
    c = person(s, "prober")
    body = {"current_password": "Wrong-passw0rd", "password": NEW}
    c.source = "127.8.1.1"
    for _ in range(5):
        c.post(PASS, body).problem(422)
    r = c.post(PASS, body).problem(429)
    assert 1 <= int(r.header("Retry-After")) <= 60
    for i in range(15):
        c.source = "127.8.1.%d" % (10 + i)
        c.post(PASS, body).problem(422)
    c.source = "127.8.1.100"
    c.post(PASS, dict(body, current_password=PASSWORD)).problem(429)
    tap.equal(mast.Session(s, source="127.8.1.101").signin(
        "prober", PASSWORD).status, 401, "the same lock")


def test_sessions(s):
    """One sees one's own, which is the present one, and ends them"""
    c, two, three = (person(s, "traveller") for _ in range(3))
    stranger = person(s, "stranger")
    rows = c.get(SESSIONS, headers={"User-Agent": "x"}).want(200).json
    tap.equal(len(rows), 3)
    tap.equal(sorted(rows[0]), ["address", "created_at", "current",
                                "expires_at", "id", "user_agent"])
    tap.equal([r["current"] for r in rows], [False, False, True])
    tap.equal(rows[2]["id"], c.get(ME).json["session"]["id"])
    tap.equal(rows[2]["address"], c.source)
    second = two.get(ME).json["session"]["id"]
    stranger.delete(SESSIONS + "/" + second).problem(404)
    c.delete(SESSIONS + "/" + second).want(204)
    mast.wait_until(ended(two), 3, "the second")
    c.delete(SESSIONS + "/" + second).problem(404)
    c.delete(SESSIONS + "/x").problem(404)
    tap.equal(c.delete(SESSIONS).want(200).json, {"ended": 1})
    mast.wait_until(ended(three), 3, "the third")
    tap.equal(c.delete(SESSIONS).want(200).json, {"ended": 0})
    c.get(ME).want(200)
    stranger.get(ME).want(200)
    c.delete(SESSIONS + "/" + rows[2]["id"]).want(204)
    mast.wait_until(ended(c), 3, "the present one")


def test_sessions_of_others(s):
    """An administrator ends those of users not above him"""
    c, twin = person(s, "watched"), person(s, "watched")
    admin = person(s, "warden", "admin")
    path = USERS + "/%s/sessions"
    mine = path % c.user["id"]
    c.get(mine).problem(403)
    c.delete(mine).problem(403)
    rows = admin.get(mine).want(200).json
    tap.equal([r["current"] for r in rows], [False, False])
    admin.delete(mine + "/" + rows[0]["id"]).want(204)
    admin.delete(mine + "/" + rows[0]["id"]).problem(404)
    mast.wait_until(ended(twin), 3, "one")
    tap.equal(admin.delete(mine).want(200).json, {"ended": 1})
    mast.wait_until(ended(c), 3, "all")
    tap.equal(admin.get(mine).want(200).json, [])
    root = path % s.admin().user["id"]
    admin.delete(root).problem(403)
    admin.get(path % uuid.uuid4()).problem(404)
    admin.delete(path % uuid.uuid4()).problem(404)
    s.admin().get(ME).want(200)
    tap.equal(s.sql("SELECT actor_name, details FROM mast.audit WHERE "
                    "action = 'session.end' AND target_id = %s ORDER BY id",
                    c.user["id"]),
              [("warden", {"sessions": 1}), ("warden", {"sessions": 1})])


def form(s, source, raw=None, kind="application/x-www-form-urlencoded",
         **members):
    c = mast.Session(s, source=source)
    raw = raw or urllib.parse.urlencode(members).encode()
    r = c.request("POST", FORM, raw=raw, headers={"Content-Type": kind})
    return r.want(303)


def test_form(s):
    """Always a redirect; the cookies of a good one are a session's"""
    person(s, "former")
    r = form(s, "127.8.2.1", username="former", password=PASSWORD)
    tap.equal(r.header("Location"), "/dashboard")
    cookies = [v for k, v in r.headers if k.lower() == "set-cookie"]
    tap.equal([v.split("=")[0] for v in cookies], ["session", "csrf_token"])
    c = mast.Session(s)
    c.token = cookies[0].split(";")[0].split("=")[1]
    tap.equal(c.get(ME).want(200).json["user"]["username"], "former")
    invalid = "/login?error=invalid"
    good = b"username=former&password=Passw0rd-x"
    for i, kw in enumerate((
            dict(username="former", password="Wrong-passw0rd"),
            dict(username="nobody", password=PASSWORD),
            dict(username="x" * 65, password=PASSWORD),
            dict(username="former", password="x" * 129),
            dict(username="former"), dict(password=PASSWORD),
            dict(raw=b"%zz"), dict(raw=b"username=%00&password=x"),
            dict(raw=good + b"&username=former"),
            dict(raw=good, kind="application/json"),
            dict(raw=b'{"username":"former"}', kind="text/plain"))):
        r = form(s, "127.8.2.%d" % (10 + i), **kw)
        tap.equal(r.header("Location"), invalid, repr(kw))
        assert r.header("Set-Cookie") is None
    tap.equal(form(s, "127.8.2.50", raw=good.replace(b"d-x", b"d%2Dx"),
                   kind="application/x-www-form-urlencoded; charset=utf-8"
                   ).header("Location"), "/dashboard")
    tap.equal(s.sql("SELECT action, host(address) FROM mast.audit WHERE "
                    "actor_name = 'former' AND host(address) LIKE '127.8.2.%%'"
                    " ORDER BY id"),
              [("auth.login", "127.8.2.1"),
               ("auth.login_failed", "127.8.2.10"),
               ("auth.login", "127.8.2.50")])


def test_form_limit(s):
    """It shares the limit of the other way to sign in"""
    person(s, "former")
    for _ in range(5):
        mast.Session(s, source="127.8.3.1").signin("former", PASSWORD)
    r = form(s, "127.8.3.1", username="former", password=PASSWORD)
    tap.equal(r.header("Location"), "/login?error=rate_limited")
    assert r.header("Set-Cookie") is None


def test_form_database_away(s):
    """Without PostgreSQL it says that it is not the user's fault"""
    if not hasattr(s, "kill_postgres"):
        raise tap.Skip("no PostgreSQL of our own")
    person(s, "former")
    s.kill_postgres(signal.SIGQUIT)
    try:
        mast.wait_until(lambda: s.nobody().get("/readyz").status == 503, 10,
                        "503")
        r = form(s, "127.8.4.1", username="former", password=PASSWORD)
        tap.equal(r.header("Location"), "/login?error=internal")
    finally:
        s.start_postgres()
        s.wait_ready()
    r = form(s, "127.8.4.2", username="former", password=PASSWORD)
    tap.equal(r.header("Location"), "/dashboard")


if __name__ == "__main__":
    mast.main(sys.modules[__name__])
