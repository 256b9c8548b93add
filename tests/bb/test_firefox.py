#!/usr/bin/python3
"""The dashboard in Firefox ESR: sign-in by keyboard, every page opened, rows
that live, and nothing that the browser or the page's policy complains
about."""
import re
import sys

import firefox
import mast
import tap
import uikit
from uikit import EVIL, HOSTILE, row

PAGES = [("/dashboard", "nodes"), ("/nodes", "Nodes"),
         ("/topology", "Topology"), ("/alarms", "Alarms"),
         ("/events", "Events"), ("/tunnels", "Tunnels"),
         ("/ai/assistant", "Assistant"), ("/ai/settings", "AI keys"),
         ("/admin/users", "Users"), ("/admin/tokens", "tokens"),
         ("/admin/audit", "Audit"), ("/admin/settings", "Settings"),
         ("/account", "account"), ("/api", "API")]


def page(s):
    if not hasattr(s, "page"):
        s.n = s.node("edge-firefox")
        s.bad = s.node(HOSTILE, version=EVIL)
        s.page = uikit.Page(s, firefox.Firefox)
    return s.page


def test_sign_in(s):
    """Sign-in by keyboard; the page is live"""
    p = page(s)
    p.signin()
    p.until(p.heading("nodes"), "the overview")
    p.quiet()


def test_every_page(s):
    """Every page opens, narrow and wide, without a complaint"""
    p = page(s)
    ways = set(p.js("[...document.querySelectorAll('.side a')].map("
                    "(a) => a.getAttribute('href'))"))
    tap.equal(ways - {path for path, _ in PAGES}, set(), "pages left out")
    node = "/nodes/" + s.n.id
    for path, heading in PAGES + [
            (node + tab, "edge-firefox") for tab in (
                "", "/history", "/config", "/commands", "/events")]:
        p.visit(path, p.heading(heading))
        for width in (1280, 360):
            p.size(width, 900)
            wide = p.js("document.documentElement.scrollWidth")
            assert wide <= width, "%s: %d wide at %d" % (path, wide, width)
        tap.equal(p.js(uikit.CONTRAST), [], "contrast of " + path)
        p.shot("firefox" + re.sub(r"/[0-9a-f-]{36}|/", "-", path))
        p.size(1280, 900)
        p.harmless(path)
        p.quiet()


def test_live(s):
    """Rows follow what the nodes say"""
    p = page(s)
    p.visit("/nodes", row("edge-firefox"))
    s.n.stats()
    s.bad.stats()
    r = row("edge-firefox")
    p.until(r + "?.innerText.includes('8.01 Mb/s')", "its bitrate")
    doc = mast.sample("edge_stats_1udp_head")["payload"]
    doc["flows"][0]["input"]["bitrate_bps"] = 123000000
    p.js(r + ".mark = true; 0")
    s.n.stats(doc)
    p.until(r + "?.innerText.includes('123 Mb/s')", "the new bitrate")
    assert p.js(r + ".mark"), "the row was made again"
    p.until(row(HOSTILE), "the hostile name as text")
    p.quiet()


def test_dialog(s):
    """A dialog is filled in by keyboard and does what it says"""
    p = page(s)
    p.press("Add a node", "main")
    p.dialog("node")
    p.fill("Name", "made-in-firefox")
    p.key("Enter", 13, "\r")
    p.until(row("made-in-firefox"), "the new node")
    p.key("Escape", 27)
    p.closed()
    p.quiet()


def test_complaints(s):
    """What is wrong would have been seen"""
    p = page(s)
    for script, want in (
            ("console.error('a word'); 0", "a word"),
            ("setTimeout(() => nothing()); 0", "nothing"),
            ("Promise.reject(new Error('broken')); 0", "rejection: .*broken"),
            ("(() => { const s = document.createElement('style'); "
             "s.textContent = 'a {}'; document.head.append(s); })()",
             "policy: style-src"),
            ("try { document.body.innerHTML = '<b>x' } catch { } 0",
             "policy: (require-trusted-types|trusted-types)")):
        p.js(script)
        p.until("1", "a turn")
        mast.wait_until(lambda: p.js("0") == 0 and any(
            re.search(want, c) for c in p.b.complaints), 10,
            "the complaint %s in %r" % (want, p.b.complaints))
        p.b.complaints.clear()


def test_sign_out(s):
    """Sign-out leads to the form"""
    p = page(s)
    p.goto("/nodes")
    p.live()
    p.b.complaints.clear()
    p.js("document.getElementById('sign-out').click(); 0")
    p.until("location.pathname === '/login'", "signed out")


def test_close(s):
    """The browser ends"""
    if hasattr(s, "page"):
        s.page.close()


if __name__ == "__main__":
    mast.main(sys.modules[__name__])
