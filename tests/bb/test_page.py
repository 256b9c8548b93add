#!/usr/bin/python3
"""The page in a real browser: sign-in by keyboard, live rows, honest when
nothing comes, hostile strings as text, nothing to complain about."""
import gzip
import json
import re
import signal
import sys

import browser
import mast
import tap

HOSTILE = "<img src=x onerror=alert(1)>"
EVIL = "</td><script>alert(2)</script> {{7*7}}"

# WCAG relative luminance of every visible text against what is behind it.
CONTRAST = """(() => {
  const lum = (c) => {
    const f = (v) => (v /= 255) <= .04045 ? v / 12.92 :
        ((v + .055) / 1.055) ** 2.4;
    return .2126 * f(c[0]) + .7152 * f(c[1]) + .0722 * f(c[2]);
  };
  const rgb = (t) => t.match(/[\\d.]+/g).map(Number);
  const back = (n) => {
    for (; n; n = n.parentElement) {
      const c = rgb(getComputedStyle(n).backgroundColor);
      if (c.length < 4 || c[3] > .99) return c;
    }
    return [255, 255, 255];
  };
  const bad = [];
  const walk = document.createTreeWalker(document.body, 4);
  while (walk.nextNode()) {
    const t = walk.currentNode, n = t.parentElement;
    if (!t.data.trim() || !n.checkVisibility() ||
        n.closest('.sr, .skip, noscript, script, button:disabled'))
      continue;
    const a = lum(rgb(getComputedStyle(n).color)), b = lum(back(n));
    const ratio = (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
    if (ratio < 4.5)
      bad.push(`${ratio.toFixed(2)} ${t.data.trim().slice(0, 40)}`);
  }
  return bad;
})()"""


class World:
    def __init__(self, s):
        self.b = None
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
        self.b = browser.Browser()
        self.b.size(1280, 900)

    def feed(self):
        for n in (self.good, self.bad):
            n.stats()
        self.relay.stats(name="relay_stats_1_head")


def world(s):
    if not hasattr(s, "world"):
        s.world = World(s)
    return s.world


def row(name):
    return ("[...document.querySelectorAll('tbody tr')].find((r) => "
            "r.querySelector('.node-name').textContent === %s)" %
            json.dumps(name))


def quiet(b, allowed=()):
    """No complaint since the last time, but for those allowed."""
    left = [c for c in b.complaints
            if not any(re.search(a, c) for a in allowed)]
    b.complaints.clear()
    tap.equal(left, [], "complaints of the browser")


def test_files(s):
    """The page and its files: types, strict policy, caching, gzip"""
    r = s.nobody().get("/").want(200)
    text = r.body.decode()
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
    names = set(re.findall(r'(?:href|src)="(/assets/[^"]+)"', text))
    assert len(names) >= 9, names
    for name in names:
        plain = s.nobody().get(name).want(200)
        tap.contains(plain.header("Cache-Control"), "immutable", name)
        small = s.nobody().get(name, headers={
            "Accept-Encoding": "gzip"}).want(200)
        if small.header("Content-Encoding") == "gzip":
            tap.equal(gzip.decompress(small.body), plain.body, name)
            assert len(small.body) < len(plain.body)
            assert small.header("ETag") != plain.header("ETag")
            tap.contains(small.header("Vary"), "Accept-Encoding", name)
        s.nobody().get(name, headers={
            "If-None-Match": plain.header("ETag")}).want(304)
    one = sorted(names)[0]
    for path in (re.sub("assets/[^/]*", "assets/0", one), one + "x",
                 re.sub("[^/]*$", "index.html", one),
                 re.sub("[^/]*$", "..%2findex.html", one)):
        s.nobody().get(path).problem(404)
    assert "style=" not in text and "onclick" not in text
    assert "http://" not in text.replace("http://www.w3.org", "")


def test_sign_in(s):
    """Sign-in by keyboard; a wrong password says so and stays"""
    w = world(s)
    b = w.b
    b.go(s.url + "/" if not s.url.endswith("/") else s.url)
    b.until("document.activeElement.id === 'username'", "focus on the form")
    quiet(b)
    b.shot("sign-in")
    b.type(s.info["admin"]["username"])
    b.key("Tab", 9)
    tap.equal(b.js("document.activeElement.id"), "password")
    b.type("wrong")
    b.key("Enter", 13, "\r")
    b.until("document.getElementById('sign-in-error').textContent",
            "the refusal")
    quiet(b, [r"^log: network .*401"])
    b.type(s.info["admin"]["password"])
    b.key("Enter", 13, "\r")
    b.until("!document.getElementById('board').hidden", "the board")
    b.until("document.getElementById('pill').dataset.state === 'live'",
            "live")
    quiet(b)


def test_live(s):
    """Rows show what the nodes said, and change in place"""
    w = world(s)
    b = w.b
    w.feed()
    r = row("edge-sydney-01")
    b.until(r + "?.innerText.includes('Online')", "the node online")
    b.until(r + "?.innerText.includes('1 of 1')", "its flows")
    b.until(r + "?.innerText.includes('8.01 Mb/s')", "its bitrate")
    b.js("window.kept = %s; 0" % r)
    w.feed()
    b.until(row("relay-frankfurt" + 113 * "x") + "?.innerText.includes('tunnels')",
            "the relay's tunnels")
    assert b.js("window.kept === " + r), "the row was made anew"
    assert b.js(row("edge-tokyo-02") + ".innerText.includes('Pending')")
    tap.contains(b.js("document.getElementById('totals').innerText"),
                 "3 of 4")
    b.until("document.getElementById('events').innerText.includes("
            "'packet loss above 2 %')", "the event")
    quiet(b)


def test_hostile_text(s):
    """What nodes say stays text, in every place"""
    w = world(s)
    b = w.b
    r = row(HOSTILE)
    b.until("!!" + r, "the hostile name as text")
    b.until("document.getElementById('events').textContent.includes(%s)" %
            json.dumps(EVIL), "the hostile event as text")
    tap.equal(b.js("document.querySelectorAll('main img, main script, "
                   "main iframe').length"), 0, "elements made of strings")
    tap.equal(b.dialogs, 0)
    assert not b.js("(() => { try { document.body.innerHTML = '<b>x'; "
                    "return true } catch { return false } })()"), \
        "the policy lets strings become markup"
    b.complaints.clear()


def test_filter(s):
    """The filter and its check box narrow the table"""
    b = world(s).b
    visible = "document.querySelectorAll('tbody tr').length"
    tap.equal(b.js(visible), 4)
    b.js("document.getElementById('filter').focus(); 0")
    b.type("SYDNEY")
    b.until(visible + " === 1", "one row")
    b.type("-nothing")
    b.until("document.getElementById('nodes').innerText.includes("
            "'No node matches')", "the empty text")
    b.js("const f = document.getElementById('filter'); f.value = ''; "
         "f.dispatchEvent(new Event('input')); 0")
    b.until(visible + " === 4", "all rows")
    quiet(b)


def test_looks(s):
    """Light and dark, wide and 360 px: no overflow, AA contrast"""
    w = world(s)
    b = w.b
    for width in (1280, 768, 360):
        for dark in (False, True):
            b.size(width, 900, dark)
            w.feed()
            b.until("document.getElementById('pill').dataset.state "
                    "=== 'live'", "live")
            wide = b.js("document.documentElement.scrollWidth")
            assert wide <= width, "%d px wide at %d" % (wide, width)
            tap.equal(b.js(CONTRAST), [], "contrast at %d %s" % (
                width, "dark" if dark else "light"))
            b.shot("page-%d-%s" % (width, "dark" if dark else "light"))
    b.size(1280, 900)
    quiet(b)


def test_names(s):
    """A screen reader finds named controls, a table and landmarks"""
    b = world(s).b
    tree = b.call("Accessibility.getFullAXTree")["nodes"]
    seen = {}
    for n in tree:
        if n.get("ignored"):
            continue
        role = n.get("role", {}).get("value")
        name = (n.get("name") or {}).get("value") or ""
        seen.setdefault(role, []).append(name)
    for role in ("searchbox", "checkbox", "button"):
        assert all(seen[role]), (role, seen[role])
    for role in ("main", "banner", "table", "columnheader", "rowheader",
                 "heading", "status"):
        assert seen.get(role), role
    tap.equal(len(seen["columnheader"]), 7)
    b.size(360, 800)
    tree = b.call("Accessibility.getFullAXTree")["nodes"]
    roles = [n["role"]["value"] for n in tree if not n.get("ignored")]
    assert "table" in roles and "rowheader" in roles, "on a narrow page"
    b.size(1280, 900)


def test_reload(s):
    """A reload keeps the session and knows the user"""
    b = world(s).b
    b.call("Page.reload")
    b.until("document.getElementById('pill')?.dataset.state === 'live'",
            "live again")
    b.until("document.getElementById('who-name').textContent", "the name")
    quiet(b)


def test_honest(s):
    """Without data the page says so instead of showing old numbers"""
    w = world(s)
    b = w.b
    s.kill("apid", signal.SIGSTOP, wait=False)
    try:
        b.until("/^No data for \\d+ s$/.test(document.getElementById("
                "'pill-text').textContent)", "the pill says it", 20)
        text = b.js(row("edge-sydney-01") + ".innerText")
        assert "Mb/s" not in text and "Online" not in text, text
        assert "Mb/s" not in b.js(
            "document.getElementById('totals').innerText")
        tap.equal(b.js(CONTRAST), [], "contrast of a stale page")
        b.shot("page-stale")
    finally:
        s.kill("apid", signal.SIGCONT, wait=False)
        s.down.discard("apid")
    w.feed()
    b.until("document.getElementById('pill').dataset.state === 'live'",
            "live again", 40)
    quiet(b, [r"^log: network", r"WebSocket", r"^log: other"])


def test_node_leaves(s):
    """A node that goes turns offline and needs attention"""
    w = world(s)
    b = w.b
    w.bad.close()
    b.until(row(HOSTILE) + "?.innerText.includes('Offline')", "offline")
    b.until("document.getElementById('headline').textContent.includes("
            "'attention')", "the headline")
    b.shot("page-attention")
    # apid refuses until it knows again that its sessions are current.
    quiet(b, [r"^log: network .*503"])


def test_session_ends(s):
    """When the session ends elsewhere the form is back and says why"""
    b = world(s).b
    s.sql("UPDATE mast.sessions SET revoked_at = now() "
          "WHERE revoked_at IS NULL")
    b.until("!document.getElementById('sign-in').hidden", "the form")
    tap.contains(b.js("document.getElementById('sign-in-error')"
                      ".textContent"), "ended")
    tap.equal(b.js("document.querySelectorAll('tbody tr').length"), 0,
              "rows left after the end")
    quiet(b, [r"^log: network .*401"])


def test_close(s):
    """The browser ends"""
    w = getattr(s, "world", None)
    if w is not None and w.b is not None:
        w.b.close()


if __name__ == "__main__":
    mast.main(sys.modules[__name__])
