#!/usr/bin/python3
"""The dashboard's page of one node: flows as signal paths, history,
configuration with its differences, commands and events; hostile strings on
all of them."""
import copy
import json
import sys

import mast
import tap
import uikit
from uikit import EVIL, HOSTILE, LONG, row


class World:
    def __init__(self, s):
        self.s = s
        self.node = s.node("edge-1")
        self.node.config = {"version": 2, "flows": [{
            "id": "flow-001", "name": "Flow 1"}], "inputs": [],
            "outputs": []}
        self.evil = s.node(HOSTILE, version=EVIL[:200])
        self.relay = s.node("relay-1", "relay")
        self.p = uikit.Page(s)
        self.p.signin()
        self.at = "/nodes/" + self.node.id

    def feed(self):
        self.node.stats(name="edge_stats_1srt_head")
        self.relay.stats(name="relay_stats_1_head")
        doc = mast.sample("edge_stats_1srt_head")["payload"]
        f = doc["flows"][0]
        f["flow_id"] = f["flow_name"] = EVIL
        f["state"], f["health"] = HOSTILE, HOSTILE
        f["input"]["local_addr"] = EVIL
        f["inputs_live"][0]["input_id"] = LONG
        f["outputs"][0]["output_name"] = HOSTILE
        f["outputs"][0]["remote_addr"] = LONG
        f["media_analysis"]["video_streams"][0]["codec"] = EVIL
        self.evil.stats(doc)


def world(s):
    if not hasattr(s, "world"):
        s.world = World(s)
    return s.world


def test_now(s):
    """Flows are signal paths: ends, rates, health, legs, TR 101 290, media"""
    w = world(s)
    p = w.p
    w.feed()
    p.visit(w.at, p.heading("edge-1"))
    p.until(p.says("Flow 1"), "the flow")
    for text in ("in-001", "Output 1/0", "203.0.113.1:7001", "8.01 Mb/s",
                 "Healthy", "receiving", "0.106.0"):
        p.until(p.says(text), text)
    # What the browser itself makes of a drawing is a picture; what goes out
    # and what comes in have their own.
    doc = mast.sample("edge_stats_1srt_head")["payload"]
    f = doc["flows"][0]
    for place, about, told, width in (
            (".hub", {}, f, 300),
            (".end", {"input_id": "in-001"}, f["inputs_live"][0], 90)):
        shot = p.js("(() => { const c = document.createElement('canvas'); "
                    "c.width = %d; return c.toDataURL('image/jpeg')"
                    ".split(',')[1]; })()" % width)
        w.node.send("thumbnail", dict(about, data=shot, flow_id="flow-001"))
        told["thumbnail"]["total_captured"] += 1
        w.node.stats(doc)
        p.until("document.querySelector('%s .thumb:not([hidden]) img')"
                "?.naturalWidth === %d" % (place, width), "the picture")
        p.until("document.querySelector('%s .thumb time')" % place, "its age")
    tap.equal(p.js("document.querySelector('.end img').alt"),
              "Picture of in-001")
    p.js("document.querySelectorAll('.fold').forEach((d) => d.open = true);"
         " 0")
    for text in ("24.3 ms", "Continuity", "H.264, 1920x1080, 25 fps"):
        p.until(p.says(text), text)
    p.looks("node-now", w.feed)
    doc = mast.sample("edge_stats_1srt_head")["payload"]
    doc["flows"][0]["health"] = "Critical"
    doc["flows"][0]["input"]["packets_lost"] = 77
    doc["flows"][0]["inputs_live"][0]["bitrate_bps"] = 5000000
    p.js("document.querySelector('.flow').mark = true; 0")
    w.node.stats(doc)
    p.until(p.says("77 packets lost"), "why")
    p.until(p.says("Critical"), "the health")
    p.until(p.says("5.00 Mb/s"), "the rate")
    assert p.js("document.querySelector('.flow').mark && document"
                ".querySelector('.fold').open"), "it was made again"
    p.quiet()


def test_standby(s):
    """Of several inputs one is active, the others stand by"""
    w = world(s)
    p = w.p
    doc = mast.sample("edge_stats_1srt_head")["payload"]
    second = copy.deepcopy(doc["flows"][0]["inputs_live"][0])
    second["input_id"] = "in-spare"
    doc["flows"][0]["inputs_live"].append(second)
    w.node.stats(doc)
    p.visit(w.at, p.says("in-spare"))
    p.until(p.says("Standby"), "the spare one")
    tap.equal(p.js("document.querySelectorAll('.end[data-standby]').length"),
              1)
    p.quiet()


def test_relay(s):
    """A relay shows what it carries"""
    w = world(s)
    p = w.p
    w.feed()
    p.visit("/nodes/" + w.relay.id, p.heading("relay-1"))
    p.until(p.says("Forwarded"), "its figures")
    p.until(p.says("192.0.2.10:51820"), "its tunnel")
    p.looks("node-relay", w.feed)
    p.quiet()


def test_hostile(s):
    """A node's strings stay text, of any length, on every side of it"""
    w = world(s)
    p = w.p
    w.evil.config = {"version": 2, "flows": [{"id": EVIL, "name": HOSTILE}],
                     "inputs": [], "outputs": []}
    w.evil.event(LONG, severity="critical", category=HOSTILE * 8,
                 flow_id=EVIL[:60], details={"x": EVIL})
    w.feed()
    at = "/nodes/" + w.evil.id
    p.visit(at, p.says("<img src=x"))
    p.until("document.querySelector('main').textContent.includes(%s)" %
            json.dumps(EVIL), "the flow")
    p.js("document.querySelectorAll('.fold').forEach((d) => d.open = true);"
         " 0")
    p.looks("node-hostile", w.feed)
    p.harmless("now")
    for tab in ("history", "config", "commands", "events"):
        p.visit("%s/%s" % (at, tab), p.heading("<img"))
        p.harmless(tab)
    p.until(p.says("long word"), "the event")
    p.press(LONG.strip(), "#events")
    p.dialog("Event")
    p.until(p.says("svg onload", "dialog"), "its details")
    p.axe("an event of 10,000 characters")
    p.harmless("the event")
    p.key("Escape", 27)
    p.closed()
    p.quiet()


def test_commands(s):
    """A command is sent with the form and stands in the journal; one that
    waits is cancelled"""
    w = world(s)
    p = w.p
    p.visit(w.at + "/commands",
            "document.querySelector('h2')?.textContent === 'Commands'")
    p.press("Send a command")
    p.dialog("Command")
    p.choose("Command", "stop_flow")
    p.fill("Flow id", "flow-001")
    p.axe("the form")
    p.press("Send", "dialog")
    p.dialog("answer")
    p.key("Escape", 27)
    p.closed()
    p.until(row("stop_flow") + "?.innerText.includes('Done')", "its end")
    p.press("Send a command")
    p.dialog("Command")
    p.choose("Command", "stop_flow")
    p.press("Send", "dialog")
    p.until("document.querySelector('dialog .error:not(:empty)')",
            "the finding at its field")
    tap.equal(p.js("document.activeElement.name"), "action/flow_id",
              "what is missing")
    p.quiet([r"network .*422"])
    p.key("Escape", 27)
    p.closed()
    away, _ = s.admin().node_add("edge-away")
    p.visit("/nodes/%s/commands" % away, p.says("No command was sent"))
    p.press("Send a command")
    p.dialog("Command")
    p.choose("Command", "start_flow")
    p.fill("Flow id", "flow-9")
    p.press("Send", "dialog")
    p.until(p.says("not connected", "dialog"), "the refusal")
    p.quiet([r"network .*502"])
    p.js("document.querySelector('dialog input[type=checkbox]').click(); 0")
    p.press("Send", "dialog")
    p.dialog("answer")
    p.key("Escape", 27)
    p.closed()
    p.until(row("start_flow") + "?.innerText.includes('Waiting')", "it waits")
    p.looks("node-commands")
    p.press("Cancel start_flow")
    p.dialog("Cancel the command")
    p.press("Cancel it", "dialog")
    p.closed()
    p.until(row("start_flow") + "?.innerText.includes('Cancelled')", "its end")
    p.quiet()


def test_history(s):
    """What was measured is drawn, and stands as numbers, too"""
    w = world(s)
    p = w.p

    def measured():
        w.feed()
        return s.admin().get("/api/v1/nodes/%s/metrics" %
                             w.node.id).json["series"]
    mast.wait_until(measured, 40, "samples", step=1)
    p.visit(w.at + "/history", "document.querySelector('.chart-big')")
    p.until("document.querySelectorAll('.strip rect').length > 100",
            "the strip")
    p.js("document.querySelector('.charts details').open = true; 0")
    p.until("document.querySelector('.plain tbody tr')", "the numbers")
    p.looks("node-history")
    p.choose("Time", "7d", "main")
    p.until("location.search.includes('range=7d')", "the address")
    p.quiet()


def test_delete(s):
    """Deleted from its page, one is back at the list"""
    w = world(s)
    p = w.p
    away = s.admin().node_add("edge-gone")[0]
    p.visit("/nodes/" + away, p.heading("edge-gone"))
    p.js("document.querySelector('.actions-menu summary').click(); 0")
    p.axe("the actions")
    p.press("Delete", ".actions-menu")
    p.dialog("Delete")
    p.type("edge-gone")
    p.press("Delete", "dialog")
    p.until("location.pathname === '/nodes'", "the list")
    p.visit("/nodes/" + away, p.says("could not be loaded"))
    p.quiet([r"network .*404"])


def test_close(s):
    """The browser ends"""
    if hasattr(s, "world"):
        s.world.p.close()


if __name__ == "__main__":
    mast.main(sys.modules[__name__])
