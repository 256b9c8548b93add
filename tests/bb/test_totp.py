#!/usr/bin/python3
"""The second factor: enrolled, confirmed, asked for after the right password
only, good once, given up, reset, and never in a log or in clear."""
import base64
import concurrent.futures
import hashlib
import hmac
import re
import struct
import sys
import time

import mast
import tap

LOGIN = "/api/v1/auth/login"
ME = "/api/v1/auth/me"
TOTP = "/api/v1/auth/totp"
USERS = "/api/v1/users"
PASSWORD = "Passw0rd-x"


def code(secret, step=None):
    """The code of a step, now's if not said: an implementation of its own"""
    step = now() if step is None else step
    mac = hmac.new(base64.b32decode(secret), struct.pack(">q", step),
                   hashlib.sha1).digest()
    at = mac[19] & 15
    n = struct.unpack(">I", mac[at:at + 4])[0] & 0x7fffffff
    return "%06d" % (n % 1000000)


def now():
    return int(time.time()) // 30


def wrong(secret):
    good = {code(secret, now() + d) for d in range(-3, 4)}
    return next(c for c in ("%06d" % n for n in range(20)) if c not in good)


class Holder:
    """A user with a second factor, and the codes that were used."""

    def __init__(self, s, name, role="operator"):
        self.s, self.name = s, name
        s.user_add(name, role)
        self.session = s.session_for(name)
        doc = self.fresh().post(TOTP, {"password": PASSWORD}).want(200).json
        self.secret = doc["secret"]
        self.uri = doc["otpauth_uri"]
        self.codes = self.fresh().post(TOTP + "/confirm", {
            "code": code(self.secret)}).want(200).json["recovery_codes"]
        self.id = self.session.user["id"]
        # The step is left for the first sign-in. To confirm with the one
        # before would be too late when the present one ends just now.
        self.unlock()

    def fresh(self):
        """The session, from an address that no limit has seen"""
        self.s.addresses += 1
        self.session.source = "127.9.%d.%d" % (
            self.s.addresses // 250, 1 + self.s.addresses % 250)
        return self.session

    def login(self, totp=None, password=PASSWORD, **more):
        self.s.addresses += 1
        c = mast.Session(self.s, source="127.9.%d.%d" % (
            self.s.addresses // 250, 1 + self.s.addresses % 250))
        body = dict(username=self.name, password=password, **more)
        if totp is not None:
            body["totp"] = totp
        return c.post(LOGIN, body)

    def unlock(self):
        """Steps that were used are forgotten: time is not waited for"""
        self.s.sql("UPDATE mast.users SET totp_last_step = 0 "
                   "WHERE id = %s", self.id)


def test_enrol(s):
    """Nothing holds before a code confirms it; the secret is sealed"""
    s.user_add("enroller", "viewer")
    c = s.session_for("enroller")
    tap.equal(c.get(TOTP).want(200).json,
              {"enabled": False, "recovery_codes_left": 0})
    r = c.post(TOTP, {"password": "Wrong-passw0rd"}).problem(422)
    tap.equal(r.json["errors"][0]["pointer"], "/password")
    c.post(TOTP, {}).problem(422)
    c.post(TOTP + "/confirm", {"code": "123456"}).problem(409)
    doc = c.post(TOTP, {"password": PASSWORD}).want(200).json
    secret = doc["secret"]
    assert re.fullmatch("[A-Z2-7]{32}", secret), secret
    tap.equal(doc["otpauth_uri"], "otpauth://totp/Mastkeeper:enroller?"
              "secret=%s&issuer=Mastkeeper&algorithm=SHA1&digits=6&period=30"
              % secret)
    tap.equal({len(row) for row in doc["qr"]}, {len(doc["qr"])}, "a square")
    tap.equal(doc["qr"][0][:8], "11111110", "a QR code's corner")
    raw = base64.b32decode(secret)
    stored = bytes(s.one("SELECT totp_pending FROM mast.users WHERE "
                         "username = 'enroller'"))
    assert raw not in stored and secret.encode() not in stored
    s.session_for("enroller")           # no code is asked for yet
    c.source = "127.9.99.1"
    r = c.post(TOTP + "/confirm", {"code": wrong(secret)}).problem(422)
    tap.equal(r.json["errors"][0]["pointer"], "/code")
    again = c.post(TOTP, {"password": PASSWORD}).want(200).json["secret"]
    assert again != secret
    c.post(TOTP + "/confirm", {"code": code(secret)}).problem(422)
    codes = c.post(TOTP + "/confirm", {"code": code(again)}).want(
        200).json["recovery_codes"]
    tap.equal(len(set(codes)), 10)
    for text in codes:
        assert re.fullmatch("([a-z2-7]{4}-){3}[a-z2-7]{4}", text), text
    tap.equal(c.get(TOTP).want(200).json,
              {"enabled": True, "recovery_codes_left": 10})
    c.source = "127.9.99.2"
    c.post(TOTP, {"password": PASSWORD}).problem(409)
    c.post(TOTP + "/confirm", {"code": code(again)}).problem(409)


def test_signin(s):
    """A code is asked for after the right password, and is good once"""
    h = Holder(s, "holder")
    for password, totp in (("Wrong-passw0rd", None),
                           ("Wrong-passw0rd", code(h.secret))):
        r = h.login(totp, password).problem(401, "bad-credentials")
        tap.equal(r.json["error"], "invalid username or password")
    r = h.login().problem(401, "totp-required")
    tap.equal([r.json[k] for k in ("success", "csrf_token", "user")],
              [False, None, None])
    assert r.header("Set-Cookie") is None
    h.login(wrong(h.secret)).problem(401, "totp-required")
    typist = Holder(s, "typist")        # four: five would lock the account
    for bad in ("", "1234567", "abcdef", "x" * 64):
        typist.login(bad).problem(401, "totp-required")
    step = now()
    h.login(code(h.secret, step)).want(200)
    h.login(code(h.secret, step)).problem(401, "totp-required")
    h.login(code(h.secret, step - 1)).problem(401, "totp-required")
    h.unlock()
    h.login(code(h.secret, now() + 1)).want(200)
    h.unlock()
    h.login(code(h.secret, now() - 3)).problem(401, "totp-required")
    tap.equal(h.login("x" * 65).status, 400)


def test_race(s):
    """Two sign-ins with one code at once: one of them is let in"""
    h = Holder(s, "racer")
    for totp in (code(h.secret), h.codes[0]):
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            jobs = [pool.submit(h.login, totp) for _ in range(4)]
        tap.equal(sorted(j.result().status for j in jobs),
                  [200, 401, 401, 401])


def test_recovery(s):
    """A recovery code opens once, in whatever form it is typed"""
    h = Holder(s, "forgetful")
    first, second = h.codes[:2]
    h.login(first).want(200)
    h.login(first).problem(401, "totp-required")
    h.login(second.upper().replace("-", " ")).want(200)
    tap.equal(h.session.get(TOTP).json["recovery_codes_left"], 8)
    h.login("aaaa-aaaa-aaaa-aaaa").problem(401, "totp-required")
    other = Holder(s, "other-holder")
    other.login(h.codes[2]).problem(401, "totp-required")
    stored = s.sql("SELECT code_hash FROM mast.recovery_codes")
    for (raw,) in stored:
        assert h.codes[3].replace("-", "").encode() not in bytes(raw)


def test_lock(s):
    """Guessing codes locks the account; the answer tells nothing more"""
    h = Holder(s, "guessed")
    bad = wrong(h.secret)
    for _ in range(5):
        h.login(bad).problem(401, "totp-required")
    r = h.login(code(h.secret)).problem(401, "bad-credentials")
    tap.equal(r.json["error"], "invalid username or password")


def test_disable(s):
    """Given up with password and code, by the code of an app or a recovery
    code; a sign-in needs none then"""
    h = Holder(s, "quitter")
    off = TOTP + "/disable"
    h.fresh().post(off, {"password": PASSWORD}).problem(422)
    h.fresh().post(off, {"password": "Wrong-passw0rd",
                         "code": code(h.secret)}).problem(422)
    h.fresh().post(off, {"password": PASSWORD,
                         "code": wrong(h.secret)}).problem(422)
    h.fresh().post(off, {"password": PASSWORD,
                         "code": "aaaa-aaaa-aaaa-aaaa"}).problem(422)
    tap.equal(h.session.get(TOTP).json["enabled"], True)
    h.fresh().post(off, {"password": PASSWORD,
                         "code": code(h.secret)}).want(204)
    h.login().want(200)
    tap.equal(h.session.get(TOTP).json,
              {"enabled": False, "recovery_codes_left": 0})
    h.fresh().post(off, {"password": PASSWORD, "code": "1"}).problem(409)
    again = Holder(s, "quitter-two")
    again.fresh().post(off, {"password": PASSWORD,
                             "code": again.codes[0]}).want(204)


def test_reset(s):
    """An administrator resets that of somebody not above him"""
    h = Holder(s, "locked-out")
    s.user_add("resetter", "admin")
    c = s.session_for("resetter")
    path = USERS + "/%s/totp"
    h.session.delete(path % h.id).problem(403)
    c.delete(path % s.admin().user["id"]).problem(403)
    c.delete(path % c.user["id"]).problem(403)
    c.delete(path % "0d0e4c5c-b28e-42a4-901c-8acf6a440a08").problem(404)
    c.delete(path % h.id).want(204)
    h.login().want(200)
    tap.equal(s.one("SELECT count(*) FROM mast.recovery_codes WHERE "
                    "user_id = %s", h.id), 0)
    c.delete(path % h.id).want(204)


def test_password_does_not_help(s):
    """A new password by an administrator leaves the second factor"""
    h = Holder(s, "kept-factor")
    s.admin().put(USERS + "/" + h.id,
                  {"password": "N3w-password"}).want(200)
    h.login(password="N3w-password").problem(401, "totp-required")
    h.login(code(h.secret), password="N3w-password").want(200)


def test_tokens(s):
    """An API token has no say in second factors"""
    h = Holder(s, "programmer")
    token = h.session.post("/api/v1/tokens", {
        "name": "t", "max_role": "operator"}).want(201).json["token"]
    p = mast.Session(s, bearer=True)
    p.token = token
    p.get(TOTP).want(200)
    p.post(TOTP, {"password": PASSWORD}).problem(403)
    p.post(TOTP + "/confirm", {"code": "1"}).problem(403)
    p.post(TOTP + "/disable", {"password": PASSWORD,
                               "code": code(h.secret)}).problem(403)


def test_second_fence(s):
    """PostgreSQL itself opens no session without the second factor"""
    h = Holder(s, "fenced")
    q = s.connect_db().cursor()
    q.execute("SET ROLE _mast_apid")
    q.execute("SELECT * FROM mast.session_open(%s, gen_random_uuid(), "
              "'\\x99', NULL, NULL, NULL)", (h.id,))
    tap.equal(q.fetchall(), [])


def test_audit(s):
    """Each step has its row; neither secret nor code is in any, nor a log"""
    h = Holder(s, "noted")
    used = code(h.secret)
    h.login().problem(401)
    h.login(used).want(200)
    h.login(h.codes[0]).want(200)
    h.fresh().post(TOTP + "/disable", {"password": PASSWORD,
                                       "code": h.codes[1]}).want(204)
    rows = s.sql("SELECT action, details, a::text FROM mast.audit a WHERE "
                 "actor_name = 'noted' ORDER BY id")
    tap.equal([(r[0], (r[1] or {}).get("factor") or
                (r[1] or {}).get("why")) for r in rows], [
        ("auth.login", None), ("totp.enrol", None), ("totp.enable", None),
        ("auth.login_failed", "no code"), ("auth.login", "totp"),
        ("auth.login", "recovery"), ("totp.disable", None)])
    text = s.log("apid") + "".join(r[2] for r in rows)
    for secret in [h.secret, h.codes[0], h.codes[1],
                   h.codes[0].replace("-", "")]:
        assert secret not in text, "a secret is in a log"


if __name__ == "__main__":
    mast.main(sys.modules[__name__])
