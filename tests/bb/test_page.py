#!/usr/bin/python3
"""The dashboard's frame in a real browser: files and their policy, addresses,
sign-in by keyboard, live rows, honest when nothing comes, hostile strings as
text, nothing to complain about."""
import gzip
import json
import os
import re
import signal
import subprocess
import sys

import mast
import tap
import uikit
from uikit import EVIL, HOSTILE, row

WEIGHT = 60000  # bytes of all script and style, as a browser gets them
GUARDED = ["/dashboard", "/nodes", "/topology", "/events", "/alarms",
           "/tunnels", "/ai/assistant", "/ai/settings", "/admin/nodes",
           "/admin/users", "/admin/tokens", "/admin/audit",
           "/admin/settings", "/account", "/api"]


class World:
    def __init__(self, s):
        for n in s.admin().get("/api/v1/nodes").json:
            s.admin().delete("/api/v1/nodes/" + n["id"]).want(204)
        self.good = s.node("edge-sydney-01")
        self.bad = s.node(HOSTILE, version=EVIL)
        self.relay = s.node("relay-frankfurt" + 113 * "x", "relay")
        self.away, _ = s.admin().node_add("edge-tokyo-02",
                                          description="Rack 4, " + HOSTILE)
        self.good.event("Flow srt-1: packet loss above 2 %",
                        severity="warning", category="flow")
        self.bad.event(EVIL, severity="critical", category=HOSTILE * 8)
        self.p = uikit.Page(s)

    def feed(self):
        for n in (self.good, self.bad):
            n.stats()
        self.relay.stats(name="relay_stats_1_head")


def world(s):
    if not hasattr(s, "world"):
        s.world = World(s)
    return s.world


def assets(s):
    """Every file of the page, as it is."""
    text = s.nobody().get("/").want(200).body.decode()
    return text, {name: s.nobody().get(name).want(200) for name in
                  re.findall(r'(?:href|src)="(/assets/[^"]+)"', text)}


def unbrotli(data):
    return subprocess.run(["brotli", "-d", "-c"], input=data, check=True,
                          capture_output=True).stdout


def test_files(s):
    """The page and its files: types, strict policy, caching, codings"""
    r = s.nobody().get("/").want(200)
    tap.contains(r.header("Content-Type"), "text/html")
    policy = r.header("Content-Security-Policy")
    for part in ("default-src 'none'", "script-src 'self'",
                 "style-src 'self'", "connect-src 'self'",
                 "frame-ancestors 'none'", "base-uri 'none'",
                 "form-action 'self'",
                 "require-trusted-types-for 'script'",
                 "trusted-types 'none'"):
        tap.contains(policy, part, "policy")
    assert "unsafe" not in policy, policy
    s.nobody().get("/", headers={
        "If-None-Match": r.header("ETag")}).want(304)
    text, files = assets(s)
    tap.equal(sorted(re.sub(".*/", "", name) for name in files),
              ["icon.svg", "page.js", "style.css", "theme.js"])
    for name, plain in files.items():
        tap.contains(plain.header("Cache-Control"), "immutable", name)
        tags = {plain.header("ETag")}
        for coding, whole in (("gzip", gzip.decompress), ("br", unbrotli)):
            small = s.nobody().get(name, headers={
                "Accept-Encoding": coding}).want(200)
            tap.contains(small.header("Vary"), "Accept-Encoding", name)
            if len(plain.body) <= 1024:
                tap.equal(small.header("Content-Encoding"), None, name)
                continue
            tap.equal(small.header("Content-Encoding"), coding, name)
            tap.equal(whole(small.body), plain.body, name)
            assert len(small.body) < len(plain.body) / 2
            tags.add(small.header("ETag"))
            s.nobody().get(name, headers={
                "Accept-Encoding": coding,
                "If-None-Match": small.header("ETag")}).want(304)
        assert len(plain.body) <= 1024 or len(tags) == 3, tags
        s.nobody().get(name, headers={
            "If-None-Match": plain.header("ETag")}).want(304)
    one = sorted(files)[0]
    for path in (re.sub("assets/[^/]*", "assets/0", one), one + "x",
                 re.sub("[^/]*$", "index.html", one),
                 re.sub("[^/]*$", "..%2findex.html", one)):
        s.nobody().get(path).problem(404)
    assert "style=" not in text and "onclick" not in text
    assert "http://" not in text.replace("http://www.w3.org", "")


def test_weight(s):
    """All script and style together stay light"""
    _, files = assets(s)
    size = {"gzip": 0, "br": 0, "": 0}
    for name in files:
        if not name.endswith((".js", ".css")):
            continue
        for coding in size:
            size[coding] += len(s.nobody().get(name, headers={
                "Accept-Encoding": coding}).want(200).body)
    print("# script and style: %d bytes by Brotli, %d by gzip, %d plain" % (
        size["br"], size["gzip"], size[""]))
    assert size["br"] <= WEIGHT, size


def test_axe(s):
    """axe-core is there to look at every page"""
    if not os.path.exists(uikit.AXE):
        raise tap.Skip("needs npm ci of tests/npm")


def test_addresses(s):
    """Every address of the page needs a session, and comes back after it"""
    some = "/nodes/%s" % s.admin().get("/api/v1/nodes").json[0]["id"]
    for path in GUARDED + [some, some + "/config"]:
        r = s.nobody().get(path).want(307)
        tap.equal(r.header("Location"), "/login?next=" + path)
        tap.equal(r.header("Cache-Control"), "no-store")
        r = s.admin().get(path).want(200)
        tap.contains(r.header("Content-Type"), "text/html")
        tap.contains(r.header("Content-Security-Policy"), "trusted-types")
    s.nobody().get("/login?next=/events").want(200)
    for unsafe in ("/dashboard?x=1", "/dashboard?q=a%20b&r", "/nodes?a:b"):
        tap.equal(s.nobody().get(unsafe).want(307).header("Location"),
                  "/login?next=/dashboard")
    for missing in ("/admin/nothing", "/ai/nothing", "/nodes/x",
                    some + "/nothing", "/dashboard/x"):
        s.admin().get(missing).problem(404)
    stale = mast.Session(s)
    r = stale.request("GET", "/events", headers={
        "Cookie": "session=" + 43 * "x"}).want(307)
    tap.equal(r.header("Location"), "/login?next=/events")


def test_sign_in(s):
    """Sign-in by keyboard; a wrong password says so and stays; then one is
    where one wanted to be"""
    p = world(s).p
    p.goto("/nodes?q=sydney")
    p.until("location.pathname === '/login'", "the way to the form")
    p.goto("/login?next=/nodes%3Fq%3Dedge")
    p.until("document.activeElement.id === 'username'", "focus on the form")
    p.looks("sign-in")
    p.quiet()
    p.js("document.getElementById('username').focus(); 0")
    p.type(s.info["admin"]["username"])
    p.key("Tab", 9)
    tap.equal(p.js("document.activeElement.id"), "password")
    p.type("wrong")
    p.key("Enter", 13, "\r")
    p.until("document.getElementById('sign-in-error').textContent",
            "the refusal")
    p.quiet([r"^log: network .*401"])
    p.type(s.info["admin"]["password"])
    p.key("Enter", 13, "\r")
    p.until("location.pathname === '/nodes' && location.search === "
            "'?q=edge'", "where one wanted to be")
    p.live()
    p.quiet()
    for bad in ("//evil.example", "/\\\\evil.example", "https://evil.example"):
        p.goto("/login?next=" + bad)
        p.until("location.pathname === '/dashboard'", "not elsewhere")


def test_live(s):
    """Rows show what the nodes said, and change in place"""
    w = world(s)
    p = w.p
    p.goto("/nodes")
    p.live()
    w.feed()
    r = row("edge-sydney-01")
    p.until(r + "?.innerText.includes('Online')", "the node online")
    p.until(r + "?.innerText.includes('1 of 1')", "its flows")
    p.until(r + "?.innerText.includes('8.01 Mb/s')", "its bitrate")
    p.until(row("relay-frankfurt") + "?.innerText.includes('tunnels')",
            "the relay")
    p.until(row("edge-tokyo-02") + "?.innerText.includes('Pending')",
            "a node that was never there")
    p.js(r + ".mark = true; 0")
    doc = mast.sample("edge_stats_1udp_head")["payload"]
    doc["flows"][0]["input"]["bitrate_bps"] = 123000000
    w.good.stats(doc)
    p.until(r + "?.innerText.includes('123 Mb/s')", "the new bitrate")
    assert p.js(r + ".mark"), "the row was made again"
    p.quiet()


def test_overview(s):
    """One sentence first, the figures, the cells, and what happened"""
    w = world(s)
    p = w.p
    w.feed()
    p.visit("/dashboard", p.heading("nodes"))
    tap.equal(p.js("document.activeElement.tagName"), "H1", "focus")
    p.until(p.says("3 of 4", "#totals"), "the nodes online")
    p.until(p.says("packet loss above 2 %"), "the event")
    p.until(p.says("1 node pending"), "the legend")
    tap.contains(p.js("document.querySelector('.honeycomb')"
                      ".getAttribute('aria-label')"), "pending")
    w.good.event("No signal at the input", severity="critical",
                 category="flow", flow_id="flow-000",
                 details={"error_code": "input_lost"})
    p.until(p.heading("1 of 4 nodes needs attention"), "the sentence")
    p.until(p.says("No signal", ".attention"), "and why")
    p.looks("overview", w.feed)
    p.quiet()


def test_hostile_text(s):
    """What nodes say stays text, in every place"""
    w = world(s)
    p = w.p
    w.feed()
    p.visit("/dashboard", p.says("<img src=x onerror=alert(1)>"))
    p.until("document.getElementById('events').textContent.includes(%s)" %
            json.dumps(EVIL), "the hostile event as text")
    p.harmless("the overview")
    p.visit("/nodes", row(HOSTILE))
    p.harmless("the nodes")
    assert not p.js("(() => { try { document.body.innerHTML = '<b>x'; "
                    "return true } catch { return false } })()"), \
        "the policy lets strings become markup"
    p.b.complaints.clear()


def test_filter(s):
    """Filters narrow the table and stand in the address"""
    p = world(s).p
    visible = "document.querySelectorAll('.grid tbody:not(.spacer) tr').length"
    p.visit("/nodes", visible + " === 4")
    p.key("/", 191, "/")
    p.until("document.activeElement.id === 'filter'", "the shortcut")
    p.type("SYDNEY")
    p.until(visible + " === 1", "one row")
    tap.equal(p.js("location.search"), "?q=SYDNEY")
    p.type("-nothing")
    p.until(p.says("No node matches"), "the empty text")
    p.press("Clear")
    p.until(visible + " === 4", "all rows")
    tap.equal(p.js("location.search"), "")
    p.choose("State", "pending", "#nodes")
    p.until(visible + " === 1", "one row")
    p.goto("/nodes?state=pending&sort=-name")
    p.until(visible + " === 1 && " + row("edge-tokyo-02"), "by the address")
    p.press("Clear")
    tap.equal(p.js("document.querySelector('th[aria-sort]').textContent + "
                   "document.querySelector('th[aria-sort]').ariaSort"),
              "Namedescending")
    p.quiet()


def test_commands(s):
    """The command box and the shortcuts lead to pages and nodes"""
    p = world(s).p
    p.visit("/dashboard", p.heading("nodes"))
    p.press("Go to\u2026 Ctrl K")
    p.dialog("Go to")
    p.type("sydney")
    p.until(p.says("edge-sydney-01", "dialog"), "the node")
    p.axe("the command box")
    p.key("Escape", 27)
    p.closed()
    p.key("g", 71, "g")
    p.key("n", 78, "n")
    p.until("location.pathname === '/nodes'", "g n")
    p.key("?", 191, "?")
    p.dialog("Keyboard")
    p.axe("the shortcuts")
    p.key("Escape", 27)
    p.closed()
    p.quiet()


def test_names(s):
    """A screen reader finds named controls, a table and landmarks"""
    p = world(s).p
    p.visit("/nodes", row("edge-sydney-01"))
    tree = p.b.call("Accessibility.getFullAXTree")["nodes"]
    seen = {}
    for n in tree:
        if n.get("ignored"):
            continue
        role = n.get("role", {}).get("value")
        name = (n.get("name") or {}).get("value") or ""
        seen.setdefault(role, []).append(name)
    for role in ("searchbox", "checkbox", "button", "link"):
        assert all(seen[role]), (role, seen[role])
    for role in ("main", "banner", "table", "columnheader", "rowheader",
                 "heading", "status", "navigation"):
        assert seen.get(role), role
    p.size(360, 800)
    tree = p.b.call("Accessibility.getFullAXTree")["nodes"]
    roles = [n["role"]["value"] for n in tree if not n.get("ignored")]
    assert "table" in roles and "rowheader" in roles, "on a narrow page"
    p.press("Menu")
    p.until("document.querySelector('.side').checkVisibility()", "the menu")
    p.press("Overview", ".side")
    p.until(p.heading("nodes"), "the overview")
    p.size(1280, 900)
    p.quiet()


def test_themes(s):
    """The theme that was chosen holds over a reload, before the first paint"""
    p = world(s).p
    p.js("document.querySelector('#who summary').click(); 0")
    p.choose("Theme", "dark", "#who")
    back = "getComputedStyle(document.body).backgroundColor"
    tap.equal(p.js(back), "rgb(15, 21, 27)")
    p.axe("the open menu")
    p.b.call("Page.reload")
    p.live()
    tap.equal(p.js(back), "rgb(15, 21, 27)")
    p.js("document.querySelector('#who summary').click(); 0")
    p.choose("Theme", "system", "#who")
    tap.equal(p.js(back), "rgb(244, 246, 248)")
    tap.equal(p.js("localStorage.length"), 0)
    p.quiet()


def test_reload(s):
    """A reload keeps the session and knows the user"""
    p = world(s).p
    p.b.call("Page.reload")
    p.live()
    p.until("document.getElementById('who-name').textContent", "the name")
    p.quiet()


def test_not_found(s):
    """An address without a page says so and leads back"""
    p = world(s).p
    p.visit("/dashboard", p.heading("nodes"))
    p.js("history.pushState(null, '', '/nothing'); "
         "dispatchEvent(new PopStateEvent('popstate')); 0")
    p.until(p.heading("not found"), "the notice")
    p.press("To the overview")
    p.until(p.heading("nodes"), "the overview")
    p.js("history.back(); 0")
    p.until(p.heading("not found"), "back")
    p.js("history.forward(); 0")
    p.until(p.heading("nodes"), "forward")
    p.quiet()


def test_honest(s):
    """Without data the page says so instead of showing old numbers"""
    w = world(s)
    p = w.p
    p.visit("/nodes", row("edge-sydney-01"))
    s.kill("apid", signal.SIGSTOP, wait=False)
    try:
        p.until("/^No data for \\d+ s$/.test(document.getElementById("
                "'pill-text').textContent)", "the pill says it", 20)
        text = p.js(row("edge-sydney-01") + ".innerText")
        assert "Mb/s" not in text and "Online" not in text, text
        tap.equal(p.js(uikit.CONTRAST), [], "contrast of a stale page")
        p.shot("nodes-stale")
    finally:
        s.kill("apid", signal.SIGCONT, wait=False)
        s.down.discard("apid")
    w.feed()
    p.live(40)
    p.quiet([r"^log: network", r"WebSocket", r"^log: other"])


def test_node_leaves(s):
    """A node that goes turns offline and needs attention"""
    w = world(s)
    p = w.p
    w.bad.close()
    p.until(row(HOSTILE) + "?.innerText.includes('Offline')", "offline")
    p.visit("/dashboard", p.heading("attention"))
    p.shot("overview-attention")
    # apid refuses until it knows again that its sessions are current.
    p.quiet([r"^log: network .*503"])


def test_session_ends(s):
    """When the session ends elsewhere the form is back, says why, and leads
    back to where one was"""
    p = world(s).p
    p.visit("/nodes?q=edge", row("edge-sydney-01"))
    s.sql("UPDATE mast.sessions SET revoked_at = now() "
          "WHERE revoked_at IS NULL")
    p.until("document.getElementById('sign-in')", "the form", 40)
    tap.contains(p.js("document.getElementById('sign-in-error')"
                      ".textContent"), "ended")
    tap.equal(p.js("document.querySelectorAll('tbody tr').length"), 0,
              "rows left after the end")
    p.quiet([r"^log: network .*401"])
    p.type(s.info["admin"]["username"])
    p.key("Tab", 9)
    p.type(s.info["admin"]["password"])
    p.key("Enter", 13, "\r")
    p.until("location.pathname + location.search === '/nodes?q=edge'",
            "where one was")
    p.live()
    p.signout()
    tap.equal(p.js("document.getElementById('sign-in-error').textContent"),
              "")
    p.quiet()


def test_close(s):
    """The browser ends"""
    w = getattr(s, "world", None)
    if w is not None:
        w.p.close()


if __name__ == "__main__":
    mast.main(sys.modules[__name__])
