#!/usr/bin/python3
"""The administrative pages in a real browser: users, API tokens and one's
own account, every action against the real daemons, and what each role may."""
import base64
import hashlib
import hmac
import json
import struct
import sys
import time

import mast
import tap
import uikit
from uikit import EVIL, HOSTILE, row

PASSWORD = "Passw0rd-x"


def page(s):
    if not hasattr(s, "page"):
        s.page = uikit.Page(s)
        s.admin().put("/api/v1/settings", {"settings": {
            "max_login_attempts": 100}}).want(200)
        s.admin().node_add(HOSTILE)
        s.page.signin()
    return s.page


def as_user(s, name, role):
    """A page of its own for a user of that role."""
    if not s.sql("SELECT 1 FROM mast.users WHERE username = %s", name):
        s.user_add(name, role)
    p = uikit.Page(s)
    p.signin(name, PASSWORD)
    return p


def toasted(p, text):
    p.until(p.says(text, "#toasts"), "told: " + text)


def open_user(p, name):
    p.until(row(name), name)
    p.js(row(name) + ".querySelector('.link').click(); 0")
    p.until("document.querySelector('dialog[open] .facts')?.textContent"
            ".includes(%s)" % json.dumps(name), "the user's dialog")


def user(s, name):
    return [u for u in s.admin().get("/api/v1/users").json
            if u["username"] == name][0]


def one_time(secret):
    key = base64.b32decode(secret)
    mac = hmac.new(key, struct.pack(">Q", int(time.time()) // 30),
                   hashlib.sha1).digest()
    at = mac[-1] & 15
    return "%06d" % ((struct.unpack(">I", mac[at:at + 4])[0] & 0x7fffffff)
                     % 1000000)


def test_user_add(s):
    """A user is added with role and nodes; what is wrong is said there"""
    p = page(s)
    p.visit("/admin/users", p.heading("Users"))
    p.press("Add a user")
    p.dialog("Add a user")
    p.axe("the form of a user")
    p.fill("User name", "not a name")
    p.fill("Password", PASSWORD)
    p.fill("Display name", EVIL)
    p.choose("Role", "operator")
    p.choose("May see", "some")
    p.js("document.querySelector('dialog .results input').click(); 0")
    p.press("Add", "dialog")
    p.until("document.querySelector('dialog [name=username]').matches("
            "'[aria-invalid]') && document.activeElement.name === "
            "'username'", "the field is marked")
    p.quiet([r"^log: network .*422"])
    p.fill("User name", "oscar")
    p.press("Add", "dialog")
    p.closed()
    p.until(row("oscar"), "the new row")
    made = user(s, "oscar")
    tap.equal((made["role"], made["display_name"],
               len(made["allowed_node_ids"])), ("operator", EVIL, 1))
    p.harmless("the users")
    p.looks("users")
    p.quiet()


def test_user_edit(s):
    """Role, expiry and nodes are changed; a meanwhile changed user is not"""
    p = page(s)
    p.visit("/admin/users?q=oscar", p.says("1 of 2 users"))
    open_user(p, "oscar")
    p.axe("a user")
    p.shot("user-dialog")
    p.press("Change", "dialog")
    p.dialog("Change the user")
    p.choose("Role", "viewer")
    p.choose("May see", "")
    p.choose("May sign in until", "2090-01-01T00:00")
    s.admin().put("/api/v1/users/" + user(s, "oscar")["id"],
                  {"email": "o@example.org"}).want(200)
    p.press("Save", "dialog")
    p.until(p.says("Somebody changed it", "dialog"), "the conflict")
    p.quiet([r"^log: network .*412"])
    p.key("Escape", 27)
    p.closed()
    open_user(p, "oscar")
    p.press("Change", "dialog")
    p.dialog("Change the user")
    p.choose("Role", "viewer")
    p.choose("May see", "")
    p.choose("May sign in until", "2090-01-01T00:00")
    p.press("Save", "dialog")
    p.closed()
    p.until(row("oscar") + "?.innerText.includes('viewer')", "the new role")
    now = user(s, "oscar")
    tap.equal((now["role"], now["allowed_node_ids"], now["email"],
               now["expires_at"][:4]),
              ("viewer", None, "o@example.org", "2090"))
    p.quiet()


def test_user_password(s):
    """A new password ends sessions; disabled, nobody signs in; enabled again
    he does"""
    p = page(s)
    old = s.session_for("oscar")
    open_user(p, "oscar")
    p.press("Set a password", "dialog")
    p.dialog("New password")
    p.fill("Password", "Another-w0rd")
    p.press("Set password", "dialog")
    p.closed()
    mast.wait_until(lambda: old.get("/api/v1/auth/me").status == 401, 10,
                    "the session's end")
    sign = {"username": "oscar", "password": "Another-w0rd"}
    s.nobody().post("/api/v1/auth/login", sign).want(200)
    open_user(p, "oscar")
    p.press("Disable", "dialog")
    p.dialog("Disable the user")
    p.press("Disable", "dialog")
    toasted(p, "disabled")
    p.until(row("oscar") + "?.innerText.includes('Disabled')", "the state")
    s.nobody().post("/api/v1/auth/login", sign).want(401)
    open_user(p, "oscar")
    p.press("Enable", "dialog")
    toasted(p, "enabled")
    p.until(row("oscar") + "?.innerText.includes('Active')", "the state")
    s.nobody().post("/api/v1/auth/login", sign).want(200)
    p.quiet()


def test_user_sessions(s):
    """His sessions are shown and ended, one or all; his second factor is
    reset"""
    p = page(s)
    one = s.signin("oscar", "Another-w0rd")
    open_user(p, "oscar")
    p.js("document.querySelector('dialog .plain-list button').click(); 0")
    toasted(p, "The session was ended")
    p.key("Escape", 27)
    p.closed()
    open_user(p, "oscar")
    p.press("API tokens", "dialog")
    p.until(p.says("Everybody makes his own tokens"), "his tokens")
    p.visit("/admin/users?q=oscar", row("oscar"))
    for name, done in (("End all sessions", "They were ended"),
                       ("Reset second factor", "It was reset")):
        open_user(p, "oscar")
        p.press(name, "dialog")
        p.dialog(name.split()[0])
        p.press("End them" if "End" in name else "Reset", "dialog")
        toasted(p, done)
        p.closed()
    mast.wait_until(lambda: one.get("/api/v1/auth/me").status == 401, 10,
                    "the session's end")
    p.quiet()


def test_user_delete(s):
    """Deleting asks for the name"""
    p = page(s)
    open_user(p, "oscar")
    p.press("Delete", "dialog")
    p.dialog("Delete the user")
    assert p.js("document.querySelector('dialog .danger').disabled")
    p.type("oscar")
    p.key("Enter", 13, "\r")
    p.closed()
    p.until("!" + row("oscar"), "the row gone")
    tap.equal([u for u in s.admin().get("/api/v1/users").json
               if u["username"] == "oscar"], [])
    p.press("Users", ".side")
    open_user(p, s.info["admin"]["username"])
    p.until(p.says("This is you", "dialog"), "no deeds on oneself")
    p.key("Escape", 27)
    p.closed()
    p.quiet()


def test_tokens(s):
    """A token is made with its scope, shown once, used, and ended"""
    p = page(s)
    p.visit("/admin/tokens", p.heading("API tokens"))
    p.press("Make a token")
    p.dialog("Make an API token")
    p.axe("the form of a token")
    p.fill("Name", HOSTILE)
    p.choose("Role at most", "operator")
    p.press("Make", "dialog")
    p.until(p.says("shown only now", "dialog"), "the token")
    token = p.js("document.querySelector('dialog code').textContent")
    assert token.startswith("mst_") and len(token) == 68, token
    p.axe("the token")
    c = mast.Session(s, bearer=True)
    c.token = token
    c.get("/api/v1/nodes").want(200)
    c.post("/api/v1/nodes", {"name": "x"}).want(403)
    p.press("Done", "dialog")
    p.closed()
    p.until(row(HOSTILE) + "?.innerText.includes('operator')", "its row")
    assert token not in p.js("document.documentElement.outerHTML")
    p.harmless("the tokens")
    p.looks("tokens")
    p.press("End: " + HOSTILE)
    p.dialog("End the token")
    p.type(HOSTILE)
    p.key("Enter", 13, "\r")
    p.closed()
    p.until(p.says("There is no API token"), "none left")
    mast.wait_until(lambda: c.get("/api/v1/nodes").status == 401, 10,
                    "the token's end")
    p.quiet()


def test_roles(s):
    """A viewer has his account and tokens, and is told about the rest; an
    admin does not touch a super admin"""
    p = as_user(s, "vera", "viewer")
    try:
        p.until("document.querySelector('.side')", "the navigation")
        tap.equal(p.js("document.querySelectorAll('.side a[href=\"/admin/"
                       "users\"]').length"), 0)
        p.visit("/admin/users", p.says("needs the role admin"))
        p.visit("/admin/tokens", p.heading("API tokens"))
        p.press("Make a token")
        p.dialog("Make an API token")
        tap.equal(p.js("[...document.querySelectorAll('dialog [name=max_role]"
                       " option')].map((o) => o.value)"), ["viewer"])
        p.key("Escape", 27)
        p.closed()
        p.quiet()
    finally:
        p.close()
    p = as_user(s, "adam", "admin")
    try:
        p.visit("/admin/users", row("vera"))
        open_user(p, s.info["admin"]["username"])
        p.until(p.says("needs the role super admin", "dialog"), "why not")
        tap.equal(p.js("document.querySelectorAll('dialog .danger').length"),
                  0)
        p.quiet()
    finally:
        p.close()


def test_account(s):
    """Profile, password and sessions of one's own"""
    p = as_user(s, "nina", "operator")
    try:
        p.visit("/account", p.heading("My account"))
        p.looks("account")
        p.fill("Display name", HOSTILE, "main")
        p.press("Save", "main")
        toasted(p, "profile was saved")
        p.until("document.getElementById('who-name').textContent === %s" %
                json.dumps(HOSTILE), "the new name in the bar")
        p.harmless("the account")
        other = s.session_for("nina")
        p.fill("Current password", "wrong", "main")
        p.fill("New password", "Another-w0rd", "main")
        p.press("Change password", "main")
        p.until("document.querySelector('main [aria-invalid]')?.name === "
                "'current_password'", "the wrong password is marked")
        p.quiet([r"^log: network .*4\d\d"])
        p.fill("Current password", PASSWORD, "main")
        p.press("Change password", "main")
        toasted(p, "password was changed")
        mast.wait_until(lambda: other.get("/api/v1/auth/me").status == 401,
                        10, "the other session's end")
        other = s.signin("nina", "Another-w0rd")
        p.press("End all others", "main")
        p.dialog("End all other sessions")
        p.press("End them", "dialog")
        toasted(p, "They were ended")
        mast.wait_until(lambda: other.get("/api/v1/auth/me").status == 401,
                        10, "the other session's end")
        tap.equal(p.js("document.querySelectorAll('main .plain-list li')"
                       ".length"), 1)
        p.quiet()
        s.nina = p
    except BaseException:
        p.close()
        raise


def test_second_factor(s):
    """A second factor is turned on with a code, its recovery codes are shown
    once, and it is given up again"""
    p = s.nina
    try:
        p.press("Turn on", "main")
        p.dialog("Second factor")
        p.fill("Current password", "Another-w0rd")
        p.press("Continue", "dialog")
        p.until("document.querySelector('dialog code')", "the secret")
        # What a phone's camera sees: its corner, dark on light.
        tap.equal(p.js("getComputedStyle(document.querySelector("
                       "'dialog .qr')).backgroundColor"), "rgb(255, 255, 255)")
        tap.contains(p.js("document.querySelector('dialog .qr path')"
                          ".getAttribute('d')"), "M0 0h1v1h-1z")
        secret = p.js("document.querySelector('dialog code').textContent")
        p.axe("the enrolment")
        p.shot("enrolment")
        p.fill("Code", "000000")
        p.press("Turn on", "dialog")
        p.until("document.querySelector('dialog [aria-invalid], dialog "
                ".fault')", "the wrong code is refused")
        p.quiet([r"^log: network .*4\d\d"])
        p.fill("Code", one_time(secret))
        p.press("Turn on", "dialog")
        p.dialog("Recovery codes")
        codes = p.js("document.querySelector('dialog code').textContent") \
            .split("\n")
        assert len(codes) >= 8, codes
        p.press("Done", "dialog")
        p.until(p.says("recovery codes left"), "on")
        p.press("Turn off", "main")
        p.dialog("Give up the second factor")
        p.fill("Current password", "Another-w0rd")
        p.fill("Code", codes[0])
        p.press("Turn off", "dialog")
        p.until(p.says("learnt is not enough"), "off")
        p.quiet()
    finally:
        p.close()


def test_close(s):
    """The browser ends"""
    page(s).close()


if __name__ == "__main__":
    mast.main(sys.modules[__name__])
