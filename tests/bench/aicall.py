"""What Mastkeeper adds to a call of an AI provider: a whole request of the
REST API less the time in which the provider itself worked, beside a direct
call of the same provider with the same bytes, one after the other. The
provider is an imitation in a process of its own, which takes the time."""
import http.client
import json
import multiprocessing
import os
import shutil
import ssl
import sys
import tempfile
import time

CALLS = int(os.environ.get("BENCH_AI_CALLS", "300"))
WARM = 20
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "fakeai"))
import fakeai  # noqa: E402


def serve(folder, pipe):
    """The provider: says its port, then the last request when asked."""
    fake = fakeai.FakeAI(folder)
    pipe.send(fake.port)
    while pipe.recv():
        r = fake.requests[-1]
        pipe.send((r.path, r.headers, r.body, r.took))
        with fake.lock:
            fake.requests, fake.received = [], []


class Provider:
    def __init__(self):
        self.dir = tempfile.mkdtemp(prefix="mkai", dir="/tmp")
        os.chmod(self.dir, 0o755)
        fakeai.certificates(self.dir)
        self.pipe, other = multiprocessing.Pipe()
        self.p = multiprocessing.Process(target=serve, args=(self.dir, other),
                                         daemon=True)
        self.p.start()
        self.port = self.pipe.recv()
        self.url = "https://127.0.0.1:%d/v1" % self.port

    def settings(self):
        return ["aid.openai_url=" + self.url, "aid.allow_private=yes",
                "aid.ca_file=%s/ca.crt" % self.dir,
                "apid.ai_calls_per_day=100000",
                "apid.ai_tokens_per_day=1000000000"]

    def last(self):
        self.pipe.send(True)
        return self.pipe.recv()

    def connect(self):
        tls = ssl.create_default_context(cafile=self.dir + "/ca.crt")
        c = http.client.HTTPSConnection("127.0.0.1", self.port, context=tls)
        c.connect()
        return c

    def stop(self):
        self.p.terminate()
        self.p.join()
        shutil.rmtree(self.dir, ignore_errors=True)


def centile(v, p):
    return sorted(v)[min(len(v) - 1, int(len(v) * p / 100))]


def used(suite, bench):
    return sum(bench.cpu_us(suite.info["pids"][n]) for n in ("apid", "aid"))


def bench_ai(suite, provider, bench):
    bench.say("ai: %d calls, each beside a direct one" % CALLS)
    for name in ("apid", "aid"):
        bench.pin(suite.info["pids"][name], bench.SERVER_CPU)
    bench.pin(provider.p.pid, bench.LOAD_CPU)
    os.sched_setaffinity(0, bench.LOAD_CPU)
    suite.rest("POST", "/api/v1/ai/keys", {
        "provider": "openai", "api_key": fakeai.KEYS["openai"]})
    direct = provider.connect()
    through, beside, own, cpu = [], [], [], 0
    for i in range(WARM + CALLS):
        if i == WARM:
            cpu = used(suite, bench)
        since = time.perf_counter()
        doc = suite.rest("POST", "/api/v1/ai/query", {"query": "how is it?"})
        whole = time.perf_counter() - since
        if not doc["success"]:
            raise SystemExit("bench: " + doc["error"])
        path, headers, body, took = provider.last()
        since = time.perf_counter()
        direct.request("POST", path, body, {
            "content-type": "application/json",
            "authorization": headers["authorization"]})
        r = direct.getresponse()
        answer = r.read()
        alone = time.perf_counter() - since
        if r.status != 200:
            raise SystemExit("bench: %d %r" % (r.status, answer[:200]))
        if i >= WARM:
            through.append((whole - took) * 1000)
            own.append(took * 1000)
            beside.append((alone - provider.last()[3]) * 1000)
        else:
            provider.last()
    cpu = (used(suite, bench) - cpu) / CALLS
    for p in (50, 99):
        bench.record("ai call, added, p%d" % p, centile(through, p), "ms",
                     ("a direct call over the same TLS",
                      centile(beside, p)), "at most 5")
    bench.record("ai call, the provider's own time, p50", centile(own, 50),
                 "ms")
    # Stays honest when the machine has other work.
    bench.record("ai call, CPU of apid and aid", cpu, "us")
