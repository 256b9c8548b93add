#!/usr/bin/python3
"""The budget of requests, with one so small that it is soon used up."""
import re
import sys

import mast
import tap

POLICY = '"default";q=30;w=15'


def left(r):
    """(remaining, reset) of an answer; its policy is checked."""
    tap.equal(r.header("RateLimit-Policy"), POLICY)
    m = re.fullmatch(r'"default";r=(\d+);t=(\d+)', r.header("RateLimit"))
    assert m, r.header("RateLimit")
    return int(m.group(1)), int(m.group(2))


def use_up(user, path):
    """Asks until it is refused; how many answers there were."""
    for n in range(100):
        r = user.get(path)
        if r.status == 429:
            return n, r
        rest, reset = left(r)
        assert 0 <= rest < 30 and 0 <= reset <= 15, (rest, reset)
    raise AssertionError("never refused")


def test_counts_down(s):
    """What is left goes down with each answer, refusals included"""
    s.user_add("counts", "viewer")
    u = s.session_for("counts")
    first, _ = left(u.get("/api/v1/auth/me").want(200))
    assert first >= 28, first
    left(u.get("/api/v1/nodes/" + "0" * 8 + "-0000-4000-8000-" + "0" * 12))
    left(u.post("/api/v1/nodes", {"name": "x"}).problem(403))
    u.request("POST", "/api/v1/auth/logout", csrf=False).problem(403)
    last, _ = left(u.get("/api/v1/events").want(200))
    assert last <= first - 2, (first, last)


def test_refused(s):
    """Used up: 429 with Retry-After, then it fills again; the sessions of a
    user share it, other users do not"""
    s.user_add("greedy", "viewer")
    s.user_add("modest", "viewer")
    one, two = s.session_for("greedy"), s.session_for("greedy")
    n, r = use_up(one, "/api/v1/auth/me")
    assert 30 <= n <= 60, n
    r.problem(429, "rate-limited")
    tap.equal(left(r)[0], 0)
    tap.equal(r.header("Retry-After"), "1")
    refused = [two.get("/api/v1/auth/me").status for _ in range(5)]
    assert 429 in refused, refused
    s.session_for("modest").get("/api/v1/auth/me").want(200)
    # Health and sign-in are no part of it.
    for _ in range(40):
        for path in ("/health", "/livez", "/readyz"):
            r = one.get(path).want(200)
            tap.equal((r.header("RateLimit"), r.header("RateLimit-Policy")),
                      (None, None))
    mast.wait_until(lambda: one.get("/api/v1/auth/me").status == 200, 10,
                    "the bucket fills", step=0.3)


def test_by_address(s):
    """What is public counts for its address"""
    n, r = use_up(mast.Session(s, source="127.0.7.1"), "/")
    assert 30 <= n <= 60, n
    r.problem(429)
    mast.Session(s, source="127.0.7.2").get("/").want(200)
    r = mast.Session(s, source="127.0.7.1").signin(
        s.info["admin"]["username"], s.info["admin"]["password"]).want(200)
    tap.equal(r.header("RateLimit-Policy"), '"signin";q=5;w=60')


if __name__ == "__main__":
    mast.main(sys.modules[__name__], settings=["apid.rate_per_second=2",
                                               "apid.rate_burst=30"])
