"""Debian's Firefox without a window, driven through WebDriver BiDi by the
WebSocket client of the black-box tests. It does what browser.Browser does."""
import base64
import json
import os
import shutil
import subprocess
import tempfile

import browser
import tap
import ws

NAMES = ("firefox-esr", "firefox")
KEYS = {"Tab": "\ue004", "Enter": "\ue007", "Escape": "\ue00c"}
# It is to call nobody but us, and to ask nobody anything.
PREFS = {
    "app.normandy.enabled": False,
    "app.update.auto": False,
    "browser.aboutwelcome.enabled": False,
    "browser.safebrowsing.downloads.remote.enabled": False,
    "browser.safebrowsing.malware.enabled": False,
    "browser.safebrowsing.phishing.enabled": False,
    "browser.shell.checkDefaultBrowser": False,
    "browser.startup.page": 0,
    "datareporting.healthreport.uploadEnabled": False,
    "datareporting.policy.dataSubmissionEnabled": False,
    "dom.push.connection.enabled": False,
    "extensions.getAddons.cache.enabled": False,
    "extensions.systemAddon.update.enabled": False,
    "extensions.update.enabled": False,
    "media.gmp-manager.updateEnabled": False,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    "network.dns.disablePrefetch": True,
    "network.prefetch-next": False,
    "services.settings.server": "data:,",
    "signon.rememberSignons": False,
    "toolkit.telemetry.server": "data:,",
}
# What the page's own log does not tell: the policy, and broken promises.
WATCH = """(tell) => {
  document.addEventListener('securitypolicyviolation', (e) => tell(
      `policy: ${e.violatedDirective} ${e.blockedURI} ${e.sample}`), true);
  addEventListener('unhandledrejection', (e) => tell(
      `rejection: ${e.reason}`));
}"""


def value(v):
    """What a remote value of BiDi is here."""
    kind = v["type"]
    if kind in ("undefined", "null"):
        return None
    if kind == "array":
        return [value(x) for x in v.get("value", [])]
    if kind == "object":
        return {k: value(x) for k, x in v.get("value", [])}
    return v.get("value")


class Firefox(browser.Browser):
    def __init__(self):
        program = next(filter(None, map(shutil.which, NAMES)), None)
        if program is None:
            raise tap.Skip("package firefox-esr is missing")
        self.number = self.dialogs = 0
        self.complaints = []
        # As root it wants a home that is root's own.
        self.dir = tempfile.mkdtemp(prefix="mtf", dir="/tmp")
        profile = os.path.join(self.dir, "profile")
        os.mkdir(profile)
        with open(os.path.join(profile, "user.js"), "w") as f:
            for name, v in PREFS.items():
                f.write("user_pref(%s, %s);\n" % (
                    json.dumps(name), json.dumps(v)))
        env = {k: v for k, v in os.environ.items()
               if k not in ("DISPLAY", "WAYLAND_DISPLAY", "XAUTHORITY",
                            "DBUS_SESSION_BUS_ADDRESS")}
        env.update(HOME=self.dir, XDG_RUNTIME_DIR=self.dir, TMPDIR=self.dir,
                   XDG_CACHE_HOME=self.dir, XDG_CONFIG_HOME=self.dir,
                   MOZ_HEADLESS="1", MOZ_CRASHREPORTER_DISABLE="1")
        self.log = open(os.path.join(self.dir, "log"), "w+")
        self.proc = subprocess.Popen(
            [program, "--headless", "--no-remote", "--profile", profile,
             "--remote-debugging-port", "0", "about:blank"],
            stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log,
            env=env, start_new_session=True)
        try:
            self.ws = ws.WebSocket("127.0.0.1", self._port(), "/session",
                                   timeout=browser.START)
            self._begin()
        except BaseException:
            self.close()
            raise

    def _begin(self):
        self.call("session.new", capabilities={"alwaysMatch": {
            "unhandledPromptBehavior": {"default": "dismiss"}}})
        self.page = self.call("browsingContext.getTree")["contexts"][0][
            "context"]
        self.call("session.subscribe", events=[
            "log.entryAdded", "script.message",
            "browsingContext.userPromptOpened"])
        self.call("script.addPreloadScript", functionDeclaration=WATCH,
                  arguments=[{"type": "channel", "value": {
                      "channel": "watch"}}])

    def _event(self, doc):
        method, p = doc.get("method"), doc.get("params", {})
        if method == "log.entryAdded" and p["level"] in ("error", "warn"):
            self.complaints.append("%s: %s" % (p["type"], p["text"][:800]))
        elif method == "script.message" and p["channel"] == "watch":
            self.complaints.append(value(p["data"]))
        elif method == "browsingContext.userPromptOpened":
            self.dialogs += 1
            self.complaints.append("dialog: " + p["message"])

    def js(self, text):
        r = self.call("script.evaluate", expression=text, awaitPromise=True,
                      target={"context": self.page},
                      serializationOptions={"maxObjectDepth": 8})
        if r["type"] == "exception":
            raise AssertionError("%s: %s" % (
                text, r["exceptionDetails"]["text"]))
        return value(r["result"])

    def size(self, width, height, dark=False):
        if dark:
            raise tap.Skip("Firefox is looked at in the light theme only")
        self.call("browsingContext.setViewport", context=self.page,
                  viewport={"width": width, "height": height})

    def go(self, url):
        self.call("browsingContext.navigate", context=self.page, url=url,
                  wait="complete")

    def _press(self, keys):
        actions = [{"type": kind, "value": k} for k in keys
                   for kind in ("keyDown", "keyUp")]
        self.call("input.performActions", context=self.page, actions=[
            {"type": "key", "id": "keyboard", "actions": actions}])

    def key(self, key, code, text=None):
        self._press([KEYS.get(key, key)])

    def type(self, text):
        self._press(text)

    def picture(self):
        return base64.b64decode(self.call(
            "browsingContext.captureScreenshot", context=self.page,
            origin="document")["data"])
