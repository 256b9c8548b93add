"""Debian's Chromium without a window, driven through its DevTools protocol
by the WebSocket client of the black-box tests."""
import base64
import http.client
import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
import urllib.parse

import tap
import ws

NAMES = ("chromium", "chromium-browser", "google-chrome")
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run",
         "--disable-background-networking", "--disable-component-update",
         "--disable-sync", "--disable-extensions", "--hide-scrollbars",
         "--disable-dev-shm-usage", "--mute-audio",
         "--remote-debugging-port=0", "about:blank"]

START = 30 * tap.PATIENCE       # seconds, for what is slow at a start


class Browser:
    """One browser with one page. Everything it complains about is kept in
    .complaints: exceptions, console errors and warnings, CSP violations."""

    def __init__(self):
        program = next(filter(None, map(shutil.which, NAMES)), None)
        if program is None:
            raise tap.Skip("package chromium is missing")
        self.dir = tempfile.mkdtemp(prefix="mtb", dir="/tmp")
        self.log = open(os.path.join(self.dir, "log"), "w+")
        self.proc = subprocess.Popen(
            [program, "--user-data-dir=" + self.dir] + FLAGS,
            stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log,
            start_new_session=True)
        self.number = 0
        self.complaints = []
        self.dialogs = 0
        try:
            self.ws = self._attach(self._port())
            for domain in ("Runtime", "Log", "Page", "Network",
                           "Accessibility"):
                self.call(domain + ".enable")
        except BaseException:
            self.close()
            raise

    def _port(self):
        end = time.monotonic() + START
        while time.monotonic() < end:
            with open(self.log.name) as f:
                found = re.search(r"ws://127\.0\.0\.1:(\d+)\b", f.read())
            if found:
                return int(found.group(1))
            if self.proc.poll() is not None:
                break
            time.sleep(0.05)
        with open(self.log.name) as f:
            raise AssertionError("%s does not start: %s" % (
                self.proc.args[0], f.read()[-1500:]))

    @staticmethod
    def _attach(port):
        """It listens before its first page is there."""
        end = time.monotonic() + START
        pages = []
        while not pages and time.monotonic() < end:
            c = http.client.HTTPConnection("127.0.0.1", port, timeout=START)
            c.request("GET", "/json/list")
            pages = [t for t in json.loads(c.getresponse().read())
                     if t["type"] == "page"]
            c.close()
            time.sleep(0 if pages else 0.05)
        path = urllib.parse.urlsplit(pages[0]["webSocketDebuggerUrl"]).path
        return ws.WebSocket("127.0.0.1", port, path, timeout=START)

    def _event(self, doc):
        method, p = doc.get("method"), doc.get("params", {})
        if method == "Runtime.exceptionThrown":
            self.complaints.append("exception: %s" % json.dumps(
                p["exceptionDetails"])[:800])
        elif method == "Runtime.consoleAPICalled" and \
                p["type"] in ("error", "warning", "assert"):
            self.complaints.append("console: %s" % json.dumps(
                p["args"])[:800])
        elif method == "Log.entryAdded" and \
                p["entry"]["level"] in ("error", "warning"):
            self.complaints.append("log: %s %s" % (
                p["entry"]["source"], p["entry"]["text"]))
        elif method == "Page.javascriptDialogOpening":
            self.dialogs += 1
            self.complaints.append("dialog: " + p["message"])

    def call(self, method, **params):
        """Asks the browser; what it tells meanwhile is taken. BiDi of
        WebDriver numbers calls and tells of errors as DevTools does, but
        for where its message is."""
        self.number += 1
        number = self.number
        self.ws.text(json.dumps({"id": number, "method": method,
                                 "params": params}))
        while True:
            doc = json.loads(self.ws.recv(2 * START)[1])
            if doc.get("id") == number:
                if "error" in doc:
                    raise AssertionError("%s: %s %s" % (
                        method, doc["error"], doc.get("message", "")))
                return doc["result"]
            self._event(doc)

    def js(self, text):
        """The value of an expression in the page."""
        r = self.call("Runtime.evaluate", expression=text,
                      returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in r:
            raise AssertionError("%s: %s" % (text, r["exceptionDetails"]))
        return r["result"].get("value")

    def until(self, text, what, timeout=15):
        end = time.monotonic() + timeout
        while True:
            value = self.js(text)
            if value:
                return value
            if time.monotonic() > end:
                raise AssertionError("not within %g s: %s; page: %s" % (
                    timeout, what, self.js("document.body.innerText")))
            time.sleep(0.1)

    def size(self, width, height, dark=False):
        self.call("Emulation.setDeviceMetricsOverride", width=width,
                  height=height, deviceScaleFactor=1, mobile=False)
        self.call("Emulation.setEmulatedMedia", features=[{
            "name": "prefers-color-scheme",
            "value": "dark" if dark else "light"}])

    def go(self, url):
        self.call("Page.navigate", url=url)
        self.until("document.readyState === 'complete'", url)

    def key(self, key, code, text=None):
        for kind in ("keyDown", "keyUp"):
            extra = {"text": text} if text and kind == "keyDown" else {}
            self.call("Input.dispatchKeyEvent", type=kind, key=key,
                      windowsVirtualKeyCode=code, **extra)

    def type(self, text):
        self.call("Input.insertText", text=text)

    def shot(self, name):
        """A picture of the whole page, where CI can keep it."""
        folder = os.environ.get("MAST_SHOTS") or os.path.join(
            os.environ.get("MAST_BUILD", "."), "tests", "bb", "shots")
        os.makedirs(folder, exist_ok=True)
        path = os.path.join(folder, name + ".png")
        with open(path, "wb") as f:
            f.write(self.picture())
        return path

    def picture(self):
        return base64.b64decode(self.call(
            "Page.captureScreenshot", captureBeyondViewport=True)["data"])

    def close(self):
        if self.proc.poll() is None:
            os.killpg(self.proc.pid, signal.SIGTERM)
            try:
                self.proc.wait(10)
            except subprocess.TimeoutExpired:
                os.killpg(self.proc.pid, signal.SIGKILL)
                self.proc.wait()
        self.log.close()
        shutil.rmtree(self.dir, ignore_errors=True)
