#!/usr/bin/python3
"""A new key pair for aid: users' keys stay good, at whatever point the
change is killed; the old pair is gone behind it."""
import ctypes
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from types import SimpleNamespace

import psycopg2

import aikit
import mast
import tap
from aikit import Chan, conf_for, fakeai
from test_ai import API, DIR, FAKE, PROVIDERS, settings

MANY = 250              # beside those of the providers: more than two pieces
STOP = 130              # rows that are sealed anew when it is killed


def path(s, name=""):
    return os.path.join(s.state, "lib", name)


def secret(s, name="aid.key"):
    with open(path(s, name), "rb") as f:
        return f.read()


def opened(key, sealed):
    """What crypto_box_seal_open makes of it, or None."""
    out = ctypes.create_string_buffer(max(len(sealed) - 48, 1))
    pub = aikit.public_half(key)
    return None if aikit.sodium.crypto_box_seal_open(
        out, bytes(sealed), ctypes.c_ulonglong(len(sealed)), pub, key) \
        else out.raw


class World:
    def __init__(self, s):
        s.user_add("ai-admin", "admin")
        self.c = s.session_for("ai-admin")
        for p in PROVIDERS:
            self.c.post(API + "/keys", {
                "provider": p, "api_key": fakeai.KEYS[p],
                "model_preference": "m-1"}).want(200)
        self.first = secret(s)
        pub = aikit.public_half(self.first)
        self.words = {}
        for i in range(MANY):
            self.words["p%03d" % i] = b"key number %d" % i
        for name, word in self.words.items():
            s.sql("INSERT INTO mast.provider_keys (id, user_id, provider, "
                  "sealed, sealed_for, hint) SELECT gen_random_uuid(), id, "
                  "%s, %s, %s, '' FROM mast.users WHERE username = "
                  "'ai-admin'", name, aikit.seal(pub, word), pub)
        for p in PROVIDERS:
            self.words[p] = fakeai.KEYS[p].encode()

    def back(self):
        """apid has found aid again after a restart."""
        mast.wait_until(lambda: self.c.post(API + "/keys/test", {
            "provider": "openai"}).json["success"], 20, "aid is back")

    def good(self):
        """Every provider's key works, by apid and by mastctl."""
        for p in PROVIDERS:
            doc = self.c.post(API + "/keys/test", {"provider": p}).want(
                200).json
            tap.equal(doc["success"], True, "%s: %s" % (p, doc))


def world(s):
    if not hasattr(s, "world"):
        s.world = None
        s.world = World(s)
    assert s.world is not None, "the first test did not get its world"
    return s.world


def rows(s):
    return s.sql("SELECT provider, sealed, sealed_for FROM "
                 "mast.provider_keys ORDER BY id")


def count(s, pub):
    return s.one("SELECT count(*) FROM mast.provider_keys WHERE sealed_for "
                 "= %s", psycopg2.Binary(pub))


class Run:
    """mastctl key rotate aid, in the background."""

    def __init__(self, s, *args, conf=None):
        self.p = subprocess.Popen(
            [s.program("mastctl"), "-f", conf or s.conf, "--json", "key",
             "rotate"] + list(args) + ["aid"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True)

    def asks(self, restart):
        """It wants aid restarted: what a service manager would do."""
        line = self.p.stderr.readline()
        tap.contains(line, "restart mastkeeper-aid")
        restart("aid")

    def ends(self, code=0):
        out, err = self.p.communicate(timeout=60 * mast.PATIENCE)
        tap.equal(self.p.returncode, code, out + err)
        return json.loads(out) if out else None

    def kill(self):
        self.p.send_signal(signal.SIGKILL)
        self.p.communicate()


def test_needs_aid(s):
    """Without aid nothing is begun"""
    w = world(s)
    s.kill("aid")
    s.ctl("key", "rotate", "aid", want=3)
    tap.equal(sorted(n for n in os.listdir(path(s)) if "aid" in n),
              ["aid.key"])
    tap.equal(secret(s), w.first)
    s.start("aid")
    w.back()


def test_killed_early(s):
    """Killed while the files change: the old pair is in its place, or both
    are there"""
    w = world(s)
    # What is left by one that was killed before the new pair had its name.
    with open(path(s, "aid.key.new"), "wb") as f:
        f.write(b"half")
    os.link(path(s, "aid.key"), path(s, "aid.key.old"))
    s.restart("aid")
    w.back()
    tap.contains(s.ctl("doctor", want=None), "mastctl key rotate aid")
    r = Run(s)
    tap.contains(r.p.stderr.readline(), "restart mastkeeper-aid")
    tap.equal(secret(s, "aid.key.old"), w.first)
    assert secret(s) != w.first and not os.path.exists(
        path(s, "aid.key.new"))
    tap.equal(os.stat(path(s, "aid.key")).st_mode & 0o777, 0o400)
    r.kill()
    w.good()                    # aid still runs with the old pair only
    s.restart("aid")
    w.back()
    w.good()                    # and now with both
    tap.equal(count(s, aikit.public_half(w.first)), MANY + 3)


def test_killed_between_rows(s):
    """Killed in the middle: some rows are sealed to the new pair, some to
    the old; all work, also when aid is started anew"""
    w = world(s)
    new = aikit.public_half(secret(s))
    one = s.one("SELECT id FROM mast.provider_keys ORDER BY id OFFSET %s "
                "LIMIT 1", STOP)
    db = s.connect_db()
    db.autocommit = False
    with db.cursor() as c:
        c.execute("SELECT FROM mast.provider_keys WHERE id = %s FOR UPDATE",
                  (one,))
        r = Run(s)
        mast.wait_until(lambda: count(s, new) == STOP, 60, "it waits there")
        r.kill()
    db.rollback()
    db.close()
    mast.wait_until(lambda: s.one(
        "SELECT count(*) FROM pg_stat_activity WHERE application_name = "
        "'mastctl'") == 0, 20, "its session is gone")
    done = count(s, new)
    assert STOP <= done <= STOP + 1, done   # the one that it waited for
    s.restart("aid")
    w.back()
    w.good()
    keys = {bytes(aikit.public_half(k)): k for k in
            (w.first, secret(s))}
    for provider, sealed, sealed_for in rows(s):
        tap.equal(opened(keys[bytes(sealed_for)], sealed),
                  w.words[provider], provider)


def test_goes_on(s):
    """Run again it goes on to the end: every row opens with the new pair
    alone, the old one is gone, and each is in the audit"""
    w = world(s)
    user = s.one("SELECT id FROM mast.users WHERE username = 'ai-admin'")
    old = aikit.public_half(w.first)
    s.sql("INSERT INTO mast.provider_keys (id, user_id, provider, sealed, "
          "sealed_for, hint) VALUES (gen_random_uuid(), %s, 'broken', %s, "
          "%s, '')", user, os.urandom(80), old)
    before = count(s, old)
    doc = Run(s).ends()
    new = secret(s)
    tap.equal((doc["key"], doc["public"], doc["resealed"], doc["lost"]),
              ("aid", aikit.public_half(new).hex(), before - 1, 1))
    for provider, sealed, sealed_for in rows(s):
        if provider != "broken":
            tap.equal(bytes(sealed_for), aikit.public_half(new))
            tap.equal(opened(new, sealed), w.words[provider], provider)
            tap.equal(opened(w.first, sealed), None)
    tap.equal(sorted(n for n in os.listdir(path(s)) if "aid" in n),
              ["aid.key"])
    w.good()                    # without a restart
    tap.equal(s.one("SELECT count(DISTINCT target_id) FROM mast.audit WHERE "
                    "action = 'ai.key.reseal'"), MANY + 3)
    tap.equal(s.one("SELECT count(*) FROM mast.audit WHERE action = "
                    "'ai.key.reseal'"), MANY + 3, "each once")
    tap.equal([r[0]["public"] for r in s.sql(
        "SELECT details FROM mast.audit WHERE action = 'key.rotate' AND "
        "target_id = 'aid'")], [aikit.public_half(new).hex()])
    # aid has forgotten the old pair, not only its file.
    s.sql("UPDATE mast.provider_keys SET sealed = %s WHERE provider = "
          "'broken'", aikit.seal(old, fakeai.KEYS["openai"].encode()))
    s.sql("UPDATE mast.provider_keys SET provider = 'compatible' WHERE "
          "provider = 'broken'")
    bad = s.one("SELECT id FROM mast.provider_keys WHERE provider = "
                "'compatible'")
    doc = s.ctl("ai", "key", "test", bad, want=5, json_out=True)
    tap.equal(doc["error"], "key_not_readable")


def test_retired(s):
    """What was sealed to the old pair while it changed is not stored"""
    w = world(s)
    old = aikit.public_half(w.first)
    db = s.connect_db()
    with db.cursor() as c:
        c.execute("SET SESSION AUTHORIZATION _mast_apid")
        try:
            c.execute("INSERT INTO mast.provider_keys (id, user_id, "
                      "provider, sealed, sealed_for, hint) VALUES "
                      "(gen_random_uuid(), gen_random_uuid(), 'p', %s, %s, "
                      "'')", (os.urandom(80), old))
            raise AssertionError("it was stored")
        except psycopg2.Error as e:
            tap.contains(str(e) + str(e.diag.constraint_name),
                         "provider_keys_retired")
    db.close()


def test_again(s):
    """A whole change without a fault; a key that is set meanwhile too"""
    w = world(s)
    was = secret(s)
    r = Run(s)
    r.asks(s.restart)
    doc = r.ends()
    tap.equal((doc["resealed"], doc["lost"]), (MANY + 3, 1))
    assert secret(s) != was
    w.back()
    for p in PROVIDERS:
        w.c.post(API + "/keys", {"provider": p,
                                 "api_key": fakeai.KEYS[p]}).want(200)
    w.good()
    s.restart("aid")
    w.back()
    w.good()
    for d in mast.DAEMONS:
        for key in fakeai.KEYS.values():
            assert key not in s.log(d)


class Host:
    """One of several hosts: its folder, its aid, mastctl on it."""

    def __init__(self, s, folder, run, conf, restart):
        self.s, self.folder, self.conf = s, folder, conf
        self.restart = restart
        self.door = SimpleNamespace(run=run, pub=None)

    def step(self, asks=True):
        r = Run(self.s, "--step", conf=self.conf)
        if asks:
            r.asks(self.restart)
        return r.ends()

    def pairs(self):
        with open(self.folder + "/aid.key", "rb") as f:
            return sorted(n for n in os.listdir(self.folder)
                          if n.startswith("aid.key")), f.read()

    def opens_all(self):
        c = Chan(self.door, door="aid.ctl")
        for provider, sealed, _ in rows(self.s):
            if provider in PROVIDERS:
                got = c.test(provider, sealed=bytes(sealed))
                tap.equal((got["finish"], got["error"]), ("ok", "none"),
                          provider)
        c.close()


def two_hosts(s):
    other = aikit.Aid(conf_for(FAKE))
    other.write("aid.key", secret(s), 0o400)
    conf = other.dir + "/ctl.conf"
    with open(conf, "w") as f:
        f.write("[suite]\nstate_dir = %s\nrun_dir = %s\ndatabase = %s\n" % (
            other.dir, other.run, s.conninfo))

    def restart(_):
        tap.equal(other.stop(), 0)
        other.start()
    other.start()
    return other, (Host(s, path(s, ""), s.run_dir, s.conf, s.restart),
                   Host(s, other.dir, other.run, conf, restart))


def test_several_hosts(s):
    """Hosts change it step by step: at each moment each opens all that is
    stored, and nobody is told to type a key again"""
    w = world(s)
    other, (a, b) = two_hosts(s)
    was, seen, over = secret(s), set(), threading.Event()

    def look():
        c = s.session_for("ai-admin")
        while not over.wait(0.05):
            seen.update((k["provider"] == "compatible", k["needs_reentry"])
                        for k in c.get(API + "/keys").want(200).json)

    def put():
        """Keys that come in between are sealed to what is given out."""
        w.back()
        for p in PROVIDERS:
            w.c.post(API + "/keys", {"provider": p, "api_key":
                                     fakeai.KEYS[p]}).want(200)
        a.opens_all()
        b.opens_all()
    t = threading.Thread(target=look)
    t.start()
    try:
        doc = a.step()
        tap.equal((doc["step"], doc["resealed"]), ("accepted", 0))
        tap.contains(doc["next"], "aid.key.new")
        new = bytes.fromhex(doc["public"])
        put()
        shutil.copy2(path(s, "aid.key.new"), other.dir)
        tap.equal(b.step()["public"], doc["public"], "the same pair")
        tap.contains(s.ctl("doctor", want=None), "aid.key.new is there")
        tap.equal(secret(s), was, "not used yet")
        put()
        for host in (a, b):
            tap.equal(host.step()["step"], "used")
            put()
        doc = a.step(asks=False)
        tap.equal((doc["step"], doc["resealed"], doc["lost"], doc["next"]),
                  ("done", MANY, 1, None))
        a.opens_all()
        b.opens_all()
        tap.equal(b.step(asks=False)["resealed"], 0)
        put()
        mast.wait_until(lambda: (True, True) in seen, 20, "a look")
        for host in (a, b):
            tap.equal(host.pairs(), (["aid.key"], secret(s)))
    finally:
        over.set()
        t.join(30 * mast.PATIENCE)
        other.clear()
    tap.equal(aikit.public_half(secret(s)), new)
    tap.equal(count(s, new), MANY + 3)
    # Null while aid was away; true for the one that no pair opens.
    assert (False, False) in seen and (False, True) not in seen, seen
    s.ctl("key", "rotate", "--step", "audit", want=64)


if __name__ == "__main__":
    if os.getuid() != 0:
        print("1..0 # SKIP needs root to read aid's key")
        sys.exit(0)
    try:
        mast.main(sys.modules[__name__], nodes=0, settings=settings())
    finally:
        FAKE.close()
        shutil.rmtree(DIR, ignore_errors=True)
