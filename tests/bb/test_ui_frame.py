#!/usr/bin/python3
"""What holds on every page: each role with its nodes alone, hostile strings,
menus and focus, a hidden tab, a wall screen, paper, the user's time zone."""
import re
import sys

import mast
import tap
import uikit
from uikit import EVIL, HOSTILE, LONG, row

FOREIGN = "foreign-7731"
TABS = ["", "/history", "/config", "/commands", "/events"]
ROLES = [("frame-viewer", "viewer"), ("frame-operator", "operator"),
         ("frame-admin", "admin"), (None, "super_admin")]
# Every page of the navigation, and the least role that it is for.
PAGES = {"/dashboard": None, "/nodes": None, "/topology": None,
         "/alarms": None, "/events": None, "/tunnels": "operator",
         "/ai/assistant": None, "/ai/settings": None,
         "/admin/users": "admin", "/admin/tokens": None,
         "/admin/audit": "admin", "/admin/settings": "admin",
         "/account": None, "/api": None}
RANK = ["viewer", "operator", "admin", "super_admin"]


class World:
    """A fleet whose every string is hostile, and a node that none but a
    super admin may see."""

    def __init__(self, s):
        self.s = s
        config = {"version": 2, "flows": [{"id": EVIL, "name": HOSTILE}],
                  "inputs": [{"id": HOSTILE, "type": EVIL[:40]}],
                  "outputs": []}
        self.evil = s.node(HOSTILE, version=EVIL[:200])
        self.relay = s.node(EVIL, "relay", version=EVIL[:200])
        self.other = s.node("edge-frame")
        self.foreign = s.node(FOREIGN)
        self.nodes = (self.evil, self.relay, self.other, self.foreign)
        for n in self.nodes:
            n.config = config
            n.on_command = lambda cid, action: {
                "success": False, "error": EVIL, "error_code": HOSTILE}
        s.admin().put("/api/v1/nodes/" + self.evil.id,
                      {"description": "\u202e" + EVIL}).want(200)
        for n in (self.evil, self.foreign):
            n.event(LONG, severity="critical", category=HOSTILE * 8,
                    flow_id=EVIL[:60], details={
                        "error_code": "input_lost", HOSTILE: EVIL})
            n.event("%s of %s" % (EVIL, n.id), category=EVIL)
        s.admin().command(self.evil.id, {"type": "stop_flow",
                                         "flow_id": EVIL}).problem(422)
        for name, a, b in ((EVIL, self.evil, self.other),
                           ("to the other", self.foreign, self.other)):
            s.admin().post("/api/v1/tunnels", {
                "name": name, "protocol": "udp", "mode": "relay",
                "ingress_node_id": a.id, "egress_node_id": b.id,
                "ingress_listen_port": 7100 if a is self.evil else 7200,
                "egress_forward_addr": "127.0.0.1:5004",
                "relay_node_id": self.relay.id,
                "relay_addr": "192.0.2.1:4433"}).want(200)
        mine = [n.id for n in (self.evil, self.relay, self.other)]
        for name, role in ROLES[:-1]:
            s.user_add(name, role, nodes=mine)
            s.sql("UPDATE mast.users SET display_name = %s, email = %s "
                  "WHERE username = %s", EVIL, "<b>@example.org", name)
            s.session_for(name).post("/api/v1/tokens", {
                "name": HOSTILE, "max_role": "viewer", "node_ids": None,
                "read_only": True}).want(201)
        self.p = uikit.Page(s)

    def feed(self):
        doc = mast.sample("edge_stats_1srt_head")["payload"]
        f = doc["flows"][0]
        f["flow_id"], f["flow_name"], f["health"] = EVIL, HOSTILE, HOSTILE
        f["input"]["local_addr"] = f["outputs"][0]["output_name"] = EVIL
        for n in (self.evil, self.other, self.foreign):
            n.stats(doc)
        self.relay.stats(name="relay_stats_1_head")


def world(s):
    if not hasattr(s, "world"):
        s.world = World(s)
    return s.world


def sweep(w, role, at):
    """One page as that role sees it: quiet, of its nodes alone, fit for
    every width, and nothing that a node said is more than text."""
    p = w.p
    w.feed()
    p.visit(at, p.heading(""))
    p.until("!document.querySelector('.loading')", at)
    w.feed()
    need = PAGES.get(at)
    if need and RANK.index(role) < RANK.index(need):
        p.until(p.says("needs the role " + need), "why not " + at)
    p.harmless("%s as %s" % (at, role))
    for width in (1280, 360):
        p.size(width, 900)
        wide = p.js("document.documentElement.scrollWidth")
        assert wide <= width, "%s: %d wide at %d" % (at, wide, width)
    p.size(1280, 900)
    if role != "super_admin":
        assert FOREIGN not in p.js("document.body.textContent"), \
            "%s shows %s a node that is not his" % (at, role)
    p.axe("%s as %s" % (at, role))
    p.quiet()


def sweep_all(s, name, role):
    w = world(s)
    p = w.p
    p.signin(name, "Passw0rd-x" if name else None)
    ways = set(p.js("[...document.querySelectorAll('.side a')].map("
                    "(a) => a.getAttribute('href'))"))
    tap.equal(ways, {at for at, need in PAGES.items() if need is None or
                     RANK.index(role) >= RANK.index(need)}, role)
    for at in PAGES:
        sweep(w, role, at)
    for n in (w.evil, w.relay):
        for tab in TABS:
            sweep(w, role, "/nodes/%s%s" % (n.id, tab))
    if role != "super_admin":
        p.visit("/nodes/" + w.foreign.id, p.says("could not be loaded"))
        p.quiet([r"^log: network .*40[34]"])
    p.signout()


def test_viewer(s):
    """Every page as a viewer of some nodes"""
    sweep_all(s, *ROLES[0])


def test_operator(s):
    """Every page as an operator of some nodes"""
    sweep_all(s, *ROLES[1])


def test_admin(s):
    """Every page as an admin of some nodes"""
    sweep_all(s, *ROLES[2])


def test_super_admin(s):
    """Every page as who sees everything"""
    sweep_all(s, *ROLES[3])


def test_looks(s):
    """The nodes and a node's events, wide and narrow, light and dark"""
    w = world(s)
    p = w.p
    p.signin()
    p.visit("/nodes", row("edge-frame"))
    p.looks("nodes", w.feed)
    p.visit("/nodes/%s/events" % w.evil.id, p.says("long word"))
    p.looks("node-events")
    p.quiet()


def test_menus(s):
    """A menu opens and closes by the keyboard; the focus comes back to it
    from a dialog, and a click elsewhere closes it"""
    w = world(s)
    p = w.p
    here = "document.activeElement.getAttribute('aria-label')"
    p.visit("/nodes", row("edge-frame"))
    p.js(row("edge-frame") + ".querySelector('summary').focus(); 0")
    p.key("Enter", 13, "\r")
    p.until("document.querySelectorAll('.row-menu[open] button').length > 4",
            "the menu")
    p.axe("the open menu")
    p.key("Escape", 27)
    p.until("!document.querySelector('.row-menu[open]')", "closed")
    tap.equal(p.js(here), "Actions for edge-frame")
    p.key("Enter", 13, "\r")
    p.until("document.querySelector('.row-menu[open] button')", "open")
    p.key("Tab", 9)
    p.key("Enter", 13, "\r")
    p.dialog("Change the node")
    assert not p.js("!!document.querySelector('.row-menu[open]')"), "open"
    p.key("Escape", 27)
    p.closed()
    tap.equal(p.js(here), "Actions for edge-frame")
    p.key("Enter", 13, "\r")
    p.until("document.querySelector('.row-menu[open] button')", "open")
    p.js("document.querySelector('h1').click(); 0")
    p.until("!document.querySelector('.row-menu[open]')", "closed")
    p.js("document.querySelector('#who summary').focus(); 0")
    p.key("Enter", 13, "\r")
    p.until("document.getElementById('who').open", "the account's menu")
    p.press("My account", "#who")
    p.until(p.heading("My account"), "the account")
    p.until("!document.getElementById('who').open", "closed")
    p.quiet()


def test_letters(s):
    """Who is disturbed by single letters turns them off, for good"""
    w = world(s)
    p = w.p
    p.visit("/dashboard", p.heading("need"))
    for on in (False, True):
        p.press("Go to\u2026 Ctrl K")
        p.dialog("Go to")
        p.type("shortcuts")
        p.until(p.says("Show keyboard shortcuts", "dialog"), "found")
        p.key("Enter", 13, "\r")
        p.dialog("Keyboard shortcuts")
        p.js("document.querySelector('dialog input[type=checkbox]').click(); "
             "0")
        p.key("Escape", 27)
        p.closed()
        p.b.call("Page.reload")
        p.live()
        p.until(p.heading("need"), "the overview")
        p.key("g", 71, "g")
        p.key("n", 78, "n")
        if on:
            p.until("location.pathname === '/nodes'", "the letters lead")
        else:
            tap.equal(p.js("location.pathname"), "/dashboard")
    p.visit("/dashboard", p.heading("need"))
    p.quiet()


def test_cells(s):
    """A cell of the honeycomb tells its node and leads to it"""
    w = world(s)
    p = w.p
    p.visit("/dashboard", p.heading("need"))
    x, y = p.js("(() => { const b = document.querySelector('.honeycomb')"
                ".getBoundingClientRect(); return [b.left + 20, b.top + 20];"
                " })()")
    p.b.call("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)
    p.until("document.querySelector('.tip:not([hidden])')", "what it is")
    p.harmless("the tip")
    for kind in ("mousePressed", "mouseReleased"):
        p.b.call("Input.dispatchMouseEvent", type=kind, x=x, y=y,
                 button="left", clickCount=1)
    p.until("/^.nodes.[0-9a-f-]{36}$/.test(location.pathname)", "its page")
    p.quiet()


HIDE = """(() => {
  Object.defineProperty(document, 'hidden', {configurable: true,
    get: () => %s});
  document.dispatchEvent(new Event('visibilitychange'));
})()"""
COUNT = """(() => {
  window.seen = {asked: 0, drawn: 0};
  new PerformanceObserver((l) => { seen.asked += l.getEntries().length })
    .observe({type: 'resource'});
  const frame = requestAnimationFrame;
  window.requestAnimationFrame = (fn) => { seen.drawn++; return frame(fn) };
})()"""


def sockets(s):
    return s.metrics()["mast_apid_browsers"]


def test_hidden(s):
    """A hidden tab lets its socket go, asks nothing and draws nothing; seen
    again it is live"""
    w = world(s)
    p = w.p
    p.visit("/dashboard", p.heading("need"))
    p.live()
    tap.equal(sockets(s), 1)
    p.js(HIDE % "true")
    mast.wait_until(lambda: sockets(s) == 0, 30, "the socket let go")
    p.js(COUNT)
    w.evil.event("while nobody looked")
    then = p.js("performance.now()")
    p.until("performance.now() > %f" % (then + 6000), "six seconds")
    tap.equal(p.js("[seen.asked, seen.drawn]"), [0, 0], "asked, drawn")
    p.js(HIDE % "false")
    p.live()
    p.until(p.says("while nobody looked"), "what happened meanwhile")
    p.quiet()


def test_wall(s):
    """On a wall screen there is no navigation; the command box leads back"""
    w = world(s)
    p = w.p
    p.size(1920, 1080)
    p.visit("/dashboard?kiosk=1", p.heading("need"))
    for part in (".side", ".find", "#who"):
        assert not p.js("document.querySelector('%s').checkVisibility()" %
                        part), part
    assert p.js("document.getElementById('pill').checkVisibility()")
    p.axe("a wall screen")
    p.shot("wall")
    p.b.call("Input.dispatchKeyEvent", type="keyDown", key="k", modifiers=2,
             windowsVirtualKeyCode=75)
    p.dialog("Go to")
    p.type("wall")
    p.until(p.says("Wall screen", "dialog"), "the way back")
    p.key("Enter", 13, "\r")
    p.until("location.search === '' && document.querySelector('.side')"
            ".checkVisibility()", "the navigation")
    p.size(1280, 900)
    p.quiet()


def test_paper(s):
    """On paper: the content alone, dark on light, within the sheet"""
    w = world(s)
    p = w.p
    for at in ("/dashboard", "/nodes/" + w.evil.id):
        p.visit(at, p.heading(""))
        p.b.call("Emulation.setEmulatedMedia", media="print", features=[{
            "name": "prefers-color-scheme", "value": "dark"}])
        for part in (".bar", ".side", ".tools"):
            tap.equal(p.js("[...document.querySelectorAll('%s')].some((n) => "
                           "n.checkVisibility())" % part), False, part)
        tap.equal(p.js("getComputedStyle(document.body).backgroundColor"),
                  "rgb(244, 246, 248)")
        pdf = p.b.call("Page.printToPDF")["data"]
        assert len(pdf) > 4000, len(pdf)
        p.b.call("Emulation.setEmulatedMedia", media="", features=[])
    p.quiet()


def test_zone(s):
    """Times are the user's, the exact one on hover"""
    w = world(s)
    p = w.p
    p.b.call("Emulation.setTimezoneOverride", timezoneId="Asia/Tokyo")
    p.goto("/events?node_id=" + w.evil.id)
    p.live()
    p.until("document.querySelector('td time[title]')", "a time")
    t = p.js("(() => { const t = document.querySelector('td time'); return "
             "[t.textContent, t.title, t.dateTime]; })()")
    assert re.match(r"now|\d+ (s|min) ago", t[0]), t
    tap.contains(t[1], "GMT+9")
    tap.contains(t[2], "T")
    p.b.call("Emulation.setTimezoneOverride", timezoneId="")
    p.quiet()


def test_close(s):
    """The browser ends"""
    if hasattr(s, "world"):
        s.world.p.close()


if __name__ == "__main__":
    mast.main(sys.modules[__name__])
