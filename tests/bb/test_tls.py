#!/usr/bin/python3
"""The certificate of both doors: told as it is, replaced by upload and by
SIGHUP while sockets stay open, put back, refused when it is not fit, kept
over a restart, and warned of before its end."""
import datetime
import hashlib
import json
import os
import re
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time

import mast
import tap
import ws
from hubkit import events_of, state, status

PATH = "/api/v1/settings/tls"
UPLOAD = PATH + "/upload"
RESTORE = PATH + "/restore"
EC = ("-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256")


class Maker:
    """Certificates by the openssl command, in a folder of their own."""

    def __init__(self, s):
        self.dir = os.path.join(s.dir, "certs")
        os.mkdir(self.dir)
        os.chmod(self.dir, 0o755)
        self.run("genpkey", *EC, "-out", "ca.key")
        self.run("req", "-x509", "-new", "-key", "ca.key", "-subj",
                 "/CN=Test CA", "-days", "400", "-out", "ca.crt")

    def run(self, *args):
        subprocess.run(("openssl",) + args, cwd=self.dir, check=True,
                       capture_output=True)

    def read(self, name):
        with open(os.path.join(self.dir, name)) as f:
            return f.read()

    def pair(self, name, days=90, kind=EC, san="DNS:%s.example,IP:127.0.0.1",
             chain=True):
        """(chain, key) as PEM texts."""
        self.run("genpkey", *kind, "-out", name + ".key")
        self.run("req", "-new", "-key", name + ".key", "-subj",
                 "/O=Mast/CN=" + name, "-out", name + ".csr")
        with open(os.path.join(self.dir, name + ".ext"), "w") as f:
            f.write("basicConstraints=CA:FALSE\nextendedKeyUsage="
                    "serverAuth\n")
            if san:
                f.write("subjectAltName=" + (san % name if "%" in san
                                             else san) + "\n")
        self.run("x509", "-req", "-in", name + ".csr", "-CA", "ca.crt",
                 "-CAkey", "ca.key", "-set_serial", "0x51f3", "-extfile",
                 name + ".ext", "-days", str(days), "-out", name + ".crt")
        return (self.read(name + ".crt") + (self.read("ca.crt") if chain
                                            else ""),
                self.read(name + ".key"))


def fingerprint(pem):
    end = "-----END CERTIFICATE-----"
    der = ssl.PEM_cert_to_DER_cert(pem.split(end)[0] + end)
    return ":".join("%02x" % b for b in hashlib.sha256(der).digest())


def served(port):
    """Fingerprint that a new handshake at this port shows."""
    with socket.create_connection(("127.0.0.1", port), 10) as raw:
        with ws.tls_client().wrap_socket(raw) as c:
            der = c.getpeercert(True)
    return ":".join("%02x" % b for b in hashlib.sha256(der).digest())


def both(s, pem, what="both doors have it", timeout=10):
    want = fingerprint(pem)
    mast.wait_until(lambda: served(s.port) == want and
                    served(s.node_port) == want, timeout, what)


def conf_set(s, section, **keys):
    """Keys of a section of the configuration file, replaced."""
    with open(s.conf) as f:
        lines = f.read().splitlines()
    out, here = [], None
    for line in lines:
        if line.startswith("["):
            here = line.strip("[]")
        if here == section and line.split("=")[0].strip() in keys:
            continue
        out.append(line)
        if line == "[%s]" % section:
            out += ["%s = %s" % kv for kv in keys.items()]
    with open(s.conf, "w") as f:
        f.write("\n".join(out) + "\n")


def put_files(s, pair):
    """As certbot does it: new files in the place of the old ones. Readable
    by the daemons' accounts, as a reload needs it."""
    for name, text in zip(("tls.crt", "tls.key"), pair):
        path = os.path.join(s.maker.dir, name)
        with open(path + ".new", "w") as f:
            f.write(text)
        os.chmod(path + ".new", 0o444)
        os.rename(path + ".new", path)


def rig(s):
    """The installation with TLS on apid's door too, and certificate files
    of our own; once."""
    if s.tls:
        return s.maker
    s.maker = Maker(s)
    s.first = s.maker.pair("first")
    put_files(s, s.first)
    conf_set(s, "apid", tls="yes")
    conf_set(s, "suite", tls_cert=s.maker.dir + "/tls.crt",
             tls_key=s.maker.dir + "/tls.key")
    for name in ("apid", "hubd"):
        s.kill(name, signal.SIGTERM)
    s.tls = True
    s.start("hubd", wait=False)
    s.start("apid")
    return s.maker


def upload(s, pair, who=None, **kw):
    return (who or s.admin()).post(UPLOAD, {
        "cert_pem": pair[0], "key_pem": pair[1]}, **kw)


def info(s):
    return s.admin().get(PATH).want(200).json


def good(r):
    doc = r.want(200).json
    tap.equal(doc["success"], True, r)
    tap.equal(sorted(doc), ["message", "success"])
    return doc


def audited(s, request):
    return s.sql("SELECT action, details, actor_name FROM mast.audit "
                 "WHERE request_id = %s", request)


def test_plain(s):
    """Without TLS of its own apid says so, and refuses both with 409"""
    if s.tls:
        raise tap.Skip("only as the first test")
    doc = info(s)
    tap.equal((doc["source"], doc["cert_path"], doc["not_after"],
               doc["is_self_signed"], doc["previous_available"]),
              ("none", None, None, False, False))
    for r in (upload(s, ("x", "y")), s.admin().post(RESTORE)):
        tap.contains(r.problem(409).json["detail"], "proxy")
    tap.equal(s.nobody().get("/readyz").json["checks"]["certificate"],
              {"ok": True})


def test_info(s):
    """Everything about the certificate of the files, as openssl sees it"""
    m = rig(s)
    doc = info(s)
    end = datetime.datetime.now(datetime.timezone.utc) + \
        datetime.timedelta(days=90)
    tap.equal(abs(datetime.datetime.fromisoformat(
        doc.pop("not_after").replace("Z", "+00:00")) - end) <
        datetime.timedelta(minutes=5), True, "not_after")
    begin = doc.pop("not_before")
    assert begin < end.isoformat(), begin
    tap.equal(doc, {
        "cert_path": m.dir + "/tls.crt", "key_path": m.dir + "/tls.key",
        "is_self_signed": False, "subject": "first", "issuer": "Test CA",
        "subject_dn": "CN=first,O=Mast", "issuer_dn": "CN=Test CA",
        "fingerprint": fingerprint(s.first[0]), "key_type": "EC P-256",
        "key_bits": 256, "serial": "51f3", "chain_length": 2,
        "names": ["DNS:first.example", "IP:127.0.0.1"], "days_left": 89,
        "source": "file", "previous_available": False, "fault": None})
    tap.equal(served(s.port), doc["fingerprint"])
    tap.equal(served(s.node_port), doc["fingerprint"])
    tap.equal(s.nobody().get("/health").json["self_signed_cert"], False)
    assert s.nobody().get("/health").header("Strict-Transport-Security")


def test_authority(s):
    """Admin and above, with the CSRF token"""
    m = rig(s)
    pair = m.pair("nobody")
    s.user_add("tls-operator", "operator")
    c = s.session_for("tls-operator")
    c.get(PATH).problem(403)
    upload(s, pair, c).problem(403)
    c.post(RESTORE).problem(403)
    upload(s, pair, s.nobody()).problem(401)
    s.nobody().get(PATH).problem(401)
    upload(s, pair, csrf=False).problem(403, "csrf")
    s.admin().post(RESTORE, csrf=False).problem(403, "csrf")
    tap.contains(s.admin().post(RESTORE).problem(409).json["detail"],
                 "no previous")
    tap.equal(served(s.port), fingerprint(s.first[0]))


def test_bad_bodies(s):
    """Members that are missing, of another type or too long: pointers"""
    rig(s)
    for body, want in (
            ({}, ["/cert_pem", "/key_pem"]),
            ({"cert_pem": "x"}, ["/key_pem"]),
            ({"cert_pem": None, "key_pem": 5}, ["/cert_pem", "/key_pem"]),
            ({"cert_pem": "", "key_pem": "x"}, ["/cert_pem"]),
            ({"cert_pem": "x" * 65537, "key_pem": "y"}, ["/cert_pem"]),
            ({"cert_pem": "x", "key_pem": "y" * 16385}, ["/key_pem"])):
        doc = s.admin().post(UPLOAD, body).problem(422).json
        tap.equal(sorted(e["pointer"] for e in doc["errors"]), want)
    s.admin().post(UPLOAD, {"cert_pem": "x" * 200000,
                            "key_pem": "x"}).problem(413)
    s.admin().post(UPLOAD, raw=b"x", headers={
        "Content-Type": "application/x-pem-file"}).problem(415)


def test_bad_pairs(s):
    """What is not fit is refused in the contract's shape with a pointer,
    stored nowhere, and the doors stay as they are"""
    m = rig(s)
    a, b = m.pair("bad-a"), m.pair("bad-b")
    locked = os.path.join(m.dir, "locked.key")
    m.run("pkcs8", "-topk8", "-in", "bad-a.key", "-passout", "pass:x",
          "-out", locked)
    leaf, ca = m.read("bad-a.crt"), m.read("ca.crt")
    rows = (
        (("nothing", a[1]), "/cert_pem", "no certificate"),
        ((a[0], "nothing"), "/key_pem", "no private key"),
        ((a[0], b[1]), "/key_pem", "does not belong"),
        ((a[0], m.read("locked.key")), "/key_pem", "passphrase"),
        ((a[0] + a[1], a[1]), "/cert_pem", "only certificates"),
        ((ca + leaf, a[1]), "/cert_pem", "leaf first"),
        ((leaf + m.read("bad-b.crt"), a[1]), "/cert_pem", "did not sign"),
        ((leaf[:200], a[1]), "/cert_pem", "damaged"),
        (m.pair("bad-old", days=-1), "/cert_pem", "has expired"),
        (m.pair("bad-san", san=None), "/cert_pem", "names no host"),
        (m.pair("bad-rsa", kind=("-algorithm", "RSA", "-pkeyopt",
                                 "rsa_keygen_bits:1024")), "/cert_pem",
         "2048"))
    for i, (pair, pointer, part) in enumerate(rows):
        r = upload(s, pair, headers={"X-Request-Id": "bad-pair-%d" % i})
        doc = r.want(200).json
        tap.equal(sorted(doc), ["error", "errors", "success"])
        tap.equal(doc["success"], False)
        tap.contains(doc["error"], pointer[1:])
        assert any(e["pointer"] == pointer and part in e["detail"]
                   for e in doc["errors"]), (i, doc)
        assert "BEGIN" not in r.body.decode(), r
        tap.equal(audited(s, "bad-pair-%d" % i), [])
    tap.equal(s.one("SELECT count(*) FROM mast.certificates"), 0)
    tap.equal(served(s.port), fingerprint(s.first[0]))


class Traffic:
    """Sockets of every kind that must outlive what is done meanwhile."""

    def __init__(self, s):
        self.s = s
        self.direct = s.node("tls direct")
        node_id, token = s.admin().node_add("tls relayed")
        self.relayed = mast.Node(s, token=token)
        port, s.node_port = s.node_port, s.port
        try:
            self.relayed.online()
        finally:
            s.node_port = port
        self.sock = s.admin().dashboard()
        self.http = s.connection(timeout=20)
        self.epochs = self.sessions()
        self.sent = 0
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self.pour)
        self.thread.start()

    def sessions(self):
        return s_epochs(self.s, self.direct.id, self.relayed.id)

    def pour(self):
        while not self.stop.wait(0.02):
            self.sent += 1
            for n in (self.direct, self.relayed):
                n.event(str(self.sent))
                n.stats()

    def check(self):
        """All of them live and carry traffic."""
        self.http.request("GET", PATH, headers={
            "Authorization": "Bearer " + self.s.admin().token})
        r = self.http.getresponse()
        r.read()
        tap.equal(r.status, 200, "the old connection")
        end = time.monotonic() + 10 * mast.PATIENCE
        while json.loads(self.sock.recv(10 * mast.PATIENCE)[1])["type"] != \
                "dashboard_update":
            assert time.monotonic() < end
        for n in (self.direct, self.relayed):
            tap.equal(n.closed, None)
            tap.equal(state(self.s, n.id), "online")
        tap.equal(self.sessions(), self.epochs, "sessions")

    def end(self):
        self.stop.set()
        self.thread.join()
        want = {i + 1: 1 for i in range(self.sent)}
        for n in (self.direct, self.relayed):
            mast.wait_until(lambda: events_of(self.s, n.id) == want, 15,
                            "every event once")
            n.close()
        self.sock.close()
        self.http.close()


def s_epochs(s, *ids):
    return s.sql("SELECT node_id::text, epoch FROM mast.node_sessions "
                 "WHERE node_id::text = ANY (%s) ORDER BY 1", list(ids))


def test_upload(s):
    """Pair after pair of every kind: new handshakes of both doors have it,
    no socket is dropped, no event lost"""
    m = rig(s)
    t = Traffic(s)
    try:
        kinds = [EC, ("-algorithm", "RSA", "-pkeyopt",
                      "rsa_keygen_bits:2048"), ("-algorithm", "ED25519"),
                 ("-algorithm", "EC", "-pkeyopt",
                  "ec_paramgen_curve:P-384")]
        for i, kind in enumerate(kinds):
            pair = m.pair("up-%d" % i, kind=kind)
            good(upload(s, pair, headers={"X-Request-Id": "up-%d" % i}))
            both(s, pair[0])
            t.check()
            doc = info(s)
            tap.equal((doc["subject"], doc["source"], doc["fingerprint"],
                       doc["previous_available"], doc["chain_length"]),
                      ("up-%d" % i, "uploaded", fingerprint(pair[0]), True,
                       2))
            rows = audited(s, "up-%d" % i)
            tap.equal(len(rows), 1)
            tap.equal(rows[0][0], "settings.tls_upload")
            tap.equal(rows[0][1]["after"]["fingerprint"],
                      fingerprint(pair[0]))
            tap.equal((rows[0][1]["before"] or {}).get("subject"),
                      "CN=up-%d,O=Mast" % (i - 1) if i else None)
            assert "PRIVATE" not in json.dumps(rows[0][1]), rows
        # What is neither in use nor the previous one is gone.
        tap.equal(s.one("SELECT count(*) FROM mast.certificates"), 2)
    finally:
        t.end()


def test_restore(s):
    """The previous pair by one call, there and back, also to the files"""
    m = rig(s)
    a, b = m.pair("re-a"), m.pair("re-b")
    t = Traffic(s)
    try:
        good(upload(s, a))
        good(upload(s, b))
        both(s, b[0])
        for want in (a, b, a):
            good(s.admin().post(RESTORE, headers={
                "X-Request-Id": "restore-1"}))
            both(s, want[0])
            t.check()
        tap.equal([r[0] for r in audited(s, "restore-1")],
                  ["settings.tls_restore"] * 3)
    finally:
        t.end()
    s.sql("UPDATE mast.certificate_use SET previous = NULL")
    good(s.admin().post(RESTORE))
    both(s, s.first[0])
    tap.equal(info(s)["source"], "file")
    # One that has expired meanwhile does not come back.
    s.sql("UPDATE mast.certificates SET not_after = now()")
    tap.contains(s.admin().post(RESTORE).problem(409).json["detail"],
                 "expired")
    tap.equal(served(s.port), fingerprint(s.first[0]))


def test_restart(s):
    """After a restart the uploaded pair is in use again, in both"""
    m = rig(s)
    pair = m.pair("restart")
    good(upload(s, pair))
    both(s, pair[0])
    s.restart("hubd")
    s.restart("apid")
    both(s, pair[0])
    tap.equal(info(s)["source"], "uploaded")


def test_broken_store(s):
    """A stored pair that does not open: the old one stays, readyz, log and
    metrics say so; a restore mends it"""
    m = rig(s)
    a, b = m.pair("broken-a"), m.pair("broken-b")
    good(upload(s, a))
    both(s, a[0])
    good(upload(s, b))
    both(s, b[0])
    # The same row under another id: the seal is bound to it.
    s.sql("WITH n AS (INSERT INTO mast.certificates (id, door, chain_pem, "
          "key_sealed, not_after) SELECT gen_random_uuid(), door, "
          "chain_pem, key_sealed, not_after FROM mast.certificates "
          "LIMIT 1 RETURNING id) UPDATE mast.certificate_use "
          "SET previous = current, current = n.id FROM n")
    mast.wait_until(lambda: info(s)["fault"] and
                    status(s)["certificate_fault"] == 1, 10, "told")
    tap.contains(info(s)["fault"], "server key")
    tap.equal(info(s)["fingerprint"], fingerprint(b[0]))
    tap.equal((served(s.port), served(s.node_port)),
              (fingerprint(b[0]),) * 2)
    doc = s.nobody().get("/readyz").want(200).json
    tap.equal((doc["ready"], doc["degraded"],
               doc["checks"]["certificate"]["ok"]), (True, True, False))
    tap.contains(doc["checks"]["certificate"]["detail"], "server key")
    for name in ("apid", "hubd"):
        tap.contains(s.log(name), "the old one stays")
    tap.equal(s.metrics()["mast_apid_certificate_fault"], 1)
    # What is no pair at all.
    s.sql("UPDATE mast.certificates SET chain_pem = 'x', key_sealed = 'y' "
          "WHERE id = (SELECT current FROM mast.certificate_use)")
    good(s.admin().post(RESTORE))
    mast.wait_until(lambda: info(s)["fault"] is None and
                    status(s)["certificate_fault"] == 0, 10, "mended")
    both(s, b[0])
    tap.equal(s.nobody().get("/readyz").json["checks"]["certificate"],
              {"ok": True})


def hup(s, text, *names):
    """SIGHUP, until each has said that after it."""
    before = {n: len(s.log(n)) for n in names}
    for n in names:
        os.kill(s.pids[n], signal.SIGHUP)
    for n in names:
        mast.wait_until(lambda: text in s.log(n)[before[n]:], 10,
                        "%s says %r: %s" % (n, text, s.log(n)[-500:]))


def files_in_use(s):
    put_files(s, s.first)
    hup(s, "reload: done", "apid", "hubd")
    s.sql("UPDATE mast.certificate_use SET current = NULL, "
          "previous = NULL, kept = false")
    s.sql("DELETE FROM mast.certificates")
    both(s, s.first[0])


def test_sighup(s):
    """SIGHUP takes other files without dropping a socket; wrong ones are
    refused and all stays; the uploaded pair comes first"""
    m = rig(s)
    files_in_use(s)
    t = Traffic(s)
    try:
        new = m.pair("hup-new")
        put_files(s, new)
        hup(s, "reload: done", "apid", "hubd")
        tap.equal((served(s.port), served(s.node_port)),
                  (fingerprint(new[0]),) * 2)
        t.check()
        other = m.pair("hup-other")
        for bad, part in (((other[0], new[1]), "does not belong"),
                          (("", new[1]), "no certificate"),
                          ((other[0], "x"), "not readable"),
                          (m.pair("hup-old", days=-1), "has expired")):
            put_files(s, bad)
            hup(s, part, "apid", "hubd")
            for n in ("apid", "hubd"):
                tap.contains(s.log(n).splitlines()[-1],
                             "reload: refused, all stays as it was")
        os.unlink(m.dir + "/tls.key")
        hup(s, "No such file", "apid", "hubd")
        tap.equal((served(s.port), served(s.node_port)),
                  (fingerprint(new[0]),) * 2)
        t.check()
        put_files(s, new)
        up = m.pair("hup-up")
        good(upload(s, up))
        both(s, up[0])
        put_files(s, other)
        hup(s, "the uploaded certificate stays in use", "apid", "hubd")
        tap.equal(served(s.port), fingerprint(up[0]))
        good(s.admin().post(RESTORE))   # to the files as they are now
        both(s, other[0])
        t.check()
    finally:
        t.end()
    put_files(s, s.first)
    hup(s, "reload: done", "apid", "hubd")


def test_sighup_keys(s):
    """SIGHUP takes over the keys that are reloadable, names the others, and
    refuses a file with any mistake as a whole"""
    rig(s)
    with open(s.conf) as f:
        before = f.read()
    try:
        conf_set(s, "suite", log_level="debug")
        conf_set(s, "apid", hsts="no", db_conns="3")
        hup(s, "changed: suite.log_level apid.hsts", "apid")
        tap.contains(s.log("apid"), "wait for a restart: apid.db_conns")
        tap.equal(s.nobody().get("/health").header(
            "Strict-Transport-Security"), None)
        hup(s, "changed: suite.log_level", "hubd")
        conf_set(s, "apid", hsts="yes", header_timeout="0")
        hup(s, "header_timeout: must be a whole number from 1 to 60",
            "apid")
        tap.equal(s.nobody().get("/health").header(
            "Strict-Transport-Security"), None)
        conf_set(s, "hubd", handshakes="many")
        hup(s, "handshakes: must be", "hubd")
        # Other paths in the same folder.
        conf_set(s, "apid", header_timeout="5")
        conf_set(s, "hubd", handshakes="32")
        conf_set(s, "suite", tls_cert=s.maker.dir + "/hup-new.crt")
        hup(s, "does not belong", "apid", "hubd")
    finally:
        with open(s.conf, "w") as f:
            f.write(before)
        hup(s, "reload: done", "apid", "hubd")
    assert s.nobody().get("/health").header("Strict-Transport-Security")


def test_reloadable_keys(s):
    """The manual page calls those keys reloadable that are"""
    want, page, section, key = set(), set(), None, None
    for name in ("apid", "hubd"):
        text = subprocess.run([s.program("mastkeeper-" + name),
                               "--config-keys"], capture_output=True,
                              text=True, check=True).stdout
        section = None
        for at, line in enumerate(text.splitlines()):
            if line.startswith("["):
                section = line.strip("[]")
            elif line.endswith("; reloadable"):
                key = text.splitlines()[at + 1]
                want.add((section, key[1:].split(" ")[0]))
    with open(os.path.join(mast.SRC, "man", "mastkeeper.conf.5")) as f:
        for line in f:
            if line.startswith(".Ss Section"):
                section = line.split()[2].strip(",")
            elif line.startswith(".It Ic"):
                key = line.split()[2]
            elif line == "Reloadable.\n":
                page.add((section, key))
    tap.equal(sorted(page), sorted(want))
    assert ("suite", "log_level") in want, want


def warned(s, pair):
    return s.sql("SELECT severity::text, details->>'threshold_days', message "
                 "FROM mast.events WHERE category = 'certificate' AND "
                 "details->>'fingerprint' = %s ORDER BY id",
                 fingerprint(pair[0]))


def test_expiry(s):
    """One event for each of 30, 14, 7, 1 and 0 days that is reached, though
    both daemons look, and metrics and readyz tell the days"""
    m = rig(s)
    for days, step, severity in ((40, None, None), (29, "30", "warning"),
                                 (10, "14", "warning"),
                                 (5, "7", "critical")):
        pair = m.pair("end-%d" % days, days=days)
        good(upload(s, pair))
        both(s, pair[0])
        if step:
            mast.wait_until(lambda: warned(s, pair), 10, "an event")
            doc = s.nobody().get("/readyz").json["checks"]["certificate"]
            tap.equal(doc, {"ok": True, "detail": "the certificate has %d "
                            "days left" % (days - 1)})
        end = s.metrics()
        for who in ("apid", "hubd"):
            mast.wait_until(lambda: abs(s.metrics()[
                "mast_%s_certificate_not_after_seconds" % who] -
                time.time() - days * 86400) < 600, 15, "metric of " + who)
        want = [(severity, step)] if step else []
        tap.equal([r[:2] for r in warned(s, pair)], want, days)
    # The same certificate again, and both daemons anew: nothing more.
    tap.contains(warned(s, pair)[0][2], "4 days are left")
    s.restart("hubd")
    s.restart("apid")
    both(s, pair[0])
    time.sleep(1)
    tap.equal(len(warned(s, pair)), 1)
    events = s.admin().get("/api/v1/events?category=certificate").json
    assert any(e["details"]["error_code"] == "certificate_expires"
               for e in events), events


def test_mastctl(s):
    """mastctl shows, installs and puts back, and refuses what is not fit"""
    m = rig(s)
    files_in_use(s)
    doc = s.ctl("cert", "show", json_out=True)
    tap.equal((doc["source"], doc["fingerprint"], doc["names"],
               doc["chain_length"], doc["is_self_signed"]),
              ("file", fingerprint(s.first[0]),
               ["DNS:first.example", "IP:127.0.0.1"], 2, False))
    pair = m.pair("ctl-a")
    here = os.path.join(m.dir, "ctl-")
    with open(here + "chain.pem", "w") as f:
        f.write(pair[0])
    s.ctl("cert", "install", here + "chain.pem", here + "a.key")
    both(s, pair[0])
    tap.equal(info(s)["source"], "uploaded")
    text = s.ctl("cert", "show")
    for part in ("uploaded", "CN=ctl-a", fingerprint(pair[0]),
                 "DNS:ctl-a.example", "89 days left"):
        tap.contains(text, part)
    row = s.sql("SELECT actor_kind, details FROM mast.audit WHERE action = "
                "'settings.tls_upload' ORDER BY id DESC LIMIT 1")[0]
    tap.equal((row[0], row[1]["after"]["fingerprint"], row[1]["before"]),
              ("system", fingerprint(pair[0]), None))
    r = subprocess.run([s.program("mastctl"), "-f", s.conf, "cert",
                        "install", here + "chain.pem", m.dir + "/first.key"],
                       capture_output=True, text=True)
    tap.equal(r.returncode, 5, r.stderr)
    tap.contains(r.stderr, "first.key: does not belong")
    s.ctl("cert", "install", m.dir + "/ctl-a.ext", here + "a.key", want=5)
    s.ctl("cert", "install", m.dir + "/absent", here + "a.key", want=1)
    s.ctl("cert", "install", here + "chain.pem", want=64)
    s.ctl("cert", "restore")
    both(s, s.first[0])
    files_in_use(s)
    s.ctl("cert", "restore", want=6)


def test_secrets(s):
    """No private key in a log, in the audit or readable in the database"""
    m = rig(s)
    keys = []
    for name in os.listdir(m.dir):
        if name.endswith(".key"):
            keys += [line for line in m.read(name).splitlines()
                     if len(line) > 60]
    assert len(keys) > 10, keys
    texts = [s.log(n) for n in mast.DAEMONS]
    texts.append(json.dumps(s.sql("SELECT details::text FROM mast.audit")))
    texts.append(json.dumps(s.sql("SELECT chain_pem, encode(key_sealed, "
                                  "'escape') FROM mast.certificates")))
    for text in texts:
        assert not any(k in text for k in keys)
        assert not re.search("PRIVATE KEY", text)


if __name__ == "__main__":
    mast.main(sys.modules[__name__])
