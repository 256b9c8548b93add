#!/usr/bin/python3
"""The daemons as a service manager runs them: readiness and watchdog by
sd_notify, sockets that are passed by name and outlive a restart, credentials,
the orderly stop, exit codes."""
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import mast
import tap
from mast import PATIENCE, wait_until

SHELL = 'LISTEN_PID=$$; export LISTEN_PID; exec "$@"'


class Manager:
    """A notify socket, and sockets by name to pass on."""

    def __init__(self, suite):
        self.suite = suite
        self.dir = tempfile.mkdtemp(prefix="mn", dir=suite.dir)
        os.chmod(self.dir, 0o777)
        self.path = os.path.join(self.dir, "notify")
        self.notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.notify.bind(self.path)
        os.chmod(self.path, 0o666)
        self.notify.settimeout(20 * PATIENCE)
        self.sockets = []

    def tcp(self, name, port=0):
        s = socket.socket()
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        s.bind(("127.0.0.1", port))
        s.listen(64)
        self.sockets.append((name, s))
        return s

    def unix(self, name, path):
        if os.path.exists(path):
            os.unlink(path)
        s = socket.socket(socket.AF_UNIX)
        s.bind(path)
        os.chmod(path, 0o666)
        s.listen(64)
        self.sockets.append((name, s))
        return s

    def start(self, daemon, watchdog=None, args=(), env=None, user=None):
        e = dict(os.environ, NOTIFY_SOCKET=self.path,
                 LISTEN_FDS=str(len(self.sockets)),
                 LISTEN_FDNAMES=":".join(n for n, s in self.sockets))
        if watchdog:
            e["WATCHDOG_USEC"] = str(watchdog)
        e.update(env or {})
        wanted = [os.dup(s.fileno()) for n, s in self.sockets]
        high = [os.dup2(fd, 100 + i) for i, fd in enumerate(wanted)]
        for fd in wanted:
            os.close(fd)
        passed = list(range(3, 3 + len(high)))

        def place():
            for to, fd in zip(passed, high):
                os.dup2(fd, to)
        log = open(os.path.join(self.suite.state, "log", daemon + ".log"),
                   "a")
        p = subprocess.Popen(
            ["sh", "-c", SHELL, "sh",
             self.suite.program("mastkeeper-" + daemon), "-f",
             self.suite.conf, *args], env=e, stdin=subprocess.DEVNULL,
            stdout=log, stderr=log, preexec_fn=place, pass_fds=passed,
            start_new_session=True)
        log.close()
        for fd in high:
            os.close(fd)
        return p

    def heard(self):
        return self.notify.recv(4096).decode()

    def wait_for(self, word):
        """The first message that has that line; those before it."""
        before = []
        while True:
            text = self.heard()
            if word in text.split("\n"):
                return text, before
            before.append(text)

    def close(self):
        for n, s in self.sockets:
            s.close()
        self.notify.close()
        shutil.rmtree(self.dir)


def adopt(suite, daemon, proc):
    suite.mine[daemon] = proc
    suite.pids[daemon] = proc.pid
    suite.down.discard(daemon)


def local(suite, m, *names):
    for name in names:
        m.unix("local", os.path.join(suite.run_dir, name))


def test_apid_passed(suite):
    """A client that comes while apid is away waits and is answered, from
    the database as well."""
    token = suite.admin(bearer=True).token
    suite.kill("apid", signal.SIGTERM)
    m = Manager(suite)
    public = m.tcp("public")
    m.tcp("metrics")
    local(suite, m, "apid.ctl")
    suite.port = public.getsockname()[1]
    waiting = suite.connection(timeout=30 * PATIENCE)
    waiting.request("GET", "/health")           # nobody runs yet
    p = m.start("apid", watchdog=400000)
    adopt(suite, "apid", p)
    text, _ = m.wait_for("READY=1")
    tap.contains(text, "STATUS=serving")
    tap.equal(waiting.getresponse().status, 200, "the one who waited")
    for _ in range(3):
        m.wait_for("WATCHDOG=1")
    suite.wait_ready()
    tap.contains(suite.ctl("status"), "apid")
    p.send_signal(signal.SIGHUP)
    text, _ = m.wait_for("RELOADING=1")
    tap.contains(text, "MONOTONIC_USEC=")
    m.wait_for("READY=1")
    p.send_signal(signal.SIGTERM)
    m.wait_for("STOPPING=1")
    tap.equal(p.wait(30 * PATIENCE), 0, "exit code")
    waiting = suite.connection(timeout=30 * PATIENCE)
    waiting.request("GET", "/api/v1/nodes", headers={   # in the queue
        "Authorization": "Bearer " + token})
    p = m.start("apid")
    adopt(suite, "apid", p)
    tap.equal(waiting.getresponse().status, 200, "the one between")
    suite.kill("apid", signal.SIGTERM)
    m.close()
    suite.port = int(suite.info["url"].rsplit(":", 1)[1])
    suite.start("apid")


def test_hubd_passed(suite):
    """Nodes come by a passed socket; the stop tells them 1001."""
    suite.kill("hubd", signal.SIGTERM)
    m = Manager(suite)
    door = m.tcp("node")
    local(suite, m, "node.sock", "hubd.sock", "hubd.ctl")
    was, suite.node_port = suite.node_port, door.getsockname()[1]
    p = m.start("hubd", watchdog=400000)
    adopt(suite, "hubd", p)
    m.wait_for("READY=1")
    m.wait_for("WATCHDOG=1")
    suite.wait_ready()
    node = suite.node("passed")
    node.event("seen before the stop")
    p.send_signal(signal.SIGTERM)
    m.wait_for("STOPPING=1")
    tap.equal(p.wait(30 * PATIENCE), 0, "exit code")
    wait_until(lambda: node.closed, 10, "the node hears of the stop")
    tap.equal(node.closed.code, 1001, "close code")
    tap.equal(suite.one("SELECT count(*) FROM mast.events "
                        "WHERE message = 'seen before the stop'"), 1,
              "the event is stored")
    m.close()
    suite.node_port = was
    suite.start("hubd")


def test_aid_passed(suite):
    """aid too, with its key from the folder of credentials."""
    suite.kill("aid", signal.SIGTERM)
    m = Manager(suite)
    local(suite, m, "aid.sock", "aid.ctl")
    with open(suite.conf) as f:
        state = [line.split("=")[1].strip() for line in f
                 if line.startswith("state_dir")][0]
    key = os.path.join(state, "aid.key")
    away = key + ".away"
    creds = os.path.join(m.dir, "creds")
    os.mkdir(creds, 0o755)
    shutil.copy2(key, os.path.join(creds, "aid.key"))
    os.rename(key, away)
    try:
        p = m.start("aid", watchdog=400000,
                    env={"CREDENTIALS_DIRECTORY": creds})
        adopt(suite, "aid", p)
        m.wait_for("READY=1")
        m.wait_for("WATCHDOG=1")
        suite.wait_ready()
        p.send_signal(signal.SIGTERM)
        m.wait_for("STOPPING=1")
        tap.equal(p.wait(30 * PATIENCE), 0, "exit code")
    finally:
        os.rename(away, key)
    m.close()
    suite.start("aid")


def refused(suite, daemon, m, code, words):
    """It does not start, says why, and notifies nobody of readiness."""
    before = len(suite.log(daemon))
    p = m.start(daemon)
    tap.equal(p.wait(30 * PATIENCE), code, "exit code of " + daemon)
    tap.contains(suite.log(daemon)[before:], words)
    m.close()


def test_wrong_sockets(suite):
    """What is passed and cannot be served is a refusal, not a silence."""
    suite.kill("apid", signal.SIGTERM)
    m = Manager(suite)
    m.tcp("publc")
    refused(suite, "apid", m, 78,
            'a socket "publc" that nothing here listens on')
    m = Manager(suite)
    m.tcp("public")
    m.tcp("public")
    refused(suite, "apid", m, 78, "more than one socket for public")
    m = Manager(suite)
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.bind(("127.0.0.1", 0))
    m.sockets.append(("public", s))
    refused(suite, "apid", m, 78, "no listening stream socket")
    # meant for another process: not ours
    m = Manager(suite)
    m.tcp("publc")
    p = m.start("apid", env={"LISTEN_FDS": "x"})
    adopt(suite, "apid", p)
    m.wait_for("READY=1")
    suite.wait_ready()
    suite.kill("apid", signal.SIGTERM)
    m.close()
    suite.start("apid")


def code_of(suite, daemon, *args):
    r = subprocess.run([suite.program("mastkeeper-" + daemon), *args],
                       capture_output=True, text=True,
                       stdin=subprocess.DEVNULL, timeout=60 * PATIENCE)
    return r.returncode, r.stderr


def test_exit_codes(suite):
    """64 usage, 78 configuration, 69 unavailable; --test judges only."""
    bad = os.path.join(suite.dir, "bad.conf")
    with open(bad, "w") as f:
        f.write("[suite]\nlog_level = loud\n")
    for daemon in mast.DAEMONS:
        tap.equal(code_of(suite, daemon, "--nonsense")[0], 64)
        tap.equal(code_of(suite, daemon, "extra")[0], 64)
        code, err = code_of(suite, daemon, "-f", bad)
        tap.equal(code, 78, daemon)
        tap.contains(err, "log_level")
        tap.equal(code_of(suite, daemon, "-f", bad + ".no")[0], 78)
        tap.equal(code_of(suite, daemon, "-t", "-f", bad)[0], 78)
        # it runs already, and a test of the configuration minds nothing
        tap.equal(code_of(suite, daemon, "-t", "-f", suite.conf), (0, ""))
        code, err = code_of(suite, daemon, "-f", suite.conf)
        tap.equal(code, 69, daemon + ": " + err)


def test_metrics_page(suite):
    """Every metric is in mastkeeper-metrics(7), and nothing else is."""
    wait_until(lambda: any(k.startswith("mast_hubd_")
                           for k in suite.metrics()), 20, "hubd's metrics")
    wait_until(lambda: any(k.startswith("mast_aid_")
                           for k in suite.metrics()), 20, "aid's metrics")
    have = {k.split("{")[0] for k in suite.metrics()}
    with open(os.path.join(mast.SRC, "man",
                           "mastkeeper-metrics.7")) as f:
        said = {line.split()[2] for line in f
                if line.startswith(".It Ic mast_")}
    tap.equal(sorted(have - said), [], "metrics that the page lacks")
    # apid speaks no TLS here
    tap.equal(sorted(said - have), [
        "mast_apid_certificate_fault",
        "mast_apid_certificate_not_after_seconds"],
        "metrics of the page that are not there")


def test_message_ids(suite):
    """The same table in all three, and each id is in the catalog once."""
    out = {subprocess.check_output([suite.program("mastkeeper-" + d),
                                    "--message-ids"], text=True)
           for d in mast.DAEMONS}
    tap.equal(len(out), 1, "tables")
    ours = {line.split()[0] for line in out.pop().splitlines()}
    with open(os.path.join(mast.SRC, "packaging", "catalog",
                           "mastkeeper.catalog")) as f:
        listed = [line.split()[1] for line in f if line.startswith("-- ")]
    tap.equal(sorted(listed), sorted(ours), "ids of the catalog")


if __name__ == "__main__":
    mast.main(sys.modules[__name__], nodes=0)
