#!/usr/bin/python3
"""The pages about the installation in a real browser: audit, settings,
certificate, export and import, tunnels, and the API for people."""
import json
import os
import sys

import mast
import tap
import uikit
from test_tls import rig
from uikit import EVIL, HOSTILE, row

FILES = """(() => { window.files = []; const make = URL.createObjectURL;
    URL.createObjectURL = (blob) => { blob.text().then((t) =>
    files.push(t)); return make(blob); }; })()"""


def page(s):
    if not hasattr(s, "page"):
        s.page = uikit.Page(s)
        s.a = s.node("edge-a")
        s.b = s.node(HOSTILE)
        s.r = s.node("relay-r", "relay")
        for n in (s.a, s.b, s.r):
            n.on_command = lambda cid, action: {"success": True}
        s.page.b.call("Browser.setDownloadBehavior", behavior="allow",
                      downloadPath=s.page.b.dir)
        s.page.signin()
        s.page.js(FILES)
    return s.page


def taken(p, n):
    """The n-th file that the page saved."""
    p.until("files.length >= %d" % n, "a file")
    return p.js("files[%d]" % (n - 1))


def toasted(p, text):
    p.until(p.says(text, "#toasts"), "told: " + text)


def first(p):
    return p.js("document.querySelector('.grid tbody:not(.spacer) th')"
                "?.textContent")


def test_audit(s):
    """Rows by filters that stand in the address, by the cursor, in full"""
    p = page(s)
    for i in range(3):
        s.admin().node_add("audited %d" % i)
    p.visit("/admin/audit?action_prefix=node.create", row("node.create"))
    tap.equal(p.js("[...document.querySelectorAll('.grid tbody th')].every("
                   "(n) => n.textContent === 'node.create')"), True)
    p.js("document.querySelector('.link').click(); 0")
    p.dialog("node.create")
    p.until(p.says("super", "dialog") + "||" + p.says("Sealed", "dialog"),
            "its details")
    p.axe("an audited act")
    p.key("Escape", 27)
    p.closed()
    p.looks("audit")
    p.fill("What begins with", "nothing.", "main")
    p.until(p.says("Nothing in the audit matches"), "none")
    tap.contains(p.js("location.search"), "action_prefix=nothing.")
    p.press("Clear", "main")
    p.until("location.search === ''", "the filters gone")
    p.fill("Node id", "x", "main")
    p.until(p.says("could not be read"), "a refusal")
    p.quiet([r"^log: network .*400"])
    p.press("Clear", "main")
    p.until(row("node.create"), "all again")
    p.harmless("the audit")
    p.quiet()


def test_audit_files(s):
    """All of it is taken away, page by page, in both forms"""
    p = page(s)
    s.sql("INSERT INTO mast.audit (actor_kind, action) SELECT 'system', "
          "'test.row' FROM generate_series(1, 1500)")
    p.js("document.querySelector('main > *').old = true; 0")
    p.visit("/admin/audit?action_prefix=test.", row("test.row") +
            "&& !document.querySelector('main > *').old")
    p.press("Older", "main")
    # Only the rows in sight are drawn; the table says how many there are.
    p.until("document.querySelector('table')"
            ".getAttribute('aria-rowcount') === '201'", "older rows")
    p.press("As JSON lines", "main")
    lines = taken(p, 1).strip().split("\n")
    tap.equal(len(lines), 1500)
    tap.equal(json.loads(lines[-1])["action"], "test.row")
    p.press("Take away as CSV", "main")
    lines = taken(p, 2).strip().split("\r\n")
    tap.equal(len(lines), 1501, "with one head")
    p.quiet()


def test_settings(s):
    """A setting is saved; bounds are said; another's change is kept"""
    p = page(s)
    p.visit("/admin/settings", p.heading("Settings"))
    p.looks("settings")
    p.fill("Keep events for", "14", "main")
    p.press("Save", "main")
    toasted(p, "settings were saved")
    tap.equal(s.admin().get("/api/v1/settings").json[
        "events_retention_days"], 14)
    p.until("!document.querySelector('main[aria-busy]')", "read again")
    s.admin().put("/api/v1/settings", {"settings": {
        "max_login_attempts": 50}}).want(200)
    p.fill("Keep events for", "15", "main")
    p.press("Save", "main")
    p.until(p.says("Somebody changed it"), "the conflict")
    p.quiet([r"^log: network .*412"])
    p.press("Read again", "main")
    p.until("!document.querySelector('main .fault')", "read again")
    p.fill("Keep events for", "9999", "main")
    p.press("Save", "main")
    p.until("document.querySelector('main input:invalid')", "the bound")
    tap.equal(s.admin().get("/api/v1/settings").json[
        "events_retention_days"], 14)
    p.quiet()


def test_export(s):
    """With a passphrase the secrets are in it; no address has it"""
    p = page(s)
    p.visit("/admin/settings", p.heading("Settings"))
    p.js("window.seen = []; new PerformanceObserver((l) => seen.push("
         "...l.getEntries().map((e) => e.name))).observe({type: 'resource'})")
    n = p.js("files.length")
    p.press("Export", "main")
    p.dialog("Export")
    p.axe("the export")
    p.press("Export", "dialog")
    p.closed()
    plain = json.loads(taken(p, n + 1))
    assert "secrets" not in plain, sorted(plain)
    p.press("Export", "main")
    p.dialog("Export")
    p.fill("Passphrase", "a long passphrase 4711")
    p.press("Export", "dialog")
    p.closed()
    text = taken(p, n + 2)
    assert "secrets" in json.loads(text)
    assert "4711" not in json.dumps(p.js("seen")), p.js("seen")
    s.file = os.path.join(p.b.dir, "export.json")
    with open(s.file, "w") as f:
        f.write(text)
    p.quiet()


def give(p, path):
    root = p.b.call("DOM.getDocument")["root"]["nodeId"]
    node = p.b.call("DOM.querySelector", nodeId=root,
                    selector="#import-file")["nodeId"]
    p.b.call("DOM.setFileInputFiles", nodeId=node, files=[path])


def test_import(s):
    """A dry run first, then what it does; nothing without the word"""
    p = page(s)
    gone = s.admin().node_add("to come back")[0]
    with open(s.file) as f:
        assert gone not in f.read()
    p.press("Import", "main")
    p.dialog("Import")
    give(p, s.file)
    p.choose("How", "replace")
    p.fill("Passphrase", "a long passphrase 4711")
    p.press("Look what it would do", "dialog")
    p.until(p.says("delete nodes", "dialog"), "the report")
    p.axe("the report")
    p.shot("import")
    tap.equal(s.admin().get("/api/v1/nodes/" + gone).status, 200)
    assert p.js("document.querySelector('dialog .danger').disabled")
    p.js("document.querySelector('dialog form input').focus(); 0")
    p.type("replace")
    p.press("Import", "dialog form")
    p.dialog("Imported")
    tap.equal(s.admin().get("/api/v1/nodes/" + gone).status, 404)
    p.key("Escape", 27)
    p.closed()
    with open(s.file, "w") as f:
        f.write('{"version": 1}')
    p.press("Import", "main")
    p.dialog("Import")
    give(p, s.file)
    p.press("Look what it would do", "dialog")
    p.until("document.querySelector('dialog .fault')", "a refusal")
    p.quiet([r"^log: network .*4\d\d"])
    p.key("Escape", 27)
    p.closed()


def tunnel(s, name):
    return [t for t in s.admin().get("/api/v1/tunnels").json["tunnels"]
            if t["name"] == name]


def open_tunnel(p, name):
    p.until(row(name), name)
    p.js(row(name) + ".querySelector('.link').click(); 0")
    p.until("document.querySelector('dialog[open] .plain-list')", "its legs")


def test_tunnels(s):
    """A tunnel is made by its plan, changed, disabled, and deleted by name"""
    p = page(s)
    for n in (s.a, s.b, s.r):
        n.online()
    p.visit("/tunnels", p.heading("Tunnels"))
    p.press("Make a tunnel")
    p.dialog("Make a tunnel")
    p.fill("Name", EVIL)
    p.choose("From node", s.a.id)
    p.choose("To node", s.b.id)
    p.choose("Relay", s.r.id)
    p.fill("Port where it takes the stream", "7100")
    p.fill("Address to forward to", "nonsense")
    p.fill("Addresses of the relay", "192.0.2.1:4433")
    p.until(p.says("takes udp at port 7100", "dialog"), "the plan")
    p.axe("the form of a tunnel")
    p.press("Make", "dialog")
    p.until("document.querySelector('dialog [aria-invalid]')?.name === "
            "'egress_forward_addr'", "the field is marked")
    p.quiet([r"^log: network .*422"])
    p.fill("Address to forward to", "127.0.0.1:5004")
    p.press("Make", "dialog")
    p.closed()
    p.until(row(EVIL) + "?.innerText.includes('All confirmed')",
            "the legs confirmed", 30)
    p.harmless("the tunnels")
    p.looks("tunnels")
    open_tunnel(p, EVIL)
    p.axe("a tunnel")
    p.shot("tunnel")
    p.press("Change", "dialog")
    p.dialog("Change the tunnel")
    p.fill("Name", "contribution")
    p.press("Save", "dialog")
    p.closed()
    p.until(row("contribution"), "the new name")
    open_tunnel(p, "contribution")
    p.press("Disable", "dialog")
    p.dialog("Disable the tunnel")
    p.press("Disable", "dialog")
    p.until(row("contribution") + "?.innerText.includes('Disabled')",
            "disabled")
    open_tunnel(p, "contribution")
    p.press("Enable", "dialog")
    p.until(row("contribution") + "?.innerText.includes('Active')", "active")
    p.quiet()


def test_tunnel_warnings(s):
    """A leg that is not there is told with its reason"""
    p = page(s)
    s.b.close()
    mast.wait_until(lambda: s.admin().node(s.b.id)["status"] == "offline",
                    20, "the node away")
    open_tunnel(p, "contribution")
    p.press("Push again", "dialog")
    toasted(p, "egress")
    p.until(row("contribution") + "?.innerText.includes('egress')",
            "the leg in the row")
    s.b.online()
    open_tunnel(p, "contribution")
    p.press("Delete", "dialog")
    p.dialog("Delete the tunnel")
    p.type("contribution")
    p.key("Enter", 13, "\r")
    p.closed()
    p.until(p.says("There is no tunnel yet"), "gone")
    tap.equal(tunnel(s, "contribution"), [])
    p.quiet()


def test_api(s):
    """Every call of the description is there, with its schemas"""
    p = page(s)
    p.visit("/api", p.heading("API"))
    doc = s.nobody().get("/api/v1/openapi.json").json
    n = sum(len([m for m in item if m in ("get", "post", "put", "delete")])
            for item in doc["paths"].values())
    p.until(p.says("%d calls" % n), "all calls")
    p.looks("api")
    p.fill("Filter", "totp/confirm", "main")
    p.until(p.says("1 call") + "&& !" + p.says("%d calls" % n), "one")
    p.js("document.querySelector('.op:not([hidden]) summary').click(); 0")
    p.until(p.says("recovery_codes"), "its answer")
    p.axe("a call")
    p.quiet()


def test_roles(s):
    """Who may not is told so, and an admin neither exports nor imports"""
    p = page(s)
    p.signout()
    p.quiet()
    for name, role, checks in (
            ("otto", "operator", (("/tunnels", "needs the role admin"),
                                  ("/admin/audit", "needs the role admin"),
                                  ("/admin/settings", "needs the role"))),
            ("anna", "admin", (("/admin/settings",
                                "needs the role super admin"),)),
            ("vic", "viewer", (("/tunnels", "needs the role operator"),))):
        s.user_add(name, role)
        p.signin(name, "Passw0rd-x")
        for path, text in checks:
            p.visit(path, p.says(text))
        p.signout()
        p.quiet()


def test_certificate(s):
    """The certificate is told, replaced, refused at the field, restored"""
    page(s).close()
    certs = rig(s)
    p = s.page = uikit.Page(s)
    p.url = p.url.replace("http:", "https:")
    p.b.call("Security.setIgnoreCertificateErrors", ignore=True)
    p.signin()
    good, key = certs.pair("fresh", days=20)
    old = s.admin().get("/api/v1/settings/tls").json["fingerprint"]
    p.visit("/admin/settings", p.says(old))
    p.looks("certificate")
    p.js("document.querySelector('main details').open = true; 0")
    p.fill("Certificate and its chain (PEM)", good, "main")
    p.fill("Private key (PEM)", certs.pair("other")[1], "main")
    p.press("Serve with this pair", "main")
    p.until("document.querySelector('main [aria-invalid]')", "the refusal")
    p.fill("Private key (PEM)", key, "main")
    p.press("Serve with this pair", "main")
    p.until(p.says("Restore the previous"), "the new pair")
    now = s.admin().get("/api/v1/settings/tls").json["fingerprint"]
    assert now != old
    p.until(p.says(now) + "&&" + p.says("days left"), "the truth")
    tap.equal(p.js(uikit.CONTRAST), [], "contrast")
    p.press("Restore the previous", "main")
    p.dialog("Restore the previous pair")
    p.press("Restore", "dialog")
    p.until(p.says(old), "the old one again")
    assert "PRIVATE KEY" not in p.js("document.body.outerHTML")
    p.quiet()


def test_close(s):
    """The browser ends"""
    page(s).close()


if __name__ == "__main__":
    mast.main(sys.modules[__name__])
