#!/usr/bin/python3
"""Keys that change: what was sealed, signed or hashed before stays good, an
interruption at any step loses nothing, and the old key opens nothing new."""
import json
import os
import signal
import subprocess
import sys

import mast
import tap
from test_config import BASE, Edge, report
from test_tls import Maker, served
from test_totp import Holder, code, now

SEALED = (("users", "totp_secret"), ("config_blobs", "sealed"),
          ("commands", "action"), ("certificates", "key_sealed"),
          ("tunnels", "secrets"), ("idempotency_keys", "answer"))


def lib(s, name):
    return os.path.join(s.state, "lib", name)


def read(path):
    with open(path, "rb") as f:
        return f.read()


def write(path, data):
    """As the file was: root's or ours, for its owner only."""
    st = os.stat(path)
    with open(path + ".t", "wb") as f:
        f.write(data)
    os.chmod(path + ".t", st.st_mode & 0o777)
    os.replace(path + ".t", path)


def down(s):
    for name in ("apid", "hubd"):
        tap.equal(s.kill(name, signal.SIGTERM) or 0, 0, name)


def up(s):
    s.start("hubd", wait=False)
    s.start("apid")


def values(s):
    return {(t, c): [bytes(v) for v, in s.sql(
        "SELECT %s FROM mast.%s WHERE %s IS NOT NULL ORDER BY 1" % (c, t, c))]
        for t, c in SEALED}


class World:
    """Something of all that a key is good for."""

    def __init__(self, s):
        self.s = s
        self.edge = Edge(s, "keys-edge")
        self.other = s.node("keys-other")
        self.edge.put(s, BASE)
        report(s, self.edge.n, BASE)
        s.ctl("cert", "renew")
        a = s.admin()
        a.post("/api/v1/tunnels", {
            "name": "keys", "ingress_node_id": self.edge.n.id,
            "egress_node_id": self.other.id, "protocol": "udp",
            "mode": "direct", "ingress_listen_port": 5000,
            "egress_peer_addr": "192.0.2.7:5001",
            "egress_forward_addr": "127.0.0.1:5002"}).want(200)
        self.once = {"name": "keys-once", "device_type": "edge"}
        self.made = a.post("/api/v1/nodes", self.once, headers={
            "Idempotency-Key": "keys-1"}).want(201).json
        self.holder = Holder(s, "keys-totp")
        self.api = a.post("/api/v1/tokens", {
            "name": "keys", "max_role": "viewer"}).want(201).json["token"]
        self.fingerprint = s.ctl("cert", "show", json_out=True)["fingerprint"]

    def good(self):
        """All of it, after daemons were started anew."""
        s, n = self.s, self.edge.n
        a = s.admin()
        a.get("/api/v1/auth/me").want(200)         # the session of before
        tap.equal(s.request_with(self.api), 200, "API token")
        n.online()                                  # by its secret
        mast.wait_until(lambda: a.node(n.id)["status"] == "online", 20,
                        "the node is back")
        diff = a.get("/api/v1/nodes/%s/config/versions" % n.id).want(200).json
        v = diff["versions"] if isinstance(diff, dict) else diff
        assert v, "its configurations are there"
        n.close()
        mast.wait_until(lambda: a.node(n.id)["status"] == "offline", 20,
                        "the node is away")
        r = a.get("/api/v1/nodes/%s/config" % n.id).want(200)
        tap.equal(r.json["inputs"][0]["id"], "i1", "the stored one opens")
        r = a.post("/api/v1/nodes", self.once, headers={
            "Idempotency-Key": "keys-1"}).want(201)
        tap.equal(r.json, self.made, "the answer that was kept")
        self.holder.unlock()
        self.holder.login(totp=code(self.holder.secret, now())).want(200)
        mast.wait_until(lambda: served(s.node_port) == self.fingerprint, 20,
                        "the certificate is in use")
        text = s.log("hubd") + s.log("apid")
        assert "cannot be opened" not in text and "does not open" not in text


def world(s):
    if not hasattr(s, "world"):
        s.world = World(s)

        def request_with(token):
            c = mast.Session(s, bearer=True)
            return c.get("/api/v1/nodes", headers={
                "Authorization": "Bearer " + token}).status
        s.request_with = request_with
    return s.world


def test_unknown(s):
    """A key that there is not is wrong usage"""
    s.ctl("key", "rotate", "nothing", want=64)
    s.ctl("key", "rotate", want=64)


def test_running(s):
    """While daemons work it is refused, and nothing changes"""
    world(s)
    before = read(lib(s, "server.key")), read(lib(s, "audit.key"))
    s.ctl("key", "rotate", "server", want=6)
    s.ctl("key", "rotate", "audit", want=6)
    tap.equal((read(lib(s, "server.key")), read(lib(s, "audit.key"))),
              before)


def test_server(s):
    """Everything is sealed anew, and all of it is good"""
    w = world(s)
    before, old = values(s), read(lib(s, "server.key"))
    for place, v in before.items():
        assert v, place
    w.edge.n.close()
    w.other.close()
    down(s)
    with open(lib(s, "server.key") + ".was", "wb") as f:
        f.write(old)
    os.chmod(lib(s, "server.key") + ".was", 0o400)
    doc = s.ctl("key", "rotate", "server", json_out=True)
    after = values(s)
    for place, v in after.items():
        tap.equal(len(v), len(before[place]), place)
        assert not set(v) & set(before[place]), place
    assert doc["sealed"] >= sum(len(v) for v in after.values()), doc
    tap.equal(doc["lost"], 0)
    key = read(lib(s, "server.key"))
    tap.equal((len(key), key[32:]), (64, old))
    assert key[:32] != old
    tap.equal(oct(os.stat(lib(s, "server.key")).st_mode & 0o777), "0o400")
    row = s.sql("SELECT actor_kind, target_id, details FROM mast.audit "
                "WHERE action = 'key.rotate'")[-1]
    tap.equal((row[0], row[1], row[2]["sealed"]),
              ("system", "server", doc["sealed"]))
    assert old.hex() not in json.dumps(row[2])
    up(s)
    w.good()


def test_old_key(s):
    """The key of before opens nothing that is stored now"""
    conf = os.path.join(s.dir, "old.conf")
    with open(s.conf) as f:
        text = f.read()
    with open(conf, "w") as f:
        f.write(text.replace("[apid]", "server_key = %s\n[apid]" %
                             (lib(s, "server.key") + ".was"), 1))
    pass_file = os.path.join(s.dir, "pass")
    with open(pass_file, "w") as f:
        f.write("correct horse battery\n")

    def export(c, name):
        return subprocess.run(
            [s.program("mastctl"), "-f", c, "export", "--passphrase-file",
             pass_file, os.path.join(s.dir, name)], capture_output=True,
            text=True)
    r = export(conf, "by-old.json")
    assert r.returncode != 0, r.stdout
    tap.contains(r.stderr, "cannot be opened")
    r = export(s.conf, "by-new.json")
    tap.equal(r.returncode, 0, r.stderr)


def test_interrupted(s):
    """From each step on it can be finished; daemons work meanwhile"""
    w = world(s)
    down(s)
    key = read(lib(s, "server.key"))
    seals, hashes = key[:32], key[32:]
    fresh = os.urandom(32)
    steps = (seals + fresh + fresh + hashes,    # accepted, not used
             fresh + seals + hashes)            # used, nothing sealed anew
    for step in steps:
        write(lib(s, "server.key"), step)
        tap.contains(s.ctl("doctor", want=None), "was not finished")
        up(s)
        w.good()
        w.edge.n.close()
        down(s)
    # half of it was sealed anew
    doc = s.ctl("key", "rotate", "server", json_out=True)
    assert doc["sealed"] > 0, doc
    tap.equal(read(lib(s, "server.key")), fresh + hashes)
    # what was sealed by the key between the two is in nobody's hands
    again = s.ctl("key", "rotate", "server", json_out=True)
    assert again["sealed"] >= doc["sealed"], (doc, again)
    tap.equal(len(read(lib(s, "server.key"))), 64)
    up(s)
    w.good()


def test_database_away(s):
    """A database that goes in the middle: said, and finished afterwards"""
    w = world(s)
    w.edge.n.close()
    down(s)
    before = read(lib(s, "server.key"))
    s.sql("CREATE FUNCTION mast.refuse() RETURNS trigger LANGUAGE plpgsql "
          "AS $$ BEGIN RAISE 'no'; END $$")
    s.sql("CREATE TRIGGER refuse BEFORE UPDATE ON mast.tunnels FOR EACH ROW "
          "EXECUTE FUNCTION mast.refuse()")
    r = subprocess.run([s.program("mastctl"), "-f", s.conf, "key", "rotate",
                        "server"], capture_output=True, text=True)
    tap.equal(r.returncode, 1, r.stderr)
    tap.contains(r.stderr, "run this again")
    half = read(lib(s, "server.key"))
    tap.equal((len(half), half[32:64], half[64:]),
              (96, before[:32], before[32:]))
    s.sql("DROP FUNCTION mast.refuse() CASCADE")
    up(s)
    w.good()
    w.edge.n.close()
    down(s)
    s.ctl("key", "rotate", "server")
    tap.equal(read(lib(s, "server.key")), half[:32] + half[64:])
    up(s)
    w.good()


def test_lost(s):
    """A value that no key opens is counted, and the rest is done"""
    w = world(s)
    w.edge.n.close()
    down(s)
    was = s.sql("SELECT id, secrets FROM mast.tunnels")[0]
    s.sql("UPDATE mast.tunnels SET secrets = %s WHERE id = %s",
          b"\1" + os.urandom(200), was[0])
    r = subprocess.run([s.program("mastctl"), "-f", s.conf, "--json", "key",
                        "rotate", "server"], capture_output=True, text=True)
    tap.equal(r.returncode, 2, r.stderr)
    tap.equal(json.loads(r.stdout)["lost"], 1)
    s.sql("DELETE FROM mast.tunnels")
    up(s)
    w.good()


def test_audit(s):
    """What the old key signed is verified, and the new one signs"""
    down(s)
    s.ctl("audit", "seal")
    pub = read(lib(s, "audit.pub")).decode()
    old = read(lib(s, "audit.key"))
    with open(lib(s, "audit.key") + ".new", "w") as f:
        f.write("left by one that was interrupted")
    doc = s.ctl("key", "rotate", "audit", json_out=True)
    tap.equal(read(lib(s, "audit.pub")).decode(), pub + doc["public"] + "\n")
    key = read(lib(s, "audit.key"))
    assert len(key) == 32 and key != old
    tap.equal(oct(os.stat(lib(s, "audit.key")).st_mode & 0o777), "0o400")
    tap.equal(os.path.exists(lib(s, "audit.key") + ".new"), False)
    s.ctl("audit", "seal")
    tap.contains(s.ctl("audit", "verify"), "verified")
    tap.equal(s.one("SELECT count(DISTINCT signer) FROM mast.audit_seals"), 2)
    row = s.sql("SELECT target_id, details FROM mast.audit "
                "WHERE action = 'key.rotate' ORDER BY id")[-1]
    tap.equal((row[0], row[1]["public"]), ("audit", doc["public"]))
    up(s)
    s.ctl("doctor", want=None)


def test_audit_full(s):
    """No more public keys than hubd takes"""
    down(s)
    path = lib(s, "audit.pub")
    was = read(path)
    write(path, was + b"".join(os.urandom(32).hex().encode() + b"\n"
                               for _ in range(61)))
    r = subprocess.run([s.program("mastctl"), "-f", s.conf, "key", "rotate",
                        "audit"], capture_output=True, text=True)
    tap.equal(r.returncode, 5, r.stderr)
    write(path, was)
    up(s)


def test_tls(s):
    """A new self-signed pair with the same names; an authority's is refused"""
    w = world(s)
    before = s.ctl("cert", "show", json_out=True)
    doc = s.ctl("key", "rotate", "tls", json_out=True)
    tap.equal(doc["names"], before["names"])
    tap.equal((doc["source"], doc["is_self_signed"]), ("uploaded", True))
    assert doc["fingerprint"] != before["fingerprint"]
    mast.wait_until(lambda: served(s.node_port) == doc["fingerprint"], 20,
                    "it is in use")
    s.ctl("cert", "restore")
    mast.wait_until(lambda: served(s.node_port) == w.fingerprint, 20,
                    "and back")
    m = Maker(s)
    m.pair("leaf")
    with open(m.dir + "/chain.pem", "w") as f:
        f.write(m.read("leaf.crt") + m.read("ca.crt"))
    s.ctl("cert", "install", m.dir + "/chain.pem", m.dir + "/leaf.key")
    s.ctl("cert", "renew", want=5)


if __name__ == "__main__":
    mast.main(sys.modules[__name__])
