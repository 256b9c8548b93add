#!/usr/bin/python3
"""The dashboard's Nodes: the first steps, register, change, token, keep out,
delete, a command to many, every role, a restricted user, 5,000 rows."""
import json
import sys

import mast
import tap
import uikit
from uikit import row

ROWS = "document.querySelectorAll('.grid tbody:not(.spacer) tr').length"


def page(s):
    if not hasattr(s, "page"):
        for n in s.admin().get("/api/v1/nodes").json:
            s.admin().delete("/api/v1/nodes/" + n["id"]).want(204)
        s.page = uikit.Page(s)
        s.page.signin()
    return s.page


def actions(p, name):
    p.js(row(name) + ".querySelector('.row-menu summary').click(); 0")
    p.until("document.querySelector('.row-menu[open] button')", "the menu")


def node_named(s, name):
    return next(n for n in s.admin().get("/api/v1/nodes").json
                if n["name"] == name)


def test_first_run(s):
    """Without a node there are first steps; they end when one is online"""
    p = page(s)
    p.until(p.heading("Set up the first node"), "the first steps")
    p.looks("first-run")
    p.press("Register a node", "main")
    p.dialog("Register a node")
    p.axe("the form")
    p.fill("Name", "bad\tname")
    p.press("Register", "dialog")
    p.until("document.querySelector('dialog .error:not(:empty)')",
            "the finding at its field")
    tap.equal(p.js("document.activeElement.name"), "name")
    p.quiet([r"network .*422", r"network .*400"])
    p.fill("Name", "edge-1")
    p.press("Register", "dialog")
    p.closed()
    p.until(p.says("registration_token"), "the configuration")
    config = json.loads(p.js("document.querySelector('.checklist li:nth-child(2) pre')"
                             ".textContent"))
    token = config["manager"]["registration_token"]
    tap.contains(config["manager"]["urls"][0], "/ws/node")
    p.axe("the configuration")
    s.first = mast.Node(s, token=token).online()
    s.first.stats()
    p.until(p.heading("is fine"), "the overview", 30)
    p.quiet()


def test_add(s):
    """A node is added by keyboard alone; its token is shown once"""
    p = page(s)
    p.visit("/nodes", row("edge-1"))
    p.js("[...document.querySelectorAll('button')].find((b) => b.textContent"
         " === 'Add a node').focus(); 0")
    p.key("Enter", 13, "\r")
    p.dialog("Register")
    tap.equal(p.js("document.activeElement.name"), "name")
    p.type("edge-2 " + uikit.HOSTILE)
    p.key("Tab", 9)
    p.type("Rack 4\u202e")
    p.key("Tab", 9)
    p.key("Tab", 9)
    p.key("Tab", 9)
    p.js("document.querySelector('dialog button[type=submit]').focus(); 0")
    p.key("Enter", 13, "\r")
    p.dialog("Registration token")
    p.axe("the token")
    token = p.js("document.querySelectorAll('dialog pre')[1].textContent")
    p.press("Done", "dialog")
    p.closed()
    tap.equal(p.js("document.activeElement.textContent"), "Add a node",
              "the focus came back")
    p.until(row("edge-2"), "its row")
    s.second = mast.Node(s, token=token).online()
    p.until(row("edge-2") + "?.innerText.includes('Online')", "online")
    p.harmless("its name")
    p.quiet()


def test_change(s):
    """A change is saved, unless somebody else was faster"""
    p = page(s)
    actions(p, "edge-1")
    p.press("Change", ".row-menu[open]")
    p.dialog("Change")
    n = node_named(s, "edge-1")
    s.admin().put("/api/v1/nodes/" + n["id"], {"description": "meanwhile"})
    p.fill("Description", "mine")
    p.press("Save", "dialog")
    p.until(p.says("Somebody changed it", "dialog"), "the refusal")
    p.quiet([r"network .*412"])
    p.key("Escape", 27)
    p.closed()
    actions(p, "edge-1")
    p.press("Change", ".row-menu[open]")
    p.dialog("Change")
    p.fill("Description", "mine now")
    p.axe("the change")
    p.press("Save", "dialog")
    p.closed()
    p.until(row("edge-1") + "?.innerText.includes('mine now')", "the change")
    p.quiet()


def test_quarantine(s):
    """A node is kept out with a reason, and let in again"""
    p = page(s)
    actions(p, "edge-2")
    p.press("Keep out", ".row-menu[open]")
    p.dialog("Keep the node out")
    p.fill("Why", "cloned")
    p.press("Keep out", "dialog")
    p.closed()
    p.until(row("edge-2") + "?.innerText.includes('Kept out')", "kept out")
    tap.equal(node_named(s, "edge-2 " + uikit.HOSTILE)["quarantine"][
        "reason"], "cloned")
    actions(p, "edge-2")
    p.press("Let in again", ".row-menu[open]")
    p.dialog("Let the node in")
    p.press("Let in", "dialog")
    p.closed()
    p.until("!%s?.innerText.includes('Kept out')" % row("edge-2"), "let in")
    p.quiet()


def test_token(s):
    """A new token is shown after it was confirmed"""
    p = page(s)
    actions(p, "edge-2")
    p.press("New token", ".row-menu[open]")
    p.dialog("New registration token")
    p.press("Make a token", "dialog")
    p.dialog("Registration token")
    p.until(p.says("registration_token", "dialog"), "the token")
    p.press("Done", "dialog")
    p.closed()
    p.quiet()


def test_secret(s):
    """A node that has signed in with its secret gets a new one"""
    p = page(s)
    s.first.close()
    s.first.online()
    s.first.stats()
    p.until(row("edge-1") + "?.innerText.includes('Online')", "it is back", 30)
    actions(p, "edge-1")
    p.press("New secret", ".row-menu[open]")
    p.dialog("New secret")
    p.press("Send a new secret", "dialog")
    p.until(p.says("has its new secret", "#toasts"), "told")
    p.closed()
    assert any(a.get("type") == "rotate_secret" for _, a in
               s.first.commands), s.first.commands
    p.quiet()


def test_bulk(s):
    """A command to many: chosen, seen before, sent, and in the journals"""
    p = page(s)
    p.js(row("edge-1") + ".querySelector('.pick input').click(); 0")
    p.js(row("edge-2") + ".querySelector('.pick input').click(); 0")
    p.until(p.says("2 nodes selected"), "the selection")
    p.axe("the selection")
    p.press("Send a command")
    p.dialog("Command to 2 nodes")
    p.choose("Command", "start_flow")
    p.axe("the command")
    p.fill("Flow id", "flow-7")
    p.press("Preview", "dialog")
    p.dialog("Send start_flow?")
    p.until(p.says("1 of 2 would", "dialog"), "what it would do")
    p.axe("the preview")
    p.press("Send to 1 node", "dialog")
    p.closed()
    mast.wait_until(lambda: any(a.get("type") == "start_flow" for _, a in
                                s.first.commands), 10, "the command")
    assert not p.js("location.hash")
    p.quiet()


def test_delete(s):
    """To delete one types the name"""
    p = page(s)
    actions(p, "edge-2")
    p.press("Delete", ".row-menu[open]")
    p.dialog("Delete the node")
    act = "document.querySelector('dialog button[type=submit]')"
    assert p.js(act + ".disabled"), "without the name"
    p.axe("the question")
    p.type("edge-2")
    assert p.js(act + ".disabled"), "with half of it"
    p.js("const i = document.querySelector('dialog form input'); i.value = "
         + json.dumps("edge-2 " + uikit.HOSTILE) +
         "; i.dispatchEvent(new Event('input')); 0")
    p.js(act + ".click(); 0")
    p.closed()
    p.until("!" + row("edge-2"), "gone")
    p.until("document.activeElement.tagName === 'H1'", "the focus is not lost")
    p.quiet()


def test_roles(s):
    """Who may not do a thing does not see it, or is told why"""
    p = page(s)
    p.signout()
    mine = node_named(s, "edge-1")["id"]
    s.admin().node_add("foreign")
    for role, add, pick in (("viewer", False, False),
                            ("operator", False, True),
                            ("admin", True, True)):
        name = "ui-" + role
        s.user_add(name, role, nodes=None if role == "admin" else [mine])
        p.signin(name, "Passw0rd-x", "/nodes")
        p.visit("/nodes", row("edge-1"))
        tap.equal(bool(p.js("!!%s" % row("foreign"))), role == "admin",
                  "a hidden node for " + role)
        text = p.js("document.querySelector('main').innerText")
        tap.equal("Add a node" in text, add, role)
        tap.equal("needs the role admin" in text, not add, role)
        tap.equal(p.js("!!document.querySelector('.pick')"), pick, role)
        tap.equal(p.js("!!document.querySelector('.row-menu')"), add, role)
        p.axe("the nodes of a " + role)
        p.visit("/nodes/" + mine, p.heading("edge-1"))
        tap.equal(p.js("!!document.querySelector('.actions-menu')"), add)
        p.visit("/nodes/" + mine + "/commands",
                "document.querySelector('h2')?.textContent === 'Commands'")
        tap.equal("Send a command" in p.js("document.querySelector('main')"
                                           ".innerText"), role != "viewer")
        p.quiet()
        if role == "viewer":
            foreign = node_named(s, "foreign")["id"]
            p.visit("/nodes/" + foreign, p.says("could not be loaded"))
            p.until(p.says("Ask an administrator"), "what to do")
            p.axe("a refusal")
            p.quiet([r"network .*403"])
        p.signout()
    p.signin()


def test_many(s):
    """5,000 nodes: few rows in the document, and the last one is reached"""
    s.sql("INSERT INTO mast.nodes (id, name, device_type) SELECT "
          "gen_random_uuid(), 'many-' || lpad(n::text, 4, '0'), 'edge' "
          "FROM generate_series(1, 5000) n")
    p = page(s)
    p.goto("/nodes?q=many")
    p.until(p.says("5,000"), "all of them")
    rows = p.js(ROWS)
    assert 10 < rows < 120, rows
    p.until("(window.scrollTo(0, document.documentElement.scrollHeight), %s)"
            % row("many-5000"), "the last one")
    rows = p.js(ROWS)
    assert 10 < rows < 120, rows
    took = p.js("""(async () => { const t = performance.now();
        for (let i = 0; i < 20; i++) { window.scrollTo(0, i * 5000);
        await new Promise(requestAnimationFrame); }
        return (performance.now() - t) / 20; })()""")
    print("# %.1f ms for a frame while scrolling 5,000 rows" % took)
    for width in (768, 360):
        p.size(width, 900)
        p.js("window.scrollTo(0, 40000); 0")
        p.until(ROWS + " > 5", "rows at %d" % width)
        wide = p.js("document.documentElement.scrollWidth")
        assert wide <= width, wide
    p.size(1280, 900)
    p.visit("/dashboard", p.heading("nodes"))
    p.axe("an overview of 5,000")
    p.shot("overview-5000")
    s.sql("DELETE FROM mast.nodes WHERE name LIKE 'many-%%'")
    p.quiet()


def test_close(s):
    """The browser ends"""
    if hasattr(s, "page"):
        s.page.close()


if __name__ == "__main__":
    mast.main(sys.modules[__name__])
