"""The dashboard in a real browser: sign-in, ways through it, and what every
page has to keep: nothing to complain about, contrast and names that axe and
our own measure accept, no overflow at any width, no markup from strings."""
import json
import os
import re

import browser
import mast
import tap

HOSTILE = "<img src=x onerror=alert(1)>\u202eevil"
EVIL = "</td><script>alert(2)</script> {{7*7}} <svg onload=alert(3)>"
LONG = "long " + 1990 * "word "
AXE = os.path.join(mast.SRC, "build-npm", "node_modules", "axe-core",
                   "axe.min.js")

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
    return rgb(getComputedStyle(document.body).backgroundColor);
  };
  const bad = [];
  const walk = document.createTreeWalker(document.body, 4);
  while (walk.nextNode()) {
    const t = walk.currentNode, n = t.parentElement;
    if (!t.data.trim() || !n.checkVisibility() ||
        n.closest('.sr, .skip, noscript, script, :disabled'))
      continue;
    const a = lum(rgb(getComputedStyle(n).color)), b = lum(back(n));
    const ratio = (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
    if (ratio < 4.5)
      bad.push(`${ratio.toFixed(2)} ${t.data.trim().slice(0, 40)}`);
  }
  return bad;
})()"""
AXE_RUN = """axe.run(document, {resultTypes: ['violations'], runOnly:
  ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']})
  .then((r) => r.violations.map((v) => `${v.id}: ${v.help}: ` +
  v.nodes.slice(0, 3).map((n) => n.html.slice(0, 160)).join(' | ')))"""


class Page:
    """A browser at one suite's dashboard."""

    def __init__(self, s, make=browser.Browser):
        self.s = s
        self.url = s.url.rstrip("/")
        s.admin().put("/api/v1/settings", {"settings": {
            "max_login_attempts": 100}}).want(200)
        self.b = make()
        self.js, self.key, self.type = self.b.js, self.b.key, self.b.type
        self.shot, self.size = self.b.shot, self.b.size
        self.size(1280, 900)

    def until(self, text, what, timeout=15):
        return self.b.until("!!(%s)" % text, what, timeout * mast.PATIENCE)

    def goto(self, path):
        """Loads the document at a path."""
        self.b.go(self.url + path)

    def visit(self, path, ready):
        """Follows a link to a page; ready: what it shows then."""
        self.js("(() => { const a = document.createElement('a'); a.href = %s;"
                "document.body.append(a); a.click(); a.remove(); })()" %
                json.dumps(path))
        # The page before stays until the next one can be drawn.
        self.until("!document.querySelector('main[aria-busy]')", path)
        self.until(ready, "%s: %s" % (path, ready))

    def heading(self, text):
        return "document.querySelector('main h1')?.textContent.includes(%s)" \
            % json.dumps(text)

    def says(self, text, where="main"):
        return "document.querySelector(%s)?.innerText.includes(%s)" % (
            json.dumps(where), json.dumps(text))

    def fill(self, label, text, where="dialog[open]"):
        """Types into the field with that label."""
        self.js(FIELD % (json.dumps(where), json.dumps(label)) +
                ".focus(); document.activeElement.select?.(); 0")
        self.type(text)

    def choose(self, label, value, where="dialog[open]"):
        self.js("(() => { const f = %s; f.value = %s; for (const t of "
                "['input', 'change']) f.dispatchEvent(new Event(t, {bubbles:"
                " true})); })()" % (FIELD % (
                    json.dumps(where), json.dumps(label)), json.dumps(value)))

    def press(self, name, where="body"):
        """Clicks the button or link that is called so."""
        found = self.js("""(() => { const all = [...document.querySelectorAll(
            %s + ' :is(button, a, summary)')].filter((n) =>
            n.checkVisibility() && (n.getAttribute('aria-label') ??
            n.textContent).trim() === %s); all[0]?.click();
            return all.length; })()""" % (json.dumps(where),
                                          json.dumps(name)))
        assert found, "no button %r in %s: %s" % (
            name, where, self.js("document.body.innerText"))

    def dialog(self, title):
        self.until("document.querySelector('dialog[open] h2')?.textContent"
                   ".includes(%s)" % json.dumps(title), "dialog " + title)

    def closed(self):
        self.until("!document.querySelector('dialog[open]')",
                   "the dialog closed")

    def signin(self, username=None, password=None, at="/login"):
        admin = self.s.info["admin"]
        self.goto(at)
        self.until("document.activeElement.id === 'username'", "the form")
        self.type(username or admin["username"])
        self.key("Tab", 9)
        self.type(password or admin["password"])
        self.key("Enter", 13, "\r")
        self.until("document.getElementById('who-name')?.textContent",
                   "signed in")
        self.live()

    def live(self, timeout=20):
        self.until("document.getElementById('pill')?.dataset.state === "
                   "'live'", "live", timeout)

    def signout(self):
        self.js("document.getElementById('sign-out').click(); 0")
        self.until("location.pathname === '/login'", "signed out")
        # What was under way then is refused.
        self.quiet([r"network .*401"])

    def quiet(self, allowed=()):
        """No complaint since the last time, but for those allowed."""
        self.js("0")
        left = [c for c in self.b.complaints
                if not any(re.search(a, c) for a in allowed)]
        self.b.complaints.clear()
        tap.equal(left, [], "complaints of the browser")
        tap.equal(self.b.dialogs, 0, "dialogs of scripts")

    def axe(self, what):
        """WCAG 2.2 AA as axe-core sees it; its script comes by DevTools,
        not through the page's policy."""
        if not os.path.exists(AXE):
            print("# no axe of %s: needs npm ci of tests/npm" % what)
            return
        if self.js("typeof axe") != "object":
            with open(AXE) as f:
                self.js(f.read() + "; 0")
        tap.equal(self.js(AXE_RUN), [], "axe of " + what)

    def looks(self, name, before=None):
        """Wide and narrow, light and dark: no overflow, contrast, axe;
        a picture of each."""
        for width in (1280, 768, 360):
            for dark in (False, True):
                self.size(width, 900, dark)
                if before:
                    before()
                self.until("document.querySelector('main h1') && !document"
                           ".querySelector('main[aria-busy]')", "the page")
                wide = self.js("document.documentElement.scrollWidth")
                assert wide <= width, "%s: %d px wide at %d" % (
                    name, wide, width)
                what = "%s-%d-%s" % (name, width,
                                     "dark" if dark else "light")
                self.shot(what)
                tap.equal(self.js(CONTRAST), [], "contrast of " + what)
                if width != 768:
                    self.axe(what)
        self.size(1280, 900)

    def harmless(self, what):
        """No element was made of what a node said."""
        tap.equal(self.js(
            "document.querySelectorAll('main img[src=x], body script:not("
            "[src]), iframe, main svg[onload]').length"), 0, what)
        tap.equal(self.b.dialogs, 0)

    def close(self):
        self.b.close()


FIELD = """[...document.querySelectorAll(%s + ' label')].filter((l) =>
  l.checkVisibility() && l.textContent.replace(' (required)', '').trim() ===
  %s).map((l) => document.getElementById(l.htmlFor))[0]"""


def row(name):
    """The table's row of a node, in the page's language."""
    return ("[...document.querySelectorAll('.grid tbody:not(.spacer) tr')]"
            ".find((r) => r.querySelector('th')?.textContent.includes(%s))" %
            json.dumps(name))
