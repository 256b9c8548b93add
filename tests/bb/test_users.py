#!/usr/bin/python3
"""Users: what the members must be, who may do what to whom, what null and
absence mean, and what ends with a change."""
import concurrent.futures
import sys
import uuid

import mast
import tap

USERS = "/api/v1/users"
ME = "/api/v1/auth/me"
PASSWORD = "Passw0rd-x"
MEMBERS = sorted([
    "id", "username", "display_name", "email", "role", "is_temporary",
    "expires_at", "allowed_node_ids", "is_active", "last_login_at"])
PAST = "2020-01-01T00:00:00Z"
FUTURE = "2090-01-01T00:00:00Z"


def body(name, **more):
    return dict(dict(username=name, password=PASSWORD, display_name=name,
                     role="viewer", is_temporary=False), **more)


def add(s, name, by=None, **more):
    return (by or s.admin()).post(USERS, body(name, **more)).want(201).json


def boss(s, name="boss", role="admin", nodes=None):
    """A signed-in user of that role, made once."""
    if not s.sql("SELECT 1 FROM mast.users WHERE username = %s", name):
        s.user_add(name, role, nodes=nodes)
    return s.session_for(name)


def ended(c):
    return lambda: c.get(ME).status == 401


def pointers(r):
    return sorted(e["pointer"] for e in r.json["errors"])


def test_create(s):
    """What was sent is what is shown, and the user can sign in"""
    r = s.admin().post(USERS, body("made", email="m@example.org",
                                   is_temporary=True, expires_at=FUTURE,
                                   role="operator")).want(201)
    doc = r.json
    tap.equal(sorted(doc), MEMBERS)
    tap.equal(r.header("Location"), USERS + "/" + doc["id"])
    tap.equal([doc[k] for k in ("username", "email", "role", "is_temporary",
                                "allowed_node_ids", "is_active",
                                "last_login_at")],
              ["made", "m@example.org", "operator", True, None, True, None])
    tap.contains(doc["expires_at"], "2090-01-01T00:00:00")
    got = s.admin().get(USERS + "/" + doc["id"]).want(200)
    tap.equal(got.json, doc)
    tap.equal(got.header("ETag"), r.header("ETag"))
    tap.equal(s.session_for("made").user["id"], doc["id"])
    tap.equal(s.admin().get(USERS).want(200).json[0]["username"], "made",
              "newest first")


def test_fields(s):
    """Every member that breaks its rule is named"""
    admin = s.admin()
    tap.equal(pointers(admin.post(USERS, {}).problem(422)),
              ["/display_name", "/is_temporary", "/password", "/role",
               "/username"])
    cases = [("username", v) for v in
             ("", "-a", "a b", "ä", "x" * 65, 7)]
    cases += [("password", v) for v in
              ("", "Sh0rt", "alllower1", "ALLUPPER1", "NoDigits-x",
               "A1" + "x" * 127, 1)]
    cases += [("display_name", v) for v in ("", "x" * 129, "a\tb", " ")]
    cases += [("email", v) for v in
              ("", "x", "x@y", "@a.b", "a@b@c.d", "a@" + "x" * 250 + ".de")]
    cases += [("role", v) for v in ("", "root", "public", "Viewer", 1)]
    cases += [("is_temporary", v) for v in ("yes", 0)]
    cases += [("expires_at", v) for v in
              ("", "tomorrow", "2030-01-01", 5, PAST)]
    for member, value in cases:
        r = admin.post(USERS, body("faulty", **{member: value}))
        tap.equal(pointers(r.problem(422)), ["/" + member], repr(value))
    r = admin.post(USERS, body("faulty", allowed_node_ids=[
        str(uuid.uuid4()), "x"])).problem(422)
    tap.equal(pointers(r), ["/allowed_node_ids/1"])
    admin.post(USERS, body("faulty", allowed_node_ids="x")).problem(422)
    tap.equal(s.sql("SELECT 1 FROM mast.users WHERE username = 'faulty'"),
              [])


def test_update(s):
    """Absent keeps, null clears, the rest is as it was sent"""
    admin = s.admin()
    node = str(uuid.uuid4())
    doc = add(s, "moving", email="a@b.cd", expires_at=FUTURE,
              allowed_node_ids=[node, node])
    tap.equal(doc["allowed_node_ids"], [node])
    path = USERS + "/" + doc["id"]

    def put(**members):
        return admin.put(path, members).want(200).json
    tap.equal(put(), doc)
    tap.equal(put(username="other", unknown=1), doc, "no such members")
    tap.equal(put(display_name="Moved"), dict(doc, display_name="Moved"))
    doc = put(role="operator", is_temporary=True)
    tap.equal((doc["role"], doc["is_temporary"], doc["email"]),
              ("operator", True, "a@b.cd"))
    tap.equal(put(email=None), dict(doc, email=None))
    doc = put(expires_at=None)
    tap.equal((doc["expires_at"], doc["email"]), (None, None))
    two = sorted([node, str(uuid.uuid4())])
    tap.equal(put(allowed_node_ids=two)["allowed_node_ids"], two)
    tap.equal(put(allowed_node_ids=[two[1]])["allowed_node_ids"], [two[1]])
    tap.equal(put(allowed_node_ids=[])["allowed_node_ids"], [])
    tap.equal(put(allowed_node_ids=None)["allowed_node_ids"], None)
    tap.equal(s.one("SELECT count(*) FROM mast.user_nodes WHERE user_id = "
                    "%s", doc["id"]), 0)
    for member, value in (("password", "short"), ("role", "x"),
                          ("email", ""), ("display_name", ""),
                          ("is_active", "no")):
        r = admin.put(path, {member: value}).problem(422)
        tap.equal(pointers(r), ["/" + member])


def test_versions(s):
    """If-Match: a stale one changes and deletes nothing"""
    admin = s.admin()
    path = USERS + "/" + add(s, "tagged")["id"]
    old = admin.get(path).header("ETag")
    new = admin.put(path, {"display_name": "B"},
                    headers={"If-Match": old}).want(200).header("ETag")
    for tag in (old, '"v99"', "W/" + new, "nonsense"):
        admin.put(path, {"display_name": "C"},
                  headers={"If-Match": tag}).problem(412)
        admin.delete(path, headers={"If-Match": tag}).problem(412)
    tap.equal(admin.get(path).json["display_name"], "B")
    admin.delete(path, headers={"If-Match": new}).want(204)
    admin.get(path).problem(404)
    admin.put(path, {}).problem(404)
    admin.delete(path).problem(404)


def test_duplicate(s):
    """A name is taken once"""
    add(s, "twin")
    r = s.admin().post(USERS, body("twin")).problem(409, "duplicate")
    tap.equal(pointers(r), ["/username"])
    add(s, "Twin")


def test_roles(s):
    """Nobody makes, raises or edits above his own role"""
    admin = boss(s)
    root = add(s, "second-root", role="super_admin")["id"]
    peer = add(s, "peer", by=admin, role="admin")["id"]
    low = add(s, "low", by=admin)["id"]
    admin.post(USERS, body("too-high", role="super_admin")).problem(403)
    admin.put(USERS + "/" + low, {"role": "super_admin"}).problem(403)
    for change in ({}, {"display_name": "x"}, {"role": "viewer"},
                   {"password": PASSWORD}, {"is_active": False}):
        admin.put(USERS + "/" + root, change).problem(403)
    admin.delete(USERS + "/" + root).problem(403)
    tap.equal(s.one("SELECT role::text || is_active FROM mast.users WHERE "
                    "id = %s", root), "super_admintrue")
    admin.put(USERS + "/" + low, {"role": "admin"}).want(200)
    admin.put(USERS + "/" + peer, {"role": "viewer"}).want(200)
    admin.delete(USERS + "/" + peer).want(204)
    admin.get(USERS + "/" + root).want(200)
    s.admin().delete(USERS + "/" + root).want(204)


def test_low_roles(s):
    """Below admin one sees oneself and changes nothing"""
    for role in ("viewer", "operator"):
        c = boss(s, "low-" + role, role)
        mine = USERS + "/" + c.user["id"]
        other = USERS + "/" + s.admin().user["id"]
        tap.equal(c.get(mine).want(200).json["username"], "low-" + role)
        c.get(USERS).problem(403)
        c.get(other).problem(403)
        c.post(USERS, body("x")).problem(403)
        c.put(mine, {"role": "admin"}).problem(403)
        c.put(other, {}).problem(403)
        c.delete(other).problem(403)
    s.nobody().get(USERS).problem(401)
    c.post(USERS, body("x"), csrf=False).problem(403, "csrf")


def test_self(s):
    """Nobody edits or deletes himself by this path"""
    c = boss(s)
    mine = USERS + "/" + c.user["id"]
    c.put(mine, {"display_name": "x"}).problem(403)
    c.put(mine, {"role": "super_admin"}).problem(403)
    c.delete(mine).problem(400)
    tap.equal(c.get(mine).want(200).json["role"], "admin")


def test_nodes_ceiling(s):
    """One with a list of nodes neither gives nor edits beyond it"""
    mine, other = str(uuid.uuid4()), str(uuid.uuid4())
    c = boss(s, "local-admin", nodes=[mine])
    c.post(USERS, body("wide")).problem(403)
    c.post(USERS, body("wide", allowed_node_ids=None)).problem(403)
    c.post(USERS, body("wide", allowed_node_ids=[mine, other])).problem(403)
    low = add(s, "narrow", by=c, allowed_node_ids=[mine])
    path = USERS + "/" + low["id"]
    c.put(path, {"allowed_node_ids": None}).problem(403)
    c.put(path, {"allowed_node_ids": [other]}).problem(403)
    c.put(path, {"allowed_node_ids": []}).want(200)
    for name, nodes in (("sees-all", None), ("sees-other", [other])):
        above = USERS + "/" + add(s, name, allowed_node_ids=nodes)["id"]
        c.put(above, {"password": PASSWORD}).problem(403)
        c.delete(above).problem(403)
        s.admin().get(above).want(200)


def test_last_super_admin(s):
    """Two super_admins who demote each other at once: one of them stays"""
    add(s, "second", role="super_admin")
    second = s.session_for("second")
    first = s.admin().user["id"]
    hold = s.connect_db()
    hold.autocommit = False
    hold.cursor().execute("SELECT pg_advisory_xact_lock(hashtext("
                          "'mast.users super_admin'))")
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        jobs = [pool.submit(c.put, USERS + "/" + who, {"role": "admin"})
                for c, who in ((s.admin(), second.user["id"]),
                               (second, first))]
        mast.wait_until(lambda: s.one(
            "SELECT count(*) FROM pg_stat_activity WHERE usename = "
            "'_mast_apid' AND wait_event_type = 'Lock'") == 2, 10, "both")
        hold.rollback()
        answers = sorted((j.result() for j in jobs), key=lambda r: r.status)
    hold.close()
    answers[0].want(200)
    r = answers[1].problem(409, "conflict")
    tap.contains(r.json["error"], "last super_admin")
    left = s.sql("SELECT username FROM mast.users WHERE role = "
                 "'super_admin' AND is_active")
    tap.equal(len(left), 1)
    # The tests that follow want their administrator back.
    s.sql("UPDATE mast.users SET role = 'super_admin' WHERE id = %s", first)
    s.sql("DELETE FROM mast.users WHERE username = 'second'")
    mast.wait_until(lambda: s.admin().post(USERS, {}).status == 422, 5,
                    "the administrator")


def test_sessions_end(s):
    """A new password, disabling and an expiry that is past end sessions"""
    for i, change in enumerate(({"password": "N3w-password"},
                                {"is_active": False},
                                {"expires_at": PAST})):
        doc = add(s, "ender-%d" % i)
        c = s.session_for("ender-%d" % i)
        twin = s.session_for("ender-%d" % i)
        c.get(ME).want(200)
        s.admin().put(USERS + "/" + doc["id"], {
            "display_name": "harmless", "email": "a@b.cd"}).want(200)
        c.get(ME).want(200)
        s.admin().put(USERS + "/" + doc["id"], change).want(200)
        for one in (c, twin):
            mast.wait_until(ended(one), 3, repr(change))
        tap.equal(s.one("SELECT count(*) FROM mast.sessions WHERE user_id ="
                        " %s AND revoked_at IS NULL", doc["id"]), 0)
    s.session_for("ender-0", "N3w-password")
    s.admin().put(USERS + "/" + doc["id"], {"expires_at": None}).want(200)
    s.session_for("ender-2")


def test_delete(s):
    """One who has signed in and done things is deleted; the audit stays"""
    doc = add(s, "leaver", role="admin")
    c = s.session_for("leaver")
    c.node_add("made-by-leaver")
    s.admin().delete(USERS + "/" + doc["id"]).want(204)
    mast.wait_until(ended(c), 3, "the session")
    s.admin().get(USERS + "/" + doc["id"]).problem(404)
    tap.equal(s.sql("SELECT action FROM mast.audit WHERE actor_user = %s "
                    "ORDER BY id", doc["id"]),
              [("auth.login",), ("node.create",)])


def test_audit(s):
    """Every change has its row, with before and after and no secret"""
    doc = add(s, "noted", email="old@b.cd")
    path = USERS + "/" + doc["id"]
    s.admin().put(path, {"email": None, "password": "N3w-password"})
    s.admin().delete(path).want(204)
    rows = s.sql("SELECT action, actor_name, details, details::text FROM "
                 "mast.audit WHERE target_id = %s ORDER BY id", doc["id"])
    tap.equal([r[0] for r in rows],
              ["user.create", "user.update", "user.delete"])
    update = rows[1][2]
    tap.equal((update["before"]["email"], update["after"]["email"],
               update["password_changed"]), ("old@b.cd", None, True))
    for row in rows:
        tap.equal(row[1], s.admin().user["username"])
        for secret in ("N3w-password", PASSWORD, "argon2"):
            assert secret not in row[3], row
    for secret in ("N3w-password", PASSWORD):
        assert secret not in s.log("apid"), "a password in the log"


if __name__ == "__main__":
    mast.main(sys.modules[__name__])
