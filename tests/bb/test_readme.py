#!/usr/bin/python3
"""The README's lines, as written, against a running installation."""
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import mast     # noqa: E402
import tap      # noqa: E402


def blocks():
    with open(os.path.join(mast.SRC, "README.md")) as f:
        return re.findall(r"^```sh\n(.*?)^```$", f.read(), re.M | re.S)


def test_blocks(s):
    """every sh block of the README runs, in order, in one shell"""
    found = blocks()
    assert len(found) >= 8, "only %d blocks" % len(found)
    mast.wait_until(lambda: s.ctl("node", "show", "sim-001", json_out=True)
                    ["status"] == "online", 15, "the simulated node")
    script = ". %s/env\n" % s.state + "\n".join(
        "echo '=== %d'\n%s" % (i, b) for i, b in enumerate(found))
    r = subprocess.run(["sh", "-eu"], input=script, text=True,
                       capture_output=True, timeout=120)
    if r.returncode != 0:
        raise AssertionError("exit %d\n%s\n%s" % (
            r.returncode, r.stdout[-3000:], r.stderr))
    out = r.stdout
    tap.contains(out, "edge-sydney-02", "the renamed node")
    tap.contains(out, '"status":404', "the deleted node is gone")
    tap.contains(out, "registration_token")
    tap.contains(out, "mast_apid_")
    tap.contains(out, "aid     running")


def test_no_other_curl(s):
    """no curl line of the README stands outside of those blocks"""
    with open(os.path.join(mast.SRC, "README.md")) as f:
        rest = re.sub(r"^```sh\n.*?^```$", "", f.read(), flags=re.M | re.S)
    tap.equal(re.findall(r"^[ \t|]*curl .*$", rest, re.M), [])


def first_screen(p):
    """What quickstart prints for a person, up to its last line."""
    out = ""
    while "Ctrl-C stops everything" not in out:
        line = p.stdout.readline()
        if not line:
            raise AssertionError("quickstart ended: " + out)
        out += line
    return out


def test_newcomer(s):
    """quickstart for a person: its lines work as printed, Ctrl-C stops all"""
    state = os.path.join(s.dir, "n")
    p = subprocess.Popen(
        [os.path.join(mast.SRC, "quickstart"), "--build", s.build,
         "--state", state, "--port", "0", "--node-port", "0"],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True, start_new_session=True,
        # A shell cannot trap what was ignored when it began, as it is
        # below a job in the background.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))
    pids = []
    try:
        out = first_screen(p)
        run = os.path.join(state, "run")
        for x in os.listdir(run):
            if x.endswith(".pid"):
                with open(os.path.join(run, x)) as f:
                    pids.append(int(f.read()))
        tap.equal(len(pids), 4, "daemons and the simulated node")
        script = out.split("then list the nodes:", 1)[1].rsplit(
            "Ctrl-C", 1)[0]
        tap.equal(script.count("curl "), 2, "curl lines")
        r = subprocess.run(["sh", "-eu"], input=script, text=True,
                           capture_output=True, timeout=60)
        tap.equal((r.returncode, r.stderr), (0, ""))
        tap.contains(r.stdout, "csrf_token")
        tap.contains(r.stdout, "first-node")
    finally:
        p.send_signal(signal.SIGINT)
        _, err = p.communicate(timeout=60 * mast.PATIENCE)
    tap.equal((p.returncode, err), (0, ""))
    assert not any(mast.alive(pid) for pid in pids), "left running"
    assert not os.path.exists(os.path.join(state, "db", "postmaster.pid"))


def test_programs(s):
    """the options that the README names print something"""
    for name, option in (("mastkeeper-apid", "--routes"),
                         ("mastkeeper-apid", "--messages"),
                         ("mastkeeper-apid", "--statements"),
                         ("mastkeeper-apid", "--config-keys"),
                         ("mastkeeper-hubd", "--protocol"),
                         ("mastkeeper-hubd", "--config-keys"),
                         ("mastkeeper-aid", "--config-keys")):
        r = subprocess.run([s.program(name), option], text=True,
                           capture_output=True, timeout=20)
        tap.equal(r.returncode, 0, name + option)
        assert len(r.stdout) > 100, name + option


def test_ready_line(s):
    """the line of quickstart --json has all that scripts need"""
    for member in ("url", "node_url", "admin", "cert", "state", "conf",
                   "pids", "metrics_url", "privilege_separation"):
        assert member in s.info, member
    tap.equal(set(s.info["pids"]), {"apid", "hubd", "aid", "postgres",
                                    "nodesim"})
    tap.equal(s.info["privilege_separation"], os.getuid() == 0)
    json.dumps(s.info)


def test_separation(s):
    """as root each daemon runs under an account of its own"""
    if os.getuid() != 0:
        return
    uids = {}
    for name in mast.DAEMONS:
        with open("/proc/%d/status" % s.pids[name]) as f:
            text = f.read()
        uids[name] = re.search(r"^Uid:\s+(.*)$", text, re.M).group(1)
        tap.equal(len(set(uids[name].split())), 1, "all four ids")
        tap.equal(re.search(r"^CapEff:\s+(\w+)", text, re.M).group(1),
                  "0" * 16, name + " capabilities")
        tap.equal(re.search(r"^NoNewPrivs:\s+(\d)", text, re.M).group(1),
                  "1", name)
        tap.equal(re.search(r"^Seccomp:\s+(\d)", text, re.M).group(1), "2",
                  name + " seccomp")
    tap.equal(len(set(uids.values())), 3, "three accounts")
    assert "0" not in " ".join(uids.values()).split()


def test_unprivileged(s):
    """without root one account plays all roles, and says so"""
    nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
    if os.getuid() != 0:
        tap.equal(s.info["privilege_separation"], False)
        return
    if subprocess.run(nobody + ["test", "-r", os.path.join(
            mast.SRC, "quickstart")]).returncode != 0:
        print("# the source tree is not readable for others")
        return
    base = tempfile.mkdtemp(prefix="mq", dir="/tmp")
    os.chown(base, 65534, 65534)
    p = subprocess.Popen(
        nobody + [os.path.join(mast.SRC, "quickstart"), "--json", "--build",
                  s.build, "--state", base + "/s", "--port", "0",
                  "--node-port", "0"], cwd="/", text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    line = p.stdout.readline()
    if not line:
        raise AssertionError(p.stderr.read())
    info = json.loads(line)
    tap.equal(info["privilege_separation"], False)
    r = subprocess.run(nobody + [s.program("mastctl"), "-f", info["conf"],
                                 "--json", "status"], text=True, cwd="/",
                       capture_output=True)
    tap.equal(json.loads(r.stdout)["running"], 3)
    p.terminate()
    text = p.communicate(timeout=60)[1]
    tap.equal(p.returncode, 0, text)
    tap.equal([x for x in info["pids"].values() if mast.alive(x)], [])
    shutil.rmtree(base)


if __name__ == "__main__":
    mast.main(sys.modules[__name__], nodes=1)
