#!/usr/bin/python3
"""The dashboard and configurations: versions with their differences, drift,
restore and undo; the editor of flows in both dialects."""
import copy
import json
import sys

import mast
import tap
import uikit
from uikit import EVIL, HOSTILE

SECOND = {
    "version": 2, "device_name": "Studio",
    "flows": [{"id": "f1", "name": "News", "enabled": True,
               "input_ids": ["i1"], "output_ids": ["o1", "o2"],
               "content_analysis": {"lite": [1.50, 9007199254740993]}},
              {"id": "f2", "name": "Spare", "input_ids": ["i1"],
               "output_ids": ["o3"]}],
    "inputs": [{"id": "i1", "name": "In", "type": "udp",
                "bind_addr": "0.0.0.0:5000", "pacing": {"x": 18446744073709551615}}],
    "outputs": [{"id": "o1", "name": "To A", "type": "srt", "mode": "caller",
                 "remote_addr": "192.0.2.1:7000", "latency_ms": 120,
                 "bonding": ["a", "b"]},
                {"id": "o2", "type": "st2110_20", "essence": 7},
                {"id": "o3", "type": "udp", "dest_addr": "192.0.2.9:6000"}],
    "tunnels": [],
}
FIRST = {
    "version": 1, "extra": {"kept": True},
    "flows": [{"id": "f1", "name": "Old", "thumbnail": False, "input": {
        "type": "rtp", "bind_addr": "0.0.0.0:5004", "odd": "value"},
        "outputs": [{"type": "srt", "id": "o1", "name": "Out",
                     "mode": "listener", "local_addr": "0.0.0.0:9000",
                     "redundancy": {"mode": "caller",
                                    "local_addr": "0.0.0.0:0",
                                    "strange": [1]}}]}],
}
PANE = "document.querySelector('[aria-label=\"The flow as JSON\"]')"


class Edge:
    """A node that does what update_config says."""

    def __init__(self, s, name, config):
        self.s = s
        self.n = n = s.node(name)
        self.id = n.id
        self.says = {"success": True}
        n.config = copy.deepcopy(config)

        def do(_, action):
            if action["type"] == "update_config" and self.says["success"]:
                n.config = copy.deepcopy(action["config"])
            return self.says
        n.on_command = do
        self.report()

    def report(self):
        before = self.s.one("SELECT now()::text")
        self.n.send("config_response", self.n.config)
        mast.wait_until(lambda: self.s.one(
            "SELECT EXISTS (SELECT FROM mast.node_configs WHERE node_id = %s "
            "AND reported_at >= %s::timestamptz)", self.id, before), 10,
            "it is stored")

    def sent(self):
        return [a["config"] for _, a in self.n.commands
                if a.get("type") == "update_config"]


class World:
    def __init__(self, s):
        self.edge = Edge(s, "edge-two", SECOND)
        self.old = Edge(s, "edge-one", FIRST)
        self.p = uikit.Page(s)
        self.p.signin()

    def open(self, edge, flow=None):
        p = self.p
        p.js("document.querySelectorAll('dialog[open]').forEach((d) => "
             "d.close()); 0")
        at = "/nodes/%s/config" % edge.id
        if flow:
            p.visit("%s?flow=%s" % (at, flow), PANE)
        else:
            p.visit(at, "document.querySelector('.plain-list [data-flow]')")


def world(s):
    if not hasattr(s, "world"):
        s.world = World(s)
    return s.world


def preview(p, button="Preview"):
    p.press(button, "main")
    p.until("document.querySelector('dialog[open] .diff')", "the differences")


def send(p):
    p.press("Send it to the node", "dialog")
    p.closed()
    p.until(p.says("The node runs what was sent"), "it was checked", 30)


def undo(p):
    p.press("Undo", "main")
    p.dialog("Back to the configuration")
    send(p)


def test_versions(s):
    """Versions stand with who, when and how; two are compared; one is
    restored after its differences were seen, checked, and taken back"""
    w = world(s)
    p, e = w.p, w.edge
    changed = copy.deepcopy(SECOND)
    changed["outputs"][0]["latency_ms"] = 250
    changed["outputs"][0]["passphrase"] = "a-secret-that-stays"
    e.n.config = changed
    e.report()
    w.open(e)
    p.until("document.querySelectorAll('.grid tbody:not(.spacer) tr').length"
            " === 2", "both versions")
    p.until(p.says("Seen on the node"), "how")
    p.until(p.says("Nothing to compare"), "nothing was ordered")
    p.looks("config")
    first = s.one("SELECT min(id) FROM mast.config_versions WHERE node_id = "
                  "%s", e.id)
    last = s.one("SELECT max(id) FROM mast.config_versions WHERE node_id = "
                 "%s", e.id)
    p.press("Compare version %d" % last)
    p.dialog("Compare")
    p.until(p.says("/outputs/o1/latency_ms", "dialog"), "what differs")
    p.until(p.says("250", "dialog"), "the value")
    p.until(p.says("(a secret)", "dialog"), "a secret")
    assert "a-secret" not in p.js("document.querySelector('dialog')"
                                  ".innerText")
    p.axe("the comparison")
    p.choose("From", str(last))
    p.until(p.says("Nothing is different", "dialog"), "the same one")
    p.key("Escape", 27)
    p.closed()
    p.press("Restore version %d" % first)
    p.dialog("Restore version")
    p.until(p.says("/outputs/o1/latency_ms", "dialog"), "the preview")
    tap.equal(e.sent(), [], "nothing was sent yet")
    p.axe("the preview")
    send(p)
    tap.equal(e.n.config, SECOND)
    p.until(p.says("Restored") + " || " + p.says("Sent"), "the new version")
    p.until(p.says("You"), "by whom")
    p.until(p.says("As ordered"), "the badge")
    p.looks("config-restored")
    undo(p)
    tap.equal(e.n.config, changed)
    e.says = {"success": False, "error": "no room for it"}
    p.press("Restore version %d" % first)
    p.dialog("Restore version")
    p.press("Send it to the node", "dialog")
    p.until(p.says("no room for it", "dialog"), "the node's refusal")
    p.quiet([r"network .*422"])
    p.key("Escape", 27)
    p.closed()
    e.says = {"success": True}


def test_drift(s):
    """A node that runs something else is found out: adopted, sent again,
    or left alone"""
    w = world(s)
    p = w.p
    e = Edge(s, "edge-drift", SECOND)
    s.admin().put("/api/v1/nodes/%s/config" % e.id, SECOND).want(200)
    away = copy.deepcopy(SECOND)
    away["flows"][0]["name"] = "Changed there"
    del away["outputs"][2]
    e.n.config = away
    e.report()
    w.open(e)
    p.until("document.querySelector('.chip[data-state=warn]')?.textContent"
            " === 'Drift'", "the badge")
    for text in ("changed: /flows/f1/name", "missing: /outputs/o3"):
        p.until(p.says(text), text)
    p.looks("config-drift")
    p.press("Ignore")
    p.dialog("Ignore")
    p.until(p.says("/flows/f1/name", "dialog"), "what is ignored")
    p.press("Ignore", "dialog")
    p.closed()
    p.until(p.says("Drift, ignored"), "ignored")
    p.press("Send the ordered one")
    p.dialog("Send the ordered one")
    p.until(p.says("News", "dialog"), "what is sent")
    send(p)
    tap.equal(e.n.config, SECOND)
    undo(p)
    e.n.config = dict(away, device_name="Again")
    e.report()
    p.until(p.says("/device_name"), "told by the feed")
    p.press("Keep what the node has")
    p.dialog("Keep what the node has")
    p.press("Keep what the node has", "dialog")
    p.closed()
    p.until("[...document.querySelectorAll('.chip')].some((c) => "
            "c.textContent === 'As ordered')", "adopted")
    e.n.close()
    p.quiet()


def test_second(s):
    """A flow whose parts are defined beside it: edited by form and as JSON,
    with nothing lost that the form does not know"""
    w = world(s)
    p = w.p
    e = Edge(s, "edge-edit", SECOND)
    w.open(e)
    p.press("Edit News")
    p.until(PANE, "the editor")
    p.until("location.search === '?flow=f1'", "its address")
    p.looks("flow-editor")
    # What is not a number there stays as it is.
    assert p.js(PANE + ".value.includes('18446744073709551615')")
    p.choose("Kind", "udp", "fieldset:nth-of-type(2)")
    p.fill("Name", "Renamed", "main")
    p.until(PANE + ".value.includes('Renamed')", "the JSON follows")
    p.press("Add an output")
    p.until("document.activeElement.name === 'outputs/2/type'", "the new one")
    p.choose("Kind", "udp", "fieldset:last-of-type")
    preview_fails(p)
    tap.equal(p.js("document.activeElement.name"), "outputs/2/dest_addr")
    p.axe("a finding of the server")
    p.type("192.0.2.77:99999")
    preview_fails(p)
    p.until(p.says("must be host:port"), "the rule")
    p.js("document.activeElement.select(); 0")
    p.type("192.0.2.77:9999")
    p.quiet([r"network .*422"])
    preview(p)
    for text in ("/flows/f1/name", "/outputs/out-1"):
        p.until(p.says(text, "dialog"), text)
    p.axe("the differences")
    send(p)
    p.until("!%s" % PANE, "back at the list")
    want = copy.deepcopy(SECOND)
    want["flows"][0].update(name="Renamed", output_ids=["o1", "o2", "out-1"])
    want["outputs"].append({"type": "udp", "id": "out-1",
                            "dest_addr": "192.0.2.77:9999"})
    tap.equal(e.n.config, want, "and nothing else")
    undo(p)
    tap.equal(e.n.config, SECOND)
    # As JSON, with what is wrong said first.
    p.press("Edit News")
    p.until(PANE, "the editor")
    p.js("%s.focus(); %s.value = '{'; %s.dispatchEvent(new Event('input'))" %
         (PANE, PANE, PANE))
    p.until(p.says("This cannot be used"), "the fault")
    doc = {"flow": dict(SECOND["flows"][0], new_member={"deep": [None]}),
           "inputs": SECOND["inputs"], "outputs": SECOND["outputs"][:2]}
    p.js("%s.value = %s; %s.dispatchEvent(new Event('input'))" % (
        PANE, json.dumps(json.dumps(doc)), PANE))
    p.until("!document.querySelector('.editor .error:not(:empty)')", "good")
    p.press("Remove output To A")
    # What was typed right before counts.
    p.js("%s.value = %s.value.replace('\"News\"', '\"Late\"'); 0" %
         (PANE, PANE))
    preview(p)
    send(p)
    want = copy.deepcopy(SECOND)
    want["flows"][0].update(new_member={"deep": [None]}, output_ids=["o2"],
                            name="Late")
    del want["outputs"][0]
    tap.equal(e.n.config, want, "the definition went, the others stay")
    e.n.close()
    p.quiet()


def preview_fails(p):
    p.press("Preview", "main")
    p.until("document.activeElement.getAttribute('aria-invalid') === 'true'",
            "the finding at its field")


def test_first(s):
    """A flow that holds its parts; the kind of an input changes, a group
    and strange members stay; new, and deleted with its name"""
    w = world(s)
    p, e = w.p, w.old
    w.open(e, "f1")
    p.js("document.querySelectorAll('.editor details').forEach((d) => "
         "d.open = true); 0")
    p.looks("flow-editor-one")
    p.choose("Kind", "udp", "fieldset:nth-of-type(2)")
    p.until("document.activeElement.name === 'inputs/0/type'", "drawn anew")
    p.fill("Latency, ms", "80", "main")
    preview(p)
    send(p)
    want = copy.deepcopy(FIRST)
    want["flows"][0]["input"]["type"] = "udp"
    want["flows"][0]["outputs"][0]["latency_ms"] = 80
    tap.equal(e.n.config, want)
    p.press("New flow")
    p.until(PANE, "the editor")
    p.choose("Kind", "udp", "fieldset:nth-of-type(2)")
    p.fill("Listen at", "0.0.0.0:5010", "fieldset:nth-of-type(2)")
    p.choose("Kind", "udp", "fieldset:last-of-type")
    p.fill("Send to", "192.0.2.5:5010", "fieldset:last-of-type")
    preview(p)
    send(p)
    want["flows"].append({
        "id": "flow-1", "input": {"type": "udp", "bind_addr": "0.0.0.0:5010"},
        "outputs": [{"type": "udp", "id": "out-1",
                     "dest_addr": "192.0.2.5:5010"}]})
    tap.equal(e.n.config, want)
    p.until("document.querySelector('[data-flow=flow-1]')", "it stands there")
    p.press("Delete flow-1")
    p.dialog("Delete flow flow-1")
    p.fill("Type flow-1 to confirm", "flow-1")
    send(p)
    del want["flows"][1]
    tap.equal(e.n.config, want)
    p.quiet()


def test_whole(s):
    """The whole is edited as JSON; the rules warn, the node is the judge;
    what another has changed meanwhile is not written over"""
    w = world(s)
    p = w.p
    e = Edge(s, "edge-whole", SECOND)
    w.open(e)
    area = "document.querySelector('[aria-label=\"Configuration as JSON\"]')"
    p.press("Edit as JSON")
    p.js(area + ".value = '{'; 0")
    p.press("Preview")
    p.until(p.says("This is not JSON"), "the fault")
    new = copy.deepcopy(SECOND)
    new["outputs"][0]["latency_ms"] = "soon"
    p.js("%s.value = %s; 0" % (area, json.dumps(json.dumps(new))))
    p.press("Preview")
    p.until(p.says("/outputs/0/latency_ms"), "the pointer")
    p.quiet([r"network .*422"])
    preview(p, "Preview all the same")
    e.n.config = dict(SECOND, device_name="Another was here")
    e.report()
    p.press("Send it to the node", "dialog")
    p.until(p.says("another configuration by now", "dialog"), "the conflict")
    p.quiet([r"network .*412"])
    p.key("Escape", 27)
    p.closed()
    tap.equal(e.sent(), [], "nothing was sent")
    p.press("Cancel")
    e.n.close()


def test_roles(s):
    """A viewer looks and compares; he changes nothing. A relay takes no
    configuration"""
    w = world(s)
    p = w.p
    p.signout()
    s.user_add("config-looker", "viewer")
    p.signin("config-looker", "Passw0rd-x")
    w.edge.n.config = copy.deepcopy(SECOND)
    w.edge.n.config["outputs"][0]["passphrase"] = "a-secret-that-stays"
    w.edge.report()
    p.visit("/nodes/%s/config" % w.edge.id, p.says("News"))
    p.until(p.says("Compare"), "the versions")
    p.until(p.says("Credentials are masked"), "what he does not see")
    p.until(p.says('"passphrase": "***"'), "the mask")
    assert "a-secret-that-stays" not in p.js("document.body.textContent")
    for word in ("Edit News", "New flow", "Edit as JSON", "Delete News"):
        tap.equal(p.js("[...document.querySelectorAll('main button')].filter("
                       "(b) => b.checkVisibility() && (b.getAttribute("
                       "'aria-label') ?? b.textContent) === %s).length" %
                       json.dumps(word)), 0, word)
    p.quiet()
    p.signout()
    p.signin()
    relay = s.node("relay-config", "relay")
    p.visit("/nodes/%s/config" % relay.id, p.says("take no configuration"))
    p.quiet()
    relay.close()


def test_hostile(s):
    """Strings of a configuration stay text"""
    w = world(s)
    p = w.p
    evil = copy.deepcopy(SECOND)
    evil["flows"] = [{"id": EVIL, "name": HOSTILE, "input_ids": ["i1"],
                      "output_ids": [], HOSTILE: EVIL}]
    evil["inputs"][0]["type"] = EVIL[:60]
    e = Edge(s, "edge-evil", evil)
    w.open(e)
    p.press("Edit " + HOSTILE)
    p.until(PANE, "the editor")
    p.harmless("the editor")
    tap.contains(p.js(PANE + ".value"), "onerror=alert(1)>\\u202eevil",
                 "a mark that turns the text is seen")
    assert not p.js(PANE + ".value.includes('\\u202e')"), "it turns it"
    p.looks("flow-hostile")
    e.n.close()
    p.quiet()


def tab_to(p, name, most=120):
    """Tab, until what is called so has the focus."""
    for _ in range(most):
        p.key("Tab", 9)
        if p.js("(() => { const n = document.activeElement; return (n"
                ".getAttribute('aria-label') ?? n.labels?.[0]?.textContent "
                "?? n.textContent).replace(' (required)', '').trim(); })()"
                ) == name:
            return
    raise AssertionError("no way to %r by the keyboard" % name)


def enter(p):
    p.key("Enter", 13, "\r")


def test_keyboard(s):
    """Sign-in, node, edit a flow, differences, apply, undo: by the keyboard
    alone"""
    w = world(s)
    p = w.p
    e = Edge(s, "edge-keys", SECOND)
    p.signout()
    p.signin()                      # types, and goes by Tab and Enter
    p.key("g", 71, "g")
    p.key("n", 78, "n")
    p.until(p.heading("Nodes") + " && " + p.says("edge-keys"), "the nodes")
    tab_to(p, "edge-keys")
    enter(p)
    p.until(p.heading("edge-keys"), "the node")
    tab_to(p, "Configuration")
    enter(p)
    p.until("document.querySelector('[data-flow=f1]')", "its flows")
    tab_to(p, "Edit News")
    enter(p)
    p.until("document.activeElement.textContent.startsWith('Change flow')",
            "the editor has the focus")
    tab_to(p, "Name")
    p.type("By hand")
    tab_to(p, "Preview")
    enter(p)
    p.dialog("Change flow f1")
    p.until(p.says("By hand", "dialog"), "the difference")
    tab_to(p, "Send it to the node", 9)
    enter(p)
    p.closed()
    p.until(p.says("The node runs what was sent"), "it was checked", 30)
    tap.equal(e.n.config["flows"][0]["name"], "By hand", "at the node")
    p.until("document.activeElement.getAttribute('role') === 'status'",
            "the focus is where it is told")
    tab_to(p, "Undo", 3)
    enter(p)
    p.dialog("Back to the configuration")
    tab_to(p, "Send it to the node", 9)
    enter(p)
    p.closed()
    p.until(p.says("The node runs what was sent"), "it was checked", 30)
    tap.equal(e.n.config, SECOND)
    e.n.close()
    p.quiet()


def test_close(s):
    """The browser ends"""
    if hasattr(s, "world"):
        s.world.p.close()


if __name__ == "__main__":
    mast.main(sys.modules[__name__])
