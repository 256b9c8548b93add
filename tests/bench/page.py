"""The dashboard in a real browser: its weight, how soon it can be used on a
slow processor, what it costs while many nodes speak, how it scrolls, and
whether it grows."""
import contextlib
import http.client
import os
import re
import statistics
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "bb"))
import browser                                          # noqa: E402

NODES = int(os.environ.get("BENCH_PAGE_NODES", "1000"))
SCROLL = int(os.environ.get("BENCH_SCROLL_NODES", "5000"))
LOADS = 7
THROTTLE = 4
SECS = 20.0

# Notes when the page first could be used: a heading, what the page shows,
# and news from the server.
USABLE = """(() => {
  const look = () => {
    const main = document.getElementById('main');
    if (main?.querySelector('h1') && !main.hasAttribute('aria-busy') &&
        main.querySelector('.grid tbody:not(.spacer) tr, canvas') &&
        document.getElementById('pill')?.dataset.state === 'live')
      window.usableAt = performance.now();
    else
      requestAnimationFrame(look);
  };
  look();
})()"""
# What one step of scrolling takes, from the event to the frame's end.
FRAMES = """(async () => {
  const times = [], box = document.scrollingElement;
  const most = box.scrollHeight - innerHeight;
  for (let i = 0; i < 80; i++) {
    const begin = performance.now();
    window.scrollTo(0, (i * 1700) % most);
    await new Promise((done) => requestAnimationFrame(() => {
      const c = new MessageChannel();
      c.port1.onmessage = done;
      c.port2.postMessage(0);
    }));
    times.push(performance.now() - begin);
    await new Promise((done) => setTimeout(done, 20));
  }
  return times;
})()"""


class Page:
    def __init__(self, suite):
        self.b = browser.Browser()
        self.url = "http://%s:%d" % (suite.host, suite.port)
        self.b.call("Page.addScriptToEvaluateOnNewDocument", source=USABLE)
        self.b.call("Performance.enable")
        self.b.size(1280, 900)
        self.signin(suite.info["admin"])

    def signin(self, admin):
        self.b.go(self.url + "/login")
        self.b.until("document.activeElement.id === 'username'", "the form")
        self.b.type(admin["username"])
        self.b.key("Tab", 9)
        self.b.type(admin["password"])
        self.b.key("Enter", 13, "\r")
        self.b.until("window.usableAt", "signed in", 60)

    def load(self, path):
        """Milliseconds from the navigation until the page is usable."""
        self.b.go(self.url + path)
        return self.b.until("window.usableAt", path, 60)

    def figures(self):
        return {m["name"]: m["value"] for m in self.b.call(
            "Performance.getMetrics")["metrics"]}

    def share(self, seconds):
        """Percent of the time in which the page's thread was busy."""
        a = self.figures()
        time.sleep(seconds)
        b = self.figures()
        return 100 * (b["TaskDuration"] - a["TaskDuration"]) / (
            b["Timestamp"] - a["Timestamp"])

    def heap(self):
        """What is kept: the least of some looks, for what has just come
        in is in some of them."""
        looks = []
        for _ in range(6):
            self.b.call("HeapProfiler.collectGarbage")
            looks.append(self.b.call("Runtime.getHeapUsage")["usedSize"])
            time.sleep(1.7)
        return min(looks) / 1024


def weight(suite, bench):
    sizes = {"br": 0, "gzip": 0}
    c = http.client.HTTPConnection(suite.host, suite.port)

    def get(path, coding):
        c.request("GET", path, headers={"Accept-Encoding": coding})
        return c.getresponse().read()
    text = get("/", "identity").decode()
    for name in re.findall(r'(?:href|src)="(/assets/[^"]+\.(?:js|css))"',
                           text):
        for coding in sizes:
            sizes[coding] += len(get(name, coding))
    c.close()
    bench.record("script and style by Brotli", sizes["br"] / 1000, "kB",
                 goal="60")
    bench.record("script and style by gzip", sizes["gzip"] / 1000, "kB")


def usable(p, bench):
    p.b.call("Network.setCacheDisabled", cacheDisabled=True)
    p.b.call("Emulation.setCPUThrottlingRate", rate=THROTTLE)
    for name, path in (("overview", "/dashboard"), ("nodes", "/nodes")):
        p.load(path)
        times = [p.load(path) for _ in range(LOADS)]
        bench.record("%s usable, %d nodes, CPU / %d" % (
            name, NODES, THROTTLE), statistics.median(times) / 1000, "s",
            goal="1")
    p.b.call("Emulation.setCPUThrottlingRate", rate=1)
    p.b.call("Network.setCacheDisabled", cacheDisabled=False)


def busy(p, bench, seconds):
    for name, path in (("overview", "/dashboard"), ("nodes", "/nodes")):
        p.load(path)
        time.sleep(5)
        bench.record("%s busy, %d nodes at 1 Hz" % (name, NODES),
                     p.share(seconds), "%", goal="20")


def scrolling(p, bench):
    p.load("/nodes")
    time.sleep(3)
    times = sorted(p.b.js(FRAMES))
    bench.record("a frame of scrolling, %d nodes, p50" % SCROLL,
                 statistics.median(times), "ms", goal="50")
    bench.record("a frame of scrolling, p95",
                 times[int(len(times) * 0.95)], "ms")
    bench.record("nodes busy, %d nodes at 1 Hz" % SCROLL, p.share(10), "%")


def growth(p, bench, seconds):
    """Heap after a minute's warming (or a fifth of the time), half way,
    and at the end: what only the first half adds has filled up."""
    p.load("/dashboard")
    warm = min(60.0, seconds / 5)
    half = (seconds - warm) / 2
    time.sleep(warm)
    a, begin = p.heap(), p.figures()
    time.sleep(half)
    m = p.heap()
    time.sleep(half)
    b, end = p.heap(), p.figures()
    bench.record("heap of the overview, %d nodes at 1 Hz" % NODES, b, "kB")
    bench.record("  its growth in %d s" % half, m - a, "kB")
    bench.record("  and in %d s more" % half, b - m, "kB", goal="0")
    bench.record("  growth of its elements", end["Nodes"] - begin["Nodes"],
                 "", goal="0")


@contextlib.contextmanager
def fleet(suite, bench, n):
    sim = bench.Sim(suite.node, bench.creds_of(suite, n), suite.state)
    try:
        sim.all_online(200)
        yield
    finally:
        sim.stop()


def bench_page(suite, bench, seconds):
    """seconds: of watching the heap, 0 for nothing but that which is
    quick; the other parts take about two minutes."""
    bench.say("the page in Chromium")
    weight(suite, bench)
    p = None
    try:
        with fleet(suite, bench, min(NODES, len(suite.creds))):
            p = Page(suite)
            usable(p, bench)
            busy(p, bench, SECS)
            if seconds > 0:
                growth(p, bench, seconds)
        with fleet(suite, bench, min(SCROLL, len(suite.creds))):
            scrolling(p, bench)
        for c in p.b.complaints:
            bench.say("  complaint: " + c)
    finally:
        if p:
            p.b.close()
