#!/usr/bin/python3
"""The six settings: shape, rules, one transaction, ETag and audit; and for
each of them what the running daemons do differently from then on."""
import concurrent.futures
import datetime
import json
import sys
import threading
import time

import mast
import tap
from hubkit import closed, state

PATH = "/api/v1/settings"
DEFAULTS = {"events_retention_days": 30, "max_login_attempts": 5,
            "node_offline_threshold_secs": 30, "session_lifetime_hours": 24,
            "stats_broadcast_interval_ms": 1000,
            "ws_keepalive_interval_secs": 15}
RANGES = {"events_retention_days": (1, 365),
          "max_login_attempts": (1, 100),
          "node_offline_threshold_secs": (5, 3600),
          "session_lifetime_hours": (1, 720),
          "stats_broadcast_interval_ms": (100, 60000),
          "ws_keepalive_interval_secs": (1, 300)}


def put(s, who=None, headers=None, **values):
    return (who or s.admin()).put(PATH, {"settings": values},
                                  headers=headers)


class Set:
    """With these values, and the defaults afterwards."""

    def __init__(self, s, **values):
        self.s = s
        self.values = values

    def __enter__(self):
        put(self.s, **self.values).want(200)

    def __exit__(self, *why):
        put(self.s, **DEFAULTS).want(200)


def test_shape(s):
    """A flat object of numbers, with the defaults of a new installation"""
    r = s.admin().get(PATH).want(200)
    tap.equal(r.json, DEFAULTS)
    tap.equal(list(r.json), sorted(DEFAULTS), "order")
    assert r.header("ETag").startswith('"v'), r.headers
    r = put(s).want(200)                # nothing to do
    tap.equal(r.body, b"")


def test_authority(s):
    """Admin and above; a viewer and an operator are refused both"""
    for role in ("viewer", "operator"):
        s.user_add("set-" + role, role)
        c = s.session_for("set-" + role)
        c.get(PATH).problem(403)
        put(s, c, max_login_attempts=6).problem(403)
    s.user_add("set-admin", "admin")
    c = s.session_for("set-admin")
    tap.equal(c.get(PATH).want(200).json, DEFAULTS)
    put(s, c, max_login_attempts=6).want(200)
    tap.equal(c.get(PATH).json["max_login_attempts"], 6)
    put(s, c, max_login_attempts=5).want(200)
    s.nobody().get(PATH).problem(401)
    put(s, s.nobody(), max_login_attempts=6).problem(401)
    s.admin().put(PATH, {"settings": {}}, csrf=False).problem(403, "csrf")


def test_rules(s):
    """Every key's range and type, a pointer for each that is wrong, and
    nothing is written when one of them is"""
    for key, (low, high) in RANGES.items():
        for good in (low, high):
            put(s, **{key: good}).want(200)
            tap.equal(s.admin().get(PATH).json[key], good, key)
        put(s, **{key: DEFAULTS[key]}).want(200)
        other = "max_login_attempts" if key[0] != "m" else \
            "session_lifetime_hours"
        for bad in (low - 1, high + 1, -5, 2**63, 1e300, low + 0.5, "7",
                    None, True, [7], {}):
            doc = put(s, **{key: bad, other: 9}).problem(422).json
            tap.equal([e["pointer"] for e in doc["errors"]],
                      ["/settings/" + key], "%s=%r" % (key, bad))
    tap.equal(s.admin().get(PATH).json, DEFAULTS)
    doc = put(s, events_retention_days=0, max_login_attempts=None,
              nonesuch=1, session_lifetime_hours=5).problem(422).json
    tap.equal(sorted(e["pointer"] for e in doc["errors"]),
              ["/settings/events_retention_days",
               "/settings/max_login_attempts", "/settings/nonesuch"])
    tap.equal(s.admin().get(PATH).json, DEFAULTS)


def test_bad_bodies(s):
    """What is no such document: 4xx with a pointer"""
    for body, status, pointer in (
            ({}, 422, "/settings"), ({"settings": None}, 422, "/settings"),
            ({"settings": []}, 422, "/settings"),
            ({"settings": "x"}, 422, "/settings"), ([], 422, None)):
        doc = s.admin().put(PATH, body).problem(status).json
        if pointer:
            tap.equal([e["pointer"] for e in doc["errors"]], [pointer])
    for raw in (b"", b"{", b'{"settings":{"max_login_attempts":1,'
                b'"max_login_attempts":2}}', b"\xff"):
        s.admin().put(PATH, raw=raw, headers={
            "Content-Type": "application/json"}).problem(400)
    s.admin().put(PATH, raw=b"{}", headers={
        "Content-Type": "text/plain"}).problem(415)
    s.admin().put(PATH, {"settings": {}, "pad": "x" * 9000}).problem(413)
    tap.equal(s.admin().get(PATH).json, DEFAULTS)


def test_etag(s):
    """If-Match: of two who changed the same version one is told"""
    old = s.admin().get(PATH).header("ETag")
    r = put(s, headers={"If-Match": old}, session_lifetime_hours=25)
    new = r.want(200).header("ETag")
    assert new != old, new
    tap.equal(s.admin().get(PATH).header("ETag"), new)
    put(s, headers={"If-Match": old}, max_login_attempts=7).problem(412)
    tap.equal(s.admin().get(PATH).json,
              dict(DEFAULTS, session_lifetime_hours=25))
    for stale in ('"v0"', '"x"', "W/" + new, ""):
        put(s, headers={"If-Match": stale},
            max_login_attempts=7).problem(412)
    put(s, headers={"If-Match": "*"}, session_lifetime_hours=24).want(200)
    # A change past the API counts as well.
    tag = s.admin().get(PATH).header("ETag")
    s.sql("UPDATE mast.settings SET value = 31 "
          "WHERE key = 'events_retention_days'")
    put(s, headers={"If-Match": tag}, max_login_attempts=7).problem(412)
    put(s, **DEFAULTS).want(200)


def test_etag_race(s):
    """Twenty at once with the same version, each on a key of its own: one
    of them wins"""
    tag = s.admin().get(PATH).header("ETag")
    keys = sorted(DEFAULTS)

    def one(i):
        key = keys[i % len(keys)]
        return put(s, headers={"If-Match": tag},
                   **{key: DEFAULTS[key] + 1 + i}).status
    with concurrent.futures.ThreadPoolExecutor(20) as pool:
        got = sorted(pool.map(one, range(20)))
    tap.equal(got, [200] + [412] * 19)
    put(s, **DEFAULTS).want(200)


def test_audit(s):
    """What changed, before and after, with the request id"""
    r = put(s, headers={"X-Request-Id": "settings-audit-1"},
            session_lifetime_hours=48, max_login_attempts=5).want(200)
    tap.equal(r.header("X-Request-Id"), "settings-audit-1")
    rows = s.sql("SELECT action, target_type, details, actor_name, "
                 "host(address) FROM mast.audit "
                 "WHERE request_id = 'settings-audit-1'")
    tap.equal(rows, [("settings.update", "settings",
                      {"before": {"session_lifetime_hours": 24},
                       "after": {"session_lifetime_hours": 48}},
                      s.admin().user["username"], "127.0.0.1")])
    put(s, headers={"X-Request-Id": "settings-audit-2"},
        session_lifetime_hours=0).problem(422)
    tap.equal(s.one("SELECT count(*) FROM mast.audit "
                    "WHERE request_id = 'settings-audit-2'"), 0)
    put(s, **DEFAULTS).want(200)


# ---- what each of them does


def test_retention(s):
    """events_retention_days: partitions past it go within seconds, and no
    others"""
    today = datetime.datetime.now(datetime.timezone.utc).date()
    names = {}
    for days in (3, 10, 20):
        day = today - datetime.timedelta(days=days)
        s.sql("SET ROLE _mast_ctl; SELECT mast.ensure_partition('events', "
              "'created_at', %s); RESET ROLE", day)
        names[days] = "events_" + day.strftime("%Y%m%d")
        s.sql("INSERT INTO mast.events (created_at, node_id, node_name, "
              "severity, category, message) VALUES (%s, "
              "gen_random_uuid(), 'old', 'info', 'retention', 'x')",
              "%s 12:00:00+00" % day)

    def left():
        return sorted(d for d in names if s.one(
            "SELECT to_regclass('mast.' || %s) IS NOT NULL", names[d]))
    with Set(s, events_retention_days=12):
        mast.wait_until(lambda: left() == [3, 10], 10, "20 days are gone")
    with Set(s, events_retention_days=5):
        mast.wait_until(lambda: left() == [3], 10, "10 days are gone")
    tap.equal(s.one("SELECT count(*) FROM mast.events "
                    "WHERE category = 'retention'"), 1)


def pings(node, upto, limit):
    """How long until so many pings have come."""
    begin = time.monotonic()
    while upto > 0:
        left = begin + limit * mast.PATIENCE - time.monotonic()
        if json.loads(node.ws.recv(max(left, 0.1))[1])["type"] == "ping":
            upto -= 1
    return time.monotonic() - begin


def test_keepalive(s):
    """ws_keepalive_interval_secs: also for a session that is open, whose
    clock was set for long"""
    with Set(s, ws_keepalive_interval_secs=300,
             node_offline_threshold_secs=3600):
        time.sleep(2)                   # the hub has read it
        n = s.node("quiet", auto=False)
        # The clock of the session stands at 300 s now.
        put(s, ws_keepalive_interval_secs=1).want(200)
        took = pings(n, 4, 20)
        assert 2 < took < 12 * mast.PATIENCE, took
        tap.equal(state(s, n.id), "online")
        n.drop()


def test_offline(s):
    """node_offline_threshold_secs: the silent go then, not sooner, and
    after a ping; who answers stays"""
    begin = time.monotonic()            # no later than the silence
    silent = s.node("silent", auto=False)
    live = s.node("live")
    with Set(s, node_offline_threshold_secs=5):
        tap.equal(closed(silent, 15 * mast.PATIENCE),
                  (1008, "no sign of life"))
        took = time.monotonic() - begin
        assert 3 < took < 12 * mast.PATIENCE, took
        mast.wait_until(lambda: state(s, silent.id) == "offline", 5,
                        "offline")
        mast.wait_until(lambda: any(d["type"] == "ping"
                                    for d in live.seen), 10, "asked")
        tap.equal(state(s, live.id), "online")
        tap.equal(live.closed, None)
    # The other way: 60 s of silence would be three pings of 15 s and more.
    with Set(s, node_offline_threshold_secs=60, ws_keepalive_interval_secs=1):
        mute = s.node("mute", auto=False)
        took = pings(mute, 8, 40)
        tap.equal(state(s, mute.id), "online")
        mute.drop()
    live.close()


def test_lifetime(s):
    """session_lifetime_hours: for the next sign-in, in cookie and database;
    an open session keeps its end"""
    s.user_add("lifetime", "viewer")
    before = s.session_for("lifetime")
    end = before.get("/api/v1/auth/me").want(200).json["session"]
    with Set(s, session_lifetime_hours=2):
        c = mast.Session(s, source="127.9.9.1")
        r = c.signin("lifetime", "Passw0rd-x").want(200)
        ages = [v.rsplit("Max-Age=", 1)[1] for k, v in r.headers
                if k.lower() == "set-cookie"]
        tap.equal(ages, ["7200", "7200"])
        text = c.get("/api/v1/auth/me").json["session"]["expires_at"]
        left = datetime.datetime.fromisoformat(
            text.replace("Z", "+00:00")).timestamp() - time.time()
        assert 7000 < left <= 7210, left
        tap.equal(before.get("/api/v1/auth/me").want(200).json["session"],
                  end)


def test_attempts(s):
    """max_login_attempts: the limit of the next sign-in"""
    s.user_add("attempts", "viewer")
    addresses = iter("127.9.8.%d" % i for i in range(1, 250))

    def limit():
        c = mast.Session(s, source=next(addresses))
        return c.signin("attempts", "Passw0rd-x").header("RateLimit-Policy")
    with Set(s, max_login_attempts=2):
        mast.wait_until(lambda: limit() == '"signin";q=2;w=60', 5, "the setting", step=0.2)
        c = mast.Session(s, source=next(addresses))
        tap.equal([c.signin("attempts", "Passw0rd-x").status
                   for _ in range(3)], [200, 200, 429])
    mast.wait_until(lambda: limit() == '"signin";q=5;w=60', 5, "the default", step=0.2)


def test_broadcast(s):
    """stats_broadcast_interval_ms: a browser that waits for the end of a
    long interval is not left waiting when it becomes short"""
    n = s.node("broadcast")
    sock = s.admin().dashboard()
    stop = threading.Event()

    def pour():
        while not stop.wait(0.2):
            n.stats()

    def update(timeout):
        while True:
            doc = json.loads(sock.recv(timeout)[1])
            if doc["type"] == "dashboard_update":
                return
    t = threading.Thread(target=pour)
    t.start()
    try:
        with Set(s, stats_broadcast_interval_ms=60000):
            def silent():
                try:
                    update(4)
                except TimeoutError:
                    return True
                return False
            mast.wait_until(silent, 20, "the long interval")
            put(s, stats_broadcast_interval_ms=100).want(200)
            begin = time.monotonic()
            update(20 * mast.PATIENCE)
            took = time.monotonic() - begin
            assert took < 5 * mast.PATIENCE, took
    finally:
        stop.set()
        t.join()
        sock.close()
        n.close()


if __name__ == "__main__":
    mast.main(sys.modules[__name__])
