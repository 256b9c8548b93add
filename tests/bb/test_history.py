#!/usr/bin/python3
"""History: samples, counters that begin anew, gaps, roll-ups, retention, and
the strip of states."""
import copy
import datetime
import sys

import mast
import tap

NAMES = ["bitrate", "bitrate_out", "packets_lost", "rtt", "cpu", "ram",
         "tr101290_p1", "tr101290_p2", "active", "peers"]


def path(n, **query):
    return "/api/v1/nodes/%s/metrics?%s" % (n.id, "&".join(
        "%s=%s" % kv for kv in query.items()))


def metrics(s, n, user=None, **query):
    r = (user or s.admin()).get(path(n, **query)).want(200).json
    return {x["metric"]: x["points"] for x in r["series"]}, r


def stats(lost=100, errors=2, rate=8000000):
    doc = copy.deepcopy(mast.sample("edge_stats_1udp_head")["payload"])
    flow = doc["flows"][0]
    flow["input"].update(packets_lost=lost, bitrate_bps=rate)
    flow["tr101290"] = {"cc_errors": errors}
    doc["system_resources"] = {"cpu_percent": 12.5, "ram_percent": 40.0}
    return doc


def test_samples(s):
    """Stats become points, counters rates, and an idle flow a gap"""
    n = s.node("history-samples")
    n.stats(stats(lost=1000, errors=50))
    mast.wait_until(lambda: "cpu" in metrics(s, n)[0], 15, "a sample")
    got, r = metrics(s, n)
    tap.equal(sorted(got), ["active", "cpu", "ram"])
    tap.equal([p[1:] for p in got["cpu"]], [[12.5] * 3])
    tap.equal((r["object"], r["objects"], r["step"]),
              (None, ["flow-001"], 10))
    got, r = metrics(s, n, object="flow-001")
    tap.equal(sorted(got), ["bitrate", "bitrate_out"],
              "the first look at a counter is no rate")
    # Ten seconds later it has grown; then it begins anew.
    lost = iter((1100, 40))
    for least, now in ((1, next(lost)), (2, next(lost))):
        def more():
            n.stats(stats(lost=now, errors=50))
            got = metrics(s, n, object="flow-001")[0]
            return len(got.get("packets_lost", ())) >= least
        mast.wait_until(more, 25, "rate %d" % least, step=0.5)
    got, _ = metrics(s, n, object="flow-001")
    rates = [p[2] for p in got["packets_lost"]]
    tap.equal(len(rates), 2)
    # Grown by 100, then to 40 from nothing, in some ten seconds each.
    assert 4 < rates[0] <= 10 and 1.5 < rates[1] <= 4, rates
    tap.equal([p[2] for p in got["tr101290_p1"]][0], 0)
    idle = copy.deepcopy(mast.sample("edge_stats_stopped1_head")["payload"])
    before = len(metrics(s, n)[0]["active"])

    def idled():
        n.stats(idle)
        return len(metrics(s, n)[0]["active"]) > before
    mast.wait_until(idled, 25, "a look at the idle flow", step=0.5)
    tap.equal(len(metrics(s, n, object="flow-001")[0]["packets_lost"]), 2)
    n.close()


def put(s, n, at, values, obj="f"):
    """A sample some seconds ago, of bitrate and rtt."""
    v = "{%s,NULL,NULL,%s,NULL,NULL,NULL,NULL,NULL,NULL}" % values
    s.sql("INSERT INTO mast.samples (node_id, object, at, v) VALUES "
          "(%s, %s, %s::timestamptz, %s::real[])", n.id, obj, at, v)


def minute(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))


def test_rollups(s):
    """Minutes, tens and hours keep minimum, mean and maximum; again the same
    comes out; gaps stay gaps"""
    n = s.node("history-rollups")
    base = s.one("SELECT to_char(date_bin('1 hour', now(), 'epoch') AT TIME "
                 "ZONE 'UTC' - interval '5 hours', "
                 "'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"')")
    t0 = minute(base)

    def at(secs):
        return (t0 + datetime.timedelta(seconds=secs)).isoformat()
    for i, v in enumerate((1, 2, 6)):       # first minute
        put(s, n, at(i * 10), (v, "NULL" if i else 5))
    put(s, n, at(130), (10, "NULL"))        # third; the second is a gap
    put(s, n, at(660), (100, "NULL"))       # in the next ten
    s.sql("UPDATE mast.rollup_marks SET until = %s::timestamptz", base)
    for again in range(2):
        for _ in range(40):
            s.sql("SELECT mast.rollup(now())")
        q = dict(object="f", to=base.replace(":00:00Z", ":59:59Z"))
        q["from"] = base
        got, r = metrics(s, n, step=60, **q)
        tap.equal(r["step"], 60)
        tap.equal([p[1:] for p in got["bitrate"]],
                  [[1, 3, 6], [10, 10, 10], [100, 100, 100]])
        tap.equal([(minute(p[0]) - t0).total_seconds()
                   for p in got["bitrate"]], [0, 120, 660])
        tap.equal([p[1:] for p in got["rtt"]], [[5, 5, 5]])
        got, _ = metrics(s, n, step=600, metric="bitrate", **q)
        tap.equal(sorted(got), ["bitrate"])
        # (1 + 2 + 6 + 10) / 4, weighed by their number
        tap.equal([p[1:] for p in got["bitrate"]],
                  [[1, 4.75, 10], [100, 100, 100]])
        got, _ = metrics(s, n, step=3600, **q)
        tap.equal([p[1:] for p in got["bitrate"]], [[1, 23.8, 100]])
        s.sql("UPDATE mast.rollup_marks SET until = %s::timestamptz", base)
    for table, rows in (("minutes", 3), ("tens", 2), ("hours", 1)):
        tap.equal(s.one("SELECT count(*) FROM mast.%s WHERE node_id = '%s'"
                        % (table, n.id)), rows, table)
    # The raw ones go, what was made of them stays.
    s.sql("UPDATE mast.samples SET at = at - interval '40 days' "
          "WHERE node_id = %s", n.id)
    s.sql("SELECT mast.drop_old_partitions()")
    tap.equal(s.one("SELECT count(*) FROM mast.samples WHERE node_id = %s",
                    n.id), 0)
    tap.equal(s.one("SELECT count(*) FROM mast.minutes WHERE node_id = %s",
                    n.id), 3)
    got, r = metrics(s, n, **dict(q, **{"from": (
        t0 - datetime.timedelta(days=100)).isoformat().replace("+", "%2B")}))
    tap.equal((r["step"] >= 3600, len(got["bitrate"])), (True, 1),
              "long ago there are hours only")
    tap.equal(r["objects"], ["f"])
    n.close()


def test_refused(s):
    """Bad parameters, foreign nodes, too many points"""
    n = s.node("history-refused")
    for query, pointer in (
            ("step=9", "step"), ("step=x", "step"), ("metric=none", "metric"),
            ("from=yesterday", "from"), ("to=x", "to"),
            ("from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z", "from"),
            ("from=2026-01-01T00:00:00Z&to=2026-01-01T00:00:00Z", "from"),
            ("from=2000-01-01T00:00:00Z&step=3600", "step"),
            ("object=" + "x" * 257, "object")):
        r = s.admin().get("/api/v1/nodes/%s/metrics?%s" % (n.id, query))
        tap.contains(str(r.problem(400)), pointer)
    s.admin().get("/api/v1/nodes/%s/states?range=1y" % n.id).problem(400)
    s.user_add("history-none", "admin", nodes=[])
    for what in ("metrics", "states"):
        p = "/api/v1/nodes/%s/%s" % (n.id, what)
        s.session_for("history-none").get(p).problem(403)
        s.nobody().get(p).problem(401)
        s.admin().get(p.replace(n.id, "00000000-0000-7000-8000-000000000000")
                      ).problem(404)
    n.close()


def strip(s, n, **query):
    r = s.admin().get("/api/v1/nodes/%s/states?%s" % (n.id, "&".join(
        "%s=%s" % kv for kv in query.items()))).want(200).json
    total = [0, 0, 0, 0]
    for c in r["cells"]:
        parts = [c[k] for k in ("online", "degraded", "offline", "unknown")]
        assert abs(sum(parts) - r["cell_secs"]) < 0.01, c
        total = [a + b for a, b in zip(total, parts)]
    return total, r


def near(got, want, slack=30):
    assert all(abs(a - b) < slack for a, b in zip(got, want)), (got, want)


def test_states(s):
    """A strip of cells whose seconds add up, under each range"""
    n = s.node("history-states")
    s.sql("DELETE FROM mast.node_states WHERE node_id = %s", n.id)
    for ago, state in (("50 h", "online"), ("6 h", "offline"),
                       ("5 h", "online"), ("2 h", "unknown"),
                       ("1 h", "online")):
        s.sql("INSERT INTO mast.node_states VALUES (%s, now() - "
              "%s::interval, %s)", n.id, ago, state)
    s.sql("INSERT INTO mast.alarms (node_id, code, severity, message, "
          "first_at, last_at, closed_at, closed_why) VALUES (%s, 'x', "
          "'critical', 'm', now() - interval '4 h', now(), "
          "now() - interval '3 h', 'cleared')", n.id)
    h = 3600
    total, r = strip(s, n)
    near(total, [21 * h, h, h, h])
    tap.equal((len(r["cells"]), r["cell_secs"]), (288, 300))
    total, r = strip(s, n, range="7d")
    near(total, [47 * h, h, h, (168 - 50 + 1) * h])
    tap.equal((len(r["cells"]), r["cell_secs"]), (168, 3600))
    total, r = strip(s, n, range="30d")
    near(total, [47 * h, h, h, (720 - 50 + 1) * h])
    tap.equal({c["state"] for c in r["cells"]},
              {"online", "offline", "degraded", "unknown"})
    n.close()
    mast.wait_until(lambda: s.one(
        "SELECT state FROM mast.node_states WHERE node_id = %s "
        "ORDER BY at DESC LIMIT 1", n.id) == "offline", 10, "it is offline")
    assert strip(s, n)[1]["cells"][-1]["state"] == "offline"


def test_hub_dies(s):
    """From the death of its hub to its return nobody knows"""
    n = s.node("history-crash")
    s.kill("hubd")
    died = s.one("SELECT now()::text")
    s.start("hubd")
    s.wait_ready()
    rows = s.sql("SELECT state FROM mast.node_states WHERE node_id = %s "
                 "ORDER BY at", n.id)
    tap.equal([r[0] for r in rows], ["online", "unknown", "offline"])
    tap.equal(s.one("SELECT at <= %s::timestamptz FROM mast.node_states "
                    "WHERE node_id = %s AND state = 'unknown'", died, n.id),
              True)
    n.drop()


def test_names(s):
    """The description knows every metric"""
    doc = s.nobody().get("/api/v1/openapi.json").want(200).json
    tap.equal(doc["components"]["schemas"]["Metric"]["enum"], NAMES)


if __name__ == "__main__":
    mast.main(sys.modules[__name__])
