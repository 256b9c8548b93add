#!/usr/bin/python3
"""The end of mastctl setup: the daemons serve before it says that it is
done, and the first administrator chooses the password by a link that is good
once, for an hour, and whose secret is nowhere but in what was printed."""
import json
import os
import re
import subprocess
import sys
import threading

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import mast
import tap
import uikit
from mast import PATIENCE

PATH = "/api/v1/auth/setup"
PASSWORD = "Chosen-by-l1nk"


def superuser(s):
    return ("--superuser-conninfo", "host=%s/pg user=postgres" % s.state)


def run(s, *args, conf=None, more=None):
    """setup with --json: exit code, document, what it said."""
    r = subprocess.run(
        [s.program("mastctl"), "-f", conf or s.conf, "--json", "setup",
         *superuser(s), *args], capture_output=True, text=True,
        stdin=subprocess.DEVNULL, timeout=120 * PATIENCE)
    return r.returncode, json.loads(r.stdout), r.stderr


def link(s):
    """A new link for the suite's administrator, as if the first had ended
    before anybody used it: what setup tells of it, and its secret."""
    s.sql("UPDATE mast.users SET link_hash = sha256('ended'), link_until = "
          "now() - interval '1 second' WHERE username = 'admin'")
    code, doc, _ = run(s)
    tap.equal(code, 0)
    door, secret = doc["admin"]["link"].split("#")
    tap.equal(re.fullmatch("[0-9a-f]{64}", secret) is not None, True, secret)
    return doc, door, secret


def away(s, n):
    """From an address of its own: attempts are counted by it."""
    return mast.Session(s, source="127.40.0.%d" % n)


def signed(s, n, password):
    return away(s, n).post("/api/v1/auth/login", {
        "username": "admin", "password": password}).status


def mend(s):
    """The password that the harness knows."""
    s.ctl("user", "passwd", "admin", stdin=s.info["admin"]["password"] + "\n")


def row(s):
    return s.sql("SELECT link_hash, link_until FROM mast.users "
                 "WHERE username = 'admin'")[0]


def fresh(s, name):
    return s.fresh_conf(name, "[ctl]\nsql_dir = %s/sql\n" % mast.SRC)


def test_nothing_runs(s):
    """Without a service manager setup says what to start; the link is there
    and is kept by the next run"""
    conf = fresh(s, "norun")
    code, doc, _ = run(s, conf=conf)
    tap.equal(code, 0)
    said = [x for x in doc["steps"] if x["step"] == "daemons"][0]
    tap.equal(said["state"], "ok")
    for word in ("mastkeeper-apid", "hubd", "aid", "-f " + conf):
        tap.contains(said["detail"], word)
    tap.equal(doc["admin"]["username"], "admin")
    tap.equal("password" in doc["admin"], False, "a password")
    door, secret = doc["admin"]["link"].split("#")
    tap.equal(door, "https://%s:8443/setup" % os.uname().nodename)
    code, doc, _ = run(s, conf=conf)
    tap.equal((code, doc["admin"]), (0, None))
    tap.equal([x for x in doc["steps"] if x["state"] == "made"], [])
    said = [x for x in doc["steps"] if x["step"] == "administrator"][0]
    tap.contains(said["detail"], "admin; the link of before is good until")
    text = subprocess.run(
        [s.program("mastctl"), "-f", conf, "setup", *superuser(s)],
        capture_output=True, text=True, check=True).stdout
    tap.equal(secret in text, False, "the secret again")


def test_options(s):
    """What cannot be is refused before anything is done"""
    for args in (("--wait", "0"), ("--wait", "3601"), ("--wait", "x"),
                 ("--generate", "--password-stdin"), ("--admin", "-x")):
        s.ctl("setup", *args, want=64)


def test_generate(s):
    """--generate prints a password, once, and there is no link"""
    conf = fresh(s, "generate")
    code, doc, _ = run(s, "--generate", "--admin", "root1", conf=conf)
    tap.equal(code, 0)
    tap.equal(sorted(doc["admin"]), ["password", "username"])
    tap.equal(doc["admin"]["username"], "root1")
    tap.equal(run(s, "--generate", conf=conf)[1]["admin"], None)
    tap.equal(run(s, conf=conf)[1]["admin"], None)


def test_waits(s):
    """setup is not done before requests are served, and gives up with a
    sentence"""
    with s.without_database():
        code, doc, err = run(s, "--wait", "1")
        tap.equal(code, 69)
        tap.contains(err, "the daemons do not serve after 1 s (")
        tap.contains(err, "then run mastctl setup again")
        tap.equal(doc["exit"], 69)
        got = []
        waiting = threading.Thread(
            target=lambda: got.append(run(s, "--wait", "600")))
        waiting.start()
        waiting.join(2)
        tap.equal(waiting.is_alive(), True, "it waits")
    waiting.join(60 * PATIENCE)
    tap.equal(waiting.is_alive(), False, "it still waits")
    code, doc, err = got[0]
    tap.equal(code, 0, err)
    said = [x for x in doc["steps"] if x["step"] == "daemons"][0]
    tap.equal((said["state"], said["detail"]), ("made", "ready"))
    s.wait_ready()


def test_link(s):
    """The password by the link, once; what is wrong with it is refused, and
    both are in the audit"""
    last = s.one("SELECT max(id) FROM mast.audit")
    doc, door, secret = link(s)
    tap.equal(door, "http://%s:%d/setup" % (os.uname().nodename, s.port))
    r = away(s, 1).post(PATH, {"secret": "0" * 64, "password": PASSWORD})
    r.problem(401)
    for bad in ("", "x", secret[:-1], secret.upper(), secret + "0"):
        if bad != secret:
            r = away(s, 2).post(PATH, {"secret": bad, "password": PASSWORD})
            tap.equal([e["pointer"] for e in r.problem(422).json["errors"]],
                      ["/secret"])
    r = away(s, 3).post(PATH, {"secret": secret, "password": "weak"})
    tap.equal([e["pointer"] for e in r.problem(422).json["errors"]],
              ["/password"])
    r = away(s, 3).post(PATH, {"secret": secret, "password": PASSWORD})
    tap.equal(r.want(200).json, {"username": "admin"})
    away(s, 4).post(PATH, {"secret": secret, "password": PASSWORD}
                    ).problem(401)
    tap.equal(row(s), (None, None))
    tap.equal(signed(s, 5, PASSWORD), 200)
    tap.equal(signed(s, 5, s.info["admin"]["password"]), 401)
    tap.equal(run(s)[1]["admin"], None, "another link")
    rows = s.sql("SELECT action, details->>'by', host(address) FROM "
                 "mast.audit WHERE id > %s AND (action ~ 'link' OR "
                 "details->>'by' = 'link') ORDER BY id", last)
    tap.equal(rows, [("user.link", None, None),
                     ("auth.link_refused", None, "127.40.0.1"),
                     ("user.password", "link", "127.40.0.3"),
                     ("auth.link_refused", None, "127.40.0.4")])
    mend(s)
    for name in mast.DAEMONS + ("postgres",):
        tap.equal(secret in s.log(name), False, "the secret in a log")
    tap.equal(s.one("SELECT count(*) FROM mast.audit a WHERE a::text ~ %s",
                    secret), 0, "the secret in the audit")


def test_ends(s):
    """It ends with its time, and with a password that is set otherwise"""
    _, _, secret = link(s)
    s.sql("UPDATE mast.users SET link_until = now() WHERE username = 'admin'")
    body = {"secret": secret, "password": PASSWORD}
    away(s, 10).post(PATH, body).problem(401)
    _, _, secret = link(s)
    body["secret"] = secret
    mend(s)
    tap.equal(row(s), (None, None))
    away(s, 11).post(PATH, body).problem(401)
    tap.equal(signed(s, 12, s.info["admin"]["password"]), 200)


def test_twice_at_once(s):
    """Of many who use it at once one succeeds"""
    _, _, secret = link(s)
    got = []

    def use(n):
        got.append(away(s, 20 + n).post(PATH, {
            "secret": secret, "password": "%s-%d" % (PASSWORD, n)}).status)
    all_ = [threading.Thread(target=use, args=(n,)) for n in range(8)]
    for t in all_:
        t.start()
    for t in all_:
        t.join()
    tap.equal(sorted(got), [200] + 7 * [401])
    mend(s)


def test_limit(s):
    """Attempts of an address are counted, as those of a sign-in"""
    who = away(s, 40)
    body = {"secret": "0" * 64, "password": PASSWORD}
    for _ in range(5):
        who.post(PATH, body).problem(401)
    r = who.post(PATH, body).problem(429)
    tap.equal(int(r.header("Retry-After")) > 0, True)
    who.post("/api/v1/auth/login", {"username": "admin", "password": "x"}
             ).want(429)


def test_page(s):
    """The page of the link: the secret leaves the address, two that differ
    and a weak one are told, and then one signs in"""
    _, _, secret = link(s)
    r = s.nobody().get("/setup").want(200)
    tap.contains(r.header("Content-Security-Policy"), "script-src 'self'")
    p = uikit.Page(s)
    p.goto("/setup")
    p.until(p.says("the secret behind the #"), "what is missing")
    tap.equal(p.js("document.getElementById('form').hidden"), True)
    p.goto("/login")                    # "#" alone loads nothing anew
    p.goto("/setup#" + secret)
    p.until("document.activeElement.id === 'password'", "the form")
    tap.equal(p.js("location.hash + location.search"), "", "the address")
    p.looks("setup")
    p.type(PASSWORD)
    p.key("Tab", 9)
    p.type("something else")
    p.key("Enter", 13, "\r")
    p.until(p.says("not the same"), "that they differ")
    for word in ("no-upper-1", PASSWORD):
        for field in ("password", "again"):
            p.js("document.getElementById('%s').select(); "
                 "document.getElementById('%s').focus(); 0" % (field, field))
            p.type(word)
        p.key("Enter", 13, "\r")
        if word != PASSWORD:
            p.until(p.says("must hold an upper-case"), "that it is weak")
    p.until(p.says("The password of admin is set"), "that it is done")
    p.quiet([r"network .*422"])
    p.press("Sign in")
    p.signin(password=PASSWORD)
    p.signout()
    p.goto("/setup#" + secret)
    p.until("document.activeElement.id === 'password'", "the form")
    for field in ("password", "again"):
        p.js("document.getElementById('%s').focus(); 0" % field)
        p.type(PASSWORD)
    p.key("Enter", 13, "\r")
    p.until(p.says("was used or has ended"), "that it is used")
    p.quiet([r"network .*401"])
    p.b.close()
    mend(s)


if __name__ == "__main__":
    mast.main(sys.modules[__name__])
