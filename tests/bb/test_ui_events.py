#!/usr/bin/python3
"""The dashboard's Events, Alarms and Topology: filters in the address, the
newest by themselves, older ones by the cursor, acknowledging one and many,
places that are kept, hostile strings."""
import sys

import mast
import tap
import uikit
from uikit import EVIL, HOSTILE, row

ROWS = "document.querySelectorAll('.grid tbody:not(.spacer) tr').length"


class World:
    def __init__(self, s):
        self.s = s
        self.node = s.node("edge-1")
        self.node.config = mast.sample("edge_config_response_20")["payload"]
        self.evil = s.node(HOSTILE)
        self.evil.config = {"version": 1, "flows": [{
            "id": EVIL, "name": HOSTILE, "input": {
                "type": "srt", "mode": "caller", "local_addr": "0.0.0.0:1",
                "remote_addr": EVIL}, "outputs": []}]}
        self.relay = s.node("relay-1", "relay")
        for i in range(120):
            self.node.event("numbered %d" % i, category="many")
        mast.wait_until(lambda: s.admin().events(search="numbered 119"), 20,
                        "the events")
        self.p = uikit.Page(s)
        self.p.signin()


def world(s):
    if not hasattr(s, "world"):
        s.world = World(s)
    return s.world


def test_events(s):
    """The newest come by themselves, older ones by the cursor"""
    w = world(s)
    p = w.p
    p.visit("/events", row("numbered 119"))
    tap.equal(p.js(ROWS), 50)
    p.press("Older events")
    p.until(ROWS + " >= 100", "older ones")
    w.node.event("came by itself", severity="warning", category="flow")
    p.until(row("came by itself"), "the new one")
    p.until(row("numbered 50"), "the old ones stayed")
    p.looks("events")
    p.quiet()


def test_filters(s):
    """Filters stand in the address and hold after a reload"""
    w = world(s)
    p = w.p
    p.visit("/events", row("numbered 119"))
    p.choose("Severity", "warning", "main")
    p.until(ROWS + " === 1 && !!" + row("came by itself"), "warnings only")
    p.choose("Search", "nothing like it", "main")
    p.until(p.says("No event matches"), "nothing")
    p.goto("/events?search=numbered+7&severity=info")
    p.until(row("numbered 77"), "by the address")
    tap.equal(p.js(ROWS), 11)
    p.quiet()


def test_ack(s):
    """One event is acknowledged with a note, and all that filters select"""
    w = world(s)
    p = w.p
    p.visit("/events?severity=warning", row("came by itself"))
    p.press("Acknowledge: came by itself")
    p.dialog("Acknowledge")
    p.fill("Note", "seen " + HOSTILE)
    p.axe("the note")
    p.press("Acknowledge", "dialog")
    p.closed()
    p.until("!%s?.innerText.includes('Acknowledge')" % row("came by"), "seen")
    tap.equal(s.admin().events(search="came by itself")[0]["note"],
              "seen " + HOSTILE)
    p.press("came by itself", "#events")
    p.dialog("Event")
    p.until(p.says("seen <img", "dialog"), "the note")
    p.key("Escape", 27)
    p.closed()
    p.visit("/events?category=many", row("numbered 119"))
    p.press("Acknowledge all of these")
    p.dialog("Acknowledge all")
    p.until(p.says("category many", "dialog"), "what it will be")
    p.press("Acknowledge", "dialog")
    p.closed()
    p.until(p.says("120 events acknowledged", "#toasts"), "how many")
    p.js("document.getElementById('open').click(); 0")
    p.until(p.says("No event matches"), "none is left")
    p.harmless("the events")
    p.quiet()


def test_alarms(s):
    """A node that goes opens one alarm; it is acknowledged and closes when
    the node is back"""
    w = world(s)
    p = w.p
    p.visit("/alarms", p.says("Nothing is wrong"))
    p.looks("alarms-none")
    lost = s.node("edge-lost " + HOSTILE)
    lost.drop()
    p.until(p.says("edge-lost"), "the alarm", 60)
    p.until("document.getElementById('bell').dataset.level === 'warn'",
            "the bell")
    p.looks("alarms")
    p.js("[...document.querySelectorAll('main button')].find((b) => "
         "b.textContent === 'Acknowledge').click(); 0")
    p.dialog("Acknowledge")
    p.fill("Note", "on my way")
    p.press("Acknowledge", "dialog")
    p.closed()
    p.until(p.says("on my way"), "the note")
    p.until("document.getElementById('bell').dataset.level !== 'warn'",
            "the bell is quiet")
    lost.online()
    p.until(p.says("Nothing is wrong"), "it is over", 60)
    p.visit("/alarms?state=closed", p.says("edge-lost"))
    p.harmless("the alarms")
    p.quiet()


def test_topology(s):
    """Columns with links and the same as a table; places are kept"""
    w = world(s)
    p = w.p
    p.visit("/nodes", row("edge-1"))
    for n in (w.node, w.evil):
        s.admin().get("/api/v1/nodes/%s/config" % n.id).want(200)
    mast.wait_until(lambda: len(s.admin().get("/api/v1/nodes/endpoints")
                                .json) == 2, 20, "what they reported")
    p.visit("/topology", p.says("203.0.113.1:7001"))
    p.until("document.querySelectorAll('.wire').length > 10", "links")
    p.until(row("edge-1"), "the table")
    p.harmless("the picture")
    p.looks("topology")
    box = "document.querySelector('a.box[href=\"/nodes/%s\"]')" % w.node.id
    at = p.js(box + ".getAttribute('transform')")
    p.js(box + ".focus(); 0")
    p.key("ArrowDown", 40)
    p.key("ArrowRight", 39)
    moved = p.js(box + ".getAttribute('transform')")
    assert moved != at, at
    saved = mast.wait_until(lambda: s.admin().get(
        "/api/v1/topology/positions").json["positions"].get(w.node.id), 10,
        "the place is kept")
    tap.equal("translate(%g %g)" % (saved["x"], saved["y"]), moved)
    p.b.call("Page.reload")
    p.until(box + "?.getAttribute('transform') === '%s'" % moved, "after all")
    p.press("Reset places")
    p.until(box + ".getAttribute('transform') === '%s'" % at, "as before")
    p.js(box + ".focus(); 0")
    p.key("Enter", 13, "\r")
    p.until("location.pathname.startsWith('/nodes/')", "the node")
    p.quiet()


def test_viewer(s):
    """A viewer sees what he may and acknowledges nothing"""
    w = world(s)
    p = w.p
    p.signout()
    s.user_add("looker", "viewer", nodes=[w.node.id])
    p.signin("looker", "Passw0rd-x", "/events")
    p.visit("/events", row("numbered 119"))
    assert "Acknowledge" not in p.js("document.querySelector('main')"
                                     ".innerText").replace("Only not ack", "")
    assert not p.js("!!" + row("registered") + " && %s.innerText.includes("
                    "'<img')" % row("registered"))
    p.visit("/topology", p.says("edge-1"))
    assert "relay-1" not in p.js("document.querySelector('main').textContent")
    p.axe("a viewer's topology")
    p.visit("/alarms", p.says("Nothing is wrong"))
    p.quiet()


def test_close(s):
    """The browser ends"""
    if hasattr(s, "world"):
        s.world.p.close()


if __name__ == "__main__":
    mast.main(sys.modules[__name__])
